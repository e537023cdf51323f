# SPDX-License-Identifier: Apache-2.0
"""TLS as a client meets it (threats B2, and the guide's T1-T5, G5-G29)."""
import concurrent.futures
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest

from kit.instance import HOST, wait
from kit.mail import ELSEWHERE, absent, deliver, message, token
from kit.wire import Imap, Pop, Smtp, imap, mx, submission

STARTTLS = {'smtp': 'smtp', 'submission': 'smtp', 'imap': 'imap', 'pop3': 'pop3'}
IMPLICIT = ['submissions', 'imaps', 'pop3s']
EVERY = [*STARTTLS, *IMPLICIT]
STRICT = [port for port in EVERY if port != 'smtp']


def client(demo, port, *words, text='', check=True):
    """openssl s_client; its whole output."""
    command = ['openssl', 's_client', '-connect', f'127.0.0.1:{demo.ports[port]}', '-crlf',
               '-servername', HOST, '-verify_hostname', HOST, '-CAfile', demo.ca,
               '-verify_return_error', *words]
    if port in STARTTLS:
        command += ['-starttls', STARTTLS[port]]
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=20)
    output = (done.stdout + done.stderr).decode(errors='replace')
    assert not check or done.returncode == 0, output
    return output


GREETING = {'imaps': r'\* OK \[CAPABILITY [^]]*AUTH=', 'pop3s': r'\+OK', 'submissions': '220 mx'}


@pytest.mark.parametrize('port', EVERY)
def test_openssl_s_client(demo, port):
    """T1-T5: a verified handshake in TLS 1.3, then the protocol."""
    ask = {'imaps': 'a LOGOUT\n', 'imap': 'a CAPABILITY\nb LOGOUT\n', 'pop3s': 'QUIT\n',
           'pop3': 'CAPA\nQUIT\n'}.get(port, 'EHLO client.example\nquit\n')
    output = client(demo, port, '-ign_eof', text=ask)
    assert 'Verify return code: 0 (ok)' in output
    assert re.search(r'New, TLSv1\.3, Cipher is TLS_', output)
    assert 'Compression: NONE' in output and 'Max Early Data: 0' in output or \
        'Early data was not sent' in output
    if port in GREETING:
        assert re.search(GREETING[port], output)
    if port in ('imap', 'imaps'):
        inside = output.split('---')[-1] if port == 'imap' else output
        assert 'LOGINDISABLED' not in inside and 'STARTTLS' not in inside
    if port == 'pop3':
        assert '\nSASL ' in output.replace('\r', '').split('---')[-1]


@pytest.mark.parametrize('port', EVERY)
def test_a_certificate_of_nobody_known_fails(demo, port):
    words = ['openssl', 's_client', '-connect', f'127.0.0.1:{demo.ports[port]}',
             '-verify_return_error', '-verify_hostname', HOST]
    if port in STARTTLS:
        words += ['-starttls', STARTTLS[port]]
    done = subprocess.run(words, input=b'', capture_output=True, timeout=20)
    assert done.returncode != 0


@pytest.mark.parametrize('name', [HOST, 'localhost', '127.0.0.1', '::1'])
def test_names_in_the_certificate(demo, name):
    with Imap(demo, demo.ports['imaps'], greet=False) as session:
        session.tls(name=name)
        assert session.answer().startswith(b'* OK')


@pytest.mark.parametrize('version', ['-tls1', '-tls1_1'])
@pytest.mark.parametrize('port', EVERY)
def test_old_versions_get_alert_70(demo, port, version):
    output = client(demo, port, version, '-cipher', 'ALL:@SECLEVEL=0', check=False)
    assert 'alert number 70' in output, output


def handshake(demo, port, context, name=HOST):
    kind = {'smtp': Smtp, 'submission': Smtp, 'submissions': Smtp}.get(
        port, Imap if port.startswith('imap') else Pop)
    number = demo.ports[port]
    session = kind(demo, number, greet=port in STARTTLS)
    with session:
        if kind is Smtp and port in STARTTLS:
            session.ehlo()
            assert session.cmd('STARTTLS') == 220
        elif port == 'imap':
            session.ok('STARTTLS')
        elif port == 'pop3':
            session.ok('STLS')
        session.tls(context, name)
        return session.sock.cipher()[0], session.sock.version(), session.sock.selected_alpn_protocol()


@pytest.mark.parametrize('port', EVERY)
def test_a_wrong_alpn_name_gets_alert_120(demo, port):
    """29: a page of the web cannot be made to talk to a mail port."""
    output = client(demo, port, '-alpn', 'h2,http/1.1', check=False)
    assert 'alert number 120' in output, output


@pytest.mark.parametrize('port, name', [('imaps', 'imap'), ('imap', 'imap'), ('pop3s', 'pop3'),
                                        ('pop3', 'pop3'), ('submissions', 'smtp'), ('smtp', 'smtp')])
def test_the_own_alpn_name_is_taken(demo, port, name):
    context = demo.context()
    context.set_alpn_protocols([name])
    assert handshake(demo, port, context)[2] == name


@pytest.mark.parametrize('port', EVERY)
def test_no_renegotiation(demo, port):
    """33: asked for in TLS 1.2, refused."""
    words = ['openssl', 's_client', '-connect', f'127.0.0.1:{demo.ports[port]}', '-tls1_2',
             '-CAfile', demo.ca]
    if port in STARTTLS:
        words += ['-starttls', STARTTLS[port]]
    done = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    time.sleep(0.3)
    output = done.communicate(b'R\n', timeout=15)[0].decode(errors='replace')
    assert 'RENEGOTIATING' in output
    assert re.search('no renegotiation|alert number 100|unexpected', output), output


CBC = ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES128-SHA256',
       'ECDHE-RSA-AES256-SHA']
AEAD = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305',
        'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305']
NEVER = ['AES128-SHA', 'AES256-GCM-SHA384', 'DHE-RSA-AES256-GCM-SHA384', 'AECDH-AES256-SHA',
         'ADH-AES256-SHA', 'ECDHE-RSA-NULL-SHA', 'NULL-SHA', 'PSK-AES128-CBC-SHA', 'ECDHE-ECDSA-NULL-SHA']


def only(demo, suite):
    context = demo.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(suite + ':@SECLEVEL=0')
    return context


@pytest.mark.parametrize('suite', CBC)
def test_cbc_suites_are_for_port_25_only(with_rsa, suite):
    """G19, G24, G29: the alternative there is cleartext, elsewhere it is not."""
    assert handshake(with_rsa, 'smtp', only(with_rsa, suite))[0] == suite
    for port in STRICT:
        with pytest.raises(ssl.SSLError, match='(?i)handshake.failure'):
            handshake(with_rsa, port, only(with_rsa, suite))


@pytest.mark.parametrize('suite', AEAD)
def test_aead_suites_are_for_all(with_rsa, suite):
    for port in EVERY:
        cipher, version, _ = handshake(with_rsa, port, only(with_rsa, suite))
        assert (cipher, version) == (suite, 'TLSv1.2')


@pytest.mark.parametrize('suite', NEVER)
def test_suites_that_nobody_gets(with_rsa, suite):
    """32: no static RSA, no DHE by default, nothing anonymous, nothing without a cipher."""
    for port in EVERY:
        try:
            context = only(with_rsa, suite)
        except ssl.SSLError:
            pytest.skip('unknown to this OpenSSL')
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(ssl.SSLError):
            handshake(with_rsa, port, context)


def test_server_order_and_chacha(with_rsa):
    """D4, O10: the server's order, but ChaCha20 for who puts it first."""
    context = only(with_rsa, 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384')
    one = handshake(with_rsa, 'imaps', context)[0]
    context = only(with_rsa, 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256')
    assert handshake(with_rsa, 'imaps', context)[0] == one
    context = only(with_rsa, 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256')
    assert 'CHACHA20' in handshake(with_rsa, 'imaps', context)[0]


@pytest.mark.parametrize('words', [
    ['-sigalgs', 'ECDSA+SHA256'], ['-sigalgs', 'RSA-PSS+SHA256'],
    ['-tls1_2', '-sigalgs', 'RSA+SHA256'], ['-tls1_2', '-sigalgs', 'ECDSA+SHA256'],
    ['-groups', 'X25519'], ['-groups', 'P-256'], ['-groups', 'P-384']])
def test_both_keys_and_every_group(with_rsa, words):
    """P14, O9: the vault signs with each key in each version."""
    assert 'Verify return code: 0 (ok)' in client(with_rsa, 'imaps', *words, '-ign_eof',
                                                  text='a LOGOUT\n')


@pytest.mark.parametrize('name', ['unknown.example', '127.0.0.1', 'a' * 63 + '.example', None,
                                  'x.' * 120 + 'example'])
def test_any_server_name_gets_the_certificate(demo, name):
    """30"""
    context = demo.context(check_hostname=False)
    assert handshake(demo, 'imaps', context, name)[1] == 'TLSv1.3'


def client_hello(name):
    """A ClientHello for exactly these bytes as server name."""
    sni = b'\0' + len(name).to_bytes(2, 'big') + name
    extensions = (b'\0\0' + (len(sni) + 2).to_bytes(2, 'big') + len(sni).to_bytes(2, 'big') + sni +
                  bytes.fromhex('000a00040002001d' '000d000400020403' '002b0003020304'
                                '00330026 0024 001d 0020') + os.urandom(32))
    body = (b'\3\3' + os.urandom(32) + b'\0' + b'\0\2\x13\1' + b'\1\0' +
            len(extensions).to_bytes(2, 'big') + extensions)
    hello = b'\1' + len(body).to_bytes(3, 'big') + body
    return b'\x16\3\1' + len(hello).to_bytes(2, 'big') + hello


@pytest.mark.parametrize('name', [b'mx.example.test\\', b'\\', b'a' * 255, b'a' * 256, b'a' * 8000,
                                  b'\xff\xfe.example', b'a\0b.example', b'', b'a\r\nevent=forged'],
                         ids=['backslash-end', 'backslash', '255', '256', '8000', '8-bit', 'nul',
                              'empty', 'line'])
def test_odd_server_names_are_answered_or_refused(demo, name):
    """235, 30: a handshake or an alert; nothing of it forges the log."""
    mark = len(demo.log_text())
    with socket.create_connection(('127.0.0.1', demo.ports['imaps']), timeout=10) as peer:
        peer.sendall(client_hello(name))
        assert peer.recv(1)[0] in (0x16, 0x15)  # a ServerHello, or an alert
    assert 'event=forged' not in [word for line in demo.log_text()[mark:].splitlines()
                                  for word in line.split()]


def test_many_server_names_cost_no_memory(demo):
    """30"""
    pid = demo.pids()['edge-access'][0]
    context = demo.context(check_hostname=False)
    handshake(demo, 'imaps', context, 'first.example')
    before = demo.memory(pid)
    for n in range(200):
        handshake(demo, 'imaps', context, f'name{n}.example')
    assert demo.memory(pid) - before < 4 << 20


def test_sessions_are_not_resumed_and_there_is_no_early_data(demo):
    """34, 35: tickets are off."""
    output = client(demo, 'imaps', '-ign_eof', text='a LOGOUT\n')
    assert 'Post-Handshake New Session Ticket' not in output
    assert 'Reused' not in output


# ---- STARTTLS ----

def test_commands_behind_starttls_are_discarded_smtp(demo, user):
    """21: sent in one segment with STARTTLS."""
    for port in ('smtp', 'submission'):
        with Smtp(demo, port) as smtp:
            smtp.ehlo()
            smtp.send(f'STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<{ELSEWHERE}>\r\n'
                      f'RCPT TO:<{user.user}>\r\n')
            if smtp.answer() != 220:
                continue
            assert not smtp.buffer
            try:
                smtp.tls()
            except (ssl.SSLError, OSError):
                continue  # the connection is closed: fine
            assert smtp.silent()
            assert smtp.cmd('RCPT TO:<u1@example.test>').code in (503, 530)
            assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>').code in (503, 530)


def test_commands_behind_starttls_are_discarded_imap(demo, user):
    """22"""
    with Imap(demo, 'imap') as session:
        session.send(f'a STARTTLS\r\nb LOGIN {user.user} {user.password}\r\nc SELECT INBOX\r\n')
        assert session.line().startswith(b'a OK')
        try:
            session.tls()
        except (ssl.SSLError, OSError):
            return
        assert session.silent()
        assert session.cmd('SELECT INBOX')[0] == 'BAD'


def test_commands_behind_stls_are_discarded_pop3(demo, user):
    """22"""
    with Pop(demo, 'pop3') as session:
        session.send(f'STLS\r\nUSER {user.user}\r\nPASS {user.password}\r\n')
        assert session.line().startswith(b'+OK')
        try:
            session.tls()
        except (ssl.SSLError, OSError):
            return
        assert session.silent()
        assert session.cmd(f'PASS {user.password}').startswith(b'-ERR')


def test_nothing_of_before_counts_after_starttls(demo, user):
    """25: name, sender and recipients are forgotten; no second STARTTLS."""
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, user.user)
        smtp.starttls()
        assert smtp.cmd('DATA').code in (503, 554)
        assert smtp.cmd('MAIL FROM:<>') == 503
        assert 'STARTTLS' not in smtp.ehlo()
        assert smtp.cmd('STARTTLS') == 503


def test_capabilities_change_with_starttls_imap(demo):
    """T3, G25, 26, 27"""
    with Imap(demo, 'imap') as session:
        assert session.greeting.startswith(b'* OK ') and b'PREAUTH' not in session.greeting
        before = session.capability()
        assert 'STARTTLS' in before and 'LOGINDISABLED' in before
        assert not [word for word in before if word.startswith('AUTH=')]
        session.ok('STARTTLS')
        session.tls()
        after = session.capability()
        assert 'STARTTLS' not in after and 'LOGINDISABLED' not in after
        assert {'AUTH=PLAIN', 'AUTH=LOGIN', 'AUTH=SCRAM-SHA-256', 'AUTH=SCRAM-SHA-256-PLUS'} <= set(after)
        assert session.cmd('STARTTLS')[0] == 'BAD'


def test_capabilities_change_with_stls_pop3(demo):
    """T4, G25"""
    with Pop(demo, 'pop3') as session:
        before = session.listing('CAPA')
        assert b'STLS' in before and b'USER' not in before
        assert not [line for line in before if line.startswith(b'SASL')]
        session.ok('STLS')
        session.tls()
        after = session.listing('CAPA')
        assert b'STLS' not in after and b'USER' in after
        assert [line for line in after if line.startswith(b'SASL ') and b' PLAIN' in line]


@pytest.mark.parametrize('command', ['LOGIN {user} {password}', 'AUTHENTICATE PLAIN {plain}',
                                     'AUTHENTICATE PLAIN', 'AUTHENTICATE SCRAM-SHA-256'])
def test_no_imap_login_before_tls(demo, user, command):
    """26, G28: not even a challenge; from loopback neither (G27)."""
    with Imap(demo, 'imap') as session:
        status, text, _ = session.cmd(command.format(
            user=user.user, password=user.password, plain=user.plain().decode()))
        assert status == 'NO' and '[PRIVACYREQUIRED]' in text
        assert session.cmd('SELECT INBOX')[0] == 'BAD'


@pytest.mark.parametrize('command', ['USER {user}', 'PASS {password}', 'APOP {user} x',
                                     'AUTH PLAIN {plain}', 'AUTH SCRAM-SHA-256'])
def test_no_pop3_login_before_tls(demo, user, command):
    with Pop(demo, 'pop3') as session:
        assert session.cmd(command.format(user=user.user, password=user.password,
                                          plain=user.plain().decode())).startswith(b'-ERR')


@pytest.mark.parametrize('port', STARTTLS)
def test_a_failed_handshake_ends_the_connection(demo, port):
    kind = {'imap': Imap, 'pop3': Pop}.get(port, Smtp)
    with kind(demo, port) as session:
        if kind is Smtp:
            session.ehlo()
        session.cmd({'imap': 'STARTTLS', 'pop3': 'STLS'}.get(port, 'STARTTLS'))
        session.send(b'NOOP\r\nQUIT\r\n' * 4)
        assert session.closes()
        assert b'250' not in session.said and b'+OK' not in session.said


def test_a_cut_connection_in_data_keeps_nothing(demo, user):
    """39: FIN without close_notify."""
    word = token()
    smtp = submission(demo, user)
    smtp.envelope(user.user, user.user)
    assert smtp.cmd('DATA') == 354
    smtp.send(message(user.user, user.user, subject=word) + '.\r')
    socket.socket(fileno=smtp.sock.detach()).close()
    session = imap(demo, user, 'INBOX')
    session.send(b'x APPEND INBOX {1000}\r\n')
    assert session.line().startswith(b'+')
    session.send(f'Subject: {word}\r\n\r\n')
    socket.socket(fileno=session.sock.detach()).close()
    time.sleep(0.2)
    assert absent(demo, user, word)


# ---- load ----

def hello_only(demo):
    """A connection that sends a ClientHello and nothing more."""
    sock = socket.create_connection(('127.0.0.1', demo.ports['imaps']), 5)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = demo.context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    sock.sendall(outgoing.read())
    return sock


def test_handshakes_that_are_never_finished(demo, user):
    """37: others log in as if nothing were."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        socks = list(pool.map(lambda _: hello_only(demo), range(400)))
        begin = time.monotonic()
        imap(demo, user).close()
        assert time.monotonic() - begin < 10
        for sock in socks:
            sock.close()


def test_a_handshake_has_a_deadline(own):
    """36: one byte now and then does not hold the place."""
    own.set_option('timeouts', 'handshake', '1s')
    own.reload()
    for data in (b'', b'\x16\x03\x01'):
        with socket.create_connection(('127.0.0.1', own.ports['imaps'])) as sock:
            sock.sendall(data)
            sock.settimeout(20)
            begin = time.monotonic()
            try:
                while sock.recv(100):
                    pass
            except ConnectionResetError:
                pass
            assert 0.5 < time.monotonic() - begin < 10


def test_reload_during_handshakes(own):
    """40: no handshake fails, old sessions live on."""
    session = imap(own, own.alice, 'INBOX')
    socks = [hello_only(own) for _ in range(50)]
    own.process.send_signal(1)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: handshake(own, 'imaps', own.context())[1], range(100)))
    assert versions == ['TLSv1.3'] * 100
    assert wait(lambda: own.log_rows('conf.reloaded'))
    session.ok('NOOP')
    for sock in socks:
        sock.close()


def test_garbage_instead_of_a_hello(demo):
    for data in (b'\0' * 64, b'\x16\x03\x01\xff\xff' + b'\1' * 100,
                 b'\x16\x03\x01' + struct.pack('>H', 4) + b'\x01\xff\xff\xff' + b'x' * 4000,
                 b'EHLO x\r\n', b'GET / HTTP/1.1\r\n\r\n'):
        with socket.create_connection(('127.0.0.1', demo.ports['imaps'])) as sock:
            sock.sendall(data)
            sock.settimeout(5)
            said = b''
            try:
                sock.shutdown(socket.SHUT_WR)
                while chunk := sock.recv(4096):
                    said += chunk
            except OSError:
                pass
            assert b'OK' not in said


def test_an_event_for_each_handshake(demo, user):
    """P8: version, suite and group, whatever the log's format is."""
    before = len(demo.log_rows('tls.established')) if demo.log_rows('tls.established') else 0
    deliver(demo, user.user)
    imap(demo, user).close()
    rows = wait(lambda: [row for row in demo.log_rows()
                         if 'TLS connection established' in row.get('message', '')][before:])
    assert rows and ' with cipher TLS_' in rows[-1]['message']
