#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be steered safely passes unchanged and is counted with its cause: the client gets what the server says, byte
# for byte, from the leg on which its connection was.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need python3

gray_lab
# cause | expected (versions that answered, or the bytes seen) | the client's bytes, as a Python expression; g and b are heads
cases() {
	cat <<'CASES'
pipelined|v1 v1|b(1) + g(2)
pipelined|v1 v1|g(3) + b(4)
host|v1|g(8).replace(b"Host: x\r\n", b"")
cl_te|v1|b"POST /sum HTTP/1.1\r\nHost: x\r\nx-beta: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
cl_repeat|v1|b"POST /sum HTTP/1.1\r\nHost: x\r\nx-beta: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"
chunk_bad|v1|b"POST /sum HTTP/1.1\r\nHost: x\r\nx-beta: 1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"
connect|v1|b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\nx-beta: 1\r\n\r\n"
obs_fold|v1|b"GET / HTTP/1.1\r\nHost: x\r\nx-beta: 1\r\nx-y: a:\r\n b:\r\n\r\n"
colon|v1|b"GET / HTTP/1.1\r\nHost: x\r\nx-beta : 1\r\n\r\n"
bare_lf||b"GET / HTTP/1.1\nHost: x\nx-beta: 1\n\n"
opaque||b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
opaque|v1|b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CASES
}

cat >"$scratch/talk.py" <<'PYTHON'
import re, socket, sys


def head(seq, beta):
    return f"GET /{seq} HTTP/1.1\r\nHost: x\r\nx-seq: {seq}\r\nx-beta: {beta}\r\n\r\n".encode()


data = eval(sys.argv[2], {"g": lambda seq: head(seq, 1), "b": lambda seq: head(seq, 0)})
s = socket.create_connection((sys.argv[1], 80))
s.sendall(data)
s.shutdown(socket.SHUT_WR)
s.settimeout(10)
answer = b""
while True:
    part = s.recv(65536)
    if not part:
        break
    answer += part
print(*[v.decode() for v in re.findall(rb"x-version: (\w+)", answer)])
PYTHON

while IFS='|' read -r cause expected data; do
	before=$(metric graylink_pinned_total cause="$cause")
	seen=$(inside client timeout 20 python3 "$scratch/talk.py" "$(addr svc/b)" "$data") || fail "$cause: no answer"
	assert_eq "$seen" "$expected" "$cause: who answered"
	counted() { [ "$(metric graylink_pinned_total cause="$cause")" -gt "$before" ]; }
	wait_for 5 "pinned because of $cause to be counted ($data)" counted
	echo "passed and counted: $cause"
done < <(cases)

# A connection that is pinned in its middle stays where it is.
seen=$(inside client timeout 20 python3 - "$(addr svc/b 6)" <<'PYTHON'
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], 80, timeout=10)
seen = []
def ask(beta, **more):
    c.request("POST" if more else "GET", "/sum" if more else "/", headers={"x-beta": beta}, **more)
    answer = c.getresponse()
    answer.read()
    seen.append(answer.getheader("x-version"))
ask("0"); ask("1"); ask("0"); ask("1")
ask("1", body=iter([b"a chunked body"]), encode_chunked=True)
ask("0"); ask("1")
print(*seen)
PYTHON
)
assert_eq "$seen" "v1 v2 v1 v2 v2 v1 v2" "a chunked body in its middle"
