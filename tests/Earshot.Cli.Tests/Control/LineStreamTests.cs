using System;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Xunit;

namespace Earshot.Cli.Tests.Control;

public sealed class LineStreamTests
{
    private const int Limit = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1000)]
    public async Task Lines_come_whole_however_the_bytes_come(int piece)
    {
        var lines = new LineStream(new Trickle("one\n\nsixteen-bytes-16\nlast\n", piece), Limit);
        foreach (string expected in (string[])["one", "", "sixteen-bytes-16", "last"])
        {
            Assert.Equal(expected, await ReadAsync(lines));
        }

        Assert.Null(await ReadAsync(lines));
        Assert.Null(await ReadAsync(lines));
    }

    [Theory]
    [InlineData("seventeen-bytes17\n")]
    [InlineData("no end at all, and no end in sight")]
    public async Task A_line_beyond_the_limit_is_refused(string text)
    {
        var lines = new LineStream(new Trickle(text, 5), Limit);
        await Assert.ThrowsAsync<LineTooLongException>(() => ReadAsync(lines));
    }

    [Fact]
    public async Task Bytes_without_a_newline_are_no_line() =>
        Assert.Null(await ReadAsync(new LineStream(new Trickle("cut off", 1000), Limit)));

    [Fact]
    public async Task A_line_is_written_with_its_newline()
    {
        using var stream = new MemoryStream();
        await new LineStream(stream, Limit).WriteLineAsync(Encoding.UTF8.GetBytes("{}"), CancellationToken.None);
        Assert.Equal("{}\n", Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static async Task<string?> ReadAsync(LineStream lines) =>
        await lines.ReadLineAsync(CancellationToken.None) is { } line ? Encoding.UTF8.GetString(line.Span) : null;

    /// <summary>A stream that gives a few bytes at a time.</summary>
    private sealed class Trickle(string text, int piece) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
