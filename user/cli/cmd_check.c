/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: would it work here, and what would not be steered? The agent's own preflight where one answers; without an
 * agent, what can be seen from here.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/verbs.h"

static void add(cJSON *items, const char *name, const char *level, const char *message,
		const char *hint)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "name", name);
	cJSON_AddStringToObject(item, "level", level);
	cJSON_AddStringToObject(item, "message", message);
	if (hint)
		cJSON_AddStringToObject(item, "hint", hint);
	cJSON_AddItemToArray(items, item);
}

static void check_kernel(cJSON *items)
{
	struct utsname uts;
	unsigned int major = 0, minor = 0;

	if (uname(&uts) || sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		add(items, "kernel", "error", "its version cannot be read", NULL);
	else if (major < 6 || (major == 6 && minor < 1))
		add(items, "kernel", "error", uts.release, "graylink needs Linux 6.1 or newer");
	else
		add(items, "kernel", "ok", uts.release, NULL);
	if (strstr(uts.version, "PREEMPT_RT"))
		add(items, "preempt", "error", "PREEMPT_RT",
		    "graylink does not run on real-time kernels");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		add(items, "btf", "error", "/sys/kernel/btf/vmlinux is missing",
		    "a kernel with CONFIG_DEBUG_INFO_BTF");
	else
		add(items, "btf", "ok", "/sys/kernel/btf/vmlinux", NULL);
}

/* Where a file system of @type is mounted, in @dir (256 bytes). */
static bool find_mount(const char *type, char *dir)
{
	FILE *f = fopen("/proc/mounts", "re");
	char line[1024], at[256], is[64];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		found = sscanf(line, "%*s %255s %63s", at, is) == 2 && !strcmp(is, type);
		if (found)
			memcpy(dir, at, sizeof(at));
	}
	if (f)
		fclose(f);
	return found;
}

static void check_mounts(cJSON *items)
{
	char dir[256];

	if (find_mount("bpf", dir))
		add(items, "bpffs", "ok", dir, NULL);
	else
		add(items, "bpffs", "error", "not mounted", "mount -t bpf bpf /sys/fs/bpf");
	if (find_mount("cgroup2", dir))
		add(items, "cgroup2", "ok", dir, NULL);
	else
		add(items, "cgroup2", "warning", "not mounted",
		    "connections are shown without their cgroup");
}

static void check_bridge(cJSON *items)
{
	FILE *f = fopen("/proc/sys/net/bridge/bridge-nf-call-iptables", "re");
	int c = f ? fgetc(f) : -1;

	if (c == '0')
		add(items, "bridge", "warning", "bridge-nf-call-iptables is 0",
		    "with a bridge CNI, Services need sysctl net.bridge.bridge-nf-call-iptables=1");
	if (f)
		fclose(f);
}

static cJSON *look_around(void)
{
	cJSON *items = cJSON_CreateArray();

	if (geteuid())
		add(items, "user", "warning", "not root", "graylinkd and graylinkctl need root");
	check_kernel(items);
	check_mounts(items);
	check_bridge(items);
	return items;
}

/* Rows, and whether none of them is an error. */
static bool show(struct gl_cli *cli, const cJSON *data)
{
	const cJSON *items = gl_json_array(data, "items"), *i;
	bool table = !gl_output_value(cli, data), good = true;

	cJSON_ArrayForEach(i, items)
	{
		const char *level = gl_json_string(i, "level", ""),
			   *hint = gl_json_string(i, "hint", NULL);
		bool error = !strcmp(level, "error"), warning = !strcmp(level, "warning");

		good = good && !error;
		if (!table)
			continue;
		gl_tint_text(cli->out, cli->colour,
			     error   ? GL_TINT_BAD :
			     warning ? GL_TINT_WARN :
				       GL_TINT_GOOD,
			     level);
		fprintf(cli->out, "%*s", (int)(strlen(level) < 9 ? 9 - strlen(level) : 1), "");
		gl_grid_text(cli->out, gl_json_string(i, "name", ""));
		fputs(": ", cli->out);
		gl_grid_text(cli->out, gl_json_string(i, "message", ""));
		fputc('\n', cli->out);
		if (hint && *hint) {
			fputs("         ", cli->out);
			gl_grid_text(cli->out, hint);
			fputc('\n', cli->out);
		}
	}
	return good;
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	cJSON *local = NULL;
	bool good;

	(void)args;
	if (gl_client_ask_quietly(cli, "check", NULL, &answer) ||
	    !gl_json_true(answer.whole, "ok")) {
		fprintf(cli->err, "no agent answers at %s: this is what can be seen without one\n",
			cli->socket);
		local = cJSON_CreateObject();
		cJSON_AddItemToObject(local, "items", look_around());
	}
	good = show(cli, local ? local : answer.data);
	cJSON_Delete(local);
	gl_answer_free(&answer);
	return good ? GL_EXIT_OK : GL_EXIT_FAILED;
}

const struct gl_command gl_cmd_check = {
	.name = "check",
	.group = "Node",
	.usage = "",
	.summary = "would it work here, and what would not be steered",
	.details =
		"Exit status 1 when something is an error. Without an agent it looks at what can be seen from here.",
	.run = run,
};
