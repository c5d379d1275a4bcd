// SPDX-License-Identifier: Apache-2.0
/*
 * Large chunked bodies, cut into packets, of which the walk sees windows only: the end is the one
 * that a reference decoder finds in the whole body, and the windows are few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/chunk_walk.h"
#include "lib/chunk_reference.h"
#include "lib/http_vectors.h"

#define BODY_MAX	(1U << 21)
#define PACKET_MAX	65536U

static struct gl_head_buf *buf;
static u8 *body;
static size_t body_len;
static u64 seed;

static int setup(void **state)
{
	(void)state;
	buf = http_guarded_buf(0);
	body = malloc(BODY_MAX);
	return body ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	http_guarded_free(buf);
	free(body);
	return 0;
}

/* xorshift64: the same on every machine. */
static u32 below(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 32) % n;
}

static void put(const char *text)
{
	memcpy(body + body_len, text, strlen(text));
	body_len += strlen(text);
}

/* A size of the kind that servers send: tiny, some hundreds, a buffer of 4 to 64 KiB. */
static u32 random_size(u32 kind)
{
	switch (kind) {
	case 0:
		return 1 + below(20);
	case 1:
		return 1 + below(1500);
	case 2:
		return 4096U << below(5);
	}
	return random_size(below(3));
}

/* A well-formed body of about @room bytes; its data looks like chunks, so that an error shows. */
static void make_body(u32 kind, u32 room)
{
	static const char *const extensions[] = { ";a", ";a=b", ";a=\"b\\\"c\";d" };
	char line[64];
	u32 size, n;

	body_len = 0;
	while (body_len < room) {
		size = random_size(kind);
		if (body_len + size + 200 > BODY_MAX)
			break;
		snprintf(line, sizeof(line), below(2) ? "%x" : "%04X", size);
		put(line);
		if (!below(8))
			put(extensions[below(3)]);
		put("\r\n");
		for (n = 0; n < size; n++)
			body[body_len++] = "0\r\n\r\n1;a\r"[below(9)];
		put("\r\n");
	}
	put("0\r\n");
	if (below(2))
		put("X-Sum: 1\r\nServer-Timing: a\tb\r\n");
	put("\r\n");
	put("GET /");
}

/* Walks one packet as bpf/ does; returns as gl_chunk_walk_result(). */
static int walk_packet(struct gl_chunk *c, const u8 *payload, u32 off, u32 end, u32 *ret_off,
		       u32 *windows)
{
	struct gl_chunk_walk walk;
	u32 i;

	gl_chunk_walk_start(&walk, off, end);
	for (i = 0; i < GL_CHUNK_STEPS && gl_chunk_walk_more(&walk, c); i++) {
		u64 n = gl_chunk_walk_len(&walk);

		assert_int_equal(n, end - walk.off < GL_CHUNK_WINDOW ? end - walk.off :
								       GL_CHUNK_WINDOW);
		assert_int_equal(gl_chunk_data(c), 0);
		memset(buf->b, '\r', GL_CHUNK_WINDOW + 64);
		memcpy(buf->b, payload + walk.off, n);
		gl_chunk_walk_eat(&walk, c, buf);
	}
	*windows += i;
	*ret_off = walk.off;
	return gl_chunk_walk_result(&walk, c);
}

/* Walks the whole body in packets of up to @max bytes. Returns where it ended, or a cause. */
static long walk_body(u32 max, u32 *windows)
{
	size_t at = 0, n;
	struct gl_chunk c;
	u32 front, off;
	int ret;

	gl_chunk_start(&c);
	while (at < body_len) {
		n = 1 + below(max);
		n = n < body_len - at ? n : body_len - at;
		/* What lies in front of it in the packet, e.g. a head, is not for the walk. */
		front = at < 100 ? 0 : 100;
		ret = walk_packet(&c, body + at - front, front, front + n, &off, windows);
		if (ret < 0)
			return ret;
		if (ret)
			return at + off - front;
		assert_int_equal(off, front + n);
		at += n;
	}
	return 0;
}

static void large_bodies_end_where_the_reference_ends_them(void **state)
{
	static const u32 packets[] = { 1, 100, 1448, 9000, PACKET_MAX };
	u32 kind, i, round, windows;
	struct chunk_reference ref;
	u64 bytes = 0;

	(void)state;
	seed = 42;
	for (kind = 0; kind < 4; kind++) {
		for (i = 0; i < 5; i++) {
			for (round = 0; round < 8; round++) {
				make_body(kind, i ? 10000 + below(500000) : below(5000));
				chunk_reference(&ref, body, body_len);
				assert_int_equal(ref.verdict, CHUNK_DONE);
				assert_int_equal(ref.at, body_len - 5);
				windows = 0;
				if (walk_body(packets[i], &windows) != (long)ref.at)
					fail_msg("kind %u, packets of %u, round %u", kind,
						 packets[i], round);
				bytes += body_len;
			}
		}
	}
	printf("%lu bytes of bodies\n", (unsigned long)bytes);
}

/* One byte of a large body changed: refused, or read, as the reference does. */
static void damaged_bodies_are_judged_as_the_reference_judges_them(void **state)
{
	int refused = 0, ended = 0, open = 0;
	struct chunk_reference ref;
	u32 round, windows = 0, at;
	long ret, want;

	(void)state;
	seed = 4711;
	for (round = 0; round < 3000; round++) {
		make_body(below(2), 2000);
		at = below(body_len);
		body[at] = "\r\n0;f \xff:"[below(8)];
		chunk_reference(&ref, body, body_len);
		want = ref.verdict == CHUNK_BAD	 ? -GL_PIN_CHUNK_BAD :
		       ref.verdict == CHUNK_DONE ? (long)ref.at :
						   0;
		ret = walk_body(1 + below(3000), &windows);
		if (ret != want)
			fail_msg("round %u, byte %u: %ld, not %ld", round, at, ret, want);
		refused += ret < 0;
		ended += ret > 0;
		open += !ret;
	}
	printf("%d refused, %d end, %d go on\n", refused, ended, open);
	assert_true(refused > 500 && ended > 500);
}

/* Data beyond a window is not copied. */
static void a_chunk_costs_one_window(void **state)
{
	struct gl_chunk c;
	u32 windows = 0, off;

	(void)state;
	body_len = 0;
	put("10000\r\n");
	memset(body + body_len, 'x', 65536);
	body_len += 65536;
	put("\r\n0\r\n\r\n");
	gl_chunk_start(&c);
	assert_int_equal(walk_packet(&c, body, 0, 65000, &off, &windows), 0);
	assert_int_equal(windows, 1);
	assert_int_equal(walk_packet(&c, body + 65000, 0, 500, &off, &windows), 0);
	assert_int_equal(windows, 1);
	assert_int_equal(walk_packet(&c, body + 65500, 0, body_len - 65500, &off, &windows), 1);
	assert_int_equal(windows, 2);
	assert_int_equal(off, body_len - 65500);
}

static void steps_bound_the_work_for_one_packet(void **state)
{
	u32 windows = 0, off, n;
	struct gl_chunk c;

	(void)state;
	for (n = 0; n + 6 <= BODY_MAX; n += 6)
		memcpy(body + n, "1\r\nx\r\n", 6);
	/* The largest packet of today is read to its end. */
	gl_chunk_start(&c);
	assert_int_equal(walk_packet(&c, body, 0, PACKET_MAX, &off, &windows), 0);
	assert_int_equal(windows, PACKET_MAX / GL_CHUNK_WINDOW);
	windows = 0;
	gl_chunk_start(&c);
	assert_int_equal(walk_packet(&c, body, 0, 4 * PACKET_MAX, &off, &windows), -GL_PIN_CHUNKED);
	assert_int_equal(windows, GL_CHUNK_STEPS);
	assert_int_equal(off, GL_CHUNK_STEPS * GL_CHUNK_WINDOW);
}

static void nothing_to_read_changes_nothing(void **state)
{
	u32 windows = 0, off;
	struct gl_chunk c;

	(void)state;
	gl_chunk_start(&c);
	assert_int_equal(walk_packet(&c, body, 7, 7, &off, &windows), 0);
	assert_int_equal(off, 7);
	memcpy(body, "0\r\n\r\n", 5);
	assert_int_equal(walk_packet(&c, body, 0, 5, &off, &windows), 1);
	assert_int_equal(walk_packet(&c, body, 0, 5, &off, &windows), 1);
	assert_int_equal(off, 0);
	assert_int_equal(windows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_bodies_end_where_the_reference_ends_them),
		cmocka_unit_test(damaged_bodies_are_judged_as_the_reference_judges_them),
		cmocka_unit_test(a_chunk_costs_one_window),
		cmocka_unit_test(steps_bound_the_work_for_one_packet),
		cmocka_unit_test(nothing_to_read_changes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
