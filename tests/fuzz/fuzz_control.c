/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request line of any bytes: it is answered by one line of JSON that has id and ok, it says why when it is not ok, and the
 * handler sees only args that its row names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handle(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const cJSON *item;
	const char *text;
	double number;
	bool flag;

	(void)ctx;
	cJSON_ArrayForEach(item, ask->args)
	{
		if (strcmp(item->string, "name") && strcmp(item->string, "index") &&
		    strcmp(item->string, "force") && strcmp(item->string, "message"))
			abort();
	}
	if (strlen(ask->message) > 1024)
		abort();
	if (gl_ask_string(ask, "name", "", &text, reply) ||
	    gl_ask_number(ask, "index", 0, &number, reply) ||
	    gl_ask_flag(ask, "force", false, &flag, reply))
		return;
	reply->data = cJSON_CreateString(text);
	gl_reply_message(reply, "%s %g %d", ask->message, number, flag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gl_verbs verbs = {
		.rows = { { "batch", "name index force", handle, NULL, true },
			  { "get", "name", handle, NULL, false } },
		.n = 2,
	};
	const struct gl_line request = { .text = (const char *)data, .len = size, .pid = 1 };
	struct gl_pending *later;
	cJSON *answer, *ok;
	char *line;
	bool closes;

	line = gl_verbs_answer(&verbs, &request, &closes, &later);
	if (later || !line || strchr(line, '\n'))
		abort();
	answer = cJSON_Parse(line);
	ok = cJSON_GetObjectItemCaseSensitive(answer, "ok");
	if (!cJSON_IsBool(ok) || !cJSON_GetObjectItemCaseSensitive(answer, "id"))
		abort();
	if (cJSON_IsFalse(ok) && !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(answer, "error")))
		abort();
	if (closes && cJSON_IsTrue(ok))
		abort();
	cJSON_Delete(answer);
	free(line);
	return 0;
}
