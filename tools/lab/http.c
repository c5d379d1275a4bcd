// SPDX-License-Identifier: Apache-2.0
/* http: see http.h. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool http_is(struct http_text text, const char *word)
{
	return text.len == strlen(word) && !strncasecmp(text.at, word, text.len);
}

struct http_text http_header(const struct http_head *head, const char *name)
{
	for (unsigned int i = 0; i < head->count; i++)
		if (http_is(head->name[i], name))
			return head->value[i];
	return (struct http_text){ 0 };
}

static int request_line(const char *line, size_t len, struct http_head *head)
{
	const char *space = memchr(line, ' ', len);
	const char *second = space ? memchr(space + 1, ' ', len - (size_t)(space + 1 - line)) :
				     NULL;

	if (!second || len - (size_t)(second + 1 - line) != 8 || memcmp(second + 1, "HTTP/1.", 7))
		return -1;
	head->method = (struct http_text){ line, (size_t)(space - line) };
	head->target = (struct http_text){ space + 1, (size_t)(second - space - 1) };
	head->keep_alive = second[8] != '0';
	return 0;
}

static int status_line(const char *line, size_t len, struct http_head *head)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) || line[8] != ' ')
		return -1;
	head->status = atoi(line + 9);
	head->keep_alive = line[7] != '0';
	return head->status >= 100 && head->status < 600 ? 0 : -1;
}

static int header_line(const char *line, size_t len, struct http_head *head)
{
	const char *colon = memchr(line, ':', len);
	const char *end = line + len;
	struct http_text *name = &head->name[head->count], *value = &head->value[head->count];

	if (!colon || colon == line || head->count == HTTP_HEADERS)
		return -1;
	*name = (struct http_text){ line, (size_t)(colon - line) };
	for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
		;
	while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value = (struct http_text){ colon, (size_t)(end - colon) };
	head->count++;
	if (http_is(*name, "content-length")) {
		if (head->has_length || !value->len || strspn(value->at, "0123456789") < value->len)
			return -1;
		head->has_length = true;
		head->length = strtoull(value->at, NULL, 10);
	} else if (http_is(*name, "transfer-encoding")) {
		if (head->chunked || !http_is(*value, "chunked"))
			return -1;
		head->chunked = true;
	} else if (http_is(*name, "connection")) {
		if (http_is(*value, "close"))
			head->keep_alive = false;
		else if (http_is(*value, "keep-alive"))
			head->keep_alive = true;
	} else if (http_is(*name, "expect")) {
		head->expect = true;
	}
	return 0;
}

long http_head_parse(const char *text, size_t len, bool response, struct http_head *ret)
{
	const char *line = text, *end = len >= 4 ? memmem(text, len, "\r\n\r\n", 4) : NULL;
	bool first = true;

	if (!end)
		return len > HTTP_HEAD_MAX ? -1 : 0;
	memset(ret, 0, offsetof(struct http_head, name));
	memset(&ret->count, 0, sizeof(*ret) - offsetof(struct http_head, count));
	while (line < end + 2) {
		const char *cr = memmem(line, (size_t)(end + 4 - line), "\r\n", 2);
		size_t n = (size_t)(cr - line);
		int err;

		if (first)
			err = response ? status_line(line, n, ret) : request_line(line, n, ret);
		else
			err = header_line(line, n, ret);
		if (err)
			return -1;
		first = false;
		line = cr + 2;
	}
	return ret->chunked && ret->has_length ? -1 : end + 4 - text;
}

void http_body_request(struct http_body *body, const struct http_head *head)
{
	memset(body, 0, sizeof(*body));
	body->kind = head->chunked ? HTTP_BODY_CHUNKED :
		     head->length  ? HTTP_BODY_LENGTH :
				     HTTP_BODY_NONE;
	body->left = head->length;
	body->done = body->kind == HTTP_BODY_NONE;
}

void http_body_response(struct http_body *body, const struct http_head *head, bool to_head_request)
{
	int code = head->status;

	http_body_request(body, head);
	if (to_head_request || code == 204 || code == 304 || code < 200) {
		body->kind = HTTP_BODY_NONE;
		body->done = true;
	} else if (!head->chunked && !head->has_length) {
		body->kind = HTTP_BODY_UNTIL_CLOSE;
		body->done = false;
	}
}

static long feed_data(struct http_body *body, const char *text, size_t len,
		      struct http_text *ret_data)
{
	size_t n = len < body->left ? len : (size_t)body->left;

	*ret_data = (struct http_text){ text, n };
	body->left -= n;
	body->total += n;
	return (long)n;
}

/* One line or one run of data of a chunked body per call. */
static long feed_chunked(struct http_body *body, const char *text, size_t len,
			 struct http_text *ret_data)
{
	const char *end;
	char *stop;

	if (body->phase == 1) {
		long n = feed_data(body, text, len, ret_data);

		body->phase = body->left ? 1 : 2;
		return n;
	}
	end = len >= 2 ? memmem(text, len, "\r\n", 2) : NULL;
	if (!end)
		return len > 1024 ? -1 : 0;
	if (body->phase == 0) {
		body->left = strtoull(text, &stop, 16);
		if (stop == text || (*stop != '\r' && *stop != ';'))
			return -1;
		body->phase = body->left ? 1 : 3;
	} else if (body->phase == 2) {
		if (end != text)
			return -1;
		body->phase = 0;
	} else if (end == text) {
		body->done = true;
	}
	return end + 2 - text;
}

long http_body_feed(struct http_body *body, const char *text, size_t len,
		    struct http_text *ret_data)
{
	long n;

	*ret_data = (struct http_text){ text, 0 };
	switch (body->kind) {
	case HTTP_BODY_LENGTH:
		n = feed_data(body, text, len, ret_data);
		body->done = !body->left;
		return n;
	case HTTP_BODY_UNTIL_CLOSE:
		*ret_data = (struct http_text){ text, len };
		body->total += len;
		return (long)len;
	case HTTP_BODY_CHUNKED:
		return feed_chunked(body, text, len, ret_data);
	default:
		return 0;
	}
}
