"""A composition becomes a box of atoms: chains grown, everything packed, parameters united."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from iemhpc.errors import CompositionError, ProgramError, unknown_name
from iemhpc.forcefield import FORCE_FIELDS
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.parameters import Parameters
from iemhpc.polymer.catalog import Ion, System
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.progress import Say, quiet
from iemhpc.system.composition import Composition
from iemhpc.system.growth import grow_chains, n_speared
from iemhpc.system.merging import merge
from iemhpc.system.packing import Rigid, pack

PACKING_DENSITY = 0.7
"""Of the estimated density at equilibrium: packmol fills it in seconds, NPT compresses it."""

THINNER = 0.9
"""Each further attempt packs at this share of the density before."""

N_ATTEMPTS = 5
"""Boxes tried for one where everything fits and no bond passes through a ring."""

NEUTRAL_E = 1e-6
"""A box whose charge is further from 0 than this is wrong, not rounded."""

_WATER_BOND_A = 0.9572
_WATER_ANGLE = np.deg2rad(104.52)
WATER_A = np.array(
    [
        [0.0, 0.0, 0.0],
        [_WATER_BOND_A, 0.0, 0.0],
        [_WATER_BOND_A * np.cos(_WATER_ANGLE), _WATER_BOND_A * np.sin(_WATER_ANGLE), 0.0],
    ]
)
"""O, H, H as in TIP3P, Jorgensen et al., J. Chem. Phys. 79, 926 (1983)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneBox:
    """A packed periodic box, ready to be written for an engine. Molecules are whole."""

    positions_A: NDArray[np.float64]
    """Shape (n, 3)."""
    box_A: NDArray[np.float64]
    """Edges, shape (3,); the lower corner is the origin."""
    parameters: Parameters
    """Of the whole box."""
    molecule: NDArray[np.int64]
    """Molecule of each atom, from 1, shape (n,)."""
    role: tuple[str, ...]
    """One of :data:`iemhpc.tables.roles.ROLES` an atom."""
    composition: Composition
    """The counts it was built from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solute:
    """One kind of molecule that packmol places."""

    parameters: Parameters
    positions_A: NDArray[np.float64]
    count: int
    roles: tuple[str, ...]


Parametrise = Callable[[Chem.Mol, str], Parameters]
"""A force field's function: a chain and a charge method in, its parameters out."""


def build_box(
    *,
    system: System,
    composition: Composition,
    force_field: str = "gaff2",
    charges: str = "am1bcc",
    water_model: str = "tip3p",
    seed: int = 1,
    say: Say = quiet,
) -> MembraneBox:
    """Grow, parametrise and pack every molecule of a composition.

    Parameters
    ----------
    system : System
        Membrane and salt.
    composition : Composition
        From :func:`iemhpc.system.composition.compose`, for the same system.
    force_field, charges, water_model : str
        Names of the registries.
    seed : int
        Of sequences, coils and packing: replicas differ by it.
    say : callable
        Hears of each step.

    Raises
    ------
    CompositionError
        Where the composition is another system's, or the box is not neutral.
    ProgramError
        Where packmol is missing or fails.
    """
    if composition.system != system.name:
        raise CompositionError(
            f"the composition is of {composition.system}, the system is {system.name}; compose it "
            "for this system"
        )
    polymer = system.membrane.polymer
    sequences = [
        chain_sequence(polymer, composition.units_per_chain, chain_seed(seed, index))
        for index in range(composition.n_chains)
    ]
    chains = [link(units) for units in sequences]
    parametrised = _parametrised(
        sequences, chains, _function(force_field), charges=charges, say=say
    )
    solutes = _solutes(system, composition, water_model)
    parameters = merge(
        [(each, 1) for each in parametrised] + [(each.parameters, each.count) for each in solutes]
    )
    _check_neutral(parameters, system.name)
    positions_A, edge_A = _placed(chains, solutes, target_A=composition.box_A, seed=seed, say=say)
    sizes = [chain.GetNumAtoms() for chain in chains]
    sizes += [len(each.roles) for each in solutes for _ in range(each.count)]
    roles = ("polymer",) * sum(chain.GetNumAtoms() for chain in chains)
    return MembraneBox(
        positions_A=positions_A,
        box_A=np.full(3, edge_A),
        parameters=parameters,
        molecule=np.repeat(np.arange(1, len(sizes) + 1), sizes),
        role=roles + tuple(role for each in solutes for role in each.roles * each.count),
        composition=composition,
    )


def _function(force_field: str) -> Parametrise:
    if force_field not in FORCE_FIELDS:
        raise unknown_name("force field", force_field, FORCE_FIELDS)
    module, _, name = FORCE_FIELDS[force_field].partition(":")
    function: Parametrise = getattr(import_module(module), name)
    return function


def _parametrised(
    sequences: Sequence[tuple[RepeatUnit, ...]],
    chains: Sequence[Chem.Mol],
    parametrise: Parametrise,
    *,
    charges: str,
    say: Say,
) -> list[Parameters]:
    """Return the parameters of each chain; equal sequences are parametrised once."""
    known: dict[tuple[RepeatUnit, ...], Parameters] = {}
    say(f"parameters of {_described(chains)}")
    for units, chain in zip(sequences, chains, strict=True):
        if units not in known:
            known[units] = parametrise(chain, charges)
    return [known[units] for units in sequences]


def _described(chains: Sequence[Chem.Mol]) -> str:
    sizes = sorted({chain.GetNumAtoms() for chain in chains})
    atoms = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return f"{len(chains)} chain{'' if len(chains) == 1 else 's'} of {atoms} atoms"


def chain_seed(seed: int, index: int) -> int:
    """Return the seed of one chain of a box, so that its chains differ.

    Examples
    --------
    >>> chain_seed(7, 0), chain_seed(7, 1)
    (7000, 7001)
    """
    return 1000 * seed + index


def _solutes(system: System, composition: Composition, water_model: str) -> list[_Solute]:
    """Return ions and water, those that the box holds any of."""
    ions = (
        ("counterion", system.counterion, composition.n_counterions),
        ("coion", system.coion, composition.n_coions),
    )
    solutes = []
    for role, ion, count in ions:
        parameters = ion_parameters(ion.name, water_model)
        solutes.append(
            _Solute(
                parameters=parameters,
                positions_A=_ion_positions(ion, parameters),
                count=count,
                roles=(role,) * len(parameters.elements),
            )
        )
    water = _Solute(
        parameters=water_parameters(water_model),
        positions_A=WATER_A,
        count=composition.n_waters,
        roles=("water_oxygen", "water_hydrogen", "water_hydrogen"),
    )
    return [each for each in (*solutes, water) if each.count]


def _ion_positions(ion: Ion, parameters: Parameters) -> NDArray[np.float64]:
    """Return an ion's shape; one of several atoms is a star (sulfate), its arms as long as r0."""
    elements = parameters.elements
    if len(elements) == 1:
        return np.zeros((1, 3))
    molecule = Chem.AddHs(Chem.MolFromSmiles(ion.smiles))
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = 1
    rdDistGeom.EmbedMolecule(molecule, options)
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    if sorted(symbols) != sorted(elements):
        raise CompositionError(
            f"ion {ion.name}: its SMILES {ion.smiles!r} has the atoms {' '.join(symbols)}, its "
            f"parameters {' '.join(elements)}; mend data/ions.csv"
        )
    # The arms of a star are alike, so that atoms of one element may be taken in any order.
    places = {element: [k for k, s in enumerate(symbols) if s == element] for element in symbols}
    order = [places[element].pop(0) for element in elements]
    shape = molecule.GetConformer().GetPositions()[order]
    centre = int(np.bincount(parameters.bonds[:, 1:].ravel()).argmax())
    for kind, *pair in parameters.bonds.tolist():
        arm = pair[0] if pair[1] == centre else pair[1]
        along = shape[arm] - shape[centre]
        r0_A = parameters.bond_types[kind].values[1]
        shape[arm] = shape[centre] + along * r0_A / np.linalg.norm(along)
    return np.asarray(shape - shape[centre])


def _check_neutral(parameters: Parameters, name: str) -> None:
    net_e = float(parameters.charges_e.sum())
    if abs(net_e) > NEUTRAL_E:
        raise CompositionError(
            f"{name}: the box has a charge of {net_e:+.6f} e, wanted 0; the force field's charges "
            "do not add up to those of the units and ions"
        )


def _placed(
    chains: Sequence[Chem.Mol],
    solutes: Sequence[_Solute],
    *,
    target_A: float,
    seed: int,
    say: Say,
) -> tuple[NDArray[np.float64], float]:
    """Return all positions and the edge of a box where everything fits."""
    elements = tuple(atom.GetSymbol() for chain in chains for atom in chain.GetAtoms())
    rigid = [
        Rigid(elements=each.parameters.elements, positions_A=each.positions_A, count=each.count)
        for each in solutes
    ]
    for attempt in range(N_ATTEMPTS):
        density = PACKING_DENSITY * THINNER**attempt
        edge_A = float(target_A / np.cbrt(density))
        own_seed = N_ATTEMPTS * seed + attempt
        coils = np.concatenate(grow_chains(chains, edge_A=edge_A, seed=own_seed, say=say))
        if n_speared(chains, coils, edge_A=edge_A):
            say("a bond passes through a ring: growing again")
            continue
        say(f"packing ions and water into {edge_A:.1f} Å")
        fixed = Rigid(elements=elements, positions_A=coils, count=0)
        packed = pack(fixed, rigid, edge_A=edge_A, seed=own_seed)
        if packed is not None:
            return np.concatenate([coils, packed]), edge_A
        say(f"no room at {density:.2f} of the target density")
    raise ProgramError(
        f"packmol found no room in {N_ATTEMPTS} boxes, the last of {edge_A:.1f} Å at "
        f"{density:.2f} of the target density; use another seed or shorter chains"
    )
