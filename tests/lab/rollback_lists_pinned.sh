#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connection that sits on gray and cannot be steered for each request any more is named by `rollback` and by
# `get connections`; those that can be steered are not, as they follow with their next request.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq python3

gray_lab
# One connection is pinned on gray by two requests at once, one is on gray and can be steered.
mkfifo "$scratch/end"
inside client timeout 60 python3 - "$(addr svc/b)" "$scratch/end" >"$scratch/client.out" <<-'PYTHON' &
	import http.client, re, socket, sys
	def head(seq):
	    return f"GET /{seq} HTTP/1.1\r\nHost: x\r\nx-seq: {seq}\r\nx-beta: 1\r\n\r\n".encode()
	def answers(s, n):
	    text = b""
	    while len(re.findall(rb'"upstream":\[\]}\n', text)) < n:
	        part = s.recv(65536)
	        if not part:
	            sys.exit("closed by the server")
	        text += part
	    return re.findall(rb"x-version: (\w+)", text)
	pinned = socket.create_connection((sys.argv[1], 80))
	pinned.settimeout(10)
	pinned.sendall(head(1))
	first = answers(pinned, 1)
	pinned.sendall(head(2) + head(3))
	both = answers(pinned, 2)
	free = socket.create_connection((sys.argv[1], 80))
	free.settimeout(10)
	free.sendall(head(4))
	print(pinned.getsockname()[1], free.getsockname()[1], *(v.decode() for v in first + both + answers(free, 1)), flush=True)
	open(sys.argv[2]).read()
	free.sendall(head(5))
	print(*(v.decode() for v in answers(free, 1)), flush=True)
PYTHON
client=$!
wait_for 15 "the connections" test -s "$scratch/client.out"
read -r pinned free versions <"$scratch/client.out"
assert_eq "$versions" "v2 v2 v2 v2" "who answered"
address=$(addr client)

ctl -o json get connections >"$scratch/connections"
assert_eq "$(jq -r --arg c "$address:$pinned" '.items[] | select(.client == $c) | "\(.state) \(.pin) \(.lane)"' \
	"$scratch/connections")" "pinned pipelined v2" "the pinned connection"
assert_eq "$(jq -r --arg c "$address:$free" '.items[] | select(.client == $c) | "\(.state) \(.lane)"' \
	"$scratch/connections")" "steered v2" "the other connection"

ctl -o json rollback shop-v2 >"$scratch/rollback"
assert_eq "$(jq -r '[.connections[].client] | join(" ")' "$scratch/rollback")" "$address:$pinned" "listed by rollback"
echo go >"$scratch/end"
wait $client || fail "the client"
assert_eq "$(tail -n 1 "$scratch/client.out")" v1 "the next request of the connection that can be steered"
