"""A fitted arm screens candidates as the run would have, and loses no row."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import SCREENING, Cli, MakePlugin, reseal

from atlas_core.data.tables import read_table
from atlas_core.engine.reference import Reference
from atlas_core.errors import DataError
from atlas_core.finished import read_run
from atlas_core.kinds.featurizer import Vectors
from atlas_core.kinds.reason import Reason, distinct, texts
from atlas_core.materials import Materials
from atlas_core.rows import BadRow
from atlas_core.saving import FORMAT
from atlas_core.standardizer import Standardizer
from atlas_registry.loading import Registry
from atlas_screening.best import extreme
from atlas_screening.candidates import open_candidates
from atlas_screening.folder import default_out
from atlas_screening.open_arm import open_arm
from atlas_screening.rows import featurized, unseen
from atlas_screening.sanity import charge_test, impossible, limit_of
from atlas_screening.table import ranks

PARTS = ("screened.parquet", "top.csv", "unreadable.csv", "screen.html", "screen.json")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that kept its fit."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "s.yaml").write_text(SCREENING, encoding="utf-8")
    done = Cli(folder, folder / "cache")("run", "s.yaml", "--json", "-q")
    assert done.returncode == 0, done.stderr
    found = folder / json.loads(done.stdout)["run"]
    # the cache is gone: what is asked of the run must come from its folder
    shutil.rmtree(folder / "cache")
    return found


def ask(run: Path, folder: Path, candidates: Path, *args: str) -> tuple[dict[str, Any], str]:
    done = Cli(folder, folder / "cache")("screen", run, candidates, "--out", "o", "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def written(folder: Path, text: str, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_test_materials_are_answered_as_in_the_run(run: Path, tmp_path: Path) -> None:
    table = read_table(run / "predictions.parquet")
    rows = np.flatnonzero(table["part"] == "ood_test")
    lines = [f"{table['id'][i]},{table['formula'][i]}" for i in rows]
    path = written(tmp_path, "\n".join(["id,formula", *lines]) + "\n")
    about, _ = ask(run, tmp_path, path, "--chunk", "7")
    found = pq.read_table(tmp_path / "o/screened.parquet").to_pydict()
    assert about["screened"] == len(rows)
    assert found["id"] == table["id"][rows].tolist()
    assert found["outside"] == table["outside"][rows].tolist()
    # to rounding: the run counted the atoms of whole cells, here they are those of the formula
    for ours, theirs in (("prediction", "mean"), ("std", "std"), ("ood_score", "ood_score")):
        np.testing.assert_allclose(found[ours], table[theirs][rows], rtol=1e-9)
    trust = read_table(run / "trust.parquet")
    mine = (trust["part"] == "ood_test") & (trust["method"] == "sigma_threshold")
    np.testing.assert_allclose(found["risk"], trust["risk"][mine], rtol=1e-9)
    # the list is the same, so are the labels that a list gets
    assert found["label"] == trust["label"][mine].tolist()
    assert len(found["reason"])
    assert all("F" in text and "never seen in training" in text for text in found["reason"])


def test_the_size_of_chunks_changes_nothing_but_rounding(run: Path, tmp_path: Path) -> None:
    names = [f"{a}{b}O{n}" for a in ("Li", "Ca") for b in ("Ti", "Fe", "Zn") for n in (2, 3, 4)]
    path = written(tmp_path, "\n".join(["formula", *names]) + "\n")
    found = []
    for chunk in ("5", "100"):
        ask(run, tmp_path, path, "--chunk", chunk)
        found.append(pq.read_table(tmp_path / "o/screened.parquet").to_pydict())
    small, large = found
    assert small["formula"] == names
    for name in ("rank", "label", "outside", "reason"):
        assert small[name] == large[name], name
    for name in ("prediction", "std", "lower", "upper", "ood_score", "risk"):
        np.testing.assert_allclose(small[name], large[name], rtol=1e-9)


def test_a_fit_of_somebody_else_is_opened_only_when_trusted(run: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "formula\nNaCl\n")
    cli = Cli(tmp_path, tmp_path / "cache")
    mine, _ = ask(run, tmp_path, path)
    assert not any("made by you" in text for text in mine["remarks"])
    other = {"XDG_DATA_HOME": str(tmp_path / "home")}
    refused = cli("screen", run, path, "--out", "p", env=other)
    assert refused.returncode == 4
    assert "--trust-fit" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "p").exists()
    opened = cli("screen", run, path, "--out", "p", "--json", "--trust-fit", env=other)
    assert opened.returncode == 0, opened.stderr
    theirs = json.loads(opened.stdout)
    assert any("not made by you" in text for text in theirs["remarks"])
    one, other_one = ((tmp_path / f"{out}/screened.parquet").read_bytes() for out in "op")
    assert one == other_one


@pytest.mark.parametrize(
    ("text", "screened", "left_out"),
    [
        ("Xx2O3\nNaCl\nKCl\n", 2, "line 1: formula 'Xx2O3'"),
        ("TiO2 rutile,1\nNaCl,2\n", 1, "line 1: formula 'TiO2 rutile'"),
        ("Material\nNaCl\nKCl\n", 2, ""),
        ("NaCl\nKCl\n", 2, ""),
        ("mat_id,what\na,NaCl\nb,KCl\n", 2, ""),
    ],
)
def test_a_first_line_is_a_header_only_where_it_can_be_no_formula(
    run: Path, tmp_path: Path, text: str, screened: int, left_out: str
) -> None:
    about, said = ask(run, tmp_path, written(tmp_path, text))
    assert about["screened"] == screened
    assert about["unreadable"] == bool(left_out)
    assert left_out in said


@pytest.mark.parametrize(
    ("first", "left_out"),
    [
        ("α-Fe2O3", "line 1: "),
        ("NaCl (rock salt)", "line 1: "),
        ("2NaCl", "line 1: "),
        ("Fe-O", "line 1: "),
        ("nacl", "taken as a header"),
        ("Material", "taken as a header"),
        ("Formula", ""),
        ("Composition", ""),
    ],
)
def test_no_first_line_is_passed_over_in_silence(
    run: Path, tmp_path: Path, first: str, left_out: str
) -> None:
    about, said = ask(run, tmp_path, written(tmp_path, f"{first}\nKCl\nNaBr\n"))
    assert about["screened"] == 2
    assert left_out in said
    assert about["unreadable"] == (left_out == "line 1: ")
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert ("taken as a header" in page) == ("header" in left_out)


def test_the_best_say_what_was_looked_at(run: Path, tmp_path: Path) -> None:
    ask(run, tmp_path, written(tmp_path, "formula\nMgO\nNa7Cl\n"))
    with (tmp_path / "o/top.csv").open(encoding="utf-8") as file:
        rows = {row["formula"]: row for row in csv.DictReader(file)}
    known = "not checked" if charge_test() is None else "pass"
    assert rows["MgO"]["charges"] == known
    assert "nan" not in {value for row in rows.values() for value in row.values()}


def test_a_spec_in_the_place_of_a_run_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("atlas: 1\n")
    done = Cli(tmp_path, tmp_path / "cache")("screen", "my.yaml", "c.csv")
    assert done.returncode == 2
    assert "my.yaml: a spec" in done.stderr


def test_an_element_of_which_there_is_none_is_reported(run: Path, tmp_path: Path) -> None:
    ask(run, tmp_path, written(tmp_path, "formula\nNaCl0\nLi10O5\nNaCl\nNaN\nLiD\nDyTe\n"))
    reasons = pq.read_table(tmp_path / "o/screened.parquet").to_pydict()["reason"]
    assert reasons[0].startswith("Cl has an amount of 0 and is left out")
    assert not any("left out" in text for text in reasons[1:])
    assert ["missing" in text for text in reasons] == [False, False, False, True, False, False]
    assert ["D is read as hydrogen" in text for text in reasons] == [*[False] * 4, True, False]


def test_an_odd_formula_is_listed_with_the_rows_that_were_left_out(
    run: Path, tmp_path: Path
) -> None:
    ask(run, tmp_path, written(tmp_path, "formula\nNaCl\nNaCl0\nXx2\n"))
    with (tmp_path / "o/unreadable.csv").open(encoding="utf-8") as file:
        rows = {row["place"]: row["used"] for row in csv.DictReader(file)}
    assert rows == {"line 3": "yes", "line 4": "no"}


def test_low_values_come_first_unless_high_ones_are_wanted(run: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "formula\nNaCl\nMgO\nTiO2\nKBr\n")
    for words, goal, best in (((), "minimize", min), (("--goal", "max"), "maximize", max)):
        facts, _ = ask(run, tmp_path, path, *words)
        assert facts["goal"] == goal
        found = pq.read_table(tmp_path / "o/screened.parquet").to_pydict()
        ready = [v for v, label in zip(found["prediction"], found["label"], strict=True)
                 if label != "defer"]  # fmt: skip
        assert found["prediction"][found["rank"].index(1)] == best(ready)


def test_names_that_are_no_utf8_are_screened_and_escaped(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    folder.mkdir()
    cell = "".join(f"_cell_length_{a} 4.05\n" for a in "abc")
    cell += "".join(f"_cell_angle_{a} 90\n" for a in ("alpha", "beta", "gamma"))
    site = "loop_\n_atom_site_type_symbol\n"
    site += "".join(f"_atom_site_fract_{a}\n" for a in "xyz")
    for name, symbol in ((b"a\xff.cif", "Al"), (b"b\xfe.cif", "Xx")):
        text = f"data_x\n{cell}{site}{symbol} 0 0 0\n"
        (folder / os.fsdecode(name)).write_text(text)
    about, _ = ask(run, tmp_path, folder)
    assert (about["screened"], about["unreadable"]) == (1, 1)
    assert pq.read_table(tmp_path / "o/screened.parquet").to_pydict()["id"] == ["a\\udcff"]
    reported = [json.dumps([{"id": "\ud800", "formula": f}]) for f in ("NaCl", "Xx")]
    for text, screened in zip(reported, (1, 0), strict=True):
        (batch,) = open_candidates(written(tmp_path, text, "c.json"), Registry()).batches(9)
        texts = [*batch.ids, *(row.id for row in batch.unreadable)]
        assert (len(batch.ids), texts) == (screened, ["\\ud800"])


def test_predictions_at_the_end_of_what_is_known_are_counted() -> None:
    known = np.arange(1001.0)
    asked = np.array([-5.0, 49.0, 50.0, 500.0, 950.0, 951.0, 2000.0])
    assert extreme(asked, known, "minimize") == 2
    assert extreme(asked, known, "maximize") == 2
    assert extreme(asked, known[:0], "minimize") == 0
    gaps = np.maximum(known - 500.0, 0.0)  # half of them are 0: that is nothing extreme
    assert extreme(np.zeros(20), gaps, "minimize") == 0


def test_the_page_says_how_many_of_the_best_are_extreme(run: Path, tmp_path: Path) -> None:
    table = read_table(run / "predictions.parquet")
    order = np.argsort(table["mean"])
    formulas = table["formula"][np.r_[order[:5], order[len(order) // 2]]]
    path = written(tmp_path, "\n".join(["formula", *formulas]) + "\n")
    about, _ = ask(run, tmp_path, path)
    train = open_arm(read_run(run), Registry(), trust=True).reference.target
    rows = pq.read_table(tmp_path / "o/screened.parquet").to_pydict()["prediction"]
    expected = sum((train <= one).mean() <= 0.05 for one in rows)
    assert expected > 0
    assert about["extreme"] == expected
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    plain = page.replace("\u202f", " ").replace("\xa0", " ")
    assert f"among the lowest 5 % of all training values or beyond: {expected} of the best" in plain


def test_rows_of_one_formula_are_counted(run: Path, tmp_path: Path) -> None:
    about, _ = ask(run, tmp_path, written(tmp_path, "formula\nNaCl\nKCl\nClNa\nNa2Cl2\n"))
    assert about["repeated"] == 2
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert "repeat the formula of another" in page


def test_a_page_says_how_the_labels_fared_in_the_run(run: Path, tmp_path: Path) -> None:
    about, _ = ask(run, tmp_path, written(tmp_path, "formula\nNaCl\nKCl\n"))
    trust = read_table(run / "trust.parquet")
    own = trust["method"] == "sigma_threshold"
    for part, short in (("in_domain", "test"), ("class", "ood_test")):
        rows = own & (trust["part"] == short)
        chosen = rows & (trust["label"] == "trust")
        error = np.abs(trust["target"] - trust["mean"])[chosen]
        assert about["record"][part]["rows"] == rows.sum()
        assert about["record"][part]["trusted"] == chosen.sum()
        assert about["record"][part]["within"] == (error <= trust["error_tolerance"][chosen]).sum()
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert "familiar test materials, it labeled" in page
    assert "materials with F, which it was not trained on, it labeled" in page


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", b"formula\n" + b"NaCl\n" * 3000 + b"Na\xe9Cl\n", "not UTF-8 text"),
        ("c.csv.gz", gzip.compress(b"formula\n" + b"NaCl\n" * 99, mtime=0)[:-9], "cannot be read"),
        ("c.parquet", b"PAR1 no PAR1", "not a Parquet file"),
    ],
    ids=["latin-1", "cut gzip", "no parquet"],  # workers must collect the same names
)
def test_a_damaged_list_is_named_and_no_defect_of_ours(
    run: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = Cli(tmp_path, tmp_path / "cache")("screen", run, path, "--out", "o")
    assert done.returncode == 4
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("error:")]
    assert name in line
    assert message in line


def test_lists_of_like_names_have_folders_of_their_own() -> None:
    names = ["c.v1.csv", "c.v2.csv", "c.csv", "c.json"]
    assert default_out(Path("run"), Path("c.csv")) == Path("run/screens/c")
    parts = (None, "a", "b")
    asked = [(name, arm, fold) for name in names for arm in parts for fold in parts]
    found = {default_out(Path("run"), Path(name), arm=a, fold=f) for name, a, f in asked}
    assert len(found) == len(asked)


class Picky:
    """Featurize nothing that holds argon."""

    def features(self, materials: Materials) -> tuple[Vectors, list[str]]:
        if (materials.numbers == 18).any():
            raise DataError("no argon")
        vectors = Vectors(np.zeros((len(materials), 1)), ("nothing",))
        return vectors, [""] * len(materials)


def test_a_row_that_a_featurizer_refuses_is_reported_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "formula\nNaCl\n\nXx\nArF\nKCl\n")
    (batch,) = open_candidates(path, Registry()).batches(10)
    bad: list[BadRow] = []
    # of an arm only its features are asked here, so a stand-in without a fit will do
    kept = featurized(Picky(), batch, bad)  # type: ignore[arg-type]
    assert [(one.place, one.text, one.why) for one in bad] == [("line 5", "ArF", "no argon")]
    assert [batch.formulas[i] for rows, _, _ in kept for i in rows] == ["NaCl", "KCl"]


def test_every_row_is_ranked_or_reported(run: Path, tmp_path: Path) -> None:
    text = 'name,formula\na,TiO2\nb,NotAFormula\nc,\nd,Xx2O3\ne,MgO\n"f, g",Og2O\n'
    about, said = ask(run, tmp_path, written(tmp_path, text), "--top", "2")
    assert (about["screened"], about["unreadable"]) == (3, 3)
    for line in ("line 3", "line 4: no formula", "line 5: formula 'Xx2O3': unknown element 'Xx'"):
        assert f"left out: {line}" in said
    assert "left out: 3 rows in all" in said
    reported = list(csv.reader((tmp_path / "o/unreadable.csv").read_text().splitlines()))
    assert [row[0] for row in reported] == ["place", "line 3", "line 4", "line 5"]
    table = pq.read_table(tmp_path / "o/screened.parquet").to_pydict()
    assert sorted(table["rank"]) == [1, 2, 3]
    assert table["id"] == ["a", "e", "f, g"]
    assert table["note"][2].startswith("Magpie has no data on Og")
    page = (tmp_path / "o/screen.html").read_text()
    assert "NotAFormula" in page
    assert "line 5" in page


def test_the_best_are_reported_in_full(run: Path, tmp_path: Path) -> None:
    about, _ = ask(
        run, tmp_path, written(tmp_path, "CaO\nTiO2\nKCl\nCsF\n", "c.txt"), "--goal", "max"
    )
    rows = list(csv.DictReader((tmp_path / "o/top.csv").open()))
    assert [int(row["rank"]) for row in rows] == [1, 2, 3, 4]
    held = [float(row["prediction"]) for row in rows if row["label"] != "defer"]
    assert held == sorted(held, reverse=True)
    assert sum(about["labels"].values()) == 4
    for row in rows:
        apart = [float(row[f"nearest_{i}_distance"]) for i in (1, 2, 3)]
        assert apart == sorted(apart)
        assert row["nearest_1_formula"]
    page = (tmp_path / "o/screen.html").read_text()
    assert "http" not in page.split("<body>")[0].replace("http-equiv", "")
    assert "sigma_threshold" in page


def test_the_page_of_a_screen_runs_its_one_script_and_links_its_files(
    run: Path, tmp_path: Path
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    text = f'id,formula\n"{evil}",La2F5\nb,F5La2\nc,La4F10\nd,"{evil}"\n'
    about, _ = ask(run, tmp_path, written(tmp_path, text))
    page = (tmp_path / "o/screen.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    own = f"script-src 'sha256-{digest}'"
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; {own}"
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") == 3  # an id, a row left out and why
    assert not re.search(r"<(img|iframe|object|embed)\b|\bsrc=\"|<[^>]* on\w+=\"", page)
    links = set(re.findall(r'href="([^"#]*)"', page)) - {"data:,"}
    assert {"top.csv", "screened.parquet", "unreadable.csv"} <= links
    assert all((tmp_path / "o" / one).is_file() for one in links if "://" not in one)
    # one composition written three ways is one row that names the others
    (row,) = re.findall(r"<tr><td[^>]*>1</td>.*?</tr>", page, flags=re.DOTALL)
    assert "(b, rank 2)" in row
    assert "(c, rank 3)" in row
    assert about["usual_distance"] > 0
    assert "not stability: that is the distance to the convex hull" in page


def test_a_screen_repeats_to_the_byte(run: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "CaO\nTiO2\nXx\n", "c.txt")
    before = None
    for _ in range(2):
        ask(run, tmp_path, path)
        files = {name: (tmp_path / "o" / name).read_bytes() for name in PARTS}
        assert before is None or files == before
        before = files


def test_a_run_without_fits_says_how_to_get_one(run: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare, ignore=shutil.ignore_patterns("fitted"))
    done = Cli(tmp_path, tmp_path)("screen", bare, written(tmp_path, "CaO\n", "c.txt"))
    assert done.returncode == 2
    assert "keeps no fitted arm" in done.stderr
    assert "--save-fitted" in done.stderr


def test_a_stranger_s_fit_runs_no_code(run: Path, tmp_path: Path) -> None:
    from atlas_core.store import write_arrays

    folder = tmp_path / "r"
    shutil.copytree(run, folder)
    predictor = next(folder.glob("fitted/*/*/predictor.npz"))
    structure = {"root": {"part": 0}, "parts": [{"object": "os:system", "state": {}}]}
    text = np.frombuffer(json.dumps(structure).encode(), dtype=np.uint8)
    write_arrays(predictor, {"structure": text}, {"format": FORMAT}, compress=True)
    reseal(folder)
    path = written(tmp_path, "CaO\n", "c.txt")
    assert "--trust-fit" in Cli(tmp_path, tmp_path)("screen", folder, path).stderr
    done = Cli(tmp_path, tmp_path)("screen", folder, path, "--trust-fit")
    assert done.returncode == 4
    assert "os:system, which belongs to no component of this run" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_other_versions_are_reported_in_one_line(run: Path, tmp_path: Path) -> None:
    from atlas_core.store import read_arrays, write_arrays

    folder = tmp_path / "r"
    shutil.copytree(run, folder)
    post_hoc = next(folder.glob("fitted/*/*/posthoc.npz"))
    arrays, note = read_arrays(post_hoc)
    note["packages"]["scikit-learn"] = "0.1"
    write_arrays(post_hoc, arrays, note, compress=True)
    reseal(folder)
    path = written(tmp_path, "CaO\n", "c.txt")
    about, said = ask(folder, tmp_path, path, "--trust-fit")
    assert said.count("warning: fitted with scikit-learn 0.1 (here") == 1
    assert about["remarks"]


def test_saved_fits_come_from_the_cache_without_training(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCREENING, encoding="utf-8")
    atlas = Cli(tmp_path, tmp_path / "cache")
    assert atlas("run", "s.yaml", "--no-save-fitted", "--out", "none").returncode == 0
    assert not list((tmp_path / "none").rglob("predictor.npz"))
    # answers are there, the fit is not: asked for, it is trained again; unasked, it is not
    done = atlas("run", "s.yaml", "--out", "unasked")
    assert "the fit is not kept" in done.stderr
    assert not list((tmp_path / "unasked").rglob("predictor.npz"))
    assert atlas("run", "s.yaml", "--out", "none", "--save-fitted").returncode == 0
    assert atlas("run", "s.yaml", "--out", "again").returncode == 0
    one, other = (next((tmp_path / n).rglob("predictor.npz")) for n in ("none", "again"))
    assert one.read_bytes() == other.read_bytes()


# ranks, reasons, neighbors, sanity


def test_deferred_candidates_come_last_and_ties_keep_their_order() -> None:
    values = np.array([3.0, 1.0, 2.0, 1.0, 0.0])
    labels = np.array(["trust", "verify", "trust", "trust", "defer"])
    assert ranks(values, "minimize", labels).tolist() == [4, 1, 3, 2, 5]
    assert ranks(values, "maximize", labels).tolist() == [1, 3, 2, 4, 5]
    assert ranks(values, "minimize", None).tolist() == [5, 2, 4, 3, 1]


def test_unseen_elements_are_named_and_nothing_is_said_twice() -> None:
    materials = Materials.from_formulas(["a", "b"], ["TiO2", "CsF"])
    known = np.zeros(118, bool)
    known[[7, 21]] = True  # O and Ti
    new = unseen(materials, known)
    found = Reason.unseen_elements(["F", "Cs"])
    assert new == ((), (found,))
    far = Reason("farther", "farther than all calibration materials", {"share": 1.0})
    other_words = Reason("unseen_elements", "has Cs and F, unheard of", {"elements": ["F", "Cs"]})
    reported = distinct(new, ((), (other_words, far)), None)
    assert reported == ((), (found, far))
    assert texts(reported, 2).tolist() == ["", f"{found.text}; {far.text}"]


def test_neighbors_are_those_of_scikit_learn() -> None:
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(0)
    points, new = rng.normal(size=(500, 8)).astype("f4"), rng.normal(size=(40, 8)).astype("f4")
    reference = Reference(
        ids=np.arange(500).astype(str),
        formulas=np.full(500, "H"),
        canonical=np.full(500, "H"),
        elements=np.zeros(118, dtype=bool),
        target=np.zeros(500),
        space="features",
        points=points,
        standard=Standardizer(np.zeros(8), np.ones(8)),
    )
    rows, apart = reference.nearest(new, 3)
    wanted = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(points.astype("f8"))
    distance, index = wanted.kneighbors(new.astype("f8"))
    np.testing.assert_array_equal(rows, index)
    np.testing.assert_allclose(apart, distance, rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "unit", "bad", "good"),
    [
        ("band_gap", "eV", -0.1, 0.0),
        ("gap pbe", "eV", -0.1, 3.0),
        ("n", "", 0.9, 1.0),
        ("K_VRH", "GPa", -1.0, 5.0),
        ("formation_energy_per_atom", "eV/atom", -8.0, -3.0),
        ("e_form", "eV/atom", 9.0, 5.0),
    ],
)
def test_impossible_values_are_named(target: str, unit: str, bad: float, good: float) -> None:
    found = impossible(np.array([bad, good]), limit_of(target, unit, "regression"))
    assert found[0]
    assert not found[1]


@pytest.mark.parametrize(
    ("target", "unit", "value"),
    [
        ("formation_energy", "kJ/mol", -250.0),
        ("formation_energy", "meV/atom", -500.0),
        ("melting_temperature", "°C", -38.8),
        ("band_gap_change", "eV", -0.3),
    ],
)
def test_nothing_is_called_impossible_in_another_unit_or_of_a_change(
    target: str, unit: str, value: float
) -> None:
    assert impossible(np.array([value]), limit_of(target, unit, "regression")).tolist() == [""]


def test_a_logarithm_may_be_negative() -> None:
    assert limit_of("log10(K_VRH)", "log10(GPa)", "regression") is None
    assert limit_of("anything", "", "regression") is None
    assert impossible(np.array([1.2]), limit_of("metal", "", "binary")).tolist() == [
        "a probability lies in [0, 1]"
    ]


def test_charges_are_checked_by_smact() -> None:
    pytest.importorskip("smact", reason="smact is not installed: it is optional")
    found = charge_test()
    assert found is not None
    assert found("NaCl") == ""
    assert "no charge balance" in found("Na2Cl")


OTHERS = '''
    """A model, a split and a data set that are gone when the candidates come."""
    import numpy as np
    from atlas_core.api import Component, Config, Split, hookimpl

    class Options(Config):
        """No options."""

    class Gone:
        def fit(self, features, target, context):
            self.mean = float(target.mean())
        def predict(self, features):
            return np.full(len(features), self.mean)

    class Halves:
        def split(self, request):
            rows = np.arange(len(request.materials))
            return [Split("halves", train=rows[::2], test=rows[1::2])]

    @hookimpl
    def atlas_model():
        return [Component("gone", Options, lambda config: Gone(), requires={"features:vectors"})]

    @hookimpl
    def atlas_split():
        return [Component("halves", Options, lambda config: Halves())]
    '''
TWO_ARMS = """\
atlas: 1
name: two
seed: 1
sample: 60
levels: [0.9]
dataset: flla
split: halves
arms:
  mine: {featurizer: element_fractions, model: dummy, uq: deterministic}
  other: {featurizer: element_fractions, model: gone, uq: deterministic}
"""


def test_an_arm_can_be_asked_though_a_plugin_of_another_arm_is_gone(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    entries = {"atlas.model": {"gone": "gone_module"}, "atlas.split": {"halves": "gone_module"}}
    site = make_plugin("gone", "gone_module", OTHERS, entries)
    (cli.cwd / "s.yaml").write_text(TWO_ARMS, encoding="utf-8")
    done = Cli(cli.cwd, cli.cache, [str(site)])("run", "s.yaml", "--json", "-q")
    assert done.returncode == 0, done.stderr
    run = cli.cwd / json.loads(done.stdout)["run"]
    path = written(cli.cwd, "formula\nNaCl\nKCl\n")
    about, _ = ask(run, cli.cwd, path, "--arm", "mine")
    assert about["screened"] == 2
    done = cli("screen", run, path, "--arm", "other")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "arms.other.model.use" in line
    assert "'gone'" in line
