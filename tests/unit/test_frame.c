// SPDX-License-Identifier: Apache-2.0
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

static struct gl_head_buf buf;

static void scan(struct gl_head *head, u32 response, const char *text)
{
	memcpy(buf.b, text, strlen(text));
	gl_head_start(head, response, NULL);
	assert_int_equal(gl_head_scan(&buf, strlen(text), head), strlen(text));
}

struct want {
	const char *text;
	u8 method;
	int ret;
	u8 kind;
	u8 flags;
	u64 left;
};

static void check(const struct want *want, u32 response)
{
	struct gl_frame frame = { 1, 2, 3, 4, 5 };
	struct gl_head head;
	int ret;

	scan(&head, response, want->text);
	ret = response ? gl_frame_response(&head, want->method, &frame) :
			 gl_frame_request(&head, &frame);
	if (ret != want->ret || (!ret && (frame.kind != want->kind || frame.flags != want->flags ||
					  frame.left != want->left || frame.pad || frame.pad2)))
		fail_msg("%s gives %d kind %u flags %u left %llu", want->text, ret, frame.kind,
			 frame.flags, (unsigned long long)frame.left);
}

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define POST10 "POST / HTTP/1.0\r\n"

static void requests_are_framed_by_their_fields(void **state)
{
	static const struct want wants[] = {
		{ POST "\r\n", 0, 0, GL_FRAME_NONE, 0, 0 },
		{ POST "Content-Length: 0\r\n\r\n", 0, 0, GL_FRAME_NONE, 0, 0 },
		{ POST "Content-Length: 5\r\n\r\n", 0, 0, GL_FRAME_LENGTH, 0, 5 },
		{ POST "Transfer-Encoding: chunked\r\n\r\n", 0, 0, GL_FRAME_CHUNKED, 0, 0 },
		{ POST "Connection: close\r\n\r\n", 0, 0, GL_FRAME_NONE, GL_FRAME_LAST, 0 },
		{ POST "Connection: keep-alive, close\r\n\r\n", 0, 0, GL_FRAME_NONE, GL_FRAME_LAST,
		  0 },
		{ POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 0, 0, GL_FRAME_LENGTH,
		  GL_FRAME_EXPECT, 1 },
		{ POST "Expect: 100-continue\r\n\r\n", 0, 0, GL_FRAME_NONE, 0, 0 },
		{ POST "Upgrade: websocket\r\n\r\n", 0, -GL_PIN_UPGRADE, 0, 0, 0 },
		{ POST "Authorization: NTLM x\r\n\r\n", 0, -GL_PIN_CONN_AUTH, 0, 0, 0 },
		{ POST10 "\r\n", 0, 0, GL_FRAME_NONE, GL_FRAME_LAST, 0 },
		{ POST10 "Connection: Keep-Alive\r\n\r\n", 0, 0, GL_FRAME_NONE, 0, 0 },
		{ POST10 "Content-Length: 7\r\n\r\n", 0, 0, GL_FRAME_LENGTH, GL_FRAME_LAST, 7 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		check(&wants[i], 0);
}

static void an_upgrade_request_has_the_frame_that_holds_without_a_switch(void **state)
{
	struct gl_frame frame;
	struct gl_head head;

	(void)state;
	scan(&head, 0, POST "Upgrade: h2c\r\nContent-Length: 9\r\n\r\n");
	assert_int_equal(gl_frame_request(&head, &frame), -GL_PIN_UPGRADE);
	assert_int_equal(frame.kind, GL_FRAME_LENGTH);
	assert_true(frame.left == 9);
	assert_int_equal(frame.flags, GL_FRAME_UPGRADE);
}

#define OK11 "HTTP/1.1 200 OK\r\n"
#define OK10 "HTTP/1.0 200 OK\r\n"
#define GET GL_METHOD_GET
#define HEAD GL_METHOD_HEAD

static void responses_are_framed_by_status_method_and_fields(void **state)
{
	static const struct want wants[] = {
		{ OK11 "Content-Length: 5\r\n\r\n", GET, 0, GL_FRAME_LENGTH, 0, 5 },
		{ OK11 "Content-Length: 0\r\n\r\n", GET, 0, GL_FRAME_NONE, 0, 0 },
		{ OK11 "Transfer-Encoding: chunked\r\n\r\n", GET, 0, GL_FRAME_CHUNKED, 0, 0 },
		{ OK11 "\r\n", GET, 0, GL_FRAME_UNTIL_CLOSE, GL_FRAME_LAST, 0 },
		{ OK11 "Connection: keep-alive\r\n\r\n", GET, 0, GL_FRAME_UNTIL_CLOSE,
		  GL_FRAME_LAST, 0 },
		{ OK11 "Connection: close\r\nContent-Length: 5\r\n\r\n", GET, 0, GL_FRAME_LENGTH,
		  GL_FRAME_LAST, 5 },
		{ OK10 "Content-Length: 5\r\n\r\n", GET, 0, GL_FRAME_LENGTH, GL_FRAME_LAST, 5 },
		{ OK10 "Connection: keep-alive\r\nContent-Length: 5\r\n\r\n", GET, 0,
		  GL_FRAME_LENGTH, 0, 5 },
		/* HEAD: whatever the fields say. */
		{ OK11 "Content-Length: 5\r\n\r\n", HEAD, 0, GL_FRAME_NONE, 0, 0 },
		{ OK11 "Transfer-Encoding: chunked\r\n\r\n", HEAD, 0, GL_FRAME_NONE, 0, 0 },
		{ OK11 "\r\n", HEAD, 0, GL_FRAME_NONE, 0, 0 },
		{ "HTTP/1.1 404 x\r\nContent-Length: 5\r\n\r\n", HEAD, 0, GL_FRAME_NONE, 0, 0 },
		/* 1xx */
		{ "HTTP/1.1 100 Continue\r\n\r\n", GET, 0, GL_FRAME_INTERIM, 0, 0 },
		{ "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", GET, 0, GL_FRAME_INTERIM, 0, 0 },
		{ "HTTP/1.1 100 Continue\r\n\r\n", HEAD, 0, GL_FRAME_INTERIM, 0, 0 },
		{ "HTTP/1.1 100 x\r\nContent-Length: 0\r\n\r\n", GET, -GL_PIN_RESPONSE, 0, 0, 0 },
		{ "HTTP/1.1 102 x\r\nTransfer-Encoding: chunked\r\n\r\n", GET, -GL_PIN_RESPONSE, 0,
		  0, 0 },
		{ "HTTP/1.1 101 x\r\nUpgrade: a\r\n\r\n", GET, 0, GL_FRAME_SWITCH, 0, 0 },
		{ "HTTP/1.1 101 x\r\nContent-Length: 3\r\n\r\n", GET, 0, GL_FRAME_SWITCH, 0, 0 },
		/* 204 and 304 */
		{ "HTTP/1.1 204 x\r\n\r\n", GET, 0, GL_FRAME_NONE, 0, 0 },
		{ "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", GET, 0, GL_FRAME_NONE, 0, 0 },
		{ "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", GET, -GL_PIN_RESPONSE, 0, 0, 0 },
		{ "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", GET, -GL_PIN_RESPONSE, 0,
		  0, 0 },
		{ "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", GET, 0, GL_FRAME_NONE, 0, 0 },
		{ "HTTP/1.1 304 x\r\n\r\n", GET, 0, GL_FRAME_NONE, 0, 0 },
		{ "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", GET, -GL_PIN_RESPONSE, 0,
		  0, 0 },
		/* Their neighbours have bodies. */
		{ "HTTP/1.1 205 x\r\nContent-Length: 5\r\n\r\n", GET, 0, GL_FRAME_LENGTH, 0, 5 },
		{ "HTTP/1.1 203 x\r\n\r\n", GET, 0, GL_FRAME_UNTIL_CLOSE, GL_FRAME_LAST, 0 },
		{ "HTTP/1.1 303 x\r\nContent-Length: 5\r\n\r\n", GET, 0, GL_FRAME_LENGTH, 0, 5 },
		{ OK11 "Content-Length: 5\r\n\r\n", GL_METHOD_CONNECT, -GL_PIN_CONNECT, 0, 0, 0 },
		{ "HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\n\r\n", GET, -GL_PIN_CONN_AUTH,
		  0, 0, 0 },
		/* A refused upgrade is an answer like any other. */
		{ "HTTP/1.1 426 x\r\nUpgrade: a\r\nContent-Length: 2\r\n\r\n", GET, 0,
		  GL_FRAME_LENGTH, 0, 2 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		check(&wants[i], 1);
}

static void a_head_that_is_not_whole_has_no_frame(void **state)
{
	struct gl_frame frame;
	struct gl_head head;

	(void)state;
	memcpy(buf.b, POST "\r\n", strlen(POST) + 2);
	gl_head_start(&head, 0, NULL);
	assert_int_equal(gl_head_scan(&buf, strlen(POST), &head), 0);
	assert_int_equal(gl_frame_request(&head, &frame), -GL_PIN_SYNC);
	assert_int_equal(gl_head_scan(&buf, strlen(POST) + 2, &head), strlen(POST) + 2);
	assert_int_equal(gl_frame_response(&head, GET, &frame), -GL_PIN_SYNC);
	assert_int_equal(gl_frame_request(&head, &frame), 0);
}

static void bytes_are_taken_up_to_the_end_of_the_message(void **state)
{
	struct gl_frame frame = { .kind = GL_FRAME_LENGTH, .left = 5000000000 };

	(void)state;
	assert_false(gl_frame_done(&frame));
	assert_int_equal(gl_frame_take(&frame, 4000000000U), 4000000000U);
	assert_int_equal(gl_frame_take(&frame, 999999999), 999999999);
	assert_false(gl_frame_done(&frame));
	assert_int_equal(gl_frame_take(&frame, 100), 1);
	assert_true(gl_frame_done(&frame));
	assert_int_equal(gl_frame_take(&frame, 100), 0);
	frame.kind = GL_FRAME_NONE;
	assert_true(gl_frame_done(&frame));
	assert_int_equal(gl_frame_take(&frame, 1), 0);
	frame.kind = GL_FRAME_UNTIL_CLOSE;
	assert_int_equal(gl_frame_take(&frame, 77), 77);
	assert_false(gl_frame_done(&frame));
	frame.kind = GL_FRAME_CHUNKED;
	assert_int_equal(gl_frame_take(&frame, 77), 0);
	assert_false(gl_frame_done(&frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_framed_by_their_fields),
		cmocka_unit_test(an_upgrade_request_has_the_frame_that_holds_without_a_switch),
		cmocka_unit_test(responses_are_framed_by_status_method_and_fields),
		cmocka_unit_test(a_head_that_is_not_whole_has_no_frame),
		cmocka_unit_test(bytes_are_taken_up_to_the_end_of_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
