using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Verdicts;

/// <summary>What is known of a server program's listening.</summary>
/// <param name="Title">Its name.</param>
/// <param name="Asked">The backlog it asks for by default; null when it has no fixed one.</param>
/// <param name="Setting">How a larger one is asked for; {0} is the number.</param>
/// <param name="Reload">What makes it call listen() again.</param>
internal sealed record ServerFacts(string Title, long? Asked, string Setting, string Reload);

/// <summary>The servers whose default backlog is known, by the name of their process.</summary>
internal static class ServerCatalog
{
    private const long Everything = uint.MaxValue;

    private static readonly Dictionary<string, ServerFacts> ByCommand = new()
    {
        ["nginx"] = new(
            "nginx", 511, "listen ... backlog={0};  in the server block",
            "a reload calls listen() again only where the key's value changed; after raising somaxconn alone, restart"),
        ["redis-server"] = new("Redis", 511, "tcp-backlog {0}  in redis.conf", "only a restart applies it"),
        ["valkey-server"] = new("Valkey", 511, "tcp-backlog {0}  in valkey.conf", "only a restart applies it"),
        ["haproxy"] = new(
            "HAProxy", null, "bind ... backlog {0}  (without the key it is the frontend's maxconn)",
            "a reload hands the old listener over; restart"),
        ["apache2"] = new("Apache httpd", 511, "ListenBacklog {0}", "a graceful reload does not apply it; restart"),
        ["httpd"] = new("Apache httpd", 511, "ListenBacklog {0}", "a graceful reload does not apply it; restart"),
        ["memcached"] = new("memcached", 1024, "-b {0}", "it has no reload; restart"),
        ["php-fpm"] = new(
            "php-fpm", Everything, "listen.backlog = {0}  in the pool's file", "USR2 does not apply it; restart"),
        ["gunicorn"] = new("gunicorn", 2048, "--backlog {0}", "HUP does not apply it; USR2 (a new master) does"),
        ["uvicorn"] = new("uvicorn", 2048, "--backlog {0}", "it has no reload of its listener; restart"),
        ["uwsgi"] = new("uWSGI", 100, "listen = {0}", "restart"),
        ["postgres"] = new(
            "PostgreSQL", null, "max_connections (its backlog is twice MaxBackends)", "only a restart applies it"),
        ["mariadbd"] = new("MariaDB", 80, "back_log = {0}", "only a restart applies it"),
        ["mysqld"] = new("MySQL", 151, "back_log = {0}", "only a restart applies it"),
        ["node"] = new("Node.js", 511, "server.listen({{ backlog: {0} }})", "restart"),
        ["java"] = new(
            "Java", 50, "new ServerSocket(port, {0})  (Tomcat: acceptCount, Netty: SO_BACKLOG)", "restart"),
        ["envoy"] = new("Envoy", null, "tcp_backlog_size: {0}  of the listener", "a changed listener is made anew"),
        ["sshd"] = new("OpenSSH", 128, "none: 128 is a constant", "HUP calls listen() again"),
        ["dnsmasq"] = new("dnsmasq", 32, "none: 32 is a constant", "restart"),
        ["systemd"] = new(
            "systemd socket unit", Everything, "Backlog={0}  in the .socket unit", "restart the .socket unit"),
    };

    private static readonly (long Limit, string Command, ServerFacts Facts)[] ByLimit =
    [
        (5, "python", new(
            "Python's socketserver (http.server, wsgiref)", 5, "request_queue_size = {0}  of the server class",
            "restart")),
        (100, "python", new("Python's asyncio", 100, "start_server(..., backlog={0})", "restart")),
        (128, "python", new("Python's socket.listen()", 128, "listen({0})", "restart")),
        (512, "dotnet", new(
            "Kestrel", 512, "webBuilder.UseSockets(o => o.Backlog = {0})", "restart")),
        (500, "dotnet", new(".NET's HttpListener", 500, "none: 500 is a constant", "restart")),
        (2048, "python", new("gunicorn or uvicorn", 2048, "--backlog {0}", "restart")),
    ];

    /// <summary>What is known of the server that holds a listener; null for nothing.</summary>
    /// <param name="commands">The names of its processes.</param>
    /// <param name="limit">The listener's limit.</param>
    public static ServerFacts? Find(IEnumerable<string> commands, long? limit)
    {
        foreach (string command in commands)
        {
            if (ByLimit.FirstOrDefault(one => one.Limit == limit && command.StartsWith(
                one.Command, StringComparison.Ordinal)) is { Facts: { } byLimit })
            {
                return byLimit;
            }

            string name = command.StartsWith("php-fpm", StringComparison.Ordinal) ? "php-fpm" : command;
            if (ByCommand.TryGetValue(name, out ServerFacts? facts))
            {
                return facts;
            }
        }

        return null;
    }

    /// <summary>The facts of a server by its command.</summary>
    public static ServerFacts Of(string command) => ByCommand[command];
}
