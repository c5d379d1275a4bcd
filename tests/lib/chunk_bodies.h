/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_bodies: chunked bodies, good and bad, for the tests of core/chunk.h: a table of kinds with
 * what is expected of each, and whatever follows a head in tests/vectors/http, chunked or not.
 */
#ifndef TESTS_LIB_CHUNK_BODIES_H
#define TESTS_LIB_CHUNK_BODIES_H

#include <stddef.h>
#include <stdint.h>

struct chunk_body {
	const char *id;
	const uint8_t *bytes;
	size_t len;
	int want;		/* of the table: where the body ends; 0: more is needed; -1: bad */
};

/* The table; returns its rows. */
size_t chunk_bodies_table(const struct chunk_body **ret_list);

/* The table and the vectors. Ends the program with a message if there is no memory. */
size_t chunk_bodies_load(struct chunk_body **ret_list);
void chunk_bodies_free(struct chunk_body *list);

#endif
