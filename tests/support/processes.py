"""Processes of this machine, by what stands in their command."""

from __future__ import annotations

import psutil


def running(mark: str) -> list[psutil.Process]:
    """Those with `mark` in their command that have not ended."""
    return [process for process in psutil.process_iter() if mark in _command(process)]


def _command(process: psutil.Process) -> str:
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.Error:
        return ""
