// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * steer: the two programs of a pod's host-side veth, as a table of contents.
 *	from_pod	tc ingress: what the pod sends
 *	to_pod		tc egress: what the pod receives
 *
 * Each parses the packet (packet.h), finds its connection (conn.h), asks the connection machine
 * under the lock what is to be done (core/client.h, core/server.h), does it (emit.h, request.h,
 * open.h), and counts (count.h). What has no connection passes.
 */
#include "core/port.h"
#include "emit.h"
#include "icmp.h"
#include "request.h"
#include "response.h"

/*
 * A packet that cannot be translated: it passes while its connection never was translated, else it
 * is dropped.
 */
gl_inline int steer_odd(struct work *w, struct conn *c)
{
	if (c->c.flags & GL_CONN_TRANSLATED)
		return emit_drop(w, GL_DROP_PARSE);
	count_one(GL_SERIES_UNSTEERED, w->pkt.odd, c->c.service, 0);
	return GL_NEXT;
}

/*
 * What must be read or decided before the packet can be dealt with; afterwards w->step.act says
 * what to make of it.
 */
gl_inline void steer_client(struct __sk_buff *skb, struct work *w)
{
	switch (w->step.act) {
	case GL_ACT_SCAN:
		request_scan(skb);
		break;
	case GL_ACT_MORE:
		request_more(skb);
		break;
	case GL_ACT_APPEND:
		request_body(skb);
		break;
	case GL_ACT_CHUNKS:
		request_chunks(skb);
		break;
	}
	if (w->step.act == GL_ACT_FAILED)
		open_next();
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct conn *c;
	u32 parsed;
	int res;

	if (!w)
		return GL_NEXT;
	if (craft_is_own(skb)) {
		craft_unmark(skb);
		return GL_NEXT;
	}
	parsed = packet_parse(skb, &w->pkt);
	if (parsed == GL_PARSED_OTHER)
		return GL_NEXT;
	w->to_pod = 0;
	work_reset(&w->step);
	conn_key_out(&w->key, skb, &w->pkt);
	if ((w->pkt.seg.flags & (GL_TCP_SYN | GL_TCP_ACK | GL_TCP_RST)) == GL_TCP_SYN) {
		open_syn();
	} else {
		c = bpf_map_lookup_elem(&conns, &w->key);
		if (!c)
			return GL_NEXT;
		if (parsed == GL_PARSED_ODD)
			return steer_odd(w, c);
		if (w->pkt.seg.len)
			w->pkt.seg.now_ns = bpf_ktime_get_ns();
		bpf_spin_lock(&c->lock);
		w->conn_id = c->c.id;
		if (c->c.id && conn_same_key(&c->c.key, &w->key))
			gl_client_packet(&c->c, &w->pkt.seg, &w->step);
		bpf_spin_unlock(&c->lock);
	}
	if (w->step.act == GL_ACT_PASS && !conn_owes(&w->step) && !w->step.notes)
		return GL_NEXT;
	steer_client(skb, w);
	res = emit_step(skb);
	if (conn_owes(&w->step))
		conn_settle(WORK_PACKET);
	return res;
}

/* A SYN-ACK passed this way: the replies do reach us, and the endpoint is well. */
gl_inline void steer_answered(struct work *w, struct conn *c)
{
	struct gl_veth *veth = bpf_map_lookup_elem(&veths, &w->key.ifindex);

	if (veth)
		__sync_fetch_and_add(&veth->syn_back, 1);
	if (w->step.opened)
		decide_endpoint_ok(&c->c.leg[w->step.leg & (GL_LEGS - 1)]);
}

/* What must be read or decided before the packet can be dealt with; then it is. */
gl_inline int steer_server(struct __sk_buff *skb, struct work *w, struct conn *c)
{
	int res;

	if (c && w->step.act == GL_ACT_RESPONSE)
		response_begin(skb, w, c);
	else if (c && w->step.act == GL_ACT_CHUNKS)
		response_go_on(skb, w, c);
	else if (w->step.act == GL_ACT_FAILED)
		open_next();
	res = emit_step(skb);
	if (conn_owes(&w->step))
		conn_settle(WORK_PACKET);
	return res;
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct conn *c;
	u32 parsed, leg;

	if (!w)
		return GL_NEXT;
	if (craft_is_own(skb)) {
		craft_unmark(skb);
		return GL_NEXT;
	}
	parsed = packet_parse(skb, &w->pkt);
	if (parsed == GL_PARSED_OTHER)
		return icmp_failed(skb) ? steer_server(skb, w, NULL) : GL_NEXT;
	w->to_pod = 1;
	work_reset(&w->step);
	conn_key_in(&w->key, skb, &w->pkt);
	c = conn_lookup(w, &leg);
	if (!c)
		return GL_NEXT;
	if (parsed == GL_PARSED_ODD)
		return steer_odd(w, c);
	if (w->pkt.seg.len || (w->pkt.seg.flags & (GL_TCP_SYN | GL_TCP_FIN | GL_TCP_RST)))
		w->pkt.seg.now_ns = bpf_ktime_get_ns();
	bpf_spin_lock(&c->lock);
	if (conn_is(&c->c, w)) {
		w->conn_id = c->c.id;
		gl_server_packet(&c->c, leg, &w->pkt.seg, &w->step);
	}
	bpf_spin_unlock(&c->lock);
	if (w->pkt.seg.flags & GL_TCP_SYN)
		steer_answered(w, c);
	if (w->step.act == GL_ACT_PASS && !conn_owes(&w->step))
		return GL_NEXT;
	return steer_server(skb, w, c);
}

/*
 * reap: not a hook. The agent's sweeper runs it by BPF_PROG_TEST_RUN to end a connection that it
 * has seen to be dead, so that nothing but these programs changes connections, slots and counts.
 * Returns 1 if it did: the connection was still as it was seen.
 */
SEC("tc")
int reap(struct __sk_buff *skb)
{
	struct work *w = work_at(WORK_REAP);
	struct gl_reap reap = {};
	struct conn *c;

	if (!w || bpf_skb_load_bytes(skb, GL_REAP_OFF, &reap, sizeof(reap)))
		return 0;
	w->key = reap.key;
	work_reset(&w->step);
	c = bpf_map_lookup_elem(&conns, &w->key);
	if (!c)
		return 0;
	bpf_spin_lock(&c->lock);
	w->conn_id = c->c.id;
	if (c->c.id == reap.id && c->c.epoch == reap.epoch && c->c.nxt == reap.nxt &&
	    c->c.ack == reap.ack) {
		c->c.epoch++;
		gl_step_release(&c->c, &w->step);
		gl_step_release_response(&c->c, &w->step);
		w->step.service = c->c.service;
		w->step.over = 1;
	}
	bpf_spin_unlock(&c->lock);
	if (!w->step.over)
		return 0;
	conn_settle(WORK_REAP);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
