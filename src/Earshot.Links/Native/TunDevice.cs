using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Links.Native;

/// <summary>Opens, makes and configures the kernel's TUN devices (Linux: drivers/net/tun.c).</summary>
internal static unsafe class TunDevice
{
    private const string Driver = "/dev/net/tun";

    // The request numbers of x86, ARM and RISC-V; the kernel computes them from direction, size, 'T' and number.
    private const uint SetInterface = 0x400454ca;
    private const uint SetOffload = 0x400454d0;
    private const uint SetHeaderLength = 0x400454d8;

    private const short FlagTun = 0x0001;
    private const short FlagTap = 0x0002;
    private const short FlagNoPacketInfo = 0x1000;
    private const short FlagVirtioHeader = 0x4000;

    private const uint OffloadChecksum = 1;
    private const uint OffloadTcp4 = 2;
    private const uint OffloadTcp6 = 4;

    private const uint GetFlags = 0x8913;
    private const uint SetFlags = 0x8914;
    private const uint SetAddressRequest = 0x8916;
    private const uint SetNetmask = 0x891c;
    private const uint GetMtu = 0x8921;
    private const uint SetMtuRequest = 0x8922;
    private const short InterfaceUp = 0x1;
    private const short InterfaceRunning = 0x40;

    /// <summary>How long the kernel is given to make an attached device ready; it usually takes microseconds.</summary>
    private static readonly TimeSpan LongestSettling = TimeSpan.FromSeconds(2);

    internal static bool Exists(string name) => LibC.InterfaceIndex(name) != 0;

    /// <summary>Attaches to the device, which the kernel makes if there is none; returns its name.</summary>
    internal static SafeFileHandle Attach(string pattern, bool offload, bool tap, out string name)
    {
        SafeFileHandle device = LibC.Wrap(
            LibC.Open(Driver, LibC.ReadWrite | LibC.NonBlocking | LibC.CloseOnExec)) ?? throw CannotOpenDriver();
        try
        {
            InterfaceRequest request = new(pattern)
            {
                Flags = (short)((tap ? FlagTap : FlagTun) | FlagNoPacketInfo | (offload ? FlagVirtioHeader : 0)),
            };
            if (LibC.IoControl(device, SetInterface, &request) < 0)
            {
                throw CannotAttach(pattern);
            }

            // Both are kept by a persistent device, so what a former owner left behind is always overwritten.
            name = request.Name;
            int headerLength = VirtioNetHeader.Length;
            nuint features = offload ? OffloadChecksum | OffloadTcp4 | OffloadTcp6 : 0;
            if ((offload && LibC.IoControl(device, SetHeaderLength, &headerLength) < 0)
                || LibC.IoControl(device, SetOffload, (void*)features) < 0)
            {
                throw Failed($"The TUN driver refuses checksum and segmentation offload on {name}; open it without.");
            }

            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    internal static int Mtu(string name)
    {
        using SafeFileHandle socket = ControlSocket(LibC.InterNetwork);
        InterfaceRequest request = new(name);
        Control(socket, GetMtu, ref request, $"Cannot read the MTU of {name}.");
        return request.Number;
    }

    internal static void SetMtu(string name, int mtu)
    {
        using SafeFileHandle socket = ControlSocket(LibC.InterNetwork);
        InterfaceRequest request = new(name) { Number = mtu };
        Control(socket, SetMtuRequest, ref request, $"Cannot set the MTU of {name} to {mtu}.");
    }

    /// <summary>Gives the kernel's side of the device an address and takes the device up.</summary>
    internal static void Configure(string name, IPAddress address, int prefixLength)
    {
        string failure = $"Cannot give {name} the address {address}/{prefixLength}.";
        using SafeFileHandle socket = ControlSocket(LibC.InterNetwork);
        InterfaceRequest request = new(name);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            request.SetAddress(address.GetAddressBytes());
            Control(socket, SetAddressRequest, ref request, failure);
            uint mask = prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength);
            Span<byte> netmask = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(netmask, mask);
            request.SetAddress(netmask);
            Control(socket, SetNetmask, ref request, failure);
        }
        else
        {
            AddAddressV6(name, address, prefixLength, failure);
        }

        request = new InterfaceRequest(name);
        Control(socket, GetFlags, ref request, $"Cannot take {name} up.");
        request.Flags |= InterfaceUp;
        Control(socket, SetFlags, ref request, $"Cannot take {name} up.");
    }

    /// <summary>
    /// Waits until a device that is up also runs: the kernel learns of the new owner (the carrier) in a worker, and
    /// until then silently drops what it routes there.
    /// </summary>
    internal static void AwaitRunning(string name)
    {
        using SafeFileHandle socket = ControlSocket(LibC.InterNetwork);
        Settle(() =>
        {
            InterfaceRequest request = new(name);
            Control(socket, GetFlags, ref request, $"Cannot read the flags of {name}.");
            return (request.Flags & InterfaceUp) == 0 || (request.Flags & InterfaceRunning) != 0;
        });
    }

    /// <summary>Waits until an IPv6 address may be used: a worker ends its tentative state, even without DAD.</summary>
    internal static void AwaitUsable(string name, IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return;
        }

        long scope = address.IsIPv6LinkLocal ? LibC.InterfaceIndex(name) : 0;
        IPEndPoint any = new(new IPAddress(address.GetAddressBytes(), scope), 0);
        Settle(() =>
        {
            using Socket probe = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                probe.Bind(any);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        });
    }

    // The kernel offers nothing to wait on but its notifications; a device that does not settle is used as it is.
    private static void Settle(Func<bool> settled)
    {
        long start = Stopwatch.GetTimestamp();
        while (!settled() && Stopwatch.GetElapsedTime(start) < LongestSettling)
        {
            Thread.Sleep(1);
        }
    }

    private static void AddAddressV6(string name, IPAddress address, int prefixLength, string failure)
    {
        using SafeFileHandle socket = ControlSocket(LibC.InterNetworkV6);
        InterfaceAddressV6 request = new()
        {
            PrefixLength = (uint)prefixLength,
            InterfaceIndex = (int)LibC.InterfaceIndex(name),
        };
        address.TryWriteBytes(new Span<byte>(request.Address, 16), out _);
        if (LibC.IoControl(socket, SetAddressRequest, &request) < 0)
        {
            throw Failed(failure);
        }
    }

    private static SafeFileHandle ControlSocket(int family) =>
        LibC.Wrap(LibC.Socket(family, LibC.Datagram | LibC.CloseOnExec, 0))
            ?? throw Failed("Cannot open a socket to configure devices.");

    private static void Control(SafeFileHandle socket, uint number, ref InterfaceRequest request, string failure)
    {
        fixed (InterfaceRequest* argument = &request)
        {
            if (LibC.IoControl(socket, number, argument) < 0)
            {
                throw Failed(failure);
            }
        }
    }

    private static LinkException CannotOpenDriver()
    {
        int errno = Marshal.GetLastPInvokeError();
        return errno switch
        {
            Errno.NoEntry or Errno.NoDevice or Errno.NoDeviceOrAddress => new LinkException(
                LinkFailure.NoDriver,
                $"There is no TUN driver here ({Driver}): load it with \"modprobe tun\", or give the container the "
                + $"device (--device {Driver} --cap-add NET_ADMIN).",
                errno),
            Errno.AccessDenied or Errno.NotPermitted => new LinkException(
                LinkFailure.NotPermitted, $"{Driver} may not be opened by this user: run as root.", errno),
            _ => Failed($"Cannot open {Driver}."),
        };
    }

    private static LinkException CannotAttach(string name)
    {
        int errno = Marshal.GetLastPInvokeError();
        return errno switch
        {
            Errno.NotPermitted or Errno.AccessDenied => new LinkException(
                LinkFailure.NotPermitted,
                $"Attaching to {name} is not permitted: run as root, or have root make the device for this user with "
                + $"\"ip tuntap add dev {name} mode tun user NAME\".",
                errno),
            Errno.Busy => new LinkException(
                LinkFailure.Busy,
                $"{name} is in use by another program: stop that program or take another name.",
                errno),
            Errno.Invalid => new LinkException(
                LinkFailure.WrongKind,
                $"{name} exists and is not a TUN device with one queue (it may be a TAP device, a network card, or "
                + "have been made with multi_queue): take another name.",
                errno),
            _ => Failed($"Cannot attach to the TUN device {name}."),
        };
    }

    private static LinkException Failed(string message)
    {
        int errno = Marshal.GetLastPInvokeError();
        LinkFailure failure = errno is Errno.NotPermitted or Errno.AccessDenied
            ? LinkFailure.NotPermitted
            : LinkFailure.Other;
        return new LinkException(failure, $"{message} ({Marshal.GetPInvokeErrorMessage(errno)})", errno);
    }
}
