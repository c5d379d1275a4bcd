/* SPDX-License-Identifier: Apache-2.0 */
/* Request lines and their answers, without a socket: what is understood, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

static void echo(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const char *text;
	double number;
	bool flag;

	++*(int *)ctx;
	if (gl_ask_string(ask, "text", "none", &text, reply) ||
	    gl_ask_number(ask, "number", -1, &number, reply) ||
	    gl_ask_flag(ask, "flag", false, &flag, reply))
		return;
	reply->data = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->data, "text", text);
	cJSON_AddNumberToObject(reply->data, "number", number);
	cJSON_AddBoolToObject(reply->data, "flag", flag);
	cJSON_AddStringToObject(reply->data, "who", ask->user);
	cJSON_AddStringToObject(reply->data, "why", ask->message);
	reply->generation = 7;
	gl_reply_message(reply, "line %d", 1);
	gl_reply_warning(reply, "careful");
}

static void refuse(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	(void)ctx;
	(void)ask;
	gl_reply_fail(reply, GL_CODE_CONFLICT, "not %s", "now");
	gl_reply_fail(reply, GL_CODE_INTERNAL, "later words do not count");
	reply->data = cJSON_CreateString("not shown");
}

static int calls;

static void make_verbs(struct gl_verbs *verbs)
{
	const struct gl_verb rows[] = {
		{ "echo", "text number flag", echo, &calls, true },
		{ "quiet", "", echo, &calls, false },
		{ "refuse", "", refuse, NULL, true },
	};
	size_t i;

	verbs->n = 0;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(gl_verbs_add(verbs, &rows[i]), 0);
	assert_int_equal(gl_verbs_add(verbs, &rows[1]), -EEXIST);
	calls = 0;
}

/* Answers to one line; the answer is compared whole. */
static const struct {
	const char *line, *answer;
	bool closes;
} lines[] = {
	{ "{\"id\":1,\"verb\":\"echo\",\"args\":{\"text\":\"a\\nb\",\"number\":2.5,\"flag\":true,\"message\":\"m\"}}",
	  "{\"id\":1,\"ok\":true,\"data\":{\"text\":\"a\\nb\",\"number\":2.5,\"flag\":true,\"who\":\"root\",\"why\":\"m\"},"
	  "\"messages\":[\"line 1\"],\"generation\":7,\"warnings\":[\"careful\"]}",
	  false },
	{ " {\"verb\":\"echo\"} \t\r",
	  "{\"id\":null,\"ok\":true,\"data\":{\"text\":\"none\",\"number\":-1,\"flag\":false,\"who\":\"root\",\"why\":\"\"},"
	  "\"messages\":[\"line 1\"],\"generation\":7,\"warnings\":[\"careful\"]}",
	  false },
	{ "{\"id\":\"x\",\"verb\":\"refuse\",\"args\":{}}",
	  "{\"id\":\"x\",\"ok\":false,\"code\":\"Conflict\",\"error\":\"not now\",\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"none\"}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"unknown verb none\",\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"args\":{\"texts\":\"a\"}}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args.texts: echo does not know it\",\"diagnostics\":[],"
	  "\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"quiet\",\"args\":{\"message\":\"m\"}}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args.message: quiet does not know it\",\"diagnostics\":[],"
	  "\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"args\":{\"flag\":1}}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args.flag: must be true or false\",\"diagnostics\":[],"
	  "\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"args\":{\"text\":\"a\",\"text\":\"b\"}}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args.text: given twice\",\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"args\":[]}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args: must be an object\",\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"extra\":1}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"extra: a request holds id, verb and args\","
	  "\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":2,\"verb\":\"echo\",\"args\":{\"message\":\"a\\u0007b\"}}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"args.message: control characters are not allowed\","
	  "\"diagnostics\":[],\"warnings\":[]}",
	  false },
	{ "{\"id\":{},\"verb\":\"echo\"}",
	  "{\"id\":null,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"id: must be a number or a string\",\"diagnostics\":[],"
	  "\"warnings\":[]}",
	  false },
	{ "{\"id\":2}",
	  "{\"id\":2,\"ok\":false,\"code\":\"BadRequest\",\"error\":\"verb: must be a string\",\"diagnostics\":[],\"warnings\":[]}",
	  false },
};

/* What @uid gets for the line. */
static char *answer_as(const struct gl_verbs *verbs, const char *text, size_t len, uid_t uid,
		       bool *ret_close)
{
	const struct gl_line line = { .text = text, .len = len, .uid = uid, .pid = 1 };
	struct gl_pending *later;
	char *answer = gl_verbs_answer(verbs, &line, ret_close, &later);

	assert_null(later);
	return answer;
}

static void answers_each_line(void **state)
{
	struct gl_verbs verbs;
	size_t i;

	(void)state;
	make_verbs(&verbs);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		bool closes = true;
		char *answer = answer_as(&verbs, lines[i].line, strlen(lines[i].line), 0, &closes);

		assert_string_equal(answer, lines[i].answer);
		assert_int_equal(closes, lines[i].closes);
		free(answer);
	}
}

static void closes_on_what_is_no_object(void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"[]",
		"1",
		"null",
		"{",
		"{}{}",
		"{} x",
		"{\"verb\":}",
		"GET / HTTP/1.1",
		"{\"id\":1,\"verb\":\"echo\"",
	};
	struct gl_verbs verbs;
	bool closes;
	char *answer;
	size_t i;

	(void)state;
	make_verbs(&verbs);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		closes = false;
		answer = answer_as(&verbs, texts[i], strlen(texts[i]), 0, &closes);
		assert_true(closes);
		assert_non_null(strstr(answer, "\"BadRequest\""));
		free(answer);
	}
	/* A NUL would end the text for everybody who reads it as a string. */
	answer = answer_as(&verbs, "{\"verb\":\"echo\"}\0", 16, 0, &closes);
	assert_true(closes);
	free(answer);
	assert_int_equal(calls, 0);
}

static void bounds_the_message(void **state)
{
	char line[2048], *answer;
	struct gl_verbs verbs;
	bool closes;
	size_t len;

	(void)state;
	make_verbs(&verbs);
	for (len = 1024; len <= 1025; len++) {
		strcpy(line, "{\"verb\":\"echo\",\"args\":{\"message\":\"");
		memset(line + strlen(line), 'm', len + 1);
		strcpy(strchr(line, 'm') + strlen("message\":\"") + len, "\"}}");
		answer = answer_as(&verbs, line, strlen(line), 0, &closes);
		assert_int_equal(strstr(answer, "\"ok\":true") != NULL, len <= 1024);
		free(answer);
	}
}

static void names_who_asks(void **state)
{
	struct gl_verbs verbs;
	bool closes;
	char *answer;

	(void)state;
	make_verbs(&verbs);
	answer = answer_as(&verbs, "{\"verb\":\"echo\"}", 15, 4000000000U, &closes);
	assert_non_null(strstr(answer, "\"who\":\"4000000000\""));
	free(answer);
}

static void has_a_code_for_each_errno(void **state)
{
	(void)state;
	assert_int_equal(gl_code_of(0), GL_CODE_OK);
	assert_int_equal(gl_code_of(-ENOENT), GL_CODE_NOT_FOUND);
	assert_int_equal(gl_code_of(-EBUSY), GL_CODE_CONFLICT);
	assert_int_equal(gl_code_of(-EEXIST), GL_CODE_CONFLICT);
	assert_int_equal(gl_code_of(-EINVAL), GL_CODE_INVALID);
	assert_int_equal(gl_code_of(-EPERM), GL_CODE_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_each_line),
		cmocka_unit_test(closes_on_what_is_no_object),
		cmocka_unit_test(bounds_the_message),
		cmocka_unit_test(names_who_asks),
		cmocka_unit_test(has_a_code_for_each_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
