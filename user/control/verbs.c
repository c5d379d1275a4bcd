// SPDX-License-Identifier: Apache-2.0
/*
 * verbs: one request line in, one answer line out. The dispatch table, the checks that every request passes, and the
 * helpers of handlers. No sockets, no clock: see server.c for those.
 */
#include "control/control.h"

#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 1024 /* bytes of args.message, as the protocol says */

int gl_reply_fail(struct gl_reply *reply, enum gl_code code, const char *fmt, ...)
{
	va_list ap;

	if (reply->code != GL_CODE_OK)
		return -1;
	reply->code = code;
	va_start(ap, fmt);
	if (vasprintf(&reply->error, fmt, ap) < 0)
		reply->error = NULL;
	va_end(ap);
	return -1;
}

enum gl_code gl_code_of(int err)
{
	switch (-err) {
	case 0:
		return GL_CODE_OK;
	case ENOENT:
		return GL_CODE_NOT_FOUND;
	case EEXIST:
	case EBUSY:
		return GL_CODE_CONFLICT;
	case EINVAL:
		return GL_CODE_INVALID;
	case ENOMEM:
		return GL_CODE_INTERNAL;
	default:
		return GL_CODE_UNAVAILABLE;
	}
}

static void add_line(cJSON **list, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	if (!*list)
		*list = cJSON_CreateArray();
	cJSON_AddItemToArray(*list, cJSON_CreateString(text));
	free(text);
}

void gl_reply_message(struct gl_reply *reply, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&reply->messages, fmt, ap);
	va_end(ap);
}

void gl_reply_warning(struct gl_reply *reply, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&reply->warnings, fmt, ap);
	va_end(ap);
}

/* An answer that comes later. */
struct gl_pending {
	struct gl_reply reply;
	cJSON *id;
	void (*done)(void *ctx, char *answer);
	void *ctx;
};

struct gl_pending *gl_reply_later(struct gl_reply *reply)
{
	if (!reply->pending)
		reply->pending = calloc(1, sizeof(*reply->pending));
	return reply->pending;
}

struct gl_reply *gl_pending_reply(struct gl_pending *pending)
{
	return &pending->reply;
}

void gl_pending_watch(struct gl_pending *pending, void (*done)(void *ctx, char *answer), void *ctx)
{
	pending->done = done;
	pending->ctx = ctx;
}

void gl_reply_clear(struct gl_reply *reply)
{
	free(reply->error);
	cJSON_Delete(reply->data);
	cJSON_Delete(reply->messages);
	cJSON_Delete(reply->warnings);
	cJSON_Delete(reply->diagnostics);
	memset(reply, 0, sizeof(*reply));
}

int gl_ask_string(const struct gl_ask *ask, const char *name, const char *def, const char **ret,
		  struct gl_reply *reply)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(ask->args, name);

	*ret = def;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsString(item))
		return gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.%s: must be a string", name);
	*ret = item->valuestring;
	return 0;
}

int gl_ask_number(const struct gl_ask *ask, const char *name, double def, double *ret,
		  struct gl_reply *reply)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(ask->args, name);

	*ret = def;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
		return gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.%s: must be a number", name);
	*ret = item->valuedouble;
	return 0;
}

int gl_ask_flag(const struct gl_ask *ask, const char *name, bool def, bool *ret,
		struct gl_reply *reply)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(ask->args, name);

	*ret = def;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsBool(item))
		return gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.%s: must be true or false",
				     name);
	*ret = cJSON_IsTrue(item);
	return 0;
}

int gl_verbs_add(struct gl_verbs *verbs, const struct gl_verb *verb)
{
	size_t i;

	for (i = 0; i < verbs->n; i++)
		if (!strcmp(verbs->rows[i].name, verb->name))
			return -EEXIST;
	if (verbs->n == GL_CONTROL_VERBS_MAX)
		return -ENOSPC;
	verbs->rows[verbs->n++] = *verb;
	return 0;
}

static const struct gl_verb *find(const struct gl_verbs *verbs, const char *name)
{
	size_t i;

	for (i = 0; i < verbs->n; i++)
		if (!strcmp(verbs->rows[i].name, name))
			return &verbs->rows[i];
	return NULL;
}

/* Is @name one of the words of @list, which are separated by spaces? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at = list;

	while (len && (at = strstr(at, name))) {
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
		at += len;
	}
	return false;
}

/* The members of args are those that the verb knows, each once. */
static int check_args(const struct gl_verb *verb, const cJSON *args, struct gl_reply *reply)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, args)
	{
		if (strchr(item->string, ' ') ||
		    !(listed(verb->args, item->string) ||
		      (verb->changes && !strcmp(item->string, "message"))))
			return gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
					     "args.%.64s: %s does not know it", item->string,
					     verb->name);
		if (cJSON_GetObjectItemCaseSensitive(args, item->string) != item)
			return gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args.%.64s: given twice",
					     item->string);
	}
	return 0;
}

/* A message lands in histories and logs: no control characters, bounded. */
static int check_message(struct gl_ask *ask, struct gl_reply *reply)
{
	const char *p;

	if (gl_ask_string(ask, "message", "", &ask->message, reply))
		return -1;
	if (strlen(ask->message) > MESSAGE_MAX)
		return gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
				     "args.message: longer than %d bytes", MESSAGE_MAX);
	for (p = ask->message; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
					     "args.message: control characters are not allowed");
	return 0;
}

static const char *user_name(uid_t uid, char *buf, size_t size)
{
	struct passwd pw, *found = NULL;
	char scratch[4096];

	if (!uid)
		return "root";
	if (!getpwuid_r(uid, &pw, scratch, sizeof(scratch), &found) && found)
		snprintf(buf, size, "%s", pw.pw_name);
	else
		snprintf(buf, size, "%u", uid);
	return buf;
}

static void handle(const struct gl_verbs *verbs, const cJSON *request, uid_t uid, pid_t pid,
		   struct gl_reply *reply)
{
	struct gl_ask ask = { .uid = uid, .pid = pid, .message = "" };
	const cJSON *verb = cJSON_GetObjectItemCaseSensitive(request, "verb");
	const cJSON *item;
	const struct gl_verb *row;
	char name[256];

	cJSON_ArrayForEach(item, request)
	{
		if (strcmp(item->string, "id") && strcmp(item->string, "verb") &&
		    strcmp(item->string, "args")) {
			gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
				      "%.64s: a request holds id, verb and args", item->string);
			return;
		}
	}
	if (!cJSON_IsString(verb)) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "verb: must be a string");
		return;
	}
	row = find(verbs, verb->valuestring);
	if (!row) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "unknown verb %.64s", verb->valuestring);
		return;
	}
	ask.verb = row->name;
	ask.args = cJSON_GetObjectItemCaseSensitive(request, "args");
	if (ask.args && !cJSON_IsObject(ask.args)) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args: must be an object");
		return;
	}
	if (check_args(row, ask.args, reply) || check_message(&ask, reply))
		return;
	ask.user = user_name(uid, name, sizeof(name));
	row->handle(row->ctx, &ask, reply);
}

/* Moves @value into the answer, an empty array where there is none. */
static void put_list(cJSON *answer, const char *name, cJSON **value)
{
	cJSON_AddItemToObject(answer, name, *value ? *value : cJSON_CreateArray());
	*value = NULL;
}

char *gl_reply_print(struct gl_reply *reply, const cJSON *id)
{
	static const char *const words[] = {
#define X(n, w) w,
		GL_CODES(X)
#undef X
	};
	cJSON *answer = cJSON_CreateObject();
	char *line;

	if (!answer)
		return NULL;
	cJSON_AddItemToObject(answer, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	cJSON_AddBoolToObject(answer, "ok", reply->code == GL_CODE_OK);
	if (reply->code != GL_CODE_OK) {
		cJSON_AddStringToObject(answer, "code", words[reply->code]);
		cJSON_AddStringToObject(answer, "error",
					reply->error ? reply->error : "out of memory");
		put_list(answer, "diagnostics", &reply->diagnostics);
	} else {
		cJSON_AddItemToObject(answer, "data",
				      reply->data ? reply->data : cJSON_CreateObject());
		reply->data = NULL;
		put_list(answer, "messages", &reply->messages);
		if (reply->diagnostics)
			put_list(answer, "diagnostics", &reply->diagnostics);
		if (reply->generation)
			cJSON_AddNumberToObject(answer, "generation", reply->generation);
	}
	put_list(answer, "warnings", &reply->warnings);
	line = cJSON_PrintUnformatted(answer);
	cJSON_Delete(answer);
	return line;
}

/* The answer line, of a length that a client may take. */
static char *print_bounded(struct gl_reply *reply, const cJSON *id)
{
	char *answer = gl_reply_print(reply, id);

	if (answer && strlen(answer) > GL_CONTROL_REPLY_MAX) {
		free(answer);
		gl_reply_clear(reply);
		gl_reply_fail(reply, GL_CODE_UNAVAILABLE,
			      "the answer is longer than %u bytes: ask for less",
			      GL_CONTROL_REPLY_MAX);
		answer = gl_reply_print(reply, id);
	}
	gl_reply_clear(reply);
	return answer;
}

void gl_pending_answer(struct gl_pending *pending)
{
	char *answer = print_bounded(&pending->reply, pending->id);

	if (pending->done)
		pending->done(pending->ctx, answer);
	else
		free(answer);
	cJSON_Delete(pending->id);
	free(pending);
}

/* The handler has begun; somebody else ends it with what is in @reply so far. */
static struct gl_pending *put_off(struct gl_reply *reply, const cJSON *id)
{
	struct gl_pending *pending = reply->pending;

	reply->pending = NULL;
	pending->reply = *reply;
	pending->id = id ? cJSON_Duplicate(id, true) : NULL;
	return pending;
}

char *gl_verbs_answer(const struct gl_verbs *verbs, const struct gl_line *line, bool *ret_close,
		      struct gl_pending **ret_later)
{
	const char *text = line->text, *after = text + line->len, *end = NULL;
	struct gl_reply reply = { 0 };
	const cJSON *id = NULL;
	cJSON *request;
	char *answer = NULL;

	*ret_later = NULL;
	/* cJSON reads up to a NUL, and accepts bytes behind the value: both are ours to refuse. */
	request = memchr(text, '\0', line->len) ?
			  NULL :
			  cJSON_ParseWithLengthOpts(text, line->len, &end, 0);
	while (request && end < after && strchr(" \t\r", *end))
		end++;
	*ret_close = !request || end != after || !cJSON_IsObject(request);
	if (*ret_close) {
		gl_reply_fail(&reply, GL_CODE_BAD_REQUEST,
			      "a request is one JSON object on one line");
	} else {
		id = cJSON_GetObjectItemCaseSensitive(request, "id");
		if (id && !cJSON_IsNumber(id) && !cJSON_IsString(id) && !cJSON_IsNull(id)) {
			id = NULL;
			gl_reply_fail(&reply, GL_CODE_BAD_REQUEST,
				      "id: must be a number or a string");
		} else {
			handle(verbs, request, line->uid, line->pid, &reply);
		}
	}
	if (reply.pending)
		*ret_later = put_off(&reply, id);
	else
		answer = print_bounded(&reply, id);
	cJSON_Delete(request);
	return answer;
}
