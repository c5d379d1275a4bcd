// SPDX-License-Identifier: Apache-2.0
/*
 * The result of a scan depends on the bytes of the head alone: not on what lies behind them, nor on
 * where the input was split. For every vector, in a buffer that ends at a page without access.
 */
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

/* Names of about half of the fields in the vectors, so that records are compared, too. */
static const u64 interest[4] = { 0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
				 0x00ff00ff00ff00ff };

static struct http_vectors *vectors;
static struct gl_head_buf *buf;

static int setup(void **state)
{
	(void)state;
	vectors = http_vectors_load("parsers.jsonl");
	buf = http_guarded_buf(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_guarded_free(buf);
	http_vectors_free(vectors);
	return 0;
}

/* Everything but the records that are not in use. */
static int same(const struct gl_head *a, const struct gl_head *b)
{
	return !memcmp(a, b, offsetof(struct gl_head, fields)) &&
	       !memcmp(a->fields, b->fields, a->nfields * sizeof(a->fields[0]));
}

static int whole(const struct http_case *vector, struct gl_head *head, u8 fill)
{
	memset(buf->b, fill, sizeof(buf->b));
	memcpy(buf->b, vector->bytes, vector->len);
	gl_head_start(head, vector->response, interest);
	return gl_head_scan(buf, vector->len, head);
}

static void result_does_not_change_with_bytes_beyond_the_length(void **state)
{
	static const u8 fills[] = { 0, '\r', '\n', ':', ' ', 'a', '0', ',', 0x80, 0xff };
	struct gl_head first, other;
	int ret;
	size_t i, k;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		ret = whole(&vectors->list[i], &first, '\t');
		for (k = 0; k < sizeof(fills); k++) {
			if (whole(&vectors->list[i], &other, fills[k]) == ret &&
			    same(&first, &other))
				continue;
			fail_msg("%s: differs when 0x%02x follows", vectors->list[i].id, fills[k]);
		}
	}
}

/*
 * The same for every prefix of a head: what lies behind the prefix is what really follows, or
 * something else.
 */
static void result_of_a_prefix_does_not_change_with_what_follows(void **state)
{
	struct gl_head real, other;
	int ret;
	size_t i, n;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];

		if (vector->len > 2000)
			continue;
		for (n = 0; n <= vector->len; n++) {
			memcpy(buf->b, vector->bytes, vector->len);
			gl_head_start(&real, vector->response, interest);
			ret = gl_head_scan(buf, n, &real);
			memset(buf->b + n, "\r\n:a "[n % 5], 256);
			gl_head_start(&other, vector->response, interest);
			if (gl_head_scan(buf, n, &other) != ret || !same(&real, &other))
				fail_msg("%s: %zu bytes of it", vector->id, n);
		}
	}
}

static void result_does_not_change_with_one_cut_anywhere(void **state)
{
	struct gl_head one, cut;
	int ret, first;
	size_t i, n;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];

		ret = whole(vector, &one, 'x');
		for (n = 0; n <= vector->len; n++) {
			gl_head_start(&cut, vector->response, interest);
			first = gl_head_scan(buf, n, &cut);
			/* A refusal or a whole head in the first part is the result; it stays. */
			if (first && first != ret)
				fail_msg("%s: cut at %zu: %d, not %d", vector->id, n, first, ret);
			if (gl_head_scan(buf, vector->len, &cut) != ret || !same(&one, &cut))
				fail_msg("%s: cut at %zu", vector->id, n);
		}
	}
}

static void result_does_not_change_byte_by_byte(void **state)
{
	struct gl_head one, many;
	int ret, last = 0;
	size_t i, n, step;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];

		ret = whole(vector, &one, 'x');
		for (step = 1; step <= 7; step += 2) {
			gl_head_start(&many, vector->response, interest);
			for (n = 0; n < vector->len && !(n && last); n += step)
				last = gl_head_scan(buf, n, &many);
			last = gl_head_scan(buf, vector->len, &many);
			if (last != ret || !same(&one, &many))
				fail_msg("%s: by %zu bytes: %d, not %d", vector->id, step, last,
					 ret);
			last = 0;
		}
	}
}

/*
 * A head that fills the buffer to its last byte, and all the padding behind it is without access
 * from there on.
 */
static void a_full_buffer_is_read_within_its_padding(void **state)
{
	struct gl_head head;
	u32 n;

	(void)state;
	memset(buf->b, 'a', sizeof(buf->b));
	memcpy(buf->b, "GET /", 5);
	for (n = GL_HEAD_MAX - 200; n <= sizeof(buf->b); n++) {
		gl_head_start(&head, 0, interest);
		assert_int_equal(gl_head_scan(buf, n, &head),
				 n < GL_HEAD_MAX ? 0 : -GL_PIN_HEAD_LONG);
	}
	/* The last line of the buffer begins at every one of its last bytes. */
	for (n = 1; n < 200; n++) {
		memset(buf->b, 'a', sizeof(buf->b));
		memcpy(buf->b, "HTTP/1.1 200 ", 13);
		memcpy(buf->b + GL_HEAD_MAX - n - 2, "\r\n", 2);
		gl_head_start(&head, 1, interest);
		assert_int_equal(gl_head_scan(buf, GL_HEAD_MAX, &head), -GL_PIN_HEAD_LONG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_does_not_change_with_bytes_beyond_the_length),
		cmocka_unit_test(result_of_a_prefix_does_not_change_with_what_follows),
		cmocka_unit_test(result_does_not_change_with_one_cut_anywhere),
		cmocka_unit_test(result_does_not_change_byte_by_byte),
		cmocka_unit_test(a_full_buffer_is_read_within_its_padding),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
