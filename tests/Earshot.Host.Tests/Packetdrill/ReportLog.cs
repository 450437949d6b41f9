using System;
using System.Collections.Generic;
using Earshot.Lab.Targets;

namespace Earshot.Host.Tests.Packetdrill;

/// <summary>What steps answer, and the packets of a kind that leave while time passes after each.</summary>
internal sealed class ReportLog
{
    private readonly IPacketTarget _target;
    private readonly Predicate<byte[]> _isReport;
    private readonly List<string> _lines = [];

    /// <summary>Waits a second first, for what a device says when it comes up.</summary>
    internal ReportLog(IPacketTarget target, Predicate<byte[]> isReport)
    {
        _target = target;
        _isReport = isReport;
        See(1);
        _lines.Clear();
    }

    internal string[] Lines => [.. _lines];

    internal void Do(string what, Func<int> act, double seconds)
    {
        _lines.Add($"{what}: {act()}");
        See(seconds);
    }

    private void See(double seconds)
    {
        _target.WaitUntil(_target.Now + TimeSpan.FromSeconds(seconds));
        while (_target.TryTake(out SeenPacket packet))
        {
            if (_isReport(packet.Bytes))
            {
                _lines.Add(Convert.ToHexString(packet.Bytes));
            }
        }
    }
}
