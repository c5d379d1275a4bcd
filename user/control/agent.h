/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: the whole agent as the verbs see it: the modules that graylinkd made, and the JSON that describes them. The
 * handlers change nothing by themselves: they call release/ and datapath/ and say what came of it.
 */
#ifndef GL_AGENT_H
#define GL_AGENT_H

#include "control/control.h"
#include "datapath/datapath.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "release/release.h"

/* An interface that is to be attached while a release is active. */
struct gl_wanted {
	char ifname[16];
	bool keep;			/* --attach names it: wanted again when it comes back */
	bool off;			/* detached by a person: `auto` leaves it alone */
};

struct gl_agent {
	struct gl_wanted *wanted;
	size_t nwanted;
	bool all;			/* --attach auto: every pod's interface is wanted */
	bool active;			/* some release is neither finished nor deleted */
	const char *bpffs;
	const char *socket;
	const char *policy;		/* --policy: FILE or DIR; NULL: none */
	uint64_t started_ns;		/* CLOCK_REALTIME */
	struct gl_loop *loop;
	struct gl_datapath *dp;
	struct gl_links *links;
	struct gl_releases *releases;
	struct gl_observe *observe;
	struct gl_http *http;		/* NULL: none */
	struct gl_control *control;
	struct gl_verbs verbs;
	struct gl_source *batch_timer;	/* when the next batch's duration has passed */
	struct gl_older_count *older;	/* counts of older connections: the first one runs, the others wait */
	uint64_t *older_hashes;		/* ascending; of the connections that the last one found */
	size_t nolder;
	char names[2][256];		/* answers of the observer's name look-ups */
};

/* agent.c: how the modules hang together. */

/* gl_agent_release_ops: the callbacks that release/ needs. */
void gl_agent_release_ops(struct gl_agent *agent, struct gl_releases_ops *ret);

/* gl_agent_changed: tells the observer and the batch timer what the releases are now. */
void gl_agent_changed(struct gl_agent *agent);

/* gl_agent_start_observe: makes the observer over the datapath's maps. 0 or a negative errno. */
int gl_agent_start_observe(struct gl_agent *agent);

/*
 * ifaces.c: idle means gone: while no release is active, nothing is attached. gl_ifaces_want: the interface is wanted, and
 * attached if a release is active (1: not yet). gl_ifaces_unwant: detached. 0, 1 or a negative errno with @why.
 */
int gl_ifaces_want(struct gl_agent *agent, const char *ifname, bool keep, struct gl_why *why);
int gl_ifaces_unwant(struct gl_agent *agent, const char *ifname, struct gl_why *why);
int gl_ifaces_unwant_all(struct gl_agent *agent, struct gl_why *why);
/* gl_ifaces_start: watches the interfaces; --attach (which it cuts up); what the datapath took over. */
int gl_ifaces_start(struct gl_agent *agent, char *attach, struct gl_why *why);
void gl_ifaces_stop(struct gl_agent *agent);
/* gl_ifaces_changed: the releases changed; _read: rtnetlink has something; _second: nothing translated, nothing active. */
void gl_ifaces_changed(struct gl_agent *agent);
void gl_ifaces_read(struct gl_agent *agent);
void gl_ifaces_second(struct gl_agent *agent);

/* reload.c: gl_agent_reload: reads --policy and applies it; a bad one keeps what is. @cause: start, apply. 0 or -1. */
int gl_agent_reload(struct gl_agent *agent, const char *cause);

/*
 * older.c: gl_agent_count_older: counts the connections that are older than attach. With @reply, whose data it has prepared,
 * a handler answers when the number of those at the releases of @changes is known; NULL: nobody waits for it.
 */
void gl_agent_count_older(struct gl_agent *agent, const struct gl_release_change *changes, size_t n,
			  struct gl_reply *reply);
void gl_agent_stop_older(struct gl_agent *agent);

/* gl_agent_verbs: registers every verb of user/README.md. */
int gl_agent_verbs(struct gl_agent *agent);

/* Their parts. */
int gl_verbs_release(struct gl_agent *agent);	/* apply next batch pause resume rollback retry finish delete */
int gl_verbs_get(struct gl_agent *agent);	/* get history */
int gl_verbs_node(struct gl_agent *agent);	/* attach detach bypass check metrics version */
int gl_verbs_status(struct gl_agent *agent);	/* status */

/* status.c: JSON of user/README.md; NULL or a partial object when out of memory. */
cJSON *gl_status_json(struct gl_agent *agent, const char *namespace, const char *name);
cJSON *gl_release_json(struct gl_agent *agent, const struct gl_release *release);
/* What status and `get releases` have in common: batch (index, count, weight), version, names of entries. */
cJSON *gl_batch_json(const struct gl_release *release);
cJSON *gl_version_json(const struct gl_release_spec *spec);
cJSON *gl_entries_json(const struct gl_release_spec *spec);
cJSON *gl_addresses_json(const struct gl_addresses_spec *addresses);
bool gl_is_entry(const struct gl_release_spec *spec, const char *service);

/*
 * get.c: gl_endpoint_backoff: ns for which the endpoint is not used any more because it failed; 0: it is ready. @ret_health
 * is what the kernel learned about it, kept outside the image.
 */
uint64_t gl_endpoint_backoff(const struct gl_agent *agent, const struct gl_address_spec *endpoint,
			     struct gl_endpoint_health *ret_health);

/* conns.c: connections that @wanted says true of, as in `get connections`. */
struct gl_conn;
cJSON *gl_connections_json(struct gl_agent *agent, uint32_t limit, bool *ret_truncated,
			   bool (*wanted)(void *ctx, const struct gl_conn *conn), void *ctx);

/* text.c: texts of the interface. */
#define GL_TIME_TEXT	32
const char *gl_time_text(char buf[GL_TIME_TEXT], uint64_t wall_ns);
#define GL_ADDRESS_TEXT 64
const char *gl_address_text(char buf[GL_ADDRESS_TEXT], const struct gl_addr *addr, __be16 port);

#endif
