/* SPDX-License-Identifier: Apache-2.0 */
/* compile: what the parts of the compiler share. Private to policy. */
#ifndef GL_POLICY_COMPILE_H
#define GL_POLICY_COMPILE_H

#include "policy/ids.h"
#include "policy/policy.h"

/* One release that takes part, in the order of precedence. */
struct gl_active {
	const struct gl_release_spec *spec;
	struct gl_release_steer steer;
	uint32_t lane;			/* id */
	uint32_t label;			/* kind of label */
	const uint32_t *services;	/* id of spec->services[i] */
};

/* An exact predicate, for the exacts table. */
struct gl_exact {
	uint64_t hash;			/* gl_value_hash over the value, not ended */
	uint32_t field;			/* gl_image_field.id */
	uint32_t predicate_off;
};

struct gl_compiler {
	struct gl_image *image;
	struct gl_diag *diag;
	struct gl_ids *ids;
	uint32_t used;			/* bytes of the image */
	bool full;			/* an allocation did not fit */
	bool failed;			/* memory lacked */
	struct gl_active *active;
	size_t nactive;
	uint32_t next_field;		/* next gl_image_field.id */
	uint32_t label_fields_off;	/* the fields of services that are no entry */
	struct gl_exact *exacts;
	size_t nexacts, exacts_size;
	size_t nmatches;		/* for the message of what did not fit */
};

/*
 * @size zeroed bytes of the image, aligned to 8; returns their offset. 0: it is full, and
 * compiler->full is set.
 */
uint32_t gl_compile_alloc(struct gl_compiler *compiler, size_t size);
void *gl_compile_at(struct gl_compiler *compiler, uint32_t off);
/* Copies bytes into the image, padded with NUL to a multiple of 8. */
uint32_t gl_compile_copy(struct gl_compiler *compiler, const void *data, size_t len);

__attribute__((format(printf, 6, 7))) void gl_compile_error(struct gl_compiler *compiler,
							    const struct gl_release_spec *spec,
							    struct gl_pos pos, const char *field,
							    const char *hint, const char *format,
							    ...);

/* Builds an open-addressed table of @count elements of @size bytes. */
struct gl_table_plan {
	size_t count, size;
	const void *elements;		/* passed to the two functions */
	bool unique;			/* hashes must differ, too */
	uint32_t (*hash)(const void *elements, size_t i, uint32_t seed);
	void (*write)(const void *elements, size_t i, uint32_t hash, void *slot);
};
void gl_compile_table(struct gl_compiler *compiler, struct gl_image_table *table,
		      const struct gl_table_plan *plan);

/* compile_tables.c: frontends, origins, lanes with their endpoints. */
void gl_compile_frontends(struct gl_compiler *compiler);
void gl_compile_origins(struct gl_compiler *compiler);
void gl_compile_lanes(struct gl_compiler *compiler);

/*
 * compile_rules.c: labels first, then the fields and the entry of each service, then the exacts
 * table.
 */
void gl_compile_labels(struct gl_compiler *compiler);
void gl_compile_services(struct gl_compiler *compiler);
void gl_compile_exacts(struct gl_compiler *compiler);
void gl_compile_add_exact(struct gl_compiler *compiler, const char *value, uint32_t field,
			  uint32_t predicate_off);

/*
 * compile_entry.c: the rules and weights of one entry; returns the offset of its record (0: none).
 */
struct gl_fieldset;
uint32_t gl_compile_entry(struct gl_compiler *compiler, uint32_t service,
			  struct gl_fieldset *fields);
/* The lane with more than half of the entry's unmatched traffic, or 0. */
uint32_t gl_compile_odds(struct gl_compiler *compiler, uint32_t entry_off);

/* The header names of one service while it is compiled. */
struct gl_fieldset {
	const char *names[GL_IMAGE_FIELDS];	/* lower case */
	uint32_t present_off[GL_IMAGE_FIELDS];
	bool exact[GL_IMAGE_FIELDS];
	uint32_t id[GL_IMAGE_FIELDS];
	uint32_t count;
	uint32_t traceparent;			/* number + 1 */
	bool overflow;
};
/* The number of a header name, added if it is new. */
uint32_t gl_compile_field(struct gl_compiler *compiler, struct gl_fieldset *fields,
			  const char *name);

#endif
