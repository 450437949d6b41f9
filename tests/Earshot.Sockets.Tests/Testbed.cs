using System;
using System.Net;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Links;

namespace Earshot.Sockets.Tests;

/// <summary>Stacks to test with, and small helpers.</summary>
internal static class Testbed
{
    public const string AddressA = "10.0.0.1";
    public const string AddressB = "10.0.0.2";

    /// <summary>Far more than anything here takes on a busy machine; a test that hangs fails after it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static EarshotStack Loopback() => EarshotStack.Start(new StackOptions { Seed = Chance.Spread(7) });

    /// <summary>A host with one interface.</summary>
    public static StackOptions Host(
        string address, ulong seed, int mtu = 1500, InterfaceOffload offload = default) => new()
        {
            Seed = Chance.Spread(seed),
            Interfaces =
        [
            new InterfaceOptions
            {
                Name = "mem0",
                Mtu = mtu,
                Offload = offload,
                Addresses = [InterfaceAddress.Parse($"{address}/24")],
            },
        ],
        };

    public static IPEndPoint At(string address, int port = 0) => new(IPAddress.Parse(address), port);

    public static byte[] RandomBytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Patience);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Patience);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    public static Task Soon(this Task task) => task.WaitAsync(Patience);

    /// <summary>Sends all, then says so; returns when it is handed over.</summary>
    public static async Task SendAllAsync(EarshotSocket socket, byte[] bytes)
    {
        const int piece = 50_000;
        for (int at = 0; at < bytes.Length; at += piece)
        {
            await socket.SendAsync(bytes.AsMemory(at, Math.Min(piece, bytes.Length - at)));
        }

        socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
    }

    /// <summary>Reads to the end and returns how much it was and its SHA-256.</summary>
    public static async Task<(long Length, byte[] Hash)> HashAllAsync(EarshotSocket socket, int bufferLength = 30_000)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[bufferLength];
        long length = 0;
        int read;
        while ((read = await socket.ReceiveAsync(buffer)) != 0)
        {
            hash.AppendData(buffer, 0, read);
            length += read;
        }

        return (length, hash.GetHashAndReset());
    }

    public static async Task ReceiveExactlyAsync(EarshotSocket socket, Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int read = await socket.ReceiveAsync(buffer);
            if (read == 0)
            {
                throw new InvalidOperationException("The stream has ended.");
            }

            buffer = buffer[read..];
        }
    }
}

/// <summary>Two hosts on a wire.</summary>
internal sealed class TwoHosts : IDisposable
{
    public TwoHosts(int mtu = 1500, int capacityPackets = 1024, LinkOffload offload = LinkOffload.None)
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(mtu, capacityPackets, offload);
        A = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1, mtu, (InterfaceOffload)offload), a);
        B = EarshotStack.Start(Testbed.Host(Testbed.AddressB, 2, mtu, (InterfaceOffload)offload), b);
    }

    public EarshotStack A { get; }

    public EarshotStack B { get; }

    /// <summary>A connection from A to B.</summary>
    public Task<Connected> ConnectAsync() => Connected.MakeAsync(A, B, Testbed.AddressB);

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}

/// <summary>Both ends of a connection.</summary>
internal sealed record Connected(EarshotSocket Client, EarshotSocket Server) : IDisposable
{
    public static async Task<Connected> MakeAsync(EarshotStack client, EarshotStack server, string address)
    {
        using EarshotListener listener = server.Listen(Testbed.At(address));
        ValueTask<EarshotSocket> accept = listener.AcceptAsync();
        EarshotSocket connected = await client.ConnectAsync(listener.LocalEndPoint).Soon();
        return new Connected(connected, await accept.Soon());
    }

    public static Task<Connected> MakeAsync(EarshotStack stack) => MakeAsync(stack, stack, "127.0.0.1");

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }
}
