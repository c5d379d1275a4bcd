/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of a release, walked completely: every state with every verb on plans of every shape, against a table that is
 * written down here a second time, and the properties that hold whatever the table says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "graylink/limits.h"
#include "release/release.h"

#define S 1000000000ULL

static const struct gl_release_batch waits[] = { { 50000, 0 },
						 { 300000, 0 },
						 { GL_WEIGHT_ONE, 0 } };
static const struct gl_release_batch runs[] = { { 50000, 60 * S },
						{ 300000, 60 * S },
						{ GL_WEIGHT_ONE, 0 } };
static const struct gl_release_batch mixed[] = {
	{ 0, 0 }, { 10, 1 }, { 500000, 0 }, { GL_WEIGHT_ONE, 0 }
};
static const struct gl_release_batch only[] = { { GL_WEIGHT_ONE, 0 } };

static const struct gl_release_plan plans[] = {
	{ waits, 3 },
	{ runs, 3 },
	{ mixed, 4 },
	{ only, 1 },
};

#define PLANS (sizeof(plans) / sizeof(plans[0]))

/* What a cell of the table says: '-' refused, '=' unchanged, '+' next batch, '1' batch 1, 'n' given batch, 'N' given
 * batch but paused, 'e' this batch entered, 'P' 'R' 'F' the state, 'f' F with force, 'd' deleted with force, 'D' deleted. */
static const char *const table[GL_RELEASE_STATE_COUNT] = {
	/*                          next batch pause resume rollback retry finish delete timer */
	[GL_RELEASE_PROGRESSING] = "+    n     P     -      R        -     f      d      +",
	[GL_RELEASE_WAITING] =     "+    n     P     -      R        -     f      d      =",
	[GL_RELEASE_PAUSED] =      "-    N     =     e      R        -     f      d      =",
	[GL_RELEASE_COMPLETED] =   "-    n     -     -      R        -     F      d      =",
	[GL_RELEASE_ROLLED_BACK] = "-    -     -     -      =        1     F      D      =",
	[GL_RELEASE_FINISHED] =    "-    -     -     -      -        -     =      D      =",
};

static const enum gl_release_verb columns[] = {
	GL_RELEASE_DO_NEXT,	GL_RELEASE_DO_BATCH, GL_RELEASE_DO_PAUSE,
	GL_RELEASE_DO_RESUME,	GL_RELEASE_DO_ROLLBACK, GL_RELEASE_DO_RETRY,
	GL_RELEASE_DO_FINISH,	GL_RELEASE_DO_DELETE, GL_RELEASE_DO_TIMER,
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static char cell(enum gl_release_state state, size_t column)
{
	const char *row = table[state];

	for (;; column--) {
		row += strspn(row, " ");
		if (!column)
			return *row;
		row++;
	}
}

/* Can the machine be there? Moving only before the last batch, Completed only at it, and by its duration. */
static bool possible(const struct gl_release_plan *plan, const struct gl_release_place *at)
{
	bool last = at->batch == plan->count, timed = plan->batches[at->batch - 1].duration_ns;

	switch (at->state) {
	case GL_RELEASE_PROGRESSING:
		return !last && timed;
	case GL_RELEASE_WAITING:
		return !last && !timed;
	case GL_RELEASE_COMPLETED:
		return last;
	default:
		return true;
	}
}

static void assert_entered(const struct gl_release_plan *plan, const struct gl_release_place *to,
			   uint32_t batch)
{
	assert_int_equal(to->batch, batch);
	assert_true(to->state == GL_RELEASE_PROGRESSING || to->state == GL_RELEASE_WAITING ||
		    to->state == GL_RELEASE_COMPLETED);
	assert_true(possible(plan, to));
}

/* One cell; @force and @batch are those of the event. */
static void assert_cell(const struct gl_release_plan *plan, const struct gl_release_place *at,
			size_t column, bool force, uint32_t batch)
{
	const struct gl_release_event event = { .verb = columns[column],
						.batch = batch,
						.force = force };
	enum gl_release_verdict verdict;
	struct gl_release_place to;
	struct gl_why why = { "" };
	char what = cell(at->state, column);

	verdict = gl_release_do(plan, at, &event, &to, &why);
	if (what == 'f')
		what = force ? 'F' : '-';
	if (what == 'd')
		what = force ? 'D' : '-';
	if (what == 'n' || what == 'N')
		what = batch == GL_RELEASE_LAST && at->batch == plan->count ? '=' :
		       batch == at->batch				    ? '=' :
		       batch != GL_RELEASE_LAST && (!batch || batch > plan->count) ? '-' :
										     what;
	switch (what) {
	case '-':
		assert_int_equal(verdict, GL_RELEASE_REFUSED);
		break;
	case '=':
		assert_int_equal(verdict, GL_RELEASE_UNCHANGED);
		break;
	case 'D':
		assert_int_equal(verdict, GL_RELEASE_DELETED);
		return;
	default:
		assert_int_equal(verdict, GL_RELEASE_CHANGED);
	}
	if (verdict != GL_RELEASE_CHANGED) {
		/* Whoever is refused is told why; nothing moved. */
		assert_true(why.text[0]);
		assert_memory_equal(&to, at, sizeof(to));
		return;
	}
	assert_true(possible(plan, &to));
	batch = batch == GL_RELEASE_LAST ? plan->count : batch;
	if (what == '+')
		assert_entered(plan, &to, at->batch + 1);
	else if (what == '1')
		assert_entered(plan, &to, 1);
	else if (what == 'e')
		assert_entered(plan, &to, at->batch);
	else if (what == 'n')
		assert_entered(plan, &to, batch);
	else if (what == 'N')
		assert_true(to.state == GL_RELEASE_PAUSED && to.batch == batch);
	else
		assert_int_equal(to.state, what == 'P' ? GL_RELEASE_PAUSED :
					   what == 'R' ? GL_RELEASE_ROLLED_BACK :
							 GL_RELEASE_FINISHED);
}

static void does_what_the_table_says(void **state)
{
	struct gl_release_place at;
	size_t plan, column;
	uint32_t batch;
	int force, cells = 0;

	(void)state;
	for (plan = 0; plan < PLANS; plan++) {
		for (at.state = 0; at.state < GL_RELEASE_STATE_COUNT; at.state++) {
			for (at.batch = 1; at.batch <= plans[plan].count; at.batch++) {
				if (!possible(&plans[plan], &at))
					continue;
				for (column = 0; column < COLUMNS; column++) {
					for (force = 0; force < 2; force++) {
						for (batch = 0; batch <= plans[plan].count + 1;
						     batch++)
							assert_cell(&plans[plan], &at, column,
								    force, batch);
						assert_cell(&plans[plan], &at, column, force,
							    GL_RELEASE_LAST);
						cells++;
					}
				}
			}
		}
	}
	assert_true(cells > 500);
}

/* From the start every state can be reached, and nothing is reached that cannot be. */
static void reaches_every_state(void **state)
{
	bool seen[GL_RELEASE_STATE_COUNT] = { false },
	     found[GL_RELEASE_STATE_COUNT][8] = { { false } };
	const struct gl_release_plan *plan = &plans[2];
	struct gl_release_place queue[64], to;
	struct gl_release_event event = { .force = true };
	size_t head = 0, tail = 0, column;
	struct gl_why why;

	(void)state;
	queue[tail++] = gl_release_first(plan);
	while (head < tail) {
		struct gl_release_place at = queue[head++];

		seen[at.state] = true;
		for (column = 0; column < COLUMNS; column++) {
			event.verb = columns[column];
			for (event.batch = 1; event.batch <= plan->count; event.batch++) {
				if (gl_release_do(plan, &at, &event, &to, &why) !=
					    GL_RELEASE_CHANGED ||
				    found[to.state][to.batch])
					continue;
				assert_true(possible(plan, &to));
				found[to.state][to.batch] = true;
				queue[tail++] = to;
			}
		}
	}
	for (column = 0; column < GL_RELEASE_STATE_COUNT; column++)
		assert_true(seen[column]);
}

/* Whatever state it is in, an apply of the same lane neither starts nor stops it, and never adds weight by a shorter list. */
static void keeps_its_place_when_applied_again(void **state)
{
	struct gl_release_place at, to;
	size_t old, new;

	(void)state;
	for (old = 0; old < PLANS; old++) {
		for (new = 0; new < PLANS; new++) {
			for (at.state = 0; at.state < GL_RELEASE_STATE_COUNT; at.state++) {
				for (at.batch = 1; at.batch <= plans[old].count; at.batch++) {
					if (!possible(&plans[old], &at))
						continue;
					to = gl_release_reapply(&plans[old], &at, &plans[new]);
					assert_true(to.batch >= 1 && to.batch <= plans[new].count);
					assert_true(possible(&plans[new], &to));
					assert_int_equal(gl_release_state_steers(to.state),
							 gl_release_state_steers(at.state));
					assert_int_equal(to.state == GL_RELEASE_PAUSED,
							 at.state == GL_RELEASE_PAUSED);
					if (at.state == GL_RELEASE_COMPLETED)
						assert_int_equal(to.state, GL_RELEASE_COMPLETED);
					else if (at.batch <= plans[new].count)
						assert_int_equal(to.batch, at.batch);
					else if (to.batch > 1)
						assert_true(
							plans[new].batches[to.batch - 1].weight_ppm <=
							plans[old].batches[at.batch - 1].weight_ppm);
					if (old == new)
						assert_memory_equal(&to, &at, sizeof(to));
				}
			}
		}
	}
}

static void has_weight_only_where_it_steers(void **state)
{
	const struct gl_release_place places[] = {
		{ GL_RELEASE_WAITING, 1 },   { GL_RELEASE_PAUSED, 2 },
		{ GL_RELEASE_COMPLETED, 3 }, { GL_RELEASE_ROLLED_BACK, 2 },
		{ GL_RELEASE_FINISHED, 3 },
	};
	const uint32_t weights[] = { 50000, 300000, GL_WEIGHT_ONE, 0, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		assert_int_equal(gl_release_weight(&plans[0], &places[i]), weights[i]);
}

static void knows_its_words(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < GL_RELEASE_STATE_COUNT; i++)
		assert_int_equal(gl_release_state_of(gl_release_state_word(i)), i);
	assert_int_equal(gl_release_state_of("waiting"), -22);
	assert_string_equal(gl_release_state_word(GL_RELEASE_ROLLED_BACK), "RolledBack");
	assert_string_equal(gl_release_verb_word(GL_RELEASE_DO_ROLLBACK), "rollback");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_what_the_table_says),
		cmocka_unit_test(reaches_every_state),
		cmocka_unit_test(keeps_its_place_when_applied_again),
		cmocka_unit_test(has_weight_only_where_it_steers),
		cmocka_unit_test(knows_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
