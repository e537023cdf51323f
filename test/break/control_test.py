#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The control socket (hop cmd_admin), a hostile peer at either end; the socket of
`letterlock sendmail` (hop cmd_local), a hostile server at it.

At the socket of a running server: a command that breaks the rules, floods, never
reads or never speaks loses its own connection, and honest commands are answered.
Towards the command line: a false admin on a socket of its own; `letterlock` ends
in time with an error, never by a signal, and acts on no terminal.

LL_BUILD names a release build.  Frames are built by hand; only the schema's hash
is taken from the greeting of the true peer.
"""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
PROGRAM = BUILD / 'letterlock'
HELLO, CALL, REPLY, REFUSAL, CAST, RETURN = range(1, 7)
RUN, ROW, PROGRESS = range(3)
FRAME = 65536
NEVER = 2 ** 64 - 1
SESSIONS = 100


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.02)
    return found


def head(kind, number, length):
    return struct.pack('<BBH', kind, number, length)


def text(words):
    return struct.pack('<H', len(words)) + words


def call(number, ident, body):
    return head(CALL, number, len(body)) + struct.pack('<IQ', ident, NEVER) + body


def reply(ident, body, number=RUN):
    return head(REPLY, number, len(body)) + struct.pack('<I', ident) + body


def run(verb, ident=1):
    return call(RUN, ident, text(verb) + struct.pack('<H', 0))


def answer(status=0, why=b'', rows=0):
    return struct.pack('<B', status) + text(why) + struct.pack('<Q', rows)


def greeting_length(frame):
    return 4 + struct.unpack_from('<H', frame, 2)[0]


def hello(side, of):
    """The greeting of that side, with the hash of another greeting."""
    return of[:8] + bytes([side]) + of[9:greeting_length(of)]


def connect(path):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(10)
    peer.connect(str(path))
    return peer


def closed(peer):
    """It ends the connection, after whatever it says."""
    try:
        while peer.recv(FRAME):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


# ---- a hostile command ---------------------------------------------------------

class Server:
    def __init__(self, folder):
        self.folder = folder / 'd'
        self.process = subprocess.Popen([PROGRAM, 'demo', '--dir', self.folder])
        until((self.folder / 'endpoints.json').exists)
        self.control = self.folder / 'run' / 'admin'
        self.pids = (self.folder / 'endpoints.json').read_text()
        peer = connect(self.control)
        peer.send(b'x')  # whoever speaks wrong is heard no further, but was greeted
        self.greeting = peer.recv(FRAME)
        peer.close()

    def ll(self, *words):
        return subprocess.run([PROGRAM, *words, '--config', self.folder / 'letterlock.conf'],
                              capture_output=True, timeout=20)

    def honest(self):
        assert self.ll('domain', 'list').returncode == 0
        assert (self.folder / 'endpoints.json').read_text() == self.pids, 'a role was replaced'

    def join(self):
        peer = connect(self.control)
        peer.send(hello(0, self.greeting))
        assert peer.recv(FRAME)[:1] == bytes([HELLO])
        return peer

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0


@pytest.fixture(scope='module')
def server():
    with tempfile.TemporaryDirectory(prefix='ll-ctl-') as name:
        os.chmod(name, 0o755)
        made = Server(pathlib.Path(name))
        yield made
        made.end()


WRONG = {
    'nothing known': b'\0' * 64,
    'HTTP': b'GET / HTTP/1.1\r\n\r\n',
    'a call cut short': head(CALL, RUN, 100) + b'\0' * 12,
    'a call that is none': call(77, 1, b''),
    'rows, which only admin sends': head(CAST, ROW, 4) + text(b'{}'),
    'an answer to nothing': reply(1, answer()),
    'a refusal of nothing': head(REFUSAL, 1, 0) + struct.pack('<I', 1),
    'a list longer than it may be': call(RUN, 1, text(b'status') + struct.pack('<H', 65535)),
    'a verb that is no text': call(RUN, 1, text(b'\xff\xfe') + struct.pack('<H', 0)),
    'more calls than it may ask': b''.join(run(b'status', i + 1) for i in range(300)),
    'credit that was never spent': head(RETURN, 0, 65535),
    'a second greeting': None,
}


@pytest.mark.parametrize('name', WRONG)
def test_who_breaks_the_rules_is_thrown_out(server, name):
    with server.join() as peer:
        peer.send(WRONG[name] or hello(0, server.greeting))
        assert closed(peer)
    server.honest()


def test_the_wrong_greeting(server):
    for side, of in ((1, server.greeting), (0, server.greeting[:9] + b'\0' * 16 + server.greeting[25:])):
        with connect(server.control) as peer:
            peer.send(hello(side, of))
            assert closed(peer)
    server.honest()


def test_a_descriptor_that_nobody_asked_for(server):
    with server.join() as peer, open('/dev/null', 'rb') as null:
        socket.send_fds(peer, [run(b'status')], [null.fileno()])
        assert closed(peer)
    server.honest()


def test_who_asks_and_never_reads(server):
    peers = [server.join() for _ in range(4)]
    for peer in peers:
        peer.setblocking(False)
        for ident in range(64):
            try:
                peer.send(run(b'status', ident << 12 | 1))
            except (BlockingIOError, ConnectionError):
                break
    server.honest()
    for peer in peers:
        peer.close()
    server.honest()


def test_very_many_of_them(server):
    """More than there are places for: each is let go, and the place is free again."""
    peers = []
    for _ in range(SESSIONS):
        try:
            peers.append(connect(server.control))
        except ConnectionError:
            pass
    for peer in peers:
        peer.close()
    until(lambda: server.ll('domain', 'list').returncode == 0)
    server.honest()


# ---- a hostile admin -------------------------------------------------------------

class FalseAdmin:
    """Answers one command, in a way that `lie` says."""

    def __init__(self, path, greeting, lie):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path.unlink(missing_ok=True)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.greeting, self.lie = greeting, lie
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        peer, _ = self.listener.accept()
        with peer:
            try:
                self.talk(peer)
            except ConnectionError:
                pass

    def talk(self, peer):
        peer.settimeout(10)
        theirs = peer.recv(FRAME)
        peer.send(hello(1, theirs))
        asked = theirs[greeting_length(theirs):] or peer.recv(FRAME)
        while asked[:1] != bytes([CALL]):
            asked = peer.recv(FRAME)
        ident = struct.unpack_from('<I', asked, 4)[0]
        for frame in self.lie(ident):
            peer.send(frame)
        if self.lie is not leave:
            closed(peer)

    def end(self):
        self.listener.close()


def row(json):
    return head(CAST, ROW, len(json) + 2) + text(json)


def leave(_):
    return []


LIES = {
    'garbage': lambda i: [b'HTTP/1.1 200 OK\r\n\r\n'],
    'an answer to another question': lambda i: [reply(i + 1, answer())],
    'an answer of another kind': lambda i: [reply(i, answer(), ROW)],
    'a status that is none': lambda i: [reply(i, answer(200))],
    'an answer that goes on': lambda i: [reply(i, answer() + b'\0')],
    'an answer that is cut': lambda i: [reply(i, answer()[:-3])],
    'busy': lambda i: [head(REFUSAL, 2, 0) + struct.pack('<I', i)],
    'a refusal that is none': lambda i: [head(REFUSAL, 99, 0) + struct.pack('<I', i)],
    'rows that are no JSON': lambda i: [row(b'{"a":'), reply(i, answer(rows=1))],
    'a row of brackets': lambda i: [row(b'[' * 60000), reply(i, answer(rows=1))],
    'a row that is no text': lambda i: [row(b'\xff\xff'), reply(i, answer(rows=1))],
    'a question': lambda i: [run(b'status')],
    'gone': leave,
}
ESCAPE = b'\x1b]0;x\x07\x1b[2J'


@pytest.fixture
def false_admin(server, tmp_path):
    made = []

    def make(lie, socket_name='admin'):
        config = (server.folder / 'letterlock.conf').read_text()
        run_folder = server.folder / 'run'
        (tmp_path / 'x.conf').write_text(config.replace(str(run_folder), str(tmp_path)))
        made.append(FalseAdmin(tmp_path / socket_name, server.greeting, lie))
        return tmp_path / 'x.conf'

    yield make
    for admin in made:
        admin.end()


def ask(config, *words):
    return subprocess.run([PROGRAM, *words, '--config', config], capture_output=True, timeout=20,
                          stdin=subprocess.DEVNULL)


def test_sendmail_ends_with_an_error(server, false_admin):
    """Exit 0 means kept: nothing that a false server says brings it about."""
    for name in ('garbage', 'an answer to another question', 'a status that is none', 'an answer that is cut',
                 'a refusal that is none', 'a question', 'gone'):
        done = subprocess.run([PROGRAM, 'sendmail', '--config', false_admin(LIES[name], 'local'), 'u1@example.test'],
                              capture_output=True, timeout=20, input=b'Subject: x\n\nx\n')
        assert 64 <= done.returncode <= 78, (name, done.returncode, done.stderr)
        assert done.stderr, name


@pytest.mark.parametrize('verb', ['status', 'domain list'])
@pytest.mark.parametrize('name', LIES)
def test_the_command_ends_with_an_error(false_admin, name, verb):
    done = ask(false_admin(LIES[name]), *verb.split())
    assert 1 <= done.returncode <= 4, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith(b'letterlock ' + verb.split()[0].encode())


def test_nothing_acts_on_the_terminal(false_admin):
    """What an administrator sees was maybe said by somebody who took the pool over."""
    said = [
        ('status', lambda i: [reply(i, answer(1, ESCAPE))]),
        ('status', lambda i: [row(b'{"supervisor":{"pid":"' + ESCAPE + b'","weak_kernel_allowed":true,'
                                  b'"kernel_lacks":"' + ESCAPE + b'"},"roles":[]}'), reply(i, answer(rows=1))]),
        ('domain', lambda i: [row(b'{"name":"' + ESCAPE.replace(b'\x1b', b'\\u001b') + b'"}'),
                              reply(i, answer(rows=1))]),
    ]
    for verb, lie in said:
        done = ask(false_admin(lie), *(['domain', 'list'] if verb == 'domain' else [verb]))
        assert b'\x1b' not in done.stdout + done.stderr and b'\x07' not in done.stdout + done.stderr


def test_an_admin_that_says_nothing_can_be_left(false_admin):
    """A verb may take long: waiting for it ends with Ctrl-C."""
    config = false_admin(lambda i: [])
    # What runs in the background may have been told to ignore the signal.
    asking = subprocess.Popen([PROGRAM, 'status', '--config', config], stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    time.sleep(0.3)
    assert asking.poll() is None, asking.stderr.read()
    asking.send_signal(signal.SIGINT)
    assert asking.wait(5) == -signal.SIGINT
    asking.stderr.close()
