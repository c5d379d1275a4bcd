// SPDX-License-Identifier: Apache-2.0
/* conntrack: reads one entry of a dump of the conntrack table (linux/netfilter/nfnetlink_conntrack.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "datapath/older.h"

/* What an entry says that matters here. */
struct entry {
	struct gl_flow flow;
	uint8_t proto;		/* IPPROTO_* */
	uint8_t state;		/* enum tcp_conntrack; 0: none */
	bool src, dst, sport, dport;
};

static int take_address(const struct nlattr *attr, struct gl_addr *ret, bool *ret_there)
{
	size_t len = mnl_attr_get_payload_len(attr);

	memset(ret, 0, sizeof(*ret));
	if (len == sizeof(struct in6_addr)) {
		memcpy(ret->w, mnl_attr_get_payload(attr), sizeof(ret->w));
	} else if (len == sizeof(struct in_addr)) {
		ret->w[2] = htonl(0xffff);
		memcpy(&ret->w[3], mnl_attr_get_payload(attr), sizeof(ret->w[3]));
	} else {
		return MNL_CB_ERROR;
	}
	*ret_there = true;
	return MNL_CB_OK;
}

static int ip_attr(const struct nlattr *attr, void *data)
{
	struct entry *e = data;

	switch (mnl_attr_get_type(attr)) {
	case CTA_IP_V4_SRC:
	case CTA_IP_V6_SRC:
		return take_address(attr, &e->flow.client, &e->src);
	case CTA_IP_V4_DST:
	case CTA_IP_V6_DST:
		return take_address(attr, &e->flow.peer, &e->dst);
	}
	return MNL_CB_OK;
}

static int proto_attr(const struct nlattr *attr, void *data)
{
	size_t len = mnl_attr_get_payload_len(attr);
	struct entry *e = data;

	switch (mnl_attr_get_type(attr)) {
	case CTA_PROTO_NUM:
		if (len < sizeof(e->proto))
			return MNL_CB_ERROR;
		e->proto = mnl_attr_get_u8(attr);
		break;
	case CTA_PROTO_SRC_PORT:
		if (len < sizeof(e->flow.cport))
			return MNL_CB_ERROR;
		e->flow.cport = mnl_attr_get_u16(attr);
		e->sport = true;
		break;
	case CTA_PROTO_DST_PORT:
		if (len < sizeof(e->flow.pport))
			return MNL_CB_ERROR;
		e->flow.pport = mnl_attr_get_u16(attr);
		e->dport = true;
		break;
	}
	return MNL_CB_OK;
}

static int tuple_attr(const struct nlattr *attr, void *data)
{
	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_IP:
		return mnl_attr_parse_nested(attr, ip_attr, data);
	case CTA_TUPLE_PROTO:
		return mnl_attr_parse_nested(attr, proto_attr, data);
	}
	return MNL_CB_OK;
}

static int tcp_attr(const struct nlattr *attr, void *data)
{
	struct entry *e = data;

	if (mnl_attr_get_type(attr) != CTA_PROTOINFO_TCP_STATE)
		return MNL_CB_OK;
	if (mnl_attr_get_payload_len(attr) < sizeof(e->state))
		return MNL_CB_ERROR;
	e->state = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

static int info_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == CTA_PROTOINFO_TCP)
		return mnl_attr_parse_nested(attr, tcp_attr, data);
	return MNL_CB_OK;
}

static int entry_attr(const struct nlattr *attr, void *data)
{
	switch (mnl_attr_get_type(attr)) {
	/* What the client dialled; the other tuple is what NAT made of it. */
	case CTA_TUPLE_ORIG:
		return mnl_attr_parse_nested(attr, tuple_attr, data);
	case CTA_PROTOINFO:
		return mnl_attr_parse_nested(attr, info_attr, data);
	}
	return MNL_CB_OK;
}

int gl_conntrack_parse(const struct nlmsghdr *nlh, struct gl_flow *ret)
{
	struct entry e = { .proto = 0 };

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW))
		return 0;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	if (mnl_attr_parse(nlh, sizeof(struct nfgenmsg), entry_attr, &e) < MNL_CB_STOP)
		return -EBADMSG;
	if (e.proto != IPPROTO_TCP || e.state != TCP_CONNTRACK_ESTABLISHED)
		return 0;
	if (!e.src || !e.dst || !e.sport || !e.dport)
		return -EBADMSG;
	*ret = e.flow;
	return 1;
}
