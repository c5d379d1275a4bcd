/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * step: what goes into and comes out of the connection machine (client.h, server.h): the facts of
 * one packet, and what is to be done with it. Pure data and the small helpers that both sides
 * share.
 */
#ifndef GL_CORE_STEP_H
#define GL_CORE_STEP_H

#include "core/leg.h"
#include "core/seq.h"
#include "graylink/reason.h"

#define GL_TCP_FIN	0x01
#define GL_TCP_SYN	0x02
#define GL_TCP_RST	0x04
#define GL_TCP_PSH	0x08
#define GL_TCP_ACK	0x10

/* Bits of gl_seg.opts. */
#define GL_OPT_TS	0x01
#define GL_OPT_SACK	0x02	/* SACK permitted */
#define GL_OPT_WS	0x04
#define GL_OPT_ODD	0x08	/* an option that forbids translation: MD5 (RFC 2385), AO (RFC 5925) */

/* Facts of one TCP packet, in the space of the side that sent it. */
struct gl_seg {
	u64 now_ns;
	u32 seq;
	u32 ack;
	u32 len;		/* payload bytes */
	u32 tsval;
	u32 tsecr;
	u16 win;		/* field, not scaled */
	u16 mss;		/* of SYN and SYN-ACK only, as are SACK and WS in opts and ws */
	u8 flags;
	u8 opts;
	u8 ws;
	u8 pad;
};

/* How to rewrite the header of the packet in hand. */
struct gl_xlat {
	struct gl_addr addr;	/* new address of the peer: destination towards a server, source towards the client */
	__be16 port;
	u16 win;
	u32 dseq;		/* added to seq */
	u32 dack;		/* added to ack and to the edges of SACK blocks */
	u32 dts;		/* towards a server: added to TSecr; towards the client: added to TSval */
	u32 ts_min;		/* towards a server: TSvals that it sent since the last switch; any other TSecr becomes the latest */
	u32 ts_max;
	u32 sack_min;		/* towards a server: blocks before this number of the client's space are of another leg */
	u8 to_client;
	u8 set_addr;
	u8 set_win;
	u8 pad;
};

/* A packet without payload that we make for a server. */
struct gl_note {
	struct gl_addr addr;
	__be16 port;
	u8 flags;		/* TCP flags */
	u8 pad;
	u32 seq;
	u32 ack;
	u32 tsecr;
};

/* A request that has ended, for the counters. */
struct gl_done {
	u64 start_ns;
	u64 first_ns;
	u64 end_ns;
	u64 request_bytes;
	u64 response_bytes;
	u16 service;
	u16 lane;
	u16 served;
	u16 code;
	u8 reason;
	u8 valid;
	u8 failure;		/* enum gl_failure + 1; 0: none */
	u8 pad;
};

/* What is to be done. Zeroed by the caller before each call. */
struct gl_step {
	u8 act;			/* enum gl_act */
	u8 leg;			/* the leg that it concerns */
	u8 drop;		/* enum gl_drop, with GL_ACT_DROP */
	u8 pin;			/* enum gl_pin of a pin that happened now; 0: none */
	u8 fail;		/* enum gl_fallback, with GL_ACT_FAILED */
	u8 notes;		/* how many of note[] are to be sent beside the packet */
	u8 over;		/* the connection has ended: delete its state */
	u8 opened;		/* the leg was opened just now */
	u8 retired;		/* a tuple is not needed any more (bpf/: w->retired) */
	u8 pad1[3];
	u16 service;
	u16 lane;		/* of the leg */
	u32 epoch;		/* at the time of the step; a later commit compares it */
	u32 skip;		/* payload bytes that were taken before */
	u32 off;		/* RESPONSE: where the others belong, counted from the first byte of the
				 * head. CHUNKS: data of a chunk that is missing before them */
	u32 slot;		/* slot + 1 in use (MORE, APPEND, REPLAY) */
	u32 slot_len;
	u32 slot_free;		/* slot + 1 to give back; 0: none */
	u32 response_free;	/* the same, of the response (a big one) */
	u32 seq;		/* REPLAY, SYN, ACK_CLIENT: number of the first byte, in the space of its receiver; RESPONSE: of the
				 * head's first byte */
	u32 ack;
	u32 tsecr;
	u16 slot_big;
	u16 win;		/* REPLAY, ACK_CLIENT: window field to show */
	u16 mss;		/* REPLAY: of the leg */
	u16 slot_free_big;
	struct gl_xlat xlat;
	struct gl_note reply;	/* ACK_LEG, FIN_LEG, RST_LEG */
	struct gl_note note[GL_LEGS - 1];
	struct gl_done done;
};

/* gl_step_drop: the packet goes away, its sender will send it again. */
gl_inline void gl_step_drop(struct gl_step *step, u8 cause)
{
	step->act = GL_ACT_DROP;
	step->drop = cause;
}

/*
 * gl_step_pin: no decisions any more on this connection; it stays on its leg. A connection has one
 * cause, the first. What is being answered is still followed to its end, so that it is counted.
 */
gl_inline void gl_step_pin(struct gl_conn *conn, struct gl_step *step, u8 cause)
{
	if (conn->flags & GL_CONN_PINNED)
		return;
	conn->flags |= GL_CONN_PINNED;
	conn->pin = cause;
	conn->epoch++;
	step->pin = cause;
}

/*
 * gl_step_note: fills @note with a packet of @flags for the server of @leg, in numbers that the
 * server expects.
 */
gl_inline void gl_step_note(struct gl_note *note, const struct gl_leg *leg, u8 flags)
{
	note->addr = leg->addr;
	note->port = leg->port;
	note->flags = flags;
	note->pad = 0;
	note->seq = leg->rcv_nxt;
	note->ack = leg->snd_nxt;
	note->tsecr = leg->ts_last;
}

/* gl_step_release_response: gives back the slot of an incomplete response head, if there is one. */
gl_inline void gl_step_release_response(struct gl_conn *conn, struct gl_step *step)
{
	if (!conn->rsp.slot)
		return;
	step->response_free = conn->rsp.slot;
	conn->rsp.slot = 0;
	conn->rsp.held = 0;
}

/* gl_step_release: gives the slot of the request back, if there is one. */
gl_inline void gl_step_release(struct gl_conn *conn, struct gl_step *step)
{
	if (!conn->slot)
		return;
	step->slot_free = conn->slot;
	step->slot_free_big = !!(conn->flags & GL_CONN_SLOT_BIG);
	conn->slot = 0;
	conn->slot_len = 0;
}

/* gl_step_done: the current request has ended; its facts go to the counters. */
gl_inline void gl_step_done(struct gl_conn *conn, struct gl_step *step, u64 now_ns, u8 failure)
{
	struct gl_done *done = &step->done;

	done->start_ns = conn->req.start_ns;
	done->first_ns = conn->rsp.first_ns;
	done->end_ns = now_ns;
	done->request_bytes = conn->req.bytes;
	done->response_bytes = conn->rsp.bytes;
	done->service = conn->service;
	done->lane = conn->req.lane;
	done->served = conn->req.served;
	done->code = conn->rsp.code;
	done->reason = conn->req.reason;
	done->failure = failure;
	done->valid = 1;
	conn->rsp.phase = GL_PHASE_IDLE;
}

/* gl_step_over: has everything of this connection ended? Then its state may go. */
gl_inline void gl_step_over(struct gl_conn *conn, struct gl_step *step)
{
	u32 active = conn->active & (GL_LEGS - 1), i;

	if (!(conn->flags & GL_CONN_RESET) &&
	    (~conn->flags & (GL_CONN_FIN_ACKED | GL_CONN_SFIN_ACKED)))
		return;
	gl_unroll
	for (i = 0; i < GL_LEGS; i++)
		if (i != active &&
		    (conn->leg[i].state == GL_LEG_OPEN || conn->leg[i].state == GL_LEG_CLOSING))
			return;
	gl_step_release(conn, step);
	gl_step_release_response(conn, step);
	step->over = 1;
}

/* gl_step_replay: the packet in hand carries the saved bytes to @leg, which is open. */
gl_inline void gl_step_replay(const struct gl_conn *conn, const struct gl_leg *leg,
			      struct gl_step *step)
{
	step->act = GL_ACT_REPLAY;
	step->slot = conn->slot;
	step->slot_big = !!(conn->flags & GL_CONN_SLOT_BIG);
	step->slot_len = conn->slot_len;
	step->seq = conn->slot_seq + leg->dtx;
	step->ack = conn->ack - leg->drx;
	step->tsecr = leg->ts_last;
	step->mss = leg->mss;
	step->win = conn->win;
}

/* gl_step_to_leg: rewriting of a client's packet for @leg. */
gl_inline void gl_step_to_leg(const struct gl_conn *conn, struct gl_step *step,
			      const struct gl_leg *leg, u32 index)
{
	struct gl_xlat *x = &step->xlat;

	x->to_client = 0;
	x->set_addr = index != 0;
	x->addr = leg->addr;
	x->port = leg->port;
	x->set_win = 0;
	x->dseq = leg->dtx;
	x->dack = 0 - leg->drx;
	x->dts = 0 - leg->ts_off;
	x->ts_min = leg->ts_first;
	x->ts_max = leg->ts_last;
	x->sack_min = conn->switch_ack;
}

/* gl_step_to_client: rewriting of a packet of @leg's server for the client. */
gl_inline void gl_step_to_client(const struct gl_conn *conn, struct gl_step *step,
				 const struct gl_leg *leg, u32 index)
{
	struct gl_xlat *x = &step->xlat;

	x->to_client = 1;
	x->set_addr = index != 0;
	x->addr = conn->key.peer;
	x->port = conn->key.pport;
	x->dseq = leg->drx;
	x->dack = 0 - leg->dtx;
	x->dts = leg->ts_off;
}

#endif
