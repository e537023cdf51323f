#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cut the power while the keeper copies a store: is what passes for a backup one?

copies.py [--build DIR] [--early OF-A-HUNDRED] [--seed N]

The keeper copies a store that stands still, once whole and once after a former
backup (files get second names), with the recorder before libc.  Each legal state
of the disk at each moment is made, and both backups verified by the keeper: the
former one is always whole; the new one is refused as long as it has no manifest, and
whole from then on; once the keeper has said yes it is there.  Some are restored, and
the store that comes of it read out.  Without the keeper's syncs of files, or of
folders, the same look must find something.
"""
import argparse
import copy
import fcntl
import os
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import disk  # noqa: E402
import explore  # noqa: E402
import judge  # noqa: E402
from scenes import A, B, S, begin, letters  # noqa: E402

disk.IN_ORDER = ()  # nothing here leans on the order in which names reach the disk
SAMPLES = 24
RESTORES = 16  # of so many whole copies one is brought back
OUT, HIGH = 3, 64  # the first descriptor of a keeper (role/keeper/keeper.h); above all of them
STORE, FIRST, NEXT = 'store', 'first', 'next'
SCRIPTS = {FIRST: [*begin(), *letters(6), *letters(2, 90000, 'big'), f'offer {S} 4000 both {A} {B}'],
           NEXT: [*letters(4, 1500, 'more'), f'append {A} 120000 large INBOX', f'expunge {A} INBOX 1:2']}


def keeper(build, verb, *folders, env=None):
    """True: it said yes."""
    opened = [os.open(os.devnull, os.O_WRONLY)]
    opened += [os.open(f, os.O_RDONLY | os.O_DIRECTORY) for f in folders]
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for fd in opened]
    places = [(os.POSIX_SPAWN_DUP2, fd, OUT + n) for n, fd in enumerate(high)]
    pid = os.posix_spawn(build / 'letterlock-keeper', ['letterlock-keeper', *verb.split()], env or {},
                         file_actions=[*places, (os.POSIX_SPAWN_DUP2, high[0], 2)])
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for fd in opened + high:
        os.close(fd)
    if code not in (0, 1):
        raise OSError(f'letterlock-keeper {verb}: {code}')
    return code == 0


class Copying:
    """One recording: the tree before it, and the keeper's calls."""

    def __init__(self, place, build, top, name):
        self.name, self.before = name, disk.Disk()
        (top / name).mkdir()
        self.before.load(top)
        for names in (self.before.live, self.before.names):  # nobody looks at it in a state
            names[os.stat(top / STORE).st_ino].clear()
        self.ino = os.stat(top / name).st_ino
        log = top.parent / f'{name}.log'
        disk.log_new(log)
        env = {'LD_PRELOAD': place.preload, 'CRASH_LOG': str(log), 'CRASH_ROOT': str(top)}
        former = [top / FIRST] if name == NEXT else []
        self.said = keeper(build, 'copy still' + ' after' * len(former), top / STORE, top / name,
                           *former, env=env)
        self.records = disk.log_read(log)

    def states(self, seed, lost=()):
        """(the disk, is it over, what took effect); lost: 'files', 'folders' whose syncs do nothing."""
        d, done = copy.deepcopy(self.before), 0
        ends = [r.index for r in self.records if r.kind == disk.SYNCED]
        for index in [*ends, len(self.records)]:
            for r in self.records[done:index]:
                folder = d.folder(r.ino) in d.folders
                if r.kind not in (disk.SYNC, disk.SYNCED) or ('folders' if folder else 'files') not in lost:
                    d.step(r)
            done = index
            for chosen in disk.subsets(d, random.Random(f'{seed} {index}'), SAMPLES):
                yield d, index == len(self.records), chosen


class Looker:
    def __init__(self, place, build, scratch):
        self.place, self.build, self.scratch, self.whole = place, build, scratch, 0
        self.cache = scratch / 'cache'
        self.cache.mkdir()
        self.found = {}  # what a store that comes of this backup shows

    def restored(self, top, name):
        to = self.scratch / 'restored'
        to.mkdir()
        try:
            if not keeper(self.build, 'restore latest', top / name, to):
                return ['it verifies, and is not restored']
            journal = judge.Journal(self.place.play(to, ['dump', 'fsck']))
        finally:
            disk.remove(to)
        if not journal.dumps or journal.wrong:
            return journal.wrong or ['what is restored is no store']
        there = judge.letters(journal.dumps[0])
        return [] if there == self.found[name] else [f'restored are {len(there)} messages, and others']

    def look(self, d, over, chosen, name):
        top = self.scratch / 'state'
        d.build(chosen, top, self.cache)
        try:
            wrong = []
            if name != FIRST and not keeper(self.build, 'verify', top / FIRST):
                wrong.append('the former backup is not whole any more')
            there = (top / name / 'manifest').exists()
            if over and not there:
                wrong.append('the keeper said yes, and there is no backup')
            if there and not keeper(self.build, 'verify', top / name):
                return [*wrong, 'what has a manifest is not whole']
            self.whole += there
            if there and not wrong and self.whole % RESTORES == 1:
                wrong += self.restored(top, name)
            return wrong
        finally:
            disk.remove(top)


def explore_copy(looker, scene, seed, share, lost=()):
    """(states, of these looked at, what is wrong); share: of those without a manifest, of a
    hundred; lost: until the first."""
    chance, there, seen, bad = random.Random(seed), 0, 0, []
    for d, over, chosen in scene.states(seed, lost):
        early = b'manifest' not in d.live[scene.ino]  # nothing can pass for a backup yet
        there += 1
        if early and chance.random() * 100 >= share:
            continue
        seen += 1
        bad += [f'{scene.name}, state {there}: {w}' for w in looker.look(d, over, chosen, scene.name)]
        if lost and bad:
            break
    return there, seen, bad


def run(o, place, scratch):
    looker, top = Looker(place, o.build, scratch), scratch / 'top'
    (top / STORE).mkdir(parents=True)
    began, failed, states = time.monotonic(), 0, 0
    for name in (FIRST, NEXT):
        journal = judge.Journal(place.play(top / STORE, [*SCRIPTS[name], 'restart'], sorter=True))
        scene = Copying(place, o.build, top, name)
        bad = journal.wrong + ([] if scene.said else ['the keeper did not copy'])
        looker.found[name] = judge.letters(journal.dumps[-1])
        there, seen, wrong = explore_copy(looker, scene, o.seed, o.early)
        bad += wrong
        for lost in ('files', 'folders'):
            if not explore_copy(looker, scene, o.seed, 0, (lost,))[2]:
                bad.append(f'{name}: without syncs of {lost} nothing is found')
        states, failed = states + seen, failed + len(bad)
        print(*(f'not ok: {line}' for line in bad[:8]), sep='\n', end='\n' if bad else '')
        print(f'copy {name:5} {len(scene.records):6} calls {there:6} states, {seen:6} looked at, '
              f'{looker.whole} whole so far' + (f', {len(bad)} FAILED' if bad else ''), flush=True)
    print(f'copies: 2 scenes, {states} states in {time.monotonic() - began:.0f} s, {failed} failed')
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', type=pathlib.Path, default=explore.ROOT / 'build-clang')
    parser.add_argument('--early', type=float, default=100,
                        help='so many of a hundred states before there is a manifest')
    parser.add_argument('--seed', type=int, default=1)
    o = parser.parse_args()
    o.build = o.build.resolve()
    memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='letterlock-copies-', dir=memory) as scratch:
        return run(o, explore.Place(o.build, None, scratch), pathlib.Path(scratch))


if __name__ == '__main__':
    sys.exit(main())
