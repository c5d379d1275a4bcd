/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * chunk_test: what chunk_test.bpf.c and test_chunk_bpf.c share.
 */
#ifndef TESTS_PROG_CHUNK_TEST_H
#define TESTS_PROG_CHUNK_TEST_H

#include "core/chunk_walk.h"

/*
 * Limits of BPF_PROG_TEST_RUN: an Ethernet header at least, and what fits into a page beside its
 * overhead.
 */
#define CHUNK_TEST_PACKET_MIN	14
#define CHUNK_TEST_PACKET_MAX	3521

/* One run: element 0 of the map `runs`. */
struct chunk_run {
	struct gl_chunk c;	/* in, out: feed_map and walk_packet go on from it */
	u32 len;		/* in: bytes in the buffer (walk_packet: out) */
	u32 step;		/* in, feed_map: so many bytes per call; 0: all at once */
	u32 eaten;		/* out: bytes of the body */
	s32 ret;		/* out: of the last call of gl_chunk_feed(), or the walk's result */
};

#endif
