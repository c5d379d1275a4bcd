/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * work: per-CPU scratch for one packet. The BPF stack has 512 bytes for a whole chain of calls;
 * everything larger lives here.
 *
 * Hooks run with softirqs off and never nested (what we redirect is queued), so one element per CPU
 * is enough for them. Before 6.3, BPF_PROG_TEST_RUN leaves softirqs on: a packet may come between two
 * instructions of `reap`, which has an element of its own. Nothing in it outlives the packet.
 */
#ifndef GL_BPF_WORK_H
#define GL_BPF_WORK_H

#include "core/chunk_walk.h"
#include "core/colour.h"
#include "core/frame.h"
#include "core/head.h"
#include "core/response.h"
#include "maps.h"
#include "packet.h"

/* A packet to be made out of the one in hand (craft.h). */
struct craft {
	struct gl_addr src;
	struct gl_addr dst;
	__be16 sport;
	__be16 dport;
	u32 seq;
	u32 ack;
	u16 win;
	u8 flags;
	u8 swap;		/* it goes the other way than the packet in hand: swap the MAC addresses */
	u32 optlen;		/* bytes of opt in use, a multiple of 4 */
	__be32 opt[GL_OPT_BYTES / 4];
	u32 slot;		/* payload: slot + 1; 0: none */
	u32 slot_big;
	u32 off;		/* in the slot */
	u32 len;
	__be32 before[10];	/* pseudo-headers, addresses mapped: the mapped prefix adds 0xffff, which is 0 */
	__be32 pseudo[10];
	u8 hdr[64];
};

/* An endpoint that a leg is to be opened to. */
struct target {
	struct gl_endpoint_key at;
	u16 lane;
	u8 leg;
	u8 fail;		/* enum gl_fallback: why there is none */
	u8 fresh;		/* its tuple was claimed for this packet, not held before */
	u8 pad[3];
};

struct work {
	struct gl_pkt pkt;
	struct gl_step step;
	struct gl_flow key;		/* of the connection */
	struct gl_flow tuple;		/* of w->target */
	struct gl_flow retired;		/* of a leg that was aimed at another endpoint */
	struct gl_leg_ref ref;
	struct craft craft;
	struct target target;
	struct gl_service_info info;
	struct gl_decision decision;
	struct gl_frame frame;
	struct gl_response_head rhead;
	struct gl_chunk chunk;		/* while a chunked body is read */
	struct gl_chunk_walk walk;
	struct gl_colour colour;
	u64 conn_id;
	u32 now_ms;
	u32 to_pod;			/* which program runs: 0 from_pod, 1 to_pod */
	u8 old[64];			/* TCP header before and after a translation */
	u8 new[64];
	struct gl_head head;
	struct gl_head_buf buf;
};

/* Elements of scratch: WORK_REAP is that of `reap`, which a packet may interrupt. */
enum { WORK_PACKET, WORK_REAP, WORK_COUNT };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORK_COUNT);
	__type(key, u32);
	__type(value, struct work);
} scratch SEC(".maps");

/*
 * Zeroes, never written: what a new element of a map is inserted as. A connection is filled under
 * its lock afterwards, for insertion copies without it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct gl_conn_value);
} blank SEC(".maps");
_Static_assert(sizeof(struct gl_latency) <= sizeof(struct gl_conn_value), "blank is too small");

/*
 * The scratch of this CPU. Global functions call it instead of taking the pointer as an argument:
 * on 6.1 a map's key must not be memory that an argument points to, and a map's value may be.
 */
gl_inline struct work *work_at(u32 which)
{
	return bpf_map_lookup_elem(&scratch, &which);
}

gl_inline struct work *work_get(void)
{
	return work_at(WORK_PACKET);
}

/* Everything of a step that is read before it was written. */
gl_inline void work_reset(struct gl_step *step)
{
	__builtin_memset(step, 0, offsetof(struct gl_step, xlat));
	step->done.valid = 0;
}

#endif
