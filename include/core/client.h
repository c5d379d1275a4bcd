/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * client: what a packet of the client does to its connection. Pure; allowed under a spin lock;
 * never reads packet bytes.
 *
 * Cases of a packet with payload, on an open leg (nxt: the client's bytes seen so far):
 *	nothing new				passes again; on saved bytes that the leg has not acknowledged: REPLAY;
 *						of a leg before the switch, or held: ACK_CLIENT, for its ACK was lost
 *	next byte, a boundary			SCAN
 *	next byte, a boundary, answer not over	pin (pipelined)
 *	next byte, head held			MORE
 *	next byte, body				passes, counted against the body; beyond its end: pin (pipelined)
 *	next byte, chunked body			data passes, counted; anything else: CHUNKS
 *	behind a hole				body of known length: passes and counts; else dropped (translated) or pin (hole)
 */
#ifndef GL_CORE_CLIENT_H
#define GL_CORE_CLIENT_H

#include "core/chunk.h"
#include "core/step.h"

/* What a decision says, once the head was read: filled outside the lock, committed under it. */
struct gl_decision {
	u64 now_ns;
	u64 left;		/* body bytes that follow the head */
	struct gl_chunk chunk;	/* of a chunked body, behind the bytes that are taken */
	u32 head_len;
	u32 taken;		/* payload bytes of the request that are taken now: passed, or saved from its first byte on */
	u32 generation;
	u32 slot;		/* slot + 1 with the saved bytes; 0: none */
	u16 slot_big;
	u16 lane;
	u8 reason;		/* enum gl_reason */
	u8 method;
	u8 leg;			/* index */
	u8 pin;			/* enum gl_pin: stay on the leg for good */
	u8 chunked;
	u8 flags;		/* GL_REQUEST_* bits */
	u8 pad[6];
};

/*
 * A boundary: the answer is complete, the client has acknowledged all of it, the server all of the
 * request.
 */
gl_inline u32 gl_client_boundary(const struct gl_conn *conn, const struct gl_leg *leg,
				 const struct gl_seg *seg)
{
	return conn->rsp.phase == GL_PHASE_IDLE && seg->ack == leg->snd_nxt + leg->drx &&
	       leg->srv_ack == leg->rcv_nxt;
}

/* Nothing in this packet is new. */
gl_inline void gl_client_again(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			       struct gl_step *step)
{
	u32 held = conn->req.phase == GL_PHASE_HOLD;
	u32 old = (conn->flags & GL_CONN_TRANSLATED) && gl_seq_before(seg->seq, conn->switch_seq);

	if (held || old) {
		step->act = GL_ACT_ACK_CLIENT;
		step->seq = conn->ack;
		step->ack = held ? conn->nxt : conn->switch_seq;
		return;
	}
	if (conn->slot && gl_seq_before(seg->seq, conn->slot_seq + conn->slot_len) &&
	    gl_seq_before(leg->srv_ack, conn->slot_seq + conn->slot_len + leg->dtx)) {
		conn->ack = gl_seq_max(conn->ack, seg->ack);
		gl_step_replay(conn, leg, step);
		step->act = gl_leg_step(leg, GL_LEG_EV_TICK);
	}
}

/*
 * The request is complete. Its response may be complete already: servers answer before they have
 * read all.
 */
gl_inline void gl_client_complete(struct gl_conn *conn)
{
	conn->req.phase = conn->rsp.phase == GL_PHASE_IDLE ? GL_PHASE_HEAD : GL_PHASE_DONE;
}

/*
 * Body bytes. A length needs no order: what lies behind a hole passes and counts, and at the next
 * boundary the server's ACK of all of it says that the hole was filled.
 */
gl_inline void gl_client_body(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			      struct gl_step *step)
{
	struct gl_request *req = &conn->req;
	u32 moved = seg->seq + seg->len - conn->nxt;

	conn->nxt += moved;
	leg->rcv_nxt = conn->nxt + leg->dtx;
	req->bytes += moved;
	if (moved > req->left) {
		gl_step_pin(conn, step, GL_PIN_PIPELINED);
		moved = req->left;
	}
	req->left -= moved;
	if (!req->left)
		gl_client_complete(conn);
}

/*
 * Bytes of a chunked body: data is counted here, wherever sizes must be read, the packet is. A hole
 * that lies in the data of one chunk is jumped over like data; behind any other, sizes are unknown.
 */
gl_inline void gl_client_chunks(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				struct gl_step *step)
{
	struct gl_request *req = &conn->req;
	u32 end = seg->seq + seg->len, fresh = end - conn->nxt;
	u32 hole = gl_seq_after(seg->seq, conn->nxt) ? seg->seq - conn->nxt : 0;

	if (hole > gl_chunk_data(&req->chunk)) {
		if (conn->flags & GL_CONN_TRANSLATED) {
			gl_step_drop(step, GL_DROP_HOLE);
			return;
		}
		gl_step_pin(conn, step, GL_PIN_HOLE);
	} else if (gl_chunk_data(&req->chunk) < fresh) {
		step->act = GL_ACT_CHUNKS;
		step->skip = hole ? 0 : conn->nxt - seg->seq;
		step->off = hole;
		step->seq = conn->nxt;
		return;
	} else {
		gl_chunk_skip(&req->chunk, fresh);
	}
	conn->nxt = end;
	leg->rcv_nxt = end + leg->dtx;
	req->bytes += fresh;
}

/* New bytes where a request may begin. */
gl_inline void gl_client_head(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			      struct gl_step *step)
{
	u8 cause = GL_PIN_NONE;

	if (gl_seq_after(seg->seq, conn->nxt)) {
		if (conn->flags & GL_CONN_TRANSLATED) {
			gl_step_drop(step, GL_DROP_HOLE);
			return;
		}
		cause = GL_PIN_HOLE;
	} else if (gl_seq_before(seg->seq, conn->nxt) || !gl_client_boundary(conn, leg, seg)) {
		cause = GL_PIN_PIPELINED;
	} else {
		step->act = GL_ACT_SCAN;
		return;
	}
	gl_step_pin(conn, step, cause);
	conn->nxt = gl_seq_max(conn->nxt, seg->seq + seg->len);
	leg->rcv_nxt = conn->nxt + leg->dtx;
}

gl_inline void gl_client_payload(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				 struct gl_step *step)
{
	u32 end = seg->seq + seg->len;

	if (!gl_seq_after(end, conn->nxt)) {
		gl_client_again(conn, leg, seg, step);
		return;
	}
	if (conn->req.phase == GL_PHASE_HOLD) {
		if (gl_seq_after(seg->seq, conn->nxt)) {
			gl_step_drop(step, GL_DROP_HOLE);
			return;
		}
		step->act = GL_ACT_MORE;
		step->skip = conn->nxt - seg->seq;
		step->slot = conn->slot;
		step->slot_big = !!(conn->flags & GL_CONN_SLOT_BIG);
		step->slot_len = conn->slot_len;
		return;
	}
	if (!(conn->flags & GL_CONN_PINNED) && conn->req.phase == GL_PHASE_BODY) {
		gl_client_body(conn, leg, seg, step);
		return;
	}
	if (!(conn->flags & GL_CONN_PINNED) && conn->req.phase == GL_PHASE_CHUNKS) {
		gl_client_chunks(conn, leg, seg, step);
		return;
	}
	if (!(conn->flags & GL_CONN_PINNED) && conn->req.phase == GL_PHASE_HEAD) {
		gl_client_head(conn, leg, seg, step);
		return;
	}
	if (!(conn->flags & GL_CONN_PINNED))
		gl_step_pin(conn, step, GL_PIN_PIPELINED);
	conn->req.bytes += end - conn->nxt;
	conn->nxt = end;
	leg->rcv_nxt = end + leg->dtx;
}

/*
 * The active leg is not open yet: the slot holds the request, the client's retransmission is our
 * clock.
 */
gl_inline void gl_client_opening(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				 struct gl_step *step)
{
	u32 now_ms = seg->now_ns / 1000000;

	if (leg->flags & GL_LEG_FIRST) {
		if (conn->flags & GL_CONN_TRANSLATED)
			gl_step_drop(step, GL_DROP_LEG);
		return;
	}
	gl_step_drop(step, seg->flags & GL_TCP_FIN ? GL_DROP_HOLD : GL_DROP_NONE);
	if (!seg->len)
		return;
	step->slot = conn->slot;
	step->slot_big = !!(conn->flags & GL_CONN_SLOT_BIG);
	step->slot_len = conn->slot_len;
	if (seg->seq == conn->nxt) {
		step->act = GL_ACT_APPEND;
		return;
	}
	if (gl_seq_after(seg->seq, conn->nxt)) {
		step->drop = GL_DROP_HOLE;
		return;
	}
	/* Base has nobody behind it: like any client of it, we go on asking. */
	if (!(conn->active & (GL_LEGS - 1)) || now_ms - leg->used_ms < GL_OPEN_PATIENCE_MS) {
		leg->tries++;
		step->act = gl_leg_step(leg, GL_LEG_EV_TICK);
		step->seq = leg->isn;
		return;
	}
	step->act = gl_leg_step(leg, GL_LEG_EV_SILENT);
	step->fail = GL_FALLBACK_TIMEOUT;
	conn->epoch++;
}

/* Closes (FIN) or aborts (RST) every leg but the active one. */
gl_inline void gl_client_close_others(struct gl_conn *conn, struct gl_step *step, u32 abort_)
{
	u32 i, n = step->notes;

	gl_unroll
	for (i = 0; i < GL_LEGS; i++) {
		struct gl_leg *leg = &conn->leg[i];
		struct gl_note *note;

		if (i == conn->active || leg->state == GL_LEG_NONE || leg->state == GL_LEG_CLOSED ||
		    n >= GL_LEGS - 1)
			continue;
		note = &step->note[n & 3];
		if (abort_) {
			gl_leg_step(leg, GL_LEG_EV_ABORT);
			gl_step_note(note, leg, GL_TCP_RST | GL_TCP_ACK);
		} else {
			if (leg->state == GL_LEG_OPEN)
				leg->fin_seq = leg->rcv_nxt++;
			gl_leg_step(leg, GL_LEG_EV_CLOSE);
			gl_step_note(note, leg, GL_TCP_FIN | GL_TCP_ACK);
			note->seq = leg->fin_seq;
		}
		n++;
	}
	step->notes = n;
}

gl_inline void gl_client_fin(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			     struct gl_step *step)
{
	u32 end = seg->seq + seg->len;

	if (end != conn->nxt)
		return;		/* behind a hole: it comes again */
	if (conn->req.phase == GL_PHASE_HOLD) {
		/*
		 * What is held goes first, to be answered as the server likes; the client sends its
		 * FIN again.
		 */
		gl_step_pin(conn, step, GL_PIN_CLOSING);
		conn->req.phase = GL_PHASE_DONE;
		leg->rcv_nxt = conn->nxt + leg->dtx;
		gl_step_replay(conn, leg, step);
		return;
	}
	if (!(conn->flags & GL_CONN_CLIENT_FIN)) {
		conn->flags |= GL_CONN_CLIENT_FIN;
		conn->fin_seq = end;
		gl_step_pin(conn, step, GL_PIN_CLOSING);
		step->pin = GL_PIN_NONE;	/* an orderly end is no reason to tell */
	}
	leg->rcv_nxt = end + 1 + leg->dtx;
	gl_client_close_others(conn, step, 0);
}

/*
 * A reset counts only where the server believes it: at the next number, or at the one that it
 * acknowledged last, which answers a challenge (RFC 5961, section 3.2). Any other passes on and
 * changes nothing.
 */
gl_inline void gl_client_reset(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			       struct gl_step *step)
{
	if (leg->state == GL_LEG_OPEN && seg->seq + leg->dtx != leg->rcv_nxt &&
	    seg->seq + leg->dtx != leg->srv_ack)
		return;
	if (conn->rsp.phase != GL_PHASE_IDLE)
		gl_step_done(conn, step, seg->now_ns, GL_FAILURE_TIMEOUT + 1);
	conn->flags |= GL_CONN_RESET;
	conn->epoch++;
	gl_client_close_others(conn, step, 1);
	gl_step_release(conn, step);
	gl_step_release_response(conn, step);
	gl_step_over(conn, step);
}

/* What an ACK tells, whatever else the packet carries. */
gl_inline void gl_client_ack(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			     struct gl_step *step)
{
	u32 ack = seg->ack - leg->drx;

	if (!(seg->flags & GL_TCP_ACK) || leg->state != GL_LEG_OPEN)
		return;
	if (gl_seq_after(ack, leg->acked))
		leg->acked = ack;
	conn->ack = gl_seq_max(conn->ack, seg->ack);
	if ((conn->flags & GL_CONN_SERVER_FIN) && ack == leg->snd_nxt + 1) {
		conn->flags |= GL_CONN_SFIN_ACKED;
		gl_step_over(conn, step);
	}
}

/*
 * gl_client_packet: one packet of the client that is no SYN. Changes @conn, fills @step.
 */
gl_inline void gl_client_packet(struct gl_conn *conn, const struct gl_seg *seg,
				struct gl_step *step)
{
	u32 index = conn->active & (GL_LEGS - 1);
	struct gl_leg *leg = &conn->leg[index];

	step->leg = index;
	step->service = conn->service;
	step->lane = leg->lane;
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	conn->win = seg->win;
	if ((seg->opts & GL_OPT_TS) && gl_seq_after(seg->tsval, conn->ts))
		conn->ts = seg->tsval;
	if (seg->flags & GL_TCP_RST) {
		gl_client_reset(conn, leg, seg, step);
	} else if (leg->state == GL_LEG_OPENING) {
		gl_client_opening(conn, leg, seg, step);
	} else {
		if (seg->len)
			gl_client_payload(conn, leg, seg, step);
		if (step->act == GL_ACT_PASS || step->act == GL_ACT_XLAT) {
			gl_client_ack(conn, leg, seg, step);
			if (seg->flags & GL_TCP_FIN)
				gl_client_fin(conn, leg, seg, step);
		}
	}
	step->epoch = conn->epoch;
	if (step->act == GL_ACT_XLAT)
		gl_step_to_leg(conn, step, leg, index);
}

#endif
