/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash safety: each change is broken off at each step of writing files, once by an error of the disk and once by a process
 * that is gone at that instant. What a restart finds is the state before or the state after, never a mixture, and what was
 * answered as done is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/releases.h"

/* The change that a row makes, and how to tell on which side of it the world is. */
struct row {
	const char *name;
	int (*change)(struct world *w);		/* 0: answered as done */
	bool (*old)(const struct world *w);
	bool (*new)(const struct world *w);
	bool ignores_disk;			/* done although the disk fails */
};

static int do_next(struct world *w)
{
	return world_do(w, "shop", GL_RELEASE_DO_NEXT);
}

static int do_rollback(struct world *w)
{
	return world_do(w, "shop", GL_RELEASE_DO_ROLLBACK);
}

static int do_delete(struct world *w)
{
	return world_do(w, "gone", GL_RELEASE_DO_DELETE);
}

static int do_apply_one(struct world *w)
{
	return world_apply(w, world_policy(w, "one", "v7", "{weight: 1}"), 0);
}

/* Three releases at once: two new, one changed. */
static int do_apply_many(struct world *w)
{
	char text[6144];

	snprintf(text, sizeof(text), "%s---\n%s---\n%s",
		 world_policy(w, "one", "v7", "{weight: 1}"),
		 world_policy(w, "shop", "v2", "{weight: 6}, {weight: 30}"),
		 world_policy(w, "two", "v8", "{weight: 1}"));
	return world_apply(w, text, 0);
}

static int do_edit(struct world *w)
{
	return world_apply(w, world_policy(w, "shop", "v2", "{weight: 6}, {weight: 30}"), 0);
}

static bool shop(const struct world *w, enum gl_release_state state, uint32_t batch,
		 uint32_t weight)
{
	const struct gl_release *release = world_find(w, "shop");

	return release && release->at.state == state && release->at.batch == batch &&
	       release->weight_ppm == weight;
}

static bool at_first(const struct world *w)
{
	return shop(w, GL_RELEASE_WAITING, 1, 50000) && world_find(w, "gone") &&
	       !world_find(w, "one") && !world_find(w, "two");
}

static bool at_second(const struct world *w)
{
	return shop(w, GL_RELEASE_WAITING, 2, 300000);
}

static bool rolled_back(const struct world *w)
{
	return shop(w, GL_RELEASE_ROLLED_BACK, 1, 0);
}

static bool is_deleted(const struct world *w)
{
	return !world_find(w, "gone") && shop(w, GL_RELEASE_WAITING, 1, 50000);
}

static bool has_one(const struct world *w)
{
	return world_find(w, "one") && shop(w, GL_RELEASE_WAITING, 1, 50000);
}

static bool has_many(const struct world *w)
{
	return world_find(w, "one") && world_find(w, "two") &&
	       shop(w, GL_RELEASE_WAITING, 1, 60000);
}

static bool edited(const struct world *w)
{
	return shop(w, GL_RELEASE_WAITING, 1, 60000) && !world_find(w, "one");
}

static const struct row rows[] = {
	{ "next", do_next, at_first, at_second, false },
	{ "rollback", do_rollback, at_first, rolled_back, true },
	{ "delete", do_delete, at_first, is_deleted, false },
	{ "apply one", do_apply_one, at_first, has_one, false },
	{ "apply many", do_apply_many, at_first, has_many, false },
	{ "edit", do_edit, at_first, edited, false },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Two releases: shop at its first batch, gone rolled back. */
static void prepare(struct world *w)
{
	world_start(w);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}, {weight: 30}"),
				     0),
			 0);
	assert_int_equal(world_apply(w, world_policy(w, "gone", "v3", "{weight: 1}"), 0), 0);
	assert_int_equal(world_do(w, "gone", GL_RELEASE_DO_ROLLBACK), 0);
	assert_true(at_first(w));
}

/* How many steps of writing a row takes when nothing fails. */
static int count_steps(const struct row *row)
{
	struct world *w;
	int steps;

	assert_int_equal(world_setup((void **)&w), 0);
	prepare(w);
	w->steps = 0;
	assert_int_equal(row->change(w), 0);
	assert_true(row->new(w));
	steps = w->steps;
	world_teardown((void **)&w);
	assert_true(steps >= 2);
	return steps;
}

static void die(void)
{
	/* As kill -9: no handler, no flush. */
	_exit(9);
}

/* The process is gone at step @at. */
static void crash(const struct row *row, int at)
{
	struct world *w;
	int status;
	pid_t pid;

	assert_int_equal(world_setup((void **)&w), 0);
	prepare(w);
	world_stop(w);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		world_start(w);
		w->steps = 0;
		w->fault_at = at;
		w->fault = die;
		row->change(w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
	w->complaints = 0;
	world_start(w);
	if (!row->old(w) && !row->new(w))
		fail_msg("%s, gone at step %d: neither the old state nor the new", row->name, at);
	assert_int_equal(w->complaints, 0);
	/* And it can go on from there. */
	assert_int_equal(world_apply(w, world_policy(w, "after", "v9", "{weight: 1}"), 0), 0);
	world_teardown((void **)&w);
}

/* The disk fails at step @at. */
static void fails(const struct row *row, int at)
{
	struct world *w;
	int err;

	assert_int_equal(world_setup((void **)&w), 0);
	prepare(w);
	w->published = 0;
	w->steps = 0;
	w->fault_at = at;
	err = row->change(w);
	if (err && row->ignores_disk)
		fail_msg("%s failed at step %d, although it must not need the disk", row->name, at);
	/* Memory, kernel and answer agree. */
	assert_true(err ? row->old(w) : row->new(w));
	assert_int_equal(w->published, err ? 0 : 1);
	world_stop(w);
	world_start(w);
	if (!row->old(w) && !row->new(w))
		fail_msg("%s, disk failed at step %d: neither the old state nor the new", row->name,
			 at);
	if (!row->ignores_disk)
		assert_true(err ? row->old(w) : row->new(w));
	world_teardown((void **)&w);
}

static void survives_a_crash_at_every_step(void **state)
{
	size_t i;
	int at, steps;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		steps = count_steps(&rows[i]);
		for (at = 1; at <= steps; at++)
			crash(&rows[i], at);
	}
}

static void survives_an_error_at_every_step(void **state)
{
	size_t i;
	int at, steps;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		steps = count_steps(&rows[i]);
		for (at = 1; at <= steps; at++)
			fails(&rows[i], at);
	}
}

/* An apply of several whose own files could not be written: later changes must not be overwritten by its journal. */
static void does_not_go_back_to_a_journal(void **state)
{
	struct world *w = *state;
	int steps = count_steps(&rows[4]);

	prepare(w);
	w->steps = 0;
	/* The last step is the removal of the journal. */
	w->fault_at = steps - 1;
	assert_int_equal(do_apply_many(w), 0);
	assert_true(world_has(w, "pending.json"));
	w->fault_at = 0;
	assert_int_equal(world_do(w, "one", GL_RELEASE_DO_ROLLBACK), 0);
	assert_false(world_has(w, "pending.json"));
	world_stop(w);
	world_start(w);
	assert_int_equal(world_find(w, "one")->at.state, GL_RELEASE_ROLLED_BACK);
	assert_true(has_many(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_a_crash_at_every_step),
		cmocka_unit_test(survives_an_error_at_every_step),
		cmocka_unit_test_setup_teardown(does_not_go_back_to_a_journal, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
