# SPDX-License-Identifier: Apache-2.0
"""`isolate user`: each connection of a user in a process of its own.

The first process of pool access is the porter: it accepts, reads nothing, and is
never a guest's.  Processes are counted by /proc, as children of the supervisor.
"""
import os
import pathlib
import re
import signal
import time

import pytest

from kit.instance import SANITIZED, Instance, alive, wait
from kit.mail import deliver, find
from kit.oracle import check_log
from kit.wire import Wire, imap, pop, submission

PLACES = 8
SPARE = 4  # role/supervisor/guest.c
TITLE = b'letterlock: edge-access\0'


def edges(own):
    """Process id -> index of pool access."""
    found = {}
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            parent = int((path / 'stat').read_text().rsplit(')', 1)[1].split()[1])
            words = (path / 'cmdline').read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == own.process.pid and words.startswith(TITLE):
            found[int(path.name)] = int(words.split(b'\0')[2])
    return found


def porter(own):
    return next(pid for pid, index in edges(own).items() if index == 0)


def sockets(pid):
    """Inodes of what a process has open."""
    found = set()
    for path in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        match = re.match(r'socket:\[(\d+)\]', os.readlink(path))
        if match:
            found.add(match.group(1))
    return found


def of_session(own, session):
    """The process that has the server's end of it."""
    port, peer = session.sock.getpeername()[1], session.sock.getsockname()[1]
    for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f':{port:04X}') and fields[2].endswith(f':{peer:04X}'):
            inode = fields[9]
            return next(pid for pid in edges(own) if inode in sockets(pid))
    raise AssertionError('no such connection')


def listening():
    return {line.split()[9] for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
            if line.split()[3] == '0A'}


def isolation(own):
    return own.rows('status')[0]['isolated']


def logged_in(own):
    """As the porter knows: it hears of it a moment after the client."""
    return next(role['detail']['logged_in'] for role in own.rows('status')[0]['roles']
                if role['role'] == 'edge-access' and role['index'] == 0)


def idle(own):
    """Nobody is there, and some stand ready."""
    return isolation(own) == {'limit': PLACES, 'connections': 0, 'ready': SPARE}


@pytest.fixture(scope='module')
def instance():
    own = Instance(users=3)
    try:
        own.start()
        own.set_option('processes', 'isolate', 'user')
        own.set_option('processes', 'isolated', PLACES)
        own.stop()
        own.file.unlink()
        yield own.start()
        own.stop()
        check_log(own)
        assert 'bug:' not in own.errors(), own.errors()
    finally:
        own.clean()


@pytest.fixture
def apart(instance):
    assert wait(lambda: idle(instance), 20), isolation(instance)
    return instance


def test_one_session_one_process(apart):
    word = deliver(apart, apart.alice.user)
    find(apart, apart.alice, word)
    held = [imap(apart, apart.alice, 'INBOX'), imap(apart, apart.alice, 'INBOX'), imap(apart, apart.bob),
            pop(apart, apart.alice), submission(apart, apart.bob)]
    homes = [of_session(apart, session) for session in held]
    assert len(set(homes)) == len(held)
    assert porter(apart) not in homes
    # Nobody but the porter could take a connection from the kernel.
    for pid in homes:
        assert not sockets(pid) & listening(), pid
    assert sockets(porter(apart)) & listening()
    assert wait(lambda: isolation(apart)['connections'] == len(held), 5)
    assert wait(lambda: isolation(apart)['ready'] == SPARE, 5)
    assert f'{len(held)} of {PLACES} connections' in apart.ll('status').stdout
    # One that is killed takes nobody along; one that ends takes its process along.
    os.kill(homes[0], signal.SIGKILL)
    assert held[0].rest(5) == b''
    held[1].ok('NOOP')
    for session in held:
        session.close()
    assert wait(lambda: not any(alive(pid) for pid in homes), 10)
    assert wait(lambda: idle(apart), 10), isolation(apart)


def test_when_all_have_logged_in_the_next_comes_later(apart):
    held = [imap(apart, apart.alice if i % 2 else apart.bob) for i in range(PLACES)]
    assert wait(lambda: logged_in(apart) == PLACES, 5)
    with Wire(apart, 'imap', greet=False) as late:
        assert late.rest(10).startswith(b'* BYE ')
    with Wire(apart, 'submission', greet=False) as late:
        assert late.rest(10).startswith(b'421 4.')
    with Wire(apart, 'pop3', greet=False) as late:
        assert late.rest(10).startswith(b'-ERR ')
    for session in held:
        session.ok('NOOP')
    held.pop().close()
    assert wait(lambda: isolation(apart)['connections'] == PLACES - 1, 5)
    held.append(imap(apart, apart.alice, 'INBOX'))
    for session in held:
        session.ok('NOOP')
        session.close()


def test_strangers_give_way(apart):
    """Twice as many as there are places never log in."""
    user = imap(apart, apart.alice, 'INBOX')
    strangers = []
    for _ in range(2 * PLACES):
        strangers.append(Wire(apart, 'imap', greet=False))
    # After two seconds a person gets in, from the same address, and who was in stays.
    other = wait(lambda: enter(apart), 20)
    assert other
    user.ok('NOOP')
    other.ok('NOOP')
    assert len(edges(apart)) <= PLACES + PLACES // 10 + 1 + SPARE + 1
    for session in (user, other, *strangers):
        session.close()
    assert wait(lambda: idle(apart), 20), isolation(apart)


def enter(own):
    try:
        return imap(own, own.bob, 'INBOX')
    except (OSError, EOFError):
        return None
    except AssertionError as error:
        assert 'UNAVAILABLE' in repr(error)  # a store that is not back yet
        return None


def test_a_new_porter_and_a_new_store(apart):
    session = imap(apart, apart.alice, 'INBOX')
    os.kill(old := porter(apart), signal.SIGKILL)
    assert wait(lambda: any(index == 0 and pid != old for pid, index in edges(apart).items()), 5)
    session.ok('NOOP')
    next_one = wait(lambda: enter(apart), 10)
    next_one.ok('NOOP')
    apart.reload()
    session.ok('NOOP')
    # The store's end ends who lived in it, by word; then everything goes on.
    os.kill(apart.pids()['store'][0], signal.SIGKILL)
    assert b'BYE' in session.rest(10)
    again = wait(lambda: enter(apart), 20)
    again.ok('NOOP')
    for one in (session, next_one, again):
        one.close()
    assert wait(lambda: idle(apart), 20), isolation(apart)


def pss(pid):
    text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    return int(re.search(r'^Pss:\s+(\d+) kB', text, re.M).group(1))


def test_what_a_guest_costs(apart):
    held = [imap(apart, apart.alice, 'INBOX') for _ in range(PLACES)]
    each = [pss(of_session(apart, session)) for session in held]
    assert max(each) < (65536 if SANITIZED else 8192), each
    print(f'isolated: {sorted(each)[len(each) // 2]} KiB PSS each')
    for session in held:
        session.close()


def test_the_limit_has_limits(apart):
    before = apart.config.read_text()
    for places, good in ((3, False), (4, True), (256, True), (257, False)):
        apart.set_option('processes', 'isolated', places)
        done = apart.ll('check', code=None)
        assert (done.returncode == 0) == good, done.all
        assert good or 'isolated' in done.all
    apart.config.write_text(before)
