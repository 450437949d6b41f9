using System;
using System.Text;
using Earshot.Core;
using Xunit;

namespace Earshot.Native.Tests;

/// <summary>What C programs cannot bring about.</summary>
public sealed unsafe class EngineTests
{
    [Fact]
    public void A_stack_that_finds_itself_broken_says_why_in_its_kernel_log()
    {
        using Engine engine = Engine.Create("address = 10.0.0.1/24", 3_000_000);
        Assert.Equal(-Errno.ENOTRECOVERABLE, engine.Break(new InvariantException("two and two are five")));
        Assert.True(engine.IsBroken);
        Span<byte> text = stackalloc byte[300];
        ulong cursor = 0;
        fixed (byte* buffer = text)
        {
            int length = engine.KernelLog(&cursor, buffer, (nuint)text.Length);
            Assert.StartsWith(
                "0.003000 earshot: this stack is broken: InvariantException: two and two are five",
                Encoding.UTF8.GetString(text[..length]));
        }
    }

    [Fact]
    public void A_reader_of_a_log_that_fell_behind_is_told_how_many_lines_it_lost()
    {
        using Engine engine = Engine.Create("", 0);
        for (int i = 0; i < KernelLog.Limit + 5; i++)
        {
            engine.Stack.Log.Add(engine.Stack.Now, $"line {i}");
        }

        Span<byte> text = stackalloc byte[40];
        ulong cursor = 2;
        fixed (byte* buffer = text)
        {
            int length = engine.KernelLog(&cursor, buffer, (nuint)text.Length);
            Assert.Equal("... 3 lost\n0.000000 line 5\n", Encoding.UTF8.GetString(text[..length]));
            Assert.Equal(0, text[length]);
            Assert.Equal(6ul, cursor);
            Assert.Equal(-Errno.ENOSPC, engine.KernelLog(&cursor, buffer, 5));
            Assert.Equal(-Errno.ENOSPC, engine.KernelLog(&cursor, null, 0));
            Assert.Equal(6ul, cursor);
            cursor = ulong.MaxValue;
            Assert.Equal(0, engine.KernelLog(&cursor, buffer, 5));
        }
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        using Engine engine = Engine.Create("address = 10.0.0.1/24\naddress = fd00::1/64", 0);
        byte* packet = stackalloc byte[2048];
        PacketMeta meta;
        int fd = engine.Socket(2, 1, 0);
        int refusals = 0;
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                engine.Advance(engine.Stack.Now.Nanoseconds + 1000);
                engine.Receive(packet, 20, null);
                engine.Transmit(packet, 2048, &meta);
                engine.NextTimer();
                engine.SendTo(fd, packet, 100, 0, null, 0);
                engine.Poll(null, 0);
                fixed (byte* name = "TcpInSegs\0"u8)
                {
                    long value;
                    refusals += engine.GetCounter(name, &value);
                }
            }

            if (round == 2)
            {
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }

        Assert.Equal(0, refusals);
    }
}
