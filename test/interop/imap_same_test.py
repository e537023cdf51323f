# SPDX-License-Identifier: Apache-2.0
"""Dovecot and letterlock answer the same about the same mailbox.

Every letter of lab/letters.py is appended to both; then all that FETCH can say of each,
a table of searches, and orders and threads are compared.  Where they differ, the difference stands in
lab/differences.py under a name that doc/imap.md explains, and it has to be there still.
"""
import fnmatch
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from kit.instance import PROGRAM, ROOT, Instance
from kit.mail import message
from kit.wire import Imap, Pop, imap, pop
from lab import letters, searches
from lab.answers import fetched
from lab.differences import LISTED, RULES, SEARCHES
from lab.net import own_network
from lab.peers import Peer, need_packages

BOX = "Corpus"
FLAGS = ("", "(\\Seen)", "(\\Flagged \\Answered)", "($Work \\Draft)", "(\\Deleted \\Seen)")
ITEMS = 48  # of one command
SEARCHED = 300  # of the letters: those made by hand and some others
PARTS_MAX = 12  # of one letter, that are asked for one by one
WHOLE = ("RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
         "RFC822.HEADER", "BODY.PEEK[HEADER.FIELDS (Subject from X-A Content-Type)]", "BODY.PEEK[HEADER.FIELDS.NOT (Subject Received X-A)]",
         "BODY.PEEK[]<0.20>", "BODY.PEEK[]<15.100>", "BODY.PEEK[]<100000.10>", "BODY.PEEK[TEXT]<3.5>", "BODY.PEEK[HEADER]<10.30>")
EACH = ("BODY.PEEK[{}]", "BODY.PEEK[{}.MIME]", "BODY.PEEK[{}.HEADER]", "BODY.PEEK[{}.TEXT]",
        "BODY.PEEK[{}.HEADER.FIELDS (Subject From)]", "BODY.PEEK[{}]<2.9>")
BINARY = ("BINARY.PEEK[{}]", "BINARY.SIZE[{}]", "BINARY.PEEK[{}]<1.7>")


class Side:
    """One server with the letters in it."""

    def __init__(self, connect):
        self.connect = connect
        self.session = connect()
        self.session.ok(f"CREATE {BOX}")

    def fill(self, all_letters):
        for number, data in enumerate(all_letters.values()):
            flags, day = FLAGS[number % len(FLAGS)], number % 28 + 1
            status, text, _ = self.session.append(
                data, BOX, f' {flags} "{day:02}-Mar-2026 {number % 24:02}:10:00 {("+0000", "-0800", "+0530")[number % 3]}"'.replace("  ", " "))
            assert status == "OK", (number, text)
        self.session.select(BOX)

    def fetch(self, number, items):
        """{item: value}; one by one where the server says NO to all of them."""
        try:
            status, text, lines = self.session.cmd(f"FETCH {number} ({' '.join(items)})")
        except EOFError:  # Dovecot ends a session in the middle of a value that it cannot decode
            status, text, lines = "NO", "[ENDED]", []
            self.session = self.connect()
            self.session.select(BOX)
        if status == "OK":
            found = [values for values in map(fetched, lines) if values]
            return {name: value for values in found for name, value in values.items()}
        assert status == "NO", (number, items, status, text)
        if len(items) == 1:
            code = re.match(r"\[([A-Z-]+)", text)
            return {items[0].replace(".PEEK", "").upper(): f"NO {code.group(1) if code else ''}"}
        return {name: value for item in items for name, value in self.fetch(number, [item]).items()}


def multiparts(body, prefix):
    found = []
    for number, inner in enumerate(body, 1):
        if not isinstance(inner, list):
            break
        found += [f"{prefix}{number}", *inside(inner, f"{prefix}{number}.")]
    return found


def inside(body, prefix):
    """Numbers of what a part holds that has its own already."""
    if isinstance(body[0], list):
        return multiparts(body, prefix)
    if body[0].upper() == b"MESSAGE" and len(body) > 9 and isinstance(body[8], list):
        nested = body[8]
        return multiparts(nested, prefix) if isinstance(nested[0], list) else [f"{prefix}1", *inside(nested, f"{prefix}1.")]
    return []


def part_numbers(body):
    """The numbers of all parts that a BODYSTRUCTURE shows."""
    return multiparts(body, "") if isinstance(body[0], list) else ["1", *inside(body, "1.")]


def without_case(item, value):
    """Types, names of parameters and encodings in capitals."""
    if item not in ("BODY", "BODYSTRUCTURE") or not value:
        return value
    value = list(value)
    if isinstance(value[0], list):
        at = next(n for n, each in enumerate(value) if not isinstance(each, list))
        value[:at] = [without_case(item, inner) for inner in value[:at]]
        value[at] = upper(value[at])
        pairs = at + 1
        place = at + 2
    else:
        value[0], value[1], value[5] = upper(value[0]), upper(value[1]), upper(value[5])
        pairs = 2
        place = 8
        if (value[0], value[1]) == (b"MESSAGE", b"RFC822"):
            value[8] = without_case(item, value[8])
            place = 11
        elif value[0] == b"TEXT":
            place = 9
    if len(value) > pairs:
        value[pairs] = parameters(value[pairs])
    for each in range(place, len(value)):
        if isinstance(value[each], list) and len(value[each]) == 2 and isinstance(value[each][1], (list, type(None))):
            value[each] = [upper(value[each][0]), parameters(value[each][1])]
    return value


def upper(value):
    return value.upper() if isinstance(value, bytes) else value


def parameters(pairs):
    if not isinstance(pairs, list):
        return pairs
    return [upper(each) if n % 2 == 0 else each for n, each in enumerate(pairs)]


@pytest.fixture(scope="module")
def both():
    """(letterlock, Dovecot), each with all letters."""
    need_packages(exim=False)
    own_network()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ll.same.", dir="/dev/shm"))
    folder.chmod(0o755)
    peer, instance = Peer("dovecot", folder, "dovecot.example", "127.9.3.1", BASE=0), Instance(folder=folder / "own", users=2)
    try:
        instance.start()
        peer.start()

        def dovecot():
            session = Imap(instance, 143, host="127.9.3.1")
            session.ok("LOGIN u1@dovecot.example secret")
            return session
        sides = Side(lambda: imap(instance, instance.alice)), Side(dovecot)
        for side, server in zip(sides, (instance, peer)):
            side.server = server
            side.fill(letters.every())
        yield sides
        instance.stop()
    finally:
        peer.stop()
        instance.clean()
        shutil.rmtree(folder, ignore_errors=True)


class Found:
    """Differences: those that no rule explains, and which rules were needed."""

    def __init__(self):
        self.used, self.left = set(), {}

    def compare(self, name, item, ours, theirs, holds=False):
        ours, theirs = without_case(item, ours), without_case(item, theirs)
        if ours == theirs:
            return
        said, needed = (ours, theirs), set()
        for reason, rule in RULES.items():
            after = rule(name, item, holds, ours, theirs)
            if after != (ours, theirs):
                needed.add(reason)
                ours, theirs = after
        if ours == theirs:
            self.used |= needed
        else:
            self.left[f"{name} {item}"] = said

    def judge(self, rules, listed):
        """Every difference has its reason, and every reason its difference."""
        patterns = [(reason, pattern) for reason, each in listed.items() for pattern in each]
        new = {pair: said for pair, said in self.left.items() if not any(fnmatch.fnmatchcase(pair, p) for _, p in patterns)}
        text = "".join(f"{pair}\n   ours   {ours!r:.600}\n   theirs {theirs!r:.600}\n" for pair, (ours, theirs) in list(new.items())[:80])
        assert not new, f"{len(new)} differ:\n{text}"
        gone = [(reason, p) for reason, p in patterns if not any(fnmatch.fnmatchcase(pair, p) for pair in self.left)]
        assert not gone, f"listed, but no longer different: {gone}"
        assert not rules - self.used, f"rules that nothing needs: {rules - self.used}"


def holds(item, numbers):
    match = re.search(r"\[([\d.]+)\]", item)
    return match is not None and any(number.startswith(f"{match.group(1)}.") for number in numbers)


def compare_letter(sides, number, name, found):
    ours, theirs = (side.fetch(number, WHOLE) for side in sides)
    for item in sorted(ours.keys() | theirs.keys()):
        found.compare(name, item, ours.get(item), theirs.get(item))
    numbers = sorted({"1", *(part for each in (ours, theirs) for part in part_numbers(each["BODYSTRUCTURE"]))})
    for form in EACH, BINARY:
        items = [each.format(part) for part in numbers[:PARTS_MAX] for each in form]
        for at in range(0, len(items), ITEMS):
            ours, theirs = (side.fetch(number, items[at:at + ITEMS]) for side in sides)
            for item in ours:
                if item.startswith("BINARY.SIZE") and isinstance(ours[item], bytes):
                    assert int(ours[item]) == len(ours[item.replace(".SIZE", "")] or b""), (name, item)
            for item in sorted(ours.keys() | theirs.keys()):
                found.compare(name, item, ours.get(item), theirs.get(item), holds(item, numbers))


def test_fetch(both):
    found = Found()
    for number, name in enumerate(letters.every(), 1):
        compare_letter(both, number, name, found)
    found.judge(set(RULES), LISTED)


def hits(side, keys):
    """The numbers that a SEARCH finds, or its NO or BAD."""
    data = keys.encode()
    status, text, lines = side.session.cmd(b"SEARCH CHARSET UTF-8 1:%d " % SEARCHED + data.replace(b"\r\n", b" "))
    if status != "OK":
        return status
    return sorted(int(word) for line in lines if line.upper().startswith(b"* SEARCH") for word in line.split()[2:] if word.isdigit())


def test_search(both):
    names = list(letters.every())
    wrong, used = [], set()
    for keys in searches.every():
        ours, theirs = (hits(side, keys) for side in both)
        if not isinstance(ours, list) or not isinstance(theirs, list):
            wrong.append(f"{keys}: {ours}, {theirs}")
            continue
        for number in sorted(set(ours) ^ set(theirs)):
            name = names[number - 1]
            reasons = [(reason, at) for reason, each in SEARCHES.items() for at, (of_keys, of_names) in enumerate(each)
                       if re.search(of_keys, keys) and re.search(of_names, name)]
            used.update(reasons)
            if not reasons:
                wrong.append(f"{keys}: {name} is found by {'us' if number in ours else 'Dovecot'} alone")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:80])
    gone = [(reason, each[at]) for reason, each in SEARCHES.items() for at in range(len(each)) if (reason, at) not in used]
    assert not gone, f"listed, but no longer different: {gone}"


# Letters whose date or subject is read otherwise are left out of what is ordered.
ORDERED_ALIKE = re.compile(r"^(date-(before|old|three-digits|zone)|subject-(controls|split-char|language|unknown|folded-blanks)|address-.*)$")
SORT_KEYS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO")
ORDERS = ([f"SORT ({reverse}{key})" for key in SORT_KEYS for reverse in ("", "REVERSE ")]
          + [f"SORT ({a} {b})" for a, b in zip(SORT_KEYS, SORT_KEYS[4:] + SORT_KEYS[:4])]
          + ["SORT (SUBJECT REVERSE DATE)", "SORT (REVERSE FROM SUBJECT ARRIVAL)", "THREAD ORDEREDSUBJECT", "THREAD REFERENCES", "THREAD REFS"])


def ordered(side, command, rest):
    return [line.rstrip() for line in side.session.ok(f"{command} UTF-8 {rest}") if line[:6] in (b"* SORT", b"* THRE")]


def test_order(both):
    """SORT by each key and by two, all threads: of all alike letters, of some, by number and by UID."""
    alike = [str(number) for number, name in enumerate(letters.every(), 1) if not ORDERED_ALIKE.match(name)]
    for command in ORDERS:
        for rest in (",".join(alike), ",".join(alike[::3]), f"{','.join(alike)} SEEN", "DELETED NOT DELETED"):
            ours, theirs = (ordered(side, command, rest) for side in both)
            assert ours == theirs, (command, rest[:80], ours[0][:600], theirs[0][:600])
    ours, theirs = (ordered(side, "UID SORT (SUBJECT)", f"UID {','.join(alike)}") for side in both)
    assert ours == theirs


def test_sort_return(both):
    """ESORT: the same facts; only in another order of words."""
    some = "1:5,140:300"
    for keys in "SIZE", "REVERSE ARRIVAL", "SUBJECT DATE":
        for wanted in "MIN MAX", "COUNT", "ALL", "MIN MAX COUNT ALL", "":
            lines = [side.session.ok(f"SORT RETURN ({wanted}) ({keys}) UTF-8 {some} NOT 166:200") for side in both]
            facts = [sorted(re.findall(rb"(?:MIN|MAX|COUNT|ALL) \S+", each[0])) for each in lines]
            assert facts[0] == facts[1] and facts[0], lines


def unique_ids(session):
    """Message-ID -> unique id, by POP3."""
    found = {}
    for line in session.listing("UIDL"):
        number, text = line.split()
        head = session.listing(b"TOP %s 0" % number)
        found[next(field for field in head if field.startswith(b"Message-ID:"))] = text
    return found


def test_unique_ids_of_pop3_come_along(both):
    """Typed as the manual has it: what clients of the Dovecot knew they know here."""
    ours, theirs = (side.server for side in both)
    with Imap(ours, 143, host="127.9.3.1") as old, imap(ours, ours.bob) as new:
        old.ok("LOGIN u2@dovecot.example secret")
        for n in range(60):
            old.append(message(subject=f"moves{n}"))
        old.select()
        old.ok("STORE 3,7 +FLAGS (\\Deleted)")
        old.ok("EXPUNGE")
        for data in reversed(old.bodies().values()):
            new.append(data)
        new.append(message(subject="was never there"))
    text = (ROOT / "man" / "letterlock-mailbox.1").read_text().split("What Dovecot told POP3 clients")[1]
    text = text.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0].replace("\\e", "\\")
    where = pathlib.Path(tempfile.mkdtemp(dir=theirs.folder))
    for name, value in {"doveadm -f": f"doveadm -c {theirs.shown['DIR']}/dovecot.conf -f", "-u alice": "-u u2@dovecot.example",
                        "letterlock mailbox": f"{PROGRAM} mailbox", "alice@example.org": f"{ours.bob.user} --config {ours.config}"}.items():
        assert name in text
        text = text.replace(name, value)
    done = subprocess.run(["bash", "-ec", text], cwd=where, capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, (text, done)
    with Pop(ours, 110, host="127.9.3.1") as old, pop(ours, ours.bob) as new:
        old.ok("USER u2@dovecot.example")
        old.ok("PASS secret")
        before, after = unique_ids(old), unique_ids(new)
    assert len(before) == 58 and len(after) == 59
    assert {key: after[key] for key in before} == before


def test_every_difference_is_explained():
    text = (ROOT / "doc" / "imap.md").read_text()
    for reason in [*RULES, *LISTED, *SEARCHES]:
        assert f"**{reason}**" in text, reason
