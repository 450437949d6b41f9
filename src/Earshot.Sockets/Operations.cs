using System;
using System.Buffers;
using System.Net.Sockets;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Sockets;

/// <summary>
/// Memory that belongs to a caller, who may have freed it too early: his mistake is not the stack's end.
/// </summary>
internal static class CallersMemory
{
    internal static bool TryGetSpan(Memory<byte> memory, out Span<byte> bytes)
    {
        try
        {
            bytes = memory.Span;
            return true;
        }
        catch (Exception)
        {
            bytes = default;
            return false;
        }
    }

    internal static bool TryGetFirstSpan(in ReadOnlySequence<byte> sequence, out ReadOnlySpan<byte> bytes)
    {
        try
        {
            bytes = sequence.FirstSpan;
            return true;
        }
        catch (Exception)
        {
            bytes = default;
            return false;
        }
    }
}

/// <summary>recv(), waited for. No bytes asked for: waits until there are some, and takes none.</summary>
internal sealed class ReceiveOperation : SocketOperation<int>
{
    private readonly EarshotSocket _owner;
    private Memory<byte> _buffer;
    private bool _forStream;

    internal ReceiveOperation(EarshotSocket owner, PumpSocket socket)
        : base(socket) => _owner = owner;

    internal override bool IsWrite => false;

    protected override int Value => Result;

    internal ReceiveOperation Prepare(Memory<byte> buffer, bool forStream)
    {
        _buffer = buffer;
        _forStream = forStream;
        return this;
    }

    internal override int Attempt(SocketCalls calls)
    {
        if (_buffer.IsEmpty)
        {
            const int ready = (int)(PollMask.In | PollMask.Err | PollMask.Hup);
            int mask = calls.Poll(Socket.Descriptor);
            return mask < 0 ? mask : (mask & ready) != 0 ? 0 : Again;
        }

        if (!CallersMemory.TryGetSpan(_buffer, out Span<byte> bytes))
        {
            return -Errno.EFAULT;
        }

        int result = calls.Receive(Socket.Descriptor, bytes);
        return result == -Errno.EAGAIN ? Again : result;
    }

    protected override Exception ToException(SocketException error) =>
        _forStream ? SocketErrors.ForStream(error, reading: true) : error;

    protected override void Forget() => _buffer = default;

    protected override void Release(bool isReusable) => _owner.Return(this, isReusable);
}

/// <summary>send() of all bytes, waited for whenever the stack's send buffer is full.</summary>
internal sealed class SendOperation : SocketOperation<int>
{
    private readonly EarshotSocket _owner;
    private ReadOnlySequence<byte> _rest;
    private int _value;
    private bool _forStream;

    internal SendOperation(EarshotSocket owner, PumpSocket socket)
        : base(socket) => _owner = owner;

    internal override bool IsWrite => true;

    protected override int Value => _value;

    internal SendOperation Prepare(ReadOnlyMemory<byte> bytes, bool forStream)
    {
        _rest = new ReadOnlySequence<byte>(bytes);
        _value = bytes.Length;
        _forStream = forStream;
        return this;
    }

    internal SendOperation Prepare(in ReadOnlySequence<byte> bytes)
    {
        _rest = bytes;
        _value = 0;
        _forStream = false;
        return this;
    }

    internal override int Attempt(SocketCalls calls)
    {
        do
        {
            if (!CallersMemory.TryGetFirstSpan(_rest, out ReadOnlySpan<byte> bytes))
            {
                return -Errno.EFAULT;
            }

            int result = calls.Send(Socket.Descriptor, bytes);
            if (result < 0)
            {
                return result == -Errno.EAGAIN ? Again : result;
            }

            Invariant.Check(result > 0 || bytes.IsEmpty, "send() takes at least one byte or answers EAGAIN");
            _rest = _rest.Slice(result);
        }
        while (!_rest.IsEmpty);
        return 0;
    }

    protected override Exception ToException(SocketException error) =>
        _forStream ? SocketErrors.ForStream(error, reading: false) : error;

    protected override void Forget() => _rest = default;

    protected override void Release(bool isReusable) => _owner.Return(this, isReusable);
}

/// <summary>connect(), waited for.</summary>
internal sealed class ConnectOperation : SocketOperation<bool>
{
    private readonly EarshotSocket _owner;
    private readonly InetEndpoint _remote;

    internal ConnectOperation(EarshotSocket owner, PumpSocket socket, InetEndpoint remote)
        : base(socket)
    {
        _owner = owner;
        _remote = remote;
    }

    internal override bool IsWrite => true;

    protected override bool Value => true;

    internal override int Attempt(SocketCalls calls)
    {
        int result = Socket.Open();
        if (result < 0)
        {
            return result;
        }

        result = calls.Connect(Socket.Descriptor, _remote);
        if (result is -Errno.EINPROGRESS or -Errno.EALREADY)
        {
            return Again;
        }

        if (result >= 0)
        {
            _owner.ReadNames(calls);
        }

        return result;
    }

    /// <summary>The attempt ends here and now; the socket can be used for another.</summary>
    internal override void Abandon(SocketCalls calls) => calls.Disconnect(Socket.Descriptor);

    protected override void Forget()
    {
    }

    protected override void Release(bool isReusable)
    {
    }
}

/// <summary>accept(), waited for.</summary>
#pragma warning disable CA1001 // The accepted socket is not its own: it hands it over.
internal sealed class AcceptOperation : SocketOperation<EarshotSocket>
#pragma warning restore CA1001
{
    private readonly EarshotListener _owner;
    private EarshotSocket? _accepted;

    internal AcceptOperation(EarshotListener owner, PumpSocket socket)
        : base(socket) => _owner = owner;

    internal override bool IsWrite => false;

    internal override bool IsExclusive => true;

    protected override EarshotSocket Value => _accepted!; // Attempt set it when it returned 0.

    internal override int Attempt(SocketCalls calls)
    {
        int result = calls.Accept(Socket.Descriptor, out _);
        if (result < 0)
        {
            return result == -Errno.EAGAIN ? Again : result;
        }

        _accepted = new EarshotSocket(Socket.Pump, new PumpSocket(Socket.Pump, result));
        _accepted.ReadNames(calls);
        return 0;
    }

    protected override void Forget() => _accepted = null;

    protected override void Release(bool isReusable) => _owner.Return(this, isReusable);
}
