// SPDX-License-Identifier: Apache-2.0
/* json_rows: see json_rows.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json_rows.h"

cJSON *json_rows(const char *path)
{
	char name[256], *text;
	FILE *file;
	cJSON *json;
	long size;

	snprintf(name, sizeof(name), "tests/vectors/%s", path);
	file = fopen(name, "r");
	if (!file)
		fail_msg("%s cannot be read: run the test in the root of the tree", name);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	text[size] = '\0';
	fclose(file);
	json = cJSON_Parse(text);
	free(text);
	assert_true(cJSON_IsArray(json));
	return json;
}

size_t json_hex(const cJSON *item, void *out, size_t size)
{
	const char *text;
	size_t i;

	assert_true(cJSON_IsString(item));
	text = item->valuestring;
	assert_true(strlen(text) / 2 < size);
	for (i = 0; text[2 * i]; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };

		((unsigned char *)out)[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	((unsigned char *)out)[i] = '\0';
	return i;
}

const char *json_text(const cJSON *row, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}
