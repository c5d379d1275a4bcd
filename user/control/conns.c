// SPDX-License-Identifier: Apache-2.0
/* conns: connections as JSON. Numbers of lanes and services are given their names. */
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "control/agent.h"
#include "graylink/conn.h"
#include "graylink/reason.h"

static const char *const pin_words[] = {
#define X(n, w, d) w,
	GL_PINS(X)
#undef X
};

static const char *const leg_words[] = {
	[GL_LEG_NONE] = "none",	      [GL_LEG_OPENING] = "opening", [GL_LEG_OPEN] = "open",
	[GL_LEG_CLOSING] = "closing", [GL_LEG_CLOSED] = "closed",
};

static void put_lane(cJSON *json, const struct gl_ids *ids, uint32_t lane)
{
	const char *name = gl_ids_lane_name(ids, lane);
	char number[16];

	snprintf(number, sizeof(number), "id-%u", lane);
	cJSON_AddStringToObject(json, "lane", name ? name : number);
}

static cJSON *legs_json(const struct gl_ids *ids, const struct gl_conn *conn)
{
	cJSON *list = cJSON_CreateArray(), *json;
	char address[GL_ADDRESS_TEXT];
	uint32_t i;

	for (i = 0; i < GL_LEGS; i++) {
		const struct gl_leg *leg = &conn->leg[i];

		if (leg->state == GL_LEG_NONE || leg->state > GL_LEG_CLOSED)
			continue;
		json = cJSON_CreateObject();
		put_lane(json, ids, leg->lane);
		cJSON_AddStringToObject(json, "address",
					gl_address_text(address, &leg->addr, leg->port));
		cJSON_AddStringToObject(json, "state", leg_words[leg->state]);
		cJSON_AddBoolToObject(json, "active", i == conn->active);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

static void put_service(cJSON *json, const struct gl_ids *ids, uint32_t service)
{
	const char *full = gl_ids_service_name(ids, service);
	const char *slash = full ? strchr(full, '/') : NULL;
	char text[256];

	if (!slash) {
		snprintf(text, sizeof(text), "id-%u", service);
		cJSON_AddStringToObject(json, "service", text);
		cJSON_AddNullToObject(json, "namespace");
		return;
	}
	cJSON_AddStringToObject(json, "service", slash + 1);
	snprintf(text, sizeof(text), "%.*s", (int)(slash - full), full);
	cJSON_AddStringToObject(json, "namespace", text);
}

static cJSON *conn_json(const struct gl_ids *ids, const struct gl_conn *conn)
{
	bool pinned = conn->flags & GL_CONN_PINNED;
	uint64_t moved = conn->used_ns > conn->start_ns ? conn->used_ns : conn->start_ns;
	uint64_t now = gl_now_ns();
	cJSON *json = cJSON_CreateObject();
	char text[GL_ADDRESS_TEXT], ifname[IF_NAMESIZE];

	snprintf(text, sizeof(text), "%016" PRIx64, (uint64_t)conn->id);
	cJSON_AddStringToObject(json, "id", text);
	if (if_indextoname(conn->key.ifindex, ifname))
		cJSON_AddStringToObject(json, "interface", ifname);
	else
		cJSON_AddNullToObject(json, "interface");
	cJSON_AddStringToObject(json, "client",
				gl_address_text(text, &conn->key.client, conn->key.cport));
	cJSON_AddStringToObject(json, "frontend",
				gl_address_text(text, &conn->key.peer, conn->key.pport));
	put_service(json, ids, conn->service);
	put_lane(json, ids, conn->leg[conn->active % GL_LEGS].lane);
	cJSON_AddStringToObject(json, "state",
				pinned					  ? "pinned" :
				(conn->flags & GL_CONN_TRANSLATED) ? "steered" :
								     "native");
	if (pinned && conn->pin < GL_PIN_COUNT)
		cJSON_AddStringToObject(json, "pin", pin_words[conn->pin]);
	else
		cJSON_AddNullToObject(json, "pin");
	cJSON_AddNumberToObject(json, "requests", (double)conn->requests);
	cJSON_AddNumberToObject(json, "idleSeconds",
				now > moved ? (double)((now - moved) / 1000000ULL) / 1e3 : 0);
	cJSON_AddItemToObject(json, "legs", legs_json(ids, conn));
	return json;
}

struct listing {
	const struct gl_ids *ids;
	cJSON *list;
	uint32_t left;
	bool truncated;
	bool (*wanted)(void *ctx, const struct gl_conn *conn);
	void *ctx;
};

static int list_conn(void *ctx, const struct gl_conn *conn)
{
	struct listing *listing = ctx;

	if (listing->wanted && !listing->wanted(listing->ctx, conn))
		return 0;
	if (!listing->left) {
		listing->truncated = true;
		return 1;
	}
	listing->left--;
	cJSON_AddItemToArray(listing->list, conn_json(listing->ids, conn));
	return 0;
}

cJSON *gl_connections_json(struct gl_agent *agent, uint32_t limit, bool *ret_truncated,
			   bool (*wanted)(void *ctx, const struct gl_conn *conn), void *ctx)
{
	struct listing listing = {
		.ids = gl_releases_ids(agent->releases),
		.list = cJSON_CreateArray(),
		.left = limit,
		.wanted = wanted,
		.ctx = ctx,
	};
	int err = gl_datapath_each_conn(agent->dp, list_conn, &listing);

	if (err < 0)
		gl_log(GL_LOG_WARN, "datapath", "read connections: %s", strerror(-err));
	*ret_truncated = listing.truncated || err < 0;
	return listing.list;
}
