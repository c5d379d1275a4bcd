/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * emit: sends what was decided: SYNs, saved bytes, answers and notes, made out of the packet in
 * hand.
 *
 * Where a packet goes on its way: from_pod holds packets that go towards the servers, so the last
 * one made simply goes on; to_pod holds packets that go towards the client, so whatever is made for
 * a server is sent back through the veth's ingress. Additional packets are clones, always through
 * the ingress: a clone to the egress could recurse. Each carries our mark, by which from_pod and
 * to_pod let it pass once.
 */
#ifndef GL_BPF_EMIT_H
#define GL_BPF_EMIT_H

#include "conn.h"
#include "craft.h"
#include "translate.h"

#define GL_NEXT	(-1)	/* TC_ACT_UNSPEC, TCX_NEXT: other programs still judge */
#define GL_SHOT	2	/* TC_ACT_SHOT, TCX_DROP */

/* A dropped packet, counted by cause; GL_DROP_NONE: it was absorbed, nothing is lost. */
gl_inline int emit_drop(struct work *w, u8 cause)
{
	if (cause)
		count_one(GL_SERIES_DROPS, cause, 0, 0);
	(void)w;
	return GL_SHOT;
}

/* The packet in hand, made for a server, is the last one: it goes. */
gl_inline int emit_last(struct __sk_buff *skb, struct work *w)
{
	if (!w->to_pod)
		return GL_NEXT;
	craft_mark(skb);
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* A copy of the packet in hand, made for a server, goes; the packet stays in hand. */
gl_inline int emit_copy(struct __sk_buff *skb)
{
	int err;

	craft_mark(skb);
	err = bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
	craft_unmark(skb);
	return err;
}

/* Sets up w->craft for a packet from the client to a server. */
gl_inline void emit_to_server(struct work *w, const struct gl_addr *addr, __be16 port)
{
	struct craft *craft = &w->craft;

	craft->src = w->key.client;
	craft->sport = w->key.cport;
	craft->dst = *addr;
	craft->dport = port;
	craft->swap = w->to_pod;
	craft->len = 0;
	craft->slot = 0;
}

/* Builds a note: a packet without payload for a server, in the client's name. */
gl_inline int emit_build_note(struct __sk_buff *skb, struct work *w, struct conn *c,
			      const struct gl_note *note)
{
	u32 swap = w->craft.swap;

	emit_to_server(w, &note->addr, note->port);
	w->craft.swap = swap;
	w->craft.seq = note->seq;
	w->craft.ack = note->flags & GL_TCP_ACK ? note->ack : 0;
	w->craft.flags = note->flags;
	w->craft.win = note->flags & GL_TCP_RST ? 0 : c->c.win;
	craft_stamp(&w->craft, (c->c.flags & GL_CONN_HAS_TS) && !(note->flags & GL_TCP_RST),
		    c->c.ts, note->tsecr);
	return craft_build(skb);
}

/* emit_note: note @i of the step, into the packet in hand. Returns 0 or a negative number. */
gl_global int emit_note(struct __sk_buff *skb, u32 i)
{
	struct work *w = work_get();
	struct conn *c;

	if (!w || i >= GL_LEGS - 1)
		return -1;
	c = bpf_map_lookup_elem(&conns, &w->key);
	return c ? emit_build_note(skb, w, c, &w->step.note[i]) : -1;
}

struct emit_notes {
	struct __sk_buff *skb;
	u32 count;
	u32 copies;		/* the first so many go as copies */
	int err;
};

static long emit_notes_one(u32 i, void *ctx)
{
	struct emit_notes *notes = ctx;
	struct work *w = work_get();

	if (!w || i >= notes->count)
		return 1;
	notes->err = emit_note(notes->skb, i);
	if (!notes->err && i < notes->copies)
		notes->err = emit_copy(notes->skb);
	return notes->err != 0;
}

/*
 * emit_notes: sends the notes of the step as copies, but for the last one if @last is set: that one
 * stays in hand. Returns 0 or a negative number. The packet in hand is spoilt.
 */
gl_global int emit_notes(struct __sk_buff *skb, u32 last)
{
	struct work *w = work_get();
	struct emit_notes notes = {};

	if (!w)
		return -1;
	w->craft.swap = w->to_pod;
	notes.skb = skb;
	notes.count = w->step.notes;
	notes.copies = notes.count - !!last;
	gl_loop(GL_LEGS - 1, emit_notes_one, &notes);
	return notes.err;
}

/* Answers the server with the step's reply. */
gl_inline int emit_reply(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	w->craft.swap = w->to_pod;
	if (emit_build_note(skb, w, c, &w->step.reply))
		return emit_drop(w, GL_DROP_HELPER);
	return emit_last(skb, w);
}

/*
 * Acknowledges to the client what was taken: w->step.seq and ack are in its space. Only from_pod
 * does this.
 */
gl_inline int emit_ack_client(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	struct craft *craft = &w->craft;

	craft->src = w->key.peer;
	craft->sport = w->key.pport;
	craft->dst = w->key.client;
	craft->dport = w->key.cport;
	craft->swap = 1;
	craft->len = 0;
	craft->slot = 0;
	craft->seq = w->step.seq;
	craft->ack = w->step.ack;
	craft->flags = GL_TCP_ACK;
	craft->win = c->c.view_win;
	craft_stamp(craft, c->c.flags & GL_CONN_HAS_TS, c->c.view_ts, w->pkt.seg.tsval);
	if (craft_build(skb))
		return emit_drop(w, GL_DROP_HELPER);
	craft_mark(skb);
	return bpf_redirect(skb->ifindex, 0);
}

/* Makes the packet in hand the SYN of leg w->step.leg. */
gl_inline int emit_syn(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	struct gl_leg *leg = &c->c.leg[w->step.leg & (GL_LEGS - 1)];
	u32 win = c->c.win;

	if (w->step.notes && emit_notes(skb, 0))
		return emit_drop(w, GL_DROP_HELPER);
	emit_to_server(w, &leg->addr, leg->port);
	if (w->step.notes)
		w->craft.swap = 0;
	if (c->c.flags & GL_CONN_ESTABLISHED)
		win <<= c->c.ws & 15;
	w->craft.win = win > 0xffff ? 0xffff : win;
	w->craft.seq = w->step.seq;
	w->craft.ack = 0;
	w->craft.flags = GL_TCP_SYN;
	w->craft.optlen = tcpopt_syn(w->craft.opt, &c->c);
	if (craft_build(skb))
		return emit_drop(w, GL_DROP_HELPER);
	return emit_last(skb, w);
}

struct emit_replay {
	struct __sk_buff *skb;
	u32 seq;
	u32 len;
	u32 mss;
	int err;
};

/* One segment of saved bytes; all but the last go as copies. */
static long emit_segment(u32 i, void *ctx)
{
	struct emit_replay *r = ctx;
	struct work *w = work_get();
	u32 n;

	(void)i;
	if (!w)
		return 1;
	n = r->len - w->craft.off;
	if (n > r->mss)
		n = r->mss;
	w->craft.len = n;
	w->craft.seq = r->seq + w->craft.off;
	w->craft.flags = GL_TCP_ACK | (w->craft.off + n >= r->len ? GL_TCP_PSH : 0);
	r->err = craft_build(r->skb);
	if (r->err)
		return 1;
	w->craft.off += n;
	if (w->craft.off >= r->len)
		return 1;
	r->err = emit_copy(r->skb);
	return r->err != 0;
}

/*
 * emit_replay: the saved bytes go to leg w->step.leg in segments that it takes. The packet in hand
 * is used up. Returns what the program returns.
 */
gl_global int emit_replay(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct emit_replay r = {};
	struct gl_leg *leg;
	struct conn *c;
	u32 stamp;

	if (!w)
		return GL_SHOT;
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c || !w->step.slot_len)
		return emit_drop(w, GL_DROP_SLOT);
	if (w->step.notes && emit_notes(skb, 0))
		return emit_drop(w, GL_DROP_HELPER);
	leg = &c->c.leg[w->step.leg & (GL_LEGS - 1)];
	stamp = !!(c->c.flags & GL_CONN_HAS_TS);
	emit_to_server(w, &leg->addr, leg->port);
	if (w->step.notes)
		w->craft.swap = 0;
	craft_stamp(&w->craft, stamp, c->c.ts, w->step.tsecr);
	w->craft.slot = w->step.slot;
	w->craft.slot_big = w->step.slot_big;
	w->craft.off = 0;
	w->craft.ack = w->step.ack;
	w->craft.win = w->step.win;
	r.skb = skb;
	r.seq = w->step.seq;
	r.len = w->step.slot_len;
	r.mss = w->step.mss < GL_MSS_MIN ? GL_MSS_MIN : w->step.mss;
	if (r.mss > GL_SEGMENT_MAX)
		r.mss = GL_SEGMENT_MAX;
	if (stamp)
		r.mss -= 12;
	gl_loop(GL_SLOT_BIG / (GL_MSS_MIN - 12) + 1, emit_segment, &r);
	if (r.err)
		return emit_drop(w, GL_DROP_SLOT);
	return emit_last(skb, w);
}

/*
 * emit_packet: the packet in hand goes on, rewritten if the step says so, and with it the step's
 * notes to servers (only from_pod has any here): then the packet itself goes as a copy and the last
 * note takes its place.
 */
gl_inline int emit_packet(struct __sk_buff *skb, struct work *w)
{
	if (w->step.act == GL_ACT_XLAT && translate_packet(skb))
		return emit_drop(w, GL_DROP_HELPER);
	if (!w->step.notes || w->to_pod)
		return GL_NEXT;
	if (emit_copy(skb) || emit_notes(skb, 1))
		return emit_drop(w, GL_DROP_HELPER);
	return GL_NEXT;
}

/* Tells the client that its connection is gone; w->step.seq and ack are in its space. */
gl_inline int emit_rst_client(struct __sk_buff *skb, struct work *w)
{
	struct craft *craft = &w->craft;

	craft->src = w->key.peer;
	craft->sport = w->key.pport;
	craft->dst = w->key.client;
	craft->dport = w->key.cport;
	craft->swap = !w->to_pod;
	craft->len = 0;
	craft->slot = 0;
	craft->optlen = 0;
	craft->seq = w->step.seq;
	craft->ack = w->step.ack;
	craft->flags = GL_TCP_RST | GL_TCP_ACK;
	craft->win = 0;
	if (craft_build(skb))
		return emit_drop(w, GL_DROP_HELPER);
	if (w->to_pod)
		return GL_NEXT;
	craft_mark(skb);
	return bpf_redirect(skb->ifindex, 0);
}

/*
 * emit_step: does with the packet in hand what the step says, once nothing is left to be read or
 * decided. Returns what the program returns.
 */
gl_global int emit_step(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct conn *c;

	if (!w)
		return GL_SHOT;
	if (w->step.act == GL_ACT_PASS || w->step.act == GL_ACT_XLAT)
		return emit_packet(skb, w);
	if (w->step.act == GL_ACT_REPLAY)
		return emit_replay(skb);
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c || w->step.act == GL_ACT_DROP)
		return emit_drop(w, w->step.drop);
	switch (w->step.act) {
	case GL_ACT_SYN:
		return emit_syn(skb, w, c);
	case GL_ACT_ACK_CLIENT:
		return emit_ack_client(skb, w, c);
	case GL_ACT_RST_CLIENT:
		return emit_rst_client(skb, w);
	case GL_ACT_ACK_LEG:
	case GL_ACT_FIN_LEG:
	case GL_ACT_RST_LEG:
		return emit_reply(skb, w, c);
	}
	return emit_drop(w, GL_DROP_LEG);
}

#endif
