from __future__ import annotations

from pathlib import Path

import pytest
from support.encoder import encoder_files

from locoman.errors import InvalidFile
from locoman.routing.encoder.bge import open_encoder
from locoman.routing.encoder.files import BYTES, FILES, is_sound, is_whole, verify


def test_the_real_files_have_their_digests() -> None:
    verify(encoder_files())
    assert is_sound(encoder_files())
    assert sum(path.stat().st_size for path in (encoder_files() / file.name for file in FILES)) == BYTES


def test_files_of_another_size_are_not_the_encoder(tmp_path: Path) -> None:
    assert not is_whole(tmp_path)
    for file in FILES:
        (tmp_path / file.name).write_bytes(b"short")
    assert not is_whole(tmp_path)
    with pytest.raises(InvalidFile, match="bytes long"):
        verify(tmp_path)
    with pytest.raises(InvalidFile):
        open_encoder(tmp_path)


def test_files_of_the_right_size_with_other_content_are_not_the_encoder(tmp_path: Path) -> None:
    for file in FILES:
        with (tmp_path / file.name).open("wb") as empty:
            empty.truncate(file.bytes)
    assert is_whole(tmp_path)
    assert not is_sound(tmp_path)
    with pytest.raises(InvalidFile, match="digest"):
        verify(tmp_path)
