"""k-fold cross-validation: every row is tested once."""

from __future__ import annotations

from atlas_core.api import Component, Config, Field, Splitter, hookimpl


class KFoldConfig(Config):
    """k folds of nearly equal size."""

    folds: int = Field(5, ge=2, description="Number of folds.")
    shuffle: bool = Field(True, description="Shuffle first; false cuts blocks in file order.")
    calibration: float = Field(
        0.15, ge=0, lt=1, description="Fraction taken from each training fold to calibrate."
    )
    group_by_formula: bool = Field(
        False, description="Keep materials of one reduced formula in the same part."
    )


def build(config: KFoldConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._kfold import KFold

    return KFold(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``kfold``."""
    return [Component("kfold", KFoldConfig, build)]
