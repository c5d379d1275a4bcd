/* SPDX-License-Identifier: Apache-2.0 */
/* The text that Prometheus reads, to the byte: names, labels, order, escapes, sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "graylink/reason.h"
#include "observe/state.h"

static bool service_name(void *ctx, u32 id, const char **ret_name, const char **ret_namespace)
{
	static const char *const names[] = { NULL, "web", "a\"b\\c\nd" };

	(void)ctx;
	if (id == 0 || id >= 3)
		return false;
	*ret_name = names[id];
	*ret_namespace = "shop";
	return true;
}

static const char *lane_name(void *ctx, u32 id)
{
	(void)ctx;
	return id == 1 ? "v2" : NULL;
}

static struct gl_observe *new_observer(void)
{
	const struct gl_observe_options options = { .series_fd = -1,
						    .latencies_fd = -1,
						    .events_fd = -1,
						    .events_lost_fd = -1,
						    .version = "1.2.3" };
	const struct gl_observe_names names = { .service = service_name, .lane = lane_name };
	struct gl_observe *o = NULL;

	assert_int_equal(gl_observe_new(&options, &o), 0);
	gl_observe_set_names(o, &names);
	return o;
}

static void count(struct gl_observe *o, struct gl_series_key key, u32 cpu, u64 value)
{
	assert_int_equal(gl_observe_absorb_counter(o, &key, cpu, value), 0);
}

static char *text_of(struct gl_observe *o)
{
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(gl_observe_metrics(o, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static void assert_lines(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("missing:\n%s\nin:\n%s", want, text);
}

static void says_what_the_agent_knows_before_any_request(void **state)
{
	struct gl_observe *o = new_observer();
	char *text;

	(void)state;
	gl_observe_set_generation(o, 7);
	text = text_of(o);
	assert_string_equal(
		text,
		"# HELP graylink_build_info Always 1; the labels say what runs.\n"
		"# TYPE graylink_build_info gauge\n"
		"graylink_build_info{version=\"1.2.3\",schema=\"1\"} 1\n"
		"# HELP graylink_policy_generation Generation of the policy by which requests are decided.\n"
		"# TYPE graylink_policy_generation gauge\n"
		"graylink_policy_generation 7\n"
		"# HELP graylink_policy_last_reload_successful 1 if the last policy was accepted.\n"
		"# TYPE graylink_policy_last_reload_successful gauge\n"
		"graylink_policy_last_reload_successful 1\n"
		"# HELP graylink_events_lost_total Rare events that found no room on their way to the agent.\n"
		"# TYPE graylink_events_lost_total counter\n"
		"graylink_events_lost_total 0\n");
	free(text);
	gl_observe_free(o);
}

static void writes_requests_in_the_order_of_their_keys(void **state)
{
	struct gl_observe *o = new_observer();
	struct gl_series_key key = { .kind = GL_SERIES_REQUESTS, .service = 1 };
	char *text;

	(void)state;
	key.lane = 1;
	key.why = GL_REASON_RATIO;
	count(o, key, 0, 3);	/* gray, served by base, no response */
	key.served = 1;
	key.code = 200;
	count(o, key, 0, 18446744073709551615ULL);
	key.lane = key.served = 0;
	key.why = GL_REASON_DEFAULT;
	count(o, key, 0, 10);
	text = text_of(o);
	assert_lines(text,
		     "# TYPE graylink_requests_total counter\n"
		     "graylink_requests_total{destination_service_name=\"web\","
		     "destination_service_namespace=\"shop\",lane=\"base\",served_by=\"base\","
		     "reason=\"default\",code=\"200\"} 10\n"
		     "graylink_requests_total{destination_service_name=\"web\","
		     "destination_service_namespace=\"shop\",lane=\"v2\",served_by=\"base\","
		     "reason=\"ratio\",code=\"none\"} 3\n"
		     "graylink_requests_total{destination_service_name=\"web\","
		     "destination_service_namespace=\"shop\",lane=\"v2\",served_by=\"v2\","
		     "reason=\"ratio\",code=\"200\"} 18446744073709551615\n");
	free(text);
	gl_observe_free(o);
}

static void escapes_names_and_shows_ids_without_one(void **state)
{
	struct gl_observe *o = new_observer();
	char *text;

	(void)state;
	count(o, (struct gl_series_key){ .kind = GL_SERIES_LEGS_OPENED, .service = 2, .lane = 1 },
	      0, 1);
	count(o, (struct gl_series_key){ .kind = GL_SERIES_LEGS_OPENED, .service = 9, .lane = 8 },
	      0, 2);
	text = text_of(o);
	assert_lines(text,
		     "graylink_legs_opened_total{destination_service_name=\"a\\\"b\\\\c\\nd\","
		     "destination_service_namespace=\"shop\",lane=\"v2\"} 1\n"
		     "graylink_legs_opened_total{destination_service_name=\"id-9\","
		     "destination_service_namespace=\"\",lane=\"id-8\"} 2\n");
	free(text);
	gl_observe_free(o);
}

/* The kernel may know the service of an unsteered connection; the metric has no such label. */
static void sums_keys_that_look_alike(void **state)
{
	struct gl_observe *o = new_observer();
	struct gl_series_key key = { .kind = GL_SERIES_UNSTEERED, .why = GL_UNSTEERED_BYPASS };
	char *text;

	(void)state;
	count(o, key, 0, 2);
	key.service = 1;
	count(o, key, 0, 40);
	text = text_of(o);
	assert_lines(text, "graylink_unsteered_connections_total{cause=\"bypass\"} 42\n");
	free(text);
	gl_observe_free(o);
}

/* What the agent counts by itself stands beside what the kernel counts. */
static void adds_older_connections(void **state)
{
	struct gl_observe *o = new_observer();
	char *text;

	(void)state;
	count(o, (struct gl_series_key){ .kind = GL_SERIES_UNSTEERED, .why = GL_UNSTEERED_BYPASS },
	      0, 1);
	assert_int_equal(gl_observe_count_older(o, 0), 0);
	assert_int_equal(gl_observe_count_older(o, 4), 0);
	assert_int_equal(gl_observe_count_older(o, 3), 0);
	text = text_of(o);
	assert_lines(text, "graylink_unsteered_connections_total{cause=\"older\"} 7\n");
	assert_lines(text, "graylink_unsteered_connections_total{cause=\"bypass\"} 1\n");
	free(text);
	gl_observe_free(o);
}

static void shows_open_connections(void **state)
{
	struct gl_observe *o = new_observer();
	char *text;

	(void)state;
	count(o, (struct gl_series_key){ .kind = GL_SERIES_CONNS_OPENED, .service = 1 }, 0, 12);
	count(o, (struct gl_series_key){ .kind = GL_SERIES_CONNS_CLOSED, .service = 1 }, 0, 5);
	count(o, (struct gl_series_key){ .kind = GL_SERIES_CONNS_CLOSED, .service = 9 }, 0, 1);
	text = text_of(o);
	assert_lines(text, "# TYPE graylink_connections gauge\n"
			   "graylink_connections{destination_service_name=\"web\","
			   "destination_service_namespace=\"shop\"} 7\n"
			   "graylink_connections{destination_service_name=\"id-9\","
			   "destination_service_namespace=\"\"} 0\n");
	free(text);
	gl_observe_free(o);
}

static void cumulates_histograms_and_gives_sums_in_seconds(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_latency_key key = { .service = 1, .lane = 1, .served = 1 };
	const struct gl_latency latency = { .duration = { [0] = 1, [2] = 2, [17] = 4 },
					    .first_byte = { [1] = 7 },
					    .duration_ns = 12000000034ULL,
					    .first_byte_ns = 5,
					    .request_bytes = 100,
					    .response_bytes = 200 };
	const char *labels =
		"destination_service_name=\"web\",destination_service_namespace=\"shop\","
		"lane=\"v2\",served_by=\"v2\"";
	static const struct {
		const char *name, *le, *value;
	} lines[] = {
		{ "request_duration_seconds_bucket", ",le=\"0.0005\"", "1" },
		{ "request_duration_seconds_bucket", ",le=\"0.001\"", "1" },
		{ "request_duration_seconds_bucket", ",le=\"0.0025\"", "3" },
		{ "request_duration_seconds_bucket", ",le=\"7.5\"", "3" },
		{ "request_duration_seconds_bucket", ",le=\"10\"", "3" },
		{ "request_duration_seconds_bucket", ",le=\"+Inf\"", "7" },
		{ "request_duration_seconds_sum", "", "12.000000034" },
		{ "request_duration_seconds_count", "", "7" },
		{ "first_byte_seconds_bucket", ",le=\"0.0005\"", "0" },
		{ "first_byte_seconds_bucket", ",le=\"0.001\"", "7" },
		{ "first_byte_seconds_sum", "", "0.000000005" },
		{ "request_bytes_total", "", "100" },
		{ "response_bytes_total", "", "200" },
	};
	char *text, want[512];
	size_t i;

	(void)state;
	assert_int_equal(gl_observe_absorb_latency(o, &key, 0, &latency), 0);
	text = text_of(o);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(want, sizeof(want), "\ngraylink_%s{%s%s} %s\n", lines[i].name, labels,
			 lines[i].le, lines[i].value);
		assert_lines(text, want);
	}
	free(text);
	gl_observe_free(o);
}

static const u32 services[] = { 1 };
static const struct gl_observe_release release = {
	.name = "shop-v2",
	.namespace = "shop",
	.state = "Paused",
	.lane = 1,
	.batch = 2,
	.weight_ppm = 500,
	.services = services,
	.services_n = 1,
	.entries = services,
	.entries_n = 1,
};

static void shows_releases(void **state)
{
	struct gl_observe *o = new_observer();
	char *text;

	(void)state;
	assert_int_equal(gl_observe_set_releases(o, &release, 1), 0);
	assert_int_equal(gl_observe_count_transition(o, "shop-v2", "shop", "Waiting", "apply"), 0);
	assert_int_equal(gl_observe_count_transition(o, "shop-v2", "shop", "Paused", "user"), 0);
	assert_int_equal(gl_observe_count_transition(o, "shop-v2", "shop", "Paused", "user"), 0);
	text = text_of(o);
	assert_lines(
		text,
		"graylink_release_weight_ratio{release=\"shop-v2\",release_namespace=\"shop\"} 0.0005\n");
	assert_lines(text,
		     "graylink_release_batch{release=\"shop-v2\",release_namespace=\"shop\"} 2\n");
	assert_lines(text, "graylink_release_state{release=\"shop-v2\",release_namespace=\"shop\","
			   "state=\"Waiting\"} 0\n"
			   "graylink_release_state{release=\"shop-v2\",release_namespace=\"shop\","
			   "state=\"Paused\"} 1\n");
	assert_lines(text, "graylink_release_transitions_total{release=\"shop-v2\","
			   "release_namespace=\"shop\",to=\"Paused\",cause=\"user\"} 2\n");
	/* declared services stand at 0, so that the first leg is a rise */
	assert_lines(text, "graylink_legs_opened_total{destination_service_name=\"web\","
			   "destination_service_namespace=\"shop\",lane=\"v2\"} 0\n");
	/* a deleted release takes its gauges along, never its services' counters */
	count(o, (struct gl_series_key){ .kind = GL_SERIES_LEGS_OPENED, .service = 1, .lane = 1 },
	      0, 4);
	free(text);
	assert_int_equal(gl_observe_set_releases(o, NULL, 0), 0);
	text = text_of(o);
	assert_null(strstr(text, "graylink_release_state"));
	assert_lines(text, "lane=\"v2\"} 4\n");
	free(text);
	gl_observe_free(o);
}

static void shows_how_full_maps_are(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "conns", 4, 4, 100, NULL);
	const struct gl_observe_map map = { "conns", fd };
	const struct gl_observe_options options = { .series_fd = -1,
						    .latencies_fd = -1,
						    .events_fd = -1,
						    .events_lost_fd = -1,
						    .maps = &map,
						    .maps_n = 1 };
	struct gl_observe *o = NULL;
	char *text;
	u32 i;

	(void)state;
	if (fd < 0) {
		print_message("no BPF map can be made here (%s): run as root\n", strerror(errno));
		skip();
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(bpf_map_update_elem(fd, &i, &i, BPF_ANY), 0);
	assert_int_equal(gl_observe_new(&options, &o), 0);
	text = text_of(o);
	assert_lines(text, "graylink_map_entries{map=\"conns\"} 3\n");
	assert_lines(text, "graylink_map_capacity{map=\"conns\"} 100\n");
	free(text);
	gl_observe_free(o);
	close(fd);
}

/* Every family at once through Prometheus' own linter. */
static void satisfies_promtool(void **state)
{
	struct gl_observe *o = new_observer();
	const struct gl_latency_key key = { .service = 1, .lane = 1, .served = 1 };
	const struct gl_latency latency = { .duration = { 1 }, .first_byte = { 1 } };
	char *text;
	FILE *f;
	int kind, status;

	(void)state;
	if (system("command -v promtool >/dev/null 2>&1")) {
		print_message("promtool is missing (Debian package prometheus)\n");
		gl_observe_free(o);
		skip();
	}
	for (kind = 0; kind <= GL_SERIES_CONNS_CLOSED; kind++)
		count(o, (struct gl_series_key){ .kind = kind, .service = 1, .lane = 1 }, 0, 3);
	assert_int_equal(gl_observe_absorb_latency(o, &key, 0, &latency), 0);
	assert_int_equal(gl_observe_set_releases(o, &release, 1), 0);
	assert_int_equal(gl_observe_count_transition(o, "shop-v2", "shop", "Paused", "user"), 0);
	text = text_of(o);
	f = popen("promtool check metrics 2>&1", "w");
	assert_non_null(f);
	fputs(text, f);
	status = pclose(f);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	free(text);
	gl_observe_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_agent_knows_before_any_request),
		cmocka_unit_test(writes_requests_in_the_order_of_their_keys),
		cmocka_unit_test(escapes_names_and_shows_ids_without_one),
		cmocka_unit_test(sums_keys_that_look_alike),
		cmocka_unit_test(adds_older_connections),
		cmocka_unit_test(shows_open_connections),
		cmocka_unit_test(cumulates_histograms_and_gives_sums_in_seconds),
		cmocka_unit_test(shows_releases),
		cmocka_unit_test(shows_how_full_maps_are),
		cmocka_unit_test(satisfies_promtool),
	};

	return cmocka_run_group_tests_name("observe metrics", tests, NULL, NULL);
}
