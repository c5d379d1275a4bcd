// SPDX-License-Identifier: Apache-2.0
/* pkt_rig: see pkt_rig.h. */
#include "prog/pkt_rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/decide.h"
#include "steer.skel.h"

#define DEVICE "rig0"

/* The context of a tc program, as far as BPF_PROG_TEST_RUN lets it be set. */
struct rig {
	struct steer *skel;
	struct decide decide;
	bool policy;
	bool v6;
	int packets;	/* socket that sees the clones */
	uint32_t ifindex;
	uint32_t mark, mark_out;
	uint32_t image_flags, image_key_type, image_value_type;
	uint8_t in[PKT_MAX], out[4096];
	uint32_t in_len, out_len;
};

static int fd_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/* A device of no use but to have an index and to take clones. */
static int make_device(struct rig *rig)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq req = { .ifr_name = DEVICE };
	int size = 1 << 20;

	if (unshare(CLONE_NEWNET) ||
	    /* By its path: a shell that is busybox would take its own ip, which lacks peers. */
	    system("/usr/sbin/ip link add " DEVICE " type veth peer name rig1 && "
		   "echo 1 >/proc/sys/net/ipv6/conf/" DEVICE "/disable_ipv6 && "
		   "echo 1 >/proc/sys/net/ipv6/conf/rig1/disable_ipv6 && "
		   "ip link set " DEVICE " mtu 9000 && "
		   "ip link set " DEVICE " up && ip link set rig1 up"))
		return -1;
	rig->ifindex = if_nametoindex(DEVICE);
	rig->packets = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	at.sll_ifindex = (int)rig->ifindex;
	if (rig->packets < 0 || ioctl(rig->packets, SIOCGIFFLAGS, &req) ||
	    setsockopt(rig->packets, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) ||
	    bind(rig->packets, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	return 0;
}

int rig_start(void **state)
{
	static struct rig rig;

	if (geteuid() != 0)
		return 0;
	if (make_device(&rig))
		return -1;
	rig.skel = steer__open();
	if (!rig.skel)
		return -1;
	rig.image_flags = bpf_map__map_flags(bpf_map__inner_map(rig.skel->maps.images));
	rig.image_key_type = bpf_map__btf_key_type_id(bpf_map__inner_map(rig.skel->maps.images));
	rig.image_value_type =
		bpf_map__btf_value_type_id(bpf_map__inner_map(rig.skel->maps.images));
	if (steer__load(rig.skel))
		return -1;
	*state = &rig;
	return 0;
}

int rig_stop(void **state)
{
	struct rig *rig = *state;

	if (!rig)
		return 0;
	if (rig->policy)
		decide_free(&rig->decide);
	steer__destroy(rig->skel);
	close(rig->packets);
	return 0;
}

static void empty(int fd, uint32_t key_size)
{
	uint8_t key[64];

	assert_true(key_size <= sizeof(key));
	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

static void drain_queue(int fd)
{
	uint32_t index;

	while (!bpf_map_lookup_and_delete_elem(fd, NULL, &index))
		;
}

static void fill_queue(int fd, uint32_t n)
{
	drain_queue(fd);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(bpf_map_update_elem(fd, NULL, &i, 0), 0);
}

#define RIG_SMALL 8
#define RIG_BIG	  4

void rig_no_slots(struct rig *rig)
{
	drain_queue(fd_of(rig->skel->maps.free_small));
	drain_queue(fd_of(rig->skel->maps.free_big));
}

static uint32_t count_queue(int fd)
{
	uint32_t index[64], n = 0;

	while (n < 64 && !bpf_map_lookup_and_delete_elem(fd, NULL, &index[n]))
		n++;
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(bpf_map_update_elem(fd, NULL, &index[i], 0), 0);
	return n;
}

uint32_t rig_slots(const struct rig *rig)
{
	return RIG_SMALL + RIG_BIG - count_queue(fd_of(rig->skel->maps.free_small)) -
	       count_queue(fd_of(rig->skel->maps.free_big));
}

static uint32_t count_keys(int fd)
{
	uint8_t key[64], next[64];
	uint32_t n = 0;
	int err;

	for (err = bpf_map_get_next_key(fd, NULL, next); !err;
	     err = bpf_map_get_next_key(fd, key, next), n++)
		memcpy(key, next, sizeof(key));
	return n;
}

uint32_t rig_conns(const struct rig *rig)
{
	return count_keys(fd_of(rig->skel->maps.conns));
}

uint32_t rig_tuples(const struct rig *rig)
{
	return count_keys(fd_of(rig->skel->maps.leg_tuples));
}

void rig_controls(struct rig *rig, const struct gl_controls *controls)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(fd_of(rig->skel->maps.controls), &zero, controls, 0),
			 0);
}

void rig_veth(struct rig *rig, uint32_t conns, uint32_t slots)
{
	struct gl_veth veth = { .conns = conns, .slots = slots };

	assert_int_equal(bpf_map_update_elem(fd_of(rig->skel->maps.veths), &rig->ifindex, &veth, 0),
			 0);
}

static int next_clone(struct rig *rig, uint8_t *buf, int wait_ms)
{
	struct pollfd fd = { .fd = rig->packets, .events = POLLIN };
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(rig->packets, buf, 4096, 0, (struct sockaddr *)&from, &len);
		if (n < 0 && wait_ms && poll(&fd, 1, wait_ms) == 1) {
			wait_ms = 0;
			n = recvfrom(rig->packets, buf, 4096, 0, (struct sockaddr *)&from, &len);
		}
	} while (n >= 0 && from.sll_pkttype == PACKET_OUTGOING);
	return (int)n;
}

struct rig *rig_begin(void **state, bool v6)
{
	struct rig *rig = *state;
	uint8_t buf[4096];

	if (!rig) {
		print_message("needs root: BPF programs are loaded\n");
		skip();
	}
	empty(fd_of(rig->skel->maps.conns), sizeof(struct gl_flow));
	empty(fd_of(rig->skel->maps.leg_tuples), sizeof(struct gl_flow));
	empty(fd_of(rig->skel->maps.endpoints), sizeof(struct gl_endpoint_key));
	empty(fd_of(rig->skel->maps.series), sizeof(struct gl_series_key));
	fill_queue(fd_of(rig->skel->maps.free_small), RIG_SMALL);
	fill_queue(fd_of(rig->skel->maps.free_big), RIG_BIG);
	rig_controls(rig, &(struct gl_controls){ 0 });
	rig_veth(rig, 0, 0);
	while (next_clone(rig, buf, 0) >= 0)
		;
	rig->v6 = v6;
	rig->mark = 0;
	rig_policy(rig, false, "");
	return rig;
}

static void publish(struct rig *rig)
{
	/* On 6.1 an inner map must have BTF where the template has it. */
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = rig->image_flags,
		    .btf_fd = (uint32_t)bpf_object__btf_fd(rig->skel->obj),
		    .btf_key_type_id = rig->image_key_type,
		    .btf_value_type_id = rig->image_value_type);
	uint32_t zero = 0;
	int fd;

	assert_int_equal(decide_compile(&rig->decide), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", 4, sizeof(struct gl_image), 1, &opts);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, rig->decide.image, 0), 0);
	assert_int_equal(bpf_map_update_elem(fd_of(rig->skel->maps.images), &zero, &fd, 0), 0);
	close(fd);
}

void rig_policy(struct rig *rig, bool two, const char *extra)
{
	static char text[2048];
	static const char both[] = ", \"10.77.0.13:8080\", \"[fd00:77::13]:8080\"";

	snprintf(
		text, sizeof(text),
		"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v2, namespace: shop}\nspec:\n"
		"  entries: [{service: web, match: [{headers: [{name: x-lane, value: v2}]}]}]\n"
		"  services:\n    - name: web\n      frontends: [\"10.96.0.10:80\", \"[fd00:96::10]:80\"]\n"
		"      gray: {addresses: [\"10.77.0.12:8080\", \"[fd00:77::12]:8080\"%s]}\n%s",
		two ? both : "", extra);
	if (rig->policy)
		decide_free(&rig->decide);
	decide_init(&rig->decide);
	rig->policy = true;
	decide_add(&rig->decide, text);
	publish(rig);
}

void rig_release(struct rig *rig, const char *text)
{
	decide_add(&rig->decide, text);
	publish(rig);
}

void rig_weight(struct rig *rig, uint32_t percent)
{
	decide_steer(&rig->decide, "shop", "v2", true, true, percent * 10000);
	publish(rig);
}

void rig_mark(struct rig *rig, uint32_t mark)
{
	rig->mark = mark;
}

uint32_t rig_mark_out(const struct rig *rig)
{
	return rig->mark_out;
}

/* Returns what the program returned; *ret_ns: what it took. */
static int run(struct rig *rig, const struct pkt *pkt, uint32_t *ret_ns)
{
	struct __sk_buff ctx = { .ifindex = rig->ifindex, .mark = rig->mark };
	const struct bpf_program *prog = pkt->from == POD ? rig->skel->progs.from_pod :
							    rig->skel->progs.to_pod;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = rig->in, .data_out = rig->out,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = 1);
	struct pkt copy = *pkt;

	copy.v6 = rig->v6;
	rig->in_len = pkt_build(&copy, rig->in);
	opts.data_size_in = rig->in_len;
	opts.data_size_out = sizeof(rig->out);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	rig->out_len = opts.data_size_out;
	rig->mark_out = ctx.mark;
	*ret_ns = opts.duration;
	return (int)opts.retval;
}

int rig_run(struct rig *rig, const struct pkt *pkt)
{
	uint8_t buf[4096];
	uint32_t ns;
	int len = next_clone(rig, buf, 0);

	if (len >= 0)
		fail_msg("a clone that nobody asked for:\n%s",
			 pkt_diff(buf, 0, buf, (uint32_t)len));
	return run(rig, pkt, &ns);
}

uint32_t rig_cost(struct rig *rig, const struct pkt *pkt)
{
	uint32_t ns;

	run(rig, pkt, &ns);
	return ns;
}

static void expect(struct rig *rig, const struct pkt *want, const uint8_t *got, uint32_t len,
		   const char *what)
{
	struct pkt copy = *want;
	uint8_t buf[PKT_MAX];
	const char *diff;

	copy.v6 = rig->v6;
	diff = pkt_diff(buf, pkt_build(&copy, buf), got, len);
	if (diff)
		fail_msg("%s (%s):\n%s", what, rig->v6 ? "IPv6" : "IPv4", diff);
}

void rig_expect(struct rig *rig, const struct pkt *want)
{
	expect(rig, want, rig->out, rig->out_len, "the packet");
}

void rig_expect_same(struct rig *rig)
{
	const char *diff = pkt_diff(rig->in, rig->in_len, rig->out, rig->out_len);

	if (diff)
		fail_msg("the packet was changed (%s):\n%s", rig->v6 ? "IPv6" : "IPv4", diff);
}

void rig_expect_clone(struct rig *rig, const struct pkt *want)
{
	uint8_t buf[4096];
	int len = next_clone(rig, buf, 1000);

	if (len < 0)
		fail_msg("there is no clone");
	expect(rig, want, buf, (uint32_t)len, "the clone");
}

void rig_case(struct rig *rig, const struct pkt *pkt, int verdict, const struct pkt *want)
{
	assert_int_equal(rig_run(rig, pkt), verdict);
	if (want)
		rig_expect(rig, want);
	else if (verdict != RIG_DROP)
		rig_expect_same(rig);
}

uint64_t rig_count(const struct rig *rig, uint8_t kind, int why)
{
	int fd = fd_of(rig->skel->maps.series), cpus = libbpf_num_possible_cpus(), err;
	struct gl_counter value[256];
	struct gl_series_key key, next;
	uint64_t total = 0;

	assert_true(cpus > 0 && cpus <= 256);
	for (err = bpf_map_get_next_key(fd, NULL, &next); !err;
	     err = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		if (key.kind != kind || (why >= 0 && key.why != why))
			continue;
		assert_int_equal(bpf_map_lookup_elem(fd, &key, value), 0);
		for (int i = 0; i < cpus; i++)
			total += value[i].value;
	}
	return total;
}

static struct gl_flow flow_to(const struct rig *rig, uint16_t sport, enum pkt_side side)
{
	struct gl_flow flow = { .ifindex = rig->ifindex,
				.cport = htons(sport ? sport : pkt_port(POD)),
				.pport = htons(pkt_port(side)) };

	pkt_addr(rig->v6, POD, (uint8_t *)&flow.client);
	pkt_addr(rig->v6, side, (uint8_t *)&flow.peer);
	return flow;
}

bool rig_conn(const struct rig *rig, uint16_t sport, struct gl_conn *ret)
{
	struct gl_flow flow = flow_to(rig, sport, FRONT);
	struct gl_conn_value value;

	if (bpf_map_lookup_elem(fd_of(rig->skel->maps.conns), &flow, &value))
		return false;
	*ret = value.conn;
	return true;
}

void rig_age(struct rig *rig, uint32_t ms)
{
	struct gl_flow flow = flow_to(rig, 0, FRONT);
	int fd = fd_of(rig->skel->maps.conns);
	struct gl_conn_value value;

	assert_int_equal(bpf_map_lookup_elem(fd, &flow, &value), 0);
	value.conn.leg[value.conn.active].used_ms -= ms;
	assert_int_equal(bpf_map_update_elem(fd, &flow, &value, 0), 0);
}

void rig_claim(struct rig *rig, enum pkt_side side)
{
	struct gl_flow flow = flow_to(rig, 0, side);
	struct gl_leg_ref ref = { .conn = flow, .conn_id = 77, .leg = 1 };

	assert_int_equal(bpf_map_update_elem(fd_of(rig->skel->maps.leg_tuples), &flow, &ref, 0), 0);
}

void rig_fail(struct rig *rig, enum pkt_side side, bool failed)
{
	struct gl_endpoint_key key = { .port = htons(pkt_port(side)) };
	struct gl_endpoint_health health = { .failures = failed, .until_ns = failed ? ~0ULL : 0 };

	pkt_addr(rig->v6, side, (uint8_t *)&key.addr);
	assert_int_equal(bpf_map_update_elem(fd_of(rig->skel->maps.endpoints), &key, &health, 0),
			 0);
}
