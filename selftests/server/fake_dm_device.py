# SPDX-License-Identifier: Apache-2.0
"""A DM client of a few lines, to try the server with: a dict for a tree, http.client for
HTTP. It shares the codec with the server, so it proves no conformance, only plumbing. What
it is told to do wrong, the server has to notice."""

import asyncio
import base64
import http.client
import itertools
import urllib.parse
from dataclasses import replace

import dm_auth
import syncml
from dm_auth import BASIC, MAC, MD5
from syncml import Cmd, Cred, Item, Message, Meta


class Device:
    """session() does one whole session; wrong is a set of words."""

    def __init__(self, uri, coding=syncml.XML, auth=MD5, name="sesame", secret=b"client-secret",
                 nonce=b"", server_secret=b"server-secret", server_nonce=b"", max_msg=4096,
                 wrong=()):
        self.uri, self.coding, self.auth, self.wrong = uri, coding, auth, set(wrong)
        self.name, self.secret, self.nonce = name, secret, nonce
        self.server_secret, self.server_nonce = server_secret, server_nonce
        self.max_msg, self.device = max_msg, "urn:test:device"
        self.tree = {"./DevInfo/" + n: n.lower() for n in ("DevId", "Man", "Mod", "DmV", "Lang")}
        self.done, self.running, self.mutual = [], None, False

    def post(self, m):
        """One message; the answer's, with the server's HMAC checked."""
        body = syncml.encode(m, self.coding)
        head = {"Content-Type": syncml.MEDIA[self.coding]}
        if self.auth == MAC:
            head[dm_auth.HMAC_HEADER] = dm_auth.hmac_header(self.name, self.secret, self.nonce,
                                                            body)
        where = urllib.parse.urlsplit(self.target)
        for again in ([False, True] if "twice" in self.wrong else [False]):
            link = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
            link.request("POST", f"{where.path}?{where.query}", body, head)
            answer = link.getresponse()
            raw = answer.read()
            link.close()
        if answer.status != 200:
            raise ConnectionError(f"HTTP {answer.status}")
        if self.auth == MAC:
            shown = dm_auth.parse_hmac(answer.headers[dm_auth.HMAC_HEADER])
            self.mutual = shown["mac"] == dm_auth.mac(shown["username"], self.server_secret,
                                                      self.server_nonce, raw)
        return syncml.decode(raw, self.coding)

    def cred(self):
        if "no-cred" in self.wrong:
            return None
        if self.auth == BASIC:
            return Cred(BASIC, dm_auth.basic(self.name, self.secret))
        return Cred(MD5, dm_auth.md5(self.name, self.secret, self.nonce)) \
            if self.auth == MD5 else None

    def session(self, number="7", alerts=()):
        """Returns how many messages it took."""
        first = [Cmd("Alert", data="1201"), Cmd("Replace", items=[
            Item(source=u, data=v) for u, v in self.tree.items() if "/DevInfo/" in u])]
        first += [Cmd("Alert", data="1226", correlator=c, items=[
            Item(source="./X", meta=Meta(type="test", format="chr"), data=d)])
            for c, d in alerts]
        self.target, cred, body, self.parts, self.left = self.uri, self.cred(), first, {}, []
        for n in itertools.count(1):
            ids = itertools.count(1)
            m = Message(number, str(n + ("gap" in self.wrong and n > 1)), self.target, self.device,
                        self.name, cred=cred, max_msg=self.max_msg, final=not self.left,
                        cmds=[replace(c, id=str(next(ids))) for c in body])
            got = self.post(m)
            self.target = got.resp_uri or self.target
            status = next(c for c in got.named("Status") if c.cmd == "SyncHdr")
            if status.chal and status.chal.next_nonce is not None:
                self.nonce = status.chal.next_nonce
            body = self.header(got)
            if status.code in (401, 407) and n < 3:
                self.wrong.discard("no-cred")
                cred, body = self.cred(), body[:1] + first
                continue
            cred = None if status.code == 212 else cred
            if all(c.name == "Status" for c in got.cmds):
                return n
            for c in got.cmds:
                if c.name not in ("Status",):
                    body += self.command(got, c)
            body = self.cut(body)

    def header(self, got):
        """The Status of the server's SyncHdr."""
        code, chal = "200", None
        if got.cred and got.cred.type == MD5:
            self.mutual = got.cred.data == dm_auth.md5(got.source_name, self.server_secret,
                                                       self.server_nonce)
            self.server_nonce = b"n%d" % len(self.done)
            code = "212" if self.mutual else "401"
            chal = Meta(format="b64", type=MD5, next_nonce=self.server_nonce)
        elif self.auth == MAC:
            self.server_nonce = b"mac" + got.msg.encode()
            chal = Meta(format="b64", type=MAC, next_nonce=self.server_nonce)
        elif got.cred and got.cred.type == BASIC:
            self.mutual = base64.b64decode(got.cred.data).partition(b":")[2] == self.server_secret
            code = "212"
        return [Cmd("Status", msg_ref=got.msg, cmd_ref="0", cmd="SyncHdr", data=code, chal=chal)]

    def cut(self, body):
        """No more than one message may hold; a long Results in chunks."""
        out, room = [], self.max_msg - 700
        waiting = body[:1] + self.left + body[1:]   # the Status for SyncHdr is the first
        self.left = []
        for at, c in enumerate(waiting):
            data = c.items[0].data if c.name == "Results" else None
            if data is not None and len(data) > self.max_msg - 1400:
                if room < 600:
                    self.left = waiting[at:]
                    break
                item, n = c.items[0], room // 2 // 3 * 3
                meta = item.meta
                if not hasattr(c, "begun"):
                    meta = replace(meta, size=len(data) + ("size" in self.wrong))
                out.append(replace(c, items=[replace(item, data=data[:n], more=True, meta=meta)]))
                rest = replace(c, items=[replace(item, data=data[n:])])
                rest.begun = True
                self.left = [rest] + waiting[at + 1:]
                break
            room -= len(data or "") + 250
            if room < 0:
                self.left = waiting[at:]
                break
            out.append(c)
        return out

    def command(self, got, c):
        def status(code, **more):
            return Cmd("Status", msg_ref=got.msg, cmd_ref=c.id, cmd=c.name, data=str(code), **more)
        self.done.append((c.name, c.item.target))
        if c.name in ("Atomic", "Sequence"):
            return [status(200)] + [x for k in c.children for x in self.command(got, k)]
        if c.name == "Alert":
            return [status(200)]
        if c.name == "Exec":
            return [status(202)]
        item, uri = c.item, c.item.target
        if c.name == "Get":
            if uri not in self.tree:
                return [status(404)]
            out = [status(200), Cmd("Results", msg_ref=got.msg, cmd_ref=c.id, items=[
                Item(source=uri, meta=Meta(format="chr"), data=self.tree[uri])])]
            return out[::-1] if "results-first" in self.wrong else out
        if c.name in ("Add", "Replace"):
            whole = self.parts.pop(uri, None)
            size = item.meta.size if item.meta and whole is None else whole and whole[1]
            data = whole[0] + item.data if whole else item.data
            if item.more:
                self.parts[uri] = (data, size)
                return [status(213), Cmd("Alert", data="1222")]
            if size is not None and size != len(data):
                return [status(424)]
            self.tree[uri] = data
            return [] if "no-status" in self.wrong else [status(200)]
        return [status(406)]

    async def run(self, *args, **how):
        """session() beside a server in the same loop."""
        return await asyncio.get_running_loop().run_in_executor(
            None, lambda: self.session(*args, **how))
