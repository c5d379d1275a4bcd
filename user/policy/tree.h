/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: a YAML or JSON text as a tree of nodes that know where they stand. It knows no schema.
 *
 * What no honest policy needs is refused, with its position, before it can cost anything: texts
 * over GL_POLICY_TEXT_MAX, NUL and other control characters, invalid UTF-8, anchors and aliases (so
 * no bomb can be built), tags, deep nesting, keys that are no scalars. A byte order mark is
 * skipped; CRLF is a line end.
 */
#ifndef GL_POLICY_TREE_H
#define GL_POLICY_TREE_H

#include "diag.h"

/* Levels of nesting, and documents of one text. */
#define GL_TREE_DEPTH		32
#define GL_TREE_DOCUMENTS	4096

/* Memory that is freed as a whole. */
struct gl_arena;
struct gl_arena *gl_arena_new(void);
void gl_arena_free(struct gl_arena *arena);
/* Zeroed, aligned for anything; NULL: no memory. */
void *gl_arena_alloc(struct gl_arena *arena, size_t size);
char *gl_arena_copy(struct gl_arena *arena, const char *text, size_t len);
__attribute__((format(printf, 2, 3))) char *gl_arena_printf(struct gl_arena *arena,
							    const char *format, ...);

enum gl_node_kind {
	GL_NODE_MAP,
	GL_NODE_LIST,
	GL_NODE_STRING,		/* quoted, or plain and nothing of the following */
	GL_NODE_INT,		/* a decimal without sign, leading zero, exponent: 0, 5, 100 */
	GL_NODE_NUMBER,		/* whatever else some YAML 1.1 reader takes for a number: -1, 010, 1.10, 1e3, 0x1f, 1_000, .inf */
	GL_NODE_BOOL,		/* true false, and yes no on off y n as YAML 1.1 has it */
	GL_NODE_NULL,		/* null ~ or nothing */
};

struct gl_node {
	enum gl_node_kind kind;
	bool quoted;			/* scalars */
	struct gl_pos pos;
	const char *text;		/* scalars: as written, without quotes; ends with NUL, holds none */
	size_t len;
	struct gl_node *key;		/* value of a map: its key (a scalar); else NULL */
	struct gl_node *first, *last;	/* map: values; list: elements */
	struct gl_node *next;		/* in the same map or list; of a document: the next one */
	size_t count;			/* map, list */
};

/* The kind of a plain scalar. */
enum gl_node_kind gl_node_resolve(const char *text, size_t len);
/* "a string", "a mapping", ... for messages. */
const char *gl_node_kind_name(const struct gl_node *node);

/*
 * Reads a whole text. *ret: the first document (NULL: there is none), the others follow by ->next.
 * 0, -EINVAL (errors are in @diag), -ENOMEM.
 */
int gl_tree_read(struct gl_arena *arena, const char *file, const char *text, size_t len,
		 struct gl_diag *diag, struct gl_node **ret);

/* The two readers behind it; @text has passed gl_tree_check_text. */
int gl_tree_check_text(const char *file, const char *text, size_t len, struct gl_diag *diag);
int gl_tree_read_yaml(struct gl_arena *arena, const char *file, const char *text, size_t len,
		      struct gl_diag *diag, struct gl_node **ret);
/* Strict RFC 8259, one value. -EINVAL without a diagnosis: it is no JSON (but may be YAML). */
int gl_tree_read_json(struct gl_arena *arena, const char *text, size_t len, struct gl_node **ret);

/* Appends to a map or list. */
void gl_node_append(struct gl_node *parent, struct gl_node *child);

#endif
