"""What a worker may still do: rlimits, Landlock and seccomp, by the kernel's own interface and without root.

Landlock (``man 7 landlock``) leaves reading of the named paths and writing of the job folder; TCP, signals and abstract
sockets go with the newer ABIs. The seccomp filter answers EPERM to sockets, new programs and processes, ptrace, mounts,
keys, io_uring, namespaces and BPF; threads stay allowed. What the kernel lacks is left out and said so.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from geo_service.ingest.limits import Limits
from geo_service.settings import PACKAGE

_EPERM = 1
_ENOSYS = 38
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 4, 38, 22
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CLONE_THREAD = 0x00010000

_READ = (1 << 2) | (1 << 3)
_READ_FILE = 1 << 2
_WRITE = _READ | (1 << 1) | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 14)
"""Read, write, remove, make directories and regular files, truncate; no links, devices, sockets or pipes."""

_DENIED_X86_64 = (
    *(41, 42, 43, 49, 50, 53, 288),  # socket connect accept bind listen socketpair accept4
    *(57, 58, 59, 322),  # fork vfork execve execveat
    *(62, 200, 234, 129, 297),  # kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo
    *(101, 310, 311, 312),  # ptrace process_vm_readv process_vm_writev kcmp
    *(165, 166, 155, 161, 272, 308, 428, 429, 430, 431, 432, 442),  # mount umount pivot chroot unshare setns new mounts
    *(175, 176, 313, 246, 320, 169, 167, 168),  # modules kexec reboot swap
    *(298, 321, 323, 425, 426, 427),  # perf bpf userfaultfd io_uring
    *(248, 249, 250, 303, 304, 424, 434, 438),  # keys handles pidfd
    *(86, 88, 133, 259, 265, 266),  # link symlink mknod and their at forms
    *(105, 106, 113, 114, 117, 119, 122, 123),  # set*id
)
_DENIED_AARCH64 = (
    *(198, 200, 201, 202, 203, 199, 242),
    *(221, 281),
    *(129, 130, 131, 138, 240),
    *(117, 270, 271, 272),
    *(40, 39, 41, 51, 97, 268, 428, 429, 430, 431, 432, 442),
    *(105, 106, 273, 104, 294, 142, 224, 225),
    *(241, 280, 282, 425, 426, 427),
    *(217, 218, 219, 264, 265, 424, 434, 438),
    *(33, 36, 37),
    *(143, 144, 145, 146, 147, 149, 151, 152),
)


@dataclass(frozen=True, slots=True)
class _Machine:
    audit_arch: int
    denied: tuple[int, ...]
    clone: int
    clone3: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, _DENIED_X86_64, 56, 435),
    "aarch64": _Machine(0xC00000B7, _DENIED_AARCH64, 220, 435),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What holds a worker: the Landlock ABI (0 where the kernel has none), seccomp, rlimits."""

    landlock_abi: int
    seccomp: bool
    rlimits: bool

    @property
    def complete(self) -> bool:
        """Whether files, network and resources are all held by the kernel."""
        return self.landlock_abi > 0 and self.seccomp and self.rlimits


def confine(*, read: Iterable[Path], write: Iterable[Path], limits: Limits) -> Confinement:
    """Give up everything but the named paths, for this process and for ever; says what is in force.

    Call it in a freshly forked, single-threaded process.
    """
    rlimits = _limit_resources(limits)
    abi = _landlock(tuple(read), tuple(write))
    return Confinement(landlock_abi=abi, seccomp=_seccomp(), rlimits=rlimits)


def kernel_support() -> Confinement:
    """What this kernel can hold a worker with, asked without giving anything up."""
    known = _machine() is not None
    return Confinement(landlock_abi=landlock_abi(), seccomp=known, rlimits=sys.platform != "win32")


def library_paths() -> tuple[Path, ...]:
    """What the interpreter and its libraries must still read."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    names = [sysconfig.get_path(kind) for kind in kinds]
    system = ["/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/dev/null", "/dev/urandom"]
    return (PACKAGE, *(Path(name) for name in dict.fromkeys([*names, *system])))


def _limit_resources(limits: Limits) -> bool:
    try:
        import resource
    except ImportError:  # not a POSIX system
        return False
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        resource.setrlimit(kind, (value, value + 2 if kind == resource.RLIMIT_CPU else value))
    return True


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _machine() -> _Machine | None:
    return _MACHINES.get(platform.machine()) if sys.platform == "linux" else None


def landlock_abi() -> int:
    """The kernel's Landlock ABI; 0 where it has none."""
    if _machine() is None:
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, 1)))


def _handled(abi: int) -> tuple[bytes, int]:
    """The ruleset attribute for an ABI and its rights on files."""
    bits = 13 if abi == 1 else 14 if abi == 2 else 15 if abi < 5 else 16
    files = (1 << bits) - 1
    network, scopes = 3, 3
    attribute = struct.pack("=QQQ", files, network, scopes)
    return attribute[: 8 if abi < 4 else 16 if abi < 6 else 24], files


def _landlock(read: tuple[Path, ...], write: tuple[Path, ...]) -> int:
    abi = landlock_abi()
    if not abi:
        return 0
    libc = _libc()
    attribute, handled = _handled(abi)
    ruleset = libc.syscall(_CREATE_RULESET, attribute, len(attribute), 0)
    if ruleset < 0:
        return 0
    for path in read:
        _allow(libc, ruleset, path, _READ & handled)
    for path in write:
        _allow(libc, ruleset, path, _WRITE & handled)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    failed = libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return 0 if failed else abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # a path that is not there needs no rule
        return
    if not path.is_dir():
        rights &= _READ_FILE
    rule = struct.pack("=Qi", rights, folder)
    failed = libc.syscall(_ADD_RULE, ruleset, 1, rule, 0)
    os.close(folder)
    if failed:
        raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")


_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def _step(code: int, constant: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, constant)


def _program(machine: _Machine) -> list[bytes]:
    """The filter: another architecture dies, x32 and denied calls get EPERM, clone only makes threads."""
    steps = [
        _step(_LOAD, 4),
        _step(_EQUAL, machine.audit_arch, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, 0),
        _step(_AT_LEAST, 0x40000000, no=1),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_EQUAL, machine.clone3, no=1),
        _step(_RETURN, _ERRNO | _ENOSYS),
        _step(_EQUAL, machine.clone, no=4),
        _step(_LOAD, 16),
        _step(_ANY_BIT, _CLONE_THREAD, no=1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERRNO | _EPERM),
    ]
    denied = machine.denied
    steps += [_step(_EQUAL, number, yes=len(denied) - index) for index, number in enumerate(denied)]
    return [*steps, _step(_RETURN, _ALLOW), _step(_RETURN, _ERRNO | _EPERM)]


def _seccomp() -> bool:
    machine = _machine()
    if machine is None:
        return False
    libc = _libc()
    steps = _program(machine)
    body = ctypes.create_string_buffer(b"".join(steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(body))
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return int(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0)) == 0
