#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cut the power of the real store program at every moment, and see what it knows.

explore.py [--build DIR] [--seconds N] [--seed N] [--store PROGRAM] [SCENE...]
explore.py --again DIR

Each scene is played once with the recorder before libc.  Then each legal state of
the disk (disk.py) at each moment is made on tmpfs, the store is started on it, read
out and judged (judge.py).  Without --seconds all states are looked at.  A failure is
kept in DIR/crash with its log, and one command repeats it.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import disk  # noqa: E402
import judge  # noqa: E402
import scenes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = 96       # of a window that is too large for all of its subsets
CHUNK = 8          # states that a worker takes at once
SYNC_US = 1500     # while recording: groups gather
MEMTABLE = 4 << 20
TWICE, MORE, INSIDE, CLEAN = 7, 11, 23, 61  # every so many states are looked at harder
DAYS = 9 * 86400  # what was deleted is kept for seven
LARGE = 64 << 10  # role/store/body.h
PATIENCE = 60


class Place:
    """Programs, and a folder in memory."""

    def __init__(self, build, store, scratch):
        self.player = str(build / 'test/crash/crash_play')
        self.preload = str(build / 'test/crash/libcrash_record.so')
        self.sorter = str(build / 'letterlock-sorter')
        self.store = str(store or build / 'letterlock-store')
        self.scratch = scratch

    def play(self, folder, script, sorter=False, **more):
        """The player's lines."""
        env = {f'CRASH_{name.upper()}': str(value) for name, value in more.items()}
        env.setdefault('CRASH_MEMTABLE', str(MEMTABLE))
        try:
            done = subprocess.run(
                [self.player, folder, self.store, self.sorter if sorter else '', self.preload],
                input='\n'.join(script) + '\n', text=True, env=env, timeout=PATIENCE,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace')
            return done.stdout.splitlines()
        except subprocess.TimeoutExpired as e:
            said = e.stdout or b''
            said = said if isinstance(said, str) else said.decode(errors='replace')
            return said.splitlines() + [f'unreadable - no end after {PATIENCE} s']


class Scene:
    """One recording."""

    def __init__(self, name, log, root_ino, lines):
        self.name, self.log, self.root_ino, self.lines = name, log, root_ino, lines
        self.records = disk.log_read(log)
        sent = collections.defaultdict(list)
        for r in self.records:
            if r.kind == disk.SENT:
                sent[r.ino].append(r.index)
        self.journal = judge.Journal(lines)
        self.history = judge.History(self.journal, sent)
        self.steps = self.history.steps

    def disk(self):
        d = disk.Disk()
        d.root(self.root_ino)
        return d

    def points(self):
        """Places in the log, and whether only the strictest state is of use there.

        Nothing becomes certain between two ends of a sync, and what was answered only
        grows: the moment before each end asks for all that the ones before it do."""
        at = {r.index: False for r in self.records if r.kind == disk.SYNCED}
        for when, _, _ in self.history.answers():
            at.setdefault(when + 1, True)
        at.setdefault(len(self.records), False)
        return sorted(at.items())

    def states(self, seed):
        """(place, what took effect) in the order of the log."""
        d, done = self.disk(), 0
        for index, strict in self.points():
            for r in self.records[done:index]:
                d.step(r)
            done = index
            chance = random.Random(f'{seed} {index}')
            each = [{}] if strict else disk.subsets(d, chance, SAMPLES)
            for chosen in each:
                yield index, chosen


def record(place, name, where):
    """Play a scene under the recorder; the whole log has to give the folder."""
    folder, log = where / 'data', where / 'log'
    folder.mkdir(parents=True)
    disk.log_new(log)
    more = {what: table[name] for what, table in (
        ('memtable', scenes.MEMTABLE), ('fail', scenes.FAIL), ('die', scenes.DIE),
        ('die_with', scenes.DIE_WITH)) if name in table}
    lines = place.play(folder, scenes.SCENES[name], sorter=True, log=log, root=folder,
                       sync_us=SYNC_US, **more)
    scene = Scene(name, log, os.stat(folder).st_ino, lines)
    wrong = list(scene.journal.wrong) + [w for d in scene.journal.dumps for w in d.counts()]
    wrong += replayed(scene, folder, where / 'again') + covered(scene)
    wrong += copied(place, scene, folder, where / 'copy')
    wrong += [f'not done: {" ".join(op[3])}' for step in scene.steps for op in step.ops
              if op[3][0] == 'backup' and not op[0]]
    disk.remove(folder)
    return scene, wrong


def replayed(scene, folder, to):
    d = scene.disk()
    for r in scene.records:
        d.step(r)
    d.build(dict.fromkeys(range(len(d.pending))), to)
    done = subprocess.run(['diff', '-r', '-q', '-x', 'LOG*', '-x', 'LOCK', '-x', 'lock', folder,
                           to], stdout=subprocess.PIPE, text=True)
    disk.remove(to)
    return [f'the recorder missed something: {line}' for line in done.stdout.splitlines()]


def copied(place, scene, folder, to):
    """The checkpoint that is there at the end, taken as a store: what was answered before it
    is in it, and nothing that never was."""
    if not (folder / 'backup').exists():
        return []
    shutil.copytree(folder / 'backup', to)
    shutil.copytree(folder / 'bodies', to / 'bodies')
    found = judge.Journal(place.play(to, ['dump', 'fsck']))
    disk.remove(to)
    if not found.dumps:
        return found.wrong or ['the checkpoint is no store']
    before, after = (judge.letters(dump) for dump in scene.journal.dumps[-2:])
    there = judge.letters(found.dumps[0])
    return found.wrong + [f'I1 not in the checkpoint: {m}' for m in before - there] + [
        f'I2 in the checkpoint from nowhere: {m}' for m in there - after]


def covered(scene):
    """No yes goes out, and nobody else sees a message, before its bytes are synced."""
    labels = {words[3] for _, _, words in scene.history.answers()
              if words[0] in ('offer', 'submit', 'append', 'replace')}
    any_label = re.compile(b'(?<![0-9a-z])(' + b'|'.join(
        sorted(map(str.encode, labels), key=len, reverse=True)) + b')(?![0-9a-z])')
    marks = {}  # label -> the first write that holds it
    for r in scene.records:
        if labels and r.kind == disk.WRITE:
            for found in any_label.finditer(r.a):
                marks.setdefault(found[1].decode(), r.index)
    asked = [(when, words[3], 'was answered') for when, n, words in scene.history.answers()
             if words[0] in ('offer', 'submit', 'append', 'replace')]
    for when, user, box, _, after, _ in scene.history.told:
        step = (scene.steps[scene.history.at(when):] or scene.steps[-1:])[0]
        asked += [(when, m.label, 'was seen by another session') for m in step.dump.messages
                  if m.user == user and m.box == box and m.uid < after]
    d, done, wrong = scene.disk(), 0, []
    for when, label, what in sorted(asked):
        for r in scene.records[done:when]:
            d.step(r)
        done = max(done, when)
        mark = marks.get(label)
        if mark is None or mark > when:
            wrong.append(f'{label} {what} before it was written')
        elif any(op.index == mark for op in d.pending):
            wrong.append(f'{label} {what} before it was synced')
    return wrong


# ---- looking at states -----------------------------------------------------------

class Worker:
    """One process: its own disk, which only goes forward."""

    def __init__(self, place, scene):
        self.place, self.scene = place, scene
        self.home = pathlib.Path(tempfile.mkdtemp(dir=place.scratch))
        self.cache = self.home / 'cache'
        self.cache.mkdir()
        self.disk, self.done, self.ready = scene.disk(), 0, 0

    def go(self, index):
        if index < self.done:
            self.disk, self.done = self.scene.disk(), 0
        for r in self.scene.records[self.done:index]:
            self.disk.step(r)
        self.done = index

    def judge(self, folder, index, number):
        script, more = ['dump', 'fsck'], {}
        twice, add = number % TWICE == 0, number % MORE == 0
        clean = number % CLEAN == 0
        if twice:
            script.append('restart')
        if clean:
            script += ['sleep 2500', 'dump']
            more['ahead_s'] = DAYS
        if add:
            script.append(f'append {scenes.A} 600 after INBOX')
        lines = self.place.play(folder, script, sorter=add, **more)
        j = judge.Journal(lines)
        self.ready = max(j.ready + [self.ready])
        if not j.dumps:
            return j.wrong
        first = j.dumps[0]
        wrong = j.wrong + list(judge.compare(self.scene.history, index, first))
        if twice and (len(j.dumps) < 2 or not j.dumps[1].same(first)):
            wrong.append('I8 a second start shows something else')
        if clean:
            wrong += orphans(folder, j.dumps[-1])
        if add:
            wrong += fresh_uid(first, j)
        return wrong

    def inside(self, folder, index, number):
        """A power cut in the middle of that recovery."""
        log = self.home / 'log'
        disk.log_new(log)
        d = disk.Disk()
        d.load(folder)
        self.place.play(folder, ['dump'], log=log, root=folder)
        records = disk.log_read(log)
        ends = [r.index for r in records if r.kind == disk.SYNCED]
        chance = random.Random(number)
        at, wrong = 0, []
        for stop in sorted(chance.sample(ends, min(3, len(ends)))):
            for r in records[at:stop]:
                d.step(r)
            at = stop
            share = chance.choice((0, 0.5, 1))
            chosen = disk.possible(d, {i: None for i in range(len(d.pending))
                                       if chance.random() < share})
            disk.remove(folder)
            d.build(chosen, folder)
            wrong += [f'I8 in a recovery: {w}' for w in self.judge(folder, index, 1)]
        return wrong

    def look(self, index, chosen, number):
        self.go(index)
        folder = self.home / 'state'
        self.disk.build(chosen, folder, self.cache)
        try:
            wrong = self.judge(folder, index, number)
            if not wrong and number % INSIDE == 0:
                disk.remove(folder)
                self.disk.build(chosen, folder)
                wrong = self.inside(folder, index, number)
            return wrong
        finally:
            disk.remove(folder)


def orphans(folder, dump):
    """I10: a day and a cleaning later no file is there that nobody names."""
    files = [f for _, _, names in os.walk(folder / 'bodies') for f in names]
    named = {m.label for m in dump.messages if m.size > LARGE}
    named |= {line for line in dump.rest if line.startswith('queued') and
              int(line.split()[-1]) > LARGE}
    if len(files) > len(named):
        yield f'I10 {len(files)} files of large bodies, {len(named)} are named'


def fresh_uid(first, journal):
    """I3: what comes after the recovery gets a UID that nobody had."""
    last, key = journal.dumps[-1], (scenes.A, 'INBOX')
    uids = [m.uid for m in last.messages if m.label == 'after']
    if key in first.boxes and (len(uids) != 1 or uids[0] < first.boxes[key].next):
        yield f'I3 UIDs {uids} after a recovery with {first.boxes[key]}'


def begin(place, scene, until, stop):
    global WORKER, UNTIL, STOP
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    WORKER, UNTIL, STOP = Worker(place, scene), until, stop


def work(states):
    """(states looked at, [(number, index, chosen, complaints)], ms of the slowest start)"""
    bad, seen = [], 0
    for number, index, chosen in states:
        if time.monotonic() > UNTIL or STOP.is_set():
            break
        try:
            wrong = WORKER.look(index, chosen, number)
        except Exception as e:  # of the harness itself: as loud as a lost mail
            wrong = [f'{type(e).__name__}: {e}']
        seen += 1
        if wrong:
            bad.append((number, index, chosen, wrong))
    return seen, bad, WORKER.ready


def explore(place, scene, seconds, seed, jobs, stop_at_first):
    """(states there are, states looked at, failures, ms of the slowest start)"""
    states = [(n, index, chosen) for n, (index, chosen) in enumerate(scene.states(seed))]
    total, until = len(states), float('inf')
    if seconds is not None:
        until = time.monotonic() + seconds
        most = max(16, int(seconds * 40))
        if total > most:
            states = random.Random(seed).sample(states, most)
        # In passes, so that wherever time ends all moments were looked at.
        passes = max(1, len(states) // 64)
        states = [s for k in range(passes) for s in sorted(states[k::passes],
                                                           key=lambda s: s[1])]
    chunks = [states[i:i + CHUNK] for i in range(0, len(states), CHUNK)]
    seen, bad, slowest = 0, [], 0
    stop = multiprocessing.Event()
    with multiprocessing.Pool(jobs, begin, (place, scene, until, stop)) as pool:
        for n, found, ready in pool.imap_unordered(work, chunks):
            seen += n
            bad += found
            slowest = max(slowest, ready)
            if bad and stop_at_first:
                stop.set()
    return total, seen, bad, slowest


# ---- failures ------------------------------------------------------------------------

def keep(where, scene, failure):
    number, index, chosen, wrong = failure
    folder = where / f'{scene.name}-{index}-{number}'
    folder.mkdir(parents=True, exist_ok=True)
    with open(scene.log, 'rb') as f:
        used = disk.HEAD.unpack(f.read(disk.HEAD.size))[1]
        f.seek(0)
        (folder / 'log').write_bytes(f.read(used))
    (folder / 'state.json').write_text(json.dumps({
        'scene': scene.name, 'root': scene.root_ino, 'number': number, 'index': index,
        'chosen': list(chosen.items()), 'lines': scene.lines, 'wrong': wrong}))
    return folder


def again(place, folder):
    s = json.loads((folder / 'state.json').read_text())
    scene = Scene(s['scene'], folder / 'log', s['root'], s['lines'])
    chosen = {int(i): damage and tuple(damage) for i, damage in s['chosen']}
    w = Worker(place, scene)
    w.go(s['index'])
    for i, op in enumerate(w.disk.pending):
        print(f'{"done" if i in chosen else "lost"}  {op} {chosen.get(i) or ""}')
    print(f'{scene.name}, before record {s["index"]}; '
          f'{scene.history.at(s["index"])} steps were answered')
    wrong = w.look(s['index'], chosen, s['number'])
    print('\n'.join(wrong) or 'all is well this time')
    return 1 if wrong else 0


def report(o, scene, bad, most=3):
    for failure in bad[:most]:
        folder = keep(o.keep or o.build / 'crash', scene, failure)
        print(f'not ok: {scene.name}, state {failure[0]} before record {failure[1]}')
        for line in failure[3][:8]:
            print(f'    {line}')
        print(f'    again: test/crash/explore.py --build {o.build} --again {folder}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('scenes', nargs='*', metavar='SCENE', help=' '.join(scenes.SCENES))
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build-clang')
    parser.add_argument('--store', type=pathlib.Path, help='another store program')
    parser.add_argument('--seconds', type=float, help='for all of it; default: no limit')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument('--first', action='store_true', help='end at the first failure')
    parser.add_argument('--keep', type=pathlib.Path, help='where failures go: BUILD/crash')
    parser.add_argument('--again', type=pathlib.Path, metavar='DIR')
    o = parser.parse_args()
    o.build = o.build.resolve()
    names = o.scenes or list(scenes.SCENES)
    for name in names:
        if name not in scenes.SCENES:
            parser.error(f'no scene {name}')
    memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='letterlock-crash-', dir=memory) as scratch:
        place = Place(o.build, o.store and o.store.resolve(), scratch)
        if o.again:
            return again(place, o.again)
        return run(o, place, names, pathlib.Path(scratch))


def run(o, place, names, scratch):
    failed, states, spent, slowest = 0, 0, 0.0, 0
    began = time.monotonic()
    for k, name in enumerate(names):
        scene, wrong = record(place, name, scratch / name)
        for line in wrong:
            print(f'not ok: {name}: {line}')
        left = None
        if o.seconds is not None:
            left = max(1.0, (o.seconds - (time.monotonic() - began)) / (len(names) - k))
        start = time.monotonic()
        total, seen, bad, ready = explore(place, scene, left, o.seed, o.jobs, o.first)
        took = time.monotonic() - start
        report(o, scene, bad)
        states, spent, slowest = states + seen, spent + took, max(slowest, ready)
        failed += len(wrong) + len(bad)
        print(f'{name:10} {len(scene.records):6} calls {len(scene.points()):5} moments '
              f'{total:6} states, {seen:6} looked at, {60 * seen / took:6.0f} a minute'
              + (f', {len(bad)} FAILED' if bad else ''), flush=True)
        disk.remove(scratch / name)
        if failed and o.first:
            break
    print(f'crash: {len(names)} scenes, {states} states, {60 * states / max(spent, 0.001):.0f} '
          f'a minute, slowest start {slowest} ms, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
