// SPDX-License-Identifier: Apache-2.0
/*
 * The head scan in the kernel gives what the native one gives, for every vector, whole and in
 * pieces, as a packet and (longer ones) from a map. Prints what a scan costs.
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

#include "core/frame.h"
#include "core/head.h"
#include "lib/http_vectors.h"
#include "prog/head_test.h"
#include "tests/prog/head_test.skel.h"

static const u64 interest[4] = { 0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
				 0x00ff00ff00ff00ff };

static struct head_test *skel;
static struct http_vectors *vectors;

static int setup(void **state)
{
	(void)state;
	vectors = http_vectors_load("parsers.jsonl");
	skel = head_test__open_and_load();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	head_test__destroy(skel);
	http_vectors_free(vectors);
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

/* Runs a stream in the kernel: in pieces of run->step bytes; as a packet if it can be one. */
static void run_kernel(const u8 *bytes, u32 len, struct head_run *run, struct gl_head *head,
		       int as_packet)
{
	static struct gl_head_buf buf;
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	const struct bpf_program *prog = as_packet ? skel->progs.scan_packet : skel->progs.scan_map;

	run->len = len;
	put(skel->maps.runs, run);
	if (as_packet) {
		opts.data_in = bytes;
		opts.data_size_in = len;
	} else {
		memcpy(buf.b, bytes, len);
		memset(buf.b + len, '\n', sizeof(buf.b) - len);
		put(skel->maps.bufs, &buf);
	}
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
	get(skel->maps.runs, run);
	get(skel->maps.heads, head);
}

static void run_native(const u8 *bytes, u32 len, struct head_run *run, struct gl_head *head)
{
	static struct gl_head_buf buf;
	struct gl_frame frame;

	memcpy(buf.b, bytes, len);
	gl_head_start(head, run->response, run->interest);
	run->ret = gl_head_scan(&buf, len, head);
	run->frame_ret = run->response ? gl_frame_response(head, GL_METHOD_GET, &frame) :
					 gl_frame_request(head, &frame);
	run->share = gl_head_share(&buf, 0, len);
}

static int same(const struct gl_head *a, const struct gl_head *b)
{
	return !memcmp(a, b, offsetof(struct gl_head, fields)) &&
	       !memcmp(a->fields, b->fields, a->nfields * sizeof(a->fields[0]));
}

static void kernel_agrees(const char *id, const u8 *bytes, u32 len, u32 response)
{
	static const u32 steps[] = { 0, 1, 64, 0 };
	struct head_run native = { .response = response }, kernel;
	struct gl_head native_head, kernel_head;
	u32 i;

	memcpy(native.interest, interest, sizeof(interest));
	run_native(bytes, len, &native, &native_head);
	for (i = 0; i < 4; i++) {
		int as_packet = i == 3;

		if (as_packet && (len < HEAD_TEST_PACKET_MIN || len > HEAD_TEST_PACKET_MAX))
			continue;
		kernel = native;
		kernel.step = steps[i];
		kernel.ret = 12345;
		run_kernel(bytes, len, &kernel, &kernel_head, as_packet);
		if (kernel.ret != native.ret || kernel.frame_ret != native.frame_ret ||
		    kernel.share != native.share || !same(&kernel_head, &native_head))
			fail_msg("%s: step %u: kernel %d, native %d", id, steps[i], kernel.ret,
				 native.ret);
	}
}

static void kernel_agrees_on_every_vector(void **state)
{
	size_t i;

	(void)state;
	need_bpf();
	for (i = 0; i < vectors->cases; i++)
		if (vectors->list[i].len)
			kernel_agrees(vectors->list[i].id, vectors->list[i].bytes,
				      vectors->list[i].len, vectors->list[i].response);
}

/* Pieces that matter to the scan. */
static const char *const pieces[] = {
	"\r\n",
	"\r\n",
	"\r\n",
	": ",
	":",
	" ",
	"\t",
	",",
	"a",
	"x-gray",
	"Host",
	"Host: a\r\n",
	"Content-Length: ",
	"12",
	"345678901",
	"Transfer-Encoding: chunked\r\n",
	"Connection: ",
	"close",
	"keep-alive",
	"upgrade",
	"Upgrade: x\r\n",
	"Expect: 100-continue\r\n",
	"Authorization: ",
	"Negotiate",
	"NTLM",
	"\r",
	"\n",
	"\x80",
	"_",
	"abcdefgh",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
	"@",
	"\x01",
	"/path/that/is/longer?q=1",
	"[::1]",
	"Content-Type: a\r\n",
	"WWW-Authenticate: Basic x, ",
};

static void kernel_agrees_on_random_heads(void **state)
{
	static const char *const begins[] = { "POST ", "HTTP/1.1 200 OK\r\n",
					      "GET / HTTP/1.1\r\nHost: a\r\n",
					      "HTTP/1.1 200 OK\r\n" };
	u8 bytes[1024];
	u32 i, n, len, piece;

	(void)state;
	need_bpf();
	srand(7);
	for (i = 0; i < 3000; i++) {
		len = strlen(begins[i & 3]);
		memcpy(bytes, begins[i & 3], len);
		for (n = rand() % 24; n; n--) {
			piece = rand() % (sizeof(pieces) / sizeof(pieces[0]));
			memcpy(bytes + len, pieces[piece], strlen(pieces[piece]));
			len += strlen(pieces[piece]);
		}
		memcpy(bytes + len, "\r\n\r\n", 4);
		kernel_agrees("random", bytes, len + 4, i & 1);
	}
}

static void kernel_reads_the_longest_head(void **state)
{
	static u8 bytes[GL_HEAD_MAX + 16];
	u32 len, cut;

	(void)state;
	need_bpf();
	memset(bytes, 'v', sizeof(bytes));
	memcpy(bytes, "HTTP/1.1 200 OK\r\nx: ", 20);
	for (len = GL_HEAD_MAX - 9; len <= GL_HEAD_MAX + 1; len++) {
		for (cut = 1000; cut < len - 1000; cut += 1000)
			memcpy(bytes + cut, "\r\nCookie: ", 10);
		memset(bytes + len - 64, 'v', 80);
		memcpy(bytes + len - 4, "\r\n\r\n", 4);
		kernel_agrees("longest", bytes, len > GL_HEAD_MAX ? GL_HEAD_MAX : len, 1);
	}
}

static u32 cost_ns(const struct bpf_program *prog, const char *text, u32 repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = text, .data_size_in = strlen(text),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.duration;
}

static void print_cost(const char *what, const char *text, u32 response)
{
	static struct gl_head_buf buf;
	struct head_run run = { .response = response };
	u32 i, none, only, best = ~0U, load;
	u32 name = gl_hash_name("x-user-id", 9);

	run.interest[name >> 6 & 3] |= 1ULL << (name & 63);
	memcpy(buf.b, text, strlen(text));
	put(skel->maps.runs, &run);
	put(skel->maps.bufs, &buf);
	for (i = 0; i < 9; i++) {
		none = cost_ns(skel->progs.scan_none, text, 20000);
		only = cost_ns(skel->progs.scan_only, text, 20000);
		best = only - none < best ? only - none : best;
	}
	get(skel->maps.runs, &run);
	assert_int_equal(run.ret, strlen(text));
	load = cost_ns(skel->progs.load_packet, text, 20000);
	printf("%s, %zu bytes: %u ns to scan (copy of the packet: %u ns)\n", what, strlen(text),
	       best, load);
	/* Ten times what an emulated processor needs. */
	assert_true(best < 50000);
}

static void a_scan_costs_microseconds_at_most(void **state)
{
	static const char small[] = "GET /api/v1/orders/4711?expand=items HTTP/1.1\r\n"
				    "Host: orders.shop.svc.cluster.local\r\n"
				    "User-Agent: python-requests/2.28.1\r\n"
				    "Accept-Encoding: gzip, deflate\r\n"
				    "Accept: */*\r\n"
				    "x-user-id: 42\r\n"
				    "Connection: keep-alive\r\n\r\n";
	static const char large[] =
		"GET /shop/cart/view?session=0f3a9c1b&currency=EUR&lang=en HTTP/1.1\r\n"
		"Host: shop.example.com\r\n"
		"Connection: keep-alive\r\n"
		"Cache-Control: max-age=0\r\n"
		"sec-ch-ua: \"Chromium\";v=\"118\", \"Not=A?Brand\";v=\"99\"\r\n"
		"sec-ch-ua-mobile: ?0\r\n"
		"sec-ch-ua-platform: \"Linux\"\r\n"
		"Upgrade-Insecure-Requests: 1\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
		"(KHTML, like Gecko)\r\n"
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9\r\n"
		"Sec-Fetch-Site: same-origin\r\n"
		"Sec-Fetch-Mode: navigate\r\n"
		"Sec-Fetch-User: ?1\r\n"
		"Sec-Fetch-Dest: document\r\n"
		"Accept-Encoding: gzip, deflate, br\r\n"
		"Accept-Language: en-GB,en;q=0.9\r\n"
		"Cookie: uid=8d2f; theme=dark\r\n"
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
		"baggage: tenant=acme\r\n"
		"x-user-id: 42\r\n"
		"x-request-id: 7f1c2e\r\n\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\n"
				       "Server: nginx/1.22.1\r\n"
				       "Date: Tue, 05 Mar 2024 10:11:12 GMT\r\n"
				       "Content-Type: application/json\r\n"
				       "Content-Length: 1234\r\n"
				       "Connection: keep-alive\r\n"
				       "ETag: \"65e6f1a0-4d2\"\r\n"
				       "Accept-Ranges: bytes\r\n\r\n";

	(void)state;
	need_bpf();
	print_cost("request", small, 0);
	print_cost("request of a browser, 20 fields", large, 0);
	print_cost("response", response, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_agrees_on_every_vector),
		cmocka_unit_test(kernel_agrees_on_random_heads),
		cmocka_unit_test(kernel_reads_the_longest_head),
		cmocka_unit_test(a_scan_costs_microseconds_at_most),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
