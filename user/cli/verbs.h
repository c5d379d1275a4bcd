/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: one row per verb, in the order of the help; each is defined in cmd_<verb>.c (promote stands beside batch, detach beside attach). */
#ifndef GL_CLI_VERBS_H
#define GL_CLI_VERBS_H

#include "cli/cli.h"

#define GL_VERBS(X) \
	X(apply) X(validate) X(delete) \
	X(next) X(batch) X(promote) X(pause) X(resume) X(rollback) X(retry) X(finish) \
	X(status) X(get) X(history) X(wait) X(metrics) \
	X(check) X(attach) X(detach) X(bypass) X(version) X(completion)

#define GL_X_COMMAND(name) extern const struct gl_command gl_cmd_##name;
GL_VERBS(GL_X_COMMAND)
#undef GL_X_COMMAND

#endif
