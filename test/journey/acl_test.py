# SPDX-License-Identifier: Apache-2.0
"""Mailboxes of others: rights (RFC 4314), namespaces, and those who have none."""
import imaplib
import os
import re
import signal

import pytest

from kit.instance import Instance, wait
from kit.mail import absent, deliver, message, token
from kit.wire import imap

OTHERS, SHARED = 'Other Users', 'Shared Folders'


@pytest.fixture(scope='module')
def house():
    """alice, bob and carol, each with a mailbox of their own, and an account that is shared."""
    instance = Instance(users=3)
    try:
        instance.start()
        for option, value in (('shared', 'info@example.test'), ('quota', '200000')):
            instance.set_option('accounts', option, value)
        instance.reload()
        instance.info = instance.new_account('info@example.test', 'a-long-password')
        instance.carol = instance.accounts[2]
        yield instance
        instance.stop()
    finally:
        instance.clean()


class Person:
    """A session, and what its owner calls his mailboxes."""
    def __init__(self, house, account):
        self.account = account
        self.session = imap(house, account)
        self.ok, self.cmd = self.session.ok, self.session.cmd

    def of(self, name):
        level = SHARED if self.account.local == 'info' else OTHERS
        return f'{level}/{self.account.user}/{name}'

    def said(self, line):
        """NO or BAD with its code."""
        status, text, _ = self.cmd(line)
        code = re.match(r'\[([A-Z]+)', text)
        return f'{status} {code.group(1)}' if code and status != 'OK' else status

    def listed(self, pattern='*', options=''):
        found = self.ok(f'LIST "" "{pattern}"{options}')
        return [re.search(r'"/" "(.*)"', line.decode()).group(1) for line in found if b'* LIST' in line]

    def rights(self, name):
        line = self.ok(f'MYRIGHTS "{name}"')[0].decode()
        return line.rsplit(' ', 1)[1]

    def select(self, name, verb='SELECT'):
        found = b'\n'.join(self.ok(f'{verb} "{name}"')).decode()
        self.permanent = re.search(r'PERMANENTFLAGS \((.*?)\)\]', found).group(1).split()
        return re.match(r'\[([A-Z-]+)', self.session.text).group(1)

    def append(self, name, flags='', body='Hello.\r\n'):
        return self.session.append(message(body=body), name, flags)[0:2]

    def flags(self, number):
        line = b''.join(self.ok(f'FETCH {number} FLAGS')).decode()
        return set(re.search(r'FLAGS \((.*?)\)', line).group(1).split()) - {'\\Recent'}


@pytest.fixture
def people(house):
    sessions = [Person(house, account) for account in (house.alice, house.bob, house.carol, house.info)]
    yield sessions
    for person in sessions:
        person.session.close()


@pytest.fixture
def box(people):
    """A mailbox of alice's with two messages, nobody else's yet."""
    alice, name = people[0], token()
    alice.ok(f'CREATE {name}')
    for flags in ('', ' (\\Flagged)'):
        assert alice.append(name, flags)[0] == 'OK'
    yield name
    with imap(alice.session.demo, alice.account) as session:
        session.cmd(f'DELETE {name}')


def grant(owner, box, who, rights):
    owner.ok(f'SETACL {box} {who.account.user} "{rights}"')


# ---- what is announced ----

def test_namespace_and_capability(people):
    assert {'ACL', 'RIGHTS=texk', 'LIST-MYRIGHTS', 'NAMESPACE'} <= set(people[0].session.capability())
    assert people[0].ok('NAMESPACE') == [
        b'* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared Folders/" "/"))']


def test_imaplib(house):
    """A library that others wrote, through a whole life of a grant."""
    name = token()
    with imaplib.IMAP4_SSL('127.0.0.1', house.ports['imaps'],
                           ssl_context=house.context(check_hostname=False)) as alice, \
         imaplib.IMAP4_SSL('127.0.0.1', house.ports['imaps'],
                           ssl_context=house.context(check_hostname=False)) as bob:
        alice.login(house.alice.user, house.alice.password)
        bob.login(house.bob.user, house.bob.password)
        assert alice.create(name)[0] == 'OK'
        there = f'"{OTHERS}/{house.alice.user}/{name}"'
        assert bob.select(there)[0] == 'NO'
        assert alice.setacl(name, house.bob.user, 'lrs')[0] == 'OK'
        _, data = alice.getacl(name)
        assert data == [f'"{name}" "{house.alice.user}" lrswipkxteacd "{house.bob.user}" lrs'.encode()]
        assert bob.myrights(there)[1] == [f'{there} lrs'.encode()]
        assert bob.select(there) == ('OK', [b'0'])
        assert alice.append(name, '', None, b'Subject: x\r\n\r\ny\r\n')[0] == 'OK'
        assert bob.noop()[0] == 'OK'
        assert bob.fetch('1', '(BODY[])')[0] == 'OK'
        assert bob.store('1', '+FLAGS', '(\\Flagged)')[0] == 'NO'
        assert bob.append(there, '', None, b'Subject: z\r\n\r\n')[0] == 'NO'
        assert alice.deleteacl(name, house.bob.user)[0] == 'OK'
        with pytest.raises(imaplib.IMAP4.abort):
            bob.fetch('1', '(FLAGS)')
        alice.delete(name)


# ---- who sees what ----

def test_nothing_is_seen_without_l(people, box):
    alice, bob, carol, _ = people
    there, nowhere = alice.of(box), alice.of('nothing-there')
    stranger = f'{OTHERS}/nobody@example.test/{box}'

    def answers(name):
        return [carol.cmd(line % name)[:2] for line in (
            'SELECT "%s"', 'EXAMINE "%s"', 'STATUS "%s" (MESSAGES)', 'MYRIGHTS "%s"', 'GETACL "%s"',
            'LISTRIGHTS "%s" anyone', 'SETACL "%s" bob@example.test lr', 'DELETEACL "%s" bob@example.test',
            'DELETE "%s"', 'RENAME "%s" elsewhere', 'SUBSCRIBE "%s"', 'CREATE "%s/below"', 'UNSUBSCRIBE "%s"')] + [
            carol.append(name)]
    grant(alice, box, bob, 'lrswipkxtea')
    before = answers(nowhere)
    assert answers(there) == before and answers(stranger) == before
    assert [status for status, _ in before] == ['NO'] * 10 + ['OK', 'NO', 'OK', 'NO']
    assert there in bob.listed() and there not in carol.listed()
    assert carol.listed(there) == carol.listed(alice.of('%')) == []
    # The account that is shared is reached below its own level alone, and nobody below his own name.
    assert alice.said(f'SELECT "{alice.of(box)}"') == 'NO NONEXISTENT'
    assert bob.said(f'SELECT "{SHARED}/{alice.account.user}/{box}"') == 'NO NONEXISTENT'
    assert bob.said(f'SELECT "{there.replace("alice", "ALICE")}"') == 'NO NONEXISTENT'
    for name in (OTHERS, f'{OTHERS}/{alice.account.user}', SHARED):
        assert bob.said(f'SELECT "{name}"') == 'NO NONEXISTENT'
        assert bob.said(f'CREATE "{name}"') in ('NO NOPERM', 'NO CANNOT')


def test_lists_of_others(people, box):
    alice, bob, carol, _ = people
    alice.ok(f'CREATE "{box}/hidden/Shown"')
    grant(alice, f'"{box}/hidden/Shown"', bob, 'lr')
    there = alice.of(f'{box}/hidden/Shown')
    assert there in bob.listed(f'{OTHERS}/*') and alice.of(box) in bob.listed(f'{OTHERS}/*')
    lines = b'\n'.join(bob.ok(f'LIST "" "{alice.of(box)}*"')).decode()
    assert f'(\\Noselect \\HasChildren) "/" "{alice.of(box)}"' in lines
    assert f'(\\HasNoChildren) "/" "{there}"' in lines
    assert OTHERS in bob.listed('%') and OTHERS not in carol.listed('%')
    assert bob.said(f'SELECT "{alice.of(box)}"') == 'NO NONEXISTENT'
    found = bob.ok(f'LIST "" "{there}" RETURN (MYRIGHTS STATUS (MESSAGES))')
    assert f'* MYRIGHTS "{there}" lr'.encode() in found and f'* STATUS "{there}" (MESSAGES 0)'.encode() in found
    # What is subscribed is remembered, whatever becomes of it.
    bob.ok(f'SUBSCRIBE "{there}"')
    assert there in bob.listed('*', ' RETURN (SUBSCRIBED)')
    assert b'\\Subscribed' in b''.join(bob.ok(f'LIST "" "{there}" RETURN (SUBSCRIBED)'))
    alice.ok(f'DELETEACL "{box}/hidden/Shown" {bob.account.user}')
    assert bob.listed(there) == []
    assert b'\\NonExistent' in b''.join(bob.ok(f'LIST (SUBSCRIBED) "" "{there}"'))
    bob.ok(f'UNSUBSCRIBE "{there}"')
    # Uses are the owner's: a client does not take his Drafts for its own.
    grant(alice, 'Drafts', bob, 'lr')
    assert b'\\Drafts' not in b''.join(bob.ok(f'LIST "" "{alice.of("Drafts")}"'))
    alice.ok(f'DELETEACL Drafts {bob.account.user}')
    for name in ('hidden/Shown', 'hidden'):
        alice.ok(f'DELETE "{box}/{name}"')


def test_many_names_in_pages(people, box):
    """More than a page of own names, of others, and of both."""
    alice, bob, _, _ = people
    names = [f'{box}/n{n:03}' for n in range(60)]
    for n, name in enumerate(names):
        alice.ok(f'CREATE "{name}"')
        if n % 2:
            grant(alice, f'"{name}"', bob, 'l')
    assert bob.listed(f'{alice.of(box)}/%') == [alice.of(name) for name in names[1::2]]
    everything = bob.listed()
    assert everything == sorted(everything) and len(set(everything)) == len(everything)
    for name in names:
        alice.ok(f'DELETE "{name}"')
    assert bob.listed(f'{alice.of(box)}/%') == []


# ---- what each right is for ----

def test_select_and_flags(people, box):
    alice, bob, _, _ = people
    there = alice.of(box)
    grant(alice, box, bob, 'l')
    assert bob.said(f'SELECT "{there}"') == bob.said(f'STATUS "{there}" (MESSAGES)') == 'NO NOPERM'
    grant(alice, box, bob, 'lr')
    assert bob.select(there) == 'READ-ONLY' and bob.permanent == []
    assert bob.cmd('STORE 1 +FLAGS (\\Seen)')[1].startswith('[READ-ONLY]')
    bob.ok('FETCH 1 BODY[]')
    assert bob.flags(1) == set()
    cases = {'s': {'\\Seen'}, 't': {'\\Deleted'}, 'w': {'\\Answered', '\\Flagged', '\\Draft', '\\*'}}
    for right, flags in cases.items():
        grant(alice, box, bob, 'lr' + right)
        assert bob.select(there) == 'READ-WRITE' and set(bob.permanent) == flags
        for flag in ('\\Seen', '\\Deleted', '\\Answered', '$Word'):
            mine = flag in flags or (right == 'w' and flag == '$Word')
            assert bob.cmd(f'STORE 1 +FLAGS ({flag})')[0] == ('OK' if mine else 'NO'), (right, flag)
            assert (flag in bob.flags(1)) == mine
        # Some of them are enough; the others stay as they are.
        bob.ok('STORE 2 FLAGS (\\Seen \\Deleted \\Answered)')
        after = bob.flags(2)
        assert ('\\Flagged' in after) == (right != 'w')
        assert after & {'\\Seen', '\\Deleted', '\\Answered'} == flags & {'\\Seen', '\\Deleted', '\\Answered'}
        alice.ok(f'SELECT {box}')
        alice.ok('STORE 1 FLAGS ()')
        alice.ok('STORE 2 FLAGS (\\Flagged)')
    grant(alice, box, bob, 'lrs')
    bob.select(there)
    bob.ok('FETCH 1 BODY[]')
    alice.ok('NOOP')
    assert bob.flags(1) == alice.flags(1) == {'\\Seen'}


def test_append_and_copy_keep_the_flags_that_are_allowed(people, box):
    """RFC 4314 4: the example, with our names."""
    alice, bob, _, _ = people
    there, own = alice.of(box), token()
    bob.ok(f'CREATE {own}')
    for flags in ('\\Draft \\Deleted', '\\Answered', '$Forwarded \\Seen'):
        assert bob.append(own, f' ({flags})')[0] == 'OK'
    grant(alice, box, bob, 'lrws')
    bob.select(own)
    assert bob.said(f'COPY 1 "{there}"') == 'NO NOPERM'
    assert bob.append(there)[0] == 'NO'
    cases = {'rwis': [{'\\Draft'}, {'\\Answered'}, {'$Forwarded', '\\Seen'}],
             'rsti': [{'\\Deleted'}, set(), {'\\Seen'}]}
    for rights, kept in cases.items():
        grant(alice, box, bob, rights)
        bob.select(own)
        bob.ok(f'COPY 1:3 "{there}"')
        assert 'COPYUID' in bob.session.text
        assert bob.append(there, ' (\\Seen \\Deleted \\Flagged word)')[0] == 'OK'
        bob.select(there)
        assert [bob.flags(n) for n in (3, 4, 5)] == kept
        assert bob.flags(6) == ({'\\Seen', '\\Flagged', 'word'} if 'w' in rights else {'\\Seen', '\\Deleted'})
        alice.ok(f'SELECT {box}')
        alice.ok('STORE 3:* +FLAGS.SILENT (\\Deleted)')
        alice.ok('EXPUNGE')
    # Whoever may put in and nothing else does not learn more.
    bob.ok('CLOSE')
    grant(alice, box, bob, 'i')
    assert bob.append(there)[0] == 'OK' and bob.said(f'SELECT "{there}"') == 'NO NONEXISTENT'
    bob.ok(f'DELETE {own}')


def test_move_and_expunge(people, box):
    alice, bob, carol, _ = people
    there, own = alice.of(box), token()
    bob.ok(f'CREATE {own}')
    for rights in ('lrswik', 'lrt', 'lre'):
        grant(alice, box, bob, rights)
        bob.select(there)
        assert bob.said(f'MOVE 1 {own}') == 'NO NOPERM'
        if 'e' not in rights:
            assert bob.said('EXPUNGE') == bob.said('UID EXPUNGE 1:*') == 'NO NOPERM'
            bob.ok('CLOSE')
    grant(alice, box, bob, 'lrte')
    bob.select(there)
    bob.ok(f'MOVE 1 {own}')
    assert b'EXISTS' not in b''.join(bob.ok('NOOP'))
    bob.select(own)
    assert len(bob.session.bodies()) == 1
    # Into the mailbox of a third one, from the second's.
    carol.ok(f'CREATE {own}')
    grant(carol, own, bob, 'li')
    bob.select(there)
    bob.ok(f'MOVE 1 "{carol.of(own)}"')
    bob.ok(f'SELECT {own}')
    carol.select(own)
    assert len(carol.session.bodies()) == 1
    alice.select(box)
    assert not alice.session.uids()
    # What was taken away is with its owner, who can have it back.
    rows = alice.session.demo.rows('mailbox', 'undelete', alice.account.user, box, '--all')
    assert rows[0]['messages'] == 2
    bob.ok('CLOSE')
    for person in (bob, carol):
        person.ok(f'DELETE {own}')


def test_copies_are_whole(people, box):
    """Many messages and large ones between two accounts, byte for byte, and their order."""
    alice, bob, _, _ = people
    there, own = alice.of(box), token()
    bob.ok(f'CREATE {own}')
    for n in range(70):
        size = 40000 if n == 3 else 10
        assert bob.append(own, f' ($k{n % 40})', body=f'{n} ' + 'x' * size + '\r\n')[0] == 'OK'
    bob.select(own)
    before = list(bob.session.bodies().values())
    grant(alice, box, bob, 'lrswit')
    bob.ok(f'COPY 2,4:69 "{there}"')
    code = re.search(r'COPYUID \d+ (\S+) (\S+)\]', bob.session.text).groups()
    assert code[0] == '2,4:69'
    alice.select(box)
    bodies = alice.session.bodies()
    assert list(bodies.values())[2:] == [before[1], *before[3:69]]
    assert alice.flags(3) == {'$k1'} and alice.flags(4) == {'$k3'}
    line = b''.join(alice.ok('FETCH 3 EMAILID'))
    assert re.search(rb'EMAILID \(\S+\)', line)
    bob.ok(f'DELETE {own}')
    assert list(alice.session.bodies().values())[2:] == [before[1], *before[3:69]]


def test_the_owner_is_charged(people, box):
    """Mail that others put into a mailbox counts for its account, which is full after some."""
    alice, bob, _, _ = people
    there, own = alice.of(box), token()
    used = re.compile(rb'STORAGE (\d+) (\d+)')

    def storage(person):
        return int(used.search(b''.join(person.ok('GETQUOTA ""'))).group(1))
    grant(alice, box, bob, 'lrit')
    before, mine = storage(alice), storage(bob)
    assert bob.append(there, body='x' * 50000 + '\r\n')[0] == 'OK'
    assert storage(alice) - before in (49, 50) and storage(bob) == mine
    assert bob.ok(f'GETQUOTAROOT "{there}"') == [f'* QUOTAROOT "{there}"'.encode()]
    bob.ok(f'CREATE {own}')
    assert bob.append(own, body='x' * 80000 + '\r\n')[0] == 'OK'
    bob.select(own)
    assert bob.said(f'COPY 1 "{there}"') == 'OK'
    assert bob.said(f'COPY 1 "{there}"') == 'NO OVERQUOTA'
    assert bob.session.append(message(body='x' * 80000), there)[1].startswith('[OVERQUOTA]')
    bob.ok(f'DELETE {own}')


def test_names_of_others(people, box):
    """CREATE below, RENAME and DELETE of somebody else's mailboxes."""
    alice, bob, carol, _ = people
    there = alice.of(box)
    grant(alice, box, bob, 'lr')
    assert bob.said(f'CREATE "{there}/new"') == 'NO NOPERM'
    assert bob.said(f'CREATE "{alice.of("new")}"') == 'NO NOPERM'
    assert bob.said(f'DELETE "{there}"') == bob.said(f'RENAME "{there}" "{there}2"') == 'NO NOPERM'
    grant(alice, box, bob, 'lrk')
    bob.ok(f'CREATE "{there}/new/er"')
    assert bob.said(f'CREATE "{there}/use" (USE (\\Junk))') == 'NO USEATTR'
    # A new mailbox begins with the rights of the one above.
    assert bob.rights(f'{there}/new/er') == bob.rights(f'{there}/new') == 'lrkc'
    assert f'"{bob.account.user}" lrkc' in alice.ok(f'GETACL "{box}/new/er"')[0].decode()
    assert bob.said(f'DELETE "{there}/new/er"') == 'NO NOPERM'
    grant(alice, f'"{box}/new"', bob, 'lrkx')
    # What stands below and may not be moved keeps its place.
    assert bob.said(f'RENAME "{there}/new" "{there}/newest"') == 'NO NOPERM'
    grant(alice, f'"{box}/new/er"', bob, 'lrx')
    bob.ok(f'RENAME "{there}/new" "{there}/newest"')
    assert bob.rights(f'{there}/newest/er') == 'lrxc'
    for target in ('mine', carol.of('INBOX/x'), alice.of('outside')):
        assert bob.said(f'RENAME "{there}/newest/er" "{target}"') in ('NO CANNOT', 'NO NOPERM')
    assert bob.said(f'RENAME INBOX "{there}/newest/inbox"') == 'NO CANNOT'
    grant(alice, 'INBOX', bob, 'lrxk')
    assert bob.said(f'DELETE "{alice.of("INBOX")}"') == 'NO CANNOT'
    assert bob.said(f'RENAME "{alice.of("INBOX")}" "{alice.of("INBOX/x")}"').startswith('NO CANNOT')
    alice.ok(f'DELETEACL INBOX {bob.account.user}')
    bob.ok(f'DELETE "{there}/newest/er"')
    # Made again it is another mailbox; what was removed comes back with its rights.
    alice.ok(f'DELETE "{box}/newest"')
    alice.ok(f'CREATE "{box}/newest"')
    assert bob.rights(f'{there}/newest') == 'lrkc'
    alice.ok(f'DELETE "{box}/newest"')


# ---- while it is open ----

def test_rights_that_go_while_it_is_open(people, box):
    alice, bob, carol, _ = people
    there = alice.of(box)
    for reader in (bob, carol):
        grant(alice, box, reader, 'lrswite')
        reader.select(there)
    carol.session.start('IDLE')
    assert carol.session.line().startswith(b'+')
    grant(alice, box, bob, 'lr')
    for line in ('STORE 1 +FLAGS (\\Seen)', 'STORE 1 +FLAGS ($Word)', 'EXPUNGE', 'MOVE 1 INBOX'):
        assert bob.said(line) == 'NO NOPERM', line
    bob.ok('FETCH 1 BODY[]')
    assert bob.flags(1) == set()
    bob.ok('CLOSE')
    bob.select(there)
    for reader in (bob, carol):
        alice.ok(f'DELETEACL {box} {reader.account.user}')
    # One is told, the other finds out: no byte of the mailbox any more.
    assert carol.session.line().startswith(b'* BYE')
    with pytest.raises(EOFError):
        bob.session.finish(bob.session.start('UID FETCH 1:* (UID BODY.PEEK[])'))
    assert b'BODY' not in bob.session.buffer


def test_hints_of_anothers_mailbox(house, people, box):
    """Somebody in IDLE in another account's INBOX hears of what is delivered there."""
    alice, bob, _, _ = people
    grant(alice, 'INBOX', bob, 'lr')
    bob.select(alice.of('INBOX'))
    tag = bob.session.start('IDLE')
    assert bob.session.line().startswith(b'+')
    subject = deliver(house, house.alice.user)
    while b'EXISTS' not in bob.session.line():
        pass
    bob.session.send(b'DONE\r\n')
    assert bob.session.finish(tag)[0] == 'OK'
    assert bob.ok(f'SEARCH SUBJECT {subject}')[-1].split()[2:]
    assert bob.ok('SORT (SUBJECT) UTF-8 ALL') and bob.ok('THREAD REFERENCES UTF-8 ALL')
    alice.ok(f'DELETEACL INBOX {bob.account.user}')
    assert absent(house, house.bob, subject)


# ---- who may say who may ----

def test_administering(people, box):
    alice, bob, carol, _ = people
    there = alice.of(box)
    grant(alice, box, bob, 'lrswipkxte')
    for line in (f'GETACL "{there}"', f'SETACL "{there}" {carol.account.user} lr', f'DELETEACL "{there}" {bob.account.user}',
                 f'LISTRIGHTS "{there}" {carol.account.user}', f'SETACL "{there}" {bob.account.user} +a'):
        assert bob.said(line) == 'NO NOPERM', line
    grant(alice, box, bob, '+a')
    grant(bob, f'"{there}"', carol, 'lr')
    assert carol.rights(there) == 'lr'
    # The owner keeps everything, whatever they do.
    for line in (f'SETACL "{there}" {alice.account.user} ""', f'DELETEACL "{there}" {alice.account.user}',
                 f'SETACL "{there}" -{alice.account.user} lra', f'SETACL {box} {alice.account.user} lr'):
        assert (alice if 'Other' not in line else bob).said(line) == 'NO CANNOT', line
    assert alice.rights(box) == 'lrswipkxteacd'
    # What is refused is not had, whatever else grants it.
    alice.ok(f'SETACL {box} -{carol.account.user} r')
    assert carol.rights(there) == 'l' and carol.said(f'SELECT "{there}"') == 'NO NOPERM'
    assert f'"-{carol.account.user}" r' in alice.ok(f'GETACL {box}')[0].decode()
    alice.ok(f'DELETEACL {box} -{carol.account.user}')
    assert carol.rights(there) == 'lr'
    # Nobody opens his mailbox to everybody: that is for accounts of nobody's own.
    for who in ('anyone', '-anyone', 'nobody@example.test', 'bob', '$team', 'group=x'):
        assert alice.said(f'SETACL {box} {who} lr') == 'NO CANNOT', who
    assert alice.said(f'LISTRIGHTS {box} anyone') == 'NO CANNOT'


def test_shared_account(house, people):
    alice, bob, carol, info = people
    name = token()
    info.ok(f'CREATE {name}')
    there = info.of(name)
    assert there not in bob.listed()
    info.ok(f'SETACL {name} anyone lrswi')
    grant(info, name, bob, '+t')
    assert there in bob.listed() and there in carol.listed() and SHARED in carol.listed('%')
    assert bob.rights(there) == 'lrswitd' and carol.rights(there) == 'lrswi'
    info.ok(f'SETACL {name} -{carol.account.user} wi')
    assert carol.rights(there) == 'lrs'
    assert bob.append(there)[0] == 'OK' and carol.append(there)[0] == 'NO'
    assert alice.said(f'SELECT "{OTHERS}/info@example.test/{name}"') == 'NO NONEXISTENT'
    # Below its own names an account finds its own mailboxes alone.
    assert info.said(f'SELECT "{there}"') == 'NO NONEXISTENT' and there not in info.listed()
    # An account that is no longer shared is an account like any other: anyone is nobody.
    carol.select(there)
    house.set_option('accounts', 'shared', 'other@example.test')
    house.reload()
    with pytest.raises(EOFError):
        carol.session.finish(carol.session.start('FETCH 1 FLAGS'))
    assert bob.said(f'SELECT "{there}"') == 'NO NONEXISTENT'
    assert bob.said(f'MYRIGHTS "{OTHERS}/info@example.test/{name}"') == 'NO NONEXISTENT'
    info.ok(f'SETACL {name} {bob.account.user} +l')
    assert bob.rights(f'{OTHERS}/info@example.test/{name}') == 'ltd'
    house.set_option('accounts', 'shared', 'info@example.test')
    house.reload()
    info.ok(f'DELETE {name}')


def test_an_account_that_is_made_anew_has_nothing(house, people, box):
    alice = people[0]
    dora = house.new_account('dora@example.test', 'a-long-password')
    alice.ok(f'SETACL {box} {dora.user} lr')
    with imap(house, dora) as session:
        session.select(alice.of(box))
    house.ll('account', 'remove', dora.user)
    assert dora.user not in alice.ok(f'GETACL {box}')[0].decode()
    house.ll('account', 'restore', dora.user)
    assert dora.user in alice.ok(f'GETACL {box}')[0].decode()
    # What belongs to a removed account is nobody's for that time.
    with imap(house, dora) as session:
        session.ok(f'SETACL INBOX {alice.account.user} lr')
    theirs = f'{OTHERS}/{dora.user}/INBOX'
    alice.ok(f'EXAMINE "{theirs}"')
    house.ll('account', 'remove', dora.user)
    with pytest.raises(EOFError):
        alice.session.finish(alice.session.start('FETCH 1:* FLAGS'))
    with imap(house, house.alice) as again:
        assert again.cmd(f'EXAMINE "{theirs}"')[1].startswith('[NONEXISTENT]')
        assert theirs.encode() not in b''.join(again.ok('LIST "" *'))


def test_without_other_users(house, people, box):
    """Switched off: nobody reaches anybody, and the name is one like any other."""
    alice, bob, _, _ = people
    grant(alice, box, bob, 'lr')
    bob.select(alice.of(box))
    house.set_option('accounts', 'others-name', '""')
    house.reload()
    try:
        with pytest.raises(EOFError):
            bob.session.finish(bob.session.start('FETCH 1 FLAGS'))
        assert alice.said(f'SETACL {box} {bob.account.user} lr') == 'NO CANNOT'
        assert b') NIL (' in alice.ok('NAMESPACE')[0]
        alice.ok(f'CREATE "{OTHERS}/mine"')
    finally:
        house.set_option('accounts', 'others-name', f'"{OTHERS}"')
        house.reload()
    # Then it is hidden behind the level; the administrator still finds it.
    assert alice.said(f'SELECT "{OTHERS}/mine"') == 'NO NONEXISTENT'
    assert f'{OTHERS}/mine' not in alice.listed()
    assert f'{OTHERS}/mine' in [row['name'] for row in house.rows('mailbox', 'list', house.alice.user)]


def test_another_name_of_the_level(house, people):
    info, bob = people[3], people[1]
    info.ok('SETACL INBOX anyone lr')
    house.set_option('accounts', 'shared-name', '"Gemeinsam"')
    house.reload()
    try:
        assert b'(("Gemeinsam/" "/"))' in bob.ok('NAMESPACE')[0]
        assert bob.rights(f'Gemeinsam/{info.account.user}/INBOX') == 'lr'
        assert f'Gemeinsam/{info.account.user}/INBOX' in bob.listed('Gemeinsam*')
        assert bob.said(f'SELECT "{info.of("INBOX")}"') == 'NO NONEXISTENT'
    finally:
        house.set_option('accounts', 'shared-name', f'"{SHARED}"')
        house.reload()
    info.ok('DELETEACL INBOX anyone')


def test_the_administrator(house, people, box):
    """The command shows and changes the same, and says what is not possible."""
    alice, bob, carol, _ = people
    mail = ('mailbox', 'grant', alice.account.user, box)
    house.ll(*mail, bob.account.user, 'lrs')
    house.ll(*mail, carol.account.user, '+lrd')
    house.ll(*mail, carol.account.user, 'r', '--refuse')
    rows = house.rows('mailbox', 'rights', alice.account.user, box)
    assert rows == [{'who': alice.account.user, 'rights': 'lrswipkxteacd', 'refused': ''},
                    {'who': bob.account.user, 'rights': 'lrs', 'refused': ''},
                    {'who': carol.account.user, 'rights': 'lrted', 'refused': 'r'}]
    assert bob.rights(alice.of(box)) == 'lrs' and carol.rights(alice.of(box)) == 'lted'
    assert 'WHO' in house.ll('mailbox', 'rights', alice.account.user, box).stdout
    bob.select(alice.of(box))
    house.ll(*mail, bob.account.user, 'none')
    with pytest.raises(EOFError):
        bob.session.finish(bob.session.start('FETCH 1 FLAGS'))
    for words, why in (((alice.account.user, 'lr'), 'owner'), (('anyone', 'lr'), 'shared'),
                       (('nobody@example.test', 'lr'), 'no account')):
        assert why in house.ll(*mail, *words, code=2).stderr + house.ll(*mail, *words, code=None).stdout
    assert 'letters' in house.ll(*mail, bob.account.user, 'xyz', code=2).stderr
    house.ll('mailbox', 'rights', alice.account.user, 'None', code=1)
    house.ll('mailbox', 'grant', 'info@example.test', 'INBOX', 'anyone', 'l')
    assert f'{SHARED}/info@example.test/INBOX' in carol.listed()
    house.ll('mailbox', 'grant', 'info@example.test', 'INBOX', 'anyone', 'none')


def test_annotations(people, box):
    """RFC 5464 5: what is shared by rights, what is private is the owner's."""
    alice, bob, _, _ = people
    there = alice.of(box)
    alice.ok(f'SETMETADATA {box} (/shared/comment "ours" /private/comment "mine")')
    grant(alice, box, bob, 'l')
    assert bob.said(f'GETMETADATA "{there}" /shared/comment') == 'NO NOPERM'
    grant(alice, box, bob, 'lr')
    said = b''.join(bob.ok(f'GETMETADATA (DEPTH infinity) "{there}" (/shared /private)'))
    assert b'ours' in said and b'mine' not in said
    assert bob.said(f'SETMETADATA "{there}" (/shared/comment "x")') == 'NO NOPERM'
    grant(alice, box, bob, 'lrw')
    assert bob.said(f'SETMETADATA "{there}" (/private/comment "x")') == 'NO NOPERM'
    bob.ok(f'SETMETADATA "{there}" (/shared/comment "yours")')
    assert b'yours' in b''.join(alice.ok(f'GETMETADATA {box} /shared/comment'))
    alice.ok(f'DELETEACL {box} {bob.account.user}')
    assert bob.said(f'GETMETADATA "{there}" /shared/comment') == 'NO NONEXISTENT'
    assert bob.said(f'SETMETADATA "{there}" (/shared/comment "x")') == 'NO NONEXISTENT'


def test_search_in_several_mailboxes(people, box):
    """RFC 7377: what may be read of others is searched where it is asked for by name."""
    alice, bob, _, _ = people
    there = alice.of(box)
    grant(alice, box, bob, 'l')
    line = f'ESEARCH IN (subtree "{OTHERS}") RETURN (COUNT) ALL'
    assert box.encode() not in b''.join(bob.ok(line))
    grant(alice, box, bob, 'lr')
    assert there.encode() in b''.join(bob.ok(line))
    assert box.encode() not in b''.join(bob.ok('ESEARCH IN (personal) RETURN (COUNT) ALL'))


def test_after_a_restart(house, people, box):
    alice, bob, _, _ = people
    grant(alice, box, bob, 'lrs')
    alice.ok(f'RENAME {box} {box}2')
    pid = house.pids()['store'][0]
    os.kill(pid, signal.SIGKILL)
    assert wait(lambda: house.pids()['store'] != [pid], 20)

    def there():
        try:
            with imap(house, house.bob) as session:
                return session.ok(f'MYRIGHTS "{alice.of(box + "2")}"')[0].decode()
        except (AssertionError, EOFError, OSError):
            return None
    assert wait(there, 20).endswith(' lrs')
    rows = house.rows('fsck')
    assert not [row for row in rows if 'right' in str(row)], rows
    with imap(house, house.alice) as session:
        session.ok(f'DELETE {box}2')
