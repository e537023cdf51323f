# SPDX-License-Identifier: Apache-2.0
"""A kernel without Landlock or without seccomp filters (threats 214).

kit/weaken.py answers for such a kernel.  A start is refused and says how it could
be accepted; with that flag everything serves, each role confined by what there is,
and the log and `letterlock status` say so for as long as it runs.
"""
import pathlib
import subprocess
import sys

import pytest

from kit.instance import PROGRAM, SANITIZED, Instance, wait
from kit.mail import deliver
from kit.wire import imap

FLAG = '--allow-weak-kernel'
KINDS = {'landlock': 'Landlock', 'seccomp': 'seccomp filters',
         'landlock,seccomp': 'Landlock and seccomp filters'}
LESSER = [sys.executable, str(pathlib.Path(__file__).parent / 'kit' / 'weaken.py')]

pytestmark = pytest.mark.skipif(SANITIZED, reason='confinement is tested with a release build')


def lesser(missing, *options):
    return Instance(users=1, options=options, wrap=[*LESSER, missing])


@pytest.mark.parametrize('missing', KINDS)
def test_it_does_not_start_by_itself(missing, tmp_path):
    instance = lesser(missing)
    try:
        assert instance.launch().process.wait(10) == 1
        assert FLAG in instance.errors() and 'kernel' in instance.errors()
        # With keys and a configuration that are there, the supervisor says it.
        fresh = Instance(folder=instance.dir, users=1).start()
        fresh.stop()
        assert instance.launch().process.wait(10) == 1
        assert f'cannot start: this kernel has no {KINDS[missing]}' in instance.errors()
        done = subprocess.run([*LESSER, missing, PROGRAM, 'start', '--config', instance.dir / 'letterlock.conf'],
                              capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and FLAG in done.stderr
    finally:
        instance.clean()


@pytest.mark.parametrize('missing', KINDS)
def test_the_flag_starts_it_and_is_shown(missing):
    instance = lesser(missing, FLAG)
    try:
        instance.start()
        said = instance.ll('status').stdout
        assert f'started with {FLAG}: this kernel has no {KINDS[missing]}' in said
        facts = instance.rows('status')[0]
        assert facts['supervisor']['weak_kernel_allowed'] is True
        assert facts['supervisor']['kernel_lacks'] == KINDS[missing]
        for role in facts['roles']:
            confined = role['detail']['confinement']
            assert confined['no_new_privs'] and not confined['dumpable'], role['role']
            assert confined['cap_eff'] == 0
            assert confined['seccomp'] == (-1 if 'seccomp' in missing else 2), role['role']
            assert (confined['landlock_abi'] == 0) == ('landlock' in missing), role['role']
        subject = deliver(instance, instance.alice.user)
        assert imap(instance, instance.alice, 'INBOX').uids(f'HEADER Subject {subject}')
        # A role that comes back is told as well.
        old = instance.pids()['dialer']
        subprocess.run(['kill', '-9', str(old[0])], check=True)
        assert wait(lambda: instance.pids()['dialer'] not in (old, [0]))
        instance.stop()
        instance.start()
        instance.stop()
        rows = instance.log_rows('confine.weak-kernel')
        assert [row['lacks'] for row in rows] == [KINDS[missing]] * 2
        assert all(row['level'] == 'warning' for row in rows)
        assert instance.errors().count('warning: this kernel has no') == 2
    finally:
        instance.clean()


def test_the_flag_on_a_kernel_that_has_all(tmp_path):
    instance = Instance(users=1, options=[FLAG])
    try:
        instance.start()
        assert 'this kernel lacks nothing' in instance.ll('status').stdout
        assert instance.rows('status')[0]['supervisor']['kernel_lacks'] == ''
        assert not instance.log_rows('confine.weak-kernel')
        for line in ('allow-weak-kernel on;', 'weak-kernel on;'):
            path = tmp_path / 'x.conf'
            path.write_text(instance.config.read_text() + line)
            done = subprocess.run([PROGRAM, 'check', '--config', path], capture_output=True, text=True)
            assert done.returncode == 1 and 'kernel' in done.stdout + done.stderr
        instance.stop()
    finally:
        instance.clean()
