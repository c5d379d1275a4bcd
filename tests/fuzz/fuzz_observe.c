/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the ring buffer in any order and with any content: a total is the sum over CPUs of the largest value seen,
 * it never falls, and the metrics' text stays whole. Input: pieces of one length byte and a record's first bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_totals(const struct gl_observe *o)
{
	u32 i, cpu;

	for (i = 0; i < o->totals.size; i++) {
		const struct gl_total *t = o->totals.slots[i];
		u64 sum = 0;

		for (cpu = 0; t && cpu < o->cpus; cpu++)
			sum += t->cpu[cpu];
		must(!t || t->value == sum, "a total is not the sum over CPUs");
	}
}

static void check_text(struct gl_observe *o)
{
	char *text = NULL;
	size_t len = 0, i;

	must(!gl_observe_metrics(o, &text, &len), "no text");
	must(len && text[len - 1] == '\n' && strlen(text) == len, "the text is not whole");
	for (i = 0; i + 1 < len; i++)
		must(text[i] != '\n' || text[i + 1] == '#' ||
			     !strncmp(text + i + 1, "graylink_", 9),
		     "a line is neither a comment nor a metric");
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gl_observe_options options = {
		.series_fd = -1, .latencies_fd = -1, .events_fd = -1, .events_lost_fd = -1
	};
	union {
		struct gl_event_head head;
		struct gl_event_counter counter;
		struct gl_event_latency latency;
	} record;
	struct gl_observe *o = NULL;
	struct gl_observe_stats stats;
	u64 now = 0;

	if (gl_observe_new(&options, &o))
		return 0;
	while (size > 1) {
		size_t len = data[0] * 2U;

		len = len < size - 1 ? len : size - 1;
		memset(&record, 0, sizeof(record));
		memcpy(&record, data + 1, len < sizeof(record) ? len : sizeof(record));
		now += data[0] * 100000000ULL;
		gl_observe_tick(o, now);
		gl_observe_record(o, &record, data[0] & 1 ? sizeof(record) : len);
		data += 1 + len;
		size -= 1 + len;
	}
	check_totals(o);
	check_text(o);
	gl_observe_service_stats(o, "r", "n", 1, 0, &stats);
	must(stats.errors <= stats.requests, "more errors than requests");
	gl_observe_free(o);
	return 0;
}
