/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event: records of the ring buffer. Two kinds are cumulative (a lost one is carried by the next of
 * the same key and CPU); the others tell of rare things and may be lost, counted in the per-CPU map
 * `events_lost`.
 */
#ifndef GL_EVENT_H
#define GL_EVENT_H

#include "graylink/abi.h"

enum gl_event_type {
	GL_EVENT_COUNTER = 1,	/* u.counter */
	GL_EVENT_LATENCY,	/* u.latency */
	GL_EVENT_LEG,		/* u.leg: a leg failed or a request fell back */
	GL_EVENT_PIN,		/* u.pin */
};

struct gl_event_head {
	u32 type;		/* enum gl_event_type */
	u32 cpu;
	u64 time_ns;		/* CLOCK_MONOTONIC */
};

struct gl_event_counter {
	struct gl_event_head head;
	struct gl_series_key key;
	u32 pad;
	u64 value;		/* cumulative on this CPU */
};

struct gl_event_latency {
	struct gl_event_head head;
	struct gl_latency_key key;
	struct gl_latency value;	/* cumulative on this CPU */
};

struct gl_event_leg {
	struct gl_event_head head;
	struct gl_flow flow;	/* of the leg */
	u16 service;
	u16 lane;
	u16 cause;		/* enum gl_fallback */
	u16 pad;
};

struct gl_event_pin {
	struct gl_event_head head;
	struct gl_flow flow;	/* of the connection */
	u16 service;
	u16 lane;		/* of the leg that it stays on */
	u16 cause;		/* enum gl_pin */
	u16 pad;
};

_Static_assert(sizeof(struct gl_event_head) == 16, "gl_event_head");
_Static_assert(sizeof(struct gl_event_counter) == 40, "gl_event_counter");
_Static_assert(sizeof(struct gl_event_leg) == 64, "gl_event_leg");

#endif
