/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: the connection machine without a kernel: what bpf/steer.bpf.c, request.h, open.h, decide.h, conn.h, slot.h and
 * emit.h do around core/client.h, server.h and commit.h, on packets that are structs. Used by the model, unit tests and the
 * fuzzer. It follows the programs step by step; where they differ, the driver is wrong.
 *
 * What it leaves out: options of a SYN, counters, the policy (a head says its lane itself), more than one connection.
 *
 * Its little protocol, one byte each: a request is CHAR_HEAD|n|lane, CHAR_SIZE|n|body length, then the body; a response is
 * CHAR_HEAD|n|body length, then the body; n is the number of the request. A CHAR_SIZE before it makes a head of two bytes.
 */
#ifndef TESTS_MODEL_DRIVER_H
#define TESTS_MODEL_DRIVER_H

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/leg.h"

/* Which rows of the table were asked for. */
static u8 driver_rows[GL_LEG_CLOSED + 1][GL_LEG_EV_COUNT] __attribute__((unused));

gl_inline u32 driver_leg_step(struct gl_leg *leg, u32 event)
{
	if (leg->state <= GL_LEG_CLOSED)
		driver_rows[leg->state][event] = 1;
	return gl_leg_step(leg, event);
}

#define gl_leg_step driver_leg_step
#include "core/response.h"
#undef gl_leg_step

#define DRIVER_PEERS 4 /* 0: the frontend; 1 and 2: endpoints of lane 1; 3: endpoint of lane 2 */
#define DRIVER_BYTES 8 /* payload of a packet, room of a slot */
#define DRIVER_OUT   6 /* packets made out of one */
#define DRIVER_SLOTS 2

enum { CHAR_HEAD = 0, CHAR_SIZE = 1, CHAR_BODY = 2, CHAR_INTERIM = 3 };
#define CHAR(kind, n, value) ((u8)((n) << 5 | (kind) << 3 | (value)))
#define CHAR_KIND(c)	     ((c) >> 3 & 3)
#define CHAR_N(c)	     ((c) >> 5)
#define CHAR_VALUE(c)	     ((c)&7)
#define LANE_BAD	     7 /* a head that is malformed */

/* A packet, in the numbers of the side that it comes from or goes to. */
struct packet {
	u8 to_client;
	u8 peer; /* the other side: 0 to DRIVER_PEERS - 1 */
	u8 made; /* out of nothing: not the packet in hand, rewritten */
	u8 pad;
	struct gl_seg seg; /* seg.len bytes of b */
	u8 b[DRIVER_BYTES];
};

struct driver_slot {
	u8 taken;
	u8 b[DRIVER_BYTES];
};

/* All that outlives a packet. No pointers: the model hashes and copies it. */
struct driver {
	struct gl_conn conn;
	u64 ids;		 /* connections so far: the last one's id */
	u8 live;		 /* the element in conns is there */
	u8 tuple[DRIVER_PEERS];	 /* leg + 1 that holds the endpoint's tuple; 0: free, or not ours */
	u8 failed[DRIVER_PEERS]; /* the negative cache */
	u8 none;		 /* the service has `fallback: None` */
	u8 start; /* which endpoint of a lane is asked first: random in the programs */
	struct driver_slot slot[DRIVER_SLOTS];
};

/* One packet between its two sections under the lock. */
struct work {
	struct packet pkt;
	struct gl_step step;
	struct gl_decision decision;
	u64 conn_id;
	u8 to_pod;
	u8 target_leg, target_peer, target_lane, target_fail, target_fresh;
	u8 retired; /* the peer whose tuple is given back, if step.retired says so */
	u8 nout;
	u8 dropped;
	struct packet out[DRIVER_OUT];
};

/* What the test is told when the driver finds a broken promise. */
void driver_broken(const char *what);

static inline void driver_require(bool ok, const char *what)
{
	if (!ok)
		driver_broken(what);
}

static inline struct gl_addr driver_addr(u8 peer)
{
	return (struct gl_addr){ { 0, 0, gl_htonl(0xffff), gl_htonl(0x0a000000 + peer) } };
}

static inline u8 driver_peer(const struct gl_addr *addr)
{
	return (gl_ntohl(addr->w[3]) & 0xff) % DRIVER_PEERS;
}

/* slot.h ------------------------------------------------------------------------------------------------------------ */

static inline u32 slot_take(struct driver *d)
{
	for (u32 i = 0; i < DRIVER_SLOTS; i++) {
		if (!d->slot[i].taken) {
			d->slot[i].taken = 1;
			return i + 1;
		}
	}
	return 0;
}

static inline void slot_give(struct driver *d, u32 slot)
{
	if (!slot)
		return;
	driver_require(slot <= DRIVER_SLOTS && d->slot[slot - 1].taken,
		       "a slot is given back twice");
	memset(&d->slot[slot - 1], 0, sizeof(d->slot[0]));
}

static inline void slot_save(struct driver *d, u32 slot, u32 off, const u8 *b, u32 len)
{
	driver_require(slot && slot <= DRIVER_SLOTS && d->slot[slot - 1].taken,
		       "bytes saved in a free slot");
	driver_require(off + len <= DRIVER_BYTES, "bytes saved beyond a slot");
	memcpy(d->slot[slot - 1].b + off, b, len);
}

/* conn.h ------------------------------------------------------------------------------------------------------------ */

static inline void conn_clear_leg(struct driver *d, u32 leg)
{
	u8 peer = driver_peer(&d->conn.leg[leg].addr);

	if ((d->conn.leg[leg].flags & GL_LEG_CLAIMED) && d->tuple[peer])
		d->tuple[peer] = 0;
}

static inline void conn_end(struct driver *d)
{
	for (u32 i = 1; i < GL_LEGS; i++)
		conn_clear_leg(d, i);
	driver_require(!d->conn.slot && !d->conn.rsp.slot,
		       "the state ends and its slot is not given back");
	d->live = 0;
	memset(&d->conn, 0, sizeof(d->conn));
}

/* 0, or why the endpoint's tuple cannot be this connection's. */
static inline u32 conn_claim(struct driver *d, struct work *w)
{
	u8 *tuple = &d->tuple[w->target_peer], state;

	w->target_fresh = !*tuple;
	if (w->target_fresh) {
		*tuple = w->target_leg + 1;
		return 0;
	}
	state = d->conn.leg[*tuple - 1].state;
	if (state == GL_LEG_OPEN || state == GL_LEG_OPENING)
		return GL_FALLBACK_TUPLE;
	w->target_leg = *tuple - 1;
	return 0;
}

static inline u32 conn_uses(const struct gl_conn *conn, const struct work *w)
{
	const struct gl_leg *leg = &conn->leg[w->target_leg];

	return (leg->flags & GL_LEG_CLAIMED) && driver_peer(&leg->addr) == w->target_peer;
}

static inline void conn_unclaim(struct driver *d, struct work *w, u32 used)
{
	if (w->target_fresh && !used)
		d->tuple[w->target_peer] = 0;
}

static inline void conn_confirm(struct driver *d, struct work *w)
{
	if (!w->target_fresh)
		d->tuple[w->target_peer] = w->target_leg + 1;
}

static inline void conn_settle(struct driver *d, struct work *w)
{
	if (w->step.retired && d->conn.id == w->conn_id)
		d->tuple[w->retired] = 0;
	if (w->step.slot_free)
		slot_give(d, w->step.slot_free);
	if (w->step.response_free)
		slot_give(d, w->step.response_free);
	if (w->step.over && d->live && d->conn.id == w->conn_id)
		conn_end(d);
	w->step.retired = 0;
	w->step.slot_free = 0;
	w->step.response_free = 0;
	w->step.over = 0;
}

/* decide.h: the head in @b. Returns its length, 0: incomplete, negative: malformed. */
static inline int decide_scan(const u8 *b, u32 len, struct gl_decision *ret)
{
	if (CHAR_KIND(b[0]) != CHAR_HEAD || CHAR_VALUE(b[0]) == LANE_BAD)
		return -GL_PIN_OPAQUE;
	if (len < 2)
		return 0;
	if (CHAR_KIND(b[1]) != CHAR_SIZE)
		return -GL_PIN_NAME;
	ret->lane = CHAR_VALUE(b[0]);
	ret->left = CHAR_VALUE(b[1]);
	return 2;
}

static inline int decide_target(struct driver *d, struct work *w, bool forced)
{
	u8 count = w->target_lane == 1 ? 2 : 1, first = w->target_lane == 1 ? 1 : 3;

	w->target_fail = GL_FALLBACK_NONE;
	for (u8 i = 0; i < count; i++) {
		w->target_peer = first + (d->start + i) % count;
		if (!forced && d->failed[w->target_peer])
			w->target_fail = GL_FALLBACK_BACKOFF;
		else
			w->target_fail = conn_claim(d, w);
		if (!w->target_fail)
			return 0;
	}
	return -1;
}

/* As decide_request(): 1 if the leg must be opened. */
static inline int decide_request(struct driver *d, struct work *w, u32 head_len, u32 len)
{
	struct gl_decision *dec = &w->decision;
	int leg;

	dec->head_len = head_len;
	dec->now_ns = w->pkt.seg.now_ns;
	dec->slot = 0;
	dec->pin = len > head_len + dec->left ? GL_PIN_PIPELINED : GL_PIN_NONE;
	if (dec->pin || (d->conn.flags & GL_CONN_PINNED)) {
		dec->leg = d->conn.active;
		return 0;
	}
	leg = gl_leg_find(&d->conn, dec->lane);
	if (leg >= 0) {
		dec->leg = leg;
		return 0;
	}
	dec->leg = 0;
	if (dec->lane == GL_LANE_BASE)
		return 1;
	leg = gl_leg_free(&d->conn);
	if (leg >= 0) {
		w->target_lane = dec->lane;
		w->target_leg = leg;
		dec->leg = leg;
		if (!decide_target(d, w, d->none)) {
			dec->leg = w->target_leg;
			return 1;
		}
		dec->leg = 0;
	}
	return d->conn.leg[0].state != GL_LEG_OPEN;
}

/* open.h ------------------------------------------------------------------------------------------------------------ */

static inline void open_aim(struct gl_conn *conn, struct work *w, u32 index)
{
	u8 was = driver_peer(&conn->leg[index].addr);

	if ((conn->leg[index].flags & GL_LEG_CLAIMED) && was != w->target_peer) {
		w->retired = was;
		w->step.retired = 1;
	}
	conn->leg[index].addr = driver_addr(w->target_peer);
	conn->leg[index].port = gl_htons(80);
	conn->leg[index].lane = w->target_lane;
	conn->leg[index].flags |= GL_LEG_CLAIMED;
}

static inline void open_fill(struct gl_conn *conn, u64 id, const struct gl_seg *seg)
{
	memset(conn, 0, sizeof(*conn));
	conn->id = id;
	conn->isn = seg->seq;
	conn->nxt = seg->seq + 1;
	conn->switch_seq = seg->seq + 1;
	conn->mss = seg->mss;
	conn->ws = seg->ws;
	conn->win = seg->win;
	conn->ts = seg->tsval;
	conn->flags = GL_CONN_IPV4;
	conn->flags |= seg->opts & GL_OPT_TS ? GL_CONN_HAS_TS : 0;
	conn->flags |= seg->opts & GL_OPT_SACK ? GL_CONN_HAS_SACK : 0;
	conn->flags |= seg->opts & GL_OPT_WS ? GL_CONN_HAS_WS : 0;
	conn->key.peer = driver_addr(0);
	conn->leg[0].addr = driver_addr(0);
}

/* @lane: where a new connection goes at once; 0: base. */
static inline void open_conn(struct driver *d, struct work *w, u8 lane)
{
	u32 index = 0;

	d->live = 1;
	w->conn_id = ++d->ids;
	if (lane) {
		w->target_lane = lane;
		w->target_leg = 1;
		index = !decide_target(d, w, false);
	}
	open_fill(&d->conn, w->conn_id, &w->pkt.seg);
	if (index)
		open_aim(&d->conn, w, index);
	gl_commit_first(&d->conn, index, w->pkt.seg.now_ns / 1000000, &w->step);
	gl_step_to_leg(&d->conn, &w->step, &d->conn.leg[index], index);
	w->step.act = index ? GL_ACT_XLAT : GL_ACT_PASS;
}

static inline void open_again(struct driver *d, struct work *w)
{
	struct gl_conn *conn = &d->conn;
	u32 index = conn->active & (GL_LEGS - 1), now_ms = w->pkt.seg.now_ns / 1000000;
	struct gl_leg *leg = &conn->leg[index];

	w->step.leg = index;
	w->step.act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	if (index && leg->state == GL_LEG_OPENING && now_ms - leg->used_ms >= GL_OPEN_PATIENCE_MS) {
		w->step.act = driver_leg_step(leg, GL_LEG_EV_SILENT);
		w->step.fail = GL_FALLBACK_TIMEOUT;
		conn->epoch++;
	}
	w->step.epoch = conn->epoch;
	gl_step_to_leg(conn, &w->step, leg, index);
}

static inline void open_syn(struct driver *d, struct work *w, u8 lane)
{
	if (d->live && d->conn.isn == w->pkt.seg.seq && !(d->conn.flags & GL_CONN_RESET)) {
		open_again(d, w);
		return;
	}
	if (d->live) {
		gl_step_release(&d->conn, &w->step);
		gl_step_release_response(&d->conn, &w->step);
		d->conn.epoch++;
		w->step.over = 1;
		conn_settle(d, w);
	}
	open_conn(d, w, lane);
}

static inline void open_give_up(struct driver *d, struct work *w)
{
	struct gl_conn *conn = &d->conn;
	u32 established = conn->flags & GL_CONN_ESTABLISHED;

	if (!gl_commit_current(conn, w->conn_id, w->step.epoch, &w->step))
		return;
	if (established && conn->rsp.phase != GL_PHASE_IDLE)
		gl_step_done(conn, &w->step, w->pkt.seg.now_ns, GL_FAILURE_REFUSED + 1);
	conn->flags |= GL_CONN_RESET;
	conn->epoch++;
	gl_step_release(conn, &w->step);
	gl_step_release_response(conn, &w->step);
	w->step.over = 1;
	w->step.act = GL_ACT_RST_CLIENT;
	w->step.seq = established ? conn->ack : 0;
	w->step.ack = established ? conn->nxt : conn->isn + 1;
}

static inline bool open_other(struct driver *d, struct work *w)
{
	const struct gl_leg *leg = &d->conn.leg[w->step.leg];
	bool lacks = w->step.fail == GL_FALLBACK_OPTIONS || w->step.fail == GL_FALLBACK_MSS;

	w->target_lane = leg->lane;
	w->target_leg = w->step.leg;
	if (!lacks)
		d->failed[driver_peer(&leg->addr)] = 1;
	if (!w->step.leg || lacks || d->conn.leg_fails >= GL_TARGET_FAILS)
		return false;
	return !decide_target(d, w, false);
}

static inline void open_turn(struct gl_conn *conn, u32 index, u32 now_ms, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index];

	if (!(conn->flags & GL_CONN_ESTABLISHED)) {
		gl_commit_first(conn, index, now_ms, step);
	} else if (leg->state == GL_LEG_OPEN) {
		gl_commit_fallback(conn, index, step);
	} else {
		gl_commit_open(conn, index, now_ms, step);
		leg->rcv_nxt += conn->slot_len;
		conn->req.served = leg->lane;
	}
}

static inline void open_next(struct driver *d, struct work *w)
{
	struct gl_conn *conn = &d->conn;
	u32 now_ms = w->pkt.seg.now_ns / 1000000;
	bool again = open_other(d, w);

	if (!again && (!w->step.leg || d->none)) {
		open_give_up(d, w);
		return;
	}
	if (!gl_commit_current(conn, w->conn_id, w->step.epoch, &w->step)) {
		if (again)
			conn_unclaim(d, w, conn_uses(conn, w));
		return;
	}
	conn->leg_fails++;
	conn->leg[w->step.leg].state = GL_LEG_CLOSED;
	if (again)
		open_aim(conn, w, w->target_leg);
	open_turn(conn, again ? w->target_leg : 0, now_ms, &w->step);
	if (again)
		conn_confirm(d, w);
}

/* request.h --------------------------------------------------------------------------------------------------------- */

static inline void request_pin(struct driver *d, struct work *w, u8 cause)
{
	struct gl_conn *conn = &d->conn;

	w->decision.pin = cause;
	if (!gl_commit_current(conn, w->conn_id, w->step.epoch, &w->step))
		return;
	gl_step_pin(conn, &w->step, cause);
	conn->nxt = w->pkt.seg.seq + w->pkt.seg.len;
	gl_commit_send(conn, conn->active, &w->pkt.seg, &w->step);
}

/* After the commit: gives back what was taken for one that did not happen. */
static inline void request_settle(struct driver *d, struct work *w, u32 slot, u32 claimed)
{
	if (w->step.act == GL_ACT_DROP) {
		slot_give(d, slot);
		if (claimed)
			conn_unclaim(d, w, conn_uses(&d->conn, w));
	} else if (claimed) {
		conn_confirm(d, w);
	}
}

static inline void request_hold(struct driver *d, struct work *w)
{
	u32 slot = slot_take(d), len = w->pkt.seg.len;

	w->step.slot = slot;
	if (!slot) {
		request_pin(d, w, GL_PIN_SLOTS);
		return;
	}
	slot_save(d, slot, 0, w->pkt.b, len);
	if (gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step)) {
		gl_step_release(&d->conn, &w->step);
		gl_commit_slot(&d->conn, slot, 0, w->pkt.seg.seq, len);
		gl_commit_hold(&d->conn, &w->pkt.seg, len, &w->step);
	}
	if (w->step.act == GL_ACT_DROP)
		slot_give(d, slot);
}

static inline void request_whole(struct driver *d, struct work *w, u32 head_len)
{
	struct gl_decision *dec = &w->decision;
	u32 open = decide_request(d, w, head_len, w->pkt.seg.len), claimed = open && dec->leg;

	dec->taken = w->pkt.seg.len;
	if (open) {
		dec->slot = slot_take(d);
		w->step.slot = dec->slot;
		if (dec->slot) {
			slot_save(d, dec->slot, 0, w->pkt.b, dec->taken);
		} else {
			if (claimed)
				conn_unclaim(d, w, 0);
			dec->leg = d->conn.leg[0].state == GL_LEG_OPEN ? 0 : d->conn.active;
			open = claimed = 0;
		}
	}
	if (gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step)) {
		if (claimed)
			open_aim(&d->conn, w, dec->leg);
		gl_commit_request(&d->conn, dec, &w->pkt.seg, &w->step);
	}
	request_settle(d, w, dec->slot, claimed);
}

static inline void request_scan(struct driver *d, struct work *w)
{
	int res = decide_scan(w->pkt.b, w->pkt.seg.len, &w->decision);

	gl_step_drop(&w->step, GL_DROP_LEG);
	if (res < 0)
		request_pin(d, w, -res);
	else if (!res)
		request_hold(d, w);
	else
		request_whole(d, w, res);
}

/* Appends what is new; how many bytes fitted. */
static inline u32 request_append(struct driver *d, struct work *w)
{
	u32 len = w->pkt.seg.len - w->step.skip;

	if (w->step.slot_len >= DRIVER_BYTES)
		return 0;
	if (len > DRIVER_BYTES - w->step.slot_len)
		len = DRIVER_BYTES - w->step.slot_len;
	slot_save(d, w->step.slot, w->step.slot_len, w->pkt.b + w->step.skip, len);
	return len;
}

static inline void request_more(struct driver *d, struct work *w)
{
	struct gl_decision *dec = &w->decision;
	u32 total, open = 0, claimed = 0;
	int res;

	gl_step_drop(&w->step, GL_DROP_LEG);
	if (!w->step.slot || !d->slot[w->step.slot - 1].taken)
		return;
	total = w->step.slot_len + request_append(d, w);
	res = decide_scan(d->slot[w->step.slot - 1].b, total, dec);
	if (!res) {
		if (gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step))
			gl_commit_hold(&d->conn, &w->pkt.seg, total, &w->step);
		return;
	}
	dec->taken = total;
	if (res > 0) {
		open = decide_request(d, w, res, total);
		claimed = open && dec->leg;
	} else {
		dec->now_ns = w->pkt.seg.now_ns;
		dec->left = 0;
		dec->head_len = total;
		dec->lane = GL_LANE_BASE;
		dec->leg = d->conn.active;
		dec->pin = -res;
	}
	dec->slot = 0;
	if (gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step)) {
		d->conn.slot_len = total;
		d->conn.ack = gl_seq_max(d->conn.ack, w->pkt.seg.ack);
		if (claimed)
			open_aim(&d->conn, w, dec->leg);
		gl_commit_held(&d->conn, dec, open, &w->step);
	}
	request_settle(d, w, 0, claimed);
}

static inline void request_body(struct driver *d, struct work *w)
{
	u32 added;

	gl_step_drop(&w->step, GL_DROP_LEG);
	if (!w->step.slot || !d->slot[w->step.slot - 1].taken)
		return;
	added = request_append(d, w);
	w->step.drop = GL_DROP_NONE;
	if (added && gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step) &&
	    d->conn.slot_len == w->step.slot_len)
		gl_commit_append(&d->conn, added, &w->step);
}

/* emit.h ------------------------------------------------------------------------------------------------------------ */

static inline struct packet *emit_new(struct work *w, u8 to_client, u8 peer)
{
	struct packet *p;

	driver_require(w->nout < DRIVER_OUT, "too many packets out of one");
	p = &w->out[w->nout++];
	memset(p, 0, sizeof(*p));
	p->to_client = to_client;
	p->peer = peer;
	p->made = 1;
	return p;
}

static inline void emit_note(const struct driver *d, struct work *w, const struct gl_note *note)
{
	struct packet *p = emit_new(w, 0, driver_peer(&note->addr));

	p->seg.flags = note->flags;
	p->seg.seq = note->seq;
	p->seg.ack = note->flags & GL_TCP_ACK ? note->ack : 0;
	p->seg.win = note->flags & GL_TCP_RST ? 0 : d->conn.win;
	if ((d->conn.flags & GL_CONN_HAS_TS) && !(note->flags & GL_TCP_RST)) {
		p->seg.opts = GL_OPT_TS;
		p->seg.tsval = d->conn.ts;
		p->seg.tsecr = note->tsecr;
	}
}

static inline u32 emit_tsecr(u32 v, const struct gl_xlat *x)
{
	return gl_seq_after(v, x->ts_max) || gl_seq_before(v, x->ts_min) ? x->ts_max : v;
}

static inline void emit_packet(const struct driver *d, struct work *w)
{
	const struct gl_xlat *x = &w->step.xlat;
	struct packet *p = emit_new(w, w->to_pod, w->pkt.peer);
	u32 i;

	*p = w->pkt;
	p->made = 0;
	p->to_client = w->to_pod;
	if (w->step.act == GL_ACT_XLAT) {
		p->peer = x->set_addr && !x->to_client ? driver_peer(&x->addr) :
			  x->to_client		       ? 0 :
							 p->peer;
		p->seg.seq += x->dseq;
		if (p->seg.flags & GL_TCP_ACK)
			p->seg.ack += x->dack;
		if (x->set_win)
			p->seg.win = x->win;
		if (p->seg.opts & GL_OPT_TS) {
			if (x->to_client)
				p->seg.tsval += x->dts;
			else
				p->seg.tsecr = emit_tsecr(p->seg.tsecr + x->dts, x);
		}
	}
	for (i = 0; i < w->step.notes; i++)
		emit_note(d, w, &w->step.note[i]);
}

static inline void emit_replay(const struct driver *d, struct work *w)
{
	const struct gl_leg *leg = &d->conn.leg[w->step.leg];
	struct packet *p;
	u32 i;

	driver_require(w->step.slot && w->step.slot <= DRIVER_SLOTS, "a replay out of no slot");
	/* Another packet may have given the slot back meanwhile: its owner is verified. */
	if (!w->step.slot_len || !d->slot[w->step.slot - 1].taken) {
		w->dropped = 1;
		return;
	}
	for (i = 0; i < w->step.notes; i++)
		emit_note(d, w, &w->step.note[i]);
	p = emit_new(w, 0, driver_peer(&leg->addr));
	p->seg.flags = GL_TCP_ACK | GL_TCP_PSH;
	p->seg.seq = w->step.seq;
	p->seg.ack = w->step.ack;
	p->seg.win = w->step.win;
	p->seg.len = w->step.slot_len;
	if (d->conn.flags & GL_CONN_HAS_TS) {
		p->seg.opts = GL_OPT_TS;
		p->seg.tsval = d->conn.ts;
		p->seg.tsecr = w->step.tsecr;
	}
	memcpy(p->b, d->slot[w->step.slot - 1].b, w->step.slot_len);
}

static inline void emit_syn(const struct driver *d, struct work *w)
{
	const struct gl_leg *leg = &d->conn.leg[w->step.leg];
	struct packet *p;
	u32 i;

	for (i = 0; i < w->step.notes; i++)
		emit_note(d, w, &w->step.note[i]);
	p = emit_new(w, 0, driver_peer(&leg->addr));
	p->seg.flags = GL_TCP_SYN;
	p->seg.seq = w->step.seq;
	p->seg.mss = d->conn.mss;
	p->seg.ws = d->conn.ws;
	p->seg.tsval = d->conn.ts;
	p->seg.opts = (d->conn.flags & GL_CONN_HAS_TS ? GL_OPT_TS : 0) |
		      (d->conn.flags & GL_CONN_HAS_SACK ? GL_OPT_SACK : 0) |
		      (d->conn.flags & GL_CONN_HAS_WS ? GL_OPT_WS : 0);
}

static inline void emit_client(const struct driver *d, struct work *w, u8 flags)
{
	struct packet *p = emit_new(w, 1, 0);

	p->seg.flags = flags;
	p->seg.seq = w->step.seq;
	p->seg.ack = w->step.ack;
	p->seg.win = flags & GL_TCP_RST ? 0 : d->conn.view_win;
	if ((d->conn.flags & GL_CONN_HAS_TS) && !(flags & GL_TCP_RST)) {
		p->seg.opts = GL_OPT_TS;
		p->seg.tsval = d->conn.view_ts;
		p->seg.tsecr = w->pkt.seg.tsval;
	}
}

static inline void emit_step(struct driver *d, struct work *w)
{
	switch (w->step.act) {
	case GL_ACT_PASS:
	case GL_ACT_XLAT:
		emit_packet(d, w);
		break;
	case GL_ACT_REPLAY:
		emit_replay(d, w);
		break;
	case GL_ACT_SYN:
		emit_syn(d, w);
		break;
	case GL_ACT_ACK_CLIENT:
		emit_client(d, w, GL_TCP_ACK);
		break;
	case GL_ACT_RST_CLIENT:
		emit_client(d, w, GL_TCP_RST | GL_TCP_ACK);
		break;
	case GL_ACT_ACK_LEG:
	case GL_ACT_FIN_LEG:
	case GL_ACT_RST_LEG:
		emit_note(d, w, &w->step.reply);
		break;
	default:
		w->dropped = 1;
	}
}

/* steer.bpf.c: each program in two parts, so that another packet can come in between. ------------------------------- */

static inline void driver_enter_client(struct driver *d, struct work *w, const struct packet *p,
				       u8 lane)
{
	memset(w, 0, sizeof(*w));
	w->pkt = *p;
	w->conn_id = d->conn.id;
	if ((p->seg.flags & (GL_TCP_SYN | GL_TCP_ACK | GL_TCP_RST)) == GL_TCP_SYN)
		open_syn(d, w, lane);
	else if (d->live)
		gl_client_packet(&d->conn, &w->pkt.seg, &w->step);
}

static inline void driver_leave_client(struct driver *d, struct work *w)
{
	if (!d->live && w->step.act != GL_ACT_PASS)
		gl_step_drop(&w->step, GL_DROP_LEG);
	if (w->step.act == GL_ACT_SCAN)
		request_scan(d, w);
	else if (w->step.act == GL_ACT_MORE)
		request_more(d, w);
	else if (w->step.act == GL_ACT_APPEND)
		request_body(d, w);
	if (w->step.act == GL_ACT_FAILED)
		open_next(d, w);
	emit_step(d, w);
	conn_settle(d, w);
}

/* One response head at @b. As gl_head_scan(); *ret_interim: another one follows. */
static inline int decide_response_scan(const u8 *b, u32 len, struct gl_response_head *ret,
				       bool *ret_interim)
{
	u32 n = CHAR_KIND(b[0]) == CHAR_SIZE ? 2 : 1;

	*ret_interim = CHAR_KIND(b[0]) == CHAR_INTERIM;
	if (len < n)
		return 0;
	if (*ret_interim)
		return 1;
	if (CHAR_KIND(b[n - 1]) != CHAR_HEAD)
		return -GL_PIN_RESPONSE;
	ret->code = 200;
	ret->left = CHAR_VALUE(b[n - 1]);
	ret->phase = ret->left ? GL_PHASE_BODY : GL_PHASE_DONE;
	return n;
}

/* As decide_response_more(). */
static inline void decide_response_more(struct driver *d, struct work *w, const u8 *b, u32 len,
					struct gl_response_head *r)
{
	u32 off = w->step.off, n = len, start = w->step.seq, nxt = start + r->held;
	bool interim;
	int res;

	if (!w->step.slot)
		w->step.slot = slot_take(d);
	r->slot = w->step.slot;
	if (off > DRIVER_BYTES)
		off = DRIVER_BYTES;
	if (n > DRIVER_BYTES - off)
		n = DRIVER_BYTES - off;
	if (!r->slot) {
		r->pin = GL_PIN_SLOTS;
		return;
	}
	slot_save(d, r->slot, off, b, n);
	if (n) {
		if (gl_seq_track(&nxt, &r->span_start, &r->span_end, start + off,
				 start + off + n) == GL_SEQ_LOST)
			r->pin = GL_PIN_HOLE;
		r->held = nxt - start;
	}
	r->hold = 1;
	if (!r->held || r->pin)
		return;
	res = decide_response_scan(d->slot[r->slot - 1].b, r->held, r, &interim);
	if (!res)
		return;
	r->hold = 0;
	if (res < 0) {
		r->pin = -res;
		return;
	}
	r->head_len = res;
	if (interim && w->step.off + len > (u32)res)
		r->pin = GL_PIN_RESPONSE;
}

/* As decide_response(): the head of the response in hand, interim ones before it included. */
static inline void decide_response(struct driver *d, struct work *w, struct gl_response_head *r)
{
	const u8 *b = w->pkt.b + w->step.skip;
	u32 at = 0, len = w->pkt.seg.len - w->step.skip;
	bool interim;
	int res;

	if (w->step.slot || w->step.off) {
		decide_response_more(d, w, b, len, r);
		return;
	}
	for (u32 i = 0; i < GL_INTERIM_MAX; i++) {
		res = decide_response_scan(b + at, len - at, r, &interim);
		if (res < 0)
			r->pin = -res;
		if (!res) {
			w->step.seq += at;
			decide_response_more(d, w, b + at, len - at, r);
		}
		if (res <= 0)
			return;
		at += res;
		r->head_len = at;
		if (!interim || at >= len)
			return;
	}
	r->pin = GL_PIN_RESPONSE;
}

/* As steer_response(). */
static inline void steer_response(struct driver *d, struct work *w)
{
	u32 translated = d->conn.flags & GL_CONN_TRANSLATED, held = w->step.slot;
	struct gl_response_head head = { .phase = GL_PHASE_HEAD };

	head.held = d->conn.rsp.held;
	head.span_start = d->conn.rsp.span_start;
	head.span_end = d->conn.rsp.span_end;
	decide_response(d, w, &head);
	if (gl_commit_current(&d->conn, w->conn_id, w->step.epoch, &w->step)) {
		gl_server_response(&d->conn, w->step.leg, &w->pkt.seg, &head, &w->step);
	} else if (!translated) {
		gl_step_pin(&d->conn, &w->step, GL_PIN_SYNC);
		w->step.act = GL_ACT_PASS;
	}
	if (head.slot && !held && d->conn.rsp.slot != head.slot)
		slot_give(d, head.slot);
}

static inline void driver_enter_server(struct driver *d, struct work *w, const struct packet *p)
{
	u32 leg = p->peer ? d->tuple[p->peer] : 1;

	memset(w, 0, sizeof(*w));
	w->pkt = *p;
	w->to_pod = 1;
	w->conn_id = d->conn.id;
	if (d->live && leg)
		gl_server_packet(&d->conn, leg - 1, &w->pkt.seg, &w->step);
	else
		w->pkt.made = p->peer; /* to nobody: an endpoint's packet without a leg */
}

static inline void driver_leave_server(struct driver *d, struct work *w)
{
	if (!d->live && w->step.act != GL_ACT_PASS)
		gl_step_drop(&w->step, GL_DROP_LEG);
	if (w->step.act == GL_ACT_RESPONSE)
		steer_response(d, w);
	else if (w->step.act == GL_ACT_FAILED)
		open_next(d, w);
	emit_step(d, w);
	conn_settle(d, w);
}

static inline void driver_from_client(struct driver *d, struct work *w, const struct packet *p,
				      u8 lane)
{
	driver_enter_client(d, w, p, lane);
	driver_leave_client(d, w);
}

static inline void driver_from_server(struct driver *d, struct work *w, const struct packet *p)
{
	driver_enter_server(d, w, p);
	driver_leave_server(d, w);
}

#endif
