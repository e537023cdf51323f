# SPDX-License-Identifier: Apache-2.0
"""The scenarios: scripts for the player (play.c tells the language)."""
A, B, C = 'alice@example.test', 'bob@example.test', 'carol@example.test'
S = 'sender@else.test'
PEOPLE = [f'user{i}@example.test' for i in range(50)]


def begin(*more):
    return ['quiet', 'domain example.test', f'account {A}', f'account {B}', *more, 'loud']


def par(lines):
    return ['par', *lines, 'end']


def quiet(lines):
    return ['quiet', *lines, 'loud']


def letters(n, size=1500, name='seed', box='INBOX'):
    return [f'append {A} {size} {name}{i} {box}' for i in range(n)]


SCENES = {
    # A folder that was never used, up to the first answer.
    'first': ['quiet', 'domain example.test', f'account {A}', 'secret', 'loud',
              f'offer {S} 900 first {A}', 'restart', f'offer {S} 900 second {A}'],
    'one': [*begin(), f'watch {A} INBOX',
            *[f'offer {S} {size} one{size} {A}' for size in (300, 1100, 5000, 40000)]],
    'fifty': [*begin(*[f'account {p}' for p in PEOPLE]),
              f'offer {S} 2000 fifty {" ".join(PEOPLE)}',
              f'offer {S} 300000 fiftybig {" ".join(PEOPLE[:20])}'],
    # One of them elsewhere: by the queue.
    'custody': [*begin(*[f'account {p}' for p in PEOPLE[:30]], 'alias far@example.test far@far.test'),
                f'offer {S} 2000 custody {" ".join(PEOPLE[:30])} far@example.test',
                f'offer {S} 300000 custodybig {" ".join(PEOPLE[:20])} far@example.test'],
    'parallel': [*begin(), f'watch {A} INBOX',
                 *par([f'offer {S} {700 + 37 * i} p{i} {A if i % 3 else B}' for i in range(64)]),
                 *par([f'offer {S} {700 + 37 * i} q{i} {A} {B}' if i % 4 else
                       f'append {A} {900 + i} q{i} INBOX' for i in range(64)])],
    'large': [*begin(), f'watch {A} INBOX', f'append {A} 300000 large1 INBOX',
              f'offer {S} 700000 large2 {A}', f'offer {S} 65537 large3 {A} {B}',
              *par([f'append {A} {270000 + i} l{i} INBOX' for i in range(6)]),
              'restart', f'expunge {A} INBOX 1:2'],
    'append': [*begin(), f'create {A} Work', *letters(6), *letters(3, 60000, 'w', 'Work'),
               *par(letters(20, 1200, 'm', 'Work'))],
    'replace': [*begin(), f'create {A} Work', *quiet(letters(6)),
                f'together {A} 900 t INBOX 5', f'together {A} 70000 big Work 3',
                f'replace {A} 900 r1 INBOX 2 INBOX', f'replace {A} 300000 r2 Work 3 INBOX',
                f'replace {A} 900 r3 INBOX 2 Work', f'replace {A} 900 r4 INBOX 9 INBOX'],
    'copy': [*begin(), *quiet(letters(12)), f'create {A} Work', f'copy {A} INBOX 1:5 Work',
             f'move {A} INBOX 4:9 Work', f'copy {A} Work 1:0 INBOX', f'move {A} Work 1:0 INBOX',
             f'expunge {A} INBOX 2:7', f'expunge {A} INBOX 1:0'],
    # A second after 64 messages a search index begins; it may be lost, mail may not.
    'index': [*begin(), f'create {A} Work', *quiet([*par(letters(70, 1200, 'i')), 'sleep 1600']),
              f'expunge {A} INBOX 3:20', f'move {A} INBOX 30:40 Work',
              *quiet([*par(letters(70, 700, 'j')), 'sleep 1600']), 'restart', f'expunge {A} INBOX 1:0'],
    'flags': [*begin(), *quiet(letters(40, 400)), f'watch {A} INBOX',
              *[f'flag {A} INBOX {i}:{i + 9} {1 + i % 2} {1 << i % 4}' for i in range(1, 25, 3)],
              *par([f'flag {A} INBOX {1 + i}:{1 + i} 1 {1 + i % 7}' for i in range(40)]),
              f'flag {A} INBOX 1:0 0 0'],
    'tree': [*begin(), *[f'create {A} {n}' for n in ('p', 'p/q', 'p/q/r', 'p/s')],
             *quiet(letters(5, 500, 't', 'p/q')), *quiet(letters(3, 500, 'u', 'p/q/r')),
             f'rename {A} p z', f'subscribe {A} z/q', f'rename {A} z/q z/k',
             f'rename {A} INBOX old', f'remove {A} z/s', f'remove {A} z/k/r'],
    # Two in one command are both there or none; they go with their mailbox.
    'annotate': [*begin(), f'create {A} Work', f'annotate {A} Work /private/a=one /shared/b=two',
                 f'annotate {A} - /private/mine=x', f'annotate {A} INBOX /shared/c=in',
                 f'annotate {A} Work /private/a /shared/b=three /private/d=new',
                 *par([f'annotate {A} Work /shared/p{i}={i}' for i in range(12)]),
                 f'rename {A} Work Play', 'restart', f'annotate {A} Play /shared/b',
                 f'rename {A} INBOX old', *quiet([f'append {A} 900 kept Play']), f'remove {A} Play',
                 f'create {A} Play'],
    'people': [*begin(f'account {C}'), f'password {A} $one', f'password {A} $two',
               f'app-password {A} $app phone', 'alias team@example.test ' + B, 'secret',
               f'offer {S} 800 toteam team@example.test', f'password {A} $three',
               f'offer {S} 800 tocarol {C}', f'account-remove {C}', f'account-restore {C}',
               'alias-remove team@example.test', f'account-remove {C}'],
    'quota': [*begin(), f'account {C} 12000',
              *[f'append {C} 3000 c{i} INBOX' for i in range(5)],
              *[f'offer {S} 3000 d{i} {C}' for i in range(2)], f'expunge {C} INBOX 1:2',
              f'append {C} 3000 again INBOX'],
    'queue': [*begin(), *quiet(letters(2)), f'submit {A} 2500 out1 far@far.test',
              f'submit {A} 2500 out2 far@far.test {B} near@far.test',
              *par([f'submit {A} 900 o{i} far{i}@far.test {B}' for i in range(16)])],
    # What a courier makes of what is at hand, put off, found again; a lease is nobody's after
    # a start.  Each recipient is in the queue or counted as over, whenever the power goes.
    'carry': [*begin(), *par([f'submit {A} 900 c{i} a@far{i % 4}.test' for i in range(12)]),
              'settle far0.test delivered', 'settle far1.test deferred',
              f'submit {A} 2500 two a@far8.test b@far8.test', 'report far2.test 700 gone',
              *par([f'settle far{i}.test {fate}' for i, fate in enumerate(
                  ('delivered', 'failed', 'delivered', 'deferred'))]),
              f'submit {A} 900 c12 a@far9.test', 'lease far9.test', 'restart',
              'settle far9.test delivered', 'settle far8.test delivered', 'report far3.test 700 late',
              f'submit {A} 900 c13 a@far0.test', 'settle far0.test delivered'],
    # Memtables of 64 KiB: flush, blob files, compaction, logs that are removed.
    'compact': [*begin(), *[x for r in range(5) for x in (
        *quiet([f'append {A} {9000 + i} r{r}x{i} INBOX' for i in range(12)]),
        f'expunge {A} INBOX {1 + 12 * r}:{6 + 12 * r}')],
        'restart', f'append {A} 9000 last INBOX'],
    # A checkpoint while mail comes in: one that a kill leaves behind, one that is dropped and
    # one that is there at the end.
    'backup': [*begin(), *letters(2, 9000), f'append {A} 70000 b1 INBOX', 'backup begin',
               *letters(1, 9000, 'x'), 'restart', *quiet(['backup begin', 'backup end']), *letters(1, 900, 'y'),
               *par([*[f'append {A} {9000 + i} p{i} INBOX' for i in range(3)], 'backup begin',
                     *[f'offer {S} {900 + i} q{i} {A} {B}' for i in range(4)]])],
    'restarts': [*begin(), *[x for r in range(5) for x in (
        f'append {A} 2000 s{r} INBOX', 'restart')], f'append {A} 2000 end INBOX'],
    # Syncs that fail: nobody is told yes who is not safe, and the next one is served.
    'fail-body': [*begin(), f'append {A} 300000 b1 INBOX', f'append {A} 300000 b2 INBOX',
                  f'offer {S} 300000 b3 {A}', f'append {A} 900 b4 INBOX'],
    'fail-folder': [*begin(), f'append {A} 300000 d1 INBOX', f'append {A} 300000 d2 INBOX',
                    f'offer {S} 300000 d3 {A}', f'append {A} 900 d4 INBOX'],
    'fail-log': [*begin(), *letters(4), *par(letters(6, 900, 'l')), f'offer {S} 900 o1 {A} {B}',
                 *letters(3, 1000, 'after')],
}
# The start that is killed at a sync, so that the next one finds what is not synced.
SCENES['killed1'] = SCENES['killed2'] = SCENES['killed3'] = [
    'quiet', 'domain example.test', f'account {A}', 'loud', f'append {A} 300000 k1 INBOX',
    f'append {A} 900 k2 INBOX', f'offer {S} 900 k3 {A}']
DIE = {'killed1': 1, 'killed2': 2, 'killed3': 7}
# Killed in service between a write and its sync: the next start shows what the disk need
# not have, and what comes after it must not stand without it.
SCENES['unsynced'] = [*begin(), *letters(2), 'quiet', f'append {A} 900 fellhere INBOX', 'restart',
                      'loud', *letters(2, 900, 'after'), 'restart', *letters(1, 900, 'end')]
DIE_WITH = {'unsynced': 'fellhere'}
# The sync that fails (record.c).
FAIL = {'fail-body': 'body:2', 'fail-folder': 'dir:1', 'fail-log': 'file:23'}
MEMTABLE = {'compact': 65536, 'backup': 65536}
