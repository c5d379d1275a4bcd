// SPDX-License-Identifier: Apache-2.0
/*
 * ifaces: which interfaces are to be attached, and when. Idle means gone: programs sit on an interface only while some
 * release is active (neither finished nor deleted); afterwards they stay until no translated connection needs them.
 * A wanted interface that is not there is attached when it comes; one that goes is forgotten, unless --attach names it.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/agent.h"

static struct gl_wanted *find(struct gl_agent *agent, const char *ifname)
{
	size_t i;

	for (i = 0; i < agent->nwanted; i++)
		if (!strcmp(agent->wanted[i].ifname, ifname))
			return &agent->wanted[i];
	return NULL;
}

static struct gl_wanted *add(struct gl_agent *agent, const char *ifname)
{
	struct gl_wanted *wanted = find(agent, ifname);

	if (wanted)
		return wanted;
	wanted = realloc(agent->wanted, (agent->nwanted + 1) * sizeof(*wanted));
	if (!wanted)
		return NULL;
	agent->wanted = wanted;
	wanted += agent->nwanted++;
	memset(wanted, 0, sizeof(*wanted));
	snprintf(wanted->ifname, sizeof(wanted->ifname), "%s", ifname);
	return wanted;
}

static bool attached(const struct gl_agent *agent, const char *ifname)
{
	const struct gl_attachment *list;
	size_t n = gl_datapath_attachments(agent->dp, &list), i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].ifname, ifname))
			return true;
	return false;
}

static int attach(struct gl_agent *agent, const char *ifname, struct gl_why *why)
{
	int err;

	if (attached(agent, ifname))
		return 0;
	err = gl_datapath_attach(agent->dp, ifname, why);
	if (!err)
		gl_log(GL_LOG_INFO, "datapath", "%s is attached", ifname);
	return err;
}

int gl_ifaces_want(struct gl_agent *agent, const char *ifname, bool keep, struct gl_why *why)
{
	struct gl_wanted *wanted;

	if (!keep && !if_nametoindex(ifname))
		return gl_why_set(why, -ENOENT, "attach %.16s: there is no such interface", ifname);
	if (strlen(ifname) >= sizeof(wanted->ifname))
		return gl_why_set(why, -EINVAL, "attach %.16s...: no interface has so long a name",
				  ifname);
	wanted = add(agent, ifname);
	if (!wanted)
		return gl_why_set(why, -ENOMEM, "out of memory");
	wanted->off = false;
	wanted->keep |= keep;
	return agent->active ? attach(agent, ifname, why) : 1;
}

int gl_ifaces_unwant(struct gl_agent *agent, const char *ifname, struct gl_why *why)
{
	struct gl_wanted *wanted = find(agent, ifname);
	int err;

	if (!attached(agent, ifname) && (!wanted || wanted->off))
		return gl_why_set(why, -ENOENT, "detach %.16s: it is not attached", ifname);
	if (wanted)
		wanted->off = true;
	if (!attached(agent, ifname))
		return 0;
	err = gl_datapath_detach(agent->dp, ifname, why);
	if (!err)
		gl_log(GL_LOG_INFO, "datapath", "%s is detached", ifname);
	return err;
}

int gl_ifaces_unwant_all(struct gl_agent *agent, struct gl_why *why)
{
	size_t i;
	int err;

	agent->all = false;
	for (i = 0; i < agent->nwanted; i++)
		agent->wanted[i].off = true;
	err = gl_datapath_detach_all(agent->dp, why);
	if (!err)
		gl_log(GL_LOG_INFO, "datapath", "everything is detached, %s is removed",
		       agent->bpffs);
	return err;
}

static void attach_wanted(struct gl_agent *agent)
{
	struct gl_why why;
	size_t i;
	int err;

	for (i = 0; i < agent->nwanted; i++) {
		if (agent->wanted[i].off)
			continue;
		err = attach(agent, agent->wanted[i].ifname, &why);
		if (err == -ENOENT || err == -ENODEV)
			gl_log(GL_LOG_WARN, "datapath",
			       "%s is not there: it is attached when it comes",
			       agent->wanted[i].ifname);
		else if (err)
			gl_log(GL_LOG_ERROR, "datapath", "%s", why.text);
	}
}

void gl_ifaces_changed(struct gl_agent *agent)
{
	size_t n = gl_releases_count(agent->releases), i;
	bool active = false;

	for (i = 0; i < n; i++)
		active |= gl_releases_at(agent->releases, i)->at.state != GL_RELEASE_FINISHED;
	if (active == agent->active)
		return;
	agent->active = active;
	if (active)
		attach_wanted(agent);
}

void gl_ifaces_second(struct gl_agent *agent)
{
	const struct gl_attachment *list;
	struct gl_why why;
	size_t n;

	if (agent->active)
		return;
	n = gl_datapath_attachments(agent->dp, &list);
	if (!n || gl_datapath_translated(agent->dp))
		return;
	while ((n = gl_datapath_attachments(agent->dp, &list))) {
		if (gl_datapath_detach(agent->dp, list[n - 1].ifname, &why)) {
			gl_log(GL_LOG_ERROR, "datapath", "%s", why.text);
			return;
		}
	}
	gl_log(GL_LOG_INFO, "datapath", "no release is active: nothing is attached any more");
}

static void seen(void *ctx, const char *ifname, bool pod)
{
	struct gl_agent *agent = ctx;
	struct gl_wanted *wanted = find(agent, ifname);
	struct gl_why why;
	int err;

	if (!wanted && pod && agent->all)
		wanted = add(agent, ifname);
	if (!wanted || wanted->off || !agent->active)
		return;
	err = attach(agent, ifname, &why);
	/* Gone again since the kernel spoke of it. */
	if (err && err != -ENOENT && err != -ENODEV)
		gl_log(GL_LOG_ERROR, "datapath", "%s", why.text);
}

/* Forgets attachments and wishes whose interface is gone. */
static void forget(struct gl_agent *agent)
{
	char ifname[IF_NAMESIZE];
	size_t i = 0;

	while (gl_datapath_forget_gone(agent->dp, ifname))
		gl_log(GL_LOG_INFO, "datapath", "%s is gone", ifname);
	while (i < agent->nwanted) {
		if (agent->wanted[i].keep || if_nametoindex(agent->wanted[i].ifname))
			i++;
		else
			agent->wanted[i] = agent->wanted[--agent->nwanted];
	}
}

void gl_ifaces_read(struct gl_agent *agent)
{
	/* First what is gone: its name may be somebody else's already. */
	forget(agent);
	gl_links_read(agent->links);
	forget(agent);
}

int gl_ifaces_start(struct gl_agent *agent, char *names, struct gl_why *why)
{
	const struct gl_attachment *list;
	size_t n = gl_datapath_attachments(agent->dp, &list), i;
	char *save = NULL, *name;
	int err;

	for (i = 0; i < n; i++)
		if (!add(agent, list[i].ifname))
			return gl_why_set(why, -ENOMEM, "out of memory");
	agent->all = !strcmp(names, "auto");
	if (agent->all)
		names[0] = '\0';
	for (name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		err = gl_ifaces_want(agent, name, true, why);
		if (err < 0 && err != -ENOENT && err != -ENODEV)
			gl_log(GL_LOG_ERROR, "datapath", "%s", why->text);
		else if (err < 0)
			gl_log(GL_LOG_WARN, "datapath",
			       "%s is not there: it is attached when it comes", name);
	}
	return gl_links_open(seen, agent, &agent->links, why);
}

void gl_ifaces_stop(struct gl_agent *agent)
{
	gl_links_close(agent->links);
	free(agent->wanted);
}
