/* SPDX-License-Identifier: Apache-2.0 */
/* finish: end steering for good, once base runs the new version. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	return gl_change_release(cli, "finish", args);
}

static const struct gl_option options[] = {
	{ 0, "force", NULL, "also before the last batch: its traffic goes back to base" },
	{},
};

const struct gl_command gl_cmd_finish = {
	.name = "finish",
	.group = "Release",
	.usage = "NAME",
	.summary = "end steering for good, once base runs the new version",
	.details = "Keeps the release and its history; delete forgets them.",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
