// SPDX-License-Identifier: Apache-2.0
/*
 * datapath: see datapath.h. Here: loading the object, taking over or making the maps, the policy image, the controls.
 */
#include "datapath/datapath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/private.h"
#include "graylink/image.h"
#include "graylink/limits.h"
#include "loop.h"
#include "steer.skel.h"

static const char *const map_names[GL_MAP_COUNT] = {
#define X(n, w) [GL_MAP_##n] = #w,
	GL_MAPS(X)
#undef X
};

/* What libbpf said first: the words for an error that is only a number. One datapath is opened at a time. */
static char libbpf_words[384];

/* The line of the verifier's log that says why: the last one before its statistics. */
static void keep_reason(const char *log)
{
	const char *end = strstr(log, "\nprocessed "), *line;
	size_t len = strlen(libbpf_words);

	if (!end)
		return;
	for (line = end; line > log && line[-1] != '\n'; line--)
		;
	snprintf(libbpf_words + len, sizeof(libbpf_words) - len, ": %.*s", (int)(end - line), line);
}

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (level != LIBBPF_WARN)
		return 0;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	if (!libbpf_words[0])
		snprintf(libbpf_words, sizeof(libbpf_words) / 2, "%.*s", (int)strcspn(text, "\n"),
			 text);
	else if (strstr(text, "BEGIN PROG LOAD LOG"))
		keep_reason(text);
	free(text);
	return 0;
}

static int open_error(struct gl_why *why, int err, const char *what)
{
	if (err == -EPERM)
		return gl_why_set(why, err,
				  "%s: not permitted: run as root, or with CAP_BPF, CAP_NET_ADMIN, "
				  "CAP_PERFMON and CAP_SYS_ADMIN",
				  what);
	return gl_why_set(why, err, "%s: %s%s%s (see graylinkd --check)", what, strerror(-err),
			  libbpf_words[0] ? ": " : "", libbpf_words);
}

/* Makes the opened object use the pinned maps. -ENOENT when one is missing. */
static int reuse_maps(struct gl_datapath *dp)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int err, fd;

	bpf_object__for_each_map(map, dp->skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		err = gl_pin_path(path, dp->bpffs, "maps", bpf_map__name(map));
		if (err)
			return err;
		fd = bpf_obj_get(path);
		if (fd < 0)
			return fd;
		err = bpf_map__reuse_fd(map, fd);
		close(fd);
		if (err)
			return err;
	}
	return 0;
}

/* Decides between taking over and making anew. 0, or a negative errno with @why. */
static int choose_maps(struct gl_datapath *dp, struct gl_why *why)
{
	char path[PATH_MAX], pinned[GL_SCHEMA_TEXT] = "";
	int err;

	err = gl_pin_path(path, dp->bpffs, "schema", NULL);
	if (err)
		return gl_why_set(why, err, "the bpffs directory's name is too long");
	err = gl_pin_text(path, pinned, sizeof(pinned));
	if (!err && !strcmp(pinned, dp->schema)) {
		err = reuse_maps(dp);
		if (err)
			return gl_why_set(why, err, "take over the maps in %s: %s", dp->bpffs,
					  strerror(-err));
		dp->taken_over = true;
		return 0;
	}
	if (gl_attach_any(dp->bpffs))
		return gl_why_set(
			why, -EEXIST,
			"%s holds programs of another version (schema %s, this is %s) that "
			"are attached: detach them first (graylinkd --bpffs %s --remove)",
			dp->bpffs, pinned[0] ? pinned : "incomplete", dp->schema, dp->bpffs);
	gl_pin_clear_maps(dp->bpffs);
	return 0;
}

static int fill_queue(int fd, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

/* New maps need their beginnings: free slots, controls. */
static int init_maps(struct gl_datapath *dp)
{
	int err;

	err = fill_queue(dp->maps[GL_MAP_FREE_SMALL], dp->capacities[GL_MAP_FREE_SMALL]);
	if (!err)
		err = fill_queue(dp->maps[GL_MAP_FREE_BIG], dp->capacities[GL_MAP_FREE_BIG]);
	if (err)
		return err;
	dp->controls.stale_after_ns = GL_STALE_AFTER_NS;
	return gl_datapath_heartbeat(dp);
}

/* Pins programs (the ones in force, so replaced) and, unless they are, the maps; the schema comes last. */
static int pin_all(struct gl_datapath *dp, bool maps)
{
	char path[PATH_MAX];
	struct bpf_program *prog;
	struct bpf_map *map;
	int err;

	bpf_object__for_each_program(prog, dp->skel->obj)
	{
		err = gl_pin_path(path, dp->bpffs, "progs", bpf_program__name(prog));
		if (err)
			return err;
		unlink(path);
		if (bpf_obj_pin(bpf_program__fd(prog), path))
			return -errno;
	}
	if (!maps)
		return 0;
	bpf_object__for_each_map(map, dp->skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		err = gl_pin_path(path, dp->bpffs, "maps", bpf_map__name(map));
		if (err)
			return err;
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return -errno;
	}
	err = gl_pin_path(path, dp->bpffs, "schema", NULL);
	return err ? err : gl_pin_set_text(path, dp->schema);
}

int gl_pin_again(struct gl_datapath *dp, struct gl_why *why)
{
	int err;

	if (!dp->unpinned)
		return 0;
	err = gl_pin_prepare(dp->bpffs, why);
	if (err)
		return err;
	if (dp->lock_fd >= 0)
		close(dp->lock_fd);
	dp->lock_fd = gl_pin_lock(dp->bpffs, why);
	if (dp->lock_fd < 0)
		return dp->lock_fd;
	err = pin_all(dp, true);
	if (err)
		return gl_why_set(why, err, "pin maps and programs again in %s: %s", dp->bpffs,
				  strerror(-err));
	dp->unpinned = false;
	return 0;
}

/* Descriptors and capacities of the loaded object's maps. */
static int find_maps(struct gl_datapath *dp)
{
	struct bpf_map *map;
	int i;

	for (i = 0; i < GL_MAP_COUNT; i++) {
		map = bpf_object__find_map_by_name(dp->skel->obj, map_names[i]);
		if (!map)
			return -ENOENT;
		dp->maps[i] = bpf_map__fd(map);
		dp->capacities[i] = bpf_map__max_entries(map);
	}
	dp->progs[GL_HOOK_FROM_POD] = bpf_program__fd(dp->skel->progs.from_pod);
	dp->progs[GL_HOOK_TO_POD] = bpf_program__fd(dp->skel->progs.to_pod);
	dp->reap_fd = bpf_program__fd(dp->skel->progs.reap);
	return 0;
}

/* Reads what the kernel holds from the agent before us: the controls, and the generation of the image in force. */
static int read_state(struct gl_datapath *dp)
{
	uint32_t zero = 0, id;
	struct gl_image *image;
	int err = 0, fd;

	if (bpf_map_lookup_elem(dp->maps[GL_MAP_CONTROLS], &zero, &dp->controls))
		return -errno;
	if (bpf_map_lookup_elem(dp->maps[GL_MAP_IMAGES], &zero, &id))
		return errno == ENOENT ? 0 : -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	image = malloc(sizeof(*image));
	if (!image)
		err = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &zero, image))
		err = -errno;
	else
		dp->generation = (uint32_t)image->head.generation;
	free(image);
	close(fd);
	return err;
}

/* Opens the object and sets what is constant in it: which bits of the mark are ours. */
static int open_object(struct gl_datapath *dp, uint32_t mark_mask, struct gl_why *why)
{
	mark_mask = mark_mask ? mark_mask : GL_MARK_MASK;
	if (__builtin_popcount(mark_mask) != 2)
		return gl_why_set(why, -EINVAL, "the mark's mask 0x%x must have two bits",
				  mark_mask);
	dp->skel = steer__open();
	if (!dp->skel)
		return open_error(why, -errno, "open the BPF object");
	dp->skel->rodata->mark_mask = mark_mask;
	dp->skel->rodata->mark_own = mark_mask & -mark_mask;
	return 0;
}

/* An inner map must be like the template, which libbpf forgets when it loads. 6.1 also minds whether both have BTF. */
static void note_template(struct gl_datapath *dp, const struct bpf_map *template)
{
	dp->image_flags = bpf_map__map_flags(template);
	dp->image_key_type = bpf_map__btf_key_type_id(template);
	dp->image_value_type = bpf_map__btf_value_type_id(template);
}

static int load_object(struct gl_datapath *dp, struct gl_why *why)
{
	int err;

	gl_schema_text(dp->schema, sizeof(dp->schema), dp->skel->obj);
	note_template(dp, bpf_map__inner_map(dp->skel->maps.images));
	err = choose_maps(dp, why);
	if (err)
		return err;
	err = steer__load(dp->skel);
	if (err)
		return open_error(why, err, "load the BPF programs");
	err = find_maps(dp);
	if (err)
		return gl_why_set(why, err, "the BPF object lacks a map that this agent knows");
	err = dp->taken_over ? read_state(dp) : init_maps(dp);
	if (err)
		return open_error(why, err,
				  dp->taken_over ? "read the pinned maps" : "fill the maps");
	err = pin_all(dp, !dp->taken_over);
	if (err)
		return open_error(why, err, "pin maps and programs");
	return gl_attach_take_over(dp, why);
}

int gl_datapath_open(const struct gl_datapath_options *options, struct gl_datapath **ret,
		     struct gl_why *why)
{
	struct gl_datapath *dp;
	int err;

	err = gl_pin_prepare(options->bpffs, why);
	if (err)
		return err;
	dp = calloc(1, sizeof(*dp));
	if (!dp)
		return gl_why_set(why, -ENOMEM, "out of memory");
	dp->lock_fd = -1;
	dp->force_clsact = options->force_clsact;
	snprintf(dp->bpffs, sizeof(dp->bpffs), "%s", options->bpffs);
	libbpf_words[0] = '\0';
	libbpf_set_print(keep_words);

	dp->lock_fd = gl_pin_lock(dp->bpffs, why);
	err = dp->lock_fd < 0 ? dp->lock_fd : 0;
	if (!err)
		err = open_object(dp, options->mark_mask, why);
	if (!err)
		err = load_object(dp, why);
	if (err) {
		gl_datapath_close(dp);
		return err;
	}
	*ret = dp;
	return 0;
}

void gl_datapath_close(struct gl_datapath *dp)
{
	if (!dp)
		return;
	gl_attach_close(dp);
	steer__destroy(dp->skel);
	if (dp->lock_fd >= 0)
		close(dp->lock_fd);
	free(dp);
}

bool gl_datapath_taken_over(const struct gl_datapath *dp)
{
	return dp->taken_over;
}

int gl_datapath_map(const struct gl_datapath *dp, enum gl_map map)
{
	return dp->maps[map];
}

const char *gl_datapath_map_name(enum gl_map map)
{
	return map_names[map];
}

uint32_t gl_datapath_map_capacity(const struct gl_datapath *dp, enum gl_map map)
{
	return dp->capacities[map];
}

int gl_datapath_publish(struct gl_datapath *dp, struct gl_image *image, struct gl_why *why)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = dp->image_flags,
		    .btf_fd = (uint32_t)bpf_object__btf_fd(dp->skel->obj),
		    .btf_key_type_id = dp->image_key_type,
		    .btf_value_type_id = dp->image_value_type);
	uint32_t zero = 0;
	int err = 0, fd;

	image->head.generation = dp->generation + 1;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", sizeof(zero), sizeof(*image), 1, &opts);
	if (fd < 0)
		return gl_why_set(why, fd, "make a map for the policy image: %s", strerror(-fd));
	/* ARRAY_OF_MAPS: the second write returns when no program runs that saw the old inner map. */
	if (bpf_map_update_elem(fd, &zero, image, BPF_ANY) ||
	    bpf_map_update_elem(dp->maps[GL_MAP_IMAGES], &zero, &fd, BPF_ANY))
		err = gl_why_set(why, -errno, "write the policy image: %s", strerror(errno));
	else
		dp->generation++;
	close(fd);
	return err;
}

uint32_t gl_datapath_generation(const struct gl_datapath *dp)
{
	return dp->generation;
}

static int write_controls(struct gl_datapath *dp)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(dp->maps[GL_MAP_CONTROLS], &zero, &dp->controls, BPF_ANY) ?
		       -errno :
		       0;
}

int gl_datapath_heartbeat(struct gl_datapath *dp)
{
	dp->controls.heartbeat_ns = gl_now_ns();
	return write_controls(dp);
}

int gl_datapath_set_bypass(struct gl_datapath *dp, bool on)
{
	dp->controls.bypass = on;
	return write_controls(dp);
}

bool gl_datapath_bypass(const struct gl_datapath *dp)
{
	return dp->controls.bypass;
}

int gl_datapath_set_draining(struct gl_datapath *dp, bool on)
{
	dp->controls.draining = on;
	return write_controls(dp);
}

bool gl_datapath_draining(const struct gl_datapath *dp)
{
	return dp->controls.draining;
}

int gl_datapath_set_stale_after(struct gl_datapath *dp, uint64_t ns)
{
	dp->controls.stale_after_ns = ns;
	return write_controls(dp);
}
