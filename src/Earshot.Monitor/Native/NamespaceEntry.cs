using System;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Earshot.Monitor.Native;

/// <summary>Does something inside another network namespace, on a thread of its own that ends with it.</summary>
internal static class NamespaceEntry
{
    /// <summary>Enters and works there.</summary>
    /// <param name="path">The namespace's file, as <c>/proc/7/ns/net</c>; null stays where the process is.</param>
    /// <param name="work">What to do.</param>
    /// <param name="problem">The errno when it could not be entered.</param>
    /// <returns>What <paramref name="work"/> gave back; the default when it could not be entered.</returns>
    public static T? Run<T>(string? path, Func<T> work, out int problem)
    {
        problem = 0;
        if (path is null)
        {
            return work();
        }

        T? result = default;
        int error = 0;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            int descriptor = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloexec);
            if (descriptor < 0)
            {
                error = Marshal.GetLastPInvokeError();
                return;
            }

            try
            {
                if (Libc.SetNamespace(descriptor, Libc.CloneNewnet) < 0)
                {
                    error = Marshal.GetLastPInvokeError();
                    return;
                }

                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                _ = Libc.Close(descriptor);
            }
        })
        { IsBackground = true, Name = "namespace entry" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        problem = error;
        return result;
    }
}
