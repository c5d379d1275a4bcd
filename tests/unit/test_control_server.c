/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket with real clients: lines cut anywhere, several at once, too long, not read, too many; and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"

#define DEADLINE_NS 5000000000ULL
#define ASK	    "{\"verb\":\"ping\"}\n"
#define ANSWER	    "{\"id\":null,\"ok\":true,\"data\":{},\"messages\":[],\"warnings\":[]}\n"

struct fixture {
	char dir[32], path[64];
	struct gl_loop *loop;
	struct gl_verbs verbs;
	struct gl_control *control;
	int calls;
	struct gl_pending *later;
};

static void ping(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	(void)ask;
	(void)reply;
	((struct fixture *)ctx)->calls++;
}

/* Begins an answer that the test ends. */
static void slow(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct fixture *f = ctx;

	(void)ask;
	gl_reply_message(reply, "begun");
	f->later = gl_reply_later(reply);
	assert_non_null(f->later);
}

static void big(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	char *text = malloc(4U << 20);

	(void)ctx;
	(void)ask;
	memset(text, 'x', (4U << 20) - 1);
	text[(4U << 20) - 1] = '\0';
	reply->data = cJSON_CreateString(text);
	free(text);
}

static void too_big(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	int i;

	reply->data = cJSON_CreateArray();
	for (i = 0; i < 5; i++) {
		struct gl_reply one = { 0 };

		big(ctx, ask, &one);
		cJSON_AddItemToArray(reply->data, one.data);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct gl_verb rows[] = {
		{ "ping", "text", ping, f, false },
		{ "big", "", big, f, false },
		{ "toobig", "", too_big, f, false },
		{ "slow", "", slow, f, false },
	};
	struct gl_why why;
	size_t i;

	if (!f)
		return -1;
	*state = f;
	strcpy(f->dir, "/tmp/gl-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/run/s.sock", f->dir);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gl_verbs_add(&f->verbs, &rows[i]);
	if (gl_loop_new(&f->loop))
		return -1;
	return gl_control_open(f->loop, f->path, &f->verbs, &f->control, &why);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char run[64];

	gl_control_close(f->control);
	gl_loop_free(f->loop);
	snprintf(run, sizeof(run), "%s/run", f->dir);
	unlink(f->path);
	rmdir(run);
	rmdir(f->dir);
	free(f);
	return 0;
}

static int client(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void step(struct fixture *f)
{
	assert_true(gl_loop_step(f->loop, 10) >= 0);
}

/* Sends all of it, turning the loop while the socket is full. False: the server hung up. */
static bool say(struct fixture *f, int fd, const char *bytes, size_t len)
{
	uint64_t end = gl_now_ns() + DEADLINE_NS;
	ssize_t n;

	while (len && gl_now_ns() < end) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
		step(f);
	}
	assert_int_equal(len, 0);
	return true;
}

/* Reads until @len bytes are there or the server hangs up; returns how many. */
static size_t hear(struct fixture *f, int fd, char *buf, size_t len)
{
	uint64_t end = gl_now_ns() + DEADLINE_NS;
	size_t at = 0;
	ssize_t n;

	while (at < len && gl_now_ns() < end) {
		step(f);
		n = recv(fd, buf + at, len - at, 0);
		if (!n || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0)
			at += (size_t)n;
	}
	return at;
}

static void assert_answered(struct fixture *f, int fd, int times)
{
	char buf[sizeof(ANSWER)];

	while (times--) {
		assert_int_equal(hear(f, fd, buf, sizeof(ANSWER) - 1), sizeof(ANSWER) - 1);
		assert_memory_equal(buf, ANSWER, sizeof(ANSWER) - 1);
	}
}

static bool hung_up(struct fixture *f, int fd)
{
	uint64_t end = gl_now_ns() + DEADLINE_NS;
	char c;
	ssize_t n;

	do {
		step(f);
		n = recv(fd, &c, 1, 0);
	} while (n < 0 && errno == EAGAIN && gl_now_ns() < end);
	return !n || (n < 0 && errno == ECONNRESET);
}

static void answers_a_line_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	size_t cut;
	int fd = client(f);

	for (cut = 1; cut < sizeof(ASK) - 1; cut++) {
		say(f, fd, ASK, cut);
		say(f, fd, ASK + cut, sizeof(ASK) - 1 - cut);
		assert_answered(f, fd, 1);
	}
	close(fd);
}

/* More lines than one turn answers, in one write; other clients are served meanwhile. */
static void answers_many_lines_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other = client(f), i;
	char *lines = calloc(1000, sizeof(ASK));

	for (i = 0; i < 1000; i++)
		strcat(lines + i * (sizeof(ASK) - 1), ASK);
	say(f, fd, lines, strlen(lines));
	say(f, other, ASK, sizeof(ASK) - 1);
	assert_answered(f, other, 1);
	assert_answered(f, fd, 1000);
	assert_int_equal(f->calls, 1001);
	free(lines);
	close(fd);
	close(other);
}

/* A client that has said everything and shut its side still gets its answers. */
static void answers_after_a_half_close(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	assert_int_equal(send(fd, ASK ASK, 2 * (sizeof(ASK) - 1), 0), 2 * (sizeof(ASK) - 1));
	shutdown(fd, SHUT_WR);
	assert_answered(f, fd, 2);
	assert_true(hung_up(f, fd));
	close(fd);
}

static void closes_after_what_is_no_request(void **state)
{
	struct fixture *f = *state;
	char buf[512] = "";
	int fd = client(f);

	say(f, fd, "GET / HTTP/1.1\r\n" ASK, 16 + sizeof(ASK) - 1);
	hear(f, fd, buf, sizeof(buf) - 1);
	assert_non_null(strstr(buf, "BadRequest"));
	assert_int_equal(f->calls, 0);
	close(fd);
}

static void refuses_an_endless_line(void **state)
{
	struct fixture *f = *state;
	char *chunk = malloc(1U << 20), buf[512] = "";
	int fd = client(f), i;

	memset(chunk, ' ', 1U << 20);
	for (i = 0; i < 5 && say(f, fd, chunk, 1U << 20); i++)
		;
	hear(f, fd, buf, sizeof(buf) - 1);
	assert_non_null(strstr(buf, "the line is too long"));
	assert_true(hung_up(f, fd));
	free(chunk);
	close(fd);
}

static void takes_a_line_as_long_as_it_may_be(void **state)
{
	struct fixture *f = *state;
	char *line = malloc(GL_CONTROL_LINE_MAX + 1);
	int fd = client(f);

	memset(line, ' ', GL_CONTROL_LINE_MAX);
	memcpy(line, ASK, sizeof(ASK) - 2);
	line[GL_CONTROL_LINE_MAX] = '\n';
	assert_true(say(f, fd, line, GL_CONTROL_LINE_MAX + 1));
	assert_answered(f, fd, 1);
	free(line);
	close(fd);
}

/* One that asks much and reads nothing is not read from any more; others do not notice. */
static void is_not_held_up_by_who_does_not_read(void **state)
{
	struct fixture *f = *state;
	int slow = client(f), fd = client(f), i;

	for (i = 0; i < 20; i++) {
		if (send(slow, "{\"verb\":\"big\"}\n", 15, MSG_NOSIGNAL) < 0)
			break;
		step(f);
	}
	for (i = 0; i < 10; i++) {
		say(f, fd, ASK, sizeof(ASK) - 1);
		assert_answered(f, fd, 1);
	}
	close(slow);
	say(f, fd, ASK, sizeof(ASK) - 1);
	assert_answered(f, fd, 1);
	close(fd);
}

static void refuses_an_answer_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	char buf[512] = "";
	int fd = client(f);

	say(f, fd, "{\"id\":3,\"verb\":\"toobig\"}\n", 25);
	hear(f, fd, buf, 60);
	assert_non_null(strstr(buf, "{\"id\":3,\"ok\":false,\"code\":\"Unavailable\""));
	close(fd);
}

#define ASK_SLOW    "{\"id\":5,\"verb\":\"slow\"}\n"
#define ANSWER_SLOW \
	"{\"id\":5,\"ok\":true,\"data\":{},\"messages\":[\"begun\",\"ended\"],\"warnings\":[]}\n"

/* Turns the loop until a handler has put its answer off. */
static struct gl_pending *begun(struct fixture *f)
{
	uint64_t end = gl_now_ns() + DEADLINE_NS;
	struct gl_pending *later;

	while (!f->later && gl_now_ns() < end)
		step(f);
	later = f->later;
	assert_non_null(later);
	f->later = NULL;
	return later;
}

/* A client that waits for its answer holds up nobody, and its next line is not answered before. */
static void answers_later_and_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other = client(f);
	struct gl_pending *later;
	char buf[sizeof(ANSWER_SLOW)];

	say(f, fd, ASK_SLOW ASK, sizeof(ASK_SLOW) - 1 + sizeof(ASK) - 1);
	later = begun(f);
	say(f, other, ASK, sizeof(ASK) - 1);
	assert_answered(f, other, 1);
	assert_int_equal(f->calls, 1);
	gl_reply_message(gl_pending_reply(later), "ended");
	gl_pending_answer(later);
	assert_int_equal(hear(f, fd, buf, sizeof(buf) - 1), sizeof(buf) - 1);
	assert_memory_equal(buf, ANSWER_SLOW, sizeof(buf) - 1);
	assert_answered(f, fd, 1);
	/* The same with a client that has said all that it will say. */
	say(f, fd, ASK_SLOW, sizeof(ASK_SLOW) - 1);
	shutdown(fd, SHUT_WR);
	later = begun(f);
	step(f);
	gl_reply_message(gl_pending_reply(later), "ended");
	gl_pending_answer(later);
	assert_int_equal(hear(f, fd, buf, sizeof(buf) - 1), sizeof(buf) - 1);
	assert_true(hung_up(f, fd));
	close(fd);
	close(other);
}

/* Whoever asked may be gone when the answer comes: by itself, or because the server ends. */
static void outlives_who_does_not_wait(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other;
	struct gl_pending *later;

	say(f, fd, ASK_SLOW, sizeof(ASK_SLOW) - 1);
	later = begun(f);
	close(fd);
	step(f);
	gl_pending_answer(later);
	other = client(f);
	say(f, other, ASK, sizeof(ASK) - 1);
	assert_answered(f, other, 1);
	say(f, other, ASK_SLOW, sizeof(ASK_SLOW) - 1);
	later = begun(f);
	gl_control_close(f->control);
	f->control = NULL;
	gl_pending_answer(later);
	close(other);
}

static void bounds_its_clients(void **state)
{
	struct fixture *f = *state;
	int fds[GL_CONTROL_CLIENTS_MAX + 3], i;
	char buf[512] = "";

	for (i = 0; i < GL_CONTROL_CLIENTS_MAX; i++) {
		fds[i] = client(f);
		say(f, fds[i], ASK, sizeof(ASK) - 1);
		assert_answered(f, fds[i], 1);
	}
	for (; i < GL_CONTROL_CLIENTS_MAX + 3; i++) {
		fds[i] = client(f);
		hear(f, fds[i], buf, sizeof(buf) - 1);
		assert_non_null(strstr(buf, "too many clients"));
		close(fds[i]);
	}
	close(fds[0]);
	step(f);
	fds[0] = client(f);
	say(f, fds[0], ASK, sizeof(ASK) - 1);
	assert_answered(f, fds[0], 1);
	for (i = 0; i < GL_CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void guards_its_file(void **state)
{
	struct fixture *f = *state;
	struct gl_control *second;
	struct gl_why why;
	struct stat st;
	FILE *file;
	int stale;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* In use. */
	assert_int_equal(gl_control_open(f->loop, f->path, &f->verbs, &second, &why), -EADDRINUSE);
	assert_non_null(strstr(why.text, "another graylinkd"));
	/* Closed: gone. */
	gl_control_close(f->control);
	f->control = NULL;
	assert_int_equal(stat(f->path, &st), -1);
	/* Left behind by one that was killed: replaced. */
	stale = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		strcpy(addr.sun_path, f->path);
		assert_int_equal(bind(stale, (struct sockaddr *)&addr, sizeof(addr)), 0);
	}
	close(stale);
	assert_int_equal(gl_control_open(f->loop, f->path, &f->verbs, &f->control, &why), 0);
	gl_control_close(f->control);
	f->control = NULL;
	/* Somebody's file: left alone. */
	file = fopen(f->path, "w");
	fclose(file);
	assert_int_equal(gl_control_open(f->loop, f->path, &f->verbs, &second, &why), -EEXIST);
	assert_int_equal(stat(f->path, &st), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_a_line_cut_anywhere),
		TEST(answers_many_lines_in_order),
		TEST(answers_after_a_half_close),
		TEST(closes_after_what_is_no_request),
		TEST(refuses_an_endless_line),
		TEST(takes_a_line_as_long_as_it_may_be),
		TEST(is_not_held_up_by_who_does_not_read),
		TEST(refuses_an_answer_that_is_too_long),
		TEST(answers_later_and_in_order),
		TEST(outlives_who_does_not_wait),
		TEST(bounds_its_clients),
		TEST(guards_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
