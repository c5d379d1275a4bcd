// SPDX-License-Identifier: Apache-2.0
/*
 * upstream: one request to another service over a pool of kept-alive connections. A request on a reused connection that
 * the server closed before the first byte of an answer is sent once more on a new connection, as every HTTP client does;
 * those repeats are counted, so that a test can demand that there were none.
 */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct call {
	struct watch watch;
	struct server *server;
	struct upstream *up;
	struct call *next_idle;
	unsigned int index;
	call_done done;			/* NULL: idle, or the caller has gone */
	void *owner;
	struct buf request, out, in, body;
	struct http_head head;
	struct http_body framing;
	bool idle, reused, connected, answered;
	uint64_t idle_since_ns;
};

static void call_ready(struct watch *w, uint32_t events);

static void call_free(struct call *call)
{
	if (call->idle) {
		struct call **link = &call->up->idle;

		while (*link && *link != call)
			link = &(*link)->next_idle;
		if (*link)
			*link = call->next_idle;
	}
	buf_free(&call->request);
	buf_free(&call->out);
	buf_free(&call->in);
	buf_free(&call->body);
	loop_release(&call->server->loop, &call->watch, call);
}

static void call_report(struct call *call, bool failed)
{
	struct call_result result = { .failed = failed, .json = &call->body };
	call_done done = call->done;

	call->done = NULL;
	if (done)
		done(call->owner, call->index, &result);
}

static void call_fail(struct call *call, const char *what, int err)
{
	call->body.off = call->body.len = 0;
	buf_printf(&call->body, "{\"service\":\"%s\",\"error\":\"%s: %s\"}", call->up->name, what,
		   err ? strerror(err) : "closed by the server");
	call_report(call, true);
	call_free(call);
}

static struct call *call_open(struct server *server, struct upstream *up)
{
	struct call *call = calloc(1, sizeof(*call));
	int fd;

	if (!call)
		die("no memory for a call");
	call->server = server;
	call->up = up;
	call->watch.ready = call_ready;
	fd = net_connect(&up->address);
	call->watch.fd = fd;
	if (fd < 0 || loop_add(&server->loop, &call->watch)) {
		free(call);
		return NULL;
	}
	return call;
}

/* A failed send needs no answer here: the loop reports the same socket as broken. */
static void call_send(struct call *call)
{
	buf_add(&call->out, buf_at(&call->request), buf_size(&call->request));
	if (call->connected)
		net_write(call->watch.fd, &call->out, SIZE_MAX);
}

/* The connection broke: once more on a fresh one if it was a reused one that had not answered. */
static void call_broken(struct call *call, int err)
{
	struct call *fresh;

	if (call->idle || !call->done) {
		call_free(call);
		return;
	}
	if (!call->reused || call->answered) {
		call_fail(call, call->connected ? "read" : "connect", err == EPIPE ? 0 : err);
		return;
	}
	call->server->retries++;
	fresh = call_open(call->server, call->up);
	if (!fresh) {
		call_fail(call, "connect", EMFILE);
		return;
	}
	fresh->index = call->index;
	fresh->done = call->done;
	fresh->owner = call->owner;
	buf_add(&fresh->request, buf_at(&call->request), buf_size(&call->request));
	call->done = NULL;
	call_free(call);
	call_send(fresh);
}

static void call_finish(struct call *call)
{
	struct http_text type = http_header(&call->head, "content-type");
	struct buf *body = &call->body, quoted = { 0 };

	if (!http_is(type, "application/json")) {
		buf_json(&quoted, buf_at(body), buf_size(body));
		buf_free(body);
		*body = quoted;
	}
	call_report(call, call->head.status >= 500);
	if (!call->head.keep_alive || buf_size(&call->in)) {
		call_free(call);
		return;
	}
	body->off = body->len = 0;
	call->request.off = call->request.len = 0;
	call->idle = true;
	call->idle_since_ns = now_ns();
	call->next_idle = call->up->idle;
	call->up->idle = call;
}

/* Handles what is buffered. Returns false once the call is over. */
static bool call_parse(struct call *call)
{
	struct http_text data;
	long n;

	if (!call->answered) {
		n = http_head_parse(buf_at(&call->in), buf_size(&call->in), true, &call->head);
		if (!n)
			return true;
		if (n < 0) {
			call_fail(call, "malformed answer", EPROTO);
			return false;
		}
		call->answered = true;
		http_body_response(&call->framing, &call->head, false);
		/* The head's texts point into `in`: what is needed later is taken before that moves. */
		call->head.count = 0;
		if (memmem(buf_at(&call->in), (size_t)n, "application/json", 16)) {
			call->head.name[0] = (struct http_text){ "content-type", 12 };
			call->head.value[0] = (struct http_text){ "application/json", 16 };
			call->head.count = 1;
		}
		buf_consume(&call->in, (size_t)n);
	}
	while (!call->framing.done && buf_size(&call->in)) {
		n = http_body_feed(&call->framing, buf_at(&call->in), buf_size(&call->in), &data);
		if (n < 0) {
			call_fail(call, "malformed body", EPROTO);
			return false;
		}
		if (!n)
			break;
		buf_add(&call->body, data.at, data.len);
		buf_consume(&call->in, (size_t)n);
	}
	if (!call->framing.done)
		return true;
	call_finish(call);
	return false;
}

static void call_ready(struct watch *w, uint32_t events)
{
	struct call *call = (struct call *)w;
	int n;

	if (!call->connected) {
		int err = net_error(w->fd);

		if (err || !(events & EPOLLOUT)) {
			if (err)
				call_broken(call, err);
			return;
		}
		call->connected = true;
	}
	net_write(w->fd, &call->out, SIZE_MAX);
	while ((n = net_read(w->fd, &call->in, 1 << 20)) > 0) {
		if (call->idle) {
			call_free(call);	/* bytes that nobody asked for */
			return;
		}
		if (!call_parse(call))
			return;
	}
	if (n < 0) {
		if (n == -EPIPE && call->answered && call->framing.kind == HTTP_BODY_UNTIL_CLOSE) {
			call->head.keep_alive = false;
			call_finish(call);
			return;
		}
		call_broken(call, -n);
	}
}

int call_start(struct server *server, unsigned int index, struct http_text target,
	       const struct http_head *head, call_done done, void *owner)
{
	struct upstream *up = &server->opt.upstreams[index];
	struct call *call = up->idle;
	char host[80];

	if (call) {
		up->idle = call->next_idle;
		call->idle = false;
		call->reused = true;
		call->answered = false;
	} else {
		call = call_open(server, up);
		if (!call)
			return -EMFILE;
	}
	call->index = index;
	call->done = done;
	call->owner = owner;
	address_format(&up->address, host, sizeof(host));
	buf_printf(&call->request, "GET %.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: svc/%s\r\n",
		   (int)target.len, target.at, host, server->opt.name);
	for (unsigned int i = 0; i < head->count; i++)
		if (serve_forwards(server, head->name[i]))
			buf_printf(&call->request, "%.*s: %.*s\r\n", (int)head->name[i].len,
				   head->name[i].at, (int)head->value[i].len, head->value[i].at);
	buf_add(&call->request, "\r\n", 2);
	call_send(call);
	return 0;
}

void call_close_idle(struct server *server, uint64_t now)
{
	for (unsigned int i = 0; i < server->opt.upstream_count; i++) {
		struct call *call, *next;

		for (call = server->opt.upstreams[i].idle; call; call = next) {
			next = call->next_idle;
			if (now - call->idle_since_ns > server->opt.pool_idle_ns)
				call_free(call);
		}
	}
}
