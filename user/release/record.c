// SPDX-License-Identifier: Apache-2.0
/* record: see record.h. Here: memory; json.c has the file format. */
#include "release/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static void spec_put(struct gl_record_spec *spec)
{
	if (!spec || --spec->refs)
		return;
	gl_policy_free(spec->policy);
	free(spec->batches);
	free(spec->text);
	free(spec);
}

/* Points the public part at the record's spec. */
static void record_point(struct gl_record *record)
{
	const struct gl_policy *policy = record->shared->policy;

	record->pub.policy = policy;
	record->pub.spec = &policy->releases[0];
	record->pub.plan.batches = record->shared->batches;
	record->pub.plan.count = (uint32_t)policy->releases[0].nbatches;
}

static int spec_plan(struct gl_record_spec *spec)
{
	const struct gl_release_spec *release = &spec->policy->releases[0];
	size_t i;

	spec->batches = calloc(release->nbatches, sizeof(*spec->batches));
	if (!spec->batches)
		return -ENOMEM;
	for (i = 0; i < release->nbatches; i++) {
		spec->batches[i].weight_ppm = release->batches[i].weight_ppm;
		spec->batches[i].duration_ns = release->batches[i].duration_ns;
	}
	return 0;
}

int gl_record_new(const struct gl_release_spec *release, struct gl_record **ret)
{
	cJSON *json = gl_policy_to_json(release);
	struct gl_record *record = calloc(1, sizeof(*record));
	struct gl_record_spec *spec = calloc(1, sizeof(*spec));
	struct gl_diag diag;
	int err = -ENOMEM;

	gl_diag_init(&diag);
	if (spec)
		spec->refs = 1;
	if (!json || !record || !spec)
		goto out;
	record->shared = spec;
	spec->text = cJSON_PrintUnformatted(json);
	if (!spec->text)
		goto out;
	err = gl_policy_parse("state", spec->text, strlen(spec->text), &diag, &spec->policy);
	if (!err && (spec->policy->count != 1 || !spec->policy->releases[0].nbatches))
		err = -EINVAL;
	if (!err)
		err = spec_plan(spec);
	if (err)
		goto out;
	record_point(record);
	*ret = record;
	record = NULL;
	spec = NULL;
out:
	gl_diag_free(&diag);
	cJSON_Delete(json);
	if (record)
		record->shared = NULL;
	gl_record_free(record);
	spec_put(spec);
	return err;
}

static void step_free(struct gl_release_step *step)
{
	free((char *)step->name);
	free((char *)step->message);
}

/* Deep copy; verb and cause are words with static lifetime. False: out of memory. */
static bool step_copy(struct gl_release_step *to, const struct gl_release_step *from)
{
	*to = *from;
	to->name = from->name ? strdup(from->name) : NULL;
	to->message = strdup(from->message ? from->message : "");
	if (to->message && (to->name || !from->name))
		return true;
	step_free(to);
	return false;
}

void gl_record_free(struct gl_record *record)
{
	if (!record)
		return;
	while (record->pub.history_n)
		step_free(&record->steps[--record->pub.history_n]);
	free(record->steps);
	spec_put(record->shared);
	free(record);
}

struct gl_record *gl_record_clone(const struct gl_record *record)
{
	struct gl_record *copy = malloc(sizeof(*copy));
	uint32_t i;

	if (!copy)
		return NULL;
	*copy = *record;
	copy->shared->refs++;
	copy->pub.history_n = 0;
	copy->steps = calloc(record->pub.history_n + 1, sizeof(*copy->steps));
	copy->pub.history = copy->steps;
	for (i = 0; copy->steps && i < record->pub.history_n; i++) {
		if (!step_copy(&copy->steps[i], &record->steps[i]))
			break;
		copy->pub.history_n++;
	}
	if (copy->steps && copy->pub.history_n == record->pub.history_n)
		return copy;
	gl_record_free(copy);
	return NULL;
}

void gl_record_take_spec(struct gl_record *record, const struct gl_record *other)
{
	other->shared->refs++;
	spec_put(record->shared);
	record->shared = other->shared;
	record_point(record);
}

int gl_record_order(const struct gl_record *a, const struct gl_record *b)
{
	int order = strcmp(a->pub.spec->namespace, b->pub.spec->namespace);

	return order ? order : strcmp(a->pub.spec->name, b->pub.spec->name);
}

int gl_record_add_step(struct gl_record *record, const struct gl_release_step *step)
{
	struct gl_release_step copy, *steps;
	uint32_t n = record->pub.history_n;

	if (!step_copy(&copy, step))
		return -ENOMEM;
	if (n >= GL_RELEASE_HISTORY_MAX) {
		/* The first step, how it began, stays. */
		step_free(&record->steps[1]);
		memmove(&record->steps[1], &record->steps[2], (n - 2) * sizeof(*record->steps));
		n--;
	} else {
		steps = realloc(record->steps, (n + 1) * sizeof(*steps));
		if (!steps) {
			step_free(&copy);
			return -ENOMEM;
		}
		record->steps = steps;
	}
	record->steps[n] = copy;
	record->pub.history = record->steps;
	record->pub.history_n = n + 1;
	return 0;
}

uint64_t gl_record_left(const struct gl_record *record, uint64_t now)
{
	const struct gl_release *pub = &record->pub;
	uint64_t duration, spent;

	if (pub->at.state != GL_RELEASE_PROGRESSING)
		return UINT64_MAX;
	duration = pub->plan.batches[pub->at.batch - 1].duration_ns;
	spent = record->clock_spent_ns;
	if (now > record->clock_since_ns)
		spent += now - record->clock_since_ns;
	return spent < duration ? duration - spent : 0;
}
