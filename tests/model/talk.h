/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk: a conversation for unit tests of the connection machine: a client and its servers keep their numbers, the driver is in
 * between. Every packet that the driver makes is delivered; who gets bytes that are not the next ones fails the test.
 */
#ifndef TESTS_MODEL_TALK_H
#define TESTS_MODEL_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/driver.h"

#define TALK_MS		1000000ULL
#define CLIENT_ISN	1000U
#define SERVER_ISN(peer) (5000U + 85000U * (peer))

struct talk_end {
	u32 snd;		/* next number to send */
	u32 rcv;		/* next number expected */
	u32 got;		/* bytes received */
	u8 last[DRIVER_BYTES * 4];	/* the bytes */
};

struct talk {
	struct driver d;
	struct work w;
	u64 now_ns;
	u8 opts;		/* of SYN and SYN-ACK */
	struct talk_end client;
	struct talk_end server[DRIVER_PEERS];
	u32 lost;		/* bits: the next packets to that peer vanish behind the machine; bit 7: to the client */
};

void driver_broken(const char *what)
{
	fail_msg("%s", what);
}

static inline void talk_take(struct talk_end *end, const struct packet *p)
{
	if (p->seg.flags & GL_TCP_SYN)
		end->rcv = p->seg.seq + 1;
	if (p->seg.flags & GL_TCP_RST || !gl_seq_after(p->seg.seq + p->seg.len, end->rcv))
		return;
	assert_false(gl_seq_after(p->seg.seq, end->rcv));
	for (u32 i = end->rcv - p->seg.seq; i < p->seg.len; i++)
		if (end->got < sizeof(end->last))
			end->last[end->got++] = p->b[i];
	end->rcv = p->seg.seq + p->seg.len;
}

static inline void talk_deliver(struct talk *t)
{
	for (u32 i = 0; i < t->w.nout; i++) {
		const struct packet *p = &t->w.out[i];

		if (t->lost & (p->to_client ? 0x80 : 1U << p->peer))
			continue;
		talk_take(p->to_client ? &t->client : &t->server[p->peer], p);
	}
}

static inline struct packet talk_packet(const struct talk *t, const struct talk_end *end, u8 flags)
{
	struct packet p = { 0 };

	p.seg.now_ns = t->now_ns;
	p.seg.flags = flags;
	p.seg.seq = end->snd;
	p.seg.ack = flags & GL_TCP_ACK ? end->rcv : 0;
	p.seg.win = 500;
	return p;
}

/* The client sends what @p says. */
static inline void talk_client(struct talk *t, const struct packet *p)
{
	driver_from_client(&t->d, &t->w, p, 0);
	talk_deliver(t);
}

static inline void talk_server(struct talk *t, u8 peer, const struct packet *p)
{
	struct packet from = *p;

	from.peer = peer;
	from.to_client = 1;
	driver_from_server(&t->d, &t->w, &from);
	talk_deliver(t);
}

/* The client sends @len new bytes. */
static inline void talk_say(struct talk *t, u8 flags, const u8 *b, u32 len)
{
	struct packet p = talk_packet(t, &t->client, flags | GL_TCP_ACK);

	p.seg.len = len;
	if (len)
		memcpy(p.b, b, len);
	talk_client(t, &p);
	t->client.snd += len + !!(flags & GL_TCP_FIN);
}

/* Server @peer sends @len new bytes. */
static inline void talk_answer(struct talk *t, u8 peer, u8 flags, const u8 *b, u32 len)
{
	struct packet p = talk_packet(t, &t->server[peer], flags | GL_TCP_ACK);

	p.seg.len = len;
	if (len)
		memcpy(p.b, b, len);
	talk_server(t, peer, &p);
	t->server[peer].snd += len + !!(flags & GL_TCP_FIN);
}

/* Pure ACKs. */
static inline void talk_ack(struct talk *t)
{
	talk_say(t, 0, NULL, 0);
}

static inline void talk_server_ack(struct talk *t, u8 peer)
{
	talk_answer(t, peer, 0, NULL, 0);
}

/* Request @n without a body, whole. */
static inline void talk_request(struct talk *t, u8 n, u8 lane)
{
	u8 b[2] = { CHAR(CHAR_HEAD, n, lane), CHAR(CHAR_SIZE, n, 0) };

	talk_say(t, GL_TCP_PSH, b, 2);
}

/* Server @peer answers request @n without a body, and the client acknowledges. */
static inline void talk_response(struct talk *t, u8 peer, u8 n)
{
	u8 b = CHAR(CHAR_HEAD, n, 0);

	talk_answer(t, peer, GL_TCP_PSH, &b, 1);
	talk_ack(t);
}

/* Server @peer answers the SYN that it has got. */
static inline void talk_accept(struct talk *t, u8 peer)
{
	struct packet p;

	t->server[peer].snd = SERVER_ISN(peer);
	p = talk_packet(t, &t->server[peer], GL_TCP_SYN | GL_TCP_ACK);
	p.seg.mss = 1460;
	p.seg.opts = t->opts;
	p.seg.ws = 7;
	t->server[peer].snd++;
	talk_server(t, peer, &p);
}

static inline void talk_refuse(struct talk *t, u8 peer)
{
	struct packet p = talk_packet(t, &t->server[peer], GL_TCP_RST | GL_TCP_ACK);

	p.seg.seq = 0;
	talk_server(t, peer, &p);
}

/* The client's SYN, which is to go to a server of @lane at once. */
static inline void talk_syn(struct talk *t, u8 lane)
{
	struct packet p = talk_packet(t, &t->client, GL_TCP_SYN);

	p.seg.mss = 1460;
	p.seg.opts = t->opts;
	p.seg.ws = 7;
	driver_from_client(&t->d, &t->w, &p, lane);
	talk_deliver(t);
}

static inline void talk_begin(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	t->now_ns = 1000 * TALK_MS;
	t->opts = GL_OPT_WS | GL_OPT_SACK;
	t->client.snd = CLIENT_ISN;
}

/* An established connection to base. */
static inline void talk_open(struct talk *t)
{
	talk_begin(t);
	talk_syn(t, 0);
	t->client.snd++;
	talk_accept(t, 0);
	talk_ack(t);
}

/* Request @n goes to endpoint 1, whose leg is opened for it, and is answered. */
static inline void talk_to_gray(struct talk *t, u8 n)
{
	talk_request(t, n, 1);
	if (t->w.nout && (t->w.out[t->w.nout - 1].seg.flags & GL_TCP_SYN))
		talk_accept(t, 1);
	talk_response(t, 1, n);
}

static inline void talk_to_base(struct talk *t, u8 n)
{
	talk_request(t, n, 0);
	talk_response(t, 0, n);
}

/* Packet @i of the last step goes to @peer (or the client: -1) with exactly these flags and numbers. */
static inline void talk_expect(const struct talk *t, u32 i, int peer, u8 flags, u32 seq, u32 ack,
			       u32 len)
{
	const struct packet *p = &t->w.out[i];
	char got[200], want[200];

	assert_true(i < t->w.nout);
	snprintf(got, sizeof(got), "to %d flags %#x seq %u ack %u len %u",
		 p->to_client ? -1 : p->peer, p->seg.flags, p->seg.seq, p->seg.ack, p->seg.len);
	snprintf(want, sizeof(want), "to %d flags %#x seq %u ack %u len %u", peer, flags, seq, ack,
		 len);
	assert_string_equal(got, want);
}

#endif
