/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps: reads the per-CPU maps in batches, a few system calls for thousands of series. Values that CPUs change while we
 * read are read at some moment of that time: they only grow, so the next read has the rest.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "observe/state.h"

/* Elements per call; a bucket of the kernel's hash must fit, else the kernel says ENOSPC and we double it. */
#define BATCH_FIRST 128U
#define BATCH_MAX   65536U

/* What a map's elements look like, and who takes them. */
struct reading {
	int fd;
	size_t key_len;
	size_t value_len;	/* of one CPU, a multiple of 8 */
	int (*absorb)(struct gl_observe *o, const void *key, u32 cpu, const void *value);
};

static int absorb_counter(struct gl_observe *o, const void *key, u32 cpu, const void *value)
{
	return gl_observe_absorb_counter(o, key, cpu, ((const struct gl_counter *)value)->value);
}

static int absorb_latency(struct gl_observe *o, const void *key, u32 cpu, const void *value)
{
	return gl_observe_absorb_latency(o, key, cpu, value);
}

static int absorb_batch(struct gl_observe *o, const struct reading *r, const u8 *keys,
			const u8 *values, u32 n)
{
	int err = 0, e;
	u32 i, cpu;

	for (i = 0; i < n; i++) {
		for (cpu = 0; cpu < o->cpus; cpu++) {
			e = r->absorb(o, keys + i * r->key_len, cpu,
				      values + (i * o->cpus + cpu) * r->value_len);
			if (e)
				err = e;
		}
	}
	return err;
}

/* One pass with @size elements per call. -ENOSPC: a bucket holds more. */
static int read_in_batches(struct gl_observe *o, const struct reading *r, u32 size)
{
	u8 *keys = malloc(size * r->key_len);
	u8 *values = malloc(size * r->value_len * o->cpus);
	int err = 0, absorbed = 0, e;
	bool more = false;
	u32 token = 0, n;

	if (!keys || !values) {
		err = -ENOMEM;
		goto out;
	}
	do {
		n = size;
		err = bpf_map_lookup_batch(r->fd, more ? &token : NULL, &token, keys, values, &n,
					   NULL);
		if (err && err != -ENOENT)
			break;
		e = absorb_batch(o, r, keys, values, n);
		if (e)
			absorbed = e;
		more = true;
	} while (!err);
	if (err == -ENOENT)
		err = absorbed;		/* -ENOENT is the end of the map */
out:
	free(keys);
	free(values);
	return err;
}

static int read_map(struct gl_observe *o, const struct reading *r)
{
	u32 size = BATCH_FIRST;
	int err;

	do {
		err = read_in_batches(o, r, size);
		size *= 2;
	} while (err == -ENOSPC && size <= BATCH_MAX);
	return err;
}

static int read_events_lost(struct gl_observe *o)
{
	u64 *values, sum = 0;
	u32 key = 0, cpu;
	int err;

	if (o->options.events_lost_fd < 0)
		return 0;
	values = calloc(o->cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(o->options.events_lost_fd, &key, values) ? -errno : 0;
	for (cpu = 0; cpu < o->cpus; cpu++)
		sum += values[cpu];
	if (!err)
		o->events_lost = sum;
	free(values);
	return err;
}

int gl_observe_read_maps(struct gl_observe *o)
{
	const struct reading readings[] = {
		{ o->options.series_fd, sizeof(struct gl_series_key), sizeof(struct gl_counter),
		  absorb_counter },
		{ o->options.latencies_fd, sizeof(struct gl_latency_key), sizeof(struct gl_latency),
		  absorb_latency },
	};
	int err = 0, e;
	size_t i;

	for (i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		e = readings[i].fd < 0 ? 0 : read_map(o, &readings[i]);
		if (e)
			err = e;
	}
	e = read_events_lost(o);
	return err ? err : e;
}

_Static_assert(sizeof(struct gl_counter) % 8 == 0, "per-CPU values are spaced by multiples of 8");
_Static_assert(sizeof(struct gl_latency) % 8 == 0, "per-CPU values are spaced by multiples of 8");

s64 gl_observe_map_entries(int fd, struct gl_walk *walk, u32 *ret_capacity)
{
	struct bpf_map_info info = {};
	u32 len = sizeof(info), i;

	*ret_capacity = 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -1;
	*ret_capacity = info.max_entries;
	if (info.type != BPF_MAP_TYPE_HASH && info.type != BPF_MAP_TYPE_LRU_HASH &&
	    info.type != BPF_MAP_TYPE_PERCPU_HASH)
		return -1;
	if (info.key_size > sizeof(walk->key))
		return -1;
	for (i = 0; i < GL_WALK_BUDGET; i++) {
		/* A key that was deleted meanwhile makes the kernel begin anew: the capacity ends that. */
		if (walk->seen >= info.max_entries ||
		    bpf_map_get_next_key(fd, walk->seen ? walk->key : NULL, walk->key)) {
			walk->last = walk->seen;
			walk->seen = 0;
			break;
		}
		walk->seen++;
	}
	return walk->seen > walk->last ? walk->seen : walk->last;
}
