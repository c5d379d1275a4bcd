/* SPDX-License-Identifier: Apache-2.0 */
/*
 * older: how many connections to frontends there are whose beginning graylink has not seen, because they are older than
 * the attachment or than the release. They stay unsteered until they close.
 *
 * Where Services are NAT (kube-proxy), the node's conntrack table knows every connection by what its client dialled. It is
 * dumped by ctnetlink, piece by piece: a table of 250,000 entries takes about a second of work, which the loop gives in
 * slices. What is established, was dialled at a frontend and is not in `conns` is a candidate. A connection that ends
 * just then would be one, too; so the table is dumped twice, and who is a candidate both times is counted.
 * Connections that the node itself makes (host network) are left out: no veth shows them, so nothing would steer them.
 *
 * Nothing here logs.
 */
#ifndef GL_OLDER_H
#define GL_OLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "graylink/abi.h"
#include "log.h"

struct gl_datapath;
struct gl_older;

/* An address that clients dial. */
struct gl_older_frontend {
	struct gl_addr addr;
	__be16 port;
	bool asked;		/* its connections are told apart in the answer */
};

/*
 * gl_conntrack_parse: one message of a dump of the conntrack table. 1: an established TCP connection, as its client opened
 * it, in @ret (ifindex 0: the table does not know interfaces); 0: something else; -EBADMSG: malformed.
 */
int gl_conntrack_parse(const struct nlmsghdr *nlh, struct gl_flow *ret);

/*
 * gl_older_new: begins to count. @frontends is copied. 0, or a negative errno with @why: the table cannot be read (no
 * conntrack in this kernel, no right to).
 */
int gl_older_new(struct gl_datapath *dp, const struct gl_older_frontend *frontends, size_t n,
		 struct gl_older **ret, struct gl_why *why);
void gl_older_free(struct gl_older *older);

/* gl_older_fd: readable when there is something for gl_older_read(). */
int gl_older_fd(const struct gl_older *older);

/*
 * gl_older_read: goes on for about @budget_ns. 1: done; 0: more is to come; else a negative errno with @why: not known.
 * -ENODATA: the table is empty, so most likely nothing here is tracked.
 */
int gl_older_read(struct gl_older *older, uint64_t budget_ns, struct gl_why *why);

/*
 * gl_older_result: after gl_older_read() returned 1. How many connections are older at the frontends that were asked for;
 * @ret_all: hashes of all of them, in ascending order, @ret_n of them, until gl_older_free().
 */
uint32_t gl_older_result(const struct gl_older *older, const uint64_t **ret_all, size_t *ret_n);

#endif
