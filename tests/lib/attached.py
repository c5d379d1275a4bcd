#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a line for each BPF program on the tc hooks of this network namespace: by tcx (asked of the kernel, as older
bpftools do not know it) and by clsact filters.
"""
import ctypes
import platform
import re
import socket
import struct
import subprocess
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_QUERY = 16
HOOKS = {"ingress": 46, "egress": 47}


def tcx_programs(ifindex, attach_type):
    """Ids of the programs, [] where the kernel has no tcx."""
    libc = ctypes.CDLL(None, use_errno=True)
    ids = (ctypes.c_uint32 * 64)()
    # target_ifindex, attach_type, query_flags, attach_flags, prog_ids, count
    attr = ctypes.create_string_buffer(
        struct.pack("=IIIIQI", ifindex, attach_type, 0, 0, ctypes.addressof(ids), 64).ljust(64, b"\0"), 64)
    if libc.syscall(SYS_BPF, BPF_PROG_QUERY, attr, 64) != 0:
        return []
    return list(ids[:struct.unpack_from("=I", attr, 24)[0]])


def main():
    for ifindex, name in socket.if_nameindex():
        for hook, attach_type in HOOKS.items():
            for program in tcx_programs(ifindex, attach_type):
                print(f"{name} {hook} tcx {program}")
            shown = subprocess.run(["tc", "filter", "show", "dev", name, hook], capture_output=True, text=True, check=False)
            for match in re.findall(r"bpf .*?(\S+\.bpf\S*|\S+:\[\S+\]|\S+) direct-action", shown.stdout):
                print(f"{name} {hook} clsact {match}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
