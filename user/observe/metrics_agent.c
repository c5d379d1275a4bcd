/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_agent: the metrics that the agent itself knows: releases, generation, maps, lost events, build. */
#include <stdlib.h>

#include "observe/state.h"
#include "observe/text.h"

/* States of a release, as `graylinkctl status` says them. */
static const char *const states[] = { "Progressing", "Waiting",	   "Paused",
				      "Completed",   "RolledBack", "Finished" };

static void write_release_labels(FILE *f, char *sep, const char *name, const char *namespace)
{
	gl_text_label(f, sep, "release", name);
	gl_text_label(f, sep, "release_namespace", namespace);
}

static void write_weight(FILE *f, const struct gl_tracked *t)
{
	char sep = '{';

	fputs("graylink_release_weight_ratio", f);
	write_release_labels(f, &sep, t->name, t->namespace);
	fprintf(f, "} %g\n", (double)t->weight_ppm / GL_WEIGHT_ONE);
}

static void write_batch(FILE *f, const struct gl_tracked *t)
{
	char sep = '{';

	fputs("graylink_release_batch", f);
	write_release_labels(f, &sep, t->name, t->namespace);
	fprintf(f, "} %u\n", t->batch);
}

static void write_states(FILE *f, const struct gl_tracked *t)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		char sep = '{';

		fputs("graylink_release_state", f);
		write_release_labels(f, &sep, t->name, t->namespace);
		gl_text_label(f, &sep, "state", states[i]);
		fprintf(f, "} %d\n", !strcmp(states[i], t->state));
	}
}

static void write_transitions(struct gl_observe *o, FILE *f)
{
	const struct gl_transition *t;
	u32 i;

	if (o->transitions_n)
		gl_text_head(
			f, "graylink_release_transitions_total", "counter",
			"Steps of a release since the agent started, by the state that they led to and their cause.");
	for (i = 0; i < o->transitions_n; i++) {
		char sep = '{';

		t = &o->transitions[i];
		fputs("graylink_release_transitions_total", f);
		write_release_labels(f, &sep, t->release, t->namespace);
		gl_text_label(f, &sep, "to", t->to);
		gl_text_label(f, &sep, "cause", t->cause);
		fprintf(f, "} %llu\n", (unsigned long long)t->count);
	}
}

void gl_observe_write_releases(struct gl_observe *o, FILE *f)
{
	static const struct {
		const char *name;
		const char *help;
		void (*write)(FILE *f, const struct gl_tracked *t);
	} gauges[] = {
		{ "graylink_release_weight_ratio", "Weight in force, of one.", write_weight },
		{ "graylink_release_batch", "Batch in force, from 1; 0 before the first.",
		  write_batch },
		{ "graylink_release_state", "1 for the state that the release is in.",
		  write_states },
	};
	size_t i;
	u32 r;

	for (i = 0; o->releases_n && i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		gl_text_head(f, gauges[i].name, "gauge", gauges[i].help);
		for (r = 0; r < o->releases_n; r++)
			gauges[i].write(f, &o->releases[r]);
	}
	write_transitions(o, f);
}

/* Maps whose elements the kernel does not let us count have a capacity only. */
static void write_maps(struct gl_observe *o, FILE *f)
{
	u32 capacity[GL_OBSERVE_MAPS_MAX];
	s64 entries[GL_OBSERVE_MAPS_MAX];
	char sep;
	u32 i;

	for (i = 0; i < o->options.maps_n; i++)
		entries[i] = gl_observe_map_entries(o->maps[i].fd, &o->walks[i], &capacity[i]);
	if (o->options.maps_n)
		gl_text_head(f, "graylink_map_entries", "gauge",
			     "Elements in a map of the kernel.");
	for (i = 0; i < o->options.maps_n; i++) {
		if (entries[i] < 0)
			continue;
		sep = '{';
		fputs("graylink_map_entries", f);
		gl_text_label(f, &sep, "map", o->maps[i].name);
		fprintf(f, "} %lld\n", (long long)entries[i]);
	}
	if (o->options.maps_n)
		gl_text_head(f, "graylink_map_capacity", "gauge",
			     "Elements that a map of the kernel can hold.");
	for (i = 0; i < o->options.maps_n; i++) {
		sep = '{';
		fputs("graylink_map_capacity", f);
		gl_text_label(f, &sep, "map", o->maps[i].name);
		fprintf(f, "} %u\n", capacity[i]);
	}
}

void gl_observe_write_agent(struct gl_observe *o, FILE *f)
{
	char sep = '{';

	gl_text_head(f, "graylink_build_info", "gauge", "Always 1; the labels say what runs.");
	fputs("graylink_build_info", f);
	gl_text_label(f, &sep, "version", o->options.version ? o->options.version : "unknown");
	fprintf(f, ",schema=\"%d\"} 1\n", GL_SCHEMA);
	gl_text_head(f, "graylink_policy_generation", "gauge",
		     "Generation of the policy by which requests are decided.");
	fprintf(f, "graylink_policy_generation %llu\n", (unsigned long long)o->generation);
	gl_text_head(f, "graylink_policy_last_reload_successful", "gauge",
		     "1 if the last policy was accepted.");
	fprintf(f, "graylink_policy_last_reload_successful %d\n", o->reload_successful);
	gl_text_head(f, "graylink_events_lost_total", "counter",
		     "Rare events that found no room on their way to the agent.");
	fprintf(f, "graylink_events_lost_total %llu\n", (unsigned long long)o->events_lost);
	write_maps(o, f);
}
