# SPDX-License-Identifier: Apache-2.0
"""Mail readers and fetchers of others, a scripted round trip each.

mbsync and offlineimap keep a Maildir and the account alike while both sides change;
getmail and fetchmail download by POP3 and IMAP; mutt and alpine are typed into.
What has to come of it is a model of the mailboxes, compared byte for byte.
LL_READERS=all: those that take their time, too (`make check-long`).
"""
import os
import re
import subprocess

import pytest

from kit.mail import empty, message, token
from kit.terminal import Terminal
from kit.wire import imap

slow = pytest.mark.skipif(os.environ.get('LL_READERS') != 'all', reason='LL_READERS is not all')
FLAGS = {'S': '\\Seen', 'R': '\\Answered', 'F': '\\Flagged', 'D': '\\Draft', 'T': '\\Deleted'}
TEXTS = {
    'plain': 'One line.\r\n',
    'empty': '',
    'dots': '.\r\n..\r\n.dot\r\n',
    'from': 'From here it looks like a mailbox file.\r\n>From there, too.\r\n',
    'utf8': 'Grüße, 你好, ещё.\r\n',
    'long': 'x' * 990 + '\r\n',
    'lines': ''.join(f'line {n}\r\n' for n in range(2000)),
    'blank': '\r\n\r\n \r\n\t\r\n',
}


def letter(subject, account, body=None, fields=''):
    if body is None:
        body = TEXTS[subject]
    return message(account.user, subject=subject, body=body, fields=fields).encode()


def letters(account):
    """Subject -> message, each of a kind that a client may stumble over."""
    found = {name: letter(name, account) for name in TEXTS}
    found['parts'] = letter('parts', account, (
        '--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nsüß\r\n'
        '--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + 'AAECAwQFBgcICQ==\r\n' * 400 + '--b--\r\n'), 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n')
    found['folded'] = letter('folded', account, 'Fields.\r\n', (
        'X-Folded: one\r\n two\r\n\tthree\r\nX-Empty: \r\nx-case: kept\r\nX-Twice: 1\r\nX-Twice: 2\r\n'
        'X-Word: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n'))
    return found


def run(*words, env, codes=(0,)):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=50,
                          env=env, stdin=subprocess.DEVNULL, errors='replace')
    assert done.returncode in codes, (words, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def local_lines(data):
    """With the line ends of here, without the field by which mbsync knows what it appended."""
    return re.sub(rb'(?m)^X-TUID: .*\n', b'', data.replace(b'\r\n', b'\n'))


def there(demo, account, names):
    """Mailbox -> sorted (flags, message with the lines of here), as the server has it."""
    state = {}
    with imap(demo, account) as session:
        for name in names:
            session.select(name)
            bodies = session.bodies() if session.exists else {}
            flags = {}
            for line in session.ok('UID FETCH 1:* (UID FLAGS)') if session.exists else []:
                found = re.search(rb'UID (\d+)', line)
                flags[int(found.group(1))] = sorted(
                    word for word in re.search(rb'FLAGS \((.*?)\)', line).group(1).decode().split()
                    if word in FLAGS.values())
            state[name] = sorted((flags[uid], local_lines(data)) for uid, data in bodies.items())
    return state


def agree(got, want):
    """Short first, so that a failure can be read; then every byte."""
    def brief(state):
        return {name: [(flags, re.search(rb'(?m)^Subject: (.*)', data).group(1), len(data)) for flags, data in rows]
                for name, rows in state.items()}
    assert brief(got) == brief(want), f'{brief(got)}\n{brief(want)}'
    assert got == want


def versions(demo, account, names):
    """What moves when anything is changed."""
    with imap(demo, account) as session:
        return [(session.modseq(name), session.select(name), session.uidnext)[::2] for name in names]


def fill(demo, account, name, mails, flags=()):
    with imap(demo, account) as session:
        session.cmd(f'CREATE {name}')
        for subject, data in mails.items():
            session.append(data, name, f' ({dict(flags).get(subject, "")})')


def numbered(session, subject):
    found = session.uids(f'HEADER Subject {subject}')
    assert len(found) == 1, (subject, found)
    return found[0]


# ---- Maildir and account alike ----

def mail_files(folder):
    return [path for part in ('cur', 'new') for path in sorted((folder / part).glob('*'))]


def here(root, names):
    state = {}
    for name in names:
        state[name] = sorted(
            (sorted(FLAGS[flag] for flag in path.name.partition(':2,')[2]),
             local_lines(path.read_bytes())) for path in mail_files(root / name))
    return state


def file_of(folder, subject):
    found = [path for path in mail_files(folder) if f'\nSubject: {subject}\n'.encode() in path.read_bytes()]
    assert len(found) == 1, (subject, found)
    return found[0]


def mbsync(demo, account, root, env):
    config = root.parent / 'mbsyncrc'
    config.write_text(f'''IMAPAccount there
Host localhost
Port {demo.ports['imaps']}
SSLType IMAPS
CertificateFile {demo.ca}
User {account.user}
Pass {account.password}
AuthMechs LOGIN

IMAPStore far
Account there

MaildirStore near
Path {root}/
Inbox {root}/INBOX
SubFolders Verbatim

Channel both
Far :far:
Near :near:
Patterns tok*
Create Both
Expunge Both
SyncState *
''')
    return lambda: run('mbsync', '-c', config, '-a', env=env)


def offlineimap(demo, account, root, env):
    config = root.parent / 'offlineimaprc'
    config.write_text(f'''[general]
accounts = demo
metadata = {root.parent}/state
ui = basic
socktimeout = 20
[Account demo]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {root}
sync_deletes = yes
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {demo.ports['imaps']}
ssl = yes
sslcacertfile = {demo.ca}
remoteuser = {account.user}
remotepass = {account.password}
usecompression = yes
folderfilter = lambda name: name.startswith('tok')
''')
    return lambda: run('offlineimap', '-c', config, '-o', env=env)


@pytest.mark.oracle(cpu=60)
@pytest.mark.parametrize('program', [mbsync, pytest.param(offlineimap, marks=slow)])
def test_both_sides_change_and_agree(demo, user, tmp_path, home, program):
    """Flags, moves, deletions, new messages and new mailboxes, on either side, go to the other one."""
    root, one, two, fresh = tmp_path / 'mail', token(), token(), token()
    root.mkdir()
    mails = letters(user)
    fill(demo, user, one, mails, {'plain': '\\Seen', 'dots': '\\Flagged \\Answered', 'long': '\\Draft'})
    fill(demo, user, two, {})
    sync, names = program(demo, user, root, home), [one, two]
    sync()
    before = there(demo, user, names)
    assert len(before[one]) == len(mails)
    agree(here(root, names), before)

    path = file_of(root / one, 'plain')
    path.rename(path.with_name(path.name + 'R'))  # S becomes SR; letters stand in order
    file_of(root / one, 'from').unlink()
    path = file_of(root / one, 'utf8')
    path.rename(root / two / 'cur' / '1000.0.here:2,F')  # moved, as a client does it here
    for part in ('cur', 'new', 'tmp'):
        (root / fresh / part).mkdir(parents=True)
    new = letter('new here', user, 'Local.\r\n')
    (root / fresh / 'cur' / '1000.1.here:2,S').write_bytes(local_lines(new))
    with imap(demo, user, one) as session:
        session.ok(f'UID STORE {numbered(session, "lines")} +FLAGS (\\Flagged)')
        session.ok(f'UID STORE {numbered(session, "dots")} -FLAGS (\\Flagged)')
        session.ok(f'UID MOVE {numbered(session, "folded")} {two}')
        session.ok(f'UID STORE {numbered(session, "blank")} +FLAGS (\\Deleted)')
        session.ok('EXPUNGE')
        extra = letter('new there', user, 'Remote.\r\n')
        session.append(extra, one, ' (\\Seen)')
    sync()
    sync()  # offlineimap carries what was moved here over by its second turn
    flags = {'plain': ['\\Answered', '\\Seen'], 'dots': ['\\Answered'], 'long': ['\\Draft'], 'lines': ['\\Flagged']}
    gone = ('from', 'utf8', 'folded', 'blank')
    model = {one: [(flags.get(name, []), data) for name, data in mails.items() if name not in gone]
             + [(['\\Seen'], extra)],
             two: [(['\\Flagged'], mails['utf8']), ([], mails['folded'])],
             fresh: [(['\\Seen'], new)]}
    model = {name: sorted((flags, local_lines(data)) for flags, data in rows) for name, rows in model.items()}
    names.append(fresh)
    agree(there(demo, user, names), model)
    agree(here(root, names), model)
    still = versions(demo, user, names)
    sync()
    assert versions(demo, user, names) == still and here(root, names) == model
    with imap(demo, user) as session:
        for name in names:
            session.ok(f'DELETE {name}')


# ---- download ----

KEEP = 'cat >$(mktemp {}/cur/XXXXXXXXXX)'  # a file for each message


def getmail(demo, account, root, env, protocol):
    config = root.parent / 'getmailrc'
    kind = {'imap': 'SimpleIMAPSSLRetriever', 'pop3': 'SimplePOP3SSLRetriever'}[protocol]
    mailboxes = 'mailboxes = ("INBOX",)\nmove_on_delete = Archive\nrecord_mailbox = false' if protocol == 'imap' else ''
    config.write_text(f'''[retriever]
type = {kind}
server = localhost
port = {demo.ports[protocol + 's']}
username = {account.user}
password = {account.password}
ca_certs = {demo.ca}
{mailboxes}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "{KEEP.format(root)}")
allow_root_commands = true
[options]
read_all = false
delivered_to = false
received = false
''')
    return lambda *more: run('getmail', '-q', '-g', root.parent, '-r', config, *more, env=env)


def fetchmail(demo, account, root, env, protocol):
    config = root.parent / 'fetchmailrc'
    config.write_text(f'''set invisible
set no bouncemail
set no syslog
set idfile {root.parent}/ids
poll localhost service {demo.ports[protocol + 's']} protocol {protocol} {'uidl' * (protocol == 'pop3')}
 user "{account.user}" password "{account.password}" ssl sslcertfile {demo.ca} sslcertck
 no rewrite pass8bits no mimedecode keep
 mda "{KEEP.format(root)}"
''')
    config.chmod(0o600)
    words = ['fetchmail', '-s', '-N', '-f', config, '--pidfile', f'{root.parent}/pid']

    def fetch(*more):
        run(*words, *(['--fetchall', '--nokeep'] if more else []), env=env, codes=(0, 1))  # 1: nothing new
    return fetch


@pytest.mark.parametrize('protocol', ['imap', 'pop3'])
@pytest.mark.parametrize('program', [pytest.param(getmail, marks=slow), fetchmail])
def test_download(demo, user, tmp_path, home, program, protocol):
    """Each message once; what comes later alone; then all is taken off the server."""
    root = tmp_path / 'mail'
    (root / 'cur').mkdir(parents=True)
    mails = letters(user)
    fill(demo, user, 'INBOX', mails)
    fetch = program(demo, user, root, home, protocol)

    def got():
        return sorted(path.read_bytes().removeprefix(b'Return-Path: <unknown>\n')  # getmail, where there is none
                      for path in mail_files(root))
    fetch()
    assert got() == sorted(map(local_lines, mails.values()))
    extra = {'later': letter('later', user, 'Later.\r\n')}
    for _ in range(2):
        fetch()
        assert got() == sorted(map(local_lines, mails.values())), 'something came twice'
        if 'later' in mails:
            break
        fill(demo, user, 'INBOX', extra)
        mails.update(extra)
    assert len(there(demo, user, ['INBOX'])['INBOX']) == len(mails), 'something was deleted'
    fetch('-d')
    left = there(demo, user, ['INBOX', 'Archive'])
    assert left['INBOX'] == []
    if program is getmail and protocol == 'imap':
        assert [data for _, data in left['Archive']] == sorted(map(local_lines, mails.values()))
        empty(demo, user, 'Archive')


# ---- typed into ----

def without_lengths(data):
    """mutt writes these into what it keeps here."""
    return re.sub(rb'(?m)^(Content-Length: \d+|Lines: \d+|Status: RO?)\n', b'', local_lines(data))


def copied(folder):
    return sorted(without_lengths(path.read_bytes()) for path in mail_files(folder))


def test_mutt(demo, user, tmp_path, home):
    """Copies all out, flags, moves, deletes, appends; then looks again with its caches."""
    name, out, again, up = token(), tmp_path / 'out', tmp_path / 'again', tmp_path / 'up'
    mails = letters(user)
    fill(demo, user, name, mails, {'plain': '\\Seen'})
    extra = letter('upward', user, 'From a file.\r\n')
    (up / 'cur').mkdir(parents=True)
    (up / 'new').mkdir()
    (up / 'tmp').mkdir()
    (up / 'cur' / '1.here:2,S').write_bytes(local_lines(extra))
    (tmp_path / 'headers').mkdir()
    config = tmp_path / 'muttrc'
    config.write_text(f'''set folder=imaps://localhost:{demo.ports['imaps']}/ spoolfile=+INBOX
set imap_user={user.user} imap_pass={user.password}
set ssl_ca_certificates_file={demo.ca}
set imap_condstore imap_qresync header_cache={tmp_path}/headers message_cachedir={tmp_path}/bodies
set mbox_type=Maildir delete=yes quit=yes move=no wait_key=no record="" sort=mailbox-order
unset confirmappend confirmcreate mark_old resolve beep
set certificate_file={tmp_path}/certificates
''')

    def mutt(keys):
        words = ['mutt', '-n', '-F', config, '-f', f'={name}', '-e', f"push '{keys}'"]
        with Terminal(words, home) as terminal:
            assert terminal.ended() == 0, terminal.text()[-2000:]
    every = '<tag-pattern>~A<enter><tag-prefix>'
    none = '<untag-pattern>~A<enter>'

    def on(subject):
        return f'<search>~s {subject}<enter>'
    mutt(f'{every}<copy-message>{out}<enter>{none}'
         f'{on("plain")}<set-flag>!{on("dots")}<set-flag>r{on("plain")}<clear-flag>N'
         f'{on("utf8")}<save-message>=Drafts<enter>{on("long")}<delete-message><sync-mailbox>'
         f'<change-folder>{up}<enter><copy-message>={name}<enter><quit>')
    assert copied(out) == sorted(map(local_lines, mails.values()))
    left = dict(mails, upward=extra)
    moved = left.pop('utf8')
    del left['long']
    flags = {'plain': ['\\Flagged', '\\Seen'], 'dots': ['\\Answered', '\\Seen'], 'upward': ['\\Seen']}
    state = {key: [(flags, without_lengths(data)) for flags, data in rows]
             for key, rows in there(demo, user, [name, 'Drafts']).items()}
    agree(state, {
        name: sorted((flags.get(subject, []), local_lines(data)) for subject, data in left.items()),
        'Drafts': [([], local_lines(moved))]})

    with imap(demo, user, name) as session:
        session.ok(f'UID STORE {numbered(session, "lines")} +FLAGS (\\Flagged \\Seen)')
        session.ok(f'UID STORE {numbered(session, "dots")} +FLAGS.SILENT (\\Deleted)')
        session.ok('EXPUNGE')
        later = letter('later', user, 'Later.\r\n')
        session.append(later, name)
    mutt(f'<tag-pattern>~F<enter><tag-prefix><copy-message>{out}-flagged<enter>'
         f'{every}<copy-message>{again}<enter><quit>')
    del left['dots']
    assert copied(again) == sorted(map(without_lengths, [*left.values(), later]))
    assert copied(tmp_path / 'out-flagged') == sorted(map(local_lines, [left['plain'], left['lines']]))
    with imap(demo, user) as session:
        session.ok(f'DELETE {name}')
    empty(demo, user, 'Drafts')


def mailbox_file(messages):
    return b''.join(b'From x@y.example Sun Nov 22 04:00:00 2026\n' + local_lines(data) + b'\n' for data in messages)


def of_mailbox_file(path):
    """The messages that alpine kept, without its own one and its own fields."""
    parts = re.split(rb'(?m)^From \S+(?:@\S+)? \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}.*\n', path.read_bytes())
    return sorted(re.sub(rb'(?m)^(Status|X-Status|X-Keywords|X-UID):.*\n', b'', part)[:-1] for part in parts[2:])


@slow
def test_alpine(demo, user, tmp_path, home):
    """Copies all into a local folder, flags, moves, deletes, expunges; appends a local folder at once."""
    name = token()
    mails = letters(user)
    fill(demo, user, name, mails)
    server = f'{{localhost:{demo.ports["imaps"]}/ssl/user={user.user}}}'
    extra = {subject: letter(subject, user, subject + '\r\n') for subject in ('up one', 'up two')}
    (tmp_path / 'mail').mkdir()
    (tmp_path / 'mail' / 'up').write_bytes(mailbox_file(extra.values()))
    config = tmp_path / 'pinerc'
    config.write_text(f'''personal-name=User
inbox-path={server}INBOX
system-certs-file={demo.ca}
feature-list=enable-aggregate-command-set,enable-flag-cmd,enable-jump-command,quit-without-confirm,
 expunge-without-confirm-everywhere,save-will-not-delete
folder-collections=Here {tmp_path}/mail/[]
sort-key=Arrival
last-version-used=9.99
status-message-delay=0
''')
    number = {subject: n for n, subject in enumerate(mails, 1)}
    typed = (('(?i)password', user.password + '\r'),
             ('Preserve password', 'n'),
             ('folded', ';A'),
             ('10 messages selected', 'AS'),
             ('SAVE 10 msgs', 'out\r'),
             ("doesn't exist", 'y'),
             ('10 messages saved', ';A'),
             ('UNselected', f'J{number["plain"]}\r*'),
             ('Flag New', '*'),
             ('Flagged message', f'J{number["empty"]}\rD'),
             ('marked for deletion', f'J{number["utf8"]}\rS'),
             ('SAVE', f'{server}Drafts\r'),
             ('Message 5 copied', f'J{number["utf8"]}\rD'),
             ('marked for deletion', 'X'),
             ('2 messages expunged', 'Gup\r'),
             ('up two', ';A'),
             ('2 messages selected', 'AS'),
             ('SAVE 2 msgs', f'{server}{name}\r'),
             ('2 messages saved', 'Q'))
    with Terminal(['alpine', '-i', '-p', config, '-f', server + name], home) as terminal:
        for shown, keys in typed:
            terminal.wait(shown)
            terminal.type(keys)
        assert terminal.ended() == 0, terminal.text()[-2000:]
    assert of_mailbox_file(tmp_path / 'mail' / 'out') == sorted(map(local_lines, mails.values()))
    moved = mails.pop('utf8')
    del mails['empty']
    agree(there(demo, user, [name, 'Drafts']), {
        name: sorted((['\\Flagged'] if subject == 'plain' else [], local_lines(data))
                     for subject, data in {**mails, **extra}.items()),
        'Drafts': [([], local_lines(moved))]})
    with imap(demo, user) as session:
        session.ok(f'DELETE {name}')
    empty(demo, user, 'Drafts')
