// SPDX-License-Identifier: Apache-2.0
/*
 * attach: the two programs on the host side of a pod's veth, by tcx links (kernel 6.6) or clsact filters; and taking over
 * what an earlier agent attached.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "datapath/private.h"

/* Of kernel 6.6; the headers that we are built with may be older. */
#define TCX_INGRESS  46
#define TCX_EGRESS   47
#define ORDER_BEFORE (1U << 3)	/* BPF_F_BEFORE without a relative: before all others */
#define ORDER_AFTER  (1U << 4)

const char *const gl_hook_names[GL_HOOK_COUNT] = {
	[GL_HOOK_TO_POD] = "to_pod",
	[GL_HOOK_FROM_POD] = "from_pod",
};

#define CLSACT_PIN "clsact"

/* Path of links/<ifindex>_<what>. */
static int link_path(char *buf, const char *bpffs, uint32_t ifindex, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%u_%s", ifindex, what);
	return gl_pin_path(buf, bpffs, "links", name);
}

/* The interface that a tcx link sits on, 0 when that is gone; or a negative errno. */
static int64_t link_ifindex(int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info), ifindex;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	/* info.tcx.ifindex is the first member of the union; our headers may not know tcx. */
	memcpy(&ifindex, (char *)&info + offsetof(struct bpf_link_info, raw_tracepoint),
	       sizeof(ifindex));
	return ifindex;
}

static struct gl_iface *find_iface(struct gl_datapath *dp, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < dp->nifaces; i++)
		if (dp->ifaces[i].seen.ifindex == ifindex)
			return &dp->ifaces[i];
	return NULL;
}

/* A new row without programs; the pointer is good until the next one. */
static struct gl_iface *add_iface(struct gl_datapath *dp, uint32_t ifindex, const char *ifname)
{
	struct gl_attachment *listed;
	struct gl_iface *ifaces;
	int hook;

	listed = realloc(dp->listed, (dp->nifaces + 1) * sizeof(*listed));
	if (!listed)
		return NULL;
	dp->listed = listed;
	ifaces = realloc(dp->ifaces, (dp->nifaces + 1) * sizeof(*ifaces));
	if (!ifaces)
		return NULL;
	dp->ifaces = ifaces;
	ifaces += dp->nifaces++;
	memset(ifaces, 0, sizeof(*ifaces));
	ifaces->seen.ifindex = ifindex;
	snprintf(ifaces->seen.ifname, sizeof(ifaces->seen.ifname), "%s", ifname);
	for (hook = 0; hook < GL_HOOK_COUNT; hook++)
		ifaces->links[hook] = -1;
	return ifaces;
}

/* Lets go of the row and its descriptors; what is pinned or attached stays. */
static void drop_iface(struct gl_datapath *dp, struct gl_iface *iface)
{
	int hook;

	for (hook = 0; hook < GL_HOOK_COUNT; hook++)
		if (iface->links[hook] >= 0)
			close(iface->links[hook]);
	*iface = dp->ifaces[--dp->nifaces];
}

void gl_attach_close(struct gl_datapath *dp)
{
	while (dp->nifaces)
		drop_iface(dp, &dp->ifaces[0]);
	free(dp->ifaces);
	free(dp->listed);
}

/* Removes the pins of an interface: the last reference to its links, which detaches them. */
static void unpin_iface(const char *bpffs, uint32_t ifindex)
{
	char path[PATH_MAX];
	int hook;

	/* from_pod first: nothing new is steered while replies are still translated. */
	for (hook = GL_HOOK_COUNT - 1; hook >= 0; hook--)
		if (!link_path(path, bpffs, ifindex, gl_hook_names[hook]))
			unlink(path);
	if (!link_path(path, bpffs, ifindex, CLSACT_PIN))
		unlink(path);
}

/* One tcx link, pinned. Returns its descriptor; -EOPNOTSUPP where the kernel has no tcx. */
static int attach_tcx(const struct gl_datapath *dp, uint32_t ifindex, enum gl_hook hook)
{
	bool ingress = hook == GL_HOOK_FROM_POD;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = ingress ? ORDER_BEFORE : ORDER_AFTER);
	char path[PATH_MAX];
	int fd, err;

	fd = bpf_link_create(dp->progs[hook], (int)ifindex,
			     (enum bpf_attach_type)(ingress ? TCX_INGRESS : TCX_EGRESS), &opts);
	if (fd < 0)
		return fd == -EINVAL ? -EOPNOTSUPP : fd;
	err = link_path(path, dp->bpffs, ifindex, gl_hook_names[hook]);
	if (!err) {
		unlink(path);
		err = bpf_obj_pin(fd, path);
	}
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The note among the pins that tells of clsact filters: "<1 when we made the qdisc> <ifname>". */
static int write_note(const struct gl_datapath *dp, const struct gl_iface *iface, bool made)
{
	char path[PATH_MAX], note[IF_NAMESIZE + 2];
	int err;

	snprintf(note, sizeof(note), "%d %s", made, iface->seen.ifname);
	err = link_path(path, dp->bpffs, iface->seen.ifindex, CLSACT_PIN);
	return err ? err : gl_pin_set_text(path, note);
}

/* Did an earlier agent make the qdisc? */
static bool read_note(const struct gl_datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX], note[IF_NAMESIZE + 2];

	return !link_path(path, dp->bpffs, ifindex, CLSACT_PIN) &&
	       !gl_pin_text(path, note, sizeof(note)) && note[0] == '1';
}

/* Both filters by clsact. The note comes first: filters that nobody knows of would stay for ever. */
static int attach_clsact(const struct gl_datapath *dp, struct gl_iface *iface)
{
	uint32_t ifindex = iface->seen.ifindex;
	bool made = read_note(dp, ifindex);
	int err, hook;

	err = write_note(dp, iface, made);
	for (hook = 0; hook < GL_HOOK_COUNT && !err; hook++)
		err = gl_clsact_attach(ifindex, hook, dp->progs[hook], &made);
	if (!err)
		err = write_note(dp, iface, made);
	if (!err)
		return 0;
	for (hook = 0; hook < GL_HOOK_COUNT; hook++)
		gl_clsact_detach(ifindex, hook);
	if (made)
		gl_clsact_clean(ifindex);
	return err;
}

static int attach_hooks(struct gl_datapath *dp, struct gl_iface *iface)
{
	int fd, hook;

	if (dp->force_clsact)
		return attach_clsact(dp, iface);
	for (hook = 0; hook < GL_HOOK_COUNT; hook++) {
		fd = attach_tcx(dp, iface->seen.ifindex, hook);
		if (fd == -EOPNOTSUPP && !hook)
			return attach_clsact(dp, iface);
		if (fd < 0)
			return fd;
		iface->links[hook] = fd;
	}
	iface->seen.tcx = true;
	return 0;
}

int gl_datapath_attach(struct gl_datapath *dp, const char *ifname, struct gl_why *why)
{
	uint32_t ifindex = if_nametoindex(ifname);
	const struct gl_veth veth = { 0 };
	struct gl_iface *iface;
	int err;

	if (!ifindex)
		return gl_why_set(why, -ENOENT, "attach %.16s: there is no such interface", ifname);
	if (find_iface(dp, ifindex))
		return 0;
	err = gl_pin_again(dp, why);
	if (err)
		return err;
	if (bpf_map_update_elem(dp->maps[GL_MAP_VETHS], &ifindex, &veth, BPF_NOEXIST) &&
	    errno != EEXIST)
		return gl_why_set(why, -errno, "attach %s: %s", ifname,
				  errno == E2BIG ? "too many interfaces are attached" :
						   strerror(errno));
	iface = add_iface(dp, ifindex, ifname);
	if (!iface)
		return gl_why_set(why, -ENOMEM, "attach %s: out of memory", ifname);
	err = attach_hooks(dp, iface);
	if (err) {
		unpin_iface(dp->bpffs, ifindex);
		drop_iface(dp, iface);
		return gl_why_set(why, err, "attach %s: %s%s", ifname, strerror(-err),
				  err == -EPERM ? " (CAP_NET_ADMIN and CAP_BPF are needed)" : "");
	}
	return 0;
}

/* Takes clsact filters off an interface that may be gone. @note: what attach_clsact() left. */
static void detach_clsact(uint32_t ifindex, const char *note)
{
	int hook;

	for (hook = GL_HOOK_COUNT - 1; hook >= 0; hook--)
		gl_clsact_detach(ifindex, hook);
	if (note[0] == '1')
		gl_clsact_clean(ifindex);
}

static void detach_pinned_clsact(const char *bpffs, uint32_t ifindex)
{
	char path[PATH_MAX], note[IF_NAMESIZE + 2];

	if (!link_path(path, bpffs, ifindex, CLSACT_PIN) && !gl_pin_text(path, note, sizeof(note)))
		detach_clsact(ifindex, note);
}

/* Detaches, unpins, and forgets the row and the connections. */
static void take_off(struct gl_datapath *dp, struct gl_iface *iface)
{
	uint32_t ifindex = iface->seen.ifindex;

	detach_pinned_clsact(dp->bpffs, ifindex);
	unpin_iface(dp->bpffs, ifindex);
	drop_iface(dp, iface);
	gl_sweep_iface(dp, ifindex);
}

int gl_datapath_detach(struct gl_datapath *dp, const char *ifname, struct gl_why *why)
{
	struct gl_iface *iface = NULL;
	size_t i;

	for (i = 0; i < dp->nifaces; i++)
		if (!strcmp(dp->ifaces[i].seen.ifname, ifname))
			iface = &dp->ifaces[i];
	if (!iface)
		return gl_why_set(why, -ENOENT, "detach %.16s: it is not attached", ifname);
	take_off(dp, iface);
	return 0;
}

size_t gl_datapath_attachments(const struct gl_datapath *dp, const struct gl_attachment **ret)
{
	size_t i;

	for (i = 0; i < dp->nifaces; i++)
		dp->listed[i] = dp->ifaces[i].seen;
	*ret = dp->listed;
	return dp->nifaces;
}

static bool iface_gone(const struct gl_iface *iface)
{
	char name[IF_NAMESIZE];

	/* A link that lost its device says ifindex 0 for ever, so a reused number does not mislead us. */
	if (iface->seen.tcx)
		return link_ifindex(iface->links[GL_HOOK_TO_POD]) == 0;
	return !if_indextoname(iface->seen.ifindex, name);
}

bool gl_datapath_forget_gone(struct gl_datapath *dp, char *ret_name)
{
	uint32_t ifindex;
	size_t i;

	for (i = 0; i < dp->nifaces && !iface_gone(&dp->ifaces[i]); i++)
		;
	if (i == dp->nifaces)
		return false;
	if (ret_name)
		memcpy(ret_name, dp->ifaces[i].seen.ifname, IF_NAMESIZE);
	ifindex = dp->ifaces[i].seen.ifindex;
	unpin_iface(dp->bpffs, ifindex);
	drop_iface(dp, &dp->ifaces[i]);
	/* What its connections hold is the sweeper's; it knows that the veth is gone by this element. */
	bpf_map_delete_elem(dp->maps[GL_MAP_VETHS], &ifindex);
	return true;
}

/* Takes over one hook's link: the new program goes into it, packets see the one or the other. */
static int take_over_link(struct gl_datapath *dp, struct gl_iface *iface, enum gl_hook hook)
{
	char path[PATH_MAX];
	int fd, err;

	err = link_path(path, dp->bpffs, iface->seen.ifindex, gl_hook_names[hook]);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		fd = attach_tcx(dp, iface->seen.ifindex, hook);
	else if (fd >= 0 && link_ifindex(fd) > 0)
		err = bpf_link_update(fd, dp->progs[hook], NULL);
	if (fd < 0)
		return fd;
	if (err) {
		close(fd);
		return err;
	}
	iface->links[hook] = fd;
	iface->seen.tcx = true;
	return 0;
}

static int take_over_iface(struct gl_datapath *dp, uint32_t ifindex, bool clsact,
			   struct gl_why *why)
{
	char name[IF_NAMESIZE] = "";
	struct gl_iface *iface;
	int hook, err = 0;

	if (find_iface(dp, ifindex))
		return 0;
	if_indextoname(ifindex, name);
	iface = add_iface(dp, ifindex, name);
	if (!iface)
		return gl_why_set(why, -ENOMEM, "out of memory");
	if (clsact)
		err = name[0] ? attach_clsact(dp, iface) : 0;
	else
		for (hook = 0; hook < GL_HOOK_COUNT && !err; hook++)
			err = take_over_link(dp, iface, hook);
	if (err == -ENODEV) {
		/* It went away while no agent looked. */
		unpin_iface(dp->bpffs, ifindex);
		drop_iface(dp, iface);
		return 0;
	}
	if (err)
		gl_why_set(why, err, "new programs for %s (interface %u): %s", name, ifindex,
			   strerror(-err));
	return err;
}

/* Calls @fn(ctx, ifindex, clsact) for each pin under links/ until it returns non-zero; returns that. */
static int each_link(const char *bpffs, int (*fn)(void *ctx, uint32_t ifindex, bool clsact),
		     void *ctx)
{
	char path[PATH_MAX], *end;
	struct dirent *entry;
	unsigned long ifindex;
	int ret = 0;
	DIR *d;

	if (gl_pin_path(path, bpffs, "links", NULL))
		return -ENAMETOOLONG;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && (entry = readdir(d))) {
		ifindex = strtoul(entry->d_name, &end, 10);
		if (strstr(entry->d_name, GL_PIN_TEMP))
			unlinkat(dirfd(d), entry->d_name, 0);
		else if (end != entry->d_name && *end == '_')
			ret = fn(ctx, (uint32_t)ifindex, !strcmp(end + 1, CLSACT_PIN));
	}
	closedir(d);
	return ret;
}

static int any(void *ctx, uint32_t ifindex, bool clsact)
{
	(void)ctx;
	(void)ifindex;
	(void)clsact;
	return 1;
}

bool gl_attach_any(const char *bpffs)
{
	return each_link(bpffs, any, NULL) != 0;
}

struct take_over {
	struct gl_datapath *dp;
	struct gl_why *why;
};

static int take_over_one(void *ctx, uint32_t ifindex, bool clsact)
{
	struct take_over *t = ctx;

	return take_over_iface(t->dp, ifindex, clsact, t->why);
}

int gl_attach_take_over(struct gl_datapath *dp, struct gl_why *why)
{
	struct take_over t = { .dp = dp, .why = why };
	int err = each_link(dp->bpffs, take_over_one, &t);

	while (!err && gl_datapath_forget_gone(dp, NULL))
		;
	return err;
}

static int remove_one(void *ctx, uint32_t ifindex, bool clsact)
{
	const char *bpffs = ctx;

	if (clsact)
		detach_pinned_clsact(bpffs, ifindex);
	unpin_iface(bpffs, ifindex);
	return 0;
}

/* Removes everything under the directory, and the directory. */
static int remove_all(const char *bpffs, struct gl_why *why)
{
	static const char *const folders[] = { "links", "progs", "maps", NULL };
	char path[PATH_MAX];
	size_t i;
	int err;

	err = each_link(bpffs, remove_one, (void *)bpffs);
	if (err)
		return gl_why_set(why, err, "remove %s: %s", bpffs, strerror(-err));
	gl_pin_clear_maps(bpffs);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (gl_pin_path(path, bpffs, folders[i], NULL))
			continue;
		if (rmdir(path) && errno != ENOENT)
			return gl_why_set(why, -errno, "remove %s: %s", path, strerror(errno));
	}
	return 0;
}

int gl_datapath_detach_all(struct gl_datapath *dp, struct gl_why *why)
{
	while (dp->nifaces)
		take_off(dp, &dp->ifaces[0]);
	dp->unpinned = true;
	return remove_all(dp->bpffs, why);
}

int gl_datapath_remove(const char *bpffs, struct gl_why *why)
{
	int err, fd;

	if (access(bpffs, F_OK))
		return 0;
	fd = gl_pin_lock(bpffs, why);
	if (fd < 0)
		return fd;
	err = remove_all(bpffs, why);
	close(fd);
	return err;
}
