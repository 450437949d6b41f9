using System;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Links;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class StackPumpTests
{
    [Fact]
    public async Task An_idle_pump_sleeps()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await Task.Delay(100);
        long before = await stack.InvokeAsync(_ => stack.Pump.Turns);
        await Task.Delay(500);
        long turns = await stack.InvokeAsync(_ => stack.Pump.Turns) - before;
        Assert.InRange(turns, 1, 20);
    }

    [Fact]
    public async Task A_flood_of_packets_starves_neither_calls_nor_timers()
    {
        (MemoryLink wire, MemoryLink flooder) = MemoryLink.CreatePair();
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        using var stop = new CancellationTokenSource();
        byte[] packet = Testbed.RandomBytes(60, 1);
        packet[0] = 0x45;
        var flood = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                // Refused when the pipe is full, which it mostly is.
                flooder.TrySend(packet, default);
            }
        });
        flood.Start();
        try
        {
            using Connected pair = await Connected.MakeAsync(stack);
            for (int i = 0; i < 50; i++)
            {
                await pair.Client.SendAsync(new byte[10]).Soon();
                Assert.Equal(10, await pair.Server.ReceiveAsync(new byte[10]).Soon());
            }

            // A SYN that nobody answers is sent again by a timer, flood or not.
            Task connect = stack.ConnectAsync(Testbed.At(Testbed.AddressB, 80)).AsTask();
            await Task.Delay(1500);
            Assert.False(connect.IsCompleted);
            Assert.InRange(await stack.InvokeAsync(s => s.Mib[Counter.TcpRetransSegs]).Soon(), 1, 10);
        }
        finally
        {
            await stop.CancelAsync();
            flood.Join();
        }
    }

    [Fact]
    public async Task Any_bytes_from_a_link_are_dropped_without_an_exception()
    {
        (MemoryLink wire, MemoryLink sender) = MemoryLink.CreatePair();
        using MemoryLink _ = sender;
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        var random = new Random(11);
        byte[] packet = new byte[1500];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(packet);
            int length = random.Next(1, 200);
            if (i % 2 == 0)
            {
                packet[0] = 0x45;
            }

            while (!sender.TrySend(packet.AsSpan(0, length), default))
            {
                await Task.Yield();
            }

            while (sender.Receive(packet, out LinkPacketInfo __) != 0)
            {
            }
        }

        using Connected pair = await Connected.MakeAsync(stack);
        Assert.Null(stack.Failure);
    }

    [Fact]
    public async Task A_stack_broken_by_its_link_says_what_the_link_said()
    {
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), new BrokenLink());
        await stack.Completion.Soon();
        Assert.Equal("the wire is cut", Assert.IsType<InvalidOperationException>(stack.Failure).Message);
    }

    [Fact]
    public void A_link_and_options_that_do_not_fit_are_refused()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(mtu: 1000);
        using MemoryLink first = a;
        using MemoryLink second = b;
        Assert.Contains("MTU", Assert.Throws<ArgumentException>(
            () => EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1, mtu: 1500), a)).Message);
        Assert.Contains("offload", Assert.Throws<ArgumentException>(
            () => EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1, 1000, InterfaceOffload.Checksum), a)).Message);
        Assert.Contains("one interface", Assert.Throws<ArgumentException>(
            () => EarshotStack.Start(new StackOptions(), a)).Message);
    }

    [Fact]
    public async Task What_a_function_throws_on_the_stacks_thread_comes_back_and_stops_nothing()
    {
        using EarshotStack stack = Testbed.Loopback();
        Task<int> throwing = stack.InvokeAsync<int>(_ => throw new FormatException());
        await Assert.ThrowsAsync<FormatException>(() => throwing.Soon());
        Assert.Equal("linux-6.18", await stack.InvokeAsync(s => s.Profile.Name).Soon());
        Assert.Null(stack.Failure);
    }

    [Fact]
    public async Task The_pumps_own_thread_may_not_wait_for_itself()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        var stream = new EarshotStream(pair.Client, leaveOpen: true);
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => stack.InvokeAsync(_ => stream.Read(new byte[1], 0, 1)).Soon());
    }

    [Fact]
    public async Task Continuations_leave_the_pumps_thread_unless_they_are_inline()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        Assert.False(await ReadsOnPumpThread());
        pair.Server.InlineCompletions = true;
        Assert.True(await ReadsOnPumpThread());

        async Task<bool> ReadsOnPumpThread()
        {
            Task<bool> read = Read();
            await pair.Client.SendAsync(new byte[1]).Soon();
            return await read.Soon();
        }

        async Task<bool> Read()
        {
            ValueTask<int> read = pair.Server.ReceiveAsync(new byte[1]);
            Assert.False(read.IsCompleted);
            await read.ConfigureAwait(false);
            return stack.Pump.IsOnPumpThread;
        }
    }

    private sealed class BrokenLink : ILink
    {
        public string Name => "broken";

        public int Mtu => 1500;

        public LinkOffload Offload => LinkOffload.None;

        public long ReceiveOversized => 0;

        public long SendDropped => 0;

        public int Receive(Span<byte> buffer, out LinkPacketInfo info) =>
            throw new InvalidOperationException("the wire is cut");

        public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info) => true;

        public bool Wait(TimeSpan timeout) => false;

        public void Wake()
        {
        }

        public void Dispose()
        {
        }
    }
}
