"""The system calls that a program in the sandbox may not make, as a filter for the kernel (seccomp, classic BPF).

Namespaces and limits hold most of what a program may try. This closes what they do not cover: the keyrings of the user,
memory that no process is seen to hold, sockets to the machine around a virtual one, and the calls whose faults in the kernel
have been the way out of sandboxes.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_FROM, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data; arguments by their low half
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NEW_NAMESPACE = 0x7E020080
"""The CLONE_NEW* flags of clone(2)."""
_TERMINAL_INPUT = (0x5412, 0x541C)
"""The ioctls TIOCSTI and TIOCLINUX, which type into a terminal."""

# name: (x86_64, aarch64 and riscv64), from asm/unistd_64.h and asm-generic/unistd.h; None: there is none
_DENIED: Mapping[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mbind": (237, 235),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "set_mempolicy": (238, 237),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_CLONE3 = 435


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    column: int
    clone: int
    ioctl: int
    foreign_from: int | None = None  # numbers from here on belong to another convention (x32) of the same architecture


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, 56, 16, 0x40000000),
    "aarch64": _Machine(0xC00000B7, 1, 220, 29),
    "riscv64": _Machine(0xC00000F3, 1, 220, 29),
}


def known_machine() -> bool:
    """Whether there is a filter for this processor."""
    return platform.machine() in _MACHINES


def filter_program(machine: str = "") -> bytes:
    """An array of struct sock_filter for this processor, in its byte order; KeyError where `known_machine` is False."""
    here = _MACHINES[machine or platform.machine()]
    denied = sorted({numbers[here.column] for numbers in _DENIED.values()} - {None})  # type: ignore[type-var]
    rules: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, here.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    refuse = (_RETURN, 0, 0, _ERRNO | _EPERM)
    if here.foreign_from is not None:
        rules += [(_JUMP_FROM, 0, 1, here.foreign_from), refuse]
    for number in denied:
        rules += [(_JUMP_EQUAL, 0, 1, number or 0), refuse]
    rules += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]  # the C library takes clone instead
    rules += [(_JUMP_EQUAL, 0, 3, here.clone), (_LOAD, 0, 0, _FIRST), (_JUMP_SET, 0, 1, _NEW_NAMESPACE), refuse]
    rules += [
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_EQUAL, 0, 1 + 2 * len(_TERMINAL_INPUT), here.ioctl),
        (_LOAD, 0, 0, _SECOND),
    ]
    for request in _TERMINAL_INPUT:
        rules += [(_JUMP_EQUAL, 0, 1, request), refuse]
    rules.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", code, true, false, value) for code, true, false, value in rules)
