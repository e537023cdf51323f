# SPDX-License-Identifier: Apache-2.0
"""The queue by the command line: what waits, what is done to it, what became of it."""
import json

import pytest

from kit.mail import find, message, token
from kit.wire import submission


def put(demo, user, *recipients):
    word = token()
    with submission(demo, user) as smtp:
        smtp.envelope(user.user, *recipients)
        assert smtp.data(message(recipients[0], user.user, word)) == 250
    return word


@pytest.fixture
def away(demo, user):
    """A domain of the test's own; what is left there goes at the end."""
    domain = f'{token()}.example'
    yield domain
    demo.ll('queue', 'delete', '--domain', domain, code=None)


def rows(demo, *words):
    return demo.rows('queue', 'list', *words)


def changed(demo, *words, code=0):
    return json.loads(demo.ll('queue', *words, '--json', code=code).stdout)['recipients']


def ledger(demo, *words):
    return {row['what']: row['recipients'] for row in demo.rows('queue', 'ledger', *words)}


def balanced(demo):
    book = ledger(demo, '--recount')
    assert book.pop('accepted') == sum(book.values())
    return book


def test_show_of_what_nobody_answered(demo, user, away):
    """No reply is a dash, not a number."""
    word = put(demo, user, f'{token()}@{away}')
    one, = rows(demo, '--domain', away)
    shown = demo.ll('queue', 'show', one['id']).stdout
    assert one['code'] == 0 and [line.split() for line in shown.splitlines() if line.startswith('reply:')] == [
        ['reply:', '-']], (word, shown)


def test_filters(demo, user, away):
    put(demo, user, f'a@{away}', f'b@{away}', f'c@other.{away}')
    try:
        assert len(rows(demo, '--domain', away)) == 2
        assert len(rows(demo, '--domain', away.upper())) == 2
        one, = rows(demo, '--recipient', f'A@{away}')
        assert one['destination'] == away and one['attempts'] >= 0 and one['expires'] > one['arrived']
        assert len(rows(demo, '--recipient', away)) == 2
        assert len(rows(demo, '--id', one['id'])) == 1
        assert len(rows(demo, '--id', one['id'].split('.')[0])) == 3
        assert len(rows(demo, '--id', one['message'])) == 3
        assert len(rows(demo, '--domain', away, '--sender', user.user)) == 2
        assert not rows(demo, '--domain', away, '--sender', 'nobody@nowhere.example')
        assert not rows(demo, '--domain', away, '--older', '1h')
        assert not rows(demo, '--domain', away, '--state', 'held')
        demo.ll('queue', 'list', '--state', 'lost', code=2)
        demo.ll('queue', 'list', '--older', 'soon', code=2)
        shown = demo.ll('queue', 'show', one['id']).stdout
        assert f'a@{away}' in shown and f'b@{away}' not in shown
        demo.ll('queue', 'show', '0' * 32, code=1)
    finally:
        demo.ll('queue', 'delete', '--domain', f'other.{away}')


def test_hold_release_delete(demo, user, away):
    before = balanced(demo)
    put(demo, user, f'a@{away}', f'b@{away}')
    assert changed(demo, 'hold', '--domain', away) == 2
    assert {row['state'] for row in rows(demo, '--domain', away)} == {'held'}
    book = balanced(demo)
    assert book['held'] == before['held'] + 2
    assert changed(demo, 'hold', '--domain', away, code=1) == 0
    assert changed(demo, 'release', '--recipient', f'a@{away}') == 1
    assert {row['state'] for row in rows(demo, '--domain', away)} == {'held', 'remote'}
    assert changed(demo, 'retry', '--domain', away) == 1
    assert changed(demo, 'delete', '--domain', away) == 2
    assert not rows(demo, '--domain', away)
    assert balanced(demo)['discarded'] == before['discarded'] + 2


def test_all_of_it_has_to_be_said(demo, user, away):
    put(demo, user, f'a@{away}')
    for verb in ('hold', 'release', 'retry', 'delete'):
        demo.ll('queue', verb, code=2)
    assert len(rows(demo, '--domain', away)) == 1


def test_route(demo, user, away):
    put(demo, user, f'a@{away}', f'b@{away}')
    other = f'relay.{away}'
    demo.ll('queue', 'route', away, 'not a domain', code=2)
    demo.ll('queue', 'route', away, 'a..b', code=2)
    assert changed(demo, 'route', away, other.upper()) == 2
    routed = rows(demo, '--domain', other)
    assert {row['recipient'] for row in routed} == {f'a@{away}', f'b@{away}'}
    assert changed(demo, 'route', routed[0]['id'], away) == 1
    assert len(rows(demo, '--domain', other)) == 1
    assert changed(demo, 'delete', '--domain', other) == 1


def test_stats(demo, user, away):
    put(demo, user, *[f'{name}@{away}' for name in 'abc'])
    line, = [row for row in demo.rows('queue', 'stats') if row['destination'] == away]
    assert line['recipients'] == line['under_5m'] == 3 and line['held'] == line['older'] == 0
    assert away in demo.ll('queue', 'stats').stdout


def test_a_mailbox_of_ours_waits_for_nobody(demo, two, away):
    """Delivered from the queue: held at once, it stays; released, it arrives."""
    user, friend = two
    word = put(demo, user, friend.user, f'a@{away}')
    find(demo, friend, word)
    assert {row['recipient'] for row in rows(demo, '--sender', user.user)} == {f'a@{away}'}
    balanced(demo)
