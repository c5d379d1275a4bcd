// SPDX-License-Identifier: Apache-2.0
/*
 * compile_entry: the rules and weights of one entry, of all releases that have it, in the order of
 * precedence.
 *
 * Each match hangs on one of its conditions, the anchor: the predicate that the fewest matches of
 * the entry need. An exact one wins over a mere presence at the same number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/value.h"
#include "policy/compile.h"

/* One exact or present predicate of the entry. */
struct predicate {
	const char *value;	/* NULL: present */
	uint32_t field;
	uint32_t uses;		/* conditions that need it */
	uint32_t anchors;	/* matches that hang on it */
	uint32_t off, list_off;
};

/* A release that has this entry. */
struct part {
	const struct gl_active *active;
	const struct gl_entry_spec *entry;
	size_t index;		/* of the entry in its release */
	size_t release;		/* number in the image, from 1 */
};

struct entry {
	struct gl_compiler *compiler;
	struct gl_fieldset *fields;
	struct part *parts;
	size_t nparts;
	const struct part *divided; /* the first that has a weight: its sticky keys count */
	struct predicate *predicates;
	uint32_t npredicates;
	uint32_t *slots;	/* hash of predicates, index + 1 */
	uint32_t nslots;
	uint32_t *needs;	/* index of the predicate of each condition, in order */
	size_t nmatches, nconditions;
};

static bool collect_parts(struct entry *entry, uint32_t service)
{
	struct gl_compiler *compiler = entry->compiler;
	size_t i, j;

	entry->parts = calloc(compiler->nactive + 1, sizeof(*entry->parts));
	if (!entry->parts)
		return false;
	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_active *active = &compiler->active[i];
		const struct gl_release_spec *spec = active->spec;

		for (j = 0; active->steer.lane_active && j < spec->nentries; j++)
			if (gl_ids_service(compiler->ids, spec->namespace,
					   spec->entries[j].service) == service)
				entry->parts[entry->nparts++] =
					(struct part){ active, &spec->entries[j], j, i + 1 };
	}
	return true;
}

/* Matches in force: none where the release's rules are off. */
static size_t matches_of(const struct part *part)
{
	return part->active->steer.rules ? part->entry->nmatches : 0;
}

/* Predicates ---------------------------------------------------------------------------------- */

static uint32_t predicate_index(struct entry *entry, const struct gl_header_spec *header)
{
	uint32_t field = gl_compile_field(entry->compiler, entry->fields, header->name);
	uint64_t hash = field + 1;
	const char *at;
	uint32_t slot;

	for (at = header->value ? header->value : ""; *at; at++)
		hash = gl_value_hash_byte(hash, (unsigned char)*at);
	for (slot = gl_value_hash_end(hash, field, !header->value); ; slot++) {
		uint32_t *index = &entry->slots[slot & (entry->nslots - 1)];
		const struct predicate *predicate;

		if (!*index) {
			entry->predicates[entry->npredicates] =
				(struct predicate){ .value = header->value, .field = field };
			*index = ++entry->npredicates;
			return *index - 1;
		}
		predicate = &entry->predicates[*index - 1];
		if (predicate->field == field && !predicate->value == !header->value &&
		    (!header->value || !strcmp(predicate->value, header->value)))
			return *index - 1;
	}
}

static bool collect_predicates(struct entry *entry)
{
	size_t i, j, k, n = 0;

	for (i = 0; i < entry->nparts; i++) {
		entry->nmatches += matches_of(&entry->parts[i]);
		for (j = 0; j < matches_of(&entry->parts[i]); j++)
			entry->nconditions += entry->parts[i].entry->matches[j].count;
	}
	for (entry->nslots = 16; entry->nslots < 2 * entry->nconditions; entry->nslots *= 2)
		;
	entry->predicates = calloc(entry->nconditions + 1, sizeof(*entry->predicates));
	entry->slots = calloc(entry->nslots, sizeof(*entry->slots));
	entry->needs = calloc(entry->nconditions + 1, sizeof(*entry->needs));
	if (!entry->predicates || !entry->slots || !entry->needs)
		return false;
	for (i = 0; i < entry->nparts; i++) {
		for (j = 0; j < matches_of(&entry->parts[i]); j++) {
			const struct gl_match_spec *match = &entry->parts[i].entry->matches[j];

			for (k = 0; k < match->count; k++) {
				entry->needs[n] = predicate_index(entry, &match->headers[k]);
				entry->predicates[entry->needs[n++]].uses++;
			}
		}
	}
	return true;
}

/* Which of the match's conditions (@needs, @count of them) is its anchor? */
static size_t choose_anchor(const struct entry *entry, const uint32_t *needs, size_t count)
{
	size_t best = 0, i;

	for (i = 1; i < count; i++) {
		const struct predicate *a = &entry->predicates[needs[i]],
				       *b = &entry->predicates[needs[best]];

		if (a->uses < b->uses || (a->uses == b->uses && a->value && !b->value))
			best = i;
	}
	return best;
}

/* Makes room in the image for the predicates and the lists of matches that hang on them. */
static bool place_predicates(struct entry *entry)
{
	struct gl_compiler *compiler = entry->compiler;
	size_t n = 0, i, j;
	uint32_t p;

	for (i = 0; i < entry->nparts; i++) {
		for (j = 0; j < matches_of(&entry->parts[i]); j++) {
			size_t count = entry->parts[i].entry->matches[j].count;

			entry->predicates[entry->needs[n + choose_anchor(entry, entry->needs + n,
									 count)]]
				.anchors++;
			n += count;
		}
	}
	for (p = 0; p < entry->npredicates; p++) {
		struct predicate *predicate = &entry->predicates[p];
		struct gl_image_predicate *out;

		predicate->off = gl_compile_alloc(compiler, sizeof(*out));
		predicate->list_off = gl_compile_alloc(compiler, predicate->anchors * sizeof(u32));
		if (!predicate->off || !predicate->list_off)
			return false;
		out = gl_compile_at(compiler, predicate->off);
		out->field = entry->fields->id[predicate->field];
		out->list_off = predicate->list_off;
		if (!predicate->value) {
			entry->fields->present_off[predicate->field] = predicate->off;
			continue;
		}
		entry->fields->exact[predicate->field] = true;
		out->value_off =
			gl_compile_copy(compiler, predicate->value, strlen(predicate->value));
		out->value_len = (u16)strlen(predicate->value);
		gl_compile_add_exact(compiler, predicate->value, out->field, predicate->off);
	}
	return true;
}

/* Matches ------------------------------------------------------------------------------------- */

static void write_match(struct entry *entry, const struct part *part, size_t index,
			const uint32_t *needs, struct gl_image_match *out, uint32_t number)
{
	struct gl_compiler *compiler = entry->compiler;
	const struct gl_match_spec *match = &part->entry->matches[index];
	size_t anchor = choose_anchor(entry, needs, match->count), i;
	struct gl_image_condition *condition;
	struct gl_image_predicate *predicate;

	out->release = (u16)part->release;
	out->rule = (u16)(index + 1);
	out->lane = match->base ? GL_LANE_BASE : (u16)part->active->lane;
	out->count = (u16)(match->count - 1);
	out->conditions_off = gl_compile_alloc(compiler, out->count * sizeof(*condition));
	if (!out->conditions_off)
		return;
	condition = gl_compile_at(compiler, out->conditions_off);
	for (i = 0; i < match->count; i++) {
		const struct predicate *need = &entry->predicates[needs[i]];

		if (i == anchor)
			continue;
		condition->field = (u8)need->field;
		condition->exact_off = need->value ? need->off : 0;
		condition++;
	}
	predicate = gl_compile_at(compiler, entry->predicates[needs[anchor]].off);
	((u32 *)gl_compile_at(compiler, predicate->list_off))[predicate->list_count++] = number;
}

static void write_matches(struct entry *entry, struct gl_image_entry *out)
{
	struct gl_compiler *compiler = entry->compiler;
	uint32_t number = 0;
	size_t n = 0, i, j;

	out->matches_off =
		gl_compile_alloc(compiler, entry->nmatches * sizeof(struct gl_image_match));
	if (!out->matches_off)
		return;
	for (i = 0; i < entry->nparts; i++) {
		for (j = 0; j < matches_of(&entry->parts[i]) && !compiler->full; j++, number++) {
			struct gl_image_match *match = gl_compile_at(compiler, out->matches_off);

			write_match(entry, &entry->parts[i], j, entry->needs + n, match + number,
				    number);
			n += entry->parts[i].entry->matches[j].count;
		}
	}
	out->nmatches = number;
	compiler->nmatches += number;
}

/* Weights ------------------------------------------------------------------------------------- */

static bool same_sticky(const struct gl_entry_spec *a, const struct gl_entry_spec *b)
{
	size_t i;

	if (a->nsticky != b->nsticky)
		return false;
	for (i = 0; i < a->nsticky; i++)
		if (a->sticky[i].kind != b->sticky[i].kind ||
		    strcmp(a->sticky[i].name, b->sticky[i].name))
			return false;
	return true;
}

/* Only releases that divide users now must agree: one with rules alone has no say in it. */
static void check_sticky(struct entry *entry, const struct part *first, const struct part *part)
{
	const struct gl_release_spec *spec = part->active->spec, *other = first->active->spec;
	char field[64];

	snprintf(field, sizeof(field), "spec.entries[%zu].sticky", part->index);
	if (!same_sticky(part->entry, first->entry))
		gl_compile_error(entry->compiler, spec, part->entry->pos, field,
				 "give both the same list",
				 "release %s/%s divides the users of service \"%s\" by other sticky "
				 "keys; two divisions of one entry must agree, or a user would "
				 "belong to both",
				 other->namespace, other->name, part->entry->service);
}

static void write_shares(struct entry *entry, struct gl_image_entry *out)
{
	struct gl_compiler *compiler = entry->compiler;
	struct gl_image_share *share;
	char total[32];
	u64 from = 0;
	size_t i;

	out->shares_off = gl_compile_alloc(compiler, entry->nparts * sizeof(*share));
	if (!out->shares_off)
		return;
	share = gl_compile_at(compiler, out->shares_off);
	for (i = 0; i < entry->nparts; i++) {
		const struct part *part = &entry->parts[i];
		u32 weight = part->active->steer.weight_ppm;

		if (!weight)
			continue;
		if (!entry->divided)
			entry->divided = part;
		check_sticky(entry, entry->divided, part);
		if (from + weight > GL_WEIGHT_ONE) {
			gl_compile_error(
				compiler, part->active->spec, part->entry->pos, "spec.batches",
				"lower the weight of one of them first",
				"the weights of all releases at entry \"%s\" are more than 100 %% together: %s",
				part->entry->service,
				gl_weight_format((u32)(from + weight), total, sizeof(total)));
			return;
		}
		share->from = (u32)from;
		from += weight;
		share->below = (u32)from;
		share->release = (u16)part->release;
		share->lane = (u16)part->active->lane;
		share++;
		out->nshares++;
	}
}

static void write_sticky(struct entry *entry, struct gl_image_entry *out)
{
	struct gl_compiler *compiler = entry->compiler;
	const struct gl_entry_spec *spec = entry->divided->entry;
	struct gl_image_member *member;
	size_t i;

	/* Whoever has no sticky key is divided by the trace-id. */
	entry->fields->traceparent = gl_compile_field(compiler, entry->fields, "traceparent") + 1;
	out->sticky_off = gl_compile_alloc(compiler, spec->nsticky * sizeof(*member));
	if (!out->sticky_off)
		return;
	member = gl_compile_at(compiler, out->sticky_off);
	for (i = 0; i < spec->nsticky; i++) {
		bool cookie = spec->sticky[i].kind == GL_STICKY_COOKIE;

		member[i].field = (u8)(gl_compile_field(compiler, entry->fields,
							cookie ? "cookie" : spec->sticky[i].name) +
				       1);
		member[i].kind = cookie ? GL_MEMBER_COOKIE : GL_MEMBER_LINE;
		if (!cookie)
			continue;
		member[i].key_len = (u16)strlen(spec->sticky[i].name);
		member[i].key_off =
			gl_compile_copy(compiler, spec->sticky[i].name, member[i].key_len);
	}
	out->nsticky = (u32)spec->nsticky;
}

/* --------------------------------------------------------------------------------------------- */

static uint32_t write_entry(struct entry *entry)
{
	uint32_t off = gl_compile_alloc(entry->compiler, sizeof(struct gl_image_entry));
	struct gl_image_entry *out;

	if (!off)
		return 0;
	out = gl_compile_at(entry->compiler, off);
	if (!place_predicates(entry))
		return 0;
	write_matches(entry, out);
	write_shares(entry, out);
	if (out->nshares)
		write_sticky(entry, out);
	return off;
}

uint32_t gl_compile_entry(struct gl_compiler *compiler, uint32_t service,
			  struct gl_fieldset *fields)
{
	struct entry entry = { .compiler = compiler, .fields = fields };
	uint32_t off = 0;

	if (!collect_parts(&entry, service) || !collect_predicates(&entry))
		compiler->failed = true;
	else if (!fields->overflow)
		off = write_entry(&entry);
	free(entry.parts);
	free(entry.predicates);
	free(entry.slots);
	free(entry.needs);
	return off;
}

uint32_t gl_compile_odds(struct gl_compiler *compiler, uint32_t entry_off)
{
	const struct gl_image_entry *entry = gl_compile_at(compiler, entry_off);
	const struct gl_image_share *share = gl_compile_at(compiler, entry->shares_off);
	uint32_t i;

	for (i = 0; i < entry->nshares; i++)
		if (share[i].below - share[i].from > GL_WEIGHT_ONE / 2)
			return share[i].lane;
	return 0;
}
