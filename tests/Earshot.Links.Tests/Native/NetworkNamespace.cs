using System;
using System.ComponentModel;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Earshot.Links.Tests.Native;

/// <summary>A network namespace of one thread's own; it ends, with its devices, when the thread does.</summary>
internal static partial class NetworkNamespace
{
    private const int NewNetwork = 0x40000000;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Runs a test body on a new thread in a new, empty network namespace.</summary>
    internal static void Run(Action body)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (Unshare(NewNetwork) < 0)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                }

                body();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        { IsBackground = true };
        thread.Start();
        if (!thread.Join(Longest))
        {
            throw new TimeoutException("The test body did not end in its namespace.");
        }

        failure?.Throw();
    }

    /// <summary>Whether this process may make namespaces and devices.</summary>
    internal static bool IsRoot => OperatingSystem.IsLinux() && EffectiveUser() == 0;

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
