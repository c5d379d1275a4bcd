/* SPDX-License-Identifier: Apache-2.0 */
/* graylinkctl: the command line of graylink. Everything is in cli/; here is what depends on the process. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Colours: only on a terminal that can, and not when NO_COLOR (https://no-color.org) is set and not empty. */
static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}

int main(int argc, char **argv)
{
	const struct gl_cli_env env = {
		.out = stdout,
		.err = stderr,
		.colour = wants_colour(),
		.socket = getenv("GRAYLINK_SOCKET"),
		.now = time(NULL),
	};
	int ret;

	/* an agent that goes away, or `| head`, is an error that we report */
	signal(SIGPIPE, SIG_IGN);
	ret = gl_cli_main(argc, argv, &env);
	if (fflush(stdout) || ferror(stdout)) {
		fputs("graylinkctl: stdout: the output could not be written\n", stderr);
		return GL_EXIT_FAILED;
	}
	return ret;
}
