// SPDX-License-Identifier: Apache-2.0
/*
 * Chunked bodies against a reference decoder, whole and in pieces, with other bytes behind the
 * input, read and skipped, and as the payload of packets. The first two bytes of the input say how
 * it is cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunk_walk.h"
#include "lib/chunk_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gl_head_buf buf;

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static int whole(const uint8_t *data, u32 len, int fill, struct gl_chunk *c)
{
	memset(buf.b, fill, sizeof(buf.b));
	memcpy(buf.b, data, len);
	gl_chunk_start(c);
	return gl_chunk_feed(&buf, 0, len, c);
}

static int in_pieces(const uint8_t *data, u32 len, u32 step, struct gl_chunk *c)
{
	int ret, sum = 0;
	u32 n, end;

	memcpy(buf.b, data, len);
	gl_chunk_start(c);
	for (n = 0; n < len && !gl_chunk_done(c); n = end) {
		end = n + step < len ? n + step : len;
		ret = gl_chunk_feed(&buf, n, end, c);
		if (ret < 0)
			return ret;
		sum += ret;
	}
	return sum;
}

/* In packets of @step bytes. */
static int walked(const uint8_t *data, u32 len, u32 step, struct gl_chunk *c)
{
	struct gl_chunk_walk walk;
	u32 n, end, i;
	int ret;

	gl_chunk_start(c);
	for (n = 0; n < len; n = end) {
		end = n + step < len ? n + step : len;
		gl_chunk_walk_start(&walk, n, end);
		for (i = 0; i < GL_CHUNK_STEPS && gl_chunk_walk_more(&walk, c); i++) {
			memcpy(buf.b, data + walk.off, gl_chunk_walk_len(&walk));
			gl_chunk_walk_eat(&walk, c, &buf);
		}
		ret = gl_chunk_walk_result(&walk, c);
		if (ret)
			return ret < 0 ? ret : (int)walk.off;
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunk_reference ref;
	struct gl_chunk one, other;
	u32 step, packet, len;
	int ret;

	if (size < 3 || size > GL_HEAD_MAX)
		return 0;
	step = data[0] + 1;
	packet = (data[1] + 1) * 8;
	data += 2;
	len = size - 2;
	ret = whole(data, len, 'x', &one);
	chunk_reference(&ref, data, len);
	must((ret < 0) == (ref.verdict == CHUNK_BAD), "refused, and not by the reference");
	must(ret >= 0 || ret == -GL_PIN_CHUNK_BAD, "cause");
	if (ret >= 0) {
		must((size_t)ret == ref.at, "bytes");
		must(gl_chunk_done(&one) == (ref.verdict == CHUNK_DONE), "end");
		must(gl_chunk_data(&one) == ref.missing, "data that is missing");
	}
	must(whole(data, len, '\r', &other) == ret && !memcmp(&one, &other, sizeof(one)),
	     "bytes behind the input");
	must(in_pieces(data, len, step, &other) == ret && !memcmp(&one, &other, sizeof(one)),
	     "in pieces");
	must(walked(data, len, packet, &other) == ret && !memcmp(&one, &other, sizeof(one)),
	     "in packets");
	return 0;
}
