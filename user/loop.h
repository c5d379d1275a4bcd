/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the agent's one thread waits here. File descriptors, timers (timerfd) and signals (signalfd) are sources on one
 * epoll instance; each has a callback. Level-triggered. A callback may add and free sources, its own included: a freed
 * source's callback is not called again, not even for an event of the same batch.
 *
 * Not thread-safe; a loop and its sources belong to one thread. Callbacks must not block.
 */
#ifndef GL_LOOP_H
#define GL_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct gl_loop;
struct gl_source;

/* gl_loop_new: 0, or a negative errno. */
int gl_loop_new(struct gl_loop **ret);

/* gl_loop_free: frees the loop and every source that is left. NULL is allowed. */
void gl_loop_free(struct gl_loop *loop);

/*
 * gl_loop_add_fd: calls @fn(@ctx, fd, events) when @fd is ready for @events (EPOLLIN, EPOLLOUT; EPOLLERR and EPOLLHUP come
 * unasked). The descriptor stays the caller's: it frees the source first, then closes. 0 or a negative errno.
 */
int gl_loop_add_fd(struct gl_loop *loop, int fd, uint32_t events,
		   void (*fn)(void *ctx, int fd, uint32_t events), void *ctx,
		   struct gl_source **ret);

/* gl_source_events: changes the events that a descriptor's source waits for. 0 or a negative errno. */
int gl_source_events(struct gl_source *source, uint32_t events);

/* gl_loop_add_timer: a timer on CLOCK_MONOTONIC, not armed yet; @fn(@ctx) is called once per expiry seen. */
int gl_loop_add_timer(struct gl_loop *loop, void (*fn)(void *ctx), void *ctx,
		      struct gl_source **ret);

/*
 * gl_timer_arm: first expiry in @first_ns from now (0 means at once), then each @every_ns (0: only once). Replaces what
 * was armed. 0 or a negative errno.
 */
int gl_timer_arm(struct gl_source *timer, uint64_t first_ns, uint64_t every_ns);

/* gl_timer_disarm: nothing expires until it is armed again. */
int gl_timer_disarm(struct gl_source *timer);

/*
 * gl_loop_add_signals: blocks @signals (n of them, n <= 8) for the process and calls @fn(@ctx, signal) for each that
 * arrives. Freeing the source unblocks them again.
 */
int gl_loop_add_signals(struct gl_loop *loop, const int *signals, size_t n,
			void (*fn)(void *ctx, int sig), void *ctx, struct gl_source **ret);

/* gl_source_free: takes the source off its loop; allowed inside any callback. NULL is allowed. */
void gl_source_free(struct gl_source *source);

/*
 * gl_loop_step: waits for at most @timeout_ms (-1: for ever, 0: not at all), calls the callbacks of what is ready, returns
 * their number or a negative errno.
 */
int gl_loop_step(struct gl_loop *loop, int timeout_ms);

/* gl_loop_run: steps until gl_loop_stop() was called; returns the code given there, or a negative errno. */
int gl_loop_run(struct gl_loop *loop);

/* gl_loop_stop: ends gl_loop_run() after the present callback; @code >= 0 is its result. */
void gl_loop_stop(struct gl_loop *loop, int code);

/* gl_now_ns: CLOCK_MONOTONIC, for durations; the same clock as bpf_ktime_get_ns(). */
uint64_t gl_now_ns(void);

/* gl_wall_ns: CLOCK_REALTIME since 1970, for people only. */
uint64_t gl_wall_ns(void);

#endif
