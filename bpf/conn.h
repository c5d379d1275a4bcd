/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conn: finds, makes and ends the state of connections, and claims the tuples of their legs.
 *
 * A value knows who it is: hash elements are reused at once, so whoever has taken the lock compares
 * the key (client's side) or the id (server's side) before believing anything.
 */
#ifndef GL_BPF_CONN_H
#define GL_BPF_CONN_H

#include "report.h"
#include "slot.h"

gl_inline u32 conn_same_key(const struct gl_flow *a, const struct gl_flow *b)
{
	return a->ifindex == b->ifindex && a->cport == b->cport && a->pport == b->pport &&
	       a->client.w[3] == b->client.w[3] && a->peer.w[3] == b->peer.w[3] &&
	       a->client.w[2] == b->client.w[2] && a->peer.w[2] == b->peer.w[2] &&
	       a->client.w[1] == b->client.w[1] && a->peer.w[1] == b->peer.w[1] &&
	       a->client.w[0] == b->client.w[0] && a->peer.w[0] == b->peer.w[0];
}

/* Key of what the client (the pod of this veth) sends. */
gl_inline void conn_key_out(struct gl_flow *key, const struct __sk_buff *skb,
			    const struct gl_pkt *pkt)
{
	key->ifindex = skb->ifindex;
	key->cport = pkt->sport;
	key->pport = pkt->dport;
	key->client = pkt->src;
	key->peer = pkt->dst;
}

/* Key of what it receives. */
gl_inline void conn_key_in(struct gl_flow *key, const struct __sk_buff *skb,
			   const struct gl_pkt *pkt)
{
	key->ifindex = skb->ifindex;
	key->cport = pkt->dport;
	key->pport = pkt->sport;
	key->client = pkt->dst;
	key->peer = pkt->src;
}

/*
 * conn_lookup: the connection to which w->key belongs, where its peer is a frontend or the endpoint
 * of a leg. w->key becomes the connection's own key, w->conn_id its id (0: not known, compare the
 * key), *ret_leg the leg.
 */
gl_inline struct conn *conn_lookup(struct work *w, u32 *ret_leg)
{
	struct gl_leg_ref *ref;
	struct conn *c;

	w->conn_id = 0;
	*ret_leg = 0;
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (c)
		return c;
	ref = bpf_map_lookup_elem(&leg_tuples, &w->key);
	if (!ref)
		return NULL;
	w->conn_id = ref->conn_id;
	*ret_leg = ref->leg;
	w->key = ref->conn;
	return bpf_map_lookup_elem(&conns, &w->key);
}

/* conn_is: is this still the connection that conn_lookup() found? Under its lock. */
gl_inline u32 conn_is(const struct gl_conn *conn, const struct work *w)
{
	if (w->conn_id)
		return conn->id == w->conn_id;
	return conn->id && conn_same_key(&conn->key, &w->key);
}

gl_inline void conn_veth_add(u32 ifindex, s32 n)
{
	struct gl_veth *veth = bpf_map_lookup_elem(&veths, &ifindex);

	if (veth)
		__sync_fetch_and_add(&veth->conns, n);
}

/* Gives back the tuple of leg @i, if the connection holds it. */
gl_inline void conn_clear_leg(struct work *w, struct conn *c, u32 i)
{
	struct gl_leg_ref *ref;

	if (!(c->c.leg[i & (GL_LEGS - 1)].flags & GL_LEG_CLAIMED))
		return;
	w->tuple = w->key;
	w->tuple.pport = c->c.leg[i & (GL_LEGS - 1)].port;
	w->tuple.peer = c->c.leg[i & (GL_LEGS - 1)].addr;
	ref = bpf_map_lookup_elem(&leg_tuples, &w->tuple);
	if (ref && ref->conn_id == c->c.id)
		bpf_map_delete_elem(&leg_tuples, &w->tuple);
}

/*
 * Gives back the tuples of a connection whose state is not used any more; the caller holds no lock.
 */
gl_inline void conn_clear(struct work *w, struct conn *c)
{
	u32 i;

	gl_unroll
	for (i = 1; i < GL_LEGS; i++)
		conn_clear_leg(w, c, i);
}

/* conn_end: the connection is over. */
gl_inline void conn_end(struct work *w, struct conn *c)
{
	u16 service = w->step.service;

	conn_clear(w, c);
	if (bpf_map_delete_elem(&conns, &w->key))
		return;		/* another CPU, or the agent, was faster and has counted */
	conn_veth_add(w->key.ifindex, -1);
	count_one(GL_SERIES_CONNS_CLOSED, 0, service, 0);
}

/*
 * conn_claim: the tuple {veth, client, endpoint} is this connection's from now on, if it is
 * nobody's (Linux uses one source port towards several destinations, so two connections of one pod
 * can meet at one endpoint). A leg of our own to this endpoint that closes or has closed is opened
 * again: w->target.leg becomes its index. @c: the connection, NULL while it is not in the table.
 * Returns 0, or why not.
 */
gl_inline u32 conn_claim(struct work *w, const struct conn *c)
{
	struct gl_leg_ref *old;
	u32 leg;

	w->tuple = w->key;
	w->tuple.peer = w->target.at.addr;
	w->tuple.pport = w->target.at.port;
	if (bpf_map_lookup_elem(&conns, &w->tuple))
		return GL_FALLBACK_TUPLE;
	w->ref.conn = w->key;
	w->ref.conn_id = w->conn_id;
	w->ref.leg = w->target.leg;
	w->ref.pad = 0;
	w->target.fresh = !bpf_map_update_elem(&leg_tuples, &w->tuple, &w->ref, BPF_NOEXIST);
	if (w->target.fresh)
		return 0;
	old = bpf_map_lookup_elem(&leg_tuples, &w->tuple);
	if (!old || !c || old->conn_id != w->conn_id)
		return GL_FALLBACK_TUPLE;
	leg = old->leg & (GL_LEGS - 1);
	if (c->c.leg[leg].state == GL_LEG_OPEN || c->c.leg[leg].state == GL_LEG_OPENING)
		return GL_FALLBACK_TUPLE;
	w->target.leg = leg;
	return 0;
}

/*
 * conn_unclaim: a commit did not happen. Only a tuple that was claimed for it goes, and only if no
 * other CPU has put it into use meanwhile; @used was read under the lock (conn_uses).
 */
gl_inline void conn_unclaim(struct work *w, u32 used)
{
	if (w->target.fresh && !used)
		bpf_map_delete_elem(&leg_tuples, &w->tuple);
}

/* conn_uses: does a leg hold the tuple of w->target? Under the lock. */
gl_inline u32 conn_uses(const struct gl_conn *conn, const struct work *w)
{
	const struct gl_leg *leg = &conn->leg[w->target.leg & (GL_LEGS - 1)];

	return (leg->flags & GL_LEG_CLAIMED) && leg->port == w->target.at.port &&
	       gl_image_same_addr(&leg->addr, &w->target.at.addr);
}

/*
 * conn_confirm: a commit happened on a tuple that another packet had claimed; that one may have
 * undone its claim in between.
 */
gl_inline void conn_confirm(struct work *w)
{
	if (w->target.fresh)
		return;
	w->ref.leg = w->target.leg;
	bpf_map_update_elem(&leg_tuples, &w->tuple, &w->ref, BPF_ANY);
}

/* conn_retire: gives back the tuple of a leg that was aimed at another endpoint. */
gl_inline void conn_retire(struct work *w)
{
	struct gl_leg_ref *ref = bpf_map_lookup_elem(&leg_tuples, &w->retired);

	if (ref && ref->conn_id == w->conn_id)
		bpf_map_delete_elem(&leg_tuples, &w->retired);
}

/*
 * conn_settle: pays what a step owes beside the packet: counters, reports, a slot to give back, the
 * end of the connection. @which: WORK_PACKET or WORK_REAP. Called after the packet was dealt with,
 * for conn_end() uses the scratch that the packet was made from.
 */
gl_global int conn_settle(u32 which)
{
	struct work *w = work_at(which);
	struct gl_step *step;
	struct conn *c;

	if (!w)
		return -1;
	step = &w->step;
	if (step->slot_free)
		slot_give(w, step->slot_free, step->slot_free_big);
	if (step->response_free)
		slot_give(w, step->response_free, 1);
	if (step->done.valid)
		count_done(&step->done);
	if (step->opened)
		count_one(GL_SERIES_LEGS_OPENED, 0, step->service, step->lane);
	if (step->pin) {
		count_one(GL_SERIES_PINNED, step->pin, step->service, 0);
		report_pin(&w->key, step->service, step->lane, step->pin);
	}
	if (step->retired)
		conn_retire(w);
	if (step->over) {
		c = bpf_map_lookup_elem(&conns, &w->key);
		if (c && c->c.id == w->conn_id)
			conn_end(w, c);
	}
	step->slot_free = 0;
	step->response_free = 0;
	step->done.valid = 0;
	step->opened = 0;
	step->retired = 0;
	step->pin = 0;
	step->over = 0;
	return 0;
}

/* Is there anything for conn_settle() to pay? */
gl_inline u32 conn_owes(const struct gl_step *step)
{
	return step->retired | step->slot_free | step->response_free | step->done.valid |
	       step->opened | step->pin | step->over;
}

#endif
