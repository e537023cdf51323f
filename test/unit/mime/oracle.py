#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mime/parse against Python's email package.

Builds messages from a seed (multiparts in multiparts, nested messages, odd
boundaries, missing ends, text around parts), lets both parsers read them and
compares types, nesting and the bytes of each leaf.  Usage: oracle.py DUMP [N].
"""
import email
import email.policy
import random
import re
import subprocess
import sys

TYPES = ["text/plain", "text/html", "application/pdf", "image/png", "TEXT/Plain"]
WORDS = [b"hello", b"--", b"--b", b"", b" ", b"a: b", b"-- x", b".", b"\xc3\xa9", b"---b1--"]


def lines(rng):
    return b"".join(rng.choice(WORDS) + b"\r\n" for _ in range(rng.randrange(4)))


def leaf(rng):
    # Always a type: without one a part of a digest is a message, and where the
    # header of a message begins with no field the two parsers differ.
    head = b"Content-Type: %s; name=x\r\n" % rng.choice(TYPES).encode()
    if rng.random() < 0.2:
        head += b"Content-Disposition: attachment;\r\n filename=\"a b\"\r\n"
    return head + b"\r\n" + lines(rng) + rng.choice([b"", b"end"])


def entity(rng, depth, number):
    kind = rng.random()
    if depth > 4 or kind < 0.4:
        return leaf(rng)
    if kind < 0.55:
        return (b"Content-Type: message/rfc822\r\n\r\n"
                b"Subject: inner %d\r\n" % depth + entity(rng, depth + 1, number))
    number[0] += 1
    boundary = rng.choice([b"b%d", b"=_%d_x", b"b 'c' %d", b"b(%d)"]) % number[0]
    subtype = rng.choice([b"mixed", b"alternative", b"digest", b"related"])
    out = b"Content-Type: multipart/%s;\r\n\tboundary=\"%s\"\r\n\r\n" % (subtype, boundary)
    out += rng.choice([b"", b"preamble\r\n", lines(rng)])
    for _ in range(rng.randrange(1, 4)):
        out += b"--" + boundary + rng.choice([b"", b"  ", b"\t"]) + b"\r\n"
        out += entity(rng, depth + 1, number) + b"\r\n"
    if rng.random() < 0.8:
        out += b"--" + boundary + b"--" + rng.choice([b"\r\n", b"\r\nepilogue\r\n"])
    return out


def message(seed):
    rng = random.Random(seed)
    return b"From: a@b.example\r\nSubject: %d\r\n" % seed + entity(rng, 0, [0])


def flat(part, depth, out):
    kind = part.get_content_type()
    if kind == "message/rfc822" and part.is_multipart():
        out.append((depth, "@", kind, None))
        flat(part.get_payload(0), depth + 1, out)
    elif part.is_multipart():
        out.append((depth, "*", kind, None))
        for child in part.get_payload():
            flat(child, depth + 1, out)
    else:
        body = part._payload  # get_payload would decode it
        out.append((depth, "-", kind, body.encode("ascii", "surrogateescape")))
    return out


ROW = re.compile(r"^( *)([-*@]) (\S+) (\d+)-(\d+)-(\d+) ")


def same(ours_, theirs):
    """A part that nothing closes ends with the message; Python drops a line end."""
    if ours_ == theirs:
        return True
    cut = [(d, k, t, b and b.rstrip(b"\r\n")) for d, k, t, b in ours_]
    return cut == [(d, k, t, b and b.rstrip(b"\r\n")) for d, k, t, b in theirs] and \
        sum(a != b for a, b in zip(ours_, theirs)) == 1


def ours(text, raw):
    out = []
    for line in text.splitlines():
        m = ROW.match(line)
        if m:
            leaf_body = raw[int(m[5]):int(m[6])] if m[2] == "-" else None
            out.append((len(m[1]), m[2], m[3].lower(), leaf_body))
    return out


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    messages = [message(seed) for seed in range(count)]
    data = b"".join(b"%d\n" % len(m) + m for m in messages)
    done = subprocess.run([sys.argv[1]], input=data, capture_output=True, check=True)
    # Trees hold bytes of messages, but never an empty line.
    trees = done.stdout.decode("utf-8", "replace").split("\n\n")
    bad = 0
    print("1..1")
    for seed, (raw, tree) in enumerate(zip(messages, trees)):
        theirs = flat(email.message_from_bytes(raw, policy=email.policy.compat32), 0, [])
        if not same(ours(tree, raw), theirs):
            bad += 1
            if bad <= 3:
                print("# seed", seed, raw, "\n# ours  ", ours(tree, raw), "\n# theirs", theirs)
    print("ok" if bad == 0 and len(trees) == count + 1 else "not ok",
          "1 - %d messages, %d differ from the email package" % (count, bad))


main()
