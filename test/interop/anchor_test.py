# SPDX-License-Identifier: Apache-2.0
"""The root's trust anchors are followed (RFC 5011): a root zone of the test's own, signed by keys that
come, go and are revoked, in a real name server (nsd); the role runs confined in `interop_ask`."""
import re
import shutil
import time

import pytest

from dial_test import Dialer
from dns_test import configure, query
from kit.instance import Instance, wait
from nsd import Served, nsd_conf, run, served

ZONE = """$ORIGIN .
$TTL 300
. IN SOA ns.example. hostmaster.example. {serial} 3600 600 86400 60
. IN NS ns.example.
ns.example. IN A 127.0.0.1
example. IN MX 10 mx.example.
example. IN TXT "serial {serial}"
"""
MONTH = 30 * 86400


class Root(Served):
    """A root zone in nsd, which begins with the first that is published."""
    serial = 0

    def launch(self):
        if self.serial:
            super().launch()

    def key(self, algorithm='ECDSAP256SHA256'):
        return run('ldns-keygen', '-a', algorithm, '-k', '.', cwd=self.folder)

    def record(self, key):
        return (self.folder / f'{key}.key').read_text()

    def revoke(self, key):
        """The revoked form of a key, which signs as before."""
        for end in ('.key', '.private'):
            shutil.copy(self.folder / f'{key}{end}', self.folder / f'{key}.revoked{end}')
        run('ldns-revoke', f'{key}.revoked.key', cwd=self.folder)
        return f'{key}.revoked'

    def publish(self, *keys, also=()):
        """Signed by these keys; others stand beside them and sign nothing."""
        self.serial += 1
        text = ZONE.format(serial=self.serial) + ''.join(self.record(key) for key in also)
        (self.folder / 'root').write_text(text)
        run('ldns-signzone', '-n', '-o', '.', '-f', 'root.signed', 'root', *keys, cwd=self.folder)
        if self.process:
            self.again()
            time.sleep(0.7)
        else:
            nsd_conf(self.folder, self.port, [('.', 'root.signed')])
            self.launch()


@pytest.fixture
def root():
    with served(Root) as made:
        yield made


class Follower:
    """The dialer with a folder that outlives it."""

    def __init__(self, root, anchors):
        self.root, self.anchors = root, root.folder / 'anchors'
        self.anchors.write_text(anchors)
        self.own = root.folder / 'own'
        self.own.mkdir()

    def look(self):
        """One life: it asks once, and what it then knows; its answer for a name."""
        dialer = Dialer(f'dns {{ lookups on; resolvers 127.0.0.1:{self.root.port}; timeout 2s; '
                        f'trust-anchor "{self.anchors}"; }}', own=self.own)
        dialer.ask('wait', 700)
        known = dialer.ask('status')['anchors']
        trust = dialer.ask('mx', 'example')['trust']
        dialer.end()
        return {state: n for state, n in known.items() if n}, trust

    @property
    def file(self):
        return self.own / 'root.key'

    def due(self, pattern=None, back=0):
        """It is time to ask; and the keys that the pattern finds are older by so many seconds."""
        text = re.sub(r'^again \d+$', 'again 0', self.file.read_text(), flags=re.M)
        if pattern:
            text, n = re.subn(pattern, lambda m: f'{m[1]} {int(m[2]) - back}', text, flags=re.M)
            assert n == 1
        self.file.write_text(text)


@pytest.mark.parametrize('form', ['key', 'ds'])
def test_a_key_comes_and_another_is_revoked(root, form):
    old = root.key()
    root.publish(old)
    begin = root.record(old) if form == 'key' else run('ldns-key2ds', '-n', '-2', f'{old}.key', cwd=root.folder) + '\n'
    follower = Follower(root, begin)
    assert follower.look() == ({'valid': 1}, 'secure')
    first = follower.file.read_text()
    # Not asked again before its time.
    new = root.key('RSASHA256')
    root.publish(old, also=[new])
    assert follower.look() == ({'valid': 1}, 'secure') and follower.file.read_text() == first
    follower.due()
    assert follower.look() == ({'valid': 1, 'pending': 1}, 'secure')
    # A second before its thirty days it is nobody; then it counts.
    follower.due(r'^(pending) (\d+)', MONTH - 60)
    assert follower.look() == ({'valid': 1, 'pending': 1}, 'secure')
    follower.due(r'^(pending) (\d+)', 120)
    assert follower.look() == ({'valid': 2}, 'secure')
    # It alone signs: the old one is missing, and not forgotten.
    root.publish(new)
    follower.due()
    assert follower.look() == ({'valid': 1, 'missing': 1}, 'secure')
    # The old one revokes itself, and counts no more, for ever.
    root.publish(new, root.revoke(old))
    follower.due()
    assert follower.look() == ({'valid': 1, 'revoked': 1}, 'secure')
    root.publish(old)
    assert follower.look() == ({'valid': 1, 'revoked': 1}, 'bogus')
    follower.due()
    assert follower.look() == ({'valid': 1, 'revoked': 1}, 'bogus')
    root.publish(new, old)
    follower.due(r'^(revoked) (\d+)', MONTH + 60)
    assert follower.look() == ({'valid': 1, 'removed': 1}, 'secure')


def test_nobody_revokes_another_key(root):
    """The bit alone, without that key's own signature."""
    one, two = root.key(), root.key()
    root.publish(one, two)
    follower = Follower(root, root.record(one) + root.record(two))
    assert follower.look() == ({'valid': 2}, 'secure')
    root.publish(one, also=[root.revoke(two)])
    follower.due()
    assert follower.look() == ({'valid': 1, 'missing': 1}, 'secure')


def test_a_forged_answer_changes_nothing(root):
    one, stranger = root.key(), root.key()
    root.publish(one)
    follower = Follower(root, root.record(one))
    assert follower.look() == ({'valid': 1}, 'secure')
    before = follower.file.read_text()
    root.publish(stranger, also=[one])
    follower.due()
    assert follower.look() == ({'valid': 1}, 'bogus')
    assert follower.file.read_text() == before.replace(re.search(r'again \d+', before)[0], 'again 0')


def test_a_damaged_file_is_begun_anew(root):
    one = root.key()
    root.publish(one)
    follower = Follower(root, root.record(one))
    follower.look()
    good = follower.file.read_text()
    for damage in ('', 'x' * 100, good[:-20], good.replace('valid', 'wrong'), good + good, '\0' * 70000):
        follower.file.write_text(damage)
        assert follower.look() == ({'valid': 1}, 'secure')
        assert follower.file.read_text().splitlines()[2].split()[2:] == good.splitlines()[2].split()[2:]


def test_the_program_keeps_it_in_its_own_folder(root):
    """Confined, under a user of its own when there is one, and again after a restart."""
    one = root.key()
    root.publish(one)
    root.folder.chmod(0o755)
    (root.folder / 'anchors').write_text(root.record(one))
    instance = Instance(users=2)
    try:
        configure(instance.start(), lookups='on', resolvers=f'127.0.0.1:{root.port}',
                  trust_anchor=f'"{root.folder / "anchors"}"').start()
        file = instance.dir / 'data/dialer/root.key'
        assert wait(file.exists, 10)
        assert 'valid' in file.read_text() and file.stat().st_uid == file.parent.stat().st_uid
        assert query(instance, 'example', 'MX')['verdict'] == 'secure'
        instance.stop()
        instance.file.unlink(missing_ok=True)
        instance.start()
        (status,) = instance.rows('status')
        detail = next(row for row in status['roles'] if row['role'] == 'dialer')['detail']
        assert detail['anchors']['valid'] == 1
        assert query(instance, 'example', 'TXT')['verdict'] == 'secure'
        instance.stop()
    finally:
        instance.clean()
