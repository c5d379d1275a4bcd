/* SPDX-License-Identifier: Apache-2.0 */
/* json_rows: files of tests/vectors that are a JSON array, and the hexadecimal strings in them. */
#ifndef TESTS_LIB_JSON_ROWS_H
#define TESTS_LIB_JSON_ROWS_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Reads a file below tests/vectors/; fails the test if it is not there. */
cJSON *json_rows(const char *path);
/* Decodes a string; returns its length in bytes. */
size_t json_hex(const cJSON *item, void *out, size_t size);
const char *json_text(const cJSON *row, const char *name);

#endif
