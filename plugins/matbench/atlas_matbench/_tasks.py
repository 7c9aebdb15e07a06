"""The 13 tasks of Matbench v0.1 with the hashes and figures that were published for them. Light.

Hashes of files and row counts are those of matminer's ``dataset_metadata.json``; units are those of
matbench's ``matbench_v0.1_dataset_metadata.json``. Tests hold this table against both. Hashes of
contents were computed from genuine rows, whose mean absolute deviation is the one in that metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from atlas_core.api import Meaning

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
        sha256: of the official ``.json.gz``.
        content: ``_matbench.content_hash`` of the official rows in their order, or None where no
            copy of them was at hand when the table was made.
        citation: the source of the numbers.
        bounds: [low, high] of what is possible, None for an open end.
        meaning: the target in words; tasks of Matbench have ids of their own, so no page.
    """

    rows: int
    column: str
    unit: str
    structures: bool
    binary: bool
    sha256: str
    content: str | None
    citation: str
    meaning: Meaning
    bounds: tuple[float | None, float | None] | None = None


TASKS: dict[str, MatbenchTask] = {
    "steels": MatbenchTask(
        rows=312,
        column="yield strength",
        unit="MPa",
        structures=False,
        binary=False,
        sha256="473bc4957b2ea5e6465aef84bc29bb48ac34db27d69ea4ec5f508745c6fae252",
        content="7b46b20df88abf4f67a07653ba48393a67d6573e996d2dc71c4ebb164032bdd4",
        citation=(
            "Citrine Informatics, Mechanical properties of some steels, "
            "citrination.com/datasets/153092"
        ),
        bounds=(0, None),
        meaning=Meaning(
            "yield strength",
            caveat="it depends on heat treatment and grain size, too, which no composition shows",
        ),
    ),
    "jdft2d": MatbenchTask(
        rows=636,
        column="exfoliation_en",
        unit="meV/atom",
        structures=True,
        binary=False,
        sha256="26057dc4524e193e32abffb296ce819b58b6e11d1278cae329a2f97817a4eddf",
        content="895164634a16bde32bfead4c9658da569f5c6e3923aa1f2306964925f6e35e5e",
        citation="K. Choudhary et al., Sci. Rep. 7, 5179 (2017), doi:10.1038/s41598-017-05402-0",
        bounds=(0, None),
        meaning=Meaning(
            "exfoliation energy", caveat="computed with a van der Waals functional, not measured"
        ),
    ),
    "phonons": MatbenchTask(
        rows=1265,
        column="last phdos peak",
        unit="cm^-1",
        structures=True,
        binary=False,
        sha256="4db551f21ec5f577e6202725f10e34dfc509aa7df3a6bdaac497da7f6dbbb9b3",
        content="2d1c38118e7be2702317d094c0eaf4827334c54f7e68e45615778ecfccc51d56",
        citation="G. Petretto et al., Sci. Data 5, 180065 (2018), doi:10.1038/sdata.2018.65",
        bounds=(0, None),
        meaning=Meaning(
            "frequency of the last peak in the phonon density of states",
            caveat="an estimate of the longitudinal optical frequency, not the largest of all",
        ),
    ),
    "expt_gap": MatbenchTask(
        rows=4604,
        column="gap expt",
        unit="eV",
        structures=False,
        binary=False,
        sha256="783e7d1461eb83b00b2f2942da4b95fda5e58a0d1ae26b581c24cf8a82ca75b2",
        content="061554caa23ceb3cfc6ce7a5ab5f99aff991e846aa622373cea2a090235bf155",
        citation=(
            "Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018), "
            "doi:10.1021/acs.jpclett.8b00124"
        ),
        bounds=(0, None),
        meaning=Meaning("band gap"),
    ),
    "dielectric": MatbenchTask(
        rows=4764,
        column="n",
        unit="",
        structures=True,
        binary=False,
        sha256="83befa09bc2ec2f4b6143afc413157827a90e5e2e42c1eb507ccfa01bf26a1d6",
        content=None,
        citation="I. Petousis et al., Sci. Data 4, 160134 (2017), doi:10.1038/sdata.2016.134",
        bounds=(1, None),
        meaning=Meaning(
            "refractive index",
            caveat="computed by density functional perturbation theory, not measured",
        ),
    ),
    "expt_is_metal": MatbenchTask(
        rows=4921,
        column="is_metal",
        unit="",
        structures=False,
        binary=True,
        sha256="8f2a4f9bacdcbc5c2c73615629ee7986f09d39bed40ba7db52b61b2889730887",
        content="fca0c7cddff0e2b46d47d1b49f462fd7369bd721890a3a52b27368988388d1a3",
        citation=(
            "Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018), "
            "doi:10.1021/acs.jpclett.8b00124"
        ),
        meaning=Meaning("metallic character", ("not a metal", "metal")),
    ),
    "glass": MatbenchTask(
        rows=5680,
        column="gfa",
        unit="",
        structures=False,
        binary=True,
        sha256="36beb654e2a463ee2a6572105bea0ca2961eee7c7b26a25377bff2c3b338e53a",
        content=None,
        citation=(
            "Y. Kawazoe et al., Nonequilibrium Phase Diagrams of Ternary Amorphous Alloys, "
            "Landolt-Boernstein III 37A (1997); L. Ward et al., npj Comput. Mater. 2, 16028 "
            "(2016), doi:10.1038/npjcompumats.2016.28"
        ),
        meaning=Meaning(
            "glass-forming ability",
            ("no glass", "glass"),
            caveat="of metallic alloys; it depends on the rate of cooling, too",
        ),
    ),
    "log_gvrh": MatbenchTask(
        rows=10987,
        column="log10(G_VRH)",
        unit="log10(GPa)",
        structures=True,
        binary=False,
        sha256="098af941f4c663270f1fe21abf20ffad6fb85ecbfcba5786ceac03983ac29da7",
        content="51cf81a0e7a6d4f7bf523ccfde909a70e7e5eb1028fb6966b805a01d4814ca1d",
        citation="M. de Jong et al., Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
        meaning=Meaning(
            "logarithm of the shear modulus",
            caveat="Voigt-Reuss-Hill average of a perfect crystal at 0 K, computed, not measured",
        ),
    ),
    "log_kvrh": MatbenchTask(
        rows=10987,
        column="log10(K_VRH)",
        unit="log10(GPa)",
        structures=True,
        binary=False,
        sha256="44b113ddb7e23aa18731a62c74afa7e5aa654199e0db5f951c8248a00955c9cd",
        content="896cea6bd11101705e292dfa1e6753b130cb0f5ea676d75905c52fd041b6414a",
        citation="M. de Jong et al., Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
        meaning=Meaning(
            "logarithm of the bulk modulus",
            caveat="Voigt-Reuss-Hill average of a perfect crystal at 0 K, computed, not measured",
        ),
    ),
    "perovskites": MatbenchTask(
        rows=18928,
        column="e_form",
        unit="eV/unit cell",
        structures=True,
        binary=False,
        sha256="4641e2417f8ec8b50096d2230864468dfa08278dc9d257c327f65d0305278483",
        content="47df21859c24e23789eba87f8c3a59096dc6354b2d8e5c08dbd55459eaa4405f",
        citation=(
            "I. E. Castelli et al., Energy Environ. Sci. 5, 9034 (2012), doi:10.1039/c2ee22341d"
        ),
        meaning=Meaning(
            "heat of formation per unit cell",
            caveat="formation energy, not stability: that is the distance to the convex hull",
        ),
    ),
    "mp_gap": MatbenchTask(
        rows=106113,
        column="gap pbe",
        unit="eV",
        structures=True,
        binary=False,
        sha256="58b65746bd88329986ed66031a2ac1369c7c522f7bc9f9081528e07097c2c057",
        content="f5300eedb630d984b86d1819fcef00525c666c46e08c21224e04d68a610cdba8",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
        bounds=(0, None),
        meaning=Meaning(
            "band gap", caveat="a gap of the PBE functional, which is below the measured one"
        ),
    ),
    "mp_is_metal": MatbenchTask(
        rows=106113,
        column="is_metal",
        unit="",
        structures=True,
        binary=True,
        sha256="9a028ed5750a4c76ca36e9f3c8d48fe0bf3fb21b76ec2289e58ae7048d527919",
        content="b3d2a3b858b56b131c8dec4333a66823f1b16b2bce05fdb168527c492829efa6",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
        meaning=Meaning(
            "metallic character",
            ("not a metal", "metal"),
            caveat="a metal of the PBE functional, which calls some semiconductors metals",
        ),
    ),
    "mp_e_form": MatbenchTask(
        rows=132752,
        column="e_form",
        unit="eV/atom",
        structures=True,
        binary=False,
        sha256="dedcb1d4ba2e3e50dbdd45ba5bc647a00e9c2bcf8f8bf556dc8e92caa39eb21f",
        content="85f07f29f3c6dbe26396aecfebd2bfff5a965c0e5f54dcccf0e81d8879deabbc",
        citation="A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323",
        meaning=Meaning(
            "formation energy per atom",
            caveat="formation energy, not stability: that is the distance to the convex hull",
        ),
    ),
}
