// SPDX-License-Identifier: Apache-2.0
/* status: the verb, and the JSON that it and the page show of a release. */
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include "control/agent.h"

static cJSON *number_or_null(double value)
{
	return isnan(value) ? cJSON_CreateNull() : cJSON_CreateNumber(value);
}

/* Weights in JSON are percent, as in the policy. */
static double percent(uint32_t ppm)
{
	return ppm / 10000.0;
}

bool gl_is_entry(const struct gl_release_spec *spec, const char *service)
{
	size_t i;

	for (i = 0; i < spec->nentries; i++)
		if (!strcmp(spec->entries[i].service, service))
			return true;
	return false;
}

cJSON *gl_batch_json(const struct gl_release *release)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "index", release->at.batch);
	cJSON_AddNumberToObject(json, "count", release->plan.count);
	cJSON_AddNumberToObject(json, "weight", percent(release->weight_ppm));
	return json;
}

static void put_text(cJSON *json, const char *name, const char *text)
{
	if (text)
		cJSON_AddStringToObject(json, name, text);
}

cJSON *gl_version_json(const struct gl_release_spec *spec)
{
	const struct gl_version_spec *version = &spec->version;
	cJSON *json, *images;
	size_t i;

	if (!version->name && !version->author && !version->summary && !version->nimages)
		return cJSON_CreateNull();
	json = cJSON_CreateObject();
	put_text(json, "name", version->name);
	put_text(json, "author", version->author);
	put_text(json, "summary", version->summary);
	if (version->nimages) {
		images = cJSON_AddArrayToObject(json, "images");
		for (i = 0; i < version->nimages; i++)
			cJSON_AddItemToArray(images, cJSON_CreateString(version->images[i]));
	}
	return json;
}

cJSON *gl_entries_json(const struct gl_release_spec *spec)
{
	cJSON *json = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < spec->nentries; i++)
		cJSON_AddItemToArray(json, cJSON_CreateString(spec->entries[i].service));
	return json;
}

cJSON *gl_addresses_json(const struct gl_addresses_spec *addresses)
{
	cJSON *json = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < addresses->count; i++)
		cJSON_AddItemToArray(json, cJSON_CreateString(addresses->items[i].text));
	return json;
}

static cJSON *batches_json(const struct gl_release_plan *plan)
{
	cJSON *json = cJSON_CreateArray(), *item;
	uint32_t i;

	for (i = 0; i < plan->count; i++) {
		item = cJSON_CreateObject();
		cJSON_AddNumberToObject(item, "weight", percent(plan->batches[i].weight_ppm));
		cJSON_AddItemToObject(item, "durationSeconds",
				      plan->batches[i].duration_ns ?
					      cJSON_CreateNumber(
						      (double)plan->batches[i].duration_ns / 1e9) :
					      cJSON_CreateNull());
		cJSON_AddItemToArray(json, item);
	}
	return json;
}

static cJSON *service_json(struct gl_agent *agent, const struct gl_release_spec *spec,
			   const struct gl_service_spec *service)
{
	const struct gl_ids *ids = gl_releases_ids(agent->releases);
	const int endpoints[2] = {
		service->base.count ? (int)service->base.count : -1,
		(int)service->gray.count,
	};
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", service->name);
	cJSON_AddStringToObject(json, "protocol",
				service->protocol == GL_PROTOCOL_TCP ? "TCP" : "HTTP");
	cJSON_AddItemToObject(json, "frontends", gl_addresses_json(&service->frontends));
	cJSON_AddBoolToObject(json, "entry", gl_is_entry(spec, service->name));
	cJSON_AddItemToObject(
		json, "lanes",
		gl_observe_lanes_json(agent->observe, spec->name, spec->namespace,
				      gl_ids_service(ids, spec->namespace, service->name),
				      spec->lane, gl_ids_lane(ids, spec->lane), endpoints));
	return json;
}

cJSON *gl_release_json(struct gl_agent *agent, const struct gl_release *release)
{
	const struct gl_release_step *last = &release->history[release->history_n - 1];
	const struct gl_release_spec *spec = release->spec;
	cJSON *json = cJSON_CreateObject(), *batch = gl_batch_json(release), *services;
	char time[GL_TIME_TEXT];
	size_t i;

	cJSON_AddStringToObject(json, "name", spec->name);
	cJSON_AddStringToObject(json, "namespace", spec->namespace);
	cJSON_AddStringToObject(json, "lane", spec->lane);
	cJSON_AddStringToObject(json, "state", gl_release_state_word(release->at.state));
	cJSON_AddStringToObject(batch, "since", gl_time_text(time, release->batch_since_ns));
	cJSON_AddItemToObject(batch, "endsAt",
			      release->at.state != GL_RELEASE_PROGRESSING ?
				      cJSON_CreateNull() :
				      cJSON_CreateString(
					      gl_time_text(time,
							   gl_wall_ns() + release->batch_left_ns)));
	cJSON_AddItemToObject(json, "batch", batch);
	cJSON_AddItemToObject(json, "batches", batches_json(&release->plan));
	cJSON_AddItemToObject(json, "version", gl_version_json(spec));
	cJSON_AddItemToObject(json, "entries", gl_entries_json(spec));
	cJSON_AddItemToObject(json, "achievedWeight",
			      number_or_null(gl_observe_achieved(agent->observe, spec->name,
								 spec->namespace)));
	cJSON_AddStringToObject(json, "cause", last->cause);
	cJSON_AddStringToObject(json, "message", last->message);
	cJSON_AddStringToObject(json, "created", gl_time_text(time, release->created_ns));
	cJSON_AddStringToObject(json, "changed", gl_time_text(time, release->changed_ns));
	services = cJSON_AddArrayToObject(json, "services");
	for (i = 0; i < spec->nservices; i++)
		cJSON_AddItemToArray(services, service_json(agent, spec, &spec->services[i]));
	return json;
}

cJSON *gl_status_json(struct gl_agent *agent, const char *namespace, const char *name)
{
	size_t n = gl_releases_count(agent->releases), i;
	cJSON *json = cJSON_CreateObject(), *list;
	const struct gl_attachment *attached;
	char time[GL_TIME_TEXT];

	/* Best effort: what the ring buffer told is there anyway. */
	gl_observe_refresh(agent->observe);
	cJSON_AddNumberToObject(json, "generation", gl_datapath_generation(agent->dp));
	cJSON_AddBoolToObject(json, "bypass", gl_datapath_bypass(agent->dp));
	cJSON_AddNumberToObject(json, "attached",
				(double)gl_datapath_attachments(agent->dp, &attached));
	cJSON_AddNumberToObject(json, "windowSeconds", GL_OBSERVE_WINDOW_S);
	cJSON_AddStringToObject(json, "time", gl_time_text(time, gl_wall_ns()));
	list = cJSON_AddArrayToObject(json, "releases");
	for (i = 0; i < n; i++) {
		const struct gl_release *release = gl_releases_at(agent->releases, i);

		if ((namespace && strcmp(release->spec->namespace, namespace)) ||
		    (name && strcmp(release->spec->name, name)))
			continue;
		cJSON_AddItemToArray(list, gl_release_json(agent, release));
	}
	return json;
}

static void status(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const struct gl_release *release;
	const char *name, *namespace;
	struct gl_agent *agent = ctx;
	struct gl_why why;
	int err;

	if (gl_ask_string(ask, "name", NULL, &name, reply) ||
	    gl_ask_string(ask, "namespace", NULL, &namespace, reply))
		return;
	if (name) {
		err = gl_releases_find(agent->releases, namespace, name, &release, &why);
		if (err) {
			gl_reply_fail(reply, gl_code_of(err), "%s", why.text);
			return;
		}
		namespace = release->spec->namespace;
	}
	reply->data = gl_status_json(agent, namespace, name);
}

int gl_verbs_status(struct gl_agent *agent)
{
	const struct gl_verb verb = {
		.name = "status",
		.args = "name namespace",
		.handle = status,
		.ctx = agent,
	};

	return gl_verbs_add(&agent->verbs, &verb);
}
