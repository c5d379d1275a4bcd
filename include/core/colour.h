/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * colour: which lane does a request belong to? The first that answers, as in DESIGN section 2: label, (trace), origin,
 * (in-flight), then at an entry rule and ratio, then base. The names in brackets are not asked by this version.
 *
 * Inputs: the policy image, the bytes of the head, the scanned head. It reads no map, no clock and no packet, and draws no
 * random number: the caller brings one. So the same inputs give the same answer in the kernel and in `graylinkctl explain`.
 */
#ifndef GL_CORE_COLOUR_H
#define GL_CORE_COLOUR_H

#include "core/port.h"
#include "graylink/image.h"
#include "graylink/reason.h"

struct gl_head;
struct gl_head_buf;

/* Scratch of one decision; meaningless outside. */
struct gl_colour_work {
	u32 exact[GL_IMAGE_FIELDS];	/* per field: offset of the exact predicate that holds; 0: none */
	u8 first[GL_IMAGE_FIELDS];	/* per field: index of its first line in gl_head.fields, plus 1; 0: absent */
	u8 field[GL_HEAD_FIELDS];	/* per line of the head: its field, plus 1; 0: not needed */
	u32 repeated;			/* bit per field: it has several lines */
	u32 pad;
};

/* One decision. It is too large for the BPF stack: keep it in per-CPU scratch. */
struct gl_colour {
	/* in */
	u32 service;			/* as gl_image_frontend said */
	u32 origin;			/* as gl_image_origin said of the client's address */
	u32 random;			/* any 32 random bits: the ratio of requests that have no key */
	u32 pad;
	struct gl_addr client;		/* whose label is to be believed? */
	/* out */
	u16 lane;			/* GL_LANE_BASE or a lane */
	u8 reason;			/* enum gl_reason */
	u8 flags;			/* enum gl_colour_flags */
	u16 release;			/* number of the release in its image, from 1, where a rule or the ratio decided; else 0 */
	u16 rule;			/* number of the match in its entry, from 1, where reason is RULE; else 0 */
	u32 weight;			/* weight of the lane here in millionths, where reason is RATIO; else 0 */
	u32 share;			/* where the key fell, 0..999999, if the ratio was asked; else GL_WEIGHT_ONE */
	struct gl_colour_work work;
};

enum gl_colour_flags {
	GL_COLOUR_LABEL_UNKNOWN		= 1 << 0,	/* a label names no active lane: ignored */
	GL_COLOUR_LABEL_UNTRUSTED	= 1 << 1,	/* a label names a lane and its client is not trusted: ignored */
	GL_COLOUR_LABEL_CONFLICT	= 1 << 2,	/* believed labels name different lanes: none is taken */
	GL_COLOUR_KEY_STICKY		= 1 << 3,	/* the share is that of a sticky key */
	GL_COLOUR_KEY_TRACE		= 1 << 4,	/* the share is that of the trace-id; neither: of @random */
};

/*
 * gl_colour_decide: fills the out members of @io. Returns 0; -1 if an argument is NULL.
 *
 *	gl_global int gl_colour_decide(const struct gl_image *image, const struct gl_head_buf *buf,
 *				       const struct gl_head *head, struct gl_colour *io);
 */

#endif
