# SPDX-License-Identifier: Apache-2.0
"""Stage 5, read, by POP3."""
import poplib
import time

import pytest

from kit.mail import deliver, empty, mails, message, token
from kit.wire import Pop, imap, pop


@pytest.fixture
def three(demo, user):
    """Three messages of known text."""
    for n in range(3):
        word = f'{token()} n{n}'
        deliver(demo, user.user, message(user.user, subject=word, body=f'.dot {n}\r\n..\r\nend\r\n'),
                subject=word)
    return user


def test_greeting_and_capabilities(demo, user):
    with Pop(demo, 'pop3s') as session:
        assert session.greeting.startswith(b'+OK')
        lines = session.listing('CAPA')
        assert {b'TOP', b'UIDL', b'PIPELINING', b'RESP-CODES', b'USER'} <= set(lines)
        sasl = [line for line in lines if line.startswith(b'SASL ')][0].split()[1:]
        assert set(sasl) == {b'PLAIN', b'LOGIN', b'SCRAM-SHA-256', b'SCRAM-SHA-256-PLUS'}
        session.ok(f'USER {user.user}')
        session.ok(f'PASS {user.password}')
        assert [line for line in session.listing('CAPA') if line.startswith(b'IMPLEMENTATION ')]
        session.ok('QUIT')
        assert session.closes()


def test_every_command(demo, three):
    expected = list(mails(demo, three).values())
    with pop(demo, three) as session:
        sizes = [len(data) for data in expected]
        assert session.ok('STAT') == b'+OK 3 %d' % sum(sizes)
        assert session.listing('LIST') == [b'%d %d' % (n + 1, s) for n, s in enumerate(sizes)]
        assert session.ok('LIST 2') == b'+OK 2 %d' % sizes[1]
        uidl = session.listing('UIDL')
        assert len({line.split()[1] for line in uidl}) == 3
        assert session.ok('UIDL 3').split()[1:] == uidl[2].split()
        for n, data in enumerate(expected, 1):
            assert b'\r\n'.join(session.listing(f'RETR {n}')) + b'\r\n' == data
        head = expected[0][:expected[0].index(b'\r\n\r\n') + 4]
        assert b'\r\n'.join(session.listing('TOP 1 0')) + b'\r\n' == head
        assert b'\r\n'.join(session.listing('TOP 1 2')) + b'\r\n' == head + b'.dot 0\r\n..\r\n'
        assert b'\r\n'.join(session.listing('TOP 1 100')) + b'\r\n' == expected[0]
        session.ok('NOOP')
        session.ok('DELE 2')
        assert session.cmd('RETR 2').startswith(b'-ERR')
        assert session.ok('STAT') == b'+OK 2 %d' % (sizes[0] + sizes[2])
        session.ok('RSET')
        assert session.ok('STAT').startswith(b'+OK 3 ')
        session.ok('DELE 1')
        session.ok('QUIT')
    assert list(mails(demo, three).values()) == expected[1:]


def test_nothing_goes_without_quit(demo, three):
    """142"""
    session = pop(demo, three)
    session.ok('DELE 1')
    session.close()
    time.sleep(0.1)
    assert len(mails(demo, three)) == 3


def test_unique_ids_stay(demo, three):
    with pop(demo, three) as session:
        first = session.listing('UIDL')
        session.ok('QUIT')
    with pop(demo, three) as session:
        assert session.listing('UIDL') == first


@pytest.mark.parametrize('command', [
    'TOP 1 -1', 'TOP 1', 'TOP', 'RETR 0', 'RETR 4', 'RETR', 'RETR x', 'DELE 4294967296', 'DELE 0',
    'LIST 99', 'UIDL 0', 'RETR -1', 'RETR 1 2', 'FOO', 'USER x', 'STLS', 'APOP x y', 'RETR ' + '9' * 100])
def test_wrong_arguments(demo, three, command):
    """142: an answer, and the session goes on."""
    with pop(demo, three) as session:
        assert session.cmd(command).startswith(b'-ERR')
        session.ok('NOOP')


@pytest.mark.parametrize('command', ['STAT', 'LIST', 'RETR 1', 'DELE 1', 'PASS x', 'RSET', 'TOP 1 1', 'UIDL'])
def test_nothing_before_a_login(demo, command):
    """142: PASS without USER too."""
    with Pop(demo, 'pop3s') as session:
        assert session.cmd(command).startswith(b'-ERR')


def test_pipelined_session_with_quit(demo, three):
    """142"""
    with pop(demo, three) as session:
        session.send('DELE 1\r\nSTAT\r\nDELE 2\r\nQUIT\r\n')
        assert [session.line()[:3] for _ in range(4)] == [b'+OK'] * 4
        assert session.closes()
    assert len(mails(demo, three)) == 1


def test_wrong_password_has_a_code(demo, user):
    with Pop(demo, 'pop3s') as session:
        session.ok(f'USER {user.user}')
        assert session.cmd('PASS wrong').startswith(b'-ERR [AUTH]')


def test_expunged_by_imap_under_a_pop3_session(demo, three):
    """143: never a wrong message."""
    expected = list(mails(demo, three).values())
    with pop(demo, three) as session:
        session.ok('STAT')
        with imap(demo, three, 'INBOX') as other:
            other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
            other.ok('EXPUNGE')
        line = session.cmd('RETR 1')
        if line.startswith(b'+OK'):
            assert b'\r\n'.join(session.lines()) + b'\r\n' == expected[0]
        assert b'\r\n'.join(session.listing('RETR 2')) + b'\r\n' == expected[1]
        assert session.cmd('DELE 3').startswith(b'+OK')
        session.cmd('QUIT')
    left = list(mails(demo, three).values())
    assert left == [expected[1]]


def test_what_comes_later_is_not_seen(demo, three):
    with pop(demo, three) as session:
        before = session.ok('STAT')
        deliver(demo, three.user, message(three.user, subject='later'), subject='later')
        assert session.ok('STAT') == before
        session.ok('QUIT')
    assert len(mails(demo, three)) == 4


def test_quit_is_told_to_imap(demo, three):
    with imap(demo, three, 'INBOX') as other, pop(demo, three) as session:
        other.ok('STORE 2 +FLAGS.SILENT (\\Deleted \\Flagged)')
        session.ok('DELE 1')
        assert not [line for line in other.ok('NOOP') if b'EXPUNGE' in line]
        session.ok('QUIT')
        assert b'* 1 EXPUNGE' in b'\n'.join(other.ok('NOOP'))
    assert len(mails(demo, three)) == 2


def test_retr_sets_no_flag(demo, three):
    with pop(demo, three) as session:
        session.listing('RETR 1')
        session.ok('QUIT')
    with imap(demo, three, 'INBOX') as other:
        assert b'* SEARCH 1 2 3' in b'\n'.join(other.ok('SEARCH UNSEEN'))


def test_two_sessions_delete_the_same(demo, three):
    with pop(demo, three) as one, pop(demo, three) as two:
        one.ok('DELE 1')
        two.ok('DELE 1')
        two.ok('DELE 2')
        one.ok('QUIT')
        two.ok('QUIT')
    assert len(mails(demo, three)) == 1


def test_moved_away_and_back(demo, three):
    def ids():
        with pop(demo, three) as session:
            return [line.split()[1] for line in session.listing('UIDL')]
    before = ids()
    with imap(demo, three, 'INBOX') as other:
        other.ok('MOVE 1 Archive')
        assert ids() == before[1:]
        other.ok('SELECT Archive')
        other.ok('MOVE 1 INBOX')
    after = ids()
    assert after[:2] == before[1:] and len(after) == 3 and after[2] not in before


def test_ids_of_another_server(demo, three):
    def ids():
        with pop(demo, three) as session:
            return [line.split()[1].decode() for line in session.listing('UIDL')]
    before, (first, second, third) = ids(), mails(demo, three)
    with pop(demo, three) as during:
        assert 'keep their unique id: 2' in demo.ll('mailbox', 'uidl', three.user, f'{first}=000000014d41c4f6',
                                                    f'{third}={"~" * 70}').stdout
        assert ids() == ['000000014d41c4f6', before[1], '~' * 70]
        assert during.ok('UIDL 1').endswith(b' 000000014d41c4f6')
    for words, code, said in (([f'{second}={"~" * 70}'], 4, "another message's"), ([f'{second}={before[0]}'], 4, "another message's"),
                              ([f'{second}=x', f'{first}={"~" * 71}'], 4, f'UID {first}: a unique id is 1 to 70'),
                              ([f'{second}='], 4, '1 to 70'), ([f'{second}=a b'], 4, 'without blanks'),
                              (['99999=x'], 4, 'no such message'), (['x'], 2, 'UID=UIDL'), (['0=x'], 2, 'UID=UIDL'),
                              ([f'{second}=x'] * 41, 2, 'at most 40')):
        assert said in demo.ll('mailbox', 'uidl', three.user, *words, code=code).all, words
    assert 'does not exist' in demo.ll('mailbox', 'uidl', 'nobody@example.test', '1=x', code=1).all
    assert ids() == ['000000014d41c4f6', before[1], '~' * 70]
    with imap(demo, three, 'INBOX') as other:
        other.ok('UID MOVE %d Archive' % first)  # it goes on as a new message
        other.ok('SELECT Archive')
        other.ok('MOVE 1 INBOX')
    assert ids()[:2] == [before[1], '~' * 70] and '000000014d41c4f6' not in ids()


def test_a_name_in_utf8(demo):
    account = demo.new_account(f'käthe{token()}@example.test', 'ein Spaß im Grünen')
    with Pop(demo, 'pop3s') as session:
        session.ok('UTF8')
        session.ok(f'USER {account.user}')
        session.ok(f'PASS {account.password}')
        session.ok('QUIT')


def test_an_empty_maildrop(demo, user):
    empty(demo, user)
    with pop(demo, user) as session:
        assert session.ok('STAT') == b'+OK 0 0'
        assert session.listing('LIST') == [] and session.listing('UIDL') == []
        session.ok('QUIT')


def test_poplib(demo, three):
    client = poplib.POP3_SSL('localhost', demo.ports['pop3s'], context=demo.context())
    client.user(three.user)
    client.pass_(three.password)
    assert client.stat()[0] == 3
    assert len(client.list()[1]) == len(client.uidl()[1]) == 3
    whole = b'\r\n'.join(client.retr(1)[1]) + b'\r\n'
    assert whole == list(mails(demo, three).values())[0]
    client.top(1, 1)
    client.noop()
    client.dele(1)
    client.rset()
    client.capa()
    client.quit()


def test_poplib_stls(demo, three):
    client = poplib.POP3('localhost', demo.ports['pop3'])
    with pytest.raises(poplib.error_proto):
        client.user(three.user)
    client.stls(demo.context())
    client.user(three.user)
    client.pass_(three.password)
    assert client.stat()[0] == 3
    client.quit()


def test_twenty_bad_pop3_commands(demo):
    with Pop(demo, 'pop3s') as session:
        for _ in range(20):
            session.send('FOO\r\n')
        assert session.closes()
        assert session.said.count(b'-ERR') >= 19


@pytest.mark.parametrize('length, good', [(510, True), (511, True), (512, True), (513, False)])
def test_length_of_a_pop3_command(demo, length, good):
    with Pop(demo, 'pop3s') as session:
        answer = session.cmd('USER ' + ' ' * 0 + 'x' * 5 + ' ' * (length - 12))
        assert (b'long' in answer) == (not good), answer
        session.ok('CAPA')
