import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from rdkit.Chem import rdDistGeom

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.aqueous import fitted_pair, ion_parameters, water_parameters
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.parameters import PairTerm, Parameters, Styles, Term
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.energy import vacuum_energies, vacuum_styles
from iemhpc.lammps.styles_file import styles_text, water_angle_type
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.programs import run_program
from iemhpc.system.merging import merge
from iemhpc.system.mixing import mixed


@pytest.fixture(scope="module")
def wet_styrene() -> Parameters:
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 3))
    return merge([(chain, 1), (ion_parameters("Na"), 1), (water_parameters(), 2)])


def test_every_type_has_its_line_with_every_digit(wet_styrene: Parameters) -> None:
    text = styles_text(wet_styrene)
    for kind, terms in (
        ("bond", wet_styrene.bond_types),
        ("angle", wet_styrene.angle_types),
    ):
        for number, term in enumerate(terms, 1):
            found = re.search(rf"^{kind}_coeff {number} (\S+) (\S+) #", text, re.M)
            assert found
            assert tuple(map(float, found.groups())) == term.values
    for number, term in enumerate(wet_styrene.atom_types, 1):
        found = re.search(rf"^pair_coeff {number} {number} (\S+) (\S+) #", text, re.M)
        assert found
        assert tuple(map(float, found.groups())) == term.values[:2]
    assert "pair_modify mix arithmetic tail yes" in text
    assert "special_bonds lj 0 0 0.5 coul 0 0 0.8333333333333333" in text


def test_periodicities_and_signs_are_whole_numbers(wet_styrene: Parameters) -> None:
    text = styles_text(wet_styrene)
    for line in re.findall(r"^dihedral_coeff \d+ (.*) #", text, re.M):
        words = line.split()
        assert len(words) == 1 + 3 * int(words[0])
        assert all(word.isdigit() for word in words[2::3])
    impropers = re.findall(r"^improper_coeff \d+ (.*) #", text, re.M)
    assert len(impropers) == len(wet_styrene.improper_types) > 0
    assert all(re.fullmatch(r"\S+ -1 2", line) for line in impropers)


def test_all_fourier_terms_of_a_quadruple_are_one_entry() -> None:
    term = Term(types=("a", "b", "c", "d"), values=(2, 0.5, 1, 0.0, 0.25, 3, 180.0), source="x")
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    one = replace(chain, dihedral_types=(term, *chain.dihedral_types[1:]))
    assert "dihedral_coeff 1 2 0.5 1 0.0 0.25 3 180.0 # a-b-c-d\n" in styles_text(one)


def test_water_angle_is_named_for_shake(wet_styrene: Parameters) -> None:
    number = water_angle_type(wet_styrene)
    assert wet_styrene.angle_types[number - 1].types == ("HW", "OW", "HW")
    assert f"variable water_angle_type equal {number}\n" in styles_text(wet_styrene)


def test_a_box_without_water_has_angle_type_zero() -> None:
    assert water_angle_type(ion_parameters("Na")) == 0
    assert "bond_style" not in styles_text(ion_parameters("Na"))


def test_two_water_angles_are_refused() -> None:
    water = water_parameters()
    other = replace(water.angle_types[0], values=(100.0, 109.47))
    with pytest.raises(ForceFieldError, match="water has 2 angle types; wanted one for fix shake"):
        water_angle_type(merge([(water, 1), (replace(water, angle_types=(other,)), 1)]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.0,), "wanted K and the equilibrium value"),
        ((1.0, 2.0, 3.0), "wanted K and the equilibrium value"),
    ],
)
def test_values_that_are_not_the_styles_are_refused(
    values: tuple[float, ...], message: str
) -> None:
    water = water_parameters()
    wrong = Term(types=("HW", "OW"), values=values, source="a test")
    with pytest.raises(ForceFieldError, match=rf"HW-OW \(a test\): got the values .*{message}"):
        styles_text(replace(water, bond_types=(wrong,)))


@pytest.mark.parametrize("values", [(), (1, 0.5, 1), (2, 0.5, 1, 0.0), (1, 0.5, 1.5, 0.0)])
def test_broken_torsions_are_refused(values: tuple[float, ...]) -> None:
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    wrong = Term(types=("a", "b", "c", "d"), values=values, source="a test")
    with pytest.raises(ForceFieldError, match=r"a-b-c-d \(a test\): got the values"):
        styles_text(replace(chain, dihedral_types=(wrong, *chain.dihedral_types[1:])))


def test_unknown_style_lists_the_known_ones() -> None:
    water = water_parameters()
    other = replace(water, styles=replace(water.styles, bond="morse"))
    with pytest.raises(ForceFieldError, match=r"bond_style morse is not known.*harmonic, fourier"):
        styles_text(other)


def opls_chain() -> Parameters:
    """Return a chain in the styles of OPLS-AA; its values do not matter here."""
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    torsions = tuple(
        replace(term, values=(0.125 * number, -0.5, 0.3, 0.1), source=f"a test, {number}")
        for number, term in enumerate(chain.dihedral_types)
    )
    styles = Styles(dihedral="opls", mixing="geometric", special_bonds="lj/coul 0 0 0.5")
    return replace(chain, force_field="oplsaa", styles=styles, dihedral_types=torsions)


def with_opls(ions: Sequence[str], water_model: str = "tip3p") -> Parameters:
    """Return a chain that mixes geometrically beside one of each ion and one water."""
    solutes = [(ion_parameters(name, water_model), 1) for name in ions]
    return merge([(opls_chain(), 1), *solutes, (water_parameters(water_model), 1)])


def test_torsions_of_opls_are_four_coefficients() -> None:
    box = with_opls(["Na"])
    text = styles_text(box)
    assert "dihedral_style opls\n" in text
    assert "special_bonds lj/coul 0 0 0.5\n" in text
    for number, term in enumerate(box.dihedral_types, 1):
        found = re.search(rf"^dihedral_coeff {number} (\S+) (\S+) (\S+) (\S+) # ", text, re.M)
        assert found
        assert tuple(map(float, found.groups())) == term.values
    wrong = replace(box.dihedral_types[0], values=(0.1, 0.2, 0.3))
    with pytest.raises(ForceFieldError, match="wanted K1, K2, K3, K4"):
        styles_text(replace(box, dihedral_types=(wrong, *box.dihedral_types[1:])))


def test_explicit_pairs_stand_behind_the_types_with_every_digit_and_their_rule() -> None:
    box = with_opls(["Na", "Cl"])
    lines = [line for line in styles_text(box).splitlines() if line.startswith("pair_coeff")]
    assert len(lines) == len(box.atom_types) + len(box.pairs) == len(box.atom_types) + 3
    for line, pair in zip(lines[len(box.atom_types) :], box.pairs, strict=True):
        words = line.split(maxsplit=6)
        assert [int(word) for word in words[1:3]] == [pair.first + 1, pair.second + 1]
        assert tuple(map(float, words[3:5])) == (pair.epsilon_kcal_mol, pair.sigma_A)
        assert "Lorentz-Berthelot" in words[6]
        assert line.isascii()
        assert not line.endswith("&")


def test_a_comment_is_one_ascii_line_that_does_not_go_on() -> None:
    sodium_water = merge([(ion_parameters("Na"), 1), (water_parameters(), 1)])
    source = "Åqvist\n& others &"
    pair = PairTerm(first=0, second=1, epsilon_kcal_mol=0.1, sigma_A=3.0, source=source)
    text = styles_text(replace(sodium_water, pairs=(pair,)))
    assert "pair_coeff 1 2 0.1 3.0 # Na+ OW: ?qvist and others and\n" in text


@pytest.mark.parametrize(("first", "second"), [(1, 0), (1, 1), (0, 9), (-1, 1)])
def test_a_pair_in_the_wrong_order_is_refused(first: int, second: int) -> None:
    pair = PairTerm(first=first, second=second, epsilon_kcal_mol=0.1, sigma_A=3.0, source="a test")
    with pytest.raises(
        ForceFieldError, match=r"\(a test\), wanted two different ones of 3, the low"
    ):
        styles_text(
            replace(merge([(ion_parameters("Na"), 1), (water_parameters(), 1)]), pairs=(pair,))
        )


def coil() -> np.ndarray:
    """Return positions of the atoms of :func:`opls_chain`, Å."""
    molecule = link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2)
    rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
    return np.array(molecule.GetConformer().GetPositions())


@pytest.mark.lammps
def test_lammps_takes_over_every_explicit_pair_and_mixes_all_others(
    lmp: str, tmp_path: Path
) -> None:
    box = with_opls(["Na", "Cl"])
    n_atoms = len(box.elements)
    data = data_text(
        box,
        positions_A=np.random.default_rng(1).uniform(0, 30, (n_atoms, 3)),
        box_A=np.full(3, 30.0),
        molecule=np.ones(n_atoms, dtype=np.int64),
        title="a test",
    )
    (tmp_path / "system.data").write_text(data)
    (tmp_path / "styles.in").write_text(vacuum_styles(box))
    (tmp_path / "in.lmp").write_text(
        "units real\natom_style full\nread_data system.data\ninclude styles.in\n"
        "write_data out.data pair ij\n"
    )
    ended = run_program([lmp, "-in", "in.lmp", "-log", "none"], folder=tmp_path, limit_s=60)
    assert ended.code == 0, ended.text
    section = (tmp_path / "out.data").read_text().split("PairIJ Coeffs")[1].split("\n\n")[1]
    explicit = {(pair.first, pair.second): pair for pair in box.pairs}
    for line in section.splitlines():
        first, second, epsilon, sigma_A = (float(word) for word in line.split()[:4])
        one, other = int(first) - 1, int(second) - 1
        if pair := explicit.get((one, other)):
            wanted = pair.epsilon_kcal_mol, pair.sigma_A
        else:
            wanted = mixed(box.atom_types[one], box.atom_types[other], "geometric")
        # write_data keeps six digits; H of TIP3P has no size, which LAMMPS mixes to none
        assert (epsilon, sigma_A) == pytest.approx(wanted, rel=1e-5)
    assert len(section.splitlines()) == len(box.atom_types) * (len(box.atom_types) + 1) // 2


@pytest.mark.lammps
@pytest.mark.parametrize("water_model", ["tip3p", "tip3p-charmm"])
def test_a_box_of_two_rules_has_the_energy_of_both(water_model: str) -> None:
    chain = opls_chain()
    solutes = [ion_parameters(name, water_model) for name in ("Na", "Cl", "K")]
    solutes.append(water_parameters(water_model))
    # Na+, Cl-, K+ and water, each 2.5 to 5 Å from the next, beside the chain
    beside = np.array([[0, 0, 0], [2.6, 0, 0], [-0.5, 3.4, 1], [0, 0, 2.6], [0.76, 0, 3.18]])
    beside = np.vstack([beside, [-0.76, 0, 3.18]])
    chain_A = coil()
    beside += chain_A.max(axis=0) - [2.0, 0.0, 0.0]
    positions_A = np.concatenate([chain_A, beside])
    box = merge([(chain, 1), *((each, 1) for each in solutes)])
    whole = vacuum_energies(box, positions_A)
    alone = vacuum_energies(chain, positions_A[: len(chain.elements)])
    molecule = np.repeat(range(5), [len(each.elements) for each in (chain, *solutes)])
    wanted = 0.0
    for one, other in combinations(range(len(box.elements)), 2):
        if molecule[one] != molecule[other]:
            types = [box.atom_types[box.atom_type[atom]] for atom in (one, other)]
            is_own = molecule[one] > 0
            epsilon, sigma_A = mixed(*types, "arithmetic" if is_own else "geometric")
            if is_own and (fitted := fitted_pair(*types)):
                epsilon, sigma_A = fitted.epsilon_kcal_mol, fitted.sigma_A
            ratio = (sigma_A / np.linalg.norm(positions_A[one] - positions_A[other])) ** 6
            wanted += 4 * epsilon * (ratio**2 - ratio)
    assert 0.1 < abs(wanted) < 100
    assert whole.vdw - alone.vdw == pytest.approx(wanted, abs=1e-6)
    without = vacuum_energies(replace(box, pairs=()), positions_A)
    assert abs(without.vdw - whole.vdw) > 0.01


@pytest.mark.lammps
def test_the_tail_correction_counts_explicit_pairs_as_they_are(lmp: str, tmp_path: Path) -> None:
    ions = [(ion_parameters(name), 4) for name in ("Na", "Cl")]
    box = merge([(opls_chain(), 1), *ions, (water_parameters(), 20)])
    n_atoms, edge_A, cutoff_A = len(box.elements), 24.0, 10.0
    grid = (np.indices((8, 8, 8)).reshape(3, -1).T + 0.5) * edge_A / 8
    data = data_text(
        box,
        positions_A=grid[:n_atoms],
        box_A=np.full(3, edge_A),
        molecule=np.ones(n_atoms, dtype=np.int64),
        title="a test",
    )
    (tmp_path / "system.data").write_text(data)
    (tmp_path / "styles.in").write_text(styles_text(box))
    (tmp_path / "in.lmp").write_text(
        "units real\natom_style full\nread_data system.data\ninclude styles.in\n"
        "kspace_style pppm 1e-4\ncomm_modify cutoff 24\nthermo_style custom step etail elong\n"
        'run 0 post no\nprint "tail $(etail:%.12f)"\n'
    )
    ended = run_program([lmp, "-in", "in.lmp", "-log", "none"], folder=tmp_path, limit_s=60)
    assert ended.code == 0, ended.text
    found = re.search(r"^tail (\S+)$", ended.text, re.MULTILINE)
    assert found
    # Allen, Tildesley, Computer Simulation of Liquids, eq. 2.144, over all ordered pairs of types
    counts = np.bincount(box.atom_type, minlength=len(box.atom_types))
    explicit = {(pair.first, pair.second): pair for pair in box.pairs}
    wanted = 0.0
    for one, other in product(range(len(counts)), repeat=2):
        epsilon, sigma_A = mixed(box.atom_types[one], box.atom_types[other], "geometric")
        if pair := explicit.get((min(one, other), max(one, other))):
            epsilon, sigma_A = pair.epsilon_kcal_mol, pair.sigma_A
        size = (sigma_A / cutoff_A) ** 3
        depth = epsilon * sigma_A**3 * (size**3 / 9 - size / 3)
        wanted += 8 * np.pi * counts[one] * counts[other] / edge_A**3 * depth
    assert float(found[1]) == pytest.approx(wanted, rel=1e-9)
