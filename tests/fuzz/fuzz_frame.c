// SPDX-License-Identifier: Apache-2.0
/*
 * Framing of every head that the scan accepts, against the rules of RFC 9112 6.3 written down once
 * more.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/frame.h"
#include "core/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Which kind the RFC asks for, by its numbered rules; refusals are ours. */
static u32 kind_of(const struct gl_head *head, u32 method)
{
	if (head->response && head->code == 101)
		return GL_FRAME_SWITCH;
	if (head->response && head->code < 200)
		return GL_FRAME_INTERIM;
	if (head->response && (method == GL_METHOD_HEAD || head->code == 204 || head->code == 304))
		return GL_FRAME_NONE;				/* rule 1 */
	if (head->flags & GL_HEAD_CHUNKED)
		return GL_FRAME_CHUNKED;			/* rule 4 */
	if (head->flags & GL_HEAD_HAS_LENGTH)
		return head->content_length ? GL_FRAME_LENGTH : GL_FRAME_NONE;	/* rule 6 */
	return head->response ? GL_FRAME_UNTIL_CLOSE : GL_FRAME_NONE;	/* rules 7 and 8 */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gl_head_buf buf;
	struct gl_frame frame;
	struct gl_head head;
	u32 method, taken;
	u64 left;
	int ret;

	if (size < 2 || size > GL_HEAD_MAX)
		return 0;
	method = (data[0] >> 1) % (GL_METHOD_OTHER + 1);
	memcpy(buf.b, data + 1, size - 1);
	gl_head_start(&head, data[0] & 1, NULL);
	if (gl_head_scan(&buf, size - 1, &head) <= 0)
		return 0;
	ret = head.response ? gl_frame_response(&head, method, &frame) :
			      gl_frame_request(&head, &frame);
	must(ret <= 0 && ret > -GL_PIN_COUNT, "result");
	if (ret)
		return 0;
	must(frame.kind == kind_of(&head, method), "kind");
	must((frame.kind == GL_FRAME_LENGTH) == (frame.left > 0), "length");
	must(!(head.flags & GL_HEAD_CLOSE) || frame.flags & GL_FRAME_LAST, "close");
	if (frame.kind != GL_FRAME_LENGTH)
		return 0;
	must(frame.left == head.content_length, "length");
	for (left = frame.left; left && !gl_frame_done(&frame); left -= taken) {
		taken = gl_frame_take(&frame, 0xffffffff);
		must(taken > 0 && frame.left == left - taken, "taken");
		if (left > 1ULL << 36)
			break;
	}
	return 0;
}
