// SPDX-License-Identifier: Apache-2.0
/*
 * Chunked bodies followed in the kernel end where they end natively: every kind and every vector,
 * whole and in pieces, from a map and as packets. Prints what a chunk costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "lib/chunk_bodies.h"
#include "prog/chunk_test.h"
#include "tests/prog/chunk_test.skel.h"

static struct chunk_test *skel;
static struct chunk_body *bodies;
static size_t count;
static struct gl_head_buf buf;

static int setup(void **state)
{
	(void)state;
	count = chunk_bodies_load(&bodies);
	skel = chunk_test__open_and_load();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chunk_test__destroy(skel);
	chunk_bodies_free(bodies);
	return 0;
}

static void need_bpf(void)
{
	if (!skel && geteuid()) {
		printf("BPF programs can be loaded by root only\n");
		skip();
	}
	assert_non_null(skel);
}

static void put(const struct bpf_map *map, const void *value)
{
	u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY), 0);
}

static void get(const struct bpf_map *map, void *value)
{
	u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &zero, value), 0);
}

static void run(const struct bpf_program *prog, const u8 *packet, u32 len, struct chunk_run *io)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	put(skel->maps.runs, io);
	if (packet) {
		opts.data_in = packet;
		opts.data_size_in = len;
	}
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
	get(skel->maps.runs, io);
}

/* @io holds what the kernel made of a body; @eaten and @c what we make of it. */
static void same(const char *id, u32 step, const struct chunk_run *io, int ret,
		 const struct gl_chunk *c)
{
	if (memcmp(&io->c, c, sizeof(*c)) || (io->ret < 0) != (ret < 0) ||
	    (ret >= 0 && io->eaten != (u32)ret))
		fail_msg("%s, step %u: kernel %d, %u bytes, phase %d; native %d, phase %d", id,
			 step, io->ret, io->eaten, io->c.phase, ret, c->phase);
}

/* @ways: 2: whole and byte by byte; 5: in other pieces and as a packet, too. */
static void kernel_agrees(const char *id, const u8 *bytes, u32 len, u32 ways)
{
	static const u32 steps[] = { 0, 1, 2, 7, 64 };
	struct chunk_run io;
	struct gl_chunk c;
	int ret;
	u32 i;

	memset(buf.b, '\n', sizeof(buf.b));
	memcpy(buf.b, bytes, len);
	gl_chunk_start(&c);
	ret = gl_chunk_feed(&buf, 0, len, &c);
	put(skel->maps.bufs, &buf);
	for (i = 0; i < ways; i++) {
		memset(&io, 0, sizeof(io));
		io.len = len;
		io.step = steps[i];
		run(skel->progs.feed_map, NULL, 0, &io);
		same(id, steps[i], &io, ret, &c);
	}
	if (ways < 5 || len < CHUNK_TEST_PACKET_MIN || len > CHUNK_TEST_PACKET_MAX)
		return;
	memset(&io, 0, sizeof(io));
	run(skel->progs.walk_packet, bytes, len, &io);
	same(id, ~0U, &io, ret, &c);
}

static void kernel_agrees_on_every_body(void **state)
{
	size_t i;

	(void)state;
	need_bpf();
	for (i = 0; i < count; i++)
		kernel_agrees(bodies[i].id, bodies[i].bytes, bodies[i].len, 5);
}

static void kernel_agrees_on_every_byte_of_a_line(void **state)
{
	static const char body[] = "3\r\nabc\r\n1F;e=f;g=\"h\\i\"\r\n";
	u8 bytes[64];
	size_t at;
	u32 b;

	(void)state;
	need_bpf();
	for (at = 0; at < sizeof(body) - 1; at++) {
		for (b = 0; b < 256; b++) {
			memcpy(bytes, body, sizeof(body));
			bytes[at] = b;
			kernel_agrees("byte", bytes, sizeof(body) - 1, 2);
		}
	}
}

/* A body of several packets, one after the other, with chunks that end anywhere in them. */
static void kernel_walks_packets(void **state)
{
	static u8 body[200000];
	struct chunk_run io = { 0 };
	u32 len = 0, at, n, size;

	(void)state;
	need_bpf();
	srand(3);
	while (len < sizeof(body) - 9000) {
		size = rand() % 3 ? 1 + rand() % 40 : 1 + rand() % 8000;
		len += sprintf((char *)body + len, rand() & 1 ? "%x\r\n" : "%X;a=b\r\n", size);
		memset(body + len, '\r', size);
		len += size;
		body[len++] = '\r';
		body[len++] = '\n';
	}
	memcpy(body + len, "0\r\nX-Sum: 1\r\n\r\n", 15);
	len += 15;
	for (at = 0; at < len; at += n) {
		assert_int_equal(io.ret, 0);
		n = CHUNK_TEST_PACKET_MIN +
		    rand() % (CHUNK_TEST_PACKET_MAX - CHUNK_TEST_PACKET_MIN);
		if (len - at - n < CHUNK_TEST_PACKET_MIN || len - at < n)
			n = len - at < CHUNK_TEST_PACKET_MAX ? len - at : n - CHUNK_TEST_PACKET_MIN;
		run(skel->progs.walk_packet, body + at, n, &io);
		assert_int_equal(io.eaten, n);
	}
	assert_int_equal(io.ret, 1);
	assert_true(gl_chunk_done(&io.c));
}

static void kernel_reads_a_full_buffer(void **state)
{
	static u8 bytes[GL_HEAD_MAX];
	u32 n;

	(void)state;
	need_bpf();
	for (n = 0; n + 6 <= GL_HEAD_MAX; n += 6)
		memcpy(bytes + n, "1\r\nx\r\n", 6);
	memcpy(bytes + n, "0\r\n\r", GL_HEAD_MAX - n);
	kernel_agrees("chunks of a byte", bytes, GL_HEAD_MAX, 5);
	memset(bytes, 'e', sizeof(bytes));
	for (n = 0; n + 256 <= GL_HEAD_MAX; n += 256) {
		memcpy(bytes + n, n ? "\r\n1;" : "001;", 4);
		memcpy(bytes + n + 253, "\r\nx", 3);
	}
	kernel_agrees("long lines", bytes, GL_HEAD_MAX, 5);
	memset(bytes, 'v', sizeof(bytes));
	memcpy(bytes, "0\r\na:", 5);
	for (n = 8000; n < 8400; n += 4)
		memcpy(bytes + n, "\r\nb:", 4);
	kernel_agrees("long trailer", bytes, GL_HEAD_MAX, 5);
}

static u32 cost_ns(const struct bpf_program *prog, const u8 *packet, u32 len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len,
		    .repeat = 2000);
	u32 best = ~0U, i;

	for (i = 0; i < 7; i++) {
		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
		best = opts.duration < best ? opts.duration : best;
	}
	return best;
}

/* Chunks of @size bytes of data, as many as fit; returns how many. */
static u32 fill(u8 *bytes, u32 room, u32 size, u32 *ret_len)
{
	u32 n = 0, len = 0;

	while (len + size + 10 <= room) {
		len += sprintf((char *)bytes + len, "%x\r\n", size);
		memset(bytes + len, 'd', size);
		len += size;
		memcpy(bytes + len, "\r\n", 2);
		len += 2;
		n++;
	}
	*ret_len = len;
	return n;
}

static void a_chunk_costs_less_than_a_microsecond(void **state)
{
	static const u32 sizes[] = { 1, 20, 400, 1000 };
	static u8 bytes[CHUNK_TEST_PACKET_MAX];
	u32 i, n, len, none, feed, walk;
	struct chunk_run io;

	(void)state;
	need_bpf();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(&io, 0, sizeof(io));
		n = fill(bytes, sizeof(bytes), sizes[i], &len);
		memcpy(buf.b, bytes, len);
		put(skel->maps.bufs, &buf);
		io.len = len;
		put(skel->maps.runs, &io);
		none = cost_ns(skel->progs.feed_none, bytes, len);
		feed = cost_ns(skel->progs.feed_all, bytes, len) - none;
		get(skel->maps.runs, &io);
		assert_int_equal(io.ret, len);
		memset(&io, 0, sizeof(io));
		put(skel->maps.runs, &io);
		walk = cost_ns(skel->progs.walk_packet, bytes, len) - none;
		get(skel->maps.runs, &io);
		assert_int_equal(io.ret, 0);
		printf("%u chunks of %u bytes: %u ns a chunk to read, %u with the walk's copies\n",
		       n, sizes[i], feed / n, walk / n);
		/* Ten times what an emulated processor needs. */
		assert_true(feed / n < 20000);
	}
	/* Data only: what most packets of a large body are. */
	memset(&io, 0, sizeof(io));
	io.c.left = 1ULL << 50;
	io.c.phase = GL_CHUNK_DATA;
	put(skel->maps.runs, &io);
	walk = cost_ns(skel->progs.walk_packet, bytes, 1448);
	none = cost_ns(skel->progs.feed_none, bytes, 1448);
	get(skel->maps.runs, &io);
	assert_true(io.c.left < 1ULL << 50 && io.ret == 0);
	printf("a packet of data alone: %d ns\n", (int)(walk - none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_agrees_on_every_body),
		cmocka_unit_test(kernel_agrees_on_every_byte_of_a_line),
		cmocka_unit_test(kernel_walks_packets),
		cmocka_unit_test(kernel_reads_a_full_buffer),
		cmocka_unit_test(a_chunk_costs_less_than_a_microsecond),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
