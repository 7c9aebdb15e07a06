"""Everything a plugin author imports, in one place. Light: numpy and pydantic only."""

from atlas_core.arrays import F8, I8, Bool, Str, offsets_of, segments
from atlas_core.codecs import Codec, attributes_of, set_attributes
from atlas_core.component import Component, Config, Field, OfKind, Use
from atlas_core.context import FitContext, derive_seed
from atlas_core.data.predictions import Predictions
from atlas_core.elements import (
    ATOMIC_NUMBER,
    MAX_Z,
    SYMBOLS,
    formula_flags,
    parse_formula,
)
from atlas_core.errors import (
    AtlasError,
    CautionWarning,
    ContractError,
    DataError,
    MissingDataError,
    PluginError,
    SpecError,
    TrainingError,
)
from atlas_core.foresight import FoldFacts
from atlas_core.hookspecs import hookimpl
from atlas_core.interfaces import (
    FitsInThreads,
    HasDropout,
    HasEmbedding,
    HasInBag,
    HasLeaves,
    HasMembers,
    HasQuantiles,
    HasSnapshots,
    HasVariance,
)
from atlas_core.kinds.acquisition import (
    Acquisition,
    AcquisitionRequest,
    Goal,
    Selection,
    select_top,
)
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest, Calibrator, Refit
from atlas_core.kinds.command import CommandHost
from atlas_core.kinds.dataset import (
    Batch,
    Candidates,
    DataContext,
    Dataset,
    DatasetSource,
    Provenance,
    Task,
    file_sha256,
    read_bounds,
)
from atlas_core.kinds.evaluator import (
    AuditRequest,
    Evaluation,
    Evaluator,
    Finding,
    Grade,
    Verdict,
)
from atlas_core.kinds.executor import Executor, JobsLostError
from atlas_core.kinds.featurizer import Features, Featurizer, Graphs, Vectors, concatenate
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.metric import Draw, Metric, MetricRows, metric, probability_bins
from atlas_core.kinds.model import Model
from atlas_core.kinds.ood import Detector, OODMethod, OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import Reason, Reasons
from atlas_core.kinds.report import Reporter
from atlas_core.kinds.split import PARTS, Split, SplitRequest, Splitter
from atlas_core.kinds.trust import (
    LABELS,
    Assessment,
    Evidence,
    ReliabilityTarget,
    TrustMethod,
    TrustRegion,
    labels_of,
    longest_prefix,
)
from atlas_core.kinds.uq import ModelFactory, Predictor, UQFit, UQMethod
from atlas_core.materials import Materials
from atlas_core.metrics.weighted import ratio
from atlas_core.neighbors import nearest
from atlas_core.observe import (
    Export,
    FinishedRun,
    ReportFigure,
    ReportSection,
    RunInfo,
    StageInfo,
)
from atlas_core.rows import BadRow, Flag, ReadingReport
from atlas_core.standardizer import Standardizer
from atlas_core.store import read_arrays, write_arrays
from atlas_core.target import TargetScale

__all__ = [
    "ATOMIC_NUMBER",
    "F8",
    "I8",
    "LABELS",
    "MAX_Z",
    "PARTS",
    "SYMBOLS",
    "Acquisition",
    "AcquisitionRequest",
    "Assessment",
    "AtlasError",
    "AuditRequest",
    "BadRow",
    "Batch",
    "Bool",
    "Calibration",
    "CalibrationRequest",
    "Calibrator",
    "Candidates",
    "CautionWarning",
    "Codec",
    "CommandHost",
    "Component",
    "Config",
    "ContractError",
    "DataContext",
    "DataError",
    "Dataset",
    "DatasetSource",
    "Detector",
    "Draw",
    "Evaluation",
    "Evaluator",
    "Evidence",
    "Executor",
    "Export",
    "Features",
    "Featurizer",
    "Field",
    "Finding",
    "FinishedRun",
    "FitContext",
    "FitsInThreads",
    "Flag",
    "FoldFacts",
    "Goal",
    "Grade",
    "Graphs",
    "HasDropout",
    "HasEmbedding",
    "HasInBag",
    "HasLeaves",
    "HasMembers",
    "HasQuantiles",
    "HasSnapshots",
    "HasVariance",
    "Inputs",
    "JobsLostError",
    "Materials",
    "Metric",
    "MetricRows",
    "MissingDataError",
    "Model",
    "ModelFactory",
    "OODMethod",
    "OODScore",
    "OfKind",
    "PluginError",
    "Prediction",
    "Predictions",
    "Predictor",
    "Provenance",
    "ReadingReport",
    "Reason",
    "Reasons",
    "Refit",
    "ReliabilityTarget",
    "ReportFigure",
    "ReportSection",
    "Reporter",
    "RunInfo",
    "Selection",
    "SpecError",
    "Split",
    "SplitRequest",
    "Splitter",
    "StageInfo",
    "Standardizer",
    "Str",
    "TargetScale",
    "Task",
    "TrainingError",
    "TrustMethod",
    "TrustRegion",
    "UQFit",
    "UQMethod",
    "Use",
    "Vectors",
    "Verdict",
    "attributes_of",
    "concatenate",
    "derive_seed",
    "file_sha256",
    "formula_flags",
    "hookimpl",
    "labels_of",
    "longest_prefix",
    "metric",
    "nearest",
    "offsets_of",
    "parse_formula",
    "probability_bins",
    "ratio",
    "read_arrays",
    "read_bounds",
    "segments",
    "select_top",
    "set_attributes",
    "write_arrays",
]
