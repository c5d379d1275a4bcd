# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lab: what the tests in tests/lab share; they source it. It gives each test a lab of its own whose prefix comes from the
# process id, and takes it down on every way out. A test that fails shows what the agent said and counted.
set -euo pipefail
# The last command of a pipe runs in this shell: `pair | lab_up` must remember the lab.
shopt -s lastpipe
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
PATH=$PATH:/usr/sbin:/sbin

build=${GRAYLINK_BUILD:-$PWD/build}
prefix=t$$
run=/run/graylink-lab/$prefix
scratch=$(mktemp -d)
labs=()

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is missing"
	done
}

show_agent() {
	local log=/run/graylink-lab/$prefix/logs/graylinkd
	[ -e "$log" ] || return 0
	echo "--- the agent said (last lines):" >&2
	tail -n 25 "$log" >&2
	echo "--- it counted:" >&2
	metrics 2>/dev/null | grep -E '^graylink_(requests|fallbacks|pinned|legs|unsteered|drops|request_failures|connections)' |
		grep -v ' 0$' >&2
}

clean_up() {
	local status=$? p
	trap - EXIT INT TERM
	set +e
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		for prefix in "${labs[@]}"; do
			show_agent
		done
	fi
	for p in "${labs[@]}"; do
		tools/lab/lab down "$p"
	done
	rm -rf "$scratch"
	exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The lab -----------------------------------------------------------------------------------------------------------
# lab_up: the lab whose spec is on standard input
lab_up() {
	[ "$(id -u)" = 0 ] || skip "root is missing"
	labs+=("$prefix")
	cat >"$scratch/spec-$prefix"
	tools/lab/lab up "$prefix" "$scratch/spec-$prefix"
	use_lab "$prefix"
}

# A spec: one service b with a base and a gray pod.
pair() {
	cat <<-SPEC
		pod client
		pod b-base
		pod b-gray
		service b 80 8080 b-base
		run b-base b v1
		run b-gray b v2
	SPEC
}

services() { tools/lab/lab services "$prefix"; }
agent() { tools/lab/lab agent "$prefix"; }
start() { tools/lab/lab run "$prefix" "$@"; }
stop() { tools/lab/lab stop "$prefix" "$@"; }
inside() { local pod=$1; shift; nsenter --net="/run/netns/$prefix-$pod" "$@"; }
ctl() { "$build/graylinkctl" -s "$run/graylinkd.sock" "$@"; }
addr() { tools/lab/lab addr "$prefix" "$@"; }

# url NAME [4|6] [PORT]: of a service or a pod
url() {
	local a
	a=$(addr "$1" "${2:-4}")
	[ "${2:-4}" = 4 ] || a="[$a]"
	echo "http://$a${3:+:$3}"
}

# endpoints POD [PORT]: both addresses of a pod, as a list in a policy
endpoints() { echo "[\"$(addr "$1" 4):${2:-8080}\", \"[$(addr "$1" 6)]:${2:-8080}\"]"; }
frontends() { echo "[\"$(addr "svc/$1" 4):80\", \"[$(addr "svc/$1" 6)]:80\"]"; }

# release: a policy for service b with the rule x-beta: 1; the variables NAME, LANE, GRAY_POD, STICKY and BATCHES say more
release() {
	cat <<-POLICY
		apiVersion: graylink.dev/v1alpha1
		kind: GrayRelease
		metadata: {name: ${NAME:-shop-v2}}
		spec:
		  lane: ${LANE:-v2}
		  entries:
		    - service: b
		      match:
		        - headers: [{name: x-beta, type: Exact, value: "1"}]
		      ${STICKY:+sticky: $STICKY}
		  ${BATCHES:+batches: $BATCHES}
		  services:
		    - name: b
		      frontends: $(frontends b)
		      gray: {addresses: $(endpoints "${GRAY_POD:-b-gray}")}
	POLICY
}

# apply: the policy on standard input
apply() {
	cat >"$scratch/policy-$prefix.yaml"
	ctl apply -f "$scratch/policy-$prefix.yaml"
}

# The usual beginning: pods, services, agent, the release with rules only.
gray_lab() {
	pair | lab_up
	services
	agent
	release | apply
}

# Load ----------------------------------------------------------------------------------------------------------------
# load NAME POD ARG...: runs the checking client, keeps its result as $scratch/NAME.json, fails if anything was wrong.
load() {
	local name=$1 pod=$2 status=0
	shift 2
	inside "$pod" timeout 120 "$build/svc" load "$@" >"$scratch/$name.json" || status=$?
	echo "$name: $(jq -c '{requests, failed, connections, versions, p50: .latency_us.p50, p99: .latency_us.p99}' \
		"$scratch/$name.json")"
	[ $status = 0 ] || fail "$name: exit $status, $(jq -c '{errors, reopened, first_error}' "$scratch/$name.json")"
}

# load_start NAME POD ARG...: the same in the background; load_end NAME waits and judges.
load_start() {
	local name=$1 pod=$2
	shift 2
	rm -f "$scratch/$name.seq"
	inside "$pod" timeout 120 "$build/svc" load --seq-file "$scratch/$name.seq" --log "$scratch/$name.log" "$@" \
		>"$scratch/$name.json" &
	echo $! >"$scratch/$name.pid"
}

load_end() {
	local name=$1 status=0
	wait "$(cat "$scratch/$name.pid")" || status=$?
	echo "$name: $(jq -c '{requests, failed, connections, versions, p50: .latency_us.p50, p99: .latency_us.p99}' \
		"$scratch/$name.json")"
	[ $status = 0 ] || fail "$name: exit $status, $(jq -c '{errors, reopened, first_error}' "$scratch/$name.json")"
}

# The sequence number that a running load will use next; load_passes NAME N waits until it is beyond N.
load_seq() { "$build/svc" seq "$scratch/$1.seq" 2>/dev/null || echo 0; }
is_past() { [ "$(load_seq "$1")" -gt "$2" ]; }
load_passes() { wait_for 60 "request $2 of $1" is_past "$1" "$2"; }

# result NAME EXPRESSION: from the JSON result of a load
result() { jq -r "$2" "$scratch/$1.json"; }

# Lines that a pod's service has logged, one per request.
served() { wc -l <"$run/logs/$1.requests"; }

# Metrics -----------------------------------------------------------------------------------------------------------
metrics() { inside node curl -sf http://127.0.0.1:9847/metrics; }

# metric NAME [LABEL=VALUE...]: the sum of all series of NAME that have these labels; 0 if there is none
metric() {
	local text
	text=$(metrics) || fail "no metrics"
	awk -v name="$1" -v want="${*:2}" '
		BEGIN { n = split(want, pairs, " ") }
		{
			series = substr($0, 1, length($0) - length($NF) - 1)
			brace = index(series, "{")
			if ((brace ? substr(series, 1, brace - 1) : series) != name)
				next
			for (i = 1; i <= n; i++) {
				split(pairs[i], p, "=")
				if (!index(series, "{" p[1] "=\"" p[2] "\"") && !index(series, "," p[1] "=\"" p[2] "\""))
					next
			}
			sum += $NF
		}
		END { printf "%.0f\n", sum }' <<<"$text"
}

# Assertions ----------------------------------------------------------------------------------------------------------
assert_eq() { [ "$1" = "$2" ] || fail "${3:-values differ}: expected '$2', got '$1'"; }
assert_ge() { [ "$1" -ge "$2" ] || fail "${3:-too small}: expected at least $2, got $1"; }
assert_le() { [ "$1" -le "$2" ] || fail "${3:-too large}: expected at most $2, got $1"; }

# assert_share COUNT OF PERCENT: COUNT is within 4 sigma of a binomial distribution
assert_share() {
	awk -v k="$1" -v n="$2" -v p="$3" 'BEGIN {
		p /= 100; d = k - n * p; s = 4 * sqrt(n * p * (1 - p))
		if (d < 0) d = -d
		printf "share: %.3f %% of %d, asked %.3f %%, off by %.2f sigma\n", 100 * k / n, n, 100 * p, s ? 4 * d / s : (d ? 99 : 0)
		exit d > s
	}' || fail "$1 of $2 is not $3 % within 4 sigma"
}

# assert_refused CMD...: exits with 1 (refused), not with another code
assert_refused() {
	local status=0
	"$@" >"$scratch/refused.out" 2>"$scratch/refused.err" || status=$?
	[ $status = 1 ] || fail "exit $status instead of 1: $*"
}

# wait_for SECONDS WHAT CMD...: until CMD succeeds
wait_for() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ $SECONDS -lt $deadline ] || fail "waited in vain for $what"
		read -rt 0.02 <> <(:) || true
	done
}

# use_lab PREFIX: what follows is about that lab
use_lab() {
	prefix=$1
	run=/run/graylink-lab/$prefix
}

# Programs on the node's interfaces, one line each; nothing if there are none.
attached() { inside node python3 tests/lib/attached.py; }
