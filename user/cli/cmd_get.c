/* SPDX-License-Identifier: Apache-2.0 */
/* get: lists of releases, services, endpoints and connections. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"

static void show_releases(struct gl_cli *cli, const cJSON *items)
{
	bool wide = cli->output == GL_OUTPUT_WIDE;
	struct gl_grid *g = gl_grid_new(
		wide ? "NAMESPACE|NAME|LANE|STATE|BATCH|>WEIGHT|>AGE|VERSION|ENTRIES|SERVICES" :
		       "NAMESPACE|NAME|LANE|STATE|BATCH|>WEIGHT|>AGE|VERSION");
	char buf[GL_HUMAN], text[256];
	const cJSON *r;

	cJSON_ArrayForEach(r, items)
	{
		const cJSON *batch = cJSON_GetObjectItemCaseSensitive(r, "batch");
		const char *state = gl_json_string(r, "state", "");

		gl_grid_add(g, gl_json_string(r, "namespace", ""));
		gl_grid_add(g, gl_json_string(r, "name", ""));
		gl_grid_add(g, gl_json_string(r, "lane", ""));
		gl_grid_tint(g, gl_tint_of_state(state), state);
		gl_grid_addf(g, "%.0f/%.0f", gl_json_number(batch, "index"),
			     gl_json_number(batch, "count"));
		gl_grid_add(g, gl_human_weight(gl_json_number(batch, "weight"), buf));
		gl_grid_add(g, gl_human_age(gl_json_string(r, "created", NULL), cli->now, buf));
		gl_grid_add(g, gl_json_string(cJSON_GetObjectItemCaseSensitive(r, "version"),
					      "name", ""));
		if (wide) {
			gl_grid_add(g,
				    gl_json_join(gl_json_array(r, "entries"), text, sizeof(text)));
			gl_grid_add(g,
				    gl_json_join(gl_json_array(r, "services"), text, sizeof(text)));
		}
	}
	gl_grid_end(g, cli->out, cli->colour);
}

/* "base 2, v2 1" */
static const char *lanes_text(const cJSON *service, char *buf, size_t size)
{
	const cJSON *lane;
	size_t len = 0;
	char n[GL_HUMAN];

	buf[0] = '\0';
	cJSON_ArrayForEach(lane, gl_json_array(service, "lanes"))
	{
		if (len < size)
			len += snprintf(buf + len, size - len, "%s%s %s", len ? ", " : "",
					gl_json_string(lane, "lane", ""),
					gl_human_count(gl_json_number(lane, "endpoints"), n));
	}
	return buf;
}

static void show_services(struct gl_cli *cli, const cJSON *items)
{
	bool wide = cli->output == GL_OUTPUT_WIDE;
	struct gl_grid *g = gl_grid_new(
		wide ? "NAMESPACE|NAME|PROTOCOL|FRONTENDS|PODS|ENTRY|RELEASE|FALLBACK|>ID" :
		       "NAMESPACE|NAME|PROTOCOL|FRONTENDS|PODS|ENTRY");
	char text[256];
	const cJSON *s;

	cJSON_ArrayForEach(s, items)
	{
		gl_grid_add(g, gl_json_string(s, "namespace", ""));
		gl_grid_add(g, gl_json_string(s, "name", ""));
		gl_grid_add(g, gl_json_string(s, "protocol", ""));
		gl_grid_add(g, gl_json_join(gl_json_array(s, "frontends"), text, sizeof(text)));
		gl_grid_add(g, lanes_text(s, text, sizeof(text)));
		gl_grid_add(g, gl_json_true(s, "entry") ? "yes" : "");
		if (wide) {
			gl_grid_add(g, gl_json_string(s, "release", ""));
			gl_grid_add(g, gl_json_string(s, "fallback", ""));
			gl_grid_addf(g, "%.0f", gl_json_number(s, "id"));
		}
	}
	gl_grid_end(g, cli->out, cli->colour);
}

static void show_endpoints(struct gl_cli *cli, const cJSON *items)
{
	bool wide = cli->output == GL_OUTPUT_WIDE;
	struct gl_grid *g = gl_grid_new(
		wide ? "NAMESPACE|SERVICE|LANE|ADDRESS|HEALTH|>FAILURES|>LEFT ALONE|>MSS|RELEASE" :
		       "NAMESPACE|SERVICE|LANE|ADDRESS|HEALTH|>FAILURES");
	char buf[GL_HUMAN];
	const cJSON *e;

	cJSON_ArrayForEach(e, items)
	{
		const char *health = gl_json_string(e, "health", "");

		gl_grid_add(g, gl_json_string(e, "namespace", ""));
		gl_grid_add(g, gl_json_string(e, "service", ""));
		gl_grid_add(g, gl_json_string(e, "lane", ""));
		gl_grid_add(g, gl_json_string(e, "address", ""));
		gl_grid_tint(g, strcmp(health, "ready") ? GL_TINT_BAD : GL_TINT_GOOD, health);
		gl_grid_add(g, gl_human_count(gl_json_number(e, "failures"), buf));
		if (wide) {
			gl_grid_add(g, gl_human_duration(gl_json_number(e, "backoffSeconds"), buf));
			gl_grid_add(g, gl_human_count(gl_json_number(e, "mss"), buf));
			gl_grid_add(g, gl_json_string(e, "release", ""));
		}
	}
	gl_grid_end(g, cli->out, cli->colour);
}

static void show_connections(struct gl_cli *cli, const cJSON *items)
{
	gl_show_connections(cli, cli->out, items);
}

static const struct kind {
	const char *name;
	const char *others;	/* short names, between spaces */
	void (*show)(struct gl_cli *cli, const cJSON *items);
} kinds[] = {
	{ "releases", " release rel r ", show_releases },
	{ "services", " service svc s ", show_services },
	{ "endpoints", " endpoint ep e ", show_endpoints },
	{ "connections", " connection conn conns c ", show_connections },
};

static const struct kind *find_kind(const char *word)
{
	char spaced[32];
	size_t i;

	snprintf(spaced, sizeof(spaced), " %.20s ", word);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, word) || strstr(kinds[i].others, spaced))
			return &kinds[i];
	return NULL;
}

static cJSON *request(const struct gl_cli *cli, const struct gl_args *args, const struct kind *kind,
		      double limit)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "what", kind->name);
	if (args->words_n > 1)
		cJSON_AddStringToObject(object, "name", args->words[1]);
	if (cli->namespace)
		cJSON_AddStringToObject(object, "namespace", cli->namespace);
	if (limit > 0)
		cJSON_AddNumberToObject(object, "limit", limit);
	return object;
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	const struct kind *kind = args->words_n ? find_kind(args->words[0]) : &kinds[0];
	const char *limit = gl_args_value(args, "limit");
	struct gl_answer answer;
	const cJSON *items;
	char *end = NULL;
	int ret;

	if (!kind)
		return gl_cli_usage(cli, &gl_cmd_get, "get: there is no %s to list",
				    args->words[0]);
	if (limit && (strtoul(limit, &end, 10) < 1 || *end || *limit == '-'))
		return gl_cli_usage(cli, &gl_cmd_get, "--limit %s: not a number from 1", limit);
	ret = gl_client_ask(cli, "get", request(cli, args, kind, limit ? strtod(limit, NULL) : 0),
			    NULL, &answer);
	if (ret)
		return ret;
	items = gl_json_array(answer.data, "items");
	if (!gl_output_value(cli, answer.data) && cJSON_GetArraySize(items))
		kind->show(cli, items);
	if (!cJSON_GetArraySize(items))
		fprintf(cli->err, "no %s\n", kind->name);
	if (gl_json_true(answer.data, "truncated"))
		fprintf(cli->err, "there are more than these %d (--limit)\n",
			cJSON_GetArraySize(items));
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

static const struct gl_option options[] = {
	{ 0, "limit", "N", "at most so many (default 1000)" },
	{},
};

const struct gl_command gl_cmd_get = {
	.name = "get",
	.group = "Look",
	.usage = "[WHAT] [NAME]",
	.summary = "list releases, services, endpoints or connections",
	.details =
		"WHAT: releases (default), services, endpoints, connections; short: rel, svc, ep, conn. NAME: only that one; of endpoints and connections, those of that service.",
	.options = options,
	.words_max = 2,
	.run = run,
};
