/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: a read-only server for Prometheus, probes and people, on the agent's loop: libmicrohttpd without threads, whose
 * epoll descriptor is one source of ours. It serves four texts that are made when asked for; it opens no file, follows no
 * path, and takes no input but the method and the target. Limits bound what a client may hold: connections, bytes of a
 * head, seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/observe.h"

#define CONNECTIONS_MAX 64U
#define CONNECTION_S	10U		/* without progress */
#define CONNECTION_MEM	((size_t)32 << 10)	/* head and buffers of one connection */
#define BACKLOG		64
#define RUNS_MAX	64		/* rounds per gl_http_run(): others on the loop wait too */

struct gl_http {
	struct MHD_Daemon *daemon;
	struct gl_http_options options;
	u16 port;
};

struct answer {
	unsigned int code;
	const char *type;
	char *text;		/* of malloc, becomes the response's */
	size_t len;
};

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_JSON "application/json"
#define TYPE_HTML "text/html; charset=utf-8"

static const char front_page[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>graylink</title>\n"
	"<h1>graylink</h1>\n<p>This node's agent. Changes go through <code>graylinkctl</code>.</p>\n"
	"<ul><li><a href=\"/api/v1/status\">status</a> (JSON)\n<li><a href=\"/metrics\">metrics</a> (Prometheus)\n"
	"<li><a href=\"/readyz\">ready</a>\n<li><a href=\"/healthz\">alive</a>\n</ul></html>\n";

static void say(struct answer *a, unsigned int code, const char *type, const char *text)
{
	a->code = code;
	a->type = type;
	a->text = strdup(text);
	a->len = a->text ? strlen(text) : 0;
}

static void answer_metrics(struct gl_http *http, struct answer *a)
{
	gl_observe_refresh(http->options.observe); /* what could not be read is as of the last record */
	a->code = MHD_HTTP_OK;
	a->type = GL_METRICS_TYPE;
	gl_observe_metrics(http->options.observe, &a->text, &a->len);
}

static void answer_status(struct gl_http *http, struct answer *a)
{
	a->text = http->options.status ? http->options.status(http->options.ctx) : NULL;
	a->len = a->text ? strlen(a->text) : 0;
	a->code = MHD_HTTP_OK;
	a->type = TYPE_JSON;
	if (!a->text)
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE, TYPE_TEXT, "No status at this moment.\n");
}

static void answer_ready(struct gl_http *http, struct answer *a)
{
	const char *why = http->options.ready ? http->options.ready(http->options.ctx) : NULL;
	char line[256];

	snprintf(line, sizeof(line), "%s\n", why ? why : "ready");
	say(a, why ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, TYPE_TEXT, line);
}

static void answer_alive(struct gl_http *http, struct answer *a)
{
	(void)http;
	say(a, MHD_HTTP_OK, TYPE_TEXT, "ok\n");
}

static void answer_front(struct gl_http *http, struct answer *a)
{
	(void)http;
	say(a, MHD_HTTP_OK, TYPE_HTML, front_page);
}

static const struct {
	const char *path;
	void (*answer)(struct gl_http *http, struct answer *a);
} paths[] = {
	{ "/metrics", answer_metrics }, { "/api/v1/status", answer_status },
	{ "/healthz", answer_alive },	{ "/readyz", answer_ready },
	{ "/", answer_front },
};

static void answer_path(struct gl_http *http, const char *path, struct answer *a)
{
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!strcmp(paths[i].path, path)) {
			paths[i].answer(http, a);
			return;
		}
	}
	say(a, MHD_HTTP_NOT_FOUND, TYPE_TEXT,
	    "Nothing is here. There are /metrics, /api/v1/status, /healthz, /readyz and /.\n");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *a)
{
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (!a->text)
		return MHD_NO;	/* no memory: the connection is closed */
	response = MHD_create_response_from_buffer(a->len, a->text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(a->text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", a->type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy",
				"default-src 'none'; frame-ancestors 'none'");
	if (a->code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	ret = MHD_queue_response(connection, a->code, response);
	MHD_destroy_response(response);
	return ret;
}

/* Called with the head, then with pieces of a body (thrown away), then once more: then we answer. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **state)
{
	static const char seen;
	struct answer a = {};

	(void)version;
	(void)body;
	if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
		say(&a, MHD_HTTP_METHOD_NOT_ALLOWED, TYPE_TEXT, "Read-only: GET and HEAD.\n");
		return send_answer(connection, &a);
	}
	if (*state != &seen) {
		*state = (void *)&seen;
		return MHD_YES;
	}
	if (*body_len) {
		*body_len = 0;
		return MHD_YES;
	}
	answer_path(ctx, path, &a);
	return send_answer(connection, &a);
}

/* Splits "host:port" or "[v6]:port" at its last colon; numeric hosts only. */
static int parse_address(const char *text, struct addrinfo **ret)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[64];

	/* getaddrinfo() takes 99999 for a port, and wraps it */
	if (!len || len >= sizeof(host) || !colon[1] ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strtoul(colon + 1, NULL, 10) > 65535)
		return -EINVAL;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return getaddrinfo(host, colon + 1, &hints, ret) ? -EINVAL : 0;
}

static int listen_at(const char *address, u16 *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = {};
	socklen_t len = sizeof(bound);
	struct addrinfo *ai = NULL;
	int err = parse_address(address, &ai), on = 1, fd;

	if (err)
		return err;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG) ||
	    getsockname(fd, &bound.any, &len)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		fd = err;
	}
	freeaddrinfo(ai);
	*ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	return fd;
}

int gl_http_start(const struct gl_http_options *options, struct gl_http **ret)
{
	struct gl_http *http = calloc(1, sizeof(*http));
	int fd;

	if (!http)
		return -ENOMEM;
	http->options = *options;
	fd = listen_at(options->address, &http->port);
	if (fd < 0) {
		free(http);
		return fd;
	}
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
					MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
					CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
					CONNECTION_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					CONNECTION_MEM, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		free(http);
		return -EIO;
	}
	*ret = http;
	return 0;
}

void gl_http_stop(struct gl_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);	/* closes the listening socket, too */
	free(http);
}

int gl_http_fd(const struct gl_http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void gl_http_run(struct gl_http *http)
{
	MHD_UNSIGNED_LONG_LONG wait;
	int i;

	/* libmicrohttpd keeps work that it put off (a timeout of 0): the descriptor does not tell of it. */
	for (i = 0; i < RUNS_MAX; i++) {
		MHD_run(http->daemon);
		if (MHD_get_timeout(http->daemon, &wait) != MHD_YES || wait)
			break;
	}
}

u16 gl_http_port(const struct gl_http *http)
{
	return http->port;
}
