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
 * A map element may have been reused between our look and our delete. So the delete returns what it removed, and what was
 * not what we looked at is put back, if nothing new stands there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath/private.h"
#include "graylink/conn.h"
#include "graylink/limits.h"

#define BATCH	 256
#define SECOND	 1000000000ULL
#define ENDED_NS (10 * SECOND)
#define NEVER_NS (130 * SECOND)
#define IDLE_NS	 (8000 * SECOND)

/* One batch of the walk; too big for the stack. */
struct batch {
	struct gl_flow keys[BATCH];
	struct gl_conn_value values[BATCH];
	struct gl_flow cursor;		/* opaque to us; the kernel uses its first 4 bytes */
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

/* Gives slot @number (index + 1; 0: none) back, if it is still the connection's. */
static void free_slot(const struct gl_datapath *dp, uint32_t number, bool big, uint64_t id)
{
	int slots = dp->maps[big ? GL_MAP_SLOTS_BIG : GL_MAP_SLOTS_SMALL];
	int queue = dp->maps[big ? GL_MAP_FREE_BIG : GL_MAP_FREE_SMALL];
	uint32_t index = number - 1;
	struct gl_slot_head *slot;

	if (!number)
		return;
	slot = malloc(dp->slot_sizes[big]);
	if (!slot)
		return;
	if (!bpf_map_lookup_elem(slots, &index, slot) && slot->owner == id) {
		slot->owner = 0;
		if (!bpf_map_update_elem(slots, &index, slot, BPF_ANY))
			bpf_map_update_elem(queue, NULL, &index, BPF_ANY);
	}
	free(slot);
}

static void free_tuples(const struct gl_datapath *dp, const struct gl_conn *conn)
{
	struct gl_flow tuple = conn->key;
	struct gl_leg_ref ref;
	int i;

	for (i = 0; i < GL_LEGS; i++) {
		if (!(conn->leg[i].flags & GL_LEG_CLAIMED))
			continue;
		tuple.peer = conn->leg[i].addr;
		tuple.pport = conn->leg[i].port;
		if (!bpf_map_lookup_elem(dp->maps[GL_MAP_LEG_TUPLES], &tuple, &ref) &&
		    ref.conn_id == conn->id)
			bpf_map_delete_elem(dp->maps[GL_MAP_LEG_TUPLES], &tuple);
	}
}

/* Drops one connection that was seen dead. Returns 1 when it was. */
static int drop(const struct gl_datapath *dp, const struct gl_conn *seen)
{
	struct gl_conn_value value;
	int conns = dp->maps[GL_MAP_CONNS];

	if (bpf_map_lookup_and_delete_elem_flags(conns, &seen->key, &value, BPF_F_LOCK))
		return 0;
	if (value.conn.id != seen->id || value.conn.epoch != seen->epoch ||
	    last_move(&value.conn) != last_move(seen)) {
		bpf_map_update_elem(conns, &seen->key, &value, BPF_NOEXIST);
		return 0;
	}
	free_tuples(dp, &value.conn);
	free_slot(dp, value.conn.slot, value.conn.flags & GL_CONN_SLOT_BIG, value.conn.id);
	free_slot(dp, value.conn.rsp.slot, true, value.conn.id);
	gl_account_closed(dp, value.conn.key.ifindex, value.conn.service);
	return 1;
}

int gl_datapath_sweep(struct gl_datapath *dp, uint64_t now, uint32_t budget)
{
	struct batch *b = calloc(1, sizeof(*b));
	uint32_t seen = 0, i;
	int dropped = 0, err = 0;

	if (!b)
		return -ENOMEM;
	b->cursor = dp->cursor;
	do {
		err = next_batch(dp, b, !dp->cursor_set);
		if (err)
			break;
		for (i = 0; i < b->n; i++)
			if (b->values[i].conn.id && dead(dp, &b->values[i].conn, now))
				dropped += drop(dp, &b->values[i].conn);
		dp->cursor = b->cursor;
		dp->cursor_set = b->more;
		seen += b->n;
	} while (b->more && seen < budget);
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
};

static int drop_of_iface(void *ctx, const struct gl_conn *conn)
{
	const struct iface_sweep *sweep = ctx;

	if (conn->key.ifindex == sweep->ifindex)
		drop(sweep->dp, conn);
	return 0;
}

void gl_sweep_iface(struct gl_datapath *dp, uint32_t ifindex)
{
	struct iface_sweep sweep = { .dp = dp, .ifindex = ifindex };

	gl_datapath_each_conn(dp, drop_of_iface, &sweep);
	bpf_map_delete_elem(dp->maps[GL_MAP_VETHS], &ifindex);
}
