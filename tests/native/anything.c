/* anything.c - random calls in random order: nothing breaks a stack.  SPDX-License-Identifier: MIT */
#include "es_test.h"

static unsigned long long state;

static unsigned chance(unsigned bound)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % bound;
}

static char why[4000];

static int fine(es_stack *s, int result)
{
    if (result == -ENOTRECOVERABLE) {
        uint64_t cursor = 0;
        while (es_klog(s, &cursor, why, sizeof why) > 0)
            printf("%s", why);
    }
    OK(result != -ENOTRECOVERABLE);
    return result;
}

static const char *const sysctls[] = { "net.ipv4.tcp_sack", "net.ipv4.tcp_timestamps", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_syncookies", "net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_mem", "net.ipv4.tcp_base_mss",
    "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_ecn", "net.ipv4.tcp_congestion_control", "net.core.somaxconn",
    "net.ipv4.tcp_min_tso_segs", "net.ipv4.tcp_fastopen", "net.ipv4.tcp_shrink_window", "net.ipv4.tcp_limit_output_bytes" };
static const char *const values[] = { "0", "1", "2", "3", "255", "-1", "2147483647", "1 2 3", "4096 131072 6291456", "reno", "bbr",
    "cubic", "", "x" };

static void one(struct net *net)
{
    static unsigned char bytes[70000];
    static char control[300];
    int which = (int)chance(2), fd = (int)chance(14) - 1, value = (int)chance(5) == 0 ? (int)chance(1u << 31) : (int)chance(4);
    es_stack *s = net->s[which];
    struct sockaddr_in name = ip4(chance(3) ? (chance(2) ? "10.0.0.1" : "10.0.0.2") : "0.0.0.0", 80 + (int)chance(4));
    struct sockaddr_in6 name6 = ip6(chance(3) ? (chance(2) ? "fd00::1" : "fd00::2") : "::", 80 + (int)chance(4));
    int six = (int)chance(3) == 0;
    struct sockaddr *any = six ? (void *)&name6 : (void *)&name;
    uint32_t length = six ? sizeof name6 : sizeof name, room = chance(40);
    int flags = chance(3) ? 0 : (int)(chance(2) ? chance(0x10000) : 1u << chance(31));
    struct iovec vector[3] = { { bytes, chance(4000) }, { chance(5) ? bytes + 5000 : NULL, chance(300) }, { bytes, chance(60000) } };
    struct msghdr message = { .msg_iov = vector, .msg_iovlen = chance(4), .msg_control = chance(2) ? control : NULL,
        .msg_controllen = chance(2) ? chance(300) : 0, .msg_name = chance(3) ? NULL : any, .msg_namelen = length };
    struct epoll_event event = { chance(2) ? EPOLLIN | EPOLLOUT : 1u << chance(32), { .u64 = 1 } }, events[8];
    struct pollfd polled[3] = { { fd, 0x3ff, 0 }, { fd + 1, POLLIN, 0 }, { 3, POLLOUT, 0 } };
    static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6, IPPROTO_UDP, 99 };
    int level = levels[chance(6)], option = (int)chance(90);
    switch (chance(26)) {
    case 0: fine(s, es_socket(s, chance(2) ? AF_INET : AF_INET6, chance(3) ? SOCK_STREAM : SOCK_DGRAM, 0)); break;
    case 1: fine(s, es_bind(s, fd, any, chance(8) ? length : room)); break;
    case 2: fine(s, es_listen(s, fd, (int)chance(4))); break;
    case 3: fine(s, es_accept4(s, fd, chance(2) ? any : NULL, &room, flags & (SOCK_NONBLOCK | SOCK_CLOEXEC))); break;
    case 4: case 5: fine(s, es_connect(s, fd, any, chance(8) ? length : room)); break;
    case 6: fine(s, es_shutdown(s, fd, (int)chance(4))); break;
    case 7: if (chance(3) == 0) fine(s, es_close(s, fd)); break;
    case 8: fine(s, es_getsockname(s, fd, any, &room)); break;
    case 9: fine(s, es_getpeername(s, fd, any, &room)); break;
    case 10: fine(s, es_getsockopt(s, fd, level, option, control, &room)); break;
    case 11: fine(s, es_setsockopt(s, fd, level, option, chance(4) ? (void *)&value : control, chance(2) ? 4 : room)); break;
    case 12: fine(s, es_fcntl(s, fd, (int)chance(6), (long)chance(1u << 31))); break;
    case 13: fine(s, es_ioctl(s, fd, chance(2) ? SIOCINQ : chance(2) ? SIOCOUTQ : chance(1 << 16), &value)); break;
    case 14: case 15: fine(s, es_send(s, fd, bytes, chance(30000), flags)); break;
    case 16: case 17: fine(s, es_recv(s, fd, bytes, chance(30000), flags)); break;
    case 18: fine(s, es_sendto(s, fd, bytes, chance(3000), flags, any, length)); break;
    case 19: fine(s, es_recvfrom(s, fd, bytes, chance(3000), flags, any, &room)); break;
    case 20: fine(s, es_sendmsg(s, fd, &message, flags)); break;
    case 21: fine(s, es_recvmsg(s, fd, &message, flags)); break;
    case 22: fine(s, es_epoll_create1(s, 0) > 9 ? es_close(s, 10) : 0); break;
    case 23: fine(s, es_epoll_ctl(s, fd, (int)chance(4), (int)chance(10), &event)); break;
    case 24: fine(s, es_epoll_wait(s, fd, events, 8)); fine(s, es_poll(s, polled, 3)); break;
    case 25:
        if (chance(4) == 0)
            fine(s, es_sysctl_set(s, sysctls[chance(sizeof sysctls / sizeof *sysctls)], values[chance(14)]));
        break;
    }
}

/* What keeps connections alive between all that ends them. */
static void sensible(struct net *net)
{
    static unsigned char bytes[30000];
    int which = (int)chance(2), six = (int)chance(2);
    es_stack *s = net->s[which];
    struct sockaddr_in name = ip4(which ? "10.0.0.1" : "10.0.0.2", 80);
    struct sockaddr_in6 name6 = ip6(which ? "fd00::1" : "fd00::2", 80), any = ip6("::", 80);
    if (chance(4) == 0) {
        int fd = es_socket(s, AF_INET6, SOCK_STREAM, 0);
        if (fd >= 0 && (fine(s, es_bind(s, fd, (void *)&any, sizeof any)) < 0 || fine(s, es_listen(s, fd, 5)) < 0))
            fine(s, es_close(s, fd));
    }
    int fd = es_socket(s, six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    if (fd >= 0)
        fine(s, es_connect(s, fd, six ? (void *)&name6 : (void *)&name, six ? sizeof name6 : sizeof name));
    wait_ms(net, 10);
    for (fd = 0; fd < 13; fd++) {
        fine(s, es_send(s, fd, bytes, chance(sizeof bytes), 0));
        fine(net->s[!which], es_accept4(net->s[!which], fd, NULL, NULL, 0));
        fine(net->s[!which], es_recv(net->s[!which], fd, bytes, sizeof bytes, 0));
    }
    if (es_socket(s, AF_INET, SOCK_STREAM, 0) > 12)
        for (fd = 13; fd < 40; fd++)
            fine(s, es_close(s, fd));
}

static int storm(struct net *net, int to, const unsigned char *bytes, int length)
{
    (void)to, (void)length, (void)bytes;
    struct packet *packet = &net->flight[net->tail % FLIGHT];
    if (chance(40) == 0)
        packet->bytes[chance((unsigned)length)] ^= (unsigned char)(1 + chance(255));
    if (chance(3) == 0)
        packet->meta.flags |= ES_CSUM_GOOD;
    return chance(15) != 0;
}

static void run_storm(int seed, const char *config)
{
    struct net *net = join(config, config);
    state = (unsigned)seed;
    net->delay = 3 * MS;
    net->filter = storm;
    for (int i = 0; i < 6000; i++) {
        one(net);
        if (chance(12) == 0)
            sensible(net);
        if (chance(3) == 0)
            wait_ms(net, (int)chance(chance(40) == 0 ? 3000 : 20));
    }
    for (int i = 0; i < 2; i++)
        for (int fd = 0; fd < 20; fd++)
            fine(net->s[i], es_close(net->s[i], fd));
    wait_ms(net, 200000);
    part(net);
}

TEST(Nothing_breaks_a_stack)
{
    for (int seed = 1; seed <= 12; seed++)
        run_storm(seed, seed % 3 == 0 ? "offload = checksum, tso\n" : seed % 3 == 1 ? "mtu = 1280\ntxqueuelen = 20\n" : "");
}

TEST(The_same_storm_twice_is_the_same)
{
    unsigned long long hash[2];
    for (int i = 0; i < 2; i++) {
        struct net *net = join("", "");
        state = 99;
        net->delay = 3 * MS;
        for (int k = 0; k < 3000; k++) {
            one(net);
            if (chance(12) == 0)
                sensible(net);
            if (chance(3) == 0)
                wait_ms(net, (int)chance(20));
        }
        hash[i] = net->hash;
        part(net);
    }
    OK(hash[0] == hash[1]);
}
