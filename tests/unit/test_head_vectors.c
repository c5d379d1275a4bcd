// SPDX-License-Identifier: Apache-2.0
/*
 * What other parsers made of 986 streams, against our scan: never more lenient than the strictest
 * of them, and the same messages where we accept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/frame.h"
#include "core/head.h"
#include "lib/http_vectors.h"

#define HOST_LINE "Host: vector.test\r\n"

static struct http_vectors *vectors;

static int setup(void **state)
{
	(void)state;
	vectors = http_vectors_load("parsers.jsonl");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_vectors_free(vectors);
	return 0;
}

/*
 * Walks over a case; with @host, requests without Host get one. The walked bytes are in @ret_bytes.
 */
static void walk_case(struct http_walk *walk, const struct http_case *vector, int host,
		      unsigned char **ret_bytes)
{
	*ret_bytes = malloc(vector->len + HTTP_MESSAGES * sizeof(HOST_LINE));
	assert_non_null(*ret_bytes);
	memcpy(*ret_bytes, vector->bytes, vector->len);
	http_walk(walk, *ret_bytes, vector->len, vector->response, gl_head_scan,
		  host ? HOST_LINE : NULL);
}

/* Bytes of the body of our message @n, by Content-Length. */
static long body_len(const struct http_walk *walk, int n)
{
	return walk->frame[n].kind == GL_FRAME_LENGTH ? (long)walk->frame[n].left : 0;
}

/*
 * Our @n-th message is what @view says; messages whose framing it does not record are not compared.
 */
static int same_message(const struct http_walk *walk, int n, const struct http_message *theirs)
{
	if (theirs->framing == HTTP_FRAMING_UNKNOWN)
		return 1;
	if (walk->frame[n].kind == GL_FRAME_CHUNKED)
		return theirs->framing == HTTP_FRAMING_CHUNKED;
	return theirs->framing != HTTP_FRAMING_CHUNKED && theirs->body_len == body_len(walk, n);
}

/* What, if anything, we accept although @view does not; NULL: nothing. */
static const char *too_lenient(const struct http_walk *walk, const struct http_view *view,
			       enum http_outcome outcome)
{
	int closes = view->end == HTTP_END_CLEAN && outcome == HTTP_ACCEPT, i;

	/*
	 * h11 closes after a message of HTTP/1.0 although its client asks for keep-alive: no
	 * refusal.
	 */
	if (walk->messages > view->messages && !closes)
		return "more messages than this parser accepts";
	for (i = 0; i < walk->messages && i < view->messages; i++)
		if (!same_message(walk, i, &view->message[i]))
			return "another framing than this parser's";
	if (walk->stop == HTTP_STOP_CLEAN && view->end == HTTP_END_ERROR)
		return "a clean end where this parser sees an error";
	if (walk->stop != HTTP_STOP_CHUNKED)
		return NULL;
	if (view->messages > walk->messages)
		return same_message(walk, i, &view->message[i]) ? NULL : "chunked, but not here";
	/*
	 * Whether the chunks are well-formed is not this room's to say; only errors in them may
	 * remain.
	 */
	if (view->end == HTTP_END_ERROR && !view->error_in_body)
		return "a chunked head that this parser refuses";
	return NULL;
}

/*
 * Refused by gunicorn for what its fields say about the scheme behind a proxy, which is not syntax.
 * The vector itself lacks Host and is pinned; only with Host put in do we accept it.
 */
#define NOT_SYNTAX "sm0270"

static void never_more_lenient(int host)
{
	struct http_walk *walk = malloc(sizeof(*walk));
	unsigned char *bytes;
	int bad = 0, v;
	size_t i;

	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];

		if (host && !strcmp(vector->id, NOT_SYNTAX))
			continue;
		walk_case(walk, vector, host, &bytes);
		for (v = 0; v < vector->views; v++) {
			const char *why = too_lenient(walk, &vector->view[v], vector->outcome);

			if (why) {
				printf("%s: %s: %s (%s)\n", vector->id, vector->view[v].by, why,
				       vector->view[v].error ? vector->view[v].error : "-");
				bad++;
			}
		}
		if (walk->stop == HTTP_STOP_CLEAN &&
		    (vector->source_rejects || vector->outcome == HTTP_REJECT ||
		     vector->outcome == HTTP_AMBIGUOUS)) {
			printf("%s: accepted, but the vector is rejected or ambiguous\n",
			       vector->id);
			bad++;
		}
		free(bytes);
	}
	free(walk);
	assert_int_equal(bad, 0);
}

static void never_more_lenient_than_any_parser(void **state)
{
	(void)state;
	never_more_lenient(0);
}

/*
 * Most request vectors have no Host, which alone pins them; with Host put in, the rest of each is
 * tested.
 */
static void never_more_lenient_with_host_put_in(void **state)
{
	(void)state;
	never_more_lenient(1);
}

/*
 * Compares our messages with the recorded ones; returns whether everything that we accept is as
 * recorded.
 */
static int as_recorded(const struct http_case *vector, const struct http_walk *walk,
		       const unsigned char *bytes)
{
	int n = walk->messages + (walk->stop == HTTP_STOP_CHUNKED), i;
	size_t off = 0;

	if (n > vector->messages && walk->stop != HTTP_STOP_MORE)
		return 0;
	for (i = 0; i < n && i < vector->messages; i++) {
		const struct http_message *theirs = &vector->message[i];
		const struct gl_head *head = &walk->head[i];

		if (!same_message(walk, i, theirs))
			return 0;
		if (theirs->method && (strlen(theirs->method) != head->method_len ||
				       memcmp(bytes + off, theirs->method, head->method_len)))
			return 0;
		if (theirs->target &&
		    (strlen(theirs->target) != head->target_len ||
		     memcmp(bytes + off + head->target_off, theirs->target, head->target_len)))
			return 0;
		off += head->head_len + body_len(walk, i);
	}
	return 1;
}

static void accepts_are_as_recorded_or_pinned(void **state)
{
	int pins[GL_PIN_COUNT] = { 0 }, whole = 0, chunked = 0, opaque = 0, last = 0, bad = 0,
	    all = 0, i;
	struct http_walk *walk = malloc(sizeof(*walk));
	unsigned char *bytes;
	size_t k;

	(void)state;
	for (k = 0; k < vectors->cases; k++) {
		const struct http_case *vector = &vectors->list[k];

		if (vector->outcome != HTTP_ACCEPT && vector->outcome != HTTP_ACCEPT_PREFIX)
			continue;
		all++;
		walk_case(walk, vector, 1, &bytes);
		if (vector->messages && !as_recorded(vector, walk, bytes)) {
			printf("%s: other messages than recorded\n", vector->id);
			bad++;
		}
		whole += walk->stop == HTTP_STOP_CLEAN;
		chunked += walk->stop == HTTP_STOP_CHUNKED;
		opaque += walk->stop == HTTP_STOP_OPAQUE;
		last += walk->stop == HTTP_STOP_LAST;
		if (walk->stop == HTTP_STOP_PIN) {
			pins[walk->cause]++;
			if (getenv("GL_VERBOSE"))
				printf("%s: pinned: %s: %.60s\n", vector->id,
				       http_pin_word(walk->cause), (char *)bytes + walk->off);
		}
		if (walk->stop == HTTP_STOP_MORE && vector->outcome == HTTP_ACCEPT) {
			printf("%s: accepted by all, but we want more bytes\n", vector->id);
			bad++;
		}
		free(bytes);
	}
	printf("%d accepted streams: %d whole, %d up to a chunked body, %d up to close or upgrade,"
	       " %d up to bytes behind the last message; pinned:",
	       all, whole, chunked, opaque, last);
	for (i = 0; i < GL_PIN_COUNT; i++)
		if (pins[i])
			printf(" %d %s", pins[i], http_pin_word(i));
	printf("\n");
	free(walk);
	assert_int_equal(bad, 0);
}

static void incomplete_streams_want_more_or_are_pinned(void **state)
{
	struct http_walk *walk = malloc(sizeof(*walk));
	unsigned char *bytes;
	int bad = 0;
	size_t i;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		if (vectors->list[i].outcome != HTTP_INCOMPLETE)
			continue;
		walk_case(walk, &vectors->list[i], 1, &bytes);
		if (walk->stop != HTTP_STOP_MORE && walk->stop != HTTP_STOP_PIN &&
		    walk->stop != HTTP_STOP_CHUNKED && walk->stop != HTTP_STOP_OPAQUE) {
			printf("%s: stop %d\n", vectors->list[i].id, walk->stop);
			bad++;
		}
		free(bytes);
	}
	free(walk);
	assert_int_equal(bad, 0);
}

static void bug_reports_are_pinned_or_read_right(void **state)
{
	struct http_vectors *bugs = http_vectors_load("bugs.jsonl");
	struct http_walk *walk = malloc(sizeof(*walk));
	unsigned char *bytes;
	int bad = 0, good;
	size_t i;

	(void)state;
	for (i = 0; i < bugs->cases; i++) {
		const struct http_case *bug = &bugs->list[i];

		walk_case(walk, bug, 0, &bytes);
		if (bug->outcome == HTTP_REJECT)
			good = walk->stop == HTTP_STOP_PIN || walk->stop == HTTP_STOP_OPAQUE;
		else
			good = walk->stop == HTTP_STOP_CLEAN && walk->messages == bug->messages &&
			       as_recorded(bug, walk, bytes);
		if (!good) {
			printf("%s: %d messages, stop %d, cause %s\n", bug->id, walk->messages,
			       walk->stop, http_pin_word(walk->cause));
			bad++;
		}
		free(bytes);
	}
	free(walk);
	http_vectors_free(bugs);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_lenient_than_any_parser),
		cmocka_unit_test(never_more_lenient_with_host_put_in),
		cmocka_unit_test(accepts_are_as_recorded_or_pinned),
		cmocka_unit_test(incomplete_streams_want_more_or_are_pinned),
		cmocka_unit_test(bug_reports_are_pinned_or_read_right),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
