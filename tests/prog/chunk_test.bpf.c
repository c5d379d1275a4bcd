// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * chunk_test: lets tests/prog/test_chunk_bpf.c follow chunked bodies inside the kernel. `feed_map`
 * (a syscall program) reads the map that the test has filled, `walk_packet` walks over a packet as
 * the data path does.
 */
#include "core/chunk_walk.h"
#include "prog/chunk_test.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gl_head_buf);
} bufs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chunk_run);
} runs SEC(".maps");

struct packet {
	struct __sk_buff *skb;
	struct gl_head_buf *buf;
	struct gl_chunk *c;
	struct gl_chunk_walk walk;
	int err;
};

static long walk_window(u32 i, void *context)
{
	struct packet *packet = context;

	(void)i;
	if (!gl_chunk_walk_more(&packet->walk, packet->c))
		return 1;
	packet->err = bpf_skb_load_bytes(packet->skb, packet->walk.off, packet->buf->b,
					 gl_chunk_walk_len(&packet->walk));
	if (packet->err)
		return 1;
	gl_chunk_walk_eat(&packet->walk, packet->c, packet->buf);
	return 0;
}

SEC("tc")
int walk_packet(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct chunk_run *run = bpf_map_lookup_elem(&runs, &zero);
	struct packet packet = {.skb = skb, .buf = buf};

	if (!buf || !run)
		return -1;
	packet.c = &run->c;
	gl_chunk_walk_start(&packet.walk, 0, skb->len);
	bpf_loop(GL_CHUNK_STEPS, walk_window, &packet, 0);
	run->ret = gl_chunk_walk_result(&packet.walk, packet.c);
	run->eaten = packet.walk.off;
	run->len = skb->len;
	return packet.err;
}

/* For measurement: the whole buffer in one call, from the beginning of a body; and without it. */
SEC("tc")
int feed_all(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct chunk_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)skb;
	if (!buf || !run)
		return -1;
	gl_chunk_start(&run->c);
	run->ret = gl_chunk_feed(buf, 0, run->len, &run->c);
	return 0;
}

SEC("tc")
int feed_none(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct chunk_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)skb;
	if (!buf || !run)
		return -1;
	gl_chunk_start(&run->c);
	return 0;
}

struct piecewise {
	struct gl_head_buf *buf;
	struct chunk_run *run;
	u32 off;
};

static long feed_piece(u32 i, void *context)
{
	struct piecewise *piece = context;
	struct chunk_run *run = piece->run;
	u32 len = piece->off + run->step;

	(void)i;
	if (!run->step || len > run->len)
		len = run->len;
	run->ret = gl_chunk_feed(piece->buf, piece->off, len, &run->c);
	if (run->ret > 0)
		run->eaten += run->ret;
	piece->off = len;
	return run->ret < 0 || len >= run->len || gl_chunk_done(&run->c);
}

SEC("syscall")
int feed_map(void *ctx)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct chunk_run *run = bpf_map_lookup_elem(&runs, &zero);
	struct piecewise piece = {.buf = buf, .run = run, .off = 0};

	(void)ctx;
	if (!buf || !run)
		return -1;
	run->eaten = 0;
	bpf_loop(GL_HEAD_MAX + 1, feed_piece, &piece, 0);
	return 0;
}
