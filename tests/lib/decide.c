// SPDX-License-Identifier: Apache-2.0
/* decide: see decide.h. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/decide.h"

void decide_init(struct decide *decide)
{
	memset(decide, 0, sizeof(*decide));
	gl_diag_init(&decide->diag);
	decide->ids = gl_ids_new();
	decide->image = calloc(1, sizeof(*decide->image));
	assert_non_null(decide->ids);
	assert_non_null(decide->image);
}

void decide_free(struct decide *decide)
{
	size_t i;

	for (i = 0; i < decide->npolicies; i++)
		gl_policy_free(decide->policies[i]);
	gl_ids_free(decide->ids);
	free(decide->image);
	gl_diag_free(&decide->diag);
}

void decide_add(struct decide *decide, const char *text)
{
	int err = gl_policy_parse("test.yaml", text, strlen(text), &decide->diag,
				  &decide->policies[decide->npolicies]);

	if (err)
		gl_diag_print(&decide->diag, stderr);
	assert_int_equal(err, 0);
	decide->npolicies++;
}

void decide_steer(struct decide *decide, const char *namespace, const char *name, bool active,
		  bool rules, uint32_t weight_ppm)
{
	struct gl_release_steer steer = {
		.namespace = namespace,
		.name = name,
		.lane_active = active,
		.rules = rules,
		.weight_ppm = weight_ppm,
	};
	size_t i;

	for (i = 0; i < decide->nsteer; i++)
		if (!strcmp(decide->steer[i].name, name))
			break;
	assert_true(i < DECIDE_POLICIES);
	decide->steer[i] = steer;
	if (i == decide->nsteer)
		decide->nsteer++;
}

int decide_compile(struct decide *decide)
{
	struct gl_policy_set set = { (const struct gl_policy *const *)decide->policies,
				     decide->npolicies, decide->steer, decide->nsteer };

	return gl_policy_compile(&set, decide->ids, decide->image, &decide->diag);
}

static uint32_t service_id(const struct decide *decide, const char *service)
{
	const char *slash = strchr(service, '/');
	char namespace[64];
	uint32_t id;

	assert_non_null(slash);
	snprintf(namespace, sizeof(namespace), "%.*s", (int)(slash - service), service);
	id = gl_ids_service(decide->ids, namespace, slash + 1);
	assert_int_not_equal(id, 0);
	return id;
}

void decide_scan(struct decide *decide, const char *service, const char *request, size_t len)
{
	struct gl_service_info info = { 0 };

	gl_image_service(decide->image, service_id(decide, service), &info);
	assert_true(len <= GL_HEAD_MAX);
	memset(&decide->buf, 0xee, sizeof(decide->buf));
	memcpy(&decide->buf, request, len);
	gl_head_start(&decide->head, 0, info.interest);
	assert_int_equal(gl_head_scan(&decide->buf, (u32)len, &decide->head), len);
}

void decide_head(struct decide *decide, const char *service, struct gl_colour *colour)
{
	colour->service = service_id(decide, service);
	/* What an earlier decision left in the scratch must not matter. */
	memset(&colour->work, 0xa5, sizeof(colour->work));
	memset(&colour->member, 0x5a, sizeof(colour->member));
	assert_int_equal(gl_colour_decide(decide->image, &decide->buf, &decide->head, colour), 0);
}

void decide_lines(struct decide *decide, const char *service, const char *lines,
		  struct gl_colour *colour)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: h\r\n";
	char request[GL_HEAD_MAX];
	int len = snprintf(request, sizeof(request), "%s%s\r\n", start, lines);

	assert_true(len > 0 && (size_t)len < sizeof(request));
	decide_scan(decide, service, request, (size_t)len);
	colour->client = decide_addr("10.0.0.1");
	decide_head(decide, service, colour);
}

const char *decide_lane(const struct decide *decide, uint32_t lane)
{
	return gl_ids_lane_name(decide->ids, lane);
}

struct gl_addr decide_addr(const char *ip)
{
	struct gl_addr ret = { { 0 } };

	if (inet_pton(AF_INET, ip, &ret.w[3]) == 1)
		ret.w[2] = htonl(0xffff);
	else
		assert_int_equal(inet_pton(AF_INET6, ip, &ret), 1);
	return ret;
}
