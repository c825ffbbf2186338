#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Leshan demo server (Eclipse, from Maven Central) with our object definitions,
# against semd and the software SE: through its REST interface, then through its web
# page in Chromium. Java runs on this machine, the stack in the
# Debian 13 root. 2.0.0-M4 is the demo server that was published there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=2.0.0-M4
dir=$top/build/maven
jar=$dir/leshan-server-demo-$version-jar-with-dependencies.jar
mkdir -p "$dir"
if [ ! -s "$jar" ]; then
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
		-Dartifact="org.eclipse.leshan:leshan-server-demo:$version:jar:jar-with-dependencies" \
		-DoutputDirectory="$dir" >&2
fi
ls "$top"/Documentation/objects/2624[123].xml >/dev/null || exit 1
read -r coap coaps http < <("$top/selftests/rig/in-root" python3 -c '
import socket
s = [socket.socket(socket.AF_INET, t) for t in (socket.SOCK_DGRAM,) * 2 + (socket.SOCK_STREAM,)]
[x.bind(("127.0.0.1", 0)) for x in s]
print(*(x.getsockname()[1] for x in s))')
log=$dir/leshan.log
rc=0
(cd "$dir" && exec java --add-opens java.base/java.util=ALL-UNNAMED --add-opens \
	java.base/java.lang=ALL-UNNAMED -jar "$jar" -lh 127.0.0.1 -lp "$coap" -slh 127.0.0.1 -slp "$coaps" \
	-wh 127.0.0.1 -wp "$http" -m "$top/Documentation/objects") >"$log" 2>&1 &
java=$!
trap 'kill $java 2>/dev/null || true; wait $java 2>/dev/null || true' EXIT
for _ in $(seq 300); do
	(exec 3<>"/dev/tcp/127.0.0.1/$http") 2>/dev/null && break
	kill -0 $java 2>/dev/null || break
	sleep 0.2
done
(exec 3<>"/dev/tcp/127.0.0.1/$http") 2>/dev/null || {
	echo "not ok - Leshan starts"
	tail -20 "$log" | sed 's/^/# /'
	exit 1
}
"$top/selftests/rig/in-root" ${V:+env V=$V} python3 selftests/interop/stack.py \
	--uri "coap://127.0.0.1:$coap" -- python3 selftests/interop/leshan.py "$http" || rc=1

# ---- the page: a key set and a policy, a package, and somebody who clicks -----------
page=build/maven/page	# relative: the same in both roots
rm -rf "$top/$page"
mkdir -p "$top/$page"
(umask 077 && cat >"$top/$page/keys") <<-'END'
	[keyset isd]
	type=aes
	kvn=30
	enc=404142434445464748494A4B4C4D4E4F
	mac=404142434445464748494A4B4C4D4E4F
	dek=404142434445464748494A4B4C4D4E4F
END
"$top/selftests/rig/in-root" python3 - "$page/app.cap" <<-'END'
	import sys
	sys.path.insert(0, "selftests/server")
	import cap
	package = bytes.fromhex("F0000000110101")
	with open(sys.argv[1], "wb") as f:
	    f.write(cap.Cap(package, [package + b"\x01"], code=600).zip())
END
"$top/selftests/rig/in-root" ${V:+env V=$V} python3 selftests/interop/stack.py \
	--uri "coap://127.0.0.1:$coap" --set "keyset isd.keys=file:/src/$page/keys" \
	--set "policy test.origin=lwm2m:test" --set "policy test.keysets=isd" -- \
	sh -c "until [ -e $page/done ]; do sleep 0.2; done" &
stack=$!
"$top/selftests/rig/in-browser" python3 selftests/interop/leshan-page.py "$http" \
	"$page/app.cap" "$page" || rc=1
touch "$top/$page/done"
wait $stack || rc=1
exit $rc
