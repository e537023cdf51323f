# SPDX-License-Identifier: Apache-2.0
"""Stage 2 to 4: who gets a message, how often, and when it is too much."""
import re
import time

import pytest

from kit.instance import wait
from kit.mail import ELSEWHERE, deliver, find, mails, message, token, values
from kit.wire import imap, mx


@pytest.fixture
def alias(demo):
    names = []

    def add(name, *targets):
        demo.ll('alias', 'add', name, *targets)
        names.append(name)
        return name
    yield add
    for name in reversed(names):
        demo.ll('alias', 'remove', name, code=None)


def test_one_recipient_is_readable_before_its_250(demo, user):
    """The order of the 250s is the order of the UIDs."""
    with imap(demo, user, 'INBOX') as reader, mx(demo) as smtp:
        for _ in range(10):
            word = token()
            smtp.envelope(ELSEWHERE, user.user)
            assert smtp.data(message(user.user, subject=word)) == 250
            reader.ok('NOOP')
            assert len(reader.uids(f'SUBJECT {word}')) == 1
        uids = reader.uids()
        assert uids == sorted(uids) and len(uids) == 10


def test_what_is_put_before_a_message(demo, user):
    word = token()
    data = message(user.user, subject=word)
    deliver(demo, user.user, data, subject=word)
    found = find(demo, user, word)
    assert found.decode().endswith(data)
    prefix = found[:-len(data)].decode()
    names = re.findall(r'(?m)^([A-Za-z-]+):', prefix)
    assert names[:3] == ['Return-Path', 'Delivered-To', 'Received'], names
    assert re.search(r'for <' + re.escape(user.user) + '>', prefix)


def test_several_recipients_go_through_the_spool(demo, two):
    one, other = two
    word = deliver(demo, [one.user, other.user])
    for account in two:
        found = find(demo, account, word)
        assert values(found, 'Delivered-To') == [account.user]


def test_the_same_recipient_twice_gets_one_copy(demo, user):
    word = deliver(demo, [user.user, user.user, user.user.upper()])
    find(demo, user, word)
    time.sleep(0.2)
    find(demo, user, word)


def test_a_tag_after_plus(demo, user):
    tagged = user.user.replace('@', '+Some.Tag@')
    word = deliver(demo, tagged)
    assert find(demo, user, word)


def test_groups_in_groups_without_twins(demo, two, alias):
    one, other = two
    alias('inner@example.test', one.user, other.user)
    alias('outer@example.test', 'inner@example.test', one.user)
    word = deliver(demo, 'outer@example.test')
    for account in two:
        find(demo, account, word)
    time.sleep(0.2)
    find(demo, one, word)


def test_an_alias_of_one(demo, user, alias):
    alias('single@example.test', user.user)
    word = deliver(demo, 'single@example.test')
    assert mails(demo, user)
    find(demo, user, word)


def test_aliases_in_a_ring(demo, alias):
    """70: refused when made, or mail for it is refused; never a loop."""
    alias('ring-a@example.test', 'u1@example.test')
    done = demo.ll('alias', 'add', 'ring-b@example.test', 'ring-a@example.test', code=None)
    demo.ll('alias', 'set', 'ring-a@example.test', 'ring-b@example.test', code=None)
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        begin = time.monotonic()
        assert smtp.cmd('RCPT TO:<ring-a@example.test>').code in (250, 550, 451, 554)
        assert time.monotonic() - begin < 10
    if done.returncode == 0:
        demo.ll('alias', 'remove', 'ring-b@example.test', code=None)


def test_catch_all(demo, user):
    domain = f'{token()}.example'
    demo.ll('domain', 'add', domain)
    try:
        with mx(demo) as smtp:
            smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
            assert smtp.cmd(f'RCPT TO:<anybody@{domain}>') == 550
        demo.ll('domain', 'set', domain, '--catch-all', user.user)
        word = deliver(demo, f'anybody@{domain}')
        find(demo, user, word)
    finally:
        demo.ll('domain', 'remove', domain, code=None)


def test_postmaster_and_abuse_always_arrive(demo):
    for name in ('postmaster', 'abuse'):
        word = deliver(demo, f'{name}@example.test')
        assert wait(lambda: [a for a in demo.accounts[:3]
                             if any(word.encode() in m for m in mails(demo, a).values())], 3)


# ---- loops ----

def received(count):
    return ''.join(f'Received: from a by b{n}; Sun, 22 Nov 2026 03:00:00 +0000\r\n'
                   for n in range(count))


@pytest.mark.parametrize('count, code', [(49, 250), (50, 250), (51, 554), (200, 554)])
def test_too_many_received_fields(demo, user, count, code):
    """70"""
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        reply = smtp.data(received(count) + message(user.user))
        assert reply == code, reply
        assert code == 250 or reply.enhanced == '5.4.6'


def test_a_message_that_was_here_before(demo, two):
    """70: our own Delivered-To of the same recipient."""
    user, other = two
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        reply = smtp.data(f'Delivered-To: {user.user}\r\n' + message(user.user))
        assert reply == 554 and reply.enhanced == '5.4.6'
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.data(f'Delivered-To: {other.user}\r\n' + message(user.user)) == 250


# ---- quota ----

@pytest.fixture
def small(demo):
    name = f'{token()}@example.test'
    account = demo.new_account(name, token() + 'Password')
    demo.ll('account', 'set', name, '--quota', '100000')
    yield account
    demo.ll('account', 'remove', name)


def test_quota_at_rcpt_and_at_commit(demo, small):
    line = 'x' * 98 + '\r\n'
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, small.user)
        reply = smtp.data(message(small.user, body=line * 1100))
        assert reply == 552 and reply.enhanced == '5.2.2', reply
        smtp.envelope(ELSEWHERE, small.user)
        assert smtp.data(message(small.user, body=line * 600)) == 250
        demo.ll('account', 'set', small.user, '--quota', '50000')
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        reply = smtp.cmd(f'RCPT TO:<{small.user}>')
        assert reply.code in (452, 552) and reply.enhanced[2:] == '2.2', reply
        smtp.cmd('RSET')
        demo.ll('account', 'set', small.user, '--quota', '100000')
        smtp.envelope(ELSEWHERE, small.user)
        assert smtp.data(message(small.user)) == 250, 'a small one still fits'
    with imap(demo, small, 'INBOX') as session:
        assert session.exists == 2
        status, text, _ = session.append('Subject: x\r\n\r\n' + line * 600)
        assert status == 'NO' and 'OVERQUOTA' in text
        status, text, _ = session.cmd('COPY 1 Archive')
        assert status == 'NO' and 'OVERQUOTA' in text
        session.ok('STORE 1 +FLAGS (\\Deleted)')
        session.ok('EXPUNGE')
        assert session.append('Subject: x\r\n\r\n' + line * 600)[0] == 'OK'


def test_a_quota_refusal_comes_before_the_literal(demo, small):
    """128"""
    with imap(demo, small) as session:
        tag = session.start('APPEND INBOX {200000}')
        assert session.line().startswith(tag + b' NO')


# ---- odd messages (B6) ----

ODD = {
    'nothing': b'', 'only a body': b'\r\nbody', 'only fields': b'Subject: x',
    'no colon': b'no colon here\r\n\r\nx', 'nested': b'',
    'empty group': b'To: undisclosed-recipients:;\r\n\r\nx',
    'comments': b'To: ' + b'(' * 100000 + b'\r\n\r\nx',
    'quotes': b'From: "' + b'\\"' * 20000 + b'\r\n\r\nx',
    'dates': b'Date: Sun, 99 Nov 999999999 99:99:99 -9999\r\nDate: x\r\n\r\nx',
    'boundary': b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n----\r\n',
    'long boundary': b'Content-Type: multipart/mixed; boundary="' + b'b' * 10000 + b'"\r\n\r\n--'
                     + b'b' * 10000 + b'\r\n\r\nx',
    'never closed': b'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nx',
    'pieces': b'Content-Disposition: attachment' + b''.join(
        b';\r\n filename*%d*=x%%41' % n for n in range(2000)) + b'\r\n\r\nx',
    'long field': b'X-A: ' + b'y' * 2000000 + b'\r\n\r\nx',
    'many fields': b'A:\r\n' * 100000 + b'\r\nx',
    'folded': b'X-A: a' + b'\r\n b' * 200000 + b'\r\n\r\nx',
    'words': b'Subject: ' + b'=?utf-8?B?/////w==?= =?utf-8?Q?=C3?= ' * 3000 + b'\r\n\r\nx',
    'from line': b'From someone Sun Nov 22\r\nSubject: x\r\n\r\n>From here\r\nFrom there\r\n',
    'nul charset': b'Content-Type: text/plain; charset="\xff\xfe"\r\n\r\n\xff\xfe',
}
ODD['nested'] = b''.join(b'Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n' % (n, n)
                         for n in range(3000))
ODD['nested messages'] = b'Content-Type: message/rfc822\r\n\r\n' * 5000
ODD['many parts'] = (b'Content-Type: multipart/mixed; boundary=q\r\n\r\n'
                     + b'--q\r\n\r\nx\r\n' * 20000 + b'--q--\r\n')


@pytest.mark.oracle(cpu=5)
@pytest.mark.parametrize('name', ODD)
def test_odd_messages_are_kept_as_they_are(demo, user, name):
    """105-119: bytes are kept; structures can be asked for and agree."""
    word = token()
    data = b'X-Token: ' + word.encode() + b'\r\n' + ODD[name]
    with mx(demo) as smtp:
        smtp.sock.settimeout(20)
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.data(data) == 250
    with imap(demo, user, 'INBOX') as session:
        session.sock.settimeout(20)
        whole = list(session.bodies().values())[-1]
        assert whole.endswith(data + b'\r\n')
        for item in ('ENVELOPE', 'BODYSTRUCTURE', 'BODY', 'RFC822.SIZE', 'BODY.PEEK[1]',
                     'BODY.PEEK[HEADER]', 'BODY.PEEK[TEXT]',
                     'BODY.PEEK[HEADER.FIELDS (X-Token)]'):
            untagged = session.ok(f'FETCH * ({item})')
            assert untagged and b'FETCH' in untagged[0]
            if item == 'RFC822.SIZE':
                assert b'RFC822.SIZE %d)' % len(whole) in untagged[0]
            if item.endswith('(X-Token)]'):
                assert word.encode() in untagged[0]
        session.ok('SEARCH OR SUBJECT nothing OR FROM nothing TEXT nothing')
