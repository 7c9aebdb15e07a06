"""Share of predictions within a tolerance; with a figure and the command ``worst``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from atlas_core.api import (
    CommandHost,
    Component,
    Config,
    Field,
    FinishedRun,
    Metric,
    Predictions,
    ReportFigure,
    ReportSection,
    hookimpl,
)


class ShareWithinConfig(Config):
    """Which errors are small."""

    within: float = Field(0.1, gt=0, description="Largest small |error|, in the target's unit.")


def share_within(config: ShareWithinConfig) -> Metric:
    """Return the metric."""
    return Metric(
        name="share_within",
        label=f"within {config.within:g}",
        unit="share",
        better="higher",
        columns=("target", "mean"),
        meaning=f"Share of materials whose prediction is off by {config.within:g} or less.",
        terms=(lambda rows: rows.error <= config.within,),
    )


@hookimpl
def atlas_metric() -> list[Component]:
    """Offer the metric: it stands in ``metrics.json`` and the tables of every run."""
    return [Component("share_within", ShareWithinConfig, share_within)]


@hookimpl
def atlas_report_sections(run: FinishedRun) -> list[ReportSection]:
    """Add a figure to the report: the errors of each arm, sorted."""
    lines = []
    for place, own in enumerate(run.predictions.by_arm().values()):
        error = np.sort(own.error)
        x, y = np.linspace(10, 390, len(error)), 190 - 180 * error / error.max()
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        color = ("#4c78a8", "#b3372f", "#2e7d4f")[place % 3]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}"/>')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">{"".join(lines)}</svg>'
    figure = ReportFigure("Errors, sorted", svg, "Each arm over its own largest.")
    return [
        ReportSection("How large errors get", ("From the smallest to the largest.",), (figure,))
    ]


@click.command("worst")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--count", default=3, show_default=True, help="How many of each arm.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def worst(host: CommandHost, run: Path, count: int, as_json: bool) -> None:
    """Name the materials of RUN whose predictions are worst."""
    table = Predictions.from_parquet(host.run_folder(run) / "predictions.parquet")
    found = {
        arm: [str(own.formula[i]) for i in np.argsort(-own.error)[:count]]
        for arm, own in table.by_arm().items()
    }
    text = "\n".join(f"{arm}: {', '.join(names)}" for arm, names in found.items())
    host.answer(found, text, as_json=as_json)


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the command."""
    return [Component("worst", Config, lambda _config: worst)]
