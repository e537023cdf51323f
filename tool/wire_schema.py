# SPDX-License-Identifier: Apache-2.0
"""wire_schema - the reader of hop schemas, for tool/wiregen.

Tokens, then types, then the parser.  A mistake in a schema is raised as Mistake
with FILE:LINE:COLUMN in front.  The language: src/wire/README.md.
"""
import hashlib
import os
import re

FORMAT = "letterlock wire 1"      # part of every hash: change it with the encoding
BODY_MAX = 65536 - 16             # IPC_BODY_MAX
CREDIT_MAX = 4096                 # IPC_CREDIT_MAX
DECODE_MAX = 2 << 20              # IPC_DECODE_MAX
WINDOW = 256                      # when a schema names none
KEYWORDS = set("hop credit window states enum struct call cast in then lossy".split())
C_WORDS = set("""auto break case char const continue default do double else enum extern
    float for goto if inline int long register restrict return short signed sizeof static
    struct switch typedef union unsigned void volatile while asm typeof bool true false
    unused errno""".split())


class Mistake(Exception):
    pass


# ---- tokens -----------------------------------------------------------------

class Token:
    """One word, number or sign, where it stands, and the comment before it."""

    def __init__(self, text, line, column, comment):
        self.text, self.line, self.column, self.comment = text, line, column, comment

    def is_name(self):
        return re.fullmatch(r"[a-z][a-z0-9_]*", self.text) is not None


def tokens_of(path, source):
    found, comment = [], []
    line = 0
    for line, text in enumerate(source.split("\n"), 1):
        if not text.strip():
            comment = []
        at = 0
        while at < len(text):
            m = re.compile(r"\s+|(#.*)|([A-Za-z0-9_]+|<=|->|[{},?])").match(text, at)
            if m is None:
                raise Mistake(f"{path}:{line}:{at + 1}: {text[at]!r} means nothing here")
            if m[1] and not text[:at].strip():
                comment.append(m[1][1:].strip())
            elif m[2]:
                found.append(Token(m[2], line, at + 1, comment))
                comment = []
            at = m.end()
    found.append(Token("", line, 1, []))
    return found


# ---- types ------------------------------------------------------------------
# Each type knows its C declaration, how a value is put and got, how many bytes
# it takes on the wire (least, most) and at most in memory (size).

class Type:
    least = most = size = 1
    is_list = is_fd = is_optional = False

    def declare(self, name):
        return [f"{self.c} {name};"]

    def put(self, x):
        return [f"pack_{self.word}(p->out, {x});"]

    def get(self, x):
        return [f"{x} = unpack_{self.word}(&u->in);"]


class Number(Type):
    def __init__(self, word):
        self.text = self.word = word
        self.c = ("u" if word[0] == "u" else "") + f"int{word[1:]}_t"
        self.least = self.most = self.size = int(word[1:]) // 8

    def put(self, x):
        return super().put(x) if self.word != "i64" else [f"pack_u64(p->out, (uint64_t){x});"]

    def get(self, x):
        return super().get(x) if self.word != "i64" else [f"{x} = (int64_t)unpack_u64(&u->in);"]


class Bool(Type):
    text, c = "bool", "bool"

    def put(self, x):
        return [f"ipc_put_bool(p, {x});"]

    def get(self, x):
        return [f"{x} = unpack_bool(&u->in);"]


class Fixed(Type):
    def __init__(self, length):
        self.text, self.c = f"b{length}", "uint8_t"
        self.length = self.least = self.most = self.size = length

    def declare(self, name):
        return [f"uint8_t {name}[{self.length}];"]

    def put(self, x):
        return [f"ipc_put_fixed(p, {x}, {self.length});"]

    def get(self, x):
        return [f"ipc_get_fixed(u, {x}, {self.length});"]


class Run(Type):
    c, least, size = "struct span", 2, 16

    def __init__(self, word, limit):
        self.text, self.word, self.limit = f"{word}<={limit}", word, limit
        self.most = 2 + limit

    def put(self, x):
        return [f"ipc_put_{self.word}(p, {x}, {self.limit});"]

    def get(self, x):
        return [f"{x} = ipc_get_{self.word}(u, {self.limit});"]


class Fd(Type):
    text, c, is_fd, least, most, size = "fd", "int", True, 0, 0, 4

    def put(self, x):
        return [f"ipc_put_fd(p, {x});"]

    def get(self, x):
        return [f"{x} = ipc_get_fd(u);"]


class Enum(Type):
    size = 4

    def __init__(self, hop, name, values, comment):
        self.text, self.name, self.values, self.comment = name, name, values, comment
        self.c = f"enum {hop}_{name}"

    def put(self, x):
        return [f"ipc_put_enum(p, (unsigned){x}, {len(self.values)});"]

    def get(self, x):
        return [f"{x} = ({self.c})ipc_get_enum(u, {len(self.values)});"]


class Struct(Type):
    def __init__(self, hop, name, fields, comment):
        self.text, self.name, self.fields, self.comment = name, name, fields, comment
        self.c = f"struct {hop}_{name}"
        self.least = sum(f.type.least for f in fields)
        self.most = sum(f.type.most for f in fields)
        self.size = sum((f.type.size + 7) // 8 * 8 for f in fields)

    def put(self, x):
        return [f"put_struct_{self.name}(p, &{x});"]

    def get(self, x):
        return [f"get_struct_{self.name}(u, &{x});"]


class List(Type):
    least, size, is_list = 2, 16, True

    def __init__(self, limit, item):
        self.text, self.limit, self.item = f"list<={limit} of {item.text}", limit, item
        self.most = 2 + limit * item.most

    def declare(self, name):
        if isinstance(self.item, Fixed):
            return [f"const uint8_t (*{name})[{self.item.length}];", f"size_t {name}_count;"]
        return [f"const {self.item.c} *{name};", f"size_t {name}_count;"]

    def put(self, x):
        return [f"ipc_put_count(p, {x}_count, {self.limit});",
                f"for (size_t i = 0; i < {x}_count && buf_ok(p->out); i++)",
                *("\t" + s for s in self.item.put(f"{x}[i]"))]

    def get(self, x):
        items = f"uint8_t (*items)[{self.item.length}]" if isinstance(self.item, Fixed) \
            else f"{self.item.c} *items"
        return ["{",
                f"\tsize_t n = ipc_get_count(u, {self.limit}, {self.item.least});",
                f"\t{items} = ipc_get_array(u, &n, sizeof *items);",
                "\tfor (size_t i = 0; i < n; i++)",
                *("\t\t" + s for s in self.item.get("items[i]")),
                f"\t{x} = (const void *)items;",
                f"\t{x}_count = n;",
                "}"]


class Optional(Type):
    is_optional, least = True, 1

    def __init__(self, inner):
        self.text, self.inner, self.is_fd = "?" + inner.text, inner, inner.is_fd
        self.most = 1 + inner.most
        self.size = 8 + inner.size

    def declare(self, name):
        return [f"bool has_{name};", *self.inner.declare(name)]

    @staticmethod
    def flag(x):
        head, _, name = x.rpartition("->")
        return f"{head}->has_{name}"

    def put(self, x):
        flag = self.flag(x)
        return [f"ipc_put_bool(p, {flag});", f"if ({flag})",
                *("\t" + s for s in self.inner.put(x))]

    def get(self, x):
        flag = self.flag(x)
        return [f"{flag} = unpack_bool(&u->in);", f"if ({flag})",
                *("\t" + s for s in self.inner.get(x))]


class Field:
    def __init__(self, name, type_):
        self.name, self.type = name, type_


class Message:
    def __init__(self, **facts):
        self.__dict__.update(facts)


# ---- the parser -------------------------------------------------------------

class Schema:
    def __init__(self, path):
        self.path, self.at = path, 0
        with open(path, encoding="utf-8") as f:
            self.tokens = tokens_of(path, f.read())
        self.credit, self.window, self.states = None, None, []
        self.types, self.messages, self.taken = {}, [], {}
        self.read_hop()
        while self.peek().text:
            self.declaration()
        if self.credit is None:
            self.fail(self.peek(), "there is no line 'credit'")
        if not self.messages:
            self.fail(self.peek(), "there is no message")
        self.window = self.window or {s: WINDOW for s in self.sides}
        for m in self.messages:
            if m.is_call and self.credit[m.to] == 0:
                self.fail(m.token, f"{m.to} takes calls, but its credit is 0")
        canon = "\n".join([FORMAT] + [t.text for t in self.tokens])
        self.hash = hashlib.sha256(canon.encode()).digest()[:16]

    def fail(self, token, what):
        raise Mistake(f"{self.path}:{token.line}:{token.column}: {what}")

    def peek(self):
        return self.tokens[self.at]

    def next(self):
        token = self.peek()
        if not token.text:
            self.fail(token, "the file ends here, in the middle of a declaration")
        self.at += 1
        return token

    def accept(self, text):
        if self.peek().text == text:
            self.at += 1
            return True
        return False

    def expect(self, text):
        if not self.accept(text):
            self.fail(self.peek(), f"'{text}' expected, not '{self.peek().text or 'the end'}'")

    def name(self, what):
        token = self.next()
        if not token.is_name():
            self.fail(token, f"{what} expected, not '{token.text}'"
                             " (names are lower case: a-z, 0-9, _)")
        return token

    def number(self, least, most, what):
        token = self.next()
        if not token.text.isdigit():
            self.fail(token, f"{what} expected, not '{token.text}'")
        if not least <= int(token.text) <= most:
            self.fail(token, f"{what} is {token.text}, not in {least}..{most}")
        return int(token.text)

    def take(self, name, token):
        """No two things of a hop may have one name in C."""
        if name in self.taken:
            self.fail(token, f"'{name}' is already the name of something in line"
                             f" {self.taken[name]}")
        self.taken[name] = token.line

    def read_hop(self):
        self.comment = self.peek().comment
        self.expect("hop")
        token = self.peek()
        self.sides = [self.name("a role").text, self.name("a role").text]
        if self.sides[0] == self.sides[1]:
            self.fail(token, "the two ends need two names")
        self.hop = "_".join(self.sides)
        if os.path.basename(self.path) != self.hop + ".wire":
            self.fail(token, f"the file of this hop is called {self.hop}.wire")
        for reserved in ["ipc", "of", "hop", "decode_any"] + \
                [f"{v}_{s}" for v in ("join", "at") for s in self.sides]:
            self.taken[reserved] = token.line

    def declaration(self):
        token = self.next()
        if token.text == "credit" and self.credit is None:
            self.credit = self.per_side(0)
        elif token.text == "window" and self.window is None:
            self.window = self.per_side(1)
        elif token.text == "states" and not self.states and not self.messages:
            self.states = self.state_names()
        elif token.text == "enum":
            self.read_enum(token)
        elif token.text == "struct":
            self.read_struct(token)
        elif token.text in ("call", "cast"):
            self.read_message(token)
        elif token.text in ("credit", "window", "states", "hop"):
            self.fail(token, f"'{token.text}' stands once, before what needs it")
        else:
            self.fail(token, f"'{token.text}' begins no declaration")

    def per_side(self, least):
        found = {}
        for _ in self.sides:
            token, side = self.side()
            if side in found:
                self.fail(token, f"'{side}' stands here twice")
            found[side] = self.number(least, CREDIT_MAX, "a count")
        return found

    def side(self):
        token = self.next()
        if token.text not in self.sides:
            self.fail(token, f"'{token.text}' is not an end of this hop"
                             f" ({' and '.join(self.sides)} are)")
        return token, token.text

    def state_names(self):
        names = []
        while self.peek().is_name() and self.peek().text not in KEYWORDS:
            token = self.next()
            if token.text in names:
                self.fail(token, f"state '{token.text}' stands here twice")
            names.append(token.text)
        if not 1 <= len(names) <= 32:
            self.fail(self.peek(), "1 to 32 states are possible")
        return names

    def known_states(self):
        first = self.peek()
        names = self.state_names()
        for name in names:
            if name not in self.states:
                self.fail(first, f"there is no state '{name}'")
        return names

    def new_type_name(self, what):
        token = self.name(what)
        if re.fullmatch(r"[ui]?\d+|b\d+|u8|u16|u32|u64|i64|bool|bytes|text|list|fd", token.text):
            self.fail(token, f"'{token.text}' is a type already")
        self.take(token.text, token)
        return token.text

    def read_enum(self, start):
        name, values = self.new_type_name("the enum's name"), []
        self.expect("{")
        while not self.accept("}"):
            token = self.name("a value")
            if token.text in values:
                self.fail(token, f"value '{token.text}' stands here twice")
            values.append(token.text)
            self.accept(",")
        if not 1 <= len(values) <= 256:
            self.fail(start, "an enum has 1 to 256 values")
        self.types[name] = Enum(self.hop, name, values, start.comment)

    def read_struct(self, start):
        name = self.new_type_name("the struct's name")
        fields = self.fields()
        if not fields:
            self.fail(start, "a struct has at least one field")
        for f in fields:
            if f.type.is_fd:
                self.fail(start, "a descriptor stands in a message, not in a struct")
        self.types[name] = Struct(self.hop, name, fields, start.comment)

    def fields(self):
        found, members = [], set()
        self.expect("{")
        while not self.accept("}"):
            token = self.name("a field")
            if token.text in C_WORDS:
                self.fail(token, f"'{token.text}' cannot name a field: C has a use for it")
            field = Field(token.text, self.type())
            for member in re.findall(r"(\w+)\)?(?:\[\d+\])?;",
                                     " ".join(field.type.declare(field.name))):
                if member in members:
                    self.fail(token, f"field '{member}' stands here twice")
                members.add(member)
            found.append(field)
            if not self.accept(",") and self.peek().text != "}":
                self.fail(self.peek(), f"',' or '}}' expected, not '{self.peek().text}'")
        return found

    def type(self):
        token = self.next()
        word = token.text
        if word == "?":
            inner = self.type()
            if inner.is_list or inner.is_optional:
                self.fail(token, f"'?' cannot stand before {inner.text}")
            return Optional(inner)
        if word in ("u8", "u16", "u32", "u64", "i64"):
            return Number(word)
        if word == "bool":
            return Bool()
        if word == "fd":
            return Fd()
        if word in ("bytes", "text", "list"):
            if not self.accept("<="):
                self.fail(token, f"'{word}' needs a limit: {word}<=N")
            limit = self.number(1, BODY_MAX, "a limit")
            return Run(word, limit) if word != "list" else self.list(token, limit)
        if re.fullmatch(r"b\d+", word):
            if not 1 <= int(word[1:]) <= 64:
                self.fail(token, "fixed bytes are b1 to b64")
            return Fixed(int(word[1:]))
        if word not in self.types:
            self.fail(token, f"there is no type '{word}' above this line")
        return self.types[word]

    def list(self, token, limit):
        self.expect("of")
        item = self.type()
        if item.is_list or item.is_fd or item.is_optional:
            self.fail(token, f"a list cannot hold {item.text}")
        if item.size * BODY_MAX > item.least * (DECODE_MAX - 2 * BODY_MAX):
            self.fail(token, f"'{item.text}' can take {item.size} bytes of memory for"
                             f" {item.least} on the wire: too much for a list")
        return List(limit, item)

    def body(self, token):
        fields = self.fields()
        if sum(f.type.is_fd for f in fields) > 1:
            self.fail(token, "a message carries at most one descriptor")
        if sum(f.type.least for f in fields) > BODY_MAX:
            self.fail(token, f"no message of this kind fits in {BODY_MAX} bytes")
        return fields

    def read_message(self, start):
        is_call = start.text == "call"
        _, sender = self.side()
        self.expect("->")
        token, to = self.side()
        if sender == to:
            self.fail(token, "a message goes to the other end")
        token = self.name("the message's name")
        if token.text in C_WORDS:
            self.fail(token, f"'{token.text}' cannot name a message: C has a use for it")
        lossy = self.accept("lossy")
        if lossy and is_call:
            self.fail(token, "a call cannot be lossy")
        names = [token.text]
        if is_call:
            names += [f"{token.text}_{s}" for s in ("reply", "start", "answer")]
        for name in names + [f"{n}_{s}" for n in names[:2] for s in ("encode", "decode")]:
            self.take(name, token)
        fields, reply = self.body(token), None
        if is_call:
            self.expect("->")
            reply = self.body(token)
        states = self.known_states() if self.accept("in") else self.states
        then = None
        if self.accept("then"):
            then = self.name("a state")
            if then.text not in self.states:
                self.fail(then, f"there is no state '{then.text}'")
        if len(self.messages) == 256:
            self.fail(token, "a hop has at most 256 messages")
        self.messages.append(Message(
            token=token, name=token.text, is_call=is_call, lossy=lossy, sender=sender, to=to,
            fields=fields, reply=reply, states=states, then=then and then.text,
            comment=start.comment, number=len(self.messages)))
