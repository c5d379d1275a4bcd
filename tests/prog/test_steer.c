// SPDX-License-Identifier: Apache-2.0
/*
 * The programs of bpf/steer.bpf.c, packet by packet: native, switching, replay, holding, closing. Each packet that comes
 * out is compared whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "graylink/reason.h"
#include "prog/pkt_talk.h"

/* Each test is run for both families. */
static void for_both(void **state, void (*test)(struct pkt_talk *t))
{
	struct pkt_talk t;

	for (int v6 = 0; v6 < 2; v6++) {
		talk_begin(&t, rig_begin(state, v6));
		test(&t);
	}
}

#define BOTH(name)                             \
	static void name(void **state)         \
	{                                      \
		for_both(state, name##_check); \
	}

static void a_syn_to_a_frontend_makes_a_connection_check(struct pkt_talk *t)
{
	t->ts = t->sack_ok = true;
	t->ws = 8;
	talk_pass(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0));
	assert_int_equal(rig_conns(t->rig), 1);
	assert_int_equal(talk_conn(t).isn, 1000);
	assert_int_equal(rig_count(t->rig, GL_SERIES_CONNS_OPENED, -1), 1);
	/* again: the same connection */
	talk_pass(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0));
	assert_int_equal(rig_count(t->rig, GL_SERIES_CONNS_OPENED, -1), 1);
}
BOTH(a_syn_to_a_frontend_makes_a_connection)

static void other_traffic_passes_and_leaves_no_state_check(struct pkt_talk *t)
{
	talk_pass(t, talk_syn(t, POD, OTHER, GL_TCP_SYN, 1000, 0));
	talk_pass(t, talk_syn(t, OTHER, POD, SYN_ACK, 5000, 1001));
	talk_pass(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r2, 60));
	talk_pass(t, talk_pkt(t, FRONT, POD, PSH_ACK, 5001, 1061, t->a1, 100));
	assert_int_equal(rig_conns(t->rig), 0);
	assert_int_equal(rig_count(t->rig, GL_SERIES_UNSTEERED, -1), 0);
}
BOTH(other_traffic_passes_and_leaves_no_state)

static void native_requests_pass_and_are_counted_check(struct pkt_talk *t)
{
	struct gl_conn conn;

	talk_open(t);
	talk_base(t, true);
	conn = talk_conn(t);
	assert_int_equal(conn.requests, 1);
	assert_false(conn.flags & (GL_CONN_TRANSLATED | GL_CONN_PINNED));
	assert_int_equal(rig_count(t->rig, GL_SERIES_REQUESTS, GL_REASON_DEFAULT), 1);
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(native_requests_pass_and_are_counted)

static void a_native_connection_ends_check(struct pkt_talk *t)
{
	talk_open(t);
	talk_base(t, true);
	talk_pass(t, talk_pkt(t, POD, FRONT, FIN_ACK, 1051, 5101, NULL, 0));
	talk_pass(t, talk_pkt(t, FRONT, POD, FIN_ACK, 5101, 1052, NULL, 0));
	assert_int_equal(rig_conns(t->rig), 1);
	talk_pass(t, talk_pkt(t, POD, FRONT, ACK, 1052, 5102, NULL, 0));
	assert_int_equal(rig_conns(t->rig), 0);
	assert_int_equal(rig_count(t->rig, GL_SERIES_CONNS_CLOSED, -1), 1);
}
BOTH(a_native_connection_ends)

/* The SYN to gray has exactly the options that the client and base agreed on. */
static void a_gray_request_becomes_a_syn_with_the_options_agreed_on(void **state)
{
	for (uint32_t i = 0; i < 16; i++) {
		struct pkt_talk t;

		talk_begin(&t, rig_begin(state, i & 8));
		t.ts = i & 1;
		t.sack_ok = i & 2;
		t.ws = i & 4 ? 8 : 0;
		talk_scenario(&t);
		assert_int_equal(rig_tuples(t.rig), 1);
		assert_int_equal(rig_slots(t.rig), 1);
		assert_int_equal(rig_count(t.rig, GL_SERIES_LEGS_OPENED, -1), 1);
	}
}

/* What the client offered and base did not take is not offered to gray. */
static void options_that_base_refused_are_not_offered_check(struct pkt_talk *t)
{
	struct pkt syn;

	t->ts = t->sack_ok = true;
	t->ws = 8;
	talk_pass(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0));
	t->ts = t->sack_ok = false;
	t->ws = 0;
	talk_pass(t, talk_syn(t, FRONT, POD, SYN_ACK, 5000, 1001));
	talk_pass(t, talk_pkt(t, POD, FRONT, ACK, 1001, 5001, NULL, 0));
	syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1000, 0);
	syn.win = 500;
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r2, 60), RIG_PASS, syn);
}
BOTH(options_that_base_refused_are_not_offered)

static void a_request_that_acknowledges_the_answer_owes_base_an_ack_check(struct pkt_talk *t)
{
	struct pkt want;

	t->ts = true;
	talk_open(t);
	talk_base(t, false);
	talk_gray_syn(t);
	want = talk_pkt(t, POD, FRONT, ACK, 1051, 5101, NULL, 0);
	rig_expect_clone(t->rig, &want);
}
BOTH(a_request_that_acknowledges_the_answer_owes_base_an_ack)

static void both_directions_are_translated_check(struct pkt_talk *t)
{
	struct pkt want;

	talk_scenario(t);
	/* gray's answer: 90001 is the client's 5101 */
	talk_change(t, talk_pkt(t, GRAY, POD, PSH_ACK, 90001, 1111, t->a1, 100), RIG_PASS,
		    talk_pkt(t, FRONT, POD, PSH_ACK, 5101, 1111, t->a1, 100));
	talk_change(t, talk_pkt(t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
	assert_int_equal(rig_slots(t->rig), 0);
	/* R3 goes back to base, whose numbers have stood still */
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1111, 5201, t->r1, 50), RIG_PASS,
		    talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r1, 50));
	talk_change(t, talk_pkt(t, FRONT, POD, PSH_ACK, 5101, 1101, t->a1, 100), RIG_PASS,
		    talk_pkt(t, FRONT, POD, PSH_ACK, 5201, 1161, t->a1, 100));
	/* R4 to gray, whose leg is open, acknowledges base's answer, too: base gets an ACK of its own */
	want = talk_pkt(t, POD, GRAY, PSH_ACK, 1111, 90101, t->r2, 60);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1161, 5301, t->r2, 60), RIG_PASS,
		    talk_pkt(t, POD, FRONT, ACK, 1101, 5201, NULL, 0));
	rig_expect_clone(t->rig, &want);
	assert_int_equal(rig_count(t->rig, GL_SERIES_REQUESTS, -1), 3);
	assert_int_equal(rig_count(t->rig, GL_SERIES_LEGS_OPENED, -1), 1);
}
BOTH(both_directions_are_translated)

static void a_refused_leg_sends_the_request_to_base_check(struct pkt_talk *t)
{
	talk_open(t);
	talk_base(t, true);
	talk_gray_syn(t);
	talk_change(t, talk_pkt(t, GRAY, POD, RST_ACK, 0, 1051, NULL, 0), RIG_REDIRECT,
		    talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60));
	talk_pass(t, talk_pkt(t, FRONT, POD, PSH_ACK, 5101, 1111, t->a1, 100));
	assert_int_equal(rig_count(t->rig, GL_SERIES_FALLBACKS, GL_FALLBACK_REFUSED), 1);
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(a_refused_leg_sends_the_request_to_base)

static void a_refused_leg_is_tried_at_another_endpoint_first_check(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY2, GL_TCP_SYN, 1050 + 1 + 60 + GL_REOPEN_GAP, 0);

	rig_policy(t->rig, true, "");
	rig_fail(t->rig, GRAY2, true);
	talk_open(t);
	talk_base(t, true);
	talk_gray_syn(t);
	rig_fail(t->rig, GRAY2, false);
	syn.win = 500;
	talk_change(t, talk_pkt(t, GRAY, POD, RST_ACK, 0, 1051, NULL, 0), RIG_REDIRECT, syn);
	assert_int_equal(rig_tuples(t->rig), 1);
}
BOTH(a_refused_leg_is_tried_at_another_endpoint_first)

static void a_silent_leg_is_given_up_at_the_client_s_retransmission_check(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1050, 0);

	syn.win = 500;
	talk_open(t);
	talk_base(t, true);
	talk_gray_syn(t);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60), RIG_PASS, syn);
	rig_age(t->rig, GL_OPEN_PATIENCE_MS);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60), RIG_PASS,
		    talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60));
	assert_int_equal(rig_count(t->rig, GL_SERIES_FALLBACKS, GL_FALLBACK_TIMEOUT), 1);
	/* The SYN-ACK that comes now meets a closed leg: reset (RFC 9293, section 3.10.7.1). */
	talk_change(t, talk_syn(t, GRAY, POD, SYN_ACK, 90000, 1051), RIG_REDIRECT,
		    (struct pkt){ .from = POD, .to = GRAY, .flags = GL_TCP_RST, .seq = 1051 });
}
BOTH(a_silent_leg_is_given_up_at_the_client_s_retransmission)

static void saved_bytes_are_sent_again_check(struct pkt_talk *t)
{
	talk_scenario(t);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60), RIG_PASS,
		    talk_pkt(t, POD, GRAY, PSH_ACK, 1051, 90001, t->r2, 60));
	/* acknowledged: the slot is free, the ACK is shown */
	talk_change(t, talk_pkt(t, GRAY, POD, ACK, 90001, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(t, FRONT, POD, ACK, 5101, 1111, NULL, 0));
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(saved_bytes_are_sent_again)

/* A challenge ACK of an old connection is answered by RST, and the client's next try is a SYN again. */
static void a_stale_connection_of_the_server_is_reset_check(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1050, 0);

	syn.win = 500;
	talk_open(t);
	talk_base(t, true);
	talk_gray_syn(t);
	talk_change(t, talk_pkt(t, GRAY, POD, ACK, 333, 777, NULL, 0), RIG_REDIRECT,
		    (struct pkt){ .from = POD, .to = GRAY, .flags = GL_TCP_RST, .seq = 777 });
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60), RIG_PASS, syn);
	talk_gray_accept(t);
}
BOTH(a_stale_connection_of_the_server_is_reset)

static void a_head_in_parts_is_held_and_acknowledged_check(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1000, 0), replay;

	syn.win = 500;
	talk_open(t);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r2, 20), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5001,
				  .ack = 1021,
				  .win = 64000 });
	/* the ACK was lost: the part comes again, with more of it */
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r2, 30), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5001,
				  .ack = 1031,
				  .win = 64000 });
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1031, 5001, t->r2 + 30, 30), RIG_PASS, syn);
	replay = talk_pkt(t, POD, GRAY, PSH_ACK, 1001, 90001, t->r2, 60);
	talk_change(t, talk_syn(t, GRAY, POD, SYN_ACK, 90000, 1001), RIG_REDIRECT, replay);
	assert_int_equal(rig_slots(t->rig), 1);
	talk_change(t, talk_pkt(t, GRAY, POD, PSH_ACK, 90001, 1061, t->a1, 100), RIG_PASS,
		    talk_pkt(t, FRONT, POD, PSH_ACK, 5001, 1061, t->a1, 100));
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(a_head_in_parts_is_held_and_acknowledged)

static void a_held_head_for_base_goes_out_of_the_slot_check(struct pkt_talk *t)
{
	talk_open(t);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r1, 20), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5001,
				  .ack = 1021,
				  .win = 64000 });
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1021, 5001, t->r1 + 20, 30), RIG_PASS,
		    talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r1, 50));
	talk_pass(t, talk_pkt(t, FRONT, POD, PSH_ACK, 5001, 1051, t->a1, 100));
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(a_held_head_for_base_goes_out_of_the_slot)

/* A request of 3000 bytes towards a leg with MSS 1460 (12 of it timestamps): three segments, two of them clones. */
static void long_saved_bytes_go_in_segments_check(struct pkt_talk *t)
{
	static uint8_t request[3000];
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1000, 0), want;

	talk_request(request, sizeof(request), true);
	t->ts = syn.ts = true;
	syn.tsval = 1000;
	syn.win = 500;
	talk_open(t);
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, request, 3000), RIG_PASS, syn);
	t->tsecr[POD] = t->tsval[GRAY];
	want = talk_pkt(t, POD, GRAY, PSH_ACK, 1001 + 2 * 1448, 90001, request + 2 * 1448,
			3000 - 2 * 1448);
	talk_change(t, talk_syn(t, GRAY, POD, SYN_ACK, 90000, 1001), RIG_REDIRECT, want);
	want = talk_pkt(t, POD, GRAY, ACK, 1001, 90001, request, 1448);
	rig_expect_clone(t->rig, &want);
	want = talk_pkt(t, POD, GRAY, ACK, 1001 + 1448, 90001, request + 1448, 1448);
	rig_expect_clone(t->rig, &want);
}
BOTH(long_saved_bytes_go_in_segments)

static void an_idle_leg_s_probe_and_fin_are_answered_check(struct pkt_talk *t)
{
	talk_scenario(t);
	/* base's keep-alive probe: one below its next number */
	talk_change(t, talk_pkt(t, FRONT, POD, ACK, 5100, 1051, NULL, 0), RIG_REDIRECT,
		    talk_pkt(t, POD, FRONT, ACK, 1051, 5101, NULL, 0));
	/* an ACK that says nothing is absorbed */
	talk_drop(t, talk_pkt(t, FRONT, POD, ACK, 5101, 1051, NULL, 0));
	talk_change(t, talk_pkt(t, FRONT, POD, FIN_ACK, 5101, 1051, NULL, 0), RIG_REDIRECT,
		    talk_pkt(t, POD, FRONT, FIN_ACK, 1051, 5102, NULL, 0));
	talk_drop(t, talk_pkt(t, FRONT, POD, ACK, 5102, 1052, NULL, 0));
	assert_int_equal(talk_conn(t).leg[0].state, GL_LEG_CLOSED);
	assert_int_equal(rig_count(t->rig, GL_SERIES_DROPS, -1), 0);
}
BOTH(an_idle_leg_s_probe_and_fin_are_answered)

static void a_fin_closes_every_leg_check(struct pkt_talk *t)
{
	struct pkt want;

	talk_scenario(t);
	talk_change(t, talk_pkt(t, GRAY, POD, PSH_ACK, 90001, 1111, t->a1, 100), RIG_PASS,
		    talk_pkt(t, FRONT, POD, PSH_ACK, 5101, 1111, t->a1, 100));
	/* The packet itself goes as a clone, the note to base takes its place. */
	talk_change(t, talk_pkt(t, POD, FRONT, FIN_ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(t, POD, FRONT, FIN_ACK, 1051, 5101, NULL, 0));
	want = talk_pkt(t, POD, GRAY, FIN_ACK, 1111, 90101, NULL, 0);
	rig_expect_clone(t->rig, &want);
	talk_change(t, talk_pkt(t, FRONT, POD, FIN_ACK, 5101, 1052, NULL, 0), RIG_REDIRECT,
		    talk_pkt(t, POD, FRONT, ACK, 1052, 5102, NULL, 0));
	talk_change(t, talk_pkt(t, GRAY, POD, FIN_ACK, 90101, 1112, NULL, 0), RIG_PASS,
		    talk_pkt(t, FRONT, POD, FIN_ACK, 5201, 1112, NULL, 0));
	talk_change(t, talk_pkt(t, POD, FRONT, ACK, 1112, 5202, NULL, 0), RIG_PASS,
		    talk_pkt(t, POD, GRAY, ACK, 1112, 90102, NULL, 0));
	assert_int_equal(rig_conns(t->rig), 0);
	assert_int_equal(rig_tuples(t->rig), 0);
	assert_int_equal(rig_slots(t->rig), 0);
}
BOTH(a_fin_closes_every_leg)

static void a_port_is_used_again_check(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 7000000, 0);

	talk_scenario(t);
	talk_pass(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 7000000, 0));
	assert_int_equal(rig_conns(t->rig), 1);
	assert_int_equal(rig_tuples(t->rig), 0);
	assert_int_equal(rig_slots(t->rig), 0);
	assert_int_equal(rig_count(t->rig, GL_SERIES_CONNS_CLOSED, -1), 1);
	talk_pass(t, talk_syn(t, FRONT, POD, SYN_ACK, 5000, 7000001));
	syn.win = 500;
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 7000001, 5001, t->r2, 60), RIG_PASS, syn);
}
BOTH(a_port_is_used_again)

/* New connections go to gray where most of the traffic goes: only addresses are rewritten. */
static void a_new_connection_goes_to_the_odds_check(struct pkt_talk *t)
{
	rig_weight(t->rig, 100);
	t->ts = t->sack_ok = true;
	t->ws = t->gray_ws = 8;
	talk_change(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0), RIG_PASS,
		    talk_syn(t, POD, GRAY, GL_TCP_SYN, 1000, 0));
	talk_change(t, talk_syn(t, GRAY, POD, SYN_ACK, 90000, 1001), RIG_PASS, ({
			    struct pkt p = talk_syn(t, FRONT, POD, SYN_ACK, 90000, 1001);

			    p.tsval = t->tsval[GRAY];
			    p;
		    }));
	t->tsecr[POD] = t->tsval[GRAY];
	talk_change(t, talk_pkt(t, POD, FRONT, ACK, 1001, 90001, NULL, 0), RIG_PASS,
		    talk_pkt(t, POD, GRAY, ACK, 1001, 90001, NULL, 0));
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 90001, t->r1, 50), RIG_PASS,
		    talk_pkt(t, POD, GRAY, PSH_ACK, 1001, 90001, t->r1, 50));
}
BOTH(a_new_connection_goes_to_the_odds)

static void a_new_connection_that_is_refused_goes_to_base_check(struct pkt_talk *t)
{
	rig_weight(t->rig, 100);
	talk_change(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0), RIG_PASS,
		    talk_syn(t, POD, GRAY, GL_TCP_SYN, 1000, 0));
	talk_change(t, talk_pkt(t, GRAY, POD, RST_ACK, 0, 1001, NULL, 0), RIG_REDIRECT,
		    talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0));
	talk_pass(t, talk_syn(t, FRONT, POD, SYN_ACK, 5000, 1001));
}
BOTH(a_new_connection_that_is_refused_goes_to_base)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_to_a_frontend_makes_a_connection),
		cmocka_unit_test(other_traffic_passes_and_leaves_no_state),
		cmocka_unit_test(native_requests_pass_and_are_counted),
		cmocka_unit_test(a_native_connection_ends),
		cmocka_unit_test(a_gray_request_becomes_a_syn_with_the_options_agreed_on),
		cmocka_unit_test(options_that_base_refused_are_not_offered),
		cmocka_unit_test(a_request_that_acknowledges_the_answer_owes_base_an_ack),
		cmocka_unit_test(both_directions_are_translated),
		cmocka_unit_test(a_refused_leg_sends_the_request_to_base),
		cmocka_unit_test(a_refused_leg_is_tried_at_another_endpoint_first),
		cmocka_unit_test(a_silent_leg_is_given_up_at_the_client_s_retransmission),
		cmocka_unit_test(saved_bytes_are_sent_again),
		cmocka_unit_test(a_stale_connection_of_the_server_is_reset),
		cmocka_unit_test(a_head_in_parts_is_held_and_acknowledged),
		cmocka_unit_test(a_held_head_for_base_goes_out_of_the_slot),
		cmocka_unit_test(long_saved_bytes_go_in_segments),
		cmocka_unit_test(an_idle_leg_s_probe_and_fin_are_answered),
		cmocka_unit_test(a_fin_closes_every_leg),
		cmocka_unit_test(a_port_is_used_again),
		cmocka_unit_test(a_new_connection_goes_to_the_odds),
		cmocka_unit_test(a_new_connection_that_is_refused_goes_to_base),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
