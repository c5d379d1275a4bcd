/* SPDX-License-Identifier: Apache-2.0 */
/* client: one request to the agent and its answer (user/README.md). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

#define ANSWER_MAX ((size_t)16 << 20)
#define ANSWER_S   60	/* an apply of a large policy may wait for the kernel */

static int open_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = ANSWER_S };
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int send_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= n;
	}
	return 0;
}

/* Receives until a newline. -ENODATA: closed before it; -EMSGSIZE: longer than an answer may be. */
static int receive_line(int fd, char **ret)
{
	size_t size = 65536, len = 0;
	char *line = malloc(size), *more;
	ssize_t n;
	int err;

	for (;;) {
		err = -ENOMEM;
		if (!line)
			break;
		n = recv(fd, line + len, size - len - 1, 0);
		err = n < 0 ? -errno : -ENODATA;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		more = memchr(line + len, '\n', n);
		len += n;
		line[len] = '\0';
		if (more) {
			*more = '\0';
			*ret = line;
			return 0;
		}
		err = -EMSGSIZE;
		if (len >= ANSWER_MAX)
			break;
		if (size - len < 2) {
			size *= 2;
			more = realloc(line, size);
			err = -ENOMEM;
			if (!more)
				break;
			line = more;
		}
	}
	free(line);
	return err;
}

static char *request_line(const char *verb, cJSON *args)
{
	cJSON *request = cJSON_CreateObject();
	bool ok = cJSON_AddNumberToObject(request, "id", 1) &&
		  cJSON_AddStringToObject(request, "verb", verb);
	char *text = NULL;

	if (ok && args)
		ok = cJSON_AddItemToObject(request, "args", args);
	else
		cJSON_Delete(args);
	if (ok)
		text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	return text;
}

static int exchange(const char *path, const char *verb, cJSON *args, char **ret)
{
	char *line = request_line(verb, args);
	int fd, err = -ENOMEM;

	if (!line)
		return err;
	fd = open_socket(path);
	err = fd < 0 ? fd : send_all(fd, line, strlen(line));
	if (!err)
		err = send_all(fd, "\n", 1);
	/* refused while we still sent (too long): the answer says why */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		err = receive_line(fd, ret);
	if (fd >= 0)
		close(fd);
	cJSON_free(line);
	return err;
}

/* 0 or -EBADMSG. */
static int read_answer(const char *line, struct gl_answer *ret)
{
	static cJSON nothing = { .type = cJSON_Object };

	ret->whole = cJSON_Parse(line);
	if (!cJSON_IsObject(ret->whole) ||
	    !cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(ret->whole, "ok"))) {
		gl_answer_free(ret);
		return -EBADMSG;
	}
	ret->data = cJSON_GetObjectItemCaseSensitive(ret->whole, "data");
	if (!cJSON_IsObject(ret->data))
		ret->data = &nothing;
	ret->code = gl_json_string(ret->whole, "code", "");
	ret->generation = gl_json_number(ret->whole, "generation");
	return 0;
}

int gl_client_ask_quietly(struct gl_cli *cli, const char *verb, cJSON *args, struct gl_answer *ret)
{
	char *line = NULL;
	int err = exchange(cli->socket, verb, args, &line);

	memset(ret, 0, sizeof(*ret));
	if (!err)
		err = read_answer(line, ret);
	free(line);
	return err;
}

static const char *explain(int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "no agent listens there: is graylinkd running? (-s names another socket)";
	case -EACCES:
	case -EPERM:
		return "not allowed: graylinkctl must run as root";
	case -EAGAIN:
		return "the agent did not answer in time";
	case -ENODATA:
		return "the agent closed the connection without an answer; its log says why";
	case -EBADMSG:
		return "what answers there is not a graylink agent";
	case -EMSGSIZE:
		return "the answer is too long (a namespace, a name or --limit makes it shorter)";
	default:
		return strerror(-err);
	}
}

static void show_notes(struct gl_cli *cli, const struct gl_answer *a, const struct gl_files *files)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, gl_json_array(a->whole, "diagnostics"))
		gl_files_show(cli->err, files, v);
	cJSON_ArrayForEach(v, gl_json_array(a->whole, "warnings"))
	{
		fputs("warning: ", cli->err);
		gl_grid_text(cli->err, cJSON_IsString(v) ? v->valuestring : "?");
		fputc('\n', cli->err);
	}
	cJSON_ArrayForEach(v, gl_json_array(a->whole, "messages"))
	{
		gl_grid_text(cli->err, cJSON_IsString(v) ? v->valuestring : "?");
		fputc('\n', cli->err);
	}
}

int gl_client_ask(struct gl_cli *cli, const char *verb, cJSON *args, const struct gl_files *files,
		  struct gl_answer *ret)
{
	int err = gl_client_ask_quietly(cli, verb, args, ret);

	if (err)
		return gl_cli_fail(cli, "%s: %s", cli->socket, explain(err));
	show_notes(cli, ret, files);
	if (gl_json_true(ret->whole, "ok"))
		return 0;
	fputs("graylinkctl: ", cli->err);
	gl_grid_text(cli->err, gl_json_string(ret->whole, "error", "refused"));
	fputc('\n', cli->err);
	gl_answer_free(ret);
	return GL_EXIT_FAILED;
}

void gl_answer_free(struct gl_answer *answer)
{
	cJSON_Delete(answer->whole);
	memset(answer, 0, sizeof(*answer));
}

cJSON *gl_client_args(const struct gl_cli *cli, const struct gl_args *args)
{
	const char *message = gl_args_value(args, gl_message_option.name);
	cJSON *object = cJSON_CreateObject();

	if (args->words_n)
		cJSON_AddStringToObject(object, "name", args->words[0]);
	if (cli->namespace)
		cJSON_AddStringToObject(object, "namespace", cli->namespace);
	if (message)
		cJSON_AddStringToObject(object, "message", message);
	if (gl_args_flag(args, "force"))
		cJSON_AddTrueToObject(object, "force");
	return object;
}
