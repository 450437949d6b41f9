using System;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Tests.Packetdrill;

/// <summary>Makes targets on which all that waits is woken a little late, as by a real clock.</summary>
/// <param name="maker">Makes the targets that are made late.</param>
/// <param name="seed">The seed of the delays.</param>
/// <param name="most">The longest delay of what waited; what did not wait is late by a tenth at most.</param>
/// <param name="returning">The longest time that a call takes to return after it was made.</param>
internal sealed class LateTargetMaker(
    IPacketTargetMaker maker, int seed, TimeSpan most, TimeSpan returning = default) : IPacketTargetMaker
{
    public string Name => maker.Name;

    public T Run<T>(PacketTargetOptions options, Func<IPacketTarget, T> work) =>
        maker.Run(options, target => work(new LateTarget(target, new Random(seed), most, returning)));

    private sealed class LateTarget(IPacketTarget target, Random chance, TimeSpan most, TimeSpan returning)
        : IPacketTarget
    {
        public string Name => target.Name;

        public bool IsVirtual => target.IsVirtual;

        public PacketTargetOptions Options => target.Options;

        public Instant Now => target.Now;

        public ISocketCalls Calls => target.Calls;

        public Instant Inject(ReadOnlySpan<byte> packet) => target.Inject(packet);

        public IPendingCall Begin(int descriptor, Func<ISocketCalls, long> call)
        {
            IPendingCall pending = target.Begin(descriptor, call);
            target.WaitUntil(target.Now + (chance.NextDouble() * returning));
            return pending;
        }

        public bool WaitForCall(IPendingCall call, Instant until) => target.WaitForCall(call, until);

        public bool WaitForPacket(Instant until) => target.WaitForPacket(until);

        public void WaitUntil(Instant until)
        {
            bool waits = until > target.Now;
            target.WaitUntil((waits ? until : target.Now) + chance.NextDouble() * (waits ? most : most / 10));
        }

        public bool TryTake(out SeenPacket packet) => target.TryTake(out packet);

        public bool TryGetSysctl(string name, out string value) => target.TryGetSysctl(name, out value);

        public int SetSysctl(string name, string value) => target.SetSysctl(name, value);

        public void PutBefore(TokenBucket bucket) => target.PutBefore(bucket);

        public IReadOnlyDictionary<string, long> Counters() => target.Counters();

        public IReadOnlyList<TargetSocket> Sockets() => target.Sockets();

        public IReadOnlyList<string> LogLines() => target.LogLines();
    }
}
