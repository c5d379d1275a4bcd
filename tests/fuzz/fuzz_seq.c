// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that arrive in any order, around the wrap of sequence numbers, against a map of which bytes
 * were seen: what gl_seq_track() says is in order was seen, and nothing else.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/seq.h"

#define SPACE	1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Length of what was seen without a hole from the beginning. */
static u32 in_order(const u8 *seen)
{
	u32 n = 0;

	while (n < SPACE && seen[n])
		n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 seen[SPACE] = { 0 };
	u32 base, nxt, start = 0, end = 0, moved, before;

	if (size < 4)
		return 0;
	memcpy(&base, data, 4);
	nxt = base;
	for (data += 4, size -= 4; size >= 3; data += 3, size -= 3) {
		u32 from = (data[0] | data[1] << 8) % (SPACE - 256), to = from + 1 + data[2];

		before = nxt;
		moved = gl_seq_track(&nxt, &start, &end, base + from, base + to);
		if (moved == GL_SEQ_LOST) {
			must(nxt == before, "a run that is not remembered moves nothing");
			continue;
		}
		memset(seen + from, 1, to - from);
		must(nxt - before == moved, "how far it moved");
		must(nxt - base == in_order(seen), "what is in order");
		must(start == end || gl_seq_after(start, nxt), "a run lies behind a hole");
	}
	return 0;
}
