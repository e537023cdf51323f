# SPDX-License-Identifier: Apache-2.0
"""Stage 5, read, by IMAP: every command against the real store."""
import imaplib
import re
import time

import pytest

from kit.instance import wait
from kit.mail import deliver, message, token
from kit.wire import Imap, imap, literal

FOLDERS = {'Archive': b'\\Archive', 'Drafts': b'\\Drafts', 'Junk': b'\\Junk',
           'Sent': b'\\Sent', 'Trash': b'\\Trash'}
CAPABILITIES = {'IMAP4rev1', 'IMAP4rev2', 'SASL-IR', 'LITERAL-', 'ID', 'ENABLE', 'IDLE', 'NAMESPACE',
                'CHILDREN', 'SPECIAL-USE', 'UNSELECT', 'UIDPLUS', 'MOVE', 'CONDSTORE', 'QRESYNC',
                'ESEARCH', 'SEARCHRES', 'PARTIAL', 'STATUS=SIZE', 'LIST-EXTENDED', 'LIST-STATUS',
                'BINARY', 'PREVIEW', 'QUOTA', 'QUOTA=RES-STORAGE', 'UIDONLY', 'WITHIN',
                'SAVEDATE', 'CREATE-SPECIAL-USE',
                'OBJECTID', 'MULTIAPPEND', 'REPLACE', 'UTF8=ACCEPT',
                'COMPRESS=DEFLATE', 'SORT', 'SORT=DISPLAY', 'ESORT',
                'THREAD=ORDEREDSUBJECT', 'THREAD=REFERENCES', 'THREAD=REFS',
                'UIDBATCHES',
                'UNAUTHENTICATE', 'INPROGRESS'}


@pytest.fixture
def session(demo, user):
    with imap(demo, user, 'INBOX') as session:
        yield session


@pytest.fixture
def folder(session):
    """A mailbox of this case alone."""
    name = token()
    session.ok(f'CREATE {name}')
    yield name
    session.cmd(f'DELETE {name}')


def fill(session, name, count, flags=''):
    for n in range(count):
        status, text, _ = session.append(
            f'Subject: number {n}\r\nFrom: <n{n}@elsewhere.example>\r\n\r\nbody {n}\r\n', name, flags)
        assert status == 'OK', text
    session.select(name)


def fetched(untagged):
    return [line for line in untagged if re.match(rb'\* \d+ FETCH', line)]


# ---- any state ----

def test_greeting_capability_noop_id_logout(demo, user):
    with Imap(demo, 'imaps') as session:
        assert session.greeting.startswith(b'* OK [CAPABILITY IMAP4rev1')
        assert {'IMAP4rev1', 'SASL-IR', 'AUTH=PLAIN'} <= set(session.capability())
        session.login(user)
        assert CAPABILITIES <= set(session.capability())
        session.ok('NOOP')
        assert session.ok('ID NIL')[0].startswith(b'* ID ')
        assert session.ok('ID ("name" "test" "version" "1")')[0].startswith(b'* ID ')
        untagged = session.ok('LOGOUT')
        assert untagged[0].startswith(b'* BYE')
        assert session.closes()


def test_new_accounts_have_their_folders(demo, user):
    with imap(demo, user) as session:
        lines = session.ok('LIST "" *')
        names = {re.search(rb'"/" "?([^"]+)"?$', line).group(1).decode(): line for line in lines}
        assert set(FOLDERS) | {'INBOX'} <= set(names)
        for name, use in FOLDERS.items():
            assert use in names[name]
        subscribed = b'\n'.join(session.ok('LSUB "" *'))
        for name in [*FOLDERS, 'INBOX']:
            assert name.encode() in subscribed
        assert session.ok('LIST "" ""')[0].startswith(b'* LIST (\\Noselect) "/"')


def test_namespace_and_enable(session):
    assert session.ok('NAMESPACE') == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL']
    session.ok('ENABLE CONDSTORE X-UNKNOWN')


# ---- mailboxes ----

def test_create_rename_delete_and_hierarchy(session):
    top = token()
    session.ok(f'CREATE {top}/a/b')
    lines = b'\n'.join(session.ok(f'LIST "" {top}*'))
    assert f'{top}/a/b'.encode() in lines and b'\\HasChildren' in lines
    assert session.cmd(f'CREATE {top}/a/b')[1].startswith('[ALREADYEXISTS]')
    session.ok(f'RENAME {top}/a {top}/c')
    lines = b'\n'.join(session.ok(f'LIST "" {top}/%/%'))
    assert f'{top}/c/b'.encode() in lines
    assert session.cmd(f'DELETE {top}/none')[1].startswith('[NONEXISTENT]')
    assert session.cmd('DELETE INBOX')[0] == 'NO'
    for name in ('c/b', 'c'):
        session.ok(f'DELETE {top}/{name}')
    session.cmd(f'DELETE {top}')
    assert not session.ok(f'LIST "" {top}/*')


def test_renaming_inbox_moves_its_messages(demo, user):
    deliver(demo, user.user)
    name = token()
    with imap(demo, user) as session:
        session.ok(f'RENAME INBOX {name}')
        session.select(name)
        assert session.exists == 1
        session.select('INBOX')
        assert session.exists == 0
        session.ok(f'DELETE {name}')


def test_a_deleted_name_comes_back_with_another_validity(session):
    name = token()
    session.ok(f'CREATE {name}')
    fill(session, name, 2)
    first, uidnext = session.validity, session.uidnext
    session.ok('CLOSE')
    session.ok(f'DELETE {name}')
    session.ok(f'CREATE {name}')
    session.select(name)
    assert session.validity != first or session.uidnext >= uidnext
    session.ok(f'DELETE {name}')


def test_subscriptions_outlive_mailboxes(session):
    name = token()
    session.ok(f'CREATE {name}')
    session.ok(f'SUBSCRIBE {name}')
    assert name.encode() in b'\n'.join(session.ok(f'LSUB "" {name}'))
    session.ok(f'UNSUBSCRIBE {name}')
    assert not session.ok(f'LSUB "" {name}')
    session.ok(f'DELETE {name}')


@pytest.mark.parametrize('name', ['../x', '/etc', 'a/../../b', '~user', '.', '..', 'a//b',
                                  '&AAA-', '&x', 'bad*', 'bad%', 'a/', '/', 'x' * 600, 'a/' * 40 + 'a'])
def test_names_of_mailboxes(demo, session, name):
    """134: made under an opaque id, or refused; no path comes of it."""
    status, text, _ = session.cmd(f'CREATE "{name}"')
    assert status in ('OK', 'NO', 'BAD')
    if status == 'OK':
        session.ok('LIST "" *')
        session.ok(f'DELETE "{name.rstrip("/")}"')
        session.cmd('DELETE "a"')


def test_inbox_in_any_case_and_utf7_names(session):
    for name in ('inbox', 'InBoX'):
        session.select(name)
    session.ok('CREATE &U,BTFw-')
    assert b'&U,BTFw-' in b'\n'.join(session.ok('LIST "" *'))
    session.ok('DELETE &U,BTFw-')


def test_patterns_that_blow_up(session):
    """133"""
    begin = time.monotonic()
    session.cmd('LIST "" "' + '*%' * 400 + 'x"')
    session.cmd('LIST "" "' + 'a*' * 400 + 'x"')
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize('command', [
    'SETANNOTATION INBOX "/x" ("value.shared" "y")', 'GETANNOTATION INBOX "/x" "value.shared"'])
def test_extensions_that_are_not_offered_are_refused(demo, session, command):
    """136, 137: neither announced nor half there; the mailbox is as it was."""
    words = set(session.capability())
    assert not words & {'ANNOTATE', 'ANNOTATE-EXPERIMENT-1'}
    before = session.ok('STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)')
    assert session.cmd(command)[0] in ('BAD', 'NO')
    assert session.ok('STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)') == before


def test_status(session, folder):
    fill(session, folder, 3)
    session.ok('STORE 1 +FLAGS (\\Seen)')
    session.ok('CLOSE')
    line = session.ok(f'STATUS {folder} (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)')[0].decode()
    assert 'MESSAGES 3' in line and 'UNSEEN 2' in line and 'UIDNEXT 4' in line


# ---- messages ----

def test_append_flags_dates_and_uids(session, folder):
    status, text, _ = session.append('Subject: x\r\n\r\ny', folder,
                                     ' (\\Seen \\Flagged $Forwarded) "01-Feb-2020 10:11:12 +0100"')
    assert status == 'OK' and re.match(r'\[APPENDUID \d+ 1\]', text), text
    session.select(folder)
    line = session.ok('FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)')[0].decode()
    assert all(flag in line for flag in ('\\Seen', '\\Flagged', '$Forwarded'))
    assert 'INTERNALDATE "01-Feb-2020 10:11:12 +0100"' in line or '09:11:12 +0000' in line
    status, text, _ = session.append('x', token())
    assert status == 'NO' and text.startswith('[TRYCREATE]')


def test_append_of_nothing(session, folder):
    status, text, _ = session.append(b'', folder)
    assert status == 'NO', text


@pytest.mark.parametrize('body', [b'no fields', b'\r\n', b'Subject: x', b'\xff\xfe\r\n'])
def test_append_of_strange_messages(session, folder, body):
    """129"""
    assert session.append(body, folder)[0] == 'OK'
    session.select(folder)
    assert literal(session.ok('FETCH 1 BODY[]')[0]) == body


@pytest.mark.parametrize('extra', [' (\\Bad\\Flag)', ' "32-Foo-2020 00:00:00 +0000"', ' (\\Recent',
                                   ' "1-Feb-2020"'])
def test_append_with_a_bad_argument(session, folder, extra):
    """129: nothing is kept."""
    assert session.append('Subject: x\r\n\r\n', folder, extra)[0] in ('BAD', 'NO')
    session.select(folder)
    assert session.exists == 0


def test_append_with_nul(session, folder):
    assert session.append(b'Subject: x\r\n\r\na\0b', folder)[0] in ('NO', 'BAD')


def test_append_literal_without_asking(session, folder):
    """LITERAL-: up to 4,096 bytes without a round trip."""
    session.send(f'z APPEND {folder} {{4+}}\r\nabcd\r\n')
    assert session.finish(b'z')[0] == 'OK'


def test_a_large_append_comes_back(session, folder):
    body = b'Subject: big\r\n\r\n' + b'0123456789abcdef\r\n' * 100000
    session.sock.settimeout(30)
    assert session.append(body, folder)[0] == 'OK'
    session.select(folder)
    assert literal(session.ok('FETCH 1 BODY.PEEK[]')[0]) == body
    parts = [literal(session.ok(f'FETCH 1 BODY.PEEK[]<{at}.500000>')[0])
             for at in range(0, len(body), 500000)]
    assert b''.join(parts) == body


MULTIPART = (b'From: A <a@x.example>\r\nTo: b@x.example, "C, D" <c@x.example>\r\nCc: g: d@x.example;\r\n'
             b'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n'
             b'Message-ID: <m@x.example>\r\nIn-Reply-To: <n@x.example>\r\nMIME-Version: 1.0\r\n'
             b'Content-Type: multipart/mixed; boundary=q\r\n\r\npreamble\r\n'
             b'--q\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n'
             b'--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n'
             b'--q\r\nContent-Type: image/png; name="x.png"\r\nContent-Transfer-Encoding: base64\r\n'
             b'Content-Disposition: attachment; filename="x.png"\r\n\r\naGVsbG8=\r\n--q--\r\nend\r\n')


def test_every_fetch_item(session, folder):
    session.append(MULTIPART, folder)
    session.select(folder)
    one = lambda what: session.ok(f'FETCH 1 {what}')[0]
    assert b'"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" (("A" NIL "a" "x.example"))' in one('ENVELOPE')
    structure = one('BODYSTRUCTURE')
    assert b'("image" "png" ("name" "x.png")' in structure.lower()
    assert b'"attachment" ("filename" "x.png")' in structure
    assert b'"message" "rfc822"' in one('BODY').lower()
    assert literal(one('BODY.PEEK[]')) == MULTIPART
    assert literal(one('BODY.PEEK[HEADER]')) == MULTIPART[:MULTIPART.index(b'\r\n\r\n') + 4]
    assert literal(one('BODY.PEEK[TEXT]')) == MULTIPART[MULTIPART.index(b'\r\n\r\n') + 4:]
    assert literal(one('BODY.PEEK[1]')) == b'plain'
    assert literal(one('BODY.PEEK[2]')) == b'Subject: inner\r\n\r\ninside'
    assert literal(one('BODY.PEEK[2.HEADER]')) == b'Subject: inner\r\n\r\n'
    assert literal(one('BODY.PEEK[2.TEXT]')) == b'inside'
    assert literal(one('BODY.PEEK[2.1]')) == b'inside'
    assert literal(one('BODY.PEEK[3]')) == b'aGVsbG8='
    assert b'image/png' in literal(one('BODY.PEEK[3.MIME]'))
    assert literal(one('BODY.PEEK[HEADER.FIELDS (subject TO)]')).count(b'\r\n') == 3
    assert b'Subject' not in literal(one('BODY.PEEK[HEADER.FIELDS.NOT (Subject)]'))
    assert literal(one('BODY.PEEK[]<5.4>')) == MULTIPART[5:9]
    for macro in ('ALL', 'FAST', 'FULL'):
        assert b'RFC822.SIZE %d' % len(MULTIPART) in one(macro)
    assert b'\\Seen' not in one('FLAGS')
    assert literal(one('RFC822.HEADER')).startswith(b'From: A')
    assert b'\\Seen' not in one('FLAGS')
    one('RFC822.TEXT')
    assert b'\\Seen' in one('FLAGS')
    assert literal(one('RFC822')) == MULTIPART
    assert b'UID 1' in one('UID')


def test_store_flags_and_keywords(session, folder):
    fill(session, folder, 3)
    assert b'\\Flagged' in session.ok('STORE 1 FLAGS (\\Flagged)')[0]
    assert b'$Label' in session.ok('STORE 1 +FLAGS ($Label)')[0]
    assert not fetched(session.ok('STORE 2:3 +FLAGS.SILENT (\\Answered)'))
    line = session.ok('STORE 1 -FLAGS (\\Flagged)')[0]
    assert b'\\Flagged' not in line and b'$Label' in line
    assert len(fetched(session.ok('UID FETCH 2:3 FLAGS'))) == 2
    assert session.uids('ANSWERED') == [2, 3] and session.uids('KEYWORD $Label') == [1]


def test_expunge_close_and_uid_expunge(session, folder):
    fill(session, folder, 6)
    session.ok('STORE 2,4 +FLAGS.SILENT (\\Deleted)')
    left = [1, 2, 3, 4, 5, 6]
    for line in session.ok('EXPUNGE'):
        if line.endswith(b' EXPUNGE'):
            del left[int(line.split()[1]) - 1]
    assert session.uids() == left == [1, 3, 5, 6]
    session.ok('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
    session.ok('UID EXPUNGE 3')
    assert session.uids() == [1, 5, 6]
    session.ok('UNSELECT')
    session.select(folder)
    assert session.exists == 3, 'UNSELECT expunges nothing'
    session.ok('CLOSE')
    session.select(folder)
    assert session.uids() == [5, 6], 'CLOSE does'
    session.append('Subject: new\r\n\r\n', folder)
    assert session.uids() == [5, 6, 7], 'a UID never comes back'


def test_examine_changes_nothing(session, folder):
    fill(session, folder, 1)
    session.ok(f'EXAMINE {folder}')
    assert '[READ-ONLY]' in session.text
    session.ok('FETCH 1 BODY[]')
    assert session.cmd('STORE 1 +FLAGS (\\Seen)')[0] == 'NO'
    session.ok('CLOSE')
    session.select(folder)
    assert b'\\Seen' not in session.ok('FETCH 1 FLAGS')[0]


def test_copy_and_move(session, folder):
    other = token()
    session.ok(f'CREATE {other}')
    fill(session, folder, 5)
    status, text, _ = session.cmd(f'COPY 1:2 {other}')
    assert status == 'OK' and re.match(r'\[COPYUID \d+ 1:2 1:2\]', text), text
    status, text, untagged = session.cmd(f'UID MOVE 4:5 {other}')
    assert status == 'OK'
    whole = b'\n'.join(untagged).decode() + text
    assert re.search(r'COPYUID \d+ 4:5 3:4', whole) and whole.count('EXPUNGE') == 2
    assert session.uids() == [1, 2, 3]
    status, text, _ = session.cmd(f'COPY 1 {token()}')
    assert status == 'NO' and text.startswith('[TRYCREATE]')
    session.select(other)
    assert session.uids() == [1, 2, 3, 4]
    assert b'body 4' in session.ok('FETCH 4 BODY[TEXT]')[0]
    session.ok('CLOSE')
    session.ok(f'DELETE {other}')


SEARCHES = {
    'ALL': [1, 2, 3], 'SEEN': [2], 'UNSEEN': [1, 3], 'FLAGGED': [2], 'UNFLAGGED': [1, 3],
    'ANSWERED': [], 'UNANSWERED': [1, 2, 3], 'DELETED': [], 'UNDELETED': [1, 2, 3], 'DRAFT': [],
    'UNDRAFT': [1, 2, 3], 'KEYWORD $Work': [2], 'UNKEYWORD $Work': [1, 3], '1:2': [1, 2], '*': [3],
    'UID 2:*': [2, 3], 'NOT 2': [1, 3], 'OR 1 3': [1, 3], '(1:2 2:3)': [2], 'SUBJECT second': [2],
    'SUBJECT SECOND': [2], 'FROM anna': [1], 'TO bert': [1, 2, 3], 'CC dora': [3], 'BCC x': [],
    'BODY elephant': [3], 'TEXT elephant': [3], 'TEXT second': [2], 'HEADER X-Color green': [1],
    'HEADER X-Color ""': [1], 'LARGER 10': [1, 2, 3], 'SMALLER 10': [], 'BEFORE 1-Jan-2021': [1],
    'ON 1-Feb-2020': [1], 'SINCE 1-Jan-2021': [2, 3], 'SENTBEFORE 1-Jan-2000': [2],
    'SENTON 22-Nov-2026': [1], 'SENTSINCE 1-Jan-2026': [1], 'OLD': [], 'NEW': [1, 3],
    'RECENT': [1, 2, 3], 'NOT (OR SEEN SUBJECT third)': [1], 'CHARSET UTF-8 SUBJECT second': [2],
}


@pytest.fixture
def three(session, folder):
    session.append('From: Anna <anna@x.example>\r\nTo: bert@x.example\r\nSubject: first\r\nX-Color: green\r\n'
                   'Date: Sun, 22 Nov 2026 04:00:00 +0000\r\n\r\nnothing\r\n', folder,
                   ' "01-Feb-2020 10:11:12 +0000"')
    session.append('From: b@x.example\r\nTo: bert@x.example\r\nSubject: second\r\n'
                   'Date: Fri, 01 Jan 1999 04:00:00 +0000\r\n\r\nnothing\r\n', folder,
                   ' (\\Seen \\Flagged $Work)')
    session.append('From: c@x.example\r\nTo: bert@x.example\r\nCc: dora@x.example\r\nSubject: third\r\n\r\n'
                   'an elephant\r\n', folder)
    session.select(folder)
    return session


def test_every_search_key(three):
    wrong = {}
    for query, expected in SEARCHES.items():
        found = three.uids(query)
        if found != expected:
            wrong[query] = found
    wrong.pop('RECENT', None), wrong.pop('NEW', None), wrong.pop('OLD', None)  # noqa: E501 who saw them first
    assert not wrong
    assert three.cmd('SEARCH CHARSET X-NONE SUBJECT x')[1].startswith('[BADCHARSET')


def test_deep_and_long_searches(session, folder):
    """132"""
    fill(session, folder, 3)
    begin = time.monotonic()
    session.cmd('SEARCH ' + 'NOT ' * 5000 + 'ALL')
    session.cmd('SEARCH ' + 'OR SEEN ' * 3000 + 'ALL')
    session.cmd('SEARCH ' + '(' * 5000 + 'ALL' + ')' * 5000)
    assert time.monotonic() - begin < 15
    session.ok('NOOP')


# ---- several sessions ----

def test_idle_hears_of_new_mail_within_half_a_second(demo, user, session):
    tag = session.start('IDLE')
    assert session.line().startswith(b'+')
    took = []
    for n in range(1, 6):
        deliver(demo, user.user)
        delivered = time.monotonic()
        while not session.answer() == b'* %d EXISTS' % n:
            pass
        took.append(time.monotonic() - delivered)
    # Others are busy on this machine, but not all of the time.
    assert sorted(took)[1] < 0.5 and max(took) < 5, took
    session.send(b'DONE\r\n')
    assert session.finish(tag)[0] == 'OK'


def test_idle_hears_of_flags_and_of_what_went(demo, user, session):
    deliver(demo, user.user)
    session.select()
    with imap(demo, user, 'INBOX') as other:
        tag = session.start('IDLE')
        assert session.line().startswith(b'+')
        other.ok('STORE 1 +FLAGS (\\Flagged)')
        line = session.answer()
        assert line.startswith(b'* 1 FETCH') and b'\\Flagged' in line
        other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
        other.ok('EXPUNGE')
        while session.answer() != b'* 1 EXPUNGE':
            pass
        session.send(b'DONE\r\n')
        assert session.finish(tag)[0] == 'OK'


def test_another_session_sees_a_change_on_its_next_command(demo, user, session):
    with imap(demo, user, 'INBOX') as other:
        session.append('Subject: x\r\n\r\n')
        assert b'* 1 EXISTS' in other.ok('NOOP')
        session.ok('STORE 1 +FLAGS.SILENT (\\Answered)')
        assert b'\\Answered' in b'\n'.join(other.ok('NOOP'))


def test_no_expunge_during_fetch(demo, user, session):
    for _ in range(3):
        session.append('Subject: x\r\n\r\n')
    session.select()
    with imap(demo, user, 'INBOX') as other:
        other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
        other.ok('EXPUNGE')
    assert not [line for line in session.ok('FETCH 2:3 FLAGS') if b'EXPUNGE' in line]
    assert b'* 1 EXPUNGE' in session.ok('NOOP')


def test_uids_stay(demo, user):
    for _ in range(3):
        deliver(demo, user.user)
    with imap(demo, user, 'INBOX') as session:
        first, validity = session.bodies(), session.validity
    with imap(demo, user, 'INBOX') as session:
        assert session.bodies() == first and session.validity == validity


# ---- hostile clients ----

@pytest.mark.parametrize('word', ['{4294967295}', '{2147483648+}', '{18446744073709551616}', '{-1}',
                                  '{ 5}', '{5}x', '{99999999+}', '{}', '{+}'])
def test_literals_before_login(demo, word):
    """122: never read as commands."""
    with Imap(demo, 'imaps') as session:
        session.send(f'a LOGIN {word}\r\nb NOOP\r\n')
        try:
            line = session.answer()
            assert line.startswith((b'a BAD', b'* BYE', b'* BAD', b'a NO')), line
        except EOFError:
            pass


STATES = ['', 'a', 'a LOGIN ', 'a LOGIN "', 'a LOGIN (', 'a FETCH 1:', 'a FETCH (', 'a SEARCH (OR ',
          'a APPEND INBOX (', 'a STORE 1 FLAGS (\\', 'a LIST "" "']


@pytest.mark.parametrize('start', STATES)
@pytest.mark.parametrize('inside', [False, True])
def test_words_without_end(demo, user, start, inside):
    """125: the same bound in every state of the parser."""
    pid = demo.pids()['edge-access'][0]
    session = imap(demo, user, 'INBOX') if inside else Imap(demo, 'imaps')
    before = demo.memory(pid)
    with session:
        session.send(start)
        try:
            for _ in range(8):
                session.send(b'x' * (1 << 20))
            session.send(b'\r\n')
        except OSError:
            pass
        said = session.rest(3)
        assert b' OK' not in said
    assert demo.memory(pid) - before < 8 << 20


def test_a_client_that_never_reads(demo, user):
    """130: what it does not take waits at the store, not in memory."""
    with imap(demo, user, 'INBOX') as session:
        session.append(b'Subject: x\r\n\r\n' + b'y' * 1000000)
        session.select()
        pid = demo.pids()['edge-access'][0]
        before = demo.memory(pid)
        session.sock.settimeout(1)
        items = ' '.join(['BODY.PEEK[]'] * 20)
        try:
            for n in range(1000):
                session.send(f'n{n} FETCH 1 ({items})\r\n')
        except (TimeoutError, OSError):
            pass
        time.sleep(0.5)
        assert demo.memory(pid) - before < 16 << 20


def test_twenty_bad_imap_commands(demo):
    """147"""
    with Imap(demo, 'imaps') as session:
        for n in range(20):
            session.send(f'a{n} FOO\r\n')
        assert session.closes()
        assert session.said.count(b' BAD ') >= 19 and b'* BYE' in session.said


def test_five_wrong_logins_end_the_session(demo):
    with Imap(demo, 'imaps') as session:
        for n in range(5):
            session.send(f'a{n} LOGIN nobody{n}@example.test wrong\r\n')
        assert session.closes(20)
        assert session.said.count(b' NO ') == 5 and b'* BYE' in session.said


@pytest.mark.parametrize('line', ['', ' ', '* NOOP', '+ NOOP', 'a', 'a ', 'a  NOOP', 'a NOOP x', 'é NOOP',
                                  'a UID', 'a UID NOOP', 'a FETCH', 'a FETCH 0 FLAGS', 'a FETCH 1:x FLAGS',
                                  'a FETCH 1 BODY[', 'a FETCH 1 BODY[0]', 'a STORE 1 FLAG', 'a FETCH 4294967296 UID',
                                  'a SEARCH', 'a SEARCH FOO', 'a LIST', 'a SELECT', 'a FETCH 1 BODY[]<1>',
                                  'a STORE 1 FLAGS (\\Recent)'])
def test_malformed_commands(session, line):
    session.send(line + '\r\nend NOOP\r\n')
    status, _, untagged = session.finish(b'end')
    assert status == 'OK'
    assert any(b' BAD' in u or b' NO ' in u for u in untagged), untagged


def test_imaplib(demo, user):
    """Every method of the library once."""
    client = imaplib.IMAP4_SSL('localhost', demo.ports['imaps'], ssl_context=demo.context())
    name = token()
    good = lambda answer: (answer[0] == 'OK' and answer[1]) or pytest.fail(str(answer))
    good(client.login(user.user, user.password))
    good(client.noop())
    good(client.namespace())
    good(client.create(name))
    good(client.subscribe(name))
    good(client.append(name, '(\\Seen)', imaplib.Time2Internaldate(time.time()),
                       b'Subject: one\r\n\r\nbody\r\n'))
    good(client.append(name, None, None, b'Subject: two\r\n\r\nbody\r\n'))
    assert b'(MESSAGES 2 UNSEEN 1)' in good(client.status(name, '(MESSAGES UNSEEN)'))[0]
    assert good(client.select(name)) == [b'2']
    assert good(client.search(None, 'SUBJECT', 'two')) == [b'2']
    assert good(client.fetch('1', '(BODY.PEEK[TEXT])'))[0][1] == b'body\r\n'
    good(client.store('1', '+FLAGS', '\\Deleted'))
    good(client.copy('2', name))
    assert good(client.expunge()) == [b'1']
    assert good(client.uid('SEARCH', 'ALL')) == [b'2 3']
    good(client.uid('FETCH', '2', '(FLAGS)'))
    good(client.check())
    good(client.list())
    good(client.lsub())
    good(client.unselect())
    good(client.unsubscribe(name))
    good(client.rename(name, name + 'x'))
    good(client.delete(name + 'x'))
    good(client.enable('UTF8=ACCEPT')) if 'UTF8=ACCEPT' in client.capabilities else None
    assert client.logout()[0] == 'BYE'


def test_imaplib_starttls_and_authenticate(demo, user):
    client = imaplib.IMAP4('localhost', demo.ports['imap'])
    with pytest.raises(imaplib.IMAP4.error):
        client.login(user.user, user.password)
    client.starttls(demo.context())
    client.authenticate('PLAIN', lambda _: f'\0{user.user}\0{user.password}'.encode())
    assert client.select()[0] == 'OK'
    client.logout()


def test_many_sessions_idle_at_once(demo, user):
    """140: all of them hear of one message."""
    sessions = [imap(demo, user, 'INBOX') for _ in range(40)]
    tags = [session.start('IDLE') for session in sessions]
    for session in sessions:
        assert session.line().startswith(b'+')
    begin = time.monotonic()
    deliver(demo, user.user)
    for session in sessions:
        while not session.answer().endswith(b'1 EXISTS'):
            pass
    assert time.monotonic() - begin < 10
    for tag, session in zip(tags, sessions):
        session.send(b'DONE\r\n')
        assert session.finish(tag)[0] == 'OK'
        session.close()


def test_the_deleted_mailbox_of_another_session(demo, user, session):
    name = token()
    session.ok(f'CREATE {name}')
    with imap(demo, user, name) as other:
        session.ok(f'DELETE {name}')
        try:
            status = other.cmd('FETCH 1 FLAGS')[0]
        except EOFError:
            status = 'BYE'
        assert status in ('NO', 'BAD', 'OK', 'BYE')


def test_hints_do_not_reach_others(demo, two):
    one, other = two
    with imap(demo, other, 'INBOX') as session:
        session.start('IDLE')
        assert session.line().startswith(b'+')
        deliver(demo, one.user)
        assert session.silent(0.3)


def test_message_larger_than_its_parts(demo, user):
    """RFC822.SIZE is that of what BODY[] gives, whatever was put before it."""
    word = token()
    deliver(demo, user.user, message(user.user, subject=word), subject=word)
    with imap(demo, user, 'INBOX') as session:
        line = session.ok('FETCH 1 (RFC822.SIZE BODY.PEEK[])')[0]
        size = int(re.search(rb'RFC822\.SIZE (\d+)', line).group(1))
        assert wait(lambda: len(literal(line)) == size, 0.1)


# ---- quota and the limit of APPEND ----

def test_append_limit(session):
    names = [c for c in session.capability() if c.startswith('APPENDLIMIT=')]
    assert len(names) == 1, names
    limit = int(names[0].partition('=')[2])
    assert session.ok('STATUS INBOX (APPENDLIMIT)') == [f'* STATUS "INBOX" (APPENDLIMIT {limit})'.encode()]
    status, text, _ = session.cmd(f'APPEND INBOX {{{limit + 1}}}')
    assert status == 'NO' and 'TOOBIG' in text


@pytest.fixture
def limited(demo):
    name = f'{token()}@example.test'
    account = demo.new_account(name, token() + 'Password', quota='100K')
    yield account
    demo.ll('account', 'remove', name)


def test_quota_is_told_and_never_set(demo, session, limited):
    assert session.ok('GETQUOTAROOT INBOX') == [b'* QUOTAROOT "INBOX"']
    assert session.cmd('GETQUOTA ""')[0] == 'NO'
    with imap(demo, limited, 'INBOX') as small:
        assert small.ok('GETQUOTA ""') == [b'* QUOTA "" (STORAGE 0 100)']
        text = 'Subject: x\r\n\r\n' + ('x' * 98 + '\r\n') * 100
        for _ in range(3):
            assert small.append(text)[0] == 'OK'
        used = 3 * len(text)
        told = f'* QUOTA "" (STORAGE {-(-used // 1024)} 100)'.encode()
        assert small.ok('GETQUOTAROOT INBOX') == [b'* QUOTAROOT "INBOX" ""', told]
        status, why, _ = small.cmd('SETQUOTA "" (STORAGE 1000)')
        assert status == 'NO' and 'NOPERM' in why
        assert small.ok('GETQUOTA ""') == [told]
        for uids, count in ((None, 0), ('1,3', 2), ('1:3', 3)):
            if uids:
                small.ok(f'UID STORE {uids} +FLAGS.SILENT (\\Deleted)')
            assert small.ok('STATUS INBOX (DELETED-STORAGE)') == [
                f'* STATUS "INBOX" (DELETED-STORAGE {count * len(text)})'.encode()]


# ---- without sequence numbers ----

def test_uidonly(demo, user, session, folder):
    fill(session, folder, 3)
    with imap(demo, user) as other:
        assert other.ok('ENABLE UIDONLY') == [b'* ENABLED UIDONLY']
        assert not any(b'[UNSEEN' in line for line in other.ok(f'SELECT {folder}'))
        status, text, _ = other.cmd('FETCH 1 FLAGS')
        assert status == 'BAD' and 'UIDREQUIRED' in text
        assert other.ok('UID FETCH 2:3 (RFC822.SIZE)')[0].startswith(b'* 2 UIDFETCH (RFC822.SIZE ')
        session.ok('UID STORE 3 +FLAGS.SILENT (\\Flagged)')
        session.ok('UID STORE 1 +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
        told = other.ok('NOOP')
        assert b'* VANISHED 1' in told, told
        assert any(re.match(rb'\* 3 UIDFETCH \(FLAGS \(.*\\Flagged', line) for line in told), told
        assert not fetched(told)
