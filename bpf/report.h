/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report: rare events to the ring buffer. One that finds no room is counted in events_lost.
 */
#ifndef GL_BPF_REPORT_H
#define GL_BPF_REPORT_H

#include "count.h"

gl_inline void report_lost(void)
{
	u32 zero = 0;
	u64 *lost = bpf_map_lookup_elem(&events_lost, &zero);

	if (lost)
		++*lost;
}

/* report_leg: a leg failed (@flow is its tuple) for @cause. */
gl_inline void report_leg(const struct gl_flow *flow, u16 service, u16 lane, u16 cause)
{
	struct gl_event_leg *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		report_lost();
		return;
	}
	count_head(&event->head, GL_EVENT_LEG, bpf_ktime_get_ns());
	event->flow = *flow;
	event->service = service;
	event->lane = lane;
	event->cause = cause;
	event->pad = 0;
	bpf_ringbuf_submit(event, 0);
}

/* report_pin: a connection was pinned to the leg of @lane for @cause. */
gl_inline void report_pin(const struct gl_flow *flow, u16 service, u16 lane, u16 cause)
{
	struct gl_event_pin *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		report_lost();
		return;
	}
	count_head(&event->head, GL_EVENT_PIN, bpf_ktime_get_ns());
	event->flow = *flow;
	event->service = service;
	event->lane = lane;
	event->cause = cause;
	event->pad = 0;
	bpf_ringbuf_submit(event, 0);
}

#endif
