using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Driving;
using Earshot.Core;
using Xunit;

namespace Earshot.Cli.Tests.Driving;

public sealed class DriveLoopTests
{
    [Fact]
    public async Task Every_line_has_one_answer_in_its_order()
    {
        List<JsonObject> replies = await RunAsync(
            Encoding.UTF8.GetBytes("socket a tcp\r\n\nnonsense\nsocket b tcp\nsocket b tcp"));
        Assert.Equal(
            ["", "ENOSYS", "ENOSYS", "", "EEXIST"], replies.Select(reply => (string?)reply["err"] ?? ""));
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused_and_the_next_is_read()
    {
        byte[] input = new byte[DriveInput.MaxLength + 100_000];
        Array.Fill(input, (byte)'a');
        Encoding.UTF8.GetBytes("\nsocket a tcp\n").CopyTo(input, input.Length - 14);
        List<JsonObject> replies = await RunAsync(input);
        Assert.Equal(["EMSGSIZE", ""], replies.Select(reply => (string?)reply["err"] ?? ""));
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_no_command()
    {
        List<JsonObject> replies = await RunAsync([0xff, 0xfe, 0, 0x80, (byte)'\n', 0xc3, (byte)'\n']);
        Assert.Equal(["ENOSYS", "ENOSYS"], replies.Select(reply => (string)reply["err"]!));
    }

    [Fact]
    public async Task Lines_sent_ahead_of_the_end_are_carried_out_with_their_waits()
    {
        long start = Stopwatch.GetTimestamp();
        List<JsonObject> replies = await RunAsync(Encoding.UTF8.GetBytes(
            "socket l tcp\nlisten l 5\naccept l a 0.4\ngetopt l acceptconn\n"));
        Assert.Equal(["", "", "EAGAIN", ""], replies.Select(reply => (string?)reply["err"] ?? ""));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.4, 8);
    }

    [Fact]
    public async Task Answers_come_while_the_input_stays_open()
    {
        await using var pair = new DrivenPair();
        var input = new Pipe();
        using var output = new StringWriter();
        Task loop = new DriveLoop(pair.A, new DriveInput(input.Reader.AsStream()), output).RunAsync(default);
        await input.Writer.WriteAsync(Encoding.UTF8.GetBytes("socket a tcp\nsock"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!output.ToString().EndsWith('\n'))
        {
            await Task.Delay(5, limit.Token);
        }

        Assert.Equal("{\"ok\":true}\n", output.ToString());
        Assert.False(loop.IsCompleted);
        await input.Writer.WriteAsync(Encoding.UTF8.GetBytes("et b tcp\n"));
        await input.Writer.CompleteAsync();
        await loop.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("{\"ok\":true}\n{\"ok\":true}\n", output.ToString());
    }

    [Fact]
    public async Task A_wish_to_end_is_heard_while_a_command_waits()
    {
        await using var pair = new DrivenPair();
        using var input = new MemoryStream(Encoding.UTF8.GetBytes("socket l tcp\nlisten l 5\naccept l a 60\n"));
        using var output = new StringWriter();
        using var end = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new DriveLoop(pair.A, new DriveInput(input), output).RunAsync(end.Token)
                .WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [InlineData("10.0.0.1", 24, "10.0.0.2/24")]
    [InlineData("10.0.0.2", 24, "10.0.0.3/24")]
    [InlineData("10.0.0.254", 24, "10.0.0.253/24")]
    [InlineData("192.168.7.1", 30, "192.168.7.2/30")]
    [InlineData("192.168.7.2", 30, "192.168.7.1/30")]
    [InlineData("192.168.7.0", 31, "192.168.7.1/31")]
    [InlineData("192.168.7.1", 31, "192.168.7.0/31")]
    [InlineData("10.0.0.1", 0, "10.0.0.2/0")]
    [InlineData("fd00::1", 64, "fd00::2/64")]
    [InlineData("fd00::1", 8, "fd00::2/8")]
    [InlineData("fd00::1", 127, "fd00::/127")]
    public void The_stack_takes_the_address_beside_the_kernels(string kernel, int length, string own)
    {
        Assert.True(KernelSide.TryNeighbor(IPAddress.Parse(kernel), length, out InterfaceAddress neighbor));
        Assert.Equal(own, neighbor.ToString());
    }

    [Theory]
    [InlineData("10.0.0.1", 32)]
    [InlineData("fd00::1", 128)]
    public void A_kernel_that_is_alone_in_its_network_has_no_neighbor(string kernel, int length) =>
        Assert.False(KernelSide.TryNeighbor(IPAddress.Parse(kernel), length, out _));

    private static async Task<List<JsonObject>> RunAsync(byte[] bytes)
    {
        await using var pair = new DrivenPair();
        using var input = new MemoryStream(bytes);
        using var output = new StringWriter();
        await new DriveLoop(pair.A, new DriveInput(input), output).RunAsync(default)
            .WaitAsync(TimeSpan.FromSeconds(20));
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!.AsObject())];
    }
}
