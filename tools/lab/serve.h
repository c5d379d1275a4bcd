/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: the lab's service. serve.c answers clients, upstream.c calls other services over kept-alive connections; this is
 * what they share.
 */
#ifndef LAB_SERVE_H
#define LAB_SERVE_H

#include "http.h"
#include "net.h"

#define SERVE_UPSTREAMS 8
#define SERVE_FORWARDS 32

struct call;

struct upstream {
	char name[64];
	struct address address;
	struct call *idle;		/* kept-alive connections, last used first */
};

struct serve_options {
	const char *name, *version, *pod, *log_path, *ready_path;
	struct address listen[4];
	unsigned int listen_count;
	struct upstream upstreams[SERVE_UPSTREAMS];
	unsigned int upstream_count;
	const char *forward[SERVE_FORWARDS];	/* header names, or prefixes that end with '*' */
	unsigned int forward_count;
	uint64_t idle_close_ns, delay_ns, pool_idle_ns;
	unsigned long close_after;		/* requests per connection, 0: any number */
	bool chunked;
};

struct server {
	struct serve_options opt;
	struct loop loop;
	int log_fd;
	uint64_t requests, retries;
	struct client *clients;
};

int serve_run(struct server *server);
bool serve_forwards(const struct server *server, struct http_text name);

/* What one call to an upstream brought: `json` is its answer, or an object that names the error. */
struct call_result {
	bool failed;
	struct buf *json;
};

/* upstream.c: starts a call; done() is called exactly once, from the loop. -EMFILE: no connection could be made. */
typedef void (*call_done)(void *owner, unsigned int index, const struct call_result *result);
int call_start(struct server *server, unsigned int index, struct http_text target,
	       const struct http_head *head, call_done done, void *owner);
void call_close_idle(struct server *server, uint64_t now);	/* pooled connections that were idle for too long */

#endif
