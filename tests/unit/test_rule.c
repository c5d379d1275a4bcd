// SPDX-License-Identifier: Apache-2.0
/* test_rule: matches of an entry: what holds, which is first, at which size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/decide.h"

#define HEAD(name) \
	"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: " name ", namespace: shop}\nspec:\n" \
	"  services:\n    - {name: web, frontends: [\"10.96.0.10:80\"], gray: {addresses: [\"10.77.0.12:8080\"]}}\n" \
	"  entries:\n    - service: web\n      match:\n"

static const char policy[] = HEAD(
	"v2") "        - {lane: base, headers: [{name: X-Tester, value: old}]}\n"				/* 1 */
	      "        - headers: [{name: x-user-id, type: Exact, value: \"42\"}]\n"				/* 2 */
	      "        - headers: [{name: x-a, value: one}, {name: x-b, value: two}, {name: x-c, type: Present}]\n"	/* 3 */
	      "        - headers: [{name: x-beta, type: Present}]\n"						/* 4 */
	      "        - headers: [{name: x-list, value: \"a,b\"}]\n"						/* 5 */
	      "        - headers: [{name: user-agent, value: \"Foo/1.0 (KHTML, like Gecko)\"}]\n"		/* 6 */
	      "        - headers: [{name: x-a, value: one}]\n"							/* 7 */
	      "        - headers: [{name: x-beta, type: Present}, {name: x-user-id, value: \"43\"}]\n"		/* 8: never, 4 is before */
	      "        - headers: [{name: x-eight, value: \"12345678\"}]\n"					/* 9 */
	      "        - headers: [{name: x-join, value: \"12345678,12345678,x\"}]\n"				/* 10 */
	      "        - headers: [{name: x-utf8, value: \"gr\xc3\xbcn\"}]\n";				/* 11 */

/* Lines of a head, and the match that must decide (0: none). */
static const struct {
	const char *what, *lines;
	unsigned int rule;
} cases[] = {
	{ "nothing", "", 0 },
	{ "exact value", "x-user-id: 42\r\n", 2 },
	{ "another value", "x-user-id: 421\r\n", 0 },
	{ "a prefix of the value", "x-user-id: 4\r\n", 0 },
	{ "names without regard to case", "X-USER-ID: 42\r\n", 2 },
	{ "name in the policy without regard to case", "x-tester: old\r\n", 1 },
	{ "values with regard to case", "x-tester: OLD\r\n", 0 },
	{ "white space around the value", "x-user-id: \t 42 \t \r\n", 2 },
	{ "no white space", "x-user-id:42\r\n", 2 },
	{ "white space inside the value", "x-user-id: 4 2\r\n", 0 },
	{ "base before a lane", "x-user-id: 42\r\nx-tester: old\r\n", 1 },
	{ "the first that holds, not the first line", "x-beta: 1\r\nx-user-id: 42\r\n", 2 },
	{ "present", "x-beta: anything\r\n", 4 },
	{ "present and empty", "x-beta:\r\n", 4 },
	{ "another name", "x-betas: 1\r\n", 0 },
	{ "all of a match", "x-c: \r\nx-b: two\r\nx-a: one\r\n", 3 },
	{ "all but one of a match", "x-b: two\r\nx-a: one\r\n", 7 },
	{ "one of a match wrong", "x-a: one\r\nx-b: three\r\nx-c: 1\r\n", 7 },
	{ "a later match does not hide an earlier one", "x-beta: 1\r\nx-user-id: 43\r\n", 4 },
	{ "lines of one name are joined", "x-list: a\r\nx-list: b\r\n", 5 },
	{ "joined in their order", "x-list: b\r\nx-list: a\r\n", 0 },
	{ "joined over other lines", "x-list: a\r\nx-other: 1\r\nX-List: b\r\n", 5 },
	{ "joined by a comma without space", "x-list: a, b\r\n", 0 },
	{ "one line that holds the comma", "x-list: a,b\r\n", 5 },
	{ "three lines", "x-list: a\r\nx-list: b\r\nx-list: c\r\n", 0 },
	{ "one line of two", "x-user-id: 42\r\nx-user-id: 42\r\n", 0 },
	{ "a comma inside a value is no separator", "User-Agent: Foo/1.0 (KHTML, like Gecko)\r\n",
	  6 },
	{ "eight bytes", "x-eight: 12345678\r\n", 9 },
	{ "nine bytes", "x-eight: 123456789\r\n", 0 },
	{ "eight other bytes", "x-eight: 12345679\r\n", 0 },
	{ "pieces of eight bytes", "x-join: 12345678\r\nx-join: 12345678\r\nx-join: x\r\n", 10 },
	{ "other pieces, same whole", "x-join: 12345678,12345678\r\nx-join: x\r\n", 10 },
	{ "an empty piece", "x-join: 12345678,12345678\r\nx-join:\r\nx-join: x\r\n", 0 },
	{ "bytes over 127", "x-utf8: gr\xc3\xbcn\r\n", 11 },
};

static void first_match_that_holds_decides(void **state)
{
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t i;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, policy);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decide_lines(&decide, "shop/web", cases[i].lines, &colour);
		if (colour.rule != cases[i].rule)
			print_error("%s: match %u, not %u\n", cases[i].what, colour.rule,
				    cases[i].rule);
		assert_int_equal(colour.rule, cases[i].rule);
		assert_int_equal(colour.reason, cases[i].rule ? GL_REASON_RULE : GL_REASON_DEFAULT);
		assert_string_equal(decide_lane(&decide, colour.lane),
				    cases[i].rule > 1 ? "v2" : "base");
		assert_int_equal(colour.release, cases[i].rule ? 1 : 0);
	}
	decide_free(&decide);
}

/* The same conditions as rows of Envoy's own tests. */
static void envoy_rows_agree(void **state)
{
	static char text[1 << 17];
	size_t len, rows = 0;
	const cJSON *row, *item;
	FILE *file = fopen("tests/vectors/rules/envoy_headers.json", "r");
	cJSON *json;

	(void)state;
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	json = cJSON_ParseWithLength(text, len);
	assert_non_null(json);
	cJSON_ArrayForEach(row, json)
	{
		char *yaml = NULL, *lines = NULL;
		size_t size;
		FILE *out = open_memstream(&yaml, &size);
		struct gl_colour colour = { 0 };
		struct decide decide;

		fputs(HEAD("v2") "        - headers:\n", out);
		cJSON_ArrayForEach(item, cJSON_GetObjectItem(row, "matchers"))
		{
			char *one = cJSON_PrintUnformatted(item);

			fprintf(out, "            - %s\n", one);
			free(one);
		}
		fclose(out);
		out = open_memstream(&lines, &size);
		cJSON_ArrayForEach(item, cJSON_GetObjectItem(row, "headers"))
			fprintf(out, "%s: %s\r\n", cJSON_GetArrayItem(item, 0)->valuestring,
				cJSON_GetArrayItem(item, 1)->valuestring);
		fclose(out);
		decide_init(&decide);
		decide_add(&decide, yaml);
		assert_int_equal(decide_compile(&decide), 0);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_int_equal(colour.reason == GL_REASON_RULE,
				 cJSON_IsTrue(cJSON_GetObjectItem(row, "expected")));
		decide_free(&decide);
		free(yaml);
		free(lines);
		rows++;
	}
	assert_int_equal(rows, 19);
	cJSON_Delete(json);
}

/* A value as long as a head allows, with one byte wrong at each end and in the middle. */
static void long_values_compare_to_the_last_byte(void **state)
{
	static char yaml[8192], lines[8192], value[4097];
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t i, at;

	(void)state;
	for (i = 0; i < 4096; i++)
		value[i] = (char)('a' + i % 23);
	snprintf(yaml, sizeof(yaml), HEAD("v2") "        - headers: [{name: x-long, value: %s}]\n",
		 value);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < 5; i++) {
		static const size_t places[] = { 0, 7, 2048, 4088, 4095 };

		at = places[i];
		value[at] ^= 1;
		snprintf(lines, sizeof(lines), "x-long: %s\r\n", value);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_int_equal(colour.rule, 0);
		value[at] ^= 1;
		snprintf(lines, sizeof(lines), "x-long: %s\r\n", value);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_int_equal(colour.rule, 1);
	}
	decide_free(&decide);
}

static void thousands_of_matches_find_each(void **state)
{
	char *yaml = NULL, line[64];
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);
	int i;

	(void)state;
	fputs(HEAD("v2"), out);
	for (i = 0; i < 4000; i++)
		fprintf(out, "        - headers: [{name: x-%s, value: user-%d}]\n",
			i % 2 ? "odd" : "even", i);
	fclose(out);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < 4000; i++) {
		snprintf(line, sizeof(line), "x-%s: user-%d\r\n", i % 2 ? "odd" : "even", i);
		decide_lines(&decide, "shop/web", line, &colour);
		assert_int_equal(colour.rule, i + 1);
		snprintf(line, sizeof(line), "x-%s: user-%d\r\n", i % 2 ? "even" : "odd", i);
		decide_lines(&decide, "shop/web", line, &colour);
		assert_int_equal(colour.rule, 0);
	}
	decide_free(&decide);
	free(yaml);
}

/* Every match shares each of its values with 15 others: no anchor is its own. */
static void matches_without_a_value_of_their_own_are_told_apart(void **state)
{
	char *yaml = NULL, lines[96];
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);
	int i;

	(void)state;
	fputs(HEAD("v2"), out);
	for (i = 0; i < 256; i++)
		fprintf(out,
			"        - headers: [{name: x-a, value: a%d}, {name: x-b, value: b%d}]\n",
			i / 16, i % 16);
	fclose(out);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < 256; i++) {
		snprintf(lines, sizeof(lines), "x-a: a%d\r\nx-b: b%d\r\n", i / 16, i % 16);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_int_equal(colour.rule, i + 1);
	}
	decide_free(&decide);
	free(yaml);
}

/* Hashes -------------------------------------------------------------------------------------- */

/* Header names whose hashes end in the byte of "x-0"'s: @count of them, the first is "x-0". */
static void names_of_one_byte(char names[][16], size_t count)
{
	u32 want = gl_hash_name("x-0", 3) & 255;
	size_t found = 0;
	int i;

	for (i = 0; found < count; i++) {
		int len = snprintf(names[found], 16, "x-%d", i);

		found += (gl_hash_name(names[found], (u32)len) & 255) == want;
	}
}

static void names_whose_hashes_end_alike_are_told_apart(void **state)
{
	char names[GL_IMAGE_CHAIN + 2][16], yaml[4096], lines[64];
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t used, i;

	(void)state;
	names_of_one_byte(names, GL_IMAGE_CHAIN + 2);
	used = (size_t)snprintf(yaml, sizeof(yaml), HEAD("v2"));
	for (i = 0; i < GL_IMAGE_CHAIN; i++)
		used += (size_t)snprintf(yaml + used, sizeof(yaml) - used,
					 "        - headers: [{name: %s, value: a}]\n", names[i]);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < GL_IMAGE_CHAIN + 2; i++) {
		snprintf(lines, sizeof(lines), "%.16s: a\r\n", names[i]);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_int_equal(colour.rule, i < GL_IMAGE_CHAIN ? i + 1 : 0);
	}
	/* One more than a decision walks is refused. */
	snprintf(yaml + used, sizeof(yaml) - used, "        - headers: [{name: %s, value: a}]\n",
		 names[GL_IMAGE_CHAIN]);
	decide_free(&decide);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), -EINVAL);
	assert_non_null(
		strstr(decide.diag.items[decide.diag.count - 1].message, "header names collide"));
	decide_free(&decide);
}

struct hashed {
	u32 hash;
	int number;
};

static int compare_hashed(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void names_of_one_hash_are_told_apart(void **state)
{
	enum { NAMES = 400000 };
	struct hashed *all = calloc(NAMES, sizeof(*all));
	char yaml[1024], lines[64], name[16];
	struct gl_colour colour = { 0 };
	struct decide decide;
	int i;

	(void)state;
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "x-%06d", i);
		all[i] = (struct hashed){ gl_hash_name(name, 8), i };
	}
	qsort(all, NAMES, sizeof(*all), compare_hashed);
	for (i = 1; i < NAMES && all[i].hash != all[i - 1].hash; i++)
		;
	assert_true(i < NAMES);
	snprintf(yaml, sizeof(yaml),
		 HEAD("v2") "        - headers: [{name: x-%06d, type: Present}]\n", all[i].number);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	snprintf(lines, sizeof(lines), "x-%06d: 1\r\n", all[i].number);
	decide_lines(&decide, "shop/web", lines, &colour);
	assert_int_equal(colour.rule, 1);
	snprintf(lines, sizeof(lines), "x-%06d: 1\r\n", all[i - 1].number);
	decide_lines(&decide, "shop/web", lines, &colour);
	assert_int_equal(colour.rule, 0);
	decide_free(&decide);
	free(all);
}

static u64 hash_of(const char *text)
{
	u64 hash = 0;

	for (; *text; text++)
		hash = gl_value_hash_byte(hash, (unsigned char)*text);
	return hash;
}

/* A value that has the hash of some predicate, and its length, but is another. */
static void values_of_one_hash_are_told_apart(void **state)
{
	enum { RULES = 4000 };
	struct hashed *all = calloc(RULES, sizeof(*all));
	struct gl_colour colour = { 0 };
	const struct gl_image_fields *fields;
	char *yaml = NULL, lines[64], value[24];
	struct decide decide;
	struct hashed key, *hit = NULL;
	u32 id, seed;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);
	int i;

	(void)state;
	fputs(HEAD("v2"), out);
	for (i = 0; i < RULES; i++)
		fprintf(out, "        - headers: [{name: x-a, value: v%09d}]\n", i);
	fclose(out);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	fields = gl_image_at(decide.image, gl_image_service_record(decide.image, 1)->fields_off);
	id = ((const struct gl_image_field *)(fields +
					      1))[fields->slot[gl_hash_name("x-a", 3) & 255] - 1]
		     .id;
	seed = decide.image->head.exacts.seed;
	for (i = 0; i < RULES; i++) {
		snprintf(value, sizeof(value), "v%09d", i);
		all[i] = (struct hashed){ gl_value_hash_end(hash_of(value), id, seed), i };
	}
	qsort(all, RULES, sizeof(*all), compare_hashed);
	for (i = RULES; !hit && i < 100000000; i++) {
		snprintf(value, sizeof(value), "v%09d", i);
		key.hash = gl_value_hash_end(hash_of(value), id, seed);
		hit = bsearch(&key, all, RULES, sizeof(*all), compare_hashed);
	}
	assert_non_null(hit);
	snprintf(lines, sizeof(lines), "x-a: %s\r\n", value);
	decide_lines(&decide, "shop/web", lines, &colour);
	assert_int_equal(colour.rule, 0);
	decide_free(&decide);
	free(yaml);
	free(all);
}

/* What lies behind the head must not count. */
static void bytes_beyond_the_head_do_not_count(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\nx-user-id: 42\r\n\r\n";
	struct gl_colour first = { 0 }, second = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, policy);
	assert_int_equal(decide_compile(&decide), 0);
	decide_scan(&decide, "shop/web", request, sizeof(request) - 1);
	decide_head(&decide, "shop/web", &first);
	memset(decide.buf.b + sizeof(request) - 1, '2', sizeof(decide.buf) - sizeof(request) + 1);
	decide_head(&decide, "shop/web", &second);
	assert_int_equal(first.rule, 2);
	assert_int_equal(second.rule, 2);
	decide_free(&decide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_match_that_holds_decides),
		cmocka_unit_test(envoy_rows_agree),
		cmocka_unit_test(long_values_compare_to_the_last_byte),
		cmocka_unit_test(thousands_of_matches_find_each),
		cmocka_unit_test(matches_without_a_value_of_their_own_are_told_apart),
		cmocka_unit_test(names_whose_hashes_end_alike_are_told_apart),
		cmocka_unit_test(names_of_one_hash_are_told_apart),
		cmocka_unit_test(values_of_one_hash_are_told_apart),
		cmocka_unit_test(bytes_beyond_the_head_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
