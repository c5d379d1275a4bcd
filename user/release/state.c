// SPDX-License-Identifier: Apache-2.0
/*
 * state: the machine of one release. Pure: no clock, no memory, no other release.
 *
 *	            next      batch N   pause    resume    rollback    retry      finish     delete     timer
 * Progressing  enter +1  enter N   Paused   -         RolledBack  -          force (F)  force      enter +1
 * Waiting      enter +1  enter N   Paused   -         RolledBack  -          force (F)  force      =
 * Paused       -         N (P)     =        enter     RolledBack  -          force (F)  force      =
 * Completed    -         enter N   -        -         RolledBack  -          Finished   force      =
 * RolledBack   -         -         -        -         =           enter 1    Finished   deleted    =
 * Finished     -         -         -        -         -           -          =          deleted    =
 *
 * enter: Completed at the last batch, Progressing at one with a duration, else Waiting. `-` is refused, `=` is allowed and
 * changes nothing, (P) stays Paused, `force (F)` is refused without force and then Finished.
 */
#include <errno.h>
#include <string.h>

#include "graylink/limits.h"
#include "release/release.h"

const char *gl_release_state_word(enum gl_release_state state)
{
	static const char *const words[] = {
#define X(n, w, s) w,
		GL_RELEASE_STATES(X)
#undef X
	};

	return words[state];
}

const char *gl_release_verb_word(enum gl_release_verb verb)
{
	static const char *const words[] = {
#define X(n, w) w,
		GL_RELEASE_VERBS(X)
#undef X
	};

	return words[verb];
}

int gl_release_state_of(const char *word)
{
	int state;

	for (state = 0; state < GL_RELEASE_STATE_COUNT; state++)
		if (!strcmp(word, gl_release_state_word(state)))
			return state;
	return -EINVAL;
}

bool gl_release_state_steers(enum gl_release_state state)
{
	static const bool steers[] = {
#define X(n, w, s) s,
		GL_RELEASE_STATES(X)
#undef X
	};

	return steers[state];
}

static struct gl_release_place enter(const struct gl_release_plan *plan, uint32_t batch)
{
	struct gl_release_place place = { .batch = batch };

	if (batch == plan->count)
		place.state = GL_RELEASE_COMPLETED;
	else if (plan->batches[batch - 1].duration_ns)
		place.state = GL_RELEASE_PROGRESSING;
	else
		place.state = GL_RELEASE_WAITING;
	return place;
}

struct gl_release_place gl_release_first(const struct gl_release_plan *plan)
{
	return enter(plan, 1);
}

static enum gl_release_verdict refuse(const struct gl_release_place *at, enum gl_release_verb verb,
				      const char *hint, struct gl_why *why)
{
	gl_why_set(why, 0, "%s is not possible while the release is %s%s%s",
		   gl_release_verb_word(verb), gl_release_state_word(at->state),
		   hint[0] ? ": " : "", hint);
	return GL_RELEASE_REFUSED;
}

static enum gl_release_verdict same(const struct gl_release_place *at, struct gl_why *why)
{
	gl_why_set(why, 0, "it is already %s", gl_release_state_word(at->state));
	return GL_RELEASE_UNCHANGED;
}

/* What a person may do instead where the batches do not move. */
static const char *stuck_hint(enum gl_release_state state)
{
	switch (state) {
	case GL_RELEASE_PAUSED:
		return "resume it first";
	case GL_RELEASE_COMPLETED:
		return "the last batch is in force; finish ends the release";
	case GL_RELEASE_ROLLED_BACK:
		return "retry starts it again at batch 1";
	case GL_RELEASE_FINISHED:
		return "apply a new lane";
	default:
		return "";
	}
}

static enum gl_release_verdict do_batch(const struct gl_release_plan *plan,
					const struct gl_release_place *at, uint32_t batch,
					struct gl_release_place *ret, struct gl_why *why)
{
	if (!gl_release_state_steers(at->state))
		return refuse(at, GL_RELEASE_DO_BATCH, stuck_hint(at->state), why);
	if (batch == GL_RELEASE_LAST)
		batch = plan->count;
	if (!batch || batch > plan->count) {
		gl_why_set(why, 0, "there is no batch %u: the release has batches 1 to %u", batch,
			   plan->count);
		return GL_RELEASE_REFUSED;
	}
	if (batch == at->batch) {
		gl_why_set(why, 0, "batch %u is already in force", batch);
		return GL_RELEASE_UNCHANGED;
	}
	*ret = enter(plan, batch);
	if (at->state == GL_RELEASE_PAUSED)
		ret->state = GL_RELEASE_PAUSED;
	return GL_RELEASE_CHANGED;
}

static enum gl_release_verdict do_end(const struct gl_release_place *at,
				      const struct gl_release_event *event,
				      struct gl_release_place *ret, struct gl_why *why)
{
	bool finish = event->verb == GL_RELEASE_DO_FINISH;
	bool completed = at->state == GL_RELEASE_COMPLETED;

	if (finish && at->state == GL_RELEASE_FINISHED)
		return same(at, why);
	if (gl_release_state_steers(at->state) && !(finish && completed) && !event->force)
		return refuse(
			at, event->verb,
			finish ? "its traffic would go back to base (force does it)" :
				 "it still steers: roll it back or finish it first, or use force",
			why);
	ret->state = GL_RELEASE_FINISHED;
	return finish ? GL_RELEASE_CHANGED : GL_RELEASE_DELETED;
}

enum gl_release_verdict gl_release_do(const struct gl_release_plan *plan,
				      const struct gl_release_place *at,
				      const struct gl_release_event *event,
				      struct gl_release_place *ret, struct gl_why *why)
{
	bool moving = at->state == GL_RELEASE_PROGRESSING || at->state == GL_RELEASE_WAITING;

	*ret = *at;
	switch (event->verb) {
	case GL_RELEASE_DO_NEXT:
		if (!moving)
			return refuse(at, event->verb, stuck_hint(at->state), why);
		*ret = enter(plan, at->batch + 1);
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_TIMER:
		if (at->state != GL_RELEASE_PROGRESSING)
			return same(at, why);
		*ret = enter(plan, at->batch + 1);
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_BATCH:
		return do_batch(plan, at, event->batch, ret, why);
	case GL_RELEASE_DO_PAUSE:
		if (at->state == GL_RELEASE_PAUSED)
			return same(at, why);
		if (!moving)
			return refuse(at, event->verb, "", why);
		ret->state = GL_RELEASE_PAUSED;
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_RESUME:
		if (at->state != GL_RELEASE_PAUSED)
			return refuse(at, event->verb, "only a paused one is resumed", why);
		*ret = enter(plan, at->batch);
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_ROLLBACK:
		if (at->state == GL_RELEASE_ROLLED_BACK)
			return same(at, why);
		if (at->state == GL_RELEASE_FINISHED)
			return refuse(at, event->verb, "it steers nothing", why);
		ret->state = GL_RELEASE_ROLLED_BACK;
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_RETRY:
		if (at->state != GL_RELEASE_ROLLED_BACK)
			return refuse(at, event->verb, "only a rolled back one is tried again",
				      why);
		*ret = enter(plan, 1);
		return GL_RELEASE_CHANGED;
	case GL_RELEASE_DO_FINISH:
	case GL_RELEASE_DO_DELETE:
		return do_end(at, event, ret, why);
	default:
		gl_why_set(why, 0, "not a verb of this machine");
		return GL_RELEASE_REFUSED;
	}
}

struct gl_release_place gl_release_reapply(const struct gl_release_plan *old,
					   const struct gl_release_place *at,
					   const struct gl_release_plan *plan)
{
	uint32_t weight = old->batches[at->batch - 1].weight_ppm;
	struct gl_release_place ret;
	uint32_t batch = at->batch;

	if (at->state == GL_RELEASE_COMPLETED)
		batch = plan->count;
	/* Fewer batches: never more weight than is in force now because a list became shorter. */
	if (batch > plan->count)
		for (batch = plan->count; batch > 1; batch--)
			if (plan->batches[batch - 1].weight_ppm <= weight)
				break;
	ret = enter(plan, batch);
	if (at->state == GL_RELEASE_PAUSED || !gl_release_state_steers(at->state))
		ret.state = at->state;
	return ret;
}

uint32_t gl_release_weight(const struct gl_release_plan *plan, const struct gl_release_place *at)
{
	return gl_release_state_steers(at->state) ? plan->batches[at->batch - 1].weight_ppm : 0;
}
