/* SPDX-License-Identifier: Apache-2.0 */
/* ids: how the compiler gives ids. Private to policy; the rest is in policy.h. */
#ifndef GL_POLICY_IDS_H
#define GL_POLICY_IDS_H

#include "policy/policy.h"

/* The id of a name, given now if it has none. 0, -ENOSPC (all ids are given), -ENOMEM. */
int gl_ids_give_service(struct gl_ids *ids, const char *namespace, const char *name, uint32_t *ret);
int gl_ids_give_lane(struct gl_ids *ids, const char *lane, uint32_t *ret);

#endif
