// SPDX-License-Identifier: Apache-2.0
/*
 * tree_json: a strict JSON reader (RFC 8259) that keeps positions. YAML's flow style is nearly
 * JSON, but libyaml knows no surrogate pairs and would take `{a: 1,}` too; what this reader refuses
 * is given to libyaml, whose message then names the place.
 */
#include <errno.h>
#include <string.h>

#include "policy/tree.h"

struct reader {
	struct gl_arena *arena;
	const char *at, *end;
	struct gl_pos pos;
	size_t depth;
};

static int read_value(struct reader *reader, struct gl_node **ret);

static void advance(struct reader *reader)
{
	unsigned char c = *reader->at++;

	if (c == '\n' || (c == '\r' && (reader->at == reader->end || *reader->at != '\n'))) {
		reader->pos.line++;
		reader->pos.column = 1;
	} else if ((c & 0xc0) != 0x80 && c != '\r') {
		reader->pos.column++;
	}
}

static void skip_space(struct reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at))
		advance(reader);
}

static bool next_is(struct reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	advance(reader);
	return true;
}

static struct gl_node *new_node(struct reader *reader, enum gl_node_kind kind)
{
	struct gl_node *node = gl_arena_alloc(reader->arena, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->pos = reader->pos;
	}
	return node;
}

/* Four hexadecimal digits after \u; -1 if they are not there. */
static int read_hex4(struct reader *reader)
{
	int code = 0, i;

	for (i = 0; i < 4; i++) {
		const char *digit;

		if (reader->at == reader->end)
			return -1;
		digit = memchr("0123456789abcdefABCDEF", *reader->at, 22);
		if (!digit)
			return -1;
		code = code << 4 | (*digit <= '9' ? *digit - '0' : (*digit | 0x20) - 'a' + 10);
		advance(reader);
	}
	return code;
}

static char *put_utf8(char *out, int code)
{
	if (code < 0x80) {
		*out++ = code;
	} else if (code < 0x800) {
		*out++ = 0xc0 | code >> 6;
		*out++ = 0x80 | (code & 0x3f);
	} else if (code < 0x10000) {
		*out++ = 0xe0 | code >> 12;
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	} else {
		*out++ = 0xf0 | code >> 18;
		*out++ = 0x80 | (code >> 12 & 0x3f);
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	}
	return out;
}

/*
 * What follows a backslash; NULL: no escape of JSON, or NUL. Never longer than the escape itself.
 */
static char *read_escape(struct reader *reader, char *out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	int code, low;

	if (reader->at == reader->end)
		return NULL;
	name = memchr(names, *reader->at, sizeof(names) - 1);
	if (name) {
		advance(reader);
		*out++ = values[name - names];
		return out;
	}
	if (!next_is(reader, 'u'))
		return NULL;
	code = read_hex4(reader);
	if (code >= 0xd800 && code <= 0xdbff) {
		if (!next_is(reader, '\\') || !next_is(reader, 'u'))
			return NULL;
		low = read_hex4(reader);
		if (low < 0xdc00 || low > 0xdfff)
			return NULL;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	} else if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) {
		return NULL;
	}
	return put_utf8(out, code);
}

static int read_string(struct reader *reader, struct gl_node **ret)
{
	struct gl_node *node = new_node(reader, GL_NODE_STRING);
	const char *close = reader->at + 1;
	char *out, *text;

	if (!node)
		return -ENOMEM;
	if (!next_is(reader, '"'))
		return -EINVAL;
	while (close < reader->end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	if (close >= reader->end)
		return -EINVAL;
	text = gl_arena_alloc(reader->arena, close - reader->at + 1);
	if (!text)
		return -ENOMEM;
	out = text;
	while (reader->at < close) {
		if ((unsigned char)*reader->at < 0x20)
			return -EINVAL;
		if (*reader->at != '\\') {
			*out++ = *reader->at;
			advance(reader);
			continue;
		}
		advance(reader);
		out = read_escape(reader, out);
		if (!out)
			return -EINVAL;
	}
	advance(reader);
	node->text = text;
	node->len = out - text;
	node->quoted = true;
	*ret = node;
	return 0;
}

/* JSON's number grammar; -EINVAL also for the numbers that only YAML knows. */
static bool is_json_number(const char *text)
{
	if (*text == '-')
		text++;
	if (*text == '0')
		text++;
	else if (!strspn(text, "123456789"))
		return false;
	else
		text += strspn(text, "0123456789");
	if (*text == '.') {
		if (!strspn(text + 1, "0123456789"))
			return false;
		text += 1 + strspn(text + 1, "0123456789");
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		if (*text == '+' || *text == '-')
			text++;
		if (!strspn(text, "0123456789"))
			return false;
		text += strspn(text, "0123456789");
	}
	return !*text;
}

static int read_word(struct reader *reader, struct gl_node **ret)
{
	struct gl_node *node = new_node(reader, GL_NODE_NULL);
	const char *start = reader->at;

	if (!node)
		return -ENOMEM;
	while (reader->at < reader->end && !strchr(" \t\r\n,:[]{}\"", *reader->at))
		advance(reader);
	node->len = reader->at - start;
	node->text = gl_arena_copy(reader->arena, start, node->len);
	if (!node->text)
		return -ENOMEM;
	if (strcmp(node->text, "true") && strcmp(node->text, "false") &&
	    strcmp(node->text, "null") && !is_json_number(node->text))
		return -EINVAL;
	node->kind = gl_node_resolve(node->text, node->len);
	*ret = node;
	return 0;
}

static int read_member(struct reader *reader, struct gl_node *parent)
{
	struct gl_node *key = NULL, *child;
	int err;

	skip_space(reader);
	if (parent->kind == GL_NODE_MAP) {
		err = read_string(reader, &key);
		if (err)
			return err;
		skip_space(reader);
		if (!next_is(reader, ':'))
			return -EINVAL;
	}
	err = read_value(reader, &child);
	if (err)
		return err;
	child->key = key;
	gl_node_append(parent, child);
	skip_space(reader);
	return 0;
}

static int read_members(struct reader *reader, enum gl_node_kind kind, char close,
			struct gl_node **ret)
{
	struct gl_node *node = new_node(reader, kind);
	int err;

	if (!node)
		return -ENOMEM;
	if (reader->depth == GL_TREE_DEPTH)
		return -EINVAL;
	advance(reader);
	skip_space(reader);
	*ret = node;
	if (next_is(reader, close))
		return 0;
	reader->depth++;
	do {
		err = read_member(reader, node);
		if (err)
			return err;
	} while (next_is(reader, ','));
	reader->depth--;
	return next_is(reader, close) ? 0 : -EINVAL;
}

static int read_value(struct reader *reader, struct gl_node **ret)
{
	skip_space(reader);
	if (reader->at == reader->end)
		return -EINVAL;
	switch (*reader->at) {
	case '{':
		return read_members(reader, GL_NODE_MAP, '}', ret);
	case '[':
		return read_members(reader, GL_NODE_LIST, ']', ret);
	case '"':
		return read_string(reader, ret);
	default:
		return read_word(reader, ret);
	}
}

int gl_tree_read_json(struct gl_arena *arena, const char *text, size_t len, struct gl_node **ret)
{
	struct reader reader = { arena, text, text + len, { 1, 1 }, 0 };
	int err;

	skip_space(&reader);
	if (reader.at == reader.end || *reader.at != '{')
		return -EINVAL;
	err = read_value(&reader, ret);
	if (err)
		return err;
	skip_space(&reader);
	return reader.at == reader.end ? 0 : -EINVAL;
}
