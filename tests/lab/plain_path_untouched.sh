#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What graylink does not steer it does not touch: with programs attached and a release that colours nothing of it, each
# packet of a connection to base leaves the node with the sequence numbers, windows and options with which it came.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq tcpdump
n=${REQUESTS:-20000}

# capture POD FILE: TCP packets at its eth0
capture() {
	start "$1" "capture-$1" tcpdump -i eth0 -s 200 -w "$2" -U --immediate-mode -B 65536 tcp
	wait_for 10 "tcpdump in $1" grep -q 'listening on' "$run/logs/capture-$1"
}

# packets FILE: one line each, without what the Service's address translation changes
packets() {
	tcpdump -n -S -t -v -r "$1" 2>/dev/null | grep -oE 'Flags .*' | sed -E 's/cksum 0x[0-9a-f]+ \([^)]*\), //' | sort
}

check() {
	local what=$1 family=$2
	capture client "$scratch/client.pcap"
	capture b-base "$scratch/base.pcap"
	load "$what-v$family" client -n 300 -c 3 --echo 0,100,3000,64k "${@:3}" "$(url svc/b "$family")"
	load "$what-close-v$family" client -n 50 -c 3 --close "${@:3}" "$(url svc/b "$family")"
	settled() { [ "$(packets "$scratch/client.pcap" | wc -l)" = "$(packets "$scratch/base.pcap" | wc -l)" ]; }
	(wait_for 5 "both captures to hold the same number of packets" settled) || echo "the captures do not hold the same number"
	stop capture-client
	stop capture-b-base
	packets "$scratch/client.pcap" >"$scratch/client.txt"
	packets "$scratch/base.pcap" >"$scratch/base.txt"
	assert_ge "$(wc -l <"$scratch/client.txt")" 700 "packets seen"
	diff "$scratch/client.txt" "$scratch/base.txt" >"$scratch/diff" || {
		head -n 20 "$scratch/diff"
		tail -n 3 "$run/logs/capture-client" "$run/logs/capture-b-base"
		inside node nft list chain inet kube forward
		fail "$what: packets changed on their way (IPv$family)"
	}
	echo "$what, IPv$family: $(wc -l <"$scratch/client.txt") packets, none changed"
}

pair | lab_up
services
check without 4
agent
check no-release 4
check no-release 6
release | apply
check release 4
check release 6 -H 'x-beta: 0'

load many client -n "$n" -c 16 --base-version v1 "$(url svc/b)"
load fresh client -n $((n / 4)) -c 16 --close --base-version v1 "$(url svc/b 6)"
assert_eq "$(metric graylink_legs_opened_total)" 0 "legs opened"
assert_eq "$(metric graylink_requests_total lane=base served_by=base)" "$(metric graylink_requests_total)" "only base counted"
# The service's own pods, dialled directly, are nobody's frontend.
load direct client -n 1000 -c 4 --base-version v2 "$(url b-gray 4 8080)"
