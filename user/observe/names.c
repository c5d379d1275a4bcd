/* SPDX-License-Identifier: Apache-2.0 */
/* names: names of ids from the policy's table (policy.h), where services are "namespace/name". */
#include "observe/state.h"
#include "policy/policy.h"

static bool service_name(void *ctx, u32 id, const char **ret_name, const char **ret_namespace)
{
	struct gl_observe *o = ctx;
	const char *both = gl_ids_service_name(o->ids, id);
	const char *slash = both ? strchr(both, '/') : NULL;

	if (!slash || (size_t)(slash - both) >= sizeof(o->namespace))
		return false;
	memcpy(o->namespace, both, slash - both);
	o->namespace[slash - both] = '\0';
	*ret_namespace = o->namespace;
	*ret_name = slash + 1;
	return true;
}

static const char *lane_name(void *ctx, u32 id)
{
	struct gl_observe *o = ctx;

	return gl_ids_lane_name(o->ids, id);
}

void gl_observe_set_ids(struct gl_observe *o, const struct gl_ids *ids)
{
	o->ids = ids;
	o->names =
		(struct gl_observe_names){ .ctx = o, .service = service_name, .lane = lane_name };
}
