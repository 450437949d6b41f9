using System;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Earshot.Monitor.Reading;

/// <summary>What kind of socket listens.</summary>
internal enum ListenerKind
{
    Tcp,
    Mptcp,
    Unix,
}

/// <summary>What stays the same while a listener lives. What the kernel does not tell is null.</summary>
/// <param name="Cookie">The socket's number, never used again until the next boot.</param>
/// <param name="Kind">What kind of socket.</param>
/// <param name="Family">AF_UNIX, AF_INET or AF_INET6.</param>
/// <param name="Address">As ss writes it: <c>0.0.0.0</c>, <c>[::]</c>, <c>*</c> for both; of a unix socket its
/// path.</param>
/// <param name="Port">The port; 0 for a unix socket.</param>
/// <param name="Interface">The device it is bound to; 0 for none.</param>
/// <param name="Inode">By which its processes are found.</param>
/// <param name="Uid">The user who made it.</param>
/// <param name="Cgroup">The inode of the cgroup in which socket() was called.</param>
internal sealed record ListenerFacts(
    ulong Cookie,
    ListenerKind Kind,
    byte Family,
    string Address,
    ushort Port,
    uint Interface,
    uint Inode,
    uint? Uid,
    ulong? Cgroup)
{
    /// <summary>The bytes of the address, to ask for the listener by it.</summary>
    [JsonIgnore]
    public UInt128 RawAddress { get; init; }

    /// <summary>Address and port as ss writes them.</summary>
    [JsonIgnore]
    public string Name => Kind == ListenerKind.Unix
        ? Address
        : $"{Address}:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The facts of a TCP listener.</summary>
    public static ListenerFacts Of(in DiagRow row, bool isMptcp)
    {
        string address = row.Family == DiagProtocol.Inet6 && row.Source == 0 && row.V6Only == false
            ? "*"
            : DiagRow.AddressText(row.Family, row.Source);
        if (row.Family == DiagProtocol.Inet6 && address != "*")
        {
            address = $"[{address}]";
        }

        if (row.Interface != 0)
        {
            address += $"%{InterfaceName(row.Interface)}";
        }

        return new ListenerFacts(
            row.Cookie, isMptcp || row.IsMptcp ? ListenerKind.Mptcp : ListenerKind.Tcp, row.Family, address, row.Port,
            row.Interface, row.Inode, row.Uid, row.Cgroup)
        { RawAddress = row.Source };
    }

    /// <summary>The facts of a unix listener.</summary>
    public static ListenerFacts Of(in UnixRow row) => new(
        row.Cookie, ListenerKind.Unix, DiagProtocol.Unix, Text.SafeText.Clean(row.Name ?? "(no name)"), 0, 0, row.Inode,
        row.Uid, null);

    // Interfaces of another namespace have no name here that could be trusted.
    private static string InterfaceName(uint index) => $"if{index.ToString(CultureInfo.InvariantCulture)}";
}
