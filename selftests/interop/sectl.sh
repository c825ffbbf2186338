#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sectl against softse and semd: an exit status for each kind of failure, JSON for
# errors too, help for each verb, each verb in the man page. TAP on stdout.
set -u
cd "$(dirname "$0")/../.."
out=build/out/${V:-release}
make -s NATIVE=1 ${V:+V=$V} "$out/semd" "$out/sectl" "$out/softse" >/dev/null || exit 1
dir=$(mktemp -d /tmp/sectl-XXXXXX)
n=0 failed=0
mkdir "$dir/run"
"$out/softse" --apdu-socket="$dir/se" --no-fsync --work-ms=5 >/dev/null 2>&1 &
softse=$!
printf '[semd]\nstate_dir=%s/state\nruntime_dir=%s/run\n[se se0]\nopen=socket:%s/se\n' \
	"$dir" "$dir" "$dir" >"$dir/semd.conf"
for _ in $(seq 100); do [ -S "$dir/se" ] && break; sleep 0.05; done
"$out/semd" --config="$dir/semd.conf" 2>"$dir/semd.log" &
semd=$!
trap 'kill $semd $softse 2>/dev/null; wait; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$dir/run/io.sesame.Manager" ] && break; sleep 0.05; done

exec </dev/null
sectl() { timeout 20 "$out/sectl" --socket="$dir/run/io.sesame.Manager" "$@"; }
result() { # OK DESCRIPTION
	n=$((n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/out"
		failed=1
	fi
}
want() { # STATUS WORDS ARGUMENT…: exit status, and WORDS in what it says
	local status=$1 words=$2 rc ok=0
	shift 2
	sectl "$@" >"$dir/out" 2>&1
	rc=$?
	[ $rc = "$status" ] && { [ -z "$words" ] || grep -qF -- "$words" "$dir/out"; } && ok=1
	result $ok "status $rc: sectl ${*//$dir/DIR}"
}
want_json() { # STATUS CODE ARGUMENT…
	local status=$1 code=$2 rc ok=0
	shift 2
	sectl --json "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	[ $rc = "$status" ] && [ ! -s "$dir/err" ] && ok=1
	python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))["error"]
sys.exit(not (e["code"] == sys.argv[2] and e["status"] == int(sys.argv[3]) and e["message"]))' \
		"$dir/out" "$code" "$status" || ok=0
	result $ok "status $rc, JSON $code: sectl ${*//$dir/DIR}"
}

printf '\252\016\042\005\200\312\000\146\000\042\005\200\312\000\102\000' >"$dir/ok.bin"
printf '\252\016\042\005\200\312\022\064\000\042\005\200\312\000\102\000' >"$dir/sw.bin"
printf '\252\016\042\005\200' >"$dir/cut.bin"
printf '\252\007\042\005\000\160\000\000\001' >"$dir/manage.bin"
{ printf '\252\202\005\170'; for _ in $(seq 200); do printf '\042\005\200\312\000\102\000'; done; } >"$dir/long.bin"
long=$(stat -c %s "$dir/long.bin")
[ "$long" = 1404 ] || echo "# long.bin has $long bytes"

want 0 "IFSC" info "socket:$dir/se"
want 0 "9000" apdu "socket:$dir/se" 80CA006600 80CA004200
want 0 "would open" apdu "socket:$dir/se" 80CA006600 --dry-run
printf '80CA006600\n\n80CA004200  \n' >"$dir/lines"
want 0 "9000" apdu "socket:$dir/se" - <"$dir/lines"
printf '80CA006600\n80\n' >"$dir/lines"
want 2 "APDU 2: not a C-APDU" apdu "socket:$dir/se" - <"$dir/lines"
want 2 "no APDU on standard input" apdu "socket:$dir/se" - </dev/null
want 0 "would reset" reset "socket:$dir/se" --dry-run
want 0 "line reset, now idle" reset "socket:$dir/se"
want 0 "software reset, now idle" reset "socket:$dir/se" --level=software
want 2 "no such level" reset "socket:$dir/se" --level=hard
want_json 4 not-wired reset "socket:$dir/se" --level=resynch
want 0 "1 secure elements" status
want 0 "2 APDUs executed" script run "$dir/ok.bin"
want 0 "2/2" script run "$dir/ok.bin" --keep-channel --token=4
want 0 "2/2" script run "$dir/ok.bin" --token=4
want 0 "2/2" script run "$dir/ok.bin" --keep-job
want 0 "control:" jobs list
want 0 "80CA0066" jobs show 4-1
want 0 "" jobs ack 4
want 1 "script-format-error" script run "$dir/cut.bin"
want 2 "not known" frobnicate
want 2 "no such option" list --aid=A0
want 2 "not a C-APDU" apdu "socket:$dir/se" 80CA
want 2 "is not a job" jobs show x
want 3 "no secure element" script run "$dir/ok.bin" --se=se9
want 3 "no application" script run "$dir/ok.bin" --aid=A0000000FF
want 3 "there is no job 99" jobs show 99
want 3 "No such file" script run "$dir/nothing.bin"
want 4 "MANAGE CHANNEL" script run "$dir/manage.bin"
want 4 "an AID has" script run "$dir/ok.bin" --aid=A0
want 5 "semd is not there" status --socket="$dir/nobody"
want 6 "deadline" script run "$dir/long.bin" --deadline=1
want 7 "6A88" script run "$dir/sw.bin"
want 7 "6A88" apdu "socket:$dir/se" 80CA123400
want_json 2 usage frobnicate
want_json 3 no-such-job jobs show 99
want_json 3 no-such-se script run "$dir/ok.bin" --se=se9
want_json 5 unreachable status --socket="$dir/nobody"
want_json 7 card-refused apdu "socket:$dir/se" --aid=A0000000FF 80CA004200

while read -r noun verb; do
	want 0 "Example: sectl $noun" "$noun" ${verb:+"$verb"} --help
	sed 's/\\fB//; s/\\-/-/g' Documentation/man/sectl.1 >"$dir/out"
	ok=0
	grep -qE "^\.BI? \"?$noun${verb:+ $verb}" "$dir/out" && ok=1
	result $ok "sectl.1 has $noun $verb"
done < <(sectl --help | awk '/^  [a-z]/ { v = $2; if (v !~ /^(run|list|show|cancel|ack)$/ || $1 == "list") v = ""; print $1, v }')
echo "1..$n"
exit $failed
