# SPDX-License-Identifier: Apache-2.0
"""Servers of others as peers: Postfix, Exim and Dovecot of Debian's packages.

The scripts are those of test/bench (peer-*); here they are started in the lab's
network and their mailboxes read.  What is missing is never installed: the test
fails and says what to type.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kit.instance import BUILD, ROOT, wait
from lab.names import PATH

SCRIPTS = ROOT / "test" / "bench"
EXIM = BUILD / "peer-exim"  # unpacked, for the packages of servers conflict
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def need_packages(exim=True):
    """Before own_network: behind it no archive can be reached."""
    if os.geteuid() != 0:
        pytest.fail("these servers are started by root alone")
    lacking = subprocess.run([ROOT / "tool/packages", "missing", "--test"], capture_output=True, text=True)
    if lacking.returncode != 0:
        pytest.fail(f"packages are missing: tool/packages install --test\n{lacking.stdout}")
    if not exim:
        return
    words = [str(SCRIPTS / "peer-exim"), "fetch", str(EXIM)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150)
    if done.returncode != 0:
        shutil.rmtree(EXIM, ignore_errors=True)
        pytest.fail(f"Exim is missing: apt-get update && {' '.join(words)}\n{done.stderr[-2000:]}")


class Peer:
    """kind: postfix, exim, dovecot; folder: for all that it has; variables: of its script."""

    def __init__(self, kind, folder, domain, address, **variables):
        self.kind, self.folder, self.domain, self.address = kind, folder, domain, address
        self.variables = {"DOMAIN": domain, "ADDRESS": address, "USERS": 9, **variables}
        if kind == "exim":
            self.variables["PKG"] = EXIM
        self.shown = {}

    def script(self, *words):
        """Its output goes to files: a server that stays would hold a pipe open."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run([str(SCRIPTS / f"peer-{self.kind}"), *words], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=err, timeout=40, env={"PATH": PATH, "TMPDIR": str(self.folder)})
            for file in out, err:
                file.seek(0)
            assert done.returncode == 0, (self.kind, words, err.read()[-3000:])
            return out.read()

    def start(self):
        text = self.script("start", *[f"{key}={value}" for key, value in self.variables.items()])
        self.shown = dict(line.split("=", 1) for line in text.splitlines())

    def stop(self):
        """Also one whose start failed half way."""
        for path in self.folder.glob(f"peer-{self.kind}.*"):
            self.script("stop", str(path))

    def takes_later(self):
        """LATER=user is refused no more."""
        self.script("now", self.shown["DIR"])

    def fingerprint(self):
        paper = x509.load_pem_x509_certificate((pathlib.Path(self.shown["DIR"]) / "cert.pem").read_bytes())
        return hashlib.sha256(paper.public_key().public_bytes(DER, SPKI)).hexdigest()

    def maildir(self, user):
        if self.kind == "dovecot":
            return pathlib.Path(self.shown["HOMES"]) / f"{user}@{self.domain}" / "Maildir"
        return pathlib.Path(self.shown["MAILDIRS"]) / user / "Maildir"

    def mails(self, user, word):
        files = [path for folder in ("new", "cur") for path in self.maildir(user).glob(f"{folder}/*")]
        return [data for data in (path.read_bytes() for path in files) if word.encode() in data]

    def wait_for(self, user, word, seconds):
        """The one message that holds the word."""
        wait(lambda: self.mails(user, word), seconds, 0.05)
        found = self.mails(user, word)
        assert len(found) == 1, (self.kind, user, found, self.log()[-3000:])
        return found[0]

    def log(self):
        folder = pathlib.Path(self.shown["DIR"])
        files = [folder / "log", *sorted(folder.glob("logs/*log"))]
        return "".join(path.read_text(errors="replace") for path in files if path.exists())
