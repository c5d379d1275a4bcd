/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * member: finds what has a given name in header fields that hold lists: a cookie, a baggage member,
 * or simply a whole line; and the trace-id of a traceparent.
 *
 * Inputs: the key in the policy image, the bytes of a head, its classified fields. It writes to its
 * scratch only.
 *
 *	Cookie:   pairs between ';', RFC 6265, 4.2.1; spaces and tabs around name and value do not count, quotes are part of the
 *		  value, names are case-sensitive, a pair without '=' is none.
 *	baggage:  members between ',', W3C Baggage, 3.3.1: key=value;properties; white space around each does not count, keys are
 *		  case-sensitive, values are taken as they stand (a lane's name needs no percent-encoding).
 *
 * A member that is malformed is skipped; the others count (as OpenTelemetry does). Each step of the
 * machine below eats up to eight bytes or changes its phase, and the members are counted, so that
 * the cost is bounded whatever the lines hold.
 *
 *	LINE -> START -> KEY -> EQUALS -> BEFORE -> VALUE -> TRIM -> (found) SKIP -> START ...
 *			  |	  |					      ^
 *			  +-------+---- another key, or no '=' ---------------+	    end of the line, anywhere -> LINE
 */
#ifndef GL_CORE_MEMBER_H
#define GL_CORE_MEMBER_H

#include "core/value.h"

enum gl_member_phase {
	GL_MEMBER_NEXT_LINE,
	GL_MEMBER_START,	/* white space before the key */
	GL_MEMBER_KEY,
	GL_MEMBER_EQUALS,	/* white space before '=' */
	GL_MEMBER_BEFORE,	/* white space before the value */
	GL_MEMBER_VALUE,
	GL_MEMBER_TRIM,		/* white space after the value */
	GL_MEMBER_SKIP,		/* to the next delimiter */
	GL_MEMBER_DONE,
};

/* Scratch of one search. */
struct gl_member {
	u32 key_off, key_len;	/* in the image, padded with NUL to a multiple of 8 */
	u32 off, end;		/* unread bytes of the line in hand */
	u32 value_off, value_end;	/* out */
	u8 kind;		/* enum gl_member_kind */
	u8 field;		/* field number + 1 */
	u8 line;		/* the next line of the head to look at */
	u8 phase;		/* enum gl_member_phase */
	u8 found;
	u8 pad;
	u16 budget;		/* members that may still be looked at */
};

/*
 * Members of all lines together that a search looks at; Baggage guarantees 64, browsers send up to
 * 180 cookies.
 */
#define GL_MEMBER_MAX	256

/* gl_member_start: prepares a search for what a record of the image describes. */
gl_inline void gl_member_start(struct gl_member *member, const struct gl_image_member *record)
{
	member->key_off = record->key_off;
	member->key_len = record->key_len;
	member->off = 0;
	member->end = 0;
	member->value_off = 0;
	member->value_end = 0;
	member->kind = record->kind;
	member->field = record->field;
	member->line = 0;
	member->phase = GL_MEMBER_NEXT_LINE;
	member->found = 0;
	member->budget = GL_MEMBER_MAX;
}

gl_inline void gl_member_next_line(struct gl_value_ctx *ctx, struct gl_member *member)
{
	const struct gl_head_field *at;
	u32 line = member->line;

	if (line >= ctx->head->nfields || line >= GL_HEAD_FIELDS) {
		member->phase = GL_MEMBER_DONE;
		return;
	}
	member->line = line + 1;
	if (ctx->work->field[gl_value_index(line)] != member->field)
		return;
	at = gl_value_line(ctx->head, line);
	member->off = at->value_off;
	member->end = at->value_off + at->value_len;
	member->phase = GL_MEMBER_START;
	if (member->kind == GL_MEMBER_LINE) {
		member->value_off = member->off;
		member->value_end = member->end;
		member->off = member->end;
		member->phase = GL_MEMBER_NEXT_LINE;
		member->found = 1;
	}
}

/* Is the key here? Its longest is GL_IMAGE_NAME_MAX. */
gl_inline int gl_member_same_key(struct gl_value_ctx *ctx, const struct gl_member *member)
{
	u32 i;

	if (member->end - member->off <= member->key_len)
		return 0;
	gl_unroll
	for (i = 0; i < GL_IMAGE_NAME_MAX; i += 8) {
		u64 word;

		if (i >= member->key_len)
			break;
		word = gl_keep(gl_value_bytes(ctx->buf, member->off + i), member->key_len - i);
		if (word != gl_load64(gl_image_at(ctx->image, member->key_off + i)))
			return 0;
	}
	return 1;
}

/* Phases that skip white space (START: and delimiters), and what may follow it. */
gl_inline void gl_member_blank(struct gl_value_ctx *ctx, struct gl_member *member)
{
	u64 word = gl_value_bytes(ctx->buf, member->off);
	u64 other = gl_unlike8(word, ' ') & gl_unlike8(word, '\t');
	u32 left = member->end - member->off;
	u32 at;

	if (member->phase == GL_MEMBER_START)
		other &= gl_unlike8(word, member->kind == GL_MEMBER_COOKIE ? ';' : ',');
	at = gl_first(other);
	if (at >= left || at >= 8) {
		member->off += left > 8 ? 8 : left;
		return;
	}
	member->off += at;
	if (member->phase == GL_MEMBER_BEFORE) {
		member->value_off = member->off;
		member->phase = GL_MEMBER_VALUE;
	} else if (member->phase == GL_MEMBER_EQUALS) {
		member->phase = GL_MEMBER_SKIP;
		if ((word >> (8 * (at & 7)) & 0xff) == '=') {
			member->off++;
			member->phase = GL_MEMBER_BEFORE;
		}
	} else if (member->budget) {
		member->budget--;
		member->phase = GL_MEMBER_KEY;
	} else {
		member->phase = GL_MEMBER_DONE;
	}
}

/* Phases that look for a delimiter, eight bytes at a time: VALUE and SKIP. */
gl_inline void gl_member_word(struct gl_value_ctx *ctx, struct gl_member *member)
{
	u64 word = gl_value_bytes(ctx->buf, member->off);
	u32 left = member->end - member->off;
	u32 at;

	if (left > 8)
		left = 8;
	at = gl_first(gl_equal8(word, member->kind == GL_MEMBER_COOKIE ? ';' : ','));
	if (member->phase == GL_MEMBER_VALUE && member->kind == GL_MEMBER_BAGGAGE) {
		u32 semicolon = gl_first(gl_equal8(word, ';'));

		if (semicolon < at)
			at = semicolon;
	}
	if (at < left) {
		member->off += at;
		if (member->phase == GL_MEMBER_SKIP) {
			member->off++;
			member->phase = GL_MEMBER_START;
		}
	} else {
		member->off += left;
		if (member->off < member->end)
			return;
	}
	if (member->phase == GL_MEMBER_VALUE) {
		member->value_end = member->off;
		member->phase = GL_MEMBER_TRIM;
	}
}

/* Takes white space off the end of a value. Returns 1 when there is no more. */
gl_inline int gl_member_trim(struct gl_value_ctx *ctx, struct gl_member *member)
{
	u32 len = member->value_end - member->value_off;
	u64 word;

	if (!len)
		return 1;
	if (len >= 8) {
		word = gl_value_bytes(ctx->buf, member->value_end - 8);
		if (!(gl_unlike8(word, ' ') & gl_unlike8(word, '\t'))) {
			member->value_end -= 8;
			return 0;
		}
	}
	if (!gl_value_is_ws(gl_value_bytes(ctx->buf, member->value_end - 1) & 0xff))
		return 1;
	member->value_end--;
	return 0;
}

static long gl_member_step(u32 i, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_member *member = ctx->member;

	(void)i;
	if (member->phase == GL_MEMBER_TRIM) {
		if (!gl_member_trim(ctx, member))
			return 0;
		member->phase = GL_MEMBER_SKIP;
		member->found = 1;
		return 1;
	}
	if (member->off >= member->end) {
		/* "key=" has an empty value. */
		if (member->phase == GL_MEMBER_BEFORE) {
			member->value_off = member->off;
			member->value_end = member->off;
			member->phase = GL_MEMBER_TRIM;
			return 0;
		}
		gl_member_next_line(ctx, member);
		return member->found || member->phase == GL_MEMBER_DONE;
	}
	/* Most members are others: they are passed in one step. */
	if (member->phase != GL_MEMBER_VALUE && member->phase != GL_MEMBER_SKIP)
		gl_member_blank(ctx, member);
	if (member->phase == GL_MEMBER_KEY) {
		member->phase = GL_MEMBER_SKIP;
		if (gl_member_same_key(ctx, member)) {
			member->off += member->key_len;
			member->phase = GL_MEMBER_EQUALS;
		}
	}
	if (member->phase == GL_MEMBER_VALUE || member->phase == GL_MEMBER_SKIP)
		gl_member_word(ctx, member);
	return member->phase == GL_MEMBER_DONE;
}

/*
 * Steps that a search can take: the words of the head, the bytes before delimiters, and the phases
 * of each member.
 */
#define GL_MEMBER_STEPS	(GL_HEAD_MAX + 16 * GL_MEMBER_MAX)

/*
 * gl_member_find: the next member with the key, after gl_member_start or an earlier find. Returns 1
 * and value_off, value_end; 0: none.
 */
gl_global int gl_member_find(const struct gl_image *image, const struct gl_head_buf *buf,
			     const struct gl_head *head, struct gl_value_work *work,
			     struct gl_member *member)
{
	struct gl_value_ctx ctx = { image, buf, head, work, member };

	if (!image || !buf || !head || !work || !member)
		return 0;
	member->found = 0;
	if (member->phase == GL_MEMBER_DONE)
		return 0;
	gl_loop(GL_MEMBER_STEPS, gl_member_step, &ctx);
	return member->found;
}

/* traceparent (W3C Trace Context, 3.2.2). ----------------------------------------------------- */

/* Bytes of a trace-id as it is written, and where it stands. */
#define GL_TRACE_ID_OFF	3
#define GL_TRACE_ID_LEN	32

/* Bytes of a word that lie between @low and @high (both below 0x80). */
gl_inline u64 gl_member_range8(u64 word, u8 low, u8 high)
{
	return gl_within8(word & GL_LOWS, low, high) & ~word;
}

/* Are all bytes lower-case hexadecimal digits? */
gl_inline int gl_member_hex8(u64 word)
{
	return (gl_member_range8(word, '0', '9') | gl_member_range8(word, 'a', 'f')) == GL_HIGHS;
}

#define GL_ZEROS	(GL_ONES * '0')

/* gl_trace_valid: is the value at @off a traceparent whose trace-id may be used? */
gl_inline int gl_trace_valid(const struct gl_head_buf *buf, u32 off, u32 len)
{
	u64 id[4], parent[2], first, flags;
	u32 i;

	if (len < 55)
		return 0;
	first = gl_value_bytes(buf, off);
	flags = gl_value_bytes(buf, off + 52);
	/*
	 * Two digits of version (not ff; 00 has nothing behind the flags), '-', ... '-', ... '-',
	 * two digits of flags.
	 */
	if (!gl_member_hex8(gl_keep(first, 2) | (GL_ZEROS << 16)) || (first >> 16 & 0xff) != '-')
		return 0;
	if ((first & 0xffff) == ('f' << 8 | 'f'))
		return 0;
	if (len > 55 && ((first & 0xffff) == ('0' << 8 | '0') || (flags >> 24 & 0xff) != '-'))
		return 0;
	if ((flags & 0xff) != '-' || !gl_member_hex8(gl_keep(flags >> 8, 2) | (GL_ZEROS << 16)))
		return 0;
	if ((gl_value_bytes(buf, off + 35) & 0xff) != '-')
		return 0;
	for (i = 0; i < 4; i++) {
		id[i] = gl_value_bytes(buf, off + GL_TRACE_ID_OFF + 8 * i);
		if (!gl_member_hex8(id[i]))
			return 0;
	}
	for (i = 0; i < 2; i++) {
		parent[i] = gl_value_bytes(buf, off + 36 + 8 * i);
		if (!gl_member_hex8(parent[i]))
			return 0;
	}
	if (id[0] == GL_ZEROS && id[1] == GL_ZEROS && id[2] == GL_ZEROS && id[3] == GL_ZEROS)
		return 0;
	return !(parent[0] == GL_ZEROS && parent[1] == GL_ZEROS);
}

#endif
