// SPDX-License-Identifier: Apache-2.0
/*
 * links: the watch over interfaces, by rtnetlink. A pod's interface is a veth whose peer lives in another namespace: the
 * kernel says so by the id of that namespace (IFLA_LINK_NETNSID).
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "datapath/private.h"

struct gl_links {
	struct mnl_socket *nl;		/* the multicast group of links */
	void (*seen)(void *ctx, const char *ifname, bool pod);
	void *ctx;
};

struct seen {
	char ifname[IF_NAMESIZE];
	bool veth;
	bool elsewhere;			/* the peer is in another namespace */
};

static int info_attr(const struct nlattr *attr, void *data)
{
	struct seen *seen = data;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		seen->veth = !strcmp(mnl_attr_get_str(attr), "veth");
	return MNL_CB_OK;
}

static int link_attr(const struct nlattr *attr, void *data)
{
	struct seen *seen = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			strncpy(seen->ifname, mnl_attr_get_str(attr), IF_NAMESIZE - 1);
		break;
	case IFLA_LINK_NETNSID:
		seen->elsewhere = true;
		break;
	case IFLA_LINKINFO:
		mnl_attr_parse_nested(attr, info_attr, seen);
		break;
	}
	return MNL_CB_OK;
}

static int link_message(const struct nlmsghdr *nlh, void *data)
{
	struct gl_links *links = data;
	struct seen seen = { .veth = false };

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(struct ifinfomsg), link_attr, &seen);
	if (seen.ifname[0])
		links->seen(links->ctx, seen.ifname, seen.veth && seen.elsewhere);
	return MNL_CB_OK;
}

int gl_links_scan(struct gl_links *links)
{
	char buf[32768];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	uint32_t seq = (uint32_t)time(NULL);
	int err = MNL_CB_OK;
	ssize_t n;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	((struct ifinfomsg *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg)))->ifi_family =
		AF_UNSPEC;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err = MNL_CB_ERROR;
	while (err == MNL_CB_OK) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		err = n < 0 ? MNL_CB_ERROR :
			      mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl),
					 link_message, links);
	}
	err = err == MNL_CB_ERROR ? -errno : 0;
	mnl_socket_close(nl);
	return err;
}

int gl_links_open(void (*seen)(void *ctx, const char *ifname, bool pod), void *ctx,
		  struct gl_links **ret, struct gl_why *why)
{
	struct gl_links *links = calloc(1, sizeof(*links));
	int err = -ENOMEM;

	if (!links)
		return gl_why_set(why, err, "out of memory");
	links->seen = seen;
	links->ctx = ctx;
	links->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* The group is joined before the scan: nothing comes or goes unseen in between. */
	if (!links->nl || mnl_socket_bind(links->nl, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
		err = gl_why_set(why, -errno, "watch the interfaces: %s", strerror(errno));
		goto fail;
	}
	err = gl_links_scan(links);
	if (err) {
		gl_why_set(why, err, "list the interfaces: %s", strerror(-err));
		goto fail;
	}
	*ret = links;
	return 0;
fail:
	gl_links_close(links);
	return err;
}

int gl_links_fd(const struct gl_links *links)
{
	return mnl_socket_get_fd(links->nl);
}

void gl_links_read(struct gl_links *links)
{
	char buf[32768];
	bool lost = false;
	ssize_t n;

	for (;;) {
		n = mnl_socket_recvfrom(links->nl, buf, sizeof(buf));
		if (n < 0 && errno == ENOBUFS) {
			lost = true;
			continue;
		}
		if (n <= 0)
			break;
		mnl_cb_run(buf, (size_t)n, 0, 0, link_message, links);
	}
	/* The kernel had more to say than we could hold: look at everything. */
	if (lost)
		gl_links_scan(links);
}

void gl_links_close(struct gl_links *links)
{
	if (!links)
		return;
	if (links->nl)
		mnl_socket_close(links->nl);
	free(links);
}
