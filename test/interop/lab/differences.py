# SPDX-License-Identifier: Apache-2.0
"""Where letterlock and Dovecot answer differently, and that is meant; doc/imap.md explains each.

RULES make both answers alike: reason -> f(letter, item, holds, ours, theirs), which gives the
two back with that difference taken out of them (holds: the part has others in it).  LISTED names what no rule covers: reason ->
"letter item" with shell patterns.  imap_same_test.py wants each of them to be needed still.
"""
import re


def structure(item):
    return item in ("BODY", "BODYSTRUCTURE")


def each_leaf(body, change):
    """A structure with change() applied to all lists in it, innermost first."""
    if not isinstance(body, list):
        return body
    return change([each_leaf(inner, change) for inner in body])


def is_text(body):
    return len(body) > 7 and isinstance(body[0], bytes) and body[0].upper() == b"TEXT"


def no_charset(body):
    """Without a charset of us-ascii, whoever wrote it."""
    if not is_text(body) or not isinstance(body[2], list):
        return body
    pairs = list(zip(body[2][::2], body[2][1::2]))
    kept = [word for pair in pairs if (pair[0].upper(), pair[1].lower()) != (b"CHARSET", b"us-ascii") for word in pair]
    return [*body[:2], kept or None, *body[3:]]


def charset(letter, item, holds, ours, theirs):
    if not structure(item):
        return ours, theirs
    return each_leaf(ours, no_charset), each_leaf(theirs, no_charset)


def joined(pairs):
    """name*0=a name*1=b as name=ab; name* where a piece is coded."""
    if not isinstance(pairs, list) or len(pairs) % 2 or not all(isinstance(each, bytes) for each in pairs):
        return pairs
    found, order = {}, []
    for name, value in zip(pairs[::2], pairs[1::2]):
        match = re.fullmatch(rb"([^*]+)\*(\d+)(\*?)", name)
        key = match.group(1).upper() if match else name
        if key not in found:
            order.append(key)
            found[key] = []
        found[key].append((int(match.group(2)) if match else 0, bool(match and match.group(3)), value))
    out = []
    for key in order:
        pieces = sorted(found[key])
        out += [key + (b"*" if any(coded for _, coded, _ in pieces) else b""), b"".join(value for _, _, value in pieces)]
    return out


def join_all(body):
    return [joined(each) for each in body]


def pieces(letter, item, holds, ours, theirs):
    if not structure(item) or "hole" in letter:
        return ours, theirs
    return each_leaf(ours, join_all), each_leaf(theirs, join_all)


def day(letter, item, holds, ours, theirs):
    if item != "INTERNALDATE":
        return ours, theirs
    return ours.replace(b" ", b"0", 1) if ours.startswith(b" ") else ours, theirs


def not_there(letter, item, holds, ours, theirs):
    """NIL for a part that is not there; Dovecot says "" (and its size is 0)."""
    return (b"", theirs) if ours is None and theirs == b"" else (ours, theirs)


def no_domain(letter, item, holds, ours, theirs):
    def named(value):
        if isinstance(value, list):
            if len(value) == 4 and isinstance(value[2], bytes):
                return [*value[:2], value[2] or b"MISSING_MAILBOX", b"MISSING_DOMAIN" if value[3] == b"" else value[3]]
            return [named(each) for each in value]
        return value
    return (named(ours), theirs) if item == "ENVELOPE" else (ours, theirs)


def last_line(letter, item, holds, ours, theirs):
    """A last line without an end counts for us."""
    if not structure(item):
        return ours, theirs

    def even(mine, other):
        if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
            both = [even(a, b) for a, b in zip(mine, other)]
            if is_text(mine) and is_text(other) and mine[7] == b"%d" % (int(other[7]) + 1):
                both[7] = other[7]
            return both
        return mine
    return even(ours, theirs), theirs


def damaged(letter, item, holds, ours, theirs):
    """BINARY of what is no proper base64 or quoted-printable: decoded as far as it goes."""
    if item.startswith("BINARY") and (theirs in ("NO PARSE", "NO ENDED") or (theirs is None and letter.startswith("body-"))):
        return None, None
    if item.startswith("BINARY") and ours is None and str(theirs).startswith("NO"):
        return None, None
    return ours, theirs


def type_unread(letter, item, holds, ours, theirs):
    """What has no type that can be read is text/plain; for Dovecot its type is empty."""
    def plain(body):
        if len(body) > 6 and body[:2] in ([b"", b""], [b"TEXT", b""]):
            return [b"TEXT", b"PLAIN"]
        return body

    def short(body):
        if is_text(body):
            return [b"TEXT", b"PLAIN"]
        return body
    if structure(item) and isinstance(theirs, list) and theirs and theirs[0] in (b"", b"TEXT") and theirs[1] == b"":
        return short(ours), plain(theirs)
    return ours, theirs


def recoded(letter, item, holds, ours, theirs):
    """Dovecot decodes what stands inside of a multipart or message, too, and writes its fields anew."""
    return (None, None) if holds and item.startswith("BINARY") else (ours, theirs)


def wrong_size(letter, item, holds, ours, theirs):
    """Dovecot 2.3 takes something off the size of a part that decoding made another one; ours is checked elsewhere."""
    return (None, None) if item.startswith("BINARY.SIZE") and str(theirs).startswith("b") and letter.startswith("made-") else (ours, theirs)


RULES = {
    "one digit for the day": day,
    "a part that is not there": not_there,
    "a charset that nobody wrote": charset,
    "RFC 2231 as it was written": pieces,
    "no domain": no_domain,
    "a last line without an end": last_line,
    "damaged encodings": damaged,
    "a type that cannot be read": type_unread,
    "BINARY of what holds others": recoded,
    "BINARY.SIZE of a part": wrong_size,
}
LISTED = {
    "broken addresses": [f"address-{name} ENVELOPE" for name in (
        "name-only", "comma-only", "commas", "unclosed-*", "semicolons", "two-at", "angle-twice", "mailto", "brackets")],
    "obsolete syntax": ["address-obsolete-dots ENVELOPE"],
    "unfolding": ["subject-folded-blanks ENVELOPE", "field-id-folded ENVELOPE"],
    "control characters": ["subject-controls ENVELOPE"],
    "fields that are there twice": ["field-duplicate ENVELOPE", "content-encoding-two BINARY*"],
    "a header without its blank line": [f"field-{name} BODY[[]HEADER.FIELDS *" for name in ("only-body", "no-body", "no-blank")],
    "broken MIME fields": ["type-semicolons BODY*", "type-unclosed BODY*", "type-brackets BODY*", "content-disposition-empty BODYSTRUCTURE",
                           "content-encoding-empty BINARY*", "content-encoding-semicolon B*", "content-language-comment BODYSTRUCTURE",
                           "content-md5-blank BODYSTRUCTURE"],
    "a multipart without parts": [f"multi-{name} B*" for name in (
        "none", "no-body", "only-preamble", "no-boundary", "empty-boundary", "only-end", "end-first")],
    "boundaries": ["multi-prefix B*", "message-empty-in-multi B*"],
    "a message in base64": ["message-base64 B*"],
    "message/global": ["message-global B*"],
}
# reason -> (keys, letters), both regular expressions.
SEARCHES = {
    "addresses in searches": [(r"FROM|TO|CC", r"^address-"), (r'"<ann@one.example>"', r"^made-")],
    "dates that cannot be read": [(r"SENT", r"^(date-|field-|made-001$)")],
    "damaged encodings": [(r"BODY|TEXT", r"^body-(base64-junk|unknown)$")],
    "fields that are there twice": [(r"BODY|TEXT", r"^content-encoding-two$")],
    "a message in base64": [(r"BODY|TEXT", r"^message-base64$")],
    "message/global": [(r"BODY", r"^message-global$")],
    "a multipart without parts": [(r"BODY|TEXT", r"^multi-empty-boundary$")],
    "boundaries": [(r"BODY|TEXT", r"^multi-prefix$")],
    "control characters": [(r'"a b"', r"^subject-controls$")],
    "unfolding": [(r"hello|a b", r"^subject-(folded-blanks|folded-empty|tab)$")],
    "encoded words": [(r"", r"^subject-(language|split-char|unknown)$")],
    "a type that cannot be read": [(r"body", r"^type-")],
    "HTML in searches": [(r'(BODY|TEXT) "<b>"', r"^(multi|message)-"), (r'(BODY|TEXT) "(w\u00f6rld|body)"', r"^body-html$")],
}
