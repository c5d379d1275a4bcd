// SPDX-License-Identifier: Apache-2.0
/* schema: the fields of kind GrayRelease, as tables. docs/policy.md says what each means. */
#include <string.h>

#include "policy/schema.h"

#define FIELD(type, member, name, fn) \
	{ \
		name, offsetof(type, member), fn, false, NULL \
	}
#define NEEDED(type, member, name, fn) \
	{ \
		name, offsetof(type, member), fn, true, NULL \
	}
#define LATER(name, hint) \
	{ \
		name, 0, NULL, false, hint \
	}

/* Lists of one kind of value. */
static void read_addresses(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_address_spec), 1,
						  GL_IMAGE_ENDPOINTS, gl_read_address,
						  "a list of addresses" };
	struct gl_addresses_spec *spec = out;

	spec->items = gl_read_list(reader, node, &list, &spec->count);
}

/* version ------------------------------------------------------------------------------------- */

static void read_images(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(char *), 1, 64, gl_read_string,
						  "a list of image names" };
	struct gl_version_spec *spec = out;

	spec->images = gl_read_list(reader, node, &list, &spec->nimages);
}

static void read_version(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		FIELD(struct gl_version_spec, name, "name", gl_read_string),
		FIELD(struct gl_version_spec, author, "author", gl_read_string),
		FIELD(struct gl_version_spec, summary, "summary", gl_read_string),
		{ "images", 0, read_images, false, NULL },
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
}

/* label --------------------------------------------------------------------------------------- */

static void read_trust(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_network_spec), 0,
						  GL_IMAGE_NETWORKS, gl_read_network,
						  "a list of networks" };
	struct gl_label_spec *spec = out;

	spec->trust = gl_read_list(reader, node, &list, &spec->ntrust);
	spec->trust_given = true;
}

static void read_strip(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	bool strip = false;

	gl_read_bool(reader, node, &strip);
	if (strip)
		gl_read_error(reader, node->pos,
			      "untrusted labels are ignored, but stay in the request",
			      "strip is not supported yet");
	*(bool *)out = strip;
}

static void read_label(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		FIELD(struct gl_label_spec, baggage_key, "baggageKey", gl_read_token),
		FIELD(struct gl_label_spec, header, "header", gl_read_header_name),
		{ "trust", 0, read_trust, false, NULL },
		FIELD(struct gl_label_spec, strip, "strip", read_strip),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct gl_label_spec *spec = out;

	gl_read_map(reader, node, &rules, spec);
	spec->pos = node->key->pos;
	if (spec->baggage_key && spec->header)
		gl_read_error(reader, spec->pos, NULL, "baggageKey and header exclude each other");
}

/* entries ------------------------------------------------------------------------------------- */

static void read_match_type(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "Exact",	"Present", "!RegularExpression",
					     "!Prefix", "!Suffix", "!Contains",
					     "!Absent" };
	int word = gl_read_enum(reader, node, words, sizeof(words) / sizeof(words[0]));

	*(enum gl_match_type *)out = word == 1 ? GL_MATCH_PRESENT : GL_MATCH_EXACT;
}

static void read_header_value(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	const char *text = gl_read_text(reader, node);

	if (!text)
		return;
	if (!node->len) {
		gl_read_error(reader, node->pos, "type: Present holds for every value",
			      "the value is empty");
		return;
	}
	if (strchr(text, '\n') || strchr(" \t", text[0]) || strchr(" \t", text[node->len - 1])) {
		gl_read_error(
			reader, node->pos, "white space around a header's value is not part of it",
			"no header can have this value: it begins or ends with white space, or holds a line end");
		return;
	}
	*(const char **)out = text;
}

static void read_header(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		NEEDED(struct gl_header_spec, name, "name", gl_read_header_name),
		FIELD(struct gl_header_spec, type, "type", read_match_type),
		FIELD(struct gl_header_spec, value, "value", read_header_value),
		LATER("not", "a match with lane: base keeps requests on base"),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct gl_header_spec *spec = out;
	size_t before = reader->diag->errors;

	gl_read_map(reader, node, &rules, spec);
	spec->pos = node->pos;
	if (reader->diag->errors > before)
		return;
	if (spec->type == GL_MATCH_EXACT && !spec->value)
		gl_read_error(reader, node->pos, "type: Present needs none",
			      "field \"value\" is missing");
	if (spec->type == GL_MATCH_PRESENT && spec->value)
		gl_read_error(reader, node->pos, "type: Exact compares it",
			      "type Present takes no value");
}

static void read_headers(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_header_spec), 1,
						  GL_IMAGE_CONDITIONS, read_header,
						  "a list of headers" };
	struct gl_match_spec *spec = out;

	spec->headers = gl_read_list(reader, node, &list, &spec->count);
}

/* Where a match's lane is written; compared with the release's lane when that is known. */
struct match_reading {
	struct gl_match_spec spec;
	const char *lane;
};

static void read_match(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		FIELD(struct match_reading, lane, "lane", gl_read_label_name),
		{ "headers", offsetof(struct match_reading, spec), read_headers, true, NULL },
		LATER("path", ""),
		LATER("method", ""),
		LATER("queryParams", ""),
		LATER("cookies", ""),
		LATER("host", ""),
		LATER("sourceCIDR", ""),
		LATER("source", ""),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct match_reading reading = { 0 };

	gl_read_map(reader, node, &rules, &reading);
	reading.spec.pos = node->pos;
	reading.spec.base = reading.lane && !strcmp(reading.lane, "base");
	/*
	 * Another lane's name would be that of another release. The release's own is what is meant
	 * without it.
	 */
	if (reading.lane && !reading.spec.base)
		gl_read_error(reader, node->pos, "leave it out for the release's own lane",
			      "lane can only be \"base\" here, found \"%s\"", reading.lane);
	*(struct gl_match_spec *)out = reading.spec;
}

static void read_matches(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_match_spec), 1, GL_IMAGE_MATCHES,
						  read_match, "a list of matches" };
	struct gl_entry_spec *spec = out;

	spec->matches = gl_read_list(reader, node, &list, &spec->nmatches);
}

struct sticky_reading {
	const char *header, *cookie;
};

static void read_sticky(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		FIELD(struct sticky_reading, header, "header", gl_read_header_name),
		FIELD(struct sticky_reading, cookie, "cookie", gl_read_token),
		LATER("source", "use {header: ...} or {cookie: ...}"),
		LATER("connection", "use {header: ...} or {cookie: ...}"),
		LATER("queryParam", "use {header: ...} or {cookie: ...}"),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct sticky_reading reading = { 0 };
	struct gl_sticky_spec *spec = out;
	size_t before = reader->diag->errors;

	gl_read_map(reader, node, &rules, &reading);
	spec->pos = node->pos;
	spec->kind = reading.header ? GL_STICKY_HEADER : GL_STICKY_COOKIE;
	spec->name = reading.header ? reading.header : reading.cookie;
	if (reader->diag->errors == before && !reading.header == !reading.cookie)
		gl_read_error(reader, node->pos, NULL,
			      "exactly one of header and cookie is needed");
}

static void read_stickies(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_sticky_spec), 1, GL_IMAGE_STICKY,
						  read_sticky, "a list of sticky keys" };
	struct gl_entry_spec *spec = out;

	spec->sticky = gl_read_list(reader, node, &list, &spec->nsticky);
}

static void read_entry(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		NEEDED(struct gl_entry_spec, service, "service", gl_read_label_name),
		{ "match", 0, read_matches, false, NULL },
		{ "sticky", 0, read_stickies, false, NULL },
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct gl_entry_spec *spec = out;

	gl_read_map(reader, node, &rules, spec);
	spec->pos = node->pos;
}

static void read_entries(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_entry_spec), 1, 1024, read_entry,
						  "a list of entries" };
	struct gl_release_spec *spec = out;

	spec->entries = gl_read_list(reader, node, &list, &spec->nentries);
}

/* batches ------------------------------------------------------------------------------------- */

static void read_batch(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		NEEDED(struct gl_batch_spec, weight_ppm, "weight", gl_read_percent),
		FIELD(struct gl_batch_spec, duration_ns, "duration", gl_read_duration),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
	((struct gl_batch_spec *)out)->pos = node->pos;
}

static void read_batches(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_batch_spec), 1, 1000, read_batch,
						  "a list of batches" };
	struct gl_release_spec *spec = out;

	spec->batches = gl_read_list(reader, node, &list, &spec->nbatches);
}

/* services ------------------------------------------------------------------------------------ */

static void read_protocol(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "HTTP", "TCP" };

	if (gl_read_enum(reader, node, words, 2) == GL_PROTOCOL_TCP)
		gl_read_error(reader, node->pos, NULL, "protocol TCP is not supported yet");
	*(enum gl_protocol *)out = GL_PROTOCOL_HTTP;
}

static void read_propagation(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "Trace", "!InFlight" };

	gl_read_enum(reader, node, words, 2);
	*(enum gl_propagation *)out = GL_PROPAGATION_TRACE;
}

static void read_fallback(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char *const words[] = { "Base", "None" };

	*(enum gl_fallback_mode *)out = gl_read_enum(reader, node, words, 2) == 1 ?
						GL_FALLBACK_TO_NONE :
						GL_FALLBACK_TO_BASE;
}

static void read_backend(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		{ "addresses", 0, read_addresses, true, NULL },
		LATER("selector",
		      "write the addresses: endpoints are not looked up by this version"),
		LATER("serviceRef",
		      "write the addresses: endpoints are not looked up by this version"),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
}

static void read_service(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		NEEDED(struct gl_service_spec, name, "name", gl_read_label_name),
		FIELD(struct gl_service_spec, protocol, "protocol", read_protocol),
		NEEDED(struct gl_service_spec, frontends, "frontends", read_addresses),
		FIELD(struct gl_service_spec, base, "base", read_backend),
		FIELD(struct gl_service_spec, gray, "gray", read_backend),
		FIELD(struct gl_service_spec, propagation, "propagation", read_propagation),
		FIELD(struct gl_service_spec, fallback, "fallback", read_fallback),
		LATER("serviceRef",
		      "write the frontends: services are not looked up by this version"),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);
	struct gl_service_spec *spec = out;

	gl_read_map(reader, node, &rules, spec);
	spec->pos = node->pos;
}

static void read_services(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_list list = { sizeof(struct gl_service_spec), 1,
						  GL_SERVICES_MAX - 1, read_service,
						  "a list of services" };
	struct gl_release_spec *spec = out;

	spec->services = gl_read_list(reader, node, &list, &spec->nservices);
}

/* spec, metadata, document -------------------------------------------------------------------- */

static void read_lane(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	struct gl_release_spec *spec = out;

	gl_read_label_name(reader, node, &spec->lane);
	spec->lane_pos = node->pos;
}

static void read_priority(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	int64_t value;

	if (gl_read_int(reader, node, -1000000, 1000000, &value))
		*(int32_t *)out = (int32_t)value;
}

static void read_spec(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		{ "lane", 0, read_lane, false, NULL },
		FIELD(struct gl_release_spec, priority, "priority", read_priority),
		FIELD(struct gl_release_spec, version, "version", read_version),
		FIELD(struct gl_release_spec, label, "label", read_label),
		{ "entries", 0, read_entries, false, NULL },
		{ "batches", 0, read_batches, false, NULL },
		FIELD(struct gl_release_spec, guard, "guard", gl_schema_read_guard),
		{ "services", 0, read_services, true, NULL },
		LATER("opaqueGrace", ""),
		LATER("staleAfter", ""),
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
}

/*
 * Labels and annotations: what Kubernetes tools put there has no meaning here; only the types are
 * checked.
 */
static void read_strings(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	const struct gl_node *child;
	size_t mark;

	(void)out;
	if (!gl_read_expect(reader, node, GL_NODE_MAP, "a mapping"))
		return;
	for (child = node->first; child; child = child->next) {
		mark = gl_read_enter(reader, child->key->text, 0);
		gl_read_expect(reader, child, GL_NODE_STRING, "a string");
		gl_read_leave(reader, mark);
	}
}

static void read_name(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	struct gl_release_spec *spec = out;

	gl_read_object_name(reader, node, &spec->name);
	if (!spec->lane_pos.line)
		spec->lane_pos = node->pos;
}

static void read_metadata(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct gl_read_rule fields[] = {
		{ "name", 0, read_name, true, NULL },
		FIELD(struct gl_release_spec, namespace, "namespace", gl_read_label_name),
		{ "labels", 0, read_strings, false, NULL },
		{ "annotations", 0, read_strings, false, NULL },
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	gl_read_map(reader, node, &rules, out);
}

static void read_nothing(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	(void)reader;
	(void)node;
	(void)out;
}

/* The value of a scalar field of a mapping, or NULL. */
static const struct gl_node *lookup(const struct gl_node *map, const char *name)
{
	const struct gl_node *child;

	for (child = map->first; child; child = child->next)
		if (!strcmp(child->key->text, name))
			return child;
	return NULL;
}

/*
 * Is the document what we read? Asked before its fields, as another kind's fields would all be
 * unknown.
 */
static bool check_kind(struct gl_reader *reader, const struct gl_node *document)
{
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{ "apiVersion", "graylink.dev/v1alpha1" },
		{ "kind", "GrayRelease" },
	};
	size_t before = reader->diag->errors, i, mark;
	char hint[64];

	if (!gl_read_expect(reader, document, GL_NODE_MAP, "a mapping"))
		return false;
	for (i = 0; i < 2; i++) {
		const struct gl_node *node = lookup(document, wanted[i].name);

		if (!node) {
			gl_read_error(reader, document->pos, NULL, "field \"%s\" is missing",
				      wanted[i].name);
			continue;
		}
		mark = gl_read_enter(reader, wanted[i].name, 0);
		snprintf(hint, sizeof(hint), "this version knows %s", wanted[i].value);
		if (gl_read_expect(reader, node, GL_NODE_STRING, "a string") &&
		    strcmp(node->text, wanted[i].value))
			gl_read_error(reader, node->pos, hint, "%s \"%.64s\" is not %s",
				      wanted[i].name, node->text,
				      strcmp(node->text, "HTTPRoute") ? "known" : "supported yet");
		gl_read_leave(reader, mark);
	}
	return reader->diag->errors == before;
}

bool gl_schema_read(struct gl_reader *reader, const struct gl_node *document,
		    struct gl_release_spec *spec)
{
	static const struct gl_read_rule fields[] = {
		{ "apiVersion", 0, read_nothing, true, NULL },
		{ "kind", 0, read_nothing, true, NULL },
		{ "metadata", 0, read_metadata, true, NULL },
		{ "spec", 0, read_spec, true, NULL },
	};
	static const struct gl_read_rules rules = GL_READ_RULES(fields);

	if (!check_kind(reader, document))
		return false;
	spec->pos = document->pos;
	spec->file = reader->file;
	gl_read_map(reader, document, &rules, spec);
	if (!spec->namespace)
		spec->namespace = "default";
	if (!spec->label.baggage_key && !spec->label.header)
		spec->label.baggage_key = "graylink";
	return true;
}
