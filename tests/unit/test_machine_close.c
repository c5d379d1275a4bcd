// SPDX-License-Identifier: Apache-2.0
/*
 * The connection machine where something ends: FIN and RST of the client, of the active server and of idle ones.
 */
#include "model/talk.h"

#define FIN_ACK (GL_TCP_FIN | GL_TCP_ACK)

/* Two legs are open, gray is the active one; R1 is 1001-1002 (base), R2 1003-1004 (gray). */
static void two_legs(struct talk *t)
{
	talk_open(t);
	talk_to_base(t, 0);
	talk_to_gray(t, 1);
}

static void orderly(struct talk *t, u8 active)
{
	talk_say(t, GL_TCP_FIN, NULL, 0);
	t->server[active].rcv++;
	talk_server_ack(t, active);
	talk_answer(t, active, GL_TCP_FIN, NULL, 0);
	t->client.rcv++;
}

static void a_native_connection_ends_with_the_last_ack(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	orderly(&t, 0);
	assert_true(t.d.live);
	talk_ack(&t);
	assert_false(t.d.live);
}

static void closing_ends_every_leg_by_fin(void **state)
{
	struct talk t;

	(void)state;
	two_legs(&t);
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	assert_int_equal(t.w.nout, 2);
	talk_expect(&t, 0, 1, FIN_ACK, 1005, SERVER_ISN(1) + 2, 0);
	talk_expect(&t, 1, 0, FIN_ACK, 1003, 5002, 0);
	/* base first */
	t.server[0].rcv = 1004;
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	talk_expect(&t, 0, 0, GL_TCP_ACK, 1004, 5003, 0);
	t.server[1].rcv++;
	talk_answer(&t, 1, GL_TCP_FIN, NULL, 0);
	talk_expect(&t, 0, -1, FIN_ACK, 5003, 1006, 0);
	t.client.rcv++;
	talk_ack(&t);
	talk_expect(&t, 0, 1, GL_TCP_ACK, 1006, SERVER_ISN(1) + 3, 0);
	assert_false(t.d.live);
	assert_int_equal(t.d.tuple[1], 0);
}

static void an_idle_server_closes_and_the_client_does_not_see_it(void **state)
{
	struct talk t;

	(void)state;
	two_legs(&t);
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, FIN_ACK, 1003, 5003, 0);
	t.server[0].rcv++;
	talk_server_ack(&t, 0);
	assert_int_equal(t.w.nout, 0);
	assert_int_equal(t.d.conn.leg[0].state, GL_LEG_CLOSED);
	/* The next base request opens it again, far from its old numbers. */
	talk_request(&t, 2, 0);
	talk_expect(&t, 0, 0, GL_TCP_SYN, 1004 + GL_REOPEN_GAP, 0, 0);
	talk_accept(&t, 0);
	talk_response(&t, 0, 2);
	assert_int_equal(t.client.got, 3);
}

static void an_idle_server_s_fin_is_answered_again_until_ours_arrives(void **state)
{
	struct talk t;
	struct packet again;

	(void)state;
	two_legs(&t);
	t.lost = 1; /* our FIN does not arrive */
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	again = t.w.pkt;
	t.lost = 0;
	talk_server(&t, 0, &again);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, FIN_ACK, 1003, 5003, 0);
}

static void an_idle_leg_s_lost_fin_is_sent_again_when_its_server_closes(void **state)
{
	struct talk t;

	(void)state;
	two_legs(&t);
	t.lost = 1; /* the FIN for base does not arrive */
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	t.lost = 0;
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	talk_expect(&t, 0, 0, FIN_ACK, 1003, 5003, 0);
}

/* After our FIN was acknowledged, what we send to that server lies behind it. */
static void a_probe_of_a_closing_leg_is_answered_behind_our_fin(void **state)
{
	struct talk t;
	struct packet probe;

	(void)state;
	two_legs(&t);
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	t.server[0].rcv = 1004;
	talk_server_ack(&t, 0);
	assert_int_equal(t.w.nout, 0);
	probe = talk_packet(&t, &t.server[0], GL_TCP_ACK);
	probe.seg.seq--;
	talk_server(&t, 0, &probe);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, GL_TCP_ACK, 1004, 5002, 0);
}

/*
 * R3 for base comes while its leg is closing: a fresh connection begins at once, far from the old numbers. What the old one still
 * says is answered with its own numbers, which the fresh one does not believe.
 */
static void a_request_meets_its_closing_leg(void **state)
{
	struct talk t;
	struct packet old;

	(void)state;
	two_legs(&t);
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	assert_int_equal(t.d.conn.leg[0].state, GL_LEG_CLOSING);
	t.server[0].rcv = 1004;
	old = talk_packet(&t, &t.server[0], GL_TCP_ACK); /* of our FIN */
	talk_request(&t, 2, 0);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, GL_TCP_SYN, 1004 + GL_REOPEN_GAP, 0, 0);
	assert_true(t.d.slot[t.d.conn.slot - 1].taken);
	talk_server(&t, 0, &old);
	talk_expect(&t, 0, 0, GL_TCP_RST, 1004, 0, 0);
	talk_accept(&t, 0);
	talk_response(&t, 0, 2);
	assert_int_equal(t.client.got, 3);
}

/* The same for gray: two legs never share a tuple, and the closing one still comes to its end. */
static void a_leg_is_not_opened_over_one_that_closes(void **state)
{
	struct talk t;

	(void)state;
	two_legs(&t);
	talk_to_base(&t, 2);
	talk_answer(&t, 1, GL_TCP_FIN, NULL, 0);
	assert_int_equal(t.d.conn.leg[1].state, GL_LEG_CLOSING);
	t.d.failed[2] = 1;
	talk_request(&t, 3, 1);
	t.server[1].rcv = gl_seq_max(t.server[1].rcv, 1006);
	talk_server_ack(&t, 1);
	assert_int_not_equal(t.d.conn.leg[1].state, GL_LEG_CLOSING);
}

static void the_active_server_s_fin_reaches_the_client(void **state)
{
	struct talk t;

	(void)state;
	two_legs(&t);
	talk_answer(&t, 1, GL_TCP_FIN, NULL, 0);
	talk_expect(&t, 0, -1, FIN_ACK, 5003, 1005, 0);
	assert_true(t.d.conn.flags & GL_CONN_PINNED);
}

/* A server that has closed answers the next request with RST, numbered by the client's ACK: behind its FIN. */
static void a_reset_behind_the_server_s_fin_reaches_the_client(void **state)
{
	struct talk t;
	struct packet rst;

	(void)state;
	two_legs(&t);
	talk_answer(&t, 1, GL_TCP_FIN, NULL, 0);
	t.client.rcv++;
	talk_ack(&t);
	talk_request(&t, 2, 1);
	rst = talk_packet(&t, &t.server[1], GL_TCP_RST);
	talk_server(&t, 1, &rst);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, -1, GL_TCP_RST, 5004, 0, 0);
}

static void a_reset_at_the_next_number_ends_the_connection(void **state)
{
	struct talk t;
	struct packet rst;

	(void)state;
	two_legs(&t);
	rst = talk_packet(&t, &t.server[1], GL_TCP_RST | GL_TCP_ACK);
	talk_server(&t, 1, &rst);
	talk_expect(&t, 0, -1, GL_TCP_RST | GL_TCP_ACK, 5003, 1005, 0);
	assert_true(t.d.conn.flags & GL_CONN_RESET);
}

static void a_reset_elsewhere_in_the_window_is_dropped(void **state)
{
	struct talk t;
	struct packet rst;

	(void)state;
	two_legs(&t);
	rst = talk_packet(&t, &t.server[1], GL_TCP_RST);
	rst.seg.seq += 100;
	talk_server(&t, 1, &rst);
	assert_int_equal(t.w.nout, 0);
	assert_false(t.d.conn.flags & GL_CONN_RESET);
}

static void a_client_s_reset_reaches_every_leg(void **state)
{
	struct talk t;
	struct packet rst;

	(void)state;
	two_legs(&t);
	rst = talk_packet(&t, &t.client, GL_TCP_RST);
	talk_client(&t, &rst);
	assert_int_equal(t.w.nout, 2);
	talk_expect(&t, 0, 1, GL_TCP_RST, 1005, 0, 0);
	assert_int_equal(t.w.out[1].peer, 0);
	assert_true(t.w.out[1].seg.flags & GL_TCP_RST);
	assert_int_equal(t.w.out[1].seg.seq, 1003);
	assert_false(t.d.live);
}

/* RFC 5961, 3.2: a reset that is not at the very next number makes the server ask, and nothing ends here either. */
static void a_client_s_reset_elsewhere_in_the_window_ends_nothing(void **state)
{
	static const u32 off[] = { 100, 5000000 };

	(void)state;
	for (u32 i = 0; i < 2; i++) {
		struct talk t;
		struct packet rst;

		two_legs(&t);
		rst = talk_packet(&t, &t.client, GL_TCP_RST);
		rst.seg.seq += off[i];
		talk_client(&t, &rst);
		assert_true(t.d.live);
		talk_to_base(&t, 2);
		assert_int_equal(t.client.got, 3);
	}
}

static void a_half_closed_client_gets_the_whole_answer(void **state)
{
	struct talk t;
	u8 b[2] = { CHAR(CHAR_HEAD, 2, 1), CHAR(CHAR_BODY, 2, 0) };

	(void)state;
	two_legs(&t);
	talk_request(&t, 2, 1);
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	t.server[1].rcv++;
	talk_answer(&t, 1, 0, b, 1);
	talk_answer(&t, 1, GL_TCP_FIN, b + 1, 1);
	assert_int_equal(t.client.got, 4);
	t.client.rcv++;
	talk_ack(&t);
	assert_true(t.d.live); /* base has not closed yet */
	t.server[0].rcv = 1004;
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	assert_false(t.d.live);
}

/* The client gives up in the middle of a head: what was acknowledged to it reaches the server before its FIN does. */
static void held_bytes_go_before_the_fin(void **state)
{
	struct talk t;
	struct packet again;
	u8 b = CHAR(CHAR_HEAD, 0, 0);

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, &b, 1);
	t.client.rcv = 5001;
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	again = t.w.pkt;
	if (t.w.nout && (t.w.out[0].seg.flags & GL_TCP_PSH))
		talk_client(&t, &again);
	assert_int_equal(t.server[0].got, 1);
	talk_expect(&t, 0, 0, FIN_ACK, 1002, 5001, 0);
}

/* A server that closes while a head is held has pinned the connection: the head goes to it and nowhere else. */
static void a_held_head_stays_where_the_connection_was_pinned(void **state)
{
	struct talk t;
	u8 b[2] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 0) };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 1);
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	assert_true(t.d.conn.flags & GL_CONN_PINNED);
	talk_say(&t, 0, b + 1, 1);
	assert_int_equal(t.w.nout, 1);
	talk_expect(&t, 0, 0, GL_TCP_ACK | GL_TCP_PSH, 1001, 5001, 2);
}

static void port_reuse_gives_a_held_slot_back_once(void **state)
{
	struct talk t;
	u8 b = CHAR(CHAR_HEAD, 0, 0);

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, &b, 1);
	assert_int_equal(t.d.slot[0].taken, 1);
	t.client.snd = 7000000;
	talk_syn(&t, 0);
	assert_int_equal(t.w.out[0].seg.seq, 7000000);
	assert_int_equal(t.d.slot[0].taken, 0);
	assert_int_equal(t.d.conn.isn, 7000000);
	assert_int_equal(t.d.conn.slot, 0);
}

/* Body bytes in any order: the connection is not pinned, and comes to its end. */
static void a_connection_with_holes_ends(void **state)
{
	struct talk t;
	struct packet p;
	u8 b[3] = { CHAR(CHAR_HEAD, 0, 0), CHAR(CHAR_SIZE, 0, 7), CHAR(CHAR_BODY, 0, 0) };

	(void)state;
	talk_open(&t);
	talk_say(&t, 0, b, 3);
	t.lost = 1;
	for (u32 i = 0; i < 6; i++) {
		static const u8 order[] = { 1, 3, 5, 0, 2, 4 };

		p = talk_packet(&t, &t.client, GL_TCP_ACK);
		p.seg.seq += order[i];
		p.seg.len = 1;
		talk_client(&t, &p);
		assert_int_equal(t.w.step.act, GL_ACT_PASS);
	}
	assert_false(t.d.conn.flags & GL_CONN_PINNED);
	assert_int_equal(t.d.conn.req.left, 0);
	t.client.snd += 6;
	talk_say(&t, GL_TCP_FIN, NULL, 0);
	t.server[0].rcv = t.client.snd;
	talk_server_ack(&t, 0);
	talk_answer(&t, 0, GL_TCP_FIN, NULL, 0);
	t.client.rcv++;
	talk_ack(&t);
	assert_false(t.d.live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_native_connection_ends_with_the_last_ack),
		cmocka_unit_test(closing_ends_every_leg_by_fin),
		cmocka_unit_test(an_idle_server_closes_and_the_client_does_not_see_it),
		cmocka_unit_test(an_idle_server_s_fin_is_answered_again_until_ours_arrives),
		cmocka_unit_test(an_idle_leg_s_lost_fin_is_sent_again_when_its_server_closes),
		cmocka_unit_test(a_probe_of_a_closing_leg_is_answered_behind_our_fin),
		cmocka_unit_test(a_request_meets_its_closing_leg),
		cmocka_unit_test(a_leg_is_not_opened_over_one_that_closes),
		cmocka_unit_test(the_active_server_s_fin_reaches_the_client),
		cmocka_unit_test(a_reset_behind_the_server_s_fin_reaches_the_client),
		cmocka_unit_test(a_reset_at_the_next_number_ends_the_connection),
		cmocka_unit_test(a_reset_elsewhere_in_the_window_is_dropped),
		cmocka_unit_test(a_client_s_reset_reaches_every_leg),
		cmocka_unit_test(a_client_s_reset_elsewhere_in_the_window_ends_nothing),
		cmocka_unit_test(a_half_closed_client_gets_the_whole_answer),
		cmocka_unit_test(held_bytes_go_before_the_fin),
		cmocka_unit_test(a_held_head_stays_where_the_connection_was_pinned),
		cmocka_unit_test(port_reuse_gives_a_held_slot_back_once),
		cmocka_unit_test(a_connection_with_holes_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
