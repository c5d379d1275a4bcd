// SPDX-License-Identifier: Apache-2.0
/*
 * older: after each apply, counts the connections that graylink cannot steer because they are older, in slices of the loop.
 * Whoever asked gets the number with his answer; the metric counts each such connection once.
 *
 * One count runs at a time, others wait for it: what was counted already is compared with the whole of the last result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/agent.h"
#include "datapath/older.h"

#define SLICE_NS 10000000ULL	/* of one turn of the loop */
#define LIMIT_NS 10000000000ULL /* after it nobody waits any longer */

struct gl_older_count {
	struct gl_agent *agent;
	struct gl_older_count *next;
	struct gl_pending *pending;	/* whom to answer; NULL: nobody waits */
	struct gl_older_frontend *frontends;
	size_t n;
	struct gl_older *older;		/* NULL: not begun */
	struct gl_source *source, *limit;
};

static void count_free(struct gl_older_count *count)
{
	gl_source_free(count->source);
	gl_source_free(count->limit);
	gl_older_free(count->older);
	free(count->frontends);
	free(count);
}

static bool is_asked(const struct gl_release_spec *spec, const struct gl_release_change *changes,
		     size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(changes[i].name, spec->name) &&
		    !strcmp(changes[i].namespace, spec->namespace))
			return true;
	return false;
}

/* Frontends of every release that steers; @ret_asked: how many belong to a release of @changes. 0 or -ENOMEM. */
static int list_frontends(struct gl_older_count *count, const struct gl_release_change *changes,
			  size_t nchanges, size_t *ret_asked)
{
	const struct gl_releases *releases = count->agent->releases;
	size_t i, s, f;

	*ret_asked = 0;
	for (i = 0; i < gl_releases_count(releases); i++) {
		const struct gl_release *release = gl_releases_at(releases, i);
		const struct gl_release_spec *spec = release->spec;
		bool asked = is_asked(spec, changes, nchanges);

		for (s = 0; gl_release_state_steers(release->at.state) && s < spec->nservices;
		     s++) {
			const struct gl_addresses_spec *list = &spec->services[s].frontends;
			struct gl_older_frontend *more;

			more = realloc(count->frontends,
				       (count->n + list->count + 1) * sizeof(*more));
			if (!more)
				return -ENOMEM;
			count->frontends = more;
			for (f = 0; f < list->count; f++)
				count->frontends[count->n++] = (struct gl_older_frontend){
					.addr = list->items[f].addr,
					.port = htons(list->items[f].port),
					.asked = asked,
				};
			*ret_asked += asked ? list->count : 0;
		}
	}
	return 0;
}

/* Puts the number into an answer; negative: not known. */
static void put_number(struct gl_reply *reply, double number, const char *why)
{
	cJSON *json = number < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(number);

	if (!cJSON_ReplaceItemInObjectCaseSensitive(reply->data, "olderConnections", json))
		cJSON_Delete(json);
	if (number < 0)
		gl_reply_message(reply,
				 "how many connections are older than attach is not known: %s",
				 why);
}

static void answer(struct gl_older_count *count, double number, const char *why)
{
	if (count->pending) {
		put_number(gl_pending_reply(count->pending), number, why);
		gl_pending_answer(count->pending);
		count->pending = NULL;
	} else if (number > 0) {
		gl_log(GL_LOG_INFO, "datapath",
		       "%.0f connections are older than attach: they stay as they are until they "
		       "close",
		       number);
	}
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Counts what the last result did not hold, and keeps the new one. */
static void count_once(struct gl_agent *agent, const uint64_t *hashes, size_t n)
{
	uint64_t *copy = malloc((n + 1) * sizeof(*copy)), fresh = 0;
	size_t i;

	for (i = 0; i < n; i++)
		fresh += !agent->nolder || !bsearch(&hashes[i], agent->older_hashes, agent->nolder,
						    sizeof(*hashes), compare_hashes);
	if (!copy || gl_observe_count_older(agent->observe, fresh)) {
		gl_log(GL_LOG_ERROR, "observe", "out of memory: older connections are not counted");
		free(copy);
		return;
	}
	memcpy(copy, hashes, n * sizeof(*copy));
	free(agent->older_hashes);
	agent->older_hashes = copy;
	agent->nolder = n;
}

static void begin_next(struct gl_agent *agent);

/* Takes the first count out of the queue. The next one begins. */
static void end_first(struct gl_agent *agent, double number, const char *why)
{
	struct gl_older_count *count = agent->older;

	agent->older = count->next;
	answer(count, number, why);
	count_free(count);
	begin_next(agent);
}

static void on_table(void *ctx, int fd, uint32_t events)
{
	struct gl_older_count *count = ctx;
	struct gl_agent *agent = count->agent;
	struct gl_why why = { "" };
	const uint64_t *hashes;
	uint32_t asked;
	size_t n;
	int ret;

	(void)fd;
	(void)events;
	ret = gl_older_read(count->older, SLICE_NS, &why);
	if (!ret)
		return;
	if (ret < 0) {
		end_first(agent, -1, why.text);
		return;
	}
	asked = gl_older_result(count->older, &hashes, &n);
	count_once(agent, hashes, n);
	end_first(agent, asked, "");
}

static void on_limit(void *ctx)
{
	struct gl_older_count *count = ctx;

	end_first(count->agent, -1, "the conntrack table is too big to be read in time");
}

static int begin(struct gl_older_count *count, struct gl_why *why)
{
	struct gl_loop *loop = count->agent->loop;
	int err;

	err = gl_older_new(count->agent->dp, count->frontends, count->n, &count->older, why);
	if (err)
		return err;
	err = gl_loop_add_fd(loop, gl_older_fd(count->older), EPOLLIN, on_table, count,
			     &count->source);
	if (!err)
		err = gl_loop_add_timer(loop, on_limit, count, &count->limit);
	if (!err)
		err = gl_timer_arm(count->limit, LIMIT_NS, 0);
	return err ? gl_why_set(why, err, "%s", strerror(-err)) : 0;
}

static void begin_next(struct gl_agent *agent)
{
	struct gl_older_count *count;
	struct gl_why why = { "" };

	while ((count = agent->older) && begin(count, &why)) {
		agent->older = count->next;
		answer(count, -1, why.text);
		count_free(count);
	}
}

void gl_agent_count_older(struct gl_agent *agent, const struct gl_release_change *changes, size_t n,
			  struct gl_reply *reply)
{
	struct gl_older_count *count = calloc(1, sizeof(*count)), **last = &agent->older;
	struct gl_why why = { "out of memory" };
	size_t asked = 0;
	int err = -ENOMEM;

	if (count) {
		count->agent = agent;
		err = list_frontends(count, changes, n, &asked);
	}
	if (!err && asked && !agent->older)
		err = begin(count, &why);
	if (err || !asked) {
		if (reply)
			put_number(reply, err ? -1 : 0, why.text);
		if (count)
			count_free(count);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = count;
	if (reply)
		count->pending = gl_reply_later(reply);
}

void gl_agent_stop_older(struct gl_agent *agent)
{
	struct gl_older_count *count;

	while ((count = agent->older)) {
		agent->older = count->next;
		answer(count, -1, "the agent ends");
		count_free(count);
	}
	free(agent->older_hashes);
	agent->older_hashes = NULL;
	agent->nolder = 0;
}
