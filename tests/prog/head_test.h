/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * head_test: what head_test.bpf.c and test_head_bpf.c share.
 */
#ifndef TESTS_PROG_HEAD_TEST_H
#define TESTS_PROG_HEAD_TEST_H

#include "core/head_type.h"

/*
 * Limits of BPF_PROG_TEST_RUN: an Ethernet header at least, and what fits into a page beside its
 * overhead.
 */
#define HEAD_TEST_PACKET_MIN	14
#define HEAD_TEST_PACKET_MAX	3521

/* One run: element 0 of the map `runs`. */
struct head_run {
	u32 len;		/* in: bytes of the head that are there (scan_packet: out) */
	u32 step;		/* in: so many bytes more per call; 0: all at once */
	u32 response;		/* in: as in gl_head_start() */
	s32 ret;		/* out: of the last call of gl_head_scan() */
	u64 interest[4];	/* in: as in gl_head_start() */
	u64 share;		/* out: gl_head_share() of all bytes (scan_map only) */
	s32 frame_ret;		/* out: of gl_frame_request() or gl_frame_response(), after GET */
	u32 pad;
};

#endif
