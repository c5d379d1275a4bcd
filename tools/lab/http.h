/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: heads and bodies of HTTP/1.1 messages, both directions, for the lab's service and its load client. It is written
 * apart from core/head.h on purpose: what checks the data path must not share its mistakes.
 */
#ifndef LAB_HTTP_H
#define LAB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS 100
#define HTTP_HEAD_MAX 65536

struct http_text {
	const char *at;		/* into the buffer that was parsed; valid as long as that is not moved */
	size_t len;
};

struct http_head {
	struct http_text method, target;	/* of a request */
	int status;				/* of a response */
	struct http_text name[HTTP_HEADERS], value[HTTP_HEADERS];
	unsigned int count;
	uint64_t length;			/* Content-Length, 0 if absent */
	bool has_length, chunked, keep_alive, expect;
};

/* > 0: length of the complete head; 0: more bytes are needed; -1: malformed. */
long http_head_parse(const char *text, size_t len, bool response, struct http_head *ret);
struct http_text http_header(const struct http_head *head, const char *name);	/* {NULL, 0} if absent */
bool http_is(struct http_text text, const char *word);				/* case-insensitive */

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE };

struct http_body {
	enum http_body_kind kind;
	uint64_t left;		/* of the body, or of the chunk in progress */
	int phase;		/* chunked: 0 size line, 1 data, 2 CR LF after data, 3 trailers */
	uint64_t total;		/* data bytes seen */
	bool done;
};

void http_body_request(struct http_body *body, const struct http_head *head);
void http_body_response(struct http_body *body, const struct http_head *head, bool to_head_request);

/*
 * Takes what it can from text: *ret_data is a run of body bytes (possibly none). Returns the bytes taken, 0 if it needs
 * more, -1 if the framing is malformed.
 */
long http_body_feed(struct http_body *body, const char *text, size_t len,
		    struct http_text *ret_data);

#endif
