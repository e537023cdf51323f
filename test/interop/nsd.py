# SPDX-License-Identifier: Apache-2.0
"""Signed zones in a real name server (nsd), on a port of its own.

A subclass of Served writes zones into its folder; `served` runs the server over them.
"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

PATH = os.environ.get("PATH", "") + ":/usr/sbin"
NEEDED = ("nsd", "ldns-keygen", "ldns-signzone")

HEAD = """$ORIGIN {zone}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""


def free_port():
    """For both protocols, and none that the system gives to others meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                    with socket.socket(family, kind) as s:
                        s.bind((host, port))
            return port
        except OSError:
            continue


def run(*args, cwd):
    done = subprocess.run(args, cwd=cwd, text=True, timeout=60, check=True,
                          env={**os.environ, "PATH": PATH}, capture_output=True)
    return done.stdout.strip()


def make_key(folder, zone):
    return run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone, cwd=folder)


def sign(folder, zone, text, key=None):
    """Write and sign a zone; the trust anchor as a line."""
    plain = folder / zone
    plain.write_text(text.format(zone=zone))
    key = key or make_key(folder, zone)
    run("ldns-signzone", "-n", plain.name, key, cwd=folder)
    return (folder / f"{key}.key").read_text()


def nsd_conf(folder, port, zones):
    lines = ["server:", f"  ip-address: 127.0.0.1@{port}",
             f"  ip-address: ::1@{port}",
             f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/nsd.pid"',
             f'  xfrdfile: "{folder}/xfrd"', f'  zonelistfile: "{folder}/list"',
             '  username: ""', '  chroot: ""', '  database: ""',
             "  server-count: 1", "remote-control:", "  control-enable: no"]
    for name, file in zones:
        lines += ["zone:", f"  name: {name}", f"  zonefile: {file}"]
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n")


def ask_server(port, name="", kind=6, wait=0.2):
    """The bytes of its answer; None when there is none.  kind: a number; 6 is SOA."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    query = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + bytes([0, 0, kind, 0, 1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        s.sendto(query, ("127.0.0.1", port))
        try:
            return s.recv(512)
        except OSError:
            return None


class Served:
    """The server's folder and port; a subclass writes the zones and nsd.conf into it."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.process = None

    def launch(self):
        self.process = subprocess.Popen(["nsd", "-d", "-c", str(self.folder / "nsd.conf")],
                                        env={**os.environ, "PATH": PATH},
                                        stderr=subprocess.PIPE, text=True)
        for _ in range(100):
            if ask_server(self.port) or self.process.poll() is not None:
                break
            time.sleep(0.05)
        assert self.process.poll() is None, self.process.stderr.read()

    def again(self):
        """It reads its zones again."""
        self.process.send_signal(signal.SIGHUP)

    def end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)


@contextlib.contextmanager
def served(kind):
    if any(shutil.which(p, path=PATH) is None for p in NEEDED):
        pytest.fail(f"the packages of {', '.join(NEEDED)} are missing: "
                    "apt-get install nsd ldnsutils")
    # The dialer reads the anchors with a user id of its own.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ll.zones."))
    folder.chmod(0o755)
    server = kind(folder)
    try:
        server.launch()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
