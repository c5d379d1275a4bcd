#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Chunked bodies in both directions, the colour changing between requests: each byte compared, each request by the right
# version, nothing pinned, each request counted.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-120}
colours=(--gray 'x-beta: 1' --gray-version v2 --base-version v1)
small=0,1,2,100,1000,1399,1400,1447,1448,1449,1460,2896,4k,16k,32k,64k,65537

serve() {
	start "$1" "$1" "$build/svc" --name b --version "$2" --pod "$1" --listen 8080 --chunked --ready "$run/ready-$1"
	wait_for 10 "the service in $1" test -e "$run/ready-$1"
}

lab_up <<-SPEC
	pod client
	pod b-base
	pod b-gray
	service b 80 8080 b-base
SPEC
serve b-base v1
serve b-gray v2
agent
release | apply
sent=0
for family in 4 6; do
	target=$(url svc/b $family)
	load "plain-v$family" client -n $((n * 20)) -c 4 "${colours[@]}" "$target"
	load "down-v$family" client -n $((n * 10)) -c 4 "${colours[@]}" --bytes $small "$target"
	load "up-v$family" client -n $((n * 10)) -c 4 "${colours[@]}" --echo $small --chunked "$target"
	load "large-v$family" client -n $((n / 4)) -c 2 "${colours[@]}" --echo 0,1k,64k,200k --chunked "$target"
	load "pieces-v$family" client -n "$n" -c 2 "${colours[@]}" --echo 0,1,100,1000 --chunked --split 7 "$target"
	sent=$((sent + n * 20 + n * 10 + n * 10 + n / 4 + n))
done
assert_eq "$(metric graylink_pinned_total)" 0 "pinned connections"
assert_eq "$(metric graylink_requests_total)" $sent "requests counted"
