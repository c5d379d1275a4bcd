// SPDX-License-Identifier: Apache-2.0
/* tree: memory, text checks, kinds of scalars. See tree.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/tree.h"

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

struct gl_arena {
	struct chunk *chunks;
};

struct gl_arena *gl_arena_new(void)
{
	return calloc(1, sizeof(struct gl_arena));
}

void gl_arena_free(struct gl_arena *arena)
{
	struct chunk *chunk, *next;

	if (!arena)
		return;
	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

void *gl_arena_alloc(struct gl_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	char *ret;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > 16384 ? size : 16384;

		chunk = calloc(1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	ret = (char *)chunk->data + chunk->used;
	chunk->used += size;
	return ret;
}

char *gl_arena_copy(struct gl_arena *arena, const char *text, size_t len)
{
	char *ret = gl_arena_alloc(arena, len + 1);

	if (ret)
		memcpy(ret, text, len);
	return ret;
}

char *gl_arena_printf(struct gl_arena *arena, const char *format, ...)
{
	char *text, *ret;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return NULL;
	ret = gl_arena_copy(arena, text, len);
	free(text);
	return ret;
}

void gl_node_append(struct gl_node *parent, struct gl_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

const char *gl_node_kind_name(const struct gl_node *node)
{
	switch (node->kind) {
	case GL_NODE_MAP:
		return "a mapping";
	case GL_NODE_LIST:
		return "a list";
	case GL_NODE_STRING:
		return "a string";
	case GL_NODE_INT:
	case GL_NODE_NUMBER:
		return "a number";
	case GL_NODE_BOOL:
		return "a boolean";
	default:
		return "nothing";
	}
}

static bool among(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/*
 * Decimal numbers with fraction, exponent, sign or "_", as go-yaml (Kubernetes) and other YAML 1.1
 * readers take them.
 */
static bool is_number(const char *text)
{
	static const char *const specials[] = {
		".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL
	};
	size_t whole, fraction = 0;

	if (*text == '+' || *text == '-')
		text++;
	if (among(text, specials))
		return true;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return text[2] && !text[2 + strspn(text + 2, "0123456789abcdefABCDEF_")];
	if (text[0] == '0' &&
	    (text[1] == 'b' || text[1] == 'B' || text[1] == 'o' || text[1] == 'O'))
		return text[2] && !text[2 + strspn(text + 2, "01234567_")];
	whole = *text == '_' ? 0 : strspn(text, "0123456789_");
	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, "0123456789_");
		text += 1 + fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		if (*text == '+' || *text == '-')
			text++;
		if (!digits(text))
			return false;
		text += digits(text);
	}
	return !*text;
}

enum gl_node_kind gl_node_resolve(const char *text, size_t len)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE",
					     "yes",  "Yes",  "YES",  "no",    "No",    "NO",
					     "on",   "On",   "ON",   "off",   "Off",   "OFF",
					     "y",    "Y",    "n",    "N",     NULL };

	if (among(text, nulls))
		return GL_NODE_NULL;
	if (among(text, bools))
		return GL_NODE_BOOL;
	if (digits(text) == len)
		return text[0] != '0' || len == 1 ? GL_NODE_INT : GL_NODE_NUMBER;
	return is_number(text) ? GL_NODE_NUMBER : GL_NODE_STRING;
}

/*
 * Length of the UTF-8 sequence at @at of @left bytes, 0 if it is none (RFC 3629); *code is its code
 * point.
 */
static size_t utf8(const unsigned char *at, size_t left, unsigned int *code)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	if (at[0] < 0x80) {
		*code = at[0];
		return 1;
	}
	len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4 || len > left)
		return 0;
	*code = at[0] & (0xff >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	return *code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff) ? 0 :
												len;
}

/* What YAML 1.2, 5.1 calls printable, and a byte order mark is not. */
static bool printable(unsigned int code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	return code != 0x7f && (code < 0x80 || code >= 0xa0 || code == 0x85) && code != 0xfeff &&
			       code < 0xfffe ?
		       true :
		       code >= 0x10000;
}

int gl_tree_check_text(const char *file, const char *text, size_t len, struct gl_diag *diag)
{
	struct gl_diag_place place = { file, { 1, 1 }, NULL };
	size_t i, n;

	if (len > GL_POLICY_TEXT_MAX) {
		place.pos = (struct gl_pos){ 0, 0 };
		gl_diag_error(diag, &place, "split it into several files",
			      "the file has %zu bytes; at most %u are read", len,
			      GL_POLICY_TEXT_MAX);
		return -EINVAL;
	}
	for (i = 0; i < len; i += n) {
		unsigned int code = 0;

		n = utf8((const unsigned char *)text + i, len - i, &code);
		if (!n) {
			gl_diag_error(diag, &place, NULL, "byte 0x%02x is not valid UTF-8",
				      (unsigned char)text[i]);
			return -EINVAL;
		}
		if (!printable(code)) {
			gl_diag_error(diag, &place, NULL, "control character U+%04X is not allowed",
				      code);
			return -EINVAL;
		}
		place.pos.column++;
		if (code == '\n' || (code == '\r' && (i + 1 == len || text[i + 1] != '\n'))) {
			place.pos.line++;
			place.pos.column = 1;
		}
	}
	return 0;
}

int gl_tree_read(struct gl_arena *arena, const char *file, const char *text, size_t len,
		 struct gl_diag *diag, struct gl_node **ret)
{
	int err;

	*ret = NULL;
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	err = gl_tree_check_text(file, text, len, diag);
	if (err)
		return err;
	err = gl_tree_read_json(arena, text, len, ret);
	if (err != -EINVAL)
		return err;
	return gl_tree_read_yaml(arena, file, text, len, diag, ret);
}
