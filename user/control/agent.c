// SPDX-License-Identifier: Apache-2.0
/* agent: how the modules hang together: releases -> image -> datapath, releases -> observer, names. */
#include "control/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"
#include "graylink/image.h"

/* A batch that could not move on (disk, kernel) is tried again after this. */
#define RETRY_NS 5000000000ULL

static int publish(void *ctx, struct gl_image *image, struct gl_why *why)
{
	struct gl_agent *agent = ctx;

	return gl_datapath_publish(agent->dp, image, why);
}

static bool ready(void *ctx, const struct gl_address_spec *endpoint)
{
	struct gl_endpoint_health health;

	return !gl_endpoint_backoff(ctx, endpoint, &health);
}

static void stepped(void *ctx, const struct gl_release *release, const struct gl_release_step *step)
{
	struct gl_agent *agent = ctx;

	gl_log(GL_LOG_INFO, "release",
	       "%s/%s is %s: batch %u of %u, weight %g%% (%s%s%s%s%s), generation %u",
	       release->spec->namespace, release->spec->name, gl_release_state_word(step->to),
	       step->batch, release->plan.count, step->weight_ppm / 10000.0, step->verb,
	       step->name ? " by " : "", step->name ? step->name : "", step->message[0] ? ": " : "",
	       step->message, gl_datapath_generation(agent->dp));
	if (agent->observe)
		gl_observe_count_transition(agent->observe, release->spec->name,
					    release->spec->namespace,
					    gl_release_state_word(step->to), step->cause);
}

static void complain(void *ctx, const char *text)
{
	(void)ctx;
	gl_log(GL_LOG_ERROR, "release", "%s", text);
}

void gl_agent_release_ops(struct gl_agent *agent, struct gl_releases_ops *ret)
{
	*ret = (struct gl_releases_ops){
		.ctx = agent,
		.publish = publish,
		.ready = ready,
		.stepped = stepped,
		.complain = complain,
	};
}

static bool service_name(void *ctx, u32 id, const char **ret_name, const char **ret_namespace)
{
	struct gl_agent *agent = ctx;
	const char *full = gl_ids_service_name(gl_releases_ids(agent->releases), id);
	const char *slash = full ? strchr(full, '/') : NULL;

	if (!slash)
		return false;
	snprintf(agent->names[0], sizeof(agent->names[0]), "%.*s", (int)(slash - full), full);
	snprintf(agent->names[1], sizeof(agent->names[1]), "%s", slash + 1);
	*ret_namespace = agent->names[0];
	*ret_name = agent->names[1];
	return true;
}

static const char *lane_name(void *ctx, u32 id)
{
	struct gl_agent *agent = ctx;

	return gl_ids_lane_name(gl_releases_ids(agent->releases), id);
}

int gl_agent_start_observe(struct gl_agent *agent)
{
	static const enum gl_map shown[] = {
		GL_MAP_CONNS,	  GL_MAP_LEG_TUPLES, GL_MAP_VETHS,	GL_MAP_ENDPOINTS,
		GL_MAP_SERIES,	  GL_MAP_LATENCIES,  GL_MAP_FREE_SMALL, GL_MAP_FREE_BIG,
	};
	struct gl_observe_map maps[sizeof(shown) / sizeof(shown[0])];
	const struct gl_observe_names names = {
		.ctx = agent,
		.service = service_name,
		.lane = lane_name,
	};
	const struct gl_observe_options options = {
		.series_fd = gl_datapath_map(agent->dp, GL_MAP_SERIES),
		.latencies_fd = gl_datapath_map(agent->dp, GL_MAP_LATENCIES),
		.events_fd = gl_datapath_map(agent->dp, GL_MAP_EVENTS),
		.events_lost_fd = gl_datapath_map(agent->dp, GL_MAP_EVENTS_LOST),
		.maps = maps,
		.maps_n = sizeof(maps) / sizeof(maps[0]),
		.version = GL_VERSION,
	};
	size_t i;
	int err;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		maps[i].name = gl_datapath_map_name(shown[i]);
		maps[i].fd = gl_datapath_map(agent->dp, shown[i]);
	}
	err = gl_observe_new(&options, &agent->observe);
	if (err)
		return err;
	gl_observe_set_names(agent->observe, &names);
	return 0;
}

/* One release for the observer; @ids has room for its services twice. */
static void observed(const struct gl_agent *agent, const struct gl_release *release, u32 *ids,
		     struct gl_observe_release *ret)
{
	const struct gl_ids *all = gl_releases_ids(agent->releases);
	const struct gl_release_spec *spec = release->spec;
	u32 *entries = ids + spec->nservices;
	size_t i;

	*ret = (struct gl_observe_release){
		.name = spec->name,
		.namespace = spec->namespace,
		.state = gl_release_state_word(release->at.state),
		.lane = gl_ids_lane(all, spec->lane),
		.batch = release->at.batch,
		.weight_ppm = release->weight_ppm,
		.services = ids,
		.entries = entries,
	};
	for (i = 0; i < spec->nservices; i++) {
		ids[i] = gl_ids_service(all, spec->namespace, spec->services[i].name);
		if (gl_is_entry(spec, spec->services[i].name))
			entries[ret->entries_n++] = ids[i];
	}
	ret->services_n = (u32)spec->nservices;
}

static void tell_observer(struct gl_agent *agent)
{
	size_t n = gl_releases_count(agent->releases), total = 0, at = 0, i;
	struct gl_observe_release *list = calloc(n + 1, sizeof(*list));
	u32 *ids = NULL;

	for (i = 0; i < n; i++)
		total += gl_releases_at(agent->releases, i)->spec->nservices;
	ids = calloc(2 * total + 1, sizeof(*ids));
	if (!list || !ids) {
		gl_log(GL_LOG_ERROR, "observe",
		       "out of memory: metrics show the releases of before");
		goto out;
	}
	for (i = 0; i < n; i++) {
		const struct gl_release *release = gl_releases_at(agent->releases, i);

		observed(agent, release, ids + at, &list[i]);
		at += 2 * release->spec->nservices;
	}
	gl_observe_set_generation(agent->observe, gl_datapath_generation(agent->dp));
	if (gl_observe_set_releases(agent->observe, list, (u32)n))
		gl_log(GL_LOG_ERROR, "observe",
		       "out of memory: metrics show the releases of before");
out:
	free(ids);
	free(list);
}

static void arm_batches(struct gl_agent *agent, uint64_t at_least)
{
	uint64_t due = gl_releases_next_due(agent->releases);

	if (due == UINT64_MAX)
		gl_timer_disarm(agent->batch_timer);
	else
		gl_timer_arm(agent->batch_timer, due > at_least ? due : at_least, 0);
}

static void batch_due(void *ctx)
{
	struct gl_agent *agent = ctx;
	struct gl_why why = { "" };
	int moved = gl_releases_tick(agent->releases, &why);

	if (moved < 0) {
		gl_log(GL_LOG_ERROR, "release",
		       "a batch's duration has passed, but the next cannot "
		       "begin: %s; it is tried again",
		       why.text);
		arm_batches(agent, RETRY_NS);
		return;
	}
	gl_agent_changed(agent);
}

void gl_agent_changed(struct gl_agent *agent)
{
	gl_ifaces_changed(agent);
	if (agent->observe)
		tell_observer(agent);
	if (!agent->batch_timer &&
	    gl_loop_add_timer(agent->loop, batch_due, agent, &agent->batch_timer)) {
		gl_log(GL_LOG_ERROR, "release", "no timer: batches with a duration do not go on");
		return;
	}
	arm_batches(agent, 0);
}

int gl_agent_verbs(struct gl_agent *agent)
{
	int err = gl_verbs_release(agent);

	if (!err)
		err = gl_verbs_get(agent);
	if (!err)
		err = gl_verbs_status(agent);
	return err ? err : gl_verbs_node(agent);
}
