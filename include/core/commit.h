/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * commit: puts into force, under the lock, what was decided outside it. Each function compares the
 * epoch first: if the connection has moved since, nothing is changed and the packet is dropped; its
 * sender sends it again.
 */
#ifndef GL_CORE_COMMIT_H
#define GL_CORE_COMMIT_H

#include "core/client.h"

/*
 * Makes @index the active leg for the client's bytes from @seq on. Owes the old leg's server an
 * ACK: it goes as a note.
 */
gl_inline void gl_commit_switch(struct gl_conn *conn, u32 index, u32 seq, struct gl_step *step)
{
	struct gl_leg *old = &conn->leg[conn->active & (GL_LEGS - 1)];
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	if (old != leg && old->state == GL_LEG_OPEN && old->acked != old->snd_nxt) {
		old->acked = old->snd_nxt;
		gl_step_note(&step->note[0], old, GL_TCP_ACK);
		step->notes = 1;
	}
	conn->active = index;
	conn->switch_seq = seq;
	conn->switch_ack = conn->ack;
	conn->flags |= GL_CONN_TRANSLATED;
	conn->epoch++;
	if (leg->state != GL_LEG_OPEN)
		return;
	leg->dtx = leg->rcv_nxt - seq;
	leg->drx = conn->ack - leg->snd_nxt;
	leg->ts_first = leg->ts_last;
	leg->flags |= GL_LEG_ANCHOR;
	if (index || leg->dtx || leg->drx || leg->ts_off)
		leg->flags |= GL_LEG_TRANSLATED;
}

/* The request becomes the current one, to be answered by leg @d->leg. @seq: its first byte. */
gl_inline void gl_commit_begin(struct gl_conn *conn, const struct gl_decision *d, u32 seq)
{
	struct gl_request *req = &conn->req;
	u32 body = d->taken - d->head_len;

	req->seq = seq;
	req->bytes = d->taken;
	req->start_ns = d->now_ns;
	req->generation = d->generation;
	req->lane = d->lane;
	req->served = conn->leg[d->leg & (GL_LEGS - 1)].lane;
	req->reason = d->reason;
	req->method = d->method;
	req->flags = d->flags;
	req->left = d->left > body ? d->left - body : 0;
	req->phase = req->left ? GL_PHASE_BODY : GL_PHASE_DONE;
	req->chunk = d->chunk;
	if (d->chunked && !gl_chunk_done(&d->chunk))
		req->phase = GL_PHASE_CHUNKS;
	conn->rsp.phase = GL_PHASE_HEAD;
	conn->rsp.bytes = 0;
	conn->rsp.left = 0;
	conn->rsp.code = 0;
	conn->rsp.flags = 0;
	conn->rsp.first_ns = 0;
	conn->nxt = seq + d->taken;
	conn->requests++;
	conn->used_ns = d->now_ns;
	conn->leg_fails = 0;
	conn->epoch++;
}

/*
 * Common end of a commit that sends on an open leg: the packet is rewritten or passes, perhaps with a
 * FIN behind the request.
 */
gl_inline void gl_commit_send(struct gl_conn *conn, u32 index, const struct gl_seg *seg,
			      struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	leg->rcv_nxt = conn->nxt + leg->dtx;
	leg->acked = conn->ack - leg->drx;
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	step->leg = index;
	step->lane = leg->lane;
	if (seg->flags & GL_TCP_FIN)
		gl_client_fin(conn, leg, seg, step);
	gl_step_to_leg(conn, step, leg, index);
}

/* Common part of what goes out of the slot towards an open leg. */
gl_inline void gl_commit_replay(struct gl_conn *conn, u32 index, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	leg->rcv_nxt = conn->nxt + leg->dtx;
	leg->acked = conn->ack - leg->drx;
	step->leg = index;
	step->lane = leg->lane;
	gl_step_replay(conn, leg, step);
}

/* Takes the slot @slot (+1), which holds @len bytes from @seq on. */
gl_inline void gl_commit_slot(struct gl_conn *conn, u32 slot, u32 big, u32 seq, u32 len)
{
	conn->slot = slot;
	conn->slot_seq = seq;
	conn->slot_len = len;
	if (big)
		conn->flags |= GL_CONN_SLOT_BIG;
	else
		conn->flags &= ~GL_CONN_SLOT_BIG;
}

/*
 * gl_commit_open: leg @index is opened for a request that lies in the connection's slot, from
 * conn->slot_seq on. Its address and lane were set by the caller under this lock. The packet in
 * hand becomes the SYN.
 */
gl_inline void gl_commit_open(struct gl_conn *conn, u32 index, u32 now_ms, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];
	u32 again = leg->state != GL_LEG_NONE;

	step->act = gl_leg_step(leg, GL_LEG_EV_OPEN);
	gl_commit_switch(conn, index, conn->slot_seq, step);
	leg->isn = again ? leg->rcv_nxt + GL_REOPEN_GAP : conn->slot_seq - 1;
	leg->dtx = leg->isn + 1 - conn->slot_seq;
	leg->drx = 0;
	leg->rcv_nxt = leg->isn + 1;
	leg->srv_ack = leg->isn + 1;
	leg->snd_nxt = 0;
	leg->acked = 0;
	leg->ts_off = 0;
	leg->ts_last = 0;
	leg->wnd = 0;
	leg->tries = 0;
	leg->used_ms = now_ms;
	leg->flags = (leg->flags & GL_LEG_CLAIMED) | GL_LEG_TRANSLATED | GL_LEG_ANCHOR;
	step->leg = index;
	step->lane = leg->lane;
	step->seq = leg->isn;
}

/*
 * gl_commit_first: the client's own SYN goes to leg @index (an endpoint at SYN time, or base after
 * that failed). Numbers are the client's own, so that nothing but the address is translated.
 */
gl_inline void gl_commit_first(struct gl_conn *conn, u32 index, u32 now_ms, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	step->act = gl_leg_step(leg, GL_LEG_EV_OPEN);
	conn->active = index;
	conn->native = index;
	conn->epoch++;
	leg->isn = conn->isn;
	leg->rcv_nxt = conn->isn + 1;
	leg->srv_ack = conn->isn + 1;
	leg->dtx = 0;
	leg->drx = 0;
	leg->ts_off = 0;
	leg->tries = 0;
	leg->used_ms = now_ms;
	leg->flags = (leg->flags & GL_LEG_CLAIMED) | GL_LEG_FIRST | (index ? GL_LEG_TRANSLATED : 0);
	if (index)
		conn->flags |= GL_CONN_TRANSLATED;
	step->leg = index;
	step->lane = leg->lane;
	step->seq = leg->isn;
}

/*
 * gl_commit_current: is the connection still as it was when @epoch was read? Else the packet is
 * dropped.
 */
gl_inline u32 gl_commit_current(const struct gl_conn *conn, u64 id, u32 epoch, struct gl_step *step)
{
	if (conn->id == id && conn->epoch == epoch)
		return 1;
	gl_step_drop(step, GL_DROP_EPOCH);
	return 0;
}

/*
 * gl_commit_request: a complete head in the packet in hand was decided for leg @d->leg, which is
 * the active one, open, or (with a slot) to be opened.
 */
gl_inline void gl_commit_request(struct gl_conn *conn, const struct gl_decision *d,
				 const struct gl_seg *seg, struct gl_step *step)
{
	u32 index = d->leg & (GL_LEGS - 1);
	struct gl_leg *leg = &conn->leg[index];

	conn->ack = gl_seq_max(conn->ack, seg->ack);
	if (d->slot) {
		gl_step_release(conn, step);
		gl_commit_slot(conn, d->slot, d->slot_big, seg->seq, d->taken);
		gl_commit_open(conn, index, d->now_ns / 1000000, step);
		gl_commit_begin(conn, d, seg->seq);
		leg->rcv_nxt = conn->nxt + leg->dtx;
		return;
	}
	if (index != conn->active)
		gl_commit_switch(conn, index, seg->seq, step);
	gl_commit_begin(conn, d, seg->seq);
	if (d->pin)
		gl_step_pin(conn, step, d->pin);
	gl_commit_send(conn, index, seg, step);
}

/*
 * gl_commit_held: the head that lies in the slot is complete and was decided. conn->slot_len bytes
 * are in the slot. The packet in hand carries them to the leg, or becomes its SYN.
 */
gl_inline void gl_commit_held(struct gl_conn *conn, const struct gl_decision *d, u32 open,
			      struct gl_step *step)
{
	u32 index = d->leg & (GL_LEGS - 1);
	struct gl_leg *leg = &conn->leg[index];

	if (open) {
		gl_commit_open(conn, index, d->now_ns / 1000000, step);
		gl_commit_begin(conn, d, conn->slot_seq);
		leg->rcv_nxt = conn->nxt + leg->dtx;
		return;
	}
	if (index != conn->active)
		gl_commit_switch(conn, index, conn->slot_seq, step);
	gl_commit_begin(conn, d, conn->slot_seq);
	if (d->pin)
		gl_step_pin(conn, step, d->pin);
	gl_commit_replay(conn, index, step);
}

/*
 * gl_commit_hold: the bytes of an incomplete head were appended to the slot, which now holds @len
 * from @seq on; they are acknowledged to the client, else a client with Nagle's algorithm waits for
 * ever.
 */
gl_inline void gl_commit_hold(struct gl_conn *conn, const struct gl_seg *seg, u32 len,
			      struct gl_step *step)
{
	conn->req.phase = GL_PHASE_HOLD;
	conn->slot_len = len;
	conn->nxt = conn->slot_seq + len;
	conn->ack = gl_seq_max(conn->ack, seg->ack);
	conn->flags |= GL_CONN_TRANSLATED;
	conn->epoch++;
	step->act = GL_ACT_ACK_CLIENT;
	step->seq = conn->ack;
	step->ack = conn->nxt;
}

/*
 * gl_commit_chunked: bytes of a chunked body were read; @chunk is the state behind them, @res as
 * gl_chunk_walk_result(), and @rest tells whether the packet has bytes behind the end of the body.
 */
gl_inline void gl_commit_chunked(struct gl_conn *conn, const struct gl_chunk *chunk, int res,
				 u32 rest, struct gl_step *step)
{
	conn->req.chunk = *chunk;
	if (res < 0) {
		gl_step_pin(conn, step, -res);
	} else if (res) {
		gl_client_complete(conn);
		conn->epoch++;
		if (rest)
			gl_step_pin(conn, step, GL_PIN_PIPELINED);
	}
}

/*
 * gl_commit_chunks: the same for a packet that goes on to the leg. step->seq: where the bytes began
 * that were read.
 */
gl_inline void gl_commit_chunks(struct gl_conn *conn, const struct gl_seg *seg,
				const struct gl_chunk *chunk, int res, u32 rest,
				struct gl_step *step)
{
	u32 index = conn->active & (GL_LEGS - 1), fresh = seg->seq + seg->len - conn->nxt;
	struct gl_leg *leg = &conn->leg[index];

	if (conn->nxt != step->seq || conn->req.phase != GL_PHASE_CHUNKS) {
		gl_step_drop(step, GL_DROP_EPOCH);
		return;
	}
	conn->nxt += fresh;
	conn->req.bytes += fresh;
	leg->rcv_nxt = conn->nxt + leg->dtx;
	gl_commit_chunked(conn, chunk, res, rest, step);
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	gl_client_ack(conn, leg, seg, step);
	if (seg->flags & GL_TCP_FIN)
		gl_client_fin(conn, leg, seg, step);
	gl_step_to_leg(conn, step, leg, index);
}

/*
 * gl_commit_append: @len more body bytes were appended to the slot while the leg opens. They are
 * not acknowledged. Those of a chunked body are committed by gl_commit_chunked() besides.
 */
gl_inline void gl_commit_append(struct gl_conn *conn, u32 len, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[conn->active & (GL_LEGS - 1)];
	u32 body = len;

	conn->slot_len += len;
	conn->nxt += len;
	conn->req.bytes += len;
	leg->rcv_nxt += len;
	conn->epoch++;
	gl_step_drop(step, GL_DROP_NONE);
	if (conn->req.phase == GL_PHASE_CHUNKS)
		return;
	if (body > conn->req.left) {
		gl_step_pin(conn, step, GL_PIN_PIPELINED);
		body = conn->req.left;
	}
	conn->req.left -= body;
	if (!conn->req.left)
		gl_client_complete(conn);
}

/*
 * gl_commit_fallback: the leg that was opening came to nothing; the saved request goes to leg
 * @index, which is open.
 */
gl_inline void gl_commit_fallback(struct gl_conn *conn, u32 index, struct gl_step *step)
{
	gl_commit_switch(conn, index, conn->slot_seq, step);
	conn->req.served = conn->leg[index & (GL_LEGS - 1)].lane;
	gl_commit_replay(conn, index, step);
}

#endif
