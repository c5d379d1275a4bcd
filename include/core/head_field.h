/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * head_field: the header fields that framing needs, and the record of those that somebody else is
 * interested in.
 *
 * In: one header line whose name is a token and whose bytes hold no control characters but HTAB
 * (head.h has seen to that). Out: flags, numbers and records in struct gl_head, or the cause for
 * which the head is refused. It knows nothing of other lines but what struct gl_head says of them.
 *
 * Two rules for the bodies of loops. They branch on the buffer, on struct gl_head and on the number
 * of the turn, never on something that an earlier turn left in the loop's context: kernels before
 * 6.7 check a body for its first turn only, and would remove the branches of the others. And
 * positions are computed from the number of the turn: a position that grows in the context has new
 * bounds at each turn, and later kernels, which check turns until nothing new comes, give up (8,193
 * jumps).
 */
#ifndef GL_CORE_HEAD_FIELD_H
#define GL_CORE_HEAD_FIELD_H

#include "core/bytes.h"
#include "core/head_type.h"

#define GL_HEAD_MASK	(GL_HEAD_MAX - 1)

gl_inline const u8 *gl_head_at(const struct gl_head_buf *buf, u32 off)
{
	return gl_at(buf->b, off, GL_HEAD_MASK);
}

/* A piece of the head that a loop walks over: [pos, end). Only `result` changes while it does. */
struct gl_head_walk {
	const struct gl_head_buf *buf;
	struct gl_head *head;
	u32 pos;
	u32 end;
	u64 result;	/* of the loop: a hash; or not 0 if a byte is there that must not be */
};

gl_inline int gl_head_blank(u8 c)
{
	return c == ' ' || c == '\t';
}

static long gl_head_trim_front(u32 i, void *context)
{
	struct gl_head_walk *walk = context;

	return walk->pos + i >= walk->end || !gl_head_blank(*gl_head_at(walk->buf, walk->pos + i));
}

static long gl_head_trim_back(u32 i, void *context)
{
	struct gl_head_walk *walk = context;

	return walk->pos + i >= walk->end ||
	       !gl_head_blank(*gl_head_at(walk->buf, walk->end - 1 - i));
}

/*
 * Takes the optional white space (RFC 9110 5.6.3) off both ends. Nearly always that is one space in
 * front.
 */
gl_inline void gl_head_trim(struct gl_head_walk *walk)
{
	if (walk->pos < walk->end && gl_head_blank(*gl_head_at(walk->buf, walk->pos)))
		walk->pos++;
	/* A loop ends in its last turn, which takes nothing. */
	if (walk->pos < walk->end && gl_head_blank(*gl_head_at(walk->buf, walk->pos)))
		walk->pos += gl_loop(GL_HEAD_MAX + 1, gl_head_trim_front, walk) - 1;
	if (walk->pos < walk->end && gl_head_blank(*gl_head_at(walk->buf, walk->end - 1)))
		walk->end -= gl_loop(GL_HEAD_MAX + 1, gl_head_trim_back, walk) - 1;
}

/*
 * gl_head_text_is: the @len bytes at @off are the text of @want_len bytes (4..24) whose first,
 * second and last eight bytes, in lower case, are @first, @second and @last (second: only beyond 16
 * bytes; last: only beyond 8).
 */
gl_inline int gl_head_text_is(const struct gl_head_buf *buf, u32 off, u32 len, u32 want_len,
			      u64 first, u64 second, u64 last)
{
	const u8 *at;

	if (len != want_len)
		return 0;
	at = gl_head_at(buf, off);
	if (gl_lower8(gl_keep(gl_load64(at), want_len)) != first)
		return 0;
	if (want_len > 16 && gl_lower8(gl_load64(at + 8)) != second)
		return 0;
	return want_len <= 8 || gl_lower8(gl_load64(at + want_len - 8)) == last;
}

#define GL_TEXT_CHUNKED		GL_TEXT8('c', 'h', 'u', 'n', 'k', 'e', 'd', 0)
#define GL_TEXT_CLOSE		GL_TEXT8('c', 'l', 'o', 's', 'e', 0, 0, 0)
#define GL_TEXT_UPGRADE		GL_TEXT8('u', 'p', 'g', 'r', 'a', 'd', 'e', 0)
#define GL_TEXT_KEEPALIVE	GL_TEXT8('k', 'e', 'e', 'p', '-', 'a', 'l', 'i')
#define GL_TEXT_KEEPALIVE_LAST	GL_TEXT8('e', 'p', '-', 'a', 'l', 'i', 'v', 'e')

/*
 * Content-Length (RFC 9110 8.6): 1 to 18 digits, so that no sum overflows. A list of equal numbers,
 * which the RFC lets a recipient accept, is refused, and so is HTAB behind the number, which llhttp
 * refuses. @after: where the line ends.
 */
gl_inline int gl_head_length(struct gl_head *head, const struct gl_head_walk *walk, u32 after)
{
	u32 len = walk->end - walk->pos;
	u32 part = ((len - 1) & 7) + 1;		/* the first part, then up to two whole eights */
	u64 value, more;
	u32 i;

	if (head->flags & GL_HEAD_HAS_LENGTH)
		return GL_PIN_CL_REPEAT;
	if (len < 1 || len > 18 || after - walk->end > 8)
		return GL_PIN_CL_BAD;
	if (gl_keep(gl_load64(gl_head_at(walk->buf, walk->end)) ^ GL_ONES * ' ', after - walk->end))
		return GL_PIN_CL_BAD;
	value = gl_decimal8(gl_load64(gl_head_at(walk->buf, walk->pos)), part);
	if (value > GL_DECIMAL8_MAX)
		return GL_PIN_CL_BAD;
	/* Counted, as 6.1 does not see that `part < len` ends. */
	for (i = 0; i < 2 && part < len; i++, part += 8) {
		more = gl_decimal8(gl_load64(gl_head_at(walk->buf, walk->pos + part)), 8);
		if (more > GL_DECIMAL8_MAX)
			return GL_PIN_CL_BAD;
		value = value * (GL_DECIMAL8_MAX + 1) + more;
	}
	head->content_length = value;
	head->flags |= GL_HEAD_HAS_LENGTH;
	return 0;
}

/*
 * Transfer-Encoding (RFC 9112 6.1): exactly one `chunked`, and not in HTTP/1.0, which does not have
 * it.
 */
gl_inline int gl_head_coding(struct gl_head *head, const struct gl_head_walk *walk)
{
	if (head->flags & GL_HEAD_CHUNKED || head->version != 11)
		return GL_PIN_TE_BAD;
	if (!gl_head_text_is(walk->buf, walk->pos, walk->end - walk->pos, 7, GL_TEXT_CHUNKED, 0, 0))
		return GL_PIN_TE_BAD;
	head->flags |= GL_HEAD_CHUNKED;
	return 0;
}

/* The flag of a token of Connection; 0 for tokens that mean nothing to us. */
gl_inline u32 gl_head_option(u64 first, u64 rest, u32 len)
{
	if (len == 5 && first == GL_TEXT_CLOSE)
		return GL_HEAD_CLOSE;
	if (len == 7 && first == GL_TEXT_UPGRADE)
		return GL_HEAD_CONN_UPGRADE;
	if (len == 10 && first == GL_TEXT_KEEPALIVE && rest == GL_TEXT8('v', 'e', 0, 0, 0, 0, 0, 0))
		return GL_HEAD_KEEPALIVE;
	return 0;
}

/* Values of token_len between the tokens of a list: a token may begin; only a comma may follow. */
#define GL_TOKEN_NONE	0
#define GL_TOKEN_ENDED	0xffff

/* One byte of Connection's list of tokens; the byte behind the value counts as a comma. */
static long gl_head_connection_byte(u32 i, void *context)
{
	struct gl_head_walk *walk = context;
	struct gl_head *head = walk->head;
	u32 len = head->token_len;
	u8 c = ',';

	if (walk->pos + i < walk->end)
		c = *gl_head_at(walk->buf, walk->pos + i);
	if (c == ',' || gl_head_blank(c)) {
		if (len != GL_TOKEN_NONE && len != GL_TOKEN_ENDED)
			head->flags |= gl_head_option(head->token[0], head->token[1], len);
		if (c == ',')
			head->token_len = GL_TOKEN_NONE;
		else if (len != GL_TOKEN_NONE)
			head->token_len = GL_TOKEN_ENDED;
	} else {
		if (len == GL_TOKEN_ENDED || gl_not_token(c)) {
			walk->result = 1;
			return 1;
		}
		c = gl_lower(c);
		if (len == 0) {
			head->token[0] = 0;
			head->token[1] = 0;
		}
		if (len < 8)
			head->token[0] |= (u64)c << (len * 8);
		else if (len < 16)
			head->token[1] |= (u64)c << ((len - 8) * 8);
		head->token_len = len + 1;
	}
	return walk->pos + i >= walk->end;
}

/*
 * Connection (RFC 9110 7.6.1): a list of tokens; empty elements are allowed. Nearly always it is
 * one of two words.
 */
gl_inline int gl_head_connection(struct gl_head *head, struct gl_head_walk *walk)
{
	u32 len = walk->end - walk->pos;

	if (gl_head_text_is(walk->buf, walk->pos, len, 10, GL_TEXT_KEEPALIVE, 0,
			    GL_TEXT_KEEPALIVE_LAST)) {
		head->flags |= GL_HEAD_KEEPALIVE;
		return 0;
	}
	if (gl_head_text_is(walk->buf, walk->pos, len, 5, GL_TEXT_CLOSE, 0, 0)) {
		head->flags |= GL_HEAD_CLOSE;
		return 0;
	}
	head->token_len = GL_TOKEN_NONE;
	gl_loop(GL_HEAD_MAX + 1, gl_head_connection_byte, walk);
	return walk->result ? GL_PIN_CONNECTION : 0;
}

/*
 * Eight bytes of Host. Letters, digits, `-`, `.` and `:` are tested together; a word with another
 * byte takes the exact test.
 */
static long gl_head_host_word(u32 i, void *context)
{
	struct gl_head_walk *walk = context;
	u32 pos = walk->pos + i * 8;
	u64 word, low, good;
	u32 left;

	if (pos >= walk->end)
		return 1;
	left = walk->end - pos;
	word = gl_load64(gl_head_at(walk->buf, pos));
	low = word & GL_LOWS;
	good = gl_within8(low | GL_ONES * 0x20, 'a', 'z') | gl_within8(low, '-', '.') |
	       gl_within8(low, '0', ':');
	if (!gl_keep(~(good & ~word) & GL_HIGHS, left))
		return 0;
	/*
	 * RFC 3986 3.2.2: ! $ % & ' ( ) * + , ; = _ ~ and the brackets of an IPv6 address as well.
	 */
	good |= gl_within8(low, '!', '!') | gl_within8(low, '$', ',') | gl_within8(low, ';', ';') |
		gl_within8(low, '=', '=') | gl_within8(low, '[', '[') | gl_within8(low, ']', ']') |
		gl_within8(low, '_', '_') | gl_within8(low, '~', '~');
	walk->result = gl_keep(~(good & ~word) & GL_HIGHS, left);
	return walk->result != 0;
}

/* Host (RFC 9112 3.2): exactly once in a request. It may be empty. */
gl_inline int gl_head_host(struct gl_head *head, struct gl_head_walk *walk)
{
	if (head->flags & GL_HEAD_HAS_HOST)
		return GL_PIN_HOST;
	head->flags |= GL_HEAD_HAS_HOST;
	head->host_off = walk->pos;
	head->host_len = walk->end - walk->pos;
	gl_loop(GL_HEAD_MAX / 8 + 1, gl_head_host_word, walk);
	return walk->result ? GL_PIN_HOST : 0;
}

/*
 * One position of a field of authentication: does the scheme NTLM or Negotiate (RFC 4559) stand
 * here, as a word of its own?
 */
static long gl_head_scheme_byte(u32 i, void *context)
{
	struct gl_head_walk *walk = context;
	u32 pos = walk->pos + i, len = 0;
	u64 word, rest;
	u8 c;

	if (pos >= walk->end)
		return 1;
	c = *gl_head_at(walk->buf, pos - 1);
	if (!gl_head_blank(c) && c != ',' && c != ':')
		return 0;
	word = gl_lower8(gl_load64(gl_head_at(walk->buf, pos)));
	rest = gl_load64(gl_head_at(walk->buf, pos + 8));
	if (gl_keep(word, 4) == GL_TEXT8('n', 't', 'l', 'm', 0, 0, 0, 0))
		len = 4;
	else if (word == GL_TEXT8('n', 'e', 'g', 'o', 't', 'i', 'a', 't') &&
		 gl_lower(rest & 0xff) == 'e')
		len = 9;
	c = len == 4 ? word >> 32 & 0xff : rest >> 8 & 0xff;
	if (!len || pos + len > walk->end || (pos + len < walk->end && !gl_not_token(c)))
		return 0;
	walk->head->flags |= GL_HEAD_CONN_AUTH;
	return 1;
}

/* Expect (RFC 9110 10.1.1): only 100-continue is defined. */
gl_inline int gl_head_expect(struct gl_head *head, const struct gl_head_walk *walk)
{
	if (!gl_head_text_is(walk->buf, walk->pos, walk->end - walk->pos, 12,
			     GL_TEXT8('1', '0', '0', '-', 'c', 'o', 'n', 't'), 0,
			     GL_TEXT8('c', 'o', 'n', 't', 'i', 'n', 'u', 'e')))
		return GL_PIN_EXPECT;
	head->flags |= GL_HEAD_EXPECT;
	return 0;
}

/* Whether a name is that of a field in which schemes of authentication stand. */
gl_inline int gl_head_is_auth(const struct gl_head_buf *buf, u32 off, u32 len)
{
	return gl_head_text_is(buf, off, len, 13, GL_TEXT8('a', 'u', 't', 'h', 'o', 'r', 'i', 'z'),
			       0, GL_TEXT8('r', 'i', 'z', 'a', 't', 'i', 'o', 'n')) ||
	       gl_head_text_is(buf, off, len, 19, GL_TEXT8('p', 'r', 'o', 'x', 'y', '-', 'a', 'u'),
			       GL_TEXT8('t', 'h', 'o', 'r', 'i', 'z', 'a', 't'),
			       GL_TEXT8('r', 'i', 'z', 'a', 't', 'i', 'o', 'n')) ||
	       gl_head_text_is(buf, off, len, 16, GL_TEXT8('w', 'w', 'w', '-', 'a', 'u', 't', 'h'),
			       0, GL_TEXT8('e', 'n', 't', 'i', 'c', 'a', 't', 'e')) ||
	       gl_head_text_is(buf, off, len, 18, GL_TEXT8('p', 'r', 'o', 'x', 'y', '-', 'a', 'u'),
			       GL_TEXT8('t', 'h', 'e', 'n', 't', 'i', 'c', 'a'),
			       GL_TEXT8('e', 'n', 't', 'i', 'c', 'a', 't', 'e'));
}

/*
 * The fields that framing needs; no two of their names are equally long. @off, @len: the name;
 * @after: where the line ends.
 */
gl_inline int gl_head_own(struct gl_head *head, struct gl_head_walk *walk, u32 off, u32 len,
			  u32 after)
{
	const struct gl_head_buf *buf = walk->buf;

	if (gl_head_text_is(buf, off, len, 4, GL_TEXT8('h', 'o', 's', 't', 0, 0, 0, 0), 0, 0))
		return head->response ? 0 : gl_head_host(head, walk);
	if (gl_head_text_is(buf, off, len, 14, GL_TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-'), 0,
			    GL_TEXT8('t', '-', 'l', 'e', 'n', 'g', 't', 'h')))
		return gl_head_length(head, walk, after);
	if (gl_head_text_is(buf, off, len, 10, GL_TEXT8('c', 'o', 'n', 'n', 'e', 'c', 't', 'i'), 0,
			    GL_TEXT8('n', 'n', 'e', 'c', 't', 'i', 'o', 'n')))
		return gl_head_connection(head, walk);
	if (gl_head_text_is(buf, off, len, 17, GL_TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r'),
			    GL_TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n'),
			    GL_TEXT8('e', 'n', 'c', 'o', 'd', 'i', 'n', 'g')))
		return gl_head_coding(head, walk);
	if (gl_head_text_is(buf, off, len, 6, GL_TEXT8('e', 'x', 'p', 'e', 'c', 't', 0, 0), 0, 0))
		return head->response ? 0 : gl_head_expect(head, walk);
	if (gl_head_text_is(buf, off, len, 7, GL_TEXT_UPGRADE, 0, 0))
		head->flags |= GL_HEAD_UPGRADE;
	if (!head->response &&
	    gl_head_text_is(buf, off, len, 12, GL_TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-'), 0,
			    GL_TEXT8('e', 'n', 't', '-', 't', 'y', 'p', 'e'))) {
		if (head->flags & GL_HEAD_HAS_TYPE)
			return GL_PIN_REPEATED;
		head->flags |= GL_HEAD_HAS_TYPE;
	}
	if (gl_head_is_auth(buf, off, len))
		gl_loop(GL_HEAD_MAX, gl_head_scheme_byte, walk);
	return 0;
}

/*
 * gl_head_read_field: one header line whose name hash passed the filter. @name: offset of the name,
 * its length in the upper half; @end: offset of the CR behind the line. Returns 0 or the cause
 * (enum gl_pin) for which the head is refused.
 */
gl_global int gl_head_read_field(const struct gl_head_buf *buf, struct gl_head *head, u32 hash,
				 u32 name, u32 end)
{
	u32 off = name & 0xffff, len = name >> 16;
	struct gl_head_field *field;
	struct gl_head_walk walk;
	u32 n;

	if (!buf || !head)
		return GL_PIN_SYNC;
	walk.buf = buf;
	walk.head = head;
	walk.pos = off + len + 1;
	walk.end = end;
	walk.result = 0;
	gl_head_trim(&walk);
	if (*gl_at(head->interest, (hash & 255) >> 3, 31) >> (hash & 7) & 1) {
		n = head->nfields;
		if (n >= GL_HEAD_FIELDS)
			return GL_PIN_FIELDS;
		gl_opaque(n);
		field = &head->fields[n & (GL_HEAD_FIELDS - 1)];
		field->name_hash = hash;
		field->name_off = off;
		field->name_len = len;
		field->value_off = walk.pos;
		field->value_len = walk.end - walk.pos;
		head->nfields = n + 1;
	}
	return gl_head_own(head, &walk, off, len, end);
}

#endif
