"""Progress where nobody watches: few lines, but never silence for hours."""

from __future__ import annotations

from atlas_core.cli.progress import EVERY, PlainLines


def test_what_only_counts_on_is_printed_at_a_low_rate() -> None:
    lines: list[str] = []
    now = 0.0
    tell = PlainLines(lines.append, clock=lambda: now)
    for epoch in range(1, 101):
        tell(f"arm cgcnn, without F: epoch {epoch} of 100")
        now += EVERY / 10
    assert lines == [f"arm cgcnn, without F: epoch {epoch} of 100" for epoch in range(1, 101, 10)]


def test_the_start_of_each_stage_and_the_end_of_each_cell_are_printed() -> None:
    lines: list[str] = []
    told = [
        "features: magpie of 300 materials",
        "features: element_fractions of 300 materials",
        "training 2 cells, first: arm forest, fold-1",
        "done 1 of 2: arm forest, fold-1",
        "done 2 of 2: arm forest, fold-2",
        "arm cgcnn, fold-1: epoch 1 of 9",
        "arm cgcnn, fold-2: epoch 1 of 9",
    ]
    tell = PlainLines(lines.append, clock=lambda: 0.0)
    for text in told:
        tell(text)
    assert lines == told
