# SPDX-License-Identifier: Apache-2.0
"""mailbench against its own sink: it must send, count and refuse as it says."""
import json
import os
import pathlib
import socket
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
MAILBENCH = pathlib.Path(os.environ.get('MAILBENCH', HERE / 'mailbench'))


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def bench(*words):
    done = subprocess.run([MAILBENCH, *words], text=True, capture_output=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def to_sink(port, *words):
    code, said = bench('smtp', '--port', port, '--sink', port, *words)
    assert code == 0 and said['failed'] == 0
    return said


def test_many_sessions(port):
    said = to_sink(port, '--sessions', '20', '--messages', '2000')
    assert said['accepted'] == said['delivered'] == 2000
    assert 0 < said['p50_ms'] <= said['p90_ms'] <= said['p99_ms'] <= said['max_ms']


def test_large_messages_for_several(port):
    said = to_sink(port, '--sessions', '5', '--messages', '50', '--size', '204800', '--rcpts', '3',
                   '--users', '10')
    assert said['recipients_ok'] == 150
    assert said['accept_MBps'] * 1e6 * said['accept_s'] > 50 * 200000


def test_one_message_a_connection_in_lockstep(port):
    said = to_sink(port, '--sessions', '3', '--messages', '60', '--per-conn', '1',
                   '--no-pipelining')
    assert said['delivered'] == 60


def test_tls_to_the_sink(port):
    said = to_sink(port, '--sessions', '3', '--messages', '60', '--tls', 'starttls',
                   '--sink-tls', 'starttls', '--warm')
    assert said['delivered'] == 60 and said['warm'] == 1
    assert said['sink_connections'] == said['sink_handshakes'] == 3
    code, said = bench('smtp', '--port', port, '--sink', port, '--messages', '1', '--tls', 'starttls')
    assert code == 1 and said['failed'] > 0  # it does not offer what it was not told to


def test_nobody_listens(port):
    code, said = bench('smtp', '--port', port, '--messages', '1')
    assert code == 1 and said['failed'] > 0


def test_a_reply_that_is_no_success(port):
    with socket.create_server(('127.0.0.1', int(port))) as server:
        child = subprocess.Popen([MAILBENCH, 'smtp', '--port', port, '--messages', '1'],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4):
            peer, _ = server.accept()
            with peer:
                peer.sendall(b'554 no\r\n')
        said, why = child.communicate(timeout=30)
    assert child.returncode == 1
    assert json.loads(said)['failed'] > 0
    assert 'greeting: got 554 no' in why


@pytest.mark.parametrize('words', [
    [], ['nothing'], ['smtp', '--what'], ['smtp', '--port'], ['smtp', '--port', 'x'],
    ['smtp', '--sessions', '0'], ['smtp', '--tls', 'maybe'], ['smtp', '--size', '12k']])
def test_words_that_are_not_understood(words):
    code, said = bench(*words)
    assert code == 2 and said


def test_what_is_stored_is_checked(tmp_path):
    body = b'needle1 is here\n'
    total = 0xcbf29ce484222325
    for byte in body:
        total = (total ^ byte) * 0x100000001b3 % 2**64
    message = (b'X-Mailbench-Id: 1.1\nX-Mailbench-Sum: %016x\n\n' % total) + body
    (tmp_path / 'one').write_bytes(message)
    (tmp_path / 'two').write_bytes(message.replace(b'1.1', b'1.2').replace(b'here', b'gone'))
    code, said = bench('countdir', '--dir', tmp_path, '--verify')
    assert code == 1
    assert (said['messages'], said['unique'], said['checked'], said['bad']) == (2, 2, 2, 1)


@pytest.mark.parametrize('mode', ['append', 'maildir'])
def test_the_disk_is_timed_and_left_clean(tmp_path, mode):
    code, said = bench('fsync', '--dir', tmp_path, '--mode', mode, '--seconds', '0.1')
    assert code == 0 and said['writes_per_s'] > 0
    assert not list(tmp_path.iterdir())
