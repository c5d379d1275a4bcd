// SPDX-License-Identifier: Apache-2.0
/* store: see store.h. */
#include "release/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger state files are not ours: a policy is at most 1 MiB, a history of 1,000 steps about as much. */
#define FILE_MAX  (16U << 20)
/* Bytes of a release's name that its file name keeps; the file system's limit is 255. */
#define NAME_KEEP 160

static int fault(const struct gl_store *store, const char *step)
{
	return store->fault ? store->fault(store->ctx, step) : 0;
}

static int make_dirs(char *path)
{
	char *slash;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	slash = strrchr(path, '/');
	if (errno != ENOENT || !slash || slash == path)
		return -errno;
	*slash = '\0';
	if (make_dirs(path)) {
		*slash = '/';
		return -errno;
	}
	*slash = '/';
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int gl_store_open(struct gl_store *store, const char *dir, struct gl_why *why)
{
	char path[PATH_MAX];
	int err, n;

	store->fd = -1;
	snprintf(store->dir, sizeof(store->dir), "%s", dir);
	n = snprintf(path, sizeof(path), "%s/releases", dir);
	if (n < 0 || n >= (int)sizeof(path))
		return gl_why_set(why, -ENAMETOOLONG, "the state directory's name is too long");
	err = make_dirs(path);
	if (err)
		return gl_why_set(why, err, "make the state directory %s: %s", path,
				  strerror(-err));
	store->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return gl_why_set(why, -errno, "open the state directory %s: %s", dir,
				  strerror(errno));
	if (!flock(store->fd, LOCK_EX | LOCK_NB))
		return 0;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	gl_why_set(why, err,
		   err == -EBUSY ?
			   "another graylinkd uses the state directory %s: stop it, or give "
			   "this one its own --state-dir, --bpffs and --socket" :
			   "lock the state directory %s",
		   dir);
	gl_store_close(store);
	return err;
}

void gl_store_close(struct gl_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
}

static int write_all(const struct gl_store *store, int fd, const char *text)
{
	size_t len = strlen(text), half = len / 2;
	ssize_t n;
	int err;

	/* In two parts, so that a test can stop between them. */
	while (len) {
		n = write(fd, text, len > half && half ? len - half : len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
		err = fault(store, "write");
		if (err)
			return err;
	}
	return 0;
}

/* Syncs the folder that @name lies in: only then is a rename or unlink on the disk. */
static int sync_folder(const struct gl_store *store, const char *name)
{
	const char *slash = strrchr(name, '/');
	char folder[NAME_MAX + 1];
	int err, fd;

	err = fault(store, "dirsync");
	if (err)
		return err;
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - name) : 1,
		 slash ? name : ".");
	fd = openat(store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int replace(const struct gl_store *store, const char *name, const char *temp,
		   const char *text)
{
	int err, fd;

	err = fault(store, "open");
	if (err)
		return err;
	fd = openat(store->fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(store, fd, text);
	if (!err)
		err = fault(store, "sync");
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err)
		err = fault(store, "rename");
	if (!err && renameat(store->fd, temp, store->fd, name))
		err = -errno;
	if (err)
		unlinkat(store->fd, temp, 0);
	return err ? err : sync_folder(store, name);
}

int gl_store_write(const struct gl_store *store, const char *name, const char *text,
		   struct gl_why *why)
{
	char temp[PATH_MAX];
	int err;

	snprintf(temp, sizeof(temp), "%s.tmp", name);
	err = replace(store, name, temp, text);
	return err ? gl_why_set(why, err, "write %s/%s: %s", store->dir, name, strerror(-err)) : 0;
}

int gl_store_remove(const struct gl_store *store, const char *name, struct gl_why *why)
{
	int err = fault(store, "unlink");

	if (!err && unlinkat(store->fd, name, 0))
		err = errno == ENOENT ? 0 : -errno;
	if (!err)
		err = sync_folder(store, name);
	return err ? gl_why_set(why, err, "remove %s/%s: %s", store->dir, name, strerror(-err)) : 0;
}

int gl_store_read(const struct gl_store *store, const char *name, char **ret)
{
	size_t len = 0;
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;
	int err = 0, fd;

	fd = openat(store->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		err = -EFBIG;
	else if (!(text = malloc((size_t)st.st_size + 1)))
		err = -ENOMEM;
	while (!err && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	if (err) {
		free(text);
		return err;
	}
	text[len] = '\0';
	/* JSON has no NUL: what has one was not written by us to its end. */
	if (strlen(text) != len) {
		free(text);
		return -EILSEQ;
	}
	*ret = text;
	return 0;
}

void gl_store_set_aside(const struct gl_store *store, const char *name)
{
	char aside[PATH_MAX];

	snprintf(aside, sizeof(aside), "%s.corrupt", name);
	renameat(store->fd, name, store->fd, aside);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds one name to the list; a temporary file of an interrupted write is removed instead. */
static int list_entry(const struct gl_store *store, const char *folder, const char *entry,
		      char ***list, size_t *n)
{
	const char *dot = strrchr(entry, '.');
	char path[PATH_MAX], **grown;

	snprintf(path, sizeof(path), "%s/%s", folder, entry);
	if (dot && !strcmp(dot, ".tmp"))
		unlinkat(store->fd, path, 0);
	if (!dot || strcmp(dot, ".json"))
		return 0;
	grown = realloc(*list, (*n + 1) * sizeof(**list));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = strdup(path);
	if (!grown[*n])
		return -ENOMEM;
	++*n;
	return 0;
}

int gl_store_list(const struct gl_store *store, const char *folder, char ***ret, size_t *ret_n)
{
	struct dirent *entry;
	char **list = NULL;
	size_t n = 0;
	int err = 0, fd;
	DIR *d;

	fd = openat(store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (entry = readdir(d)))
		err = list_entry(store, folder, entry->d_name, &list, &n);
	closedir(d);
	if (err) {
		while (n)
			free(list[--n]);
		free(list);
		return err;
	}
	if (n)
		qsort(list, n, sizeof(*list), compare);
	*ret = list;
	*ret_n = n;
	return 0;
}

void gl_store_name(char *buf, size_t size, const char *namespace, const char *name)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	const char *parts[] = { namespace, ".", name };
	uint64_t hash = 0xcbf29ce484222325ULL;
	char kept[NAME_KEEP + 4];
	bool whole = !strchr(namespace, '.');	/* else a.b + c would meet a + b.c */
	size_t at = 0, i;
	const char *p;

	/* Kubernetes names are safe as they are; anything else, or too much of it, is told apart by a hash. */
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (p = parts[i]; *p; p++) {
			hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
			if (at < NAME_KEEP && strchr(safe, *p))
				kept[at++] = *p;
			else
				whole = false;
		}
		hash = (hash ^ 0xff) * 0x100000001b3ULL;
	}
	kept[at] = '\0';
	if (whole)
		snprintf(buf, size, "releases/%s.json", kept);
	else
		snprintf(buf, size, "releases/%s_%016llx.json", kept, (unsigned long long)hash);
}
