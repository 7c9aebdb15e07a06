"""The testing kit for component authors: checks, front ends, sample data. Light."""

from atlas_core.testing.kit import (
    CheckResult,
    checks_of,
    find_component,
    format_results,
    parametrize_contract,
    run_contract,
    summary_line,
)
from atlas_core.testing.outcome import NotApplicable, applies, require, require_close
from atlas_core.testing.samples import Sample

__all__ = [
    "CheckResult",
    "NotApplicable",
    "Sample",
    "applies",
    "checks_of",
    "find_component",
    "format_results",
    "parametrize_contract",
    "require",
    "require_close",
    "run_contract",
    "summary_line",
]
