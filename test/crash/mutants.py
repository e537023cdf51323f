#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the explorer see what it is for?  mutants.py [--apply] [--build DIR] [NAME...]

Each patch in mutants/ makes the store forget a promise: drop a sync, answer early,
swap a rename and a sync ...  A copy of the sources is built with one patch after the
other, only the store program, and the explorer has to find a state that shows it.
Before that the copy without a patch has to stand the same scenes.  --apply only looks
whether the patches fit the present sources.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATCHES = HERE / 'mutants'
SECONDS = 60        # that the explorer has for one
SOUND_SECONDS = 40  # for the scenes without a patch
COPIED = ('meson.build', 'meson_options.txt', 'src', 'etc', 'man', 'tool', 'test/meson.build')
MOST_COMPLAINT = 72


def run(*words, **more):
    return subprocess.run([str(w) for w in words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', **more)


def copy_sources(to):
    """What is the same is not touched: its time is that of its last change here, which
    a patch that was taken back is, too, so that ninja never keeps a mutant's object."""
    wanted = [f for name in COPIED for f in (
        [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob('*')))
        if f.is_file() and '__pycache__' not in f.parts]
    for source in wanted:
        target = to / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copy(source, target)
    there = {to / source.relative_to(ROOT) for source in wanted}
    for old in (to / 'src').rglob('*'):
        if old.is_file() and old not in there:
            old.unlink()


def build(where):
    done = run('ninja', '-C', where / 'build', 'letterlock-store')
    if done.returncode:
        sys.exit(done.stdout[-4000:] + '\nthe store cannot be built')


def explore(o, store, seconds, scenes, first):
    return run(HERE / 'explore.py', '--build', o.build, '--store', store, '--seconds', seconds,
               '--keep', o.build / 'crash/mutants/found', '--seed', o.seed,
               *(['--first'] if first else []), *scenes)


class Mutant:
    def __init__(self, path):
        text = path.read_text()
        self.path, self.name = path, path.stem
        self.kind = re.search(r'^Kind: (.*)$', text, re.M)[1]
        self.scenes = re.search(r'^Scenes: (.*)$', text, re.M)[1].split()

    def patch(self, where, *more):
        return run('patch', '-p1', '--forward', '--no-backup-if-mismatch', '-i', self.path, *more,
                   cwd=where)


def complaint(text):
    """Who saw it, the log or a state, and the first thing that was said."""
    log = re.search(r'^not ok: \S+: (.*)', text, re.M)
    state = re.search(r'^not ok: .* before record .*\n +(.*)', text, re.M)
    saw = '+'.join(name for name, found in (('log', log), ('state', state)) if found)
    return f'{saw:9} {(state or log)[1][:MOST_COMPLAINT]}' if saw else ''


def try_one(o, where, m):
    """Whether it was found."""
    done = m.patch(where)
    if done.returncode:
        m.patch(where, '--reverse')
        print(f'not ok: {m.name} does not apply:\n{done.stdout}')
        return False
    start = time.monotonic()
    try:
        build(where)
        built = time.monotonic() - start
        done = explore(o, where / 'build/letterlock-store', SECONDS, m.scenes, True)
    finally:
        run('patch', '-p1', '--reverse', '-i', m.path, cwd=where)
    found = done.returncode == 1 and 'crash:' in done.stdout
    took = time.monotonic() - start - built
    states = re.search(r'^crash: .* (\d+) states, ', done.stdout, re.M)
    print(f'{"killed" if found else "ALIVE":7} {m.kind:21} {m.name:32} {int(built):3} s built, '
          f'{states[1] if states else "?":>4} states, {int(took):3} s   '
          f'{complaint(done.stdout) if found else ""}', flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', help='beginnings of the patches\' names')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build-clang')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--apply', action='store_true')
    o = parser.parse_args()
    o.build = o.build.resolve()
    mutants = [m for m in map(Mutant, sorted(PATCHES.glob('*.patch')))
               if not o.names or any(m.name.startswith(n) for n in o.names)]
    if o.apply:
        bad = [m for m in mutants if m.patch(ROOT, '--dry-run').returncode]
        for m in bad:
            print(f'not ok: {m.path} does not apply any more')
        print(f'mutants: {len(mutants) - len(bad)} of {len(mutants)} apply')
        return 1 if bad else 0
    where = o.build / 'crash' / 'mutants'
    where.mkdir(parents=True, exist_ok=True)
    copy_sources(where)
    if not (where / 'build/build.ninja').exists():
        done = run('meson', 'setup', 'build', '-Doptimization=1', '-Ddebug=false', '-Dwerror=false',
                   cwd=where, env=dict(os.environ, CC='clang'))
        if done.returncode:
            sys.exit(done.stdout)
    build(where)
    scenes = sorted({s for m in mutants for s in m.scenes})
    sound = explore(o, where / 'build/letterlock-store', SOUND_SECONDS, scenes, False)
    print(f'{"sound" if sound.returncode == 0 else "UNSOUND"}: without a patch, '
          f'{sound.stdout.strip().splitlines()[-1]}', flush=True)
    if sound.returncode:
        print(sound.stdout)
        return 1
    killed = sum([try_one(o, where, m) for m in mutants])
    print(f'mutants: {killed} of {len(mutants)} killed')
    return 0 if killed == len(mutants) else 1


if __name__ == '__main__':
    sys.exit(main())
