// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * head_test: lets tests/prog/test_head_bpf.c run the head scan inside the kernel. `scan_packet`
 * takes the head from the packet, `scan_map` (a syscall program) from the map that the test has
 * filled, which also holds heads longer than a test packet.
 */
#include "core/frame.h"
#include "core/head.h"
#include "prog/head_test.h"

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
	__type(value, struct gl_head);
} heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct head_run);
} runs SEC(".maps");

struct piecewise {
	struct gl_head_buf *buf;
	struct gl_head *head;
	struct head_run *run;
	u32 len;
};

static long scan_piece(u32 i, void *context)
{
	struct piecewise *piece = context;
	struct head_run *run = piece->run;

	(void)i;
	piece->len += run->step;
	if (!run->step || piece->len > run->len)
		piece->len = run->len;
	run->ret = gl_head_scan(piece->buf, piece->len, piece->head);
	return run->ret || piece->len >= run->len;
}

static __always_inline void scan(struct gl_head_buf *buf, struct gl_head *head,
				 struct head_run *run)
{
	struct piecewise piece = {.buf = buf, .head = head, .run = run, .len = 0};
	struct gl_frame frame;

	gl_head_start(head, run->response, run->interest);
	bpf_loop(GL_HEAD_MAX + 1, scan_piece, &piece, 0);
	run->frame_ret = run->response ? gl_frame_response(head, GL_METHOD_GET, &frame) :
					 gl_frame_request(head, &frame);
}

SEC("tc")
int scan_packet(struct __sk_buff *skb)
{
	u32 zero = 0, len = skb->len;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct gl_head *head = bpf_map_lookup_elem(&heads, &zero);
	struct head_run *run = bpf_map_lookup_elem(&runs, &zero);

	if (!buf || !head || !run || len < HEAD_TEST_PACKET_MIN || len > GL_HEAD_MAX)
		return -1;
	if (bpf_skb_load_bytes(skb, 0, buf->b, len))
		return -1;
	run->len = len;
	scan(buf, head, run);
	return 0;
}

/* For measurement only: scan_packet without the scan, and with nothing but the scan. */
SEC("tc")
int load_packet(struct __sk_buff *skb)
{
	u32 zero = 0, len = skb->len;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);

	if (!buf || len < HEAD_TEST_PACKET_MIN || len > GL_HEAD_MAX)
		return -1;
	return bpf_skb_load_bytes(skb, 0, buf->b, len);
}

SEC("tc")
int scan_only(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct gl_head *head = bpf_map_lookup_elem(&heads, &zero);
	struct head_run *run = bpf_map_lookup_elem(&runs, &zero);

	if (!buf || !head || !run)
		return -1;
	gl_head_start(head, run->response, run->interest);
	run->ret = gl_head_scan(buf, skb->len, head);
	return 0;
}

SEC("tc")
int scan_none(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct gl_head *head = bpf_map_lookup_elem(&heads, &zero);
	struct head_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)skb;
	if (!buf || !head || !run)
		return -1;
	gl_head_start(head, run->response, run->interest);
	return 0;
}

SEC("syscall")
int scan_map(void *ctx)
{
	u32 zero = 0;
	struct gl_head_buf *buf = bpf_map_lookup_elem(&bufs, &zero);
	struct gl_head *head = bpf_map_lookup_elem(&heads, &zero);
	struct head_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)ctx;
	if (!buf || !head || !run)
		return -1;
	scan(buf, head, run);
	run->share = gl_head_share(buf, 0, run->len);
	return 0;
}
