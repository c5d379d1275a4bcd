/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters: turns cumulative values per CPU into totals, whichever way they come (ring buffer or map), and keeps what
 * status needs of them per colour and service.
 *
 * A value only ever grows on its CPU, so the larger one is the newer one, and its distance to the one before is what
 * happened since: a record that was lost, came twice or came late changes nothing.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "graylink/reason.h"
#include "observe/state.h"

static struct gl_group *group_of(struct gl_observe *o, u32 service, u32 lane)
{
	struct gl_group_key key = { .service = service, .lane = lane };
	struct gl_group *g = gl_table_find(&o->groups, &key);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->key = key;
	if (gl_table_add(&o->groups, g)) {
		free(g);
		return NULL;
	}
	return g;
}

/* Whether a fall-back for this cause says that the lane's endpoints failed (and not that we could not steer). */
static bool lane_failed(u32 fallback)
{
	switch (fallback) {
	case GL_FALLBACK_REFUSED:
	case GL_FALLBACK_TIMEOUT:
	case GL_FALLBACK_UNREACHABLE:
	case GL_FALLBACK_RESET:
	case GL_FALLBACK_BACKOFF:
	case GL_FALLBACK_NO_ENDPOINT:
		return true;
	}
	return false;
}

static void add_errors(struct gl_observe *o, struct gl_group *g, u64 n)
{
	g->errors += n;
	if (!o->priming)
		gl_observe_sample(o, g)->errors += n;
}

static void add_requests(struct gl_observe *o, struct gl_group *g, const struct gl_series_key *key,
			 u64 n)
{
	g->requests += n;
	if (key->why == GL_REASON_RATIO)
		g->by_ratio += n;
	else if (key->why == GL_REASON_DEFAULT)
		g->by_default += n;
	if (!o->priming)
		gl_observe_sample(o, g)->requests += n;
	if (!key->code || key->code >= 500)
		add_errors(o, g, n);
}

static int add_to_group(struct gl_observe *o, const struct gl_series_key *key, u64 n)
{
	struct gl_group *g;

	if (key->kind != GL_SERIES_REQUESTS && key->kind != GL_SERIES_FALLBACKS)
		return 0;
	g = group_of(o, key->service, key->lane);
	if (!g)
		return -ENOMEM;
	if (key->kind == GL_SERIES_REQUESTS) {
		add_requests(o, g, key, n);
		return 0;
	}
	g->fallbacks += n;
	if (lane_failed(key->why))
		add_errors(o, g, n);
	return 0;
}

static struct gl_total *total_of(struct gl_observe *o, const struct gl_series_key *key)
{
	struct gl_total *t = gl_table_find(&o->totals, key);

	if (t)
		return t;
	t = calloc(1, sizeof(*t) + o->cpus * sizeof(t->cpu[0]));
	if (!t)
		return NULL;
	t->key = *key;
	if (gl_table_add(&o->totals, t)) {
		free(t);
		return NULL;
	}
	return t;
}

int gl_observe_absorb_counter(struct gl_observe *o, const struct gl_series_key *key, u32 cpu,
			      u64 value)
{
	struct gl_total *t;
	int err;

	if (cpu >= o->cpus)
		return -EINVAL;
	t = total_of(o, key);
	if (!t)
		return -ENOMEM;
	if (value <= t->cpu[cpu])
		return 0;
	err = add_to_group(o, key, value - t->cpu[cpu]);
	if (err)
		return err;	/* nothing was taken: the next cumulative value brings it all */
	t->value += value - t->cpu[cpu];
	t->cpu[cpu] = value;
	return 0;
}

/* Lets *@have rise to @now and returns by how much. */
static u64 rise(u64 *have, u64 now)
{
	u64 delta = now > *have ? now - *have : 0;

	*have += delta;
	return delta;
}

static struct gl_volume *volume_of(struct gl_observe *o, const struct gl_latency_key *key)
{
	struct gl_volume *v = gl_table_find(&o->volumes, key);

	if (v)
		return v;
	v = calloc(1, sizeof(*v) + o->cpus * sizeof(v->cpu[0]));
	if (!v)
		return NULL;
	v->key = *key;
	if (gl_table_add(&o->volumes, v)) {
		free(v);
		return NULL;
	}
	return v;
}

int gl_observe_absorb_latency(struct gl_observe *o, const struct gl_latency_key *key, u32 cpu,
			      const struct gl_latency *value)
{
	struct gl_latency *have;
	struct gl_volume *v;
	struct gl_group *g;
	u64 delta;
	u32 i;

	if (cpu >= o->cpus)
		return -EINVAL;
	g = group_of(o, key->service, key->lane);
	v = volume_of(o, key);
	if (!g || !v)
		return -ENOMEM;
	have = &v->cpu[cpu];
	for (i = 0; i < GL_LATENCY_BUCKETS; i++) {
		delta = rise(&have->duration[i], value->duration[i]);
		v->sum.duration[i] += delta;
		if (delta && !o->priming)
			gl_observe_sample(o, g)->duration[i] += delta;
		v->sum.first_byte[i] += rise(&have->first_byte[i], value->first_byte[i]);
	}
	v->sum.duration_ns += rise(&have->duration_ns, value->duration_ns);
	v->sum.first_byte_ns += rise(&have->first_byte_ns, value->first_byte_ns);
	v->sum.request_bytes += rise(&have->request_bytes, value->request_bytes);
	v->sum.response_bytes += rise(&have->response_bytes, value->response_bytes);
	return 0;
}

int gl_observe_record(struct gl_observe *o, const void *record, size_t len)
{
	const struct gl_event_head *head = record;
	const struct gl_event_counter *counter = record;
	const struct gl_event_latency *latency = record;

	if (len < sizeof(*head))
		return -EINVAL;
	switch (head->type) {
	case GL_EVENT_COUNTER:
		if (len < sizeof(*counter))
			return -EINVAL;
		return gl_observe_absorb_counter(o, &counter->key, head->cpu, counter->value);
	case GL_EVENT_LATENCY:
		if (len < sizeof(*latency))
			return -EINVAL;
		return gl_observe_absorb_latency(o, &latency->key, head->cpu, &latency->value);
	case GL_EVENT_LEG:
		if (len < sizeof(struct gl_event_leg))
			return -EINVAL;
		break;
	case GL_EVENT_PIN:
		if (len < sizeof(struct gl_event_pin))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (o->on_event)
		o->on_event(o->on_event_ctx, head);
	return 0;
}

/* A record that we do not understand or cannot keep is no reason to stop: the next one, or the map, has its content. */
static int on_record(void *ctx, void *record, size_t len)
{
	struct gl_observe *o = ctx;

	gl_observe_record(o, record, len);
	o->records++;
	return 0;
}

int gl_observe_event_fd(const struct gl_observe *o)
{
	return o->ring ? ring_buffer__epoll_fd(o->ring) : -1;
}

int gl_observe_consume(struct gl_observe *o)
{
	return o->ring ? ring_buffer__consume(o->ring) : 0;
}

void gl_observe_on_event(struct gl_observe *o,
			 void (*fn)(void *ctx, const struct gl_event_head *event), void *ctx)
{
	o->on_event = fn;
	o->on_event_ctx = ctx;
}

int gl_observe_refresh(struct gl_observe *o)
{
	return gl_observe_read_maps(o);
}

int gl_observe_new(const struct gl_observe_options *options, struct gl_observe **ret)
{
	struct gl_observe *o = calloc(1, sizeof(*o));
	int cpus = libbpf_num_possible_cpus();
	int err;

	if (!o)
		return -ENOMEM;
	if (cpus <= 0) {
		free(o);
		return cpus ? cpus : -EINVAL;
	}
	o->cpus = cpus;
	o->options = *options;
	o->options.maps_n = options->maps_n < GL_OBSERVE_MAPS_MAX ? options->maps_n :
								    GL_OBSERVE_MAPS_MAX;
	if (o->options.maps_n)
		memcpy(o->maps, options->maps, o->options.maps_n * sizeof(o->maps[0]));
	o->options.maps = o->maps;
	o->totals.key_len = sizeof(struct gl_series_key);
	o->volumes.key_len = sizeof(struct gl_latency_key);
	o->groups.key_len = sizeof(struct gl_group_key);
	o->reload_successful = true;
	if (options->events_fd >= 0) {
		o->ring = ring_buffer__new(options->events_fd, on_record, o, NULL);
		err = o->ring ? 0 : -errno;
		if (err)
			goto fail;
	}
	o->priming = true;
	err = gl_observe_read_maps(o);
	o->priming = false;
	if (err)
		goto fail;
	*ret = o;
	return 0;
fail:
	gl_observe_free(o);
	return err;
}

void gl_observe_free(struct gl_observe *o)
{
	u32 i;

	if (!o)
		return;
	ring_buffer__free(o->ring);
	gl_table_free(&o->totals);
	gl_table_free(&o->volumes);
	gl_table_free(&o->groups);
	gl_observe_free_releases(o->releases, o->releases_n);
	for (i = 0; i < o->transitions_n; i++) {
		free(o->transitions[i].release);
		free(o->transitions[i].namespace);
		free(o->transitions[i].to);
		free(o->transitions[i].cause);
	}
	free(o->transitions);
	free(o);
}

void gl_observe_set_names(struct gl_observe *o, const struct gl_observe_names *names)
{
	o->names = *names;
}

int gl_observe_count_older(struct gl_observe *o, u64 n)
{
	const struct gl_series_key key = {
		.kind = GL_SERIES_UNSTEERED,
		.why = GL_UNSTEERED_OLDER,
	};
	int err;

	/* No CPU counts by this key, so one of them can stand for the agent. */
	err = gl_observe_absorb_counter(o, &key, 0, o->older + n);
	if (!err)
		o->older += n;
	return err;
}

void gl_observe_set_generation(struct gl_observe *o, u64 generation)
{
	o->generation = generation;
}

void gl_observe_set_reload(struct gl_observe *o, bool successful)
{
	o->reload_successful = successful;
}
