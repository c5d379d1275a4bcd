/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps: every map of the data path, and nothing else. Layouts of keys and values:
 * include/graylink/. Names are at most 15 characters; the agent pins each map under its name.
 */
#ifndef GL_BPF_MAPS_H
#define GL_BPF_MAPS_H

#include "core/port.h"
#include "core/head.h"
#include "graylink/abi.h"
#include "graylink/conn.h"
#include "graylink/event.h"
#include "graylink/image.h"

/* Kernel's view of gl_conn_value: the lock must have its own type. */
struct conn {
	struct bpf_spin_lock lock;
	u32 pad;
	struct gl_conn c;
};
_Static_assert(sizeof(struct conn) == sizeof(struct gl_conn_value), "conn");

struct slot_small {
	struct gl_slot_head head;
	u8 b[GL_SLOT_SMALL + GL_SLOT_CHUNK];	/* the tail is padding: chunks are written behind a masked offset */
};

struct slot_big {
	struct gl_slot_head head;
	u8 b[GL_SLOT_BIG + GL_SLOT_CHUNK];
};

/* Connections by {veth, client, frontend}. No LRU: state never vanishes under a live connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GL_CONNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct gl_flow);
	__type(value, struct conn);
} conns SEC(".maps");

/* Claimed tuples of legs {veth, client, endpoint} -> their connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GL_LEG_TUPLES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct gl_flow);
	__type(value, struct gl_leg_ref);
} leg_tuples SEC(".maps");

/* What each veth holds. Elements are made by the agent at attach. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GL_VETHS_MAX);
	__type(key, u32);
	__type(value, struct gl_veth);
} veths SEC(".maps");

/* Health of endpoints, outside the image: it outlives generations. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GL_ENDPOINTS_MAX);
	__type(key, struct gl_endpoint_key);
	__type(value, struct gl_endpoint_health);
} endpoints SEC(".maps");

/* Index 0: the live policy image. One write of it changes every later decision. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, u32);
		__type(value, struct gl_image);
	});
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_SLOTS_SMALL);
	__type(key, u32);
	__type(value, struct slot_small);
} slots_small SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_SLOTS_BIG);
	__type(key, u32);
	__type(value, struct slot_big);
} slots_big SEC(".maps");

/* Indices of free slots; filled by the agent when it makes the maps. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, GL_SLOTS_SMALL);
	__type(value, u32);
} free_small SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, GL_SLOTS_BIG);
	__type(value, u32);
} free_big SEC(".maps");

/* Cumulative counters and histograms, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, GL_SERIES_MAX);
	__type(key, struct gl_series_key);
	__type(value, struct gl_counter);
} series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, GL_LATENCIES_MAX);
	__type(key, struct gl_latency_key);
	__type(value, struct gl_latency);
} latencies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GL_EVENTS_SIZE);
} events SEC(".maps");

/* Rare events that found no room in the ring buffer. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} events_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct gl_controls);
} controls SEC(".maps");

#endif
