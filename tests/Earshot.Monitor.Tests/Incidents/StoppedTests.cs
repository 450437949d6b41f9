using System.Diagnostics;
using System.IO;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Real servers that do not call accept(), and what <c>earshot check</c> says of them.</summary>
public sealed class StoppedTests
{
    [RootFact("ip ss redis-server python3 dotnet")]
    public async Task A_stopped_redis_is_to_be_continued()
    {
        using var bed = new Bed();
        Process redis = bed.Start("redis-server --port 6379 --tcp-backlog 6 --save \"\" --protected-mode no");
        await bed.ListensAsync("6379");
        Bed.Signal(redis, "STOP");
        bed.Python("connect.py", "6379 20 60");
        await bed.QueuesAsync("6379", 4);

        Verdict verdict = await bed.CheckAsync();

        JsonObject finding = verdict.Of(RuleNames.ProcessStopped, ":6379");
        Assert.Equal($"kill -CONT {redis.Id}", (string?)finding["nextStep"]);
        Assert.Equal("critical", (string?)finding["severity"]);
        Assert.False((bool?)finding["backlogHelps"]);
        Bed.Signal(redis, "CONT");
    }

    [RootFact("ip ss memcached python3 dotnet")]
    public async Task A_stopped_memcached_is_named_with_its_process()
    {
        using var bed = new Bed();
        Process server = bed.Start("memcached -u nobody -p 11211 -b 8");
        await bed.ListensAsync("11211");
        Bed.Signal(server, "STOP");
        bed.Python("connect.py", "11211 20 60");
        await bed.QueuesAsync("11211", 4);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.ProcessStopped, ":11211");

        Assert.Contains($"memcached ({server.Id})", (string?)finding["process"]);
        Bed.Signal(server, "CONT");
    }

    [RootFact("ip ss nginx python3 dotnet")]
    public async Task A_stopped_worker_of_nginx_is_told_from_its_master()
    {
        using var bed = new Bed();
        Process nginx = Nginx(bed, "listen 8080 backlog=10;");
        await bed.ListensAsync("8080");
        int worker = await Bed.WorkerAsync(nginx);
        Bed.Signal(worker, "STOP");
        bed.Python("connect.py", "8080 30 60");
        await bed.QueuesAsync("8080", 4);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.ProcessStopped, ":8080");

        Assert.Equal($"kill -CONT {worker}", (string?)finding["nextStep"]);
        Bed.Signal(worker, "CONT");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_single_threaded_http_server_that_waits_for_a_silent_client_accepts_nobody()
    {
        using var bed = new Bed();
        bed.Start(Bed.Interpreter + " -c \"import http.server as h; "
            + "h.HTTPServer(('', 8000), h.SimpleHTTPRequestHandler).serve_forever()\"");
        await bed.ListensAsync("8000");
        bed.Python("connect.py", "8000 20 60");
        await bed.QueuesAsync("8000", 4);

        Verdict verdict = await bed.CheckAsync();

        JsonObject finding = verdict.Of(RuleNames.NotAccepting, ":8000");
        Assert.Contains("/wchan", (string?)finding["nextStep"]);
        Assert.False((bool?)finding["backlogHelps"]);
        verdict.SaysOnly(RuleNames.NotAccepting, RuleNames.SmallBacklog);
    }

    [RootFact("ip ss redis-server python3 dotnet")]
    public async Task A_redis_busy_with_a_script_accepts_nobody()
    {
        using var bed = new Bed();
        bed.Start("redis-server --port 6379 --tcp-backlog 4 --save \"\" --protected-mode no --lua-time-limit 600000");
        await bed.ListensAsync("6379");
        bed.Start("redis-cli -p 6379 eval \"while true do end\" 0");
        await Task.Delay(500);
        bed.Python("connect.py", "6379 20 60");
        await bed.QueuesAsync("6379", 4);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.NotAccepting, ":6379");

        Assert.Contains("running", finding["evidence"]!.ToJsonString());
    }

    [RootFact("ip ss gunicorn python3 dotnet")]
    public async Task A_unix_socket_whose_worker_stands_still_is_found_though_it_counts_no_drops()
    {
        using var bed = new Bed();
        bed.Write("app.py", "def app(environ, start):\n    start('200 OK', [])\n    return [b'fine']\n");
        string path = Path.Combine(bed.Folder, "web.sock");
        Process gunicorn = bed.Start($"gunicorn --backlog 4 --bind unix:{path} --workers 1 app:app");
        await bed.ListensAsync(path);
        await Task.Delay(1000);
        int worker = await Bed.WorkerAsync(gunicorn);
        Bed.Signal(worker, "STOP");
        bed.Python("connect.py", $"{path} 12 60");
        await bed.QueuesAsync(path, 4);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.ProcessStopped, "web.sock");

        Assert.Equal("unix listen queue", (string?)finding["queue"]);
        Assert.Contains("EAGAIN", (string?)finding["effect"]);
        Assert.Equal($"kill -CONT {worker}", (string?)finding["nextStep"]);
        Bed.Signal(worker, "CONT");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_program_that_listens_and_never_accepts_is_found()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7000 5");
        bed.Python("connect.py", "7000 10 60");
        await bed.QueuesAsync("7000", 4);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.NotAccepting, ":7000");

        Assert.Contains("none left the queue", (string?)finding["summary"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_stopped_Kestrel_with_its_usual_backlog_is_found()
    {
        using var bed = new Bed();
        Process kestrel = bed.Start($"dotnet {Bed.Command} export --listen 127.0.0.1:5080");
        await bed.ListensAsync("5080");
        Bed.Signal(kestrel, "STOP");
        bed.Python("connect.py", "5080 600 60");
        await bed.QueuesAsync("5080", 513);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.ProcessStopped, ":5080");

        Assert.Equal($"kill -CONT {kestrel.Id}", (string?)finding["nextStep"]);
        Assert.Contains("limit 512", finding["evidence"]!.ToJsonString());
        Bed.Signal(kestrel, "CONT");
    }

    internal static Process Nginx(Bed bed, string listen, string top = "")
    {
        Directory.CreateDirectory(Path.Combine(bed.Folder, "logs"));
        string file = bed.Write("nginx.conf", $$"""
            daemon off; worker_processes 1; pid {{bed.Folder}}/nginx.pid; error_log /dev/null; user root; {{top}}
            events { worker_connections 600; }
            http { access_log off; client_body_temp_path {{bed.Folder}}/b; proxy_temp_path {{bed.Folder}}/p;
              fastcgi_temp_path {{bed.Folder}}/f; uwsgi_temp_path {{bed.Folder}}/u; scgi_temp_path {{bed.Folder}}/s;
              server { {{listen}} location / { return 200 "fine"; } } }
            """);
        return bed.Start($"nginx -p {bed.Folder} -c {file}");
    }
}
