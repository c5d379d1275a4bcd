/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: what graylinkd was asked to do. A configuration file holds the long options, one per line, without dashes
 * ("attach = veth1,veth2", "clsact"); `#` begins a comment; the command line comes after it and wins.
 */
#ifndef GL_OPTIONS_H
#define GL_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"

struct gl_options {
	char socket[PATH_MAX];
	char state_dir[PATH_MAX];
	char bpffs[PATH_MAX];
	char http[128];			/* ADDR:PORT; "off": none */
	char attach[PATH_MAX];		/* names separated by commas; "auto": every pod's interface; "": none */
	char policy[PATH_MAX];		/* "": none */
	uint32_t mark_mask;		/* 0: default */
	uint64_t stale_after_ns;
	bool clsact;
	bool detach_on_exit;
	enum gl_log_level log_level;
	enum { GL_RUN, GL_RUN_CHECK, GL_RUN_REMOVE, GL_RUN_HELP, GL_RUN_VERSION } run;
};

/* gl_options_parse: 0, or -EINVAL with @why. */
int gl_options_parse(struct gl_options *options, int argc, char **argv, struct gl_why *why);

/* gl_options_help: prints the options. */
void gl_options_help(void);

#endif
