// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * steer: the two programs of a pod's host-side veth.
 *	from_pod	tc ingress: what the pod sends
 *	to_pod		tc egress: what the pod receives
 */
#include "core/port.h"
#include "maps.h"

const volatile u32 mark_mask = GL_MARK_MASK;
const volatile u32 mark_own = 1U << GL_MARK_SHIFT;

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	u32 zero = 0;

	bpf_map_lookup_elem(&conns, &zero);
	bpf_map_lookup_elem(&leg_tuples, &zero);
	bpf_map_lookup_elem(&veths, &zero);
	bpf_map_lookup_elem(&endpoints, &zero);
	bpf_map_lookup_elem(&images, &zero);
	bpf_map_lookup_elem(&slots_small, &zero);
	bpf_map_lookup_elem(&slots_big, &zero);
	bpf_map_pop_elem(&free_small, &zero);
	bpf_map_pop_elem(&free_big, &zero);
	bpf_map_lookup_elem(&series, &zero);
	bpf_map_lookup_elem(&latencies, &zero);
	bpf_map_lookup_elem(&events_lost, &zero);
	bpf_map_lookup_elem(&controls, &zero);
	bpf_ringbuf_output(&events, &zero, 4, 0);
	return -1;
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	return -1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
