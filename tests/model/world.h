/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: the small world that the model walks: one client TCP, base and two gray servers, the machine (driver.h) at the
 * client's side, and between the machine and each server two short queues that may lose and duplicate. Everything that
 * may happen next is an action; a budget bounds what goes wrong. world.c moves the world, walk.c visits every state.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "model/driver.h"

#define WORLD_PEERS	3	/* 0: base; 1, 2: endpoints of lane 1 */
#define WORLD_QUEUE	4	/* packets on the way in one direction */
#define WORLD_REQUESTS	3
#define WORLD_BYTES	12	/* of the client's stream, and of the answers */

/* How often something may go wrong on one path. */
struct budget {
	u8 loss;	/* a packet vanishes between machine and server */
	u8 pod;		/* a packet vanishes between machine and client */
	u8 dup;		/* a packet arrives twice, the second time behind others */
	u8 spur;	/* the client sends again although nothing was lost */
	u8 refuse;	/* a server answers a SYN with RST */
	u8 silent;	/* a server answers no SYN from now on */
	u8 close;	/* a server closes although nobody asked it to */
	u8 reset;	/* a server forgets its connection: RST */
	u8 early;	/* the client closes before its answer is there */
	u8 abort;	/* the client resets */
	u8 race;	/* a packet meets the machine while another is between its two sections under the lock */
};

/* What is the same in all states of one walk. */
struct plan {
	const char *name;
	u8 requests;
	u8 lane[WORLD_REQUESTS];
	u8 body[WORLD_REQUESTS];	/* bytes */
	u8 answer[WORLD_REQUESTS];	/* body bytes of the answer */
	u8 cuts;			/* the client may cut its requests */
	u8 answer_cuts;			/* the servers may cut their answers */
	u8 long_heads;			/* the head of an answer has two bytes */
	u8 pipeline;			/* the client does not wait for answers */
	u8 syn_lane;			/* where new connections go at once */
	u8 none;			/* fallback: None */
	u8 other_first;			/* endpoint 2 is asked before endpoint 1 */
	struct budget budget;
};

/* A packet on its way. */
struct wire {
	u8 flags;
	u8 len;
	u8 b[DRIVER_BYTES];
	u8 pad[2];
	u32 seq;
	u32 ack;
};

struct queue {
	struct wire wire[WORLD_QUEUE];
	u32 n;
};

enum { CLIENT_NEW, CLIENT_SYN_SENT, CLIENT_OPEN, CLIENT_DONE };

struct client {
	u8 state;
	u8 fin_sent;
	u8 fin_rcvd;
	u8 owes_ack;
	u8 owes_rst;	/* a packet came for a socket that is gone */
	u8 was_reset;
	u8 pad[2];
	u32 una;	/* first byte that is not acknowledged */
	u32 nxt;
	u32 rcv;
	u32 base;	/* number of the first byte of the answers */
	u32 rst_seq;
};

enum { SERVER_LISTEN, SERVER_SYN_RCVD, SERVER_OPEN, SERVER_TIME_WAIT };

struct server {
	u8 state;
	u8 life;	/* connections so far */
	u8 silent;
	u8 owes_ack;
	u8 fin_sent;
	u8 fin_rcvd;
	u8 closed_first;
	u8 left;	/* body bytes to come of the request in hand */
	u8 stage;	/* 0: head, 1: size, 2: body */
	u8 now;		/* request in hand */
	u8 nlog;	/* bytes of answers: all that it has sent or will send */
	u8 log[WORLD_BYTES];
	u8 pad[1];
	u32 iss;
	u32 rcv;
	u32 snd;	/* next number to send */
	u32 una;
};

struct world {
	struct driver d;
	struct client client;
	struct server server[WORLD_PEERS];
	struct queue to[WORLD_PEERS];
	struct queue from[WORLD_PEERS];
	struct budget left;
	u16 accepted;		/* bit per byte of the client's stream: a server has it */
	u8 excused;		/* a server or the client ended it: not every answer must come */
	u8 blamed;		/* a server may have shown a FIN or RST */
	u8 pinned;		/* once: requests may stay where they do not belong */
	u8 translated;		/* once */
	u8 pad[2];
};

/* Actions: what << 8 | which. */
enum {
	ACT_SYN,	/* client: which: 0, 1: late */
	ACT_SEND,	/* client: next bytes of a request: 0: all, else so many; +16: with FIN */
	ACT_ACK,	/* client: the ACK that it owes; 1: lost on its way */
	ACT_TICK,	/* client: everything unacknowledged again; +1: late, +2: first byte only */
	ACT_FIN,	/* client */
	ACT_ABORT,	/* client: RST */
	ACT_RST,	/* client: there is no such socket */
	ACT_TO,		/* first packet of to[which]: arrives */
	ACT_TO_LOSE,
	ACT_TO_DUP,	/* arrives, and again */
	ACT_REFUSE,	/* the SYN there is refused */
	ACT_SILENCE,	/* and this one never answered */
	ACT_FROM,	/* first packet of from[which] meets the machine; +16: what it makes for the client is lost */
	ACT_FROM_LOSE,
	ACT_FROM_DUP,
	ACT_ANSWER,	/* server: bytes of its answer: which | 4 if one byte only */
	ACT_SERVER_ACK,
	ACT_AGAIN,	/* server: everything unacknowledged again */
	ACT_SERVER_FIN,
	ACT_SERVER_RST,
	ACT_RACE,	/* first << 4 | second: RACE_* */
	ACT_COUNT
};

/* Packets that may meet in the machine. */
enum { RACE_SEND, RACE_TICK, RACE_LATE, RACE_FIN, RACE_FROM, RACE_COUNT = RACE_FROM + WORLD_PEERS };

extern const struct plan *world_plan;

/* The first broken promise since it was cleared, or NULL. */
extern const char *world_broken;

/* A promise is broken. */
void world_fail(const char *what);

/* Was this row of the table asked for? */
bool world_row(u32 state, u32 event);

void world_begin(struct world *w, const struct plan *plan);

/* The @i-th action, or 0xffff behind the last one. */
u16 world_action(u32 i);

/* Does @action if it can be done now. *ret_good: nothing has to go wrong for it. */
bool world_do(struct world *w, u16 action, bool *ret_good);

/* Has the conversation come to its end? */
bool world_over(const struct world *w);

/* Has the client's socket gone, and nothing is on its way? Then the agent's sweeper takes what state there is. */
bool world_swept(const struct world *w);

/* Text of an action, good until the next call. */
const char *world_name(u16 action);

/* One line about a state. */
void world_print(const struct world *w);

#endif
