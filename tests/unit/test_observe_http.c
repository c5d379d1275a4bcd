/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: what is there, what is not, and what a client cannot do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "observe/observe.h"

#define DEADLINE_S 20

static const char *not_ready;
static bool no_status;

static char *status_text(void *ctx)
{
	(void)ctx;
	return no_status ? NULL : strdup("{\"releases\":[]}");
}

static const char *ready(void *ctx)
{
	(void)ctx;
	return not_ready;
}

struct server {
	struct gl_observe *observe;
	struct gl_http *http;
};

static int setup(void **state)
{
	const struct gl_observe_options observe = {
		.series_fd = -1, .latencies_fd = -1, .events_fd = -1, .events_lost_fd = -1
	};
	struct server *s = calloc(1, sizeof(*s));
	struct gl_http_options options = { .address = "127.0.0.1:0",
					   .status = status_text,
					   .ready = ready };

	assert_int_equal(gl_observe_new(&observe, &s->observe), 0);
	options.observe = s->observe;
	assert_int_equal(gl_http_start(&options, &s->http), 0);
	not_ready = NULL;
	no_status = false;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	gl_http_stop(s->http);
	gl_observe_free(s->observe);
	free(s);
	return 0;
}

static int dial(const struct server *s)
{
	const struct sockaddr_in addr = { .sin_family = AF_INET,
					  .sin_port = htons(gl_http_port(s->http)),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Runs the server, as the loop would, until the client has an answer and the connection is closed. */
static size_t answer(struct server *s, int fd, char *buf, size_t size)
{
	struct pollfd fds[2] = { { .fd = gl_http_fd(s->http), .events = POLLIN },
				 { .fd = fd, .events = POLLIN } };
	time_t end = time(NULL) + DEADLINE_S;
	size_t len = 0;
	ssize_t n;

	for (;;) {
		assert_true(time(NULL) < end);
		poll(fds, 2, 1000);
		gl_http_run(s->http);
		if (!(fds[1].revents))
			continue;
		n = recv(fd, buf + len, size - len - 1, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			break;
		len += n;
		assert_true(len < size - 1);
	}
	buf[len] = '\0';
	close(fd);
	return len;
}

static char *ask(struct server *s, const char *request)
{
	static char buf[1 << 20];
	int fd = dial(s);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	answer(s, fd, buf, sizeof(buf));
	return buf;
}

static void answers_what_is_there_and_nothing_else(void **state)
{
	static const struct {
		const char *line, *code, *holds;
	} rows[] = {
		{ "GET /healthz", "200", "\r\n\r\nok\n" },
		{ "GET /readyz", "200", "\r\n\r\nready\n" },
		{ "GET /metrics", "200", "# TYPE graylink_build_info gauge\n" },
		{ "GET /metrics?x=1", "200", "text/plain; version=0.0.4" },
		{ "HEAD /metrics", "200", "Content-Length" },
		{ "GET /api/v1/status", "200", "{\"releases\":[]}" },
		{ "GET /", "200", "<!doctype html>" },
		{ "GET /../etc/passwd", "404", "Nothing is here" },
		{ "GET /metrics/", "404", "Nothing is here" },
		{ "GET /%2e%2e/etc/passwd", "404", "Nothing is here" },
		{ "POST /metrics", "405", "Allow: GET, HEAD" },
		{ "DELETE /api/v1/status", "405", "Read-only" },
	};
	char request[256], want[32];
	char *got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(request, sizeof(request),
			 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", rows[i].line);
		snprintf(want, sizeof(want), "HTTP/1.1 %s ", rows[i].code);
		got = ask(*state, request);
		if (strncmp(got, want, strlen(want)) || !strstr(got, rows[i].holds))
			fail_msg("%s: %.300s", rows[i].line, got);
	}
}

static void says_why_it_is_not_ready(void **state)
{
	char *got;

	not_ready = "no policy was loaded yet";
	got = ask(*state, "GET /readyz HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(got, " 503 "));
	assert_non_null(strstr(got, "no policy was loaded yet\n"));
	no_status = true;
	assert_non_null(strstr(ask(*state, "GET /api/v1/status HTTP/1.0\r\n\r\n"), " 503 "));
}

static void keeps_a_connection_for_several_requests(void **state)
{
	char *got = ask(*state, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
				"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	assert_non_null(strstr(got, "ok\n"));
	assert_non_null(strstr(got, "ready\n"));
}

static void refuses_a_head_that_is_too_long(void **state)
{
	size_t len = 200000;
	char *request = malloc(len + 64);
	char buf[4096];
	int fd = dial(*state);

	sprintf(request, "GET / HTTP/1.1\r\nX: ");
	memset(request + strlen(request), 'a', len);
	request[len] = '\0';
	/* the server may close while we send: how much went out does not matter */
	(void)!send(fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	answer(*state, fd, buf, sizeof(buf));
	assert_true(!buf[0] || strstr(buf, " 431 ") || strstr(buf, " 414 ") ||
		    strstr(buf, " 413 "));
	free(request);
	assert_non_null(strstr(ask(*state, "GET /healthz HTTP/1.0\r\n\r\n"), "ok\n"));
}

static void serves_others_while_connections_stand_idle(void **state)
{
	struct server *s = *state;
	int fds[50];
	size_t i;

	for (i = 0; i < 50; i++) {
		fds[i] = dial(s);
		(void)!send(fds[i], "GET /", 5, MSG_NOSIGNAL);
	}
	assert_non_null(strstr(ask(s, "GET /healthz HTTP/1.0\r\n\r\n"), "ok\n"));
	for (i = 0; i < 50; i++)
		close(fds[i]);
}

static void refuses_addresses_that_are_none(void **state)
{
	static const char *const bad[] = { "",
					   "127.0.0.1",
					   "127.0.0.1:",
					   ":80",
					   "::1:80",
					   "[::1:80",
					   "localhost:80",
					   "127.0.0.1:http",
					   "127.0.0.1:99999999",
					   "/etc/passwd:1" };
	struct gl_http_options options = {};
	struct gl_http *http = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.address = bad[i];
		if (gl_http_start(&options, &http) >= 0)
			fail_msg("took %s", bad[i]);
	}
	options.address = "[::1]:0";
	if (!gl_http_start(&options, &http)) {
		assert_true(gl_http_port(http) > 0);
		gl_http_stop(http);
	}
}

static void says_that_the_address_is_taken(void **state)
{
	struct server *s = *state;
	struct gl_http_options options = {};
	struct gl_http *http = NULL;
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%u", gl_http_port(s->http));
	options.address = address;
	assert_int_equal(gl_http_start(&options, &http), -EADDRINUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_what_is_there_and_nothing_else),
		cmocka_unit_test(says_why_it_is_not_ready),
		cmocka_unit_test(keeps_a_connection_for_several_requests),
		cmocka_unit_test(refuses_a_head_that_is_too_long),
		cmocka_unit_test(serves_others_while_connections_stand_idle),
		cmocka_unit_test(refuses_addresses_that_are_none),
		cmocka_unit_test(says_that_the_address_is_taken),
	};
	struct CMUnitTest all[sizeof(tests) / sizeof(tests[0])];
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		all[i] = tests[i];
		all[i].setup_func = setup;
		all[i].teardown_func = teardown;
	}
	return cmocka_run_group_tests_name("observe http", all, NULL, NULL);
}
