/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conn: the whole state of one steered connection, one struct in one map (conns).
 *
 * Writers: from_pod and to_pod, under gl_conn_value.lock. The agent reads (listing, sweeper) and
 * deletes. Layout is shared and part of the schema: raise GL_SCHEMA when it changes.
 *
 * Sequence numbers live in one of two spaces. The client's space is what the client pod's socket
 * sends and sees: all fields of gl_conn itself. A leg's space is what the endpoint's socket sends
 * and sees: all fields of gl_leg.
 *	leg seq    = client seq + dtx		(bytes of the client)
 *	client seq = leg seq + drx		(bytes of the server)
 */
#ifndef GL_CONN_H
#define GL_CONN_H

#include "graylink/abi.h"

/* State of a leg; core/leg.h holds the table. */
enum gl_leg_state {
	GL_LEG_NONE,		/* never opened */
	GL_LEG_OPENING,		/* SYN sent, nothing back yet */
	GL_LEG_OPEN,
	GL_LEG_CLOSING,		/* our FIN is on its way to the server; the leg is not the active one */
	GL_LEG_CLOSED,		/* both FINs or an RST; may be opened again */
};

/* Bits of gl_leg.flags. */
#define GL_LEG_TRANSLATED	0x01	/* numbers or addresses differ from the client's: every packet is rewritten */
#define GL_LEG_ANCHOR		0x02	/* the next timestamp of the server sets ts_off: the client's view never goes back */
#define GL_LEG_CLAIMED		0x04	/* its tuple stands in leg_tuples */
#define GL_LEG_SERVER_FIN	0x08	/* the server has sent FIN */
#define GL_LEG_FIRST		0x10	/* its SYN-ACK is the client's own: it is passed on, not answered */

/* One TCP connection between the client pod and one server. leg[0] is the frontend's: base. */
struct gl_leg {
	struct gl_addr addr;	/* endpoint; of leg 0 the frontend */
	__be16 port;
	u16 lane;
	u8 state;		/* enum gl_leg_state */
	u8 flags;		/* GL_LEG_* bits */
	u8 tries;		/* SYNs sent again while opening */
	u8 ws;			/* window scale of the server, 0 to 14 */
	u16 mss;		/* announced by the server, bytes */
	u16 pad;
	u32 isn;		/* of our SYN */
	u32 snd_nxt;		/* the server's bytes seen up to here, perhaps with holes: the client's ACK tells when it has all */
	u32 rcv_nxt;		/* the client's bytes handed to this leg up to here */
	u32 srv_ack;		/* highest acknowledgement of the server */
	u32 acked;		/* highest acknowledgement that the server was given */
	u32 fin_seq;		/* sequence number of the FIN that we made for it (CLOSING) */
	u32 dtx;
	u32 drx;
	u32 ts_off;		/* client's view of TSval = server's TSval + ts_off */
	u32 ts_first;		/* TSval of the server when the leg became the active one */
	u32 ts_last;		/* last TSval of the server */
	u32 wnd;		/* last window of the server, bytes */
	u32 cut_seq;		/* client's sequence number behind which cut_len bytes were inserted; 0 and 0: none */
	u16 cut_len;
	u16 pad2;
	u32 used_ms;		/* CLOCK_MONOTONIC in milliseconds (wraps): SYN sent, or last active use */
};

/* State of one chunked body; all zeroes at its first byte. core/chunk.h reads and writes it. */
struct gl_chunk {
	u64 left;		/* DATA: bytes to come; trailer: lines allowed; else: the size */
	u32 hash;		/* TRAILER_NAME: of the name as far as it is read */
	u16 spent;		/* bytes of this size line, or of the trailer */
	u8 phase;		/* enum gl_chunk_phase */
	u8 digits;		/* SIZE: digits read; TRAILER_NAME: bytes of the name read */
};

/* Where a request or a response stands. */
enum gl_phase {
	GL_PHASE_IDLE,		/* response: no request is waiting for one */
	GL_PHASE_HEAD,		/* the next byte begins a head */
	GL_PHASE_HOLD,		/* request: an incomplete head lies in the slot and is acknowledged to the client */
	GL_PHASE_BODY,		/* `left` bytes to come */
	GL_PHASE_CHUNKS,	/* a chunked body */
	GL_PHASE_DONE,		/* request: complete, its response is not */
	GL_PHASE_UNTIL_CLOSE,	/* response: ends with the connection */
};

/* The current request, in the client's space. */
struct gl_request {
	u64 left;		/* BODY: body bytes to come */
	struct gl_chunk chunk;	/* CHUNKS: where it is at conn.nxt */
	u64 bytes;		/* seen so far, head included */
	u64 start_ns;		/* CLOCK_MONOTONIC: its head was seen */
	u32 seq;		/* its first byte */
	u32 generation;		/* of the policy that decided */
	u16 lane;		/* its colour */
	u16 served;		/* lane of the leg that it was sent to */
	u8 phase;		/* enum gl_phase */
	u8 reason;		/* enum gl_reason */
	u8 method;		/* enum gl_method */
	u8 flags;		/* GL_REQUEST_* bits */
};

#define GL_REQUEST_EXPECT	0x01	/* Expect: 100-continue: the body may never come */

/* The current response, in the active leg's space. */
struct gl_response {
	u64 left;
	struct gl_chunk chunk;	/* CHUNKS: where it is at the leg's snd_nxt */
	u64 bytes;
	u64 first_ns;		/* CLOCK_MONOTONIC: first byte of the final response */
	u32 head_seq;		/* with a slot: first byte of the head */
	u32 span_start;		/* with a slot: bytes of the head behind a hole, [start, end); equal: none */
	u32 span_end;
	u16 code;
	u8 phase;		/* enum gl_phase */
	u8 flags;		/* GL_RESPONSE_* bits */
	u32 slot;		/* index + 1 of the big slot that holds the head while it is incomplete; 0: none */
	u32 held;		/* bytes in it from head_seq on without a hole; the client has them already */
};

#define GL_RESPONSE_CLOSE	0x01	/* the server said that it closes after this one */

/* Bits of gl_conn.flags. */
#define GL_CONN_TRANSLATED	0x0001	/* has been translated once: what cannot be translated completely is dropped */
#define GL_CONN_ESTABLISHED	0x0002	/* the client has its SYN-ACK */
#define GL_CONN_PINNED		0x0004	/* no decisions any more; gl_conn.pin says why */
#define GL_CONN_CLIENT_FIN	0x0008
#define GL_CONN_SERVER_FIN	0x0010	/* of the active leg, shown to the client */
#define GL_CONN_RESET		0x0020	/* RST passed: dead */
#define GL_CONN_HAS_TS		0x0040	/* options agreed with the first server, thus in use by the client */
#define GL_CONN_HAS_SACK	0x0080
#define GL_CONN_HAS_WS		0x0100
#define GL_CONN_FIN_ACKED	0x0200	/* the server has acknowledged the client's FIN */
#define GL_CONN_SFIN_ACKED	0x0400	/* the client has acknowledged the server's FIN */
#define GL_CONN_IPV4		0x0800
#define GL_CONN_SLOT_BIG	0x1000	/* the slot is one of slots_big */

/* One steered connection. */
struct gl_conn {
	u64 id;			/* never 0 once filled; tells a reused map element */
	struct gl_flow key;	/* client and frontend: its own key in conns */
	u64 start_ns;		/* CLOCK_MONOTONIC of the SYN */
	u64 used_ns;		/* CLOCK_MONOTONIC of the last request or transition */
	u64 requests;		/* requests decided so far */
	u32 epoch;		/* transitions of legs and requests so far */
	u16 flags;		/* GL_CONN_* bits */
	u16 service;
	u8 active;		/* index of the leg in use */
	u8 native;		/* index of the leg that the client's own SYN opened */
	u8 pin;			/* enum gl_pin */
	u8 pad;
	u16 origin;		/* lane of the calling pod, 0: none */
	u16 mss;		/* announced by the client */
	u32 isn;		/* of the client */
	u32 nxt;		/* the client's bytes seen (taken or passed) up to here, perhaps with holes */
	u32 ack;		/* highest acknowledgement of the client */
	u32 fin_seq;		/* number of the client's FIN */
	u32 ts;			/* last TSval of the client */
	u32 view_ts;		/* highest TSval that the client was shown */
	u16 win;		/* last window field of the client */
	u16 view_win;		/* last window field that the client was shown */
	u8 ws;			/* window scale of the client */
	u8 view_ws;		/* window scale that the client was shown: that of its SYN-ACK */
	u16 leg_fails;		/* endpoints that failed for the current request */
	u32 slot;		/* index + 1 of the slot that it owns; 0: none */
	u32 slot_seq;		/* client's sequence number of the slot's first byte */
	u32 slot_len;		/* bytes in the slot */
	u32 switch_seq;		/* client's number of the first byte for the active leg since the last switch */
	u32 switch_ack;		/* what the client had acknowledged then */
	u32 pad2;
	struct gl_request req;
	struct gl_response rsp;
	struct gl_leg leg[GL_LEGS];
};

/* Value of the conns map. The kernel's struct bpf_spin_lock is the u32 @lock. */
struct gl_conn_value {
	u32 lock;
	u32 pad;
	struct gl_conn conn;
};

/* Head of a slot; its bytes follow. */
struct gl_slot_head {
	u64 owner;		/* gl_conn.id; 0: free */
};

_Static_assert(sizeof(struct gl_leg) == 88, "gl_leg");
_Static_assert(sizeof(struct gl_request) == 56, "gl_request");
_Static_assert(sizeof(struct gl_response) == 64, "gl_response");
_Static_assert(sizeof(struct gl_conn) % 8 == 0, "gl_conn");

#endif
