// SPDX-License-Identifier: Apache-2.0
/* world: see world.h. Here: the machine's surroundings and the list of actions. */
#include "model/world.h"

#include <stdio.h>

#include "model/ends.h"

const struct plan *world_plan;
const char *world_broken;
bool world_full;

void world_fail(const char *what)
{
	if (!world_broken)
		world_broken = what;
}

void driver_broken(const char *what)
{
	world_fail(what);
}

void world_require(bool ok, const char *what)
{
	if (!ok)
		world_fail(what);
}

bool world_row(u32 state, u32 event)
{
	return driver_rows[state][event];
}

/* What does not matter to any later step becomes the same in all states. */
static void settle(struct world *w)
{
	struct gl_conn *conn = &w->d.conn;

	if (conn->flags & GL_CONN_PINNED)
		w->pinned = 1;
	if (conn->flags & GL_CONN_TRANSLATED)
		w->translated = 1;
	conn->start_ns = 0;
	conn->used_ns = 0;
	conn->requests = 0;
	conn->epoch = 0;
	conn->req.start_ns = 0;
	conn->req.bytes = 0;
	conn->rsp.bytes = 0;
	conn->rsp.first_ns = !!conn->rsp.first_ns;
	for (u32 i = 0; i < GL_LEGS; i++) {
		conn->leg[i].tries = 0;
		conn->leg[i].used_ms = conn->leg[i].state == GL_LEG_OPENING ? 1000 : 0;
	}
}

/* Every tuple belongs to a leg that has this address, and every live leg to an endpoint has its tuple. */
static void check_tuples(const struct driver *d)
{
	for (u32 p = 1; p < DRIVER_PEERS; p++) {
		const struct gl_leg *leg = &d->conn.leg[(d->tuple[p] - 1) & (GL_LEGS - 1)];

		if (d->tuple[p])
			world_require(driver_peer(&leg->addr) == p,
				      "a tuple names a leg to another endpoint");
	}
	for (u32 i = 1; i < GL_LEGS; i++) {
		const struct gl_leg *leg = &d->conn.leg[i];

		if (leg->state != GL_LEG_NONE && leg->state != GL_LEG_CLOSED)
			world_require(d->tuple[driver_peer(&leg->addr)] == i + 1,
				      "a leg is in use and its tuple is not claimed");
	}
}

static void check_state(const struct world *w)
{
	const struct driver *d = &w->d;
	u32 slots = 0;

	for (u32 i = 0; i < DRIVER_SLOTS; i++)
		slots += d->slot[i].taken;
	world_require(slots == (d->conn.slot ? 1U : 0) + (d->conn.rsp.slot ? 1U : 0),
		      "a slot is taken and nobody owns it");
	if (d->conn.slot)
		world_require(d->slot[d->conn.slot - 1].taken, "a slot has an owner and is free");
	if (d->conn.rsp.slot)
		world_require(d->slot[d->conn.rsp.slot - 1].taken &&
				      d->conn.rsp.slot != d->conn.slot,
			      "a response's slot is not its own");
	if (d->live)
		check_tuples(d);
	else
		world_require(!d->tuple[1] && !d->tuple[2],
			      "the state ends and a tuple stays claimed");
}

/* A never-translated connection: the packet goes on as it came. */
static void check_untouched(const struct work *work)
{
	const struct packet *in = &work->pkt, *out = &work->out[0];
	bool same = work->nout == 1 && out->to_client == work->to_pod && out->peer == in->peer &&
		    !memcmp((const u8 *)&out->seg, (const u8 *)&in->seg, sizeof(out->seg)) &&
		    !memcmp(out->b, in->b, sizeof(out->b));

	world_require(same, "a packet of a never-translated connection does not pass as it is");
}

/* An endpoint's packet as it is: to the client's host this is no connection at all. */
static void stranger(struct world *w, const struct packet *p)
{
	if (!(p->seg.flags & GL_TCP_RST))
		queue_put(&w->to[p->peer],
			  &(struct wire){ .flags = GL_TCP_RST, .seq = p->seg.ack });
}

static void to_client(struct world *w, const struct packet *p)
{
	struct wire wire = {
		.flags = p->seg.flags, .len = p->seg.len, .seq = p->seg.seq, .ack = p->seg.ack
	};

	memcpy(wire.b, p->b, sizeof(wire.b));
	if (!p->peer) {
		client_take(w, &wire);
		return;
	}
	for (u32 i = 1; i < GL_LEGS && w->d.live; i++)
		if (driver_peer(&w->d.conn.leg[i].addr) == p->peer)
			world_require(w->d.conn.leg[i].state == GL_LEG_CLOSED ||
					      !w->d.conn.leg[i].state,
				      "an endpoint's packet reaches the client as it is");
	stranger(w, p);
}

/* Sends what the machine has made. @lost: nothing arrives at the client. */
static void deliver(struct world *w, const struct work *work, bool lost)
{
	for (u32 i = 0; i < work->nout; i++) {
		const struct packet *p = &work->out[i];
		struct wire wire = { .flags = p->seg.flags,
				     .len = p->seg.len,
				     .seq = p->seg.seq,
				     .ack = p->seg.ack };

		if (p->to_client) {
			if (!lost)
				to_client(w, p);
			continue;
		}
		memcpy(wire.b, p->b, sizeof(wire.b));
		world_require(p->peer < WORLD_PEERS, "a packet for nobody");
		if (p->peer < WORLD_PEERS)
			queue_put(&w->to[p->peer], &wire);
	}
}

static struct packet packet_of(const struct wire *wire, u8 peer, bool from_server, bool late)
{
	struct packet p = { .to_client = from_server, .peer = peer };

	p.seg.now_ns = late ? 1400000000ULL : 1000000000ULL;
	p.seg.seq = wire->seq;
	p.seg.ack = wire->ack;
	p.seg.len = wire->len;
	p.seg.win = 500;
	p.seg.mss = 1460;
	p.seg.flags = wire->flags;
	memcpy(p.b, wire->b, sizeof(p.b));
	return p;
}

/* A FIN or RST of the server that the client talks to may be shown to it: then not every answer must come. */
static void blame(struct world *w, const struct packet *p)
{
	const struct gl_leg *leg = &w->d.conn.leg[w->d.conn.active & (GL_LEGS - 1)];

	if (!(p->seg.flags & (GL_TCP_FIN | GL_TCP_RST)))
		return;
	if (!w->d.live ||
	    (driver_peer(&leg->addr) == p->peer && (leg->state == GL_LEG_OPEN || !p->peer)))
		w->blamed = 1;
}

static void enter(struct world *w, struct work *work, const struct packet *p)
{
	if (p->to_client)
		blame(w, p);
	if (p->to_client)
		driver_enter_server(&w->d, work, p);
	else
		driver_enter_client(&w->d, work, p, world_plan->syn_lane);
}

static void leave(struct world *w, struct work *work)
{
	if (work->to_pod)
		driver_leave_server(&w->d, work);
	else
		driver_leave_client(&w->d, work);
}

/*
 * The state ends when both sides have acknowledged the other's FIN. What still comes, repeated FINs and their ACKs, meets no
 * connection: to each end it is a stranger's, and its kernel gives up in time. Not walked where numbers were translated.
 */
static bool is_late(const struct world *w)
{
	return !w->d.live && w->client.state >= CLIENT_OPEN && w->translated;
}

static void machine(struct world *w, const struct packet *p, bool lost)
{
	bool before = w->d.live && !(w->d.conn.flags & GL_CONN_TRANSLATED), after;
	struct work work;

	if (is_late(w)) {
		if (p->to_client && (p->peer || w->client.was_reset))
			stranger(w, p);
		return;
	}
	enter(w, &work, p);
	leave(w, &work);
	after = !(w->d.conn.flags & GL_CONN_TRANSLATED);
	if (before && after && work.step.act != GL_ACT_RST_CLIENT)
		check_untouched(&work);
	deliver(w, &work, lost);
	settle(w);
	check_state(w);
}

static void from_client(struct world *w, const struct wire *wire, bool late, bool lost)
{
	struct packet p = packet_of(wire, 0, false, late);

	machine(w, &p, lost);
}

/* The packet of one side of a race; false: there is none. */
static bool race_packet(struct world *w, u32 who, struct packet *ret)
{
	struct wire wire;
	u32 peer;

	if (who >= RACE_FROM) {
		peer = who - RACE_FROM;
		if (!w->from[peer].n)
			return false;
		wire = queue_pop(&w->from[peer]);
		*ret = packet_of(&wire, peer, true, false);
		return true;
	}
	if (who == RACE_SEND ? !client_send(w, 0, &wire) :
	    who == RACE_FIN  ? !client_fin(w, &wire) :
			       !client_again(w, 0, &wire))
		return false;
	*ret = packet_of(&wire, 0, false, who == RACE_LATE);
	return true;
}

static bool race(struct world *w, u32 first, u32 second)
{
	struct packet a, b;
	struct work work;

	if (is_late(w) || !race_packet(w, first, &a))
		return false;
	enter(w, &work, &a);
	if (work.step.act <= GL_ACT_XLAT && !work.step.over)
		return false;	/* nothing comes behind the lock */
	if (!race_packet(w, second, &b))
		return false;
	{
		struct work inner;

		enter(w, &inner, &b);
		leave(w, &inner);
		deliver(w, &inner, false);
	}
	leave(w, &work);
	deliver(w, &work, false);
	settle(w);
	check_state(w);
	return true;
}

static bool quiet(const struct world *w)
{
	u32 n = 0;

	for (u32 i = 0; i < WORLD_PEERS; i++)
		n += w->to[i].n + w->from[i].n;
	return !n;
}

/* A server's RST may be lost: a client that has nothing to send again waits for its own patience to end. */
static bool gives_up(const struct world *w)
{
	return w->left.reset < world_plan->budget.reset && w->client.una == w->client.nxt &&
	       quiet(w);
}

static bool spend(u8 *budget, bool *ret_good)
{
	*ret_good = false;
	if (!*budget)
		return false;
	--*budget;
	return true;
}

static bool do_client(struct world *w, u32 what, u32 arg, bool *ret_good)
{
	struct wire wire;

	switch (what) {
	case ACT_SYN:
		if (w->client.state == CLIENT_SYN_SENT && !quiet(w) &&
		    !spend(&w->left.spur, ret_good))
			return false;
		if (!client_syn(w, &wire))
			return false;
		from_client(w, &wire, arg, false);
		return true;
	case ACT_SEND:
		if ((arg & 16) && !spend(&w->left.early, ret_good))
			return false;
		if (((arg & 15) && !world_plan->cuts) || !client_send(w, arg, &wire))
			return false;
		break;
	case ACT_ACK:
		if (!client_ack(w, &wire))
			return false;
		break;
	case ACT_TICK:
		if (((arg & 2) && !world_plan->cuts) || w->client.state != CLIENT_OPEN)
			return false;
		if (!quiet(w) && !spend(&w->left.spur, ret_good))
			return false;
		if (!client_again(w, arg & 2 ? 1 : 0, &wire))
			return false;
		from_client(w, &wire, arg & 1, false);
		return true;
	case ACT_FIN:
		if (w->client.fin_sent && gives_up(w))
			return client_forget(w);
		if (!client_at_end(w) && !gives_up(w) && !spend(&w->left.early, ret_good))
			return false;
		if (!client_fin(w, &wire))
			return false;
		break;
	case ACT_ABORT:
		if (!spend(&w->left.abort, ret_good) || !client_abort(w, &wire))
			return false;
		break;
	default:
		if (!client_rst(w, &wire))
			return false;
	}
	from_client(w, &wire, false, false);
	return true;
}

static bool do_to(struct world *w, u32 what, u32 peer, bool *ret_good)
{
	struct queue *q = &w->to[peer];
	struct wire wire;

	if (!q->n || w->from[peer].n == WORLD_QUEUE)
		return false;
	if (what == ACT_TO_DUP && q->n == WORLD_QUEUE)
		return false;
	if (what == ACT_TO_LOSE && !spend(&w->left.loss, ret_good))
		return false;
	if (what == ACT_TO_DUP && !spend(&w->left.dup, ret_good))
		return false;
	wire = queue_pop(q);
	switch (what) {
	case ACT_TO_LOSE:
		return true;
	case ACT_TO_DUP:
		queue_put(q, &wire);
		break;
	case ACT_REFUSE:
		return (wire.flags & GL_TCP_SYN) && spend(&w->left.refuse, ret_good) &&
		       server_refuse(w, peer, &wire);
	case ACT_SILENCE:
		if (!peer || !(wire.flags & GL_TCP_SYN) || !spend(&w->left.silent, ret_good))
			return false;
		w->server[peer].silent = 1;
		return true;
	}
	server_take(w, peer, &wire);
	return true;
}

static bool do_from(struct world *w, u32 what, u32 arg, bool *ret_good)
{
	u32 peer = arg & 3;
	struct queue *q = &w->from[peer];
	struct packet p;
	struct wire wire;

	if (!q->n || (what == ACT_FROM_DUP && q->n == WORLD_QUEUE))
		return false;
	if (what == ACT_FROM_LOSE && !spend(&w->left.loss, ret_good))
		return false;
	if ((arg & 16) && !spend(&w->left.pod, ret_good))
		return false;
	if (what == ACT_FROM_DUP && !spend(&w->left.dup, ret_good))
		return false;
	wire = queue_pop(q);
	if (what == ACT_FROM_LOSE)
		return true;
	if (what == ACT_FROM_DUP)
		queue_put(q, &wire);
	p = packet_of(&wire, peer, true, false);
	machine(w, &p, arg & 16);
	return true;
}

static bool do_server(struct world *w, u32 what, u32 arg, bool *ret_good)
{
	u32 peer = arg & 3;

	if (w->from[peer].n == WORLD_QUEUE)
		return false;
	switch (what) {
	case ACT_ANSWER:
		return (!(arg & 4) || world_plan->answer_cuts) &&
		       server_answer(w, peer, arg & 4 ? 1 : 0);
	case ACT_SERVER_ACK:
		return server_ack(w, peer);
	case ACT_AGAIN:
		return quiet(w) && server_again(w, peer);
	case ACT_SERVER_FIN:
		if (!server_at_end(w, peer) && !spend(&w->left.close, ret_good))
			return false;
		return server_fin(w, peer, !*ret_good);
	default:
		return spend(&w->left.reset, ret_good) && server_rst(w, peer);
	}
}

static bool act(struct world *w, u16 action, bool *ret_good)
{
	u32 what = action >> 8, arg = action & 0xff;

	*ret_good = true;
	if (what == ACT_RACE)
		return spend(&w->left.race, ret_good) && race(w, arg >> 4, arg & 15);
	if (what >= ACT_ANSWER)
		return do_server(w, what, arg, ret_good);
	if (what >= ACT_FROM)
		return do_from(w, what, arg, ret_good);
	if (what >= ACT_TO)
		return do_to(w, what, arg, ret_good);
	return do_client(w, what, arg, ret_good);
}

bool world_do(struct world *w, u16 action, bool *ret_good)
{
	world_full = false;
	if (!act(w, action, ret_good) || world_full) {
		world_broken = NULL;
		return false;
	}
	if (world_over(w) && !w->blamed && !w->excused)
		world_require(client_at_end(w), "everything is over and an answer is missing");
	return true;
}

bool world_swept(const struct world *w)
{
	return w->client.state == CLIENT_DONE && w->d.live && quiet(w);
}

bool world_over(const struct world *w)
{
	if (w->client.state != CLIENT_DONE || w->d.live || !quiet(w) || w->client.owes_rst)
		return false;
	for (u32 p = 0; p < WORLD_PEERS; p++)
		if (w->server[p].state == SERVER_SYN_RCVD ||
		    (w->server[p].state == SERVER_OPEN && !w->server[p].fin_sent))
			return false;
	return true;
}

void world_begin(struct world *w, const struct plan *plan)
{
	memset(w, 0, sizeof(*w));
	world_plan = plan;
	w->left = plan->budget;
	w->blamed = plan->none;
	w->d.none = plan->none;
	w->d.start = plan->other_first;
	ends_begin(w);
}

static const struct {
	u8 what;
	u8 args[6];
	u8 n;
	const char *name;
} actions[] = {
	{ ACT_SYN, { 0, 1 }, 2, "the client sends its SYN" },
	{ ACT_SEND, { 0, 1, 2, 16 }, 4, "the client sends" },
	{ ACT_ACK, { 0 }, 1, "the client acknowledges" },
	{ ACT_TICK, { 0, 1, 2, 3 }, 4, "the client sends again" },
	{ ACT_FIN, { 0 }, 1, "the client sends FIN" },
	{ ACT_ABORT, { 0 }, 1, "the client sends RST" },
	{ ACT_RST, { 0 }, 1, "the client's host answers with RST" },
	{ ACT_TO, { 0, 1, 2 }, 3, "arrives at server" },
	{ ACT_TO_LOSE, { 0, 1, 2 }, 3, "lost on its way to server" },
	{ ACT_TO_DUP, { 0, 1, 2 }, 3, "arrives (and will again) at server" },
	{ ACT_REFUSE, { 0, 1, 2 }, 3, "refused by server" },
	{ ACT_SILENCE, { 1, 2 }, 2, "from now on no SYN is answered by server" },
	{ ACT_FROM, { 0, 1, 2, 16, 17, 18 }, 6, "meets the machine, from server" },
	{ ACT_FROM_LOSE, { 0, 1, 2 }, 3, "lost on its way from server" },
	{ ACT_FROM_DUP, { 0, 1, 2 }, 3, "meets the machine (and will again), from server" },
	{ ACT_ANSWER, { 0, 1, 2, 4, 5, 6 }, 6, "answer of server" },
	{ ACT_SERVER_ACK, { 0, 1, 2 }, 3, "ACK of server" },
	{ ACT_AGAIN, { 0, 1, 2 }, 3, "sends again: server" },
	{ ACT_SERVER_FIN, { 0, 1, 2 }, 3, "FIN of server" },
	{ ACT_SERVER_RST, { 0, 1, 2 }, 3, "RST of server" },
};

u16 world_action(u32 i)
{
	for (u32 k = 0; k < sizeof(actions) / sizeof(actions[0]); k++) {
		if (i < actions[k].n)
			return actions[k].what << 8 | actions[k].args[i];
		i -= actions[k].n;
	}
	if (world_plan->budget.race && i < RACE_COUNT * RACE_COUNT)
		return ACT_RACE << 8 | (i / RACE_COUNT) << 4 | i % RACE_COUNT;
	return 0xffff;
}

const char *world_name(u16 action)
{
	static char text[100];

	for (u32 k = 0; k < sizeof(actions) / sizeof(actions[0]); k++)
		if (actions[k].what == action >> 8)
			snprintf(text, sizeof(text), "%s %u", actions[k].name, action & 0xff);
	if (action >> 8 == ACT_RACE)
		snprintf(text, sizeof(text),
			 "race of %u against %u (send, tick, late, fin, from 0, 1, 2)",
			 action >> 4 & 15, action & 15);
	return text;
}

void world_print(const struct world *w)
{
	static const char *const legs[] = { "-", "opening", "open", "closing", "closed" };
	const struct gl_conn *c = &w->d.conn;

	printf("     client %u una %u nxt %u rcv %u | %s flags %#x active %u req %u rsp %u nxt %u slot %u+%u@%u |",
	       w->client.state, w->client.una, w->client.nxt, w->client.rcv,
	       w->d.live ? "live" : "gone", c->flags, c->active, c->req.phase, c->rsp.phase, c->nxt,
	       c->slot, c->slot_len, c->slot_seq);
	for (u32 i = 0; i < 3; i++)
		printf(" leg %u %s", i, legs[c->leg[i].state]);
	for (u32 p = 0; p < WORLD_PEERS; p++) {
		for (u32 i = 0; i < w->to[p].n; i++)
			printf(" ->%u[%#x %u:%u ack %u]", p, w->to[p].wire[i].flags,
			       w->to[p].wire[i].seq, w->to[p].wire[i].len, w->to[p].wire[i].ack);
		for (u32 i = 0; i < w->from[p].n; i++)
			printf(" %u->[%#x %u:%u ack %u]", p, w->from[p].wire[i].flags,
			       w->from[p].wire[i].seq, w->from[p].wire[i].len,
			       w->from[p].wire[i].ack);
	}
	for (u32 p = 0; p < WORLD_PEERS; p++)
		printf(" | %u: %u%s%s %u %u", p, w->server[p].state,
		       w->server[p].fin_rcvd ? " got FIN" : "",
		       w->server[p].fin_sent ? " sent FIN" : "", w->server[p].rcv,
		       w->server[p].snd);
	printf("\n");
}
