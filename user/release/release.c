// SPDX-License-Identifier: Apache-2.0
/* release: see release.h. Here: the set, verbs and timers, and the one way in which the set changes. */
#include "release/release.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "graylink/image.h"
#include "loop.h"
#include "release/set.h"

uint64_t gl_set_now(const struct gl_releases *set)
{
	return set->ops.now ? set->ops.now(set->ops.ctx) : gl_now_ns();
}

uint64_t gl_set_wall(const struct gl_releases *set)
{
	return set->ops.wall ? set->ops.wall(set->ops.ctx) : gl_wall_ns();
}

static void read_boot(struct gl_releases *set)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f && fgets(set->boot, sizeof(set->boot), f))
		set->boot[strcspn(set->boot, "\n")] = '\0';
	if (f)
		fclose(f);
}

int gl_releases_new(const char *state_dir, const struct gl_releases_ops *ops,
		    struct gl_releases **ret, struct gl_why *why)
{
	struct gl_releases *set = calloc(1, sizeof(*set));
	int err;

	if (!set)
		return gl_why_set(why, -ENOMEM, "out of memory");
	set->ops = *ops;
	set->store.fd = -1;
	read_boot(set);
	err = gl_store_open(&set->store, state_dir, why);
	if (!err) {
		set->store.fault = ops->fault;
		set->store.ctx = ops->ctx;
		err = gl_set_load(set, why);
	}
	if (err) {
		gl_releases_free(set);
		return err;
	}
	*ret = set;
	return 0;
}

void gl_releases_free(struct gl_releases *set)
{
	if (!set)
		return;
	while (set->n)
		gl_record_free(set->records[--set->n]);
	free(set->records);
	gl_ids_free(set->ids);
	free(set->ids_text);
	gl_store_close(&set->store);
	free(set);
}

struct gl_record *gl_set_find(const struct gl_releases *set, const char *namespace,
			      const char *name)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (!strcmp(set->records[i]->pub.spec->name, name) &&
		    !strcmp(set->records[i]->pub.spec->namespace, namespace))
			return set->records[i];
	return NULL;
}

size_t gl_releases_count(const struct gl_releases *set)
{
	return set->n;
}

const struct gl_release *gl_releases_at(const struct gl_releases *set, size_t i)
{
	uint64_t left = gl_record_left(set->records[i], gl_set_now(set));

	set->records[i]->pub.batch_left_ns = left == UINT64_MAX ? 0 : left;
	return &set->records[i]->pub;
}

int gl_releases_find(const struct gl_releases *set, const char *namespace, const char *name,
		     const struct gl_release **ret, struct gl_why *why)
{
	char others[256] = "";
	size_t i, found = 0, len;

	for (i = 0; i < set->n; i++) {
		const struct gl_release_spec *spec = set->records[i]->pub.spec;

		if (strcmp(spec->name, name) || (namespace && strcmp(spec->namespace, namespace)))
			continue;
		len = strlen(others);
		snprintf(others + len, sizeof(others) - len, "%s%s", found ? ", " : "",
			 spec->namespace);
		*ret = gl_releases_at(set, i);
		found++;
	}
	if (found == 1)
		return 0;
	if (found)
		return gl_why_set(why, -EEXIST, "%s is in several namespaces (%s): say which", name,
				  others);
	return gl_why_set(why, -ENOENT, "no release named %s%s%s", name,
			  namespace ? " in namespace " : "", namespace ? namespace : "");
}

const struct gl_ids *gl_releases_ids(const struct gl_releases *set)
{
	return set->ids;
}

/* The record that @record of the set becomes by @changes; NULL: it is deleted. */
static const struct gl_record *becomes(const struct gl_record *record,
				       const struct gl_changes *changes)
{
	size_t i;

	for (i = 0; i < changes->n; i++)
		if (changes->items[i].old == record)
			return changes->items[i].draft;
	return record;
}

/* Do the texts just parsed hold this release? Then they, not our copy, are what is compiled. */
static bool in_sources(const struct gl_changes *changes, const struct gl_release_spec *spec)
{
	size_t i, j;

	for (i = 0; i < changes->nsources; i++)
		for (j = 0; j < changes->sources[i]->count; j++)
			if (!strcmp(changes->sources[i]->releases[j].name, spec->name) &&
			    !strcmp(changes->sources[i]->releases[j].namespace, spec->namespace))
				return true;
	return false;
}

static void add_compiled(struct gl_policy_set *to, const struct gl_policy **policies,
			 struct gl_release_steer *steer, const struct gl_changes *changes,
			 const struct gl_record *record)
{
	const struct gl_release *pub = &record->pub;
	bool active = gl_release_state_steers(pub->at.state);

	steer[to->nsteer++] = (struct gl_release_steer){
		.namespace = pub->spec->namespace,
		.name = pub->spec->name,
		.lane_active = active,
		.rules = active,
		.weight_ppm = gl_release_weight(&pub->plan, &pub->at),
	};
	if (!in_sources(changes, pub->spec))
		policies[to->npolicies++] = pub->policy;
}

/* Compiles the set as it will be. */
static int compile(struct gl_releases *set, const struct gl_changes *changes, struct gl_ids *ids,
		   struct gl_image *image, struct gl_diag *diag)
{
	size_t room = set->n + changes->n + changes->nsources + 1, i;
	const struct gl_policy **policies = calloc(room, sizeof(*policies));
	struct gl_release_steer *steer = calloc(room, sizeof(*steer));
	struct gl_policy_set all = { .policies = policies, .steer = steer };
	int err = -ENOMEM;

	if (!policies || !steer)
		goto out;
	for (i = 0; i < set->n; i++) {
		const struct gl_record *record = becomes(set->records[i], changes);

		if (record)
			add_compiled(&all, policies, steer, changes, record);
	}
	for (i = 0; i < changes->n; i++)
		if (!changes->items[i].old)
			add_compiled(&all, policies, steer, changes, changes->items[i].draft);
	for (i = 0; i < changes->nsources; i++)
		policies[all.npolicies++] = changes->sources[i];
	err = gl_policy_compile(&all, ids, image, diag);
out:
	free(policies);
	free(steer);
	return err;
}

/* A copy of the ids, for what is only tried. NULL: out of memory. */
static struct gl_ids *copy_ids(const struct gl_ids *ids)
{
	cJSON *json = gl_ids_save(ids);
	struct gl_ids *copy = NULL;

	if (json && gl_ids_load(json, &copy))
		copy = NULL;
	cJSON_Delete(json);
	return copy;
}

static int write_down(struct gl_releases *set, const struct gl_changes *changes, struct gl_why *why)
{
	int err = gl_set_write_ids(set, why);

	return err ? err : gl_set_write(set, changes, why);
}

/* Writes, publishes. 1: published, but the disk failed. */
static int commit(struct gl_releases *set, const struct gl_changes *changes, struct gl_image *image,
		  struct gl_why *why)
{
	int disk = 0, err;

	/* A failed write may be half done (renamed, not synced). */
	if (!changes->kernel_first)
		disk = write_down(set, changes, why);
	if (disk) {
		gl_set_unwrite(set, changes);
		return disk;
	}
	err = set->ops.publish(set->ops.ctx, image, why);
	if (err) {
		if (!changes->kernel_first)
			gl_set_unwrite(set, changes);
		return err;
	}
	if (changes->kernel_first)
		disk = write_down(set, changes, why);
	/* The journal holds what could not be settled; the next start, or the next apply, does it. */
	if (!disk)
		disk = gl_set_settle(set, changes, why);
	return disk ? 1 : 0;
}

/* Puts the drafts in the place of the old ones. Cannot fail: room was made before. */
static void take_in(struct gl_releases *set, struct gl_record **records,
		    const struct gl_changes *changes)
{
	size_t n = 0, i;

	for (i = 0; i < set->n; i++) {
		struct gl_record *record = set->records[i];
		struct gl_record *now = (struct gl_record *)becomes(record, changes);

		if (now)
			records[n++] = now;
		if (now != record)
			gl_record_free(record);
	}
	for (i = 0; i < changes->n; i++) {
		struct gl_record *draft = changes->items[i].draft;
		size_t at = n;

		if (changes->items[i].old)
			continue;
		for (; at && gl_record_order(records[at - 1], draft) > 0; at--)
			records[at] = records[at - 1];
		records[at] = draft;
		n++;
	}
	free(set->records);
	set->records = records;
	set->n = n;
}

/* Tells who listens of the last step of each release that changed. */
static void tell(struct gl_releases *set, const struct gl_changes *changes)
{
	const struct gl_release *pub;
	size_t i;

	for (i = 0; set->ops.stepped && i < changes->n; i++) {
		if (!changes->items[i].draft)
			continue;
		pub = &changes->items[i].draft->pub;
		set->ops.stepped(set->ops.ctx, pub, &pub->history[pub->history_n - 1]);
	}
}

/* The first error, for a sentence. */
static const char *first_error(const struct gl_diag *diag, int err)
{
	size_t i;

	for (i = 0; diag && i < diag->count; i++)
		if (diag->items[i].severity == GL_DIAG_ERROR)
			return diag->items[i].message;
	return strerror(-err);
}

int gl_set_change(struct gl_releases *set, struct gl_changes *changes, struct gl_diag *diag,
		  struct gl_why *why)
{
	struct gl_image *image = malloc(sizeof(*image));
	struct gl_record **records = calloc(set->n + changes->n + 1, sizeof(*records));
	struct gl_ids *ids = changes->dry_run ? copy_ids(set->ids) : set->ids;
	int err = -ENOMEM;

	if (!image || !records || !ids) {
		gl_why_set(why, err, "out of memory");
		goto out;
	}
	err = compile(set, changes, ids, image, diag);
	if (err) {
		gl_why_set(why, err, "the policy cannot be compiled: %s", first_error(diag, err));
		goto out;
	}
	if (changes->dry_run)
		goto out;
	err = commit(set, changes, image, why);
	if (err < 0)
		goto out;
	take_in(set, records, changes);
	records = NULL;
	tell(set, changes);
out:
	if (ids != set->ids)
		gl_ids_free(ids);
	free(records);
	free(image);
	return err;
}

int gl_releases_publish(struct gl_releases *set, struct gl_why *why)
{
	struct gl_changes none = { .kernel_first = true };
	struct gl_diag diag;
	int err;

	gl_diag_init(&diag);
	err = gl_set_change(set, &none, &diag, why);
	gl_diag_free(&diag);
	return err < 0 ? err : 0;
}

int gl_set_step(struct gl_releases *set, struct gl_record *draft,
		const struct gl_release_place *place, enum gl_release_verb verb,
		const struct gl_release_step *step)
{
	struct gl_release *pub = &draft->pub;
	struct gl_release_step full = *step;
	uint64_t now = gl_set_now(set), wall = gl_set_wall(set);
	bool fresh = place->batch != pub->at.batch || verb == GL_RELEASE_DO_RETRY ||
		     !pub->history_n;

	/* The clock runs only while Progressing; what ran of it counts on when the batch is the same. */
	if (fresh)
		draft->clock_spent_ns = 0;
	else if (pub->at.state == GL_RELEASE_PROGRESSING && now > draft->clock_since_ns)
		draft->clock_spent_ns += now - draft->clock_since_ns;
	draft->clock_since_ns = now;

	full.time_ns = wall;
	full.from = pub->history_n ? (int)pub->at.state : -1;
	full.to = place->state;
	full.batch = place->batch;
	full.verb = gl_release_verb_word(verb);
	if (fresh)
		pub->batch_since_ns = wall;
	pub->at = *place;
	pub->weight_ppm = gl_release_weight(&pub->plan, place);
	pub->changed_ns = wall;
	full.weight_ppm = pub->weight_ppm;
	return gl_record_add_step(draft, &full);
}

/* One step of one release: draft, change. 1: published, but the disk failed. */
static int step_release(struct gl_releases *set, struct gl_record *old,
			const struct gl_release_place *place, enum gl_release_verb verb,
			const struct gl_release_step *step, struct gl_why *why)
{
	struct gl_change change = { .old = old };
	struct gl_changes changes = {
		.items = &change,
		.n = 1,
		.kernel_first = verb == GL_RELEASE_DO_ROLLBACK,
	};
	struct gl_diag diag;
	int err = 0;

	if (verb != GL_RELEASE_DO_DELETE) {
		change.draft = gl_record_clone(old);
		if (!change.draft || gl_set_step(set, change.draft, place, verb, step))
			err = gl_why_set(why, -ENOMEM, "out of memory");
	}
	gl_diag_init(&diag);
	if (!err)
		err = gl_set_change(set, &changes, &diag, why);
	gl_diag_free(&diag);
	if (err < 0)
		gl_record_free(change.draft);
	return err;
}

int gl_releases_do(struct gl_releases *set, const struct gl_release *release,
		   const struct gl_release_event *event, const struct gl_who *who,
		   const char *message, struct gl_why *warning, struct gl_why *why)
{
	struct gl_release_step step = {
		.cause = "user",
		.asked = who != NULL,
		.uid = who ? who->uid : 0,
		.name = who ? who->name : NULL,
		.message = message ? message : "",
	};
	struct gl_record *old = gl_set_find(set, release->spec->namespace, release->spec->name);
	struct gl_release_place place;
	struct gl_why words = { "" };
	int err;

	warning->text[0] = '\0';
	if (!old)
		return gl_why_set(why, -ENOENT, "the release is gone");
	switch (gl_release_do(&old->pub.plan, &old->pub.at, event, &place, why)) {
	case GL_RELEASE_UNCHANGED:
		return 1;
	case GL_RELEASE_REFUSED:
		return -EBUSY;
	default:
		break;
	}
	err = step_release(set, old, &place, event->verb, &step, &words);
	if (err < 0) {
		*why = words;
		return err;
	}
	if (err)
		gl_why_set(warning, 0,
			   "it is in force, but was not written to disk (%s): an agent that "
			   "starts again would not know of it",
			   words.text);
	return 0;
}

uint64_t gl_releases_next_due(const struct gl_releases *set)
{
	uint64_t now = gl_set_now(set), due = UINT64_MAX, left;
	size_t i;

	for (i = 0; i < set->n; i++) {
		left = gl_record_left(set->records[i], now);
		due = left < due ? left : due;
	}
	return due;
}

int gl_releases_tick(struct gl_releases *set, struct gl_why *why)
{
	const struct gl_release_event event = { .verb = GL_RELEASE_DO_TIMER };
	const struct gl_release_step step = { .cause = "timer", .message = "" };
	struct gl_release_place place;
	int moved = 0, err;
	size_t i;

	/* A step replaces its record at the same index: the order is by name. */
	for (i = 0; i < set->n; i++) {
		struct gl_record *record = set->records[i];

		if (gl_record_left(record, gl_set_now(set)))
			continue;
		if (gl_release_do(&record->pub.plan, &record->pub.at, &event, &place, why) !=
		    GL_RELEASE_CHANGED)
			continue;
		err = step_release(set, record, &place, event.verb, &step, why);
		if (err < 0)
			return err;
		moved++;
	}
	return moved;
}
