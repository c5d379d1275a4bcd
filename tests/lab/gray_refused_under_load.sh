#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Gray refuses connections under load: base serves its requests, none fails, each is counted as a fallback. When gray comes
# back it serves again.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-10000}

gray_lab
stop b-gray
load refused client -n "$n" -c 8 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
load refused-fresh client -n "$n" -c 8 --close --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b 6)"
# The gray requests of both runs, by the sequence of the same seed.
gray=$(metric graylink_requests_total lane=v2)
assert_ge "$gray" $((n * 9 / 10)) "gray requests"
assert_eq "$(metric graylink_requests_total lane=v2 served_by=base)" "$gray" "gray requests that base served"
assert_eq "$(metric graylink_requests_total)" $((2 * n)) "counted in all"
assert_eq "$(metric graylink_fallbacks_total lane=v2)" "$gray" "fallbacks"
assert_ge "$(metric graylink_fallbacks_total lane=v2 cause=refused)" 1 "fallbacks because gray refused"
assert_eq "$(served b-base)" $((2 * n)) "requests in the base pod's log"

# It comes back while requests flow, and leaves again: still none fails.
load_start back client -n "$n" -c 8 --rate 2000 --gray 'x-beta: 1' --base-version v1 "$(url svc/b)"
load_passes back $((n / 5))
start b-gray b-gray "$build/svc" --name b --version v2 --pod b-gray --listen 8080 --log "$run/logs/b-gray.requests"
load_end back
assert_ge "$(result back '.versions.v2 // 0')" 100 "requests that gray served after it came back"
