#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Releases, their batches, a rollback and the ids in the counters survive the agent; steering goes on while it is gone.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-2000}
colours=(--gray 'x-beta: 1' --gray-version v2)

status() { ctl -o json status shop-v2 | jq -rc "(.releases[0] // .) | $1"; }

pair | lab_up
services
agent
BATCHES='[{weight: 5}, {weight: 30}]' STICKY='[{header: x-user-id}]' release | apply
ctl next shop-v2
assert_eq "$(status '[.state, .batch.index, .batch.weight]')" '["Waiting",2,30]' "before"
load before client -n "$n" -c 4 "${colours[@]}" "$(url svc/b)"

stop graylinkd
load without client -n "$n" -c 4 "${colours[@]}" "$(url svc/b)"
agent
assert_eq "$(status '[.state, .batch.index, .batch.weight]')" '["Waiting",2,30]' "after a restart"
load after client -n "$n" -c 4 "${colours[@]}" "$(url svc/b)"
assert_eq "$(metric graylink_requests_total)" $((3 * n)) "counted in all, the agent's absence included"

ctl rollback shop-v2 --message "too slow"
stop graylinkd KILL
agent
assert_eq "$(status .state)" RolledBack "after a rollback and kill -9"
load rolled client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
ctl -o json history shop-v2 | jq -e '[.items[].message] | index("too slow")' >/dev/null || fail "the history lost the reason"

stop graylinkd
find "$run/state" -type f | grep -q . || fail "nothing in the state directory"
agent
assert_eq "$(status .state)" RolledBack "after a second restart"
