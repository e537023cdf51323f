# SPDX-License-Identifier: Apache-2.0
"""Stage 6: mail goes out to other servers, protected as it was decided, and is never lost."""
import base64
import email
import email.policy
import hashlib
import os
import re
import signal
import subprocess
import time

import pytest

from kit.instance import PROGRAM, Instance, alive, wait
from kit.mail import find, message, token, values
from kit.sink import Sink, make_key
from kit.wire import submission

SECONDS = 20


def route(demo, text, ports=()):
    """Rules of ours in front of all others, and the right to reach loopback."""
    config = demo.config.read_text()
    base = config.split('# routes\n')[0]
    more = f' ports {" ".join(map(str, ports))};' if ports else ''
    demo.config.write_text(f'{base}# routes\noutgoing {{ reach 127.0.0.0/8;{more} }}\n{text}\n')
    demo.reload()


def to_sink(sink, more=''):
    return f'destination sink {{ domain *; host {sink.host}; port {sink.port}; {more} }}'


def submit(demo, account, to, word=None, body='hello\r\n', sender=None, **options):
    word = word or token()
    to = [to] if isinstance(to, str) else to
    with submission(demo, account, 'submissions') as smtp:
        smtp.envelope(sender or account.user, *to)
        data = message(to[0], account.user, word, body=body, **options)
        assert smtp.data(data) == 250
    return word


def outcomes(demo, recipient):
    return [row for row in demo.log_rows('carry.recipient') if row.get('recipient') == recipient]


def queued(demo, recipient):
    return [row for row in demo.rows('queue', 'list') if row['recipient'] == recipient]


@pytest.fixture
def sink():
    with Sink() as server:
        yield server


def test_submitted_mail_goes_out(own, sink):
    route(own, to_sink(sink), [sink.port])
    body = '.dot\r\n\r\nend'
    word = submit(own, own.alice, ['bob@there.example', 'eve@there.example'], body=body)
    mail = sink.wait_for(word)
    assert mail.sender == own.alice.user
    assert sorted(mail.to) == ['bob@there.example', 'eve@there.example']
    assert mail.data.endswith(b'\r\n\r\n.dot\r\n\r\nend\r\n')
    assert len(values(mail.data, 'Received')) == 1
    assert wait(lambda: not queued(own, 'bob@there.example'), SECONDS)
    row, = outcomes(own, 'bob@there.example')
    assert (row['outcome'], row['status'], row['host']) == ('delivered', '2.6.0', sink.host)


def test_a_large_message_goes_out_whole(own, sink):
    route(own, to_sink(sink), [sink.port])
    line = 'x' * 70 + '\r\n'
    word = submit(own, own.alice, 'bob@there.example', body=(line * 20000)[:-2])
    mail = sink.wait_for(word)
    assert mail.data.split(b'\r\n\r\n', 1)[1] == (line * 20000).encode()


def test_a_bounce_comes_into_the_senders_mailbox(own, sink):
    route(own, to_sink(sink), [sink.port])
    sink.replies['RCPT TO:<no@'] = '550 5.1.1 no such user here'
    word = submit(own, own.alice, ['no@there.example', 'yes@there.example'])
    sink.wait_for(word)
    report = find(own, own.alice, word, seconds=SECONDS)
    assert b'no such user here' in report and b'Final-Recipient: rfc822; no@there.example' in report
    assert b'Status: 5.1.1' in report and b'yes@there.example' not in report
    assert values(report, 'Return-Path') == ['<>']
    assert not queued(own, 'no@there.example')


@pytest.mark.skipif(os.geteuid() != 0, reason='root alone sends as anybody')
def test_a_report_that_nobody_takes_is_held(own, sink):
    """71: no bounce of a bounce; it is there for a person, and in the ledger."""
    route(own, to_sink(sink), [sink.port])
    sink.replies['RCPT'] = '550 5.1.1 no such user here'
    done = subprocess.run([str(PROGRAM), 'sendmail', '--config', str(own.config), '-f', 'x@there.example',
                           'no@there.example'], input='Subject: x\n\nx\n', text=True, timeout=20)
    assert done.returncode == 0
    assert wait(lambda: queued(own, 'x@there.example') and outcomes(own, 'x@there.example'), SECONDS)
    row, = wait(lambda: [r for r in queued(own, 'x@there.example') if r['state'] == 'held'], SECONDS)
    assert row['sender'] == '' and row['code'] == 550 and row['why'] == 'no such user here'
    assert outcomes(own, 'x@there.example')[0]['outcome'] == 'held'
    book = {r['what']: r['recipients'] for r in own.rows('queue', 'ledger', '--recount')}
    assert book['held'] == 1 and book['accepted'] == sum(book.values()) - book['accepted']
    own.ll('queue', 'delete', '--all')
    assert not queued(own, 'x@there.example')


def test_a_server_that_does_not_want_now_is_asked_again(own, sink):
    route(own, to_sink(sink), [sink.port])
    sink.replies['RCPT'] = '451 4.2.0 come later'
    word = submit(own, own.alice, 'bob@there.example')
    assert wait(lambda: outcomes(own, 'bob@there.example'), SECONDS)
    assert outcomes(own, 'bob@there.example')[0]['outcome'] == 'deferred'
    assert queued(own, 'bob@there.example')
    assert word and not sink.mails


def test_a_connection_is_used_again(own, sink):
    route(own, to_sink(sink), [sink.port])
    for _ in range(6):  # at once they would have a connection each
        sink.wait_for(submit(own, own.alice, 'bob@there.example'))
    assert len(sink.sessions) < 6


def test_a_server_without_8bitmime(own, sink):
    """It gets seven bits of the same content; what is signed comes back with the reason."""
    sink.extensions = ['PIPELINING']
    route(own, to_sink(sink), [sink.port])
    text = 'Gr\u00fc\u00dfe aus Wien, 10 = 10 \r\n.dot\r\n' * 4000
    word = token()
    letter = (f'From: {own.alice.user}\r\nTo: bob@there.example\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n'
              'Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b\r\n'
              'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
              f'{text}\r\n--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n'
              'AAECAw==\r\n--b--\r\n').encode()
    signed = letter.replace(b'MIME-Version', b'DKIM-Signature: v=1\r\nMIME-Version')
    for data in (letter, signed.replace(word.encode(), b'kept' + word.encode())):
        with submission(own, own.alice, 'submissions') as smtp:
            assert smtp.cmd(f'MAIL FROM:<{own.alice.user}> BODY=8BITMIME') == 250
            assert smtp.cmd('RCPT TO:<bob@there.example>') == 250
            assert smtp.data(data) == 250
    mail = sink.wait_for(word)
    assert max(mail.data) < 128 and not any('BODY=' in line for s in sink.sessions for line in s.heard)
    first, second = email.message_from_bytes(mail.data, policy=email.policy.SMTP).iter_parts()
    assert first.get_payload(decode=True).decode() == text
    assert first['Content-Transfer-Encoding'] == 'quoted-printable'
    assert second.get_payload(decode=True) == b'\0\1\2\3'
    report = find(own, own.alice, 'kept' + word, seconds=SECONDS)
    assert b'5.6.3' in report and b'would break its signature' in b' '.join(report.split())
    assert len(sink.mails) == 1


def asked(demo, to, params):
    word = token()
    with submission(demo, demo.alice, 'submissions') as smtp:
        smtp.envelope(demo.alice.user, to, params=params)
        assert smtp.data(message(to, demo.alice.user, word)) == 250
    return word


def test_a_deadline_and_a_priority_go_on(own, sink):
    """What is left of the time, to servers that promise it; what must come back in time to no other."""
    sink.extensions += ['DELIVERBY 5', 'MT-PRIORITY']
    route(own, to_sink(sink), [sink.port])
    sink.wait_for(asked(own, 'bob@there.example', ' BY=100;RT MT-PRIORITY=3'))
    mail, = [line for line in sink.sessions[0].heard if line.startswith('MAIL')]
    left = re.search(r' BY=(\d+);RT MT-PRIORITY=3$', mail)
    assert left and 80 < int(left[1]) <= 100, mail
    sink.extensions.remove('DELIVERBY 5')
    own.set_option('outgoing', 'idle', '0s')
    own.reload()
    word = asked(own, 'bob@there.example', ' BY=100;R')
    report = find(own, own.alice, word, seconds=SECONDS)
    assert b'Status: 5.3.3' in report and len(sink.mails) == 1
    sink.wait_for(asked(own, 'bob@there.example', ' BY=100;N'))


def test_a_deadline_that_passes(own, sink):
    """With R it comes back at its time, with N the sender hears that it is late and it goes on."""
    sink.extensions.append('DELIVERBY')
    sink.replies['RCPT'] = '451 4.2.0 come later'
    route(own, to_sink(sink), [sink.port])
    began = time.time()
    back, late = asked(own, 'r@there.example', ' BY=3;R'), asked(own, 'n@there.example', ' BY=3;N')
    report = find(own, own.alice, back, seconds=SECONDS)
    assert time.time() - began >= 2
    assert b'Action: failed' in report and b'Status: 5.4.7' in report
    assert b'Action: delayed' in find(own, own.alice, late, seconds=SECONDS)
    assert not queued(own, 'r@there.example') and queued(own, 'n@there.example')


# ---- TLS ----

@pytest.fixture
def authority(tmp_path):
    return make_key(tmp_path, 'authority')


def test_tls_where_it_is_offered(own, tmp_path):
    with Sink(tls=make_key(tmp_path, 'self.example', san='DNS:self.example')) as sink:
        route(own, to_sink(sink), [sink.port])
        mail = sink.wait_for(submit(own, own.alice, 'bob@there.example'))
        assert mail.tls == 'TLSv1.3'
        assert wait(lambda: own.log_rows('tls.established'), SECONDS)
        row = [r for r in own.log_rows('tls.established') if r.get('direction') == 'out'][0]
        assert row['tls'] == 'TLSv1.3' and 'self.example' in row['certificate']


def authorities(demo, authority, text, port):
    demo.config.write_text(demo.config.read_text().split('# routes\n')[0])
    route(demo, text, [port])
    demo.config.write_text(demo.config.read_text().replace(
        'outgoing {', f'outgoing {{ authorities {authority[0]};'))
    demo.reload()


def test_a_name_is_verified_or_the_mail_waits(own, tmp_path, authority):
    for name, good in (('mx.right.example', True), ('mx.wrong.example', False)):
        with Sink(tls=make_key(tmp_path, name, authority)) as sink:
            authorities(own, authority, to_sink(sink, 'tls verify; name mx.right.example;'), sink.port)
            to = f'bob@{name}'
            word = submit(own, own.alice, to)
            assert wait(lambda: outcomes(own, to), SECONDS)
            row = outcomes(own, to)[0]
            if good:
                assert sink.wait_for(word).tls and row['outcome'] == 'delivered'
            else:
                assert row['outcome'] == 'deferred' and row['status'] == '4.7.5', row
                assert not sink.mails and 'mx.right.example' in row['text']


def test_a_key_by_its_fingerprint(own, tmp_path):
    pair = make_key(tmp_path, 'any.example', san='DNS:any.example')
    spki = subprocess.run(['openssl', 'x509', '-in', str(pair[0]), '-noout', '-pubkey'],
                          capture_output=True, check=True).stdout
    der = base64.b64decode(b''.join(spki.split(b'\n')[1:-2]))
    with Sink(tls=pair) as sink:
        right = hashlib.sha256(der).hexdigest()
        for key, to in (('ab' * 32, 'bob@no.example'), (right, 'bob@yes.example')):
            route(own, to_sink(sink, f'tls fingerprint; fingerprint {key};'), [sink.port])
            submit(own, own.alice, to)
            assert wait(lambda: outcomes(own, to), SECONDS)
            assert outcomes(own, to)[0]['outcome'] == ('delivered' if key == right else 'deferred')
        assert [m.to for m in sink.mails] == [['bob@yes.example']]


def test_a_login_at_a_smart_host(own, tmp_path, authority):
    """G12: the password goes inside of TLS alone, and stands in no log."""
    secret = tmp_path / 'password'
    secret.write_text('pass-word-77\n')
    with Sink(tls=make_key(tmp_path, 'relay.example', authority), users={'me': 'pass-word-77'}) as sink:
        rule = to_sink(sink, f'tls verify; name relay.example; login me; password file:{secret};')
        authorities(own, authority, rule, sink.port)
        sink.wait_for(submit(own, own.alice, 'bob@there.example'))
        assert sink.logins == [('me', 'pass-word-77', 'TLSv1.3')]
        secret.write_text('wrong')
        own.reload()
        submit(own, own.alice, 'eve@there.example')
        assert wait(lambda: outcomes(own, 'eve@there.example'), SECONDS)
        row = outcomes(own, 'eve@there.example')[0]
        assert row['outcome'] == 'deferred' and '535' in row['text'], row
        assert 'pass-word-77' not in own.log_text()


def test_a_login_shows_no_password_where_it_need_not(own, tmp_path):
    """SCRAM, bound to the channel, is taken before PLAIN; a server without the secret gets no mail."""
    smart = Instance(users=2)
    try:
        smart.start()
        smart.ll('domain', 'add', 'smart.example')
        friend = smart.new_account('friend@smart.example', 'a-long-password-1')
        secret = tmp_path / 'password'
        secret.write_text(smart.alice.password)
        own.set_option('outgoing', 'authorities', f'"{smart.ca}"')
        own.set_option('outgoing', 'idle', '0s')
        route(own, f'destination smart {{ domain *; host 127.0.0.1; port {smart.ports["submission"]}; '
                   f'tls verify; name mx.example.test; login {smart.alice.user}; password file:{secret}; }}',
              [smart.ports['submission']])
        assert find(smart, friend, submit(own, own.alice, friend.user), seconds=SECONDS)
        assert [row['mechanism'] for row in own.log_rows('carry.login')] == ['SCRAM-SHA-256-PLUS']
        smart.set_option('auth', 'scram', 'off')
        smart.reload()
        assert find(smart, friend, submit(own, own.alice, friend.user), seconds=SECONDS)
        assert wait(lambda: own.log_rows('carry.login')[-1]['mechanism'] == 'PLAIN', SECONDS)
        secret.write_text('wrong')
        own.reload()
        submit(own, own.alice, 'eve@smart.example')
        assert wait(lambda: outcomes(own, 'eve@smart.example'), SECONDS)
        assert '535' in outcomes(own, 'eve@smart.example')[0]['text']
    finally:
        smart.stop()
        smart.clean()


def test_clear_text_is_refused_where_tls_has_to_be(own, sink):
    route(own, to_sink(sink, 'tls encrypt;'), [sink.port])
    submit(own, own.alice, 'bob@there.example')
    assert wait(lambda: outcomes(own, 'bob@there.example'), SECONDS)
    row = outcomes(own, 'bob@there.example')[0]
    assert (row['outcome'], row['status']) == ('deferred', '4.7.5')
    assert 'STARTTLS' in row['text'] and not sink.mails


# ---- why-not ----

def test_why_not(own, tmp_path, authority):
    """The real way, up to MAIL: nothing is sent, and the exit code tells."""
    with Sink(tls=make_key(tmp_path, 'mx.right.example', authority)) as sink:
        authorities(own, authority, to_sink(sink, 'tls verify; name mx.right.example;'), sink.port)
        said = own.ll('why-not', 'there.example').stdout
        assert 'would be delivered' in said and 'our rule' in said and 'TLSv1.3' in said
        heard = sink.sessions[0].heard
        assert wait(lambda: len(heard) == 4, 5), heard
        assert [line.split()[0] for line in heard] == ['EHLO', 'STARTTLS', 'EHLO', 'QUIT']
        rows = own.rows('why-not', 'there.example')
        decided = next(row for row in rows if row['step'] == 'carry.decided')
        assert decided['level'] == 'verify' and decided['rule'].startswith(str(own.config))
        authorities(own, authority, to_sink(sink, 'tls verify; name mx.wrong.example;'), sink.port)
        done = own.ll('why-not', 'there.example', code=1)
        assert 'would wait' in done.stderr and 'mx.wrong.example' in done.stderr
    assert 'letterlock why-not' in own.ll('why-not', code=2).stderr


# ---- processes that die ----

@pytest.mark.limit(150)
def test_a_courier_that_is_killed_loses_nothing(own, sink):
    own.set_option('queue', 'retry', '10s')
    route(own, to_sink(sink), [sink.port])
    sink.replies['.'] = '451 4.3.0 wait'
    gone = []
    words = []
    for i in range(20):
        words.append(submit(own, own.alice, f'r{i}@there.example'))
        if i % 4 == 3:
            pid = own.pids()['courier'][0]
            os.kill(pid, signal.SIGKILL)
            gone.append(pid)
            assert wait(lambda: own.pids()['courier'][0] not in (0, pid), SECONDS)
            sink.replies.clear()
    for word in words:
        assert wait(lambda: [m for m in sink.mails if word.encode() in m.data], 90), word
    assert not [pid for pid in gone if alive(pid)]
    assert wait(lambda: not own.rows('queue', 'list'), SECONDS)


def test_to_a_second_instance(own):
    other = Instance(users=1)
    try:
        other.start()
        other.config.write_text(other.config.read_text().replace('hostname mx.example.test', 'hostname mx2.example.test'))
        other.reload()
        route(own, f'destination two {{ domain two.example; host 127.0.0.1; port {other.ports["smtp"]}; tls encrypt; }}',
              [other.ports['smtp']])
        other.ll('domain', 'add', 'two.example')
        friend = other.new_account('friend@two.example', 'a-long-password-1')
        word = submit(own, own.alice, 'friend@two.example')
        found = find(other, friend, word, seconds=SECONDS)
        assert len(values(found, 'Received')) == 2
        assert 'ESMTPS' in values(found, 'Received')[0]
        other.stop()
    finally:
        other.clean()


def test_without_a_way_mail_waits(own):
    """The demo's promise: nothing leaves the machine."""
    begin = time.monotonic()
    for to in ('x@elsewhere.example', 'x@[192.0.2.1]'):
        submit(own, own.alice, to)
        assert wait(lambda: outcomes(own, to), SECONDS)
        assert outcomes(own, to)[0]['outcome'] == 'deferred'
        assert queued(own, to)
    assert time.monotonic() - begin < SECONDS
    assert not own.log_rows('carry.connected')
