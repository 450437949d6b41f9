using System;
using System.Collections.Generic;
using System.Text;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>The kernel log's lines about TCP from the moment this was made.</summary>
/// <remarks>The log is one for all namespaces, so lines of others come along; a line names the port it is
/// about.</remarks>
internal sealed unsafe class HostLog : IDisposable
{
    private const string Device = "/dev/kmsg";
    private const string About = "TCP: ";
    private const int SeekEnd = 2;
    private const int RecordLength = 8192;

    private readonly int _descriptor = Libc.Open(Device, Libc.OpenNonblock | Libc.OpenCloexec);
    private readonly List<string> _lines = [];

    public HostLog()
    {
        if (_descriptor >= 0)
        {
            _ = Libc.Seek(_descriptor, 0, SeekEnd);
        }
    }

    /// <summary>The lines so far, oldest first.</summary>
    public IReadOnlyList<string> Lines()
    {
        byte* record = stackalloc byte[RecordLength];
        nint length;
        while (_descriptor >= 0 && (length = Libc.Read(_descriptor, record, RecordLength)) > 0)
        {
            // A record is "priority,number,time,flags;text" and perhaps further lines that begin with a blank.
            string text = Encoding.UTF8.GetString(record, (int)length).Split('\n')[0];
            string line = text[(text.IndexOf(';', StringComparison.Ordinal) + 1)..];
            if (line.StartsWith(About, StringComparison.Ordinal))
            {
                _lines.Add(line);
            }
        }

        return [.. _lines];
    }

    public void Dispose()
    {
        if (_descriptor >= 0)
        {
            _ = Libc.Close(_descriptor);
        }
    }
}
