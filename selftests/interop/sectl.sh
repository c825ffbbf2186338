#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sectl against softse, itself and through semd: every verb, an exit status for each kind
# of failure, JSON for errors too. Then sectl-check.py: all JSON against the schema; help,
# completion and man page against the table of verbs. TAP on stdout.
set -u
cd "$(dirname "$0")/../.."
out=build/out/${V:-release}
make -s NATIVE=1 ${V:+V=$V} "$out/semd" "$out/sectl" "$out/softse" >/dev/null || exit 1
dir=$(mktemp -d /tmp/sectl-XXXXXX)
n=0 failed=0
mkdir "$dir/run"
until_so() { # COMMAND…: until it succeeds, for a minute
	for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	echo "# not within a minute: $*"
	return 1
}
start_card() { # NAME WORK-MS
	"$out/softse" --apdu-socket="$dir/$1" --no-fsync "--work-ms=$2" "${@:3}" >/dev/null 2>&1 &
	cards+=($!)
	until_so [ -S "$dir/$1" ]
}
cards=()
start_card se 5    # semd's
start_card card 1  # sectl's own
start_card spare 1 # whose life ends
echo "applet = iot-safe" >"$dir/profile"
start_card safe 1 --profile="$dir/profile"
keys=$dir/all.keys
cat >"$keys" <<'END'
[keyset isd]
type=aes
kvn=0x30
enc=404142434445464748494A4B4C4D4E4F
mac=404142434445464748494A4B4C4D4E4F
dek=404142434445464748494A4B4C4D4E4F
[keyset new]
type=aes
kvn=0x31
enc=00112233445566778899AABBCCDDEEFF
mac=102132435465768798A9BACBDCEDFE0F
dek=2031425364758697A8B9CADBECFD0E1F
[keyset wrong]
type=aes
kvn=0x30
enc=FF112233445566778899AABBCCDDEEFF
mac=FF2132435465768798A9BACBDCEDFE0F
dek=FF31425364758697A8B9CADBECFD0E1F
END
chmod 600 "$keys"
printf '[semd]\nstate_dir=%s/state\nruntime_dir=%s/run\n[se se0]\nopen=socket:%s/se\n' \
	"$dir" "$dir" "$dir" >"$dir/semd.conf"
printf '[keyset isd]\nkeys=file:%s\n' "$keys" >>"$dir/semd.conf"
# a server that takes every Register and Update, and one that is not there
python3 - "$dir/port" <<'END' &
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
while True:
    m, peer = s.recvfrom(2048)
    if m[1] == 2:  # POST /rd: 2.01 and Location-Path rd/1; POST /rd/1: 2.04
        update = b"\xb2rd\x011" in m
        head = bytes([0x60 | m[0] & 15, 0x44 if update else 0x41]) + m[2:4 + (m[0] & 15)]
        s.sendto(head if update else head + b"\x82rd\x011", peer)
END
cards+=($!)
until_so [ -s "$dir/port" ]
printf '[server near]\nuri=coap://127.0.0.1:%s\nendpoint=dev\n' "$(cat "$dir/port")" \
	>>"$dir/semd.conf"
printf '[server far]\nuri=coap://127.0.0.1:9\nendpoint=dev\n' >>"$dir/semd.conf"
printf '[dm]\ndevice_id=urn:uuid:sectl\nudp_port=0\n[dm far]\nserver_id=com.example.dm\nuri=https://127.0.0.1:9/dm\n' \
	>>"$dir/semd.conf"
printf 'client_name=dev\nclient_secret_file=%s/dm\nserver_secret_file=%s/dm\nserver_nonce=%s\n' \
	"$dir" "$dir" 30313233343536373839616263646566 >>"$dir/semd.conf"
(umask 077; echo secret >"$dir/dm")
"$out/semd" --config="$dir/semd.conf" 2>"$dir/semd.log" &
semd=$!
trap 'kill $semd "${cards[@]}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
until_so [ -S "$dir/run/io.sesame.Manager" ]

# a second one on the same state directory, as systemd would start it
python3 - "$out/semd" "$dir" >"$dir/second" 2>&1 <<'END'
import os, signal, socket, subprocess, sys
semd, d = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(d + "/ready")
s.settimeout(120)
p = subprocess.Popen([semd, f"--config={d}/semd.conf"], stderr=subprocess.PIPE, text=True,
                     env={**os.environ, "NOTIFY_SOCKET": d + "/ready"})
print(s.recv(4096).decode())
p.terminate()
print(p.communicate(timeout=20)[1], "status", p.returncode)
END

exec </dev/null
se=(--se="socket:$dir/card")
isd=("${se[@]}" --keys=file:"$keys" --keyset=isd --state-dir="$dir/own")
remote=(--se=semd:se0 --keyset=isd)
sectl() { timeout 60 "$out/sectl" --socket="$dir/run/io.sesame.Manager" "$@"; }
result() { # OK DESCRIPTION
	n=$((n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/out" | head -20
		failed=1
	fi
}
want() { # STATUS WORDS ARGUMENT…: exit status, and WORDS in what it says
	local status=$1 words=$2 rc ok=0
	shift 2
	sectl "$@" >"$dir/out" 2>&1
	rc=$?
	[ $rc = "$status" ] && { [ -z "$words" ] || grep -qF -- "$words" "$dir/out"; } && ok=1
	words="sectl $*"
	words=${words//$dir/DIR}
	result $ok "status $rc: ${words//--se=socket:DIR\/card --keys=file:DIR\/all.keys/…}"
}
want_json() { # STATUS CODE ARGUMENT…: an error's code, or "" for a result
	local status=$1 code=$2 rc ok=0
	shift 2
	sectl --json "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	cat "$dir/out" >>"$dir/lines"
	[ $rc = "$status" ] && [ "$(wc -l <"$dir/out")" = 1 ] && ok=1
	[ -z "$code" ] && grep -q '"error":{' "$dir/out" && ok=0
	[ -z "$code" ] || grep -qF "\"error\":{\"code\":\"$code\",\"status\":$status," "$dir/out" || ok=0
	code="sectl $*"
	code=${code//$dir/DIR}
	result $ok "status $rc, JSON: ${code//--se=socket:DIR\/card --keys=file:DIR\/all.keys/…}"
}
: >"$dir/lines"

# ---- what needs no card ----
printf '\252\016\042\005\200\312\000\146\000\042\005\200\312\000\102\000' >"$dir/ok.bin"
printf '\252\016\042\005\200\312\022\064\000\042\005\200\312\000\102\000' >"$dir/sw.bin"
printf '\252\016\042\005\200' >"$dir/cut.bin"
printf '\252\007\042\005\000\160\000\000\001' >"$dir/manage.bin"
printf '\252\005\201\003\001\002\003' >"$dir/action.bin"
# 8000 commands of 5 ms: whoever stops it is not late
{ printf '\252\202\332\300'; for _ in $(seq 8000); do printf '\042\005\200\312\000\102\000'; done; } >"$dir/long.bin"
python3 selftests/server/cap.py "$dir/w.cap" F0534553414D4501 F0534553414D450101
python3 selftests/server/cap.py "$dir/big.cap" F0534553414D4502 F0534553414D450201
want_json 0 "" help
want 0 "sectl NOUN VERB" --help
want 2 "not known" frobnicate
want 2 "has no verb 'frob'" se frob
want 2 "needs a verb" se
want 2 "no such option" list --aid=A0
want 2 "no such option" list --frob
want 2 "needs a value" info --se
want 2 "takes: [SE]" info a b
want 0 "complete -o" completion bash
want 2 "no completion" completion fish
want_json 0 "" cap info "$dir/w.cap"
want_json 0 "" script convert "$dir/ok.bin"
want_json 0 "" script convert "$dir/ok.bin" --to=expanded
want 0 "" script convert "$dir/ok.bin" --output="$dir/ok.txt"
want 0 "" script convert "$dir/ok.txt" --to=expanded --output="$dir/again.bin"
ok=0
cmp -s "$dir/ok.bin" "$dir/again.bin" && ok=1
result $ok "a script to text and back is the same bytes"
want 4 "no form for it" script convert "$dir/ok.bin" --to=compact
printf '80E60200051122334455\n80CA004200\n' >"$dir/two.txt"
want 0 "" script convert "$dir/two.txt" --to=compact --output="$dir/two.bin"
want 0 "80E60200051122334455" script convert "$dir/two.bin" --from=compact
want 2 "script starts with" script convert "$dir/two.bin" --from=expanded
want_json 2 script-format-error script convert "$dir/cut.bin"
want_json 3 no-such-file script run "$dir/nothing.bin"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/t.pem" 2>/dev/null
chmod 600 "$dir/t.pem"
printf '[key t]\nuse=token\nprivate=%s/t.pem\n[key d]\nuse=dap\nprivate=%s/t.pem\n' \
	"$dir" "$dir" >"$dir/sign.keys"
chmod 600 "$dir/sign.keys"
delete=80E400000A4F08F0534553414D450100
sign=(--keys="file:$dir/sign.keys")
want_json 0 "" token data $delete
want_json 0 "" token sign $delete "${sign[@]}"
want 0 "" token sign $delete "${sign[@]}" --output="$dir/token"
want_json 0 "" token verify $delete --token="$dir/token" "${sign[@]}"
want_json 0 "" dap sign "$dir/w.cap" --sd=A00000015153534401 "${sign[@]}"
want 0 "" dap sign "$dir/w.cap" --sd=A00000015153534401 "${sign[@]}" --output="$dir/dap"
want_json 0 "" dap verify "$dir/w.cap" "$dir/dap" "${sign[@]}"

printf '[key r]\nuse=receipt\ntype=aes\nsecret=404142434445464748494A4B4C4D4E4F\n' >"$dir/r.keys"
chmod 600 "$dir/r.keys"
want_json 0 "" receipt verify 105A893092E5AE27BD010303085B2636C302000703420145 $delete \
	--sd=A000000151000000 --keys="file:$dir/r.keys"

# ---- an SE ----
want 0 "apdu      up to" info "socket:$dir/card"
want_json 0 "" se info "${se[@]}"
want 0 "95 % BELOW" se stats "socket:$dir/card"
want_json 0 "" se stats "${se[@]}"
want 0 "9000" apdu "socket:$dir/card" 80CA006600 80CA004200
want_json 0 "" apdu "${se[@]}" 80CA006600 80CA004200
want 0 "would open" apdu "socket:$dir/card" 80CA006600 --dry-run
want_json 0 "" apdu "${se[@]}" 80CA006600 -n
printf '80CA006600\n\n80CA004200  \n' >"$dir/in"
want 0 "9000" apdu "socket:$dir/card" - <"$dir/in"
printf '80CA006600\n80\n' >"$dir/in"
want 2 "APDU 2: not a C-APDU" apdu "socket:$dir/card" - <"$dir/in"
want 2 "1 to 8388608 bytes" apdu "socket:$dir/card" - </dev/null
want 2 "not a C-APDU" apdu "socket:$dir/card" 80CA
want 7 "6A88" apdu "socket:$dir/card" 80CA123400
want_json 7 card-refused apdu "${se[@]}" --aid=A0000000FF 80CA004200
want_json 2 usage apdu --se=frob:x 80CA004200
want_json 3 not-found apdu --se=socket:"$dir/run/io.sesame.Nobody" 80CA004200
want 0 "> 80CA0066 [1 bytes]  < [51 bytes] 9000" apdu "${se[@]}" 80CA006600 -d
want 0 "> 80CA0042 00  < 42049999990F 9000" apdu "${se[@]}" 80CA004200 -d --show-payload
want 0 "would reset" reset "socket:$dir/card" --dry-run
want_json 0 "" se reset "${se[@]}" -n
want 0 "line reset, now idle" reset "socket:$dir/card"
want_json 0 "" se reset "${se[@]}" --level=software
want 2 "no such level" reset "socket:$dir/card" --level=hard
want_json 4 not-wired reset "${se[@]}" --level=resynch
want 0 "streams of 256" bench "${se[@]}" --count=50
want_json 0 "" bench "${se[@]}" --count=50
want_json 0 "" script run "$dir/ok.bin" "${se[@]}"
want 0 "42049999990F 9000" script run "$dir/ok.txt" "${se[@]}"
want 7 "6A88" script run "$dir/sw.bin" "${se[@]}"
want 4 "needs semd" script run "$dir/action.bin" "${se[@]}"

# ---- a card ----
want 0 "SCP03" card status "${se[@]}"
want_json 0 "" card status "${isd[@]}"
want 2 "no keys are given" app list "${se[@]}"
want_json 2 no-keys app list "${se[@]}"
want 0 "404142…4F" app list "${isd[@]}"
want_json 0 "" app list "${isd[@]}"
want 4 "" app list "${se[@]}" --keys=file:"$keys" --keyset=wrong --state-dir="$dir/own"
want_json 3 no-such-keyset app list "${se[@]}" --keys=file:"$keys" --keyset=none
want_json 0 "" key attempts --state-dir="$dir/own"
want 3 "" key forget FFFF --state-dir="$dir/own"
want 0 "INSTALL [for load]" app install "$dir/w.cap" "${isd[@]}" -n
want_json 0 "" app install "$dir/w.cap" "${isd[@]}" -n
want 0 "nothing there" package list "${isd[@]}"
want_json 0 "" app install "$dir/w.cap" "${isd[@]}" --hash=sha256
want 0 "F0534553414D450101" package list "${isd[@]}"
want_json 0 "" package list "${isd[@]}"
want 0 "SELECTABLE" app list "${isd[@]}" --all
want_json 0 "" app lock F0534553414D450101 "${isd[@]}"
want 0 "already" app lock F0534553414D450101 "${isd[@]}"
want 7 "6A82" app select F0534553414D450101 "${se[@]}"
want_json 0 "" app unlock F0534553414D450101 "${isd[@]}"
want_json 0 "" app select F0534553414D450101 "${se[@]}"
want 0 "default application: selected" app select "${se[@]}"
want_json 0 "" plan list --state-dir="$dir/own"
want 0 "app lock" plan list --state-dir="$dir/own"
id=$(sectl plan list --state-dir="$dir/own" --no-legend | awk '/app lock/ { print $1; exit }')
want_json 4 contradiction plan resume "$id" "${isd[@]}"
want_json 0 "" app lock F0534553414D450101 "${isd[@]}"
id=$(sectl plan list --state-dir="$dir/own" --no-legend | awk '/app lock/ { i = $1 } END { print i }')
want_json 0 "" plan resume "$id" "${isd[@]}"
want_json 0 "" plan rollback "$id" "${isd[@]}"
want 0 "selected" app select F0534553414D450101 "${se[@]}"
want_json 0 "" plan forget "$id" --state-dir="$dir/own"
want_json 3 no-such-plan plan forget "$id" --state-dir="$dir/own"
want_json 3 no-such-plan plan resume ../../etc/passwd "${isd[@]}"
want_json 0 "" app delete F0534553414D450101 "${isd[@]}"
want_json 0 "" package delete F0534553414D4501 "${isd[@]}"
want_json 0 "" package load "$dir/big.cap" "${isd[@]}" --block-size=64
cat >"$dir/plan.json" <<END
{ "version": 1, "name": "try", "sessions": [ { "keys": "isd" } ],
  "operations": [ { "op": "load", "file": "$dir/w.cap" }, { "op": "install" } ] }
END
want_json 0 "" plan show "$dir/plan.json"
want 0 "nothing was sent" plan show "$dir/plan.json"
want_json 0 "" plan run "$dir/plan.json" "${se[@]}" --keys=file:"$keys" --state-dir="$dir/own"
echo '{ "version": 9 }' >"$dir/bad.json"
want 2 "version" plan run "$dir/bad.json" "${se[@]}" --keys=file:"$keys" --state-dir="$dir/own"
want_json 0 "" sd create F05345530001 "${isd[@]}"
want_json 0 "" sd extradite F0534553414D450101 F05345530001 "${isd[@]}"
want_json 0 "" sd policy F05345530001 --forbid=load "${isd[@]}"
want_json 0 "" sd keys F05345530001 new "${isd[@]}"
want_json 0 "" key list "${se[@]}"
want_json 7 card-refused key public iotsafe/02 "${se[@]}"
want_json 7 card-refused key request vault/02 CN=a "${se[@]}"
want_json 0 "" key public iotsafe/02 --se="socket:$dir/safe"
want 0 "BEGIN CERTIFICATE REQUEST" key request iotsafe/02 CN=a --se="socket:$dir/safe"
want_json 0 "" key request iotsafe/02 CN=a,O=b --se="socket:$dir/safe"
want_json 7 card-refused key public iotsafe/99 --se="socket:$dir/safe"
want_json 2 usage key request iotsafe/02 nobody "${se[@]}"
want_json 2 usage key public iotsafe/2 "${se[@]}"
want_json 0 "" key put new "${isd[@]}"
want 0 "31" key list "${se[@]}"
want_json 0 "" key delete 31 "${isd[@]}"
printf '\000\102\004\231\231\231\017' >"$dir/perso.bin"
want_json 7 card-refused store-data "$dir/perso.bin" "${isd[@]}"
want 0 "STORE DATA" store-data "$dir/perso.bin" "${isd[@]}" -n
want_json 0 "" store-data "$dir/perso.bin" "${isd[@]}" -n

# ---- the end of a card ----
isd=(--se="socket:$dir/spare" --keys=file:"$keys" --keyset=isd --state-dir="$dir/own")
want_json 4 not-confirmed card initialize "${isd[@]}"
want_json 0 "" card initialize --yes "${isd[@]}"
want_json 0 "" card secure --yes "${isd[@]}"
want_json 4 not-confirmed card lock "${isd[@]}"
want_json 4 not-confirmed card lock "${isd[@]}" --confirm=12345678
want_json 4 not-confirmed card lock "${isd[@]}" --yes
want_json 0 "" card lock "${isd[@]}" --confirm=4D450001
want 0 "CARD_LOCKED" card status "${isd[@]}"
want_json 0 "" card unlock "${isd[@]}"
want_json 4 not-confirmed card terminate "${isd[@]}" --yes
want_json 0 "" card terminate "${isd[@]}" --confirm=4D450001
want_json 3 no-application app list "${isd[@]}"

entry=$(sectl key attempts --state-dir="$dir/own" --no-legend | awk '{ print $NF; exit }')
want_json 0 "" key forget "$entry" --state-dir="$dir/own"

# ---- semd ----
cp "$dir/second" "$dir/out"
grep -q "^STATUS=waiting for process $semd (semd), which has $dir/" "$dir/out" &&
	grep -q "^EXTEND_TIMEOUT_USEC=[1-9][0-9]*$" "$dir/out"
result $((!$?)) "a second semd tells systemd whom it waits for, and asks for the time"
grep -q "is in use by process $semd (semd): waiting until that has ended, [23][0-9] s at most" \
	"$dir/out" && grep -q "status 0" "$dir/out"
result $((!$?)) "and the log, and can be stopped meanwhile"
want 0 "1 secure elements" status
want_json 0 "" status
want 0 "far " server list
want_json 0 "" server list
registered() { sectl server list | grep -q '^near .*registered'; }
until_so registered
want_json 0 "" server update near
want_json 4 not-registered server update far
want_json 3 no-such-server server update nobody
want 0 "com.example.dm" dm list
want_json 0 "" dm list
want 0 "https://127.0.0.1:9/dm" dm show far
want_json 0 "" dm show com.example.dm
want 3 "there is no account 'near'" dm show near
want 0 "" dm ports
want_json 0 "" dm ports
want_json 0 "" dm question
want_json 3 no-such-question dm answer 1 ok
want_json 3 no-such-question dm answer 1 - < <(echo secret)
want_json 0 "" dm session far
want_json 3 no-such-account dm session nobody
want 0 "./DMAcc/far/ServerID " dm tree ./DMAcc/far
want_json 0 "" dm tree ./DevInfo
want_json 3 no-such-node dm tree ./Nobody
# a notification of com.example.dm, secret "secret", nonce 0123456789abcdef, session 1A2B
python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' \
	b08e03e17677094a03f8975f451f3b1d02d80000001a2b0e636f6d2e6578616d706c652e646d >"$dir/notify"
want_json 0 "" dm notify "$dir/notify"
want_json 4 already dm notify "$dir/notify"
printf x >>"$dir/notify"
want_json 4 bad-digest dm notify "$dir/notify"
want_json 0 "" server send far /3/0/13
want_json 3 no-such-server server send nobody /3/0
want 0 "2 APDUs executed" script run "$dir/ok.bin" --se=semd:se0
want 0 "2/2" script run "$dir/ok.txt" --se=semd:se0
want 1 "starts with 80" script run "$dir/two.bin" --se=semd:se0
want 7 "6982" script run "$dir/two.bin" --se=semd:se0 --from=compact
want 0 "2/2" script run "$dir/ok.bin" --se=semd:se0 --keep-channel --token=4
want 0 "2/2" script run "$dir/ok.bin" --se=semd:se0 --token=4
want_json 0 "" script run "$dir/ok.bin" --se=semd:se0 --keep-job
want 0 "control:" jobs list
want_json 0 "" jobs list
id=$(sectl jobs list | awk '/done/ { i = $1 } END { print i + 0 }')
want 0 "80CA0066" jobs show "$id-1"
want_json 0 "" jobs show "$id"
want_json 0 "" jobs ack "$id"
want 6 "deadline" script run "$dir/long.bin" --se=semd:se0 --deadline=1
sectl script run "$dir/long.bin" --se=semd:se0 >/dev/null 2>&1 &
running() {
	id=$(sectl jobs list | awk '/running/ { i = $1 } END { print i + 0 }')
	[ "$id" != 0 ]
}
until_so running
want_json 0 "" jobs cancel "$id"
want_json 0 "" app list "${remote[@]}"
want_json 0 "" app install "$dir/w.cap" "${remote[@]}"
id=$(sectl jobs list | awk '/done/ { i = $1 } END { print i + 0 }')
want_json 0 "" jobs rollback "$id"
want 0 "nothing there" package list "${remote[@]}"
want_json 0 "" jobs resume "$id"
want_json 4 not-running jobs cancel "$id"
want_json 0 "" jobs ack "$id"
want 2 "which of semd's key sets" app list --se=semd:se0
want 2 "semd has its own keys" app list --se=semd:se0 --keys=default --keyset=isd
want 1 "script-format-error" script run "$dir/cut.bin" --se=semd:se0
want 2 "is not a job" jobs show x
want 3 "no secure element" script run "$dir/ok.bin" --se=semd:se9
want 3 "no application" script run "$dir/ok.bin" --se=semd:se0 --aid=A0000000FF
want 3 "there is no job 99" jobs show 99
want 4 "MANAGE CHANNEL" script run "$dir/manage.bin" --se=semd:se0
want 4 "an AID has" script run "$dir/ok.bin" --se=semd:se0 --aid=A0
want 5 "semd is not there" status --socket="$dir/nobody"
want 7 "6A88" script run "$dir/sw.bin" --se=semd:se0
want_json 2 usage frobnicate
want_json 3 no-such-job jobs show 99
want_json 3 no-such-se script run "$dir/ok.bin" --se=semd:se9
want_json 5 unreachable status --socket="$dir/nobody"
want_json 2 usage se info --se=semd:se0

# ---- captures ----
sectl apdu "${se[@]}" 80CA006600 80CA004200 --trace="$dir/t.pcapng" >/dev/null
tshark -r "$dir/t.pcapng" >"$dir/out" 2>/dev/null
ok=0
[ "$(grep -c 'GSM SIM' "$dir/out")" = 3 ] && grep -q 'GET DATA' "$dir/out" && ok=1
result $ok "tshark reads --trace as three commands of a SIM"
tshark -r "$dir/t.pcapng" -x >"$dir/out" 2>/dev/null
ok=0
grep -q "80 ca 00 42" "$dir/out" && ! grep -q "99 99 99 0f" "$dir/out" && ok=1
result $ok "and does not find the data in it"
sectl apdu "${se[@]}" 80CA004200 --trace="$dir/t.pcapng" --show-payload >/dev/null
tshark -r "$dir/t.pcapng" -Y _ws.malformed >"$dir/out" 2>/dev/null
ok=0
[ ! -s "$dir/out" ] && tshark -r "$dir/t.pcapng" -x 2>/dev/null | grep -q "99 99 99 0f" && ok=1
result $ok "unless asked"

selftests/interop/sectl-check.py "$out/sectl" "$dir/lines" >"$dir/tap" 2>&1
rc=$?
grep -vE '^1\.\.' "$dir/tap" | while read -r line; do
	case $line in
	ok*|not*) sed -E "s/^(not )?ok [0-9]+/\1ok $((n += 1))/" <<<"$line" ;;
	*) echo "# $line" ;;
	esac
done
n=$((n + $(grep -cE '^(not )?ok' "$dir/tap")))
[ $rc = 0 ] || failed=1
echo "1..$n"
exit $failed
