# SPDX-License-Identifier: Apache-2.0
"""One client in ten is hostile for as long as one likes; the others do not feel it.

Two phases alternate.  In both, mailbench sends mail by many sessions at once and a
canary measures what a person would wait for: handing in a message, reading one,
a new login.  In the calm phase all sessions are good ones; in the other every
tenth replays random cases: the seeds of the fuzz harnesses, whole, cut, doubled,
mangled, or a byte at a time, over TLS and without.  The canary's p99 must stay
under twice that of the calm phases; no role dies, and nothing acknowledged to
the canary is missing at the end.

LL_SOAK_SECONDS: what it takes in all.
"""
import json
import multiprocessing
import os
import pathlib
import random
import ssl
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'test/journey'))

from kit.instance import Instance  # noqa: E402
from kit.mail import message, token  # noqa: E402
from kit.oracle import check_log  # noqa: E402
from kit.wire import Wire, imap, mx  # noqa: E402

SECONDS = int(os.environ.get('LL_SOAK_SECONDS', '60'))
MAILBENCH = pathlib.Path(os.environ.get('MAILBENCH', ROOT / 'build-clang/test/bench/mailbench'))
SEEDS = ROOT / 'test/fuzz/seeds'
SESSIONS, HOSTILE = 20, 2  # one in ten
ROUNDS = 3
FACTOR = 2.0
# A machine's own hiccups: below this nobody waits.
FLOOR_SECONDS = 0.02
CASES = [('smtp', 'smtp_session'), ('smtp', 'smtp_data'), ('submission', 'smtp_session'),
         ('submissions', 'smtp_session'), ('imap', 'imap_session'), ('imaps', 'imap_session'),
         ('pop3', 'pop3_session'), ('pop3s', 'pop3_session')]


def seeds(name):
    return [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]


def mangled(chance, data):
    """One of the ways in which a client's bytes can be wrong."""
    data = bytearray(data)
    way = chance.randrange(6)
    if way == 0:
        del data[chance.randrange(len(data) + 1):]
    elif way == 1:
        data += data * chance.randrange(1, 20)
    elif way == 2:
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif way == 3:
        data = data.replace(b'\r\n', chance.choice([b'\n', b'\r', b'\0\r\n', b'\r\r\n', b'']))
    elif way == 4:
        at = chance.randrange(len(data) + 1)
        data[at:at] = chance.choice([b'(', b'{4294967295}\r\n', b'A', b'\xff', b'.\r\n']) * 20000
    return bytes(data)


class Line(Wire):
    """A wire whose greeting is a line, whatever the protocol."""
    def answer(self):
        return self.line()


def replay(demo, chance, source):
    port, name = chance.choice(CASES)
    data = mangled(chance, chance.choice(seeds(name)) or b'\0')
    with Line(demo, port, timeout=2, greet=chance.random() < 0.8, source=source) as wire:
        if not wire.secure and chance.random() < 0.2:
            wire.send(b'STARTTLS\r\n' if 'smtp' in name else b'a STARTTLS\r\n')
            wire.send(os.urandom(200))
        if chance.random() < 0.05:
            for byte in data[:20]:
                wire.send(bytes([byte]))
                time.sleep(0.05)
        else:
            wire.send(data)
        if chance.random() < 0.7:
            wire.rest(0.2)


def attack(demo, seed, until):
    chance = random.Random(seed)
    while time.monotonic() < until:
        try:
            replay(demo, chance, f'127.0.{100 + seed % 100}.{chance.randrange(1, 255)}')
        except (OSError, EOFError, ssl.SSLError):
            pass  # refused, cut off, too slow: as it should be


def canary(demo, until, times, sent):
    """Hand in, read, log in, one after the other."""
    with mx(demo) as smtp, imap(demo, demo.alice, 'INBOX') as reader:
        while time.monotonic() < until:
            subject = token()
            sent.append(subject)

            def hand_in(word=subject):
                smtp.envelope('canary@elsewhere.example', demo.alice.user)
                assert smtp.data(message(demo.alice.user, subject=word)) == 250

            def read():
                reader.ok('FETCH * (FLAGS ENVELOPE BODY.PEEK[])')

            def login():
                imap(demo, demo.alice).close()
            for name, step in (('hand in', hand_in), ('read', read), ('log in', login)):
                begin = time.monotonic()
                step()
                times[name].append(time.monotonic() - begin)
                time.sleep(0.005)


def phase(demo, seconds, hostile, times, sent, seed):
    until = time.monotonic() + seconds
    load = subprocess.Popen(
        [MAILBENCH, 'smtp', '--port', str(demo.ports['smtp']), '--users', '20', '--messages', '100000000',
         '--seconds', str(seconds), '--sessions', str(SESSIONS - hostile), '--quiet'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    attackers = [multiprocessing.Process(target=attack, args=(demo, seed + n, until), daemon=True)
                 for n in range(hostile)]
    for process in attackers:
        process.start()
    canary(demo, until, times, sent)
    for process in attackers:
        process.join(30)
        assert process.exitcode == 0
    said = json.loads(load.communicate(timeout=30)[0])
    assert not said['failed'], said
    return said['accept_per_s']


def lasting(demo):
    return {name: pids for name, pids in demo.pids().items() if not name.startswith('sorter')}


def p99(values):
    return statistics.quantiles(values, n=100)[98]


def test_hostile_clients_are_not_felt(capsys):
    demo = Instance(users=20)
    calm, hostile = ({name: [] for name in ('hand in', 'read', 'log in')} for _ in range(2))
    rates, sent = [], []
    try:
        demo.start()
        pids = lasting(demo)
        each = SECONDS / ROUNDS / 2
        phase(demo, 3, 0, {name: [] for name in calm}, sent, 0)  # warm
        for number in range(ROUNDS):
            rates.append((phase(demo, each, 0, calm, sent, 0),
                          phase(demo, each, HOSTILE, hostile, sent, 10 * number + 1)))
        with capsys.disabled():
            print(f'\nsoak: {SECONDS} s, {SESSIONS} sessions, {HOSTILE} of them hostile in turn; accepted/s '
                  + ', '.join(f'{a:.0f} calm / {b:.0f}' for a, b in rates))
            for name in calm:
                print(f'  {name:8} p99 {p99(calm[name]) * 1e3:7.1f} ms calm, '
                      f'{p99(hostile[name]) * 1e3:7.1f} ms with hostile clients')
        for name in calm:
            assert p99(hostile[name]) < max(FACTOR * p99(calm[name]), FLOOR_SECONDS), name
        assert lasting(demo) == pids  # sorters are followed by others as they age
        assert not demo.log_rows('role.died') and not demo.log_rows('role.killed')
        with imap(demo, demo.alice, 'INBOX', timeout=60) as reader:
            text = b''.join(reader.ok('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])'))
        assert not [word for word in sent if word.encode() not in text]
        demo.stop()
        check_log(demo)
        assert 'bug:' not in demo.errors(), demo.errors()
    finally:
        demo.clean()
