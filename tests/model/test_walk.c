// SPDX-License-Identifier: Apache-2.0
/*
 * The connection machine in every state that a small world can bring it to. What is proven in each state of each plan:
 *	the client's stream reaches servers in order, every byte once, a request never in parts; answers likewise
 *	the client is told that a byte may be forgotten only while a server or a slot has it
 *	base requests go to base; gray ones to gray unless something went wrong or the connection is pinned
 *	packets of never-translated connections pass as they are
 *	a slot has one owner and is given back once; a live leg holds its tuple, a dead connection none
 *	without a server's fault every request is answered, and nobody is reset or sees a FIN
 *	from every state the conversation can end, with nothing further going wrong; where only the agent's sweeper ends it (the
 *	last ACK of an idle leg was lost), the client's socket is gone
 * and at last: every row of the table of core/leg.h was asked for, or it is known why not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/walk.h"

static const struct plan plans[] = {
	{ .name = "two losses",
	  .requests = 3,
	  .lane = { 0, 1, 0 },
	  .budget = { .loss = 2, .pod = 1 } },
	{ .name = "loss and duplication",
	  .requests = 3,
	  .lane = { 0, 1, 0 },
	  .budget = { .loss = 1, .dup = 1, .pod = 1 } },
	{ .name = "two duplicates", .requests = 2, .lane = { 1, 0 }, .budget = { .dup = 2 } },
	{ .name = "bodies in parts",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .body = { 1, 0 },
	  .answer = { 1, 0 },
	  .cuts = 1,
	  .answer_cuts = 1,
	  .budget = { .loss = 1, .pod = 1 } },
	{ .name = "answer heads in parts",
	  .requests = 2,
	  .lane = { 0, 1 },
	  .answer = { 1, 0 },
	  .answer_cuts = 1,
	  .long_heads = 1,
	  .budget = { .loss = 1, .dup = 1 } },
	{ .name = "heads in parts, sent again",
	  .requests = 2,
	  .lane = { 0, 1 },
	  .cuts = 1,
	  .budget = { .spur = 1, .loss = 1 } },
	{ .name = "refusal and silence",
	  .requests = 3,
	  .lane = { 0, 1, 1 },
	  .budget = { .refuse = 2, .silent = 1 } },
	{ .name = "no fallback",
	  .requests = 2,
	  .lane = { 0, 1 },
	  .cuts = 1,
	  .none = 1,
	  .budget = { .loss = 1, .refuse = 2, .silent = 1 } },
	{ .name = "a server closes, a packet is lost",
	  .requests = 3,
	  .lane = { 0, 1, 0 },
	  .budget = { .close = 1, .loss = 1 } },
	{ .name = "two servers close",
	  .requests = 3,
	  .lane = { 1, 0, 1 },
	  .budget = { .close = 2 } },
	{ .name = "a server resets",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .other_first = 1,
	  .budget = { .reset = 1, .loss = 1 } },
	{ .name = "the client closes early",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .budget = { .early = 1, .loss = 1 } },
	{ .name = "the client closes amid a head",
	  .requests = 2,
	  .lane = { 0, 1 },
	  .cuts = 1,
	  .budget = { .early = 1 } },
	{ .name = "the client resets",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .budget = { .abort = 1, .loss = 1 } },
	{ .name = "new connections to gray",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .syn_lane = 1,
	  .budget = { .refuse = 2, .silent = 1, .loss = 1 } },
	{ .name = "pipelining",
	  .requests = 2,
	  .lane = { 0, 1 },
	  .cuts = 1,
	  .pipeline = 1,
	  .budget = { .loss = 1 } },
	{ .name = "two processors", .requests = 2, .lane = { 0, 1 }, .budget = { .race = 1 } },
	{ .name = "two processors, sent again",
	  .requests = 2,
	  .lane = { 1, 0 },
	  .budget = { .race = 1, .spur = 1 } },
};
#define PLANS (sizeof(plans) / sizeof(plans[0]))

/* What the walks have found; two processes share them. */
static struct shared {
	u32 next;
	struct walk_result result[PLANS];
	double seconds[PLANS];
	u8 row[GL_LEG_CLOSED + 1][GL_LEG_EV_COUNT];
} *shared;

static void walk_some(void)
{
	struct timespec from, to;
	u32 i;

	while ((i = __sync_fetch_and_add(&shared->next, 1)) < PLANS) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		shared->result[i] = walk(&plans[i]);
		clock_gettime(CLOCK_MONOTONIC, &to);
		shared->seconds[i] = (double)(to.tv_sec - from.tv_sec) +
				     (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	}
	for (u32 state = 0; state <= GL_LEG_CLOSED; state++)
		for (u32 event = 0; event < GL_LEG_EV_COUNT; event++)
			if (world_row(state, event))
				shared->row[state][event] = 1;
	fflush(stdout);
}

static int walk_all(void **state)
{
	pid_t child;
	int status;

	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return -1;
	child = fork();
	if (child < 0)
		return -1;
	walk_some();
	if (!child)
		_exit(0);
	return waitpid(child, &status, 0) == child && !status ? 0 : -1;
}

/* Rows that no packet asks for, and why. */
static const struct {
	u8 state;
	u8 event;
	const char *why;
} unreachable[] = {
#define ROW(state, event, why) \
	{ \
		GL_LEG_##state, GL_LEG_EV_##event, why \
	}
	ROW(NONE, SYNACK, "server.h asks only of a leg that opens"),
	ROW(NONE, TICK, "the active leg was opened, or is base's"),
	ROW(NONE, SILENT, "server.h and open.h ask only of a leg that opens"),
	ROW(NONE, REFUSED, "server.h asks only of a leg that opens"),
	ROW(NONE, STALE, "server.h asks only of a leg that opens"),
	ROW(NONE, RST, "server.h asks only of an open leg"),
	ROW(NONE, CLOSE, "legs that were never opened are skipped"),
	ROW(NONE, ABORT, "legs that were never opened are skipped"),
	ROW(NONE, IDLE_ACK, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(NONE, IDLE_DATA, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(NONE, IDLE_FIN, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(NONE, IDLE_FIN_OWN, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(NONE, IDLE_RST, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(NONE, IDLE_OVER, "a leg that was never opened has no tuple; base's packets pass"),
	ROW(OPENING, OPEN,
	    "a leg that opens is the active one, and takes no request before it has"),
	ROW(OPENING, RST, "server.h asks only of an open leg"),
	ROW(OPENING, CLOSE, "a leg that opens is the active one: a FIN waits for it"),
	ROW(OPENING, ABORT,
	    "a leg that opens is the active one, which the client's own RST reaches"),
	ROW(OPENING, IDLE_ACK, "a leg that opens is never idle"),
	ROW(OPENING, IDLE_DATA, "a leg that opens is never idle"),
	ROW(OPENING, IDLE_FIN, "a leg that opens is never idle"),
	ROW(OPENING, IDLE_FIN_OWN, "a leg that opens is never idle"),
	ROW(OPENING, IDLE_RST, "a leg that opens is never idle"),
	ROW(OPENING, IDLE_OVER, "a leg that opens is never idle"),
	ROW(OPEN, OPEN, "an open leg is switched to, not opened"),
	ROW(OPEN, SYNACK, "server.h asks only of a leg that opens"),
	ROW(OPEN, SILENT, "only a leg that opens can be silent"),
	ROW(OPEN, REFUSED, "server.h asks only of a leg that opens"),
	ROW(OPEN, STALE, "server.h asks only of a leg that opens"),
	ROW(OPEN, IDLE_FIN_OWN, "no FIN of ours is on its way"),
	ROW(OPEN, IDLE_OVER, "no FIN of ours is on its way"),
	ROW(CLOSING, SYNACK, "server.h asks only of a leg that opens"),
	ROW(CLOSING, TICK, "a leg that closes is never the active one"),
	ROW(CLOSING, SILENT, "a leg that closes is never the active one"),
	ROW(CLOSING, REFUSED, "server.h asks only of a leg that opens"),
	ROW(CLOSING, STALE, "server.h asks only of a leg that opens"),
	ROW(CLOSING, RST, "a leg that closes is never the active one"),
	ROW(CLOSED, SYNACK, "server.h asks only of a leg that opens"),
	ROW(CLOSED, TICK, "what closes the active leg, an RST, gives the slot back"),
	ROW(CLOSED, SILENT, "only a leg that opens can be silent"),
	ROW(CLOSED, REFUSED, "server.h asks only of a leg that opens"),
	ROW(CLOSED, STALE, "server.h asks only of a leg that opens"),
	ROW(CLOSED, RST, "server.h asks only of an open leg"),
	ROW(CLOSED, CLOSE, "closed legs are skipped"),
	ROW(CLOSED, ABORT, "closed legs are skipped"),
	ROW(CLOSED, IDLE_FIN_OWN, "only a leg that closes knows a FIN of its own"),
	ROW(CLOSED, IDLE_OVER, "only a leg that closes knows a FIN of its own"),
#undef ROW
};

static void every_row_is_asked_for_or_known_why_not(void **state)
{
	static const char *const states[] = { "NONE", "OPENING", "OPEN", "CLOSING", "CLOSED" };
	u32 bad = 0, seen = 0;

	(void)state;
	for (u32 s = 0; s <= GL_LEG_CLOSED; s++) {
		for (u32 e = 0; e < GL_LEG_EV_COUNT; e++) {
			const char *why = NULL;

			for (u32 i = 0; i < sizeof(unreachable) / sizeof(unreachable[0]); i++)
				if (unreachable[i].state == s && unreachable[i].event == e)
					why = unreachable[i].why;
			seen += shared->row[s][e];
			if (shared->row[s][e] != !why) {
				print_message("%s, event %u: %s\n", states[s], e,
					      why ? "was asked for" : "was not asked for");
				bad++;
			}
		}
	}
	print_message("%u rows of %u\n", seen, (GL_LEG_CLOSED + 1) * GL_LEG_EV_COUNT);
	assert_int_equal(bad, 0);
}

static void promises_hold(void **state)
{
	const struct plan *plan = *state;
	u32 i = plan - plans;
	const struct walk_result *r = &shared->result[i];

	print_message(
		"%s: %u states, depth %u, %llu steps, %u ends, %u left to the sweeper, %.1f s\n",
		plan->name, r->states, r->depth, (unsigned long long)r->steps, r->ends, r->swept,
		shared->seconds[i]);
	assert_true(r->states > 100);
	assert_true(r->ok);
}

int main(void)
{
	static struct CMUnitTest tests[PLANS + 1];
	u32 i;

	for (i = 0; i < PLANS; i++)
		tests[i] = (struct CMUnitTest){ plans[i].name, promises_hold, NULL, NULL,
						(void *)&plans[i] };
	tests[i] = (struct CMUnitTest)cmocka_unit_test(every_row_is_asked_for_or_known_why_not);
	return cmocka_run_group_tests(tests, walk_all, NULL);
}
