// SPDX-License-Identifier: Apache-2.0
/* get: what there is, as lists: releases, services, endpoints, connections, and the history of one release. */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "control/agent.h"
#include "graylink/conn.h"

/* What args ask for. */
struct query {
	struct gl_agent *agent;
	const char *namespace, *name;	/* NULL: any */
	uint32_t limit;
	bool truncated;
	cJSON *items;
};

static bool full(struct query *q)
{
	if ((uint32_t)cJSON_GetArraySize(q->items) < q->limit)
		return false;
	q->truncated = true;
	return true;
}

static bool named(const struct query *q, const char *namespace, const char *name)
{
	return (!q->namespace || !strcmp(q->namespace, namespace)) &&
	       (!q->name || !strcmp(q->name, name));
}

static void get_release(struct query *q, const struct gl_release *release)
{
	const struct gl_release_spec *spec = release->spec;
	cJSON *json, *services;
	char time[GL_TIME_TEXT];
	size_t i;

	if (!named(q, spec->namespace, spec->name) || full(q))
		return;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", spec->name);
	cJSON_AddStringToObject(json, "namespace", spec->namespace);
	cJSON_AddStringToObject(json, "lane", spec->lane);
	cJSON_AddStringToObject(json, "state", gl_release_state_word(release->at.state));
	cJSON_AddItemToObject(json, "batch", gl_batch_json(release));
	cJSON_AddItemToObject(json, "version", gl_version_json(spec));
	cJSON_AddItemToObject(json, "entries", gl_entries_json(spec));
	services = cJSON_AddArrayToObject(json, "services");
	for (i = 0; i < spec->nservices; i++)
		cJSON_AddItemToArray(services, cJSON_CreateString(spec->services[i].name));
	cJSON_AddStringToObject(json, "created", gl_time_text(time, release->created_ns));
	cJSON_AddStringToObject(json, "changed", gl_time_text(time, release->changed_ns));
	cJSON_AddItemToObject(json, "spec", gl_policy_to_json(spec));
	cJSON_AddItemToArray(q->items, json);
}

static void add_lane(cJSON *lanes, const char *lane, const struct gl_addresses_spec *addresses,
		     bool native)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "lane", lane);
	if (native)
		cJSON_AddNullToObject(json, "endpoints");
	else
		cJSON_AddNumberToObject(json, "endpoints", (double)addresses->count);
	cJSON_AddItemToArray(lanes, json);
}

static void get_service(struct query *q, const struct gl_release_spec *spec,
			const struct gl_service_spec *service)
{
	cJSON *json, *lanes;

	if (!named(q, spec->namespace, service->name) || full(q))
		return;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", service->name);
	cJSON_AddStringToObject(json, "namespace", spec->namespace);
	cJSON_AddNumberToObject(json, "id",
				gl_ids_service(gl_releases_ids(q->agent->releases), spec->namespace,
					       service->name));
	cJSON_AddStringToObject(json, "protocol",
				service->protocol == GL_PROTOCOL_TCP ? "TCP" : "HTTP");
	cJSON_AddItemToObject(json, "frontends", gl_addresses_json(&service->frontends));
	cJSON_AddStringToObject(json, "release", spec->name);
	cJSON_AddBoolToObject(json, "entry", gl_is_entry(spec, service->name));
	cJSON_AddStringToObject(json, "fallback",
				service->fallback == GL_FALLBACK_TO_NONE ? "None" : "Base");
	lanes = cJSON_AddArrayToObject(json, "lanes");
	add_lane(lanes, "base", &service->base, !service->base.count);
	if (service->gray.count)
		add_lane(lanes, spec->lane, &service->gray, false);
	cJSON_AddItemToArray(q->items, json);
}

uint64_t gl_endpoint_backoff(const struct gl_agent *agent, const struct gl_address_spec *endpoint,
			     struct gl_endpoint_health *ret_health)
{
	const struct gl_endpoint_key key = {
		.addr = endpoint->addr,
		.port = htons(endpoint->port),
	};
	uint64_t now = gl_now_ns();

	if (bpf_map_lookup_elem(gl_datapath_map(agent->dp, GL_MAP_ENDPOINTS), &key, ret_health))
		memset(ret_health, 0, sizeof(*ret_health));
	return ret_health->until_ns > now ? ret_health->until_ns - now : 0;
}

static void put_health(cJSON *json, const struct gl_agent *agent,
		       const struct gl_address_spec *address)
{
	struct gl_endpoint_health health;
	uint64_t wait = gl_endpoint_backoff(agent, address, &health);

	cJSON_AddStringToObject(json, "health", wait ? "backoff" : "ready");
	cJSON_AddNumberToObject(json, "failures", health.failures);
	cJSON_AddNumberToObject(json, "backoffSeconds", (double)(wait / 1000000ULL) / 1e3);
	if (health.mss)
		cJSON_AddNumberToObject(json, "mss", health.mss);
	else
		cJSON_AddNullToObject(json, "mss");
}

static void get_endpoints(struct query *q, const struct gl_release_spec *spec,
			  const struct gl_service_spec *service)
{
	const struct gl_addresses_spec *lanes[] = { &service->base, &service->gray };
	size_t lane, i;
	cJSON *json;

	if (!named(q, spec->namespace, service->name))
		return;
	for (lane = 0; lane < 2; lane++) {
		for (i = 0; i < lanes[lane]->count && !full(q); i++) {
			json = cJSON_CreateObject();
			cJSON_AddStringToObject(json, "service", service->name);
			cJSON_AddStringToObject(json, "namespace", spec->namespace);
			cJSON_AddStringToObject(json, "lane", lane ? spec->lane : "base");
			cJSON_AddStringToObject(json, "release", spec->name);
			cJSON_AddStringToObject(json, "address", lanes[lane]->items[i].text);
			put_health(json, q->agent, &lanes[lane]->items[i]);
			cJSON_AddItemToArray(q->items, json);
		}
	}
}

static void each_service(struct query *q,
			 void (*fn)(struct query *q, const struct gl_release_spec *spec,
				    const struct gl_service_spec *service))
{
	size_t n = gl_releases_count(q->agent->releases), i, j;

	for (i = 0; i < n; i++) {
		const struct gl_release_spec *spec = gl_releases_at(q->agent->releases, i)->spec;

		for (j = 0; j < spec->nservices; j++)
			fn(q, spec, &spec->services[j]);
	}
}

/* Connections are asked for by the service that they go to. */
static bool conn_named(void *ctx, const struct gl_conn *conn)
{
	const struct query *q = ctx;
	const char *text = gl_ids_service_name(gl_releases_ids(q->agent->releases), conn->service);
	const char *slash = text ? strchr(text, '/') : NULL;
	size_t len;

	if (!slash)
		return !q->namespace && !q->name;
	len = (size_t)(slash - text);
	return (!q->name || !strcmp(q->name, slash + 1)) &&
	       (!q->namespace ||
		(strlen(q->namespace) == len && !strncmp(q->namespace, text, len)));
}

static int get_what(struct query *q, const char *what)
{
	size_t i;

	if (!strcmp(what, "connections")) {
		q->items = gl_connections_json(q->agent, q->limit, &q->truncated, conn_named, q);
		return 0;
	}
	q->items = cJSON_CreateArray();
	if (!strcmp(what, "releases"))
		for (i = 0; i < gl_releases_count(q->agent->releases); i++)
			get_release(q, gl_releases_at(q->agent->releases, i));
	else if (!strcmp(what, "services"))
		each_service(q, get_service);
	else if (!strcmp(what, "endpoints"))
		each_service(q, get_endpoints);
	else
		return -1;
	return 0;
}

static void get(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct query q = { .agent = ctx };
	const char *what;
	double limit;

	if (gl_ask_string(ask, "what", "releases", &what, reply) ||
	    gl_ask_string(ask, "namespace", NULL, &q.namespace, reply) ||
	    gl_ask_string(ask, "name", NULL, &q.name, reply) ||
	    gl_ask_number(ask, "limit", 1000, &limit, reply))
		return;
	if (limit < 0 || limit > 1e6) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.limit: must be from 0 to 1000000");
		return;
	}
	q.limit = (uint32_t)limit;
	if (get_what(&q, what)) {
		cJSON_Delete(q.items);
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
			      "args.what: must be releases, services, endpoints or connections");
		return;
	}
	reply->data = cJSON_CreateObject();
	cJSON_AddItemToObject(reply->data, "items", q.items);
	cJSON_AddBoolToObject(reply->data, "truncated", q.truncated);
}

static cJSON *step_json(const struct gl_release_step *step)
{
	cJSON *json = cJSON_CreateObject(), *who;
	char time[GL_TIME_TEXT];

	cJSON_AddStringToObject(json, "time", gl_time_text(time, step->time_ns));
	if (step->from < 0)
		cJSON_AddNullToObject(json, "from");
	else
		cJSON_AddStringToObject(json, "from", gl_release_state_word(step->from));
	cJSON_AddStringToObject(json, "to", gl_release_state_word(step->to));
	cJSON_AddNumberToObject(json, "batch", step->batch);
	cJSON_AddNumberToObject(json, "weight", step->weight_ppm / 10000.0);
	cJSON_AddStringToObject(json, "verb", step->verb);
	cJSON_AddStringToObject(json, "cause", step->cause);
	if (step->asked) {
		who = cJSON_AddObjectToObject(json, "who");
		cJSON_AddNumberToObject(who, "uid", step->uid);
		cJSON_AddStringToObject(who, "name", step->name ? step->name : "");
	} else {
		cJSON_AddNullToObject(json, "who");
	}
	cJSON_AddStringToObject(json, "message", step->message);
	return json;
}

static void history(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const struct gl_release *release;
	const char *name, *namespace;
	struct gl_agent *agent = ctx;
	struct gl_why why;
	cJSON *items;
	uint32_t i;
	int err;

	if (gl_ask_string(ask, "name", NULL, &name, reply) ||
	    gl_ask_string(ask, "namespace", NULL, &namespace, reply))
		return;
	if (!name) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.name: is missing");
		return;
	}
	err = gl_releases_find(agent->releases, namespace, name, &release, &why);
	if (err) {
		gl_reply_fail(reply, gl_code_of(err), "%s", why.text);
		return;
	}
	reply->data = cJSON_CreateObject();
	items = cJSON_AddArrayToObject(reply->data, "items");
	for (i = 0; i < release->history_n; i++)
		cJSON_AddItemToArray(items, step_json(&release->history[i]));
}

int gl_verbs_get(struct gl_agent *agent)
{
	const struct gl_verb verbs[] = {
		{ "get", "what namespace name limit", get, agent, false },
		{ "history", "name namespace", history, agent, false },
	};
	int err = gl_verbs_add(&agent->verbs, &verbs[0]);

	return err ? err : gl_verbs_add(&agent->verbs, &verbs[1]);
}
