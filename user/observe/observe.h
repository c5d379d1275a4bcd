/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe: what the kernel counted, exactly, for status, Prometheus and the page.
 *
 * In: records of the ring buffer, the per-CPU maps `series` and `latencies`, names of services and lanes, what the
 * release engine says. Out: totals, rates and quantiles; Prometheus text; HTTP answers. It never writes a map, never
 * logs, never blocks on the network.
 *
 * Two sources, one number. Each CPU keeps cumulative values in the maps and now and then sends one of them through the
 * ring buffer. Per key and CPU the larger value ever seen is the truth, and a total is the sum over CPUs.
 *	ring buffer	keeps totals fresh (50 ms) at a cost that does not grow with the number of requests; a record that
 *			finds no room is carried by the next one; the last few requests before silence are not in it
 *	maps		are complete, and outlive the agent; read by gl_observe_refresh() at each scrape and status
 * So N requests are N counted, whatever was lost in between and however often the agent was restarted.
 *
 * How graylinkd uses it:
 *	gl_observe_new()		after the maps are there
 *	loop: gl_observe_event_fd()	readable -> gl_observe_consume()
 *	each second			gl_observe_tick()
 *	image or release changed	gl_observe_set_releases(), _set_generation()
 *	status				gl_observe_refresh(), then gl_observe_lanes_json() per service
 *	gl_http_start()			loop: gl_http_fd() readable, and each second -> gl_http_run()
 */
#ifndef GL_OBSERVE_H
#define GL_OBSERVE_H

#include <stdbool.h>
#include <stdio.h>

#include "graylink/abi.h"
#include "graylink/event.h"

struct cJSON;
struct gl_observe;
struct gl_http;

/* Seconds that the errors, shares and latencies of a status look back, and that rates look back at most. */
#define GL_OBSERVE_WINDOW_S	60
#define GL_OBSERVE_RATE_S	10

/* A map whose fill is shown as graylink_map_entries and graylink_map_capacity. */
struct gl_observe_map {
	const char *name;	/* string with static lifetime */
	int fd;
};
#define GL_OBSERVE_MAPS_MAX	16

struct gl_observe_options {
	int series_fd;		/* maps of graylink/abi.h */
	int latencies_fd;
	int events_fd;		/* ring buffer; -1: none (tests) */
	int events_lost_fd;	/* per-CPU array with one u64; -1: none */
	const struct gl_observe_map *maps;
	u32 maps_n;
	const char *version;	/* of the agent, for graylink_build_info; static lifetime */
};

/* Names of ids. The answers live until the next call; an unknown id answers false or NULL (shown as id-<n>). */
struct gl_observe_names {
	void *ctx;
	bool (*service)(void *ctx, u32 id, const char **ret_name, const char **ret_namespace);
	const char *(*lane)(void *ctx, u32 id);
};

/* One release as the metrics and the rates need it; everything is copied. */
struct gl_observe_release {
	const char *name;
	const char *namespace;
	const char *state;		/* a word of DESIGN section 6, e.g. "Waiting" */
	u32 lane;			/* id */
	u32 batch;			/* from 1; 0: before the first */
	u32 weight_ppm;			/* of 1e6, as it is in force */
	const u32 *services;		/* ids; they get zero-valued series before the first request */
	u32 services_n;
	const u32 *entries;		/* ids of the services at which it colours */
	u32 entries_n;
};

/* Requests of one colour at one service. */
struct gl_observe_stats {
	u64 requests;			/* totals */
	u64 errors;			/* 5xx, no response, base served because the lane's endpoints failed */
	u64 fallbacks;
	double rps;
	double error_rate;		/* of the window; NAN: no requests in it, as below */
	double p50, p90, p99;		/* seconds */
	u64 window_requests;
	u64 batch_requests;		/* since the release's present batch began */
	u64 batch_errors;
};

/*
 * gl_observe_new: takes over no descriptor (the caller keeps them open while the observer lives).
 * 0, -ENOMEM, or the error of the first map that could not be read.
 */
int gl_observe_new(const struct gl_observe_options *options, struct gl_observe **ret);
void gl_observe_free(struct gl_observe *o);

void gl_observe_set_names(struct gl_observe *o, const struct gl_observe_names *names);

/* Descriptor that is readable when records wait, -1 without a ring buffer. */
int gl_observe_event_fd(const struct gl_observe *o);
/* Takes all waiting records. Number of records or a negative errno. */
int gl_observe_consume(struct gl_observe *o);
/* Rare records (GL_EVENT_LEG, GL_EVENT_PIN) go to @fn as they come, of at least the size of their struct in event.h. */
void gl_observe_on_event(struct gl_observe *o,
			 void (*fn)(void *ctx, const struct gl_event_head *event), void *ctx);
/* One record, as from the ring buffer; others than counters are handed on. -EINVAL: malformed. */
int gl_observe_record(struct gl_observe *o, const void *record, size_t len);

/* Reads the per-CPU maps: after it totals are complete. 0 or a negative errno (what could be read is used). */
int gl_observe_refresh(struct gl_observe *o);
/* Keeps samples for rates and windows; call about once a second with CLOCK_MONOTONIC. */
void gl_observe_tick(struct gl_observe *o, u64 now_ns);

/*
 * gl_observe_set_releases: replaces the list. A release whose batch or weight differs from before starts its
 * sinceBatch numbers anew. 0 or -ENOMEM (the list before stays).
 */
int gl_observe_set_releases(struct gl_observe *o, const struct gl_observe_release *releases, u32 n);
/* Counts graylink_release_transitions_total. -ENOMEM: not counted. */
int gl_observe_count_transition(struct gl_observe *o, const char *release, const char *namespace,
				const char *to, const char *cause);
/* Counts @n more connections as unsteered because they are older (nothing in the kernel sees those). -ENOMEM: not counted. */
int gl_observe_count_older(struct gl_observe *o, u64 n);
void gl_observe_set_generation(struct gl_observe *o, u64 generation);
/* Whether the last apply or reload of a policy was accepted (graylink_policy_last_reload_successful). */
void gl_observe_set_reload(struct gl_observe *o, bool successful);

/* gl_observe_service_stats: what requests of colour @lane met at @service. @release and @namespace: whose batch counts. */
void gl_observe_service_stats(const struct gl_observe *o, const char *release,
			      const char *namespace, u32 service, u32 lane,
			      struct gl_observe_stats *ret);
/* Achieved weight of a release: see user/README.md; NAN: no request was decided by ratio yet. */
double gl_observe_achieved(const struct gl_observe *o, const char *release, const char *namespace);
/*
 * gl_observe_lanes_json: the `lanes` array of one service of a release as in user/README.md: base and the release's
 * lane. @endpoints: of base and of the lane; negative: null. NULL: no memory. The caller deletes it.
 */
struct cJSON *gl_observe_lanes_json(const struct gl_observe *o, const char *release,
				    const char *namespace, u32 service, const char *lane_name,
				    u32 lane, const int endpoints[2]);

/* gl_observe_metrics: Prometheus text 0.0.4 (Content-Type: GL_METRICS_TYPE) after a refresh. 0 or -ENOMEM. free() it. */
#define GL_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
int gl_observe_metrics(struct gl_observe *o, char **ret_text, size_t *ret_len);

/*
 * HTTP, read-only: /metrics /healthz /readyz /api/v1/status and a plain page at /. No threads, no files.
 */
struct gl_http_options {
	const char *address;		/* "127.0.0.1:9847", "[::1]:9847"; port 0: any */
	struct gl_observe *observe;
	void *ctx;			/* for the two below */
	/* The data of the status verb as a JSON text to free(), NULL: 503. */
	char *(*status)(void *ctx);
	/* NULL when ready, else the sentence why not (static lifetime). */
	const char *(*ready)(void *ctx);
};

/* 0, -EINVAL (the address), or the error of bind and listen. */
int gl_http_start(const struct gl_http_options *options, struct gl_http **ret);
void gl_http_stop(struct gl_http *http);
/* An epoll descriptor for the loop. */
int gl_http_fd(const struct gl_http *http);
/* Serves what can be served without waiting; also to be called each second, for the time limits. */
void gl_http_run(struct gl_http *http);
/* The port it listens at. */
u16 gl_http_port(const struct gl_http *http);

#endif
