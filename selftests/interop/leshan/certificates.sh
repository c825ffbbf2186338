#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# certificates.sh FOLDER: an authority, a server's and a device's certificate, P-256, for
# an hour's tests. In DER and PEM; the keys in PKCS#8.
set -eu
umask 077
mkdir -p "$1"
cd "$1"
key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
	openssl pkcs8 -topk8 -nocrypt -in "$1.key" -outform DER -out "$1.key.der"
	openssl pkey -in "$1.key" -pubout -outform DER -out "$1.pub.der"
}
signed() { # NAME SUBJECT EXTENSIONS
	key "$1"
	openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
	printf '%s\n' "$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile "$1.ext" -out "$1.pem" 2>/dev/null
	openssl x509 -in "$1.pem" -outform DER -out "$1.der"
	cat "$1.pem" ca.pem >"$1.chain.pem"
}
key ca
openssl req -x509 -new -key ca.key -subj "/CN=Sesame test authority" -days 2 -out ca.pem
openssl x509 -in ca.pem -outform DER -out ca.der
signed server "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1
basicConstraints=CA:false"
signed device "/CN=sesame-test" "basicConstraints=CA:false"
signed stranger "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1
basicConstraints=CA:false"
