#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One kept-alive connection, 10,000 requests, each with the rule's header or without: every answer from the right pod, the
# connection is never lost, and what was sent is what was counted. IPv4 and IPv6.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
n=${REQUESTS:-10000}

gray_lab
for family in 4 6; do
	load "one-v$family" client -n "$n" -c 1 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b $family)"
	assert_eq "$(result "one-v$family" .connections)" 1 "connections over IPv$family"
done
gray=$(($(result one-v4 .versions.v2) + $(result one-v6 .versions.v2)))
assert_ge "$gray" $((n / 2)) "requests that gray served"
assert_eq "$(served b-gray)" "$gray" "requests in the gray pod's log"
assert_eq "$(served b-base)" $((2 * n - gray)) "requests in the base pod's log"

svc="destination_service_name=b"
assert_eq "$(metric graylink_requests_total $svc lane=v2 served_by=v2 reason=rule code=200)" "$gray" "counted gray"
assert_eq "$(metric graylink_requests_total $svc lane=base served_by=base code=200)" $((2 * n - gray)) "counted base"
assert_eq "$(metric graylink_requests_total)" $((2 * n)) "counted in all"
assert_eq "$(metric graylink_fallbacks_total)" 0 "fallbacks"
assert_eq "$(metric graylink_pinned_total)" 0 "pinned connections"

# Other shapes of the same: several connections, a connection per request, requests in small pieces.
load several client -n "$n" -c 16 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
load fresh client -n $((n / 5)) -c 4 --close --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b 6)"
load pieces client -n $((n / 20)) -c 2 --split 9 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
