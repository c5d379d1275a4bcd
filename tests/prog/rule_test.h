/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rule_test: what the test and its BPF program share. */
#ifndef TESTS_PROG_RULE_TEST_H
#define TESTS_PROG_RULE_TEST_H

#include "core/colour.h"

struct rule_run {
	struct gl_head_buf buf;
	struct gl_head head;
	struct gl_colour colour;
};

#endif
