# SPDX-License-Identifier: Apache-2.0
"""A pretend device for the server's own tests: an LwM2M client on aiocoap with
objects 26241 and 26242 before a pretend card of a few commands.

It is no reference for anything: it exists so that the management server can be
tested without daemon and software SE. It can be told to misbehave.
"""

import asyncio
import struct

import aiocoap
import aiocoap.resource as resource
from aiocoap.numbers import CON

import codec
import gp
from scp03 import (CARD_CHALLENGE, CARD_CRYPTOGRAM, HOST_CRYPTOGRAM, R_ENC, S_ENC, S_MAC, S_RMAC,
                   aes_block, aes_cbc, cmac, derive, pad, split_apdu, unpad)
from tlv import parse, tlv

SE, SCRIPT = 26241, 26242


class Card:
    """Issuer domain with SCP03 (i=70), a registry, and one echoing application."""

    def __init__(self, keys, spoil=None):
        self.keys, self.spoil = keys, spoil
        self.sequence = 4
        self.elfs, self.apps = {}, {}
        self.level = None

    def registry(self, p1, aid):
        out = b""
        if p1 == 0x80:
            return tlv(0xE3, tlv(0x4F, gp.ISD), bytes.fromhex("9F700101C5039EFE80"))
        source = self.apps if p1 == 0x40 else self.elfs
        for a, v in source.items():
            if a.startswith(aid):
                if p1 == 0x40:
                    out += tlv(0xE3, tlv(0x4F, a), b"\x9f\x70\x01" + bytes([v[0]]),
                               bytes.fromhex("C503000000"), tlv(0xC4, v[1]), tlv(0xCC, gp.ISD))
                else:
                    out += tlv(0xE3, tlv(0x4F, a), bytes.fromhex("9F700101"), tlv(0x84, v))
        return out

    def execute(self, head, data):
        """A command whose protection is off: (data, SW)"""
        ins, p1, p2 = head[1:4]
        if ins == 0xF2:
            out = self.registry(p1, parse(data)[0][1])
            return (out, 0x9000) if out else (b"", 0x6A88)
        if ins == 0xE6 and p1 == 0x02:
            self.loading = data[1:1 + data[0]], data[-34:-2]
            self.received = b""
            return b"\0", 0x9000
        if ins == 0xE8:
            self.received += data
            if p1 & 0x80:
                block = gp.LoadFile(parse(self.received)[0][1])
                if block.hash != self.loading[1]:
                    return b"", 0x6A80
                self.elfs[self.loading[0]] = self.loading[0] + b"\1"
            return b"\0", 0x9000
        if ins == 0xE6 and p1 == 0x0C:
            parts, at = [], 0
            while at < len(data):
                parts.append(data[at + 1:at + 1 + data[at]])
                at += 1 + data[at]
            self.apps[parts[2]] = [0x07, parts[0]]
            return b"\0", 0x9000
        if ins == 0xF0:
            app = self.apps[data]
            app[0] = app[0] | 0x80 if p2 & 0x80 else app[0] & 0x7F
            if self.spoil == "lock":
                app[0] = 0x07
            return b"", 0x9000
        if ins == 0xE4:
            aid = parse(data)[0][1]
            del self.elfs[aid]
            self.apps = {a: v for a, v in self.apps.items() if v[1] != aid}
            return b"\0", 0x9000
        return b"", 0x6D00

    def process(self, apdu):
        head, data, _ = split_apdu(apdu)
        if head[1] == 0x50:
            self.sequence += 1
            seq = self.sequence.to_bytes(3, "big")
            self.challenge = derive(self.keys.enc, CARD_CHALLENGE, 64, seq + gp.ISD)
            self.context = data + self.challenge
            bits = len(self.keys.enc) * 8
            self.s_enc = derive(self.keys.enc, S_ENC, bits, self.context)
            self.s_mac = derive(self.keys.mac, S_MAC, bits, self.context)
            self.s_rmac = derive(self.keys.mac, S_RMAC, bits, self.context)
            self.level, self.chaining = None, bytes(16)
            return bytes(10) + bytes([self.keys.kvn, 3, 0x70]) + self.challenge + \
                derive(self.s_mac, CARD_CRYPTOGRAM, 64, self.context) + seq + b"\x90\x00"
        if not head[0] & 0x04:
            return b"\x69\x82"
        chaining = cmac(self.s_mac, self.chaining, b"\x84", head[1:], bytes([len(data)]), data[:-8])
        if chaining[:8] != data[-8:]:
            self.level = None
            return b"\x69\x82"
        self.chaining, data = chaining, data[:-8]
        if head[1] == 0x82:
            if data != derive(self.s_mac, HOST_CRYPTOGRAM, 64, self.context):
                return b"\x63\x00"
            self.level, self.counter = head[2], 0
            return b"\x90\x00"
        self.counter += 1
        if data:
            data = unpad(aes_cbc(self.s_enc, aes_block(self.s_enc, self.counter.to_bytes(16, "big")),
                                 data, False))
        out, sw = self.execute(head, data)
        sw_bytes = sw.to_bytes(2, "big")
        if sw != 0x9000:
            return sw_bytes
        if out and self.level & R_ENC:
            iv = aes_block(self.s_enc, b"\x80" + self.counter.to_bytes(15, "big"))
            out = aes_cbc(self.s_enc, iv, pad(out), True)
        mac = cmac(self.s_rmac, self.chaining, out, sw_bytes)[:8]
        if self.spoil == "mac" and head[1] == 0xE8:
            mac = bytes(8)
        return out + mac + sw_bytes


class _State(resource.ObservableResource):
    def __init__(self, device, number):
        super().__init__()
        self.device, self.number = device, number

    async def render_get(self, request):
        value = self.device.instances[self.number][4]
        return aiocoap.Message(payload=str(value).encode(), content_format=codec.TEXT)


class _Node(resource.Resource):
    """One object."""

    def __init__(self, device, obj):
        super().__init__()
        self.device, self.obj = device, obj

    async def render(self, request):
        path = tuple(int(p) for p in request.opt.uri_path)
        try:
            return self.device.handle(self.obj, path, request)
        except KeyError:
            return aiocoap.Message(code=aiocoap.NOT_FOUND)


class _Tree(_Node, resource.PathCapable):
    """Everything below one object that is not observed."""


class Device:
    """The pretend device."""

    def __init__(self, port, server_port, card, spoil=None):
        self.port, self.server_port, self.card, self.spoil = port, server_port, card, spoil
        self.instances = {}
        self.states = {}

    async def start(self):
        self.site = resource.Site()
        self.site.add_resource([str(SCRIPT)], _Node(self, SCRIPT))
        for obj in (SE, SCRIPT):
            self.site.add_resource([str(obj)], _Tree(self, obj))
        self.ctx = await aiocoap.Context.create_server_context(
            self.site, bind=("127.0.0.1", self.port), transports=["udp6"])
        m = aiocoap.Message(code=aiocoap.POST, mtype=CON, payload=b"</>;rt=\"oma.lwm2m\",</26241/0>",
                            uri=f"coap://127.0.0.1:{self.server_port}/rd")
        m.opt.uri_query = ["ep=fake", "lt=60", "lwm2m=1.1", "b=U"]
        await self.ctx.request(m).response
        return self

    async def stop(self):
        await self.ctx.shutdown()

    def set_state(self, number, state):
        self.instances[number][4] = state
        if self.spoil != "mute":
            self.states[number].updated_state()

    def answer(self, values, obj, number, request):
        if request.opt.accept == codec.SENML_CBOR:
            return aiocoap.Message(code=aiocoap.CONTENT, payload=codec.encode_senml(
                {(obj, number, r): v for r, v in values.items()}), content_format=codec.SENML_CBOR)
        return aiocoap.Message(code=aiocoap.CONTENT, content_format=codec.TLV,
                               payload=codec.encode_resources_tlv(obj, values))

    def handle(self, obj, path, request):
        if obj == SE:
            return self.answer({0: "fake0", 1: "eSE", 3: 1, 4: 7, 5: b"\x01", 6: 1000,
                                10: tlv(0x42, b"\x12") + tlv(0x45, b"\x34")}, SE, 0, request)
        if not path and self.spoil == "full":
            return aiocoap.Message(code=aiocoap.METHOD_NOT_ALLOWED)
        if not path and request.code == aiocoap.POST:
            number = max(self.instances, default=-1) + 1
            written = {k[2]: v for k, v in codec.decode_tlv((SCRIPT, number), request.payload).items()}
            self.instances[number] = {0: "0:0", 1: b"", 4: 0, 5: 0, 6: 0, 7: b"", 8: "", 9: "",
                                      **written}
            self.states[number] = _State(self, number)
            self.site.add_resource([str(SCRIPT), str(number), "4"], self.states[number])
            return aiocoap.Message(code=aiocoap.CREATED, location_path=[str(SCRIPT), str(number)])
        number = path[0]
        values = self.instances[number]
        if request.code == aiocoap.DELETE:
            del self.instances[number]
            return aiocoap.Message(code=aiocoap.DELETED)
        if request.code == aiocoap.GET:
            shown = {k: v for k, v in values.items() if k != 2}
            return self.answer(shown, SCRIPT, number, request)
        if request.code == aiocoap.PUT:
            values[path[1]] = request.payload
            return aiocoap.Message(code=aiocoap.CHANGED)
        if path[1] == 3:
            asyncio.get_running_loop().call_later(0.01, self.run, number)
        elif path[1] == 11:
            values.update({5: 0, 6: 0, 7: b"", 8: "", 9: ""})
            self.set_state(number, 0)
        return aiocoap.Message(code=aiocoap.CHANGED)

    def run(self, number):
        values = self.instances[number]
        commands = [v for t, v in parse(parse(values[2])[0][1]) if t == 0x22]
        values[6], out = len(commands), []
        if values[1] != gp.ISD:
            app = self.card.apps.get(values[1])
            if app is None or app[0] & 0x80:
                values.update({8: "no-application", 9: "SELECT was answered by 6999"})
                return self.set_state(number, 4)
            run = lambda apdu: split_apdu(apdu)[1] + b"\x90\x00"  # noqa: E731
        else:
            run = self.card.process
        for apdu in commands:
            out.append(run(apdu))
            if out[-1][-2:] != b"\x90\x00":
                break
        values[5] = len(out)
        values[7] = tlv(0xAB, tlv(0x80, struct.pack(">H", len(out)).lstrip(b"\0")),
                        *(tlv(0x23, r) for r in out))
        values[8] = "ok"
        good = len(out) == len(commands) and out[-1][-2:] == b"\x90\x00"
        return self.set_state(number, 3 if good else 4)
