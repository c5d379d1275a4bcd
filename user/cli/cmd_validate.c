/* SPDX-License-Identifier: Apache-2.0 */
/* validate: checks policies here, with the agent's own code; needs no agent and no privilege. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"
#include "policy/policy.h"

struct checked {
	struct gl_policy *policies[GL_CLI_ARGS_MAX];
	size_t n;
	struct gl_diag diag;
};

/* Each file by itself; when all are good, together (lanes, frontends and weights of several releases). 0 or -ENOMEM. */
static int check(const struct gl_files *files, struct checked *c)
{
	struct gl_policy_set set = {};
	struct gl_image *image;
	struct gl_ids *ids;
	int err = 0;
	size_t i;

	for (i = 0; i < files->n && err != -ENOMEM; i++) {
		err = gl_policy_parse(files->file[i].name, files->file[i].text, files->file[i].len,
				      &c->diag, &c->policies[c->n]);
		c->n += !err;
	}
	if (err == -ENOMEM || c->diag.errors)
		return err == -ENOMEM ? err : 0;
	set.policies = (const struct gl_policy *const *)c->policies;
	set.npolicies = c->n;
	ids = gl_ids_new();
	image = calloc(1, sizeof(*image));
	err = ids && image ? gl_policy_compile(&set, ids, image, &c->diag) : -ENOMEM;
	free(image);
	gl_ids_free(ids);
	return err == -ENOMEM ? err : 0;
}

static void show(struct gl_cli *cli, const struct gl_files *files, const struct checked *c,
		 cJSON *diagnostics)
{
	size_t releases = 0, i;
	const cJSON *d;
	cJSON *object;

	if (cli->output == GL_OUTPUT_JSON || cli->output == GL_OUTPUT_YAML) {
		object = cJSON_CreateObject();
		cJSON_AddBoolToObject(object, "valid", !c->diag.errors);
		cJSON_AddItemToObject(object, "diagnostics", diagnostics);
		gl_output_value(cli, object);
		cJSON_Delete(object);
		return;
	}
	cJSON_ArrayForEach(d, diagnostics) gl_files_show(cli->err, files, d);
	cJSON_Delete(diagnostics);
	for (i = 0; i < c->n; i++)
		releases += c->policies[i]->count;
	if (!c->diag.errors)
		fprintf(cli->out, "valid: %zu release%s, %zu warning%s\n", releases,
			releases == 1 ? "" : "s", c->diag.warnings,
			c->diag.warnings == 1 ? "" : "s");
	else
		fprintf(cli->err, "not valid: %zu error%s\n", c->diag.errors,
			c->diag.errors == 1 ? "" : "s");
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_files files;
	struct checked c = {};
	int ret = gl_files_read(cli, &gl_cmd_validate, args, &files);
	size_t i;

	if (ret)
		return ret;
	gl_diag_init(&c.diag);
	if (check(&files, &c))
		ret = gl_cli_fail(cli, "out of memory");
	else
		show(cli, &files, &c, gl_diag_to_json(&c.diag));
	if (!ret && c.diag.errors)
		ret = GL_EXIT_FAILED;
	for (i = 0; i < c.n; i++)
		gl_policy_free(c.policies[i]);
	gl_diag_free(&c.diag);
	gl_files_free(&files);
	return ret;
}

static const struct gl_option options[] = {
	GL_OPTION_FILE,
	{},
};

const struct gl_command gl_cmd_validate = {
	.name = "validate",
	.group = "Policy",
	.usage = "-f FILE | FILE...",
	.summary = "check policies here; needs no agent and no privilege",
	.details = "Exit status: 0 valid (warnings allowed), 1 not valid.",
	.options = options,
	.words_max = GL_CLI_ARGS_MAX,
	.run = run,
};
