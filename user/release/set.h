/* SPDX-License-Identifier: Apache-2.0 */
/* set: what release.c and apply.c share: the set of releases, and the one way in which it changes. */
#ifndef GL_SET_H
#define GL_SET_H

#include "release/record.h"
#include "release/release.h"
#include "release/store.h"

struct gl_releases {
	struct gl_releases_ops ops;
	struct gl_store store;
	struct gl_ids *ids;
	char *ids_text;			/* as they are on the disk */
	char boot[64];			/* the machine's boot id */
	struct gl_record **records;	/* ordered by namespace, then name */
	size_t n;
	bool pending;			/* a journal is left on the disk */
};

/* One release that changes. */
struct gl_change {
	const struct gl_record *old;	/* in the set; NULL: it is new */
	struct gl_record *draft;	/* owned; NULL: it is deleted */
};

struct gl_changes {
	struct gl_change *items;
	size_t n;
	const struct gl_policy *const *sources;	/* policies just parsed: errors then name their text; NULL: none */
	size_t nsources;
	bool dry_run;
	bool kernel_first;		/* publish, then write: a slow or full disk keeps nobody on gray */
};

/*
 * gl_set_change: compiles the set as it will be, writes, publishes, and takes the drafts in. On failure the set, the disk
 * and the kernel are as before, and the drafts are still the caller's. Returns 1 when it is in force and
 * only the disk failed; the words are in @why.
 */
int gl_set_change(struct gl_releases *set, struct gl_changes *changes, struct gl_diag *diag,
		  struct gl_why *why);

/* gl_set_step: moves a draft to @place and adds a step to its history. 0, -ENOMEM. */
int gl_set_step(struct gl_releases *set, struct gl_record *draft,
		const struct gl_release_place *place, enum gl_release_verb verb,
		const struct gl_release_step *step);

uint64_t gl_set_now(const struct gl_releases *set);
uint64_t gl_set_wall(const struct gl_releases *set);

/* gl_set_find: NULL when there is none. */
struct gl_record *gl_set_find(const struct gl_releases *set, const char *namespace,
			      const char *name);

/* gl_set_load: everything that the state directory holds. */
int gl_set_load(struct gl_releases *set, struct gl_why *why);

/* gl_set_write: writes the drafts; several become valid together (journal). gl_set_unwrite: back to the old ones. */
int gl_set_write(struct gl_releases *set, const struct gl_changes *changes, struct gl_why *why);
int gl_set_settle(struct gl_releases *set, const struct gl_changes *changes, struct gl_why *why);
void gl_set_unwrite(struct gl_releases *set, const struct gl_changes *changes);
/* gl_set_write_ids: before anything that uses a new id is written or published. */
int gl_set_write_ids(struct gl_releases *set, struct gl_why *why);

#endif
