// SPDX-License-Identifier: Apache-2.0
/*
 * The connection machine, conversation by conversation: native, switching, opening, holding, falling back, closing.
 */
#include "model/talk.h"

/* Numbers in the client's space: R1 is 1001-1002, its answer 5001, R2 is 1003-1004. */
static void native_requests_pass_untouched(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	for (u8 n = 0; n < 3; n++) {
		talk_request(&t, n, 0);
		assert_int_equal(t.w.nout, 1);
		assert_int_equal(t.w.step.act, GL_ACT_PASS);
		talk_response(&t, 0, n);
		assert_int_equal(t.w.step.act, GL_ACT_PASS);
	}
	assert_int_equal(t.d.conn.requests, 3);
	assert_false(t.d.conn.flags & (GL_CONN_TRANSLATED | GL_CONN_PINNED));
	assert_int_equal(t.server[0].got, 6);
	assert_int_equal(t.client.got, 3);
}

static void a_gray_request_becomes_a_syn_and_is_replayed(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	talk_request(&t, 1, 1);
	/* base is owed no ACK: the client has sent it */
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 1, GL_TCP_SYN, 1002, 0, 0);
	talk_accept(&t, 1);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 1, GL_TCP_ACK | GL_TCP_PSH, 1003, SERVER_ISN(1) + 1, 2);
	talk_response(&t, 1, 1);
	talk_expect(&t, 0, 1, GL_TCP_ACK, 1005, SERVER_ISN(1) + 2, 0);
	assert_int_equal(t.client.rcv, 5003);
	assert_int_equal(t.server[0].got, 2);
	assert_int_equal(t.server[1].got, 2);
	assert_int_equal(t.d.conn.slot, 0);
}

static void switching_back_and_forth_keeps_each_stream(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	for (u8 n = 0; n < 8; n += 2) {
		talk_to_base(&t, n);
		talk_to_gray(&t, n + 1);
	}
	assert_int_equal(t.server[0].got, 8);
	assert_int_equal(t.server[1].got, 8);
	assert_int_equal(t.client.got, 8);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(CHAR_N(t.client.last[i]), i);
	assert_false(t.d.conn.flags & GL_CONN_PINNED);
}

/* The response to R1 came with R1's ACK, but the client's own ACK of it comes only with R2: base is owed one. */
static void the_old_server_gets_the_ack_that_rode_on_the_request(void **state)
{
	struct talk t;
	u8 answer = CHAR(CHAR_HEAD, 0, 0);

	(void)state;
	talk_open(&t);
	talk_request(&t, 0, 0);
	talk_answer(&t, 0, GL_TCP_PSH, &answer, 1);
	talk_request(&t, 1, 1);
	assert_int_equal(t.w.nout, 2);
	talk_expect(&t, 0, 0, GL_TCP_ACK, 1003, 5002, 0);
	talk_expect(&t, 1, 1, GL_TCP_SYN, 1002, 0, 0);
}

static void a_refused_leg_falls_back_to_the_next_endpoint_then_base(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	talk_request(&t, 1, 1);
	talk_refuse(&t, 1);
	assert_int_equal(t.w.nout, 1);
	assert_int_equal(t.w.out[0].seg.flags, GL_TCP_SYN);
	assert_int_equal(t.w.out[0].peer, 2);
	talk_refuse(&t, 2);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, GL_TCP_ACK | GL_TCP_PSH, 1003, 5002, 2);
	talk_response(&t, 0, 1);
	talk_to_base(&t, 2);
	assert_int_equal(t.server[0].got, 6);
	assert_int_equal(t.server[1].got + t.server[2].got, 0);
}

static void a_silent_leg_is_left_after_patience(void **state)
{
	struct talk t;
	struct packet again;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	talk_request(&t, 1, 1);
	again = t.w.pkt;
	t.d.failed[2] = 1;
	again.seg.now_ns += (GL_OPEN_PATIENCE_MS - 1) * TALK_MS;
	talk_client(&t, &again);
	talk_expect(&t, 0, 1, GL_TCP_SYN, 1002, 0, 0);
	again.seg.now_ns += TALK_MS;
	talk_client(&t, &again);
	talk_expect(&t, 0, 0, GL_TCP_ACK | GL_TCP_PSH, 1003, 5002, 2);
	/* The SYN-ACK that comes now is not wanted any more, and the request is not sent twice. */
	talk_accept(&t, 1);
	assert_int_equal(t.server[1].got, 0);
	talk_response(&t, 0, 1);
	assert_int_equal(t.server[0].got, 4);
}

static void a_head_in_parts_is_held_and_acknowledged(void **state)
{
	struct talk t;
	u8 b[2] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 0) };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 1);
	talk_expect(&t, 0, -1, GL_TCP_ACK, 5001, 1002, 0);
	talk_say(&t, 0, b + 1, 1);
	talk_expect(&t, 0, 1, GL_TCP_SYN, 1000, 0, 0);
	talk_accept(&t, 1);
	talk_expect(&t, 0, 1, GL_TCP_ACK | GL_TCP_PSH, 1001, SERVER_ISN(1) + 1, 2);
	talk_response(&t, 1, 0);
	assert_int_equal(t.client.got, 1);
	assert_int_equal(t.d.conn.slot, 0);
}

static void a_held_part_that_comes_again_is_acknowledged_again(void **state)
{
	struct talk t;
	struct packet again;
	u8 b = CHAR(CHAR_HEAD, 0, 1);

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, &b, 1);
	again = t.w.pkt;
	talk_client(&t, &again);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, -1, GL_TCP_ACK, 5001, 1002, 0);
}

static void saved_bytes_that_were_lost_are_sent_again(void **state)
{
	struct talk t;
	struct packet again;

	(void)state;
	talk_open(&t);
	talk_request(&t, 0, 1);
	again = t.w.pkt;
	t.lost = 1 << 1;
	t.server[1].rcv = 1001;
	talk_accept(&t, 1);
	t.lost = 0;
	talk_client(&t, &again);
	talk_expect(&t, 0, 1, GL_TCP_ACK | GL_TCP_PSH, 1001, SERVER_ISN(1) + 1, 2);
	assert_int_equal(t.server[1].got, 2);
}

static void body_bytes_while_the_leg_opens_follow_the_head(void **state)
{
	struct talk t;
	u8 b[5] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 3), CHAR(CHAR_BODY, 0, 0),
		    CHAR(CHAR_BODY, 0, 1), CHAR(CHAR_BODY, 0, 2) };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 3);
	talk_say(&t, 0, b + 3, 2);
	assert_int_equal(t.w.nout, 0);
	talk_accept(&t, 1);
	talk_expect(&t, 0, 1, GL_TCP_ACK | GL_TCP_PSH, 1001, SERVER_ISN(1) + 1, 5);
	talk_response(&t, 1, 0);
	assert_memory_equal(t.server[1].last, b, 5);
	assert_int_equal(t.client.got, 1);
}

static void a_body_passes_with_a_hole_in_it(void **state)
{
	struct talk t;
	struct packet p;
	u8 b[3] = { CHAR(CHAR_HEAD, 0, 0), CHAR(CHAR_SIZE, 0, 3), CHAR(CHAR_BODY, 0, 0) };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 3);
	t.lost = 1;	/* the server's own reassembly is not looked at here */
	p = talk_packet(&t, &t.client, GL_TCP_ACK);
	p.seg.seq++;
	p.seg.len = 1;
	talk_client(&t, &p);
	assert_int_equal(t.w.step.act, GL_ACT_PASS);
	assert_int_equal(t.d.conn.req.left, 0);
	p.seg.seq--;
	talk_client(&t, &p);
	assert_int_equal(t.w.step.act, GL_ACT_PASS);
	assert_int_equal(t.d.conn.req.left, 0);
	assert_int_equal(t.d.conn.req.bytes, 5);
	assert_false(t.d.conn.flags & GL_CONN_PINNED);
}

static void a_new_connection_may_begin_on_gray(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_syn(&t, 1);
	talk_expect(&t, 0, 1, GL_TCP_SYN, 1000, 0, 0);
	t.client.snd++;
	talk_accept(&t, 1);
	talk_expect(&t, 0, -1, GL_TCP_SYN | GL_TCP_ACK, SERVER_ISN(1), 1001, 0);
	talk_ack(&t);
	talk_to_gray(&t, 0);
	talk_request(&t, 1, 0);
	talk_expect(&t, 0, 0, GL_TCP_SYN, 1002, 0, 0);
	talk_accept(&t, 0);
	talk_response(&t, 0, 1);
	assert_int_equal(t.client.got, 2);
}

static void a_new_connection_falls_back_to_base_untranslated(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	t.d.failed[2] = 1;
	talk_syn(&t, 1);
	talk_refuse(&t, 1);
	talk_expect(&t, 0, 0, GL_TCP_SYN, 1000, 0, 0);
	t.client.snd++;
	talk_accept(&t, 0);
	assert_int_equal(t.w.step.act, GL_ACT_PASS);
	talk_ack(&t);
	talk_to_base(&t, 0);
	assert_int_equal(t.client.got, 1);
}

static void no_fallback_means_reset(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	t.d.none = 1;
	t.d.failed[2] = 1;
	talk_request(&t, 0, 1);
	talk_refuse(&t, 1);
	talk_expect(&t, 0, -1, GL_TCP_RST | GL_TCP_ACK, 5001, 1003, 0);
	assert_false(t.d.live);
}

static void pipelined_requests_stay_together(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	talk_request(&t, 0, 0);
	talk_request(&t, 1, 1);
	assert_int_equal(t.d.conn.pin, GL_PIN_PIPELINED);
	assert_int_equal(t.server[0].got, 4);
}

static void what_is_no_request_pins(void **state)
{
	struct talk t;
	u8 b[2] = { CHAR(CHAR_HEAD, 0, LANE_BAD), 0 };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 2);
	assert_int_equal(t.w.step.act, GL_ACT_PASS);
	assert_int_equal(t.d.conn.pin, GL_PIN_OPAQUE);
	talk_request(&t, 1, 1);
	assert_int_equal(t.server[0].got, 4);
}

/* A decision is made, the connection moves, and only then it is committed: the packet goes away, nothing else. */
static void a_late_decision_changes_nothing(void **state)
{
	struct talk t;
	struct work late;
	struct packet p;
	u8 b[2] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 0) };

	(void)state;
	talk_open(&t);
	p = talk_packet(&t, &t.client, GL_TCP_ACK);
	p.seg.len = 2;
	memcpy(p.b, b, 2);
	driver_enter_client(&t.d, &late, &p, 0);
	talk_client(&t, &p);
	assert_int_equal(t.w.out[0].seg.flags, GL_TCP_SYN);
	driver_leave_client(&t.d, &late);
	assert_int_equal(late.nout, 0);
	assert_int_equal(late.step.drop, GL_DROP_EPOCH);
	assert_int_equal(t.d.conn.requests, 1);
	assert_int_equal(t.d.slot[0].taken + t.d.slot[1].taken, 1);
}

/* The same packet twice, on two processors: the one that comes too late gives back nothing that the other has. */
static void a_late_decision_leaves_the_tuple_to_the_other(void **state)
{
	struct talk t;
	struct work late;
	struct packet p;
	u8 b[2] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 0) };

	(void)state;
	talk_open(&t);
	p = talk_packet(&t, &t.client, GL_TCP_ACK);
	p.seg.len = 2;
	memcpy(p.b, b, 2);
	driver_enter_client(&t.d, &late, &p, 0);
	talk_client(&t, &p);
	driver_leave_client(&t.d, &late);
	assert_int_equal(late.step.drop, GL_DROP_EPOCH);
	assert_int_equal(t.d.tuple[1], 1 + 1);
	talk_accept(&t, 1);
	assert_int_equal(t.server[1].got, 2);
}

/* A leg failed, and before the fallback is in force the client's FIN moves the connection: the request still gets out. */
static void a_fin_between_failure_and_fallback_leaves_a_way_out(void **state)
{
	struct talk t;
	struct work late;
	struct packet again, fin;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	talk_request(&t, 1, 1);
	again = t.w.pkt;
	t.d.failed[2] = 1;
	t.client.snd = 1005;
	again.seg.now_ns += GL_OPEN_PATIENCE_MS * TALK_MS;
	driver_enter_client(&t.d, &late, &again, 0);
	fin = talk_packet(&t, &t.client, GL_TCP_FIN | GL_TCP_ACK);
	driver_from_client(&t.d, &t.w, &fin, 0);
	driver_leave_client(&t.d, &late);
	/* The client sends everything again, patiently. */
	for (u32 i = 0; i < 4 && t.server[0].got < 4; i++) {
		again.seg.now_ns += 1000 * TALK_MS;
		talk_client(&t, &again);
	}
	assert_int_equal(t.server[0].got, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_requests_pass_untouched),
		cmocka_unit_test(a_gray_request_becomes_a_syn_and_is_replayed),
		cmocka_unit_test(switching_back_and_forth_keeps_each_stream),
		cmocka_unit_test(the_old_server_gets_the_ack_that_rode_on_the_request),
		cmocka_unit_test(a_refused_leg_falls_back_to_the_next_endpoint_then_base),
		cmocka_unit_test(a_silent_leg_is_left_after_patience),
		cmocka_unit_test(a_head_in_parts_is_held_and_acknowledged),
		cmocka_unit_test(a_held_part_that_comes_again_is_acknowledged_again),
		cmocka_unit_test(saved_bytes_that_were_lost_are_sent_again),
		cmocka_unit_test(body_bytes_while_the_leg_opens_follow_the_head),
		cmocka_unit_test(a_body_passes_with_a_hole_in_it),
		cmocka_unit_test(a_new_connection_may_begin_on_gray),
		cmocka_unit_test(a_new_connection_falls_back_to_base_untranslated),
		cmocka_unit_test(no_fallback_means_reset),
		cmocka_unit_test(pipelined_requests_stay_together),
		cmocka_unit_test(what_is_no_request_pins),
		cmocka_unit_test(a_late_decision_changes_nothing),
		cmocka_unit_test(a_late_decision_leaves_the_tuple_to_the_other),
		cmocka_unit_test(a_fin_between_failure_and_fallback_leaves_a_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
