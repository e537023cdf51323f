# SPDX-License-Identifier: Apache-2.0
"""Cipher strings of old guides, and DHE: what they come to, shown by openssl (D3, D5, Y5, O5).

The instance has an RSA certificate beside the other one.  All cases share it and put its
configuration back.
"""
import re
import subprocess

import pytest

from kit.instance import Instance, wait
from tls_test import EVERY, client

# As people still paste them, from guides of 2013 to 2021.
STRINGS = {
    'smtp': 'EDH+aRSA+AES256:EECDH+aRSA+AES256:!SSLv3',
    'submission':
        'EDH+CAMELLIA:EDH+aRSA:EECDH+aRSA+AESGCM:EECDH+aRSA+SHA256:EECDH:+CAMELLIA128:+AES128:+SSLv3:!aNULL:'
        '!eNULL:!LOW:!3DES:!MD5:!EXP:!PSK:!DSS:!RC4:!SEED:!IDEA:!ECDSA:kEDH:CAMELLIA128-SHA:AES128-SHA',
    'imaps':
        'EDH+CAMELLIA:EDH+aRSA:EECDH+aRSA+AESGCM:EECDH+aRSA+SHA384:EECDH+aRSA+SHA256:EECDH:+CAMELLIA256:'
        '+AES256:+CAMELLIA128:+AES128:+SSLv3:!aNULL:!eNULL:!LOW:!3DES:!MD5:!EXP:!PSK:!DSS:!RC4:!SEED:!ECDSA:'
        'CAMELLIA256-SHA:AES256-SHA:CAMELLIA128-SHA:AES128-SHA',
    'imap': 'RC4-SHA:RC4-MD5:ALL',
    'pop3s': 'ALL:COMPLEMENTOFALL:@SECLEVEL=0',
    'pop3': 'kRSA:EECDH+AESGCM:!SHA1',
}
ONLY_DHE = ('EDH+CAMELLIA256:EDH+aRSA:+SSLv3:!aNULL:!eNULL:!LOW:!3DES:!MD5:!EXP:!PSK:!SRP:!DSS:!RC4:!SEED:'
            '-AES128:!CAMELLIA128:!ECDSA:AES256-SHA:EDH+AES128')
# What doc/decisions/0006 takes out of every string, as `openssl ciphers -V` writes it.
NEVER = re.compile(r'Kx=(RSA|SRP|\S*PSK) |Au=(None|PSK|SRP|DSS) |Enc=None ')
DHE = re.compile(r'Kx=DH ')


@pytest.fixture(scope='module')
def started():
    instance = Instance(users=1, options=['--rsa'])
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


@pytest.fixture
def plain(started):
    text = started.config.read_text()
    yield started
    started.config.write_text(text)
    started.reload()


def expansion(string, dhe):
    """The tool's lines without those of the decision (number, name, version of each), and how many went."""
    done = subprocess.run(['openssl', 'ciphers', '-V', string], capture_output=True, text=True, check=True)
    rows = [' '.join(line.split()) for line in done.stdout.splitlines()]
    kept = [row for row in rows if not NEVER.search(row + ' ') and (dhe or not DHE.search(row))]
    return [' '.join(row.split()[:4]) for row in kept], len(rows) - len(kept)


def shown(demo, listener, mark):
    rows = [row for row in demo.log_rows('tls.context')[mark:] if row['listener'] == listener]
    return rows and rows[-1]['suites'].split('; ')


@pytest.mark.parametrize('dhe', ['off', 'ffdhe2048'])
def test_an_old_cipher_string_is_shown_resolved(plain, dhe):
    """What each comes to is in the log, in the tool's order, without what cannot be served."""
    mark = len(plain.log_rows('tls.context'))
    strings = dict(STRINGS, submissions=ONLY_DHE) if dhe != 'off' else STRINGS
    for listener, string in strings.items():
        plain.in_listener(listener, f'tls {{ dhe {dhe}; ciphers "{string}"; }}')
    plain.reload()
    left_out = {}
    for listener, string in strings.items():
        wanted, left_out[listener] = expansion(string, dhe != 'off')
        wait(lambda name=listener, lines=wanted: shown(plain, name, mark) == lines, 3)
        assert shown(plain, listener, mark) == wanted, (listener, string)
    assert left_out['imaps'] == (4 if dhe != 'off' else 21), left_out  # RSA key exchange; 17 with DHE
    assert left_out['pop3s'] > 100, left_out


def test_a_string_of_which_nothing_is_left_is_said(plain):
    """Without DHE the old string that has no ECDHE leaves nothing: the context of before stays."""
    plain.set_option('tls', 'ciphers', f'"{ONLY_DHE}"')
    plain.reload()
    rows = wait(lambda: plain.log_rows('tls.no-context'), 3)
    assert 'no suite' in rows[-1]['why'] and rows[-1]['kept'] == 'the one of before'
    assert 'Cipher is ECDHE' in client(plain, 'imaps', '-tls1_2')


def refused(demo, port):
    return 'alert number 40' in client(demo, port, '-tls1_2', '-cipher', 'DHE+aRSA', check=False)


@pytest.mark.parametrize('port', EVERY)
def test_dhe_is_refused_by_default(started, port):
    """RFC 10015: a server must not select it in TLS 1.2."""
    assert refused(started, port)


@pytest.mark.parametrize('bits, ports', [(2048, EVERY), (3072, ['imaps']), (4096, ['smtp'])])
def test_dhe_by_option(plain, bits, ports):
    """D5: a group of RFC 7919, signed by the vault, told in the log, and gone after a reload."""
    plain.set_option('tls', 'dhe', f'ffdhe{bits}')
    plain.reload()
    mark = len(plain.log_rows('tls.established'))
    for port in ports:
        assert wait(lambda name=port: not refused(plain, name), 3), port
        output = client(plain, port, '-tls1_2', '-cipher', 'DHE+aRSA')
        assert f'Server Temp Key: DH, {bits} bits' in output
        assert 'Verify return code: 0 (ok)' in output and 'Cipher is DHE-RSA-' in output
    assert wait(lambda: [row for row in plain.log_rows('tls.established')[mark:]
                         if f' group ffdhe{bits} ' in row['message']], 3)
    # Who knows both gets the better one.
    assert 'Cipher is ECDHE-' in client(plain, ports[0], '-tls1_2', '-cipher', 'DHE+aRSA:ECDHE+aRSA')
    assert not plain.log_rows('vault.refused')
    plain.set_option('tls', 'dhe', 'off')
    plain.reload()
    assert wait(lambda: refused(plain, ports[0]), 3)


def test_dhe_on_one_listener_is_not_on_others(plain):
    plain.in_listener('smtp', 'tls { dhe ffdhe2048; }')
    plain.reload()
    assert wait(lambda: not refused(plain, 'smtp'), 3)
    for port in EVERY:
        assert refused(plain, port) == (port != 'smtp'), port


def test_an_old_string_with_dhe_on_has_its_own_order(plain):
    """The administrator's string decides, slow suites first if it says so."""
    plain.in_listener('imaps', f'tls {{ dhe ffdhe2048; ciphers "{STRINGS["imaps"]}"; }}')
    plain.reload()
    words = ('-tls1_2', '-cipher', 'ALL')
    assert wait(lambda: 'Cipher is DHE-RSA-' in client(plain, 'imaps', *words), 3)


@pytest.mark.parametrize('size', ['ffdhe1024', 'ffdhe1536', '1024', 'modp_2048', 'ffdhe6144', 'ffdhe8192', 'on'])
def test_no_other_group_can_be_asked_for(plain, size):
    plain.set_option('tls', 'dhe', size)
    done = plain.ll('check', code=None)
    assert done.returncode == 1 and 'dhe is off, ffdhe2048, ffdhe3072 or ffdhe4096' in done.all


def test_what_fits_no_certificate_is_said(own):
    """This instance has no RSA certificate: the string leaves TLS 1.2 nothing, nor has DHE a key."""
    own.in_listener('imaps', f'tls {{ ciphers "{STRINGS["imaps"]}"; }}')
    own.in_listener('smtp', 'tls { dhe ffdhe2048; }')
    own.reload()
    rows = wait(lambda: len(rows := own.log_rows('tls.misfit')) == 2 and rows, 3)
    said = {row['listener']: row['why'] for row in rows}
    assert 'no suite for TLS 1.2 fits the ECDSA certificate' in said['imaps']
    assert 'DHE takes an RSA certificate' in said['smtp']
    assert refused(own, 'smtp')
