// SPDX-License-Identifier: Apache-2.0
/*
 * svc: the program that every pod of the lab runs, and the client that checks what they answer.
 *   svc [serve] OPTIONS   the service (serve.c)
 *   svc load OPTIONS URL  the load client (load.c)
 *   svc seq FILE          the sequence number that a running load client will use next
 *   svc now               microseconds of the clock that the load client's log uses (monotonic)
 */
#include "load.h"
#include "serve.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char serve_help[] =
	"usage: svc [serve] --name NAME --listen [ADDR:]PORT [options]\n"
	"  --version V          what the service calls itself (default v1)\n"
	"  --pod POD            name of the pod (default: the service's name)\n"
	"  --listen ADDR:PORT   may be repeated; without an address: IPv4 and IPv6\n"
	"  --upstream N=A:P     service to call for each request; may be repeated\n"
	"  --forward NAME|PRE*  header to pass on to upstreams; may be repeated\n"
	"  --log FILE           one line per request: service version pod seq method target status peer headers\n"
	"  --ready FILE         created once connections are accepted\n"
	"  --idle-close S       close connections that are idle for S seconds\n"
	"  --pool-idle S        close connections to upstreams that are idle for S seconds\n"
	"  --close-after N      close a connection after N requests\n"
	"  --delay MS           wait before each answer\n"
	"  --chunked            answer with chunked bodies\n";

static void serve_upstream(struct serve_options *opt, char *text)
{
	struct upstream *up = &opt->upstreams[opt->upstream_count];
	char *equals = strchr(text, '=');

	if (!equals || opt->upstream_count == SERVE_UPSTREAMS ||
	    address_parse(equals + 1, &up->address))
		die("--upstream %s: not NAME=ADDR:PORT, or too many", text);
	snprintf(up->name, sizeof(up->name), "%.*s", (int)(equals - text), text);
	opt->upstream_count++;
}

static void serve_option(struct serve_options *opt, int option, char *arg)
{
	switch (option) {
	case 'n':
		opt->name = arg;
		break;
	case 'v':
		opt->version = arg;
		break;
	case 'p':
		opt->pod = arg;
		break;
	case 'l':
		if (opt->listen_count == 4 || address_parse(arg, &opt->listen[opt->listen_count++]))
			die("--listen %s: not an address and port, or too many", arg);
		break;
	case 'u':
		serve_upstream(opt, arg);
		break;
	case 'f':
		if (opt->forward_count == SERVE_FORWARDS)
			die("--forward: at most %d", SERVE_FORWARDS);
		opt->forward[opt->forward_count++] = arg;
		break;
	case 'L':
		opt->log_path = arg;
		break;
	case 'r':
		opt->ready_path = arg;
		break;
	case 'i':
		opt->idle_close_ns = (uint64_t)(atof(arg) * 1e9);
		break;
	case 'P':
		opt->pool_idle_ns = (uint64_t)(atof(arg) * 1e9);
		break;
	case 'a':
		opt->close_after = strtoul(arg, NULL, 10);
		break;
	case 'd':
		opt->delay_ns = (uint64_t)(atof(arg) * 1e6);
		break;
	case 'c':
		opt->chunked = true;
		break;
	case 'h':
		fputs(serve_help, stdout);
		exit(0);
	default:
		fputs(serve_help, stderr);
		exit(2);
	}
}

static int serve_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", 1, NULL, 'n' },
		{ "version", 1, NULL, 'v' },
		{ "pod", 1, NULL, 'p' },
		{ "listen", 1, NULL, 'l' },
		{ "upstream", 1, NULL, 'u' },
		{ "forward", 1, NULL, 'f' },
		{ "log", 1, NULL, 'L' },
		{ "ready", 1, NULL, 'r' },
		{ "idle-close", 1, NULL, 'i' },
		{ "close-after", 1, NULL, 'a' },
		{ "pool-idle", 1, NULL, 'P' },
		{ "delay", 1, NULL, 'd' },
		{ "chunked", 0, NULL, 'c' },
		{ "help", 0, NULL, 'h' },
		{ 0 },
	};
	static struct server server;
	int option;

	server.opt.version = "v1";
	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		serve_option(&server.opt, option, optarg);
	if (optind != argc || !server.opt.name || !server.opt.listen_count)
		serve_option(&server.opt, '?', NULL);
	if (!server.opt.pod)
		server.opt.pod = server.opt.name;
	return serve_run(&server) ? 1 : 0;
}

static int seq_main(int argc, char **argv)
{
	uint64_t next = 0;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || pread(fd, &next, sizeof(next), 0) != sizeof(next))
		die("seq: no sequence file");
	close(fd);
	printf("%llu\n", (unsigned long long)next);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && !strcmp(argv[1], "load"))
		return load_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "seq"))
		return seq_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "now"))
		return printf("%llu\n", (unsigned long long)(now_ns() / 1000)) < 0;
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve_main(argc - 1, argv + 1);
	return serve_main(argc, argv);
}
