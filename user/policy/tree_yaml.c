// SPDX-License-Identifier: Apache-2.0
/* tree_yaml: libyaml's events to a tree. See tree.h. */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "policy/tree.h"

struct builder {
	struct gl_arena *arena;
	struct gl_diag *diag;
	const char *file;
	struct gl_node *stack[GL_TREE_DEPTH];	/* open maps and lists */
	struct gl_node *keys[GL_TREE_DEPTH];	/* of an open map: the key whose value is awaited */
	size_t depth;
	struct gl_node *documents;		/* a list of documents */
	bool done;
};

static struct gl_pos position(const yaml_mark_t *mark)
{
	return (struct gl_pos){ mark->line + 1, mark->column + 1 };
}

static int refuse(struct builder *builder, const yaml_mark_t *mark, const char *hint,
		  const char *message)
{
	struct gl_diag_place place = { builder->file, position(mark), NULL };

	gl_diag_error(builder->diag, &place, hint, "%s", message);
	return -EINVAL;
}

static int refuse_extras(struct builder *builder, const yaml_event_t *event,
			 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse(builder, &event->start_mark, "write the value out",
			      "anchors are not supported");
	if (tag)
		return refuse(builder, &event->start_mark, NULL, "tags are not supported");
	return 0;
}

/* Puts a finished or just opened node where it belongs: document, element, key or value. */
static int place(struct builder *builder, struct gl_node *node, const yaml_mark_t *mark)
{
	struct gl_node *parent;

	if (!builder->depth) {
		gl_node_append(builder->documents, node);
		return 0;
	}
	parent = builder->stack[builder->depth - 1];
	if (parent->kind == GL_NODE_LIST) {
		gl_node_append(parent, node);
		return 0;
	}
	if (!builder->keys[builder->depth - 1]) {
		if (node->kind == GL_NODE_MAP || node->kind == GL_NODE_LIST)
			return refuse(builder, mark, NULL,
				      "a key must be a plain word, not a mapping or a list");
		builder->keys[builder->depth - 1] = node;
		return 0;
	}
	node->key = builder->keys[builder->depth - 1];
	builder->keys[builder->depth - 1] = NULL;
	gl_node_append(parent, node);
	return 0;
}

static int open_node(struct builder *builder, const yaml_event_t *event, enum gl_node_kind kind)
{
	struct gl_node *node = gl_arena_alloc(builder->arena, sizeof(*node));
	int err;

	if (!node)
		return -ENOMEM;
	node->kind = kind;
	node->pos = position(&event->start_mark);
	err = place(builder, node, &event->start_mark);
	if (err)
		return err;
	if (builder->depth == GL_TREE_DEPTH)
		return refuse(builder, &event->start_mark, NULL, "nested too deeply");
	builder->stack[builder->depth] = node;
	builder->keys[builder->depth] = NULL;
	builder->depth++;
	return 0;
}

static int scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct gl_node *node;

	/* Escapes in double quotes can make what the text itself must not hold. */
	if (memchr(text, '\0', len))
		return refuse(builder, &event->start_mark, NULL, "a NUL character is not allowed");
	node = gl_arena_alloc(builder->arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->pos = position(&event->start_mark);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = gl_arena_copy(builder->arena, text, len);
	if (!node->text)
		return -ENOMEM;
	node->len = len;
	node->kind = node->quoted ? GL_NODE_STRING : gl_node_resolve(text, len);
	return place(builder, node, &event->start_mark);
}

static int take(struct builder *builder, const yaml_event_t *event)
{
	int err;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		err = refuse_extras(builder, event, event->data.scalar.anchor,
				    event->data.scalar.tag);
		return err ? err : scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		err = refuse_extras(builder, event, event->data.sequence_start.anchor,
				    event->data.sequence_start.tag);
		return err ? err : open_node(builder, event, GL_NODE_LIST);
	case YAML_MAPPING_START_EVENT:
		err = refuse_extras(builder, event, event->data.mapping_start.anchor,
				    event->data.mapping_start.tag);
		return err ? err : open_node(builder, event, GL_NODE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		builder->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(builder, &event->start_mark, "write the value out",
			      "aliases are not supported");
	case YAML_DOCUMENT_START_EVENT:
		if (builder->documents->count == GL_TREE_DOCUMENTS)
			return refuse(builder, &event->start_mark, NULL,
				      "too many documents in one file");
		return 0;
	case YAML_STREAM_END_EVENT:
		builder->done = true;
		return 0;
	default:
		return 0;
	}
}

/*
 * Is there a tab in the white space before this place in its line? @text is all of it, by lines
 * ended by LF.
 */
static bool indented_by_tab(const char *text, size_t len, size_t line)
{
	const char *end = text + len, *next;

	for (; line && text < end; line--) {
		next = memchr(text, '\n', (size_t)(end - text));
		text = next ? next + 1 : end;
	}
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

static int syntax_error(struct builder *builder, const yaml_parser_t *parser, const char *text,
			size_t len)
{
	struct gl_diag_place where = { builder->file, position(&parser->problem_mark), NULL };
	bool tab = indented_by_tab(text, len, parser->problem_mark.line);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	gl_diag_error(builder->diag, &where,
		      tab ? "indent by spaces: tabs do not count in YAML" : NULL, "%s%s%s",
		      parser->problem ? parser->problem : "not valid YAML",
		      parser->context ? " " : "", parser->context ? parser->context : "");
	return -EINVAL;
}

int gl_tree_read_yaml(struct gl_arena *arena, const char *file, const char *text, size_t len,
		      struct gl_diag *diag, struct gl_node **ret)
{
	struct builder builder = { .arena = arena, .diag = diag, .file = file };
	yaml_parser_t parser;
	int err = 0;

	*ret = NULL;
	builder.documents = gl_arena_alloc(arena, sizeof(*builder.documents));
	if (!builder.documents || !yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!err && !builder.done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			err = syntax_error(&builder, &parser, text, len);
			break;
		}
		err = take(&builder, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (!err)
		*ret = builder.documents->first;
	return err;
}
