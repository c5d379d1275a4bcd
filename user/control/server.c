// SPDX-License-Identifier: Apache-2.0
/*
 * server: the Unix socket under the verb table. Non-blocking, both directions buffered and bounded; a client is one line
 * at a time: while its answer is not written out, nothing more is read from it, so a client that does not read stops
 * only itself. The same holds while its answer is still being made (gl_reply_later).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"

#define READ_CHUNK 65536
#define TURN_LINES 16		/* lines answered before others have their turn */
#define TICK_NS	   5000000000ULL	/* how often idle clients are looked for */

struct client {
	struct gl_control *control;
	struct client *next, **link;
	struct gl_source *source;
	int fd;
	uid_t uid;
	pid_t pid;
	char *in;		/* bytes of lines not answered yet */
	size_t in_len, in_size;
	size_t scanned;		/* of them, without a newline */
	char *out;		/* the answer being written */
	size_t out_len, out_at;
	struct gl_pending *later; /* who will answer its line; NULL: nothing is under way */
	bool closing;		/* close it when the answer is out */
	bool backlog;		/* whole lines may wait in the buffer */
	bool eof;		/* it has sent all that it will send */
	uint64_t moved_ns;	/* last byte in or out */
};

struct gl_control {
	struct gl_loop *loop;
	const struct gl_verbs *verbs;
	struct sockaddr_un addr;
	int fd;
	dev_t dev;		/* of the socket file: we remove only our own */
	ino_t ino;
	struct gl_source *source;
	struct gl_source *timer;
	struct client *clients;
	size_t n;
};

static void client_free(struct client *client)
{
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	client->control->n--;
	if (client->later)
		gl_pending_watch(client->later, NULL, NULL);
	gl_source_free(client->source);
	close(client->fd);
	free(client->in);
	free(client->out);
	free(client);
}

/* Takes over @answer, a line without newline; NULL: out of memory, and the client goes. */
static void client_answer(struct client *client, char *answer)
{
	size_t len;
	char *line;

	if (!answer) {
		client->closing = true;
		return;
	}
	len = strlen(answer);
	line = realloc(answer, len + 1);
	if (!line) {
		free(answer);
		client->closing = true;
		return;
	}
	line[len] = '\n';
	client->out = line;
	client->out_len = len + 1;
	client->out_at = 0;
}

static void client_refuse(struct client *client, enum gl_code code, const char *text)
{
	struct gl_reply reply = { 0 };

	gl_reply_fail(&reply, code, "%s", text);
	client_answer(client, gl_reply_print(&reply, NULL));
	gl_reply_clear(&reply);
	client->closing = true;
}

/* Writes what can be written. False: the client is gone. */
static bool client_write(struct client *client)
{
	ssize_t n;

	while (client->out) {
		n = send(client->fd, client->out + client->out_at, client->out_len - client->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		client->moved_ns = gl_now_ns();
		client->out_at += (size_t)n;
		if (client->out_at == client->out_len) {
			free(client->out);
			client->out = NULL;
		}
	}
	return true;
}

static void client_ready(void *ctx, int fd, uint32_t events);

/* The answer that was put off is there. */
static void client_later(void *ctx, char *answer)
{
	struct client *client = ctx;

	client->later = NULL;
	client->moved_ns = gl_now_ns();
	client_answer(client, answer);
	client_ready(client, client->fd, 0);
}

/* Has a whole line answered. */
static void client_ask(struct client *client, size_t len)
{
	const struct gl_line line = {
		.text = client->in,
		.len = len,
		.uid = client->uid,
		.pid = client->pid,
	};
	char *answer;

	answer = gl_verbs_answer(client->control->verbs, &line, &client->closing, &client->later);
	if (client->later)
		gl_pending_watch(client->later, client_later, client);
	else
		client_answer(client, answer);
}

/* Answers the first whole line in the buffer. False: there is none. */
static bool client_line(struct client *client)
{
	char *end;
	size_t len;

	end = client->in_len > client->scanned ?
		      memchr(client->in + client->scanned, '\n', client->in_len - client->scanned) :
		      NULL;
	if (!end) {
		client->scanned = client->in_len;
		if (client->in_len <= GL_CONTROL_LINE_MAX)
			return false;
		client_refuse(client, GL_CODE_BAD_REQUEST, "the line is too long");
		return true;
	}
	len = (size_t)(end - client->in);
	if (len > GL_CONTROL_LINE_MAX)
		client_refuse(client, GL_CODE_BAD_REQUEST, "the line is too long");
	else
		client_ask(client, len);
	client->in_len -= len + 1;
	memmove(client->in, end + 1, client->in_len);
	client->scanned = 0;
	return true;
}

/* Reads one chunk. False: the client is gone. */
static bool client_read(struct client *client)
{
	size_t size = client->in_len + READ_CHUNK;
	ssize_t n;
	char *in;

	if (client->in_size < size) {
		in = realloc(client->in, size * 2);
		if (!in)
			return false;
		client->in = in;
		client->in_size = size * 2;
	}
	n = recv(client->fd, client->in + client->in_len, READ_CHUNK, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		client->eof = true;
	client->in_len += (size_t)n;
	client->moved_ns = gl_now_ns();
	return true;
}

static void client_ready(void *ctx, int fd, uint32_t events)
{
	struct client *client = ctx;
	int lines = 0;

	(void)fd;
	/* Only a hang-up is told of while the answer is being made. */
	if (client->later && events)
		goto gone;
	if (!client->out && !client->backlog && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) &&
	    !client_read(client))
		goto gone;
	do {
		if (!client_write(client))
			goto gone;
		client->backlog = !client->out && !client->closing && !client->later &&
				  client_line(client);
	} while (client->backlog && ++lines < TURN_LINES);
	client->backlog |= client->out || client->later;
	if (!client->out && !client->later &&
	    (client->closing || (client->eof && !client->backlog)))
		goto gone;
	/* While something is left to answer only room for it interests us; a hang-up comes unasked. */
	if (gl_source_events(client->source, client->later   ? 0 :
					     client->backlog ? EPOLLOUT :
							       EPOLLIN))
		goto gone;
	/* A policy's line is not kept as memory for the next small one. */
	if (!client->in_len && client->in_size > 4 * READ_CHUNK) {
		free(client->in);
		client->in = NULL;
		client->in_size = 0;
	}
	return;
gone:
	client_free(client);
}

static int client_new(struct gl_control *control, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	int err;

	if (!client)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		err = -errno;
		free(client);
		return err;
	}
	client->control = control;
	client->fd = fd;
	client->uid = cred.uid;
	client->pid = cred.pid;
	client->moved_ns = gl_now_ns();
	err = gl_loop_add_fd(control->loop, fd, EPOLLIN, client_ready, client, &client->source);
	if (err) {
		free(client);
		return err;
	}
	client->next = control->clients;
	client->link = &control->clients;
	if (client->next)
		client->next->link = &client->next;
	control->clients = client;
	if (++control->n > GL_CONTROL_CLIENTS_MAX)
		client_refuse(client, GL_CODE_UNAVAILABLE, "too many clients");
	else if (cred.uid)
		client_refuse(client, GL_CODE_DENIED, "only root may ask");
	if (client->closing)
		client_ready(client, fd, 0);
	return 0;
}

static void accept_ready(void *ctx, int fd, uint32_t events)
{
	struct gl_control *control = ctx;
	int client;

	(void)events;
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client >= 0 && client_new(control, client))
		close(client);
}

/* Closes clients that keep a line or an answer half done. Clients that wait between requests cost only their place. */
static void tick(void *ctx)
{
	struct gl_control *control = ctx;
	struct client *client, *next;
	uint64_t now = gl_now_ns();

	for (client = control->clients; client; client = next) {
		next = client->next;
		if (!client->later &&
		    (client->out || client->in_len || control->n > GL_CONTROL_CLIENTS_MAX / 2) &&
		    now - client->moved_ns > GL_CONTROL_IDLE_NS)
			client_free(client);
	}
}

/* Is somebody listening at the address? */
static bool in_use(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool used;

	if (fd < 0)
		return false;
	used = !connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN;
	close(fd);
	return used;
}

/* Makes the directory of the socket, one level. */
static void make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0755);
	}
}

static int listen_at(struct gl_control *control, struct gl_why *why)
{
	const char *path = control->addr.sun_path;
	struct stat st;
	mode_t mask;
	int err;

	make_parent(path);
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return gl_why_set(why, -EEXIST, "%s exists and is no socket: remove it",
					  path);
		if (in_use(&control->addr))
			return gl_why_set(why, -EADDRINUSE, "%s is in use: another graylinkd runs",
					  path);
		unlink(path);
	}
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return gl_why_set(why, -errno, "make a socket: %s", strerror(errno));
	/* The file is born with its mode: no instant at which others could connect. */
	mask = umask(0117);
	err = bind(control->fd, (struct sockaddr *)&control->addr, sizeof(control->addr)) ? -errno :
											    0;
	umask(mask);
	if (err || listen(control->fd, 128))
		return gl_why_set(why, err ? err : -errno, "listen at %s: %s", path,
				  strerror(err ? -err : errno));
	if (!lstat(path, &st)) {
		control->dev = st.st_dev;
		control->ino = st.st_ino;
	}
	return 0;
}

int gl_control_open(struct gl_loop *loop, const char *path, const struct gl_verbs *verbs,
		    struct gl_control **ret, struct gl_why *why)
{
	struct gl_control *control;
	int err;

	control = calloc(1, sizeof(*control));
	if (!control)
		return gl_why_set(why, -ENOMEM, "out of memory");
	control->fd = -1;
	control->loop = loop;
	control->verbs = verbs;
	control->addr.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(control->addr.sun_path)) {
		err = gl_why_set(why, -ENAMETOOLONG, "the socket's path is longer than %zu bytes",
				 sizeof(control->addr.sun_path) - 1);
		goto fail;
	}
	strcpy(control->addr.sun_path, path);
	err = listen_at(control, why);
	if (err)
		goto fail;
	err = gl_loop_add_fd(loop, control->fd, EPOLLIN, accept_ready, control, &control->source);
	if (!err)
		err = gl_loop_add_timer(loop, tick, control, &control->timer);
	if (!err)
		err = gl_timer_arm(control->timer, TICK_NS, TICK_NS);
	if (err) {
		gl_why_set(why, err, "listen at %s: %s", path, strerror(-err));
		goto fail;
	}
	*ret = control;
	return 0;
fail:
	gl_control_close(control);
	return err;
}

void gl_control_close(struct gl_control *control)
{
	struct stat st;

	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	gl_source_free(control->source);
	gl_source_free(control->timer);
	if (control->ino && !lstat(control->addr.sun_path, &st) && st.st_ino == control->ino &&
	    st.st_dev == control->dev)
		unlink(control->addr.sun_path);
	if (control->fd >= 0)
		close(control->fd);
	free(control);
}
