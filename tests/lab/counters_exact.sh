#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sums are exact: what was sent is what was counted, by lane, server, reason and status code; the histograms hold the
# same number; the counters and the texts are what promtool accepts.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq curl
n=${REQUESTS:-2000}

gray_lab
b=destination_service_name=b
total=0 gray=0
for code in 200 204 301 304 404 500 503; do
	load "code-$code" client -n "$n" -c 4 --seed $code --expect-status $code --gray 'x-beta: 1' --gray-version v2 \
		--base-version v1 "$(url svc/b)/status/$code"
	g=$(result "code-$code" .versions.v2)
	assert_eq "$(metric graylink_requests_total $b code=$code lane=v2 served_by=v2 reason=rule)" "$g" "gray with status $code"
	assert_eq "$(metric graylink_requests_total $b code=$code lane=base served_by=base reason=default)" $((n - g)) \
		"base with status $code"
	total=$((total + n)) gray=$((gray + g))
done
load head client -n "$n" -c 4 --method HEAD --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b 6)/bytes/5000"
total=$((total + n)) gray=$((gray + $(result head .versions.v2)))
assert_eq "$(metric graylink_requests_total)" $total "counted in all"
assert_eq "$(metric graylink_requests_total lane=v2)" $gray "counted gray"
for histogram in graylink_request_duration_seconds graylink_first_byte_seconds; do
	assert_eq "$(metric ${histogram}_count)" $total "$histogram"
	assert_eq "$(metric ${histogram}_bucket le=+Inf)" $total "$histogram, last bucket"
	assert_eq "$(metric ${histogram}_count served_by=v2)" $gray "$histogram of gray"
done

# Bytes: at least the bodies, at most the bodies and 1 kB of head for each.
sent=$(metric graylink_request_bytes_total) received=$(metric graylink_response_bytes_total)
load bytes client -n 100 -c 2 --bytes 10000 "$(url svc/b)"
load echo client -n 100 -c 2 --echo 20000 "$(url svc/b)"
received=$(($(metric graylink_response_bytes_total) - received)) sent=$(($(metric graylink_request_bytes_total) - sent))
assert_ge $received 3000000 "bytes of responses"
assert_le $received 3200000 "bytes of responses"
assert_ge $sent 2000000 "bytes of requests"
assert_le $sent 2200000 "bytes of requests"

# Nobody counts what did not happen; connections are gone when they are closed.
for name in graylink_fallbacks_total graylink_pinned_total graylink_request_failures_total graylink_crossings_total; do
	assert_eq "$(metric $name)" 0 "$name"
done
no_connections() { [ "$(metric graylink_connections)" = 0 ]; }
wait_for 20 "closed connections to be forgotten" no_connections
metrics >"$scratch/metrics"
grep -q '^# TYPE graylink_requests_total counter' "$scratch/metrics" || fail "no TYPE line"
if command -v promtool >/dev/null; then
	promtool check metrics <"$scratch/metrics" || fail "promtool refuses the metrics"
else
	echo "promtool is missing: its check is left out"
fi
