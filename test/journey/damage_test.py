# SPDX-License-Identifier: Apache-2.0
"""Every kind of file of a data folder, damaged in three ways.

Whatever was damaged: no reader ever gets wrong bytes, what is missing was told
by fsck, and after `fsck --repair` the server runs and serves the rest.
"""
import hashlib
import os
import re
import shutil

import pytest

from kit.instance import Instance
from kit.mail import deliver, message
from kit.wire import imap, pop

PAGE = 4096
WAYS = ['flip', 'cut', 'zero']
EVERY = os.environ.get('LL_DAMAGE') == 'all'

# Kind -> (which files, what may be lost when one is damaged).
#   nothing: everything is served afterwards
#   end: a log that was cut looks like one of a power cut; what stood there is gone, and
#        nobody can know that it was there
#   some: what stood there is gone or refused, and fsck says so
KINDS = {
    'log': (r'rocksdb/\d+\.log', 'some'),
    'table': (r'rocksdb/\d+\.sst', 'some'),
    'blob': (r'rocksdb/\d+\.blob', 'some'),
    'list of files': (r'rocksdb/MANIFEST-\d+', 'some'),
    'current': (r'rocksdb/CURRENT', 'nothing'),
    'options': (r'rocksdb/OPTIONS-\d+', 'nothing'),
    'identity': (r'rocksdb/IDENTITY', 'nothing'),
    'notes': (r'rocksdb/LOG(\.old\.\d+)?', 'nothing'),
    'lock of rocksdb': (r'rocksdb/LOCK', 'nothing'),
    'lock': (r'lock', 'nothing'),
    'body': (r'bodies/[0-9a-f]{2}/[0-9a-f]{32}', 'some'),
}


def kind_of(path):
    kinds = [name for name, (pattern, _) in KINDS.items() if re.fullmatch(pattern, path)]
    assert len(kinds) == 1, f'{path}: a kind of file that no case damages'
    return kinds[0]


def text(size):
    digits = os.urandom(size // 2).hex()
    return ''.join(digits[i:i + 76] + '\r\n' for i in range(0, len(digits), 76))


class House:
    """An instance whose store is put back, damaged, again and again."""

    def __init__(self, demo, tmp_path):
        self.demo, self.whole = demo, tmp_path / 'whole'
        self.store = demo.dir / 'data/store'
        alice = demo.alice
        for n in range(12):
            deliver(demo, alice.user, message(subject=f'small{n}', body=text(200)))
            deliver(demo, alice.user, message(subject=f'middle{n}', body=text(6000)))
        deliver(demo, alice.user, message(subject='large', body=text(400_000)))
        # Into tables and blob files; what follows stays in the log.
        demo.ll('backup', str(tmp_path / 'backup'))
        for n in range(12):
            deliver(demo, demo.bob.user, message(subject=f'late{n}', body=text(3000)))
        with imap(demo, demo.bob) as session:
            session.select('INBOX')
            session.ok('UID STORE 3 +FLAGS (\\Flagged)')
        self.mails = self.serve()
        assert {who: len(mails) for who, mails in self.mails.items()} == {'alice': 25, 'bob': 12}
        demo.kill()
        shutil.copytree(self.store, self.whole, symlinks=True, copy_function=shutil.copy2)
        self.files = sorted(str(p.relative_to(self.whole)) for p in self.whole.rglob('*') if p.is_file())
        self.kinds = {}
        for path in self.files:
            self.kinds.setdefault(kind_of(path), []).append(path)

    def put_back(self):
        shutil.rmtree(self.store)
        os.system(f'cp -a {self.whole} {self.store}')
        info = (self.demo.dir / 'data/dialer').stat()
        if os.geteuid() == 0:
            owner = info.st_uid - 2 + 5  # places of dialer and store in the list of roles
            for path in [self.store, *self.store.rglob('*')]:
                os.chown(path, owner, owner)

    def damage(self, kind, way):
        self.put_back()
        path = max((self.store / p for p in self.kinds[kind]), key=lambda p: p.stat().st_size)
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        if way == 'cut':
            data = data[:middle]
        elif way == 'flip' and data:
            data[middle] ^= 0x10
        elif way == 'zero':
            start = middle // PAGE * PAGE
            data[start:start + PAGE] = bytes(len(data[start:start + PAGE]))
        path.write_bytes(data)
        return path

    def serve(self):
        """Account -> UID -> digest; None for one that is refused with a text."""
        found = {}
        for name, account in (('alice', self.demo.alice), ('bob', self.demo.bob)):
            found[name] = {}
            with imap(self.demo, account) as session:
                session.select('INBOX')
                for uid in session.uids() if session.exists else []:
                    found[name][uid] = self.fetch(session, uid)
        return found

    def fetch(self, session, uid):
        try:
            status, said, lines = session.cmd(f'UID FETCH {uid} BODY.PEEK[]')
        except EOFError:  # behind the first range: nothing may stand in its place
            session.__init__(self.demo, 'imaps')
            session.login(self.demo.alice)
            session.select('INBOX')
            return None
        if status != 'OK':
            assert status == 'NO' and len(said) > 10, (status, said)
            return None
        data = next((line for line in lines if b'BODY[]' in as_bytes(line)), None)
        assert data is not None, (uid, lines)
        data = as_bytes(data)
        at = data.index(b'{')
        size = int(data[at + 1:data.index(b'}', at)])
        begin = data.index(b'\r\n', at) + 2
        return hashlib.sha256(data[begin:begin + size]).hexdigest()


def as_bytes(line):
    return line if isinstance(line, bytes) else line.encode('latin-1')


@pytest.fixture(scope='module')
def house(tmp_path_factory):
    demo = Instance(users=1)
    try:
        yield House(demo.start(), tmp_path_factory.mktemp('damage'))
    finally:
        demo.clean()


def cases():
    """All of it with LL_DAMAGE=all; else two ways where mail can be lost, and one for the rest."""
    for number, kind in enumerate(KINDS):
        for turn, way in enumerate(WAYS):
            here = (turn - number) % len(WAYS)
            if EVERY or here < (2 if KINDS[kind][1] == 'some' else 1):
                yield kind, way


@pytest.mark.limit(90)
@pytest.mark.parametrize('kind', ['table', 'blob', 'body'])
def test_a_running_server_serves_around_damage(house, kind):
    """Nobody has repaired anything: NO for what is damaged, the rest is served, fsck names it."""
    house.damage(kind, 'flip')
    demo = house.demo
    demo.start()
    try:
        told = demo.rows('fsck', code=1)
        with imap(demo, demo.bob) as session:
            session.select('INBOX')
            assert {u: house.fetch(session, u) for u in session.uids()} == house.mails['bob']
        if kind != 'table':
            uid, = [int(re.search(r'message (\d+)', row['what']).group(1)) for row in told]
            assert 'alice@example.test' in told[0]['where'] and 'mailbox 1' in told[0]['what']
            now = house.serve()['alice']
            assert now == {**house.mails['alice'], uid: None}
            with pop(demo, demo.alice) as session:
                assert session.cmd(f'RETR {uid}').startswith(b'-ERR ') or kind == 'body'
        assert deliver(demo, demo.bob.user)
    finally:
        demo.stop()


def test_every_kind_of_file_is_damaged_here(house):
    assert set(house.kinds) == set(KINDS), 'a kind of file that this store does not have'


@pytest.mark.limit(90)
@pytest.mark.parametrize('kind,way', cases())
def test_damage_is_found_and_the_rest_is_served(house, kind, way):
    house.damage(kind, way)
    demo = house.demo
    told = demo.ll('fsck', '--json', code=None)
    assert told.returncode in (0, 1), told.all
    mended = demo.ll('fsck', '--repair', '--json', code=None)
    assert mended.returncode in (0, 1), mended.all
    demo.start()
    try:
        now = house.serve()
        again = demo.ll('fsck', '--json', code=None)
    finally:
        demo.stop()
    missing = []
    for name, mails in house.mails.items():
        assert not set(now[name]) - set(mails), 'UIDs that were never given'
        for uid, digest in mails.items():
            got = now[name].get(uid)
            assert got in (None, digest), f'wrong bytes: {name} {uid}'
            if got is None:
                missing.append((name, uid))
    print(kind, way, 'missing', missing, 'told', told.stdout, 'mended', mended.stdout, 'again', again.stdout)
    if KINDS[kind][1] == 'nothing':
        assert not missing
    elif (kind, way) != ('log', 'cut'):
        assert not missing or (told.returncode == 1 and mended.returncode == 1), 'nobody was told'
        # The index of a table is its end, and all rows of this small store are in one.
        assert (kind, way) == ('table', 'cut') or len(missing) <= 16, 'more is lost than was damaged'
    assert not list((house.demo.dir / 'data/store').glob('salvage*'))
    assert bool(list(house.store.glob('rocksdb.damaged-*'))) == ('brought into' in mended.stdout)
