# SPDX-License-Identifier: Apache-2.0
"""kill -9 of roles at random under load: what was acknowledged is there, once,
byte for byte, and UIDs never come back.

Clients do what real ones do: when an answer is lost they send the message
again.  Only then may it stand there twice.
"""
import collections
import hashlib
import os
import random
import re
import signal
import threading
import time

import pytest

from kit.instance import Instance, alive, wait
from kit.mail import ELSEWHERE
from kit.wire import Smtp, imap

KILLS = int(os.environ.get('LL_KILLS', '100'))
BETWEEN = 50
READY_SECONDS = 5.0
TEST_SECONDS = int(os.environ.get('LL_KILL_SECONDS', '150'))
ROLES = ['store', 'store', 'store', 'edge-mx', 'edge-mx', 'edge-access', 'sorter-mx', 'sorter-access',
         'auth', 'vault', 'logger', 'edge-admin', 'edge-local', 'dialer', 'fetch', 'courier']
USERS = 8
LOST = (OSError, EOFError, ValueError, AssertionError, IndexError)
MARK = b'X-Kill: '


class Message:
    def __init__(self, number, size, recipients):
        head = (f'X-Kill: {number}\r\nFrom: <{recipients[0]}>\r\nSubject: number {number}\r\n'
                f'Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <{number}@elsewhere.example>\r\n\r\n')
        text = os.urandom(size // 2).hex()
        body = ''.join(text[i:i + 76] + '\r\n' for i in range(0, len(text), 76))
        self.number, self.recipients, self.sent = number, recipients, 0
        self.data = (head + body).encode()
        self.digest = hashlib.sha256(self.data).hexdigest()


class Load:
    """Threads that hand in mail until told to stop."""

    def __init__(self, demo):
        self.demo = demo
        self.lock = threading.Lock()
        self.acknowledged = []
        self.count = 0
        self.number = 0
        self.stopping = threading.Event()
        self.faults = []
        self.uids = collections.defaultdict(list)
        self.expunged = collections.defaultdict(set)
        self.expunging = set()  # numbers: asked for, maybe not answered
        self.threads = [threading.Thread(target=self.guard, args=(run, n), daemon=True)
                        for n, run in enumerate([self.direct, self.direct, self.direct, self.several,
                                                 self.submit, self.append])]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive(), 'a client hangs'

    def guard(self, run, n):
        random.seed(n)
        while not self.stopping.is_set():
            try:
                run(n)
            except LOST as error:
                if isinstance(error, AssertionError) and 'fault' in str(error):
                    self.faults.append(str(error))
                    return
                time.sleep(0.01)

    def new(self, recipients):
        with self.lock:
            self.number += 1
            number = self.number
        size = random.choice([200] * 40 + [3000] * 10 + [70000, 300000])
        return Message(number, size, recipients)

    def done(self, message):
        with self.lock:
            self.acknowledged.append(message)
            self.count += 1

    def sessions(self, connect, recipients):
        """Messages over sessions; one that was not answered is sent again."""
        message = None
        while not self.stopping.is_set():
            try:
                with connect() as smtp:
                    while not self.stopping.is_set():
                        message = message or self.new(recipients())
                        if self.transfer(smtp, message):
                            self.done(message)
                            message = None
                        else:
                            time.sleep(0.005)
            except LOST:
                time.sleep(0.005)

    def transfer(self, smtp, message):
        smtp.send(f'MAIL FROM:<{smtp.sender}>\r\n'
                  + ''.join(f'RCPT TO:<{r}>\r\n' for r in message.recipients) + 'DATA\r\n')
        codes = [smtp.answer().code for _ in range(len(message.recipients) + 2)]
        if codes[-1] != 354:
            smtp.cmd('RSET')
            return False
        if set(codes[:-1]) != {250}:
            smtp.close()  # some of them only: an end of data would be a message, an empty one
            return False
        message.sent += 1
        smtp.send(message.data + b'.\r\n')
        return smtp.answer() == 250

    def direct(self, n):
        def connect():
            smtp = Smtp(self.demo, 'smtp', timeout=5)
            smtp.sender = ELSEWHERE
            smtp.ehlo()
            return smtp
        self.sessions(connect, lambda: [f'u{random.randint(1, 4)}@example.test'])

    def several(self, n):
        def connect():
            smtp = Smtp(self.demo, 'smtp', timeout=5)
            smtp.sender = ELSEWHERE
            smtp.ehlo()
            return smtp
        self.sessions(connect, lambda: ['u5@example.test', 'u6@example.test'])

    def submit(self, n):
        account = self.demo.account('u7')

        def connect():
            smtp = Smtp(self.demo, 'submissions', timeout=5)
            smtp.sender = account.user
            smtp.ehlo()
            smtp.auth(account)
            return smtp
        self.sessions(connect, lambda: ['u7@example.test'])

    def append(self, n):
        """APPEND tells the UID: they ascend, and none comes back."""
        account = self.demo.account('u8')
        session = imap(self.demo, account, timeout=5)
        with session:
            session.select('INBOX')
            while not self.stopping.is_set():
                message = self.new(['u8@example.test'])
                message.sent = 1
                status, text, _ = session.append(message.data)
                if status != 'OK':
                    time.sleep(0.005)
                    continue
                uid = int(re.search(r'APPENDUID \d+ (\d+)', text).group(1))
                uids = self.uids[account.user]
                assert not uids or uid > uids[-1][0], f'fault: UID {uid} after {uids[-1][0]}'
                uids.append((uid, message))
                self.done(message)
                if len(uids) % 10 == 0:
                    old = uids[-5][0]
                    self.expunging.add(uids[-5][1].number)
                    if session.cmd(f'UID STORE {old} +FLAGS.SILENT (\\Deleted)')[0] == 'OK' and \
                            session.cmd(f'UID EXPUNGE {old}')[0] == 'OK':
                        self.expunged[account.user].add(old)


def wait_ready(demo, role, pid):
    begin = time.monotonic()
    back = wait(lambda: (now := demo.pids()[role][0]) not in (0, pid) and alive(now), READY_SECONDS)
    assert back, f'{role} is not ready within {READY_SECONDS} s'
    return time.monotonic() - begin


def state(demo):
    """UIDVALIDITY, UIDNEXT and MODSEQ of every INBOX; None while nobody answers."""
    found = {}
    try:
        for account in demo.accounts[2:2 + USERS]:
            with imap(demo, account, timeout=5) as session:
                session.select('INBOX')
                found[account.user] = (session.validity, session.uidnext, session.modseq())
    except LOST:
        return None
    return found


def kill_some(demo, load, kills, tell):
    chance = random.Random(20261122)
    end = time.monotonic() + TEST_SECONDS
    known, slowest, last = state(demo), 0.0, 0
    for done in range(kills):
        assert wait(lambda: load.count - last >= BETWEEN or load.faults, 10, 0.002), \
            f'only {load.count - last} acknowledged in 10 s after kill {done}'
        assert not load.faults, load.faults
        role = chance.choice(ROLES)
        pid = wait(lambda: demo.pids()[role][0], READY_SECONDS)
        last = load.count
        os.kill(pid, signal.SIGKILL)
        tell[role] += 1
        slowest = max(slowest, wait_ready(demo, role, pid))
        if done % 10 == 9:
            now = wait(lambda: state(demo), READY_SECONDS)
            assert now, 'mailboxes cannot be opened'
            for user, (validity, uidnext, modseq) in now.items():
                was = known[user]
                assert validity == was[0] and uidnext >= was[1] and modseq >= was[2], (user, was, now)
            known = now
        assert time.monotonic() < end, f'{done + 1} kills took more than {TEST_SECONDS} s'
    return slowest


def found_in(demo, account):
    """Number of a message -> digests of its copies; and the UIDs in order."""
    copies, uids = collections.defaultdict(list), []
    with imap(demo, account, 'INBOX', timeout=30) as session:
        if session.exists:
            for uid, data in session.bodies().items():
                uids.append(uid)
                at = data.find(MARK)
                assert at >= 0, f'message {uid} of {account.user} is of nobody: {data[:200]}'
                number = int(data[at + len(MARK):data.index(b'\r\n', at)])
                copies[number].append((uid, hashlib.sha256(data[at:]).hexdigest()))
    return copies, uids


class Judgement:
    def __init__(self, demo, load):
        self.lost, self.changed, self.twice = [], [], 0
        found = {}
        for account in demo.accounts[2:2 + USERS]:
            found[account.user], uids = found_in(demo, account)
            assert uids == sorted(set(uids)), f'UIDs of {account.user}'
            back = load.expunged[account.user] & set(uids)
            assert not back, f'expunged UIDs came back: {back}'
        for message in load.acknowledged:
            for user in message.recipients:
                self.judge(message, user, found[user].get(message.number, []),
                           load.expunging)
        for user, pairs in load.uids.items():
            for uid, message in pairs:
                if uid not in load.expunged[user]:
                    here = found[user].get(message.number, [])
                    assert uid in [u for u, _ in here] or not here, f'UID {uid} changed'

    def judge(self, message, user, copies, gone):
        if not copies and message.number not in gone:
            self.lost.append((message.number, user))
        self.changed += [(message.number, user) for _, digest in copies if digest != message.digest]
        extra = len(copies) - 1
        if extra > 0:
            assert extra < message.sent, f'{message.number} sent {message.sent} times, {extra + 1} copies'
            self.twice += extra


@pytest.mark.limit(TEST_SECONDS + 90)
def test_kill_roles_at_random(capsys):
    demo = Instance(users=USERS)
    tell = collections.Counter()
    try:
        demo.start()
        load = Load(demo).start()
        begin = time.monotonic()
        try:
            slowest = kill_some(demo, load, KILLS, tell)
        finally:
            load.stop()
        took = time.monotonic() - begin
        assert not load.faults, load.faults
        assert wait(lambda: not spooled(demo), 10, 0.1), 'the spool does not empty'
        verdict = Judgement(demo, load)
        with capsys.disabled():
            print(f'\nkill_test: {sum(tell.values())} kills ({dict(tell)}) in {took:.0f} s, '
                  f'{load.count} acknowledged, {len(verdict.lost)} lost, {len(verdict.changed)} changed, '
                  f'{verdict.twice} twice, ready in {slowest:.2f} s at the latest')
        assert not verdict.lost and not verdict.changed
        assert verdict.twice <= sum(tell.values())
        assert demo.ll('fsck').returncode == 0
        assert 'bug:' not in demo.errors(), demo.errors()
        demo.stop()
    finally:
        demo.clean()


def spooled(demo):
    return [row for row in demo.rows('queue', 'list') if row['recipient'].endswith('@example.test')]


@pytest.mark.limit(90)
def test_kill_everything_at_once():
    """The machine goes down: all processes die in the same moment, five times."""
    demo = Instance(users=USERS)
    try:
        demo.start()
        last = 0
        load = Load(demo).start()
        for _ in range(5):
            assert wait(lambda: load.count - last >= BETWEEN, 20, 0.002), load.faults
            os.killpg(demo.process.pid, signal.SIGKILL)
            demo.process.wait()
            begin = time.monotonic()
            demo.start()
            assert time.monotonic() - begin < READY_SECONDS
            last = load.count
        load.stop()
        verdict = Judgement(demo, load)
        assert not verdict.lost and not verdict.changed and not load.faults
        demo.stop()
    finally:
        demo.clean()
