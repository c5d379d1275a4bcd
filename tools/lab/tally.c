// SPDX-License-Identifier: Apache-2.0
/* tally: counts answers, errors and latencies of the load client and prints them as one JSON object. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

static const char *const error_names[LOAD_ERRORS] = {
	"connect",   "reset",	"closed",   "timeout", "status",
	"malformed", "version", "sequence", "body",    "sticky",
};

/*
 * Latencies: 64 linear steps in each power of two of a microsecond, so a quantile is off by at most 1.6 %.
 */
#define STEP_BITS 6
#define STEPS (1u << STEP_BITS)
#define CELLS (STEPS * 34)

static unsigned int cell_of(uint64_t us)
{
	unsigned int exponent;

	if (us < STEPS)
		return (unsigned int)us;
	exponent = 63 - (unsigned int)__builtin_clzll(us) - STEP_BITS;
	if (exponent > 31)
		return CELLS - 1;
	return (exponent + 1) * STEPS + (unsigned int)((us >> exponent) & (STEPS - 1));
}

static uint64_t cell_value(unsigned int cell)
{
	unsigned int exponent = cell / STEPS;

	return exponent ? (uint64_t)(STEPS + cell % STEPS) << (exponent - 1) : cell;
}

void tally_open(struct load_tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	tally->histogram = calloc(CELLS, sizeof(*tally->histogram));
	if (!tally->histogram)
		die("no memory for the histogram");
	tally->start_ns = now_ns();
}

void tally_answer(struct load_tally *tally, struct http_text version, uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned int i = 0;

	tally->answered++;
	tally->histogram[cell_of(us)]++;
	if (us > tally->max_us)
		tally->max_us = us;
	if (version.len >= sizeof(tally->versions[0].name))
		version.len = sizeof(tally->versions[0].name) - 1;
	while (i < LOAD_VERSIONS - 1 && tally->versions[i].count &&
	       (strlen(tally->versions[i].name) != version.len ||
		memcmp(tally->versions[i].name, version.at, version.len)))
		i++;
	if (!tally->versions[i].count && version.len)
		memcpy(tally->versions[i].name, version.at, version.len);
	tally->versions[i].count++;
}

void tally_error(struct load_tally *tally, enum load_error kind, const struct plan *plan,
		 const char *detail)
{
	tally->errors[kind]++;
	if (tally->first_error[0])
		return;
	snprintf(tally->first_error, sizeof(tally->first_error),
		 "%s: request %llu (%s%s, body %llu): %s after %.3f s", error_names[kind],
		 (unsigned long long)plan->seq, plan->gray ? "gray" : "base",
		 plan->kind == LOAD_ECHO  ? ", echo" :
		 plan->kind == LOAD_BYTES ? ", bytes" :
					    "",
		 (unsigned long long)plan->size, detail,
		 (double)(now_ns() - tally->start_ns) / 1e9);
}

static uint64_t quantile(const struct load_tally *tally, double q)
{
	uint64_t rank = (uint64_t)(q * (double)tally->answered), seen = 0;

	for (unsigned int cell = 0; cell < CELLS; cell++) {
		seen += tally->histogram[cell];
		if (seen > rank)
			return cell_value(cell);
	}
	return tally->max_us;
}

bool tally_print(const struct load_tally *tally, const struct load_options *opt, FILE *out)
{
	double seconds = (double)(tally->end_ns - tally->start_ns) / 1e9;
	uint64_t errors = 0;
	struct buf text = { 0 };

	for (unsigned int i = 0; i < LOAD_ERRORS; i++)
		errors += tally->errors[i];
	buf_printf(&text, "{\"requests\":%llu,\"answered\":%llu,\"failed\":%llu,\"errors\":{",
		   (unsigned long long)tally->requests, (unsigned long long)tally->answered,
		   (unsigned long long)errors);
	for (unsigned int i = 0; i < LOAD_ERRORS; i++)
		buf_printf(&text, "%s\"%s\":%llu", i ? "," : "", error_names[i],
			   (unsigned long long)tally->errors[i]);
	buf_printf(&text,
		   "},\"connections\":%llu,\"reopened\":%llu,\"repeated\":%llu,\"versions\":{",
		   (unsigned long long)tally->connections, (unsigned long long)tally->reopened,
		   (unsigned long long)tally->repeated);
	for (unsigned int i = 0; i < LOAD_VERSIONS && tally->versions[i].count; i++) {
		buf_add(&text, ",", i ? 1 : 0);
		buf_json(&text, tally->versions[i].name, strlen(tally->versions[i].name));
		buf_printf(&text, ":%llu", (unsigned long long)tally->versions[i].count);
	}
	buf_printf(&text, "},\"latency_us\":{\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu}",
		   (unsigned long long)quantile(tally, 0.5),
		   (unsigned long long)quantile(tally, 0.9),
		   (unsigned long long)quantile(tally, 0.99), (unsigned long long)tally->max_us);
	buf_printf(
		&text,
		",\"sent\":%llu,\"received\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,\"first_error\":",
		(unsigned long long)tally->sent, (unsigned long long)tally->received, seconds,
		seconds > 0 ? (double)tally->answered / seconds : 0.0);
	if (tally->first_error[0])
		buf_json(&text, tally->first_error, strlen(tally->first_error));
	else
		buf_printf(&text, "null");
	buf_printf(&text, "}\n");
	fwrite(buf_at(&text), 1, buf_size(&text), out);
	buf_free(&text);
	return !errors && tally->answered == tally->requests &&
	       (opt->allow_reopen || !tally->reopened);
}
