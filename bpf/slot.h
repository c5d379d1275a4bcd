/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slot: memory for the first bytes of a request, kept until a server has acknowledged them. A slot
 * belongs to the connection whose id stands in its head; it changes hands under that connection's
 * lock (gl_conn.slot) and its owner is verified before its bytes are used. Slots are named by index
 * + 1; 0 is none.
 */
#ifndef GL_BPF_SLOT_H
#define GL_BPF_SLOT_H

#include "work.h"

/*
 * The bytes of a slot, and through @ret_mask the mask for offsets into them. NULL if there is no
 * such slot.
 */
gl_inline u8 *slot_bytes(u32 slot, u32 big, u64 owner, u64 *ret_mask)
{
	u32 index = slot - 1;

	if (big) {
		struct slot_big *s = bpf_map_lookup_elem(&slots_big, &index);

		if (!s || s->head.owner != owner)
			return NULL;
		*ret_mask = GL_SLOT_BIG - 1;
		return s->b;
	} else {
		struct slot_small *s = bpf_map_lookup_elem(&slots_small, &index);

		if (!s || s->head.owner != owner)
			return NULL;
		*ret_mask = GL_SLOT_SMALL - 1;
		return s->b;
	}
}

gl_inline u32 slot_room(u32 big)
{
	return big ? GL_SLOT_BIG : GL_SLOT_SMALL;
}

/* Sets the owner; 0 frees. */
gl_inline void slot_own(u32 slot, u32 big, u64 owner)
{
	u32 index = slot - 1;

	if (big) {
		struct slot_big *s = bpf_map_lookup_elem(&slots_big, &index);

		if (s)
			s->head.owner = owner;
	} else {
		struct slot_small *s = bpf_map_lookup_elem(&slots_small, &index);

		if (s)
			s->head.owner = owner;
	}
}

/* Counts a slot of the veth of the connection in hand. */
gl_inline void slot_count(const struct work *w, s32 n)
{
	struct gl_veth *veth = bpf_map_lookup_elem(&veths, &w->key.ifindex);

	if (veth)
		__sync_fetch_and_add(&veth->slots, n);
}

/* May the veth have one more? */
gl_inline u32 slot_allowed(const struct work *w)
{
	struct gl_veth *veth = bpf_map_lookup_elem(&veths, &w->key.ifindex);

	return !veth || veth->slots < GL_VETH_SLOTS_MAX;
}

/* One from the queues: with room for @len bytes if there is one, else for less. */
gl_inline u32 slot_pop(u32 len, u64 owner, u16 *ret_big)
{
	u32 index = 0;

	*ret_big = 0;
	if (len <= GL_SLOT_SMALL && !bpf_map_pop_elem(&free_small, &index)) {
		slot_own(index + 1, 0, owner);
		return index + 1;
	}
	if (!bpf_map_pop_elem(&free_big, &index)) {
		*ret_big = 1;
		slot_own(index + 1, 1, owner);
		return index + 1;
	}
	if (!bpf_map_pop_elem(&free_small, &index)) {
		slot_own(index + 1, 0, owner);
		return index + 1;
	}
	return 0;
}

/*
 * slot_take: a slot for the connection in hand (w->key, w->conn_id) with room for @len bytes if
 * there is one, else for less. Returns slot + 1; 0: none is free, or the veth has as many as it may
 * have.
 */
gl_inline u32 slot_take(struct work *w, u32 len, u16 *ret_big)
{
	u32 slot;

	*ret_big = 0;
	if (!slot_allowed(w))
		return 0;
	slot = slot_pop(len, w->conn_id, ret_big);
	if (slot)
		slot_count(w, 1);
	return slot;
}

/* slot_give: gives back a slot of the connection in hand; 0 is none. */
gl_inline void slot_give(struct work *w, u32 slot, u32 big)
{
	u32 index = slot - 1;

	if (!slot)
		return;
	slot_count(w, -1);
	slot_own(slot, big, 0);
	if (big)
		bpf_map_push_elem(&free_big, &index, 0);
	else
		bpf_map_push_elem(&free_small, &index, 0);
}

/* One chunk of a copy between a packet or another slot, a slot and the head buffer. */
struct slot_copy {
	struct __sk_buff *skb;
	u8 *bytes;
	u64 mask;
	u32 from;		/* offset in the packet */
	u32 off;		/* in the slot */
	u32 left;
	int err;
};

/*
 * Length of the next chunk, 1 to GL_SLOT_CHUNK: 6.1 does not learn from a compare that a scalar is
 * at least 1, so it is subtracted, masked and added, each hidden from the optimiser.
 */
gl_inline u64 slot_chunk(u32 left)
{
	u64 n = left > GL_SLOT_CHUNK ? GL_SLOT_CHUNK : left;

	n -= 1;
	gl_opaque(n);
	n &= GL_SLOT_CHUNK - 1;
	gl_opaque(n);
	return n + 1;
}

static long slot_save_chunk(u32 i, void *ctx)
{
	struct slot_copy *copy = ctx;
	u64 n, off = copy->off;

	(void)i;
	if (!copy->left)
		return 1;
	n = slot_chunk(copy->left);
	gl_opaque(off);
	off &= copy->mask;
	gl_opaque(off);
	copy->err = bpf_skb_load_bytes(copy->skb, copy->from, copy->bytes + off, n);
	if (copy->err)
		return 1;
	copy->from += n;
	copy->off += n;
	copy->left -= n;
	return 0;
}

/*
 * slot_save: copies @len bytes of the packet from @from to offset @off of a slot. The caller has
 * seen to it that they fit. Returns 0 or a negative number.
 */
gl_global int slot_save(struct __sk_buff *skb, u32 from, u32 off, u32 len)
{
	struct work *w = work_get();
	struct slot_copy copy = {};
	u64 mask = 0;

	if (!w)
		return -1;
	copy.skb = skb;
	copy.bytes = slot_bytes(w->step.slot, w->step.slot_big, w->conn_id, &mask);
	if (!copy.bytes || off + len > mask + 1)
		return -1;
	copy.mask = mask;
	copy.from = from;
	copy.off = off;
	copy.left = len;
	gl_loop(GL_SLOT_BIG / GL_SLOT_CHUNK, slot_save_chunk, &copy);
	return copy.err || copy.left ? -1 : 0;
}

static long slot_head_chunk(u32 i, void *ctx)
{
	struct slot_copy *copy = ctx;
	struct work *w = work_get();
	u64 n, off = copy->off, to;

	(void)i;
	if (!copy->left || !w)
		return 1;
	n = slot_chunk(copy->left);
	gl_opaque(off);
	off &= copy->mask;
	gl_opaque(off);
	to = copy->off;
	gl_opaque(to);
	to &= GL_HEAD_MAX - 1;
	gl_opaque(to);
	/* The last chunk of a full buffer would reach beyond its padding. */
	if (to > GL_HEAD_MAX - GL_SLOT_CHUNK)
		return 1;
	copy->err = bpf_probe_read_kernel(w->buf.b + to, n, copy->bytes + off);
	if (copy->err)
		return 1;
	copy->off += n;
	copy->left -= n;
	return 0;
}

/*
 * slot_load_head: copies the first @len bytes of a slot to the head buffer, to be scanned. Returns
 * 0 or a negative number.
 */
gl_global int slot_load_head(u32 len)
{
	struct work *w = work_get();
	struct slot_copy copy = {};
	u64 mask = 0;

	if (!w || len > GL_HEAD_MAX)
		return -1;
	copy.bytes = slot_bytes(w->step.slot, w->step.slot_big, w->conn_id, &mask);
	if (!copy.bytes || len > mask + 1)
		return -1;
	copy.mask = mask;
	copy.left = len;
	gl_loop(GL_HEAD_MAX / GL_SLOT_CHUNK, slot_head_chunk, &copy);
	return copy.err || copy.left ? -1 : 0;
}

/*
 * slot_window: copies the bytes [@off, @off + @len) of the slot in use to the start of the head
 * buffer; @len is at most GL_SLOT_CHUNK. Returns 0 or a negative number.
 */
gl_global int slot_window(u32 off, u32 len)
{
	struct work *w = work_get();
	u64 mask = 0, n, o = off;
	u8 *bytes;

	if (!w || !len)
		return -1;
	bytes = slot_bytes(w->step.slot, w->step.slot_big, w->conn_id, &mask);
	if (!bytes || off + len > mask + 1)
		return -1;
	n = slot_chunk(len);
	gl_opaque(o);
	o &= mask;
	gl_opaque(o);
	return bpf_probe_read_kernel(w->buf.b, n, bytes + o);
}

#endif
