/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame: what follows a head, by RFC 9112 section 6.3, or why that cannot be said for certain.
 *
 * In: a complete head (head.h) and, for a response, the method of its request. Out: how the end of
 * the message is found and whether the connection ends with it. It looks at no bytes, and it keeps
 * no state but `left`.
 */
#ifndef GL_CORE_FRAME_H
#define GL_CORE_FRAME_H

#include "core/head_type.h"

/* How the end of a message's body is found. */
enum gl_frame_kind {
	GL_FRAME_NONE,		/* nothing follows: the message ended with its head */
	GL_FRAME_LENGTH,	/* `left` bytes follow, at least one */
	GL_FRAME_CHUNKED,	/* chunks follow */
	GL_FRAME_UNTIL_CLOSE,	/* responses: whatever follows, until the connection ends */
	GL_FRAME_INTERIM,	/* responses: 1xx; another response to the same request follows */
	GL_FRAME_SWITCH,	/* responses: 101; what follows is not HTTP any more */
};

/* Flags of a frame. */
#define GL_FRAME_LAST		0x01	/* the connection ends with this message */
#define GL_FRAME_EXPECT		0x02	/* requests: the body waits for 100 or a final answer */
#define GL_FRAME_UPGRADE	0x04	/* requests: asks for another protocol, by 101 */

struct gl_frame {
	u64 left;		/* LENGTH: bytes of the body still to come */
	u8 kind;		/* enum gl_frame_kind */
	u8 flags;		/* GL_FRAME_* */
	u16 pad;
	u32 pad2;
};

_Static_assert(sizeof(struct gl_frame) == 16, "gl_frame");

/*
 * GL_FRAME_LAST if the connection ends with this message (RFC 9112 9.3): `close` stands above
 * `keep-alive`; HTTP/1.0 ends it unless keep-alive is said.
 */
gl_inline u8 gl_frame_last(const struct gl_head *head)
{
	if (head->flags & GL_HEAD_CLOSE)
		return GL_FRAME_LAST;
	return head->version == 10 && !(head->flags & GL_HEAD_KEEPALIVE) ? GL_FRAME_LAST : 0;
}

/*
 * gl_frame_request: what follows the request whose complete head is @head. Returns 0 or -(enum
 * gl_pin). With -GL_PIN_UPGRADE, @ret is filled as well: it holds if the server does not switch.
 * HTTP/1.0 is no error here: head->version says it, and GL_FRAME_LAST is set unless the client
 * asked for keep-alive.
 */
gl_inline int gl_frame_request(const struct gl_head *head, struct gl_frame *ret)
{
	u32 flags = head->flags;

	ret->left = 0;
	ret->kind = GL_FRAME_NONE;
	ret->flags = 0;
	ret->pad = 0;
	ret->pad2 = 0;
	if (head->phase != GL_HEAD_DONE || head->response)
		return -GL_PIN_SYNC;
	if (head->method == GL_METHOD_CONNECT)
		return -GL_PIN_CONNECT;
	if (flags & GL_HEAD_CONN_AUTH)
		return -GL_PIN_CONN_AUTH;
	if (flags & GL_HEAD_CHUNKED) {
		ret->kind = GL_FRAME_CHUNKED;
	} else if (flags & GL_HEAD_HAS_LENGTH && head->content_length) {
		ret->kind = GL_FRAME_LENGTH;
		ret->left = head->content_length;
	}
	ret->flags = gl_frame_last(head);
	/* Without a body there is nothing that could wait (RFC 9110 10.1.1). */
	if (flags & GL_HEAD_EXPECT && ret->kind != GL_FRAME_NONE)
		ret->flags |= GL_FRAME_EXPECT;
	if (flags & GL_HEAD_UPGRADE) {
		ret->flags |= GL_FRAME_UPGRADE;
		return -GL_PIN_UPGRADE;
	}
	return 0;
}

/*
 * gl_frame_response: what follows the response whose complete head is @head; @method: enum
 * gl_method of its request. Returns 0 or -(enum gl_pin).
 *
 *	status		method	lengths				frame
 *	101		any	any				SWITCH
 *	other 1xx	any	none				INTERIM
 *	204		any	none, or Content-Length: 0	NONE
 *	304		any	no Transfer-Encoding		NONE
 *	any other	HEAD	any				NONE
 *	any other	any	chunked				CHUNKED
 *	any other	any	Content-Length			LENGTH; NONE if it is 0
 *	any other	any	none				UNTIL_CLOSE
 *
 * 1xx and 204 with a length, and 304 with a coding, are refused (cause response): a server must not
 * send them (RFC 9110 8.6, RFC 9112 6.1), and clients differ in whether they look for a body. A
 * successful answer to CONNECT cannot occur: CONNECT is refused.
 */
gl_inline int gl_frame_response(const struct gl_head *head, u32 method, struct gl_frame *ret)
{
	u32 flags = head->flags, code = head->code;
	u32 body = flags & GL_HEAD_CHUNKED || (flags & GL_HEAD_HAS_LENGTH && head->content_length);

	ret->left = 0;
	ret->kind = GL_FRAME_NONE;
	ret->flags = 0;
	ret->pad = 0;
	ret->pad2 = 0;
	if (head->phase != GL_HEAD_DONE || !head->response)
		return -GL_PIN_SYNC;
	if (method == GL_METHOD_CONNECT)
		return -GL_PIN_CONNECT;
	if (flags & GL_HEAD_CONN_AUTH)
		return -GL_PIN_CONN_AUTH;
	ret->flags = gl_frame_last(head);
	if (code == 101) {
		ret->kind = GL_FRAME_SWITCH;
		return 0;
	}
	if (code < 200) {
		ret->kind = GL_FRAME_INTERIM;
		return flags & (GL_HEAD_CHUNKED | GL_HEAD_HAS_LENGTH) ? -GL_PIN_RESPONSE : 0;
	}
	if (code == 204)
		return body ? -GL_PIN_RESPONSE : 0;
	if (code == 304)
		return flags & GL_HEAD_CHUNKED ? -GL_PIN_RESPONSE : 0;
	if (method == GL_METHOD_HEAD)
		return 0;
	if (flags & GL_HEAD_CHUNKED) {
		ret->kind = GL_FRAME_CHUNKED;
	} else if (flags & GL_HEAD_HAS_LENGTH) {
		ret->kind = head->content_length ? GL_FRAME_LENGTH : GL_FRAME_NONE;
		ret->left = head->content_length;
	} else {
		ret->kind = GL_FRAME_UNTIL_CLOSE;
		ret->flags |= GL_FRAME_LAST;
	}
	return 0;
}

/*
 * gl_frame_take: the next @len bytes after what was taken before have been seen. Returns how many
 * of them belong to this message and subtracts them; the rest, if any, belongs to the next one.
 * CHUNKED is not for this function (chunk.h): it takes nothing.
 */
gl_inline u32 gl_frame_take(struct gl_frame *frame, u32 len)
{
	u32 taken = 0;

	if (frame->kind == GL_FRAME_LENGTH) {
		taken = frame->left < len ? frame->left : len;
		frame->left -= taken;
	} else if (frame->kind == GL_FRAME_UNTIL_CLOSE || frame->kind == GL_FRAME_SWITCH) {
		taken = len;
	}
	return taken;
}

/*
 * gl_frame_done: the message is complete (UNTIL_CLOSE, SWITCH and CHUNKED never are by this
 * function).
 */
gl_inline int gl_frame_done(const struct gl_frame *frame)
{
	return frame->kind == GL_FRAME_NONE || frame->kind == GL_FRAME_INTERIM ||
	       (frame->kind == GL_FRAME_LENGTH && frame->left == 0);
}

#endif
