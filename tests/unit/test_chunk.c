// SPDX-License-Identifier: Apache-2.0
/*
 * Chunked bodies, kind by kind, and each byte value at each place of a body that has everything:
 * as a reference decoder that follows the grammar reads them.
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
#include "lib/chunk_reference.h"

static struct gl_head_buf buf;

static int feed(const void *bytes, size_t len, struct gl_chunk *c)
{
	assert_true(len <= GL_HEAD_MAX);
	memcpy(buf.b, bytes, len);
	gl_chunk_start(c);
	return gl_chunk_feed(&buf, 0, len, c);
}

/* Ours and the reference's verdict on @bytes must be one. */
static void agrees(const char *id, size_t place, const u8 *bytes, size_t len)
{
	struct chunk_reference ref;
	struct gl_chunk c;
	int ret = feed(bytes, len, &c);

	chunk_reference(&ref, bytes, len);
	if (ref.verdict == CHUNK_BAD) {
		if (ret == -GL_PIN_CHUNK_BAD && !gl_chunk_done(&c))
			return;
	} else if (ret == (int)ref.at && gl_chunk_data(&c) == ref.missing &&
		   gl_chunk_done(&c) == (ref.verdict == CHUNK_DONE)) {
		return;
	}
	fail_msg("%s, place %zu: %d, phase %d; the reference: verdict %d at %zu", id, place, ret,
		 c.phase, ref.verdict, ref.at);
}

static void kinds_are_read_as_the_table_says(void **state)
{
	const struct chunk_body *list;
	size_t n = chunk_bodies_table(&list), i;
	int kinds[3] = { 0 };
	struct gl_chunk c;
	int ret, got;

	(void)state;
	for (i = 0; i < n; i++) {
		ret = feed(list[i].bytes, list[i].len, &c);
		got = ret < 0 ? -1 : gl_chunk_done(&c) ? ret : 0;
		if (got != list[i].want)
			fail_msg("%s: %d, not %d", list[i].id, got, list[i].want);
		if (got == 0)
			assert_int_equal(ret, list[i].len);
		else	/* nothing else is left in the state */
			assert_true(!c.left && !c.hash && !c.spent && !c.digits);
		kinds[got < 0 ? 2 : got ? 1 : 0]++;
	}
	printf("%zu kinds: %d end, %d go on, %d are refused\n", n, kinds[1], kinds[0], kinds[2]);
}

static void every_body_is_read_as_the_reference_reads_it(void **state)
{
	struct chunk_body *list;
	size_t n = chunk_bodies_load(&list), i, len;

	(void)state;
	for (i = 0; i < n; i++)
		for (len = 0; len <= list[i].len && len <= GL_HEAD_MAX; len++)
			agrees(list[i].id, len, list[i].bytes, len);
	chunk_bodies_free(list);
}

/* Every byte at every place, in place of what is there and put in between. */
static void every_byte_at_every_place(void **state)
{
	static const char *const bodies[] = {
		"3\r\nabc\r\nB;e;f=g;h=\"i\\j\"\r\n01234567890\r\n0;k=l\r\nM-n: o\tp\r\nq:\r\n\r\n",
		"1a\r\n01234567890123456789012345\r\n00c0ffe;x\r\n",
		"123456\r\n",
		"1234567\r\n",
		"0\r\nHost : a\r\nContent-Length:\r\n\r\n",
		"0\r\nHosT: a\r\n\r\n",
	};
	u8 bytes[256];
	size_t i, at, len;
	u32 b;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		len = strlen(bodies[i]);
		for (at = 0; at < len; at++) {
			for (b = 0; b < 256; b++) {
				memcpy(bytes, bodies[i], len);
				bytes[at] = b;
				agrees(bodies[i], at, bytes, len);
				memcpy(bytes + at + 1, bodies[i] + at, len - at);
				agrees(bodies[i], at, bytes, len + 1);
			}
		}
	}
}

static void sizes_are_exact_at_every_length(void **state)
{
	char text[32];
	struct gl_chunk c;
	u64 size;
	int bit, n;

	(void)state;
	for (bit = 0; bit < 60; bit++) {
		for (size = (1ULL << bit) - 1; size <= (1ULL << bit) + 1; size++) {
			if (!size || size >> 60)
				continue;
			n = snprintf(text, sizeof(text), bit & 1 ? "%lX\r\n" : "%lx\r\n",
				     (unsigned long)size);
			assert_int_equal(feed(text, n, &c), n);
			assert_int_equal(gl_chunk_data(&c), size);
		}
	}
}

static void data_may_be_skipped(void **state)
{
	struct gl_chunk c;

	(void)state;
	assert_int_equal(feed("1000\r\n", 6, &c), 6);
	assert_int_equal(gl_chunk_data(&c), 4096);
	assert_int_equal(gl_chunk_skip(&c, 1000), 1000);
	assert_int_equal(gl_chunk_data(&c), 3096);
	assert_int_equal(gl_chunk_skip(&c, 0), 0);
	assert_int_equal(gl_chunk_skip(&c, 5000), 3096);
	assert_int_equal(gl_chunk_data(&c), 0);
	assert_int_equal(gl_chunk_skip(&c, 10), 0);
	memcpy(buf.b + 100, "\r\n0\r\n\r\n", 7);
	assert_int_equal(gl_chunk_feed(&buf, 100, 107, &c), 7);
	assert_true(gl_chunk_done(&c));
	assert_int_equal(gl_chunk_skip(&c, 10), 0);
	assert_int_equal(gl_chunk_feed(&buf, 0, 10, &c), 0);
	assert_true(gl_chunk_done(&c));
}

static void a_refusal_stays(void **state)
{
	struct gl_chunk c;

	(void)state;
	assert_int_equal(feed("g", 1, &c), -GL_PIN_CHUNK_BAD);
	memcpy(buf.b, "0\r\n\r\n", 5);
	assert_int_equal(gl_chunk_feed(&buf, 0, 5, &c), -GL_PIN_CHUNK_BAD);
	assert_int_equal(gl_chunk_feed(&buf, 0, 0, &c), -GL_PIN_CHUNK_BAD);
	assert_int_equal(gl_chunk_data(&c), 0);
	assert_false(gl_chunk_done(&c));
}

static void impossible_arguments_are_refused(void **state)
{
	struct gl_chunk c = { 0 };

	(void)state;
	assert_int_equal(gl_chunk_feed(NULL, 0, 1, &c), -GL_PIN_SYNC);
	assert_int_equal(gl_chunk_feed(&buf, 0, 1, NULL), -GL_PIN_SYNC);
	assert_int_equal(gl_chunk_feed(&buf, 2, 1, &c), -GL_PIN_SYNC);
	assert_int_equal(gl_chunk_feed(&buf, 0, GL_HEAD_MAX + 1, &c), -GL_PIN_SYNC);
	assert_int_equal(gl_chunk_feed(&buf, GL_HEAD_MAX, GL_HEAD_MAX, &c), 0);
}

/* Trailers around each of their bounds: bytes in all, lines, bytes of a name. */
static void trailers_are_bounded(void **state)
{
	static u8 bytes[GL_CHUNK_TRAILER_MAX + 64];
	size_t n, len, lines;

	(void)state;
	for (n = GL_CHUNK_TRAILER_MAX - 20; n < GL_CHUNK_TRAILER_MAX + 20; n++) {
		memset(bytes, 'v', sizeof(bytes));
		memcpy(bytes, "0\r\na:", 5);
		memcpy(bytes + n, "\r\n\r\n", 4);
		agrees("bytes", n, bytes, n + 4);
	}
	for (lines = 95; lines < 105; lines++) {
		len = 3;
		for (n = 0; n < lines; n++, len += 4)
			memcpy(bytes + len, "a:\r\n", 4);
		memcpy(bytes + len, "\r\n", 2);
		agrees("lines", lines, bytes, len + 2);
	}
	for (n = 120; n < 135; n++) {
		memset(bytes + 3, 'n', n);
		memcpy(bytes + 3 + n, ":\r\n\r\n", 5);
		agrees("name", n, bytes, n + 8);
	}
	for (n = GL_CHUNK_LINE_MAX - 5; n < GL_CHUNK_LINE_MAX + 5; n++) {
		memset(bytes, 'e', n);
		memcpy(bytes, "1;", 2);
		memcpy(bytes + n, "\r\nx\r\n", 5);
		agrees("extension", n, bytes, n + 5);
	}
}

static u32 hash_of(const char *name)
{
	u32 hash = GL_CHUNK_HASH_SEED;

	for (; *name; name++)
		hash = gl_chunk_hash(hash, *name);
	return hash;
}

static void refused_fields_are_known_by_their_hashes(void **state)
{
	static const char *const innocent[] = {
		"grpc-status",
		"grpc-message",
		"grpc-status-details-bin",
		"server-timing",
		"digest",
		"content-md5",
		"etag",
		"repr-digest",
		"content-digest",
		"signature",
		"date",
		"vary",
		"x-amz-checksum-crc32",
		"x-amz-checksum-sha256",
		"x-amz-trailer-signature",
		"expires",
		"x-request-id",
		"x-trace-id",
		"x-stream-error",
		"last-modified",
		"link",
		"warning",
	};
	size_t i;

	(void)state;
#define SAME(known, name) \
	assert_int_equal(known, hash_of(name)); \
	assert_true(gl_chunk_refused(known));
	GL_CHUNK_REFUSED(SAME)
#undef SAME
	assert_int_equal(hash_of("Content-LENGTH"), hash_of("content-length"));
	for (i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++)
		assert_false(gl_chunk_refused(hash_of(innocent[i])));
	assert_false(gl_chunk_refused(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_read_as_the_table_says),
		cmocka_unit_test(every_body_is_read_as_the_reference_reads_it),
		cmocka_unit_test(every_byte_at_every_place),
		cmocka_unit_test(sizes_are_exact_at_every_length),
		cmocka_unit_test(data_may_be_skipped),
		cmocka_unit_test(a_refusal_stays),
		cmocka_unit_test(impossible_arguments_are_refused),
		cmocka_unit_test(trailers_are_bounded),
		cmocka_unit_test(refused_fields_are_known_by_their_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
