"""What the columns of sigma in predictions.parquet say of each other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import Cli

from atlas_core.data.tables import read_table

SPEC = """\
atlas: 1
name: sigma
seed: 3
sample: 200
levels: [0.5, 0.9]
reports: []
dataset: flla
split: {use: random, options: {calibration: 0.3, test: 0.3}}
arms:
  own:
    featurizer: element_fractions
    model: gaussian_process
    uq: model_variance
  line:
    featurizer: element_fractions
    model: gaussian_process
    uq: model_variance
    calibrator: linear
  factor:
    featurizer: element_fractions
    model: gaussian_process
    uq: model_variance
    calibrator: variance_scaling
  quantiles:
    featurizer: element_fractions
    model: gaussian_process
    uq: model_variance
    calibrator: isotonic
  intervals:
    featurizer: element_fractions
    model: gaussian_process
    uq: model_variance
    calibrator: split_conformal
"""


@pytest.fixture(scope="module")
def columns(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: object
) -> dict[str, dict[str, np.ndarray]]:
    """Return {arm: columns} of one run."""
    folder = tmp_path_factory.mktemp("sigma")
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = Cli(folder, shared_cache)("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    table = read_table(folder / json.loads(done.stdout)["run"] / "predictions.parquet")
    arms = dict.fromkeys(table["arm"].tolist())
    return {arm: {k: v[table["arm"] == arm] for k, v in table.items()} for arm in arms}


@pytest.mark.parametrize("arm", ["own", "line", "factor", "quantiles", "intervals"])
def test_the_squares_of_both_parts_add_up_to_that_of_sigma(
    columns: dict[str, dict[str, np.ndarray]], arm: str
) -> None:
    found = columns[arm]
    total = np.hypot(found["std_epistemic"], found["std_aleatoric"])
    np.testing.assert_allclose(found["std"], total, rtol=1e-12)


@pytest.mark.parametrize("arm", ["line", "factor", "quantiles"])
def test_a_calibrator_of_sigma_moves_both_parts_by_one_factor(
    columns: dict[str, dict[str, np.ndarray]], arm: str
) -> None:
    own, found = columns["own"], columns[arm]
    for part in ("std_epistemic", "std_aleatoric"):
        np.testing.assert_allclose(
            found[part] / own[part], found["std"] / own["std"], rtol=1e-9, err_msg=part
        )
    assert np.abs(found["std"] / own["std"] - 1).max() > 1e-3  # it did something
