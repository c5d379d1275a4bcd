// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_policy: any bytes as a policy file. It is refused with a diagnosis or accepted; what is
 * accepted has a canonical form that means the same, and compiles or is refused with a diagnosis.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gl_image image;

static void check_canonical(const struct gl_release_spec *release)
{
	cJSON *json = gl_policy_to_json(release), *again;
	char *text = cJSON_PrintUnformatted(json), *text_again;
	struct gl_policy *policy;
	struct gl_diag diag;

	gl_diag_init(&diag);
	if (gl_policy_parse("canonical", text, strlen(text), &diag, &policy) ||
	    policy->count != 1) {
		gl_diag_print(&diag, stderr);
		abort();
	}
	again = gl_policy_to_json(&policy->releases[0]);
	text_again = cJSON_PrintUnformatted(again);
	if (strcmp(text, text_again))
		abort();
	free(text);
	free(text_again);
	cJSON_Delete(json);
	cJSON_Delete(again);
	gl_policy_free(policy);
	gl_diag_free(&diag);
}

static void check_compiles(const struct gl_policy *policy, struct gl_diag *diag)
{
	const struct gl_policy_set set = { .policies = &policy, .npolicies = 1 };
	struct gl_ids *ids = gl_ids_new();
	size_t before = diag->errors;
	int err = gl_policy_compile(&set, ids, &image, diag);

	if (err && err != -EINVAL && err != -E2BIG)
		abort();
	if (!err != (diag->errors == before))
		abort();
	if (!err && (image.head.size > GL_IMAGE_SIZE || image.head.magic != GL_IMAGE_MAGIC))
		abort();
	gl_ids_free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gl_policy *policy = NULL;
	struct gl_diag diag;
	char *text = malloc(size + 1);
	size_t i;
	int err;

	/* Of exactly this size, so that a read beyond it is seen. */
	memcpy(text, data, size);
	gl_diag_init(&diag);
	err = gl_policy_parse("fuzz", text, size, &diag, &policy);
	if (err ? err != -EINVAL || !diag.errors || policy :
		  diag.errors || !policy || !policy->count)
		abort();
	for (i = 0; !err && i < policy->count; i++)
		check_canonical(&policy->releases[i]);
	if (!err)
		check_compiles(policy, &diag);
	gl_policy_free(policy);
	gl_diag_free(&diag);
	free(text);
	return 0;
}
