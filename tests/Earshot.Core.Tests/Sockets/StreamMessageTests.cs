using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>Flags, control messages, requests and the error queue of streams; each answer was seen on the host kernel
/// 6.18.</summary>
public sealed class StreamMessageTests : HostTest
{
    private const int Peek = 0x2;
    private const int Cut = 0x20;
    private const int ErrorQueue = 0x2000;
    private const int ZeroCopy = 0x4000000;
    private const uint InputQueue = 0x541B;
    private const uint OutputQueue = 0x5411;
    private const uint NotSent = 0x894B;

    private Core.Sockets.SocketCalls Calls => Host.Calls;

    [Fact]
    [Trait("Linux", "tcp_recvmsg_locked")]
    public void Peeking_leaves_the_bytes_and_cutting_throws_them_away()
    {
        (int client, int server) = Connect();
        Calls.Send(client, "abcdefgh"u8);
        Assert.Equal("abc", Read(server, 3, Peek));
        Assert.Equal(3, Calls.Receive(server, new byte[3], Peek | Cut));
        Assert.Equal(3, Calls.Receive(server, new byte[3], Cut));
        Assert.Equal("defgh", Read(server, 9, 0));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(server, default, 0));
        Assert.Equal(0, Calls.Receive(server, default));
        Calls.Send(client, "x"u8);
        Assert.Equal(0, Calls.Receive(server, default, 0));
    }

    [Fact]
    [Trait("Linux", "sk_peek_offset")]
    public void A_peek_offset_moves_with_peeks_and_reads()
    {
        (int client, int server) = Connect();
        Calls.Send(client, "abcdefghij"u8);
        Set(server, 1, 42, 2);
        Assert.Equal("cde", Read(server, 3, Peek));
        Assert.Equal("fgh", Read(server, 3, Peek));
        Assert.Equal(8, Get(server, 1, 42));
        Assert.Equal("abcd", Read(server, 4, 0));
        Assert.Equal(4, Get(server, 1, 42));
        Assert.Equal("ij", Read(server, 9, Peek));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(server, new byte[1], Peek));
    }

    [Fact]
    [Trait("Linux", "tcp_ioctl")]
    public void Requests_tell_the_queues()
    {
        (int client, int server) = Connect();
        int listener = Host.Listen(port: 81);
        Calls.Send(client, "abcdef"u8);
        Assert.Equal((0, 6), Control(server, InputQueue));
        Assert.Equal((0, 0), Control(client, OutputQueue));
        Assert.Equal((0, 0), Control(client, NotSent));
        Assert.Equal(-Errno.EINVAL, Control(listener, InputQueue).Result);
        Assert.Equal(-Errno.ENOTTY, Control(client, 1).Result);
        Assert.Equal(-Errno.ENOTTY, Control(Calls.Socket(2, 2, 0), NotSent).Result);
        Assert.Equal(-Errno.EBADF, Control(99, InputQueue).Result);
    }

    [Fact]
    [Trait("Linux", "tcp_inq_hint")]
    public void The_length_of_the_queue_comes_with_a_read()
    {
        (int client, int server) = Connect();
        Set(server, 6, 36, 1);
        Calls.Send(client, "abcdef"u8);
        var message = new IncomingMessage { Data = new byte[2], Control = new byte[64] };
        Assert.Equal(2, Calls.ReceiveMessage(server, ref message));
        Assert.Equal([(6, 36, 4)], Messages(message));
        Calls.Close(client);
        message = new IncomingMessage { Data = new byte[9], Control = new byte[64] };
        Assert.Equal(4, Calls.ReceiveMessage(server, ref message));
        Assert.Equal([(6, 36, 1)], Messages(message));
    }

    [Fact]
    [Trait("Linux", "msg_zerocopy_realloc")]
    public void Zero_copy_sends_complete_as_copied_in_one_range()
    {
        (int client, _) = Connect();
        Calls.Send(client, new byte[3], ZeroCopy);
        Assert.Equal(0x104, Calls.Poll(client));
        Set(client, 1, 60, 1);
        Calls.Send(client, new byte[3000], ZeroCopy);
        Calls.Send(client, default, ZeroCopy);
        Calls.Send(client, new byte[3000], ZeroCopy);
        Assert.Equal(0x10c, Calls.Poll(client));
        var message = new IncomingMessage { Control = new byte[64] };
        Assert.Equal(0, Calls.ReceiveMessage(client, ref message, ErrorQueue));
        Assert.Equal("00000000050001000000000001000000" + new string('0', 32), Hex(message.Control[16..48]));
        Assert.Equal(0x104, Calls.Poll(client));
        Assert.Equal(-Errno.EAGAIN, Calls.ReceiveMessage(client, ref message, ErrorQueue));
    }

    [Fact]
    [Trait("Linux", "tcp_tx_timestamp")]
    public void Times_of_sending_are_numbered_by_the_last_byte()
    {
        (int client, _) = Connect();
        Set(client, 1, 37, 0x2 | 0x10 | 0x80 | 0x100 | 0x200 | 0x800);
        Calls.Send(client, "hello"u8);
        Calls.Send(client, new byte[10]);
        var seen = new List<(uint Kind, uint Key)>();
        while (true)
        {
            var message = new IncomingMessage { Control = new byte[256] };
            if (Calls.ReceiveMessage(client, ref message, ErrorQueue) < 0)
            {
                break;
            }

            // The time first, then what it is of.
            Assert.Equal(64 + 48, message.ControlLength);
            Assert.Equal(
                Host.Now.Nanoseconds / 1_000_000_000, BinaryPrimitives.ReadInt64LittleEndian(message.Control[16..]));
            ReadOnlySpan<byte> error = message.Control[80..];
            Assert.Equal(42, BinaryPrimitives.ReadInt32LittleEndian(error));
            Assert.Equal(4, error[4]);
            seen.Add((BinaryPrimitives.ReadUInt32LittleEndian(error[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(error[12..])));
        }

        Assert.Equal([(1, 4), (0, 4), (2, 4), (1, 14), (0, 14), (2, 14)], seen.Select(s => ((int)s.Kind, (int)s.Key)));
    }

    [Fact]
    [Trait("Linux", "__sock_cmsg_send")]
    public void Control_messages_of_a_stream_are_judged_only_at_the_socket_level()
    {
        (int client, _) = Connect();
        Assert.Equal(1, SendWith(client, Message(0, 1, 4)));
        Assert.Equal(1, SendWith(client, Message(1, 1, 4)));
        Assert.Equal(1, SendWith(client, Message(1, 36, 4)));
        Assert.Equal(1, SendWith(client, new byte[8]));
        Assert.Equal(-Errno.EINVAL, SendWith(client, Message(1, 99, 4)));
        Assert.Equal(-Errno.EINVAL, SendWith(client, Message(1, 36, 3)));
        Assert.Equal(-Errno.EINVAL, SendWith(client, Message(1, 37, 4, value: 0x10)));
        byte[] tooLong = Message(0, 1, 4);
        tooLong[0] = 99;
        Assert.Equal(-Errno.EINVAL, SendWith(client, tooLong));
    }

    [Fact]
    public void What_cannot_be_read_or_written_is_a_fault_and_moves_nothing()
    {
        (int client, int server) = Connect();
        Assert.Equal(
            -Errno.EFAULT, Calls.SendMessage(client, new OutgoingMessage { Data = new byte[4], Unreadable = 1 }));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(server, new byte[9]));
        Calls.Send(client, "abcd"u8);
        var message = new IncomingMessage { Unwritable = 2 };
        Assert.Equal(-Errno.EFAULT, Calls.ReceiveMessage(server, ref message));
        message = new IncomingMessage { Data = new byte[3], Unwritable = 2 };
        Assert.Equal(3, Calls.ReceiveMessage(server, ref message));
        message = new IncomingMessage { Unwritable = 2 };
        Assert.Equal(1, Calls.ReceiveMessage(server, ref message, Cut));
    }

    [Fact]
    [Trait("Linux", "do_fcntl")]
    public void Flags_of_files_are_kept()
    {
        int fd = Calls.Socket(2, 1 | 0x800, 0);
        Assert.Equal(0x802, Calls.FileControl(fd, 3));
        Assert.Equal(0, Calls.FileControl(fd, 4, 0x2));
        Assert.Equal(2, Calls.FileControl(fd, 3));
        Assert.Equal((0, 1), Control(fd, 0x5421, 1));
        Assert.Equal(0x802, Calls.FileControl(fd, 3));
        Assert.Equal(-Errno.EINVAL, Calls.FileControl(fd, 4, 0x4000));
        Assert.Equal(-Errno.EBADF, Calls.FileControl(77, 3));
        Assert.Equal(0, Calls.FileControl(fd, 1));
    }

    [Fact]
    [Trait("Linux", "__inet_stream_connect")]
    public void Names_are_judged_by_length_then_family()
    {
        int fd = Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, Calls.Connect(fd, default(ReadOnlySpan<byte>)));
        Assert.Equal(-Errno.EINVAL, Calls.Connect(fd, [2]));
        Assert.Equal(0, Calls.Connect(fd, [0, 0]));
        Assert.Equal(-Errno.EINVAL, Calls.Connect(fd, new byte[129]));
        Assert.Equal(-Errno.EINVAL, Calls.Connect(fd, [2, 0, .. new byte[13]]));
        Assert.Equal(-Errno.EAFNOSUPPORT, Calls.Connect(fd, [10, 0, .. new byte[14]]));
        int six = Calls.Socket(10, 1, 0);
        Assert.Equal(-Errno.EINVAL, Calls.Connect(six, [2, 0, .. new byte[14]]));
        Assert.Equal(-Errno.EINVAL, Calls.Bind(six, [10, 0, .. new byte[21]]));
        Assert.Equal(0, Calls.Bind(six, [10, 0, .. new byte[22]]));
        var name = new byte[28];
        int length = 8;
        Assert.Equal(0, Calls.GetSocketName(six, name, ref length));
        Assert.Equal(28, length);
        length = -1;
        Assert.Equal(-Errno.EINVAL, Calls.GetSocketName(six, name, ref length));
    }

    private (int Client, int Server) Connect()
    {
        int listener = Host.Listen();
        int client = Calls.Socket(2, 1, 0);
        var here = new InetEndpoint(InetAddress.Loopback, TestHost.Port);
        Assert.Equal(-Errno.EINPROGRESS, Calls.Connect(client, here));
        Assert.Equal(0, Calls.Connect(client, here));
        return (client, Calls.Accept(listener, out _));
    }

    private static byte[] Message(int level, int type, int length, int value = 0)
    {
        var message = new byte[24];
        BinaryPrimitives.WriteInt32LittleEndian(message, 16 + length);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), level);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), type);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(16), value);
        return message;
    }

    private static (int Level, int Type, int Value)[] Messages(in IncomingMessage message)
    {
        var found = new List<(int, int, int)>();
        ReadOnlySpan<byte> rest = message.Control[..message.ControlLength];
        while (rest.Length >= 16)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            found.Add((BinaryPrimitives.ReadInt32LittleEndian(rest[8..]),
                BinaryPrimitives.ReadInt32LittleEndian(rest[12..]),
                BinaryPrimitives.ReadInt32LittleEndian(rest[16..])));
            rest = rest[Math.Min((length + 7) & ~7, rest.Length)..];
        }

        return [.. found];
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private int SendWith(int fd, byte[] control) =>
        Calls.SendMessage(fd, new OutgoingMessage { Data = new byte[1], Control = control });

    private (int Result, int Value) Control(int fd, uint request, int value = 0) =>
        (Calls.IoControl(fd, request, ref value), value);

    private string Read(int fd, int length, int flags)
    {
        var bytes = new byte[length];
        int count = Calls.Receive(fd, bytes, flags);
        return Encoding.ASCII.GetString(bytes, 0, Math.Max(count, 0));
    }

    private int Get(int fd, int level, int name)
    {
        var value = new byte[4];
        int length = 4;
        Assert.Equal(0, Calls.GetSocketOption(fd, level, name, value, ref length));
        return BitConverter.ToInt32(value);
    }

    private void Set(int fd, int level, int name, int value) =>
        Assert.Equal(0, Calls.SetSocketOption(fd, level, name, BitConverter.GetBytes(value)));
}
