// SPDX-License-Identifier: Apache-2.0
/* read: paths, mappings, lists, words. See read.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read.h"

__attribute__((format(printf, 5, 0))) static void say(struct gl_reader *reader,
						      enum gl_severity severity, struct gl_pos pos,
						      const char *hint, const char *format,
						      va_list args)
{
	struct gl_diag_place place = { reader->file, pos, reader->path };
	char *message;

	if (vasprintf(&message, format, args) < 0) {
		reader->failed = true;
		return;
	}
	if (severity == GL_DIAG_ERROR)
		gl_diag_error(reader->diag, &place, hint, "%s", message);
	else
		gl_diag_warn(reader->diag, &place, hint, "%s", message);
	free(message);
}

void gl_read_error(struct gl_reader *reader, struct gl_pos pos, const char *hint,
		   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(reader, GL_DIAG_ERROR, pos, hint, format, args);
	va_end(args);
}

void gl_read_warn(struct gl_reader *reader, struct gl_pos pos, const char *hint, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	say(reader, GL_DIAG_WARNING, pos, hint, format, args);
	va_end(args);
}

size_t gl_read_enter(struct gl_reader *reader, const char *field, size_t index)
{
	size_t mark = reader->path_len;
	char *end = reader->path + mark;
	size_t room = GL_READ_PATH - mark;
	int len;

	if (field)
		len = snprintf(end, room, "%s%.*s", mark ? "." : "", 64, field);
	else
		len = snprintf(end, room, "[%zu]", index);
	reader->path_len += (size_t)len < room ? (size_t)len : room - 1;
	return mark;
}

void gl_read_leave(struct gl_reader *reader, size_t mark)
{
	reader->path_len = mark;
	reader->path[mark] = '\0';
}

bool gl_read_expect(struct gl_reader *reader, const struct gl_node *node, enum gl_node_kind kind,
		    const char *what)
{
	const char *hint = NULL;
	char quote[96];

	if (node->kind == kind)
		return true;
	if (!strcmp(what, "a string") && node->text && node->len && node->len < 64) {
		snprintf(quote, sizeof(quote), "put it in quotes: \"%s\"", node->text);
		hint = quote;
	} else if (node->kind == GL_NODE_STRING && node->quoted &&
		   gl_node_resolve(node->text, node->len) == kind) {
		hint = "write it without quotes";
	}
	gl_read_error(reader, node->pos, hint, "expected %s, found %s", what,
		      gl_node_kind_name(node));
	return false;
}

/*
 * Levenshtein distance of short words, swaps of neighbours counted as one; over @limit is all the
 * same.
 */
static size_t distance(const char *a, const char *b, size_t limit)
{
	size_t rows[3][33], la = strlen(a), lb = strlen(b), i, j;

	if (la > 32 || lb > 32 || la > lb + limit || lb > la + limit)
		return limit + 1;
	for (j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *before = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= lb; j++) {
			size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *gl_read_nearest(const char *word, const char *const *words, size_t count)
{
	size_t limit = strlen(word) < 4 ? 1 : strlen(word) < 8 ? 2 : 3;
	const char *ret = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		size_t far = strcasecmp(word, words[i]) ? distance(word, words[i], limit) : 0;

		if (far <= limit) {
			ret = words[i];
			if (!far)
				break;
			limit = far - 1;
		}
	}
	return ret;
}

/* "did you mean x?", in @buf, or what there is; NULL if there is nothing to say. */
static const char *suggest(char *buf, size_t size, const char *word, const char *const *words,
			   size_t count)
{
	const char *near = gl_read_nearest(word, words, count);
	size_t used = 0, i;

	if (near) {
		snprintf(buf, size, "did you mean %s?", near);
		return buf;
	}
	used = snprintf(buf, size, "known are ");
	for (i = 0; i < count && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s", i ? ", " : "", words[i]);
	return count && used < size ? buf : NULL;
}

static void unknown_field(struct gl_reader *reader, const struct gl_node *key,
			  const struct gl_read_rules *rules)
{
	const char *names[32];
	char hint[256];
	size_t i, count = 0;

	if (reader->diag->errors >= GL_DIAG_MAX) {
		gl_read_error(reader, key->pos, NULL, "unknown field");
		return;
	}
	for (i = 0; i < rules->count && count < 32; i++)
		if (!rules->rules[i].unsupported)
			names[count++] = rules->rules[i].name;
	gl_read_error(reader, key->pos, suggest(hint, sizeof(hint), key->text, names, count),
		      "unknown field \"%.64s\"", key->text);
}

static void read_field(struct gl_reader *reader, const struct gl_node *node,
		       const struct gl_read_rules *rules, void *out, struct gl_pos *seen)
{
	size_t i, mark;

	for (i = 0; i < rules->count; i++)
		if (!strcmp(node->key->text, rules->rules[i].name))
			break;
	mark = gl_read_enter(reader, node->key->text, 0);
	if (i == rules->count) {
		unknown_field(reader, node->key, rules);
	} else if (seen[i].line) {
		gl_read_error(reader, node->key->pos, NULL,
			      "field \"%s\" occurs twice; the first is in line %u", node->key->text,
			      seen[i].line);
	} else if (rules->rules[i].unsupported) {
		const char *hint = rules->rules[i].unsupported;

		gl_read_error(reader, node->key->pos, *hint ? hint : NULL,
			      "%s is not supported yet", rules->rules[i].name);
		seen[i] = node->key->pos;
	} else {
		seen[i] = node->key->pos;
		rules->rules[i].read(reader, node, (char *)out + rules->rules[i].offset);
	}
	gl_read_leave(reader, mark);
}

void gl_read_map(struct gl_reader *reader, const struct gl_node *node,
		 const struct gl_read_rules *rules, void *out)
{
	struct gl_pos seen[32] = { 0 };
	const struct gl_node *child;
	bool replaced = false;
	size_t i;

	if (!gl_read_expect(reader, node, GL_NODE_MAP, "a mapping"))
		return;
	for (child = node->first; child; child = child->next)
		read_field(reader, child, rules, out, seen);
	/* What is not supported yet often stands for what is then missing: one error is enough. */
	for (i = 0; i < rules->count; i++)
		replaced |= rules->rules[i].unsupported && seen[i].line;
	for (i = 0; i < rules->count; i++)
		if (rules->rules[i].required && !seen[i].line && !replaced)
			gl_read_error(reader, node->key ? node->key->pos : node->pos, NULL,
				      "field \"%s\" is missing", rules->rules[i].name);
}

void *gl_read_list(struct gl_reader *reader, const struct gl_node *node,
		   const struct gl_read_list *list, size_t *count)
{
	const struct gl_node *child;
	char *items;
	size_t i = 0, mark;

	*count = 0;
	if (!gl_read_expect(reader, node, GL_NODE_LIST, list->what))
		return NULL;
	if (node->count < list->min) {
		gl_read_error(reader, node->pos, NULL, "the list is empty");
		return NULL;
	}
	if (node->count > list->max) {
		gl_read_error(reader, node->pos, NULL,
			      "the list has %zu elements; at most %zu are allowed", node->count,
			      list->max);
		return NULL;
	}
	items = gl_arena_alloc(reader->arena, (node->count ? node->count : 1) * list->size);
	if (!items) {
		reader->failed = true;
		return NULL;
	}
	for (child = node->first; child; child = child->next, i++) {
		mark = gl_read_enter(reader, NULL, i);
		list->read(reader, child, items + i * list->size);
		gl_read_leave(reader, mark);
	}
	*count = i;
	return items;
}

int gl_read_enum(struct gl_reader *reader, const struct gl_node *node, const char *const *words,
		 size_t count)
{
	const char *names[32];
	char hint[256];
	size_t i, known = 0;

	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a string"))
		return -1;
	for (i = 0; i < count; i++) {
		if (words[i][0] == '!' && !strcmp(node->text, words[i] + 1)) {
			gl_read_error(reader, node->pos, NULL, "%s is not supported yet",
				      node->text);
			return -1;
		}
		if (!strcmp(node->text, words[i]))
			return (int)i;
		if (words[i][0] != '!' && known < 32)
			names[known++] = words[i];
	}
	gl_read_error(reader, node->pos, suggest(hint, sizeof(hint), node->text, names, known),
		      "unknown value \"%.64s\"", node->text);
	return -1;
}
