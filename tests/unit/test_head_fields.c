// SPDX-License-Identifier: Apache-2.0
/* The bounds of a head, and which of its fields are recorded. Causes of refusal: test_head.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/head.h"
#include "lib/http_vectors.h"

static struct gl_head_buf *buf;

static int setup(void **state)
{
	(void)state;
	buf = http_guarded_buf('x');
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_guarded_free(buf);
	return 0;
}

static int scan(struct gl_head *head, u32 response, const char *text, u32 len, const u64 *interest)
{
	assert_true(len <= sizeof(buf->b));
	memcpy(buf->b, text, len);
	gl_head_start(head, response, interest);
	return gl_head_scan(buf, len, head);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

/*
 * Puts @n header lines `x: <fill>` of @line bytes each behind a request line and Host. Returns the
 * length of the head.
 */
static u32 long_head(char *text, u32 n, u32 line)
{
	char *at = text + sprintf(text, GET);

	while (n--) {
		memset(at, 'v', line);
		memcpy(at, "x: ", 3);
		memcpy(at + line, "\r\n", 2);
		at += line + 2;
	}
	memcpy(at, "\r\n", 2);
	return at + 2 - text;
}

static void heads_are_bounded(void **state)
{
	static char text[4 * GL_HEAD_MAX];
	struct gl_head head;
	u32 len;

	(void)state;
	len = long_head(text, GL_HEAD_LINES_MAX - 1, 20);
	assert_int_equal(scan(&head, 0, text, len, NULL), len);
	len = long_head(text, GL_HEAD_LINES_MAX, 20);
	assert_int_equal(scan(&head, 0, text, len, NULL), -GL_PIN_HEAD_LONG);
	len = long_head(text, 1, GL_HEAD_LINE_MAX);
	assert_int_equal(scan(&head, 0, text, len, NULL), len);
	len = long_head(text, 1, GL_HEAD_LINE_MAX + 1);
	assert_int_equal(scan(&head, 0, text, len, NULL), -GL_PIN_HEAD_LONG);
	/* Just as long as the buffer, one byte longer, and far longer. */
	len = long_head(text, 0, 0);
	len = long_head(text, 4, (GL_HEAD_MAX - len) / 4 - 2);
	assert_in_range(len, GL_HEAD_MAX - 3, GL_HEAD_MAX);
	assert_int_equal(scan(&head, 0, text, len, NULL), len);
	memmove(text + 30 + GL_HEAD_MAX + 1 - len, text + 30, len);
	memset(text + 30, 'v', GL_HEAD_MAX + 1 - len);
	assert_int_equal(scan(&head, 0, text, GL_HEAD_MAX + 1, NULL), -GL_PIN_HEAD_LONG);
	assert_int_equal(scan(&head, 0, text, GL_HEAD_MAX - 1, NULL), 0);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(scan(&head, 0, text, GL_HEAD_MAX - 1, NULL), 0);
	assert_int_equal(scan(&head, 0, text, GL_HEAD_MAX, NULL), -GL_PIN_HEAD_LONG);
	/* A request line of 4,094 bytes is read, a longer one is not. */
	memcpy(text + 4094 - 9, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
	assert_int_equal(scan(&head, 0, text, 4094 + 13, NULL), 4094 + 13);
	assert_int_equal(head.target_len, 4094 - 13);
	memset(text + 4094 - 9, 'a', 22);
	memcpy(text + 4095 - 9, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
	assert_int_equal(scan(&head, 0, text, 4095 + 13, NULL), -GL_PIN_HEAD_LONG);
}

static void longest_name_is_read(void **state)
{
	char text[256] = GET, *name = text + strlen(GET);
	struct gl_head head;

	(void)state;
	memset(name, 'n', GL_HEAD_NAME_MAX);
	memcpy(name + GL_HEAD_NAME_MAX, ": v\r\n\r\n", 7);
	assert_true(scan(&head, 0, text, name + GL_HEAD_NAME_MAX + 7 - text, NULL) > 0);
	name[GL_HEAD_NAME_MAX] = 'n';
	memcpy(name + GL_HEAD_NAME_MAX + 1, ": v\r\n\r\n", 7);
	assert_int_equal(scan(&head, 0, text, name + GL_HEAD_NAME_MAX + 8 - text, NULL),
			 -GL_PIN_NAME);
}

static void fields_of_interest_are_recorded_in_order(void **state)
{
	static const char text[] = "GET /p?q HTTP/1.1\r\n"
				   "Host: shop.test\r\n"
				   "X-Gray:   v2 \t\r\n"
				   "Other: x\r\n"
				   "x-gray:\r\n"
				   "X_Odd!: y\r\n"
				   "X-GRAY:z\r\n\r\n";
	u32 gray = gl_hash_name("x-gray", 6), odd = gl_hash_name("x_odd!", 6), n, i;
	static const char *const values[] = { "v2", "", "y", "z" };
	u64 interest[4] = { 0 };
	struct gl_head head;

	(void)state;
	interest[gray >> 6 & 3] |= 1ULL << (gray & 63);
	interest[odd >> 6 & 3] |= 1ULL << (odd & 63);
	assert_int_equal(scan(&head, 0, text, strlen(text), interest), strlen(text));
	assert_int_equal(head.nfields, 4);
	for (i = 0; i < 4; i++) {
		const struct gl_head_field *field = &head.fields[i];

		n = strlen(values[i]);
		assert_int_equal(field->name_hash, i == 2 ? odd : gray);
		assert_int_equal(field->name_len, 6);
		assert_int_equal(gl_hash_name(text + field->name_off, 6), field->name_hash);
		assert_int_equal(field->value_len, n);
		assert_memory_equal(text + field->value_off, values[i], n);
	}
	assert_int_equal(head.target_off, 4);
	assert_int_equal(head.target_len, 4);
	assert_int_equal(head.host_len, 9);
	assert_memory_equal(text + head.host_off, "shop.test", 9);
	assert_int_equal(head.lines, 6);
}

static void own_names_are_recorded_only_if_they_are_of_interest(void **state)
{
	static const char text[] = GET "Content-Length: 3\r\n\r\n";
	u32 hash = gl_hash_name("Content-Length", 14);
	u64 interest[4] = { 0 };
	struct gl_head head;

	(void)state;
	assert_true(scan(&head, 0, text, strlen(text), NULL) > 0);
	assert_int_equal(head.nfields, 0);
	interest[hash >> 6 & 3] |= 1ULL << (hash & 63);
	assert_true(scan(&head, 0, text, strlen(text), interest) > 0);
	assert_int_equal(head.nfields, 1);
	assert_true(head.content_length == 3);
}

static void too_many_fields_of_interest_are_refused(void **state)
{
	u32 hash = gl_hash_name("x", 1), len;
	static char text[4096];
	u64 interest[4] = { 0 };
	struct gl_head head;

	(void)state;
	interest[hash >> 6 & 3] |= 1ULL << (hash & 63);
	len = long_head(text, GL_HEAD_FIELDS, 10);
	assert_int_equal(scan(&head, 0, text, len, interest), len);
	assert_int_equal(head.nfields, GL_HEAD_FIELDS);
	len = long_head(text, GL_HEAD_FIELDS + 1, 10);
	assert_int_equal(scan(&head, 0, text, len, interest), -GL_PIN_FIELDS);
}

static void a_result_stays_when_it_is_asked_again(void **state)
{
	static const char good[] = GET "a: b\r\n\r\nGET /2", bad[] = GET "a: b\n\r\n";
	struct gl_head head;

	(void)state;
	assert_int_equal(scan(&head, 0, good, strlen(good), NULL), strlen(good) - 6);
	assert_int_equal(gl_head_scan(buf, strlen(good), &head), strlen(good) - 6);
	assert_int_equal(scan(&head, 0, bad, strlen(bad), NULL), -GL_PIN_BARE_LF);
	assert_int_equal(gl_head_scan(buf, strlen(bad), &head), -GL_PIN_BARE_LF);
	assert_int_equal(scan(&head, 0, "", 0, NULL), 0);
	assert_true(gl_head_scan(NULL, 1, &head) < 0);
	assert_true(gl_head_scan(buf, 1, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(longest_name_is_read),
		cmocka_unit_test(fields_of_interest_are_recorded_in_order),
		cmocka_unit_test(own_names_are_recorded_only_if_they_are_of_interest),
		cmocka_unit_test(too_many_fields_of_interest_are_refused),
		cmocka_unit_test(a_result_stays_when_it_is_asked_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
