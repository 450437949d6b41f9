using System;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Targets;

namespace Earshot.Host.Tests;

/// <summary>Work on a thread of its own: one that enters a namespace serves nobody else.</summary>
internal static class OwnThread
{
    /// <summary>Begins work.</summary>
    internal static Task<T> Start<T>(Func<T> work) => Task.Factory.StartNew(
        work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Asks the stack and the host's kernel the same, one after the other.</summary>
    internal static Task<(T Stack, T Host)> AskBoth<T>(Func<IPacketTarget, T> ask) => Start(() => (
        new StackPacketTargetMaker(KernelProfile.Linux618).Run(new PacketTargetOptions(), ask),
        new HostPacketTargetMaker().Run(new PacketTargetOptions(), ask)));
}
