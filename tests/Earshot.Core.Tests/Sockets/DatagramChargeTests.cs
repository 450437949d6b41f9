using System;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>Datagrams that a link is not done with. Costs and limits are the host kernel's (docs/linux-facts.md; it is
/// asked the same by the host tests).</summary>
public sealed class DatagramChargeTests : IDisposable
{
    private const int OfEach = 1280;
    private readonly NetworkStack _stack = new(
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Addresses = [InterfaceAddress.Parse("10.9.0.1/24")],
                    Offload = InterfaceOffload.Completion,
                },
            ],
        },
        Instant.FromSeconds(10));

    private readonly byte[] _peer = [2, 0, 0x13, 0x88, 10, 9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];

    private SocketCalls Calls => _stack.Calls;

    public void Dispose() => _stack.Dispose();

    [Fact]
    public void A_full_send_buffer_refuses_until_packets_have_left()
    {
        int fd = Calls.Socket(2, 2, 0);
        Calls.SetSocketOption(fd, 1, 7, [0, 9, 0, 0]);
        for (int i = 1; i <= 4; i++)
        {
            Assert.Equal(500, Calls.SendTo(fd, new byte[500], 0, _peer));
            Assert.Equal(i * OfEach, Unsent(fd));
            Assert.Equal(i == 1 ? 0x304 : 0, Calls.Poll(fd) & 0x304);
        }

        Assert.Equal(-Errno.EAGAIN, Calls.SendTo(fd, new byte[500], 0, _peer));
        Assert.Equal(1, _stack.Mib[Counter.UdpSndbufErrors]);
        while (_stack.TryTransmit(out _))
        {
        }

        Assert.Equal(4 * OfEach, Unsent(fd));
        _stack.CompleteTransmissions(2, 3, _stack.Now);
        Assert.Equal(OfEach, Unsent(fd));
        Assert.Equal(0x304, Calls.Poll(fd) & 0x304);
        _stack.CompleteTransmissions(2, 1, _stack.Now);
        Assert.Equal(0, Unsent(fd));
    }

    [Fact]
    public void What_a_closed_socket_left_in_the_link_is_nobody_s()
    {
        int fd = Calls.Socket(2, 2, 0);
        Assert.Equal(3000, Calls.SendTo(fd, new byte[3000], 0, _peer));
        Assert.Equal(2304 + 2304 + 832, Unsent(fd));
        Calls.Close(fd);
        while (_stack.TryTransmit(out _))
        {
        }

        _stack.CompleteTransmissions(2, 3, _stack.Now);
        _stack.CheckInvariants();
    }

    private int Unsent(int fd)
    {
        int value = -1;
        Assert.Equal(0, Calls.IoControl(fd, 0x5411, ref value));
        return value;
    }
}
