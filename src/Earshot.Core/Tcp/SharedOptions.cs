namespace Earshot.Core.Tcp;

/// <summary>Options that sockets have in common until one of them changes its own: a listener's children, or sockets
/// that nobody has asked anything of.</summary>
/// <remarks>Who has it may write to it unless <see cref="IsShared"/>, which never becomes false again; then it makes
/// itself a copy with <see cref="Own"/>.</remarks>
internal sealed class SharedOptions
{
    /// <summary>What a connection has before it begins.</summary>
    internal static readonly SharedOptions None = new(default, isShared: true);

    /// <summary>The options.</summary>
    internal SocketOptions Value;

    // What it becomes when the send buffer grows for the first time, which is the same for most who share it.
    private SharedOptions? _grown;
    private bool _hasGrown;

    internal SharedOptions(in SocketOptions value, bool isShared)
    {
        Value = value;
        IsShared = isShared;
    }

    /// <summary>Whether several may have it.</summary>
    internal bool IsShared { get; }

    /// <summary>Makes sure that the holder alone has its options.</summary>
    /// <param name="held">What it holds.</param>
    /// <returns>The options, to be written to.</returns>
    internal static ref SocketOptions Own(ref SharedOptions held)
    {
        if (held.IsShared)
        {
            held = new SharedOptions(held.Value, isShared: false);
        }

        return ref held.Value;
    }

    /// <summary>Makes the send buffer larger, as every connection does when it begins.</summary>
    /// <param name="held">What the holder has.</param>
    /// <param name="bytes">The new size.</param>
    internal static void GrowSendBuffer(ref SharedOptions held, int bytes)
    {
        if (!held.IsShared || held._hasGrown)
        {
            Own(ref held).SendBuffer = bytes;
            return;
        }

        if (held._grown is not { } grown || grown.Value.SendBuffer != bytes)
        {
            grown = new SharedOptions(held.Value, isShared: true) { _hasGrown = true };
            grown.Value.SendBuffer = bytes;
            held._grown = grown;
        }

        held = grown;
    }
}
