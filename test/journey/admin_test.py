# SPDX-License-Identifier: Apache-2.0
"""Stage 7, admin: the verbs, on a server that runs."""
import base64
import gzip
import json
import subprocess
import time

import pytest

from kit.instance import PROGRAM, Account
from kit.mail import ELSEWHERE, deliver, find, token
from kit.wire import Imap, imap, mx

VERBS = ['start', 'demo', 'stop', 'reload', 'status', 'check', 'config', 'domain', 'account', 'alias',
         'mailbox', 'queue', 'sendmail', 'dns', 'why', 'why-not', 'tls', 'log', 'index', 'fsck', 'backup', 'restore', 'version', 'help']


def run(*words, text=None):
    return subprocess.run([str(PROGRAM), *words], input=text, capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL if text is None else None)


# ---- the command by itself ----

@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_explains_itself(verb):
    done = run(verb, '--help')
    assert done.returncode == 0 and verb in done.stdout
    assert run('help', verb).returncode == 0


@pytest.mark.parametrize('words', [['foo'], ['acount', 'list'], ['account'], ['account', 'ad'],
                                   ['account', 'add'], ['account', 'list', '--jsn'], ['demo'],
                                   ['dns', 'query', 'x'], ['domain', 'add', 'a', 'b']])
def test_wrong_usage_is_2(words):
    done = run(*words)
    assert done.returncode == 2, done
    assert done.stderr and 'bug' not in done.stderr


def test_a_slip_is_named(demo):
    assert 'account' in run('acount', 'list').stderr
    assert '--json' in run('account', 'list', '--jsn').stderr


def test_not_running_is_3(tmp_path):
    config = tmp_path / 'letterlock.conf'
    config.write_text(f'hostname mx.example.test;\ndata "{tmp_path}/data";\nrun "{tmp_path}/run";\n')
    for words in (['status'], ['reload'], ['stop']):
        done = run(*words, '--config', str(config))
        assert done.returncode == 3, done


# ---- accounts, live ----

def test_an_account_from_birth_to_removal(demo):
    name = f'{token()}@example.test'
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        assert smtp.cmd(f'RCPT TO:<{name}>') == 550
    account = demo.new_account(name, token() + 'Password')
    word = deliver(demo, name)
    find(demo, account, word)
    row = demo.rows('account', 'show', name)[0]
    assert row['name'] == name and row['messages'] == 1
    assert name in demo.ll('account', 'list').stdout
    assert name in [row['name'] for row in demo.rows('account', 'list')]
    session = imap(demo, account, 'INBOX')
    demo.ll('account', 'remove', name)
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        assert smtp.cmd(f'RCPT TO:<{name}>') == 550
    with Imap(demo, 'imaps') as other:
        assert other.cmd(f'LOGIN {name} {account.password}')[0] == 'NO'
    session.close()
    demo.ll('account', 'restore', name)
    find(demo, account, word)
    demo.ll('account', 'remove', name)


def test_verbs_that_are_refused(demo):
    """With a sentence."""
    for words in (['account', 'show', 'nobody@example.test'], ['account', 'add', 'u1@example.test'],
                  ['account', 'remove', 'nobody@example.test'], ['alias', 'show', 'none@example.test'],
                  ['alias', 'remove', 'none@example.test'], ['domain', 'show', 'none.example'],
                  ['domain', 'add', 'example.test'], ['account', 'add', 'x@none.example'],
                  ['alias', 'add', 'u1@example.test', 'u2@example.test']):
        done = demo.ll(*words, code=None)
        assert done.returncode in (1, 2, 4), (words, done)
        assert done.stderr.strip() or done.stdout.strip(), words


@pytest.mark.parametrize('name', ['', 'x', '@example.test', 'x@', 'a b@example.test', 'x@example..test',
                                  'x\ny@example.test', '-x@example.test;', 'x@exa"mple.test', 'é' * 200 + '@example.test'])
def test_names_that_cannot_be(demo, name):
    """190: no name makes a second anything."""
    done = demo.ll('account', 'add', '--', name, code=None)
    assert done.returncode in (1, 2, 4), done


def test_domains(demo):
    name = f'{token()}.example'
    demo.ll('domain', 'add', name)
    assert name in [row['name'] for row in demo.rows('domain', 'list')]
    account = demo.new_account(f'carol@{name}', token() + 'Password')
    find(demo, account, deliver(demo, account.user))
    assert demo.rows('domain', 'show', name)[0]['accounts'] == 1
    demo.ll('account', 'remove', account.user)
    demo.ll('domain', 'remove', name)
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        assert smtp.cmd(f'RCPT TO:<{account.user}>') == 550


def test_aliases(demo, two):
    name = f'{token()}@example.test'
    demo.ll('alias', 'add', name, two[0].user)
    find(demo, two[0], deliver(demo, name))
    demo.ll('alias', 'set', name, two[1].user)
    find(demo, two[1], deliver(demo, name))
    assert demo.rows('alias', 'show', name)[0]['targets'] == [two[1].user]
    demo.ll('alias', 'remove', name)
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        assert smtp.cmd(f'RCPT TO:<{name}>') == 550


@pytest.mark.parametrize('text, code', [('', 2), ('\n', 2), ('x' * 1024 + '\n', 0), ('x' * 1025 + '\n', 2)])
def test_lengths_of_a_password(demo, text, code):
    name = f'{token()}@example.test'
    demo.ll('account', 'add', name)
    try:
        demo.ll('account', 'passwd', name, text=text, code=code)
    finally:
        demo.ll('account', 'remove', name)


def test_a_password_is_no_argument(demo, user):
    assert demo.ll('account', 'passwd', user.user, 'NewPassword', code=None).returncode == 2
    imap(demo, user).close()


def test_a_password_with_odd_bytes(demo):
    name = f'{token()}@example.test'
    account = demo.new_account(name, 'pä ss"wörd\\x')
    with Imap(demo, 'imaps') as session:
        session.ok('AUTHENTICATE PLAIN ' + account.plain().decode())
    demo.ll('account', 'remove', name)


# ---- the server ----

def test_status(demo):
    text = demo.ll('status').stdout
    row = demo.rows('status')[0]
    names = {role['role'] for role in row['roles']}
    assert names == set(demo.pids()) - {'supervisor'}
    for role in row['roles']:
        assert role['state'] == 'ready' and role['pid'] in demo.pids()[role['role']]
        assert role['role'] in text


def test_confinement_is_read_back_from_the_kernel(demo):
    """215"""
    demo.ll('status', '--confinement')
    for role in demo.rows('status', '--confinement')[0]['roles']:
        facts = role['detail']['confinement']
        assert facts['seccomp'] == 2 and facts['no_new_privs'] is True and facts['cap_eff'] == 0, role


def test_fsck_finds_nothing(demo):
    done = demo.ll('fsck')
    assert done.returncode == 0
    assert demo.rows('fsck') == []


def test_dns_is_off_in_a_throw_away_instance(demo):
    done = demo.ll('dns', 'query', 'example.test', 'MX', code=None)
    assert done.returncode == 4 and 'off' in done.all


def test_config_show_and_check(demo):
    demo.ll('check')
    text = demo.ll('config', 'show').stdout
    assert 'hostname mx.example.test;' in text
    assert 'message-size' in demo.ll('config', 'show', '--limits').stdout
    assert 'argon2-memory' in demo.ll('config', 'show', '--effective').stdout


@pytest.mark.parametrize('bad, hint', [('hostnam mx.x.example;', 'hostname'), ('listener x { role mxx; }', 'mx'),
                                       ('log { format jsn; }', 'json'), ('hostname "x', ''), ('}', ''),
                                       ('limits { recipients many; }', '')])
def test_a_broken_configuration_is_named_by_line(demo, tmp_path, bad, hint):
    """D7: file:line:column, and what was probably meant."""
    config = tmp_path / 'broken.conf'
    config.write_text('hostname mx.example.test;\n' + bad + '\n')
    done = run('check', '--config', str(config))
    assert done.returncode == 1, done
    assert f'{config}:2:' in done.stderr + done.stdout and hint in done.stderr + done.stdout


def test_others_may_not_ask(demo, tmp_path):
    """240: whoever is neither root nor the instance's user is refused."""
    done = subprocess.run(['setpriv', '--reuid', '65534', '--clear-groups', str(PROGRAM), 'account', 'list',
                           '--config', str(demo.config)], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and 'u1@example.test' not in done.stdout


def test_a_thousand_accounts(own):
    """Lists come in pages; the directory answers from memory."""
    begin = time.monotonic()
    for n in range(120):
        own.ll('alias', 'add', f'a{n}@example.test', 'u1@example.test')
    assert len(own.rows('alias', 'list')) >= 120
    assert time.monotonic() - begin < 30
    account = Account({'user': 'u1@example.test', 'password': 'secret'})
    find(own, account, deliver(own, 'a119@example.test'))


def test_reports_on_tls_that_were_sent(demo):
    """A report is of a day that is over; what rows look like is shown by tests of the roles."""
    assert 'no report was sent' in demo.ll('tls', 'report', '--sent').all
    assert demo.rows('tls', 'report', '--sent') == []
    assert demo.ll('tls', 'report', '--sent', 'file', code=2).returncode == 2


def tls_report(domain, good, bad, text=None):
    text = text or json.dumps({
        'organization-name': 'Elsewhere', 'contact-info': 'tls@elsewhere.example', 'report-id': token(),
        'date-range': {'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z'},
        'policies': [{'policy': {'policy-type': 'sts', 'policy-domain': domain},
                      'summary': {'total-successful-session-count': good, 'total-failure-session-count': bad}}]})
    body = base64.encodebytes(gzip.compress(text.encode())).decode().replace('\n', '\r\n')
    return ('From: tls@elsewhere.example\r\nSubject: Report Domain: ' + domain + '\r\nMIME-Version: 1.0\r\n'
            'Content-Type: multipart/report; report-type="tlsrpt"; boundary="edge"\r\n\r\n'
            '--edge\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--edge\r\nContent-Type: application/tlsrpt+gzip\r\n'
            'Content-Transfer-Encoding: base64\r\n\r\n' + body + '--edge--\r\n').encode()


def test_reports_on_tls_in_a_mailbox(own):
    """Other mail is passed over; what claims to be a report and is none is told."""
    user = own.alice
    assert 'no report on TLS' in own.ll('tls', 'report', '--account', user.user).all
    deliver(own, user.user)
    with imap(own, user) as session:
        session.ok('CREATE Reports')
        for box, text in (('INBOX', tls_report('one.test', 7, 0)), ('Reports', tls_report('two.test', 5, 2)),
                          ('Reports', tls_report('three.test', 1, 1))):
            session.ok(f'APPEND {box} {{{len(text)}}}', text, '')
    rows = own.rows('tls', 'report', '--account', user.user)
    assert [(row['domain'], row['successes'], row['failures']) for row in rows] == [('one.test', 7, 0)]
    rows = own.rows('tls', 'report', '--account', user.user, '--mailbox', 'Reports')
    assert [row['domain'] for row in rows] == ['two.test', 'three.test']
    with imap(own, user) as session:
        text = tls_report('four.test', 1, 1, '{"policies": [')
        session.ok(f'APPEND Reports {{{len(text)}}}', text, '')
    broken = own.ll('tls', 'report', '--account', user.user, '--mailbox', 'Reports', code=1)
    assert 'two.test' in broken.stdout and 'message 3' in broken.stderr
    own.ll('tls', 'report', '--account', user.user, '--mailbox', 'None', code=1)
    for words in (['--mailbox', 'x'], ['--account', 'x', 'file'], ['--account', 'x', '--sent']):
        own.ll('tls', 'report', *words, code=2)
    own.stop()
    assert len(own.rows('tls', 'report', '--account', user.user)) == 1
    own.start()
