/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: open addressing with linear probing; doubled at 3/4. Keys are hashed bytewise (FNV-1a): they are short and come
 * from our own programs, so nobody chooses them to collide.
 */
#include "observe/table.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 64U

static u32 hash(const void *key, size_t len)
{
	const u8 *b = key;
	u32 h = 2166136261U;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ b[i]) * 16777619U;
	return h ^ (h >> 15);
}

/* The slot that holds @key, or the free one where it belongs. */
static void **slot_of(void **slots, u32 size, const void *key, size_t key_len)
{
	u32 i = hash(key, key_len) & (size - 1);

	while (slots[i] && memcmp(slots[i], key, key_len))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

void *gl_table_find(const struct gl_table *t, const void *key)
{
	return t->size ? *slot_of(t->slots, t->size, key, t->key_len) : NULL;
}

static int grow(struct gl_table *t)
{
	u32 size = t->size ? t->size * 2 : FIRST_SIZE;
	void **slots = calloc(size, sizeof(*slots));
	u32 i;

	if (!slots)
		return -ENOMEM;
	for (i = 0; i < t->size; i++)
		if (t->slots[i])
			*slot_of(slots, size, t->slots[i], t->key_len) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

int gl_table_add(struct gl_table *t, void *entry)
{
	int err;

	if (t->n >= t->size / 4 * 3) {
		err = grow(t);
		if (err)
			return err;
	}
	*slot_of(t->slots, t->size, entry, t->key_len) = entry;
	t->n++;
	return 0;
}

void gl_table_free(struct gl_table *t)
{
	u32 i;

	for (i = 0; i < t->size; i++)
		free(t->slots[i]);
	free(t->slots);
	t->slots = NULL;
	t->size = t->n = 0;
}
