/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * response: puts into force, under the lock, what was read of a response outside it: its head, or the
 * sizes of its chunked body. The caller has compared the epoch. Pure; never reads packet bytes.
 */
#ifndef GL_CORE_RESPONSE_H
#define GL_CORE_RESPONSE_H

#include "core/server.h"

/* What the head of a response said: filled outside the lock. */
struct gl_response_head {
	u64 left;		/* body bytes that follow the head */
	struct gl_chunk chunk;	/* of a chunked body, behind the bytes that are there */
	u32 head_len;		/* bytes up to the end of the final head, interim heads before it included */
	u16 code;
	u8 phase;		/* GL_PHASE_HEAD (interim only), _BODY, _DONE, _CHUNKS, _UNTIL_CLOSE */
	u8 pin;			/* enum gl_pin: follow it no further */
	u8 close;		/* the server said that it closes */
	u8 hold;		/* the head is incomplete; what is there of it lies in the slot */
	u8 rest;		/* bytes follow behind the end of a chunked body */
	u8 pad;
	u32 slot;		/* slot + 1 that holds it; 0: none was needed */
	u32 held;		/* bytes in it without a hole */
	u32 span_start;		/* as in struct gl_response */
	u32 span_end;
};

/* The chunked body stands at @chunk; if that is its end, the response is complete. */
gl_inline void gl_server_chunked(struct gl_conn *conn, const struct gl_seg *seg,
				 const struct gl_chunk *chunk, u32 rest, struct gl_step *step)
{
	conn->rsp.chunk = *chunk;
	if (!gl_chunk_done(chunk))
		return;
	if (rest)
		gl_step_pin(conn, step, GL_PIN_UNASKED);
	gl_server_complete(conn, seg, step);
}

/* An incomplete head: what is there of it lies in the slot, and the packet goes on. */
gl_inline void gl_server_hold(struct gl_conn *conn, const struct gl_response_head *head, u32 start)
{
	struct gl_response *rsp = &conn->rsp;

	rsp->slot = head->slot;
	rsp->head_seq = start;
	rsp->held = head->held;
	rsp->span_start = head->span_start;
	rsp->span_end = head->span_end;
	conn->epoch++;
}

/*
 * gl_server_response: the head of the response, which begins at step->seq, was read from the packet
 * in hand or from the slot. Commits what it said; the packet goes to the client in any case but
 * one: it cannot be remembered, and may not pass.
 */
gl_inline void gl_server_response(struct gl_conn *conn, u32 index, const struct gl_seg *seg,
				  const struct gl_response_head *head, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];
	struct gl_response *rsp = &conn->rsp;
	u32 start = step->seq, end = gl_seq_max(leg->snd_nxt, seg->seq + seg->len), body;

	if (head->pin == GL_PIN_HOLE && (conn->flags & GL_CONN_TRANSLATED)) {
		gl_step_drop(step, GL_DROP_HOLE);
		return;
	}
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	rsp->bytes += end - leg->snd_nxt;
	leg->snd_nxt = end;
	if (head->hold) {
		gl_server_hold(conn, head, start);
		return;
	}
	gl_step_release_response(conn, step);
	body = end - start - head->head_len;
	rsp->code = head->code;
	if (!rsp->first_ns && head->phase != GL_PHASE_HEAD)
		rsp->first_ns = seg->now_ns;
	if (head->close)
		rsp->flags |= GL_RESPONSE_CLOSE;
	if (head->pin) {
		gl_step_pin(conn, step, head->pin);
		gl_step_done(conn, step, seg->now_ns, 0);
	} else if (head->phase == GL_PHASE_BODY || head->phase == GL_PHASE_DONE) {
		if (body > head->left) {
			gl_step_pin(conn, step, GL_PIN_UNASKED);
			body = head->left;
		}
		rsp->left = head->left - body;
		rsp->phase = GL_PHASE_BODY;
		if (!rsp->left)
			gl_server_complete(conn, seg, step);
	} else if (head->phase == GL_PHASE_CHUNKS) {
		rsp->phase = GL_PHASE_CHUNKS;
		gl_server_chunked(conn, seg, &head->chunk, head->rest, step);
	} else if (head->phase == GL_PHASE_UNTIL_CLOSE) {
		rsp->phase = GL_PHASE_UNTIL_CLOSE;
		gl_step_pin(conn, step, GL_PIN_UNTIL_CLOSE);
	}
	if (seg->flags & GL_TCP_FIN)
		gl_server_fin(conn, leg, seg, step);
}

/*
 * gl_server_read: bytes of a chunked body, from step->seq on, were read from the packet in hand;
 * @head->chunk is the state behind them, @head->pin why it cannot be followed, @head->rest whether
 * bytes follow behind its end.
 */
gl_inline void gl_server_read(struct gl_conn *conn, u32 index, const struct gl_seg *seg,
			      const struct gl_response_head *head, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];
	u32 fresh = seg->seq + seg->len - leg->snd_nxt;

	if (leg->snd_nxt != step->seq || conn->rsp.phase != GL_PHASE_CHUNKS) {
		gl_step_drop(step, GL_DROP_EPOCH);
		return;
	}
	leg->snd_nxt += fresh;
	conn->rsp.bytes += fresh;
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	if (head->pin) {
		gl_step_pin(conn, step, head->pin);
		gl_step_done(conn, step, seg->now_ns, 0);
	} else {
		gl_server_chunked(conn, seg, &head->chunk, head->rest, step);
	}
	if (seg->flags & GL_TCP_FIN)
		gl_server_fin(conn, leg, seg, step);
}

#endif
