#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `bypass on` is the node's emergency stop: everything new is base, without a failed request; off, and steering is back.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-2000}

gray_lab
load steered client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
load_start through client -n $((n * 10)) -c 8 --rate 8000 --gray 'x-beta: 1' "$(url svc/b)"
load_passes through $((n * 2))
ctl bypass on
load bypassed client -n "$n" -c 4 --close --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
load bypassed6 client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b 6)"
assert_ge "$(metric graylink_unsteered_connections_total cause=bypass)" "$n" "connections that went by"
ctl bypass off
load_end through
load again client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
