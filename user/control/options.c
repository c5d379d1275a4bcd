// SPDX-License-Identifier: Apache-2.0
/* options: see options.h. One table says the name, the argument, the default and the meaning of each. */
#include "control/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graylink/limits.h"

struct option {
	const char *name;
	const char *arg;	/* its name in the help; NULL: a switch */
	int (*set)(struct gl_options *options, const char *arg);	/* 0 or -EINVAL */
	const char *help;
};

static int copy(char *to, size_t size, const char *from)
{
	if (!from[0] || strlen(from) >= size)
		return -EINVAL;
	strcpy(to, from);
	return 0;
}

#define TEXT(field) \
	static int set_##field(struct gl_options *options, const char *arg) \
	{ \
		return copy(options->field, sizeof(options->field), arg); \
	}
TEXT(socket)
TEXT(state_dir)
TEXT(bpffs)
TEXT(http)
TEXT(attach)
TEXT(policy)

static int set_mark(struct gl_options *options, const char *arg)
{
	char *end;
	unsigned long mask = strtoul(arg, &end, 0);

	if (*end || !isdigit((unsigned char)arg[0]) || mask > UINT32_MAX ||
	    __builtin_popcountl(mask) != 2)
		return -EINVAL;
	options->mark_mask = (uint32_t)mask;
	return 0;
}

static int set_stale(struct gl_options *options, const char *arg)
{
	char *end;
	unsigned long seconds = strtoul(arg, &end, 10);

	if (*end || !isdigit((unsigned char)arg[0]) || seconds > 1000000000UL)
		return -EINVAL;
	options->stale_after_ns = seconds * 1000000000ULL;
	return 0;
}

static int set_log(struct gl_options *options, const char *arg)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(arg, words[i])) {
			options->log_level = (enum gl_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_clsact(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->clsact = true;
	return 0;
}

static int set_detach(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->detach_on_exit = true;
	return 0;
}

static int set_check(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->run = GL_RUN_CHECK;
	return 0;
}

static int set_remove(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->run = GL_RUN_REMOVE;
	return 0;
}

static int set_help(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->run = GL_RUN_HELP;
	return 0;
}

static int set_version(struct gl_options *options, const char *arg)
{
	(void)arg;
	options->run = GL_RUN_VERSION;
	return 0;
}

/* Read before the others; here only so that it is known. */
static int set_config(struct gl_options *options, const char *arg)
{
	(void)options;
	return arg[0] ? 0 : -EINVAL;
}

static const struct option table[] = {
	{ "config", "FILE", set_config,
	  "read options from FILE: long options, one per line, without dashes" },
	{ "socket", "PATH", set_socket, "control socket (/run/graylink/graylinkd.sock)" },
	{ "state-dir", "DIR", set_state_dir, "releases and their history (/var/lib/graylink)" },
	{ "bpffs", "DIR", set_bpffs, "pinned maps, programs and links (/sys/fs/bpf/graylink)" },
	{ "http", "ADDR:PORT|off", set_http, "metrics, health and status (127.0.0.1:9847)" },
	{ "attach", "IFACE[,..]|auto", set_attach,
	  "host sides of pods' veths; auto: each veth whose peer is in another namespace" },
	{ "policy", "FILE|DIR", set_policy, "applied at start, when it changes, and at SIGHUP" },
	{ "mark-mask", "MASK", set_mark,
	  "the two bits of skb->mark that are graylink's (0x30000000)" },
	{ "stale-after", "SECONDS", set_stale,
	  "nothing new is steered when the agent is gone for so long; 0: never stale (600)" },
	{ "clsact", NULL, set_clsact, "use clsact filters although the kernel has tcx links" },
	{ "detach-on-exit", NULL, set_detach, "leave nothing attached or pinned at SIGTERM" },
	{ "log-level", "LEVEL", set_log, "debug, info, warn or error (info)" },
	{ "check", NULL, set_check, "say what this machine lacks, and end" },
	{ "remove", NULL, set_remove,
	  "detach everything and remove every pin below --bpffs, and end" },
	{ "help", NULL, set_help, "this text" },
	{ "version", NULL, set_version, "the version" },
};

void gl_options_help(void)
{
	char left[64];
	size_t i;

	printf("usage: graylinkd [OPTION]...\n\n"
	       "The agent of one node: loads the programs that steer requests, attaches them to pods'\n"
	       "interfaces, keeps releases, answers graylinkctl. Stays in the foreground.\n\n");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].arg ? " " : "",
			 table[i].arg ? table[i].arg : "");
		printf("  %-26s %s\n", left, table[i].help);
	}
	printf("\nSIGTERM ends the agent; what is attached goes on steering. SIGHUP reads --policy again.\n"
	       "Exit status: 0 done, 1 failed, 2 usage.\n");
}

static const struct option *find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].name) == len && !strncmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

/* One option with its argument, if it has one. @where: for the words. */
static int set(struct gl_options *options, const struct option *option, const char *arg,
	       const char *where, struct gl_why *why)
{
	if (option->arg && !arg)
		return gl_why_set(why, -EINVAL, "%s%s needs %s", where, option->name, option->arg);
	if (!option->arg && arg)
		return gl_why_set(why, -EINVAL, "%s%s takes no argument", where, option->name);
	if (option->set(options, arg))
		return gl_why_set(why, -EINVAL, "%s%s: \"%.200s\" is not %s", where, option->name,
				  arg, option->arg);
	return 0;
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r\n");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return text;
}

/* One line of the configuration file: "name", "name value" or "name = value". */
static int config_line(struct gl_options *options, char *line, const char *where,
		       struct gl_why *why)
{
	const struct option *option;
	char *name, *arg;
	size_t len;

	line[strcspn(line, "#")] = '\0';
	name = trim(line);
	if (!*name)
		return 0;
	len = strcspn(name, " \t=");
	option = find(name, len);
	if (!option || !strcmp(option->name, "config"))
		return gl_why_set(why, -EINVAL, "%sunknown option \"%.*s\"", where, (int)len, name);
	arg = trim(name + len);
	if (*arg == '=')
		arg = trim(arg + 1);
	return set(options, option, *arg ? arg : NULL, where, why);
}

static int read_config(struct gl_options *options, const char *path, struct gl_why *why)
{
	char line[PATH_MAX + 256], where[PATH_MAX + 32];
	FILE *f = fopen(path, "re");
	int err = 0, n = 0;

	if (!f)
		return gl_why_set(why, -EINVAL, "read %s: %s", path, strerror(errno));
	while (!err && fgets(line, sizeof(line), f)) {
		snprintf(where, sizeof(where), "%s:%d: ", path, ++n);
		err = config_line(options, line, where, why);
	}
	fclose(f);
	return err;
}

/* The option that argv[*at] is, and its argument, which may be the next one. NULL: with @why. */
static const struct option *next(int argc, char **argv, int *at, const char **ret_arg,
				 struct gl_why *why)
{
	const char *word = argv[*at], *eq = strchr(word, '=');
	const struct option *option = NULL;

	if (!strncmp(word, "--", 2))
		option = find(word + 2, eq ? (size_t)(eq - word - 2) : strlen(word + 2));
	if (!strcmp(word, "-h"))
		option = find("help", 4);
	if (!option) {
		gl_why_set(why, -EINVAL, "unknown option %.200s", word);
		return NULL;
	}
	*ret_arg = eq ? eq + 1 : NULL;
	if (!eq && option->arg && *at + 1 < argc)
		*ret_arg = argv[++*at];
	return option;
}

int gl_options_parse(struct gl_options *options, int argc, char **argv, struct gl_why *why)
{
	const struct option *option;
	int pass, at, err;
	const char *arg;
	bool config;

	memset(options, 0, sizeof(*options));
	strcpy(options->socket, "/run/graylink/graylinkd.sock");
	strcpy(options->state_dir, "/var/lib/graylink");
	strcpy(options->bpffs, "/sys/fs/bpf/graylink");
	strcpy(options->http, "127.0.0.1:9847");
	options->stale_after_ns = GL_STALE_AFTER_NS;
	options->log_level = GL_LOG_INFO;
	for (pass = 0; pass < 2; pass++) {
		for (at = 1; at < argc; at++) {
			option = next(argc, argv, &at, &arg, why);
			if (!option)
				return -EINVAL;
			config = !strcmp(option->name, "config");
			if (config != !pass)
				continue;
			err = set(options, option, arg, "--", why);
			if (!err && config)
				err = read_config(options, arg, why);
			if (err)
				return err;
		}
	}
	return 0;
}
