using System;
using System.Buffers.Binary;
using System.Text;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>TCP_MD5SIG; each errno, counter and layout was seen on the host kernel 6.18.</summary>
[Trait("Linux", "tcp_inbound_hash")]
public sealed class SegmentKeyTests
{
    private const int Signature = 14;

    [Fact]
    public void Two_hosts_with_the_same_key_speak_and_others_do_not()
    {
        using var pair = new Pair();
        int listener = pair.Listen();
        Assert.Equal(0, Set(pair.B, listener, "10.0.0.1", "secret"));
        int a = Connect(pair, "secret");
        Assert.True(pair.B.Calls.Accept(listener, out _) is var b && b > 0);
        Assert.Equal(20000, pair.A.Calls.Send(a, new byte[20000]));
        pair.Run(1);
        var bytes = new byte[20000];
        int read = 0;
        while (read < bytes.Length && pair.B.Calls.Receive(b, bytes.AsSpan(read)) is var count && count > 0)
        {
            read += count;
            pair.Run(0.1);
        }

        Assert.Equal(bytes.Length, read);
        Assert.Equal(0, pair.B.Mib[Counter.TcpExtTCPMD5Failure] + pair.A.Mib[Counter.TcpExtTCPMD5Failure]);
        Assert.Equal(0, pair.A.Mib[Counter.TcpRetransSegs]);

        Connect(pair, "other");
        Assert.Equal(1, pair.B.Mib[Counter.TcpExtTCPMD5Failure]);
        Connect(pair, null);
        Assert.Equal(1, pair.B.Mib[Counter.TcpExtTCPMD5NotFound]);
        Assert.Equal(0, Set(pair.B, listener, "10.0.0.1", ""));
        Connect(pair, "secret");
        Assert.Equal(1, pair.B.Mib[Counter.TcpExtTCPMD5Unexpected]);
        Assert.Equal(0, pair.B.Mib[Counter.TcpOutRsts]);
        Assert.Equal(-Errno.EAGAIN, pair.B.Calls.Accept(listener, out _));
    }

    [Fact]
    public void Keys_are_judged_as_linux_judges_them()
    {
        using var host = new TestHost();
        int fd = host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, host.Calls.SetSocketOption(fd, 6, Signature, new byte[215]));
        Assert.Equal(-Errno.EINVAL, host.Calls.SetSocketOption(fd, 6, Signature, new byte[216]));
        byte[] tooLong = Key("10.0.0.2", "x");
        tooLong[130] = 81;
        Assert.Equal(-Errno.EINVAL, host.Calls.SetSocketOption(fd, 6, Signature, tooLong));
        Assert.Equal(-Errno.ENOENT, Set(host.Stack, fd, "10.0.0.2", ""));
        Assert.Equal(0, Set(host.Stack, fd, "10.0.0.2", "x"));
        Assert.Equal(0, Set(host.Stack, fd, "10.0.0.2", ""));
        byte[] prefix = Key("10.0.0.0", "x");
        prefix[128] = 1;
        prefix[129] = 33;
        Assert.Equal(-Errno.EINVAL, host.Calls.SetSocketOption(fd, 6, 32, prefix));
        prefix[129] = 8;
        Assert.Equal(0, host.Calls.SetSocketOption(fd, 6, 32, prefix));
        int length = 216;
        Assert.Equal(-Errno.ENOPROTOOPT, host.Calls.GetSocketOption(fd, 6, Signature, new byte[216], ref length));
    }

    private static int Connect(Pair pair, string? key)
    {
        int fd = pair.A.Calls.Socket(2, 1, 0);
        if (key is not null)
        {
            Assert.Equal(0, Set(pair.A, fd, "10.0.0.2", key));
        }

        pair.A.Calls.Connect(fd, new InetEndpoint(InetAddress.Parse("10.0.0.2"), Pair.Port));
        pair.Run(0.1);
        return fd;
    }

    private static int Set(NetworkStack stack, int fd, string peer, string key) =>
        stack.Calls.SetSocketOption(fd, 6, Signature, Key(peer, key));

    private static byte[] Key(string peer, string key)
    {
        var bytes = new byte[216];
        bytes[0] = 2;
        InetAddress.Parse(peer).Write(bytes.AsSpan(4));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(130), (ushort)key.Length);
        Encoding.ASCII.GetBytes(key).CopyTo(bytes, 136);
        return bytes;
    }
}
