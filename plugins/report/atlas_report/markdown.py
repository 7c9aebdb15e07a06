"""Verdicts and tables as Markdown, for a repository, an issue or a lab notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from atlas_core.observe import Export, FinishedRun, ReportSection
from atlas_report.arms import described
from atlas_report.audit import audit_view
from atlas_report.beside import Beside, Cell, Line, beside
from atlas_report.cards import card
from atlas_report.data_view import data_sentences
from atlas_report.hooks import NoOptions
from atlas_report.source import Source, source_of

_SPECIAL = re.compile(r"[\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w)")


class MarkdownReport:
    """Write ``report.md``."""

    places = ("report.md",)

    def __init__(self, config: NoOptions) -> None:
        """Take no option."""

    def report(self, run: FinishedRun, sections: Sequence[ReportSection]) -> list[Export]:
        """Return the page; of figures that observers add, title and caption."""
        source = source_of(run)
        lines = [*_head(source), *_verdicts(source), *_numbers(beside(source)), *_data(source)]
        lines += _added(sections)
        lines += [f"Made by ATLAS {plain(str(run.manifest.get('atlas') or ''))}.", ""]
        page = "\n".join(lines).encode("utf-8", "backslashreplace")
        return [Export(PurePosixPath("report.md"), page)]


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(text.split()))


def _head(source: Source) -> Iterator[str]:
    manifest = source.manifest
    yield f"# {plain(str(manifest.get('question') or manifest.get('name') or 'run'))}"
    yield from ("", plain(" ".join(described(source))), "")
    audit = audit_view(source.audit)
    if audit is not None:
        yield from ("## Split audit", "", plain(audit.sentence), "")
        yield from _items(audit.reasons)


def _verdicts(source: Source) -> Iterator[str]:
    yield from ("## Verdict", "")
    for arm in source.rows:
        one = card(source, arm)
        yield from (f"### {plain(arm)}: {one.grade}", "")
        yield from (f"**{plain(one.headline)}**", "")
        if one.made_of:
            yield from (plain(one.made_of), "")
        yield from _items(one.sentences)


def _items(texts: Sequence[str]) -> Iterator[str]:
    yield from (f"- {plain(text)}" for text in texts)
    if texts:
        yield ""


def _numbers(table: Beside) -> Iterator[str]:
    yield from ("## All numbers", "")
    columns = [f"{arm}, {part}" for arm in table.arms for part in table.parts]
    yield from _table(columns, table.lines)
    yield from _table(table.arms, table.detection)
    yield from _items((*table.folds, *table.paired))
    if table.trainings > 1:
        yield from (
            f"In brackets: 95 % intervals over materials, of the first of {table.trainings}"
            " trainings; with ±, mean and standard deviation over all of them.",
            "",
        )
    else:
        yield from ("In brackets: 95 % intervals over materials, of one training.", "")


def _table(columns: Sequence[str], lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        return
    yield f"| metric | {' | '.join(plain(name) for name in columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for line in lines:
        yield f"| {plain(line.label)} | {' | '.join(_cell(cell) for cell in line.cells)} |"
    yield ""


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    value = f"**{plain(cell.value)}**" if cell.best else plain(cell.value)
    value = f"{value} ({plain(cell.interval)})" if cell.interval else value
    return f"{value}; {plain(cell.spread)}" if cell.spread else value


def _data(source: Source) -> Iterator[str]:
    said = data_sentences(source)
    if said:
        yield from ("## The data", "")
        yield from _items(said)


def _added(sections: Sequence[ReportSection]) -> Iterator[str]:
    for section in sections:
        yield from (f"## {plain(section.title)}", "")
        for text in section.paragraphs:
            yield from (plain(text), "")
        yield from _items([f"{one.title}: {one.caption}" for one in section.figures])
