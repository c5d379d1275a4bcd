/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_reference: a slow and plain decoder of chunked bodies, to compare core/chunk.h with. It
 * follows the grammar rule by rule over the whole of the bytes, knows no phases and cannot resume.
 */
#ifndef TESTS_LIB_CHUNK_REFERENCE_H
#define TESTS_LIB_CHUNK_REFERENCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "graylink/limits.h"

enum chunk_verdict {
	CHUNK_MORE,		/* so far so good: the body goes on */
	CHUNK_DONE,		/* the body ends at `at` */
	CHUNK_BAD,
};

struct chunk_reference {
	const uint8_t *bytes;
	size_t len;
	size_t at;		/* the next byte */
	size_t limit;		/* no byte of the line or the trailer lies behind it */
	uint64_t data;		/* bytes of data seen */
	uint64_t missing;	/* bytes of the current chunk's data behind the end of the input */
	enum chunk_verdict verdict;
};

/* The next byte, not taken; -1: there is none, or none may be there, and the verdict says which. */
static inline int chunk_ref_peek(struct chunk_reference *ref)
{
	if (ref->at >= ref->len)
		ref->verdict = CHUNK_MORE;
	else if (ref->at >= ref->limit)
		ref->verdict = CHUNK_BAD;
	else
		return ref->bytes[ref->at];
	return -1;
}

static inline int chunk_ref_bad(struct chunk_reference *ref)
{
	ref->verdict = CHUNK_BAD;
	return 0;
}

/* All functions below: 1: it is there and was taken; 0: the verdict says why not. */
static inline int chunk_ref_take(struct chunk_reference *ref, const char *text)
{
	for (; *text; text++) {
		int c = chunk_ref_peek(ref);

		if (c < 0)
			return 0;
		if (c != (unsigned char)*text)
			return chunk_ref_bad(ref);
		ref->at++;
	}
	return 1;
}

static inline int chunk_ref_is_token(int c)
{
	return c > 0 && c < 0x80 &&
	       strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		      c);
}

static inline int chunk_ref_token(struct chunk_reference *ref, size_t max)
{
	size_t n = 0;
	int c;

	while ((c = chunk_ref_peek(ref)) >= 0 && chunk_ref_is_token(c)) {
		if (n++ == max)
			return chunk_ref_bad(ref);
		ref->at++;
	}
	if (c < 0)
		return 0;
	return n ? 1 : chunk_ref_bad(ref);
}

static inline int chunk_ref_quoted(struct chunk_reference *ref)
{
	int c;

	if (!chunk_ref_take(ref, "\""))
		return 0;
	while ((c = chunk_ref_peek(ref)) >= 0 && c != '"') {
		ref->at++;
		if (c == '\\') {
			c = chunk_ref_peek(ref);
			if (c < 0)
				return 0;
			ref->at++;
		}
		if (c < 0x20 || c > 0x7e)
			return chunk_ref_bad(ref);
	}
	return c < 0 ? 0 : chunk_ref_take(ref, "\"");
}

static inline int chunk_ref_extension(struct chunk_reference *ref)
{
	int c;

	if (!chunk_ref_take(ref, ";") || !chunk_ref_token(ref, SIZE_MAX))
		return 0;
	c = chunk_ref_peek(ref);
	if (c != '=')
		return c >= 0;
	ref->at++;
	c = chunk_ref_peek(ref);
	if (c < 0)
		return 0;
	return c == '"' ? chunk_ref_quoted(ref) : chunk_ref_token(ref, SIZE_MAX);
}

static inline int chunk_ref_size_line(struct chunk_reference *ref, uint64_t *ret_size)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit;
	int c, n = 0;

	*ret_size = 0;
	ref->limit = ref->at + GL_CHUNK_LINE_MAX;
	while ((c = chunk_ref_peek(ref)) > 0 && (digit = strchr(digits, c))) {
		if (++n > 15)
			return chunk_ref_bad(ref);
		*ret_size = *ret_size * 16 + (size_t)(digit - digits) % 16;
		ref->at++;
	}
	if (c < 0)
		return 0;
	if (!n)
		return chunk_ref_bad(ref);
	while ((c = chunk_ref_peek(ref)) == ';')
		if (!chunk_ref_extension(ref))
			return 0;
	return c < 0 ? 0 : chunk_ref_take(ref, "\r\n");
}

static inline int chunk_ref_field(struct chunk_reference *ref)
{
	static const char *const refused[] = {
		"Content-Length",
		"Transfer-Encoding",
		"Host",
		"Connection",
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Upgrade",
		"Expect",
		"Authorization",
		"Proxy-Authorization",
		"WWW-Authenticate",
		"Proxy-Authenticate",
		"Cookie",
		"Set-Cookie",
		"Content-Encoding",
		"Content-Range",
		"Content-Type",
	};
	size_t start = ref->at, i;
	int c;

	if (!chunk_ref_token(ref, 127))
		return 0;
	if (chunk_ref_peek(ref) == ':')
		for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			if (strlen(refused[i]) == ref->at - start &&
			    !strncasecmp((const char *)ref->bytes + start, refused[i],
					 ref->at - start))
				return chunk_ref_bad(ref);
	if (!chunk_ref_take(ref, ":"))
		return 0;
	while ((c = chunk_ref_peek(ref)) >= 0 && c != '\r') {
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return chunk_ref_bad(ref);
		ref->at++;
	}
	return c < 0 ? 0 : chunk_ref_take(ref, "\r\n");
}

static inline int chunk_ref_trailer(struct chunk_reference *ref)
{
	int c, lines = 0;

	ref->limit = ref->at + GL_CHUNK_TRAILER_MAX;
	while ((c = chunk_ref_peek(ref)) >= 0 && c != '\r') {
		if (lines++ == 100)
			return chunk_ref_bad(ref);
		if (!chunk_ref_field(ref))
			return 0;
	}
	return c < 0 ? 0 : chunk_ref_take(ref, "\r\n");
}

/* Reads the @len bytes of a body and what may follow it. */
static inline void chunk_reference(struct chunk_reference *ref, const uint8_t *bytes, size_t len)
{
	uint64_t size;

	memset(ref, 0, sizeof(*ref));
	ref->bytes = bytes;
	ref->len = len;
	while (chunk_ref_size_line(ref, &size)) {
		if (!size) {
			if (chunk_ref_trailer(ref))
				ref->verdict = CHUNK_DONE;
			return;
		}
		ref->limit = SIZE_MAX;
		if (size > len - ref->at) {
			ref->data += len - ref->at;
			ref->missing = size - (len - ref->at);
			ref->at = len;
			ref->verdict = CHUNK_MORE;
			return;
		}
		ref->data += size;
		ref->at += size;
		if (!chunk_ref_take(ref, "\r\n"))
			return;
	}
}

#endif
