/* messages.c - sending and receiving: vectors, flags, faults, names and control.  SPDX-License-Identifier: MIT */
#include "es_test.h"

static struct net *net;
static int client, server;

static void begin(void)
{
    net = join("", "");
    connected(net, &client, &server, NULL);
}

TEST(Read_and_write_are_recv_and_send_without_flags)
{
    char bytes[20] = "";
    begin();
    EQ(es_write(net->s[0], client, "hello", 5), 5);
    EQ(es_write(net->s[0], client, "", 0), 0);
    wait_ms(net, 10);
    EQ(es_read(net->s[1], server, bytes, 0), 0);
    EQ(es_read(net->s[1], server, NULL, 0), 0);
    EQ(es_read(net->s[1], server, bytes, (size_t)-1), -EINVAL);
    EQ(es_write(net->s[1], server, bytes, (size_t)-1), -EINVAL);
    EQ(es_read(net->s[1], server, bytes, sizeof bytes), 5);
    TEXT(bytes, "hello");
    EQ(es_read(net->s[1], server, bytes, sizeof bytes), -EAGAIN);
    EQ(es_read(net->s[1], server, bytes, 0), 0);
    part(net);
}

TEST(Vectors_are_gathered_and_scattered)
{
    char a[3] = "", b[4] = "", c[10] = "";
    struct iovec out[4] = { { "ab", 2 }, { NULL, 0 }, { "cdefg", 5 }, { "h", 1 } };
    struct iovec in[3] = { { a, 2 }, { b, 3 }, { c, 10 } };
    begin();
    EQ(es_writev(net->s[0], client, out, 4), 8);
    wait_ms(net, 10);
    EQ(es_readv(net->s[1], server, in, 3), 8);
    TEXT(a, "ab");
    TEXT(b, "cde");
    TEXT(c, "fgh");
    EQ(es_readv(net->s[1], server, in, 0), 0);
    EQ(es_readv(net->s[1], server, NULL, 0), 0);
    EQ(es_readv(net->s[1], server, NULL, 1), -EFAULT);
    EQ(es_readv(net->s[1], server, in, -1), -EINVAL);
    EQ(es_writev(net->s[1], server, out, -1), -EINVAL);
    EQ(es_writev(net->s[1], server, out, 0), 0);
    EQ(es_writev(net->s[1], server, NULL, 1), -EFAULT);
    struct iovec many[1025];
    for (int i = 0; i < 1025; i++)
        many[i].iov_base = a, many[i].iov_len = 0;
    EQ(es_writev(net->s[0], client, many, 1025), -EINVAL);
    EQ(es_writev(net->s[0], client, many, 1024), 0);
    struct msghdr message = { .msg_iov = many, .msg_iovlen = 1025 };
    EQ(es_sendmsg(net->s[0], client, &message, 0), -EMSGSIZE);
    EQ(es_recvmsg(net->s[0], client, &message, 0), -EMSGSIZE);
    many[3].iov_len = (size_t)1 << 63;
    EQ(es_writev(net->s[0], client, many, 5), -EINVAL);
    part(net);
}

TEST(A_null_buffer_is_EFAULT_where_Linux_faults)
{
    char bytes[20];
    struct iovec vector[2] = { { "good", 4 }, { NULL, 4 } };
    begin();
    EQ(es_send(net->s[0], client, NULL, 0, 0), 0);
    EQ(es_send(net->s[0], client, NULL, 5, 0), -EFAULT);
    EQ(es_writev(net->s[0], client, vector, 2), -EFAULT);              /* and the good bytes are not sent */
    EQ(es_sendmsg(net->s[0], client, NULL, 0), -EFAULT);
    EQ(es_recvmsg(net->s[0], client, NULL, 0), -EFAULT);
    EQ(es_recv(net->s[1], server, NULL, 5, 0), -EAGAIN);               /* nothing to copy */
    EQ(es_send(net->s[0], client, "12345", 5, 0), 5);
    wait_ms(net, 10);
    EQ(es_recv(net->s[1], server, NULL, 5, 0), -EFAULT);
    EQ(es_recv(net->s[1], server, bytes, sizeof bytes, 0), 5);         /* and nothing is lost */
    EQ(memcmp(bytes, "12345", 5), 0);
    EQ(es_shutdown(net->s[0], client, SHUT_WR), 0);
    EQ(es_send(net->s[0], client, NULL, 5, 0), -EPIPE);                /* the state is asked first */
    wait_ms(net, 10);
    EQ(es_recv(net->s[1], server, NULL, 5, 0), 0);
    part(net);
}

TEST(A_read_into_a_null_buffer_fills_those_before_it)
{
    char bytes[4] = "";
    struct iovec vector[2] = { { bytes, 3 }, { NULL, 4 } };
    begin();
    EQ(es_send(net->s[0], client, "1234567", 7, 0), 7);
    wait_ms(net, 10);
    EQ(es_readv(net->s[1], server, vector, 2), 3);
    TEXT(bytes, "123");
    part(net);
}

TEST(Flags_of_receiving_are_Linux_s)
{
    char bytes[20] = "";
    begin();
    EQ(es_send(net->s[0], client, "0123456789", 10, MSG_NOSIGNAL | MSG_DONTWAIT), 10);
    wait_ms(net, 10);
    EQ(es_recv(net->s[1], server, bytes, 4, MSG_PEEK), 4);
    TEXT(bytes, "0123");
    EQ(es_recv(net->s[1], server, NULL, 2, MSG_TRUNC), 2);             /* thrown away */
    EQ(es_recv(net->s[1], server, bytes, 4, MSG_DONTWAIT), 4);
    TEXT(bytes, "2345");
    EQ(es_recv(net->s[1], server, NULL, 100, MSG_TRUNC | MSG_PEEK), 4);
    EQ(es_recv(net->s[1], server, bytes, 20, MSG_OOB), -EINVAL);
    EQ(es_recv(net->s[1], server, bytes, 20, MSG_ERRQUEUE), -EAGAIN);
    EQ(es_recv(net->s[1], server, bytes, 0, 0), 0);
    EQ(es_recv(net->s[1], server, bytes, 20, MSG_WAITALL), 4);
    part(net);
}

TEST(A_connection_gives_no_name)
{
    char bytes[20];
    struct sockaddr_in name = ip4("1.2.3.4", 9);
    uint32_t length = sizeof name;
    struct iovec vector = { bytes, sizeof bytes };
    struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &vector, .msg_iovlen = 1 };
    begin();
    EQ(es_sendto(net->s[0], client, "abc", 3, 0, (void *)&name, sizeof name), 3);      /* ignored */
    EQ(es_sendto(net->s[0], client, "abc", 3, 0, (void *)&name, 129), -EINVAL);
    EQ(es_sendto(net->s[0], client, "def", 3, 0, NULL, 12345), 3);
    wait_ms(net, 10);
    EQ(es_recvfrom(net->s[1], server, bytes, 3, 0, (void *)&name, &length), 3);
    EQ(length, 0);
    EQ(es_recvmsg(net->s[1], server, &message, 0), 3);
    EQ(message.msg_namelen, 0);
    EQ(message.msg_flags, 0);
    EQ(message.msg_controllen, 0);
    EQ(es_sendto(net->s[0], client, "ghi", 3, 0, NULL, 0), 3);
    wait_ms(net, 10);
    EQ(es_recvfrom(net->s[1], server, bytes, 3, 0, (void *)&name, NULL), -EFAULT);      /* and lost */
    EQ(es_recv(net->s[1], server, bytes, 3, 0), -EAGAIN);
    message.msg_name = &name, message.msg_namelen = (socklen_t)-1;
    EQ(es_recvmsg(net->s[1], server, &message, 0), -EINVAL);
    part(net);
}

TEST(Byte_counts_stop_where_Linux_stops)
{
    begin();
    /* More than exists behind the pointer must not be touched: the buffer takes less. */
    static char data[8 << 20];
    int sent = es_send(net->s[0], client, data, (size_t)1 << 40, 0);
    OK(sent > 0 && sent < (8 << 20));
    part(net);
}
TEST(Control_messages_are_checked_and_written)
{
    char bytes[20], control[64];
    int one = 1;
    struct iovec vector = { bytes, 3 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    begin();
    memset(control, 0, sizeof control);
    struct cmsghdr *header = (struct cmsghdr *)control;
    header->cmsg_len = 4;
    EQ(es_sendmsg(net->s[0], client, &message, 0), -EINVAL);
    header->cmsg_len = CMSG_LEN(4), header->cmsg_level = SOL_SOCKET, header->cmsg_type = 99;
    EQ(es_sendmsg(net->s[0], client, &message, 0), -EINVAL);
    header->cmsg_level = IPPROTO_IP;
    message.msg_controllen = CMSG_SPACE(4);
    EQ(es_sendmsg(net->s[0], client, &message, 0), 3);
    message.msg_control = NULL;
    EQ(es_sendmsg(net->s[0], client, &message, 0), -EFAULT);
    message.msg_control = control, message.msg_controllen = 1 << 20;
    EQ(es_sendmsg(net->s[0], client, &message, 0), -ENOBUFS);
    EQ(es_setsockopt(net->s[1], server, IPPROTO_TCP, TCP_INQ, &one, sizeof one), 0);
    EQ(es_send(net->s[0], client, "xyz", 3, 0), 3);
    wait_ms(net, 10);
    memset(control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    EQ(es_recvmsg(net->s[1], server, &message, 0), 3);
    EQ(message.msg_controllen, CMSG_SPACE(sizeof(int)));
    EQ(header->cmsg_len, CMSG_LEN(sizeof(int)));
    EQ(header->cmsg_level, SOL_TCP);
    EQ(header->cmsg_type, TCP_CM_INQ);
    EQ(*(int *)CMSG_DATA(header), 3);
    message.msg_controllen = 18;                                       /* two bytes of the four */
    EQ(es_recvmsg(net->s[1], server, &message, MSG_PEEK), 3);
    EQ(message.msg_flags, MSG_CTRUNC);
    EQ(header->cmsg_len, 18);
    part(net);
}

TEST(A_full_send_buffer_takes_what_fits_and_then_waits)
{
    static char data[1 << 20];
    begin();
    int first = es_send(net->s[0], client, data, sizeof data, 0);
    OK(first > 16384 && first < (int)sizeof data);
    EQ(es_send(net->s[0], client, data, 1000, 0), -EAGAIN);
    EQ(es_send(net->s[0], client, NULL, 1000, 0), -EAGAIN);            /* nothing is copied, so nothing faults */
    part(net);
}

