// SPDX-License-Identifier: Apache-2.0
/*
 * The result of reading a chunked body, the state between two calls included, depends on its bytes
 * alone: not on what lies behind them, nor on where they were cut, nor on their place in the
 * buffer. For every kind and every vector, in a buffer that ends at a page without access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/chunk.h"
#include "lib/chunk_bodies.h"
#include "lib/http_vectors.h"

static struct chunk_body *bodies;
static size_t count;
static struct gl_head_buf *buf;

static int setup(void **state)
{
	(void)state;
	count = chunk_bodies_load(&bodies);
	buf = http_guarded_buf(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_guarded_free(buf);
	chunk_bodies_free(bodies);
	return 0;
}

/* The result of a whole body, read at once: bytes eaten or a negative cause. */
static int whole(const struct chunk_body *body, u8 fill, struct gl_chunk *c)
{
	memset(buf->b, fill, sizeof(buf->b));
	memcpy(buf->b, body->bytes, body->len);
	gl_chunk_start(c);
	return gl_chunk_feed(buf, 0, body->len, c);
}

/* Reads [off, len) on top of what earlier calls gave (@sum). */
static int more(u32 off, u32 len, struct gl_chunk *c, int sum)
{
	int ret;

	if (sum < 0 || gl_chunk_done(c))
		return sum;
	ret = gl_chunk_feed(buf, off, len, c);
	return ret < 0 ? ret : sum + ret;
}

static void result_does_not_change_with_bytes_beyond_the_length(void **state)
{
	static const u8 fills[] = { 0, '\r', '\n', ';', '0', 'a', ':', '"', ' ', 0x80, 0xff };
	struct gl_chunk first, other;
	size_t i, k, len;
	int ret;

	(void)state;
	for (i = 0; i < count; i++) {
		ret = whole(&bodies[i], '\t', &first);
		for (k = 0; k < sizeof(fills); k++)
			if (whole(&bodies[i], fills[k], &other) != ret ||
			    memcmp(&first, &other, sizeof(first)))
				fail_msg("%s: differs when 0x%02x follows", bodies[i].id, fills[k]);
		/* What really follows a prefix, or something else. */
		for (len = 0; len < bodies[i].len; len++) {
			memcpy(buf->b, bodies[i].bytes, bodies[i].len);
			gl_chunk_start(&first);
			ret = gl_chunk_feed(buf, 0, len, &first);
			memset(buf->b + len, "\r\n;0"[len & 3], 64);
			gl_chunk_start(&other);
			if (gl_chunk_feed(buf, 0, len, &other) != ret ||
			    memcmp(&first, &other, sizeof(first)))
				fail_msg("%s: %zu bytes of it", bodies[i].id, len);
		}
	}
}

static void result_does_not_change_with_one_cut_anywhere(void **state)
{
	struct gl_chunk one, cut;
	int ret, sum;
	size_t i;
	u32 n, len;

	(void)state;
	for (i = 0; i < count; i++) {
		len = bodies[i].len;
		ret = whole(&bodies[i], 'x', &one);
		for (n = 0; n <= len; n++) {
			gl_chunk_start(&cut);
			sum = more(0, n, &cut, 0);
			sum = more(n, len, &cut, sum);
			if (sum != ret || memcmp(&one, &cut, sizeof(one)))
				fail_msg("%s: cut at %u: %d, not %d", bodies[i].id, n, sum, ret);
		}
	}
}

static void result_does_not_change_byte_by_byte(void **state)
{
	struct gl_chunk one, many;
	u32 n, len, step;
	int ret, sum;
	size_t i;

	(void)state;
	for (i = 0; i < count; i++) {
		len = bodies[i].len;
		ret = whole(&bodies[i], 'x', &one);
		for (step = 1; step <= 9; step++) {
			gl_chunk_start(&many);
			for (n = 0, sum = 0; n < len; n += step)
				sum = more(n, n + step < len ? n + step : len, &many, sum);
			if (sum != ret || memcmp(&one, &many, sizeof(one)))
				fail_msg("%s: by %u bytes: %d, not %d", bodies[i].id, step, sum,
					 ret);
		}
	}
}

/* Trailers about as long as they may be, which eight bytes at a time overstep at once. */
static void a_bound_does_not_change_with_cuts(void **state)
{
	static u8 bytes[GL_CHUNK_TRAILER_MAX + 64];
	struct chunk_body body = { .id = "long trailer", .bytes = bytes };
	struct gl_chunk one, many;
	u32 n, len, step;
	int ret, sum;

	(void)state;
	for (len = GL_CHUNK_TRAILER_MAX - 6; len < GL_CHUNK_TRAILER_MAX + 30; len++) {
		memset(bytes, 'v', sizeof(bytes));
		memcpy(bytes, "0\r\na:", 5);
		memcpy(bytes + len - 4, "\r\n\r\n", 4);
		body.len = len;
		ret = whole(&body, 'v', &one);
		assert_int_equal(ret,
				 len <= GL_CHUNK_TRAILER_MAX + 3 ? (int)len : -GL_PIN_CHUNK_BAD);
		for (step = 1; step <= 17; step++) {
			gl_chunk_start(&many);
			for (n = 0, sum = 0; n < len; n += step)
				sum = more(n, n + step < len ? n + step : len, &many, sum);
			if (sum != ret || memcmp(&one, &many, sizeof(one)))
				fail_msg("%u bytes by %u: %d, not %d", len, step, sum, ret);
		}
	}
}

/* Skipping data unseen is the same as reading over it. */
static void skipping_data_is_as_good_as_reading_it(void **state)
{
	struct gl_chunk one, skipped;
	u32 n, len, part;
	int ret, sum;
	size_t i;

	(void)state;
	for (i = 0; i < count; i++) {
		len = bodies[i].len;
		ret = whole(&bodies[i], 'x', &one);
		gl_chunk_start(&skipped);
		for (n = 0, sum = 0; n < len && sum >= 0 && !gl_chunk_done(&skipped); n += part) {
			part = gl_chunk_skip(&skipped, len - n);
			if (part) {
				memset(buf->b + n, '\n', part);
				sum += part;
			} else {
				part = 1;
				sum = more(n, n + 1, &skipped, sum);
			}
		}
		if (sum != ret || memcmp(&one, &skipped, sizeof(one)))
			fail_msg("%s: %d, not %d", bodies[i].id, sum, ret);
	}
}

/* A body that ends with the buffer, behind which there is its padding and then no access. */
static void result_does_not_change_with_the_place_in_the_buffer(void **state)
{
	struct gl_chunk one, other;
	size_t i, place;
	u32 len, off;
	int ret;

	(void)state;
	for (i = 0; i < count; i++) {
		len = bodies[i].len;
		ret = whole(&bodies[i], 'x', &one);
		for (place = 0; place < 3; place++) {
			off = place == 0 ? 1 : place == 1 ? 511 : GL_HEAD_MAX - len;
			memset(buf->b, '\r', sizeof(buf->b));
			memcpy(buf->b + off, bodies[i].bytes, len);
			gl_chunk_start(&other);
			if (gl_chunk_feed(buf, off, off + len, &other) != ret ||
			    memcmp(&one, &other, sizeof(one)))
				fail_msg("%s: at offset %u", bodies[i].id, off);
		}
	}
}

/* As many turns as a full buffer can need: a byte each, or a chunk of one byte each. */
static void a_full_buffer_is_read_in_one_call(void **state)
{
	struct gl_chunk c;
	u32 n;

	(void)state;
	for (n = 0; n + 6 <= GL_HEAD_MAX; n += 6)
		memcpy(buf->b + n, "1\r\nx\r\n", 6);
	memset(buf->b + n, '0', sizeof(buf->b) - n);
	gl_chunk_start(&c);
	assert_int_equal(gl_chunk_feed(buf, 0, GL_HEAD_MAX, &c), GL_HEAD_MAX);
	memset(buf->b, 'e', sizeof(buf->b));
	for (n = 0; n + 256 <= GL_HEAD_MAX; n += 256) {
		memcpy(buf->b + n, n ? "\r\n1;" : "001;", 4);
		memcpy(buf->b + n + 253, "\r\nx", 3);
	}
	gl_chunk_start(&c);
	assert_int_equal(gl_chunk_feed(buf, 0, GL_HEAD_MAX, &c), GL_HEAD_MAX);
	assert_int_equal(c.phase, GL_CHUNK_DATA_CR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_does_not_change_with_bytes_beyond_the_length),
		cmocka_unit_test(result_does_not_change_with_one_cut_anywhere),
		cmocka_unit_test(result_does_not_change_byte_by_byte),
		cmocka_unit_test(a_bound_does_not_change_with_cuts),
		cmocka_unit_test(skipping_data_is_as_good_as_reading_it),
		cmocka_unit_test(result_does_not_change_with_the_place_in_the_buffer),
		cmocka_unit_test(a_full_buffer_is_read_in_one_call),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
