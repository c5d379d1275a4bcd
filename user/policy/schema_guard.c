// SPDX-License-Identifier: Apache-2.0
/*
 * schema_guard: the fields of spec.guard. They are checked, kept and shown; nothing evaluates them
 * in this version.
 */
#include <string.h>

#include "policy/schema.h"

#define FIELD(type, member, name, fn) \
	{ \
		name, offsetof(type, member), fn, false, NULL \
	}
#define NEEDED(type, member, name, fn) \
	{ \
		name, offsetof(type, member), fn, true, NULL \
	}

/* What holds where a field is left out. */
static const struct gl_guard_spec defaults = {
	.interval_ns = 10000000000ULL,
	.min_requests = 100,
	.failures = 2,
};

static void read_error_rate(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	struct gl_guard_spec *spec = out;

	gl_read_percent(reader, node, &spec->max_error_rate_ppm);
	spec->has_error_rate = true;
}

static void read_quantile(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "P50", "P90", "P95", "P99", "P999" };
	static const uint32_t ppm[] = { 500000, 900000, 950000, 990000, 999000 };
	int word = gl_read_enum(reader, node, words, 5);

	if (word >= 0)
		*(uint32_t *)out = ppm[word];
}

static void read_latency(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		NEEDED(struct gl_guard_spec, quantile_ppm, "quantile", read_quantile),
		NEEDED(struct gl_guard_spec, max_latency_ns, "value", gl_read_duration),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
	((struct gl_guard_spec *)out)->has_latency = true;
}

static void read_latency_ratio(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	struct gl_guard_spec *spec = out;

	gl_read_ratio(reader, node, &spec->latency_ratio_ppm);
	spec->has_latency_ratio = true;
}

static void read_error_delta(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	struct gl_guard_spec *spec = out;

	gl_read_percent(reader, node, &spec->error_delta_ppm);
	spec->has_error_delta = true;
}

static void read_compare(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		{ "errorRateDelta", 0, read_error_delta, false, NULL },
		{ "latencyRatio", 0, read_latency_ratio, false, NULL },
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
}

static void read_count(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	int64_t value;

	if (gl_read_int(reader, node, 1, 1000000000, &value))
		*(uint32_t *)out = (uint32_t)value;
}

static void read_on_failure(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "Rollback", "Pause" };

	*(bool *)out = gl_read_enum(reader, node, words, 2) == 1;
}

static void read_on_success(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "Wait", "Next" };

	*(bool *)out = gl_read_enum(reader, node, words, 2) == 1;
}
void gl_schema_read_guard(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		FIELD(struct gl_guard_spec, interval_ns, "interval", gl_read_duration),
		FIELD(struct gl_guard_spec, min_requests, "minRequests", read_count),
		{ "maxErrorRate", 0, read_error_rate, false, NULL },
		{ "maxLatency", 0, read_latency, false, NULL },
		{ "compareToBase", 0, read_compare, false, NULL },
		FIELD(struct gl_guard_spec, failures, "failures", read_count),
		FIELD(struct gl_guard_spec, pause_on_failure, "onFailure", read_on_failure),
		FIELD(struct gl_guard_spec, next_on_success, "onSuccess", read_on_success),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct gl_guard_spec *spec = gl_arena_alloc(reader->arena, sizeof(*spec));
	size_t before = reader->diag->errors;

	if (!spec) {
		reader->failed = true;
		return;
	}
	*spec = defaults;
	spec->pos = node->key->pos;
	gl_read_map(reader, node, &rules, spec);
	*(const struct gl_guard_spec **)out = spec;
	if (reader->diag->errors > before)
		return;
	if (!spec->has_error_rate && !spec->has_latency && !spec->has_error_delta &&
	    !spec->has_latency_ratio)
		gl_read_error(reader, spec->pos, "maxErrorRate, maxLatency or compareToBase",
			      "the guard checks nothing");
	gl_read_warn(reader, spec->pos, "watch the release yourself, and leave out batch durations",
		     "guard is not evaluated by this version");
}
