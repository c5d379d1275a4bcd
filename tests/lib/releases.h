/* SPDX-License-Identifier: Apache-2.0 */
/* releases: a world for tests of the release engine: a state directory, a clock, a kernel that only counts. */
#ifndef GL_TEST_RELEASES_H
#define GL_TEST_RELEASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "release/release.h"
#include "release/store.h"

#define WORLD_DRY_RUN 1
#define WORLD_FORCE   2

struct world {
	char dir[64];			/* state directory */
	struct gl_releases *set;
	uint64_t now, wall;		/* the clocks */
	int published;			/* images so far */
	int publish_error;		/* 0, or what publishing answers */
	int complaints;
	bool unready;			/* no endpoint is ready */
	int change;			/* of the last apply: GL_RELEASE_CREATED, ... of its first release */
	int changes;			/* how many releases it spoke of */
	size_t errors, warnings;	/* of the last apply */
	char text[4][2048];		/* policies */
	int next_text;
	int fault_at;			/* this step of writing files fails, from 1; 0: none */
	int steps;			/* steps so far */
	void (*fault)(void);		/* what happens there; NULL: -EIO */
};

int world_setup(void **state);
int world_teardown(void **state);

void world_start(struct world *w);
void world_stop(struct world *w);

/* A release of one service in namespace "test", with these batches; good until the fourth call after it. */
char *world_policy(struct world *w, const char *name, const char *lane, const char *batches);
int world_apply(struct world *w, const char *text, int how);
int world_do(struct world *w, const char *name, enum gl_release_verb verb);
const struct gl_release *world_find(const struct world *w, const char *name);

/* Files of the state directory. */
int world_files(const struct world *w);		/* of releases */
bool world_has(const struct world *w, const char *name);
void world_write(const struct world *w, const char *name, const char *bytes, size_t len);
size_t world_read(const struct world *w, const char *name, char *buf, size_t size);

#endif
