/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * server: what a packet of a leg's server does to its connection. Pure; allowed under a spin lock;
 * never reads packet bytes.
 *
 * The active leg's packets go to the client, rewritten where the leg is translated; its response is
 * followed. An idle leg's packets are answered here.
 */
#ifndef GL_CORE_SERVER_H
#define GL_CORE_SERVER_H

#include "core/commit.h"

/*
 * The window that the client is shown, in the scale that it knows. Between requests no more than
 * every open leg can take.
 */
gl_inline void gl_server_window(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				struct gl_step *step)
{
	u32 win, i;

	win = seg->flags & GL_TCP_SYN ? seg->win : (u32)seg->win << (leg->ws & 15);	/* RFC 7323, section 2.2 */
	leg->wnd = win;
	if (!(leg->flags & GL_LEG_TRANSLATED)) {
		conn->view_win = win >> (conn->view_ws & 15) > 0xffff ? 0xffff :
									win >> (conn->view_ws & 15);
		return;
	}
	if (conn->req.phase != GL_PHASE_BODY && !(conn->flags & GL_CONN_PINNED)) {
		gl_unroll
		for (i = 0; i < GL_LEGS; i++) {
			u32 other = conn->leg[i].state == GL_LEG_OPEN ? conn->leg[i].wnd : win;

			if (other < GL_WINDOW_FLOOR)
				other = GL_WINDOW_FLOOR;
			if (win > other)
				win = other;
		}
	}
	conn->view_win = win >> (conn->view_ws & 15) > 0xffff ? 0xffff :
								win >> (conn->view_ws & 15);
	step->xlat.win = seg->flags & GL_TCP_SYN ? seg->win : conn->view_win;
	step->xlat.set_win = 1;
}

/*
 * Timestamps: the client's view never goes back, or it would drop the packet (PAWS, RFC 7323
 * section 5).
 */
gl_inline void gl_server_stamp(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg)
{
	u32 view;

	if (!(seg->opts & GL_OPT_TS))
		return;
	view = seg->tsval + leg->ts_off;
	if (leg->flags & GL_LEG_ANCHOR) {
		leg->flags &= ~GL_LEG_ANCHOR;
		if (!(leg->flags & GL_LEG_FIRST) && gl_seq_before(view, conn->view_ts)) {
			leg->ts_off = conn->view_ts - seg->tsval;
			leg->flags |= GL_LEG_TRANSLATED;
			view = conn->view_ts;
		}
	}
	conn->view_ts = gl_seq_max(conn->view_ts, view);
}

/* The client's own SYN is answered: by base, or by the endpoint that the SYN was sent to. */
gl_inline void gl_server_first(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			       struct gl_step *step)
{
	u16 has = 0;

	gl_leg_step(leg, GL_LEG_EV_SYNACK);
	leg->flags &= ~GL_LEG_FIRST;
	leg->snd_nxt = seg->seq + 1;
	leg->acked = leg->snd_nxt;
	leg->srv_ack = seg->ack;
	leg->ts_first = seg->tsval;
	leg->ts_last = seg->tsval;
	leg->ws = seg->opts & GL_OPT_WS ? seg->ws : 0;
	leg->mss = seg->mss;
	if (seg->opts & GL_OPT_TS)
		has |= GL_CONN_HAS_TS;
	if (seg->opts & GL_OPT_SACK)
		has |= GL_CONN_HAS_SACK;
	if (seg->opts & GL_OPT_WS)
		has |= GL_CONN_HAS_WS;
	conn->flags &= has | ~(GL_CONN_HAS_TS | GL_CONN_HAS_SACK | GL_CONN_HAS_WS);
	if (!(conn->flags & GL_CONN_HAS_WS)) {
		conn->ws = 0;
		leg->ws = 0;
	}
	conn->view_ws = leg->ws;
	conn->view_ts = seg->tsval;
	conn->ack = leg->snd_nxt;
	conn->flags |= GL_CONN_ESTABLISHED;
	conn->req.phase = GL_PHASE_HEAD;
	conn->rsp.phase = GL_PHASE_IDLE;
	conn->epoch++;
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	step->opened = leg->lane != GL_LANE_BASE;
}

/*
 * May the client's packets, as it sends them by now, go to a server that answered so? 0, or why
 * not.
 */
gl_inline u32 gl_server_unfit(const struct gl_conn *conn, const struct gl_seg *seg)
{
	u32 has = 0;

	if (conn->flags & GL_CONN_HAS_TS)
		has |= GL_OPT_TS;
	if (conn->flags & GL_CONN_HAS_SACK)
		has |= GL_OPT_SACK;
	if (conn->flags & GL_CONN_HAS_WS)
		has |= GL_OPT_WS;
	if ((seg->opts & has) != has)
		return GL_FALLBACK_OPTIONS;
	if (seg->mss < conn->leg[conn->native & (GL_LEGS - 1)].mss)
		return GL_FALLBACK_MSS;
	return 0;
}

/* A leg that was opened on demand is answered: the saved bytes follow. */
gl_inline void gl_server_accept(struct gl_conn *conn, u32 index, struct gl_leg *leg,
				const struct gl_seg *seg, struct gl_step *step)
{
	u32 unfit = gl_server_unfit(conn, seg);

	conn->epoch++;
	leg->snd_nxt = seg->seq + 1;
	if (unfit) {
		step->act = gl_leg_step(leg, GL_LEG_EV_REFUSED);
		step->fail = unfit;
		gl_step_note(&step->note[0], leg, GL_TCP_RST);
		step->note[0].seq = seg->ack;
		step->notes = 1;
		return;
	}
	gl_leg_step(leg, GL_LEG_EV_SYNACK);
	leg->ws = seg->opts & GL_OPT_WS ? seg->ws : 0;
	leg->mss = seg->mss;
	leg->ts_first = seg->tsval;
	leg->ts_last = seg->tsval;
	leg->wnd = seg->win;
	leg->srv_ack = seg->ack;
	leg->drx = conn->ack - leg->snd_nxt;
	gl_server_stamp(conn, leg, seg);
	gl_commit_replay(conn, index, step);
	step->opened = 1;
}

gl_inline void gl_server_opening(struct gl_conn *conn, u32 index, struct gl_leg *leg,
				 const struct gl_seg *seg, struct gl_step *step)
{
	u32 untouched = (leg->flags & GL_LEG_FIRST) && !(leg->flags & GL_LEG_TRANSLATED);

	if (!untouched)
		gl_step_drop(step, GL_DROP_LEG);
	if (!(seg->flags & GL_TCP_ACK) || seg->ack != leg->isn + 1) {
		if ((seg->flags & (GL_TCP_ACK | GL_TCP_RST)) == GL_TCP_ACK &&
		    !(leg->flags & GL_LEG_FIRST)) {
			step->act = gl_leg_step(leg, GL_LEG_EV_STALE);
			gl_step_note(&step->reply, leg, GL_TCP_RST);
			step->reply.seq = seg->ack;
		}
		return;
	}
	if (seg->flags & GL_TCP_RST) {
		if (untouched) {		/* base refuses: the client is to know */
			leg->state = GL_LEG_CLOSED;
			conn->flags |= GL_CONN_RESET;
			gl_step_over(conn, step);
			return;
		}
		step->act = gl_leg_step(leg, GL_LEG_EV_REFUSED);
		step->fail = GL_FALLBACK_REFUSED;
		conn->epoch++;
	} else if (seg->flags & GL_TCP_SYN) {
		if (leg->flags & GL_LEG_FIRST)
			gl_server_first(conn, leg, seg, step);
		else
			gl_server_accept(conn, index, leg, seg, step);
	}
}

/*
 * The response is complete. The request may still be on its way: its server goes on to read it, or
 * closes (RFC 9112, section 9.3); but a client that waits for 100-continue may take the answer for
 * a reason never to send its body.
 */
gl_inline void gl_server_complete(struct gl_conn *conn, const struct gl_seg *seg,
				  struct gl_step *step)
{
	gl_step_done(conn, step, seg->now_ns, 0);
	if (conn->req.phase == GL_PHASE_DONE)
		conn->req.phase = GL_PHASE_HEAD;
	else if (conn->req.flags & GL_REQUEST_EXPECT)
		gl_step_pin(conn, step, GL_PIN_EARLY);
	conn->epoch++;
}

/*
 * A response head begins, goes on or is filled up: its bytes must be read. They belong @step->off
 * bytes behind its first one; @step->skip of the packet's were seen before.
 */
gl_inline void gl_server_head(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			      struct gl_step *step)
{
	struct gl_response *rsp = &conn->rsp;
	u32 start = rsp->slot ? rsp->head_seq : leg->snd_nxt;

	if (!gl_seq_after(seg->seq + seg->len, start + rsp->held))
		return;
	step->act = GL_ACT_RESPONSE;
	step->skip = gl_seq_before(seg->seq, start) ? start - seg->seq : 0;
	step->off = gl_seq_after(seg->seq, start) ? seg->seq - start : 0;
	step->seq = start;
	step->slot = rsp->slot;
	step->slot_big = 1;
}

/* Bytes of a chunked body, as in gl_client_chunks(). */
gl_inline void gl_server_chunks(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				struct gl_step *step)
{
	struct gl_response *rsp = &conn->rsp;
	u32 end = seg->seq + seg->len, fresh = end - leg->snd_nxt;
	u32 hole = gl_seq_after(seg->seq, leg->snd_nxt) ? seg->seq - leg->snd_nxt : 0;

	if (hole > gl_chunk_data(&rsp->chunk)) {
		if (conn->flags & GL_CONN_TRANSLATED) {
			gl_step_drop(step, GL_DROP_HOLE);
			return;
		}
		gl_step_pin(conn, step, GL_PIN_HOLE);
		gl_step_done(conn, step, seg->now_ns, 0);
	} else if (gl_chunk_data(&rsp->chunk) < fresh) {
		step->act = GL_ACT_CHUNKS;
		step->skip = hole ? 0 : leg->snd_nxt - seg->seq;
		step->off = hole;
		step->seq = leg->snd_nxt;
		return;
	} else {
		gl_chunk_skip(&rsp->chunk, fresh);
	}
	leg->snd_nxt = end;
	rsp->bytes += fresh;
}

/*
 * Payload of the active leg's server. A length needs no order (see gl_client_body): the client's
 * ACK of all of it, which a boundary asks for, says that no hole is left.
 */
gl_inline void gl_server_payload(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				 struct gl_step *step)
{
	struct gl_response *rsp = &conn->rsp;
	u32 end = seg->seq + seg->len, moved = end - leg->snd_nxt;

	if (rsp->phase == GL_PHASE_HEAD) {
		gl_server_head(conn, leg, seg, step);
		return;
	}
	if (!gl_seq_after(end, leg->snd_nxt))
		return;
	if (rsp->phase == GL_PHASE_CHUNKS) {
		gl_server_chunks(conn, leg, seg, step);
		return;
	}
	leg->snd_nxt = end;
	rsp->bytes += moved;
	if (rsp->phase == GL_PHASE_BODY) {
		if (moved > rsp->left) {
			gl_step_pin(conn, step, GL_PIN_UNASKED);
			moved = rsp->left;
		}
		rsp->left -= moved;
		if (!rsp->left)
			gl_server_complete(conn, seg, step);
	} else if (rsp->phase == GL_PHASE_IDLE) {
		gl_step_pin(conn, step, GL_PIN_UNASKED);
	}
}

/*
 * FIN of the active leg's server, in order. The packet may also carry the last bytes. A response
 * that ends with the connection is complete by it; any other that is not, has failed.
 */
gl_inline void gl_server_fin(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			     struct gl_step *step)
{
	if (seg->seq + seg->len != leg->snd_nxt || (conn->flags & GL_CONN_SERVER_FIN))
		return;
	conn->flags |= GL_CONN_SERVER_FIN;
	leg->flags |= GL_LEG_SERVER_FIN;
	if (conn->rsp.phase == GL_PHASE_UNTIL_CLOSE)
		gl_step_done(conn, step, seg->now_ns, 0);
	else if (conn->rsp.phase != GL_PHASE_IDLE)
		gl_step_done(conn, step, seg->now_ns, GL_FAILURE_RESET + 1);
	gl_step_pin(conn, step, GL_PIN_CLOSING);
	if (step->pin == GL_PIN_CLOSING)
		step->pin = GL_PIN_NONE;
}

/*
 * A reset counts only at the very number that the client expects (RFC 5961), or at the one that the
 * client acknowledged last: a host that has no socket any more answers with that. A spoofed one
 * elsewhere is not believed. The other legs stay: nothing towards their servers can be made of a
 * packet that must reach the client. Their servers close them in time and are answered.
 */
gl_inline void gl_server_reset(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			       struct gl_step *step)
{
	u32 next = leg->snd_nxt + !!(leg->flags & GL_LEG_SERVER_FIN);

	if (seg->seq != next && seg->seq != leg->snd_nxt && seg->seq != leg->acked) {
		if (conn->flags & GL_CONN_TRANSLATED)
			gl_step_drop(step, GL_DROP_STRAY);
		return;
	}
	if (seg->seq != next)
		return;		/* the client may not believe it: it passes and changes nothing */
	gl_leg_step(leg, GL_LEG_EV_RST);
	if (conn->rsp.phase != GL_PHASE_IDLE)
		gl_step_done(conn, step, seg->now_ns, GL_FAILURE_RESET + 1);
	conn->flags |= GL_CONN_RESET;
	conn->epoch++;
	gl_step_release(conn, step);
	gl_step_release_response(conn, step);
	gl_step_over(conn, step);
}

gl_inline void gl_server_active(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
				struct gl_step *step)
{
	step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
	if (seg->flags & GL_TCP_SYN)
		return;		/* our or the client's ACK was lost: the client answers */
	if (seg->flags & GL_TCP_RST) {
		gl_server_reset(conn, leg, seg, step);
		return;
	}
	if ((seg->flags & GL_TCP_ACK) && gl_seq_after(seg->ack, leg->srv_ack) &&
	    !gl_seq_after(seg->ack, leg->rcv_nxt))
		leg->srv_ack = seg->ack;
	if (conn->slot && conn->req.phase != GL_PHASE_HOLD &&
	    !gl_seq_before(leg->srv_ack, conn->slot_seq + conn->slot_len + leg->dtx))
		gl_step_release(conn, step);
	if ((conn->flags & GL_CONN_CLIENT_FIN) && seg->ack == conn->fin_seq + 1 + leg->dtx)
		conn->flags |= GL_CONN_FIN_ACKED;
	if (seg->len)
		gl_server_payload(conn, leg, seg, step);
	if ((seg->flags & GL_TCP_FIN) && (step->act == GL_ACT_PASS || step->act == GL_ACT_XLAT))
		gl_server_fin(conn, leg, seg, step);
	gl_step_over(conn, step);
	/* Nothing is read any more of a connection that is over: it could take no slot. */
	if (step->over && (step->act == GL_ACT_RESPONSE || step->act == GL_ACT_CHUNKS))
		step->act = leg->flags & GL_LEG_TRANSLATED ? GL_ACT_XLAT : GL_ACT_PASS;
}

/* An idle leg: its server is kept quiet. */
gl_inline void gl_server_idle(struct gl_conn *conn, struct gl_leg *leg, const struct gl_seg *seg,
			      struct gl_step *step)
{
	u32 end = seg->seq + seg->len;
	u32 own = leg->state == GL_LEG_CLOSING && (seg->flags & GL_TCP_ACK) &&
		  seg->ack == leg->fin_seq + 1;

	step->drop = GL_DROP_NONE;
	if ((seg->flags & GL_TCP_ACK) && gl_seq_after(seg->ack, leg->srv_ack) &&
	    !gl_seq_after(seg->ack, leg->rcv_nxt))
		leg->srv_ack = seg->ack;
	if (seg->flags & GL_TCP_RST) {
		step->act = gl_leg_step(leg, GL_LEG_EV_IDLE_RST);
	} else if (seg->flags & GL_TCP_FIN) {
		if (leg->state == GL_LEG_OPEN)
			leg->fin_seq = leg->rcv_nxt++;
		leg->snd_nxt = gl_seq_max(leg->snd_nxt, end + 1);
		leg->flags |= GL_LEG_SERVER_FIN;
		step->act = own ? gl_leg_step(leg, GL_LEG_EV_IDLE_FIN_OWN) :
				  gl_leg_step(leg, GL_LEG_EV_IDLE_FIN);
		gl_step_note(&step->reply, leg,
			     step->act == GL_ACT_FIN_LEG ? GL_TCP_FIN | GL_TCP_ACK : GL_TCP_ACK);
		step->reply.seq = step->act == GL_ACT_FIN_LEG ? leg->fin_seq : leg->fin_seq + 1;
	} else if (own && (leg->flags & GL_LEG_SERVER_FIN)) {
		step->act = gl_leg_step(leg, GL_LEG_EV_IDLE_OVER);
	} else if (seg->len || seg->seq != leg->snd_nxt || (seg->flags & GL_TCP_SYN)) {
		step->act = gl_leg_step(leg, GL_LEG_EV_IDLE_DATA);
		gl_step_note(&step->reply, leg,
			     step->act == GL_ACT_RST_LEG ? GL_TCP_RST : GL_TCP_ACK);
		if (step->act == GL_ACT_RST_LEG)
			step->reply.seq = seg->ack;
		leg->acked = leg->snd_nxt;
	} else {
		step->act = gl_leg_step(leg, GL_LEG_EV_IDLE_ACK);
	}
	gl_step_over(conn, step);
}

/*
 * gl_server_unreachable: an ICMP error quotes a packet of leg @index with the sequence number @seq.
 * Only a SYN that waits for its answer is given up; what is open is for TCP to decide.
 */
gl_inline void gl_server_unreachable(struct gl_conn *conn, u32 index, u32 seq, struct gl_step *step)
{
	struct gl_leg *leg = &conn->leg[index & (GL_LEGS - 1)];

	step->leg = index;
	step->service = conn->service;
	step->lane = leg->lane;
	if (leg->state != GL_LEG_OPENING || seq != leg->isn ||
	    ((leg->flags & GL_LEG_FIRST) && !(leg->flags & GL_LEG_TRANSLATED)))
		return;
	step->act = gl_leg_step(leg, GL_LEG_EV_REFUSED);
	step->fail = GL_FALLBACK_UNREACHABLE;
	conn->epoch++;
	step->epoch = conn->epoch;
}

/*
 * gl_server_packet: one packet of the server of leg @index. Changes @conn, fills @step.
 */
gl_inline void gl_server_packet(struct gl_conn *conn, u32 index, const struct gl_seg *seg,
				struct gl_step *step)
{
	struct gl_leg *leg;

	index &= GL_LEGS - 1;
	leg = &conn->leg[index];
	step->leg = index;
	step->service = conn->service;
	step->lane = leg->lane;
	if ((seg->opts & GL_OPT_TS) && gl_seq_after(seg->tsval, leg->ts_last))
		leg->ts_last = seg->tsval;
	if (leg->state == GL_LEG_OPENING) {
		gl_server_opening(conn, index, leg, seg, step);
	} else if (index == conn->active && leg->state == GL_LEG_OPEN) {
		gl_server_stamp(conn, leg, seg);
		gl_server_active(conn, leg, seg, step);
	} else if (leg->state == GL_LEG_NONE || !(conn->flags & GL_CONN_TRANSLATED)) {
		step->act = GL_ACT_PASS;
	} else if (index == conn->active && (seg->flags & GL_TCP_RST)) {
		step->act = GL_ACT_XLAT;	/* again: the first was lost on its way to the client */
	} else {
		gl_server_idle(conn, leg, seg, step);
	}
	step->epoch = conn->epoch;
	if (step->act == GL_ACT_XLAT || step->act == GL_ACT_PASS || step->act == GL_ACT_RESPONSE ||
	    step->act == GL_ACT_CHUNKS) {
		gl_step_to_client(conn, step, leg, index);
		step->xlat.set_win = 0;
		gl_server_window(conn, leg, seg, step);
	}
}

#endif
