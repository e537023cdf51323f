# SPDX-License-Identifier: Apache-2.0
"""Bare wires: what the libraries would not let a test say.

A Wire is a socket with lines; Smtp, Imap and Pop know how an answer ends.
"""
import re
import socket
import ssl
import time

CRLF = b'\r\n'


def as_bytes(data):
    return data.encode() if isinstance(data, str) else data


class Wire:
    def __init__(self, demo, port, host='127.0.0.1', timeout=10.0, greet=True, source=None):
        self.demo = demo
        number = demo.ports[port] if isinstance(port, str) else port
        self.sock = socket.create_connection((host, number), timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b''
        self.secure = False
        if isinstance(port, str) and port.endswith('s') and port != 'https':
            self.tls()
        self.greeting = self.answer() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def tls(self, context=None, name='mx.example.test'):
        context = context or self.demo.context()
        assert not self.buffer, f'clear text before the handshake: {self.buffer}'
        self.sock = context.wrap_socket(self.sock, server_hostname=name)
        self.secure = True

    def send(self, data):
        self.sock.sendall(as_bytes(data))

    def more(self):
        """Read once; EOFError at the end."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b''
        except ssl.SSLEOFError:
            data = b''
        if not data:
            raise EOFError(self.buffer)
        self.buffer += data

    def line(self):
        while CRLF not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(CRLF, 1)
        return line

    def exactly(self, count):
        data, self.buffer = bytearray(self.buffer[:count]), self.buffer[count:]
        while len(data) < count:
            self.more()
            left = count - len(data)
            data += self.buffer[:left]
            self.buffer = self.buffer[left:]
        return bytes(data)

    def rest(self, seconds=5.0):
        """Everything up to the end of the connection, or of the time."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.sock.settimeout(max(0.01, end - time.monotonic()))
                self.more()
        except EOFError:
            self.ended = True
        except TimeoutError:
            self.ended = False
        data, self.buffer = self.buffer, b''
        return data

    def closes(self, seconds=5.0):
        """The server ends the connection (after whatever it still says)."""
        self.ended = False
        self.said = self.rest(seconds)
        return self.ended

    def silent(self, seconds=0.3):
        self.sock.settimeout(seconds)
        try:
            self.more()
            return False
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(10)


class Reply:
    def __init__(self, lines):
        self.lines = [line.decode() for line in lines]
        self.code = int(self.lines[-1][:3])
        self.text = '\n'.join(line[4:] for line in self.lines)
        match = re.match(r'([245])\.\d{1,3}\.\d{1,3} ', self.text)
        self.enhanced = match.group(0).strip() if match else None
        if match:
            assert match.group(1) == self.lines[-1][0], f'classes differ: {self.lines}'

    def __eq__(self, code):
        return self.code == code

    def __repr__(self):
        return f'<{self.lines}>'

    @property
    def line(self):
        return self.lines[-1]


class Smtp(Wire):
    def answer(self):
        lines = [self.line()]
        while lines[-1][3:4] == b'-':
            lines.append(self.line())
            assert lines[-1][:3] == lines[0][:3], lines
        return Reply(lines)

    def cmd(self, data):
        self.send(as_bytes(data) + CRLF)
        return self.answer()

    def ehlo(self, name='client.example.test'):
        reply = self.cmd(f'EHLO {name}')
        assert reply == 250, reply
        self.extensions = {line[4:].split(' ')[0].upper(): line[4:].partition(' ')[2]
                           for line in reply.lines[1:]}
        return self.extensions

    def starttls(self, context=None, **options):
        reply = self.cmd('STARTTLS')
        assert reply == 220, reply
        self.tls(context, **options)

    def envelope(self, sender, *recipients, params=''):
        reply = self.cmd(f'MAIL FROM:<{sender}>{params}')
        assert reply == 250, reply
        for recipient in recipients:
            reply = self.cmd(f'RCPT TO:<{recipient}>')
            assert reply == 250, (recipient, reply)

    def data(self, message, end=b'\r\n.\r\n', stuff=True):
        """DATA; the bytes of the message without its last CRLF."""
        reply = self.cmd('DATA')
        assert reply == 354, reply
        message = as_bytes(message)
        if stuff:
            message = re.sub(rb'(?m)^\.', b'..', message)
        self.send(message + end)
        return self.answer()

    def bdat(self, data, last=True):
        self.send(b'BDAT %d%s\r\n' % (len(data), b' LAST' if last else b'') + data)
        return self.answer()

    def auth(self, account):
        reply = self.cmd(b'AUTH PLAIN ' + account.plain())
        assert reply == 235, reply


def mx(demo, hello=True, **options):
    smtp = Smtp(demo, 'smtp', **options)
    if hello:
        smtp.ehlo()
    return smtp


def submission(demo, account, port='submissions', **options):
    """A session that is logged in."""
    smtp = Smtp(demo, port, **options)
    smtp.ehlo()
    if port == 'submission':
        smtp.starttls()
        smtp.ehlo()
    smtp.auth(account)
    return smtp


class Imap(Wire):
    """Answers are whole: a literal stands in its line, as bytes."""
    tags = 0

    def answer(self):
        line = self.line()
        while True:
            match = re.search(rb'\{(\d+)\}$', line)
            if not match:
                return line
            line += CRLF + self.exactly(int(match.group(1))) + self.line()

    def start(self, data):
        self.tags += 1
        tag = b't%d' % self.tags
        self.send(tag + b' ' + as_bytes(data) + CRLF)
        return tag

    def finish(self, tag):
        """(OK, NO or BAD; the rest of that line; untagged lines)"""
        untagged = []
        while True:
            line = self.answer()
            if line.startswith(tag + b' '):
                status, _, text = line[len(tag) + 1:].partition(b' ')
                return status.decode(), text.decode(errors='replace'), untagged
            untagged.append(line)

    def cmd(self, data, *literals):
        """literals: each is sent after its continuation; data ends with {n}."""
        data = as_bytes(data)
        tag = self.start(data)
        for literal, rest in zip(literals[::2], literals[1::2]):
            line = self.answer()
            if not line.startswith(b'+'):
                status, _, text = line[len(tag) + 1:].partition(b' ')
                return status.decode(), text.decode(errors='replace'), []
            self.send(as_bytes(literal) + as_bytes(rest) + CRLF)
        return self.finish(tag)

    def ok(self, data, *literals):
        status, text, untagged = self.cmd(data, *literals)
        assert status == 'OK', (data, status, text)
        self.text = text
        return untagged

    def login(self, account):
        return self.ok(f'LOGIN {account.user} {account.password}')

    def capability(self):
        line = [l for l in self.ok('CAPABILITY') if l.startswith(b'* CAPABILITY')][0]
        return line.decode().split()[2:]

    def select(self, name='INBOX'):
        untagged = self.ok(f'SELECT "{name}"')
        text = b'\n'.join(untagged).decode() + self.text
        self.exists = int(re.search(r'\* (\d+) EXISTS', text).group(1))
        self.validity = int(re.search(r'UIDVALIDITY (\d+)', text).group(1))
        self.uidnext = int(re.search(r'UIDNEXT (\d+)', text).group(1))
        return untagged

    def modseq(self, name='INBOX'):
        """HIGHESTMODSEQ: the version of the mailbox's last change."""
        text = b'\n'.join(self.ok(f'STATUS "{name}" (HIGHESTMODSEQ)')).decode()
        return int(re.search(r'HIGHESTMODSEQ (\d+)', text).group(1))

    def append(self, message, name='INBOX', extra=''):
        message = as_bytes(message)
        return self.cmd(f'APPEND "{name}"{extra} {{{len(message)}}}', message, b'')

    def uids(self, query='ALL'):
        found = [l for l in self.ok(f'UID SEARCH {query}') if l.startswith(b'* SEARCH')]
        return [int(word) for word in found[0].split()[2:]]

    def bodies(self):
        """UID -> the message, of the selected mailbox."""
        found = {}
        for line in self.ok('UID FETCH 1:* (UID BODY.PEEK[])'):
            match = re.search(rb'UID (\d+)', line)
            if match and b'FETCH' in line:
                found[int(match.group(1))] = literal(line)
        return found


def literal(line):
    """The first literal in a line that came with it; b'' for a quoted string."""
    match = re.search(rb'\{(\d+)\}\r\n', line)
    if not match:
        match = re.search(rb'\] "((?:[^"\\]|\\.)*)"', line)
        return match.group(1) if match else b''
    return line[match.end():match.end() + int(match.group(1))]


def imap(demo, account, mailbox=None, port='imaps', **options):
    session = Imap(demo, port, **options)
    session.login(account)
    if mailbox:
        session.select(mailbox)
    return session


class Pop(Wire):
    def answer(self):
        return self.line()

    def cmd(self, data):
        self.send(as_bytes(data) + CRLF)
        return self.answer()

    def ok(self, data):
        line = self.cmd(data)
        assert line.startswith(b'+OK'), (data, line)
        return line

    def lines(self):
        """A multi-line answer after its first line, dots taken off."""
        lines = []
        while True:
            line = self.line()
            if line == b'.':
                return lines
            lines.append(line[1:] if line.startswith(b'.') else line)

    def listing(self, data):
        self.ok(data)
        return self.lines()


def pop(demo, account, port='pop3s', **options):
    session = Pop(demo, port, **options)
    session.ok(f'USER {account.user}')
    session.ok(f'PASS {account.password}')
    return session
