using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>epoll, as eventpoll.c has it; each order and errno was seen on the host kernel 6.18.</summary>
[Trait("Linux", "ep_poll_callback")]
public sealed class EpollTests : HostTest
{
    private const int Add = 1;
    private const int Delete = 2;
    private const int Modify = 3;
    private const uint In = 1;
    private const uint Out = 4;
    private const uint Edge = 1u << 31;
    private const uint Once = 1u << 30;
    private const uint Exclusive = 1u << 28;

    private Core.Sockets.SocketCalls Calls => Host.Calls;

    [Fact]
    public void A_fresh_socket_is_writable_and_hung_up()
    {
        int epoll = Calls.EpollCreate();
        int fd = Calls.Socket(2, 1, 0);
        Assert.Equal(0, Calls.EpollControl(epoll, Add, fd, new EpollEvent(In | Out, 7)));
        Assert.Equal([new EpollEvent(0x14, 7)], Wait(epoll));
    }

    [Fact]
    public void Errors_come_in_the_kernels_order()
    {
        int epoll = Calls.EpollCreate();
        int fd = Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, Calls.EpollCreate(1));
        Assert.Equal(-Errno.EBADF, Calls.EpollControl(99, Add, fd, default));
        Assert.Equal(-Errno.EBADF, Calls.EpollControl(epoll, Add, 99, default));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(fd, Add, epoll, default));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(epoll, Add, epoll, default));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(epoll, 9, fd, default));
        Assert.Equal(-Errno.ENOENT, Calls.EpollControl(epoll, Delete, fd, default));
        Assert.Equal(-Errno.ENOENT, Calls.EpollControl(epoll, Modify, fd, default));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(epoll, Add, fd, new EpollEvent(Exclusive | Once | In, 0)));
        Assert.Equal(0, Calls.EpollControl(epoll, Add, fd, new EpollEvent(Exclusive | In, 0)));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(epoll, Modify, fd, new EpollEvent(In, 0)));
        Assert.Equal(-Errno.EEXIST, Calls.EpollControl(epoll, Add, fd, new EpollEvent(In, 0)));
        Assert.Equal(-Errno.EINVAL, Calls.EpollWait(epoll, new EpollEvent[1], 0));
        Assert.Equal(-Errno.EINVAL, Calls.EpollWait(fd, new EpollEvent[1], 1));
        Assert.Equal(-Errno.EBADF, Calls.EpollWait(99, new EpollEvent[1], 1));
        Assert.Equal(-Errno.ENOTSOCK, Calls.Listen(epoll, 1));
    }

    [Fact]
    [Trait("Linux", "ep_loop_check")]
    public void An_epoll_tells_of_another_as_long_as_that_has_something_to_tell()
    {
        int inner = Calls.EpollCreate();
        int outer = Calls.EpollCreate();
        Assert.Equal(0, Calls.EpollControl(outer, Add, inner, new EpollEvent(In | Edge, 5)));
        Assert.Empty(Wait(outer));
        int fd = Ready(inner, 7);
        Assert.Equal([new EpollEvent(In, 5)], Wait(outer));
        Assert.Empty(Wait(outer));
        Assert.Equal([7ul], Wait(inner).Select(e => e.Data));
        Assert.Equal(0, Calls.EpollControl(outer, Modify, inner, new EpollEvent(In, 5)));
        Assert.Equal([5ul], Wait(outer).Select(e => e.Data));
        Assert.Equal(0, Calls.EpollControl(inner, Delete, fd, default));
        Assert.Empty(Wait(outer));
        Assert.Equal(0, Calls.Close(inner));
        Assert.Equal(-Errno.EBADF, Calls.EpollControl(outer, Delete, inner, default));
    }

    [Fact]
    [Trait("Linux", "reverse_path_check")]
    public void Five_epolls_may_stand_in_a_row_and_none_in_a_circle()
    {
        int[] row = [.. Enumerable.Range(0, 6).Select(_ => Calls.EpollCreate())];
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(0, Calls.EpollControl(row[i], Add, row[i + 1], new EpollEvent(In, 0)));
        }

        Assert.Equal(-Errno.ELOOP, Calls.EpollControl(row[4], Add, row[5], new EpollEvent(In, 0)));
        Assert.Equal(-Errno.ELOOP, Calls.EpollControl(row[5], Add, row[0], new EpollEvent(In, 0)));
        Assert.Equal(-Errno.ELOOP, Calls.EpollControl(row[2], Add, row[0], new EpollEvent(In, 0)));
        Assert.Equal(-Errno.EINVAL, Calls.EpollControl(row[3], Add, row[5], new EpollEvent(In | Exclusive, 0)));
        Ready(row[4], 9);
        Assert.Single(Wait(row[0]));
    }

    [Fact]
    public void A_level_triggered_item_goes_to_the_end_of_the_list_when_it_is_told()
    {
        int epoll = Calls.EpollCreate();
        int[] pairs = [.. Enumerable.Range(0, 4).Select(i => Ready(epoll, (ulong)i))];
        Assert.Equal([0ul, 1], Wait(epoll, 2).Select(e => e.Data));
        Assert.Equal([2ul, 3], Wait(epoll, 2).Select(e => e.Data));
        Assert.Equal([0ul, 1], Wait(epoll, 2).Select(e => e.Data));
        Calls.Close(pairs[2]);
        Assert.Equal([3ul, 0, 1], Wait(epoll).Select(e => e.Data));
    }

    [Fact]
    public void One_shot_tells_once_until_it_is_changed()
    {
        int epoll = Calls.EpollCreate();
        int fd = Ready(epoll, 1, In | Once);
        Assert.Single(Wait(epoll));
        Assert.Empty(Wait(epoll));
        Assert.Equal(0, Calls.EpollControl(epoll, Modify, fd, new EpollEvent(In | Once, 2)));
        Assert.Equal([new EpollEvent(0x10, 2)], Wait(epoll));
    }

    [Fact]
    public void An_edge_is_told_once_and_again_after_a_change_of_interest()
    {
        int epoll = Calls.EpollCreate();
        int fd = Ready(epoll, 1, In | Edge);
        Assert.Single(Wait(epoll));
        Assert.Empty(Wait(epoll));
        Assert.Equal(0, Calls.EpollControl(epoll, Modify, fd, new EpollEvent(Out | Edge, 3)));
        Assert.Equal([new EpollEvent(0x14, 3)], Wait(epoll));
    }

    [Fact]
    public void A_connection_wakes_one_of_the_exclusive_waiters_and_all_plain_ones()
    {
        int listener = Host.Listen();
        int[] exclusive = [.. Enumerable.Range(0, 4).Select(_ => Calls.EpollCreate())];
        int plain = Calls.EpollCreate();
        foreach (int epoll in exclusive)
        {
            Assert.Equal(0, Calls.EpollControl(epoll, Add, listener, new EpollEvent(In | Exclusive, 0)));
            Assert.Empty(Wait(epoll));
        }

        Assert.Equal(0, Calls.EpollControl(plain, Add, listener, new EpollEvent(In, 0)));
        Assert.Empty(Wait(plain));
        Connect();
        Assert.Single(Wait(plain));
        Assert.Equal([1, 0, 0, 0], exclusive.Select(epoll => Wait(epoll).Length));
        Connect();
        Assert.Equal([1, 1, 0, 0], exclusive.Select(epoll => Wait(epoll).Length));
    }

    [Fact]
    public void An_epoll_can_be_polled()
    {
        int epoll = Calls.EpollCreate();
        Assert.Equal(0, Calls.Poll(epoll));
        int fd = Ready(epoll, 1);
        Assert.Equal(0x41, Calls.Poll(epoll));
        Calls.Close(fd);
        Assert.Equal(0, Calls.Poll(epoll));
    }

    private void Connect()
    {
        int fd = Calls.Socket(2, 1, 0);
        Calls.Connect(fd, new InetEndpoint(InetAddress.Loopback, TestHost.Port));
    }

    private int Ready(int epoll, ulong data, uint events = In | Out)
    {
        int fd = Calls.Socket(2, 1, 0);
        Assert.Equal(0, Calls.EpollControl(epoll, Add, fd, new EpollEvent(events, data)));
        return fd;
    }

    private EpollEvent[] Wait(int epoll, int most = 16)
    {
        var events = new EpollEvent[most];
        int count = Calls.EpollWait(epoll, events, most);
        Assert.True(count >= 0);
        return events[..count];
    }
}
