/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag: what is wrong with a file, said so that a person can mend it: file, line, column, field
 * path, message, hint.
 *
 * Checks add to a list and go on, so that one run shows all errors of a file (up to GL_DIAG_MAX).
 * Nothing here decides, logs or exits. Printed form, one item a line:
 *
 *	shop.yaml:12:15: spec.batches[0].weight: weight 101 is more than 100 (hint: ...)
 *	shop.yaml:20:5: warning: spec.guard: ...
 */
#ifndef GL_DIAG_H
#define GL_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;

/* Errors and warnings kept per list; more are counted, and the printed form says how many. */
#define GL_DIAG_MAX 20

enum gl_severity {
	GL_DIAG_ERROR,
	GL_DIAG_WARNING,
};

/* Where something stands in a text. */
struct gl_pos {
	uint32_t line;		/* from 1; 0: unknown, or not in a text */
	uint32_t column;	/* from 1, in characters (Unicode code points; a tab is one) */
};

struct gl_diag_item {
	enum gl_severity severity;
	struct gl_pos pos;
	char *file;		/* NULL: none */
	char *field;		/* path like spec.services[1].gray.addresses[0]; NULL: none */
	char *message;
	char *hint;		/* NULL: none */
};

struct gl_diag {
	struct gl_diag_item *items;	/* in the order in which they were added */
	size_t count;
	size_t errors;			/* all of them, also those that were not kept */
	size_t warnings;
};

/* What an item is about; members may be NULL or 0. Strings are copied. */
struct gl_diag_place {
	const char *file;
	struct gl_pos pos;
	const char *field;
};

void gl_diag_init(struct gl_diag *diag);
void gl_diag_free(struct gl_diag *diag);	/* takes NULL and an empty list; leaves an empty list */

/*
 * Adds one item; @hint may be NULL. Out of memory: the item is counted and lost. @diag may be NULL:
 * nothing happens.
 */
__attribute__((format(printf, 4, 5))) void gl_diag_error(struct gl_diag *diag,
							 const struct gl_diag_place *place,
							 const char *hint, const char *format, ...);
__attribute__((format(printf, 4, 5))) void gl_diag_warn(struct gl_diag *diag,
							const struct gl_diag_place *place,
							const char *hint, const char *format, ...);

/* Puts the items from the @first on in the order of their lines and columns. */
void gl_diag_sort(struct gl_diag *diag, size_t first);

/* One item as text, as in the comment above, without newline; to be freed. NULL: out of memory. */
char *gl_diag_format(const struct gl_diag_item *item);
/* All items, a line each, and how many were not kept. */
void gl_diag_print(const struct gl_diag *diag, FILE *out);
/*
 * Array of {"severity","file","line","column","field","message","hint"}; absent members are left
 * out. NULL: out of memory.
 */
struct cJSON *gl_diag_to_json(const struct gl_diag *diag);

#endif
