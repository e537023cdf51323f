# SPDX-License-Identifier: Apache-2.0
"""The administrator looks at mailboxes, and brings back what was deleted."""
import mailbox

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


# ---- export ----

ODD = b'Subject: odd\r\n\r\nFrom here\r\n>From there\r\n.dot\r\nno end'


@pytest.fixture
def varied(demo, user):
    """Flags, keywords, names that are no file names, mail of which a copy would be easy to spoil."""
    text = b'Subject: plain\r\n\r\n' + b'x' * 70000 + b'\r\n'
    with imap(demo, user) as session:
        for name in ('.hidden', 'a', 'a/b.c', 'Entw&APw-rfe'):
            session.ok(f'CREATE "{name}"')
        session.ok('APPEND INBOX (\\Seen \\Flagged Blue $Forwarded) "01-Feb-2024 03:04:05 +0000" {%d}' % len(ODD), ODD, '')
        session.ok('APPEND INBOX (\\Draft) {%d}' % len(text), text, '')
        session.ok('APPEND a/b.c (\\Answered) {%d}' % len(ODD), ODD, '')
        session.ok('APPEND .hidden {%d}' % len(ODD), ODD, '')
    return ODD, text


def export(demo, user, folder, *words):
    return demo.rows('mailbox', 'export', user.user, *words, '--to', str(folder))[0]


def test_export_as_maildir(demo, user, varied, tmp_path):
    row = export(demo, user, tmp_path / 'out')
    assert row['messages'] == 4 and row['format'] == 'maildir' and row['keywords_left_out'] == 0
    box = mailbox.Maildir(tmp_path / 'out', create=False)
    assert set(box.list_folders()) == {'Archive', 'Drafts', 'Junk', 'Sent', 'Trash', 'a', 'a.b_c', '_hidden', 'Entwürfe'}
    found = {box.get_message(key).get_flags(): box.get_bytes(key) for key in box.keys()}
    assert found == {'FSab': varied[0], 'D': varied[1]}
    key = [key for key in box.keys() if 'S' in box.get_message(key).get_flags()][0]
    assert key.startswith('1706756645.') and f'S={len(ODD)}' in key
    assert (tmp_path / 'out/dovecot-keywords').read_text().split() == ['0', '$Forwarded', '1', 'Blue'] or \
        (tmp_path / 'out/dovecot-keywords').read_text().split() == ['0', 'Blue', '1', '$Forwarded']
    nested = box.get_folder('a.b_c')
    assert [m.get_flags() for m in nested] == ['R'] and len(list(box.get_folder('_hidden'))) == 1
    assert not list((tmp_path / 'out').rglob('*.part'))


def test_export_as_mbox(demo, user, varied, tmp_path):
    export(demo, user, tmp_path, '--format', 'mbox')
    assert {p.name for p in tmp_path.iterdir()} >= {'INBOX.mbox', '_hidden.mbox', 'a.b_c.mbox', 'Entwürfe.mbox'}
    one, two = list(mailbox.mbox(tmp_path / 'INBOX.mbox'))
    assert (one['Status'], one['X-Status'], sorted(one['X-Keywords'].split())) == ('RO', 'F', ['$Forwarded', 'Blue'])
    assert one.get_from() == 'MAILER-DAEMON Thu Feb  1 03:04:05 2024'
    assert one.get_payload() == '>From here\n>>From there\n.dot\nno end\n'
    assert two.get_payload() == 'x' * 70000 + '\n' and two['X-Status'] == 'T'


def test_export_as_eml(demo, user, varied, tmp_path):
    row = export(demo, user, tmp_path, 'INBOX', '--format', 'eml')
    assert (row['mailboxes'], row['messages']) == (1, 2)
    uids = sorted(mails(demo, user))
    assert [(tmp_path / f'INBOX/{uid}.eml').read_bytes() for uid in uids] == list(varied)
    again = demo.ll('mailbox', 'export', user.user, '--to', str(tmp_path), '--format', 'eml', code=1)
    assert 'new folder' in again.stderr


@pytest.mark.parametrize('how, names', [
    ('maildir', {'.a_b', '.a_b~2'}), ('mbox', {'a_b.mbox', 'a_b~2.mbox'}), ('eml', {'a_b', 'a_b~2'})])
def test_export_of_names_that_become_one(demo, user, tmp_path, how, names):
    with imap(demo, user) as session:
        for name in ('a.b', 'a_b'):
            session.cmd(f'CREATE "{name}"')
    export(demo, user, tmp_path / 'out', '--format', how)
    assert names <= {path.name for path in (tmp_path / 'out').iterdir()}
    with imap(demo, user) as session:
        for name in ('a.b', 'a_b'):
            session.ok(f'DELETE "{name}"')


@pytest.mark.parametrize('how', ['maildir', 'mbox', 'eml'])
def test_export_stays_in_its_folder(demo, user, tmp_path, how):
    """Whatever a user calls a mailbox: nothing is written beside what was named."""
    names = ['..', '.', '../../outside', 'a/../../outside', '-rf', '*x', 'con', '~', 'x' * 200, '&AC8-etc&AC8-x', 'a\\\\b']
    made = []
    with imap(demo, user) as session:
        for name in names:
            if session.cmd(f'CREATE "{name}"')[0] == 'OK':
                made.append(name)
                assert session.cmd('APPEND "%s" {%d}' % (name, len(ODD)), ODD, '')[0] == 'OK', name
    assert '-rf' in made and len(made) > 3, made
    target = tmp_path / 'in' / 'out'
    target.parent.mkdir()
    export(demo, user, target, '--format', how)
    assert [path.name for path in tmp_path.iterdir()] == ['in']
    assert [path.name for path in target.parent.iterdir()] == ['out']
    assert not [path for path in target.rglob('*') if path.is_symlink() or target not in path.resolve().parents]
    with imap(demo, user) as session:
        for name in reversed(made):
            session.ok(f'DELETE "{name}"')


def test_export_has_all_of_it(demo, user, tmp_path):
    """More than a run of the keeper takes: 32 MiB."""
    text = b'Subject: big\r\n\r\n' + b'y' * 6_000_000 + b'\r\n'
    with imap(demo, user) as session:
        for n in range(7):
            session.ok('APPEND Archive {%d}' % len(text), text, '')
    export(demo, user, tmp_path, 'Archive', '--format', 'mbox')
    assert [len(m.get_payload()) for m in mailbox.mbox(tmp_path / 'Archive.mbox')] == [6_000_001] * 7


def test_export_of_what_is_not_there(demo, user, tmp_path):
    assert 'no mailbox' in demo.ll('mailbox', 'export', user.user, 'None', '--to', str(tmp_path), code=1).stderr
    assert 'nobody' in demo.ll('mailbox', 'export', 'nobody@example.test', '--to', str(tmp_path), code=1).stderr
    for words in ([], [user.user], [user.user, '--to', str(tmp_path), '--format', 'zip'], ['a', 'b', 'c', '--to', 'x']):
        demo.ll('mailbox', 'export', *words, code=2)


def test_export_of_a_store_at_rest(own, tmp_path):
    """Also after a kill: what was acknowledged is there."""
    subjects = [deliver(own, own.alice.user) for _ in range(3)]
    own.kill()
    row = export(own, own.alice, tmp_path / 'out', 'INBOX', '--format', 'mbox')
    assert row['messages'] == len(subjects)
    own.start()
    assert len(mails(own, own.alice)) == len(subjects)
