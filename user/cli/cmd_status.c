/* SPDX-License-Identifier: Apache-2.0 */
/* status: where a release stands and what its lanes do. */
#include <math.h>
#include <string.h>

#include "cli/verbs.h"

static void show_title(struct gl_cli *cli, const cJSON *r)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(r, "version");
	const char *state = gl_json_string(r, "state", "");
	const char *summary = gl_json_string(version, "summary", NULL);

	gl_grid_text(cli->out, gl_json_string(r, "namespace", ""));
	fputc('/', cli->out);
	gl_grid_text(cli->out, gl_json_string(r, "name", ""));
	fputs("  ", cli->out);
	gl_tint_text(cli->out, cli->colour, gl_tint_of_state(state), state);
	fputs("\n", cli->out);
	fputs("Lane     ", cli->out);
	gl_grid_text(cli->out, gl_json_string(r, "lane", ""));
	if (gl_json_string(version, "name", NULL)) {
		fputs(", version ", cli->out);
		gl_grid_text(cli->out, gl_json_string(version, "name", ""));
	}
	if (gl_json_string(version, "author", NULL)) {
		fputs(" by ", cli->out);
		gl_grid_text(cli->out, gl_json_string(version, "author", ""));
	}
	if (summary) {
		fputs(": ", cli->out);
		gl_grid_text(cli->out, summary);
	}
	fputc('\n', cli->out);
}

/* "[5%] > 30% for 10m > 100%": the batch in force in brackets. */
static void show_batches(struct gl_cli *cli, const cJSON *r)
{
	const cJSON *b, *batch = cJSON_GetObjectItemCaseSensitive(r, "batch");
	double index = gl_json_number(batch, "index"), n = 0, duration;
	char buf[GL_HUMAN], age[GL_HUMAN];

	fputs("Batches  ", cli->out);
	cJSON_ArrayForEach(b, gl_json_array(r, "batches"))
	{
		n++;
		duration = gl_json_number(b, "durationSeconds");
		fprintf(cli->out, "%s%s%s%s%s%s", n > 1 ? " > " : "", n == index ? "[" : "",
			gl_human_weight(gl_json_number(b, "weight"), buf),
			duration > 0 ? " for " : "",
			duration > 0 ? gl_human_duration(duration, age) : "",
			n == index ? "]" : "");
	}
	fputc('\n', cli->out);
	fprintf(cli->out, "Weight   %s", gl_human_weight(gl_json_number(batch, "weight"), buf));
	if (!isnan(gl_json_number(r, "achievedWeight")))
		fprintf(cli->out, ", achieved %s",
			gl_human_percent(gl_json_number(r, "achievedWeight"), buf));
	fprintf(cli->out, ", for %s",
		gl_human_age(gl_json_string(batch, "since", NULL), cli->now, age));
	if (gl_json_string(batch, "endsAt", NULL))
		fprintf(cli->out, ", next in %s",
			gl_human_until(gl_json_string(batch, "endsAt", NULL), cli->now, age));
	fputc('\n', cli->out);
}

static void show_last(struct gl_cli *cli, const cJSON *r)
{
	const char *cause = gl_json_string(r, "cause", NULL),
		   *message = gl_json_string(r, "message", NULL);
	char age[GL_HUMAN];

	if (!cause)
		return;
	fputs("Last     ", cli->out);
	gl_grid_text(cli->out, cause);
	fprintf(cli->out, " %s ago",
		gl_human_age(gl_json_string(r, "changed", NULL), cli->now, age));
	if (message && *message) {
		fputs(": ", cli->out);
		gl_grid_text(cli->out, message);
	}
	fputc('\n', cli->out);
}

static void add_lane(struct gl_grid *g, const cJSON *service, const cJSON *lane, bool first,
		     bool wide)
{
	const cJSON *latency = cJSON_GetObjectItemCaseSensitive(lane, "latency");
	const cJSON *batch = cJSON_GetObjectItemCaseSensitive(lane, "sinceBatch");
	double errors = gl_json_number(lane, "errorRate");
	char buf[GL_HUMAN];

	if (first)
		gl_grid_addf(g, "%s%s", gl_json_string(service, "name", ""),
			     gl_json_true(service, "entry") ? " *" : "");
	else
		gl_grid_tint(g, GL_TINT_NONE, " ");
	gl_grid_add(g, gl_json_string(lane, "lane", ""));
	gl_grid_add(g, gl_human_count(gl_json_number(lane, "endpoints"), buf));
	gl_grid_add(g, gl_human_count(gl_json_number(lane, "requests"), buf));
	gl_grid_add(g, gl_human_rate(gl_json_number(lane, "rps"), buf));
	gl_grid_add(g, gl_human_percent(gl_json_number(lane, "share"), buf));
	gl_grid_tint(g, errors > 0 ? GL_TINT_BAD : GL_TINT_NONE, gl_human_percent(errors, buf));
	gl_grid_add(g, gl_human_seconds(gl_json_number(latency, "p50"), buf));
	if (wide)
		gl_grid_add(g, gl_human_seconds(gl_json_number(latency, "p90"), buf));
	gl_grid_add(g, gl_human_seconds(gl_json_number(latency, "p99"), buf));
	if (!wide)
		return;
	gl_grid_add(g, gl_human_count(gl_json_number(lane, "errors"), buf));
	gl_grid_add(g, gl_human_count(gl_json_number(lane, "fallbacks"), buf));
	gl_grid_add(g, gl_human_count(gl_json_number(batch, "requests"), buf));
	gl_grid_add(g, gl_human_percent(gl_json_number(batch, "share"), buf));
}

static void show_services(struct gl_cli *cli, const cJSON *r)
{
	bool wide = cli->output == GL_OUTPUT_WIDE;
	struct gl_grid *g = gl_grid_new(
		wide ? "SERVICE|LANE|>PODS|>REQUESTS|>REQ/S|>SHARE|>ERRORS|>P50|>P90|>P99|>FAILED|"
		       ">FALLBACKS|>THIS BATCH|>ITS SHARE" :
		       "SERVICE|LANE|>PODS|>REQUESTS|>REQ/S|>SHARE|>ERRORS|>P50|>P99");
	const cJSON *service, *lane;

	cJSON_ArrayForEach(service, gl_json_array(r, "services"))
	{
		const cJSON *lanes = gl_json_array(service, "lanes");

		cJSON_ArrayForEach(lane, lanes)
			add_lane(g, service, lane, lane == lanes->child, wide);
	}
	fputc('\n', cli->out);
	gl_grid_end(g, cli->out, cli->colour);
}

static void show_release(struct gl_cli *cli, const cJSON *r)
{
	show_title(cli, r);
	show_batches(cli, r);
	show_last(cli, r);
	show_services(cli, r);
}

static void show_all(struct gl_cli *cli, const struct gl_answer *a)
{
	const cJSON *releases = gl_json_array(a->data, "releases"), *r;
	double window = gl_json_number(a->data, "windowSeconds");

	cJSON_ArrayForEach(r, releases)
	{
		if (r != releases->child)
			fputc('\n', cli->out);
		show_release(cli, r);
	}
	if (!cJSON_GetArraySize(releases))
		fputs("no releases (apply -f FILE makes one)\n", cli->err);
	else if (!isnan(window))
		fprintf(cli->err, "\n* entry. Share, errors and latency: last %.0fs.\n", window);
	if (gl_json_true(a->data, "bypass"))
		fputs("bypass is on: everything new goes to base\n", cli->err);
	if (gl_json_number(a->data, "attached") == 0)
		fputs("no interface is attached: nothing is steered (attach --all)\n", cli->err);
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	const cJSON *releases;
	int ret = gl_client_ask(cli, "status", gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return ret;
	releases = gl_json_array(answer.data, "releases");
	if (!gl_output_value(cli, args->words_n && cJSON_GetArraySize(releases) == 1 ?
					  releases->child :
					  answer.data))
		show_all(cli, &answer);
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_status = {
	.name = "status",
	.group = "Look",
	.usage = "[NAME]",
	.summary = "where releases stand, and what their lanes do",
	.details =
		"-o json: with NAME the release's object, without it all of them and the agent's state.",
	.words_max = 1,
	.run = run,
};
