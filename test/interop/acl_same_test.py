# SPDX-License-Identifier: Apache-2.0
"""Dovecot with its acl plug-in and letterlock let the same be done with the same rights.

One user grants, one after the other, each right alone beside l and r, and some together;
another one tries everything in that mailbox.  What each server answers is compared: yes or
no, what SELECT says may be changed, and which flags are there afterwards.
"""
import pathlib
import re
import shutil
import tempfile

import pytest

from kit.instance import ROOT, Instance
from kit.mail import message
from kit.wire import Imap, imap
from lab.net import own_network
from lab.peers import Peer, need_packages

RIGHTS = ("", "l", "r", "lr", "lrs", "lrw", "lri", "lrk", "lrx", "lrt", "lre", "lra", "lrte", "lrswi", "lrst", "lrsti",
          "lrwis", "lrswite", "lrswikxte", "lrswikxtea", "i", "k", "x", "a")
# What each of them is asked for, in this order; {} is the mailbox of the one who grants.
COMMANDS = ('STATUS "{}" (MESSAGES)', 'MYRIGHTS "{}"', 'GETACL "{}"', 'SETACL "{}" nobody@nowhere.example lr',
            'LISTRIGHTS "{}" anyone', 'CREATE "{}/below"', 'EXAMINE "{}"', "UNSELECT", 'SELECT "{}"', "FETCH 1 BODY[]", "STORE 1 +FLAGS (\\Seen)",
            "STORE 1 +FLAGS (\\Flagged)", "STORE 1 +FLAGS ($Word)", "STORE 1 +FLAGS (\\Deleted)", "STORE 2 FLAGS (\\Seen \\Answered)",
            "FETCH 1:2 FLAGS", "EXPUNGE", "UNSELECT", 'RENAME "{}" "{}2"', 'DELETE "{}"')
# What differs, by the beginning of the command: (ours, Dovecot's), and what doc/imap.md calls it.
DIFFERENT = {
    "LISTRIGHTS": (("NO",), ("OK",), "who may be granted something"),
    "SETACL": (("NO",), ("OK",), "a grant to nobody"),
    "STORE": (("NO",), ("OK",), "a change that is not made"),
    "EXPUNGE": (("NO",), ("OK",), "a change that is not made"),
    "DELETE": (("OK",), ("NO",), "a mailbox with mail in it"),
    "LIST": (False, True, "a mailbox with mail in it"),
}


class Side:
    """One server, who grants and who gets."""

    def __init__(self, owner, name, guest, guest_name):
        self.owner, self.name, self.guest, self.guest_name = owner, name, guest, guest_name

    def tries(self, rights):
        """{command: answer} of a mailbox made for these rights."""
        box = f"r{rights}"
        owner = self.owner()
        owner.ok(f"CREATE {box}")
        for _ in range(2):
            assert owner.append(message(), box)[0] == "OK"
        if rights:
            owner.ok(f"SETACL {box} {self.guest_name} {rights}")
        guest = self.guest()
        found, there = {}, f"Other Users/{self.name}/{box}"
        for command in COMMANDS:
            status, text, lines = guest.cmd(command.replace("{}", there))
            found[command] = (status, *self.told(command, status, text, b"\n".join(lines).decode()))
        listed = there in b"\n".join(guest.ok('LIST "" "Other Users/*"')).decode()
        found["LIST"] = listed
        guest.close()
        owner.close()
        return found

    @staticmethod
    def told(command, status, text, lines):
        if status != "OK":
            return ()
        if command.startswith(("SELECT", "EXAMINE")):
            flags = re.search(r"PERMANENTFLAGS \((.*?)\)", lines).group(1)
            return text.split("]")[0], frozenset(flags.split()) - {"$Word"}
        if command.startswith("MYRIGHTS"):
            return (frozenset(lines.rsplit(" ", 1)[1]) - set("p\r"),)
        if command.startswith("FETCH 1:2"):
            return tuple(frozenset(each.split()) - {"\\Recent"} for each in re.findall(r"FLAGS \((.*?)\)", lines))
        return ()


@pytest.fixture(scope="module")
def both():
    """(letterlock, Dovecot)"""
    need_packages(exim=False)
    own_network()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ll.acl.", dir="/dev/shm"))
    folder.chmod(0o755)
    peer = Peer("dovecot", folder, "dovecot.example", "127.9.3.1", BASE=0, ACL=1)
    instance = Instance(folder=folder / "own", users=2)
    try:
        instance.start()
        peer.start()

        def dovecot(user):
            session = Imap(instance, 143, host="127.9.3.1")
            session.ok(f"LOGIN {user} secret")
            return session
        users = "u1@dovecot.example", "u2@dovecot.example"
        yield (Side(lambda: imap(instance, instance.alice), instance.alice.user, lambda: imap(instance, instance.bob), instance.bob.user),
               Side(lambda: dovecot(users[0]), users[0], lambda: dovecot(users[1]), users[1]))
        instance.stop()
    finally:
        peer.stop()
        instance.clean()
        shutil.rmtree(folder, ignore_errors=True)


def test_the_same_may_be_done(both):
    left, needed = {}, set()
    for rights in RIGHTS:
        ours, theirs = (side.tries(rights) for side in both)
        for command in ours:
            if ours[command] == theirs[command]:
                continue
            *expected, name = DIFFERENT.get(command.split(" ")[0], (None, None, None))
            if [ours[command], theirs[command]] != expected:
                left[rights, command] = ours[command], theirs[command]
            needed.add(name)
    assert left == {}
    assert needed == {name for *_, name in DIFFERENT.values()}
    text = (ROOT / "doc" / "imap.md").read_text()
    assert [name for name in needed if f"**{name}**" not in text] == []
