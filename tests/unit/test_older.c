/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that are older than attach: entries of the conntrack table as a kernel has sent them, and the count over a
 * table of this kernel, in namespaces of its own, whose entries are made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <libmnl/libmnl.h>

#include "datapath/older.h"
#include "datapath/private.h"
#include "graylink/conn.h"
#include "loop.h"

#define BPFFS	    "/sys/fs/bpf/older"
#define SLICE_NS    10000000ULL
#define DEADLINE_NS 20000000000ULL
#define MANY	    20000

static struct gl_datapath *dp;
static struct mnl_socket *nl;

/* ---- entries ---- */

static void set_address(struct gl_addr *addr, const char *text)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET6, text, addr->w) == 1)
		return;
	addr->w[2] = htonl(0xffff);
	assert_int_equal(inet_pton(AF_INET, text, &addr->w[3]), 1);
}

static struct gl_flow flow_of(const char *client, uint16_t cport, const char *peer, uint16_t pport)
{
	struct gl_flow flow = { .cport = htons(cport), .pport = htons(pport) };

	set_address(&flow.client, client);
	set_address(&flow.peer, peer);
	return flow;
}

static size_t read_dump(char *buf, size_t size)
{
	FILE *f = fopen("tests/vectors/conntrack/dump", "re");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}

static void reads_what_a_kernel_sends(void **state)
{
	const struct gl_flow wanted[] = {
		flow_of("127.0.0.1", 40001, "127.0.0.1", 8080),
		flow_of("::1", 40003, "::1", 8080),
	};
	char buf[4096] __attribute__((aligned(4)));
	const struct nlmsghdr *nlh = (const void *)buf;
	int len = (int)read_dump(buf, sizeof(buf)), seen = 0, found = 0, ret;
	struct gl_flow flow;

	(void)state;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len), seen++) {
		ret = gl_conntrack_parse(nlh, &flow);
		assert_true(ret == 0 || ret == 1);
		if (ret)
			assert_memory_equal(&flow, &wanted[found++], sizeof(flow));
	}
	assert_int_equal(seen, 5);	/* with the end of the dump */
	assert_int_equal(found, 2);
}

/* Cut or changed anywhere: an answer, and nothing read beyond the end. */
static void survives_what_no_kernel_sends(void **state)
{
	char buf[4096] __attribute__((aligned(4))), *copy;
	struct nlmsghdr *nlh = (void *)buf;
	int len = (int)read_dump(buf, sizeof(buf));
	struct gl_flow flow;
	uint32_t cut;

	(void)state;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		for (cut = MNL_NLMSG_HDRLEN; cut < nlh->nlmsg_len; cut++) {
			copy = malloc(cut);
			memcpy(copy, nlh, cut);
			((struct nlmsghdr *)(void *)copy)->nlmsg_len = cut;
			assert_true(gl_conntrack_parse((void *)copy, &flow) <= 1);
			free(copy);
		}
	}
}

/* ---- counting ---- */

static void put_address(struct nlmsghdr *nlh, const struct gl_addr *addr, uint16_t v4, uint16_t v6,
			bool ipv4)
{
	if (ipv4)
		mnl_attr_put_u32(nlh, v4, addr->w[3]);
	else
		mnl_attr_put(nlh, v6, sizeof(addr->w), addr->w);
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct gl_flow *flow, bool back,
		      uint8_t proto, bool ipv4)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *part;

	part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	put_address(nlh, back ? &flow->peer : &flow->client, CTA_IP_V4_SRC, CTA_IP_V6_SRC, ipv4);
	put_address(nlh, back ? &flow->client : &flow->peer, CTA_IP_V4_DST, CTA_IP_V6_DST, ipv4);
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, back ? flow->pport : flow->cport);
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, back ? flow->cport : flow->pport);
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

/* Makes an entry of the table. */
static void track(const struct gl_flow *flow, uint8_t proto, uint8_t state)
{
	bool ipv4 = !flow->peer.w[0] && !flow->peer.w[1] && flow->peer.w[2] == htonl(0xffff);
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *tcp;
	struct nfgenmsg *head;

	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->nfgen_family = ipv4 ? AF_INET : AF_INET6;
	put_tuple(nlh, CTA_TUPLE_ORIG, flow, false, proto, ipv4);
	put_tuple(nlh, CTA_TUPLE_REPLY, flow, true, proto, ipv4);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(600));
	if (proto == IPPROTO_TCP) {
		info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
		tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, state);
		mnl_attr_nest_end(nlh, tcp);
		mnl_attr_nest_end(nlh, info);
	}
	assert_true(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0);
	assert_true(mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0);
	if (mnl_cb_run(buf, MNL_NLMSG_HDRLEN + sizeof(struct nlmsgerr), 1, 0, NULL, NULL) < 0)
		fail_msg("make an entry: %s", strerror(errno));
}

static void know(const struct gl_flow *flow, const char *ifname)
{
	struct gl_conn_value value = { .conn.id = 1 };

	value.conn.key = *flow;
	value.conn.key.ifindex = if_nametoindex(ifname);
	assert_int_equal(bpf_map_update_elem(gl_datapath_map(dp, GL_MAP_CONNS), &value.conn.key,
					     &value, BPF_NOEXIST),
			 0);
}

/* Counts to the end; @ret_longest: of one turn. Negative: the error. */
static int count(const struct gl_older_frontend *frontends, size_t n, size_t *ret_all,
		 uint64_t *ret_longest)
{
	uint64_t end = gl_now_ns() + DEADLINE_NS, began, took;
	struct gl_older *older;
	struct gl_why why;
	const uint64_t *hashes;
	struct pollfd p;
	int ret;

	*ret_all = 0;
	*ret_longest = 0;
	ret = gl_older_new(dp, frontends, n, &older, &why);
	if (ret)
		return ret;
	p = (struct pollfd){ .fd = gl_older_fd(older), .events = POLLIN };
	do {
		assert_int_equal(poll(&p, 1, 5000), 1);
		began = gl_now_ns();
		ret = gl_older_read(older, SLICE_NS, &why);
		took = gl_now_ns() - began;
		*ret_longest = took > *ret_longest ? took : *ret_longest;
	} while (!ret && gl_now_ns() < end);
	if (ret == 1)
		ret = (int)gl_older_result(older, &hashes, ret_all);
	gl_older_free(older);
	return ret;
}

static int setup(void **state)
{
	const struct gl_datapath_options options = { .bpffs = BPFFS };
	struct gl_why why = { "" };

	(void)state;
	/* A namespace of its own for each test: an empty table. */
	if (unshare(CLONE_NEWNET) ||
	    system("ip link set lo up && ip link add v1 type veth peer name p1 && "
		   "ip link add v2 type veth peer name p2"))
		return -1;
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    gl_datapath_open(&options, &dp, &why) || gl_datapath_attach(dp, "v1", &why) ||
	    gl_datapath_attach(dp, "v2", &why)) {
		fprintf(stderr, "%s\n", why.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	struct gl_why why;

	(void)state;
	gl_datapath_close(dp);
	mnl_socket_close(nl);
	return gl_datapath_remove(BPFFS, &why);
}

static void list_frontends(struct gl_older_frontend frontends[3])
{
	memset(frontends, 0, 3 * sizeof(frontends[0]));
	set_address(&frontends[0].addr, "fd96::10");
	set_address(&frontends[1].addr, "10.96.0.11");
	set_address(&frontends[2].addr, "10.96.0.10");
	frontends[0].port = frontends[1].port = frontends[2].port = htons(80);
	frontends[0].asked = frontends[2].asked = true;
}

/* Skips where the kernel has no ctnetlink. */
static void need_table(void)
{
	uint64_t longest;
	size_t all;
	int ret = count(NULL, 0, &all, &longest);

	if (ret == -ENODATA)
		return;
	print_message("the kernel shows no conntrack table (nf_conntrack_netlink): %s\n",
		      strerror(-ret));
	skip();
}

static void counts_who_is_older(void **state)
{
	static const struct {
		const char *client, *peer;
		uint16_t cport, pport;
		uint8_t proto, state;
		const char *known_at;
	} rows[] = {
		/* counted, and asked for */
		{ "10.1.0.1", "10.96.0.10", 1, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		{ "fd01::1", "fd96::10", 2, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		/* counted */
		{ "10.1.0.1", "10.96.0.11", 1, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		/* graylink follows them */
		{ "10.1.0.1", "10.96.0.10", 3, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, "v2" },
		{ "10.1.0.1", "10.96.0.10", 4, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, "v2" },
		{ "fd01::2", "fd96::10", 4, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, "v1" },
		/* another port, another address, not established, not TCP, of the node itself */
		{ "10.1.0.1", "10.96.0.10", 5, 81, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		{ "10.1.0.1", "10.96.0.12", 6, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		{ "10.1.0.1", "10.96.0.10", 7, 80, IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT, NULL },
		{ "10.1.0.1", "10.96.0.10", 8, 80, IPPROTO_UDP, 0, NULL },
		{ "127.0.0.1", "10.96.0.10", 9, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
		{ "::1", "fd96::10", 9, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, NULL },
	};
	struct gl_older_frontend frontends[3];
	uint64_t longest;
	struct gl_flow flow;
	size_t i, all;

	(void)state;
	need_table();
	list_frontends(frontends);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		flow = flow_of(rows[i].client, rows[i].cport, rows[i].peer, rows[i].pport);
		track(&flow, rows[i].proto, rows[i].state);
		if (rows[i].known_at)
			know(&flow, rows[i].known_at);
	}
	assert_int_equal(count(frontends, 3, &all, &longest), 2);
	assert_int_equal(all, 3);
	assert_int_equal(count(frontends, 0, &all, &longest), 0);
	assert_int_equal(all, 0);
}

/* An empty table most likely means that nothing is tracked here: no number would be true. */
static void does_not_know_by_an_empty_table(void **state)
{
	struct gl_older_frontend frontends[3];
	uint64_t longest;
	size_t all;

	(void)state;
	need_table();
	list_frontends(frontends);
	assert_int_equal(count(frontends, 3, &all, &longest), -ENODATA);
}

/* A big table is read in slices: no turn takes long, and nothing is missed or counted twice. */
static void counts_a_big_table_in_slices(void **state)
{
	struct gl_older_frontend frontends[3];
	char client[32];
	uint64_t longest;
	struct gl_flow flow;
	size_t all;
	int i;

	(void)state;
	need_table();
	list_frontends(frontends);
	for (i = 0; i < MANY; i++) {
		snprintf(client, sizeof(client), "10.1.%d.%d", i / 250 % 250, i % 250 + 1);
		flow = flow_of(client, (uint16_t)(1024 + i / 250),
			       i % 2 ? "10.96.0.10" : "10.96.0.99", 80);
		track(&flow, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED);
		/* Of each four at the frontend one is known. */
		if (i % 8 == 1)
			know(&flow, "v1");
	}
	assert_int_equal(count(frontends, 3, &all, &longest), MANY / 2 - MANY / 8);
	assert_int_equal(all, MANY / 2 - MANY / 8);
	print_message("%d entries, the longest turn %llu us\n", MANY,
		      (unsigned long long)longest / 1000);
	assert_true(longest < 50000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest parsing[] = {
		cmocka_unit_test(reads_what_a_kernel_sends),
		cmocka_unit_test(survives_what_no_kernel_sends),
	};
	const struct CMUnitTest counting[] = {
		TEST(counts_who_is_older),
		TEST(does_not_know_by_an_empty_table),
		TEST(counts_a_big_table_in_slices),
	};
	int failed = cmocka_run_group_tests(parsing, NULL, NULL);

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		printf("skipped: namespaces and a bpffs of its own need root: %s\n",
		       strerror(errno));
		return failed ? failed : 77;
	}
	return failed + cmocka_run_group_tests(counting, NULL, NULL);
}
