#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tshark-check.sh PCAP [PORT]: judges a capture with Wireshark's dissectors. Fails
# if a CoAP frame, or the TLV, link-format or CBOR in it, is malformed or earns a
# warning, or if there is no CoAP in it. UDP on PORT (default: the busiest UDP port
# of the capture) counts as CoAP.
set -uo pipefail
pcap=${1:?usage: tshark-check.sh PCAP [PORT]}
[ -s "$pcap" ] || { echo "tshark-check: $pcap is missing or empty" >&2; exit 1; }
export HOME=/tmp
port=${2:-}
if [ -z "$port" ]; then
	port=$(tshark -r "$pcap" -Y 'udp && !dns && !dhcp && !mdns && !icmp' -T fields -e udp.srcport \
		-e udp.dstport 2>/dev/null | tr '\t' '\n' | sort | uniq -c | sort -rn | awk 'NR==1{print $2}')
fi
[ -n "$port" ] || { echo "tshark-check: no UDP in $pcap" >&2; exit 1; }
shark() { tshark -r "$pcap" -d "udp.port==$port,coap" "$@" 2>/dev/null; }

frames=$(shark -Y 'coap && !icmp' | wc -l)
# Anything malformed, or an expert note of warning (6291456) or error (8388608)
bad='!icmp && udp && (_ws.malformed || _ws.unreassembled || (_ws.expert.severity >= 6291456))'
faulty=$(shark -Y "$bad" -T fields -e frame.number -e _ws.col.info -e _ws.expert.message)
not_coap=$(shark -Y "udp.port==$port && !coap && !icmp" | wc -l)
echo "tshark: $frames CoAP frames on port $port"
shark -Y 'coap && !icmp' -T fields -e coap.code | sort | uniq -c | awk '
	{ printf "tshark:   %5d × %d.%02d\n", $1, int($2 / 32), $2 % 32 }'
tlv=$(shark -Y lwm2mtlv | wc -l)
echo "tshark: $tlv of them hold LwM2M TLV, $(shark -Y cbor | wc -l) CBOR"
rc=0
if [ "$frames" = 0 ]; then
	echo "tshark-check: no CoAP in $pcap" >&2
	rc=1
fi
if [ "$not_coap" != 0 ]; then
	echo "tshark-check: $not_coap datagrams on port $port are not CoAP" >&2
	rc=1
fi
if [ -n "$faulty" ]; then
	echo "tshark-check: faulty frames:" >&2
	head -20 <<<"$faulty" >&2
	rc=1
fi
exit $rc
