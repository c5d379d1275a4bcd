// SPDX-License-Identifier: Apache-2.0
/* pkt_talk: see pkt_talk.h. */
#include "prog/pkt_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* @before, as many `a` as make @len together with @after, @after. */
static void fill(uint8_t *buf, uint32_t len, const char *before, const char *after)
{
	uint32_t n = (uint32_t)strlen(before), m = (uint32_t)strlen(after);

	assert_true(n + m <= len);
	memcpy(buf, before, n);
	memset(buf + n, 'a', len - n - m);
	memcpy(buf + len - m, after, m);
}

void talk_request(uint8_t *buf, uint32_t len, bool gray)
{
	fill(buf, len,
	     gray ? "GET / HTTP/1.1\r\nHost: web\r\nx-lane: v2\r\nx:" :
		    "GET / HTTP/1.1\r\nHost: web\r\nx:",
	     "\r\n\r\n");
}

void talk_answer(uint8_t *buf, uint32_t len, uint32_t body)
{
	char head[100];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\nx:", body);
	fill(buf, len - body, head, "\r\n\r\n");
	pkt_pattern(buf + len - body, 0, body);
}

void talk_begin(struct pkt_talk *t, struct rig *rig)
{
	memset(t, 0, sizeof(*t));
	t->rig = rig;
	t->tsval[POD] = 1000;
	t->tsval[FRONT] = 500000;
	t->tsval[GRAY] = 600000;
	t->tsval[GRAY2] = 700000;
	t->tsecr[POD] = 500000;
	t->tsecr[FRONT] = 1000;
	t->tsecr[GRAY] = 1000;
	t->tsecr[GRAY2] = 1000;
	for (uint32_t i = 0; i < PKT_SIDES; i++)
		t->win[i] = 500;
	talk_request(t->r1, 50, false);
	talk_request(t->r2, 60, true);
	talk_answer(t->a1, 100, 10);
}

struct pkt talk_pkt(const struct pkt_talk *t, uint8_t from, uint8_t to, uint8_t flags, uint32_t seq,
		    uint32_t ack, const void *data, uint32_t len)
{
	struct pkt pkt = {
		.from = from, .to = to, .flags = flags, .seq = seq + t->off, .data = data, .len = len
	};

	if (flags & GL_TCP_ACK)
		pkt.ack = ack + t->off;
	pkt.win = t->win[from];
	pkt.ts = t->ts;
	pkt.tsval = t->tsval[from];
	pkt.tsecr = t->tsecr[from];
	return pkt;
}

struct pkt talk_syn(const struct pkt_talk *t, uint8_t from, uint8_t to, uint8_t flags, uint32_t seq,
		    uint32_t ack)
{
	struct pkt pkt = talk_pkt(t, from, to, flags, seq, ack, NULL, 0);

	pkt.win = 64000;
	pkt.mss = 1460;
	pkt.sack_ok = t->sack_ok;
	pkt.ws = from == GRAY || from == GRAY2 ? t->gray_ws : t->ws;
	if (!(flags & GL_TCP_ACK))
		pkt.tsecr = 0;
	return pkt;
}

void talk_pass(struct pkt_talk *t, struct pkt pkt)
{
	rig_case(t->rig, &pkt, RIG_PASS, NULL);
}

void talk_drop(struct pkt_talk *t, struct pkt pkt)
{
	rig_case(t->rig, &pkt, RIG_DROP, NULL);
}

void talk_change(struct pkt_talk *t, struct pkt pkt, int verdict, struct pkt want)
{
	rig_case(t->rig, &pkt, verdict, &want);
}

struct gl_conn talk_conn(const struct pkt_talk *t)
{
	struct gl_conn conn;

	assert_true(rig_conn(t->rig, 0, &conn));
	return conn;
}

void talk_open(struct pkt_talk *t)
{
	if (!t->gray_ws)
		t->gray_ws = t->ws;
	talk_pass(t, talk_syn(t, POD, FRONT, GL_TCP_SYN, 1000, 0));
	talk_pass(t, talk_syn(t, FRONT, POD, SYN_ACK, 5000, 1001));
	talk_pass(t, talk_pkt(t, POD, FRONT, ACK, 1001, 5001, NULL, 0));
}

void talk_base(struct pkt_talk *t, bool ack)
{
	talk_pass(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1001, 5001, t->r1, 50));
	talk_pass(t, talk_pkt(t, FRONT, POD, PSH_ACK, 5001, 1051, t->a1, 100));
	if (ack)
		talk_pass(t, talk_pkt(t, POD, FRONT, ACK, 1051, 5101, NULL, 0));
}

void talk_gray_syn(struct pkt_talk *t)
{
	struct pkt syn = talk_syn(t, POD, GRAY, GL_TCP_SYN, 1050, 0);

	syn.win = t->ws ? (uint16_t)(t->win[POD] << (t->ws - 1)) : t->win[POD];
	talk_change(t, talk_pkt(t, POD, FRONT, PSH_ACK, 1051, 5101, t->r2, 60), RIG_PASS, syn);
}

void talk_gray_accept(struct pkt_talk *t)
{
	struct pkt replay = talk_pkt(t, POD, GRAY, PSH_ACK, 1051, 90001, t->r2, 60);

	replay.tsecr = t->tsval[GRAY];
	talk_change(t, talk_syn(t, GRAY, POD, SYN_ACK, 90000, 1051), RIG_REDIRECT, replay);
}

void talk_scenario(struct pkt_talk *t)
{
	talk_open(t);
	talk_base(t, true);
	talk_gray_syn(t);
	talk_gray_accept(t);
}
