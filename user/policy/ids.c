// SPDX-License-Identifier: Apache-2.0
/*
 * ids: names that last. See policy.h. The order of names is that of their first appearance, which
 * is that of their ids.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ids.h"

/* Names of one kind, by id; open-addressed hash of ids beside it. */
struct names {
	char **by_id;		/* [max + 1]; NULL: not given */
	uint32_t *slots;	/* ids; 0: free */
	uint32_t nslots;	/* a power of two, at least twice max */
	uint32_t max;		/* the highest id that may be given */
	uint32_t last;		/* the highest that was given */
};

struct gl_ids {
	struct names services, lanes;
};

static bool names_init(struct names *names, uint32_t max)
{
	names->max = max;
	for (names->nslots = 16; names->nslots < 2 * max; names->nslots *= 2)
		;
	names->by_id = calloc(max + 1, sizeof(*names->by_id));
	names->slots = calloc(names->nslots, sizeof(*names->slots));
	return names->by_id && names->slots;
}

static void names_free(struct names *names)
{
	uint32_t i;

	for (i = 0; names->by_id && i <= names->max; i++)
		free(names->by_id[i]);
	free(names->by_id);
	free(names->slots);
}

/* The slot of a name, or the free one where it would be. */
static uint32_t *names_slot(const struct names *names, const char *name)
{
	uint32_t hash = 2166136261U;
	const char *at;

	for (at = name; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619U;
	for (;; hash++) {
		uint32_t *slot = &names->slots[hash & (names->nslots - 1)];

		if (!*slot || !strcmp(names->by_id[*slot], name))
			return slot;
	}
}

/* 0, -EEXIST (the name or the id is taken), -ENOSPC (no such id), -ENOMEM. */
static int names_put(struct names *names, const char *name, uint32_t id)
{
	uint32_t *slot = names_slot(names, name);

	if (!id || id > names->max)
		return -ENOSPC;
	if (*slot || names->by_id[id])
		return -EEXIST;
	names->by_id[id] = strdup(name);
	if (!names->by_id[id])
		return -ENOMEM;
	*slot = id;
	if (id > names->last)
		names->last = id;
	return 0;
}

static int names_give(struct names *names, const char *name, uint32_t *ret)
{
	uint32_t id = *names_slot(names, name);
	int err;

	if (!id) {
		id = names->last + 1;
		err = names_put(names, name, id);
		if (err)
			return err;
	}
	*ret = id;
	return 0;
}

struct gl_ids *gl_ids_new(void)
{
	struct gl_ids *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	if (names_init(&ids->services, GL_SERVICES_MAX - 1) &&
	    names_init(&ids->lanes, GL_LANES_MAX - 1))
		return ids;
	gl_ids_free(ids);
	return NULL;
}

void gl_ids_free(struct gl_ids *ids)
{
	if (!ids)
		return;
	names_free(&ids->services);
	names_free(&ids->lanes);
	free(ids);
}

static int load_names(struct names *names, const cJSON *json)
{
	const cJSON *item;
	int err;

	if (!cJSON_IsObject(json))
		return -EINVAL;
	cJSON_ArrayForEach(item, json)
	{
		if (!cJSON_IsNumber(item) || item->valuedouble != item->valueint ||
		    item->valueint < 0)
			return -EINVAL;
		err = names_put(names, item->string, (uint32_t)item->valueint);
		if (err)
			return err == -ENOMEM ? err : -EINVAL;
	}
	return 0;
}

int gl_ids_load(const cJSON *json, struct gl_ids **ret)
{
	struct gl_ids *ids = gl_ids_new();
	int err;

	*ret = NULL;
	if (!ids)
		return -ENOMEM;
	err = load_names(&ids->services, cJSON_GetObjectItemCaseSensitive(json, "services"));
	if (!err)
		err = load_names(&ids->lanes, cJSON_GetObjectItemCaseSensitive(json, "lanes"));
	if (err) {
		gl_ids_free(ids);
		return err;
	}
	*ret = ids;
	return 0;
}

static bool save_names(const struct names *names, cJSON *object)
{
	uint32_t i;

	for (i = 1; object && i <= names->last; i++)
		if (names->by_id[i] && !cJSON_AddNumberToObject(object, names->by_id[i], i))
			return false;
	return object;
}

cJSON *gl_ids_save(const struct gl_ids *ids)
{
	cJSON *root = cJSON_CreateObject();

	if (root && save_names(&ids->services, cJSON_AddObjectToObject(root, "services")) &&
	    save_names(&ids->lanes, cJSON_AddObjectToObject(root, "lanes")))
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* "namespace/name"; NULL: too long to be one. */
static const char *service_key(char *buf, size_t size, const char *namespace, const char *name)
{
	int len = snprintf(buf, size, "%s/%s", namespace, name);

	return len > 0 && (size_t)len < size ? buf : NULL;
}

uint32_t gl_ids_service(const struct gl_ids *ids, const char *namespace, const char *name)
{
	char buf[160];
	const char *key = service_key(buf, sizeof(buf), namespace, name);

	return key ? *names_slot(&ids->services, key) : 0;
}

uint32_t gl_ids_lane(const struct gl_ids *ids, const char *lane)
{
	return *names_slot(&ids->lanes, lane);
}

int gl_ids_give_service(struct gl_ids *ids, const char *namespace, const char *name, uint32_t *ret)
{
	char buf[160];
	const char *key = service_key(buf, sizeof(buf), namespace, name);

	return key ? names_give(&ids->services, key, ret) : -EINVAL;
}

int gl_ids_give_lane(struct gl_ids *ids, const char *lane, uint32_t *ret)
{
	return names_give(&ids->lanes, lane, ret);
}

const char *gl_ids_service_name(const struct gl_ids *ids, uint32_t id)
{
	return id && id <= ids->services.max ? ids->services.by_id[id] : NULL;
}

const char *gl_ids_lane_name(const struct gl_ids *ids, uint32_t id)
{
	if (id == GL_LANE_BASE)
		return "base";
	return id <= ids->lanes.max ? ids->lanes.by_id[id] : NULL;
}
