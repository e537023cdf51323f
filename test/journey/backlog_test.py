# SPDX-License-Identifier: Apache-2.0
"""A long queue: after a restart it begins to drain at once, whatever its length.

LL_BACKLOG=100000 for the length that doc/performance.md names (`tool/check backlog`).
"""
import os
import threading
import time

import pytest

from kit.instance import Instance, spare_port, wait
from kit.mail import message
from kit.sink import Sink
from kit.wire import submission

COUNT = int(os.environ.get('LL_BACKLOG', '400'))
SESSIONS, TOGETHER = 4, 20
BEGINS_S = 20  # ten times what is to be reached on a quiet machine


def fill(demo, account, count):
    """Pipelined with CHUNKING: a whole transaction is three lines and its bytes."""
    with submission(demo, account, 'submissions', timeout=120) as smtp:
        while count > 0:
            n = min(TOGETHER, count)
            for _ in range(n):
                data = message('b@far.example', account.user, body='x' * 70 + '\r\n').encode()
                smtp.send(f'MAIL FROM:<{account.user}>\r\nRCPT TO:<b@far.example>\r\n'
                          f'BDAT {len(data)} LAST\r\n'.encode() + data)
            for _ in range(3 * n):
                assert smtp.answer() == 250
            count -= n


@pytest.mark.limit(60 + COUNT // 80)
def test_a_long_queue_drains_at_once():
    port = spare_port()  # nobody listens there
    demo = Instance(users=SESSIONS)
    try:
        demo.start()
        config = demo.config.read_text()
        demo.config.write_text(f'{config}\noutgoing {{ reach 127.0.0.0/8; ports {port}; }}\n'
                               f'destination far {{ domain *; host 127.0.0.2; port {port}; tls none; }}\n'
                               'queue { retry 1d; }\n')
        demo.reload()
        threads = [threading.Thread(target=fill, args=(demo, account, COUNT // SESSIONS))
                   for account in demo.accounts[:SESSIONS]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        book = {row['what']: int(row['recipients']) for row in demo.rows('queue', 'ledger')}
        assert book['accepted'] == COUNT == book['open']
        demo.kill()
        demo.file.unlink()
        with Sink(port=port) as sink:
            begin = time.monotonic()
            demo.start()
            up = time.monotonic() - begin
            wait(lambda: sink.mails, BEGINS_S, 0.005)
            first = time.monotonic() - begin
            few = min(COUNT // 2, 1000)
            wait(lambda: len(sink.mails) >= few, 60, 0.01)
            print(f'backlog {COUNT}: up after {up:.2f} s, the first is out after {first:.2f} s, '
                  f'{few} after {time.monotonic() - begin:.2f} s')
        assert first < BEGINS_S
    finally:
        demo.clean()
