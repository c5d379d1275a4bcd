// SPDX-License-Identifier: Apache-2.0
/*
 * What other parsers made of the chunked bodies in tests/vectors/http, against ours: never more
 * lenient than the strictest of them, and the same end of the body where we accept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/chunk_walk.h"
#include "core/head.h"
#include "lib/chunk_reference.h"
#include "lib/http_vectors.h"

#define HOST_LINE "Host: vector.test\r\n"

/* A whole stream as we read it, chunked bodies included. */
struct stream {
	int messages;
	int bodies;		/* chunked ones that were begun */
	int ended;		/* of them, those whose end was found */
	enum http_stop stop;	/* never HTTP_STOP_CHUNKED */
	int cause;
	enum http_framing framing[HTTP_MESSAGES];
	u64 body_len[HTTP_MESSAGES];
	char where[128];	/* the body at which it was refused */
};

static struct http_vectors *vectors;
static size_t scanned_len;	/* bytes from the last head to the end of the stream */

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

static int scan(const struct gl_head_buf *buf, u32 len, struct gl_head *head)
{
	scanned_len = len;
	return gl_head_scan(buf, len, head);
}

/* Follows a body as the data path does. Returns as gl_chunk_walk_result(). */
static int follow(const unsigned char *bytes, size_t len, size_t *ret_eaten)
{
	static struct gl_head_buf buf;
	struct gl_chunk_walk walk;
	struct gl_chunk c;

	gl_chunk_start(&c);
	gl_chunk_walk_start(&walk, 0, len);
	while (gl_chunk_walk_more(&walk, &c)) {
		memcpy(buf.b, bytes + walk.off, gl_chunk_walk_len(&walk));
		gl_chunk_walk_eat(&walk, &c, &buf);
	}
	*ret_eaten = walk.off;
	return gl_chunk_walk_result(&walk, &c);
}

static void add_message(struct stream *stream, enum http_framing framing, u64 body_len)
{
	if (stream->messages == HTTP_MESSAGES)
		return;
	stream->framing[stream->messages] = framing;
	stream->body_len[stream->messages++] = body_len;
}

/* Adds what http_walk() has read whole. */
static void add_messages(struct stream *stream, const struct http_walk *walk)
{
	int i;

	for (i = 0; i < walk->messages; i++)
		add_message(stream,
			    walk->frame[i].kind == GL_FRAME_LENGTH ? HTTP_FRAMING_LENGTH :
								     HTTP_FRAMING_NONE,
			    walk->frame[i].kind == GL_FRAME_LENGTH ? walk->frame[i].left : 0);
}

/* Keeps the beginning of a body that was refused, printable. */
static void keep_where(struct stream *stream, const unsigned char *bytes, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len && n < 90; i++) {
		if (bytes[i] >= ' ' && bytes[i] <= '~')
			stream->where[n++] = (char)bytes[i];
		else
			n += sprintf(stream->where + n, "<%02x>", bytes[i]);
	}
	stream->where[n] = '\0';
}

/* Reads the stream of @vector; with @host, requests without Host get one. */
static void read_stream(struct stream *stream, const struct http_case *vector, const char *host)
{
	unsigned char *bytes = malloc(vector->len + HTTP_MESSAGES * sizeof(HOST_LINE));
	struct http_walk *walk = malloc(sizeof(*walk));
	size_t base = 0, len = vector->len, eaten;
	struct chunk_reference ref;
	struct gl_frame *frame;
	int ret;

	assert_true(bytes && walk);
	memset(stream, 0, sizeof(*stream));
	memcpy(bytes, vector->bytes, len);
	for (;;) {
		http_walk(walk, bytes + base, len - base, vector->response, scan, host);
		add_messages(stream, walk);
		stream->stop = walk->stop;
		stream->cause = walk->cause;
		if (walk->stop != HTTP_STOP_CHUNKED)
			break;
		base += walk->off + walk->head[walk->messages].head_len;
		len = base - walk->head[walk->messages].head_len + scanned_len;
		frame = &walk->frame[walk->messages];
		ret = follow(bytes + base, len - base, &eaten);
		stream->bodies++;
		stream->stop = ret ? HTTP_STOP_PIN : HTTP_STOP_MORE;
		stream->cause = -ret;
		if (ret < 0)
			keep_where(stream, bytes + base, len - base);
		if (ret <= 0)
			break;
		chunk_reference(&ref, bytes + base, len - base);
		assert_int_equal(ref.verdict, CHUNK_DONE);
		assert_int_equal(ref.at, eaten);
		add_message(stream, HTTP_FRAMING_CHUNKED, ref.data);
		stream->ended++;
		base += eaten;
		stream->cause = 0;
		stream->stop = frame->flags & GL_FRAME_LAST ? HTTP_STOP_LAST : HTTP_STOP_CLEAN;
		if (base == len)
			stream->stop = HTTP_STOP_CLEAN;
		if (base == len || stream->stop == HTTP_STOP_LAST)
			break;
	}
	free(walk);
	free(bytes);
}

/* Our @n-th message has the framing and the length that are recorded. */
static int same_message(const struct stream *stream, int n, const struct http_message *theirs)
{
	if (theirs->framing == HTTP_FRAMING_UNKNOWN)
		return 1;
	if ((theirs->framing == HTTP_FRAMING_CHUNKED) !=
	    (stream->framing[n] == HTTP_FRAMING_CHUNKED))
		return 0;
	return theirs->body_len < 0 || (u64)theirs->body_len == stream->body_len[n];
}

/* What, if anything, we accept although @view does not; NULL: nothing. */
static const char *too_lenient(const struct stream *stream, const struct http_view *view,
			       enum http_outcome outcome)
{
	/* h11 closes after a message of HTTP/1.0, whatever its client asks for: no refusal. */
	int closes = view->end == HTTP_END_CLEAN && outcome == HTTP_ACCEPT, i;

	if (stream->messages > view->messages && !closes)
		return "more messages than this parser accepts";
	for (i = 0; i < stream->messages && i < view->messages; i++)
		if (!same_message(stream, i, &view->message[i]))
			return "another end of a body than this parser's";
	if (stream->stop == HTTP_STOP_CLEAN && view->end == HTTP_END_ERROR)
		return "a clean end where this parser sees an error";
	return NULL;
}

/* Counts, over all vectors, where a body was begun. */
struct tally {
	int streams;
	int by[HTTP_LENIENT + 1][3];	/* outcome: ended, more is needed, refused */
};

/* Refused by gunicorn for what its fields say about the scheme: no matter of syntax. */
#define NOT_SYNTAX "sm0270"

static void never_more_lenient(const char *host, struct tally *tally)
{
	struct stream stream;
	int bad = 0, v;
	size_t i;

	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];

		if (host && !strcmp(vector->id, NOT_SYNTAX))
			continue;
		read_stream(&stream, vector, host);
		for (v = 0; v < vector->views; v++) {
			const char *why = too_lenient(&stream, &vector->view[v], vector->outcome);

			if (why) {
				printf("%s: %s: %s (%s)\n", vector->id, vector->view[v].by, why,
				       vector->view[v].error ? vector->view[v].error : "-");
				bad++;
			}
		}
		if (stream.stop == HTTP_STOP_CLEAN &&
		    (vector->source_rejects || vector->outcome == HTTP_REJECT ||
		     vector->outcome == HTTP_AMBIGUOUS)) {
			printf("%s: accepted, but the vector is rejected or ambiguous\n",
			       vector->id);
			bad++;
		}
		if (!stream.bodies)
			continue;
		tally->streams++;
		tally->by[vector->outcome][stream.ended == stream.bodies	? 0 :
					   stream.cause == GL_PIN_CHUNK_BAD ? 2 :
									      1]++;
	}
	assert_int_equal(bad, 0);
}

static void print_tally(const char *what, const struct tally *tally)
{
	static const char *const outcomes[] = { "accept", "accept_prefix", "incomplete",
						"reject", "ambiguous",	   "lenient" };
	int i;

	printf("%s: %d streams reach a chunked body; ended/more/refused:", what, tally->streams);
	for (i = 0; i <= HTTP_LENIENT; i++)
		printf(" %s %d/%d/%d", outcomes[i], tally->by[i][0], tally->by[i][1],
		       tally->by[i][2]);
	printf("\n");
}

static void never_more_lenient_than_any_parser(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	never_more_lenient(NULL, &tally);
	print_tally("as sent", &tally);
}

/* Most request vectors lack Host, which alone pins them; with it the bodies of each are reached. */
static void never_more_lenient_with_host_put_in(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	never_more_lenient(HOST_LINE, &tally);
	print_tally("with Host", &tally);
	assert_true(tally.streams > 100);
	assert_true(tally.by[HTTP_ACCEPT][0] > 30);
	assert_true(tally.by[HTTP_REJECT][2] > 40);
	assert_int_equal(tally.by[HTTP_REJECT][0], 0);
}

static void accepted_bodies_end_where_they_are_recorded_to_end(void **state)
{
	int bad = 0, ended = 0, refused = 0, recorded, i;
	struct stream stream;
	size_t k;

	(void)state;
	for (k = 0; k < vectors->cases; k++) {
		const struct http_case *vector = &vectors->list[k];

		if (vector->outcome != HTTP_ACCEPT && vector->outcome != HTTP_ACCEPT_PREFIX)
			continue;
		read_stream(&stream, vector, HOST_LINE);
		if (!stream.bodies)
			continue;
		/* Of llhttp's own suite only the number of messages is recorded. */
		recorded = vector->messages ? vector->messages : vector->view[0].messages;
		if (stream.messages > recorded ||
		    (stream.stop == HTTP_STOP_CLEAN && stream.messages < recorded)) {
			printf("%s: %d messages, not %d\n", vector->id, stream.messages, recorded);
			bad++;
		}
		for (i = 0; i < stream.messages && i < vector->messages; i++)
			if (!same_message(&stream, i, &vector->message[i])) {
				printf("%s: message %d is not as recorded\n", vector->id, i);
				bad++;
			}
		if (stream.cause == GL_PIN_CHUNK_BAD) {
			printf("%s: accepted by all, refused here: %s\n", vector->id, stream.where);
			refused++;
		} else if (stream.stop == HTTP_STOP_MORE) {
			printf("%s: accepted by all, but we want more bytes\n", vector->id);
			bad++;
		}
		ended += stream.ended;
	}
	printf("%d bodies end as recorded, %d are refused beyond what is recorded\n", ended,
	       refused);
	assert_int_equal(bad, 0);
	/* A size of 16 digits, and Content-Type in a trailer (one parser only was asked). */
	assert_true(refused <= 2);
}

static void no_prefix_of_a_body_ends_it(void **state)
{
	struct stream stream;
	struct http_case cut;
	size_t i;

	(void)state;
	for (i = 0; i < vectors->cases; i++) {
		cut = vectors->list[i];
		read_stream(&stream, &cut, HOST_LINE);
		if (stream.bodies != 1 || stream.ended != 1 || stream.messages != 1 ||
		    stream.stop != HTTP_STOP_CLEAN)
			continue;
		cut.len--;
		read_stream(&stream, &cut, HOST_LINE);
		if (stream.stop != HTTP_STOP_MORE)
			fail_msg("%s without its last byte: stop %d", cut.id, stream.stop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_lenient_than_any_parser),
		cmocka_unit_test(never_more_lenient_with_host_put_in),
		cmocka_unit_test(accepted_bodies_end_where_they_are_recorded_to_end),
		cmocka_unit_test(no_prefix_of_a_body_ends_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
