/* SPDX-License-Identifier: Apache-2.0 */
/* next: go to the next batch. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	return gl_change_release(cli, "next", args);
}

const struct gl_command gl_cmd_next = {
	.name = "next",
	.group = "Release",
	.usage = "NAME",
	.summary = "go to the next batch",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
