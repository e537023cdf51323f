#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`letterlock tls report`: strangers' files are read, shown, and can do nothing.

LL_BUILD names a release build; no server runs.
"""
import base64
import gzip
import json
import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()

DETAIL = {'result-type': 'certificate-expired', 'sending-mta-ip': '192.0.2.1',
          'receiving-mx-hostname': 'mx1.good.test', 'failed-session-count': 5,
          'failure-reason-code': 'since yesterday'}


def report(**more):
    policy = {'policy': {'policy-type': 'sts', 'policy-domain': 'good.test',
                         'policy-string': ['version: STSv1', 'mode: testing'], 'mx-host': ['*.good.test']},
              'summary': {'total-successful-session-count': 5326, 'total-failure-session-count': 5},
              'failure-details': [DETAIL]}
    return {'organization-name': 'Company-X', 'contact-info': 'tls@company-x.example',
            'date-range': {'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z'},
            'report-id': '5065427c', 'policies': [policy], **more}


def mail(data, kind='tlsrpt+gzip'):
    body = base64.encodebytes(data).replace(b'\n', b'\r\n')
    return (b'From: tls@company-x.example\r\nTo: tls@good.test\r\nMIME-Version: 1.0\r\n'
            b'Content-Type: multipart/report; report-type="tlsrpt"; boundary="edge"\r\n\r\n'
            b'--edge\r\nContent-Type: text/plain\r\n\r\nA report.\r\n'
            b'--edge\r\nContent-Type: application/' + kind.encode() + b'\r\n'
            b'Content-Transfer-Encoding: base64\r\n\r\n' + body + b'--edge--\r\n')


def tls(*args, code=0):
    done = subprocess.run([BUILD / 'letterlock', 'tls', *map(str, args)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def files(tmp_path):
    text = json.dumps(report()).encode()
    made = {'report.json': text, 'report.json.gz': gzip.compress(text), 'report.eml': mail(gzip.compress(text)),
            'plain.eml': mail(text, 'tlsrpt+json')}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize('name', ['report.json', 'report.json.gz', 'report.eml', 'plain.eml'])
def test_every_wrapping(files, name):
    rows = json.loads(tls('report', files / name, '--json').stdout)
    assert [row['row'] for row in rows] == ['policy', 'failure']
    assert rows[0]['successes'] == 5326 and rows[0]['failures'] == 5
    assert rows[0]['domain'] == 'good.test' and rows[0]['policy'] == 'sts'
    assert rows[1]['failure'] == 'certificate-expired' and rows[1]['times'] == 5
    assert rows[1]['mx'] == 'mx1.good.test' and rows[1]['reason'] == 'since yesterday'
    assert rows[1]['start'] == 1795219200 and rows[1]['end'] == 1795305599


def test_the_table(files):
    lines = tls('report', files / 'report.json', files / 'report.eml').stdout.splitlines()
    assert lines[0].split()[:5] == ['DOMAIN', 'POLICY', 'GOOD', 'FAILED', 'FAILURE']
    assert len(lines) == 5
    assert 'good.test' in lines[1] and '5326' in lines[1] and 'Company-X' in lines[1]
    assert 'certificate-expired' in lines[2] and 'mx1.good.test' in lines[2]


def test_what_a_terminal_would_act_on_is_not_shown(tmp_path):
    path = tmp_path / 'evil.json'
    path.write_text(json.dumps(report(**{'organization-name': '\x1b]0;gotcha\x07\x1b[2J\u202eabc\r\n\t'})))
    out = tls('report', path).stdout
    assert not set(out) & set('\x1b\x07\r\t\u202e')
    assert len(out.splitlines()) == 3


def test_files_that_are_none(files):
    bomb, cut, words = files / 'bomb.gz', files / 'cut.gz', files / 'words.txt'
    bomb.write_bytes(gzip.compress(b' ' * (5 << 20)))
    cut.write_bytes((files / 'report.json.gz').read_bytes()[:-9])
    words.write_text('nothing of that kind')
    for path, why in [(bomb, 'more than is read'), (cut, 'broken'), (words, 'no report'),
                      (files / 'missing', ''), (files, '')]:
        done = tls('report', path, code=1)
        assert str(path) in done.stderr and why in done.stderr and done.stdout == ''
    # The others are shown all the same.
    done = tls('report', words, files / 'report.json', '--json', code=1)
    assert len(json.loads(done.stdout)) == 2


def test_too_large_a_file(tmp_path):
    path = tmp_path / 'large.json'
    with path.open('wb') as file:
        file.truncate((16 << 20) + 1)
    assert str(path) in tls('report', path, code=1).stderr


def test_usage():
    assert 'report FILE' in tls(code=2).stderr
    assert 'report FILE' in tls('report', code=2).stderr
    assert 'report FILE' in tls('reports', 'x', code=2).stderr
    assert tls('report', '--help').stdout
