// SPDX-License-Identifier: Apache-2.0
/*
 * What the programs leave alone, refuse or count: odd packets, marks, full tables, a stopped agent, endpoints that cannot be
 * had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "graylink/reason.h"
#include "prog/pkt_talk.h"

static struct pkt odd(struct pkt pkt, uint8_t what)
{
	pkt.odd = what;
	return pkt;
}

/* A packet that cannot be translated passes while nothing was, and is dropped afterwards; both are counted. */
static void odd_packets_pass_until_something_was_translated(void **state)
{
	static const struct {
		uint8_t odd;
		uint8_t cause;
	} rows[] = {
		{ PKT_IP_OPTIONS, GL_UNSTEERED_IP_OPTIONS },
		{ PKT_FRAGMENT, GL_UNSTEERED_FRAGMENT },
		{ PKT_SHORT, GL_UNSTEERED_IP_OPTIONS },
	};

	for (uint32_t i = 0; i < 6; i++) {
		const uint8_t what = rows[i / 2].odd;
		struct pkt_talk t;

		talk_begin(&t, rig_begin(state, i & 1));
		talk_open(&t);
		talk_pass(&t, odd(talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5001, t.r1, 20), what));
		talk_pass(&t, odd(talk_pkt(&t, FRONT, POD, ACK, 5001, 1001, t.a1, 20), what));
		assert_int_equal(rig_count(t.rig, GL_SERIES_UNSTEERED, rows[i / 2].cause), 2);
		assert_int_equal(rig_count(t.rig, GL_SERIES_DROPS, -1), 0);

		talk_begin(&t, rig_begin(state, i & 1));
		talk_scenario(&t);
		talk_drop(&t, odd(talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5101, t.r1, 20), what));
		talk_drop(&t, odd(talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 20), what));
		talk_drop(&t, odd(talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1051, t.a1, 20), what));
		assert_int_equal(rig_count(t.rig, GL_SERIES_DROPS, GL_DROP_PARSE), 3);
	}
}

/* A held head is a translation, too. */
static void odd_packets_are_dropped_once_a_byte_was_held(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5001, t.r1, 20), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5001,
				  .ack = 1021,
				  .win = 64000 });
	talk_drop(&t, odd(talk_pkt(&t, POD, FRONT, PSH_ACK, 1021, 5001, t.r1 + 20, 30),
			  PKT_IP_OPTIONS));
}

static void later_fragments_pass(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_pass(&t, odd(talk_pkt(&t, POD, FRONT, ACK, 1111, 5101, t.r1, 50), PKT_FRAGMENT_LATER));
}

static void a_syn_with_md5_is_not_steered(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, true));
	talk_pass(&t, odd(talk_pkt(&t, POD, FRONT, GL_TCP_SYN, 1000, 0, NULL, 0), PKT_MD5));
	assert_int_equal(rig_conns(t.rig), 0);
	assert_int_equal(rig_count(t.rig, GL_SERIES_UNSTEERED, GL_UNSTEERED_TCP_OPTIONS), 1);
}

#define OWN	(1U << GL_MARK_SHIFT)
#define FOREIGN 0x0000c0ffU

static void our_mark_passes_once_and_is_cleared(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	rig_mark(t.rig, OWN | FOREIGN);
	/* made by us: not looked at again, in either program */
	talk_pass(&t, talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
	assert_int_equal(rig_mark_out(t.rig), FOREIGN);
	talk_pass(&t, talk_pkt(&t, FRONT, POD, ACK, 5101, 1111, NULL, 0));
	assert_int_equal(rig_mark_out(t.rig), FOREIGN);
	/* another instance's: a packet like any other */
	rig_mark(t.rig, OWN << 1 | FOREIGN);
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90001, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5101, 1111, NULL, 0));
	assert_int_equal(rig_mark_out(t.rig), OWN << 1 | FOREIGN);
}

static void what_is_redirected_carries_our_mark(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	rig_mark(t.rig, FOREIGN);
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5001, t.r2, 20), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5001,
				  .ack = 1021,
				  .win = 64000 });
	assert_int_equal(rig_mark_out(t.rig), OWN | FOREIGN);
	rig_run(t.rig, &(struct pkt){ .from = POD,
				      .to = FRONT,
				      .flags = PSH_ACK,
				      .seq = 1021,
				      .ack = 5001,
				      .win = 500,
				      .data = t.r2 + 20,
				      .len = 40 });
	assert_int_equal(rig_mark_out(t.rig), FOREIGN);
	t.win[POD] = 500;
	assert_int_equal(rig_run(t.rig, &(struct pkt){ .from = GRAY,
						       .to = POD,
						       .flags = SYN_ACK,
						       .seq = 90000,
						       .ack = 1001,
						       .win = 64000,
						       .mss = 1460 }),
			 RIG_REDIRECT);
	assert_int_equal(rig_mark_out(t.rig), OWN | FOREIGN);
}

static void unsteered(void **state, uint8_t cause, void (*prepare)(struct rig *rig))
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	prepare(t.rig);
	talk_open(&t);
	talk_base(&t, true);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60));
	assert_int_equal(rig_conns(t.rig), 0);
	assert_int_equal(rig_count(t.rig, GL_SERIES_UNSTEERED, cause), 1);
}

static void fill_veth(struct rig *rig)
{
	rig_veth(rig, GL_VETH_CONNS_MAX, 0);
}

static void a_veth_has_its_share_of_connections(void **state)
{
	unsteered(state, GL_UNSTEERED_TABLE_FULL, fill_veth);
}

static void bypass(struct rig *rig)
{
	rig_controls(rig, &(struct gl_controls){ .bypass = 1 });
}

static void drain(struct rig *rig)
{
	rig_controls(rig, &(struct gl_controls){ .draining = 1 });
}

static void bypass_and_drain_steer_nothing_new(void **state)
{
	unsteered(state, GL_UNSTEERED_BYPASS, bypass);
	unsteered(state, GL_UNSTEERED_BYPASS, drain);
}

static void stale(struct rig *rig)
{
	rig_controls(rig, &(struct gl_controls){ .heartbeat_ns = 1, .stale_after_ns = 1 });
}

static void without_an_agent_nothing_new_is_steered(void **state)
{
	unsteered(state, GL_UNSTEERED_STALE, stale);
}

/* On open connections: the next request is base, the leg stays as it is. */
static void a_stop_sends_the_next_request_to_base(void **state)
{
	static void (*const stops[])(struct rig *rig) = { bypass, drain, stale };

	for (uint32_t i = 0; i < 3; i++) {
		struct pkt_talk t;
		struct pkt want;

		talk_begin(&t, rig_begin(state, i & 1));
		talk_scenario(&t);
		stops[i](t.rig);
		/* the one that is being answered goes on */
		talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
			    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
		want = talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60);
		talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5201, t.r2, 60), RIG_PASS,
			    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
		rig_expect_clone(t.rig, &want);
	}
}

/* A gray request for which no leg can be had goes to base untouched, counted. */
static void without_a_leg_base_serves(void **state)
{
	static const uint8_t causes[] = { GL_FALLBACK_SLOTS, GL_FALLBACK_TUPLE,
					  GL_FALLBACK_BACKOFF };

	for (uint32_t i = 0; i < 6; i++) {
		struct pkt_talk t;

		talk_begin(&t, rig_begin(state, i & 1));
		talk_open(&t);
		talk_base(&t, true);
		if (i / 2 == 0)
			rig_no_slots(t.rig);
		else if (i / 2 == 1)
			rig_claim(t.rig, GRAY);
		else
			rig_fail(t.rig, GRAY, true);
		talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60));
		assert_int_equal(rig_count(t.rig, GL_SERIES_FALLBACKS, causes[i / 2]), 1);
		assert_false(talk_conn(&t).flags & (GL_CONN_TRANSLATED | GL_CONN_PINNED));
		assert_int_equal(rig_tuples(t.rig), i / 2 == 1);
	}
}

static void a_head_in_parts_without_a_slot_pins(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	rig_no_slots(t.rig);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5001, t.r2, 20));
	assert_int_equal(rig_count(t.rig, GL_SERIES_PINNED, GL_PIN_SLOTS), 1);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1021, 5001, t.r2 + 20, 40));
}

static void a_veth_has_its_share_of_slots(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	talk_base(&t, true);
	rig_veth(t.rig, 1, GL_VETH_SLOTS_MAX);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60));
	assert_int_equal(rig_count(t.rig, GL_SERIES_FALLBACKS, GL_FALLBACK_SLOTS), 1);
}

static void no_fallback_means_reset(void **state)
{
	struct pkt_talk t;

	for (int v6 = 0; v6 < 2; v6++) {
		talk_begin(&t, rig_begin(state, v6));
		rig_policy(t.rig, false, "      fallback: None\n");
		talk_open(&t);
		talk_base(&t, true);
		talk_gray_syn(&t);
		talk_change(&t, talk_pkt(&t, GRAY, POD, RST_ACK, 0, 1051, NULL, 0), RIG_PASS,
			    (struct pkt){ .from = FRONT,
					  .to = POD,
					  .flags = RST_ACK,
					  .seq = 5101,
					  .ack = 1111 });
		assert_int_equal(rig_conns(t.rig), 0);
		assert_int_equal(rig_tuples(t.rig), 0);
		assert_int_equal(rig_slots(t.rig), 0);
	}
}

/* The pod dials gray itself, from the port that one of its legs uses. */
static void a_dial_to_a_claimed_tuple_waits(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_drop(&t, talk_syn(&t, POD, GRAY, GL_TCP_SYN, 77000, 0));
	assert_int_equal(rig_count(t.rig, GL_SERIES_DROPS, GL_DROP_TUPLE), 1);
}

/* T15: the only gray endpoint is the caller itself. */
static void t15_a_pod_is_never_sent_to_itself(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	rig_release(
		t.rig,
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v3, namespace: shop}\nspec:\n"
		"  entries: [{service: web, match: [{headers: [{name: x-lane, value: v3}]}]}]\n"
		"  services: [{name: web, frontends: [\"10.96.0.10:80\", \"[fd00:96::10]:80\"], gray: {addresses: [\"10.77.0.11:8080\"]}}]\n");
	talk_open(&t);
	t.r2[36] = '3';
	talk_base(&t, true);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60));
	/* R1, too: the caller is an endpoint of v3, so that its requests without a rule are of that lane. */
	assert_int_equal(rig_count(t.rig, GL_SERIES_FALLBACKS, GL_FALLBACK_SELF), 2);
}

/* One address serves two lanes: the leg of the other lane is open and stays what it is. */
static void an_endpoint_of_two_lanes_is_never_opened_twice(void **state)
{
	struct pkt_talk t;
	struct gl_conn before, after;

	talk_begin(&t, rig_begin(state, false));
	rig_release(
		t.rig,
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v3, namespace: shop}\nspec:\n"
		"  entries: [{service: web, match: [{headers: [{name: x-lane, value: v3}]}]}]\n"
		"  services: [{name: web, frontends: [\"10.96.0.10:80\", \"[fd00:96::10]:80\"], gray: {addresses: [\"10.77.0.12:8080\"]}}]\n");
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
	before = talk_conn(&t);
	t.r2[36] = '3';
	assert_int_equal(rig_run(t.rig, &(struct pkt){ .from = POD,
						       .to = FRONT,
						       .flags = PSH_ACK,
						       .seq = 1111,
						       .ack = 5201,
						       .win = 500,
						       .data = t.r2,
						       .len = 60 }),
			 RIG_PASS);
	after = talk_conn(&t);
	/* Whoever serves it: the open leg's numbers are those of the connection that the server has. */
	assert_int_equal(after.leg[1].isn, before.leg[1].isn);
	assert_int_equal(after.leg[1].snd_nxt, before.leg[1].snd_nxt);
	assert_int_equal(after.leg[1].state, GL_LEG_OPEN);
}

static void two_requests_in_one_packet_stay_together(void **state)
{
	struct pkt_talk t;
	uint8_t both[110];

	talk_begin(&t, rig_begin(state, false));
	memcpy(both, t.r1, 50);
	memcpy(both + 50, t.r2, 60);
	talk_open(&t);
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5001, both, 110));
	assert_int_equal(rig_count(t.rig, GL_SERIES_PINNED, GL_PIN_PIPELINED), 1);
	assert_false(talk_conn(&t).flags & GL_CONN_TRANSLATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_packets_pass_until_something_was_translated),
		cmocka_unit_test(odd_packets_are_dropped_once_a_byte_was_held),
		cmocka_unit_test(later_fragments_pass),
		cmocka_unit_test(a_syn_with_md5_is_not_steered),
		cmocka_unit_test(our_mark_passes_once_and_is_cleared),
		cmocka_unit_test(what_is_redirected_carries_our_mark),
		cmocka_unit_test(a_veth_has_its_share_of_connections),
		cmocka_unit_test(bypass_and_drain_steer_nothing_new),
		cmocka_unit_test(without_an_agent_nothing_new_is_steered),
		cmocka_unit_test(a_stop_sends_the_next_request_to_base),
		cmocka_unit_test(without_a_leg_base_serves),
		cmocka_unit_test(a_head_in_parts_without_a_slot_pins),
		cmocka_unit_test(a_veth_has_its_share_of_slots),
		cmocka_unit_test(no_fallback_means_reset),
		cmocka_unit_test(a_dial_to_a_claimed_tuple_waits),
		cmocka_unit_test(t15_a_pod_is_never_sent_to_itself),
		cmocka_unit_test(an_endpoint_of_two_lanes_is_never_opened_twice),
		cmocka_unit_test(two_requests_in_one_packet_stay_together),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
