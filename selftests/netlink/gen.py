#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C code from a netlink specification (Documentation/netlink/specs/).

Writes the uapi header and the kernel's policy of a generic netlink family. It
knows the part of the specification language that se.yaml uses and refuses what
it does not know. With --check it writes nothing and fails if a file is not what
it would write.

    gen.py Documentation/netlink/specs/se.yaml [--check]
"""
import argparse
import pathlib
import sys
import textwrap

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
NLA = {"u8": "NLA_U8", "u16": "NLA_U16", "u32": "NLA_U32", "u64": "NLA_U64",
       "string": "NLA_NUL_STRING", "binary": "NLA_BINARY"}


def die(what):
    sys.exit(f"gen.py: {what}")


def c_name(text):
    return text.replace("-", "_")


def known(where, item, keys):
    extra = set(item) - set(keys)
    if extra:
        die(f"{where}: unknown key {', '.join(sorted(extra))}")


def attr_line(name, doc):
    """One of an enumeration, its comment behind it or, if that is long, above it."""
    line = f"\t{name},\t/* {doc} */" if doc else f"\t{name},"
    if len(line.expandtabs(8)) <= 100:
        return [line]
    return (["\t/*"] + [f"\t * {part}" for part in textwrap.wrap(doc, 80)] + ["\t */", f"\t{name},"])


def uapi_lines(spec, source):
    fam = c_name(spec["name"])
    up = fam.upper()
    guard = f"_UAPI_LINUX_{up}_NETLINK_H"
    out = ["/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */",
           f"/* Made from {source} by selftests/netlink/gen.py. Do not edit. */",
           f"#ifndef {guard}", f"#define {guard}", ""]
    headers = sorted({d["header"] for d in spec["definitions"] if "header" in d})
    out += [f"#include <{h}>" for h in headers] + [""]
    out += [f'#define {up}_FAMILY_NAME\t\t"{spec["name"]}"',
            f"#define {up}_FAMILY_VERSION\t{spec.get('version', 1)}", ""]

    for d in spec["definitions"]:
        known(f"definition {d['name']}", d,
              ("type", "name", "header", "enum-name", "entries", "doc"))
        if "header" in d:
            continue
        if d["type"] != "enum":
            die(f"definition {d['name']}: type {d['type']} is not supported here")
        name = f"{fam}_{c_name(d['name'])}"
        entries = [e if isinstance(e, dict) else {"name": e} for e in d["entries"]]
        out += ["/**", f" * enum {name} - {d.get('doc', d['name'])}"]
        for e in entries:
            out.append(f" * @{name.upper()}_{c_name(e['name']).upper()}: {e.get('doc', e['name'])}")
        out += [" */", f"enum {name} {{"]
        out += [f"\t{name.upper()}_{c_name(e['name']).upper()}," for e in entries]
        out += ["};", ""]

    for s in spec["attribute-sets"]:
        known(f"attribute set {s['name']}", s, ("name", "name-prefix", "attributes"))
        prefix = c_name(s["name-prefix"]).upper()
        out.append("enum {")
        for i, a in enumerate(s["attributes"]):
            out += attr_line(f"{prefix}{c_name(a['name']).upper()}{' = 1' if i == 0 else ''}",
                             a.get("doc"))
        out += ["", f"\t__{prefix}MAX,", f"\t{prefix}MAX = (__{prefix}MAX - 1)", "};", ""]

    ops = spec["operations"]
    prefix = c_name(ops["name-prefix"]).upper()
    out.append("enum {")
    for i, o in enumerate(ops["list"]):
        out.append(f"\t{prefix}{c_name(o['name']).upper()}{' = 1' if i == 0 else ''},")
    out += ["", f"\t__{prefix}MAX,", f"\t{prefix}MAX = (__{prefix}MAX - 1)", "};", ""]

    for g in spec["mcast-groups"]["list"]:
        out.append(f'#define {up}_MCGRP_{c_name(g["name"]).upper()}\t"{g["name"]}"')
    out += ["", f"#endif /* {guard} */"]
    return out


def policy_entry(attr, fam):
    known(f"attribute {attr['name']}", attr,
          ("name", "doc", "type", "enum", "enum-as-flags", "checks", "nested-attributes"))
    if attr["type"] == "nest":
        return f"NLA_POLICY_NESTED({fam}_nl_{c_name(attr['nested-attributes'])}_policy)"
    if attr["type"] not in NLA:
        die(f"attribute {attr['name']}: type {attr['type']} cannot be in a request")
    length = attr.get("checks", {}).get("max-len")
    return f"{{ .type = {NLA[attr['type']]}," + (f" .len = {length}," if length else "") + " }"


def nested_lines(aset, fam):
    """The policy of a nest, and the limits of its numbers with words for who breaks them."""
    name = f"{fam}_nl_{c_name(aset['name'])}"
    pre = c_name(aset["name-prefix"]).upper()
    attrs = [(f"{pre}{c_name(a['name']).upper()}", a) for a in aset["attributes"]]
    out = [f"static const struct nla_policy {name}_policy[{attrs[-1][0]} + 1] = {{"]
    out += [f"\t[{c}] = {policy_entry(a, fam)}," for c, a in attrs]
    out += ["};", "", f"static const struct {fam}_nl_limit {name}_limits[] = {{"]
    for c, a in attrs:
        known(f"checks of {a['name']}", a["checks"], ("min", "max"))
        low, high = a["checks"].get("min", 0), a["checks"]["max"]
        out.append(f'\t{{ {c}, {low}, {high}, "{a["name"]} is {low} to {high}" }},')
    return out + ["};", ""]


def kernel_lines(spec, source):
    """struct genl_ops rather than genl_split_ops: kernels before 6.2 know only the first."""
    fam = c_name(spec["name"])
    sets = {s["name"]: s for s in spec["attribute-sets"]}
    cmd = c_name(spec["operations"]["name-prefix"]).upper()
    guard = f"_{fam.upper()}_NETLINK_POLICY_H"
    out = ["/* SPDX-License-Identifier: GPL-2.0-only */",
           f"/* Made from {source} by selftests/netlink/gen.py. Do not edit. */",
           f"#ifndef {guard}", f"#define {guard}", "",
           "#include <net/genetlink.h>", "#include <net/netlink.h>",
           f"#include <linux/{fam}_netlink.h>", ""]
    nests = []
    for o in spec["operations"]["list"]:
        aset = {a["name"]: a for a in sets[o["attribute-set"]]["attributes"]}
        for a in o.get("do", {}).get("request", {}).get("attributes", []):
            nest = aset[a].get("nested-attributes")
            if nest and nest not in nests:
                nests.append(nest)
    if nests:
        out += [f"struct {fam}_nl_limit {{", "\tint attr;", "\tu32 min;", "\tu32 max;",
                "\tconst char *message;", "};", ""]
    for n in nests:
        out += nested_lines(sets[n], fam)
    ops = []
    for o in spec["operations"]["list"]:
        known(f"operation {o['name']}", o,
              ("name", "doc", "attribute-set", "do", "dump", "mcgrp", "event", "flags"))
        if "event" in o:
            continue
        aset = sets[o["attribute-set"]]
        attrs = {a["name"]: a for a in aset["attributes"]}
        wanted = o.get("do", {}).get("request", {}).get("attributes", [])
        if o.get("dump", {}).get("request"):
            die(f"operation {o['name']}: a dump with attributes is not supported")
        order = [a["name"] for a in aset["attributes"]]
        last = max(wanted, key=order.index)
        pre = c_name(aset["name-prefix"]).upper()
        fn = f"{fam}_nl_{c_name(o['name'])}"
        out.append(f"static const struct nla_policy {fn}_policy[{pre}{c_name(last).upper()} + 1] = {{")
        for name in sorted(wanted, key=order.index):
            out.append(f"\t[{pre}{c_name(name).upper()}] = {policy_entry(attrs[name], fam)},")
        out += ["};", ""]
        one = [f"\t\t.cmd\t\t= {cmd}{c_name(o['name']).upper()},",
               f"\t\t.policy\t\t= {fn}_policy,",
               f"\t\t.maxattr\t= ARRAY_SIZE({fn}_policy) - 1,"]
        if "do" in o:
            out.append(f"int {fn}_doit(struct sk_buff *skb, struct genl_info *info);")
            one.append(f"\t\t.doit\t\t= {fn}_doit,")
        if "dump" in o:
            out.append(f"int {fn}_dumpit(struct sk_buff *skb, struct netlink_callback *cb);")
            one.append(f"\t\t.dumpit\t\t= {fn}_dumpit,")
        if "admin-perm" in o.get("flags", []):
            one.append("\t\t.flags\t\t= GENL_ADMIN_PERM,")
        out.append("")
        ops.append(one)
    out.append(f"static const struct genl_ops {fam}_nl_ops[] = {{")
    for one in ops:
        out += ["\t{"] + one + ["\t},"]
    out += ["};", ""]
    groups = spec["mcast-groups"]["list"]
    names = [c_name(g["name"]).upper() for g in groups]
    out += ["enum {"] + [f"\t{fam.upper()}_NLGRP_{n}," for n in names] + ["};", ""]
    out.append(f"static const struct genl_multicast_group {fam}_nl_mcgrps[] = {{")
    for g, n in zip(groups, names):
        known(f"group {g['name']}", g, ("name", "flags"))
        flags = g.get("flags", [])
        if flags not in ([], ["cap-net-admin"]):
            die(f"group {g['name']}: flags {flags} are not supported")
        flag = f" {fam.upper()}_MCGRP_NET_ADMIN" if flags else ""
        out.append(f"\t[{fam.upper()}_NLGRP_{n}] = {{ .name = {fam.upper()}_MCGRP_{n},{flag} }},")
    out += ["};", "", f"#endif /* {guard} */"]
    return out


def main():
    args = argparse.ArgumentParser(description="C code from a netlink specification")
    args.add_argument("spec", type=pathlib.Path)
    args.add_argument("--check", action="store_true", help="compare only")
    args = args.parse_args()
    source = args.spec.resolve().relative_to(TOP)
    spec = yaml.safe_load(args.spec.read_text())
    known("specification", spec, ("name", "protocol", "doc", "version", "definitions",
                                  "attribute-sets", "operations", "mcast-groups"))
    fam = c_name(spec["name"])
    stale = 0
    for path, lines in ((f"uapi/linux/{fam}_netlink.h", uapi_lines(spec, source)),
                        (f"driver/{fam}-netlink-policy.h", kernel_lines(spec, source))):
        text = "\n".join(lines) + "\n"
        target = TOP / path
        if target.exists() and target.read_text() == text:
            continue
        if args.check:
            print(f"gen.py: {path} is not what {source} says; run selftests/netlink/gen.py {source}",
                  file=sys.stderr)
            stale = 1
        else:
            target.write_text(text)
            print(f"wrote {path}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
