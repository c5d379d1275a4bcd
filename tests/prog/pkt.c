// SPDX-License-Identifier: Apache-2.0
/* pkt: see pkt.h. */
#include "prog/pkt.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ETH 14

static const struct {
	const char *v4, *v6;
	uint16_t port;
} sides[PKT_SIDES] = {
	[POD] = { "10.77.0.11", "fd00:77::11", 40000 },
	[FRONT] = { "10.96.0.10", "fd00:96::10", 80 },
	[GRAY] = { "10.77.0.12", "fd00:77::12", 8080 },
	[GRAY2] = { "10.77.0.13", "fd00:77::13", 8080 },
	[OTHER] = { "10.96.0.99", "fd00:96::99", 80 },
};

void pkt_addr(bool v6, enum pkt_side side, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (v6) {
		inet_pton(AF_INET6, sides[side].v6, ret);
	} else {
		memset(ret + 10, 0xff, 2);
		inet_pton(AF_INET, sides[side].v4, ret + 12);
	}
}

uint16_t pkt_port(enum pkt_side side)
{
	return sides[side].port;
}

const char *pkt_text(bool v6, enum pkt_side side)
{
	return v6 ? sides[side].v6 : sides[side].v4;
}

void pkt_pattern(uint8_t *buf, uint32_t at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)((at + i) * 31 + ((at + i) >> 8));
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t s)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		s += get16(p + i);
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Options of @pkt at @p; returns their length. */
static uint32_t put_options(const struct pkt *pkt, uint8_t *p)
{
	static const uint8_t nops[2] = { 1, 1 };
	uint8_t *start = p;

	if (pkt->odd == PKT_MD5) {
		memset(p, 0x5a, 20);
		put16(p, 19 << 8 | 18);
		p[18] = p[19] = 1;
		p += 20;
	}
	if (pkt->mss) {
		put16(p, 0x0204);
		put16(p + 2, pkt->mss);
		p += 4;
	}
	if (pkt->sack_ok || pkt->ts) {
		memcpy(p, nops, 2);
		if (pkt->sack_ok)
			put16(pkt->ts ? p : p + 2, 0x0402);
		p += pkt->ts ? 2 : 4;
	}
	if (pkt->ts) {
		put16(p, 0x080a);
		put32(p + 2, pkt->tsval);
		put32(p + 6, pkt->tsecr);
		p += 10;
	}
	if (pkt->ws) {
		put32(p, 0x01030300U | (uint32_t)(pkt->ws - 1));
		p += 4;
	}
	if (pkt->nsack) {
		memcpy(p, nops, 2);
		p[2] = 5;
		p[3] = (uint8_t)(2 + pkt->nsack * 8);
		p += 4;
		for (uint32_t i = 0; i < pkt->nsack * 2; i++, p += 4)
			put32(p, pkt->sack[i]);
	}
	return (uint32_t)(p - start);
}

static uint32_t put_ipv4(const struct pkt *pkt, uint8_t *ip, uint32_t payload)
{
	uint32_t len = pkt->odd == PKT_IP_OPTIONS ? 24 : 20;
	uint8_t addr[16];

	memset(ip, 0, len);
	ip[0] = (uint8_t)(0x40 | len / 4);
	ip[1] = pkt->tos;
	put16(ip + 2, (uint16_t)(len + payload));
	put16(ip + 6, pkt->odd == PKT_FRAGMENT	     ? 0x2000 :
		      pkt->odd == PKT_FRAGMENT_LATER ? 0x2010 :
						       0x4000);
	ip[8] = pkt->ttl ? pkt->ttl : 64;
	ip[9] = 6;
	pkt_addr(false, pkt->from, addr);
	memcpy(ip + 12, addr + 12, 4);
	pkt_addr(false, pkt->to, addr);
	memcpy(ip + 16, addr + 12, 4);
	memset(ip + 20, 1, len - 20);
	put16(ip + 10, fold(sum(ip, len, 0)));
	return len;
}

static uint32_t put_ipv6(const struct pkt *pkt, uint8_t *ip, uint32_t payload)
{
	uint32_t len = 40;

	memset(ip, 0, 48);
	ip[0] = (uint8_t)(0x60 | pkt->tos >> 4);
	ip[1] = (uint8_t)(pkt->tos << 4);
	ip[6] = 6;
	ip[7] = pkt->ttl ? pkt->ttl : 64;
	pkt_addr(true, pkt->from, ip + 8);
	pkt_addr(true, pkt->to, ip + 24);
	if (pkt->odd == PKT_IP_OPTIONS) {
		ip[6] = 0;
		memcpy(ip + 40, (uint8_t[]){ 6, 0, 1, 4, 0, 0, 0, 0 }, 8);
		len = 48;
	} else if (pkt->odd == PKT_FRAGMENT || pkt->odd == PKT_FRAGMENT_LATER) {
		ip[6] = 44;
		memcpy(ip + 40, (uint8_t[]){ 6, 0, 0, 1, 0, 0, 0, 7 }, 8);
		if (pkt->odd == PKT_FRAGMENT_LATER)
			ip[43] = 0x81;
		len = 48;
	}
	put16(ip + 4, (uint16_t)(len - 40 + payload));
	return len;
}

uint32_t pkt_build(const struct pkt *pkt, uint8_t *buf)
{
	uint8_t tcp[60] = { 0 }, addr[32], *at;
	uint32_t hlen = 20 + put_options(pkt, tcp + 20), ip_len, s;

	assert(hlen <= 60 && hlen % 4 == 0 && ETH + 48 + hlen + pkt->len <= PKT_MAX);
	/* The pod has MAC address 02:..:01, the node 02:..:02. */
	memcpy(buf, (uint8_t[ETH]){ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00 }, ETH);
	if (pkt->from != POD) {
		buf[5] = 1;
		buf[11] = 2;
	}
	if (pkt->v6)
		put16(buf + 12, 0x86dd);
	put16(tcp, pkt->from == POD && pkt->sport ? pkt->sport : sides[pkt->from].port);
	put16(tcp + 2, pkt->to == POD && pkt->sport ? pkt->sport : sides[pkt->to].port);
	put32(tcp + 4, pkt->seq);
	put32(tcp + 8, pkt->ack);
	tcp[12] = (uint8_t)((pkt->odd == PKT_SHORT ? 15 : hlen / 4) << 4);
	tcp[13] = pkt->flags;
	put16(tcp + 14, pkt->win);
	ip_len = pkt->v6 ? put_ipv6(pkt, buf + ETH, hlen + pkt->len) :
			   put_ipv4(pkt, buf + ETH, hlen + pkt->len);
	at = buf + ETH + ip_len;
	memcpy(at, tcp, hlen);
	if (pkt->data)
		memcpy(at + hlen, pkt->data, pkt->len);
	else
		pkt_pattern(at + hlen, 0, pkt->len);
	pkt_addr(pkt->v6, pkt->from, addr);
	pkt_addr(pkt->v6, pkt->to, addr + 16);
	s = pkt->v6 ? sum(addr, 32, 0) : sum(addr + 12, 4, sum(addr + 28, 4, 0));
	s += 6 + hlen + pkt->len;
	put16(at + 16, fold(sum(at, hlen + pkt->len, s)));
	return ETH + ip_len + hlen + pkt->len;
}

/* Names of fields, one per line, for both packets; lines that differ are what we want to see. */
struct text {
	char line[64][160];
	uint32_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
	va_list args;

	if (t->n == 64)
		return;
	va_start(args, format);
	vsnprintf(t->line[t->n++], sizeof(t->line[0]), format, args);
	va_end(args);
}

static void say_tcp(struct text *t, const uint8_t *tcp, uint32_t len)
{
	uint32_t hlen, i, k;

	if (len < 20) {
		say(t, "tcp: cut after %u bytes", len);
		return;
	}
	hlen = (tcp[12] >> 4) * 4U;
	say(t, "ports: %u > %u", get16(tcp), get16(tcp + 2));
	say(t, "seq: %u", get32(tcp + 4));
	say(t, "ack: %u", get32(tcp + 8));
	say(t, "tcp header: %u", hlen);
	say(t, "flags: %#x", tcp[13]);
	say(t, "window: %u", get16(tcp + 14));
	say(t, "tcp checksum: %#x", get16(tcp + 16));
	say(t, "urgent: %u", get16(tcp + 18));
	for (i = 20; i < hlen && i < len; i += k) {
		k = tcp[i] <= 1 ? 1 : i + 1 < len ? tcp[i + 1] : 1;
		if (k < 1)
			k = 1;
		if (tcp[i] == 8 && i + 10 <= len)
			say(t, "timestamps: %u %u", get32(tcp + i + 2), get32(tcp + i + 6));
		else if (tcp[i] == 5)
			for (uint32_t j = i + 2; j + 8 <= i + k && j + 8 <= len; j += 8)
				say(t, "sack: %u-%u", get32(tcp + j), get32(tcp + j + 4));
		else if (tcp[i] > 1)
			say(t, "option %u: %u bytes, %02x %02x", tcp[i], k,
			    i + 2 < len ? tcp[i + 2] : 0, i + 3 < len ? tcp[i + 3] : 0);
	}
	say(t, "payload: %u bytes", len > hlen ? len - hlen : 0);
}

static void say_packet(struct text *t, const uint8_t *p, uint32_t len)
{
	char from[INET6_ADDRSTRLEN] = "", to[INET6_ADDRSTRLEN] = "";
	uint32_t l4;

	t->n = 0;
	say(t, "length: %u", len);
	if (len < ETH + 20)
		return;
	say(t, "ethernet: ..%02x > ..%02x %#x", p[11], p[5], get16(p + 12));
	if (get16(p + 12) == 0x86dd) {
		l4 = ETH + 40;
		inet_ntop(AF_INET6, p + ETH + 8, from, sizeof(from));
		inet_ntop(AF_INET6, p + ETH + 24, to, sizeof(to));
		say(t, "ip: %s > %s, next %u, hops %u, length %u, first word %#x", from, to,
		    p[ETH + 6], p[ETH + 7], get16(p + ETH + 4), get32(p + ETH));
	} else {
		l4 = ETH + (p[ETH] & 15) * 4U;
		inet_ntop(AF_INET, p + ETH + 12, from, sizeof(from));
		inet_ntop(AF_INET, p + ETH + 16, to, sizeof(to));
		say(t, "ip: %s > %s, protocol %u, ttl %u, length %u, header %u, tos %u", from, to,
		    p[ETH + 9], p[ETH + 8], get16(p + ETH + 2), l4 - ETH, p[ETH + 1]);
		say(t, "ip id %u, fragment %#x, checksum %#x", get16(p + ETH + 4),
		    get16(p + ETH + 6), get16(p + ETH + 10));
	}
	if (l4 <= len)
		say_tcp(t, p + l4, len - l4);
}

const char *pkt_diff(const uint8_t *want, uint32_t want_len, const uint8_t *got, uint32_t got_len)
{
	static char out[4096];
	static struct text w, g;
	size_t used = 0;
	uint32_t i;

	if (want_len == got_len && !memcmp(want, got, want_len))
		return NULL;
	say_packet(&w, want, want_len);
	say_packet(&g, got, got_len);
	out[0] = '\0';
	for (i = 0; i < w.n || i < g.n; i++) {
		const char *a = i < w.n ? w.line[i] : "-", *b = i < g.n ? g.line[i] : "-";

		if (strcmp(a, b) && used < sizeof(out))
			used += (size_t)snprintf(out + used, sizeof(out) - used,
						 "  want %s\n  got  %s\n", a, b);
	}
	for (i = 0; i < want_len && i < got_len && want[i] == got[i]; i++)
		;
	if (used < sizeof(out))
		snprintf(out + used, sizeof(out) - used, "  first byte that differs: %u\n", i);
	return out;
}
