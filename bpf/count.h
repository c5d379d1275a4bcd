/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count: cumulative counters per series and CPU, and their records in the ring buffer: at most one
 * per series, CPU and GL_RECORD_INTERVAL_NS. A record that finds no room costs nothing: the next
 * one of the series carries its content.
 */
#ifndef GL_BPF_COUNT_H
#define GL_BPF_COUNT_H

#include "work.h"

gl_inline void count_head(struct gl_event_head *head, u32 type, u64 now_ns)
{
	head->type = type;
	head->cpu = bpf_get_smp_processor_id();
	head->time_ns = now_ns;
}

gl_inline void count_record(const struct gl_series_key *key, struct gl_counter *counter, u64 now_ns)
{
	struct gl_event_counter event = {};

	if (now_ns - counter->recorded_ns < GL_RECORD_INTERVAL_NS)
		return;
	count_head(&event.head, GL_EVENT_COUNTER, now_ns);
	event.key = *key;
	event.value = counter->value;
	if (!bpf_ringbuf_output(&events, &event, sizeof(event), 0))
		counter->recorded_ns = now_ns;
}

/* count_series: adds one to the series @which. */
gl_global int count_series(const struct gl_series_key *which, u64 now_ns)
{
	struct gl_series_key copy, *key = &copy;	/* on 6.1 a map's key must not be what an argument points to */
	struct gl_counter *counter;

	if (!which)
		return 0;
	copy = *which;
	counter = bpf_map_lookup_elem(&series, key);
	if (!counter) {
		struct gl_counter zero = {};

		bpf_map_update_elem(&series, key, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&series, key);
		if (!counter)
			return -1;
	}
	__sync_fetch_and_add(&counter->value, 1);	/* a packet may interrupt `reap` */
	count_record(key, counter, now_ns);
	return 0;
}

/* One series that has a service, a lane and a cause. */
gl_inline void count_one(u8 kind, u8 why, u16 service, u16 lane)
{
	struct gl_series_key key = {};

	key.kind = kind;
	key.why = why;
	key.service = service;
	key.lane = lane;
	count_series(&key, bpf_ktime_get_ns());
}

static const u64 count_bounds_us[GL_LATENCY_BUCKETS - 1] = {
#define GL_BOUND(us) us,
	GL_LATENCY_BOUNDS_US(GL_BOUND)
#undef GL_BOUND
};

/* Index of the bucket of @ns: how many bounds it exceeds. */
gl_inline u32 count_bucket(u64 ns)
{
	u32 i, n = 0;

	gl_unroll
	for (i = 0; i < GL_LATENCY_BUCKETS - 1; i++)
		n += ns > count_bounds_us[i] * 1000;
	return n;
}

/* count_latency: histograms and volumes of one request that has ended with an answer. */
gl_global int count_latency(const struct gl_done *done)
{
	struct gl_latency_key key = {};
	struct gl_latency *l;
	u32 i;

	if (!done)
		return 0;
	key.service = done->service;
	key.lane = done->lane;
	key.served = done->served;
	l = bpf_map_lookup_elem(&latencies, &key);
	if (!l) {
		u32 zero = 0;
		void *empty = bpf_map_lookup_elem(&blank, &zero);	/* too large for the stack */

		if (!empty)
			return -1;
		bpf_map_update_elem(&latencies, &key, empty, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&latencies, &key);
		if (!l)
			return -1;
	}
	i = count_bucket(done->end_ns - done->start_ns);
	if (i < GL_LATENCY_BUCKETS)
		l->duration[i]++;
	l->duration_ns += done->end_ns - done->start_ns;
	i = count_bucket(done->first_ns - done->start_ns);
	if (i < GL_LATENCY_BUCKETS)
		l->first_byte[i]++;
	l->first_byte_ns += done->first_ns - done->start_ns;
	l->request_bytes += done->request_bytes;
	l->response_bytes += done->response_bytes;
	if (done->end_ns - l->recorded_ns >= GL_RECORD_INTERVAL_NS) {
		struct gl_event_latency *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

		if (!event)
			return 0;
		count_head(&event->head, GL_EVENT_LATENCY, done->end_ns);
		event->key = key;
		l->recorded_ns = done->end_ns;
		event->value = *l;
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}

/* count_done: one request that has ended. */
gl_inline void count_done(struct gl_done *done)
{
	struct gl_series_key key = {};

	key.kind = GL_SERIES_REQUESTS;
	key.why = done->reason;
	key.code = done->code;
	key.service = done->service;
	key.lane = done->lane;
	key.served = done->served;
	count_series(&key, done->end_ns);
	if (done->first_ns)
		count_latency(done);
	if (done->failure) {
		struct gl_series_key fail = {};

		fail.kind = GL_SERIES_FAILURES;
		fail.why = done->failure - 1;
		fail.service = done->service;
		fail.served = done->served;
		count_series(&fail, done->end_ns);
	}
}

#endif
