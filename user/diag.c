// SPDX-License-Identifier: Apache-2.0
/* diag: see diag.h. */
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

void gl_diag_init(struct gl_diag *diag)
{
	memset(diag, 0, sizeof(*diag));
}

static void item_free(struct gl_diag_item *item)
{
	free(item->file);
	free(item->field);
	free(item->message);
	free(item->hint);
}

void gl_diag_free(struct gl_diag *diag)
{
	size_t i;

	if (!diag)
		return;
	for (i = 0; i < diag->count; i++)
		item_free(&diag->items[i]);
	free(diag->items);
	gl_diag_init(diag);
}

/* A copy of a string that may be NULL; *failed is set where memory lacks. */
static char *copy(const char *text, bool *failed)
{
	char *ret;

	if (!text)
		return NULL;
	ret = strdup(text);
	if (!ret)
		*failed = true;
	return ret;
}

__attribute__((format(printf, 5, 0))) static void add(struct gl_diag *diag,
						      enum gl_severity severity,
						      const struct gl_diag_place *place,
						      const char *hint, const char *format,
						      va_list args)
{
	struct gl_diag_item *item;
	bool failed = false;

	if (!diag)
		return;
	if (severity == GL_DIAG_ERROR)
		diag->errors++;
	else
		diag->warnings++;
	if (diag->count >= GL_DIAG_MAX)
		return;
	if (!diag->items) {
		diag->items = calloc(GL_DIAG_MAX, sizeof(*diag->items));
		if (!diag->items)
			return;
	}
	item = &diag->items[diag->count];
	memset(item, 0, sizeof(*item));
	item->severity = severity;
	item->pos = place->pos;
	item->file = copy(place->file, &failed);
	item->field = copy(place->field && *place->field ? place->field : NULL, &failed);
	item->hint = copy(hint, &failed);
	if (vasprintf(&item->message, format, args) < 0) {
		item->message = NULL;
		failed = true;
	}
	if (failed)
		item_free(item);
	else
		diag->count++;
}

void gl_diag_error(struct gl_diag *diag, const struct gl_diag_place *place, const char *hint,
		   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, GL_DIAG_ERROR, place, hint, format, args);
	va_end(args);
}

void gl_diag_warn(struct gl_diag *diag, const struct gl_diag_place *place, const char *hint,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, GL_DIAG_WARNING, place, hint, format, args);
	va_end(args);
}

/* Does item @a stand behind @b? */
static bool behind(const struct gl_diag_item *a, const struct gl_diag_item *b)
{
	if (a->pos.line != b->pos.line)
		return a->pos.line > b->pos.line;
	if (a->pos.column != b->pos.column)
		return a->pos.column > b->pos.column;
	return strcmp(a->field ? a->field : "", b->field ? b->field : "") > 0;
}

/* By insertion: there are few, and those of one place keep their order. */
void gl_diag_sort(struct gl_diag *diag, size_t first)
{
	size_t i, j;

	for (i = first + 1; diag && i < diag->count; i++) {
		struct gl_diag_item item = diag->items[i];

		for (j = i; j > first && behind(&diag->items[j - 1], &item); j--)
			diag->items[j] = diag->items[j - 1];
		diag->items[j] = item;
	}
}

static void print_item(const struct gl_diag_item *item, FILE *out)
{
	if (item->file)
		fprintf(out, "%s:", item->file);
	if (item->pos.line)
		fprintf(out, "%u:%u:", item->pos.line, item->pos.column);
	if (item->file || item->pos.line)
		fputc(' ', out);
	if (item->severity == GL_DIAG_WARNING)
		fputs("warning: ", out);
	if (item->field)
		fprintf(out, "%s: ", item->field);
	fputs(item->message, out);
	if (item->hint)
		fprintf(out, " (hint: %s)", item->hint);
}

char *gl_diag_format(const struct gl_diag_item *item)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	print_item(item, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

void gl_diag_print(const struct gl_diag *diag, FILE *out)
{
	size_t i;

	for (i = 0; i < diag->count; i++) {
		print_item(&diag->items[i], out);
		fputc('\n', out);
	}
	if (diag->errors + diag->warnings > diag->count)
		fprintf(out, "... and %zu more\n", diag->errors + diag->warnings - diag->count);
}

static cJSON *item_to_json(const struct gl_diag_item *item)
{
	cJSON *json = cJSON_CreateObject();
	bool ok = json;

	ok = ok && cJSON_AddStringToObject(json, "severity",
					   item->severity == GL_DIAG_ERROR ? "error" : "warning");
	if (item->file)
		ok = ok && cJSON_AddStringToObject(json, "file", item->file);
	if (item->pos.line) {
		ok = ok && cJSON_AddNumberToObject(json, "line", item->pos.line);
		ok = ok && cJSON_AddNumberToObject(json, "column", item->pos.column);
	}
	if (item->field)
		ok = ok && cJSON_AddStringToObject(json, "field", item->field);
	ok = ok && cJSON_AddStringToObject(json, "message", item->message);
	if (item->hint)
		ok = ok && cJSON_AddStringToObject(json, "hint", item->hint);
	if (ok)
		return json;
	cJSON_Delete(json);
	return NULL;
}

cJSON *gl_diag_to_json(const struct gl_diag *diag)
{
	cJSON *list = cJSON_CreateArray();
	size_t i;

	if (!list)
		return NULL;
	for (i = 0; i < diag->count; i++) {
		cJSON *item = item_to_json(&diag->items[i]);

		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			cJSON_Delete(list);
			return NULL;
		}
	}
	return list;
}
