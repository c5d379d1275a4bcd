// SPDX-License-Identifier: Apache-2.0
/*
 * compile_tables: hash tables of the image, and those that hold addresses: frontends, origins,
 * lanes. See compile.h.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool all_differ(const uint32_t *hashes, uint32_t *scratch, size_t count)
{
	size_t i;

	memcpy(scratch, hashes, count * sizeof(*hashes));
	qsort(scratch, count, sizeof(*scratch), compare_u32);
	for (i = 1; i < count; i++)
		if (scratch[i] == scratch[i - 1])
			return false;
	return true;
}

/*
 * Places all elements within their probes; @slots[element] is where. False: some element found
 * none.
 */
static bool arrange(const uint32_t *hashes, size_t count, uint32_t mask, uint8_t *taken,
		    uint32_t *slots)
{
	size_t i;
	uint32_t probe;

	memset(taken, 0, (size_t)mask + GL_IMAGE_PROBES);
	for (i = 0; i < count; i++) {
		for (probe = 0; probe < GL_IMAGE_PROBES; probe++)
			if (!taken[(hashes[i] & mask) + probe])
				break;
		if (probe == GL_IMAGE_PROBES)
			return false;
		slots[i] = (hashes[i] & mask) + probe;
		taken[slots[i]] = 1;
	}
	return true;
}

/*
 * Tries a few seeds, then a table of twice the size. At half load the longest run of some 20,000
 * elements is rarely under eight; at an eighth it nearly always is.
 */
static bool search(const struct gl_table_plan *plan, uint32_t *mask, uint32_t *seed,
		   uint32_t *hashes, uint32_t *slots)
{
	uint32_t slots_max = 8;
	size_t i;

	while (slots_max < 2 * plan->count)
		slots_max *= 2;
	for (; slots_max <= GL_IMAGE_SIZE / 4; slots_max *= 2) {
		uint8_t *taken = malloc((size_t)slots_max + GL_IMAGE_PROBES);

		if (!taken)
			return false;
		for (*seed = 1; *seed <= 16; ++*seed) {
			for (i = 0; i < plan->count; i++)
				hashes[i] = plan->hash(plan->elements, i, *seed);
			if (plan->unique && !all_differ(hashes, slots, plan->count))
				continue;
			if (arrange(hashes, plan->count, slots_max - 1, taken, slots)) {
				*mask = slots_max - 1;
				free(taken);
				return true;
			}
		}
		free(taken);
	}
	return false;
}

void gl_compile_table(struct gl_compiler *compiler, struct gl_image_table *table,
		      const struct gl_table_plan *plan)
{
	uint32_t *hashes = calloc(plan->count + 1, sizeof(*hashes));
	uint32_t *slots = calloc(plan->count + 1, sizeof(*slots));
	uint32_t mask, seed;
	size_t i;

	if (!hashes || !slots) {
		compiler->failed = true;
	} else if (!search(plan, &mask, &seed, hashes, slots)) {
		compiler->full = true;
	} else {
		table->off =
			gl_compile_alloc(compiler, ((size_t)mask + GL_IMAGE_PROBES) * plan->size);
		table->mask = mask;
		table->seed = seed;
		table->count = (uint32_t)plan->count;
		for (i = 0; table->off && i < plan->count; i++)
			plan->write(plan->elements, i, hashes[i],
				    gl_compile_at(compiler,
						  table->off + slots[i] * (uint32_t)plan->size));
	}
	free(hashes);
	free(slots);
}

/* Frontends ----------------------------------------------------------------------------------- */

struct frontend {
	const struct gl_address_spec *address;
	const struct gl_active *active;
	uint32_t service;
	bool gray;		/* not a frontend but a gray endpoint: only for the check */
};

static int compare_addresses(const struct gl_address_spec *a, const struct gl_address_spec *b)
{
	int diff = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return diff ? diff : (int)a->port - (int)b->port;
}

static int compare_frontends(const void *a, const void *b)
{
	const struct frontend *x = a, *y = b;
	int diff = compare_addresses(x->address, y->address);

	if (!diff)
		diff = x->service < y->service ? -1 : x->service > y->service;
	if (!diff)
		diff = (int)x->gray - (int)y->gray;
	return diff ? diff : x->address < y->address ? -1 : x->address > y->address;
}

static uint32_t frontend_hash(const void *elements, size_t i, uint32_t seed)
{
	const struct frontend *frontend = (const struct frontend *)elements + i;

	return gl_image_hash_addr(seed, &frontend->address->addr,
				  gl_htons(frontend->address->port));
}

static void frontend_write(const void *elements, size_t i, uint32_t hash, void *slot)
{
	const struct frontend *frontend = (const struct frontend *)elements + i;
	struct gl_image_frontend *out = slot;

	(void)hash;
	out->addr = frontend->address->addr;
	out->port = gl_htons(frontend->address->port);
	out->service = (u16)frontend->service;
}

static size_t collect_frontends(const struct gl_compiler *compiler, struct frontend *out)
{
	size_t count = 0, i, j, k;

	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_active *active = &compiler->active[i];

		for (j = 0; j < active->spec->nservices; j++) {
			const struct gl_service_spec *service = &active->spec->services[j];

			for (k = 0; k < service->frontends.count + service->gray.count;
			     k++, count++) {
				bool gray = k >= service->frontends.count;

				if (!out)
					continue;
				out[count] = (struct frontend){
					gray ? &service->gray.items[k - service->frontends.count] :
					       &service->frontends.items[k],
					active, active->services[j], gray
				};
			}
		}
	}
	return count;
}

/* Two uses of one address by different releases that cannot both be right. */
static void check_frontends(struct gl_compiler *compiler, const struct frontend *a,
			    const struct frontend *b)
{
	const struct gl_release_spec *spec = b->active->spec, *other = a->active->spec;

	if (compare_addresses(a->address, b->address) || (a->gray && b->gray) ||
	    (a->gray == b->gray && a->service == b->service))
		return;
	gl_compile_error(
		compiler, spec, b->address->pos, "spec.services", NULL,
		a->gray || b->gray ?
			"%s is a frontend and a gray endpoint at once (%s and %s, release %s/%s)" :
			"%s is a frontend of two services (%s and %s, release %s/%s)",
		b->address->text, gl_ids_service_name(compiler->ids, b->service),
		gl_ids_service_name(compiler->ids, a->service), other->namespace, other->name);
}

void gl_compile_frontends(struct gl_compiler *compiler)
{
	size_t count = collect_frontends(compiler, NULL), unique = 0, i;
	struct frontend *all = calloc(count + 1, sizeof(*all));
	struct gl_table_plan plan = {
		.size = sizeof(struct gl_image_frontend),
		.elements = all,
		.hash = frontend_hash,
		.write = frontend_write,
	};

	if (!all) {
		compiler->failed = true;
		return;
	}
	collect_frontends(compiler, all);
	qsort(all, count, sizeof(*all), compare_frontends);
	for (i = 0; i < count; i++) {
		if (i)
			check_frontends(compiler, &all[i - 1], &all[i]);
	}
	for (i = 0; i < count; i++) {
		if (all[i].gray ||
		    (unique && !compare_addresses(all[unique - 1].address, all[i].address)))
			continue;
		all[unique++] = all[i];
	}
	plan.count = unique;
	gl_compile_table(compiler, &compiler->image->head.frontends, &plan);
	free(all);
}

/* Origins ------------------------------------------------------------------------------------- */

struct origin {
	const struct gl_addr *addr;
	uint32_t lane;
};

static int compare_origins(const void *a, const void *b)
{
	const struct origin *x = a, *y = b;
	int diff = memcmp(x->addr, y->addr, sizeof(*x->addr));

	return diff ? diff : x->lane < y->lane ? -1 : x->lane > y->lane;
}

static uint32_t origin_hash(const void *elements, size_t i, uint32_t seed)
{
	return gl_image_hash_addr(seed, ((const struct origin *)elements)[i].addr, 0);
}

static void origin_write(const void *elements, size_t i, uint32_t hash, void *slot)
{
	const struct origin *origin = (const struct origin *)elements + i;
	struct gl_image_origin *out = slot;

	(void)hash;
	out->addr = *origin->addr;
	out->lane = (u16)origin->lane;
	out->used = 1;
}

static size_t collect_origins(const struct gl_compiler *compiler, struct origin *out)
{
	size_t count = 0, i, j, k;

	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_active *active = &compiler->active[i];

		for (j = 0; j < active->spec->nservices; j++) {
			const struct gl_service_spec *service = &active->spec->services[j];

			for (k = 0; k < service->base.count; k++, count++)
				if (out)
					out[count] = (struct origin){ &service->base.items[k].addr,
								      GL_LANE_BASE };
			for (k = 0; active->steer.lane_active && k < service->gray.count;
			     k++, count++)
				if (out)
					out[count] = (struct origin){ &service->gray.items[k].addr,
								      active->lane };
		}
	}
	return count;
}

/*
 * An address of one lane only is of that lane; one of several, or of a base pod, tells nothing and
 * is left out.
 */
void gl_compile_origins(struct gl_compiler *compiler)
{
	size_t count = collect_origins(compiler, NULL), kept = 0, i, j;
	struct origin *all = calloc(count + 1, sizeof(*all));
	struct gl_table_plan plan = {
		.size = sizeof(struct gl_image_origin),
		.elements = all,
		.hash = origin_hash,
		.write = origin_write,
	};

	if (!all) {
		compiler->failed = true;
		return;
	}
	collect_origins(compiler, all);
	qsort(all, count, sizeof(*all), compare_origins);
	for (i = 0; i < count; i = j) {
		struct origin first = all[i];

		for (j = i + 1; j < count && !memcmp(all[j].addr, first.addr, sizeof(*first.addr));
		     j++)
			;
		if (first.lane != GL_LANE_BASE && all[j - 1].lane == first.lane)
			all[kept++] = first;
	}
	plan.count = kept;
	gl_compile_table(compiler, &compiler->image->head.origins, &plan);
	free(all);
}

/* Lanes --------------------------------------------------------------------------------------- */

static uint32_t lane_hash(const void *elements, size_t i, uint32_t seed)
{
	return gl_image_mix(seed, ((const struct gl_image_lane *)elements)[i].key);
}

static void lane_write(const void *elements, size_t i, uint32_t hash, void *slot)
{
	(void)hash;
	*(struct gl_image_lane *)slot = ((const struct gl_image_lane *)elements)[i];
}

/* The lane's endpoints: IPv4 first, then IPv6, each in the order of the file. */
static void write_endpoints(struct gl_compiler *compiler, const struct gl_addresses_spec *list,
			    struct gl_image_lane *lane)
{
	struct gl_endpoint_key *out;
	size_t i, family;

	lane->endpoints_off = gl_compile_alloc(compiler, list->count * sizeof(*out));
	if (!lane->endpoints_off)
		return;
	out = gl_compile_at(compiler, lane->endpoints_off);
	for (family = 0; family < 2; family++) {
		for (i = 0; i < list->count; i++) {
			if (gl_image_is_ipv4(&list->items[i].addr) != !family)
				continue;
			out->addr = list->items[i].addr;
			out->port = gl_htons(list->items[i].port);
			out++;
			lane->count[family]++;
		}
	}
}

static bool is_entry(const struct gl_release_spec *spec, const char *service)
{
	size_t i;

	for (i = 0; i < spec->nentries; i++)
		if (!strcmp(spec->entries[i].service, service))
			return true;
	return false;
}

void gl_compile_lanes(struct gl_compiler *compiler)
{
	struct gl_table_plan plan = { .size = sizeof(struct gl_image_lane),
				      .hash = lane_hash,
				      .write = lane_write };
	struct gl_image_lane *all;
	size_t count = 0, i, j;

	for (i = 0; i < compiler->nactive; i++)
		count += compiler->active[i].spec->nservices;
	all = calloc(count + 1, sizeof(*all));
	if (!all) {
		compiler->failed = true;
		return;
	}
	for (i = 0, count = 0; i < compiler->nactive; i++) {
		const struct gl_active *active = &compiler->active[i];

		for (j = 0; active->steer.lane_active && j < active->spec->nservices; j++) {
			const struct gl_service_spec *service = &active->spec->services[j];
			struct gl_image_lane *lane = &all[count];

			lane->key = active->services[j] << 16 | active->lane;
			lane->flags = (is_entry(active->spec, service->name) ? GL_LANE_ENTRY : 0) |
				      (service->fallback == GL_FALLBACK_TO_NONE ?
					       GL_LANE_FALLBACK_NONE :
					       0);
			if (service->gray.count)
				write_endpoints(compiler, &service->gray, lane);
			if (service->gray.count || lane->flags)
				count++;
			else
				memset(lane, 0, sizeof(*lane));
		}
	}
	plan.count = count;
	plan.elements = all;
	gl_compile_table(compiler, &compiler->image->head.lanes, &plan);
	free(all);
}
