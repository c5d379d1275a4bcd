// SPDX-License-Identifier: Apache-2.0
/*
 * pin: the directory of pins on a bpffs: paths, folders, and short texts, which are symbolic links there (a bpffs holds
 * no files).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "datapath/private.h"

static const char *const folders[] = { "maps", "progs", "links" };

int gl_pin_path(char *buf, const char *bpffs, const char *folder, const char *name)
{
	int n = snprintf(buf, PATH_MAX, "%s%s%s%s%s", bpffs, folder ? "/" : "",
			 folder ? folder : "", name ? "/" : "", name ? name : "");

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* mkdir -p for directories on a bpffs: the first one that exists must be on one. */
static int make_dirs(char *path, struct gl_why *why)
{
	char *slash;
	int err;

	if (on_bpffs(path))
		return 0;
	if (!access(path, F_OK))
		return gl_why_set(why, -ENODEV,
				  "%s is not on a bpffs: mount one (mount -t bpf bpf /sys/fs/bpf) "
				  "or name another directory (--bpffs)",
				  path);
	slash = strrchr(path, '/');
	if (!slash || slash == path)
		return gl_why_set(why, -EINVAL, "the bpffs directory must be an absolute path");
	*slash = '\0';
	err = make_dirs(path, why);
	*slash = '/';
	if (err)
		return err;
	if (mkdir(path, 0700) && errno != EEXIST)
		return gl_why_set(why, -errno, "make %s: %s", path, strerror(errno));
	return 0;
}

int gl_pin_prepare(const char *bpffs, struct gl_why *why)
{
	char path[PATH_MAX];
	size_t i;
	int err;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (gl_pin_path(path, bpffs, folders[i], NULL))
			return gl_why_set(why, -ENAMETOOLONG,
					  "the bpffs directory's name is too long");
		err = make_dirs(path, why);
		if (err)
			return err;
	}
	return 0;
}

int gl_pin_lock(const char *bpffs, struct gl_why *why)
{
	int fd = open(bpffs, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return gl_why_set(why, -errno, "open %s: %s", bpffs, strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	if (err == -EBUSY)
		return gl_why_set(why, err,
				  "another graylinkd uses %s: stop it, or give this one its own "
				  "--bpffs, --state-dir and --socket",
				  bpffs);
	return gl_why_set(why, err, "lock %s: %s", bpffs, strerror(-err));
}

int gl_pin_text(const char *path, char *buf, size_t size)
{
	ssize_t n = readlink(path, buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

int gl_pin_set_text(const char *path, const char *text)
{
	char temp[PATH_MAX];
	int n = snprintf(temp, sizeof(temp), "%s" GL_PIN_TEMP, path);

	if (n < 0 || n >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	if (unlink(temp) && errno != ENOENT)
		return -errno;
	return symlink(text, temp) || rename(temp, path) ? -errno : 0;
}

static void clear_folder(const char *bpffs, const char *folder)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *d;

	if (gl_pin_path(dir, bpffs, folder, NULL))
		return;
	d = opendir(dir);
	if (!d)
		return;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && !gl_pin_path(path, bpffs, folder, entry->d_name))
			unlink(path);
	closedir(d);
}

void gl_pin_clear_maps(const char *bpffs)
{
	char path[PATH_MAX];

	/* The schema first: without it what is left counts as incomplete. */
	if (!gl_pin_path(path, bpffs, "schema", NULL))
		unlink(path);
	clear_folder(bpffs, "maps");
	clear_folder(bpffs, "progs");
}
