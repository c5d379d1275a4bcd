// SPDX-License-Identifier: Apache-2.0
#include "lib/http_vectors.h"

#include <cjson/cJSON.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/head.h"

static const char *text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int pick(const char *word, const char *const *words, const char *id)
{
	int i;

	for (i = 0; words[i]; i++)
		if (word && !strcmp(word, words[i]))
			return i;
	errx(1, "vector %s: unknown word %s", id, word ? word : "(none)");
}

static enum http_framing framing(const char *word, const char *id)
{
	static const char *const words[] = { "unknown", "none",	 "content_length",
					     "chunked", "other", NULL };

	return word ? (enum http_framing)pick(word, words, id) : HTTP_FRAMING_UNKNOWN;
}

static void read_bytes(struct http_case *ret, const char *hex)
{
	size_t i, len = strlen(hex) / 2;
	unsigned int byte;

	ret->bytes = malloc(len + 1);
	if (!ret->bytes)
		err(1, "vectors");
	for (i = 0; i < len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			errx(1, "vector %s: bad hex", ret->id);
		ret->bytes[i] = byte;
	}
	ret->len = len;
}

static void read_view(struct http_view *ret, const cJSON *view, const char *id)
{
	static const char *const ends[] = { "clean", "incomplete", "error", "upgrade", NULL };
	const cJSON *kinds = cJSON_GetObjectItemCaseSensitive(view, "framing");
	const cJSON *lengths = cJSON_GetObjectItemCaseSensitive(view, "body_len");
	int i;

	ret->by = text(view, "by");
	ret->error = text(view, "error");
	ret->error_in_body = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(view, "body"));
	ret->messages = cJSON_GetObjectItemCaseSensitive(view, "n")->valueint;
	ret->end = pick(text(view, "end"), ends, id);
	for (i = 0; i < ret->messages && i < HTTP_MESSAGES; i++) {
		const cJSON *len = cJSON_GetArrayItem(lengths, i);

		ret->message[i].framing =
			framing(cJSON_GetStringValue(cJSON_GetArrayItem(kinds, i)), id);
		ret->message[i].body_len = len ? (long)len->valuedouble : -1;
	}
}

static void read_case(struct http_case *ret, const cJSON *object)
{
	static const char *const outcomes[] = { "accept", "accept_prefix", "incomplete",
						"reject", "ambiguous",	   "lenient",
						NULL };
	const char *verdict = text(object, "source_verdict");
	const cJSON *item;

	ret->id = text(object, "id");
	ret->response = !strcmp(text(object, "kind"), "response");
	ret->outcome = pick(text(object, "outcome"), outcomes, ret->id);
	ret->source_rejects = verdict && !strcmp(verdict, "reject");
	read_bytes(ret, text(object, "hex"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "messages"))
	{
		struct http_message *message = &ret->message[ret->messages++];

		message->method = text(item, "method");
		message->target = text(item, "target");
		message->framing = framing(text(item, "framing"), ret->id);
		message->body_len = cJSON_GetObjectItemCaseSensitive(item, "body_len")->valueint;
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "views"))
		read_view(&ret->view[ret->views++], item, ret->id);
}

struct http_vectors *http_vectors_load(const char *name)
{
	struct http_vectors *vectors = calloc(1, sizeof(*vectors));
	cJSON *documents = cJSON_CreateArray();
	char path[256], *line = NULL;
	size_t room = 0;
	cJSON *object;
	FILE *file;

	snprintf(path, sizeof(path), "tests/vectors/http/%s", name);
	file = fopen(path, "r");
	if (!vectors || !documents || !file)
		err(1, "%s (tests run in the top directory)", path);
	while (getline(&line, &room, file) > 0) {
		object = cJSON_Parse(line);
		if (!object)
			errx(1, "%s: line %zu is not JSON", path, vectors->cases + 1);
		cJSON_AddItemToArray(documents, object);
		vectors->cases++;
	}
	free(line);
	fclose(file);
	vectors->list = calloc(vectors->cases, sizeof(*vectors->list));
	if (!vectors->list)
		err(1, "vectors");
	room = 0;
	cJSON_ArrayForEach(object, documents) read_case(&vectors->list[room++], object);
	vectors->documents = documents;
	return vectors;
}

void http_vectors_free(struct http_vectors *vectors)
{
	size_t i;

	for (i = 0; i < vectors->cases; i++)
		free(vectors->list[i].bytes);
	free(vectors->list);
	cJSON_Delete(vectors->documents);
	free(vectors);
}

const char *http_pin_word(int cause)
{
#define WORD(name, word, meaning) word,
	static const char *const words[] = { GL_PINS(WORD) };
#undef WORD

	return cause >= 0 && cause < GL_PIN_COUNT ? words[cause] : "?";
}

/* Puts @host behind the request line that begins at @at; returns the new length of the stream. */
static size_t insert_host(unsigned char *bytes, size_t len, size_t at, const char *host)
{
	unsigned char *line = memmem(bytes + at, len - at, "\r\n", 2);
	size_t room = strlen(host);

	if (!line)
		return len;
	line += 2;
	memmove(line + room, line, bytes + len - line);
	memcpy(line, host, room);
	return len + room;
}

/* The head that begins at @at, with Host put in if it lacks it. */
static int scan_head(struct gl_head *head, unsigned char *bytes, size_t *len, size_t at,
		     int response, http_scan scan, const char *host)
{
	static struct gl_head_buf buf;
	size_t n = *len - at < GL_HEAD_MAX ? *len - at : GL_HEAD_MAX;
	int ret;

	memcpy(buf.b, bytes + at, n);
	gl_head_start(head, response, NULL);
	ret = scan(&buf, *len - at, head);
	if (ret == -GL_PIN_HOST && host && !(head->flags & GL_HEAD_HAS_HOST)) {
		*len = insert_host(bytes, *len, at, host);
		ret = scan_head(head, bytes, len, at, response, scan, NULL);
	}
	return ret;
}

void http_walk(struct http_walk *walk, unsigned char *bytes, size_t len, int response,
	       http_scan scan, const char *host)
{
	struct gl_frame *frame;
	struct gl_head *head;
	int ret;

	memset(walk, 0, sizeof(*walk));
	while (walk->off < len && walk->messages < HTTP_MESSAGES) {
		head = &walk->head[walk->messages];
		frame = &walk->frame[walk->messages];
		ret = scan_head(head, bytes, &len, walk->off, response, scan, host);
		walk->stop = HTTP_STOP_MORE;
		if (ret == 0)
			return;
		if (ret > 0)
			walk->cause = response ? -gl_frame_response(head, GL_METHOD_GET, frame) :
						 -gl_frame_request(head, frame);
		else
			walk->cause = -ret;
		walk->stop = HTTP_STOP_PIN;
		if (walk->cause)
			return;
		walk->stop = HTTP_STOP_CHUNKED;
		if (frame->kind == GL_FRAME_CHUNKED)
			return;
		walk->stop = HTTP_STOP_OPAQUE;
		if (frame->kind == GL_FRAME_UNTIL_CLOSE || frame->kind == GL_FRAME_SWITCH)
			return;
		walk->stop = HTTP_STOP_MORE;
		if (frame->kind == GL_FRAME_LENGTH && frame->left > len - walk->off - ret)
			return;
		walk->off += ret + frame->left;
		walk->messages++;
		walk->stop = HTTP_STOP_LAST;
		if (frame->flags & GL_FRAME_LAST && walk->off < len)
			return;
		walk->stop = HTTP_STOP_CLEAN;
	}
}

struct gl_head_buf *http_guarded_buf(unsigned char fill)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(struct gl_head_buf) + page - 1) / page * page;
	unsigned char *at =
		mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mprotect(at + size, page, PROT_NONE))
		err(1, "guarded buffer");
	memset(at, fill, size);
	return (struct gl_head_buf *)(at + size - sizeof(struct gl_head_buf));
}

void http_guarded_free(struct gl_head_buf *buf)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(struct gl_head_buf) + page - 1) / page * page;

	munmap((unsigned char *)buf + sizeof(struct gl_head_buf) - size, size + page);
}
