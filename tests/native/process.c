/* process.c - what the library does to the process that it is in.  SPDX-License-Identifier: MIT */
#include "es_test.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* This program is linked with the library, but its runtime starts with the first call. */
static void load(int locked, int real_time)
{
    pid_t child = fork();
    if (child == 0) {
        struct sched_param priority = { .sched_priority = 10 };
        if (locked && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
            exit(77);
        if (real_time && sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
            exit(77);
        double start = seconds();
        Dl_info where;
        OK(dladdr((void *)es_abi, &where) != 0);
        void *library = dlopen(where.dli_fname, RTLD_NOW | RTLD_LOCAL);
        OK(library != NULL);
        int (*create)(const char *, int64_t, es_stack **, char *, size_t);
        *(void **)&create = dlsym(library, "es_create");
        es_stack *s;
        EQ(create("address = 10.0.0.1/24", 0, &s, NULL, 0), 0);
        struct sockaddr_in far = ip4("10.0.0.2", 80);
        unsigned char packet[100];
        EQ(es_connect(s, es_socket(s, AF_INET, SOCK_STREAM, 0), (void *)&far, sizeof far), -EINPROGRESS);
        EQ(es_transmit(s, packet, sizeof packet, NULL), 60);
        double took = seconds() - start;
        if (took > 1)
            printf("it took %.3f s\n", took);
        OK(took < 1);
        EQ(dlclose(library), 0);
        es_destroy(s);
        exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        printf("memory cannot be locked, or there is no real-time scheduling, for this user\n");
    else
        EQ(status, 0);
}

TEST(The_library_starts_in_well_under_a_second) { load(0, 0); }

TEST(It_starts_in_a_process_whose_memory_is_locked) { load(1, 0); }

TEST(It_starts_under_a_real_time_scheduler_with_locked_memory) { load(1, 1); }

static void *crowd(void *argument)
{
    char config[100], data[2000];
    snprintf(config, sizeof config, "seed = %d\naddress = 10.0.0.1/24", (int)(intptr_t)argument);
    es_stack *s = make(config);
    struct sockaddr_in own = ip4("10.0.0.1", 80);
    int l = listen4(s, "10.0.0.1", 80, 100), bytes = 0;
    for (int i = 0; i < 2000; i++) {
        int c = es_socket(s, AF_INET, SOCK_STREAM, 0);
        EQ(es_connect(s, c, (void *)&own, sizeof own), -EINPROGRESS);
        int a = es_accept4(s, l, NULL, NULL, 0);
        OK(a >= 0);
        bytes += es_send(s, c, data, sizeof data, 0);
        EQ(es_recv(s, a, data, sizeof data, 0), (int)sizeof data);
        EQ(es_close(s, c), 0);
        EQ(es_close(s, a), 0);
        EQ(es_advance(s, i * 100 * MS), 0);
    }
    EQ(bytes, 2000 * (int)sizeof data);
    EQ(counter(s, "TcpPassiveOpens"), 2000);
    es_destroy(s);
    return NULL;
}

TEST(Different_stacks_run_on_different_threads_at_once)
{
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        EQ(pthread_create(&threads[i], NULL, crowd, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        EQ(pthread_join(threads[i], NULL), 0);
}

static void *advance(void *stack) { return (void *)(intptr_t)es_advance(stack, SECOND); }

TEST(A_stack_may_be_called_from_any_thread)
{
    pthread_t thread;
    void *result;
    es_stack *s = make("address = 10.0.0.1/24");
    EQ(pthread_create(&thread, NULL, advance, s), 0);
    EQ(pthread_join(thread, &result), 0);
    EQ((intptr_t)result, 0);
    EQ(es_advance(s, 0), -EINVAL);
    es_destroy(s);
}

TEST(Errno_is_never_touched)
{
    es_stack *s = make("");
    char byte;
    errno = 4711;
    EQ(es_close(s, 99), -EBADF);
    EQ(es_recv(s, 99, &byte, 1, 0), -EBADF);
    int fd = es_socket(s, AF_INET, SOCK_STREAM, 0);
    EQ(es_send(s, fd, "x", 1, 0), -EPIPE);                /* and no SIGPIPE */
    EQ(es_sysctl_set(s, "net.ipv4.tcp_sack", "junk"), -EINVAL);
    EQ(errno, 4711);
    es_destroy(s);
}

TEST(Stacks_give_their_memory_back)
{
    struct rusage usage;
    for (int i = 0; i < 60; i++) {
        es_stack *s = make("address = 10.0.0.1/24");
        listen4(s, "0.0.0.0", 80, 1000);
        es_destroy(s);
    }
    getrusage(RUSAGE_SELF, &usage);
    long before = usage.ru_maxrss;
    for (int i = 0; i < 600; i++) {
        es_stack *s = make("address = 10.0.0.1/24");
        listen4(s, "0.0.0.0", 80, 1000);
        es_destroy(s);
    }
    getrusage(RUSAGE_SELF, &usage);
    if (usage.ru_maxrss - before > 64 * 1024)
        printf("%ld KB more\n", usage.ru_maxrss - before);
    OK(usage.ru_maxrss - before <= 64 * 1024);
}
