/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of releases: what apply and the verbs do, what is refused, timers, history, and what a restart finds. The clock is
 * the test's, the kernel is a counter; policies, compiler and disk are real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graylink/limits.h"
#include "lib/releases.h"

static void applies_and_moves_on(void **state)
{
	struct world *w = *state;
	const struct gl_release *release;

	world_start(w);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}, {weight: 30}"),
				     0),
			 0);
	release = world_find(w, "shop");
	assert_int_equal(release->at.state, GL_RELEASE_WAITING);
	assert_int_equal(release->at.batch, 1);
	assert_int_equal(release->plan.count, 3);
	assert_int_equal(release->weight_ppm, 50000);
	assert_int_equal(w->published, 1);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_NEXT), 0);
	assert_int_equal(world_find(w, "shop")->weight_ppm, 300000);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_NEXT), 0);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_COMPLETED);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_NEXT), -EBUSY);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_ROLLBACK), 0);
	assert_int_equal(world_find(w, "shop")->weight_ppm, 0);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_ROLLBACK), 1);
	assert_int_equal(w->published, 4);
}

/* A lane that nobody would answer is refused unless it is forced; what steers already, or not at all, is not asked. */
static void refuses_a_lane_without_ready_endpoints(void **state)
{
	struct world *w = *state;

	world_start(w);
	w->unready = true;
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0), -EBUSY);
	assert_int_equal(w->errors, 1);
	assert_null(world_find(w, "shop"));
	assert_int_equal(w->published, 0);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"),
				     WORLD_DRY_RUN),
			 -EBUSY);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), WORLD_FORCE),
			 0);
	assert_int_equal(w->errors, 0);
	assert_int_equal(w->warnings, 1);
	/* Unchanged: nothing is begun. */
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0), 0);
	/* Changed. */
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 6}"), 0), -EBUSY);
	assert_int_equal(world_find(w, "shop")->weight_ppm, 50000);
	/* Changed, and it stays rolled back. */
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_ROLLBACK), 0);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 6}"), 0), 0);
	/* An invalid text is invalid first. */
	assert_int_equal(world_apply(w, world_policy(w, "other", "v3", "{weight: 200}"), 0),
			 -EINVAL);
	w->unready = false;
	assert_int_equal(world_apply(w, world_policy(w, "other", "v3", "{weight: 5}"), 0), 0);
}

static void keeps_history_of_who_and_why(void **state)
{
	struct world *w = *state;
	const struct gl_release_step *step;
	const struct gl_release *release;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	w->wall += 5000000000ULL;
	world_do(w, "shop", GL_RELEASE_DO_ROLLBACK);
	world_stop(w);
	world_start(w);
	release = world_find(w, "shop");
	assert_int_equal(release->history_n, 2);
	step = &release->history[0];
	assert_int_equal(step->from, -1);
	assert_string_equal(step->verb, "apply");
	assert_string_equal(step->cause, "apply");
	step = &release->history[1];
	assert_int_equal(step->from, GL_RELEASE_WAITING);
	assert_int_equal(step->to, GL_RELEASE_ROLLED_BACK);
	assert_string_equal(step->verb, "rollback");
	assert_string_equal(step->cause, "user");
	assert_true(step->asked);
	assert_int_equal(step->uid, 42);
	assert_string_equal(step->name, "ann");
	assert_string_equal(step->message, "because \"of\" that");
	assert_int_equal(step->time_ns - release->history[0].time_ns, 5000000000ULL);
}

static void bounds_its_history(void **state)
{
	struct world *w = *state;
	const struct gl_release *release;
	int i;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	for (i = 0; i < GL_RELEASE_HISTORY_MAX; i++)
		assert_int_equal(world_do(w, "shop",
					  i % 2 ? GL_RELEASE_DO_RESUME : GL_RELEASE_DO_PAUSE),
				 0);
	release = world_find(w, "shop");
	assert_int_equal(release->history_n, GL_RELEASE_HISTORY_MAX);
	assert_string_equal(release->history[0].verb, "apply");
	assert_string_equal(release->history[1].verb, "resume");
	assert_string_equal(release->history[GL_RELEASE_HISTORY_MAX - 1].verb, "resume");
}

/* The rows of DESIGN section 6 about applying again. */
static void applies_again(void **state)
{
	struct world *w = *state;
	const char *five = "{weight: 5}, {weight: 30}", *six = "{weight: 6}, {weight: 30}";

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", five), 0);
	world_do(w, "shop", GL_RELEASE_DO_NEXT);
	/* The same: nothing happens, nothing is published. */
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", five), 0), 0);
	assert_int_equal(w->change, GL_RELEASE_SAME);
	assert_int_equal(w->published, 2);
	/* Changed, same lane: keeps the batch. */
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", six), 0), 0);
	assert_int_equal(w->change, GL_RELEASE_UPDATED);
	assert_int_equal(world_find(w, "shop")->at.batch, 2);
	/* After a rollback it stays rolled back, changed or not. */
	world_do(w, "shop", GL_RELEASE_DO_ROLLBACK);
	world_apply(w, world_policy(w, "shop", "v2", six), 0);
	assert_int_equal(w->change, GL_RELEASE_SAME);
	world_apply(w, world_policy(w, "shop", "v2", five), 0);
	assert_int_equal(w->change, GL_RELEASE_UPDATED);
	assert_int_equal(w->warnings, 1);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_ROLLED_BACK);
	/* retry starts at batch 1. */
	world_do(w, "shop", GL_RELEASE_DO_RETRY);
	assert_int_equal(world_find(w, "shop")->at.batch, 1);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_WAITING);
	/* So does another lane. */
	world_do(w, "shop", GL_RELEASE_DO_NEXT);
	world_do(w, "shop", GL_RELEASE_DO_ROLLBACK);
	world_apply(w, world_policy(w, "shop", "v3", six), 0);
	assert_int_equal(world_find(w, "shop")->at.batch, 1);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_WAITING);
}

static void refuses_all_of_a_file_with_one_error(void **state)
{
	struct world *w = *state;
	char text[4096];

	world_start(w);
	snprintf(text, sizeof(text), "%s---\n%s", world_policy(w, "one", "v2", "{weight: 5}"),
		 world_policy(w, "two", "v2", "{weight: 5}"));
	/* Both claim lane v2. */
	assert_int_equal(world_apply(w, text, 0), -EINVAL);
	assert_true(w->errors > 0);
	assert_int_equal(gl_releases_count(w->set), 0);
	assert_int_equal(w->published, 0);
	assert_int_equal(world_files(w), 0);
}

static void refuses_a_lane_without_endpoints(void **state)
{
	struct world *w = *state;
	char *text = world_policy(w, "shop", "v2", "{weight: 5}");

	world_start(w);
	*strstr(text, "      gray:") = '\0';
	assert_int_equal(world_apply(w, text, 0), -EINVAL);
	assert_int_equal(gl_releases_count(w->set), 0);
}

static void changes_nothing_in_a_dry_run(void **state)
{
	struct world *w = *state;

	world_start(w);
	assert_int_equal(world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"),
				     WORLD_DRY_RUN),
			 0);
	assert_int_equal(w->change, GL_RELEASE_CREATED);
	assert_int_equal(gl_releases_count(w->set), 0);
	assert_int_equal(w->published, 0);
	assert_int_equal(world_files(w), 0);
}

static void takes_a_change_back_when_the_kernel_refuses(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	w->publish_error = -EPERM;
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_NEXT), -EPERM);
	assert_int_equal(world_find(w, "shop")->at.batch, 1);
	assert_int_equal(world_apply(w, world_policy(w, "other", "v9", "{weight: 5}"), 0), -EPERM);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_ROLLBACK), -EPERM);
	w->publish_error = 0;
	world_stop(w);
	world_start(w);
	assert_int_equal(gl_releases_count(w->set), 1);
	assert_int_equal(world_find(w, "shop")->at.batch, 1);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_WAITING);
	assert_int_equal(world_find(w, "shop")->history_n, 1);
}

static void moves_on_when_its_time_has_passed(void **state)
{
	struct world *w = *state;
	struct gl_why why;

	world_start(w);
	world_apply(w,
		    world_policy(w, "shop", "v2",
				 "{weight: 5, duration: 10s}, {weight: 30, duration: 1h}"),
		    0);
	assert_int_equal(world_find(w, "shop")->at.state, GL_RELEASE_PROGRESSING);
	assert_int_equal(gl_releases_next_due(w->set), 10000000000ULL);
	w->now += 9000000000ULL;
	assert_int_equal(gl_releases_tick(w->set, &why), 0);
	/* A pause stands still, whatever the time. */
	world_do(w, "shop", GL_RELEASE_DO_PAUSE);
	w->now += 100000000000ULL;
	assert_true(gl_releases_next_due(w->set) == UINT64_MAX);
	assert_int_equal(gl_releases_tick(w->set, &why), 0);
	world_do(w, "shop", GL_RELEASE_DO_RESUME);
	assert_int_equal(gl_releases_next_due(w->set), 1000000000ULL);
	/* So does nobody: the clock goes on over a restart of the agent. */
	world_stop(w);
	w->now += 600000000ULL;
	world_start(w);
	assert_int_equal(gl_releases_next_due(w->set), 400000000ULL);
	w->now += 400000000ULL;
	assert_int_equal(gl_releases_tick(w->set, &why), 1);
	assert_int_equal(world_find(w, "shop")->at.batch, 2);
	assert_int_equal(gl_releases_next_due(w->set), 3600000000000ULL);
	assert_string_equal(world_find(w, "shop")->history[3].cause, "timer");
	assert_false(world_find(w, "shop")->history[3].asked);
}

static void deletes_only_what_does_not_steer(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_DELETE), -EBUSY);
	world_do(w, "shop", GL_RELEASE_DO_ROLLBACK);
	assert_int_equal(world_do(w, "shop", GL_RELEASE_DO_DELETE), 0);
	assert_int_equal(gl_releases_count(w->set), 0);
	assert_int_equal(world_files(w), 0);
}

static void finds_by_name_and_namespace(void **state)
{
	struct world *w = *state;
	const struct gl_release *release;
	struct gl_why why;
	char *text;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	text = world_policy(w, "shop", "v9", "{weight: 5}");
	memcpy(strstr(text, "namespace: test"), "namespace: prod", 15);
	assert_int_equal(world_apply(w, text, 0), 0);
	assert_int_equal(gl_releases_find(w->set, NULL, "shop", &release, &why), -EEXIST);
	assert_non_null(strstr(why.text, "prod, test"));
	assert_int_equal(gl_releases_find(w->set, "prod", "shop", &release, &why), 0);
	assert_string_equal(release->spec->lane, "v9");
	assert_int_equal(gl_releases_find(w->set, NULL, "none", &release, &why), -ENOENT);
}

static void refuses_a_second_agent(void **state)
{
	struct world *w = *state;
	struct gl_releases_ops ops = { 0 };
	struct gl_releases *second;
	struct gl_why why;

	world_start(w);
	assert_int_equal(gl_releases_new(w->dir, &ops, &second, &why), -EBUSY);
	assert_non_null(strstr(why.text, "another graylinkd"));
}

/* A damaged file costs one release, is kept, and is told of; ids survive even the loss of ids.json. */
static void sets_damaged_files_aside(void **state)
{
	static const char *const damages[] = {
		"", "{", "{}", "[]", "{\"format\":1,\"spec\":{}}", "null", "\0x"
	};
	struct world *w = *state;
	uint32_t id;
	size_t i;

	world_start(w);
	world_apply(w, world_policy(w, "keep", "v1", "{weight: 5}"), 0);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	id = gl_ids_lane(gl_releases_ids(w->set), "v2");
	assert_int_not_equal(id, 0);
	world_stop(w);
	world_write(w, "ids.json", "{\"services\":", 12);
	world_start(w);
	assert_int_equal(w->complaints, 1);
	assert_int_equal(gl_ids_lane(gl_releases_ids(w->set), "v2"), id);
	assert_int_equal(gl_releases_count(w->set), 2);
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		world_stop(w);
		world_write(w, "releases/test.shop.json", damages[i],
			    damages[i][0] || i == 0 ? strlen(damages[i]) : 3);
		w->complaints = 0;
		world_start(w);
		assert_int_equal(w->complaints, 1);
		assert_int_equal(gl_releases_count(w->set), 1);
		assert_non_null(world_find(w, "keep"));
		assert_true(world_has(w, "releases/test.shop.json.corrupt"));
	}
}

/* Any truncation of a state file is noticed. */
static void notices_every_truncation(void **state)
{
	struct world *w = *state;
	char text[16384];
	size_t len, cut;

	world_start(w);
	world_apply(w, world_policy(w, "shop", "v2", "{weight: 5}"), 0);
	world_stop(w);
	len = world_read(w, "releases/test.shop.json", text, sizeof(text));
	assert_true(len > 100);
	for (cut = 0; cut < len; cut += 7) {
		world_write(w, "releases/test.shop.json", text, cut);
		w->complaints = 0;
		world_start(w);
		assert_int_equal(w->complaints, 1);
		assert_int_equal(gl_releases_count(w->set), 0);
		world_stop(w);
	}
}

static void names_files_without_meeting(void **state)
{
	static const char *const pairs[][2] = {
		{ "a", "b" },	    { "a.b", "c" }, { "a", "b.c" }, { "..", "/etc" },
		{ "a", "../../b" }, { "", "" },	    { "a", "" },
	};
	char names[10][300], deep[600];
	size_t n = sizeof(pairs) / sizeof(pairs[0]), i, j;

	(void)state;
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	for (i = 0; i < n; i++)
		gl_store_name(names[i], sizeof(names[i]), pairs[i][0], pairs[i][1]);
	gl_store_name(names[n++], 300, "a", deep);
	gl_store_name(names[n++], 300, "a", deep + 1);
	for (i = 0; i < n; i++) {
		assert_true(strlen(names[i]) < 220);
		assert_null(strchr(names[i] + strlen("releases/"), '/'));
		for (j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_string_equal(names[0], "releases/a.b.json");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(applies_and_moves_on),
		TEST(keeps_history_of_who_and_why),
		TEST(bounds_its_history),
		TEST(applies_again),
		TEST(refuses_all_of_a_file_with_one_error),
		TEST(refuses_a_lane_without_endpoints),
		TEST(refuses_a_lane_without_ready_endpoints),
		TEST(changes_nothing_in_a_dry_run),
		TEST(takes_a_change_back_when_the_kernel_refuses),
		TEST(moves_on_when_its_time_has_passed),
		TEST(deletes_only_what_does_not_steer),
		TEST(finds_by_name_and_namespace),
		TEST(refuses_a_second_agent),
		TEST(sets_damaged_files_aside),
		TEST(notices_every_truncation),
		cmocka_unit_test(names_files_without_meeting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
