# SPDX-License-Identifier: Apache-2.0
"""The administrator looks at mailboxes, and brings back what was deleted."""
import pytest

from kit.mail import deliver, mails, message, token
from kit.wire import imap, pop


@pytest.fixture
def three(demo, user):
    """Subjects of three messages in the INBOX of one who had none."""
    subjects = [f'{token()} number {n}' for n in range(3)]
    for subject in subjects:
        deliver(demo, user.user, message(user.user, subject=subject), subject=subject)
    return subjects


def deleted(demo, user, *words):
    return demo.rows('mailbox', 'deleted', user.user, *words)


def undelete(demo, user, *words):
    return demo.rows('mailbox', 'undelete', user.user, *words)[0]['messages']


def test_list_and_show(demo, user, three):
    with imap(demo, user, 'INBOX') as session:
        session.ok('STORE 1 +FLAGS (\\Seen Blue)')
        session.ok('CREATE a/b')
        session.ok('UNSUBSCRIBE Junk')
    rows = {row['name']: row for row in demo.rows('mailbox', 'list', user.user)}
    assert list(rows) == sorted(rows) and {'INBOX', 'Sent', 'a', 'a/b'} <= set(rows)
    assert (rows['INBOX']['messages'], rows['INBOX']['unseen']) == (3, 2)
    assert rows['INBOX']['size'] == sum(map(len, mails(demo, user).values()))
    assert rows['Sent']['use'] == 'sent' and not rows['Junk']['subscribed']
    one = demo.rows('mailbox', 'show', user.user, 'INBOX')[0]
    assert one['keywords'] == ['Blue'] and one['uidnext'] > 3 and one['uidvalidity'] > 0
    assert 'UIDVALIDITY' in demo.ll('mailbox', 'show', user.user, 'INBOX').stdout
    demo.ll('mailbox', 'show', user.user, 'None', code=1)
    demo.ll('mailbox', 'list', 'nobody@example.test', code=1)


def test_a_page_of_mailboxes_is_not_all(demo, user):
    """Pages of 50."""
    with imap(demo, user) as session:
        for n in range(120):
            session.ok(f'CREATE many/{n:03}')
    names = [row['name'] for row in demo.rows('mailbox', 'list', user.user)]
    assert [name for name in names if name.startswith('many/')] == [f'many/{n:03}' for n in range(120)]
    assert demo.rows('mailbox', 'show', user.user, 'many/119')[0]['messages'] == 0
    with imap(demo, user) as session:
        for n in range(120):
            session.ok(f'DELETE many/{n:03}')


def test_expunged_messages(demo, user, three):
    before = mails(demo, user)
    with imap(demo, user, 'INBOX') as session:
        session.ok('STORE 2:3 +FLAGS.SILENT (\\Deleted \\Flagged)')
        session.ok('EXPUNGE')
    rows = deleted(demo, user, '--since', '1m')
    assert [row['subject'] for row in rows] == three[1:]
    assert all(row['mailbox'] == 'INBOX' and row['what'] == 'message' and row['from'] for row in rows)
    assert three[1] in demo.ll('mailbox', 'deleted', user.user).stdout
    with imap(demo, user, 'INBOX') as watching:
        assert undelete(demo, user, 'INBOX', rows[0]['id']) == 1
        assert b'2 EXISTS' in b'\n'.join(watching.ok('NOOP'))
        assert b'\\Flagged' in b''.join(watching.ok('FETCH 2 FLAGS'))
        assert b'\\Deleted' not in b''.join(watching.ok('FETCH 2 FLAGS'))
    assert undelete(demo, user, 'INBOX', rows[0]['id']) == 0
    assert undelete(demo, user, 'INBOX', '--all') == 1
    assert sorted(mails(demo, user).values()) == sorted(before.values())
    assert deleted(demo, user, 'INBOX', '--since', '1m') == []


def test_what_pop3_deleted(demo, user, three):
    with pop(demo, user) as session:
        session.ok('DELE 1')
        session.ok('QUIT')
    assert undelete(demo, user, 'INBOX', '--since', '1m') == 1
    assert len(mails(demo, user)) == 3


def test_what_was_moved_is_not_deleted(demo, user, three):
    with imap(demo, user, 'INBOX') as session:
        session.ok('MOVE 1:3 Archive')
    assert not [row for row in deleted(demo, user) if row['subject'] in three]


def test_a_removed_mailbox(demo, user, three):
    with imap(demo, user, 'INBOX') as session:
        session.ok('CREATE Projects')
        session.ok('COPY 1:3 Projects')
        session.ok('DELETE Projects')
    row = [row for row in deleted(demo, user, 'Projects') if row['what'] == 'mailbox'][-1]
    assert row['messages'] == 3
    assert undelete(demo, user, 'Projects') == 3
    assert len(mails(demo, user, 'Projects')) == 3
    again = demo.ll('mailbox', 'undelete', user.user, 'Projects', code=1)
    assert '--since' in again.stderr
    with imap(demo, user) as session:
        session.ok('DELETE Projects')
        session.ok('CREATE Projects')
    assert '--into' in demo.ll('mailbox', 'undelete', user.user, 'Projects', code=1).stderr
    assert undelete(demo, user, 'Projects', '--into', 'Old/Projects') == 3
    assert len(mails(demo, user, 'Old/Projects')) == 3


def test_hundreds_at_once(demo, user):
    """More than a page, more than a commit."""
    with imap(demo, user, 'Trash') as session:
        text = b'Subject: x\r\n\r\nx\r\n'
        for _ in range(5):
            session.ok('APPEND Trash {%d}' % len(text), text, '')
        session.ok('NOOP')
        for _ in range(6):
            session.ok('COPY 1:* Trash')
        session.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
    rows = [row for row in deleted(demo, user, 'Trash') if row['subject'] == 'x']
    assert len(rows) == 320 and len({row['id'] for row in rows}) == 320
    assert undelete(demo, user, 'Trash', '--since', '5m') == 320
    assert len(mails(demo, user, 'Trash')) == 320


def test_beyond_the_quota(demo, user, three):
    with imap(demo, user, 'INBOX') as session:
        session.ok('STORE 1:3 +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
    demo.ll('account', 'set', user.user, '--quota', '1K')
    try:
        demo.ll('mailbox', 'undelete', user.user, 'INBOX', '--all', code=4)
        assert mails(demo, user) == {}
    finally:
        demo.ll('account', 'set', user.user, '--quota', 'none')
    assert undelete(demo, user, 'INBOX', '--since', '1m') == 3


@pytest.mark.parametrize('words', [
    ['undelete'], ['undelete', 'a@example.test'], ['deleted'], ['deleted', 'x', '--since', 'soon'],
    ['undelete', 'x', 'INBOX', '5'], ['undelete', 'x', 'INBOX', '5.x'], ['undelete', 'x', 'INBOX', '--since', ''],
    ['list', 'x', '--all'], ['show', 'x'], ['what', 'x']])
def test_wrong_words(demo, words):
    assert demo.ll('mailbox', *words, code=2).stderr
