"""Ties the life of a process to ours, as each system can: nobody may be left behind with gigabytes of memory."""

from __future__ import annotations

import ctypes
import signal
import sys
from functools import cache
from typing import Any

_PR_SET_PDEATHSIG = 1
_PROCESS_SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001
_EXTENDED_LIMIT_INFORMATION = 9
_KILL_ON_JOB_CLOSE = 0x2000


def die_with_parent() -> None:
    """Asks Linux to kill this process with the thread that made it; nothing elsewhere. It survives exec."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def tie_to_us(pid: int) -> None:
    """Asks Windows to kill the process when this one ends, by a job object; nothing elsewhere."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(kernel.OpenProcess(_PROCESS_SET_QUOTA_AND_TERMINATE, False, pid))
        if handle.value is not None:
            kernel.AssignProcessToJobObject(_job(), handle)
            kernel.CloseHandle(handle)


@cache
def _libc() -> Any:
    """Loaded ahead of a fork: after it nothing may be loaded."""
    return ctypes.CDLL(None, use_errno=True)


if sys.platform == "win32":

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", ctypes.c_uint32),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", ctypes.c_uint32),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", ctypes.c_uint32),
            ("SchedulingClass", ctypes.c_uint32),
        )

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    @cache
    def _job() -> ctypes.c_void_p:
        """The job whose processes end when its last handle, ours, is closed. It stays open as long as we live."""
        kernel = ctypes.windll.kernel32
        kernel.CreateJobObjectW.restype = ctypes.c_void_p
        job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
        size = ctypes.sizeof(limits)
        kernel.SetInformationJobObject(job, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size)
        return job
