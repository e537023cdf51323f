# SPDX-License-Identifier: Apache-2.0
"""Who gets in (threats B9)."""
import base64
import hashlib
import hmac
import os
import pathlib
import signal
import socket
import time

import pytest

from kit.instance import ITERATIONS, Account, Instance, wait
from kit.mail import find, message, token
from kit.wire import Imap, Pop, Smtp, imap, pop, submission

MECHANISMS = {'PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'}


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


class Scram:
    """The client's side of RFC 5802 and 7677, as far as the tests need it."""

    def __init__(self, account, binding=b'', header='n,,'):
        self.header, self.binding = header, binding
        self.password = account.password.encode()
        self.nonce = os.urandom(12).hex()
        self.bare = f'n={account.user},r={self.nonce}'
        self.first = header + self.bare

    def final(self, server):
        parts = dict(part.split('=', 1) for part in server.split(','))
        assert parts['r'].startswith(self.nonce)
        self.iterations = int(parts['i'])
        salted = hashlib.pbkdf2_hmac('sha256', self.password, base64.b64decode(parts['s']),
                                     self.iterations)
        key = hmac.digest(salted, b'Client Key', 'sha256')
        bare = f'c={b64(self.header.encode() + self.binding)},r={parts["r"]}'
        text = ','.join([self.bare, server, bare]).encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), text, 'sha256')
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.server = hmac.digest(hmac.digest(salted, b'Server Key', 'sha256'), text, 'sha256')
        return f'{bare},p={b64(proof)}'


def scram(smtp, exchange, mechanism='SCRAM-SHA-256'):
    reply = smtp.cmd(f'AUTH {mechanism} {b64(exchange.first)}')
    if reply != 334:
        return reply
    reply = smtp.cmd(b64(exchange.final(base64.b64decode(reply.text).decode())))
    if reply == 334:
        assert base64.b64decode(reply.text).decode() == f'v={b64(exchange.server)}'
        reply = smtp.cmd('')
    return reply


@pytest.fixture
def smtp(demo):
    with Smtp(demo, 'submissions') as session:
        session.ehlo()
        yield session


def test_the_mechanisms_are_these_four(demo, smtp):
    """160, Y8: nothing with MD5, on no port."""
    assert set(smtp.extensions['AUTH'].split()) == MECHANISMS
    for name in ('CRAM-MD5', 'DIGEST-MD5', 'NTLM', 'OTP', 'GSSAPI', 'ANONYMOUS', 'EXTERNAL',
                 'SCRAM-SHA-1', 'XOAUTH2', 'LOGIN2'):
        assert smtp.cmd(f'AUTH {name}') == 504
    with Imap(demo, 'imaps') as session:
        assert {w[5:] for w in session.capability() if w.startswith('AUTH=')} == MECHANISMS
        assert session.cmd('AUTHENTICATE CRAM-MD5')[0] in ('NO', 'BAD')
    with Pop(demo, 'pop3s') as session:
        assert session.cmd('AUTH CRAM-MD5').startswith(b'-ERR')
        assert session.cmd('APOP x y').startswith(b'-ERR')


def test_plain_and_login_step_by_step(demo, user):
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        assert smtp.cmd('AUTH PLAIN') == 334
        assert smtp.cmd(user.plain()) == 235
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        reply = smtp.cmd('AUTH LOGIN')
        assert reply == 334 and base64.b64decode(reply.text) == b'Username:'
        reply = smtp.cmd(b64(user.user))
        assert reply == 334 and base64.b64decode(reply.text) == b'Password:'
        assert smtp.cmd(b64(user.password)) == 235


def test_scram(demo, user, smtp):
    exchange = Scram(user)
    assert scram(smtp, exchange) == 235
    assert exchange.iterations == ITERATIONS


def test_scram_with_a_wrong_password(user, smtp):
    assert scram(smtp, Scram(Account({'user': user.user, 'password': 'wrong'}))) == 535


def test_scram_for_an_unknown_user_looks_the_same(smtp):
    exchange = Scram(Account({'user': 'nobody@example.test', 'password': 'x'}))
    reply = scram(smtp, exchange)
    assert reply == 535 and exchange.iterations == ITERATIONS
    again = Scram(Account({'user': 'nobody@example.test', 'password': 'x'}))
    first = smtp.cmd(f'AUTH SCRAM-SHA-256 {b64(again.first)}')
    salt = base64.b64decode(first.text).decode().split(',s=')[1].split(',')[0]
    smtp.cmd('*')
    third = smtp.cmd(f'AUTH SCRAM-SHA-256 {b64(Scram(again_account()).first)}')
    assert f',s={salt},' in base64.b64decode(third.text).decode(), 'the salt of a name stays'


def again_account():
    return Account({'user': 'nobody@example.test', 'password': 'x'})


@pytest.mark.parametrize('header, binding, mechanism', [
    ('y,,', b'', 'SCRAM-SHA-256'),
    ('p=tls-exporter,,', b'\0' * 32, 'SCRAM-SHA-256-PLUS'),
    ('p=tls-unique,,', b'\0' * 12, 'SCRAM-SHA-256-PLUS'),
    ('n,,', b'', 'SCRAM-SHA-256-PLUS'),
    ('p=tls-exporter,,', b'\0' * 32, 'SCRAM-SHA-256'),
])
def test_binding_that_was_stripped_or_is_of_another_session(user, smtp, header, binding, mechanism):
    """161: "y" says that the client thinks we cannot; we can."""
    reply = scram(smtp, Scram(user, binding, header), mechanism)
    assert reply.code in (501, 535), reply


def test_nothing_is_left_of_a_mechanism_that_failed(user, smtp):
    """56"""
    assert smtp.cmd(f'AUTH SCRAM-SHA-256 {b64(Scram(user).first)}') == 334
    assert smtp.cmd('*') == 501
    assert smtp.cmd('AUTH LOGIN') == 334
    assert smtp.cmd('not base64!') == 501
    assert smtp.cmd(f'MAIL FROM:<{user.user}>') == 530
    assert smtp.cmd(b'AUTH PLAIN ' + user.plain()) == 235


@pytest.mark.parametrize('blob', ['=', 'AA==', b64('\0\0'), b64('\0u1@example.test\0'), b64('a\0b'),
                                  b64('\0' * 100), b64('bob@example.test\0u1@example.test\0secret'),
                                  b64('\0u1@example.test\0' + 'x' * 1025), b64('x' * 5000), 'A', '*'])
def test_malformed_plain(smtp, blob):
    """145, 168: never in, never stuck; others' names are not taken on."""
    reply = smtp.cmd(f'AUTH PLAIN {blob}')
    if reply == 334:
        reply = smtp.cmd('*')
    assert reply.code in (501, 535), reply
    assert smtp.cmd('NOOP') == 250


@pytest.mark.parametrize('length', [1024, 1025, 100000])
def test_long_passwords(demo, length):
    """168: cut off before anything is hashed."""
    with Imap(demo, 'imaps') as session:
        status = session.cmd('LOGIN u1@example.test "' + 'x' * min(length, 7000) + '"')[0]
        assert status in ('NO', 'BAD')


def test_aborted_exchanges_leave_nothing(demo, user):
    """159"""
    pid = demo.pids()['auth'][0]
    grown = []
    for _ in range(2):
        before = demo.memory(pid)
        for _ in range(30):
            with Smtp(demo, 'submissions') as smtp:
                smtp.ehlo()
                for _ in range(4):
                    smtp.send(f'AUTH SCRAM-SHA-256 {b64(Scram(user).first)}\r\n*\r\n')
                for _ in range(8):
                    smtp.answer()
        grown.append(demo.memory(pid) - before)
    assert grown[1] < 1 << 20


def test_unknown_user_and_wrong_password_are_the_same(own):
    """Text for text, and in about the same time."""
    own.set_option('auth', 'failures-per-address', '0')
    own.set_option('auth', 'failures-per-network', '0')
    own.set_option('auth', 'failures-per-account', '0')
    own.reload()
    times, texts = {}, {}
    for name in ('u1', 'nobody'):
        times[name] = []
        for n in range(4):
            with Imap(own, 'imaps') as session:
                begin = time.monotonic()
                status, text, _ = session.cmd(f'LOGIN {name}@example.test wrong{n}')
                times[name].append(time.monotonic() - begin)
                assert status == 'NO' and '[AUTHENTICATIONFAILED]' in text
                texts[name] = text
    assert texts['u1'] == texts['nobody']
    fast, slow = sorted(sorted(column)[1] for column in times.values())
    assert slow < 3 * fast + 0.05, times


def test_wrong_passwords_are_slowed_and_the_owner_gets_in(own):
    """167: the address that knows the way has a bucket of its own."""
    account = own.account('u1')
    imap(own, account).close()
    seen = set()
    for n in range(60):
        sock = Imap.__new__(Imap)
        sock.demo, sock.buffer, sock.secure = own, b'', False
        sock.sock = socket.create_connection(('127.0.0.1', own.ports['imaps']), 10,
                                             (f'127.0.{n % 20}.{2 + n // 20}', 0))
        sock.tls()
        sock.answer()
        status, text, _ = sock.cmd(f'LOGIN {account.user} wrong{n}')
        assert status == 'NO'
        seen.add(text)
        sock.close()
        if len(seen) > 1:
            break
    begin = time.monotonic()
    imap(own, account).close()
    assert time.monotonic() - begin < 5
    assert any('throttled' in row['event'] or 'throttle' in str(row) for row in own.log_rows()) \
        or len(seen) > 1


def test_guessing_is_slow_after_auth_died_too(own):
    """169: the next process goes on where the one before was killed."""
    account = own.account('u1')
    imap(own, account).close()

    def guess():
        session = Imap.__new__(Imap)
        session.demo, session.buffer, session.secure = own, b'', False
        session.sock = socket.create_connection(('127.0.0.1', own.ports['imaps']), 10, ('127.0.9.9', 0))
        session.tls()
        session.answer()
        status, text, _ = session.cmd(f'LOGIN {account.user} wrong')
        session.close()
        assert status == 'NO'
        return text

    wrong = guess()
    # Several times: the longer, the longer the next wait.
    for _ in range(4):
        assert wait(lambda: guess() != wrong, 20, 0)
        wait(lambda: guess() == wrong, 20, 0.1)
    assert guess() != wrong
    old = own.pids()['auth'][0]
    os.kill(old, signal.SIGKILL)
    assert wait(lambda: own.pids()['auth'][0] not in (0, old), 5)
    assert guess() != wrong, 'a new start for who guesses'
    assert wait(lambda: imap(own, account).close() is None, 5)


def test_logins_at_the_same_time(demo):
    """168: hashing is behind a queue; the next one to come still gets in."""
    import concurrent.futures
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda a: imap(demo, a).close(), demo.accounts[2:22]))
    assert time.monotonic() - begin < 20


@pytest.fixture
def crowded():
    """Accounts of which none has logged in."""
    instance = Instance(users=62)
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


def all_at_once(demo, ask):
    """Questions that auth finds all together when it goes on."""
    auth = demo.pids()['auth'][0]
    os.kill(auth, signal.SIGSTOP)
    try:
        for one in ask:
            one()
        time.sleep(0.2)
    finally:
        os.kill(auth, signal.SIGCONT)


def test_first_logins_wait_for_each_other(crowded):
    """168: from one address, over all the limits of wrong passwords: nobody was wrong."""
    everybody = [a for a in crowded.accounts if a.local.startswith('u')][:60]
    assert len(everybody) == 60
    sessions = [Imap(crowded, 'imaps') for _ in everybody]
    tags = []
    all_at_once(crowded, [lambda s=s, a=a: tags.append(s.start(f'LOGIN {a.user} {a.password}'))
                          for s, a in zip(sessions, everybody)])
    answers = [session.finish(tag)[0] for session, tag in zip(sessions, tags)]
    assert answers == ['OK'] * 60, answers
    for session in sessions:
        session.close()
    sessions = [Smtp(crowded, 'submissions') for _ in everybody]
    for session in sessions:
        session.ehlo()
    last = crowded.account('u61')
    all_at_once(crowded, [lambda s=s: s.send(b'AUTH PLAIN ' + last.plain() + b'\r\n') for s in sessions])
    answers = [session.answer().code for session in sessions]
    assert answers == [235] * 60, answers
    for session in sessions:
        session.close()


def worked(pid):
    """Seconds of processor time: others on this machine do not count."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_a_verified_password_is_remembered(demo, user):
    imap(demo, user).close()
    pid, = demo.pids()['auth']
    begin = worked(pid)
    for _ in range(20):
        imap(demo, user).close()
    assert worked(pid) - begin < 20 * 0.02  # a hash takes 0.1 s of its time and more


def test_a_changed_password_counts_at_once(own):
    """The remembered one is dropped; running sessions go on."""
    account = own.new_account('carol@example.test', 'FirstPassword1')
    session = imap(own, account, 'INBOX')
    own.secrets.add('SecondPassword2')
    own.ll('account', 'passwd', account.user, text='SecondPassword2\n')
    with Imap(own, 'imaps') as other:
        assert other.cmd(f'LOGIN {account.user} FirstPassword1')[0] == 'NO'
        other.ok(f'LOGIN {account.user} SecondPassword2')
    session.ok('NOOP')
    assert scram_login(own, account.user, 'SecondPassword2') == 235
    assert scram_login(own, account.user, 'FirstPassword1') == 535


def scram_login(demo, user, password):
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        return scram(smtp, Scram(Account({'user': user, 'password': password}))).code


def test_app_passwords_open_only_what_they_are_for(demo, user):
    """172"""
    row = demo.rows('account', 'app-password', 'add', user.user, 'phone', '--for', 'imap')[0]
    demo.secrets.add(row['password'])
    app = Account({'user': user.user, 'password': row['password']})
    try:
        imap(demo, app).close()
        with Pop(demo, 'pop3s') as session:
            session.ok(f'USER {app.user}')
            assert session.cmd(f'PASS {app.password}').startswith(b'-ERR')
        with Smtp(demo, 'submissions') as smtp:
            smtp.ehlo()
            assert smtp.cmd(b'AUTH PLAIN ' + app.plain()) == 535
    finally:
        demo.ll('account', 'app-password', 'remove', user.user, str(row['id']))
    with Imap(demo, 'imaps') as session:
        assert session.cmd(f'LOGIN {app.user} {app.password}')[0] == 'NO'
    imap(demo, user).close()


def test_scram_can_be_switched_off(own):
    def offered():
        with Smtp(own, 'submissions') as smtp:
            smtp.ehlo()
            return set(smtp.extensions['AUTH'].split())
    assert 'SCRAM-SHA-256' in offered()  # and the edge has learned it
    own.set_option('auth', 'scram', 'off')
    own.reload()
    assert offered() == {'PLAIN', 'LOGIN'}
    own.set_option('auth', 'scram', 'on')
    own.reload()
    assert 'SCRAM-SHA-256' in offered()


def test_one_login_for_all_protocols(demo, two):
    user, friend = two
    word = token()
    with submission(demo, user) as smtp:
        smtp.envelope(user.user, friend.user)
        assert smtp.data(message(friend.user, user.user, word)) == 250
    find(demo, friend, word)
    with pop(demo, friend) as session:
        assert session.ok('STAT').startswith(b'+OK 1 ')


def test_passwords_stand_in_no_title_of_a_process(demo):
    """171"""
    for pid in demo.every_pid():
        with open(f'/proc/{pid}/cmdline', 'rb') as file:
            title = file.read()
        with open(f'/proc/{pid}/environ', 'rb') as file:
            title += file.read()
        for secret in demo.secrets:
            assert secret.encode() not in title
