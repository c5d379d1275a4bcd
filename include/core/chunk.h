/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * chunk: finds the end of a chunked body (RFC 9112 7.1).
 *
 * In: bytes of the body in a buffer, piece by piece, and the state that earlier pieces left. Out:
 * how many of the bytes belong to the body, how many bytes of data come next (the caller may jump
 * over them unseen), and whether the body has ended. It keeps no data, records no extensions and no
 * trailer fields, and it knows nothing of packets: chunk_walk.h does.
 *
 * It is never more lenient than the strictest of the parsers in tests/vectors/http:
 *
 *	size		1 to 15 hexadecimal digits: no sign, no prefix, no white space around it
 *	extensions	`;name`, `;name=token`, `;name="..."`, without white space; in the quotes
 *			SP to ~ and pairs of `\` and one of these; GL_CHUNK_LINE_MAX bytes a line
 *	line ends	CR LF, and so behind the data
 *	trailer		header lines by the rules of head.h, with the empty line
 *			GL_CHUNK_TRAILER_MAX bytes, and no field that GL_CHUNK_REFUSED names
 *
 * Everything else is refused, with one cause: GL_PIN_CHUNK_BAD.
 *
 * Phases. A byte that is not in the table is refused.
 *
 *	phase		byte			next phase
 *	SIZE		digit			SIZE
 *			;			EXT		behind a digit
 *			CR			SIZE_LF		behind a digit
 *	EXT		token			EXT_NAME
 *	EXT_NAME	token			EXT_NAME
 *			=			EXT_EQUALS
 *			;  CR			EXT, SIZE_LF
 *	EXT_EQUALS	token			EXT_VALUE
 *			"			EXT_QUOTED
 *	EXT_VALUE	token			EXT_VALUE
 *			;  CR			EXT, SIZE_LF
 *	EXT_QUOTED	SP to ~			EXT_QUOTED
 *			"			EXT_END
 *			\			EXT_PAIR
 *	EXT_PAIR	SP to ~			EXT_QUOTED
 *	EXT_END		;  CR			EXT, SIZE_LF
 *	SIZE_LF		LF			DATA, TRAILER if the size is 0
 *	DATA		any			DATA, DATA_CR behind the last
 *	DATA_CR		CR			DATA_LF
 *	DATA_LF		LF			SIZE
 *	TRAILER		token			TRAILER_NAME
 *			CR			LAST_LF
 *	TRAILER_NAME	token			TRAILER_NAME
 *			:			TRAILER_VALUE	unless the name is refused
 *	TRAILER_VALUE	HTAB, SP to 0xff but DEL	TRAILER_VALUE
 *			CR			TRAILER_LF
 *	TRAILER_LF	LF			TRAILER
 *	LAST_LF		LF			DONE
 *
 * The result, the state included, depends on the bytes only: not on bytes beyond @len, nor on where
 * the body was cut. A size line that is there whole is read in one step; the state behind it is the
 * one that reading it byte by byte leaves.
 */
#ifndef GL_CORE_CHUNK_H
#define GL_CORE_CHUNK_H

#include "core/bytes.h"
#include "core/head_type.h"
#include "graylink/conn.h"

enum gl_chunk_phase {
	GL_CHUNK_SIZE,		/* 0: a state of zeroes is the beginning of a body */
	GL_CHUNK_EXT,		/* the first byte of an extension's name */
	GL_CHUNK_EXT_NAME,
	GL_CHUNK_EXT_EQUALS,	/* behind `=` */
	GL_CHUNK_EXT_VALUE,
	GL_CHUNK_EXT_QUOTED,
	GL_CHUNK_EXT_PAIR,	/* behind `\` */
	GL_CHUNK_EXT_END,	/* behind the closing quote */
	GL_CHUNK_SIZE_LF,
	GL_CHUNK_DATA,		/* `left` bytes of data come next, at least one */
	GL_CHUNK_DATA_CR,
	GL_CHUNK_DATA_LF,
	GL_CHUNK_TRAILER,	/* the first byte of a header line, or of the empty line */
	GL_CHUNK_TRAILER_NAME,
	GL_CHUNK_TRAILER_VALUE,
	GL_CHUNK_TRAILER_LF,
	GL_CHUNK_LAST_LF,
	GL_CHUNK_DONE,
	GL_CHUNK_BAD,
};

_Static_assert(sizeof(struct gl_chunk) == 16, "gl_chunk");

/* Digits of a size: 2^60 - 1 bytes at most, so that no sum overflows. */
#define GL_CHUNK_DIGITS_MAX	15

#define GL_CHUNK_HASH_SEED	0x811c9dc5U
#define GL_CHUNK_HASH_PRIME	0x01000193U

/* gl_chunk_hash: FNV-1a, which needs no more state between two bytes than its result. */
gl_inline u32 gl_chunk_hash(u32 hash, u8 c)
{
	return (hash ^ gl_lower(c)) * GL_CHUNK_HASH_PRIME;
}

/*
 * Fields that must not stand in a trailer, by the hash of their names (a unit test computes them):
 * some recipient would take them for fields of the head, and they say where a message ends, whose
 * it is, how the connection goes on, or how the data is to be read (RFC 9110 6.5.1).
 */
#define GL_CHUNK_REFUSED(X) \
	X(0x4df9451d, "content-length") X(0xddb4744c, "transfer-encoding") \
	X(0xaffea56f, "host") X(0x38b99ed9, "connection") \
	X(0xe18edb80, "keep-alive") X(0x32c09da6, "proxy-connection") \
	X(0x3c453eb2, "te") X(0x816fede0, "trailer") \
	X(0xdc97cc77, "upgrade") X(0x96da6b58, "expect") \
	X(0x913657be, "authorization") X(0xa01f18bb, "proxy-authorization") \
	X(0x2e7bcf02, "www-authenticate") X(0xa17edaef, "proxy-authenticate") \
	X(0x77a740bf, "cookie") X(0x6e2be738, "set-cookie") \
	X(0x03e2ed88, "content-encoding") X(0xd3ecfa4a, "content-range") \
	X(0xfcf70995, "content-type")

/* Without branches: each would double the verifier's paths. The top bit marks a difference of 0. */
#define GL_X_CHUNK_REFUSED(known, name) found |= (u64)(hash ^ (known)) - 1;

gl_inline u32 gl_chunk_refused(u32 hash)
{
	u64 found = 0;

	GL_CHUNK_REFUSED(GL_X_CHUNK_REFUSED)
	return found >> 63;
}

/* gl_chunk_start: prepares @c for the first byte of a body. */
gl_inline void gl_chunk_start(struct gl_chunk *c)
{
	__builtin_memset(c, 0, sizeof(*c));
}

/* gl_chunk_done: the body has ended with the last byte that was eaten. */
gl_inline u32 gl_chunk_done(const struct gl_chunk *c)
{
	return c->phase == GL_CHUNK_DONE;
}

/* gl_chunk_data: so many bytes of data come next. */
gl_inline u64 gl_chunk_data(const struct gl_chunk *c)
{
	return c->phase == GL_CHUNK_DATA ? c->left : 0;
}

/*
 * gl_chunk_skip: of the next @n bytes those that are data, gl_chunk_data() at most, count as seen.
 * Returns how many these are.
 */
gl_inline u32 gl_chunk_skip(struct gl_chunk *c, u32 n)
{
	if (c->phase != GL_CHUNK_DATA)
		return 0;
	if (n < c->left) {
		c->left -= n;
		return n;
	}
	n = c->left;
	c->left = 0;
	c->phase = GL_CHUNK_DATA_CR;
	return n;
}

/* A hexadecimal digit's value; 16: it is none. */
gl_inline u32 gl_chunk_digit(u8 b)
{
	u8 low = b | 0x20;

	if (b >= '0' && b <= '9')
		return b - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : 16;
}

/* A size line was read to its LF. */
gl_inline u32 gl_chunk_line_end(struct gl_chunk *c)
{
	c->spent = 0;
	c->digits = 0;
	if (c->left)
		return GL_CHUNK_DATA;
	c->left = GL_HEAD_LINES_MAX;
	return GL_CHUNK_TRAILER;
}

/* What may follow where an extension, or the size, can end; else BAD. */
gl_inline u32 gl_chunk_line_break(u8 b)
{
	return b == ';' ? GL_CHUNK_EXT : b == '\r' ? GL_CHUNK_SIZE_LF : GL_CHUNK_BAD;
}

/* One byte of a size line. Returns the next phase. */
gl_inline u32 gl_chunk_line_byte(struct gl_chunk *c, u8 b)
{
	u32 digit, token = !gl_not_token(b), text = b >= ' ' && b <= '~';

	if (++c->spent > GL_CHUNK_LINE_MAX)
		return GL_CHUNK_BAD;
	switch (c->phase) {
	case GL_CHUNK_SIZE:
		digit = gl_chunk_digit(b);
		if (digit > 15)
			return c->digits ? gl_chunk_line_break(b) : GL_CHUNK_BAD;
		c->left = c->left << 4 | digit;
		return ++c->digits > GL_CHUNK_DIGITS_MAX ? GL_CHUNK_BAD : GL_CHUNK_SIZE;
	case GL_CHUNK_EXT:
		return token ? GL_CHUNK_EXT_NAME : GL_CHUNK_BAD;
	case GL_CHUNK_EXT_NAME:
		if (b == '=')
			return GL_CHUNK_EXT_EQUALS;
		return token ? GL_CHUNK_EXT_NAME : gl_chunk_line_break(b);
	case GL_CHUNK_EXT_EQUALS:
		if (b == '"')
			return GL_CHUNK_EXT_QUOTED;
		return token ? GL_CHUNK_EXT_VALUE : GL_CHUNK_BAD;
	case GL_CHUNK_EXT_VALUE:
		return token ? GL_CHUNK_EXT_VALUE : gl_chunk_line_break(b);
	case GL_CHUNK_EXT_QUOTED:
		if (b == '"')
			return GL_CHUNK_EXT_END;
		if (b == '\\')
			return GL_CHUNK_EXT_PAIR;
		return text ? GL_CHUNK_EXT_QUOTED : GL_CHUNK_BAD;
	case GL_CHUNK_EXT_PAIR:
		return text ? GL_CHUNK_EXT_QUOTED : GL_CHUNK_BAD;
	case GL_CHUNK_EXT_END:
		return gl_chunk_line_break(b);
	}
	return b == '\n' ? gl_chunk_line_end(c) : GL_CHUNK_BAD;
}

/* One byte of the trailer. Returns the next phase. */
gl_inline u32 gl_chunk_trailer_byte(struct gl_chunk *c, u8 b)
{
	u32 token = !gl_not_token(b);

	if (++c->spent > GL_CHUNK_TRAILER_MAX)
		return GL_CHUNK_BAD;
	switch (c->phase) {
	case GL_CHUNK_TRAILER:
		if (b == '\r')
			return GL_CHUNK_LAST_LF;
		if (!token || !c->left)
			return GL_CHUNK_BAD;
		c->left--;
		c->hash = gl_chunk_hash(GL_CHUNK_HASH_SEED, b);
		c->digits = 1;
		return GL_CHUNK_TRAILER_NAME;
	case GL_CHUNK_TRAILER_NAME:
		if (b == ':')
			return gl_chunk_refused(c->hash) ? GL_CHUNK_BAD : GL_CHUNK_TRAILER_VALUE;
		c->hash = gl_chunk_hash(c->hash, b);
		return token && ++c->digits <= GL_HEAD_NAME_MAX ? GL_CHUNK_TRAILER_NAME :
								  GL_CHUNK_BAD;
	case GL_CHUNK_TRAILER_VALUE:
		if (b == '\r')
			return GL_CHUNK_TRAILER_LF;
		return (b >= ' ' && b != 0x7f) || b == '\t' ? GL_CHUNK_TRAILER_VALUE : GL_CHUNK_BAD;
	case GL_CHUNK_TRAILER_LF:
		return b == '\n' ? GL_CHUNK_TRAILER : GL_CHUNK_BAD;
	}
	return b == '\n' ? GL_CHUNK_DONE : GL_CHUNK_BAD;
}

/* One byte that is no data, in any phase. Returns the next phase. */
gl_inline u32 gl_chunk_byte(struct gl_chunk *c, u8 b)
{
	u32 phase = c->phase;

	if (phase <= GL_CHUNK_SIZE_LF)
		return gl_chunk_line_byte(c, b);
	if (phase == GL_CHUNK_DATA_CR)
		return b == '\r' ? GL_CHUNK_DATA_LF : GL_CHUNK_BAD;
	if (phase == GL_CHUNK_DATA_LF)
		return b == '\n' ? GL_CHUNK_SIZE : GL_CHUNK_BAD;
	if (phase >= GL_CHUNK_TRAILER && phase <= GL_CHUNK_LAST_LF)
		return gl_chunk_trailer_byte(c, b);
	return GL_CHUNK_BAD;
}

/* The number that @n (1..6) characters say in hexadecimal; above 0xffffff: not all are digits. */
gl_inline u64 gl_chunk_number(u64 word, u32 n)
{
	u32 fill = (8 - n) * 8;
	u64 letters;

	/* The digits move up and zeros fill in below them (in front of them, in reading order). */
	word = word << fill | (GL_ONES * '0' & ((1ULL << fill) - 1));
	if (word & GL_HIGHS)
		return ~0ULL;
	letters = gl_within8(word | GL_ONES * 0x20, 'a', 'f');
	if ((gl_within8(word, '0', '9') | letters) != GL_HIGHS)
		return ~0ULL;
	word = (word & GL_ONES * 0x0f) + (letters >> 7) * 9;
	word = (word << 4 | word >> 8) & 0x00ff00ff00ff00ffULL;
	word = (word << 8 | word >> 16) & 0x0000ffff0000ffffULL;
	return (word << 16 | word >> 32) & 0xffffffffULL;
}

/*
 * The usual size line, 1 to 6 digits and CR LF, out of the eight bytes @word at its beginning, of
 * which @len are there. Returns its length; 0: it is another one, or not there yet.
 */
gl_inline u32 gl_chunk_line(struct gl_chunk *c, u64 word, u32 len)
{
	u32 n = gl_first(gl_equal8(word, '\r'));
	u64 size;

	if (n < 1 || n > 6 || n + 2 > len || (word >> (n * 8 + 8) & 0xff) != '\n')
		return 0;
	size = gl_chunk_number(word, n);
	if (size > 0xffffff)
		return 0;
	c->left = size;
	c->phase = gl_chunk_line_end(c);
	return n + 2;
}

/* What a turn of the loop sees. */
struct gl_chunk_run {
	const struct gl_head_buf *buf;
	struct gl_chunk *c;
	u32 pos;
	u32 len;
};

/* One step: data as far as it goes, the CR LF behind it and a size line; or a byte, or a few. */
static long gl_chunk_turn(u32 i, void *context)
{
	struct gl_chunk_run *run = context;
	struct gl_chunk *c = run->c;
	u32 len = run->len, pos = run->pos, n;
	u64 word;

	(void)i;
	pos += gl_chunk_skip(c, len - pos);
	word = gl_load64(gl_at(run->buf->b, pos, GL_HEAD_MAX - 1));
	if (c->phase == GL_CHUNK_DATA_CR && len - pos >= 2 &&
	    (word & 0xffff) == ('\r' | '\n' << 8)) {
		c->phase = GL_CHUNK_SIZE;
		pos += 2;
		word = gl_load64(gl_at(run->buf->b, pos, GL_HEAD_MAX - 1));
	}
	n = 0;
	if (c->phase == GL_CHUNK_SIZE && !c->digits)
		n = gl_chunk_line(c, word, len - pos);
	if (!n && pos < len) {
		if (c->phase == GL_CHUNK_TRAILER_VALUE) {
			n = gl_first(gl_control8(word));
			n = n < len - pos ? n : len - pos;
			c->spent += n;
		}
		if (!n || c->spent > GL_CHUNK_TRAILER_MAX) {
			c->phase = gl_chunk_byte(c, word & 0xff);
			n = 1;
		}
	}
	run->pos = pos + n;
	if (c->phase < GL_CHUNK_DONE)
		return run->pos >= len;
	word = c->phase;
	gl_chunk_start(c);
	c->phase = word;
	return 1;
}

/*
 * gl_chunk_feed: reads bytes [@off, @len) of @buf, the next ones of the body; @len <= GL_HEAD_MAX.
 * Returns how many of them belong to the body: all, unless it ends before (gl_chunk_done()); or
 * -GL_PIN_CHUNK_BAD, now and ever after.
 */
gl_global int gl_chunk_feed(const struct gl_head_buf *buf, u32 off, u32 len, struct gl_chunk *c)
{
	struct gl_chunk_run run;

	if (!buf || !c || len > GL_HEAD_MAX || off > len)
		return -GL_PIN_SYNC;
	run.buf = buf;
	run.c = c;
	run.pos = off;
	run.len = len;
	/* Each turn eats a byte at least. */
	if (off < len && c->phase < GL_CHUNK_DONE)
		gl_loop(GL_HEAD_MAX, gl_chunk_turn, &run);
	return c->phase >= GL_CHUNK_BAD ? -GL_PIN_CHUNK_BAD : (int)(run.pos - off);
}

#endif
