using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Wire;
using Earshot.Lab.Native;

namespace Earshot.Host.Tests.Scans;

/// <summary>Every IPv4 packet that arrives in a named network namespace, from one thread that has entered it.</summary>
internal sealed class ReplyCapture : IDisposable
{
    private const int NewNetwork = 0x40000000;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    private readonly List<byte[]> _packets = [];
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ready = new();
    private readonly Thread _thread;
    private volatile bool _isOver;

    private ReplyCapture(string space) =>
        _thread = new Thread(() => Run(space)) { IsBackground = true, Name = "capture" };

    /// <summary>Starts capturing.</summary>
    public static async Task<ReplyCapture> StartAsync(string space)
    {
        var capture = new ReplyCapture(space);
        capture._thread.Start();
        await capture._ready.Task;
        return capture;
    }

    /// <summary>The packets that came from an address, as text, in their order.</summary>
    /// <param name="from">The address.</param>
    /// <param name="port">The port that they have to be for; null for packets that are not TCP.</param>
    public List<string> From(string from, int? port)
    {
        var source = InetAddress.Parse(from);
        List<string> texts = [];
        lock (_lock)
        {
            foreach (byte[] packet in _packets)
            {
                if (InetAddress.Read(packet.AsSpan(12)) == source && (port is null || PortOf(packet) == port))
                {
                    texts.Add(ReplyText.Of(packet));
                }
            }
        }

        return texts;
    }

    /// <summary>Forgets what has come.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _packets.Clear();
        }
    }

    public void Dispose()
    {
        _isOver = true;
        _thread.Join(TimeSpan.FromSeconds(5));
    }

    /// <summary>The port that an answer is for: the destination's, or of an error the source's in its quote.</summary>
    private static int PortOf(byte[] packet)
    {
        int header = (packet[0] & 0xf) * 4;
        int quote = header + 8;
        if (packet[9] == 1 && packet.Length > quote + 20)
        {
            int at = quote + ((packet[quote] & 0xf) * 4);
            return at + 2 <= packet.Length ? (packet[at] << 8) | packet[at + 1] : 0;
        }

        return packet.Length >= header + 4 ? (packet[header + 2] << 8) | packet[header + 3] : 0;
    }

    private void Run(string space)
    {
        try
        {
            int descriptor = Libc.Open($"/run/netns/{space}", Libc.OpenReadOnly | Libc.OpenCloexec);
            int entered = Libc.SetNamespace(descriptor, NewNetwork);
            _ = Libc.Close(descriptor);
            if (entered < 0 || !PacketRing.TryOpen(out PacketRing? ring, out string problem))
            {
                throw new InvalidOperationException($"the namespace {space} cannot be listened to");
            }

            using (ring)
            {
                _ready.SetResult();
                while (!_isOver)
                {
                    ring.Drain(Keep);
                    Thread.Sleep(Look);
                }
            }
        }
        catch (Exception e)
        {
            _ready.TrySetException(e);
        }
    }

    private void Keep(long time, ReadOnlySpan<byte> packet, int length, bool outgoing)
    {
        lock (_lock)
        {
            _packets.Add(packet.ToArray());
        }
    }
}
