# SPDX-License-Identifier: Apache-2.0
"""The way into the queue: mail of users for elsewhere, and what they ask for it."""
import datetime
import re
import time

import pytest

from kit.mail import ELSEWHERE, absent, find, message, token, values
from kit.wire import mx, submission

REQUIRED = 'TLS-Required: No\r\n'


def queued(demo, word):
    """What the queue holds for addresses with this word, by recipient."""
    return {row['recipient']: row for row in demo.rows('queue', 'list') if word in row['recipient']}


def put(demo, user, recipients, data, params='', sender=None):
    with submission(demo, user) as smtp:
        smtp.envelope(user.user if sender is None else sender, *recipients, params=params and ' ' + params)
        assert smtp.data(data) == 250


def test_several_domains_are_one_job(demo, two):
    """One message for two domains and a mailbox: one id, each recipient once."""
    user, friend = two
    word = token()
    away = [f'{word}@one.example', f'{word}@two.example', f'{word}.b@one.example']
    put(demo, user, [*away, friend.user], message(away[0], user.user, word))
    find(demo, friend, word)
    rows = queued(demo, word)
    assert set(rows) == set(away)
    assert len({row['id'].split('.')[0] for row in rows.values()}) == 1
    assert {row['sender'] for row in rows.values()} == {user.user}


def test_an_address_named_twice_is_queued_once(demo, user):
    word = token()
    put(demo, user, [f'{word}@one.example', f'{word}@ONE.example'],
        message(f'{word}@one.example', user.user, word))
    assert len(queued(demo, word)) == 1


def test_bytes_over_127_and_a_large_message_are_taken(demo, user):
    word = token()
    body = 'Grüße ' * 20 + '\r\n' + ('x' * 70 + '\r\n') * 4000
    put(demo, user, [f'{word}@one.example'],
        message(f'{word}@one.example', user.user, word, body=body), params='BODY=8BITMIME')
    row, = queued(demo, word).values()
    assert row['size'] > 280000


def test_the_null_sender_may_go_out(demo, user):
    """As receipts do; From is still the user's own."""
    word = token()
    put(demo, user, [f'{word}@one.example'], message(f'{word}@one.example', user.user, word),
        sender='')
    row, = queued(demo, word).values()
    assert row['sender'] == ''


def test_nobody_is_relayed_for(demo, user):
    with mx(demo) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{user.user}>') == 250
        assert smtp.cmd('RCPT TO:<somebody@one.example>').line.startswith('550 5.7.1 ')


@pytest.mark.parametrize('params', [
    'REQUIRETLS', 'REQUIRETLS RET=HDRS ENVID=abc', 'MT-PRIORITY=-9', 'MT-PRIORITY=9 REQUIRETLS'])
def test_what_a_user_asks_of_the_way(demo, two, params):
    """Into the queue, and into a mailbox of ours alike: 8689 4.3, 6710."""
    user, friend = two
    word = token()
    put(demo, user, [f'{word}@one.example', friend.user],
        message(f'{word}@one.example', user.user, word, fields=REQUIRED), params=params and ' ' + params)
    find(demo, friend, word)
    assert len(queued(demo, word)) == 1


def test_requiretls_of_another_server_for_a_mailbox_of_ours(demo, user):
    word = token()
    with mx(demo) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}> REQUIRETLS') == 555
        smtp.starttls()
        smtp.ehlo()
        smtp.envelope(ELSEWHERE, user.user, params=' REQUIRETLS')
        assert smtp.data(message(user.user, subject=word)) == 250
    find(demo, user, word)


def test_a_message_is_held_until_its_time(demo, two):
    """4865: neither the mailbox nor the queue's courier sees it before."""
    user, friend = two
    word = token()
    began = time.time()
    put(demo, user, [friend.user], message(friend.user, user.user, word), params='HOLDFOR=2')
    assert absent(demo, friend, word)
    found = find(demo, friend, word, seconds=20)
    assert time.time() - began >= 2
    assert values(found, 'Delivered-To') == [friend.user]


def test_what_cannot_be_held(demo, user):
    far = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=40)
    with submission(demo, user) as smtp:
        seconds, until = smtp.extensions['FUTURERELEASE'].split()
        assert abs(datetime.datetime.fromisoformat(until.replace('Z', '+00:00')).timestamp() -
                   time.time() - int(seconds)) < 60
        for params in (f'HOLDFOR={int(seconds) + 1}', f'HOLDUNTIL={far:%Y-%m-%dT%H:%M:%SZ}',
                       'HOLDFOR=x', 'HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z'):
            assert smtp.cmd(f'MAIL FROM:<{user.user}> {params}').line.startswith('501 5.5.4 ')
        assert smtp.cmd(f'MAIL FROM:<{user.user}> HOLDUNTIL=2020-01-01T00:00:00Z') == 250
    with mx(demo) as smtp:
        assert smtp.cmd(f'MAIL FROM:<{ELSEWHERE}> HOLDFOR=1') == 555


# ---- forwarding ----

@pytest.fixture
def forwarded(demo):
    """An alias of ours whose mail goes elsewhere, and where."""
    word = token()
    alias, away = f'{word}@example.test', f'{word}@away.example'
    demo.ll('alias', 'add', alias, away)
    yield alias, away
    demo.ll('alias', 'remove', alias)


def rewritten(demo, alias, away, sender=ELSEWHERE):
    """The reverse path that a forwarded message got."""
    with mx(demo) as smtp:
        smtp.envelope(sender, alias)
        assert smtp.data(message(alias, sender)) == 250
    return queued(demo, away)[away]['sender']


def test_a_forwarded_message_gets_a_sender_of_ours(demo, forwarded):
    alias, away = forwarded
    local, domain = ELSEWHERE.split('@')
    sender = rewritten(demo, alias, away)
    assert re.fullmatch(rf'SRS0=[A-Z2-7]{{8}}=[A-Z2-7]{{2}}={re.escape(domain)}={local}@example\.test',
                        sender)


@pytest.mark.parametrize('sender', ['', 'u1@example.test', f'{"x" * 60}@elsewhere.example',
                                    '"a b"@elsewhere.example', 'a@[192.0.2.1]'])
def test_senders_that_stay_as_they_are(demo, forwarded, sender):
    """Of bounces, of ours, and what fits no local part."""
    alias, away = forwarded
    assert rewritten(demo, alias, away, sender) == sender


def test_a_sender_that_was_rewritten_before(demo, forwarded):
    alias, away = forwarded
    first = 'SRS0=HHHH=TT=b.example=a@first.example'
    second = rewritten(demo, alias, away, first)
    assert re.fullmatch(r'SRS1=[A-Z2-7]{8}=first\.example==HHHH=TT=b\.example=a@example\.test', second)
    with mx(demo) as smtp:
        smtp.envelope('', second)
        assert smtp.data(message(second, 'postmaster@away.example')) == 250
    assert first in queued(demo, 'HHHH=TT')


def test_a_users_own_mail_by_an_alias_keeps_its_sender(demo, user, forwarded):
    alias, away = forwarded
    put(demo, user, [alias], message(alias, user.user))
    assert queued(demo, away)[away]['sender'] == user.user


def test_a_bounce_of_forwarded_mail_goes_back(demo, forwarded):
    alias, away = forwarded
    origin = f'{token()}@origin.example'
    sender = rewritten(demo, alias, away, origin)
    for address in (sender, sender.lower()):
        with mx(demo) as smtp:
            smtp.envelope('', address)
            assert smtp.data(message(address, 'postmaster@away.example')) == 250
    row = queued(demo, origin)[origin]
    assert row['sender'] == ''


def test_the_way_back_is_for_bounces_alone(demo, forwarded):
    alias, away = forwarded
    origin = f'{token()}@origin.example'
    sender = rewritten(demo, alias, away, origin)
    with mx(demo) as smtp:
        smtp.envelope('spam@spam.example', sender)
        assert smtp.data(message(sender, 'spam@spam.example')).line.startswith('550 5.7.1 ')
    assert not queued(demo, origin)


def test_nobody_relays_by_a_forged_way_back(demo, forwarded):
    alias, away = forwarded
    origin = f'{token()}@origin.example'
    sender = rewritten(demo, alias, away, origin)
    victim = f'{token()}@victim.example'
    local, domain = victim.split('@')
    forged = [sender.replace(origin.split('@')[0], local),
              sender.replace('=origin.example=', f'={domain}='),
              f'SRS0=AAAAAAAA=AA={domain}={local}@example.test',
              f'SRS1=AAAAAAAA={domain}==HHHHHHHH=TT=x.example=a@example.test',
              f'SRS0={domain}={local}@example.test', f'SRS0==={local}@example.test']
    with mx(demo) as smtp:
        for address in forged:
            smtp.cmd('MAIL FROM:<>')
            assert smtp.cmd(f'RCPT TO:<{address}>').code == 550, address
            smtp.cmd('RSET')
    assert not queued(demo, local) and not queued(demo, domain)


def test_the_way_back_survives_a_restart(own):
    own.ll('alias', 'add', 'out@example.test', 'x@away.example')
    sender = rewritten(own, 'out@example.test', 'x@away.example', 'a@origin.example')
    own.stop()
    own.start()
    with mx(own) as smtp:
        smtp.envelope('', sender)
        assert smtp.data(message(sender, 'postmaster@away.example')) == 250
    assert 'a@origin.example' in queued(own, '@origin.example')
