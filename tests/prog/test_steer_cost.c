// SPDX-License-Identifier: Apache-2.0
/*
 * What one packet costs in from_pod and to_pod, printed and not asserted: best and median of many single runs, so that each packet
 * is the one that a conversation would see next. The clock that the kernel reads around a run is in it: compare with the
 * unrelated packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prog/pkt_talk.h"

#define RUNS 3000

struct cost {
	uint32_t ns[RUNS];
	uint32_t n;
};

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_cost(struct cost *cost, const char *what)
{
	qsort(cost->ns, cost->n, sizeof(cost->ns[0]), by_size);
	print_message("%-44s best %5u ns, median %5u ns\n", what, cost->ns[0],
		      cost->ns[cost->n / 2]);
}

static void add(struct cost *cost, struct pkt_talk *t, struct pkt pkt)
{
	if (cost->n < RUNS)
		cost->ns[cost->n++] = rig_cost(t->rig, &pkt);
}

static void one(struct pkt_talk *t, struct pkt pkt, const char *what)
{
	static struct cost cost;

	cost.n = 0;
	for (uint32_t i = 0; i < RUNS; i++)
		add(&cost, t, pkt);
	print_cost(&cost, what);
}

/* Requests and answers of @len bytes on the leg to @side, one behind the other; @gray: they ask for it. */
static void exchange(struct pkt_talk *t, uint8_t side, uint32_t seq, uint32_t ack, uint32_t shift,
		     uint32_t len, bool gray)
{
	static struct cost request_cost, response_cost, ack_cost;
	uint8_t request[800], answer[800];
	char what[100];
	uint32_t requests = (uint32_t)talk_conn(t).requests;

	talk_request(request, len, gray);
	talk_answer(answer, len, len - 80);
	request_cost.n = response_cost.n = ack_cost.n = 0;
	for (uint32_t i = 0; i < RUNS; i++, seq += len, ack += len) {
		add(&request_cost, t, talk_pkt(t, POD, FRONT, PSH_ACK, seq, ack, request, len));
		add(&response_cost, t,
		    talk_pkt(t, side, POD, PSH_ACK, ack + shift, seq + len, answer, len));
		add(&ack_cost, t, talk_pkt(t, POD, FRONT, ACK, seq + len, ack + len, NULL, 0));
	}
	/* They were all what they seem to be. */
	assert_int_equal(talk_conn(t).requests, requests + RUNS);
	assert_false(talk_conn(t).flags & GL_CONN_PINNED);
	snprintf(what, sizeof(what), "%s request, %u bytes, from_pod",
		 gray ? "translated" : "native", len);
	print_cost(&request_cost, what);
	snprintf(what, sizeof(what), "%s response, %u bytes, to_pod",
		 gray ? "translated" : "native", len);
	print_cost(&response_cost, what);
	snprintf(what, sizeof(what), "%s ACK of it, from_pod", gray ? "translated" : "native");
	print_cost(&ack_cost, what);
}

static void what_packets_cost(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	t.ts = t.sack_ok = true;
	t.ws = 8;
	talk_open(&t);
	one(&t, talk_pkt(&t, POD, OTHER, ACK, 1, 1, NULL, 0), "unrelated, from_pod");
	one(&t, talk_pkt(&t, OTHER, POD, ACK, 1, 1, NULL, 0), "unrelated, to_pod");
	one(&t, talk_pkt(&t, POD, FRONT, ACK, 1001, 5001, NULL, 0), "native pure ACK, from_pod");
	one(&t, talk_pkt(&t, FRONT, POD, ACK, 5001, 1001, NULL, 0), "native pure ACK, to_pod");
	exchange(&t, FRONT, 1001, 5001, 0, 200, false);
	exchange(&t, FRONT, 1001 + RUNS * 200, 5001 + RUNS * 200, 0, 800, false);

	talk_begin(&t, rig_begin(state, false));
	t.ts = t.sack_ok = true;
	t.ws = 8;
	talk_scenario(&t);
	t.tsecr[POD] = t.tsval[GRAY];
	rig_cost(t.rig, &(struct pkt){ .from = GRAY,
				       .to = POD,
				       .flags = PSH_ACK,
				       .seq = 90001,
				       .ack = 1111,
				       .win = 500,
				       .data = t.a1,
				       .len = 100 });
	one(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0),
	    "translated pure ACK, from_pod");
	one(&t, talk_pkt(&t, GRAY, POD, ACK, 90101, 1111, NULL, 0), "translated pure ACK, to_pod");
	exchange(&t, GRAY, 1111, 5201, 84900, 200, true);
	exchange(&t, GRAY, 1111 + RUNS * 200, 5201 + RUNS * 200, 84900, 800, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_packets_cost),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
