"""CIF files with words, lines and ends that do not belong there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atlas_core.api import AtlasError, read_crystals
from faults.campaign import Campaign, Tally

_SALT = """data_salt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_chemical_formula_sum 'Na1 Cl1'
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na+ 0 0 0 1.0
Cl1 Cl- 0.5 0.5 0.5 .
"""
_LAYERS = """data_layers
_cell_length_a 3.16
_cell_length_b 3.16
_cell_length_c 12.3(1)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_publ_section_comment
;
data_fake
;
loop_
_symmetry_equiv_pos_as_xyz
x,y,z
-y,x-y,z
-x+y,-x,z
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mo1 0.33 0.67 0.25
S1 0.33 0.67 0.621
"""
_WORDS = (
    *("?", ".", "-1", "0", "1e400", "1e-300", "nan", "inf", "99999999", "loop_", "data_", "data_y"),
    *("save_x", "'", '"', ";", "\n;\n", "_cell_length_a", "x,y,z", "-x", "1/0", "'R -3 m'"),
    *("'F d -3 m'", "\x00", "\u00e9", "\u00a0", "\u0663", "#", "Na1+", "0.33(1)", "(", "'P 1'"),
    *("_symmetry_space_group_name_H-M", "_symmetry_Int_Tables_number", "_cell_volume", "225"),
    *("_cell_formula_units_Z", "'H2 O'", "Va", "T1", "CO", "0.5", "120", "1e", "0.5e-99999999999"),
)


def _hurt(text: str, rng: np.random.Generator) -> str:
    """Return a text with a word, a line or its end changed."""
    way, word = int(rng.integers(5)), _WORDS[rng.integers(len(_WORDS))]
    place = int(rng.integers(len(text) + 1))
    if way == 0:
        return text[:place] + word + text[place:]
    if way == 1:
        return text[:place]
    lines = text.split("\n")
    i, j = rng.integers(len(lines), size=2).tolist()
    if way == 2:
        del lines[i]
    elif way == 3:
        lines[i], lines[j] = lines[j], lines[i]
    else:
        words = lines[i].split(" ")
        words[rng.integers(len(words))] = word
        lines[i] = " ".join(words)
    return "\n".join(lines)


def hurt_cif(folder: Path, faults: int, rng: np.random.Generator) -> Tally:
    """Read changed files; count those that are read, or refused with a line of ATLAS's own."""
    failures = []
    for fault in range(faults):
        text = (_SALT, _LAYERS)[fault % 2]
        for _ in range(int(rng.integers(1, 4))):
            text = _hurt(text, rng)
        try:
            read_crystals(text, form="cif")
        except AtlasError as err:
            if "\n" in str(err):
                failures.append(f"fault {fault}: more than one line: {str(err)!r}")
        except Exception as err:
            failures.append(f"fault {fault}: {type(err).__name__}: {err}")
    return Tally(faults, faults - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="hurt_cif",
        fault="words, lines and ends of a CIF file that do not belong there",
        kind="input",
        bar="read, or refused with one line of ATLAS's own",
        run=hurt_cif,
        full=2500,
        quick=200,
    )
]
