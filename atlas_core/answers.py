"""Say whether the answers of a yes-or-no arm beat always giving the more frequent one.

Where 97 of 100 materials are of one class, "right for 97 %" is no merit; and of a handful of the
rarer class no figure that tells the classes apart is known. Light: pure Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from atlas_core.judgement import Figure, of_share
from atlas_core.metrics import digits

WORTHLESS_AUC = 0.6  # ROC AUC of a classifier; 0.5 is chance level
WEAK_AUC = 0.8  # below it one pair in five is put in the wrong order
ENOUGH_OF_CLASS = 10  # materials; of fewer an AUROC is off by 0.2 by chance


@dataclass(frozen=True)
class Answers:
    """Hold how well one part's materials are told apart.

    Attributes:
        n: materials.
        right: share called right, with an interval that n materials allow.
        balanced: mean of the recalls of both classes; None where it is not known.
        auc: ROC AUC; None where it is not known, as where one class is missing.
        ones: share of class 1; None where it is not known.
    """

    n: int
    right: Figure
    balanced: Figure | None
    auc: Figure | None
    ones: float | None

    @property
    def quality(self) -> Literal["good", "weak", "worthless"] | None:
        """Judge the order of P(1); None where only one class is there."""
        if self.auc is None:
            return None
        if self.auc.high < WORTHLESS_AUC:
            return "worthless"
        return "good" if self.auc.low >= WEAK_AUC else "weak"

    @property
    def larger(self) -> tuple[int, float] | None:
        """Return the more frequent class and its share: what always answering it is right for."""
        if self.ones is None:
            return None
        return (1, self.ones) if self.ones > 0.5 else (0, 1 - self.ones)

    @property
    def few(self) -> tuple[int, int] | None:
        """Return the class of which there are too few to tell, and how many; None where enough.

        A ROC AUC without an interval is known of no class: then it is the rarer one.
        """
        if self.auc is None or self.larger is None:
            return None
        rarer, share = 1 - self.larger[0], 1 - self.larger[1]
        count = round(share * self.n)
        known = count >= ENOUGH_OF_CLASS and self.auc.known
        return None if known else (rarer, count)

    @property
    def beat_one_answer(self) -> bool:
        """Return whether the answers are surely better than always giving the larger class."""
        if self.balanced is not None and self.balanced.low > 0.5:
            return True
        return self.larger is not None and self.right.low > self.larger[1]

    @property
    def always(self) -> str:
        """Return what always giving the larger class is right for, as a headline has it."""
        if self.larger is None:
            return ""
        one, share = self.larger
        return f"always {one}: {_percent(share)}"

    @property
    def typical(self) -> str:
        """Return the share called right, beside that of one answer for all."""
        beside = f", {self.always}" if self.always else ""
        return (
            f"right for {_percent(self.right.value)}, 95 % interval {_percent(self.right.low)} to"
            f" {_percent(self.right.high)}{beside}, n = {self.n}"
        )

    @property
    def no_better(self) -> str:
        """Say that the order is good and the answers are not, as a headline begins."""
        one = "one answer for all" if self.larger is None else f"always {self.larger[0]}"
        return f"It ranks well, but its answers are not shown to be better than {one}, on"

    def sentences(self, elsewhere: str) -> list[str]:
        """Say how many are called right, and how well the classes are told apart.

        Args:
            elsewhere: how many of the held-out class, as a clause; "" for none.
        """
        text = (
            f"In-domain it calls {_percent(self.right.value)} of the materials right (95 % interval"
            f" {_percent(self.right.low)} to {_percent(self.right.high)})"
        )
        if self.larger is not None:
            one, share = self.larger
            text += f", where always {one} would be for {_percent(share)}"
        text += elsewhere
        if self.few is not None:
            name, count = self.few
            return [
                f"{text}.",
                f"Only {digits.counted(count, 'material is', 'materials are')} of class {name}: too"
                " few to tell how well it knows that class.",
            ]
        if self.balanced is not None:
            balanced = _percent(self.balanced.value)
            if self.balanced.known:
                low, high = _percent(self.balanced.low), _percent(self.balanced.high)
                balanced += f" ({low} to {high})"
            text += f"; the mean of its two classes is {balanced}, of one answer for all 50 %"
        if self.auc is None:
            return [f"{text}."]
        shown = digits.auroc(asdict(self.auc))
        return [f"{text}.", f"Its ROC AUC in-domain is {shown} (1 = always right, 0.5 = chance"
                " level)."]  # fmt: skip


def answers_of(metrics: Mapping[str, Figure], n: int) -> Answers:
    """Return the answers of a part.

    Args:
        metrics: of the part; ``accuracy`` is among them.
        n: its materials.
    """
    ones = metrics.get("class_1_share")
    return Answers(
        n=n,
        right=of_share(metrics["accuracy"], n),
        balanced=metrics.get("balanced_accuracy"),
        auc=metrics.get("roc_auc"),
        ones=None if ones is None else ones.value,
    )


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"
