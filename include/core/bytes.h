/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bytes: eight bytes at a time. Loads from any address, tests of all eight bytes at once, lower case, comparison of bounded
 * strings. All words are little-endian in meaning: byte 0 of memory is bits 0..7.
 *
 * Tests return a mask in which bit 7 of each byte that passes is set. They are exact for every byte unless their comment says
 * otherwise.
 */
#ifndef GL_CORE_BYTES_H
#define GL_CORE_BYTES_H

#include "core/port.h"

#define GL_ONES		0x0101010101010101ULL
#define GL_HIGHS	0x8080808080808080ULL
#define GL_LOWS		0x7f7f7f7f7f7f7f7fULL

struct gl_word64 {
	u64 v;
} __attribute__((packed, may_alias));

struct gl_word32 {
	u32 v;
} __attribute__((packed, may_alias));

/* gl_load64, gl_load32: unaligned little-endian loads. Only x86-64 and arm64 (little-endian) are built. */
gl_inline u64 gl_load64(const void *at)
{
	return ((const struct gl_word64 *)at)->v;
}

gl_inline u32 gl_load32(const void *at)
{
	return ((const struct gl_word32 *)at)->v;
}

/* gl_keep: the lowest @n bytes of a word, n = 0..8. */
gl_inline u64 gl_keep(u64 word, u32 n)
{
	return n >= 8 ? word : word & ((1ULL << (n * 8)) - 1);
}

/* gl_load_tail: the @n (0..7) bytes at @at, padded with zeros, without reading beyond them. */
gl_inline u64 gl_load_tail(const u8 *at, u32 n)
{
	u64 word = 0;
	u32 i;

	for (i = 0; i < 8; i++)
		if (i < n)
			word |= (u64)at[i] << (i * 8);
	return word;
}

/* gl_lower8: A-Z to a-z in each of eight bytes; every other byte stays. */
gl_inline u64 gl_lower8(u64 word)
{
	u64 low = word & GL_LOWS;
	u64 upper = ((low + GL_ONES * (0x80 - 'A')) ^ (low + GL_ONES * (0x7f - 'Z'))) & ~word & GL_HIGHS;

	return word | (upper >> 2);
}

gl_inline u8 gl_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* gl_first: index (0..7) of the lowest byte that a mask marks; 8 if none. */
gl_inline u32 gl_first(u64 mask)
{
	/* Bits below the lowest mark, one per whole byte; counted by a multiplication (BPF has no count of zeros). */
	u64 below = (((mask & -mask) >> 7) - 1) & GL_ONES;

	return (below * GL_ONES) >> 56;
}

/* gl_equal8: bytes that equal @c. Exact up to and including the lowest one; above it a byte may be marked in error. */
gl_inline u64 gl_equal8(u64 word, u8 c)
{
	u64 diff = word ^ (GL_ONES * c);

	return (diff - GL_ONES) & ~diff & GL_HIGHS;
}

/* gl_control8: control characters, 0x00..0x1f (HTAB too) and 0x7f. */
gl_inline u64 gl_control8(u64 word)
{
	u64 low = word & GL_LOWS;

	return (~(low + GL_ONES * 0x60) | (low + GL_ONES)) & ~word & GL_HIGHS;
}

#endif
