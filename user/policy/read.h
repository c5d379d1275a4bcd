/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read: from a tree to structs by tables of fields. It says what is wrong with types, unknown and
 * repeated fields and single values, with position and field path; what several fields mean
 * together is check.c's business.
 *
 * Reader functions return nothing: an error is in the diag, and reading goes on, so that all errors
 * of a file are found. Where memory lacks, reader->failed is set.
 */
#ifndef GL_POLICY_READ_H
#define GL_POLICY_READ_H

#include "policy/policy.h"
#include "policy/tree.h"

#define GL_READ_PATH	512

struct gl_reader {
	struct gl_arena *arena;
	struct gl_diag *diag;
	const char *file;
	bool failed;			/* memory lacked */
	char path[GL_READ_PATH];	/* field path in hand; cut where it is too long */
	size_t path_len;
};

/* Reads one value into @out, whose type the function knows. */
typedef void gl_read_fn(struct gl_reader *reader, const struct gl_node *node, void *out);

struct gl_read_rule {
	const char *name;
	size_t offset;			/* of the member that @read fills, in the struct that the mapping fills */
	gl_read_fn *read;
	bool required;
	const char *unsupported;	/* not NULL: refused by name, with this hint ("" for none) */
};

struct gl_read_rules {
	const struct gl_read_rule *rules;
	size_t count;
};

#define GL_READ_RULES(array) \
	{ \
		array, sizeof(array) / sizeof((array)[0]) \
	}

__attribute__((format(printf, 4, 5))) void gl_read_error(struct gl_reader *reader,
							 struct gl_pos pos, const char *hint,
							 const char *format, ...);
__attribute__((format(printf, 4, 5))) void gl_read_warn(struct gl_reader *reader, struct gl_pos pos,
							const char *hint, const char *format, ...);

/*
 * The path while something inside is read: gl_read_enter returns what gl_read_leave takes. Field or
 * [index] (field NULL).
 */
size_t gl_read_enter(struct gl_reader *reader, const char *field, size_t index);
void gl_read_leave(struct gl_reader *reader, size_t mark);

/* Is the node of this kind? Else an error that says what was expected and what was found. */
bool gl_read_expect(struct gl_reader *reader, const struct gl_node *node, enum gl_node_kind kind,
		    const char *what);

void gl_read_map(struct gl_reader *reader, const struct gl_node *node,
		 const struct gl_read_rules *rules, void *out);

/*
 * A list of structs of @size bytes; returns the array (in the arena) and its length. @min and @max
 * bound the number of elements.
 */
struct gl_read_list {
	size_t size;
	size_t min, max;
	gl_read_fn *read;
	const char *what;		/* "a list of addresses" */
};
void *gl_read_list(struct gl_reader *reader, const struct gl_node *node,
		   const struct gl_read_list *list, size_t *count);

/* The nearest of some words to a mistyped one, or NULL. */
const char *gl_read_nearest(const char *word, const char *const *words, size_t count);

/* Single values. ------------------------------------------------------------------------------ */

/*
 * A string: const char *. Control characters other than tab and newline are refused. NULL: an error
 * was added.
 */
const char *gl_read_text(struct gl_reader *reader, const struct gl_node *node);
void gl_read_string(struct gl_reader *reader, const struct gl_node *node, void *out);	/* const char * */
void gl_read_bool(struct gl_reader *reader, const struct gl_node *node, void *out);	/* bool */
void gl_read_label_name(struct gl_reader *reader, const struct gl_node *node, void *out);	/* const char *: RFC 1123 label */
void gl_read_object_name(struct gl_reader *reader, const struct gl_node *node, void *out);	/* const char *: subdomain */
void gl_read_header_name(struct gl_reader *reader, const struct gl_node *node, void *out);	/* const char *: lower case */
void gl_read_token(struct gl_reader *reader, const struct gl_node *node, void *out);	/* const char *: RFC 9110 token */
void gl_read_duration(struct gl_reader *reader, const struct gl_node *node, void *out);	/* uint64_t: ns */
void gl_read_percent(struct gl_reader *reader, const struct gl_node *node, void *out);	/* uint32_t: millionths, to 100 % */
void gl_read_ratio(struct gl_reader *reader, const struct gl_node *node, void *out);	/* uint64_t: millionths, may exceed 100 % */
void gl_read_address(struct gl_reader *reader, const struct gl_node *node, void *out);	/* struct gl_address_spec */
void gl_read_network(struct gl_reader *reader, const struct gl_node *node, void *out);	/* struct gl_network_spec */

/* A whole number from @min to @max; false: an error was added. */
bool gl_read_int(struct gl_reader *reader, const struct gl_node *node, int64_t min, int64_t max,
		 int64_t *ret);

/*
 * One of some words; returns its index, or -1 after an error. A word with a '!' before it is known
 * and not supported yet.
 */
int gl_read_enum(struct gl_reader *reader, const struct gl_node *node, const char *const *words,
		 size_t count);

#endif
