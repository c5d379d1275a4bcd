/* SPDX-License-Identifier: Apache-2.0 */
/* private: what the files of user/datapath share among themselves. */
#ifndef GL_DATAPATH_PRIVATE_H
#define GL_DATAPATH_PRIVATE_H

#include <limits.h>
#include <linux/bpf.h>

#include "datapath/datapath.h"
#include "graylink/abi.h"

/* The hooks of one interface, in the order of attaching: replies must be seen before requests are steered. */
enum gl_hook { GL_HOOK_TO_POD, GL_HOOK_FROM_POD, GL_HOOK_COUNT };

/* Name of the program, and of the pins that belong to the hook. */
extern const char *const gl_hook_names[GL_HOOK_COUNT];

/* One attached interface. */
struct gl_iface {
	struct gl_attachment seen;	/* what callers see */
	int links[GL_HOOK_COUNT];	/* tcx links, -1 with clsact */
};

struct steer;
struct bpf_object;

#define GL_SCHEMA_TEXT	32	/* bytes of the text of a schema, at most */

struct gl_datapath {
	char bpffs[PATH_MAX];
	int lock_fd;			/* the directory, locked: one agent per directory */
	struct steer *skel;
	bool taken_over;
	bool unpinned;			/* everything was detached and removed while we live */
	char schema[GL_SCHEMA_TEXT];
	bool force_clsact;
	int maps[GL_MAP_COUNT];		/* the skeleton's descriptors */
	uint32_t capacities[GL_MAP_COUNT];
	int progs[GL_HOOK_COUNT];	/* the skeleton's descriptors */
	int reap_fd;			/* of the program that ends connections; the skeleton's */
	uint32_t image_flags;		/* of an inner map of images, and its types in the object's BTF */
	uint32_t image_key_type;
	uint32_t image_value_type;
	uint32_t generation;		/* of the image in force */
	struct gl_controls controls;	/* what the kernel holds; the agent is its only writer */
	struct gl_iface *ifaces;
	struct gl_attachment *listed;	/* for gl_datapath_attachments(), as long as ifaces */
	size_t nifaces;
	struct gl_flow cursor;		/* sweep: where to go on */
	bool cursor_set;
};

/* pin.c */

/* Path of a pin; -ENAMETOOLONG. @folder may be NULL. */
int gl_pin_path(char *buf, const char *bpffs, const char *folder, const char *name);
/* Makes the directory and its folders; checks that it is on a bpffs. */
int gl_pin_prepare(const char *bpffs, struct gl_why *why);
/* One agent per directory: a descriptor that holds the lock, which ends with the process. -EBUSY: another has it. */
int gl_pin_lock(const char *bpffs, struct gl_why *why);
/* Text of a symbolic link in the directory; -ENOENT. */
int gl_pin_text(const char *path, char *buf, size_t size);
/* Writes (or replaces) one, at one instant; what an interrupted write leaves has this behind its name. */
#define GL_PIN_TEMP "~"
int gl_pin_set_text(const char *path, const char *text);
/* Removes every pin of maps and programs, and the schema. Links stay. */
void gl_pin_clear_maps(const char *bpffs);

/* schema.c: "GL_SCHEMA-hash" of an opened object. Maps of equal texts can be taken over. */
void gl_schema_text(char *buf, size_t size, const struct bpf_object *obj);

/* datapath.c: after gl_datapath_detach_all(): pins again what is needed for the next attach. */
int gl_pin_again(struct gl_datapath *dp, struct gl_why *why);

/* attach.c */

/* Takes over the attachments that are pinned: new programs into tcx links, clsact filters replaced. */
int gl_attach_take_over(struct gl_datapath *dp, struct gl_why *why);
/* True when links/ holds anything. */
bool gl_attach_any(const char *bpffs);
void gl_attach_close(struct gl_datapath *dp);

/* sweep.c */

/*
 * Ends the connection that was @seen, with its tuples, slots and counts. 1: done; 0: it is gone or has moved since; else a
 * negative errno.
 */
int gl_sweep_reap(const struct gl_datapath *dp, const struct gl_conn *seen);
/* Ends every connection of the interface, and forgets the interface. */
void gl_sweep_iface(struct gl_datapath *dp, uint32_t ifindex);

/* clsact.c */

int gl_clsact_attach(uint32_t ifindex, enum gl_hook hook, int prog_fd, bool *ret_made_qdisc);
int gl_clsact_detach(uint32_t ifindex, enum gl_hook hook);
/* Removes the qdisc when no filter is left on it. */
int gl_clsact_clean(uint32_t ifindex);

#endif
