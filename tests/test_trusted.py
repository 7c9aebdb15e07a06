"""A plugin from elsewhere keeps estimators of scikit-learn: it declares what may be loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import Cli, MakePlugin

CODE = """
    from atlas_core.api import Component, Config, hookimpl

    NEEDS = {"features:vectors", "task:regression"}

    @hookimpl
    def atlas_model():
        return [
            Component(
                "theirs_network", Config, "theirs_models:Network", requires=NEEDS,
                trusted=(
                    "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
                    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
                ),
            ),
            Component(
                "theirs_process", Config, "theirs_models:Process", requires=NEEDS,
                trusted=(
                    "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
                    "sklearn.gaussian_process.kernels.RationalQuadratic",
                ),
            ),
        ]
    """
MODELS = """\
'''Models of scikit-learn that ATLAS knows nothing of.'''

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RationalQuadratic
from sklearn.neural_network import MLPRegressor

from atlas_core.api import TargetScale


class Model:
    def fit(self, features, target, context):
        values = np.nan_to_num(features.values)
        self.shift, self.unit = values.mean(axis=0), values.std(axis=0) + 1e-9
        self.scale = TargetScale.by_std(target)
        self.estimator.set_params(random_state=context.seed % 2**32)
        self.estimator.fit(self.rows(features), self.scale.standard(target))

    def rows(self, features):
        return (np.nan_to_num(features.values) - self.shift) / self.unit

    def predict(self, features):
        # row by row: a product of matrices rounds as its batch does
        found = [self.estimator.predict(row[None])[0] for row in self.rows(features)]
        return self.scale.back(np.array(found, dtype=float))


class Network(Model):
    def __init__(self, config):
        self.estimator = MLPRegressor(
            hidden_layer_sizes=(20,), learning_rate_init=0.01, max_iter=500
        )


class Process(Model):
    def __init__(self, config):
        self.estimator = GaussianProcessRegressor(RationalQuadratic(), alpha=0.1)
"""
POINTS = {"atlas.model": {"theirs_network": "theirs", "theirs_process": "theirs"}}
SPEC = """\
atlas: 1
name: theirs
seed: 3
sample: 200
levels: [0.9]
reports: []
dataset: flla
split: {use: random, options: {calibration: 0.2, test: 0.2}}
arms:
  one: {featurizer: element_fractions, model: NAME, uq: deterministic, calibrator: split_conformal}
"""


def having(cli: Cli, make_plugin: MakePlugin, code: str) -> Cli:
    folder = make_plugin("theirs", "theirs", code, POINTS)
    (folder / "theirs_models.py").write_text(MODELS, encoding="utf-8")
    return Cli(cli.cwd, cli.cache, [str(folder)])


@pytest.mark.parametrize("name", ["theirs_network", "theirs_process"])
def test_it_keeps_its_contract_and_its_fit_is_asked_in_another_process(
    cli: Cli, make_plugin: MakePlugin, name: str
) -> None:
    atlas = having(cli, make_plugin, CODE)
    done = atlas("check", name)
    assert done.returncode == 0, done.stdout
    (cli.cwd / "theirs.yaml").write_text(SPEC.replace("NAME", name), encoding="utf-8")
    run = json.loads(atlas("run", "theirs.yaml", "--json", "--quiet", "--save-fitted").stdout)[
        "run"
    ]
    done = atlas("predict", run, "LiFePO4", "--json")
    assert done.returncode == 0, done.stderr
    stranger = Cli(cli.cwd, cli.cache)("predict", run, "LiFePO4", "--trust-fit")
    assert stranger.returncode != 0
    assert name in stranger.stderr  # which nobody there has installed


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("theirs_network", "sklearn.neural_network._stochastic_optimizers.AdamOptimizer"),
        ("theirs_process", "sklearn.gaussian_process.kernels.RationalQuadratic"),
    ],
)
def test_its_contract_names_what_it_does_not_declare(
    cli: Cli, make_plugin: MakePlugin, name: str, missing: str
) -> None:
    done = having(cli, make_plugin, CODE.replace(f'"{missing}",', ""))("check", name)
    assert done.returncode != 0
    assert f'add it to Component.trusted: "{missing}"' in done.stdout


def test_a_run_folder_adds_nothing_to_what_is_trusted(cli: Cli, make_plugin: MakePlugin) -> None:
    missing = "sklearn.gaussian_process.kernels.RationalQuadratic"
    atlas = having(cli, make_plugin, CODE.replace(f'"{missing}",', ""))
    (cli.cwd / "theirs.yaml").write_text(SPEC.replace("NAME", "theirs_process"), encoding="utf-8")
    run = json.loads(atlas("run", "theirs.yaml", "--json", "--quiet", "--save-fitted").stdout)[
        "run"
    ]
    manifest = Path(cli.cwd / run / "manifest.json")
    manifest.write_text(manifest.read_text().replace("{", f'{{"trusted": ["{missing}"],', 1))
    done = atlas("predict", run, "LiFePO4", "--trust-fit")
    assert done.returncode != 0
    assert "Component.trusted" in done.stderr or "manifest.json" in done.stderr


def test_a_codec_that_cannot_be_imported_is_one_line(cli: Cli, make_plugin: MakePlugin) -> None:
    site = make_plugin("worse", "worse", "1 / 0", {"atlas.codec": {"fractions": "worse"}})
    code = "from fractions import Fraction; from atlas_core.saving import pack; pack([Fraction(1)])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert last.endswith("ContractError: a Fraction has a codec that fails: division by zero")
