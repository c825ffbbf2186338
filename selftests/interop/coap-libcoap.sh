#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our CoAP engine against libcoap's tools and OpenSSL's server: coap-client at
# our server, our client at coap-server, over UDP, TCP, DTLS and TLS, with
# pre-shared keys, certificates and raw public keys. Loopback only. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/../.."

peer=${COAP_PEER:-build/out/release/interop/coap_peer}
[ -n "${COAP_PEER:-}" ] || make -s NATIVE=1 "$peer" >&2 || exit 1
tmp=$(mktemp -d)
port=$((10000 + RANDOM % 20000)) # none that the kernel gives by itself
pids=()
stop() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap stop EXIT

n=0 failed=0
# check NAME COMMAND…: a line of TAP from its exit status
check() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$tmp/check" 2>&1; then
		echo "ok $n - $name"
	else
		failed=$((failed + 1))
		echo "not ok $n - $name"
		{ cat "$tmp/check"; [ ! -e "$tmp/err" ] || cat "$tmp/err"; } | head -20 | sed 's/^/# /'
	fi
}

# ours ARGUMENT…: our client; payload to $tmp/got, messages to $tmp/err
ours() {
	timeout 120 "$peer" client "$@" >"$tmp/got" 2>"$tmp/err"
}
# theirs URI ARGUMENT…: coap-client; payload to $tmp/got, exchange to $tmp/err
theirs() {
	local uri=$1
	shift
	: >"$tmp/got"
	timeout 120 coap-client-notls -B 90 -v 7 -o "$tmp/got" "$@" "$uri" 2>"$tmp/err" >&2
}
has() {
	grep -qaF -- "$1" "$2" || { echo "no \"$1\" in: $(head -c 600 "$2")"; return 1; }
}
# ticks URI: a subscription, longer where too little comes in 4 s
ticks() {
	local seconds
	for seconds in 4 12 36; do
		theirs "$1" -s $seconds || return 1
		[ "$(grep -ca '^tick' "$tmp/got")" -lt 5 ] || return 0
	done
	echo "few: $(grep -ca tick "$tmp/got")"
	return 1
}
# wait_for FILE TEXT
wait_for() {
	for _ in $(seq 600); do
		grep -qs -- "$2" "$1" && return 0
		sleep 0.1
	done
	return 1
}

head -c 5000 /dev/urandom >"$tmp/body"
head -c 300000 /dev/urandom >"$tmp/large"
python3 -c 'print(end="".join("0123456789\n"[i % 11] for i in range(5000)))' >"$tmp/big"

# ---- coap-client at our server ------------------------------------------------------
mkfifo "$tmp/hold"
"$peer" server "$port" <"$tmp/hold" 2>"$tmp/server" &
pids+=($!)
exec 9>"$tmp/hold"
wait_for "$tmp/server" ready || { echo "Bail out! our server does not start: $(cat "$tmp/server")"; exit 1; }
u=coap://127.0.0.1:$port

t() { theirs "$u/big" && cmp "$tmp/got" "$tmp/big"; }
check "coap-client GET, Block2 of 1024" t
t() { theirs "$u/big" -b 64 && cmp "$tmp/got" "$tmp/big"; }
check "coap-client GET, Block2 of 64" t
t() { theirs "$u/store" -m put -b 32 -f "$tmp/body" && theirs "$u/store" -b 16 && cmp "$tmp/got" "$tmp/body"; }
check "coap-client PUT, Block1 of 32; GET, Block2 of 16" t
t() { theirs "$u/store" -m put -f "$tmp/large" && theirs "$u/store" && cmp "$tmp/got" "$tmp/large"; }
check "coap-client PUT and GET of 300000 bytes" t
t() { theirs "$u/store" -m put -b 1024 -l 2,5,9 -f "$tmp/body" && theirs "$u/store" -l 3 && cmp "$tmp/got" "$tmp/body"; }
check "coap-client that loses datagrams" t
t() { theirs "$u/slow" && has slow "$tmp/got"; }
check "separate response" t
t() { theirs "$u/big" -N && cmp "$tmp/got" "$tmp/big"; }
check "non-confirmable GET" t
t() { theirs "$u/none"; has "4.04" "$tmp/err"; }
check "4.04" t
t() { theirs "$u/big" -O 9,x; has "4.02" "$tmp/err"; }
check "unknown critical option: 4.02" t
t() { theirs "$u/echo" -m fetch -e abc && has abc "$tmp/got" && theirs "$u/echo" -m ipatch -e def && has 2.04 "$tmp/err"; }
check "FETCH and iPATCH" t
t() {
	ticks "$u/tick" || return 1
	has 3333333333 "$tmp/got" && wait_for "$tmp/server" "observe end 0"
}
check "Observe: notifications, a block-wise one, cancelled" t
t() {
	python3 - "$port" <<-'PY'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.connect(("127.0.0.1", int(sys.argv[1])))
	s.settimeout(60)
	got = set()
	for _ in range(5):
	    s.send(bytes.fromhex("4102777742b7") + b"counter")
	    got.add(s.recv(2000))
	assert len(got) == 1, got
	s.send(bytes.fromhex("4101777843b7") + b"counter")
	assert s.recv(2000).endswith(b"\xff1"), "ran more than once"
	PY
}
check "a POST that comes five times runs once, answers are the same bytes" t
tcp=coap+tcp://127.0.0.1:$port
t() { theirs "$tcp/big" && cmp "$tmp/got" "$tmp/big"; }
check "coap-client over TCP: GET" t
t() { theirs "$tcp/store" -m put -f "$tmp/large" && theirs "$tcp/store" && cmp "$tmp/got" "$tmp/large"; }
check "coap-client over TCP: PUT and GET of 300000 bytes (BERT)" t
t() { theirs "$tcp/store" -m put -b 64 -f "$tmp/body" && theirs "$tcp/store" -b 64 && cmp "$tmp/got" "$tmp/body"; }
check "coap-client over TCP: blocks of 64" t
t() { theirs "$tcp/big" -X 1152 && cmp "$tmp/got" "$tmp/big"; }
check "coap-client over TCP that takes 1152 bytes at most" t
t() { ticks "$tcp/tick" && has 3333333333 "$tmp/got"; }
check "coap-client over TCP: Observe" t
t() { theirs "$tcp/slow" -K 1 && has slow "$tmp/got"; }
check "coap-client over TCP: an answer that takes its time, Ping meanwhile" t
t() { theirs "$u/big" -O 4,x && cmp "$tmp/got" "$tmp/big"; theirs "$u/counter" -O 4,0x0102 && tag=$(grep -ao 'ETag:0x[0-9a-f]*' "$tmp/err" | tail -1) && theirs "$u/counter" -O "4,${tag#ETag:}" && has 2.03 "$tmp/err"; }
check "coap-client with the ETag of what is there: 2.03" t

# ---- our client at coap-server ----------------------------------------------------------
printf %s "ffffffffffffffffffffffffffffffff" >"$tmp/wrong"
p=$((port + 2))
# -k takes the key's bytes as text
printf %s "sesame-test-key!" >"$tmp/text"
od -An -tx1 "$tmp/text" | tr -d ' \n' >"$tmp/key"
# GnuTLS's flavour offers CCM-8; OpenSSL's has only what security level 2 leaves
coap-server-gnutls -A 127.0.0.1 -p "$p" -d 10 -k "$(cat "$tmp/text")" -h test -v 3 >"$tmp/libcoap" 2>&1 &
server=$!
coap-server-openssl -A 127.0.0.1 -p $((p + 2)) -k "$(cat "$tmp/text")" -h test -v 3 >"$tmp/libcoap2" 2>&1 &
pids+=("$server" $!)
for _ in $(seq 300); do
	ours -n 127.0.0.1 "$p" get time 2>/dev/null && break
	sleep 0.1
done

t() { ours 127.0.0.1 "$p" get .well-known/core && has '</time>' "$tmp/got"; }
check "our client GET" t
t() { ours 127.0.0.1 "$p" put x "$tmp/body" && ours 127.0.0.1 "$p" get x && cmp "$tmp/got" "$tmp/body"; }
check "our client PUT by Block1, GET by Block2" t
t() { ours 127.0.0.1 "$p" get 'async?1' && has done "$tmp/got"; }
check "our client, separate response" t
t() { ours 127.0.0.1 "$p" get nothing && has 4.04 "$tmp/err"; }
check "our client, 4.04" t
psk=(-i device-1 -k "$tmp/key")
t() { ours "${psk[@]}" 127.0.0.1 $((p + 1)) get .well-known/core && has '</time>' "$tmp/got" && has "up PSK-AES128-CCM8" "$tmp/err"; }
check "DTLS-PSK with AES-128-CCM-8" t
t() { ours "${psk[@]}" 127.0.0.1 $((p + 3)) get .well-known/core && has '</time>' "$tmp/got" && has "up PSK-AES128-" "$tmp/err"; }
check "DTLS-PSK with a server that refuses short tags" t
t() { ours "${psk[@]}" -r 127.0.0.1 $((p + 1)) get time && [ "$(grep -c "^2.05" "$tmp/err")" = 2 ]; }
check "a second association after the first" t
t() { ours "${psk[@]}" 127.0.0.1 $((p + 1)) put y "$tmp/body" && ours "${psk[@]}" 127.0.0.1 $((p + 1)) get y && cmp "$tmp/got" "$tmp/body"; }
check "block-wise both ways over DTLS" t
t() { ! ours -i device-1 -k "$tmp/wrong" 127.0.0.1 $((p + 1)) get time && has "coaps://127.0.0.1:$((p + 1))" "$tmp/err" && has "DTLS handshake" "$tmp/err"; }
check "wrong key: fails with host, port, phase and what to look at" t
t() { ! ours -i device-1 -k "$tmp/wrong" 127.0.0.1 $((p + 3)) get time && has "DTLS handshake" "$tmp/err"; }
check "wrong key at the other server" t
t() { ours -s coap+tcp:// 127.0.0.1 "$p" get .well-known/core && has '</time>' "$tmp/got" && has "up tcp" "$tmp/err" && has "signal ready" "$tmp/err"; }
check "our client over TCP: GET" t
t() { ours -s coap+tcp:// 127.0.0.1 "$p" put z "$tmp/large" && ours -s coap+tcp:// 127.0.0.1 "$p" get z && cmp "$tmp/got" "$tmp/large"; }
check "our client over TCP: 300000 bytes both ways" t
t() { ours -s coap+tcp:// 127.0.0.1 "$p" get 'async?1' && has done "$tmp/got"; }
check "our client over TCP: separate response" t
t() { ours -s coaps+tcp:// "${psk[@]}" 127.0.0.1 $((p + 1)) get .well-known/core && has '</time>' "$tmp/got" && has "up PSK-AES128-CCM8" "$tmp/err"; }
check "our client over TLS with a pre-shared key" t
t() {
	rm -f "$tmp/session"
	ours -S "$tmp/session" "${psk[@]}" 127.0.0.1 $((p + 3)) get time && [ -s "$tmp/session" ] || return 1
	ours -S "$tmp/session" "${psk[@]}" 127.0.0.1 $((p + 3)) get time && has " resumed" "$tmp/err"
}
check "a session that outlives the process, DTLS" t
t() {
	rm -f "$tmp/session"
	ours -s coaps+tcp:// -S "$tmp/session" "${psk[@]}" 127.0.0.1 $((p + 3)) get time && [ -s "$tmp/session" ] || return 1
	ours -s coaps+tcp:// -S "$tmp/session" "${psk[@]}" 127.0.0.1 $((p + 3)) get time && has " resumed" "$tmp/err"
}
check "a session that outlives the process, TLS" t

# ---- certificates and raw public keys -----------------------------------------------------
pki() {
	local out
	for k in ca server client other; do
		openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/$k.key" || return 1
	done
	openssl req -x509 -new -key "$tmp/ca.key" -subj /CN=test-ca -days 2 -out "$tmp/ca.pem" &&
	openssl req -x509 -new -key "$tmp/other.key" -subj /CN=other-ca -days 2 -out "$tmp/other.pem" || return 1
	for k in server client; do
		openssl req -new -key "$tmp/$k.key" -subj "/CN=$k" -out "$tmp/$k.csr" &&
		openssl x509 -req -in "$tmp/$k.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 2 \
			-extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out "$tmp/$k.pem" || return 1
		openssl pkey -in "$tmp/$k.key" -pubout -outform DER -out "$tmp/$k.spki" || return 1
	done
	openssl x509 -in "$tmp/server.pem" -outform DER -out "$tmp/server.der" &&
	openssl x509 -in "$tmp/ca.pem" -outform DER -out "$tmp/ca.der"
}
check "keys and certificates for what follows" pki
q=$((port + 11))
coap-server-openssl -A 127.0.0.1 -p $q -c "$tmp/server.pem" -j "$tmp/server.key" -C "$tmp/ca.pem" \
	-R "$tmp/ca.pem" -v 3 >"$tmp/libcoap3" 2>&1 &
pids+=($!)
coap-server-gnutls -A 127.0.0.1 -p $((q + 2)) -c "$tmp/server.pem" -j "$tmp/server.key" -C "$tmp/ca.pem" \
	-R "$tmp/ca.pem" -v 3 >"$tmp/libcoap4" 2>&1 &
pids+=($!)
coap-server-gnutls -A 127.0.0.1 -p $((q + 4)) -M "$tmp/server.key" -v 3 >"$tmp/libcoap5" 2>&1 &
pids+=($!)
for i in 0 2 4; do
	for _ in $(seq 300); do
		ours -n 127.0.0.1 $((q + i)) get time 2>/dev/null && break
		sleep 0.1
	done
done
mine=(-c "$tmp/client.pem" -j "$tmp/client.key")
for scheme in coaps coaps+tcp; do
	for at in "OpenSSL $((q + 1))" "GnuTLS $((q + 3))"; do
		who=${at% *} to=${at#* }
		t() { ours -s $scheme:// "${mine[@]}" -C "$tmp/ca.der" -u 2 127.0.0.1 "$to" get .well-known/core && has '</time>' "$tmp/got"; }
		check "$scheme, certificates, $who: the CA as the anchor (usage 2)" t
		t() { ours -s $scheme:// "${mine[@]}" -C "$tmp/server.der" -u 3 127.0.0.1 "$to" get time; }
		check "$scheme, certificates, $who: the server's own (usage 3)" t
		t() { ours -s $scheme:// "${mine[@]}" -C "$tmp/server.der" -u 1 -t "$tmp/ca.pem" 127.0.0.1 "$to" get time; }
		check "$scheme, certificates, $who: the server's own and the trust store (usage 1)" t
		t() { ours -s $scheme:// "${mine[@]}" -C "$tmp/ca.der" -u 0 -t "$tmp/ca.pem" 127.0.0.1 "$to" get time; }
		check "$scheme, certificates, $who: the CA and the trust store (usage 0)" t
		t() { ! ours -s $scheme:// "${mine[@]}" -C "$tmp/other.pem" -u 2 127.0.0.1 "$to" get time && has "certificate is not accepted" "$tmp/err"; }
		check "$scheme, certificates, $who: another CA is refused, and that is said" t
		t() { ! ours -s $scheme:// "${mine[@]}" -C "$tmp/ca.der" -u 2 -N elsewhere.example 127.0.0.1 "$to" get time && has "certificate is not accepted" "$tmp/err"; }
		check "$scheme, certificates, $who: another name is refused" t
	done
	t() { ours -s $scheme:// -R -j "$tmp/client.key" -C "$tmp/server.spki" 127.0.0.1 $((q + 5)) get .well-known/core && has '</time>' "$tmp/got"; }
	check "$scheme, raw public keys, GnuTLS" t
	t() { ! ours -s $scheme:// -R -j "$tmp/client.key" -C "$tmp/client.spki" 127.0.0.1 $((q + 5)) get time && has "key is not accepted" "$tmp/err"; }
	check "$scheme, raw public keys, GnuTLS: another key is refused" t
done
t() { ours "${mine[@]}" -C "$tmp/ca.der" -u 2 127.0.0.1 $((q + 1)) put w "$tmp/body"; ours -s coaps+tcp:// "${mine[@]}" -C "$tmp/ca.der" -u 2 127.0.0.1 $((q + 1)) get time; has 2.05 "$tmp/err"; }
check "certificates: block-wise, and TLS after DTLS" t

kill "$server"
wait "$server" 2>/dev/null
t() { ! ours -s coap+tcp:// 127.0.0.1 "$p" get time && has "nothing listens there" "$tmp/err"; }
check "nobody there, TCP: said at once" t
t() { ! ours 127.0.0.1 "$p" get time && has "nothing listens there" "$tmp/err"; }
check "nobody there, UDP: said at once" t
t() { ! ours "${psk[@]}" 127.0.0.1 $((p + 1)) get time && has "nothing listens there" "$tmp/err"; }
check "nobody there, DTLS: said at once" t
t() { ! ours no-such-host.invalid 5683 get x && has "no-such-host.invalid" "$tmp/err"; }
check "name that does not exist" t

# ---- our client at openssl s_server -------------------------------------------------------
p=$((port + 7))
# s_server does not speak CoAP: what counts is the association
t() {
	openssl s_server -dtls1_2 -accept "127.0.0.1:$p" -nocert -psk "$(cat "$tmp/key")" \
		-psk_identity device-1 -cipher PSK-AES128-CBC-SHA256:@SECLEVEL=0 \
		<"$tmp/hold" >"$tmp/s_server" 2>&1 &
	local pid=$!
	wait_for "$tmp/s_server" ACCEPT || return 1
	ours "${psk[@]}" 127.0.0.1 "$p" get x &
	local client=$!
	wait_for "$tmp/err" "^up" || { cat "$tmp/err"; return 1; }
	kill "$pid"
	wait "$client"
	has "up PSK-AES128-CBC-SHA256" "$tmp/err" && has "nothing listens there" "$tmp/err"
}
check "AES-128-CBC-SHA256; the server vanishes and that is told" t

# s_association NAME WORDS PROTOCOL SERVER-OPTION… -- CLIENT-OPTION…: it comes up so
s_association() {
	local words=$1 server=() pid client
	shift
	while [ "$1" != -- ]; do
		server+=("$1")
		shift
	done
	shift
	p=$((p + 1))
	: >"$tmp/err"
	openssl s_server -accept "127.0.0.1:$p" "${server[@]}" <"$tmp/hold" >"$tmp/s_server" 2>&1 &
	pid=$!
	wait_for "$tmp/s_server" ACCEPT || { cat "$tmp/s_server"; return 1; }
	ours "$@" 127.0.0.1 "$p" get x &
	client=$!
	wait_for "$tmp/err" "^up" || { cat "$tmp/err" "$tmp/s_server"; kill "$pid"; return 1; }
	kill "$pid"
	wait "$client"
	has "$words" "$tmp/err"
}
p=$((port + 30))
id=(-cert "$tmp/server.pem" -key "$tmp/server.key")
t() { s_association "up ECDHE-ECDSA-AES128-CCM8" -dtls1_2 "${id[@]}" -CAfile "$tmp/ca.pem" -Verify 2 -verify_return_error -cipher "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0" -- "${mine[@]}" -C "$tmp/ca.der" -u 2; }
check "s_server, DTLS, certificates, ECDHE-ECDSA-AES128-CCM8" t
t() { s_association "up ECDHE-ECDSA-AES128-SHA256" -dtls1_2 "${id[@]}" -CAfile "$tmp/ca.pem" -Verify 2 -verify_return_error -cipher ECDHE-ECDSA-AES128-SHA256 -- "${mine[@]}" -C "$tmp/server.der" -u 3; }
check "s_server, DTLS, certificates, ECDHE-ECDSA-AES128-CBC-SHA256" t
t() { s_association "up ECDHE-ECDSA-AES128-CCM8" -dtls1_2 "${id[@]}" -enable_server_rpk -enable_client_rpk -Verify 2 -cipher "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0" -- -R -j "$tmp/client.key" -C "$tmp/server.spki"; }
check "s_server, DTLS, raw public keys" t
t() { s_association "up TLS_AES_128_" -tls1_3 "${id[@]}" -alpn coap -CAfile "$tmp/ca.pem" -Verify 2 -verify_return_error -- -s coaps+tcp:// "${mine[@]}" -C "$tmp/ca.der" -u 2; }
check "s_server, TLS 1.3, certificates, ALPN" t
t() { s_association "up TLS_AES_128_" -tls1_3 "${id[@]}" -enable_server_rpk -enable_client_rpk -Verify 2 -- -s coaps+tcp:// -R -j "$tmp/client.key" -C "$tmp/server.spki"; }
check "s_server, TLS 1.3, raw public keys" t

exec 9>&-
echo "1..$n"
[ "$failed" = 0 ]
