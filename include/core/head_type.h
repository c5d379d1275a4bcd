/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * head_type: what a scanned head is. The rooms that read it (frame, rule, colour) need no more than
 * this; head.h fills it.
 */
#ifndef GL_CORE_HEAD_TYPE_H
#define GL_CORE_HEAD_TYPE_H

#include "core/port.h"
#include "graylink/limits.h"
#include "graylink/reason.h"

/* Bytes of the longest header name; a longer one is refused (cause name). */
#define GL_HEAD_NAME_MAX	127
/*
 * The smallest limits of servers as they come (gunicorn; Apache and nginx allow more): bytes
 * without CR LF, and lines.
 */
#define GL_HEAD_REQUEST_LINE_MAX	4094
#define GL_HEAD_LINE_MAX		8188
#define GL_HEAD_LINES_MAX		100

/*
 * Per-CPU scratch in BPF: the bytes of the head from offset 0. The padding may be read, and is
 * never used.
 */
struct gl_head_buf {
	u8 b[GL_HEAD_MAX + GL_HEAD_PAD];
};

/*
 * Methods that framing or replay tells apart; every other method that the strictest parser knows is
 * OTHER.
 */
enum gl_method {
	GL_METHOD_NONE,
	GL_METHOD_GET,
	GL_METHOD_HEAD,
	GL_METHOD_POST,
	GL_METHOD_PUT,
	GL_METHOD_DELETE,
	GL_METHOD_OPTIONS,
	GL_METHOD_TRACE,
	GL_METHOD_PATCH,
	GL_METHOD_CONNECT,
	GL_METHOD_OTHER,
};

/* Flags of a head. */
#define GL_HEAD_HAS_LENGTH	0x0001	/* exactly one Content-Length: content_length */
#define GL_HEAD_CHUNKED		0x0002	/* exactly one Transfer-Encoding, which is `chunked` */
#define GL_HEAD_CLOSE		0x0004	/* Connection: close */
#define GL_HEAD_KEEPALIVE	0x0008	/* Connection: keep-alive */
#define GL_HEAD_CONN_UPGRADE	0x0010	/* Connection: upgrade */
#define GL_HEAD_UPGRADE		0x0020	/* an Upgrade field */
#define GL_HEAD_EXPECT		0x0040	/* Expect: 100-continue */
#define GL_HEAD_CONN_AUTH	0x0080	/* NTLM or Negotiate, asked for or used */
#define GL_HEAD_HAS_HOST	0x0100	/* exactly one Host: host_off, host_len */
#define GL_HEAD_ABSOLUTE	0x0200	/* absolute target: its authority stands above Host */
#define GL_HEAD_HAS_TYPE	0x0800	/* a Content-Type */
#define GL_HEAD_ASTERISK	0x0400	/* the target is `*` (OPTIONS) */

/* Phases of a scan; FIELDS and later know the start line. */
enum gl_head_phase {
	GL_HEAD_START,		/* the method, or `HTTP/` of a response, is not there yet */
	GL_HEAD_LINE,		/* the rest of the start line is not there yet */
	GL_HEAD_IN_FIELDS,
	GL_HEAD_DONE,
};

/*
 * One field (header line) whose name is of interest. Offsets count from the first byte of the head.
 */
struct gl_head_field {
	u32 name_hash;		/* gl_hash_name() of the name; other names may share it */
	u16 name_off;
	u16 name_len;		/* 1..GL_HEAD_NAME_MAX */
	u16 value_off;		/* without optional white space around it */
	u16 value_len;		/* may be 0 */
};

/*
 * What is known of a head; also the state between two calls. Only gl_head_start() and
 * gl_head_scan() write it.
 */
struct gl_head {
	u64 interest[4];	/* in: record fields whose bit (name_hash & 255) is set */
	u64 filter[4];		/* private: interest and the names that the scan itself reads */
	u64 content_length;	/* bytes; with GL_HEAD_HAS_LENGTH */
	u32 off;		/* start of the first line that is not yet finished */
	u32 swept;		/* private: no unfinished line ends before this offset */
	u32 head_len;		/* bytes of the head with its empty line; 0 until it is complete */
	u32 flags;		/* GL_HEAD_* */
	u8 response;		/* in: 0 request, 1 response */
	u8 phase;		/* enum gl_head_phase */
	u8 method;		/* enum gl_method; requests */
	u8 version;		/* 10 or 11: HTTP/1.0 or HTTP/1.1 */
	u16 code;		/* 100..599; responses */
	u16 method_len;		/* the method's bytes begin at offset 0 */
	u16 target_off;		/* request target as it was sent */
	u16 target_len;
	u16 host_off;		/* value of Host */
	u16 host_len;
	u16 nfields;		/* fields[] in use; the others hold anything */
	u16 cause;		/* enum gl_pin: why the scan has failed; NONE while it has not */
	u16 lines;		/* header lines read */
	u16 token_len;		/* private: length of the token that is being read in a list */
	u64 token[2];		/* private: its first 16 bytes, in lower case */
	struct gl_head_field fields[GL_HEAD_FIELDS];	/* in the order in which they were sent */
};

_Static_assert(sizeof(struct gl_head_field) == 12, "gl_head_field");
_Static_assert(sizeof(struct gl_head) == 128 + 12 * GL_HEAD_FIELDS, "gl_head");

#endif
