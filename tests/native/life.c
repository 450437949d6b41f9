/* life.c - es_abi, es_version, es_create with every key, es_destroy.  SPDX-License-Identifier: MIT */
#include "es_test.h"

static char error[300];

static int create(const char *config)
{
    es_stack *s = (es_stack *)&error;
    memset(error, 'x', sizeof error);
    int result = es_create(config, 0, &s, error, sizeof error);
    if (result == 0)
        es_destroy(s);
    else
        OK(s == NULL);
    return result;
}

TEST(The_library_is_of_the_header_s_ABI)
{
    EQ(es_abi(), ES_ABI);
    OK(strstr(es_version(), "linux-6.18") != NULL);
    OK(es_version() == es_version());
}

TEST(An_empty_configuration_is_a_host_without_addresses)
{
    EQ(create(""), 0);
    EQ(create("# only a comment\n\n   \n"), 0);
}

TEST(Destroying_nothing_is_fine) { es_destroy(NULL); }

TEST(Every_key_works)
{
    EQ(create("profile = linux-6.18\nseed = 18446744073709551615\naddress = 192.168.0.1/16\naddress = 2001:db8::1/64 # two\n"
              "route = 10.0.0.0/8 via 192.168.0.9 src 192.168.0.1 mtu 1400\r\nroute = ::/0\nmtu = 1280\nhz = 1000\n"
              "txqueuelen = 5\noffload = checksum, tso\nmemory_mb = 64\nmax_handles = 10\n"
              "sysctl.net.ipv4.tcp_sack = 0\nsysctl.net.ipv4.tcp_rmem = 4096 8192 16384"), 0);
    EQ(create("offload = none\nseed=0xff\n  hz   =   300\n"), 0);
}

static void refused(const char *config, const char *why)
{
    EQ(create(config), -EINVAL);
    TEXT(error, why);
}

TEST(An_unknown_key_is_named_with_its_line)
{
    refused("seed = 1\n\nadress = 10.0.0.1/24\n", "line 3: unknown key 'adress'");
    refused("sysctl. = 1", "line 1: unknown key 'sysctl.'");
}

TEST(A_line_that_is_no_setting_is_refused) { refused("seed = 1\nnonsense\n", "line 2: 'nonsense' is not key = value"); }

TEST(A_key_that_is_not_repeatable_is_given_once)
{
    refused("mtu = 1400\nseed = 2\nmtu = 1500\n", "line 3: 'mtu' was given before, in line 1");
}

TEST(Values_have_ranges)
{
    refused("mtu = 67", "line 1: mtu is 68 to 65535, not '67'");
    refused("mtu = 65536", "line 1: mtu is 68 to 65535, not '65536'");
    refused("mtu = 1279\naddress = fd00::1/64", "line 1: mtu is 1280 to 65535 with an IPv6 address, not '1279'");
    EQ(create("mtu = 68\naddress = 10.0.0.1/24"), 0);
    refused("hz = 50", "line 1: hz is 100, 250, 300 or 1000, not '50'");
    refused("seed = -1", "line 1: seed is a number of 64 bits, not '-1'");
    refused("seed = 18446744073709551616", "line 1: seed is a number of 64 bits, not '18446744073709551616'");
    refused("txqueuelen = 0", "line 1: txqueuelen is 1 to 1000000, not '0'");
    refused("offload = magic", "line 1: offload is none, checksum or tso, not 'magic'");
    refused("memory_mb = 1", "line 1: memory_mb is 16 to 16777216, not '1'");
    refused("max_handles = 0", "line 1: max_handles is 1 to 2147483647, not '0'");
    refused("address = 10.0.0.1", "line 1: '10.0.0.1' is not ADDRESS/LENGTH, such as 10.0.0.1/24");
    refused("address = 10.0.0.1/33", "line 1: '10.0.0.1/33' is not ADDRESS/LENGTH, such as 10.0.0.1/24");
    refused("route = 10.0.0.0/8 mtu", "line 1: '10.0.0.0/8 mtu' is not PREFIX [via A] [src A] [mtu N]");
    refused("route = 10.0.0.0/8 by 1.1.1.1", "line 1: 'by' is not via, src or mtu");
    refused("route = 10.0.0.0/8 via fd00::1", "line 1: 'fd00::1' is not an address of the route's family");
    refused("route = 10.0.0.0/8 src 10.0.0.9\naddress = 10.0.0.1/24", "line 1: 10.0.0.9 is no address of this host");
    refused("route = 10.0.0.0/8 mtu 60", "line 1: a route's mtu is 68 to 65535, not '60'");
}

TEST(An_unknown_profile_is_told_the_others)
{
    EQ(create("seed = 1\nprofile = linux-9.9\n"), -EINVAL);
    OK(strstr(error, "line 2: unknown profile 'linux-9.9'; there are linux-6.18, linux-6.12") == error);
    OK(strchr(error, '\n') == NULL);
    EQ(create("profile = linux-el6\naddress = 10.0.0.1/24\n"), 0);
}

TEST(Sysctls_of_the_configuration_are_checked_as_in_proc)
{
    refused("\nsysctl.net.ipv4.no_such = 1", "line 2: unknown sysctl 'net.ipv4.no_such'");
    refused("sysctl.net.ipv4.tcp_sack = 256", "line 1: sysctl net.ipv4.tcp_sack cannot be '256'");
    refused("sysctl.net.ipv4.tcp_congestion_control = nosuch",
            "line 1: sysctl net.ipv4.tcp_congestion_control cannot be 'nosuch'");
    refused("sysctl.net.ipv4.tcp_available_congestion_control = reno",
            "line 1: sysctl net.ipv4.tcp_available_congestion_control cannot be set");
}

TEST(An_error_is_cut_to_the_room_there_is)
{
    es_stack *s;
    char small[8];
    memset(small, 'x', sizeof small);
    EQ(es_create("nonsense", 0, &s, small, 6), -EINVAL);
    TEXT(small, "line ");
    EQ(small[6], 'x');
    EQ(es_create("nonsense", 0, &s, NULL, 0), -EINVAL);
    EQ(es_create("nonsense", 0, &s, small, 0), -EINVAL);
    EQ(es_create("", -5, &s, NULL, 0), -EINVAL);
    OK(s == NULL);
}

TEST(Null_pointers_are_EFAULT)
{
    es_stack *s;
    EQ(es_create(NULL, 0, &s, NULL, 0), -EFAULT);
    EQ(es_create("", 0, NULL, NULL, 0), -EFAULT);
}

TEST(More_handles_than_allowed_are_EMFILE)
{
    es_stack *s = make("max_handles = 3");
    for (int i = 0; i < 3; i++)
        EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), i);
    EQ(es_socket(s, AF_INET, SOCK_STREAM, 0), -EMFILE);
    EQ(es_epoll_create1(s, 0), -EMFILE);
    EQ(es_socket(s, AF_INET, 77, 0), -EINVAL);                      /* the handle is taken last */
    EQ(es_close(s, 1), 0);
    EQ(es_epoll_create1(s, 0), 1);
    es_destroy(s);
}

static void expect(es_stack *s, const char *name, const char *value)
{
    char text[200];
    EQ(es_sysctl_get(s, name, text, sizeof text), (int)strlen(value));
    TEXT(text, value);
}

TEST(Memory_scales_what_Linux_scales_at_boot)
{
    es_stack *s = make("");                                         /* 512 MB */
    expect(s, "net.ipv4.tcp_mem", "6144\t8192\t12288");
    expect(s, "net.ipv4.tcp_max_tw_buckets", "2048");
    expect(s, "net.ipv4.tcp_max_orphans", "2048");
    expect(s, "net.ipv4.tcp_max_syn_backlog", "128");
    expect(s, "net.ipv4.tcp_rmem", "4096\t131072\t4194304");
    es_destroy(s);
    s = make("memory_mb = 23991");                                  /* as the host of docs/linux-facts.md */
    expect(s, "net.ipv4.tcp_mem", "287892\t383856\t575784");
    expect(s, "net.ipv4.tcp_max_tw_buckets", "131072");
    expect(s, "net.ipv4.tcp_max_syn_backlog", "2048");
    expect(s, "net.ipv4.tcp_rmem", "4096\t131072\t33554432");
    expect(s, "net.ipv4.tcp_wmem", "4096\t16384\t4194304");
    es_destroy(s);
}

TEST(A_sysctl_of_the_configuration_wins_over_memory)
{
    es_stack *s = make("sysctl.net.ipv4.tcp_max_orphans = 7\nmemory_mb = 64");
    expect(s, "net.ipv4.tcp_max_orphans", "7");
    es_destroy(s);
}

TEST(A_family_without_a_route_line_sends_everything_out)
{
    es_stack *s = make("address = 10.0.0.1/24\naddress = fd00::1/64\nroute = 2001:db8::/32");
    struct sockaddr_in far = ip4("8.8.8.8", 1);
    struct sockaddr_in6 far6 = ip6("2001:db8::1", 1), nowhere = ip6("2a00::1", 1);
    EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_connect(s, es_socket(s, AF_INET6, SOCK_STREAM, 0), (void *)&far6, sizeof far6), -EINPROGRESS);
    EQ(es_connect(s, es_socket(s, AF_INET6, SOCK_STREAM, 0), (void *)&nowhere, sizeof nowhere), -ENETUNREACH);
    es_destroy(s);
    s = make("address = 10.0.0.1/24\nroute = 20.0.0.0/8");
    EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -ENETUNREACH);
    EQ(es_connect(s, es_socket(s, AF_INET6, SOCK_STREAM, 0), (void *)&far6, sizeof far6), -ENETUNREACH);
    es_destroy(s);
}

TEST(The_lines_of_a_route_choose_source_and_MTU)
{
    es_stack *s = make("address = 10.0.0.1/24\naddress = 10.0.1.1/24\nroute = 20.0.0.0/8 src 10.0.1.1 mtu 1000\n");
    struct sockaddr_in far = ip4("20.1.1.1", 1), own;
    uint32_t length = sizeof own;
    unsigned char packet[1500];
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_connect(s, fd, (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_getsockname(s, fd, (void *)&own, &length), 0);
    EQ(ntohl(own.sin_addr.s_addr), 0x0a000101);
    OK(es_transmit(s, packet, sizeof packet, NULL) > 40);
    EQ(packet[40], 2);                                              /* the MSS option comes first */
    EQ(packet[42] << 8 | packet[43], 960);
    es_destroy(s);
}
