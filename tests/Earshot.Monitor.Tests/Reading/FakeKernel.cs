using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using Earshot.Monitor.Native;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Tests.Reading;

/// <summary>Answers sock_diag's questions over datagrams as a kernel would that the tests cannot have: an old one, or
/// one whose table changes at the worst moment.</summary>
internal sealed class FakeKernel : IDisposable
{
    private const ushort Row = 20, Error = 2, Done = 3;
    private const ushort Multi = 2, Interrupted = 0x10;

    private readonly string _folder = Directory.CreateTempSubdirectory("earmon").FullName;
    private readonly List<Socket> _ends = [];

    public FakeKernel() => Reader = new NamespaceReader(
        new NetNamespace(7, null, "fake", null), new SockDiag(Open(), Open(), Open()));

    public NamespaceReader Reader { get; }

    /// <summary>The rows of a dump of TCP listeners, IPv4.</summary>
    public IReadOnlyList<byte[]> Listeners { get; set; } = [];

    /// <summary>The rows of a dump of unix listeners.</summary>
    public IReadOnlyList<byte[]> Unix { get; set; } = [];

    /// <summary>What an exact query gives; null for ENOENT.</summary>
    public byte[]? Exact { get; set; }

    /// <summary>How many of the next dumps are marked as interrupted.</summary>
    public int InterruptedDumps { get; set; }

    /// <summary>The errnos with which the next dumps are refused.</summary>
    public Queue<int> Refusals { get; } = [];

    /// <summary>How many dumps were asked for.</summary>
    public int Dumps { get; private set; }

    /// <summary>A TCP listener, as the fixed part of a row and attributes.</summary>
    public static byte[] Listener(ulong cookie, ushort port, uint queue, uint limit, params byte[][] attributes)
    {
        byte[] row = new byte[DiagRow.Length];
        row[0] = DiagProtocol.Inet;
        row[1] = (byte)TcpState.Listen;
        BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(4), port);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(44), cookie);
        BinaryPrimitives.WriteUInt32LittleEndian(row.AsSpan(56), queue);
        BinaryPrimitives.WriteUInt32LittleEndian(row.AsSpan(60), limit);
        BinaryPrimitives.WriteUInt32LittleEndian(row.AsSpan(68), 4242);
        return [.. row, .. attributes.SelectMany(one => one)];
    }

    /// <summary>A unix listener with a name and a queue.</summary>
    public static byte[] UnixListener(ulong cookie, string name, uint queue, uint limit)
    {
        byte[] row = new byte[16];
        row[0] = DiagProtocol.Unix;
        row[1] = 1;
        row[2] = (byte)TcpState.Listen;
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(8), cookie);
        byte[] lengths = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(lengths, queue);
        BinaryPrimitives.WriteUInt32LittleEndian(lengths.AsSpan(4), limit);
        return [.. row, .. Attribute(0, Encoding.UTF8.GetBytes(name + "\0")), .. Attribute(4, lengths)];
    }

    /// <summary>SKMEMINFO of nine words, the last of which is sk_drops.</summary>
    public static byte[] Drops(uint drops)
    {
        byte[] words = new byte[36];
        BinaryPrimitives.WriteUInt32LittleEndian(words.AsSpan(32), drops);
        return Attribute(7, words);
    }

    /// <summary>SKMEMINFO of a kernel before 4.9: eight words.</summary>
    public static byte[] OldMemory() => Attribute(7, new byte[32]);

    public static byte[] Attribute(ushort type, byte[] value)
    {
        byte[] attribute = new byte[(4 + value.Length + 3) & ~3];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), type);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    public void Dispose()
    {
        Reader.Dispose();
        _ends.ForEach(end => end.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    private NetlinkSocket Open()
    {
        var ours = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var kernels = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var (here, there) = (new UnixDomainSocketEndPoint(Path.Combine(_folder, $"a{_ends.Count}")),
            new UnixDomainSocketEndPoint(Path.Combine(_folder, $"b{_ends.Count}")));
        ours.Bind(here);
        kernels.Bind(there);
        ours.Connect(there);
        kernels.Connect(here);
        _ends.Add(kernels);
        new Thread(() => Serve(kernels)) { IsBackground = true }.Start();
        int descriptor = (int)ours.SafeHandle.DangerousGetHandle();
        ours.SafeHandle.SetHandleAsInvalid();
        return NetlinkSocket.Of(descriptor);
    }

    private void Serve(Socket socket)
    {
        byte[] request = new byte[8192];
        try
        {
            while (true)
            {
                int length = socket.Receive(request);
                foreach (byte[] datagram in Answer(request.AsSpan(0, length)))
                {
                    socket.Send(datagram);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private List<byte[]> Answer(ReadOnlySpan<byte> request)
    {
        bool isDump = (BinaryPrimitives.ReadUInt16LittleEndian(request[6..]) & 0x300) != 0;
        (byte family, byte protocol) = (request[16], request[17]);
        if (!isDump)
        {
            return [Exact is null ? Message(Error, 0, ErrorCode(-2)) : Message(Row, 0, Exact)];
        }

        Dumps++;
        bool isTcp = family is DiagProtocol.Inet or DiagProtocol.Inet6;
        if (isTcp && protocol == 0)
        {
            // No MPTCP: the attribute is unknown and protocol 0 has no handler.
            return [Message(Error, 0, ErrorCode(-2))];
        }

        if (isTcp && Refusals.TryDequeue(out int refusal))
        {
            return [Message(Error, 0, ErrorCode(-refusal))];
        }

        IReadOnlyList<byte[]> rows = !isTcp ? Unix : family == DiagProtocol.Inet ? Listeners : [];
        bool interrupted = isTcp && InterruptedDumps > 0;
        InterruptedDumps -= interrupted ? 1 : 0;
        ushort flags = (ushort)(Multi | (interrupted ? Interrupted : 0));
        return [.. rows.Select(row => Message(Row, flags, row)), Message(Done, Multi, ErrorCode(0))];
    }

    private static byte[] ErrorCode(int code)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, code);
        return bytes;
    }

    private static byte[] Message(ushort type, ushort flags, byte[] payload)
    {
        byte[] message = new byte[(16 + payload.Length + 3) & ~3];
        BinaryPrimitives.WriteInt32LittleEndian(message, 16 + payload.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), flags);
        payload.CopyTo(message, 16);
        return message;
    }
}
