#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A lying auth hurts itself alone, while sessions go on under TLS.

letterlock-auth of a copy of the release build (LL_BUILD) is replaced by `false_auth`
(BREAK_FALSE_AUTH).  The name of a login says how it lies.  Whatever it is, who is
logged in stays so, nobody gets at mail by a lie that the store does not share, each
login ends with an answer of its protocol in bounded time, and an auth that breaks
the rules of the hop is replaced.
"""
import base64
import imaplib
import json
import os
import pathlib
import poplib
import shutil
import signal
import smtplib
import ssl
import subprocess
import tempfile
import threading
import time

import pytest

BUILD = pathlib.Path(os.environ.get('LL_BUILD', 'build')).resolve()
FALSE_AUTH = pathlib.Path(os.environ.get('BREAK_FALSE_AUTH',
                                         BUILD / 'test/break/break_false_auth')).resolve()
ANSWER = 75.0  # seconds; edge waits for auth for less: a minute, as logins may stand in a line

# Right in their form: nothing to replace.
WELL_FORMED = ['bound', 'nobody', 'huge', 'more', 'silent', 'refused']
# Against the rules of the hop: auth is replaced.  An edge is believed WORDS_MAX times.
BROKEN = ['unasked', 'wrong-id', 'garbage']


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.02)
    return found


class Site:
    """A server with accounts, restarted with the false auth in it."""

    def __init__(self, folder):
        self.copy, self.data = folder / 'bin', folder / 'data'
        self.copy.mkdir()
        os.chmod(folder, 0o755)
        for path in BUILD.glob('letterlock*'):
            if path.is_file():
                shutil.copy(path, self.copy)
        honest = subprocess.Popen([self.copy / 'letterlock', 'demo', '--dir', self.data])
        until(self.endpoints)
        words = pathlib.Path(f'/proc/{honest.pid}/cmdline').read_bytes().split(b'\0')[:-1]
        self.end(honest)
        (self.data / 'endpoints.json').unlink(missing_ok=True)
        at = words.index(b'--populate')
        shutil.copy(FALSE_AUTH, self.copy / 'letterlock-auth')
        self.server = subprocess.Popen(words[:at] + words[at + 2:], stderr=subprocess.DEVNULL)
        self.ports = until(self.endpoints)['ports']
        self.before = self.endpoints()['pids']
        self.context = ssl.create_default_context(cafile=self.endpoints()['ca'])

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    def endpoints(self):
        path = self.data / 'endpoints.json'
        return json.loads(path.read_text()) if path.exists() else None

    def deaths(self, role='auth'):
        lines = (self.data / 'log/letterlock.log').read_text().splitlines()
        return sum(row['event'] == 'role.died' and row.get('_role') == role
                   for row in map(json.loads, lines))

    def others_live(self):
        now = self.endpoints()['pids']
        assert {r: p for r, p in now.items() if r != 'auth'} == \
            {r: p for r, p in self.before.items() if r != 'auth'}

    def imap(self):
        return imaplib.IMAP4_SSL('localhost', self.ports['imaps'], ssl_context=self.context,
                                 timeout=ANSWER)

    def settle(self):
        """An auth that is up again, and answers."""
        def answers():
            try:
                with self.imap() as session:
                    session.login('honest', 'x')
                    return True
            except (imaplib.IMAP4.error, OSError):
                return False
        until(answers)


@pytest.fixture(scope='module')
def site():
    with tempfile.TemporaryDirectory(prefix='ll-false-') as name:
        made = Site(pathlib.Path(name))
        yield made
        made.end(made.server)


class Sessions:
    """People who are logged in, by all protocols, before the lie and after it."""

    def __init__(self, site):
        self.site = site
        site.settle()
        self.imap = site.imap()
        self.imap.login('honest', 'x')
        self.imap.select('INBOX')
        self.pop = poplib.POP3_SSL('localhost', site.ports['pop3s'], timeout=ANSWER,
                                   context=site.context)
        self.pop.user('honest')
        self.pop.pass_('x')

    def go_on(self):
        assert self.imap.noop()[0] == 'OK'
        assert self.imap.uid('SEARCH', 'ALL')[0] == 'OK'
        assert self.pop.noop().startswith(b'+OK')
        with smtplib.SMTP('localhost', self.site.ports['smtp'], 'peer.test', timeout=ANSWER) as mx:
            mx.starttls(context=self.site.context)
            assert mx.sendmail('a@peer.test', ['bob@example.test'], 'Subject: x\r\n\r\nx\r\n') == {}
        self.site.others_live()
        self.imap.logout()
        self.pop.quit()


def side_by_side(*asks):
    results = []
    asking = [threading.Thread(target=lambda ask=ask: results.append(ask())) for ask in asks]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return results


def imap_login(site, name):
    """Is somebody in?  Then how the store answers to it."""
    begin = time.monotonic()
    try:
        with site.imap() as session:
            try:
                session.login(name, 'x')
            except imaplib.IMAP4.error:
                return False  # NO, or BYE
            return session.select('INBOX')[0] == 'OK'
    except (imaplib.IMAP4.abort, OSError):
        return False
    finally:
        assert time.monotonic() - begin < ANSWER, f'{name} takes too long'


def pop_login(site, name):
    pop = poplib.POP3_SSL('localhost', site.ports['pop3s'], timeout=ANSWER, context=site.context)
    try:
        pop.user(name)
        pop.pass_('x')
        pop.stat()
        return True
    except (poplib.error_proto, OSError):
        return False
    finally:
        pop.close()


def smtp_login(site, name):
    """A code of the reply to AUTH, which auth never lets come to its end; 0: closed."""
    blob = base64.b64encode(f'\0{name}\0x'.encode()).decode()
    try:
        with smtplib.SMTP_SSL('localhost', site.ports['submissions'], 'peer.test', timeout=ANSWER,
                              context=site.context) as smtp:
            smtp.ehlo()
            code, _ = smtp.docmd('AUTH', 'PLAIN ' + blob)
            for _ in range(3):
                if code != 334:
                    break
                code, _ = smtp.docmd(blob)
            if code == 334:
                code, _ = smtp.docmd('*')
            assert smtp.mail(f'{name}@example.test')[0] in (503, 530)
            return code
    except (smtplib.SMTPServerDisconnected, OSError):
        return 0


@pytest.mark.parametrize('how', WELL_FORMED)
def test_a_lie_in_the_right_form(site, how):
    deaths, sessions = site.deaths(), Sessions(site)
    assert side_by_side(lambda: imap_login(site, how), lambda: pop_login(site, how)) == [False] * 2
    sessions.go_on()
    assert site.deaths() == deaths


def test_the_answer_of_another_question(site):
    """Success for the one that waits, said to both: neither gets at mail by it."""
    sessions = Sessions(site)
    assert side_by_side(*[lambda: imap_login(site, 'swap')] * 2) == [False] * 2
    sessions.go_on()


def test_an_exchange_that_never_ends(site):
    sessions = Sessions(site)
    assert smtp_login(site, 'honest') in (0, 501, 454, 421, 535)
    sessions.go_on()


@pytest.mark.parametrize('how', BROKEN)
def test_a_lie_against_the_rules(site, how):
    sessions, deaths = Sessions(site), site.deaths()
    login = pop_login if how == 'wrong-id' else imap_login
    assert not login(site, how)
    until(lambda: site.deaths() > deaths)
    site.settle()
    sessions.go_on()


def test_a_word_too_many(site):
    """Who goes on accusing auth is the one that is replaced: it may be slander."""
    deaths, edges = site.deaths(), site.deaths('edge-access')
    assert not imap_login(site, 'garbage')
    until(lambda: site.deaths('edge-access') > edges)
    assert site.deaths() == deaths
    site.settle()
