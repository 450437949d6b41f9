using System;
using System.Threading.Tasks;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Microsoft.Playwright;
using Xunit;

namespace Earshot.Dashboard.Tests;

/// <summary>What a person sees in the browser.</summary>
public sealed class DashboardTests
{
    private const string Tools = "ip ss python3 chromium dotnet";

    [RootFact(Tools)]
    public async Task A_listener_in_trouble_comes_first_with_its_verdict_and_its_page_has_charts()
    {
        using var bed = new Bed();
        await TroubleAsync(bed);
        await using Browser browser = await Browser.StartAsync(bed);
        IPage page = await browser.PageAsync();
        await page.GotoAsync(browser.Address);

        ILocator first = page.Locator("#listeners tbody tr").First;
        await Assertions.Expect(first).ToHaveAttributeAsync("data-name", "0.0.0.0:7800");
        await Assertions.Expect(page.Locator("article.critical").First)
            .ToContainTextAsync("nobody calls accept()", new() { Timeout = 60_000 });
        await Assertions.Expect(page.Locator("#verdict")).ToContainTextAsync("critical");

        // A process's name is text, whatever it looks like.
        await Assertions.Expect(page.Locator("#listeners")).ToContainTextAsync("<b id=evil>x");
        Assert.Equal(0, await page.Locator("#evil").CountAsync());
        await Browser.PictureAsync(page, "dashboard");

        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("h2").First).ToContainTextAsync("0.0.0.0:7800");
        await Assertions.Expect(page.Locator(".chart canvas")).ToHaveCountAsync(4);
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("ss -lntm sport = 7800");
        await Task.Delay(4000);
        Assert.True(await page.EvaluateAsync<bool>(
            "[...document.querySelectorAll('.chart')].every(box => "
            + "box.querySelector('canvas').getBoundingClientRect().right <= box.getBoundingClientRect().right + 1)"));
        await Browser.PictureAsync(page, "listener");
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(page.Locator("#listeners")).ToBeVisibleAsync();
    }

    [RootFact(Tools)]
    public async Task The_slider_goes_back_to_before_the_trouble_and_l_goes_live()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7801 5");
        await using Browser browser = await Browser.StartAsync(bed);
        IPage page = await browser.PageAsync();
        await page.GotoAsync(browser.Address);
        await Assertions.Expect(page.Locator("#verdict")).ToHaveTextAsync("healthy");
        await Task.Delay(4000);
        bed.Python("connect.py", "7801 20 90");
        await Assertions.Expect(page.Locator("article").First)
            .ToContainTextAsync("7801", new() { Timeout = 60_000 });

        await page.EvaluateAsync("""
            const slider = document.getElementById('time');
            slider.value = Number(slider.min) + 3500;
            slider.dispatchEvent(new Event('input'));
            """);

        await Assertions.Expect(page.Locator("#moment")).ToContainTextAsync("past");
        await Assertions.Expect(page.Locator("#verdict")).ToHaveTextAsync("healthy");
        await Assertions.Expect(page.Locator("tr[data-name='0.0.0.0:7801'] td").Nth(1)).ToHaveTextAsync("0");
        await page.Keyboard.PressAsync("l");
        await Assertions.Expect(page.Locator("#verdict")).Not.ToHaveTextAsync("healthy");
    }

    [RootTheory(Tools)]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Every_text_has_the_contrast_of_WCAG_AA(ColorScheme scheme)
    {
        using var bed = new Bed();
        await TroubleAsync(bed);
        await using Browser browser = await Browser.StartAsync(bed);
        IPage page = await browser.PageAsync(scheme);
        await page.GotoAsync(browser.Address);
        await Assertions.Expect(page.Locator("article").First).ToBeVisibleAsync(new() { Timeout = 60_000 });

        string low = await page.EvaluateAsync<string>(Contrast);

        Assert.Equal("", low);
        Assert.Equal("", await page.EvaluateAsync<string>(Untitled));
        await Browser.PictureAsync(page, scheme == ColorScheme.Dark ? "dashboard-dark" : "dashboard-light");
    }

    [RootFact(Tools)]
    public async Task A_narrow_window_scrolls_the_table_and_not_the_page()
    {
        using var bed = new Bed();
        await bed.ServeAsync("echo 7802 50");
        await using Browser browser = await Browser.StartAsync(bed);
        IPage page = await browser.PageAsync(width: 420, height: 800);
        await page.GotoAsync(browser.Address);
        await Assertions.Expect(page.Locator("#listeners")).ToBeVisibleAsync();

        Assert.True(await page.EvaluateAsync<bool>(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
    }

    [RootFact(Tools)]
    public async Task The_picture_of_watch_is_what_watch_prints()
    {
        using var bed = new Bed();
        await TroubleAsync(bed);
        await bed.ServeAsync("echo 8443 511");
        string text = Bed.Run("ip", $"netns exec {bed.Name} dotnet {Bed.Command} watch --count 6 --interval 1s");
        string last = text[text.LastIndexOf("earshot watch", StringComparison.Ordinal)..];
        Assert.Contains("0.0.0.0:7800", last);
        Assert.Contains("not-accepting", last);
        Assert.Contains("█", last);
        Assert.DoesNotContain('\e', last);
        await using Browser browser = await Browser.StartAsync(bed);
        IPage page = await browser.PageAsync(width: 1250, height: 190);
        await page.SetContentAsync("<body style='margin:0;background:#14171a'><pre style='color:#e8eaed;margin:12px;"
            + "font:13px monospace'></pre>");
        await page.EvaluateAsync("text => { document.querySelector('pre').textContent = text }", last);
        await Browser.PictureAsync(page, "watch");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task An_address_that_others_can_reach_is_refused_without_a_token()
    {
        using var bed = new Bed();
        (int code, _, string said) = await Bed.RunAsync(
            "ip", $"netns exec {bed.Name} dotnet {Bed.Command} dashboard --listen 0.0.0.0:0");

        Assert.Equal(2, code);
        Assert.Contains("give --token", said);
    }

    [RootFact(Tools)]
    public async Task A_listeners_page_has_the_contrast_too_and_tells_where_its_numbers_come_from()
    {
        using var bed = new Bed();
        await TroubleAsync(bed);
        await using Browser browser = await Browser.StartAsync(bed);
        foreach (ColorScheme scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            IPage page = await browser.PageAsync(scheme);
            await page.GotoAsync(browser.Address);
            await Assertions.Expect(page.Locator("article").First).ToBeVisibleAsync(new() { Timeout = 60_000 });
            await page.Keyboard.PressAsync("Enter");
            await Assertions.Expect(page.Locator("h2").First).ToContainTextAsync("0.0.0.0:7800");
            Assert.Equal("", await page.EvaluateAsync<string>(Contrast));
            Assert.Equal("", await page.EvaluateAsync<string>(Untitled));
        }
    }

    private static async Task TroubleAsync(Bed bed)
    {
        await bed.NamedAsync("<b id=evil>x", "0.0.0.0", 7800, 5);
        await bed.ServeAsync("echo 8080 511");
        await bed.ServeAsync("echo 5432 244");
        bed.Python("connect.py", "7800 20 120");
        bed.Python("connect.py", "8080 20 120 churn");
        await bed.QueuesAsync("7800", 6);
    }

    // Numbers in tables that say neither themselves nor above them which command prints them.
    private const string Untitled = """
        () => [...document.querySelectorAll('table tbody td')]
          .filter(cell => /^[\d.,?\s]+$/.test(cell.textContent.trim()) && cell.textContent.trim() !== ''
            && !cell.closest('[title]') && !cell.querySelector('[title]'))
          .map(cell => cell.parentElement.textContent).join('\n')
        """;

    // The ratio of WCAG 2 for each text against the first opaque ground behind it; texts below 4.5 are told.
    private const string Contrast = """
        () => {
          const channels = text => (text.match(/[\d.]+/g) ?? []).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = element => {
            for (let at = element; at; at = at.parentElement) {
              const color = channels(getComputedStyle(at).backgroundColor);
              if (color.length === 3 || color[3] === 1) return color;
            }
            return [255, 255, 255];
          };
          const low = [];
          for (const element of document.querySelectorAll('body *')) {
            const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
            if (!own) continue;
            const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) low.push(`${element.tagName}: ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
          }
          return low.join('\n');
        }
        """;
}
