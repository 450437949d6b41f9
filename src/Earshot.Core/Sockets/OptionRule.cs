using System;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <summary>Which sockets have an option.</summary>
internal enum OptionHolders : byte
{
    /// <summary>Streams and datagram sockets.</summary>
    All,

    /// <summary>Streams only.</summary>
    Streams,

    /// <summary>Datagram sockets only.</summary>
    Datagrams,
}

/// <summary>How setsockopt() takes values that are no longer than an int. Linux: do_ip_setsockopt,
/// do_ipv6_setsockopt.</summary>
internal enum OptionLength : byte
{
    /// <summary>As the level does: IP takes a byte or none, the others want four.</summary>
    OfLevel,

    /// <summary>At least a byte.</summary>
    AtLeastOne,

    /// <summary>Anything.</summary>
    Any,
}

/// <summary>What is known of a socket option whose value is an int: its range, its default, who has it, who may set it
/// and what setting it does.</summary>
/// <remarks>
/// The rules stand in <see cref="OptionTable"/>, one a line. What the packet path asks for is no field of a table but
/// one of <see cref="SocketOptions"/>: <see cref="Effect"/> puts it there, or tells the connection.
/// </remarks>
internal sealed record OptionRule
{
    /// <summary>Level and number, as of <see cref="OptionKey"/>.</summary>
    internal required int Key { get; init; }

    internal int Least { get; init; } = int.MinValue;

    internal int Most { get; init; } = int.MaxValue;

    /// <summary>Whether any number but 0 means 1.</summary>
    internal bool IsFlag { get; init; }

    /// <summary>The value of a socket that nobody has set it on.</summary>
    internal int Otherwise { get; init; }

    internal OptionLength Length { get; init; }

    /// <summary>Who has it; of all others setting it is <see cref="OthersSet"/>.</summary>
    internal OptionHolders Holders { get; init; }

    /// <summary>What setting it answers on a socket that does not have it.</summary>
    internal int OthersSet { get; init; } = Errno.ENOPROTOOPT;

    /// <summary>What getting it answers on a socket that does not have it; 0: the default.</summary>
    internal int OthersGet { get; init; } = Errno.ENOPROTOOPT;

    /// <summary>What setting it answers always; 0: it can be set.</summary>
    internal int SetError { get; init; }

    /// <summary>What getting it answers always; 0: it can be got.</summary>
    internal int GetError { get; init; }

    /// <summary>The errno of setting a value that is in its range, 0 if it may be set; null: it may.</summary>
    internal Func<SocketCalls, Socket, int, int>? Refuse { get; init; }

    /// <summary>The value that is kept for the one that was set; null: the same.</summary>
    internal Func<SocketCalls, Socket, int, int>? Clean { get; init; }

    /// <summary>The value that is told; null: the one that is kept.</summary>
    internal Func<SocketCalls, Socket, int>? Get { get; init; }

    /// <summary>What setting it does besides.</summary>
    internal Action<SocketCalls, Socket, int>? Effect { get; init; }

    internal bool Has(Socket socket) => Holders == OptionHolders.All
        || (Holders == OptionHolders.Datagrams) == socket.IsDatagram;

    /// <summary>Checks a value and keeps it.</summary>
    /// <returns>0 or a negated errno.</returns>
    internal int Set(SocketCalls calls, Socket socket, int value)
    {
        if (!Has(socket))
        {
            return -OthersSet;
        }

        if (SetError != 0 || value < Least || value > Most)
        {
            return SetError != 0 ? -SetError : -Errno.EINVAL;
        }

        value = IsFlag && value != 0 ? 1 : value;
        int refused = Refuse?.Invoke(calls, socket, value) ?? 0;
        if (refused != 0)
        {
            return -refused;
        }

        value = Clean?.Invoke(calls, socket, value) ?? value;
        ref SocketOptions options = ref socket.ChangeOptions();
        options.Others = value == Otherwise
            ? OptionValues.Without(options.Others, Key) : OptionValues.With(options.Others, Key, value);
        Effect?.Invoke(calls, socket, value);
        return 0;
    }

    /// <summary>Tells the value.</summary>
    /// <returns>0 or a negated errno.</returns>
    internal int Tell(SocketCalls calls, Socket socket, out int value)
    {
        value = Otherwise;
        bool has = Has(socket);
        if (GetError != 0 || (!has && OthersGet != 0))
        {
            return GetError != 0 ? -GetError : -OthersGet;
        }

        if (has)
        {
            value = Get?.Invoke(calls, socket) ?? (int)OptionValues.Get(socket.Options.Others, Key, Otherwise);
        }

        return 0;
    }
}
