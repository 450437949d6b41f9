using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Earshot.Lab.Native;

/// <summary>A TUN device in the calling thread's network namespace: what the kernel sends there, this program reads,
/// and what it writes there the kernel receives.</summary>
/// <remarks>It goes with its descriptor. Every destination is routed to it, IPv4 and IPv6.</remarks>
internal sealed unsafe class HostTun : IDisposable
{
    private const string Driver = "/dev/net/tun";
    private const int RequestLength = 40;
    private const int ValueOffset = 16;
    private const nuint SetInterface = 0x400454ca;
    private const nuint SetFlags = 0x8914;
    private const nuint GetFlags = 0x8913;
    private const nuint SetAddress = 0x8916;
    private const nuint SetNetmask = 0x891c;
    private const nuint SetMtu = 0x8922;
    private const nuint AddRoute = 0x890b;
    private const short FlagTun = 0x0001;
    private const short FlagNoPacketInfo = 0x1000;
    private const short Up = 1;
    private const int ReadBufferLength = 65536;

    private readonly byte[] _discarded = GC.AllocateUninitializedArray<byte>(ReadBufferLength, pinned: true);

    private HostTun(int descriptor, string name)
    {
        Descriptor = descriptor;
        Name = name;
        Index = (int)Libc.InterfaceIndex(name);
    }

    /// <summary>The device's descriptor: readable when the kernel has sent something.</summary>
    public int Descriptor { get; }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>The device's index.</summary>
    public int Index { get; }

    /// <summary>Makes the device.</summary>
    /// <param name="name">Its name, as <c>tun0</c>.</param>
    /// <param name="tun">The device.</param>
    /// <param name="problem">The call and errno that failed.</param>
    /// <returns>Whether it is there.</returns>
    public static bool TryMake(
        string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out HostTun? tun, out string problem)
    {
        tun = null;
        int descriptor = Libc.Open(Driver, Libc.OpenReadWrite | Libc.OpenNonblock | Libc.OpenCloexec);
        if (descriptor < 0)
        {
            problem = $"{Driver} does not open: {LastError.Name}";
            return false;
        }

        byte* request = stackalloc byte[RequestLength];
        Request(request, name);
        *(short*)(request + ValueOffset) = FlagTun | FlagNoPacketInfo;
        if (Libc.Control(descriptor, SetInterface, request) < 0)
        {
            problem = $"a TUN device cannot be made: {LastError.Name}";
            _ = Libc.Close(descriptor);
            return false;
        }

        problem = "";
        tun = new HostTun(descriptor, name);
        return true;
    }

    /// <summary>Gives the kernel's side its addresses, takes it up and routes every destination to it.</summary>
    /// <param name="address4">The IPv4 address, 4 bytes.</param>
    /// <param name="address6">The IPv6 address, 16 bytes.</param>
    /// <param name="mtu">Bytes of the longest packet.</param>
    /// <returns>null, or the call and errno that failed.</returns>
    public string? Configure(ReadOnlySpan<byte> address4, ReadOnlySpan<byte> address6, int mtu)
    {
        int socket4 = Libc.Socket(Libc.AfInet, Libc.SockDgram | Libc.SockCloexec, 0);
        int socket6 = Libc.Socket(Libc.AfInet6, Libc.SockDgram | Libc.SockCloexec, 0);
        try
        {
            return Configure4(socket4, address4, mtu) ?? Configure6(socket6, address6);
        }
        finally
        {
            _ = Libc.Close(socket4);
            _ = Libc.Close(socket6);
        }
    }

    /// <summary>Lets the kernel receive a packet; what it causes has happened when the call returns.</summary>
    /// <returns>0 or minus the errno.</returns>
    public int Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* start = packet)
        {
            return Libc.Write(Descriptor, start, packet.Length) < 0 ? -LastError.Number : 0;
        }
    }

    /// <summary>Reads and forgets what the kernel has sent: the ring has it already, and a full queue would make the
    /// kernel drop.</summary>
    public void Discard()
    {
        fixed (byte* start = _discarded)
        {
            while (Libc.Read(Descriptor, start, ReadBufferLength) > 0)
            {
            }
        }
    }

    public void Dispose() => _ = Libc.Close(Descriptor);

    private string? Configure4(int socket, ReadOnlySpan<byte> address, int mtu)
    {
        byte* request = stackalloc byte[RequestLength];
        Request(request, Name);
        PutAddress(request, address);
        if (Libc.Control(socket, SetAddress, request) < 0)
        {
            return $"SIOCSIFADDR: {LastError.Name}";
        }

        Request(request, Name);
        PutAddress(request, [255, 255, 255, 0]);
        if (Libc.Control(socket, SetNetmask, request) < 0)
        {
            return $"SIOCSIFNETMASK: {LastError.Name}";
        }

        Request(request, Name);
        *(int*)(request + ValueOffset) = mtu;
        if (Libc.Control(socket, SetMtu, request) < 0)
        {
            return $"SIOCSIFMTU {mtu}: {LastError.Name}";
        }

        Request(request, Name);
        if (Libc.Control(socket, GetFlags, request) < 0)
        {
            return $"SIOCGIFFLAGS: {LastError.Name}";
        }

        *(short*)(request + ValueOffset) |= Up;
        return Libc.Control(socket, SetFlags, request) < 0 ? $"SIOCSIFFLAGS: {LastError.Name}" : DefaultRoute4(socket);
    }

    // struct rtentry on 64 bits: destination at 8, gateway at 24, mask at 40, flags at 56, device's name at 88.
    private string? DefaultRoute4(int socket)
    {
        const int length = 120;
        byte* route = stackalloc byte[length];
        new Span<byte>(route, length).Clear();
        *(ushort*)(route + 8) = Libc.AfInet;
        *(ushort*)(route + 24) = Libc.AfInet;
        *(ushort*)(route + 40) = Libc.AfInet;
        *(ushort*)(route + 56) = 1;
        nint name = Marshal.StringToCoTaskMemUTF8(Name);
        *(nint*)(route + 88) = name;
        int result = Libc.Control(socket, AddRoute, route);
        string? problem = result < 0 ? $"SIOCADDRT: {LastError.Name}" : null;
        Marshal.FreeCoTaskMem(name);
        return problem;
    }

    // struct in6_ifreq: address, prefix length, device; struct in6_rtmsg: destination, source, gateway, type at 48,
    // lengths at 52 and 54, metric at 56, flags at 72, device at 76.
    private string? Configure6(int socket, ReadOnlySpan<byte> address)
    {
        const int routeLength = 80;
        byte* request = stackalloc byte[24];
        address.CopyTo(new Span<byte>(request, 16));
        *(uint*)(request + 16) = 64;
        *(int*)(request + 20) = Index;
        if (Libc.Control(socket, SetAddress, request) < 0)
        {
            return $"SIOCSIFADDR for IPv6: {LastError.Name}";
        }

        byte* route = stackalloc byte[routeLength];
        new Span<byte>(route, routeLength).Clear();
        *(uint*)(route + 56) = 1024;
        *(uint*)(route + 72) = 1;
        *(int*)(route + 76) = Index;
        return Libc.Control(socket, AddRoute, route) < 0 ? $"SIOCADDRT for IPv6: {LastError.Name}" : null;
    }

    private static void Request(byte* request, string name)
    {
        var bytes = new Span<byte>(request, RequestLength);
        bytes.Clear();
        Encoding.ASCII.GetBytes(name, bytes);
    }

    private static void PutAddress(byte* request, ReadOnlySpan<byte> address)
    {
        *(ushort*)(request + ValueOffset) = Libc.AfInet;
        address.CopyTo(new Span<byte>(request + ValueOffset + 4, 4));
    }
}
