// SPDX-License-Identifier: Apache-2.0
/*
 * disk: the set of releases in the state directory.
 *
 *	ids.json		names and ids of services and lanes
 *	releases/<ns>.<name>.json	one release each
 *	pending.json		an apply of several releases: its rename is the moment at which all of them become valid;
 *				their own files follow, and whoever starts next finishes that
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "release/set.h"

#define IDS	"ids.json"
#define PENDING "pending.json"

static void complain(const struct gl_releases *set, const char *name, const char *text)
{
	struct gl_why why;

	if (!set->ops.complain)
		return;
	gl_why_set(&why, 0, "%s/%s: %s; it is set aside as %s.corrupt, and the rest goes on",
		   set->store.dir, name, text, name);
	set->ops.complain(set->ops.ctx, why.text);
}

static int no_memory(struct gl_why *why)
{
	return gl_why_set(why, -ENOMEM, "out of memory");
}

int gl_set_write_ids(struct gl_releases *set, struct gl_why *why)
{
	cJSON *json = gl_ids_save(set->ids);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	int err = 0;

	cJSON_Delete(json);
	if (!text)
		return no_memory(why);
	if (!set->ids_text || strcmp(text, set->ids_text))
		err = gl_store_write(&set->store, IDS, text, why);
	if (err) {
		free(text);
		return err;
	}
	free(set->ids_text);
	set->ids_text = text;
	return 0;
}

static int write_record(struct gl_releases *set, const struct gl_record *record, struct gl_why *why)
{
	cJSON *json = gl_record_to_json(record, set->ids, set->boot);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	char name[PATH_MAX];
	int err;

	cJSON_Delete(json);
	if (!text)
		return no_memory(why);
	gl_store_name(name, sizeof(name), record->pub.spec->namespace, record->pub.spec->name);
	err = gl_store_write(&set->store, name, text, why);
	free(text);
	return err;
}

static int remove_record(struct gl_releases *set, const struct gl_record *record,
			 struct gl_why *why)
{
	char name[PATH_MAX];

	gl_store_name(name, sizeof(name), record->pub.spec->namespace, record->pub.spec->name);
	return gl_store_remove(&set->store, name, why);
}

static int write_change(struct gl_releases *set, const struct gl_change *change, struct gl_why *why)
{
	return change->draft ? write_record(set, change->draft, why) :
			       remove_record(set, change->old, why);
}

static int write_pending(struct gl_releases *set, const struct gl_changes *changes,
			 struct gl_why *why)
{
	cJSON *json = cJSON_CreateArray();
	char *text;
	size_t i;
	int err;

	for (i = 0; i < changes->n; i++)
		if (changes->items[i].draft)
			cJSON_AddItemToArray(json, gl_record_to_json(changes->items[i].draft,
								     set->ids, set->boot));
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!text)
		return no_memory(why);
	err = gl_store_write(&set->store, PENDING, text, why);
	free(text);
	return err;
}

/* A journal that could not be settled must not meet younger files: first it goes. */
static int clear_pending(struct gl_releases *set, struct gl_why *why)
{
	int err = 0;
	size_t i;

	for (i = 0; i < set->n && !err; i++)
		err = write_record(set, set->records[i], why);
	if (!err)
		err = gl_store_remove(&set->store, PENDING, why);
	set->pending = err != 0;
	return err;
}

int gl_set_write(struct gl_releases *set, const struct gl_changes *changes, struct gl_why *why)
{
	int err = set->pending ? clear_pending(set, why) : 0;

	if (err || !changes->n)
		return err;
	return changes->n == 1 ? write_change(set, &changes->items[0], why) :
				 write_pending(set, changes, why);
}

int gl_set_settle(struct gl_releases *set, const struct gl_changes *changes, struct gl_why *why)
{
	int err = 0;
	size_t i;

	if (changes->n < 2)
		return 0;
	for (i = 0; i < changes->n && !err; i++)
		err = write_change(set, &changes->items[i], why);
	if (!err)
		err = gl_store_remove(&set->store, PENDING, why);
	set->pending = err != 0;
	return err;
}

void gl_set_unwrite(struct gl_releases *set, const struct gl_changes *changes)
{
	const struct gl_change *change = changes->items;

	if (changes->n > 1)
		set->pending = gl_store_remove(&set->store, PENDING, NULL) != 0;
	else if (changes->n && change->old)
		write_record(set, change->old, NULL);
	else if (changes->n)
		remove_record(set, change->draft, NULL);
}

/* Adds the ids of one release's file to those that are known; numbers that contradict are left out. */
static void merge_ids(cJSON *to, const cJSON *from)
{
	static const char *const kinds[] = { "services", "lanes" };
	const cJSON *item, *other;
	bool taken;
	cJSON *list;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		list = cJSON_GetObjectItemCaseSensitive(to, kinds[i]);
		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(from, kinds[i]))
		{
			taken = !cJSON_IsNumber(item);
			cJSON_ArrayForEach(other, list)
			{
				taken |= !strcmp(other->string, item->string) ||
					 other->valuedouble == item->valuedouble;
			}
			if (!taken)
				cJSON_AddNumberToObject(list, item->string, item->valuedouble);
		}
	}
}

/* Reads one file as JSON; what is no JSON is set aside. NULL: not there, or of no use. */
static cJSON *read_json(struct gl_releases *set, const char *name)
{
	char *text = NULL;
	cJSON *json;
	int err;

	err = gl_store_read(&set->store, name, &text);
	if (err == -ENOENT)
		return NULL;
	json = err ? NULL : cJSON_Parse(text);
	free(text);
	if (json)
		return json;
	complain(set, name, err ? strerror(-err) : "it is no JSON (truncated or damaged)");
	gl_store_set_aside(&set->store, name);
	return NULL;
}

/* ids.json, or what the releases' own files remember of it. */
static int load_ids(struct gl_releases *set, const cJSON *remembered, struct gl_why *why)
{
	cJSON *json = read_json(set, IDS), *all;
	int err;

	if (json && !gl_ids_load(json, &set->ids)) {
		set->ids_text = cJSON_PrintUnformatted(json);
		cJSON_Delete(json);
		return 0;
	}
	if (json) {
		complain(set, IDS, "it is damaged");
		gl_store_set_aside(&set->store, IDS);
	}
	cJSON_Delete(json);
	all = cJSON_CreateObject();
	cJSON_AddObjectToObject(all, "services");
	cJSON_AddObjectToObject(all, "lanes");
	cJSON_ArrayForEach(json, remembered) merge_ids(all, json);
	err = gl_ids_load(all, &set->ids);
	cJSON_Delete(all);
	return err ? gl_why_set(why, err, "load the ids: %s", strerror(-err)) : 0;
}

static int add_record(struct gl_releases *set, struct gl_record *record)
{
	struct gl_record **records = realloc(set->records, (set->n + 1) * sizeof(*records));
	size_t at;

	if (!records)
		return -ENOMEM;
	set->records = records;
	for (at = set->n; at && gl_record_order(records[at - 1], record) > 0; at--)
		records[at] = records[at - 1];
	records[at] = record;
	set->n++;
	return 0;
}

/* One release of a file. -EINVAL: complained about. */
static int load_record(struct gl_releases *set, const char *name, const cJSON *json,
		       cJSON *remembered)
{
	struct gl_record *record;
	struct gl_why why;
	int err;

	err = gl_record_from_json(json, set->boot, gl_set_now(set), &record, &why);
	if (!err && gl_set_find(set, record->pub.spec->namespace, record->pub.spec->name)) {
		gl_record_free(record);
		err = gl_why_set(&why, -EINVAL, "its release is in another file, too");
	}
	if (err == -ENOMEM)
		return err;
	if (err) {
		complain(set, name, why.text);
		gl_store_set_aside(&set->store, name);
		return 0;
	}
	cJSON_AddItemToArray(remembered,
			     cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(json, "ids"), true));
	err = add_record(set, record);
	if (err)
		gl_record_free(record);
	return err;
}

/* Finishes an apply that was interrupted between its moment and its files. */
static int finish_pending(struct gl_releases *set, struct gl_why *why)
{
	cJSON *json = read_json(set, PENDING);
	const cJSON *item;
	int err = 0;

	cJSON_ArrayForEach(item, json)
	{
		struct gl_record *record;
		struct gl_why words;
		char name[PATH_MAX], *text;

		if (err)
			break;
		if (gl_record_from_json(item, set->boot, gl_set_now(set), &record, &words)) {
			complain(set, PENDING, words.text);
			gl_store_set_aside(&set->store, PENDING);
			break;
		}
		gl_store_name(name, sizeof(name), record->pub.spec->namespace,
			      record->pub.spec->name);
		gl_record_free(record);
		text = cJSON_PrintUnformatted(item);
		err = text ? gl_store_write(&set->store, name, text, why) : no_memory(why);
		free(text);
	}
	if (json && !err)
		err = gl_store_remove(&set->store, PENDING, why);
	cJSON_Delete(json);
	return err;
}

int gl_set_load(struct gl_releases *set, struct gl_why *why)
{
	cJSON *remembered = cJSON_CreateArray(), *json;
	char **names = NULL;
	size_t n = 0, i;
	int err;

	err = finish_pending(set, why);
	if (!err) {
		err = gl_store_list(&set->store, "releases", &names, &n);
		if (err)
			gl_why_set(why, err, "list the state directory: %s", strerror(-err));
	}
	for (i = 0; i < n; i++) {
		json = err ? NULL : read_json(set, names[i]);
		if (json)
			err = load_record(set, names[i], json, remembered);
		if (json && err)
			no_memory(why);
		cJSON_Delete(json);
		free(names[i]);
	}
	free(names);
	if (!err)
		err = load_ids(set, remembered, why);
	cJSON_Delete(remembered);
	return err;
}
