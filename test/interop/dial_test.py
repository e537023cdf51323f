# SPDX-License-Identifier: Apache-2.0
"""What the dialer tells courier and fetch, against signed zones in a real name server (nsd).

The role runs confined in the program `interop_ask` (its head says what it takes);
INTEROP_ASK names it when it is not in the build folder.  Servers to connect to are
sockets of the test's own on addresses of 127.0.0.0/8.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from nsd import HEAD, Served, free_port, nsd_conf, served, sign

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
ASK = pathlib.Path(os.environ.get('INTEROP_ASK', BUILD / 'test/interop/interop_ask')).resolve()

TLSA = '0123456789abcdef' * 4

SIGNED = HEAD + """
@ IN MX 20 mx2
@ IN MX 10 mx
@ IN MX 20 MX3
@ IN TXT "v=spf1 mx" " -all"
mx IN A 127.0.0.2
mx IN AAAA ::1
mx2 IN A 127.0.0.3
mx3 IN A 127.0.0.4
_25._tcp.mx IN TLSA 3 1 1 """ + TLSA + """
_25._tcp.mx IN TLSA 2 0 1 """ + TLSA + """
_25._tcp.www IN CNAME _25._tcp.mx
www IN CNAME mx
far IN CNAME mx.insecure
alias IN CNAME @
null IN MX 0 .
only IN A 127.0.0.5
ring IN CNAME ring2
ring2 IN CNAME ring
many IN MX 1 m1
_mta-sts IN TXT "v=STSv1; id=1"
insecure IN NS ns.insecure
ns.insecure IN A 127.0.0.1
private IN A 10.0.0.1
metadata IN A 169.254.169.254
inner IN A 127.0.0.7
"""

INSECURE = HEAD + """
@ IN MX 10 mx
mx IN A 127.0.0.6
_25._tcp.mx IN TLSA 3 1 1 """ + TLSA + """
"""


class Zones(Served):
    """signed.example, insecure.signed.example and bogus.example, whose MX and TLSA were changed."""

    def __init__(self, folder):
        super().__init__(folder)
        anchors = sign(folder, 'signed.example', SIGNED) + sign(folder, 'bogus.example', SIGNED)
        wrong = folder / 'bogus.example.signed'
        text = wrong.read_text()
        changed = text.replace('mx2.bogus.example.', 'evil.bogus.example.', 1).replace('127.0.0.2', '127.0.0.66')
        wrong.write_text(changed.replace('0123456789abcdef0', '1123456789abcdef0'))
        assert text != wrong.read_text()
        (folder / 'insecure').write_text(INSECURE.format(zone='insecure.signed.example'))
        (folder / 'anchors').write_text(anchors)
        nsd_conf(folder, self.port, [('signed.example', 'signed.example.signed'),
                                     ('bogus.example', 'bogus.example.signed'),
                                     ('insecure.signed.example', 'insecure')])


class Dialer:
    """The role in its program."""

    def __init__(self, text, own=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='ll.dial.'))
        own = own or self.folder / 'own'
        own.mkdir(exist_ok=True)
        (self.folder / 'conf').write_text('hostname mx.example.test;\n' + text)
        self.process = subprocess.Popen([ASK, self.folder / 'conf', own], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f'it ended: {self.process.wait(10)}'
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        assert code == 0


class Server:
    """Says hello on an address of its own; or never answers, or refuses."""

    def __init__(self, host, port, hello=b'220 hello\r\n'):
        self.socket = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(8)
        self.hello, self.peers = hello, []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, where = self.socket.accept()
            except OSError:
                return
            self.peers.append(where[0])
            peer.sendall(self.hello)
            peer.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture(scope='module')
def zones():
    with served(Zones) as made:
        yield made


def asking(zones, outgoing=''):
    return Dialer(f'dns {{ lookups on; resolvers 127.0.0.1:{zones.port}; timeout 5s; '
                                f'trust-anchor "{zones.folder}/anchors"; }}\n{outgoing}\n')


@pytest.fixture(scope='module')
def dialer(zones):
    made = asking(zones)
    yield made
    made.end()


def test_mx_secure_and_sorted(dialer):
    orders = set()
    for _ in range(20):
        row = dialer.ask('mx', 'Signed.Example')
        assert (row['trust'], row['found'], row['canonical']) == ('secure', True, '')
        assert row['mx'][0] == [10, 'mx.signed.example'] and 0 < row['ttl'] <= 300
        orders.add(tuple(name for _, name in row['mx'][1:]))
    both = ('mx2.signed.example', 'mx3.signed.example')
    assert orders == {both, both[::-1]}


@pytest.mark.parametrize('name, trust, found', [
    ('insecure.signed.example', 'insecure', True),
    ('nowhere.signed.example', 'secure', False),
    ('mx.signed.example', 'secure', False),
    ('nowhere.insecure.signed.example', 'insecure', False),
    ('bogus.example', 'bogus', False),
    ('lame.example', 'failed', False),
    ('two..dots', 'insecure', False),
])
def test_mx_trust(dialer, name, trust, found):
    row = dialer.ask('mx', name)
    assert (row['trust'], row['found']) == (trust, found)
    assert bool(row['mx']) == found
    assert row['why'] or trust in ('secure', 'insecure')


def test_null_mx_and_aliases(dialer):
    assert dialer.ask('mx', 'null.signed.example')['mx'] == [[0, '']]
    row = dialer.ask('mx', 'alias.signed.example')
    assert row['canonical'] == 'signed.example' and row['trust'] == 'secure' and len(row['mx']) == 3
    ring = dialer.ask('mx', 'ring.signed.example')
    assert ring['trust'] == 'failed' and not ring['found']


def test_addresses(dialer):
    row = dialer.ask('addresses', 'mx.signed.example')
    assert row['addresses'] == ['::1', '127.0.0.2']
    assert (row['v4'], row['v6'], row['canonical']) == ('secure', 'secure', '')
    row = dialer.ask('addresses', 'only.signed.example')
    assert row['addresses'] == ['127.0.0.5'] and (row['v4'], row['v6']) == ('secure', 'secure')
    row = dialer.ask('addresses', 'mx.insecure.signed.example')
    assert (row['v4'], row['v6']) == ('insecure', 'insecure')
    row = dialer.ask('addresses', 'mx.bogus.example')
    assert row['v4'] == 'bogus' and '127.0.0.66' not in row['addresses'] and row['v6'] == 'secure'
    row = dialer.ask('addresses', 'mx.lame.example')
    assert (row['v4'], row['v6'], row['addresses']) == ('failed', 'failed', [])


def test_a_signed_alias_with_an_unsigned_end(dialer):
    row = dialer.ask('addresses', 'www.signed.example')
    assert (row['v4'], row['canonical_trust'], row['canonical']) == ('secure', 'secure', 'mx.signed.example')
    row = dialer.ask('addresses', 'far.signed.example')
    assert (row['v4'], row['canonical_trust']) == ('insecure', 'secure')
    assert row['canonical'] == 'mx.insecure.signed.example' and row['addresses'] == ['127.0.0.6']


def test_tlsa_and_txt(dialer):
    row = dialer.ask('tlsa', '_25._tcp.mx.signed.example')
    assert row['trust'] == 'secure' and sorted(row['records']) == ['020001' + TLSA, '030101' + TLSA]
    assert dialer.ask('tlsa', '_25._tcp.www.signed.example')['trust'] == 'secure'
    assert len(dialer.ask('tlsa', '_25._tcp.www.signed.example')['records']) == 2
    assert dialer.ask('tlsa', '_25._tcp.mx.insecure.signed.example')['trust'] == 'insecure'
    none = dialer.ask('tlsa', '_25._tcp.mx2.signed.example')
    assert (none['trust'], none['found']) == ('secure', False)
    assert dialer.ask('tlsa', '_25._tcp.mx.bogus.example')['trust'] == 'bogus'
    assert dialer.ask('tlsa', '_25._tcp.mx.lame.example')['trust'] == 'failed'
    row = dialer.ask('txt', 'signed.example')
    assert row['records'] == ['v=spf1 mx -all']
    assert dialer.ask('txt', '_mta-sts.signed.example')['records'] == ['v=STSv1; id=1']


def test_a_dead_resolver_is_failed(zones):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 0))
        dialer = Dialer(f'dns {{ lookups on; resolvers 127.0.0.1:{silent.getsockname()[1]}; '
                                      'timeout 1s; }')
        begin = time.monotonic()
        assert dialer.ask('mx', 'example.org')['trust'] == 'failed'
        row = dialer.ask('addresses', 'example.org')
        assert (row['v4'], row['v6'], row['canonical_trust']) == ('failed', 'failed', 'failed')
        assert time.monotonic() - begin < 20
        dialer.end()


def test_lookups_off(zones):
    dialer = Dialer('dns { lookups off; }')
    row = dialer.ask('mx', 'example.org')
    assert row['trust'] == 'failed' and 'lookups' in row['why']
    assert dialer.ask('fetch', 'example.org', 443)['reached'] == 'off'
    dialer.end()


class Trusted:
    """A resolver that validates, as far as anybody can see: TCP, AD for names that begin with s."""

    def __init__(self, port):
        self.socket = socket.create_server(('127.0.0.1', port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            with peer:
                while (head := peer.recv(2)):
                    question = peer.recv(int.from_bytes(head, 'big'))
                    flags = b'\x81\xa0' if question[13:14] == b's' else b'\x81\x80'
                    answer = (question[:2] + flags + b'\0\1\0\1\0\0\0\0' + question[12:] +
                              b'\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\7\0\x0a\2mx\xc0\x0c')
                    peer.sendall(len(answer).to_bytes(2, 'big') + answer)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


def test_a_trusted_resolver(port):
    """Its AD bit is believed; nothing is validated here, and nothing kept."""
    resolver = Trusted(port)
    dialer = Dialer(f'dns {{ lookups on; trust-resolver 127.0.0.1:{port}; timeout 5s; }}')
    assert dialer.ask('mx', 'secure.example')['trust'] == 'secure'
    row = dialer.ask('mx', 'open.example')
    assert (row['trust'], row['mx']) == ('insecure', [[10, 'mx.open.example']])
    dialer.end()
    resolver.close()


# ---- connections: real sockets, the real filter ----

REACH = 'outgoing {{ reach 127.0.0.0/8 ::1; ports {port}; web-ports {port}; {more} }}'


@pytest.fixture
def port():
    return free_port()


def test_nothing_leads_inside_by_itself(zones, port):
    """Neither by address nor by name, in no spelling; and no port but mail's."""
    dialer, server = asking(zones, f'outgoing {{ ports {port}; web-ports {port}; }}'), Server('127.0.0.1', port)
    for target in ('127.0.0.1', '127.1.2.3', '0.0.0.0', '10.0.0.1', '192.168.1.1', '169.254.169.254', '224.0.0.1',
                   '[::1]', '[::]', '[::ffff:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[fe80::1]', '[fd00::1]'):
        row = dialer.ask('connect', 5000, f'{target}:{port}')
        assert row['reached'] == 'denied' and row['attempts'], target
    assert dialer.ask('connect', 5000, '127.0.0.1:22')['why'] == 'a port that is not for this'
    for name in ('mx', 'private', 'metadata', 'inner'):
        assert dialer.ask('fetch', f'{name}.signed.example', port)['reached'] == 'denied'
    assert dialer.ask('status')['connected'] == 0 and server.peers == []
    server.close()
    dialer.end()


def test_a_connection_as_it_is_handed_over(zones, port):
    dialer, server = asking(zones, REACH.format(port=port, more='')), Server('127.0.0.2', port)
    row = dialer.ask('connect', 5000, f'127.0.0.2:{port}')
    assert (row['reached'], row['of'], row['attempts']) == ('connected', 0, [])
    assert row['said'].startswith('220 hello')
    assert (row['nonblock'], row['cloexec'], row['nodelay'], row['keepalive']) == (1, 1, 1, 0)
    assert row['local'].startswith('127.')
    server.close()
    dialer.end()


def test_the_next_one_is_taken(zones, port):
    """Refused by two, then by IPv6; the fourth is there."""
    dialer, server = asking(zones, REACH.format(port=port, more='')), Server('127.0.0.4', port)
    begin = time.monotonic()
    row = dialer.ask('connect', 5000, f'127.0.0.2:{port}', f'127.0.0.3:{port}', f'[::1]:{port}', f'127.0.0.4:{port}')
    assert (row['reached'], row['of']) == ('connected', 3)
    assert [of for of, _, _ in row['attempts']] == [2, 0, 1]
    assert all(why == 'connection refused' for _, _, why in row['attempts'])
    assert time.monotonic() - begin < 10
    assert dialer.ask('connect', 5000, f'127.0.0.9:{port}')['reached'] == 'unreachable'
    server.close()
    dialer.end()


def full(host, port):
    """A listener whose queue is full: further connections hang."""
    listener = socket.socket()
    listener.bind((host, port))
    listener.listen(0)
    waiting = []
    for _ in range(8):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        waiting.append(s)
    return [listener, *waiting]


def test_silence_is_overtaken_and_ends(zones, port):
    dialer, server = asking(zones, REACH.format(port=port, more='')), Server('127.0.0.4', port)
    held = full('127.0.0.3', port)
    row = dialer.ask('connect', 5000, f'127.0.0.3:{port}', f'127.0.0.4:{port}')
    assert (row['reached'], row['of']) == ('connected', 1)
    (of, ms, why), = row['attempts']
    assert of == 0 and 240 <= ms < 2000 and why == 'another one was faster'
    row = dialer.ask('connect', 700, f'127.0.0.3:{port}')
    assert row.get('reached', row.get('result')) in ('unreachable', 'late')
    dialer.ask('wait', 50)
    assert dialer.ask('status')['connecting'] == 0
    for s in held:
        s.close()
    server.close()
    dialer.end()


def test_sources_are_ours(zones, port):
    dialer = asking(zones, REACH.format(port=port, more='source 127.0.0.31 127.0.0.32;'))
    server = Server('127.0.0.4', port)
    assert dialer.ask('connect', 5000, f'127.0.0.4:{port}')['local'] == '127.0.0.31'
    server.close()
    assert server.peers == ['127.0.0.31']
    dialer.end()


def test_ourselves(zones, port):
    """Whoever listens there: the configuration says that it is us."""
    listener = f'listener x {{ role mx; address 127.0.0.4; port {port}; }}'
    dialer, server = asking(zones, REACH.format(port=port, more='') + listener), Server('127.0.0.4', port)
    row = dialer.ask('connect', 5000, f'127.0.0.4:{port}')
    assert (row['reached'], row['why']) == ('ourselves', 'it leads back to this server')
    server.close()
    assert server.peers == []
    dialer.end()


def test_fetch_by_name(zones, port):
    dialer, server = asking(zones, REACH.format(port=port, more='families ipv4-first;')), Server('127.0.0.2', port)
    row = dialer.ask('fetch', 'mx.signed.example', port)
    assert (row['reached'], row['address']) == ('connected', '127.0.0.2')
    assert dialer.ask('fetch', 'mx.signed.example', 25)['reached'] == 'denied'
    assert dialer.ask('fetch', 'nowhere.signed.example', port)['reached'] == 'unknown'
    assert dialer.ask('fetch', 'lame.example', port)['reached'] == 'unknown'
    server.close()
    dialer.end()
