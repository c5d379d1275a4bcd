/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rule: which match of an entry is the first to hold?
 *
 * Inputs: the policy image, a head, and the scratch that gl_value_classify has filled. It never
 * decides a lane.
 *
 * Cost. A match hangs on one of its conditions (its anchor: the one that the fewest matches share),
 * so only matches whose anchor holds are looked at. At most two conditions per field hold (it is
 * there; it has this value), so 1,000 exact rules on one header cost what one costs. Later kinds of
 * condition become further anchors.
 */
#ifndef GL_CORE_RULE_H
#define GL_CORE_RULE_H

#include "core/value.h"

static long gl_rule_field_step(u32 number, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_work *work = ctx->work;

	if (work->first[gl_value_index(number)] &&
	    gl_value_record(ctx->image, work->fields_off, gl_value_index(number))->exact)
		work->exact[gl_value_index(number)] =
			gl_value_exact(ctx->image, ctx->buf, ctx->head, work, number);
	return 0;
}

/* Does the @i-th match of the list in hand hold, and come before the best? */
static long gl_rule_list_step(u32 i, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_work *work = ctx->work;
	const struct gl_image_entry *entry = gl_image_at(ctx->image, work->entry_off);
	u32 number = *(const u32 *)gl_image_at(ctx->image, work->list_off + i * sizeof(u32));
	const struct gl_image_match *match;
	u32 n;

	if (number >= work->best)
		return 1;
	match = gl_image_at(ctx->image, entry->matches_off + number * sizeof(*match));
	for (n = 0; n < GL_IMAGE_CONDITIONS; n++) {
		const struct gl_image_condition *condition;

		if (n >= match->count)
			break;
		condition = gl_image_at(ctx->image, match->conditions_off + n * sizeof(*condition));
		if (!work->first[gl_value_index(condition->field)])
			return 0;
		if (condition->exact_off &&
		    work->exact[gl_value_index(condition->field)] != condition->exact_off)
			return 0;
	}
	work->best = number;
	return 1;
}

/*
 * Looks through the matches that hang on a field's presence (even steps) and on its value (odd
 * steps).
 */
static long gl_rule_anchor_step(u32 i, void *data)
{
	struct gl_value_ctx *ctx = data;
	struct gl_value_work *work = ctx->work;
	const struct gl_image_predicate *predicate;
	u32 number = gl_value_index(i >> 1);
	u32 off;

	if (!work->first[number])
		return 0;
	if (i & 1)
		off = work->exact[number];
	else
		off = gl_value_record(ctx->image, work->fields_off, number)->present_off;
	if (!off)
		return 0;
	predicate = gl_image_at(ctx->image, off);
	work->list_off = predicate->list_off;
	gl_loop(predicate->list_count, gl_rule_list_step, ctx);
	return 0;
}

/*
 * gl_rule_match: the first match of the entry at @entry_off that holds, after gl_value_classify.
 * Returns its number plus 1, or 0.
 */
gl_global u32 gl_rule_match(const struct gl_image *image, const struct gl_head_buf *buf,
			    const struct gl_head *head, struct gl_value_work *work, u32 entry_off)
{
	struct gl_value_ctx ctx = { image, buf, head, work, NULL };
	const struct gl_image_fields *fields;
	const struct gl_image_entry *entry;
	u32 count;

	if (!image || !buf || !head || !work)
		return 0;
	entry = gl_image_at(image, entry_off);
	if (!entry->nmatches)
		return 0;
	fields = gl_image_at(image, work->fields_off);
	count = fields->count;
	if (count > GL_IMAGE_FIELDS)
		count = GL_IMAGE_FIELDS;
	work->entry_off = entry_off;
	work->best = ~0U;
	gl_loop(count, gl_rule_field_step, &ctx);
	gl_loop(2 * count, gl_rule_anchor_step, &ctx);
	return work->best + 1;
}

#endif
