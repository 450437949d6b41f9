/* datagrams.c - UDP through the calls of the ABI.  SPDX-License-Identifier: MIT */
#include "es_test.h"
#include <linux/errqueue.h>

static struct net *net;
static int a, b;

static void begin(void)
{
    struct sockaddr_in name = ip4("10.0.0.2", 53);
    net = join("", "");
    a = es_socket(net->s[0], AF_INET, SOCK_DGRAM, 0);
    b = es_socket(net->s[1], AF_INET, SOCK_DGRAM, 0);
    EQ(es_bind(net->s[1], b, (void *)&name, sizeof name), 0);
}

TEST(A_datagram_tells_its_sender)
{
    struct sockaddr_in to = ip4("10.0.0.2", 53), from;
    uint32_t length = sizeof from;
    char bytes[20];
    begin();
    EQ(es_send(net->s[0], a, "x", 1, 0), -EDESTADDRREQ);
    EQ(es_sendto(net->s[0], a, "x", 1, 0, (void *)&to, 15), -EINVAL);
    EQ(es_sendto(net->s[0], a, "hello", 5, 0, (void *)&to, sizeof to), 5);
    EQ(es_sendto(net->s[0], a, "", 0, 0, (void *)&to, sizeof to), 0);
    wait_ms(net, 5);
    EQ(es_recvfrom(net->s[1], b, bytes, 3, MSG_TRUNC, (void *)&from, &length), 5);
    EQ(memcmp(bytes, "hel", 3), 0);
    EQ(length, 16);
    EQ(from.sin_family, AF_INET);
    EQ(ntohl(from.sin_addr.s_addr), 0x0a000001);
    OK(from.sin_port != 0);
    EQ(es_sendto(net->s[1], b, "back", 4, 0, (void *)&from, length), 4);
    wait_ms(net, 5);
    EQ(es_recv(net->s[1], b, bytes, sizeof bytes, 0), 0);                    /* the empty one */
    EQ(es_recv(net->s[1], b, bytes, sizeof bytes, 0), -EAGAIN);
    EQ(es_recv(net->s[0], a, bytes, sizeof bytes, 0), 4);
    part(net);
}

TEST(A_vector_is_one_datagram)
{
    struct sockaddr_in to = ip4("10.0.0.2", 53), from;
    char one[3] = "", two[10] = "";
    struct iovec out[2] = { { "abc", 3 }, { "defgh", 5 } }, in[2] = { { one, 2 }, { two, 4 } };
    struct msghdr message = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = out, .msg_iovlen = 2 };
    begin();
    EQ(es_sendmsg(net->s[0], a, &message, 0), 8);
    wait_ms(net, 5);
    message.msg_name = &from, message.msg_namelen = 8, message.msg_iov = in;
    EQ(es_recvmsg(net->s[1], b, &message, 0), 6);
    EQ(message.msg_flags, MSG_TRUNC);
    EQ(message.msg_namelen, 16);
    TEXT(one, "ab");
    TEXT(two, "cdef");
    part(net);
}

TEST(Faults_lose_what_Linux_loses)
{
    struct sockaddr_in to = ip4("10.0.0.2", 53);
    char byte;
    begin();
    EQ(es_sendto(net->s[0], a, NULL, 5, 0, (void *)&to, sizeof to), -EFAULT);
    EQ(es_sendto(net->s[0], a, "1", 1, 0, (void *)&to, sizeof to), 1);
    EQ(es_sendto(net->s[0], a, "2", 1, 0, (void *)&to, sizeof to), 1);
    wait_ms(net, 5);
    EQ(es_recv(net->s[1], b, NULL, 5, 0), -EFAULT);                          /* lost */
    EQ(es_recv(net->s[1], b, &byte, 1, 0), 1);
    EQ(byte, '2');
    part(net);
}

TEST(Control_messages_tell_of_a_datagram_s_way)
{
    struct sockaddr_in to = ip4("10.0.0.2", 53);
    char bytes[20], control[200];
    int one = 1, seen = 0;
    struct iovec vector = { bytes, sizeof bytes };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    begin();
    EQ(es_setsockopt(net->s[1], b, IPPROTO_IP, IP_PKTINFO, &one, sizeof one), 0);
    EQ(es_setsockopt(net->s[1], b, IPPROTO_IP, IP_RECVTTL, &one, sizeof one), 0);
    EQ(es_setsockopt(net->s[1], b, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one), 0);
    EQ(es_advance(net->s[0], 7 * SECOND + 5), 0);
    EQ(es_advance(net->s[1], 7 * SECOND + 5), 0);
    net->now = 7 * SECOND + 5;
    EQ(es_sendto(net->s[0], a, "x", 1, 0, (void *)&to, sizeof to), 1);
    wait_ms(net, 5);
    EQ(es_recvmsg(net->s[1], b, &message, 0), 1);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            EQ(c->cmsg_len, CMSG_LEN(sizeof info));
            memcpy(&info, CMSG_DATA(c), sizeof info);
            EQ(info.ipi_ifindex, 2);
            EQ(ntohl(info.ipi_addr.s_addr), 0x0a000002);
            seen |= 1;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
            EQ(*(int *)CMSG_DATA(c), 64);
            seen |= 2;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(c), sizeof time);
            EQ(time.tv_sec, 7);                                              /* the caller's clock */
            EQ(time.tv_nsec, 5);
            seen |= 4;
        }
    }
    EQ(seen, 7);
    part(net);
}

TEST(An_ICMP_error_is_told_once_and_lies_in_the_error_queue)
{
    struct sockaddr_in to = ip4("10.0.0.2", 99), name;
    char bytes[20], control[200];
    int one = 1;
    struct iovec vector = { bytes, sizeof bytes };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
        .msg_name = &name, .msg_namelen = sizeof name };
    begin();
    EQ(es_setsockopt(net->s[0], a, IPPROTO_IP, IP_RECVERR, &one, sizeof one), 0);
    EQ(es_connect(net->s[0], a, (void *)&to, sizeof to), 0);
    EQ(es_send(net->s[0], a, "x", 1, 0), 1);
    wait_ms(net, 5);
    struct pollfd ready = { a, 0, 0 };
    EQ(es_poll(net->s[0], &ready, 1), 1);
    EQ(ready.revents, POLLERR);
    EQ(es_recv(net->s[0], a, bytes, 1, 0), -ECONNREFUSED);
    EQ(es_recvmsg(net->s[0], a, &message, MSG_ERRQUEUE), 1);
    EQ(message.msg_flags, MSG_ERRQUEUE);
    EQ(ntohs(name.sin_port), 99);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    EQ(c->cmsg_level, IPPROTO_IP);
    EQ(c->cmsg_type, IP_RECVERR);
    EQ(c->cmsg_len, CMSG_LEN(32));
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(c), sizeof error);
    EQ(sizeof error, 16);
    EQ(error.ee_errno, ECONNREFUSED);
    EQ(error.ee_origin, SO_EE_ORIGIN_ICMP);
    EQ(error.ee_type * 100 + error.ee_code, 303);
    EQ(es_recvmsg(net->s[0], a, &message, MSG_ERRQUEUE), -EAGAIN);
    EQ(es_poll(net->s[0], &ready, 1), 0);
    part(net);
}

TEST(Zero_copy_sends_complete_as_copied)
{
    char control[200];
    int one = 1, client, server;
    struct msghdr message = { .msg_control = control, .msg_controllen = sizeof control };
    net = join("", "");
    connected(net, &client, &server, NULL);
    EQ(es_setsockopt(net->s[0], client, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one), 0);
    EQ(es_send(net->s[0], client, "hello", 5, MSG_ZEROCOPY), 5);
    wait_ms(net, 100);
    EQ(es_recvmsg(net->s[0], client, &message, MSG_ERRQUEUE), 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(c), sizeof error);
    EQ(error.ee_errno, 0);
    EQ(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    EQ(error.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
    EQ(error.ee_info, 0);
    EQ(error.ee_data, 0);
    part(net);
}
