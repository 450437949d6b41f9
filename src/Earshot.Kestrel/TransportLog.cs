using System;
using Microsoft.Extensions.Logging;

namespace Earshot.Kestrel;

/// <summary>What the transport tells the log.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(1, LogLevel.Warning, "A connection could not be accepted.")]
    internal static partial void AcceptFailed(ILogger logger, Exception error);

    [LoggerMessage(2, LogLevel.Debug, "Connection {Connection} was reset by the peer.")]
    internal static partial void Reset(ILogger logger, string connection);

    [LoggerMessage(3, LogLevel.Debug, "Connection {Connection} ended with an error.")]
    internal static partial void Failed(ILogger logger, string connection, Exception error);

    [LoggerMessage(4, LogLevel.Debug, "Connection {Connection} is aborted: {Reason}")]
    internal static partial void Aborted(ILogger logger, string connection, string reason);

    [LoggerMessage(5, LogLevel.Error, "Connection {Connection}: the transport failed.")]
    internal static partial void Unexpected(ILogger logger, string connection, Exception error);
}
