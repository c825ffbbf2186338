#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Leshan's server and bootstrap server as a library (leshan/LeshanPeer.java) against
# semd, and our object files against OMA's schema. Java runs on this machine, the stack in the Debian 13 root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
dir=$top/build/maven/peer
mkdir -p "$dir/classes"
if [ ! -s "$dir/.stamp" ] || [ "$here/leshan/pom.xml" -nt "$dir/.stamp" ]; then
	rm -rf "$dir/lib"
	mvn -q -B -f "$here/leshan/pom.xml" \
		org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DoutputDirectory="$dir/lib" >&2
	date >"$dir/.stamp"
fi
javac -Xlint:all,-path,-classfile -Werror -cp "$dir/lib/*" -d "$dir/classes" \
	"$here/leshan/LeshanPeer.java"
rc=0
# OMA's schema files, which Leshan carries: each object is valid by the one that it names
"$top/selftests/rig/in-root" sh -s <<-'END' || rc=1
	cd build/maven/peer
	python3 -m zipfile -e lib/leshan-core-[0-9]*.jar jar
	for f in /src/Documentation/objects/*.xml; do
		schema=$(sed -n 's/.*tech\/profiles\/\([A-Za-z0-9_-]*\.xsd\).*/\1/p' "$f")
		if words=$(xmllint --noout --schema "jar/schemas/$schema" "$f" 2>&1); then
			echo "ok - ${f##*/} is valid by OMA's $schema"
		else
			echo "not ok - ${f##*/} is valid by OMA's $schema: $words"
			bad=1
		fi
	done
	exit ${bad:-0}
END
read -r control coap coaps bscoap bscoaps < <("$top/selftests/rig/in-root" python3 -c '
import socket
s = [socket.socket(socket.AF_INET, t) for t in (socket.SOCK_STREAM,) + (socket.SOCK_DGRAM,) * 4]
[x.bind(("127.0.0.1", 0)) for x in s]
print(*(x.getsockname()[1] for x in s))')
"$top/selftests/rig/in-root" selftests/interop/leshan/certificates.sh build/maven/peer/pki
(cd "$dir" && exec java -cp "classes:lib/*" LeshanPeer "$control" "$coap" "$coaps" "$bscoap" \
	"$bscoaps" "$top/Documentation/objects" pki/server.key.der pki/server.der pki/ca.der) \
	>"$dir/log" 2>&1 &
java=$!
trap 'kill $java 2>/dev/null || true; wait $java 2>/dev/null || true' EXIT
"$top/selftests/rig/in-root" ${V:+env V=$V} python3 selftests/interop/leshan-peer.py \
	--control "$control" --coap "$coap" --coaps "$coaps" --bootstrap "$bscoap" \
	--bootstrap-secure "$bscoaps" --pki build/maven/peer/pki "$@" || rc=1
exit $rc
