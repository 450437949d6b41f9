using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Lab.Views;
using Earshot.Sockets;

namespace Earshot.Cli.Control;

/// <summary>What the commands of other terminals may ask of a stack that is up.</summary>
internal sealed class StackService(EarshotStack stack)
{
    internal const string Listen = "listen";
    internal const string Connect = "connect";
    internal const string Sysctl = "sysctl";
    internal const string Sysctls = "sysctls";
    internal const string Why = "why";
    internal const string Usage = "usage";

    private const int AddressFamilyInet = 2;
    private const int AddressFamilyInet6 = 10;
    private const int SocketTypeStream = 1;

    private static readonly ControlReply Done = new() { Ok = true };

    private readonly ViewService _views = new(() => stack.InvokeAsync(StackSnapshot.Of));

    /// <summary>Carries out one request.</summary>
    /// <exception cref="CommandException">It is none that one could carry out.</exception>
    internal async Task<ControlReply> HandleAsync(ControlRequest request, ControlSession session)
    {
        try
        {
            return request.Do switch
            {
                Listen => await ListenAsync(request, session).ConfigureAwait(false),
                Connect => await ConnectAsync(request, session).ConfigureAwait(false),
                Sysctl => await SysctlAsync(request, session).ConfigureAwait(false),
                Sysctls => await SysctlsAsync(session).ConfigureAwait(false),
                ViewService.View => await _views.HandleAsync(request, session).ConfigureAwait(false),
                Why => await WhyAsync(request, session).ConfigureAwait(false),
                Usage => await UsageAsync(session).ConfigureAwait(false),
                _ => throw Bad($"'do' is '{request.Do}', which this stack does not know"),
            };
        }
        catch (Exception e) when (e is ObjectDisposedException or InvariantException
            or SocketException { SocketErrorCode: SocketError.ConnectionAborted })
        {
            throw new CommandException(ExitCode.ExperimentFailed, "the stack has ended");
        }
    }

    // The article's program: socket, bind and listen without any option, so that errors are those of the calls.
    private async Task<ControlReply> ListenAsync(ControlRequest request, ControlSession session)
    {
        InetEndpoint local = Endpoint(request);
        int family = local.Address.IsIPv4 ? AddressFamilyInet : AddressFamilyInet6;
        int backlog = request.Backlog ?? throw Bad("'backlog' is missing");
        (string call, int result, int descriptor) = await stack.InvokeAsync(s =>
        {
            int fd = s.Calls.Socket(family, SocketTypeStream, 0);
            if (fd < 0)
            {
                return ("socket()", fd, fd);
            }

            int error = s.Calls.Bind(fd, local);
            string failed = "bind()";
            if (error >= 0)
            {
                error = s.Calls.Listen(fd, backlog);
                failed = "listen()";
            }

            if (error < 0)
            {
                s.Calls.Close(fd);
            }

            return (failed, error, fd);
        }).ConfigureAwait(false);
        if (result < 0)
        {
            return Failed(call, local, Errno.Name(result));
        }

        session.Own(() => CloseAsync(descriptor));
        return Done;
    }

    private async Task CloseAsync(int descriptor)
    {
        try
        {
            await stack.InvokeAsync(s => s.Calls.Close(descriptor)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvariantException or SocketException)
        {
            // The stack's end was the socket's end too.
        }
    }

    private async Task<ControlReply> ConnectAsync(ControlRequest request, ControlSession session)
    {
        InetEndpoint remote = Endpoint(request);
        try
        {
            EarshotSocket socket = stack.CreateSocket(
                remote.Address.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6);
            session.Own(() =>
            {
                socket.Dispose();
                return Task.CompletedTask;
            });
            await socket.ConnectAsync(new IPEndPoint(remote.Address.ToIPAddress(), remote.Port), session.Gone)
                .ConfigureAwait(false);
            return Done;
        }
        catch (SocketException e) when (stack.Failure is null && e.SocketErrorCode != SocketError.OperationAborted)
        {
            return Failed("connect()", remote, SocketErrorNames.Errno(e.SocketErrorCode));
        }
    }

    private async Task<ControlReply> SysctlAsync(ControlRequest request, ControlSession session)
    {
        string name = request.Name ?? throw Bad("'name' is missing");
        (bool found, int result, string value, string profile) = await stack.InvokeAsync(s =>
        {
            int set = request.Value is { } wanted ? s.Sysctls.Set(name, wanted) : 0;
            bool isThere = s.Sysctls.TryGet(name, out string now);
            return (isThere, set, now, s.Profile.Name);
        }).ConfigureAwait(false);
        if (!found || result < 0)
        {
            throw new CommandException(
                ExitCode.Usage,
                found ? $"sysctl: {name} cannot be '{request.Value}'; it stays '{value}'"
                    : $"sysctl: {profile} has no '{name}', or this stack does not use it (earshot sysctl -a lists "
                        + "all)");
        }

        await session.SendLinesAsync([$"{name} = {value}"]).ConfigureAwait(false);
        return Done;
    }

    private async Task<ControlReply> SysctlsAsync(ControlSession session)
    {
        List<string> lines = await stack.InvokeAsync(s => s.Sysctls.Names
            .Select(name => $"{name} = {(s.Sysctls.TryGet(name, out string value) ? value : "")}").ToList())
            .ConfigureAwait(false);
        await session.SendLinesAsync(lines).ConfigureAwait(false);
        return Done;
    }

    private async Task<ControlReply> WhyAsync(ControlRequest request, ControlSession session)
    {
        int port = request.Port is >= 1 and <= ushort.MaxValue and { } given ? given : throw Bad("'port' is missing");
        IReadOnlyList<string> lines = await stack.InvokeAsync(s => WhyView.Lines(s, port)).ConfigureAwait(false);
        if (lines.Count == 0)
        {
            throw new CommandException(ExitCode.Findings, $"why: no socket has port {port}, and none ever had");
        }

        await session.SendLinesAsync(lines).ConfigureAwait(false);
        return Done;
    }

    private async Task<ControlReply> UsageAsync(ControlSession session)
    {
        (StackUsage usage, int sockets, int orphans) = await stack
            .InvokeAsync(s => (s.Usage, s.DescriptorCount, s.OrphanCount)).ConfigureAwait(false);
        await session.SendLinesAsync(
        [
            $"sockets {sockets}", $"connections {usage.Connections}", $"orphans {orphans}",
            $"requests {usage.Requests}", $"timewaits {usage.TimeWaits}", $"timers {usage.Timers}",
            $"buffer_bytes {usage.BufferBytes}", $"fragment_bytes {usage.FragmentBytes}",
            $"managed_bytes {GC.GetTotalMemory(forceFullCollection: false)}",
        ]).ConfigureAwait(false);
        return Done;
    }

    private static InetEndpoint Endpoint(ControlRequest request)
    {
        if (!InetAddress.TryParse(request.Address, out InetAddress address))
        {
            throw Bad($"'address' is '{request.Address}', not an IP address");
        }

        return request.Port is >= 0 and <= ushort.MaxValue and { } port
            ? new InetEndpoint(address, (ushort)port) : throw Bad("'port' is not one from 0 to 65535");
    }

    private static ControlReply Failed(string call, InetEndpoint endpoint, string errno) =>
        new() { Error = $"{call} for {endpoint}: {errno}", Errno = errno, Exit = ExitCode.ExperimentFailed };

    private static CommandException Bad(string problem) => new(ExitCode.Usage, $"bad request: {problem}");
}
