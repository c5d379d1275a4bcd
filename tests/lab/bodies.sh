#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bodies of 0 B to 64 MB in both directions while the colour changes between requests: each byte compared.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-120}
colours=(--gray 'x-beta: 1' --gray-version v2 --base-version v1)
small=0,1,2,100,1000,1399,1400,1447,1448,1449,1460,2896,4k,16k,32k,64k,65537

gray_lab
for family in 4 6; do
	target=$(url svc/b $family)
	load "down-small-v$family" client -n $((n * 20)) -c 4 "${colours[@]}" --bytes $small "$target"
	load "up-small-v$family" client -n $((n * 20)) -c 4 "${colours[@]}" --echo $small "$target"
	load "down-v$family" client -n $((n / 4)) -c 2 "${colours[@]}" --bytes 0,1k,1m,8m,64m "$target"
	load "up-v$family" client -n $((n / 4)) -c 2 "${colours[@]}" --echo 0,1k,1m,8m,64m "$target"
done
