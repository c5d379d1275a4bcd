/* SPDX-License-Identifier: Apache-2.0 */
/* history: what happened to a release, when, why, and by whom. */
#include <math.h>
#include <string.h>

#include "cli/verbs.h"

static void add_step(struct gl_cli *cli, struct gl_grid *g, const cJSON *s)
{
	const cJSON *who = cJSON_GetObjectItemCaseSensitive(s, "who");
	const char *time = gl_json_string(s, "time", ""), *to = gl_json_string(s, "to", "");
	double uid = gl_json_number(who, "uid"), batch = gl_json_number(s, "batch");
	char buf[GL_HUMAN];

	if (cli->output == GL_OUTPUT_WIDE)
		gl_grid_add(g, time);
	else
		gl_grid_addf(g, "%.10s %.8s", time, strnlen(time, 32) > 11 ? time + 11 : "");
	gl_grid_add(g, gl_json_string(s, "from", ""));
	gl_grid_tint(g, gl_tint_of_state(to), to);
	if (isnan(batch))
		gl_grid_add(g, "");
	else
		gl_grid_addf(g, "%.0f", batch);
	gl_grid_add(g, gl_human_weight(gl_json_number(s, "weight"), buf));
	gl_grid_add(g, gl_json_string(s, "cause", ""));
	if (cli->output == GL_OUTPUT_WIDE && !isnan(uid))
		gl_grid_addf(g, "%s (%.0f)", gl_json_string(who, "name", ""), uid);
	else
		gl_grid_add(g, gl_json_string(who, "name", ""));
	gl_grid_add(g, gl_json_string(s, "message", ""));
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	struct gl_grid *g;
	const cJSON *step;
	int ret = gl_client_ask(cli, "history", gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return ret;
	if (!gl_output_value(cli, answer.data)) {
		g = gl_grid_new("TIME (UTC)|FROM|TO|>BATCH|>WEIGHT|CAUSE|WHO|MESSAGE");
		cJSON_ArrayForEach(step, gl_json_array(answer.data, "items"))
			add_step(cli, g, step);
		gl_grid_end(g, cli->out, cli->colour);
	}
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_history = {
	.name = "history",
	.group = "Look",
	.usage = "NAME",
	.summary = "what happened to a release, when, why and by whom",
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
