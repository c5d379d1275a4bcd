/* SPDX-License-Identifier: Apache-2.0 */
/* cli: parse, find the verb, run it. */
#include <string.h>

#include "cli/cli.h"
#include "version.h"

int gl_cli_main(int argc, char *const argv[], const struct gl_cli_env *env)
{
	struct gl_cli cli = {
		.out = env->out,
		.err = env->err,
		.socket = env->socket ? env->socket : GL_CLI_SOCKET,
		.colour = env->colour,
		.now = env->now,
	};
	const struct gl_command *command = NULL;
	struct gl_args args = {};

	if (argc <= 1) {
		gl_help_all(cli.err);
		return GL_EXIT_USAGE;
	}
	switch (gl_args_parse(argc, argv, &cli, &command, &args)) {
	case GL_PARSED_ERROR:
		return GL_EXIT_USAGE;
	case GL_PARSED_HELP:
		if (command)
			gl_help_command(cli.out, command);
		else
			gl_help_all(cli.out);
		return GL_EXIT_OK;
	case GL_PARSED_VERSION:
		fprintf(cli.out, "graylinkctl %s\n", GL_VERSION);
		return GL_EXIT_OK;
	case GL_PARSED_OK:
		break;
	}
	return command->run(&cli, &args);
}
