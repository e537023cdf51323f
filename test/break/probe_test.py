#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every attempt to break out, inside every role of a running server.

LL_BUILD names a release build, BREAK_PROBE the program break_probe of any build.
The server is a demo, started once as it is (it must refuse to be probed), then
again with --probe.  After each attempt the role is whole or was replaced; the
same attempts unconfined must work, which shows that they are real.
"""
import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pytest

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
PROBE = pathlib.Path(os.environ.get('BREAK_PROBE', BUILD / 'test/break/break_probe')).resolve()
ROLES = ['logger', 'vault', 'dialer', 'sorter-mx', 'sorter-access', 'store', 'auth', 'fetch',
         'courier',
         'edge-mx', 'edge-access', 'edge-local', 'edge-admin']
HELD = {'held', 'killed', 'gone'}
# What a role may do by its purpose: only the dialer makes network sockets.
ALLOWED = {'dialer': {'socket-inet', 'socket-inet6'}}
SETTLED = 1.1  # seconds; a death sooner after being ready is an early one


def probe(*args):
    done = subprocess.run([str(PROBE), *map(str, args)], stdout=subprocess.PIPE,
                          text=True, timeout=30)
    return done.stdout.strip()


def attempts():
    rows = [line.split() for line in probe('list').splitlines()]
    return [(int(number), name, kind == 'control') for number, name, kind in rows]


class Demo:
    """A server in a throw-away folder; its command line is the demo's own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.endpoints = self.folder / 'endpoints.json'
        self.process = None

    def start(self, args):
        self.endpoints.unlink(missing_ok=True)
        self.process = subprocess.Popen([str(a) for a in args])
        self.wait(lambda: self.endpoints.exists(), 30)

    def wait(self, what, seconds):
        end = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None, 'the server ended'
            assert time.monotonic() < end, 'waited in vain'
            time.sleep(0.01)

    def pids(self):
        return json.loads(self.endpoints.read_text())['pids']

    def pid(self, role):
        return self.pids()[role][0]

    def alive(self, role):
        """The role's process runs, and is the one that endpoints.json names."""
        pid = self.pid(role)
        return pid > 0 and state(pid) not in (None, 'Z')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0


def status_of(pid):
    rows = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(row.split(':\t', 1) for row in rows if ':\t' in row)


def state(pid):
    try:
        return status_of(pid)['State'][0]
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.fixture(scope='module')
def demo():
    with tempfile.TemporaryDirectory(prefix='ll-break-') as folder:
        server = Demo(folder)
        server.start([BUILD / 'letterlock', 'demo', '--dir', folder])
        pid = server.pid('supervisor')
        args = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')[:-1]
        # As it is, nobody can have it probed.
        socket = server.folder / 'run' / 'admin'
        assert probe(socket, 'vault', 0) == 'refused'
        assert server.alive('vault')
        server.stop()
        server.start([os.fsdecode(a) for a in args] + ['--probe'])
        yield server
        server.stop()


def test_roles_are_all(demo):
    assert set(demo.pids()) == set(ROLES) | {'supervisor'}
    assert all(len(pids) == 1 for pids in demo.pids().values())


@pytest.mark.parametrize('role', ROLES)
def test_what_the_kernel_says(demo, role):
    pid = demo.pid(role)
    status = status_of(pid)
    assert status['NoNewPrivs'] == '1'
    assert status['Seccomp'] == '2'
    assert int(status['CapEff'], 16) == 0
    assert int(status['CapPrm'], 16) == 0
    assert int(status['CapInh'], 16) == 0
    uids = set(status['Uid'].split())
    assert len(uids) == 1
    if os.geteuid() == 0:
        assert uids != {'0'}
        assert status['Groups'].strip() == ''
    for thread in os.listdir(f'/proc/{pid}/task'):
        rows = pathlib.Path(f'/proc/{pid}/task/{thread}/status').read_text()
        assert 'Seccomp:\t2\n' in rows and 'NoNewPrivs:\t1\n' in rows, thread
    limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
    core = next(row for row in limits.splitlines() if row.startswith('Max core'))
    assert core.split()[4:6] == ['0', '0']


@pytest.mark.parametrize('role', ROLES)
def test_memory_is_closed(demo, role):
    """Somebody of the same uid, without capabilities, cannot open it."""
    pid = demo.pid(role)
    uid = int(status_of(pid)['Uid'].split()[0])
    if os.geteuid() != 0 and uid != os.geteuid():
        pytest.skip('another user')
    code = ('import os, sys\n'
            'try:\n'
            f'    os.open("/proc/{pid}/mem", os.O_RDONLY)\n'
            'except OSError as e:\n'
            '    sys.exit(e.errno)\n')
    become = {'user': uid, 'group': uid, 'extra_groups': []} if os.geteuid() == 0 else {}
    done = subprocess.run([sys.executable, '-c', code], cwd='/', **become)
    assert done.returncode in (errno.EACCES, errno.EPERM)


def test_no_role_shares_a_user(demo):
    if os.geteuid() != 0:
        pytest.skip('started unprivileged: all roles share a uid')
    uids = {role: status_of(demo.pid(role))['Uid'].split()[0] for role in ROLES}
    assert len(set(uids.values())) == len(ROLES)


@pytest.fixture(scope='module')
def outcomes(demo):
    """{role: {attempt: how it ended}}, an attempt in all roles at a time.

    edge-admin comes last: the way to the others leads through it.  Between two
    rounds every role lives for a second, so that none is taken for one that cannot
    start and made to wait.
    """
    socket = demo.folder / 'run' / 'admin'
    found = {role: {} for role in ROLES}
    for number, name, _ in attempts():
        before = {role: demo.pid(role) for role in ROLES}
        for role in ROLES:
            found[role][name] = probe(socket, role, number)
        for role in ROLES:
            if found[role][name] in ('killed', 'gone'):
                demo.wait(lambda: demo.pid(role) != before[role], 15)
            demo.wait(lambda: demo.alive(role), 15)
        time.sleep(SETTLED)
    return found


@pytest.mark.parametrize('role', ROLES)
def test_no_way_out(outcomes, role):
    allowed = ALLOWED.get(role, set())
    for name, outcome in outcomes[role].items():
        if name in allowed:
            assert outcome == 'hole', f'{name}: {outcome}: the list is stale'
        else:
            assert outcome in HELD, f'{name} in {role}: {outcome}'
    killed = [name for name, end in outcomes[role].items() if end in ('killed', 'gone')]
    assert len(killed) >= 15, killed


def test_control():
    for number, name, control in attempts():
        if control:
            assert probe('control', number) == 'hole', name


if __name__ == '__main__':
    sys.exit(pytest.main([__file__, '-q', *sys.argv[1:]]))
