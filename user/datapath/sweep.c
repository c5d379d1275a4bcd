// SPDX-License-Identifier: Apache-2.0
/*
 * sweep: reading the connections, and dropping the state of those that are certainly dead.
 *
 * The programs take their own state away when a connection ends before their eyes. What is left for the sweeper, and its
 * rules, in the order in which they are asked:
 *	veth	the interface is gone: nobody is left who could send
 *	ended	an RST passed, or both FINs were acknowledged, and nothing moved since for ENDED_NS (late retransmissions)
 *	never	no SYN-ACK for NEVER_NS: the client has given up (Linux: 127 s of SYNs) or it was a flood
 *	idle	nothing moved for IDLE_NS, longer than TCP keep-alive needs to notice a dead peer (2 h 11 min)
 * `idle` alone could meet a live connection: one that is silent for hours without keep-alive. So it is not asked of
 * translated ones; a look-up of the client's socket in its namespace (bpf_skc_lookup_tcp) is to decide those.
 *
 * Nothing is dropped from here: the program `reap` does it, under the connection's lock, and only if the connection is still
 * as it was seen. So whatever happens between our look and its end, a connection that moved stays, what a dead one held
 * is given back once, and the counts are changed by the programs alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath/private.h"
#include "graylink/conn.h"
#include "graylink/limits.h"

#define BATCH	    256
#define IFACE_TRIES 3
#define SECOND	    1000000000ULL
#define ENDED_NS    (10 * SECOND)
#define NEVER_NS    (130 * SECOND)
#define IDLE_NS	    (8000 * SECOND)

/* One batch of the walk; too big for the stack. */
struct batch {
	struct gl_flow keys[BATCH];
	struct gl_conn_value values[BATCH];
	struct gl_flow cursor; /* opaque to us; the kernel uses its first 4 bytes */
	struct gl_flow next;
	uint32_t n;
	bool more;
};

/* Reads the next batch. 0, or a negative errno. */
static int next_batch(const struct gl_datapath *dp, struct batch *b, bool first)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_F_LOCK);

	b->n = BATCH;
	if (!bpf_map_lookup_batch(dp->maps[GL_MAP_CONNS], first ? NULL : &b->cursor, &b->next,
				  b->keys, b->values, &b->n, &opts)) {
		b->more = true;
	} else if (errno == ENOENT) {
		b->more = false;
	} else {
		return -errno;
	}
	b->cursor = b->next;
	return 0;
}

int gl_datapath_each_conn(struct gl_datapath *dp, int (*fn)(void *ctx, const struct gl_conn *conn),
			  void *ctx)
{
	struct batch *b = calloc(1, sizeof(*b));
	bool first = true;
	uint32_t i;
	int ret = 0;

	if (!b)
		return -ENOMEM;
	do {
		ret = next_batch(dp, b, first);
		first = false;
		for (i = 0; !ret && i < b->n; i++)
			if (b->values[i].conn.id)
				ret = fn(ctx, &b->values[i].conn);
	} while (!ret && b->more);
	free(b);
	return ret;
}

/* The last sign of life of a connection, CLOCK_MONOTONIC. */
static uint64_t last_move(const struct gl_conn *conn)
{
	return conn->used_ns > conn->start_ns ? conn->used_ns : conn->start_ns;
}

static bool dead(const struct gl_datapath *dp, const struct gl_conn *conn, uint64_t now)
{
	uint64_t moved = last_move(conn), still = now > moved ? now - moved : 0;
	const u16 ended = GL_CONN_FIN_ACKED | GL_CONN_SFIN_ACKED;
	struct gl_veth veth;

	if (bpf_map_lookup_elem(dp->maps[GL_MAP_VETHS], &conn->key.ifindex, &veth) &&
	    errno == ENOENT)
		return true;
	if ((conn->flags & GL_CONN_RESET) || (conn->flags & ended) == ended)
		return still > ENDED_NS;
	if (!(conn->flags & GL_CONN_ESTABLISHED))
		return still > NEVER_NS;
	return !(conn->flags & GL_CONN_TRANSLATED) && still > IDLE_NS;
}

int gl_sweep_reap(const struct gl_datapath *dp, const struct gl_conn *seen)
{
	struct {
		uint8_t unread[GL_REAP_OFF];
		struct gl_reap reap;
	} __attribute__((packed)) packet = {
		.reap = {
			.key = seen->key,
			.id = seen->id,
			.epoch = seen->epoch,
			.nxt = seen->nxt,
			.ack = seen->ack,
		},
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = sizeof(packet));
	int err = bpf_prog_test_run_opts(dp->reap_fd, &opts);

	return err ? err : opts.retval == 1;
}

int gl_datapath_sweep(struct gl_datapath *dp, uint64_t now, uint32_t budget)
{
	struct batch *b = calloc(1, sizeof(*b));
	uint32_t seen = 0, i;
	int dropped = 0, err = 0, one;

	if (!b)
		return -ENOMEM;
	b->cursor = dp->cursor;
	do {
		err = next_batch(dp, b, !dp->cursor_set);
		if (err)
			break;
		for (i = 0; i < b->n && !err; i++) {
			if (!b->values[i].conn.id || !dead(dp, &b->values[i].conn, now))
				continue;
			one = gl_sweep_reap(dp, &b->values[i].conn);
			dropped += one > 0;
			err = one < 0 ? one : 0;
		}
		dp->cursor = b->cursor;
		dp->cursor_set = b->more;
		seen += b->n;
	} while (!err && b->more && seen < budget);
	free(b);
	return err ? err : dropped;
}

static int translated(void *ctx, const struct gl_conn *conn)
{
	(void)ctx;
	return (conn->flags & GL_CONN_TRANSLATED) != 0;
}

bool gl_datapath_translated(struct gl_datapath *dp)
{
	/* What cannot be read is not known to be none. */
	return gl_datapath_each_conn(dp, translated, NULL) != 0;
}

struct iface_sweep {
	const struct gl_datapath *dp;
	uint32_t ifindex;
	uint32_t left; /* moved between look and end */
};

static int reap_of_iface(void *ctx, const struct gl_conn *conn)
{
	struct iface_sweep *sweep = ctx;
	int ret;

	if (conn->key.ifindex != sweep->ifindex)
		return 0;
	ret = gl_sweep_reap(sweep->dp, conn);
	sweep->left += !ret;
	return ret < 0 ? ret : 0;
}

void gl_sweep_iface(struct gl_datapath *dp, uint32_t ifindex)
{
	struct iface_sweep sweep = { .dp = dp, .ifindex = ifindex };
	int tries = IFACE_TRIES, err;

	/* The programs are off; one that was still running may have moved a connection before our eyes. */
	do {
		sweep.left = 0;
		err = gl_datapath_each_conn(dp, reap_of_iface, &sweep);
	} while (!err && sweep.left && --tries);
	/* Should any be left, the sweeper knows by this that nobody is there any more. */
	bpf_map_delete_elem(dp->maps[GL_MAP_VETHS], &ifindex);
}
