# SPDX-License-Identifier: Apache-2.0
"""Stage 5, read: what IMAP's extensions promise, against the real store."""
import re
import time
import zlib

import pytest

from kit.mail import token
from kit.wire import imap, literal

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


def test_several_messages_at_once(session, folder):
    mail = MAIL.format('x', 'x').encode()
    many = [f'{{{len(mail)}+}}\r\n'.encode() + mail for _ in range(20)]
    reply = session.cmd(b'APPEND ' + folder.encode() + b' ' + b' '.join(many))
    assert reply[0] == 'OK' and re.match(r'\[APPENDUID \d+ 3:22\]', reply[1])
    reply = session.cmd(b'APPEND ' + folder.encode() + b' ' + b' '.join(many[:3]) + b' {0}')
    assert reply[0] == 'NO'
    session.ok('NOOP')
    assert session.ok('SEARCH RETURN (COUNT) ALL')[0].endswith(b'COUNT 22')
    large = mail + 8000 * b'0123456789\r\n'
    session.send(f'a APPEND {folder} {{{len(mail)}}}\r\n')
    assert session.line().startswith(b'+')
    session.send(mail + f' (\\Seen) {{{len(large)}}}\r\n'.encode())
    assert session.line().startswith(b'+')
    session.send(large + b'\r\n')
    lines = session.finish(b'a')
    assert '[APPENDUID' in lines[1]
    assert session.ok('SEARCH SEEN') == [b'* SEARCH 24']


def test_one_message_replaces_another(session, folder):
    mail = MAIL.format('draft', 'draft').encode()
    lines = session.cmd(b'REPLACE 1 ' + folder.encode() + b' (\\Draft) {%d+}\r\n' % len(mail) + mail)
    assert lines[0] == 'OK'
    assert session.ok('UID SEARCH ALL') == [b'* SEARCH 2 3']
    session.ok(f'CREATE {folder}/sent')
    lines = session.cmd(b'UID REPLACE 3 ' + folder.encode() + b'/sent {%d+}\r\n' % len(mail) + mail)
    assert lines[0] == 'OK'
    assert session.ok('UID SEARCH ALL') == [b'* SEARCH 2']
    session.ok(f'DELETE {folder}/sent')


def test_names_in_utf8(demo, user, session):
    name = token() + ' \N{GREEK SMALL LETTER ALPHA}&'
    with imap(demo, user) as other:
        assert other.ok('ENABLE UTF8=ACCEPT') == [b'* ENABLED UTF8=ACCEPT']
        other.ok(f'CREATE "{name}"')
        mail = MAIL.format('\N{GREEK SMALL LETTER BETA}', 'x').encode()
        other.ok(b'APPEND "%s" UTF8 (~{%d+}\r\n%s)' % (name.encode(), len(mail), mail))
        assert name.encode() in other.ok(f'LIST "" "{name[:-1]}*"')[0]
        wire = name.replace('&', '&-').replace('\N{GREEK SMALL LETTER ALPHA}', '&A7E-')
        assert wire.encode() in session.ok(f'LIST "" "{wire[:6]}*"')[0]
        session.select(wire)
        assert '\N{GREEK SMALL LETTER BETA}'.encode() in session.ok('FETCH 1 BODY[]')[0]
        session.ok('UNSELECT')
        other.ok(f'DELETE "{name}"')


class Deflated:
    """The socket of a session after COMPRESS."""
    def __init__(self, sock):
        self.sock, self.packed = sock, 0
        self.out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.into = zlib.decompressobj(-15)

    def sendall(self, data):
        self.sock.sendall(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            data = self.sock.recv(size)
            self.packed += len(data)
            plain = self.into.decompress(data)
            if plain or not data:
                return plain

    def __getattr__(self, name):
        return getattr(self.sock, name)


def test_compressed(demo, user, folder):
    with imap(demo, user) as session:
        session.ok('COMPRESS DEFLATE')
        session.sock = Deflated(session.sock)
        assert 'COMPRESS=DEFLATE' not in session.capability()
        assert session.cmd('COMPRESS DEFLATE')[1].startswith('[COMPRESSIONACTIVE]')
        text = MAIL.format('deflated', 'x') + 20000 * 'the same line over and over again\r\n'
        for _ in range(3):
            assert session.append(text, folder)[0] == 'OK'
        session.select(folder)
        before = session.sock.packed
        assert len(session.bodies()) == session.exists
        assert session.sock.packed - before < 100000  # of two millions
        with imap(demo, user) as other:
            tag = session.start('IDLE')
            assert session.line().startswith(b'+')
            other.append(text, folder)
            assert session.line() == b'* %d EXISTS' % (session.exists + 1)
            session.send('DONE\r\n')
            assert session.finish(tag)[0] == 'OK'
        # Very little that becomes very much: one line has its limit all the same.
        session.sock.sendall(b'a NOOP ' + bytes(64 << 20))
        assert session.line().startswith(b'* BYE')


def test_what_is_not_deflated_ends_the_session(demo, user):
    with imap(demo, user) as session:
        session.ok('COMPRESS DEFLATE')
        session.send(b'a NOOP\r\n')
        assert session.closes()


def test_rev2(demo, user, folder):
    with imap(demo, user) as session:
        session.ok('ENABLE IMAP4rev2')
        lines = session.ok(f'SELECT {folder}')
        assert f'* LIST () "/" "{folder}"'.encode() in lines
        session.ok('STORE 1 +FLAGS (\\Deleted)')
        assert session.ok(f'STATUS {folder} (DELETED)')[0].endswith(b'(DELETED 1)')
        assert re.match(rb'\* ESEARCH \(TAG "t\d+"\) ALL 1:2$', session.ok('SEARCH ALL')[0])
        assert not any(b'RECENT' in line.upper() for line in [*lines, *session.ok('FETCH 1:* (FLAGS)')])


def test_one_connection_two_users(demo, two):
    first, second = two
    name = token()
    with imap(demo, first, 'INBOX') as session:
        session.ok(f'CREATE {name}')
        for account in (second, first):
            session.ok('UNAUTHENTICATE')
            assert session.cmd('NAMESPACE')[0] == 'BAD'
            assert 'NAMESPACE' not in session.capability()
            session.login(account)
            session.select('INBOX')
            assert bool(session.ok(f'LIST "" {name}')) == (account is first)
        session.ok(f'DELETE {name}')


def test_annotations_go_with_their_mailbox(demo, user, session, folder):
    long = b'line\r\n' * 2000
    session.ok(b'SETMETADATA %s (/private/comment {%d+}\r\n%s /shared/vendor/x/Colour "#b71c1c")'
               % (folder.encode(), 6, b'a\r\nb"c'))
    session.send(f'big SETMETADATA {folder} (/private/big {{{len(long)}}}\r\n')
    assert session.line().startswith(b'+')
    session.send(long + b')\r\n')
    assert session.finish(b'big')[0] == 'OK'
    session.ok(f'RENAME {folder} {folder}-b')
    with imap(demo, user) as other:
        told = b''.join(other.ok(f'GETMETADATA (DEPTH infinity MAXSIZE 100) {folder}-b (/private /shared)'))
        assert told.startswith(b'* METADATA "%s-b" (/private/comment {6}\r\na\r\nb"c ' % folder.encode())
        assert told.rstrip().endswith(b'/shared/vendor/x/colour "#b71c1c")') and b'line' not in told
        told = b''.join(other.ok(f'GETMETADATA {folder}-b /private/big'))
        assert long in told
        lines = other.ok(f'LIST "" {folder}-b RETURN (METADATA (/shared/vendor/x/colour /shared/none))')
        assert lines[1].endswith(b'(/shared/vendor/x/colour "#b71c1c" /shared/none NIL)')
    reply = session.cmd(b'SETMETADATA %s-b (/private/comment {16385}\r\n%s)' % (folder.encode(), 16385 * b'x'))
    assert reply[0] == 'NO' and reply[1].startswith('[METADATA MAXSIZE 16384]')
    session.ok('UNSELECT')
    session.ok(f'DELETE {folder}-b')
    session.ok(f'CREATE {folder}-b')
    line, = session.ok(f'GETMETADATA {folder}-b /private/comment')
    assert line.endswith(b'(/private/comment NIL)')
    session.ok(f'DELETE {folder}-b')


def test_annotations_of_the_server(demo, user, session):
    line, = session.ok('GETMETADATA "" /shared/admin')
    assert re.match(rb'\* METADATA "" \(/shared/admin "mailto:postmaster@[\w.]+"\)$', line)
    assert session.cmd('SETMETADATA "" (/shared/admin "mailto:me@example.org")')[1].startswith('[NOPERM]')
    session.ok('SETMETADATA "" (/private/vendor/x/theme "dark")')
    with imap(demo, user) as other:
        line, = other.ok('GETMETADATA "" /private/vendor/x/theme')
        assert line.endswith(b'"dark")')
        other.ok('SETMETADATA "" (/private/vendor/x/theme NIL)')


MULTIPART = """From: <a@elsewhere.example>
Subject: a draft
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="edge"

--edge
Content-Type: text/plain

my text
--edge
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

{}
--edge--
""".replace('\n', '\r\n')


def test_a_message_of_pieces(demo, user, session, folder):
    """RFC 4469, example 2: new text in front of an attachment that is not fetched."""
    attachment = 3000 * ('0123456789abcdef' * 4 + '\r\n')
    session.append(MULTIPART.format(attachment), folder)
    session.select(folder)
    validity = re.search(rb'UIDVALIDITY (\d+)', session.ok(f'STATUS {folder} (UIDVALIDITY)')[0]).group(1).decode()
    whole = session.bodies()[3]
    url = f'/{folder};UIDVALIDITY={validity}/;UID=3'
    head = whole[:whole.index(b'my text')] + b'my new text\r\n--edge\r\n'
    session.send(f'c APPEND {folder} (\\Draft) CATENATE (TEXT {{{len(head)}}}\r\n')
    assert session.line().startswith(b'+')
    session.send(head + f' URL "{url}/;SECTION=2.MIME" URL "{url}/;section=2" TEXT {{12+}}\r\n\r\n--edge--\r\n)\r\n'.encode())
    status, text, _ = session.finish(b'c')
    assert status == 'OK' and re.match(r'\[APPENDUID \d+ 4\]', text)
    with imap(demo, user, folder) as other:
        lines = other.ok('UID FETCH 3:4 (BODY.PEEK[2] FLAGS)')
        assert literal(lines[0]) == literal(lines[1])
        assert attachment.encode() in lines[1] and b'\\Draft' in lines[1]
        line, = other.ok('UID FETCH 4 (BODY.PEEK[1])')
        assert line.endswith(b'my new text)')
    reply = session.cmd(f'APPEND {folder} CATENATE (URL "{url}" URL "/{folder};UIDVALIDITY={validity}/;UID=99")')
    assert reply[0] == 'NO' and reply[1].startswith('[BADURL /')
    reply = session.cmd(f'UID REPLACE 4 {folder} CATENATE (URL ;UID=4/;SECTION=HEADER TEXT {{3+}}\r\nx\r\n)')
    assert reply[0] == 'OK'
    session.ok('NOOP')
    assert session.ok('UID SEARCH ALL') == [b'* SEARCH 1 2 3 5']


def test_large_pieces(session, folder):
    """More than goes through memory at once: four times a message of a megabyte, and back."""
    mail = MAIL.format('large', 100000 * '0123456789').encode()
    assert session.append(mail.decode(), folder)[0] == 'OK'
    pieces = ' '.join(4 * [f'URL "/{folder}/;UID=3"'])
    session.ok(f'APPEND {folder} CATENATE ({pieces})')
    session.ok('NOOP')
    line, = session.ok('UID FETCH 4 (RFC822.SIZE)')
    assert b'RFC822.SIZE %d' % (4 * len(mail)) in line
    assert session.bodies()[4] == 4 * mail


def test_a_message_for_others(demo, user, session, folder):
    """One user signs a URL, another one reads what is under it, until the key is made new."""
    owner = user.user.replace('@', '%40')
    other = demo.new_account(f'{token()}@example.test', 'reads-what-others-sign')
    url = f'imap://{owner}@mx.example.test/{folder}/;UID=2'
    reader = other.user.replace('@', '%40')
    line, = session.ok(f'GENURLAUTH "{url};URLAUTH=user+{reader}" INTERNAL "{url}/;SECTION=1;URLAUTH=authuser" INTERNAL')
    mine, all_of_us = re.match(rb'\* GENURLAUTH "(.+)" "(.+)"$', line).groups()
    with imap(demo, other, 'INBOX') as guest:
        line, = guest.ok(b'URLFETCH "%s"' % mine)
        assert literal(line) == MAIL.format(2, 2).encode()
        line, = guest.ok(b'URLFETCH ("%s" BINARY BODYPARTSTRUCTURE)' % all_of_us)
        assert b'(BODYPARTSTRUCTURE ("text" "plain" ' in line and b'(BINARY {' in line and b'body of 2' in line
        assert guest.ok(b'URLFETCH "%s"' % mine[:-1])[0].endswith(b' NIL')
        assert guest.ok(b'URLFETCH "%s"' % mine.replace(b'UID=2', b'UID=1'))[0].endswith(b' NIL')
        assert guest.cmd(f'GENURLAUTH "{url};URLAUTH=authuser" INTERNAL')[0] == 'BAD'
        assert session.ok(b'URLFETCH "%s"' % mine)[0].endswith(b' NIL')
        session.ok(f'RESETKEY {folder}')
        assert guest.ok(b'URLFETCH "%s"' % all_of_us)[0].endswith(b' NIL')
        assert guest.ok('NOOP') == []
