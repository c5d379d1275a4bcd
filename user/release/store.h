/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: small files that survive kill -9 and power loss at any instant. Each write goes to a temporary file, is synced,
 * renamed over the old one, and the directory is synced: a reader meets the old text or the new one, never a part.
 */
#ifndef GL_STORE_H
#define GL_STORE_H

#include <limits.h>
#include <stddef.h>

#include "log.h"

struct gl_store {
	char dir[PATH_MAX];
	int fd;			/* the directory, locked for this process */
	void *ctx;
	int (*fault)(void *ctx, const char *step);	/* see gl_releases_ops */
};

/* gl_store_open: makes the directory and its folder `releases`, locks it. 0; -EBUSY: another process holds it. */
int gl_store_open(struct gl_store *store, const char *dir, struct gl_why *why);
void gl_store_close(struct gl_store *store);

/* Names are relative to the directory ("ids.json", "releases/shop.v2.json"). */

/* gl_store_write: the steps that may fail are open, write, sync, rename, dirsync. 0 or a negative errno with @why. */
int gl_store_write(const struct gl_store *store, const char *name, const char *text,
		   struct gl_why *why);

/* gl_store_remove: 0 also when it is not there. */
int gl_store_remove(const struct gl_store *store, const char *name, struct gl_why *why);

/* gl_store_read: the text, to be freed. -ENOENT, -EFBIG, ... */
int gl_store_read(const struct gl_store *store, const char *name, char **ret);

/* gl_store_set_aside: renames a file that is of no use to <name>.corrupt, so that a person can look at it. */
void gl_store_set_aside(const struct gl_store *store, const char *name);

/* gl_store_list: names of the .json files in @folder ("releases/..."), sorted; free each, then the array. */
int gl_store_list(const struct gl_store *store, const char *folder, char ***ret, size_t *ret_n);

/* gl_store_name: the file of a release. Names of any length and bytes give a valid, distinct file name. */
void gl_store_name(char *buf, size_t size, const char *namespace, const char *name);

#endif
