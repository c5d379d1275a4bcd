// SPDX-License-Identifier: Apache-2.0
/*
 * The connection machine under packets of any kind, from the client and from four servers, with
 * numbers near those that it expects. What must hold after each: the active leg exists, a slot is
 * given back once and none is lost (the driver sees to that), and the packets of a connection that
 * was never translated pass.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OP 16 /* bytes of the input for each packet */

void driver_broken(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

/* A number near one that the connection knows. */
static u32 near(u32 known, u8 off)
{
	return known + (u32)(s8)off;
}

/* A packet as an end of leg @leg might send it, or somebody who guesses. */
static void make(struct packet *p, const struct driver *d, const u8 *op)
{
	static const u8 flags[] = {
		GL_TCP_ACK,
		GL_TCP_ACK | GL_TCP_PSH,
		GL_TCP_ACK | GL_TCP_FIN,
		GL_TCP_RST,
		GL_TCP_RST | GL_TCP_ACK,
		GL_TCP_SYN,
		GL_TCP_SYN | GL_TCP_ACK,
		GL_TCP_ACK,
	};
	const struct gl_leg *leg;

	memset(p, 0, sizeof(*p));
	p->peer = op[0] >> 1 & (DRIVER_PEERS - 1);
	leg = &d->conn.leg[p->peer && d->tuple[p->peer] ? d->tuple[p->peer] - 1 : 0];
	p->seg.flags = flags[op[1] & 7];
	p->seg.len = (op[1] >> 3) % (DRIVER_BYTES + 1);
	if (p->seg.flags & (GL_TCP_SYN | GL_TCP_RST))
		p->seg.len = 0;
	if (op[0] & 1) {
		p->peer = 0;
		p->seg.seq = near(d->conn.nxt, op[2] & 0x80 ? op[2] : 0);
		p->seg.ack = near(d->conn.ack, op[3] & 0x80 ? op[3] : op[3] & 15);
	} else {
		p->seg.seq = near(leg->snd_nxt, op[2] & 0x80 ? op[2] : op[2] & 3);
		p->seg.ack = leg->state == GL_LEG_OPENING ?
				     leg->isn + 1 :
				     near(leg->rcv_nxt, op[3] & 0x80 ? op[3] : 0);
	}
	p->seg.win = op[4] << 8;
	p->seg.opts = op[5] & 7;
	p->seg.mss = 1460 - (op[5] & 0x80);
	p->seg.ws = op[5] >> 3 & 7;
	p->seg.tsval = op[6] | (u32)op[7] << 24;
	p->seg.tsecr = op[7];
	memcpy(p->b, op + 8, DRIVER_BYTES);
}

static void check(const struct driver *d, const struct work *w)
{
	u32 i;

	driver_require(d->conn.active < GL_LEGS, "the active leg does not exist");
	if (!d->live)
		return;
	driver_require((d->conn.flags & GL_CONN_TRANSLATED) || w->step.act == GL_ACT_PASS,
		       "a connection that was never translated is touched");
	for (i = 0; i < GL_LEGS; i++) {
		driver_require(d->conn.leg[i].state <= GL_LEG_CLOSED, "no state");
		driver_require((d->conn.flags & GL_CONN_TRANSLATED) ||
				       !(d->conn.leg[i].flags & GL_LEG_TRANSLATED),
			       "a leg is translated and its connection is not");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct driver d;
	static struct work w;
	u64 now_ns = 1;
	size_t i;

	memset(&d, 0, sizeof(d));
	for (; size >= OP; data += OP, size -= OP) {
		struct packet p;

		make(&p, &d, data);
		now_ns += (u64)data[4] * 10000000;
		p.seg.now_ns = now_ns;
		if (data[0] & 1)
			driver_from_client(&d, &w, &p, data[0] >> 4 & 1);
		else
			driver_from_server(&d, &w, &p);
		check(&d, &w);
	}
	/* What is left is reaped: every slot has come back then. */
	if (d.live) {
		memset(&w, 0, sizeof(w));
		gl_step_release(&d.conn, &w.step);
		gl_step_release_response(&d.conn, &w.step);
		w.step.over = 1;
		conn_settle(&d, &w);
	}
	for (i = 0; i < DRIVER_SLOTS; i++)
		driver_require(!d.slot[i].taken, "a slot is lost");
	return 0;
}
