// SPDX-License-Identifier: Apache-2.0
/* ends: see ends.h. */
#include "model/ends.h"

#define ISN		1000U
#define FIRST		(ISN + 1)
#define FAR		1000U	/* wider than every window here */

/* The client's stream and the answers to it: the same in every state of a walk. */
static u8 stream[WORLD_BYTES], answers[WORLD_BYTES];
static u8 start[WORLD_REQUESTS + 1], answer_start[WORLD_REQUESTS + 1];

void ends_begin(struct world *w)
{
	const struct plan *plan = world_plan;
	u8 at = 0, to = 0;

	for (u8 n = 0; n < plan->requests; n++) {
		start[n] = at;
		answer_start[n] = to;
		stream[at++] = CHAR(CHAR_HEAD, n, plan->lane[n]);
		stream[at++] = CHAR(CHAR_SIZE, n, plan->body[n]);
		for (u8 i = 0; i < plan->body[n]; i++)
			stream[at++] = CHAR(CHAR_BODY, n, i);
		if (plan->long_heads)
			answers[to++] = CHAR(CHAR_SIZE, n, 0);
		answers[to++] = CHAR(CHAR_HEAD, n, plan->answer[n]);
		for (u8 i = 0; i < plan->answer[n]; i++)
			answers[to++] = CHAR(CHAR_BODY, n, i);
	}
	start[plan->requests] = at;
	answer_start[plan->requests] = to;
	w->client.una = ISN;
	w->client.nxt = ISN;
}

void queue_put(struct queue *q, const struct wire *wire)
{
	if (q->n < WORLD_QUEUE)
		q->wire[q->n++] = *wire;
	else
		world_full = true;
}

struct wire queue_pop(struct queue *q)
{
	struct wire wire = q->wire[0];

	for (u32 i = 1; i < q->n; i++)
		q->wire[i - 1] = q->wire[i];
	memset(&q->wire[--q->n], 0, sizeof(wire));
	return wire;
}

/* client ------------------------------------------------------------------------------------------------------------ */

static u32 client_got(const struct client *c)
{
	return c->rcv - c->base - c->fin_rcvd;
}

static void client_packet(const struct client *c, struct wire *ret, u8 flags, u32 seq, u32 len)
{
	*ret = (struct wire){ .flags = flags, .len = len, .seq = seq };
	if (flags & GL_TCP_ACK)
		ret->ack = c->rcv;
	if (len)
		memcpy(ret->b, stream + (seq - FIRST), len);
}

bool client_syn(struct world *w, struct wire *ret)
{
	struct client *c = &w->client;

	if (c->state != CLIENT_NEW && c->state != CLIENT_SYN_SENT)
		return false;
	client_packet(c, ret, GL_TCP_SYN, ISN, 0);
	c->state = CLIENT_SYN_SENT;
	c->nxt = FIRST;
	return true;
}

bool client_send(struct world *w, u32 arg, struct wire *ret)
{
	struct client *c = &w->client;
	u32 at = c->nxt - FIRST, n = 0, len, fin = !!(arg & 16);

	if (c->state != CLIENT_OPEN || c->fin_sent || at == start[world_plan->requests])
		return false;
	while (at >= start[n + 1])
		n++;
	if (at == start[n] &&
	    (c->fin_rcvd || (client_got(c) < answer_start[n] && !world_plan->pipeline)))
		return false;
	len = start[n + 1] - at;
	if (arg & 15) {
		if ((arg & 15) >= len)
			return false;
		len = arg & 15;
	}
	client_packet(c, ret, GL_TCP_ACK | GL_TCP_PSH | (fin ? GL_TCP_FIN : 0), c->nxt, len);
	c->nxt += len + fin;
	c->fin_sent = fin;
	c->owes_ack = 0;
	if (fin)
		w->excused = 1;
	return true;
}

static void client_ended(struct client *c)
{
	if (c->state == CLIENT_OPEN && c->fin_sent && c->fin_rcvd && c->una == c->nxt &&
	    !c->owes_ack)
		c->state = CLIENT_DONE;
}

bool client_ack(struct world *w, struct wire *ret)
{
	struct client *c = &w->client;

	if (!c->owes_ack)
		return false;
	client_packet(c, ret, GL_TCP_ACK, c->nxt, 0);
	c->owes_ack = 0;
	client_ended(c);
	return true;
}

bool client_again(struct world *w, u32 len, struct wire *ret)
{
	struct client *c = &w->client;
	u32 all = c->nxt - c->una - c->fin_sent, fin = c->fin_sent;

	if (c->state != CLIENT_OPEN || c->una == c->nxt)
		return false;
	if (len) {
		if (all <= len)
			return false;
		all = len;
		fin = 0;
	}
	client_packet(c, ret, GL_TCP_ACK | GL_TCP_PSH | (fin ? GL_TCP_FIN : 0), c->una, all);
	c->owes_ack = 0;
	return true;
}

bool client_at_end(const struct world *w)
{
	const struct client *c = &w->client;

	return c->fin_rcvd || (c->nxt - FIRST == start[world_plan->requests] &&
			       client_got(c) == answer_start[world_plan->requests]);
}

bool client_fin(struct world *w, struct wire *ret)
{
	struct client *c = &w->client;

	if (c->state != CLIENT_OPEN || c->fin_sent)
		return false;
	if (!client_at_end(w))
		w->excused = 1;
	client_packet(c, ret, GL_TCP_FIN | GL_TCP_ACK, c->nxt, 0);
	c->fin_sent = 1;
	c->nxt++;
	c->owes_ack = 0;
	return true;
}

bool client_abort(struct world *w, struct wire *ret)
{
	struct client *c = &w->client;

	if (c->state != CLIENT_OPEN)
		return false;
	client_packet(c, ret, GL_TCP_RST | GL_TCP_ACK, c->nxt, 0);
	c->state = CLIENT_DONE;
	c->was_reset = 1;
	c->owes_ack = 0;
	w->excused = 1;
	return true;
}

bool client_forget(struct world *w)
{
	if (w->client.state != CLIENT_OPEN || w->client.fin_rcvd)
		return false;
	w->client.state = CLIENT_DONE;
	w->client.was_reset = 1;
	w->client.owes_ack = 0;
	w->excused = 1;
	return true;
}

bool client_rst(struct world *w, struct wire *ret)
{
	struct client *c = &w->client;

	if (!c->owes_rst)
		return false;
	*ret = (struct wire){ .flags = GL_TCP_RST, .seq = c->rst_seq };
	c->owes_rst = 0;
	c->rst_seq = 0;
	return true;
}

/* What the client is told that it may forget lies at a server, or in the slot. */
static void client_acked(struct world *w, u32 ack)
{
	struct client *c = &w->client;

	if (!gl_seq_after(ack, c->una))
		return;
	world_require(!gl_seq_after(ack, c->nxt), "the client gets an ACK of what it has not sent");
	for (u32 seq = c->una; seq != ack && seq != c->nxt - c->fin_sent; seq++)
		if (seq != ISN)
			world_require((w->accepted >> (seq - FIRST) & 1) ||
					      (w->d.conn.slot &&
					       gl_seq_within(seq, w->d.conn.slot_seq,
							     w->d.conn.slot_seq +
								     w->d.conn.slot_len)),
				      "the client gets an ACK of what nobody has");
	c->una = ack;
}

static void client_data(struct world *w, const struct wire *wire)
{
	struct client *c = &w->client;
	u32 end = wire->seq + wire->len, at;

	if (wire->len || (wire->flags & GL_TCP_FIN) || wire->seq != c->rcv)
		c->owes_ack = 1;
	if (gl_seq_after(wire->seq, c->rcv) || gl_seq_before(end, c->rcv))
		return;
	/* Old bytes are of no interest: those of before a switch have other numbers by now. */
	for (u32 i = c->rcv - wire->seq; i < wire->len; i++) {
		at = wire->seq + i - c->base;
		world_require(at < answer_start[world_plan->requests] && wire->b[i] == answers[at],
			      "the client gets bytes that are not the next of its answers");
	}
	c->rcv = gl_seq_max(c->rcv, end);
	if ((wire->flags & GL_TCP_FIN) && end == c->rcv && !c->fin_rcvd) {
		c->fin_rcvd = 1;
		c->rcv++;
		world_require(w->blamed || c->fin_sent,
			      "the client gets a FIN that its server has not sent");
	}
}

static void client_reset(struct world *w)
{
	w->client.state = CLIENT_DONE;
	w->client.was_reset = 1;
	w->client.owes_ack = 0;
	world_require(w->blamed || w->excused,
		      "the client is reset though no server of its asked for it");
}

void client_take(struct world *w, const struct wire *wire)
{
	struct client *c = &w->client;

	if (c->state == CLIENT_DONE || c->state == CLIENT_NEW) {
		if (c->was_reset && !(wire->flags & GL_TCP_RST)) {
			c->owes_rst = 1;
			c->rst_seq = wire->ack;
		} else if (!c->was_reset && (wire->len || (wire->flags & GL_TCP_FIN))) {
			c->owes_ack = 1;
		}
		return;
	}
	if (c->state == CLIENT_SYN_SENT) {
		if (wire->ack != FIRST)
			return;
		if (wire->flags & GL_TCP_RST) {
			client_reset(w);
		} else if (wire->flags & GL_TCP_SYN) {
			c->state = CLIENT_OPEN;
			c->una = FIRST;
			c->rcv = wire->seq + 1;
			c->base = c->rcv;
			c->owes_ack = 1;
		}
		return;
	}
	if (wire->flags & GL_TCP_RST) {
		if (wire->seq == c->rcv)
			client_reset(w);
		else if (gl_seq_within(wire->seq, c->rcv, c->rcv + FAR))
			c->owes_ack = 1;
		return;
	}
	if (wire->flags & GL_TCP_SYN) {
		c->owes_ack = 1;
		return;
	}
	client_acked(w, wire->ack);
	client_data(w, wire);
	client_ended(c);
}

/* server ------------------------------------------------------------------------------------------------------------ */

static bool server_put(struct world *w, u32 peer, u8 flags, u32 seq, u32 ack, u32 len)
{
	const struct server *s = &w->server[peer];
	struct wire wire = { .flags = flags, .len = len, .seq = seq, .ack = ack };

	if (len)
		memcpy(wire.b, s->log + (seq - s->iss - 1), len);
	queue_put(&w->from[peer], &wire);
	return true;
}

static void server_challenge(struct world *w, u32 peer)
{
	server_put(w, peer, GL_TCP_ACK, w->server[peer].snd, w->server[peer].rcv, 0);
}

static void server_syn(struct world *w, u32 peer, const struct wire *wire)
{
	struct server *s = &w->server[peer];
	u8 life = s->life;

	if (s->silent)
		return;
	memset(s, 0, sizeof(*s));
	s->life = life + 1;
	s->state = SERVER_SYN_RCVD;
	s->iss = 5000 + 85000 * peer + 100000000U * life;
	s->snd = s->iss + 1;
	s->una = s->snd;
	s->rcv = wire->seq + 1;
	server_put(w, peer, GL_TCP_SYN | GL_TCP_ACK, s->iss, s->rcv, 0);
}

bool server_refuse(struct world *w, u32 peer, const struct wire *wire)
{
	return w->server[peer].state == SERVER_LISTEN &&
	       server_put(w, peer, GL_TCP_RST | GL_TCP_ACK, 0, wire->seq + 1, 0);
}

/* Nothing has gone wrong so far. */
static bool unspent(const struct world *w)
{
	return !memcmp(&w->left, &world_plan->budget, sizeof(w->left));
}

static void server_head(struct world *w, u32 peer, u8 n)
{
	bool pinned = w->pinned;

	world_require((w->accepted & ((1U << start[n]) - 1)) == (1U << start[n]) - 1U,
		      "a request reaches a server before an earlier one");
	world_require(!peer || world_plan->lane[n] || pinned, "a base request reaches gray");
	world_require(peer || !world_plan->lane[n] || pinned || !unspent(w),
		      "a gray request reaches base though nothing went wrong");
}

/* One more byte of a server's stream. */
static void server_byte(struct world *w, u32 peer, u8 c)
{
	struct server *s = &w->server[peer];
	u32 at;

	if (s->stage == 0) {
		world_require(CHAR_KIND(c) == CHAR_HEAD, "a request begins with another's bytes");
		s->now = CHAR_N(c) % WORLD_REQUESTS;
		server_head(w, peer, s->now);
		at = start[s->now];
	} else {
		at = start[s->now] + (s->stage == 1 ? 1 : 2 + world_plan->body[s->now] - s->left);
		world_require(at < WORLD_BYTES && c == stream[at],
			      "a request is mixed with other bytes");
	}
	world_require(!(w->accepted >> at & 1), "a byte reaches two servers");
	w->accepted |= 1U << at;
	if (s->stage == 1)
		s->left = CHAR_VALUE(c);
	else if (s->stage == 2)
		s->left--;
	s->stage = s->stage == 0 ? 1 : s->left ? 2 : 3;
	if (s->stage != 3)
		return;
	s->stage = 0;
	for (u32 i = answer_start[s->now]; i < answer_start[s->now + 1] && s->nlog < WORLD_BYTES;
	     i++)
		s->log[s->nlog++] = answers[i];
}

static void server_ended(struct world *w, u32 peer)
{
	struct server *s = &w->server[peer];

	if (!s->fin_sent || !s->fin_rcvd || s->una != s->snd)
		return;
	if (s->owes_ack)
		server_challenge(w, peer);
	s->owes_ack = 0;
	s->state = s->closed_first ? SERVER_TIME_WAIT : SERVER_LISTEN;
}

/* A segment at the right place, of an open connection. */
static void server_segment(struct world *w, u32 peer, const struct wire *wire)
{
	struct server *s = &w->server[peer];
	u32 end = wire->seq + wire->len;

	if (gl_seq_after(wire->ack, s->snd)) {
		world_fail("a server gets an ACK of what it has not sent");
		return;
	}
	s->una = gl_seq_max(s->una, wire->ack);
	if (wire->len || (wire->flags & GL_TCP_FIN) || wire->seq != s->rcv)
		s->owes_ack = 1;
	if (!gl_seq_after(wire->seq, s->rcv)) {
		for (; gl_seq_before(s->rcv, end); s->rcv++)
			server_byte(w, peer, wire->b[s->rcv - wire->seq]);
		if ((wire->flags & GL_TCP_FIN) && end == s->rcv && !s->fin_rcvd) {
			s->fin_rcvd = 1;
			s->rcv++;
		}
	}
	server_ended(w, peer);
}

static void server_rst_taken(struct world *w, u32 peer, const struct wire *wire)
{
	struct server *s = &w->server[peer];

	if (wire->seq == s->rcv)
		s->state = SERVER_LISTEN;
	else if (gl_seq_within(wire->seq, s->rcv, s->rcv + FAR) && s->state != SERVER_TIME_WAIT)
		server_challenge(w, peer);
}

void server_take(struct world *w, u32 peer, const struct wire *wire)
{
	struct server *s = &w->server[peer];

	if (s->state == SERVER_LISTEN) {
		if ((wire->flags & (GL_TCP_SYN | GL_TCP_ACK | GL_TCP_RST)) == GL_TCP_SYN)
			server_syn(w, peer, wire);
		else if (!(wire->flags & GL_TCP_RST))
			server_put(w, peer, GL_TCP_RST, wire->ack, 0, 0);
		return;
	}
	if (wire->flags & GL_TCP_RST) {
		server_rst_taken(w, peer, wire);
		return;
	}
	if (wire->flags & GL_TCP_SYN) {
		if (s->state == SERVER_TIME_WAIT && gl_seq_after(wire->seq, s->rcv))
			server_syn(w, peer, wire);
		else if (s->state == SERVER_SYN_RCVD && wire->seq + 1 == s->rcv)
			server_put(w, peer, GL_TCP_SYN | GL_TCP_ACK, s->iss, s->rcv, 0);
		else
			server_challenge(w, peer);
		return;
	}
	if (s->state == SERVER_TIME_WAIT) {
		if (wire->len || (wire->flags & GL_TCP_FIN))
			server_challenge(w, peer);
		return;
	}
	if (!gl_seq_within(wire->seq, s->rcv - FAR / 10, s->rcv + FAR)) {
		server_challenge(w, peer);
		return;
	}
	if (s->state == SERVER_SYN_RCVD) {
		if (wire->ack != s->iss + 1) {
			server_put(w, peer, GL_TCP_RST, wire->ack, 0, 0);
			return;
		}
		s->state = SERVER_OPEN;
	}
	server_segment(w, peer, wire);
}

bool server_answer(struct world *w, u32 peer, u32 len)
{
	struct server *s = &w->server[peer];
	u32 at = s->snd - s->iss - 1, all;

	if (s->state != SERVER_OPEN || s->fin_sent || at >= s->nlog)
		return false;
	all = s->nlog - at;
	if (len && len >= all)
		return false;
	if (len)
		all = len;
	server_put(w, peer, GL_TCP_ACK | GL_TCP_PSH, s->snd, s->rcv, all);
	s->snd += all;
	s->owes_ack = 0;
	return true;
}

bool server_ack(struct world *w, u32 peer)
{
	if (w->server[peer].state != SERVER_OPEN || !w->server[peer].owes_ack)
		return false;
	server_challenge(w, peer);
	w->server[peer].owes_ack = 0;
	return true;
}

bool server_again(struct world *w, u32 peer)
{
	struct server *s = &w->server[peer];

	if (s->state == SERVER_SYN_RCVD)
		return server_put(w, peer, GL_TCP_SYN | GL_TCP_ACK, s->iss, s->rcv, 0);
	if (s->state != SERVER_OPEN || s->una == s->snd)
		return false;
	s->owes_ack = 0;
	return server_put(w, peer, GL_TCP_ACK | GL_TCP_PSH | (s->fin_sent ? GL_TCP_FIN : 0), s->una,
			  s->rcv, s->snd - s->una - s->fin_sent);
}

bool server_at_end(const struct world *w, u32 peer)
{
	const struct server *s = &w->server[peer];

	return s->snd - s->iss - 1 == s->nlog && (s->fin_rcvd || w->client.state == CLIENT_DONE);
}

bool server_fin(struct world *w, u32 peer, bool unasked)
{
	struct server *s = &w->server[peer];

	(void)unasked;
	if (s->state != SERVER_OPEN || s->fin_sent)
		return false;
	server_put(w, peer, GL_TCP_FIN | GL_TCP_ACK, s->snd, s->rcv, 0);
	s->nlog = s->snd - s->iss - 1;
	s->fin_sent = 1;
	s->snd++;
	s->closed_first = !s->fin_rcvd;
	s->owes_ack = 0;
	return true;
}

bool server_rst(struct world *w, u32 peer)
{
	struct server *s = &w->server[peer];

	if (s->state != SERVER_OPEN && s->state != SERVER_SYN_RCVD)
		return false;
	server_put(w, peer, GL_TCP_RST | GL_TCP_ACK, s->snd, s->rcv, 0);
	s->state = SERVER_LISTEN;
	return true;
}
