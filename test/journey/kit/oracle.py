# SPDX-License-Identifier: Apache-2.0
"""The oracles that hold for every case, whatever it is about.

O1 the same processes live and none says that it found a bug; O2 memory grew by
no more than its bound; O3 the case did not burn processor time; O4 sessions of
others still answer, quickly; O5 the log is lines without control bytes and
without secrets; O6 what was acknowledged to the canary is there; O7 is judged
by each case: it reads an answer or the end of the connection.
"""
import base64
import json
import re
import time

from kit.instance import SANITIZED, alive, busy, sanitizer_report, wait
from kit.mail import deliver
from kit.wire import imap, mx

MIB = 1 << 20
# Growth in one case.  The store has write buffers and caches of that size.
GROWTH = {'store': 256 * MIB, 'auth': 96 * MIB, 'edge-mx': 64 * MIB, 'edge-access': 64 * MIB,
          'sorter-mx': 64 * MIB, 'sorter-access': 64 * MIB}
GROWTH_ELSE = 16 * MIB
SLOWER = 4 if SANITIZED else 1  # and larger: what was freed is kept for a while
ANSWER_SECONDS = 1.0
CPU_SECONDS = 20.0
CONTROL = re.compile('[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]')


class Oracle:
    """Made before a case; check() after it."""
    canaries = {}  # the IMAP session of an instance lives as long as it does

    def __init__(self, demo, deliveries=True):
        self.demo = demo
        self.deliveries = deliveries
        self.pids = demo.pids()
        self.memory = {pid: demo.memory(pid) for pid in demo.every_pid()}
        self.cpu = demo.cpu()
        self.mx = mx(demo)
        if id(demo) not in self.canaries:
            self.canaries[id(demo)] = imap(demo, demo.bob, 'INBOX')

    def answers(self, what, ask):
        begin = time.monotonic()
        ask()
        took = time.monotonic() - begin
        assert took < ANSWER_SECONDS * SLOWER * busy(), f'O4: {what} took {took:.2f} s'

    def lives(self):
        now = self.demo.pids()
        if now != self.pids:  # a sorter is followed after ten minutes, and may be
            followed = {row['_role'] for row in self.demo.log_rows('role.followed')}
            changed = {role for role in now if now[role] != self.pids.get(role)}
            assert changed <= followed, f'O1: processes changed: {self.pids} -> {now}'
        dead = [pid for pid in self.demo.every_pid() if not alive(pid)]
        assert not dead, f'O1: dead: {dead}'
        errors = self.demo.errors()[self.demo.errors_seen:]
        self.demo.errors_seen += len(errors)
        assert sanitizer_report(errors) is None, f'O1: {sanitizer_report(errors)}'
        bad = [line for line in errors.splitlines() if 'bug:' in line]
        assert not bad, f'O1: {bad}'

    def bounded(self):
        for role, pids in self.pids.items():
            for pid in filter(alive, pids):
                grown = self.demo.memory(pid) - self.memory[pid]
                limit = GROWTH.get(role, GROWTH_ELSE) * SLOWER
                assert grown < limit, f'O2: {role} grew by {grown >> 20} MiB'

    def others(self):
        session = self.canaries[id(self.demo)]
        self.answers('the MX canary', lambda: self.mx.cmd('NOOP'))
        self.answers('the IMAP canary', lambda: session.ok('NOOP'))
        self.mx.close()
        if self.deliveries:
            subject = deliver(self.demo, self.demo.bob.user)
            session.ok('NOOP')
            assert session.uids(f'HEADER Subject {subject}'), 'O6: acknowledged, not there'

    def log(self):
        check_log(self.demo)

    def check(self, cpu=CPU_SECONDS):
        try:
            self.lives()
            self.others()
            self.bounded()
            self.log()
            used = self.demo.cpu() - self.cpu
            assert used < cpu * SLOWER, f'O3: {used:.1f} s of processor time'
        finally:
            self.mx.close()


def forms(secret):
    """How a password may look in a log."""
    yield secret
    yield base64.b64encode(secret.encode()).decode().rstrip('=')


def check_log(demo):
    """O5, for what was written since the last look."""
    text = demo.log.read_bytes()[demo.log_seen:].decode()
    text = text[:text.rfind('\n') + 1]
    demo.log_seen += len(text.encode())
    found = CONTROL.search(text)
    assert not found, f'O5: control byte in {text[max(0, found.start() - 80):found.end()]!r}'
    for line in text.splitlines():
        if line.startswith('{'):
            json.loads(line)
    for secret in demo.secrets:
        for form in forms(secret):
            assert form not in text, f'O5: a password is in the log ({form[:3]}...)'


def drop_canary(demo):
    session = Oracle.canaries.pop(id(demo), None)
    if session is not None:
        session.close()


def quiet(demo, seconds=2.0):
    """Wait until every process is as the file says."""
    return wait(lambda: all(alive(p) for p in demo.every_pid()), seconds)
