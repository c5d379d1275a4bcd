/* SPDX-License-Identifier: Apache-2.0 */
/* output: values as JSON and YAML, and small readers of JSON objects that never fail. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void yaml_value(FILE *f, const cJSON *v, int indent);

/* Whether YAML reads the string as itself without quotes: conservative, the rest is quoted as in JSON. */
static bool is_plain(const char *s)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no",
					     "on",   "off",   "y",    "n" };
	size_t i;

	if (!(*s == '/' || *s == '_' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return false;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	for (; *s; s++)
		if (!(*s == '/' || *s == '_' || *s == '-' || *s == '.' ||
		      (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		      (*s >= 'A' && *s <= 'Z')))
			return false;
	return true;
}

static void yaml_string(FILE *f, const char *s)
{
	cJSON *v;
	char *quoted;

	if (is_plain(s)) {
		fputs(s, f);
		return;
	}
	v = cJSON_CreateString(s);
	quoted = cJSON_PrintUnformatted(v);
	fputs(quoted ? quoted : "\"\"", f);
	cJSON_free(quoted);
	cJSON_Delete(v);
}

static void yaml_scalar(FILE *f, const cJSON *v)
{
	char *text;

	if (cJSON_IsString(v)) {
		yaml_string(f, v->valuestring);
		return;
	}
	text = cJSON_PrintUnformatted(v);
	fputs(text ? text : "null", f);
	cJSON_free(text);
}

/* A scalar, or what is empty, to the end of the line. */
static void yaml_flat(FILE *f, const cJSON *v)
{
	if (cJSON_IsObject(v) || cJSON_IsArray(v))
		fputs(cJSON_IsObject(v) ? "{}" : "[]", f);
	else
		yaml_scalar(f, v);
	fputc('\n', f);
}

static void yaml_indent(FILE *f, int indent)
{
	fprintf(f, "%*s", indent, "");
}

/* Members of an object; the first stands where the cursor is (behind "- ", or at an indented line's start). */
static void yaml_members(FILE *f, const cJSON *object, int indent)
{
	const cJSON *m;

	for (m = object->child; m; m = m->next) {
		if (m != object->child)
			yaml_indent(f, indent);
		yaml_string(f, m->string);
		fputc(':', f);
		yaml_value(f, m, indent);
	}
}

static void yaml_items(FILE *f, const cJSON *array, int indent)
{
	const cJSON *item;

	for (item = array->child; item; item = item->next) {
		if (item != array->child)
			yaml_indent(f, indent);
		fputc('-', f);
		if (cJSON_IsObject(item) && item->child) {
			fputc(' ', f);
			yaml_members(f, item, indent + 2);
		} else {
			yaml_value(f, item, indent);
		}
	}
}

/* What follows "key:" or "-". */
static void yaml_value(FILE *f, const cJSON *v, int indent)
{
	if ((cJSON_IsObject(v) || cJSON_IsArray(v)) && v->child) {
		fputc('\n', f);
		yaml_indent(f, indent + 2);
		if (cJSON_IsObject(v))
			yaml_members(f, v, indent + 2);
		else
			yaml_items(f, v, indent + 2);
		return;
	}
	fputc(' ', f);
	yaml_flat(f, v);
}

void gl_output_yaml(FILE *f, const cJSON *v)
{
	if (cJSON_IsObject(v) && v->child)
		yaml_members(f, v, 0);
	else if (cJSON_IsArray(v) && v->child)
		yaml_items(f, v, 0);
	else
		yaml_flat(f, v);
}

bool gl_output_value(struct gl_cli *cli, const cJSON *value)
{
	char *text;

	if (cli->output == GL_OUTPUT_YAML) {
		gl_output_yaml(cli->out, value);
		return true;
	}
	if (cli->output != GL_OUTPUT_JSON)
		return false;
	text = cJSON_Print(value);
	fprintf(cli->out, "%s\n", text ? text : "null");
	cJSON_free(text);
	return true;
}

const char *gl_json_string(const cJSON *object, const char *name, const char *def)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(v) ? v->valuestring : def;
}

double gl_json_number(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

bool gl_json_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

const cJSON *gl_json_array(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsArray(v) ? v : NULL;
}

const char *gl_json_join(const cJSON *array, char *buf, size_t size)
{
	size_t len = 0;
	const cJSON *v;
	int n;

	snprintf(buf, size, "-");
	cJSON_ArrayForEach(v, array)
	{
		n = snprintf(buf + len, size - len, "%s%s", len ? "," : "",
			     cJSON_IsString(v) ? v->valuestring : "?");
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += n;
	}
	return buf;
}
