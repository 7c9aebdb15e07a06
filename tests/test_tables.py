"""Tables are plain text: the same bytes in every pipe, and folded to fit a terminal."""

from __future__ import annotations

from atlas_core.text_table import columns

ROWS = [("model", "knn", "What it is: a [bold]long[/] :smile: text"), ("featurizer", "cgcnn", "")]
HEADER = ("KIND", "NAME", "WHAT IT IS")


def test_a_pipe_gets_one_line_per_row_whatever_its_length() -> None:
    long = "x" * 500
    assert columns([*ROWS, ("uq", "a\nb", long)], HEADER).splitlines() == [
        "KIND        NAME   WHAT IT IS",
        "model       knn    What it is: a [bold]long[/] :smile: text",
        "featurizer  cgcnn",
        f"uq          a\\nb   {long}",
    ]


def test_a_terminal_folds_the_last_column_between_words() -> None:
    assert columns(ROWS, HEADER, width=40).splitlines() == [
        "KIND        NAME   WHAT IT IS",
        "model       knn    What it is: a",
        "                   [bold]long[/] :smile:",
        "                   text",
        "featurizer  cgcnn",
    ]


def test_a_spare_column_goes_before_the_last_one_has_no_room() -> None:
    header = ("NAME", "FROM", "WHAT")
    rows = [("cgcnn", "a-long-distribution-name", " ".join(["word"] * 12))]
    assert columns(rows, header, width=80, spare=("FROM",)).splitlines() == [
        "NAME   FROM                      WHAT",
        f"cgcnn  a-long-distribution-name  {' '.join(['word'] * 9)}",
        f"{' ' * 33}word word word",
    ]
    assert columns(rows, header, width=60, spare=("FROM",)).splitlines() == [
        "NAME   WHAT",
        f"cgcnn  {' '.join(['word'] * 10)}",
        "       word word",
    ]
    assert columns(rows, header, spare=("FROM",)).splitlines()[0].split() == list(header)


def test_numbers_stand_at_the_right_of_their_column() -> None:
    said = columns([("MAE", "0.5", "12"), ("CRPS", "10", "3")], ("", "A", "B"), numbers=("A", "B"))
    assert said.splitlines() == ["        A   B", "MAE   0.5  12", "CRPS   10   3"]
