"""Coordinates of networks: bonds near their length, none through a ring, by the seed; MD holds."""

import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import CompositionError
from iemhpc.lammps.data_file import data_text, read_data
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_membrane, load_salt
from iemhpc.polymer.materials import System
from iemhpc.polymer.network import link_network, winding_rank
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.programs import need_program
from iemhpc.resources import resource
from iemhpc.system import mending
from iemhpc.system import network as networks
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.beads import BeadNetwork, lay_network
from iemhpc.system.composition import compose
from iemhpc.system.fragments import cut_units
from iemhpc.system.mending import find_fault
from iemhpc.system.network import place_network, shape_of_molecule
from iemhpc.system.relaxation import Shape, nearest, relax
from iemhpc.system.tacticity import meso_fraction

EDGE_A = 27.0
QUICK = ["AR103", "CR61"]
OTHERS = ["AR204", "CEM1", "CEM2", "CEM3", "XLAPn4-45p", "XLAPn4-9p"]


def laid_and_linked(name: str, n_chains: int = 2) -> tuple[Chem.Mol, BeadNetwork]:
    polymer = load_membrane(name).polymer
    sequences = [chain_sequence(polymer, 11, number) for number in range(n_chains)]
    laid = lay_network(sequences, edge_A=EDGE_A, seed=1, name=name)
    return link_network(laid.network), laid


@pytest.fixture(scope="module")
def cr61() -> tuple[Chem.Mol, BeadNetwork, np.ndarray]:
    molecule, laid = laid_and_linked("CR61")
    return molecule, laid, place_network(molecule, laid, edge_A=EDGE_A, seed=1)


@pytest.fixture(scope="module")
def shape(cr61) -> Shape:
    molecule, _, _ = cr61
    fragments = cut_units(molecule, pool={}, seed=1)
    conformers = [fragment.hands_A[0][0] for fragment in fragments]
    return shape_of_molecule(molecule, fragments, conformers, edge_A=EDGE_A)


def bond_vectors(box: MembraneBox) -> np.ndarray:
    bonds = box.parameters.bonds
    along = box.positions_A[bonds[:, 1]] - box.positions_A[bonds[:, 2]]
    return along - box.box_A * np.round(along / box.box_A)


def test_bonds_are_near_their_length_and_none_passes_through_a_ring(cr61, shape: Shape) -> None:
    molecule, _, positions = cr61
    assert positions.shape == (molecule.GetNumAtoms(), 3)
    assert find_fault(positions, shape) is None


def test_a_bond_planted_in_a_ring_is_found(cr61, shape: Shape) -> None:
    _, _, positions = cr61
    ring = list(shape.rings[0])
    bond = next(pair for pair in shape.bonds if not set(pair) & set(ring))
    corners = positions[ring] - positions[ring[0]]
    corners -= EDGE_A * np.round(corners / EDGE_A)
    normal = np.linalg.svd(corners - corners.mean(axis=0))[2][2]
    speared = positions.copy()
    for end, sign in zip(bond, (-0.7, 0.7), strict=True):
        speared[end] = positions[ring[0]] + corners.mean(axis=0) + sign * normal
    fault = find_fault(speared, shape)
    assert fault is not None
    assert "pass through rings" in fault.text
    assert bond[0] in fault.atoms


def test_a_stretched_bond_is_found(cr61, shape: Shape) -> None:
    _, _, positions = cr61
    wrong = positions.copy()
    wrong[shape.bonds[0, 0]] += 0.8
    fault = find_fault(wrong, replace(shape, rings=[]))
    assert fault is not None
    assert "bonds are more than 0.3 Å off" in fault.text
    assert set(fault.atoms) & set(shape.bonds[(shape.bonds == shape.bonds[0, 0]).any(axis=1)].flat)


def test_a_centre_turned_inside_out_is_turned_back(cr61, shape: Shape) -> None:
    _, _, positions = cr61
    centre, *arms = shape.centres[0]

    def volume_of(atoms: np.ndarray) -> float:
        return float(np.linalg.det(nearest(atoms[arms] - atoms[centre], EDGE_A)))

    wrong = positions.copy()
    wrong[centre] += 2 * nearest(wrong[arms] - wrong[centre], EDGE_A).mean(axis=0)
    assert np.sign(volume_of(wrong)) == -np.sign(shape.volumes_A3[0])
    assert volume_of(relax(wrong, shape)) == pytest.approx(shape.volumes_A3[0], rel=0.5)


def test_what_finds_no_coordinates_says_so(monkeypatch: pytest.MonkeyPatch, cr61) -> None:
    molecule, laid, _ = cr61
    monkeypatch.setattr(mending, "LONG_A", 0.0)
    monkeypatch.setattr(mending, "N_MENDINGS", 1)
    monkeypatch.setattr(networks, "N_ATTEMPTS", 1)
    told: list[str] = []
    with pytest.raises(CompositionError, match=r"for the network in 1 attempt.*another seed"):
        place_network(molecule, laid, edge_A=EDGE_A, seed=1, say=told.append)
    assert told[-1].endswith("placing the network again")


def test_a_network_with_a_place_gone_wrong_is_placed_once(
    monkeypatch: pytest.MonkeyPatch, cr61
) -> None:
    molecule, laid, positions = cr61

    def wrong_at_a_place(rough: np.ndarray, whole: Shape) -> np.ndarray:
        moved = relax(rough, whole)
        moved[:8] += np.random.default_rng(1).normal(0.0, 1.0, (8, 3))
        return moved

    monkeypatch.setattr(networks, "relax", wrong_at_a_place)
    told: list[str] = []
    mended_A = place_network(molecule, laid, edge_A=EDGE_A, seed=1, say=told.append)
    assert told == [f"placing a network of {molecule.GetNumAtoms()} atoms"]
    apart = mended_A - positions
    apart = np.linalg.norm(apart - EDGE_A * np.round(apart / EDGE_A), axis=1)
    assert (apart == 0).sum() > 0.2 * len(apart)  # what is far from it has not moved


@pytest.mark.slow
def test_no_seed_of_a_large_network_is_placed_again_and_the_cost_is_that_of_its_atoms() -> None:
    costs: dict[float, list[float]] = {}
    for box_A, seeds in ((40.0, (1, 2)), (60.0, (1, 2, 3, 4, 5))):
        membrane = load_membrane("CR61")
        system = System(membrane, load_salt("NaCl"))
        composition = compose(system, salt_molar=0.5, box_A=box_A)
        for seed in seeds:
            told: list[str] = []
            began = time.process_time()
            box = build_box(system=system, composition=composition, seed=seed, say=told.append)
            seconds = time.process_time() - began
            assert not [line for line in told if line.endswith("again")]
            costs.setdefault(box_A, []).append(seconds / len(box.positions_A))
    # per atom, whatever the seed; the first build also reads and caches
    assert max(costs[60.0]) < 2.0 * costs[40.0][1]


@pytest.mark.parametrize("name", QUICK)
def test_the_atoms_go_on_through_the_box_as_the_beads_do(name: str) -> None:
    molecule, laid = laid_and_linked(name)
    positions = place_network(molecule, laid, edge_A=EDGE_A, seed=1)
    pairs = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in molecule.GetBonds()])
    along = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    shifts = -np.round(along / EDGE_A).astype(np.int64)
    assert winding_rank(len(positions), pairs, shifts) == laid.shape.percolates_in


def test_a_seed_says_the_coordinates(cr61) -> None:
    molecule, laid, positions = cr61
    assert np.array_equal(place_network(molecule, laid, edge_A=EDGE_A, seed=1), positions)
    assert not np.allclose(place_network(molecule, laid, edge_A=EDGE_A, seed=2), positions)


@pytest.mark.parametrize(("tacticity", "meso"), [("isotactic", 1.0), ("syndiotactic", 0.0)])
def test_relaxation_keeps_the_tacticity(cr61, tacticity: str, meso: float) -> None:
    molecule, laid, _ = cr61
    coil = place_network(molecule, laid, edge_A=EDGE_A, seed=1, tacticity=tacticity)
    found = meso_fraction(molecule, coil, box_A=np.full(3, EDGE_A))
    assert found == pytest.approx(meso, abs=0.02)


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_every_network_membrane_is_built_and_parametrised(name: str) -> None:
    membrane = load_membrane(name)
    system = System(membrane, load_salt(membrane.salts[0]))
    composition = compose(system, salt_molar=0.5, box_A=24.0)
    box = build_box(system=system, composition=composition, seed=2)
    assert box.network
    assert box.network.n_crosslinks == composition.n_crosslinks
    assert box.network.largest_share > 0.7
    assert abs(box.parameters.charges_e.sum()) < 1e-9
    r0 = np.array([term.values[1] for term in box.parameters.bond_types])
    excess = np.linalg.norm(bond_vectors(box), axis=1) - r0[box.parameters.bonds[:, 0]]
    assert np.abs(excess).max() < 0.4


def test_scaled_charges_leave_a_network_neutral() -> None:
    system = System(load_membrane("CR61"), load_salt("MgCl2"))
    composition = compose(system, salt_molar=0.5, box_A=20.0)
    box = build_box(system=system, composition=composition, charge_scale=0.75)
    assert abs(box.parameters.charges_e.sum()) < 1e-9
    magnesium = box.parameters.charges_e[[role == "counterion" for role in box.role]]
    assert magnesium == pytest.approx(1.5)


@pytest.mark.lammps
def test_a_network_minimises_and_holds_in_lammps(cr61_box: MembraneBox, tmp_path: Path) -> None:
    parameters = cr61_box.parameters
    text = data_text(
        parameters,
        positions_A=cr61_box.positions_A,
        box_A=cr61_box.box_A,
        molecule=cr61_box.molecule,
        title="a network",
    )
    (tmp_path / "system.data").write_text(text, encoding="utf-8")
    (tmp_path / "styles.in").write_text(styles_text(parameters), encoding="utf-8")
    lmp = need_program("lmp", why="hold a network", get="pip install 'iemhpc[md]'")
    production = {"production_ps": 0.2, "frame_ps": 0.1, "timestep_fs": 2.0}
    for stage, variables in (("minimize", {"minimize_steps": 500}), ("production", production)):
        shutil.copy(resource("lammps_templates", f"{stage}.in"), tmp_path)
        if stage == "production":
            shutil.copy(tmp_path / "minimized.data", tmp_path / "equilibrated.data")
        words = [word for key, value in variables.items() for word in ("-var", key, str(value))]
        done = subprocess.run(
            [lmp, "-in", f"{stage}.in", "-log", f"log.{stage}", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-1500:]
    data = read_data(tmp_path / "minimized.data")
    along = data.positions_A[parameters.bonds[:, 1]] - data.positions_A[parameters.bonds[:, 2]]
    along -= data.box_A * np.round(along / data.box_A)
    r0 = np.array([term.values[1] for term in parameters.bond_types])[parameters.bonds[:, 0]]
    assert np.abs(np.linalg.norm(along, axis=1) - r0).max() < 0.2
