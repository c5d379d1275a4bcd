/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide: from the texts of a policy and of a request to a decision, as the kernel would make it.
 */
#ifndef TESTS_LIB_DECIDE_H
#define TESTS_LIB_DECIDE_H

#include "core/colour.h"
#include "policy/policy.h"

#define DECIDE_POLICIES 8

struct decide {
	struct gl_policy *policies[DECIDE_POLICIES];
	size_t npolicies;
	struct gl_release_steer steer[DECIDE_POLICIES];
	size_t nsteer;
	struct gl_ids *ids;
	struct gl_image *image;
	struct gl_diag diag;
	struct gl_head_buf buf;
	struct gl_head head;
};

void decide_init(struct decide *decide);
void decide_free(struct decide *decide);
/* Parses a policy; it must be right (else the diagnosis is printed and the test fails). */
void decide_add(struct decide *decide, const char *text);
/* Where a release stands, from the next compilation on. */
void decide_steer(struct decide *decide, const char *namespace, const char *name, bool active,
		  bool rules, uint32_t weight_ppm);
/* Compiles what was added; returns gl_policy_compile's result. */
int decide_compile(struct decide *decide);
/*
 * Reads the head of a request to a service ("namespace/name") of the image; it must be complete and
 * right.
 */
void decide_scan(struct decide *decide, const char *service, const char *request, size_t len);
/* Decides that head; colour->client and random are the caller's. */
void decide_head(struct decide *decide, const char *service, struct gl_colour *colour);
/*
 * All of it: the head is "GET / HTTP/1.1\r\nHost: h\r\n", then @lines (each with its CRLF), from a
 * client "10.0.0.1".
 */
void decide_lines(struct decide *decide, const char *service, const char *lines,
		  struct gl_colour *colour);
/* Name of a lane. */
const char *decide_lane(const struct decide *decide, uint32_t lane);
struct gl_addr decide_addr(const char *ip);

#endif
