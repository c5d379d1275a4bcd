/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reason: why something was decided, as one X-list per question. Each row is (NAME, "word", "what
 * it means"); the words are the label values of the metrics and of `graylinkctl -o json`: they are
 * an interface, and rows are only appended.
 */
#ifndef GL_REASON_H
#define GL_REASON_H

/*
 * Why a request has its colour (metric label `reason`), in the order in which the answers are
 * asked.
 */
#define GL_REASONS(X) \
	X(DEFAULT,	"default",	"nothing else answered: base") \
	X(LABEL,	"label",	"it carries the lane") \
	X(TRACE,	"trace",	"its trace-id was seen with a colour") \
	X(ORIGIN,	"origin",	"the calling pod is an endpoint of the lane") \
	X(INFLIGHT,	"inflight",	"the calling pod has requests of one colour in flight") \
	X(RULE,		"rule",		"a match of the release holds") \
	X(RATIO,	"ratio",	"the weight of the batch chose it")

/*
 * Why a connection is steered no longer per request (metric graylink_pinned_total, label `cause`).
 */
#define GL_PINS(X) \
	X(NONE,		"none",		"not pinned") \
	X(OPAQUE,	"opaque",	"its first bytes are not HTTP/1 (TLS, HTTP/2, another protocol)") \
	X(METHOD,	"method",	"the method is not a token or too long") \
	X(TARGET,	"target",	"the request target holds a forbidden byte or form") \
	X(VERSION,	"version",	"the version is not HTTP/1.1 (HTTP/1.0 ends its connection)") \
	X(STATUS,	"status",	"the status line is malformed") \
	X(BARE_LF,	"bare_lf",	"a line ends with LF alone") \
	X(BARE_CR,	"bare_cr",	"a CR without LF") \
	X(CTL,		"ctl",		"a control character or NUL in the head") \
	X(OBS_FOLD,	"obs_fold",	"a header line is continued on the next") \
	X(NAME,		"name",		"a header name is empty or holds a forbidden byte") \
	X(COLON,	"colon",	"white space before the colon, or no colon") \
	X(CL_BAD,	"cl_bad",	"Content-Length is not a plain number") \
	X(CL_REPEAT,	"cl_repeat",	"Content-Length occurs twice") \
	X(CL_TE,	"cl_te",	"Content-Length beside Transfer-Encoding") \
	X(TE_BAD,	"te_bad",	"Transfer-Encoding is not exactly one chunked") \
	X(CHUNKED,	"chunked",	"more pieces of a chunked body in one packet than we read") \
	X(CHUNK_BAD,	"chunk_bad",	"the chunked body is malformed") \
	X(HEAD_LONG,	"head_long",	"the head is longer than we read") \
	X(FIELDS,	"fields",	"more header lines of interest than a scan records") \
	X(EMPTY_LINE,	"empty_line",	"empty lines before the request") \
	X(UPGRADE,	"upgrade",	"Upgrade, or 101 from the server") \
	X(CONNECT,	"connect",	"method CONNECT") \
	X(CONN_AUTH,	"conn_auth",	"NTLM or Negotiate authenticate the connection, not the request") \
	X(HOST,		"host",		"Host is missing or repeated") \
	X(EXPECT,	"expect",	"Expect with another value than 100-continue") \
	X(PIPELINED,	"pipelined",	"a request began before the answer to the last was complete") \
	X(EARLY,	"early",	"a request that waits for 100-continue got its answer before its body was sent") \
	X(UNASKED,	"unasked",	"the server sent bytes that belong to no request") \
	X(UNTIL_CLOSE,	"until_close",	"the response ends with the connection") \
	X(RESPONSE,	"response",	"the response head is malformed") \
	X(HOLE,		"hole",		"more bytes behind a hole than a slot holds") \
	X(SLOTS,	"slots",	"no slot was free") \
	X(SYNC,		"sync",		"a packet does not fit what was tracked") \
	X(CLOSING,	"closing",	"one side has begun to close") \
	X(CONNECTION,	"connection",	"Connection is not a list of tokens") \
	X(REPEATED,	"repeated",	"Content-Type occurs twice")

/*
 * Why a coloured request went to base instead (metric graylink_fallbacks_total, label `cause`), and
 * why a leg failed.
 */
#define GL_FALLBACKS(X) \
	X(NONE,		"none",		"no fallback") \
	X(REFUSED,	"refused",	"the endpoint answered the SYN with RST") \
	X(TIMEOUT,	"timeout",	"the endpoint did not answer the SYN") \
	X(UNREACHABLE,	"unreachable",	"an ICMP error answered the SYN: no route, no host") \
	X(RESET,	"reset",	"the endpoint reset the leg before it acknowledged the request") \
	X(BACKOFF,	"backoff",	"every endpoint of the lane failed lately and is left alone for a while") \
	X(NO_ENDPOINT,	"no_endpoint",	"the lane has no endpoint of the client's address family") \
	X(SELF,		"self",		"the only endpoint is the caller itself") \
	X(TUPLE,	"tuple",	"another connection of the pod holds the leg's tuple") \
	X(LEGS,		"legs",		"the connection has as many legs as it may have") \
	X(SLOTS,	"slots",	"no slot was free") \
	X(MSS,		"mss",		"the endpoint takes smaller segments than the client already sends") \
	X(OPTIONS,	"options",	"the endpoint lacks a TCP option that the client already uses") \
	X(PINNED,	"pinned",	"the connection is pinned to base")

/*
 * Why a connection to a frontend is not steered at all (metric
 * graylink_unsteered_connections_total, label `cause`).
 */
#define GL_UNSTEERED(X) \
	X(OLDER,	"older",	"it is older than the attachment") \
	X(TABLE_FULL,	"table_full",	"the connection table or the veth's share of it is full") \
	X(BYPASS,	"bypass",	"the node's bypass is on") \
	X(STALE,	"stale",	"the agent is gone for longer than staleAfter") \
	X(FAST_OPEN,	"fast_open",	"the SYN carries data (TCP Fast Open)") \
	X(OPAQUE,	"opaque",	"its first bytes are not HTTP/1") \
	X(IP_OPTIONS,	"ip_options",	"its packets carry IP options or extension headers") \
	X(FRAGMENT,	"fragment",	"its packets are fragments") \
	X(TCP_OPTIONS,	"tcp_options",	"its SYN carries an option that forbids translation (MD5, AO)")

/*
 * Why a packet of a translated connection was dropped (metric graylink_drops_total, label `cause`);
 * its sender sends it again.
 */
#define GL_DROPS(X) \
	X(NONE,		"none",		"answered or absorbed here: nothing is lost") \
	X(PARSE,	"parse",	"IP options, a fragment or a malformed header on a translated connection") \
	X(HELPER,	"helper",	"a kernel helper refused") \
	X(EPOCH,	"epoch",	"the connection changed between decision and commit") \
	X(SLOT,		"slot",		"the slot changed hands") \
	X(LEG,		"leg",		"the leg is gone") \
	X(HOLE,		"hole",		"bytes behind a hole before a boundary") \
	X(HOLD,		"hold",		"the request waits for its leg") \
	X(STRAY,	"stray",	"a packet outside every window of the connection") \
	X(TUPLE,	"tuple",	"the pod dials an endpoint from a port that one of its legs uses")

/* Why a request failed under our eyes (metric graylink_request_failures_total, label `cause`). */
#define GL_FAILURES(X) \
	X(REFUSED,	"refused",	"no server took the connection") \
	X(TIMEOUT,	"timeout",	"the client gave up before the answer") \
	X(RESET,	"reset",	"the server reset or closed the connection before the answer was complete")

#define GL_X_REASON(n, w, d)	GL_REASON_##n,
#define GL_X_PIN(n, w, d)	GL_PIN_##n,
#define GL_X_FALLBACK(n, w, d)	GL_FALLBACK_##n,
#define GL_X_UNSTEERED(n, w, d)	GL_UNSTEERED_##n,
#define GL_X_DROP(n, w, d)	GL_DROP_##n,
#define GL_X_FAILURE(n, w, d)	GL_FAILURE_##n,

enum gl_reason { GL_REASONS(GL_X_REASON) GL_REASON_COUNT };
enum gl_pin { GL_PINS(GL_X_PIN) GL_PIN_COUNT };
enum gl_fallback { GL_FALLBACKS(GL_X_FALLBACK) GL_FALLBACK_COUNT };
enum gl_unsteered { GL_UNSTEERED(GL_X_UNSTEERED) GL_UNSTEERED_COUNT };
enum gl_drop { GL_DROPS(GL_X_DROP) GL_DROP_COUNT };
enum gl_failure { GL_FAILURES(GL_X_FAILURE) GL_FAILURE_COUNT };

#endif
