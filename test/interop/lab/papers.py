# SPDX-License-Identifier: Apache-2.0
"""Certificates of a lab: an authority that is known, one that is not, and what they sign."""
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Paper:
    """A certificate with its key and, behind it, its issuer's."""

    def __init__(self, names, issuer=None, authority=False, begin=-1, end=30,
                 servers=False):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        now = datetime.datetime.utcnow()
        maker = (x509.CertificateBuilder().subject_name(named(names[0][:60]))
                 .issuer_name(named(names[0][:60]) if issuer is None else issuer.certificate.subject)
                 .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                 .not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)
                 .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                 .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False))
        if issuer is not None:
            maker = maker.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        if servers:
            maker = maker.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if authority:
            maker = maker.add_extension(x509.KeyUsage(
                False, False, False, False, False, True, True, False, False), critical=True)
        else:
            maker = maker.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]),
                                        critical=False)
        self.certificate = maker.sign((issuer or self).key, hashes.SHA256())

    def chain(self):
        paper, text = self, b""
        while paper is not None:
            text += paper.certificate.public_bytes(PEM)
            paper = paper.issuer
        return text

    def write(self, folder, name):
        """Chain and key as files; their paths."""
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(self.chain())
        key.write_bytes(self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        key.chmod(0o600)
        return chain, key

    def spki(self):
        return self.key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def tlsa(self, usage, selector, matching):
        """The record's data as in a zone."""
        data = self.spki() if selector else self.certificate.public_bytes(DER)
        made = {0: lambda: data.hex(), 1: lambda: hashlib.sha256(data).hexdigest(),
                2: lambda: hashlib.sha512(data).hexdigest()}[matching]()
        return f"{usage} {selector} {matching} {made}"

    def fingerprint(self):
        return hashlib.sha256(self.spki()).hexdigest()


class Papers:
    def __init__(self):
        self.known = Paper(["Lab authority"], authority=True)
        self.unknown = Paper(["Other authority"], authority=True)

    def make(self, kind, host):
        """good, expired, early, self, wrong (of another name), unknown (authority),
        servers (for them alone)"""
        return {
            "good": lambda: Paper([host], self.known),
            "expired": lambda: Paper([host], self.known, begin=-20, end=-10),
            "early": lambda: Paper([host], self.known, begin=10, end=20),
            "servers": lambda: Paper([host], self.known, servers=True),
            "self": lambda: Paper([host]),
            "self-expired": lambda: Paper([host], begin=-20, end=-10),
            "wrong": lambda: Paper(["elsewhere.example"], self.known),
            "unknown": lambda: Paper([host], self.unknown),
            "unknown-wrong": lambda: Paper(["elsewhere.example"], self.unknown),
        }[kind]()
