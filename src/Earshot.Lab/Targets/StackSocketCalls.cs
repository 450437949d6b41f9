using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Lab.Targets;

/// <summary>The embedded stack's calls with Linux's numbers.</summary>
/// <param name="stack">The stack.</param>
/// <remarks>What the stack does not have answers -ENOSYS, which no such call on Linux answers.</remarks>
internal sealed class StackSocketCalls(NetworkStack stack) : ISocketCalls
{
    /// <summary>ENOSYS: the stack has no such call, or not with these arguments.</summary>
    public const int NotThere = -38;

    private const int NonBlocking = 0x800;
    private const int ReadWrite = 2;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const uint SetNonBlocking = 0x5421;
    private const int FirstEpoll = 1_000_000;

    private readonly Dictionary<int, State> _states = [];
    private readonly Dictionary<int, List<Watch>> _epolls = [];

    /// <summary>The call that is being made by <see cref="StackPendingCall"/>.</summary>
    public StackPendingCall? Current { get; set; }

    /// <summary>Whether the last call said for itself that it must not wait.</summary>
    public bool WasNonBlocking { get; private set; }

    /// <summary>The stack's moment.</summary>
    public Instant Now => stack.Now;

    /// <summary>Whether calls on a descriptor wait.</summary>
    public bool IsBlocking(int descriptor) => !_states.TryGetValue(descriptor, out State state) || !state.NonBlocking;

    public int Socket(int domain, int type, int protocol)
    {
        int descriptor = stack.Calls.Socket(domain, type, protocol);
        if (descriptor >= 0)
        {
            _states[descriptor] = new State(domain, (type & NonBlocking) != 0);
        }

        return descriptor;
    }

    public int Bind(int descriptor, ReadOnlySpan<byte> address) =>
        Judge(descriptor, address, forConnect: false, out InetEndpoint end) is var problem && problem != 0
            ? problem
            : stack.Calls.Bind(descriptor, end);

    public int Listen(int descriptor, int backlog) => stack.Calls.Listen(descriptor, backlog);

    public int Accept(int descriptor, Span<byte> address, out int length, int flags)
    {
        length = 0;
        WasNonBlocking = false;
        if ((flags & ~(NonBlocking | 0x80000)) != 0)
        {
            return -Errno.EINVAL;
        }

        int result = stack.Calls.Accept(descriptor, out InetEndpoint peer);
        if (result >= 0)
        {
            _states[result] = new State(Domain(descriptor), (flags & NonBlocking) != 0);
            length = Put(descriptor, peer, address);
        }

        return result;
    }

    public int Connect(int descriptor, ReadOnlySpan<byte> address)
    {
        WasNonBlocking = false;
        if (address.Length >= sizeof(ushort) && SocketAddressBytes.Family(address) == 0)
        {
            return stack.Calls.Disconnect(descriptor);
        }

        int problem = Judge(descriptor, address, forConnect: true, out InetEndpoint end);
        int result = problem != 0 ? problem : stack.Calls.Connect(descriptor, end);

        // A blocking connect() is asked for its outcome again; by then the outcome may have been told.
        return result == -Errno.EISCONN && Current is { Progress: > 0 } ? 0 : Remember(result);
    }

    public long Read(int descriptor, Span<byte> bytes) => Receive(descriptor, bytes, 0, default, out _);

    public long Write(int descriptor, ReadOnlySpan<byte> bytes) => Send(descriptor, bytes, 0, default);

    public long Send(int descriptor, ReadOnlySpan<byte> bytes, int flags, ReadOnlySpan<byte> address)
    {
        WasNonBlocking = (flags & DontWait) != 0;
        if ((flags & ~(DontWait | NoSignal)) != 0)
        {
            return NotThere;
        }

        int done = (int)(Current?.Progress ?? 0);
        int result = stack.Calls.Send(descriptor, bytes[done..]);
        if (result < 0 || Current is not { Blocking: true } || WasNonBlocking)
        {
            return result < 0 && result != -Errno.EAGAIN && done > 0 ? done : result;
        }

        // A blocking write comes back when all of it is written.
        Current.Progress += result;
        return Current.Progress < bytes.Length ? -Errno.EAGAIN : Current.Progress;
    }

    public long Receive(int descriptor, Span<byte> bytes, int flags, Span<byte> address, out int length)
    {
        length = 0;
        WasNonBlocking = (flags & DontWait) != 0;
        return (flags & ~DontWait) != 0 ? NotThere : stack.Calls.Receive(descriptor, bytes);
    }

    public long SendMessage(int descriptor, SocketMessage message, int flags) =>
        message.Control.Length > 0
            ? NotThere
            : Send(descriptor, message.Parts.SelectMany(static p => p).ToArray(), flags, message.Name);

    public long ReceiveMessage(int descriptor, SocketMessage message, int flags)
    {
        if (message.Control.Length > 0)
        {
            return NotThere;
        }

        var bytes = new byte[message.Parts.Sum(static p => p.Length)];
        long result = Receive(descriptor, bytes, flags, default, out _);
        int at = 0;
        foreach (byte[] part in message.Parts)
        {
            bytes.AsSpan(at, part.Length).CopyTo(part);
            at += part.Length;
        }

        message.Flags = 0;
        message.NameLength = 0;
        return result;
    }

    public int Shutdown(int descriptor, int how) => stack.Calls.Shutdown(descriptor, how);

    public int Close(int descriptor)
    {
        if (_epolls.Remove(descriptor))
        {
            return 0;
        }

        int result = stack.Calls.Close(descriptor);
        if (result != -Errno.EBADF)
        {
            _states.Remove(descriptor);
            foreach (List<Watch> watches in _epolls.Values)
            {
                watches.RemoveAll(w => w.Descriptor == descriptor);
            }
        }

        return result;
    }

    public int GetOption(int descriptor, int level, int name, Span<byte> value, out int length)
    {
        length = value.Length;
        return stack.Calls.GetSocketOption(descriptor, level, name, value, ref length);
    }

    public int SetOption(int descriptor, int level, int name, ReadOnlySpan<byte> value) =>
        stack.Calls.SetSocketOption(descriptor, level, name, value);

    public int GetSocketName(int descriptor, Span<byte> address, out int length)
    {
        int result = stack.Calls.GetSocketName(descriptor, out InetEndpoint end);
        length = result == 0 ? Put(descriptor, end, address) : 0;
        return result;
    }

    public int GetPeerName(int descriptor, Span<byte> address, out int length)
    {
        int result = stack.Calls.GetPeerName(descriptor, out InetEndpoint end);
        length = result == 0 ? Put(descriptor, end, address) : 0;
        return result;
    }

    public int Poll(Span<PollEntry> entries, int milliseconds)
    {
        const short alwaysTold = 0x8 | 0x10;
        const short invalid = 0x20;
        int ready = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            int mask = entries[i].Descriptor < 0 ? 0 : stack.Calls.Poll(entries[i].Descriptor);
            short found = mask < 0 ? invalid : (short)(mask & ((ushort)entries[i].Events | alwaysTold));
            entries[i] = entries[i] with { Returned = found };
            ready += found != 0 ? 1 : 0;
        }

        return OrWait(ready, milliseconds);
    }

    public int EpollCreate(int flags)
    {
        int descriptor = FirstEpoll;
        while (_epolls.ContainsKey(descriptor))
        {
            descriptor++;
        }

        _epolls.Add(descriptor, []);
        return descriptor;
    }

    public int EpollControl(int epoll, int operation, int descriptor, EpollEntry entry)
    {
        const uint edgeOrExclusive = (1u << 31) | (1u << 28);
        if (!_epolls.TryGetValue(epoll, out List<Watch>? watches) || stack.Calls.Poll(descriptor) < 0)
        {
            return -Errno.EBADF;
        }

        int index = watches.FindIndex(w => w.Descriptor == descriptor);
        switch (operation)
        {
            case 1 or 3 when (entry.Events & edgeOrExclusive) != 0:
                return NotThere;
            case 1 when index >= 0:
                return -Exists;
            case 1:
                watches.Add(new Watch(descriptor, entry));
                return 0;
            case 2 or 3 when index < 0:
                return -Errno.ENOENT;
            case 2:
                watches.RemoveAt(index);
                return 0;
            case 3:
                watches[index] = new Watch(descriptor, entry);
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    public int EpollWait(int epoll, Span<EpollEntry> entries, int milliseconds)
    {
        const uint alwaysTold = 0x18;
        const uint once = 1u << 30;
        if (!_epolls.TryGetValue(epoll, out List<Watch>? watches))
        {
            return -Errno.EBADF;
        }

        int ready = 0;
        for (int i = 0; i < watches.Count && ready < entries.Length; i++)
        {
            Watch watch = watches[i];
            uint wanted = watch.Entry.Events == 0 && watch.IsSpent ? 0 : watch.Entry.Events | alwaysTold;
            uint found = (uint)Math.Max(stack.Calls.Poll(watch.Descriptor), 0) & wanted;
            if (found == 0)
            {
                continue;
            }

            entries[ready++] = watch.Entry with { Events = found };
            if ((watch.Entry.Events & once) != 0)
            {
                watches[i] = watch with { Entry = watch.Entry with { Events = 0 }, IsSpent = true };
            }
        }

        return OrWait(ready, milliseconds);
    }

    public int FileControl(int descriptor, int command, int argument)
    {
        if (!_states.TryGetValue(descriptor, out State state) || stack.Calls.Poll(descriptor) < 0)
        {
            return -Errno.EBADF;
        }

        switch (command)
        {
            case GetFlags:
                return ReadWrite | (state.NonBlocking ? NonBlocking : 0);
            case SetFlags:
                _states[descriptor] = state with { NonBlocking = (argument & NonBlocking) != 0 };
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    public int IoControl(int descriptor, uint request, ref int value)
    {
        if (!_states.TryGetValue(descriptor, out State state))
        {
            return -Errno.EBADF;
        }

        if (request != SetNonBlocking)
        {
            return NotThere;
        }

        _states[descriptor] = state with { NonBlocking = value != 0 };
        return 0;
    }

    private const int Exists = 17;

    private int Domain(int descriptor) =>
        _states.TryGetValue(descriptor, out State state) ? state.Domain : SocketAddressBytes.Inet;

    private int Remember(int result)
    {
        if (Current is { } current && result is -Errno.EINPROGRESS)
        {
            current.Progress = 1;
        }

        return result;
    }

    private int OrWait(int ready, int milliseconds)
    {
        WasNonBlocking = false;
        if (ready != 0 || milliseconds == 0 || Current is not { } current)
        {
            return ready;
        }

        if (milliseconds > 0)
        {
            current.Deadline ??= Now + TimeSpan.FromMilliseconds(milliseconds);
            if (Now >= current.Deadline)
            {
                return 0;
            }
        }

        return -Errno.EAGAIN;
    }

    // What the kernel asks of a sockaddr before it looks at the address.
    private int Judge(int descriptor, ReadOnlySpan<byte> address, bool forConnect, out InetEndpoint end)
    {
        end = default;
        if (stack.Calls.Poll(descriptor) < 0)
        {
            return -Errno.EBADF;
        }

        bool six = Domain(descriptor) == SocketAddressBytes.Inet6;
        int least = six ? SocketAddressBytes.Inet6Length - 4 : SocketAddressBytes.InetLength;
        if (address.Length < least)
        {
            return -Errno.EINVAL;
        }

        int family = SocketAddressBytes.Family(address);
        bool unspecified = !six && !forConnect && family == 0 && address.Slice(4, 4).IndexOfAnyExcept((byte)0) < 0;
        if (family != (six ? SocketAddressBytes.Inet6 : SocketAddressBytes.Inet) && !unspecified)
        {
            return -Errno.EAFNOSUPPORT;
        }

        _ = SocketAddressBytes.TryRead(address, out IPEndPoint endpoint);
        end = new InetEndpoint(
            InetAddress.TryParse(endpoint.Address.ToString(), out InetAddress parsed) ? parsed : default,
            (ushort)endpoint.Port);
        return 0;
    }

    private int Put(int descriptor, InetEndpoint end, Span<byte> target)
    {
        IPAddress address = end.Address.ToIPAddress();
        if (Domain(descriptor) == SocketAddressBytes.Inet6
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
        {
            address = end.Address.IsAny ? IPAddress.IPv6Any : address.MapToIPv6();
        }

        byte[] bytes = SocketAddressBytes.Make(address, end.Port);
        bytes.AsSpan(0, Math.Min(bytes.Length, target.Length)).CopyTo(target);
        return bytes.Length;
    }

    private readonly record struct State(int Domain, bool NonBlocking);

    private readonly record struct Watch(int Descriptor, EpollEntry Entry, bool IsSpent = false);
}
