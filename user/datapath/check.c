// SPDX-License-Identifier: Apache-2.0
/*
 * check: the preflight. What of this machine graylink needs, what it has, what to do where it lacks something. Reads only;
 * loads one tiny program to ask the kernel about tcx.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "datapath/private.h"
#include "graylink/limits.h"

struct checks {
	struct gl_check *rows;
	size_t n;
};

static void add(struct checks *c, const char *name, int level, const char *text, const char *hint)
{
	struct gl_check *row;

	if (c->n == GL_CHECKS_MAX)
		return;
	row = &c->rows[c->n++];
	row->name = name;
	row->level = level;
	snprintf(row->text, sizeof(row->text), "%s", text);
	snprintf(row->hint, sizeof(row->hint), "%s", level == GL_CHECK_OK ? "" : hint);
}

/* First line of a small file; false when it cannot be read. */
static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return false;
	ok = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	return ok;
}

static void check_kernel(struct checks *c)
{
	unsigned int major = 0, minor = 0;
	char text[160], line[16] = "";
	struct utsname u;
	bool rt;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		add(c, "kernel", GL_CHECK_ERROR, "its version cannot be read", "");
		return;
	}
	snprintf(text, sizeof(text), "Linux %.64s", u.release);
	add(c, "kernel", major > 6 || (major == 6 && minor >= 1) ? GL_CHECK_OK : GL_CHECK_ERROR,
	    text, "graylink needs Linux 6.1 or newer");
	rt = strstr(u.version, "PREEMPT_RT") ||
	     (read_line("/sys/kernel/realtime", line, sizeof(line)) && line[0] == '1');
	add(c, "preemption", rt ? GL_CHECK_ERROR : GL_CHECK_OK,
	    rt ? "PREEMPT_RT: softirqs are preemptible here" : "not PREEMPT_RT",
	    "the data path's locks are not made for PREEMPT_RT: use another kernel");
}

static void check_btf(struct checks *c)
{
	bool ok = !access("/sys/kernel/btf/vmlinux", R_OK);

	add(c, "btf", ok ? GL_CHECK_OK : GL_CHECK_ERROR,
	    ok ? "the kernel describes its types" : "/sys/kernel/btf/vmlinux is missing",
	    "use a kernel with CONFIG_DEBUG_INFO_BTF, and mount sysfs");
}

static void check_bpffs(struct checks *c, const char *bpffs)
{
	char path[PATH_MAX], text[200], *slash;
	struct statfs fs;

	snprintf(path, sizeof(path), "%s", bpffs);
	while (statfs(path, &fs) && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	if (!statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC) {
		snprintf(text, sizeof(text), "%.150s is a bpffs", path);
		add(c, "bpffs", GL_CHECK_OK, text, "");
		return;
	}
	snprintf(text, sizeof(text), "%.150s is not on a bpffs", bpffs);
	add(c, "bpffs", GL_CHECK_ERROR, text, "mount -t bpf bpf /sys/fs/bpf, or choose --bpffs");
}

static void check_capabilities(struct checks *c)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	unsigned long long effective = 0;
	char line[256], missing[128] = "";
	FILE *f = fopen("/proc/self/status", "re");
	size_t i;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	if (f)
		fclose(f);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(effective >> needed[i].bit & 1))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", missing[0] ? ", " : "missing: ", needed[i].name);
	add(c, "capabilities", missing[0] ? GL_CHECK_ERROR : GL_CHECK_OK,
	    missing[0] ? missing : "all that are needed", "run graylinkd as root");
}

/* Asks for a tcx link on an interface that cannot be: a kernel that knows tcx says so only after it knew the hook. */
static void check_hooks(struct checks *c)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog, err;

	prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "Dual BSD/GPL", insns, 2, NULL);
	if (prog < 0) {
		add(c, "programs", GL_CHECK_ERROR, "the kernel loads no tc program from us",
		    "run as root; kernel.unprivileged_bpf_disabled and lockdown may forbid it");
		return;
	}
	add(c, "programs", GL_CHECK_OK, "tc programs can be loaded", "");
	err = bpf_link_create(prog, 0x7fffffff, (enum bpf_attach_type)46, NULL);
	if (err >= 0)
		close(err);
	add(c, "tcx", GL_CHECK_OK,
	    err == -EINVAL ? "not in this kernel (before 6.6): clsact filters are used" :
			     "links are used",
	    "");
	close(prog);
}

static void check_sysctls(struct checks *c)
{
	char line[16];

	/* Only the machine's first network namespace shows it. */
	if (read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line)))
		add(c, "jit", line[0] == '0' ? GL_CHECK_WARNING : GL_CHECK_OK,
		    line[0] == '0' ? "BPF programs are interpreted, which costs much" :
				     "BPF programs are compiled",
		    "sysctl net.core.bpf_jit_enable=1");
	/* Without the module there is no bridge that could hide packets from us. */
	if (!read_line("/proc/sys/net/bridge/bridge-nf-call-iptables", line, sizeof(line)))
		return;
	add(c, "bridge", line[0] == '1' ? GL_CHECK_OK : GL_CHECK_WARNING,
	    line[0] == '1' ? "bridged packets pass the Services' NAT" :
			     "bridged packets skip the Services' NAT",
	    "pods on a Linux bridge reach Services only with "
	    "sysctl net.bridge.bridge-nf-call-iptables=1");
}

size_t gl_datapath_check(const char *bpffs, struct gl_check *rows)
{
	struct checks c = { .rows = rows };

	check_kernel(&c);
	check_btf(&c);
	check_bpffs(&c, bpffs);
	check_capabilities(&c);
	check_hooks(&c);
	check_sysctls(&c);
	return c.n;
}
