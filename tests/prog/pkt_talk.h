/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt_talk: scenario S of the vectors (tests/vectors/tcp): client ISN 1000, base ISN 5000, gray ISN 90000. R1 is 1001-1050 and
 * goes to base, its answer 5001-5100; R2 is 1051-1110 and goes to gray: gray's number 90001 is the client's 5101. What each
 * step must make of its packet is checked on the way.
 */
#ifndef TESTS_PROG_PKT_TALK_H
#define TESTS_PROG_PKT_TALK_H

#include "prog/pkt_rig.h"

#define ACK	GL_TCP_ACK
#define PSH_ACK (GL_TCP_ACK | GL_TCP_PSH)
#define FIN_ACK (GL_TCP_ACK | GL_TCP_FIN)
#define SYN_ACK (GL_TCP_ACK | GL_TCP_SYN)
#define RST_ACK (GL_TCP_ACK | GL_TCP_RST)

struct pkt_talk {
	struct rig *rig;
	bool ts, sack_ok;
	uint8_t ws;			/* of the pod and base: shift + 1; 0: no such option */
	uint8_t gray_ws;
	uint32_t off;			/* added to every number, so that they wrap */
	uint32_t tsval[PKT_SIDES];	/* what each side sends */
	uint32_t tsecr[PKT_SIDES];
	uint16_t win[PKT_SIDES];
	uint8_t r1[64], r2[64], a1[128];
};

/* A request of @len bytes (43 to 1000), to gray if @gray. */
void talk_request(uint8_t *buf, uint32_t len, bool gray);
/* An answer of @len bytes, @body of them body. */
void talk_answer(uint8_t *buf, uint32_t len, uint32_t body);

/* A talk without options; the caller sets them, then calls talk_open(). */
void talk_begin(struct pkt_talk *t, struct rig *rig);

/* A packet with the options and the window that its sender would use now. Numbers are those of the scenario. */
struct pkt talk_pkt(const struct pkt_talk *t, uint8_t from, uint8_t to, uint8_t flags, uint32_t seq,
		    uint32_t ack, const void *data, uint32_t len);
/* A SYN or SYN-ACK with all options. */
struct pkt talk_syn(const struct pkt_talk *t, uint8_t from, uint8_t to, uint8_t flags, uint32_t seq,
		    uint32_t ack);

/* The handshake with base. */
void talk_open(struct pkt_talk *t);
/* R1 and its answer; @ack: the client's ACK, too. */
void talk_base(struct pkt_talk *t, bool ack);
/* R2 becomes a SYN to gray ... */
void talk_gray_syn(struct pkt_talk *t);
/* ... and the SYN-ACK becomes R2. */
void talk_gray_accept(struct pkt_talk *t);
/* All of it, up to R2 at gray. */
void talk_scenario(struct pkt_talk *t);

/* Runs a packet, which must pass as it is / be dropped / come out as @want. */
void talk_pass(struct pkt_talk *t, struct pkt pkt);
void talk_drop(struct pkt_talk *t, struct pkt pkt);
void talk_change(struct pkt_talk *t, struct pkt pkt, int verdict, struct pkt want);
struct gl_conn talk_conn(const struct pkt_talk *t);

#endif
