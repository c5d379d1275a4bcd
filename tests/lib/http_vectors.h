/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_vectors: HTTP byte streams with what other parsers made of them (tests/vectors/http), and a
 * walk over such a stream with our own head scan.
 */
#ifndef TESTS_LIB_HTTP_VECTORS_H
#define TESTS_LIB_HTTP_VECTORS_H

#include <stddef.h>

#include "core/frame.h"
#include "core/head_type.h"

#define HTTP_MESSAGES	16
#define HTTP_VIEWS	5

enum http_outcome {
	HTTP_ACCEPT,		/* the parsers agree on the messages */
	HTTP_ACCEPT_PREFIX,	/* they agree on the messages; what follows is garbage or closed */
	HTTP_INCOMPLETE,	/* more bytes are needed */
	HTTP_REJECT,		/* all reject it */
	HTTP_AMBIGUOUS,		/* they differ */
	HTTP_LENIENT,		/* known only from a lenient mode: no verdict */
};

enum http_framing {
	HTTP_FRAMING_UNKNOWN,
	HTTP_FRAMING_NONE,
	HTTP_FRAMING_LENGTH,
	HTTP_FRAMING_CHUNKED,
	HTTP_FRAMING_OTHER,	/* until the connection ends, or no body by status */
};

struct http_message {
	const char *method;	/* NULL: not recorded */
	const char *target;
	enum http_framing framing;
	long body_len;
};

/* One parser's view of a stream: so many messages, then its end. */
struct http_view {
	const char *by;
	const char *error;	/* NULL: none recorded */
	int error_in_body;	/* the error lies in a chunked body, not in a head */
	int messages;
	enum { HTTP_END_CLEAN, HTTP_END_INCOMPLETE, HTTP_END_ERROR, HTTP_END_UPGRADE } end;
	struct http_message message[HTTP_MESSAGES];
};

struct http_case {
	const char *id;
	int response;
	enum http_outcome outcome;
	int source_rejects;	/* the suite that the stream comes from expects a refusal */
	unsigned char *bytes;
	size_t len;
	int messages;
	struct http_message message[HTTP_MESSAGES];
	int views;
	struct http_view view[HTTP_VIEWS];
};

struct http_vectors {
	size_t cases;
	struct http_case *list;
	void *documents;
};

/* Reads tests/vectors/http/@name; ends the program with a message if it cannot. */
struct http_vectors *http_vectors_load(const char *name);
void http_vectors_free(struct http_vectors *vectors);

/* How our scan of a whole stream ended. */
enum http_stop {
	HTTP_STOP_CLEAN,	/* all bytes belong to complete messages */
	HTTP_STOP_MORE,		/* a head or a body lacks bytes */
	HTTP_STOP_PIN,		/* refused: cause */
	HTTP_STOP_CHUNKED,	/* a chunked body, not walked; head[messages] is its head */
	HTTP_STOP_OPAQUE,	/* until the connection ends, or another protocol */
	HTTP_STOP_LAST,		/* bytes behind a message that ends its connection */
};

struct http_walk {
	int messages;		/* complete ones */
	enum http_stop stop;
	int cause;		/* enum gl_pin */
	size_t off;		/* where the message begins at which it stopped */
	struct gl_head head[HTTP_MESSAGES + 1];
	struct gl_frame frame[HTTP_MESSAGES + 1];
};

typedef int (*http_scan)(const struct gl_head_buf *buf, u32 len, struct gl_head *head);

/*
 * Walks over the stream of @len bytes. @scan: gl_head_scan() or what behaves like it. Where a
 * request lacks Host and @host is not NULL, that text (a whole header line) is put behind its
 * request line first: @bytes has room for it HTTP_MESSAGES times.
 */
void http_walk(struct http_walk *walk, unsigned char *bytes, size_t len, int response,
	       http_scan scan, const char *host);

/* The word of an enum gl_pin. */
const char *http_pin_word(int cause);

/*
 * A head buffer whose last byte is followed by a page that cannot be read or written; filled with
 * @fill. Ends the program if there is no memory.
 */
struct gl_head_buf *http_guarded_buf(unsigned char fill);
void http_guarded_free(struct gl_head_buf *buf);

#endif
