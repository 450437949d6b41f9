using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Time;

namespace Earshot.Native;

/// <summary>What an es_stack points to: a stack, and what its callers' memory has to be turned into.</summary>
/// <remarks>The functions of earshot.h are its methods; <see cref="Exports"/> only finds it and guards the
/// border.</remarks>
internal sealed unsafe partial class Engine : IDisposable
{
    /// <summary>What a stack that found itself broken answers.</summary>
    internal const int Broken = -Errno.ENOTRECOVERABLE;

    /// <summary>The interface that packets go by: the first after loopback.</summary>
    private const int Interface = 2;

    private const int LargestPacket = 65535;

    private readonly NetworkStack _stack;
    private readonly List<string> _sysctlNames;
    private readonly List<string> _counterNames;

    private Engine(NetworkStack stack)
    {
        _stack = stack;
        Calls = stack.Calls;
        _sysctlNames = [.. stack.Sysctls.Names];
        _counterNames = [];
        foreach (KeyValuePair<string, long> counter in stack.Mib.All)
        {
            _counterNames.Add(counter.Key);
        }
    }

    /// <summary>Whether something in it went wrong that must not: no call is answered any more.</summary>
    internal bool IsBroken { get; private set; }

    /// <summary>The stack, for tests.</summary>
    internal NetworkStack Stack => _stack;

    private SocketCalls Calls { get; }

    /// <summary>Makes a stack from its configuration.</summary>
    /// <exception cref="ConfigException">A line cannot be.</exception>
    internal static Engine Create(string text, long now)
    {
        if (now < 0)
        {
            throw new ConfigException(0, $"the clock starts at {now}, before its zero");
        }

        StackConfig config = StackConfig.Parse(text);
        NetworkStack stack;
        try
        {
            stack = new NetworkStack(config.ToOptions(), new Instant(now));
        }
        catch (ArgumentException e)
        {
            throw new ConfigException(0, e.Message);
        }

        foreach ((string name, string value, int line) in config.Sysctls)
        {
            int result = stack.Sysctls.Set(name, value);
            if (result != 0)
            {
                stack.Dispose();
                throw new ConfigException(line, result switch
                {
                    -Errno.EACCES => $"sysctl {name} cannot be set",
                    -Errno.ENOENT when !stack.Sysctls.TryGet(name, out _) => $"unknown sysctl '{name}'",
                    _ => $"sysctl {name} cannot be '{value}'",
                });
            }
        }

        return new Engine(stack);
    }

    /// <summary>Something went wrong inside: from now on nothing works, and the kernel log says why.</summary>
    internal int Break(Exception e)
    {
        IsBroken = true;
        string trace = e.StackTrace ?? "";
        int end = trace.IndexOf('\n', StringComparison.Ordinal);
        string where = (end < 0 ? trace : trace[..end]).Trim();
        string message = e.Message.ReplaceLineEndings(" ");
        _stack.Log.Add(_stack.Now, $"earshot: this stack is broken: {e.GetType().Name}: {message} ({where})");
        return Broken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stack.Dispose();
        NativeMemory.Free(_scratch);
        _scratch = null;
    }

    /// <summary>es_advance.</summary>
    internal int Advance(long now)
    {
        if (now < _stack.Now.Nanoseconds)
        {
            return -Errno.EINVAL;
        }

        _stack.OnTimer(new Instant(now));
        return 0;
    }

    /// <summary>es_next_timer.</summary>
    internal long NextTimer() => _stack.NextTimer is { } next ? next.Nanoseconds : -1;

    /// <summary>es_receive.</summary>
    internal int Receive(byte* packet, nuint length, PacketMeta* meta)
    {
        if (length is 0 or > LargestPacket)
        {
            return -Errno.EINVAL;
        }

        if (packet == null)
        {
            return -Errno.EFAULT;
        }

        PacketInfo info = default;
        if (meta != null)
        {
            // A checksum that is still to be filled in was never wrong: so comes what another stack left to its caller.
            bool good = (meta->Flags & (PacketMeta.ChecksumGood | PacketMeta.ChecksumPartial)) != 0;
            info = new PacketInfo(
                good ? PacketFlags.ChecksumGood : PacketFlags.None, (ushort)Math.Min(meta->GsoSize, LargestPacket),
                mark: meta->Mark);
        }

        _stack.OnPacket(new ReadOnlySpan<byte>(packet, (int)length), Interface, info);
        return 0;
    }

    /// <summary>es_transmit.</summary>
    internal int Transmit(byte* buffer, nuint capacity, PacketMeta* meta)
    {
        if (!_stack.TryTransmit(out OutboundPacket packet))
        {
            return 0;
        }

        ReadOnlySpan<byte> bytes = packet.Bytes;
        if ((nuint)bytes.Length > capacity || buffer == null)
        {
            _stack.CancelTransmit();
            return (nuint)bytes.Length > capacity ? -Errno.EMSGSIZE : -Errno.EFAULT;
        }

        bytes.CopyTo(new Span<byte>(buffer, bytes.Length));
        if (meta != null)
        {
            bool partial = (packet.Info.Flags & PacketFlags.ChecksumPartial) != 0;
            *meta = new PacketMeta
            {
                TimeNs = packet.Time.Nanoseconds,
                Flags = partial ? PacketMeta.ChecksumPartial : 0,
                GsoSize = packet.Info.SegmentSize,
                ChecksumStart = partial ? packet.Info.ChecksumStart : (ushort)0,
                ChecksumOffset = partial ? packet.Info.ChecksumOffset : (ushort)0,
                Mark = packet.Info.Mark,
            };
        }

        int length = bytes.Length;
        _stack.CompleteTransmit();
        return length;
    }
}

/// <summary>struct es_packet.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PacketMeta
{
    /// <summary>ES_CSUM_GOOD.</summary>
    internal const uint ChecksumGood = 1;

    /// <summary>ES_CSUM_PARTIAL.</summary>
    internal const uint ChecksumPartial = 2;

    internal long TimeNs;
    internal uint Flags;
    internal uint GsoSize;
    internal ushort ChecksumStart;
    internal ushort ChecksumOffset;
    internal uint Mark;
}
