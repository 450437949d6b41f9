using System;
using System.Buffers.Binary;
using System.Text;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <content>What the programs do that few programs do.</content>
internal sealed partial class TalkEndpoint
{
    private const int LevelSocket = 1;
    private const int LevelTcp = 6;
    private const int Oob = 1;
    private const int EndOfRecord = 0x80;
    private const int More = 0x8000;
    private const int KeyLength = 8;

    private static readonly string[] Algorithms = ["reno", "cubic", "bbr", "dctcp"];

    private bool Has(TalkHabits habit) => (_talk.Habits & habit) != 0;

    /// <summary>Sets what the habits ask for from the beginning.</summary>
    private void PrepareHabits(int socket, InetEndpoint peer, bool isListener)
    {
        const int KeepAlive = 9;
        const int OobInline = 10;
        const int KeepIdle = 4;
        const int KeepInterval = 5;
        const int KeepCount = 6;
        const int UserTimeout = 18;
        const int FastOpen = 23;
        const int FastOpenConnect = 30;
        const int Backlog = 5;
        if (Has(TalkHabits.KeepAlive))
        {
            SetNumber(socket, LevelSocket, KeepAlive, 1);
            SetNumber(socket, LevelTcp, KeepIdle, 10);
            SetNumber(socket, LevelTcp, KeepInterval, 5);
            SetNumber(socket, LevelTcp, KeepCount, 9);
        }

        if (Has(TalkHabits.UserTimeout))
        {
            SetNumber(socket, LevelTcp, UserTimeout, 90_000);
        }

        if (Has(TalkHabits.Urgent))
        {
            SetNumber(socket, LevelSocket, OobInline, 1);
        }

        if (Has(TalkHabits.FastOpen))
        {
            SetNumber(socket, LevelTcp, isListener ? FastOpen : FastOpenConnect, isListener ? Backlog : 1);
        }

        if (Has(TalkHabits.Signed))
        {
            SetKey(socket, peer.Address);
        }
    }

    /// <summary>Changes something, now and then.</summary>
    private void Fidget()
    {
        const int Cork = 3;
        const int QuickAck = 12;
        const int NotSentLowWater = 25;
        const int SendBuffer = 7;
        const int ReceiveBuffer = 8;
        const int WindowClamp = 10;
        const int Congestion = 13;
        const int MaximumPace = 47;
        if (_talk.Habits == TalkHabits.None || _chance.Below(4) != 0)
        {
            return;
        }

        if (Has(TalkHabits.Fidgets))
        {
            (int name, int value) = _chance.Below(4) switch
            {
                0 => (1, (int)_chance.Below(2)),
                1 => (Cork, (int)_chance.Below(2)),
                2 => (QuickAck, (int)_chance.Below(2)),
                _ => (NotSentLowWater, 1 + (int)_chance.Below(100_000)),
            };
            SetNumber(_socket, LevelTcp, name, value);
        }

        if (Has(TalkHabits.Resizes))
        {
            int size = 1 << (int)(8 + _chance.Below(10));
            (int level, int name) = _chance.Below(3) switch
            {
                0 => (LevelSocket, SendBuffer),
                1 => (LevelSocket, ReceiveBuffer),
                _ => (LevelTcp, WindowClamp),
            };
            SetNumber(_socket, level, name, size);
        }

        if (Has(TalkHabits.ChangesPace))
        {
            if (_chance.Below(2) == 0)
            {
                Demand(
                    _host.Calls.SetSocketOption(
                        _socket, LevelTcp, Congestion,
                        Encoding.ASCII.GetBytes(Algorithms[_chance.Below((uint)Algorithms.Length)])) == 0,
                    "TCP_CONGESTION failed");
            }
            else
            {
                SetNumber(_socket, LevelSocket, MaximumPace, 20_000 << (int)_chance.Below(12));
            }
        }
    }

    /// <summary>The flags of the next send().</summary>
    private int SendFlags()
    {
        int flags = 0;
        if (Has(TalkHabits.Records))
        {
            flags |= _chance.Below(3) switch { 0 => More, 1 => EndOfRecord, _ => 0 };
        }

        if (Has(TalkHabits.Urgent) && _chance.Below(8) == 0)
        {
            flags |= Oob;
        }

        return flags;
    }

    private void SetNumber(int socket, int level, int name, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        int result = _host.Calls.SetSocketOption(socket, level, name, bytes);
        Demand(result == 0, $"setsockopt({level}, {name}, {value}) gave {result}");
    }

    // Linux: struct tcp_md5sig, with the key after 136 bytes.
    private void SetKey(int socket, InetAddress peer)
    {
        const int Signature = 14;
        const int Length = 216;
        const int KeyLengthOffset = 130;
        const int KeyOffset = 136;
        Span<byte> bytes = stackalloc byte[Length];
        bytes.Clear();
        WriteName(bytes, peer);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[KeyLengthOffset..], KeyLength);
        bytes.Slice(KeyOffset, KeyLength).Fill((byte)_talk.Port);
        Demand(_host.Calls.SetSocketOption(socket, LevelTcp, Signature, bytes) == 0, "TCP_MD5SIG failed");
    }

    private static void WriteName(Span<byte> name, InetAddress address)
    {
        const int AddressOffset4 = 4;
        const int AddressOffset6 = 8;
        BinaryPrimitives.WriteUInt16LittleEndian(name, (ushort)(address.IsIPv4 ? 2 : 10));
        address.Write(name[(address.IsIPv4 ? AddressOffset4 : AddressOffset6)..]);
    }
}
