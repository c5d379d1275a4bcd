#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two nodes on one machine, with the same addresses and different releases: neither sees the other's traffic, and taking
# one down does not touch the other.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-5000}

one=$prefix two=$prefix-b
gray_lab
use_lab "$two"
pair | lab_up
services
agent
# Here the same header keeps a request on base, by another value.
release | sed 's/value: "1"/value: "2"/' | apply

use_lab "$one"
load_start one client -n "$n" -c 4 --rate 4000 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
use_lab "$two"
load two client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
load two-2 client -n "$n" -c 4 --gray 'x-beta: 2' --gray-version v2 --base-version v1 "$(url svc/b)"
assert_eq "$(metric graylink_requests_total)" $((2 * n)) "counted on the second node"
ctl rollback shop-v2
load two-3 client -n "$n" -c 4 --gray 'x-beta: 2' --gray-version v1 --base-version v1 "$(url svc/b)"
tools/lab/lab down "$two"

use_lab "$one"
load_end one
load after client -n "$n" -c 4 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
assert_eq "$(metric graylink_requests_total)" $((2 * n)) "counted on the first node"
assert_eq "$(ctl -o json status shop-v2 | jq -r '(.releases[0] // .).state')" Waiting "state on the first node"
