#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# job-kill.sh [N [SEED]]: on libse's socket, see job-kill.py. Builds what it needs.
set -eu
cd "$(dirname "$0")/../.."
out=build/out/${V:-release}
make -s NATIVE=1 ${V:+V=$V} "$out/semd" "$out/softse" >/dev/null
exec python3 selftests/interop/job-kill.py "$@"
