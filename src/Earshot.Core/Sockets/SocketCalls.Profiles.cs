using Earshot.Core.Profiles;

namespace Earshot.Core.Sockets;

/// <content>Listeners of another kernel than the stack's.</content>
public sealed partial class SocketCalls
{
    /// <summary>Makes the listener that this socket is to become like another kernel's: its questions, its SYN-ACK
    /// timer, its cookies. Sysctls and connections stay the stack's.</summary>
    /// <remarks>For lessons that show kernels side by side; no kernel has such a call.</remarks>
    /// <param name="fd">The descriptor, before listen().</param>
    /// <param name="profile">The kernel; null: the stack's own again.</param>
    /// <returns>0; -EBADF, -EINVAL (listening already, or connected).</returns>
    public int SetListenProfile(int fd, KernelProfile? profile)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (socket.Listener is not null || socket.Connection is not null)
        {
            return -Errno.EINVAL;
        }

        socket.ListenProfile = profile;
        return 0;
    }
}
