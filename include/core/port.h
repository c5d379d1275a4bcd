/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * port: the one file that knows for which machine it is compiled.
 *
 * Rooms of core/ are compiled twice: for BPF, where they decide about packets, and natively, where
 * they are unit-tested, fuzzed, model-checked and used by graylinkctl. This header gives both the
 * same words:
 *
 *	u8 u16 u32 u64 s32 s64	fixed-width integers
 *	gl_inline		a small function, inlined always; allowed under a spin lock
 *	gl_global		a function that the BPF verifier checks once, by itself (global, not inlined). Its
 *				arguments are scalars and pointers to structs of fixed size; it checks them for NULL.
 *				Natively it is a plain static function.
 *	gl_loop()		a bounded loop whose body the verifier checks once (bpf_loop)
 *	gl_unroll		before a plain `for`: all of its steps are written out. 6.1 refuses a loop whose body is
 *				entered in its middle, and compilers turn loops around so; a loop of a few steps is unrolled
 *	gl_opaque()		hides a value from the optimiser, so that a mask stays where the verifier needs it
 *	gl_any16 32 64		words that may lie at any address
 *	gl_at()			the only masked access: a pointer into a buffer of a power-of-two size
 */
#ifndef GL_CORE_PORT_H
#define GL_CORE_PORT_H

#ifdef __bpf__
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define gl_inline	static __always_inline
#define gl_global	__attribute__((noinline))
#define gl_opaque(v)	asm volatile("" : "+r"(v))
#define gl_unroll	_Pragma("clang loop unroll(full)")
#define gl_loop(n, fn, ctx) bpf_loop(n, fn, ctx, 0)
#define gl_ntohs(v)	bpf_ntohs(v)
#define gl_htons(v)	bpf_htons(v)
#define gl_ntohl(v)	bpf_ntohl(v)
#define gl_htonl(v)	bpf_htonl(v)

/*
 * Words at any address: clang would put them together from bytes; the verifier and the machines
 * take them whole.
 */
typedef u16 gl_any16;
typedef u32 gl_any32;
typedef u64 gl_any64;
#else
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef uint16_t __be16;
typedef uint32_t __be32;
typedef u16 gl_any16 __attribute__((aligned(1), may_alias));
typedef u32 gl_any32 __attribute__((aligned(1), may_alias));
typedef u64 gl_any64 __attribute__((aligned(1), may_alias));

#define gl_inline	static inline __attribute__((always_inline))
#define gl_global	static __attribute__((unused))
#define gl_unroll
#define gl_opaque(v)	((void)(v))
#define gl_ntohs(v)	ntohs(v)
#define gl_htons(v)	htons(v)
#define gl_ntohl(v)	ntohl(v)
#define gl_htonl(v)	htonl(v)

/*
 * gl_loop: calls fn(i, ctx) for i in [0, n) until it returns non-zero; returns the number of calls.
 */
static inline long gl_loop(u32 n, long (*fn)(u32 i, void *ctx), void *ctx)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (fn(i, ctx))
			return i + 1;
	return n;
}
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif

/*
 * gl_at: address of byte @off of @base. @mask is a constant, a power of two minus one; the buffer
 * holds at least mask + 1 bytes and whatever the caller reads behind the address (its padding). An
 * offset beyond the mask wraps: it reads wrong bytes of the same buffer, never another's memory.
 * Callers bound @off first; the mask is for the verifier, which forgets bounds that the optimiser
 * has folded away.
 */
gl_inline const u8 *gl_at(const void *base, u64 off, u64 mask)
{
	gl_opaque(off);
	off &= mask;
	gl_opaque(off);
	return (const u8 *)base + off;
}

#endif
