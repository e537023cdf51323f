#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A role that lies to the supervisor hurts itself alone.

One program of a copy of the release build (LL_BUILD) is replaced by `turncoat`
(BREAK_TURNCOAT), which comes up in good order and then writes garbage to the
supervisor: on boss_role, and as admin on admin_boss too.  It is replaced again
and again; nobody else is, and mail goes on.
"""
import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time

import pytest

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
TURNCOAT = pathlib.Path(os.environ.get('BREAK_TURNCOAT', BUILD / 'test/break/break_turncoat')).resolve()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.02)
    return found


def endpoints(folder):
    path = folder / 'endpoints.json'
    return json.loads(path.read_text()) if path.exists() else None


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def deaths(folder, role):
    rows = [json.loads(line) for line in (folder / 'log/letterlock.log').read_text().splitlines()]
    return [row for row in rows if row['event'] == 'role.died' and row.get('_role') == role]


@pytest.mark.parametrize('program,role', [('letterlock-dialer', 'dialer'),
                                          ('letterlock-admin', 'edge-admin')])
def test_a_lying_role_hurts_itself_alone(program, role):
    with tempfile.TemporaryDirectory(prefix='ll-turn-') as name:
        copy, data = pathlib.Path(name) / 'bin', pathlib.Path(name) / 'data'
        copy.mkdir()
        os.chmod(name, 0o755)
        for path in BUILD.glob('letterlock*'):
            if path.is_file():
                shutil.copy(path, copy)
        # An honest start makes the accounts; then the turncoat takes its place.
        honest = subprocess.Popen([copy / 'letterlock', 'demo', '--dir', data])
        until(lambda: endpoints(data))
        words = pathlib.Path(f'/proc/{honest.pid}/cmdline').read_bytes().split(b'\0')[:-1]
        stop(honest)
        (data / 'endpoints.json').unlink(missing_ok=True)
        at = words.index(b'--populate')
        shutil.copy(TURNCOAT, copy / program)
        server = subprocess.Popen(words[:at] + words[at + 2:], stderr=subprocess.DEVNULL)
        try:
            before = until(lambda: endpoints(data))
            until(lambda: len(deaths(data, role)) >= 2)
            now = endpoints(data)
            for other, pids in before['pids'].items():
                assert other == role or now['pids'][other] == pids, other
            with smtplib.SMTP('127.0.0.1', now['ports']['smtp'], 'peer.test', timeout=10) as mx:
                assert mx.sendmail('a@peer.test', [now['accounts'][0]['user']], 'Subject: x\r\n\r\nx\r\n') == {}
        finally:
            stop(server)
