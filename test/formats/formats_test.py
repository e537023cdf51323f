# SPDX-License-Identifier: Apache-2.0
"""Data folders of every format that landed are opened, and hold what they held."""
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import shutil
import signal
import sys
import tarfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'journey'))

from kit.instance import Instance  # noqa: E402
from kit.mail import deliver  # noqa: E402
from kit.wire import imap  # noqa: E402

loader = importlib.machinery.SourceFileLoader('formats_make', str(HERE / 'make'))
make = importlib.util.module_from_spec(importlib.util.spec_from_loader('formats_make', loader))
loader.exec_module(make)

FORMATS = sorted(path.name.removesuffix('.tar.gz') for path in HERE.glob('*.tar.gz'))


@pytest.fixture
def demo():
    """An instance that has stopped, without a store."""
    signal.alarm(90)
    instance = Instance(users=1)
    try:
        instance.start()
        owner = (instance.dir / 'data/store').stat()
        instance.stop()
        shutil.rmtree(instance.dir / 'data/store')
        instance.owner = owner.st_uid, owner.st_gid
        yield instance
    finally:
        signal.alarm(0)
        instance.clean()


def unpack(demo, name):
    store = demo.dir / 'data/store'
    with tarfile.open(HERE / f'{name}.tar.gz') as tar:
        for member in tar.getmembers():
            path = store / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(member).read())
    for path in [store, *store.rglob('*')]:
        shutil.chown(path, *demo.owner)
        path.chmod(0o700 if path.is_dir() else 0o600)
    return store


def test_there_is_a_folder_of_the_present_format():
    source = HERE.parents[1] / 'src/kv/kv.h'
    number = next(line.split()[2].rstrip('u') for line in source.read_text().splitlines()
                  if line.startswith('#define KV_FORMAT'))
    assert number in FORMATS, f'test/formats/make {number}'


def in_order(demo):
    """What SORT needs of a message may be younger than the message."""
    with imap(demo, make.account(next(iter(make.PASSWORDS))), 'INBOX') as session:
        sizes = [int(re.search(rb'SIZE (\d+)', line).group(1)) for line in session.ok('FETCH 1:* RFC822.SIZE')]
        for _ in range(2):
            order = [int(word) for word in session.ok('SORT (SIZE) UTF-8 ALL')[0].split()[2:]]
            assert order == sorted(range(1, len(sizes) + 1), key=lambda number: (sizes[number - 1], number))
        assert session.ok('THREAD REFERENCES UTF-8 ALL')[0].startswith(b'* THREAD (')


@pytest.mark.parametrize('name', FORMATS)
def test_a_folder_of_the_past_is_as_it_was(demo, name):
    unpack(demo, name)
    assert demo.ll('fsck').returncode == 0
    demo.start()
    expected = json.loads((HERE / f'{name}.json').read_text())
    assert make.picture(demo) == expected
    assert deliver(demo, 'sales@example.test')
    in_order(demo)
    now = make.picture(demo)
    for user, account in now['accounts'].items():
        box, was = account['mailboxes']['INBOX'], expected['accounts'][user]['mailboxes']['INBOX']
        assert box['uidnext'] == was['uidnext'] + 1 and box['uidvalidity'] == was['uidvalidity']
        assert box['modseq'] > was['modseq'] and was['mails'].items() <= box['mails'].items()
    demo.stop()
    assert demo.ll('fsck').returncode == 0


@pytest.mark.parametrize('name', FORMATS)
def test_a_backup_of_the_past_is_restored(demo, name, tmp_path):
    store = unpack(demo, name)
    demo.ll('backup', str(tmp_path / 'shelf'))
    shutil.rmtree(store)
    demo.ll('restore', str(tmp_path / 'shelf'), '--latest')
    demo.start()
    assert make.picture(demo) == json.loads((HERE / f'{name}.json').read_text())
    demo.stop()


def test_a_newer_backup_is_refused_by_name(demo, tmp_path):
    unpack(demo, FORMATS[-1])
    shelf = tmp_path / 'shelf'
    demo.ll('backup', str(shelf))
    manifest = next(shelf.glob('*/manifest'))
    manifest.write_text(manifest.read_text().replace('letterlock-backup 1', 'letterlock-backup 2', 1))
    shutil.rmtree(demo.dir / 'data/store')
    assert 'newer letterlock' in demo.ll('restore', str(shelf), code=1).stderr
    assert not (demo.dir / 'data/store').exists()
