// SPDX-License-Identifier: Apache-2.0
/*
 * Sequence arithmetic: comparisons around 2^32, and the tracking of bytes that arrive in another order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/seq.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void compares_over_the_wrap(void **state)
{
	static const struct {
		u32 a, b, before, after;
	} rows[] = {
		{ 0, 0, 0, 0 },		 { 1, 2, 1, 0 },	  { 2, 1, 0, 1 },
		{ 0xffffffff, 0, 1, 0 }, { 0, 0xffffffff, 0, 1 }, { 0xfffffff0, 0x10, 1, 0 },
		{ 0, 0x7fffffff, 1, 0 }, { 0x7fffffff, 0, 0, 1 }, { 0x80000000, 0x7fffffff, 0, 1 },
		{ 0x80000001, 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(gl_seq_before(rows[i].a, rows[i].b), rows[i].before);
		assert_int_equal(gl_seq_after(rows[i].a, rows[i].b), rows[i].after);
		assert_int_equal(gl_seq_before(rows[i].b, rows[i].a), rows[i].after);
	}
}

static void max_is_the_later(void **state)
{
	(void)state;
	assert_int_equal(gl_seq_max(5, 7), 7);
	assert_int_equal(gl_seq_max(7, 5), 7);
	assert_int_equal(gl_seq_max(7, 7), 7);
	assert_int_equal(gl_seq_max(0xfffffffe, 3), 3);
	assert_int_equal(gl_seq_max(3, 0xfffffffe), 3);
}

static void within_is_half_open(void **state)
{
	static const struct {
		u32 seq, start, end, is;
	} rows[] = {
		{ 10, 10, 20, 1 },
		{ 19, 10, 20, 1 },
		{ 20, 10, 20, 0 },
		{ 9, 10, 20, 0 },
		{ 10, 10, 10, 0 },
		{ 0, 0xfffffff0, 0x10, 1 },
		{ 0xfffffff0, 0xfffffff0, 0x10, 1 },
		{ 0x0f, 0xfffffff0, 0x10, 1 },
		{ 0x10, 0xfffffff0, 0x10, 0 },
		{ 0xffffffef, 0xfffffff0, 0x10, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(gl_seq_within(rows[i].seq, rows[i].start, rows[i].end),
				 rows[i].is);
}

/* One run of bytes, relative to a start; and what must be known afterwards. */
struct arrival {
	u32 seq, end;
	u32 moved;
	u32 nxt, start, end_;	/* relative; start == end_: no hole */
};

struct track_case {
	const char *name;
	struct arrival steps[6];	/* ends with an arrival of 0, 0 */
};

static const struct track_case track_cases[] = {
	{ "in order", { { 0, 10, 10, 10, 0, 0 }, { 10, 15, 5, 15, 0, 0 } } },
	{ "again", { { 0, 10, 10, 10, 0, 0 }, { 0, 10, 0, 10, 0, 0 }, { 2, 9, 0, 10, 0, 0 } } },
	{ "again with more", { { 0, 10, 10, 10, 0, 0 }, { 5, 12, 2, 12, 0, 0 } } },
	{ "a hole and its filling", { { 10, 20, 0, 0, 10, 20 }, { 0, 10, 20, 20, 0, 0 } } },
	{ "filled in two parts",
	  { { 10, 20, 0, 0, 10, 20 }, { 0, 4, 4, 4, 10, 20 }, { 4, 10, 16, 20, 0, 0 } } },
	{ "filled beyond the run", { { 10, 20, 0, 0, 10, 20 }, { 0, 30, 30, 30, 0, 0 } } },
	{ "filled into the run", { { 10, 20, 0, 0, 10, 20 }, { 0, 15, 20, 20, 0, 0 } } },
	{ "the run grows behind",
	  { { 10, 20, 0, 0, 10, 20 }, { 20, 30, 0, 0, 10, 30 }, { 0, 10, 30, 30, 0, 0 } } },
	{ "the run grows in front",
	  { { 10, 20, 0, 0, 10, 20 }, { 5, 10, 0, 0, 5, 20 }, { 0, 5, 20, 20, 0, 0 } } },
	{ "the run grows at both ends", { { 10, 20, 0, 0, 10, 20 }, { 5, 25, 0, 0, 5, 25 } } },
	{ "inside the run", { { 10, 20, 0, 0, 10, 20 }, { 12, 14, 0, 0, 10, 20 } } },
	{ "a second run behind",
	  { { 10, 20, 0, 0, 10, 20 },
	    { 21, 30, GL_SEQ_LOST, 0, 10, 20 },
	    { 0, 10, 20, 20, 0, 0 } } },
	{ "a second run in front", { { 10, 20, 0, 0, 10, 20 }, { 5, 9, GL_SEQ_LOST, 0, 10, 20 } } },
	{ "a second hole later",
	  { { 10, 20, 0, 0, 10, 20 },
	    { 0, 10, 20, 20, 0, 0 },
	    { 25, 30, 0, 20, 25, 30 },
	    { 20, 25, 10, 30, 0, 0 } } },
};

static void track_from(u32 base)
{
	for (size_t i = 0; i < ROWS(track_cases); i++) {
		const struct arrival *a = track_cases[i].steps;
		u32 nxt = base, start = 0, end_ = 0;

		for (; a->end; a++) {
			u32 moved = gl_seq_track(&nxt, &start, &end_, base + a->seq, base + a->end);

			if (moved != a->moved || nxt != base + a->nxt ||
			    (start == end_) != (a->start == a->end_) ||
			    (start != end_ && (start != base + a->start || end_ != base + a->end_)))
				fail_msg("%s from %#x, [%u, %u): moved %u to %#x, run [%#x, %#x)",
					 track_cases[i].name, base, a->seq, a->end, moved, nxt,
					 start, end_);
		}
	}
}

static void tracks_holes(void **state)
{
	(void)state;
	track_from(0);
	track_from(1000);
}

static void tracks_holes_over_the_wrap(void **state)
{
	(void)state;
	for (u32 back = 1; back <= 32; back++)
		track_from(0 - back);
}

/* A set of bytes as a plain array is the oracle of what gl_seq_track() may say. */
struct oracle {
	u8 seen[64];
	u32 nxt;
};

static u32 oracle_runs(const struct oracle *o)
{
	u32 runs = 0;

	for (u32 i = o->nxt; i + 1 < sizeof(o->seen); i++)
		runs += !o->seen[i] && o->seen[i + 1];
	return runs;
}

static u32 oracle_see(struct oracle *o, u32 seq, u32 end)
{
	struct oracle was = *o;

	memset(o->seen + seq, 1, end - seq);
	while (o->nxt < sizeof(o->seen) && o->seen[o->nxt])
		o->nxt++;
	if (oracle_runs(o) > 1) {
		*o = was;
		return GL_SEQ_LOST;
	}
	return o->nxt - was.nxt;
}

static void agrees_with_a_set_of_bytes(void **state)
{
	u32 base = 0xffffffe0, random = 12345;

	(void)state;
	for (u32 round = 0; round < 20000; round++) {
		struct oracle o = { 0 };
		u32 nxt = base, start = 0, end_ = 0;

		for (u32 i = 0; i < 8; i++) {
			u32 seq, end, want;

			random = random * 1664525 + 1013904223;
			seq = (random >> 8) % 48;
			end = seq + 1 + (random >> 20) % 15;
			want = oracle_see(&o, seq, end);
			assert_int_equal(gl_seq_track(&nxt, &start, &end_, base + seq, base + end),
					 want);
			assert_int_equal(nxt, base + o.nxt);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_over_the_wrap),
		cmocka_unit_test(max_is_the_later),
		cmocka_unit_test(within_is_half_open),
		cmocka_unit_test(tracks_holes),
		cmocka_unit_test(tracks_holes_over_the_wrap),
		cmocka_unit_test(agrees_with_a_set_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
