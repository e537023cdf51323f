# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of the roles of a release build (threats B13).

test/break/probe tries to break out from inside; here is what can be seen from
outside, after all the journeys before.
"""
import os
import pathlib
import re

import pytest

from kit.mail import deliver
from kit.wire import imap

NOT_A_ROLE = {'supervisor'}


def status(pid):
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return dict(re.findall(r'(?m)^(\w+):\s*(.*)$', text))


def roles(demo):
    return [(role, pid) for role, pids in demo.pids().items() for pid in pids if role not in NOT_A_ROLE]


def test_the_kernel_confirms_the_confinement(demo):
    """215"""
    for role, pid in roles(demo):
        facts = status(pid)
        assert facts['Seccomp'] == '2', role
        assert facts['NoNewPrivs'] == '1', role
        assert int(facts['CapEff'], 16) == 0 and int(facts['CapPrm'], 16) == 0, role
        assert int(facts['CapBnd'], 16) == 0 or facts['NoNewPrivs'] == '1', role
        limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
        assert re.search(r'Max core file size\s+0\s+0', limits), role


def test_the_supervisor_keeps_little(demo):
    facts = status(demo.process.pid)
    assert facts['Seccomp'] == '2'
    keep = int(facts['CapEff'], 16)
    setgid, setuid, kill, bind = 1 << 6, 1 << 7, 1 << 5, 1 << 10
    assert keep & ~(setgid | setuid | kill | bind) == 0, hex(keep)


def test_each_role_has_a_user_of_its_own(demo):
    if os.geteuid() != 0:
        pytest.skip('only as root do roles have different users')
    users = {}
    for role, pid in roles(demo):
        users.setdefault(status(pid)['Uid'].split()[0], set()).add(role)
    assert '0' not in users
    for names in users.values():
        assert len(names) == 1, names


def test_no_role_can_be_looked_into(demo):
    """Not dumpable: the files in /proc belong to root."""
    for role, pid in roles(demo):
        assert os.stat(f'/proc/{pid}/mem').st_uid == 0 or os.geteuid() != 0, role


def test_a_role_has_no_way_to_the_file_system(demo):
    """Its root may be the machine's; Landlock and seccomp say no. No file is
    open but those of the table."""
    allowed = {'logger': ['/log/', '/data/trail/'], 'store': ['/data/'], 'vault': [], 'dialer': ['/data/']}
    for role, pid in roles(demo):
        for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
            try:
                target = os.readlink(fd)
            except FileNotFoundError:
                continue
            if target.startswith('/') and not target.startswith(('/dev/null', '/memfd:')):
                inside = any(str(demo.dir) + part[:-1] in target for part in allowed.get(role, []))
                assert inside or target.endswith('.stderr'), (role, target)


def test_descriptors_do_not_grow(demo, user):
    """226: after sessions of every kind the tables are as before."""
    def table():
        return {pid: len(list(pathlib.Path(f'/proc/{pid}/fd').iterdir())) for _, pid in roles(demo)}

    def some():
        for _ in range(20):
            deliver(demo, user.user)
            imap(demo, user, 'INBOX').close()
    some()
    before = table()
    some()
    after = table()
    for role, pid in roles(demo):
        if role != 'store':
            assert after[pid] <= before[pid] + 2, role
        else:
            assert after[pid] <= before[pid] + 16, role


def test_descriptors_are_closed_on_exec(demo):
    for role, pid in roles(demo):
        for info in pathlib.Path(f'/proc/{pid}/fdinfo').iterdir():
            flags = int(re.search(r'flags:\s+(\d+)', info.read_text()).group(1), 8)
            assert int(info.name) <= 2 or flags & 0o2000000, (role, info.name)


def test_no_role_has_ever_started_a_program(demo):
    """216: each is the program that it was started as, and has no child."""
    for role, pid in roles(demo):
        name = os.readlink(f'/proc/{pid}/exe')
        wanted = {'edge-admin': 'admin', 'edge-local': 'local'}.get(role, role.split('-')[0])
        assert name.endswith(f'letterlock-{wanted}'), (role, name)
        assert not pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


def test_verifiers_travel_on_one_hop_only():
    """223: no other schema has a field that could carry one."""
    wires = pathlib.Path(__file__).resolve().parents[2] / 'src' / 'wire'
    for path in wires.glob('*.wire'):
        for line in path.read_text().splitlines():
            if re.search(r'\b(argon2|scram_stored|scram_server)\b', line) and not line.startswith('#'):
                assert path.name == 'auth_store.wire', (path.name, line)
                asked = line.startswith(('call auth -> store', 'struct'))
                assert asked, line


def test_who_holds_a_folder(demo):
    """The data: the store; the dialer its own corner of it, the logger the trail; nobody else."""
    holders = {role for role, pid in roles(demo)
               for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir()
               if os.path.realpath(fd).startswith(str(demo.dir / 'data'))
               and (role, os.path.basename(os.path.realpath(fd))) != ('logger', 'trail')}
    assert 'store' in holders and holders <= {'store', 'dialer'}
