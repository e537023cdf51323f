# SPDX-License-Identifier: Apache-2.0
"""The recorder's log, and what a power cut may leave of it.

What was synced is there.  Of what was not, each call by itself may have reached
the disk or not, in any order: bytes of a file until that file is synced, a name
until its folder is.  A write may be torn at 512 or 4096 bytes, or have grown the
file and left zeroes.  Only names in RocksDB's folder come in the order of their making:
it makes a manifest and renames CURRENT to it with one sync of the folder behind both, so
it needs a file system that keeps that order; those with a journal do, and our own code
has no such need.  A sync covers what was done before it began, and counts
when it has come back; after one that failed, what it should have kept is never
again promised by another (Linux forgets such pages).

Must never: hold something durable that a file system may still lose.
"""
import itertools
import mmap
import os
import random
import shutil
import struct

MAGIC = 0x6872636C6C657474
LOG_MAX = 256 << 20
HEAD = struct.Struct('<QQ')
RECORD = struct.Struct('<IHHQQQQIIII')
(OPEN, WRITE, SIZE, SYNC, SYNCED, RENAME, LINK, UNLINK, MKDIR, RMDIR, ENTER, SENT, START,
 SEEN) = range(1, 15)
NAMES = ['', 'open', 'write', 'size', 'sync', 'synced', 'rename', 'link', 'unlink', 'mkdir',
         'rmdir', 'enter', 'sent', 'start', 'seen']
ROOT = -1
WINDOW = 8  # calls that are not synced: all subsets of so many, else samples
IN_ORDER = (b'rocksdb',)
ONCE_WRITTEN = ('.sst', '.blob')  # RocksDB never writes to one that it finds


def log_new(path):
    with open(path, 'wb') as f:
        f.truncate(LOG_MAX)
        f.write(HEAD.pack(MAGIC, HEAD.size))


class Record:
    __slots__ = ('index', 'kind', 'ino', 'dir', 'other', 'at', 'how', 'a', 'b')

    def __repr__(self):
        return (f'{self.index} {NAMES[self.kind]} ino {self.ino} dir {self.dir} at {self.at} '
                f'how {self.how} {self.a[:60]!r} {self.b[:60]!r}')


def log_read(path):
    out = []
    with open(path, 'rb') as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
        magic, used = HEAD.unpack_from(m, 0)
        if magic != MAGIC:
            raise ValueError(f'{path} is no log')
        at = HEAD.size
        while at < used:
            r = Record()
            size, r.kind, _, r.ino, r.dir, r.other, r.at, r.how, a, b, _ = RECORD.unpack_from(m, at)
            body = at + RECORD.size
            r.index, r.a, r.b = len(out), m[body:body + a], m[body + a:body + a + b]
            out.append(r)
            at += size
    return out


class Op:
    """One call's effect that is not durable yet."""
    __slots__ = ('index', 'kind', 'ino', 'at', 'data', 'cover', 'dir', 'name', 'other', 'new',
                 'doomed')

    def __init__(self, index, kind, ino, cover):
        self.index, self.kind, self.ino, self.cover = index, kind, ino, cover
        self.at = self.dir = self.other = 0
        self.data = self.name = self.new = b''
        self.doomed = False

    def __repr__(self):
        if self.kind in ('write', 'size'):
            return f'#{self.index} {self.kind} ino {self.ino} at {self.at} +{len(self.data)}'
        return f'#{self.index} {self.kind} {self.name.decode()} {self.new.decode()} ino {self.ino}'


def put(image, at, data):
    if len(image) < at:
        image.extend(bytes(at - len(image)))
    image[at:at + len(data)] = data


def change_bytes(images, op):
    image = images.setdefault(op.ino, bytearray())
    if op.kind == 'write':
        put(image, op.at, op.data)
    elif op.at < len(image):
        del image[op.at:]
    else:
        image.extend(bytes(op.at - len(image)))


def change_names(names, op):
    folder = names.setdefault(op.dir, {})
    if op.kind == 'link':
        folder[op.name] = op.ino
    elif op.kind == 'unlink':
        if folder.get(op.name) == op.ino:
            del folder[op.name]
    else:
        names.setdefault(op.other, {})[op.new] = op.ino
        if folder.get(op.name) == op.ino:
            del folder[op.name]


def unread(name):
    return name.startswith(b'LOG') or name in (b'lock', b'LOCK')


class Disk:
    """What is certain, what is not, and how it looks to the running program."""

    def __init__(self):
        self.live = {ROOT: {}}     # names as the program sees them
        self.names = {ROOT: {}}    # names that are certain
        self.images = {}           # bytes that are certain
        self.folders = {ROOT}
        self.ordered = set()       # folders whose names come in order
        self.pending = []
        self.sizes = {}
        self.root_ino = self.cwd = ROOT
        self.begun = {}

    def load(self, folder):
        """A folder that is all durable: the start of a recovery."""
        def walk(path, ino):
            for e in os.scandir(path):
                mine = e.inode()
                self.live[ino][e.name.encode()] = self.names[ino][e.name.encode()] = mine
                if e.is_dir(follow_symlinks=False):
                    self.folder_made(mine, e.name.encode())
                    self.live[mine], self.names[mine] = {}, {}
                    walk(e.path, mine)
                else:
                    with open(e.path, 'rb') as f:
                        self.images[mine] = bytearray(f.read())
                    self.sizes[mine] = len(self.images[mine])
        self.root(os.stat(folder).st_ino)
        walk(folder, ROOT)

    def root(self, ino):
        self.root_ino = ino

    def folder(self, ino):
        if ino == 0:
            return self.cwd
        return ROOT if ino == self.root_ino else ino

    def folder_made(self, ino, name):
        self.folders.add(ino)
        if name in IN_ORDER:
            self.ordered.add(ino)

    def find(self, base, path):
        """The folder and the last name of a path."""
        parts = [p for p in path.split(b'/') if p not in (b'', b'.')]
        at = self.folder(base)
        for p in parts[:-1]:
            at = self.live[at][p]
        return at, parts[-1] if parts else b''

    def name_op(self, r, kind, ino, folder, name, other=0, new=b''):
        op = Op(r.index, kind, ino, other if kind == 'rename' else folder)
        op.dir, op.name, op.other, op.new = folder, name, other, new
        change_names(self.live, op)
        self.pending.append(op)

    def opened(self, r):
        folder, name = self.find(r.dir, r.a)
        if name not in self.live[folder]:
            self.sizes[r.ino] = 0
            self.name_op(r, 'link', r.ino, folder, name)
        elif r.how & os.O_TRUNC and self.sizes.get(r.ino):
            self.sized(r, 0)

    def sized(self, r, size):
        op = Op(r.index, 'size', r.ino, r.ino)
        op.at = self.sizes[r.ino] = size
        self.pending.append(op)

    def wrote(self, r):
        op = Op(r.index, 'write', r.ino, r.ino)
        op.at, op.data = r.at, r.a
        self.sizes[r.ino] = max(self.sizes.get(r.ino, 0), r.at + len(r.a))
        self.pending.append(op)

    def moved(self, r):
        folder, name = self.find(r.dir, r.a)
        other, new = self.find(r.other, r.b)
        ino = self.live[folder].get(name)
        if ino is None and name.startswith(b'LOG'):
            return  # of RocksDB, through a FILE: nothing reads it
        kind = 'rename' if r.kind == RENAME else 'link'
        if kind == 'link':
            folder, name = other, new
        self.name_op(r, kind, ino, folder, name, other, new)

    def removed(self, r):
        folder, name = self.find(r.dir, r.a)
        ino = self.live[folder].get(name)
        if ino is None and name.startswith(b'LOG'):
            return
        self.name_op(r, 'unlink', ino, folder, name)

    def made(self, r):
        folder, name = self.find(r.dir, r.a)
        self.folder_made(r.ino, name)
        self.live[r.ino] = {}
        self.name_op(r, 'link', r.ino, folder, name)

    def synced(self, r):
        began = self.begun.pop(r.at)
        target = self.folder(r.ino)
        rest = []
        for op in self.pending:
            if op.cover != target or op.index > began or op.doomed:
                rest.append(op)
            elif r.how:
                op.doomed = True
                rest.append(op)
            elif op.kind in ('write', 'size'):
                change_bytes(self.images, op)
            else:
                change_names(self.names, op)
        self.pending = rest
        self.prune()

    def prune(self):
        """Drop what no state can show: bytes of files that have lost every name, and
        RocksDB's LOG, which nothing reads."""
        kept = {ino for f in self.names.values() for name, ino in f.items() if not unread(name)}
        kept |= {op.ino for op in self.pending if op.kind == 'link' and not unread(op.name)}
        self.pending = [op for op in self.pending if op.ino in kept and not (
            op.kind not in ('write', 'size') and unread(op.name))]

    def step(self, r):
        if r.kind == OPEN:
            self.opened(r)
        elif r.kind == WRITE:
            self.wrote(r)
        elif r.kind == SIZE:
            self.sized(r, r.at)
        elif r.kind == SYNC:
            self.begun[r.at] = r.index
        elif r.kind == SYNCED:
            self.synced(r)
        elif r.kind in (RENAME, LINK):
            self.moved(r)
        elif r.kind in (UNLINK, RMDIR):
            self.removed(r)
        elif r.kind == MKDIR:
            self.made(r)
        elif r.kind == ENTER:
            self.cwd = self.folder(r.dir)
        elif r.kind == START:
            self.cwd, self.begun = ROOT, {}  # what was under way came to nothing
        elif r.kind == SEEN:
            raise ValueError(f'a call that cannot be replayed: {r.a.decode()}')

    # ---- states ------------------------------------------------------------------

    def state(self, chosen):
        """Names and bytes when of the pending calls just these took effect.

        chosen: {place in pending: None or a damage of damages()}"""
        names = {d: dict(f) for d, f in self.names.items()}
        images = {}
        for i, op in enumerate(self.pending):
            if i not in chosen:
                continue
            if op.kind not in ('write', 'size'):
                change_names(names, op)
                continue
            if op.ino not in images:
                images[op.ino] = bytearray(self.images.get(op.ino, b''))
            hurt(images, op, chosen[i])
        return names, images

    def build(self, chosen, to, cache=None):
        """That state as a folder; `to` does not exist yet."""
        names, images = self.state(chosen)

        def walk(folder, path):
            os.mkdir(path)
            for name, ino in names.get(folder, {}).items():
                target = os.path.join(path, name.decode())
                if ino in self.folders:
                    walk(ino, target)
                    continue
                image = images.get(ino)
                if image is None:
                    self.place(ino, name, target, cache)
                else:
                    with open(target, 'wb') as f:
                        f.write(image)
        walk(ROOT, to)

    def place(self, ino, name, target, cache):
        image = self.images.get(ino, b'')
        shared = name.decode().endswith(ONCE_WRITTEN) or len(name) == 32
        if not shared or cache is None:
            with open(target, 'wb') as f:
                f.write(image)
            return
        kept = os.path.join(cache, f'{ino}-{len(image)}')
        if not os.path.exists(kept):
            with open(kept, 'wb') as f:
                f.write(image)
        os.link(kept, target)


def hurt(images, op, damage):
    if damage is None:
        change_bytes(images, op)
        return
    image = images[op.ino]
    kind, seed, unit = damage
    if kind == 'zero':
        put(image, op.at, bytes(len(op.data)))
    elif kind == 'cut':
        put(image, op.at, op.data[:seed])
    else:  # some sectors of it, in no order
        chance = random.Random(seed)
        end = op.at + len(op.data)
        at = op.at
        while at < end:
            stop = min(end, (at // unit + 1) * unit)
            if chance.random() < 0.5:
                put(image, at, op.data[at - op.at:stop - op.at])
            at = stop


def torn(op, chance):
    """Ways in which this write can be half done."""
    if op.kind != 'write' or len(op.data) < 2:
        return []
    out = []
    for unit in (512, 4096):
        first = (op.at // unit + 1) * unit
        edges = range(first - op.at, len(op.data), unit)
        if edges:
            out.append(('cut', chance.choice(edges), unit))
            out.append(('mixed', chance.randrange(1 << 30), unit))
    out.append(('zero', 0, 0))
    return out


def possible(d, chosen):
    """Without names that would have overtaken an earlier one of an ordered folder."""
    late, out = set(), {}
    for i, op in enumerate(d.pending):
        name = op.kind not in ('write', 'size') and op.dir in d.ordered
        if i not in chosen:
            if name:
                late.add(op.dir)
        elif not name or op.dir not in late:
            out[i] = chosen[i]
    return out


def all_of(d):
    n = len(d.pending)
    return ({i: None for i in range(n) if bits >> i & 1} for bits in range(1 << n))


def some_of(n, chance, samples):
    whole = range(n)
    few = chance.sample(whole, min(n, 24))
    yield {}
    yield dict.fromkeys(whole)
    for i in few:
        yield {i: None}
        yield {k: None for k in whole if k != i}
    for k in chance.sample(whole, min(n, 24)):
        yield dict.fromkeys(range(k))
    for _ in range(samples):
        share = chance.random()
        yield {i: None for i in whole if chance.random() < share}


def half_done(d, chance):
    """States with a write that took effect in part, the rest as it may be."""
    n = len(d.pending)
    for i in chance.sample(range(n), min(n, WINDOW)):
        for damage in torn(d.pending[i], chance):
            chosen = {} if chance.random() < 0.5 else dict.fromkeys(range(n))
            chosen[i] = damage
            yield chosen


def subsets(d, chance, samples):
    """The states to look at, each once: all of a small window, else samples; then
    torn ones.  Yields what Disk.state takes."""
    n = len(d.pending)
    ways = 1
    for folder in d.ordered:
        ways *= 1 + sum(op.dir == folder and op.kind not in ('write', 'size')
                        for op in d.pending)
    free = sum(op.dir not in d.ordered or op.kind in ('write', 'size') for op in d.pending)
    # Names in order count for their places, not for their subsets.
    small = ways << min(free, 62) <= 1 << WINDOW and n <= 2 * WINDOW
    seen = set()
    for chosen in itertools.chain(all_of(d) if small else some_of(n, chance, samples),
                                  half_done(d, chance)):
        chosen = possible(d, chosen)
        key = tuple(sorted(chosen.items()))
        if key not in seen:
            seen.add(key)
            yield chosen


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
