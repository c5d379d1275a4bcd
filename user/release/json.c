// SPDX-License-Identifier: Apache-2.0
/*
 * json: the state file of one release.
 *
 *	{"format":1, "spec":{canonical GrayRelease}, "state":"Waiting", "batch":1,
 *	 "clock":{"boot":"...","sinceMs":1,"spentMs":0}, "batchSinceMs":1, "createdMs":1, "changedMs":1,
 *	 "ids":{"services":{"shop/web":1},"lanes":{"v2":1}},
 *	 "history":[{"timeMs":1,"from":null,"to":"Waiting","batch":1,"weightPpm":50000,"verb":"apply","cause":"apply",
 *	             "uid":0,"user":"root","message":""}]}
 *
 * Times are whole milliseconds, which a JSON number holds exactly. The ids are a second copy of those in ids.json: they must
 * never be given anew, since connections and counters hold them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "release/record.h"

#define FORMAT 1
#define MS     1000000ULL

static const char *const causes[] = { "apply", "user", "timer", "guard", "start" };

static cJSON *ids_of(const struct gl_release_spec *spec, const struct gl_ids *ids)
{
	cJSON *json = cJSON_CreateObject(), *services, *lanes;
	const char *name;
	uint32_t id;
	size_t i;

	services = cJSON_AddObjectToObject(json, "services");
	lanes = cJSON_AddObjectToObject(json, "lanes");
	for (i = 0; i < spec->nservices; i++) {
		id = gl_ids_service(ids, spec->namespace, spec->services[i].name);
		name = id ? gl_ids_service_name(ids, id) : NULL;
		if (name)
			cJSON_AddNumberToObject(services, name, id);
	}
	id = gl_ids_lane(ids, spec->lane);
	if (id)
		cJSON_AddNumberToObject(lanes, spec->lane, id);
	return json;
}

static cJSON *step_to_json(const struct gl_release_step *step)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "timeMs", (double)(step->time_ns / MS));
	if (step->from < 0)
		cJSON_AddNullToObject(json, "from");
	else
		cJSON_AddStringToObject(json, "from", gl_release_state_word(step->from));
	cJSON_AddStringToObject(json, "to", gl_release_state_word(step->to));
	cJSON_AddNumberToObject(json, "batch", step->batch);
	cJSON_AddNumberToObject(json, "weightPpm", step->weight_ppm);
	cJSON_AddStringToObject(json, "verb", step->verb);
	cJSON_AddStringToObject(json, "cause", step->cause);
	if (step->asked) {
		cJSON_AddNumberToObject(json, "uid", step->uid);
		cJSON_AddStringToObject(json, "user", step->name ? step->name : "");
	}
	cJSON_AddStringToObject(json, "message", step->message);
	return json;
}

cJSON *gl_record_to_json(const struct gl_record *record, const struct gl_ids *ids, const char *boot)
{
	const struct gl_release *pub = &record->pub;
	cJSON *json = cJSON_CreateObject(), *clock, *history;
	uint32_t i;

	if (!json)
		return NULL;
	cJSON_AddNumberToObject(json, "format", FORMAT);
	cJSON_AddItemToObject(json, "spec", cJSON_Parse(record->shared->text));
	cJSON_AddStringToObject(json, "state", gl_release_state_word(pub->at.state));
	cJSON_AddNumberToObject(json, "batch", pub->at.batch);
	clock = cJSON_AddObjectToObject(json, "clock");
	cJSON_AddStringToObject(clock, "boot", boot);
	cJSON_AddNumberToObject(clock, "sinceMs", (double)(record->clock_since_ns / MS));
	cJSON_AddNumberToObject(clock, "spentMs", (double)(record->clock_spent_ns / MS));
	cJSON_AddNumberToObject(json, "batchSinceMs", (double)(pub->batch_since_ns / MS));
	cJSON_AddNumberToObject(json, "createdMs", (double)(pub->created_ns / MS));
	cJSON_AddNumberToObject(json, "changedMs", (double)(pub->changed_ns / MS));
	cJSON_AddItemToObject(json, "ids", ids_of(pub->spec, ids));
	history = cJSON_AddArrayToObject(json, "history");
	for (i = 0; i < pub->history_n; i++)
		cJSON_AddItemToArray(history, step_to_json(&pub->history[i]));
	return json;
}

/* A whole number of at most @max; false: absent, of another type, or out of range. */
static bool number(const cJSON *json, const char *name, double max, uint64_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= max) ||
	    item->valuedouble != floor(item->valuedouble))
		return false;
	*ret = (uint64_t)item->valuedouble;
	return true;
}

static bool time_ms(const cJSON *json, const char *name, uint64_t *ret_ns)
{
	if (!number(json, name, 9e12, ret_ns))
		return false;
	*ret_ns *= MS;
	return true;
}

/* A member that is one of the words of states; -EINVAL. */
static int state_of(const cJSON *json, const char *name)
{
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return word ? gl_release_state_of(word) : -EINVAL;
}

static const char *verb_of(const char *word)
{
	int verb;

	for (verb = 0; word && verb < GL_RELEASE_VERB_COUNT; verb++)
		if (!strcmp(word, gl_release_verb_word(verb)))
			return gl_release_verb_word(verb);
	return NULL;
}

static const char *cause_of(const char *word)
{
	size_t i;

	for (i = 0; word && i < sizeof(causes) / sizeof(causes[0]); i++)
		if (!strcmp(word, causes[i]))
			return causes[i];
	return NULL;
}

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static int read_step(struct gl_record *record, const cJSON *json)
{
	uint64_t batch, weight, uid = 0;
	struct gl_release_step step = {
		.verb = verb_of(text_of(json, "verb")),
		.cause = cause_of(text_of(json, "cause")),
		.name = text_of(json, "user"),
		.message = text_of(json, "message"),
	};
	int from, to = state_of(json, "to");

	from = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "from")) ?
		       -1 :
		       state_of(json, "from");
	if (!step.verb || !step.cause || !step.message || to < 0 || from < -1 ||
	    !time_ms(json, "timeMs", &step.time_ns) || !number(json, "batch", UINT32_MAX, &batch) ||
	    !number(json, "weightPpm", UINT32_MAX, &weight))
		return -EINVAL;
	if (step.name) {
		if (!number(json, "uid", UINT32_MAX, &uid))
			return -EINVAL;
		step.asked = true;
		step.uid = (uid_t)uid;
	}
	step.from = from;
	step.to = to;
	step.batch = (uint32_t)batch;
	step.weight_ppm = (uint32_t)weight;
	return gl_record_add_step(record, &step);
}

static int read_history(struct gl_record *record, const cJSON *json)
{
	const cJSON *history = cJSON_GetObjectItemCaseSensitive(json, "history"), *item;
	int err = 0;

	if (!cJSON_IsArray(history) || !cJSON_GetArraySize(history))
		return -EINVAL;
	cJSON_ArrayForEach(item, history)
	{
		if (!err)
			err = read_step(record, item);
	}
	return err;
}

static int read_clock(struct gl_record *record, const cJSON *json, const char *boot, uint64_t now)
{
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(json, "clock");
	const char *then = text_of(clock, "boot");

	if (!then || !time_ms(clock, "sinceMs", &record->clock_since_ns) ||
	    !time_ms(clock, "spentMs", &record->clock_spent_ns))
		return -EINVAL;
	if (strcmp(then, boot))
		record->clock_since_ns = now;
	return 0;
}

/* The release that the file describes; its policy must hold exactly one. */
static int read_spec(const cJSON *json, struct gl_record **ret, struct gl_why *why)
{
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(json, "spec");
	char *text = cJSON_IsObject(spec) ? cJSON_PrintUnformatted(spec) : NULL;
	struct gl_policy *policy = NULL;
	struct gl_diag diag;
	int err;

	if (!text)
		return gl_why_set(why, -EINVAL, "it has no spec");
	gl_diag_init(&diag);
	err = gl_policy_parse("state", text, strlen(text), &diag, &policy);
	free(text);
	if (err)
		gl_why_set(why, err, "its spec is not valid: %s",
			   diag.count ? diag.items[0].message : strerror(-err));
	gl_diag_free(&diag);
	if (err)
		return err;
	err = policy->count == 1 ? gl_record_new(&policy->releases[0], ret) : -EINVAL;
	gl_policy_free(policy);
	return err ? gl_why_set(why, err, "its spec is not one release") : 0;
}

/* The place must be one that the machine could be in: moving only before the last batch. */
static bool place_fits(const struct gl_release *pub)
{
	bool last = pub->at.batch == pub->plan.count;

	switch (pub->at.state) {
	case GL_RELEASE_PROGRESSING:
		return !last && pub->plan.batches[pub->at.batch - 1].duration_ns;
	case GL_RELEASE_WAITING:
		return !last && !pub->plan.batches[pub->at.batch - 1].duration_ns;
	case GL_RELEASE_COMPLETED:
		return last;
	default:
		return true;
	}
}

int gl_record_from_json(const cJSON *json, const char *boot, uint64_t now, struct gl_record **ret,
			struct gl_why *why)
{
	struct gl_record *record = NULL;
	uint64_t format = 0, batch = 0;
	int state, err;

	if (!number(json, "format", UINT32_MAX, &format) || format != FORMAT)
		return gl_why_set(why, -EINVAL, "its format is not %d", FORMAT);
	err = read_spec(json, &record, why);
	if (err)
		return err;
	state = state_of(json, "state");
	if (state < 0 || !number(json, "batch", record->pub.plan.count, &batch) || !batch) {
		err = gl_why_set(why, -EINVAL, "its state or batch is not valid");
		goto fail;
	}
	record->pub.at.state = state;
	record->pub.at.batch = (uint32_t)batch;
	if (!place_fits(&record->pub) ||
	    !time_ms(json, "batchSinceMs", &record->pub.batch_since_ns) ||
	    !time_ms(json, "createdMs", &record->pub.created_ns) ||
	    !time_ms(json, "changedMs", &record->pub.changed_ns) ||
	    read_clock(record, json, boot, now)) {
		err = gl_why_set(why, -EINVAL, "its batch or times are not valid");
		goto fail;
	}
	err = read_history(record, json);
	if (err) {
		gl_why_set(why, err, "its history is not valid");
		goto fail;
	}
	record->pub.weight_ppm = gl_release_weight(&record->pub.plan, &record->pub.at);
	*ret = record;
	return 0;
fail:
	gl_record_free(record);
	return err;
}
