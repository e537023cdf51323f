# SPDX-License-Identifier: Apache-2.0
"""The dialer's resolver against a signed zone in a real name server (nsd).

The zones: letterlock.example is signed; insecure.letterlock.example below it is
not, and the parent proves that; in tampered.example one record was changed after
signing; nowhere.letterlock.example does not exist.

DNS_ASK names the program dns_ask; DNS_ASK_FLAGS adds to its command line.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

ASK = os.environ.get("DNS_ASK", "build/test/interop/dns_ask")
FLAGS = os.environ.get("DNS_ASK_FLAGS", "").split()
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
NEEDED = ("nsd", "ldns-keygen", "ldns-signzone")

HEAD = """$ORIGIN {zone}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""

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


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*args, cwd):
    done = subprocess.run(args, cwd=cwd, text=True, timeout=60, check=True,
                          env={**os.environ, "PATH": PATH}, capture_output=True)
    return done.stdout.strip()


def sign(folder, zone, text):
    """Write and sign a zone; the trust anchor as a line."""
    plain = folder / zone
    plain.write_text(text.format(zone=zone))
    key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone, cwd=folder)
    run("ldns-signzone", "-n", plain.name, key, cwd=folder)
    return (folder / f"{key}.key").read_text()


def nsd_conf(folder, port, zones):
    lines = ["server:", f"  ip-address: 127.0.0.1@{port}", "  do-ip6: no",
             f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/nsd.pid"',
             f'  xfrdfile: "{folder}/xfrd"', f'  zonelistfile: "{folder}/list"',
             '  username: ""', '  chroot: ""', '  database: ""',
             "  server-count: 1", "remote-control:", "  control-enable: no"]
    for name, file in zones:
        lines += ["zone:", f"  name: {name}", f"  zonefile: {file}"]
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n")


def answers(port):
    """Does somebody answer a question for the root's SOA?"""
    query = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.sendto(query, ("127.0.0.1", port))
        try:
            return len(s.recv(512)) > 0
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if any(shutil.which(p, path=PATH) is None for p in NEEDED):
        pytest.fail(f"the packages of {', '.join(NEEDED)} are missing: "
                    "apt-get install nsd ldnsutils")
    folder = tmp_path_factory.mktemp("zones")
    port = free_port()
    anchors = sign(folder, "letterlock.example", SIGNED)
    anchors += sign(folder, "tampered.example", SIGNED)
    wrong = folder / "tampered.example.signed"
    text = wrong.read_text()
    assert "192.0.2.25" in text
    wrong.write_text(text.replace("192.0.2.25", "192.0.2.66"))
    (folder / "insecure").write_text(
        INSECURE.format(zone="insecure.letterlock.example"))
    (folder / "anchors").write_text("; anchors of the test\n" + anchors)
    nsd_conf(folder, port, [
        ("letterlock.example", "letterlock.example.signed"),
        ("tampered.example", "tampered.example.signed"),
        ("insecure.letterlock.example", "insecure")])
    nsd = subprocess.Popen(["nsd", "-d", "-c", str(folder / "nsd.conf")],
                           env={**os.environ, "PATH": PATH},
                           stderr=subprocess.PIPE, text=True)
    for _ in range(100):
        if answers(port) or nsd.poll() is not None:
            break
        time.sleep(0.05)
    assert nsd.poll() is None, nsd.stderr.read()
    yield f"127.0.0.1@{port}", folder / "anchors"
    nsd.terminate()
    nsd.wait(10)


def ask(server, *questions):
    upstream, anchors = server
    done = subprocess.run([ASK, *FLAGS, upstream, str(anchors), *questions],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    found = []
    for line in done.stdout.rstrip().splitlines():
        if line.startswith("  "):
            found[-1][2].append(line.strip())
        else:
            verdict, rcode, *_ = line.split(" ", 2)
            found.append((verdict, rcode, []))
    return found


def data(answer, kind):
    """The data of the records of one type."""
    return sorted(r.split(f" IN {kind} ", 1)[1] for r in answer[2]
                  if f" IN {kind} " in r)


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
def test_secure(server, name, kind, expected):
    (answer,) = ask(server, name, kind)
    assert answer[:2] == ("secure", "NOERROR")
    assert data(answer, kind) == expected


def test_absence_is_proven(server):
    nothing, no_type = ask(server, "nowhere.letterlock.example", "A",
                           "mx.letterlock.example", "TXT")
    assert nothing == ("secure", "NXDOMAIN", [])
    assert no_type == ("secure", "NOERROR", [])


def test_changed_after_signing_is_bogus(server):
    changed, kept = ask(server, "mx.tampered.example", "A",
                        "mx.tampered.example", "AAAA")
    assert changed[0] == "bogus"
    assert kept[0] == "secure"


def test_unsigned_below_signed_is_insecure(server):
    (answer,) = ask(server, "mx.insecure.letterlock.example", "A")
    assert answer[:2] == ("insecure", "NOERROR")
    assert data(answer, "A") == ["192.0.2.26"]


def test_no_answer_is_no_verdict(server):
    (answer,) = ask(server, "elsewhere.invalid-zone.example", "A")
    assert answer[0] == "failed"


def test_wrong_anchor_is_bogus(server, tmp_path):
    upstream, anchors = server
    text = pathlib.Path(anchors).read_text()
    swapped = text.replace("letterlock.example.", "X.").replace(
        "tampered.example.", "letterlock.example.")
    other = tmp_path / "anchors"
    other.write_text("\n".join(line for line in swapped.splitlines()
                               if not line.startswith("X.")) + "\n")
    (answer,) = ask((upstream, other), "mx.letterlock.example", "A")
    assert answer[0] == "bogus"


def test_bad_anchor_is_refused(server, tmp_path):
    other = tmp_path / "anchors"
    other.write_text("letterlock.example. IN DS nonsense\n")
    done = subprocess.run([ASK, server[0], str(other), "x", "A"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "trust anchor" in done.stdout
