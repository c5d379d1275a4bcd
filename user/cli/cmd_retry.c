/* SPDX-License-Identifier: Apache-2.0 */
/* retry: start a rolled back release again at batch 1. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	return gl_change_release(cli, "retry", args);
}

const struct gl_command gl_cmd_retry = {
	.name = "retry",
	.group = "Release",
	.usage = "NAME",
	.summary = "start a rolled back release again at batch 1",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
