// SPDX-License-Identifier: Apache-2.0
/*
 * clsact: attaching where the kernel has no tcx (before 6.6). A filter with a fixed handle and priority per hook, so that
 * the next agent finds and replaces its own, whatever stands beside it. Filters cannot be pinned: the kernel keeps them
 * with the interface.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include "datapath/private.h"

/* "gl": tells our filters from others of the same priority. */
#define HANDLE 0x676c

/* On the way out of the pod we come first, on the way in last: others judge what the pod sees. */
static const struct {
	enum bpf_tc_attach_point point;
	uint32_t priority;
} hooks[GL_HOOK_COUNT] = {
	[GL_HOOK_FROM_POD] = { BPF_TC_INGRESS, 1 },
	[GL_HOOK_TO_POD] = { BPF_TC_EGRESS, 0xc000 },
};

int gl_clsact_attach(uint32_t ifindex, enum gl_hook hook, int prog_fd, bool *ret_made_qdisc)
{
	LIBBPF_OPTS(bpf_tc_hook, tc_hook, .ifindex = (int)ifindex,
		    .attach_point = hooks[hook].point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = hooks[hook].priority,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	int err;

	err = bpf_tc_hook_create(&tc_hook);
	if (err && err != -EEXIST)
		return err;
	if (!err)
		*ret_made_qdisc = true;
	return bpf_tc_attach(&tc_hook, &opts);
}

int gl_clsact_detach(uint32_t ifindex, enum gl_hook hook)
{
	LIBBPF_OPTS(bpf_tc_hook, tc_hook, .ifindex = (int)ifindex,
		    .attach_point = hooks[hook].point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = hooks[hook].priority);

	return bpf_tc_detach(&tc_hook, &opts);
}

static int count_filter(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);

	/* A dump names each priority once without a handle; the filters follow. */
	if (nlh->nlmsg_type == RTM_NEWTFILTER && tcm->tcm_handle)
		++*(unsigned int *)data;
	return MNL_CB_OK;
}

/* Number of filters under one parent of the interface, or a negative errno. */
static int filters_under(struct mnl_socket *nl, uint32_t ifindex, uint32_t parent)
{
	char buf[16384];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint32_t seq = (uint32_t)time(NULL) ^ parent;
	unsigned int count = 0;
	struct tcmsg *tcm;
	ssize_t n;
	int err;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = (int)ifindex;
	tcm->tcm_parent = parent;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		err = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), count_filter,
				 &count);
	} while (err == MNL_CB_OK);
	return err < 0 ? -errno : (int)count;
}

int gl_clsact_clean(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, tc_hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int in, out, err = 0;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto out;
	}
	in = filters_under(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
	out = filters_under(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	if (!in && !out)
		err = bpf_tc_hook_destroy(&tc_hook);
out:
	mnl_socket_close(nl);
	return err;
}
