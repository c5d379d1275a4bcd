/* SPDX-License-Identifier: Apache-2.0 */
/* resume: let the clock of the batches go on. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	return gl_change_release(cli, "resume", args);
}

const struct gl_command gl_cmd_resume = {
	.name = "resume",
	.group = "Release",
	.usage = "NAME",
	.summary = "let the clock of the batches go on",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
