#!/usr/bin/env python3
"""A link with delay between two network namespaces: real packets, real TCP, no kernel module.

usage: delay.py NS_A ADDRESS_A NS_B ADDRESS_B MILLISECONDS

Makes a TUN device in each namespace (named `slow`), gives it its address with the other one as peer, and carries packets
between the two, each MILLISECONDS after it came. Prints `ready` and runs until standard input closes. Needs root.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
MTU = 1500


def tun_in(namespace, address, peer):
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    os.close(handle)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"slow", IFF_TUN | IFF_NO_PI))
    for command in (
        ["ip", "addr", "add", address, "peer", peer, "dev", "slow"],
        ["ip", "link", "set", "slow", "up", "mtu", str(MTU)],
    ):
        subprocess.run(command, check=True)
    return tun


def main():
    name_a, address_a, name_b, address_b, milliseconds = sys.argv[1:]
    delay = float(milliseconds) / 1000
    a = tun_in(name_a, address_a, address_b)
    b = tun_in(name_b, address_b, address_a)
    other = {a: b, b: a}
    waiting = collections.deque()
    print("ready", flush=True)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for source in select.select([a, b, sys.stdin], [], [], pause)[0]:
            if source is sys.stdin:
                if not os.read(sys.stdin.fileno(), 64):
                    return
                continue
            packet = os.read(source, MTU + 64)
            waiting.append((time.monotonic() + delay, other[source], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, target, packet = waiting.popleft()
            try:
                os.write(target, packet)
            except OSError:
                pass  # As on any link, a packet may be lost.


main()
