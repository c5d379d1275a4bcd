/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/releases.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int publish(void *ctx, struct gl_image *image, struct gl_why *why)
{
	struct world *w = ctx;

	assert_non_null(image);
	if (w->publish_error)
		return gl_why_set(why, w->publish_error, "the kernel refuses");
	w->published++;
	return 0;
}

static uint64_t now(void *ctx)
{
	return ((struct world *)ctx)->now;
}

static uint64_t wall(void *ctx)
{
	return ((struct world *)ctx)->wall;
}

static void complain(void *ctx, const char *text)
{
	((struct world *)ctx)->complaints++;
	assert_true(text[0]);
}

static int fault(void *ctx, const char *step)
{
	struct world *w = ctx;

	(void)step;
	if (++w->steps != w->fault_at)
		return 0;
	if (w->fault)
		w->fault();
	return -EIO;
}

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	/* Memory where there is some: these tests are about order, not about disks. */
	snprintf(w->dir, sizeof(w->dir), "%s/gl-test-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	w->now = 1000000000000ULL;
	w->wall = 1700000000000000000ULL;
	*state = w;
	return mkdtemp(w->dir) ? 0 : -1;
}

static bool ready(void *ctx, const struct gl_address_spec *endpoint)
{
	(void)endpoint;
	return !((struct world *)ctx)->unready;
}

static void remove_tree(const char *path)
{
	struct dirent *entry;
	char inner[512];
	DIR *d = opendir(path);

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (unlink(inner))
			remove_tree(inner);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

int world_teardown(void **state)
{
	struct world *w = *state;

	world_stop(w);
	remove_tree(w->dir);
	free(w);
	return 0;
}

void world_start(struct world *w)
{
	const struct gl_releases_ops ops = {
		.ctx = w,
		.publish = publish,
		.ready = ready,
		.now = now,
		.wall = wall,
		.fault = fault,
		.complain = complain,
	};
	struct gl_why why = { "" };
	int err = gl_releases_new(w->dir, &ops, &w->set, &why);

	if (err)
		fail_msg("start: %d %s", err, why.text);
}

void world_stop(struct world *w)
{
	gl_releases_free(w->set);
	w->set = NULL;
}

char *world_policy(struct world *w, const char *name, const char *lane, const char *batches)
{
	char *text = w->text[w->next_text++ % 4];

	/* Each release has a service and addresses of its own, so that only lanes can conflict. */
	snprintf(text, sizeof(w->text[0]),
		 "apiVersion: graylink.dev/v1alpha1\n"
		 "kind: GrayRelease\n"
		 "metadata: {name: %s, namespace: test}\n"
		 "spec:\n"
		 "  lane: %s\n"
		 "  entries:\n"
		 "    - service: web-%s\n"
		 "      match: [{headers: [{name: x-beta, type: Present}]}]\n"
		 "      sticky: [{header: x-user-id}]\n"
		 "  batches: [%s]\n"
		 "  services:\n"
		 "    - name: web-%s\n"
		 "      frontends: [\"10.96.%u.10:80\"]\n"
		 "      gray: {addresses: [\"10.77.%u.12:8080\"]}\n",
		 name, lane, lane, batches, lane, (unsigned char)lane[1], (unsigned char)lane[1]);
	return text;
}

int world_apply(struct world *w, const char *text, int how)
{
	const struct gl_release_source source = { .file = "test.yaml",
						  .text = text,
						  .len = strlen(text) };
	const struct gl_who who = { .uid = 42, .name = "ann" };
	const struct gl_release_apply apply = {
		.sources = &source,
		.n = 1,
		.who = &who,
		.message = "first",
		.cause = "apply",
		.dry_run = how & WORLD_DRY_RUN,
		.force = how & WORLD_FORCE,
	};
	struct gl_release_change *changes;
	struct gl_why why = { "" };
	struct gl_diag diag;
	size_t n;
	int err;

	gl_diag_init(&diag);
	err = gl_releases_apply(w->set, &apply, &diag, &changes, &n, &why);
	if (err == -EINVAL && getenv("V"))
		gl_diag_print(&diag, stderr);
	assert_true(!err || why.text[0]);
	w->errors = diag.errors;
	w->warnings = diag.warnings;
	w->changes = (int)n;
	w->change = n ? (int)changes[0].what : -1;
	gl_release_changes_free(changes, n);
	gl_diag_free(&diag);
	return err;
}

int world_do(struct world *w, const char *name, enum gl_release_verb verb)
{
	const struct gl_release_event event = { .verb = verb, .batch = GL_RELEASE_LAST };
	const struct gl_who who = { .uid = 42, .name = "ann" };
	struct gl_why why = { "" }, warning;
	int err;

	err = gl_releases_do(w->set, world_find(w, name), &event, &who, "because \"of\" that",
			     &warning, &why);
	assert_true(!err || why.text[0]);
	return err;
}

const struct gl_release *world_find(const struct world *w, const char *name)
{
	const struct gl_release *release = NULL;
	struct gl_why why;

	if (gl_releases_find(w->set, "test", name, &release, &why))
		return NULL;
	return release;
}

static const char *path_of(const struct world *w, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return path;
}

int world_files(const struct world *w)
{
	struct dirent *entry;
	DIR *d = opendir(path_of(w, "releases"));
	int n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

bool world_has(const struct world *w, const char *name)
{
	return !access(path_of(w, name), F_OK);
}

void world_write(const struct world *w, const char *name, const char *bytes, size_t len)
{
	FILE *f = fopen(path_of(w, name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

size_t world_read(const struct world *w, const char *name, char *buf, size_t size)
{
	FILE *f = fopen(path_of(w, name), "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}
