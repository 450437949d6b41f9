/* inside.c - sysctls, counters, es_why, es_klog.  SPDX-License-Identifier: MIT */
#include "es_test.h"

TEST(A_sysctl_is_read_and_written_as_text)
{
    es_stack *s = make("");
    char text[64];
    memset(text, 'x', sizeof text);
    EQ(es_sysctl_get(s, "net.ipv4.tcp_wmem", text, sizeof text), 18);
    TEXT(text, "4096\t16384\t4194304");
    EQ(es_sysctl_get(s, "net.ipv4.tcp_wmem", text, 5), 18);                     /* the whole length */
    TEXT(text, "4096");
    EQ(es_sysctl_get(s, "net.ipv4.tcp_wmem", NULL, 0), 18);
    EQ(es_sysctl_get(s, "net.ipv4.tcp_wmem", NULL, 5), -EFAULT);
    EQ(es_sysctl_get(s, NULL, text, 5), -EFAULT);
    EQ(es_sysctl_get(s, "net.ipv4.tcp_nothing", text, 5), -ENOENT);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_nothing", "1"), -ENOENT);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_sack", NULL), -EFAULT);
    EQ(es_sysctl_set(s, NULL, "1"), -EFAULT);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_sack", "256"), -EINVAL);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_sack", "0x10"), 0);
    EQ(es_sysctl_get(s, "net.ipv4.tcp_sack", text, sizeof text), 2);
    TEXT(text, "16");
    EQ(es_sysctl_set(s, "net.ipv4.tcp_available_congestion_control", "reno"), -EACCES);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_congestion_control", "nosuch"), -ENOENT);
    es_destroy(s);
}

/* Every one that the contract names, by its name below net.ipv4. */
static const char *const named[] = { "rmem", "wmem", "timestamps", "sack", "dsack", "window_scaling", "shrink_window",
    "syn_retries", "synack_retries", "syn_linear_timeouts", "retries1", "retries2", "orphan_retries", "frto", "recovery",
    "early_retrans", "reordering", "max_reordering", "thin_linear_timeouts", "congestion_control", "slow_start_after_idle",
    "tso_win_divisor", "min_tso_segs", "limit_output_bytes", "pacing_ss_ratio", "pacing_ca_ratio", "autocorking",
    "notsent_lowat", "moderate_rcvbuf", "app_win", "adv_win_scale", "ecn", "ecn_fallback", "fastopen", "fastopen_key",
    "fastopen_blackhole_timeout_sec", "syncookies", "max_syn_backlog", "abort_on_overflow", "migrate_req", "mtu_probing",
    "base_mss", "min_snd_mss", "probe_interval", "rto_max_ms", "rto_min_us", "keepalive_time", "keepalive_intvl",
    "keepalive_probes", "fin_timeout", "tw_reuse", "max_tw_buckets", "max_orphans", "challenge_ack_limit",
    "invalid_ratelimit", "no_metrics_save", "comp_sack_delay_ns", "comp_sack_slack_ns", "comp_sack_nr" };

TEST(Every_sysctl_of_the_contract_exists_and_takes_its_own_text)
{
    es_stack *s = make("");
    for (unsigned i = 0; i < sizeof named / sizeof *named; i++) {
        char name[80], text[200], again[200];
        snprintf(name, sizeof name, "net.ipv4.tcp_%s", named[i]);
        int length = es_sysctl_get(s, name, text, sizeof text);
        if (length <= 0)
            printf("%s\n", name);
        OK(length > 0);
        EQ(length, (int)strlen(text));
        EQ(es_sysctl_set(s, name, text), 0);
        EQ(es_sysctl_get(s, name, again, sizeof again), length);
        TEXT(again, text);
    }
    es_destroy(s);
}

TEST(Names_are_listed_in_order_and_outlive_their_stack)
{
    es_stack *s = make("");
    const char *last = "", *first = es_sysctl_name(s, 0);
    int count = 0;
    char text[4096];
    for (const char *name; (name = es_sysctl_name(s, count)) != NULL; count++) {
        OK(strcmp(last, name) < 0);
        OK(es_sysctl_get(s, name, text, sizeof text) >= 0);
        last = name;
    }
    OK(count > 80);
    EQ(es_sysctl_name(s, -1) == NULL, 1);
    for (count = 0; es_counter_name(s, count) != NULL; count++)
        OK(counter(s, es_counter_name(s, count)) == 0);
    OK(count > 150);
    EQ(es_counter_name(s, -1) == NULL, 1);
    es_destroy(s);
    OK(strncmp(first, "net.", 4) == 0);
    s = make("");
    OK(es_sysctl_name(s, 0) == first);
    es_destroy(s);
}

TEST(Sysctls_take_effect_in_the_middle_of_a_run)
{
    struct net *net = join("", "");
    struct sockaddr_in far = ip4("10.0.0.9", 1);
    unsigned char packet[200];
    es_stack *s = net->s[0];
    EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_transmit(s, packet, sizeof packet, NULL), 60);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_timestamps", "0"), 0);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_sack", "0"), 0);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_window_scaling", "0"), 0);
    EQ(es_sysctl_set(s, "net.ipv4.ip_default_ttl", "9"), 0);
    EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
    EQ(es_transmit(s, packet, sizeof packet, NULL), 44);
    EQ(packet[8], 9);
    EQ(es_sysctl_set(s, "net.ipv4.tcp_syn_retries", "1"), 0);
    EQ(es_advance(s, 100 * SECOND), 0);
    int again = 0;
    while (es_transmit(s, packet, sizeof packet, NULL) > 0)
        again++;
    EQ(again, 4);                                        /* each twice: given up after 2^(1+1)-1 seconds */
    part(net);
}

TEST(Counters_are_nstat_s)
{
    struct net *net = join("", "");
    int client, server;
    int64_t value;
    connected(net, &client, &server, NULL);
    EQ(counter(net->s[0], "TcpActiveOpens"), 1);
    EQ(counter(net->s[1], "TcpPassiveOpens"), 1);
    EQ(es_counter(net->s[0], "TcpExtNoSuch", &value), -ENOENT);
    EQ(es_counter(net->s[0], "None", &value), -ENOENT);
    EQ(es_counter(net->s[0], "1", &value), -ENOENT);
    EQ(es_counter(net->s[0], NULL, &value), -EFAULT);
    EQ(es_counter(net->s[0], "TcpActiveOpens", NULL), -EFAULT);
    part(net);
}

TEST(Why_tells_each_verdict_once_to_each_reader)
{
    struct net *net = join("", "");
    int client, server;
    char all[20000], some[20000] = "", piece[400];
    uint64_t cursor = 0, other = 0;
    connected(net, &client, &server, NULL);
    int length = es_why(net->s[1], &cursor, all, sizeof all);
    OK(length > 50);
    EQ(length, (int)strlen(all));
    EQ(all[length - 1], '\n');
    OK(strncmp(all, "0.000000 listening on 10.0.0.2:80;", 34) == 0);
    OK(strstr(all, "\n0.000000 SYN from 10.0.0.1:") != NULL);
    EQ(es_why(net->s[1], &cursor, all + length, 100), 0);
    EQ(all[length], 0);
    for (int n; (n = es_why(net->s[1], &other, piece, sizeof piece)) != 0;) {    /* in whole lines */
        OK(n > 0);
        EQ(piece[n - 1], '\n');
        strcat(some, piece);
    }
    TEXT(some, all);
    EQ(other, cursor);
    other = 0;
    EQ(es_why(net->s[1], &other, piece, 20), -ENOSPC);
    EQ(other, 0);
    EQ(es_why(net->s[1], NULL, piece, 20), -EFAULT);
    EQ(es_why(net->s[1], &other, NULL, 20), -EFAULT);
    part(net);
}

TEST(A_reader_of_why_that_fell_behind_is_told_how_much_it_lost)
{
    char text[200];
    unsigned char junk[40] = { 0x45 };
    uint64_t cursor = 0;
    es_stack *s = make("address = 10.0.0.1/24");
    for (int i = 0; i < 5000; i++)
        EQ(es_receive(s, junk, sizeof junk, NULL), 0);
    OK(es_why(s, &cursor, text, sizeof text) > 0);
    OK(strncmp(text, "... 904 lost\n", 13) == 0);
    cursor = 4999;
    OK(es_why(s, &cursor, text, sizeof text) > 0);
    OK(strncmp(text, "... ", 4) != 0);
    EQ(cursor, 5000);
    es_destroy(s);
}

TEST(The_kernel_log_has_what_dmesg_would_have)
{
    struct net *net = join("", "sysctl.net.core.somaxconn = 1\n");
    char text[1000];
    uint64_t cursor = 0;
    struct sockaddr_in to = ip4("10.0.0.2", 80);
    EQ(es_klog(net->s[1], &cursor, text, sizeof text), 0);
    EQ(text[0], 0);
    listen4(net->s[1], "0.0.0.0", 80, 1);
    net->filter = NULL;
    for (int i = 0; i < 5; i++) {                         /* SYNs whose ACKs are lost: the SYN queue fills */
        unsigned char packet[200];
        EQ(es_connect(net->s[0], es_socket(net->s[0], AF_INET, SOCK_STREAM, 0), (void *)&to, sizeof to), -EINPROGRESS);
        int length = es_transmit(net->s[0], packet, sizeof packet, NULL);
        EQ(es_receive(net->s[1], packet, (size_t)length, NULL), 0);
    }
    int length = es_klog(net->s[1], &cursor, text, sizeof text);
    OK(length > 0);
    OK(strstr(text, "Possible SYN flooding on port 0.0.0.0:80. Sending cookies.\n") != NULL);
    EQ(es_klog(net->s[1], &cursor, text, sizeof text), 0);
    part(net);
}
