/* clock.c - es_advance, es_next_timer, hz.  SPDX-License-Identifier: MIT */
#include "es_test.h"

static int64_t syn(es_stack *s)                            /* the time of the next packet out; -1: none */
{
    unsigned char packet[100];
    struct es_packet meta;
    return es_transmit(s, packet, sizeof packet, &meta) > 0 ? meta.time_ns : -1;
}

static es_stack *connecting(const char *config)
{
    es_stack *s = make(config);
    struct sockaddr_in far = ip4("10.0.0.2", 80);
    EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(syn(s), 0);
    return s;
}

TEST(An_idle_stack_has_no_timer)
{
    es_stack *s = make("address = 10.0.0.1/24");
    EQ(es_next_timer(s), -1);
    EQ(es_advance(s, 10 * SECOND), 0);
    EQ(es_next_timer(s), -1);
    es_destroy(s);
}

TEST(Time_does_not_go_back)
{
    es_stack *s = make("");
    EQ(es_advance(s, 5), 0);
    EQ(es_advance(s, 5), 0);
    EQ(es_advance(s, 4), -EINVAL);
    EQ(es_advance(s, 6), 0);
    es_destroy(s);
    EQ(es_create("", 7 * SECOND, &s, NULL, 0), 0);
    EQ(es_advance(s, 7 * SECOND - 1), -EINVAL);
    es_destroy(s);
}

TEST(A_timer_s_packet_carries_the_timer_s_time)
{
    es_stack *s = connecting("address = 10.0.0.1/24");
    int64_t due = es_next_timer(s);
    OK(due > SECOND && due <= SECOND + 40 * MS);
    EQ(es_advance(s, 20 * SECOND), 0);                     /* long after */
    int64_t sent = syn(s), before = 0;
    EQ(sent, due);
    for (int i = 1; i < 6; i++) {                          /* four linear timeouts, then doubling: 1 2 3 4 5 7 s */
        before = sent;
        sent = syn(s);
        OK(sent - before >= (i < 5 ? 1 : 2) * SECOND && sent - before <= (i < 5 ? 1 : 2) * SECOND + 140 * MS);
    }
    es_destroy(s);
}

TEST(The_next_timer_moves_on_after_an_advance_to_it)
{
    es_stack *s = connecting("address = 10.0.0.1/24");
    int64_t last = 0;
    for (int i = 0; i < 20; i++) {
        int64_t next = es_next_timer(s);
        if (next < 0)
            break;
        OK(next > last);
        EQ(es_advance(s, next), 0);
        last = next;
        while (syn(s) >= 0)
            ;
    }
    OK(last > 60 * SECOND);
    EQ(es_next_timer(s), -1);                              /* ETIMEDOUT: nothing is left */
    es_destroy(s);
}

TEST(Stepping_and_leaping_send_the_same_at_the_same_times)
{
    es_stack *a = connecting("address = 10.0.0.1/24"), *b = connecting("address = 10.0.0.1/24");
    EQ(es_advance(a, 200 * SECOND), 0);
    for (int64_t now = 0; now < 200 * SECOND; now += 7 * MS)
        EQ(es_advance(b, now), 0);
    for (int64_t at = 0; at >= 0;) {
        at = syn(a);
        EQ(syn(b), at);
    }
    es_destroy(a);
    es_destroy(b);
}

TEST(The_tick_of_the_build_rounds_timers)
{
    static const int ticks[] = { 100, 250, 300, 1000 };
    for (int i = 0; i < 4; i++) {
        char config[100];
        int64_t tick = SECOND / ticks[i];
        snprintf(config, sizeof config, "address = 10.0.0.1/24\nhz = %d", ticks[i]);
        es_stack *s = connecting(config);
        int64_t due = es_next_timer(s);
        /* hz jiffies after the present one, in a wheel whose slots are 1 jiffy up to 63, 8 up to 504, 64 beyond */
        int64_t slot = ticks[i] < 504 ? 8 : 64;
        OK(due >= SECOND - tick && due <= SECOND + (slot + 1) * tick);
        EQ(es_advance(s, due), 0);
        int64_t second = es_next_timer(s);
        EQ((second - due) % tick, 0);
        es_destroy(s);
    }
}

TEST(Timeouts_of_sockets_are_rounded_up_to_the_tick)
{
    static const struct { int hz, asked, read; } rows[] = { { 100, 1, 10000 }, { 250, 1, 4000 }, { 300, 1, 3333 },
        { 1000, 1, 1000 }, { 250, 5000, 8000 }, { 300, 5000, 6666 } };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char config[100];
        snprintf(config, sizeof config, "hz = %d", rows[i].hz);
        es_stack *s = make(config);
        struct timeval time = { 1, rows[i].asked };
        uint32_t length = sizeof time;
        int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
        EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
        EQ(es_getsockopt(s, fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length), 0);
        EQ(length, 16);
        EQ(time.tv_sec, 1);
        EQ(time.tv_usec, rows[i].read);
        es_destroy(s);
    }
}

TEST(Paced_packets_carry_the_pacer_s_times)
{
    static char data[200000];
    static unsigned char packet[65536];
    struct net *net = join("sysctl.net.ipv4.tcp_congestion_control = bbr\n", "");
    struct es_packet meta;
    int client, server, times = 0;
    int64_t last = -1;
    net->delay = 10 * MS;
    connected(net, &client, &server, NULL);
    OK(es_send(net->s[0], client, data, sizeof data, 0) > 0);
    wait_ms(net, 21);                                            /* the first ten go at once, the next by the clock */
    EQ(es_advance(net->s[0], net->now + 10 * MS), 0);            /* in one leap */
    while (es_transmit(net->s[0], packet, sizeof packet, &meta) > 0) {
        OK(meta.time_ns >= last && meta.time_ns >= net->now && meta.time_ns <= net->now + 10 * MS);
        times += meta.time_ns != last;
        last = meta.time_ns;
    }
    OK(times >= 3);
    part(net);
}

TEST(Every_profile_makes_connections)
{
    static const char *const profiles[] = { "linux-6.18", "linux-6.12", "linux-6.1", "linux-5.4", "linux-4.10", "linux-4.4",
        "linux-3.10", "linux-el6", "linux-2.6.32", "linux-2.6.11", "linux-2.4", "linux-2.2", "linux-2.0", "freebsd", "xnu",
        "bsd-4.4" };
    for (unsigned i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        char config[100], byte = 0;
        int client, server;
        snprintf(config, sizeof config, "profile = %s\n", profiles[i]);
        struct net *net = join(config, config);
        connected(net, &client, &server, NULL);
        EQ(es_send(net->s[0], client, "x", 1, 0), 1);
        wait_ms(net, 500);
        EQ(es_recv(net->s[1], server, &byte, 1, 0), 1);
        EQ(byte, 'x');
        part(net);
    }
}
