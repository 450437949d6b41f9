using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Profiles;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>How far a socket's connect() has come. Linux: socket_state.</summary>
internal enum SocketPhase : byte
{
    /// <summary>Neither connected nor connecting.</summary>
    Unconnected,

    /// <summary>connect() was called and its outcome not told yet.</summary>
    Connecting,

    /// <summary>Connected, or was.</summary>
    Connected,
}

/// <summary>What a descriptor names: options, binding, role (none, listener or connection). The role changes, the
/// socket stays.</summary>
internal sealed class Socket : OpenFile, ITcpOwner, ILinkSender
{
    private readonly StackContext _context;
    private List<Waiter>? _waiters;

    // A connection, a listener or what makes it one of SOCK_DGRAM; null: it has no role.
    private object? _role;

    // null while a connection or a listener has them.
    private SharedOptions? _own;

    internal Socket(StackContext context) => _context = context;

    private Time.Instant Now => _context.Now;

    private SocketExtras? _extras;

    /// <summary>Whether it is one of SOCK_DGRAM.</summary>
    internal bool IsDatagram => _role is UdpRole;

    /// <summary>What a datagram socket is; null of a stream.</summary>
    internal UdpRole? Udp => _role as UdpRole;

    /// <summary>Options that are more than a number; null: none.</summary>
    internal LongOptions? Long => _extras?.Long;

    /// <summary>IP_OPTIONS as packets carry them; null: none.</summary>
    public AddedHeaders? Headers => Long?.IpOptions is { } options
        && IpOptions.AreSound(options, out _, out _) ? AddedHeaders.Of(options) : null;

    /// <summary>The error queue; null: nothing was ever in it.</summary>
    internal ErrorQueue? Errors => _extras?.Errors;

    /// <summary>What few sockets have.</summary>
    internal SocketExtras Extras => _extras ??= new SocketExtras();

    /// <summary>What SO_TIMESTAMPING asks for.</summary>
    internal TimestampingFlags Timestamping => (TimestampingFlags)Kept(OptionKey.LevelSocket, 37);

    /// <summary>What its buffers hold.</summary>
    internal SocketMemory Memory => Connection is { } connection ? connection.Memory()
        : new SocketMemory
        {
            Received = (Udp?.Charged ?? 0) + (Errors?.Charged ?? 0),
            ReceiveBuffer = Options.ReceiveBuffer,
            SendBuffer = Options.SendBuffer,
            Reserved = -((Udp?.Charged ?? 0) + (Errors?.Charged ?? 0)) & (PageLength - 1),
            Queued = Udp?.Unsent ?? 0,
            Drops = Udp?.Drops ?? 0,
        };

    /// <summary>A number that no other socket of the stack has had.</summary>
    internal long Inode { get; set; }

    /// <summary>Times that it stopped listening: each moves the number that it would send next by two, which its next
    /// listener shows as its Send-Q. Linux: write_seq.</summary>
    internal int Disconnects
    {
        get => _extras?.Disconnects ?? 0;
        set => Extras.Disconnects = value;
    }

    internal SocketPhase Phase { get; set; }

    /// <summary>The local end as getsockname() shows it; a port given back is still shown. Linux: inet_saddr,
    /// inet_sport.</summary>
    internal InetEndpoint Local { get; set; }

    /// <summary>The port that it owns: by bind(), or by a listen() that chose one; 0: none. Linux: inet_num.</summary>
    internal ushort Port { get; set; }

    /// <summary>Whether bind() named an address, which then stays when the role ends. Linux:
    /// SOCK_BINDADDR_LOCK.</summary>
    internal bool IsAddressBound { get; set; }

    /// <summary>Whether bind() named a port, which then stays when the role ends. Linux: SOCK_BINDPORT_LOCK.</summary>
    internal bool IsPortBound { get; set; }

    /// <summary>The address that it holds its port on.</summary>
    internal InetAddress BoundAddress => Connection is { } connection ? connection.Tuple.Local.Address : Local.Address;

    internal Listener? Listener => _role as Listener;

    /// <summary>The listener that it was, which its next listen() makes listen again.</summary>
    internal Listener? PastListener => _extras?.PastListener;

    /// <summary>The SO_REUSEPORT group that it is in, also as a member that has stopped. Linux:
    /// sk_reuseport_cb.</summary>
    internal ReusePortGroup? Group => PastListener?.Group;

    /// <summary>The kernel that its listener is to be like; null: the stack's.</summary>
    internal KernelProfile? ListenProfile
    {
        get => _extras?.ListenProfile;
        set => Extras.ListenProfile = value;
    }

    internal Connection? Connection => _role as Connection;

    /// <summary>The chooser of the group that it will be the first of.</summary>
    internal ReusePortSelector? Selector => _extras?.Selector;

    /// <summary>Whether the chooser also chooses heirs.</summary>
    internal bool SelectorMigrates => _extras is { SelectorMigrates: true };

    /// <summary>Sets the chooser.</summary>
    internal void SetSelector(ReusePortSelector? selector, bool migrates)
    {
        Extras.Selector = selector;
        Extras.SelectorMigrates = migrates;
    }

    /// <summary>An error that outlives the role it came from.</summary>
    internal int Error { get; set; }

    /// <summary>The options; of a connection or a listener they are its own.</summary>
    public ref readonly SocketOptions Options
    {
        get
        {
            if (Connection is { } connection)
            {
                return ref connection.Options;
            }

            if (Listener is { } listener)
            {
                return ref listener.Options;
            }

            return ref _own!.Value;
        }
    }

    /// <summary>The options, to be changed; what <see cref="Options"/> gave before may be old then.</summary>
    internal ref SocketOptions ChangeOptions()
    {
        if (Connection is { } connection)
        {
            return ref connection.ChangeOptions();
        }

        if (Listener is { } listener)
        {
            return ref listener.ChangeOptions();
        }

        return ref SharedOptions.Own(ref _own!);
    }

    /// <summary>0.0.0.0 or ::, as the socket's family is.</summary>
    internal InetAddress AnyAddress => Options.IsIPv6 ? InetAddress.IPv6Any : InetAddress.Any;

    /// <summary>The options of a socket that neither listens nor has a connection.</summary>
    internal SharedOptions OptionsHeld => _own!;

    /// <summary>Listens; the options are the listener's from now on.</summary>
    internal void BeListener(Listener listener)
    {
        _role = Extras.PastListener = listener;
        _own = null;
    }

    /// <summary>Is a connection's; the options are the connection's from now on.</summary>
    /// <returns>What they were.</returns>
    internal SharedOptions BeConnection(Connection connection)
    {
        SharedOptions options = _own!;
        _role = connection;
        _own = null;
        return options;
    }

    /// <summary>Listens no longer; the options are its own again.</summary>
    internal void BeNoListener()
    {
        _own = new SharedOptions(Listener!.Options, isShared: false);
        _role = null;
    }

    /// <summary>Has no connection any more; its options stay, for the next role.</summary>
    internal void BeNoConnection()
    {
        _own = Connection!.OptionsHeld;
        _role = null;
    }

    /// <summary>Makes a used socket a new one.</summary>
    /// <param name="descriptor">Its descriptor.</param>
    /// <param name="options">Its options; null: those of the connection that it will be.</param>
    /// <param name="connection">The connection that it is; null: none.</param>
    /// <param name="isDatagram">Whether it is one of SOCK_DGRAM.</param>
    internal void Reset(int descriptor, SharedOptions? options, Connection? connection, bool isDatagram = false)
    {
        Descriptor = descriptor;
        _own = options;
        _role = isDatagram ? new UdpRole() : connection;
        _extras = null;
        Phase = SocketPhase.Unconnected;
        Local = new InetEndpoint(AnyAddress, 0);
        Port = 0;
        IsAddressBound = IsPortBound = false;
        Error = 0;
        _waiters?.Clear();
    }

    /// <summary>What the socket is ready for. Linux: tcp_poll.</summary>
    internal override PollMask Poll()
    {
        if (Udp is { } udp)
        {
            return PollDatagrams(udp);
        }

        if (Listener is { } listener)
        {
            return listener.AcceptQueue.Count > 0 ? PollMask.In | PollMask.ReadNormal : PollMask.None;
        }

        const PollMask closed = PollMask.Out | PollMask.WriteNormal | PollMask.Hup;
        PollMask mask = Connection is { } connection ? connection.Poll()
            : Options.ReadShut ? closed | PollMask.In | PollMask.ReadNormal | PollMask.ReadHup : closed;
        return Error != 0 || Errors is { Count: > 0 } ? mask | PollMask.Err : mask;
    }

    private const int PageLength = 4096;
    private const PollMask Writeable = PollMask.Out | PollMask.WriteNormal | PollMask.WriteBand;

    // Linux: sock_writeable.
    private bool IsWriteable(UdpRole udp) => udp.Account is null || udp.Unsent < Options.SendBuffer >> 1;

    /// <summary>A link is done with some of what it was given. Linux: sock_def_write_space.</summary>
    public void OnLinkReleased()
    {
        if (Udp is { } udp && IsWriteable(udp))
        {
            OnReadiness(Writeable);
        }
    }

    /// <summary>Linux: udp_poll, datagram_poll.</summary>
    private PollMask PollDatagrams(UdpRole udp)
    {
        PollMask mask = IsWriteable(udp) ? Writeable : PollMask.None;
        if (Error != 0 || Errors is { Count: > 0 })
        {
            bool asUrgent = Errors is { Count: > 0 } && Kept(OptionKey.LevelSocket, 45) != 0;
            mask |= PollMask.Err | (asUrgent ? PollMask.Pri : PollMask.None);
        }

        ref readonly SocketOptions options = ref Options;
        if (options.ReadShut)
        {
            mask |= PollMask.ReadHup | PollMask.In | PollMask.ReadNormal;
        }

        if (options.ReadShut && options.WriteShut)
        {
            mask |= PollMask.Hup;
        }

        return udp.Queue.Count > 0 ? mask | PollMask.In | PollMask.ReadNormal : mask;
    }

    /// <summary>A number that was kept for an option.</summary>
    internal int Kept(int level, int name, int otherwise = 0) =>
        (int)OptionValues.Get(Options.Others, OptionKey.Of(level, name), otherwise);

    /// <summary>IP_MULTICAST_ALL: whether it takes datagrams of groups that others have joined.</summary>
    internal bool HearsAllGroups =>
        Kept(OptionKey.LevelIp, 49) is var kept && (kept == 0 ? !Options.IsIPv6 : kept == 2);

    internal LongOptions MakeLong() => Extras.Long ??= new LongOptions();

    /// <summary>IP_RECVERR and IPV6_RECVERR: when nobody asks for errors any more, those that wait are
    /// forgotten.</summary>
    internal void SetReceiveErrors(bool on)
    {
        if (!on)
        {
            Errors?.Clear();
        }
    }

    /// <summary>SO_TIMESTAMPING: numbers begin anew when they are first asked for.</summary>
    internal void SetTimestamping(TimestampingFlags flags, bool begins)
    {
        if (begins)
        {
            Extras.TimestampKey = Connection?.NumberOrigin((flags & TimestampingFlags.IdOfStream) != 0) ?? 0;
        }
    }

    /// <summary>The error that the next call tells. Linux: sk_err.</summary>
    internal int PendingError
    {
        get => Connection?.Error ?? Error;
        set
        {
            if (Connection is { } connection)
            {
                connection.Error = value;
            }
            else
            {
                Error = value;
            }
        }
    }

    /// <summary>Tells a time of a packet that was sent. Linux: __skb_complete_tx_timestamp.</summary>
    /// <param name="kind">0 sent, 1 queued, 2 acknowledged.</param>
    /// <param name="key">Which packet.</param>
    /// <param name="time">The time in nanoseconds.</param>
    /// <param name="payload">The packet's data; null: without.</param>
    internal void AddTime(uint kind, uint key, long time, byte[]? payload = null) => AddError(new ErrorEntry
    {
        Number = Errno.ENOMSG,
        Origin = ErrorOrigin.Timestamping,
        Info = kind,
        Data = key,
        Time = time,
        Payload = payload,
    });

    /// <summary>Tells that the memory of a send with MSG_ZEROCOPY is the program's again: it was copied.</summary>
    internal void CompleteZeroCopy(uint number)
    {
        ErrorQueue queue = Extras.Errors ??= new ErrorQueue();
        if (queue.AddCompletion(number, Udp?.Charged ?? 0, Options.ReceiveBuffer))
        {
            OnReadiness(PollMask.Err);
        }
    }

    /// <summary>Adds to the error queue and wakes who waits. Linux: sock_queue_err_skb.</summary>
    internal void AddError(in ErrorEntry entry)
    {
        ErrorQueue queue = Extras.Errors ??= new ErrorQueue();
        if (queue.Add(entry, Udp?.Charged ?? 0, Options.ReceiveBuffer))
        {
            OnReadiness(PollMask.Err);
        }
    }

    /// <inheritdoc/>
    public void OnQuotedError(in Ip.DatagramError error)
    {
        Ip.IcmpError message = error.Message;
        AddError(new ErrorEntry
        {
            Number = message.ErrorNumber,
            Origin = message.IsIPv6 ? ErrorOrigin.Icmp6 : ErrorOrigin.Icmp,
            Type = message.Type,
            Code = message.Code,
            Info = error.Info,
            Offender = error.Offender,
            Name = message.Tuple.Remote,
            Payload = error.Payload.ToArray(),
        });
    }

    /// <inheritdoc/>
    public void OnMark(SendMark mark, uint key)
    {
        if (mark == SendMark.Released)
        {
            CompleteZeroCopy(key);
        }
        else
        {
            uint kind = mark switch
            {
                SendMark.Queued => 1,
                SendMark.Sent => 0,
                _ => 2,
            };
            AddTime(kind, key, Now.Nanoseconds);
        }
    }

    /// <summary>Wakes the waiters whose interest is met: all plain ones, the first exclusive one. Linux:
    /// __wake_up_common.</summary>
    public void OnReadiness(PollMask changed)
    {
        TellWatchers(changed);
        if (_waiters is null or { Count: 0 })
        {
            return;
        }

        PollMask mask = Poll();
        bool exclusiveWoken = false;
        for (int i = 0; i < _waiters.Count;)
        {
            Waiter waiter = _waiters[i];
            PollMask met = mask & (waiter.Interest | PollMask.Err | PollMask.Hup);
            if (met == PollMask.None || (waiter.IsExclusive && exclusiveWoken))
            {
                i++;
                continue;
            }

            exclusiveWoken |= waiter.IsExclusive;
            _waiters.RemoveAt(i);
            _context.Events.Enqueue(new StackEvent(Descriptor, waiter.Token, met));
        }
    }

    internal void Wait(PollMask interest, long token, bool exclusive)
    {
        PollMask met = Poll() & (interest | PollMask.Err | PollMask.Hup);
        if (met != PollMask.None)
        {
            _context.Events.Enqueue(new StackEvent(Descriptor, token, met));
        }
        else
        {
            (_waiters ??= []).Add(new Waiter(interest, token, exclusive));
        }
    }

    internal bool CancelWait(long token)
    {
        int index = _waiters?.FindIndex(waiter => waiter.Token == token) ?? -1;
        if (index >= 0)
        {
            _waiters!.RemoveAt(index);
        }

        return index >= 0;
    }

    /// <summary>The descriptor is closed: whoever still waits is told.</summary>
    internal void WakeAll()
    {
        ForgetWatchers();
        if (_waiters is null)
        {
            return;
        }

        foreach (Waiter waiter in _waiters)
        {
            _context.Events.Enqueue(new StackEvent(Descriptor, waiter.Token, PollMask.Hup | PollMask.Err));
        }

        _waiters.Clear();
    }

    private readonly record struct Waiter(PollMask Interest, long Token, bool IsExclusive);
}
