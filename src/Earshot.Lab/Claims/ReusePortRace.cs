using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Earshot.Lab.Native;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Claims;

/// <summary>One listener against several that share its port by SO_REUSEPORT, on the host's kernel over
/// loopback.</summary>
/// <remarks>A figure of this machine at this moment, not a verdict: how much a group gains depends on cores, on what is
/// done with a connection and on how the clients come.</remarks>
internal static class ReusePortRace
{
    private const int Accepters = 4;
    private const int Clients = 2;
    // Large enough that no client outruns the accepters and has to send its SYN again a second later.
    private const int Backlog = 4096;
    private const int SolSocket = 1;
    private const int SoReusePort = 15;
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(1);

    internal static string Run()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new CannotRunHereException("SO_REUSEPORT groups are asked of a Linux kernel");
        }

        double one = Race(listeners: 1);
        double several = Race(Accepters);
        string times = (several / one).ToString("0.0", CultureInfo.InvariantCulture);
        return $"on this host {Accepters} accepters take {(int)one} connections a second from one listener and "
            + $"{(int)several} from {Accepters} in a group: {times} times as many on {Environment.ProcessorCount} "
            + "cores; a single measurement decides nothing";
    }

    private static double Race(int listeners)
    {
        var sockets = new List<Socket>();
        int accepted = 0;
        int stop = 0;
        try
        {
            IPEndPoint end = new(IPAddress.Loopback, 0);
            for (int i = 0; i < listeners; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(socket);
                socket.SetRawSocketOption(SolSocket, SoReusePort, BitConverter.GetBytes(1));
                socket.Bind(end);
                end = (IPEndPoint)socket.LocalEndPoint!;
                socket.Listen(Backlog);
            }

            unsafe void Accept(int listener)
            {
                int connection;
                while ((connection = Libc.Accept(listener, null, null, 0)) >= 0)
                {
                    HostSocket.Close(connection);
                    Interlocked.Increment(ref accepted);
                }
            }

            void Connect()
            {
                while (Volatile.Read(ref stop) == 0)
                {
                    using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    client.LingerState = new LingerOption(true, 0);
                    client.Connect(end);
                }
            }

            Thread[] threads =
            [
                .. Enumerable.Range(0, Accepters)
                    .Select(i => new Thread(() => Accept((int)sockets[i % listeners].Handle))),
                .. Enumerable.Range(0, Clients).Select(_ => new Thread(Connect)),
            ];
            var watch = Stopwatch.StartNew();
            Array.ForEach(threads, thread => thread.Start());
            Thread.Sleep(Length);
            int counted = Volatile.Read(ref accepted);
            double seconds = watch.Elapsed.TotalSeconds;
            Volatile.Write(ref stop, 1);
            Array.ForEach(threads[Accepters..], thread => thread.Join());

            // Whoever sleeps in accept() wakes when the listener stops.
            sockets.ForEach(socket => HostSocket.Interrupt((int)socket.Handle));
            Array.ForEach(threads, thread => thread.Join());
            return counted / seconds;
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }
}
