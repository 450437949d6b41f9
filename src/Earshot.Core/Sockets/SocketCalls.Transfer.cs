namespace Earshot.Core.Sockets;

/// <content>shutdown(), close(), and waiting.</content>
public sealed partial class SocketCalls
{
    /// <summary>shutdown().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="how">0 SHUT_RD, 1 SHUT_WR, 2 SHUT_RDWR.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOTCONN.</returns>
    public int Shutdown(int fd, int how)
    {
        const int Write = 1;
        const int Both = 2;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (how is < 0 or > Both)
        {
            return -Errno.EINVAL;
        }

        if (socket.Udp is { } udp)
        {
            // It takes effect without a peer too.
            ref Tcp.SocketOptions options = ref socket.ChangeOptions();
            options.ReadShut |= how != Write;
            options.WriteShut |= how != 0;
            socket.OnReadiness(PollMask.None);
            return udp.IsConnected ? 0 : -Errno.ENOTCONN;
        }

        if (socket.Listener is not null)
        {
            // SHUT_WR means nothing to a listener; SHUT_RD ends it.
            if (how != Write)
            {
                StopListening(socket);
                _stack.Drain(null);
            }

            return 0;
        }

        if (socket.Connection is not { } connection)
        {
            ref Tcp.SocketOptions options = ref socket.ChangeOptions();
            options.ReadShut |= how != Write;
            options.WriteShut |= how != 0;
            return -Errno.ENOTCONN;
        }

        bool wasConnecting = connection.State == TcpState.SynSent;
        int result = connection.Shutdown(how != Write, how != 0);
        if (wasConnecting)
        {
            socket.Phase = SocketPhase.Unconnected;
        }

        _stack.Drain(connection);
        return result;
    }

    /// <summary>close(): frees the descriptor; what is unsent goes on as an orphan.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Close(int fd) => Close(fd, limitsOrphan: false);

    /// <summary>close() that may give up what SO_LINGER with a time waits for on Linux.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="limitsOrphan">Whether a connection whose data and FIN are not acknowledged when that time is over
    /// is reset then (TCPAbortOnTimeout); otherwise it goes on, as it does on Linux after the wait.</param>
    /// <returns>As <see cref="Close(int)"/>.</returns>
    public int Close(int fd, bool limitsOrphan)
    {
        if (!Descriptors.TryGetFile(fd, out OpenFile file))
        {
            return -Errno.EBADF;
        }

        Descriptors.Remove(fd);
        if (file is not Socket socket)
        {
            ((Epoll)file).Close();
            return 0;
        }

        bool listened = socket.PastListener is not null;
        if (socket.Listener is { } listener)
        {
            socket.BeNoListener();
            listener.Stop();
        }

        socket.PastListener?.Abandon();
        if (socket.Connection is { } connection)
        {
            socket.BeNoConnection();
            connection.Close();
            if (limitsOrphan)
            {
                connection.LimitOrphan();
            }
        }

        ReleasePort(socket);
        socket.Udp?.Clear(_context.Buffers);
        LeaveGroups(socket);
        socket.WakeAll();
        if (!listened && _idle.Count < KeptSockets)
        {
            // A listener's requests may outlive it and still know its socket; all others are used again.
            _idle.Push(socket);
        }

        _tcp.FinishDeferred();
        _stack.Drain(null);
        return 0;
    }

    /// <summary>Queues a waiter: one event comes when the socket becomes ready for any of the interest.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="interest">What is waited for; errors and hang-ups are always included.</param>
    /// <param name="waiter">A token that the event carries.</param>
    /// <param name="exclusive">Whether one wake-up is for one such waiter only, first come first served, as accept()
    /// waits.</param>
    /// <returns>0; -EBADF. When the socket is ready already, the event is there at once.</returns>
    public int Wait(int fd, PollMask interest, long waiter, bool exclusive = false)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        socket.Wait(interest, waiter, exclusive);
        return 0;
    }

    /// <summary>Removes a waiter whose event has not come.</summary>
    /// <returns>Whether it was still waiting; an event that is queued already stays.</returns>
    public bool CancelWait(int fd, long waiter) =>
        Descriptors.TryGet(fd, out Socket socket) && socket.CancelWait(waiter);

    /// <summary>Ends a listener; what bind() named stays bound. Linux: tcp_disconnect.</summary>
    private void StopListening(Socket socket)
    {
        Tcp.Listening.Listener listener = socket.Listener!;
        socket.BeNoListener();
        socket.Disconnects++;
        Forget(ref socket.ChangeOptions());
        listener.Stop();
        GiveUpBinding(socket);
        socket.OnReadiness(PollMask.Hup);
    }

    /// <summary>A role is over: what was set for a connection's other side is forgotten, all other options stay. Linux:
    /// tcp_disconnect.</summary>
    private static void Forget(ref Tcp.SocketOptions options)
    {
        options.ReadShut = options.WriteShut = false;
        options.MaximumSegment = 0;
        options.WindowClamp = 0;
    }

    /// <summary>A role is over: an address or port that was not asked for is given back; the port's number goes on
    /// showing.</summary>
    private void GiveUpBinding(Socket socket)
    {
        if (!socket.IsPortBound)
        {
            ReleasePort(socket);
        }

        if (!socket.IsAddressBound)
        {
            socket.Local = socket.Local with { Address = socket.AnyAddress };
        }
    }

    private void ReleasePort(Socket socket)
    {
        if (socket.IsDatagram)
        {
            _udpPorts.Release(socket);
        }
        else
        {
            _ports.Release(socket);
        }
    }

    private static int TakeError(Socket socket)
    {
        int error = socket.Error;
        socket.Error = 0;
        if (error == 0 && socket.Connection is { } connection)
        {
            error = connection.TakeError();
            if (error == 0)
            {
                error = connection.SoftError;
                connection.SoftError = 0;
            }
        }

        return error;
    }
}
