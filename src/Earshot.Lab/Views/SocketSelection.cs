namespace Earshot.Lab.Views;

/// <summary>Which sockets a view shows, as the options of netstat and ss choose them.</summary>
public enum SocketSelection
{
    /// <summary>No option: everything but listeners.</summary>
    Connections,

    /// <summary><c>-l</c>: listeners only.</summary>
    Listeners,

    /// <summary><c>-a</c>: everything.</summary>
    All,
}
