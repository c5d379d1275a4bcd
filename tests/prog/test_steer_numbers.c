// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers that the programs show to each side: sequence numbers and their wrap, SACK, timestamps, windows, probes. T01 and the
 * like are cases of tests/vectors/tcp/bug_cases.jsonl.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "graylink/reason.h"
#include "prog/pkt_talk.h"

static uint8_t answer[4000];

/* Gray's answer of @len bytes in segments of @segment, from 90001 on, which the client sees from 5101 on. */
static void gray_answers(struct pkt_talk *t, uint32_t len, uint32_t segment)
{
	talk_answer(answer, len, len - 60);
	for (uint32_t at = 0; at < len; at += segment) {
		uint32_t n = len - at < segment ? len - at : segment;

		talk_change(t, talk_pkt(t, GRAY, POD, PSH_ACK, 90001 + at, 1111, answer + at, n),
			    RIG_PASS,
			    talk_pkt(t, FRONT, POD, PSH_ACK, 5101 + at, 1111, answer + at, n));
	}
}

static struct pkt with_sack(struct pkt pkt, uint32_t start, uint32_t end)
{
	pkt.sack[pkt.nsack * 2] = start;
	pkt.sack[pkt.nsack * 2 + 1] = end;
	pkt.nsack++;
	return pkt;
}

/* There and back again, with every number wrapping somewhere on the way. */
static void every_number_may_wrap(void **state)
{
	static const uint32_t wraps[] = { 0,	1000, 1001, 1030,  1050,  1051,	 1080,
					  1110, 1111, 1112, 1140,  1161,  5000,	 5001,
					  5050, 5101, 5201, 90000, 90001, 90050, 90101 };

	for (uint32_t i = 0; i < 2 * sizeof(wraps) / sizeof(wraps[0]); i++) {
		struct pkt_talk t;
		struct pkt want;

		talk_begin(&t, rig_begin(state, i & 1));
		t.off = 0U - wraps[i / 2];
		t.sack_ok = true;
		talk_scenario(&t);
		gray_answers(&t, 100, 50);
		talk_change(&t,
			    with_sack(talk_pkt(&t, POD, FRONT, ACK, 1111, 5151, NULL, 0),
				      t.off + 5171, t.off + 5201),
			    RIG_PASS,
			    with_sack(talk_pkt(&t, POD, GRAY, ACK, 1111, 90051, NULL, 0),
				      t.off + 90071, t.off + 90101));
		want = talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r1, 50);
		talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5201, t.r1, 50), RIG_PASS,
			    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
		rig_expect_clone(t.rig, &want);
		talk_change(&t, talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1101, t.a1, 100), RIG_PASS,
			    talk_pkt(&t, FRONT, POD, PSH_ACK, 5201, 1161, t.a1, 100));
		talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1161, 5301, NULL, 0), RIG_PASS,
			    talk_pkt(&t, POD, FRONT, ACK, 1101, 5201, NULL, 0));
		assert_false(talk_conn(&t).flags & GL_CONN_PINNED);
	}
}

static void t01_sack_blocks_are_in_the_numbers_of_their_leg(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt_talk t;
		struct pkt in, want;

		talk_begin(&t, rig_begin(state, v6));
		t.sack_ok = t.ts = true;
		talk_scenario(&t);
		t.tsecr[POD] = t.tsval[FRONT] = t.tsval[GRAY];	/* ahead of base's: shown as it is */
		gray_answers(&t, 3000, 1000);
		in = talk_pkt(&t, POD, FRONT, ACK, 1111, 6101, NULL, 0);
		want = talk_pkt(&t, POD, GRAY, ACK, 1111, 91001, NULL, 0);
		talk_change(&t, with_sack(in, 7101, 8101), RIG_PASS, with_sack(want, 92001, 93001));
		in.ack = 8101;
		want.ack = 93001;
		talk_change(&t, with_sack(in, 5101, 6101), RIG_PASS, with_sack(want, 90001, 91001));
		/* A block about base's bytes: nothing that gray could believe. */
		talk_change(&t, with_sack(in, 5001, 5101), RIG_PASS, with_sack(want, 89901, 89901));
		/* Three blocks, of which one is base's. */
		in = with_sack(with_sack(with_sack(in, 5001, 5101), 7101, 7201), 7301, 7401);
		want = with_sack(with_sack(with_sack(want, 89901, 89901), 92001, 92101), 92201,
				 92301);
		talk_change(&t, in, RIG_PASS, want);
	}
}

static void t03_probes_are_no_data(void **state)
{
	static const uint8_t garbage = 0;
	struct pkt_talk t;

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	gray_answers(&t, 200, 200);
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5301, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1111, 90201, NULL, 0));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1110, 5301, &garbage, 1), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1110, 90201, &garbage, 1));
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1110, 5301, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1110, 90201, NULL, 0));
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90201, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5301, 1111, NULL, 0));
	/* gray's own */
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90200, 1111, NULL, 0), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5300, 1111, NULL, 0));
	talk_change(&t, talk_pkt(&t, GRAY, POD, ACK, 90200, 1111, &garbage, 1), RIG_PASS,
		    talk_pkt(&t, FRONT, POD, ACK, 5300, 1111, &garbage, 1));
	assert_int_equal(talk_conn(&t).requests, 2);
	assert_false(talk_conn(&t).flags & GL_CONN_PINNED);
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5301, t.r1, 50), RIG_PASS,
		    talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r1, 50));
	/* A probe right after the switch has a number of before it: answered here, for base never had that byte. */
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1110, 5301, &garbage, 1), RIG_REDIRECT,
		    talk_pkt(&t, FRONT, POD, ACK, 5301, 1111, NULL, 0));
	assert_int_equal(rig_count(t.rig, GL_SERIES_REQUESTS, -1), 2);
}

static void t05_windows_are_in_the_scale_that_each_side_knows(void **state)
{
	struct pkt_talk t;
	struct pkt want;

	talk_begin(&t, rig_begin(state, false));
	t.ws = 8;
	t.gray_ws = 10;
	t.win[FRONT] = 2000;	/* base takes 256000 bytes: gray's window is the smaller one */
	talk_scenario(&t);
	t.win[GRAY] = 200;
	want = talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100);
	want.win = 800;
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS, want);
	/* the client's own window is in the scale that it announced to everybody */
	t.win[POD] = 512;
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0));
}

/* A leg cannot be used: it is reset at once, base serves, and nothing else is asked. */
static void unfit(void **state, uint16_t mss, bool ts, bool sack_ok, uint8_t ws, uint8_t cause)
{
	struct pkt_talk t;
	struct pkt answer_syn, want;

	talk_begin(&t, rig_begin(state, false));
	t.ts = t.sack_ok = true;
	t.ws = 8;
	talk_open(&t);
	talk_base(&t, true);
	talk_gray_syn(&t);
	answer_syn = talk_syn(&t, GRAY, POD, SYN_ACK, 90000, 1051);
	answer_syn.mss = mss;
	answer_syn.ts = ts;
	answer_syn.sack_ok = sack_ok;
	answer_syn.ws = ws;
	want = talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r2, 60);
	talk_change(&t, answer_syn, RIG_REDIRECT, want);
	rig_expect_clone(t.rig,
			 &(struct pkt){
				 .from = POD, .to = GRAY, .flags = GL_TCP_RST, .seq = 1051 });
	assert_int_equal(rig_count(t.rig, GL_SERIES_FALLBACKS, cause), 1);
}

static void t05_b_a_server_without_window_scale_is_not_used(void **state)
{
	unfit(state, 1460, true, true, 0, GL_FALLBACK_OPTIONS);
}

static void t06_second_run_a_server_without_timestamps_is_not_used(void **state)
{
	unfit(state, 1460, false, true, 8, GL_FALLBACK_OPTIONS);
}

static void a_server_with_a_smaller_mss_is_not_used(void **state)
{
	unfit(state, 1400, true, true, 8, GL_FALLBACK_MSS);
}

static void t06_timestamps_never_go_back(void **state)
{
	struct pkt_talk t;
	struct pkt want;

	talk_begin(&t, rig_begin(state, false));
	t.ts = true;
	t.tsval[FRONT] = t.tsecr[POD] = 0x70000000;
	t.tsval[GRAY] = 5;
	talk_scenario(&t);
	/* gray's clock at 8: three later than the client was shown */
	t.tsval[GRAY] = 8;
	want = talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1111, t.a1, 100);
	want.tsval = 0x70000003;
	want.tsecr = 1000;
	talk_change(&t, talk_pkt(&t, GRAY, POD, PSH_ACK, 90001, 1111, t.a1, 100), RIG_PASS, want);
	t.tsval[POD] = 1004;
	t.tsecr[POD] = 0x70000003;
	want = talk_pkt(&t, POD, GRAY, ACK, 1111, 90101, NULL, 0);
	want.tsecr = 8;
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS, want);
	/* What gray has not sent it is not told: the client still echoes base. */
	t.tsecr[POD] = 0x6fffff00;
	want.tsecr = 8;
	talk_change(&t, talk_pkt(&t, POD, FRONT, ACK, 1111, 5201, NULL, 0), RIG_PASS, want);
	/* Back at base, whose clock has run on meanwhile but less than the client's view. */
	t.tsval[POD] = 1010;
	t.tsecr[POD] = 0x70000003;
	want = talk_pkt(&t, POD, FRONT, PSH_ACK, 1051, 5101, t.r1, 50);
	want.tsecr = 0x70000000;
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1111, 5201, t.r1, 50), RIG_PASS, want);
	t.tsval[FRONT] = 0x70000001;
	t.tsecr[FRONT] = 1010;
	want = talk_pkt(&t, FRONT, POD, PSH_ACK, 5201, 1161, t.a1, 100);
	want.tsval = 0x70000003;
	talk_change(&t, talk_pkt(&t, FRONT, POD, PSH_ACK, 5101, 1101, t.a1, 100), RIG_PASS, want);
}

/* Old bytes of the client in new segments: no boundary is looked for in them, and what is new is still seen. */
static void segments_are_sent_again_with_other_borders(void **state)
{
	struct pkt_talk t;
	uint8_t both[110];

	talk_begin(&t, rig_begin(state, false));
	talk_scenario(&t);
	memcpy(both, t.r1, 50);
	memcpy(both + 50, t.r2, 60);
	/* gray's ACK of R2 is on its way; the client sends half of R2, then all of it */
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1081, 5101, t.r2 + 30, 30), RIG_PASS,
		    talk_pkt(&t, POD, GRAY, PSH_ACK, 1051, 90001, t.r2, 60));
	/* R1 again, whose ACK the client did not get: base's bytes are not for gray */
	talk_change(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1001, 5101, t.r1, 50), RIG_REDIRECT,
		    (struct pkt){ .from = FRONT,
				  .to = POD,
				  .flags = ACK,
				  .seq = 5101,
				  .ack = 1051,
				  .win = 500 });
	assert_false(talk_conn(&t).flags & GL_CONN_PINNED);
	assert_int_equal(talk_conn(&t).requests, 2);
}

static void t11_a_syn_that_is_sent_again_goes_to_the_same_endpoint(void **state)
{
	struct pkt_talk t;
	struct pkt syn, want;

	talk_begin(&t, rig_begin(state, false));
	rig_policy(t.rig, true, "");
	rig_weight(t.rig, 100);
	rig_fail(t.rig, GRAY2, true);
	syn = talk_syn(&t, POD, FRONT, GL_TCP_SYN, 1000, 0);
	want = talk_syn(&t, POD, GRAY, GL_TCP_SYN, 1000, 0);
	talk_change(&t, syn, RIG_PASS, want);
	rig_fail(t.rig, GRAY2, false);
	rig_fail(t.rig, GRAY, true);
	talk_change(&t, syn, RIG_PASS, want);
	talk_change(&t, syn, RIG_PASS, want);
	assert_int_equal(rig_tuples(t.rig), 1);
}

static void t11_a_syn_with_data_is_not_steered(void **state)
{
	struct pkt_talk t;
	struct pkt syn;

	talk_begin(&t, rig_begin(state, false));
	syn = talk_syn(&t, POD, FRONT, GL_TCP_SYN, 1000, 0);
	syn.data = t.r2;
	syn.len = 40;
	talk_pass(&t, syn);
	talk_pass(&t, syn);
	assert_int_equal(rig_conns(t.rig), 0);
	assert_int_equal(rig_count(t.rig, GL_SERIES_UNSTEERED, GL_UNSTEERED_FAST_OPEN), 2);
	talk_pass(&t, talk_syn(&t, FRONT, POD, SYN_ACK, 5000, 1041));
	talk_pass(&t, talk_pkt(&t, POD, FRONT, PSH_ACK, 1041, 5001, t.r2 + 40, 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_may_wrap),
		cmocka_unit_test(t01_sack_blocks_are_in_the_numbers_of_their_leg),
		cmocka_unit_test(t03_probes_are_no_data),
		cmocka_unit_test(t05_windows_are_in_the_scale_that_each_side_knows),
		cmocka_unit_test(t05_b_a_server_without_window_scale_is_not_used),
		cmocka_unit_test(t06_second_run_a_server_without_timestamps_is_not_used),
		cmocka_unit_test(a_server_with_a_smaller_mss_is_not_used),
		cmocka_unit_test(t06_timestamps_never_go_back),
		cmocka_unit_test(segments_are_sent_again_with_other_borders),
		cmocka_unit_test(t11_a_syn_that_is_sent_again_goes_to_the_same_endpoint),
		cmocka_unit_test(t11_a_syn_with_data_is_not_steered),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
