#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""weaken FEATURES PROGRAM [WORD...]: run a program as on a lesser kernel.

FEATURES is landlock, seccomp, or both with a comma.  A filter of our own, which
all children inherit, answers their calls as a kernel that was built without:
ENOSYS from landlock_create_ruleset and seccomp, EINVAL from prctl about seccomp.
The product cannot tell, and nothing of it is changed.
"""
import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {'x86_64': {'prctl': 157, 'seccomp': 317},
           'aarch64': {'prctl': 167, 'seccomp': 277}}[platform.machine()]
LANDLOCK_CREATE = 444  # on every machine
PR_SET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_SECCOMP, MODE_FILTER = 38, 21, 22, 2
ALLOW, ERRNO = 0x7fff0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
AT_NUMBER, AT_FIRST_ARGUMENT = 0, 16


def step(code, k, yes=0, no=0):
    return struct.pack('HBBI', code, yes, no, k)


def refuse(number, error):
    return [step(EQUAL, number, 0, 1), step(RETURN, ERRNO | error)]


def program(features):
    steps = [step(LOAD, AT_NUMBER)]
    if 'landlock' in features:
        steps += refuse(LANDLOCK_CREATE, errno.ENOSYS)
    if 'seccomp' in features:
        steps += refuse(NUMBERS['seccomp'], errno.ENOSYS)
        about = refuse(PR_GET_SECCOMP, errno.EINVAL) + refuse(PR_SET_SECCOMP, errno.EINVAL)
        steps += [step(EQUAL, NUMBERS['prctl'], 0, len(about) + 1),
                  step(LOAD, AT_FIRST_ARGUMENT), *about]
    return steps + [step(RETURN, ALLOW)]


def weaken(features):
    libc = ctypes.CDLL(None, use_errno=True)
    steps = program(features)
    code = ctypes.create_string_buffer(b''.join(steps))
    filter_ = ctypes.create_string_buffer(
        struct.pack('HxxxxxxP', len(steps), ctypes.addressof(code)))
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                  (PR_SET_SECCOMP, MODE_FILTER, filter_, 0, 0)):
        if libc.prctl(*words) != 0:
            sys.exit(f'prctl: {os.strerror(ctypes.get_errno())}')


if __name__ == '__main__':
    weaken(sys.argv[1].split(','))
    os.execv(sys.argv[2], sys.argv[2:])
