/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet: finds the TCP header of a packet and reads the facts that the connection machine needs.
 * IPv4 is mapped here, once.
 *
 * In: an Ethernet frame at a veth. Out: struct gl_pkt. It never changes a byte (bpf_skb_pull_data
 * moves headers, no more). Lengths come from skb->len: BIG TCP has tot_len 0.
 */
#ifndef GL_BPF_PACKET_H
#define GL_BPF_PACKET_H

#include "core/step.h"
#include "tcpopt.h"

#define GL_ETH_LEN	14
#define GL_ETH_IPV4	0x0800
#define GL_ETH_IPV6	0x86dd
#define GL_PROTO_TCP	6
#define GL_IPV6_EXT_MAX	4	/* extension headers that are walked to find TCP */

/* What packet.h could make of a packet. */
enum gl_parsed {
	GL_PARSED_TCP,		/* all of it is known */
	GL_PARSED_ODD,		/* TCP, and its flow is known, but it has what we cannot translate: IP options, a fragment */
	GL_PARSED_OTHER,	/* none of our business */
};

struct gl_pkt {
	struct gl_addr src;
	struct gl_addr dst;
	__be16 sport;
	__be16 dport;
	u16 l4;			/* offset of the TCP header */
	u8 ipv4;
	u8 odd;			/* 0, or GL_UNSTEERED_* */
	u16 hlen;		/* length of the TCP header */
	u16 ts_at;		/* offset of TSval in the TCP header; 0: no timestamps */
	u16 sack_at;		/* offset of the first SACK block; 0: none */
	u16 sack_len;
	struct gl_seg seg;
	struct gl_tcpopt opt;	/* scratch of packet_options(), kept last: not zeroed per packet */
};

/*
 * Length of what lies before the TCP header of a packet that we make: Ethernet and a plain IP
 * header.
 */
#define GL_L4_PLAIN(ipv4)	((ipv4) ? 34U : 54U)

gl_inline void packet_map_v4(struct gl_addr *ret, __be32 addr)
{
	ret->w[0] = 0;
	ret->w[1] = 0;
	ret->w[2] = gl_htonl(0xffff);
	ret->w[3] = addr;
}

/* IPv4 header at offset 14: addresses, where TCP begins. */
gl_inline u32 packet_ipv4(struct __sk_buff *skb, struct gl_pkt *pkt)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + GL_ETH_LEN;
	u8 first;

	if ((void *)(ip + 1) > end) {
		if (bpf_skb_pull_data(skb, GL_ETH_LEN + sizeof(*ip)))
			return GL_PARSED_OTHER;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		ip = data + GL_ETH_LEN;
		if ((void *)(ip + 1) > end)
			return GL_PARSED_OTHER;
	}
	if (ip->protocol != GL_PROTO_TCP)
		return GL_PARSED_OTHER;
	first = *(u8 *)ip;
	pkt->ipv4 = 1;
	packet_map_v4(&pkt->src, ip->saddr);
	packet_map_v4(&pkt->dst, ip->daddr);
	pkt->l4 = GL_ETH_LEN + (first & 15) * 4;
	if (ip->frag_off & gl_htons(0x1fff))
		return GL_PARSED_OTHER;		/* no ports in it; its first fragment was dropped or passed on its own merits */
	if (ip->frag_off & gl_htons(0x2000))
		pkt->odd = GL_UNSTEERED_FRAGMENT;
	else if (first != 0x45)
		pkt->odd = GL_UNSTEERED_IP_OPTIONS;
	return GL_PARSED_TCP;
}

/* Walks extension headers; a TCP segment behind any is odd. */
gl_inline u32 packet_ipv6_ext(struct __sk_buff *skb, struct gl_pkt *pkt, u8 next)
{
	u32 off = GL_ETH_LEN + sizeof(struct ipv6hdr), i;
	u8 ext[8];

	pkt->odd = GL_UNSTEERED_IP_OPTIONS;
	gl_unroll
	for (i = 0; i < GL_IPV6_EXT_MAX; i++) {
		if (next == GL_PROTO_TCP) {
			pkt->l4 = off;
			return GL_PARSED_TCP;
		}
		if (next != 0 && next != 43 && next != 44 && next != 60)
			return GL_PARSED_OTHER;
		if (bpf_skb_load_bytes(skb, off, ext, sizeof(ext)))
			return GL_PARSED_OTHER;
		if (next == 44) {
			if (((ext[2] << 8 | ext[3]) & 0xfff8))
				return GL_PARSED_OTHER;
			pkt->odd = GL_UNSTEERED_FRAGMENT;
			off += 8;
		} else {
			off += (ext[1] + 1) * 8;
		}
		next = ext[0];
	}
	return GL_PARSED_OTHER;
}

gl_inline u32 packet_ipv6(struct __sk_buff *skb, struct gl_pkt *pkt)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = data + GL_ETH_LEN;

	if ((void *)(ip + 1) > end) {
		if (bpf_skb_pull_data(skb, GL_ETH_LEN + sizeof(*ip)))
			return GL_PARSED_OTHER;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		ip = data + GL_ETH_LEN;
		if ((void *)(ip + 1) > end)
			return GL_PARSED_OTHER;
	}
	__builtin_memcpy(&pkt->src, &ip->saddr, 16);
	__builtin_memcpy(&pkt->dst, &ip->daddr, 16);
	pkt->l4 = GL_ETH_LEN + sizeof(*ip);
	if (ip->nexthdr == GL_PROTO_TCP)
		return GL_PARSED_TCP;
	return packet_ipv6_ext(skb, pkt, ip->nexthdr);
}

/* Reads TSval and TSecr where every Linux sender puts them: behind two NOPs. */
gl_inline void packet_options(struct __sk_buff *skb, struct gl_pkt *pkt)
{
	struct gl_tcpopt *opt = &pkt->opt;
	__be32 word[3];

	if (pkt->hlen == 32) {
		if (bpf_skb_load_bytes(skb, pkt->l4 + 20, word, sizeof(word)))
			return;
		if (word[0] == gl_htonl(0x0101080a)) {
			pkt->seg.opts = GL_OPT_TS;
			pkt->seg.tsval = gl_ntohl(word[1]);
			pkt->seg.tsecr = gl_ntohl(word[2]);
			pkt->ts_at = 24;
			return;
		}
	}
	__builtin_memset(opt, 0, sizeof(*opt));
	if (gl_tcpopt_read(skb, pkt->l4, pkt->hlen, opt))
		return;
	pkt->seg.opts = opt->seen;
	pkt->seg.tsval = opt->tsval;
	pkt->seg.tsecr = opt->tsecr;
	pkt->seg.mss = opt->mss;
	pkt->seg.ws = opt->ws;
	pkt->ts_at = opt->ts_at;
	pkt->sack_at = opt->sack_at;
	pkt->sack_len = opt->sack_len;
}

/*
 * packet_parse: fills @pkt. Returns enum gl_parsed.
 */
gl_global int packet_parse(struct __sk_buff *skb, struct gl_pkt *pkt)
{
	struct tcphdr tcp;
	u32 res;

	if (!pkt)
		return GL_PARSED_OTHER;
	__builtin_memset(pkt, 0, offsetof(struct gl_pkt, opt));
	if (skb->protocol == gl_htons(GL_ETH_IPV4))
		res = packet_ipv4(skb, pkt);
	else if (skb->protocol == gl_htons(GL_ETH_IPV6))
		res = packet_ipv6(skb, pkt);
	else
		return GL_PARSED_OTHER;
	if (res != GL_PARSED_TCP)
		return res;
	if (bpf_skb_load_bytes(skb, pkt->l4, &tcp, sizeof(tcp)))
		return GL_PARSED_OTHER;
	pkt->sport = tcp.source;
	pkt->dport = tcp.dest;
	pkt->seg.seq = gl_ntohl(tcp.seq);
	pkt->seg.ack = gl_ntohl(tcp.ack_seq);
	pkt->seg.win = gl_ntohs(tcp.window);
	pkt->seg.flags = ((u8 *)&tcp)[13];
	pkt->seg.mss = GL_MSS_MIN;	/* where a SYN says nothing else (RFC 9293 section 3.7.1) */
	pkt->hlen = (((u8 *)&tcp)[12] >> 4) * 4;
	if (pkt->odd)
		return GL_PARSED_ODD;
	if (pkt->hlen < 20 || pkt->l4 + pkt->hlen > skb->len) {
		pkt->odd = GL_UNSTEERED_IP_OPTIONS;
		return GL_PARSED_ODD;
	}
	pkt->seg.len = skb->len - pkt->l4 - pkt->hlen;
	if (pkt->hlen > 20)
		packet_options(skb, pkt);
	return GL_PARSED_TCP;
}

#endif
