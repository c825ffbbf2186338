#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# libcoap's coap-client drives semd: Discover, Read, Create, Execute, and block-wise
# transfers both ways with small blocks. semd talks only to its server's address, so
# a registrar takes the registration at port P and leaves, and coap-client then
# sends from P.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${STACK_DIR:-}" ]; then
	port=$(PYTHONPATH=$here python3 -c 'import stack; print(stack.free_port())')
	exec python3 "$here/stack.py" --uri "coap://127.0.0.1:$port" -- bash "$0" "$port"
fi
port=$1
n=0 failed=0
tap() { # STATUS NAME [WHY]
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=$((failed + 1))
		echo "not ok $n - $2"
		[ -z "${3:-}" ] || sed 's/^/# /' <<<"$3"
	fi
}

reg=$(python3 "$here/../server/lwm2m_server.py" --port "$port" --wait 90)
device=$(sed -n "s/.* registered from 127.0.0.1:\([0-9]*\),.*/\1/p" <<<"$reg" | head -1)
[ -n "$device" ]
tap $? "registration" "$reg"
[ -n "$device" ] || exit 1

# Between two calls somebody is on the port, too: what semd says to its server there (a new
# object list) is not refused. A call, bound later and connected, comes first.
python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").close()
while True:
	s.recv(2048)' "$port" "$STACK_DIR/bound" &
trap "kill $!" EXIT
for _ in $(seq 600); do [ -e "$STACK_DIR/bound" ] && break; sleep 0.1; done

# coap METHOD PATH [OPTION…]: the payload goes to $tmp/out, the exchange to $tmp/log
tmp=$STACK_DIR
coap() {
	local method=$1 path=$2
	shift 2
	: >"$tmp/out"
	coap-client-notls -a 127.0.0.1 -p "$port" -B 60 -v 7 -o "$tmp/out" -m "$method" "$@" \
		"coap://127.0.0.1:$device$path" >"$tmp/log" 2>&1
}
# The code of the last answer, but not of one that coap-client itself gave to semd
# (which tells its new object list to /rd, where nobody is any more)
code() {
	local rd
	rd=$(grep -a 'Uri-Path:rd' "$tmp/log" | grep -oE '\{[0-9a-f]*\}' | sort -u)
	grep -aE 'v:1 .*c:[245]\.[0-9]{2}' "$tmp/log" | grep -vF "${rd:-no token}" |
		grep -oE 'c:[245]\.[0-9]{2}' | tail -1 | cut -c3-
}
expect() { # CODE NAME
	local got
	got=$(code)
	[ "$got" = "$1" ]
	tap $? "$2: $1" "got '$got'; $(tail -5 "$tmp/log")"
}

coap get /26241 -A 40
expect 2.05 "Discover of an object"
grep -aq '</26241/0/0>' "$tmp/out" && grep -aq '</26241/0/11>' "$tmp/out"
tap $? "it lists the resources" "$(cat "$tmp/out")"
coap get /26241/0/0 -A 0
[ "$(code) $(cat "$tmp/out")" = "2.05 se0" ]
tap $? "Read of one resource as text" "$(code) $(cat "$tmp/out")"
coap get /26241/7/0 -A 0
expect 4.04 "Read of an instance that is not there"
coap get /26241/0/0 -A 50
expect 4.06 "Read in a format that there is not (JSON)"
coap put /26241/0/0 -t 0 -e x
expect 4.05 "Write of a read-only resource"

python3 - "$tmp" "$here" <<'EOF'
import sys
tmp, here = sys.argv[1:]
sys.path.insert(0, here + "/../server")
import codec, gp, script
with open(tmp + "/create", "wb") as f:
    f.write(codec.encode_resources_tlv(26242, {0: "26241:0", 1: b"", 12: False}))
with open(tmp + "/script", "wb") as f:
    f.write(script.command_script([gp.get_data(0x66)] * 60))
EOF
coap post /26242 -t 11542 -f "$tmp/create"
expect 2.01 "Create"
instance=$(grep -aoE 'Location-Path:[0-9]+' "$tmp/log" | tail -1 | cut -d: -f2)
[ -n "$instance" ] || instance=0

run() { # BLOCK: writes the script in such blocks, runs it, reads the answer so
	coap put "/26242/$instance/2" -t 42 -f "$tmp/script" -b "$1"
	expect 2.04 "Write of $(stat -c %s "$tmp/script") bytes in blocks of $1"
	coap post "/26242/$instance/3"
	expect 2.04 "Execute Run"
	for _ in $(seq 600); do
		coap get "/26242/$instance/4" -A 0
		[ "$(cat "$tmp/out")" -ge 3 ] 2>/dev/null && break
		sleep 0.1
	done
	[ "$(cat "$tmp/out")" = 3 ]
	tap $? "the script ends as done" "state $(cat "$tmp/out")"
	coap get "/26242/$instance/7" -A 42 -b "$1"
	expect 2.05 "Read of the response script in blocks of $1"
	cp "$tmp/out" "$tmp/response-$1"
	coap post "/26242/$instance/11"
	expect 2.04 "Execute Clear"
}
run 64
run 1024
cmp -s "$tmp/response-64" "$tmp/response-1024"
tap $? "both answers are the same, byte for byte"
python3 - "$tmp/response-64" "$here" <<'EOF'
import sys
sys.path.insert(0, sys.argv[2] + "/../server")
import script
r = script.parse_response(open(sys.argv[1], "rb").read())
assert r.executed == 60 == len(r.rapdus) and r.complaint is None, (r.executed, r.complaint)
assert all(x[-2:] == b"\x90\0" and x[0] == 0x66 for x in r.rapdus)
EOF
tap $? "and hold 60 times the card recognition data"
coap delete "/26242/$instance"
expect 2.02 "Delete"
echo "1..$n"
[ $failed = 0 ]
