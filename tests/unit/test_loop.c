/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: descriptors, timers, signals, and sources that go while their batch is dispatched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop.h"

#define DEADLINE_MS 2000

struct seen {
	struct gl_loop *loop;
	struct gl_source *victims[2];
	int calls;
	int sig;
	char byte;
};

static void read_byte(void *ctx, int fd, uint32_t events)
{
	struct seen *seen = ctx;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &seen->byte, 1), 1);
	seen->calls++;
}

static void calls_when_readable(void **state)
{
	struct seen seen = { 0 };
	struct gl_source *source;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(gl_loop_new(&seen.loop), 0);
	assert_int_equal(gl_loop_add_fd(seen.loop, fds[0], EPOLLIN, read_byte, &seen, &source), 0);
	assert_int_equal(gl_loop_step(seen.loop, 0), 0);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	/* Level-triggered: the second byte is told of again. */
	assert_int_equal(gl_loop_step(seen.loop, DEADLINE_MS), 1);
	assert_int_equal(gl_loop_step(seen.loop, DEADLINE_MS), 1);
	assert_int_equal(seen.byte, 'b');
	assert_int_equal(gl_loop_step(seen.loop, 0), 0);
	assert_int_equal(gl_source_events(source, 0), 0);
	assert_int_equal(write(fds[1], "c", 1), 1);
	assert_int_equal(gl_loop_step(seen.loop, 0), 0);
	gl_loop_free(seen.loop);
	close(fds[0]);
	close(fds[1]);
}

static void free_both(void *ctx, int fd, uint32_t events)
{
	struct seen *seen = ctx;

	(void)fd;
	(void)events;
	seen->calls++;
	gl_source_free(seen->victims[0]);
	gl_source_free(seen->victims[1]);
}

/* Both are ready in one batch; whichever comes first frees both. */
static void forgets_what_was_freed_in_its_batch(void **state)
{
	struct seen seen = { 0 };
	int fds[2][2], i;

	(void)state;
	assert_int_equal(gl_loop_new(&seen.loop), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		assert_int_equal(write(fds[i][1], "x", 1), 1);
		assert_int_equal(gl_loop_add_fd(seen.loop, fds[i][0], EPOLLIN, free_both, &seen,
						&seen.victims[i]),
				 0);
	}
	assert_int_equal(gl_loop_step(seen.loop, DEADLINE_MS), 1);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(gl_loop_step(seen.loop, 0), 0);
	gl_loop_free(seen.loop);
	for (i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void count(void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
}

static void fires_once_or_again_and_again(void **state)
{
	struct seen seen = { 0 };
	struct gl_source *timer;

	(void)state;
	assert_int_equal(gl_loop_new(&seen.loop), 0);
	assert_int_equal(gl_loop_add_timer(seen.loop, count, &seen, &timer), 0);
	assert_int_equal(gl_loop_step(seen.loop, 0), 0);
	assert_int_equal(gl_timer_arm(timer, 0, 0), 0);
	assert_int_equal(gl_loop_step(seen.loop, DEADLINE_MS), 1);
	assert_int_equal(gl_loop_step(seen.loop, 5), 0);
	assert_int_equal(gl_timer_arm(timer, 1000000, 1000000), 0);
	while (seen.calls < 4)
		assert_true(gl_loop_step(seen.loop, DEADLINE_MS) > 0);
	assert_int_equal(gl_timer_disarm(timer), 0);
	assert_int_equal(gl_loop_step(seen.loop, 5), 0);
	gl_loop_free(seen.loop);
}

static void signalled(void *ctx, int sig)
{
	struct seen *seen = ctx;

	seen->sig = sig;
	gl_loop_stop(seen->loop, 7);
}

static void hears_signals_and_stops(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	struct seen seen = { 0 };
	struct gl_source *source;

	(void)state;
	assert_int_equal(gl_loop_new(&seen.loop), 0);
	assert_int_equal(gl_loop_add_signals(seen.loop, signals, 2, signalled, &seen, &source), 0);
	kill(getpid(), SIGUSR2);
	assert_int_equal(gl_loop_run(seen.loop), 7);
	assert_int_equal(seen.sig, SIGUSR2);
	gl_loop_free(seen.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_when_readable),
		cmocka_unit_test(forgets_what_was_freed_in_its_batch),
		cmocka_unit_test(fires_once_or_again_and_again),
		cmocka_unit_test(hears_signals_and_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
