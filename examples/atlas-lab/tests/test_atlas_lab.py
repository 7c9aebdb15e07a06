"""The contracts of the four kinds, and each component's own mathematics."""

from types import SimpleNamespace

import numpy as np
import pytest

from atlas_core.api import DataError, Prediction
from atlas_lab.lab_sheet import LabSheet, LabSheetConfig
from atlas_lab.leverage import Detector
from atlas_lab.normalized import Normalized, NormalizedConfig
from atlas_lab.rbf import Rbf, RbfConfig


def test_repeated_measurements_are_averaged_and_a_bad_line_is_named(tmp_path):
    file = tmp_path / "s.csv"
    context = SimpleNamespace(path=lambda text: tmp_path / text)
    file.write_text("formula,value\nSi,1.0\nGe,0.6\nSi,1.2\n")
    found = LabSheet(LabSheetConfig(path="s.csv")).load(context)
    np.testing.assert_allclose(found.target, [1.1, 0.6])
    assert found.columns["measured"].tolist() == [2, 1]
    file.write_text("formula,value\nSi,1.0\nGe,high\n")
    with pytest.raises(DataError, match="line 3"):
        LabSheet(LabSheetConfig(path="s.csv")).load(context)


def test_far_away_nothing_is_known_and_the_mean_is_predicted():
    def rows(*values):
        return SimpleNamespace(values=np.array(values, dtype=float)[:, None], labels=["x"])

    model = Rbf(RbfConfig(noise=0.1))
    model.fit(rows(0.0, 1.0, 2.0), np.array([1.0, 3.0, 5.0]), None)
    far, std = model.predict(rows(1e6)), np.sqrt(8 / 3)  # of 1, 3, 5
    np.testing.assert_allclose(far, [3.0])
    np.testing.assert_allclose(model.predict_std(rows(1e6)), [[std], [0.1 * std]])


def test_the_leverage_of_one_column_is_its_squared_distance():
    detector = Detector(np.array([1.0]), np.array([2.0]), np.array([[0.5]]), 1.0)
    rows = SimpleNamespace(features=SimpleNamespace(values=np.array([[1.0], [5.0]])))
    score = detector.score(rows)
    np.testing.assert_allclose(score.score, [0.0, 2.0])  # 0.5 * ((5 - 1) / 2)^2
    assert score.outside.tolist() == [False, True]


def test_of_nine_calibration_rows_the_eighth_largest_ratio_covers_80_percent():
    # ceil(10 * 0.8) = 8; at 95 % the 10th of 9 is needed, and only infinity covers
    request = SimpleNamespace(
        prediction=Prediction(np.zeros(9), epistemic=np.full(9, 2.0)),
        target=np.arange(1.0, 10.0),
        levels=(0.8, 0.95),
    )
    calibration = Normalized(NormalizedConfig()).calibrate(request)
    done = calibration(Prediction(np.array([1.0]), epistemic=np.array([4.0])), None)
    np.testing.assert_allclose(done.upper[:, 0], [1.0 + 4.0 * 8.0 / 2.0, np.inf])
