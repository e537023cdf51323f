# SPDX-License-Identifier: Apache-2.0
"""`isolate user` under load: twice as many people as places, all of the time.

Everybody comes again until served; who logged in is never sent away, and mail that
was taken is there.  At the end no process is left but those that stand ready.
"""
import pathlib
import re
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'journey'))

from kit.instance import Instance, wait  # noqa: E402
from kit.mail import find, message, token  # noqa: E402
from kit.wire import imap, submission  # noqa: E402

PLACES, SPARE = 24, 4
PEOPLE, TURNS = 2 * PLACES, 10
PATIENCE = 60


@pytest.fixture
def apart():
    own = Instance(users=3)
    try:
        own.start()
        own.set_option('processes', 'isolate', 'user')
        own.set_option('processes', 'isolated', PLACES)
        own.set_option('limits', 'connections-per-address', 0)
        own.stop()
        own.file.unlink()
        yield own.start()
        own.stop()
    finally:
        own.clean()


def again(what, tries):
    """Until the door lets one in: a "later" before the login is no failure."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return what()
        except (OSError, EOFError, AssertionError) as error:
            if isinstance(error, AssertionError) and not re.search(r'421 4|BYE', repr(error)):
                raise
            tries.append(1)
            time.sleep(0.05)
    raise AssertionError('never let in')


def work(own, account, words, tries):
    for _ in range(TURNS):
        word = token()
        with again(lambda: submission(own, account), tries) as smtp:
            smtp.envelope(account.user, account.user)
            assert smtp.data(message(account.user, account.user, subject=word)) == 250
        words.append((account, word))
        with again(lambda: imap(own, account, 'INBOX'), tries) as reader:
            time.sleep(0.2)
            reader.ok('NOOP')


def test_everybody_is_served(apart):
    words, tries, failures = [], [], []

    def person(account):
        try:
            work(apart, account, words, tries)
        except BaseException as error:  # pylint: disable=broad-except
            failures.append(repr(error))

    people = [threading.Thread(target=person, args=(apart.accounts[i % 3],)) for i in range(PEOPLE)]
    begin = time.monotonic()
    for one in people:
        one.start()
    for one in people:
        one.join()
    took = time.monotonic() - begin
    assert not failures, failures[:3]
    assert len(words) == PEOPLE * TURNS
    for account, word in words[::17]:
        find(apart, account, word)
    state = {'limit': PLACES, 'connections': 0, 'ready': SPARE}
    assert wait(lambda: apart.rows('status')[0]['isolated'] == state, 20)
    print(f'soak: {2 * len(words)} isolated sessions in {took:.1f} s, {len(tries)} times "later"')
