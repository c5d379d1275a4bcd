// SPDX-License-Identifier: Apache-2.0
/*
 * serve: answers clients, one thread, any number of connections. Paths:
 *   /bytes/N[?seed=S]   N bytes of the pattern of net.h
 *   /echo               the request's body
 *   /sum                JSON: length and FNV-1a sum of the request's body
 *   /status/CODE        an empty answer with that status
 *   anything else       JSON: who answered, and what the upstreams answered to the same target
 * SIGTERM: it takes no new connections, answers what it has and goes.
 * Every answer carries x-service, x-version, x-pod and the request's x-seq, so that a client can tell who answered what.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum client_state { CLIENT_HEAD, CLIENT_BODY, CLIENT_WORK, CLIENT_SEND };

struct client {
	struct watch watch;
	struct server *server;
	struct client *next, *prev;
	enum client_state state;
	struct address peer;
	uint64_t active_ns, due_ns;	/* last byte seen; when a delayed answer is due */
	unsigned long served;
	struct buf in, head_text, body, out;
	struct http_head head;
	struct http_body framing;
	uint64_t sum;
	struct buf answers[SERVE_UPSTREAMS];
	unsigned int pending;
	bool failed, last, to_head;
	uint64_t pattern_seed, pattern_off, pattern_left;
};

static void client_step(struct client *client);
static volatile sig_atomic_t leaving;	/* SIGTERM came: no new connections, idle ones close, the others when answered */

bool serve_forwards(const struct server *server, struct http_text name)
{
	for (unsigned int i = 0; i < server->opt.forward_count; i++) {
		const char *want = server->opt.forward[i];
		size_t len = strlen(want);

		if (http_is(name, want))
			return true;
		if (len && want[len - 1] == '*' && name.len >= len - 1 &&
		    !strncasecmp(name.at, want, len - 1))
			return true;
	}
	return false;
}

static void client_close(struct client *client)
{
	if (client->prev)
		client->prev->next = client->next;
	else
		client->server->clients = client->next;
	if (client->next)
		client->next->prev = client->prev;
	buf_free(&client->in);
	buf_free(&client->head_text);
	buf_free(&client->body);
	buf_free(&client->out);
	for (unsigned int i = 0; i < SERVE_UPSTREAMS; i++)
		buf_free(&client->answers[i]);
	loop_release(&client->server->loop, &client->watch, client);
}

/* One line per request, written before the answer leaves: who has the answer can rely on the line. */
static void log_request(struct client *client, int status)
{
	struct server *server = client->server;
	struct http_text seq = http_header(&client->head, "x-seq");
	struct buf line = { 0 };
	char peer[64];

	if (server->log_fd < 0)
		return;
	address_format(&client->peer, peer, sizeof(peer));
	buf_printf(&line, "%s\t%s\t%s\t%.*s\t%.*s\t%.*s\t%d\t%s\t", server->opt.name,
		   server->opt.version, server->opt.pod, seq.at ? (int)seq.len : 1,
		   seq.at ? seq.at : "-", (int)client->head.method.len, client->head.method.at,
		   (int)client->head.target.len, client->head.target.at, status, peer);
	for (unsigned int i = 0; i < client->head.count; i++)
		if (serve_forwards(server, client->head.name[i]))
			buf_printf(&line, "%.*s=%.*s;", (int)client->head.name[i].len,
				   client->head.name[i].at, (int)client->head.value[i].len,
				   client->head.value[i].at);
	buf_add(&line, "\n", 1);
	if (write(server->log_fd, buf_at(&line), buf_size(&line)) < 0)
		die("%s: %s", server->opt.log_path, strerror(errno));
	buf_free(&line);
}

static void answer_head(struct client *client, int status, const char *type, uint64_t length)
{
	struct server *server = client->server;
	struct http_text seq = http_header(&client->head, "x-seq");
	bool bodiless = status == 204 || status == 304;

	server->requests++;
	client->served++;
	client->to_head = http_is(client->head.method, "HEAD");
	client->last = !client->head.keep_alive || leaving ||
		       (server->opt.close_after && client->served >= server->opt.close_after);
	log_request(client, status);
	buf_printf(
		&client->out,
		"HTTP/1.1 %d %s\r\nServer: svc\r\nx-service: %s\r\nx-version: %s\r\nx-pod: %s\r\n",
		status, status < 400 ? "OK" : "Error", server->opt.name, server->opt.version,
		server->opt.pod);
	if (seq.at)
		buf_printf(&client->out, "x-seq: %.*s\r\n", (int)seq.len, seq.at);
	if (!bodiless)
		buf_printf(&client->out, "Content-Type: %s\r\n", type);
	if (!bodiless && server->opt.chunked)
		buf_printf(&client->out, "Transfer-Encoding: chunked\r\n");
	else if (!bodiless)
		buf_printf(&client->out, "Content-Length: %llu\r\n", (unsigned long long)length);
	buf_printf(&client->out, "%s\r\n", client->last ? "Connection: close\r\n" : "");
	client->state = CLIENT_SEND;
}

static void answer_data(struct client *client, const char *data, size_t len)
{
	if (client->to_head || !len)
		return;
	if (client->server->opt.chunked)
		buf_printf(&client->out, "%zx\r\n", len);
	buf_add(&client->out, data, len);
	if (client->server->opt.chunked)
		buf_add(&client->out, "\r\n", 2);
}

static void answer_end(struct client *client)
{
	if (!client->to_head && client->server->opt.chunked)
		buf_add(&client->out, "0\r\n\r\n", 5);
}

static void answer_json(struct client *client)
{
	struct serve_options *opt = &client->server->opt;
	struct http_text seq = http_header(&client->head, "x-seq");
	struct buf body = { 0 };

	buf_printf(&body,
		   "{\"service\":\"%s\",\"version\":\"%s\",\"pod\":\"%s\",\"path\":", opt->name,
		   opt->version, opt->pod);
	buf_json(&body, client->head.target.at, client->head.target.len);
	if (seq.at) {
		buf_printf(&body, ",\"seq\":");
		buf_json(&body, seq.at, seq.len);
	}
	buf_printf(&body, ",\"upstream\":[");
	for (unsigned int i = 0; i < opt->upstream_count; i++) {
		buf_add(&body, ",", i ? 1 : 0);
		buf_add(&body, buf_at(&client->answers[i]), buf_size(&client->answers[i]));
	}
	buf_printf(&body, "]}\n");
	answer_head(client, client->failed ? 502 : 200, "application/json", buf_size(&body));
	answer_data(client, buf_at(&body), buf_size(&body));
	answer_end(client);
	buf_free(&body);
}

static void answer_sum(struct client *client)
{
	struct buf body = { 0 };

	buf_printf(&body, "{\"length\":%llu,\"sum\":\"%016llx\"}\n",
		   (unsigned long long)client->framing.total, (unsigned long long)client->sum);
	answer_head(client, 200, "application/json", buf_size(&body));
	answer_data(client, buf_at(&body), buf_size(&body));
	answer_end(client);
	buf_free(&body);
}

static void upstream_done(void *owner, unsigned int index, const struct call_result *result)
{
	struct client *client = owner;

	size_t len = buf_size(result->json);

	if (len && buf_at(result->json)[len - 1] == '\n')
		len--;
	buf_add(&client->answers[index], buf_at(result->json), len);
	client->failed |= result->failed;
	if (--client->pending)
		return;
	answer_json(client);
	client_step(client);
}

static void call_upstreams(struct client *client)
{
	struct server *server = client->server;

	client->state = CLIENT_WORK;
	client->failed = false;
	client->pending = server->opt.upstream_count;
	for (unsigned int i = 0; i < server->opt.upstream_count; i++) {
		client->answers[i].off = client->answers[i].len = 0;
		if (call_start(server, i, client->head.target, &client->head, upstream_done,
			       client)) {
			buf_printf(&client->answers[i], "{\"error\":\"no connection\"}");
			client->failed = true;
			client->pending--;
		}
	}
	if (!client->pending)
		answer_json(client);
}

static void dispatch(struct client *client)
{
	struct http_text target = client->head.target;
	char path[256];

	snprintf(path, sizeof(path), "%.*s", (int)target.len, target.at);
	if (!strncmp(path, "/bytes/", 7)) {
		const char *seed = strstr(path, "seed=");

		client->pattern_left = strtoull(path + 7, NULL, 10);
		client->pattern_seed = seed ? strtoull(seed + 5, NULL, 10) : 0;
		client->pattern_off = 0;
		answer_head(client, 200, "application/octet-stream", client->pattern_left);
		if (client->to_head)
			client->pattern_left = 0;
		if (!client->pattern_left)
			answer_end(client);
	} else if (!strcmp(path, "/echo")) {
		answer_head(client, 200, "application/octet-stream", buf_size(&client->body));
		answer_data(client, buf_at(&client->body), buf_size(&client->body));
		answer_end(client);
	} else if (!strcmp(path, "/sum")) {
		answer_sum(client);
	} else if (!strncmp(path, "/status/", 8)) {
		int status = atoi(path + 8);

		answer_head(client, status >= 200 && status < 600 ? status : 400, "text/plain", 0);
		if (status != 204 && status != 304)
			answer_end(client);
	} else {
		call_upstreams(client);
	}
}

/* Each returns true if it made progress and the next state can be tried at once. */
static bool step_head(struct client *client)
{
	long n = http_head_parse(buf_at(&client->in), buf_size(&client->in), false, &client->head);

	if (n <= 0) {
		if (n < 0) {
			client->head.count = 0;
			client->head.keep_alive = false;
			client->head.method = client->head.target = (struct http_text){ "?", 1 };
			answer_head(client, 400, "text/plain", 0);
			answer_end(client);
		}
		return n < 0;
	}
	/* The head is kept in a buffer of its own: its texts stay valid while the body goes through `in`. */
	client->head_text.off = client->head_text.len = 0;
	buf_add(&client->head_text, buf_at(&client->in), (size_t)n);
	http_head_parse(client->head_text.data, (size_t)n, false, &client->head);
	buf_consume(&client->in, (size_t)n);
	http_body_request(&client->framing, &client->head);
	client->body.off = client->body.len = 0;
	client->sum = SUM_START;
	client->state = CLIENT_BODY;
	if (client->head.expect && !client->framing.done)
		buf_printf(&client->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return true;
}

static bool step_body(struct client *client)
{
	bool echo = http_is(client->head.target, "/echo"),
	     sum = http_is(client->head.target, "/sum");
	struct http_text data;

	while (!client->framing.done) {
		long n = http_body_feed(&client->framing, buf_at(&client->in),
					buf_size(&client->in), &data);

		if (n < 0) {
			client->head.keep_alive = false;
			answer_head(client, 400, "text/plain", 0);
			answer_end(client);
			return true;
		}
		if (!n)
			return false;
		if (echo)
			buf_add(&client->body, data.at, data.len);
		if (sum)
			client->sum = sum_bytes(client->sum, data.at, data.len);
		buf_consume(&client->in, (size_t)n);
	}
	client->state = CLIENT_WORK;
	if (client->server->opt.delay_ns) {
		client->due_ns = now_ns() + client->server->opt.delay_ns;
		return false;
	}
	dispatch(client);
	return true;
}

static void fill_pattern(struct client *client)
{
	static char data[65536];
	size_t len = client->pattern_left < sizeof(data) ? (size_t)client->pattern_left :
							   sizeof(data);

	pattern_fill(data, len, client->pattern_seed, client->pattern_off);
	answer_data(client, data, len);
	client->pattern_off += len;
	client->pattern_left -= len;
	if (!client->pattern_left)
		answer_end(client);
}

/* Returns false when the socket is full or the connection is over. */
static bool step_send(struct client *client)
{
	while (buf_size(&client->out) || client->pattern_left) {
		if (buf_size(&client->out) < 65536 && client->pattern_left)
			fill_pattern(client);
		if (net_write(client->watch.fd, &client->out, SIZE_MAX)) {
			client_close(client);
			return false;
		}
		client->active_ns = now_ns();
		if (buf_size(&client->out) &&
		    (!client->pattern_left || buf_size(&client->out) >= 65536))
			return false;
	}
	if (client->last) {
		client_close(client);
		return false;
	}
	client->state = CLIENT_HEAD;
	return true;
}

static void client_step(struct client *client)
{
	bool more = true;

	while (more && !client->watch.gone) {
		int n = 0;

		switch (client->state) {
		case CLIENT_HEAD:
		case CLIENT_BODY:
			/* What is buffered first; then what the socket has. */
			more = client->state == CLIENT_HEAD ? step_head(client) : step_body(client);
			if (more || client->state == CLIENT_WORK)
				break;
			if (buf_size(&client->out))
				net_write(client->watch.fd, &client->out, SIZE_MAX);
			n = net_read(client->watch.fd, &client->in,
				     buf_size(&client->in) + (1 << 18));
			more = n > 0;
			if (more)
				client->active_ns = now_ns();
			break;
		case CLIENT_WORK:
			return;
		case CLIENT_SEND:
			more = step_send(client);
			break;
		}
		if (n < 0)
			client_close(client);
	}
}

static void client_ready(struct watch *w, uint32_t events)
{
	(void)events;
	client_step((struct client *)w);
}

static void accept_ready(struct watch *w, uint32_t events);

struct listener {
	struct watch watch;
	struct server *server;
};

static void accept_ready(struct watch *w, uint32_t events)
{
	struct server *server = ((struct listener *)w)->server;

	(void)events;
	for (;;) {
		struct address peer = { .len = sizeof(peer.u) };
		int fd = accept4(w->fd, &peer.u.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct client *client;

		if (fd < 0)
			return;
		client = calloc(1, sizeof(*client));
		if (!client)
			die("no memory for a client");
		client->server = server;
		client->peer = peer;
		client->active_ns = now_ns();
		client->watch.fd = fd;
		client->watch.ready = client_ready;
		client->next = server->clients;
		if (client->next)
			client->next->prev = client;
		server->clients = client;
		if (loop_add(&server->loop, &client->watch))
			die("epoll: %s", strerror(errno));
	}
}

/* Delayed answers and idle connections; only looked at when an option asks for one of them. Runs after every round. */
static void tick(struct server *server)
{
	uint64_t now = now_ns();
	struct client *client, *next;

	if (server->opt.pool_idle_ns)
		call_close_idle(server, now);
	for (client = server->clients; client; client = next) {
		next = client->next;
		if (client->due_ns && now >= client->due_ns) {
			client->due_ns = 0;
			dispatch(client);
			client_step(client);
		} else if (server->opt.idle_close_ns && client->state == CLIENT_HEAD &&
			   !buf_size(&client->in) &&
			   now - client->active_ns > server->opt.idle_close_ns) {
			client_close(client);
		}
	}
}

static void leave(int signal)
{
	(void)signal;
	leaving = 1;
}

/* Closes what waits for nothing; a request that has arrived meanwhile is answered first. True once all have gone. */
static bool left(struct server *server)
{
	struct client *client, *next;

	for (client = server->clients; client; client = next) {
		next = client->next;
		client_step(client);
		if (!client->watch.gone && client->state == CLIENT_HEAD && !buf_size(&client->in))
			client_close(client);
	}
	return !server->clients;
}

int serve_run(struct server *server)
{
	struct serve_options *opt = &server->opt;
	static struct listener listeners[4];
	bool ticking = opt->delay_ns || opt->idle_close_ns || opt->pool_idle_ns;
	int err = loop_open(&server->loop);

	for (unsigned int i = 0; !err && i < opt->listen_count; i++) {
		listeners[i].server = server;
		listeners[i].watch.ready = accept_ready;
		listeners[i].watch.fd = net_listen(&opt->listen[i]);
		err = listeners[i].watch.fd < 0 ? listeners[i].watch.fd :
						  loop_add(&server->loop, &listeners[i].watch);
	}
	if (err)
		die("cannot listen: %s", strerror(-err));
	server->log_fd = opt->log_path ? open(opt->log_path,
					      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) :
					 -1;
	if (opt->log_path && server->log_fd < 0)
		die("%s: %s", opt->log_path, strerror(errno));
	if (opt->ready_path && close(open(opt->ready_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)))
		die("%s: %s", opt->ready_path, strerror(errno));
	signal(SIGTERM, leave);
	while (!err) {
		err = loop_round(&server->loop, opt->delay_ns ? 2 : ticking || leaving ? 100 : -1);
		if (ticking)
			tick(server);
		if (!leaving)
			continue;
		for (unsigned int i = 0; i < opt->listen_count; i++)
			loop_release(&server->loop, &listeners[i].watch, NULL);
		if (left(server))
			break;
	}
	return err;
}
