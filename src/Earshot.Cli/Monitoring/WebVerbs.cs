using System;
using System.CommandLine;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Verbs;
using Earshot.Dashboard;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot export</c> and <c>earshot dashboard</c>: the host's listeners over HTTP.</summary>
internal static class WebVerbs
{
    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UsualPush = TimeSpan.FromSeconds(15);

    internal static Command CreateExport(Terminal terminal)
    {
        Option<IPEndPoint> listen = Listen(9811);
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        Option<TimeSpan?> interval = MonitorOptionsOf.Interval("--interval", "How often to look.", UsualInterval);
        Option<string?> token = Token();
        var process = new Option<bool>("--process-label")
        {
            Description = "Tell each listener's process too; a process chooses its name itself.",
        };
        Option<int?> most = Arguments.NumberOption(
            "--most", "N", "Export at most so many addresses, the most troubled. Default: 1000.", 1, 100_000);
        var once = new Option<bool>("--once") { Description = "Write the metrics once and end; nothing listens." };
        Option<Uri?> otlp = Otlp();
        Option<TimeSpan?> push = MonitorOptionsOf.Interval("--otlp-interval", "How often to push.", UsualPush);
        var command = new Command(
            "export",
            "Export the host's listeners for Prometheus (/metrics, text and OpenMetrics), and push them by OTLP.")
        {
            listen, all, interval, token, process, most, once, otlp, push,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var service = new MonitorService(
                new MonitorOptions { AllNamespaces = parsed.GetValue(all) }, parsed.GetValue(interval) ?? UsualInterval,
                parsed.GetValue(most) ?? ListenerSeries.UsualMost);
            if (parsed.GetValue(once))
            {
                await service.SampleAsync(withSynRecv: true).ConfigureAwait(false);
                await terminal.Out.WriteAsync(MetricsText.Write(
                    await service.MetricsAsync().ConfigureAwait(false), MetricsFormat.Prometheus,
                    parsed.GetValue(process))).ConfigureAwait(false);
                return ExitCode.Fine;
            }

            using var meter = new MonitorMeter(() => service.MetricsAsync().GetAwaiter().GetResult());
            using MeterProvider? pushes = Push(
                parsed.GetValue(otlp), parsed.GetValue(push) ?? UsualPush);
            return await ServeAsync(
                service,
                new WebOptions
                {
                    Listen = parsed.GetRequiredValue(listen),
                    Token = parsed.GetValue(token),
                    WithProcess = parsed.GetValue(process),
                },
                "metrics", terminal, cancellation).ConfigureAwait(false);
        });
        return command;
    }

    internal static Command CreateDashboard(Terminal terminal)
    {
        Option<IPEndPoint> listen = Listen(9812);
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        Option<TimeSpan?> interval = MonitorOptionsOf.Interval("--interval", "How often to look.", UsualInterval);
        Option<string?> token = Token();
        var command = new Command("dashboard", "Show the host's listeners in a browser, live and as they were.")
        {
            listen, all, interval, token,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var service = new MonitorService(
                new MonitorOptions { AllNamespaces = parsed.GetValue(all), AlwaysSynRecv = true },
                parsed.GetValue(interval) ?? UsualInterval);
            return await ServeAsync(
                service,
                new WebOptions
                {
                    Listen = parsed.GetRequiredValue(listen),
                    Token = parsed.GetValue(token),
                    WithProcess = true,
                    WithPages = true,
                },
                "dashboard", terminal, cancellation).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> ServeAsync(
        MonitorService service, WebOptions options, string what, Terminal terminal, CancellationToken cancellation)
    {
        if (WebGuard.Problem(options.Listen, options.Token) is { } problem)
        {
            throw new CommandException(ExitCode.Usage, problem);
        }

        using var end = new EndSignal(cancellation);
        await service.SampleAsync().ConfigureAwait(false);
        if (!service.CanRead)
        {
            throw MonitorOptionsOf.CannotRead(service.Unknown);
        }

        await using WebHost host = await WebHost.StartAsync(service, options, end.Token).ConfigureAwait(false);
        string path = what == "metrics" ? "metrics" : "";
        terminal.Say($"{what} at {host.Address}{path}  (Ctrl-C ends)");
        await service.RunAsync(end.Token).ConfigureAwait(false);
        return ExitCode.Fine;
    }

    private static MeterProvider? Push(Uri? otlp, TimeSpan interval) => otlp is null
        ? null
        : Sdk.CreateMeterProviderBuilder().AddMeter(MonitorMeter.Name).AddOtlpExporter((exporter, reader) =>
        {
            exporter.Endpoint = otlp;
            exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds =
                (int)Math.Clamp(interval.TotalMilliseconds, 100, int.MaxValue);
        }).Build();

    private static Option<IPEndPoint> Listen(int port) => new("--listen")
    {
        HelpName = "ADDRESS:PORT",
        Description = "Where to listen; port 0 takes a free one.",
        DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, port),
        CustomParser = result => Arguments.Parse(
            result, text => IPEndPoint.TryParse(text, out IPEndPoint? address) ? address : null,
            text => $"--listen is '{text}', not an address and a port, such as 127.0.0.1:{port}"),
    };

    private static Option<string?> Token() => new("--token")
    {
        HelpName = "TOKEN",
        Description = "Let in only who knows it (Authorization: Bearer TOKEN, or ?token=TOKEN once in a browser); "
            + "needed where other machines can reach the address.",
    };

    private static Option<Uri?> Otlp() => new("--otlp")
    {
        HelpName = "URL",
        Description = "Push by OTLP over HTTP too, as to http://localhost:4318/v1/metrics.",
        CustomParser = result => Arguments.Parse(
            result,
            text => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
                ? new Uri(text)
                : null,
            text => $"--otlp is '{text}', not an address of the web"),
    };
}
