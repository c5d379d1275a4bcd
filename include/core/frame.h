/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame: what follows a head, by RFC 9112 section 6.3, or why that cannot be said for certain.
 *
 * In: a complete head (head.h) and, for a response, the method of its request. Out: how the end of the message is found and
 * whether the connection ends with it. It looks at no bytes, and it keeps no state but `left`.
 */
#ifndef GL_CORE_FRAME_H
#define GL_CORE_FRAME_H

#include "core/head.h"

/* How the end of a message's body is found. */
enum gl_frame_kind {
	GL_FRAME_NONE,		/* nothing follows: the message ended with its head */
	GL_FRAME_LENGTH,	/* `left` bytes follow, at least one */
	GL_FRAME_CHUNKED,	/* chunks follow */
	GL_FRAME_UNTIL_CLOSE,	/* responses: whatever follows, until the connection ends */
	GL_FRAME_INTERIM,	/* responses: 1xx without a body; another response to the same request follows */
	GL_FRAME_SWITCH,	/* responses: 101; what follows is not HTTP any more */
};

/* Flags of a frame. */
#define GL_FRAME_LAST		0x01	/* the connection ends with this message */
#define GL_FRAME_EXPECT		0x02	/* requests: the body waits for 100 (Continue) or a final answer */
#define GL_FRAME_UPGRADE	0x04	/* requests: asks for another protocol; 101 would answer it */

struct gl_frame {
	u64 left;		/* LENGTH: bytes of the body still to come */
	u8 kind;		/* enum gl_frame_kind */
	u8 flags;		/* GL_FRAME_* */
	u16 pad;
	u32 pad2;
};

_Static_assert(sizeof(struct gl_frame) == 16, "gl_frame");

/*
 * gl_frame_request: what follows the request whose complete head is @head. Returns 0 or -(enum gl_pin). With -GL_PIN_UPGRADE,
 * @ret is filled as well: it holds if the server does not switch. HTTP/1.0 is no error here: head->version says it, and
 * GL_FRAME_LAST is set unless the client asked for keep-alive.
 */
gl_inline int gl_frame_request(const struct gl_head *head, struct gl_frame *ret);

/*
 * gl_frame_response: what follows the response whose complete head is @head; @method: enum gl_method of its request. Returns 0
 * or -(enum gl_pin).
 */
gl_inline int gl_frame_response(const struct gl_head *head, u32 method, struct gl_frame *ret);

/*
 * gl_frame_take: the next @len bytes after what was taken before have been seen. Returns how many of them belong to this message
 * and subtracts them; the rest, if any, belongs to the next one. CHUNKED is not for this function (chunk.h): it takes nothing.
 */
gl_inline u32 gl_frame_take(struct gl_frame *frame, u32 len);

/* gl_frame_done: the message is complete (UNTIL_CLOSE, SWITCH and CHUNKED never are by this function). */
gl_inline int gl_frame_done(const struct gl_frame *frame);

#endif
