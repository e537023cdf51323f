# SPDX-License-Identifier: Apache-2.0
"""A server of somebody else: takes mail by SMTP or LMTP on loopback and keeps it.

What it answers can be changed while it runs: `replies` maps the front of a
command to the reply in place of the usual one, or to None to hang up; 'end' is
what follows the data, '.' what precedes it.
"""
import re
import socket
import ssl
import subprocess
import threading

from kit.instance import wait


def make_key(folder, name, signer=None, days=30, san=None):
    """A certificate and its key in one PEM file; of an authority when a signer is given."""
    cert, key = folder / f'{name}.pem', folder / f'{name}.key'
    words = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
             '-nodes', '-keyout', str(key), '-out', str(cert), '-days', str(days), '-subj', f'/CN={name}']
    if signer is None and san is None:
        words += ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
    else:
        words += ['-addext', f'subjectAltName={san or "DNS:" + name}', '-addext',
                  'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth']
    if signer is not None:
        words += ['-CA', str(signer[0]), '-CAkey', str(signer[1])]
    subprocess.run(words, check=True, capture_output=True)
    return cert, key


class Sink:
    def __init__(self, host='127.0.0.2', port=0, tls=None, name='sink.example', extensions=(),
                 lmtp=False, users=None):
        self.name, self.lmtp, self.users = name, lmtp, users or {}
        self.extensions = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 52428800', *extensions]
        self.context = None
        if tls is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*map(str, tls))
        self.replies, self.mails, self.sessions, self.logins = {}, [], [], []
        self.listener = socket.create_server((host, port), backlog=50)
        self.host, self.port = self.listener.getsockname()
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.listener.close()
        for conn in list(self.open):
            conn.close()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.open.add(conn)
            threading.Thread(target=self.run, args=(conn,), daemon=True).start()

    def run(self, conn):
        session = Session(self, conn)
        self.sessions.append(session)
        try:
            session.serve()
        except (OSError, ValueError, ConnectionError):
            pass
        finally:
            session.sock.close()
            self.open.discard(conn)

    def wait_for(self, word, count=1, seconds=15.0):
        """Messages that hold the word, with their envelopes."""
        def look():
            found = [m for m in self.mails if word.encode() in m.data]
            return found if len(found) >= count else None
        found = wait(look, seconds, 0.05)
        assert found, f'{word} did not come; heard: {[s.heard for s in self.sessions][-3:]}'
        assert len(found) == count, f'{len(found)} copies of {word}'
        return found[0] if count == 1 else found


class Mail:
    def __init__(self, session, sender, to, data):
        self.tls, self.sender, self.to, self.data, self.session = session.tls, sender, to, data, session


class Session:
    def __init__(self, sink, conn):
        self.sink, self.sock, self.tls, self.heard = sink, conn, None, []
        self.file = conn.makefile('rb')

    def say(self, text):
        self.sock.sendall(text.encode() + b'\r\n')

    def reply(self, command, usual):
        for front, text in self.sink.replies.items():
            if command.upper().startswith(front.upper()):
                if text is None:
                    raise ConnectionError
                self.say(text)
                return text[0] in '23'
        self.say(usual)
        return True

    def hello(self):
        words = [self.sink.name, *self.sink.extensions]
        if self.sink.context and not self.tls:
            words.append('STARTTLS')
        if self.sink.users and self.tls:
            words.append('AUTH PLAIN')
        lines = [f'250{"-" if i < len(words) - 1 else " "}{w}' for i, w in enumerate(words)]
        self.say('\r\n'.join(lines))

    def starttls(self):
        if not self.reply('STARTTLS', '220 go'):
            return
        self.sock = self.sink.context.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile('rb')
        self.tls = self.sock.version()

    def auth(self, line):
        import base64
        _, user, password = base64.b64decode(line.split()[2]).decode().split('\0')
        ok = self.sink.users.get(user) == password and self.tls
        self.sink.logins.append((user, password, self.tls))
        self.say('235 2.7.0 welcome' if ok else '535 5.7.8 no')

    def data(self):
        lines = []
        while (line := self.file.readline()) != b'.\r\n':
            if not line:
                raise ConnectionError
            assert line.endswith(b'\r\n') and b'\r' not in line[:-2], 'a bare CR or LF'
            lines.append(line[1:] if line.startswith(b'.') else line)
        mail = Mail(self, self.sender, self.to, b''.join(lines))
        for _ in range(len(self.to) if self.sink.lmtp else 1):
            if self.reply('end', '250 2.6.0 taken') and mail not in self.sink.mails:
                self.sink.mails.append(mail)

    def serve(self):
        self.reply('greeting', f'220 {self.sink.name} ESMTP')
        while line := self.file.readline():
            text = line.decode(errors='replace').strip()
            self.heard.append(text)
            verb = text.split(' ')[0].upper()
            if verb in ('EHLO', 'LHLO', 'HELO'):
                self.hello()
            elif verb == 'STARTTLS':
                self.starttls()
            elif verb == 'AUTH':
                self.auth(text)
            elif verb == 'MAIL':
                if self.reply(text, '250 2.1.0 ok'):
                    self.sender, self.to = re.search('<(.*?)>', text)[1], []
            elif verb == 'RCPT':
                if self.reply(text, '250 2.1.5 ok'):
                    self.to.append(re.search('<(.*?)>', text)[1])
            elif verb == 'DATA':
                if not self.to:
                    self.say('503 5.5.1 no recipient')
                elif self.reply('.', '354 go'):
                    self.data()
            elif verb == 'QUIT':
                self.say('221 2.0.0 bye')
                return
            else:
                self.say('250 2.0.0 ok')
