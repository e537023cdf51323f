# SPDX-License-Identifier: Apache-2.0
"""Clients that people use: curl, swaks, gsasl, msmtp, mbsync, and those of npm."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from kit.instance import HOST
from kit.mail import deliver, find, mails, message, token
from kit.wire import imap

NODE = pathlib.Path(__file__).resolve().parent / 'node'


def run(*words, text=None, code=0, env=None, cwd=None, seconds=40):
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True,
                          text=True, timeout=seconds, env=env, cwd=cwd,
                          stdin=subprocess.DEVNULL if text is None else None)
    assert done.returncode == code, (words[0], done.returncode, done.stdout[-2000:],
                                     done.stderr[-2000:])
    return done.stdout


def curl(demo, scheme, path='', account=None, *words, name='localhost', **options):
    ports = {'smtp': 'submission', 'smtps': 'submissions'}
    port = demo.ports[ports.get(scheme, scheme)]
    user = ['--user', f'{account.user}:{account.password}'] if account else []
    return run('curl', '--silent', '--show-error', '--cacert', demo.ca, '--ssl-reqd', *user, *words,
               f'{scheme}://{name}:{port}/{path}', **options)


@pytest.mark.parametrize('send, fetch', [('smtps', 'imaps'), ('smtp', 'imap'), ('smtps', 'pop3s'),
                                         ('smtp', 'pop3')])
def test_curl_there_and_back(demo, two, send, fetch, tmp_path):
    user, friend = two
    word = token()
    data = message(friend.user, user.user, word, body='.\r\nfrom curl\r\n')
    letter = tmp_path / 'letter'
    letter.write_bytes(data.encode())
    curl(demo, send, 'client.example', user, '--mail-from', user.user, '--mail-rcpt', friend.user,
         '--upload-file', letter)
    if fetch.startswith('imap'):
        text = curl(demo, fetch, 'INBOX;MAILINDEX=1', friend)
        assert word in curl(demo, fetch, 'INBOX?SUBJECT%20' + word, friend) or \
            '* SEARCH 1' in curl(demo, fetch, 'INBOX?SUBJECT%20' + word, friend)
    else:
        assert curl(demo, fetch, '', friend).split()[0] == '1'
        text = curl(demo, fetch, '1', friend)
    assert text.replace('\r\n', '\n').endswith(data.replace('\r\n', '\n'))


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN', 'SCRAM-SHA-256'])
@pytest.mark.parametrize('scheme', ['imaps', 'pop3s'])
def test_curl_with_every_mechanism(demo, user, scheme, mechanism):
    if mechanism.startswith('SCRAM') and 'gsasl' not in run('curl', '-V').lower():
        pytest.skip('this curl knows no SCRAM')
    curl(demo, scheme, '', user, '--login-options', f'AUTH={mechanism}')


def test_curl_appends(demo, user, tmp_path):
    word = token()
    letter = tmp_path / 'letter'
    letter.write_bytes(message(user.user, subject=word).encode())
    curl(demo, 'imaps', 'Drafts', user, '--upload-file', letter)
    assert find(demo, user, word, 'Drafts') == letter.read_bytes()
    with imap(demo, user, 'Drafts') as session:
        session.ok('STORE 1:* +FLAGS (\\Deleted)')
        session.ok('EXPUNGE')


def test_swaks_with_starttls_and_auth(demo, two):
    user, friend = two
    word = token()
    output = run('swaks', '--server', '127.0.0.1', '--port', demo.ports['submission'], '--tls',
                 '--tls-verify', '--tls-ca-path', demo.ca, '--auth', 'PLAIN', '--auth-user', user.user,
                 '--auth-password', user.password, '--from', user.user, '--to', friend.user,
                 '--header', f'Subject: {word}', '--body', 'from swaks', '--ehlo', 'client.example')
    assert re.search(r'<~\s+250 2\.0\.0', output)
    find(demo, friend, word)


def test_swaks_on_the_mx_port(demo, user):
    word = token()
    run('swaks', '--server', '127.0.0.1', '--port', demo.ports['smtp'], '--tls', '--from',
        'x@elsewhere.example', '--to', user.user, '--header', f'Subject: {word}', '--ehlo',
        'client.example')
    find(demo, user, word)
    run('swaks', '--server', '127.0.0.1', '--port', demo.ports['smtp'], '--from', 'x@a.example',
        '--to', 'y@b.example', '--ehlo', 'client.example', code=24)


@pytest.mark.parametrize('mechanism', ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS', 'PLAIN', 'LOGIN'])
@pytest.mark.parametrize('protocol, port', [('imap', 'imap'), ('smtp', 'submission')])
def test_gsasl(demo, user, protocol, port, mechanism, home):
    words = ['gsasl', f'--{protocol}', '--hostname', HOST, '--service', protocol,
             '--mechanism', mechanism, '--authentication-id', user.user,
             '--password', user.password, '--x509-ca-file', demo.ca, '--starttls',
             '--connect', f'localhost:{demo.ports[port]}', '--verbose']
    if mechanism == 'SCRAM-SHA-256':
        words.append('--no-cb')  # a client that could bind would have to
    if mechanism == 'PLAIN':
        words += ['--authorization-id', '']
    done = subprocess.run(words, input='', capture_output=True, text=True, timeout=20, env=home)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert re.search('235 2|OK', output), output


@pytest.mark.parametrize('auth', ['scram-sha-256', 'scram-sha-256-plus', 'plain', 'login'])
@pytest.mark.parametrize('port', ['submission', 'submissions'])
def test_msmtp(demo, two, auth, port, home, tmp_path):
    user, friend = two
    word = token()
    config = tmp_path / 'msmtprc'
    config.write_text(f'''account default
host localhost
port {demo.ports[port]}
tls on
tls_starttls {'on' if port == 'submission' else 'off'}
tls_trust_file {demo.ca}
auth {auth}
user {user.user}
password {user.password}
from {user.user}
''')
    config.chmod(0o600)
    done = subprocess.run(['msmtp', '-C', config, friend.user], input=message(friend.user, user.user, word),
                          capture_output=True, text=True, timeout=20, env=home)
    if auth.endswith('plus') and re.search('not supported|invalid argument', done.stderr):
        pytest.skip('this msmtp has no channel binding')
    assert done.returncode == 0, done.stderr
    find(demo, friend, word)


# ---- mbsync ----

def tree(folder):
    """Name of a mailbox -> sorted digests of what is in it."""
    found = {}
    for path in sorted(folder.rglob('*')):
        if path.is_file() and path.parent.name in ('cur', 'new'):
            data = re.sub(rb'(?m)^X-TUID: .*\n', b'', path.read_bytes())
            found.setdefault(path.parent.parent.name, []).append(hashlib.sha256(data).hexdigest())
    return {name: sorted(values) for name, values in found.items()}


def there(demo, account, names):
    state = {}
    with imap(demo, account) as session:
        for name in names:
            session.select(name)
            bodies = sorted((uid, hashlib.sha256(data).hexdigest())
                            for uid, data in session.bodies().items())
            state[name] = (session.validity, session.uidnext, bodies, session.modseq(name))
    return state


@pytest.mark.limit(180)
@pytest.mark.oracle(cpu=90)
def test_mbsync_both_ways_twice(demo, user, tmp_path, home):
    """Messages from both sides; the second run changes nothing on either side."""
    each = 250 if os.environ.get('LL_READERS') == 'all' else 40
    local = tmp_path / 'mail'
    (local / 'INBOX').mkdir(parents=True)
    name = token()
    with imap(demo, user) as session:
        session.ok(f'CREATE {name}')
        for n in range(each):
            data = message(user.user, subject=f'there {n}', body=f'body {n}\r\n' * (n % 40 + 1))
            session.append(data, name, ' (\\Seen)' if n % 3 else '')
    for part in ('cur', 'new', 'tmp'):
        (local / name / part).mkdir(parents=True)
    for n in range(each):
        flags = ':2,S' if n % 2 else ':2,'
        (local / name / 'cur' / f'1000{n}.here{flags}').write_bytes(
            message(user.user, subject=f'here {n}', body=f'body {n}\n').replace('\r\n', '\n').encode())
    config = tmp_path / 'mbsyncrc'
    config.write_text(f'''IMAPAccount there
Host localhost
Port {demo.ports['imaps']}
SSLType IMAPS
CertificateFile {demo.ca}
User {user.user}
Pass {user.password}
AuthMechs LOGIN

IMAPStore far
Account there

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel both
Far :far:
Near :near:
Patterns {name}
Create Both
Expunge Both
SyncState *
''')
    run('mbsync', '-c', config, '-a', env=home, seconds=120)
    here, far = tree(local), there(demo, user, [name])
    assert len(here[name]) == len(far[name][2]) == 2 * each
    run('mbsync', '-c', config, '-a', env=home, seconds=60)
    assert tree(local) == here and there(demo, user, [name]) == far
    with imap(demo, user, name) as session:
        session.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
    run('mbsync', '-c', config, '-a', env=home, seconds=60)
    assert len(tree(local)[name]) == 2 * each - 1
    with imap(demo, user) as session:
        session.ok(f'DELETE {name}')


# ---- npm ----

@pytest.fixture(scope='session')
def modules(tmp_path_factory):
    """Installed by the lock file, beside it where it may be written."""
    wanted = NODE / 'node_modules' / '.package-lock.json'
    if not wanted.exists() or wanted.stat().st_mtime < (NODE / 'package-lock.json').stat().st_mtime:
        run('npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts', cwd=NODE, seconds=55)
    return NODE


@pytest.mark.skipif(shutil.which('npm') is None, reason='npm is not installed')
@pytest.mark.limit(120)
def test_imapflow_and_nodemailer(demo, two, modules):
    """Submission with both TLS kinds, IDLE, flags, moving, download, search."""
    user, friend = two
    word = token()
    given = {'ports': demo.ports, 'ca': demo.ca, 'host': 'localhost', 'word': word,
             'from': {'user': user.user, 'pass': user.password},
             'to': {'user': friend.user, 'pass': friend.password}}
    output = run('node', 'journey.mjs', text=json.dumps(given), cwd=modules, seconds=60)
    told = json.loads(output.splitlines()[-1])
    assert told['sent'] == 2 and told['idle'] >= 1
    assert told['found'] == 2 and told['same'] is True
    assert told['moved'] == 1 and told['flags'] == ['\\Flagged', '\\Seen']
    assert told['specialUse'] == ['\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash']
    assert len(mails(demo, friend, 'Archive')) >= 1
    with imap(demo, friend, 'Archive') as session:
        session.ok('STORE 1:* +FLAGS (\\Deleted)')
        session.ok('EXPUNGE')


def test_fetching_while_more_arrives(demo, user):
    """A client that reads a long mailbox while mail comes in."""
    for _ in range(20):
        deliver(demo, user.user)
    with imap(demo, user, 'INBOX') as session:
        tag = session.start('FETCH 1:* BODY.PEEK[]')
        deliver(demo, user.user)
        status, _, untagged = session.finish(tag)
        assert status == 'OK'
        assert len([line for line in untagged if b'FETCH' in line]) >= 20
