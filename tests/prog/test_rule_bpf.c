// SPDX-License-Identifier: Apache-2.0
/*
 * test_rule_bpf: the kernel decides as the native build does, over the same heads and images; and
 * what a decision costs there. Needs CAP_BPF; skipped (and said so) without.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/decide.h"
#include "prog/rule_test.h"
#include "tests/prog/rule_test.skel.h"

#define HEAD(name) \
	"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: " name ", namespace: shop}\nspec:\n" \
	"  services:\n    - {name: web, frontends: [\"10.96.0.10:80\"], gray: {addresses: [\"10.77.0.12:8080\"]}}\n" \
	"    - {name: cart, frontends: [\"10.96.0.11:80\"], gray: {addresses: [\"10.77.0.13:8080\"]}}\n"

static const char policy[] = HEAD(
	"v2") "  label: {baggageKey: graylink, trust: [10.0.0.0/31, \"fd00::/16\"]}\n"
	      "  entries:\n    - service: web\n      match:\n"
	      "        - {lane: base, headers: [{name: X-a, value: old}]}\n"
	      "        - headers: [{name: x-a, value: one}, {name: x-b, value: two}, {name: x-c, type: Present}]\n"
	      "        - headers: [{name: x-b, value: \"two,two\"}]\n"
	      "        - headers: [{name: x-c, type: Present}, {name: x-a, value: \"12345678,87654321\"}]\n"
	      "        - headers: [{name: x-b, value: \"a long value, of more than sixteen bytes, with commas,and,more\"}]\n"
	      "        - headers: [{name: x-d, type: Present}]\n"
	      "      sticky: [{header: x-user}, {cookie: uid}]\n"
	      "  batches: [{weight: 50}]\n";

static const char policy_header[] =
	"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v3, namespace: shop}\nspec:\n"
	"  label: {header: x-lane}\n"
	"  services:\n    - {name: cart, frontends: [\"10.96.0.11:80\"], gray: {addresses: [\"10.77.1.13:8080\"]}}\n";

struct kernel {
	struct rule_test *skel;
	int images, runs, decide, nothing;
};

static int start(void **state)
{
	static struct kernel kernel;

	if (geteuid() != 0)
		return 0;
	kernel.skel = rule_test__open_and_load();
	if (!kernel.skel)
		return -1;
	kernel.images = bpf_map__fd(kernel.skel->maps.images);
	kernel.runs = bpf_map__fd(kernel.skel->maps.runs);
	kernel.decide = bpf_program__fd(kernel.skel->progs.decide);
	kernel.nothing = bpf_program__fd(kernel.skel->progs.nothing);
	*state = &kernel;
	return 0;
}

static int stop(void **state)
{
	struct kernel *kernel = *state;

	if (kernel)
		rule_test__destroy(kernel->skel);
	return 0;
}

/* Runs the program @repeat times; returns the mean in ns. */
static uint32_t run(int prog, int repeat)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	assert_int_equal(opts.retval, 0);
	return opts.duration;
}

static void put_image(const struct kernel *kernel, const struct gl_image *image)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(kernel->images, &zero, image, BPF_ANY), 0);
}

static void put_run(const struct kernel *kernel, const struct decide *decide,
		    const struct gl_colour *colour)
{
	static struct rule_run value;
	uint32_t zero = 0;

	value.buf = decide->buf;
	value.head = decide->head;
	value.colour = *colour;
	/* What an earlier decision left must not matter. */
	value.colour.lane = 0x7777;
	value.colour.reason = 0x77;
	value.colour.flags = 0x77;
	value.colour.release = 0x7777;
	value.colour.rule = 0x7777;
	value.colour.weight = ~0U;
	value.colour.share = ~0U;
	memset(&value.colour.work, 0xa5, sizeof(value.colour.work));
	memset(&value.colour.member, 0x5a, sizeof(value.colour.member));
	assert_int_equal(bpf_map_update_elem(kernel->runs, &zero, &value, BPF_ANY), 0);
}

static void same_decision(const struct kernel *kernel, const struct decide *decide,
			  const char *lines, const struct gl_colour *native)
{
	static struct rule_run value;
	uint32_t zero = 0;

	put_run(kernel, decide, native);
	run(kernel->decide, 1);
	assert_int_equal(bpf_map_lookup_elem(kernel->runs, &zero, &value), 0);
	if (value.colour.lane != native->lane || value.colour.reason != native->reason ||
	    value.colour.flags != native->flags || value.colour.rule != native->rule ||
	    value.colour.release != native->release || value.colour.share != native->share ||
	    value.colour.weight != native->weight)
		fail_msg(
			"%s: kernel says lane %u reason %u flags %u rule %u share %u, native lane %u reason %u flags %u rule %u share %u",
			lines, value.colour.lane, value.colour.reason, value.colour.flags,
			value.colour.rule, value.colour.share, native->lane, native->reason,
			native->flags, native->rule, native->share);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Some header lines out of words that the policies are about, and of such that are nearly so. */
static void random_lines(uint32_t *seed, char *out, size_t size)
{
	static const char *const names[] = {
		"x-a",	   "X-B",	  "x-c",    "x-d",  "x-user", "cookie",
		"baggage", "traceparent", "x-lane", "x-aa", "host2",
	};
	static const char *const values[] = {
		"",
		"old",
		"one",
		"two",
		"two,two",
		"12345678",
		"87654321",
		"a long value, of more than sixteen bytes",
		"with commas,and,more",
		"graylink=v2",
		"graylink=v3;p, a=b",
		"a=1 , graylink \t= v2",
		"v3",
		"v2",
		"uid=7",
		"a=b; uid=8 ;c",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"a long value, of more than sixteen bytes, with commas,and,more",
		";;;;==;uid=;",
		"   ",
	};
	uint32_t count = next_random(seed) % 8, i;
	size_t used = 0;

	out[0] = '\0';
	for (i = 0; i < count; i++)
		used += snprintf(out + used, size - used, "%s:%s%s\r\n",
				 names[next_random(seed) % 11], next_random(seed) % 2 ? " " : "",
				 values[next_random(seed) % 21]);
}

static void kernel_and_native_decide_alike(void **state)
{
	static const char *const clients[] = { "10.0.0.1", "10.0.0.2", "10.77.0.12", "fd00::1",
					       "10.77.1.13" };
	struct kernel *kernel = *state;
	uint32_t reasons[GL_REASON_COUNT] = { 0 }, seed = 1, i;
	struct decide decide;

	if (!kernel) {
		print_message("needs root: BPF programs are loaded\n");
		skip();
	}
	decide_init(&decide);
	decide_add(&decide, policy);
	decide_add(&decide, policy_header);
	assert_int_equal(decide_compile(&decide), 0);
	put_image(kernel, decide.image);
	for (i = 0; i < 5000; i++) {
		struct gl_colour colour = { .random = next_random(&seed) << 8 };
		const char *service = next_random(&seed) % 2 ? "shop/web" : "shop/cart";
		char lines[1024];

		random_lines(&seed, lines, sizeof(lines));
		decide_lines(&decide, service, lines, &colour);
		colour.client = decide_addr(clients[next_random(&seed) % 5]);
		decide_head(&decide, service, &colour);
		same_decision(kernel, &decide, lines, &colour);
		reasons[colour.reason]++;
	}
	/* The heads must have met every reason that there is. */
	assert_true(reasons[GL_REASON_LABEL] > 100 && reasons[GL_REASON_ORIGIN] > 100 &&
		    reasons[GL_REASON_RULE] > 100 && reasons[GL_REASON_RATIO] > 100 &&
		    reasons[GL_REASON_DEFAULT] > 100);
	decide_free(&decide);
}

/* A browser's head: about 800 bytes in 20 lines. */
static const char browser[] =
	"Connection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
	"sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
	"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n"
	"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
	"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n"
	"X-Request-Id: 7f3c1f9e-52a1-4a0f-9d5a-2f6f0f5f3c11\r\nX-Forwarded-For: 203.0.113.7\r\nX-Real-Ip: 203.0.113.7\r\n";

/* @extra: a condition that all matches share. */
static uint32_t cost(struct kernel *kernel, int rules, const char *extra, bool holds)
{
	char *yaml = NULL, lines[2048];
	struct gl_colour colour = { 0 };
	struct decide decide;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);
	uint32_t best = UINT32_MAX, ns;
	int i;

	fputs(HEAD("v2") "  entries:\n    - service: web\n      match:\n", out);
	for (i = 1; i <= rules; i++)
		fprintf(out, "        - headers: [%s{name: x-user-id, value: user-%d}]\n", extra,
			i);
	fclose(out);
	decide_init(&decide);
	decide_add(&decide, yaml);
	assert_int_equal(decide_compile(&decide), 0);
	snprintf(lines, sizeof(lines), "%sX-User-Id: user-%d\r\n", browser,
		 holds ? rules : rules + 1);
	decide_lines(&decide, "shop/web", lines, &colour);
	assert_int_equal(colour.rule, holds ? rules : 0);
	put_image(kernel, decide.image);
	put_run(kernel, &decide, &colour);
	for (i = 0; i < 15; i++) {
		ns = run(kernel->decide, 20000);
		if (ns < best)
			best = ns;
	}
	decide_free(&decide);
	free(yaml);
	return best;
}

/*
 * The aim is 1.3 times the cost of one rule; three times is asserted: other machines are busy, or
 * emulated.
 */
static void a_thousand_exact_rules_cost_what_one_costs(void **state)
{
	static const int counts[] = { 1, 100, 1000, 8000 };
	static const char shared[] = "{name: x-real-ip, value: 203.0.113.7}, ";
	struct kernel *kernel = *state;
	uint32_t first = 0, ns, i, idle;

	if (!kernel) {
		print_message("needs root: BPF programs are loaded\n");
		skip();
	}
	idle = run(kernel->nothing, 20000);
	for (i = 0; i < 4; i++) {
		ns = cost(kernel, counts[i], "", true);
		if (!i)
			first = ns;
		print_message(
			"%5d exact rules: %u ns a decision, %u where none holds, %u where all share a "
			"condition (an empty program: %u)\n",
			counts[i], ns, cost(kernel, counts[i], "", false),
			cost(kernel, counts[i], shared, true), idle);
		assert_true(cost(kernel, counts[i], shared, true) <= 3 * first);
		assert_true(ns <= 3 * first);
	}
}

/*
 * Lines of 8 KB (the longest that a head may have) that give a decision as much to do as they can;
 * the cost grows with their bytes, not faster.
 */
static void the_worst_heads_cost_microseconds(void **state)
{
	static const struct {
		const char *what, *name, *unit;
	} rows[] = {
		{ "a long value", "x-a", "0123456789" },
		{ "labels", "baggage", "graylink=v2," },
		{ "labels of unknown lanes", "baggage", "graylink=v9," },
		{ "members that are nearly labels", "baggage", "graylinK=2," },
		{ "commas", "baggage", "," },
		{ "white space in members", "baggage", "a   =   b," },
		{ "semicolons", "cookie", ";" },
		{ "cookies that are nearly it", "cookie", "uidd=1;" },
		{ "spaces in a cookie", "cookie", "uid     " },
	};
	struct kernel *kernel = *state;
	struct decide decide;
	size_t i, n;

	if (!kernel) {
		print_message("needs root: BPF programs are loaded\n");
		skip();
	}
	decide_init(&decide);
	decide_add(&decide, policy);
	assert_int_equal(decide_compile(&decide), 0);
	put_image(kernel, decide.image);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t ns[2];

		for (n = 0; n < 2; n++) {
			static char lines[16384];
			struct gl_colour colour = { 0 };
			size_t used = (size_t)snprintf(lines, sizeof(lines), "%s: v", rows[i].name);

			while (used < (n ? 8000U : 2000U))
				used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s",
							 rows[i].unit);
			snprintf(lines + used, sizeof(lines) - used, "\r\n");
			decide_lines(&decide, "shop/web", lines, &colour);
			same_decision(kernel, &decide, rows[i].what, &colour);
			ns[n] = run(kernel->decide, 2000);
		}
		print_message("8 KB of %s: %u ns, 2 KB: %u ns\n", rows[i].what, ns[1], ns[0]);
		/* Emulated machines have a coarse clock. */
		assert_true(ns[1] < 12 * ns[0] || ns[1] < 100000);
	}
	decide_free(&decide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_and_native_decide_alike),
		cmocka_unit_test(the_worst_heads_cost_microseconds),
		cmocka_unit_test(a_thousand_exact_rules_cost_what_one_costs),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
