// SPDX-License-Identifier: Apache-2.0
/*
 * test_policy: files of tests/vectors/policy are accepted or refused, with exactly these words;
 * hostile files cost little.
 */
#include <dirent.h>
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

#include "policy/policy.h"

/* Reads a file below tests/vectors/policy; NULL: it is not there. */
static char *read_file(const char *dir, const char *name, size_t *len)
{
	char path[512], *text = NULL;
	FILE *file, *out;
	int c;

	snprintf(path, sizeof(path), "tests/vectors/policy/%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	out = open_memstream(&text, len);
	while ((c = getc(file)) != EOF)
		putc(c, out);
	fclose(out);
	fclose(file);
	return text;
}

static char *expectation(const char *dir, const char *name)
{
	char path[300];
	size_t len;
	char *text;

	snprintf(path, sizeof(path), "%.*s.expect", (int)(strrchr(name, '.') - name), name);
	text = read_file(dir, path, &len);
	return text ? text : strdup("");
}

static char *printed(const struct gl_diag *diag)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	gl_diag_print(diag, out);
	fclose(out);
	return text;
}

/* The canonical JSON of a release means the same, and is its own canonical JSON. */
static void check_round_trip(const struct gl_release_spec *release)
{
	cJSON *json = gl_policy_to_json(release), *again;
	char *text = cJSON_Print(json), *text_again;
	struct gl_policy *policy;
	struct gl_diag diag;

	gl_diag_init(&diag);
	assert_int_equal(gl_policy_parse("canonical.json", text, strlen(text), &diag, &policy), 0);
	assert_int_equal(policy->count, 1);
	again = gl_policy_to_json(&policy->releases[0]);
	text_again = cJSON_Print(again);
	assert_string_equal(text, text_again);
	free(text);
	free(text_again);
	cJSON_Delete(json);
	cJSON_Delete(again);
	gl_policy_free(policy);
	gl_diag_free(&diag);
}

static void check_file(const char *dir, const char *name, bool good)
{
	struct gl_policy *policy = NULL;
	struct gl_diag diag;
	char *text, *want, *got;
	size_t len, i;
	int err;

	text = read_file(dir, name, &len);
	want = expectation(dir, name);
	gl_diag_init(&diag);
	err = gl_policy_parse(name, text, len, &diag, &policy);
	got = printed(&diag);
	if (strcmp(got, want))
		fail_msg("%s/%s:\nexpected:\n%sfound:\n%s", dir, name, want, got);
	assert_int_equal(err, good ? 0 : -EINVAL);
	assert_int_equal(good, policy != NULL);
	assert_int_equal(good, diag.errors == 0);
	for (i = 0; good && i < policy->count; i++)
		check_round_trip(&policy->releases[i]);
	gl_policy_free(policy);
	gl_diag_free(&diag);
	free(text);
	free(want);
	free(got);
}

static size_t check_dir(const char *dir, bool good)
{
	struct dirent *entry;
	char path[256];
	size_t files = 0;
	DIR *open;

	snprintf(path, sizeof(path), "tests/vectors/policy/%s", dir);
	open = opendir(path);
	if (!open)
		fail_msg("%s cannot be read: run the test in the root of the tree", path);
	while ((entry = readdir(open))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.' || !dot || !strcmp(dot, ".expect"))
			continue;
		check_file(dir, entry->d_name, good);
		files++;
	}
	closedir(open);
	return files;
}

static void good_files_are_accepted_with_exactly_these_warnings(void **state)
{
	(void)state;
	assert_true(check_dir("good", true) >= 12);
}

static void bad_files_are_refused_with_exactly_these_errors(void **state)
{
	(void)state;
	assert_true(check_dir("bad", false) >= 43);
}

/* Fields -------------------------------------------------------------------------------------- */

static void every_field_is_kept(void **state)
{
	const struct gl_release_spec *release;
	struct gl_policy *policy;
	struct gl_diag diag;
	size_t len;
	char *text = read_file("good", "full.yaml", &len);

	(void)state;
	gl_diag_init(&diag);
	assert_int_equal(gl_policy_parse("full.yaml", text, len, &diag, &policy), 0);
	release = &policy->releases[0];
	assert_string_equal(release->namespace, "shop");
	assert_string_equal(release->name, "shop-v2");
	assert_string_equal(release->lane, "v2");
	assert_string_equal(release->version.author, "ann");
	assert_int_equal(release->version.nimages, 1);
	assert_string_equal(release->label.baggage_key, "graylink");
	assert_int_equal(release->label.ntrust, 1);
	assert_int_equal(release->label.trust[0].mask.w[3], gl_htonl(0xff000000));
	assert_int_equal(release->entries[0].nmatches, 3);
	assert_true(release->entries[0].matches[0].base);
	assert_string_equal(release->entries[0].matches[1].headers[0].value, "42");
	assert_int_equal(release->entries[0].matches[1].headers[1].type, GL_MATCH_PRESENT);
	assert_int_equal(release->entries[0].nsticky, 2);
	assert_int_equal(release->entries[0].sticky[1].kind, GL_STICKY_COOKIE);
	assert_int_equal(release->nbatches, 3);
	assert_int_equal(release->batches[0].weight_ppm, 500);
	assert_int_equal(release->batches[1].weight_ppm, 302500);
	assert_int_equal(release->batches[1].duration_ns, 5400000000000ULL);
	assert_int_equal(release->batches[2].weight_ppm, GL_WEIGHT_ONE);
	assert_true(release->batches[2].implied && !release->batches[1].implied);
	assert_int_equal(release->guard->quantile_ppm, 990000);
	assert_int_equal(release->guard->max_latency_ns, 500000000);
	assert_int_equal(release->guard->latency_ratio_ppm, 1500000);
	assert_int_equal(release->nservices, 2);
	assert_string_equal(release->services[1].frontends.items[1].text, "[fd00::1]:80");
	assert_int_equal(release->services[0].pos.line, 27);
	gl_policy_free(policy);
	gl_diag_free(&diag);
	free(text);
}

static void without_batches_rules_come_first_and_all_at_next(void **state)
{
	struct gl_policy *policy;
	struct gl_diag diag;
	size_t len;
	char *text = read_file("good", "least.yaml", &len);

	(void)state;
	gl_diag_init(&diag);
	assert_int_equal(gl_policy_parse("least.yaml", text, len, &diag, &policy), 0);
	assert_string_equal(policy->releases[0].namespace, "default");
	assert_string_equal(policy->releases[0].lane, "shop-v2");
	assert_int_equal(policy->releases[0].nbatches, 2);
	assert_int_equal(policy->releases[0].batches[0].weight_ppm, 0);
	assert_int_equal(policy->releases[0].batches[1].weight_ppm, GL_WEIGHT_ONE);
	gl_policy_free(policy);
	gl_diag_free(&diag);
	free(text);
}

static void weights_are_written_as_short_as_they_are_read(void **state)
{
	static const struct {
		uint32_t ppm;
		const char *text;
	} rows[] = {
		{ 0, "0%" },	   { 1, "0.0001%" },	   { 500, "0.05%" },
		{ 50000, "5%" },   { 302500, "30.25%" },   { 1000000, "100%" },
		{ 100000, "10%" }, { 999999, "99.9999%" },
	};
	char buf[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(gl_weight_format(rows[i].ppm, buf, sizeof(buf)), rows[i].text);
}

/* The first example of docs/policy.md is right, and draws no warning. */
static void the_documented_example_is_right(void **state)
{
	static char text[1 << 16];
	FILE *file = fopen("docs/policy.md", "r");
	struct gl_policy *policy;
	struct gl_diag diag;
	char *start, *end;
	size_t len;

	(void)state;
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	start = strstr(text, "```yaml\n");
	assert_non_null(start);
	start += 8;
	end = strstr(start, "```");
	assert_non_null(end);
	gl_diag_init(&diag);
	assert_int_equal(gl_policy_parse("docs/policy.md", start, (size_t)(end - start), &diag,
					 &policy),
			 0);
	assert_int_equal(diag.count, 0);
	gl_policy_free(policy);
	gl_diag_free(&diag);
}

/* Hostile texts ------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * @unit over and over, to @size bytes, between @before and @after: refused, within a second of CPU
 * time.
 */
static void hostile_texts_are_refused_quickly(void **state)
{
	static const struct {
		const char *what, *before, *unit, *after;
		size_t size;
	} rows[] = {
		{ "nesting", "a: ", "[", "", 1000000 },
		{ "block nesting", "", "- ", "", 1000000 },
		{ "maps in maps", "a: ", "{a: ", "", 1000000 },
		{ "unknown fields",
		  "apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: a}\nspec:\n",
		  "  x: 1\n", "", 1000000 },
		{ "one long line", "a: \"", "x", "\"\n", 1000000 },
		{ "aliases", "a: &a [x]\nb: [", "*a,", "]\n", 1000000 },
		{ "documents", "", "---\na: 1\n", "", 1000000 },
		{ "spaces", "a:", " ", "1\n", 1000000 },
		{ "comments", "", "# a\n", "", 1000000 },
		{ "question marks", "", "? ", "", 100000 },
		{ "quotes", "a: '", "''", "'\n", 1000000 },
		{ "JSON strings", "{\"a\": [", "\"\\u0041\",", "1]}", 1000000 },
		{ "backslashes", "{\"a\": \"", "\\\\", "", 1000000 },
		{ "over the limit", "", "# a\n", "", GL_POLICY_TEXT_MAX + 1 },
		{ "bytes that are no text", "", "\xff", "", 1000000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gl_policy *policy;
		struct gl_diag diag;
		char *text = NULL;
		double start;
		size_t len, n;
		FILE *out = open_memstream(&text, &len);

		fputs(rows[i].before, out);
		for (n = 0; n < rows[i].size; n += strlen(rows[i].unit))
			fputs(rows[i].unit, out);
		fputs(rows[i].after, out);
		fclose(out);
		gl_diag_init(&diag);
		start = seconds();
		assert_int_equal(gl_policy_parse("hostile", text, len, &diag, &policy), -EINVAL);
		if (seconds() - start > 1)
			fail_msg("%s: %.2f s", rows[i].what, seconds() - start);
		assert_true(diag.errors > 0);
		gl_diag_free(&diag);
		free(text);
	}
}

/* Every prefix of a right file is refused or accepted, never anything else. */
static void every_prefix_has_an_answer(void **state)
{
	static const char *const names[] = { "full.yaml", "flow.json" };
	size_t len, cut, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		char *text = read_file("good", names[i], &len);

		for (cut = 0; cut < len; cut++) {
			struct gl_policy *policy = NULL;
			struct gl_diag diag;
			char *exact = malloc(cut + 1);
			int err;

			memcpy(exact, text, cut);
			gl_diag_init(&diag);
			err = gl_policy_parse(names[i], exact, cut, &diag, &policy);
			assert_true((err == 0 && policy) || (err == -EINVAL && diag.errors));
			gl_policy_free(policy);
			gl_diag_free(&diag);
			free(exact);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_are_accepted_with_exactly_these_warnings),
		cmocka_unit_test(bad_files_are_refused_with_exactly_these_errors),
		cmocka_unit_test(every_field_is_kept),
		cmocka_unit_test(without_batches_rules_come_first_and_all_at_next),
		cmocka_unit_test(weights_are_written_as_short_as_they_are_read),
		cmocka_unit_test(the_documented_example_is_right),
		cmocka_unit_test(hostile_texts_are_refused_quickly),
		cmocka_unit_test(every_prefix_has_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
