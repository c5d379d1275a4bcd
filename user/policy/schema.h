/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: the fields of kind GrayRelease (schema.c), and what must hold between them (check.c).
 * Private to policy.
 */
#ifndef GL_POLICY_SCHEMA_H
#define GL_POLICY_SCHEMA_H

#include "policy/read.h"

/* Reads one document. False: it is no GrayRelease at all, and the spec means nothing. */
bool gl_schema_read(struct gl_reader *reader, const struct gl_node *document,
		    struct gl_release_spec *spec);

/* spec.guard; out is const struct gl_guard_spec **. */
void gl_schema_read_guard(struct gl_reader *reader, const struct gl_node *node, void *out);

/*
 * Checks one release. @clean: it was read without an error, and everything that must be there is;
 * implied batches may be added. Else only what does not depend on the missing parts is checked.
 */
void gl_check_release(struct gl_reader *reader, struct gl_release_spec *spec, bool clean);
/* Checks a release against the @n before it in the same file. */
void gl_check_beside(struct gl_reader *reader, const struct gl_release_spec *before, size_t n,
		     const struct gl_release_spec *spec);

#endif
