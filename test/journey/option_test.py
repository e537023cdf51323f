# SPDX-License-Identifier: Apache-2.0
"""Options of the configuration: each does what its paragraph of the manual says.

test/unit/conf/effects.list names the test of every option; most are here.  A
reload is enough for those of `plain`, which all cases share and put back; the
others stop the instance, edit the text and start it again.
"""
import base64
import os
import pathlib
import socket
import subprocess
import time

import pytest

from kit.instance import HOST, Instance, spare_port, wait
from kit.mail import ELSEWHERE, absent, deliver, find, message, token
from kit.wire import Imap, Pop, Smtp, imap, mx, pop, submission


@pytest.fixture(scope='module')
def started():
    instance = Instance(users=3)
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


@pytest.fixture
def plain(started):
    text = started.config.read_text()
    yield started
    started.config.write_text(text)
    started.reload()


def with_option(demo, *changes):
    for block, option, value in changes:
        demo.set_option(block, option, value)
    demo.reload()


def with_top(demo, line):
    demo.config.write_text(demo.config.read_text() + f'\n{line}\n')
    demo.reload()


def refused_reload(demo):
    done = demo.ll('reload', code=None)
    assert done.returncode != 0
    return done.all


def restarted(demo):
    demo.stop()
    demo.file.unlink(missing_ok=True)
    demo.start()


def mended(demo, before, after):
    text = demo.config.read_text()
    assert before in text
    demo.config.write_text(text.replace(before, after, 1))


def auth_plain(account, password=None):
    return base64.b64encode(f'\0{account.user}\0{password or account.password}'.encode()).decode()


# ---- top level ----

def test_hostname(plain):
    mended(plain, f'hostname {HOST};', 'hostname other.example.test;')
    plain.reload()
    with mx(plain) as smtp:
        assert 'other.example.test' in smtp.greeting.text
        smtp.envelope(ELSEWHERE, plain.alice.user)
        subject = 'host' + str(time.time())
        assert smtp.data(message(plain.alice.user, subject=subject)) == 250
    assert b'by other.example.test' in find(plain, plain.alice, subject)


def test_data_and_run(plain):
    assert (plain.dir / 'data' / 'store').is_dir()
    assert (plain.dir / 'run').is_dir()
    assert {p.name for p in (plain.dir / 'run').iterdir() if p.is_socket()} == {'admin', 'local'}
    for option in ('data', 'run'):
        text = plain.config.read_text()
        mended(plain, f'{option} "', f'{option} "/tmp')
        mark = len(plain.log_rows('conf.refused'))
        plain.process.send_signal(1)
        rows = wait(lambda: plain.log_rows('conf.refused')[mark:])
        assert f'{option} cannot change' in rows[0]['why']
        plain.config.write_text(text)


@pytest.mark.parametrize('drain, least, most', [('0s', 0, 2.9), ('3s', 2, 5)])
def test_drain(own, drain, least, most):
    with_top(own, f'drain {drain};')
    with mx(own) as smtp:
        smtp.envelope(ELSEWHERE, own.alice.user)
        assert smtp.cmd('DATA') == 354
        smtp.send('half of a message\r\n')
        own.stop()
    assert least <= own.stopped_in < most, own.stopped_in


def test_hops(plain):
    with_top(plain, 'hops 6;')
    for count, code in ((5, 250), (6, 250), (7, 554)):
        fields = 'Received: from a by b; Sun, 22 Nov 2026 04:00:00 +0000\r\n' * count
        with mx(plain) as smtp:
            smtp.envelope(ELSEWHERE, plain.alice.user)
            assert smtp.data(message(plain.alice.user, fields=fields)) == code, count


# ---- log ----

def test_log_to_and_file(plain):
    mended(plain, 'to file;', 'to stderr;')
    mark = len(plain.errors())
    plain.process.send_signal(1)
    assert wait(lambda: 'conf.reloaded' in plain.errors()[mark:])
    other = plain.dir / 'other.log'
    mended(plain, 'to stderr;', 'to file;')
    mended(plain, 'log/letterlock.log', 'other.log')
    plain.process.send_signal(1)
    assert wait(lambda: other.exists() and 'conf.reloaded' in other.read_text())


def test_log_level(plain):
    with_option(plain, ('log', 'level', 'debug'))
    plain.set_option('log', 'level', 'error')
    plain.process.send_signal(1)
    time.sleep(0.3)
    mark = len(plain.log_text())
    Imap(plain, 'imaps').close()
    mx(plain).close()
    time.sleep(0.2)
    assert not [line for line in plain.log_text()[mark:].splitlines() if 'tls.established' in line]
    plain.set_option('log', 'level', 'info')
    plain.process.send_signal(1)
    time.sleep(0.3)
    Imap(plain, 'imaps').close()
    assert wait(lambda: 'tls.established' in plain.log_text()[mark:])


def test_debug_tells_no_secret(plain):
    """237: right and wrong passwords and a message, with everything logged."""
    with_option(plain, ('log', 'level', 'debug'))
    mark = len(plain.log_text())
    wrong, private = 'wr0ng-' + token(), 'private-' + token()
    user = plain.alice
    with Imap(plain, 'imaps') as session:
        session.cmd(f'LOGIN {user.user} {wrong}')
        session.cmd(f'AUTHENTICATE PLAIN {auth_plain(user, wrong)}')
    with imap(plain, user, 'INBOX') as session:
        session.append(f'Subject: {private}\r\n\r\n{private}\r\n')
        session.cmd(f'SEARCH TEXT {private}')
    assert wait(lambda: 'tls.established' in plain.log_text()[mark:])
    time.sleep(0.3)
    text = plain.log_text()[mark:]
    for secret in (wrong, user.password, private, auth_plain(user, wrong)):
        assert secret not in text


def test_log_fields(plain):
    with_option(plain, ('log', 'fields', 'version'))
    mark = len(plain.log_rows())
    Imap(plain, 'imaps').close()
    rows = wait(lambda: [r for r in plain.log_rows()[mark:] if r['event'] == 'tls.established'])
    assert rows[0]['version'].startswith('TLSv1')
    assert 'suite' not in rows[0] and 'listener' not in rows[0]
    assert {'time', 'role'} <= set(rows[0])


def test_log_tag(own):
    with_option(own, ('log', 'tag', 'other-tag'), ('log', 'format', 'syslog'))
    Imap(own, 'imaps').close()
    assert wait(lambda: ' other-tag/edge-access[' in own.log_text())


# ---- processes ----

def test_pools(own):
    """More than one process of a kind: all get connections, all are replaced."""
    for kind in ('mx', 'access', 'admin', 'sorter'):
        own.set_option('processes', kind, '2')
    assert 'cannot change' in refused_reload(own)
    restarted(own)
    pids = own.pids()
    for kind in ('edge-mx', 'edge-access', 'edge-admin', 'sorter-mx', 'sorter-access'):
        assert len(pids[kind]) == 2, pids
    for _ in range(10):
        find(own, own.alice, deliver(own, own.alice.user))
        with submission(own, own.alice) as smtp:
            smtp.envelope(own.alice.user, own.bob.user)
            assert smtp.data(message(own.bob.user, own.alice.user)) == 250
        own.ll('status')
    for kind in ('edge-mx', 'edge-access', 'edge-admin', 'sorter-mx'):
        old = own.pids()[kind]
        os.kill(old[0], 9)
        assert wait(lambda: (now := own.pids()[kind]) and old[0] not in now and len([p for p in now if p]) == 2,
                    5), kind
        assert old[1] in own.pids()[kind]
        for _ in range(4):
            find(own, own.alice, deliver(own, own.alice.user))
            own.ll('status')
    own.reload()
    find(own, own.alice, deliver(own, own.alice.user))


# ---- tls ----

def s_client(demo, port, *words):
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{demo.ports[port]}', '-CAfile', demo.ca,
                           '-servername', HOST, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    return (done.stdout + done.stderr).decode(errors='replace')


def test_tls_profile_and_minimum(plain):
    for option, value in (('profile', 'modern'), ('minimum', '1.3')):
        text = plain.config.read_text()
        assert 'Cipher is ECDHE' in s_client(plain, 'imaps', '-tls1_2')
        with_option(plain, ('tls', option, value))
        assert wait(lambda: 'Cipher is ECDHE' not in s_client(plain, 'imaps', '-tls1_2'), 3)
        assert 'Cipher is TLS_' in s_client(plain, 'imaps', '-tls1_3')
        plain.config.write_text(text)
        plain.reload()
        assert wait(lambda: 'Cipher is ECDHE' in s_client(plain, 'imaps', '-tls1_2'), 3)


def test_tls_ciphers(plain):
    with_option(plain, ('tls', 'ciphers', '"ECDHE-ECDSA-AES128-GCM-SHA256"'))
    for port in ('imaps', 'submissions'):
        assert wait(lambda: 'Cipher is ECDHE-ECDSA-AES128-GCM-SHA256' in s_client(plain, port, '-tls1_2'), 3)
        assert 'Cipher is ECDHE' not in s_client(plain, port, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384')


def test_tls_groups(plain):
    assert 'X25519' in s_client(plain, 'imaps', '-tls1_3')
    with_option(plain, ('tls', 'groups', 'P-384'))
    assert wait(lambda: 'Cipher is TLS_' not in s_client(plain, 'imaps', '-tls1_3', '-groups', 'X25519'), 3)
    assert 'Cipher is TLS_' in s_client(plain, 'imaps', '-tls1_3', '-groups', 'P-384')


def test_tls_cipher_order(plain):
    suites = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']
    ours = [suite for suite in suites
            if f'Cipher is {suite}' in s_client(plain, 'imaps', '-tls1_2', '-cipher', ':'.join(suites))]
    wanted = next(suite for suite in suites if suite != ours[0])
    words = ('-tls1_2', '-cipher', f'{wanted}:{ours[0]}')
    assert f'Cipher is {ours[0]}' in s_client(plain, 'imaps', *words)
    with_option(plain, ('tls', 'cipher-order', 'client'))
    assert wait(lambda: f'Cipher is {wanted}' in s_client(plain, 'imaps', *words), 3)


def make_certificate(folder, name, signer=None):
    """A certificate of its own, or one of `signer`'s; (certificate, key)."""
    pem, key = folder / f'{name}.pem', folder / f'{name}.key'
    words = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
             '-subj', f'/CN={name}', '-days', '30', '-out', str(pem), '-keyout', str(key)]
    if signer is None:
        words += ['-addext', f'subjectAltName=DNS:{name}']
    else:
        request = folder / f'{name}.csr'
        subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-subj', f'/CN={name}', '-out', str(request), '-keyout', str(key)],
                       check=True, capture_output=True)
        words = ['openssl', 'x509', '-req', '-in', str(request), '-CA', str(signer[0]), '-CAkey', str(signer[1]),
                 '-days', '30', '-out', str(pem)]
    subprocess.run(words, check=True, capture_output=True)
    return pem, key


@pytest.mark.parametrize('port', ['imaps', 'smtp'])
def test_client_certificates(plain, tmp_path, port):
    """E11, E12: request logs what comes; require refuses whom nobody vouches for."""
    starttls = ('-starttls', 'smtp') if port == 'smtp' else ()
    ca = make_certificate(tmp_path, 'authority')
    good = make_certificate(tmp_path, 'client.example', ca)
    bad = make_certificate(tmp_path, 'stranger.example')
    good_words = (*starttls, '-cert', str(good[0]), '-key', str(good[1]))
    bad_words = (*starttls, '-cert', str(bad[0]), '-key', str(bad[1]))

    def verdicts(mark):
        return [r['message'] for r in plain.log_rows('tls.established')[mark:]]
    with_option(plain, ('tls', 'client-ca', f'"{ca[0]}"'), ('tls', 'client-certificate', 'request'))
    assert wait(lambda: 'authority' in s_client(plain, port, *starttls), 3), 'the authorities are named'
    for words, said in ((starttls, 'Anonymous TLS'), (good_words, 'client.example'), (bad_words, 'Untrusted TLS')):
        mark = len(plain.log_rows('tls.established'))
        s_client(plain, port, *words)
        assert wait(lambda: any(said in line for line in verdicts(mark)), 3), (said, verdicts(mark))
    with_option(plain, ('tls', 'client-certificate', 'require'))
    done = wait(lambda: 'certificate required' in s_client(plain, port, '-tls1_3', *starttls, '-ign_eof')
                or 'handshake failure' in s_client(plain, port, '-tls1_2', *starttls), 5)
    assert done, s_client(plain, port, '-tls1_2', *starttls)
    mark = len(plain.log_rows('tls.established'))
    failed = len(plain.log_rows('tls.failed'))
    for words in (starttls, bad_words):
        s_client(plain, port, *words)
    assert wait(lambda: len(plain.log_rows('tls.failed')) >= failed + 2, 3)
    assert not verdicts(mark)
    s_client(plain, port, *good_words)
    assert wait(lambda: any('Trusted TLS' in line for line in verdicts(mark)), 3), verdicts(mark)


def test_client_ca_that_is_none(plain, tmp_path):
    rubbish = tmp_path / 'ca.pem'
    rubbish.write_text('nothing\n')
    for path in (rubbish, tmp_path / 'missing.pem'):
        plain.set_option('tls', 'client-ca', f'"{path}"')
        plain.set_option('tls', 'client-certificate', 'require')
        assert 'client-ca' in refused_reload(plain)
        Imap(plain, 'imaps').close()


def test_certificate_sni_and_self_signed(plain, tmp_path):
    pem, key = make_certificate(tmp_path, 'other.example.test')
    subprocess.run(['chmod', 'a+r', str(key)], check=True)
    block = f'certificate other {{ chain {pem}; key file:{key}; }}\n'
    text = plain.config.read_text()
    plain.config.write_text(text + block)
    plain.in_listener('imaps', 'sni other.example.test other;')
    name = plain.config.read_text().split('certificate ', 1)[1].split()[0]
    plain.set_option('tls', 'certificate', name)
    refused_reload(plain)
    plain.set_option('tls', 'allow-self-signed', 'on')
    plain.reload()

    def shown(*words):
        done = s_client(plain, 'imaps', *words)
        return 'other.example.test' if 'CN = other.example.test' in done else 'first'
    assert wait(lambda: shown('-servername', 'other.example.test') == 'other.example.test', 3)
    assert shown('-servername', HOST) == 'first'
    plain.set_option('tls', 'certificate', 'other')
    plain.reload()
    assert wait(lambda: shown('-servername', 'whoever.example.test') == 'other.example.test', 3)


# ---- limits and timeouts ----

def test_message_size(plain):
    with_option(plain, ('limits', 'message-size', '20000'))
    with mx(plain) as smtp:
        assert smtp.extensions['SIZE'] == '20000' or smtp.extensions['SIZE'] == ['20000']
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}> SIZE=20001') == 552
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}> SIZE=20000') == 250
    head = len(message(plain.alice.user, subject='x' * 20, body='').encode())
    for over, code in ((0, 250), (1, 552)):
        with mx(plain) as smtp:
            smtp.envelope(ELSEWHERE, plain.alice.user)
            body = ('y' * 76 + '\r\n') * 300
            body = body[:20000 - head - 2 + over] + '\r\n'
            assert smtp.data(message(plain.alice.user, subject='x' * 20, body=body), end=b'.\r\n') == code, over
    with imap(plain, plain.alice) as session:
        session.send('a APPEND INBOX {20001}\r\n')
        assert session.line().startswith(b'a NO [TOOBIG]')
        session.send('b APPEND INBOX {20000}\r\n')
        assert session.line().startswith(b'+')


def test_errors(plain):
    with_option(plain, ('limits', 'errors', '3'))
    with mx(plain) as smtp:
        assert smtp.cmd('WRONG') == 500
        assert smtp.cmd('WRONG') == 500
        assert smtp.cmd('WRONG') == 421
        assert smtp.closes()


def test_messages_in_a_session(plain):
    with_option(plain, ('limits', 'messages', '2'))
    with mx(plain) as smtp:
        for _ in range(2):
            smtp.envelope(ELSEWHERE, plain.alice.user)
            assert smtp.data(message(plain.alice.user)) == 250
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>').code // 100 == 4


def test_connections(plain):
    with_option(plain, ('limits', 'connections', '4'))
    held = [mx(plain) for _ in range(4)]
    with Smtp(plain, 'smtp', greet=False) as smtp:
        assert smtp.line().startswith(b'421')
    held.pop().close()
    assert wait(lambda: Smtp(plain, 'smtp').greeting == 220, 2)
    for smtp in held:
        smtp.close()


def test_exempt(plain):
    with_option(plain, ('limits', 'connections-per-address', '2'))
    held = [mx(plain) for _ in range(2)]
    with Smtp(plain, 'smtp', greet=False) as smtp:
        assert smtp.line().startswith(b'421')
    with_option(plain, ('limits', 'exempt', '127.0.0.0/8'))
    held += [mx(plain) for _ in range(4)]
    for smtp in held:
        smtp.close()


def ends_after(wire, least, most):
    begin = time.monotonic()
    assert wire.closes(most + 3)
    assert least <= time.monotonic() - begin < most, time.monotonic() - begin


@pytest.mark.limit(60)
def test_timeouts(plain):
    with_option(plain, *[('timeouts', name, '5s') for name in ('login', 'command', 'data')])
    smtp = mx(plain)
    body = mx(plain)
    body.envelope(ELSEWHERE, plain.alice.user)
    assert body.cmd('DATA') == 354
    stranger = Imap(plain, 'imaps')
    user = imap(plain, plain.alice, 'INBOX')
    ends_after(smtp, 4, 7)
    ends_after(body, 0, 3)
    assert stranger.closes(2)
    user.ok('NOOP')


@pytest.mark.limit(60)
def test_idle_timeouts(plain):
    with_option(plain, ('timeouts', 'imap-idle', '5s'), ('timeouts', 'pop3-idle', '6s'))
    user, idle, maildrop = imap(plain, plain.alice, 'INBOX'), imap(plain, plain.alice, 'INBOX'), pop(plain, plain.bob)
    idle.send('i IDLE\r\n')
    ends_after(user, 3, 7)  # it was there before the two logins after it
    assert idle.closes(2)
    ends_after(maildrop, 0, 4)


# ---- auth ----

def wrong(demo, times):
    """The answers to wrong passwords."""
    out = []
    for _ in range(times):
        with Smtp(demo, 'submissions') as smtp:
            smtp.ehlo()
            out.append(smtp.cmd('AUTH PLAIN ' + auth_plain(demo.account('u3'), 'wrong')))
    return out


@pytest.mark.parametrize('option', ['failures-per-address', 'failures-per-network', 'failures-per-account'])
def test_failures(own, option):
    for name in ('failures-per-address', 'failures-per-network', 'failures-per-account'):
        own.set_option('auth', name, '3' if name == option else '0')
    own.set_option('auth', 'window', '1m')
    own.reload()
    answers = wrong(own, 5)
    assert [a.code for a in answers[:2]] == [535, 535]
    assert answers[-1].code // 100 == 4, answers
    with_option(own, ('auth', option, '0'))
    assert wait(lambda: wrong(own, 1)[0] == 535, 5)


def detail(demo, role):
    roles = demo.rows('status')[0]['roles']
    return next(row for row in roles if row['role'] == role)['detail']


def test_remember(plain):
    def hashes():
        return detail(plain, 'auth')['hashes']
    with_option(plain, ('auth', 'remember', '0'))
    before = hashes()
    for _ in range(3):
        imap(plain, plain.alice).close()
    assert hashes() == before + 3
    with_option(plain, ('auth', 'remember', '5m'))
    imap(plain, plain.alice).close()
    before = hashes()
    for _ in range(3):
        imap(plain, plain.alice).close()
    assert hashes() == before


def test_pop3_delay(plain):
    def look():
        session = Pop(plain, 'pop3s')
        capabilities = session.listing('CAPA')
        session.ok(f'USER {plain.alice.user}')
        return capabilities, session.cmd(f'PASS {plain.alice.password}')
    assert [look()[1][:3] for _ in range(2)] == [b'+OK', b'+OK']
    with_option(plain, ('auth', 'pop3-delay', '1h'))
    capabilities, said = look()
    assert b'LOGIN-DELAY 3600' in capabilities and said.startswith(b'+OK')
    assert look()[1].startswith(b'-ERR [LOGIN-DELAY] ')
    with_option(plain, ('auth', 'pop3-delay', '0s'))
    assert look()[1].startswith(b'+OK')


def test_login_domain(plain):
    def try_login():
        with Smtp(plain, 'submissions') as smtp:
            smtp.ehlo()
            blob = base64.b64encode(f'\0alice\0{plain.alice.password}'.encode()).decode()
            return smtp.cmd('AUTH PLAIN ' + blob)
    assert try_login() == 535
    with_option(plain, ('auth', 'login-domain', 'example.test'))
    assert try_login() == 235


def challenge(demo, user):
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        first = base64.b64encode(f'n,,n={user},r=abcdefghijklmnopqrst'.encode()).decode()
        reply = smtp.cmd('AUTH SCRAM-SHA-256 ' + first)
        assert reply == 334, reply
        parts = base64.b64decode(reply.text).decode().split(',')
        return parts[1], parts[2]


def test_scram_iterations(plain):
    with_option(plain, ('auth', 'scram-iterations', '5000'))
    account = plain.new_account('scram@example.test', 'a-long-password')
    assert challenge(plain, account.user)[1] == 'i=5000'
    assert challenge(plain, 'nobody@example.test')[1] == 'i=5000'
    with_option(plain, ('auth', 'scram-iterations', '6000'))
    assert challenge(plain, account.user)[1] == 'i=5000'


def test_salts_outlive_auth(own):
    """Who exists is not told by salts that change."""
    names = ('alice@example.test', 'nobody@example.test')
    before = [challenge(own, name) for name in names]
    pid = own.pids()['auth'][0]
    os.kill(pid, 9)
    assert wait(lambda: own.pids()['auth'] not in ([pid], [0], []), 5)
    assert wait(lambda: own.ll('status', code=None).returncode == 0, 5)
    assert [challenge(own, name) for name in names] == before
    restarted(own)
    assert [challenge(own, name) for name in names] == before


def test_argon2(plain):
    """The cost of a look at a password, by its time."""
    def cost(memory, passes):
        with_option(plain, ('auth', 'argon2-memory', memory), ('auth', 'argon2-passes', passes),
                    ('auth', 'remember', '0'))
        account = plain.new_account(f'argon{memory}{passes}@example.test'.lower(), 'a-long-password')
        times = []
        for _ in range(3):
            begin = time.monotonic()
            imap(plain, account).close()
            times.append(time.monotonic() - begin)
        return min(times)
    cheap = cost('8M', '1')
    assert cost('256M', '1') > 3 * cheap
    assert cost('8M', '16') > 2 * cheap


def tasks(demo, role):
    return len(os.listdir(f'/proc/{demo.pids()[role][0]}/task'))


def test_threads(own):
    auth, store = tasks(own, 'auth'), tasks(own, 'store')
    own.set_option('auth', 'threads', '5')
    assert 'cannot change' in refused_reload(own)
    own.set_option('store', 'read-threads', '9')
    restarted(own)
    assert tasks(own, 'auth') == auth + 3
    assert tasks(own, 'store') == store + 5


# ---- store ----

def test_engine_memory(own):
    subject = deliver(own, own.alice.user)
    own.set_option('store', 'engine', 'memory')
    restarted(own)
    assert absent(own, own.alice, subject)
    second = deliver(own, own.alice.user)
    find(own, own.alice, second)
    restarted(own)
    assert absent(own, own.alice, second)


def test_cache(own):
    own.set_option('store', 'cache', '37M')
    restarted(own)
    logs = list((own.dir / 'data' / 'store').rglob('LOG'))
    assert any(str(37 << 20) in log.read_text(errors='replace') for log in logs), logs


def free_share(path):
    facts = os.statvfs(path)
    return facts.f_bavail / facts.f_blocks, facts.f_bavail * facts.f_frsize


def test_reserve(plain):
    share, free = free_share(plain.dir)
    changes = []
    if free < 1 << 40:
        changes.append((('store', 'reserve-least', '1024G'), ('store', 'reserve', '0%')))
    if share < 0.5:
        changes.append((('store', 'reserve-least', '0'), ('store', 'reserve', '50%')))
    for change in changes:
        with_option(plain, *change)
        with mx(plain) as smtp:
            smtp.envelope(ELSEWHERE, plain.alice.user)
            assert smtp.data(message(plain.alice.user)) == 452
        with submission(plain, plain.bob) as smtp:
            assert smtp.cmd(f'MAIL FROM:<{plain.bob.user}>') == 452
        with_option(plain, ('store', 'reserve-least', '0'), ('store', 'reserve', '0%'))
        find(plain, plain.alice, deliver(plain, plain.alice.user))
    assert changes, 'this file system is too empty to tell'


def test_staged(plain):
    with_option(plain, ('store', 'staged', '1M'))
    body = ('z' * 70 + '\r\n') * 30000
    with mx(plain) as smtp:
        smtp.envelope(ELSEWHERE, plain.alice.user)
        assert smtp.data(message(plain.alice.user, body=body), end=b'.\r\n').code // 10 == 45
    with_option(plain, ('store', 'staged', '512M'))
    find(plain, plain.alice, deliver(plain, plain.alice.user, body=body))


# ---- accounts ----

def test_quota(plain):
    with_option(plain, ('accounts', 'quota', '3000'))
    account = plain.new_account('small@example.test', 'a-long-password')
    deliver(plain, account.user, body='q' * 70 + '\r\n' * 600)
    with mx(plain) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        reply = smtp.cmd(f'RCPT TO:<{account.user}>')
        if reply == 250:
            reply = smtp.data(message(account.user, body='q' * 3000 + '\r\n'), end=b'.\r\n')
        assert reply.code in (452, 552)
    with_option(plain, ('accounts', 'quota', '0'))
    deliver(plain, account.user)


def rcpt(demo, address):
    with mx(demo) as smtp:
        smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>')
        return smtp.cmd(f'RCPT TO:<{address}>').code


def test_recipient_delimiter(plain):
    assert rcpt(plain, 'alice+x@example.test') == 250
    assert rcpt(plain, 'alice-x@example.test') == 550
    with_option(plain, ('accounts', 'recipient-delimiter', '"-="'))
    assert rcpt(plain, 'alice-x@example.test') == 250
    assert rcpt(plain, 'alice=x@example.test') == 250
    assert rcpt(plain, 'alice+x@example.test') == 550
    with_option(plain, ('accounts', 'recipient-delimiter', '""'))
    assert rcpt(plain, 'alice-x@example.test') == 550


def test_postmaster(plain):
    names = ('abuse@example.test', 'postmaster@example.test', 'Postmaster')
    for account in (plain.bob, plain.alice):
        with_option(plain, ('accounts', 'postmaster', account.user))
        for address in names:
            find(plain, account, deliver(plain, address))
    assert rcpt(plain, 'nobody@example.test') == 550


# ---- dns ----

@pytest.mark.parametrize('option, value', [('lookups', 'on'), ('resolvers', '127.0.0.1'), ('cache', '20M'), ('trust-resolver', '::1'),
                                           ('trust-anchor', '/nowhere/root.key')])
def test_dns_takes_a_restart(plain, option, value):
    plain.set_option('dns', option, value)
    assert option in refused_reload(plain)


def test_dns_cache(own):
    own.set_option('dns', 'lookups', 'on')
    own.set_option('dns', 'cache', '20M')
    restarted(own)
    assert detail(own, 'dialer')['cache'] == 20 << 20


def test_a_missing_trust_anchor_is_named(own):
    own.stop()
    own.set_option('dns', 'trust-anchor', '/nowhere/root.key')
    own.set_option('dns', 'lookups', 'on')
    own.file.unlink(missing_ok=True)
    own.launch()
    assert own.process.wait(10) != 0
    assert 'trust-anchor' in own.errors()


# ---- outgoing ----

def test_outgoing_authorities(own):
    """Read before confinement, and again at a reload; a file that is missing is named."""
    system = pathlib.Path('/etc/ssl/certs/ca-certificates.crt')
    begins = system.read_text().count('-----BEGIN CERTIFICATE-----') if system.exists() else 0
    assert detail(own, 'fetch')['authorities'] == begins
    own.set_option('outgoing', 'authorities', str(own.ca))
    own.reload()
    assert detail(own, 'fetch')['authorities'] == 1
    own.set_option('outgoing', 'authorities', '/nowhere/authorities.pem')
    assert '/nowhere/authorities.pem' in refused_reload(own)
    assert detail(own, 'fetch')['authorities'] == 1


# ---- listeners ----

def opens(port, host='127.0.0.1'):
    try:
        socket.create_connection((host, port), 2).close()
        return True
    except OSError:
        return False


def test_enabled_address_and_port(plain):
    old = plain.ports['pop3']
    text = plain.config.read_text()
    plain.in_listener('pop3', 'enabled off;')
    plain.reload()
    assert wait(lambda: not opens(old), 3)
    plain.config.write_text(text)
    plain.reload()
    assert wait(lambda: opens(old), 3)
    start = text.index('listener pop3 {')
    end = text.index('}', start)
    block = text[start:end]
    port = spare_port()
    moved = block.replace(f'port {old};', f'port {port};').replace(' ::1', '')
    plain.config.write_text(text.replace(block, moved))
    plain.reload()
    assert wait(lambda: opens(port) and not opens(old), 3)
    assert not opens(port, '::1')


def test_backlog(own):
    own.in_listener('pop3', 'backlog 7;')
    assert 'backlog' in refused_reload(own)
    restarted(own)
    done = subprocess.run(['ss', '-ltnH', f'sport = :{own.ports["pop3"]}'], capture_output=True, text=True)
    assert {line.split()[2] for line in done.stdout.splitlines()} == {'7'}, done.stdout


def test_path(own):
    path = own.dir / 'control'
    text = own.config.read_text() + f'\nlistener admin {{ role admin; path "{path}"; }}\n'
    own.stop()
    own.config.write_text(text)
    own.file.unlink(missing_ok=True)
    own.start()
    assert path.is_socket()
    own.ll('status')
