// SPDX-License-Identifier: Apache-2.0
/*
 * The numbers that the connection machine shows to each side: windows, timestamps, options of legs, 2^32 wrap.
 */
#include "model/talk.h"

/* RFC 7323, 2.2: the window of a SYN-ACK is not scaled; what is shown after it is. */
static void the_ack_of_a_held_head_shows_no_more_than_the_server_gave(void **state)
{
	struct talk t;
	struct packet p;
	u8 b = CHAR(CHAR_HEAD, 0, 0);

	(void)state;
	talk_begin(&t);
	talk_syn(&t, 0);
	t.client.snd++;
	t.server[0].snd = SERVER_ISN(0);
	p = talk_packet(&t, &t.server[0], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.opts = t.opts;
	p.seg.ws = 7;
	p.seg.win = 64240;
	talk_server(&t, 0, &p);
	t.server[0].snd++;
	talk_ack(&t);
	talk_say(&t, 0, &b, 1);
	assert_int_equal(t.w.out[0].to_client, 1);
	assert_true(((u32)t.w.out[0].seg.win << 7) <= 64240);
}

/* Window scales: client and base agreed on 7, gray says 9: its field 200 is 102400 bytes, which the client reads in 7. */
static void a_window_is_shown_in_the_scale_that_the_client_knows(void **state)
{
	struct talk t;
	struct packet p;

	(void)state;
	talk_open(&t);
	p = talk_packet(&t, &t.server[0], GL_TCP_ACK);
	p.seg.win = 2000;	/* base takes 256000: it does not limit */
	talk_server(&t, 0, &p);
	talk_request(&t, 0, 1);
	t.server[1].snd = SERVER_ISN(1);
	p = talk_packet(&t, &t.server[1], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.mss = 1460;
	p.seg.opts = t.opts;
	p.seg.ws = 9;
	p.seg.win = 65000;
	talk_server(&t, 1, &p);
	t.server[1].snd++;
	p = talk_packet(&t, &t.server[1], GL_TCP_ACK);
	p.seg.win = 200;
	talk_server(&t, 1, &p);
	assert_int_equal(t.w.out[0].seg.win, 800);
}

/* TSecr of the packet that carries the request. */
static u32 echo_of_request(const struct talk *t)
{
	for (u32 i = 0; i < t->w.nout; i++)
		if (t->w.out[i].seg.len)
			return t->w.out[i].seg.tsecr;
	fail_msg("no packet carries the request");
	return 0;
}

static void between_requests_the_smaller_window_counts(void **state)
{
	struct talk t;
	struct packet p;

	(void)state;
	talk_open(&t);
	talk_to_base(&t, 0);
	talk_to_gray(&t, 1);
	p = talk_packet(&t, &t.server[1], GL_TCP_ACK);
	p.seg.win = 4000;
	talk_server(&t, 1, &p);
	assert_int_equal(t.w.out[0].seg.win, 500);	/* base's */
}

/* RFC 7323, 5.3: base ends at 0x70000000, gray begins at 5. */
static void timestamps_never_go_back(void **state)
{
	struct talk t;
	u32 view = 0x70000000, gray = 5, base = 0x70000000;
	struct packet p;
	u8 answer;

	(void)state;
	talk_begin(&t);
	t.opts |= GL_OPT_TS;
	p = talk_packet(&t, &t.client, GL_TCP_SYN);
	p.seg.opts = t.opts;
	p.seg.mss = 1460;
	p.seg.tsval = 1000;
	talk_client(&t, &p);
	t.client.snd++;
	p = talk_packet(&t, &t.server[0], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.seq = SERVER_ISN(0);
	t.server[0].snd = SERVER_ISN(0) + 1;
	p.seg.opts = t.opts;
	p.seg.mss = 1460;
	p.seg.tsval = base;
	talk_server(&t, 0, &p);
	for (u8 n = 0; n < 6; n++) {
		u8 peer = n & 1 ? 0 : 1;
		u8 b[2] = { CHAR(CHAR_HEAD, n, peer), CHAR(CHAR_SIZE, n, 0) };
		u32 *clock = peer ? &gray : &base;

		p = talk_packet(&t, &t.client, GL_TCP_ACK);
		p.seg.opts = GL_OPT_TS;
		p.seg.tsval = 1001 + n;
		p.seg.tsecr = view;
		p.seg.len = 2;
		memcpy(p.b, b, 2);
		talk_client(&t, &p);
		t.client.snd += 2;
		if (t.w.out[t.w.nout - 1].seg.flags & GL_TCP_SYN) {
			t.server[1].snd = SERVER_ISN(1) + 1;
			p = talk_packet(&t, &t.server[1], GL_TCP_SYN | GL_TCP_ACK);
			p.seg.seq--;
			p.seg.opts = t.opts;
			p.seg.mss = 1460;
			p.seg.tsval = gray;
			talk_server(&t, 1, &p);
		}
		/* what the server is handed, it has sent */
		assert_int_equal(echo_of_request(&t), *clock);
		*clock += 3;
		answer = CHAR(CHAR_HEAD, n, 0);
		p = talk_packet(&t, &t.server[peer], GL_TCP_ACK);
		p.seg.opts = GL_OPT_TS;
		p.seg.tsval = *clock;
		p.seg.len = 1;
		p.b[0] = answer;
		talk_server(&t, peer, &p);
		t.server[peer].snd++;
		assert_false(gl_seq_before(t.w.out[0].seg.tsval, view));
		view = t.w.out[0].seg.tsval;
	}
	assert_int_equal(t.client.got, 6);
}

/* Gray's clock is ahead of base's; a packet that still echoes base's must not give gray an echo that it never sent. */
static void an_echo_of_the_other_server_is_not_handed_on(void **state)
{
	struct talk t;
	struct packet p;
	u8 b[4] = { CHAR(CHAR_HEAD, 0, 1), CHAR(CHAR_SIZE, 0, 2), CHAR(CHAR_BODY, 0, 0),
		    CHAR(CHAR_BODY, 0, 1) };

	(void)state;
	talk_begin(&t);
	t.opts |= GL_OPT_TS;
	talk_syn(&t, 0);
	t.client.snd++;
	p = talk_packet(&t, &t.server[0], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.seq = SERVER_ISN(0);
	p.seg.opts = t.opts;
	p.seg.mss = 1460;
	p.seg.tsval = 1000;
	talk_server(&t, 0, &p);
	t.server[0].snd = SERVER_ISN(0) + 1;
	p = talk_packet(&t, &t.client, GL_TCP_ACK);
	p.seg.opts = GL_OPT_TS;
	p.seg.tsecr = 1000;
	p.seg.len = 3;
	memcpy(p.b, b, 3);
	talk_client(&t, &p);
	t.client.snd += 3;
	t.server[1].snd = SERVER_ISN(1);
	p = talk_packet(&t, &t.server[1], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.opts = t.opts;
	p.seg.mss = 1460;
	p.seg.tsval = 500000;
	talk_server(&t, 1, &p);
	t.server[1].snd++;
	/* the rest of the body was on its way already */
	p = talk_packet(&t, &t.client, GL_TCP_ACK);
	p.seg.ack = 5001;
	p.seg.opts = GL_OPT_TS;
	p.seg.tsecr = 1000;
	p.seg.len = 1;
	p.b[0] = b[3];
	talk_client(&t, &p);
	assert_int_equal(t.w.out[0].seg.tsecr, 500000);
}

/* A leg that cannot carry what the client sends is told so at once, or its server waits. */
static void an_unfit_leg_is_reset_and_base_serves(void **state)
{
	static const struct {
		u16 mss;
		u8 opts;
		u8 cause;
	} rows[] = {
		{ 1400, GL_OPT_WS | GL_OPT_SACK, GL_FALLBACK_MSS },
		{ 1460, GL_OPT_WS, GL_FALLBACK_OPTIONS },
		{ 1460, GL_OPT_SACK, GL_FALLBACK_OPTIONS },
	};

	(void)state;
	for (u32 i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk t;
		struct packet p;

		talk_open(&t);
		t.d.failed[2] = 1;
		talk_to_base(&t, 0);
		talk_request(&t, 1, 1);
		p = talk_packet(&t, &t.server[1], GL_TCP_SYN | GL_TCP_ACK);
		p.seg.seq = SERVER_ISN(1);
		p.seg.mss = rows[i].mss;
		p.seg.opts = rows[i].opts;
		talk_server(&t, 1, &p);
		assert_int_equal(t.w.step.fail, rows[i].cause);
		assert_int_equal(t.server[0].got, 4);
		assert_int_equal(t.w.nout, 2);
		talk_expect(&t, 0, 1, GL_TCP_RST, 1003, 0, 0);
		talk_expect(&t, 1, 0, GL_TCP_ACK | GL_TCP_PSH, 1003, 5002, 2);
	}
}

/* An old connection of the same tuple answers our SYN: it is reset, and the client's next packet sends the SYN again. */
static void a_challenge_ack_is_answered_by_rst_and_another_syn(void **state)
{
	struct talk t;
	struct packet again, p;

	(void)state;
	talk_open(&t);
	talk_request(&t, 0, 1);
	again = t.w.pkt;
	p = talk_packet(&t, &t.server[1], GL_TCP_ACK);
	p.seg.seq = 777;
	p.seg.ack = 888;
	talk_server(&t, 1, &p);
	talk_expect(&t, 0, 1, GL_TCP_RST, 888, 0, 0);
	talk_client(&t, &again);
	talk_expect(&t, 0, 1, GL_TCP_SYN, 1000, 0, 0);
	talk_accept(&t, 1);
	talk_response(&t, 1, 0);
	assert_int_equal(t.client.got, 1);
}

/* The server's retransmission has other borders: the interim head again, and the final one behind it. */
static void a_final_head_behind_bytes_seen_before_is_read(void **state)
{
	struct talk t;
	struct packet p;
	u8 b[2] = { CHAR(CHAR_INTERIM, 0, 0), CHAR(CHAR_HEAD, 0, 0) };

	(void)state;
	talk_open(&t);
	talk_request(&t, 0, 1);
	talk_accept(&t, 1);
	t.lost = 0x80;
	talk_answer(&t, 1, 0, b, 1);
	t.lost = 0;
	p = talk_packet(&t, &t.server[1], GL_TCP_ACK);
	p.seg.seq--;
	p.seg.len = 2;
	memcpy(p.b, b, 2);
	talk_server(&t, 1, &p);
	assert_int_equal(t.w.nout, 1);
	assert_int_equal(t.client.got, 2);
	assert_int_equal(t.d.conn.rsp.phase, GL_PHASE_IDLE);
}

/* Probes of the client: one below the next number, with or without a byte; they belong to no request. */
static void keepalive_probes_reach_the_active_server(void **state)
{
	(void)state;
	for (u32 len = 0; len < 2; len++) {
		struct talk t;
		struct packet p;

		talk_open(&t);
		talk_to_base(&t, 0);
		talk_to_gray(&t, 1);
		p = talk_packet(&t, &t.client, GL_TCP_ACK);
		p.seg.seq--;
		p.seg.len = len;
		talk_client(&t, &p);
		talk_expect(&t, 0, 1, GL_TCP_ACK, 1004, SERVER_ISN(1) + 2, len);
		p = talk_packet(&t, &t.server[1], GL_TCP_ACK);
		p.seg.seq--;
		talk_server(&t, 1, &p);
		talk_expect(&t, 0, -1, GL_TCP_ACK, 5002, 1005, 0);
		assert_int_equal(t.d.conn.requests, 2);
		talk_to_base(&t, 2);
		assert_int_equal(t.client.got, 3);
	}
}

static void all_numbers_wrap(void **state)
{
	(void)state;
	for (u32 back = 0; back < 12; back++) {
		struct talk t;
		struct packet p;

		talk_begin(&t);
		t.client.snd = 0 - back;
		talk_syn(&t, 0);
		t.client.snd++;
		p = talk_packet(&t, &t.server[0], GL_TCP_SYN | GL_TCP_ACK);
		p.seg.seq = 3 - back;
		p.seg.opts = t.opts;
		p.seg.mss = 1460;
		t.server[0].snd = p.seg.seq + 1;
		talk_server(&t, 0, &p);
		talk_ack(&t);
		for (u8 n = 0; n < 6; n += 2) {
			talk_to_base(&t, n);
			talk_request(&t, n + 1, 1);
			if (t.w.out[t.w.nout - 1].seg.flags & GL_TCP_SYN) {
				p = talk_packet(&t, &t.server[1], GL_TCP_SYN | GL_TCP_ACK);
				p.seg.seq = 5 - back;
				p.seg.opts = t.opts;
				p.seg.mss = 1460;
				t.server[1].snd = p.seg.seq + 1;
				talk_server(&t, 1, &p);
			}
			talk_response(&t, 1, n + 1);
		}
		assert_int_equal(t.client.got, 6);
		assert_int_equal(t.server[0].got, 6);
		assert_int_equal(t.server[1].got, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ack_of_a_held_head_shows_no_more_than_the_server_gave),
		cmocka_unit_test(a_window_is_shown_in_the_scale_that_the_client_knows),
		cmocka_unit_test(between_requests_the_smaller_window_counts),
		cmocka_unit_test(timestamps_never_go_back),
		cmocka_unit_test(an_echo_of_the_other_server_is_not_handed_on),
		cmocka_unit_test(an_unfit_leg_is_reset_and_base_serves),
		cmocka_unit_test(a_challenge_ack_is_answered_by_rst_and_another_syn),
		cmocka_unit_test(a_final_head_behind_bytes_seen_before_is_read),
		cmocka_unit_test(keepalive_probes_reach_the_active_server),
		cmocka_unit_test(all_numbers_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
