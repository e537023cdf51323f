# SPDX-License-Identifier: Apache-2.0
"""Several sessions on one mailbox against a model: the same UIDs, flags and counts in all.

Sessions take turns at random commands.  What each was told is kept as a client keeps it, by
sequence numbers or by VANISHED; expunges may come only where they are allowed (RFC 3501
7.4.1), and whenever a session has been told everything, its copy is the model.  LL_AGREE=n
makes n steps of each seed.
"""
import os
import random
import re

import pytest

from kit.mail import token
from kit.wire import imap

STEPS = int(os.environ.get('LL_AGREE', '500'))
SEEDS = [int(word) for word in os.environ.get('LL_AGREE_SEEDS', '1 2').split()]
FLAGS = ('\\Seen', '\\Flagged', '\\Answered', '\\Deleted', '\\Draft', '$Work')
MOST = 60  # messages; then some go
# While one of these runs by number nothing may be expunged.
KEEPS = ('FETCH', 'STORE', 'SEARCH', 'SORT', 'THREAD')


class Model:
    def __init__(self):
        self.mails = {}  # UID -> flags

    def set(self, uids, how, flags):
        for uid in uids:
            if uid in self.mails:
                old = self.mails[uid]
                self.mails[uid] = flags if how == '' else old | flags if how == '+' else old - flags


class Told:
    """A session and what it was told."""

    def __init__(self, demo, user, folder, kind):
        self.demo, self.user, self.folder, self.kind = demo, user, folder, kind
        self.connect()

    def connect(self):
        self.session = imap(self.demo, self.user)
        self.by_uid = self.kind == 'qresync'
        if self.by_uid:
            self.session.ok('ENABLE QRESYNC')
        self.select()

    def select(self):
        self.view = []  # [UID or None, flags or None]
        for line in self.session.ok(f'SELECT {self.folder}'):
            exists = re.match(rb'\* (\d+) EXISTS', line)
            if exists:
                self.view = [[None, None] for _ in range(int(exists.group(1)))]
        self.learn()

    def learn(self):
        """Who the new ones are."""
        if self.view:
            self.cmd('FETCH 1:* (UID FLAGS)')

    def hear(self, line, may_expunge):
        match = re.match(rb'\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)', line, re.S)
        gone = re.match(rb'\* VANISHED (\(EARLIER\) )?(\S+)', line)
        if gone:
            assert self.by_uid and may_expunge and not gone.group(1), line
            uids = set(numbers(gone.group(2).decode()))
            assert uids <= set(self.uids()), (line, self.view)
            self.view = [mail for mail in self.view if mail[0] not in uids]
        elif match and match.group(2) == b'EXISTS':
            count = int(match.group(1))
            assert count >= len(self.view), (line, len(self.view))
            self.view += [[None, None] for _ in range(count - len(self.view))]
        elif match and match.group(2) == b'EXPUNGE':
            assert may_expunge and not self.by_uid, line
            assert 1 <= int(match.group(1)) <= len(self.view), (line, len(self.view))
            del self.view[int(match.group(1)) - 1]
        elif match:
            assert 1 <= int(match.group(1)) <= len(self.view), (line, len(self.view))
            mail = self.view[int(match.group(1)) - 1]
            uid = re.search(rb'UID (\d+)', match.group(3))
            flags = re.search(rb'FLAGS \(([^)]*)\)', match.group(3))
            if uid:
                assert mail[0] in (None, int(uid.group(1))), (line, mail)
                mail[0] = int(uid.group(1))
            if flags:
                mail[1] = frozenset(flags.group(1).decode().split()) - {'\\Recent'}

    def cmd(self, text, *literals):
        """(status, the rest, untagged lines), which were heard."""
        status, rest, lines = self.session.cmd(text, *literals)
        may_expunge = not text.startswith(KEEPS)
        for line in lines:
            self.hear(line, may_expunge)
        # Who is told by UIDs has to know them.
        if self.by_uid and not text.startswith('FETCH 1:*') and None in self.uids():
            self.learn()
        return status, rest, lines

    def ok(self, text):
        status, rest, lines = self.cmd(text)
        assert status == 'OK', (text, status, rest)
        return lines

    def uids(self):
        return [mail[0] for mail in self.view]

    def agree(self, model):
        """All that happened is told; what was not named yet is asked for."""
        self.ok('NOOP')
        if any(None in mail for mail in self.view):
            self.learn()
        told = {uid: flags for uid, flags in self.view}
        assert list(told) == sorted(told) and told == model.mails, (self.kind, self.view, model.mails)


class Storm:
    def __init__(self, demo, user, folder, other, seed):
        self.dice, self.model, self.folder, self.other = random.Random(seed), Model(), folder, other
        self.sessions = [Told(demo, user, folder, kind) for kind in ('plain', 'qresync', 'plain', 'qresync')]
        self.names = [name for name in dir(self) if name.startswith('do_')]

    def some(self, told):
        """UIDs and the words of a command for them: by UID or by number."""
        known = [(number, uid) for number, uid in enumerate(told.uids(), 1) if uid is not None]
        if not known:
            return [], '', ''
        chosen = sorted(self.dice.sample(known, self.dice.randint(1, min(4, len(known)))))
        by_uid = self.dice.random() < 0.5
        return [uid for _, uid in chosen], 'UID ' if by_uid else '', ','.join(str(each[by_uid]) for each in chosen)

    def flags(self):
        return frozenset(self.dice.sample(FLAGS, self.dice.randint(0, 2)))

    def do_append(self, told):
        for _ in range(self.dice.randint(1, 3)):
            flags, data = self.flags(), f'Subject: {self.dice.randrange(99)}\r\n\r\n{"x" * self.dice.randrange(99)}\r\n'
            status, text, _ = told.cmd(f'APPEND {self.folder} ({" ".join(flags)}) {{{len(data)}}}', data, '')
            assert status == 'OK', text
            self.model.mails[int(re.search(r'APPENDUID \d+ (\d+)', text).group(1))] = flags

    def do_store(self, told):
        uids, prefix, words = self.some(told)
        if uids:
            flags, how = self.flags(), self.dice.choice(('', '+', '-'))
            silent = self.dice.choice(('', '.SILENT'))
            status, text, _ = told.cmd(f'{prefix}STORE {words} {how}FLAGS{silent} ({" ".join(flags)})')
            assert status == 'OK' or not set(uids) <= self.model.mails.keys(), text
            self.model.set(uids, how, flags)
            if silent:  # what the client did itself it knows
                for mail in told.view:
                    if mail[0] in uids and mail[1] is not None:
                        mail[1] = self.model.mails.get(mail[0], mail[1])

    do_store_again = do_store

    def do_read(self, told):
        uids, prefix, words = self.some(told)
        if uids:
            status, text, _ = told.cmd(f'{prefix}FETCH {words} (BODY[TEXT])')
            assert status == 'OK' or not set(uids) <= self.model.mails.keys(), text
            self.model.set(uids, '+', {'\\Seen'})

    def do_expunge(self, told):
        if len(self.model.mails) < MOST and self.dice.random() < 0.5:
            return
        told.ok('EXPUNGE')
        self.model.mails = {uid: flags for uid, flags in self.model.mails.items() if '\\Deleted' not in flags}

    def do_uid_expunge(self, told):
        uids, _, _ = self.some(told)
        if uids:
            told.ok(f'UID EXPUNGE {",".join(map(str, uids))}')
            for uid in uids:
                if '\\Deleted' in self.model.mails.get(uid, ()):
                    del self.model.mails[uid]

    def do_copy(self, told):
        uids, prefix, words = self.some(told)
        if uids and len(self.model.mails) < MOST:
            before = dict(self.model.mails)
            status, text, _ = told.cmd(f'{prefix}COPY {words} {self.folder}')
            pairs = re.search(r'COPYUID \d+ (\S+) (\S+)\]', text) if status == 'OK' else None
            assert pairs or not set(uids) <= before.keys(), (status, text)
            if pairs:
                for old, new in zip(*map(numbers, pairs.groups())):
                    self.model.mails[new] = before[old]

    def do_move(self, told):
        uids, prefix, words = self.some(told)
        if uids and len(self.model.mails) > 10:
            status, text, lines = told.cmd(f'{prefix}MOVE {words} {self.other}')
            assert status == 'OK' or not set(uids) <= self.model.mails.keys(), text
            pairs = re.search(rb'COPYUID \d+ (\S+) ', b'\n'.join(lines))
            for uid in numbers(pairs.group(1).decode()) if pairs else ():
                del self.model.mails[uid]

    def do_search(self, told):
        flag = self.dice.choice((('SEEN', '\\Seen'), ('DELETED', '\\Deleted'), ('KEYWORD $Work', '$Work')))
        known = set(told.uids())
        line = [line for line in told.ok(f'UID SEARCH {flag[0]}') if line.startswith(b'* SEARCH')][0]
        found, want = set(map(int, line.split()[2:])), {uid for uid, flags in self.model.mails.items() if flag[1] in flags}
        # New messages are told of before the answer, or behind it.
        assert want & known <= found <= want, (line, want)

    def do_sort(self, told):
        order = [line for line in told.ok('SORT (SIZE) UTF-8 ALL') if line.startswith(b'* SORT')][0].split()[2:]
        # Those that are gone, and not yet told to be, may be missing; none comes twice.
        assert len(set(order)) == len(order) and all(1 <= int(word) <= len(told.view) for word in order)

    def do_status(self, told):
        line = [line for line in told.ok(f'STATUS {self.folder} (MESSAGES UNSEEN UIDNEXT)')
                if line.startswith(b'* STATUS')][0]
        mails = self.model.mails
        count, unseen, next_uid = (int(re.search(rb'%s (\d+)' % word, line).group(1))
                                   for word in (b'MESSAGES', b'UNSEEN', b'UIDNEXT'))
        assert count == len(mails) and unseen == sum('\\Seen' not in flags for flags in mails.values()), (line, mails)
        assert next_uid > max(mails, default=0), (line, mails)

    def do_noop(self, told):
        told.agree(self.model)

    def do_idle(self, told):
        """Somebody else changes something while this one idles."""
        other = self.dice.choice([each for each in self.sessions if each is not told])
        tag = told.session.start('IDLE')
        line = told.session.answer()
        while not line.startswith(b'+'):
            told.hear(line, True)
            line = told.session.answer()
        self.dice.choice((self.do_append, self.do_store, self.do_uid_expunge))(other)
        told.session.send(b'DONE\r\n')
        status, text, lines = told.session.finish(tag)
        assert status == 'OK', text
        for line in lines:
            told.hear(line, True)
        told.agree(self.model)

    def do_leave(self, told):
        if self.dice.random() < 0.3:
            told.session.close()
            told.connect()
        elif self.dice.random() < 0.3:
            told.session.ok('UNSELECT')
            told.select()
        told.agree(self.model)

    def run(self, steps):
        for step in range(steps):
            told, name = self.dice.choice(self.sessions), self.dice.choice(self.names)
            try:
                getattr(self, name)(told)
            except AssertionError as error:
                raise AssertionError(f'step {step}, {name} of session {self.sessions.index(told)} ({told.kind})') from error
        for told in self.sessions:
            told.agree(self.model)
            told.session.close()


def numbers(text):
    found = []
    for run in text.split(','):
        first, _, last = run.partition(':')
        found += range(int(first), int(last or first) + 1)
    return found


@pytest.mark.parametrize('seed', SEEDS)
def test_sessions_agree(demo, user, seed):
    folder, other = token(), token()
    with imap(demo, user) as session:
        for name in folder, other:
            session.ok(f'CREATE {name}')
        Storm(demo, user, folder, other, seed).run(STEPS)
        for name in folder, other:
            session.ok(f'DELETE {name}')
