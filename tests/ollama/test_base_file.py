"""Where Ollama's weights lie: believed only as far as it can be checked, and refused with what would help."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.faulty_http import FileServer
from support.ollama_standin import StandinOllama

from locoman.errors import OllamaRefused
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, Unreadable, locate_base

TAG = "loco-tiny:q8"
BLOB = "sha256-" + "ab" * 32


@pytest.fixture
def blob(api: OllamaApi) -> Path:
    """The weights' file of a model that was pulled."""
    api.pull(TAG)
    found = locate_base(api, TAG)
    assert isinstance(found, BaseFile)
    assert not found.verified
    return found.path


def refused(api: OllamaApi, *, verify: bool = False) -> Unreadable:
    found = locate_base(api, TAG, verify=verify)
    assert isinstance(found, Unreadable), found
    assert found.sentence.endswith(".")
    assert found.remedy
    assert "sudo" not in found.remedy
    return found


@contextmanager
def showing(from_path: str) -> Iterator[OllamaApi]:
    """A client of a server on loopback that shows a model of its choice, and nothing else."""
    text = json.dumps({"modelfile": f"FROM {from_path}\n", "models": [{"name": TAG, "size": 10**12}]})
    with FileServer(text.encode()) as server, OllamaApi(server.url) as api:
        yield api


def test_a_model_that_ollama_lacks_is_404(api: OllamaApi) -> None:
    with pytest.raises(OllamaRefused) as caught:
        locate_base(api, "nothing")
    assert caught.value.status == 404


def test_the_size_and_the_digest_come_with_the_file(api: OllamaApi, blob: Path, tiny_gguf: Path) -> None:
    seen: list[tuple[int, int | None, str]] = []
    size = tiny_gguf.stat().st_size
    assert locate_base(api, TAG, verify=True, progress=lambda *step: seen.append(step)) == BaseFile(
        TAG, blob, size, blob.name.removeprefix("sha256-"), verified=True
    )
    assert seen[-1] == (size, size, "bytes")


def test_a_file_of_another_size_is_damaged(api: OllamaApi, blob: Path) -> None:
    whole = blob.read_bytes()
    for content in (whole[:-1], whole + b"\0", b""):
        blob.write_bytes(content)
        assert refused(api).why == "damaged"


def test_a_file_of_the_right_size_and_other_content_is_damaged(api: OllamaApi, blob: Path) -> None:
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert isinstance(locate_base(api, TAG), BaseFile)
    assert "sha256" in refused(api, verify=True).sentence
    blob.write_bytes(b"GGML" + whole[4:])
    assert "not a GGUF file" in refused(api).sentence
    assert refused(api).remedy == f"ollama rm {TAG} && ollama pull {TAG}"


@pytest.mark.parametrize("manifest", [b"", b"{", b'{"layers": 3}', b"[" * 100_000, None])
def test_without_a_readable_manifest_the_model_s_size_is_the_bound(
    api: OllamaApi, standin: StandinOllama, blob: Path, manifest: bytes | None
) -> None:
    listed = api.tags()[0]
    path = standin.store.models()[0].path
    with FileServer(b"") as server:  # the stand-in reads its own manifest, so another server speaks for it
        server.content = json.dumps(
            {"modelfile": f"FROM {blob}\n", "models": [{"name": TAG, "size": listed.size}]}
        ).encode()
        path.unlink() if manifest is None else path.write_bytes(manifest)
        with OllamaApi(server.url) as other:
            assert isinstance(locate_base(other, TAG), BaseFile)
            blob.write_bytes(blob.read_bytes() + bytes(listed.size))
            assert refused(other).why == "damaged"


def test_a_file_that_is_gone_means_a_container(api: OllamaApi, blob: Path) -> None:
    blob.unlink()
    found = refused(api)
    assert found.why == "absent"
    assert "container" in found.sentence


@pytest.mark.parametrize(
    "path", [rf"C:\Users\me\.ollama\models\blobs\{BLOB}", f"relative/{BLOB}", f"../../{BLOB}", BLOB]
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of another system")
def test_a_path_of_another_system_is_absent(path: str) -> None:
    with showing(path) as api:
        assert refused(api).why == "absent"


HOSTILE = (
    "qwen3:4b",
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    f"/x/{BLOB}.gguf",
    f"/x/{BLOB.upper()}",
    f"/{'y' * 5000}/{BLOB}",
    "",
    f"/x/\x00{BLOB}",
    f"/x\x07/{BLOB}",
    f"/x/{BLOB}/",
    "/",
)


@pytest.mark.parametrize("path", HOSTILE)
def test_what_is_no_blob_of_ollama_is_not_opened(path: str) -> None:
    with showing(path) as api:
        assert refused(api).why == "no file"


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and device files")
def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    fifo, folder, link, loop = (tmp_path / name / BLOB for name in ("fifo", "folder", "link", "loop"))
    for path in (fifo, folder, link, loop):
        path.parent.mkdir()
    os.mkfifo(fifo)
    folder.mkdir()
    link.symlink_to("/dev/zero")
    loop.symlink_to(loop)
    for path in (fifo, folder, link, loop):
        with showing(str(path)) as api:
            assert refused(api, verify=True).why == "damaged"


def test_a_link_to_a_blob_elsewhere_is_fine(api: OllamaApi, blob: Path, tmp_path: Path) -> None:
    elsewhere = blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(elsewhere)
    assert isinstance(locate_base(api, TAG, verify=True), BaseFile)


def test_a_server_on_another_machine_is_never_believed(
    monkeypatch: pytest.MonkeyPatch, api: OllamaApi, blob: Path
) -> None:
    monkeypatch.setattr(api, "url", "http://192.0.2.7:11434")
    found = refused(api)
    assert found.why == "remote"
    assert "192.0.2.7" in found.sentence


def test_a_cloud_model_has_no_weights_here() -> None:
    cloud = b'{"modelfile": "FROM x\\n", "remote_host": "https://ollama.com:443"}'
    with FileServer(cloud) as server, OllamaApi(server.url) as api:
        assert refused(api).why == "cloud"


@contextmanager
def as_another_user() -> Iterator[None]:
    """Drops root's rights for a while; other users lack the rights of the test's owner anyway."""
    if os.geteuid() != 0:
        yield
        return
    import grp  # noqa: F401 - loaded now, as another user may not read the interpreter's folder
    import pwd  # noqa: F401

    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def foreign_blob(tiny_gguf: Path) -> Iterator[Path]:
    """A blob in the home of another user: `home/models/blobs/sha256-...`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("needs root to make a folder of another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        blob = Path(folder) / "home" / "models" / "blobs" / BLOB
        blob.parent.mkdir(parents=True)
        blob.write_bytes(tiny_gguf.read_bytes())
        yield blob


@pytest.mark.parametrize(("mode", "words"), [(0o700, "Only its owner may read"), (0o750, "add you to the group")])
def test_a_closed_home_of_ollama_is_named_with_what_would_open_it(foreign_blob: Path, mode: int, words: str) -> None:
    home = foreign_blob.parents[2]
    home.chmod(mode)
    with showing(str(foreign_blob)) as api, as_another_user():
        found = refused(api)
    assert found.why == "forbidden"
    assert words in found.remedy
    assert (str(home) in found.remedy) is (mode == 0o700)


def test_a_file_that_may_not_be_read_is_named(foreign_blob: Path) -> None:
    foreign_blob.chmod(0o600)
    with showing(str(foreign_blob)) as api, as_another_user():
        found = refused(api)
    assert found.why == "forbidden"
    assert str(foreign_blob) in found.sentence


def test_folders_that_may_be_entered_but_not_listed_are_enough(foreign_blob: Path) -> None:
    foreign_blob.parents[2].chmod(0o711)
    with showing(str(foreign_blob)) as api, as_another_user():
        found = locate_base(api, TAG)
    assert isinstance(found, BaseFile)
