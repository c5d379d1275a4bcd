// SPDX-License-Identifier: Apache-2.0
/*
 * test_rule_member: cookies, baggage members and trace-ids, against rows of other projects' suites.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/member.h"
#include "lib/json_rows.h"

/* A head that is only lines of one field, and a key in an image that is otherwise empty. */
struct lines {
	struct gl_head_buf buf;
	struct gl_head head;
	struct gl_value_work work;
	struct gl_image *image;
	struct gl_image_member record;
	struct gl_member member;
	u32 used;
};

static struct lines *lines_new(u8 kind, const char *key)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	assert_non_null(lines);
	lines->image = calloc(1, sizeof(*lines->image));
	assert_non_null(lines->image);
	memset(&lines->buf, ';', sizeof(lines->buf));
	lines->record = (struct gl_image_member){
		.key_off = 4096, .key_len = (u16)strlen(key), .kind = kind, .field = 1
	};
	memcpy((u8 *)lines->image + 4096, key, strlen(key));
	return lines;
}

static void lines_free(struct lines *lines)
{
	free(lines->image);
	free(lines);
}

static void lines_add(struct lines *lines, const void *value, size_t len)
{
	struct gl_head_field *field = &lines->head.fields[lines->head.nfields];

	assert_true(lines->head.nfields < GL_HEAD_FIELDS);
	field->value_off = (u16)lines->used;
	field->value_len = (u16)len;
	memcpy(lines->buf.b + lines->used, value, len);
	lines->work.field[lines->head.nfields++] = 1;
	lines->used += (u32)len + 2;
}

static bool find(struct lines *lines)
{
	return gl_member_find(lines->image, &lines->buf, &lines->head, &lines->work,
			      &lines->member);
}

static bool value_is(const struct lines *lines, const char *value)
{
	u32 len = lines->member.value_end - lines->member.value_off;

	return len == strlen(value) && !memcmp(lines->buf.b + lines->member.value_off, value, len);
}

static void add_rows(struct lines *lines, const cJSON *headers)
{
	static char value[GL_HEAD_MAX];
	const cJSON *item;

	cJSON_ArrayForEach(item, headers)
	{
		size_t len = json_hex(item, value, sizeof(value)), end = len, start = 0;

		/* The head scan takes the white space off. */
		while (start < end && strchr(" \t", value[start]))
			start++;
		while (end > start && strchr(" \t", value[end - 1]))
			end--;
		lines_add(lines, value + start, end - start);
	}
}

/* The first member of each text with key `k`; NULL: none. */
static const struct {
	const char *text, *cookie, *baggage;
} texts[] = {
	{ "k=v", "v", "v" },
	{ "k=v;p", "v", "v" },
	{ "k=v,x=y", "v,x=y", "v" },
	{ "x=y;k=v", "v", NULL },
	{ "x=y,k=v", NULL, "v" },
	{ " \t k \t = \t v w \t ", "v w", "v w" },
	{ "k", NULL, NULL },
	{ "k=", "", "" },
	{ "k= ", "", "" },
	{ "k=;", "", "" },
	{ "k==", "=", "=" },
	{ "k = a=b", "a=b", "a=b" },
	{ "kk=v", NULL, NULL },
	{ "K=v", NULL, NULL },
	{ "k x=v", NULL, NULL },
	{ "=k", NULL, NULL },
	{ ";;,k=v", NULL, "v" },
	{ ",,;k=v", "v", NULL },
	{ "xk=1;k=2,k=3", "2,k=3", "3" },
	{ "k=\"v\"", "\"v\"", "\"v\"" },
	{ "k=12345678", "12345678", "12345678" },
	{ "k=1234567", "1234567", "1234567" },
	{ "k=123456;", "123456", "123456" },
	{ "long-name-here=1;k=v", "v", NULL },
	{ "", NULL, NULL },
	{ "                                k=v", "v", "v" },
	{ "k=v                              ", "v", "v" },
};

static void members_are_found_to_the_byte(void **state)
{
	size_t i, kind;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (kind = 0; kind < 2; kind++) {
			const char *want = kind ? texts[i].baggage : texts[i].cookie;
			struct lines *lines =
				lines_new(kind ? GL_MEMBER_BAGGAGE : GL_MEMBER_COOKIE, "k");

			lines_add(lines, texts[i].text, strlen(texts[i].text));
			gl_member_start(&lines->member, &lines->record);
			if (find(lines) != !!want || (want && !value_is(lines, want)))
				fail_msg("'%s' as %s", texts[i].text, kind ? "baggage" : "cookie");
			lines_free(lines);
		}
	}
}

static void all_members_of_all_lines_are_found(void **state)
{
	struct lines *lines = lines_new(GL_MEMBER_BAGGAGE, "k");

	(void)state;
	lines_add(lines, "k=1,x=2,k=3;p", 13);
	lines_add(lines, "", 0);
	lines_add(lines, "x=4", 3);
	lines_add(lines, "k=5", 3);
	gl_member_start(&lines->member, &lines->record);
	assert_true(find(lines) && value_is(lines, "1"));
	assert_true(find(lines) && value_is(lines, "3"));
	assert_true(find(lines) && value_is(lines, "5"));
	assert_false(find(lines));
	assert_false(find(lines));
	lines_free(lines);
}

/* Empty members are none; of the others GL_MEMBER_MAX are looked at. */
static void only_so_many_members_are_looked_at(void **state)
{
	size_t before;

	(void)state;
	for (before = GL_MEMBER_MAX - 2; before < GL_MEMBER_MAX + 2; before++) {
		struct lines *lines = lines_new(GL_MEMBER_COOKIE, "k");
		size_t i;

		lines_add(lines, ";;; ;\t;;", 8);
		for (i = 0; i < before; i++) {
			if (i % 64 == 0)
				lines_add(lines, "", 0);
			memcpy(lines->buf.b + lines->used - 2, ";a=1", 4);
			lines->head.fields[lines->head.nfields - 1].value_len += 4;
			lines->used += 4;
		}
		lines_add(lines, "k=v", 3);
		gl_member_start(&lines->member, &lines->record);
		assert_int_equal(find(lines), before < GL_MEMBER_MAX);
		lines_free(lines);
	}
}

static void cookie_rows_agree(void **state)
{
	cJSON *rows = json_rows("rules/cookie.json");
	const cJSON *row, *check;
	size_t strict = 0;

	(void)state;
	cJSON_ArrayForEach(row, rows)
	{
		if (cJSON_IsTrue(cJSON_GetObjectItem(row, "disputed")))
			continue;
		cJSON_ArrayForEach(check, cJSON_GetObjectItem(row, "checks"))
		{
			char name[256], value[8192];
			struct lines *lines;
			bool want = !cJSON_IsNull(cJSON_GetObjectItem(check, "value_hex"));
			bool found;

			if (!json_hex(cJSON_GetObjectItem(check, "name_hex"), name, sizeof(name)) ||
			    strlen(name) > GL_IMAGE_NAME_MAX)
				continue;
			if (want)
				json_hex(cJSON_GetObjectItem(check, "value_hex"), value,
					 sizeof(value));
			lines = lines_new(GL_MEMBER_COOKIE, name);
			add_rows(lines, cJSON_GetObjectItem(row, "headers_hex"));
			gl_member_start(&lines->member, &lines->record);
			found = find(lines);
			if (found != want || (want && !value_is(lines, value)))
				print_error("%s: cookie %s: %s '%.*s', expected '%s'\n",
					    json_text(row, "id"), name, found ? "found" : "nothing",
					    (int)(lines->member.value_end -
						  lines->member.value_off),
					    lines->buf.b + lines->member.value_off,
					    want ? value : "nothing");
			assert_true(found == want && (!want || value_is(lines, value)));
			lines_free(lines);
			strict++;
		}
	}
	assert_true(strict > 100);
	cJSON_Delete(rows);
}

/*
 * Every member that other implementations read is read, as it stands (nothing is percent-decoded).
 */
static void baggage_rows_agree(void **state)
{
	cJSON *rows = json_rows("rules/baggage.json");
	const cJSON *row, *member;
	size_t strict = 0;

	(void)state;
	cJSON_ArrayForEach(row, rows)
	{
		if (cJSON_IsTrue(cJSON_GetObjectItem(row, "disputed")))
			continue;
		cJSON_ArrayForEach(member, cJSON_GetObjectItem(row, "expected"))
		{
			const char *key = json_text(member, "key"), *raw = json_text(member, "raw");
			struct lines *lines;

			if (strlen(key) > GL_IMAGE_NAME_MAX)
				continue;
			lines = lines_new(GL_MEMBER_BAGGAGE, key);
			add_rows(lines, cJSON_GetObjectItem(row, "headers_hex"));
			gl_member_start(&lines->member, &lines->record);
			if (!find(lines) || !value_is(lines, raw))
				fail_msg("%s: member %s is not '%s'", json_text(row, "id"), key,
					 raw);
			lines_free(lines);
			strict++;
		}
	}
	assert_int_equal(strict, 218);
	cJSON_Delete(rows);
}

static void traceparent_rows_agree(void **state)
{
	cJSON *rows = json_rows("rules/traceparent.json");
	const cJSON *row, *header;

	(void)state;
	cJSON_ArrayForEach(row, rows)
	{
		const char *want = json_text(row, "trace_id");
		struct lines *lines = lines_new(GL_MEMBER_LINE, "");
		bool valid;

		cJSON_ArrayForEach(header, cJSON_GetObjectItem(row, "headers_hex"))
		{
			char name[64], value[2048];
			size_t len;

			json_hex(cJSON_GetArrayItem(header, 0), name, sizeof(name));
			len = json_hex(cJSON_GetArrayItem(header, 1), value, sizeof(value));
			if (strcasecmp(name, "traceparent"))
				continue;
			while (len && strchr(" \t", value[len - 1]))
				len--;
			lines_add(lines, value + strspn(value, " \t"), len - strspn(value, " \t"));
		}
		valid = lines->head.nfields == 1 &&
			gl_trace_valid(&lines->buf, lines->head.fields[0].value_off,
				       lines->head.fields[0].value_len);
		if (!cJSON_IsTrue(cJSON_GetObjectItem(row, "disputed")) &&
		    (valid != !strcmp(json_text(row, "outcome"), "accept") ||
		     (valid &&
		      memcmp(lines->buf.b + lines->head.fields[0].value_off + GL_TRACE_ID_OFF, want,
			     GL_TRACE_ID_LEN))))
			fail_msg("%s: %s", json_text(row, "id"), valid ? "accepted" : "rejected");
		lines_free(lines);
	}
	cJSON_Delete(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_to_the_byte),
		cmocka_unit_test(all_members_of_all_lines_are_found),
		cmocka_unit_test(only_so_many_members_are_looked_at),
		cmocka_unit_test(cookie_rows_agree),
		cmocka_unit_test(baggage_rows_agree),
		cmocka_unit_test(traceparent_rows_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
