/* SPDX-License-Identifier: Apache-2.0 */
/* version: of this program, and of the agent where there is one. */

#include "cli/verbs.h"
#include "version.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	bool agent = !gl_client_ask_quietly(cli, "version", NULL, &answer) &&
		     gl_json_true(answer.whole, "ok");
	cJSON *object = cJSON_CreateObject();
	char age[GL_HUMAN];

	(void)args;
	cJSON_AddStringToObject(object, "client", GL_VERSION);
	cJSON_AddItemToObject(object, "agent",
			      agent ? cJSON_Duplicate(answer.data, true) : cJSON_CreateNull());
	if (!gl_output_value(cli, object)) {
		fprintf(cli->out, "graylinkctl %s\n", GL_VERSION);
		if (agent)
			fprintf(cli->out, "graylinkd   %s (schema %.0f, kernel %s, up for %s)\n",
				gl_json_string(answer.data, "version", "?"),
				gl_json_number(answer.data, "schema"),
				gl_json_string(answer.data, "kernel", "?"),
				gl_human_age(gl_json_string(answer.data, "started", NULL), cli->now,
					     age));
		else
			fprintf(cli->err, "no agent answers at %s\n", cli->socket);
	}
	cJSON_Delete(object);
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_version = {
	.name = "version",
	.group = "Node",
	.usage = "",
	.summary = "versions of this program and of the agent",
	.run = run,
};
