# SPDX-License-Identifier: Apache-2.0
"""Stage 5, read: what a client follows while others change it, and what it finds (RFC 5267, 6203, 7377)."""
import re

import pytest

from kit.mail import token
from kit.wire import imap

MAIL = 'From: <a@elsewhere.example>\r\nSubject: {}\r\n\r\nbody of {}\r\n'


@pytest.fixture
def pair(demo, user):
    """Two sessions on a mailbox of this case alone."""
    name = token()
    with imap(demo, user) as one, imap(demo, user) as other:
        one.ok(f'CREATE {name}')
        for subject in 'mya':
            assert one.append(MAIL.format(subject, subject), name)[0] == 'OK'
        one.select(name)
        other.select(name)
        yield one, other, name
        one.cmd('UNSELECT')
        one.cmd(f'DELETE {name}')


def follow(order, line):
    """A client's list, as ADDTO and REMOVEFROM with positions change it."""
    for what, pairs in re.findall(rb'(ADDTO|REMOVEFROM) \(([\d ]+)\)', line):
        numbers = [int(n) for n in pairs.split()]
        for at, uid in zip(numbers[::2], numbers[1::2]):
            if at == 0:
                continue  # no order: of a SEARCH
            if what == b'ADDTO':
                order.insert(at - 1, uid)
            else:
                assert order.pop(at - 1) == uid


def test_results_are_kept_up_to_date(pair):
    one, other, name = pair
    assert one.ok('UID SEARCH RETURN (UPDATE COUNT) SUBJECT new')[0].endswith(b'UID COUNT 0')
    assert one.ok('UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 NOT DELETED')[0].endswith(b'ALL 3,1:2')
    tags = re.findall(rb'TAG "(\w+)"', b' '.join(one.ok('UID SEARCH RETURN (UPDATE COUNT) KEYWORD $Never')))
    order = [3, 1, 2]
    one.send('i IDLE\r\n')
    assert one.line().startswith(b'+')
    assert other.append(MAIL.format('new', 'x'), name)[0] == 'OK'
    lines = []
    while b'ADDTO (3 4)' not in (lines or [b''])[-1]:
        lines.append(one.line())
    assert b'* 4 EXISTS' in lines[0] and any(line.endswith(b'UID ADDTO (0 4)') for line in lines)
    follow(order, lines[-1])
    other.ok('STORE 1 +FLAGS.SILENT (\\Deleted $Never)')
    while b'ADDTO (0 1)' not in lines[-1]:
        lines.append(one.line())
        follow(order, lines[-1])
    other.ok('EXPUNGE')
    while not lines[-1].endswith(b' EXPUNGE'):
        lines.append(one.line())
    assert lines[-2].endswith(b'(TAG "' + tags[0] + b'") UID REMOVEFROM (0 1)')
    one.send('DONE\r\n')
    one.finish(b'i')
    assert order == [3, 4, 2]
    assert one.ok('UID SORT (SUBJECT) UTF-8 NOT DELETED') == [b'* SORT 3 4 2']
    one.ok(f'CANCELUPDATE "{tags[0].decode()}"')
    one.ok('STORE 1 FLAGS.SILENT ($Never)')
    other.ok('NOOP')


def test_a_search_in_several_mailboxes(demo, user, pair):
    one, _, name = pair
    one.ok(f'CREATE {name}/a')
    one.ok(f'CREATE {name}/a/b')
    assert one.append(MAIL.format('needle', 'hay'), f'{name}/a/b', extra=' ($Pin)')[0] == 'OK'
    assert one.append(MAIL.format('needle', 'hay'), f'{name}/a')[0] == 'OK'

    def found(text):
        lines = one.ok(text)
        return [(re.search(rb'MAILBOX "?([^" ]+)"?', line).group(1).decode().removeprefix(name),
                 line.split(b') ')[1]) for line in lines if line.startswith(b'* ESEARCH')]

    assert found(f'ESEARCH IN (subtree {name}) SUBJECT needle') == [('/a', b'UID ALL 1'), ('/a/b', b'UID ALL 1')]
    assert found(f'ESEARCH IN (subtree-one {name}) RETURN (COUNT) SUBJECT needle') == [('/a', b'UID COUNT 1')]
    assert found(f'ESEARCH IN (personal) KEYWORD $Pin SUBJECT needle') == [('/a/b', b'UID ALL 1')]
    assert found(f'ESEARCH IN (selected mailboxes ({name}/a nowhere)) RETURN (MAX) ALL') == [('', b'UID MAX 3'), ('/a', b'UID MAX 1')]
    assert found('ESEARCH 2:3') == [('', b'UID ALL 2:3')]
    validity = re.search(rb'UIDVALIDITY (\d+)', one.ok(f'STATUS {name}/a (UIDVALIDITY)')[0]).group(1)
    line, = one.ok(f'ESEARCH IN (mailboxes {name}/a) ALL')
    assert b'UIDVALIDITY ' + validity + b')' in line
    with imap(demo, user) as other:
        assert other.ok(f'ESEARCH IN (mailboxes {name}) RETURN (COUNT) ALL')[0].endswith(b'COUNT 3')
        assert other.cmd('ESEARCH ALL')[0] == 'BAD'
    one.ok('NOOP')
    one.ok(f'DELETE {name}/a/b')
    one.ok(f'DELETE {name}/a')


def test_inexact(pair):
    one, _, name = pair
    for text in ('all invoices are paid', 'the invoicing is of paid bills', 'paid invoices', 'nothing'):
        assert one.append(f'Subject: {text}\r\n\r\n{text}\r\n', name)[0] == 'OK'
    one.ok('NOOP')
    for key in ('BODY', 'SUBJECT', 'TEXT'):
        assert one.ok(f'UID SEARCH {key} "paid invoices"') == [b'* SEARCH 6']
        line, = one.ok(f'UID SEARCH RETURN (RELEVANCY ALL) FUZZY {key} "paid invoices"')
        assert line.endswith(b'UID ALL 4:6 RELEVANCY (70 40 100)')
        assert one.ok(f'UID SORT (RELEVANCY) UTF-8 FUZZY {key} "paid invoices"') == [b'* SORT 6 4 5']
    line, = one.ok('ESEARCH IN (selected personal) RETURN (RELEVANCY COUNT) FUZZY TEXT "bill"')
    assert line.endswith(b'UID COUNT 1 RELEVANCY (100)')


def test_one_comparator_everywhere(pair):
    one, _, name = pair
    for subject in ('=?utf-8?q?=C3=84pfel?=', 'b', '=?iso-8859-1?q?=E4PFEL?=', 'Re: =?utf-8?q?A=CC=88pfel?='):
        mail = f'Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\N{LATIN SMALL LETTER A WITH DIAERESIS}pfel \N{GREEK SMALL LETTER OMEGA}\r\n'
        assert one.append(mail.encode(), name)[0] == 'OK'
    one.ok('NOOP')

    def ask(command):
        text = '\N{LATIN CAPITAL LETTER A WITH DIAERESIS}PFEL'.encode()
        return one.ok(command.encode() + b' {%d+}\r\n' % len(text) + text)

    assert ask('UID SEARCH CHARSET UTF-8 SUBJECT') == [b'* SEARCH 4 6 7']
    assert ask('UID SEARCH CHARSET UTF-8 BODY') == [b'* SEARCH 4 5 6 7']
    assert one.ok('UID SORT (SUBJECT ARRIVAL) UTF-8 UID 4:7') == [b'* SORT 4 6 7 5']
    thread, = one.ok('UID THREAD ORDEREDSUBJECT UTF-8 UID 4:7')
    assert b'(5)' in thread and b'(4 (6)(7))' in thread


def untagged(session, want):
    """Lines that come by themselves, up to one that ends so."""
    lines = []
    while not lines or not lines[-1].endswith(want):
        lines.append(session.line())
    return lines


def test_what_happens_is_told(demo, user, pair):
    """NOTIFY: two sessions of one account; one of them never asks."""
    one, other, name = pair
    one.ok('UNSELECT')
    other.ok(f'CREATE {name}/a')
    lines = one.ok(f'NOTIFY SET STATUS (subtree {name} (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))'
                   ' (personal (MailboxName))')
    assert len(lines) == 2 and all(re.match(rb'\* STATUS "[^"]+" \(MESSAGES \d UIDNEXT \d UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)$', line) for line in lines)
    assert other.append(MAIL.format('x', 'x'), f'{name}/a')[0] == 'OK'
    line, = untagged(one, b')')
    assert line.startswith(f'* STATUS "{name}/a" (MESSAGES 1 UIDNEXT 2 '.encode())
    other.ok('STORE 1 +FLAGS.SILENT (\\Flagged)')
    assert untagged(one, b')')[0].startswith(f'* STATUS "{name}" (MESSAGES 3 UIDNEXT 4 '.encode())
    other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
    untagged(one, b')')
    other.ok('EXPUNGE')
    assert untagged(one, b')')[0].startswith(f'* STATUS "{name}" (MESSAGES 2 UIDNEXT 4 '.encode())
    other.ok(f'CREATE {name}/b')
    assert untagged(one, f'"{name}/b"'.encode()) == [f'* LIST (\\HasNoChildren) "/" "{name}/b"'.encode()]
    other.ok(f'SUBSCRIBE {name}/b')
    assert untagged(one, f'"{name}/b"'.encode()) == [f'* LIST (\\Subscribed \\HasNoChildren) "/" "{name}/b"'.encode()]
    other.ok(f'RENAME {name}/b {name}/c')
    assert any(f'"{name}/c" ("OLDNAME" ("{name}/b"))'.encode() in line for line in untagged(one, b'))'))
    other.ok(f'DELETE {name}/c')
    assert untagged(one, f'"{name}/c"'.encode())[-1].startswith(b'* LIST (\\NonExistent')
    other.ok(f'CREATE {name}-elsewhere')
    untagged(one, f'"{name}-elsewhere"'.encode())
    assert other.append(MAIL.format('x', 'x'), f'{name}-elsewhere')[0] == 'OK'
    other.ok(f'DELETE {name}-elsewhere')
    assert untagged(one, f'"{name}-elsewhere"'.encode())[-1].startswith(b'* LIST (\\NonExistent')
    # The selected one, and nothing of the others from here on.
    one.select(name)
    one.ok('NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))')
    assert other.append(MAIL.format('news', 'x'), f'{name}/a')[0] == 'OK'
    assert other.append(MAIL.format('news', 'x'), name)[0] == 'OK'
    lines = untagged(one, b')')
    assert lines[0] == b'* 3 EXISTS'
    assert b'FETCH (UID 4 BODY[HEADER.FIELDS (SUBJECT)] {17}' in lines[-4] and lines[-3:] == [b'Subject: news', b'', b')']
    other.ok('UID STORE 4 +FLAGS.SILENT (\\Deleted)')
    assert b'\\Deleted' in untagged(one, b')')[-1]
    other.ok('EXPUNGE')
    assert untagged(one, b'EXPUNGE') == [b'* 3 EXPUNGE']
    one.ok('NOTIFY NONE')
    assert one.cmd('NOTIFY SET (personal (AnnotationChange))')[1].startswith('[BADEVENT (MessageNew ')
    one.ok(f'DELETE {name}/a')
