/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * head: reads one HTTP/1.x message head (request or response) out of a buffer that holds the first
 * bytes of the message.
 *
 * In: the buffer, how many of its bytes are there, and a struct gl_head that gl_head_start() has
 * prepared or that an earlier call over a shorter prefix of the same bytes has left. Out: where the
 * head ends, what framing needs (version, method or status, Content-Length, Transfer-Encoding,
 * Connection, ...) and the positions of those fields whose names are of interest.
 *
 * It never guesses: whatever two servers might read differently is refused with a cause (enum
 * gl_pin). It is stricter than RFC 9112 where servers differ, and never more lenient than the
 * strictest of the parsers in tests/vectors/http. It does not look at bodies, and it does not
 * decide what follows from the head: that is frame.h.
 *
 * The result depends on the bytes only: not on bytes beyond @len, nor on how many calls were made.
 * That is so because a line is read when it is complete and never before, except for the first word
 * of the message.
 *
 * Cost: one step sweeps up to 64 bytes for control characters, eight at a time; CR LF
 * ends a line. A line's name is hashed eight bytes at a time; its value is looked at again only if
 * the hash passes the filter.
 */
#ifndef GL_CORE_HEAD_H
#define GL_CORE_HEAD_H

#include "core/hash.h"
#include "core/head_line.h"

/*
 * The names that the scan itself reads, as a filter of (gl_hash_name() & 255): host,
 * content-length, connection, transfer-encoding, expect, upgrade, content-type, authorization,
 * proxy-authorization, www-authenticate, proxy-authenticate. A unit test computes these words from
 * the names.
 */
#define GL_HEAD_OWN_0	0x1000000040000000ULL
#define GL_HEAD_OWN_1	0x0040000200000000ULL
#define GL_HEAD_OWN_2	0x0000002080100020ULL
#define GL_HEAD_OWN_3	0x0400100002000000ULL

/*
 * gl_head_start: prepares @head for the first byte of a message. @interest: four words, bit
 * (gl_hash_name() & 255) for each name whose fields are to be recorded; NULL: none. The records
 * themselves are not cleared.
 */
gl_inline void gl_head_start(struct gl_head *head, u32 response, const u64 *interest)
{
	head->interest[0] = interest ? interest[0] : 0;
	head->interest[1] = interest ? interest[1] : 0;
	head->interest[2] = interest ? interest[2] : 0;
	head->interest[3] = interest ? interest[3] : 0;
	head->filter[0] = head->interest[0] | GL_HEAD_OWN_0;
	head->filter[1] = head->interest[1] | GL_HEAD_OWN_1;
	head->filter[2] = head->interest[2] | GL_HEAD_OWN_2;
	head->filter[3] = head->interest[3] | GL_HEAD_OWN_3;
	head->content_length = 0;
	head->off = 0;
	head->swept = 0;
	head->head_len = 0;
	head->flags = 0;
	head->response = response;
	head->phase = GL_HEAD_START;
	head->method = GL_METHOD_NONE;
	head->version = 0;
	head->code = 0;
	head->method_len = 0;
	head->target_off = 0;
	head->target_len = 0;
	head->host_off = 0;
	head->host_len = 0;
	head->nfields = 0;
	head->cause = GL_PIN_NONE;
	head->token_len = 0;
	head->lines = 0;
	head->token[0] = 0;
	head->token[1] = 0;
}

/* The head is complete: what only the whole of it can tell. Returns 0 or a cause. */
gl_inline int gl_head_finish(struct gl_head *head)
{
	if ((head->flags & (GL_HEAD_HAS_LENGTH | GL_HEAD_CHUNKED)) ==
	    (GL_HEAD_HAS_LENGTH | GL_HEAD_CHUNKED))
		return GL_PIN_CL_TE;
	if (!head->response && head->version == 11 && !(head->flags & GL_HEAD_HAS_HOST))
		return GL_PIN_HOST;
	head->phase = GL_HEAD_DONE;
	return 0;
}

/* What a turn of the loop sees. */
struct gl_head_scan {
	const struct gl_head_buf *buf;
	struct gl_head *head;
	u32 len;
};

/* One whole line [head->off, end), CR LF behind it. Returns 0 or a cause. */
gl_inline int gl_head_line(const struct gl_head_buf *buf, struct gl_head *head, u32 end)
{
	int cause;

	if (head->phase != GL_HEAD_IN_FIELDS) {
		cause = head->response ? gl_head_status_line(buf, head, end) :
					 gl_head_request_line(buf, head, end);
		if (!cause)
			head->phase = GL_HEAD_IN_FIELDS;
		return cause;
	}
	if (end != head->off)
		return gl_head_field_line(buf, head, end);
	head->head_len = end + 2;
	return gl_head_finish(head);
}

/*
 * One step: sweeps 64 bytes, or up to the end of the line if that comes first, and then reads the
 * line. Returns whether the scan ends here.
 */
gl_inline int gl_head_step(struct gl_head_scan *scan)
{
	struct gl_head *head = scan->head;
	u32 pos = head->swept, k;
	u64 marks = 0, word;
	const u8 *at;

	if (pos >= scan->len)
		return 1;
	at = gl_head_at(scan->buf, pos);
	for (k = 0; k < 8; k++) {
		word = gl_load64(at + k * 8);
		marks = gl_control8(word);
		if (marks)
			marks &= gl_unlike8(word, '\t');
		if (marks)
			break;
	}
	head->swept = pos + k * 8 + (marks ? gl_first(marks) : 0);
	/*
	 * Read back for the verifier to forget which of the eight words it was, or it follows each.
	 */
	pos = *(volatile u32 *)&head->swept;
	if (pos >= scan->len)
		head->swept = scan->len;
	if (!marks || pos >= scan->len)
		return 0;
	at = gl_head_at(scan->buf, pos);
	if (at[0] != '\r' || at[1] != '\n' || pos + 1 >= scan->len) {
		if (at[0] == '\r' && pos + 1 >= scan->len)
			return 1;
		head->cause = at[0] == '\r' ? GL_PIN_BARE_CR :
			      at[0] == '\n' ? GL_PIN_BARE_LF :
					      GL_PIN_CTL;
		return 1;
	}
	head->cause = gl_head_line(scan->buf, head, pos);
	head->off = pos + 2;
	head->swept = pos + 2;
	return head->cause || head->phase == GL_HEAD_DONE;
}

/*
 * Steps in one turn of the loop. A turn is a call, and a return costs more than most of a step
 * where processors need safe returns; each further step costs the verifier as much as the first.
 */
#define GL_HEAD_STEPS 2

static long gl_head_turn(u32 i, void *context)
{
	u32 n;

	(void)i;
	for (n = 0; n < GL_HEAD_STEPS; n++)
		if (gl_head_step(context))
			return 1;
	return 0;
}

/*
 * gl_head_scan: reads on. @buf holds the first @len bytes of the message, of which earlier calls
 * with the same @head may have seen some. Returns the length of the head once it is complete, 0
 * while bytes are missing, or -(enum gl_pin). After an error @head is good for nothing but its
 * start line, if `phase` says that it was read.
 */
gl_global int gl_head_scan(const struct gl_head_buf *buf, u32 len, struct gl_head *head)
{
	struct gl_head_scan scan;
	int ret;

	if (!buf || !head)
		return -GL_PIN_SYNC;
	scan.buf = buf;
	scan.head = head;
	scan.len = len < GL_HEAD_MAX ? len : GL_HEAD_MAX;
	if (head->phase == GL_HEAD_START && !head->cause) {
		ret = gl_head_first_word(buf, head, scan.len);
		if (ret == 0)
			return 0;
		if (ret < 0)
			head->cause = -ret;
		else
			head->phase = GL_HEAD_LINE;
	}
	/* Each step takes two bytes at least (CR LF), or what is left, and the last one nothing. */
	if (!head->cause && head->phase != GL_HEAD_DONE)
		gl_loop(GL_HEAD_MAX / 2 + 2, gl_head_turn, &scan);
	if (!head->cause && head->phase != GL_HEAD_DONE && scan.len >= GL_HEAD_MAX)
		head->cause = GL_PIN_HEAD_LONG;
	if (head->cause)
		return -head->cause;
	return head->phase == GL_HEAD_DONE ? head->head_len : 0;
}

static long gl_head_share_word(u32 i, void *context)
{
	struct gl_head_walk *walk = context;
	u32 pos = walk->pos + i * 8;
	u64 word;

	if (pos >= walk->end)
		return 1;
	word = gl_load64(gl_head_at(walk->buf, pos));
	if (walk->end - pos >= 8)
		walk->result = gl_hash_share_word(walk->result, word);
	else
		walk->result = gl_hash_share_tail(walk->result, gl_keep(word, walk->end - pos));
	return 0;
}

/*
 * gl_head_share: gl_hash_share() (hash.h) of the @len bytes of the head from offset @off, for
 * sticky keys that are a field's value.
 */
gl_global u64 gl_head_share(const struct gl_head_buf *buf, u32 off, u32 len)
{
	struct gl_head_walk walk;

	if (!buf || len > GL_HEAD_MAX || off > GL_HEAD_MAX - len)
		return 0;
	walk.buf = buf;
	walk.head = NULL;
	walk.pos = off;
	walk.end = off + len;
	walk.result = gl_hash_share_begin(0, len);
	gl_loop(GL_HEAD_MAX / 8 + 1, gl_head_share_word, &walk);
	return gl_hash_share_end(walk.result);
}

#endif
