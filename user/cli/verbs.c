/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: the dispatch table. */
#include <string.h>

#include "cli/verbs.h"

#define ROW(name) &gl_cmd_##name,
const struct gl_command *const gl_commands[] = { GL_VERBS(ROW) NULL };

const struct gl_alias gl_aliases[] = {
	{ "abort", "rollback" }, { "undo", "rollback" }, { "list", "get" },
	{ "lint", "validate" },	 { NULL, NULL },
};

const struct gl_command *gl_command_find(const char *name)
{
	const struct gl_alias *a;
	size_t i;

	for (a = gl_aliases; a->name; a++)
		if (!strcmp(a->name, name))
			name = a->command;
	for (i = 0; gl_commands[i]; i++)
		if (!strcmp(gl_commands[i]->name, name))
			return gl_commands[i];
	return NULL;
}
