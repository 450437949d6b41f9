/* ready.c - es_poll, es_epoll_*.  SPDX-License-Identifier: MIT */
#include "es_test.h"

TEST(Poll_tells_what_is_asked_and_what_always_is)
{
    struct net *net = join("", "");
    int client, server, listener;
    es_stack *s = net->s[1];
    connected(net, &client, &server, &listener);
    int fresh = es_socket(s, AF_INET, SOCK_STREAM, 0), udp = es_socket(s, AF_INET, SOCK_DGRAM, 0);
    struct pollfd fds[6] = { { fresh, POLLIN | POLLOUT, 99 }, { server, POLLIN | POLLOUT, 99 }, { listener, POLLIN, 99 },
        { -1, POLLIN, 99 }, { 77, 0, 99 }, { udp, POLLOUT | POLLIN, 99 } };
    EQ(es_poll(s, fds, 6), 4);
    EQ(fds[0].revents, POLLOUT | POLLHUP);
    EQ(fds[1].revents, POLLOUT);
    EQ(fds[2].revents, 0);
    EQ(fds[3].revents, 0);
    EQ(fds[4].revents, POLLNVAL);
    EQ(fds[5].revents, POLLOUT);
    EQ(es_send(net->s[0], client, "x", 1, 0), 1);
    wait_ms(net, 10);
    fds[1].events = POLLIN | POLLRDNORM | POLLRDHUP;
    EQ(es_poll(s, fds + 1, 1), 1);
    EQ(fds[1].revents, POLLIN | POLLRDNORM);
    EQ(es_shutdown(net->s[0], client, SHUT_WR), 0);
    wait_ms(net, 10);
    EQ(es_poll(s, fds + 1, 1), 1);
    EQ(fds[1].revents, POLLIN | POLLRDNORM | POLLRDHUP);
    EQ(es_poll(s, NULL, 0), 0);
    EQ(es_poll(s, NULL, 1), -EFAULT);
    EQ(es_poll(s, fds, 1 << 30), -EINVAL);
    part(net);
}

TEST(A_failed_connect_shows_error_and_hangup)
{
    struct net *net = join("", "");
    struct sockaddr_in to = ip4("10.0.0.2", 80);
    int fd = es_socket(net->s[0], AF_INET, SOCK_STREAM, 0);
    struct pollfd ready = { fd, POLLOUT, 0 };
    net->delay = 5 * MS;
    EQ(es_connect(net->s[0], fd, (void *)&to, sizeof to), -EINPROGRESS);
    EQ(es_poll(net->s[0], &ready, 1), 0);
    wait_ms(net, 20);
    EQ(es_poll(net->s[0], &ready, 1), 1);
    EQ(ready.revents, POLLOUT | POLLERR | POLLHUP);
    EQ(es_connect(net->s[0], fd, (void *)&to, sizeof to), -ECONNREFUSED);
    part(net);
}

TEST(Epoll_checks_its_arguments_as_Linux_does)
{
    es_stack *s = make("");
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0), ep = es_epoll_create1(s, EPOLL_CLOEXEC);
    struct epoll_event event = { EPOLLIN, { .u64 = 7 } }, out[4];
    EQ(es_epoll_create1(s, 1), -EINVAL);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_ADD, fd, NULL), -EFAULT);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_MOD, fd, &event), -ENOENT);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
    EQ(es_epoll_ctl(s, 99, EPOLL_CTL_ADD, fd, &event), -EBADF);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_ADD, 99, &event), -EBADF);
    EQ(es_epoll_ctl(s, fd, EPOLL_CTL_ADD, fd, &event), -EINVAL);
    EQ(es_epoll_ctl(s, ep, 17, fd, &event), -EINVAL);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_ADD, fd, &event), 0);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_ADD, fd, &event), -EEXIST);
    int inner = es_epoll_create1(s, 0);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_ADD, inner, &event), 0);
    EQ(es_epoll_ctl(s, inner, EPOLL_CTL_ADD, ep, &event), -ELOOP);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_DEL, inner, NULL), 0);
    EQ(es_epoll_wait(s, ep, out, 0), -EINVAL);
    EQ(es_epoll_wait(s, ep, out, INT32_MAX), -EINVAL);
    EQ(es_epoll_wait(s, fd, out, 4), -EINVAL);
    EQ(es_epoll_wait(s, 99, out, 4), -EBADF);
    EQ(es_epoll_wait(s, ep, NULL, 4), -EFAULT);                                  /* there is something to tell */
    EQ(es_epoll_wait(s, ep, out, 4), 1);
    EQ(out[0].events, EPOLLHUP);
    EQ(out[0].data.u64, 7);
    EQ(es_epoll_ctl(s, ep, EPOLL_CTL_DEL, fd, NULL), 0);
    EQ(es_epoll_wait(s, ep, NULL, 4), 0);
    es_destroy(s);
}

TEST(Events_are_packed_and_carry_all_of_their_data)
{
    struct net *net = join("", "");
    int client, server;
    struct epoll_event out[3], event = { EPOLLIN | EPOLLOUT, { .u64 = 0x1122334455667788ull } };
    connected(net, &client, &server, NULL);
    int ep = es_epoll_create1(net->s[1], 0), fresh = es_socket(net->s[1], AF_INET, SOCK_STREAM, 0);
    EQ(sizeof event, 12);
    memset(out, 0xcc, sizeof out);
    EQ(es_epoll_ctl(net->s[1], ep, EPOLL_CTL_ADD, server, &event), 0);
    event.data.u64 = ~0ull;
    EQ(es_epoll_ctl(net->s[1], ep, EPOLL_CTL_ADD, fresh, &event), 0);
    EQ(es_epoll_wait(net->s[1], ep, out, 3), 2);
    EQ(out[0].events, EPOLLOUT);
    OK(out[0].data.u64 == 0x1122334455667788ull);
    EQ(out[1].events, EPOLLOUT | EPOLLHUP);
    OK(out[1].data.u64 == ~0ull);
    EQ(out[2].events, 0xcccccccc);
    EQ(es_epoll_wait(net->s[1], ep, out, 1), 1);                                 /* round robin */
    OK(out[0].data.u64 == 0x1122334455667788ull);
    EQ(es_epoll_wait(net->s[1], ep, out, 1), 1);
    OK(out[0].data.u64 == ~0ull);
    struct pollfd polled = { ep, POLLIN, 0 };
    EQ(es_poll(net->s[1], &polled, 1), 1);
    EQ(polled.revents, POLLIN);
    part(net);
}

TEST(Edges_and_single_shots_are_told_once)
{
    struct net *net = join("", "");
    int client, server;
    struct epoll_event out[2], event = { EPOLLIN | EPOLLET, { .u32 = 1 } };
    connected(net, &client, &server, NULL);
    es_stack *s = net->s[1];
    int edge = es_epoll_create1(s, 0), once = es_epoll_create1(s, 0);
    EQ(es_epoll_ctl(s, edge, EPOLL_CTL_ADD, server, &event), 0);
    event.events = EPOLLIN | EPOLLONESHOT;
    EQ(es_epoll_ctl(s, once, EPOLL_CTL_ADD, server, &event), 0);
    EQ(es_epoll_wait(s, edge, out, 2), 0);
    EQ(es_send(net->s[0], client, "x", 1, 0), 1);
    wait_ms(net, 10);
    EQ(es_epoll_wait(s, edge, out, 2), 1);
    EQ(es_epoll_wait(s, edge, out, 2), 0);
    EQ(es_epoll_wait(s, once, out, 2), 1);
    EQ(es_epoll_wait(s, once, out, 2), 0);
    EQ(es_send(net->s[0], client, "y", 1, 0), 1);
    wait_ms(net, 10);
    EQ(es_epoll_wait(s, edge, out, 2), 1);                                       /* each segment is an edge */
    EQ(es_epoll_wait(s, once, out, 2), 0);
    EQ(es_epoll_ctl(s, once, EPOLL_CTL_MOD, server, &event), 0);
    EQ(es_epoll_wait(s, once, out, 2), 1);
    EQ(es_close(s, server), 0);
    EQ(es_epoll_wait(s, edge, out, 2), 0);
    EQ(es_epoll_ctl(s, edge, EPOLL_CTL_DEL, server, NULL), -EBADF);
    part(net);
}

TEST(Exclusive_waiters_are_woken_one_at_a_time)
{
    struct net *net = join("", "");
    struct sockaddr_in to = ip4("10.0.0.2", 80);
    struct epoll_event out[2], event = { EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, { .u32 = 1 } };
    es_stack *s = net->s[1];
    int l = listen4(s, "0.0.0.0", 80, 5), ep[3], woken = 0;
    for (int i = 0; i < 3; i++) {
        ep[i] = es_epoll_create1(s, 0);
        EQ(es_epoll_ctl(s, ep[i], EPOLL_CTL_ADD, l, &event), 0);
        EQ(es_epoll_wait(s, ep[i], out, 2), 0);
    }
    EQ(es_epoll_ctl(s, ep[0], EPOLL_CTL_MOD, l, &event), -EINVAL);
    event.events |= EPOLLRDHUP;
    EQ(es_epoll_ctl(s, es_epoll_create1(s, 0), EPOLL_CTL_ADD, l, &event), -EINVAL);
    EQ(es_connect(net->s[0], es_socket(net->s[0], AF_INET, SOCK_STREAM, 0), (void *)&to, sizeof to), -EINPROGRESS);
    wait_ms(net, 10);
    for (int i = 0; i < 3; i++)
        woken += es_epoll_wait(s, ep[i], out, 2);
    EQ(woken, 1);
    part(net);
}
