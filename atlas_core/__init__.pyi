from atlas_core.data.predictions import Predictions as Predictions
from atlas_core.python.calls import components as components
from atlas_core.python.calls import load_run as load_run
from atlas_core.python.calls import run as run
from atlas_core.python.calls import validate as validate
from atlas_core.python.frames import from_pandas as from_pandas
from atlas_core.python.runs import Run as Run
from atlas_core.python.scoring import score_predictions as score_predictions
from atlas_core.python.specs import Spec as Spec

__version__: str
