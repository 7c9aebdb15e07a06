"""One sentence of each code, and how sentences are put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from atlas_core.api import Grade, Meaning, Wording
from atlas_evaluation.judge.codes import GRADES, codes
from atlas_evaluation.judge.finding import About, Finding, Verdict
from atlas_evaluation.narrative import (
    finding_texts,
    headline,
    in_words,
    report_of,
    sentences,
)
from atlas_evaluation.narrative.formatting import FILTERS, number, percent

EXAMPLES: list[dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8")
)
F = About("forest", unit="eV/atom", held_out="materials with F")
TYPICAL = {"mae": {"value": 0.15, "low": 0.14, "high": 0.16}, "n": 500}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["code"])
def test_each_code_has_a_sentence(example: dict[str, Any]) -> None:
    told = dict(example.get("about", {}))
    if "wording" in told:
        told["wording"] = Wording(**told["wording"])
    about = About("forest", **told)
    found = Finding.of(example["code"], **example.get("figures", {}))
    assert finding_texts([found], about) == [example["text"]]
    assert example["text"].strip() == example["text"] or example["text"].startswith(" and on")


def test_every_code_has_an_example_and_every_grade_is_known() -> None:
    assert {one["code"] for one in EXAMPLES} == set(codes())
    assert tuple(GRADES) == get_args(Grade)
    assert {code.grade for code in codes().values()} <= {None, *GRADES}


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_code"):
        Finding.of("no_such_code")


def test_a_headline_is_one_sentence_of_all_its_findings() -> None:
    said = Verdict(
        F,
        "caution",
        (
            Finding.of("trust_in_domain", in_domain=TYPICAL),
            Finding.of("intervals_wider_than_needed"),
            Finding.of("nothing_else_tested"),
            Finding.of("sigma_zero"),
        ),
    )
    assert headline(said) == (
        "Trust it on materials like its training set (mean error 0.150 eV/atom, 95 % interval 0.140"
        " to 0.160, n = 500), but its error bars are wider than necessary; nothing else was tested;"
        " its sigma is 0 for every material, so it is uninformative."
    )


def test_findings_of_both_parts_are_one_sentence_and_advice_is_the_last() -> None:
    rho = {"value": 0.45, "low": 0.44, "high": 0.46}
    said = Verdict(
        F,
        "caution",
        (Finding.of("no_test_rows"),),
        (
            Finding.of("sigma_constant"),
            Finding.of("sigma_order_right", part="in_domain", rank_correlation=rho),
            Finding.of("sigma_order_weak", part="held_out", rank_correlation=rho),
        ),
        (Finding.of("use_to_rank"), Finding.of("test_more")),
    )
    assert sentences(said) == [
        "Its sigma is the same for every material or nearly so, so it does not distinguish"
        " reliable predictions from unreliable ones.",
        "In-domain sigma correlates with the error (rank correlation 0.45, 95 % interval"
        " 0.44 to 0.46); among materials with F it hardly correlates with the error (0.45, 0.44 to"
        " 0.46).",
        "Use it to rank or to screen out, not for values. Test it on more materials before relying"
        " on it.",
    ]
    found = in_words(said).as_dict()
    json.dumps(found, allow_nan=False)
    assert found["grade"] == "caution"
    assert [one["place"] for one in found["findings"]] == [
        "headline", "evidence", "evidence", "evidence", "advice", "advice",
    ]  # fmt: skip
    held_out = found["findings"][3]
    assert held_out["code"] == "sigma_order_weak"
    assert held_out["figures"] == {"part": "held_out", "rank_correlation": rho}
    assert held_out["text"].startswith("among materials with F it hardly")


def test_several_or_long_held_out_classes_have_one_name() -> None:
    for held_out in ("", "materials with F; materials with O", "x" * 61):
        found = Finding.of("not_on_held_out", mae={"value": 0.7})
        assert finding_texts([found], About("a", held_out=held_out)) == [
            ", not on held-out materials (0.700)"
        ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.148, "0.15"),
        (0.7, "0.70"),
        (4.66, "4.7"),
        (9.96, "10"),
        (104.8, "105"),
        (0.0042, "0.0042"),
    ],
)
def test_numbers_have_two_digits_and_are_whole_from_ten(value: float, text: str) -> None:
    assert number(value) == text


def test_an_interval_takes_the_decimals_of_its_estimate() -> None:
    assert number(11.26, like=9.3) == "11.3"
    assert number(0.0) == "0"
    assert number(0.00002) == "2.0e-05"
    assert FILTERS["two_ends"]({"value": 9.3, "low": 8.0, "high": 11.26}) == "8.0 to 11.3"
    assert FILTERS["two_ends"]({"value": 9.3, "low": 8.0}) == "8.0 or more"


def test_percents_are_whole_and_keep_the_ends_honest() -> None:
    assert percent(0.914) == "91 %"
    assert percent(0.999) == "99.9 %"
    assert percent(0.001) == "0.1 %"
    assert percent(0.9999) == "more than 99.9 %"
    assert percent(0.0001) == "less than 0.1 %"
    assert percent(1) == "100 %"


def test_a_correlation_of_nothing_has_no_sign() -> None:
    reported = [FILTERS["signed"]({"value": v}) for v in (-0.001, 0.004, -0.256, 0.5)]
    assert reported == ["0.00", "0.00", "−0.26", "0.50"]


def test_thousands_stand_apart_in_counts_and_values_and_a_minus_is_one() -> None:
    assert number(22_826.4) == "22\u202f826"
    assert number(-0.256) == "\u22120.26"
    (text,) = report_of([Finding.of("sigma_missing", missing=1200, n=70557)])
    assert text == "1\u202f200 of its 70\u202f557 predictions have no sigma."


def test_a_count_of_one_is_in_the_singular() -> None:
    (text,) = report_of([Finding.of("held_out_materials_few", n=1)], F)
    assert text == "Of materials with F there is only 1: too few to tell."
    (text,) = report_of([Finding.of("sigma_missing", missing=1, n=120)])
    assert text == "1 of its 120 predictions has no sigma."
    (text,) = report_of([Finding.of("labels_missed_in_domain", missed=1, folds=1)])
    assert text.endswith("in 1 of 1 fold.")


def test_classes_have_their_names_where_the_data_set_states_them() -> None:
    named = About("x", task="binary", meaning=Meaning(class_names=("not a metal", "metal")))
    constant = {"class": 0, "right": 0.6}
    found = [
        Finding.of("class_rare", **{"class": 1}, n=5),
        Finding.of("answers_better", right={"value": 0.9}, constant=constant),
        Finding.of(
            "probabilities_off_at_end",
            end="below_1",
            n=1921,
            surprises=60,
            share=0.031,
            stated=0.001,
        ),
        Finding.of("probabilities_off_in_bin", n=40, stated=0.79, share=1.0),
    ]
    assert report_of(found, named) == [
        "Only 5 materials are “metal”: too few to evaluate that class.",
        "In-domain it classifies 90 % of the materials correctly, compared with 60 % for always"
        " “not a metal”.",
        "Of 1\u202f921 in-domain materials given a probability of 1 % or less for “metal”, 60 (3 %)"
        " are “metal” where 0.1 % was stated.",
        "Of 40 in-domain materials given a probability of about 79 % for “metal”, 100 % are"
        " “metal”.",
    ]
    certain = Finding.of(
        "probabilities_off_at_end", end="below_1", n=9, surprises=3, share=1 / 3, stated=0.0
    )
    assert report_of([certain], named)[0].endswith("where less than 0.1 % was stated.")
    assert "class 1" in report_of(found, About("x", task="binary"))[0]
