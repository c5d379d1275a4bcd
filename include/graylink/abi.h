/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi: keys and values of the maps that the kernel and the agent share, except the policy image
 * (image.h), the connection (conn.h) and the ring buffer's records (event.h). Fixed width, explicit
 * zeroed padding, no pointers. A change of any layout here raises GL_SCHEMA.
 *
 * core/port.h lies below everything and is the only room of core/ that this folder may include.
 */
#ifndef GL_ABI_H
#define GL_ABI_H

#include "core/port.h"
#include "graylink/limits.h"

/* An address: 16 bytes in network order; IPv4 is mapped (::ffff:a.b.c.d). */
struct gl_addr {
	__be32 w[4];
};

/*
 * A flow as seen at one veth: the pod's side (client) and the other side (a frontend or an
 * endpoint).
 */
struct gl_flow {
	u32 ifindex;		/* the pod's host-side interface: a connection belongs to its veth */
	__be16 cport;		/* the client's port */
	__be16 pport;		/* the peer's port */
	struct gl_addr client;
	struct gl_addr peer;
};

/* Value of the leg_tuples map: to whom a claimed tuple belongs. */
struct gl_leg_ref {
	struct gl_flow conn;	/* key in the conns map */
	u64 conn_id;		/* gl_conn.id: map elements are reused at once */
	u32 leg;		/* index in gl_conn.leg */
	u32 pad;
};

/*
 * Key of the series map (per-CPU hash of u64): one cumulative counter. Which fields count depends
 * on @kind; others are 0.
 */
struct gl_series_key {
	u8 kind;		/* enum gl_series */
	u8 why;			/* the cause or reason, of the enum that the kind names */
	u16 code;		/* HTTP status; 0: no response came */
	u16 service;
	u16 lane;		/* colour of the request */
	u16 served;		/* lane that served it */
	u16 pad;
};

/* Kinds of series. The first word of each comment names the metric of DESIGN section 8. */
enum gl_series {
	GL_SERIES_REQUESTS,	/* requests_total: why = gl_reason, code, service, lane, served */
	GL_SERIES_FAILURES,	/* request_failures_total: why = gl_failure, service, served */
	GL_SERIES_FALLBACKS,	/* fallbacks_total: why = gl_fallback, service, lane */
	GL_SERIES_LEGS_OPENED,	/* legs_opened_total: service, lane */
	GL_SERIES_PINNED,	/* pinned_total: why = gl_pin, service */
	GL_SERIES_UNSTEERED,	/* unsteered_connections_total: why = gl_unsteered, service where it is known */
	GL_SERIES_DROPS,	/* drops_total: why = gl_drop */
	GL_SERIES_COLOUR_LOST,	/* colour_lost_total: why = gl_fallback, service */
	GL_SERIES_CROSSINGS,	/* crossings_total: why = 0 to base, 1 to gray; service, lane */
	GL_SERIES_CONNS_OPENED,	/* connections: service; opened minus closed is what is open */
	GL_SERIES_CONNS_CLOSED,
};

/* Key of the latencies map. */
struct gl_latency_key {
	u16 service;
	u16 lane;
	u16 served;
	u16 pad;
};

/*
 * Value of the latencies map (per-CPU hash): cumulative histograms and volumes of the requests of
 * one key.
 */
struct gl_latency {
	u64 duration[GL_LATENCY_BUCKETS];	/* requests per bucket (not cumulated over buckets): head seen -> last byte */
	u64 first_byte[GL_LATENCY_BUCKETS];	/* the same for head seen -> first byte of the final response */
	u64 duration_ns;			/* sums */
	u64 first_byte_ns;
	u64 request_bytes;			/* bytes of whole requests, heads included */
	u64 response_bytes;
	u64 recorded_ns;			/* CLOCK_MONOTONIC of the last record to the ring buffer, written by the CPU */
};

/* Value of the series map. */
struct gl_counter {
	u64 value;
	u64 recorded_ns;	/* as above */
};

/*
 * Key and value of the endpoints map: health, kept outside the image so that it outlives
 * generations.
 */
struct gl_endpoint_key {
	struct gl_addr addr;
	__be16 port;
	u16 pad;
};

struct gl_endpoint_health {
	u64 until_ns;		/* CLOCK_MONOTONIC: chosen for nothing new before */
	u32 failures;		/* in a row; an answered SYN clears it */
	u16 mss;		/* smallest MSS that it announced; 0: none yet */
	u16 pad;
};

/* Value of the veths map (key: u32 ifindex): what one veth holds, and what was seen there. */
struct gl_veth {
	u32 conns;		/* connections now; atomically */
	u32 slots;		/* slots now; atomically */
	u64 syn_out;		/* SYNs to frontends that from_pod saw */
	u64 syn_back;		/* SYN-ACKs from frontends that to_pod saw: 0 while syn_out grows: the replies bypass us */
};

/*
 * What the agent asks the program `reap`: end this connection if it has not moved since it was
 * seen. It is the packet that BPF_PROG_TEST_RUN hands to the program, behind GL_REAP_OFF bytes that
 * are not looked at.
 */
struct gl_reap {
	struct gl_flow key;
	u64 id;			/* gl_conn.id */
	u32 epoch;		/* gl_conn.epoch */
	u32 nxt;		/* gl_conn.nxt and .ack: an ACK alone raises no epoch */
	u32 ack;
	u32 pad;
};

#define GL_REAP_OFF	14	/* an Ethernet header: the least that the kernel takes for a packet */

/* The single element of the controls map. */
struct gl_controls {
	u64 heartbeat_ns;	/* CLOCK_MONOTONIC, written by the agent once a second */
	u64 stale_after_ns;	/* 0: never stale */
	u32 bypass;		/* not 0: nothing new is steered */
	u32 draining;		/* not 0: nothing new is switched */
};

_Static_assert(sizeof(struct gl_addr) == 16, "gl_addr");
_Static_assert(sizeof(struct gl_flow) == 40, "gl_flow");
_Static_assert(sizeof(struct gl_leg_ref) == 56, "gl_leg_ref");
_Static_assert(sizeof(struct gl_series_key) == 12, "gl_series_key");
_Static_assert(sizeof(struct gl_latency_key) == 8, "gl_latency_key");
_Static_assert(sizeof(struct gl_endpoint_key) == 20, "gl_endpoint_key");
_Static_assert(sizeof(struct gl_reap) == 64, "gl_reap");
_Static_assert(sizeof(struct gl_controls) == 24, "gl_controls");

#endif
