using System;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace Earshot.Dashboard;

/// <summary>Lets in who may see the host's listeners: everybody on the loopback interface, elsewhere who knows the
/// token.</summary>
internal sealed class WebGuard(string? token, bool isLoopback)
{
    private const string CookieName = "earshot-token";
    private static readonly string[] OwnNames = ["localhost", "127.0.0.1", "[::1]", "::1"];

    /// <summary>Why an address may not be listened on; null when it may.</summary>
    public static string? Problem(IPEndPoint address, string? token) =>
        IPAddress.IsLoopback(address.Address) || !string.IsNullOrWhiteSpace(token)
            ? null
            : $"{address} can be reached from other machines: give --token, or listen on 127.0.0.1";

    /// <summary>Answers who may not see, and passes the others on.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            await RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "this is read-only")
                .ConfigureAwait(false);
            return;
        }

        // A page of another site that made its name mean 127.0.0.1 must not read us.
        if (isLoopback && string.IsNullOrEmpty(token) && !OwnNames.Contains(context.Request.Host.Host))
        {
            await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "not a name of this machine")
                .ConfigureAwait(false);
            return;
        }

        if (!string.IsNullOrEmpty(token) && !Knows(context, token))
        {
            headers.WWWAuthenticate = "Bearer";
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "a token is needed: open /?token=TOKEN once")
                .ConfigureAwait(false);
            return;
        }

        await next(context).ConfigureAwait(false);
    }

    private static bool Knows(HttpContext context, string token)
    {
        string? bearer = context.Request.Headers.Authorization.ToString() is { } header
            && header.StartsWith("Bearer ", StringComparison.Ordinal) ? header["Bearer ".Length..] : null;
        string? query = context.Request.Query["token"];
        if (query is not null && Same(query, token))
        {
            context.Response.Cookies.Append(CookieName, query, new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
            });
            return true;
        }

        return (bearer is not null && Same(bearer, token))
            || (context.Request.Cookies[CookieName] is { } cookie && Same(cookie, token));
    }

    // Takes the same time whatever is wrong.
    private static bool Same(string given, string token) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static Task RefuseAsync(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(why + "\n");
    }
}
