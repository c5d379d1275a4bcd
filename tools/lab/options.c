// SPDX-License-Identifier: Apache-2.0
/* options: the command line of the load client. */
#include "load.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: svc load [options] http://ADDR[:PORT][/PATH]\n"
	"  -n, --requests N        requests in all (default 1000, or no bound with -d)\n"
	"  -d, --duration S        stop after S seconds\n"
	"  -c, --connections N     kept-alive connections (default 1)\n"
	"      --close             one connection for each request\n"
	"      --rate R            requests per second in all (default: as fast as it goes)\n"
	"      --think MS          pause on a connection after each answer\n"
	"      --timeout S         for one request (default 10)\n"
	"      --seed N            of everything random (default 1)\n"
	"      --method M          default GET\n"
	"  -H, --header 'N: V'     may be repeated; {seq} {user} {random} are filled in\n"
	"      --gray 'N: V'       header of the coloured requests\n"
	"      --gray-share P      percentage of requests that carry it (default 50)\n"
	"      --base 'N: V'       header of the other requests\n"
	"      --gray-version V    what must answer the coloured ones (x-version)\n"
	"      --base-version V    what must answer the others\n"
	"      --users N           {user} is 0..N-1; without --gray a user of gray-version must stay there\n"
	"      --users-in FILE     users who were there before\n"
	"      --users-out FILE    users who are there in the end\n"
	"      --bytes SIZES       ask for bodies of these sizes (0,1,1k,64m) and compare each byte\n"
	"      --echo SIZES        send bodies of these sizes, ask for them back and compare each byte\n"
	"      --chunked           send bodies chunked\n"
	"      --split N           at most N bytes per send()\n"
	"      --expect-status S   default 200; 'any'\n"
	"      --allow-reopen      a server that closes kept-alive connections is no error; a request that met the\n"
	"                          closing is sent once more\n"
	"      --stop-on-error     stop at the first error\n"
	"      --log FILE          one line per answer: seq connection colour user status version pod start_us end_us\n"
	"      --seq-file FILE     holds the next sequence number while running (svc seq FILE)\n"
	"Prints one JSON object; exit 0 only if every answer was right and no connection was lost.\n";

enum {
	OPT_CLOSE = 256,
	OPT_RATE,
	OPT_THINK,
	OPT_TIMEOUT,
	OPT_SEED,
	OPT_METHOD,
	OPT_GRAY,
	OPT_GRAY_SHARE,
	OPT_BASE,
	OPT_GRAY_VERSION,
	OPT_BASE_VERSION,
	OPT_USERS,
	OPT_USERS_IN,
	OPT_USERS_OUT,
	OPT_BYTES,
	OPT_ECHO,
	OPT_CHUNKED,
	OPT_SPLIT,
	OPT_STATUS,
	OPT_REOPEN,
	OPT_STOP,
	OPT_LOG,
	OPT_SEQ,
};

static const struct option options[] = {
	{ "requests", 1, NULL, 'n' },
	{ "duration", 1, NULL, 'd' },
	{ "connections", 1, NULL, 'c' },
	{ "close", 0, NULL, OPT_CLOSE },
	{ "rate", 1, NULL, OPT_RATE },
	{ "think", 1, NULL, OPT_THINK },
	{ "timeout", 1, NULL, OPT_TIMEOUT },
	{ "seed", 1, NULL, OPT_SEED },
	{ "method", 1, NULL, OPT_METHOD },
	{ "header", 1, NULL, 'H' },
	{ "gray", 1, NULL, OPT_GRAY },
	{ "gray-share", 1, NULL, OPT_GRAY_SHARE },
	{ "base", 1, NULL, OPT_BASE },
	{ "gray-version", 1, NULL, OPT_GRAY_VERSION },
	{ "base-version", 1, NULL, OPT_BASE_VERSION },
	{ "users", 1, NULL, OPT_USERS },
	{ "users-in", 1, NULL, OPT_USERS_IN },
	{ "users-out", 1, NULL, OPT_USERS_OUT },
	{ "bytes", 1, NULL, OPT_BYTES },
	{ "echo", 1, NULL, OPT_ECHO },
	{ "chunked", 0, NULL, OPT_CHUNKED },
	{ "split", 1, NULL, OPT_SPLIT },
	{ "expect-status", 1, NULL, OPT_STATUS },
	{ "allow-reopen", 0, NULL, OPT_REOPEN },
	{ "stop-on-error", 0, NULL, OPT_STOP },
	{ "log", 1, NULL, OPT_LOG },
	{ "seq-file", 1, NULL, OPT_SEQ },
	{ "help", 0, NULL, 'h' },
	{ 0 },
};

static void parse_sizes(struct load_options *opt, enum load_kind kind, char *text)
{
	opt->kind = kind;
	for (char *part = strtok(text, ","); part; part = strtok(NULL, ",")) {
		char *unit;
		uint64_t size = strtoull(part, &unit, 10);

		if (opt->size_count == LOAD_SIZES || unit == part)
			die("sizes: not a number at '%s', or more than %d", part, LOAD_SIZES);
		size <<= *unit == 'k' ? 10 : *unit == 'm' ? 20 : 0;
		opt->sizes[opt->size_count++] = size;
	}
	if (!opt->size_count)
		die("sizes: none given");
}

static void parse_url(struct load_options *opt, const char *url)
{
	const char *host = strncmp(url, "http://", 7) ? url : url + 7;
	size_t len = strcspn(host, "/");
	const char *colon = memrchr(host, ':', len), *bracket = memrchr(host, ']', len);

	if (len + 4 > sizeof(opt->host))
		die("%s: too long", url);
	snprintf(opt->host, sizeof(opt->host), "%.*s%s", (int)len, host,
		 !colon || colon < bracket ? ":80" : "");
	if (address_parse(opt->host, &opt->target))
		die("%s: not an address and port", opt->host);
	snprintf(opt->path, sizeof(opt->path), "%s", host[len] ? host + len : "/");
}

static bool parse_numbers(struct load_options *opt, int option, const char *arg)
{
	switch (option) {
	case 'n':
		opt->count = strtoull(arg, NULL, 10);
		return true;
	case 'd':
		opt->duration_ns = (uint64_t)(atof(arg) * 1e9);
		return true;
	case 'c':
		opt->connections = (unsigned int)atoi(arg);
		return true;
	case OPT_RATE:
		opt->rate = atof(arg);
		return true;
	case OPT_THINK:
		opt->think_ns = (uint64_t)(atof(arg) * 1e6);
		return true;
	case OPT_TIMEOUT:
		opt->timeout_ns = (uint64_t)(atof(arg) * 1e9);
		return true;
	case OPT_SEED:
		opt->seed = strtoull(arg, NULL, 10);
		return true;
	case OPT_GRAY_SHARE:
		opt->gray_share = atof(arg) / 100;
		return true;
	case OPT_USERS:
		opt->users = strtoul(arg, NULL, 10);
		return true;
	case OPT_SPLIT:
		opt->write_most = strtoul(arg, NULL, 10);
		return true;
	default:
		return false;
	}
}

static bool parse_texts(struct load_options *opt, int option, char *arg)
{
	switch (option) {
	case 'H':
		if (opt->header_count == LOAD_HEADERS)
			die("-H: at most %d", LOAD_HEADERS);
		opt->headers[opt->header_count++] = arg;
		return true;
	case OPT_METHOD:
		opt->method = arg;
		return true;
	case OPT_GRAY:
		opt->gray_header = arg;
		return true;
	case OPT_BASE:
		opt->base_header = arg;
		return true;
	case OPT_GRAY_VERSION:
		opt->gray_version = arg;
		return true;
	case OPT_BASE_VERSION:
		opt->base_version = arg;
		return true;
	case OPT_USERS_IN:
		opt->users_in = arg;
		return true;
	case OPT_USERS_OUT:
		opt->users_out = arg;
		return true;
	case OPT_BYTES:
		parse_sizes(opt, LOAD_BYTES, arg);
		return true;
	case OPT_ECHO:
		parse_sizes(opt, LOAD_ECHO, arg);
		return true;
	case OPT_STATUS:
		opt->expect_status = arg;
		return true;
	case OPT_LOG:
		opt->log_path = arg;
		return true;
	case OPT_SEQ:
		opt->seq_path = arg;
		return true;
	default:
		return false;
	}
}

static void parse_flag(struct load_options *opt, int option)
{
	switch (option) {
	case OPT_CLOSE:
		opt->close = true;
		break;
	case OPT_CHUNKED:
		opt->chunked = true;
		break;
	case OPT_REOPEN:
		opt->allow_reopen = true;
		break;
	case OPT_STOP:
		opt->stop_on_error = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		fputs(help, stderr);
		exit(2);
	}
}

void load_parse(int argc, char **argv, struct load_options *ret)
{
	int option;

	memset(ret, 0, sizeof(*ret));
	ret->connections = 1;
	ret->seed = 1;
	ret->method = "GET";
	ret->gray_share = 0.5;
	ret->timeout_ns = 10000000000u;
	ret->write_most = SIZE_MAX;
	ret->expect_status = "200";
	while ((option = getopt_long(argc, argv, "n:d:c:H:h", options, NULL)) >= 0)
		if (!parse_numbers(ret, option, optarg) && !parse_texts(ret, option, optarg))
			parse_flag(ret, option);
	if (optind != argc - 1)
		parse_flag(ret, '?');
	parse_url(ret, argv[optind]);
	if (!ret->count && !ret->duration_ns)
		ret->count = 1000;
	if (!ret->connections || ret->connections > LOAD_CONNECTIONS || ret->users > LOAD_USERS ||
	    !ret->write_most)
		die("connections 1..%d, users 0..%d, split from 1", LOAD_CONNECTIONS, LOAD_USERS);
}
