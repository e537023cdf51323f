# SPDX-License-Identifier: Apache-2.0
"""The log: one event a line, whatever a peer sends; and the guide's pipeline."""
import json
import re
import subprocess

import pytest

from kit.instance import HOST, wait
from kit.mail import ELSEWHERE, deliver
from kit.sink import make_key
from kit.wire import Imap, Smtp, imap, mx

PIPELINE = (r'''zegrep "TLS connection established from.*with cipher" {log} | '''
            r'''awk '{{printf("%s %s %s %s\n", $12, $13, $14, $15)}}' | sort | uniq -c | sort -n''')


@pytest.fixture(params=['syslog', 'logfmt', 'json'])
def formatted(own, request):
    own.set_option('log', 'format', request.param)
    own.process.send_signal(1)
    assert wait(lambda: 'conf.reloaded' in own.log_text())
    own.format = request.param
    return own


def test_the_pipeline_of_the_guide(own):
    """P18, T7: run as it stands, over a syslog file."""
    own.set_option('log', 'format', 'syslog')
    own.process.send_signal(1)
    assert wait(lambda: 'conf.reloaded' in own.log_text())
    mark = len(own.log_text())
    for _ in range(3):
        Imap(own, 'imaps').close()
    context = own.context(maximum_version=0x0303)
    with Smtp(own, 'smtp') as smtp:
        smtp.ehlo()
        smtp.starttls(context)
    assert wait(lambda: own.log_text()[mark:].count('TLS connection established') == 4)
    lines = [line for line in own.log_text()[mark:].splitlines() if 'TLS connection established' in line]
    pattern = (r'[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \S+ letterlock/edge-\w+\[\d+\]: Anonymous TLS connection '
               r'established from \S+\[127\.0\.0\.1\]: TLSv1\.[23] with cipher \S+ \(\d+/\d+ bits\) group \S+ '
               r'verified no')
    for line in lines:
        assert re.match(pattern, line), line
    done = subprocess.run(['bash', '-c', PIPELINE.format(log=own.log)], capture_output=True, text=True,
                          timeout=20)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()]
    assert ['1', 'TLSv1.2 with cipher ECDHE-ECDSA-AES256-GCM-SHA384'] in rows or \
        any(text.startswith('TLSv1.2 with cipher ECDHE-') for _, text in rows), done.stdout
    assert any(int(count) == 3 and text.startswith('TLSv1.3 with cipher TLS_') for count, text in rows), done.stdout


def test_log_tls_in_every_format(formatted):
    """The same summary by the program itself."""
    for _ in range(2):
        Imap(formatted, 'imaps').close()
    with Smtp(formatted, 'smtp') as smtp:
        smtp.ehlo()
        smtp.starttls()
    assert wait(lambda: formatted.log_text().count('tls.established') >= 3)
    rows = formatted.rows('log', 'tls')
    found = {(row['listener'], row['direction'], row['version']): row['count'] for row in rows}
    assert found[('imaps', 'in', 'TLSv1.3')] == 2 and found[('smtp', 'in', 'TLSv1.3')] == 1
    text = formatted.ll('log', 'tls').stdout
    assert 'TLSv1.3' in text and 'TLS_' in text and 'imaps' in text


EVIL = ['a\x1b[31mb', 'x"; event="login.accepted', 'a\\nb', "');--", 'key=val other="x"', 'ü\u2028x\u202ey',
        '%n%s', '{"time":1}']


def test_forged_lines(formatted):
    """229: what a peer sends stays inside its field."""
    before = len(formatted.log_text().splitlines())
    with mx(formatted) as smtp:
        for evil in EVIL:
            smtp.cmd('MAIL FROM:<x@elsewhere.example>')
            smtp.send(f'RCPT TO:<"{evil}"@example.test>\r\n')
            smtp.answer()
            smtp.send(f'XCLIENT {evil}\r\n')
            smtp.answer()
            smtp.cmd('RSET')
    with Imap(formatted, 'imaps') as session:
        for evil in EVIL[:3]:
            data = evil.encode()
            session.cmd(f'LOGIN {{{len(data)}}}', data, b' x')
    wait(lambda: len(formatted.log_text().splitlines()) > before + 3, 1)
    data = formatted.log.read_bytes()
    text = data.decode()
    assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]', text)
    for line in text.splitlines()[before:]:
        if formatted.format == 'json':
            row = json.loads(line)
            assert row['event'] not in ('login.accepted',)
        elif formatted.format == 'logfmt':
            assert re.match(r'time=\S+ level=\w+ role=[\w-]+ pid=\d+ event=', line)
            assert ' event=login.accepted' not in re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
        else:
            assert re.match(r'[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \S+ letterlock/[\w-]+\[\d+\]: ', line)


def test_the_way_of_a_message_can_be_followed(demo, user):
    """One line when it was kept, with sender, recipient and id."""
    deliver(demo, user.user)
    rows = wait(lambda: [row for row in demo.log_rows('smtp.kept')])
    assert rows and any(ELSEWHERE in str(row) for row in rows)


def test_refusals_are_logged(demo):
    with mx(demo) as smtp:
        smtp.cmd('MAIL FROM:<x@elsewhere.example>')
        smtp.cmd('RCPT TO:<no-such-name@example.test>')
    assert wait(lambda: any('no-such-name' in str(row) for row in demo.log_rows()))


def test_failed_handshakes_are_logged_with_the_reason(demo):
    """Y4"""
    subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{demo.ports["imaps"]}', '-tls1_2',
                    '-cipher', 'AES128-SHA'], input=b'', capture_output=True, timeout=20)
    rows = wait(lambda: demo.log_rows('tls.failed'))
    assert rows and '127.0.0.1' in str(rows[-1]) and ('cipher' in str(rows[-1]) or 'why' in rows[-1])


def test_the_file_may_be_moved_away(own):
    """Rotation: SIGHUP opens a new one; nothing stops."""
    own.log.rename(own.log.with_suffix('.1'))
    deliver(own, own.alice.user)
    own.process.send_signal(1)
    assert wait(lambda: own.log.exists() and 'conf.reloaded' in own.log_text(), 3)
    imap(own, own.alice).close()
    assert wait(lambda: 'tls.established' in own.log_text())


def test_a_stopped_logger_stops_nobody(own):
    """212"""
    import os
    import signal
    pid = own.pids()['logger'][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(30):
            deliver(own, own.alice.user)
        with mx(own) as smtp:
            for _ in range(300):
                smtp.cmd('MAIL FROM:<x@elsewhere.example>')
                smtp.cmd('RCPT TO:<nobody@example.test>')
                if smtp.cmd('RSET') == 421:
                    break
    except EOFError:
        pass
    finally:
        os.kill(pid, signal.SIGCONT)
    assert wait(lambda: own.log_text().count('smtp.kept') > 0)


def test_what_is_said_before_the_logger_is_there(own, tmp_path):
    """A warning of the start is in the log, too, not at the terminal alone."""
    pem, key = make_key(tmp_path, HOST, days=5)
    text = own.config.read_text()
    block = text[text.index('certificate demo {'):]
    block = block[:block.index('}') + 1]
    own.config.write_text(text.replace(block, f'certificate demo {{ chain "{pem}"; key "file:{key}"; }}'))
    own.set_option('tls', 'allow-self-signed', 'on')
    own.stop()
    own.file.unlink(missing_ok=True)
    own.start()
    rows = wait(lambda: own.log_rows('certificate.note'), 5)
    assert rows and rows[0]['level'] == 'warning' and rows[0]['role'] == 'vault', rows
