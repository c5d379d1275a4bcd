/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide: reads heads and chunked bodies and says what follows: colour, lane, leg, framing.
 * Everything here runs outside the lock and changes no connection; commit.h puts it into
 * force.
 *
 * One decision reads one policy generation: the image is looked up once and passed down.
 */
#ifndef GL_BPF_DECIDE_H
#define GL_BPF_DECIDE_H

#include "conn.h"

/*
 * First look at a head: most are shorter, and copying a whole large packet for a short head is
 * wasted.
 */
#define GL_HEAD_FIRST	1024

/* The live policy image, or NULL. */
gl_inline struct gl_image *decide_image(void)
{
	u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&images, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

/* Why nothing new may be steered: enum gl_unsteered, or 0 (OLDER, which is none of these). */
gl_inline u32 decide_stopped(u64 now_ns)
{
	struct gl_controls *ctl;
	u32 zero = 0;

	ctl = bpf_map_lookup_elem(&controls, &zero);
	if (!ctl || ctl->bypass || ctl->draining)
		return GL_UNSTEERED_BYPASS;
	if (ctl->stale_after_ns && now_ns - ctl->heartbeat_ns > ctl->stale_after_ns &&
	    now_ns > ctl->heartbeat_ns)
		return GL_UNSTEERED_STALE;
	return 0;
}

/*
 * Copies @len bytes of the packet at @from to offset @to of the head buffer; 1 <= len, to + len <=
 * GL_HEAD_MAX.
 */
gl_inline int decide_load(struct __sk_buff *skb, struct work *w, u32 from, u32 to, u32 len)
{
	u64 n = len, off = to;

	if (!len || to + len > GL_HEAD_MAX)
		return -1;
	n -= 1;
	gl_opaque(n);
	n &= GL_HEAD_MAX - 1;
	gl_opaque(n);
	n += 1;
	if (!to)
		return bpf_skb_load_bytes(skb, from, w->buf.b, n);
	gl_opaque(off);
	off &= GL_HEAD_MAX - 1;
	gl_opaque(off);
	if (off + n > GL_HEAD_MAX)
		return -1;
	return bpf_skb_load_bytes(skb, from, w->buf.b + off, n);
}

/*
 * decide_scan: reads the head that begins at offset @from of the packet, of which @len bytes are
 * there. w->head was started. Returns as gl_head_scan() does.
 */
gl_global int decide_scan(struct __sk_buff *skb, u32 from, u32 len)
{
	struct work *w = work_get();
	u32 n = len > GL_HEAD_FIRST ? GL_HEAD_FIRST : len;
	int res;

	if (!w || decide_load(skb, w, from, 0, n))
		return -GL_PIN_SYNC;
	res = gl_head_scan(&w->buf, n, &w->head);
	if (res || n == len)
		return res;
	n = len > GL_HEAD_MAX ? GL_HEAD_MAX : len;
	if (decide_load(skb, w, from, 0, n))
		return -GL_PIN_SYNC;
	res = gl_head_scan(&w->buf, n, &w->head);
	return !res && n == GL_HEAD_MAX ? -GL_PIN_HEAD_LONG : res;
}

struct decide_chunks {
	struct __sk_buff *skb;
	u32 base;
	int err;
};

static long decide_chunks_window(u32 i, void *ctx)
{
	struct decide_chunks *read = ctx;
	struct work *w = work_get();
	u64 n;

	(void)i;
	if (!w || !gl_chunk_walk_more(&w->walk, &w->chunk))
		return 1;
	n = gl_chunk_walk_len(&w->walk);
	if (read->base)
		read->err = bpf_skb_load_bytes(read->skb, read->base + w->walk.off, w->buf.b, n);
	else
		read->err = slot_window(w->walk.off, n);
	if (read->err)
		return 1;
	gl_chunk_walk_eat(&w->walk, &w->chunk, &w->buf);
	return 0;
}

/*
 * decide_chunks: reads on in the chunked body whose state is w->chunk: bytes [@off, @end), counted
 * from @base in the packet, or if @base is 0 from the first byte of the slot in use. Spoils the
 * head buffer. Returns as gl_chunk_walk_result(); w->walk.off is where the body ended.
 */
gl_global int decide_chunks(struct __sk_buff *skb, u32 base, u32 off, u32 end)
{
	struct decide_chunks read = {};
	struct work *w = work_get();

	if (!w)
		return -GL_PIN_SYNC;
	read.skb = skb;
	read.base = base;
	gl_chunk_walk_start(&w->walk, off, end);
	gl_loop(GL_CHUNK_STEPS, decide_chunks_window, &read);
	if (read.err)
		return -GL_PIN_SYNC;
	/* The last window may have been followed by data alone. */
	gl_chunk_walk_more(&w->walk, &w->chunk);
	return gl_chunk_walk_result(&w->walk, &w->chunk);
}

/* What is known of a service; zeroes if there is no policy. */
gl_inline void decide_service(struct work *w, const struct gl_image *image, u32 service)
{
	__builtin_memset(&w->info, 0, sizeof(w->info));
	if (image)
		gl_image_service(image, service, &w->info);
}

/* Is the endpoint to be left alone for a while? */
gl_inline u32 decide_backoff(const struct gl_endpoint_key *at, u64 now_ns)
{
	struct gl_endpoint_health *health = bpf_map_lookup_elem(&endpoints, at);

	return health && health->until_ns > now_ns;
}

/* Has the lane endpoints, though none of the client's address family? */
gl_inline u32 decide_other_family(const struct gl_image *image, struct work *w, u32 service)
{
	if (gl_image_is_ipv4(&w->key.client))
		__builtin_memset(&w->target.at.addr, 0, sizeof(w->target.at.addr));
	else
		packet_map_v4(&w->target.at.addr, 0);
	return gl_image_endpoint(image, service, w->target.lane, 0, &w->target.at);
}

/*
 * decide_target: an endpoint of w->target.lane for leg w->target.leg, its tuple claimed. Never the
 * caller itself, never one that failed lately (unless @forced). On failure w->target.fail says why;
 * NONE: the service has no such version. Returns 0 if there is one.
 */
gl_global int decide_target(const struct gl_image *image, u32 service, u32 forced)
{
	struct work *w = work_get();
	u32 start = bpf_get_prandom_u32() & 0xffff, i, count;
	u64 now_ns = bpf_ktime_get_ns();
	u8 fail = GL_FALLBACK_NONE;
	struct conn *c;

	if (!image || !w)
		return -1;
	c = bpf_map_lookup_elem(&conns, &w->key);
	gl_unroll
	for (i = 0; i < GL_TARGET_TRIES; i++) {
		w->target.at.addr = w->key.client;	/* an endpoint of the client's family */
		count = gl_image_endpoint(image, service, w->target.lane, start + i, &w->target.at);
		if (i >= count)
			break;
		if (gl_image_same_addr(&w->target.at.addr, &w->key.client)) {
			fail = GL_FALLBACK_SELF;
		} else if (!forced && decide_backoff(&w->target.at, now_ns)) {
			fail = GL_FALLBACK_BACKOFF;
		} else {
			fail = conn_claim(w, c);
			if (!fail)
				return 0;
		}
	}
	if (!fail && !i && decide_other_family(image, w, service))
		fail = GL_FALLBACK_NO_ENDPOINT;
	w->target.fail = fail;
	return -1;
}

/* An endpoint failed: it is left alone, longer each time. */
gl_inline void decide_endpoint_failed(const struct gl_leg *leg)
{
	struct gl_endpoint_health fresh = {}, *health;
	struct gl_endpoint_key at = {};
	u64 now_ns = bpf_ktime_get_ns();
	u32 shift;

	at.addr = leg->addr;
	at.port = leg->port;
	health = bpf_map_lookup_elem(&endpoints, &at);
	if (!health) {
		fresh.failures = 1;
		fresh.until_ns = now_ns + GL_BACKOFF_FIRST_NS;
		bpf_map_update_elem(&endpoints, &at, &fresh, BPF_ANY);
		return;
	}
	if (health->until_ns > now_ns)
		return;		/* several connections meet the same failure: it counts once */
	shift = health->failures < GL_BACKOFF_DOUBLINGS ? health->failures : GL_BACKOFF_DOUBLINGS;
	health->failures++;
	health->until_ns = now_ns + (GL_BACKOFF_FIRST_NS << shift);
}

/* An endpoint answered a SYN. */
gl_inline void decide_endpoint_ok(const struct gl_leg *leg)
{
	struct gl_endpoint_health *health;
	struct gl_endpoint_key at = {};

	at.addr = leg->addr;
	at.port = leg->port;
	health = bpf_map_lookup_elem(&endpoints, &at);
	if (health && health->failures) {
		health->failures = 0;
		health->until_ns = 0;
	}
}

/*
 * The colour of the request in the head buffer. Without a policy, or while steering is stopped:
 * base.
 */
gl_inline void decide_colour(struct work *w, const struct gl_image *image, u32 service)
{
	struct gl_colour *colour = &w->colour;

	colour->lane = GL_LANE_BASE;
	colour->reason = GL_REASON_DEFAULT;
	if (!image || decide_stopped(w->pkt.seg.now_ns))
		return;
	colour->service = service;
	colour->client = w->key.client;
	colour->random = bpf_get_prandom_u32();
	gl_colour_decide(image, &w->buf, &w->head, colour);
}

/*
 * Framing of the request whose head is complete; @len: its bytes that are there. Fills left,
 * chunked and pin of w->decision.
 */
gl_inline void decide_frame(struct work *w, u32 len)
{
	struct gl_decision *d = &w->decision;
	int err = gl_frame_request(&w->head, &w->frame);

	d->left = 0;
	d->chunked = 0;
	d->flags = 0;
	__builtin_memset(&d->chunk, 0, sizeof(d->chunk));
	d->pin = GL_PIN_NONE;
	if (err && err != -GL_PIN_UPGRADE) {	/* Upgrade: the server may decline; a 101 pins */
		d->pin = -err;
		return;
	}
	if (w->frame.kind == GL_FRAME_LENGTH)
		d->left = w->frame.left;
	d->chunked = w->frame.kind == GL_FRAME_CHUNKED;
	d->flags = w->frame.flags & GL_FRAME_EXPECT ? GL_REQUEST_EXPECT : 0;
	if (!d->chunked && len > d->head_len + d->left)
		d->pin = GL_PIN_PIPELINED;
}

/*
 * The part of a chunked request's body that is there: behind its head, up to @len bytes of the
 * request at @base (as in decide_chunks). Fills d->chunk; what cannot be followed pins.
 */
gl_inline void decide_request_chunks(struct __sk_buff *skb, struct work *w, u32 base, u32 len)
{
	struct gl_decision *d = &w->decision;
	int res;

	__builtin_memset(&w->chunk, 0, sizeof(w->chunk));
	res = decide_chunks(skb, base, d->head_len, len);
	d->chunk = w->chunk;
	if (res < 0)
		d->pin = -res;
	else if (res && w->walk.off < len)
		d->pin = GL_PIN_PIPELINED;
}

/*
 * decide_request: everything about the request whose head (@head_len bytes) lies in the head
 * buffer; @len bytes of the request are there, at @base (as in decide_chunks). Fills w->decision
 * but for slot and taken; w->target.leg is the leg, and returns whether it must be opened (1) or is
 * open (0). @c is read without its lock: the commit compares the epoch.
 */
gl_inline int decide_request(struct __sk_buff *skb, struct work *w, struct conn *c,
			     const struct gl_image *image, u32 base, u32 head_len, u32 len)
{
	struct gl_decision *d = &w->decision;
	u32 service = w->step.service;
	int leg;

	d->head_len = head_len;
	d->now_ns = w->pkt.seg.now_ns;
	d->slot = 0;
	d->method = w->head.method;
	d->generation = image ? (u32)image->head.generation : 0;
	decide_frame(w, len);
	decide_colour(w, image, service);
	if (d->chunked && !d->pin)
		decide_request_chunks(skb, w, base, len);
	d->lane = w->colour.lane;
	d->reason = w->colour.reason;
	w->target.fail = GL_FALLBACK_NONE;
	if (c->c.flags & GL_CONN_PINNED) {
		/*
		 * Pinned while the head was held, e.g. because the server has closed: it stays
		 * where it is.
		 */
		d->leg = c->c.active;
		if (d->lane && c->c.leg[d->leg & (GL_LEGS - 1)].lane != d->lane)
			w->target.fail = GL_FALLBACK_PINNED;
		return 0;
	}
	if (d->pin) {
		d->leg = c->c.active;
		if (d->lane && c->c.leg[d->leg & (GL_LEGS - 1)].lane != d->lane)
			w->target.fail = GL_FALLBACK_PINNED;
		return 0;
	}
	leg = gl_leg_find(&c->c, d->lane);
	if (leg >= 0) {
		d->leg = leg;
		return 0;
	}
	if (d->lane == GL_LANE_BASE) {
		d->leg = 0;
		return 1;
	}
	w->target.lane = d->lane;
	leg = gl_leg_free(&c->c);
	if (leg < 0) {
		w->target.fail = GL_FALLBACK_LEGS;
	} else {
		w->target.leg = leg;
		d->leg = leg;
		if (!decide_target(image, service,
				   gl_image_lane(image, service, d->lane) &
					   GL_LANE_FALLBACK_NONE)) {
			d->leg = w->target.leg;
			return 1;
		}
	}
	d->leg = 0;
	return c->c.leg[0].state != GL_LEG_OPEN;
}

#endif
