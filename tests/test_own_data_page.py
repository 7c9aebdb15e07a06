"""The page on own data: its whole spec is right, and what it says of bad rows is so."""

from __future__ import annotations

import re

from support import ROOT, Cli

PAGE = (ROOT / "docs" / "your-own-data.md").read_text(encoding="utf-8")
SPEC = next(
    block
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    if block.startswith("atlas: 1\n")
)
METALS = ("Li", "Na", "K", "Rb", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Al", "Ga")
OTHERS = ("O", "S", "Se", "F", "Cl", "Br", "N")


def table(*, bad: int = 0) -> str:
    formulas = [a + b for a in METALS for b in OTHERS]
    rows = [f"s{k},{one},{0.1 * k:.1f}" for k, one in enumerate(formulas)]
    rows += [f"bad{k},Zno,1.0" for k in range(bad)]
    return "\n".join(["name,composition,gap", *rows]) + "\n"


def test_the_whole_spec_is_right(cli: Cli) -> None:
    (cli.cwd / "my.yaml").write_text(SPEC, encoding="utf-8")
    (cli.cwd / "gaps.csv").write_text(table(), encoding="utf-8")
    done = cli("validate", "my.yaml")
    assert done.returncode == 0, done.stderr
    assert "without O: train" in done.stdout


def test_bad_rows_are_printed_by_both_and_written_by_a_run(cli: Cli) -> None:
    (cli.cwd / "my.yaml").write_text(SPEC, encoding="utf-8")
    (cli.cwd / "gaps.csv").write_text(table(bad=25), encoding="utf-8")
    for command, files in (("validate", 0), ("run", 1)):
        done = cli(command, "my.yaml")
        assert done.returncode == 4
        assert done.stderr.count("formula 'Zno': ") == 20
        assert "25 of 109 rows cannot be used (5 more than shown)" in done.stderr
        found = [*cli.cwd.rglob("unreadable.csv")]
        assert len(found) == files
    assert found[0].parent == cli.cwd / "runs"
    assert found[0].read_text(encoding="utf-8").count("Zno") >= 25
    (cli.cwd / "gaps.csv").write_text(table(bad=1), encoding="utf-8")
    found[0].unlink()
    assert cli("run", "my.yaml").returncode == 4
    assert not [*cli.cwd.rglob("unreadable.csv")]
