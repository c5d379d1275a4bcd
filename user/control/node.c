// SPDX-License-Identifier: Apache-2.0
/* node: the verbs about this machine: attach detach bypass check metrics version. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "control/agent.h"
#include "graylink/conn.h"
#include "graylink/limits.h"
#include "version.h"

/* So many connections without any reply are no accident. */
#define ONE_WAY_MIN 5

/* @was: it is attached, or was until now. */
static cJSON *attachment_json(const struct gl_attachment *seen, bool was, bool attached)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", seen->ifname);
	cJSON_AddNumberToObject(json, "ifindex", seen->ifindex);
	if (was)
		cJSON_AddStringToObject(json, "method", seen->tcx ? "tcx" : "clsact");
	else
		cJSON_AddNullToObject(json, "method");
	cJSON_AddBoolToObject(json, "attached", attached);
	return json;
}

/* The row of an attached interface; false: it is not attached. */
static bool attachment(const struct gl_agent *agent, const char *ifname, struct gl_attachment *ret)
{
	const struct gl_attachment *list;
	size_t n = gl_datapath_attachments(agent->dp, &list), i;

	for (i = 0; i < n; i++) {
		if (!strcmp(list[i].ifname, ifname)) {
			*ret = list[i];
			return true;
		}
	}
	return false;
}

static void attach_one(struct gl_agent *agent, const char *ifname, cJSON *items,
		       struct gl_reply *reply)
{
	struct gl_attachment seen = { .ifindex = if_nametoindex(ifname) };
	struct gl_why why;
	int err = gl_ifaces_want(agent, ifname, false, &why);

	if (err < 0) {
		gl_reply_fail(reply, gl_code_of(err), "%s", why.text);
		return;
	}
	if (err) {
		snprintf(seen.ifname, sizeof(seen.ifname), "%s", ifname);
		gl_reply_message(reply, "%s is attached when a release becomes active", ifname);
		cJSON_AddItemToArray(items, attachment_json(&seen, false, false));
	} else if (attachment(agent, ifname, &seen)) {
		cJSON_AddItemToArray(items, attachment_json(&seen, true, true));
	}
}

struct count {
	uint32_t ifindex;	/* 0: any */
	uint32_t n;
};

static int count_one(void *ctx, const struct gl_conn *conn)
{
	struct count *count = ctx;

	if ((conn->flags & GL_CONN_TRANSLATED) &&
	    (!count->ifindex || conn->key.ifindex == count->ifindex))
		count->n++;
	return 0;
}

/* Connections that need the programs to go on. */
static uint32_t count_translated(struct gl_agent *agent, uint32_t ifindex)
{
	struct count count = { .ifindex = ifindex };

	gl_datapath_each_conn(agent->dp, count_one, &count);
	return count.n;
}

static void warn_broken(struct gl_reply *reply, const char *what, uint32_t n)
{
	if (n)
		gl_reply_warning(reply,
				 "%s: %u connections were translated and cannot go on: they break",
				 what, n);
}

static void detach_one(struct gl_agent *agent, const char *ifname, cJSON *items,
		       struct gl_reply *reply)
{
	struct gl_attachment seen = { .ifindex = if_nametoindex(ifname) };
	struct gl_why why;
	bool was = attachment(agent, ifname, &seen);
	uint32_t broken;
	int err;

	if (!was)
		snprintf(seen.ifname, sizeof(seen.ifname), "%s", ifname);
	broken = count_translated(agent, seen.ifindex);
	err = gl_ifaces_unwant(agent, ifname, &why);
	if (err) {
		gl_reply_fail(reply, gl_code_of(err), "%s", why.text);
		return;
	}
	cJSON_AddItemToArray(items, attachment_json(&seen, was, false));
	warn_broken(reply, ifname, broken);
}

/* detach --all: every interface, and every pin. */
static void detach_all(struct gl_agent *agent, cJSON *items, struct gl_reply *reply)
{
	const struct gl_attachment *list;
	struct gl_why why;
	uint32_t broken = count_translated(agent, 0);
	size_t n, i;

	n = gl_datapath_attachments(agent->dp, &list);
	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(items, attachment_json(&list[i], true, false));
	if (gl_ifaces_unwant_all(agent, &why)) {
		gl_reply_fail(reply, GL_CODE_UNAVAILABLE, "%s", why.text);
		return;
	}
	gl_reply_message(reply, "%zu interfaces detached, %s is removed", n, agent->bpffs);
	warn_broken(reply, "detached", broken);
}

/* attach --all: every veth whose peer is in another namespace, from now on. */
static void attach_all(struct gl_agent *agent, cJSON *items, struct gl_reply *reply)
{
	const struct gl_attachment *list;
	size_t n, i;
	int err;

	agent->all = true;
	for (i = 0; i < agent->nwanted; i++)
		agent->wanted[i].off = false;
	err = gl_links_scan(agent->links);
	if (err) {
		gl_reply_fail(reply, GL_CODE_UNAVAILABLE, "list the interfaces: %s",
			      strerror(-err));
		return;
	}
	n = gl_datapath_attachments(agent->dp, &list);
	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(items, attachment_json(&list[i], true, true));
	if (!agent->active)
		gl_reply_message(reply,
				 "pods' interfaces are attached when a release becomes active");
}

static void attach_detach(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(ask->args, "interfaces"), *name;
	bool attach = !strcmp(ask->verb, "attach"), all;
	struct gl_agent *agent = ctx;
	cJSON *items;

	if (gl_ask_flag(ask, "all", false, &all, reply))
		return;
	if (all == (names != NULL) || (names && !cJSON_GetArraySize(names))) {
		gl_reply_fail(reply, GL_CODE_BAD_REQUEST, "args: %s takes either interfaces or all",
			      ask->verb);
		return;
	}
	cJSON_ArrayForEach(name, names)
	{
		if (!cJSON_IsString(name)) {
			gl_reply_fail(reply, GL_CODE_BAD_REQUEST,
				      "args.interfaces: must be a list of names");
			return;
		}
	}
	reply->data = cJSON_CreateObject();
	items = cJSON_AddArrayToObject(reply->data, "interfaces");
	if (all && attach)
		attach_all(agent, items, reply);
	else if (all)
		detach_all(agent, items, reply);
	cJSON_ArrayForEach(name, names)
	{
		if (attach)
			attach_one(agent, name->valuestring, items, reply);
		else
			detach_one(agent, name->valuestring, items, reply);
	}
}

static void bypass(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	bool asks = !cJSON_GetObjectItemCaseSensitive(ask->args, "on"), on;
	struct gl_agent *agent = ctx;
	int err;

	if (gl_ask_flag(ask, "on", false, &on, reply))
		return;
	if (!asks) {
		err = gl_datapath_set_bypass(agent->dp, on);
		if (err) {
			gl_reply_fail(reply, GL_CODE_UNAVAILABLE, "write the controls: %s",
				      strerror(-err));
			return;
		}
		gl_log(GL_LOG_WARN, "datapath", "bypass is %s (by %s%s%s)", on ? "on" : "off",
		       ask->user, ask->message[0] ? ": " : "", ask->message);
	}
	reply->data = cJSON_CreateObject();
	cJSON_AddBoolToObject(reply->data, "bypass", gl_datapath_bypass(agent->dp));
	reply->generation = gl_datapath_generation(agent->dp);
}

static void add_check(cJSON *items, const char *name, const char *level, const char *message,
		      const char *hint)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", name);
	cJSON_AddStringToObject(json, "level", level);
	cJSON_AddStringToObject(json, "message", message);
	if (hint[0])
		cJSON_AddStringToObject(json, "hint", hint);
	else
		cJSON_AddNullToObject(json, "hint");
	cJSON_AddItemToArray(items, json);
}

/* An interface whose pod connects to frontends and never gets an answer past us cannot be steered. */
static void check_iface(const struct gl_agent *agent, const struct gl_attachment *seen,
			cJSON *items)
{
	struct gl_veth veth;
	char name[32], text[128];

	if (bpf_map_lookup_elem(gl_datapath_map(agent->dp, GL_MAP_VETHS), &seen->ifindex, &veth))
		return;
	snprintf(name, sizeof(name), "interface %s", seen->ifname);
	if (veth.syn_out < ONE_WAY_MIN || veth.syn_back) {
		snprintf(text, sizeof(text), "attached by %s, %u connections",
			 seen->tcx ? "a tcx link" : "clsact filters", veth.conns);
		add_check(items, name, "ok", text, "");
		return;
	}
	snprintf(text, sizeof(text), "%llu connections were begun, and no reply came by",
		 (unsigned long long)veth.syn_out);
	add_check(items, name, "warning", text,
		  "another program takes the packets before graylink, or replies go around it "
		  "(bpf_redirect_peer): its connections stay on base");
}

static void check(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	static const char *const levels[] = { "ok", "warning", "error" };
	const struct gl_attachment *list;
	struct gl_check rows[GL_CHECKS_MAX];
	struct gl_agent *agent = ctx;
	cJSON *items;
	size_t n, i;

	(void)ask;
	n = gl_datapath_check(agent->bpffs, rows);
	reply->data = cJSON_CreateObject();
	items = cJSON_AddArrayToObject(reply->data, "items");
	for (i = 0; i < n; i++)
		add_check(items, rows[i].name, levels[rows[i].level], rows[i].text, rows[i].hint);
	n = gl_datapath_attachments(agent->dp, &list);
	for (i = 0; i < n; i++)
		check_iface(agent, &list[i], items);
}

static void metrics(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct gl_agent *agent = ctx;
	char *text;
	size_t len;

	(void)ask;
	gl_observe_refresh(agent->observe);
	if (gl_observe_metrics(agent->observe, &text, &len)) {
		gl_reply_fail(reply, GL_CODE_INTERNAL, "out of memory");
		return;
	}
	reply->data = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->data, "text", text);
	free(text);
}

static void version(void *ctx, const struct gl_ask *ask, struct gl_reply *reply)
{
	struct gl_agent *agent = ctx;
	char time[GL_TIME_TEXT];
	struct utsname u = { 0 };

	(void)ask;
	uname(&u);
	reply->data = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->data, "version", GL_VERSION);
	cJSON_AddNumberToObject(reply->data, "schema", GL_SCHEMA);
	cJSON_AddStringToObject(reply->data, "kernel", u.release);
	cJSON_AddNumberToObject(reply->data, "pid", getpid());
	cJSON_AddStringToObject(reply->data, "started", gl_time_text(time, agent->started_ns));
}

int gl_verbs_node(struct gl_agent *agent)
{
	const struct gl_verb verbs[] = {
		{ "attach", "interfaces all", attach_detach, agent, true },
		{ "detach", "interfaces all", attach_detach, agent, true },
		{ "bypass", "on", bypass, agent, true },
		{ "check", "", check, agent, false },
		{ "metrics", "", metrics, agent, false },
		{ "version", "", version, agent, false },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && !err; i++)
		err = gl_verbs_add(&agent->verbs, &verbs[i]);
	return err;
}
