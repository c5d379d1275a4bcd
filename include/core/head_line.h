/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * head_line: the lines of a head: its first word, the request line or status line, the name of a
 * header line.
 *
 * In: the buffer and where a complete line ends; control characters but HTAB have been ruled out in
 * it (the first word alone is read before its line is complete). Out: struct gl_head, or the cause
 * for which the head is refused. Which line comes when is not known here: head.h walks over them.
 */
#ifndef GL_CORE_HEAD_LINE_H
#define GL_CORE_HEAD_LINE_H

#include "core/bytes.h"
#include "core/hash.h"
#include "core/head_field.h"
#include "core/head_type.h"

#define GL_HEAD_HTTP_11	GL_TEXT8('H', 'T', 'T', 'P', '/', '1', '.', '1')
#define GL_HEAD_HTTP_10	GL_TEXT8('H', 'T', 'T', 'P', '/', '1', '.', '0')

gl_inline u32 gl_head_method_other(u64 first)
{
	u32 known = first == GL_TEXT8('C', 'O', 'P', 'Y', 0, 0, 0, 0) ||
		    first == GL_TEXT8('L', 'O', 'C', 'K', 0, 0, 0, 0) ||
		    first == GL_TEXT8('M', 'K', 'C', 'O', 'L', 0, 0, 0) ||
		    first == GL_TEXT8('M', 'O', 'V', 'E', 0, 0, 0, 0) ||
		    first == GL_TEXT8('P', 'R', 'O', 'P', 'F', 'I', 'N', 'D') ||
		    first == GL_TEXT8('S', 'E', 'A', 'R', 'C', 'H', 0, 0) ||
		    first == GL_TEXT8('U', 'N', 'L', 'O', 'C', 'K', 0, 0) ||
		    first == GL_TEXT8('B', 'I', 'N', 'D', 0, 0, 0, 0) ||
		    first == GL_TEXT8('R', 'E', 'B', 'I', 'N', 'D', 0, 0) ||
		    first == GL_TEXT8('U', 'N', 'B', 'I', 'N', 'D', 0, 0) ||
		    first == GL_TEXT8('A', 'C', 'L', 0, 0, 0, 0, 0) ||
		    first == GL_TEXT8('R', 'E', 'P', 'O', 'R', 'T', 0, 0) ||
		    first == GL_TEXT8('C', 'H', 'E', 'C', 'K', 'O', 'U', 'T') ||
		    first == GL_TEXT8('M', 'E', 'R', 'G', 'E', 0, 0, 0) ||
		    first == GL_TEXT8('M', '-', 'S', 'E', 'A', 'R', 'C', 'H') ||
		    first == GL_TEXT8('N', 'O', 'T', 'I', 'F', 'Y', 0, 0) ||
		    first == GL_TEXT8('P', 'U', 'R', 'G', 'E', 0, 0, 0) ||
		    first == GL_TEXT8('L', 'I', 'N', 'K', 0, 0, 0, 0) ||
		    first == GL_TEXT8('U', 'N', 'L', 'I', 'N', 'K', 0, 0) ||
		    first == GL_TEXT8('S', 'O', 'U', 'R', 'C', 'E', 0, 0) ||
		    first == GL_TEXT8('Q', 'U', 'E', 'R', 'Y', 0, 0, 0);

	return known ? GL_METHOD_OTHER : GL_METHOD_NONE;
}

gl_inline u32 gl_head_method_long(u64 first, u64 second)
{
	u32 known = (first == GL_TEXT8('P', 'R', 'O', 'P', 'P', 'A', 'T', 'C') &&
		     second == GL_TEXT8('H', 0, 0, 0, 0, 0, 0, 0)) ||
		    (first == GL_TEXT8('M', 'K', 'A', 'C', 'T', 'I', 'V', 'I') &&
		     second == GL_TEXT8('T', 'Y', 0, 0, 0, 0, 0, 0)) ||
		    (first == GL_TEXT8('S', 'U', 'B', 'S', 'C', 'R', 'I', 'B') &&
		     second == GL_TEXT8('E', 0, 0, 0, 0, 0, 0, 0)) ||
		    (first == GL_TEXT8('U', 'N', 'S', 'U', 'B', 'S', 'C', 'R') &&
		     second == GL_TEXT8('I', 'B', 'E', 0, 0, 0, 0, 0)) ||
		    (first == GL_TEXT8('M', 'K', 'C', 'A', 'L', 'E', 'N', 'D') &&
		     second == GL_TEXT8('A', 'R', 0, 0, 0, 0, 0, 0));

	return known ? GL_METHOD_OTHER : GL_METHOD_NONE;
}

/*
 * gl_head_method: the method that a word of up to 16 characters, @first and @second, names. Known
 * are those of HTTP that llhttp, the strictest of the parsers, knows; NONE: another word.
 */
gl_global u32 gl_head_method(u64 first, u64 second)
{
	if (second)
		return gl_head_method_long(first, second);
	if (first == GL_TEXT8('G', 'E', 'T', 0, 0, 0, 0, 0))
		return GL_METHOD_GET;
	if (first == GL_TEXT8('H', 'E', 'A', 'D', 0, 0, 0, 0))
		return GL_METHOD_HEAD;
	if (first == GL_TEXT8('P', 'O', 'S', 'T', 0, 0, 0, 0))
		return GL_METHOD_POST;
	if (first == GL_TEXT8('P', 'U', 'T', 0, 0, 0, 0, 0))
		return GL_METHOD_PUT;
	if (first == GL_TEXT8('D', 'E', 'L', 'E', 'T', 'E', 0, 0))
		return GL_METHOD_DELETE;
	if (first == GL_TEXT8('O', 'P', 'T', 'I', 'O', 'N', 'S', 0))
		return GL_METHOD_OPTIONS;
	if (first == GL_TEXT8('T', 'R', 'A', 'C', 'E', 0, 0, 0))
		return GL_METHOD_TRACE;
	if (first == GL_TEXT8('P', 'A', 'T', 'C', 'H', 0, 0, 0))
		return GL_METHOD_PATCH;
	if (first == GL_TEXT8('C', 'O', 'N', 'N', 'E', 'C', 'T', 0))
		return GL_METHOD_CONNECT;
	return gl_head_method_other(first);
}

/*
 * gl_head_first_word: decides from the first bytes alone, so that a connection which is not HTTP is
 * told at its first byte (TLS) or word (HTTP/2) and not held until a line ends. Returns 1 if it is
 * the beginning of a head, 0 if more bytes are needed, or -(enum gl_pin).
 */
gl_global int gl_head_first_word(const struct gl_head_buf *buf, struct gl_head *head, u32 len)
{
	u64 first, second, space;
	u32 n, kept;

	if (!buf || !head || !len)
		return 0;
	first = gl_load64(buf->b);
	second = gl_load64(buf->b + 8);
	if (head->response) {
		kept = len < 5 ? len : 5;
		if (gl_keep(first ^ GL_HEAD_HTTP_11, kept))
			return -GL_PIN_STATUS;
		return len >= 8;
	}
	if ((first & 0xff) == '\r' || (first & 0xff) == '\n')
		return -GL_PIN_EMPTY_LINE;
	space = gl_equal8(first, ' ');
	n = space ? gl_first(space) : 8 + gl_first(gl_equal8(second, ' '));
	/* NUL in front of the space would pass for the padding of a shorter word. */
	if (n && n < 16 && n < len && *gl_head_at(buf, n - 1)) {
		head->method =
			gl_head_method(gl_keep(first, n), n > 8 ? gl_keep(second, n - 8) : 0);
		if (head->method == GL_METHOD_CONNECT)
			return -GL_PIN_CONNECT;
		if (head->method != GL_METHOD_NONE) {
			head->method_len = n;
			return 1;
		}
	}
	/*
	 * Not a method that we know, or not there yet: what is the first byte that a method cannot
	 * hold?
	 */
	space = gl_not_token8(first);
	n = space ? gl_first(space) : 8 + gl_first(gl_not_token8(second));
	if (n >= len)
		return len < 16 ? 0 : -GL_PIN_METHOD;
	if (n >= 16)
		return -GL_PIN_METHOD;
	if (n == 0 || *gl_head_at(buf, n) != ' ')
		return -GL_PIN_OPAQUE;
	/* The preface of HTTP/2 (RFC 9113 3.4). */
	return gl_keep(first, 4) == GL_TEXT8('P', 'R', 'I', ' ', 0, 0, 0, 0) ? -GL_PIN_OPAQUE :
									       -GL_PIN_METHOD;
}

/*
 * Forbidden in a target: bytes from 0x80, SP, the characters that neither RFC 3986 nor the URL
 * standard leaves bare (" # < >) and, in an absolute one, brackets.
 */
static long gl_head_target_words(u32 i, void *context)
{
	struct gl_head_walk *walk = context;
	u32 pos = walk->pos + i * 32, left, k;
	u64 brackets = walk->head->flags & GL_HEAD_ABSOLUTE ? GL_HIGHS : 0;
	u64 bad, word, bare;
	const u8 *at;

	if (pos >= walk->end)
		return 1;
	at = gl_head_at(walk->buf, pos);
	left = walk->end - pos;
	for (k = 0; k < 4; k++) {
		word = gl_load64(at + 8 * k);
		bare = (word & ~(GL_ONES * 0x01)) ^ GL_ONES * '"';		/* " # */
		bad = (bare - GL_ONES) & ~bare;
		bare = (word & ~(GL_ONES * 0x02)) ^ GL_ONES * '<';		/* < > */
		bad |= ((bare - GL_ONES) & ~bare) | (word - GL_ONES * '!') | word;
		bad &= GL_HIGHS;
		bad |= (gl_equal8(word, '[') | gl_equal8(word, ']')) & brackets;
		if (left > 8 * k)
			walk->result |= gl_keep(bad, left - 8 * k);
	}
	return walk->result != 0;
}

gl_inline u32 gl_head_version(u64 word)
{
	return word == GL_HEAD_HTTP_11 ? 11 : word == GL_HEAD_HTTP_10 ? 10 : 0;
}

/*
 * gl_head_target: the form of the target (RFC 9112 3.2): `/...`, `http://...` or, for OPTIONS, `*`.
 * An absolute target with brackets is refused, because some servers read an IPv6 address out of it
 * and others do not.
 */
gl_inline int gl_head_target(struct gl_head *head, struct gl_head_walk *walk)
{
	u32 len = head->target_len;
	u64 word = gl_load64(gl_head_at(walk->buf, walk->pos));

	if ((word & 0xff) == '*' && len == 1 && head->method == GL_METHOD_OPTIONS) {
		head->flags |= GL_HEAD_ASTERISK;
		return 0;
	}
	if ((word & 0xff) != '/') {
		word = gl_lower8(word);
		if (!(len > 7 &&
		      gl_keep(word, 7) == GL_TEXT8('h', 't', 't', 'p', ':', '/', '/', 0)) &&
		    !(len > 8 && word == GL_TEXT8('h', 't', 't', 'p', 's', ':', '/', '/')))
			return GL_PIN_TARGET;
		head->flags |= GL_HEAD_ABSOLUTE;
	}
	gl_loop(GL_HEAD_MAX / 32 + 1, gl_head_target_words, walk);
	return walk->result ? GL_PIN_TARGET : 0;
}

/*
 * gl_head_request_line: RFC 9112 3: method SP target SP version. @end: offset of the CR. Returns 0
 * or a cause.
 */
gl_global int gl_head_request_line(const struct gl_head_buf *buf, struct gl_head *head, u32 end)
{
	struct gl_head_walk walk;
	u32 off;

	if (!buf || !head)
		return GL_PIN_SYNC;
	off = head->method_len + 1;
	if (end > GL_HEAD_REQUEST_LINE_MAX)
		return GL_PIN_HEAD_LONG;
	if (end < off + 10 || *gl_head_at(buf, end - 9) != ' ')
		return GL_PIN_VERSION;
	head->version = gl_head_version(gl_load64(gl_head_at(buf, end - 8)));
	if (!head->version)
		return GL_PIN_VERSION;
	head->target_off = off;
	head->target_len = end - 9 - off;
	walk.buf = buf;
	walk.head = head;
	walk.pos = off;
	walk.end = end - 9;
	walk.result = 0;
	return gl_head_target(head, &walk);
}

/*
 * gl_head_status_line: RFC 9112 4: version SP code [SP reason]. The RFC wants the second SP even
 * without a reason; every parser of the vectors does without. @end: offset of the CR. Returns 0 or
 * a cause.
 */
gl_global int gl_head_status_line(const struct gl_head_buf *buf, struct gl_head *head, u32 end)
{
	u64 word, code;

	if (!buf || !head)
		return GL_PIN_SYNC;
	if (end < 12)
		return GL_PIN_STATUS;
	head->version = gl_head_version(gl_load64(buf->b));
	if (!head->version)
		return GL_PIN_VERSION;
	word = gl_load64(buf->b + 8);
	code = gl_decimal8(word >> 8, 3);
	if ((word & 0xff) != ' ' || code < 100 || code > 599 ||
	    (end > 12 && (word >> 32 & 0xff) != ' '))
		return GL_PIN_STATUS;
	head->code = code;
	return 0;
}

/*
 * gl_head_field_line: one header line: its name, then head_field.h if anybody cares for it. @end:
 * offset of the CR. Returns 0 or a cause.
 *
 * Most names are letters, digits and `-`, which are tested eight at a time with the case folded by
 * one OR; a name with any other byte takes the exact test.
 */
gl_inline int gl_head_field_line(const struct gl_head_buf *buf, struct gl_head *head, u32 end)
{
	u64 hash = GL_HASH_NAME_SEED, word, name, low, keep, colon, bad;
	u32 off = head->off, len = 0, n, i;
	const u8 *at = gl_head_at(buf, off);

	if (!head->response && (end - off > GL_HEAD_LINE_MAX || head->lines >= GL_HEAD_LINES_MAX))
		return GL_PIN_HEAD_LONG;
	head->lines++;
	if (gl_head_blank(*at))
		return GL_PIN_OBS_FOLD;
	for (i = 0; i < (GL_HEAD_NAME_MAX + 1) / 8; i++) {
		word = gl_load64(at + i * 8);
		colon = gl_equal8(word, ':');
		/* The bytes below the colon; all, if there is none. */
		keep = ((colon & -colon) >> 7) - 1;
		name = (word | GL_ONES * 0x20) & keep;
		low = name & GL_LOWS;
		bad = ~(gl_within8(low, 'a', 'z') | gl_within8(low, '0', '9') |
			gl_within8(low, '-', '-')) |
		      name;
		if (bad & keep & GL_HIGHS) {
			bad = gl_not_token8(word) & keep;
			if (bad) {
				n = i * 8 + gl_first(bad);
				return n >= end - off || gl_head_blank(*gl_head_at(buf, off + n)) ?
					       GL_PIN_COLON :
					       GL_PIN_NAME;
			}
			name = gl_lower8(word & keep);
		}
		hash = gl_hash_name_word(hash, name);
		if (colon) {
			len = i * 8 + gl_first(colon);
			break;
		}
	}
	if (!len)
		return GL_PIN_NAME;
	n = gl_hash_name_end(hash);
	if (!(*gl_at(head->filter, (n & 255) >> 3, 31) >> (n & 7) & 1))
		return 0;
	return gl_head_read_field(buf, head, n, off | len << 16, end);
}

#endif
