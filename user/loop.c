// SPDX-License-Identifier: Apache-2.0
/* loop: see loop.h. */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32 /* events taken by one epoll_wait() */
#define NS    1000000000ULL

enum kind { KIND_FD, KIND_TIMER, KIND_SIGNALS };

struct gl_source {
	struct gl_loop *loop;
	struct gl_source *next, **link; /* among loop->sources or loop->dead */
	enum kind kind;
	int fd;
	bool dead; /* freed while its batch is dispatched: not called any more */
	sigset_t signals;
	void *ctx;
	union {
		void (*fd)(void *ctx, int fd, uint32_t events);
		void (*timer)(void *ctx);
		void (*signal)(void *ctx, int sig);
	} fn;
};

struct gl_loop {
	int epfd;
	bool dispatching;
	bool stopped;
	int code;
	struct gl_source *sources;
	struct gl_source *dead;
};

static void source_link(struct gl_source **head, struct gl_source *source)
{
	source->next = *head;
	source->link = head;
	if (*head)
		(*head)->link = &source->next;
	*head = source;
}

static void source_unlink(struct gl_source *source)
{
	*source->link = source->next;
	if (source->next)
		source->next->link = source->link;
}

static void reap(struct gl_loop *loop)
{
	struct gl_source *source;

	while ((source = loop->dead)) {
		source_unlink(source);
		free(source);
	}
}

int gl_loop_new(struct gl_loop **ret)
{
	struct gl_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		err = -errno;
		free(loop);
		return err;
	}
	*ret = loop;
	return 0;
}

void gl_loop_free(struct gl_loop *loop)
{
	if (!loop)
		return;
	while (loop->sources)
		gl_source_free(loop->sources);
	reap(loop);
	close(loop->epfd);
	free(loop);
}

/* Puts a new source of @fd on the loop. The descriptor is not taken over on failure. */
static int source_add(struct gl_loop *loop, enum kind kind, int fd, uint32_t events, void *ctx,
		      struct gl_source **ret)
{
	struct gl_source *source = calloc(1, sizeof(*source));
	struct epoll_event ev = { .events = events, .data.ptr = source };
	int err;

	if (!source)
		return -ENOMEM;
	source->loop = loop;
	source->kind = kind;
	source->fd = fd;
	source->ctx = ctx;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev)) {
		err = -errno;
		free(source);
		return err;
	}
	source_link(&loop->sources, source);
	*ret = source;
	return 0;
}

int gl_loop_add_fd(struct gl_loop *loop, int fd, uint32_t events,
		   void (*fn)(void *ctx, int fd, uint32_t events), void *ctx,
		   struct gl_source **ret)
{
	int err = source_add(loop, KIND_FD, fd, events, ctx, ret);

	if (!err)
		(*ret)->fn.fd = fn;
	return err;
}

int gl_source_events(struct gl_source *source, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = source };

	return epoll_ctl(source->loop->epfd, EPOLL_CTL_MOD, source->fd, &ev) ? -errno : 0;
}

int gl_loop_add_timer(struct gl_loop *loop, void (*fn)(void *ctx), void *ctx,
		      struct gl_source **ret)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = source_add(loop, KIND_TIMER, fd, EPOLLIN, ctx, ret);
	if (err) {
		close(fd);
		return err;
	}
	(*ret)->fn.timer = fn;
	return 0;
}

int gl_timer_arm(struct gl_source *timer, uint64_t first_ns, uint64_t every_ns)
{
	struct itimerspec its = {
		.it_value = { .tv_sec = (time_t)(first_ns / NS), .tv_nsec = (long)(first_ns % NS) },
		.it_interval = { .tv_sec = (time_t)(every_ns / NS),
				 .tv_nsec = (long)(every_ns % NS) },
	};

	/* A value of zero would disarm it. */
	if (!first_ns)
		its.it_value.tv_nsec = 1;
	return timerfd_settime(timer->fd, 0, &its, NULL) ? -errno : 0;
}

int gl_timer_disarm(struct gl_source *timer)
{
	const struct itimerspec its = { 0 };

	return timerfd_settime(timer->fd, 0, &its, NULL) ? -errno : 0;
}

int gl_loop_add_signals(struct gl_loop *loop, const int *signals, size_t n,
			void (*fn)(void *ctx, int sig), void *ctx, struct gl_source **ret)
{
	sigset_t set;
	size_t i;
	int err, fd;

	sigemptyset(&set);
	for (i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		err = -errno;
		goto unblock;
	}
	err = source_add(loop, KIND_SIGNALS, fd, EPOLLIN, ctx, ret);
	if (err) {
		close(fd);
		goto unblock;
	}
	(*ret)->signals = set;
	(*ret)->fn.signal = fn;
	return 0;

unblock:
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return err;
}

void gl_source_free(struct gl_source *source)
{
	struct gl_loop *loop;

	if (!source || source->dead)
		return;
	loop = source->loop;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->kind != KIND_FD)
		close(source->fd);
	if (source->kind == KIND_SIGNALS)
		sigprocmask(SIG_UNBLOCK, &source->signals, NULL);
	source_unlink(source);
	if (!loop->dispatching) {
		free(source);
		return;
	}
	/* An event of this batch may still point here. */
	source->dead = true;
	source_link(&loop->dead, source);
}

static void dispatch_timer(struct gl_source *source)
{
	uint64_t expiries;

	/* Disarmed or re-armed since epoll saw it: nothing to read, nothing to tell. */
	if (read(source->fd, &expiries, sizeof(expiries)) == sizeof(expiries))
		source->fn.timer(source->ctx);
}

static void dispatch_signals(struct gl_source *source)
{
	struct signalfd_siginfo info;

	while (!source->dead && read(source->fd, &info, sizeof(info)) == sizeof(info))
		source->fn.signal(source->ctx, (int)info.ssi_signo);
}

int gl_loop_step(struct gl_loop *loop, int timeout_ms)
{
	struct epoll_event events[BATCH];
	struct gl_source *source;
	int calls = 0, i, n;

	n = epoll_wait(loop->epfd, events, BATCH, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	loop->dispatching = true;
	for (i = 0; i < n; i++) {
		source = events[i].data.ptr;
		if (source->dead)
			continue;
		calls++;
		switch (source->kind) {
		case KIND_FD:
			source->fn.fd(source->ctx, source->fd, events[i].events);
			break;
		case KIND_TIMER:
			dispatch_timer(source);
			break;
		case KIND_SIGNALS:
			dispatch_signals(source);
			break;
		}
	}
	loop->dispatching = false;
	reap(loop);
	return calls;
}

int gl_loop_run(struct gl_loop *loop)
{
	int n;

	loop->stopped = false;
	while (!loop->stopped) {
		n = gl_loop_step(loop, -1);
		if (n < 0)
			return n;
	}
	return loop->code;
}

void gl_loop_stop(struct gl_loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

uint64_t gl_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t gl_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}
