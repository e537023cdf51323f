# SPDX-License-Identifier: Apache-2.0
"""letterlock log tls counts the same in all three formats, and as the pipeline."""
import collections
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get('LETTERLOCK', ROOT / 'build' / 'letterlock'))

HANDSHAKES = (
    [('smtp', 'TLSv1.2', 'ECDHE-RSA-AES256-GCM-SHA384', 256)] * 3 +
    [('smtp', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 256)] * 2 +
    [('imaps', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 256)] * 5)

PIPELINE = r'''grep -E "TLS connection established from.*with cipher" "$1" |
    awk '{printf("%s %s %s %s\n", $12, $13, $14, $15)}' | sort | uniq -c | sort -n'''


def sentence(version, suite, bits):
    return (f'Anonymous TLS connection established from unknown[192.0.2.1]: {version} with '
            f'cipher {suite} ({bits}/{bits} bits) group X25519 verified no '
            f'sni x" listener=evil version=evil suite=evil direction=evil')


def as_json(n, listener, version, suite, bits):
    return json.dumps({'time': '2026-11-22T04:39:31.649Z', 'level': 'info', 'role': 'edge-mx',
                       'pid': 7, 'event': 'tls.established', 'id': f'{n:016x}',
                       'message': sentence(version, suite, bits), 'listener': listener,
                       'direction': 'in', 'version': version, 'suite': suite})


def as_logfmt(n, listener, version, suite, bits):
    text = sentence(version, suite, bits).replace('"', '\\"')
    return (f'time=2026-11-22T04:39:31.649Z level=info role=edge-mx pid=7 '
            f'event=tls.established id={n:016x} message="{text}" listener={listener} '
            f'direction=in version={version} suite={suite}')


def as_syslog(n, listener, version, suite, bits):
    text = sentence(version, suite, bits).replace('"', '\\"')
    return (f'Nov 22 04:39:31 mx.example.test letterlock/edge-mx[7]: {text} '
            f'event=tls.established id={n:016x} listener={listener} direction=in '
            f'version={version} suite={suite}')


def noise(n):
    return [f'{{"event":"smtp.kept","note":"tls.established {n}"}}', 'tls.established', '{"event":',
            'time=x event=tls.failed listener=smtp reason="tls.established"', '']


def write(path, *formats):
    lines = []
    for n, shake in enumerate(HANDSHAKES):
        lines += [formats[n % len(formats)](n, *shake), *noise(n)]
    path.write_text('\n'.join(lines) + '\n')
    return path


def summary(path):
    done = subprocess.run([PROGRAM, 'log', 'tls', '--file', path, '--json'], text=True,
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize('formats', [
    (as_json,), (as_logfmt,), (as_syslog,), (as_json, as_logfmt, as_syslog)])
def test_counts(tmp_path, formats):
    rows = summary(write(tmp_path / 'log', *formats))
    assert [(r['count'], r['listener'], r['version']) for r in rows] == [
        (2, 'smtp', 'TLSv1.3'), (3, 'smtp', 'TLSv1.2'), (5, 'imaps', 'TLSv1.3')]
    assert {r['direction'] for r in rows} == {'in'}


def test_as_the_pipeline_over_syslog(tmp_path):
    path = write(tmp_path / 'mail.log', as_syslog)
    lines = subprocess.run(['sh', '-c', PIPELINE, 'sh', path], text=True, check=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    counted = collections.Counter()
    for row in summary(path):
        counted[f'{row["version"]} with cipher {row["suite"]}'] += row['count']
    assert {line.split(None, 1)[1]: int(line.split()[0]) for line in lines} == counted


def test_as_a_table(tmp_path):
    path = write(tmp_path / 'log', as_logfmt)
    text = subprocess.run([PROGRAM, 'log', 'tls', '--file', path], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    assert text.splitlines()[0].split() == ['COUNT', 'VERSION', 'SUITE', 'WAY', 'LISTENER']
    assert text.splitlines()[-1].split() == ['5', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'in',
                                             'imaps']


def test_nothing_and_no_file(tmp_path):
    (tmp_path / 'log').write_text('')
    done = subprocess.run([PROGRAM, 'log', 'tls', '--file', tmp_path / 'log'], text=True,
                          stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, 'no TLS handshake in this log\n')
    done = subprocess.run([PROGRAM, 'log', 'tls', '--file', tmp_path / 'none'], text=True,
                          stderr=subprocess.PIPE)
    assert done.returncode == 1 and 'does not exist' in done.stderr
