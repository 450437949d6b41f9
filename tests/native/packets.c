/* packets.c - es_receive, es_transmit, offload, limits.  SPDX-License-Identifier: MIT */
#include "es_test.h"

static unsigned short sum(const unsigned char *bytes, int length, unsigned long start)
{
    for (int i = 0; i + 1 < length; i += 2)
        start += (unsigned long)bytes[i] << 8 | bytes[i + 1];
    if (length & 1)
        start += (unsigned long)bytes[length - 1] << 8;
    while (start >> 16)
        start = (start & 0xffff) + (start >> 16);
    return (unsigned short)~start;
}

static unsigned short tcp_sum(const unsigned char *packet, int length)           /* 0: right */
{
    int v6 = packet[0] >> 4 == 6, header = v6 ? 40 : (packet[0] & 15) * 4;
    unsigned long start = (unsigned long)(6 + length - header);
    for (int i = v6 ? 8 : 12; i < (v6 ? 40 : 20); i += 2)
        start += (unsigned long)packet[i] << 8 | packet[i + 1];
    return sum(packet + header, length - header, start);
}

/* An ICMP echo request to 10.0.0.1 with so many bytes of data. */
static int ping(unsigned char *packet, int data)
{
    int length = 28 + data;
    memset(packet, 0, (size_t)length);
    packet[0] = 0x45, packet[2] = (unsigned char)(length >> 8), packet[3] = (unsigned char)length, packet[8] = 64, packet[9] = 1;
    packet[12] = 10, packet[15] = 2, packet[16] = 10, packet[19] = 1;
    unsigned short header = sum(packet, 20, 0);
    packet[10] = (unsigned char)(header >> 8), packet[11] = (unsigned char)header;
    packet[20] = 8;
    unsigned short check = sum(packet + 20, length - 20, 0);
    packet[22] = (unsigned char)(check >> 8), packet[23] = (unsigned char)check;
    return length;
}

TEST(Lengths_that_no_packet_has_are_EINVAL)
{
    static unsigned char packet[65536];
    es_stack *s = make("address = 10.0.0.1/24");
    EQ(es_receive(s, packet, 0, NULL), -EINVAL);
    EQ(es_receive(s, packet, 65536, NULL), -EINVAL);
    EQ(es_receive(s, NULL, 0, NULL), -EINVAL);
    EQ(es_receive(s, NULL, 20, NULL), -EFAULT);
    EQ(es_receive(s, packet, 65535, NULL), 0);
    es_destroy(s);
}

TEST(Rubbish_is_counted_and_explained)
{
    unsigned char packet[100] = { 0x45 }, out[2000];
    char why[2000];
    uint64_t cursor = 0;
    es_stack *s = make("address = 10.0.0.1/24");
    EQ(es_receive(s, packet, 10, NULL), 0);
    EQ(es_receive(s, packet, 40, NULL), 0);
    EQ(counter(s, "IpInReceives"), 2);
    EQ(counter(s, "IpInHdrErrors"), 2);
    OK(es_why(s, &cursor, why, sizeof why) > 0);
    int length = ping(packet, 10);
    packet[30] ^= 1;
    EQ(es_receive(s, packet, (size_t)length, NULL), 0);
    EQ(counter(s, "IcmpInCsumErrors"), 1);
    EQ(es_transmit(s, out, sizeof out, NULL), 0);
    es_destroy(s);
}

TEST(An_echo_is_answered_and_stays_until_there_is_room_for_it)
{
    unsigned char packet[200], out[200];
    struct es_packet meta;
    es_stack *s = make("address = 10.0.0.1/24");
    EQ(es_advance(s, 5 * SECOND), 0);
    EQ(es_transmit(s, out, sizeof out, &meta), 0);
    EQ(es_transmit(s, NULL, 0, NULL), 0);
    int length = ping(packet, 56);
    EQ(es_receive(s, packet, (size_t)length, NULL), 0);
    EQ(es_transmit(s, out, (size_t)length - 1, &meta), -EMSGSIZE);
    EQ(es_transmit(s, NULL, 0, &meta), -EMSGSIZE);
    EQ(es_transmit(s, NULL, 200, &meta), -EFAULT);
    memset(&meta, 0xff, sizeof meta);
    EQ(es_transmit(s, out, (size_t)length, &meta), length);
    EQ(meta.time_ns, 5 * SECOND);
    EQ(meta.flags, 0);
    EQ(meta.gso_size, 0);
    EQ(meta.mark, 0);
    EQ(out[20], 0);
    EQ(sum(out + 20, length - 20, 0), 0);
    EQ(es_transmit(s, out, sizeof out, &meta), 0);
    es_destroy(s);
}

TEST(More_packets_than_txqueuelen_are_dropped)
{
    unsigned char packet[200], out[200];
    es_stack *s = make("address = 10.0.0.1/24\ntxqueuelen = 4\nsysctl.net.ipv4.icmp_ratelimit = 0");
    int length = ping(packet, 56), out_count = 0;
    for (int i = 0; i < 10; i++)
        EQ(es_receive(s, packet, (size_t)length, NULL), 0);
    while (es_transmit(s, out, sizeof out, NULL) > 0)
        out_count++;
    EQ(out_count, 4);
    EQ(es_receive(s, packet, (size_t)length, NULL), 0);
    EQ(es_transmit(s, out, sizeof out, NULL), length);
    es_destroy(s);
}

TEST(A_stream_that_overflows_txqueuelen_arrives_all_the_same)
{
    static unsigned char data[200000], in[200000];
    struct net *net = join("txqueuelen = 3\n", "txqueuelen = 3\n");
    int client, server, sent = 0, got = 0, n;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 31 + i / 257);
    net->delay = 5 * MS;
    connected(net, &client, &server, NULL);
    for (int i = 0; i < 3000 && got < (int)sizeof in; i++) {
        if (sent < (int)sizeof data && (n = es_send(net->s[0], client, data + sent, sizeof data - (size_t)sent, 0)) > 0)
            sent += n;
        wait_ms(net, 20);
        while ((n = es_recv(net->s[1], server, in + got, sizeof in - (size_t)got, 0)) > 0)
            got += n;
    }
    EQ(got, (int)sizeof in);
    EQ(memcmp(data, in, sizeof in), 0);
    part(net);
}

static int checked;
static int check(struct net *net, int to, const unsigned char *bytes, int length)
{
    (void)to;
    struct es_packet *meta = &net->flight[net->tail % FLIGHT].meta;
    EQ(meta->flags, 0);
    OK(length <= 1500);
    EQ(tcp_sum(bytes, length), 0);
    if (bytes[0] >> 4 == 4)
        EQ(sum(bytes, 20, 0), 0);
    checked++;
    return 1;
}

TEST(Without_offload_packets_are_whole_and_no_longer_than_the_path)
{
    static char data[60000], in[60000];
    struct net *net = join("", "");
    int client, server, got = 0, n;
    net->filter = check;
    connected(net, &client, &server, NULL);
    EQ(es_send(net->s[0], client, data, 30000, 0) > 0, 1);
    wait_ms(net, 500);
    while ((n = es_recv(net->s[1], server, in, sizeof in, 0)) > 0)
        got += n;
    OK(got > 10000);
    OK(checked > 20);
    part(net);
}

static int partial, merged;
static int finish(struct net *net, int to, const unsigned char *bytes, int length)
{
    (void)to;
    struct packet *packet = &net->flight[net->tail % FLIGHT];
    struct es_packet *meta = &packet->meta;
    OK(meta->flags == ES_CSUM_PARTIAL || meta->flags == 0);
    if (meta->flags == 0)
        return 1;
    EQ(meta->csum_start, bytes[0] >> 4 == 6 ? 40 : 20);
    EQ(meta->csum_offset, 16);
    if (meta->gso_size > 0) {
        OK(length > 1500 && meta->gso_size <= 1460);
        merged++;
        return 1;                                       /* goes on as it is: the other side takes merged packets */
    }
    /* What a device does: sum from csum_start, store. */
    unsigned short value = sum(bytes + meta->csum_start, length - meta->csum_start, 0);
    packet->bytes[meta->csum_start + 16] = (unsigned char)(value >> 8);
    packet->bytes[meta->csum_start + 17] = (unsigned char)value;
    EQ(tcp_sum(packet->bytes, length), 0);
    meta->flags = 0;                                    /* so that the other side verifies it */
    partial++;
    return 1;
}

static void offload(const char *config, int wants_merged)
{
    static char data[300000], in[300000];
    struct net *net = join(config, "");
    int client, server, sent = 0, got = 0, n;
    partial = merged = 0;
    net->filter = finish;
    net->delay = MS;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 1009);
    connected(net, &client, &server, NULL);
    for (int i = 0; i < 1000 && got < (int)sizeof in; i++) {
        if (sent < (int)sizeof data && (n = es_send(net->s[0], client, data + sent, sizeof data - (size_t)sent, 0)) > 0)
            sent += n;
        wait_ms(net, 5);
        while ((n = es_recv(net->s[1], server, in + got, sizeof in - (size_t)got, 0)) > 0)
            got += n;
    }
    EQ(got, (int)sizeof in);
    EQ(memcmp(data, in, sizeof in), 0);
    OK(partial > 0);
    EQ(merged > 3, wants_merged);
    EQ(counter(net->s[1], "TcpInErrs"), 0);
    part(net);
}

TEST(With_checksum_offload_the_caller_completes_checksums) { offload("offload = checksum\n", 0); }

TEST(With_tso_packets_of_up_to_64_KB_leave_and_come_in) { offload("offload = checksum tso\n", 1); }

TEST(A_wrong_checksum_is_dropped_unless_it_is_known_to_be_good)
{
    unsigned char packet[200], out[200];
    struct es_packet meta = { .flags = ES_CSUM_GOOD };
    struct net *net = join("", "");
    struct sockaddr_in far = ip4("10.0.0.2", 80);
    listen4(net->s[1], "0.0.0.0", 80, 5);
    EQ(es_connect(net->s[0], es_socket(net->s[0], AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    int length = es_transmit(net->s[0], packet, sizeof packet, NULL);
    packet[36] ^= 0x55;                                 /* the checksum itself */
    EQ(es_receive(net->s[1], packet, (size_t)length, NULL), 0);
    EQ(es_transmit(net->s[1], out, sizeof out, NULL), 0);
    EQ(counter(net->s[1], "TcpInCsumErrors"), 1);
    EQ(es_receive(net->s[1], packet, (size_t)length, &meta), 0);
    OK(es_transmit(net->s[1], out, sizeof out, NULL) > 0);
    part(net);
}

TEST(Packets_to_own_addresses_never_leave)
{
    es_stack *s = make("address = 10.0.0.1/24");
    char byte;
    unsigned char out[200];
    struct sockaddr_in own = ip4("10.0.0.1", 80);
    int l = listen4(s, "10.0.0.1", 80, 5), c = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(s, c, (void *)&own, sizeof own), -EINPROGRESS);     /* though it is connected already */
    EQ(es_connect(s, c, (void *)&own, sizeof own), 0);
    int a = es_accept4(s, l, NULL, NULL, 0);
    EQ(es_send(s, c, "x", 1, 0), 1);
    EQ(es_recv(s, a, &byte, 1, 0), 1);
    EQ(byte, 'x');
    EQ(es_transmit(s, out, sizeof out, NULL), 0);
    es_destroy(s);
}

TEST(The_mark_of_a_socket_is_on_its_packets)
{
    unsigned char out[200];
    struct es_packet meta;
    int mark = 0x1234;
    es_stack *s = make("address = 10.0.0.1/24");
    struct sockaddr_in far = ip4("10.0.0.2", 80);
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_setsockopt(s, fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
    EQ(es_connect(s, fd, (void *)&far, sizeof far), -EINPROGRESS);
    OK(es_transmit(s, out, sizeof out, &meta) > 0);
    EQ(meta.mark, 0x1234);
    EQ(es_advance(s, 3 * SECOND), 0);
    OK(es_transmit(s, out, sizeof out, &meta) > 0);     /* the retransmission too */
    EQ(meta.mark, 0x1234);
    es_destroy(s);
}

static unsigned long long story(int seed, int *packets)
{
    static char data[100000], in[100000];
    char config[100];
    int client, server, n;
    snprintf(config, sizeof config, "sysctl.net.ipv4.tcp_notsent_lowat = %d\n", 100000);
    struct net *net = join(config, "");
    (void)seed;
    net->delay = 7 * MS;
    connected(net, &client, &server, NULL);
    es_send(net->s[0], client, data, sizeof data, 0);
    wait_ms(net, 300);
    while ((n = es_recv(net->s[1], server, in, sizeof in, 0)) > 0)
        es_send(net->s[1], server, in, (size_t)n, 0);
    wait_ms(net, 300);
    es_close(net->s[0], client);
    wait_ms(net, 3000);
    unsigned long long hash = net->hash;
    *packets = net->packets;
    part(net);
    return hash;
}

TEST(Same_config_same_calls_same_bytes)
{
    int first, second;
    unsigned long long hash = story(1, &first);
    OK(story(1, &second) == hash);
    EQ(first, second);
    OK(first > 50);
}

TEST(Another_seed_gives_other_numbers)
{
    unsigned char one[100], two[100];
    struct sockaddr_in far = ip4("10.0.0.2", 80);
    es_stack *a = make("seed = 1\naddress = 10.0.0.1/24"), *b = make("seed = 2\naddress = 10.0.0.1/24");
    EQ(es_connect(a, es_socket(a, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_connect(b, es_socket(b, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_transmit(a, one, sizeof one, NULL), es_transmit(b, two, sizeof two, NULL));
    OK(memcmp(one + 20, two + 20, 8) != 0);             /* ports and sequence number */
    es_destroy(a);
    es_destroy(b);
}
