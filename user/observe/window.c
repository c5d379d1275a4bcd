/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: what status says of the last minute and of the present batch. Samples of GL_SAMPLE_S seconds stand in a ring
 * per group; a sample says which one it is, so that nothing has to be cleared when nobody sends requests.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "observe/state.h"

#define SAMPLE_NS ((u64)GL_SAMPLE_S * 1000000000ULL)

u64 gl_observe_sample_number(const struct gl_observe *o)
{
	return o->now_ns / SAMPLE_NS + 1;
}

struct gl_sample *gl_observe_sample(const struct gl_observe *o, struct gl_group *g)
{
	u64 number = gl_observe_sample_number(o);
	struct gl_sample *s = &g->samples[number % GL_SAMPLES];

	if (s->number != number) {
		memset(s, 0, sizeof(*s));
		s->number = number;
	}
	return s;
}

void gl_observe_tick(struct gl_observe *o, u64 now_ns)
{
	if (!o->started_ns)
		o->started_ns = now_ns;
	o->now_ns = now_ns;
}

/* Sums the newest @n samples, the present one included. */
static void sum_samples(const struct gl_observe *o, const struct gl_group *g, u64 n,
			struct gl_sample *ret, u64 duration[GL_LATENCY_BUCKETS])
{
	u64 number = gl_observe_sample_number(o);
	u32 i, b;

	memset(ret, 0, sizeof(*ret));
	memset(duration, 0, GL_LATENCY_BUCKETS * sizeof(*duration));
	for (i = 0; i < GL_SAMPLES; i++) {
		const struct gl_sample *s = &g->samples[i];

		if (!s->number || s->number > number || number - s->number >= n)
			continue;
		ret->requests += s->requests;
		ret->errors += s->errors;
		for (b = 0; b < GL_LATENCY_BUCKETS; b++)
			duration[b] += s->duration[b];
	}
}

/* Requests per second: over the present sample and the one before, or since the agent started. */
static double rate(const struct gl_observe *o, const struct gl_group *g)
{
	u64 begin = (gl_observe_sample_number(o) - 1) * SAMPLE_NS;
	u64 duration[GL_LATENCY_BUCKETS];
	struct gl_sample sum;
	double seconds;

	begin = begin > SAMPLE_NS ? begin - SAMPLE_NS : 0;
	if (begin < o->started_ns)
		begin = o->started_ns;
	seconds = (double)(o->now_ns - begin) / 1e9;
	sum_samples(o, g, 2, &sum, duration);
	return sum.requests / (seconds < 1 ? 1 : seconds);
}

static const struct gl_group *find_group(const struct gl_observe *o, u32 service, u32 lane)
{
	struct gl_group_key key = { .service = service, .lane = lane };

	return gl_table_find(&o->groups, &key);
}

/* ---- releases ---- */

const struct gl_tracked *gl_observe_tracked(const struct gl_observe *o, const char *name,
					    const char *namespace)
{
	u32 i;

	for (i = 0; i < o->releases_n; i++)
		if (!strcmp(o->releases[i].name, name) &&
		    !strcmp(o->releases[i].namespace, namespace))
			return &o->releases[i];
	return NULL;
}

static const struct gl_baseline *baseline_of(const struct gl_tracked *t, u32 service)
{
	u32 i;

	for (i = 0; t && i < t->services_n; i++)
		if (t->services[i].service == service)
			return &t->services[i];
	return NULL;
}

/* Where service @b->service stands now, with @lane beside base. */
static void baseline_now(const struct gl_observe *o, u32 lane, struct gl_baseline *b)
{
	const struct gl_group *g[2] = { find_group(o, b->service, GL_LANE_BASE),
					find_group(o, b->service, lane) };
	int i;

	for (i = 0; i < 2; i++) {
		b->requests[i] = g[i] ? g[i]->requests : 0;
		b->errors[i] = g[i] ? g[i]->errors : 0;
	}
	b->by_default = g[0] ? g[0]->by_default : 0;
	b->by_ratio = g[1] ? g[1]->by_ratio : 0;
}

void gl_observe_free_releases(struct gl_tracked *releases, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		free(releases[i].name);
		free(releases[i].namespace);
		free(releases[i].state);
		free(releases[i].services);
	}
	free(releases);
}

static bool is_among(const u32 *ids, u32 n, u32 id)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static int track(const struct gl_observe *o, const struct gl_observe_release *r,
		 struct gl_tracked *t)
{
	const struct gl_tracked *old = gl_observe_tracked(o, r->name, r->namespace);
	const struct gl_baseline *b;
	u32 i;

	t->name = strdup(r->name);
	t->namespace = strdup(r->namespace);
	t->state = strdup(r->state);
	t->services = calloc(r->services_n + 1, sizeof(*t->services));
	if (!t->name || !t->namespace || !t->state || !t->services)
		return -ENOMEM;
	t->lane = r->lane;
	t->batch = r->batch;
	t->weight_ppm = r->weight_ppm;
	t->services_n = r->services_n;
	if (old &&
	    (old->batch != r->batch || old->weight_ppm != r->weight_ppm || old->lane != r->lane))
		old = NULL;	/* a new batch: its numbers begin now */
	for (i = 0; i < r->services_n; i++) {
		t->services[i].service = r->services[i];
		b = baseline_of(old, r->services[i]);
		if (b)
			t->services[i] = *b;
		else
			baseline_now(o, r->lane, &t->services[i]);
		t->services[i].entry = is_among(r->entries, r->entries_n, r->services[i]);
	}
	return 0;
}

int gl_observe_set_releases(struct gl_observe *o, const struct gl_observe_release *releases, u32 n)
{
	struct gl_tracked *list = calloc(n + 1, sizeof(*list));
	u32 i;

	if (!list)
		return -ENOMEM;
	/* best effort: an older total only makes the batch begin a little earlier */
	gl_observe_refresh(o);
	for (i = 0; i < n; i++) {
		if (track(o, &releases[i], &list[i])) {
			gl_observe_free_releases(list, n);
			return -ENOMEM;
		}
	}
	gl_observe_free_releases(o->releases, o->releases_n);
	o->releases = list;
	o->releases_n = n;
	return 0;
}

int gl_observe_count_transition(struct gl_observe *o, const char *release, const char *namespace,
				const char *to, const char *cause)
{
	struct gl_transition *t;
	u32 i;

	for (i = 0; i < o->transitions_n; i++) {
		t = &o->transitions[i];
		if (!strcmp(t->release, release) && !strcmp(t->namespace, namespace) &&
		    !strcmp(t->to, to) && !strcmp(t->cause, cause)) {
			t->count++;
			return 0;
		}
	}
	t = realloc(o->transitions, (o->transitions_n + 1) * sizeof(*t));
	if (!t)
		return -ENOMEM;
	o->transitions = t;
	t += o->transitions_n;
	*t = (struct gl_transition){ strdup(release), strdup(namespace), strdup(to), strdup(cause),
				     1 };
	if (!t->release || !t->namespace || !t->to || !t->cause) {
		free(t->release);
		free(t->namespace);
		free(t->to);
		free(t->cause);
		return -ENOMEM;
	}
	o->transitions_n++;
	return 0;
}

/* ---- answers ---- */

void gl_observe_service_stats(const struct gl_observe *o, const char *release,
			      const char *namespace, u32 service, u32 lane,
			      struct gl_observe_stats *ret)
{
	const struct gl_group *g = find_group(o, service, lane);
	const struct gl_baseline *b =
		baseline_of(gl_observe_tracked(o, release, namespace), service);
	u64 duration[GL_LATENCY_BUCKETS];
	int side = lane != GL_LANE_BASE;
	struct gl_sample sum;

	*ret = (struct gl_observe_stats){ .error_rate = NAN, .p50 = NAN, .p90 = NAN, .p99 = NAN };
	if (!g)
		return;
	ret->requests = g->requests;
	/* a request that fell back may also end in 500: one request, at most one error */
	ret->errors = g->errors < g->requests ? g->errors : g->requests;
	ret->fallbacks = g->fallbacks;
	ret->batch_requests = g->requests - (b ? b->requests[side] : 0);
	ret->batch_errors = g->errors - (b ? b->errors[side] : 0);
	if (ret->batch_errors > ret->batch_requests)
		ret->batch_errors = ret->batch_requests;
	ret->rps = rate(o, g);
	sum_samples(o, g, GL_SAMPLES, &sum, duration);
	ret->window_requests = sum.requests;
	if (sum.requests)
		ret->error_rate = sum.errors < sum.requests ? (double)sum.errors / sum.requests : 1;
	ret->p50 = gl_observe_quantile(duration, 0.5);
	ret->p90 = gl_observe_quantile(duration, 0.9);
	ret->p99 = gl_observe_quantile(duration, 0.99);
}

double gl_observe_achieved(const struct gl_observe *o, const char *release, const char *namespace)
{
	const struct gl_tracked *t = gl_observe_tracked(o, release, namespace);
	u64 by_ratio = 0, by_default = 0;
	u32 i;

	for (i = 0; t && i < t->services_n; i++) {
		struct gl_baseline now = { .service = t->services[i].service };

		if (!t->services[i].entry)
			continue;
		baseline_now(o, t->lane, &now);
		by_ratio += now.by_ratio - t->services[i].by_ratio;
		by_default += now.by_default - t->services[i].by_default;
	}
	return by_ratio + by_default ? (double)by_ratio / (double)(by_ratio + by_default) : NAN;
}

/* Numbers are rounded to what the histogram and the counts can tell. */
static bool add_number(cJSON *object, const char *name, double value, double unit)
{
	return isnan(value) ? cJSON_AddNullToObject(object, name) :
			      cJSON_AddNumberToObject(object, name, round(value / unit) * unit);
}

static double ratio(u64 part, u64 all)
{
	return all ? (double)part / (double)all : NAN;
}

/* @all: requests of base and the lane together, [0] in the window, [1] since the batch began. */
static cJSON *lane_json(const char *name, const struct gl_observe_stats *s, const u64 all[2],
			int endpoints)
{
	cJSON *lane = cJSON_CreateObject();
	cJSON *latency = cJSON_AddObjectToObject(lane, "latency");
	cJSON *batch = cJSON_AddObjectToObject(lane, "sinceBatch");
	bool ok = latency && batch && cJSON_AddStringToObject(lane, "lane", name);

	ok = ok && add_number(lane, "endpoints", endpoints < 0 ? NAN : endpoints, 1);
	ok = ok && add_number(lane, "requests", (double)s->requests, 1);
	ok = ok && add_number(lane, "errors", (double)s->errors, 1);
	ok = ok && add_number(lane, "fallbacks", (double)s->fallbacks, 1);
	ok = ok && add_number(lane, "errorRate", s->error_rate, 1e-6);
	ok = ok && add_number(lane, "rps", s->rps, 1e-3);
	ok = ok && add_number(lane, "share", ratio(s->window_requests, all[0]), 1e-6);
	ok = ok && add_number(latency, "p50", s->p50, 1e-6);
	ok = ok && add_number(latency, "p90", s->p90, 1e-6);
	ok = ok && add_number(latency, "p99", s->p99, 1e-6);
	ok = ok && add_number(batch, "requests", (double)s->batch_requests, 1);
	ok = ok && add_number(batch, "errors", (double)s->batch_errors, 1);
	ok = ok && add_number(batch, "share", ratio(s->batch_requests, all[1]), 1e-6);
	if (ok)
		return lane;
	cJSON_Delete(lane);
	return NULL;
}

struct cJSON *gl_observe_lanes_json(const struct gl_observe *o, const char *release,
				    const char *namespace, u32 service, const char *lane_name,
				    u32 lane, const int endpoints[2])
{
	const char *names[2] = { "base", lane_name };
	const u32 ids[2] = { GL_LANE_BASE, lane };
	struct gl_observe_stats s[2];
	cJSON *array = cJSON_CreateArray(), *item;
	u64 all[2];
	int i;

	for (i = 0; i < 2; i++)
		gl_observe_service_stats(o, release, namespace, service, ids[i], &s[i]);
	all[0] = s[0].window_requests + s[1].window_requests;
	all[1] = s[0].batch_requests + s[1].batch_requests;
	for (i = 0; array && i < 2; i++) {
		item = lane_json(names[i], &s[i], all, endpoints[i]);
		if (!item || !cJSON_AddItemToArray(array, item)) {
			cJSON_Delete(item);
			cJSON_Delete(array);
			return NULL;
		}
	}
	return array;
}
