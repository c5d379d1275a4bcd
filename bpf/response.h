/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * response: what to_pod does where a response begins, or where sizes of its chunked body must be
 * read: read, commit. The packet goes to the client in any case but one: it is part of a translated
 * connection and cannot be followed.
 */
#ifndef GL_BPF_RESPONSE_H
#define GL_BPF_RESPONSE_H

#include "decide.h"

/*
 * What follows the complete head in the head buffer. Fills w->rhead; true: it is an interim one
 * (1xx), another head follows.
 */
gl_inline u32 response_frame(struct work *w, u32 method)
{
	struct gl_response_head *r = &w->rhead;
	int err = gl_frame_response(&w->head, method, &w->frame);

	r->code = w->head.code;
	if (err) {
		r->pin = -err;
		return 0;
	}
	r->close = !!(w->frame.flags & GL_FRAME_LAST);
	switch (w->frame.kind) {
	case GL_FRAME_NONE:
		r->phase = GL_PHASE_DONE;
		return 0;
	case GL_FRAME_LENGTH:
		r->phase = GL_PHASE_BODY;
		r->left = w->frame.left;
		return 0;
	case GL_FRAME_UNTIL_CLOSE:
		r->phase = GL_PHASE_UNTIL_CLOSE;
		return 0;
	case GL_FRAME_INTERIM:
		return 1;
	case GL_FRAME_SWITCH:
		r->pin = GL_PIN_UPGRADE;
		return 0;
	}
	r->phase = GL_PHASE_CHUNKS;
	return 0;
}

/*
 * The chunked body that follows, as far as it is there: bytes [@off, @end) at @base (as in
 * decide_chunks).
 */
gl_inline void response_chunks(struct __sk_buff *skb, struct work *w, u32 base, u32 off, u32 end)
{
	struct gl_response_head *r = &w->rhead;
	int res = decide_chunks(skb, base, off, end);

	r->chunk = w->chunk;
	if (res < 0)
		r->pin = -res;
	r->rest = res > 0 && w->walk.off < end;
}

/* Remembers that bytes [@off, @off + @n) of the head lie in the slot. */
gl_inline void response_track(struct work *w, u32 off, u32 n)
{
	struct gl_response_head *r = &w->rhead;
	u32 start = w->step.seq, nxt = start + r->held;

	if (gl_seq_track(&nxt, &r->span_start, &r->span_end, start + off, start + off + n) ==
	    GL_SEQ_LOST)
		r->pin = GL_PIN_HOLE;
	r->held = nxt - start;
}

/*
 * A head in pieces: @len bytes at @from of the packet belong at w->step.off of it. They are copied
 * to the connection's response slot, which is taken if there is none yet; then the head is read as
 * far as it is there without a hole.
 */
gl_inline void response_more(struct __sk_buff *skb, struct work *w, u32 from, u32 len, u32 method)
{
	struct gl_response_head *r = &w->rhead;
	u32 off = w->step.off, n = len;
	u16 big = 1;
	int res;

	if (!w->step.slot) {
		w->step.slot = slot_take(w, GL_SLOT_BIG, &big);
		w->step.slot_big = big;
	}
	r->slot = w->step.slot;
	if (off > GL_HEAD_MAX)
		off = GL_HEAD_MAX;
	if (n > GL_HEAD_MAX - off)
		n = GL_HEAD_MAX - off;
	if (!r->slot || !big || (n && slot_save(skb, from, off, n))) {
		r->pin = GL_PIN_SLOTS;
		return;
	}
	if (n)
		response_track(w, off, n);
	r->hold = 1;
	if (!r->held || r->pin)
		return;
	if (slot_load_head(r->held)) {
		r->pin = GL_PIN_SLOTS;
		return;
	}
	gl_head_start(&w->head, 1, NULL);
	res = gl_head_scan(&w->buf, r->held, &w->head);
	if (!res && r->held == GL_HEAD_MAX)
		res = -GL_PIN_HEAD_LONG;
	if (!res)
		return;
	r->hold = 0;
	if (res < 0) {
		r->pin = -res;
		return;
	}
	r->head_len = res;
	if (response_frame(w, method) && w->step.off + len > (u32)res)
		r->pin = GL_PIN_RESPONSE;	/* an interim head in pieces, and more behind it: too rare to follow */
	if (r->phase != GL_PHASE_CHUNKS || r->pin)
		return;
	/*
	 * Its first chunks are read from the slot; what does not lie there without a hole cannot
	 * be.
	 */
	if (w->step.off + len > r->held || r->span_start != r->span_end)
		r->pin = GL_PIN_HOLE;
	if (r->pin)
		return;
	__builtin_memset(&w->chunk, 0, sizeof(w->chunk));
	response_chunks(skb, w, 0, res, r->held);
}

/*
 * response_head: reads the head of the response behind w->step.skip payload bytes of the packet,
 * interim ones (1xx) before it included. Fills w->rhead. An incomplete head is held in a slot,
 * while its packets go to the client as they come, in whatever order.
 */
gl_global int response_head(struct __sk_buff *skb, u32 method)
{
	struct work *w = work_get();
	u32 from, len, at = 0, i;
	int res;

	if (!w)
		return -1;
	from = w->pkt.l4 + w->pkt.hlen + w->step.skip;
	len = w->pkt.seg.len - w->step.skip;
	if (w->step.slot || w->step.off) {
		response_more(skb, w, from, len, method);
		return 0;
	}
	gl_unroll
	for (i = 0; i < GL_INTERIM_MAX; i++) {
		gl_head_start(&w->head, 1, NULL);
		res = decide_scan(skb, from + at, len - at);
		if (res < 0)
			w->rhead.pin = -res;
		if (!res) {
			w->step.seq += at;	/* the slot begins with the head; interim ones before it are done with */
			response_more(skb, w, from + at, len - at, method);
		}
		if (res <= 0)
			return 0;
		at += res;
		w->rhead.head_len = at;
		if (response_frame(w, method) && at < len)
			continue;
		if (w->rhead.phase == GL_PHASE_CHUNKS) {
			__builtin_memset(&w->chunk, 0, sizeof(w->chunk));
			response_chunks(skb, w, from, at, len);
		}
		return 0;
	}
	w->rhead.pin = GL_PIN_RESPONSE;
	return 0;
}

/*
 * response_read: reads on in a chunked response, behind w->step.skip payload bytes; w->chunk
 * is its state. Fills w->rhead.
 */
gl_global int response_read(struct __sk_buff *skb)
{
	struct work *w = work_get();

	if (!w)
		return -1;
	response_chunks(skb, w, w->pkt.l4 + w->pkt.hlen + w->step.skip, 0,
			w->pkt.seg.len - w->step.skip);
	return 0;
}

/* A response begins: its head is read and committed; the packet goes to the client in any case. */
gl_inline void response_begin(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	u32 translated, orphan, held = w->step.slot;

	__builtin_memset(&w->rhead, 0, sizeof(w->rhead));
	w->rhead.phase = GL_PHASE_HEAD;
	w->rhead.held = c->c.rsp.held;
	w->rhead.span_start = c->c.rsp.span_start;
	w->rhead.span_end = c->c.rsp.span_end;
	response_head(skb, c->c.req.method);
	bpf_spin_lock(&c->lock);
	translated = c->c.flags & GL_CONN_TRANSLATED;
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step)) {
		gl_server_response(&c->c, w->step.leg, &w->pkt.seg, &w->rhead, &w->step);
	} else if (!translated) {
		gl_step_pin(&c->c, &w->step, GL_PIN_SYNC);
		w->step.act = GL_ACT_PASS;
	}
	/*
	 * A slot that was taken for this packet and not put into use: the head was malformed, or
	 * the commit did not happen.
	 */
	orphan = w->rhead.slot && !held && c->c.rsp.slot != w->rhead.slot;
	bpf_spin_unlock(&c->lock);
	if (orphan)
		slot_give(w, w->rhead.slot, w->step.slot_big);
}

/* Sizes of a chunked body are read in a packet on its way to the client. */
gl_inline void response_go_on(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	u32 translated;

	__builtin_memset(&w->rhead, 0, sizeof(w->rhead));
	w->chunk = c->c.rsp.chunk;
	gl_chunk_skip(&w->chunk, w->step.off);
	response_read(skb);
	bpf_spin_lock(&c->lock);
	translated = c->c.flags & GL_CONN_TRANSLATED;
	if (gl_commit_current(&c->c, w->conn_id, w->step.epoch, &w->step))
		gl_server_read(&c->c, w->step.leg, &w->pkt.seg, &w->rhead, &w->step);
	if (w->step.act == GL_ACT_DROP && !translated) {
		gl_step_pin(&c->c, &w->step, GL_PIN_SYNC);
		w->step.act = GL_ACT_PASS;
	}
	bpf_spin_unlock(&c->lock);
}

#endif
