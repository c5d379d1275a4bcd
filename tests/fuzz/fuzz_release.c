/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state file of any content: it is refused with words, or it is a release that is written and read again as the same,
 * whose place the machine could be in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "release/record.h"

#define NOW 1000000000000ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct gl_record *record, const struct gl_ids *ids)
{
	cJSON *json = gl_record_to_json(record, ids, "boot");
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	return text;
}

static void again(const struct gl_record *record)
{
	struct gl_ids *ids = gl_ids_new();
	char *first = print(record, ids), *second;
	cJSON *json = cJSON_Parse(first);
	struct gl_record *copy;
	struct gl_why why;

	if (!json || gl_record_from_json(json, "boot", NOW, &copy, &why))
		abort();
	second = print(copy, ids);
	if (strcmp(first, second))
		abort();
	gl_record_free(copy);
	cJSON_Delete(json);
	free(first);
	free(second);
	gl_ids_free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	struct gl_why why = { "" };
	struct gl_record *record;

	if (!json)
		return 0;
	if (gl_record_from_json(json, "boot", NOW, &record, &why)) {
		if (!why.text[0])
			abort();
	} else {
		if (record->pub.at.batch < 1 || record->pub.at.batch > record->pub.plan.count ||
		    !record->pub.history_n)
			abort();
		again(record);
		gl_record_free(record);
	}
	cJSON_Delete(json);
	return 0;
}
