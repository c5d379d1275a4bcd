// SPDX-License-Identifier: Apache-2.0
/*
 * test_colour: which lane a request gets, and why: labels and whom they are believed from, origin,
 * ratio.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/decide.h"

/* A -> B -> C: the entry is web; cart has a gray version, too; bank has none. */
#define RELEASE(name, extra, label, gray) \
	"apiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: " name ", namespace: shop}\nspec:\n" \
	"  label: {" label "}\n" \
	"  services:\n" \
	"    - {name: web, frontends: [\"10.96.0.10:80\"], base: {addresses: [\"10.77.0.11:80\"]}, " \
	"gray: {addresses: [\"10.77." gray ".12:80\"]}}\n" \
	"    - {name: cart, frontends: [\"10.96.0.11:80\"], gray: {addresses: [\"10.77." gray ".13:80\"]}}\n" \
	"    - {name: bank, frontends: [\"10.96.0.12:80\"]}\n" \
	"  entries:\n    - service: web\n" extra

#define STICKY	"      sticky: [{header: x-user}, {cookie: uid}]\n"

static void decide_from(struct decide *decide, const char *service, const char *client,
			const char *lines, struct gl_colour *colour)
{
	decide_lines(decide, service, lines, colour);
	colour->client = decide_addr(client);
	decide_head(decide, service, colour);
}

/* Labels -------------------------------------------------------------------------------------- */

/* @trust: what label.trust says; NULL: nothing. */
static const struct {
	const char *what, *label, *service, *client, *lines, *lane;
	unsigned int reason, flags;
} labels[] = {
#define BAGGAGE "baggageKey: graylink"
	{ "a pod's label at a hop", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=v2\r\n",
	  "v2", GL_REASON_LABEL, 0 },
	{ "where there is no gray version, too", BAGGAGE, "shop/bank", "10.1.0.1",
	  "baggage: graylink=v2\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "nobody's at the entry", BAGGAGE, "shop/web", "10.1.0.1", "baggage: graylink=v2\r\n",
	  "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNTRUSTED },
	{ "unknown lane", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=v3\r\n", "base",
	  GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "longer than the lane", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=v22\r\n",
	  "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "shorter than the lane", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=v\r\n",
	  "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "empty", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=\r\n", "base",
	  GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "another case of the lane", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: graylink=V2\r\n",
	  "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "another key", BAGGAGE, "shop/cart", "10.1.0.1", "baggage: greylink=v2\r\n", "base",
	  GL_REASON_DEFAULT, 0 },
	{ "among others", BAGGAGE, "shop/cart", "10.1.0.1",
	  "Baggage: a=1;p=2, graylink = v2 ;ttl=1,z=9\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "in the second line", BAGGAGE, "shop/cart", "10.1.0.1",
	  "baggage: a=1\r\nbaggage: graylink=v2\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "twice the same", BAGGAGE, "shop/cart", "10.1.0.1",
	  "baggage: graylink=v2,graylink=v2\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "an unknown one beside", BAGGAGE, "shop/cart", "10.1.0.1",
	  "baggage: graylink=v9,graylink=v2\r\n", "v2", GL_REASON_LABEL, GL_COLOUR_LABEL_UNKNOWN },
	{ "a property is no label", BAGGAGE, "shop/cart", "10.1.0.1",
	  "baggage: a=1;graylink=v2\r\n", "base", GL_REASON_DEFAULT, 0 },
	{ "trusted at the entry", BAGGAGE ", trust: [10.1.0.0/16]", "shop/web", "10.1.0.1",
	  "baggage: graylink=v2\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "outside at the entry", BAGGAGE ", trust: [10.1.0.0/16]", "shop/web", "10.2.0.1",
	  "baggage: graylink=v2\r\n", "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNTRUSTED },
	{ "outside at a hop", BAGGAGE ", trust: [10.1.0.0/16]", "shop/cart", "10.2.0.1",
	  "baggage: graylink=v2\r\n", "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNTRUSTED },
	{ "IPv6 network", BAGGAGE ", trust: [10.1.0.0/16, \"fd00:1::/32\"]", "shop/web",
	  "fd00:1::5", "baggage: graylink=v2\r\n", "v2", GL_REASON_LABEL, 0 },
	{ "IPv6 outside", BAGGAGE ", trust: [0.0.0.0/0, \"fd00:1::/32\"]", "shop/web", "fd00:2::5",
	  "baggage: graylink=v2\r\n", "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNTRUSTED },
	{ "nobody is trusted", BAGGAGE ", trust: []", "shop/cart", "10.1.0.1",
	  "baggage: graylink=v2\r\n", "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNTRUSTED },
	{ "a header", "header: X-Lane", "shop/cart", "10.1.0.1", "x-lane: v2\r\n", "v2",
	  GL_REASON_LABEL, 0 },
	{ "a header of several words", "header: X-Lane", "shop/cart", "10.1.0.1",
	  "x-lane: v2, v3\r\n", "base", GL_REASON_DEFAULT, GL_COLOUR_LABEL_UNKNOWN },
	{ "baggage where a header is the label", "header: X-Lane", "shop/cart", "10.1.0.1",
	  "baggage: graylink=v2\r\n", "base", GL_REASON_DEFAULT, 0 },
};

static void labels_are_believed_from_the_trusted(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		char text[4096];
		struct gl_colour colour = { 0 };
		struct decide decide;

		snprintf(text, sizeof(text), RELEASE("v2", "%s", "%s", "0"), labels[i].label, "");
		decide_init(&decide);
		decide_add(&decide, text);
		assert_int_equal(decide_compile(&decide), 0);
		decide_from(&decide, labels[i].service, labels[i].client, labels[i].lines, &colour);
		if (strcmp(decide_lane(&decide, colour.lane), labels[i].lane) ||
		    colour.reason != labels[i].reason || colour.flags != labels[i].flags)
			fail_msg("%s: %s, reason %u, flags %u", labels[i].what,
				 decide_lane(&decide, colour.lane), colour.reason, colour.flags);
		decide_free(&decide);
	}
}

static void labels_that_disagree_answer_nothing(void **state)
{
	struct gl_colour colour = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", "", "baggageKey: graylink", "0"));
	decide_add(&decide, RELEASE("v3", "", "header: x-lane", "1"));
	decide_add(&decide, RELEASE("v4", "", "baggageKey: lane", "2"));
	assert_int_equal(decide_compile(&decide), 0);
	decide_from(&decide, "shop/cart", "10.1.0.1", "baggage: graylink=v2\r\nx-lane: v3\r\n",
		    &colour);
	assert_int_equal(colour.reason, GL_REASON_DEFAULT);
	assert_int_equal(colour.flags, GL_COLOUR_LABEL_CONFLICT);
	decide_from(&decide, "shop/cart", "10.1.0.1", "x-lane: v3\r\nbaggage: lane=v2\r\n",
		    &colour);
	assert_string_equal(decide_lane(&decide, colour.lane), "v3");	/* v2 is not a lane of the key `lane` */
	decide_from(&decide, "shop/cart", "10.1.0.1", "baggage: lane=v4,graylink=v4\r\n", &colour);
	assert_string_equal(decide_lane(&decide, colour.lane), "v4");
	decide_free(&decide);
}

/* Origin -------------------------------------------------------------------------------------- */

static void a_gray_pod_calls_in_its_lane(void **state)
{
	struct gl_colour colour = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", "", "", "0"));
	decide_add(&decide, RELEASE("v3", "", "", "1"));
	assert_int_equal(decide_compile(&decide), 0);
	decide_from(&decide, "shop/cart", "10.77.0.12", "", &colour);
	assert_string_equal(decide_lane(&decide, colour.lane), "v2");
	assert_int_equal(colour.reason, GL_REASON_ORIGIN);
	decide_from(&decide, "shop/cart", "10.77.1.13", "", &colour);
	assert_string_equal(decide_lane(&decide, colour.lane), "v3");
	decide_from(&decide, "shop/cart", "10.77.0.11", "", &colour);
	assert_int_equal(colour.reason, GL_REASON_DEFAULT);
	/* A label stands above the origin. */
	decide_from(&decide, "shop/cart", "10.77.0.12", "baggage: graylink=v3\r\n", &colour);
	assert_string_equal(decide_lane(&decide, colour.lane), "v3");
	assert_int_equal(colour.reason, GL_REASON_LABEL);
	decide_free(&decide);
}

static void a_pod_of_two_lanes_tells_nothing(void **state)
{
	struct gl_addr pod = decide_addr("10.77.0.12");
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", "", "", "0"));
	decide_add(&decide, RELEASE("v3", "", "", "0"));
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(gl_image_origin(decide.image, &pod), 0);
	decide_steer(&decide, "shop", "v3", false, false, 0);
	assert_int_equal(decide_compile(&decide), 0);
	assert_string_equal(decide_lane(&decide, (uint32_t)gl_image_origin(decide.image, &pod)),
			    "v2");
	decide_free(&decide);
}

/* Rolled back --------------------------------------------------------------------------------- */

static void a_release_rolled_back_is_base_everywhere(void **state)
{
	static const char *const lines[] = { "", "baggage: graylink=v2\r\n", "x-beta: 1\r\n",
					     "x-user: u\r\n" };
	static const char *const clients[] = { "10.1.0.1", "10.77.0.12" };
	static const char *const services[] = { "shop/web", "shop/cart", "shop/bank" };
	struct gl_addr vip = decide_addr("10.96.0.10");
	struct gl_service_info info = { 0 };
	struct gl_endpoint_key endpoint = { 0 };
	struct decide decide;
	size_t i;

	(void)state;
	decide_init(&decide);
	decide_add(&decide,
		   RELEASE("v2",
			   "      match: [{headers: [{name: x-beta, type: Present}]}]\n" STICKY, "",
			   "0"));
	decide_steer(&decide, "shop", "v2", false, true, GL_WEIGHT_ONE);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < 4 * 2 * 3; i++) {
		struct gl_colour colour = { .random = 1 };

		decide_from(&decide, services[i % 3], clients[i / 3 % 2], lines[i / 6], &colour);
		assert_int_equal(colour.lane, GL_LANE_BASE);
		assert_int_equal(colour.reason, GL_REASON_DEFAULT);
	}
	/*
	 * Its services are still known, so that what base serves is counted; no endpoint of the
	 * lane is.
	 */
	assert_int_equal(gl_image_frontend(decide.image, &vip, htons(80)), 1);
	assert_int_equal(gl_image_service(decide.image, 1, &info),
			 GL_SERVICE_PRESENT | GL_SERVICE_HTTP);
	assert_int_equal(info.odds_lane, 0);
	assert_int_equal(gl_image_endpoint(decide.image, 1, gl_ids_lane(decide.ids, "v2"), 0,
					   &endpoint),
			 0);
	decide.steer[0].gone = true;
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(gl_image_frontend(decide.image, &vip, htons(80)), 0);
	assert_int_equal(gl_image_service(decide.image, 1, &info), 0);
	decide_free(&decide);
}

/* Ratio --------------------------------------------------------------------------------------- */

static bool within(double seen, double n, double share)
{
	return fabs(seen - n * share) <= 4 * sqrt(n * share * (1 - share));
}

static void shares_are_what_was_asked(void **state)
{
	static const struct {
		uint32_t weight, n;
	} rows[] = {
		{ 0, 20000 },	  { 500, 200000 },   { 10000, 20000 },
		{ 50000, 20000 }, { 300000, 20000 }, { 1000000, 20000 },
	};
	static const char *const keys[] = {
		"x-user: user-%u\r\n",
		"Cookie: a=b; uid=%u-x\r\n",
		"cookie: uid=\r\nx-user: %u\r\n",
		"traceparent: 00-%032x-00f067aa0ba902b7-01\r\n",
		"x-user:\r\nx-n: %u\r\n",
		"x-n: %u\r\n",
	};
	struct decide decide;
	size_t row, key;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", STICKY, "", "0"));
	for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		decide_steer(&decide, "shop", "v2", true, true, rows[row].weight);
		assert_int_equal(decide_compile(&decide), 0);
		for (key = 0; key < sizeof(keys) / sizeof(keys[0]); key++) {
			uint32_t seen = 0, random = 12345, i;

			for (i = 1; i <= rows[row].n; i++) {
				struct gl_colour colour = { 0 };
				char lines[128];

				random = random * 1664525 + 1013904223;
				colour.random = random;
				snprintf(lines, sizeof(lines), keys[key], i);
				decide_lines(&decide, "shop/web", lines, &colour);
				seen += colour.lane != GL_LANE_BASE;
				assert_int_equal(colour.lane != GL_LANE_BASE,
						 colour.reason == GL_REASON_RATIO);
				assert_int_equal(colour.weight, colour.lane ? rows[row].weight : 0);
			}
			if (!within(seen, rows[row].n, rows[row].weight / 1e6))
				fail_msg("weight %u, key %zu: %u of %u", rows[row].weight, key,
					 seen, rows[row].n);
		}
	}
	decide_free(&decide);
}

static void a_growing_weight_only_moves_users_to_gray(void **state)
{
	static const uint32_t weights[] = { 0, 500, 10000, 50000, 300000, 600000, 999999, 1000000 };
	static unsigned char gray[10000];
	struct decide decide;
	size_t w, user, round;

	(void)state;
	memset(gray, 0, sizeof(gray));
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", STICKY, "", "0"));
	for (w = 0; w < sizeof(weights) / sizeof(weights[0]); w++) {
		decide_steer(&decide, "shop", "v2", true, true, weights[w]);
		assert_int_equal(decide_compile(&decide), 0);
		for (user = 0; user < sizeof(gray); user++) {
			bool before = false;

			for (round = 0; round < 2; round++) {
				struct gl_colour colour = { .random = (uint32_t)(user * 7919 +
										 round * 104729) };
				char lines[64];

				snprintf(lines, sizeof(lines), "x-user: u-%zu\r\n", user);
				decide_lines(&decide, "shop/web", lines, &colour);
				if (round)
					assert_int_equal(before, colour.lane != GL_LANE_BASE);
				before = colour.lane != GL_LANE_BASE;
			}
			assert_false(gray[user] && !before);
			gray[user] = before;
		}
	}
	for (user = 0; user < sizeof(gray); user++)
		assert_true(gray[user]);
	decide_free(&decide);
}

/* The share of a key is part of the interface: the same on every node and in every version. */
static void shares_of_keys_are_fixed(void **state)
{
	static const struct {
		const char *lines;
		uint32_t share;
		unsigned int flags;
	} rows[] = {
		{ "x-user: 42\r\n", 0, GL_COLOUR_KEY_STICKY },
		{ "cookie: x=1; uid=42\r\n", 0, GL_COLOUR_KEY_STICKY },
		{ "x-user: 42\r\nx-user: 43\r\n", 0, GL_COLOUR_KEY_STICKY },
		{ "x-user: 42\r\ncookie: uid=43\r\n", 0, GL_COLOUR_KEY_STICKY },
		{ "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", 1,
		  GL_COLOUR_KEY_TRACE },
		{ "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-ffffffffffffffff-00\r\n", 1,
		  GL_COLOUR_KEY_TRACE },
		{ "traceparent: 00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", 2,
		  0 },
		{ "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
		  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
		  2, 0 },
		{ "x-user:\r\ncookie: uid=; uid=42\r\n", 2, 0 },
		{ "", 2, 0 },
	};
	uint32_t want[3] = {
		556434,	/* of "42" */
		69595,	/* of that trace-id */
		500000,
	};
	struct decide decide;
	size_t i;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", STICKY, "", "0"));
	decide_steer(&decide, "shop", "v2", true, true, 1);
	assert_int_equal(decide_compile(&decide), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gl_colour colour = { .random = 0x80000000U };

		decide_lines(&decide, "shop/web", rows[i].lines, &colour);
		if (colour.share != want[rows[i].share] || colour.flags != rows[i].flags)
			fail_msg("%s: share %u, flags %u", rows[i].lines, colour.share,
				 colour.flags);
	}
	decide_free(&decide);
}

/* A share belongs to a weight if it is less, not if it is equal. */
static void a_weight_begins_above_its_border(void **state)
{
	static const struct {
		uint32_t weight;
		bool gray;
	} rows[] = { { 556433, false }, { 556434, false }, { 556435, true } };
	struct decide decide;
	size_t i;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", STICKY, "", "0"));
	for (i = 0; i < 3; i++) {
		struct gl_colour colour = { 0 };

		decide_steer(&decide, "shop", "v2", true, true, rows[i].weight);
		assert_int_equal(decide_compile(&decide), 0);
		decide_lines(&decide, "shop/web", "x-user: 42\r\n", &colour);
		assert_int_equal(colour.lane != GL_LANE_BASE, rows[i].gray);
	}
	decide_free(&decide);
}

static void releases_at_one_entry_share_without_overlap(void **state)
{
	uint32_t seen[3] = { 0 }, i, n = 40000;
	struct gl_service_info info = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(&decide, RELEASE("v2", STICKY, "", "0"));
	decide_add(&decide, RELEASE("v3", STICKY, "", "1"));
	decide_steer(&decide, "shop", "v2", true, true, 100000);
	decide_steer(&decide, "shop", "v3", true, true, 600000);
	assert_int_equal(decide_compile(&decide), 0);
	gl_image_service(decide.image, 1, &info);
	assert_string_equal(decide_lane(&decide, info.odds_lane), "v3");
	for (i = 0; i < n; i++) {
		struct gl_colour colour = { 0 };
		char lines[64];

		snprintf(lines, sizeof(lines), "x-user: %u\r\n", i);
		decide_lines(&decide, "shop/web", lines, &colour);
		assert_true(colour.lane < 3);
		seen[colour.lane]++;
		/* The ranges follow one another in the order of precedence. */
		assert_int_equal(colour.lane, colour.share < 100000 ? 1 :
					      colour.share < 700000 ? 2 :
								      0);
	}
	assert_true(within(seen[1], n, 0.1) && within(seen[2], n, 0.6) && within(seen[0], n, 0.3));
	decide_steer(&decide, "shop", "v2", true, true, 400001);
	assert_int_equal(decide_compile(&decide), -EINVAL);
	decide_free(&decide);
}

static void rules_stand_above_the_ratio_and_weights_aside(void **state)
{
	struct gl_colour colour = { 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	decide_add(
		&decide,
		RELEASE("v2",
			"      match:\n        - {lane: base, headers: [{name: x-old, type: Present}]}\n"
			"        - headers: [{name: x-beta, type: Present}]\n" STICKY,
			"", "0"));
	decide_steer(&decide, "shop", "v2", true, true, GL_WEIGHT_ONE);
	assert_int_equal(decide_compile(&decide), 0);
	decide_lines(&decide, "shop/web", "x-old: 1\r\nx-beta: 1\r\n", &colour);
	assert_int_equal(colour.lane, GL_LANE_BASE);
	assert_int_equal(colour.reason, GL_REASON_RULE);
	decide_steer(&decide, "shop", "v2", true, true, 0);
	assert_int_equal(decide_compile(&decide), 0);
	decide_lines(&decide, "shop/web", "x-beta: 1\r\n", &colour);
	assert_int_equal(colour.lane, 1);
	decide_lines(&decide, "shop/web", "x-user: 1\r\n", &colour);
	assert_int_equal(colour.lane, GL_LANE_BASE);
	/* No entry, no rule. */
	decide_lines(&decide, "shop/cart", "x-beta: 1\r\n", &colour);
	assert_int_equal(colour.lane, GL_LANE_BASE);
	decide_steer(&decide, "shop", "v2", true, false, GL_WEIGHT_ONE);
	assert_int_equal(decide_compile(&decide), 0);
	decide_lines(&decide, "shop/web", "x-old: 1\r\n", &colour);
	assert_int_equal(colour.reason, GL_REASON_RATIO);
	decide_free(&decide);
}

static void a_service_that_is_unknown_is_base(void **state)
{
	struct gl_colour colour = { .service = 4095, .random = 0 };
	struct decide decide;

	(void)state;
	decide_init(&decide);
	assert_int_equal(decide_compile(&decide), 0);
	assert_int_equal(gl_colour_decide(decide.image, &decide.buf, &decide.head, &colour), 0);
	assert_int_equal(colour.lane, GL_LANE_BASE);
	assert_int_equal(gl_colour_decide(NULL, &decide.buf, &decide.head, &colour), -1);
	decide_free(&decide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_believed_from_the_trusted),
		cmocka_unit_test(labels_that_disagree_answer_nothing),
		cmocka_unit_test(a_gray_pod_calls_in_its_lane),
		cmocka_unit_test(a_pod_of_two_lanes_tells_nothing),
		cmocka_unit_test(a_release_rolled_back_is_base_everywhere),
		cmocka_unit_test(shares_are_what_was_asked),
		cmocka_unit_test(a_growing_weight_only_moves_users_to_gray),
		cmocka_unit_test(shares_of_keys_are_fixed),
		cmocka_unit_test(a_weight_begins_above_its_border),
		cmocka_unit_test(releases_at_one_entry_share_without_overlap),
		cmocka_unit_test(rules_stand_above_the_ratio_and_weights_aside),
		cmocka_unit_test(a_service_that_is_unknown_is_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
