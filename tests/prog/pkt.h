/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt: whole packets out of a few words, and what differs between two. Ethernet, IPv4 or IPv6, TCP with the options that
 * Linux sends, in Linux's order; checksums are right unless said.
 */
#ifndef TESTS_PROG_PKT_H
#define TESTS_PROG_PKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKT_MAX		3500	/* what BPF_PROG_TEST_RUN takes on every kernel */

/* Who sends or receives: each has an address of both families and a port. */
enum pkt_side {
	POD,		/* 10.77.0.11 or fd00:77::11, port 40000 */
	FRONT,		/* 10.96.0.10 or fd00:96::10, port 80 */
	GRAY,		/* 10.77.0.12 or fd00:77::12, port 8080 */
	GRAY2,		/* 10.77.0.13 or fd00:77::13, port 8080 */
	OTHER,		/* 10.96.0.99 or fd00:96::99, port 80: of no policy */
	PKT_SIDES,
};

/* What is odd about a packet. */
enum pkt_odd {
	PKT_PLAIN,
	PKT_IP_OPTIONS,		/* IPv4: four bytes of NOP; IPv6: a hop-by-hop header */
	PKT_FRAGMENT,		/* the first of several */
	PKT_FRAGMENT_LATER,	/* not the first: no TCP header in it */
	PKT_SHORT,		/* the TCP header is longer than the packet */
	PKT_MD5,		/* TCP option 19 */
};

struct pkt {
	bool v6;
	uint8_t from, to;	/* enum pkt_side */
	uint8_t flags;		/* GL_TCP_* */
	uint8_t odd;		/* enum pkt_odd */
	uint8_t ttl;		/* 0: 64 */
	uint8_t tos;
	uint16_t sport;		/* of the pod; 0: 40000 */
	uint32_t seq;
	uint32_t ack;
	uint16_t win;
	uint16_t mss;		/* 0: no such option; the same for those below */
	uint8_t ws;		/* shift + 1 */
	bool sack_ok;
	bool ts;
	uint32_t tsval, tsecr;
	uint32_t nsack;
	uint32_t sack[6];	/* edges: start, end, start, end ... */
	const void *data;	/* payload; NULL with len: a pattern that depends on the number of each byte's place */
	uint32_t len;
};

/* Builds @pkt into @buf (PKT_MAX bytes); returns its length. */
uint32_t pkt_build(const struct pkt *pkt, uint8_t *buf);

/* NULL if both are the same bytes; else a text about each field that differs, good until the next call. */
const char *pkt_diff(const uint8_t *want, uint32_t want_len, const uint8_t *got, uint32_t got_len);

/* Address and port of a side, as in maps. */
void pkt_addr(bool v6, enum pkt_side side, uint8_t ret[16]);
uint16_t pkt_port(enum pkt_side side);
const char *pkt_text(bool v6, enum pkt_side side);

/* The pattern, as a payload of @len bytes from place @at on. */
void pkt_pattern(uint8_t *buf, uint32_t at, uint32_t len);

#endif
