#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
role/edge: both pools on real sockets with a stand-in for every peer, spoken to
by clients that share no code with it.  Output is TAP.

Usage: edge_test.py EDGE_HOUSE
"""
import imaplib
import json
import poplib
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

USER, PASSWORD = "alice@example.test", "secret"
MAIL = b"From: a@b.test\r\nTo: alice@example.test\r\nSubject: hi\r\n\r\nHello\r\n"


class House:
    def __init__(self, program):
        self.dir = tempfile.TemporaryDirectory()
        self.ca = self.dir.name + "/ca.pem"
        self.process = subprocess.Popen([program, self.ca], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.ports = {}
        self.tests = 0
        while (line := self.line()) != "ready":
            name, port = line.split()
            self.ports[name] = int(port)
        self.tls = ssl.create_default_context(cafile=self.ca)

    def line(self):
        line = self.process.stdout.readline()
        assert line, "the house is gone"
        return line.decode().rstrip("\n")

    def ask(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        return self.line()

    def status(self):
        return json.loads(self.ask("status"))

    def last(self):
        self.process.stdin.write(b"last mx\n")
        lines = b""
        while not lines.endswith(b"\n.\n"):
            lines += self.process.stdout.readline()
        return lines[:-3]

    def end(self):
        self.process.stdin.close()
        return self.process.wait(20)

    def connect(self, name):
        s = socket.create_connection(("127.0.0.1", self.ports[name]), 10)
        return s

    def smtp(self, name):
        return smtplib.SMTP("localhost", self.ports[name], timeout=10)

    def imap(self):
        i = imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=self.tls)
        i.login(USER, PASSWORD)
        return i


def refused(code, call, *args):
    try:
        answer = call(*args)
    except smtplib.SMTPResponseException as e:
        assert e.smtp_code == code, (e.smtp_code, e.smtp_error)
        return
    except smtplib.SMTPRecipientsRefused as e:
        assert all(c == code for c, _ in e.recipients.values()), e.recipients
        return
    assert answer[0] == code, answer


def read_all(s):
    out = b""
    try:
        while chunk := s.recv(65536):
            out += chunk
    except ConnectionResetError:
        out += b"<reset>"
    return out


def mx_takes_mail(h):
    with h.smtp("mx") as s:
        s.sendmail("a@b.test", [USER], MAIL)
    got = h.last()
    assert got.endswith(MAIL), got
    assert b"Received: from" in got and b"with ESMTP\r\n" in got, got


def mx_takes_mail_over_tls(h):
    with h.smtp("mx") as s:
        s.starttls(context=h.tls)
        s.ehlo("client.test")
        assert "auth" not in s.esmtp_features
        s.sendmail("a@b.test", [USER], MAIL)
    assert b"ESMTPS" in h.last() and b"TLSv1.3" in h.last()


def body_sizes(h):
    """One frame, one byte more, a piece, one byte more, and many."""
    for size in (49151, 49152, 49153, 61439, 61440, 61441, 61440 + 49152,
                 61440 + 49153, 3 * 61440, 1 << 20):
        line = b"x" * 998 + b"\r\n"
        head = b"Subject: %d\r\n\r\n" % size
        body = head + line * ((size - len(head)) // 1000)
        rest = size - len(body)
        body += (b"y" * (rest - 2) + b"\r\n") if rest >= 2 else b""
        with h.smtp("mx") as s:
            s.sendmail("a@b.test", [USER], body)
        assert h.last().endswith(body), size


def mx_refuses(h):
    with h.smtp("mx") as s:
        s.ehlo()
        s.mail("a@b.test")
        refused(550, s.rcpt, "nobody@example.test")
        refused(550, s.rcpt, "a@elsewhere.test")
        refused(452, s.rcpt, "full@example.test")
        assert s.rcpt("<Postmaster>")[0] == 250
        assert s.rset()[0] == 250
        refused(502, s.docmd, "AUTH PLAIN")


def early_talker(h):
    s = socket.socket()
    s.connect(("127.0.0.1", h.ports["mx"]))
    s.sendall(b"EHLO me.test\r\n")
    data = s.recv(1000)
    assert data.startswith((b"554 5.5.0", b"220 ")), data
    s.close()


def starttls_injection(h):
    for name, before, after in (("mx", b"STARTTLS\r\nRSET\r\n", b"NOOP\r\n"),
                                ("submission", b"STARTTLS\r\nRSET\r\n", b"NOOP\r\n"),
                                ("imap", b"a STARTTLS\r\nb LOGOUT\r\n", b"c NOOP\r\n"),
                                ("pop3", b"STLS\r\nQUIT\r\n", b"CAPA\r\n")):
        s = h.connect(name)
        s.recv(1000)
        if name in ("mx", "submission"):
            s.sendall(b"EHLO me.test\r\n")
            s.recv(1000)
        s.sendall(before)
        reply = s.recv(1000)
        assert b"\r\n" in reply and reply.count(b"\r\n") == 1, reply
        t = h.tls.wrap_socket(s, server_hostname="localhost")
        t.sendall(after)
        got = t.recv(1000)
        assert b"BYE" not in got and b"closing" not in got.lower(), (name, got)
        t.close()


def pipelined(h):
    s = h.connect("mx")
    s.recv(1000)
    s.sendall(b"EHLO me.test\r\n")
    s.recv(1000)
    s.sendall(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
    got = b""
    while b"354" not in got:
        got += s.recv(1000)
    s.sendall(MAIL + b".\r\nMAIL FROM:<>\r\nRCPT TO:<no@example.test>\r\nQUIT\r\n")
    got = read_all(s)
    assert [l[:3] for l in got.split(b"\r\n")[:-1]] == [b"250", b"250", b"550", b"221"], got


def submission(h):
    with h.smtp("submission") as s:
        s.ehlo()
        refused(530, s.mail, USER)
        refused(538, s.docmd, "AUTH PLAIN AGEAYg==")
        s.starttls(context=h.tls)
        s.ehlo()
        assert "PLAIN" in s.esmtp_features["auth"], s.esmtp_features
        refused(530, s.mail, USER)
        refused(535, s.login, USER, "wrong")
        s.login(USER, PASSWORD)
        refused(553, s.mail, "mallory@example.test")
        s.sendmail(USER, [USER], MAIL)


def sasl_ways(h):
    for mechanism, steps in (("X-LAST", 1), ("X-BOUND-PLUS", 0)):
        with h.smtp("submission") as s:
            s.starttls(context=h.tls)
            s.ehlo()
            code, text = s.docmd("AUTH " + mechanism)
            if steps:
                assert (code, text) == (334, b"dj1wcm9vZg=="), (code, text)
                code, text = s.docmd("")
            assert code == 235, (code, text)
            assert s.mail(USER)[0] == 250
    with h.smtp("submission") as s: # cancelled after the store had bound it
        s.starttls(context=h.tls)
        s.ehlo()
        s.docmd("AUTH X-LAST")
        assert s.docmd("*")[0] == 501
        assert s.noop()[0] in (250, 421)
    i = imaplib.IMAP4_SSL("localhost", h.ports["imaps"], ssl_context=h.tls)
    assert i.authenticate("X-LAST", lambda proof: b"")[0] == "OK"
    i.logout()


def imap_session(h):
    h.ask("put " + "Subject: one")
    i = imaplib.IMAP4("localhost", h.ports["imap"])
    assert "LOGINDISABLED" in i.capabilities
    i.starttls(h.tls)
    try:
        i.login(USER, "wrong")
        raise AssertionError("let in")
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e)
    i.login(USER, PASSWORD)
    assert b"INBOX" in i.list()[1][0]
    assert i.create("INBOX/x")[0] == "NO"
    ok, n = i.select()
    assert ok == "OK" and int(n[0]) >= 1, n
    big = b"Subject: big\r\n\r\n" + b"z" * 70000 + b"\r\n" + b"w" * 70000 + b"\r\n"
    assert i.append("INBOX", "(\\Seen)", None, big)[0] == "OK"
    assert i.append("Nowhere", None, None, big)[0] == "NO"
    i.noop()
    last = str(int(n[0]) + 1)
    ok, data = i.fetch(last, "(FLAGS RFC822.SIZE BODY.PEEK[])")
    assert ok == "OK" and data[0][1] == big, (ok, len(data[0][1]), len(big))
    assert b"\\Seen" in data[0][0]
    ok, data = i.fetch("1:*", "(UID FLAGS)")
    assert len(data) == int(last), data
    small = [f"Subject: {k}\r\n\r\n".encode() + b"s" * 900 * k for k in range(40)]
    for text in small:
        assert i.append("INBOX", None, None, text)[0] == "OK"
    i.noop()
    end = int(last) + len(small)
    for items in ("(BODY.PEEK[])", "(BODY.PEEK[HEADER] BODY.PEEK[] BODY.PEEK[TEXT])", "(BODY.PEEK[]<500.9000>)"):
        ok, data = i.fetch(f"{last}:{end}", items)
        assert ok == "OK", data
        bodies = [pair[1] for pair in data if isinstance(pair, tuple) and b"BODY[]" in pair[0]]
        assert bodies == [text[500:9500] if "<" in items else text for text in [big, *small]], items
    i.store(f"{int(last) + 1}:{end}", "+FLAGS", "(\\Deleted)")
    i.expunge()
    assert i.store(last, "+FLAGS", "(\\Deleted)")[0] == "OK"
    ok, data = i.uid("COPY", "1:2", "INBOX")
    assert ok == "OK", data
    ok, data = i.search(None, "ALL")
    assert ok == "OK" and len(data[0].split()) == int(last), data
    assert i.expunge()[1] == [last.encode()]
    assert i.status("INBOX", "(MESSAGES)")[0] == "OK"
    i.close()
    i.logout()


def idle_is_told(h):
    i = h.imap()
    ok, n = i.select()
    s = i.sock
    s.sendall(b"x IDLE\r\n")
    got = b""
    while b"+ idling" not in got:
        got += s.recv(1000)
    for _ in range(3):
        began = time.monotonic()
        h.ask("put Subject: news")
        got = s.recv(1000)
        assert b"EXISTS" in got, got
        assert time.monotonic() - began < 5
    s.sendall(b"DONE\r\n")
    assert b"x OK" in s.recv(1000)
    i.logout()


def account_is_told(h):
    """NOTIFY: what happens elsewhere is told between two commands."""
    i = h.imap()
    i.select()
    s = i.sock

    def until(end):
        got = b""
        while end not in got:
            got += s.recv(1000)
            assert got, end

    s.sendall(b"x NOTIFY SET (personal (MessageNew MessageExpunge))\r\n")
    until(b"x OK")
    h.ask("put Subject: news")
    until(b'* STATUS "Other" (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 4)\r\n')
    s.sendall(b"y NOTIFY NONE\r\n")
    until(b"y OK")
    i.logout()


def pop3_session(h):
    p = poplib.POP3_SSL("localhost", h.ports["pop3s"], context=h.tls)
    try:
        p.user(USER)
        p.pass_("wrong")
        raise AssertionError("let in")
    except poplib.error_proto as e:
        assert b"[AUTH]" in e.args[0], e
    p.user(USER)
    p.pass_(PASSWORD)
    count, size = p.stat()
    assert count >= 2, count
    assert len(p.list()[1]) == count and len(p.uidl()[1]) == count
    assert any(l.startswith(b"Subject:") for l in p.retr(1)[1])
    p.dele(1)
    p.quit()
    p = poplib.POP3("localhost", h.ports["pop3"])
    p.stls(h.tls)
    p.user(USER)
    p.pass_(PASSWORD)
    assert p.stat()[0] == count - 1
    p.quit()


def limits_per_address(h):
    a, b = h.connect("few"), h.connect("few")
    assert a.recv(100).startswith(b"220") and b.recv(100).startswith(b"220")
    c = h.connect("few")
    assert c.recv(1000).startswith(b"421 4.3.2")
    assert c.recv(10) == b""
    a.close()
    time.sleep(0.1)
    d = h.connect("few")
    assert d.recv(100).startswith(b"220")


def implicit_says_nothing_in_clear(h):
    for name in ("imaps", "pop3s"):
        s = h.connect(name)
        s.sendall(b"a1 NOOP\r\nand more that is no ClientHello\r\n")
        got = read_all(s)
        assert b"OK" not in got and b"BYE" not in got and b"ERR" not in got, got


def handshake_deadline(h):
    s = h.connect("imaps")
    began = time.monotonic()
    read_all(s)
    assert 1.5 < time.monotonic() - began < 20


def command_deadline(h):
    s = h.connect("mx")
    s.recv(1000)
    s.sendall(b"EHL")
    t = h.connect("mx")
    t.recv(1000)
    began = time.monotonic()
    got = read_all(t)
    assert got.startswith(b"421 4.4.2"), got
    assert 5 < time.monotonic() - began < 30
    read_all(s)


def login_deadline(h):
    s = h.connect("imap")
    s.recv(1000)
    began = time.monotonic()
    try:
        while time.monotonic() - began < 30:
            s.sendall(b"a NOOP\r\n")
            if b"BYE" in s.recv(1000):
                break
            time.sleep(0.5)
    except OSError:
        pass
    assert 7 < time.monotonic() - began < 30, time.monotonic() - began


def store_dies(h):
    idle, busy = h.imap(), h.imap()
    idle.select()
    idle.sock.sendall(b"x IDLE\r\n")
    while b"+ idling" not in idle.sock.recv(1000):
        pass
    s = h.smtp("mx")
    s.ehlo()
    s.mail("a@b.test")
    s.rcpt(USER)
    h.ask("store-off")
    began = time.monotonic()
    assert b"BYE" in read_all(idle.sock)
    assert b"BYE" in read_all(busy.sock)
    refused(451, s.rcpt, USER)
    refused(451, s.docmd, "DATA")
    s.rset()
    with h.smtp("mx") as t:
        t.ehlo()
        t.mail("a@b.test")
        refused(451, t.rcpt, USER)
    new = imaplib.IMAP4_SSL("localhost", h.ports["imaps"], ssl_context=h.tls)
    try:
        new.login(USER, PASSWORD)
        raise AssertionError("let in")
    except imaplib.IMAP4.error as e:
        assert "UNAVAILABLE" in str(e), e
    assert time.monotonic() - began < 2
    h.ask("store-on")
    new.login(USER, PASSWORD)
    new.logout()
    s.sendmail("a@b.test", [USER], MAIL)
    s.quit()


def store_dies_in_an_offer(h):
    h.ask("slow")
    s = h.smtp("mx")
    s.ehlo()
    s.mail("a@b.test")
    s.rcpt(USER)
    s.putcmd("DATA")
    s.getreply()
    s.send(MAIL + b".\r\n")
    time.sleep(0.2)
    h.ask("store-off")
    code, _ = s.getreply()
    assert code == 451, code
    h.ask("store-on")
    h.ask("answer") # into nothing
    s.sendmail("a@b.test", [USER], MAIL)
    s.quit()


def auth_dies(h):
    h.ask("auth-off")
    i = imaplib.IMAP4_SSL("localhost", h.ports["imaps"], ssl_context=h.tls)
    try:
        i.login(USER, PASSWORD)
        raise AssertionError("let in")
    except imaplib.IMAP4.error as e:
        assert "UNAVAILABLE" in str(e), e
    h.ask("auth-on")
    i.login(USER, PASSWORD)
    i.logout()


def reloads(h):
    """Sessions live on, a port goes, a limit changes; nobody is refused."""
    i = h.imap()
    s = h.smtp("mx")
    s.ehlo()
    h.ask("reload")
    try:
        h.connect("imap")
        raise AssertionError("still open")
    except ConnectionRefusedError:
        pass
    assert i.select()[0] == "OK"
    i.logout()
    s.starttls(context=h.tls)
    s.sendmail("a@b.test", [USER], MAIL)
    s.quit()
    h.imap().logout()
    time.sleep(0.1)
    a, b = h.connect("few"), h.connect("few")
    assert a.recv(100).startswith(b"220") and b.recv(100).startswith(b"421")


def closes_are_clean(h):
    """Nothing is left behind: sessions at the store are closed too."""
    time.sleep(1.2)
    mx, access, store = h.status()
    assert access["connections"] == 0, access
    assert store["closed"] > 0, store


def drains(h):
    """Idle ones hear it, a message in DATA finishes, nobody new comes in."""
    i = h.imap()
    p = poplib.POP3_SSL("localhost", h.ports["pop3s"], context=h.tls)
    idle, half = h.connect("mx"), h.smtp("mx")
    idle.recv(1000)
    half.ehlo()
    half.mail("a@b.test")
    half.rcpt(USER)
    assert half.docmd("DATA")[0] == 354
    half.send(MAIL)
    h.process.stdin.write(b"drain 3000\n")
    assert read_all(idle).startswith(b"421 4.3.2")
    assert b"BYE" in read_all(i.sock)
    assert b"-ERR" in read_all(p.sock)
    try:
        h.connect("mx")
        raise AssertionError("accepted")
    except ConnectionRefusedError:
        pass
    half.send(b"one more line\r\n.\r\n")
    assert half.getreply()[0] == 250
    assert half.getreply()[0] == 421
    assert h.line() == "drained"


TESTS = [mx_takes_mail, mx_takes_mail_over_tls, body_sizes, mx_refuses, early_talker,
         starttls_injection, pipelined, submission, sasl_ways, imap_session, idle_is_told, account_is_told,
         pop3_session, limits_per_address, implicit_says_nothing_in_clear,
         handshake_deadline, command_deadline, login_deadline, store_dies,
         store_dies_in_an_offer, auth_dies, reloads, closes_are_clean, drains]


def main():
    h = House(sys.argv[1])
    failed = 0
    only = sys.argv[2:]
    tests = [t for t in TESTS if not only or t.__name__ in only]
    print("1..%d" % (len(tests) + 1))
    for n, test in enumerate(tests, 1):
        try:
            test(h)
            print("ok %d - %s" % (n, test.__name__), flush=True)
        except Exception as e: # a failed check or a client's complaint alike
            failed += 1
            print("not ok %d - %s: %r" % (n, test.__name__, e), flush=True)
            traceback.print_exc()
            if "gone" in str(e):
                break
    code = h.end()
    print("%sok %d - ends in good order" % ("" if code == 0 else "not ", len(tests) + 1))
    sys.exit(failed > 0 or code != 0)


if __name__ == "__main__":
    main()
