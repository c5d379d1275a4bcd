// SPDX-License-Identifier: Apache-2.0
/*
 * How connections end at the programs: half-close, crossing FINs, idle closes, resets, ports that are used again. T07 and the
 * like are cases of tests/vectors/tcp/bug_cases.jsonl.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "graylink/reason.h"
#include "prog/pkt_talk.h"

static void gone(const struct pkt_talk *t)
{
	assert_int_equal(rig_conns(t->rig), 0);
	assert_int_equal(rig_tuples(t->rig), 0);
	assert_int_equal(rig_slots(t->rig), 0);
}

/* The client's FIN at 1111 reaches gray and base. */
static void client_fin(struct pkt_talk *t, uint32_t ack, uint32_t gray_ack)
{
	struct pkt want = talk_pkt(t, POD, GRAY, FIN_ACK, 1111, gray_ack, NULL, 0);

	talk_change(t, talk_pkt(t, POD, FRONT, FIN_ACK, 1111, ack, NULL, 0), RIG_PASS,
		    talk_pkt(t, POD, FRONT, FIN_ACK, 1051, 5101, NULL, 0));
	rig_expect_clone(t->rig, &want);
}

/* Base answers our FIN with its own, which is acknowledged. */
static void base_fin(struct pkt_talk *t)
{
	talk_change(t, talk_pkt(t, FRONT, POD, FIN_ACK, 5101, 1052, NULL, 0), RIG_REDIRECT,
		    talk_pkt(t, POD, FRONT, ACK, 1052, 5102, NULL, 0));
}

static void t07_a_half_closed_connection_gets_its_whole_answer(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	client_fin(&t, 5101, 90001);
	base_fin(&t);
	for (uint32_t i = 0; i < 10; i++) {
		talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001 + i * 100, 1112, t.a1, 100),
			    RIG_PASS,
			    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101 + i * 100, 1112, t.a1, 100));
		talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1112, 5201 + i * 100, NULL, 0),
			    RIG_PASS, talk_pkt(&t, POD, GRAY, ACK, 1112, 90101 + i * 100, NULL, 0));
	}
	talk_change(&t, talk_pkt(&t, GRAY, POD, FIN_ACK, 91001, 1112, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, FIN_ACK, 6101, 1112, NULL, 0));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1112, 6102, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1112, 91002, NULL, 0));
	gone(&t);
}

static void t07_both_sides_close_at_once(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, true));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	client_fin(&t, 5201, 90101);
	/* gray's FIN has crossed it, and base's, too */
	talk_change(&t, talk_pkt(&t, GRAY, POD, FIN_ACK, 90101, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, FIN_ACK, 5201, 1111, NULL, 0));
	talk_change(&t, talk_pkt(&t, FRONT, POD, FIN_ACK, 5101, 1051, NULL, 0), RIG_REDIRECT,
		    talk_pkt(&t, POD, FRONT, FIN_ACK, 1051, 5102, NULL, 0));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1112, 5202, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1112, 90102, NULL, 0));
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90102, 1112, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5202, 1112, NULL, 0));
	assert_int_equal(rig_conns(t.rig), 1);
	talk_drop(&t, talk_pkt(&t, FRONT, POD, ACK, 5102, 1052, NULL, 0));
	gone(&t);
}

static void t08_an_idle_leg_that_its_server_closed_is_opened_again(void **state)
{
	struct pkt_talk t;
	struct pkt syn;
	uint32_t isn = 1052 + GL_REOPEN_GAP;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, FRONT, POD, FIN_ACK, 5101, 1051, NULL, 0), RIG_REDIRECT,
		    talk_pkt(&t, POD, FRONT, FIN_ACK, 1051, 5102, NULL, 0));
	talk_drop(&t, talk_pkt(&t, FRONT, POD, ACK, 5102, 1052, NULL, 0));
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
	syn = talk_syn(&t, POD, FRONT, GL_TCP_SYN, isn, 0);
	syn.win = 500;
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5201, t.r1, 50), RIG_PASS, syn);
	talk_change(&t, talk_syn(&t, FRONT, POD, SYN_ACK, 800000, isn + 1), RIG_REDIRECT,
		    talk_pkt(&t, POD, FRONT, PSH_ACK, isn + 1, 800001, t.r1, 50));
	talk_change(&t, talk_pkt(&t, FRONT, POD, PSH_ACK, 800001, isn + 51, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5201, 1161, t.a1, 100));
}

/* Base's FIN and R3 cross: the FIN comes when R3 has gone. The client sees the close at once, and no byte is sent twice. */
static void t08_a_request_that_meets_a_closing_server_is_closed_promptly(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5201, t.r1, 50), RIG_PASS,
		    talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r1, 50));
	talk_change(&t, talk_pkt(&t, FRONT, POD, FIN_ACK, 5101, 1051, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, FIN_ACK, 5201, 1111, NULL, 0));
}

static void t09_only_an_exact_reset_ends_a_connection(void **state)
{
	static const uint32_t forged[] = { 1111 + 5000000, 1111 + 100, 1110, 1000 };
	struct pkt_talk t;
	struct pkt want;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90001, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5101, 1111, NULL, 0));
	for (uint32_t i = 0; i < 4; i++)
		talk_change(&t, talk_pkt(&t, POD, FRONT, GL_TCP_RST, forged[i], 0, NULL, 0),
			    RIG_PASS, talk_pkt(&t, POD, GRAY, GL_TCP_RST, forged[i], 0, NULL, 0));
	/* gray's own, somewhere: the client does not see them */
	talk_drop(&t, talk_pkt(&t, GRAY, POD, GL_TCP_RST, 90001 + 100, 0, NULL, 0));
	talk_drop(&t, talk_pkt(&t, GRAY, POD, GL_TCP_RST, 90000, 0, NULL, 0));
	assert_false(talk_conn(&t).flags & GL_CONN_RESET);
	talk_change(&t, talk_pkt(&t, POD, FRONT, RST_ACK, 1111, 5101, NULL, 0), RIG_PASS,
		    (struct pkt){
			    .from = POD, .to = FRONT, .flags = RST_ACK, .seq = 1051, .ack = 5101 });
	want = talk_pkt(&t, POD, GRAY, RST_ACK, 1111, 90001, NULL, 0);
	rig_expect_clone(t.rig, &want);
	gone(&t);
}

/* A host without a socket answers an old segment with an RST of an old number. The client does not believe it, nor do we. */
static void an_rst_that_the_client_does_not_believe_changes_nothing(void **state)
{
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	/* The client has all up to 5201 but has not said so yet. */
	rig_run(t.rig, &(struct pkt){ .from = GRAY, .to = POD, .flags = GL_TCP_RST, .seq = 90001 });
	assert_false(talk_conn(&t).flags & GL_CONN_RESET);
}

static void t10_a_port_is_used_again(void **state)
{
	struct pkt_talk t;
	struct pkt syn, want;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100));
	client_fin(&t, 5201, 90101);
	/* base and gray have not answered when the port is used again */
	talk_pass(&t, talk_syn(&t, POD, FRONT, GL_TCP_SYN, 7000000, 0));
	talk_pass(&t, talk_syn(&t, FRONT, POD, SYN_ACK, 400000, 7000001));
	talk_pass(&t, talk_pkt(&t, POD, FRONT, ACK, 7000001, 400001, NULL, 0));
	syn = talk_syn(&t, POD, GRAY, GL_TCP_SYN, 7000000, 0);
	syn.win = 500;
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 7000001, 400001, t.r2, 60), RIG_PASS,
		    syn);
	/* the old gray connection's FIN: its server is told to forget */
	talk_change(&t, talk_pkt(&t, GRAY, POD, FIN_ACK, 90101, 1112, NULL, 0), RIG_REDIRECT,
		    (struct pkt){ .from = POD, .to = GRAY, .flags = GL_TCP_RST, .seq = 1112 });
	talk_change(&t, talk_syn(&t, GRAY, POD, SYN_ACK, 95000, 7000001), RIG_REDIRECT,
		    talk_pkt(&t, POD, GRAY, PSH_ACK, 7000001, 95001, t.r2, 60));
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 95001, 7000061, t.a1, 100), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, PSH_ACK, 400001, 7000061, t.a1, 100));
	/* a segment of the old connection: at most one ACK, and nothing for the servers */
	assert_int_equal(rig_run(t.rig, &(struct pkt){ .from = POD,
						       .to = FRONT,
						       .flags = PSH_ACK,
						       .seq = 1051,
						       .ack = 5101,
						       .win = 500,
						       .data = t.r2,
						       .len = 60 }),
			 RIG_REDIRECT);
	want = talk_pkt(&t, POD, FRONT, PSH_ACK, 7000001, 400001, t.r1, 50);
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 7000061, 400101, t.r1, 50), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 7000061, 95101, NULL, 0));
	rig_expect_clone(t.rig, &want);
}

/* R2 in three parts with a FIN behind it; what lies behind a hole on a native connection passes, and the rest stays with it. */
static void t14_a_fin_counts_when_everything_before_it_is_there(void **state)
{
	struct pkt_talk t;
	struct pkt syn, want;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	talk_base(&t, true);
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 20), RIG_REDIRECT,
		    talk_pkt(&t, FRONT, POD, ACK, 5101, 1071, NULL, 0));
	/* C overtakes B: it comes again */
	talk_drop(&t, talk_pkt(&t, POD, FRONT, FIN_ACK, 1091, 5101, t.r2 + 40, 20));
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1071, 5101, t.r2 + 20, 20), RIG_REDIRECT,
		    talk_pkt(&t, FRONT, POD, ACK, 5101, 1091, NULL, 0));
	syn = talk_syn(&t, POD, GRAY, GL_TCP_SYN, 1050, 0);
	syn.win = 500;
	talk_change(&t, talk_pkt(&t, POD, FRONT, FIN_ACK, 1091, 5101, t.r2 + 40, 20), RIG_PASS,
		    syn);
	talk_gray_accept(&t);
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90001, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5101, 1111, NULL, 0));
	/* the FIN is sent again, alone */
	want = talk_pkt(&t, POD, GRAY, FIN_ACK, 1111, 90001, NULL, 0);
	talk_change(&t, talk_pkt(&t, POD, FRONT, FIN_ACK, 1111, 5101, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, FRONT, FIN_ACK, 1051, 5101, NULL, 0));
	rig_expect_clone(t.rig, &want);
}

/* A gray request whose packet carries the FIN, too: it goes to gray like any other (T14: the decision is gray). */
static void t14_a_request_with_fin_is_decided_like_any_other(void **state)
{
	struct pkt_talk t;
	struct pkt syn;

	talk_begin(&t, rig_begin(state, false));
	talk_open(&t);
	talk_base(&t, true);
	syn = talk_syn(&t, POD, GRAY, GL_TCP_SYN, 1050, 0);
	syn.win = 500;
	talk_change(&t, talk_pkt(&t, POD, FRONT, FIN_ACK, 1051, 5101, t.r2, 60), RIG_PASS, syn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t07_a_half_closed_connection_gets_its_whole_answer),
		cmocka_unit_test(t07_both_sides_close_at_once),
		cmocka_unit_test(t08_an_idle_leg_that_its_server_closed_is_opened_again),
		cmocka_unit_test(t08_a_request_that_meets_a_closing_server_is_closed_promptly),
		cmocka_unit_test(t09_only_an_exact_reset_ends_a_connection),
		cmocka_unit_test(an_rst_that_the_client_does_not_believe_changes_nothing),
		cmocka_unit_test(t10_a_port_is_used_again),
		cmocka_unit_test(t14_a_fin_counts_when_everything_before_it_is_there),
		cmocka_unit_test(t14_a_request_with_fin_is_decided_like_any_other),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
