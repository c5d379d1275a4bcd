/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bytes: eight bytes at a time. Loads from any address, tests of all eight bytes at once, lower
 * case, comparison of bounded strings. All words are little-endian in meaning: byte 0 of memory is
 * bits 0..7.
 *
 * Tests return a mask in which bit 7 of each byte that passes is set. They are exact for every byte
 * unless their comment says otherwise.
 */
#ifndef GL_CORE_BYTES_H
#define GL_CORE_BYTES_H

#include "core/port.h"

#define GL_ONES		0x0101010101010101ULL
#define GL_HIGHS	0x8080808080808080ULL
#define GL_LOWS		0x7f7f7f7f7f7f7f7fULL

/*
 * gl_load64, gl_load32, gl_load16: little-endian loads from any address. Only x86-64 and arm64
 * (little-endian) are built.
 */
gl_inline u64 gl_load64(const void *at)
{
	return *(const gl_any64 *)at;
}

gl_inline u32 gl_load32(const void *at)
{
	return *(const gl_any32 *)at;
}

gl_inline u16 gl_load16(const void *at)
{
	return *(const gl_any16 *)at;
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
	u64 upper = ((low + GL_ONES * (0x80 - 'A')) ^ (low + GL_ONES * (0x7f - 'Z'))) & ~word &
		    GL_HIGHS;

	return word | (upper >> 2);
}

gl_inline u8 gl_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* gl_first: index (0..7) of the lowest byte that a mask marks; 8 if none. */
gl_inline u32 gl_first(u64 mask)
{
	/*
	 * Bits below the lowest mark, one per whole byte; counted by a multiplication (BPF has no
	 * count of zeros).
	 */
	u64 below = (((mask & -mask) >> 7) - 1) & GL_ONES;

	return (below * GL_ONES) >> 56;
}

/*
 * gl_equal8: bytes that equal @c. Exact up to and including the lowest one; above it a byte may be
 * marked in error.
 */
gl_inline u64 gl_equal8(u64 word, u8 c)
{
	u64 diff = word ^ (GL_ONES * c);

	return (diff - GL_ONES) & ~diff & GL_HIGHS;
}

/* gl_unlike8: bytes that differ from @c. */
gl_inline u64 gl_unlike8(u64 word, u8 c)
{
	u64 diff = word ^ (GL_ONES * c);

	return (((diff & GL_LOWS) + GL_LOWS) | diff) & GL_HIGHS;
}

/* gl_control8: control characters, 0x00..0x1f (HTAB too) and 0x7f. */
gl_inline u64 gl_control8(u64 word)
{
	u64 low = word & GL_LOWS;

	return (~(low + GL_ONES * 0x60) | (low + GL_ONES)) & ~word & GL_HIGHS;
}

/*
 * gl_within8: bytes in [lo, hi]. Only for words whose bytes are all below 0x80; lo and hi are
 * constants, 1 <= lo <= hi < 0x7f.
 */
gl_inline u64 gl_within8(u64 low, u8 lo, u8 hi)
{
	return ((low + GL_ONES * (0x80 - lo)) ^ (low + GL_ONES * (0x7f - hi))) & GL_HIGHS;
}

/*
 * Eight characters as gl_load64() would read them; a shorter text is padded with NUL, as gl_keep()
 * pads.
 */
#define GL_TEXT8(a, b, c, d, e, f, g, h) \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | \
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)

/* Bit c & 63 of word c >> 6: the token characters of RFC 9110 5.6.2. */
#define GL_TOKEN_LOW	0x03ff6cfa00000000ULL
#define GL_TOKEN_HIGH	0x57ffffffc7fffffeULL

/* gl_not_token: 1 if @c is no token character. */
gl_inline u32 gl_not_token(u8 c)
{
	return c & 0x80 || !(((c & 0x40 ? GL_TOKEN_HIGH : GL_TOKEN_LOW) >> (c & 63)) & 1);
}

/*
 * gl_not_token8: bytes that are no token characters. A table of bits, without a branch: eight
 * unrolled look-ups cost the verifier one path, where choosing between the two words by a jump
 * costs it 2^8, and so does choosing by a mask of all or no bits (6.18).
 */
gl_global u64 gl_not_token8(u64 word)
{
	u64 mask = 0, c, high, token;
	u32 i;

	for (i = 0; i < 8; i++) {
		c = (word >> (i * 8)) & 0xff;
		high = c >> 6 & 1;
		gl_opaque(high);
		token = (GL_TOKEN_LOW ^ (GL_TOKEN_LOW ^ GL_TOKEN_HIGH) * high) >> (c & 63);
		mask |= (~token | c >> 7) << 63 >> (63 - (i * 8 + 7));
	}
	return mask & GL_HIGHS;
}

#define GL_DECIMAL8_MAX	99999999ULL

/*
 * gl_decimal8: the number that the first @n (1..8) characters of @word say in decimal; above
 * GL_DECIMAL8_MAX: not all are digits.
 */
gl_inline u64 gl_decimal8(u64 word, u32 n)
{
	u32 fill = (8 - n) * 8;

	/*
	 * The digits move up and zeros fill in below them (in front of them, in reading order); a
	 * shift by 64 cannot occur.
	 */
	if (fill)
		word = word << fill | (GL_ONES * '0' & ((1ULL << fill) - 1));
	if (word & GL_HIGHS || gl_within8(word, '0', '9') != GL_HIGHS)
		return ~0ULL;
	/*
	 * Neighbours in pairs, pairs of pairs, and so on (Daniel Lemire, "Quickly parsing eight
	 * digits", 2018).
	 */
	word -= GL_ONES * '0';
	word = word * 10 + (word >> 8);
	return ((word & 0x000000ff000000ffULL) * (100 + (1000000ULL << 32)) +
		((word >> 16) & 0x000000ff000000ffULL) * (1 + (10000ULL << 32))) >>
	       32;
}

#endif
