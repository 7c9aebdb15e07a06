"""Open a user's text file, packed or not, and say exactly why one cannot be read. Light."""

from __future__ import annotations

import csv
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from atlas_core.errors import AtlasError, DataError

TEXT = (".csv", ".tsv", ".txt")
PACKED = (".gz", ".bz2", ".xz")
FORMS = (*TEXT, ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
FILES = ".csv, .tsv, .txt, .json, .jsonl, .parquet or .xlsx"


def form_of(path: Path) -> str:
    """Return the form of a file by its name, one of ``FORMS``; "" where it is none of them."""
    form, packed = _endings(path)
    return form if form in FORMS and not (packed and form in (".parquet", ".xlsx")) else ""


def _endings(path: Path) -> tuple[str, str]:
    """Return what a name ends in, and before that how the file is packed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in PACKED else ""
    return (suffixes[-1] if suffixes else ""), packed


@contextmanager
def readable(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Say of a file that cannot be read which one it is, and why.

    Args:
        path: the file.
        others: exceptions of the library that reads it.

    Raises:
        DataError: it is not UTF-8 text, truncated or damaged.
    """
    import lzma

    cut: tuple[type[Exception], ...] = (EOFError, zlib.error, lzma.LZMAError)
    try:
        yield
    except (AtlasError, MemoryError):
        raise
    except UnicodeError as err:
        raise DataError(f"{path}: not UTF-8 text ({_encoding(path)})") from err
    except cut as err:
        raise DataError(
            f"{path}: cannot be read: damaged or truncated ({first_line(err)})"
        ) from err
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror or first_line(err)})") from err
    except RecursionError as err:
        raise DataError(f"{path}: cannot be read (nested too deeply)") from err
    except Exception as err:
        if not isinstance(err, (csv.Error, *others)):
            raise
        raise DataError(f"{path}: cannot be read ({first_line(err)})") from err


def first_line(err: Exception) -> str:
    """Return the first line of an exception's text, else its class."""
    return str(err).strip().split("\n")[0] or type(err).__name__


def _encoding(path: Path) -> str:
    """Say what the text of a file seems to be instead of UTF-8, and what to do."""
    start = b""
    if not _endings(path)[1]:
        with path.open("rb") as file:
            start = file.read(2)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return "it is UTF-16; save it as UTF-8; a spec may also say encoding: utf-16"
    return "save it as UTF-8; a spec may also say its encoding, such as encoding: latin-1"


def open_text(path: Path, encoding: str | None = None) -> IO[str]:
    """Open a text file, packed or not.

    Raises:
        DataError: no such encoding is known.
    """
    import bz2
    import codecs
    import gzip
    import lzma

    name = encoding or "utf-8-sig"
    try:
        name = "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name
    except (LookupError, ValueError) as err:
        raise DataError(f"{path}: encoding {name!r} is not known; try utf-8 or latin-1") from err
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    opened: IO[str] = openers.get(_endings(path)[1], open)(path, "rt", encoding=name, newline="")
    return opened


class _TwiceError(ValueError):
    """A JSON object has a key twice, and Python would keep the last."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        _TwiceError: one of its keys occurs twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _TwiceError(f"the key {twice[:60]!r} occurs twice in one object; rename one of them")
    return found


def load_json(path: Path, encoding: str | None = None) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: it is not JSON, damaged or nested too deeply, or has a key twice.
    """
    with readable(path), open_text(path, encoding) as file:
        text = file.read()
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _TwiceError as err:
        raise DataError(f"{path}: {err}") from err
    except ValueError as err:
        hint = ""
        if "Extra data" in str(err) and text.lstrip().startswith("{"):
            hint = "; is it one record a line? Then its name must end in .jsonl"
        raise DataError(f"{path}: cannot be read (not valid JSON: {err}){hint}") from err
    except RecursionError as err:
        raise DataError(f"{path}: cannot be read (nested too deeply)") from err


def json_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, Any, str]]:
    """Yield (line, value, problem) of a file of JSON lines."""
    with readable(path), open_text(path, encoding) as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                yield line, json.loads(text, object_pairs_hook=_once), ""
            except _TwiceError as err:
                yield line, text.strip(), str(err)
            except (ValueError, RecursionError) as err:
                yield line, text.strip(), f"not valid JSON ({first_line(err)})"
