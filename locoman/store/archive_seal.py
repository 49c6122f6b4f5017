"""The seal of an archive: the sha256 of all in a zip file that is not content, kept in its comment.

With the digests of the contents it makes sure that no byte can change unseen. (Records: PKWARE's APPNOTE.TXT, 4.3.)
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from typing import BinaryIO

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
DIRECTORY_END = struct.Struct("<4s4H2LH")
DIRECTORY_END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
TAIL_BYTES = DIRECTORY_END.size + 0xFFFF + DIRECTORY_END64.size + LOCATOR64.size
SEAL = "locoman sha256:"
SEAL_BYTES = len(SEAL) + 64
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF


def seal_of(file: BinaryIO, archive: zipfile.ZipFile) -> str:
    """The seal that the archive in `file` should carry. Memory is bounded by its directory. May raise OSError."""
    digest = hashlib.sha256()
    at = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        file.seek(info.header_offset)
        header = file.read(LOCAL_HEADER.size)
        names = sum(LOCAL_HEADER.unpack(header)[-2:]) if len(header) == LOCAL_HEADER.size else 0
        digest.update(struct.pack("<q", info.header_offset - at) + header + file.read(names))
        at = info.header_offset + LOCAL_HEADER.size + names + info.compress_size
    file.seek(archive.start_dir)
    rest = file.read()
    end = rest.rfind(b"PK\5\6")
    length = end - (DIRECTORY_END64.size + LOCATOR64.size if rest[:end][-LOCATOR64.size :][:4] == b"PK\6\7" else 0)
    count = min(len(archive.infolist()), _SHORT)
    # Not what stands in the last record, but what has to: it holds the comment, and so the seal itself.
    last = DIRECTORY_END.pack(
        b"PK\5\6", 0, 0, count, count, min(length, _LONG), min(archive.start_dir, _LONG), SEAL_BYTES
    )
    as_it_should_end = rest[end : end + DIRECTORY_END.size - 2] == last[:-2] and len(rest) - end in (
        DIRECTORY_END.size,
        DIRECTORY_END.size + SEAL_BYTES,
    )
    digest.update(struct.pack("<q?", archive.start_dir - at, as_it_should_end) + rest[:end])
    return SEAL + digest.hexdigest()
