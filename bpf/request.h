/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * request: what from_pod does where a request begins: read, decide, commit; and with the bytes that
 * are held while its head is incomplete or its leg opens. What is then to be made of the packet
 * stands in w->step.act.
 */
#ifndef GL_BPF_REQUEST_H
#define GL_BPF_REQUEST_H

#include "open.h"

/* A coloured request goes to base for w->target.fail. */
gl_inline void request_fallback(struct work *w)
{
	if (w->target.fail)
		count_one(GL_SERIES_FALLBACKS, w->target.fail, w->step.service, w->decision.lane);
}

/* A first request that is no HTTP: the connection is opaque. */
gl_inline void request_opaque(struct work *w, struct conn *c)
{
	if (w->decision.pin == GL_PIN_OPAQUE && c->c.requests <= 1)
		count_one(GL_SERIES_UNSTEERED, GL_UNSTEERED_OPAQUE, w->step.service, 0);
}

/* The head is malformed or of no kind that we follow: the connection is pinned where it is. */
gl_inline void request_pin(struct work *w, struct conn *c, u8 cause)
{
	w->decision.pin = cause;
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		gl_step_pin(&c->c, &w->step, cause);
		c->c.nxt = w->pkt.seg.seq + w->pkt.seg.len;
		gl_commit_send(&c->c, c->c.active, &w->pkt.seg, &w->step);
	}
	bpf_spin_unlock(&c->lock);
	request_opaque(w, c);
}

/* After the commit: gives back what was taken for one that did not happen, else counts. */
gl_inline void request_settle(struct work *w, u32 slot, u32 big, u32 claimed, u32 used)
{
	if (w->step.act == GL_ACT_DROP) {
		slot_give(w, slot, big);
		if (claimed)
			conn_unclaim(w, used);
		return;
	}
	if (claimed)
		conn_confirm(w);
	request_fallback(w);
}

/* The head is incomplete: its bytes are held. */
gl_inline void request_hold(struct __sk_buff *skb, struct work *w, struct conn *c, u32 off)
{
	u32 slot, len = w->pkt.seg.len;
	u16 big = 0;

	/* A big slot: the head may still grow up to GL_HEAD_MAX. */
	slot = slot_take(w, GL_SLOT_BIG, &big);
	w->step.slot = slot;
	w->step.slot_big = big;
	if (!slot || !big || slot_save(skb, off, 0, len)) {
		slot_give(w, slot, big);
		request_pin(w, c, GL_PIN_SLOTS);
		return;
	}
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		gl_step_release(&c->c, &w->step);
		gl_commit_slot(&c->c, slot, big, w->pkt.seg.seq, len);
		gl_commit_hold(&c->c, &w->pkt.seg, len, &w->step);
	}
	bpf_spin_unlock(&c->lock);
	if (w->step.act == GL_ACT_DROP)
		slot_give(w, slot, big);
}

/*
 * Saves what the leg to be opened will need: as much of the packet as a slot holds. More of the
 * body may come before the leg opens, so a long one gets a big slot. 0 if there is a slot.
 */
gl_inline int request_save(struct __sk_buff *skb, struct work *w, u32 off)
{
	struct gl_decision *d = &w->decision;
	u32 len = w->pkt.seg.len, room;
	u16 big = 0;

	d->slot = slot_take(w,
			    d->chunked || d->head_len + d->left > GL_SLOT_SMALL ? GL_SLOT_BIG : len,
			    &big);
	d->slot_big = big;
	if (!d->slot)
		return -1;
	room = slot_room(big);
	d->taken = len < room ? len : room;
	w->step.slot = d->slot;
	w->step.slot_big = big;
	if (d->taken >= d->head_len && !slot_save(skb, off, 0, d->taken))
		return 0;
	slot_give(w, d->slot, big);
	d->slot = 0;
	return -1;
}

/* The head is complete, in the packet in hand. */
gl_inline void request_whole(struct __sk_buff *skb, struct work *w, struct conn *c,
			     const struct gl_image *image, u32 head_len)
{
	struct gl_decision *d = &w->decision;
	u32 off = w->pkt.l4 + w->pkt.hlen, open, claimed, used;

	open = decide_request(skb, w, c, image, off, head_len, w->pkt.seg.len);
	claimed = open && d->leg;
	d->taken = w->pkt.seg.len;
	if (open && request_save(skb, w, off)) {
		if (claimed)
			conn_unclaim(w, 0);
		/* Without a slot the request stays where it is open: base if it can be. */
		w->target.fail = GL_FALLBACK_SLOTS;
		d->leg = c->c.leg[0].state == GL_LEG_OPEN ? 0 : c->c.active;
		d->taken = w->pkt.seg.len;
		open = claimed = 0;
	}
	if (d->chunked && !d->pin && d->taken < w->pkt.seg.len)
		decide_request_chunks(skb, w, off, d->taken);
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		if (claimed)
			open_aim(&c->c, w, d->leg);
		gl_commit_request(&c->c, d, &w->pkt.seg, &w->step);
	}
	used = conn_uses(&c->c, w);
	bpf_spin_unlock(&c->lock);
	request_settle(w, d->slot, d->slot_big, claimed, used);
}

/*
 * request_scan: a request begins with this packet's first payload byte. Returns what the program
 * returns.
 */
gl_global int request_scan(struct __sk_buff *skb)
{
	struct work *w = work_get();
	const struct gl_image *image = decide_image();
	struct conn *c;
	u32 off;
	int res;

	if (!w)
		return 0;
	gl_step_drop(&w->step, GL_DROP_LEG);	/* until it is decided */
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c)
		return 0;
	off = w->pkt.l4 + w->pkt.hlen;
	decide_service(w, image, w->step.service);
	gl_head_start(&w->head, 0, w->info.interest);
	res = decide_scan(skb, off, w->pkt.seg.len);
	if (res < 0)
		request_pin(w, c, -res);
	else if (!res)
		request_hold(skb, w, c, off);
	else
		request_whole(skb, w, c, image, res);
	return 0;
}

/*
 * Appends the new bytes of the packet to the slot; returns how many fitted, or a negative number.
 */
gl_inline int request_append(struct __sk_buff *skb, struct work *w)
{
	u32 room = slot_room(w->step.slot_big), len = w->pkt.seg.len - w->step.skip;

	if (w->step.slot_len >= room)
		return 0;
	if (len > room - w->step.slot_len)
		len = room - w->step.slot_len;
	if (slot_save(skb, w->pkt.l4 + w->pkt.hlen + w->step.skip, w->step.slot_len, len))
		return -1;
	return len;
}

/* Commit of a held head that is complete (@head_len > 0), or pinned. */
gl_inline void request_held(struct __sk_buff *skb, struct work *w, struct conn *c,
			    const struct gl_image *image, int head_len, u32 total)
{
	struct gl_decision *d = &w->decision;
	u32 open = 0, claimed = 0, used;

	d->taken = total;
	if (head_len > 0) {
		open = decide_request(skb, w, c, image, 0, head_len, total);
		claimed = open && d->leg;
	} else {
		d->now_ns = w->pkt.seg.now_ns;
		d->left = 0;
		d->chunked = 0;
		d->flags = 0;
		d->head_len = total;
		d->lane = GL_LANE_BASE;
		d->reason = GL_REASON_DEFAULT;
		d->method = 0;
		d->generation = 0;
		d->leg = c->c.active;
		d->pin = -head_len;
		w->target.fail = GL_FALLBACK_NONE;
	}
	d->slot = 0;
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		c->c.slot_len = total;
		c->c.ack = gl_seq_max(c->c.ack, w->pkt.seg.ack);
		if (claimed)
			open_aim(&c->c, w, d->leg);
		gl_commit_held(&c->c, d, open, &w->step);
	}
	used = conn_uses(&c->c, w);
	bpf_spin_unlock(&c->lock);
	request_settle(w, 0, 0, claimed, used);
}

/*
 * request_more: more bytes of a head that is held in the slot. Read again from its start; the new
 * bytes are acknowledged only while the head stays incomplete.
 */
gl_global int request_more(struct __sk_buff *skb)
{
	struct work *w = work_get();
	const struct gl_image *image = decide_image();
	u32 total, n;
	struct conn *c;
	int res, added;

	if (!w)
		return 0;
	gl_step_drop(&w->step, GL_DROP_LEG);	/* until it is decided */
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c)
		return 0;
	added = request_append(skb, w);
	if (added < 0)
		return 0;
	total = w->step.slot_len + added;
	n = total > GL_HEAD_MAX ? GL_HEAD_MAX : total;
	if (slot_load_head(n))
		return 0;
	decide_service(w, image, w->step.service);
	gl_head_start(&w->head, 0, w->info.interest);
	res = gl_head_scan(&w->buf, n, &w->head);
	if (!res && n == GL_HEAD_MAX)
		res = -GL_PIN_HEAD_LONG;
	if (res) {
		request_held(skb, w, c, image, res, total);
		return 0;
	}
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step))
		gl_commit_hold(&c->c, &w->pkt.seg, total, &w->step);
	bpf_spin_unlock(&c->lock);
	return 0;
}

/* request_body: body bytes while the leg opens: appended to the slot, not acknowledged. */
gl_global int request_body(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct conn *c;
	u32 chunked;
	int added, res = 0;

	if (!w)
		return 0;
	gl_step_drop(&w->step, GL_DROP_LEG);	/* until it is decided */
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c)
		return 0;
	added = request_append(skb, w);
	w->step.drop = GL_DROP_NONE;	/* the slot's part is replayed; what does not fit comes again */
	if (added <= 0)
		return 0;
	chunked = c->c.req.phase == GL_PHASE_CHUNKS;
	if (chunked) {
		w->chunk = c->c.req.chunk;
		res = decide_chunks(skb, w->pkt.l4 + w->pkt.hlen + w->step.skip, 0, added);
	}
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step) &&
	    c->c.slot_len == w->step.slot_len) {
		gl_commit_append(&c->c, added, &w->step);
		if (chunked)
			gl_commit_chunked(&c->c, &w->chunk, res, w->walk.off < (u32)added,
					  &w->step);
	}
	bpf_spin_unlock(&c->lock);
	return 0;
}

/* request_chunks: sizes of a chunked body are read in a packet that goes on to the active leg. */
gl_global int request_chunks(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct conn *c;
	u32 len;
	int res;

	if (!w)
		return 0;
	gl_step_drop(&w->step, GL_DROP_LEG);
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c)
		return 0;
	len = w->pkt.seg.len - w->step.skip;
	w->chunk = c->c.req.chunk;
	gl_chunk_skip(&w->chunk, w->step.off);
	res = decide_chunks(skb, w->pkt.l4 + w->pkt.hlen + w->step.skip, 0, len);
	bpf_spin_lock(&c->lock);
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step))
		gl_commit_chunks(&c->c, &w->pkt.seg, &w->chunk, res, w->walk.off < len, &w->step);
	bpf_spin_unlock(&c->lock);
	return 0;
}

#endif
