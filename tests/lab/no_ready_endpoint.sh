#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A change of a lane whose endpoints have all just failed is refused, unless it is forced; nothing changes by the refusal.
# When one of them answers again, it is accepted.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq

gray_lab
stop b-gray
# Both addresses of the pod fail, and stay in backoff while requests go on to ask for them.
load_start dead client -d 6 -c 4 --rate 200 --gray 'x-beta: 1' --base-version v1 "$(url svc/b)"
load_start dead6 client -d 6 -c 4 --rate 200 --gray 'x-beta: 1' --base-version v1 "$(url svc/b 6)"
none_ready() { ctl -o json get endpoints | jq -e '[.items[] | select(.lane == "v2" and .health == "ready")] == []' >/dev/null; }
wait_for 10 "the gray endpoints to fail" none_ready

export BATCHES='[{weight: 5}]'
release >"$scratch/changed.yaml"
before=$(ctl -o json status | jq .generation)
# Between two backoffs there is a moment at which an endpoint may be tried again.
refused() { none_ready && ! ctl apply -f "$scratch/changed.yaml" 2>"$scratch/refused.err" >/dev/null; }
wait_for 10 "an apply to be refused" refused
grep -q 'no ready endpoint' "$scratch/refused.err" || fail "apply said: $(cat "$scratch/refused.err")"
assert_eq "$(ctl -o json status | jq .generation)" "$before" "generation after the refusal"
assert_eq "$(ctl -o json status shop-v2 | jq .batch.weight)" 0 "weight after the refusal"

ctl apply --force -f "$scratch/changed.yaml" 2>"$scratch/forced.err"
assert_eq "$(ctl -o json status shop-v2 | jq .batch.weight)" 5 "weight after force"
load_end dead
load_end dead6

start b-gray b v2
export BATCHES='[{weight: 6}]'
accepted() { release | ctl apply -f - >/dev/null 2>&1; }
wait_for 70 "an endpoint to be ready again" accepted
