/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * craft: turns the packet in hand into another one: headers of our own, no payload or bytes of a
 * slot.
 *
 * Checksums without knowing which kind the packet carries: bpf_l4_csum_replace without
 * BPF_F_PSEUDO_HDR is ignored by the kernel where the checksum is still to be made
 * (CHECKSUM_PARTIAL, the usual case on veth) and applied where it is complete; with the flag it is
 * applied in both. So the change of the pseudo-header goes by one call, all the rest by the other.
 */
#ifndef GL_BPF_CRAFT_H
#define GL_BPF_CRAFT_H

#include "slot.h"
#include "tcpopt.h"

const volatile __u32 mark_mask = GL_MARK_MASK;
const volatile __u32 mark_own = 1U << GL_MARK_SHIFT;

/* Was the packet made by this instance? */
gl_inline u32 craft_is_own(const struct __sk_buff *skb)
{
	return (skb->mark & mark_mask) == mark_own;
}

gl_inline void craft_mark(struct __sk_buff *skb)
{
	skb->mark = (skb->mark & ~mark_mask) | mark_own;
}

gl_inline void craft_unmark(struct __sk_buff *skb)
{
	skb->mark &= ~mark_mask;
}

/* Ones' complement sum of two. */
gl_inline u32 craft_csum_add(u32 a, u32 b)
{
	u64 sum = (u64)a + b;

	return (u32)sum + (u32)(sum >> 32);
}

/* One copy of payload out of a slot. */
struct craft_copy {
	struct __sk_buff *skb;
	u8 *bytes;
	u64 mask;
	u32 at;			/* in the packet */
	u32 off;		/* in the slot */
	u32 left;
	u32 sum;
	int err;
};

/*
 * Sum of @n bytes (1 to GL_SLOT_CHUNK) at @bytes: bpf_csum_diff takes 512 at most on 6.1, in
 * multiples of 4.
 */
gl_inline u32 craft_csum_bytes(const u8 *bytes, u64 n, u32 sum)
{
	u64 whole = n & ~3ULL;
	u32 tail;

	if (whole) {
		whole -= 1;
		gl_opaque(whole);
		whole &= GL_SLOT_CHUNK - 1;
		gl_opaque(whole);
		whole += 1;
		sum = bpf_csum_diff(NULL, 0, (void *)bytes, whole, sum);
	}
	if (!(n & 3))
		return sum;
	whole = n & (GL_SLOT_CHUNK - 4);
	gl_opaque(whole);
	whole &= GL_SLOT_CHUNK - 4;
	gl_opaque(whole);
	__builtin_memcpy(&tail, bytes + whole, 4);
	return craft_csum_add(sum, tail & ((1U << ((n & 3) * 8)) - 1));
}

static long craft_chunk(u32 i, void *ctx)
{
	struct craft_copy *copy = ctx;
	u64 n, off = copy->off;

	(void)i;
	if (!copy->left)
		return 1;
	n = slot_chunk(copy->left);
	gl_opaque(off);
	off &= copy->mask;
	gl_opaque(off);
	copy->err = bpf_skb_store_bytes(copy->skb, copy->at, copy->bytes + off, n, 0);
	if (copy->err)
		return 1;
	copy->sum = craft_csum_bytes(copy->bytes + off, n, copy->sum);
	copy->at += n;
	copy->off += n;
	copy->left -= n;
	return 0;
}

/* The payload of w->craft, out of its slot, into the packet at @at. Adds its sum to @sum. */
gl_inline int craft_payload(struct __sk_buff *skb, struct work *w, u32 at, u32 *sum)
{
	struct craft *craft = &w->craft;
	struct craft_copy copy = {};
	u64 mask = 0;

	copy.bytes = slot_bytes(craft->slot, craft->slot_big, w->conn_id, &mask);
	if (!copy.bytes || craft->off + craft->len > mask + 1)
		return -1;
	copy.skb = skb;
	copy.mask = mask;
	copy.at = at;
	copy.off = craft->off;
	copy.left = craft->len;
	copy.sum = *sum;
	gl_loop(GL_SEGMENT_MAX / GL_SLOT_CHUNK, craft_chunk, &copy);
	*sum = copy.sum;
	return copy.err || copy.left ? -1 : 0;
}

/*
 * Ethernet and IP header. Fills craft->pseudo with the new pseudo-header and @old with that of the
 * packet in hand.
 */
gl_inline int craft_network(struct __sk_buff *skb, struct work *w, u32 tcp_len)
{
	struct craft *craft = &w->craft;

	if (craft->swap) {
		u8 mac[12], out[12];

		if (bpf_skb_load_bytes(skb, 0, mac, 12))
			return -1;
		__builtin_memcpy(out, mac + 6, 6);
		__builtin_memcpy(out + 6, mac, 6);
		if (bpf_skb_store_bytes(skb, 0, out, 12, 0))
			return -1;
	}
	if (w->pkt.ipv4) {
		struct iphdr ip = {};
		u32 sum;

		ip.version = 4;
		ip.ihl = 5;
		ip.tot_len = gl_htons(20 + tcp_len);
		ip.frag_off = gl_htons(0x4000);
		ip.ttl = 64;
		ip.protocol = GL_PROTO_TCP;
		ip.saddr = craft->src.w[3];
		ip.daddr = craft->dst.w[3];
		sum = bpf_csum_diff(NULL, 0, (void *)&ip, sizeof(ip), 0);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		ip.check = ~sum;
		return bpf_skb_store_bytes(skb, GL_ETH_LEN, &ip, sizeof(ip), 0);
	} else {
		struct ipv6hdr ip = {};

		ip.version = 6;
		ip.payload_len = gl_htons(tcp_len);
		ip.nexthdr = GL_PROTO_TCP;
		ip.hop_limit = 64;
		__builtin_memcpy(&ip.saddr, &craft->src, 16);
		__builtin_memcpy(&ip.daddr, &craft->dst, 16);
		return bpf_skb_store_bytes(skb, GL_ETH_LEN, &ip, sizeof(ip), 0);
	}
}

gl_inline void craft_pseudo(__be32 *pseudo, const struct gl_addr *src, const struct gl_addr *dst,
			    u32 tcp_len)
{
	__builtin_memcpy(pseudo, src, 16);
	__builtin_memcpy(pseudo + 4, dst, 16);
	pseudo[8] = gl_htonl(tcp_len);
	pseudo[9] = gl_htonl(GL_PROTO_TCP);
}

/* TCP header into craft->hdr; checksum field 0. Returns its length. */
gl_inline u32 craft_tcp(struct craft *craft)
{
	struct tcphdr *tcp = (void *)craft->hdr;
	u32 len = 20 + (craft->optlen & 0x3c);

	tcp->source = craft->sport;
	tcp->dest = craft->dport;
	tcp->seq = gl_htonl(craft->seq);
	tcp->ack_seq = gl_htonl(craft->ack);
	craft->hdr[12] = len / 4 << 4;
	craft->hdr[13] = craft->flags;
	tcp->window = gl_htons(craft->win);
	tcp->check = 0;
	tcp->urg_ptr = 0;
	__builtin_memcpy(craft->hdr + 20, craft->opt, GL_OPT_BYTES);
	return len;
}

/*
 * craft_build: makes the packet in hand into what w->craft says. The packet in hand is a TCP packet
 * of the same IP version with a plain IP header, as it was parsed, or one that was crafted before
 * (w->pkt is kept up to date). Returns 0 or a negative number: then the packet is spoilt and must
 * be dropped.
 */
gl_global int craft_build(struct __sk_buff *skb)
{
	struct work *w = work_get();
	u32 l4, hlen, at, sum, rest, change;
	struct craft *craft;
	__be16 check = 0;
	u64 h;

	if (!w)
		return -1;
	craft = &w->craft;
	l4 = GL_L4_PLAIN(w->pkt.ipv4);
	at = l4 + offsetof(struct tcphdr, check);
	hlen = craft_tcp(craft);
	if (hlen > 60 || craft->len > GL_SEGMENT_MAX)
		return -1;
	if (bpf_skb_load_bytes(skb, at, &check, 2))
		return -1;
	craft_pseudo(craft->before, &w->pkt.src, &w->pkt.dst, skb->len - l4);
	craft_pseudo(craft->pseudo, &craft->src, &craft->dst, hlen + craft->len);
	if (bpf_skb_change_tail(skb, l4 + hlen + craft->len, 0))
		return -1;
	if (craft_network(skb, w, hlen + craft->len))
		return -1;
	change = bpf_csum_diff(craft->before, sizeof(craft->before), craft->pseudo,
			       sizeof(craft->pseudo), 0);
	sum = bpf_csum_diff(NULL, 0, craft->pseudo, sizeof(craft->pseudo), 0);
	h = hlen;
	gl_opaque(h);
	h &= 0x3c;
	if (h < 20)
		return -1;
	sum = bpf_csum_diff(NULL, 0, (void *)craft->hdr, h, sum);
	((struct tcphdr *)craft->hdr)->check = check;
	if (bpf_skb_store_bytes(skb, l4, craft->hdr, h, 0))
		return -1;
	if (craft->len && craft_payload(skb, w, l4 + hlen, &sum))
		return -1;
	/*
	 * A complete checksum becomes ~sum: take away what it was (~check) and what the other call
	 * adds (change).
	 */
	rest = craft_csum_add(sum, ~(u32)(u16)~check);
	rest = craft_csum_add(rest, ~change);
	if (bpf_l4_csum_replace(skb, at, 0, rest, 0) ||
	    bpf_l4_csum_replace(skb, at, 0, change, BPF_F_PSEUDO_HDR))
		return -1;
	w->pkt.src = craft->src;
	w->pkt.dst = craft->dst;
	craft->swap = 0;
	return 0;
}

/* Timestamp option, or none. */
gl_inline void craft_stamp(struct craft *craft, u32 on, u32 tsval, u32 tsecr)
{
	craft->optlen = 0;
	if (!on)
		return;
	craft->optlen = 12;
	craft->opt[0] = gl_htonl(0x0101080a);
	craft->opt[1] = gl_htonl(tsval);
	craft->opt[2] = gl_htonl(tsecr);
}

#endif
