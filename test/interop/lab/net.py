# SPDX-License-Identifier: Apache-2.0
"""A network of this process's own: only a loopback interface, every port free."""
import ctypes
import os
import subprocess

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
V6 = "fd00:1111::"
SOURCES = f"127.0.0.2 {V6}ffff"  # of connections: no server has them


def own_network():
    """From here on, for this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if uid else 0)) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    add_v6(0xffff)


def add_v6(number):
    """Another address of the loopback interface."""
    address = f"{V6}{number:x}"
    subprocess.run(["ip", "-6", "addr", "add", f"{address}/128", "dev", "lo"], check=True)
    return address
