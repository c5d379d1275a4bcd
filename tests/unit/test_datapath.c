/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader on a real kernel, in network and mount namespaces of its own: what it pins, what a restart takes over, what is
 * refused, what is gone afterwards; and the sweeper, over connections that are written into the map by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/private.h"
#include "graylink/conn.h"
#include "graylink/image.h"
#include "graylink/limits.h"
#include "loop.h"

#define BPFFS  "/sys/fs/bpf/agent"
#define SECOND 1000000000ULL

static struct gl_datapath *dp;

/* Runs ip(8) or tc(8). */
static void run(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static void open_dp(bool clsact)
{
	const struct gl_datapath_options options = { .bpffs = BPFFS, .force_clsact = clsact };
	struct gl_why why = { "" };

	if (gl_datapath_open(&options, &dp, &why))
		fail_msg("open: %s", why.text);
}

static void close_dp(void)
{
	gl_datapath_close(dp);
	dp = NULL;
}

static int teardown(void **state)
{
	struct gl_why why;

	(void)state;
	close_dp();
	if (gl_datapath_remove(BPFFS, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return -1;
	}
	return system("ip link del v1 2>/dev/null; ip link del v2 2>/dev/null; true");
}

static int setup(void **state)
{
	(void)state;
	return system(
		"ip link add v1 type veth peer name p1 && ip link add v2 type veth peer name p2");
}

static size_t attached(void)
{
	const struct gl_attachment *list;

	return gl_datapath_attachments(dp, &list);
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void publish(uint32_t generation)
{
	struct gl_image *image = calloc(1, sizeof(*image));
	struct gl_why why;

	assert_int_equal(gl_datapath_publish(dp, image, &why), 0);
	assert_int_equal(gl_datapath_generation(dp), generation);
	free(image);
}

/* Attach, be gone, come back: everything is as it was; remove: nothing is left. */
static void takes_over(bool clsact)
{
	struct gl_controls controls;
	uint32_t zero = 0, index;
	struct gl_why why;

	open_dp(clsact);
	assert_false(gl_datapath_taken_over(dp));
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	assert_int_equal(gl_datapath_attach(dp, "v2", &why), 0);
	assert_int_equal(attached(), 2);
	publish(1);
	assert_int_equal(gl_datapath_set_bypass(dp, true), 0);
	/* One slot is in use. */
	assert_int_equal(bpf_map_lookup_and_delete_elem(gl_datapath_map(dp, GL_MAP_FREE_BIG), NULL,
							&index),
			 0);
	close_dp();
	run("ip link del v2");
	open_dp(clsact);
	assert_true(gl_datapath_taken_over(dp));
	assert_int_equal(gl_datapath_generation(dp), 1);
	assert_true(gl_datapath_bypass(dp));
	assert_int_equal(attached(), 1);
	publish(2);
	assert_int_equal(bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_CONTROLS), &zero,
					     &controls),
			 0);
	assert_int_equal(controls.bypass, 1);
	/* It was not filled again. */
	for (index = 0;
	     !bpf_map_lookup_and_delete_elem(gl_datapath_map(dp, GL_MAP_FREE_BIG), NULL, &zero);
	     index++)
		;
	assert_int_equal(index, GL_SLOTS_BIG - 1);
	assert_int_equal(gl_datapath_detach_all(dp, &why), 0);
	assert_false(exists(BPFFS));
	assert_int_equal(attached(), 0);
	/* And it can begin again. */
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	assert_true(exists(BPFFS "/maps/conns"));
	assert_true(exists(BPFFS "/progs/reap"));
	close_dp();
	open_dp(clsact);
	assert_true(gl_datapath_taken_over(dp));
	assert_int_equal(attached(), 1);
	assert_int_equal(gl_datapath_detach(dp, "v1", &why), 0);
	assert_int_equal(gl_datapath_detach(dp, "v1", &why), -ENOENT);
}

static void takes_over_tcx_links(void **state)
{
	struct gl_check rows[GL_CHECKS_MAX];
	size_t n = gl_datapath_check(BPFFS, rows), i;

	(void)state;
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, "tcx") && strcmp(rows[i].text, "links are used"))
			skip();
	takes_over(false);
}

static void takes_over_clsact_filters(void **state)
{
	(void)state;
	takes_over(true);
	/* The qdisc was ours. */
	assert_int_not_equal(system("tc qdisc show dev v1 | grep -q clsact"), 0);
}

/* Others' filters on the same qdisc are not ours to remove. */
static void leaves_other_filters_alone(void **state)
{
	struct gl_why why;

	(void)state;
	open_dp(true);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	run("tc filter add dev v1 ingress prio 7 bpf da pinned " BPFFS "/progs/to_pod");
	assert_int_equal(gl_datapath_detach(dp, "v1", &why), 0);
	run("tc filter show dev v1 ingress | grep -q 'pref 7'");
	assert_int_not_equal(system("tc filter show dev v1 egress | grep -q to_pod"), 0);
}

static void refuses_a_second_agent(void **state)
{
	const struct gl_datapath_options options = { .bpffs = BPFFS };
	struct gl_datapath *second;
	struct gl_why why;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_open(&options, &second, &why), -EBUSY);
	assert_non_null(strstr(why.text, "another graylinkd"));
	assert_int_equal(gl_datapath_remove(BPFFS, &why), -EBUSY);
}

static void refuses_what_is_no_bpffs(void **state)
{
	const struct gl_datapath_options options = { .bpffs = "/tmp/agent" };
	struct gl_why why;

	(void)state;
	assert_int_equal(gl_datapath_open(&options, &dp, &why), -ENODEV);
	assert_non_null(strstr(why.text, "mount -t bpf"));
}

/* Maps of another layout: made anew while nothing is attached, refused otherwise. */
static void minds_the_schema(void **state)
{
	const struct gl_datapath_options options = { .bpffs = BPFFS };
	struct gl_why why;

	(void)state;
	open_dp(false);
	publish(1);
	close_dp();
	assert_int_equal(unlink(BPFFS "/schema"), 0);
	assert_int_equal(symlink("0-0000000000000000", BPFFS "/schema"), 0);
	open_dp(false);
	assert_false(gl_datapath_taken_over(dp));
	assert_int_equal(gl_datapath_generation(dp), 0);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	close_dp();
	assert_int_equal(unlink(BPFFS "/schema"), 0);
	assert_int_equal(gl_datapath_open(&options, &dp, &why), -EEXIST);
	assert_non_null(strstr(why.text, "--remove"));
	assert_true(exists(BPFFS "/maps/conns"));
}

static void says_what_cannot_be_attached(void **state)
{
	struct gl_why why;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_attach(dp, "nope", &why), -ENOENT);
	assert_non_null(strstr(why.text, "no such interface"));
}

/* Names of one connection in the map. */
static void put_conn(struct gl_flow *key, uint16_t port, uint32_t ifindex,
		     const struct gl_conn *like)
{
	struct gl_conn_value value = { .conn = *like };

	memset(key, 0, sizeof(*key));
	key->ifindex = ifindex;
	key->cport = htons(port);
	key->pport = htons(80);
	key->client.w[3] = htonl(0x0a000001);
	key->peer.w[3] = htonl(0x0a600001);
	value.conn.id = port;
	value.conn.key = *key;
	assert_int_equal(bpf_map_update_elem(gl_datapath_map(dp, GL_MAP_CONNS), key, &value,
					     BPF_NOEXIST),
			 0);
}

static bool has_conn(const struct gl_flow *key)
{
	struct gl_conn_value value;

	return !bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_CONNS), key, &value);
}

static int sweep_all(uint64_t now)
{
	int n = gl_datapath_sweep(dp, now, UINT32_MAX);

	assert_true(n >= 0);
	return n;
}

static void sweeps_by_its_rules(void **state)
{
	const uint64_t now = gl_now_ns() + 10000 * SECOND,
		       ages[] = { 0, 20 * SECOND, 200 * SECOND, 9000 * SECOND };
	static const struct {
		uint16_t flags;
		bool gone[4]; /* at each age */
	} rows[] = {
		{ 0, { false, false, true, true } },
		{ GL_CONN_ESTABLISHED, { false, false, false, true } },
		{ GL_CONN_ESTABLISHED | GL_CONN_TRANSLATED, { false, false, false, false } },
		{ GL_CONN_ESTABLISHED | GL_CONN_RESET, { false, true, true, true } },
		{ GL_CONN_ESTABLISHED | GL_CONN_TRANSLATED | GL_CONN_FIN_ACKED,
		  { false, false, false, false } },
		{ GL_CONN_ESTABLISHED | GL_CONN_TRANSLATED | GL_CONN_FIN_ACKED | GL_CONN_SFIN_ACKED,
		  { false, true, true, true } },
	};
	struct gl_flow keys[6][4], elsewhere;
	struct gl_conn conn = { 0 };
	struct gl_why why;
	size_t i, age;
	int gone = 1;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	for (i = 0; i < 6; i++) {
		for (age = 0; age < 4; age++) {
			conn.flags = rows[i].flags;
			conn.start_ns = conn.used_ns = now - ages[age];
			put_conn(&keys[i][age], (uint16_t)(100 * (i + 1) + age),
				 if_nametoindex("v1"), &conn);
			gone += rows[i].gone[age];
		}
	}
	conn.flags = GL_CONN_ESTABLISHED | GL_CONN_TRANSLATED;
	conn.used_ns = now;
	put_conn(&elsewhere, 999, 4242, &conn);
	assert_int_equal(sweep_all(now), gone);
	for (i = 0; i < 6; i++)
		for (age = 0; age < 4; age++)
			assert_int_equal(has_conn(&keys[i][age]), !rows[i].gone[age]);
	assert_false(has_conn(&elsewhere));
	assert_int_equal(sweep_all(now), 0);
}

/* Takes a slot as the programs do: out of its queue, with its owner. Returns its number. */
static uint32_t take_slot(enum gl_map queue, enum gl_map slots, uint64_t owner)
{
	int fd = gl_datapath_map(dp, slots);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), index;
	struct gl_slot_head *slot;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	slot = calloc(1, info.value_size);
	assert_int_equal(bpf_map_lookup_and_delete_elem(gl_datapath_map(dp, queue), NULL, &index),
			 0);
	slot->owner = owner;
	assert_int_equal(bpf_map_update_elem(fd, &index, slot, BPF_ANY), 0);
	free(slot);
	return index + 1;
}

/* Empties a queue. Returns how many were in it, and through @ret_last the number of the last. */
static uint32_t drain_queue(enum gl_map queue, uint32_t *ret_last)
{
	uint32_t n = 0, index = 0;

	while (!bpf_map_lookup_and_delete_elem(gl_datapath_map(dp, queue), NULL, &index))
		n++;
	*ret_last = index + 1;
	return n;
}

static void put_tuple(const struct gl_conn *conn, const struct gl_flow *key, int leg, uint64_t id)
{
	struct gl_leg_ref ref = { .conn_id = id, .conn = *key, .leg = (uint32_t)leg };
	struct gl_flow tuple = *key;

	tuple.pport = conn->leg[leg].port;
	tuple.peer = conn->leg[leg].addr;
	assert_int_equal(bpf_map_update_elem(gl_datapath_map(dp, GL_MAP_LEG_TUPLES), &tuple, &ref,
					     BPF_ANY),
			 0);
}

static bool has_tuple(const struct gl_conn *conn, const struct gl_flow *key, int leg)
{
	struct gl_flow tuple = *key;
	struct gl_leg_ref ref;

	tuple.pport = conn->leg[leg].port;
	tuple.peer = conn->leg[leg].addr;
	return !bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_LEG_TUPLES), &tuple, &ref);
}

static void set_veth(uint32_t ifindex, uint32_t conns, uint32_t slots)
{
	const struct gl_veth veth = { .conns = conns, .slots = slots };

	assert_int_equal(bpf_map_update_elem(gl_datapath_map(dp, GL_MAP_VETHS), &ifindex, &veth,
					     BPF_ANY),
			 0);
}

static void expect_veth(uint32_t ifindex, uint32_t conns, uint32_t slots)
{
	struct gl_veth veth;

	assert_int_equal(bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_VETHS), &ifindex, &veth),
			 0);
	assert_int_equal(veth.conns, conns);
	assert_int_equal(veth.slots, slots);
}

/* Connections of the service that were counted as closed. */
static uint64_t closed(uint16_t service)
{
	const struct gl_series_key series = { .kind = GL_SERIES_CONNS_CLOSED, .service = service };
	int i, cpus = libbpf_num_possible_cpus();
	struct gl_counter *counters = calloc((size_t)cpus, sizeof(*counters));
	uint64_t sum = 0;

	if (!bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_SERIES), &series, counters))
		for (i = 0; i < cpus; i++)
			sum += counters[i].value;
	free(counters);
	return sum;
}

/* A dead connection of id @id with a small slot, a slot of a response, and two claimed tuples. */
static void put_dead(struct gl_flow *key, struct gl_conn *conn, uint16_t id, uint32_t ifindex)
{
	*conn = (struct gl_conn){
		.flags = GL_CONN_ESTABLISHED | GL_CONN_TRANSLATED | GL_CONN_RESET,
		.service = 3,
		.epoch = 7,
		.nxt = 1000,
		.ack = 2000,
		.slot = take_slot(GL_MAP_FREE_SMALL, GL_MAP_SLOTS_SMALL, id),
		.rsp.slot = take_slot(GL_MAP_FREE_BIG, GL_MAP_SLOTS_BIG, id),
	};
	conn->leg[1].flags = conn->leg[2].flags = GL_LEG_CLAIMED;
	conn->leg[1].port = conn->leg[2].port = htons(8080);
	conn->leg[1].addr.w[3] = htonl(0x0a4d0001);
	conn->leg[2].addr.w[3] = htonl(0x0a4d0002);
	put_conn(key, id, ifindex, conn);
	conn->id = id;
	conn->key = *key;
	put_tuple(conn, key, 1, id);
	/* The second is by now somebody else's. */
	put_tuple(conn, key, 2, 12345);
}

/* What a swept connection held is free again, once, and the counts follow; what is somebody else's by now stays. */
static void gives_back_what_the_dead_held(void **state)
{
	uint32_t ifindex = if_nametoindex("v1"), last;
	struct gl_conn conn;
	struct gl_flow key;
	struct gl_why why;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	put_dead(&key, &conn, 77, ifindex);
	set_veth(ifindex, 5, 9);

	assert_int_equal(sweep_all(gl_now_ns() + 60 * SECOND), 1);
	assert_int_equal(sweep_all(gl_now_ns() + 60 * SECOND), 0);
	assert_int_equal(gl_sweep_reap(dp, &conn), 0);
	expect_veth(ifindex, 4, 7);
	assert_int_equal(closed(3), 1);
	assert_false(has_tuple(&conn, &key, 1));
	assert_true(has_tuple(&conn, &key, 2));
	/* Each slot is at the end of its queue. */
	assert_int_equal(drain_queue(GL_MAP_FREE_SMALL, &last), GL_SLOTS_SMALL);
	assert_int_equal(last, conn.slot);
	assert_int_equal(drain_queue(GL_MAP_FREE_BIG, &last), GL_SLOTS_BIG);
	assert_int_equal(last, conn.rsp.slot);
}

/* Writes the connection anew, as if a packet had come by. */
static void move_conn(const struct gl_conn *conn)
{
	const struct gl_conn_value value = { .conn = *conn };

	assert_int_equal(bpf_map_update_elem(gl_datapath_map(dp, GL_MAP_CONNS), &conn->key, &value,
					     BPF_EXIST),
			 0);
}

/* Between the sweeper's look and the end anything may happen: then the connection is not the one that was seen dead. */
static void spares_what_moved_since_the_look(void **state)
{
	uint32_t ifindex = if_nametoindex("v1"), last, i;
	struct gl_conn seen, moved[4];
	struct gl_flow key;
	struct gl_why why;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	put_dead(&key, &seen, 77, ifindex);
	set_veth(ifindex, 5, 9);
	for (i = 0; i < 4; i++)
		moved[i] = seen;
	moved[0].id++;	  /* the element is another connection's */
	moved[1].epoch++; /* a request, a leg */
	moved[2].nxt++;	  /* bytes of the client */
	moved[3].ack++;	  /* an ACK */
	for (i = 0; i < 4; i++) {
		move_conn(&moved[i]);
		assert_int_equal(gl_sweep_reap(dp, &seen), 0);
		assert_true(has_conn(&key));
	}
	expect_veth(ifindex, 5, 9);
	assert_int_equal(closed(3), 0);
	assert_true(has_tuple(&seen, &key, 1));
	move_conn(&seen);
	assert_int_equal(gl_sweep_reap(dp, &seen), 1);
	assert_false(has_conn(&key));
	expect_veth(ifindex, 4, 7);
	assert_int_equal(drain_queue(GL_MAP_FREE_SMALL, &last), GL_SLOTS_SMALL);
}

/* Detached: what is attached later has not seen what the connections did meanwhile. Others' stay. */
static void forgets_the_connections_of_a_detached_interface(void **state)
{
	uint32_t ifindex = if_nametoindex("v1"), other = if_nametoindex("v2");
	struct gl_conn conn = { .flags = GL_CONN_ESTABLISHED, .service = 3 };
	struct gl_flow keys[2];
	struct gl_veth veth;
	struct gl_why why;

	(void)state;
	open_dp(false);
	assert_int_equal(gl_datapath_attach(dp, "v1", &why), 0);
	assert_int_equal(gl_datapath_attach(dp, "v2", &why), 0);
	conn.start_ns = conn.used_ns = gl_now_ns();
	put_conn(&keys[0], 1, ifindex, &conn);
	put_conn(&keys[1], 2, other, &conn);
	set_veth(other, 1, 0);
	assert_int_equal(gl_datapath_detach(dp, "v1", &why), 0);
	assert_false(has_conn(&keys[0]));
	assert_true(has_conn(&keys[1]));
	assert_int_equal(closed(3), 1);
	assert_int_equal(bpf_map_lookup_elem(gl_datapath_map(dp, GL_MAP_VETHS), &ifindex, &veth),
			 -ENOENT);
	expect_veth(other, 1, 0);
}

/* The walk continues where it stopped, and sees everything. */
static void sweeps_a_full_table_in_parts(void **state)
{
	struct gl_conn conn = { .flags = GL_CONN_ESTABLISHED };
	struct gl_flow key;
	int i, swept = 0;

	(void)state;
	open_dp(false);
	for (i = 1; i <= 5000; i++)
		put_conn(&key, (uint16_t)i, 4242, &conn);
	for (i = 0; i < 100 && swept < 5000; i++)
		swept += gl_datapath_sweep(dp, gl_now_ns(), 500);
	assert_true(i > 2);
	assert_int_equal(swept, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_over_tcx_links),
		TEST(takes_over_clsact_filters),
		TEST(leaves_other_filters_alone),
		TEST(refuses_a_second_agent),
		TEST(refuses_what_is_no_bpffs),
		TEST(minds_the_schema),
		TEST(says_what_cannot_be_attached),
		TEST(sweeps_by_its_rules),
		TEST(gives_back_what_the_dead_held),
		TEST(spares_what_moved_since_the_look),
		TEST(sweeps_a_full_table_in_parts),
		TEST(forgets_the_connections_of_a_detached_interface),
	};

	/* Namespaces of its own: nothing of the machine is touched, and nothing is left when the process ends. */
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		printf("skipped: namespaces and a bpffs of its own need root: %s\n",
		       strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
