/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * image: what a policy compiles to: one flat memory without pointers, by which every decision is
 * made.
 *
 * The policy compiler writes it, it is swapped in as a whole (an inner ARRAY map with this one
 * value), and then only read. A decision looks its address up once and passes it down, so it sees
 * one generation only. Everything is addressed by byte offsets from the start, multiples of 8;
 * reads are masked by gl_image_at, so that a wrong offset reads a wrong byte of the image and
 * nothing else. Hash tables are open-addressed with linear probing; the compiler guarantees
 * GL_IMAGE_PROBES.
 *
 *	head ── services[id] ──> fields (header names that a decision needs), entry (rules, weights; entries only)
 *	     ├─ frontends  {address, port} -> service		├─ origins  address -> lane
 *	     ├─ lanes      {service, lane} -> endpoints, flags	└─ exacts   {field, value} -> predicate
 *
 */
#ifndef GL_IMAGE_H
#define GL_IMAGE_H

#include "graylink/abi.h"

#define GL_IMAGE_MAGIC		0x474c494dU	/* "GLIM" */
/* Slots that a look-up reads at most. */
#define GL_IMAGE_PROBES		8
/* Header names that the decision of one service may need; one bit each. */
#define GL_IMAGE_FIELDS		32
/* Kinds of label (a baggage key or a header) of all releases; the first fields of every service. */
#define GL_IMAGE_LABELS		8
/* Header names of one service whose hashes end in the same byte. */
#define GL_IMAGE_CHAIN		4
/* Conditions of one match. */
#define GL_IMAGE_CONDITIONS	16
/* Names of headers, cookies and baggage keys: bytes; a multiple of 8. */
#define GL_IMAGE_NAME_MAX	64
/* Matches and sticky keys of one entry, networks of one label, addresses of one list. */
#define GL_IMAGE_MATCHES	8192
#define GL_IMAGE_STICKY		8
#define GL_IMAGE_NETWORKS	256
#define GL_IMAGE_ENDPOINTS	1024

struct gl_image_table {
	u32 off;		/* of the first slot */
	u32 mask;		/* slots minus one; slots are a power of two, followed by PROBES - 1 more that do not wrap */
	u32 seed;		/* chosen so that the probes suffice */
	u32 count;		/* elements */
};

struct gl_image_head {
	u32 magic;
	u32 schema;		/* GL_SCHEMA */
	u64 generation;		/* set by the agent; the only member that does not follow from the policy */
	u32 size;		/* bytes in use */
	u32 nservices;		/* the highest service id plus one */
	u32 services_off;	/* struct gl_image_service [nservices] */
	u32 nlabels;		/* kinds of label: GL_IMAGE_LABELS at most */
	u32 labels_off;		/* struct gl_image_member [nlabels]; their fields have the same numbers in every service */
	u32 pad;
	struct gl_image_table frontends, origins, lanes, exacts;
};

struct gl_image {
	struct gl_image_head head;
	u8 body[GL_IMAGE_SIZE + GL_IMAGE_PAD - sizeof(struct gl_image_head)];
};

enum gl_service_flags {
	GL_SERVICE_PRESENT	= 1 << 0,	/* some active release names it */
	GL_SERVICE_HTTP		= 1 << 1,	/* steered per request */
	GL_SERVICE_ENTRY	= 1 << 2,	/* rules and weights are asked here */
};

struct gl_image_service {
	u32 flags;		/* enum gl_service_flags */
	u32 fields_off;		/* struct gl_image_fields */
	u32 entry_off;		/* struct gl_image_entry; 0: no entry */
	u16 odds_lane;		/* as in gl_service_info */
	u16 pad;
};

struct gl_image_frontend {
	struct gl_addr addr;
	__be16 port;
	u16 service;		/* 0: free slot */
};

struct gl_image_origin {
	struct gl_addr addr;
	u16 lane;		/* GL_LANE_BASE: ambiguous, or a base pod */
	u16 used;		/* 0: free slot */
};

enum gl_lane_flags {
	GL_LANE_ENTRY		= 1 << 0,	/* the service is an entry of the lane's release */
	GL_LANE_FALLBACK_NONE	= 1 << 1,	/* where gray fails, the client sees it: base does not take over */
};

struct gl_image_lane {
	u32 key;		/* service << 16 | lane; 0: free slot */
	u32 endpoints_off;	/* struct gl_endpoint_key [count[0] + count[1]] */
	u16 count[2];		/* IPv4 endpoints, then IPv6 ones: a client reaches those of its own family only */
	u16 flags;		/* enum gl_lane_flags */
	u16 pad;
};

/* Records of rules, labels and weights; core/rule.h, core/member.h and core/colour.h evaluate them.  */

/* A header name that decisions of a service need. */
struct gl_image_field {
	u32 hash;		/* gl_hash_name */
	u32 name_off;		/* lower case, padded with NUL to a multiple of 8 */
	u32 id;			/* key of its values in the exacts table */
	u32 present_off;	/* struct gl_image_predicate: holds if the header is there; 0: nobody asks */
	u16 name_len;
	u8 next;		/* field number + 1 that shares (hash & 255); 0: none */
	u8 exact;		/* 1: some exact predicate exists for it */
};

/* struct gl_image_field [count] follows. */
struct gl_image_fields {
	u64 interest[4];	/* bit (hash & 255) of each name; stays first (gl_image_service) */
	u8 slot[256];		/* hash & 255 -> field number + 1; 0: none */
	u32 count;
	u8 traceparent;		/* field number + 1; 0: not needed */
	u8 pad[3];
};

enum gl_predicate_flags {
	GL_PREDICATE_TRUST	= 1 << 0,	/* a label whose release names the networks that it believes */
};

/* One condition that holds or does not; the value of an exact one is unique per field. */
struct gl_image_predicate {
	u32 field;		/* gl_image_field.id */
	u32 value_off;
	u32 list_off;		/* rules: u32 [] numbers of the matches that it anchors, growing. Labels: struct gl_image_network [] */
	u16 value_len;
	u16 list_count;
	u16 lane;		/* labels: what the value means */
	u16 flags;		/* enum gl_predicate_flags */
};

/* An address belongs to it if (address & mask) == addr. */
struct gl_image_network {
	struct gl_addr addr;
	struct gl_addr mask;
};

struct gl_image_exact {
	u32 hash;		/* gl_value_hash_end (core/value.h); unique in the image */
	u32 predicate_off;	/* 0: free slot */
};

/* A condition beside the anchor. */
struct gl_image_condition {
	u32 exact_off;		/* the exact predicate that must hold; 0: present suffices */
	u8 field;
	u8 pad[3];
};

/* A match of an entry; they are numbered in the order of their precedence. */
struct gl_image_match {
	u16 release;		/* as in gl_colour.release */
	u16 rule;		/* as in gl_colour.rule */
	u16 lane;
	u16 count;		/* conditions beside the anchor */
	u32 conditions_off;
};

/* A lane's part of the traffic that no rule matched: shares from `from` to below `below`. */
struct gl_image_share {
	u32 from;
	u32 below;
	u16 release;
	u16 lane;
};

enum gl_member_kind {
	GL_MEMBER_LINE,		/* each line's whole value */
	GL_MEMBER_COOKIE,	/* name=value pairs between ';' (RFC 6265, 4.2.1) */
	GL_MEMBER_BAGGAGE,	/* key=value;properties between ',' (W3C Baggage, 3.3.1) */
};

/* What to look for in the lines of one field: a label or a sticky key. */
struct gl_image_member {
	u32 key_off;		/* padded as names are */
	u16 key_len;		/* 0 for GL_MEMBER_LINE */
	u8 kind;		/* enum gl_member_kind */
	u8 field;		/* field number + 1 */
};

struct gl_image_entry {
	u32 matches_off;
	u32 nmatches;
	u32 shares_off;		/* growing and without gaps, from 0 */
	u32 nshares;
	u32 sticky_off;		/* struct gl_image_member [], the first that is there counts */
	u32 nsticky;
};

/* What the data path needs to know of a service before a request is decided. */
struct gl_service_info {
	u64 interest[4];	/* for gl_head.interest: which header names (hash & 255) the decision needs */
	u32 flags;		/* enum gl_service_flags; 0: not in the image, leave the connection alone */
	u16 odds_lane;		/* where a new connection's SYN goes if origin does not say: the lane that gets more than half
				 * of this entry's unmatched traffic, or 0 */
	u16 pad;
};

_Static_assert(sizeof(struct gl_image_table) == 16, "gl_image_table");
_Static_assert(sizeof(struct gl_image_head) == 104, "gl_image_head");
_Static_assert(sizeof(struct gl_image) == GL_IMAGE_SIZE + GL_IMAGE_PAD, "gl_image");
_Static_assert(sizeof(struct gl_image_service) == 16, "gl_image_service");
_Static_assert(sizeof(struct gl_image_frontend) == 20, "gl_image_frontend");
_Static_assert(sizeof(struct gl_image_origin) == 20, "gl_image_origin");
_Static_assert(sizeof(struct gl_image_lane) == 16, "gl_image_lane");
_Static_assert(sizeof(struct gl_service_info) == 40, "gl_service_info");

gl_inline const void *gl_image_at(const struct gl_image *image, u64 off)
{
	return gl_at(image, off, GL_IMAGE_SIZE - 1);
}

/* One step of the hash of all tables of the image; the compiler uses the same. */
gl_inline u32 gl_image_mix(u32 hash, u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1U;
	return hash ^ hash >> 15;
}

gl_inline u32 gl_image_hash_addr(u32 seed, const struct gl_addr *addr, u32 port)
{
	seed = gl_image_mix(seed, addr->w[0]);
	seed = gl_image_mix(seed, addr->w[1]);
	seed = gl_image_mix(seed, addr->w[2]);
	seed = gl_image_mix(seed, addr->w[3]);
	return gl_image_mix(seed, port);
}

gl_inline u32 gl_image_slot(const struct gl_image_table *table, u32 hash, u32 probe, u32 size)
{
	return table->off + ((hash & table->mask) + probe) * size;
}

gl_inline int gl_image_same_addr(const struct gl_addr *a, const struct gl_addr *b)
{
	return a->w[3] == b->w[3] && a->w[2] == b->w[2] && a->w[1] == b->w[1] && a->w[0] == b->w[0];
}

/* gl_image_frontend: which service is dialled at this address? Returns its id (1..) or 0. */
gl_global int gl_image_frontend(const struct gl_image *image, const struct gl_addr *addr,
				u32 port_be)
{
	const struct gl_image_table *table;
	u32 hash, i;

	if (!image || !addr)
		return 0;
	table = &image->head.frontends;
	hash = gl_image_hash_addr(table->seed, addr, port_be);
	for (i = 0; i < GL_IMAGE_PROBES; i++) {
		const struct gl_image_frontend *slot =
			gl_image_at(image, gl_image_slot(table, hash, i, sizeof(*slot)));

		if (!slot->service)
			return 0;
		if (slot->port == port_be && gl_image_same_addr(&slot->addr, addr))
			return slot->service;
	}
	return 0;
}

/* gl_image_origin: of which active lane is this an endpoint? Its id; 0: none, base, or several. */
gl_global int gl_image_origin(const struct gl_image *image, const struct gl_addr *addr)
{
	const struct gl_image_table *table;
	u32 hash, i;

	if (!image || !addr)
		return 0;
	table = &image->head.origins;
	hash = gl_image_hash_addr(table->seed, addr, 0);
	for (i = 0; i < GL_IMAGE_PROBES; i++) {
		const struct gl_image_origin *slot =
			gl_image_at(image, gl_image_slot(table, hash, i, sizeof(*slot)));

		if (!slot->used)
			return 0;
		if (gl_image_same_addr(&slot->addr, addr))
			return slot->lane;
	}
	return 0;
}

/* The record of a service; a zeroed one (flags 0) if @service is not in the image. */
gl_inline const struct gl_image_service *gl_image_service_record(const struct gl_image *image,
								 u32 service)
{
	if (service >= image->head.nservices)
		service = 0;
	return gl_image_at(image, image->head.services_off +
					  (u64)service * sizeof(struct gl_image_service));
}

/* gl_image_service: fills @ret (zeroed by the caller). Its flags; 0: not there, @ret is untouched. */
gl_global int gl_image_service(const struct gl_image *image, u32 service,
			       struct gl_service_info *ret)
{
	const struct gl_image_service *record;
	const u64 *interest;

	if (!image || !ret)
		return 0;
	record = gl_image_service_record(image, service);
	if (!record->flags)
		return 0;
	ret->flags = record->flags;
	ret->odds_lane = record->odds_lane;
	ret->pad = 0;
	/* struct gl_image_fields begins with the filter. */
	interest = gl_image_at(image, record->fields_off);
	ret->interest[0] = interest[0];
	ret->interest[1] = interest[1];
	ret->interest[2] = interest[2];
	ret->interest[3] = interest[3];
	return (int)record->flags;
}

/* The record of a lane of a service, or NULL. */
gl_inline const struct gl_image_lane *gl_image_lane_record(const struct gl_image *image,
							   u32 service, u32 lane)
{
	const struct gl_image_table *table = &image->head.lanes;
	u32 key = service << 16 | (lane & 0xffff);
	u32 hash = gl_image_mix(table->seed, key);
	u32 i;

	for (i = 0; i < GL_IMAGE_PROBES; i++) {
		const struct gl_image_lane *slot =
			gl_image_at(image, gl_image_slot(table, hash, i, sizeof(*slot)));

		if (slot->key == key)
			return slot;
		if (!slot->key)
			return NULL;
	}
	return NULL;
}

/* gl_image_lane: enum gl_lane_flags of a lane of a service; 0 also where the lane is unknown. */
gl_global int gl_image_lane(const struct gl_image *image, u32 service, u32 lane)
{
	const struct gl_image_lane *record;

	if (!image || !service)
		return 0;
	record = gl_image_lane_record(image, service, lane);
	return record ? record->flags : 0;
}

/* Is the address an IPv4 one, mapped? */
gl_inline int gl_image_is_ipv4(const struct gl_addr *addr)
{
	return !addr->w[0] && !addr->w[1] && addr->w[2] == gl_htonl(0xffff);
}

/*
 * gl_image_endpoint: the @n-th endpoint (modulo their number) of a lane of a service, so that
 * callers can pick by a random number and then try the next. In: *ret holds an address of the
 * family that is wanted, the client's. Returns their number; 0: none, *ret is untouched. Base has
 * none here: base is dialled at the frontend.
 */
gl_global int gl_image_endpoint(const struct gl_image *image, u32 service, u32 lane, u32 n,
				struct gl_endpoint_key *ret)
{
	const struct gl_image_lane *record;
	const struct gl_endpoint_key *endpoint;
	u32 count, skip = 0;

	if (!image || !ret || !service || !lane)
		return 0;
	record = gl_image_lane_record(image, service, lane);
	if (!record)
		return 0;
	count = record->count[0];
	if (!gl_image_is_ipv4(&ret->addr)) {
		skip = count;
		count = record->count[1];
	}
	if (!count)
		return 0;
	endpoint = gl_image_at(image,
			       record->endpoints_off + (u64)(skip + n % count) * sizeof(*endpoint));
	*ret = *endpoint;
	return (int)count;
}

#endif
