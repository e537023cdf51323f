# SPDX-License-Identifier: Apache-2.0
"""Examples that the RFCs of IMAP and POP3 publish, replayed against the real server.

A case in published/*.txt is an example with its section: `=` begins it, `+` is what is
there before it (published/README.md), C what the client says, S what has to come of it,
O what somebody else does meanwhile.  Nothing that an example does not say is an error,
but what it denies with `N`.
"""
import pathlib
import re

import pytest

from kit.instance import Instance
from kit.mail import empty
from kit.oracle import check_log
from kit.wire import imap, pop

FOLDER = pathlib.Path(__file__).resolve().parent / 'published'
OWN = {'INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Trash'}


def cases(path):
    """Section -> its lines."""
    found, section = {}, None
    for line in path.read_text().splitlines():
        if line.startswith('= '):
            section = line[2:]
            assert section not in found, section
            found[section] = []
        elif line and not line.startswith('#'):
            found[section].append(line)
    return found


def ordered(line):
    """Flags and attributes stand in any order, names may be quoted."""
    if line.startswith(('* LIST', '* LSUB', '* STATUS', '* QUOTAROOT', '* ACL', '* MYRIGHTS')):
        line = re.sub(r'"([^" ()]+)"', r'\1', line)
    return re.sub(r'(FLAGS|LIST|LSUB) \(([^)]*)\)',
                  lambda m: f'{m.group(1)} (' + ' '.join(sorted(m.group(2).split())) + ')', line)


def pattern(text):
    """... is anything, <n> a number, <n:name> one that later lines name as {name}."""
    text = re.escape(ordered(text))
    text = text.replace(re.escape('...'), '.*').replace('<n>', r'\d+').replace('<w>', r'[^ ()"]+')
    return re.sub(r'<n:(\w+)>', r'(?P<\1>\\d+)', text) + '$'


class Replay:
    """One session as the example has it, a second one for whoever else is there."""

    def __init__(self, session, other):
        self.session, self.other, self.names = session, other, {}
        self.tag, self.heard = None, []

    def said(self, text):
        return re.sub(r'\{(\w+[a-z])\}', lambda m: self.names.get(m.group(1), m.group(0)), text)

    def next(self):
        line = self.session.answer().decode(errors='replace')
        assert not re.match(r'\S+ BAD', line) or self.bad_is_meant, line
        self.heard.append(ordered(line))

    def client(self, text):
        self.heard.clear()
        words = text.split(' ', 1)
        self.bad_is_meant = False
        self.session.send(self.said(text).replace('\\r\\n', '\r\n') + '\r\n')
        self.tag = words[0]

    def server(self, text):
        """It comes, now or before, once."""
        want = re.compile(pattern(self.said(text)), re.I | re.S)
        self.bad_is_meant |= ' BAD' in text
        at = 0
        while True:
            while at == len(self.heard):
                assert not self.ended(), f'{text!r} did not come, but {self.heard}'
                self.next()
            found = want.match(self.heard[at])
            if found:
                self.names.update(found.groupdict())
                self.end = self.heard.pop(at).startswith(self.tag + ' ')
                return
            at += 1

    def ended(self):
        return any(line.startswith(self.tag + ' ') for line in self.heard)

    def never(self, text):
        assert not [line for line in self.heard if re.match(pattern(text), line)], self.heard

    def run(self, lines):
        for line in lines:
            kind, _, text = line.partition(' ')
            {'C': self.client, 'S': self.server, 'N': self.never, 'O': self.other_says}[kind](text)

    def other_says(self, text):
        self.other.ok(self.said(text))


def mail(subject, fields=''):
    return f'From: <a@elsewhere.example>\r\nSubject: {subject}\r\n{fields}\r\nbody {subject}\r\n'.encode()


def prepare(session, line):
    """`mail BOX N [FLAGS NUMBERS]...`, `letter BOX FILE`, `select BOX`, or a command."""
    kind, _, rest = line.partition(' ')
    if kind == 'mail':
        words = rest.split()
        box, count, marks = words[0], int(words[1]), words[2:]
        session.cmd(f'CREATE {box}')
        for first in range(1, count + 1, 100):
            many = [b'{%d+}\r\n' % len(data) + data for data in
                    (mail(n) for n in range(first, min(first + 100, count + 1)))]
            assert session.cmd(f'APPEND {box} '.encode() + b' '.join(many))[0] == 'OK'
        session.select(box)
        for flags, numbers in zip(marks[::2], marks[1::2]):
            session.ok(f'STORE {numbers} +FLAGS.SILENT ({flags.replace(",", " ")})')
        session.ok('UNSELECT')
    elif kind == 'letter':
        box, _, name = rest.partition(' ')
        session.cmd(f'CREATE {box}')
        data = (FOLDER / name).read_bytes().replace(b'\n', b'\r\n')
        assert session.append(data, box)[0] == 'OK'
    elif kind == 'fields':
        box, _, fields = rest.partition(' ')
        session.cmd(f'CREATE {box}')
        subject, _, fields = fields.partition(' ')
        assert session.append(mail(subject, fields.replace('|', '\r\n') + '\r\n'), box)[0] == 'OK'
    elif kind == 'select':
        session.select(rest)
    else:
        session.ok(line)


def clean(demo, account):
    with imap(demo, account) as session:
        names = [re.search(rb'\) "/" (.*)$', line).group(1).decode() for line in session.ok('LIST "" "*"')]
        for name in sorted((name.strip('"') for name in names), key=len, reverse=True):
            if name not in OWN:
                session.cmd(f'DELETE "{name}"')
        for line in session.ok('LSUB "" "*"'):
            session.ok('UNSUBSCRIBE ' + re.search(rb'\) "/" (.*)$', line).group(1).decode())
    for name in OWN:
        empty(demo, account, name)


@pytest.fixture(scope='module')
def server():
    instance = Instance(users=1)
    try:
        yield instance.start()
        instance.stop()
        check_log(instance)
    finally:
        instance.clean()


@pytest.mark.parametrize('path', sorted(FOLDER.glob('*.txt')), ids=lambda path: path.stem)
def test_examples(server, path):
    account, wrong = server.account('u1'), []
    for section, lines in cases(path).items():
        clean(server, account)
        before = [line[2:] for line in lines if line.startswith('+ ')]
        talk = [line for line in lines if not line.startswith('+ ')]
        try:
            (replay_pop if path.stem.startswith('pop3') else replay)(server, account, before, talk)
        except (AssertionError, EOFError, OSError) as error:
            wrong.append(f'{path.stem} {section}: {type(error).__name__} {error}')
    assert not wrong, '\n'.join(wrong)


def replay(demo, user, before, talk):
    with imap(demo, user) as other, imap(demo, user) as session:
        for line in before:
            prepare(session if line.startswith('select') else other, line)
        Replay(session, other).run(talk)


def replay_pop(demo, user, before, talk):
    with imap(demo, user) as other:
        for line in before:
            prepare(other, line)
    with pop(demo, user) as session:
        for line in talk:
            kind, _, text = line.partition(' ')
            if kind == 'C':
                session.send(text + '\r\n')
            else:
                got = session.line().decode()
                while kind == 'S' and text == '.' and got != '.':
                    got = session.line().decode()
                assert re.match(pattern(text), got), (text, got)
