"""Whether the answers of a yes-or-no arm beat always giving the more frequent one.

Where 97 of 100 materials are of one class, "right for 97 %" is no merit; and of a handful of the
rarer class no figure that separates the classes is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from atlas_evaluation.judge.figures import Figure, of_share
from atlas_evaluation.judge.finding import Finding

WORTHLESS_AUC = 0.6  # ROC AUC of a classifier; 0.5 is chance level
WEAK_AUC = 0.8  # below it one pair in five is put in the wrong order
ENOUGH_OF_CLASS = 10  # materials; of fewer an AUROC is off by 0.2 by chance


@dataclass(frozen=True)
class Answers:
    """How well the classes of one part's materials are separated.

    Attributes:
        n: materials.
        right: accuracy, with an interval that n materials allow.
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
    def constant(self) -> dict[str, Any] | None:
        """Return the one answer that the larger class gives, and the share it is right for."""
        return None if self.larger is None else {"class": self.larger[0], "right": self.larger[1]}

    def findings(
        self, elsewhere: Figure | None, trainings: Mapping[str, Any] | None = None
    ) -> Iterator[Finding]:
        """Yield how many are called right, and how well the classes are separated.

        Args:
            elsewhere: the share of the held-out class that is called right.
            trainings: between what the balanced accuracy lies over several trainings.
        """
        yield Finding.of(
            "answers_better" if self.beat_one_answer else "answers_no_better",
            right=self.right,
            constant=self.constant,
            held_out=elsewhere,
            balanced=None if self.few else self.balanced,
            trainings=trainings,
        )
        if self.few is not None:
            yield Finding.of("class_rare", **{"class": self.few[0]}, n=self.few[1])
        elif self.auc is not None:
            yield Finding.of("classes_separated", roc_auc=self.auc)


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
