"""The report of a run: one self-contained ``report.html`` and ``figures/``.

Light to import: matplotlib, pyarrow and jinja2 are loaded when a report is written.
"""

from atlas_core.report.page import write_report

__all__ = ["write_report"]
