// SPDX-License-Identifier: Apache-2.0
/*
 * graylinkd: the agent. Builds the modules in the order in which data flows, runs the loop, ends them in reverse.
 *
 *	policy -> release -> datapath -> (kernel) -> observe -> control, http
 *
 * Whatever ends it, the kernel goes on as it was: maps, programs and links are pinned.
 */
#include <errno.h>
#include <libgen.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/agent.h"
#include "control/options.h"
#include "version.h"

#define SECOND_NS    1000000000ULL
#define SETTLE_NS    200000000ULL	/* a policy directory is read when it was quiet for this long */
#define BIG_ALLOC    (256 * 1024)
#define SWEEP_BUDGET 4096		/* connections that one second's sweep looks at */

struct daemon {
	struct gl_agent agent;
	struct gl_options options;
	struct gl_source *signals, *second, *links, *events, *http, *inotify, *settle;
	int inotify_fd;
};

static void on_signal(void *ctx, int sig)
{
	struct daemon *d = ctx;

	if (sig != SIGHUP) {
		gl_log(GL_LOG_INFO, "agent", "ends: %s", strsignal(sig));
		gl_loop_stop(d->agent.loop, 0);
	} else if (d->agent.policy) {
		gl_agent_reload(&d->agent, "apply");
	} else {
		gl_log(GL_LOG_INFO, "policy", "SIGHUP, but there is no --policy to read");
	}
}

static void on_second(void *ctx)
{
	struct daemon *d = ctx;
	int n = gl_datapath_heartbeat(d->agent.dp);

	if (n)
		gl_log(GL_LOG_ERROR, "datapath", "write the heartbeat: %s", strerror(-n));
	gl_observe_tick(d->agent.observe, gl_now_ns());
	if (d->agent.http)
		gl_http_run(d->agent.http);
	gl_ifaces_second(&d->agent);
	n = gl_datapath_sweep(d->agent.dp, gl_now_ns(), SWEEP_BUDGET);
	if (n < 0)
		gl_log(GL_LOG_ERROR, "datapath", "sweep: %s", strerror(-n));
	else if (n)
		gl_log(GL_LOG_DEBUG, "datapath", "swept %d dead connections", n);
}

static void on_links(void *ctx, int fd, uint32_t events)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)events;
	gl_ifaces_read(&d->agent);
}

static void on_events(void *ctx, int fd, uint32_t events)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)events;
	gl_observe_consume(d->agent.observe);
}

static void on_http(void *ctx, int fd, uint32_t events)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)events;
	gl_http_run(d->agent.http);
}

static char *http_status(void *ctx)
{
	cJSON *json = gl_status_json(ctx, NULL, NULL);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	return text;
}

static const char *http_ready(void *ctx)
{
	const struct gl_agent *agent = ctx;

	if (!agent->control)
		return "the control socket is not open yet";
	return gl_datapath_generation(agent->dp) ? NULL : "no policy image is in force";
}

static void on_settled(void *ctx)
{
	struct daemon *d = ctx;

	gl_agent_reload(&d->agent, "apply");
}

static void on_inotify(void *ctx, int fd, uint32_t events)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct daemon *d = ctx;

	(void)events;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	/* Editors and ConfigMaps write in several steps. */
	gl_timer_arm(d->settle, SETTLE_NS, 0);
}

/* Watches the directory that the policy is in, or is: a file is often replaced, not written. */
static int watch_policy(struct daemon *d)
{
	char path[PATH_MAX], *dir = path;
	struct stat st;
	int err;

	snprintf(path, sizeof(path), "%s", d->options.policy);
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		dir = dirname(path);
	d->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (d->inotify_fd < 0)
		return -errno;
	if (inotify_add_watch(d->inotify_fd, dir,
			      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
				      IN_DELETE) < 0)
		return -errno;
	err = gl_loop_add_timer(d->agent.loop, on_settled, d, &d->settle);
	return err ? err :
		     gl_loop_add_fd(d->agent.loop, d->inotify_fd, EPOLLIN, on_inotify, d,
				    &d->inotify);
}

/* Prints the preflight. Returns how many rows are errors. */
static int print_check(const char *bpffs)
{
	static const char *const levels[] = { "ok", "warning", "error" };
	struct gl_check rows[GL_CHECKS_MAX];
	size_t n = gl_datapath_check(bpffs, rows), i;
	int errors = 0;

	for (i = 0; i < n; i++) {
		printf("%-8s %-14s %s%s%s\n", levels[rows[i].level], rows[i].name, rows[i].text,
		       rows[i].hint[0] ? ": " : "", rows[i].hint);
		errors += rows[i].level == GL_CHECK_ERROR;
	}
	return errors;
}

/* What no attempt could mend is refused before anything is touched. */
static int refuse_kernel(const char *bpffs)
{
	struct gl_check rows[GL_CHECKS_MAX];
	size_t n = gl_datapath_check(bpffs, rows), i;

	for (i = 0; i < n; i++) {
		if (rows[i].level != GL_CHECK_ERROR ||
		    (strcmp(rows[i].name, "kernel") && strcmp(rows[i].name, "preemption") &&
		     strcmp(rows[i].name, "btf")))
			continue;
		gl_log(GL_LOG_ERROR, "agent", "%s: %s", rows[i].text, rows[i].hint);
		return -1;
	}
	return 0;
}

static int open_datapath(struct daemon *d, struct gl_why *why)
{
	const struct gl_datapath_options options = {
		.bpffs = d->options.bpffs,
		.mark_mask = d->options.mark_mask,
		.force_clsact = d->options.clsact,
	};
	const struct gl_attachment *list;
	int err = gl_datapath_open(&options, &d->agent.dp, why);

	if (err)
		return err;
	gl_datapath_set_stale_after(d->agent.dp, d->options.stale_after_ns);
	gl_datapath_heartbeat(d->agent.dp);
	gl_log(GL_LOG_INFO, "datapath", "%s %s, generation %u, %zu interfaces attached",
	       gl_datapath_taken_over(d->agent.dp) ? "took over" : "made", d->options.bpffs,
	       gl_datapath_generation(d->agent.dp), gl_datapath_attachments(d->agent.dp, &list));
	return 0;
}

static int open_releases(struct daemon *d, struct gl_why *why)
{
	struct gl_releases_ops ops;
	int err;

	gl_agent_release_ops(&d->agent, &ops);
	err = gl_releases_new(d->options.state_dir, &ops, &d->agent.releases, why);
	if (err)
		return err;
	err = gl_agent_start_observe(&d->agent);
	if (err)
		return gl_why_set(why, err, "read the counters: %s", strerror(-err));
	/* What cannot be compiled now could be before: the image in force stays. */
	if (gl_releases_publish(d->agent.releases, why))
		gl_log(GL_LOG_ERROR, "release", "the releases on disk are not in force: %s",
		       why->text);
	if (d->agent.policy)
		gl_agent_reload(&d->agent, "start");
	gl_agent_changed(&d->agent);
	return 0;
}

static void start_http(struct daemon *d)
{
	const struct gl_http_options options = {
		.address = d->options.http,
		.observe = d->agent.observe,
		.ctx = &d->agent,
		.status = http_status,
		.ready = http_ready,
	};
	int err;

	if (!strcmp(d->options.http, "off"))
		return;
	err = gl_http_start(&options, &d->agent.http);
	if (!err)
		err = gl_loop_add_fd(d->agent.loop, gl_http_fd(d->agent.http), EPOLLIN, on_http, d,
				     &d->http);
	/* Steering matters more than being scraped. */
	if (err)
		gl_log(GL_LOG_ERROR, "observe", "no HTTP at %s: %s", d->options.http,
		       strerror(-err));
}

static int start_sources(struct daemon *d, struct gl_why *why)
{
	struct gl_agent *agent = &d->agent;
	int err;

	err = gl_ifaces_start(agent, d->options.attach, why);
	if (err)
		return err;
	err = gl_loop_add_fd(agent->loop, gl_links_fd(agent->links), EPOLLIN, on_links, d,
			     &d->links);
	if (!err)
		err = gl_loop_add_timer(agent->loop, on_second, d, &d->second);
	if (!err)
		err = gl_timer_arm(d->second, SECOND_NS, SECOND_NS);
	if (!err && gl_observe_event_fd(agent->observe) >= 0)
		err = gl_loop_add_fd(agent->loop, gl_observe_event_fd(agent->observe), EPOLLIN,
				     on_events, d, &d->events);
	if (err)
		return gl_why_set(why, err, "start the loop: %s", strerror(-err));
	if (agent->policy && (err = watch_policy(d)))
		gl_log(GL_LOG_ERROR, "policy", "%s is not watched (%s): use SIGHUP", agent->policy,
		       strerror(-err));
	return 0;
}

static int start(struct daemon *d, struct gl_why *why)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct gl_agent *agent = &d->agent;
	int err;

	agent->bpffs = d->options.bpffs;
	agent->socket = d->options.socket;
	agent->policy = d->options.policy[0] ? d->options.policy : NULL;
	agent->started_ns = gl_wall_ns();
	err = gl_loop_new(&agent->loop);
	if (!err)
		err = gl_loop_add_signals(agent->loop, signals, 3, on_signal, d, &d->signals);
	if (!err)
		err = gl_agent_verbs(agent);
	if (err)
		return gl_why_set(why, err, "start the loop: %s", strerror(-err));
	err = open_datapath(d, why);
	if (!err)
		err = open_releases(d, why);
	if (err)
		return err;
	err = start_sources(d, why);
	if (!err)
		err = gl_control_open(agent->loop, agent->socket, &agent->verbs, &agent->control,
				      why);
	if (err)
		return err;
	start_http(d);
	gl_log(GL_LOG_INFO, "agent", "graylinkd %s is ready at %s", GL_VERSION, agent->socket);
	return 0;
}

/* In reverse; every part may be missing. */
static void stop(struct daemon *d)
{
	struct gl_agent *agent = &d->agent;
	struct gl_why why;

	gl_control_close(agent->control);
	gl_agent_stop_older(agent);
	gl_source_free(d->http);
	if (agent->http)
		gl_http_stop(agent->http);
	gl_source_free(d->inotify);
	if (d->inotify_fd >= 0)
		close(d->inotify_fd);
	gl_source_free(d->events);
	gl_source_free(d->links);
	gl_ifaces_stop(agent);
	if (agent->observe)
		gl_observe_free(agent->observe);
	gl_releases_free(agent->releases);
	if (d->options.detach_on_exit && agent->dp) {
		if (gl_datapath_detach_all(agent->dp, &why))
			gl_log(GL_LOG_ERROR, "datapath", "%s", why.text);
		else
			gl_log(GL_LOG_INFO, "datapath", "everything is detached and removed");
	}
	gl_datapath_close(agent->dp);
	gl_loop_free(agent->loop);
}

static int run(struct daemon *d)
{
	struct gl_why why = { "" };
	int err;

	if (refuse_kernel(d->options.bpffs))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	d->inotify_fd = -1;
	/* Images and long answers are big and short-lived: they go back to the system, now and later. */
	mallopt(M_MMAP_THRESHOLD, BIG_ALLOC);
	err = start(d, &why);
	malloc_trim(0);
	if (err)
		gl_log(GL_LOG_ERROR, "agent", "cannot start: %s", why.text);
	else
		err = gl_loop_run(d->agent.loop);
	stop(d);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct gl_why why;

	if (gl_options_parse(&d.options, argc, argv, &why)) {
		fprintf(stderr, "graylinkd: %s (see graylinkd --help)\n", why.text);
		return 2;
	}
	gl_log_level(d.options.log_level);
	switch (d.options.run) {
	case GL_RUN_HELP:
		gl_options_help();
		return 0;
	case GL_RUN_VERSION:
		printf("graylinkd %s\n", GL_VERSION);
		return 0;
	case GL_RUN_CHECK:
		return print_check(d.options.bpffs) ? 1 : 0;
	case GL_RUN_REMOVE:
		if (!gl_datapath_remove(d.options.bpffs, &why))
			return 0;
		fprintf(stderr, "graylinkd: %s\n", why.text);
		return 1;
	default:
		return run(&d);
	}
}
