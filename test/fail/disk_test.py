# SPDX-License-Identifier: Apache-2.0
"""Each call of the store to its disk fails: the real programs, RocksDB on a real file system.

The store runs as it is under a preload (FAIL_SHIM, built from shim.c) which makes the k-th call
fail; the preload comes in through a mount namespace, so this needs root.  What the client is told
is a yes that is kept, a "not now", or the end of the connection; the next request works within
RECOVER seconds; a descriptor whose sync failed is never synced again.

FAIL_MOST is how many of the calls are tried for each kind and scenario (0: all), FAIL_LONG tries
every errno, once and for good.
"""
import ctypes
import mmap
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import errno as errnos
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'journey'))

from kit.instance import Instance, wait  # noqa: E402
from kit.mail import message, token  # noqa: E402
from kit.wire import imap, mx, submission  # noqa: E402

SHIM = os.environ.get('FAIL_SHIM', '')
MOST = int(os.environ.get('FAIL_MOST', '6'))
LONG = bool(os.environ.get('FAIL_LONG'))
RECOVER = 2.0
SYNC, WRITE, OPEN, NAME, READ = 1, 2, 4, 8, 16
ONCE, FOR_GOOD = 1, 2
SHORT = 0
KINDS = {'sync': (SYNC, ['EIO', 'ENOSPC', 'EDQUOT']),
         'write': (WRITE, ['ENOSPC', 'EIO', 'EDQUOT', 'EROFS', SHORT]),
         'open': (OPEN, ['EMFILE', 'ENFILE', 'ENOSPC', 'EIO', 'EROFS', 'EACCES', 'ENOMEM']),
         'name': (NAME, ['ENOSPC', 'EIO', 'EDQUOT', 'EROFS']),
         'read': (READ, ['EIO', 'ENOMEM'])}
LOST = (OSError, EOFError)
NAMESPACE = ('mount --make-rprivate / && mount -t overlay overlay -o lowerdir=/etc,'
             'upperdir="$1/upper",workdir="$1/work" /etc && echo "$1/shim.so" > /etc/ld.so.preload && '
             'shift && exec "$@"')

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not SHIM, reason='needs root and FAIL_SHIM')


class Control(ctypes.Structure):
    """As struct control of shim.c."""
    _fields_ = [(name, ctypes.c_uint32) for name in ('armed', 'kinds', 'mode', 'error')] + \
               [(name, ctypes.c_uint64) for name in ('at', 'calls', 'failed', 'retried')] + \
               [('what', ctypes.c_char * 64), ('name', ctypes.c_char * 32)]


class Disk:
    """The page that is shared with the store."""

    def __init__(self, folder):
        self.path = folder / 'shim.so.control'
        self.path.write_bytes(bytes(4096))
        self.path.chmod(0o666)
        self.file = self.path.open('r+b')
        self.page = mmap.mmap(self.file.fileno(), 4096)
        self.control = Control.from_buffer(self.page)

    def arm(self, kind, at=0, error=errnos.EIO, mode=ONCE, name=''):
        """name: a part of the names of the files that count."""
        c = self.control
        c.armed, c.name = 0, name.encode()
        c.kinds, c.at, c.error, c.mode = kind, at, error, mode
        c.calls = c.failed = 0
        c.what = b''
        c.armed = 1

    def disarm(self):
        self.control.armed = 0
        return self.control.calls


@pytest.fixture(scope='module')
def town():
    folder = pathlib.Path(tempfile.mkdtemp(prefix='ll-fail.'))
    instance = None
    try:
        folder.chmod(0o755)
        # An upper layer has to be on a file system that is no overlay itself.
        layers = pathlib.Path(tempfile.mkdtemp(prefix='ll-fail.', dir='/dev/shm'))
        layers.chmod(0o755)
        for name in ('upper', 'work'):
            (layers / name).mkdir(mode=0o755)
        shutil.copy(SHIM, layers / 'shim.so')
        (layers / 'shim.so').chmod(0o755)
        disk = Disk(layers)
        instance = Instance(folder / 'data', users=3,
                            wrap=['unshare', '-m', 'sh', '-c', NAMESPACE, 'sh', str(layers)])
        instance.disk = disk
        instance.start()
        yield instance
    finally:
        if instance is not None:
            instance.clean()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(layers, ignore_errors=True)


def said(code):
    """True, False for "not now"; anything else is a fault of the server."""
    assert code // 100 in (2, 4), f'answered {code}'
    return code // 100 == 2


def arrive(town, mark, to=('alice',), size=200):
    with mx(town) as smtp:
        codes = [smtp.cmd('MAIL FROM:<x@elsewhere.example>').code]
        codes += [smtp.cmd(f'RCPT TO:<{name}@example.test>').code for name in to]
        if not all(said(code) for code in codes):
            return False
        code = smtp.cmd('DATA').code
        if code != 354:
            return said(code)
        smtp.send(message(f'{to[0]}@example.test', subject=mark,
                          body='x' * 70 + '\r\n' + ('y' * 70 + '\r\n') * (size // 72)) + '\r\n.\r\n')
        return said(smtp.answer().code)


def one(town, mark):
    return arrive(town, mark)


def large(town, mark):
    return arrive(town, mark, size=400000)


def three(town, mark):
    return arrive(town, mark, to=('alice', 'bob', 'u1'))


def submit(town, mark):
    with submission(town, town.bob) as smtp:
        code = smtp.envelope(town.bob.user, town.alice.user)
        return said(smtp.data(message(town.alice.user, town.bob.user, mark)).code)


def append(town, mark):
    with imap(town, town.alice) as session:
        status, text, _ = session.append(message(town.alice.user, subject=mark))
        assert status in ('OK', 'NO'), text
        return status == 'OK'


def flags(town, mark):
    with imap(town, town.alice, 'INBOX') as session:
        status, text, _ = session.cmd(f'STORE 1 +FLAGS.SILENT (f{mark})')
        assert status in ('OK', 'NO'), text
        return status == 'OK'


def found(town, mark):
    with imap(town, town.alice, 'INBOX') as session:
        return len(session.uids(f'HEADER Subject {mark}'))


def flagged(town, mark):
    with imap(town, town.alice, 'INBOX') as session:
        return len(session.uids(f'KEYWORD f{mark}'))


SCENARIOS = {'one': (one, found), 'large': (large, found), 'three': (three, found),
             'append': (append, found), 'flags': (flags, flagged)}


def attempt(act, town, mark):
    """True, False, or None: no answer, as when the store was replaced."""
    try:
        return act(town, mark)
    except LOST:
        return None


def until_done(act, town, mark, seconds=RECOVER):
    assert wait(lambda: attempt(act, town, mark), seconds, 0.05), 'it does not work again'


def judge(town, look, mark, answer, context):
    count = wait_found(town, look, mark)
    assert count == 1 if answer else count <= 1, (context, answer, count)


def wait_found(town, look, mark):
    end = time.monotonic() + RECOVER
    while True:
        try:
            return look(town, mark)
        except (AssertionError, *LOST):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def counts(town, act, kind):
    """How many calls of a kind there are in one go."""
    town.disk.arm(kind)
    until_done(act, town, token())
    return town.disk.disarm()


def steps(calls):
    """Which of the calls fail: some of them, the first and the last among these."""
    if MOST == 0 or calls <= MOST:
        return list(range(1, calls + 1))
    return sorted({1 + i * (calls - 1) // (MOST - 1) for i in range(MOST)})


@pytest.mark.limit(3600 if LONG else 60)
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', SCENARIOS)
def test_each_disk_call_fails(town, name, kind):
    act, look = SCENARIOS[name]
    bits, errors = KINDS[kind]
    until_done(arrive, town, token())
    calls = counts(town, act, bits)
    tried = 0
    for error in errors if LONG else errors[:1]:
        number = getattr(errnos, error) if error else SHORT
        for mode in (ONCE, FOR_GOOD) if LONG and error else (ONCE,):
            for k in steps(calls):
                mark = token()
                town.disk.arm(bits, k, number, mode)
                answer = attempt(act, town, mark)
                what = town.disk.control.what.decode()
                tried += town.disk.control.failed > 0
                town.disk.disarm()
                context = (name, kind, k, error, mode, what)
                until_done(arrive, town, token())
                judge(town, look, mark, answer, context)
                assert town.disk.control.retried == 0, context
    # Files are opened, named and read when a table or a log is full, not in every go.
    assert tried or kind in ("open", "name", "read")


@pytest.mark.limit(60)
def test_a_disk_that_does_not_sync_and_comes_back(town):
    """Every sync fails for a second: not one yes meanwhile, all of it kept, and reopened after."""
    kept, refused = [], 0
    town.disk.arm(SYNC | WRITE, 1, errnos.EIO, FOR_GOOD)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        answer = attempt(one, town, token())
        assert not answer, 'yes without a sync'
        refused += 1
    town.disk.disarm()
    for _ in range(5):
        kept.append(token())
        until_done(one, town, kept[-1])
    # What was acknowledged is on the disk: the store is killed, and reads it again.
    os.kill(town.pids()['store'][0], 9)
    for mark in kept:
        assert wait_found(town, found, mark) >= 1, mark
    assert refused > 0 and town.disk.control.retried == 0


# What RocksDB writes behind our back, and notes there: a flush, and where it went.
BACKGROUND = [(name, kind) for name in ('.sst', '.blob', 'MANIFEST') for kind in ('write', 'sync', 'open')
              if (name, kind) != ('MANIFEST', 'open')]


@pytest.mark.limit(120)
@pytest.mark.parametrize('error', ['EIO', 'ENOSPC'])
@pytest.mark.parametrize('name, kind', BACKGROUND)
def test_what_the_engine_does_in_the_background_fails(town, tmp_path, name, kind, error):
    """A backup makes it flush.  Nothing of what was answered is lost, the next request works."""
    for mode in (ONCE, FOR_GOOD) if LONG else (ONCE if error == 'EIO' else FOR_GOOD,):
        kept = [token() for _ in range(3)]
        for mark in kept:
            until_done(lambda town, mark: arrive(town, mark, size=4000), town, mark)
        town.disk.arm(KINDS[kind][0], 1, getattr(errnos, error), mode, name)
        done = town.ll('backup', str(tmp_path / 'copy'), code=None)
        failed = town.disk.control.failed
        meanwhile = {mark: attempt(one, town, mark) for mark in (token() for _ in range(3))}
        town.disk.disarm()
        context = (name, kind, error, mode, done.returncode, failed, meanwhile)
        assert failed > 0 and done.returncode != 0, context
        after = token()
        until_done(one, town, after)
        for _ in range(2):
            for mark in [*kept, after]:
                assert wait_found(town, found, mark) >= 1, context
            for mark, answer in meanwhile.items():
                judge(town, found, mark, answer, context)
            os.kill(town.pids()['store'][0], 9)
        assert town.disk.control.retried == 0, context
    assert wait(lambda: town.ll('backup', str(tmp_path / 'copy'), code=None).returncode == 0, 5 * RECOVER)


def free(path, amount):
    """Leave so many bytes free there: the ballast's path."""
    ballast = path / 'ballast'
    ballast.unlink(missing_ok=True)
    room = os.statvfs(path)
    with ballast.open('wb') as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - amount)
    return ballast


@pytest.fixture
def small():
    """An instance whose data is on a file system of 400 MiB, of which 256 are the reserve."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='ll-small.'))
    folder.chmod(0o755)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', folder], check=True)
    instance = Instance(folder / 'data', users=2)
    try:
        instance.start()
        yield instance
    finally:
        instance.clean()
        subprocess.run(['umount', '-l', folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.limit(60)
def test_disk_low(small):
    """Below the reserve nothing new is taken, and everything that frees space goes on."""
    marks = [token() for _ in range(4)]
    for mark in marks:
        assert one(small, mark)
    ballast = free(small.dir.parent, 16 << 20)
    assert wait(lambda: not attempt(one, small, token()), RECOVER)  # it looks from time to time
    with mx(small) as smtp:
        smtp.envelope('x@elsewhere.example', small.alice.user)
        reply = smtp.data(message(small.alice.user))
        assert reply == 452 and ' 4.3.1' in reply.line, reply
    with submission(small, small.bob) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{small.bob.user}>') == 452
    with imap(small, small.alice, 'INBOX') as session:
        status, text, _ = session.append(message(small.alice.user))
        assert status == 'NO', text
        assert session.cmd('COPY 1 Trash')[0] == 'NO'
        before = len(session.bodies())
        assert before >= len(marks)
        session.ok('STORE 1:2 +FLAGS (\\Deleted)')
        session.ok('EXPUNGE')
        assert len(session.bodies()) == before - 2
    ballast.unlink()
    assert wait(lambda: attempt(one, small, marks[0]), RECOVER)


@pytest.mark.limit(60)
def test_disk_full(small):
    """Nothing is free at all: no false yes, reading goes on, and space that comes back is used."""
    marks = [token() for _ in range(2)]
    for mark in marks:
        assert one(small, mark)
    ballast = free(small.dir.parent, 0)
    assert wait(lambda: not attempt(one, small, token()), RECOVER)
    for _ in range(5):
        assert not attempt(one, small, token())
    assert found(small, marks[0]) == 1
    ballast.unlink()
    after = token()
    assert wait(lambda: attempt(one, small, after), RECOVER)
    for mark in [*marks, after]:
        assert found(small, mark) == 1, mark
