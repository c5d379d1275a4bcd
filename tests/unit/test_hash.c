// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/hash.h"
#include "core/head.h"
#include "lib/http_vectors.h"

static u64 murmur(const void *key, u32 len, u64 seed)
{
	const u8 *at = key;
	u64 hash = gl_hash_share_begin(seed, len);
	u32 i;

	for (i = 0; i + 8 <= len; i += 8)
		hash = gl_hash_share_word(hash, gl_load64(at + i));
	if (i < len)
		hash = gl_hash_share_tail(hash, gl_load_tail(at + i, len - i));
	return gl_hash_share_end(hash);
}

/*
 * SMHasher's VerificationTest: keys {0}, {0, 1}, ... of 0 to 255 bytes with seed 256 - length; the
 * hash of all these hashes begins with a number that SMHasher publishes for each function
 * (main.cpp: MurmurHash64A, 0x1F0D3804).
 */
static void share_hash_is_murmurhash64a(void **state)
{
	u64 hashes[256];
	u8 key[256];
	u32 i;

	(void)state;
	for (i = 0; i < 256; i++) {
		key[i] = i;
		hashes[i] = murmur(key, i, 256 - i);
	}
	assert_int_equal((u32)murmur(hashes, sizeof(hashes), 0), 0x1f0d3804);
	assert_int_equal(gl_hash_share("ann", 3), murmur("ann", 3, 0));
}

static void share_hash_of_a_head_is_that_of_its_bytes(void **state)
{
	struct gl_head_buf *buf = http_guarded_buf('x');
	u32 off, len, i;

	(void)state;
	for (i = 0; i < sizeof(buf->b); i++)
		buf->b[i] = i * 131 + (i >> 8);
	for (off = 0; off < 20; off++)
		for (len = 0; len < 70; len++)
			assert_true(gl_head_share(buf, off, len) ==
				    gl_hash_share(buf->b + off, len));
	for (len = 0; len < 70; len++)
		assert_true(gl_head_share(buf, GL_HEAD_MAX - len, len) ==
			    gl_hash_share(buf->b + GL_HEAD_MAX - len, len));
	assert_true(gl_head_share(buf, 0, GL_HEAD_MAX) == gl_hash_share(buf->b, GL_HEAD_MAX));
	assert_true(gl_head_share(buf, GL_HEAD_MAX, 1) == 0);
	http_guarded_free(buf);
}

/*
 * One hundred thousand users, 100 classes of 1 %: chi-square with 99 degrees of freedom, below 161
 * but in 1 of 10,000 cases.
 */
static void shares_are_uniform(void **state)
{
	static const char *const forms[] = { "%d", "user-%d", "00000000-0000-4000-8000-%012d",
					     "10.0.%d" };
	u32 count[100], i, form, users = 100000;
	double chi;
	char key[64];
	int len;

	(void)state;
	for (form = 0; form < 4; form++) {
		memset(count, 0, sizeof(count));
		for (i = 0; i < users; i++) {
			len = snprintf(key, sizeof(key), forms[form], i);
			count[gl_hash_millionths(gl_hash_share(key, len)) / 10000]++;
		}
		for (chi = 0, i = 0; i < 100; i++)
			chi += ((double)count[i] - users / 100) * ((double)count[i] - users / 100) /
			       (users / 100);
		if (chi > 161)
			printf("%s: chi-square %.1f\n", forms[form], chi);
		assert_true(chi < 161);
	}
}

/* Each bit of the key flips each bit of the hash in about half of the cases. */
static void share_hash_has_avalanche(void **state)
{
	u32 flips[64] = { 0 }, trials = 0, i, bit, out;
	u8 key[16];
	u64 hash, difference;

	(void)state;
	srand(1);
	for (i = 0; i < 200; i++) {
		for (bit = 0; bit < sizeof(key); bit++)
			key[bit] = rand();
		hash = gl_hash_share(key, sizeof(key));
		for (bit = 0; bit < 8 * sizeof(key); bit++, trials++) {
			key[bit / 8] ^= 1 << (bit % 8);
			difference = hash ^ gl_hash_share(key, sizeof(key));
			key[bit / 8] ^= 1 << (bit % 8);
			for (out = 0; out < 64; out++)
				flips[out] += difference >> out & 1;
		}
	}
	for (out = 0; out < 64; out++)
		assert_in_range(flips[out], trials * 47 / 100, trials * 53 / 100);
}

static void name_hash_knows_no_case_but_all_other_bytes(void **state)
{
	static const char *const names[] = { "a",
					     "x-gray",
					     "x_gray",
					     "x-gray-",
					     "content",
					     "content-",
					     "content-length",
					     "x-request-id-12",
					     "x-request-id-123",
					     "x-request-id-1234" };
	char upper[64], wide[80];
	u32 i, j, len;

	(void)state;
	for (i = 0; i < 10; i++) {
		len = strlen(names[i]);
		for (j = 0; j < len; j++)
			upper[j] = names[i][j] >= 'a' && names[i][j] <= 'z' ? names[i][j] - 32 :
									      names[i][j];
		assert_int_equal(gl_hash_name(upper, len), gl_hash_name(names[i], len));
		/* Bytes behind the name do not count. */
		memset(wide, '#', sizeof(wide));
		memcpy(wide + 3, names[i], len);
		assert_int_equal(gl_hash_name(wide + 3, len), gl_hash_name(names[i], len));
		for (j = 0; j < i; j++)
			assert_int_not_equal(gl_hash_name(names[i], len),
					     gl_hash_name(names[j], strlen(names[j])));
	}
}

/* The filter takes the low eight bits: common names must not crowd there. */
static void name_hash_spreads_over_the_filter(void **state)
{
	u32 count[256] = { 0 }, i, worst = 0;
	char name[32];

	(void)state;
	for (i = 0; i < 25600; i++) {
		snprintf(name, sizeof(name), "x-header-%u", i);
		count[gl_hash_name(name, strlen(name)) & 255]++;
	}
	for (i = 0; i < 256; i++)
		worst = count[i] > worst ? count[i] : worst;
	assert_in_range(worst, 100, 150);
}

static void filter_of_own_names_is_theirs(void **state)
{
	static const char *const names[] = { "host",
					     "content-length",
					     "connection",
					     "transfer-encoding",
					     "expect",
					     "upgrade",
					     "content-type",
					     "authorization",
					     "proxy-authorization",
					     "www-authenticate",
					     "proxy-authenticate" };
	u64 filter[4] = { 0 };
	u32 i, hash;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		hash = gl_hash_name(names[i], strlen(names[i]));
		filter[hash >> 6 & 3] |= 1ULL << (hash & 63);
	}
	assert_true(filter[0] == GL_HEAD_OWN_0);
	assert_true(filter[1] == GL_HEAD_OWN_1);
	assert_true(filter[2] == GL_HEAD_OWN_2);
	assert_true(filter[3] == GL_HEAD_OWN_3);
}

/* bytes.h, against the plain way, for every byte at every place. */
static void words_agree_with_bytes(void **state)
{
	static const char tokens[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	u8 text[8];
	u32 c, at, other;

	(void)state;
	for (c = 0; c < 256; c++) {
		int token = c && strchr(tokens, c), control = c < 0x20 || c == 0x7f;

		assert_int_equal(gl_not_token(c), !token);
		for (at = 0; at < 8; at++) {
			for (other = 0; other < 256; other += 5) {
				u64 word, mark = 0x80ULL << (8 * at);

				memset(text, other, 8);
				text[at] = c;
				word = gl_load64(text);
				assert_true(!(gl_not_token8(word) & mark) == !!token);
				assert_true(!!(gl_control8(word) & mark) == control);
				assert_true(!!(gl_unlike8(word, '\t') & mark) == (c != '\t'));
				assert_int_equal(gl_lower8(word) >> (8 * at) & 0xff, gl_lower(c));
				if (c != other)
					assert_int_equal(gl_first(gl_equal8(word, c)), at);
			}
		}
	}
	assert_int_equal(gl_first(0), 8);
}

static void decimals_are_read_or_refused(void **state)
{
	char text[24];
	u64 i, n;

	(void)state;
	for (i = 0; i <= GL_DECIMAL8_MAX; i += i < 2000 ? 1 : 76543) {
		n = snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
		memset(text + n, '9', sizeof(text) - n);
		assert_true(gl_decimal8(gl_load64(text), n) == i);
	}
	for (i = 0; i < 256; i++) {
		memcpy(text, "12345678", 8);
		text[4] = i;
		if (i < '0' || i > '9')
			assert_true(gl_decimal8(gl_load64(text), 8) > GL_DECIMAL8_MAX);
		assert_true(gl_decimal8(gl_load64(text), 4) == 1234);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_hash_is_murmurhash64a),
		cmocka_unit_test(share_hash_of_a_head_is_that_of_its_bytes),
		cmocka_unit_test(shares_are_uniform),
		cmocka_unit_test(share_hash_has_avalanche),
		cmocka_unit_test(name_hash_knows_no_case_but_all_other_bytes),
		cmocka_unit_test(name_hash_spreads_over_the_filter),
		cmocka_unit_test(filter_of_own_names_is_theirs),
		cmocka_unit_test(words_agree_with_bytes),
		cmocka_unit_test(decimals_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
