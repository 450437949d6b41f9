using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Kestrel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Earshot.Sockets.Tests;

/// <summary>A web server on a stack, and clients for it.</summary>
internal static class KestrelHost
{
    public static async Task<WebApplication> ServeAsync(
        EndPoint endpoint,
        Action<EarshotTransportOptions>? configure = null,
        EndPoint? also = null,
        Action<ListenOptions>? listen = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseEarshot(configure);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Limits.MaxRequestBodySize = null;
            options.Listen(endpoint, listen ?? (_ => { }));
            if (also is not null)
            {
                options.Listen(also);
            }
        });
        builder.Services.AddSingleton<Gate>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        WebApplication app = builder.Build();
        app.MapGet("/hello", (HttpContext context) => $"hello {context.Connection.RemoteIpAddress}");
        app.MapPost("/echo", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length));
        });
        app.MapGet("/random/{length}", (int length) => Results.Bytes(Testbed.RandomBytes(length, length)));
        app.MapGet("/gate", (HttpContext context, Gate gate) => gate.PassAsync(context.RequestAborted));
        app.MapGet("/abort", (HttpContext context) => context.Abort());
        app.MapGet("/long/{length}", async (HttpContext context, Gate gate, int length) =>
        {
            byte[] piece = new byte[10_000];
            for (; gate.Written < length; gate.Written += piece.Length)
            {
                await context.Response.Body.WriteAsync(piece);
            }
        });
        await app.StartAsync().Soon();
        return app;
    }

    public static HttpClient ClientOn(EarshotStack stack) => new(new SocketsHttpHandler
    {
        ConnectCallback = (context, cancellation) => ConnectAsync(stack, context, cancellation),
    });

    public static async ValueTask<Stream> ConnectAsync(
        EarshotStack stack, SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        IPAddress address = IPAddress.Parse(context.DnsEndPoint.Host);
        return new EarshotStream(
            await stack.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellation));
    }

    public static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=earshot", key, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), password: null);
    }
}

/// <summary>A request that stays inside until it is let through.</summary>
internal sealed class Gate
{
    public SemaphoreSlim Entered { get; } = new(0);

    public SemaphoreSlim Open { get; } = new(0);

    public SemaphoreSlim Left { get; } = new(0);

    public bool WasAborted { get; private set; }

    public long Written { get; set; }

    public async Task<string> PassAsync(CancellationToken aborted)
    {
        Entered.Release();
        try
        {
            await Open.WaitAsync(aborted);
        }
        catch (OperationCanceledException)
        {
            WasAborted = true;
        }
        finally
        {
            Left.Release();
        }

        return "through";
    }
}
