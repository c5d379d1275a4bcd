// SPDX-License-Identifier: Apache-2.0
/*
 * Each cause for which a head is refused, and what is read of a good one. Splits and paddings:
 * test_head_split.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/head.h"
#include "lib/http_vectors.h"

static struct gl_head_buf *buf;

static int setup(void **state)
{
	(void)state;
	buf = http_guarded_buf('x');
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_guarded_free(buf);
	return 0;
}

static int scan(struct gl_head *head, u32 response, const char *text, u32 len, const u64 *interest)
{
	assert_true(len <= sizeof(buf->b));
	memcpy(buf->b, text, len);
	gl_head_start(head, response, interest);
	return gl_head_scan(buf, len, head);
}

/* The bytes of @text are needed; -cause, 0 for more bytes, or 1 for a whole head is expected. */
struct want {
	const char *text;
	int ret;
};

static void run(const struct want *wants, size_t n, u32 response)
{
	struct gl_head head;
	size_t i;
	int bad = 0;

	for (i = 0; i < n; i++) {
		int ret = scan(&head, response, wants[i].text, strlen(wants[i].text), NULL);

		if (ret > 0)
			ret = 1;
		if (ret != wants[i].ret) {
			printf("%s\n  gives %s, not %s\n", wants[i].text,
			       ret < 0 ? http_pin_word(-ret) :
			       ret     ? "a head" :
					 "more",
			       wants[i].ret < 0 ? http_pin_word(-wants[i].ret) :
			       wants[i].ret	? "a head" :
						  "more");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#define RUN(wants, response) run(wants, sizeof(wants) / sizeof(wants[0]), response)
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

static void what_is_no_http_is_told_by_its_first_bytes(void **state)
{
	static const struct want wants[] = {
		{ "\x16", -GL_PIN_OPAQUE },		/* TLS */
		{ "\x16\x03\x01\x02", -GL_PIN_OPAQUE },
		{ "P", 0 },
		{ "PR", 0 },
		{ "PRI", 0 },
		{ "PRI ", -GL_PIN_OPAQUE },		/* HTTP/2 */
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -GL_PIN_OPAQUE },
		{ "PRIX / HTTP/1.1\r\n", -GL_PIN_METHOD },
		{ "PROPFIND", 0 },
		{ "*1\r\n$4\r\nPING\r\n", -GL_PIN_OPAQUE },	/* Redis */
		{ "SSH-2.0-x\r\n", -GL_PIN_OPAQUE },
		{ "{", -GL_PIN_OPAQUE },
		{ "\x80", -GL_PIN_OPAQUE },
		{ " ", -GL_PIN_OPAQUE },
		{ "GE\xff", -GL_PIN_OPAQUE },
		{ "GET", 0 },
		{ "GET ", 0 },
	};

	(void)state;
	RUN(wants, 0);
}

static void empty_lines_before_a_request_are_told_at_byte_0(void **state)
{
	static const struct want wants[] = {
		{ "\r", -GL_PIN_EMPTY_LINE },
		{ "\n", -GL_PIN_EMPTY_LINE },
		{ "\r\n" GET "\r\n", -GL_PIN_EMPTY_LINE },
	};

	(void)state;
	RUN(wants, 0);
}

static void methods_are_those_that_every_parser_knows(void **state)
{
	static const struct want wants[] = {
		{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_METHOD },
		{ "Get / HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_METHOD },
		{ "GETT / HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_METHOD },
		{ "GE / HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_METHOD },
		{ "-x / HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_METHOD },
		{ "ABCDEFGHIJKLMNO", 0 },
		{ "ABCDEFGHIJKLMNOP", -GL_PIN_METHOD },
		{ "ABCDEFGHIJKLMNO ", -GL_PIN_METHOD },
		{ "CONNECT", 0 },
		{ "CONNECT ", -GL_PIN_CONNECT },
		{ "UNSUBSCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
	};
	static const struct {
		const char *word;
		u8 method;
	} known[] = {
		{ "GET", GL_METHOD_GET },	{ "HEAD", GL_METHOD_HEAD },
		{ "POST", GL_METHOD_POST },	{ "PUT", GL_METHOD_PUT },
		{ "DELETE", GL_METHOD_DELETE }, { "OPTIONS", GL_METHOD_OPTIONS },
		{ "TRACE", GL_METHOD_TRACE },	{ "PATCH", GL_METHOD_PATCH },
		{ "PURGE", GL_METHOD_OTHER },	{ "MKCALENDAR", GL_METHOD_OTHER },
	};
	struct gl_head head;
	char text[64];
	u32 i;

	(void)state;
	RUN(wants, 0);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", known[i].word);
		assert_int_equal(scan(&head, 0, text, strlen(text), NULL), strlen(text));
		assert_int_equal(head.method, known[i].method);
		assert_int_equal(head.method_len, strlen(known[i].word));
	}
}

static void request_lines_have_one_form(void **state)
{
	static const struct want wants[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET  / HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /  HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET / HTTP/1.1 \r\n", -GL_PIN_VERSION },
		{ "GET /\tHTTP/1.1\r\n", -GL_PIN_VERSION },
		{ "GET / HTTP/1.2\r\n", -GL_PIN_VERSION },
		{ "GET / HTTP/2.0\r\n", -GL_PIN_VERSION },
		{ "GET / http/1.1\r\n", -GL_PIN_VERSION },
		{ "GET / HTTP/1.1x\r\n", -GL_PIN_VERSION },
		{ "GET / HTTP/01.1\r\n", -GL_PIN_VERSION },
		{ "GET /\r\n", -GL_PIN_VERSION },
		{ "GET \r\n", -GL_PIN_VERSION },
		{ "GET HTTP/1.1\r\n", -GL_PIN_VERSION },
		{ "GET  HTTP/1.1\r\n", -GL_PIN_VERSION },
		{ "GET x HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET * HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET /a b HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /a#b HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /a\"b HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /a<b HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /a\xc3\xa9 HTTP/1.1\r\n", -GL_PIN_TARGET },
		{ "GET /a?b={c|d}^`\\ HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET /!$%&'()*+,-./0:;=?@A[]_~ HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_TARGET },
		{ "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_TARGET },
		{ "GET http://[::1]/ HTTP/1.1\r\nHost: a\r\n\r\n", -GL_PIN_TARGET },
	};

	(void)state;
	RUN(wants, 0);
}

static void lines_end_with_cr_lf_and_hold_no_control_characters(void **state)
{
	static const struct want wants[] = {
		{ "GET / HTTP/1.1\nHost: a\n\n", -GL_PIN_BARE_LF },
		{ "GET / HTTP/1.1\r\nHost: a\n\r\n", -GL_PIN_BARE_LF },
		{ "GET / HTTP/1.1\rHost: a\r\n\r\n", -GL_PIN_BARE_CR },
		{ GET "a: b\rc: d\r\n\r\n", -GL_PIN_BARE_CR },
		{ GET "a: b\r\r\n\r\n", -GL_PIN_BARE_CR },
		{ GET "\r\r\n", -GL_PIN_BARE_CR },
		{ GET "\n", -GL_PIN_BARE_LF },
		{ GET "a: b\x01\r\n\r\n", -GL_PIN_CTL },
		{ GET "a: b\x7f\r\n\r\n", -GL_PIN_CTL },
		{ GET "a\x0b: b\r\n\r\n", -GL_PIN_CTL },
		{ "GET /\x08 HTTP/1.1\r\n", -GL_PIN_CTL },
		{ GET "a: b\tc\r\n\r\n", 1 },
		{ GET "a: b\x80\xff\r\n\r\n", 1 },
		{ GET "\r", 0 },
	};
	static const char nul[] = "GET / HTTP/1.1\r\nHost: a\r\nb: \0c\r\n\r\n";
	static const char nul_method[] = "GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct gl_head head;

	(void)state;
	RUN(wants, 0);
	assert_int_equal(scan(&head, 0, nul, sizeof(nul) - 1, NULL), -GL_PIN_CTL);
	assert_int_equal(scan(&head, 0, nul_method, sizeof(nul_method) - 1, NULL), -GL_PIN_OPAQUE);
}

static void names_are_tokens_up_to_the_colon(void **state)
{
	static const struct want wants[] = {
		{ GET " a: b\r\n\r\n", -GL_PIN_OBS_FOLD },
		{ GET "a: b\r\n c\r\n\r\n", -GL_PIN_OBS_FOLD },
		{ GET "a: b\r\n\tc\r\n\r\n", -GL_PIN_OBS_FOLD },
		{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", -GL_PIN_OBS_FOLD },
		{ GET "a : b\r\n\r\n", -GL_PIN_COLON },
		{ GET "a\t: b\r\n\r\n", -GL_PIN_COLON },
		{ GET "a b: c\r\n\r\n", -GL_PIN_COLON },
		{ GET "abc\r\n\r\n", -GL_PIN_COLON },
		{ GET "abcdefgh\r\n\r\n", -GL_PIN_COLON },
		{ GET "abc\r\nx: y\r\n\r\n", -GL_PIN_COLON },
		{ GET ": b\r\n\r\n", -GL_PIN_NAME },
		{ GET "a@b: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "a(b: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "a\x80: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "a\xe1z: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "abcdefg\xf1: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "abcdefgh\xc3\xa9: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "\"a\": c\r\n\r\n", -GL_PIN_NAME },
		{ GET "a/b: c\r\n\r\n", -GL_PIN_NAME },
		{ GET "!#$%&'*+-.^_`|~09azAZ: c\r\n\r\n", 1 },
		{ GET "a:\r\n\r\n", 1 },
		{ GET "a:b\r\n\r\n", 1 },
		{ GET "abcdefgh:b\r\n\r\n", 1 },
		{ GET "a::b\r\n\r\n", 1 },
	};

	(void)state;
	RUN(wants, 0);
}

static void lengths_are_plain_numbers_said_once(void **state)
{
	static const struct want wants[] = {
		{ GET "Content-Length: 0\r\n\r\n", 1 },
		{ GET "content-length:7\r\n\r\n", 1 },
		{ GET "CONTENT-LENGTH:\t 007  \r\n\r\n", 1 },
		{ GET "Content-Length: 123456789012345678\r\n\r\n", 1 },
		{ GET "Content-Length: 1234567890123456789\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length:\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: +1\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: -1\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1 2\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1,1\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 0x1\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1_0\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1\t\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 12345678a\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: a23456789\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1\xb2\r\n\r\n", -GL_PIN_CL_BAD },
		{ GET "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", -GL_PIN_CL_REPEAT },
	};
	static const struct {
		const char *text;
		u64 len;
	} numbers[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "00012", 12 },
		{ "99999999", 99999999 },
		{ "100000000", 100000000 },
		{ "4294967296", 4294967296 },
		{ "1234567890123456", 1234567890123456 },
		{ "12345678901234567", 12345678901234567 },
		{ "999999999999999999", 999999999999999999 },
	};
	struct gl_head head;
	char text[128];
	u32 i;

	(void)state;
	RUN(wants, 0);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), GET "Content-Length: %s\r\n\r\n", numbers[i].text);
		assert_true(scan(&head, 0, text, strlen(text), NULL) > 0);
		assert_true(head.flags & GL_HEAD_HAS_LENGTH);
		assert_true(head.content_length == numbers[i].len);
	}
}

static void codings_are_exactly_one_chunked(void **state)
{
	static const struct want wants[] = {
		{ GET "Transfer-Encoding: chunked\r\n\r\n", 1 },
		{ GET "transfer-encoding:CHUNKED \r\n\r\n", 1 },
		{ GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		  -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: gzip, chunked\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: chunked, gzip\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: chunkedx\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: xchunked\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: chunked;q=1\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: \"chunked\"\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding: identity\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Transfer-Encoding:\r\n\r\n", -GL_PIN_TE_BAD },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -GL_PIN_TE_BAD },
		{ GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -GL_PIN_CL_TE },
		{ GET "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", -GL_PIN_CL_TE },
	};

	(void)state;
	RUN(wants, 0);
}

static void host_is_there_once_in_http_1_1(void **state)
{
	static const struct want wants[] = {
		{ "GET / HTTP/1.1\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.0\r\n\r\n", 1 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 1 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost: abcdefgh\xc3\xa9\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost: abcdefghijk?\r\n\r\n", -GL_PIN_HOST },
		{ "GET / HTTP/1.1\r\nHost: Shop-1.example.com:8080\r\n\r\n", 1 },
		{ "GET / HTTP/1.1\r\nHost: [::1%25en0]:80\r\n\r\n", 1 },
		{ "GET / HTTP/1.1\r\nHost: a_b~c!$&'()*+,;=\r\n\r\n", 1 },
	};

	(void)state;
	RUN(wants, 0);
}

static void connection_is_a_list_of_tokens(void **state)
{
	static const struct want wants[] = {
		{ GET "Connection: a b\r\n\r\n", -GL_PIN_CONNECTION },
		{ GET "Connection: close;x\r\n\r\n", -GL_PIN_CONNECTION },
		{ GET "Connection: \"close\"\r\n\r\n", -GL_PIN_CONNECTION },
		{ GET "Connection: a, \xff\r\n\r\n", -GL_PIN_CONNECTION },
		{ GET "Connection:\r\n\r\n", 1 },
	};
	static const struct {
		const char *value;
		u32 flags;
	} lists[] = {
		{ "close", GL_HEAD_CLOSE },
		{ "Close", GL_HEAD_CLOSE },
		{ "keep-alive", GL_HEAD_KEEPALIVE },
		{ "Keep-Alive", GL_HEAD_KEEPALIVE },
		{ "upgrade", GL_HEAD_CONN_UPGRADE },
		{ "keep-alive, Upgrade", GL_HEAD_KEEPALIVE | GL_HEAD_CONN_UPGRADE },
		{ ",, close ,\t,x,", GL_HEAD_CLOSE },
		{ "close\r\nConnection: keep-alive", GL_HEAD_CLOSE | GL_HEAD_KEEPALIVE },
		{ "closed", 0 },
		{ "clos", 0 },
		{ "xclose", 0 },
		{ "keep-alive2", 0 },
		{ "keep-alive, close", GL_HEAD_KEEPALIVE | GL_HEAD_CLOSE },
		{ "abcdefghijklmnopqrstuvwxyz, close", GL_HEAD_CLOSE },
		{ "close-abcdefghijklmnopqrstuvwxyz", 0 },
	};
	const u32 all = GL_HEAD_CLOSE | GL_HEAD_KEEPALIVE | GL_HEAD_CONN_UPGRADE;
	struct gl_head head;
	char text[128];
	u32 i;

	(void)state;
	RUN(wants, 0);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(text, sizeof(text), GET "Connection: %s\r\n\r\n", lists[i].value);
		assert_true(scan(&head, 0, text, strlen(text), NULL) > 0);
		assert_int_equal(head.flags & all, lists[i].flags);
	}
}

static void other_fields_that_change_what_follows_are_told(void **state)
{
	static const struct want wants[] = {
		{ GET "Expect: 100-continue\r\n\r\n", 1 },
		{ GET "Expect: 100-Continue\r\n\r\n", 1 },
		{ GET "Expect: 100-continue, x\r\n\r\n", -GL_PIN_EXPECT },
		{ GET "Expect: x\r\n\r\n", -GL_PIN_EXPECT },
		{ GET "Expect:\r\n\r\n", -GL_PIN_EXPECT },
		{ GET "Content-Type: a\r\nContent-Type: a\r\n\r\n", -GL_PIN_REPEATED },
	};
	static const struct {
		const char *line;
		u32 flag;
	} lines[] = {
		{ "Upgrade: websocket", GL_HEAD_UPGRADE },
		{ "Expect: 100-continue", GL_HEAD_EXPECT },
		{ "Authorization: NTLM TlRMTVNTUAAB", GL_HEAD_CONN_AUTH },
		{ "Authorization: Negotiate YII", GL_HEAD_CONN_AUTH },
		{ "authorization:negotiate", GL_HEAD_CONN_AUTH },
		{ "Proxy-Authorization: NTLM", GL_HEAD_CONN_AUTH },
		{ "Authorization: Bearer ntlmx", 0 },
		{ "Authorization: Negotiated x", 0 },
		{ "Authorization: Basic bnRsbQ==", 0 },
		{ "WWW-Authenticate: Basic realm=\"a\", Negotiate", GL_HEAD_CONN_AUTH },
		{ "WWW-Authenticate: NTLM", GL_HEAD_CONN_AUTH },
		{ "WWW-Authenticate: Basic x,negotiate", GL_HEAD_CONN_AUTH },
		{ "WWW-Authenticate: Basic x,NTLM,y", GL_HEAD_CONN_AUTH },
		{ "Proxy-Authenticate: Negotiate", GL_HEAD_CONN_AUTH },
		{ "WWW-Authenticate: Basic realm=\"antlm\"", 0 },
	};
	const u32 all = GL_HEAD_UPGRADE | GL_HEAD_EXPECT | GL_HEAD_CONN_AUTH;
	struct gl_head head;
	char text[128];
	u32 i;

	(void)state;
	RUN(wants, 0);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), GET "%s\r\n\r\n", lines[i].line);
		assert_true(scan(&head, 0, text, strlen(text), NULL) > 0);
		assert_int_equal(head.flags & all, lines[i].flag);
	}
}

static void status_lines_have_one_form(void **state)
{
	static const struct want wants[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", 1 },
		{ "HTTP/1.0 200 OK\r\n\r\n", 1 },
		{ "HTTP/1.1 200 \r\n\r\n", 1 },
		{ "HTTP/1.1 200\r\n\r\n", 1 },
		{ "HTTP/1.1 404 Nicht gefunden\xff\t!\r\n\r\n", 1 },
		{ "HTTP/1.1 099 x\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1 600 x\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1 20 OK\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1 2000 OK\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1 200OK\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1  200 OK\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1\t200 OK\r\n", -GL_PIN_STATUS },
		{ "HTTP/1.1\r\n", -GL_PIN_STATUS },
		{ "HTTP/2 200 OK\r\n", -GL_PIN_VERSION },
		{ "HTTP/1.2 200 OK\r\n", -GL_PIN_VERSION },
		{ "http/1.1 200 OK\r\n", -GL_PIN_STATUS },
		{ "ICY", -GL_PIN_STATUS },
		{ "\r\nHTTP/1.1 200 OK\r\n\r\n", -GL_PIN_STATUS },
		{ "HTT", 0 },
		{ "HTTP/1.1 200 OK\r\n\r", 0 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", -GL_PIN_TE_BAD },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		  -GL_PIN_CL_REPEAT },
		{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", -GL_PIN_TE_BAD },
		{ "HTTP/1.1 200 OK\r\na : b\r\n\r\n", -GL_PIN_COLON },
		{ "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: x\r\n\r\n", 1 },
	};
	struct gl_head head;

	(void)state;
	RUN(wants, 1);
	assert_true(scan(&head, 1, "HTTP/1.1 599 x\r\n\r\n", 18, NULL) > 0);
	assert_int_equal(head.code, 599);
	assert_int_equal(head.version, 11);
	assert_true(scan(&head, 1, "HTTP/1.0 100 x\r\n\r\n", 18, NULL) > 0);
	assert_int_equal(head.code, 100);
	assert_int_equal(head.version, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_http_is_told_by_its_first_bytes),
		cmocka_unit_test(empty_lines_before_a_request_are_told_at_byte_0),
		cmocka_unit_test(methods_are_those_that_every_parser_knows),
		cmocka_unit_test(request_lines_have_one_form),
		cmocka_unit_test(lines_end_with_cr_lf_and_hold_no_control_characters),
		cmocka_unit_test(names_are_tokens_up_to_the_colon),
		cmocka_unit_test(lengths_are_plain_numbers_said_once),
		cmocka_unit_test(codings_are_exactly_one_chunked),
		cmocka_unit_test(host_is_there_once_in_http_1_1),
		cmocka_unit_test(connection_is_a_list_of_tokens),
		cmocka_unit_test(other_fields_that_change_what_follows_are_told),
		cmocka_unit_test(status_lines_have_one_form),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
