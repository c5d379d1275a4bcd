/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * value: which of the header names that a decision needs are in a head, and which exact predicate
 * holds for their values.
 *
 * Inputs: the policy image, the bytes of a head, its scanned fields, scratch. It decides nothing
 * and writes to the scratch only.
 *
 * Cost. The names that decisions of a service need have numbers (fields, at most 32). Each line of
 * the head is classified once by the hash of its name. The value of a field that some rule names is
 * hashed once, however many rules name it, and looked up once: of all exact predicates on one field
 * at most one holds. (A DFA per field, whose end state says which patterns hold, can stand beside
 * the exact look-up.)
 *
 * Several lines of one name mean their values joined by "," (RFC 9110, 5.3); they are hashed and
 * compared piece by piece.
 *
 * Callbacks of gl_loop keep their variables in the scratch, not on the stack: the verifier of 6.7
 * and later walks a callback until its stack stops changing, and a scalar that counts there never
 * does.
 */
#ifndef GL_CORE_VALUE_H
#define GL_CORE_VALUE_H

#include "core/bytes.h"
#include "core/hash.h"
#include "core/head.h"
#include "graylink/image.h"

/* Scratch of one decision. -------------------------------------------------------------------- */

/* Reads the value of a field: its lines in order, as one string joined by ",". */
struct gl_value_cursor {
	u64 hash;
	u32 off, end;		/* unread bytes of the line in hand */
	u32 pos;		/* comparison: where in the image; else: bytes read */
	u8 line;		/* the next line of the head to look at */
	u8 field;		/* number + 1 */
	u8 pieces;		/* lines begun */
	u8 differs;
};

/* Finds members one after another; gl_value_member. */
struct gl_value_members {
	u32 key_off, key_len;
	u32 off, end;		/* unread bytes of the line in hand */
	u32 value_off, value_end;	/* out */
	u8 kind, field, line, phase;
	u8 delimiter, found, pad[2];
};

struct gl_value_work {
	u32 exact[GL_IMAGE_FIELDS];	/* per field: offset of the exact predicate that holds; 0: none */
	u8 first[GL_IMAGE_FIELDS];	/* per field: its first line in gl_head.fields, plus 1; 0: absent */
	u8 field[GL_HEAD_FIELDS];	/* per line of the head: its field, plus 1; 0: not needed */
	u32 repeated;			/* bit per field: it has several lines */
	u32 fields_off;
	u32 best;			/* number of the first match that is known to hold; ~0: none */
	u32 list_off;			/* list in hand */
	u32 entry_off;
	struct gl_value_cursor cursor;
};

/* What a callback needs; lives on the stack. */
struct gl_value_ctx {
	const struct gl_image *image;
	const struct gl_head_buf *buf;
	const struct gl_head *head;
	struct gl_value_work *work;
	struct gl_member *member;	/* member.h */
};

/* Small steps. -------------------------------------------------------------------------------- */

/* Both bounds are 32; the mask is for the verifier. */
_Static_assert(GL_IMAGE_FIELDS == 32 && GL_HEAD_FIELDS == 32, "gl_value_index");
gl_inline u32 gl_value_index(u32 i)
{
	gl_opaque(i);
	i &= 31;
	gl_opaque(i);
	return i;
}

gl_inline const struct gl_head_field *gl_value_line(const struct gl_head *head, u32 line)
{
	return &head->fields[gl_value_index(line)];
}

gl_inline const struct gl_image_field *gl_value_record(const struct gl_image *image, u32 fields_off,
						       u32 field)
{
	return gl_image_at(image, fields_off + sizeof(struct gl_image_fields) +
					  (u64)field * sizeof(struct gl_image_field));
}

gl_inline u64 gl_value_bytes(const struct gl_head_buf *buf, u32 off)
{
	return gl_load64(gl_at(buf, off, GL_HEAD_MAX - 1));
}

gl_inline int gl_value_is_ws(u8 c)
{
	return c == ' ' || c == '\t';
}

/*
 * The hash of values: a polynomial over the bytes, so that it can be taken piece by piece, eight
 * bytes at a time. What an attacker can do with its weakness is nothing: a hit is always compared.
 */
#define GL_VALUE_P	0x9e3779b97f4a7c15ULL
#define GL_VALUE_P2	(GL_VALUE_P * GL_VALUE_P)
#define GL_VALUE_P4	(GL_VALUE_P2 * GL_VALUE_P2)

gl_inline u64 gl_value_hash_byte(u64 hash, u32 byte)
{
	return hash * GL_VALUE_P + byte;
}

gl_inline u64 gl_value_hash_word(u64 hash, u64 word)
{
	u64 low = (word & 0xff) * GL_VALUE_P + (word >> 8 & 0xff);
	u64 mid = (word >> 16 & 0xff) * GL_VALUE_P + (word >> 24 & 0xff);
	u64 upper = (word >> 32 & 0xff) * GL_VALUE_P + (word >> 40 & 0xff);
	u64 high = (word >> 48 & 0xff) * GL_VALUE_P + (word >> 56);

	return (hash * GL_VALUE_P4 + low * GL_VALUE_P2 + mid) * GL_VALUE_P4 + upper * GL_VALUE_P2 +
	       high;
}

/* The first @n (0..7) bytes of a word. */
gl_inline u64 gl_value_hash_tail(u64 hash, u64 word, u32 n)
{
	u32 i;

	for (i = 0; i < 7; i++)
		if (i < n)
			hash = gl_value_hash_byte(hash, word >> (8 * i) & 0xff);
	return hash;
}

gl_inline u32 gl_value_hash_end(u64 hash, u32 field_id, u32 seed)
{
	hash ^= (u64)field_id << 32 | seed;
	hash = (hash ^ hash >> 32) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ hash >> 29) * 0x94d049bb133111ebULL;
	return hash >> 32;
}

/* The only predicate that can have this hash; 0: none. Its value is still to be compared. */
gl_inline u32 gl_value_probe(const struct gl_image *image, u32 hash)
{
	const struct gl_image_table *table = &image->head.exacts;
	u32 i;

	for (i = 0; i < GL_IMAGE_PROBES; i++) {
		const struct gl_image_exact *slot =
			gl_image_at(image, gl_image_slot(table, hash, i, sizeof(*slot)));

		if (!slot->predicate_off)
			return 0;
		if (slot->hash == hash)
			return slot->predicate_off;
	}
	return 0;
}

/* Classification of the head's lines. --------------------------------------------------------- */

/*
 * Is a name of the head this name of the image, but for the case of letters? Longest:
 * GL_IMAGE_NAME_MAX.
 */
gl_inline int gl_value_same_name(const struct gl_image *image, u32 name_off,
				 const struct gl_head_buf *buf, u32 off, u32 len)
{
	u32 i;

	for (i = 0; i < GL_IMAGE_NAME_MAX; i += 8) {
		u64 word;

		if (i >= len)
			break;
		word = gl_keep(gl_lower8(gl_value_bytes(buf, off + i)), len - i);
		if (word != gl_load64(gl_image_at(image, name_off + i)))
			return 0;
	}
	return 1;
}

static long gl_value_classify_step(u32 line, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_work *work = ctx->work;
	const struct gl_head_field *at = gl_value_line(ctx->head, line);
	const struct gl_image_fields *fields = gl_image_at(ctx->image, work->fields_off);
	u32 number = fields->slot[at->name_hash & 255];
	u32 i;

	work->field[gl_value_index(line)] = 0;
	for (i = 0; i < GL_IMAGE_CHAIN; i++) {
		const struct gl_image_field *field;

		if (!number)
			return 0;
		field = gl_value_record(ctx->image, work->fields_off, number - 1);
		if (field->hash == at->name_hash && field->name_len == at->name_len &&
		    gl_value_same_name(ctx->image, field->name_off, ctx->buf, at->name_off,
				       at->name_len))
			break;
		number = i + 1 < GL_IMAGE_CHAIN ? field->next : 0;
	}
	if (!number)
		return 0;
	work->field[gl_value_index(line)] = number;
	if (work->first[gl_value_index(number - 1)])
		work->repeated |= 1U << gl_value_index(number - 1);
	else
		work->first[gl_value_index(number - 1)] = line + 1;
	return 0;
}

/* gl_value_classify: fills first, field and repeated of @work for the fields at @fields_off. */
gl_global int gl_value_classify(const struct gl_image *image, const struct gl_head_buf *buf,
				const struct gl_head *head, struct gl_value_work *work,
				u32 fields_off)
{
	struct gl_value_ctx ctx = { image, buf, head, work, NULL };
	u32 lines;

	if (!image || !buf || !head || !work)
		return -1;
	__builtin_memset(work->exact, 0, sizeof(work->exact));
	__builtin_memset(work->first, 0, sizeof(work->first));
	work->repeated = 0;
	work->fields_off = fields_off;
	work->best = ~0U;
	lines = head->nfields;
	if (lines > GL_HEAD_FIELDS)
		lines = GL_HEAD_FIELDS;
	gl_loop(lines, gl_value_classify_step, &ctx);
	return 0;
}

/* Values. ------------------------------------------------------------------------------------- */

/*
 * Steps to the next line of the cursor's field. Returns 1: a line was begun; 0: this line is
 * another's; -1: no more.
 */
gl_inline int gl_value_next_line(const struct gl_head *head, struct gl_value_work *work)
{
	struct gl_value_cursor *cursor = &work->cursor;
	const struct gl_head_field *at;
	u32 line = cursor->line;

	if (line >= head->nfields || line >= GL_HEAD_FIELDS)
		return -1;
	if (cursor->pieces && !(work->repeated & 1U << gl_value_index(cursor->field - 1)))
		return -1;
	cursor->line = line + 1;
	if (work->field[gl_value_index(line)] != cursor->field)
		return 0;
	at = gl_value_line(head, line);
	cursor->off = at->value_off;
	cursor->end = at->value_off + at->value_len;
	cursor->pieces++;
	return 1;
}

gl_inline void gl_value_rewind(struct gl_value_work *work, u32 field, u32 pos)
{
	struct gl_value_cursor *cursor = &work->cursor;

	cursor->hash = 0;
	cursor->off = 0;
	cursor->end = 0;
	cursor->pos = pos;
	cursor->line = work->first[gl_value_index(field)] - 1;
	cursor->field = field + 1;
	cursor->pieces = 0;
	cursor->differs = 0;
}

/* Hashes the next (at most) eight bytes of a value. */
static long gl_value_hash_step(u32 i, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_cursor *cursor = &ctx->work->cursor;
	u32 left = cursor->end - cursor->off;
	u64 word;
	int begun;

	(void)i;
	if (!left) {
		begun = gl_value_next_line(ctx->head, ctx->work);
		if (begun > 0 && cursor->pieces > 1) {
			cursor->hash = gl_value_hash_byte(cursor->hash, ',');
			cursor->pos++;
		}
		return begun < 0;
	}
	word = gl_value_bytes(ctx->buf, cursor->off);
	if (left >= 8) {
		cursor->hash = gl_value_hash_word(cursor->hash, word);
		left = 8;
	} else {
		cursor->hash = gl_value_hash_tail(cursor->hash, word, left);
	}
	cursor->off += left;
	cursor->pos += left;
	return 0;
}

/* Compares the next (at most) eight bytes of a value with those of the image at cursor->pos. */
static long gl_value_compare_step(u32 i, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_cursor *cursor = &ctx->work->cursor;
	u32 left = cursor->end - cursor->off;
	u64 word;
	int begun;

	(void)i;
	if (!left) {
		begun = gl_value_next_line(ctx->head, ctx->work);
		if (begun > 0 && cursor->pieces > 1) {
			const u8 *at = gl_image_at(ctx->image, cursor->pos);

			cursor->differs |= *at != ',';
			cursor->pos++;
		}
		return begun < 0 || cursor->differs;
	}
	if (left > 8)
		left = 8;
	word = gl_value_bytes(ctx->buf, cursor->off) ^
	       gl_load64(gl_image_at(ctx->image, cursor->pos));
	if (gl_keep(word, left)) {
		cursor->differs = 1;
		return 1;
	}
	cursor->off += left;
	cursor->pos += left;
	return 0;
}

/* Steps that a whole value can take: its words, and one per line and its remainder. */
#define GL_VALUE_STEPS	(GL_HEAD_MAX / 8 + 3 * GL_HEAD_FIELDS)

/*
 * gl_value_exact: the exact predicate that holds for a field that is there. Returns its offset; 0:
 * none.
 */
gl_global u32 gl_value_exact(const struct gl_image *image, const struct gl_head_buf *buf,
			     const struct gl_head *head, struct gl_value_work *work, u32 number)
{
	struct gl_value_ctx ctx = { image, buf, head, work, NULL };
	const struct gl_image_predicate *predicate;
	const struct gl_image_field *field;
	u32 off;

	if (!image || !buf || !head || !work)
		return 0;
	field = gl_value_record(image, work->fields_off, gl_value_index(number));
	gl_value_rewind(work, gl_value_index(number), 0);
	gl_loop(GL_VALUE_STEPS, gl_value_hash_step, &ctx);
	off = gl_value_probe(image, gl_value_hash_end(work->cursor.hash, field->id,
						      image->head.exacts.seed));
	if (!off)
		return 0;
	predicate = gl_image_at(image, off);
	if (predicate->field != field->id || predicate->value_len != work->cursor.pos)
		return 0;
	gl_value_rewind(work, gl_value_index(number), predicate->value_off);
	gl_loop(GL_VALUE_STEPS, gl_value_compare_step, &ctx);
	return work->cursor.differs ? 0 : off;
}

#endif
