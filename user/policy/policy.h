/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: from the text of a policy file to the image that the kernel decides by.
 *
 *	text --gl_policy_parse--> struct gl_policy (releases, read-only) --gl_policy_compile--> struct gl_image
 *
 * Nothing here does I/O except through the buffers that it is given, keeps global state, or logs:
 * what is wrong goes to struct gl_diag. Fields and their meaning: docs/policy.md. Weights are in
 * millionths (GL_WEIGHT_ONE is 100 %).
 */
#ifndef GL_POLICY_H
#define GL_POLICY_H

#include "diag.h"
#include "graylink/abi.h"
#include "graylink/image.h"

struct cJSON;

/* A policy text: bytes at most. */
#define GL_POLICY_TEXT_MAX	(1U << 20)

enum gl_protocol { GL_PROTOCOL_HTTP, GL_PROTOCOL_TCP };
enum gl_propagation { GL_PROPAGATION_TRACE, GL_PROPAGATION_INFLIGHT };
enum gl_fallback_mode { GL_FALLBACK_TO_BASE, GL_FALLBACK_TO_NONE };
enum gl_match_type { GL_MATCH_EXACT, GL_MATCH_PRESENT };
enum gl_sticky_kind { GL_STICKY_HEADER, GL_STICKY_COOKIE };

/* IP:port as written and as the kernel keeps it. */
struct gl_address_spec {
	struct gl_pos pos;
	const char *text;		/* canonical: "10.0.0.1:80" or "[fd00::1]:80" */
	struct gl_addr addr;
	uint16_t port;			/* host order */
};

struct gl_addresses_spec {
	const struct gl_address_spec *items;
	size_t count;
};

/* A network: an address belongs to it if (address & mask) == addr. */
struct gl_network_spec {
	struct gl_pos pos;
	const char *text;		/* canonical: "10.0.0.0/8" */
	struct gl_addr addr;
	struct gl_addr mask;
};

struct gl_header_spec {
	struct gl_pos pos;
	const char *name;		/* lower case */
	enum gl_match_type type;
	const char *value;		/* NULL unless Exact */
};

/* All headers hold: the match holds. */
struct gl_match_spec {
	struct gl_pos pos;
	bool base;			/* lane: base */
	const struct gl_header_spec *headers;
	size_t count;
};

struct gl_sticky_spec {
	struct gl_pos pos;
	enum gl_sticky_kind kind;
	const char *name;		/* header: lower case; cookie: as written */
};

struct gl_entry_spec {
	struct gl_pos pos;
	const char *service;		/* a name of spec.services */
	const struct gl_match_spec *matches;
	size_t nmatches;
	const struct gl_sticky_spec *sticky;
	size_t nsticky;
};

struct gl_batch_spec {
	struct gl_pos pos;
	uint32_t weight_ppm;		/* millionths */
	uint64_t duration_ns;		/* 0: waits for a person */
	bool implied;			/* not written: the last batch of 100 %, or the first of 0 % where batches is omitted */
};

struct gl_service_spec {
	struct gl_pos pos;
	const char *name;
	enum gl_protocol protocol;
	struct gl_addresses_spec frontends;
	struct gl_addresses_spec base;	/* empty: native */
	struct gl_addresses_spec gray;	/* empty: no gray version */
	enum gl_propagation propagation;
	enum gl_fallback_mode fallback;
};

struct gl_label_spec {
	struct gl_pos pos;
	const char *baggage_key;	/* exactly one of these two is set */
	const char *header;		/* lower case */
	bool trust_given;		/* false: clients whose veth we see, and at the entry nobody */
	const struct gl_network_spec *trust;
	size_t ntrust;
	bool strip;
};

struct gl_version_spec {
	const char *name, *author, *summary;	/* NULL: not given */
	const char *const *images;
	size_t nimages;
};

/* Kept and shown; not evaluated by this version. */
struct gl_guard_spec {
	struct gl_pos pos;
	uint64_t interval_ns;
	uint32_t min_requests;
	bool has_error_rate, has_latency, has_error_delta, has_latency_ratio;
	uint32_t max_error_rate_ppm;
	uint32_t quantile_ppm;		/* of maxLatency: P99 is 990000 */
	uint64_t max_latency_ns;
	uint32_t error_delta_ppm;
	uint64_t latency_ratio_ppm;	/* may exceed 100 % */
	uint32_t failures;
	bool pause_on_failure;		/* false: Rollback */
	bool next_on_success;		/* false: Wait */
};

struct gl_release_spec {
	struct gl_pos pos;		/* of the document's first key */
	const char *file;
	const char *namespace, *name;	/* "default" if omitted */
	const char *lane;
	struct gl_pos lane_pos;		/* of metadata.name where spec.lane is omitted */
	int32_t priority;		/* higher first, then namespace and name */
	struct gl_version_spec version;
	struct gl_label_spec label;
	const struct gl_entry_spec *entries;
	size_t nentries;
	const struct gl_batch_spec *batches;	/* never empty; the last is 100 % */
	size_t nbatches;
	const struct gl_guard_spec *guard;	/* NULL: none */
	const struct gl_service_spec *services;
	size_t nservices;
};

struct gl_policy {
	const struct gl_release_spec *releases;	/* in the order of the file */
	size_t count;
	void *memory;			/* private */
};

/*
 * Parses and checks a whole file (YAML of several documents, or JSON). @file is only named in
 * messages. 0: *ret is to be freed by gl_policy_free; warnings may be in @diag. -EINVAL: errors in
 * @diag, nothing in *ret. -ENOMEM.
 */
int gl_policy_parse(const char *file, const char *text, size_t len, struct gl_diag *diag,
		    struct gl_policy **ret);
void gl_policy_free(struct gl_policy *policy);

/*
 * One release as canonical JSON, which gl_policy_parse reads again to the same: what was written
 * and what is defaulted, in one order of keys, weights as shortest text. Equal specs give equal
 * texts: this is the change detection. NULL: no memory.
 */
struct cJSON *gl_policy_to_json(const struct gl_release_spec *release);

/* A weight as people write it: "5%", "0.05%"; buf of at least 16 bytes. Returns buf. */
const char *gl_weight_format(uint32_t weight_ppm, char *buf, size_t size);

/*
 * Names that last: services ("namespace/name") and lanes to ids, 1.. ; given once, never
 * renumbered.
 */
struct gl_ids;
struct gl_ids *gl_ids_new(void);	/* NULL: no memory */
void gl_ids_free(struct gl_ids *ids);
int gl_ids_load(const struct cJSON *json, struct gl_ids **ret);	/* 0, -EINVAL (damaged), -ENOMEM */
struct cJSON *gl_ids_save(const struct gl_ids *ids);			/* {"services":{"shop/web":1},"lanes":{"v2":1}} */
uint32_t gl_ids_service(const struct gl_ids *ids, const char *namespace, const char *name);	/* 0: none */
uint32_t gl_ids_lane(const struct gl_ids *ids, const char *lane);				/* 0: none, or "base" */
const char *gl_ids_service_name(const struct gl_ids *ids, uint32_t id);	/* "namespace/name"; NULL: none */
const char *gl_ids_lane_name(const struct gl_ids *ids, uint32_t id);		/* "base" for 0; NULL: none */

/* Where a release stands: what of it the image holds. */
struct gl_release_steer {
	const char *namespace, *name;
	bool gone;			/* Finished: nothing of the release is in the image, its services are not looked at */
	bool lane_active;		/* false (RolledBack): its services are counted, but nothing steers, and its label means nothing */
	bool rules;			/* its header matches are in force */
	uint32_t weight_ppm;		/* weight of its batch in force */
};

struct gl_policy_set {
	const struct gl_policy *const *policies;
	size_t npolicies;
	const struct gl_release_steer *steer;	/* a release that is not in it steers by its first batch, as `apply` does */
	size_t nsteer;
};

/*
 * Compiles all releases to one image. Deterministic: same input, same bytes (image->head.generation
 * is left 0; the caller sets it). Checks what only all of them together show (lanes, frontends,
 * weights at one entry); errors name the later one's text. Names without id get one in @ids, also
 * where the compilation fails. 0, -EINVAL (see @diag), -E2BIG (see @diag), -ENOMEM.
 */
int gl_policy_compile(const struct gl_policy_set *set, struct gl_ids *ids, struct gl_image *image,
		      struct gl_diag *diag);

#endif
