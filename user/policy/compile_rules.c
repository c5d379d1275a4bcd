// SPDX-License-Identifier: Apache-2.0
/*
 * compile_rules: labels, the header names of each service, and the table of exact predicates. See
 * compile.h.
 */
#include <stdlib.h>
#include <string.h>

#include "core/value.h"
#include "policy/compile.h"

/* The header that a kind of label looks at. */
static const char *label_header(const struct gl_label_spec *label)
{
	return label->header ? label->header : "baggage";
}

static const char *label_key(const struct gl_label_spec *label)
{
	return label->header ? "" : label->baggage_key;
}

static bool same_label(const struct gl_label_spec *a, const struct gl_label_spec *b)
{
	return !a->header == !b->header && !strcmp(a->header ? a->header : a->baggage_key,
						   b->header ? b->header : b->baggage_key);
}

/* The first active release with each kind of label; returns how many kinds there are. */
static uint32_t label_kinds(struct gl_compiler *compiler, const struct gl_active **first,
			    bool report)
{
	uint32_t count = 0, kind;
	size_t i;

	for (i = 0; i < compiler->nactive; i++) {
		struct gl_active *active = &compiler->active[i];

		if (!active->steer.lane_active)
			continue;
		for (kind = 0; kind < count; kind++)
			if (same_label(&first[kind]->spec->label, &active->spec->label))
				break;
		active->label = kind;
		if (kind < count)
			continue;
		if (count < GL_IMAGE_LABELS)
			first[count++] = active;
		else if (report)
			gl_compile_error(compiler, active->spec, active->spec->label.pos,
					 "spec.label", "let releases share a label",
					 "more than %d different labels", GL_IMAGE_LABELS);
	}
	return count;
}

static void add_label_fields(struct gl_compiler *compiler, struct gl_fieldset *fields)
{
	const struct gl_active *first[GL_IMAGE_LABELS];
	uint32_t count = label_kinds(compiler, first, false), kind;

	for (kind = 0; kind < count; kind++)
		gl_compile_field(compiler, fields, label_header(&first[kind]->spec->label));
}

/* What a lane's name means in a label, and who may say it. */
static void write_label(struct gl_compiler *compiler, const struct gl_active *active)
{
	const struct gl_label_spec *label = &active->spec->label;
	uint32_t off = gl_compile_alloc(compiler, sizeof(struct gl_image_predicate));
	uint32_t value = gl_compile_copy(compiler, active->spec->lane, strlen(active->spec->lane));
	uint32_t list = gl_compile_alloc(compiler, label->ntrust * sizeof(struct gl_image_network));
	struct gl_image_predicate *predicate;
	struct gl_image_network *networks;
	size_t i;

	if (!off || !value || !list)
		return;
	predicate = gl_compile_at(compiler, off);
	predicate->field = active->label + 1;
	predicate->value_off = value;
	predicate->value_len = (u16)strlen(active->spec->lane);
	predicate->lane = (u16)active->lane;
	predicate->flags = label->trust_given ? GL_PREDICATE_TRUST : 0;
	predicate->list_off = list;
	predicate->list_count = (u16)label->ntrust;
	networks = gl_compile_at(compiler, list);
	for (i = 0; i < label->ntrust; i++) {
		networks[i].addr = label->trust[i].addr;
		networks[i].mask = label->trust[i].mask;
	}
	gl_compile_add_exact(compiler, active->spec->lane, predicate->field, off);
}

void gl_compile_labels(struct gl_compiler *compiler)
{
	const struct gl_active *first[GL_IMAGE_LABELS];
	struct gl_image_head *head = &compiler->image->head;
	struct gl_fieldset fields = { 0 };
	struct gl_image_member *members;
	uint32_t kind;
	size_t i;

	head->nlabels = label_kinds(compiler, first, true);
	head->labels_off = gl_compile_alloc(compiler, GL_IMAGE_LABELS * sizeof(*members));
	if (!head->labels_off)
		return;
	members = gl_compile_at(compiler, head->labels_off);
	for (kind = 0; kind < head->nlabels; kind++) {
		const struct gl_label_spec *label = &first[kind]->spec->label;
		const char *key = label_key(label);

		members[kind].field =
			(u8)(gl_compile_field(compiler, &fields, label_header(label)) + 1);
		members[kind].kind = label->header ? GL_MEMBER_LINE : GL_MEMBER_BAGGAGE;
		members[kind].key_len = (u16)strlen(key);
		members[kind].key_off = *key ? gl_compile_copy(compiler, key, strlen(key)) : 0;
	}
	compiler->next_field = head->nlabels + 1;
	for (i = 0; i < compiler->nactive; i++)
		if (compiler->active[i].steer.lane_active)
			write_label(compiler, &compiler->active[i]);
}

/* Fields -------------------------------------------------------------------------------------- */

uint32_t gl_compile_field(struct gl_compiler *compiler, struct gl_fieldset *fields,
			  const char *name)
{
	uint32_t i;

	for (i = 0; i < fields->count; i++)
		if (!strcmp(fields->names[i], name))
			return i;
	if (i == GL_IMAGE_FIELDS) {
		fields->overflow = true;
		return 0;
	}
	fields->names[i] = name;
	fields->id[i] = compiler->next_field++;
	fields->count++;
	return i;
}

/*
 * Chains the names by the low byte of their hash; false: a chain is longer than a decision walks.
 */
static bool write_field(struct gl_image_fields *out, struct gl_image_field *records,
			uint32_t number, uint32_t hash)
{
	uint32_t at = out->slot[hash & 255], length = 1;

	out->interest[hash >> 6 & 3] |= 1ULL << (hash & 63);
	records[number].hash = hash;
	if (!at) {
		out->slot[hash & 255] = (u8)(number + 1);
		return true;
	}
	while (records[at - 1].next) {
		at = records[at - 1].next;
		length++;
	}
	records[at - 1].next = (u8)(number + 1);
	return length < GL_IMAGE_CHAIN;
}

/* Writes the names of a service; returns their offset. */
static uint32_t write_fields(struct gl_compiler *compiler, const struct gl_fieldset *fields,
			     const struct gl_release_spec *spec)
{
	uint32_t off =
		gl_compile_alloc(compiler, sizeof(struct gl_image_fields) +
						   fields->count * sizeof(struct gl_image_field));
	struct gl_image_fields *out;
	struct gl_image_field *records;
	uint32_t i;

	if (!off)
		return 0;
	out = gl_compile_at(compiler, off);
	records = (struct gl_image_field *)(out + 1);
	out->count = fields->count;
	out->traceparent = (u8)fields->traceparent;
	for (i = 0; i < fields->count; i++) {
		size_t len = strlen(fields->names[i]);

		records[i].name_off = gl_compile_copy(compiler, fields->names[i], len);
		records[i].name_len = (u16)len;
		records[i].id = fields->id[i];
		records[i].present_off = fields->present_off[i];
		records[i].exact = fields->exact[i];
		if (!write_field(out, records, i, gl_hash_name(fields->names[i], (u32)len)))
			gl_compile_error(compiler, spec, spec->pos, "spec.entries",
					 "name another header instead",
					 "header names collide at \"%s\"", fields->names[i]);
	}
	return off;
}

/* Services ------------------------------------------------------------------------------------ */

/* What the releases say of one service. */
struct service {
	const struct gl_release_spec *spec;	/* the first that names it */
	bool entry;
};

static uint32_t collect_services(const struct gl_compiler *compiler, struct service *services)
{
	uint32_t max = 0;
	size_t i, j, k;

	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_active *active = &compiler->active[i];

		for (j = 0; j < active->spec->nservices; j++) {
			struct service *service = &services[active->services[j]];

			if (active->services[j] > max)
				max = active->services[j];
			if (!service->spec)
				service->spec = active->spec;
		}
		for (k = 0; active->steer.lane_active && k < active->spec->nentries; k++)
			services[gl_ids_service(compiler->ids, active->spec->namespace,
						active->spec->entries[k].service)]
				.entry = true;
	}
	return max;
}

static void compile_service(struct gl_compiler *compiler, const struct service *service,
			    uint32_t id, uint32_t record_off)
{
	struct gl_image_service *record;
	struct gl_fieldset fields = { 0 };
	uint32_t entry, off, odds;

	record = gl_compile_at(compiler, record_off + id * (uint32_t)sizeof(*record));
	record->flags = GL_SERVICE_PRESENT | GL_SERVICE_HTTP |
			(service->entry ? GL_SERVICE_ENTRY : 0);
	record->fields_off = compiler->label_fields_off;
	if (!service->entry)
		return;
	add_label_fields(compiler, &fields);
	entry = gl_compile_entry(compiler, id, &fields);
	if (fields.overflow) {
		gl_compile_error(compiler, service->spec, service->spec->pos, "spec.entries", NULL,
				 "service %s needs more than %d different header names",
				 gl_ids_service_name(compiler->ids, id), GL_IMAGE_FIELDS);
		return;
	}
	off = write_fields(compiler, &fields, service->spec);
	odds = entry ? gl_compile_odds(compiler, entry) : 0;
	record->fields_off = off;
	record->entry_off = entry;
	record->odds_lane = (u16)odds;
}

void gl_compile_services(struct gl_compiler *compiler)
{
	struct service *services = calloc(GL_SERVICES_MAX, sizeof(*services));
	struct gl_image_head *head = &compiler->image->head;
	struct gl_fieldset fields = { 0 };
	uint32_t id;

	if (!services) {
		compiler->failed = true;
		return;
	}
	head->nservices = collect_services(compiler, services) + 1;
	head->services_off =
		gl_compile_alloc(compiler, head->nservices * sizeof(struct gl_image_service));
	add_label_fields(compiler, &fields);
	if (compiler->nactive)
		compiler->label_fields_off =
			write_fields(compiler, &fields, compiler->active[0].spec);
	for (id = 1; head->services_off && id < head->nservices; id++)
		if (services[id].spec)
			compile_service(compiler, &services[id], id, head->services_off);
	free(services);
}

/* Exacts -------------------------------------------------------------------------------------- */

void gl_compile_add_exact(struct gl_compiler *compiler, const char *value, uint32_t field,
			  uint32_t predicate_off)
{
	uint64_t hash = 0;
	struct gl_exact *grown;
	size_t size;

	if (compiler->nexacts == compiler->exacts_size) {
		size = compiler->exacts_size ? 2 * compiler->exacts_size : 64;
		grown = realloc(compiler->exacts, size * sizeof(*grown));
		if (!grown) {
			compiler->failed = true;
			return;
		}
		compiler->exacts = grown;
		compiler->exacts_size = size;
	}
	/* Byte by byte; the kernel's eight at a time are the same polynomial. */
	for (; *value; value++)
		hash = gl_value_hash_byte(hash, (unsigned char)*value);
	compiler->exacts[compiler->nexacts++] = (struct gl_exact){ hash, field, predicate_off };
}

static uint32_t exact_hash(const void *elements, size_t i, uint32_t seed)
{
	const struct gl_exact *exact = (const struct gl_exact *)elements + i;

	return gl_value_hash_end(exact->hash, exact->field, seed);
}

static void exact_write(const void *elements, size_t i, uint32_t hash, void *slot)
{
	struct gl_image_exact *out = slot;

	out->hash = hash;
	out->predicate_off = ((const struct gl_exact *)elements)[i].predicate_off;
}

void gl_compile_exacts(struct gl_compiler *compiler)
{
	struct gl_table_plan plan = {
		.count = compiler->nexacts,
		.size = sizeof(struct gl_image_exact),
		.elements = compiler->exacts,
		.unique = true,
		.hash = exact_hash,
		.write = exact_write,
	};

	gl_compile_table(compiler, &compiler->image->head.exacts, &plan);
}
