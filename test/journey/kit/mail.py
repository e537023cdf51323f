# SPDX-License-Identifier: Apache-2.0
"""Messages to send, and finding them again."""
import hashlib
import itertools
import os
import re

from kit.instance import wait
from kit.wire import imap, mx

numbers = itertools.count(1)
ELSEWHERE = 'sender@elsewhere.example'


def token():
    """A word that stands in no other message of this run."""
    return f'tok{os.getpid()}x{next(numbers)}z'


def message(to='u1@example.test', sender=ELSEWHERE, subject=None, body='Hello.\r\n', fields=''):
    subject = subject or token()
    return (f'From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n'
            f'Date: Sun, 22 Nov 2026 04:00:00 +0000\r\n'
            f'Message-ID: <{subject.split()[-1]}@elsewhere.example>\r\n'
            f'{fields}\r\n{body}')


def deliver(demo, to, data=None, sender=ELSEWHERE, subject=None, **options):
    """Hand a message in at port 25; the subject by which to find it."""
    subject = subject or token()
    to = [to] if isinstance(to, str) else list(to)
    data = data if data is not None else message(to[0], sender, subject, **options)
    with mx(demo) as smtp:
        smtp.envelope(sender, *to)
        reply = smtp.data(data, end=b'.\r\n' if data[-2:] in ('\r\n', b'\r\n') else b'\r\n.\r\n')
        assert reply == 250, reply
        smtp.cmd('QUIT')
    return subject


def mails(demo, account, folder='INBOX'):
    with imap(demo, account) as session:
        session.select(folder)
        return session.bodies() if session.exists else {}


def find(demo, account, word, folder='INBOX', count=1, seconds=5.0):
    """The messages that hold the word, as soon as there are so many."""
    word = word.encode()

    def look():
        found = [m for m in mails(demo, account, folder).values() if word in m]
        return found if len(found) >= count else None
    found = wait(look, seconds, 0.05)
    assert found, f'{word} did not come to {account.user} in {folder}'
    assert len(found) == count, f'{len(found)} copies of {word} for {account.user}'
    return found if count != 1 else found[0]


def absent(demo, account, word, folder='INBOX'):
    return not [m for m in mails(demo, account, folder).values() if word.encode() in m]


def split(data):
    """Header fields as (name, unfolded value), and the body."""
    head, _, body = data.partition(b'\r\n\r\n')
    head = re.sub(rb'\r\n([ \t])', rb'\1', head)
    fields = [tuple(part.decode(errors='replace').strip() for part in line.split(b':', 1))
              for line in head.split(b'\r\n')]
    return fields, body


def values(data, name):
    return [value for key, value in split(data)[0] if key.lower() == name.lower()]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def empty(demo, account, folder='INBOX'):
    with imap(demo, account) as session:
        session.select(folder)
        if session.exists:
            session.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)')
            session.ok('EXPUNGE')
