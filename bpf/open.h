/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * open: begins connections (the client's SYN) and goes on where a leg came to nothing: another
 * endpoint of the lane, else base.
 */
#ifndef GL_BPF_OPEN_H
#define GL_BPF_OPEN_H

#include "decide.h"

/* A connection to a frontend that is not steered: it passes, counted. */
gl_inline void open_unsteered(u32 cause, u32 service)
{
	count_one(GL_SERIES_UNSTEERED, cause, service, 0);
}

/* Is there room for one more connection of this veth? */
gl_inline u32 open_room(u32 ifindex)
{
	struct gl_veth *veth = bpf_map_lookup_elem(&veths, &ifindex);

	if (!veth)
		return 1;
	__sync_fetch_and_add(&veth->syn_out, 1);
	return veth->conns < GL_VETH_CONNS_MAX;
}

/* A new element in conns under w->key, without content. NULL: the table is full. */
gl_inline struct conn *open_insert(struct work *w)
{
	u32 zero = 0;
	void *empty = bpf_map_lookup_elem(&blank, &zero);

	if (!empty || bpf_map_update_elem(&conns, &w->key, empty, BPF_NOEXIST))
		return NULL;
	return bpf_map_lookup_elem(&conns, &w->key);
}

/* Content of a new connection, under its lock. It begins on its native leg to the frontend. */
gl_inline void open_fill(struct gl_conn *conn, const struct work *w, u32 service, u32 origin)
{
	const struct gl_seg *seg = &w->pkt.seg;

	conn->id = w->conn_id;
	conn->key = w->key;
	conn->start_ns = seg->now_ns;
	conn->used_ns = seg->now_ns;
	conn->service = service;
	conn->origin = origin;
	conn->isn = seg->seq;
	conn->nxt = seg->seq + 1;
	conn->switch_seq = seg->seq + 1;
	conn->mss = seg->mss;
	conn->ws = seg->ws;
	conn->win = seg->win;
	conn->ts = seg->tsval;
	conn->flags = w->pkt.ipv4 ? GL_CONN_IPV4 : 0;
	if (seg->opts & GL_OPT_TS)
		conn->flags |= GL_CONN_HAS_TS;
	if (seg->opts & GL_OPT_SACK)
		conn->flags |= GL_CONN_HAS_SACK;
	if (seg->opts & GL_OPT_WS)
		conn->flags |= GL_CONN_HAS_WS;
	conn->leg[0].addr = w->key.peer;
	conn->leg[0].port = w->key.pport;
	conn->leg[0].lane = GL_LANE_BASE;
}

/* Address of leg @index, from w->target. */
gl_inline void open_aim(struct gl_conn *conn, struct work *w, u32 index)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	if ((leg->flags & GL_LEG_CLAIMED) &&
	    (leg->port != w->target.at.port ||
	     !gl_image_same_addr(&leg->addr, &w->target.at.addr))) {
		w->retired = w->key;
		w->retired.peer = leg->addr;
		w->retired.pport = leg->port;
		w->step.retired = 1;
	}

	leg->addr = w->target.at.addr;
	leg->port = w->target.at.port;
	leg->lane = w->target.lane;
	leg->flags |= GL_LEG_CLAIMED;
}

/*
 * The lane to which a new connection goes at once: that of the calling pod, or the one with more
 * than half of the traffic.
 */
gl_inline u32 open_lane(struct work *w, const struct gl_image *image, u32 service, u32 origin)
{
	struct gl_endpoint_key at = {};

	at.addr = w->key.client;
	if (origin && gl_image_endpoint(image, service, origin, 0, &at))
		return origin;
	return origin ? GL_LANE_BASE : w->info.odds_lane;
}

/* A SYN of the pod to a frontend begins a connection. */
gl_inline void open_conn(struct work *w, const struct gl_image *image, u32 service)
{
	u32 cause = decide_stopped(w->pkt.seg.now_ns), origin, lane, index = 0;
	struct conn *c;

	if (!cause && w->pkt.odd)
		cause = w->pkt.odd;
	if (!cause && w->pkt.seg.len)
		cause = GL_UNSTEERED_FAST_OPEN;
	if (!cause && (w->pkt.seg.opts & GL_OPT_ODD))
		cause = GL_UNSTEERED_TCP_OPTIONS;
	if (!cause && !open_room(w->key.ifindex))
		cause = GL_UNSTEERED_TABLE_FULL;
	if (cause) {
		open_unsteered(cause, service);
		return;
	}
	c = open_insert(w);
	if (!c) {
		open_unsteered(GL_UNSTEERED_TABLE_FULL, service);
		return;
	}
	w->conn_id = w->pkt.seg.now_ns << 6 | (bpf_get_smp_processor_id() & 63);
	decide_service(w, image, service);
	origin = gl_image_origin(image, &w->key.client);
	lane = open_lane(w, image, service, origin);
	w->step.service = service;
	if (lane) {
		w->target.lane = lane;
		w->target.leg = 1;
		index = !decide_target(image, service, 0);
	}
	bpf_spin_lock(&c->lock);
	open_fill(&c->c, w, service, origin);
	if (index)
		open_aim(&c->c, w, index);
	gl_commit_first(&c->c, index, w->pkt.seg.now_ns / 1000000, &w->step);
	gl_step_to_leg(&c->c, &w->step, &c->c.leg[index & (GL_LEGS - 1)], index);
	bpf_spin_unlock(&c->lock);
	conn_veth_add(w->key.ifindex, 1);
	count_one(GL_SERIES_CONNS_OPENED, 0, service, 0);
	w->step.act = index ? GL_ACT_XLAT : GL_ACT_PASS;
}

/* Service with `fallback: None`: the failure is the client's, and the connection ends. */
gl_inline void open_give_up(struct work *w, struct conn *c, u32 cause)
{
	u32 established;

	bpf_spin_lock(&c->lock);
	if (!gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		bpf_spin_unlock(&c->lock);
		return;
	}
	established = c->c.flags & GL_CONN_ESTABLISHED;
	if (established && c->c.rsp.phase != GL_PHASE_IDLE)
		gl_step_done(&c->c, &w->step, w->pkt.seg.now_ns,
			     (cause == GL_FALLBACK_TIMEOUT ? GL_FAILURE_TIMEOUT :
							     GL_FAILURE_REFUSED) +
				     1);
	c->c.flags |= GL_CONN_RESET;
	c->c.epoch++;
	gl_step_release(&c->c, &w->step);
	gl_step_release_response(&c->c, &w->step);
	w->step.over = 1;
	w->step.act = GL_ACT_RST_CLIENT;
	w->step.seq = established ? c->c.ack : 0;
	w->step.ack = established ? c->c.nxt : c->c.isn + 1;
	bpf_spin_unlock(&c->lock);
}

/*
 * The leg in hand failed: its endpoint is left alone for a while, and another one of its lane is
 * looked for. True: w->target is one.
 */
gl_inline u32 open_other(struct work *w, struct conn *c, const struct gl_image *image)
{
	u32 index = w->step.leg & (GL_LEGS - 1), cause = w->step.fail;

	w->target.lane = c->c.leg[index].lane;
	w->target.leg = index;
	if (cause != GL_FALLBACK_OPTIONS && cause != GL_FALLBACK_MSS)
		decide_endpoint_failed(&c->c.leg[index]);
	w->tuple = w->key;
	w->tuple.peer = c->c.leg[index].addr;
	w->tuple.pport = c->c.leg[index].port;
	report_leg(&w->tuple, w->step.service, w->target.lane, cause);
	if (!index || cause == GL_FALLBACK_OPTIONS || cause == GL_FALLBACK_MSS ||
	    c->c.leg_fails >= GL_TARGET_FAILS || decide_stopped(bpf_ktime_get_ns()))
		return 0;	/* what one endpoint lacks, the others of its lane will lack, too */
	return !decide_target(image, w->step.service, 0);
}

/* The request goes to leg @index, under the lock: by the client's own SYN, at once, or by a SYN. */
gl_inline void open_turn(struct gl_conn *conn, u32 index, u32 now_ms, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

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

/*
 * open_next: leg w->step.leg came to nothing (w->step.fail). Its request lies in the slot, or it
 * was the client's own SYN. Another endpoint of the lane is tried, then base; where base itself
 * fails, or the service wants it so, the client is told. Sets w->step.act to what is to be made of
 * the packet in hand.
 */
gl_global int open_next(void)
{
	const struct gl_image *image = decide_image();
	struct work *w = work_get();
	u32 again, last, cause, used;
	struct conn *c;

	if (!w)
		return 0;
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c) {
		gl_step_drop(&w->step, GL_DROP_LEG);
		return 0;
	}
	w->now_ms = bpf_ktime_get_ns() / 1000000;
	cause = w->step.fail;
	again = open_other(w, c, image);
	last = !w->step.leg ||
	       (gl_image_lane(image, w->step.service, w->target.lane) & GL_LANE_FALLBACK_NONE);
	if (!again && last) {
		open_give_up(w, c, cause);
		return 0;
	}
	bpf_spin_lock(&c->lock);
	if (!gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		used = conn_uses(&c->c, w);
		bpf_spin_unlock(&c->lock);
		if (again)
			conn_unclaim(w, used);
		return 0;
	}
	c->c.leg_fails++;
	c->c.leg[w->step.leg & (GL_LEGS - 1)].state = GL_LEG_CLOSED;
	if (again)
		open_aim(&c->c, w, w->target.leg);
	open_turn(&c->c, again ? w->target.leg : 0, w->now_ms, &w->step);
	bpf_spin_unlock(&c->lock);
	if (again)
		conn_confirm(w);
	else
		count_one(GL_SERIES_FALLBACKS, cause, w->step.service, w->target.lane);
	return 0;
}

/* A SYN that was seen before: the client's clock for a leg that was opened by it. */
gl_inline void open_again(struct work *w, struct conn *c)
{
	u32 now_ms = w->pkt.seg.now_ns / 1000000, index, late;

	bpf_spin_lock(&c->lock);
	w->conn_id = c->c.id;
	index = c->c.active & (GL_LEGS - 1);
	w->step.leg = index;
	w->step.service = c->c.service;
	w->step.lane = c->c.leg[index].lane;
	w->step.act = c->c.leg[index].flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	late = index && c->c.leg[index].state == GL_LEG_OPENING &&
	       now_ms - c->c.leg[index].used_ms >= GL_OPEN_PATIENCE_MS;
	if (late) {
		w->step.act = gl_leg_step(&c->c.leg[index], GL_LEG_EV_SILENT);
		w->step.fail = GL_FALLBACK_TIMEOUT;
		c->c.epoch++;
	}
	w->step.epoch = c->c.epoch;
	gl_step_to_leg(&c->c, &w->step, &c->c.leg[index], index);
	bpf_spin_unlock(&c->lock);
}

/*
 * open_syn: a SYN of the pod. To a frontend of the policy it begins a connection; anything else is
 * none of our business, unless one of the pod's own legs already has this very tuple: then it must
 * wait, or two connections would share numbers. Sets w->step.act.
 */
gl_global int open_syn(void)
{
	struct work *w = work_get();
	const struct gl_image *image = decide_image();
	struct gl_leg_ref *ref;
	struct conn *c;
	u32 service, same;

	if (!w)
		return 0;
	w->pkt.seg.now_ns = bpf_ktime_get_ns();
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (c) {
		bpf_spin_lock(&c->lock);
		same = c->c.isn == w->pkt.seg.seq && c->c.id && !(c->c.flags & GL_CONN_RESET);
		w->conn_id = c->c.id;
		w->step.service = c->c.service;
		if (!same) {
			gl_step_release(&c->c, &w->step);
			gl_step_release_response(&c->c, &w->step);
			c->c.epoch++;
		}
		bpf_spin_unlock(&c->lock);
		if (same) {
			open_again(w, c);
			return 0;
		}
		w->step.over = 1;	/* the port is used again: the old connection is over */
		conn_settle(WORK_PACKET);
	}
	ref = bpf_map_lookup_elem(&leg_tuples, &w->key);
	if (ref) {
		gl_step_drop(&w->step, GL_DROP_TUPLE);
		return 0;
	}
	service = image ? gl_image_frontend(image, &w->key.peer, w->key.pport) : 0;
	if (service)
		open_conn(w, image, service);
	return 0;
}

#endif
