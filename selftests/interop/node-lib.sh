#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lwm2m-node-lib, an LwM2M 1.0 server from npm, against semd and the software SE.
# Fetches the package on this machine, runs everything in the Debian 13 root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
if [ "${1:-}" != --inside ]; then
	npm=$top/build/npm
	mkdir -p "$npm"
	if [ ! -d "$npm/node_modules/lwm2m-node-lib" ]; then
		# the root has npm where the host has none; the host knows whom to trust
		in_npm=
		if ! command -v npm >/dev/null; then
			cat /etc/ssl/certs/ca-certificates.crt >"$npm/ca.crt" || true
			in_npm="$top/selftests/rig/in-root env --chdir=build/npm NODE_EXTRA_CA_CERTS=ca.crt"
		fi
		echo '{"private": true}' >"$npm/package.json"
		(cd "$npm" && $in_npm npm install --ignore-scripts --no-audit --no-fund \
			--loglevel=error lwm2m-node-lib@1.4.0 >&2)
	fi
	exec "$top/selftests/rig/in-root" ${V:+env V=$V} bash selftests/interop/node-lib.sh --inside
fi
port=$(PYTHONPATH=$here python3 -c 'import stack; print(stack.free_port())')
export NODE_PATH=$top/build/npm/node_modules
exec python3 "$here/stack.py" --uri "coap://127.0.0.1:$port" -- node "$here/node-lib.js" "$port"
