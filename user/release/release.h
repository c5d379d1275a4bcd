/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release: what a release is in the course of time: its state, its batch, its history; the verbs that people use on it; and
 * how all of it survives kill -9.
 *
 *	state.c		(state, verb) -> state: pure functions, no clock, no memory; the model test walks them all
 *	store.c		one file per release in the state directory: write-temp, fsync, rename, fsync of the directory
 *	release.c	the set of releases: applies policies, runs verbs and timers, asks for steering, keeps history
 *
 * It does not know the kernel: after each change it compiles the image of all releases and hands it to `publish`, and takes
 * the change back when that fails. Order: compiled, then the new state is written to disk, then published, then answered; so
 * what was answered survives kill -9, and what the kernel does is never newer than the disk. Rollback alone is published
 * first: a disk that is slow or full keeps nobody on gray; when it fails, the answer warns.
 *
 * Nothing here logs.
 */
#ifndef GL_RELEASE_H
#define GL_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"

struct cJSON;
struct gl_address_spec;
struct gl_diag;
struct gl_ids;
struct gl_image;
struct gl_policy;
struct gl_release_spec;
struct gl_releases;

/* States (DESIGN section 6), with the words of the interface and whether the lane is steered there. */
#define GL_RELEASE_STATES(X) \
	X(PROGRESSING,	"Progressing",	true)	/* the batch has a duration; the clock moves it on */ \
	X(WAITING,	"Waiting",	true)	/* for a person */ \
	X(PAUSED,	"Paused",	true)	/* steering as it is; the clock stands */ \
	X(COMPLETED,	"Completed",	true)	/* the last batch is in force */ \
	X(ROLLED_BACK,	"RolledBack",	false)	/* rules, ratio and lane are off */ \
	X(FINISHED,	"Finished",	false)	/* steering has ended for good */

#define GL_X_STATE(n, w, s)	GL_RELEASE_##n,
enum gl_release_state { GL_RELEASE_STATES(GL_X_STATE) GL_RELEASE_STATE_COUNT };

/* What can happen to a release. TIMER is nobody's verb: the duration of a batch has passed. */
#define GL_RELEASE_VERBS(X) \
	X(APPLY, "apply") X(NEXT, "next") X(BATCH, "batch") X(PAUSE, "pause") X(RESUME, "resume") \
	X(ROLLBACK, "rollback") X(RETRY, "retry") X(FINISH, "finish") X(DELETE, "delete") X(TIMER, "timer")

#define GL_X_VERB(n, w)		GL_RELEASE_DO_##n,
enum gl_release_verb { GL_RELEASE_VERBS(GL_X_VERB) GL_RELEASE_VERB_COUNT };

/* gl_release_state_word, _verb_word: the words; _state_of: -EINVAL for an unknown one. */
const char *gl_release_state_word(enum gl_release_state state);
const char *gl_release_verb_word(enum gl_release_verb verb);
int gl_release_state_of(const char *word);
/* gl_release_state_steers: rules, ratio and lane of a release in this state are in force. */
bool gl_release_state_steers(enum gl_release_state state);

/* ---- state.c: the machine ---- */

/* One batch of the plan. A plan ends with a batch of the full weight; policy/ adds what is implied. */
struct gl_release_batch {
	uint32_t weight_ppm;	/* millionths: GL_WEIGHT_ONE is all */
	uint64_t duration_ns;	/* 0: waits for a person */
};

/* The plan as the machine sees it. */
struct gl_release_plan {
	const struct gl_release_batch *batches;
	uint32_t count;		/* >= 1 */
};

/* Where a release stands. */
struct gl_release_place {
	enum gl_release_state state;
	uint32_t batch;		/* from 1 */
};

/* The verb with its arguments. */
struct gl_release_event {
	enum gl_release_verb verb;
	uint32_t batch;		/* BATCH: which, from 1; GL_RELEASE_LAST: the last */
	bool force;		/* FINISH, DELETE: although it still steers */
};

#define GL_RELEASE_LAST		UINT32_MAX

/* What the machine answers. */
enum gl_release_verdict {
	GL_RELEASE_CHANGED,	/* ret holds the new place */
	GL_RELEASE_UNCHANGED,	/* allowed, and already so */
	GL_RELEASE_DELETED,	/* forget it */
	GL_RELEASE_REFUSED,	/* not in this state; @why says what would be */
};

/* gl_release_first: where a new release begins. */
struct gl_release_place gl_release_first(const struct gl_release_plan *plan);

/* gl_release_do: one step of the machine. APPLY goes through gl_release_reapply() instead. */
enum gl_release_verdict gl_release_do(const struct gl_release_plan *plan,
				      const struct gl_release_place *at,
				      const struct gl_release_event *event,
				      struct gl_release_place *ret, struct gl_why *why);

/*
 * gl_release_reapply: a changed spec with the same lane arrives while the release stands at @at of @old. It keeps its batch;
 * where the new plan has fewer, the last one whose weight does not exceed the present one. A release that was
 * completed stays so; one that was rolled back or finished stays so (retry, or a new lane, starts it).
 */
struct gl_release_place gl_release_reapply(const struct gl_release_plan *old,
					   const struct gl_release_place *at,
					   const struct gl_release_plan *plan);

/* gl_release_weight: the weight in force there, in millionths; 0 where nothing is steered. */
uint32_t gl_release_weight(const struct gl_release_plan *plan, const struct gl_release_place *at);

/* ---- release.c: the set ---- */

/* Who asked; NULL where nobody did (a timer, the start). Copied. */
struct gl_who {
	uid_t uid;
	const char *name;
};

/* One step of the history. */
struct gl_release_step {
	uint64_t time_ns;	/* CLOCK_REALTIME */
	int from;		/* enum gl_release_state; -1: it was new */
	enum gl_release_state to;
	uint32_t batch;
	uint32_t weight_ppm;
	const char *verb;	/* word of enum gl_release_verb */
	const char *cause;	/* apply, user, timer, guard, start */
	bool asked;		/* uid and name are somebody's */
	uid_t uid;
	const char *name;
	const char *message;	/* "" when none */
};

#define GL_RELEASE_HISTORY_MAX	1000	/* steps kept; the oldest go first, the first one stays */

/* A release, read-only outside; valid until the set changes. */
struct gl_release {
	const struct gl_policy *policy;		/* holds this release alone; made from its canonical text */
	const struct gl_release_spec *spec;
	struct gl_release_plan plan;
	struct gl_release_place at;
	uint32_t weight_ppm;			/* in force */
	uint64_t batch_since_ns;		/* CLOCK_REALTIME: when the present batch began */
	uint64_t batch_left_ns;			/* of its duration; 0: no clock runs */
	uint64_t created_ns, changed_ns;	/* CLOCK_REALTIME */
	const struct gl_release_step *history;	/* oldest first, at least one */
	uint32_t history_n;
};

/* What the set asks of the agent. All have the same ctx; all but publish may be NULL. */
struct gl_releases_ops {
	void *ctx;
	/* Makes the image current and gives it its generation. 0, or a negative errno with @why: the change is taken back. */
	int (*publish)(void *ctx, struct gl_image *image, struct gl_why *why);
	/* May an endpoint be used, as far as is known? NULL: every one may. */
	bool (*ready)(void *ctx, const struct gl_address_spec *endpoint);
	/* One step was taken (for metrics and the log). */
	void (*stepped)(void *ctx, const struct gl_release *release,
			const struct gl_release_step *step);
	/* Monotonic and wall clock in ns (tests bring their own). */
	uint64_t (*now)(void *ctx);
	uint64_t (*wall)(void *ctx);
	/* Called before each step of writing a file; a negative errno makes the step fail (tests). */
	int (*fault)(void *ctx, const char *step);
	/* Something was found wrong while loading; the rest goes on. */
	void (*complain)(void *ctx, const char *text);
};

/*
 * gl_releases_new: loads what the state directory holds (made when missing, and locked: one agent each). A file that cannot
 * be read or understood is set aside as <file>.corrupt and complained about; the others load. Nothing is published yet:
 * call gl_releases_publish(). 0, -EBUSY (another agent), or a negative errno: the directory itself is unusable.
 */
int gl_releases_new(const char *state_dir, const struct gl_releases_ops *ops,
		    struct gl_releases **ret, struct gl_why *why);
void gl_releases_free(struct gl_releases *releases);

/* gl_releases_publish: compiles and publishes the set as it is (at start). */
int gl_releases_publish(struct gl_releases *releases, struct gl_why *why);

/* The set, ordered by namespace, then name. */
size_t gl_releases_count(const struct gl_releases *releases);
const struct gl_release *gl_releases_at(const struct gl_releases *releases, size_t i);

/*
 * gl_releases_find: by name, in @namespace or (NULL) in any. -ENOENT, or -EEXIST when several namespaces have it; the words
 * in @why name them.
 */
int gl_releases_find(const struct gl_releases *releases, const char *namespace, const char *name,
		     const struct gl_release **ret, struct gl_why *why);

/* gl_releases_ids: names and ids of services and lanes that were ever given. */
const struct gl_ids *gl_releases_ids(const struct gl_releases *releases);

/* What an apply did to one release (a dry run: would do). */
struct gl_release_change {
	char *namespace, *name, *lane;
	enum { GL_RELEASE_CREATED, GL_RELEASE_UPDATED, GL_RELEASE_SAME } what;
	struct gl_release_place at;
	uint32_t count;			/* batches */
	uint32_t weight_ppm;		/* in force */
};

/* gl_release_changes_free: of gl_releases_apply(). NULL is allowed. */
void gl_release_changes_free(struct gl_release_change *changes, size_t n);

/* A policy text to apply, as it came from the client or from a file. */
struct gl_release_source {
	const char *file;	/* for messages */
	const char *text;
	size_t len;
};

struct gl_release_apply {
	const struct gl_release_source *sources;
	size_t n;
	const struct gl_who *who;
	const char *message;
	const char *cause;	/* apply, or start for --policy */
	bool dry_run;
	bool force;		/* also a lane without a ready endpoint */
};

/*
 * gl_releases_apply: parses, checks, compiles, writes and steers all releases of all sources, or none. Errors and warnings
 * go to @diag. @ret_changes says what happened to each. 0; -EINVAL: see @diag; -EBUSY: a lane that changes and would steer
 * has no ready endpoint, and @apply does not force it; else a negative errno with @why.
 *
 * What the texts say by themselves is the policy's own check (a release without any gray version is refused there); here
 * is judged what needs to know how things stand.
 */
int gl_releases_apply(struct gl_releases *releases, const struct gl_release_apply *apply,
		      struct gl_diag *diag, struct gl_release_change **ret_changes, size_t *ret_n,
		      struct gl_why *why);

/*
 * gl_releases_do: one verb of a person on one release (which is gone after DELETE). 0: done (@warning, when not "", says what
 * did not work though); 1: it was already so; -EBUSY: not in this state; else what compiling, the disk or publish said. @why
 * holds the words in every case but 0.
 */
int gl_releases_do(struct gl_releases *releases, const struct gl_release *release,
		   const struct gl_release_event *event, const struct gl_who *who,
		   const char *message, struct gl_why *warning, struct gl_why *why);

/*
 * gl_releases_next_due: ns from now until a batch's duration has passed; UINT64_MAX: none runs. gl_releases_tick: moves on
 * the releases that are due; returns how many, or a negative errno with @why (it is tried again later).
 */
uint64_t gl_releases_next_due(const struct gl_releases *releases);
int gl_releases_tick(struct gl_releases *releases, struct gl_why *why);

#endif
