using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Earshot.Links.Native;

/// <summary>struct ifreq: an interface's name and one value of up to 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InterfaceRequest
{
    /// <summary>Room for a name and its terminating zero (IFNAMSIZ).</summary>
    internal const int NameLength = 16;

    private const int ValueLength = 24;

    private fixed byte _name[NameLength];
    private fixed byte _value[ValueLength];

    internal InterfaceRequest(string name)
    {
        fixed (byte* start = _name)
        {
            Encoding.UTF8.GetBytes(name, new Span<byte>(start, NameLength - 1));
        }
    }

    /// <summary>The name; the kernel fills in a pattern's number.</summary>
    internal string Name
    {
        get
        {
            fixed (byte* start = _name)
            {
                return Marshal.PtrToStringUTF8((nint)start) ?? string.Empty;
            }
        }
    }

    /// <summary>ifr_flags.</summary>
    internal short Flags
    {
        get => MemoryMarshal.Read<short>(Value);
        set => MemoryMarshal.Write(Value, value);
    }

    /// <summary>ifr_hwaddr: the six bytes behind the family.</summary>
    internal byte[] HardwareAddress() => Value.Slice(sizeof(ushort), 6).ToArray();

    /// <summary>ifr_mtu, ifr_ifindex.</summary>
    internal int Number
    {
        get => MemoryMarshal.Read<int>(Value);
        set => MemoryMarshal.Write(Value, value);
    }

    /// <summary>Writes ifr_addr, a struct sockaddr_in: family, port 0, address.</summary>
    internal void SetAddress(ReadOnlySpan<byte> address)
    {
        Value.Clear();
        Flags = LibC.InterNetwork;
        address.CopyTo(Value[4..]);
    }

    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    private Span<byte> Value => MemoryMarshal.CreateSpan(ref _value[0], ValueLength);
}

/// <summary>struct in6_ifreq: an IPv6 address to add.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InterfaceAddressV6
{
    internal fixed byte Address[16];
    internal uint PrefixLength;
    internal int InterfaceIndex;
}
