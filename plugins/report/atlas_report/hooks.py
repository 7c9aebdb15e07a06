"""Reports of a finished run, their options, and the commands that read one. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


class NoOptions(Config):
    """There is nothing to choose."""


@hookimpl
def atlas_report() -> list[Component]:
    """Offer the reports."""
    return [
        Component("html", NoOptions, "atlas_report.html:HtmlReport"),
        Component("csv", NoOptions, "atlas_report.csv:CsvReport"),
        Component("markdown", NoOptions, "atlas_report.markdown:MarkdownReport"),
    ]


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the commands."""
    return [
        Component("compare", NoOptions, "atlas_report.compare:command"),
        Component("report", NoOptions, "atlas_report.report:command"),
    ]
