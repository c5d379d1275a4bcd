/* SPDX-License-Identifier: Apache-2.0 */
/* Rates, windows, quantiles, and what a batch achieved: numbers of status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <cjson/cJSON.h>
#include <math.h>

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

static void serve(struct gl_observe *o, u16 lane, u8 reason, u16 code, u64 cumulative)
{
	const struct gl_series_key key = { .kind = GL_SERIES_REQUESTS,
					   .why = reason,
					   .code = code,
					   .service = 1,
					   .lane = lane,
					   .served = lane };

	assert_int_equal(gl_observe_absorb_counter(o, &key, 0, cumulative), 0);
}

static bool close_to(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fabs(b) + 1e-12;
}

/* Answers of Prometheus' histogram_quantile for the same buckets. */
static void interpolates_as_prometheus_does(void **state)
{
	static const struct {
		const char *what;
		double q;
		u64 counts[GL_LATENCY_BUCKETS];
		double want;
	} rows[] = {
		{ "empty", 0.5, {}, NAN },
		{ "half of the first bucket", 0.5, { 10 }, 0.00025 },
		{ "all of the first bucket", 1, { 10 }, 0.0005 },
		{ "second bucket", 0.75, { 10, 10 }, 0.00075 },
		{ "exactly at a bound", 0.5, { 10, 10 }, 0.0005 },
		{ "an empty bucket between", 0.9, { 5, 0, 5 }, 0.001 + 0.0015 * 0.8 },
		{ "last finite bucket", 0.5, { [16] = 4 }, 7.5 + 2.5 * 0.5 },
		{ "beyond every bound", 0.99, { [17] = 4 }, 10 },
		{ "p99 of a long tail", 0.99, { [0] = 90, [17] = 10 }, 10 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double got = gl_observe_quantile(rows[i].counts, rows[i].q);

		if (isnan(rows[i].want) ? !isnan(got) : !close_to(got, rows[i].want))
			fail_msg("%s: %.9g, not %.9g", rows[i].what, got, rows[i].want);
	}
}

static void forgets_what_is_older_than_the_window(void **state)
{
	static const struct {
		u64 second;
		u64 cumulative;
		double rps;
		u64 window;
	} steps[] = {
		{ 1000, 0, 0, 0 },
		{ 1004, 40, 10, 40 },		/* 40 in the 4 s since the start */
		{ 1009, 140, 140 / 9.0, 140 },	/* this sample and the one before, from 1000 on */
		{ 1013, 140, 100 / 8.0, 140 },	/* 1005 .. 1013 */
		{ 1025, 140, 0, 140 },
		{ 1059, 140, 0, 140 },
		{ 1066, 140, 0, 100 },		/* the first 40 are older than a minute */
		{ 1075, 140, 0, 0 },
	};
	struct gl_observe *o = new_observer();
	struct gl_observe_stats s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		gl_observe_tick(o, steps[i].second * SECOND);
		if (steps[i].cumulative)
			serve(o, 2, GL_REASON_RULE, 200, steps[i].cumulative);
		gl_observe_service_stats(o, "r", "n", 1, 2, &s);
		if (!close_to(s.rps, steps[i].rps) || s.window_requests != steps[i].window)
			fail_msg("at %llu: %g per second, %llu in the window",
				 (unsigned long long)steps[i].second, s.rps,
				 (unsigned long long)s.window_requests);
	}
	assert_int_equal(s.requests, 140);
	assert_true(isnan(s.error_rate));
	gl_observe_free(o);
}

static void tells_error_rate_and_latency_of_the_window(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_latency_key key = { .service = 1, .lane = 2, .served = 2 };
	const struct gl_latency latency = { .duration = { [2] = 100 } };
	struct gl_observe_stats s;

	(void)state;
	gl_observe_tick(o, 500 * SECOND);
	serve(o, 2, GL_REASON_RULE, 200, 75);
	serve(o, 2, GL_REASON_RULE, 503, 20);
	serve(o, 2, GL_REASON_RULE, 0, 5);
	assert_int_equal(gl_observe_absorb_latency(o, &key, 0, &latency), 0);
	gl_observe_service_stats(o, "r", "n", 1, 2, &s);
	assert_true(close_to(s.error_rate, 0.25));
	assert_int_equal(s.errors, 25);
	assert_true(close_to(s.p50, 0.00175));
	gl_observe_free(o);
}

static const u32 services[] = { 1 };

static void set_release(struct gl_observe *o, u32 batch, u32 weight_ppm)
{
	const struct gl_observe_release r = { .name = "shop",
					      .namespace = "default",
					      .state = "Waiting",
					      .lane = 2,
					      .batch = batch,
					      .weight_ppm = weight_ppm,
					      .services = services,
					      .services_n = 1,
					      .entries = services,
					      .entries_n = 1 };

	assert_int_equal(gl_observe_set_releases(o, &r, 1), 0);
}

static void begins_anew_with_each_batch(void **state)
{
	struct gl_observe *o = new_observer();
	struct gl_observe_stats s;

	(void)state;
	serve(o, 0, GL_REASON_DEFAULT, 200, 1000);	/* before there was a release */
	set_release(o, 1, 50000);
	assert_true(isnan(gl_observe_achieved(o, "shop", "default")));
	serve(o, 0, GL_REASON_DEFAULT, 200, 1095);
	serve(o, 2, GL_REASON_RATIO, 200, 5);
	serve(o, 2, GL_REASON_RULE, 200, 77);	/* a rule's traffic is no achievement of the weight */
	assert_true(close_to(gl_observe_achieved(o, "shop", "default"), 0.05));
	set_release(o, 1, 50000);		/* the same batch goes on */
	assert_true(close_to(gl_observe_achieved(o, "shop", "default"), 0.05));
	set_release(o, 2, 300000);
	assert_true(isnan(gl_observe_achieved(o, "shop", "default")));
	serve(o, 0, GL_REASON_DEFAULT, 200, 1102);
	serve(o, 2, GL_REASON_RATIO, 200, 8);
	serve(o, 2, GL_REASON_RULE, 500, 1);
	assert_true(close_to(gl_observe_achieved(o, "shop", "default"), 0.3));
	gl_observe_service_stats(o, "shop", "default", 1, 2, &s);
	assert_int_equal(s.batch_requests, 4);
	assert_int_equal(s.batch_errors, 1);
	gl_observe_free(o);
}

static void says_lanes_as_status_does(void **state)
{
	struct gl_observe *o = new_observer();
	const int endpoints[2] = { -1, 3 };
	cJSON *lanes, *base, *gray;

	(void)state;
	gl_observe_tick(o, 500 * SECOND);
	set_release(o, 1, 250000);
	serve(o, 0, GL_REASON_DEFAULT, 200, 300);
	serve(o, 2, GL_REASON_RATIO, 200, 100);
	lanes = gl_observe_lanes_json(o, "shop", "default", 1, "v2", 2, endpoints);
	assert_int_equal(cJSON_GetArraySize(lanes), 2);
	base = cJSON_GetArrayItem(lanes, 0);
	gray = cJSON_GetArrayItem(lanes, 1);
	assert_string_equal(cJSON_GetObjectItem(base, "lane")->valuestring, "base");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(base, "endpoints")));
	assert_int_equal(cJSON_GetObjectItem(gray, "endpoints")->valueint, 3);
	assert_int_equal(cJSON_GetObjectItem(gray, "requests")->valueint, 100);
	assert_true(close_to(cJSON_GetObjectItem(gray, "share")->valuedouble, 0.25));
	assert_true(close_to(cJSON_GetObjectItem(base, "share")->valuedouble, 0.75));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(gray, "latency"), "p99")));
	cJSON_Delete(lanes);
	gl_observe_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interpolates_as_prometheus_does),
		cmocka_unit_test(forgets_what_is_older_than_the_window),
		cmocka_unit_test(tells_error_rate_and_latency_of_the_window),
		cmocka_unit_test(begins_anew_with_each_batch),
		cmocka_unit_test(says_lanes_as_status_does),
	};

	return cmocka_run_group_tests_name("observe window", tests, NULL, NULL);
}
