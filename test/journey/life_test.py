# SPDX-License-Identifier: Apache-2.0
"""Start, reload, drain, stop, and the death of any process."""
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import time

import pytest

from kit.instance import PROGRAM, USERS, Instance, alive, busy, short_folder, wait
from kit.mail import ELSEWHERE, deliver, find, mails, message, token
from kit.wire import Imap, Pop, Smtp, imap, mx, pop, submission

ROLES = ['edge-mx', 'edge-access', 'edge-admin', 'edge-local', 'auth', 'vault', 'store', 'sorter-mx', 'sorter-access',
         'dialer', 'fetch', 'courier', 'logger']


# ---- the contract ----

def test_the_endpoints_file(demo):
    """demo.md, point by point."""
    facts = demo.endpoints
    assert stat.S_IMODE(demo.file.stat().st_mode) == 0o600
    assert facts['domain'] == 'example.test' and facts['hostname'] == 'mx.example.test'
    assert {'smtp', 'submission', 'submissions', 'imap', 'imaps', 'pop3', 'pop3s'} <= set(facts['ports'])
    for key in ('ca', 'config', 'log'):
        assert os.path.isabs(facts[key]) and facts[key].startswith(str(demo.dir))
    assert [row['user'].split('@')[0] for row in facts['accounts']] == \
        ['alice', 'bob'] + [f'u{n}' for n in range(1, USERS + 1)]
    for row in facts['accounts'][:2]:
        assert row['password'].isalnum() and len(row['password']) >= 12
    assert {row['password'] for row in facts['accounts'][2:]} == {'secret'}
    assert set(facts['pids']) == {'supervisor', *ROLES}
    assert facts['pids']['supervisor'] == [demo.process.pid]


def test_the_pids_are_all_processes_of_the_group(demo):
    group = []
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if os.getpgid(int(path.name)) == demo.process.pid:
                group.append(int(path.name))
        except ProcessLookupError:
            pass
    assert sorted(group) == demo.every_pid()


def test_it_is_up_in_a_second():
    """The shortest of three, and more where others are busy on this machine."""
    took = []
    for _ in range(3):
        instance = Instance(users=0)
        try:
            instance.start()
            took.append(instance.started_in)
            instance.stop()
        finally:
            instance.clean()
    assert min(took) < 1.0 * busy(), took


def test_keys_and_permissions(demo):
    keys = demo.dir / 'keys'
    for path in keys.iterdir():
        if path.suffix == '.key':
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert 'PRIVATE KEY' in path.read_text() and 'ENCRYPTED' not in path.read_text()
    assert not list(keys.glob('ca*.key')), "the CA's key is thrown away"


def test_every_port_on_both_addresses(demo):
    for number in demo.ports.values():
        for host in ('127.0.0.1', '::1'):
            socket.create_connection((host, number), 5).close()


@pytest.mark.parametrize('sig', [signal.SIGTERM, signal.SIGINT])
def test_stop_with_sessions_of_every_kind(sig):
    instance = Instance(users=2)
    try:
        instance.start()
        held = [mx(instance), submission(instance, instance.alice), imap(instance, instance.alice, 'INBOX'),
                pop(instance, instance.account('u1')), Imap(instance, 'imap'),
                Smtp(instance, 'smtp', greet=False)]
        held[2].start('IDLE')
        held[2].line()
        raw = socket.create_connection(('127.0.0.1', instance.ports['imaps']))
        instance.stop(sig)
        said = [session.rest(1) for session in held]
        assert b'421' in said[0] and b'421' in said[1] and b'* BYE' in said[2] and b'* BYE' in said[4]
        raw.close()
    finally:
        instance.clean()


def test_a_message_in_data_is_finished_at_the_end():
    """No new connection; a transaction in DATA goes through."""
    instance = Instance(users=1)
    try:
        instance.start()
        user, word = instance.account('u1'), token()
        smtp = mx(instance)
        smtp.envelope(ELSEWHERE, user.user)
        assert smtp.cmd('DATA') == 354
        data = message(user.user, subject=word)
        smtp.send(data[:50])
        time.sleep(0.05)
        instance.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(OSError):
            socket.create_connection(('127.0.0.1', instance.ports['smtp']), 1).recv(1) or \
                (_ for _ in ()).throw(OSError())
        smtp.send(data[50:] + '.\r\n')
        assert smtp.answer() == 250
        assert instance.process.wait(5) == 0
        instance.start()
        find(instance, user, word)
        instance.stop()
    finally:
        instance.clean()


def test_started_again_in_its_folder_everything_is_there():
    folder = short_folder()
    (folder / 'not-ours').write_text('x')
    folder.chmod(0o700)
    instance = Instance(folder, users=2)
    instance.own_folder = True
    try:
        instance.start()
        word = deliver(instance, instance.alice.user)
        instance.ll('alias', 'add', 'later@example.test', 'alice@example.test')
        first, ca = instance.alice.password, pathlib.Path(instance.ca).read_bytes()
        with imap(instance, instance.alice, 'INBOX') as session:
            validity, bodies = session.validity, session.bodies()
        instance.stop()
        instance.errors_seen = 0
        instance.start()
        assert instance.alice.password == first and pathlib.Path(instance.ca).read_bytes() == ca
        with imap(instance, instance.alice, 'INBOX') as session:
            assert (session.validity, session.bodies()) == (validity, bodies)
        find(instance, instance.alice, word)
        find(instance, instance.alice, deliver(instance, 'later@example.test'))
        assert (folder / 'not-ours').read_text() == 'x'
        instance.stop()
    finally:
        instance.clean()


def test_the_folder_may_be_long_but_not_too_long(tmp_path):
    folder = short_folder()
    good = folder / ('x' * (80 - len(str(folder)) - 1))
    instance = Instance(good, users=1)
    try:
        instance.start()
        instance.stop()
    finally:
        instance.clean()
    done = subprocess.run([str(PROGRAM), 'demo', '--dir', str(good) + 'y'], capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and '80' in done.stderr


def test_a_second_instance_on_the_same_data_is_refused(own):
    done = subprocess.run([str(PROGRAM), 'start', '--config', str(own.config)], capture_output=True,
                          text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert 'another letterlock runs on this data' in done.stderr, done.stderr
    imap(own, own.alice).close()


def test_a_port_that_is_held_is_named(own):
    """With name and pid of the holder, and what to do."""
    with socket.socket() as holder:
        holder.bind(('127.0.0.1', 0))
        holder.listen()
        port = holder.getsockname()[1]
        folder = short_folder()
        config = folder / 'letterlock.conf'
        text = own.config.read_text().replace(str(own.dir), str(folder))
        text = text.replace(f'port {own.ports["smtp"]};', f'port {port};')
        for name, number in own.ports.items():
            if name != 'smtp':
                text = text.replace(f'port {number};', 'port 0;' if False else f'port {number + 1};')
        config.write_text(text)
        for name in ('data', 'run', 'log', 'keys'):
            (folder / name).mkdir()
        for path in (own.dir / 'keys').iterdir():
            (folder / 'keys' / path.name).write_bytes(path.read_bytes())
        done = subprocess.run([str(PROGRAM), 'start', '--config', str(config)], capture_output=True,
                              text=True, timeout=20, stdin=subprocess.DEVNULL)
        assert done.returncode != 0
        assert f'port {port} is held by python3 (pid {os.getpid()})' in done.stderr, done.stderr


def test_another_user_can_run_it():
    """As uid 65534, from an empty folder of its own."""
    if os.geteuid() != 0:
        pytest.skip('only root can become another user')
    folder = short_folder()
    os.chown(folder, 65534, 65534)
    instance = Instance(folder, users=2, wrap=['setpriv', '--reuid', '65534', '--regid', '65534',
                                               '--clear-groups'],
                        env={'PATH': os.environ['PATH']})
    instance.own_folder = True
    try:
        instance.start()
        find(instance, instance.account('u1'), deliver(instance, 'u1@example.test'))
        for pid in instance.every_pid():
            assert f'\nUid:\t65534\t' in pathlib.Path(f'/proc/{pid}/status').read_text()
        instance.stop()
    finally:
        instance.clean()


def test_without_a_place_to_write_it_says_so(tmp_path):
    done = subprocess.run([str(PROGRAM), 'demo', '--dir', '/proc/nowhere'], capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and '/proc' in done.stderr


# ---- reload ----

def test_reload_drops_no_session(own):
    sessions = [imap(own, own.alice, 'INBOX') for _ in range(5)]
    smtp = mx(own)
    smtp.envelope(ELSEWHERE, own.alice.user)
    pids = own.pids()
    own.reload()
    assert own.pids() == pids
    for session in sessions:
        session.ok('NOOP')
    assert smtp.data(message(own.alice.user)) == 250


def test_reload_takes_a_new_limit(own):
    own.set_option('limits', 'recipients', '3')
    own.reload()
    with mx(own) as smtp:
        assert 'RCPTMAX=3' in smtp.extensions['LIMITS']
        smtp.envelope(ELSEWHERE, *[f'u1+{n}@example.test' for n in range(3)])
        assert smtp.cmd('RCPT TO:<u1+4@example.test>') == 452
    done = own.ll('reload')
    assert done.returncode == 0


def test_one_address_has_its_limit(own):
    """191: one more is told to come again; others still get in."""
    own.set_option('limits', 'connections-per-address', '10')
    own.reload()
    held = [mx(own) for _ in range(10)]
    with Smtp(own, 'smtp', greet=False) as smtp:
        assert smtp.rest(3).startswith(b'421 4.7.0') or smtp.ended
    imap(own, own.alice).close()
    held.pop().close()
    assert wait(lambda: works(own), 2)


def test_a_broken_configuration_changes_nothing(own):
    good = own.config.read_text()
    own.config.write_text(good + '\nnonsense {\n')
    own.process.send_signal(signal.SIGHUP)
    assert wait(lambda: own.log_rows('conf.refused'))
    find(own, own.alice, deliver(own, own.alice.user))
    assert own.ll('reload', code=None).returncode in (1, 4)
    own.config.write_text(good)
    own.reload()


def test_reload_takes_new_certificates(own):
    """O18: the same session lives on, new handshakes get the new one."""
    def shown():
        with Imap(own, 'imaps') as session:
            return session.sock.getpeercert()['serialNumber']
    first = shown()
    session = imap(own, own.alice, 'INBOX')
    spare = Instance(users=1)
    try:
        spare.start()
        spare.stop()
        for name in ('ecdsa.pem', 'ecdsa.key', 'ca.pem'):
            (own.dir / 'keys' / name).write_bytes((spare.dir / 'keys' / name).read_bytes())
    finally:
        spare.clean()
    own.reload()
    assert wait(lambda: shown() != first, 3)
    session.ok('NOOP')


# ---- deaths ----

def role_back(demo, role, pid, seconds=2.0):
    return wait(lambda: (now := demo.pids()[role]) and now[0] != pid and now[0] != 0 and alive(now[0]), seconds)


def works(demo):
    """Mail goes in and comes out."""
    try:
        word = deliver(demo, demo.alice.user)
        return bool([m for m in mails(demo, demo.alice).values() if word.encode() in m])
    except (OSError, EOFError, AssertionError):
        return False


@pytest.mark.parametrize('role', ROLES)
def test_a_role_is_killed(own, role):
    """196: others live on; back in 2 s, told in the file within 100 ms."""
    assert works(own)
    before = own.pids()
    pid = before[role][0]
    os.kill(pid, signal.SIGKILL)
    begin = time.monotonic()
    assert role_back(own, role, pid), f'{role} is not back: {own.pids()}'
    assert wait(lambda: works(own), 2.0 - (time.monotonic() - begin) + 0.5, 0.05), f'no mail after {role}'
    after = own.pids()
    for other in before:
        assert other == role or after[other] == before[other], f'{other} was replaced as well'
    assert own.ll('status').returncode == 0


def test_the_file_follows_within_100_ms(own):
    pid = own.pids()['sorter-access'][0]
    os.kill(pid, signal.SIGKILL)
    assert role_back(own, 'sorter-access', pid)
    changed = own.file.stat().st_mtime
    row = wait(lambda: [r for r in own.log_rows('role.ready') if r.get('process') == str(own.pids()['sorter-access'][0])])
    from datetime import datetime
    ready = datetime.fromisoformat(row[-1]['time'].replace('Z', '+00:00')).timestamp()
    assert changed - ready < 0.1


@pytest.mark.parametrize('role, replies', [('store', (421, 451, 452)), ('sorter-mx', (250, 451))])
def test_a_command_while_a_role_is_away(own, role, replies):
    """An answer within 2 s: temporary, or done by the one that came back."""
    smtp = mx(own)
    smtp.envelope(ELSEWHERE, own.alice.user)
    os.kill(own.pids()[role][0], signal.SIGKILL)
    begin = time.monotonic()
    try:
        reply = smtp.data(message(own.alice.user))
        assert reply.code in replies, reply
    except (EOFError, AssertionError) as error:
        assert isinstance(error, EOFError) or '421' in str(error) or '451' in str(error), error
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize('role', ['store', 'auth'])
def test_logins_while_a_role_is_away(own, role):
    session = imap(own, own.bob, 'INBOX')
    os.kill(own.pids()[role][0], signal.SIGKILL)
    begin = time.monotonic()
    try:
        with Imap(own, 'imaps') as other:
            status, text, _ = other.cmd(f'LOGIN {own.alice.user} {own.alice.password}')
            assert status == 'OK' or '[UNAVAILABLE]' in text, text
    except EOFError:
        pass
    assert time.monotonic() - begin < 10
    try:
        status, text, _ = session.cmd('NOOP')
        assert role == 'store' or status == 'OK'
    except EOFError:
        assert role == 'store'
    with Pop(own, 'pop3s') as other:
        other.ok(f'USER {own.alice.user}')
        line = other.cmd(f'PASS {own.alice.password}')
        assert line.startswith(b'+OK') or b'[SYS/TEMP]' in line


def test_no_handshake_while_the_vault_is_away_but_sessions_live(own):
    session = imap(own, own.alice, 'INBOX')
    pid = own.pids()['vault'][0]
    os.kill(pid, signal.SIGKILL)
    session.ok('NOOP')
    assert role_back(own, 'vault', pid)
    assert wait(lambda: works(own), 2)


def test_ten_deaths_of_one_role(own):
    """227: with a back-off; the others go on, the supervisor too."""
    for _ in range(6):
        pid = own.pids()['dialer'][0]
        if pid:
            os.kill(pid, signal.SIGKILL)
        assert works(own)
        wait(lambda: own.pids()['dialer'][0] not in (0, pid), 2)
    assert own.process.poll() is None
    assert 'dialer' in own.ll('status').stdout


def test_the_supervisor_is_killed(own):
    """All roles end within a second; the next start recovers."""
    word = deliver(own, own.alice.user)
    pids = own.every_pid()
    own.kill()
    assert wait(lambda: not [pid for pid in pids if alive(pid)], 1.0), [p for p in pids if alive(p)]
    own.start()
    find(own, own.alice, word)


def test_stopped_processes_do_not_stop_the_end():
    """A role that hangs is killed at the end of the time."""
    instance = Instance(users=1)
    try:
        instance.start()
        os.kill(instance.pids()['edge-mx'][0], signal.SIGSTOP)
        instance.process.send_signal(signal.SIGTERM)
        instance.process.wait(6)
        assert not [pid for pid in instance.every_pid() if alive(pid)]
    finally:
        instance.clean()


def test_systemd_is_told(tmp_path):
    """Type=notify: READY=1 when it serves, STOPPING=1 when it ends."""
    path = tmp_path / 'n'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        os.chmod(path, 0o777)
        sock.settimeout(10)
        instance = Instance(users=1, env=dict(os.environ, NOTIFY_SOCKET=str(path)))
        try:
            instance.start()
            assert b'READY=1' in sock.recv(4096)
            instance.stop()
            assert b'STOPPING=1' in sock.recv(4096)
        finally:
            instance.clean()


def test_json_of_the_file_is_never_half(own):
    """It is replaced by rename: whoever reads it reads a whole one."""
    pid = own.pids()['sorter-mx'][0]
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        json.loads(own.file.read_text())
