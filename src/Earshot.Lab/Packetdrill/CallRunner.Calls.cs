using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <content>Each call: its arguments, and what it must leave in them.</content>
internal sealed partial class CallRunner
{
    private const int SockaddrRoom = 128;
    private const int MostBytes = 64 * 1024 * 1024;

    private (int Descriptor, Func<ISocketCalls, long> Work, Action<long> Check) Prepare(CallEvent call)
    {
        IReadOnlyList<Value> args = call.Arguments;
        switch (call.Name)
        {
            case "socket":
                int domain = args[0] is EllipsisValue ? _values.Family : _values.Integer(args[0]);
                int type = _values.Integer(args[1]);
                int protocol = args[2] is EllipsisValue ? 0 : _values.Integer(args[2]);
                return Direct(c => c.Socket(domain, type, protocol));
            case "epoll_create" or "epoll_create1":
                int epollFlags = call.Name == "epoll_create" ? 0 : _values.Integer(args[0]);
                return Direct(c => c.EpollCreate(epollFlags));
            case "poll":
                return Poll(call);
            case "close":
                return Close(call);
        }

        int descriptor = Descriptor(args[0]);
        switch (call.Name)
        {
            case "bind":
                byte[] own = Shortened(_values.Address(args[1], _local, ScriptRun.DefaultPort), args[2]);
                return Direct(c => c.Bind(descriptor, own));
            case "connect":
                byte[] peer = Shortened(_values.Address(args[1], _remote, ScriptRun.DefaultPort), args[2]);
                return (descriptor, c => c.Connect(descriptor, peer), result => Connected(descriptor, result));
            case "listen":
                int backlog = _values.Integer(args[1]);
                return Direct(c => c.Listen(descriptor, backlog));
            case "accept" or "accept4":
                int flags = args.Count > 3 ? _values.Integer(args[3]) : 0;
                return Named(call, descriptor, (c, room) => (c.Accept(descriptor, room, out int n, flags), n));
            case "getsockname":
                return Named(call, NeverOpen, (c, room) => (c.GetSocketName(descriptor, room, out int n), n));
            case "getpeername":
                return Named(call, NeverOpen, (c, room) => (c.GetPeerName(descriptor, room, out int n), n));
            case "shutdown":
                int how = _values.Integer(args[1]);
                return Direct(c => c.Shutdown(descriptor, how));
            case "getsockopt" or "setsockopt":
                return Option(call, descriptor);
            case "fcntl":
                int command = _values.Integer(args[1]);
                int argument = args.Count > 2 ? _values.Integer(args[2]) : 0;
                return Direct(c => c.FileControl(descriptor, command, argument));
            case "ioctl":
                return Control(call, descriptor);
            case "epoll_ctl" or "epoll_wait":
                return Epoll(call, descriptor);
            case "read" or "recv" or "recvfrom" or "readv" or "recvmsg":
                return Receive(call, descriptor);
            default:
                return Send(call, descriptor);
        }
    }

    // Calls that never block are made where the target is.
    private static (int Descriptor, Func<ISocketCalls, long> Work, Action<long> Check) Direct(
        Func<ISocketCalls, long> work) => (NeverOpen, work, None);

    private static void None(long result)
    {
    }

    private void Connected(int descriptor, long result)
    {
        if (result is 0 or -Core.Errno.EINPROGRESS)
        {
            _sampled = descriptor;
        }
    }

    private byte[] Shortened(byte[] address, Value length) => length is EllipsisValue
        ? address
        : address[..(int)Math.Clamp(_values.Number(length), 0, address.Length)];

    private (int, Func<ISocketCalls, long>, Action<long>) Close(CallEvent call)
    {
        int descriptor = Descriptor(call.Arguments[0]);
        return (descriptor, c => c.Close(descriptor), Forget);

        void Forget(long result)
        {
            if (result >= 0)
            {
                _opened.Remove(descriptor);
                _descriptors.Remove(_values.Integer(call.Arguments[0]));
            }
        }
    }

    private (int, Func<ISocketCalls, long>, Action<long>) Named(
        CallEvent call, int descriptor, Func<ISocketCalls, byte[], (long Result, int Length)> work)
    {
        var room = new byte[SockaddrRoom];
        int length = 0;
        return (descriptor, Work, Check);

        long Work(ISocketCalls calls)
        {
            (long result, length) = work(calls, room);
            return result;
        }

        void Check(long result)
        {
            if (result >= 0)
            {
                CheckAddress(call, call.Arguments[1], room.AsSpan(0, Math.Min(length, room.Length)));
            }
        }
    }

    private void CheckAddress(CallEvent call, Value expected, ReadOnlySpan<byte> seen)
    {
        if (expected is not StructValue fields)
        {
            return;
        }

        byte[] wanted = _values.Address(expected, _remote, ScriptRun.DefaultRemotePort);
        _ = SocketAddressBytes.TryRead(wanted, out IPEndPoint one);
        bool read = SocketAddressBytes.TryRead(seen, out IPEndPoint other);
        bool anyPort = fields.Find("sin_port", "sin6_port") is EllipsisValue;
        bool anyAddress = fields.Find("sin_addr", "sin6_addr") is EllipsisValue;
        bool same = read && SocketAddressBytes.Family(wanted) == SocketAddressBytes.Family(seen)
            && (anyPort || one.Port == other.Port) && (anyAddress || one.Address.Equals(other.Address));
        Require(call, same, "the address", one.ToString(), other.ToString());
    }

    private (int, Func<ISocketCalls, long>, Action<long>) Option(CallEvent call, int descriptor)
    {
        IReadOnlyList<Value> args = call.Arguments;
        int level = _values.Integer(args[1]);
        int name = _values.Integer(args[2]);
        if (call.Name == "setsockopt")
        {
            int given = args[4] is EllipsisValue ? sizeof(int) : _values.Integer(args[4]);
            byte[] value = _values.Bytes(args[3], given);
            return (NeverOpen, c => c.SetOption(descriptor, level, name, value), None);
        }

        int room = args[4] is EllipsisValue ? sizeof(int) : _values.Integer(args[4]);
        if (room is < 0 or > MostBytes)
        {
            throw _values.Error(args[4], $"the length {room} is not from 0 to {MostBytes}");
        }

        var bytes = new byte[room];
        int length = 0;
        return (NeverOpen, c => c.GetOption(descriptor, level, name, bytes, out length), Check);

        void Check(long result)
        {
            if (result < 0 || args[3] is EllipsisValue)
            {
                return;
            }

            byte[] expected = args[3] is TextValue text ? text.Bytes : _values.Bytes(args[3], length);
            Require(
                call,
                expected.AsSpan().SequenceEqual(bytes.AsSpan(0, length)),
                "the value",
                Show(expected),
                Show(bytes.AsSpan(0, length)));
        }
    }

    private static string Show(ReadOnlySpan<byte> bytes) => bytes.Length == sizeof(int)
        ? $"{BitConverter.ToInt32(bytes)}"
        : $"{bytes.Length} bytes {Convert.ToHexStringLower(bytes[..Math.Min(bytes.Length, 64)])}";

    private (int, Func<ISocketCalls, long>, Action<long>) Control(CallEvent call, int descriptor)
    {
        uint request = (uint)_values.Number(call.Arguments[1]);
        int value = call.Arguments[2] is EllipsisValue ? 0 : _values.Integer(call.Arguments[2]);
        int expected = value;
        return (NeverOpen, c => c.IoControl(descriptor, request, ref value), result =>
            Require(
                call,
                result < 0 || call.Arguments[2] is EllipsisValue || value == expected,
                "the value",
                $"{expected}",
                $"{value}"));
    }

    private (int, Func<ISocketCalls, long>, Action<long>) Poll(CallEvent call)
    {
        int milliseconds = _values.Integer(call.Arguments[2]);
        StructValue[] items = Structs(call.Arguments[0]);
        PollEntry[] entries = [.. items.Select(i => new PollEntry(
            i.Find("fd") is { } fd ? DescriptorOrNegative(fd) : -1,
            unchecked((short)(i.Find("events") is { } events ? _values.Number(events) : 0))))];
        return (-1, c => c.Poll(entries, milliseconds), Check);

        void Check(long result)
        {
            for (int i = 0; i < items.Length && result >= 0; i++)
            {
                if (items[i].Find("revents") is { } revents and not EllipsisValue)
                {
                    short wanted = unchecked((short)_values.Number(revents));
                    Require(
                        call,
                        wanted == entries[i].Returned,
                        $"revents of entry {i}",
                        $"0x{wanted:x}",
                        $"0x{entries[i].Returned:x}");
                }
            }
        }
    }

    private int DescriptorOrNegative(Value value) => _values.Integer(value) < 0 ? -1 : Descriptor(value);

    private StructValue[] Structs(Value value) => value switch
    {
        StructValue one => [one],
        ListValue list => [.. list.Items.SelectMany(Structs)],
        EllipsisValue => [],
        _ => throw _values.Error(value, "expected a struct in braces"),
    };

    private (int, Func<ISocketCalls, long>, Action<long>) Epoll(CallEvent call, int epoll)
    {
        IReadOnlyList<Value> args = call.Arguments;
        if (call.Name == "epoll_ctl")
        {
            int operation = _values.Integer(args[1]);
            int descriptor = Descriptor(args[2]);
            StructValue[] given = args[3] is NumberValue or NameValue ? [] : Structs(args[3]);
            EpollEntry entry = given.Length > 0 ? Entry(given[0]) : default;
            return (NeverOpen, c => c.EpollControl(epoll, operation, descriptor, entry), None);
        }

        StructValue[] wanted = Structs(args[1]);
        int milliseconds = _values.Integer(args[3]);
        var found = new EpollEntry[Math.Clamp(_values.Integer(args[2]), 0, 1024)];
        return (-1, c => c.EpollWait(epoll, found, milliseconds), Check);

        void Check(long result)
        {
            for (int i = 0; i < wanted.Length && i < result; i++)
            {
                EpollEntry entry = Entry(wanted[i]);
                Require(call, entry == found[i], $"event {i}", entry.ToString(), found[i].ToString());
            }
        }
    }

    private EpollEntry Entry(StructValue fields) => new(
        fields.Find("events") is { } events ? unchecked((uint)_values.Number(events)) : 0,
        fields.Find("fd", "ptr", "u32", "u64", "data") is { } data and not EllipsisValue
            ? unchecked((ulong)_values.Number(data))
            : 0);

    private (int, Func<ISocketCalls, long>, Action<long>) Receive(CallEvent call, int descriptor)
    {
        IReadOnlyList<Value> args = call.Arguments;
        if (call.Name is "readv" or "recvmsg")
        {
            return ReceiveMessage(call, descriptor);
        }

        var bytes = new byte[Length(args[2])];
        int flags = args.Count > 3 ? _values.Integer(args[3]) : 0;
        Func<ISocketCalls, long> work = call.Name == "read"
            ? c => c.Read(descriptor, bytes)
            : c => c.Receive(descriptor, bytes, flags, [], out _);
        return (descriptor, work, result =>
            CheckRead(call, descriptor, args[1], bytes.AsSpan(0, (int)Math.Clamp(result, 0, bytes.Length)), flags));
    }

    private void CheckRead(CallEvent call, int descriptor, Value expected, ReadOnlySpan<byte> seen, int flags)
    {
        const int peekOrError = 2 | 1 | 0x20 | 0x2000;
        uint position = _read.GetValueOrDefault(descriptor);
        if (expected is TextValue text)
        {
            int length = Math.Min(text.Bytes.Length, seen.Length);
            Require(
                call, seen.SequenceEqual(text.Bytes.AsSpan(0, length)), "the data", Show(text.Bytes), Show(seen));
        }
        else if ((flags & peekOrError) == 0)
        {
            byte[] pattern = Pattern(position, seen.Length);
            Require(call, seen.SequenceEqual(pattern), "the data", Show(pattern), Show(seen));
        }

        if ((flags & peekOrError) == 0)
        {
            _read[descriptor] = unchecked(position + (uint)seen.Length);
        }
    }

    private int Length(Value value) => _values.Number(value) is >= 0 and <= MostBytes and var length
        ? (int)length
        : throw _values.Error(value, $"the length is not from 0 to {MostBytes}");

    private (int, Func<ISocketCalls, long>, Action<long>) ReceiveMessage(CallEvent call, int descriptor)
    {
        SocketMessage message = Message(call, descriptor, out StructValue? fields);
        int flags = call.Name == "recvmsg" ? _values.Integer(call.Arguments[2]) : 0;
        message.Control = new byte[fields?.Find("msg_control") is null ? 0 : 512];
        return (descriptor, c => c.ReceiveMessage(descriptor, message, flags), Check);

        void Check(long result)
        {
            byte[] all = [.. message.Parts.SelectMany(static p => p)];
            CheckRead(
                call,
                descriptor,
                new EllipsisValue(call.Line),
                all.AsSpan(0, (int)Math.Clamp(result, 0, all.Length)),
                flags);
            if (result >= 0 && fields?.Find("msg_flags") is { } expected and not EllipsisValue)
            {
                Require(
                    call,
                    _values.Integer(expected) == message.Flags,
                    "msg_flags",
                    $"0x{_values.Integer(expected):x}",
                    $"0x{message.Flags:x}");
            }
        }
    }

    private (int, Func<ISocketCalls, long>, Action<long>) Send(CallEvent call, int descriptor)
    {
        IReadOnlyList<Value> args = call.Arguments;
        int flags = args.Count > 3 ? _values.Integer(args[3]) : 0;
        if (call.Name is "sendmsg" or "writev")
        {
            SocketMessage message = Message(call, descriptor, out _);
            int messageFlags = call.Name == "sendmsg" ? _values.Integer(args[2]) : 0;
            return (descriptor, c => c.SendMessage(descriptor, message, messageFlags), Written);
        }

        byte[] bytes = Content(args[1], Length(args[2]), descriptor, 0);
        byte[] address = call.Name == "sendto" && args[4] is not (NumberValue or NameValue)
            ? Shortened(_values.Address(args[4], _remote, ScriptRun.DefaultPort), args[5])
            : [];
        Func<ISocketCalls, long> work = call.Name == "write"
            ? c => c.Write(descriptor, bytes)
            : c => c.Send(descriptor, bytes, flags, address);
        return (descriptor, work, Written);

        void Written(long result) =>
            _written[descriptor] = unchecked(_written.GetValueOrDefault(descriptor) + (uint)Math.Max(result, 0));
    }

    private byte[] Content(Value value, int length, int descriptor, int ahead)
    {
        if (value is not TextValue text)
        {
            return Pattern(unchecked(_written.GetValueOrDefault(descriptor) + (uint)ahead), length);
        }

        WritesPattern = false;
        byte[] bytes = text.Bytes;
        Array.Resize(ref bytes, length);
        return bytes;
    }

    // {msg_name(N)=…, msg_iov(N)=[{…, LENGTH}, …], msg_flags=…}, or for readv and writev the list alone.
    private SocketMessage Message(CallEvent call, int descriptor, out StructValue? fields)
    {
        Value argument = call.Arguments[1];
        fields = argument as StructValue;
        Value? list = fields is null ? argument : fields.Find("msg_iov");
        var parts = new List<byte[]>();
        int ahead = 0;
        foreach (StructValue part in list is null ? [] : Structs(list))
        {
            if (part.Fields.Count != 2)
            {
                throw _values.Error(part, "a part of msg_iov is {content, length}");
            }

            int length = Length(part.Fields[1].Value);
            parts.Add(Content(part.Fields[0].Value, length, descriptor, ahead));
            ahead += length;
        }

        byte[] name = fields?.Find("msg_name") is { } address and not EllipsisValue
            ? _values.Address(address, _remote, ScriptRun.DefaultPort)
            : [];
        return new SocketMessage { Parts = parts, Name = name };
    }
}
