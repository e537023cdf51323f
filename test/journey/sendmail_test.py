# SPDX-License-Identifier: Apache-2.0
"""sendmail(1): mail of programs on this machine, over the local socket."""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest

from kit.instance import PROGRAM, wait
from kit.mail import ELSEWHERE, absent, find, token, values
from kit.wire import imap

ROOT = os.getuid() == 0
USAGE, DATA, NO_USER, LATER, REFUSED = 64, 65, 67, 75, 77
ME = pwd.getpwuid(os.getuid()).pw_name
needs_root = pytest.mark.skipif(not ROOT, reason='only root can become another user')


def folder_of(demo):
    return pathlib.Path(demo.config).parent


def hand_in(demo, *words, text, code=0, user=None, name=None):
    """Run it as programs do: the text on standard input, by a name of its own."""
    data = text.encode() if isinstance(text, str) else text
    line = [str(name or PROGRAM)] + ([] if name else ['sendmail']) + ['--config', str(demo.config), *words]
    options = {'user': user, 'group': user, 'extra_groups': []} if user else {}
    done = subprocess.run(line, input=data, capture_output=True, timeout=30, check=False, **options)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture
def open_door(demo):
    """Other users of this machine can reach the socket, as below /run."""
    changed = []
    path = folder_of(demo)
    for step in [pathlib.Path(demo.config), folder_of(demo) / 'run', *[path, *path.parents]]:
        mode = step.stat().st_mode & 0o7777
        want = mode | (0o005 if step.is_dir() else 0o004)
        if want != mode:
            changed.append((step, mode))
            step.chmod(want)
    yield
    for step, mode in changed:
        step.chmod(mode)


# ---- what programs do ----

def test_cron_and_its_like(demo, user):
    """A header with a bare name, LF alone, and the options of cron."""
    word = token()
    hand_in(demo, '-FCronDaemon', '-i', '-B8BITMIME', '-oem', user.user,
            text=f'From: {ME} (Cron Daemon)\nTo: {user.user}\nSubject: {word}\n\n.\nit ran\n')
    found = find(demo, user, word)
    assert values(found, 'From') == [f'Cron Daemon <{ME}@example.test>']
    assert values(found, 'Return-Path') == [f'<{ME}@example.test>']
    assert values(found, 'Message-ID') and values(found, 'Date')
    received = values(found, 'Received')[0]
    assert re.match(rf'by mx\.example\.test \(from user {ME}, uid {os.getuid()}\)\s+id \S+;', received)
    assert found.endswith(b'\r\n\r\n.\r\nit ran\r\n')


def test_a_text_without_a_header(demo, user):
    word = token()
    hand_in(demo, '-F', 'The, Backup', user.user, text=f'{word}\nwent well\n.\nand this is cut\n')
    found = find(demo, user, word)
    assert values(found, 'From') == [f'"The, Backup" <{ME}@example.test>']
    assert found.endswith(f'\r\n\r\n{word}\r\nwent well\r\n'.encode())


def test_recipients_from_the_header(demo, two):
    """-t: To, Cc and Bcc; who was in Bcc is named to nobody."""
    user, friend = two
    word = token()
    hand_in(demo, '-t', text=f'To: {user.user.split("@")[0]}\nBcc: {friend.user}\nSubject: {word}\n\nx\n')
    for account in two:
        found = find(demo, account, word)
        assert not values(found, 'Bcc')
        assert values(found, 'To') == [user.user]


def test_by_its_names(demo, user, tmp_path):
    for name in ('sendmail', 'mailq', 'newaliases'):
        (tmp_path / name).symlink_to(PROGRAM.resolve())
    word = token()
    hand_in(demo, user.user, text=f'Subject: {word}\n\nx\n', name=tmp_path / 'sendmail')
    find(demo, user, word)
    hand_in(demo, f'{word}@elsewhere.example', text='x\n', name=tmp_path / 'sendmail')
    assert word in hand_in(demo, text='', name=tmp_path / 'mailq').stdout.decode()
    assert hand_in(demo, text='', name=tmp_path / 'newaliases').stdout == b''


@pytest.mark.skipif(not shutil.which('bsd-mailx') and not shutil.which('mutt'),
                    reason='neither bsd-mailx nor mutt is installed')
def test_mail_programs(demo, user, tmp_path):
    """bsd-mailx and mutt call a program, with a shell or without."""
    script = tmp_path / 'sendmail'
    script.write_text(f'#!/bin/sh\nexec {PROGRAM.resolve()} sendmail --config {demo.config} "$@"\n')
    script.chmod(0o755)
    runs = [('bsd-mailx', ['-Ssendmail=' + str(script), '-s']),
            ('mutt', ['-F', '/dev/null', '-e', f'set sendmail="{script} -oem -oi"', '-e', 'set copy=no', '-s'])]
    for program, words in runs:
        if not shutil.which(program):
            continue
        word = token()
        subprocess.run([program, *words, word, user.user], input=b'hello\n', check=True, timeout=30,
                       env={'HOME': str(tmp_path), 'PATH': os.environ['PATH']})
        find(demo, user, word)


def test_a_shell_script(demo, user):
    """What most scripts do: a pipe, and a look at the exit code."""
    word = token()
    line = (f'printf "Subject: {word}\\n\\ndone\\n" | {PROGRAM} sendmail --config {demo.config} '
            f'-oi {user.user} && echo kept')
    done = subprocess.run(['sh', '-c', line], capture_output=True, timeout=30, check=True)
    assert done.stdout == b'kept\n'
    find(demo, user, word)


def test_a_large_message(demo, user):
    word = token()
    body = ('x' * 70 + '\n') * 20000
    done = hand_in(demo, '-v', user.user, text=f'Subject: {word}\n\n{body}')
    found = find(demo, user, word, seconds=20)
    assert len(found) > 1400000
    number = re.fullmatch(r'kept as ([0-9a-f]{16})\n', done.stdout.decode()).group(1)
    assert number in demo.log_text()


def test_mail_for_elsewhere(demo):
    word = token()
    hand_in(demo, '-f', '<>', '-V', 'QQ1', '-R', 'hdrs', '-N', 'never', f'{word}@elsewhere.example', text='x\n')
    row, = [row for row in demo.rows('queue', 'list') if word in row['recipient']]
    assert row['sender'] == ''


# ---- what is said when it does not go ----

@pytest.mark.parametrize('words,text,code', [
    (['nobody-here@example.test'], 'x\n', NO_USER), (['-bs'], '', USAGE), (['-z', 'u1'], 'x\n', USAGE),
    ([], 'x\n', USAGE), (['-t'], 'Subject: x\n\n', USAGE), (['not an address'], 'x\n', 69),
    (['u1@example.test'], b'a\rb\n', DATA), (['u1@example.test'], b'a\0b\n', DATA)])
def test_exit_codes(demo, words, text, code):
    done = hand_in(demo, *words, text=text, code=code)
    assert done.stderr.startswith(b'letterlock sendmail: ')


def test_one_recipient_that_is_none_keeps_all(demo, user):
    word = token()
    hand_in(demo, user.user, 'nobody-here@example.test', text=f'Subject: {word}\n\nx\n', code=NO_USER)
    assert absent(demo, user, word)


def test_a_message_that_is_too_big(demo, user):
    done = hand_in(demo, user.user, text=b'Subject: x\n\n' + (b'x' * 70 + b'\n') * 760000, code=69)
    assert b'too big' in done.stderr


def test_without_a_server(own):
    own.stop()
    done = hand_in(own, 'u1@example.test', text='x\n', code=LATER)
    assert b'does not run' in done.stderr


def logs_in(demo):
    try:
        with imap(demo, demo.account('u1')):
            return True
    except (AssertionError, OSError, EOFError):
        return False


def test_what_was_kept_survives_a_kill(own):
    """0 means durable: the store dies between the messages, and with them."""
    words, kept = [], []

    def send():
        for _ in range(30):
            word = token()
            words.append(word)
            done = subprocess.run([str(PROGRAM), 'sendmail', '--config', str(own.config), 'u1@example.test'],
                                  input=f'Subject: {word}\n\nx\n'.encode(), capture_output=True, check=False,
                                  timeout=60)
            assert done.returncode in (0, LATER), done
            if done.returncode == 0:
                kept.append(word)

    thread = threading.Thread(target=send)
    thread.start()
    while thread.is_alive():
        time.sleep(0.3)
        for pid in own.pids()['store']:
            os.kill(pid, 9)
    thread.join()
    assert kept
    assert wait(lambda: logs_in(own), 20.0)
    for word in kept:
        find(own, own.account('u1'), word, seconds=20)


# ---- who may send as whom ----

@needs_root
def test_root_may_be_anybody(demo, user):
    word = token()
    hand_in(demo, '-f', ELSEWHERE, user.user, text=f'From: {ELSEWHERE}\nSubject: {word}\n\nx\n')
    found = find(demo, user, word)
    assert values(found, 'Return-Path') == [f'<{ELSEWHERE}>']
    assert values(found, 'Sender') == ['root@example.test']


@needs_root
def test_another_user_is_himself(demo, user, open_door):
    """The name is the kernel's and the list's of users, whatever the program says."""
    word = token()
    hand_in(demo, user.user, text=f'Subject: {word}\n\nx\n', user=1)
    found = find(demo, user, word)
    assert values(found, 'From') == ['daemon@example.test']
    assert 'from user daemon, uid 1)' in values(found, 'Received')[0]
    for words, text in ((['-f', user.user], 'x\n'), (['-f', ELSEWHERE], 'x\n'),
                        (['-f', 'root@example.test'], 'x\n')):
        done = hand_in(demo, *words, user.user, text=text, code=REFUSED, user=1)
        assert b'may not use that sender' in done.stderr
    done = hand_in(demo, user.user, text=f'From: {user.user}\n\nx\n', code=69, user=1)
    assert b'may not use that From' in done.stderr


@needs_root
def test_a_grant_of_his_account_is_his(demo, user, open_door):
    account = demo.new_account('daemon@example.test', 'a long enough word')
    hand_in(demo, '-f', user.user, user.user, text='x\n', code=REFUSED, user=1)
    demo.ll('account', 'set', 'daemon@example.test', '--grant', user.user)
    try:
        word = token()
        hand_in(demo, '-f', user.user, user.user, text=f'Subject: {word}\n\nx\n', user=1)
        assert values(find(demo, user, word), 'From') == [user.user]
    finally:
        demo.ll('account', 'remove', 'daemon@example.test')
    assert account


@needs_root
def test_a_user_whom_the_list_does_not_name(demo, user, open_door):
    done = hand_in(demo, user.user, text='x\n', code=LATER, user=54321)
    assert b'/etc/passwd' in done.stderr


@needs_root
def test_the_control_socket_is_not_his(demo, open_door):
    done = subprocess.run([str(PROGRAM), 'account', 'list', '--config', str(demo.config)], user=1, group=1,
                          extra_groups=[], capture_output=True, timeout=30, check=False)
    assert done.returncode == 4, done


HOLD = """import socket, sys
held = []
for _ in range(20):
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.connect(sys.argv[1])
    held.append(one)
print(len(held), flush=True)
sys.stdin.read()
"""


@needs_root
def test_one_user_leaves_room_for_others(demo, user, open_door):
    """His connections that say nothing keep nobody out but himself."""
    socket = folder_of(demo) / 'run' / 'local'
    with subprocess.Popen([sys.executable, '-c', HOLD, str(socket)], user=1, group=1, extra_groups=[],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b'20\n'
        hand_in(demo, user.user, text='x\n', user=1, code=LATER)
        for other in (2, None):
            word = token()
            hand_in(demo, user.user, text=f'Subject: {word}\n\nx\n', user=other)
            find(demo, user, word)
        holder.stdin.close()
    word = token()
    hand_in(demo, user.user, text=f'Subject: {word}\n\nx\n', user=1)
    find(demo, user, word)
