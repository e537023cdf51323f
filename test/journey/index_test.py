# SPDX-License-Identifier: Apache-2.0
"""Searches give the same answers with an index, without one, and while it is made."""
import os
import random
import re
import signal
import unicodedata

import pytest

from kit.instance import alive, wait
from kit.mail import token
from kit.wire import imap

COUNT = 140  # of letters; an index begins with 64
WORDS = ['invoice', 'Quarterly', 'report', 'M\u00fcller', 'caf\u00e9', '\u041f\u0440\u0438\u0432\u0435\u0442', '\u6f22\u5b57\u4eee\u540d',
         '\u6771\u4eac\u90fd', '\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22', '\ud55c\uad6d\uc5b4', 'x86_64', 'v1.2.3', 'a-b-c', '\u2603', 'l33t',
         'https://example.org/path?id=77', 'A' * 50 + 'z', 'Stra\u00dfe', 'E=mc2', 'foo', 'food', 'seafood']
NEEDLES = ['invoice', 'VOIC', 'quarterly report', 'report', 'm\u00dcller', 'CAF\u00c9', 'caf', '\u043f\u0420\u0418\u0432', '\u5b57', '\u5b57\u4eee', '\u6f22\u5b57\u4eee\u540d',
           '\u4eac', '\u0e44\u0e17\u0e22', '\uad6d', '86_6', '1.2', '-b-', '\u2603', 'example.org/path', 'aaaz', 'aaaaa', 'stra\u00df',
           'mc2', 'foo', 'ood', 'food sea', 'nowhere', 'e', '7', '\u4eee\u6f22']


def fold(text):
    """RFC 5051, near enough for these words."""
    return unicodedata.normalize('NFKD', text.title() if len(text) == 1 else ''.join(
        c.title() if len(c.title()) == 1 else c for c in text)).lower()


class Letter:
    def __init__(self, dice, number):
        self.subject = ' '.join(dice.choices(WORDS, k=3)) + f' n{number}'
        self.sender = f'Sender{number % 7}'
        self.text = ' '.join(dice.choices(WORDS, k=dice.randrange(1, 30)))
        if number % 11 == 0:
            self.text += '\r\nneedle77'
        self.html = number % 5 == 0

    def bytes(self):
        body = self.text
        kind = 'plain'
        if self.html:
            kind = 'html'
            body = '<p>' + ''.join(c if ord(c) < 128 else f'&#{ord(c)};' for c in body) + '</p><script>hidden()</script>'
        return (f'From: {self.sender} <{self.sender.lower()}@one.example>\r\nTo: you@two.example\r\nSubject: {self.subject}\r\n'
                f'MIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
                f'{body}\r\n').encode()

    def has(self, key, needle):
        body = re.sub(r'\s+', ' ', self.text) if self.html else self.text
        head = f'Subject: {self.subject}\r\nFrom: {self.sender} <{self.sender.lower()}@one.example>\r\nTo: you@two.example'
        where = {'BODY': [body], 'SUBJECT': [self.subject], 'FROM': [head.split('\r\n')[1][6:]],
                 'TEXT': [body] + head.split('\r\n')}[key]
        return any(fold(needle) in fold(text) for text in where)


def search(session, *keys):
    """UIDs; what is no plain word goes as a literal."""
    command, literals = 'UID SEARCH CHARSET UTF-8', []
    for key in keys:
        if re.fullmatch(r'[\w.=+-]+', key, re.ASCII):
            text = f' {key}'
        else:
            text = f' {{{len(key.encode())}}}'
        if literals:
            literals[-1] += text
        else:
            command += text
        if text.endswith('}'):
            literals += [key, '']
    lines = session.ok(command, *literals)
    return {int(n) for line in lines if line.startswith(b'* SEARCH') for n in line.split()[2:]}


def fill(session, folder, dice, count, first=0):
    letters = {}
    for number in range(first, first + count):
        letter = Letter(dice, number)
        status, text, _ = session.append(letter.bytes(), folder)
        assert status == 'OK', text
        letters[int(re.search(r'APPENDUID \d+ (\d+)', str(text))[1])] = letter
    return letters


def same(session, letters, needles=NEEDLES, keys=('BODY', 'SUBJECT', 'TEXT')):
    for needle in needles:
        for key in keys:
            want = {uid for uid, letter in letters.items() if letter.has(key, needle)}
            found = search(session, key, needle)
            assert found == want, (key, needle, sorted(found ^ want)[:5])


@pytest.fixture
def session(own):
    with imap(own, own.account('u1')) as session:
        session.ok('CREATE letters')
        yield session


def indexed(own, mailbox='letters'):
    rows = own.rows('index', 'rebuild', own.account('u1').user)
    return {row['mailbox']: row for row in rows}[mailbox]


@pytest.mark.limit(120)
def test_with_an_index_and_without(own, session):
    dice = random.Random(5)
    letters = fill(session, 'letters', dice, 60)
    session.select('letters')
    same(session, letters, NEEDLES[::3])  # too few for an index
    letters.update(fill(session, 'letters', dice, COUNT - 60, 60))
    session.ok('NOOP')
    same(session, letters)
    row = indexed(own)
    assert row['messages'] == COUNT and row['indexed'] == COUNT and row['size'] > 0
    same(session, letters, NEEDLES[::4])
    assert search(session, 'FROM', 'sender3') == {u for u, m in letters.items() if m.sender == 'Sender3'}
    assert search(session, 'BODY', 'hidden') == set()
    some = {u for u, m in letters.items() if m.has('BODY', 'foo') and not m.has('BODY', 'food')}
    assert search(session, 'BODY', 'foo', 'NOT', 'BODY', 'food') == some
    both = {u for u, m in letters.items() if m.has('BODY', 'needle77') or m.has('SUBJECT', 'foo')}
    assert search(session, 'OR', 'BODY', 'needle77', 'SUBJECT', 'foo') == both
    # What goes is not found any more, what comes is, what moves is found there.
    gone = sorted(letters)[10:90:3]
    session.ok(f'UID STORE {",".join(map(str, gone))} +FLAGS.SILENT (\\Deleted)')
    session.ok('EXPUNGE')
    for uid in gone:
        del letters[uid]
    letters.update(fill(session, 'letters', dice, 5, COUNT))
    session.ok('NOOP')
    same(session, letters, NEEDLES[::3])
    session.ok('CREATE other')
    left = sorted(letters)
    session.ok(f'UID MOVE {left[0]}:{left[69]} other')
    same(session, {u: letters[u] for u in left[70:]}, NEEDLES[::3])
    session.select('other')
    moved = dict(zip(sorted(search(session, 'ALL')), [letters[u] for u in left[:70]]))
    assert len(moved) == 70
    same(session, moved, NEEDLES[::3])
    assert indexed(own, 'other')['indexed'] == 70
    assert own.ll('fsck').returncode == 0


@pytest.mark.limit(120)
def test_the_store_is_killed_while_it_makes_an_index(own, session):
    dice = random.Random(9)
    letters = fill(session, 'letters', dice, COUNT)
    session.select('letters')
    for turn in range(4):
        victim = own.pids()['store'][0]
        session.send(b'k%d UID SEARCH BODY needle77' % turn)
        wait(lambda: False, seconds=0.004 * turn) if turn else None
        os.kill(victim, signal.SIGKILL)
        wait(lambda: not alive(victim) and own.pids()['store'][0] != victim, seconds=10)
        session.close()
        session = wait(lambda: again(own), seconds=10)
        same(session, letters, ['needle77', NEEDLES[turn]], ('BODY',))
    same(session, letters, NEEDLES[::2])
    assert indexed(own)['indexed'] == COUNT
    assert own.ll('fsck').returncode == 0


def again(own):
    try:
        session = imap(own, own.account('u1'))
        session.select('letters')
        return session
    except (OSError, EOFError, AssertionError, ValueError, IndexError):
        return None


def test_rebuild_says_what_it_did(own):
    rows = own.rows('index', 'rebuild')
    assert {row['mailbox'] for row in rows} >= {'INBOX', 'Sent'} and len({row['account'] for row in rows}) >= 3
    assert all(row['indexed'] == 0 for row in rows if row['messages'] < 64)
    done = own.ll('index', 'rebuild', 'nobody@elsewhere.example', code=None)
    assert done.returncode == 1 and 'nobody' in done.stderr + done.stdout or 'account' in done.stderr
    assert own.ll('index', 'mend', code=None).returncode == 2


def test_more_runs_than_one_answer_holds(demo, user):
    """Every second message: each hit is a run of its own, 8,192 of them."""
    with imap(demo, user) as session:
        session.ok('CREATE Many')
        for n, flags in enumerate(('(\\Flagged)', '()')):
            text = f'Subject: kind{n}\r\n\r\nx\r\n'.encode()
            session.ok('APPEND Many %s {%d}' % (flags, len(text)), text, '')
        session.ok('SELECT Many')
        for _ in range(13):
            session.ok('COPY 1:* Many')
            session.ok('NOOP')
        for keys in ('FLAGGED', 'SUBJECT kind0', 'BODY x SUBJECT kind0'):
            hits = [line for line in session.ok(f'UID SEARCH {keys}') if line.startswith(b'* SEARCH')][0].split()[2:]
            assert list(map(int, hits)) == list(range(1, 16385, 2)), keys
        session.ok('CLOSE')
        session.ok('DELETE Many')
