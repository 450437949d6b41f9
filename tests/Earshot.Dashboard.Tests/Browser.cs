using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Microsoft.Playwright;
using Xunit;

namespace Earshot.Dashboard.Tests;

/// <summary>The dashboard and a browser, both inside a bed's network namespace.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private readonly Process _dashboard;
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private Browser(Process dashboard, IPlaywright playwright, IBrowser browser, string address) =>
        (_dashboard, _playwright, _browser, Address) = (dashboard, playwright, browser, address);

    /// <summary>Where the dashboard is.</summary>
    public string Address { get; }

    /// <summary>Starts both.</summary>
    public static async Task<Browser> StartAsync(Bed bed, string arguments = "")
    {
        Process dashboard = Process.Start(new ProcessStartInfo(
            "ip", $"netns exec {bed.Name} dotnet {Bed.Command} dashboard --listen 127.0.0.1:0 {arguments}")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        string? line = await dashboard.StandardError.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Contains("http://", line);
        string address = line![line!.IndexOf("http", StringComparison.Ordinal)..].Split(' ')[0];

        // Playwright talks with the browser over pipes, so the browser may live in another namespace.
        string wrapper = bed.Write("browser", $"#!/bin/sh\nexec ip netns exec {bed.Name} chromium \"$@\"");
        Bed.Run("chmod", $"+x {wrapper}");
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = wrapper,
            Headless = true,
            Timeout = 120_000,
            Args = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        });
        return new Browser(dashboard, playwright, browser, address);
    }

    /// <summary>A page that nobody has visited yet.</summary>
    public async Task<IPage> PageAsync(ColorScheme scheme = ColorScheme.Light, int width = 1280, int height = 900)
    {
        IPage page = await _browser.NewPageAsync(new BrowserNewPageOptions
        {
            ColorScheme = scheme,
            ViewportSize = new ViewportSize { Width = width, Height = height },
        });
        page.SetDefaultTimeout(60_000);
        return page;
    }

    /// <summary>Takes a picture of a page: into docs/pictures when EARSHOT_PICTURES=1, else into the
    /// artifacts.</summary>
    public static Task<byte[]> PictureAsync(IPage page, string name)
    {
        bool forDocs = Environment.GetEnvironmentVariable("EARSHOT_PICTURES") == "1";
        string folder = Path.Combine(RepositoryRoot.Path, forDocs ? "docs/pictures" : "artifacts/pictures");
        Directory.CreateDirectory(folder);
        return page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png") });
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.CloseAsync();
        _playwright.Dispose();
        if (!_dashboard.HasExited)
        {
            _dashboard.Kill(entireProcessTree: true);
            await _dashboard.WaitForExitAsync();
        }

        _dashboard.Dispose();
    }
}
