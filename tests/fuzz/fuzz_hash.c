// SPDX-License-Identifier: Apache-2.0
/*
 * The two hashes over any bytes: a name's does not see the case of letters nor the bytes behind the
 * name, and a key's is the same whether the key lies in one piece or in a head.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* ASCII letters change their case where the bits of @flips say so. */
static void flip(u8 *to, const u8 *from, size_t n, u32 flips)
{
	size_t i;

	for (i = 0; i < n; i++) {
		u8 low = from[i] | 0x20;

		to[i] = low >= 'a' && low <= 'z' && (flips >> (i & 31) & 1) ? from[i] ^ 0x20 :
									      from[i];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gl_head_buf buf;
	u8 *name, *other;
	u32 off;

	if (size < 6 || size > 4096)
		return 0;
	off = (data[0] | data[1] << 8) % (GL_HEAD_MAX - 4096);
	size -= 4;
	/* Of the exact size: the sanitizer sees a byte read behind the end. */
	name = malloc(size);
	other = malloc(size);
	if (!name || !other)
		abort();
	memcpy(name, data + 4, size);
	flip(other, name, size, data[2] | data[3] << 8 | 0x10000);
	must(gl_hash_name(name, size) == gl_hash_name(other, size), "case of a name");
	memset(&buf, data[2], sizeof(buf));
	memcpy(buf.b + off, name, size);
	must(gl_head_share(&buf, off, size) == gl_hash_share(name, size),
	     "share of a key in a head");
	must(gl_hash_millionths(gl_hash_share(name, size)) < 1000000, "millionths");
	free(name);
	free(other);
	return 0;
}
