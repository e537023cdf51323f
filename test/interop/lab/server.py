# SPDX-License-Identifier: Apache-2.0
"""A mail server that does what a case wants: TLS or not, which certificate, which replies.

One thread for each connection; what was delivered, and how, is in `seen`.
"""
import dataclasses
import socket
import ssl
import threading


@dataclasses.dataclass
class Delivery:
    address: str
    tls: str | None  # version
    sni: str | None
    hello: str
    mail: str
    rcpt: list
    data: bytes
    client: str | None = None  # name in the client's certificate


class Server(threading.Thread):
    def __init__(self, address, host, paper=None, port=25, client_ca=None):
        super().__init__(daemon=True)
        self.address, self.host, self.seen, self.commands = address, host, [], []
        self.context = None
        if paper is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*paper)
            if host.client:
                self.context.verify_mode = ssl.CERT_OPTIONAL if host.client == "optional" else ssl.CERT_REQUIRED
                self.context.load_verify_locations(client_ca)
            if not host.newest:
                self.context.maximum_version = ssl.TLSVersion.TLSv1_2
            if host.old_tls:
                self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
                self.context.minimum_version = ssl.TLSVersion.TLSv1
                self.context.maximum_version = ssl.TLSVersion.TLSv1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = None
        if host.listens:
            self.socket = socket.socket(family, socket.SOCK_STREAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, port))
            self.socket.listen(64)

    def run(self):
        while self.socket is not None:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.guarded, args=(peer,), daemon=True).start()

    def close(self):
        if self.socket is not None:
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
            self.socket = None

    def guarded(self, peer):
        peer.settimeout(60)
        session = Session(self, peer)
        try:
            session.serve()
        except (OSError, EOFError, ssl.SSLError, ValueError):
            pass
        finally:
            session.file.close()
            session.peer.close()


class Session:
    def __init__(self, server, peer):
        self.server, self.host, self.peer = server, server.host, peer
        self.file = peer.makefile("rb")
        self.tls = self.sni = self.client = None
        self.hello = self.mail = ""
        self.rcpt = []

    def say(self, text):
        self.peer.sendall(text.encode() + b"\r\n")

    def line(self):
        line = self.file.readline(70000)
        if not line.endswith(b"\n"):
            raise EOFError
        self.server.commands.append(line.decode("utf-8", "replace").strip())
        return line.decode("utf-8", "replace").strip()

    def serve(self):
        if self.host.greeting:
            self.say(self.host.greeting)
            if not self.host.greeting.startswith("2"):
                return
        else:
            self.say(f"220 {self.host.name} ESMTP")
        while True:
            line = self.line()
            verb = line.split(" ", 1)[0].split(":")[0].upper()
            step = getattr(self, "on_" + verb.lower(), None)
            if verb == "QUIT":
                self.say("221 bye")
                return
            if step is None:
                self.say("500 what?")
            elif step(line) is False:
                return

    def offers(self):
        rows = [self.host.name, "PIPELINING", "8BITMIME", "SIZE 10000000"]
        if self.host.starttls != "absent" and not self.tls:
            rows.append("STARTTLS")
        if self.host.requiretls and self.tls:
            rows.append("REQUIRETLS")
        rows += [word.upper() for word in self.host.extensions]
        return rows

    def on_ehlo(self, line):
        self.hello = line.split(" ", 1)[1]
        rows = self.offers()
        self.say("\r\n".join([f"250-{row}" for row in rows[:-1]] + [f"250 {rows[-1]}"]))

    def on_helo(self, line):
        self.hello = line.split(" ", 1)[1]
        self.say(f"250 {self.host.name}")

    def on_starttls(self, _line):
        how = self.host.starttls
        if how == "refuse":
            self.say("454 4.7.0 TLS is not available")
            return None
        self.say("220 go on")
        if how == "garbage":
            self.peer.sendall(b"this is no TLS at all\r\n" * 10)
            return False
        if how == "close":
            return False

        def named(_socket, name, _context):
            self.sni = name
        self.server.context.sni_callback = named
        self.file.close()
        self.peer = self.server.context.wrap_socket(self.peer, server_side=True)
        self.file = self.peer.makefile("rb")
        self.tls = self.peer.version()
        paper = self.peer.getpeercert()
        self.client = paper["subject"][0][0][1] if paper else None
        return None

    def on_mail(self, line):
        self.mail, self.rcpt = line if self.host.mail.startswith("2") else "", []
        self.say(self.host.mail)

    def on_rcpt(self, line):
        reply = self.host.rcpt if self.mail else "503 5.5.1 MAIL first"
        if reply.startswith("2"):
            self.rcpt.append(line)
        self.say(reply)

    def on_rset(self, _line):
        self.mail, self.rcpt = "", []
        self.say("250 ok")

    def on_noop(self, _line):
        self.say("250 ok")

    def on_data(self, _line):
        if not self.rcpt:
            self.say("503 no recipients")
            return None
        self.say("354 go on")
        data = bytearray()
        while not (data.endswith(b"\r\n.\r\n") or data == b".\r\n"):
            piece = self.file.readline(70000)
            if not piece:
                raise EOFError
            data += piece
        if self.host.end == "drop":
            return False
        if self.host.end.startswith("2"):
            self.server.seen.append(Delivery(
                self.server.address, self.tls, self.sni, self.hello, self.mail, self.rcpt,
                bytes(data[:-3]), self.client))
        self.say(self.host.end)
        return None
