# SPDX-License-Identifier: Apache-2.0
"""A client that never pauses, neither in sending nor in reading, had a whole
process for itself: its fiber always found bytes and never parked.
"""
import os
import socket
import threading
import time

import pytest

FLOODS = [('pop3', b'', b'CAPA\r\n'), ('imap', b'', b'a NOOP\r\n'),
          ('smtp', b'EHLO a.example\r\n', b'BDAT 18446744073709551615\r\n' + b'x' * 100000)]
SECONDS = 2.0
WAIT = 1.0  # for a greeting while it goes on; it was as long as the flood


def flood(number, first, lines):
    """In a process of its own, so that it has a processor for itself."""
    sock = socket.create_connection(('127.0.0.1', number))
    sock.recv(1000)
    sock.sendall(first)
    if first:
        sock.recv(1000)

    def drain():
        try:
            while sock.recv(1 << 20):
                pass
        except OSError:
            pass
    threading.Thread(target=drain, daemon=True).start()
    blob = lines * max(1, 200000 // len(lines))
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            sock.sendall(blob)
    except OSError:
        pass


@pytest.mark.parametrize('port,first,lines', FLOODS, ids=[row[0] for row in FLOODS])
def test_others_are_served_meanwhile(demo, port, first, lines):
    child = os.fork()
    if child == 0:
        try:
            flood(demo.ports[port], first, lines)
        finally:
            os._exit(0)
    try:
        for _ in range(5):
            time.sleep(0.2)
            begin = time.monotonic()
            with socket.create_connection(('127.0.0.1', demo.ports[port]), 10) as sock:
                assert sock.recv(100)
            assert time.monotonic() - begin < WAIT
    finally:
        os.waitpid(child, 0)
