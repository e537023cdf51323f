# SPDX-License-Identifier: Apache-2.0
"""The way into the queue: mail of users for elsewhere, and what they ask for it."""
import datetime
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
