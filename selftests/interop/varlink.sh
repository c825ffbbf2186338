#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# varlinkctl (systemd) against semd: io.sesame.Manager as a foreign client sees it. The
# interface file, every method, wrong types, huge input, peers that hang up, and, where
# there is more than one user (in the virtual machine), who may do what. TAP on stdout.
# With --write the interface file is written anew and nothing is tested; with --users only
# the latter is (BUILT=1: in the virtual machine, which is slow).
set -u
cd "$(dirname "$0")/../.."
out=build/out/${V:-release}
[ -n "${BUILT:-}" ] || make -s NATIVE=1 ${V:+V=$V} "$out/semd" "$out/softse" >/dev/null || exit 1
idl=Documentation/varlink/io.sesame.Manager.varlink
dir=$(mktemp -d /tmp/varlink-XXXXXX)
chmod 755 "$dir"
mkdir -m 755 "$dir/run"
sock=$dir/run/io.sesame.Manager
n=0 failed=0 group=
# where there is only one user no group can be given the socket either
setpriv --reuid=65533 --regid=65533 --clear-groups true 2>/dev/null && group=nogroup
"$out/softse" --apdu-socket="$dir/se" --no-fsync --work-ms=1 >/dev/null 2>&1 &
softse=$!
cat >"$dir/semd.conf" <<CONF
[semd]
state_dir=$dir/state
runtime_dir=$dir/run
${group:+group=$group}
[se se0]
open=socket:$dir/se
[keyset isd]
keys=file:$dir/isd.keys
CONF
(umask 077; printf '[keyset isd]\ntype=aes\nkvn=30\nenc=%s\nmac=%s\ndek=%s\n' \
	$(printf '404142434445464748494A4B4C4D4E4F %.0s' 1 2 3) >"$dir/isd.keys")
for _ in $(seq 2400); do [ -S "$dir/se" ] && break; sleep 0.05; done
"$out/semd" --config="$dir/semd.conf" 2>"$dir/semd.log" &
semd=$!
trap 'kill $semd $softse 2>/dev/null; wait; rm -rf "$dir"' EXIT
for _ in $(seq 2400); do [ -S "$sock" ] && break; sleep 0.05; done # it listens then

exec </dev/null
I=io.sesame.Manager
list='{"version":1,"name":"look","sessions":[{"keys":"isd"}],"operations":[{"op":"list"}]}'
vl() { timeout 300 varlinkctl "$@" >"$dir/out" 2>"$dir/err"; }
call() { vl -j call "$sock" "$I.$1" "$2"; }
result() { # OK DESCRIPTION
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		head -c 2000 "$dir/out" "$dir/err" | sed 's/^/# /'
		failed=1
	fi
}
field() { # PYTHON-EXPRESSION of r, the reply
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$dir/out" "$1" 2>>"$dir/err"
}
works() { # METHOD PARAMETERS EXPRESSION WANTED
	call "$1" "$2" && [ "$(field "$3")" = "$4" ]
	result $? "$1: $3 is $4"
}
refused() { # METHOD PARAMETERS ERROR [WORDS]
	! call "$1" "$2" && grep -q "$3" "$dir/err" &&
		{ [ -z "${4:-}" ] || grep -qF -- "$4" "$dir/err" "$dir/out"; }
	result $? "$1 ${2:0:60}: $3${4:+, $4}"
}

description() {
	vl -j call "$sock" org.varlink.service.GetInterfaceDescription "{\"interface\":\"$I\"}" &&
		python3 -c 'import json, sys
sys.stdout.write(json.load(open(sys.argv[1]))["description"])' "$dir/out"
}
if [ "${1:-}" = --write ]; then
	description >"$idl"
	exit
fi

everything() {
	# the interface
	description >"$dir/idl" && diff -u "$idl" "$dir/idl" >"$dir/out"
	result $? "$idl is what the daemon answers"
	vl validate-idl "$idl"
	result $? "validate-idl"
	vl introspect "$sock" $I && [ "$(grep -c '^method' "$dir/out")" = "$(grep -c '^method' "$idl")" ]
	result $? "introspect: all methods"
	vl info "$sock" && grep -q semd "$dir/out"
	result $? "info"
	vl list-methods "$sock" $I && [ "$(wc -l <"$dir/out")" = "$(grep -c '^method' "$idl")" ]
	result $? "list-methods"

	# methods that read
	works ListElements '{}' 'r["elements"][0]["name"]' se0
	works GetStatus '{}' 'r["elements"], r["servers"]' '(1, [])'
	works ListJobs '{}' 'r["jobs"]' '[]'
	works ListKeySets '{}' 'r["keySets"]' "[{'name': 'isd', 'kind': 'file'}]"
	works ListAttempts '{}' 'r["attempts"]' '[]'
	works ForgetAttempts '{"file":"0102"}' 'r["forgotten"]' 0
	works GetStats '{"se":"se0"}' 'len(r["histograms"]["wire"]["buckets"]), "apdus" in r["counters"]' \
		'(32, True)'
	works GetCard '{"se":"se0"}' '[i["sw"] for i in r["items"] if i["tag"] == "0066"]' "['9000']"
	refused GetCard '{"se":"se9"}' NoSuchElement
	refused GetStats '{"se":"se9"}' NoSuchElement

	# plans
	works ListApplications '{"se":"se0","keySet":"isd"}' \
		'r["result"]["state"], r["result"]["steps"][0]["state"]' "('done', 'done')"
	works ListJobs '{}' 'r["jobs"]' '[]'
	refused ListApplications '{"se":"se0","keySet":"nobody"}' Refused no-such-keyset
	refused ListApplications '{"se":"se9","keySet":"isd"}' NoSuchElement
	works ShowPlan "{\"plan\":$list}" 'len(r["shown"]["steps"]) > 0' True
	refused ShowPlan '{"plan":{"version":1}}' Refused
	works RunPlan "{\"se\":\"se0\",\"plan\":$list}" 'r["id"] > 0' True
	id=$(field 'r["id"]')
	timeout 300 varlinkctl -j --more call "$sock" $I.MonitorJob "{\"id\":$id}" >"$dir/out" 2>"$dir/err" &&
		tail -1 "$dir/out" | grep -q '"state":"done"'
	result $? "MonitorJob --more: to its end"
	works GetJob "{\"id\":$id}" 'r["job"]["kind"], r["result"]["state"], "response" in r' \
		"('plan', 'done', False)"
	refused ResumeJob "{\"id\":$id}" Refused already-done
	refused RollbackJob "{\"id\":$id}" Refused nothing-done
	works AckJob "{\"id\":$id}" 'r' '{}'
	refused GetJob "{\"id\":$id}" NoSuchJob
	refused CancelJob "{\"id\":$id}" NoSuchJob
	refused ResumeJob "{\"id\":$id}" NoSuchJob
	refused RunPlan '{"se":"se0","plan":{"version":1,"sessions":[{}],"operations":[{"op":"x"}]}}' Refused
	refused RunPlan "{\"se\":\"se9\",\"plan\":$list}" NoSuchElement
	works ListJobs '{}' 'r["jobs"]' '[]'

	# scripts, resets
	works RunScript '{"se":"se0","script":"qgciBYDKAGYA"}' 'r["id"] > 0' True
	id=$(field 'r["id"]')
	timeout 300 varlinkctl -j --more call "$sock" $I.MonitorJob "{\"id\":$id}" >"$dir/out" 2>"$dir/err"
	works GetJob "{\"id\":$id}" 'r["job"]["state"], r["response"][:4]' "('done', 'qzqA')"
	refused RollbackJob "{\"id\":$id}" Refused not-a-plan
	works AckJob "{\"id\":$id}" 'r' '{}'
	works ResetElement '{"se":"se0"}' 'r["level"] != ""' True
	refused ResetElement '{"se":"se0","level":"hammer"}' InvalidParameter
	refused ResetElement '{"se":"se9"}' NoSuchElement

	# wrong types, missing and unknown parameters
	refused GetJob '{"id":"1"}' InvalidParameter
	refused GetJob '{"id":-1}' InvalidParameter
	refused GetJob '{}' InvalidParameter
	refused GetJob '{"id":1,"x":1}' InvalidParameter
	refused RunPlan '{"se":"se0","plan":"text"}' InvalidParameter
	refused RunPlan '{"se":"se0","plan":[]}' InvalidParameter
	refused RunPlan "{\"se\":7,\"plan\":$list}" InvalidParameter
	refused RunScript '{"se":"se0","script":"?"}' InvalidParameter
	refused RunScript '{"se":"se0","aid":"A0","script":"qgciBYDKAGYA"}' Refused bad-aid
	refused MonitorElements '{}' ExpectedMore
	refused Explode '{}' MethodNotFound

	# peers as they should not be
	python3 selftests/interop/varlink-peer.py "$sock" >"$dir/out" 2>"$dir/err"
	rc=$?
	while read -r line; do
		n=$((n + 1))
		echo "${line/ - / $n - }"
		case $line in not*) failed=1 ;; esac
	done < <(grep -E '^(not )?ok - ' "$dir/out")
	result $rc "peers that misbehave leave the daemon as it was"
	kill -0 $semd && works GetStatus '{}' 'r["active"]' 0
}
[ "${1:-}" = --users ] || everything

# others: a stranger, and a member of the group
if [ -n "$group" ]; then
	gid=$(getent group "$group" | cut -d: -f3)
	works RunScript '{"se":"se0","script":"qgciBYDKAGYA"}' 'r["id"] > 0' True
	id=$(field 'r["id"]')
	as() { # GID METHOD PARAMETERS
		timeout 300 setpriv --reuid=65533 --regid="$1" --clear-groups \
			varlinkctl -j call "$sock" "$I.$2" "$3" >"$dir/out" 2>"$dir/err"
	}
	! as 65533 GetStatus '{}'
	result $? "a stranger cannot connect"
	as "$gid" GetStatus '{}'
	result $? "a member of the group may look"
	for m in GetJob CancelJob AckJob ResumeJob RollbackJob; do
		! as "$gid" $m "{\"id\":$id}" && grep -q PermissionDenied "$dir/err"
		result $? "… and has nothing to do with others' jobs: $m"
	done
	! as "$gid" ResetElement '{"se":"se0"}' && grep -q PermissionDenied "$dir/err"
	result $? "… nor with resets"
	! as "$gid" ForgetAttempts '{"file":"00"}' && grep -q PermissionDenied "$dir/err"
	result $? "… nor with the ledger"
	as "$gid" RunPlan "{\"se\":\"se0\",\"plan\":$list}"
	result $? "… but runs its own plans"
	id=$(field 'r["id"]')
	works GetJob "{\"id\":$id}" 'r["job"]["origin"]' control:65533
	ended=1 # not while it runs
	for _ in $(seq 600); do
		as "$gid" AckJob "{\"id\":$id}" && ended=0 && break
		sleep 0.1
	done
	result $ended "… and ends them"
else
	n=$((n + 1))
	echo "ok $n - other users # SKIP there is only one here"
fi
echo "1..$n"
exit $failed
