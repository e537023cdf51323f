# SPDX-License-Identifier: Apache-2.0
"""`letterlock dns query` against signed zones in a real name server (nsd).

The zones: letterlock.example is signed; insecure.letterlock.example below it is
not, and the parent proves that; in tampered.example one record was changed after
signing; nowhere.letterlock.example does not exist.

The instance is a demo whose configuration names that server, on a port of its own,
and the trust anchors; its dialer is confined as always.
"""

import socket
import time

import pytest

from kit.instance import Instance, wait
from nsd import HEAD, Served, nsd_conf, served, sign

SIGNED = HEAD + """
@ IN MX 10 mx
@ IN TXT "v=spf1 mx -all" "second; \\"half\\""
mx IN A 192.0.2.25
mx IN AAAA 2001:db8::25
_25._tcp.mx IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
www IN CNAME mx
@ IN CAA 0 issue "ca.example"
_submission._tcp IN SRV 0 1 587 mx
insecure IN NS ns.insecure
ns.insecure IN A 127.0.0.1
"""

INSECURE = HEAD + """
mx IN A 192.0.2.26
"""


class Zones(Served):
    """The server's port, and the file with the anchors of its zones."""

    def __init__(self, folder):
        super().__init__(folder)
        text = sign(folder, "letterlock.example", SIGNED)
        text += sign(folder, "tampered.example", SIGNED)
        wrong = folder / "tampered.example.signed"
        assert "192.0.2.25" in wrong.read_text()
        wrong.write_text(wrong.read_text().replace("192.0.2.25", "192.0.2.66"))
        (folder / "insecure").write_text(INSECURE.format(zone="insecure.letterlock.example"))
        self.anchors = self.anchor_file("anchors", "; anchors of the test\n" + text)
        nsd_conf(folder, self.port, [
            ("letterlock.example", "letterlock.example.signed"),
            ("tampered.example", "tampered.example.signed"),
            ("insecure.letterlock.example", "insecure")])

    def anchor_file(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name


@pytest.fixture(scope="module")
def zones():
    with served(Zones) as zones:
        yield zones


def configure(instance, **options):
    """dns options, by a restart: a running dialer keeps its resolver."""
    instance.stop()
    for option, value in options.items():
        instance.set_option("dns", option.replace("_", "-"), value)
    instance.file.unlink(missing_ok=True)
    return instance


@pytest.fixture(scope="module")
def asked(zones):
    instance = Instance(users=2)
    try:
        configure(instance.start(), lookups="on", resolvers=f"127.0.0.1:{zones.port}",
                  trust_anchor=f'"{zones.anchors}"').start()
        yield instance
        instance.stop()
    finally:
        instance.clean()


@pytest.fixture(scope="module")
def stopped(zones):
    instance = Instance(users=2)
    try:
        yield configure(instance.start(), lookups="on", resolvers=f"127.0.0.1:{zones.port}",
                        trust_anchor=f'"{zones.anchors}"')
    finally:
        instance.clean()


@pytest.fixture
def other(stopped):
    """An instance that is not started: it is to be configured first."""
    text = stopped.config.read_text()
    yield stopped
    if stopped.process.poll() is None:
        stopped.stop()
    stopped.config.write_text(text)
    stopped.file.unlink(missing_ok=True)


def query(instance, name, kind, code=0):
    """The answer as --json has it."""
    (row,) = instance.rows("dns", "query", name, kind, code=code)
    assert (row["name"], row["type"]) == (name, kind)
    return row


def data(row, kind):
    """The data of the records of one type."""
    return sorted(r.split(f" IN {kind} ", 1)[1] for r in row["records"]
                  if f" IN {kind} " in r)


NXDOMAIN = 3


@pytest.mark.parametrize("name, kind, expected", [
    ("mx.letterlock.example", "A", ["192.0.2.25"]),
    ("mx.letterlock.example", "AAAA", ["2001:db8::25"]),
    ("letterlock.example", "MX", ["10 mx.letterlock.example."]),
    ("letterlock.example", "TXT", ['"v=spf1 mx -all" "second; \\"half\\""']),
    ("letterlock.example", "CAA", ['0 issue "ca.example"']),
    ("letterlock.example", "NS", ["ns.letterlock.example."]),
    ("_25._tcp.mx.letterlock.example", "TLSA", ["3 1 1 " + "0123456789abcdef" * 4]),
    ("_submission._tcp.letterlock.example", "SRV",
     ["0 1 587 mx.letterlock.example."]),
    ("www.letterlock.example", "A", ["192.0.2.25"]),
])
def test_secure(asked, name, kind, expected):
    row = query(asked, name, kind)
    assert (row["verdict"], row["rcode"]) == ("secure", 0)
    assert data(row, kind) == expected
    assert 0 < row["ttl"] <= 300


def test_the_text_says_the_verdict(asked):
    """For people, without --json."""
    secure = asked.ll("dns", "query", "mx.letterlock.example", "A")
    assert "secure" in secure.stdout and "insecure" not in secure.stdout
    assert "192.0.2.25" in secure.stdout
    assert "insecure" in asked.ll("dns", "query", "mx.insecure.letterlock.example", "A").stdout
    bogus = asked.ll("dns", "query", "mx.tampered.example", "A", code=1)
    assert "bogus" in bogus.stdout and "bogus: " in bogus.stderr
    assert "192.0.2.66" not in bogus.all


def test_absence_is_proven(asked):
    nothing = query(asked, "nowhere.letterlock.example", "A", code=1)
    assert (nothing["verdict"], nothing["rcode"], nothing["records"]) == ("secure", NXDOMAIN, [])
    no_type = query(asked, "mx.letterlock.example", "TXT", code=1)
    assert (no_type["verdict"], no_type["rcode"], no_type["records"]) == ("secure", 0, [])


def test_changed_after_signing_is_bogus(asked):
    changed = query(asked, "mx.tampered.example", "A", code=1)
    assert changed["verdict"] == "bogus" and changed["why"]
    assert "192.0.2.66" not in str(changed)
    assert query(asked, "mx.tampered.example", "AAAA")["verdict"] == "secure"


def test_unsigned_below_signed_is_insecure(asked):
    row = query(asked, "mx.insecure.letterlock.example", "A")
    assert (row["verdict"], row["rcode"]) == ("insecure", 0)
    assert data(row, "A") == ["192.0.2.26"]


def test_no_answer_is_no_verdict(asked):
    assert query(asked, "elsewhere.invalid-zone.example", "A", code=1)["verdict"] == "failed"


def test_the_dialer_counts(asked):
    """What status says of it."""
    def detail():
        (status,) = asked.rows("status")
        return next(row for row in status["roles"] if row["role"] == "dialer")["detail"]
    before = detail()
    query(asked, "mx.letterlock.example", "A")
    query(asked, "mx.tampered.example", "A", code=1)
    query(asked, "mx.insecure.letterlock.example", "A")
    after = detail()
    for verdict in ("secure", "bogus", "insecure"):
        assert after[verdict] == before[verdict] + 1, verdict


@pytest.mark.parametrize("form", ["[::1]:{port}", "127.0.0.1:1 127.0.0.1:{port}"])
def test_other_forms_of_an_address(other, zones, form):
    """IPv6; and of two resolvers one that nobody listens on."""
    other.set_option("dns", "resolvers", form.format(port=zones.port))
    other.start()
    assert query(other, "mx.letterlock.example", "A")["verdict"] == "secure"
    assert query(other, "mx.tampered.example", "A", code=1)["verdict"] == "bogus"
    shown = other.ll("config", "show", "--effective").stdout
    assert f"resolvers {form.format(port=zones.port)};" in shown


def test_the_port_is_the_one_that_is_asked(other, zones):
    """On another port nobody answers; a resolver that is silent costs the timeout and no more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(5)
        other.set_option("dns", "resolvers", f"127.0.0.1:{silent.getsockname()[1]}")
        other.set_option("dns", "timeout", "2s")
        other.start()
        begin = time.monotonic()
        row = query(other, "mx.letterlock.example", "A", code=1)
        assert row["verdict"] in ("timeout", "failed") and row["records"] == []
        assert silent.recv(2000)
        assert time.monotonic() - begin < 15


def test_a_wrong_anchor_is_bogus(other, zones):
    """The other zone's key in place of its own."""
    text = zones.anchors.read_text()
    swapped = text.replace("letterlock.example.", "X.").replace(
        "tampered.example.", "letterlock.example.")
    wrong = zones.anchor_file("wrong", "\n".join(
        line for line in swapped.splitlines() if not line.startswith("X.")) + "\n")
    other.set_option("dns", "trust-anchor", f'"{wrong}"')
    other.start()
    assert query(other, "mx.letterlock.example", "A", code=1)["verdict"] == "bogus"


def test_a_bad_anchor_is_refused(other, zones):
    bad = zones.anchor_file("bad", "letterlock.example. IN DS nonsense\n")
    other.set_option("dns", "trust-anchor", f'"{bad}"')
    other.launch()
    assert wait(lambda: other.process.poll() is not None, 10)
    assert other.process.returncode != 0
    assert "trust anchor" in other.errors()
