// SPDX-License-Identifier: Apache-2.0
#include "lib/chunk_bodies.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http_vectors.h"

#define ROW(id, text, want) \
	{ \
		id, (const uint8_t *)(text), sizeof(text) - 1, want \
	}
#define TEN	"aaaaaaaaaa"
#define FIFTY	TEN TEN TEN TEN TEN

/* Kinds. `want` counts bytes, CR LF two. */
static const struct chunk_body table[] = {
	/* ends */
	ROW("last chunk alone", "0\r\n\r\n", 5),
	ROW("one chunk", "5\r\nhello\r\n0\r\n\r\n", 15),
	ROW("two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 26),
	ROW("lower case size", "a\r\n0123456789\r\n0\r\n\r\n", 20),
	ROW("upper case size", "A\r\n0123456789\r\n0\r\n\r\n", 20),
	ROW("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", 20),
	ROW("fifteen digits", "000000000000001\r\nA\r\n0\r\n\r\n", 25),
	ROW("fifteen zeros", "000000000000000\r\n\r\n", 19),
	ROW("data that looks like the end", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", 15),
	ROW("data that is CR LF", "2\r\n\r\n\r\n0\r\n\r\n", 12),
	ROW("data with NUL and high bytes", "3\r\n\0\xff\x80\r\n0\r\n\r\n", 13),
	ROW("next request behind it", "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 11),
	ROW("empty line behind it", "0\r\n\r\n\r\n", 5),
	/* extensions */
	ROW("extension", "1;a\r\nx\r\n0\r\n\r\n", 13),
	ROW("extension with value", "1;a=b\r\nx\r\n0\r\n\r\n", 15),
	ROW("extensions", "1;a;b=c;d=\"e\"\r\nx\r\n0\r\n\r\n", 23),
	ROW("extension of the last chunk", "0;a=b\r\n\r\n", 9),
	ROW("quoted value", "1;a=\"b c;d=e\"\r\nx\r\n0\r\n\r\n", 23),
	ROW("empty quoted value", "1;a=\"\"\r\nx\r\n0\r\n\r\n", 16),
	ROW("quoted pairs", "1;a=\"\\\"\\\\\"\r\nx\r\n0\r\n\r\n", 20),
	ROW("255 bytes of size line", "1;" FIFTY FIFTY FIFTY FIFTY FIFTY "a\r\nx\r\n0\r\n\r\n",
	    263),
	ROW("256 bytes of size line", "1;" FIFTY FIFTY FIFTY FIFTY FIFTY "aa\r\nx\r\n0\r\n\r\n",
	    264),
	/* trailers */
	ROW("trailer", "0\r\na: b\r\n\r\n", 11),
	ROW("trailer of two", "0\r\na: b\r\nc: d\r\n\r\n", 17),
	ROW("trailer without value", "0\r\na:\r\n\r\n", 9),
	ROW("trailer of checksum", "0\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n\r\n", 44),
	ROW("trailer of gRPC", "0\r\ngrpc-status: 0\r\ngrpc-message: \r\n\r\n", 37),
	ROW("trailer of Server-Timing", "0\r\nServer-Timing: db;dur=53\tx\r\n\r\n", 33),
	ROW("trailer with high bytes", "0\r\na: \xc3\xa4\r\n\r\n", 12),
	ROW("trailer whose name begins as Host", "0\r\nHosts: b\r\n\r\n", 15),
	ROW("trailer whose name ends as Host", "0\r\nX-Host: b\r\n\r\n", 16),
	ROW("trailer whose value is of framing", "0\r\na:Content-Length: 1\r\n\r\n", 26),
	/* more is needed */
	ROW("digit", "5", 0),
	ROW("size without LF", "5\r", 0),
	ROW("size line", "5\r\n", 0),
	ROW("part of the data", "5\r\nhel", 0),
	ROW("all of the data", "5\r\nhello", 0),
	ROW("CR behind the data", "5\r\nhello\r", 0),
	ROW("chunk", "5\r\nhello\r\n", 0),
	ROW("zero", "5\r\nhello\r\n0", 0),
	ROW("last chunk without empty line", "5\r\nhello\r\n0\r\n", 0),
	ROW("last chunk and CR", "5\r\nhello\r\n0\r\n\r", 0),
	ROW("trailer without empty line", "0\r\na: b\r\n", 0),
	ROW("extension's name", "5;a", 0),
	ROW("extension's quote", "5;a=\"\\", 0),
	ROW("largest size", "fffffffffffffff\r\nx", 0),
	/* sizes */
	ROW("no size", "\r\nhello\r\n0\r\n\r\n", -1),
	ROW("extension without size", ";a\r\nhello\r\n", -1),
	ROW("sign", "+5\r\nhello\r\n0\r\n\r\n", -1),
	ROW("minus", "-5\r\nhello\r\n0\r\n\r\n", -1),
	ROW("prefix 0x", "0x5\r\nhello\r\n0\r\n\r\n", -1),
	ROW("underscore", "1_0\r\nhello\r\n", -1),
	ROW("no digit", "g\r\n", -1),
	ROW("digit and letter", "5g\r\n", -1),
	ROW("space before the size", " 5\r\nhello\r\n", -1),
	ROW("tab before the size", "\t5\r\nhello\r\n", -1),
	ROW("space behind the size", "5 \r\nhello\r\n", -1),
	ROW("tab behind the size", "5\t\r\nhello\r\n", -1),
	ROW("space within the size", "5 5\r\nhello\r\n", -1),
	ROW("sixteen digits", "0000000000000001\r\n", -1),
	ROW("seventeen digits", "fffffffffffffffff\r\n", -1),
	ROW("NUL in the size", "5\0\r\nhello\r\n", -1),
	ROW("quote", "\"5\"\r\nhello\r\n", -1),
	ROW("control that is a digit but for one bit", "\x15\r\nhello\r\n", -1),
	ROW("high byte that is a digit but for one bit", "\xb5\r\nhello\r\n", -1),
	ROW("letter beyond F", "G\r\nhello\r\n", -1),
	ROW("comma", "5,5\r\nhello\r\n", -1),
	/* line ends */
	ROW("LF behind the size", "5\nhello\r\n0\r\n\r\n", -1),
	ROW("CR behind the size", "5\rhello\r\n0\r\n\r\n", -1),
	ROW("CR CR LF behind the size", "5\r\r\nhello\r\n", -1),
	ROW("LF CR behind the size", "5\n\rhello\r\n", -1),
	ROW("LF behind the data", "5\r\nhello\n0\r\n\r\n", -1),
	ROW("CR behind the data and no LF", "5\r\nhello\r0\r\n\r\n", -1),
	ROW("CR CR LF behind the data", "5\r\nhello\r\r\n0\r\n\r\n", -1),
	ROW("nothing behind the data", "5\r\nhello0\r\n\r\n", -1),
	ROW("more data than said", "5\r\nhello!\r\n0\r\n\r\n", -1),
	ROW("less data than said", "5\r\nhell\r\n0\r\n\r\n", -1),
	ROW("empty line between chunks", "1\r\nx\r\n\r\n0\r\n\r\n", -1),
	ROW("LF behind the last size", "0\n\r\n", -1),
	ROW("LF as the empty line", "0\r\n\n", -1),
	ROW("CR as the empty line", "0\r\n\rGET", -1),
	/* extensions */
	ROW("empty extension", "5;\r\nhello\r\n", -1),
	ROW("empty extension before another", "5;;a\r\nhello\r\n", -1),
	ROW("extension without name", "5;=a\r\nhello\r\n", -1),
	ROW("space before the semicolon", "5 ;a\r\nhello\r\n", -1),
	ROW("space behind the semicolon", "5; a\r\nhello\r\n", -1),
	ROW("tab behind the semicolon", "5;\ta\r\nhello\r\n", -1),
	ROW("space before the equals sign", "5;a =b\r\nhello\r\n", -1),
	ROW("space behind the equals sign", "5;a= b\r\nhello\r\n", -1),
	ROW("space behind the value", "5;a=b \r\nhello\r\n", -1),
	ROW("no value behind the equals sign", "5;a=\r\nhello\r\n", -1),
	ROW("two equals signs", "5;a=b=c\r\nhello\r\n", -1),
	ROW("LF in an extension", "5;a\nhello\r\n0\r\n\r\n", -1),
	ROW("LF at once in an extension", "2;\nxx\r\n10\r\n", -1),
	ROW("CR in an extension", "5;a\rb\r\nhello\r\n", -1),
	ROW("NUL in an extension", "5;a\0b\r\nhello\r\n", -1),
	ROW("high byte in an extension", "5;\xe4\r\nhello\r\n", -1),
	ROW("quote without end", "5;a=\"b\r\nhello\r\n", -1),
	ROW("LF in a quote", "5;a=\"\nb\"\r\nhello\r\n", -1),
	ROW("CR LF as a quoted pair", "5;a=\"\\\r\n\"\r\nhello\r\n", -1),
	ROW("tab in a quote", "5;a=\"\t\"\r\nhello\r\n", -1),
	ROW("high byte in a quote", "5;a=\"\xe4\"\r\nhello\r\n", -1),
	ROW("bytes behind a quote", "5;a=\"b\"c\r\nhello\r\n", -1),
	ROW("quoted name", "5;\"a\"\r\nhello\r\n", -1),
	ROW("257 bytes of size line", "1;" FIFTY FIFTY FIFTY FIFTY FIFTY "aaa\r\nx\r\n0\r\n\r\n",
	    -1),
	/* trailers */
	ROW("trailer without colon", "0\r\na\r\n\r\n", -1),
	ROW("trailer without name", "0\r\n: b\r\n\r\n", -1),
	ROW("space before the trailer's colon", "0\r\na : b\r\n\r\n", -1),
	ROW("trailer that begins with a space", "0\r\n a: b\r\n\r\n", -1),
	ROW("trailer continued on the next line", "0\r\na: b\r\n c\r\n\r\n", -1),
	ROW("trailer that ends with LF", "0\r\na: b\n\r\n", -1),
	ROW("trailer with CR", "0\r\na: b\rc\r\n\r\n", -1),
	ROW("trailer with NUL", "0\r\na: \0\r\n\r\n", -1),
	ROW("trailer with DEL", "0\r\na: \x7f\r\n\r\n", -1),
	ROW("trailer with a high byte in its name", "0\r\n\xe4: b\r\n\r\n", -1),
	ROW("trailer and LF", "0\r\na: b\r\n\n", -1),
	ROW("request in place of the empty line", "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", -1),
	ROW("Content-Length in a trailer", "0\r\nContent-Length: 5\r\n\r\n", -1),
	ROW("content-length in a later line", "0\r\na: b\r\ncontent-length: 5\r\n\r\n", -1),
	ROW("Transfer-Encoding in a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n", -1),
	ROW("HOST in a trailer", "0\r\nHOST: a\r\n\r\n", -1),
	ROW("Connection in a trailer", "0\r\nConnection: close\r\n\r\n", -1),
	ROW("Upgrade in a trailer", "0\r\nUpgrade: h2c\r\n\r\n", -1),
	ROW("Authorization in a trailer", "0\r\nAuthorization: NTLM x\r\n\r\n", -1),
	ROW("Content-Type in a trailer", "0\r\nContent-Type: text/plain\r\n\r\n", -1),
};

size_t chunk_bodies_table(const struct chunk_body **ret_list)
{
	*ret_list = table;
	return sizeof(table) / sizeof(table[0]);
}

static void *or_die(void *memory)
{
	if (!memory)
		err(1, "bodies");
	return memory;
}

/* A copy of a body that lives as long as the list. */
static void append(struct chunk_body *list, size_t n, const struct chunk_body *body)
{
	list[n] = *body;
	list[n].id = or_die(strdup(body->id));
	list[n].bytes = memcpy(or_die(malloc(body->len + 1)), body->bytes, body->len);
}

size_t chunk_bodies_load(struct chunk_body **ret_list)
{
	struct http_vectors *vectors = http_vectors_load("parsers.jsonl");
	size_t rows = sizeof(table) / sizeof(table[0]), n = 0, i;
	struct chunk_body *list =
		or_die(calloc(rows + vectors->cases + 1, sizeof(struct chunk_body)));

	for (; n < rows; n++)
		append(list, n, &table[n]);
	for (i = 0; i < vectors->cases; i++) {
		const struct http_case *vector = &vectors->list[i];
		const unsigned char *end = memmem(vector->bytes, vector->len, "\r\n\r\n", 4);
		struct chunk_body body = { .id = vector->id };

		if (!end || (size_t)(end + 4 - vector->bytes) == vector->len)
			continue;
		body.bytes = end + 4;
		body.len = vector->len - (end + 4 - vector->bytes);
		append(list, n++, &body);
	}
	http_vectors_free(vectors);
	*ret_list = list;
	return n;
}

void chunk_bodies_free(struct chunk_body *list)
{
	struct chunk_body *body;

	for (body = list; body->id; body++) {
		free((void *)body->id);
		free((void *)body->bytes);
	}
	free(list);
}
