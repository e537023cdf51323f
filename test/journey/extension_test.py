# SPDX-License-Identifier: Apache-2.0
"""Stage 5, read: what IMAP's extensions promise, against the real store."""
import re
import time

import pytest

from kit.mail import token
from kit.wire import imap

MAIL = 'From: <a@elsewhere.example>\r\nSubject: {}\r\n\r\nbody of {}\r\n'


@pytest.fixture
def session(demo, user):
    with imap(demo, user, 'INBOX') as session:
        yield session


@pytest.fixture
def folder(session):
    """A mailbox of this case alone, with two messages, selected."""
    name = token()
    session.ok(f'CREATE {name}')
    for n in (1, 2):
        assert session.append(MAIL.format(n, n), name)[0] == 'OK'
    session.select(name)
    yield name
    session.cmd('UNSELECT')
    session.cmd(f'DELETE {name}')


def test_ages_and_the_day_of_arrival(session, folder):
    session.ok(f'COPY 1 {folder}')
    assert session.ok('SEARCH YOUNGER 600') == [b'* SEARCH 1 2 3']
    assert session.ok('SEARCH OLDER 600') == [b'* SEARCH']
    today = time.strftime('%d-%b-%Y', time.gmtime())
    assert session.ok(f'SEARCH OR SAVEDON {today} SAVEDBEFORE {today}') == [b'* SEARCH 1 2 3']
    assert session.ok('SEARCH SAVEDBEFORE 1-Jan-2020') == [b'* SEARCH']
    line, = session.ok('FETCH 3 (SAVEDATE)')
    assert re.match(rb'\* 3 FETCH \(SAVEDATE "[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d \+0000"\)$', line)


def test_names_that_no_rename_changes(session, folder):
    def status(name):
        line, = session.ok(f'STATUS {name} (MAILBOXID)')
        return re.search(rb'MAILBOXID \((F\d+)\)', line).group(1)

    session.ok(f'COPY 1 {folder}')
    lines = session.ok('FETCH 1:3 (EMAILID THREADID)')
    ids = [re.search(rb'EMAILID \((M[0-9a-f]{32})\) THREADID NIL', line).group(1).decode()
           for line in lines if b'FETCH' in line]
    assert ids[0] == ids[2] != ids[1]
    assert session.ok(f'SEARCH EMAILID {ids[0]}') == [b'* SEARCH 1 3']
    before = status(folder)
    session.ok(f'RENAME {folder} {folder}-b')
    assert status(f'{folder}-b') == before
    made = session.cmd(f'CREATE {folder} (USE (\\Important))')
    assert made[0] == 'NO' and made[1].startswith('[USEATTR]')
    assert session.cmd(f'CREATE {folder}')[1].startswith('[MAILBOXID (F')
    assert status(folder) != before
    session.ok('UNSELECT')
    session.ok(f'DELETE {folder}-b')
