// SPDX-License-Identifier: Apache-2.0
/*
 * apply: policy texts become releases, all of them or none.
 *
 *	new name		it begins at batch 1
 *	same spec		nothing happens, whatever its state: GitOps may apply as often as it likes
 *	other spec, same lane	it keeps its batch and state (gl_release_reapply)
 *	other lane		it begins at batch 1
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "release/set.h"

/* One apply under way. */
struct apply {
	struct gl_releases *set;
	const struct gl_release_apply *what;
	struct gl_diag *diag;
	struct gl_policy **policies;		/* one per source */
	struct gl_changes changes;
	struct gl_release_change *told;		/* one per release in the sources */
	size_t ntold;
	size_t unready;				/* errors that force would have made warnings */
};

static int parse_all(struct apply *a, struct gl_why *why)
{
	const struct gl_release_apply *what = a->what;
	int err = 0, one;
	size_t i;

	for (i = 0; i < what->n; i++) {
		one = gl_policy_parse(what->sources[i].file, what->sources[i].text,
				      what->sources[i].len, a->diag, &a->policies[i]);
		/* The other files are parsed all the same: one run shows all errors. */
		err = err ? err : one;
	}
	return err ? gl_why_set(why, err, "the policy is not valid") : 0;
}

/* Two files of one apply must not name one release: which would hold? */
static void check_twice(struct apply *a, const struct gl_release_spec *spec)
{
	const struct gl_diag_place place = {
		.file = spec->file,
		.pos = spec->pos,
		.field = "metadata.name",
	};
	size_t i;

	for (i = 0; i < a->ntold; i++)
		if (!strcmp(a->told[i].name, spec->name) &&
		    !strcmp(a->told[i].namespace, spec->namespace))
			gl_diag_error(a->diag, &place, NULL,
				      "release %s in namespace %s is given twice", spec->name,
				      spec->namespace);
}

/* Notes what happens to @record. */
static int tell(struct apply *a, const struct gl_record *record, int what)
{
	struct gl_release_change *told = &a->told[a->ntold++];
	const struct gl_release *pub = &record->pub;

	told->what = what;
	told->at = pub->at;
	told->count = pub->plan.count;
	told->weight_ppm = pub->weight_ppm;
	told->name = strdup(pub->spec->name);
	told->namespace = strdup(pub->spec->namespace);
	told->lane = strdup(pub->spec->lane);
	return told->name && told->namespace && told->lane ? 0 : -ENOMEM;
}

/* The release that goes on from @old with the spec of @fresh, which it takes over; NULL: out of memory. */
static struct gl_record *go_on(const struct gl_record *old, struct gl_record *fresh,
			       struct gl_release_place *ret)
{
	struct gl_record *next;

	if (!old) {
		*ret = gl_release_first(&fresh->pub.plan);
		return fresh;
	}
	next = gl_record_clone(old);
	if (next)
		gl_record_take_spec(next, fresh);
	gl_record_free(fresh);
	if (!next)
		return NULL;
	if (!strcmp(old->pub.spec->lane, next->pub.spec->lane)) {
		*ret = gl_release_reapply(&old->pub.plan, &old->pub.at, &next->pub.plan);
		return next;
	}
	/* Whatever its number was, the batch of a new lane is another one. */
	next->pub.at.batch = 0;
	*ret = gl_release_first(&next->pub.plan);
	return next;
}

/* How many of the service's gray endpoints may be used. */
static size_t count_ready(const struct apply *a, const struct gl_service_spec *service)
{
	const struct gl_releases_ops *ops = &a->set->ops;
	size_t i, n = 0;

	for (i = 0; i < service->gray.count; i++)
		n += !ops->ready || ops->ready(ops->ctx, &service->gray.items[i]);
	return n;
}

/* A lane of which nothing answers would send every gray request on a detour to base. */
static void check_ready(struct apply *a, const struct gl_release_spec *spec)
{
	const struct gl_diag_place place = {
		.file = spec->file,
		.pos = spec->pos,
		.field = "spec.services",
	};
	size_t i, ready = 0, dead = 0;

	for (i = 0; i < spec->nservices; i++) {
		size_t n = count_ready(a, &spec->services[i]);

		ready += n;
		dead += !n && spec->services[i].gray.count;
	}
	if (!ready && !a->what->force) {
		a->unready++;
		gl_diag_error(
			a->diag, &place,
			"see to its pods (get endpoints shows them); --force applies it all the same",
			"lane %s has no ready endpoint: none of them answered lately", spec->lane);
	} else if (dead) {
		gl_diag_warn(
			a->diag, &place, "get endpoints shows them",
			"lane %s has no ready endpoint at %zu of its services: base serves them",
			spec->lane, dead);
	}
}

/* What changes by this spec: a draft in @changes, unless it is the same. */
static int draft(struct apply *a, const struct gl_release_spec *spec)
{
	const struct gl_record *old = gl_set_find(a->set, spec->namespace, spec->name);
	const struct gl_who *who = a->what->who;
	const struct gl_release_step step = {
		.cause = a->what->cause,
		.asked = who != NULL,
		.uid = who ? who->uid : 0,
		.name = who ? who->name : NULL,
		.message = a->what->message ? a->what->message : "",
	};
	struct gl_record *fresh, *next;
	struct gl_release_place place;
	int err;

	err = gl_record_new(spec, &fresh);
	if (err)
		return err;
	if (old && !strcmp(old->shared->text, fresh->shared->text)) {
		gl_record_free(fresh);
		return tell(a, old, GL_RELEASE_SAME);
	}
	next = go_on(old, fresh, &place);
	if (!next)
		return -ENOMEM;
	a->changes.items[a->changes.n++] = (struct gl_change){ .old = old, .draft = next };
	if (gl_release_state_steers(place.state))
		check_ready(a, spec);
	err = gl_set_step(a->set, next, &place, GL_RELEASE_DO_APPLY, &step);
	if (err)
		return err;
	if (!old)
		next->pub.created_ns = next->pub.changed_ns;
	return tell(a, next, old ? GL_RELEASE_UPDATED : GL_RELEASE_CREATED);
}

static void warn_stays(struct apply *a, const struct gl_change *change)
{
	const struct gl_release_spec *spec = change->draft->pub.spec;
	const struct gl_diag_place place = { .field = "metadata.name" };
	enum gl_release_state state = change->draft->pub.at.state;

	if (!gl_release_state_steers(state))
		gl_diag_warn(a->diag, &place,
			     state == GL_RELEASE_ROLLED_BACK ? "retry starts it again" : NULL,
			     "release %s stays %s", spec->name, gl_release_state_word(state));
}

static int draft_all(struct apply *a, struct gl_why *why)
{
	size_t before = a->diag->errors, total = 0, i, j;
	int err;

	for (i = 0; i < a->what->n; i++)
		total += a->policies[i]->count;
	a->told = calloc(total + 1, sizeof(*a->told));
	a->changes.items = calloc(total + 1, sizeof(*a->changes.items));
	if (!a->told || !a->changes.items)
		return gl_why_set(why, -ENOMEM, "out of memory");
	for (i = 0; i < a->what->n; i++) {
		for (j = 0; j < a->policies[i]->count; j++) {
			check_twice(a, &a->policies[i]->releases[j]);
			err = draft(a, &a->policies[i]->releases[j]);
			if (err)
				return gl_why_set(why, err, "%s", strerror(-err));
		}
	}
	if (a->diag->errors - before > a->unready)
		return gl_why_set(why, -EINVAL, "the policy is not valid");
	if (a->unready)
		return gl_why_set(why, -EBUSY, "nothing of a lane is ready");
	for (i = 0; i < a->changes.n; i++)
		warn_stays(a, &a->changes.items[i]);
	return 0;
}

void gl_release_changes_free(struct gl_release_change *changes, size_t n)
{
	while (changes && n--) {
		free(changes[n].name);
		free(changes[n].namespace);
		free(changes[n].lane);
	}
	free(changes);
}

int gl_releases_apply(struct gl_releases *set, const struct gl_release_apply *what,
		      struct gl_diag *diag, struct gl_release_change **ret, size_t *ret_n,
		      struct gl_why *why)
{
	struct apply a = { .set = set, .what = what, .diag = diag };
	int err = -ENOMEM;
	size_t i;

	*ret = NULL;
	*ret_n = 0;
	a.policies = calloc(what->n + 1, sizeof(*a.policies));
	if (!a.policies) {
		gl_why_set(why, err, "out of memory");
		goto out;
	}
	err = parse_all(&a, why);
	if (!err)
		err = draft_all(&a, why);
	/* A dry run compiles also what is the same, for the warnings. */
	if (!err && (a.changes.n || what->dry_run)) {
		a.changes.sources = (const struct gl_policy *const *)a.policies;
		a.changes.nsources = what->n;
		a.changes.dry_run = what->dry_run;
		err = gl_set_change(set, &a.changes, diag, why);
	}
	if (err > 0)
		gl_diag_warn(diag, &(struct gl_diag_place){ 0 }, NULL,
			     "it is in force, but not all of it was written to disk: %s",
			     why->text);
	if (err >= 0) {
		*ret = a.told;
		*ret_n = a.ntold;
		a.told = NULL;
	}
out:
	for (i = 0; (err < 0 || what->dry_run) && i < a.changes.n; i++)
		gl_record_free(a.changes.items[i].draft);
	for (i = 0; a.policies && i < what->n; i++)
		gl_policy_free(a.policies[i]);
	free(a.policies);
	free(a.changes.items);
	gl_release_changes_free(a.told, a.ntold);
	return err < 0 ? err : 0;
}
