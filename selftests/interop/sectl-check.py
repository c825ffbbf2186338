#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sectl-check.py SECTL LINES: judges sectl by its own table (sectl help --json).

LINES is a file with one JSON output of sectl a line. Checked: each fits
Documentation/sectl.schema.json, and each verb is among them; the man page, the schema
and both completions have every verb and every option, and no other."""

import json
import re
import subprocess
import sys

import jsonschema
from tap import tap

SCHEMA = "Documentation/sectl.schema.json"
MAN = "Documentation/man/sectl.1"
# what needs a driver, never ends, or needs a server that asks (IOT-215 of dm-iot.py)
NO_RESULT = {"se list", "monitor", "trace", "completion", "dm answer"}


def title(verb):
    return " ".join(filter(None, (verb["noun"], verb.get("verb"))))


def run(sectl, *args):
    return subprocess.run([sectl, *args], capture_output=True, text=True, check=False,
                          timeout=20)


def outputs(schema, lines, verbs):
    judge = jsonschema.Draft202012Validator(schema)
    seen = set()
    for line in lines:
        out = json.loads(line)
        error = next(judge.iter_errors(out), None)
        if error:
            tap(False, f"output of {out.get('verb')} fits the schema",
                f"{error.json_path}: {error.message[:300]}")
        elif "error" not in out:
            seen.add(out["verb"])
    tap(len(lines) > 50, f"{len(lines)} outputs fit the schema")
    absent = set(verbs) - seen - NO_RESULT
    tap(not absent, "each verb's result was among them", ", ".join(sorted(absent)))
    ruled = {r["if"]["properties"]["verb"]["const"] for r in schema["allOf"]
             if "properties" in r["if"]}
    unruled = set(verbs) - ruled - {"completion"}
    tap(not unruled, "the schema has a rule for each verb", ", ".join(sorted(unruled)))
    tap(not ruled - set(verbs), "and for no other", ", ".join(sorted(ruled - set(verbs))))


def man_page(verbs, options):
    with open(MAN, encoding="utf-8") as f:
        text = re.sub(r"\\f[BIRP]", "", f.read()).replace("\\-", "-")
    headings = re.findall(r"^\.TP\n\.(?:B|BI|BR) (.*)$", text, re.M)
    named = [re.sub(r'"', "", h) for h in headings]
    for verb in verbs.values():
        name = title(verb)
        tap(any(n == name or n.startswith(name + " ") for n in named), f"sectl.1 has {name}")
        if "alias" in verb:
            tap(re.search(rf"\b{verb['alias']}\b", text), f"sectl.1 has its short form")
    section = text[text.index("\n.SH VERBS"):text.index("\n.SH OPTIONS")]
    extra = [h for h in re.findall(r'^\.TP\n\.(?:B|BI|BR) "?([a-z][a-z -]*[a-z])', section, re.M)
             if not any(h == t or h.startswith(t + " ") for t in verbs)]
    tap(not extra, "sectl.1 has no verb that is not there", ", ".join(extra))
    absent = sorted(o for o in options if not re.search(rf"--{o}\b", text))
    tap(not absent, "sectl.1 has every option", ", ".join(absent))
    extra = sorted(set(re.findall(r"--([a-z][a-z0-9-]*)", text)) - options - {"version"})
    tap(not extra, "and no other", ", ".join(extra))


def completions(sectl, verbs, options):
    script = run(sectl, "completion", "bash").stdout
    check = script + """
compopt() { :; }
ask() { COMP_WORDS=(sectl "$@"); COMP_CWORD=$#; COMPREPLY=(); _sectl; echo "${COMPREPLY[*]}"; }
while read -r -a words; do ask "${words[@]}" ""; ask "${words[@]}" --; done
"""
    asked = [[], *[[v["noun"]] for v in verbs.values() if "verb" in v],
             *[title(v).split() for v in verbs.values()]]
    r = subprocess.run(["bash", "-c", check], text=True, capture_output=True, check=False,
                       input="".join(" ".join(a) + "\n" for a in asked))
    lines = r.stdout.split("\n")
    tap(r.returncode == 0 and not r.stderr, "bash takes its completion", r.stderr)
    said = {" ".join(a): (set(lines[2 * i].split()), set(lines[2 * i + 1].split()))
            for i, a in enumerate(asked)}
    nouns = {v["noun"] for v in verbs.values()} | {v["alias"] for v in verbs.values()
                                                    if "alias" in v}
    tap(said[""][0] == nouns, "it completes nouns", str(said[""][0] ^ nouns))
    wrong = [v["noun"] for v in verbs.values()
             if "verb" in v and v["verb"] not in said[v["noun"]][0]]
    tap(not wrong, "verbs", ", ".join(wrong))
    wrong = [n for n, v in verbs.items()
             if {o["name"] for o in v["options"]} | options !=
             {w[2:].rstrip("=") for w in said[n][1]}]
    tap(not wrong, "and the options that a verb has", ", ".join(wrong))
    zsh = run(sectl, "completion", "zsh").stdout
    absent = [t for t, v in verbs.items() if f'"{v["noun"]} {v.get("verb", "")}"' not in zsh]
    tap(zsh.startswith("#compdef sectl") and not absent, "zsh's has them as well",
        ", ".join(absent))


def helps(sectl, verbs):
    wrong = [n for n in {v["noun"] for v in verbs.values()}
             if run(sectl, n, "--help").returncode]
    tap(not wrong, "every noun has its --help", ", ".join(wrong))
    tap(run(sectl, "frob", "--help").returncode == 2, "what is none is wrong usage")
    for name, verb in verbs.items():
        r = run(sectl, *name.split(), "--help")
        lines = r.stdout.rstrip("\n").split("\n")
        ok = (r.returncode == 0 and len(lines) <= 24 and max(map(len, lines)) <= 100 and
              f"Example: {verb['example']}" in r.stdout and
              all(f"--{o['name']}" in r.stdout for o in verb["options"]))
        tap(ok, f"{name} --help: an example, every option, {len(lines)} lines",
            "" if ok else r.stdout + r.stderr)
        first = verb["example"].split()
        tap(first[0] == "sectl" and (first[1] == verb["noun"] or first[1] == verb.get("alias")),
            f"whose example is one of {name}")


def main():
    sectl, path = sys.argv[1:3]
    table = json.loads(run(sectl, "help", "--json").stdout)["result"]
    verbs = {title(v): v for v in table["verbs"]}
    common = {o["name"] for o in table["options"]}
    every = common | {o["name"] for v in verbs.values() for o in v["options"]}
    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    with open(path, encoding="utf-8") as f:
        outputs(schema, f.read().splitlines(), verbs)
    helps(sectl, verbs)
    man_page(verbs, every)
    completions(sectl, verbs, common)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
