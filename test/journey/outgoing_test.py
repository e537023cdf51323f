# SPDX-License-Identifier: Apache-2.0
"""What leaves by one own address, over several destinations: connections at a time, messages in a minute."""
import contextlib
import os
import signal
import threading

from carry_test import submit
from kit.instance import alive, wait
from kit.sink import Session, Sink

SECONDS = 20
SOURCE = '127.0.0.9'
HOSTS = ('127.0.0.2', '127.0.0.3', '127.0.0.4')


def standing():
    """Connections from the source, as the kernel sees its end of them."""
    front = ''.join(f'{int(part):02X}' for part in reversed(SOURCE.split('.'))) + ':'
    with open('/proc/net/tcp', encoding='ascii') as table:
        rows = [line.split() for line in table]
    return sum(row[1].startswith(front) and row[3] == '01' for row in rows)


class Slow(Sink):
    """Its data waits until it may go on; at each connection it is counted how many stand."""

    def __init__(self, host):
        self.most, self.go_on = 0, threading.Event()
        super().__init__(host)

    def run(self, conn):
        assert conn.getpeername()[0] == SOURCE
        self.most = max(self.most, standing())
        session = Waiting(self, conn)
        self.sessions.append(session)
        with contextlib.suppress(OSError, ValueError, ConnectionError):
            session.serve()
        conn.close()
        self.open.discard(conn)


class Waiting(Session):
    def data(self):
        assert self.sink.go_on.wait(10 * SECONDS)
        super().data()


@contextlib.contextmanager
def three():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Slow(host)) for host in HOSTS]


def rules(demo, sinks, source):
    base = demo.config.read_text().split('# routes\n')[0]
    ports = ' '.join(str(s.port) for s in sinks)
    text = f'outgoing {{ reach 127.0.0.0/8; ports {ports}; source {SOURCE}; }}\n{source}\n'
    for i, sink in enumerate(sinks):
        text += f'destination d{i} {{ domain d{i}.example; host {sink.host}; port {sink.port}; }}\n'
    demo.config.write_text(f'{base}# routes\n{text}')
    demo.reload()


def send(demo, each):
    return [submit(demo, demo.alice, f'bob@d{i % 3}.example') for i in range(3 * each)]


def arrived(sinks):
    return sum(len(s.mails) for s in sinks)


def free(sinks, go_on=True):
    for sink in sinks:
        (sink.go_on.set if go_on else sink.go_on.clear)()


def waits(demo):
    return sorted({row['waits'] for row in demo.rows('queue', 'list')} - {''})


def test_a_source_has_its_connections(ours):
    with three() as sinks:
        rules(ours, sinks, f'source bulk {{ address {SOURCE}; connections 2; }}')
        send(ours, 3)
        assert wait(lambda: waits(ours) == ['source bulk has all of its connections (2)'], SECONDS)
        rows = ours.rows('queue', 'list')
        assert len(rows) == 9 and sum(row['waits'] != '' for row in rows) == 7
        assert standing() == 2
        stats = {row['destination']: row['waits'] for row in ours.rows('queue', 'stats')}
        assert stats['d2.example'] == 'source bulk has all of its connections (2)'
        assert 'source bulk has all of its connections (2)' in ours.ll('queue', 'stats').stdout
        free(sinks)
        assert wait(lambda: arrived(sinks) == 9, SECONDS)
        assert max(s.most for s in sinks) == 2

        # Other limits: more, fewer, none; what is out when they come counts.
        free(sinks, False)
        send(ours, 2)
        assert wait(lambda: standing() == 2 and waits(ours), SECONDS)
        rules(ours, sinks, f'source bulk {{ address {SOURCE}; connections 3; }}')
        assert wait(lambda: standing() == 3, SECONDS)
        rules(ours, sinks, 'source usual { connections 1; }')
        assert waits(ours) == ['source usual has all of its connections (1)'] and standing() == 3
        free(sinks)
        assert wait(lambda: arrived(sinks) == 15, SECONDS)
        assert max(s.most for s in sinks) == 3

        # A courier that is killed takes its places with it.
        free(sinks, False)
        rules(ours, sinks, f'source bulk {{ address {SOURCE}; connections 2; }}')
        send(ours, 2)
        assert wait(lambda: standing() == 2 and waits(ours), SECONDS)
        pid = ours.pids()['courier'][0]
        os.kill(pid, signal.SIGKILL)
        assert wait(lambda: not alive(pid) and standing() == 2, SECONDS)
        free(sinks)
        assert wait(lambda: arrived(sinks) >= 21 and not ours.rows('queue', 'list'), SECONDS)
        assert max(s.most for s in sinks) == 3

        free(sinks, False)
        rules(ours, sinks, '')
        send(ours, 2)
        assert wait(lambda: standing() == 6, SECONDS)
        free(sinks)
        assert wait(lambda: not ours.rows('queue', 'list'), SECONDS)


def test_a_connection_of_older_rules_carries_no_more(ours):
    """It was at work when they changed: its host, source and protection are the old ones."""
    with three() as sinks:
        rules(ours, sinks, '')
        first = submit(ours, ours.alice, 'bob@d0.example')
        assert wait(lambda: standing() == 1, SECONDS)
        text = ours.config.read_text()
        ours.config.write_text(text.replace(f'host {HOSTS[0]}; port {sinks[0].port};',
                                           f'host {HOSTS[1]}; port {sinks[1].port};'))
        ours.reload()
        free(sinks)
        sinks[0].wait_for(first)
        second = submit(ours, ours.alice, 'bob@d0.example')
        assert wait(lambda: [s for s in sinks if any(second.encode() in m.data for m in s.mails)] == [sinks[1]],
                    SECONDS)


def test_a_source_has_its_minute(ours):
    with three() as sinks:
        free(sinks)
        rules(ours, sinks, f'source bulk {{ address {SOURCE}; per-minute 4; }}')
        send(ours, 2)
        assert wait(lambda: waits(ours) == ['source bulk has had its messages of this minute (4)'], SECONDS)
        assert wait(lambda: arrived(sinks) == 4 and len(ours.rows('queue', 'list')) == 2, SECONDS)
        # The same minute goes on in a new configuration, by the name of the block.
        rules(ours, sinks, f'source bulk {{ address {SOURCE}; per-minute 5; }}')
        assert wait(lambda: arrived(sinks) == 5 and len(ours.rows('queue', 'list')) == 1, SECONDS)
        assert waits(ours) == ['source bulk has had its messages of this minute (5)']
        rules(ours, sinks, '')
        assert wait(lambda: arrived(sinks) == 6, SECONDS)
