#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent is killed and started again under load: no request fails or goes astray while it is gone, and its counters go on
# as if nothing had happened.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-60000}

gray_lab
load_start killed client -n "$n" -c 8 --rate 8000 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
load_passes killed $((n / 4))
before=$(metric graylink_requests_total)
stop graylinkd KILL
seq=$(load_seq killed)
load_passes killed $((seq + n / 10))
agent
after=$(metric graylink_requests_total)
assert_ge "$after" "$((seq - 8))" "counted after the restart"
assert_ge "$after" "$before" "the counter did not go back"
load_end killed
assert_eq "$(metric graylink_requests_total)" "$n" "counted in all"
assert_eq "$(metric graylink_requests_total served_by=v2)" "$(result killed .versions.v2)" "counted gray"
assert_eq "$(ctl -o json status shop-v2 | jq -r '.lane // .releases[0].lane')" v2 "the release is known"
