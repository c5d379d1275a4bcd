// SPDX-License-Identifier: Apache-2.0
/*
 * load: sends what plan.c decides over one or more connections and compares every answer. One thread. A request that
 * failed is counted; its connection is given up and opened anew.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define FAILURES_MAX 200	/* then there is no point in going on: an unreachable server would take 3 s each time */

enum wire_state { WIRE_IDLE, WIRE_CONNECTING, WIRE_SENDING };

/* One connection of the client, over all its sockets. */
struct wire {
	struct link *link;		/* the socket at this time, NULL: none */
	unsigned int id;
	enum wire_state state;
	bool opened;			/* a first connection was made */
	bool repeated;			/* the request is sent for the second time */
	struct plan plan;
	uint64_t start_ns, wake_ns;	/* of the request; when the next one may start */
	uint64_t body_sent;
	struct buf in, out;
	struct http_head head;
	struct http_body framing;
	bool head_seen, body_wrong;
	char version[32], pod[64];
};

/* The watch has a life of its own, as the loop may still hold events for a socket that was given up. */
struct link {
	struct watch watch;
	struct wire *wire;
	uint64_t answers;
};

static struct load_options opt;
static struct load_tally tally;
static struct loop loop;
static struct wire wires[LOAD_CONNECTIONS];
static unsigned int active;
static bool stopping;
static unsigned int failures;	/* requests that brought no answer */
static uint64_t started;	/* requests given out, for the rate */
static FILE *log_file;

static void wire_ready(struct watch *w, uint32_t events);

static void wire_drop(struct wire *wire)
{
	struct link *link = wire->link;

	wire->link = NULL;
	wire->in.off = wire->in.len = wire->out.off = wire->out.len = 0;
	if (link)
		loop_release(&loop, &link->watch, link);
}

static void wire_rest(struct wire *wire)
{
	uint64_t now = now_ns();

	if (wire->state != WIRE_IDLE)
		active--;
	wire->state = WIRE_IDLE;
	wire->wake_ns = now + opt.think_ns;
}

static void wire_fail(struct wire *wire, enum load_error kind, const char *detail)
{
	tally_error(&tally, kind, &wire->plan, detail);
	if (opt.stop_on_error || ++failures == FAILURES_MAX)
		stopping = true;
	wire_drop(wire);
	wire_rest(wire);
}

static bool wire_connect(struct wire *wire)
{
	int fd = net_connect(&opt.target);
	struct link *link;

	if (fd < 0) {
		wire_fail(wire, LOAD_CONNECT, strerror(-fd));
		return false;
	}
	link = calloc(1, sizeof(*link));
	if (!link)
		die("no memory for a connection");
	link->wire = wire;
	link->watch.fd = fd;
	link->watch.ready = wire_ready;
	wire->link = link;
	tally.connections++;
	if (wire->opened && !opt.close)
		tally.reopened++;
	wire->opened = true;
	wire->state = WIRE_CONNECTING;
	if (loop_add(&loop, &link->watch))
		die("epoll: %s", strerror(errno));
	return true;
}

static void fill_body(struct wire *wire)
{
	static char data[65536];
	uint64_t left = wire->plan.size - wire->body_sent;
	size_t len = left < sizeof(data) ? (size_t)left : sizeof(data);

	pattern_fill(data, len, wire->plan.pattern, wire->body_sent);
	wire->body_sent += len;
	if (opt.chunked)
		buf_printf(&wire->out, "%zx\r\n", len);
	buf_add(&wire->out, data, len);
	if (opt.chunked)
		buf_add(&wire->out, "\r\n", 2);
	if (opt.chunked && wire->body_sent == wire->plan.size)
		buf_add(&wire->out, "0\r\n\r\n", 5);
	tally.sent += len;
}

/* Reading may still bring an answer, so a send that failed is left to the read. */
static void wire_send(struct wire *wire)
{
	bool body = wire->plan.kind == LOAD_ECHO;

	for (;;) {
		if (body && wire->body_sent < wire->plan.size && buf_size(&wire->out) < 65536)
			fill_body(wire);
		if (!buf_size(&wire->out) ||
		    net_write(wire->link->watch.fd, &wire->out, opt.write_most))
			return;
		if (buf_size(&wire->out))
			return;
	}
}

/* Sends the request of the plan, over a new socket if there is none. */
static void wire_begin(struct wire *wire)
{
	wire->state = WIRE_SENDING;
	wire->head_seen = wire->body_wrong = false;
	wire->body_sent = 0;
	if (!wire->link && !wire_connect(wire))
		return;
	plan_head(&opt, &wire->plan, &wire->out);
	if (wire->plan.kind == LOAD_ECHO && opt.chunked && !wire->plan.size)
		buf_add(&wire->out, "0\r\n\r\n", 5);
	if (wire->state == WIRE_SENDING)
		wire_send(wire);
}

static void wire_start(struct wire *wire)
{
	if (stopping || !plan_next(&opt, &wire->plan)) {
		stopping = true;
		return;
	}
	tally.requests++;
	started++;
	active++;
	wire->repeated = false;
	wire->start_ns = now_ns();
	wire_begin(wire);
}

static void write_log(const struct wire *wire)
{
	fprintf(log_file, "%llu\t%u\t%s\t%llu\t%d\t%s\t%s\t%llu\t%llu\n",
		(unsigned long long)wire->plan.seq, wire->id, wire->plan.gray ? "gray" : "base",
		(unsigned long long)wire->plan.user, wire->head.status, wire->version, wire->pod,
		(unsigned long long)(wire->start_ns / 1000), (unsigned long long)(now_ns() / 1000));
}

static void copy_text(char *to, size_t size, struct http_text from)
{
	snprintf(to, size, "%.*s", from.at ? (int)from.len : 1, from.at ? from.at : "-");
}

/* The head of the answer is complete: everything in it that can be wrong. */
static void judge_head(struct wire *wire)
{
	struct http_text seq = http_header(&wire->head, "x-seq");
	char want[24];

	copy_text(wire->version, sizeof(wire->version), http_header(&wire->head, "x-version"));
	copy_text(wire->pod, sizeof(wire->pod), http_header(&wire->head, "x-pod"));
	snprintf(want, sizeof(want), "%llu", (unsigned long long)wire->plan.seq);
	/* A server that does not know x-seq (nginx) answers without it. */
	if (seq.at && !http_is(seq, want))
		tally_error(&tally, LOAD_SEQUENCE, &wire->plan, "the answer names another request");
}

static void judge_answer(struct wire *wire)
{
	struct http_text version = { wire->version, strlen(wire->version) };
	char detail[128];

	if (strcmp(opt.expect_status, "any") && atoi(opt.expect_status) != wire->head.status) {
		snprintf(detail, sizeof(detail), "status %d from %s", wire->head.status, wire->pod);
		tally_error(&tally, LOAD_STATUS, &wire->plan, detail);
	}
	if (wire->plan.version && strcmp(wire->plan.version, wire->version)) {
		snprintf(detail, sizeof(detail), "answered by %s (%s), not %s", wire->version,
			 wire->pod, wire->plan.version);
		tally_error(&tally, LOAD_VERSION, &wire->plan, detail);
	}
	if (wire->plan.kind != LOAD_PLAIN && strcmp(opt.method, "HEAD") &&
	    (wire->body_wrong || wire->framing.total != wire->plan.size)) {
		snprintf(detail, sizeof(detail), "%s, %llu bytes from %s",
			 wire->body_wrong ? "a byte differs" : "wrong length",
			 (unsigned long long)wire->framing.total, wire->pod);
		tally_error(&tally, LOAD_BODY, &wire->plan, detail);
	}
	if (!plan_sticky(&opt, &wire->plan, version))
		tally_error(&tally, LOAD_STICKY, &wire->plan,
			    "the user was on the new version before");
	tally_answer(&tally, version, now_ns() - wire->start_ns);
	if (log_file)
		write_log(wire);
}

static void wire_finish(struct wire *wire)
{
	bool keep = wire->head.keep_alive && !opt.close &&
		    wire->framing.kind != HTTP_BODY_UNTIL_CLOSE;

	judge_answer(wire);
	wire->head_seen = false;
	wire->link->answers++;
	if (buf_size(&wire->in)) {
		wire_fail(wire, LOAD_MALFORMED, "bytes after the answer");
		return;
	}
	if (!keep)
		wire_drop(wire);
	wire_rest(wire);
}

/* Takes what is buffered; true if the answer is complete and the wire at rest (or failed). */
static bool wire_parse(struct wire *wire)
{
	struct http_text data;
	long n;

	while (!wire->head_seen) {
		n = http_head_parse(buf_at(&wire->in), buf_size(&wire->in), true, &wire->head);
		if (!n)
			return false;
		if (n < 0) {
			wire_fail(wire, LOAD_MALFORMED, "head of the answer");
			return true;
		}
		if (wire->head.status >= 200) {
			wire->head_seen = true;
			judge_head(wire);
			http_body_response(&wire->framing, &wire->head,
					   !strcmp(opt.method, "HEAD"));
		}
		buf_consume(&wire->in, (size_t)n);
	}
	while (!wire->framing.done && buf_size(&wire->in)) {
		uint64_t off = wire->framing.total;

		n = http_body_feed(&wire->framing, buf_at(&wire->in), buf_size(&wire->in), &data);
		if (n < 0) {
			wire_fail(wire, LOAD_MALFORMED, "body of the answer");
			return true;
		}
		if (!n)
			return false;
		if (wire->plan.kind != LOAD_PLAIN &&
		    !pattern_check(data.at, data.len, wire->plan.pattern, off))
			wire->body_wrong = true;
		tally.received += data.len;
		buf_consume(&wire->in, (size_t)n);
	}
	if (!wire->framing.done)
		return false;
	wire_finish(wire);
	return true;
}

/* The socket ended or broke: with a request under way that is an error, else only a connection to open anew. */
static void wire_broken(struct wire *wire, int err)
{
	char detail[96];

	if (wire->state == WIRE_IDLE) {
		wire_drop(wire);
		return;
	}
	if (err == EPIPE && wire->head_seen && wire->framing.kind == HTTP_BODY_UNTIL_CLOSE) {
		wire_finish(wire);
		return;
	}
	/* A server may close a kept-alive connection just as a request sets out; every client sends that once more. */
	if (opt.allow_reopen && wire->link->answers && !wire->head_seen && !buf_size(&wire->in) &&
	    !wire->repeated) {
		tally.repeated++;
		wire->repeated = true;
		wire_drop(wire);
		wire_begin(wire);
		return;
	}
	snprintf(detail, sizeof(detail), "%s on connection %u",
		 err == EPIPE ? "closed by the server" : strerror(err), wire->id);
	if (wire->state == WIRE_CONNECTING)
		wire_fail(wire, LOAD_CONNECT, detail);
	else
		wire_fail(wire, err == EPIPE ? LOAD_CLOSED : LOAD_RESET, detail);
}

static void wire_ready(struct watch *w, uint32_t events)
{
	struct wire *wire = ((struct link *)w)->wire;
	int n;

	if (wire->state == WIRE_CONNECTING) {
		int err = net_error(w->fd);

		if (err || !(events & EPOLLOUT)) {
			if (err)
				wire_broken(wire, err);
			return;
		}
		wire->state = WIRE_SENDING;
	}
	if (wire->state == WIRE_SENDING)
		wire_send(wire);
	while ((n = net_read(w->fd, &wire->in, buf_size(&wire->in) + (1 << 18))) > 0) {
		if (wire->state == WIRE_IDLE) {
			tally_error(&tally, LOAD_MALFORMED, &wire->plan,
				    "bytes that answer no request");
			wire_drop(wire);
			return;
		}
		if (wire_parse(wire) && w->gone)
			return;
	}
	if (n < 0)
		wire_broken(wire, -n);
	else if (wire->state == WIRE_IDLE && !opt.think_ns && opt.rate <= 0)
		wire_start(wire);
}

/* Starts what may start and gives up what waits for too long. Returns how long the loop may sleep, in milliseconds. */
static int wires_tick(uint64_t now)
{
	uint64_t due =
		opt.rate > 0 ? tally.start_ns + (uint64_t)((double)started / opt.rate * 1e9) : 0;
	int sleep = 20;

	for (unsigned int i = 0; i < opt.connections; i++) {
		struct wire *wire = &wires[i];

		if (wire->state != WIRE_IDLE) {
			if (now - wire->start_ns > opt.timeout_ns && now > wire->start_ns)
				wire_fail(wire, LOAD_TIMEOUT, "no complete answer in time");
			continue;
		}
		if (stopping)
			continue;
		if (wire->wake_ns <= now && due <= now) {
			wire_start(wire);
			due = opt.rate > 0 ? tally.start_ns +
						     (uint64_t)((double)started / opt.rate * 1e9) :
					     0;
		}
		if (wire->state == WIRE_IDLE)
			sleep = 1;
	}
	return sleep;
}

int load_main(int argc, char **argv)
{
	bool right;

	load_parse(argc, argv, &opt);
	if (loop_open(&loop))
		die("epoll: %s", strerror(errno));
	log_file = opt.log_path ? fopen(opt.log_path, "w") : NULL;
	if (opt.log_path && !log_file)
		die("%s: %s", opt.log_path, strerror(errno));
	plan_open(&opt);
	tally_open(&tally);
	for (unsigned int i = 0; i < opt.connections; i++)
		wires[i].id = i;
	while (!stopping || active) {
		uint64_t now = now_ns();

		if (opt.duration_ns && now - tally.start_ns > opt.duration_ns)
			stopping = true;
		if (loop_round(&loop, wires_tick(now)))
			die("epoll: %s", strerror(errno));
	}
	tally.end_ns = now_ns();
	for (unsigned int i = 0; i < opt.connections; i++)
		wire_drop(&wires[i]);
	plan_close(&opt);
	if (log_file && fclose(log_file))
		die("%s: %s", opt.log_path, strerror(errno));
	right = tally_print(&tally, &opt, stdout);
	free(tally.histogram);
	return right ? 0 : 1;
}
