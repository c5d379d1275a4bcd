/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one release in memory and as JSON. Records are changed by copy: a draft is made, compiled, written and published,
 * and only then takes the old one's place; so a failure needs nothing undone in memory.
 */
#ifndef GL_RECORD_H
#define GL_RECORD_H

#include "policy/policy.h"
#include "release/release.h"

struct cJSON;

/* A spec, shared by a record and its drafts. */
struct gl_record_spec {
	unsigned int refs;
	char *text;			/* canonical JSON: equal specs have equal texts */
	struct gl_policy *policy;	/* of that text: exactly one release */
	struct gl_release_batch *batches;
};

struct gl_record {
	struct gl_release pub;		/* what callers see */
	struct gl_record_spec *shared;
	struct gl_release_step *steps;	/* pub.history */
	uint64_t clock_since_ns;	/* CLOCK_MONOTONIC since which the batch's clock runs */
	uint64_t clock_spent_ns;	/* of the batch's duration, before that */
};

/* gl_record_new: from one release of a parsed policy. Its place, times and history are empty. 0, -ENOMEM. */
int gl_record_new(const struct gl_release_spec *spec, struct gl_record **ret);

/* gl_record_clone: a draft. NULL: out of memory. */
struct gl_record *gl_record_clone(const struct gl_record *record);

/* gl_record_take_spec: @record goes on with the spec of @other. */
void gl_record_take_spec(struct gl_record *record, const struct gl_record *other);

/* gl_record_order: by namespace, then name; like strcmp(). */
int gl_record_order(const struct gl_record *a, const struct gl_record *b);

void gl_record_free(struct gl_record *record);

/* gl_record_add_step: copies @step to the end of the history. 0, -ENOMEM. */
int gl_record_add_step(struct gl_record *record, const struct gl_release_step *step);

/* gl_record_left: what is left of the batch's duration at @now; 0: it has passed. UINT64_MAX: no clock runs. */
uint64_t gl_record_left(const struct gl_record *record, uint64_t now);

/* gl_record_to_json: everything that must survive. @boot: the machine's boot, for the clock. NULL: out of memory. */
struct cJSON *gl_record_to_json(const struct gl_record *record, const struct gl_ids *ids,
				const char *boot);

/*
 * gl_record_from_json: -EINVAL with @why for anything that gl_record_to_json() would not have written. @now: CLOCK_MONOTONIC.
 * The clock of another boot goes on with what was spent when the file was written: never too early.
 */
int gl_record_from_json(const struct cJSON *json, const char *boot, uint64_t now,
			struct gl_record **ret, struct gl_why *why);

#endif
