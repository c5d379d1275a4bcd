/* SPDX-License-Identifier: Apache-2.0 */
/* batch, promote: go to a batch. */
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"

static int go(struct gl_cli *cli, const struct gl_args *args, unsigned long index)
{
	struct gl_args name_only = *args;
	struct gl_answer answer;
	cJSON *request;
	int ret;

	name_only.words_n = 1;
	request = gl_client_args(cli, &name_only);
	if (index)
		cJSON_AddNumberToObject(request, "index", index);
	else
		cJSON_AddTrueToObject(request, "last");
	ret = gl_client_ask(cli, "batch", request, NULL, &answer);
	if (ret)
		return ret;
	ret = gl_show_change(cli, &answer);
	gl_answer_free(&answer);
	return ret;
}

static int run_batch(struct gl_cli *cli, const struct gl_args *args)
{
	const char *word = args->words[1];
	unsigned long index;
	char *end;

	if (!strcmp(word, "last"))
		return go(cli, args, 0);
	index = strtoul(word, &end, 10);
	if (*end || word[0] < '1' || word[0] > '9' || index > 1000000)
		return gl_cli_usage(cli, &gl_cmd_batch,
				    "batch: %s is not the number of a batch (from 1), nor `last`",
				    word);
	return go(cli, args, index);
}

static int run_promote(struct gl_cli *cli, const struct gl_args *args)
{
	return go(cli, args, 0);
}

const struct gl_command gl_cmd_batch = {
	.name = "batch",
	.group = "Release",
	.usage = "NAME N",
	.summary = "go to batch N (from 1, or `last`)",
	.details = "Forward or back, from any state that steers.",
	.words_min = 2,
	.words_max = 2,
	.changes = true,
	.run = run_batch,
};

const struct gl_command gl_cmd_promote = {
	.name = "promote",
	.group = "Release",
	.usage = "NAME",
	.summary = "go to the last batch: all traffic to the lane",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run_promote,
};
