// SPDX-License-Identifier: Apache-2.0
/* test_diag: how what is wrong is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "diag.h"

static void items_are_one_line_each(void **state)
{
	static const struct {
		struct gl_diag_place place;
		const char *hint, *text;
		bool warning;
	} rows[] = {
		{ { "a.yaml", { 3, 7 }, "spec.lane" },
		  "b",
		  "a.yaml:3:7: spec.lane: m (hint: b)",
		  false },
		{ { "a.yaml", { 3, 7 }, NULL }, NULL, "a.yaml:3:7: warning: m", true },
		{ { "a.yaml", { 0, 0 }, "" }, NULL, "a.yaml: m", false },
		{ { NULL, { 0, 0 }, NULL }, NULL, "m", false },
		{ { NULL, { 1, 2 }, "x" }, NULL, "1:2: x: m", false },
	};
	struct gl_diag diag;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text;

		gl_diag_init(&diag);
		if (rows[i].warning)
			gl_diag_warn(&diag, &rows[i].place, rows[i].hint, "%s", "m");
		else
			gl_diag_error(&diag, &rows[i].place, rows[i].hint, "%s", "m");
		assert_int_equal(diag.count, 1);
		assert_int_equal(diag.errors, !rows[i].warning);
		text = gl_diag_format(&diag.items[0]);
		assert_string_equal(text, rows[i].text);
		free(text);
		gl_diag_free(&diag);
	}
}

static void json_leaves_out_what_is_not_there(void **state)
{
	const struct gl_diag_place full = { "a.yaml", { 3, 7 }, "spec.lane" }, none = { 0 };
	struct gl_diag diag;
	cJSON *json;
	char *text;

	(void)state;
	gl_diag_init(&diag);
	gl_diag_error(&diag, &full, "h", "m");
	gl_diag_warn(&diag, &none, NULL, "n");
	json = gl_diag_to_json(&diag);
	text = cJSON_PrintUnformatted(json);
	assert_string_equal(
		text,
		"[{\"severity\":\"error\",\"file\":\"a.yaml\",\"line\":3,\"column\":7,\"field\":\"spec.lane\","
		"\"message\":\"m\",\"hint\":\"h\"},{\"severity\":\"warning\",\"message\":\"n\"}]");
	free(text);
	cJSON_Delete(json);
	gl_diag_free(&diag);
}

static void items_over_the_limit_are_counted(void **state)
{
	const struct gl_diag_place place = { 0 };
	struct gl_diag diag;
	char *text = NULL;
	size_t size, i;
	FILE *out;

	(void)state;
	gl_diag_init(&diag);
	for (i = 0; i < GL_DIAG_MAX + 7; i++)
		gl_diag_error(&diag, &place, NULL, "%zu", i);
	assert_int_equal(diag.count, GL_DIAG_MAX);
	assert_int_equal(diag.errors, GL_DIAG_MAX + 7);
	out = open_memstream(&text, &size);
	gl_diag_print(&diag, out);
	fclose(out);
	assert_non_null(strstr(text, "19\n... and 7 more\n"));
	free(text);
	gl_diag_free(&diag);
	gl_diag_free(NULL);
	gl_diag_error(NULL, &place, NULL, "nobody listens");
}

static void sorting_keeps_what_is_before_and_equal_places(void **state)
{
	static const struct gl_pos pos[] = { { 9, 9 }, { 5, 1 }, { 2, 8 }, { 2, 3 }, { 5, 1 } };
	static const char want[] = "0 3 2 1 4 ";
	struct gl_diag diag;
	char got[32] = "";
	size_t i;

	(void)state;
	gl_diag_init(&diag);
	for (i = 0; i < 5; i++) {
		const struct gl_diag_place place = { NULL, pos[i], "f" };

		gl_diag_error(&diag, &place, NULL, "%zu ", i);
	}
	gl_diag_sort(&diag, 1);
	for (i = 0; i < 5; i++)
		strcat(got, diag.items[i].message);
	assert_string_equal(got, want);
	gl_diag_free(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_one_line_each),
		cmocka_unit_test(json_leaves_out_what_is_not_there),
		cmocka_unit_test(items_over_the_limit_are_counted),
		cmocka_unit_test(sorting_keeps_what_is_before_and_equal_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
