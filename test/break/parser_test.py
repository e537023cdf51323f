#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The parser of the configuration (hop boss_conf) against a parent that is not ours.

letterlock-conf is started as the supervisor does it, with one socket, and gets
frames that are wrong, or right in their form and out of place.  It answers or
ends; it never crashes, and never outlives its channel.

LL_BUILD names a release build.  Frames are those of control_test.py.
"""
import os
import pathlib
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from control_test import BUILD, CAST, FRAME, HELLO, REFUSAL, REPLY, call, head, hello, reply, text  # noqa: E402

PARSE, INCLUDE, SLICE, WRITTEN, COMPARE = range(5)
CHANNEL, ENDS = 3, 10


class Parser:
    def __init__(self):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(ENDS)
        self.process = subprocess.Popen(
            ['letterlock: conf'], executable=BUILD / 'letterlock-conf', env={}, close_fds=False,
            stdin=subprocess.DEVNULL, preexec_fn=lambda: os.dup2(theirs.fileno(), CHANNEL))
        theirs.close()
        self.greeting = self.sock.recv(FRAME)
        assert self.greeting[:1] == bytes([HELLO])

    def send(self, frame, *files):
        try:
            socket.send_fds(self.sock, [frame], files)
        except ConnectionError:
            pass  # it has heard enough

    def answers(self):
        try:
            return self.sock.recv(FRAME)
        except ConnectionError:
            return b''

    def end(self):
        """With its channel, by itself, in good order."""
        self.sock.close()
        assert self.process.wait(ENDS) == 0


@pytest.fixture
def parser():
    made = Parser()
    yield made
    made.sock.close()
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()


WRONG = {
    'noise': os.urandom(512),
    'nothing': b'\0',
    'a call cut short': head(2, PARSE, 500) + bytes(12),
    'a call that is none': call(77, 1, b''),
    'an answer to nothing': reply(1, b'', INCLUDE),
    'a refusal of nothing': head(REFUSAL, 1, 0) + struct.pack('<I', 1),
    'a cast': head(CAST, PARSE, 0),
    'its own question': call(INCLUDE, 1, text(b'/x')),
    'a path that is too long': call(PARSE, 1, text(b'x' * 5000)),
    'a text without its file': call(PARSE, 1, text(b'x.conf')),
}


@pytest.mark.parametrize('name', WRONG)
def test_it_ends_when_the_rules_are_broken(parser, name):
    parser.send(hello(0, parser.greeting))
    parser.send(WRONG[name])
    while parser.answers():
        pass
    assert parser.process.wait(ENDS) == 0


def test_another_schema(parser):
    parser.send(parser.greeting[:9] + bytes(16) + parser.greeting[25:])
    while parser.answers():
        pass
    assert parser.process.wait(ENDS) == 0


@pytest.mark.parametrize('ask', [call(SLICE, 1, struct.pack('<H', 0)), call(SLICE, 1, struct.pack('<H', 65535)),
                                 call(WRITTEN, 1, b'')])
def test_questions_before_there_is_a_text(parser, ask):
    parser.send(hello(0, parser.greeting))
    parser.send(ask)
    kind, number, _ = struct.unpack_from('<BBH', parser.answers())
    assert kind == REPLY and number in (SLICE, WRITTEN)
    parser.end()


@pytest.mark.parametrize('path', ['/dev/zero', '/', '/dev/null', '/proc/self/mem', BUILD / 'letterlock'])
@pytest.mark.parametrize('number', [PARSE, COMPARE])
def test_files_that_are_no_text(parser, path, number):
    parser.send(hello(0, parser.greeting))
    fd = os.open(path, os.O_RDONLY)
    parser.send(call(number, 1, text(b'x.conf')), fd)
    os.close(fd)
    kind, answered, _ = struct.unpack_from('<BBH', parser.answers())
    assert kind == REPLY and answered == number
    parser.end()


def test_it_is_left_in_the_middle(parser):
    parser.send(hello(0, parser.greeting))
    for ident in range(3):
        fd = os.open('/dev/zero', os.O_RDONLY)
        parser.send(call(PARSE, ident << 12 | 1, text(b'x.conf')), fd)
        os.close(fd)
    parser.end()
