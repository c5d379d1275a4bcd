/* SPDX-License-Identifier: Apache-2.0 */
/* What people read: tables, units, YAML, errors with their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static char *text;
static size_t text_len;

static FILE *begin(void)
{
	return open_memstream(&text, &text_len);
}

static void expect(FILE *f, const char *want)
{
	fclose(f);
	assert_string_equal(text, want);
	free(text);
}

static void aligns_columns(void **state)
{
	FILE *f = begin();
	struct gl_grid *g = gl_grid_new("NAME|>N|LAST");

	(void)state;
	gl_grid_add(g, "a");
	gl_grid_add(g, "1,000");
	gl_grid_add(g, "x");
	gl_grid_add(g, "l\xc3\xa4ngere");	/* seven characters in eight bytes */
	gl_grid_addf(g, "%d", 7);
	gl_grid_add(g, NULL);
	gl_grid_end(g, f, false);
	expect(f, "NAME         N  LAST\n"
		  "a        1,000  x\n"
		  "l\xc3\xa4ngere      7  -\n");
}

static void shows_control_characters_and_never_obeys_them(void **state)
{
	FILE *f = begin();
	struct gl_grid *g = gl_grid_new("A|B");

	(void)state;
	gl_grid_add(g, "\033[2Jx\n");
	gl_grid_add(g, "\xc2\x9b"
		       "1m");
	gl_grid_end(g, f, false);
	expect(f, "A       B\n?[2Jx?  ?1m\n");
}

static void colours_do_not_shift_columns(void **state)
{
	FILE *f = begin();
	struct gl_grid *g = gl_grid_new("A|B");

	(void)state;
	gl_grid_tint(g, GL_TINT_BAD, "red");
	gl_grid_add(g, "x");
	gl_grid_end(g, f, true);
	expect(f, "\033[2mA\033[0m    \033[2mB\033[0m\n\033[31mred\033[0m  x\n");
}

static void speaks_in_human_units(void **state)
{
	static const struct {
		const char *(*say)(double v, char *buf);
		double value;
		const char *want;
	} rows[] = {
		{ gl_human_percent, 0.0513, "5.13%" },
		{ gl_human_percent, 0, "0.00%" },
		{ gl_human_percent, 1, "100.00%" },
		{ gl_human_percent, 0.00001, "<0.01%" },
		{ gl_human_percent, 0.99999, ">99.99%" },
		{ gl_human_percent, NAN, "-" },
		{ gl_human_weight, 5, "5%" },
		{ gl_human_weight, 0.0513, "0.0513%" },
		{ gl_human_weight, 99.9999, "99.9999%" },
		{ gl_human_seconds, 0.00025, "250us" },
		{ gl_human_seconds, 0.0009999, "1ms" },
		{ gl_human_seconds, 0.0012, "1.2ms" },
		{ gl_human_seconds, 0.123456, "123ms" },
		{ gl_human_seconds, 0.9999, "1s" },
		{ gl_human_seconds, 10, "10s" },
		{ gl_human_count, 0, "0" },
		{ gl_human_count, 999, "999" },
		{ gl_human_count, 1000, "1,000" },
		{ gl_human_count, 123456789, "123,456,789" },
		{ gl_human_count, NAN, "-" },
		{ gl_human_rate, 12.34, "12.3" },
		{ gl_human_rate, 12345.6, "12,346" },
		{ gl_human_duration, 0, "0s" },
		{ gl_human_duration, 59.9, "59s" },
		{ gl_human_duration, 60, "1m" },
		{ gl_human_duration, 3725, "1h2m" },
		{ gl_human_duration, 86400 * 3, "3d" },
		{ gl_human_duration, -5, "0s" },
	};
	char buf[GL_HUMAN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(rows[i].say(rows[i].value, buf), rows[i].want);
	assert_string_equal(gl_human_age("2026-01-31T13:39:51.120Z", 1769866791 + 90, buf),
			    "1m30s");
	assert_string_equal(gl_human_age("yesterday", 0, buf), "-");
	assert_string_equal(gl_human_age(NULL, 0, buf), "-");
}

static void reads_durations(void **state)
{
	static const struct {
		const char *text;
		double want;
	} rows[] = {
		{ "30s", 30 }, { "10m", 600 },	{ "1h30m", 5400 }, { "500ms", 0.5 },
		{ "20", 20 },  { "1.5s", 1.5 }, { "", -1 },	   { "s", -1 },
		{ "-1s", -1 }, { "10x", -1 },	{ "0", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (fabs(gl_human_parse_duration(rows[i].text) - rows[i].want) > 1e-9)
			fail_msg("%s: %g", rows[i].text, gl_human_parse_duration(rows[i].text));
}

static void writes_yaml_that_reads_back(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "{}", "{}\n" },
		{ "[]", "[]\n" },
		{ "\"x\"", "x\n" },
		{ "{\"a\":1,\"b\":\"yes\",\"c\":null,\"d\":true}",
		  "a: 1\nb: \"yes\"\nc: null\nd: true\n" },
		{ "{\"a\":{\"b\":[1,{\"c\":2,\"d\":[]}]}}",
		  "a:\n  b:\n    - 1\n    - c: 2\n      d: []\n" },
		{ "[[1,2],[]]", "-\n  - 1\n  - 2\n- []\n" },
		{ "{\"a b\":\"10.0.0.1:80\",\"t\":\"x: y\",\"n\":\"12\",\"e\":\"\"}",
		  "\"a b\": \"10.0.0.1:80\"\nt: \"x: y\"\n\"n\": \"12\"\ne: \"\"\n" },
		{ "{\"l\":\"a\\nb\"}", "l: \"a\\nb\"\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *v = cJSON_Parse(rows[i].json);
		FILE *f = begin();

		assert_non_null(v);
		gl_output_yaml(f, v);
		cJSON_Delete(v);
		expect(f, rows[i].want);
	}
}

static void shows_an_error_with_its_line(void **state)
{
	static char policy[] =
		"apiVersion: x\nspec:\n\tlane: v2\n  batches:\n    - {weight: 101}\n";
	const struct gl_files files = { .file = { { "shop.yaml", policy, sizeof(policy) - 1 } },
					.n = 1 };
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "{\"severity\":\"error\",\"file\":\"shop.yaml\",\"line\":5,\"column\":8,"
		  "\"field\":\"spec.batches[0].weight\",\"message\":\"101 is more than 100\",\"hint\":\"percent\"}",
		  "shop.yaml:5:8: spec.batches[0].weight: 101 is more than 100\n"
		  "    5 |     - {weight: 101}\n"
		  "      |        ^\n"
		  "        percent\n" },
		{ "{\"severity\":\"warning\",\"file\":\"shop.yaml\",\"line\":3,\"column\":2,\"message\":\"tab\"}",
		  "shop.yaml:3:2: warning: tab\n"
		  "    3 |  lane: v2\n"
		  "      |  ^\n" },
		{ "{\"file\":\"other.yaml\",\"line\":1,\"column\":1,\"message\":\"m\"}",
		  "other.yaml:1:1: m\n" },
		{ "{\"file\":\"shop.yaml\",\"line\":99,\"column\":1,\"message\":\"m\"}",
		  "shop.yaml:99:1: m\n" },
		{ "{\"message\":\"no place\"}", "no place\n" },
		{ "{}", "not valid\n" },
		{ "{\"file\":\"shop.yaml\",\"line\":-1e300,\"column\":1e300,\"message\":\"\\u001b[2J\"}",
		  "shop.yaml: ?[2J\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *v = cJSON_Parse(rows[i].json);
		FILE *f = begin();

		assert_non_null(v);
		gl_files_show(f, &files, v);
		cJSON_Delete(v);
		expect(f, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_columns),
		cmocka_unit_test(shows_control_characters_and_never_obeys_them),
		cmocka_unit_test(colours_do_not_shift_columns),
		cmocka_unit_test(speaks_in_human_units),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(writes_yaml_that_reads_back),
		cmocka_unit_test(shows_an_error_with_its_line),
	};

	return cmocka_run_group_tests_name("command line text", tests, NULL, NULL);
}
