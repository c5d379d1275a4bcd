// SPDX-License-Identifier: Apache-2.0
/*
 * check: what must hold between the fields of a release, and between releases of one file. See
 * schema.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/schema.h"

/* The path of a field that was read before: "spec.services[1].gray.addresses[0]". */
__attribute__((format(printf, 2, 3))) static void at(struct gl_reader *reader, const char *format,
						     ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(reader->path, GL_READ_PATH, format, args);
	va_end(args);
	reader->path_len = len < 0 ? 0 : len < GL_READ_PATH ? (size_t)len : GL_READ_PATH - 1;
	reader->path[reader->path_len] = '\0';
}

static const struct gl_service_spec *find_service(const struct gl_release_spec *spec,
						  const char *name)
{
	size_t i;

	for (i = 0; i < spec->nservices; i++)
		if (!strcmp(spec->services[i].name, name))
			return &spec->services[i];
	return NULL;
}

/* Lane ---------------------------------------------------------------------------------------- */

static void check_lane(struct gl_reader *reader, struct gl_release_spec *spec, bool clean)
{
	if (!spec->lane && (!spec->name || !clean))
		return;
	if (!spec->lane) {
		at(reader, "metadata.name");
		spec->lane = spec->name;
		if (strchr(spec->name, '.') || strlen(spec->name) > 63)
			gl_read_error(
				reader, spec->lane_pos, "name the lane in spec.lane",
				"\"%.64s\" cannot be the lane's name, too: a lane is a DNS label",
				spec->name);
	} else {
		at(reader, "spec.lane");
	}
	if (!strcmp(spec->lane, "base"))
		gl_read_error(reader, spec->lane_pos, NULL,
			      "\"base\" is the lane of everything else");
}

/* Services and addresses ---------------------------------------------------------------------- */

enum role { ROLE_FRONTEND, ROLE_BASE, ROLE_GRAY };

/*
 * One address in one of its roles; all of a release are sorted by address to find those that meet.
 */
struct use {
	const struct gl_address_spec *address;
	size_t service, index;
	enum role role;
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int diff = memcmp(&x->address->addr, &y->address->addr, sizeof(x->address->addr));

	if (!diff)
		diff = (int)x->address->port - (int)y->address->port;
	if (!diff)
		diff = x->service < y->service ? -1 : x->service > y->service;
	if (!diff)
		diff = (int)x->role - (int)y->role;
	return diff ? diff : x->index < y->index ? -1 : 1;
}

static bool same_address(const struct use *a, const struct use *b)
{
	return a->address->port == b->address->port &&
	       !memcmp(&a->address->addr, &b->address->addr, sizeof(a->address->addr));
}

/*
 * Why two uses of one address exclude each other, or NULL. Base pods may be frontends (dialled
 * directly).
 */
static const char *clash(const struct use *a, const struct use *b)
{
	if (a->role == b->role) {
		if (a->service == b->service)
			return "twice in this list";
		return a->role == ROLE_FRONTEND ? "a frontend of another service, too" : NULL;
	}
	if (a->role != ROLE_GRAY && b->role != ROLE_GRAY)
		return NULL;
	if (a->role == ROLE_FRONTEND || b->role == ROLE_FRONTEND)
		return "a frontend and a gray endpoint at once";
	return a->service == b->service ? "a base and a gray endpoint at once" : NULL;
}

static const char *role_name(enum role role)
{
	return role == ROLE_FRONTEND ? "frontends" :
	       role == ROLE_BASE     ? "base.addresses" :
				       "gray.addresses";
}

/* Reports against the one that stands later in the text. */
static void report_clash(struct gl_reader *reader, const struct use *a, const struct use *b)
{
	const char *why = clash(a, b);

	if (!why)
		return;
	if (a->address->pos.line > b->address->pos.line ||
	    (a->address->pos.line == b->address->pos.line &&
	     a->address->pos.column > b->address->pos.column)) {
		const struct use *swap = a;

		a = b;
		b = swap;
	}
	at(reader, "spec.services[%zu].%s[%zu]", b->service, role_name(b->role), b->index);
	gl_read_error(reader, b->address->pos, NULL, "%s is %s; the other stands in line %u",
		      b->address->text, why, a->address->pos.line);
}

static size_t collect(struct use *uses, size_t service, enum role role,
		      const struct gl_addresses_spec *list)
{
	size_t count = 0, i;

	for (i = 0; i < list->count; i++)
		if (list->items[i].text)
			uses[count++] = (struct use){ &list->items[i], service, i, role };
	return count;
}

static void check_addresses(struct gl_reader *reader, const struct gl_release_spec *spec)
{
	size_t count = 0, i, j;
	struct use *uses;

	for (i = 0; i < spec->nservices; i++)
		count += spec->services[i].frontends.count + spec->services[i].base.count +
			 spec->services[i].gray.count;
	uses = calloc(count + 1, sizeof(*uses));
	if (!uses) {
		reader->failed = true;
		return;
	}
	for (i = 0, count = 0; i < spec->nservices; i++) {
		count += collect(uses + count, i, ROLE_FRONTEND, &spec->services[i].frontends);
		count += collect(uses + count, i, ROLE_BASE, &spec->services[i].base);
		count += collect(uses + count, i, ROLE_GRAY, &spec->services[i].gray);
	}
	qsort(uses, count, sizeof(*uses), compare_uses);
	/*
	 * Of many uses of one address each is compared with the first and with the one before it:
	 * enough to name it.
	 */
	for (i = 0, j = 0; i < count; i++) {
		if (!same_address(&uses[i], &uses[j]))
			j = i;
		if (i == j)
			continue;
		if (clash(&uses[j], &uses[i]))
			report_clash(reader, &uses[j], &uses[i]);
		else if (i - 1 != j)
			report_clash(reader, &uses[i - 1], &uses[i]);
	}
	free(uses);
}

static int compare_services(const void *a, const void *b)
{
	const struct gl_service_spec *x = *(const struct gl_service_spec *const *)a;
	const struct gl_service_spec *y = *(const struct gl_service_spec *const *)b;
	int diff = strcmp(x->name, y->name);

	return diff ? diff : x < y ? -1 : 1;
}

static void check_services(struct gl_reader *reader, const struct gl_release_spec *spec, bool clean)
{
	const struct gl_service_spec **sorted = calloc(spec->nservices + 1, sizeof(*sorted));
	bool gray = false;
	size_t count = 0, i;

	if (!sorted) {
		reader->failed = true;
		return;
	}
	for (i = 0; i < spec->nservices; i++) {
		if (spec->services[i].name)
			sorted[count++] = &spec->services[i];
		gray |= spec->services[i].gray.count > 0;
	}
	qsort(sorted, count, sizeof(*sorted), compare_services);
	for (i = 1; i < count; i++) {
		if (strcmp(sorted[i]->name, sorted[i - 1]->name))
			continue;
		at(reader, "spec.services[%zu].name", (size_t)(sorted[i] - spec->services));
		gl_read_error(reader, sorted[i]->pos, NULL,
			      "service \"%s\" occurs twice; the other stands in line %u",
			      sorted[i]->name, sorted[i - 1]->pos.line);
	}
	free(sorted);
	at(reader, "spec.services");
	if (!gray && clean)
		gl_read_error(reader, spec->services[0].pos,
			      "give gray: {addresses: [...]} to at least one",
			      "no service has a gray version");
}

/* Entries ------------------------------------------------------------------------------------- */

static void check_match(struct gl_reader *reader, const struct gl_match_spec *match, size_t entry,
			size_t index)
{
	size_t i, j;

	for (i = 0; i < match->count; i++) {
		for (j = 0; j < i && match->headers[i].name; j++) {
			if (!match->headers[j].name ||
			    strcmp(match->headers[i].name, match->headers[j].name))
				continue;
			at(reader, "spec.entries[%zu].match[%zu].headers[%zu].name", entry, index,
			   i);
			gl_read_error(reader, match->headers[i].pos,
				      "for one value or the other write two matches",
				      "header \"%s\" occurs twice in one match",
				      match->headers[i].name);
			break;
		}
	}
}

/* An entry whose service is named nowhere. */
static void unknown_service(struct gl_reader *reader, const struct gl_release_spec *spec,
			    const struct gl_entry_spec *entry)
{
	const char **names = calloc(spec->nservices + 1, sizeof(*names)), *near = NULL;
	char hint[96];
	size_t i;

	for (i = 0; names && i < spec->nservices; i++)
		names[i] = spec->services[i].name;
	if (names)
		near = gl_read_nearest(entry->service, names, spec->nservices);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean %s?", near);
	gl_read_error(reader, entry->pos, near ? hint : "every entry is one of spec.services",
		      "no service is named \"%s\"", entry->service);
	free(names);
}

static void check_entry(struct gl_reader *reader, const struct gl_release_spec *spec, size_t index,
			bool clean)
{
	const struct gl_entry_spec *entry = &spec->entries[index];
	const struct gl_service_spec *service;
	size_t i;

	for (i = 0; i < entry->nmatches; i++)
		check_match(reader, &entry->matches[i], index, i);
	if (!entry->service)
		return;
	at(reader, "spec.entries[%zu].service", index);
	for (i = 0; i < index; i++)
		if (spec->entries[i].service && !strcmp(spec->entries[i].service, entry->service))
			gl_read_error(reader, entry->pos, NULL,
				      "service \"%s\" has two entries; the first is in line %u",
				      entry->service, spec->entries[i].pos.line);
	/* Where the services have errors of their own, the one that is meant may be among these. */
	if (!clean)
		return;
	service = find_service(spec, entry->service);
	if (!service)
		unknown_service(reader, spec, entry);
	else if (!service->gray.count)
		gl_read_warn(
			reader, entry->pos, "make the first service with a gray version the entry",
			"service \"%s\" has no gray version: a colour given here reaches the "
			"next hop only if the service forwards a label, as this version inserts "
			"none",
			entry->service);
}

/* Batches ------------------------------------------------------------------------------------- */

/*
 * Appends the last batch of 100 %, or makes both of a release that has none: rules only, then all.
 */
static void imply_batches(struct gl_reader *reader, struct gl_release_spec *spec)
{
	size_t n = spec->nbatches;
	struct gl_batch_spec *batches;

	if (n && spec->batches[n - 1].weight_ppm == GL_WEIGHT_ONE)
		return;
	batches = gl_arena_alloc(reader->arena, (n + 2) * sizeof(*batches));
	if (!batches) {
		reader->failed = true;
		return;
	}
	if (n)
		memcpy(batches, spec->batches, n * sizeof(*batches));
	else
		batches[n++] = (struct gl_batch_spec){ .pos = spec->pos, .implied = true };
	batches[n] = (struct gl_batch_spec){ .pos = batches[n - 1].pos,
					     .weight_ppm = GL_WEIGHT_ONE,
					     .implied = true };
	spec->batches = batches;
	spec->nbatches = n + 1;
}

static void check_batches(struct gl_reader *reader, struct gl_release_spec *spec)
{
	const struct gl_batch_spec *partial = NULL;
	size_t i;

	for (i = 0; i < spec->nbatches; i++) {
		const struct gl_batch_spec *batch = &spec->batches[i];

		if (!partial && batch->weight_ppm && batch->weight_ppm < GL_WEIGHT_ONE)
			partial = batch;
		if (i && batch->weight_ppm < batch[-1].weight_ppm) {
			at(reader, "spec.batches[%zu].weight", i);
			gl_read_warn(
				reader, batch->pos, NULL,
				"this batch is smaller than the one before: users go back to base");
		}
	}
	imply_batches(reader, spec);
	for (i = 0; i < spec->nentries; i++) {
		if (!partial || spec->entries[i].nsticky)
			continue;
		at(reader, "spec.entries[%zu]", i);
		gl_read_warn(
			reader, spec->entries[i].pos,
			"sticky: [{header: x-user-id}] keeps a user on one side",
			"no sticky key: each trace or request is decided by itself, so that a browser mixes both versions");
	}
}

void gl_check_release(struct gl_reader *reader, struct gl_release_spec *spec, bool clean)
{
	size_t i;

	check_lane(reader, spec, clean);
	check_services(reader, spec, clean);
	check_addresses(reader, spec);
	for (i = 0; i < spec->nentries; i++)
		check_entry(reader, spec, i, clean);
	if (clean)
		check_batches(reader, spec);
	at(reader, "spec.entries");
	if (clean && !spec->nentries)
		gl_read_warn(reader, spec->pos, NULL,
			     "there is no entry: only labels and calling pods give requests this "
			     "lane");
	at(reader, "%s", "");
}

void gl_check_beside(struct gl_reader *reader, const struct gl_release_spec *before, size_t n,
		     const struct gl_release_spec *spec)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(before[i].namespace, spec->namespace) &&
		    !strcmp(before[i].name, spec->name)) {
			at(reader, "metadata.name");
			gl_read_error(reader, spec->pos, NULL,
				      "release %s/%s occurs twice; the first begins in line %u",
				      spec->namespace, spec->name, before[i].pos.line);
		} else if (!strcmp(before[i].lane, spec->lane)) {
			at(reader, spec->lane == spec->name ? "metadata.name" : "spec.lane");
			gl_read_error(reader, spec->lane_pos, "every release has a lane of its own",
				      "lane \"%s\" is that of release %s/%s, too (line %u)",
				      spec->lane, before[i].namespace, before[i].name,
				      before[i].lane_pos.line);
		}
	}
	at(reader, "%s", "");
}
