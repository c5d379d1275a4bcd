/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what the files of observe/ share. counters.c writes it, window.c and metrics.c read it. Nothing outside
 * observe/ and its tests includes this.
 */
#ifndef GL_OBSERVE_STATE_H
#define GL_OBSERVE_STATE_H

#include "observe/observe.h"
#include "observe/table.h"

/* The window is cut into samples: rates need the newest two, the rest needs all. */
#define GL_SAMPLE_S	(GL_OBSERVE_RATE_S / 2)
#define GL_SAMPLES	(GL_OBSERVE_WINDOW_S / GL_SAMPLE_S + 1)

#define GL_WALK_BUDGET	8192U
#define GL_WALK_KEY_MAX	64

/* One series: a total over CPUs. */
struct gl_total {
	struct gl_series_key key;
	u64 value;		/* sum of cpu[] */
	u64 cpu[];		/* largest cumulative value seen, per CPU */
};

/* One latency key. */
struct gl_volume {
	struct gl_latency_key key;
	struct gl_latency sum;	/* over CPUs */
	struct gl_latency cpu[];
};

/* What happened in one sample's time. */
struct gl_sample {
	u64 number;		/* of the sample since the epoch of the clock, plus one; 0: never used */
	u32 requests;
	u32 errors;
	u32 duration[GL_LATENCY_BUCKETS];
};

/* All requests of one colour at one service, whoever served them. */
struct gl_group_key {
	u32 service;
	u32 lane;
};

struct gl_group {
	struct gl_group_key key;
	u64 requests;
	u64 errors;
	u64 fallbacks;
	u64 by_ratio;		/* requests that the ratio gave to the lane */
	u64 by_default;		/* requests that nothing decided */
	struct gl_sample samples[GL_SAMPLES];
};

/* Where a service of a release stood when its batch began: [0] base, [1] the lane. */
struct gl_baseline {
	u32 service;
	bool entry;
	u64 requests[2];
	u64 errors[2];
	u64 by_ratio;		/* of the lane */
	u64 by_default;		/* of base */
};

struct gl_tracked {		/* a release */
	char *name;
	char *namespace;
	char *state;
	u32 lane;
	u32 batch;
	u32 weight_ppm;
	struct gl_baseline *services;
	u32 services_n;
};

struct gl_transition {
	char *release;
	char *namespace;
	char *to;
	char *cause;
	u64 count;
};

/* Counting the elements of a hash map, some per scrape. */
struct gl_walk {
	u8 key[GL_WALK_KEY_MAX];	/* the last one seen */
	u32 seen;			/* of the walk under way */
	u32 last;			/* of the last whole one */
};

struct gl_observe {
	struct gl_observe_options options;
	struct gl_observe_map maps[GL_OBSERVE_MAPS_MAX];
	struct gl_walk walks[GL_OBSERVE_MAPS_MAX];
	struct gl_observe_names names;
	struct ring_buffer *ring;
	u32 cpus;
	bool priming;		/* the first read of pinned maps: old requests are no rate */
	u64 started_ns;		/* first tick */
	u64 now_ns;		/* last tick */
	u64 records;		/* taken from the ring buffer */
	u64 events_lost;
	struct gl_table totals;
	struct gl_table volumes;
	struct gl_table groups;
	struct gl_tracked *releases;
	u32 releases_n;
	struct gl_transition *transitions;
	u32 transitions_n;
	u64 older;		/* unsteered connections that the agent counted */
	u64 generation;
	bool reload_successful;
	void (*on_event)(void *ctx, const struct gl_event_head *event);
	void *on_event_ctx;
};

/* counters.c: one cumulative value that CPU @cpu has reached. 0, -EINVAL (no such CPU) or -ENOMEM. */
int gl_observe_absorb_counter(struct gl_observe *o, const struct gl_series_key *key, u32 cpu,
			      u64 value);
int gl_observe_absorb_latency(struct gl_observe *o, const struct gl_latency_key *key, u32 cpu,
			      const struct gl_latency *value);

/* maps.c: read all of a map into the totals. */
int gl_observe_read_maps(struct gl_observe *o);
/*
 * Elements of a hash map, -1: cannot be told (a queue, an array); and its capacity. The kernel keeps no count that we
 * can read, so keys are walked, at most GL_WALK_BUDGET per call (about 1 us each): of a map with more elements the number
 * is that of the last whole walk, which takes several calls.
 */
s64 gl_observe_map_entries(int fd, struct gl_walk *walk, u32 *ret_capacity);

/* window.c */
u64 gl_observe_sample_number(const struct gl_observe *o);
/* The sample of the present time, emptied if it was an older one's. */
struct gl_sample *gl_observe_sample(const struct gl_observe *o, struct gl_group *g);
const struct gl_tracked *gl_observe_tracked(const struct gl_observe *o, const char *name,
					    const char *namespace);
void gl_observe_free_releases(struct gl_tracked *releases, u32 n);

/*
 * quantile.c: @q in [0, 1] of a histogram with the bounds of limits.h, by linear interpolation inside the bucket as
 * Prometheus' histogram_quantile does it. @counts: per bucket, not cumulated. Seconds; NAN: empty. What lies in the
 * last bucket (+Inf) answers the largest bound.
 */
double gl_observe_quantile(const u64 counts[GL_LATENCY_BUCKETS], double q);
/* Upper bounds of the buckets but the last, in microseconds. */
extern const u64 gl_observe_bounds_us[GL_LATENCY_BUCKETS - 1];

#endif
