# SPDX-License-Identifier: Apache-2.0
"""`letterlock why ID`: what happened to a message, whatever became of the log."""
import os
import signal

import pytest

from kit.instance import Instance, alive, wait
from kit.mail import deliver, message
from kit.wire import submission


@pytest.fixture(scope='module')
def demo():
    instance = Instance(users=3)
    try:
        yield instance.start()
        instance.stop()
    finally:
        instance.clean()


def last(instance, event='smtp.kept'):
    rows = instance.log_rows(event)
    return rows[-1] if rows else None


def sent(instance):
    """A message from another server; its id."""
    before = len(instance.log_rows('smtp.kept'))
    deliver(instance, instance.alice.user)
    assert wait(lambda: len(instance.log_rows('smtp.kept')) > before, 2)
    return last(instance)['id']


def events(instance, ident):
    """Both ends of the log have told of it."""
    def both():
        rows = instance.rows('why', ident)
        return rows if {'smtp.kept', 'message.kept'} <= {row['event'] for row in rows} else None
    return wait(both, 2)


def test_one_message(demo):
    ident = sent(demo)
    rows = events(demo, ident)
    assert [row['time'] for row in rows] == sorted(row['time'] for row in rows)
    kept = next(row for row in rows if row['event'] == 'message.kept')
    assert kept['part'] == 'kept' and kept['role'] == 'store'
    assert kept['fields']['to'] == demo.alice.user
    arrived = next(row for row in rows if row['event'] == 'smtp.kept')
    assert arrived['part'] == 'arrived' and arrived['fields']['ip'] == '127.0.0.1'
    page = demo.ll('why', ident).stdout
    assert page.startswith(f'Message {ident}\n')
    assert page.index('\nArrived\n') < page.index('\nKept\n')
    assert demo.alice.user in page


def test_the_session_that_brought_it(demo):
    """TLS and login stand under the session's id, which the message's arrival names."""
    with submission(demo, demo.alice) as smtp:
        smtp.envelope(demo.alice.user, demo.bob.user)
        assert smtp.data(message(demo.bob.user, demo.alice.user)) == 250
    assert wait(lambda: last(demo) and last(demo)['user'] == demo.alice.user, 2)
    rows = events(demo, last(demo)['id'])
    of_session = {row['event'] for row in rows if row['session']}
    assert {'tls.established', 'login.accepted'} <= of_session
    assert rows[0]['event'] == 'tls.established'


def test_mail_for_elsewhere(demo):
    """What the courier did is told, under the message's id and under the queue's."""
    with submission(demo, demo.alice) as smtp:
        smtp.envelope(demo.alice.user, 'somebody@one.example')
        assert smtp.data(message('somebody@one.example', demo.alice.user)) == 250
    (job,) = [row for row in demo.rows('queue', 'list') if row['recipient'] == 'somebody@one.example']
    def tried():
        rows = demo.rows('why', job['id'])
        return rows if any(row['event'] == 'carry.recipient' for row in rows) else None
    rows = wait(tried, 5)
    (end,) = [row for row in rows if row['event'] == 'carry.recipient']
    assert end['part'] == 'delivery' and end['fields']['outcome'] == 'deferred'
    ident = last(demo)['id']
    assert demo.rows('why', ident) == rows
    page = demo.ll('why', ident).stdout
    assert 'for somebody@one.example; deferred 4.4.3 the MX records cannot be looked up' in page


def test_no_other_message_is_told(demo):
    idents = [sent(demo) for _ in range(5)]
    for ident in idents:
        rows = events(demo, ident)
        assert len([row for row in rows if row['event'] == 'message.kept']) == 1


def test_unknown_and_wrong(demo):
    done = demo.ll('why', '00000000000000aa', code=1)
    assert 'nothing is known of 00000000000000aa' in done.stderr and done.stdout == ''
    assert 'nothing is known' in demo.ll('why', 32 * 'a', code=1).stderr
    for word in ('x', '0', '1234567890abcdef0', 'alice@example.test', 32 * 'g', 33 * 'a'):
        assert '16 digits' in demo.ll('why', word, code=2).stderr
    demo.ll('why', code=2)


def test_rotation(demo):
    """The log is taken away: the trail is its own."""
    ident = sent(demo)
    before = events(demo, ident)
    demo.log.rename(demo.log.with_suffix('.1'))
    demo.process.send_signal(signal.SIGHUP)
    assert wait(lambda: 'conf.reloaded' in demo.log_text(), 5)
    assert events(demo, ident) == before
    assert events(demo, sent(demo))


def test_the_logger_dies(demo):
    """kill -9: a new one reads the trail; what was told before is told again."""
    ident = sent(demo)
    before = events(demo, ident)
    (pid,) = demo.pids()['logger']
    os.kill(pid, signal.SIGKILL)
    assert wait(lambda: demo.pids()['logger'][0] not in (0, pid) and alive(demo.pids()['logger'][0]), 5)
    assert wait(lambda: demo.ll('why', ident, code=None).returncode == 0, 5)
    assert demo.rows('why', ident) == before
    assert wait(lambda: events(demo, sent(demo)), 5)


def test_no_trail():
    """0: nothing is kept, and that is said; a removed file is begun anew; the log may be as it likes."""
    with_none = Instance(users=2)
    try:
        with_none.start()
        assert (with_none.dir / 'data/trail').stat().st_size > 0
        ident = sent(with_none)
        assert events(with_none, ident)
        with_none.stop()
        with_none.set_option('log', 'trail', '0')
        with_none.file.unlink()
        with_none.start()
        assert 'trail 0' in with_none.ll('why', ident, code=4).stderr
        with_none.stop()
        (with_none.dir / 'data/trail').unlink()
        with_none.set_option('log', 'trail', '2M')
        with_none.file.unlink()
        with_none.start()
        assert 'nothing is known' in with_none.ll('why', ident, code=1).stderr
        assert events(with_none, sent(with_none))
        with_none.stop()
        # The log's form and fields are not the trail's.
        with_none.set_option('log', 'format', 'syslog')
        with_none.set_option('log', 'fields', 'event')
        with_none.log.unlink()
        with_none.file.unlink()
        with_none.start()
        deliver(with_none, with_none.alice.user)
        (line,) = wait(lambda: [x for x in with_none.log_text().splitlines() if 'smtp.kept' in x], 2)
        ident = line.split(' id=')[1].split()[0]
        assert 'ip=' not in line
        arrived = next(row for row in events(with_none, ident) if row['event'] == 'smtp.kept')
        assert arrived['fields']['ip'] == '127.0.0.1'
        with_none.stop()
    finally:
        with_none.clean()
