# SPDX-License-Identifier: Apache-2.0
"""The zones of a lab, in nsd on port 53 of an address of its own."""
import os
import re
import socket
import subprocess
import time

PATH = os.environ.get("PATH", "") + ":/usr/sbin"
SERVER = "127.0.0.53"
ZONES = ("plain.example", "signed.example")
HEAD = """$ORIGIN {zone}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A {server}
"""


def run(*args, cwd):
    return subprocess.run(args, cwd=cwd, text=True, timeout=60, check=True,
                          env={**os.environ, "PATH": PATH}, capture_output=True).stdout.strip()


class Names:
    """Gather records with add; then write and start."""

    def __init__(self, folder):
        self.folder, self.nsd = folder, None
        self.records = {zone: [] for zone in ZONES}
        self.forged, self.dead_zones = [], []

    def add(self, zone, owner, kind, data):
        self.records[zone].append(f"{owner}. IN {kind} {data}")

    def dead(self, zone, owner):
        """All below it is SERVFAIL: a zone whose file is not there."""
        self.add(zone, owner, "NS", f"ns.{zone}.")
        self.dead_zones.append(owner)

    def forge(self, owner, kind, old, new):
        """A record of a signed zone that is changed after signing."""
        self.forged.append((owner, kind, old, new))

    def write(self):
        for zone, rows in self.records.items():
            (self.folder / zone).write_text(
                HEAD.format(zone=zone, server=SERVER) + "\n".join(rows) + "\n")
        key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "signed.example", cwd=self.folder)
        run("ldns-signzone", "-n", "signed.example", key, cwd=self.folder)
        self.anchors = self.folder / "anchors"
        self.anchors.write_text((self.folder / f"{key}.key").read_text())
        signed = self.folder / "signed.example.signed"
        text = signed.read_text()
        for owner, kind, old, new in self.forged:
            text, count = re.subn(rf"(?im)^({re.escape(owner)}\.\s+\d+\s+IN\s+{kind}\s.*){re.escape(old)}",
                                  lambda m, new=new: m.group(1) + new, text)
            assert count == 1, (owner, kind, count)
        signed.write_text(text)

    def start(self):
        lines = ["server:", f"  ip-address: {SERVER}@53", f'  zonesdir: "{self.folder}"',
                 f'  pidfile: "{self.folder}/nsd.pid"', f'  xfrdfile: "{self.folder}/xfrd"',
                 f'  zonelistfile: "{self.folder}/list"', '  username: ""', '  chroot: ""',
                 '  database: ""', "  server-count: 1", "remote-control:", "  control-enable: no"]
        for zone, file in (("plain.example", "plain.example"), ("signed.example", "signed.example.signed")):
            lines += ["zone:", f"  name: {zone}", f"  zonefile: {file}"]
        for zone in self.dead_zones:
            lines += ["zone:", f"  name: {zone}", f"  zonefile: missing-{zone}"]
        (self.folder / "nsd.conf").write_text("\n".join(lines) + "\n")
        self.nsd = subprocess.Popen(["nsd", "-d", "-c", str(self.folder / "nsd.conf")],
                                    env={**os.environ, "PATH": PATH}, stderr=subprocess.PIPE, text=True)
        for _ in range(200):
            if self.answers() or self.nsd.poll() is not None:
                break
            time.sleep(0.05)
        assert self.nsd.poll() is None, self.nsd.stderr.read()

    @staticmethod
    def answers():
        query = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.sendto(query, (SERVER, 53))
                return len(s.recv(512)) > 0
            except OSError:
                return False

    def stop(self):
        if self.nsd is not None:
            self.nsd.terminate()
            self.nsd.wait(10)
