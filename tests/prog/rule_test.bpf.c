// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* rule_test: lets tests/prog/test_rule_bpf.c decide the colour of a head inside the kernel. */
#include "prog/rule_test.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gl_image);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rule_run);
} runs SEC(".maps");

SEC("tc")
int decide(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct gl_image *image = bpf_map_lookup_elem(&images, &zero);
	struct rule_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)skb;
	if (!image || !run)
		return -1;
	return gl_colour_decide(image, &run->buf, &run->head, &run->colour);
}

/* What the two look-ups and the call of a program cost by themselves. */
SEC("tc")
int nothing(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct gl_image *image = bpf_map_lookup_elem(&images, &zero);
	struct rule_run *run = bpf_map_lookup_elem(&runs, &zero);

	(void)skb;
	return image && run ? 0 : -1;
}
