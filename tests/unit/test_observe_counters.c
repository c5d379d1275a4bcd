/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: N requests sent are N counted, whatever was lost, doubled or late between the kernel and the agent, on
 * however many CPUs, over restarts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "graylink/reason.h"
#include "observe/state.h"

#define SECOND 1000000000ULL

static struct gl_observe *new_observer(void)
{
	const struct gl_observe_options options = {
		.series_fd = -1, .latencies_fd = -1, .events_fd = -1, .events_lost_fd = -1
	};
	struct gl_observe *o = NULL;

	assert_int_equal(gl_observe_new(&options, &o), 0);
	return o;
}

static struct gl_series_key requests_key(u16 service, u16 lane, u8 reason, u16 code)
{
	return (struct gl_series_key){ .kind = GL_SERIES_REQUESTS,
				       .why = reason,
				       .code = code,
				       .service = service,
				       .lane = lane,
				       .served = lane };
}

static u64 total(struct gl_observe *o, const struct gl_series_key *key)
{
	const struct gl_total *t = gl_table_find(&o->totals, key);

	return t ? t->value : 0;
}

static int record(struct gl_observe *o, const struct gl_series_key *key, u32 cpu, u64 value)
{
	const struct gl_event_counter r = { .head = { .type = GL_EVENT_COUNTER, .cpu = cpu },
					    .key = *key,
					    .value = value };

	return gl_observe_record(o, &r, sizeof(r));
}

static void takes_the_largest_value_of_each_cpu(void **state)
{
	static const struct {
		const char *what;
		u32 cpu;
		u64 value;
		u64 want;
	} steps[] = {
		{ "first record", 0, 10, 10 },
		{ "another CPU adds", 1, 5, 15 },
		{ "the same again changes nothing", 1, 5, 15 },
		{ "an old one that came late changes nothing", 0, 4, 15 },
		{ "lost records are carried by the next", 0, 1000, 1005 },
	};
	struct gl_observe *o = new_observer();
	const struct gl_series_key key = requests_key(1, 2, GL_REASON_RULE, 200);
	size_t i;

	(void)state;
	if (o->cpus < 2) {
		print_message("one CPU: the steps of the second are left out\n");
		gl_observe_free(o);
		skip();
	}
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(record(o, &key, steps[i].cpu, steps[i].value), 0);
		if (total(o, &key) != steps[i].want)
			fail_msg("%s: %llu, not %llu", steps[i].what,
				 (unsigned long long)total(o, &key),
				 (unsigned long long)steps[i].want);
	}
	gl_observe_free(o);
}

/* What a CPU does: counts each request, and sends each so-many-th cumulative value, of which some are lost. */
static void counts_every_request_although_records_are_lost(void **state)
{
	enum { N = 100000 };
	struct gl_observe *o = new_observer();
	const struct gl_series_key keys[2] = { requests_key(1, 0, GL_REASON_DEFAULT, 200),
					       requests_key(1, 7, GL_REASON_RATIO, 503) };
	u64 *cpus[2], sent[2] = {};
	u32 i, k, cpu;

	(void)state;
	srand(1);
	cpus[0] = calloc(o->cpus, sizeof(u64));
	cpus[1] = calloc(o->cpus, sizeof(u64));
	for (i = 0; i < N; i++) {
		k = rand() & 1;
		cpu = (u32)rand() % o->cpus;
		cpus[k][cpu]++;
		sent[k]++;
		if (rand() % 50 == 0)
			assert_int_equal(record(o, &keys[k], cpu, cpus[k][cpu]), 0);
	}
	/* the scrape reads the maps */
	for (k = 0; k < 2; k++)
		for (cpu = 0; cpu < o->cpus; cpu++)
			assert_int_equal(gl_observe_absorb_counter(o, &keys[k], cpu, cpus[k][cpu]),
					 0);
	assert_int_equal(total(o, &keys[0]), sent[0]);
	assert_int_equal(total(o, &keys[1]), sent[1]);
	free(cpus[0]);
	free(cpus[1]);
	gl_observe_free(o);
}

static void refuses_what_is_no_record(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_series_key key = requests_key(1, 0, 0, 200);
	struct gl_event_counter r = { .head = { .type = GL_EVENT_COUNTER },
				      .key = key,
				      .value = 1 };

	(void)state;
	assert_int_equal(gl_observe_record(o, &r, 3), -EINVAL);
	assert_int_equal(gl_observe_record(o, &r, sizeof(r) - 1), -EINVAL);
	r.head.cpu = o->cpus;
	assert_int_equal(gl_observe_record(o, &r, sizeof(r)), -EINVAL);
	r.head.cpu = 0;
	r.head.type = 99;
	assert_int_equal(gl_observe_record(o, &r, sizeof(r)), -EINVAL);
	assert_int_equal(o->totals.n, 0);
	gl_observe_free(o);
}

static void note_event(void *ctx, const struct gl_event_head *event)
{
	*(u32 *)ctx = event->type;
}

static void hands_on_rare_events(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_event_pin pin = { .head = { .type = GL_EVENT_PIN } };
	u32 seen = 0;

	(void)state;
	gl_observe_on_event(o, note_event, &seen);
	assert_int_equal(gl_observe_record(o, &pin, sizeof(pin)), 0);
	assert_int_equal(seen, GL_EVENT_PIN);
	gl_observe_free(o);
}

static void sums_histograms_over_cpus(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_latency_key key = { .service = 1, .lane = 2, .served = 2 };
	struct gl_latency a = { .duration = { 1, 2 }, .duration_ns = 100, .request_bytes = 7 };
	const struct gl_volume *v;
	u32 last = o->cpus - 1;

	(void)state;
	assert_int_equal(gl_observe_absorb_latency(o, &key, 0, &a), 0);
	a.duration[1] = 5;
	a.duration_ns = 250;
	assert_int_equal(gl_observe_absorb_latency(o, &key, 0, &a), 0);
	if (last)
		assert_int_equal(gl_observe_absorb_latency(o, &key, last, &a), 0);
	v = gl_table_find(&o->volumes, &key);
	assert_non_null(v);
	assert_int_equal(v->sum.duration[0], last ? 2 : 1);
	assert_int_equal(v->sum.duration[1], last ? 10 : 5);
	assert_int_equal(v->sum.duration_ns, last ? 500 : 250);
	assert_int_equal(v->sum.request_bytes, last ? 14 : 7);
	gl_observe_free(o);
}

/* What counts as an error, and that a request never counts twice. */
static void knows_what_an_error_is(void **state)
{
	static const struct {
		const char *what;
		u8 kind, why;
		u16 code;
		u64 requests, errors;
	} rows[] = {
		{ "200", GL_SERIES_REQUESTS, GL_REASON_RULE, 200, 10, 0 },
		{ "404 is the client's", GL_SERIES_REQUESTS, GL_REASON_RULE, 404, 10, 0 },
		{ "500", GL_SERIES_REQUESTS, GL_REASON_RULE, 500, 10, 10 },
		{ "no response", GL_SERIES_REQUESTS, GL_REASON_RULE, 0, 10, 10 },
		{ "refused", GL_SERIES_FALLBACKS, GL_FALLBACK_REFUSED, 0, 0, 10 },
		{ "backoff", GL_SERIES_FALLBACKS, GL_FALLBACK_BACKOFF, 0, 0, 10 },
		{ "our own limits are no error of gray", GL_SERIES_FALLBACKS, GL_FALLBACK_MSS, 0, 0,
		  0 },
		{ "pinned", GL_SERIES_FALLBACKS, GL_FALLBACK_PINNED, 0, 0, 0 },
		{ "failures are counted as requests without code", GL_SERIES_FAILURES, 0, 0, 0, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gl_observe *o = new_observer();
		struct gl_series_key key = { .kind = rows[i].kind,
					     .why = rows[i].why,
					     .code = rows[i].code,
					     .service = 3,
					     .lane = 4 };
		const struct gl_group_key group = { .service = 3, .lane = 4 };
		const struct gl_group *g;

		assert_int_equal(gl_observe_absorb_counter(o, &key, 0, 10), 0);
		g = gl_table_find(&o->groups, &group);
		if ((g ? g->requests : 0) != rows[i].requests ||
		    (g ? g->errors : 0) != rows[i].errors)
			fail_msg("%s: %llu requests, %llu errors", rows[i].what,
				 (unsigned long long)(g ? g->requests : 0),
				 (unsigned long long)(g ? g->errors : 0));
		gl_observe_free(o);
	}
}

/* Reads real per-CPU maps, twice, by a second observer too: that is a restarted agent with pinned maps. */
static void reads_maps_and_survives_a_restart(void **state)
{
	enum { SERIES = 1000 };
	int series = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "series",
				    sizeof(struct gl_series_key), sizeof(struct gl_counter), SERIES,
				    NULL);
	struct gl_observe_options options = { .latencies_fd = -1,
					      .events_fd = -1,
					      .events_lost_fd = -1 };
	struct gl_series_key key = requests_key(1, 0, 0, 200);
	struct gl_observe *o = NULL;
	struct gl_counter *values;
	u32 i, cpu;
	u64 sum;

	(void)state;
	if (series < 0) {
		print_message("no BPF map can be made here (%s): run as root\n", strerror(errno));
		skip();
	}
	options.series_fd = series;
	values = calloc(libbpf_num_possible_cpus(), sizeof(*values));
	for (i = 0, sum = 0; i < SERIES; i++) {
		key.service = i;
		for (cpu = 0; cpu < (u32)libbpf_num_possible_cpus(); cpu++) {
			values[cpu].value = i * 10 + cpu;
			sum += values[cpu].value;
		}
		assert_int_equal(bpf_map_update_elem(series, &key, values, BPF_ANY), 0);
	}
	for (i = 0; i < 2; i++) {
		struct gl_observe_stats s;
		u64 got = 0;
		u32 n;

		assert_int_equal(gl_observe_new(&options, &o), 0);
		gl_observe_tick(o, 100 * SECOND);
		assert_int_equal(gl_observe_refresh(o), 0);
		for (n = 0; n < o->totals.size; n++)
			if (o->totals.slots[n])
				got += ((struct gl_total *)o->totals.slots[n])->value;
		assert_int_equal(o->totals.n, SERIES);
		assert_int_equal(got, sum);
		/* what was there before the agent is no rate of now */
		gl_observe_service_stats(o, "", "", SERIES - 1, 0, &s);
		assert_true(s.requests > 0);
		assert_true(s.rps == 0);
		gl_observe_free(o);
	}
	free(values);
	close(series);
}

static void counts_the_elements_of_a_large_map_in_several_walks(void **state)
{
	enum { N = GL_WALK_BUDGET * 2 + 100 };
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "big", 4, 4, N + 50, NULL);
	struct gl_walk walk = {};
	u32 i, capacity;
	s64 got = 0;

	(void)state;
	if (fd < 0) {
		print_message("no BPF map can be made here (%s): run as root\n", strerror(errno));
		skip();
	}
	assert_int_equal(gl_observe_map_entries(fd, &walk, &capacity), 0);
	assert_int_equal(capacity, N + 50);
	for (i = 0; i < N; i++)
		assert_int_equal(bpf_map_update_elem(fd, &i, &i, BPF_ANY), 0);
	for (i = 0; i < 3; i++)
		got = gl_observe_map_entries(fd, &walk, &capacity);
	assert_int_equal(got, N);
	/* while the next walk is under way, the last whole one counts */
	assert_int_equal(gl_observe_map_entries(fd, &walk, &capacity), N);
	for (i = 0; i < N; i++)
		assert_int_equal(bpf_map_delete_elem(fd, &i), 0);
	gl_observe_map_entries(fd, &walk, &capacity);
	assert_int_equal(gl_observe_map_entries(fd, &walk, &capacity), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_largest_value_of_each_cpu),
		cmocka_unit_test(counts_every_request_although_records_are_lost),
		cmocka_unit_test(refuses_what_is_no_record),
		cmocka_unit_test(hands_on_rare_events),
		cmocka_unit_test(sums_histograms_over_cpus),
		cmocka_unit_test(knows_what_an_error_is),
		cmocka_unit_test(reads_maps_and_survives_a_restart),
		cmocka_unit_test(counts_the_elements_of_a_large_map_in_several_walks),
	};

	return cmocka_run_group_tests_name("observe counters", tests, NULL, NULL);
}
