/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * colour: which lane does a request belong to? The first that answers, as in DESIGN section 2:
 * label, (trace), origin, (in-flight), then at an entry rule and ratio, then base. The names in
 * brackets are not asked by this version.
 *
 * Inputs: the policy image, the bytes of the head, the scanned head. It reads no map, no clock and
 * no packet, and draws no random number: the caller brings one. So the same inputs give the same
 * answer in the kernel and in `graylinkctl explain`.
 *
 * Depth: gl_colour_decide and what it calls take five frames (BPF allows eight in all).
 */
#ifndef GL_CORE_COLOUR_H
#define GL_CORE_COLOUR_H

#include "core/member.h"
#include "core/rule.h"
#include "graylink/reason.h"

/* One decision. It is too large for the BPF stack: keep it in per-CPU scratch. */
struct gl_colour {
	/* in */
	u32 service;			/* as gl_image_frontend said */
	u32 random;			/* any 32 random bits: the ratio of requests that have no key */
	struct gl_addr client;		/* the calling pod: its lane (origin, asked of this image: a lane may have ended since
					 * the connection began), and whether its labels are
					 * believed */
	/* out */
	u16 lane;			/* GL_LANE_BASE or a lane */
	u8 reason;			/* enum gl_reason */
	u8 flags;			/* enum gl_colour_flags */
	u16 release;			/* number of the release in its image, from 1, where a rule or the ratio decided; else 0 */
	u16 rule;			/* number of the match in its entry, from 1, where reason is RULE; else 0 */
	u32 weight;			/* weight of the lane here in millionths, where reason is RATIO; else 0 */
	u32 share;			/* where the key fell, 0..999999, if the ratio was asked; else GL_WEIGHT_ONE */
	/* scratch */
	u32 entry_off;
	u16 label_lane;			/* what the labels so far say */
	u8 label;			/* kind of label in hand */
	u8 label_begun;
	struct gl_value_work work;
	struct gl_member member;
};

enum gl_colour_flags {
	GL_COLOUR_LABEL_UNKNOWN		= 1 << 0,	/* a label names no active lane: ignored */
	GL_COLOUR_LABEL_UNTRUSTED	= 1 << 1,	/* a label names a lane and its client is not trusted: ignored */
	GL_COLOUR_LABEL_CONFLICT	= 1 << 2,	/* believed labels name different lanes: none is taken */
	GL_COLOUR_KEY_STICKY		= 1 << 3,	/* the share is that of a sticky key */
	GL_COLOUR_KEY_TRACE		= 1 << 4,	/* the share is that of the trace-id; neither: of @random */
};

/* What a callback needs; lives on the stack. */
struct gl_colour_ctx {
	const struct gl_image *image;
	const struct gl_head_buf *buf;
	const struct gl_head *head;
	struct gl_colour *io;
};

/* Labels. ------------------------------------------------------------------------------------- */

/*
 * The label predicate of a value in the head, or NULL. Values of labels are names: at most
 * GL_IMAGE_NAME_MAX bytes.
 */
gl_inline const struct gl_image_predicate *gl_colour_lookup(struct gl_colour_ctx *ctx)
{
	const struct gl_member *member = &ctx->io->member;
	const struct gl_image_predicate *predicate;
	u32 len = member->value_end - member->value_off;
	u32 id = ctx->io->label + 1;
	u64 hash = 0;
	u32 off, i;

	if (!len || len > GL_IMAGE_NAME_MAX)
		return NULL;
	for (i = 0; i + 8 <= GL_IMAGE_NAME_MAX; i += 8) {
		if (i + 8 > len)
			break;
		hash = gl_value_hash_word(hash, gl_value_bytes(ctx->buf, member->value_off + i));
	}
	hash = gl_value_hash_tail(hash, gl_value_bytes(ctx->buf, member->value_off + i), len & 7);
	off = gl_value_probe(ctx->image, gl_value_hash_end(hash, id, ctx->image->head.exacts.seed));
	if (!off)
		return NULL;
	predicate = gl_image_at(ctx->image, off);
	if (predicate->field != id || predicate->value_len != len)
		return NULL;
	for (i = 0; i < GL_IMAGE_NAME_MAX; i += 8) {
		u64 word;

		if (i >= len)
			break;
		word = gl_value_bytes(ctx->buf, member->value_off + i) ^
		       gl_load64(gl_image_at(ctx->image, predicate->value_off + i));
		if (gl_keep(word, len - i))
			return NULL;
	}
	return predicate;
}

static long gl_colour_network_step(u32 i, void *data)
{
	struct gl_colour_ctx *ctx = data;
	const struct gl_image_network *network =
		gl_image_at(ctx->image, ctx->io->work.list_off + (u64)i * sizeof(*network));
	const struct gl_addr *client = &ctx->io->client;

	if (((client->w[0] & network->mask.w[0]) ^ network->addr.w[0]) |
	    ((client->w[1] & network->mask.w[1]) ^ network->addr.w[1]) |
	    ((client->w[2] & network->mask.w[2]) ^ network->addr.w[2]) |
	    ((client->w[3] & network->mask.w[3]) ^ network->addr.w[3]))
		return 0;
	ctx->io->work.best = 1;
	return 1;
}

/* One label was found: is it of an active lane, and is its client believed? */
gl_global int gl_colour_label_found(const struct gl_image *image, const struct gl_head_buf *buf,
				    struct gl_colour *io)
{
	struct gl_colour_ctx ctx = { image, buf, NULL, io };
	const struct gl_image_predicate *label;
	const struct gl_image_lane *lane;

	if (!image || !buf || !io)
		return 0;
	label = gl_colour_lookup(&ctx);
	if (!label) {
		io->flags |= GL_COLOUR_LABEL_UNKNOWN;
		return 0;
	}
	io->work.best = 0;
	if (label->flags & GL_PREDICATE_TRUST) {
		io->work.list_off = label->list_off;
		gl_loop(label->list_count, gl_colour_network_step, &ctx);
	} else {
		/* Any client whose veth we see; at the entry of the label's own release: nobody. */
		lane = gl_image_lane_record(image, io->service, label->lane);
		io->work.best = !lane || !(lane->flags & GL_LANE_ENTRY);
	}
	if (!io->work.best) {
		io->flags |= GL_COLOUR_LABEL_UNTRUSTED;
		return 0;
	}
	if (io->label_lane && io->label_lane != label->lane)
		io->flags |= GL_COLOUR_LABEL_CONFLICT;
	io->label_lane = label->lane;
	return 0;
}

/* One step: the next label of the kind in hand, or the next kind. */
static long gl_colour_label_step(u32 i, void *data)
{
	struct gl_colour_ctx *ctx = data;
	struct gl_colour *io = ctx->io;
	const struct gl_image_member *record;
	u32 kind = io->label;

	(void)i;
	if (kind >= ctx->image->head.nlabels)
		return 1;
	record = gl_image_at(ctx->image, ctx->image->head.labels_off + (u64)kind * sizeof(*record));
	if (!io->work.first[gl_value_index(record->field - 1)]) {
		io->label = kind + 1;
		return 0;
	}
	if (!io->label_begun) {
		gl_member_start(&io->member, record);
		io->label_begun = 1;
	}
	if (gl_member_find(ctx->image, ctx->buf, ctx->head, &io->work, &io->member)) {
		gl_colour_label_found(ctx->image, ctx->buf, io);
	} else {
		io->label = kind + 1;
		io->label_begun = 0;
	}
	return 0;
}

/* gl_colour_label: the lane that all believed labels name, or 0. */
gl_global u32 gl_colour_label(const struct gl_image *image, const struct gl_head_buf *buf,
			      const struct gl_head *head, struct gl_colour *io)
{
	struct gl_colour_ctx ctx = { image, buf, head, io };

	if (!image || !buf || !head || !io)
		return 0;
	io->label = 0;
	io->label_begun = 0;
	io->label_lane = 0;
	gl_loop(GL_HEAD_MAX, gl_colour_label_step, &ctx);
	return io->flags & GL_COLOUR_LABEL_CONFLICT ? 0 : io->label_lane;
}

/* Ratio. -------------------------------------------------------------------------------------- */

/* Is the @i-th sticky key there, and not empty? */
static long gl_colour_sticky_step(u32 i, void *data)
{
	struct gl_colour_ctx *ctx = data;
	struct gl_colour *io = ctx->io;
	const struct gl_image_entry *entry = gl_image_at(ctx->image, io->entry_off);
	const struct gl_image_member *record =
		gl_image_at(ctx->image, entry->sticky_off + (u64)i * sizeof(*record));
	u32 len;

	if (!record->field || !io->work.first[gl_value_index(record->field - 1)])
		return 0;
	gl_member_start(&io->member, record);
	if (!gl_member_find(ctx->image, ctx->buf, ctx->head, &io->work, &io->member))
		return 0;
	len = io->member.value_end - io->member.value_off;
	if (!len)
		return 0;
	io->share = gl_hash_millionths(gl_head_share(ctx->buf, io->member.value_off, len));
	io->flags |= GL_COLOUR_KEY_STICKY;
	return 1;
}

static long gl_colour_share_step(u32 i, void *data)
{
	struct gl_colour_ctx *ctx = data;
	struct gl_colour *io = ctx->io;
	const struct gl_image_entry *entry = gl_image_at(ctx->image, io->entry_off);
	const struct gl_image_share *share =
		gl_image_at(ctx->image, entry->shares_off + (u64)i * sizeof(*share));

	if (io->share >= share->below)
		return 0;
	io->lane = share->lane;
	io->release = share->release;
	io->weight = share->below - share->from;
	io->reason = GL_REASON_RATIO;
	return 1;
}

/*
 * The share of a request without sticky key: that of its trace-id, so that all hops of a trace
 * agree; else random.
 */
gl_inline void gl_colour_share_of_trace(const struct gl_image_fields *fields,
					struct gl_colour_ctx *ctx)
{
	struct gl_colour *io = ctx->io;
	const struct gl_head_field *at;
	u32 number = gl_value_index(fields->traceparent - 1);
	u32 first = io->work.first[number];

	io->share = (u64)io->random * GL_WEIGHT_ONE >> 32;
	if (!fields->traceparent || !first || io->work.repeated & 1U << number)
		return;
	at = gl_value_line(ctx->head, first - 1);
	if (!gl_trace_valid(ctx->buf, at->value_off, at->value_len))
		return;
	io->share = gl_hash_millionths(
		gl_head_share(ctx->buf, at->value_off + GL_TRACE_ID_OFF, GL_TRACE_ID_LEN));
	io->flags |= GL_COLOUR_KEY_TRACE;
}

/* gl_colour_ratio: fills @io if the key's share belongs to a lane. */
gl_global int gl_colour_ratio(const struct gl_image *image, const struct gl_head_buf *buf,
			      const struct gl_head *head, struct gl_colour *io)
{
	struct gl_colour_ctx ctx = { image, buf, head, io };
	const struct gl_image_entry *entry;

	if (!image || !buf || !head || !io)
		return 0;
	entry = gl_image_at(image, io->entry_off);
	if (!entry->nshares)
		return 0;
	gl_loop(entry->nsticky, gl_colour_sticky_step, &ctx);
	if (!(io->flags & GL_COLOUR_KEY_STICKY))
		gl_colour_share_of_trace(gl_image_at(image, io->work.fields_off), &ctx);
	gl_loop(entry->nshares, gl_colour_share_step, &ctx);
	return 0;
}

/* The decision. ------------------------------------------------------------------------------- */

/* gl_colour_decide: fills the out members of @io. Returns 0; -1 if an argument is NULL. */
gl_global int gl_colour_decide(const struct gl_image *image, const struct gl_head_buf *buf,
			       const struct gl_head *head, struct gl_colour *io)
{
	const struct gl_image_service *service;
	u32 number;

	if (!image || !buf || !head || !io)
		return -1;
	io->lane = GL_LANE_BASE;
	io->reason = GL_REASON_DEFAULT;
	io->flags = 0;
	io->release = 0;
	io->rule = 0;
	io->weight = 0;
	io->share = GL_WEIGHT_ONE;
	service = gl_image_service_record(image, io->service);
	if (!(service->flags & GL_SERVICE_PRESENT))
		return 0;
	gl_value_classify(image, buf, head, &io->work, service->fields_off);

	number = gl_colour_label(image, buf, head, io);
	if (number) {
		io->lane = number;
		io->reason = GL_REASON_LABEL;
		return 0;
	}
	number = gl_image_origin(image, &io->client);
	if (number) {
		io->lane = number;
		io->reason = GL_REASON_ORIGIN;
		return 0;
	}
	io->entry_off = service->entry_off;
	if (!io->entry_off)
		return 0;
	number = gl_rule_match(image, buf, head, &io->work, io->entry_off);
	if (number) {
		const struct gl_image_entry *entry = gl_image_at(image, io->entry_off);
		const struct gl_image_match *match =
			gl_image_at(image, entry->matches_off + (u64)(number - 1) * sizeof(*match));

		io->lane = match->lane;
		io->release = match->release;
		io->rule = match->rule;
		io->reason = GL_REASON_RULE;
		return 0;
	}
	return gl_colour_ratio(image, buf, head, io);
}

#endif
