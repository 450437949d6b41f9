using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Lab.Views;
using Xunit;

namespace Earshot.Cli.Tests.Views;

public sealed class SsViewTests
{
    // A request comes first, as the core lists it under an old profile: ss puts listeners before it all the same.
    private static readonly SocketRow[] Rows =
    [
        Row("127.0.0.1:6666", "127.0.0.1:48066", TcpState.Established),
        Row("0.0.0.0:80", "0.0.0.0:0", TcpState.Listen, backlog: 4096),
        Row("10.0.0.1:12345", "0.0.0.0:0", TcpState.Listen, backlog: 100),
        Row("127.0.0.1:6666", "0.0.0.0:0", TcpState.Listen, receive: 6, backlog: 5),
        Row("127.0.0.1:48088", "127.0.0.1:6666", TcpState.SynSent, send: 1),
    ];

    [Theory]
    [InlineData("ss-nlt.txt", SocketSelection.Listeners)]
    [InlineData("ss-nt.txt", SocketSelection.Connections)]
    [InlineData("ss-nat.txt", SocketSelection.All)]
    public void The_table_is_that_of_ss(string golden, SocketSelection selection) =>
        Assert.Equal(GoldenText.Lines(golden), SsView.Table(Rows, selection));

    [Fact]
    public void Without_sockets_there_is_the_heading() =>
        Assert.Equal(GoldenText.Lines("ss-none.txt"), SsView.Table([]));

    [Fact]
    public void Requests_show_only_with_a()
    {
        SocketRow request = Row("127.0.0.1:6666", "127.0.0.1:48070", TcpState.SynRecv, send: 1);
        Assert.Single(SsView.Table([request]));
        Assert.Contains(SsView.Table([request], SocketSelection.All), line => line.StartsWith("SYN-RECV 0      0 "));
    }

    private static SocketRow Row(
        string local, string remote, TcpState state, long receive = 0, long send = 0, long backlog = 0) => new()
        {
            Local = InetEndpoint.Parse(local),
            Remote = InetEndpoint.Parse(remote),
            State = state,
            ReceiveQueue = receive,
            SendQueue = send,
            Backlog = backlog,
        };
}
