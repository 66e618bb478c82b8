/*
 * poll_oneoff: waits for clocks and descriptors. In: subscriptions in guest memory, each read once.
 * Out: one event per subscription that is due, or at once one for each that is wrong.
 */
#include "state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define POLL_SUBSCRIPTIONS_MAX 4096u
#define POLL_NEVER UINT64_MAX

struct subscription {
    uint64_t userdata;
    uint64_t due_ns; /* clocks: from now; POLL_NEVER for descriptors */
    int host;        /* descriptors */
    uint8_t type;    /* WASI_EVENT_… */
    enum wasi_errno error;
};

static const clockid_t poll_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

static void poll_read_clock(const uint8_t *at, struct subscription *subscription) {
    uint32_t id = wasi_get32(at + 16);
    uint64_t timeout = wasi_get64(at + 24);
    bool is_absolute = (at[40] & WASI_CLOCK_FLAG_ABSTIME) != 0;
    struct timespec now;
    if (id >= sizeof poll_clocks / sizeof poll_clocks[0]) {
        subscription->error = id <= WASI_CLOCK_THREAD_CPUTIME ? WASI_ENOTSUP : WASI_EINVAL;
        return;
    }
    subscription->due_ns = timeout;
    if (!is_absolute)
        return;
    (void)clock_gettime(poll_clocks[id], &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    subscription->due_ns = timeout > now_ns ? timeout - now_ns : 0;
}

static void poll_read_fd(const struct wasi_call *call, const uint8_t *at,
                         struct subscription *subscription) {
    uint64_t number = wasi_get32(at + 16);
    const struct wasi_call inner = {call->wasi, call->memory, call->memory_bytes, &number};
    struct wasi_fd *fd;
    subscription->error = wasi_fd_get(&inner, 0, WASI_RIGHT_POLL_FD_READWRITE, &fd);
    if (!subscription->error)
        subscription->host = fd->host;
}

static struct subscription poll_read(const struct wasi_call *call, const uint8_t *at) {
    struct subscription subscription = {
        .userdata = wasi_get64(at),
        .due_ns = POLL_NEVER,
        .host = -1,
        .type = at[8],
    };
    if (subscription.type == WASI_EVENT_CLOCK)
        poll_read_clock(at, &subscription);
    else if (subscription.type <= WASI_EVENT_FD_WRITE)
        poll_read_fd(call, at, &subscription);
    else
        subscription.error = WASI_EINVAL;
    return subscription;
}

static void poll_put_event(uint8_t *at, const struct subscription *subscription, bool hung_up) {
    memset(at, 0, WASI_EVENT_BYTES);
    wasi_put64(at, subscription->userdata);
    wasi_put16(at + 8, (uint16_t)subscription->error);
    at[10] = subscription->type;
    if (subscription->type != WASI_EVENT_CLOCK && !subscription->error) {
        wasi_put64(at + 16, 1); /* at least that much can be moved */
        wasi_put16(at + 24, hung_up ? WASI_EVENT_HANGUP : 0);
    }
}

/* Waits until the first is due. Fills `hosts`; returns an error of the host. */
static enum wasi_errno poll_wait(const struct subscription *subscriptions, uint32_t count,
                                 struct pollfd *hosts, uint64_t *out_waited_ns) {
    uint64_t due_ns = POLL_NEVER;
    for (uint32_t i = 0; i < count; i++) {
        const struct subscription *subscription = &subscriptions[i];
        bool reads = subscription->type == WASI_EVENT_FD_READ;
        hosts[i] = (struct pollfd){subscription->host, reads ? POLLIN : POLLOUT, 0};
        if (subscription->error)
            due_ns = 0;
        if (subscription->due_ns < due_ns)
            due_ns = subscription->due_ns;
    }
    struct timespec begin, end;
    struct timespec timeout = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)};
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    if (ppoll(hosts, count, due_ns == POLL_NEVER ? NULL : &timeout, NULL) < 0)
        return wasi_errno_of_host(errno);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    *out_waited_ns = (uint64_t)(end.tv_sec - begin.tv_sec) * UINT64_C(1000000000) +
                     (uint64_t)end.tv_nsec - (uint64_t)begin.tv_nsec;
    return WASI_SUCCESS;
}

static bool poll_is_due(const struct subscription *subscription, const struct pollfd *host,
                        uint64_t waited_ns) {
    if (subscription->error)
        return true;
    if (subscription->type == WASI_EVENT_CLOCK)
        return subscription->due_ns <= waited_ns;
    return host->revents != 0;
}

static enum wasi_errno poll_all(const struct wasi_call *call, const uint8_t *in, uint8_t *out,
                                uint32_t count, struct subscription *subscriptions,
                                struct pollfd *hosts) {
    for (uint32_t i = 0; i < count; i++)
        subscriptions[i] = poll_read(call, in + (size_t)i * WASI_SUBSCRIPTION_BYTES);
    uint64_t waited_ns = 0;
    enum wasi_errno error = poll_wait(subscriptions, count, hosts, &waited_ns);
    if (error)
        return error;
    uint32_t events = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!poll_is_due(&subscriptions[i], &hosts[i], waited_ns))
            continue;
        poll_put_event(out + (size_t)events * WASI_EVENT_BYTES, &subscriptions[i],
                       (hosts[i].revents & POLLHUP) != 0);
        events++;
    }
    return wasi_store32(call, 3, events);
}

/* (subscriptions, out events, count, out number of events) */
enum wasi_errno wasi_poll_oneoff(const struct wasi_call *call) {
    uint32_t count = wasi_u32(call, 2);
    if (count == 0 || count > POLL_SUBSCRIPTIONS_MAX)
        return WASI_EINVAL;
    const uint8_t *in = wasi_at(call, wasi_u32(call, 0), (uint64_t)count * WASI_SUBSCRIPTION_BYTES);
    uint8_t *out = wasi_at(call, wasi_u32(call, 1), (uint64_t)count * WASI_EVENT_BYTES);
    if (!in || !out)
        return WASI_EFAULT;
    struct subscription *subscriptions = calloc(count, sizeof *subscriptions);
    struct pollfd *hosts = calloc(count, sizeof *hosts);
    enum wasi_errno error = WASI_ENOMEM;
    if (subscriptions && hosts)
        error = poll_all(call, in, out, count, subscriptions, hosts);
    free(subscriptions);
    free(hosts);
    return error;
}
