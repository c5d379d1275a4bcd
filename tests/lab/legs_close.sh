#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Servers close what is idle: a leg that gray closed while base was in use is opened anew without a word to the client.
# Servers that close after some requests say so, and the client opens a new connection, as without graylink.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq python3
n=${REQUESTS:-2000}
colours=(--gray 'x-beta: 1' --gray-version v2 --base-version v1)

# again POD VERSION ARG...: the pod's service with other options
again() {
	local pod=$1 version=$2
	shift 2
	stop "$pod"
	rm -f "$run/ready-$pod"
	start "$pod" "$pod" "$build/svc" --name b --version "$version" --pod "$pod" --listen 8080 --log "$run/logs/$pod.requests" \
		--ready "$run/ready-$pod" "$@"
	wait_for 10 "the service in $pod" test -e "$run/ready-$pod"
}

gray_lab

# 40 connections; each asks gray, stays on base until gray has closed its leg, and asks gray again, three times.
again b-gray v2 --idle-close 0.3
inside client timeout 60 python3 - "$(addr svc/b)" "$(addr svc/b 6)" <<-'PYTHON' || fail "a leg that its server closed"
	import http.client, sys, time
	connections = []
	for i in range(40):
	    c = http.client.HTTPConnection(sys.argv[1 + i % 2], 80, timeout=10)
	    c.connect()
	    connections.append((c, c.sock))
	def ask(gray):
	    for c, sock in connections:
	        c.request("GET", "/", headers={"x-beta": "1"} if gray else {})
	        answer = c.getresponse()
	        answer.read()
	        if answer.getheader("x-version") != ("v2" if gray else "v1"):
	            sys.exit(f"answered by {answer.getheader('x-version')}, gray: {gray}")
	        if c.sock is not sock:
	            sys.exit("the connection was opened anew")
	for round in range(3):
	    ask(True)
	    # Longer than the server waits; no event tells this client that a leg has closed, and that is the point.
	    until = time.monotonic() + 0.7
	    while time.monotonic() < until:
	        ask(False)
	        time.sleep(0.05)
	ask(True)
	print("40 connections, each gray leg closed by its server three times, none seen by the client")
PYTHON
legs=$(metric graylink_legs_opened_total lane=v2)
assert_ge "$legs" 100 "legs opened"
assert_eq "$(metric graylink_fallbacks_total)" 0 "fallbacks"

again b-gray v2 --close-after 7
load gray-closes client -n "$n" -c 4 --allow-reopen "${colours[@]}" "$(url svc/b)"
again b-base v1 --close-after 5
load both-close client -n "$n" -c 4 --allow-reopen "${colours[@]}" "$(url svc/b 6)"
assert_ge "$(result both-close .connections)" $((n / 20)) "connections opened"
no_connections() { [ "$(metric graylink_connections)" = 0 ]; }
wait_for 20 "closed connections to be forgotten" no_connections
left=$(inside b-gray ss -Htn state established | wc -l)
assert_eq "$left" 0 "established sockets left at gray"
