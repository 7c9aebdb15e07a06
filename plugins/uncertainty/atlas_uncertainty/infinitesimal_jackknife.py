"""Variance of a bagged mean from which rows each member drew (Wager, Hastie & Efron 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class InfinitesimalJackknifeConfig(Config):
    """No options; it needs many more members than there are training rows.

    With fewer, the correction for their number is nearly all of what it corrects, and many
    variances end at the floor. Use `members` there.
    """


def build(config: InfinitesimalJackknifeConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._infinitesimal_jackknife import InfinitesimalJackknife

    return InfinitesimalJackknife()


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``infinitesimal_jackknife``."""
    return [
        Component(
            "infinitesimal_jackknife",
            InfinitesimalJackknifeConfig,
            build,
            needs={"model:members", "model:inbag"},
            gives={"epistemic"},
            citation="https://jmlr.org/papers/v15/wager14a.html",
        )
    ]
