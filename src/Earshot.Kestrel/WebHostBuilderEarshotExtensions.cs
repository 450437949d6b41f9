using System;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Earshot.Kestrel;

/// <summary>Adds the Earshot transport to a server.</summary>
public static class WebHostBuilderEarshotExtensions
{
    /// <summary>
    /// Lets Kestrel listen on <see cref="EarshotEndPoint"/>s, beside all that it can listen on anyway.
    /// </summary>
    /// <param name="builder">The host's builder.</param>
    /// <param name="configure">Sets the transport's options; null leaves them as they are.</param>
    /// <returns>The builder.</returns>
    public static IWebHostBuilder UseEarshot(
        this IWebHostBuilder builder, Action<EarshotTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services => services.AddEarshotTransport(configure));
    }

    /// <summary>Registers the transport with a service container.</summary>
    /// <param name="services">The container's services.</param>
    /// <param name="configure">Sets the transport's options; null leaves them as they are.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddEarshotTransport(
        this IServiceCollection services, Action<EarshotTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services.AddSingleton<IConnectionListenerFactory, EarshotTransportFactory>();
    }
}
