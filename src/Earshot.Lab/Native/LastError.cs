using System.Runtime.InteropServices;
using Earshot.Core;

namespace Earshot.Lab.Native;

/// <summary>The errno of the P/Invoke call that just failed on this thread.</summary>
internal static class LastError
{
    /// <summary>The number.</summary>
    public static int Number => Marshal.GetLastPInvokeError();

    /// <summary>The name, as <c>EADDRINUSE</c>.</summary>
    public static string Name => Errno.Name(Number);
}
