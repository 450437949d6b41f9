using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Simulation;

/// <summary>A host of a simulated world: a stack, its place on the wires, and the programs that run on it.</summary>
public sealed class Host : Node
{
    private const int FirstWiredInterface = 2;

    private readonly List<Action<StackEvent>> _handlers = [];
    private readonly Wire?[] _wires;

    internal Host(World world, int number, string name, NetworkStack stack)
        : base(world, number, name)
    {
        Stack = stack;
        _wires = new Wire?[stack.Options.Interfaces.Count];
    }

    /// <summary>Its stack.</summary>
    public NetworkStack Stack { get; }

    /// <summary>The socket calls of its stack.</summary>
    public SocketCalls Calls => Stack.Calls;

    /// <summary>Packets that left by an interface without a wire; they are lost.</summary>
    public long Unwired { get; private set; }

    /// <summary>
    /// Gives a program a token for <see cref="SocketCalls.Wait"/>: events that carry it go to the program.
    /// </summary>
    /// <param name="handler">Told each event; it may make calls on this or another host of the world.</param>
    /// <returns>The token, 1 or more.</returns>
    public long Subscribe(Action<StackEvent> handler)
    {
        _handlers.Add(handler);
        return _handlers.Count;
    }

    /// <summary>Is told each packet that comes to the host. Null: nobody.</summary>
    internal PacketWatch? Arriving { get; set; }

    internal PacketBatch Batch { get; } = new();

    internal Wire? WireAt(int @interface)
    {
        int index = @interface - FirstWiredInterface;
        return (uint)index < (uint)_wires.Length ? _wires[index] : null;
    }

    internal override void Plug(int @interface, Wire wire) => _wires[@interface - FirstWiredInterface] = wire;

    internal override bool HasFreeInterface(int @interface)
    {
        int index = @interface - FirstWiredInterface;
        return (uint)index < (uint)_wires.Length && _wires[index] is null;
    }

    internal override void Receive(ReadOnlySpan<byte> packet, int @interface, PacketInfo info, bool isDamaged)
    {
        Arriving?.Invoke(new WirePacket(packet, info, this, World.Now, 0) { IsDamaged = isDamaged });
        if (!Batch.HasRoom)
        {
            TakeBatch();
        }

        bool added = Batch.TryAdd(packet, @interface, info);
        Invariant.Check(added, "an empty batch has room for one packet");
    }

    /// <summary>Delivers what the batch holds.</summary>
    internal void TakeBatch()
    {
        if (Batch.Count > 0)
        {
            Stack.OnPackets(Batch, World.Now);
            Batch.Clear();
        }
    }

    /// <summary>Carries the stack's packets to the wires and its events to the programs until there are none.</summary>
    /// <returns>Whether there were any.</returns>
    internal bool Settle()
    {
        bool moved = false;
        while (true)
        {
            bool more = false;
            while (Stack.TryTransmit(out OutboundPacket packet))
            {
                more = true;
                if (WireAt(packet.Interface) is { } wire)
                {
                    wire.Carry(this, packet.Bytes, packet.Info);
                }
                else
                {
                    Unwired++;
                }
            }

            if (Stack.TryTakeEvent(out StackEvent stackEvent))
            {
                more = true;
                Handle(stackEvent);
            }

            if (!more)
            {
                return moved;
            }

            moved = true;
        }
    }

    private void Handle(in StackEvent stackEvent)
    {
        long index = stackEvent.Waiter - 1;
        if ((ulong)index < (ulong)_handlers.Count)
        {
            _handlers[(int)index](stackEvent);
        }
    }
}
