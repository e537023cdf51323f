# SPDX-License-Identifier: Apache-2.0
"""Stage 1, arrive: what the SMTP ports say, and whom they take mail for."""
import pathlib
import socket

import pytest

from kit.mail import ELSEWHERE, deliver, find, message, token, values
from kit.wire import Smtp, mx, submission

COMMON = {'PIPELINING', 'SIZE', '8BITMIME', 'SMTPUTF8', 'CHUNKING', 'BINARYMIME',
          'ENHANCEDSTATUSCODES', 'LIMITS', 'HELP'}
OF_USERS = {'AUTH', 'DSN', 'REQUIRETLS', 'FUTURERELEASE', 'MT-PRIORITY', 'DELIVERBY'}
MECHANISMS = {'PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'}
SIZE = 50 << 20
TLS_FIRST = '530 5.7.0 Must issue a STARTTLS command first'
CLEAR_AUTH = '538 5.7.11 Encryption is required for authentication'


# ---- greetings and capabilities ----

def test_capabilities_of_the_mx_port(demo):
    with Smtp(demo, 'smtp') as smtp:
        assert smtp.greeting.line.startswith('220 mx.example.test ')
        clear = smtp.ehlo()
        assert set(clear) == COMMON | {'STARTTLS'}
        assert clear['SIZE'] == str(SIZE)
        assert 'RCPTMAX=100' in clear['LIMITS']
        smtp.starttls()
        assert set(smtp.ehlo()) == COMMON | {'REQUIRETLS'}


def test_capabilities_of_the_submission_port(demo):
    with Smtp(demo, 'submission') as smtp:
        assert set(smtp.ehlo()) == COMMON | {'DSN', 'STARTTLS'}
        smtp.starttls()
        secure = smtp.ehlo()
        assert set(secure) == COMMON | OF_USERS
        assert set(secure['AUTH'].split()) == MECHANISMS


def test_capabilities_of_the_submissions_port(demo):
    with Smtp(demo, 'submissions') as smtp:
        secure = smtp.ehlo()
        assert set(secure) == COMMON | OF_USERS
        assert set(secure['AUTH'].split()) == MECHANISMS


@pytest.mark.parametrize('port', ['submissions', 'imaps', 'pop3s'])
def test_implicit_tls_ports_are_silent_before_the_handshake(demo, port):
    with socket.create_connection(('127.0.0.1', demo.ports[port])) as sock:
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)


@pytest.mark.parametrize('port', ['smtp', 'submission', 'submissions'])
def test_ports_answer_on_ipv6(demo, port):
    with Smtp(demo, port, host='::1') as smtp:
        assert smtp.ehlo()


def test_starttls_is_offered_to_every_address(demo):
    for address in ('127.0.0.2', '127.9.8.7'):
        sock = socket.create_connection(('127.0.0.1', demo.ports['smtp']), 5, (address, 0))
        smtp = Smtp.__new__(Smtp)
        smtp.demo, smtp.sock, smtp.buffer, smtp.secure = demo, sock, b'', False
        smtp.answer()
        assert 'STARTTLS' in smtp.ehlo()
        smtp.close()


def test_mx_takes_mail_in_clear_and_inside_tls(demo, user):
    clear = deliver(demo, user.user)
    with mx(demo) as smtp:
        smtp.starttls()
        smtp.ehlo()
        smtp.envelope(ELSEWHERE, user.user)
        secure = token()
        assert smtp.data(message(user.user, subject=secure)) == 250
    assert ' with ESMTP\r\n' in find(demo, user, clear).decode()
    found = find(demo, user, secure).decode()
    assert ' with ESMTPS\r\n' in found and '(TLSv1.3 TLS_' in found


# ---- who may speak when ----

@pytest.mark.parametrize('command', [
    'MAIL FROM:<u1@example.test>', 'RCPT TO:<u1@example.test>', 'DATA', 'VRFY u1',
    'EXPN list', 'BDAT 0 LAST'])
def test_submission_wants_tls_first(demo, command):
    with Smtp(demo, 'submission') as smtp:
        smtp.ehlo()
        assert smtp.cmd(command).line == TLS_FIRST


@pytest.mark.parametrize('command, code', [
    ('NOOP', 250), ('RSET', 250), ('HELP', 214), ('HELO x.example', 250), ('QUIT', 221)])
def test_what_submission_answers_before_tls(demo, command, code):
    with Smtp(demo, 'submission') as smtp:
        smtp.ehlo()
        assert smtp.cmd(command) == code


@pytest.mark.parametrize('mechanism', sorted(MECHANISMS))
def test_auth_in_clear_is_538_and_nothing_is_checked(demo, user, mechanism):
    with Smtp(demo, 'submission') as smtp:
        smtp.ehlo()
        before = len(demo.log_rows('login'))
        assert smtp.cmd(f'AUTH {mechanism} ' + user.plain().decode()).line == CLEAR_AUTH
        assert smtp.cmd('AUTH ' + mechanism).line == CLEAR_AUTH
    assert len(demo.log_rows('login')) == before
    assert user.plain().decode() not in demo.log_text()


@pytest.mark.parametrize('command', ['MAIL FROM:<u1@example.test>', 'RCPT TO:<u1@example.test>',
                                     'DATA', 'BDAT 0 LAST'])
def test_submission_wants_authentication_from_loopback_too(demo, command):
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        assert smtp.cmd(command).line.startswith('530 5.7.0 ')


def test_mx_has_no_auth_in_clear_or_in_tls(demo, user):
    with mx(demo) as smtp:
        assert smtp.cmd(b'AUTH PLAIN ' + user.plain()).code in (502, 503)
        smtp.starttls()
        smtp.ehlo()
        assert smtp.cmd(b'AUTH PLAIN ' + user.plain()).code in (502, 503)


# ---- early talkers (17) and strangers (19) ----

def test_talking_before_the_greeting(demo):
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT where it works
    sock.settimeout(5)
    sock.connect(('127.0.0.1', demo.ports['smtp']))
    sock.sendall(b'EHLO early.example\r\nMAIL FROM:<a@elsewhere.example>\r\n')
    said = b''
    try:
        while chunk := sock.recv(4096):
            said += chunk
            if said.count(b'\r\n') >= 2 and b'554' not in said:
                break
    except (ConnectionResetError, TimeoutError):
        pass
    sock.close()
    # Bytes that were there at the greeting, or before the EHLO reply.
    assert b'554 5.5.0' in said and b'250 2.1.0' not in said


def test_talking_before_the_ehlo_reply(demo):
    with Smtp(demo, 'smtp') as smtp:
        smtp.send('EHLO early.example\r\nMAIL FROM:<a@elsewhere.example>\r\n')
        assert smtp.answer().line.startswith('554 5.5.0')
        assert smtp.closes()
        assert smtp.said == b''


def test_submission_clients_may_send_early(demo):
    with Smtp(demo, 'submission') as smtp:
        smtp.send('EHLO a.example\r\nNOOP\r\n')
        assert smtp.answer() == 250
        assert smtp.answer() == 250


@pytest.mark.parametrize('port', ['smtp', 'submission', 'submissions'])
@pytest.mark.parametrize('request_line', ['GET / HTTP/1.1', 'POST /x HTTP/1.0', 'PRI * HTTP/2.0'])
def test_an_http_request_ends_the_connection(demo, port, request_line):
    with Smtp(demo, port) as smtp:
        smtp.send(f'{request_line}\r\nHost: x\r\n\r\nEHLO a.example\r\n'
                  'MAIL FROM:<a@elsewhere.example>\r\n')
        assert smtp.answer() == 554
        assert smtp.closes()
        assert b'250' not in smtp.said


def test_a_client_hello_in_clear_ends_the_connection(demo):
    with Smtp(demo, 'smtp') as smtp:
        smtp.send(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'x' * 300)
        assert smtp.closes()


# ---- commands ----

def test_order_of_commands(demo):
    with Smtp(demo, 'smtp') as smtp:
        assert smtp.cmd('MAIL FROM:<a@elsewhere.example>') == 503
        smtp.ehlo()
        assert smtp.cmd('RCPT TO:<u1@example.test>') == 503
        assert smtp.cmd('DATA').code in (503, 554)
        assert smtp.cmd('MAIL FROM:<a@elsewhere.example>') == 250
        assert smtp.cmd('MAIL FROM:<b@elsewhere.example>') == 503
        assert smtp.cmd('DATA') == 554
        smtp.ehlo()
        assert smtp.cmd('RCPT TO:<u1@example.test>') == 503
        assert smtp.cmd('HELO old.example') == 250
        assert smtp.cmd('MAIL FROM:<>') == 250
        assert smtp.cmd('RSET') == 250
        assert smtp.cmd('RCPT TO:<u1@example.test>') == 503
        assert smtp.cmd('QUIT') == 221
        assert smtp.closes()


@pytest.mark.parametrize('command, codes', [
    ('VRFY u1@example.test', {252}), ('VRFY nobody@example.test', {252}), ('EXPN staff', {502}),
    ('ETRN x.example', {502}), ("ETRN x'; DROP TABLE t; --", {502}), ('TURN', {502}),
    ('HELP', {214}), ('DEBUG', {502}), ('WIZ', {502}), ('KILL', {500}),
    ('XCLIENT ADDR=1.2.3.4', {502}), ('XFORWARD NAME=x', {502}), ('SEND FROM:<a@b.example>', {502}),
    ('NOOP with words', {250}), ('QUIT now', {501}), ('RSET now', {501}), ('DATA now', {501, 503})])
def test_commands_that_do_little(demo, command, codes):
    with mx(demo) as smtp:
        reply = smtp.cmd(command)
        assert reply.code in codes and reply.enhanced, reply
        assert smtp.cmd('NOOP') == 250


def test_every_reply_has_an_enhanced_code(demo, user):
    with mx(demo) as smtp:
        for command in ('NOOP', 'RSET', 'HELP', 'FOO', 'MAIL', 'MAIL FROM:<a@elsewhere.example>',
                        'RCPT TO:<nobody@example.test>', 'RCPT TO:<x@elsewhere.example>',
                        f'RCPT TO:<{user.user}>', 'STARTTLS x', 'VRFY a', 'AUTH PLAIN', 'BDAT',
                        ):
            reply = smtp.cmd(command)
            assert reply.enhanced, (command, reply)
            assert len(reply.text) > len(reply.enhanced) + 1, 'a text that helps'


@pytest.mark.parametrize('length, code', [(4095, 250), (4096, 250), (4097, 500)])
def test_length_of_a_command(demo, length, code):
    with mx(demo) as smtp:
        reply = smtp.cmd('NOOP ' + 'x' * (length - 7))
        assert reply == code
        assert smtp.cmd('NOOP') == 250


@pytest.mark.parametrize('length, codes', [(12287, {535, 501}), (12288, {535, 501}), (12289, {500})])
def test_length_of_an_auth_command(demo, length, codes):
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        text = 'AUTH PLAIN '
        blob = 'A' * ((length - len(text) - 2) // 4 * 4)
        pad = ' ' * (length - len(text) - 2 - len(blob))
        assert smtp.cmd(text + blob + pad).code in codes
        assert smtp.cmd('NOOP') == 250


def test_a_line_without_end(demo):
    """20, 125: memory stays as it is while somebody sends and sends."""
    pid = demo.pids()['edge-mx'][0]
    before = demo.memory(pid)
    with mx(demo) as smtp:
        try:
            for _ in range(64):
                smtp.send(b'x' * (1 << 20))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        said = smtp.rest(3)
    assert said == b'' or said.startswith((b'500', b'421'))
    assert demo.memory(pid) - before < 8 << 20


def test_twenty_bad_commands(demo):
    """147: the twentieth is answered 421."""
    with mx(demo) as smtp:
        for _ in range(19):
            assert smtp.cmd('FOO') == 500
        assert smtp.cmd('FOO') == 421
        assert smtp.closes()


def test_commands_in_one_segment(demo, user):
    subject = token()
    with mx(demo) as smtp:
        smtp.send(f'MAIL FROM:<{ELSEWHERE}>\r\nRCPT TO:<nobody@example.test>\r\n'
                  f'RCPT TO:<{user.user}>\r\nDATA\r\n')
        assert [smtp.answer().code for _ in range(4)] == [250, 550, 250, 354]
        smtp.send(message(user.user, subject=subject) + '.\r\nNOOP\r\nQUIT\r\n')
        assert [smtp.answer().code for _ in range(3)] == [250, 250, 221]
    find(demo, user, subject)


@pytest.mark.parametrize('name, good', [
    ('client.example', True), ('[127.0.0.1]', True), ('[IPv6:::1]', True),
    ('[IPv6:1:2]', False), ('[300.1.1.1]', False), ('', False), ("';$(id)", False),
    ('a%n%n%s', False), ('a' * 256, False), ('x' * 4000, False)])
def test_names_in_ehlo(demo, name, good):
    """52: a well-formed name or literal, or 501."""
    with Smtp(demo, 'smtp') as smtp:
        assert smtp.cmd(f'EHLO {name}') == (250 if good else 501)
        assert smtp.cmd('EHLO again.example') == 250


@pytest.mark.parametrize('line', [b'NOOP \0', b'NO\x01OP', b'NOOP \x7f', b'EHLO a\0.example'])
def test_nul_and_control_bytes_in_commands(demo, line):
    """8: 500, and the session goes on."""
    with mx(demo) as smtp:
        assert smtp.cmd(line) == 500
        assert smtp.cmd('NOOP') == 250


# ---- recipients ----

def recipient(demo, address, params='', mail=''):
    with mx(demo) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>{mail}') == 250
        return smtp.cmd(f'RCPT TO:{address}{params}')


@pytest.mark.parametrize('address', [
    '<u1@example.test>', '<U1@EXAMPLE.TEST>', '<u1+list@example.test>', '<"u1"@example.test>',
    '<postmaster@example.test>', '<abuse@example.test>', '<PostMaster@example.test>',
    '<postmaster>', '<Postmaster>'])
def test_recipients_of_ours(demo, address):
    assert recipient(demo, address) == 250


@pytest.mark.parametrize('address', ['<nobody@example.test>', '<u99@example.test>',
                                     '<nobody+u1@example.test>', '<"u1 "@example.test>'])
def test_unknown_recipients(demo, address):
    """72: told at RCPT, so that nothing has to be sent back."""
    reply = recipient(demo, address)
    assert reply == 550 and reply.enhanced == '5.1.1'


@pytest.mark.parametrize('address', [
    '<x@elsewhere.example>', '<x%elsewhere.example@example.test>', '<elsewhere.example!x@example.test>',
    '<"x@elsewhere.example"@example.test>', '<"x%elsewhere.example"@example.test>',
    '<@example.test:x@elsewhere.example>', '<@example.test,@b.example:x@elsewhere.example>',
    '<x@[127.0.0.1]>', '<x@[IPv6:::1]>', '<x@elsewhere.example@example.test>',
    '<x@example.test@elsewhere.example>', '<x@EXAMPLE.TEST.elsewhere.example>',
    '<x@sub.example.test>', '<x@example.test.>', '<"x"@elsewhere.example>', '<x@localhost>',
    '<elsewhere.example!x>', '<x%elsewhere.example>', '< x@elsewhere.example>',
    '<u1@example.test, x@elsewhere.example>', '<u1@example.test>,<x@elsewhere.example>',
    '<u1@example.test> <x@elsewhere.example>'])
def test_relaying_in_every_spelling(demo, address):
    """43: routes, percent hacks, bangs, literals, lists."""
    reply = recipient(demo, address)
    assert 500 <= reply.code < 600, reply


def test_an_address_literal_of_another(demo):
    assert recipient(demo, '<u1@[127.0.0.9]>').code in (550, 501)


@pytest.mark.parametrize('local', [
    '";id;"', '"|cat"', '"`id`"', '"$(id)"', '"../../etc/passwd"', '"%n%s"', 'a|b', '$(id)',
    '"new\\\nline"'])
def test_nothing_is_executed_for_a_name(demo, local):
    """57: as recipient and as sender; no role ever has a child."""
    with mx(demo) as smtp:
        smtp.send(f'MAIL FROM:<{local}@elsewhere.example>\r\n')
        smtp.answer()
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        smtp.send(f'RCPT TO:<{local}@example.test>\r\n')
        assert smtp.answer().code in range(500, 560)
    for pid in demo.every_pid():
        children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        assert pid == demo.process.pid or not children


@pytest.mark.parametrize('command', [
    'MAIL FROM:u1@example.test', 'MAIL FROM:<u1@example.test', 'MAIL FROM:<a b@x.example>',
    'MAIL FROM:<@x>', 'MAIL FROM:<a@-x.example>', 'MAIL FROM:<a@x..example>', 'MAIL TO:<a@x.example>',
    'MAIL FROM:<a@x.example> FOO=BAR', 'MAIL FROM:<a@x.example> SIZE=', 'MAIL FROM:<a@x.example> SIZE=x',
    'MAIL FROM:<a@x.example> BODY=9BIT', 'MAIL FROM:<a@x.example> SIZE=1 SIZE=1',
    'MAIL FROM:<' + 'a' * 65 + '@x.example>', 'MAIL FROM:<a@' + 'x' * 256 + '.example>',
    'MAIL FROM:<a@x.example> ENVID=' + 'x' * 101, 'MAIL FROM:<a@x.example> RET=ALL'])
def test_malformed_senders(demo, command):
    with mx(demo) as smtp:
        reply = smtp.cmd(command)
        assert reply.code in (501, 553, 555), reply
        assert smtp.cmd('MAIL FROM:<a@x.example>') == 250


def test_dsn_parameters_are_understood(demo, user):
    with mx(demo) as smtp:
        assert 'DSN' not in smtp.extensions
        assert smtp.cmd('MAIL FROM:<a@x.example> RET=HDRS ENVID=QQ314159') == 250
        assert smtp.cmd(f'RCPT TO:<{user.user}> NOTIFY=SUCCESS,FAILURE '
                        f'ORCPT=rfc822;{user.user}') == 250
        assert smtp.cmd(f'RCPT TO:<{user.user}> NOTIFY=NEVER,DELAY') == 501


@pytest.mark.parametrize('sender', [ELSEWHERE, ''])
def test_one_hundred_recipients(demo, sender):
    """48, 49: the next one is asked to come with another message."""
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{sender}>')
        smtp.send(''.join(f'RCPT TO:<u1+{n}@example.test>\r\n' for n in range(101)))
        replies = [smtp.answer() for _ in range(101)]
        assert {reply.code for reply in replies[:100]} == {250}
        assert replies[100] == 452 and replies[100].enhanced == '4.5.3'


@pytest.mark.parametrize('size, code', [
    (0, 250), (SIZE, 250), (SIZE + 1, 552), (1 << 31, 552), (1 << 32, 552), (1 << 63, 552),
    (1 << 64, 552), (10 ** 19, 552)])
def test_announced_sizes(demo, size, code):
    """49, 53: at the borders of the integers too."""
    with mx(demo) as smtp:
        assert smtp.cmd(f'MAIL FROM:<a@x.example> SIZE={size}') == code


# ---- international addresses ----

def test_an_international_address_needs_smtputf8(demo):
    with mx(demo) as smtp:
        reply = smtp.cmd('MAIL FROM:<é@elsewhere.example>')
        assert reply == 553 and reply.enhanced == '5.6.7'
        assert smtp.cmd('MAIL FROM:<é@elsewhere.example> SMTPUTF8') == 250
        assert smtp.cmd('RCPT TO:<ü@example.test>') == 550


def test_a_message_with_smtputf8(demo, user):
    subject = token()
    with mx(demo) as smtp:
        smtp.envelope('é@elsewhere.example', user.user, params=' SMTPUTF8 BODY=8BITMIME')
        assert smtp.data(message(user.user, subject=f'Grüße {subject}')) == 250
    found = find(demo, user, subject)
    assert 'Subject: Grüße ' in found.decode()
    assert 'with UTF8SMTP' in values(found, 'Received')[0]


def test_a_sender_that_cannot_be_answered(demo, user):
    """The null reverse-path is taken, and kept as Return-Path."""
    subject = deliver(demo, user.user, sender='', data=message(user.user, subject=(s := token())),
                      subject=s)
    assert values(find(demo, user, subject), 'Return-Path') == ['<>']


def test_submission_takes_recipients_elsewhere(demo, user):
    with submission(demo, user) as smtp:
        smtp.envelope(user.user, 'somebody@elsewhere.example')
