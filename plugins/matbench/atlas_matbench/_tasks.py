"""The 13 tasks of Matbench v0.1 with the hashes and figures that were published for them. Light.

Hashes and row counts are those of matminer's ``dataset_metadata.json``; the spread and the unit are
those of matbench's ``matbench_v0.1_dataset_metadata.json``. Tests hold this table against both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TaskName = Literal[
    "steels",
    "jdft2d",
    "phonons",
    "expt_gap",
    "dielectric",
    "expt_is_metal",
    "glass",
    "log_gvrh",
    "log_kvrh",
    "perovskites",
    "mp_gap",
    "mp_is_metal",
    "mp_e_form",
]

MATBENCH = (
    "A. Dunn, Q. Wang, A. Ganose, D. Dopp, A. Jain, Benchmarking materials property prediction"
    " methods: the Matbench test set and Automatminer reference algorithm, npj Comput. Mater. 6,"
    " 138 (2020), doi:10.1038/s41524-020-00406-3"
)
URL = "https://ml.materialsproject.org/projects/"
"""Where matminer says that the files lie; ``<file name>`` follows."""


@dataclass(frozen=True)
class MatbenchTask:
    """Describe one task.

    Attributes:
        rows: in the official file.
        column: of the target in the file.
        unit: of the target.
        structures: whether the task gives crystals (else formulas).
        binary: whether the task is a classification.
        spread: mean absolute deviation of the targets; their mean where ``binary``.
        sha256: of the official ``.json.gz``.
        citation: the source of the numbers.
    """

    rows: int
    column: str
    unit: str
    structures: bool
    binary: bool
    spread: float
    sha256: str
    citation: str


TASKS: dict[str, MatbenchTask] = {
    "steels": MatbenchTask(
        rows=312,
        column="yield strength",
        unit="MPa",
        structures=False,
        binary=False,
        spread=229.37426857330706,
        sha256="473bc4957b2ea5e6465aef84bc29bb48ac34db27d69ea4ec5f508745c6fae252",
        citation=(
            "Citrine Informatics, Mechanical properties of some steels, "
            "citrination.com/datasets/153092"
        ),
    ),
    "jdft2d": MatbenchTask(
        rows=636,
        column="exfoliation_en",
        unit="meV/atom",
        structures=True,
        binary=False,
        spread=67.20200406491116,
        sha256="26057dc4524e193e32abffb296ce819b58b6e11d1278cae329a2f97817a4eddf",
        citation="K. Choudhary et al., Sci. Rep. 7, 5179 (2017), doi:10.1038/s41598-017-05402-0",
    ),
    "phonons": MatbenchTask(
        rows=1265,
        column="last phdos peak",
        unit="cm^-1",
        structures=True,
        binary=False,
        spread=323.78696979348734,
        sha256="4db551f21ec5f577e6202725f10e34dfc509aa7df3a6bdaac497da7f6dbbb9b3",
        citation="G. Petretto et al., Sci. Data 5, 180065 (2018), doi:10.1038/sdata.2018.65",
    ),
    "expt_gap": MatbenchTask(
        rows=4604,
        column="gap expt",
        unit="eV",
        structures=False,
        binary=False,
        spread=1.1432002429044061,
        sha256="783e7d1461eb83b00b2f2942da4b95fda5e58a0d1ae26b581c24cf8a82ca75b2",
        citation=(
            "Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018), "
            "doi:10.1021/acs.jpclett.8b00124"
        ),
    ),
    "dielectric": MatbenchTask(
        rows=4764,
        column="n",
        unit="",
        structures=True,
        binary=False,
        spread=0.808534704217072,
        sha256="83befa09bc2ec2f4b6143afc413157827a90e5e2e42c1eb507ccfa01bf26a1d6",
        citation="I. Petousis et al., Sci. Data 4, 160134 (2017), doi:10.1038/sdata.2016.134",
    ),
    "expt_is_metal": MatbenchTask(
        rows=4921,
        column="is_metal",
        unit="",
        structures=False,
        binary=True,
        spread=0.4980694980694981,
        sha256="8f2a4f9bacdcbc5c2c73615629ee7986f09d39bed40ba7db52b61b2889730887",
        citation=(
            "Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018), "
            "doi:10.1021/acs.jpclett.8b00124"
        ),
    ),
    "glass": MatbenchTask(
        rows=5680,
        column="gfa",
        unit="",
        structures=False,
        binary=True,
        spread=0.710387323943662,
        sha256="36beb654e2a463ee2a6572105bea0ca2961eee7c7b26a25377bff2c3b338e53a",
        citation=(
            "Y. Kawazoe et al., Nonequilibrium Phase Diagrams of Ternary Amorphous Alloys, "
            "Landolt-Boernstein III 37A (1997); L. Ward et al., npj Comput. Mater. 2, 16028 "
            "(2016), doi:10.1038/npjcompumats.2016.28"
        ),
    ),
    "log_gvrh": MatbenchTask(
        rows=10987,
        column="log10(G_VRH)",
        unit="log10(GPa)",
        structures=True,
        binary=False,
        spread=0.29313828328604646,
        sha256="098af941f4c663270f1fe21abf20ffad6fb85ecbfcba5786ceac03983ac29da7",
        citation="M. de Jong et al., Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
    ),
    "log_kvrh": MatbenchTask(
        rows=10987,
        column="log10(K_VRH)",
        unit="log10(GPa)",
        structures=True,
        binary=False,
        spread=0.2896736342937069,
        sha256="44b113ddb7e23aa18731a62c74afa7e5aa654199e0db5f951c8248a00955c9cd",
        citation="M. de Jong et al., Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
    ),
    "perovskites": MatbenchTask(
        rows=18928,
        column="e_form",
        unit="eV/unit cell",
        structures=True,
        binary=False,
        spread=0.5659924184827462,
        sha256="4641e2417f8ec8b50096d2230864468dfa08278dc9d257c327f65d0305278483",
        citation=(
            "I. E. Castelli et al., Energy Environ. Sci. 5, 9034 (2012), doi:10.1039/c2ee22341d"
        ),
    ),
    "mp_gap": MatbenchTask(
        rows=106113,
        column="gap pbe",
        unit="eV",
        structures=True,
        binary=False,
        spread=1.3271449960162496,
        sha256="58b65746bd88329986ed66031a2ac1369c7c522f7bc9f9081528e07097c2c057",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
    ),
    "mp_is_metal": MatbenchTask(
        rows=106113,
        column="is_metal",
        unit="",
        structures=True,
        binary=True,
        spread=0.43492314796490533,
        sha256="9a028ed5750a4c76ca36e9f3c8d48fe0bf3fb21b76ec2289e58ae7048d527919",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
    ),
    "mp_e_form": MatbenchTask(
        rows=132752,
        column="e_form",
        unit="eV/atom",
        structures=True,
        binary=False,
        spread=1.0059220443295362,
        sha256="dedcb1d4ba2e3e50dbdd45ba5bc647a00e9c2bcf8f8bf556dc8e92caa39eb21f",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
    ),
}
