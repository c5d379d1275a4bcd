// SPDX-License-Identifier: Apache-2.0
/*
 * reload: --policy, a file or a directory of .yaml, .yml and .json files, applied at start, at SIGHUP and when it changes.
 * A bad one changes nothing. A release that is no longer in it stays: only `delete` ends one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/agent.h"

#define FILES_MAX 256

struct files {
	struct gl_release_source sources[FILES_MAX];
	size_t n;
};

static void files_free(struct files *files)
{
	while (files->n--) {
		free((char *)files->sources[files->n].file);
		free((char *)files->sources[files->n].text);
	}
}

/* Reads one policy file. 0 or a negative errno. */
static int read_text(const char *path, char **ret, size_t *ret_len)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	char *text;
	int err = 0;

	if (!f)
		return -errno;
	if (fstat(fileno(f), &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	text = err ? NULL : malloc(GL_POLICY_TEXT_MAX + 2);
	if (!err && !text)
		err = -ENOMEM;
	if (!err) {
		*ret_len = fread(text, 1, GL_POLICY_TEXT_MAX + 1, f);
		if (ferror(f))
			err = -EIO;
		else if (*ret_len > GL_POLICY_TEXT_MAX)
			err = -EFBIG;
		else
			text[*ret_len] = '\0';
	}
	fclose(f);
	if (err)
		free(text);
	else
		*ret = text;
	return err;
}

static int add_file(struct files *files, const char *path)
{
	struct gl_release_source *source = &files->sources[files->n];
	char *text = NULL;
	int err;

	if (files->n == FILES_MAX)
		return -E2BIG;
	err = read_text(path, &text, &source->len);
	if (err)
		return err;
	source->text = text;
	source->file = strdup(path);
	files->n++;
	return source->file ? 0 : -ENOMEM;
}

static int is_policy(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	/* A ConfigMap's own links begin with a dot. */
	return entry->d_name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int read_files(const char *path, struct files *files)
{
	struct dirent **entries;
	char name[PATH_MAX];
	struct stat st;
	int err = 0, n, i;

	if (stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return add_file(files, path);
	n = scandir(path, &entries, is_policy, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (!err && snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) >=
				    (int)sizeof(name))
			err = -ENAMETOOLONG;
		if (!err)
			err = add_file(files, name);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static void log_diag(const struct gl_diag *diag)
{
	char *text;
	size_t i;

	for (i = 0; i < diag->count; i++) {
		text = gl_diag_format(&diag->items[i]);
		if (text)
			gl_log(diag->items[i].severity == GL_DIAG_ERROR ? GL_LOG_ERROR :
									  GL_LOG_WARN,
			       "policy", "%s", text);
		free(text);
	}
}

static int apply_files(struct gl_agent *agent, const struct files *files, const char *cause)
{
	struct gl_release_apply what = {
		.sources = files->sources,
		.n = files->n,
		.message = agent->policy,
		.cause = cause,
		/* Nobody is there who could: a warning has to do. */
		.force = true,
	};
	struct gl_release_change *changes;
	struct gl_why why = { "" };
	struct gl_diag diag;
	size_t n, i, changed = 0;
	int err;

	gl_diag_init(&diag);
	err = gl_releases_apply(agent->releases, &what, &diag, &changes, &n, &why);
	log_diag(&diag);
	gl_diag_free(&diag);
	if (err) {
		gl_log(GL_LOG_ERROR, "policy", "%s is refused, what was in force stays: %s",
		       agent->policy, why.text);
		return -1;
	}
	for (i = 0; i < n; i++)
		changed += changes[i].what != GL_RELEASE_SAME;
	gl_log(GL_LOG_INFO, "policy",
	       "%s is applied: %zu releases, %zu of them changed, generation %u", agent->policy, n,
	       changed, gl_datapath_generation(agent->dp));
	gl_agent_changed(agent);
	gl_agent_count_older(agent, changes, n, NULL);
	gl_release_changes_free(changes, n);
	return 0;
}

int gl_agent_reload(struct gl_agent *agent, const char *cause)
{
	struct files *files = calloc(1, sizeof(*files));
	int err = -ENOMEM;

	if (files)
		err = read_files(agent->policy, files);
	if (err)
		gl_log(GL_LOG_ERROR, "policy", "%s cannot be read, what was in force stays: %s",
		       agent->policy, strerror(-err));
	else
		err = apply_files(agent, files, cause);
	gl_observe_set_reload(agent->observe, !err);
	if (files)
		files_free(files);
	free(files);
	return err ? -1 : 0;
}
