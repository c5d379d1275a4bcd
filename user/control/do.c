// SPDX-License-Identifier: Apache-2.0
/* do: the verbs that move releases: apply next batch pause resume rollback retry finish delete. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/agent.h"
#include "graylink/conn.h"

/* Files that one apply may name. */
#define SOURCES_MAX 64

/* Texts and names of args.files; @sources has room for SOURCES_MAX. Returns how many, or -1. */
static int read_sources(const struct gl_ask *ask, struct gl_release_source *sources,
			struct gl_reply *reply)
{
	const cJSON *files = cJSON_GetObjectItemCaseSensitive(ask->args, "files"), *file;
	int n = cJSON_GetArraySize(files), i = 0;

	if (!cJSON_IsArray(files) || n < 1 || n > SOURCES_MAX)
		return gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
				     "args.files: must be a list of 1 to %d files", SOURCES_MAX);
	cJSON_ArrayForEach(file, files)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(file, "name");
		const cJSON *text = cJSON_GetObjectItemCaseSensitive(file, "text");

		if (!cJSON_IsString(name) || !cJSON_IsString(text))
			return gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
					     "args.files[%d]: must hold name and text, both strings",
					     i);
		sources[i++] = (struct gl_release_source){
			.file = name->valuestring,
			.text = text->valuestring,
			.len = strlen(text->valuestring),
		};
	}
	return n;
}

static void put_change(cJSON *list, const struct gl_release_change *change)
{
	static const char *const words[] = { "created", "updated", "unchanged" };
	cJSON *json = cJSON_CreateObject(), *batch;

	cJSON_AddStringToObject(json, "name", change->name);
	cJSON_AddStringToObject(json, "namespace", change->namespace);
	cJSON_AddStringToObject(json, "lane", change->lane);
	cJSON_AddStringToObject(json, "change", words[change->what]);
	cJSON_AddStringToObject(json, "state", gl_release_state_word(change->at.state));
	batch = cJSON_AddObjectToObject(json, "batch");
	cJSON_AddNumberToObject(batch, "index", change->at.batch);
	cJSON_AddNumberToObject(batch, "count", change->count);
	cJSON_AddNumberToObject(batch, "weight", change->weight_ppm / 10000.0);
	cJSON_AddItemToArray(list, json);
}

static void apply(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const struct gl_who who = { .uid = ask->uid, .name = ask->user };
	struct gl_release_source sources[SOURCES_MAX];
	struct gl_release_apply what = {
		.sources = sources,
		.who = &who,
		.message = ask->message,
		.cause = "apply",
	};
	struct gl_release_change *changes;
	struct gl_agent *agent = ctx;
	struct gl_why why = { "" };
	struct gl_diag diag;
	size_t nchanges, i;
	cJSON *list;
	int err, n;

	n = read_sources(ask, sources, reply);
	if (n < 0 || gl_ask_flag(ask, "dryRun", false, &what.dry_run, reply) ||
	    gl_ask_flag(ask, "force", false, &what.force, reply))
		return;
	what.n = (size_t)n;
	gl_diag_init(&diag);
	err = gl_releases_apply(agent->releases, &what, &diag, &changes, &nchanges, &why);
	if (diag.count)
		reply->diagnostics = gl_diag_to_json(&diag);
	gl_diag_free(&diag);
	if (!what.dry_run)
		gl_observe_set_reload(agent->observe, !err);
	if (err) {
		gl_reply_fail(reply, err == -E2BIG ? GL_CODE_INVALID : gl_code_of(err), "%s",
			      why.text);
		return;
	}
	reply->data = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(reply->data, "releases");
	for (i = 0; i < nchanges; i++)
		put_change(list, &changes[i]);
	cJSON_AddNullToObject(reply->data, "olderConnections");
	cJSON_AddBoolToObject(reply->data, "dryRun", what.dry_run);
	if (!what.dry_run)
		gl_agent_changed(agent);
	reply->generation = gl_datapath_generation(agent->dp);
	/* Interfaces are attached now: what is not known by now is older. */
	if (!what.dry_run)
		gl_agent_count_older(agent, changes, nchanges, reply);
	gl_release_changes_free(changes, nchanges);
}

/* The release that args name. NULL: refused. */
static const struct gl_release *find(struct gl_agent *agent, const struct gl_ask *ask,
				     struct gl_reply *reply)
{
	const struct gl_release *release;
	const char *name, *namespace;
	struct gl_why why;
	int err;

	if (gl_ask_string(ask, "name", NULL, &name, reply) ||
	    gl_ask_string(ask, "namespace", NULL, &namespace, reply))
		return NULL;
	if (!name) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.name: is missing");
		return NULL;
	}
	err = gl_releases_find(agent->releases, namespace, name, &release, &why);
	if (err) {
		gl_reply_fail(reply, gl_code_of(err), "%s", why.text);
		return NULL;
	}
	return release;
}

/* Runs one verb on one release. NULL: refused; else the release as it is now (for delete: as the caller knew it). */
static const struct gl_release *run(struct gl_agent *agent, const struct gl_ask *ask,
				    const struct gl_release_event *event, struct gl_reply *reply)
{
	const struct gl_who who = { .uid = ask->uid, .name = ask->user };
	const struct gl_release *release = find(agent, ask, reply);
	struct gl_why why = { "" }, warning;
	char name[256], namespace[256];
	int err;

	if (!release)
		return NULL;
	strncpy(name, release->spec->name, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	strncpy(namespace, release->spec->namespace, sizeof(namespace) - 1);
	namespace[sizeof(namespace) - 1] = '\0';
	err = gl_releases_do(agent->releases, release, event, &who, ask->message, &warning, &why);
	if (err < 0) {
		gl_reply_fail(reply, gl_code_of(err), "%s: %s", name, why.text);
		return NULL;
	}
	if (err)
		gl_reply_message(reply, "%s: %s", name, why.text);
	if (warning.text[0]) {
		gl_reply_warning(reply, "%s: %s", name, warning.text);
		gl_log(GL_LOG_ERROR, "release", "%s/%s: %s", namespace, name, warning.text);
	}
	gl_agent_changed(agent);
	reply->generation = gl_datapath_generation(agent->dp);
	if (event->verb == GL_RELEASE_DO_DELETE) {
		reply->data = cJSON_CreateObject();
		cJSON_AddStringToObject(reply->data, "name", name);
		cJSON_AddStringToObject(reply->data, "namespace", namespace);
		gl_log(GL_LOG_INFO, "release", "%s/%s is deleted (by %s%s%s)", namespace, name,
		       ask->user, ask->message[0] ? ": " : "", ask->message);
		return NULL;
	}
	if (gl_releases_find(agent->releases, namespace, name, &release, &why))
		return NULL;
	reply->data = cJSON_CreateObject();
	gl_observe_refresh(agent->observe);
	cJSON_AddItemToObject(reply->data, "release", gl_release_json(agent, release));
	return release;
}

static void simple(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	static const enum gl_release_verb verbs[] = {
		GL_RELEASE_DO_NEXT,	GL_RELEASE_DO_PAUSE, GL_RELEASE_DO_RESUME,
		GL_RELEASE_DO_ROLLBACK, GL_RELEASE_DO_RETRY,
	};
	struct gl_release_event event = { 0 };
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(ask->verb, gl_release_verb_word(verbs[i])))
			event.verb = verbs[i];
	run(ctx, ask, &event, reply);
}

static void batch(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct gl_release_event event = { .verb = GL_RELEASE_DO_BATCH };
	double index;
	bool last;

	if (gl_ask_number(ask, "index", 0, &index, reply) ||
	    gl_ask_flag(ask, "last", false, &last, reply))
		return;
	if (last == (index != 0) || index < 0 || index > 1e6 || index != (uint32_t)index) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
			      "args: batch takes either index, from 1, or last");
		return;
	}
	event.batch = last ? GL_RELEASE_LAST : (uint32_t)index;
	run(ctx, ask, &event, reply);
}

/* Sits on the lane and cannot be steered per request. */
static bool stuck_on(void *ctx, const struct gl_conn *conn)
{
	const uint32_t *lane = ctx;

	return (conn->flags & GL_CONN_PINNED) && conn->leg[conn->active % GL_LEGS].lane == *lane;
}

static void rollback(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const struct gl_release *release;
	struct gl_agent *agent = ctx;
	bool truncated;
	uint32_t lane;
	cJSON *list;

	simple(ctx, ask, reply);
	if (reply->code != GL_CODE_OK || !(release = find(agent, ask, reply)))
		return;
	lane = gl_ids_lane(gl_releases_ids(agent->releases), release->spec->lane);
	list = gl_connections_json(agent, 1000, &truncated, stuck_on, &lane);
	if (cJSON_GetArraySize(list))
		gl_reply_warning(reply,
				 "%d%s connections stay on lane %s until they close: they cannot be "
				 "steered per request",
				 cJSON_GetArraySize(list), truncated ? " or more" : "",
				 release->spec->lane);
	cJSON_AddItemToObject(reply->data, "connections", list);
}

static void end(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct gl_release_event event = {
		.verb = strcmp(ask->verb, "delete") ? GL_RELEASE_DO_FINISH : GL_RELEASE_DO_DELETE,
	};

	if (!gl_ask_flag(ask, "force", false, &event.force, reply))
		run(ctx, ask, &event, reply);
}

int gl_verbs_release(struct gl_agent *agent)
{
	const struct gl_verb verbs[] = {
		{ "apply", "files dryRun force", apply, agent, true },
		{ "next", "name namespace", simple, agent, true },
		{ "batch", "name namespace index last", batch, agent, true },
		{ "pause", "name namespace", simple, agent, true },
		{ "resume", "name namespace", simple, agent, true },
		{ "rollback", "name namespace", rollback, agent, true },
		{ "retry", "name namespace", simple, agent, true },
		{ "finish", "name namespace force", end, agent, true },
		{ "delete", "name namespace force", end, agent, true },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && !err; i++)
		err = gl_verbs_add(&agent->verbs, &verbs[i]);
	return err;
}
