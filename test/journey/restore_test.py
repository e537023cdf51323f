# SPDX-License-Identifier: Apache-2.0
"""One account's mail, or one message, brought back into a server that runs."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from backup_test import LARGE, digests, large
from kit.instance import PROGRAM, wait
from kit.mail import deliver, message, values
from kit.mail import mails as bodies
from kit.wire import imap

PROJECT = 'Projects/Br&APw-cke'  # a name beyond ASCII
MANY = 300


@pytest.fixture
def shelf(tmp_path):
    return tmp_path / 'backups'


def backup(demo, shelf):
    """Its name, and the folder that restores of it go into."""
    name = demo.rows('backup', str(shelf))[0]['name']
    d = re.match(r'(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z', name).groups()
    return name, f'Restored/{d[0]}-{d[1]}-{d[2]} {d[3]}:{d[4]}:{d[5]}'


def restore(demo, shelf, *words, account=None, code=0):
    return demo.ll('restore', str(shelf), '--account', account or demo.alice.user, *words, '--json', code=code)


def folders(demo):
    with imap(demo, demo.alice) as session:
        return {re.search(rb'"([^"]*)"$|(\S+)$', line).group(0).decode().strip('"')
                for line in session.ok('LIST "" "*"')}


def facts(demo, folder):
    """What a client is told of each message, but for its UID."""
    with imap(demo, demo.alice) as session:
        session.select(folder)
        lines = session.ok('UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)') if session.exists else []
    told = []
    for line in lines:
        text = line.decode()
        flags = sorted(set(re.search(r'FLAGS \(([^)]*)\)', text).group(1).split()) - {'\\Recent'})
        told.append((flags, re.search(r'INTERNALDATE "([^"]*)"', text).group(1),
                     re.search(r'RFC822.SIZE (\d+)', text).group(1)))
    return told


def mail(demo, folder):
    return list(digests(demo, demo.alice, folder).values())


def furnish(demo):
    for n in range(3):
        deliver(demo, demo.alice.user, subject=f'small{n}')
    deliver(demo, demo.alice.user, large())
    with imap(demo, demo.alice) as session:
        session.ok(f'CREATE "{PROJECT}"')
        session.ok('CREATE "Empty one"')
        assert session.append(message(subject='drafted'), PROJECT,
                              ' (\\Draft \\Seen) "01-Feb-1994 21:52:25 +0100"')[0] == 'OK'
        session.select('INBOX')
        session.ok('UID STORE 2 +FLAGS (\\Answered \\Flagged $Work later)')


def restored(demo, folder):
    return {name for name in folders(demo) if name == folder or name.startswith(folder + '/')}


def test_an_account_comes_back_beside_what_is_there(own, shelf):
    furnish(own)
    names = ['INBOX', PROJECT, 'Empty one']
    was = {name: (mail(own, name), facts(own, name)) for name in names}
    name, folder = backup(own, shelf)
    with imap(own, own.alice) as session:
        session.select('INBOX')
        session.ok('UID STORE 1:3 +FLAGS.SILENT (\\Deleted)')
        session.ok('UID EXPUNGE 1:3')
        session.ok(f'DELETE "{PROJECT}"')
    deliver(own, own.alice.user, subject='newer')
    now = (mail(own, 'INBOX'), facts(own, 'INBOX'))
    own.ll('account', 'set', own.alice.user, '--quota=1K')  # no barrier for the administrator
    row = restore(own, shelf).stdout
    assert f'"messages":{len(was["INBOX"][0]) + 1},' in row and folder in row
    for name, (messages, told) in was.items():
        assert mail(own, f'{folder}/{name}') == messages, name
        assert facts(own, f'{folder}/{name}') == told, name
    assert (mail(own, 'INBOX'), facts(own, 'INBOX')) == now and PROJECT not in folders(own)
    # A second time nothing is doubled, and what to do is said.
    before = {name: mail(own, name) for name in restored(own, folder)}
    again = restore(own, shelf, code=1)
    assert '--into' in again.stderr and folder in again.stderr
    assert {name: mail(own, name) for name in restored(own, folder)} == before
    restore(own, shelf, '--into', 'Once more')
    assert mail(own, 'Once more/INBOX') == was['INBOX'][0]
    assert not (own.dir / 'data/store/backup').exists()
    assert own.ll('fsck').returncode == 0
    assert own.ll('backup', 'verify', str(shelf)).returncode == 0, 'the backup was changed'


def test_one_message_comes_back(own, shelf):
    furnish(own)
    was = bodies(own, own.alice)
    first, folder = backup(own, shelf)
    with imap(own, own.alice) as session:
        session.select('INBOX')
        session.ok('UID STORE 1:* +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
    backup(own, shelf)
    # The newest backup no longer has it.
    assert 'no message' in restore(own, shelf, '--message', '<small1@elsewhere.example>', code=1).stderr
    assert not restored(own, 'Restored')
    restore(own, shelf, '--backup', first, '--message', '<small1@elsewhere.example>')
    assert list(bodies(own, own.alice, folder).values()) == [was[2]]
    assert facts(own, folder)[0][0] == ['$Work', '\\Answered', '\\Flagged', 'later']
    # By the id of the log, which stands in the Received field; into the same folder.
    logged = re.search(r'\bid (\w+)', values(was[4], 'Received')[0]).group(1)
    assert '--into' in restore(own, shelf, '--backup', first, '--message', logged, code=1).stderr
    restore(own, shelf, '--backup', first, '--message', logged, '--into', folder)
    assert list(bodies(own, own.alice, folder).values()) == [was[2], was[4]]
    assert len(was[4]) > LARGE


def test_wrong_names_change_nothing(own, shelf):
    before = folders(own)
    deliver(own, own.alice.user, large())
    name, _ = backup(own, shelf)
    own.new_account('late@example.test', 'came-after-the-backup')
    assert 'no account' in restore(own, shelf, account='nobody@example.test', code=1).stderr
    assert 'no account' in restore(own, shelf, account='late@example.test', code=1).stderr
    assert 'no whole backup' in restore(own, shelf.parent, code=1).stderr
    restore(own, shelf, '--backup', '20200101T000000Z', code=1)
    restore(own, shelf, '--message', '', code=2)
    assert 'no id' in restore(own, shelf, '--message', '<>', code=1).stderr
    assert '--account' in own.ll('restore', str(shelf), '--message', 'x', code=2).stderr
    assert restore(own, shelf, '--into', 'a//b', code=2).stderr
    own.ll('account', 'remove', own.accounts[1].user)
    assert 'does not exist' in restore(own, shelf, account=own.accounts[1].user, code=1).stderr
    # What is damaged in the backup is told, and nothing of it is brought back.
    body = next(path for path in (shelf / name / 'bodies').rglob('*') if path.is_file())
    data = bytearray(body.read_bytes())
    data[LARGE // 2] ^= 1
    body.write_bytes(data)
    assert 'damaged' in restore(own, shelf, '--into', 'Torn', code=1).stderr
    table = next(path for path in sorted((shelf / name / 'rocksdb').iterdir()) if path.suffix == '.sst')
    table.write_bytes(table.read_bytes()[:-1])
    assert 'damaged' in restore(own, shelf, code=1).stderr
    assert folders(own) == before
    own.stop()
    assert 'letterlock start' in restore(own, shelf, code=3).stderr
    own.start()


def test_a_copy_of_a_stopped_or_killed_store_is_read_too(own, shelf):
    furnish(own)
    was = {name: (mail(own, name), facts(own, name)) for name in ('INBOX', PROJECT)}
    own.kill()  # all of it stands in the engine's log alone
    _, folder = backup(own, shelf)
    own.start()
    restore(own, shelf)
    for name, (messages, told) in was.items():
        assert (mail(own, f'{folder}/{name}'), facts(own, f'{folder}/{name}')) == (messages, told)


@pytest.mark.limit(90)
def test_an_interrupted_restore_says_how_to_go_on(own, shelf):
    with imap(own, own.alice) as session:
        for n in range(MANY):
            assert session.append(message(subject=f'many{n}'))[0] == 'OK'
    was = mail(own, 'INBOX')
    _, folder = backup(own, shelf)
    command = [str(PROGRAM), 'restore', str(shelf), '--account', own.alice.user, '--config', str(own.config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert wait(lambda: restored(own, f'{folder}/INBOX') and mail(own, f'{folder}/INBOX'), 10, 0.001)
    store = own.pids()['store'][0]
    os.kill(store, signal.SIGKILL)
    error = process.communicate(timeout=30)[1]
    assert wait(lambda: own.pids()['store'][0] not in (0, store), 5)
    assert process.returncode in (1, 3, 4), error
    told = int(re.search(r'(\d+) messages are in the folder', error).group(1))
    assert '--into' in error and folder in error
    part = mail(own, f'{folder}/INBOX')
    assert told <= len(part) <= told + 1 and part == was[:len(part)], 'in order, and none that was told is lost'
    assert mail(own, 'INBOX') == was
    # A command that is killed stands in nobody's way for more than a minute; here the store was restarted.
    restore(own, shelf, '--into', 'Restored/again')
    assert mail(own, 'Restored/again/INBOX') == was
    process = subprocess.Popen(command + ['--into', 'Restored/third'], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    assert wait(lambda: restored(own, 'Restored/third/INBOX'), 10, 0.001)
    process.kill()
    process.wait()
    assert 'another one' in restore(own, shelf, '--into', 'Restored/fourth', code=4).stderr
    shutil.rmtree(shelf)
    assert own.ll('fsck').returncode == 0
