/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * translate: rewrites the headers of the packet in hand as gl_step.xlat says: address and port of
 * the peer, seq, ack, SACK blocks, timestamps, window. Payload is never touched. All or nothing: if
 * a helper refuses, the caller drops the packet.
 */
#ifndef GL_BPF_TRANSLATE_H
#define GL_BPF_TRANSLATE_H

#include "core/seq.h"
#include "work.h"

/* Adds @add to the four bytes at @at of the new header. */
gl_inline void translate_add(u8 *hdr, u32 at, u32 add)
{
	u64 off = at;
	u32 v;

	gl_opaque(off);
	off &= 63;
	gl_opaque(off);
	if (off > 60)
		return;
	__builtin_memcpy(&v, hdr + off, 4);
	v = gl_htonl(gl_ntohl(v) + add);
	__builtin_memcpy(hdr + off, &v, 4);
}

/* Towards a server, TSecr is moved, and never is what that server has not sent. */
gl_inline void translate_tsecr(u8 *hdr, u32 at, const struct gl_xlat *x)
{
	u64 off = at + 4;
	u32 v;

	gl_opaque(off);
	off &= 63;
	gl_opaque(off);
	if (off > 60)
		return;
	__builtin_memcpy(&v, hdr + off, 4);
	v = gl_ntohl(v) + x->dts;
	if (gl_seq_after(v, x->ts_max) || gl_seq_before(v, x->ts_min))
		v = x->ts_max;
	v = gl_htonl(v);
	__builtin_memcpy(hdr + off, &v, 4);
}

/*
 * One SACK block at @at. A block about bytes of another leg (a D-SACK for what came before the
 * switch) becomes empty: no sender believes such a one.
 */
gl_inline void translate_sack(u8 *hdr, u32 at, const struct gl_xlat *x)
{
	u64 off = at;
	u32 start, end;

	gl_opaque(off);
	off &= 63;
	gl_opaque(off);
	if (off > 56)
		return;
	__builtin_memcpy(&start, hdr + off, 4);
	__builtin_memcpy(&end, hdr + off + 4, 4);
	if (!x->to_client && gl_seq_before(gl_ntohl(start), x->sack_min))
		end = start;
	start = gl_htonl(gl_ntohl(start) + x->dack);
	end = gl_htonl(gl_ntohl(end) + x->dack);
	__builtin_memcpy(hdr + off, &start, 4);
	__builtin_memcpy(hdr + off + 4, &end, 4);
}

/* The TCP header in w->new. */
gl_inline void translate_header(struct work *w)
{
	const struct gl_xlat *x = &w->step.xlat;
	struct tcphdr *tcp = (void *)w->new;
	u32 i;

	if (x->set_addr) {
		if (x->to_client)
			tcp->source = x->port;
		else
			tcp->dest = x->port;
	}
	tcp->seq = gl_htonl(gl_ntohl(tcp->seq) + x->dseq);
	if (w->new[13] & GL_TCP_ACK)
		tcp->ack_seq = gl_htonl(gl_ntohl(tcp->ack_seq) + x->dack);
	if (x->set_win)
		tcp->window = gl_htons(x->win);
	if (w->pkt.ts_at) {
		if (x->to_client)
			translate_add(w->new, w->pkt.ts_at, x->dts);
		else
			translate_tsecr(w->new, w->pkt.ts_at, x);
	}
	if (!w->pkt.sack_at)
		return;
	gl_unroll
	for (i = 0; i < 4; i++) {
		if (i * 8 + 8 > w->pkt.sack_len)
			break;
		translate_sack(w->new, w->pkt.sack_at + i * 8, x);
	}
}

/* Address of the peer in the IP header, and what depends on it. */
gl_inline int translate_addr(struct __sk_buff *skb, struct work *w, u32 csum_at)
{
	const struct gl_xlat *x = &w->step.xlat;
	struct gl_addr *old = x->to_client ? &w->pkt.src : &w->pkt.dst;
	u32 at, change;
	int err;

	change = bpf_csum_diff((void *)old, sizeof(*old), (void *)&x->addr, sizeof(x->addr), 0);
	if (bpf_l4_csum_replace(skb, csum_at, 0, change, BPF_F_PSEUDO_HDR))
		return -1;
	if (w->pkt.ipv4) {
		at = GL_ETH_LEN +
		     (x->to_client ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
		err = bpf_l3_csum_replace(skb, GL_ETH_LEN + offsetof(struct iphdr, check),
					  old->w[3], x->addr.w[3], 4);
		if (err || bpf_skb_store_bytes(skb, at, &x->addr.w[3], 4, 0))
			return -1;
	} else {
		at = GL_ETH_LEN + (x->to_client ? offsetof(struct ipv6hdr, saddr) :
						  offsetof(struct ipv6hdr, daddr));
		if (bpf_skb_store_bytes(skb, at, &x->addr, sizeof(x->addr), 0))
			return -1;
	}
	*old = x->addr;
	return 0;
}

/*
 * translate_packet: rewrites the packet in hand. Returns 0, or a negative number: then the packet
 * may be half rewritten and must be dropped.
 */
gl_global int translate_packet(struct __sk_buff *skb)
{
	struct work *w = work_get();
	u32 csum_at, change;
	u64 h;

	if (!w)
		return -1;
	csum_at = w->pkt.l4 + offsetof(struct tcphdr, check);
	h = w->pkt.hlen;
	gl_opaque(h);
	h &= 0x3c;
	gl_opaque(h);
	if (h < 20)
		return -1;
	if (bpf_skb_load_bytes(skb, w->pkt.l4, w->old, h))
		return -1;
	__builtin_memcpy(w->new, w->old, sizeof(w->new));
	translate_header(w);
	change = bpf_csum_diff((void *)w->old, h, (void *)w->new, h, 0);
	if (bpf_skb_store_bytes(skb, w->pkt.l4, w->new, h, 0) ||
	    bpf_l4_csum_replace(skb, csum_at, 0, change, 0))
		return -1;
	if (w->step.xlat.set_addr)
		return translate_addr(skb, w, csum_at);
	return 0;
}

#endif
