/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graylinkctl against an agent that answers from a table: what is sent for each verb, what is shown of the answers, and
 * what happens when the other side misbehaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

#define NOW 1769866800	/* 2026-01-31T13:40:00Z */

/* One listener for the whole program; it answers each connection's line with `answer`, and keeps the line. */
static struct mock {
	int fd;
	char dir[64], path[96];
	pthread_t thread;
	const char *answer; /* NULL: close without an answer */
	char request[65536];
} mock;

static void serve_one(int fd)
{
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(mock.request) - 1 && !memchr(mock.request, '\n', len)) {
		n = recv(fd, mock.request + len, sizeof(mock.request) - 1 - len, 0);
		if (n <= 0)
			break;
		len += n;
	}
	mock.request[len] = '\0';
	/* in two pieces, since a stream owes no boundaries */
	if (mock.answer) {
		n = strlen(mock.answer) / 2;
		(void)!send(fd, mock.answer, n, MSG_NOSIGNAL);
		(void)!send(fd, mock.answer + n, strlen(mock.answer) - n, MSG_NOSIGNAL);
	}
	close(fd);
}

static void *serve(void *arg)
{
	int fd;

	while ((fd = accept(mock.fd, NULL, NULL)) >= 0)
		serve_one(fd);
	return arg;
}

static int start_mock(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(mock.dir, sizeof(mock.dir), "/tmp/graylink-test-XXXXXX");
	assert_non_null(mkdtemp(mock.dir));
	snprintf(mock.path, sizeof(mock.path), "%s/s", mock.dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", mock.path);
	mock.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(mock.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(mock.fd, 8), 0);
	return pthread_create(&mock.thread, NULL, serve, NULL);
}

static int stop_mock(void **state)
{
	(void)state;
	shutdown(mock.fd, SHUT_RDWR);
	pthread_join(mock.thread, NULL);
	close(mock.fd);
	unlink(mock.path);
	rmdir(mock.dir);
	return 0;
}

struct result {
	int code;
	char *out, *err;
};

static struct result run(const char *answer, const char *line)
{
	char words[512], *argv[24] = { "graylinkctl" }, *save = NULL;
	struct result r = {};
	size_t out_len, err_len;
	struct gl_cli_env env = { .out = open_memstream(&r.out, &out_len),
				  .err = open_memstream(&r.err, &err_len),
				  .socket = mock.path,
				  .now = NOW };
	int argc = 1;

	mock.answer = answer;
	snprintf(words, sizeof(words), "%s", line);
	argv[argc] = strtok_r(words, " ", &save);
	while (argv[argc] && argc < 23)
		argv[++argc] = strtok_r(NULL, " ", &save);
	r.code = gl_cli_main(argc, argv, &env);
	fclose(env.out);
	fclose(env.err);
	return r;
}

static void drop(struct result *r)
{
	free(r->out);
	free(r->err);
}

/* The request as the agent sees it, without its id. */
static void sends_what_the_protocol_says(void **state)
{
	static const struct {
		const char *line, *request;
	} rows[] = {
		{ "status", "\"verb\":\"status\",\"args\":{}" },
		{ "status shop -n web",
		  "\"verb\":\"status\",\"args\":{\"name\":\"shop\",\"namespace\":\"web\"}" },
		{ "next shop -m good",
		  "\"verb\":\"next\",\"args\":{\"name\":\"shop\",\"message\":\"good\"}" },
		{ "pause shop", "\"verb\":\"pause\",\"args\":{\"name\":\"shop\"}" },
		{ "resume shop", "\"verb\":\"resume\",\"args\":{\"name\":\"shop\"}" },
		{ "retry shop", "\"verb\":\"retry\",\"args\":{\"name\":\"shop\"}" },
		{ "finish shop", "\"verb\":\"finish\",\"args\":{\"name\":\"shop\"}" },
		{ "finish shop --force",
		  "\"verb\":\"finish\",\"args\":{\"name\":\"shop\",\"force\":true}" },
		{ "rollback shop", "\"verb\":\"rollback\",\"args\":{\"name\":\"shop\"}" },
		{ "undo shop", "\"verb\":\"rollback\",\"args\":{\"name\":\"shop\"}" },
		{ "batch shop 2", "\"verb\":\"batch\",\"args\":{\"name\":\"shop\",\"index\":2}" },
		{ "batch shop last",
		  "\"verb\":\"batch\",\"args\":{\"name\":\"shop\",\"last\":true}" },
		{ "promote shop", "\"verb\":\"batch\",\"args\":{\"name\":\"shop\",\"last\":true}" },
		{ "delete shop --force",
		  "\"verb\":\"delete\",\"args\":{\"name\":\"shop\",\"force\":true}" },
		{ "history shop", "\"verb\":\"history\",\"args\":{\"name\":\"shop\"}" },
		{ "get", "\"verb\":\"get\",\"args\":{\"what\":\"releases\"}" },
		{ "get conn web --limit 5",
		  "\"verb\":\"get\",\"args\":{\"what\":\"connections\",\"name\":\"web\",\"limit\":5}" },
		{ "get svc -n shop",
		  "\"verb\":\"get\",\"args\":{\"what\":\"services\",\"namespace\":\"shop\"}" },
		{ "attach v1 v2", "\"verb\":\"attach\",\"args\":{\"interfaces\":[\"v1\",\"v2\"]}" },
		{ "detach --all", "\"verb\":\"detach\",\"args\":{\"all\":true}" },
		{ "bypass on -m fire",
		  "\"verb\":\"bypass\",\"args\":{\"on\":true,\"message\":\"fire\"}" },
		{ "bypass", "\"verb\":\"bypass\",\"args\":{}" },
		{ "check", "\"verb\":\"check\"}" },
		{ "metrics", "\"verb\":\"metrics\"}" },
		{ "version", "\"verb\":\"version\"}" },
	};
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = run("{\"id\":1,\"ok\":true,\"data\":{}}\n", rows[i].line);
		if (r.code || !strstr(mock.request, rows[i].request))
			fail_msg("%s: %d, sent %s%s", rows[i].line, r.code, mock.request, r.err);
		drop(&r);
	}
}

static void sends_policies_and_shows_their_errors(void **state)
{
	char path[128], line[256], want[512];
	struct result r;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/p.yaml", mock.dir);
	f = fopen(path, "w");
	fputs("kind: GrayRelease\nspec: {lane: \"v2\"}\n", f);
	fclose(f);
	snprintf(line, sizeof(line), "apply -f %s --dry-run --force", path);
	snprintf(
		want, sizeof(want),
		"{\"id\":1,\"ok\":false,\"code\":\"Invalid\",\"error\":\"1 error\",\"diagnostics\":[{\"severity\":"
		"\"error\",\"file\":\"%s\",\"line\":2,\"column\":8,\"field\":\"spec.lane\",\"message\":\"taken\"}]}\n",
		path);
	r = run(want, line);
	assert_int_equal(r.code, 1);
	assert_string_equal(r.out, "");
	snprintf(
		want, sizeof(want),
		"%s:2:8: spec.lane: taken\n    2 | spec: {lane: \"v2\"}\n      |        ^\ngraylinkctl: 1 error\n",
		path);
	assert_string_equal(r.err, want);
	snprintf(want, sizeof(want),
		 "\"args\":{\"files\":[{\"name\":\"%s\",\"text\":\"kind: GrayRelease\\nspec: {lane: \\\"v2\\\"}\\n\"}],"
		 "\"dryRun\":true,\"force\":true}}\n",
		 path);
	assert_non_null(strstr(mock.request, want));
	drop(&r);
	r = run("{\"id\":1,\"ok\":true,\"data\":{\"releases\":[{\"name\":\"shop\",\"namespace\":\"web\",\"lane\":\"v2\","
		"\"change\":\"created\",\"state\":\"Waiting\",\"batch\":{\"index\":1,\"count\":3,\"weight\":5}}],"
		"\"olderConnections\":4},\"warnings\":[\"per request\"],\"generation\":9}\n",
		line);
	assert_int_equal(r.code, 0);
	assert_string_equal(
		r.out,
		"web/shop created: Waiting, batch 1 of 3, weight 5%\ngeneration 9 decides\n");
	assert_string_equal(
		r.err,
		"warning: per request\n"
		"4 connections are older than attach: they stay as they are until they close\n"
		"dry run: nothing was changed\n");
	drop(&r);
	unlink(path);
}

static void survives_what_an_agent_must_not_say(void **state)
{
	static const struct {
		const char *answer, *says;
	} rows[] = {
		{ NULL, "closed the connection" },
		{ "", "closed the connection" },
		{ "\n", "not a graylink agent" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "not a graylink agent" },
		{ "{\"ok\":1}\n", "not a graylink agent" },
		{ "[]\n", "not a graylink agent" },
		{ "{\"ok\":true,\"data\":{}}", "closed the connection" },
		{ "{\"ok\":false}\n", "refused" },
		{ "{\"ok\":false,\"error\":\"\\u001b[2Jno\"}\n", "graylinkctl: ?[2Jno\n" },
	};
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = run(rows[i].answer, "next shop");
		if (r.code != 1 || *r.out || !strstr(r.err, rows[i].says))
			fail_msg("%s: %d, %s", rows[i].answer ? rows[i].answer : "(none)", r.code,
				 r.err);
		drop(&r);
	}
	/* members of other types, or none: shown as nothing, never a crash */
	r = run("{\"ok\":true,\"data\":{\"releases\":[{\"batch\":7,\"services\":[{\"lanes\":[1,{}]},3]},null]},"
		"\"messages\":[3],\"diagnostics\":[1,{}]}\n",
		"status");
	assert_int_equal(r.code, 0);
	drop(&r);
}

#define LANE(name, endpoints, requests, rate, rps, share, p50, p90, p99, batch) \
	"{\"lane\":\"" name "\",\"endpoints\":" endpoints ",\"requests\":" requests \
	",\"errors\":3,\"fallbacks\":1,\"errorRate\":" rate ",\"rps\":" rps ",\"share\":" share \
	",\"latency\":{\"p50\":" p50 ",\"p90\":" p90 ",\"p99\":" p99 "},\"sinceBatch\":{\"requests\":" batch \
	",\"errors\":0,\"share\":" share "}}"

static const char status_answer[] =
	"{\"id\":1,\"ok\":true,\"data\":{\"generation\":7,\"bypass\":false,\"attached\":4,\"windowSeconds\":60,"
	"\"releases\":[{\"name\":\"shop-v2\",\"namespace\":\"shop\",\"lane\":\"v2\",\"state\":\"Progressing\","
	"\"batch\":{\"index\":2,\"count\":3,\"weight\":30,\"since\":\"2026-01-31T13:38:30.000Z\",\"endsAt\":"
	"\"2026-01-31T13:48:30.000Z\"},\"batches\":[{\"weight\":5,\"durationSeconds\":null},{\"weight\":30,"
	"\"durationSeconds\":600},{\"weight\":100,\"durationSeconds\":null}],\"version\":{\"name\":\"2.4.0\",\"author\":"
	"\"ann\",\"summary\":\"new cart\"},\"entries\":[\"web\"],\"achievedWeight\":0.2997,\"cause\":\"user\",\"message\":"
	"\"looks good\",\"created\":\"2026-01-31T12:00:00.000Z\",\"changed\":\"2026-01-31T13:38:30.000Z\",\"services\":["
	"{\"name\":\"web\",\"protocol\":\"HTTP\",\"frontends\":[\"10.96.0.10:80\"],\"entry\":true,\"lanes\":[" LANE(
		"base", "null", "1204", "0", "12.125", "0.7", "0.00125", "0.0031", "0.0095",
		"700") "," LANE("v2", "1", "10512", "0.0123", "5.2", "0.3", "0.0012", "0.003",
				"0.25",
				"300") "]},"
				       "{\"name\":\"orders\",\"protocol\":\"HTTP\",\"frontends\":[],\"entry\":false,\"lanes\":[" LANE(
					       "base", "2", "0", "null", "0", "null", "null",
					       "null", "null", "0") "]}]}]}}\n";

static void shows_a_release_within_80_columns(void **state)
{
	struct result r = run(status_answer, "status shop-v2");

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out,
			    "shop/shop-v2  Progressing\n"
			    "Lane     v2, version 2.4.0 by ann: new cart\n"
			    "Batches  5% > [30% for 10m] > 100%\n"
			    "Weight   30%, achieved 29.97%, for 1m30s, next in 8m30s\n"
			    "Last     user 1m30s ago: looks good\n"
			    "\n"
			    "SERVICE  LANE  PODS  REQUESTS  REQ/S   SHARE  ERRORS     P50    P99\n"
			    "web *    base     -     1,204   12.1  70.00%   0.00%  1.25ms  9.5ms\n"
			    "         v2       1    10,512    5.2  30.00%   1.23%   1.2ms  250ms\n"
			    "orders   base     2         0    0.0       -       -       -      -\n");
	drop(&r);
}

static void gives_the_release_itself_as_json(void **state)
{
	struct result r = run(status_answer, "status shop-v2 -o json");
	cJSON *v = cJSON_Parse(r.out), *lane;

	(void)state;
	assert_string_equal(gl_json_string(v, "state", ""), "Progressing");
	lane = cJSON_GetArrayItem(
		cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(v, "services"), 0),
				    "lanes"),
		1);
	assert_int_equal(gl_json_number(lane, "requests"), 10512);
	cJSON_Delete(v);
	drop(&r);
	r = run(status_answer, "status -o json");
	v = cJSON_Parse(r.out);
	assert_int_equal(gl_json_number(v, "generation"), 7);
	cJSON_Delete(v);
	drop(&r);
}

static void lists_what_rollback_leaves(void **state)
{
	static const char answer[] =
		"{\"id\":1,\"ok\":true,\"data\":{\"release\":{\"name\":\"shop\",\"namespace\":\"web\",\"state\":\"RolledBack\","
		"\"batch\":{\"index\":2,\"count\":3,\"weight\":0}},\"connections\":[{\"id\":7,\"interface\":\"veth1\","
		"\"client\":\"10.0.0.1:4000\",\"frontend\":\"10.96.0.1:80\",\"service\":\"web\",\"namespace\":\"shop\","
		"\"lane\":\"v2\",\"state\":\"pinned\",\"pin\":\"upgrade\",\"requests\":3,\"idleSeconds\":61,\"legs\":["
		"{\"lane\":\"base\",\"address\":\"10.0.0.2:80\",\"active\":false},{\"lane\":\"v2\",\"address\":"
		"\"10.0.0.3:80\",\"active\":true}]}]},\"generation\":8}\n";
	struct result r = run(answer, "rollback shop");

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(
		r.out,
		"web/shop: RolledBack, batch 2 of 3, weight 0%\n"
		"generation 8 decides\n"
		"\n"
		"1 connection cannot be steered per request and stays on the lane:\n"
		"CLIENT         SERVICE  LANE  STATE             SERVED BY    REQUESTS  IDLE\n"
		"10.0.0.1:4000  web      v2    pinned (upgrade)  10.0.0.3:80         3  1m1s\n");
	drop(&r);
}

static void lists_releases_and_says_when_there_are_none(void **state)
{
	struct result r = run(
		"{\"ok\":true,\"data\":{\"items\":[{\"name\":\"shop-v2\",\"namespace\":\"shop\",\"lane\":"
		"\"v2\",\"state\":\"Waiting\",\"batch\":{\"index\":0,\"count\":1,\"weight\":0.05},\"version\":"
		"null,\"created\":\"2026-01-31T11:38:00.000Z\"}],\"truncated\":true}}\n",
		"get");

	(void)state;
	assert_string_equal(r.out,
			    "NAMESPACE  NAME     LANE  STATE    BATCH  WEIGHT   AGE  VERSION\n"
			    "shop       shop-v2  v2    Waiting  0/1     0.05%  2h2m  -\n");
	assert_non_null(strstr(r.err, "there are more than these 1"));
	drop(&r);
	r = run("{\"ok\":true,\"data\":{\"items\":[]}}\n", "get endpoints");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "");
	assert_string_equal(r.err, "no endpoints\n");
	drop(&r);
}

static void shows_history_and_who(void **state)
{
	struct result r = run(
		"{\"ok\":true,\"data\":{\"items\":[{\"time\":\"2026-01-31T11:38:00.120Z\",\"from\":null,\"to\":"
		"\"Waiting\",\"batch\":1,\"weight\":5,\"cause\":\"apply\",\"who\":{\"uid\":0,\"name\":\"root\"},"
		"\"message\":\"\"},{\"time\":\"2026-01-31T12:38:00.120Z\",\"from\":\"Waiting\",\"to\":"
		"\"RolledBack\",\"batch\":1,\"weight\":0,\"cause\":\"guard\",\"who\":null,\"message\":"
		"\"too many errors\"}]}}\n",
		"history shop");

	(void)state;
	assert_string_equal(
		r.out,
		"TIME (UTC)           FROM     TO          BATCH  WEIGHT  CAUSE  WHO   MESSAGE\n"
		"2026-01-31 11:38:00  -        Waiting         1      5%  apply  root  -\n"
		"2026-01-31 12:38:00  Waiting  RolledBack      1      0%  guard  -     too many errors\n");
	drop(&r);
}

static void check_fails_when_something_is_an_error(void **state)
{
	struct result r = run(
		"{\"ok\":true,\"data\":{\"items\":[{\"name\":\"kernel\",\"level\":\"ok\",\"message\":\"6.1\"},"
		"{\"name\":\"veth1\",\"level\":\"error\",\"message\":\"gone\",\"hint\":\"detach\"}]}}\n",
		"check");

	(void)state;
	assert_int_equal(r.code, 1);
	assert_string_equal(r.out, "ok       kernel: 6.1\nerror    veth1: gone\n         detach\n");
	drop(&r);
}

static void waits_for_a_state(void **state)
{
	struct result r = run(status_answer, "wait shop-v2 --for=state=progressing");

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "shop/shop-v2: Progressing, batch 2 of 3, weight 30%\n");
	drop(&r);
	r = run(status_answer, "wait shop-v2 --for Completed --timeout 1ms");
	assert_int_equal(r.code, 1);
	assert_string_equal(r.err, "graylinkctl: shop-v2 did not become Completed in 1ms\n");
	drop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_what_the_protocol_says),
		cmocka_unit_test(sends_policies_and_shows_their_errors),
		cmocka_unit_test(survives_what_an_agent_must_not_say),
		cmocka_unit_test(shows_a_release_within_80_columns),
		cmocka_unit_test(gives_the_release_itself_as_json),
		cmocka_unit_test(lists_what_rollback_leaves),
		cmocka_unit_test(lists_releases_and_says_when_there_are_none),
		cmocka_unit_test(shows_history_and_who),
		cmocka_unit_test(check_fails_when_something_is_an_error),
		cmocka_unit_test(waits_for_a_state),
	};

	return cmocka_run_group_tests_name("command line and agent", tests, start_mock, stop_mock);
}
