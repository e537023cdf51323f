# SPDX-License-Identifier: Apache-2.0
"""MTA-STS and reports on TLS with a whole server: nsd has the records, policies come by
HTTPS from a web server with certificates of an authority of the test's own, mail goes to
a server of somebody else.

HTTPS is port 443: the test is skipped for who may not listen there.
"""
import collections
import socket
import ssl
import subprocess
import threading

import pytest

from kit.instance import Instance, wait
from kit.mail import message, token
from kit.sink import Sink, make_key
from kit.wire import submission
from nsd import HEAD, Served, nsd_conf, served, sign

WEB, MX = '127.0.0.43', '127.0.0.44'
NAMES = ['good', 'wrong', 'testing', 'stranger']
SECONDS = 30


def zone():
    lines = []
    for name in NAMES:
        lines += [f'{name} IN MX 10 mx.{name}', f'mx.{name} IN A {MX}', f'mta-sts.{name} IN A {WEB}',
                  f'_mta-sts.{name} IN TXT "v=STSv1; id=1"',
                  f'_smtp._tls.{name} IN TXT "v=TLSRPTv1; rua=mailto:tls@{name}.sts.example"']
    return HEAD + '\n'.join(lines) + '\n'


class Zone(Served):
    def __init__(self, folder):
        super().__init__(folder)
        (folder / 'anchors').write_text(sign(folder, 'sts.example', zone()))
        nsd_conf(folder, self.port, [('sts.example', 'sts.example.signed')])


class Web:
    """The web servers of all names; which one is asked is told by SNI."""

    def __init__(self, certificates):
        self.contexts, self.asked, self.policies = {}, collections.Counter(), {}
        for name, pair in certificates.items():
            self.contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.contexts[name].load_cert_chain(*map(str, pair))
        self.listener = socket.create_server((WEB, 443), backlog=20)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, raw):
        first = next(iter(self.contexts.values()))

        def choose(sock, name, _):
            sock.context, sock.sni = self.contexts[name], name

        first.sni_callback = choose
        try:
            with first.wrap_socket(raw, server_side=True) as conn:
                request = conn.recv(4096)
                self.asked[conn.context] += 1
                name = next(n for n, c in self.contexts.items() if c is conn.context)
                assert request.startswith(b'GET /.well-known/mta-sts.txt HTTP/1.1\r\n')
                body = self.policies[name].encode()
                conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s'
                             % (len(body), body))
                conn.unwrap()
        except OSError:
            pass

    def count(self, name):
        return self.asked[self.contexts[f'mta-sts.{name}.sts.example']]


def policy(name, mode):
    return f'version: STSv1\nmode: {mode}\nmx: mx.{name}.sts.example\nmax_age: 604800\n'


@pytest.fixture(scope='module')
def zones():
    with served(Zone) as zones:
        yield zones


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp('ca'), 'authority')


@pytest.fixture(scope='module')
def web(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp('web')
    pairs = {f'mta-sts.{name}.sts.example': make_key(folder, f'mta-sts.{name}.sts.example',
                                                     None if name == 'stranger' else authority,
                                                     san=f'DNS:mta-sts.{name}.sts.example')
             for name in NAMES}
    try:
        server = Web(pairs)
    except OSError as why:
        pytest.skip(f'port 443: {why}')
    for name in NAMES:
        server.policies[f'mta-sts.{name}.sts.example'] = policy(name, 'enforce')
    server.policies['mta-sts.testing.sts.example'] = policy('testing', 'testing')
    yield server
    server.listener.close()


@pytest.fixture(scope='module')
def sink(tmp_path_factory, authority):
    """Its certificate is for the host of `good` alone."""
    pair = make_key(tmp_path_factory.mktemp('mx'), 'mx.good.sts.example', authority)
    with Sink(MX, tls=pair) as server:
        yield server


@pytest.fixture(scope='module')
def own(zones, web, sink, authority):
    instance = Instance(users=2)
    try:
        instance.start()
        instance.stop()
        for option, value in (('lookups', 'on'), ('resolvers', f'127.0.0.1:{zones.port}'),
                              ('trust-anchor', f'"{zones.folder}/anchors"')):
            instance.set_option('dns', option, value)
        for option, value in (('reach', '127.0.0.0/8'), ('port', sink.port),
                              ('ports', f'{sink.port} 443'), ('authorities', authority[0])):
            instance.set_option('outgoing', option, value)
        instance.file.unlink()
        instance.start()
        yield instance
        instance.stop()
    finally:
        instance.clean()


def submit(own, to):
    word = token()
    with submission(own, own.alice, 'submissions') as smtp:
        smtp.envelope(own.alice.user, to)
        assert smtp.data(message(to, own.alice.user, word)) == 250
    return word


def send(own, name):
    """To somebody there; the word, and what the courier logged of the recipient."""
    to = f'{token()}@{name}.sts.example'
    word = submit(own, to)

    def rows():
        return [row for row in own.log_rows('carry.recipient') if row.get('recipient') == to]

    assert wait(rows, SECONDS), own.log_text()[-3000:]
    return word, rows()[0]


def decided(own, name):
    return [row for row in own.log_rows('carry.decided') if row.get('domain') == f'{name}.sts.example'][-1]


def detail(own, role):
    return next(row for row in own.rows('status')[0]['roles'] if row['role'] == role)['detail']


def test_enforced_and_right(own, web, sink):
    word, row = send(own, 'good')
    assert row['outcome'] == 'delivered'
    assert sink.wait_for(word).tls == 'TLSv1.3'
    assert decided(own, 'good')['_level'] == 'sts' and decided(own, 'good')['by'] == 'MTA-STS'
    assert web.count('good') == 1
    word, row = send(own, 'good')
    assert row['outcome'] == 'delivered' and web.count('good') == 1
    assert detail(own, 'fetch')['answered'] >= 1 and detail(own, 'courier')['sts_failed'] == 0


def test_enforced_and_wrong_waits(own, web, sink):
    word, row = send(own, 'wrong')
    assert row['outcome'] == 'deferred' and row['status'] == '4.7.5'
    assert not [m for m in sink.mails if word.encode() in m.data]
    assert decided(own, 'wrong')['_level'] == 'sts'


def test_it_is_kept_when_the_courier_dies(own, web, sink):
    """By kill -9; the policy is the store's, and its web server is not asked again."""
    asked, old = web.count('good'), own.pids()['courier']
    subprocess.run(['kill', '-9', str(old[0])], check=True)
    assert wait(lambda: own.pids()['courier'] not in (old, [0]), 10)
    word, row = send(own, 'good')
    assert row['outcome'] == 'delivered' and sink.wait_for(word)
    assert decided(own, 'good')['_level'] == 'sts' and web.count('good') == asked
    assert detail(own, 'courier')['sts_cached'] == 1


def test_testing_delivers(own, web, sink):
    word, row = send(own, 'testing')
    assert row['outcome'] == 'delivered'
    assert sink.wait_for(word).tls == 'TLSv1.3'
    assert web.count('testing') == 1


def test_a_policy_that_cannot_be_had_is_none(own, web, sink):
    """Its web server shows a certificate of nobody known."""
    word, row = send(own, 'stranger')
    assert row['outcome'] == 'delivered' and sink.wait_for(word)
    assert web.count('stranger') == 0
    rows = [r for r in own.log_rows('sts.not-fetched') if r['domain'] == 'stranger.sts.example']
    assert len(rows) == 1
    assert detail(own, 'fetch')['certificate'] == 1
    assert decided(own, 'stranger')['_level'] != 'sts'


def test_sessions_are_counted_for_reports(own):
    """By the courier since it came new: good, testing, stranger; not the mail before."""
    counts = detail(own, 'courier')
    assert counts['tlsrpt_domains'] == 3 and counts['tlsrpt_sessions'] >= 3


def test_a_restart_keeps_the_counts(own):
    """Saved when the server stops, read back by the next courier."""
    domains = detail(own, 'courier')['tlsrpt_domains']
    own.stop()
    own.file.unlink()
    own.start()
    assert wait(lambda: detail(own, 'courier')['tlsrpt_domains'] == domains, 10)
    assert not own.log_rows('tlsrpt.not-saved')


def test_confined_and_whole(own):
    """Nothing of all this needed a call that the two roles have not."""
    for role in ('fetch', 'courier'):
        confinement = detail(own, role)['confinement']
        assert confinement['state'] == 'confined' and confinement['refused']['count'] == 0
    assert not own.log_rows('confine.refused')
