/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits: every number that bounds graylink, with its unit and its reason. Nothing else carries a
 * bare limit.
 */
#ifndef GL_LIMITS_H
#define GL_LIMITS_H

/*
 * Layout of everything that kernel and agent share; raise it whenever such a layout or its meaning
 * changes.
 */
#define GL_SCHEMA			1

/*
 * Head: bytes of one HTTP head that we read at most; servers' own default limits are 8 KiB (nginx,
 * Apache, Node 16 KiB).
 */
#define GL_HEAD_MAX			16384
/*
 * Bytes that a reader of a head buffer may touch beyond GL_HEAD_MAX (word-at-a-time reads); always
 * zeroed or stale, never used.
 */
#define GL_HEAD_PAD			256
/*
 * Header lines that a scan records because their name is of interest; more: the connection is
 * pinned (cause fields).
 */
#define GL_HEAD_FIELDS			32

/*
 * Chunked bodies: bytes of one line with a chunk's size, extensions and CR LF included; nobody
 * needs more.
 */
#define GL_CHUNK_LINE_MAX		256
/*
 * Bytes of a trailer with its empty line: one header line may be as long as servers take (8 KiB).
 */
#define GL_CHUNK_TRAILER_MAX		8192
/*
 * Bytes of a chunked body that are copied to the head buffer at once; a power of two (it is
 * masked).
 */
#define GL_CHUNK_WINDOW			512
/*
 * Such copies per packet: 64 KiB take 128 at most; beyond (BIG TCP with tiny chunks), the
 * connection is pinned (cause chunked).
 */
#define GL_CHUNK_STEPS			256

/* Policy image: bytes; a power of two, so that an offset can be masked. */
#define GL_IMAGE_SIZE			(1U << 22)
/* Bytes behind the image that a masked access may touch. */
#define GL_IMAGE_PAD			4096

/*
 * Identities. They are given once and never renumbered while the agent's state lives; 0 is base /
 * none.
 */
#define GL_SERVICES_MAX			4096
#define GL_LANES_MAX			256
#define GL_LANE_BASE			0

/*
 * Legs of one connection: the frontend's and up to three endpoints'. A power of two (it is masked).
 */
#define GL_LEGS				4

/* Entries of the connection table, and of the table of claimed leg tuples. */
#define GL_CONNS_MAX			65536
#define GL_LEG_TUPLES_MAX		131072
/* Connections and slots that one veth may hold, so that one pod cannot starve the others. */
#define GL_VETH_CONNS_MAX		32768
#define GL_VETH_SLOTS_MAX		4096
#define GL_VETHS_MAX			1024
#define GL_ENDPOINTS_MAX		16384

/* Slots hold the first bytes of a request until a server has acknowledged it. */
#define GL_SLOT_SMALL			4096
#define GL_SLOT_BIG			32768
/* Bytes that are copied to or from a slot in one step behind an offset other than 0. */
#define GL_SLOT_CHUNK			512
/*
 * Saved bytes are sent in segments of at most this many bytes, whatever MSS the server announces.
 */
#define GL_SEGMENT_MAX			4096
/* The least MSS that is believed: what IPv4 guarantees (RFC 9293 section 3.7.1). */
#define GL_MSS_MIN			536
#define GL_SLOTS_SMALL			8192
#define GL_SLOTS_BIG			512

/* Weights are in millionths: 4 decimals of a percent. */
#define GL_WEIGHT_ONE			1000000U

/* A cumulative record goes to the ring buffer at most this often per series and CPU. */
#define GL_RECORD_INTERVAL_NS		50000000ULL
#define GL_SERIES_MAX			16384
#define GL_LATENCIES_MAX		4096
#define GL_EVENTS_SIZE			(1U << 20)

/*
 * Without a heartbeat of the agent for this long, nothing new is steered (DESIGN: staleAfter, 10
 * min).
 */
#define GL_STALE_AFTER_NS		600000000000ULL

/*
 * An opening leg that is older than this at a retransmission of the client is given up: another
 * endpoint, then base.
 */
#define GL_OPEN_PATIENCE_MS		300
/* A window that the client is shown is never capped below this (bytes). */
#define GL_WINDOW_FLOOR			8192
/*
 * A closed leg is opened again this far beyond its old numbers, so that a server in TIME_WAIT takes
 * the SYN.
 */
#define GL_REOPEN_GAP			65536

/* Endpoints of a lane that are looked at for one request. */
#define GL_TARGET_TRIES			4
/* Endpoints that may fail for one request before it goes to base. */
#define GL_TARGET_FAILS			3
/* Interim responses (1xx) in one packet. */
#define GL_INTERIM_MAX			3
/* An endpoint that failed is left alone: first for 1 s, doubled per failure up to 64 s. */
#define GL_BACKOFF_FIRST_NS		1000000000ULL
#define GL_BACKOFF_DOUBLINGS		6

/*
 * Latency buckets: upper bounds in microseconds, OTel's http.server.request.duration extended
 * downwards; +Inf follows.
 */
#define GL_LATENCY_BOUNDS_US(X)	\
	X(500) X(1000) X(2500) X(5000) X(10000) X(25000) X(50000) X(75000) X(100000) X(250000) X(500000) X(750000) \
	X(1000000) X(2500000) X(5000000) X(7500000) X(10000000)
#define GL_LATENCY_BUCKETS		18

/*
 * Mark: two bits under this mask say which instance made the packet. Kubernetes uses 0x4000 and
 * 0x8000, others more.
 */
#define GL_MARK_MASK			0x30000000U
#define GL_MARK_SHIFT			28

#endif
