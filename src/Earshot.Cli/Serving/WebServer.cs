using System.Net;
using System.Threading.Tasks;
using Earshot.Kestrel;
using Earshot.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.StaticFiles;

namespace Earshot.Cli.Serving;

/// <summary>Kestrel on a stack: <c>/</c> is the status page, everything else a file.</summary>
internal static class WebServer
{
    /// <summary>Starts the server.</summary>
    /// <param name="stack">The stack that it listens on.</param>
    /// <param name="local">Where; on [::] IPv4 clients are served too.</param>
    /// <param name="files">The files; null for none.</param>
    internal static async Task<WebApplication> StartAsync(EarshotStack stack, IPEndPoint local, RootedFiles? files)
    {
        // An empty builder: no settings file or variable of this machine changes what is served.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseEarshot().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Listen(new EarshotEndPoint(stack, local.Address, local.Port));
        });
        WebApplication app = builder.Build();
        var status = new StatusPages(stack);
        app.Use((context, next) => context.Request.Path == "/" ? StatusAsync(context, status) : next(context));
        if (files is not null)
        {
            app.UseStaticFiles(new StaticFileOptions
            {
                FileProvider = files,
                ServeUnknownFileTypes = true,
                DefaultContentType = "application/octet-stream",
                ContentTypeProvider = new FileExtensionContentTypeProvider(),
            });
        }

        app.Run(NothingHereAsync);
        await app.StartAsync().ConfigureAwait(false);
        return app;
    }

    private static async Task StatusAsync(HttpContext context, StatusPages status)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, HEAD";
            return;
        }

        byte[] html = await status.CurrentAsync().ConfigureAwait(false);
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = html.Length;
        context.Response.Headers.CacheControl = "no-store";
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(html, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static Task NothingHereAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync("there is no such file here; / is the status page\n");
    }
}
