# SPDX-License-Identifier: Apache-2.0
"""A client that keeps a copy of a mailbox, by CONDSTORE and QRESYNC (RFC 7162).

The model: after each reconnect the copy, changed only by what SELECT (QRESYNC ...)
said, is what a FETCH of everything says.
"""
import random
import re

import pytest

from kit.mail import token
from kit.wire import imap

STEPS = 120


def parse(line, copy):
    """An untagged line as it changes the copy (UID -> flags); HIGHESTMODSEQ if it tells."""
    gone = re.match(rb'\* VANISHED (?:\(EARLIER\) )?(\S+)', line)
    if gone:
        for run in gone.group(1).split(b','):
            first, _, last = run.partition(b':')
            for uid in range(int(first), int(last or first) + 1):
                copy.pop(uid, None)
    seen = re.match(rb'\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)', line)
    if seen:
        copy[int(seen.group(1))] = frozenset(seen.group(2).split()) - {b'\\Recent'}
    told = re.search(rb'\[HIGHESTMODSEQ (\d+)\]', line)
    return int(told.group(1)) if told else None


class Copy:
    def __init__(self, demo, user, folder):
        self.demo, self.user, self.folder = demo, user, folder
        self.messages, self.modseq, self.validity = {}, 0, 0

    def connect(self):
        """What the server said of what happened meanwhile; then it is in the copy."""
        session = imap(self.demo, self.user)
        session.ok('ENABLE QRESYNC')
        known = f' (QRESYNC ({self.validity} {self.modseq}))' if self.modseq else ''
        lines = session.ok(f'SELECT "{self.folder}"{known}')
        for line in lines:
            self.modseq = parse(line, self.messages) or self.modseq
        self.validity = int(re.search(rb'UIDVALIDITY (\d+)', b'\n'.join(lines)).group(1))
        if not known:
            self.messages = everything(session)
        return session, lines


def everything(session):
    found = {}
    for line in session.ok('UID FETCH 1:* (FLAGS)'):
        parse(line, found)
    return found


def change(rng, session):
    """One change by somebody else; keywords too."""
    uids = session.uids()
    kind = rng.choice(('append', 'flags', 'flags', 'flags', 'expunge'))
    if kind == 'append' or not uids:
        for _ in range(rng.randrange(1, 4)):
            status, text, _ = session.append('Subject: x\r\n\r\nx\r\n', session.folder)
            assert status == 'OK', text
        return
    some = ','.join(str(uid) for uid in rng.sample(uids, rng.randrange(1, min(5, len(uids)) + 1)))
    if kind == 'flags':
        words = ' '.join(rng.sample(('\\Seen', '\\Flagged', '\\Answered', '$Work'), rng.randrange(3)))
        session.ok(f'UID STORE {some} {rng.choice(("", "+", "-"))}FLAGS.SILENT ({words})')
    else:
        session.ok(f'UID STORE {some} +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')


@pytest.fixture
def folder(demo, user):
    name = token()
    with imap(demo, user) as session:
        session.ok(f'CREATE {name}')
        yield name
        session.cmd(f'DELETE {name}')


@pytest.mark.parametrize('seed', [1, 2])
def test_a_copy_stays_right(demo, user, folder, seed):
    rng = random.Random(seed)
    copy = Copy(demo, user, folder)
    with imap(demo, user, folder) as other:
        other.folder = folder
        for _ in range(STEPS // 3):
            for _ in range(rng.randrange(5)):
                change(rng, other)
            session, _ = copy.connect()
            with session:
                assert copy.messages == everything(session)
                # While connected it is told of changes as they come.
                for _ in range(rng.randrange(3)):
                    change(rng, other)
                for line in session.ok('NOOP'):
                    copy.modseq = parse(line, copy.messages) or copy.modseq
                session.cmd('LOGOUT')


def test_nothing_is_told_twice(demo, user, folder):
    copy = Copy(demo, user, folder)
    with imap(demo, user, folder) as other:
        for _ in range(30):
            assert other.append('Subject: x\r\n\r\nx\r\n', folder)[0] == 'OK'
        session, lines = copy.connect()
        session.cmd('LOGOUT')
        other.ok('NOOP')
        other.ok('STORE 7 +FLAGS (\\Flagged)')
        other.ok('STORE 9 +FLAGS.SILENT (\\Deleted)')
        other.ok('EXPUNGE')
        session, lines = copy.connect()
        told = [line for line in lines if b'FETCH' in line or b'VANISHED' in line]
        assert len(told) == 2 and told[0].startswith(b'* VANISHED (EARLIER) 9'), told
        assert re.match(rb'\* 7 FETCH \(UID 7 FLAGS \([^)]*Flagged[^)]*\) MODSEQ \(\d+\)\)', told[1])
        session.cmd('LOGOUT')


def test_two_who_change_the_same_message(demo, user, folder):
    """The second of two conditional changes is refused, and says of which message."""
    with imap(demo, user, folder) as one, imap(demo, user, folder) as two:
        assert one.append('Subject: x\r\n\r\nx\r\n', folder)[0] == 'OK'
        one.ok('NOOP')
        two.ok('NOOP')
        line = one.ok('FETCH 1 (MODSEQ)')[-1]
        modseq = int(re.search(rb'MODSEQ \((\d+)\)', line).group(1))
        one.ok(f'STORE 1 (UNCHANGEDSINCE {modseq}) +FLAGS (\\Flagged)')
        assert '[MODIFIED 1]' not in one.text
        two.ok(f'STORE 1 (UNCHANGEDSINCE {modseq}) -FLAGS (\\Flagged)')
        assert '[MODIFIED 1]' in two.text
        assert b'\\Flagged' in two.ok('FETCH 1 (FLAGS)')[-1]


@pytest.mark.parametrize('command', [
    'FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)', 'UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)',
    'STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS (\\Seen)', 'SEARCH MODSEQ 18446744073709551615',
    'SELECT INBOX (QRESYNC (1 1))', 'SELECT INBOX (QRESYNC (1 9223372036854775808 1:4294967295))'])
def test_numbers_out_of_range(demo, user, folder, command):
    """141"""
    with imap(demo, user, folder) as session:
        assert session.append('Subject: x\r\n\r\nx\r\n', folder)[0] == 'OK'
        before = session.ok(f'STATUS {folder} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)')
        assert session.cmd(command)[0] == 'BAD'
        assert session.ok(f'STATUS {folder} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)') == before


def test_a_resync_of_far_too_much(demo, user, folder):
    """141: what a client says that it knows costs no more than what is there."""
    with imap(demo, user) as session:
        session.ok('ENABLE QRESYNC')
        assert session.append('Subject: x\r\n\r\nx\r\n', folder)[0] == 'OK'
        text = b'\n'.join(session.ok(f'STATUS {folder} (UIDVALIDITY)'))
        validity = re.search(rb'UIDVALIDITY (\d+)', text).group(1).decode()
        lines = session.ok(f'SELECT {folder} (QRESYNC ({validity} 1 1:4294967295))')
        told = [line for line in lines if b'FETCH' in line or b'VANISHED' in line]
        assert len(told) <= 2, told
        # Another validity: nothing is told, the client begins anew.
        lines = session.ok(f'SELECT {folder} (QRESYNC ({int(validity) + 1} 1 1:4294967295))')
        assert not [line for line in lines if b'FETCH' in line or b'VANISHED' in line]
