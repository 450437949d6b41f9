using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using System.Threading.Tasks;
using Earshot.Monitor.Explaining;
using Earshot.Monitor.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Earshot.Dashboard;

/// <summary>The dashboard's pages and what they ask for.</summary>
internal static class Pages
{
    private const int MostViewers = 16;
    private static int _viewers;

    /// <summary>Adds them to a web server.</summary>
    public static void Map(WebApplication app, MonitorService service)
    {
        app.MapGet("/", context => FileAsync(context, "index.html"));
        app.MapGet("/{name}", (HttpContext context, string name) => FileAsync(context, name));
        app.MapGet("/api/state", async (HttpContext context) =>
        {
            string? at = context.Request.Query["at"];
            DateTimeOffset? moment = null;
            if (at is not null)
            {
                if (!long.TryParse(at, CultureInfo.InvariantCulture, out long milliseconds)
                    || milliseconds is < 0 or > 253402300799999)
                {
                    context.Response.StatusCode = StatusCodes.Status400BadRequest;
                    return;
                }

                moment = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            }

            await JsonAsync(context, await service.AskAsync(session => PageStates.At(session, moment))
                .ConfigureAwait(false)).ConfigureAwait(false);
        });
        app.MapGet("/api/listener/{cookie}", async (HttpContext context, string cookie) =>
        {
            ListenerPast? past = await service.AskAsync(session => PageStates.Of(session, cookie))
                .ConfigureAwait(false);
            if (past is null)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            await JsonAsync(context, past).ConfigureAwait(false);
        });
        app.MapGet("/api/explain", (HttpContext context) => JsonAsync(
            context,
            Terms.Find(context.Request.Query["name"].ToString()) is { } term
                ? term.Lines.Select(line => new { line.Heading, line.Text })
                : []));
        app.MapGet("/events", context => EventsAsync(context, service));
    }

    // Server-sent events: the whole state with each sample.
    private static async Task EventsAsync(HttpContext context, MonitorService service)
    {
        if (System.Threading.Interlocked.Increment(ref _viewers) > MostViewers)
        {
            System.Threading.Interlocked.Decrement(ref _viewers);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        try
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-store";
            while (!context.RequestAborted.IsCancellationRequested)
            {
                Task next = service.NextSample;
                PageState state = await service.AskAsync(session => PageStates.At(session, null)).ConfigureAwait(false);
                await context.Response.WriteAsync(
                    $"data: {JsonSerializer.Serialize(state, MonitorJson.Compact)}\n\n", context.RequestAborted)
                    .ConfigureAwait(false);
                await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                await next.WaitAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The viewer left.
        }
        finally
        {
            System.Threading.Interlocked.Decrement(ref _viewers);
        }
    }

    private static Task JsonAsync<T>(HttpContext context, T value)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(JsonSerializer.Serialize(value, MonitorJson.Compact));
    }

    private static async Task FileAsync(HttpContext context, string name)
    {
        using Stream? file = Assembly.GetExecutingAssembly().GetManifestResourceStream("web/" + name);
        if (file is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.ContentType = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            _ => "text/css; charset=utf-8",
        };
        context.Response.Headers.CacheControl = "no-cache";
        await file.CopyToAsync(context.Response.Body).ConfigureAwait(false);
    }
}
