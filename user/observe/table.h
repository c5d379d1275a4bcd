/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: a hash table of entries that begin with their key, for the observer. It only grows (series never go away), and
 * does not own the entries.
 */
#ifndef GL_OBSERVE_TABLE_H
#define GL_OBSERVE_TABLE_H

#include <stddef.h>

#include "graylink/abi.h"

struct gl_table {
	size_t key_len;		/* bytes at the start of each entry */
	u32 n;			/* entries */
	u32 size;		/* of slots: 0 or a power of two, at most 3/4 full */
	void **slots;
};

/* The entry with @key, or NULL. */
void *gl_table_find(const struct gl_table *t, const void *key);
/* Adds @entry, whose key is not in the table. 0 or -ENOMEM. */
int gl_table_add(struct gl_table *t, void *entry);
/* Frees the table and, by free(), its entries. */
void gl_table_free(struct gl_table *t);

/* For all entries: for (i = 0; i < t.size; i++) if (t.slots[i]) ... */

#endif
