"""RESP against fits made another way, published values, and what must hold of any fit."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Geometry import Point3D
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from iemhpc.errors import InputError, ProgramError
from iemhpc.forcefield import resp
from iemhpc.forcefield.esp import (
    DENSITY_PER_A2,
    Esp,
    inverse_distances_bohr,
    merz_kollman_points,
    spiral,
)
from iemhpc.forcefield.resp import Group, equivalent_labels, fit_resp, unit_groups
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.progress import quiet
from iemhpc.units import A_PER_BOHR

# Optimised with PySCF 2.14 at HF/6-31G*: -115.035418 and -661.693277 hartree.
GEOMETRIES_A = {
    "CO": [
        (-0.3574, -0.0167, -0.0107),
        (0.9610, -0.4240, -0.2435),
        (-0.5805, 0.0541, 1.0513),
        (-0.5763, 0.9410, -0.4768),
        (-1.0034, -0.7657, -0.4472),
        (1.5565, 0.2113, 0.1269),
    ],
    "CS(=O)(=O)[O-]": [
        (-0.8690, -0.2143, -0.0508),
        (0.8636, 0.2130, 0.0505),
        (0.9221, 1.5987, -0.3886),
        (1.2035, 0.0218, 1.4521),
        (1.5212, -0.7212, -0.8504),
        (-1.4357, 0.4419, 0.5980),
        (-1.2050, -0.0975, -1.0735),
        (-1.0007, -1.2424, 0.2628),
    ],
}
METHANOL, MESYLATE = GEOMETRIES_A


def placed(smiles):
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    conformer = Chem.Conformer(molecule.GetNumAtoms())
    for atom, place in enumerate(GEOMETRIES_A[smiles]):
        conformer.SetAtomPosition(atom, Point3D(*place))
    molecule.AddConformer(conformer)
    return molecule


@pytest.fixture(scope="module")
def potentials():
    pytest.importorskip("pyscf")
    from iemhpc.forcefield.pyscf_esp import pyscf_esp

    return {smiles: pyscf_esp(placed(smiles)) for smiles in GEOMETRIES_A}


def point_charges(molecule, charges_e, **changes):
    """Potential that given charges make, on points around an embedded molecule."""
    numbers = tuple(atom.GetAtomicNum() for atom in molecule.GetAtoms())
    positions_A = np.array(molecule.GetConformer().GetPositions())
    points_A = merz_kollman_points(numbers, positions_A, density_per_A2=2.0)
    shape = Esp(
        numbers=numbers,
        positions_A=positions_A,
        points_A=points_A,
        potential_hartree_e=np.zeros(len(points_A)),
        source="point charges",
    )
    potential = inverse_distances_bohr(shape) @ np.asarray(charges_e)
    values = {"potential_hartree_e": potential, "numbers": numbers, **changes}
    return Esp(positions_A=positions_A, points_A=points_A, source="point charges", **values)


def least_penalty(esp, *, total, free, start, weight):
    """Minimise Bayly's penalty by a general minimiser: ``free`` are groups of equal atoms."""
    inverse = inverse_distances_bohr(esp)
    heavy = np.array(esp.numbers) != 1

    def charges(values):
        q = np.array(start, dtype=float)
        for group, value in zip(free, values, strict=True):
            q[list(group)] = value
        return q

    def penalty(values):
        q = charges(values)
        error = ((esp.potential_hartree_e - inverse @ q) ** 2).sum()
        return 1e3 * (error + 2 * weight * (np.sqrt(q[heavy] ** 2 + 0.01) - 0.1).sum())

    neutral = {"type": "eq", "fun": lambda values: charges(values).sum() - total}
    found = minimize(
        penalty,
        [start[group[0]] for group in free],
        method="SLSQP",
        constraints=[neutral],
        options={"maxiter": 500, "ftol": 1e-14},
    )
    return charges(found.x)


@pytest.mark.parametrize(
    ("smiles", "first", "second"),
    [
        (METHANOL, [[i] for i in range(6)], [[0], [2, 3, 4]]),
        (MESYLATE, [[0], [1], [2, 3, 4], [5], [6], [7]], [[0], [5, 6, 7]]),
    ],
)
def test_both_stages_agree_with_a_general_minimiser(potentials, smiles, first, second):
    esp, total = potentials[smiles], Chem.GetFormalCharge(Chem.MolFromSmiles(smiles))
    start = np.full(len(esp.numbers), total / len(esp.numbers))
    weak = least_penalty(esp, total=total, free=first, start=start, weight=0.0005)
    strong = least_penalty(esp, total=total, free=second, start=weak, weight=0.001)
    fitted = fit_resp(placed(smiles), esp)
    assert fitted.charges_e == pytest.approx(strong, abs=0.002)


PUBLISHED_METHANOL_E = (0.1166, -0.6497, 0.0372, 0.0372, 0.0372, 0.4215)
"""Cornell, Cieplak, Bayly, Kollman, J. Am. Chem. Soc. 115, 9620 (1993): HF/6-31G*, two stages."""


def fitted_as_at(density_per_A2, potentials, monkeypatch):
    """Fit methanol as if it had so many points per Å², but without the chance of where they lie.

    The restraint is a fixed number, the error grows with the points: what counts is their ratio.
    """
    weight = DENSITY_PER_A2 / density_per_A2
    with monkeypatch.context() as changed:
        changed.setattr(resp, "WEAK", weight * resp.WEAK)
        changed.setattr(resp, "STRONG", weight * resp.STRONG)
        return fit_resp(placed(METHANOL), potentials[METHANOL]).charges_e


def test_published_charges_of_methanol_come_back_where_the_restraint_weighs_as_much(
    potentials, monkeypatch
):
    # At half a point per Å². How many points the authors had was not to be found out.
    charges_e = fitted_as_at(0.5, potentials, monkeypatch)
    assert charges_e == pytest.approx(PUBLISHED_METHANOL_E, abs=0.01)


def test_what_differs_from_the_published_charges_is_the_buried_carbon(potentials, monkeypatch):
    whole = fitted_as_at(1.0, potentials, monkeypatch)
    assert whole == pytest.approx([0.18, -0.667, 0.02, 0.02, 0.02, 0.426], abs=0.01)
    shipped = fit_resp(placed(METHANOL), potentials[METHANOL]).charges_e
    assert shipped == pytest.approx([0.253, -0.683, 0.001, 0.001, 0.001, 0.427], abs=0.01)
    published = np.array(PUBLISHED_METHANOL_E)
    for charges_e in (whole, shipped):
        # the methyl group as a whole, O and its H hardly move
        methyl_e = charges_e[[0, 2, 3, 4]].sum()
        assert methyl_e == pytest.approx(published[[0, 2, 3, 4]].sum(), abs=0.03)
        assert charges_e[[1, 5]] == pytest.approx(published[[1, 5]], abs=0.035)


@pytest.mark.parametrize("density_per_A2", [1.0, 3.0])
def test_points_of_any_density_give_the_same_where_the_restraint_goes_with_them(
    density_per_A2, potentials, monkeypatch
):
    # The mean over places of the points: at 1 per Å² the carbon of one orientation is within .02.
    from iemhpc.forcefield import pyscf_esp as engine

    esp, places = potentials[METHANOL], Rotation.random(8, random_state=1).as_matrix()
    wanted = fitted_as_at(1.0, potentials, monkeypatch)
    wave = engine._wave_function(placed(METHANOL), esp.positions_A, limit_s=60, say=quiet)
    fitted = []
    monkeypatch.setattr(resp, "WEAK", density_per_A2 * resp.WEAK)
    monkeypatch.setattr(resp, "STRONG", density_per_A2 * resp.STRONG)
    for place in places:
        turned_A = esp.positions_A @ place.T
        points_A = merz_kollman_points(esp.numbers, turned_A, density_per_A2=density_per_A2) @ place
        there = Esp(
            numbers=esp.numbers,
            positions_A=esp.positions_A,
            points_A=points_A,
            potential_hartree_e=engine._potential(wave, points_A / A_PER_BOHR),
            source="PySCF",
        )
        fitted.append(fit_resp(placed(METHANOL), there).charges_e)
    assert np.mean(fitted, axis=0) == pytest.approx(wanted, abs=0.015)


def test_the_restraint_is_that_of_ambers_program():
    # The same mail prints d(rstr)/dq of methanol in stage two: C 0.180850 0.004839, O -0.715160
    # 0.001385: a / sqrt(q^2 + b^2), what is added to the diagonal.
    weight = resp.STRONG / np.sqrt(np.array([0.180850, -0.715160]) ** 2 + resp.TIGHTNESS_E**2)
    assert weight == pytest.approx([0.004839, 0.001385], abs=1e-6)


def test_the_potential_of_sulfonate_is_fitted_within_a_hundredth(potentials):
    fitted = fit_resp(placed(MESYLATE), potentials[MESYLATE])
    assert fitted.rrms < 0.01
    assert fitted.charges_e.sum() == pytest.approx(-1.0, abs=1e-12)
    assert np.ptp(fitted.charges_e[2:5]) < 1e-12
    assert np.ptp(fitted.charges_e[5:]) < 1e-12


def test_charges_that_made_the_potential_come_back_but_for_the_restraint(monkeypatch):
    molecule = placed(MESYLATE)
    made = [-0.1, 1.1, -0.7, -0.7, -0.7, 0.1 / 3, 0.1 / 3, 0.1 / 3]
    esp = point_charges(molecule, made)
    assert fit_resp(molecule, esp).charges_e == pytest.approx(made, abs=0.05)
    monkeypatch.setattr(resp, "WEAK", 0.0)
    monkeypatch.setattr(resp, "STRONG", 0.0)
    assert fit_resp(molecule, esp).charges_e == pytest.approx(made, abs=1e-9)


def test_each_unit_of_an_oligomer_carries_its_formal_charge_exactly():
    from iemhpc.forcefield.charges import embedded

    anion = RepeatUnit("sulfonate", "[*]CC([*])S(=O)(=O)[O-]")
    chain = embedded(link([RepeatUnit("e", "[*]CC[*]"), anion, RepeatUnit("e", "[*]CC[*]")]))
    generator = np.random.default_rng(1)
    esp = point_charges(chain, generator.normal(0.0, 0.3, chain.GetNumAtoms()))
    groups = unit_groups(chain)
    charges_e = fit_resp(chain, esp, groups=groups).charges_e
    sums = [charges_e[list(group.atoms)].sum() for group in groups]
    assert sums == pytest.approx([0.0, -1.0, 0.0], abs=1e-12)
    labels = np.array(equivalent_labels(chain))
    assert max(np.ptp(charges_e[labels == label]) for label in labels) < 1e-12


def test_groups_that_contradict_the_molecule_are_refused():
    molecule = placed(METHANOL)
    esp = point_charges(molecule, [0.0] * 6)
    with pytest.raises(InputError, match="groups contradict each other or the molecule's charge"):
        fit_resp(molecule, esp, groups=[Group(atoms=tuple(range(6)), charge=1)])


def test_the_potential_of_another_molecule_is_refused():
    esp = point_charges(placed(METHANOL), [0.0] * 6)
    with pytest.raises(InputError, match=r"its 6 atoms are not those of CS\(=O\)\(=O\)\[O-\]"):
        fit_resp(placed(MESYLATE), esp)


def test_too_few_points_are_refused():
    with pytest.raises(InputError, match="2 points cannot fix the charges of 2 atoms"):
        Esp(
            numbers=(1, 1),
            positions_A=np.zeros((2, 3)),
            points_A=np.ones((2, 3)),
            potential_hartree_e=np.zeros(2),
            source="x",
        )


def test_arrays_that_do_not_fit_together_are_refused():
    molecule = placed(METHANOL)
    with pytest.raises(InputError, match=r"3 potentials at .* points do not fit together"):
        point_charges(molecule, [0.0] * 6, potential_hartree_e=np.zeros(3))


def test_what_is_not_a_number_is_refused():
    molecule = placed(METHANOL)
    with pytest.raises(InputError, match="a position or potential is not a number"):
        point_charges(molecule, [np.nan] * 6)


def test_a_fit_that_does_not_settle_is_an_error(monkeypatch):
    molecule = placed(METHANOL)
    monkeypatch.setattr(resp, "STEPS", 1)
    with pytest.raises(ProgramError, match=r"the RESP fit still moves by .* after 1 steps"):
        fit_resp(molecule, point_charges(molecule, [0.3, -0.6, 0, 0, 0, 0.3]))


def test_no_point_is_inside_a_layers_sphere_of_another_atom():
    positions_A = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.4]])
    points_A = merz_kollman_points((6, 8), positions_A, density_per_A2=2.0)
    nearest = np.linalg.norm(points_A[:, None] - positions_A, axis=2) / [1.5, 1.4]
    assert {round(float(x), 6) for x in nearest.min(axis=1)} == {1.4, 1.6, 1.8, 2.0}


def test_the_spiral_is_even():
    points = spiral(400)
    assert np.linalg.norm(points, axis=1) == pytest.approx(1.0)
    assert abs(points.mean(axis=0)).max() < 2e-3


def test_an_element_without_a_radius_lists_the_known_ones():
    with pytest.raises(InputError, match="no Merz-Kollman radius is known for I; known: H, C, N"):
        merz_kollman_points((53,), np.zeros((1, 3)))
