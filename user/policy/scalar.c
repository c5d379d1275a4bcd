// SPDX-License-Identifier: Apache-2.0
/*
 * scalar: single values of a policy: names, numbers, durations, percentages, addresses. See read.h.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read.h"

/* Longest text of a value: Gateway API's limit for header values. */
#define TEXT_MAX	4096

const char *gl_read_text(struct gl_reader *reader, const struct gl_node *node)
{
	size_t i;

	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a string"))
		return NULL;
	if (node->len > TEXT_MAX) {
		gl_read_error(reader, node->pos, NULL,
			      "%zu bytes are too long; at most %d are allowed", node->len,
			      TEXT_MAX);
		return NULL;
	}
	for (i = 0; i < node->len; i++) {
		unsigned char c = node->text[i];

		if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
			gl_read_error(reader, node->pos, NULL,
				      "control character 0x%02x is not allowed", c);
			return NULL;
		}
	}
	return node->text;
}

void gl_read_string(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	*(const char **)out = gl_read_text(reader, node);
}

void gl_read_bool(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	if (!gl_read_expect(reader, node, GL_NODE_BOOL, "true or false"))
		return;
	if (strcmp(node->text, "true") && strcmp(node->text, "false")) {
		gl_read_error(reader, node->pos, NULL, "expected true or false, found \"%s\"",
			      node->text);
		return;
	}
	*(bool *)out = !strcmp(node->text, "true");
}

bool gl_read_int(struct gl_reader *reader, const struct gl_node *node, int64_t min, int64_t max,
		 int64_t *ret)
{
	long long value;
	char *end;

	if (node->kind != GL_NODE_INT &&
	    !(node->kind == GL_NODE_NUMBER && node->text[0] == '-' && min < 0)) {
		if (node->kind == GL_NODE_NUMBER)
			gl_read_error(reader, node->pos, NULL,
				      "expected a whole number, found %.64s", node->text);
		else
			gl_read_expect(reader, node, GL_NODE_INT, "a whole number");
		return false;
	}
	errno = 0;
	value = strtoll(node->text, &end, 10);
	if (*end || (node->text[0] == '-' &&
		     (node->text[1] == '0' ||
		      gl_node_resolve(node->text + 1, node->len - 1) != GL_NODE_INT))) {
		gl_read_error(reader, node->pos, NULL, "expected a whole number, found %.64s",
			      node->text);
		return false;
	}
	if (errno || value < min || value > max) {
		gl_read_error(reader, node->pos, NULL,
			      "%.64s is out of range; allowed is %lld to %lld", node->text,
			      (long long)min, (long long)max);
		return false;
	}
	*ret = value;
	return true;
}

/* Is it an RFC 1123 label? */
static bool is_label(const char *text, size_t len)
{
	size_t i;

	if (!len || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    text[i] != '-')
			return false;
	return true;
}

void gl_read_label_name(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a string"))
		return;
	if (!is_label(node->text, node->len)) {
		gl_read_error(reader, node->pos,
			      "a-z, 0-9 and '-', at most 63, neither first nor last a '-'",
			      "\"%.64s\" is not a DNS label (RFC 1123)", node->text);
		return;
	}
	*(const char **)out = node->text;
}

void gl_read_object_name(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	const char *at, *dot;

	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a string"))
		return;
	for (at = node->text; at; at = dot ? dot + 1 : NULL) {
		dot = strchr(at, '.');
		if (node->len > 253 || !is_label(at, dot ? (size_t)(dot - at) : strlen(at))) {
			gl_read_error(reader, node->pos, "a-z, 0-9, '-' and '.'",
				      "\"%.64s\" is not a DNS name (RFC 1123)", node->text);
			return;
		}
	}
	*(const char **)out = node->text;
}

/* A token of RFC 9110, 5.6.2, not longer than the kernel part compares. */
void gl_read_token(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	size_t i;

	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a string"))
		return;
	if (node->len > GL_IMAGE_NAME_MAX) {
		gl_read_error(reader, node->pos, NULL,
			      "%zu bytes are too long; at most %d are allowed", node->len,
			      GL_IMAGE_NAME_MAX);
		return;
	}
	for (i = 0; i < node->len; i++)
		if (!isalnum((unsigned char)node->text[i]) &&
		    !strchr("!#$%&'*+-.^_`|~", node->text[i]))
			break;
	if (!node->len || i < node->len) {
		gl_read_error(reader, node->pos, NULL, "\"%.64s\" is not a token (RFC 9110, 5.6.2)",
			      node->text);
		return;
	}
	*(const char **)out = node->text;
}

void gl_read_header_name(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	const char *name = NULL;
	char *lower;
	size_t i;

	gl_read_token(reader, node, &name);
	if (!name)
		return;
	lower = gl_arena_copy(reader->arena, name, node->len);
	if (!lower) {
		reader->failed = true;
		return;
	}
	for (i = 0; i < node->len; i++)
		lower[i] = tolower((unsigned char)lower[i]);
	*(const char **)out = lower;
}

/* Gateway API's Duration (GEP-2257): one to four of <1 to 5 digits><h|m|s|ms>. */
void gl_read_duration(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ms", 1000000ULL },
		{ "h", 3600000000000ULL },
		{ "m", 60000000000ULL },
		{ "s", 1000000000ULL },
	};
	const char *at = node->text;
	uint64_t total = 0;
	size_t parts = 0, u;

	if (node->kind == GL_NODE_INT) {
		gl_read_error(reader, node->pos, "add a unit: h, m, s or ms",
			      "expected a duration, found the number %.64s", node->text);
		return;
	}
	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a duration like 10m"))
		return;
	while (*at) {
		size_t digits = strspn(at, "0123456789");
		uint64_t value = strtoull(at, NULL, 10);

		at += digits;
		for (u = 0; u < 4; u++)
			if (!strncmp(at, units[u].name, strlen(units[u].name)))
				break;
		if (!digits || digits > 5 || u == 4 || ++parts > 4)
			break;
		at += strlen(units[u].name);
		total += value * units[u].ns;
	}
	if (*at || !parts) {
		gl_read_error(reader, node->pos, "like 10s, 10m, 1h30m, 500ms",
			      "\"%.64s\" is not a duration", node->text);
		return;
	}
	if (!total || total > 99999 * units[1].ns) {
		gl_read_error(reader, node->pos, NULL,
			      "the duration must be more than 0 and at most 99999h");
		return;
	}
	*(uint64_t *)out = total;
}

/* "12%" or "0.0512%" in millionths; false: it is none. */
static bool percent(const char *text, uint64_t *ret)
{
	size_t whole = strspn(text, "0123456789"), fraction = 0, i;
	uint64_t value = 0;

	if (!whole || whole > 5 || (text[0] == '0' && whole > 1))
		return false;
	for (i = 0; i < whole; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	text += whole;
	if (*text == '.') {
		fraction = strspn(++text, "0123456789");
		if (!fraction || fraction > 4)
			return false;
	}
	for (i = 0; i < 4; i++)
		value = value * 10 + (i < fraction ? (uint64_t)(text[i] - '0') : 0);
	*ret = value;
	return !strcmp(text + fraction, "%");
}

static bool read_share(struct gl_reader *reader, const struct gl_node *node, uint64_t max,
		       uint64_t *ret)
{
	uint64_t value;

	if (node->kind == GL_NODE_INT && node->len <= 5) {
		value = strtoull(node->text, NULL, 10) * 10000;
	} else if (node->kind == GL_NODE_INT) {
		value = UINT64_MAX;
	} else if (node->kind == GL_NODE_NUMBER) {
		char hint[96];

		snprintf(hint, sizeof(hint),
			 "for fractions write a string with a percent sign, like \"0.05%%\"");
		gl_read_error(reader, node->pos, hint, "expected a whole percentage, found %.64s",
			      node->text);
		return false;
	} else if (node->kind != GL_NODE_STRING) {
		gl_read_expect(reader, node, GL_NODE_STRING, "a percentage like 5 or \"0.05%\"");
		return false;
	} else if (!percent(node->text, &value)) {
		bool number = gl_node_resolve(node->text, node->len) == GL_NODE_INT;

		gl_read_error(
			reader, node->pos,
			number ? "write it without quotes, or with a percent sign" :
				 "a whole number, or a string like \"0.05%\" with up to 4 decimals",
			"\"%.64s\" is not a percentage", node->text);
		return false;
	}
	if (value > max) {
		gl_read_error(reader, node->pos, NULL, "%.64s is more than %llu %%", node->text,
			      (unsigned long long)max / 10000);
		return false;
	}
	*ret = value;
	return true;
}

void gl_read_percent(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	uint64_t value;

	if (read_share(reader, node, GL_WEIGHT_ONE, &value))
		*(uint32_t *)out = (uint32_t)value;
}

void gl_read_ratio(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	uint64_t value;

	if (read_share(reader, node, 99999ULL * 10000, &value))
		*(uint64_t *)out = value;
}

/*
 * IPv4 or IPv6 (not v4-mapped: it would be a second spelling) to 16 bytes. Returns AF_INET,
 * AF_INET6 or 0.
 */
static int parse_ip(const char *text, struct gl_addr *ret)
{
	struct in_addr v4;
	struct in6_addr v6;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4) == 1) {
		ret->w[2] = htonl(0xffff);
		ret->w[3] = v4.s_addr;
		return AF_INET;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
		memcpy(ret, &v6, sizeof(*ret));
		return AF_INET6;
	}
	return 0;
}

/* Why nothing can be sent from a pod to this address, or NULL. */
static const char *useless(const struct gl_addr *addr, int family)
{
	uint32_t v4 = ntohl(addr->w[3]);
	struct in6_addr v6;

	memcpy(&v6, addr, sizeof(v6));
	if (family == AF_INET) {
		if (v4 >> 24 == 0)
			return "an unspecified address";
		if (v4 >> 24 == 127)
			return "a loopback address, which no packet of a pod's interface carries";
		return v4 >> 28 >= 14 ? "a multicast, reserved or broadcast address" : NULL;
	}
	if (IN6_IS_ADDR_UNSPECIFIED(&v6))
		return "an unspecified address";
	if (IN6_IS_ADDR_LOOPBACK(&v6))
		return "a loopback address, which no packet of a pod's interface carries";
	return IN6_IS_ADDR_MULTICAST(&v6) ? "a multicast address" : NULL;
}

void gl_read_address(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char hint[] = "like \"10.0.0.1:80\" or \"[fd00::1]:80\"";
	struct gl_address_spec *spec = out;
	char ip[INET6_ADDRSTRLEN + 2], canonical[INET6_ADDRSTRLEN];
	const char *colon, *port;
	size_t len;
	int family;

	spec->pos = node->pos;
	if (!gl_read_expect(reader, node, GL_NODE_STRING, "an address like \"10.0.0.1:80\""))
		return;
	colon = strrchr(node->text, ':');
	len = colon ? (size_t)(colon - node->text) : 0;
	port = colon ? colon + 1 : "";
	if (!colon || len >= sizeof(ip) || !strspn(port, "123456789") ||
	    port[strspn(port, "0123456789")] || strlen(port) > 5 || atoi(port) > 65535) {
		gl_read_error(reader, node->pos, hint, "\"%.64s\" is not IP:port", node->text);
		return;
	}
	memcpy(ip, node->text, len);
	ip[len] = '\0';
	if (ip[0] == '[' && ip[len - 1] == ']') {
		ip[len - 1] = '\0';
		family = parse_ip(ip + 1, &spec->addr) == AF_INET6 ? AF_INET6 : 0;
	} else {
		family = parse_ip(ip, &spec->addr) == AF_INET ? AF_INET : 0;
	}
	if (!family) {
		gl_read_error(reader, node->pos, hint, "\"%.64s\" is not IP:port", node->text);
		return;
	}
	if (useless(&spec->addr, family)) {
		gl_read_error(reader, node->pos, NULL, "%.64s is %s", node->text,
			      useless(&spec->addr, family));
		return;
	}
	spec->port = (uint16_t)atoi(port);
	inet_ntop(family, family == AF_INET ? (void *)&spec->addr.w[3] : (void *)&spec->addr,
		  canonical, sizeof(canonical));
	spec->text = gl_arena_printf(reader->arena, family == AF_INET ? "%s:%u" : "[%s]:%u",
				     canonical, spec->port);
	if (!spec->text)
		reader->failed = true;
}

void gl_read_network(struct gl_reader *reader, const struct gl_node *node, void *out)
{
	static const char hint[] = "like 10.0.0.0/8 or fd00::/8";
	struct gl_network_spec *spec = out;
	char ip[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	const char *slash, *bits;
	unsigned int prefix, i, width;
	int family;

	spec->pos = node->pos;
	if (!gl_read_expect(reader, node, GL_NODE_STRING, "a network like 10.0.0.0/8"))
		return;
	slash = strchr(node->text, '/');
	bits = slash ? slash + 1 : "";
	if (!slash || slash - node->text >= (ptrdiff_t)sizeof(ip) || !*bits ||
	    bits[strspn(bits, "0123456789")] || strlen(bits) > 3 || (bits[0] == '0' && bits[1])) {
		gl_read_error(reader, node->pos, hint, "\"%.64s\" is not a network", node->text);
		return;
	}
	memcpy(ip, node->text, slash - node->text);
	ip[slash - node->text] = '\0';
	family = parse_ip(ip, &spec->addr);
	width = family == AF_INET ? 32 : 128;
	prefix = (unsigned int)atoi(bits);
	if (!family || prefix > width) {
		gl_read_error(reader, node->pos, hint, "\"%.64s\" is not a network", node->text);
		return;
	}
	for (i = 0; i < 128; i++)
		if (i < 128 - width + prefix)
			((uint8_t *)&spec->mask)[i / 8] |= 0x80 >> i % 8;
	for (i = 0; i < 4; i++) {
		if (spec->addr.w[i] & ~spec->mask.w[i]) {
			gl_read_error(reader, node->pos, NULL, "%s has bits beyond its prefix",
				      node->text);
			return;
		}
	}
	/*
	 * IPv4 is kept as ::ffff:a.b.c.d: a network such as ::/0 would hold it, and nobody who
	 * wrote it meant that.
	 */
	if (family == AF_INET6 && !spec->addr.w[0] && !spec->addr.w[1] && !spec->addr.w[2] &&
	    !(htonl(0xffff) & spec->mask.w[2])) {
		gl_read_error(reader, node->pos, "for all of IPv6 write 2000::/3 and fc00::/7",
			      "%s is too wide", node->text);
		return;
	}
	inet_ntop(family, family == AF_INET ? (void *)&spec->addr.w[3] : (void *)&spec->addr,
		  canonical, sizeof(canonical));
	spec->text = gl_arena_printf(reader->arena, "%s/%u", canonical, prefix);
	if (!spec->text)
		reader->failed = true;
}
