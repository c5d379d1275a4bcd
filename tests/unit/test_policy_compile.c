// SPDX-License-Identifier: Apache-2.0
/* test_policy_compile: what only all releases together show; ids; the image as bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/decide.h"

#define RELEASE(name, namespace, spec, frontend, gray) \
	"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: " name ", namespace: " namespace "}\nspec:\n" spec \
	"  services:\n    - {name: web, frontends: [\"" frontend "\"], gray: {addresses: [\"" gray "\"]}}\n"
#define ENTRY(extra) "  entries:\n    - {service: web" extra "}\n"

static const struct {
	const char *what, *first, *second, *error;
} clashes[] = {
	{ "one service, two releases",
	  RELEASE("v2", "shop", ENTRY(""), "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop", ENTRY(""), "10.96.0.1:80", "10.77.0.2:80"), NULL },
	{ "one name, two namespaces",
	  RELEASE("v2", "shop", ENTRY(""), "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "other", ENTRY(""), "10.96.0.2:80", "10.77.0.2:80"), NULL },
	{ "one pod in two lanes", RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop", "", "10.96.0.1:80", "10.77.0.1:80"), NULL },
	{ "one lane, two releases", RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("x", "shop", "  lane: v2\n", "10.96.0.1:80", "10.77.0.2:80"),
	  "test.yaml:5:9: spec.lane: lane \"v2\" is that of release shop/v2, too (hint: every release has a lane of its own)" },
	{ "one release twice", RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  "test.yaml:1:1: metadata.name: release shop/v2 is given twice" },
	{ "one frontend, two services", RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "other", "", "10.96.0.1:80", "10.77.0.2:80"),
	  "test.yaml:6:31: spec.services: 10.96.0.1:80 is a frontend of two services (other/web and shop/web, release shop/v2)" },
	{ "a frontend that is gray elsewhere",
	  RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "other", "", "10.77.0.1:80", "10.77.0.2:80"),
	  "test.yaml:6:31: spec.services: 10.77.0.1:80 is a frontend and a gray endpoint at once (other/web and shop/web, release "
	  "shop/v2)" },
	{ "other sticky keys at one entry",
	  RELEASE("v2", "shop", "  batches: [{weight: 5}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop", "  batches: [{weight: 5}]\n" ENTRY(", sticky: [{cookie: a}]"),
		  "10.96.0.1:80", "10.77.0.2:80"),
	  "test.yaml:7:7: spec.entries[0].sticky: release shop/v2 divides the users of service \"web\" "
	  "by other sticky keys; two divisions of one entry must agree, or a user would belong to both "
	  "(hint: give both the same list)" },
	{ "other sticky keys, rules alone",
	  RELEASE("v2", "shop", "  batches: [{weight: 5}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop",
		  ENTRY(", match: [{headers: [{name: b, type: Present}]}], sticky: [{cookie: a}]"),
		  "10.96.0.1:80", "10.77.0.2:80"),
	  NULL },
	{ "weights over 100 %",
	  RELEASE("v2", "shop", "  batches: [{weight: 60}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop",
		  "  batches: [{weight: 40.0001%}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.2:80"),
	  "test.yaml:7:7: spec.batches: the weights of all releases at entry \"web\" are more than 100 % together: 100.0001% (hint: "
	  "lower the weight of one of them first)" },
	{ "weights of 100 %",
	  RELEASE("v2", "shop", "  batches: [{weight: 60}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.1:80"),
	  RELEASE("v3", "shop", "  batches: [{weight: 40}]\n" ENTRY(", sticky: [{header: a}]"),
		  "10.96.0.1:80", "10.77.0.2:80"),
	  NULL },
};

static void releases_that_exclude_each_other_are_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++) {
		struct decide decide;
		int err;

		decide_init(&decide);
		decide_add(&decide, clashes[i].first);
		decide_add(&decide, clashes[i].second);
		gl_diag_free(&decide.diag);
		err = decide_compile(&decide);
		if (clashes[i].error) {
			char *text;

			assert_int_equal(err, -EINVAL);
			assert_int_equal(decide.diag.count, 1);
			text = gl_diag_format(&decide.diag.items[0]);
			assert_string_equal(text, clashes[i].error);
			free(text);
		} else if (err || decide.diag.count) {
			gl_diag_print(&decide.diag, stderr);
			fail_msg("%s: refused", clashes[i].what);
		}
		decide_free(&decide);
	}
}

static void more_kinds_of_label_than_fit_are_refused(void **state)
{
	struct decide decide;
	char text[1024];
	int i;

	(void)state;
	decide_init(&decide);
	for (i = 0; i < DECIDE_POLICIES; i++) {
		snprintf(text, sizeof(text),
			 RELEASE("v%d", "shop", "  label: {header: x-%d}\n", "10.96.0.1:80",
				 "10.77.0.%d:80"),
			 i, i, i + 1);
		decide_add(&decide, text);
	}
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(decide.image->head.nlabels, GL_IMAGE_LABELS);
	gl_policy_free(decide.policies[--decide.npolicies]);
	gl_diag_free(&decide.diag);
	snprintf(text, sizeof(text),
		 RELEASE("v8", "shop", "  label: {header: x-8}\n", "10.96.0.1:80",
			 "10.77.0.8:80") "---\n" RELEASE("v9", "shop", "  label: {header: x-9}\n",
							 "10.96.0.1:80", "10.77.0.9:80"));
	decide_add(&decide, text);
	assert_int_equal(decide_compile(&decide), -EINVAL);
	assert_string_equal(decide.diag.items[decide.diag.count - 1].message,
			    "more than 8 different labels");
	decide_free(&decide);
}

/* Image --------------------------------------------------------------------------------------- */

static void same_input_gives_the_same_bytes(void **state)
{
	static const char first[] = RELEASE("v2", "shop",
					    ENTRY(", match: [{headers: [{name: a, value: b}]}]"),
					    "10.96.0.1:80", "10.77.0.1:80");
	static const char second[] =
		RELEASE("v3", "shop", ENTRY(""), "10.96.0.1:80", "10.77.0.2:80");
	struct decide a, b;

	(void)state;
	decide_init(&a);
	decide_init(&b);
	memset(b.image, 0xff, sizeof(*b.image));
	decide_add(&a, first);
	decide_add(&a, second);
	decide_add(&b, first);
	decide_add(&b, second);
	assert_int_equal(decide_compile(&a), 0);
	assert_int_equal(decide_compile(&a), 0);
	assert_int_equal(decide_compile(&b), 0);
	assert_memory_equal(a.image, b.image, sizeof(*a.image));
	assert_int_equal(a.image->head.generation, 0);
	decide_free(&a);
	decide_free(&b);
}

static void a_policy_too_large_is_refused_with_its_numbers(void **state)
{
	struct decide decide;
	char *yaml = NULL;
	size_t size, i, j;
	FILE *out;

	(void)state;
	decide_init(&decide);
	for (j = 0; j < DECIDE_POLICIES; j++) {
		out = open_memstream(&yaml, &size);
		fprintf(out,
			RELEASE("v%zu", "ns%zu", "", "10.96.0.%zu:80",
				"10.77.0.%zu:80") "  entries: [{service: web, match: [\n",
			j, j, j + 1, j + 1);
		for (i = 0; i < 8000; i++)
			fprintf(out, "{headers: [{name: x-a, value: v%zu-%zu-%080zu}]},\n", j, i,
				i);
		fputs("]}]\n", out);
		fclose(out);
		decide_add(&decide, yaml);
		free(yaml);
	}
	assert_int_equal(decide_compile(&decide), -E2BIG);
	assert_non_null(strstr(decide.diag.items[decide.diag.count - 1].message, "4194304 bytes"));
	assert_non_null(strstr(decide.diag.items[decide.diag.count - 1].message, "8 releases"));
	decide_free(&decide);
}

static void a_thousand_services_with_twenty_rules_fit(void **state)
{
	struct timespec start, end;
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t size, part, i, j;
	double seconds;

	(void)state;
	decide_init(&decide);
	/* A file is at most 1 MiB: several releases. */
	for (part = 0; part < 4; part++) {
		char *yaml = NULL;
		FILE *out = open_memstream(&yaml, &size);

		fprintf(out,
			"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v%zu, namespace: shop}\nspec:\n  services:\n",
			part);
		for (i = 0; i < 250; i++)
			fprintf(out,
				"  - {name: s%zu-%zu, frontends: [\"10.%zu.0.%zu:80\"], gray: {addresses: [\"10.%zu.1.%zu:80\"]}}\n",
				part, i, part, i + 1, part, i + 1);
		fputs("  entries:\n", out);
		for (i = 0; i < 250; i++) {
			fprintf(out, "  - service: s%zu-%zu\n    match:\n", part, i);
			for (j = 0; j < 20; j++)
				fprintf(out,
					"    - headers: [{name: x-user-id, value: user-%zu-%zu-%zu}]\n",
					part, i, j);
		}
		fclose(out);
		decide_add(&decide, yaml);
		free(yaml);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	assert_int_equal(decide_compile(&decide), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	print_message("1,000 services x 20 rules: %.3f s of CPU time, %u bytes\n", seconds,
		      decide.image->head.size);
	assert_true(seconds < 2);
	decide_lines(&decide, "shop/s3-249", "x-user-id: user-3-249-19\r\n", &colour);
	assert_int_equal(colour.rule, 20);
	decide_lines(&decide, "shop/s3-249", "x-user-id: user-3-248-19\r\n", &colour);
	assert_int_equal(colour.rule, 0);
	decide_free(&decide);
}

static void all_traffic_on_fewer_pods_draws_a_warning(void **state)
{
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(
		&decide,
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v2}\nspec:\n"
		"  entries: [{service: a, sticky: [{cookie: c}]}]\n  services:\n"
		"  - {name: a, frontends: [\"10.0.0.1:80\"], gray: {addresses: [\"10.0.1.1:80\"]}, "
		"base: {addresses: [\"10.0.2.1:80\", \"10.0.2.2:80\"]}}\n");
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(decide.diag.warnings, 0);
	decide_steer(&decide, "default", "v2", true, true, GL_WEIGHT_ONE);
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(decide.diag.warnings, 1);
	assert_string_equal(decide.diag.items[0].message,
			    "service \"a\" gets all traffic on 1 gray endpoints; base has 2");
	decide_free(&decide);
}

/* Look-ups ------------------------------------------------------------------------------------ */

static void addresses_are_found_and_no_others(void **state)
{
	static char yaml[400000];
	struct decide decide;
	size_t used, i;

	(void)state;
	used = (size_t)snprintf(
		yaml, sizeof(yaml),
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v2}\nspec:\n"
		"  services:\n");
	for (i = 0; i < 1000; i++)
		used += (size_t)snprintf(
			yaml + used, sizeof(yaml) - used,
			"  - {name: s%zu, frontends: [\"10.%zu.%zu.1:80\", \"[fd00::%zx]:8080\"], "
			"gray: {addresses: [\"[fd01::%zx]:80\", \"10.%zu.%zu.2:80\", \"10.%zu.%zu.3:81\"]}}\n",
			i, i / 250, i % 250, i + 1, i + 1, i / 250, i % 250, i / 250, i % 250);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < 1000; i++) {
		struct gl_endpoint_key endpoint = { 0 };
		struct gl_addr addr;
		char ip[64];
		u32 id;

		snprintf(ip, sizeof(ip), "s%zu", i);
		id = gl_ids_service(decide.ids, "default", ip);
		snprintf(ip, sizeof(ip), "10.%zu.%zu.1", i / 250, i % 250);
		addr = decide_addr(ip);
		assert_int_equal(gl_image_frontend(decide.image, &addr, htons(80)), id);
		assert_int_equal(gl_image_frontend(decide.image, &addr, htons(81)), 0);
		assert_int_equal(gl_image_origin(decide.image, &addr), 0);
		snprintf(ip, sizeof(ip), "fd00::%zx", i + 1);
		addr = decide_addr(ip);
		assert_int_equal(gl_image_frontend(decide.image, &addr, htons(8080)), id);
		endpoint.addr = addr;
		assert_int_equal(gl_image_endpoint(decide.image, id, 1, (u32)i, &endpoint), 1);
		snprintf(ip, sizeof(ip), "fd01::%zx", i + 1);
		addr = decide_addr(ip);
		assert_memory_equal(&endpoint.addr, &addr, sizeof(addr));
		endpoint.addr = decide_addr("10.0.0.9");
		assert_int_equal(gl_image_endpoint(decide.image, id, 1, (u32)i * 2 + 1, &endpoint),
				 2);
		assert_int_equal(endpoint.port, htons(81));
		assert_int_equal(gl_image_origin(decide.image, &endpoint.addr), 1);
		assert_int_equal(gl_image_endpoint(decide.image, id, 2, 0, &endpoint), 0);
		assert_int_equal(gl_image_endpoint(decide.image, id, 0, 0, &endpoint), 0);
	}
	assert_int_equal(gl_image_endpoint(decide.image, 1001, 1, 0,
					   &(struct gl_endpoint_key){ 0 }),
			 0);
	decide_free(&decide);
}

static void flags_say_entry_and_fallback(void **state)
{
	struct gl_service_info info = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(
		&decide,
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v2}\nspec:\n  batches: [{weight: 50.0001%}]\n"
		"  entries: [{service: a}]\n  services:\n"
		"  - {name: a, frontends: [\"10.0.0.1:80\"], gray: {addresses: [\"10.0.1.1:80\"]}, fallback: None}\n"
		"  - {name: b, frontends: [\"10.0.0.2:80\"], gray: {addresses: [\"10.0.1.2:80\"]}}\n"
		"  - {name: c, frontends: [\"10.0.0.3:80\"]}\n");
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(gl_image_lane(decide.image, 1, 1), GL_LANE_ENTRY | GL_LANE_FALLBACK_NONE);
	assert_int_equal(gl_image_lane(decide.image, 2, 1), 0);
	assert_int_equal(gl_image_lane(decide.image, 3, 1), 0);
	assert_int_equal(gl_image_service(decide.image, 1, &info),
			 GL_SERVICE_PRESENT | GL_SERVICE_HTTP | GL_SERVICE_ENTRY);
	assert_int_equal(info.odds_lane, 1);
	assert_int_equal(gl_image_service(decide.image, 2, &info),
			 GL_SERVICE_PRESENT | GL_SERVICE_HTTP);
	assert_int_equal(info.odds_lane, 0);
	decide_steer(&decide, "default", "v2", true, true, GL_WEIGHT_ONE / 2);
	assert_int_equal(decide_compile(&decide), 0);
	gl_image_service(decide.image, 1, &info);
	assert_int_equal(info.odds_lane, 0);
	assert_int_equal(gl_image_service(decide.image, 4, &info), 0);
	decide_free(&decide);
}

/* Only names that a decision needs may cost the scan something. */
static void the_filter_holds_what_is_needed(void **state)
{
	static const char *const needed[] = { "baggage", "x-a", "x-u", "cookie", "traceparent" };
	struct gl_service_info entry = { 0 }, hop = { 0 };
	struct decide decide;
	size_t i, bits = 0;

	(void)state;
	decide_init(&decide);
	decide_add(
		&decide,
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v2}\nspec:\n  batches: [{weight: 5}]\n"
		"  entries: [{service: a, match: [{headers: [{name: X-A, value: b}]}], sticky: [{header: x-u}, {cookie: c}]}]\n  services:\n"
		"  - {name: a, frontends: [\"10.0.0.1:80\"], gray: {addresses: [\"10.0.1.1:80\"]}}\n"
		"  - {name: b, frontends: [\"10.0.0.2:80\"]}\n");
	assert_int_equal(decide_compile(&decide), 0);
	gl_image_service(decide.image, 1, &entry);
	gl_image_service(decide.image, 2, &hop);
	for (i = 0; i < 5; i++) {
		u32 hash = gl_hash_name(needed[i], (u32)strlen(needed[i])) & 255;

		assert_true(entry.interest[hash >> 6] >> (hash & 63) & 1);
		assert_int_equal(hop.interest[hash >> 6] >> (hash & 63) & 1, i == 0);
	}
	for (i = 0; i < 4; i++)
		bits += (size_t)__builtin_popcountll(entry.interest[i]);
	assert_int_equal(bits, 5);
	decide_free(&decide);
}

/* Ids ----------------------------------------------------------------------------------------- */

static void ids_last(void **state)
{
	struct gl_ids *loaded;
	struct decide decide;
	cJSON *saved;
	char *text;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", "shop", "", "10.96.0.1:80", "10.77.0.1:80"));
	assert_int_equal(decide_compile(&decide), 0);
	decide_add(&decide, RELEASE("a", "shop", "", "10.96.0.1:80", "10.77.0.2:80"));
	decide_add(&decide, RELEASE("b", "alpha", "", "10.96.0.2:80", "10.77.0.3:80"));
	assert_int_equal(decide_compile(&decide), 0);
	saved = gl_ids_save(decide.ids);
	text = cJSON_PrintUnformatted(saved);
	assert_string_equal(
		text,
		"{\"services\":{\"shop/web\":1,\"alpha/web\":2},\"lanes\":{\"v2\":1,\"a\":2,\"b\":3}}");
	free(text);
	assert_int_equal(gl_ids_load(saved, &loaded), 0);
	assert_int_equal(gl_ids_service(loaded, "alpha", "web"), 2);
	assert_int_equal(gl_ids_service(loaded, "beta", "web"), 0);
	assert_int_equal(gl_ids_lane(loaded, "b"), 3);
	assert_int_equal(gl_ids_lane(loaded, "base"), 0);
	assert_string_equal(gl_ids_lane_name(loaded, 0), "base");
	assert_string_equal(gl_ids_service_name(loaded, 1), "shop/web");
	assert_null(gl_ids_service_name(loaded, 3));
	assert_null(gl_ids_lane_name(loaded, 9999));
	cJSON_Delete(saved);
	gl_ids_free(loaded);
	decide_free(&decide);
}

static void damaged_ids_are_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"services\":{},\"lanes\":[]}",
		"{\"services\":{\"a/b\":0},\"lanes\":{}}",
		"{\"services\":{\"a/b\":4096},\"lanes\":{}}",
		"{\"services\":{\"a/b\":1,\"a/c\":1},\"lanes\":{}}",
		"{\"services\":{\"a/b\":1,\"a/b\":2},\"lanes\":{}}",
		"{\"services\":{\"a/b\":1.5},\"lanes\":{}}",
		"{\"services\":{\"a/b\":\"1\"},\"lanes\":{}}",
		"{\"services\":{},\"lanes\":{\"x\":256}}",
		"{\"services\":{},\"lanes\":{\"x\":-1}}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cJSON *json = cJSON_Parse(texts[i]);
		struct gl_ids *ids;

		assert_non_null(json);
		assert_int_equal(gl_ids_load(json, &ids), -EINVAL);
		assert_null(ids);
		cJSON_Delete(json);
	}
}

/*
 * Lanes come and go; when all ids were given, the next is refused, and the known ones still
 * compile.
 */
static void lanes_run_out_with_a_message(void **state)
{
	struct decide decide;
	char text[1024];
	int i;

	(void)state;
	decide_init(&decide);
	for (i = 0; i < GL_LANES_MAX; i++) {
		int err;

		snprintf(text, sizeof(text),
			 RELEASE("v%d", "shop", "", "10.96.0.1:80", "10.77.0.1:80"), i);
		gl_diag_free(&decide.diag);
		decide_add(&decide, text);
		err = decide_compile(&decide);
		assert_int_equal(err, i < GL_LANES_MAX - 1 ? 0 : -E2BIG);
		gl_policy_free(decide.policies[--decide.npolicies]);
	}
	assert_non_null(
		strstr(decide.diag.items[decide.diag.count - 1].message, "255 lanes were used"));
	decide_free(&decide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_that_exclude_each_other_are_refused),
		cmocka_unit_test(more_kinds_of_label_than_fit_are_refused),
		cmocka_unit_test(same_input_gives_the_same_bytes),
		cmocka_unit_test(a_policy_too_large_is_refused_with_its_numbers),
		cmocka_unit_test(a_thousand_services_with_twenty_rules_fit),
		cmocka_unit_test(all_traffic_on_fewer_pods_draws_a_warning),
		cmocka_unit_test(addresses_are_found_and_no_others),
		cmocka_unit_test(flags_say_entry_and_fallback),
		cmocka_unit_test(the_filter_holds_what_is_needed),
		cmocka_unit_test(ids_last),
		cmocka_unit_test(damaged_ids_are_refused),
		cmocka_unit_test(lanes_run_out_with_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
