/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * leg: the life of one leg as a table (state, event) -> (state, action). Pure; allowed under a spin
 * lock.
 *
 * Who asks: client.h (events of the client's packets) and server.h (events of the server's
 * packets). What they never do: set gl_leg.state by themselves. tests/model walks this very table.
 *
 * A leg is the active one of its connection, or idle. The server of an idle leg is kept quiet: what
 * it sends is answered here and never shown to the client, so an idle leg has events of its own.
 */
#ifndef GL_CORE_LEG_H
#define GL_CORE_LEG_H

#include "core/port.h"
#include "graylink/conn.h"

/* What to do with the packet in hand. Costs rise downwards. */
enum gl_act {
	GL_ACT_PASS,		/* leave it alone */
	GL_ACT_XLAT,		/* rewrite its header for the other side */
	GL_ACT_DROP,		/* drop it; its sender sends it again */
	GL_ACT_SCAN,		/* a request begins here: read its head and decide */
	GL_ACT_MORE,		/* bytes for the held head: append to the slot, read again, decide */
	GL_ACT_APPEND,		/* body bytes while the leg opens: append to the slot */
	GL_ACT_RESPONSE,	/* a response begins here: read its head */
	GL_ACT_CHUNKS,		/* a chunked body goes on here, and not with data alone: read it */
	GL_ACT_ACK_CLIENT,	/* answer the client with an ACK of what was taken */
	GL_ACT_SYN,		/* turn it into a SYN to the leg */
	GL_ACT_REPLAY,		/* turn it into the saved bytes, towards the leg */
	GL_ACT_FAILED,		/* the leg came to nothing: another endpoint, else base */
	GL_ACT_ACK_LEG,		/* answer the server with an ACK */
	GL_ACT_FIN_LEG,		/* answer the server with FIN and ACK */
	GL_ACT_RST_LEG,		/* answer the server with RST */
	GL_ACT_RST_CLIENT,	/* tell the client that its connection is gone */
};

enum gl_leg_event {
	GL_LEG_EV_OPEN,		/* a request was decided for this leg */
	GL_LEG_EV_SYNACK,	/* the server accepted */
	GL_LEG_EV_TICK,		/* the client sent again what the slot holds */
	GL_LEG_EV_SILENT,	/* the same, but patience is over */
	GL_LEG_EV_REFUSED,	/* RST or ICMP instead of a SYN-ACK, or one that cannot be used */
	GL_LEG_EV_STALE,	/* an old connection of the server answers our SYN with a challenge ACK */
	GL_LEG_EV_RST,		/* active: a valid RST of the server */
	GL_LEG_EV_CLOSE,	/* idle: the client closes; FIN to the server */
	GL_LEG_EV_ABORT,	/* idle: the client resets */
	GL_LEG_EV_IDLE_ACK,	/* idle: an ACK without data that acknowledges nothing of interest */
	GL_LEG_EV_IDLE_DATA,	/* idle: data or a probe: it was seen before */
	GL_LEG_EV_IDLE_FIN,	/* idle: the server closes, and has not acknowledged a FIN of ours */
	GL_LEG_EV_IDLE_FIN_OWN,	/* idle: the server closes and has acknowledged our FIN */
	GL_LEG_EV_IDLE_RST,	/* idle: RST */
	GL_LEG_EV_IDLE_OVER,	/* idle: an ACK of our FIN, after the server's FIN */
	GL_LEG_EV_COUNT
};

struct gl_leg_row {
	u8 state;	/* next state */
	u8 act;		/* enum gl_act */
};

/* Rows of the table, a power of two; those behind CLOSED are no states. */
#define GL_LEG_STATES	8

#define GL_ROW(next, action) \
	{ \
		GL_LEG_##next, GL_ACT_##action \
	}

/*
 * The table; every pair is written out. A leg that is closing may be opened again at once, with
 * numbers beyond its old ones: what the old connection still sends is stale then.
 *
 * A leg that came to nothing stays OPENING until its request has another leg, so that a commit that
 * fails in between leaves a way out: the next tick fails it again.
 *
 * The challenge ACK: a server that still holds a half-open connection of the same tuple answers a
 * SYN with an ACK of its old numbers (RFC 5961, section 4). An RST with the acknowledged number
 * makes it forget; the client's next tick sends the SYN again.
 */
static const struct gl_leg_row gl_leg_table[GL_LEG_STATES][GL_LEG_EV_COUNT] = {
	[GL_LEG_NONE] = {
		[GL_LEG_EV_OPEN]	= GL_ROW(OPENING, SYN),
		[GL_LEG_EV_SYNACK]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_TICK]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_SILENT]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_REFUSED]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_STALE]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_RST]		= GL_ROW(NONE, PASS),
		[GL_LEG_EV_CLOSE]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_ABORT]	= GL_ROW(NONE, PASS),
		[GL_LEG_EV_IDLE_ACK]	= GL_ROW(NONE, DROP),
		[GL_LEG_EV_IDLE_DATA]	= GL_ROW(NONE, DROP),
		[GL_LEG_EV_IDLE_FIN]	= GL_ROW(NONE, DROP),
		[GL_LEG_EV_IDLE_FIN_OWN] = GL_ROW(NONE, DROP),
		[GL_LEG_EV_IDLE_RST]	= GL_ROW(NONE, DROP),
		[GL_LEG_EV_IDLE_OVER]	= GL_ROW(NONE, DROP),
	},
	[GL_LEG_OPENING] = {
		[GL_LEG_EV_OPEN]	= GL_ROW(OPENING, SYN),
		[GL_LEG_EV_SYNACK]	= GL_ROW(OPEN, REPLAY),
		[GL_LEG_EV_TICK]	= GL_ROW(OPENING, SYN),
		[GL_LEG_EV_SILENT]	= GL_ROW(OPENING, FAILED),
		[GL_LEG_EV_REFUSED]	= GL_ROW(OPENING, FAILED),
		[GL_LEG_EV_STALE]	= GL_ROW(OPENING, RST_LEG),
		[GL_LEG_EV_RST]		= GL_ROW(OPENING, DROP),
		[GL_LEG_EV_CLOSE]	= GL_ROW(OPENING, DROP),
		[GL_LEG_EV_ABORT]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_IDLE_ACK]	= GL_ROW(OPENING, DROP),
		[GL_LEG_EV_IDLE_DATA]	= GL_ROW(OPENING, DROP),
		[GL_LEG_EV_IDLE_FIN]	= GL_ROW(OPENING, DROP),
		[GL_LEG_EV_IDLE_FIN_OWN] = GL_ROW(OPENING, DROP),
		[GL_LEG_EV_IDLE_RST]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_OVER]	= GL_ROW(OPENING, DROP),
	},
	[GL_LEG_OPEN] = {
		[GL_LEG_EV_OPEN]	= GL_ROW(OPEN, XLAT),
		[GL_LEG_EV_SYNACK]	= GL_ROW(OPEN, ACK_LEG),
		[GL_LEG_EV_TICK]	= GL_ROW(OPEN, REPLAY),
		[GL_LEG_EV_SILENT]	= GL_ROW(OPEN, REPLAY),
		[GL_LEG_EV_REFUSED]	= GL_ROW(OPEN, DROP),
		[GL_LEG_EV_STALE]	= GL_ROW(OPEN, DROP),
		[GL_LEG_EV_RST]		= GL_ROW(CLOSED, XLAT),
		[GL_LEG_EV_CLOSE]	= GL_ROW(CLOSING, FIN_LEG),
		[GL_LEG_EV_ABORT]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_IDLE_ACK]	= GL_ROW(OPEN, DROP),
		[GL_LEG_EV_IDLE_DATA]	= GL_ROW(OPEN, ACK_LEG),
		[GL_LEG_EV_IDLE_FIN]	= GL_ROW(CLOSING, FIN_LEG),
		[GL_LEG_EV_IDLE_FIN_OWN] = GL_ROW(CLOSING, FIN_LEG),
		[GL_LEG_EV_IDLE_RST]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_OVER]	= GL_ROW(OPEN, DROP),
	},
	[GL_LEG_CLOSING] = {
		[GL_LEG_EV_OPEN]	= GL_ROW(OPENING, SYN),
		[GL_LEG_EV_SYNACK]	= GL_ROW(CLOSING, ACK_LEG),
		[GL_LEG_EV_TICK]	= GL_ROW(CLOSING, DROP),
		[GL_LEG_EV_SILENT]	= GL_ROW(CLOSING, DROP),
		[GL_LEG_EV_REFUSED]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_STALE]	= GL_ROW(CLOSING, DROP),
		[GL_LEG_EV_RST]		= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_CLOSE]	= GL_ROW(CLOSING, FIN_LEG),
		[GL_LEG_EV_ABORT]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_IDLE_ACK]	= GL_ROW(CLOSING, DROP),
		[GL_LEG_EV_IDLE_DATA]	= GL_ROW(CLOSING, ACK_LEG),
		[GL_LEG_EV_IDLE_FIN]	= GL_ROW(CLOSING, FIN_LEG),
		[GL_LEG_EV_IDLE_FIN_OWN] = GL_ROW(CLOSED, ACK_LEG),
		[GL_LEG_EV_IDLE_RST]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_OVER]	= GL_ROW(CLOSED, DROP),
	},
	[GL_LEG_CLOSED] = {
		[GL_LEG_EV_OPEN]	= GL_ROW(OPENING, SYN),
		[GL_LEG_EV_SYNACK]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_TICK]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_SILENT]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_REFUSED]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_STALE]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_RST]		= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_CLOSE]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_ABORT]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_ACK]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_DATA]	= GL_ROW(CLOSED, RST_LEG),
		[GL_LEG_EV_IDLE_FIN]	= GL_ROW(CLOSED, ACK_LEG),
		[GL_LEG_EV_IDLE_FIN_OWN] = GL_ROW(CLOSED, ACK_LEG),
		[GL_LEG_EV_IDLE_RST]	= GL_ROW(CLOSED, DROP),
		[GL_LEG_EV_IDLE_OVER]	= GL_ROW(CLOSED, DROP),
	},
};

/* gl_leg_step: moves @leg by @event (a constant at each call) and returns the action. */
gl_inline u32 gl_leg_step(struct gl_leg *leg, u32 event)
{
	const struct gl_leg_row *row;
	u64 state = leg->state;

	/*
	 * A mask, not a compare: 6.1 forgets what a compare said once the value was spilled to the
	 * stack.
	 */
	gl_opaque(state);
	state &= GL_LEG_STATES - 1;
	gl_opaque(state);
	row = &gl_leg_table[state][event];
	leg->state = row->state;
	return row->act;
}

/*
 * gl_leg_find: index of the leg on which a request of @lane would go: the active one if it fits,
 * else one that is open. -1: one must be opened.
 */
gl_inline int gl_leg_find(const struct gl_conn *conn, u16 lane)
{
	u32 active = conn->active & (GL_LEGS - 1), i;

	if (conn->leg[active].lane == lane && conn->leg[active].state == GL_LEG_OPEN)
		return active;
	gl_unroll
	for (i = 0; i < GL_LEGS; i++)
		if (conn->leg[i].lane == lane && conn->leg[i].state == GL_LEG_OPEN)
			return i;
	return -1;
}

/*
 * gl_leg_free: index of a leg that can be opened towards an endpoint (never the frontend's), or -1.
 */
gl_inline int gl_leg_free(const struct gl_conn *conn)
{
	u32 i;

	gl_unroll
	for (i = 1; i < GL_LEGS; i++)
		if (i != conn->active &&
		    (conn->leg[i].state == GL_LEG_NONE || conn->leg[i].state == GL_LEG_CLOSED))
			return i;
	return -1;
}

#endif
