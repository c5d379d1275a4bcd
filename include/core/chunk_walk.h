/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * chunk_walk: walks the payload of a packet, the next bytes of a chunked body, of which only
 * windows are copied to the head buffer: data that reaches beyond a window is jumped over unseen.
 *
 * In: the state of the body (chunk.h), where the payload's bytes begin and end, and each window
 * when it is asked for. Out: where the body ends, or that it goes on. It copies nothing itself.
 *
 *	gl_chunk_walk_start(&walk, off, end);
 *	up to GL_CHUNK_STEPS times while gl_chunk_walk_more(&walk, c):
 *		copy gl_chunk_walk_len(&walk) bytes at walk.off of the payload to the buffer's start
 *		gl_chunk_walk_eat(&walk, c, buf);
 *	ret = gl_chunk_walk_result(&walk, c);
 */
#ifndef GL_CORE_CHUNK_WALK_H
#define GL_CORE_CHUNK_WALK_H

#include "core/chunk.h"

struct gl_chunk_walk {
	u32 off;		/* offset in the payload of the next byte */
	u32 end;		/* where the payload ends */
};

/* gl_chunk_walk_start: bytes [@off, @end) of the payload are the next ones of the body. */
gl_inline void gl_chunk_walk_start(struct gl_chunk_walk *walk, u32 off, u32 end)
{
	walk->off = off;
	walk->end = end;
}

/*
 * gl_chunk_walk_more: jumps over data. Returns whether a window is needed: 0 when the payload or
 * the body has ended, or the body is malformed.
 */
gl_inline u32 gl_chunk_walk_more(struct gl_chunk_walk *walk, struct gl_chunk *c)
{
	if (walk->off >= walk->end || c->phase >= GL_CHUNK_DONE)
		return 0;
	walk->off += gl_chunk_skip(c, walk->end - walk->off);
	return walk->off < walk->end;
}

/* gl_chunk_walk_len: bytes of the window that gl_chunk_walk_more() asks for. */
gl_inline u64 gl_chunk_walk_len(const struct gl_chunk_walk *walk)
{
	u64 n = walk->end - walk->off;

	if (n > GL_CHUNK_WINDOW)
		n = GL_CHUNK_WINDOW;
	/* 1 to GL_CHUNK_WINDOW, in a form that 6.1 believes. */
	n -= 1;
	gl_opaque(n);
	n &= GL_CHUNK_WINDOW - 1;
	gl_opaque(n);
	return n + 1;
}

/* gl_chunk_walk_eat: the window lies at the start of @buf. */
gl_inline void gl_chunk_walk_eat(struct gl_chunk_walk *walk, struct gl_chunk *c,
				 const struct gl_head_buf *buf)
{
	int n = gl_chunk_feed(buf, 0, gl_chunk_walk_len(walk), c);

	if (n > 0)
		walk->off += n;
}

/*
 * gl_chunk_walk_result: 1: the body ended in front of walk->off; 0: the whole payload belongs to it
 * and it goes on; -GL_PIN_CHUNK_BAD; -GL_PIN_CHUNKED: the payload would take more windows than
 * GL_CHUNK_STEPS, and the end is not known.
 */
gl_inline int gl_chunk_walk_result(const struct gl_chunk_walk *walk, const struct gl_chunk *c)
{
	if (c->phase >= GL_CHUNK_DONE)
		return c->phase == GL_CHUNK_DONE ? 1 : -GL_PIN_CHUNK_BAD;
	return walk->off >= walk->end ? 0 : -GL_PIN_CHUNKED;
}

#endif
