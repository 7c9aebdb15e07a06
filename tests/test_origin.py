"""A fit is one's own where its mark was made with one's key and its files are as they were."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atlas_core.origin import MARK, doubt, mark

FILES = ("a.npz", "b.npz")


@pytest.fixture
def fit(tmp_path: Path) -> Path:
    """A folder with two files, marked with a new key."""
    folder = tmp_path / "fit"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(name.encode() * 100)
    assert mark(folder, FILES, tmp_path / "home" / "origin.key") == ""
    return folder


def key_of(fit: Path) -> Path:
    return fit.parent / "home" / "origin.key"


def test_a_fit_of_ones_own_raises_no_doubt(fit: Path) -> None:
    assert doubt(fit, FILES, key_of(fit)) == ""
    before = key_of(fit).read_bytes()
    assert mark(fit, FILES, key_of(fit)) == ""
    assert key_of(fit).read_bytes() == before


def test_the_key_is_random_and_for_its_user_alone(fit: Path) -> None:
    other = fit.parent / "other.key"
    assert mark(fit, FILES, other) == ""
    assert len(other.read_bytes()) == 32
    assert other.read_bytes() != key_of(fit).read_bytes()
    assert stat.S_IMODE(key_of(fit).stat().st_mode) == 0o600
    assert not [p for p in key_of(fit).parent.iterdir() if p != key_of(fit)]
    key_of(fit).chmod(0o644)
    doubt(fit, FILES, key_of(fit))
    assert stat.S_IMODE(key_of(fit).stat().st_mode) == 0o600


def test_the_mark_reveals_nothing_of_the_key(fit: Path) -> None:
    assert key_of(fit).read_bytes().hex() not in (fit / MARK).read_text()


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_raises_doubt(fit: Path, name: str) -> None:
    content = bytearray((fit / name).read_bytes())
    content[7] ^= 1
    (fit / name).write_bytes(content)
    assert doubt(fit, FILES, key_of(fit))


def test_files_that_change_places_raise_doubt(fit: Path) -> None:
    first, second = ((fit / name).read_bytes() for name in FILES)
    (fit / FILES[0]).write_bytes(second)
    (fit / FILES[1]).write_bytes(first)
    assert doubt(fit, FILES, key_of(fit))


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"a.npz": 1, "b.npz": null}', '{"a.npz": "\u00e9"}', "[" * 99999],
)
def test_a_mark_of_nonsense_raises_doubt(fit: Path, text: str) -> None:
    (fit / MARK).write_text(text, encoding="utf-8")
    assert doubt(fit, FILES, key_of(fit))


def test_without_mark_key_or_file_there_is_doubt(fit: Path) -> None:
    assert doubt(fit, FILES, None)
    assert doubt(fit, FILES, fit.parent / "no.key")
    assert doubt(fit, (*FILES, "c.npz"), key_of(fit))
    (fit / FILES[0]).unlink()
    assert doubt(fit, FILES, key_of(fit))
    (fit / MARK).unlink()
    assert doubt(fit, FILES, key_of(fit))


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_key_that_is_none_marks_nothing_and_says_so(fit: Path, content: bytes) -> None:
    bad = fit.parent / "bad.key"
    bad.write_bytes(content)
    assert "bad.key" in mark(fit, FILES, bad)
    assert doubt(fit, FILES, bad)


def test_a_pipe_is_no_key(fit: Path) -> None:
    pipe = fit.parent / "pipe.key"
    os.mkfifo(pipe)
    assert "pipe.key" in mark(fit, FILES, pipe)
    assert doubt(fit, FILES, pipe)


def test_a_home_that_cannot_be_written_costs_the_mark_alone(fit: Path) -> None:
    blocked = fit.parent / "blocked"
    blocked.write_text("a file where a folder is needed")
    why = mark(fit, FILES, blocked / "atlas" / "origin.key")
    assert "--trust-fit" in why
    assert "\n" not in why


def test_processes_that_make_the_key_at_once_share_it(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"content")
    code = (
        "import sys; from pathlib import Path; from atlas_core.origin import _new_key;"
        "print(_new_key(Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "origin.key")]
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(subprocess.check_output, command, env=dict(os.environ)) for _ in range(4)
        ]
    assert len({one.result() for one in asked}) == 1
