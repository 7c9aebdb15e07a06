"""Reports of a finished run and their options. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


class HtmlConfig(Config):
    """The page has no options."""


class CsvConfig(Config):
    """The tables have no options."""


class MarkdownConfig(Config):
    """The text has no options."""


@hookimpl
def atlas_report() -> list[Component]:
    """Offer the reports."""
    return [
        Component("html", HtmlConfig, "atlas_report.html:HtmlReport"),
        Component("csv", CsvConfig, "atlas_report.csv:CsvReport"),
        Component("markdown", MarkdownConfig, "atlas_report.markdown:MarkdownReport"),
    ]
