"""Join predictions with their targets, score them and write the tables. Light."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psutil
from threadpoolctl import threadpool_limits

from atlas_core import cautions
from atlas_core.audit_notes import audited_folds
from atlas_core.context import derive_seed
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Dataset, read_bounds
from atlas_core.runner.cell import CellResult
from atlas_core.store import read_json, utf8, write_bytes, write_json

if TYPE_CHECKING:
    from atlas_core.runner.folder import RunFolder

Columns = dict[str, npt.NDArray[Any]]
FIRST = ("id", "formula", "arm", "fold", "part", "target", "mean")


def predictions_table(dataset: Dataset, results: Mapping[tuple[str, str], CellResult]) -> Columns:
    """Return the columns of predictions.parquet: arm after arm, fold after fold."""
    formulas = np.asarray(dataset.shown_formulas())
    blocks: list[Columns] = []
    for (arm, fold), result in results.items():
        columns = dict(result.columns)
        row = columns.pop("row")
        blocks.append(
            {
                "id": dataset.materials.ids[row],
                "formula": formulas[row],
                "arm": np.full(len(row), arm),
                "fold": np.full(len(row), fold),
                "target": dataset.target[row],
                **columns,
            }
        )
    names = [*FIRST, *(name for name in blocks[0] if name not in FIRST)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in names}


def write_table(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write columns as Parquet, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {
        name: pa.array(list(map(utf8, values.tolist())) if values.dtype.kind == "U" else values)
        for name, values in columns.items()
    }
    body = io.BytesIO()
    pq.write_table(pa.table(arrays), body, compression="zstd", write_page_checksum=True)
    write_bytes(path, body.getvalue())


def read_table(path: Path) -> Columns:
    """Read columns that ``write_table`` wrote.

    Raises:
        DataError: the file is missing or no Parquet; names it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # as a stream: pyarrow takes no path that is not UTF-8
        with (
            path.open("rb") as stream,
            pq.ParquetFile(stream, page_checksum_verification=True) as file,
        ):
            claimed = sum(
                file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)
            )
            if not 0 <= claimed <= psutil.virtual_memory().total:
                raise DataError(f"{path}: claims {claimed} bytes, more than this machine's memory")
            # by this thread alone: a thread of Arrow that asks for it while Python ends aborts
            table = file.read(use_threads=False)
        twice = len(table.column_names) - len(set(table.column_names))
        if twice:
            raise DataError(f"{path}: {twice} columns have the name of another")
        return {name: _column(table[name]) for name in table.column_names}
    except (OSError, MemoryError, ValueError, TypeError, pa.ArrowException) as err:
        raise DataError(f"{path}: cannot be read: {' '.join(str(err).split())}") from err


def _column(chunked: Any) -> npt.NDArray[Any]:
    import pyarrow as pa

    values = chunked.combine_chunks()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return np.asarray(values.to_pylist(), dtype=np.str_)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def finish(
    folder: RunFolder,
    table: Columns,
    results: Mapping[tuple[str, str], CellResult],
    manifest: Mapping[str, Any],
    *,
    levels: Sequence[float],
    records: Sequence[Mapping[str, Any]],
) -> None:
    """Write predictions, metrics, records and, after a loop, its rounds."""
    write_table(folder.path / "predictions.parquet", table)
    write_json(folder.path / "records.json", records)
    rounds = _rounds(results)
    if rounds:
        write_table(folder.path / "active_learning.parquet", rounds)
    trust = trust_table(table, results)
    if trust:
        write_table(folder.path / "trust.parquet", trust)
    score(folder, table, manifest, levels=levels)


def trust_table(table: Columns, results: Mapping[tuple[str, str], CellResult]) -> Columns:
    """Return the columns of trust.parquet: what each trust method says of each prediction.

    Args:
        table: of the predictions, whose ids and targets are joined.
        results: of the cells.
    """
    blocks: list[Columns] = []
    place = 0
    for (arm, fold), result in results.items():
        rows = result.columns["row"]
        here = slice(place, place + len(rows))
        place += len(rows)
        if not result.trust:
            continue
        columns = dict(result.trust)
        # a row stands in one part of a fold only
        order = np.argsort(rows, kind="stable")
        at = order[np.searchsorted(rows, columns.pop("row"), sorter=order)]
        n = len(at)
        own = {name: table[name][here][at] for name in ("id", "formula", "target", "mean")}
        blocks.append({"arm": np.full(n, arm), "fold": np.full(n, fold), **own, **columns})
    if not blocks:
        return {}
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def score(
    folder: RunFolder, table: Columns, manifest: Mapping[str, Any], *, levels: Sequence[float]
) -> None:
    """Compute metrics.json from a table of predictions, and exam.json where trust was learned."""
    from atlas_core.evaluate import evaluate
    from atlas_core.exam import at_home, examine

    path = folder.path / "trust.parquet"
    trust = read_table(path) if path.is_file() else {}
    bounds = read_bounds(manifest["dataset"].get("bounds"))
    with threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the machine
        metrics = evaluate(
            table,
            task=manifest["dataset"]["task"],
            levels=levels,
            seed=derive_seed(manifest["seed"], "bootstrap"),
            trained=_trained_elements(folder.path),
            bounds=bounds,
        )
        seed = derive_seed(manifest["seed"], "exam")
        exam = examine(trust, table, levels=levels, seed=seed, bounds=bounds) if trust else {}
    for arm in dict.fromkeys(trust["arm"].tolist()) if trust else ():
        metrics["arms"][arm]["labels"] = at_home(trust, arm)
    audited, records = (folder.path / name for name in ("audit.json", "records.json"))
    for arm, own in metrics["arms"].items():
        found = [] if not audited.is_file() else cautions.of_audit(read_json(audited))
        if records.is_file():
            found += cautions.of_records(read_json(records), arm)
        own["cautions"] += [caution.as_dict() for caution in found]
    write_json(folder.path / "metrics.json", metrics)
    if exam:
        write_json(folder.path / "exam.json", exam)


def _trained_elements(folder: Path) -> dict[str, list[str]]:
    """Return {fold: symbols of the elements in its training rows}, as the split audit noted."""
    folds = audited_folds(folder)
    return {fold: found["elements"] for fold, found in folds.items() if "elements" in found}


def _rounds(results: Mapping[tuple[str, str], CellResult]) -> Columns:
    blocks: list[Columns] = []
    for (arm, fold), result in results.items():
        if result.rounds:
            n = len(next(iter(result.rounds.values())))
            blocks.append({"arm": np.full(n, arm), "fold": np.full(n, fold), **result.rounds})
    if not blocks:
        return {}
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
