using System;
using System.Collections.Generic;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>What the links that tell when packets have left are not done with, and whose it is. Linux: the socket of an
/// sk_buff and its destructor, tcp_wfree.</summary>
/// <remarks>Of all other links a packet has left when the stack gives it away.</remarks>
internal sealed class LinkAccounts
{
    private readonly Dictionary<Connection, LinkAccount> _accounts = [];
    private readonly Dictionary<int, Device> _devices = [];
    private readonly Stack<LinkAccount> _free = new();
    private readonly List<Connection> _released = [];

    /// <summary>Whether the stack has such a link.</summary>
    internal bool IsUsed { get; set; }

    /// <summary>Charges a connection for what it just put into the queue of packets on their way out.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="interface">The interface that it leaves by.</param>
    /// <param name="last">The ordinal of its last packet.</param>
    /// <param name="seq">Its first sequence number.</param>
    /// <param name="length">Its bytes of data.</param>
    /// <param name="cost">The memory that it takes.</param>
    internal void Charge(Connection connection, int @interface, long last, SeqNumber seq, int length, int cost)
    {
        if (!_accounts.TryGetValue(connection, out LinkAccount? account))
        {
            account = _free.Count > 0 ? _free.Pop() : new LinkAccount();
            account.Owner = connection;
            _accounts.Add(connection, account);
        }

        account.Bytes += cost;
        account.Count++;
        DeviceOf(@interface).Loans.Enqueue(new Loan(account, last, seq, length, cost));
    }

    /// <summary>Charges a datagram socket for a packet that is in the queue of packets on their way out. Linux:
    /// sock_wmalloc, sock_alloc_send_pskb.</summary>
    /// <param name="account">The socket's account.</param>
    /// <param name="interface">The interface that it leaves by.</param>
    /// <param name="ordinal">The packet's ordinal.</param>
    /// <param name="cost">The memory that it takes.</param>
    internal void Charge(LinkAccount account, int @interface, long ordinal, int cost)
    {
        account.Bytes += cost;
        account.Count++;
        DeviceOf(@interface).Loans.Enqueue(new Loan(account, ordinal, default, 0, cost));
    }

    /// <summary>Datagram sockets that links have given memory back to since <see cref="Complete"/> was asked
    /// last.</summary>
    internal List<ILinkSender> Senders { get; } = [];

    /// <summary>What a connection has given to links; null: they are done with all of it.</summary>
    internal LinkAccount? Find(Connection connection) => _accounts.GetValueOrDefault(connection);

    /// <summary>Whether a link is not done with a sequence number. Linux: skb_still_in_host_queue.</summary>
    internal bool Holds(LinkAccount account, int @interface, SeqNumber seq)
    {
        foreach (Loan loan in DeviceOf(@interface).Loans)
        {
            if (loan.Account == account && seq >= loan.Seq && seq < loan.Seq + Math.Max(1, loan.Length))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The connection is no more; its packets stay where they are.</summary>
    internal void Forget(Connection connection)
    {
        if (_accounts.Remove(connection, out LinkAccount? account))
        {
            account.Owner = null;
        }
    }

    /// <summary>A packet was given to its link.</summary>
    /// <param name="interface">The interface.</param>
    /// <param name="ordinal">The packet's ordinal.</param>
    internal void Take(int @interface, long ordinal) => DeviceOf(@interface).Taken.Enqueue(ordinal);

    /// <summary>A link is done with the oldest packets that it was given. Linux: tcp_wfree.</summary>
    /// <returns>The connections that waited for that.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It was not given so many.</exception>
    internal List<Connection> Complete(int @interface, int packets)
    {
        Device device = DeviceOf(@interface);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packets, device.Taken.Count);
        _released.Clear();
        Senders.Clear();
        for (int i = 0; i < packets; i++)
        {
            long ordinal = device.Taken.Dequeue();
            while (device.Loans.TryPeek(out Loan loan) && loan.Last <= ordinal)
            {
                device.Loans.Dequeue();
                Release(loan);
            }
        }

        return _released;
    }

    private void Release(in Loan loan)
    {
        LinkAccount account = loan.Account;
        account.Bytes -= loan.Cost;
        account.Count--;
        if (account is { IsThrottled: true, Owner: { } owner })
        {
            account.IsThrottled = false;
            _released.Add(owner);
        }

        if (account.Sender is { } sender)
        {
            // As often as packets leave. Linux: sock_wfree.
            Senders.Add(sender);
            return;
        }

        if (account.Count == 0)
        {
            if (account.Owner is { } done)
            {
                _accounts.Remove(done);
            }

            account.Owner = null;
            account.IsThrottled = false;
            _free.Push(account);
        }
    }

    private Device DeviceOf(int @interface)
    {
        if (!_devices.TryGetValue(@interface, out Device? device))
        {
            device = new Device();
            _devices.Add(@interface, device);
        }

        return device;
    }

    private sealed class Device
    {
        /// <summary>The ordinals of the packets that the link has.</summary>
        internal Queue<long> Taken { get; } = new();

        /// <summary>What connections put into the queue or the link has, oldest first.</summary>
        internal Queue<Loan> Loans { get; } = new();
    }

    private readonly record struct Loan(LinkAccount Account, long Last, SeqNumber Seq, int Length, int Cost);
}
