// SPDX-License-Identifier: Apache-2.0
/* older: see older.h. */
#include "datapath/older.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <libmnl/libmnl.h>

#include "core/hash.h"
#include "datapath/private.h"
#include "graylink/conn.h"
#include "loop.h"

#define CHUNK	16384	/* bytes that one receive asks the kernel to fill: some 80 entries */
#define GUESSES 256	/* a power of two */

/* A candidate of the first dump. */
struct candidate {
	uint64_t hash;
	bool asked;
	bool again;		/* of the second dump, too */
};

/* The interface behind which a client's address was last found. */
struct guess {
	struct gl_addr addr;
	uint32_t ifindex;	/* 0: none */
};

struct gl_older {
	struct gl_datapath *dp;
	struct mnl_socket *nl;
	uint32_t seq;			/* of the dump under way: 1, then 2 */
	struct gl_older_frontend *frontends;
	size_t nfrontends;
	struct gl_addr *own;		/* the node's addresses */
	size_t nown;
	struct candidate *candidates;	/* after the first dump: by hash */
	size_t n, size;
	uint64_t *hashes;		/* the result */
	size_t nhashes;
	uint64_t entries;		/* of the table, of any kind */
	int err;			/* of a callback */
	struct guess guesses[GUESSES];
};

static int compare_frontends(const void *a, const void *b)
{
	const struct gl_older_frontend *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : memcmp(&x->port, &y->port, sizeof(x->port));
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static bool is_own(const struct gl_older *older, const struct gl_addr *addr)
{
	size_t i;

	for (i = 0; i < older->nown; i++)
		if (!memcmp(&older->own[i], addr, sizeof(*addr)))
			return true;
	return false;
}

/* Is there such a connection at the interface? */
static bool known_at(const struct gl_older *older, const struct gl_flow *flow, uint32_t ifindex)
{
	struct gl_conn_value value;
	struct gl_flow key = *flow;

	key.ifindex = ifindex;
	return !bpf_map_lookup_elem(older->dp->maps[GL_MAP_CONNS], &key, &value);
}

/* Does graylink follow it? The table does not say at which interface: an address is one pod's, so the last one is asked first. */
static bool known(struct gl_older *older, const struct gl_flow *flow)
{
	uint64_t hash = gl_hash_share(&flow->client, sizeof(flow->client));
	struct guess *guess = &older->guesses[hash & (GUESSES - 1)];
	const struct gl_datapath *dp = older->dp;
	size_t i;

	if (guess->ifindex && !memcmp(&guess->addr, &flow->client, sizeof(guess->addr)))
		return known_at(older, flow, guess->ifindex);
	for (i = 0; i < dp->nifaces; i++) {
		if (!known_at(older, flow, dp->ifaces[i].seen.ifindex))
			continue;
		guess->addr = flow->client;
		guess->ifindex = dp->ifaces[i].seen.ifindex;
		return true;
	}
	return false;
}

static int add_candidate(struct gl_older *older, uint64_t hash, bool asked)
{
	struct candidate *more;

	if (older->n == older->size) {
		older->size = older->size ? 2 * older->size : 64;
		more = realloc(older->candidates, older->size * sizeof(*more));
		if (!more)
			return -ENOMEM;
		older->candidates = more;
	}
	older->candidates[older->n++] = (struct candidate){ .hash = hash, .asked = asked };
	return 0;
}

/* One entry of the table. */
static int track_message(const struct nlmsghdr *nlh, void *data)
{
	struct candidate *found, wanted = { .hash = 0 };
	struct gl_older_frontend dialled = { .asked = false }, *frontend;
	struct gl_older *older = data;
	struct gl_flow flow;

	older->entries++;
	/* One that cannot be read is not one that we could count; the others still are. */
	if (gl_conntrack_parse(nlh, &flow) != 1)
		return MNL_CB_OK;
	dialled.addr = flow.peer;
	dialled.port = flow.pport;
	frontend = bsearch(&dialled, older->frontends, older->nfrontends, sizeof(dialled),
			   compare_frontends);
	if (!frontend || is_own(older, &flow.client) || known(older, &flow))
		return MNL_CB_OK;
	wanted.hash = gl_hash_share(&flow, sizeof(flow));
	if (older->seq == 1) {
		older->err = add_candidate(older, wanted.hash, frontend->asked);
		return older->err ? MNL_CB_ERROR : MNL_CB_OK;
	}
	found = bsearch(&wanted, older->candidates, older->n, sizeof(wanted), compare_candidates);
	if (found)
		found->again = true;
	return MNL_CB_OK;
}

/* Asks for the whole table, IPv4 and IPv6. */
static int ask(struct gl_older *older)
{
	char buf[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg))];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++older->seq;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	return mnl_socket_sendto(older->nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* The node's own addresses; without them its own connections would be counted, too. */
static int read_own(struct gl_older *older)
{
	struct ifaddrs *list, *at;
	size_t n = 0;

	if (getifaddrs(&list))
		return -errno;
	for (at = list; at; at = at->ifa_next)
		n++;
	older->own = calloc(n + 1, sizeof(*older->own));
	for (at = older->own ? list : NULL; at; at = at->ifa_next) {
		struct gl_addr *own = &older->own[older->nown];

		if (!at->ifa_addr)
			continue;
		if (at->ifa_addr->sa_family == AF_INET) {
			own->w[2] = htonl(0xffff);
			own->w[3] = ((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr.s_addr;
			older->nown++;
		} else if (at->ifa_addr->sa_family == AF_INET6) {
			memcpy(own, &((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr,
			       sizeof(*own));
			older->nown++;
		}
	}
	freeifaddrs(list);
	return older->own ? 0 : -ENOMEM;
}

static int table_error(struct gl_why *why, int err)
{
	switch (err) {
	case -EPERM:
		return gl_why_set(why, err, "reading the conntrack table is not permitted");
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
		return gl_why_set(why, err,
				  "the kernel shows no conntrack table (nf_conntrack_netlink)");
	default:
		return gl_why_set(why, err, "read the conntrack table: %s", strerror(-err));
	}
}

int gl_older_new(struct gl_datapath *dp, const struct gl_older_frontend *frontends, size_t n,
		 struct gl_older **ret, struct gl_why *why)
{
	struct gl_older *older = calloc(1, sizeof(*older));
	int err = -ENOMEM;

	if (!older)
		return gl_why_set(why, err, "out of memory");
	older->dp = dp;
	older->frontends = malloc((n + 1) * sizeof(*frontends));
	if (!older->frontends)
		goto fail;
	if (n) {
		memcpy(older->frontends, frontends, n * sizeof(*frontends));
		qsort(older->frontends, n, sizeof(*frontends), compare_frontends);
	}
	older->nfrontends = n;
	err = read_own(older);
	if (err)
		goto fail;
	older->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	err = older->nl ? 0 : -errno;
	if (!err && mnl_socket_bind(older->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	if (!err)
		err = ask(older);
	if (err)
		goto fail;
	*ret = older;
	return 0;
fail:
	gl_older_free(older);
	return table_error(why, err);
}

void gl_older_free(struct gl_older *older)
{
	if (!older)
		return;
	if (older->nl)
		mnl_socket_close(older->nl);
	free(older->frontends);
	free(older->own);
	free(older->candidates);
	free(older->hashes);
	free(older);
}

int gl_older_fd(const struct gl_older *older)
{
	return mnl_socket_get_fd(older->nl);
}

/* Who was a candidate both times is the result. */
static int conclude(struct gl_older *older)
{
	size_t i;

	older->hashes = malloc((older->n + 1) * sizeof(*older->hashes));
	if (!older->hashes)
		return -ENOMEM;
	for (i = 0; i < older->n; i++)
		if (older->candidates[i].again)
			older->hashes[older->nhashes++] = older->candidates[i].hash;
	return 1;
}

/* A dump is over. 1: the last one; 0: the second begins; or a negative errno. */
static int dumped(struct gl_older *older)
{
	if (!older->entries)
		return -ENODATA;
	if (older->seq > 1 || !older->n)
		return conclude(older);
	qsort(older->candidates, older->n, sizeof(*older->candidates), compare_candidates);
	return ask(older);
}

/* One receive. 1: all is done; 0: go on; -EAGAIN: nothing is there yet; else a negative errno. */
static int receive(struct gl_older *older)
{
	char buf[CHUNK];
	ssize_t n = mnl_socket_recvfrom(older->nl, buf, sizeof(buf));
	int ret;

	if (n < 0)
		return -errno;
	ret = mnl_cb_run(buf, (size_t)n, older->seq, mnl_socket_get_portid(older->nl),
			 track_message, older);
	/* EINTR: the table changed in a way that spoils the dump; what would be read on is not the whole of it. */
	if (ret == MNL_CB_ERROR)
		return older->err ? older->err : errno == EINTR ? -EBUSY : -errno;
	return ret == MNL_CB_STOP ? dumped(older) : 0;
}

int gl_older_read(struct gl_older *older, uint64_t budget_ns, struct gl_why *why)
{
	uint64_t end = gl_now_ns() + budget_ns;
	int ret;

	do {
		ret = receive(older);
	} while (!ret && gl_now_ns() < end);
	if (ret == -EAGAIN || ret == -EINTR)
		return 0;
	if (ret == -ENODATA)
		return gl_why_set(why, ret, "the node's conntrack table is empty");
	return ret < 0 ? table_error(why, ret) : ret;
}

uint32_t gl_older_result(const struct gl_older *older, const uint64_t **ret_all, size_t *ret_n)
{
	uint32_t asked = 0;
	size_t i;

	for (i = 0; i < older->n; i++)
		asked += older->candidates[i].again && older->candidates[i].asked;
	*ret_all = older->hashes;
	*ret_n = older->nhashes;
	return asked;
}
