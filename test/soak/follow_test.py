# SPDX-License-Identifier: Apache-2.0
"""A pool in which every process is held open: the longest retired one lets go.

Each generation takes a session that never ends.  There are sixteen processes at
most; then the oldest one's session is told goodbye, and nobody else's.
"""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'journey'))

from kit.instance import Instance, wait  # noqa: E402
from kit.wire import imap  # noqa: E402

MOST = 16  # POOL_MAX of role/supervisor


@pytest.fixture
def own():
    instance = Instance(users=3)
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


def test_a_full_pool_lets_the_oldest_go(own):
    own.set_option('processes', 'age', '1s')
    own.reload()

    def roles(state):
        rows = own.rows('status')[0]['roles']
        return [r for r in rows if r['role'] == 'edge-access' and r['state'] == state]

    def serving():
        """Who accepts; a status made while one follows another may name nobody."""
        return wait(lambda: roles('ready'), 5)[0]['pid']

    def holds(pid):
        """A session in the process that accepts now."""
        session = imap(own, own.alice, 'INBOX')
        return session if serving() == pid else session.close()

    held, end = {}, time.monotonic() + 180
    first = serving()
    while len(held) < MOST and time.monotonic() < end:
        pid = serving()
        if pid not in held:
            held[pid] = wait(lambda: holds(pid), 3)
            if not held[pid]:
                del held[pid]
        time.sleep(0.1)
    assert len(held) == MOST, len(held)
    assert len(roles('retired')) == MOST - 1
    # No room: the first one's session goes, and the next process comes.
    assert held.pop(first).rest(30).startswith(b'* BYE')
    assert wait(lambda: serving() not in held, 30, 0.2)
    assert len(roles('retired')) + 1 <= MOST
    gone = [pid for pid, session in held.items() if not session.silent(0.05)]
    assert len(gone) <= 1, 'only the longest retired one goes at a time'
