/* SPDX-License-Identifier: Apache-2.0 */
/* pause: stop the clock of the batches; steering stays as it is. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	return gl_change_release(cli, "pause", args);
}

const struct gl_command gl_cmd_pause = {
	.name = "pause",
	.group = "Release",
	.usage = "NAME",
	.summary = "stop the clock of the batches; steering stays as it is",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
