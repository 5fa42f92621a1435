"""Hydrated ionomers, built and left to NPT, have the densities that are published for them.

Sodium polystyrene sulfonate is what gel resins for softening are made of; their makers publish the
density of the swollen bead and its water. Nafion's density is published for the dry film, so that
of the swollen one follows from volumes that add up. docs/densities.md has the numbers found, and
how sure they are.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from iemhpc.check.equilibration import Density, density_of
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.log_file import thermo_tables
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import System, as_membrane, load_salt, load_system
from iemhpc.polymer.own import own_membrane
from iemhpc.programs import run_program
from iemhpc.resources import resource
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import compose

WITHIN = 0.05
STEADY = 0.02
EDGE_A = 27.0
ANNEALED = {
    "density_ps": 5,
    "anneal_ps": 20,
    "cool_ps": 10,
    "settle_npt_ps": 60,
    "settle_nvt_ps": 0,
}
"""The rest is as the protocol quick has it."""

COMPRESSED = {
    "larsen_scale": 0.03,
    "warm_ps": 0.3,
    "density_ps": 4,
    "density_tolerance": 0.01,
    "anneal_ps": 0,
    "cool_ps": 0,
    "settle_npt_ps": 24,
    "settle_nvt_ps": 0,
}
"""For a perfluorinated glass, the compression of the protocol full: Larsen's 21 steps in 47 ps.
After a short one its density climbs for long, and may seem steady while it does."""

DRY_CM3, EQUIVALENT_G = 537.0, 1100.0
"""Volume of an equivalent of dry Nafion in the acid form, 2.05 g/cm³: as public models of fuel
cells and electrolysers have it, after Thampan, Malhotra, Tang and Datta, J. Electrochem. Soc. 147,
3242 (2000). The maker's sheet agrees: 360 g/m² at 183 µm, with its 5 % of water at 50 % of
humidity."""
SODIUM_FOR_PROTON_CM3, SODIUM_FOR_PROTON_G = -1.2, 21.98
"""Difference of the partial molar volumes in water, as in iemhpc/system/volume.py, and of the
masses."""
WATER_CM3, WATER_G = 18.07, 18.015

RESIN_G_CM3 = 1.28
"""Bead density in the sodium form, at 42-48 % of water: product data sheets of Dowex Marathon C and
Dowex HCR-S; that of Amberlite IR120 Na says 1.26-1.30 at 45-50 %."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A material whose density is known."""

    system: System
    water_per_site: float
    published_g_cm3: float
    protocol: dict[str, float]


def nafion() -> Case:
    """Return Nafion in the sodium form; its volume is that of dry polymer and water."""
    system = load_system("Nafion/NaCl")
    n_waters = 14.0
    volume_cm3 = DRY_CM3 + SODIUM_FOR_PROTON_CM3 + n_waters * WATER_CM3
    mass_g = EQUIVALENT_G + SODIUM_FOR_PROTON_G + n_waters * WATER_G
    return Case(
        system=system,
        water_per_site=n_waters,
        published_g_cm3=mass_g / volume_cm3,
        protocol=COMPRESSED,
    )


def sodium_polystyrene_sulfonate() -> Case:
    """Return a resin of 8 % divinylbenzene by weight of the monomers, 45.5 % of it water."""
    settings = own_membrane(
        ["[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]:0.935"],
        crosslinker="[*]CC([*])c1ccc(cc1)C([*])C[*]:0.065",
        name="sodium-polystyrene-sulfonate",
        salts=["NaCl"],
        water_per_site=10.0,
    )
    system = System(membrane=as_membrane(settings), salt=load_salt("NaCl"))
    return Case(system=system, water_per_site=10.0, published_g_cm3=RESIN_G_CM3, protocol=ANNEALED)


def density_after_npt(case: Case, field: str, folder: Path, lmp: str) -> Density:
    """Build a box, run the project's own templates on it and read the log as the check does."""
    composition = compose(
        case.system, salt_molar=0.0, water_per_site=case.water_per_site, box_A=EDGE_A
    )
    box = build_box(system=case.system, composition=composition, force_field=field, seed=1)
    data = data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title=composition.system,
    )
    (folder / "system.data").write_text(data)
    (folder / "styles.in").write_text(styles_text(box.parameters))
    lengths = [word for key, value in case.protocol.items() for word in ("-var", key, str(value))]
    for stage, words in (("minimize", []), ("equilibrate", lengths)):
        text = resource("lammps_templates", f"{stage}.in").read_text(encoding="utf-8")
        (folder / f"{stage}.in").write_text(text)
        command = [lmp, "-sf", "opt", "-in", f"{stage}.in", "-log", f"{stage}.log", *words]
        ended = run_program(command, folder=folder, limit_s=3 * 3600)
        assert ended.code == 0, ended.text[-2000:]
    tables = thermo_tables((folder / "equilibrate.log").read_text())
    return density_of(tables, protocol={}, aimed_g_cm3=composition.density_g_cm3)


@pytest.mark.slow
@pytest.mark.lammps
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("material", [sodium_polystyrene_sulfonate, nafion])
def test_a_hydrated_ionomer_has_its_published_density(material, tmp_path, lmp):
    case = material()
    density = density_after_npt(case, "gaff2", tmp_path, lmp)
    found = density.realised_g_cm3
    assert found is not None
    assert found.error < STEADY / 2 * found.mean
    assert found.mean == pytest.approx(case.published_g_cm3, rel=WITHIN), (
        f"{case.system.membrane.name}: {found.mean:.3f} ± {found.error:.3f} g/cm³ "
        f"(statistical), published {case.published_g_cm3:.3f}"
    )
