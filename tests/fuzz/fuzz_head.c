// SPDX-License-Identifier: Apache-2.0
/*
 * The head scan against itself: whole and in pieces, with other bytes behind the input, asked
 * again. The first byte of the input says request or response and how the pieces are cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const u64 interest[4] = { 0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
				 0x00ff00ff00ff00ff };

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static int same(const struct gl_head *a, const struct gl_head *b)
{
	return !memcmp(a, b, offsetof(struct gl_head, fields)) &&
	       !memcmp(a->fields, b->fields, a->nfields * sizeof(a->fields[0]));
}

static int scan(struct gl_head_buf *buf, const uint8_t *data, u32 len, u32 response, int fill,
		struct gl_head *ret_head)
{
	memset(buf->b, fill, sizeof(buf->b));
	memcpy(buf->b, data, len);
	gl_head_start(ret_head, response, interest);
	return gl_head_scan(buf, len, ret_head);
}

/* What every accepted head must be. */
static void check_accepted(const uint8_t *data, const struct gl_head *head, int len)
{
	int i;

	must(head->head_len == (u32)len && len >= 16, "length of the head");
	must(!memcmp(data + len - 4, "\r\n\r\n", 4), "end of the head");
	for (i = 0; i < len; i++) {
		must(data[i] != 0 && data[i] != 0x7f, "a control character");
		must(data[i] >= 0x20 || data[i] == '\t' || data[i] == '\r' || data[i] == '\n',
		     "a control character");
		if (data[i] == '\n')
			must(i && data[i - 1] == '\r', "a bare LF");
		if (data[i] == '\r')
			must(i + 1 < len && data[i + 1] == '\n', "a bare CR");
		if (i + 2 < len && data[i] == '\n')
			must(data[i + 1] != ' ' && data[i + 1] != '\t', "a folded line");
	}
	must(!(head->flags & GL_HEAD_CHUNKED && head->flags & GL_HEAD_HAS_LENGTH), "two framings");
	must(head->response || head->version == 10 || head->flags & GL_HEAD_HAS_HOST, "no Host");
	for (i = 0; i < head->nfields; i++) {
		const struct gl_head_field *field = &head->fields[i];

		must(gl_hash_name(data + field->name_off, field->name_len) == field->name_hash,
		     "hash of a name");
		must(data[field->name_off + field->name_len] == ':', "colon of a field");
		must(field->value_off + field->value_len + 2 < len, "place of a value");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gl_head_buf buf;
	struct gl_head whole, other;
	u32 response, step, len, n;
	int ret, got = 0;

	if (size < 2 || size > GL_HEAD_MAX + 100)
		return 0;
	response = data[0] & 1;
	step = (data[0] >> 1) + 1;
	len = size - 1;
	data++;
	ret = scan(&buf, data, len, response, 'x', &other);
	must(scan(&buf, data, len, response, '\n', &whole) == ret && same(&whole, &other),
	     "bytes behind the input");
	must(gl_head_scan(&buf, len, &whole) == ret, "asked again");
	gl_head_start(&other, response, interest);
	for (n = step; n < len && !got; n += step)
		got = gl_head_scan(&buf, n, &other);
	got = gl_head_scan(&buf, len, &other);
	must(got == ret, "result in pieces");
	must(same(&whole, &other), "state in pieces");
	if (ret > 0) {
		check_accepted(data, &whole, ret);
		must(scan(&buf, data, ret, response, 0, &other) == ret, "the head alone");
		must(scan(&buf, data, ret - 1, response, '\n', &other) == 0, "a byte less");
	}
	return 0;
}
