/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcpopt: reads TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018) and writes those of a SYN
 * that we make.
 */
#ifndef GL_BPF_TCPOPT_H
#define GL_BPF_TCPOPT_H

#include "core/step.h"
#include "graylink/conn.h"

#define GL_OPT_BYTES	40	/* room for options in a TCP header */

struct gl_tcpopt {
	u8 b[64];		/* the options; the tail is padding for masked reads */
	u32 tsval;
	u32 tsecr;
	u32 len;
	u32 at;			/* private: where the walk is */
	u16 mss;		/* 536 where it is absent (RFC 9293 section 3.7.1) */
	u8 ws;
	u8 seen;		/* GL_OPT_* */
	u16 ts_at;		/* offset of TSval in the TCP header; 0: none */
	u16 sack_at;
	u16 sack_len;
	u16 pad;
};

/* Four bytes at @at, in host order. */
gl_inline u32 tcpopt_u32(const struct gl_tcpopt *opt, u32 at)
{
	return (u32)*gl_at(opt->b, at, 63) << 24 | (u32)*gl_at(opt->b, at + 1, 63) << 16 |
	       (u32)*gl_at(opt->b, at + 2, 63) << 8 | *gl_at(opt->b, at + 3, 63);
}

/* The context of bpf_loop must lie on the stack; what it points to need not. */
struct tcpopt_walk {
	struct gl_tcpopt *opt;
};

/* One option of the walk. */
static long tcpopt_one(u32 i, void *ctx)
{
	struct gl_tcpopt *opt = ((struct tcpopt_walk *)ctx)->opt;
	u32 at = opt->at, len;
	const u8 *p;

	(void)i;
	if (at + 1 >= opt->len || at > GL_OPT_BYTES)
		return 1;
	p = gl_at(opt->b, at, 63);
	if (*p == 0)
		return 1;
	if (*p == 1) {
		opt->at = at + 1;
		return 0;
	}
	len = *gl_at(opt->b, at + 1, 63);
	if (len < 2 || at + len > opt->len)
		return 1;
	opt->at = at + len;
	switch (*p) {
	case 2:
		opt->mss = *gl_at(opt->b, at + 2, 63) << 8 | *gl_at(opt->b, at + 3, 63);
		break;
	case 3:
		opt->ws = *gl_at(opt->b, at + 2, 63);
		if (opt->ws > 14)
			opt->ws = 14;
		opt->seen |= GL_OPT_WS;
		break;
	case 4:
		opt->seen |= GL_OPT_SACK;
		break;
	case 5:
		opt->sack_at = 20 + at + 2;
		opt->sack_len = len - 2;
		break;
	case 8:
		opt->seen |= GL_OPT_TS;
		opt->ts_at = 20 + at + 2;
		opt->tsval = tcpopt_u32(opt, at + 2);
		opt->tsecr = tcpopt_u32(opt, at + 6);
		break;
	case 19:
	case 29:
		opt->seen |= GL_OPT_ODD;
		break;
	}
	return 0;
}

/*
 * gl_tcpopt_read: options of the TCP header at @l4 with length @hlen (bytes). @ret is zeroed by the
 * caller. Returns 0; negative if the packet is too short.
 */
gl_global int gl_tcpopt_read(struct __sk_buff *skb, u32 l4, u32 hlen, struct gl_tcpopt *ret)
{
	struct tcpopt_walk walk = {};
	u64 n = hlen;

	if (!ret)
		return -1;
	walk.opt = ret;
	ret->mss = GL_MSS_MIN;
	ret->at = 0;
	if (n < 24 || n > 60)
		return n == 20 ? 0 : -1;
	n -= 20;
	ret->len = n;
	/*
	 * 6.1 does not learn from the compare above that n is at least 1: subtract, mask, add, each
	 * hidden from the optimiser.
	 */
	n -= 1;
	gl_opaque(n);
	n &= 0x3f;
	gl_opaque(n);
	if (n > GL_OPT_BYTES - 1)
		return -1;
	n += 1;
	if (bpf_skb_load_bytes(skb, l4 + 20, ret->b, n))
		return -1;
	gl_loop(GL_OPT_BYTES, tcpopt_one, &walk);
	return 0;
}

/*
 * tcpopt_syn: options of the SYN of a leg: exactly those that the client and its first server
 * agreed on, so that the client may go on as it does. @b holds GL_OPT_BYTES. Returns their length.
 */
gl_inline u32 tcpopt_syn(__be32 *b, const struct gl_conn *conn)
{
	u32 n = 1;

	b[0] = gl_htonl(0x02040000 | conn->mss);
	if (conn->flags & GL_CONN_HAS_TS) {
		b[1] = conn->flags & GL_CONN_HAS_SACK ? gl_htonl(0x0402080a) : gl_htonl(0x0101080a);
		b[2] = gl_htonl(conn->ts);
		b[3] = 0;
		n = 4;
	} else if (conn->flags & GL_CONN_HAS_SACK) {
		b[1] = gl_htonl(0x01010402);
		n = 2;
	}
	if (conn->flags & GL_CONN_HAS_WS) {
		__be32 ws = gl_htonl(0x01030300 | conn->ws);

		if (n == 4)
			b[4] = ws;
		else if (n == 2)
			b[2] = ws;
		else
			b[1] = ws;
		n++;
	}
	return n * 4;
}

#endif
