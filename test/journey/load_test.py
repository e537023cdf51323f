# SPDX-License-Identifier: Apache-2.0
"""Overload, and processes that follow each other: what is shed, in which order,
that nobody who logged in or was told yes pays for it, and that it ends.
"""
import collections
import os
import re
import signal
import threading
import time

from kit.instance import Instance, alive, wait
from kit.mail import ELSEWHERE, deliver, find, mails, message, token
from kit.wire import Imap, Smtp, imap, mx, submission

# More offers than the few that do not count as load (role/store/load.h).
WAITING = 8


def roles(demo, kind):
    """What status says of each process of a kind."""
    return [r for r in demo.rows('status')[0]['roles'] if r['role'] == kind]


def level(demo):
    return roles(demo, 'store')[0]['detail']['load']


def begun(demo, to, word):
    """A session that is in the middle of a message."""
    smtp = mx(demo)
    smtp.envelope(ELSEWHERE, to)
    assert smtp.cmd('DATA') == 354
    smtp.send(message(to, subject=word))
    return smtp


def turned_away(demo):
    smtp = Smtp(demo, 'smtp')
    smtp.close()
    if smtp.greeting == 220:
        return False
    assert smtp.greeting == 421 and '4.3.2' in smtp.greeting.text, smtp.greeting
    return True


def test_overload_is_shed_from_strangers_and_ends(own):
    """The process that understands mail of strangers stands still for a while."""
    word = token()
    offers = [begun(own, own.alice.user, f'{word} {n}') for n in range(WAITING)]
    ready = mx(own)
    ready.envelope(ELSEWHERE, own.alice.user)
    reader = imap(own, own.bob, 'INBOX')
    sorters = own.pids()['sorter-mx']
    for pid in sorters:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for smtp in offers:
            smtp.send('.\r\n')
        # First new sessions of strangers, a second later new messages too.
        assert wait(lambda: turned_away(own), 3), level(own)
        assert wait(lambda: level(own) == 'full', 3)
        assert ready.cmd('DATA') == 451
        assert ready.cmd('NOOP') == 250
        # Users notice nothing.
        for turn in range(5):
            asked = time.monotonic()
            if turn > 0 and asked - began > 3.5:
                break  # a slow machine: what follows happens within five seconds
            reader.append(message(own.bob.user, own.bob.user))
            reader.ok('NOOP')
            with submission(own, own.alice) as smtp:
                smtp.envelope(own.alice.user, own.bob.user)
                assert smtp.data(message(own.bob.user, own.alice.user)) == 250
            assert time.monotonic() - asked < 2
        assert time.monotonic() - began < 4.5, 'too slow for what follows'
    finally:
        for pid in sorters:
            os.kill(pid, signal.SIGCONT)
    for smtp in offers:
        assert smtp.answer() == 250
    # Back to normal, one step after the other, and it stays there.
    assert wait(lambda: level(own) == 'calm', 6)
    for _ in range(10):
        assert not turned_away(own)
    ready.envelope(ELSEWHERE, own.alice.user)
    assert ready.data(message(own.alice.user, subject=f'{word} late')) == 250
    find(own, own.alice, word, count=WAITING + 1)
    edge = roles(own, 'edge-mx')[0]['detail']
    assert edge['shed'] >= 1 and edge['put_off'] == 1
    assert roles(own, 'store')[0]['detail']['opaque'] == 0


class Flood(threading.Thread):
    """Sends as fast as it can; knows what was acknowledged."""

    def __init__(self, demo, number, over):
        super().__init__(daemon=True)
        self.demo, self.number, self.over = demo, number, over
        self.kept, self.other, self.shed = [], [], 0

    def run(self):
        while not self.over.is_set():
            try:
                self.session()
            except (OSError, EOFError, AssertionError):
                self.shed += 1

    def session(self):
        with mx(self.demo) as smtp:
            for _ in range(20):
                if self.over.is_set():
                    return
                word = f'flood-{self.number}-{len(self.kept)}-{len(self.other)}-{self.shed}'
                smtp.envelope(ELSEWHERE, self.demo.alice.user)
                reply = smtp.data(message(subject=word, body='x' * 2000 + '\r\n'))
                (self.kept if reply == 250 else self.other).append(word)
                assert reply == 250 or 400 <= reply.code < 500, reply


def test_a_flood_leaves_users_alone_and_loses_nothing(own):
    """A sender per place and more; small limits; a canary that logs in, reads and sends."""
    own.set_option('store', 'staged', '1M')
    own.config.write_text(own.config.read_text().replace(
        'listener smtp {', 'listener smtp { limits { connections 30; connections-per-address 30; }', 1))
    own.reload()
    over = threading.Event()
    senders = [Flood(own, n, over) for n in range(40)]
    stay = [pid for kind in ('edge-mx', 'store') for pid in own.pids()[kind]]
    before = {pid: own.memory(pid) for pid in stay + own.pids()['sorter-mx']}
    for sender in senders:
        sender.start()
    slowest, rounds, end = 0.0, 0, time.monotonic() + 6
    try:
        while time.monotonic() < end:
            asked = time.monotonic()
            with imap(own, own.bob, 'INBOX') as reader:
                reader.append(message(own.bob.user, own.bob.user))
                reader.ok('NOOP')
            slowest = max(slowest, time.monotonic() - asked)
            rounds += 1
    finally:
        over.set()
        for sender in senders:
            sender.join(30)
            assert not sender.is_alive(), 'a client hangs'
    assert rounds >= 3 and slowest < 5, (rounds, slowest)
    for pid, bytes_before in before.items():
        # A sorter that has seen its messages is followed, and gone.
        if pid in stay or alive(pid):
            assert own.memory(pid) - bytes_before < 96 << 20, pid
    kept = sum(len(s.kept) for s in senders)
    assert kept > 0
    stored = collections.Counter(re.search(rb'Subject: (.*)\r\n', m).group(1).decode()
                                 for m in mails(own, own.alice).values())
    for sender in senders:
        for word in sender.kept:
            assert stored[word] == 1, word
    assert wait(lambda: level(own) == 'calm' and not turned_away(own), 8)
    find(own, own.alice, deliver(own, own.alice.user))


def test_who_is_told_that_he_is_in_stays(own):
    """His place was wanted while auth still looked at the password."""
    own.set_option('processes', 'sessions', '10')
    own.reload()
    auth = own.pids()['auth'][0]
    slow = Imap(own, 'imaps')
    os.kill(auth, signal.SIGSTOP)
    try:
        tag = slow.start(f'LOGIN {own.alice.user} {own.alice.password}')
        strangers = [Imap(own, 'imap') for _ in range(12)]
        assert wait(lambda: roles(own, 'edge-access')[0]['detail']['gave_way'] > 0, 10)
    finally:
        os.kill(auth, signal.SIGCONT)
    assert slow.finish(tag)[0] == 'OK'
    slow.ok('NOOP')
    slow.select('INBOX')
    for session in (slow, *strangers):
        session.close()


def test_strangers_give_way_to_users(own):
    """Whoever has not logged in holds no place that a user needs."""
    own.set_option('processes', 'sessions', '10')
    own.reload()
    pid = own.pids()['edge-access']
    idlers = [Imap(own, 'imap', greet=False) for _ in range(9)]
    for wire in idlers:
        assert wire.line().startswith(b'* OK')
    for n in range(5):
        with imap(own, own.alice, 'INBOX') as session:
            session.ok('NOOP')
    # The first ones had to go, and were told so.
    assert idlers[0].rest().startswith(b'* BYE')
    assert idlers[8].silent()
    assert own.pids()['edge-access'] == pid, 'strangers made a process follow'
    for wire in idlers:
        wire.close()


def test_descriptors_are_places():
    """What the system allows counts like `sessions`: strangers cannot take the last descriptor."""
    own = Instance(users=2, wrap=['prlimit', '--nofile=400:400']).start()
    idlers = []
    try:
        for _ in range(390):
            idlers.append(Imap(own, 'imap', greet=False))
            assert idlers[-1].line().startswith(b'* OK')
        with imap(own, own.alice, 'INBOX') as session:
            session.ok('NOOP')
        assert idlers[0].rest().startswith(b'* BYE')
        assert idlers[-1].silent()
    finally:
        for wire in idlers:
            wire.close()
        own.stop()
        own.clean()


def filled(demo):
    """Sessions that fill a process of eight so far that it is followed."""
    held = [imap(demo, demo.alice, 'INBOX') for _ in range(7)]
    assert wait(lambda: len([p for p in demo.pids()['edge-access'] if p]) == 2, 5)
    assert wait(lambda: sorted(r['state'] for r in roles(demo, 'edge-access')) == ['ready', 'retired'], 5)
    return held


def test_a_process_full_of_users_is_followed(own):
    own.set_option('processes', 'sessions', '8')
    own.reload()
    first = own.pids()['edge-access'][0]
    held = filled(own)
    # Nobody noticed; newcomers are in the next one.
    for session in held:
        session.ok('NOOP')
    late = imap(own, own.bob, 'INBOX')
    by_state = {r['state']: r for r in roles(own, 'edge-access')}
    assert by_state['retired']['pid'] == first
    assert by_state['retired']['detail']['logged_in'] == 7
    assert by_state['ready']['detail']['logged_in'] == 1
    # It is told of new mail, survives a reload and a new store, as any other.
    held[0].start('IDLE')
    assert held[0].line().startswith(b'+')
    own.reload()
    deliver(own, own.alice.user)
    assert b'EXISTS' in held[0].line()
    for session in held:
        session.close()
    assert wait(lambda: [r['pid'] for r in roles(own, 'edge-access')] == [by_state['ready']['pid']], 5)
    late.ok('NOOP')
    late.close()
    assert not own.log_rows('role.died')


def test_a_retired_process_has_its_servers_and_ends_with_the_rest(own):
    own.set_option('processes', 'sessions', '8')
    own.reload()
    held = filled(own)
    # A vault and an auth that died are there again for it, too.
    for kind in ('vault', 'auth'):
        old = own.pids()[kind][0]
        os.kill(old, signal.SIGKILL)
        assert wait(lambda: own.pids()[kind][0] not in (0, old), 5)
    held[0].ok('NOOP')
    # Its sessions live in the store: they end with that, and it ends with them.
    os.kill(own.pids()['store'][0], signal.SIGKILL)
    assert held[0].rest().startswith(b'* BYE')
    assert wait(lambda: [r['state'] for r in roles(own, 'edge-access')] == ['ready'], 5)
    again = filled(own)
    own.stop()
    assert b'BYE' in again[0].rest()
    assert 'role.killed' not in own.log_text()


def test_old_processes_are_followed_without_a_refusal(own):
    """An open session goes on, and between two processes nobody is turned away."""
    own.set_option('processes', 'age', '2s')
    own.reload()
    first = own.pids()['edge-mx'][0]
    stays = mx(own)
    seen, end = set(), time.monotonic() + 20
    while time.monotonic() < end and len(seen | {first}) < 2:
        assert not turned_away(own)
        seen |= {p for p in own.pids()['edge-mx'] if p}
        time.sleep(0.02)
    assert len(seen) >= 2
    word = token()
    stays.envelope(ELSEWHERE, own.alice.user)
    assert stays.data(message(own.alice.user, subject=word)) == 250
    stays.cmd('QUIT')
    stays.close()
    find(own, own.alice, word)
    assert wait(lambda: first not in own.pids()['edge-mx'], 5)
    assert not own.log_rows('role.died')


def test_sorters_are_followed_and_no_message_waits(own):
    own.set_option('processes', 'sorter-messages', '10')
    own.reload()
    word, seen = token(), set()
    slowest = 0.0
    with mx(own) as smtp:
        for n in range(60):
            began = time.monotonic()
            smtp.envelope(ELSEWHERE, own.alice.user)
            assert smtp.data(message(own.alice.user, subject=f'{word} {n}')) == 250
            slowest = max(slowest, time.monotonic() - began)
            seen |= {p for p in own.pids()['sorter-mx'] if p}
            time.sleep(0.03)
    assert slowest < 1.5
    assert len(seen) >= 3, seen
    find(own, own.alice, word, count=60)
    store = roles(own, 'store')[0]['detail']
    assert store['opaque'] == 0
    assert not own.log_rows('role.died') and not own.log_rows('message.opaque')
    assert wait(lambda: len(roles(own, 'sorter-mx')) == 1, 5)
