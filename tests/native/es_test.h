/*
 * es_test.h - what the C tests of libearshot share: checks, named tests, and two stacks on a wire in virtual time.
 *
 * Copyright (c) The Earshot authors.  SPDX-License-Identifier: MIT
 *
 * A program holds tests; run as "program NAME" it runs one, without a name all. A failed check prints where and what, and
 * ends the program with 1.
 */
#ifndef ES_TEST_H
#define ES_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <fcntl.h>
#include "earshot.h"

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};
static struct test *first_test;

#define TEST(name)                                                                              \
    static void name(void);                                                                     \
    static struct test test_##name = { #name, name, NULL };                                     \
    __attribute__((constructor)) static void add_##name(void)                                   \
    {                                                                                           \
        test_##name.next = first_test, first_test = &test_##name;                               \
    }                                                                                           \
    static void name(void)

#define EQ(actual, expected)                                                                    \
    do {                                                                                        \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);             \
        if (actual_ != expected_) {                                                             \
            printf("%s:%d: %s is %lld, not %s (%lld)\n", __FILE__, __LINE__, #actual, actual_,  \
                   #expected, expected_);                                                       \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

#define OK(condition)                                                                           \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                      \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

#define TEXT(actual, expected)                                                                  \
    do {                                                                                        \
        const char *actual_ = (actual), *expected_ = (expected);                                \
        if (strcmp(actual_, expected_) != 0) {                                                  \
            printf("%s:%d: %s is '%s', not '%s'\n", __FILE__, __LINE__, #actual, actual_,       \
                   expected_);                                                                  \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

#define MS 1000000ll
#define SECOND 1000000000ll

/* ---- two stacks, 10.0.0.1 and .2, fd00::1 and ::2, on a wire with a delay ------------------------------------------ */

#define FLIGHT 4096
struct packet {
    int64_t due;
    struct es_packet meta;
    int to, length;
    unsigned char *bytes;
};
struct net {
    es_stack *s[2];
    int64_t now, delay;
    struct packet flight[FLIGHT];
    unsigned head, tail;
    unsigned long long hash;            /* of all that went over the wire */
    int packets;
    int largest;
    int (*filter)(struct net *net, int to, const unsigned char *bytes, int length);    /* 0: lost */
};

__attribute__((unused)) static es_stack *make(const char *config)
{
    es_stack *s;
    char error[300] = "";
    int result = es_create(config, 0, &s, error, sizeof error);
    if (result != 0) {
        printf("es_create: %d %s\n", result, error);
        exit(1);
    }
    return s;
}

__attribute__((unused)) static struct net *join(const char *a, const char *b)
{
    static unsigned char buffers[FLIGHT][65536];
    static struct net net;
    char config[2000];
    memset(&net, 0, sizeof net);
    for (int i = 0; i < FLIGHT; i++)
        net.flight[i].bytes = buffers[i];
    for (int i = 0; i < 2; i++) {
        snprintf(config, sizeof config, "seed = %d\naddress = 10.0.0.%d/24\naddress = fd00::%d/64\n%s", i + 1, i + 1, i + 1,
                 i == 0 ? a : b);
        net.s[i] = make(config);
    }
    net.hash = 14695981039346656037ull;
    return &net;
}

__attribute__((unused)) static void part(struct net *net)
{
    es_destroy(net->s[0]);
    es_destroy(net->s[1]);
}

static void carry(struct net *net)                       /* what wants to leave, onto the wire */
{
    for (int i = 0; i < 2; i++)
        for (;;) {
            struct packet *packet = &net->flight[net->tail % FLIGHT];
            int length = es_transmit(net->s[i], packet->bytes, 65536, &packet->meta);
            OK(length >= 0);
            if (length == 0)
                break;
            for (int k = 0; k < length; k++)
                net->hash = (net->hash ^ packet->bytes[k]) * 1099511628211ull;
            net->packets++;
            if (length > net->largest)
                net->largest = length;
            if (net->filter && !net->filter(net, !i, packet->bytes, length))
                continue;
            packet->due = packet->meta.time_ns + net->delay, packet->to = !i, packet->length = length;
            net->tail++;
            OK(net->tail - net->head < FLIGHT);
        }
}

__attribute__((unused)) static void run(struct net *net, int64_t until)    /* everything that happens up to a moment */
{
    for (;;) {
        carry(net);
        int64_t next = net->head != net->tail ? net->flight[net->head % FLIGHT].due : INT64_MAX;
        for (int i = 0; i < 2; i++) {
            int64_t timer = es_next_timer(net->s[i]);
            if (timer >= 0 && timer < next)
                next = timer;
        }
        if (next > until)
            break;
        if (next > net->now)
            net->now = next;
        EQ(es_advance(net->s[0], net->now), 0);
        EQ(es_advance(net->s[1], net->now), 0);
        for (; net->head != net->tail && net->flight[net->head % FLIGHT].due <= net->now; net->head++) {
            struct packet *packet = &net->flight[net->head % FLIGHT];
            EQ(es_receive(net->s[packet->to], packet->bytes, (size_t)packet->length, &packet->meta), 0);
        }
    }
    net->now = until;
    EQ(es_advance(net->s[0], until), 0);
    EQ(es_advance(net->s[1], until), 0);
    carry(net);
}

__attribute__((unused)) static void wait_ms(struct net *net, int ms) { run(net, net->now + ms * MS); }

__attribute__((unused)) static struct sockaddr_in ip4(const char *address, int port)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    inet_pton(AF_INET, address, &name.sin_addr);
    return name;
}

__attribute__((unused)) static struct sockaddr_in6 ip6(const char *address, int port)
{
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    inet_pton(AF_INET6, address, &name.sin6_addr);
    return name;
}

__attribute__((unused)) static int listen4(es_stack *s, const char *address, int port, int backlog)
{
    struct sockaddr_in name = ip4(address, port);
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    OK(fd >= 0);
    EQ(es_bind(s, fd, (struct sockaddr *)&name, sizeof name), 0);
    EQ(es_listen(s, fd, backlog), 0);
    return fd;
}

/* A connection from s[0] to s[1]; the listener stays open as *listener, or is closed. */
__attribute__((unused)) static void connected(struct net *net, int *client, int *server, int *listener)
{
    struct sockaddr_in name = ip4("10.0.0.2", 80);
    int l = listen4(net->s[1], "10.0.0.2", 80, 8);
    *client = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(net->s[0], *client, (struct sockaddr *)&name, sizeof name), -EINPROGRESS);
    wait_ms(net, 100);
    EQ(es_connect(net->s[0], *client, (struct sockaddr *)&name, sizeof name), 0);
    *server = es_accept4(net->s[1], l, NULL, NULL, 0);
    OK(*server >= 0);
    if (listener)
        *listener = l;
    else
        EQ(es_close(net->s[1], l), 0);
}

__attribute__((unused)) static int64_t counter(es_stack *s, const char *name)
{
    int64_t value = -1;
    EQ(es_counter(s, name, &value), 0);
    return value;
}

int main(int count, char **arguments)
{
    int ran = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test *test = first_test; test; test = test->next)
        if (count < 2 || strcmp(arguments[1], test->name) == 0) {
            test->run();
            ran++;
        }
    printf("%d ok\n", ran);
    return ran > 0 ? 0 : 2;
}

#endif
