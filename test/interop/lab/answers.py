# SPDX-License-Identifier: Apache-2.0
"""What an IMAP server answers, as values: lists, bytes (strings), Atom (what stands bare), None (NIL)."""
import re

SPACE = b" "
BARE = re.compile(rb"[^ ()\[\]{}\"\r\n]+")
SECTION = re.compile(rb"(?:BODY|BINARY|BINARY\.SIZE)\[", re.I)


class Atom(bytes):
    pass


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def peek(self):
        return self.data[self.at:self.at + 1]

    def name(self):
        """The name of an item in FETCH, a section with all that stands in it."""
        match = SECTION.match(self.data, self.at)
        if not match:
            return self.atom()
        begin, end = self.at, self.data.index(b"]", self.at) + 1
        match = re.compile(rb"<\d+>").match(self.data, end)
        self.at = match.end() if match else end
        return self.data[begin:self.at].upper().replace(b'"', b"")

    def atom(self):
        match = BARE.match(self.data, self.at)
        assert match, self.data[self.at - 40:self.at + 40]
        self.at = match.end()
        return Atom(match.group())

    def literal(self):
        match = re.compile(rb"~?\{(\d+)\}\r\n").match(self.data, self.at)
        self.at = match.end() + int(match.group(1))
        return self.data[match.end():self.at]

    def quoted(self):
        match = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"').match(self.data, self.at)
        assert match, self.data[self.at - 40:self.at + 80]
        self.at = match.end()
        return re.sub(rb"\\(.)", rb"\1", match.group(1))

    def value(self):
        first = self.peek()
        if first == b"(":
            return self.list()
        if first == b'"':
            return self.quoted()
        if first in (b"{", b"~"):
            return self.literal()
        atom = self.atom()
        return None if atom.upper() == b"NIL" else atom

    def list(self):
        """Between parentheses; blanks between what stands in it may be missing, as in bodies."""
        self.at += 1
        found = []
        while self.peek() != b")":
            if self.peek() == SPACE:
                self.at += 1
            else:
                found.append(self.value())
        self.at += 1
        return found


def fetched(line):
    """{item: value} of "* n FETCH (...)", or None."""
    match = re.match(rb"\* \d+ FETCH \(", line)
    if not match:
        return None
    reader, found = Reader(line, match.end()), {}
    while reader.peek() != b")":
        if reader.peek() == SPACE:
            reader.at += 1
            continue
        name = reader.name()
        reader.at += 1
        found[name.decode("latin-1").upper()] = reader.value()
    return found


def threads(line):
    """"* THREAD (1)(2 (3)(4))" as nested lists of numbers."""
    reader, found = Reader(line, len(b"* THREAD")), []
    while reader.at < len(line):
        if reader.peek() == SPACE:
            reader.at += 1
        else:
            found.append(reader.list())
    return found
