/* calls.c - the socket calls that make, name and ask, and their struct layouts.  SPDX-License-Identifier: MIT */
#include "es_test.h"

TEST(Sockets_are_made_as_in_Linux)
{
    static const struct { int domain, type, protocol, result; } rows[] = {
        { AF_INET, SOCK_STREAM, 0, 0 }, { AF_INET, SOCK_STREAM, IPPROTO_TCP, 0 }, { AF_INET, SOCK_DGRAM, 0, 0 },
        { AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0 }, { AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0 },
        { AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0 }, { AF_INET, SOCK_STREAM, IPPROTO_UDP, -EPROTONOSUPPORT },
        { AF_INET, 0, 0, -ESOCKTNOSUPPORT }, { AF_INET, 5, 0, -ESOCKTNOSUPPORT }, { AF_INET, 11, 0, -EINVAL },
        { AF_INET, -1, 0, -EINVAL }, { AF_INET, SOCK_STREAM | 0x100, 0, -EINVAL }, { AF_INET, SOCK_STREAM, -1, -EINVAL },
        { 0, SOCK_STREAM, 0, -EAFNOSUPPORT }, { 99, SOCK_STREAM, 0, -EAFNOSUPPORT }, { -1, SOCK_STREAM, 0, -EAFNOSUPPORT },
    };
    es_stack *s = make("");
    int next = 0;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int result = es_socket(s, rows[i].domain, rows[i].type, rows[i].protocol);
        EQ(result, rows[i].result < 0 ? rows[i].result : next++);
    }
    es_destroy(s);
}

TEST(Handles_are_the_lowest_free_and_no_others_exist)
{
    es_stack *s = make("");
    char byte;
    for (int i = 0; i < 4; i++)
        EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), i);
    EQ(es_close(s, 2), 0);
    EQ(es_close(s, 0), 0);
    EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), 0);
    EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), 2);
    EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), 4);
    for (int i = 0; i < 3; i++) {
        int bad = i == 0 ? -1 : i == 1 ? 5 : 1 << 30;
        struct sockaddr_in name = ip4("10.0.0.1", 1);
        uint32_t length = sizeof name, size = 4;
        int value = 0;
        struct msghdr message = { 0 };
        struct iovec vector = { &byte, 1 };
        EQ(es_close(s, bad), -EBADF);
        EQ(es_bind(s, bad, NULL, 200), -EBADF);
        EQ(es_listen(s, bad, 1), -EBADF);
        EQ(es_accept4(s, bad, NULL, NULL, 0), -EBADF);
        EQ(es_connect(s, bad, NULL, 200), -EBADF);
        EQ(es_shutdown(s, bad, 0), -EBADF);
        EQ(es_getsockname(s, bad, (void *)&name, &length), -EBADF);
        EQ(es_getpeername(s, bad, (void *)&name, &length), -EBADF);
        EQ(es_getsockopt(s, bad, 1, 1, &value, &size), -EBADF);
        EQ(es_setsockopt(s, bad, 1, 1, &value, 4), -EBADF);
        EQ(es_fcntl(s, bad, F_GETFL, 0), -EBADF);
        EQ(es_ioctl(s, bad, SIOCINQ, &value), -EBADF);
        EQ(es_read(s, bad, &byte, 1), -EBADF);
        EQ(es_write(s, bad, &byte, 1), -EBADF);
        EQ(es_readv(s, bad, &vector, 1), -EBADF);
        EQ(es_writev(s, bad, &vector, 1), -EBADF);
        EQ(es_recv(s, bad, &byte, 1, 0), -EBADF);
        EQ(es_send(s, bad, &byte, 1, 0), -EBADF);
        EQ(es_recvfrom(s, bad, &byte, 1, 0, NULL, NULL), -EBADF);
        EQ(es_sendto(s, bad, &byte, 1, 0, (void *)&name, length), -EBADF);
        EQ(es_recvmsg(s, bad, &message, 0), -EBADF);
        EQ(es_sendmsg(s, bad, &message, 0), -EBADF);
    }
    es_destroy(s);
}

TEST(What_is_no_socket_is_ENOTSOCK)
{
    es_stack *s = make("");
    char byte;
    int ep = es_epoll_create1(s, 0);
    EQ(es_listen(s, ep, 1), -ENOTSOCK);
    EQ(es_connect(s, ep, NULL, 0), -ENOTSOCK);
    EQ(es_send(s, ep, &byte, 1, 0), -ENOTSOCK);
    EQ(es_read(s, ep, &byte, 1), -EINVAL);
    EQ(es_write(s, ep, &byte, 1), -EINVAL);
    EQ(es_close(s, ep), 0);
    EQ(es_close(s, ep), -EBADF);
    es_destroy(s);
}

TEST(A_name_that_is_given_is_checked_before_the_socket)
{
    es_stack *s = make("address = 10.0.0.1/24\naddress = fd00::1/64");
    char big[200] = { AF_INET };
    struct sockaddr_in name = ip4("10.0.0.1", 0);
    struct sockaddr_in6 name6 = ip6("fd00::1", 0);
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0), fd6 = es_socket(s, AF_INET6, SOCK_STREAM, 0);
    EQ(es_bind(s, fd, (void *)big, 129), -EINVAL);
    EQ(es_bind(s, fd, NULL, 16), -EFAULT);
    EQ(es_bind(s, fd, (void *)&name, 15), -EINVAL);
    EQ(es_bind(s, fd, (void *)&name, 0), -EINVAL);
    EQ(es_bind(s, fd, (void *)&name6, sizeof name6), -EAFNOSUPPORT);
    EQ(es_bind(s, fd6, (void *)&name6, 23), -EINVAL);
    EQ(es_bind(s, fd6, (void *)&name6, 24), 0);
    memcpy(big, &name, sizeof name);
    EQ(es_bind(s, fd, (void *)big, 128), 0);
    EQ(es_connect(s, fd, (void *)big, 129), -EINVAL);
    EQ(es_connect(s, fd, NULL, 16), -EFAULT);
    EQ(es_connect(s, fd, (void *)big, 1), -EINVAL);
    es_destroy(s);
}

TEST(A_name_is_cut_to_the_room_there_is_and_told_whole)
{
    struct net *net = join("", "");
    int client, server;
    unsigned char name[64];
    uint32_t length = 8;
    connected(net, &client, &server, NULL);
    memset(name, 0xee, sizeof name);
    EQ(es_getpeername(net->s[1], server, (void *)name, &length), 0);
    EQ(length, 16);
    EQ(name[0], AF_INET);
    EQ(name[1], 0);
    EQ(name[4], 10);
    EQ(name[7], 1);
    EQ(name[8], 0xee);
    length = 64;
    EQ(es_getpeername(net->s[1], server, (void *)name, &length), 0);
    EQ(length, 16);
    EQ(name[15], 0);
    EQ(name[16], 0xee);
    length = 0;
    EQ(es_getsockname(net->s[1], server, NULL, &length), 0);
    EQ(length, 16);
    EQ(es_getsockname(net->s[1], server, NULL, &length), -EFAULT);
    EQ(es_getsockname(net->s[1], server, (void *)name, NULL), -EFAULT);
    length = (uint32_t)-1;
    EQ(es_getsockname(net->s[1], server, (void *)name, &length), -EINVAL);
    EQ(es_getpeername(net->s[1], es_socket(net->s[1], AF_INET, SOCK_STREAM, 0), (void *)name, &length), -ENOTCONN);
    part(net);
}

TEST(An_accepted_connection_tells_its_peer)
{
    struct net *net = join("", "");
    struct sockaddr_in6 any = ip6("::", 80), peer;
    struct sockaddr_in to4 = ip4("10.0.0.2", 80);
    struct sockaddr_in6 to6 = ip6("fd00::2", 80);
    uint32_t length = sizeof peer;
    char text[100];
    int l = es_socket(net->s[1], AF_INET6, SOCK_STREAM, 0);
    EQ(es_bind(net->s[1], l, (void *)&any, sizeof any), 0);
    EQ(es_listen(net->s[1], l, 5), 0);
    EQ(es_accept4(net->s[1], l, NULL, NULL, 0), -EAGAIN);
    EQ(es_accept4(net->s[1], l, NULL, NULL, 1), -EINVAL);
    EQ(es_connect(net->s[0], es_socket(net->s[0], AF_INET, SOCK_STREAM, 0), (void *)&to4, sizeof to4), -EINPROGRESS);
    wait_ms(net, 10);
    EQ(es_connect(net->s[0], es_socket(net->s[0], AF_INET6, SOCK_STREAM, 0), (void *)&to6, sizeof to6), -EINPROGRESS);
    wait_ms(net, 10);
    int a = es_accept4(net->s[1], l, (void *)&peer, &length, SOCK_NONBLOCK);
    OK(a >= 0);
    EQ(length, 28);
    TEXT(inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), "::ffff:10.0.0.1");
    EQ(es_fcntl(net->s[1], a, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    length = 28;
    a = es_accept4(net->s[1], l, (void *)&peer, &length, 0);
    OK(a >= 0);
    TEXT(inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), "fd00::1");
    EQ(es_fcntl(net->s[1], a, F_GETFL, 0), O_RDWR);
    part(net);
}

TEST(An_accept_that_cannot_give_the_name_loses_the_connection)
{
    struct net *net = join("", "");
    struct sockaddr_in to = ip4("10.0.0.2", 80), name;
    int l = listen4(net->s[1], "0.0.0.0", 80, 5), c = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(net->s[0], c, (void *)&to, sizeof to), -EINPROGRESS);
    wait_ms(net, 10);
    EQ(es_accept4(net->s[1], l, (void *)&name, NULL, 0), -EFAULT);
    EQ(es_accept4(net->s[1], l, NULL, NULL, 0), -EAGAIN);
    part(net);
}

TEST(Connecting_goes_through_its_answers)
{
    struct net *net = join("", "");
    struct sockaddr_in to = ip4("10.0.0.2", 80), closed = ip4("10.0.0.2", 81);
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    int error = -1;
    uint32_t length = sizeof error;
    es_stack *s = net->s[0];
    net->delay = 5 * MS;
    listen4(net->s[1], "0.0.0.0", 80, 5);
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(s, fd, (void *)&to, sizeof to), -EINPROGRESS);
    EQ(es_connect(s, fd, (void *)&to, sizeof to), -EALREADY);
    wait_ms(net, 20);
    EQ(es_connect(s, fd, (void *)&to, sizeof to), 0);
    EQ(es_connect(s, fd, (void *)&to, sizeof to), -EISCONN);
    EQ(es_connect(s, fd, &none, sizeof none), 0);                 /* disconnects */
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    EQ(error, ECONNRESET);
    fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(s, fd, (void *)&closed, sizeof closed), -EINPROGRESS);
    wait_ms(net, 20);
    EQ(es_connect(s, fd, (void *)&closed, sizeof closed), -ECONNREFUSED);
    EQ(es_connect(s, fd, (void *)&closed, sizeof closed), -EINPROGRESS);
    wait_ms(net, 20);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    EQ(error, ECONNREFUSED);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    EQ(error, 0);
    EQ(es_connect(s, fd, (void *)&closed, sizeof closed), -ECONNABORTED);
    part(net);
}

TEST(Options_have_Linux_s_lengths)
{
    es_stack *s = make("address = 10.0.0.1/24");
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0), value = 1, many[16] = { 1 };
    uint32_t length = 4;
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3), -EINVAL);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, many, 64), 0);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), -EFAULT);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 0), -EINVAL);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, &value, (uint32_t)-1), -EINVAL);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, 9999, &value, 4), -ENOPROTOOPT);
    EQ(es_setsockopt(s, fd, 77, 1, &value, 4), -ENOPROTOOPT);
    EQ(es_setsockopt(s, fd, 77, 1, NULL, 4), -ENOPROTOOPT);
    EQ(es_getsockopt(s, fd, 77, 1, &value, &length), -EOPNOTSUPP);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, &value, NULL), -EFAULT);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, NULL, &length), -EFAULT);
    length = 0;
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, NULL, &length), 0);
    length = (uint32_t)-1;
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length), -EINVAL);
    length = 2;
    value = 0x7f7f7f7f;
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length), 0);
    EQ(length, 2);
    EQ(value, 0x7f7f0001);
    length = 64;
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_TYPE, &value, &length), 0);
    EQ(length, 4);
    EQ(value, SOCK_STREAM);
    struct linger linger = { 1, 5 };
    length = sizeof linger;
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_LINGER, &linger, 4), -EINVAL);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_LINGER, &linger, 8), 0);
    memset(&linger, 0, sizeof linger);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    EQ(length, 8);
    EQ(linger.l_onoff * 100 + linger.l_linger, 105);
    EQ(es_setsockopt(s, fd, IPPROTO_IP, IP_TTL, "\x20", 1), 0);
    length = 4;
    EQ(es_getsockopt(s, fd, IPPROTO_IP, IP_TTL, &value, &length), 0);
    EQ(value, 32);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_RCVBUF, &value, 4), 0);
    EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_RCVBUF, &value, &length), 0);
    EQ(value, 2304);
    es_destroy(s);
}

TEST(TCP_INFO_is_280_bytes_and_a_shorter_length_gets_its_head)
{
    struct net *net = join("", "");
    int client, server, listener;
    unsigned char info[400], head[400];
    uint32_t length = sizeof info;
    connected(net, &client, &server, &listener);
    int fresh = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    EQ(es_getsockopt(net->s[0], client, IPPROTO_TCP, TCP_INFO, info, &length), 0);
    EQ(length, 280);
    EQ(info[0], TCP_ESTABLISHED);
    EQ(info[5] & 7, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
    EQ(*(uint32_t *)(info + offsetof(struct tcp_info, tcpi_snd_cwnd)), 10);
    EQ(*(uint32_t *)(info + offsetof(struct tcp_info, tcpi_snd_mss)), 1448);
    EQ(*(uint32_t *)(info + offsetof(struct tcp_info, tcpi_pmtu)), 1500);
    for (uint32_t n = 0; n <= 280; n += 35) {
        memset(head, 0xaa, sizeof head);
        length = n;
        EQ(es_getsockopt(net->s[0], client, IPPROTO_TCP, TCP_INFO, head, &length), 0);
        EQ(length, n);
        EQ(memcmp(head, info, n), 0);
        EQ(head[n], 0xaa);
    }
    length = sizeof info;
    EQ(es_getsockopt(net->s[1], listener, IPPROTO_TCP, TCP_INFO, info, &length), 0);
    EQ(length, 280);
    EQ(info[0], TCP_LISTEN);
    EQ(*(uint32_t *)(info + offsetof(struct tcp_info, tcpi_sacked)), 8);       /* the backlog */
    EQ(es_getsockopt(net->s[0], fresh, IPPROTO_TCP, TCP_INFO, info, &length), 0);
    EQ(info[0], TCP_CLOSE);
    EQ(es_setsockopt(net->s[0], fresh, IPPROTO_TCP, TCP_INFO, info, 280), -ENOPROTOOPT);
    part(net);
}

TEST(Flags_of_files_are_kept)
{
    es_stack *s = make("");
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0), on = 1;
    EQ(es_fcntl(s, fd, F_GETFL, 0), O_RDWR);
    EQ(es_fcntl(s, fd, F_SETFL, O_NONBLOCK), 0);
    EQ(es_fcntl(s, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    EQ(es_fcntl(s, fd, F_SETFL, 0), 0);
    EQ(es_fcntl(s, fd, F_GETFL, 0), O_RDWR);
    EQ(es_ioctl(s, fd, FIONBIO, &on), 0);
    EQ(es_fcntl(s, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    EQ(es_ioctl(s, fd, FIONBIO, NULL), -EFAULT);
    EQ(es_fcntl(s, fd, 12345, 0), -EINVAL);
    EQ(es_ioctl(s, fd, 0x1234, &on), -ENOTTY);
    es_destroy(s);
}

TEST(Queues_are_measured)
{
    struct net *net = join("", "");
    int client, server, listener, value = -1;
    net->delay = 20 * MS;
    connected(net, &client, &server, &listener);
    EQ(es_send(net->s[0], client, "0123456789", 10, 0), 10);
    EQ(es_ioctl(net->s[0], client, SIOCOUTQ, &value), 0);
    EQ(value, 10);
    EQ(es_ioctl(net->s[0], client, SIOCOUTQNSD, &value), 0);
    EQ(value, 0);
    wait_ms(net, 100);
    EQ(es_ioctl(net->s[0], client, SIOCOUTQ, &value), 0);
    EQ(value, 0);
    EQ(es_ioctl(net->s[1], server, SIOCINQ, &value), 0);
    EQ(value, 10);
    EQ(es_ioctl(net->s[1], server, SIOCINQ, NULL), -EFAULT);
    EQ(es_ioctl(net->s[1], server, SIOCATMARK, &value), 0);
    EQ(value, 0);
    EQ(es_ioctl(net->s[1], listener, SIOCINQ, &value), -EINVAL);
    part(net);
}

/* Two stacks, and on them a connection whose client lingers so many seconds. */
static struct net *lingering(int seconds, int *client, int *server)
{
    struct net *net = join("", "");
    struct linger linger = { 1, seconds };
    connected(net, client, server, NULL);
    EQ(es_setsockopt(net->s[0], *client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    return net;
}

TEST(Closing_with_linger_0_resets)
{
    int client, server;
    char byte;
    struct net *net = lingering(0, &client, &server);
    EQ(es_close(net->s[0], client), 0);
    wait_ms(net, 10);
    EQ(es_recv(net->s[1], server, &byte, 1, 0), -ECONNRESET);
    EQ(es_recv(net->s[1], server, &byte, 1, 0), 0);
    part(net);
}

static int lose(struct net *net, int to, const unsigned char *bytes, int length)
{
    (void)net, (void)bytes, (void)length;
    return to == 0;
}

TEST(A_time_to_linger_limits_the_orphan)
{
    int client, server;
    struct net *net = lingering(2, &client, &server);
    EQ(es_send(net->s[0], client, "unheard", 7, 0), 7);
    net->filter = lose;
    EQ(es_close(net->s[0], client), 0);
    wait_ms(net, 1990);
    EQ(counter(net->s[0], "TcpOutRsts"), 0);
    OK(counter(net->s[0], "TcpRetransSegs") > 1);
    wait_ms(net, 100);
    EQ(counter(net->s[0], "TcpOutRsts"), 1);
    EQ(counter(net->s[0], "TcpExtTCPAbortOnTimeout"), 1);
    int64_t sent = counter(net->s[0], "TcpOutSegs");
    wait_ms(net, 60000);
    EQ(counter(net->s[0], "TcpOutSegs"), sent);
    part(net);
}

TEST(The_longest_time_to_linger_limits_nothing)
{
    int client, server;
    struct net *net = lingering(0x7fffffff, &client, &server);
    net->filter = lose;
    EQ(es_close(net->s[0], client), 0);
    wait_ms(net, 30000);
    EQ(counter(net->s[0], "TcpOutRsts"), 0);
    OK(counter(net->s[0], "TcpRetransSegs") > 4);
    part(net);
}

TEST(An_orphan_that_is_heard_in_time_ends_as_any_other)
{
    int client, server;
    struct net *net = lingering(2, &client, &server);
    EQ(es_send(net->s[0], client, "heard", 5, 0), 5);
    EQ(es_close(net->s[0], client), 0);
    wait_ms(net, 5000);
    EQ(es_close(net->s[1], server), 0);
    wait_ms(net, 1000);
    EQ(counter(net->s[0], "TcpOutRsts"), 0);
    EQ(counter(net->s[0], "TcpExtTCPAbortOnTimeout"), 0);
    part(net);
}

TEST(Shutting_down_ends_one_direction)
{
    struct net *net = join("", "");
    int client, server;
    char byte;
    connected(net, &client, &server, NULL);
    EQ(es_shutdown(net->s[0], client, 3), -EINVAL);
    EQ(es_shutdown(net->s[0], client, SHUT_WR), 0);
    EQ(es_send(net->s[0], client, "x", 1, 0), -EPIPE);
    wait_ms(net, 10);
    EQ(es_recv(net->s[1], server, &byte, 1, 0), 0);
    EQ(es_send(net->s[1], server, "y", 1, MSG_NOSIGNAL), 1);
    wait_ms(net, 10);
    EQ(es_recv(net->s[0], client, &byte, 1, 0), 1);
    EQ(es_shutdown(net->s[0], es_socket(net->s[0], AF_INET, SOCK_STREAM, 0), SHUT_RD), -ENOTCONN);
    part(net);
}
TEST(TCP_CC_INFO_and_SO_MEMINFO_succeed_on_every_TCP_socket)
{
    struct net *net = join("", "");
    int client, server, listener, fds[3];
    connected(net, &client, &server, &listener);
    fds[0] = server, fds[1] = listener, fds[2] = es_socket(net->s[1], AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < 3; i++) {
        unsigned memory[20];
        char cc[64];
        uint32_t length = sizeof memory;
        EQ(es_getsockopt(net->s[1], fds[i], SOL_SOCKET, SO_MEMINFO, memory, &length), 0);
        EQ(length, 36);
        OK(memory[1] >= 2304);                                    /* SK_MEMINFO_RCVBUF */
        length = 8;
        EQ(es_getsockopt(net->s[1], fds[i], SOL_SOCKET, SO_MEMINFO, memory, &length), 0);
        EQ(length, 8);
        length = sizeof cc;
        EQ(es_getsockopt(net->s[1], fds[i], IPPROTO_TCP, TCP_CC_INFO, cc, &length), 0);
        EQ(length, 0);
    }
    int fd = es_socket(net->s[1], AF_INET, SOCK_STREAM, 0);
    char name[32] = "";
    uint32_t length = sizeof name;
    EQ(es_setsockopt(net->s[1], fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), 0);
    EQ(es_getsockopt(net->s[1], fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
    EQ(length, 16);
    TEXT(name, "bbr");
    length = sizeof name;
    EQ(es_getsockopt(net->s[1], fd, IPPROTO_TCP, TCP_CC_INFO, name, &length), 0);
    EQ(length, 20);
    EQ(es_setsockopt(net->s[1], fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), -ENOENT);
    part(net);
}
TEST(A_Fast_Open_cookie_is_Linux_s_for_the_same_key_and_addresses)
{
    /* docs/linux-facts.md: what 6.18.44 answered under this key. */
    static const unsigned char cookie4[] = { 0xb5, 0x77, 0xc5, 0x61, 0xd8, 0x96, 0x57, 0xab };
    struct net *net = join("sysctl.net.ipv4.tcp_fastopen = 1\naddress = 10.9.0.2/24\n",
                           "sysctl.net.ipv4.tcp_fastopen = 2\naddress = 10.9.0.1/24\n"
                           "sysctl.net.ipv4.tcp_fastopen_key = 00112233-44556677-8899aabb-ccddeeff\n");
    struct sockaddr_in to = ip4("10.9.0.1", 80), from = ip4("10.9.0.2", 0);
    unsigned char packet[200], answer[200];
    int one = 1, l = listen4(net->s[1], "10.9.0.1", 80, 5);
    EQ(es_setsockopt(net->s[1], l, IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof one), 0);
    int c = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    EQ(es_bind(net->s[0], c, (void *)&from, sizeof from), 0);
    EQ(es_sendto(net->s[0], c, "hello", 5, MSG_FASTOPEN, (void *)&to, sizeof to), -EINPROGRESS);   /* no cookie yet */
    int length = es_transmit(net->s[0], packet, sizeof packet, NULL);
    OK(length > 40);
    EQ(es_receive(net->s[1], packet, (size_t)length, NULL), 0);
    length = es_transmit(net->s[1], answer, sizeof answer, NULL);
    OK(length > 40);
    int found = 0;
    for (int i = 40; i + 10 <= length; i += answer[i] < 2 ? 1 : answer[i + 1])
        if (answer[i] == 34 && answer[i + 1] == 10) {
            EQ(memcmp(answer + i + 2, cookie4, 8), 0);
            found = 1;
        }
    OK(found);
    EQ(es_receive(net->s[0], answer, (size_t)length, NULL), 0);
    wait_ms(net, 10);
    int again = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    EQ(es_bind(net->s[0], again, (void *)&from, sizeof from), 0);
    EQ(es_sendto(net->s[0], again, "hello", 5, MSG_FASTOPEN, (void *)&to, sizeof to), 5);          /* in the SYN */
    part(net);
}

