#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gray endpoints cannot be reached: the ICMP error that answers the SYN sends the request to base at once, no request
# fails, and each is counted as a fallback.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-300}

pair | lab_up
services
agent
release | sed "s/$(addr b-gray 4)/10.77.9.9/; s/$(addr b-gray 6)/fd77::9:9/" | apply
for family in 4 6; do
	before=$(metric graylink_fallbacks_total)
	load "v$family" client -n "$n" -c 3 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b $family)"
	gray=$(result "v$family" .versions.v1)
	assert_eq "$gray" "$n" "answers of base"
	assert_ge $(($(metric graylink_fallbacks_total) - before)) $((n / 3)) "fallbacks"
	assert_ge "$(metric graylink_fallbacks_total cause=unreachable)" 1 "of which by an ICMP error"
	assert_eq "$(metric graylink_fallbacks_total cause=timeout)" 0 "of which after a wait"
	assert_le "$(result "v$family" .latency_us.max)" 150000 "the longest wait (us)"
done
