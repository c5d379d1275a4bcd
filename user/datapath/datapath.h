/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath: everything that the agent does with the kernel's side: loading, pinning, attaching, the policy image, the
 * controls, sweeping, and reading connections. What it makes outlives the agent: maps, programs and links are pinned under
 * one bpffs directory; an agent that starts again takes the maps over and replaces the programs inside the links, so
 * that no packet meets an interface without its program.
 *
 * Nothing here logs: functions return 0 or a negative errno, with words in a struct gl_why.
 *
 * Pins, under the directory (names on a bpffs have no dots, and it holds no files: short texts are symbolic links):
 *	schema			-> GL_SCHEMA and a hash of every map's layout; written last, so that it means: complete
 *	maps/<name>		every map
 *	progs/<name>		the programs in force
 *	links/<ifindex>_<hook>	tcx links
 *	links/<ifindex>_clsact	-> where clsact is used: its filters cannot be pinned, netlink keeps them
 */
#ifndef GL_DATAPATH_H
#define GL_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct gl_conn;
struct gl_datapath;
struct gl_image;

/* Maps of the object that the agent works with, by their names there. It pins the others, too. */
#define GL_MAPS(X) \
	X(CONNS, conns) X(LEG_TUPLES, leg_tuples) X(VETHS, veths) X(ENDPOINTS, endpoints) X(IMAGES, images) \
	X(SLOTS_SMALL, slots_small) X(SLOTS_BIG, slots_big) X(FREE_SMALL, free_small) X(FREE_BIG, free_big) \
	X(SERIES, series) X(LATENCIES, latencies) X(EVENTS, events) X(EVENTS_LOST, events_lost) \
	X(CONTROLS, controls)

#define GL_X_MAP(n, w)	GL_MAP_##n,
enum gl_map { GL_MAPS(GL_X_MAP) GL_MAP_COUNT };

struct gl_datapath_options {
	const char *bpffs;	/* directory of the pins; its file system must be bpffs */
	uint32_t mark_mask;	/* bits of skb->mark that graylink may use; 0: GL_MARK_MASK */
	bool force_clsact;	/* use clsact although the kernel has tcx (tests, and kernels with a broken tcx) */
};

/*
 * gl_datapath_open: loads the object and takes over what is pinned, or makes it all new. Links that are pinned get the new
 * programs at once. A schema that differs from the pinned one is refused while interfaces are attached (detach first);
 * otherwise the old maps are replaced. 0 or a negative errno with @why.
 */
int gl_datapath_open(const struct gl_datapath_options *options, struct gl_datapath **ret,
		     struct gl_why *why);

/* gl_datapath_close: lets go of everything in this process; pins stay, steering goes on. NULL is allowed. */
void gl_datapath_close(struct gl_datapath *dp);

/* gl_datapath_taken_over: true when maps of an earlier agent were taken over. */
bool gl_datapath_taken_over(const struct gl_datapath *dp);

/* gl_datapath_map: file descriptor of a map, owned by the datapath. */
int gl_datapath_map(const struct gl_datapath *dp, enum gl_map map);

/* gl_datapath_map_name, _map_capacity: its name, and its max_entries. */
const char *gl_datapath_map_name(enum gl_map map);
uint32_t gl_datapath_map_capacity(const struct gl_datapath *dp, enum gl_map map);

/* One attached interface, for `check`, status and metrics. */
struct gl_attachment {
	char ifname[16];	/* IF_NAMESIZE */
	uint32_t ifindex;
	bool tcx;		/* else clsact */
};

/*
 * gl_datapath_attach: both programs on the host side of a pod's veth. Attaching what is attached is no error. 0 or a
 * negative errno with @why.
 */
int gl_datapath_attach(struct gl_datapath *dp, const char *ifname, struct gl_why *why);

/*
 * gl_datapath_detach: takes both programs off, and forgets the interface's connections: whatever is attached later has not
 * seen what they did meanwhile. -ENOENT when it is not attached.
 */
int gl_datapath_detach(struct gl_datapath *dp, const char *ifname, struct gl_why *why);

/*
 * gl_datapath_detach_all: detaches every interface and removes every pin and the directory, while the datapath stays open:
 * its maps live on in this process, and the next attach pins them again. 0 or a negative errno with @why.
 */
int gl_datapath_detach_all(struct gl_datapath *dp, struct gl_why *why);

/*
 * gl_datapath_remove: detaches every interface and removes every pin and the directory @bpffs: nothing is left. Works by
 * what is pinned, whatever its schema, and without an open datapath. -EBUSY: an agent uses the directory.
 */
int gl_datapath_remove(const char *bpffs, struct gl_why *why);

/*
 * The watch over the machine's interfaces (rtnetlink). gl_links_fd is readable when something changed; gl_links_read then
 * calls `seen` for each interface that is new or changed; @pod says that it is a veth whose peer is in another namespace:
 * the host side of a pod. gl_links_scan calls it for all that there are. Calls inside of the callback are allowed.
 */
struct gl_links;
int gl_links_open(void (*seen)(void *ctx, const char *ifname, bool pod), void *ctx,
		  struct gl_links **ret, struct gl_why *why);
int gl_links_fd(const struct gl_links *links);
void gl_links_read(struct gl_links *links);
int gl_links_scan(struct gl_links *links);
void gl_links_close(struct gl_links *links);

/* gl_datapath_attachments: the attached interfaces; the array is the datapath's, until the next attach, detach or forget. */
size_t gl_datapath_attachments(const struct gl_datapath *dp, const struct gl_attachment **ret);

/*
 * gl_datapath_forget_gone: forgets one attachment whose interface is gone (a link without a device) and removes its pins.
 * @ret_name (of IF_NAMESIZE bytes, may be NULL) is what it was called. False: there is none (any more).
 */
bool gl_datapath_forget_gone(struct gl_datapath *dp, char *ret_name);

/*
 * gl_datapath_publish: gives @image the next generation and makes it the one by which every later decision is made. When it
 * returns 0, no decision uses the old one any more (the write waits for running programs). On failure the old image
 * stays in force.
 */
int gl_datapath_publish(struct gl_datapath *dp, struct gl_image *image, struct gl_why *why);

/* gl_datapath_generation: generation of the image in force; 0: none was published yet. */
uint32_t gl_datapath_generation(const struct gl_datapath *dp);

/* gl_datapath_heartbeat: tells the programs that the agent lives; called once a second. */
int gl_datapath_heartbeat(struct gl_datapath *dp);

/* The controls. They live in the kernel: a restart does not change them. */
int gl_datapath_set_bypass(struct gl_datapath *dp, bool on);
bool gl_datapath_bypass(const struct gl_datapath *dp);
int gl_datapath_set_draining(struct gl_datapath *dp, bool on);
bool gl_datapath_draining(const struct gl_datapath *dp);
int gl_datapath_set_stale_after(struct gl_datapath *dp, uint64_t ns);

/*
 * gl_datapath_sweep: looks at up to @budget connections, continuing where the last call ended, and drops what is certainly
 * dead with its tuples and slots. @now is CLOCK_MONOTONIC. Returns how many were dropped, or a negative errno.
 */
int gl_datapath_sweep(struct gl_datapath *dp, uint64_t now, uint32_t budget);

/*
 * gl_datapath_each_conn: calls @fn for a copy of each connection until it returns non-zero; returns that, 0 at the
 * end, or a negative errno. Connections may come and go meanwhile; none is seen twice that was there all along.
 */
int gl_datapath_each_conn(struct gl_datapath *dp, int (*fn)(void *ctx, const struct gl_conn *conn),
			  void *ctx);

/* gl_datapath_translated: is there any connection that needs the programs to go on? */
bool gl_datapath_translated(struct gl_datapath *dp);

/* One line of the preflight. */
struct gl_check {
	const char *name;	/* kernel, btf, bpffs, capabilities, tcx, ... */
	enum { GL_CHECK_OK, GL_CHECK_WARNING, GL_CHECK_ERROR } level;
	char text[256];		/* what was found */
	char hint[256];		/* what to do; "" when nothing */
};

#define GL_CHECKS_MAX	24

/* gl_datapath_check: the preflight; needs no open datapath. Fills up to GL_CHECKS_MAX rows, returns how many. */
size_t gl_datapath_check(const char *bpffs, struct gl_check *rows);

#endif
