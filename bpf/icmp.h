/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * icmp: an ICMP or ICMPv6 error that answers the SYN of an opening leg means that its endpoint cannot
 * be reached: the request need not wait for the client's clock. Every other ICMP packet passes.
 *
 * The quoted packet is ours, as it left: client and endpoint are its addresses. Its sequence number
 * must be that of the SYN, or anybody could end legs by guessing ports (RFC 5927).
 */
#ifndef GL_BPF_ICMP_H
#define GL_BPF_ICMP_H

#include "conn.h"

#define GL_PROTO_ICMP		1
#define GL_PROTO_ICMPV6		58
#define GL_ICMP_UNREACH		3
#define GL_ICMP_FRAG_NEEDED	4	/* a code of it, and no reason to give up */
#define GL_ICMPV6_UNREACH	1

/* What of the quoted TCP header is always there (RFC 792: eight bytes). */
struct icmp_quote {
	__be16 sport;
	__be16 dport;
	__be32 seq;
};

/* IPv4: fills w->pkt and w->key; returns where the quoted TCP header begins, or 0. */
gl_inline u32 icmp_read_v4(struct __sk_buff *skb, struct work *w)
{
	struct iphdr outer, inner;
	u8 icmp[2];

	if (bpf_skb_load_bytes(skb, GL_ETH_LEN, &outer, sizeof(outer)) ||
	    outer.protocol != GL_PROTO_ICMP || *(u8 *)&outer != 0x45)
		return 0;
	if (bpf_skb_load_bytes(skb, GL_L4_PLAIN(1), icmp, sizeof(icmp)) ||
	    icmp[0] != GL_ICMP_UNREACH || icmp[1] == GL_ICMP_FRAG_NEEDED)
		return 0;
	if (bpf_skb_load_bytes(skb, GL_L4_PLAIN(1) + 8, &inner, sizeof(inner)) ||
	    inner.protocol != GL_PROTO_TCP)
		return 0;
	w->pkt.ipv4 = 1;
	packet_map_v4(&w->pkt.src, outer.saddr);
	packet_map_v4(&w->pkt.dst, outer.daddr);
	packet_map_v4(&w->key.client, inner.saddr);
	packet_map_v4(&w->key.peer, inner.daddr);
	return GL_L4_PLAIN(1) + 8 + (*(u8 *)&inner & 15) * 4;
}

gl_inline u32 icmp_read_v6(struct __sk_buff *skb, struct work *w)
{
	struct ipv6hdr ip;
	u8 type;

	if (bpf_skb_load_bytes(skb, GL_ETH_LEN, &ip, sizeof(ip)) || ip.nexthdr != GL_PROTO_ICMPV6)
		return 0;
	if (bpf_skb_load_bytes(skb, GL_L4_PLAIN(0), &type, 1) || type != GL_ICMPV6_UNREACH)
		return 0;
	w->pkt.ipv4 = 0;
	__builtin_memcpy(&w->pkt.src, &ip.saddr, 16);
	__builtin_memcpy(&w->pkt.dst, &ip.daddr, 16);
	if (bpf_skb_load_bytes(skb, GL_L4_PLAIN(0) + 8, &ip, sizeof(ip)) ||
	    ip.nexthdr != GL_PROTO_TCP)
		return 0;
	__builtin_memcpy(&w->key.client, &ip.saddr, 16);
	__builtin_memcpy(&w->key.peer, &ip.daddr, 16);
	return GL_L4_PLAIN(0) + 8 + sizeof(ip);
}

/*
 * icmp_failed: is the packet such an error? Then the leg has failed: w->step.act is GL_ACT_FAILED,
 * and w is set up as for a packet of its server. Returns 1 then.
 */
gl_global int icmp_failed(struct __sk_buff *skb)
{
	struct work *w = work_get();
	struct icmp_quote quote;
	struct conn *c;
	u32 at, leg;

	if (!w)
		return 0;
	at = skb->protocol == gl_htons(GL_ETH_IPV4)   ? icmp_read_v4(skb, w) :
	     skb->protocol == gl_htons(GL_ETH_IPV6) ? icmp_read_v6(skb, w) :
						      0;
	if (!at || bpf_skb_load_bytes(skb, at, &quote, sizeof(quote)))
		return 0;
	w->key.ifindex = skb->ifindex;
	w->key.cport = quote.sport;
	w->key.pport = quote.dport;
	c = conn_lookup(w, &leg);
	if (!c)
		return 0;
	w->to_pod = 1;
	w->pkt.seg.now_ns = bpf_ktime_get_ns();
	work_reset(&w->step);
	bpf_spin_lock(&c->lock);
	if (conn_is(&c->c, w)) {
		w->conn_id = c->c.id;
		gl_server_unreachable(&c->c, leg, gl_ntohl(quote.seq), &w->step);
	}
	bpf_spin_unlock(&c->lock);
	return w->step.act == GL_ACT_FAILED;
}

#endif
