/* SPDX-License-Identifier: Apache-2.0 */
/* wait: returns when a release is in a state. */
#include <errno.h>
#include <string.h>

#include "cli/verbs.h"

#define ASK_EVERY_NS 200000000L	/* the agent answers in well under a millisecond */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* "state=Waiting" or just "Waiting" -> the state in its own spelling, or NULL. */
static const char *find_state(const char *text)
{
	static const char *const states[] = { "Progressing", "Waiting",	   "Paused",
					      "Completed",   "RolledBack", "Finished" };
	size_t i;

	if (!strncmp(text, "state=", 6))
		text += 6;
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcasecmp(states[i], text))
			return states[i];
	return NULL;
}

/* Asks once. 1: it is in the state, 0: not yet, negative: failed with an exit status of -ret. */
static int ask(struct gl_cli *cli, const struct gl_args *args, const char *state)
{
	struct gl_answer answer;
	const cJSON *releases;
	int ret = gl_client_ask(cli, "status", gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return -ret;
	releases = gl_json_array(answer.data, "releases");
	ret = releases && releases->child &&
	      !strcmp(gl_json_string(releases->child, "state", ""), state);
	if (ret && !gl_output_value(cli, releases->child))
		gl_show_release_line(cli, releases->child, NULL);
	gl_answer_free(&answer);
	return ret;
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	const char *wanted = gl_args_value(args, "for"), *limit = gl_args_value(args, "timeout");
	const char *state = wanted ? find_state(wanted) : NULL;
	double seconds = limit ? gl_human_parse_duration(limit) : 60, end = now() + seconds;
	const struct timespec pause = { .tv_nsec = ASK_EVERY_NS };
	int ret;

	if (!state)
		return gl_cli_usage(
			cli, &gl_cmd_wait,
			"wait: --for=state=Progressing, Waiting, Paused, Completed, RolledBack "
			"or Finished");
	if (seconds < 0)
		return gl_cli_usage(cli, &gl_cmd_wait,
				    "--timeout %s: not a duration like 30s or 10m", limit);
	while (!(ret = ask(cli, args, state))) {
		if (now() >= end)
			return gl_cli_fail(cli, "%s did not become %s in %s", args->words[0], state,
					   limit ? limit : "60s");
		nanosleep(&pause, NULL);
	}
	return ret > 0 ? GL_EXIT_OK : -ret;
}

static const struct gl_option options[] = {
	{ 0, "for", "state=STATE",
	  "Progressing, Waiting, Paused, Completed, RolledBack or Finished" },
	{ 0, "timeout", "TIME", "give up after this long (default 60s): exit status 1" },
	{},
};

const struct gl_command gl_cmd_wait = {
	.name = "wait",
	.group = "Look",
	.usage = "NAME --for=state=STATE",
	.summary = "return when a release is in a state",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
