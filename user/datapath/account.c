// SPDX-License-Identifier: Apache-2.0
/*
 * account: when the agent drops a connection, the counts that the programs keep must follow: the veth's connections, and
 * the series from which graylink_connections is made. The programs change them by atomic additions at any moment, which
 * a system call cannot: it writes whole values, and a lost addition would one day make a count negative. So the agent has a
 * tiny program of its own, run by BPF_PROG_TEST_RUN, that does the same additions.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/private.h"

/* Its context. */
struct account {
	struct gl_series_key key;	/* GL_SERIES_CONNS_CLOSED of the service */
	uint32_t ifindex;
};
_Static_assert(offsetof(struct account, ifindex) == 12, "the program copies 12 bytes of key");

/* The instructions that it is made of, by the names that the kernel's own macros have. */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_REG(d, s)	   INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)	   INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i)	   INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define MAP_FD(d, fd) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define LOAD(size, d, s, o)  INSN(BPF_LDX | (size) | BPF_MEM, d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | (size) | BPF_MEM, d, s, o, 0)
#define LOOKUP()	   INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem)
#define SKIP_IF_NULL(r, n) INSN(BPF_JMP | BPF_JEQ | BPF_K, r, 0, n, 0)
#define ATOMIC_ADD(size, d, o, s) \
	INSN(BPF_STX | (size) | BPF_ATOMIC, d, s, o, BPF_ADD)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

int gl_account_open(struct gl_datapath *dp)
{
	const struct bpf_insn insns[] = {
		MOV_REG(BPF_REG_6, BPF_REG_1),
		/* veths[ifindex].conns -= 1; a key must lie on the stack */
		LOAD(BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct account, ifindex)),
		STORE(BPF_W, BPF_REG_10, -4, BPF_REG_1),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		MAP_FD(BPF_REG_1, dp->maps[GL_MAP_VETHS]),
		LOOKUP(),
		SKIP_IF_NULL(BPF_REG_0, 2),
		MOV_IMM(BPF_REG_1, -1),
		ATOMIC_ADD(BPF_W, BPF_REG_0, offsetof(struct gl_veth, conns), BPF_REG_1),
		/* series[key].value += 1, of this CPU */
		LOAD(BPF_W, BPF_REG_1, BPF_REG_6, 0),
		STORE(BPF_W, BPF_REG_10, -12, BPF_REG_1),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_6, 4),
		STORE(BPF_W, BPF_REG_10, -8, BPF_REG_1),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_6, 8),
		STORE(BPF_W, BPF_REG_10, -4, BPF_REG_1),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -12),
		MAP_FD(BPF_REG_1, dp->maps[GL_MAP_SERIES]),
		LOOKUP(),
		SKIP_IF_NULL(BPF_REG_0, 2),
		MOV_IMM(BPF_REG_1, 1),
		ATOMIC_ADD(BPF_DW, BPF_REG_0, offsetof(struct gl_counter, value), BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);

	dp->account_fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "account", "Dual BSD/GPL", insns,
				       sizeof(insns) / sizeof(insns[0]), &opts);
	return dp->account_fd < 0 ? dp->account_fd : 0;
}

/* The series exists once a connection of the service was closed; the first time it is made here, as zeroes. */
static void make_series(const struct gl_datapath *dp, const struct gl_series_key *key)
{
	int cpus = libbpf_num_possible_cpus();
	struct gl_counter *zero;

	zero = cpus > 0 ? calloc((size_t)cpus, sizeof(*zero)) : NULL;
	if (zero)
		bpf_map_update_elem(dp->maps[GL_MAP_SERIES], key, zero, BPF_NOEXIST);
	free(zero);
}

void gl_account_closed(const struct gl_datapath *dp, uint32_t ifindex, uint16_t service)
{
	struct account ctx = {
		.key = { .kind = GL_SERIES_CONNS_CLOSED, .service = service },
		.ifindex = ifindex,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	make_series(dp, &ctx.key);
	bpf_prog_test_run_opts(dp->account_fd, &opts);
}
