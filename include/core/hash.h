/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash: the two hashes that kernel and agent must agree on. Neither is secret or collision-proof:
 * who acts on a name compares its bytes, too.
 *
 *	gl_hash_name	32 bits over a header name, letters in lower case; computed eight bytes at a
 *			time while a head is scanned
 *	gl_hash_share	64 bits over a sticky key; decides shares, so it is the same on every node
 *			and for ever: MurmurHash64A of Austin Appleby (SMHasher, public domain) with
 *			seed 0. A share in millionths is gl_hash_millionths(): the hash modulo
 *			1,000,000.
 */
#ifndef GL_CORE_HASH_H
#define GL_CORE_HASH_H

#include "core/bytes.h"

/* The multipliers are those of splitmix64 (Sebastiano Vigna, public domain). */
#define GL_HASH_NAME_SEED	0x9e3779b97f4a7c15ULL
#define GL_HASH_NAME_MUL	0xbf58476d1ce4e5b9ULL
#define GL_HASH_NAME_MUL_END	0x94d049bb133111ebULL

/*
 * One step over eight bytes of a name, in lower case, little-endian. The last word holds the 0 to 7
 * bytes that are left, padded with zero bytes; it is always there, so that the scan needs no branch
 * for names of eight and sixteen bytes.
 */
gl_inline u64 gl_hash_name_word(u64 hash, u64 word)
{
	hash = (hash ^ word) * GL_HASH_NAME_MUL;
	return hash ^ (hash >> 29);
}

gl_inline u32 gl_hash_name_end(u64 hash)
{
	return (hash * GL_HASH_NAME_MUL_END) >> 32;
}

/*
 * gl_hash_name: hash of a whole name of @len bytes; nothing beyond them is read. A name never holds
 * NUL.
 */
gl_inline u32 gl_hash_name(const void *name, u32 len)
{
	u64 hash = GL_HASH_NAME_SEED;
	u32 i;

	for (i = 0; i + 8 <= len; i += 8)
		hash = gl_hash_name_word(hash, gl_lower8(gl_load64((const u8 *)name + i)));
	hash = gl_hash_name_word(hash, gl_lower8(gl_load_tail((const u8 *)name + i, len - i)));
	return gl_hash_name_end(hash);
}

#define GL_HASH_SHARE_MUL	0xc6a4a7935bd1e995ULL

/*
 * MurmurHash64A in parts, for whoever holds the key in pieces: begin, word for each whole eight
 * bytes, tail if 1..7 are left, end.
 */
gl_inline u64 gl_hash_share_begin(u64 seed, u32 len)
{
	return seed ^ (len * GL_HASH_SHARE_MUL);
}

gl_inline u64 gl_hash_share_word(u64 hash, u64 word)
{
	word *= GL_HASH_SHARE_MUL;
	word ^= word >> 47;
	word *= GL_HASH_SHARE_MUL;
	return (hash ^ word) * GL_HASH_SHARE_MUL;
}

gl_inline u64 gl_hash_share_tail(u64 hash, u64 word)
{
	return (hash ^ word) * GL_HASH_SHARE_MUL;
}

gl_inline u64 gl_hash_share_end(u64 hash)
{
	hash ^= hash >> 47;
	hash *= GL_HASH_SHARE_MUL;
	return hash ^ (hash >> 47);
}

/* gl_hash_share: hash of a key of @len bytes that lies in one piece; in BPF, @len is a constant. */
gl_inline u64 gl_hash_share(const void *key, u32 len)
{
	u64 hash = gl_hash_share_begin(0, len);
	u32 i;

	for (i = 0; i + 8 <= len; i += 8)
		hash = gl_hash_share_word(hash, gl_load64((const u8 *)key + i));
	if (i < len)
		hash = gl_hash_share_tail(hash, gl_load_tail((const u8 *)key + i, len - i));
	return gl_hash_share_end(hash);
}

/* gl_hash_millionths: 0..999,999; a key is in a share of w millionths if this is less than w. */
gl_inline u32 gl_hash_millionths(u64 hash)
{
	return hash % 1000000;
}

#endif
