// SPDX-License-Identifier: Apache-2.0
/*
 * canonical: a release as JSON that means the same. Every field is written, also defaulted ones, in
 * one order; what is implied (batches) or absent (guard, a service's gray version) is not.
 *
 * cJSON's Add functions return NULL without memory; `ok` gathers that.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "policy/policy.h"

struct writer {
	bool ok;
};

static void put_string(struct writer *writer, cJSON *object, const char *name, const char *value)
{
	if (value && !cJSON_AddStringToObject(object, name, value))
		writer->ok = false;
}

static cJSON *put_object(struct writer *writer, cJSON *object, const char *name)
{
	cJSON *ret = name ? cJSON_AddObjectToObject(object, name) : cJSON_CreateObject();

	if (!name && ret && !cJSON_AddItemToArray(object, ret)) {
		cJSON_Delete(ret);
		ret = NULL;
	}
	if (!ret)
		writer->ok = false;
	return ret;
}

static cJSON *put_array(struct writer *writer, cJSON *object, const char *name)
{
	cJSON *ret = cJSON_AddArrayToObject(object, name);

	if (!ret)
		writer->ok = false;
	return ret;
}

static void put_element(struct writer *writer, cJSON *array, const char *value)
{
	cJSON *item = cJSON_CreateString(value);

	if (!item || !cJSON_AddItemToArray(array, item)) {
		cJSON_Delete(item);
		writer->ok = false;
	}
}

/* Whole percentages as numbers, others as strings: the shortest of what the parser takes. */
static void put_percent(struct writer *writer, cJSON *object, const char *name, uint64_t ppm)
{
	char buf[32];

	if (ppm % 10000 == 0) {
		if (!cJSON_AddNumberToObject(object, name, (double)(ppm / 10000)))
			writer->ok = false;
	} else {
		put_string(writer, object, name, gl_weight_format((uint32_t)ppm, buf, sizeof(buf)));
	}
}

/* Hours, minutes, seconds, milliseconds: the parser takes up to 99,999 hours. */
static void put_duration(struct writer *writer, cJSON *object, const char *name, uint64_t ns)
{
	uint64_t ms = ns / 1000000;
	const struct {
		uint64_t value;
		const char *unit;
	} parts[] = {
		{ ms / 3600000, "h" },
		{ ms / 60000 % 60, "m" },
		{ ms / 1000 % 60, "s" },
		{ ms % 1000, "ms" },
	};
	char buf[64] = "";
	size_t used = 0, i;

	for (i = 0; i < 4; i++)
		if (parts[i].value)
			used += snprintf(buf + used, sizeof(buf) - used, "%llu%s",
					 (unsigned long long)parts[i].value, parts[i].unit);
	put_string(writer, object, name, buf);
}

static void put_addresses(struct writer *writer, cJSON *object, const char *name,
			  const struct gl_addresses_spec *list)
{
	cJSON *array = put_array(writer, object, name);
	size_t i;

	for (i = 0; i < list->count; i++)
		put_element(writer, array, list->items[i].text);
}

static void put_version(struct writer *writer, cJSON *spec, const struct gl_version_spec *version)
{
	cJSON *object, *images;
	size_t i;

	if (!version->name && !version->author && !version->summary && !version->nimages)
		return;
	object = put_object(writer, spec, "version");
	put_string(writer, object, "name", version->name);
	put_string(writer, object, "author", version->author);
	put_string(writer, object, "summary", version->summary);
	if (!version->nimages)
		return;
	images = put_array(writer, object, "images");
	for (i = 0; i < version->nimages; i++)
		put_element(writer, images, version->images[i]);
}

static void put_label(struct writer *writer, cJSON *spec, const struct gl_label_spec *label)
{
	cJSON *object = put_object(writer, spec, "label"), *trust;
	size_t i;

	put_string(writer, object, "baggageKey", label->baggage_key);
	put_string(writer, object, "header", label->header);
	if (label->trust_given) {
		trust = put_array(writer, object, "trust");
		for (i = 0; i < label->ntrust; i++)
			put_element(writer, trust, label->trust[i].text);
	}
	if (!cJSON_AddBoolToObject(object, "strip", label->strip))
		writer->ok = false;
}

static void put_match(struct writer *writer, cJSON *array, const struct gl_match_spec *match)
{
	cJSON *object = put_object(writer, array, NULL), *headers;
	size_t i;

	if (match->base)
		put_string(writer, object, "lane", "base");
	headers = put_array(writer, object, "headers");
	for (i = 0; i < match->count; i++) {
		cJSON *header = put_object(writer, headers, NULL);

		put_string(writer, header, "name", match->headers[i].name);
		put_string(writer, header, "type",
			   match->headers[i].type == GL_MATCH_EXACT ? "Exact" : "Present");
		put_string(writer, header, "value", match->headers[i].value);
	}
}

static void put_entry(struct writer *writer, cJSON *array, const struct gl_entry_spec *entry)
{
	cJSON *object = put_object(writer, array, NULL), *list;
	size_t i;

	put_string(writer, object, "service", entry->service);
	if (entry->nmatches) {
		list = put_array(writer, object, "match");
		for (i = 0; i < entry->nmatches; i++)
			put_match(writer, list, &entry->matches[i]);
	}
	if (!entry->nsticky)
		return;
	list = put_array(writer, object, "sticky");
	for (i = 0; i < entry->nsticky; i++)
		put_string(writer, put_object(writer, list, NULL),
			   entry->sticky[i].kind == GL_STICKY_HEADER ? "header" : "cookie",
			   entry->sticky[i].name);
}

static void put_batches(struct writer *writer, cJSON *spec, const struct gl_release_spec *release)
{
	cJSON *array = NULL, *object;
	size_t i;

	for (i = 0; i < release->nbatches; i++) {
		if (release->batches[i].implied)
			continue;
		if (!array)
			array = put_array(writer, spec, "batches");
		object = put_object(writer, array, NULL);
		put_percent(writer, object, "weight", release->batches[i].weight_ppm);
		if (release->batches[i].duration_ns)
			put_duration(writer, object, "duration", release->batches[i].duration_ns);
	}
}

static void put_guard(struct writer *writer, cJSON *spec, const struct gl_guard_spec *guard)
{
	static const struct {
		uint32_t ppm;
		const char *name;
	} quantiles[] = {
		{ 500000, "P50" }, { 900000, "P90" },  { 950000, "P95" },
		{ 990000, "P99" }, { 999000, "P999" },
	};
	cJSON *object = put_object(writer, spec, "guard"), *part;
	size_t i;

	put_duration(writer, object, "interval", guard->interval_ns);
	if (!cJSON_AddNumberToObject(object, "minRequests", guard->min_requests))
		writer->ok = false;
	if (guard->has_error_rate)
		put_percent(writer, object, "maxErrorRate", guard->max_error_rate_ppm);
	if (guard->has_latency) {
		part = put_object(writer, object, "maxLatency");
		for (i = 0; i < 5; i++)
			if (quantiles[i].ppm == guard->quantile_ppm)
				put_string(writer, part, "quantile", quantiles[i].name);
		put_duration(writer, part, "value", guard->max_latency_ns);
	}
	if (guard->has_error_delta || guard->has_latency_ratio) {
		part = put_object(writer, object, "compareToBase");
		if (guard->has_error_delta)
			put_percent(writer, part, "errorRateDelta", guard->error_delta_ppm);
		if (guard->has_latency_ratio)
			put_percent(writer, part, "latencyRatio", guard->latency_ratio_ppm);
	}
	if (!cJSON_AddNumberToObject(object, "failures", guard->failures))
		writer->ok = false;
	put_string(writer, object, "onFailure", guard->pause_on_failure ? "Pause" : "Rollback");
	put_string(writer, object, "onSuccess", guard->next_on_success ? "Next" : "Wait");
}

static void put_service(struct writer *writer, cJSON *array, const struct gl_service_spec *service)
{
	cJSON *object = put_object(writer, array, NULL);

	put_string(writer, object, "name", service->name);
	put_string(writer, object, "protocol",
		   service->protocol == GL_PROTOCOL_HTTP ? "HTTP" : "TCP");
	put_addresses(writer, object, "frontends", &service->frontends);
	if (service->base.count)
		put_addresses(writer, put_object(writer, object, "base"), "addresses",
			      &service->base);
	if (service->gray.count)
		put_addresses(writer, put_object(writer, object, "gray"), "addresses",
			      &service->gray);
	put_string(writer, object, "propagation",
		   service->propagation == GL_PROPAGATION_TRACE ? "Trace" : "InFlight");
	put_string(writer, object, "fallback",
		   service->fallback == GL_FALLBACK_TO_BASE ? "Base" : "None");
}

static void put_spec(struct writer *writer, cJSON *spec, const struct gl_release_spec *release)
{
	cJSON *array;
	size_t i;

	put_string(writer, spec, "lane", release->lane);
	if (!cJSON_AddNumberToObject(spec, "priority", release->priority))
		writer->ok = false;
	put_version(writer, spec, &release->version);
	put_label(writer, spec, &release->label);
	if (release->nentries) {
		array = put_array(writer, spec, "entries");
		for (i = 0; i < release->nentries; i++)
			put_entry(writer, array, &release->entries[i]);
	}
	put_batches(writer, spec, release);
	if (release->guard)
		put_guard(writer, spec, release->guard);
	array = put_array(writer, spec, "services");
	for (i = 0; i < release->nservices; i++)
		put_service(writer, array, &release->services[i]);
}

cJSON *gl_policy_to_json(const struct gl_release_spec *release)
{
	struct writer writer = { .ok = true };
	cJSON *root = cJSON_CreateObject(), *metadata;

	if (!root)
		return NULL;
	put_string(&writer, root, "apiVersion", "graylink.dev/v1alpha1");
	put_string(&writer, root, "kind", "GrayRelease");
	metadata = put_object(&writer, root, "metadata");
	put_string(&writer, metadata, "name", release->name);
	put_string(&writer, metadata, "namespace", release->namespace);
	put_spec(&writer, put_object(&writer, root, "spec"), release);
	if (writer.ok)
		return root;
	cJSON_Delete(root);
	return NULL;
}
