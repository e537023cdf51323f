# SPDX-License-Identifier: Apache-2.0
"""Stage 1 and 2 for users: what submission adds, strips and refuses."""
import email.utils
import re
import smtplib
import time
from email.message import EmailMessage

import pytest

from kit.instance import wait
from kit.mail import ELSEWHERE, absent, find, message, split, token, values
from kit.wire import Smtp, mx, submission


def submit(demo, account, data, to, port='submissions', code=250, sender=None):
    with submission(demo, account, port) as smtp:
        smtp.envelope(sender or account.user, *([to] if isinstance(to, str) else to))
        reply = smtp.data(data)
        assert reply == code, reply
        return reply


@pytest.mark.parametrize('port', ['submission', 'submissions'])
def test_a_message_from_a_user(demo, two, port):
    user, friend = two
    word = token()
    submit(demo, user, message(friend.user, user.user, word), friend.user, port)
    found = find(demo, friend, word)
    received = values(found, 'Received')[0]
    assert re.match(r'from client\.example\.test \(\[127\.0\.0\.1\]\)\s+by mx\.example\.test with '
                    r'ESMTPSA\s+\(TLSv1\.3 TLS_\w+\)\s+id \S+\s+for <', received), received
    assert values(found, 'Return-Path') == [f'<{user.user}>']
    assert values(found, 'Delivered-To') == [friend.user]


def test_smtplib_over_starttls_and_ssl(demo, two):
    user, friend = two
    for kind, port in ((smtplib.SMTP, 'submission'), (smtplib.SMTP_SSL, 'submissions')):
        word = token()
        letter = EmailMessage()
        letter['From'], letter['To'], letter['Subject'] = user.user, friend.user, word
        letter.set_content('Grüße aus Wien\n')
        options = {'context': demo.context()} if kind is smtplib.SMTP_SSL else {}
        with kind('localhost', demo.ports[port], **options) as server:
            if kind is smtplib.SMTP:
                server.starttls(context=demo.context())
            server.login(user.user, user.password)
            assert server.send_message(letter) == {}
        assert b'Message-ID: ' in find(demo, friend, word)


def test_missing_date_and_message_id_are_added(demo, two):
    """E6: by submission only, never on the MX port."""
    user, friend = two
    word = token()
    bare = f'From: {user.user}\r\nTo: {friend.user}\r\nSubject: {word}\r\n\r\nx'
    submit(demo, user, bare, friend.user)
    found = find(demo, friend, word)
    date = email.utils.parsedate_to_datetime(values(found, 'Date')[0])
    assert abs(date.timestamp() - time.time()) < 60
    assert values(found, 'Date')[0].endswith('+0000')
    assert re.fullmatch(r'<[^@<>\s]+@mx\.example\.test>', values(found, 'Message-ID')[0])
    word = token()
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, friend.user)
        assert smtp.data(bare.replace(bare.split('\r\n')[2], f'Subject: {word}')) == 250
    found = find(demo, friend, word)
    assert not values(found, 'Date') and not values(found, 'Message-ID')


def test_date_and_message_id_of_the_client_stay(demo, two):
    user, friend = two
    word = token()
    submit(demo, user, message(friend.user, user.user, word), friend.user)
    found = find(demo, friend, word)
    assert values(found, 'Date') == ['Sun, 22 Nov 2026 04:00:00 +0000']
    assert values(found, 'Message-ID') == [f'<{word}@elsewhere.example>']


@pytest.mark.parametrize('field', ['Bcc: secret.one@example.test', 'BCC: a@b.example,\r\n\tc@d.example',
                                   'bcc:x@y.example'])
def test_bcc_is_stripped(demo, two, field):
    """232"""
    user, friend = two
    word = token()
    submit(demo, user, message(friend.user, user.user, word, fields=field + '\r\n'), friend.user)
    assert not values(find(demo, friend, word), 'Bcc')
    word = token()
    with mx(demo) as smtp:
        smtp.envelope(ELSEWHERE, friend.user)
        assert smtp.data(message(friend.user, subject=word, fields=field + '\r\n')) == 250
    assert values(find(demo, friend, word), 'Bcc'), 'the MX port changes nothing'


def test_the_body_of_a_submitted_message_is_untouched(demo, two):
    user, friend = two
    word = token()
    body = 'x \t\r\n\r\n.\r\nBcc: not a field\r\n--\r\n'
    submit(demo, user, message(friend.user, user.user, word, body=body)[:-2], friend.user)
    assert split(find(demo, friend, word))[1].decode() == body


def test_a_sender_beside_the_own_from_is_cut(demo, two):
    """E6: it says nothing, or what is not so."""
    user, friend = two
    for sender in (user.user, friend.user):
        word = token()
        submit(demo, user, message(friend.user, user.user, word, fields=f'Sender: {sender}\r\n'),
               friend.user)
        assert values(find(demo, friend, word), 'Sender') == []


# ---- of others ----

def test_the_envelope_of_another_is_refused(demo, two):
    """103"""
    user, other = two
    with submission(demo, user) as smtp:
        for sender in (other.user, 'x@elsewhere.example', 'postmaster@example.test'):
            reply = smtp.cmd(f'MAIL FROM:<{sender}>')
            assert reply.code in (550, 553) and reply.enhanced == '5.7.1', reply
        assert smtp.cmd(f'MAIL FROM:<{user.user}>') == 250


@pytest.mark.parametrize('field', ['From: <{other}>', 'From: <{user}>, <{other}>',
                                   'From: "{user}" <{other}>', 'From: <{user}>\r\nFrom: <{other}>',
                                   'From: {user} <{other}>', 'fRoM:<{other}>',
                                   'From: group: <{other}>;',
                                   'From:\r\n <{other}>'])
def test_the_from_of_another_is_refused(demo, two, field):
    """85, 103: one address, and it is the user's own."""
    user, other = two
    word = token()
    field = field.format(user=user.user, other=other.user)
    data = f'{field}\r\nTo: {other.user}\r\nSubject: {word}\r\n\r\nx'
    reply = submit(demo, user, data, other.user, code=550)
    assert reply.enhanced.startswith('5.'), reply
    assert absent(demo, other, word)


def test_a_message_without_from_is_refused(demo, two):
    """87"""
    user, other = two
    submit(demo, user, f'Sender: {user.user}\r\nSubject: x\r\n\r\nx', other.user, code=550)


def test_own_address_with_a_tag(demo, two):
    user, friend = two
    word = token()
    tagged = user.user.replace('@', '+list@')
    submit(demo, user, message(friend.user, tagged, word), friend.user, sender=tagged)
    find(demo, friend, word)


def test_a_grant(demo, two):
    user, boss = two
    word = token()
    data = message(user.user, boss.user, word)
    demo.ll('account', 'set', user.user, '--grant', boss.user)
    try:
        submit(demo, user, data, user.user, sender=boss.user)
        find(demo, user, word)
    finally:
        demo.ll('account', 'set', user.user, '--revoke', boss.user)
    with submission(demo, user) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{boss.user}>').code in (550, 553)


def test_mail_for_elsewhere_waits_in_the_queue(demo, user):
    word = token()
    submit(demo, user, message('x@elsewhere.example', user.user, word), f'{word}@elsewhere.example')
    rows = [row for row in demo.rows('queue', 'list')
            if row['recipient'] == f'{word}@elsewhere.example']
    assert len(rows) == 1 and rows[0]['sender'] == user.user
    assert word in demo.ll('queue', 'list').stdout


def notify(demo, sender, recipients, word):
    """Mail to recipients as (address, parameters), its envelope named like the mail."""
    with submission(demo, sender) as smtp:
        assert 'DSN' in smtp.extensions
        smtp.envelope(sender.user, params=f' RET=HDRS ENVID={word}')
        for to, params in recipients:
            assert smtp.cmd(f'RCPT TO:<{to}> {params}') == 250
        assert smtp.data(message(recipients[0][0], sender.user, word, body='Secret body.\r\n')) == 250


def test_a_report_of_success(demo, two):
    """RFC 3461: once it is in the mailbox, and once."""
    user, friend = two
    word = token()
    notify(demo, user, [(friend.user, f'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{friend.user}')], word)
    find(demo, friend, word)
    report = find(demo, user, word, seconds=20)
    assert values(report, 'Return-Path') == ['<>']
    for line in (f'Original-Envelope-Id: {word}', f'Original-Recipient: rfc822; {friend.user}',
                 f'Final-Recipient: rfc822; {friend.user}', 'Action: delivered', 'Status: 2.0.0'):
        assert f'\r\n{line}\r\n'.encode() in report, (line, report)
    assert b'Secret body.' not in report and b'Delivered-To: ' + friend.user.encode() not in report
    assert wait(lambda: not [row for row in demo.rows('queue', 'list') if row['recipient'] == friend.user], 20)
    find(demo, friend, word)
    find(demo, user, word)


def test_no_report_of_success(demo, two):
    """NEVER, and what asks for failures alone; a later mail's report shows that none comes."""
    user, friend = two
    words = [token() for _ in range(3)]
    for word, params in zip(words, ('NOTIFY=NEVER', 'NOTIFY=FAILURE,DELAY', 'NOTIFY=SUCCESS')):
        notify(demo, user, [(friend.user, params)], word)
    find(demo, user, words[2], seconds=20)
    for word in words:
        find(demo, friend, word)
    assert absent(demo, user, words[0]) and absent(demo, user, words[1])


def test_other_recipients_are_not_named_in_received(demo, two):
    """232: `for` only when there is one."""
    user, friend = two
    word = token()
    submit(demo, user, message(friend.user, user.user, word), [user.user, friend.user])
    for account in two:
        found = find(demo, account, word)
        assert ' for <' not in values(found, 'Received')[0]
        assert values(found, 'Delivered-To') == [account.user]


def test_the_null_sender_is_not_for_users(demo, user):
    """A reverse-path of nobody: at most as the own message's, never relayed as other."""
    with submission(demo, user) as smtp:
        reply = smtp.cmd('MAIL FROM:<>')
        assert reply.code in (250, 550, 553)


def test_auth_state_is_of_one_session(demo, user):
    with submission(demo, user) as smtp:
        assert smtp.cmd(b'AUTH PLAIN ' + user.plain()) == 503
        smtp.ehlo()
        assert smtp.cmd(f'MAIL FROM:<{user.user}>') == 250
        assert smtp.cmd(b'AUTH PLAIN ' + user.plain()) == 503
    with Smtp(demo, 'submissions') as smtp:
        smtp.ehlo()
        assert smtp.cmd(f'MAIL FROM:<{user.user}>') == 530


# ---- addresses that become others (rewrite) ----

def rewriting(demo, rules):
    demo.config.write_text(demo.config.read_text() + f'\nrewrite {{ {rules} }}\n')
    demo.reload()


def test_addresses_become_others(own):
    """Both sides, the envelope and the header; what somebody signed stays."""
    user, friend = own.alice, own.bob
    domain = user.user.split('@')[1]
    alias = f'first.last@{domain}'
    own.ll('alias', 'add', alias, user.user)
    rewriting(own, f'sender {user.user} {alias}; recipient old@{domain} {friend.user}; '
                   f'canonical @gone.example @{domain};')
    word, local = token(), friend.user.split('@')[0]
    letter = message(friend.user, user.user, word,
                     fields=f'Cc: Old (old@{domain}) <old@{domain}>,\r\n {local}@gone.example\r\n'
                            f'Reply-To: "{user.user}" <{user.user}>\r\n')
    submit(own, user, letter, [f'old@{domain}', f'{local}@gone.example'], sender=user.user)
    found = find(own, friend, word)
    assert values(found, 'From') == [f'<{alias}>']
    assert values(found, 'Reply-To') == [f'"{user.user}" <{alias}>']
    assert values(found, 'Cc')[0].split() == ['Old', f'(old@{domain})', f'<{friend.user}>,', friend.user]
    assert values(found, 'To') == [f'<{friend.user}>'] and not values(found, 'Sender')
    assert values(found, 'Return-Path') == [f'<{alias}>']
    assert values(found, 'Delivered-To') == [friend.user]

    word = token()
    submit(own, user, message(friend.user, user.user, word, fields='DKIM-Signature: v=1\r\n'), friend.user)
    found = find(own, friend, word)
    assert values(found, 'From') == [f'<{user.user}>'] and values(found, 'Return-Path') == [f'<{alias}>']

    # From other servers: the recipient alone, and never to the world outside.
    word = token()
    rules = own.config.read_text()
    own.config.write_text(rules.replace('rewrite {', f'rewrite {{ recipient out@{domain} x@elsewhere.example;'))
    own.reload()
    with mx(own) as smtp:
        smtp.envelope(user.user, f'old@{domain}')
        assert smtp.data(message(f'old@{domain}', user.user, word)) == 250
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}>') == 250
        assert smtp.cmd(f'RCPT TO:<out@{domain}>') == 550
    found = find(own, friend, word)
    assert values(found, 'From') == [f'<{user.user}>'] and values(found, 'To') == [f'<old@{domain}>']
    assert values(found, 'Return-Path') == [f'<{user.user}>']


def test_hosts_behind_their_domain(own):
    """What becomes the login's own address may be used; what is kept may not."""
    user, friend = own.alice, own.bob
    local, domain = user.user.split('@')
    rewriting(own, f'masquerade {domain}; keep-domains kept.{domain}; keep-users root;')
    word = token()
    submit(own, user, message(f'x@pc.{domain}', f'{local}@pc7.{domain}', word), friend.user,
           sender=f'{local}@pc7.lab.{domain}')
    found = find(own, friend, word)
    assert values(found, 'From') == [f'<{user.user}>'] and values(found, 'To') == [f'<x@{domain}>']
    assert values(found, 'Return-Path') == [f'<{user.user}>'] and not values(found, 'Sender')
    for sender in (f'{local}@kept.{domain}', f'root@pc7.{domain}', f'{friend.user.split("@")[0]}@pc7.{domain}'):
        with submission(own, user) as smtp:
            assert smtp.cmd(f'MAIL FROM:<{sender}>').code // 100 == 5, sender
