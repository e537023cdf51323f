# SPDX-License-Identifier: Apache-2.0
"""Our TLS client against `openssl s_server`, over a socket.

The client is `interop_shake` (its head says what it takes); INTEROP_SHAKE names it
when it is not in the build folder.  It enforces what it expects.
"""
import hashlib
import os
import pathlib
import socket
import subprocess

import pytest

from kit.instance import wait
from nsd import free_port

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
SHAKE = pathlib.Path(os.environ.get('INTEROP_SHAKE', BUILD / 'test/interop/interop_shake')).resolve()
HOST = 'mx.example.test'
KEYS = {'rsa': ('rsa:2048',), 'p256': ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256'), 'ed25519': ('ed25519',)}


def openssl(*args, **more):
    return subprocess.run(['openssl', *map(str, args)], check=True, capture_output=True, **more).stdout


class Certificates:
    """A CA and a certificate of each kind of key."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / 'ca.pem'
        openssl('req', '-x509', '-newkey', *KEYS['p256'], '-nodes', '-keyout', folder / 'ca.key', '-out', self.ca,
                '-days', 2, '-subj', '/CN=CA')
        for kind, key in KEYS.items():
            openssl('req', '-x509', '-newkey', *key, '-nodes', '-keyout', folder / f'{kind}.key',
                    '-out', folder / f'{kind}.pem', '-days', 2, '-subj', f'/CN={kind}', '-CA', self.ca,
                    '-CAkey', folder / 'ca.key', '-addext', f'subjectAltName=DNS:{HOST}')

    def tlsa(self, kind, full=False):
        """What a record 3 0 1 (or 3 1 1) has for it."""
        command = ['-outform', 'DER'] if full else ['-pubkey', '-noout']
        out = openssl('x509', '-in', self.folder / f'{kind}.pem', *command)
        der = out if full else openssl('pkey', '-pubin', '-outform', 'DER', input=out)
        return hashlib.sha256(der).hexdigest()


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp('certificates'))


class Server:
    """s_server, which sends each line back turned around."""

    def __init__(self, certificates, kind, *more):
        self.port = free_port()
        self.process = subprocess.Popen(
            ['openssl', 's_server', '-accept', f'127.0.0.1:{self.port}', '-rev', '-quiet',
             '-cert', certificates.folder / f'{kind}.pem', '-key', certificates.folder / f'{kind}.key', *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        wait(self.listens, 10)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def shake(self, *expected, name=HOST):
        done = subprocess.run([SHAKE, str(self.port), name, *map(str, expected)], capture_output=True, text=True,
                              timeout=30, check=True)
        first, why = done.stdout.split('\n')[:2]
        return first.split(', '), why


@pytest.mark.parametrize('kind', KEYS)
@pytest.mark.parametrize('version', ['2', '3'])
def test_kinds_and_versions(certificates, kind, version):
    with Server(certificates, kind, f'-tls1_{version}') as server:
        assert server.shake(certificates.ca) == (['good', f'TLSv1.{version}', 'X25519', 'an authority', 'talked'], '')
        key, whole = certificates.tlsa(kind), certificates.tlsa(kind, full=True)
        assert server.shake('tlsa', 3, 1, 1, key)[0][3:] == [f'TLSA 3 1 1 {key}', 'talked']
        assert server.shake('tlsa', 3, 0, 1, whole, name='other.test')[0][3:] == [f'TLSA 3 0 1 {whole}', 'talked']
        assert server.shake('-')[0][0] == 'good'


def test_what_is_wrong_is_said(certificates):
    with Server(certificates, 'p256') as server:
        answer, why = server.shake(certificates.ca, name='other.test')
        assert answer[0] == 'name' and why.endswith(f'expected other.test, seen {HOST}')
        answer, why = server.shake('tlsa', 3, 1, 1, '00' * 32)
        assert answer[0] == 'tlsa-mismatch' and certificates.tlsa('p256') in why
        answer, why = server.shake(certificates.folder / 'rsa.pem')
        assert answer[0] == 'untrusted' and 'issued by "CN=CA"' in why
        assert server.shake(certificates.ca)[0][0] == 'good'  # none of it hurt the server


@pytest.mark.parametrize('more', [['-groups', 'P-384'], ['-num_tickets', '5'], ['-num_tickets', '0'],
                                  ['-verify', '1'], ['-tls1_2', '-cipher', 'AES128-SHA'],
                                  ['-tls1_2', '-no_etm'], ['-tls1_2', '-cipher', 'kDHE', '-legacy_renegotiation']])
def test_ways_of_servers(certificates, more):
    with Server(certificates, 'rsa', *more) as server:
        answer, why = server.shake(certificates.ca)
        assert (answer[0], answer[4], why) == ('good', 'talked', '')


def test_old_server(certificates):
    with Server(certificates, 'rsa', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0') as server:
        answer, why = server.shake('-')
        assert answer[0] == 'handshake' and 'protocol version' in why


def test_a_server_that_wants_a_certificate(certificates):
    with Server(certificates, 'rsa', '-Verify', '1') as server:
        answer, why = server.shake('-')
        # In TLS 1.3 it says so when our side is done.
        assert answer[0] == 'good' and answer[4] == 'cannot read'
        assert 'alert 116 (certificate required)' in why
