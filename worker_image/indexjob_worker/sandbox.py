"""Takes away from a process what it does not need, before it reads foreign bytes. Linux; elsewhere what there is of it.

An extraction child keeps one socket, memory up to a limit, and a clock. A parser that is taken over finds no descriptor,
can open none, can start nothing, and cannot look into its parent.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_MODE_FILTER: Final = 2

# Numbers of the system calls that extraction makes (memory, its socket, clocks, its end), by machine.
_SYSTEM_CALLS: Final[dict[str, tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        # read write close mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn sched_yield mremap madvise
        (0, 1, 3, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28),
        # getitimer setitimer getpid sendto recvfrom sendmsg recvmsg exit gettimeofday getrusage sigaltstack futex
        (36, 38, 39, 44, 45, 46, 47, 60, 96, 98, 131, 202),
        # restart_syscall clock_gettime exit_group getrandom rseq
        (219, 228, 231, 318, 334),
    ),
    "aarch64": (
        0xC00000B7,
        # read write close mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn sched_yield mremap madvise
        (63, 64, 57, 222, 226, 215, 214, 134, 135, 139, 124, 216, 233),
        # getitimer setitimer getpid sendto recvfrom sendmsg recvmsg exit gettimeofday getrusage sigaltstack futex
        (102, 103, 172, 206, 207, 211, 212, 93, 169, 165, 132, 98),
        # restart_syscall clock_gettime exit_group getrandom rseq
        (128, 113, 94, 278, 293),
    ),
}
_X32: Final = 0x40000000


def hide() -> None:
    """No other process of the same user may read this one's memory or trace it, nor will a core file hold it."""
    _prctl(PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(parent: int) -> None:
    """End when the thread that forked this process ends, however that happens, also if it has ended already. In a container the parent may well be number 1."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def confine(keep: int, memory_bytes: int) -> None:
    """Leave this process the descriptor `keep`, that much address space, and the system calls of pure computing."""
    os.closerange(0, keep)
    os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _filter_system_calls()


def _filter_system_calls() -> None:
    known = _SYSTEM_CALLS.get(platform.machine())
    if known is None or not sys.platform.startswith("linux"):
        return
    architecture, *groups = known
    program = _bpf(architecture, [call for group in groups for call in group])
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
    # Refused inside some sandboxes: the limits above hold all the same.
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)))


def _bpf(architecture: int, allowed: list[int]) -> bytes:
    """A program for the kernel: allow these calls, let every other one fail with EPERM."""
    load, jump_if, jump_above, give = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | 1
    count = len(allowed)
    lines = [
        (load, 0, 0, 4),  # the architecture
        (jump_if, 0, count + 2, architecture),
        (load, 0, 0, 0),  # the number of the call
        (jump_above, count, 0, _X32),
        *((jump_if, count - at, 0, number) for at, number in enumerate(allowed)),
        (give, 0, 0, refuse),
        (give, 0, 0, allow),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _prctl(option: int, *values: object) -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, *(ctypes.c_ulong(v) if isinstance(v, int) else v for v in values), 0, 0, 0)
