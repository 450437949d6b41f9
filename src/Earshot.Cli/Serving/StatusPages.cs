using System;
using System.Diagnostics;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Sockets;

namespace Earshot.Cli.Serving;

/// <summary>The status page of a stack, made anew at most ten times a second: who asks for it must not slow the stack
/// down.</summary>
internal sealed class StatusPages(EarshotStack stack)
{
    private static readonly TimeSpan Age = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private Task<byte[]>? _page;
    private long _made;

    /// <summary>The page as UTF-8.</summary>
    internal Task<byte[]> CurrentAsync()
    {
        lock (_lock)
        {
            if (_page is null || Stopwatch.GetElapsedTime(_made) > Age)
            {
                _made = Stopwatch.GetTimestamp();
                _page = MakeAsync();
            }

            return _page;
        }
    }

    private async Task<byte[]> MakeAsync()
    {
        StatusPage page = await stack.InvokeAsync(StatusPage.Of).ConfigureAwait(false);
        return Encoding.UTF8.GetBytes(page.Html());
    }
}
