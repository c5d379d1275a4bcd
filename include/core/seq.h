/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * seq: arithmetic on TCP sequence numbers (RFC 9293, section 3.4), which wrap at 2^32, and the
 * tracking of bytes that may arrive in another order. Pure; allowed under a spin lock.
 */
#ifndef GL_CORE_SEQ_H
#define GL_CORE_SEQ_H

#include "core/port.h"

/* gl_seq_before: is @a before @b? True for distances below 2^31. */
gl_inline u32 gl_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

gl_inline u32 gl_seq_after(u32 a, u32 b)
{
	return (s32)(b - a) < 0;
}

/* gl_seq_max: the later of two. */
gl_inline u32 gl_seq_max(u32 a, u32 b)
{
	return gl_seq_after(a, b) ? a : b;
}

/* gl_seq_within: does @seq lie in [@start, @end)? */
gl_inline u32 gl_seq_within(u32 seq, u32 start, u32 end)
{
	return seq - start < end - start;
}

#define GL_SEQ_LOST	0xffffffffU

/*
 * gl_seq_track: the bytes [@seq, @end) were seen.
 *
 * @nxt		all bytes before it were seen
 * @start, @end_	the one run of bytes behind a hole that is remembered; equal: none
 *
 * Returns by how many bytes @nxt moved, or GL_SEQ_LOST where the bytes form a second run: then
 * nothing has changed.
 */
gl_inline u32 gl_seq_track(u32 *nxt, u32 *start, u32 *end_, u32 seq, u32 end)
{
	u32 old = *nxt;

	if (!gl_seq_after(end, *nxt))
		return 0;
	if (gl_seq_after(seq, *nxt)) {
		if (*start == *end_) {
			*start = seq;
			*end_ = end;
			return 0;
		}
		if (gl_seq_after(seq, *end_) || gl_seq_before(end, *start))
			return GL_SEQ_LOST;
		if (gl_seq_before(seq, *start))
			*start = seq;
		*end_ = gl_seq_max(*end_, end);
		return 0;
	}
	*nxt = end;
	if (*start != *end_ && !gl_seq_after(*start, *nxt)) {
		*nxt = gl_seq_max(*nxt, *end_);
		*start = *end_;
	}
	return *nxt - old;
}

#endif
