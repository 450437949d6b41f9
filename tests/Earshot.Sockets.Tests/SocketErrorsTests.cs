using System;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Reflection;
using Earshot.Core;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class SocketErrorsTests
{
    [LinuxFact]
    public void Every_errno_becomes_the_SocketError_that_dotnet_makes_of_it_on_Linux()
    {
        // .NET's own table is internal. It is asked here, so that the copy cannot be wrong for long.
        Assembly sockets = typeof(Socket).Assembly;
        MethodInfo toPal = InternalMethod(sockets, "Interop+Sys", "ConvertErrorPlatformToPal");
        MethodInfo toSocketError = InternalMethod(
            sockets, "System.Net.Sockets.SocketErrorPal", "GetSocketErrorForNativeError");
        var errnos = typeof(Errno).GetFields().Where(field => field.IsLiteral).ToList();
        Assert.NotEmpty(errnos);
        Assert.All(errnos, field =>
        {
            int errno = (int)field.GetRawConstantValue()!;
            object expected = toSocketError.Invoke(null, [toPal.Invoke(null, [errno])])!;
            Assert.Equal((field.Name, expected), (field.Name, SocketErrors.FromErrno(errno)));
            Assert.Equal(expected, SocketErrors.FromErrno(-errno));
        });
    }

    [Fact]
    public void A_streams_error_is_an_IOException_around_the_sockets()
    {
        SocketException error = SocketErrors.Exception(-Errno.ECONNRESET);
        var wrapped = Assert.IsType<IOException>(SocketErrors.ForStream(error, reading: true));
        Assert.Same(error, wrapped.InnerException);
        Assert.Contains("read", wrapped.Message);
    }

    private static MethodInfo InternalMethod(Assembly assembly, string type, string method) =>
        assembly.GetType(type)?.GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)
        ?? throw new InvalidOperationException($"this .NET has no {type}.{method}: compare the table otherwise");
}
