using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Exposition;

/// <summary>What a scraper gets from <c>earshot export</c> and <c>earshot dashboard</c> over HTTP.</summary>
public sealed partial class ScrapeTests
{
    private const string Tools = "ip ss python3 curl dotnet";

    [RootFact(Tools)]
    public async Task Both_formats_are_served_and_escapes_of_a_process_get_into_neither()
    {
        using var bed = new Bed();
        await bed.NamedAsync("a\"} 1\nb\e[31m<i>", "127.0.0.1", 7410, 7);
        bed.Start($"dotnet {Bed.Command} export --listen 127.0.0.1:9811 --process-label");
        bed.Start($"dotnet {Bed.Command} dashboard --listen 127.0.0.1:9812 --token secret");
        await bed.ListensAsync("9811");
        await bed.ListensAsync("9812");

        string plain = Get(bed, "-i http://127.0.0.1:9811/metrics");
        string open = Get(
            bed, "-i -H \"Accept: application/openmetrics-text;version=1.0.0\" http://127.0.0.1:9811/metrics");
        string state = Get(bed, "-H \"Authorization: Bearer secret\" http://127.0.0.1:9812/api/state");

        Assert.Contains("Content-Type: text/plain; version=0.0.4", plain);
        Assert.Contains("port=\"7410\",process=\"a\\\"} 1\\\\x0ab\\\\x1b[31m<i>\"} 7\n", plain);
        Assert.Contains("Content-Type: application/openmetrics-text; version=1.0.0", open);
        Assert.EndsWith("# EOF\n", open);
        Assert.Contains("7410", state);
        Assert.All((string[])[plain, open, state], text => Assert.DoesNotContain(
            text, c => char.IsControl(c) && c is not ('\n' or '\r')));
        Assert.DoesNotContain("<script>", state);
        Assert.StartsWith("HTTP/1.1 401", Get(bed, "-i http://127.0.0.1:9812/api/state"));
        Assert.StartsWith("HTTP/1.1 404", Get(bed, "-i http://127.0.0.1:9811/api/state"));
    }

    [RootFact(Tools)]
    public async Task The_drops_of_an_address_never_go_back_though_its_server_is_made_anew_again_and_again()
    {
        using var bed = new Bed();
        bed.Start($"dotnet {Bed.Command} export --listen 127.0.0.1:9811 --interval 200ms --most 1");
        await bed.ListensAsync("9811");
        long sum = 0;
        for (int i = 1; i <= 8; i++)
        {
            // Another address comes and goes with it, so that what is remembered has to be forgotten again.
            Process server = await bed.ServeAsync("never 7420 2");
            Process other = await bed.ServeAsync($"echo {7430 + i} 2");
            Process clients = bed.Python("connect.py", "7420 7 60");
            await bed.QueuesAsync("7420", 3);
            await Task.Delay(300);
            clients.Kill(entireProcessTree: true);
            await clients.WaitForExitAsync();
            await Task.Delay(700);
            string ss = Bed.Run("ip", $"netns exec {bed.Name} ss -HOlntm sport = 7420");
            sum += long.Parse(SsDrops().Match(ss).Groups[1].Value);
            Assert.True(sum >= 4 * i, ss);
            for (int scrape = 0; scrape < 5; scrape++)
            {
                Assert.Equal(sum, Drops(Get(bed, "http://127.0.0.1:9811/metrics")));
            }

            server.Kill(entireProcessTree: true);
            other.Kill(entireProcessTree: true);
            await server.WaitForExitAsync();
            await Task.Delay(500);
        }
    }

    private static long Drops(string metrics)
    {
        Match line = DropsLine().Match(metrics);
        Assert.True(line.Success, metrics);
        return long.Parse(line.Groups[1].Value);
    }

    [GeneratedRegex("""earshot_listener_drops_total\{[^}]*port="7420"\} (\d+)""")]
    private static partial Regex DropsLine();

    [GeneratedRegex(@",d(\d+)\)")]
    private static partial Regex SsDrops();

    private static string Get(Bed bed, string arguments) =>
        Bed.Run("ip", $"netns exec {bed.Name} curl -s --max-time 20 {arguments}");
}
