# SPDX-License-Identifier: Apache-2.0
"""`letterlock dns show` and `dns check` against a real name server (nsd), G10-G12, G17, O17, O20.

What `show` prints is pasted into a signed zone: then `check` finds nothing.  Then the zone
is broken in one way after another, and each is named.  TTLs are a second, so that the
resolver of the running server sees each zone.
"""
import json
import re
import subprocess
import time

import pytest

from kit.instance import PROGRAM, Instance, wait
from nsd import HEAD, Served, ask_server, make_key, nsd_conf, served, sign

ZONE, HOST, OLD = "letterlock.example", "mx.letterlock.example", "mx.example.test"
REVERSE = "0.18.198.in-addr.arpa"
V4 = "198.18.0.25"


class Own(Served):
    """The forward zone is signed, the reverse one is not."""

    def __init__(self, folder):
        super().__init__(folder)
        self.key, self.serial = make_key(folder, ZONE), 1
        self.anchor = sign(folder, ZONE, HEAD, self.key)
        (folder / "anchors").write_text(self.anchor)
        (folder / "reverse").write_text(HEAD.format(zone=REVERSE).replace("ns IN A 127.0.0.1\n", ""))
        nsd_conf(folder, self.port, [(ZONE, f"{ZONE}.signed"), (REVERSE, "reverse")])

    def publish(self, lines, after=None):
        """Lines of a zone file, PTR records into the zone that they belong to."""
        self.serial += 1
        head = HEAD.replace("hostmaster 1 3600 600 86400 60", f"hostmaster {self.serial} 3600 600 86400 1")
        head = head.replace("$TTL 300", "$TTL 1")
        ptr = [line for line in lines if " IN PTR " in line]
        text = "\n".join(line for line in lines if line not in ptr)
        (self.folder / "reverse").write_text(
            head.format(zone=REVERSE).replace("ns IN A 127.0.0.1\n", "") + "\n".join(ptr) + "\n")
        sign(self.folder, ZONE, head.replace("{zone}", ZONE) + text + "\n", self.key)
        if after:
            signed = self.folder / f"{ZONE}.signed"
            signed.write_text(after(signed.read_text()))
        self.again()
        serial = self.serial.to_bytes(4, "big")
        for zone in (ZONE, REVERSE):
            assert wait(lambda zone=zone: serial in (ask_server(self.port, zone) or b""), 10, 0.05)
        time.sleep(1.2)  # what was kept is forgotten


def openssl(*words, cwd):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True)


def certificate(folder, name):
    """For the host, by an authority whose name for CAA records is known."""
    subject = "/O=Let's Encrypt/CN=of this test"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", subject, "-days", "9", cwd=folder)
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=x", cwd=folder)
    (folder / "leaf.ext").write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "9", "-extfile", "leaf.ext", "-out", "leaf.pem", cwd=folder)
    return (folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text()


@pytest.fixture(scope="module")
def zones():
    with served(Own) as zones:
        yield zones


@pytest.fixture(scope="module")
def own(zones):
    instance = Instance(users=2)
    try:
        instance.start()
        instance.stop()
        instance.config.write_text(instance.config.read_text().replace(OLD, HOST))
        for option, value in (("lookups", "on"), ("resolvers", f"127.0.0.1:{zones.port}"),
                              ("trust-anchor", f'"{zones.folder}/anchors"'), ("addresses", V4)):
            instance.set_option("dns", option, value)
        keys = instance.dir / "keys"
        (keys / "ecdsa.pem").write_text(certificate(zones.folder, HOST))
        (keys / "ecdsa.key").write_bytes((zones.folder / "leaf.key").read_bytes())
        instance.file.unlink()
        instance.start()
        instance.ll("domain", "add", ZONE)
        yield instance
        instance.stop()
    finally:
        instance.clean()


def shown(own):
    """The zone file, as it would be pasted."""
    text = own.ll("dns", "show", ZONE).stdout
    assert "DKIM: nothing signs mail yet" in text
    return text.replace(" 3600 IN ", " 1 IN ").splitlines()


def check(own, *words, code=0):
    return own.rows("dns", "check", ZONE, *words, code=code)


@pytest.fixture
def right(own, zones):
    lines = shown(own)
    zones.publish(lines)
    return lines


def test_a_right_zone_has_no_findings(own, right):
    assert check(own) == []
    assert "every record is as it should be" in own.ll("dns", "check", ZONE).stdout
    rows = check(own, "--all")
    assert {row["level"] for row in rows} == {"right"}
    kinds = {(row["name"], row["type"]) for row in rows}
    for kind in ((ZONE, "MX"), (ZONE, "TXT"), (HOST, "A"), (f"_25._tcp.{HOST}", "TLSA"),
                 (f"25.{REVERSE}", "PTR"), (f"_dmarc.{ZONE}", "TXT"), (f"_mta-sts.{ZONE}", "TXT"),
                 (f"_smtp._tls.{ZONE}", "TXT"), (f"_imaps._tcp.{ZONE}", "SRV"), (HOST, "CAA"),
                 (HOST, "certificate")):
        assert kind in kinds, kind


def test_the_record_names_the_key_that_is_shown(own, zones):
    """TLSA 3 1 1: the SHA-256 of the public key, as openssl computes it."""
    done = subprocess.run("openssl x509 -in leaf.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum",
                          shell=True, cwd=zones.folder, check=True, capture_output=True, text=True)
    digest = done.stdout.split()[0]
    tlsa = {row["data"] for row in own.rows("dns", "show", ZONE) if row["type"] == "TLSA"}
    assert tlsa == {f"3 1 1 {digest}"}


def without(pattern, *more):
    """The lines without those, and with others."""
    return lambda lines: [line for line in lines if not re.search(pattern, line)] + list(more)


HASH = "00" * 32
BROKEN = [
    # what becomes of the zone; what is found: owner, type, level, part of the sentence
    (without(r" MX | A |imaps", f"{ZONE}. 1 IN MX 10 old.example.", f"{HOST}. 1 IN A 198.18.0.26",
             f"_imaps._tcp.{ZONE}. 1 IN SRV 0 1 993 old.example."),
     [(ZONE, "MX", "wrong", "led to old.example."),
      (HOST, "A", "wrong", f"the address {V4} of this server is missing"),
      (HOST, "A", "wrong", "198.18.0.26 is no address of this server"),
      (f"_imaps._tcp.{ZONE}", "SRV", "wrong", "993 old.example.")]),
    (without(r" MX | PTR |_dmarc|_mta-sts|_smtp|CAA|v=spf1 mx",
             f"{HOST}. 1 IN CAA 0 issue \"other.example\"", f"{ZONE}. 1 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"",
             f"_mta-sts.{ZONE}. 1 IN TXT \"v=STSv1; id=a-b;\""),
     [(ZONE, "MX", "wrong", "no record"), (f"25.{REVERSE}", "PTR", "wrong", "no record"),
      (f"_dmarc.{ZONE}", "TXT", "wrong", "no record"), (f"_smtp._tls.{ZONE}", "TXT", "advice", "no record"),
      (f"_mta-sts.{ZONE}", "TXT", "wrong", "cannot be read"), (HOST, "CAA", "wrong", "may not issue"),
      (ZONE, "TXT", "wrong", f"not allow {V4}")]),
    (without(r" PTR |TLSA|CAA", f"25.{REVERSE}. 1 IN PTR host25.isp.example.",
             f"_25._tcp.{HOST}. 1 IN TLSA 3 1 1 {HASH}", f"{ZONE}. 1 IN CAA 0 issue \";\""),
     [(f"25.{REVERSE}", "PTR", "wrong", "the name in EHLO"),
      (f"_25._tcp.{HOST}", "TLSA", "wrong", "no record names a key"),
      (f"_25._tcp.{HOST}", "TLSA", "advice", "names no key"), (HOST, "CAA", "wrong", "may not issue")]),
    # G11: the MX target, which is the name in EHLO, is an alias.
    (lambda lines: without(f"^{HOST}\\. ")(lines) + [f"{HOST}. 1 IN CNAME real.{ZONE}.", f"real.{ZONE}. 1 IN A {V4}"],
     [(HOST, "A", "wrong", f"an alias of real.{ZONE}.")]),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_what_is_broken_is_named(own, zones, right, number):
    change, expected = BROKEN[number]
    zones.publish(change(right))
    rows = check(own, code=1)
    for owner, kind, level, what in expected:
        (found,) = [row for row in rows if (row["name"], row["type"]) == (owner, kind) and what in row["what"]]
        assert found["level"] == level and found["mend"], found
    named = {row["name"] for row in rows if row["level"] == "wrong"}
    assert named == {owner for owner, _, level, _ in expected if level == "wrong"}
    text = own.ll("dns", "check", ZONE, code=1)
    assert expected[0][3] in text.stdout and "-> " in text.stdout and " wrong" in text.stderr


def test_bogus_is_not_missing(own, zones, right):
    zones.publish(right, after=lambda text: text.replace(V4, "198.18.0.66"))
    rows = check(own, code=1)
    (found,) = [row for row in rows if (row["name"], row["type"]) == (HOST, "A")]
    assert found["level"] == "wrong" and "bogus" in found["what"] and found["found"] == []


def test_no_answer_is_not_missing(own, zones, right):
    """REFUSED: nsd has no such zone; a domain that nobody serves is not one without records."""
    own.ll("domain", "add", "unserved.example")
    try:
        rows = own.rows("dns", "check", "unserved.example", code=1)
        of_it = [row for row in rows if row["domain"] == "unserved.example"]
        assert of_it and {row["level"] for row in of_it} == {"unknown"}
    finally:
        own.ll("domain", "remove", "unserved.example")


def test_a_domain_that_is_not_ours(own):
    assert "does not exist" in own.ll("dns", "show", "other.example", code=1).stderr
    assert "does not exist" in own.ll("dns", "check", "other.example", code=1).stderr


def test_waiting_for_the_next_key(own, zones, right):
    """The change of keys: its record is seen for its TTL before the wait ends."""
    text = own.config.read_text()
    key = zones.folder / "next.key"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key, cwd=zones.folder)
    assert "no key is to follow" in own.ll("dns", "check", "--wait").stdout
    own.config.write_text(text.replace("certificate demo {", f'certificate demo {{ next-key "file:{key}";'))
    own.reload()
    try:
        lines = shown(own)
        assert len([x for x in lines if x.startswith(f"_25._tcp.{HOST}.")]) == 2
        (found,) = [row for row in check(own, code=1) if row["name"] == f"_25._tcp.{HOST}"]
        assert "do not switch" in found["what"]
        with subprocess.Popen([PROGRAM, "dns", "check", "--wait", "--config", own.config],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            assert "does not name its next key yet" in waiting.stderr.readline()
            assert waiting.poll() is None
            waiting.kill()
        seconds = 4
        zones.publish([line.replace(" 1 IN TLSA", f" {seconds} IN TLSA") for line in lines])
        begin = time.monotonic()
        done = own.ll("dns", "check", "--wait")
        assert time.monotonic() - begin >= seconds and "switch to them" in done.stdout
        assert check(own) == []
    finally:
        own.config.write_text(text)
        own.reload()


def test_a_reload_to_a_key_that_is_not_announced(own, zones, right):
    """DANE: what the record names is not what is shown any more, and the log says so at once."""
    text = own.config.read_text()
    pem, key = zones.folder / "sudden.pem", zones.folder / "sudden.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-out", pem, "-keyout", key,
            cwd=zones.folder)
    block = text[text.index("certificate demo {"):]
    block = block[:block.index("}") + 1]
    zones.publish(right)
    mark = len(own.log_rows("dane.key-not-announced"))
    own.reload()
    try:
        own.config.write_text(text.replace(block, f'certificate demo {{ chain "{pem}"; key "file:{key}"; }}'))
        own.set_option("tls", "allow-self-signed", "on")
        own.reload()
        (line,) = wait(lambda: own.log_rows("dane.key-not-announced")[mark:], 20, 0.2)
        assert line["level"] == "error" and line["name"] == f"_25._tcp.{HOST}" and line["mend"], line
        assert not own.log_rows("dane.key-not-announced")[:mark]
    finally:
        own.config.write_text(text)
        own.reload()


def test_it_is_told_at_the_start(own, zones, right):
    """A line for each difference; and the server is up long before."""
    zones.publish(without(" PTR ")(right))
    own.stop()
    own.file.unlink()
    own.start()
    assert wait(lambda: [row for row in own.log_rows("dns.difference") if row["type"] == "PTR"], 20, 0.2)
    (line,) = [row for row in own.log_rows("dns.difference") if row["type"] == "PTR"][-1:]
    assert line["level"] == "warning" and line["role"] == "edge-admin"
    assert "no record" in line["what"] and HOST in line["mend"]


def test_switched_off(own):
    own.stop()
    own.set_option("dns", "lookups", "off")
    own.file.unlink()
    own.start()
    assert "switched off" in own.ll("dns", "check", ZONE, code=4).stderr
    assert f"{ZONE}. 3600 IN MX 10 {HOST}." in own.ll("dns", "show", ZONE).stdout
    assert json.loads(own.ll("dns", "show", ZONE, "--json").stdout)
