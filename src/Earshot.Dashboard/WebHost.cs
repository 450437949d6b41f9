using System;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Earshot.Dashboard;

/// <summary>What the web server shows.</summary>
internal sealed record WebOptions
{
    public required IPEndPoint Listen { get; init; }

    /// <summary>Needed where other machines can reach it.</summary>
    public string? Token { get; init; }

    /// <summary>Whether metrics carry the name of a process, which can be anything.</summary>
    public bool WithProcess { get; init; }

    /// <summary>Whether there is the dashboard too, or only /metrics.</summary>
    public bool WithPages { get; init; }
}

/// <summary>The web server of <c>earshot export</c> and <c>earshot dashboard</c>.</summary>
internal sealed class WebHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebHost(WebApplication app) => _app = app;

    /// <summary>Where it listens, with the port it was given.</summary>
    public Uri Address => new(_app.Urls.First());

    /// <summary>Starts it.</summary>
    /// <exception cref="UnauthorizedAccessException">Other machines could reach it, and there is no token.</exception>
    public static async Task<WebHost> StartAsync(
        MonitorService service, WebOptions options, CancellationToken cancellation)
    {
        if (WebGuard.Problem(options.Listen, options.Token) is { } problem)
        {
            throw new UnauthorizedAccessException(problem);
        }

        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Listen);
            kestrel.AddServerHeader = false;
        });
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host =>
            host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        WebApplication app = builder.Build();
        var guard = new WebGuard(options.Token, IPAddress.IsLoopback(options.Listen.Address));
        app.Use(next => context => guard.InvokeAsync(context, next));
        app.MapGet("/metrics", context => MetricsAsync(context, service, options.WithProcess));
        app.MapGet("/-/healthy", context => context.Response.WriteAsync("fine\n"));
        if (options.WithPages)
        {
            Pages.Map(app, service);
        }
        else
        {
            app.MapGet("/", context => context.Response.WriteAsync("the metrics are at /metrics\n"));
        }

        await app.StartAsync(cancellation).ConfigureAwait(false);
        return new WebHost(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task MetricsAsync(HttpContext context, MonitorService service, bool withProcess)
    {
        bool open = context.Request.Headers.Accept.ToString()
            .Contains("application/openmetrics-text", StringComparison.Ordinal);
        MetricsSnapshot snapshot = await service.MetricsAsync().ConfigureAwait(false);
        context.Response.ContentType = open ? MetricsText.OpenMetricsType : MetricsText.PrometheusType;
        await context.Response.WriteAsync(MetricsText.Write(
            snapshot, open ? MetricsFormat.OpenMetrics : MetricsFormat.Prometheus, withProcess)).ConfigureAwait(false);
    }
}
