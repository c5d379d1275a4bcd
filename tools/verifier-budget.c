/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifier-budget: loads BPF objects on the running kernel and says what the verifier spent on each program.
 *
 *	verifier-budget [--budget FILE] [--attach IFACE] OBJECT...
 *
 * With --budget it compares the instructions that the verifier looked at with FILE (lines "PROGRAM MAXIMUM", # begins a
 * comment) and fails when a program exceeds its maximum, has none, or is missing. With --attach it also attaches the
 * programs from_pod and to_pod of each object to IFACE by clsact, as the agent does where tcx is not there, and detaches them.
 * When an object does not load, the verifier's log goes to stderr. Exit: 0, 1 refused or over budget, 2 usage.
 *
 * It never touches maps or programs of others: whatever an object pins goes to a bpffs folder of this process, which is
 * removed at the end.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUDGETS_MAX	64
#define NAME_MAX_LEN	64

struct budget {
	char name[NAME_MAX_LEN];
	unsigned long max;	/* instructions */
	int seen;		/* a loaded program had this name */
};

struct options {
	const char *budget_file;
	const char *iface;
	struct budget budgets[BUDGETS_MAX];
	int nbudgets;
	char pins[64];		/* bpffs folder of this process */
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

static int read_budget(struct options *opt)
{
	char line[256];
	int number = 0, rc = 0;
	FILE *file = fopen(opt->budget_file, "re");

	if (!file) {
		fprintf(stderr, "%s: %s\n", opt->budget_file, strerror(errno));
		return -errno;
	}
	while (!rc && fgets(line, sizeof(line), file)) {
		struct budget *b = &opt->budgets[opt->nbudgets];
		char *name = strtok(line, " \t\n"), *max = strtok(NULL, " \t\n"), *end;

		number++;
		if (!name || name[0] == '#')
			continue;
		rc = -EINVAL;
		if (opt->nbudgets == BUDGETS_MAX || strlen(name) >= sizeof(b->name) || !max)
			break;
		b->max = strtoul(max, &end, 10);
		if (*end || !b->max)
			break;
		memcpy(b->name, name, strlen(name) + 1);
		opt->nbudgets++;
		rc = 0;
	}
	if (rc)
		fprintf(stderr, "%s:%d: expected: PROGRAM MAXIMUM\n", opt->budget_file, number);
	fclose(file);
	return rc;
}

static struct budget *find_budget(struct options *opt, const char *name)
{
	int i;

	for (i = 0; i < opt->nbudgets; i++)
		if (!strcmp(opt->budgets[i].name, name))
			return &opt->budgets[i];
	return NULL;
}

/* Prints one program's row; 1: it breaks its budget. */
static int judge_program(struct options *opt, const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog), *verdict = "";
	struct bpf_prog_info info = {};
	struct budget *budget;
	__u32 len = sizeof(info);
	int bad = 0;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len)) {
		fprintf(stderr, "%s: program info: %s\n", name, strerror(errno));
		return 1;
	}
	budget = find_budget(opt, name);
	if (budget) {
		budget->seen = 1;
		bad = info.verified_insns > budget->max;
		verdict = bad ? "OVER BUDGET" : "ok";
	} else if (opt->budget_file) {
		bad = 1;
		verdict = "HAS NO BUDGET";
	}
	printf("%-16s %10u %10lu %10u %10u  %s\n", name, info.verified_insns,
	       budget ? budget->max : 0UL, info.xlated_prog_len / 8, info.jited_prog_len, verdict);
	return bad;
}

/* Attaches @prog to one direction of the interface and detaches it again; a qdisc that this made goes, too. */
static int try_attach(int ifindex, enum bpf_tc_attach_point point, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));
	int made = bpf_tc_hook_create(&hook), rc;

	if (made && made != -EEXIST)
		return made;
	rc = bpf_tc_attach(&hook, &opts);
	if (!rc) {
		opts.prog_fd = 0;
		opts.prog_id = 0;
		opts.flags = 0;
		rc = bpf_tc_detach(&hook, &opts);
	}
	if (!made) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
	return rc;
}

static int attach_object(const struct options *opt, const struct bpf_object *obj)
{
	static const struct {
		const char *name;
		enum bpf_tc_attach_point point;
	} hooks[] = { { "from_pod", BPF_TC_INGRESS }, { "to_pod", BPF_TC_EGRESS } };
	int ifindex = (int)if_nametoindex(opt->iface);
	size_t i;

	if (!ifindex) {
		fprintf(stderr, "%s: %s\n", opt->iface, strerror(errno));
		return -errno;
	}
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(obj, hooks[i].name);
		int rc;

		if (!prog)
			continue;
		rc = try_attach(ifindex, hooks[i].point, prog);
		printf("attach %s to %s: %s\n", hooks[i].name, opt->iface,
		       rc ? strerror(-rc) : "ok");
		if (rc)
			return rc;
	}
	return 0;
}

/* Loads one object; the number of programs that break their budget, or a negative errno. */
static int load_object(struct options *opt, const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .pin_root_path = opt->pins);
	struct bpf_object *obj = bpf_object__open_file(path, &open_opts);
	struct bpf_program *prog;
	int rc, bad = 0;

	if (!obj) {
		rc = -errno;
		fprintf(stderr, "%s: %s\n", path, strerror(-rc));
		return rc;
	}
	rc = bpf_object__load(obj);
	if (rc) {
		fprintf(stderr, "%s: does not load: %s\n", path, strerror(-rc));
		goto out;
	}
	printf("%s\n%-16s %10s %10s %10s %10s\n", path, "program", "verified", "budget", "insns",
	       "jited");
	bpf_object__for_each_program(prog, obj) if (bpf_program__fd(prog) >= 0)
		bad += judge_program(opt, prog);
	if (opt->iface)
		rc = attach_object(opt, obj);
out:
	bpf_object__close(obj);
	return rc ? rc : bad;
}

/* Removes what objects pinned. One level is enough: libbpf pins maps by name below the root. */
static void remove_pins(const struct options *opt)
{
	DIR *dir = opendir(opt->pins);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(opt->pins);
}

static int parse_options(struct options *opt, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "budget", required_argument, NULL, 'b' },
		{ "attach", required_argument, NULL, 'a' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'b')
			opt->budget_file = optarg;
		else if (c == 'a')
			opt->iface = optarg;
		else
			return -EINVAL;
	}
	return optind < argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	static struct options opt;
	int i, rc, failed = 0;

	if (parse_options(&opt, argc, argv)) {
		fprintf(stderr,
			"usage: verifier-budget [--budget FILE] [--attach IFACE] OBJECT...\n");
		return 2;
	}
	if (opt.budget_file && read_budget(&opt))
		return 1;
	/* The folder comes into being only where an object pins; without bpffs such an object fails to load. */
	snprintf(opt.pins, sizeof(opt.pins), "/sys/fs/bpf/graylink-budget-%d", getpid());
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(print_libbpf);
	for (i = optind; i < argc; i++) {
		rc = load_object(&opt, argv[i]);
		failed |= rc != 0;
	}
	for (i = 0; i < opt.nbudgets; i++) {
		if (opt.budgets[i].seen)
			continue;
		fprintf(stderr, "%s: %s is in no object\n", opt.budget_file, opt.budgets[i].name);
		failed = 1;
	}
	remove_pins(&opt);
	return failed;
}
