# SPDX-License-Identifier: Apache-2.0
"""Postfix, Exim and Dovecot as neighbours, and letterlock as its own.

Mail goes to each of them (by MX and TLS, by LMTP) and comes from each, in a network
of this process's own.  A peer's mailboxes are read from its Maildirs: what arrives
has to be, byte for byte, what was sent.
"""
import contextlib
import email
import pathlib
import shutil
import tempfile

import pytest

from kit.instance import Instance, wait
from kit.mail import find, mails, message, token, values
from kit.wire import Smtp, submission
from lab.names import SERVER, Names
from lab.net import SOURCES, own_network
from lab.peers import Peer, need_packages

SECONDS = 30
KINDS = ("postfix", "exim")
# Dots, a line of the greatest length, blanks at an end, 8 bits, empty lines at the end.
BODY = ".\r\n..two\r\n" + "x" * 998 + "\r\nblank \t \r\nFrom here\r\nGrüße\r\n\r\n-- \r\nend\r\n\r\n\r\n"
ADDED = {"return-path", "received", "delivered-to", "x-original-to", "envelope-to", "delivery-date"}


class World:
    """One instance, its peers, and the names by which it finds them."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ll.peers."))
        self.folder.chmod(0o755)
        self.names, self.instance = Names(self.folder), Instance(users=2)
        self.peers = {}

    def start(self):
        self.instance.start()
        port = self.instance.ports["smtp"]
        for number, kind in enumerate(KINDS, 1):
            domain, address = f"{kind}.plain.example", f"127.9.{number}.1"
            self.names.add("plain.example", domain, "MX", f"10 mx.{domain}.")
            self.names.add("plain.example", f"mx.{domain}", "A", address)
            self.peers[kind] = Peer(kind, self.folder, domain, address, BASE=0, MODE="both", NEXT=port,
                                    TLS="encrypt", LATER="u9")
        self.peers["dovecot"] = Peer("dovecot", self.folder, "dovecot.plain.example", "127.9.3.1", BASE=0)
        for peer in self.peers.values():
            peer.start()
        self.names.write()
        self.names.start()
        self.instance.stop()
        self.configure()
        self.instance.start()

    def configure(self):
        instance = self.instance
        for block, option, value in (
                ("dns", "lookups", "on"), ("dns", "resolvers", SERVER),
                ("dns", "trust-anchor", f'"{self.names.anchors}"'), ("outgoing", "reach", "127.0.0.0/8"),
                ("outgoing", "source", SOURCES), ("queue", "retry", "10s")):
            instance.set_option(block, option, value)
        rules = "".join(f"destination {kind} {{ domain {self.peers[kind].domain}; tls fingerprint; "
                        f"fingerprint {self.peers[kind].fingerprint()}; }}\n" for kind in KINDS)
        dovecot = self.peers["dovecot"]
        rules += (f"destination dovecot {{ domain {dovecot.domain}; host {dovecot.address}; protocol lmtp; "
                  "tls none; }\n")
        instance.config.write_text(rules + instance.config.read_text())
        instance.file.unlink(missing_ok=True)

    def stop(self):
        with contextlib.ExitStack() as stack:  # each, whatever the others say
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self.names.stop)
            for peer in self.peers.values():
                stack.callback(peer.stop)
            stack.callback(self.instance.clean)


@pytest.fixture(scope="module")
def network():
    need_packages()
    own_network()


@pytest.fixture(scope="module")
def world(network):
    world = World()
    try:
        world.start()
        yield world
        world.instance.stop()
    finally:
        world.stop()


def submit(instance, to, word, account=None, notify=None):
    """A user's message; its bytes."""
    account = account or instance.alice
    data = message(to, account.user, word, body=BODY).encode()
    with submission(instance, account) as smtp:
        assert smtp.cmd(f"MAIL FROM:<{account.user}> BODY=8BITMIME") == 250
        assert smtp.cmd(f"RCPT TO:<{to}>" + (f" NOTIFY={notify}" if notify else "")) == 250
        assert smtp.data(data, end=b".\r\n") == 250
    return data


def check_same(came, sent):
    """What came is what was sent, with fields of hosts on its way in front, and no others."""
    came = came if b"\r\n" in came else came.replace(b"\n", b"\r\n")
    assert came.endswith(sent), (came, sent)
    front = email.message_from_bytes(came[:-len(sent)] + b"\r\n")
    assert {name.lower() for name in front.keys()} <= ADDED, front.keys()
    return front


def outcomes(instance, recipient):
    return [row["outcome"] for row in instance.log_rows("carry.recipient") if row.get("recipient") == recipient]


def reports(instance, recipient):
    """(Action, Reporting-MTA) of reports to alice about a recipient."""
    found = []
    for data in mails(instance, instance.alice).values():
        for part in email.message_from_bytes(data).walk():
            if part.get_content_type() == "message/delivery-status":
                whole, *each = part.get_payload()
                found += [(row["Action"], whole["Reporting-MTA"].split(";")[1].strip()) for row in each
                          if recipient in str(row.get("Final-Recipient"))]
    return found


# ---- to them ----

@pytest.mark.parametrize("kind", KINDS)
def test_by_mx_and_tls(world, kind):
    peer, word = world.peers[kind], token()
    sent = submit(world.instance, f"u1@{peer.domain}", word)
    front = check_same(peer.wait_for("u1", word, SECONDS), sent)
    assert front["Return-Path"] == f"<{world.instance.alice.user}>"
    theirs, ours = front.get_all("Received")
    assert "with esmtps" in theirs.lower() and "mx.example.test" in theirs and "by mx.example.test" in ours
    row, = [row for row in world.instance.log_rows("carry.recipient") if row["recipient"] == f"u1@{peer.domain}"]
    assert (row["outcome"], row["host"]) == ("delivered", f"mx.{peer.domain}"), row


def test_by_lmtp(world):
    peer, word = world.peers["dovecot"], token()
    sent = submit(world.instance, f"u1@{peer.domain}", word)
    front = check_same(peer.wait_for("u1", word, SECONDS), sent)
    assert "with LMTP" in front.get_all("Received")[0]


@pytest.fixture(scope="module")
def refused(world):
    """kind -> (recipient, word, message): what each peer refused for now; then it takes it."""
    sent = {}
    for kind in KINDS:
        to, word = f"u9@{world.peers[kind].domain}", token()
        sent[kind] = to, word, submit(world.instance, to, word)
    for kind, (to, _, _) in sent.items():
        assert wait(lambda to=to: outcomes(world.instance, to), SECONDS) == ["deferred"]
        row, = [row for row in world.instance.rows("queue", "list") if row["recipient"] == to]
        assert "come later" in row["why"], row
        world.peers[kind].takes_later()
    return sent


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_for_now_comes_once(world, refused, kind):
    peer, (to, word, sent) = world.peers[kind], refused[kind]
    check_same(peer.wait_for("u9", word, SECONDS), sent)
    assert wait(lambda: outcomes(world.instance, to)[-1] == "delivered", SECONDS), outcomes(world.instance, to)
    assert not [row for row in world.instance.rows("queue", "list") if row["recipient"] == to]
    assert len(peer.mails("u9", word)) == 1


# ---- reports ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_success(world, kind):
    """Postfix has DSN and reports the delivery; Exim has not, and we say that it took the message."""
    peer, word = world.peers[kind], token()
    to = f"u3@{peer.domain}"
    submit(world.instance, to, word, notify="SUCCESS,FAILURE")
    peer.wait_for("u3", word, SECONDS)
    want = {"postfix": ("delivered", f"mail.{peer.domain}"), "exim": ("relayed", "mx.example.test")}[kind]
    assert wait(lambda: reports(world.instance, to), SECONDS, 0.1) == [want], peer.log()[-3000:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_failure(world, kind):
    """Postfix refuses the recipient and we report; Exim takes the message and sends a bounce of its own."""
    peer = world.peers[kind]
    to = f"nobody@{peer.domain}"
    submit(world.instance, to, token())
    want = {"postfix": ("failed", "mx.example.test"), "exim": ("failed", f"mail.{peer.domain}")}[kind]
    assert wait(lambda: reports(world.instance, to), SECONDS, 0.1) == [want], peer.log()[-3000:]


# ---- from them ----

@pytest.mark.parametrize("kind", KINDS)
def test_from_a_peer(world, kind):
    peer, word, alice = world.peers[kind], token(), world.instance.alice
    sent = message(alice.user, f"u1@{peer.domain}", word, body=BODY).encode()
    with Smtp(world.instance, 25, host=peer.address) as smtp:
        smtp.ehlo()
        smtp.envelope(f"u1@{peer.domain}", alice.user, params=" BODY=8BITMIME")
        assert smtp.data(sent, end=b".\r\n") == 250
    came = find(world.instance, alice, word, seconds=SECONDS)
    front = check_same(came, sent)
    ours, theirs = front.get_all("Received")
    assert f"mail.{peer.domain}" in ours and "with ESMTPS" in ours and "TLSv1.3" in ours, ours
    assert f"mail.{peer.domain}" in theirs
    assert front["Return-Path"] == f"<u1@{peer.domain}>"


# ---- letterlock to letterlock ----

def rename(instance, hostname, rules=""):
    text = instance.config.read_text().replace("hostname mx.example.test", f"hostname {hostname}")
    instance.config.write_text(rules + text)
    instance.reload()


@pytest.fixture(scope="module")
def row(network, tmp_path_factory):
    """Three in a row: the second is the smart host of the first and sends on to the third."""
    first, second, third = instances = [Instance(users=2) for _ in range(3)]
    try:
        for instance in instances:
            instance.start()
        secret = tmp_path_factory.mktemp("row") / "password"
        secret.write_text(second.alice.password + "\n")
        friends = []
        for instance, domain in ((second, "two.example"), (third, "three.example")):
            instance.ll("domain", "add", domain)
            friends.append((instance, instance.new_account(f"friend@{domain}", "a-long-password-1")))
        for instance in (first, second):
            instance.set_option("outgoing", "reach", "127.0.0.0/8")
        for instance, domain, to in ((first, "one", "two"), (second, "two", "one")):
            instance.ll("domain", "add", f"{domain}.ring.example")
            instance.ll("alias", "add", f"round@{domain}.ring.example", f"round@{to}.ring.example")
        first.set_option("outgoing", "authorities", f'"{second.ca}"')
        rename(first, "mx1.example.test",
               f"destination ring {{ domain two.ring.example; host 127.0.0.1; port {second.ports['smtp']}; }}\n"
               f"destination smart {{ domain *; host 127.0.0.1; port {second.ports['submission']}; tls verify; "
               f"name mx.example.test; login {second.alice.user}; password file:{secret}; }}\n")
        rename(second, "mx2.example.test",
               f"destination ring {{ domain one.ring.example; host 127.0.0.1; port {first.ports['smtp']}; }}\n"
               f"destination last {{ domain three.example; host 127.0.0.1; port {third.ports['smtp']}; "
               "tls encrypt; }\n")
        rename(third, "mx3.example.test")
        yield instances, friends
        for instance in instances:
            instance.stop()
    finally:
        for instance in instances:
            instance.clean()


@pytest.mark.parametrize("hosts", [2, 3])
def test_instances_in_a_row(row, hosts):
    (first, *_), friends = row
    last, friend = friends[hosts - 2]
    word = token()
    sent = submit(first, friend.user, word)
    came = find(last, friend, word, seconds=SECONDS)
    check_same(came, sent)
    fields = values(came, "Received")
    assert len(fields) == hosts
    for number, field in zip(range(hosts, 0, -1), fields):
        assert f"by mx{number}.example.test" in field, fields
        # A login at the first host and at the second, none at the third; TLS everywhere.
        assert ("with ESMTPSA" if number < 3 else "with ESMTPS\t") in field and "TLSv1.3" in field, field
    assert wait(lambda: outcomes(first, friend.user), SECONDS) == ["delivered"]
    assert {line["mechanism"] for line in first.log_rows("carry.login")} == {"SCRAM-SHA-256-PLUS"}


def test_aliases_of_two_instances_in_a_ring(row):
    """It ends after 50 Received fields, once, and the log says so; at most one report tells of it."""
    (first, second, _), _ = row
    submit(first, "round@one.ring.example", token())

    def ends():
        return [line for instance in (first, second) for line in instance.log_rows("carry.recipient")
                if ".ring.example" in line["recipient"] and line["outcome"] != "delivered"]
    assert wait(ends, SECONDS, 0.1)
    for instance in (first, second):
        assert wait(lambda instance=instance: not instance.rows("queue", "list"), SECONDS)
    end, = ends()
    assert (end["outcome"], end["status"]) == ("failed", "5.4.6"), end
    hops = outcomes(first, "round@two.ring.example") + outcomes(second, "round@one.ring.example")
    assert len(hops) <= 51, len(hops)
    assert len(reports(first, ".ring.example") + reports(second, ".ring.example")) <= 1
