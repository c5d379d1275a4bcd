/* SPDX-License-Identifier: Apache-2.0 */
/* show: releases and connections in words, used by several verbs. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

void gl_show_release_line(struct gl_cli *cli, const cJSON *release, const char *change)
{
	const cJSON *batch = cJSON_GetObjectItemCaseSensitive(release, "batch");
	const char *state = gl_json_string(release, "state", "");
	double index = gl_json_number(batch, "index");
	char weight[GL_HUMAN];

	gl_grid_text(cli->out, gl_json_string(release, "namespace", ""));
	fputc('/', cli->out);
	gl_grid_text(cli->out, gl_json_string(release, "name", ""));
	if (change) {
		fputc(' ', cli->out);
		gl_grid_text(cli->out, change);
	}
	fputs(": ", cli->out);
	gl_tint_text(cli->out, cli->colour, gl_tint_of_state(state), state);
	if (index > 0)
		fprintf(cli->out, ", batch %.0f of %.0f", index, gl_json_number(batch, "count"));
	else if (!isnan(index))
		fprintf(cli->out, ", before batch 1 of %.0f", gl_json_number(batch, "count"));
	if (!isnan(gl_json_number(batch, "weight")))
		fprintf(cli->out, ", weight %s",
			gl_human_weight(gl_json_number(batch, "weight"), weight));
	fputc('\n', cli->out);
}

/* The answer's data with the generation beside it, as -o json shows it. */
static bool output_with_generation(struct gl_cli *cli, const struct gl_answer *a)
{
	cJSON *copy;

	if (cli->output != GL_OUTPUT_JSON && cli->output != GL_OUTPUT_YAML)
		return false;
	copy = cJSON_Duplicate(a->data, true);
	if (!isnan(a->generation) && !cJSON_HasObjectItem(copy, "generation"))
		cJSON_AddNumberToObject(copy, "generation", a->generation);
	gl_output_value(cli, copy);
	cJSON_Delete(copy);
	return true;
}

int gl_show_change(struct gl_cli *cli, const struct gl_answer *a)
{
	const cJSON *release = cJSON_GetObjectItemCaseSensitive(a->data, "release"), *item;

	if (output_with_generation(cli, a))
		return GL_EXIT_OK;
	if (release)
		gl_show_release_line(cli, release, NULL);
	cJSON_ArrayForEach(item, gl_json_array(a->data, "releases"))
		gl_show_release_line(cli, item, gl_json_string(item, "change", NULL));
	if (!isnan(a->generation))
		fprintf(cli->out, "generation %.0f decides\n", a->generation);
	return GL_EXIT_OK;
}

int gl_change_release(struct gl_cli *cli, const char *verb, const struct gl_args *args)
{
	struct gl_answer answer;
	int ret = gl_client_ask(cli, verb, gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return ret;
	ret = gl_show_change(cli, &answer);
	gl_answer_free(&answer);
	return ret;
}

/* Address of the leg in use, or of the first. */
static const char *leg_text(const cJSON *connection, char *buf, size_t size)
{
	const cJSON *leg, *shown = NULL;

	cJSON_ArrayForEach(leg, gl_json_array(connection, "legs")) if (!shown ||
								       gl_json_true(leg, "active"))
		shown = leg;
	snprintf(buf, size, "%s", shown ? gl_json_string(shown, "address", "") : "");
	return buf;
}

void gl_show_connections(struct gl_cli *cli, FILE *f, const cJSON *items)
{
	bool wide = cli->output == GL_OUTPUT_WIDE;
	struct gl_grid *g = gl_grid_new(
		wide ? "CLIENT|SERVICE|LANE|STATE|SERVED BY|>REQUESTS|>IDLE|INTERFACE|FRONTEND|>LEGS" :
		       "CLIENT|SERVICE|LANE|STATE|SERVED BY|>REQUESTS|>IDLE");
	char buf[GL_HUMAN], text[128];
	const cJSON *c;

	cJSON_ArrayForEach(c, items)
	{
		const char *state = gl_json_string(c, "state", ""),
			   *pin = gl_json_string(c, "pin", NULL);

		gl_grid_add(g, gl_json_string(c, "client", ""));
		gl_grid_add(g, gl_json_string(c, "service", ""));
		gl_grid_add(g, gl_json_string(c, "lane", ""));
		snprintf(text, sizeof(text), "%s%s%s%s", state, pin ? " (" : "", pin ? pin : "",
			 pin ? ")" : "");
		gl_grid_tint(g, pin ? GL_TINT_WARN : GL_TINT_NONE, text);
		gl_grid_add(g, leg_text(c, text, sizeof(text)));
		gl_grid_add(g, gl_human_count(gl_json_number(c, "requests"), buf));
		gl_grid_add(g, gl_human_duration(gl_json_number(c, "idleSeconds"), buf));
		if (wide) {
			gl_grid_add(g, gl_json_string(c, "interface", ""));
			gl_grid_add(g, gl_json_string(c, "frontend", ""));
			gl_grid_addf(g, "%d", cJSON_GetArraySize(gl_json_array(c, "legs")));
		}
	}
	gl_grid_end(g, f, cli->colour);
}
