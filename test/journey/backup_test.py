# SPDX-License-Identifier: Apache-2.0
"""Backups: made while mail comes in, whole or not there, and brought back."""
import hashlib
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from kill_test import USERS, Load, found_in, spooled
from kit.instance import PROGRAM, Instance, wait
from kit.mail import deliver, mails, message
from kit.wire import imap

SECONDS = float(os.environ.get('LL_BACKUP_SECONDS', '3'))
BACKUPS = int(os.environ.get('LL_BACKUPS', '3'))
LARGE = 400_000  # bytes: a body that is a file of its own


@pytest.fixture
def shelf(tmp_path):
    return tmp_path / 'backups'


def backup(demo, shelf, **options):
    rows = demo.rows('backup', str(shelf), **options)
    return rows[0] if rows else None


def restore(demo, source, *words, code=0):
    """In the place of the store that was there."""
    store = demo.dir / 'data/store'
    if code == 0 and store.exists():
        shutil.rmtree(store)
    return demo.ll('restore', str(source), *words, '--json', code=code)


def large(word='large'):
    text = os.urandom(LARGE // 2).hex()
    return message(subject=word, body=''.join(text[i:i + 76] + '\r\n' for i in range(0, len(text), 76)))


def digests(demo, account, folder='INBOX'):
    return {uid: hashlib.sha256(data).hexdigest() for uid, data in mails(demo, account, folder).items()}


def state(demo, account, folder='INBOX'):
    with imap(demo, account) as session:
        session.select(folder)
        flags = session.ok('UID FETCH 1:* (FLAGS)') if session.exists else []
        return session.validity, session.uidnext, session.modseq(folder), flags


# ---- under load -------------------------------------------------------------------


def everything_before(demo, acknowledged, uids, gone):
    """What was acknowledged before the backup began is there, byte for byte."""
    assert wait(lambda: not spooled(demo), 10, 0.1), 'the spool does not empty'
    found = {a.user: found_in(demo, a)[0] for a in demo.accounts[2:2 + USERS]}
    lost, changed = [], []
    for m in acknowledged:
        for user in m.recipients:
            copies = found[user].get(m.number, [])
            if not copies and m.number not in gone:
                lost.append((m.number, user))
            changed += [(m.number, user) for _, digest in copies if digest != m.digest]
    for uid, m in uids:
        here = [u for u, _ in found[m.recipients[0]].get(m.number, [])]
        assert not here or uid in here, f'UID {uid} changed'
    return lost, changed


@pytest.mark.limit(150)
def test_backups_under_load_are_whole_moments(shelf, capsys):
    chance = random.Random(20261122)
    demo = Instance(users=USERS)
    made, took = [], []
    try:
        load = Load(demo.start()).start()
        for _ in range(BACKUPS):
            time.sleep(chance.uniform(0.3, 2 * SECONDS / BACKUPS))
            with load.lock:
                before, uids = list(load.acknowledged), list(load.uids['u8@example.test'])
            begin = time.monotonic()
            row = backup(demo, shelf)
            took.append(time.monotonic() - begin)
            made.append((row, before, uids, load.count - len(before)))
        load.stop()
        assert not load.faults, load.faults
        demo.stop()
        for row, before, uids, _ in made:
            restore(demo, shelf / row['name'], '--latest')
            demo.start()
            lost, changed = everything_before(demo, before, uids, load.expunging)
            assert not lost and not changed, (row, lost, changed)
            assert demo.ll('fsck').returncode == 0
            demo.stop()
        with capsys.disabled():
            print(f'\nbackup_test: {len(made)} backups under load, {load.count} acknowledged, '
                  f'{[n for *_, n in made]} of them while one was made, '
                  f'{[round(t, 2) for t in took]} s each, new '
                  f'{[r["new_bytes"] >> 10 for r, *_ in made]} KiB, shared '
                  f'{[r["kept_bytes"] >> 10 for r, *_ in made]} KiB')
        assert sum(n for *_, n in made) > 0, 'no mail came in while backups were made'
        assert made[-1][0]['kept_bytes'] > 0, 'nothing was shared'
    finally:
        demo.clean()


# ---- what comes back --------------------------------------------------------------


def furnish(demo):
    """One of each thing that a store holds."""
    alice = demo.alice
    for n in range(5):
        deliver(demo, alice.user, subject=f'small{n}')
    deliver(demo, alice.user, large())
    demo.ll('alias', 'add', 'sales@example.test', alice.user)
    guest = demo.new_account('guest@example.test', 'a-guest-has-a-password', quota='50M')
    with imap(demo, alice) as session:
        session.ok('CREATE Projects/Bridge')
        session.ok('SUBSCRIBE Projects/Bridge')
        session.ok('SETMETADATA Projects/Bridge (/private/comment "of steel" /shared/vendor/x/colour "red")')
        session.select('INBOX')
        session.ok('UID STORE 2 +FLAGS (\\Seen \\Flagged $Work)')
        session.ok('UID COPY 3 Projects/Bridge')
        session.ok('UID STORE 1 +FLAGS (\\Deleted)')
        session.ok('UID EXPUNGE 1')
    return guest


def picture(demo):
    alice = demo.alice
    with imap(demo, alice) as session:
        subscribed = sorted(session.ok('LSUB "" "*"'))
        subscribed += session.ok('GETMETADATA (DEPTH infinity) Projects/Bridge (/private /shared)')
    return (digests(demo, alice), digests(demo, alice, 'Projects/Bridge'), subscribed,
            demo.rows('alias', 'list'), demo.rows('account', 'list'))


@pytest.mark.limit(90)
def test_a_store_comes_back_as_it_was(own, shelf):
    guest = furnish(own)
    before, box = picture(own), state(own, own.alice)
    backup(own, shelf)
    deliver(own, own.alice.user, subject='later')
    own.stop()
    restore(own, shelf, '--latest')
    own.start()
    assert picture(own) == before
    assert state(own, own.alice) == box
    with imap(own, guest) as session:
        session.select('INBOX')
    assert deliver(own, 'sales@example.test')
    assert len(digests(own, own.alice)) == len(before[0]) + 1
    assert own.ll('fsck').returncode == 0


@pytest.mark.limit(90)
def test_an_older_state_gets_a_new_uidvalidity(own, shelf):
    furnish(own)
    before, box = picture(own), state(own, own.alice)
    folder = state(own, own.alice, 'Projects/Bridge')
    backup(own, shelf)
    own.stop()
    restore(own, shelf)
    own.start()
    assert picture(own) == before
    now, then = state(own, own.alice), state(own, own.alice, 'Projects/Bridge')
    assert now[0] > box[0] and then[0] > folder[0] and now[0] != then[0]
    assert now[3] == box[3], 'flags'
    with imap(own, own.alice) as session:
        session.ok('CREATE Afterwards')
    assert state(own, own.alice, 'Afterwards')[0] > max(now[0], then[0])
    assert own.ll('fsck').returncode == 0


@pytest.mark.limit(90)
def test_what_is_stopped_is_copied_too(own, shelf):
    furnish(own)
    before = picture(own)
    own.stop()
    row = backup(own, shelf)
    assert row['files'] > 0
    restore(own, shelf, '--latest')
    own.start()
    assert picture(own) == before


# ---- incremental -------------------------------------------------------------------


def inodes(folder):
    return {path.relative_to(folder): path.stat().st_ino
            for path in folder.rglob('*') if path.is_file()}


def test_a_second_backup_copies_what_is_new(own, shelf):
    for _ in range(3):
        deliver(own, own.alice.user, large())
    first = backup(own, shelf)
    assert first['kept_files'] == 0 and first['new_bytes'] > 3 * LARGE
    deliver(own, own.alice.user)
    second = backup(own, shelf)
    assert second['kept_bytes'] > 3 * LARGE and second['new_bytes'] < LARGE / 2
    one, two = inodes(shelf / first['name']), inodes(shelf / second['name'])
    shared = [path for path in one if two.get(path) == one[path]]
    assert len([path for path in shared if path.parts[0] == 'bodies']) == 3
    listed = own.rows('backup', 'list', str(shelf))
    assert [row['name'] for row in listed] == [second['name'], first['name']]
    # The older one may go: the other is a folder of its own.
    shutil.rmtree(shelf / first['name'])
    assert own.ll('backup', 'verify', str(shelf)).returncode == 0


# ---- what goes wrong ---------------------------------------------------------------


def parts(shelf):
    return sorted(path.name for path in shelf.iterdir() if path.name.endswith('.part'))


def test_an_interrupted_backup_is_none(own, shelf):
    first = backup(own, shelf)
    for _ in range(8):
        deliver(own, own.alice.user, large())
    process = subprocess.Popen([PROGRAM, 'backup', shelf, '--config', own.config], start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait(lambda: parts(shelf), 5, 0.0005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert parts(shelf) and [r['name'] for r in own.rows('backup', 'list', str(shelf))] == [first['name']]
    assert own.ll('backup', 'verify', str(shelf)).returncode == 0
    # Its checkpoint is still held: the store says when to come again, or restarts.
    done = own.ll('backup', str(shelf), code=None)
    if done.returncode:
        assert 'try again in a minute' in done.stderr
        pid = own.pids()['store'][0]
        os.kill(pid, signal.SIGKILL)
        assert wait(lambda: own.pids()['store'][0] not in (0, pid), 5)
        assert wait(lambda: own.ll('backup', str(shelf), code=None).returncode == 0, 10, 0.2)
    assert not parts(shelf) and len(own.rows('backup', 'list', str(shelf))) == 2
    assert not (own.dir / 'data/store/backup').exists()


def injure(folder, damage):
    """One file of the backup is damaged; its name."""
    body = next(path for path in sorted((folder / 'bodies').rglob('*')) if path.is_file())
    target = folder / 'manifest' if 'manifest' in damage else body
    data = bytearray(target.read_bytes())
    target.unlink()
    if damage == 'link':
        target.symlink_to('/etc/passwd')
    elif damage == 'cut':
        target.write_bytes(data[:-1])
    elif damage in ('flip', 'flip manifest'):
        data[len(data) // 2] ^= 1
        target.write_bytes(data)
    return body.name


def test_a_damaged_backup_is_told_and_not_restored(own, shelf):
    deliver(own, own.alice.user, large())
    whole = shelf / backup(own, shelf)['name']
    for path in whole.rglob('*'):
        assert path.stat().st_mode & 0o077 == 0, path
    own.stop()
    shutil.rmtree(own.dir / 'data/store')
    for damage in ['flip', 'cut', 'lose', 'link', 'flip manifest', 'lose manifest']:
        folder = shelf.parent / damage.replace(' ', '-') / '20260101T000000Z'
        folder.parent.mkdir()
        subprocess.run(['cp', '-a', '--', whole, folder], check=True)
        body = injure(folder, damage)
        told = own.ll('backup', 'verify', str(folder), code=1)
        assert 'manifest' in damage or body in told.stdout, damage
        assert own.ll('restore', str(folder.parent), code=1).stderr, damage
        left = [path.name for path in (own.dir / 'data').iterdir() if 'store' in path.name]
        assert not left, (damage, left)
    restore(own, shelf)
    own.start()
    assert len(digests(own, own.alice)) == 1


def test_restore_refuses_what_it_would_destroy(own, shelf):
    backup(own, shelf)
    assert 'letterlock stop' in own.ll('restore', str(shelf), code=4).stderr
    own.stop()
    assert 'move it away' in own.ll('restore', str(shelf), code=4).stderr
    assert (own.dir / 'data/store/rocksdb/CURRENT').exists()
    shutil.rmtree(own.dir / 'data/store')
    assert 'no whole backup' in own.ll('restore', str(own.dir / 'keys'), code=1).stderr
    assert not (own.dir / 'data/store').exists()
    own.start()


def test_one_backup_at_a_time(own, shelf):
    for _ in range(8):
        deliver(own, own.alice.user, large())
    process = subprocess.Popen([PROGRAM, 'backup', shelf, '--config', own.config],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(lambda: shelf.exists() and parts(shelf), 5, 0.0005)
    second = own.ll('backup', str(shelf), code=None)
    assert process.wait(20) == 0
    assert second.returncode == 0 or 'another' in second.stderr
