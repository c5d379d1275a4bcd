/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: the server side of the control socket. It takes lines of JSON from local clients and calls the handler that
 * registered for the verb; what the handler left in the reply goes back as one line. The protocol is in user/README.md.
 *
 * It knows who asks (SO_PEERCRED) and admits root only. It never blocks: sockets are non-blocking, both directions are
 * buffered and bounded, a client that neither reads nor finishes its line is closed. A handler runs to its end before
 * the next request is looked at, so a reply describes one state. What takes longer is answered later: the client waits,
 * others do not.
 */
#ifndef GL_CONTROL_H
#define GL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "log.h"
#include "loop.h"

/* Bounds of the protocol. A line holds a policy text of up to 1 MiB, which JSON may blow up by escapes. */
#define GL_CONTROL_LINE_MAX	(4U << 20)
#define GL_CONTROL_REPLY_MAX	(16U << 20)
#define GL_CONTROL_CLIENTS_MAX	64
#define GL_CONTROL_VERBS_MAX	48
#define GL_CONTROL_IDLE_NS	60000000000ULL	/* a line begun and not finished, or a reply not read, for this long */

/* Why a request is refused, in a word for programs. */
#define GL_CODES(X) \
	X(OK, "") X(BAD_REQUEST, "BadRequest") X(DENIED, "Denied") X(INVALID, "Invalid") X(NOT_FOUND, "NotFound") \
	X(CONFLICT, "Conflict") X(UNAVAILABLE, "Unavailable") X(INTERNAL, "Internal")

#define GL_X_CODE(n, w)	GL_CODE_##n,
enum gl_code { GL_CODES(GL_X_CODE) GL_CODE_COUNT };

/* One request, as a handler sees it; valid during the call only. */
struct gl_ask {
	const char *verb;
	const cJSON *args;	/* an object, or NULL when the client sent none */
	uid_t uid;		/* of the client, told by the kernel */
	pid_t pid;
	const char *user;	/* its name, or the number where it has none */
	const char *message;	/* args.message: why, in the client's words; "" when there is none */
};

/*
 * What a handler fills in. It starts as an empty success; the server frees what it holds. Ownership of cJSON values that
 * are put here passes to the server.
 */
struct gl_pending;

struct gl_reply {
	enum gl_code code;	/* GL_CODE_OK, or why it is refused; set by gl_reply_fail() */
	char *error;		/* the sentence beside the code */
	cJSON *data;		/* any JSON value; NULL: left out */
	cJSON *messages;	/* array of strings, by gl_reply_message() */
	cJSON *warnings;	/* array of strings, by gl_reply_warning() */
	cJSON *diagnostics;	/* array of objects, from diag.h */
	uint32_t generation;	/* of the image by which every decision is made now; 0: left out */
	struct gl_pending *pending; /* by gl_reply_later(): who will answer; NULL: this is the answer */
};

/* gl_reply_fail: the request is refused with this code and words; the first call counts. Returns -1, for `return`. */
int gl_reply_fail(struct gl_reply *reply, enum gl_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* gl_code_of: the code for a negative errno: ENOENT, EINVAL, EEXIST, EBUSY, ... */
enum gl_code gl_code_of(int err);

/* gl_reply_message, gl_reply_warning: one more line for the person who asked. */
void gl_reply_message(struct gl_reply *reply, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void gl_reply_warning(struct gl_reply *reply, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * gl_reply_later: what the handler leaves in @reply is not the answer yet: somebody goes on with gl_pending_reply() and
 * must end with gl_pending_answer(), which sends it (nobody may be there to take it any more) and frees the pending one.
 * NULL: out of memory, so the handler answers now.
 */
struct gl_pending *gl_reply_later(struct gl_reply *reply);
struct gl_reply *gl_pending_reply(struct gl_pending *pending);
void gl_pending_answer(struct gl_pending *pending);

/* gl_pending_watch: who takes the answer line (to be freed; NULL: out of memory) when it comes. NULL: nobody any more. */
void gl_pending_watch(struct gl_pending *pending, void (*done)(void *ctx, char *answer), void *ctx);

/* gl_reply_clear: frees what the reply holds and makes it an empty success again. */
void gl_reply_clear(struct gl_reply *reply);

/* gl_ask_string, _number, _flag: a member of args, or the default where it is absent. A wrong type is a failure. */
int gl_ask_string(const struct gl_ask *ask, const char *name, const char *def, const char **ret,
		  struct gl_reply *reply);
int gl_ask_number(const struct gl_ask *ask, const char *name, double def, double *ret,
		  struct gl_reply *reply);
int gl_ask_flag(const struct gl_ask *ask, const char *name, bool def, bool *ret,
		struct gl_reply *reply);

/* One row of the verb table. A handler answers through @reply alone. */
struct gl_verb {
	const char *name;
	const char *args;	/* names of the members of args that it knows, separated by spaces */
	void (*handle)(void *ctx, const struct gl_ask *ask, struct gl_reply *reply);
	void *ctx;
	bool changes;		/* it changes something: knows `message`, is logged with who asked */
};

/* The dispatch table, apart from sockets so that it can be tested and fuzzed without one. */
struct gl_verbs {
	struct gl_verb rows[GL_CONTROL_VERBS_MAX];
	size_t n;
};

/* gl_verbs_add: 0, -EEXIST when the name is taken, -ENOSPC when the table is full. The name is not copied. */
int gl_verbs_add(struct gl_verbs *verbs, const struct gl_verb *verb);

/* One line of a client, without the newline. */
struct gl_line {
	const char *text;
	size_t len;
	uid_t uid;
	pid_t pid;
};

/*
 * gl_verbs_answer: parses one request line, calls the handler, returns the answer as one line without a newline (to be
 * freed), or NULL when out of memory. A line that is no request gets an answer that says so; nothing in it is trusted.
 * @ret_close: it was no JSON object, so what follows is not to be read either. @ret_later: not NULL when the answer comes
 * later; then NULL is returned.
 */
char *gl_verbs_answer(const struct gl_verbs *verbs, const struct gl_line *line, bool *ret_close,
		      struct gl_pending **ret_later);

/* gl_reply_print: the answer line for @reply, whose lists and data it takes. @id may be NULL. NULL: out of memory. */
char *gl_reply_print(struct gl_reply *reply, const cJSON *id);

/* The server. */
struct gl_control;

/*
 * gl_control_open: listens at @path (mode 0660, directory made when missing). A socket file that nobody listens on is
 * replaced; one that is in use is -EADDRINUSE. 0 or a negative errno with @why.
 */
int gl_control_open(struct gl_loop *loop, const char *path, const struct gl_verbs *verbs,
		    struct gl_control **ret, struct gl_why *why);

/* gl_control_close: closes every client, removes the socket file. NULL is allowed. */
void gl_control_close(struct gl_control *control);

#endif
