"""A composition becomes a box of atoms: chains grown, everything packed, parameters united."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from iemhpc.errors import CompositionError, unknown_name
from iemhpc.forcefield import FORCE_FIELDS
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.parameters import Parameters
from iemhpc.polymer.catalog import Ion, System
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.progress import Say, quiet
from iemhpc.system.composition import Composition
from iemhpc.system.growth import grow_chain
from iemhpc.system.merging import merge
from iemhpc.system.packing import TOLERANCE_A, Rigid, pack
from iemhpc.system.spearing import bonds_through_rings
from iemhpc.system.volume import unit_volume_A3

PACKING_DENSITY = 0.7
"""Of the estimated density at equilibrium; packmol fills it in seconds, NPT compresses it."""

CHAIN_FILL = 0.35
"""Share of its sphere that a grown chain fills: compact enough for the box, open enough to grow."""

N_GROWTHS = 8
"""Coils tried for one that is narrower than the box and has no bond through a ring."""

N_PACKINGS = 3
"""Packings tried for one without a bond through a ring across the box's faces."""

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
class _Kind:
    """One kind of molecule in the box."""

    parameters: Parameters
    positions_A: NDArray[np.float64]
    count: int
    roles: tuple[str, ...]
    rings: tuple[tuple[int, ...], ...] = ()


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
    edge = composition.box_A / np.cbrt(PACKING_DENSITY)
    kinds = _chain_kinds(
        system,
        composition,
        parametrise=_function(force_field),
        charges=charges,
        edge_A=edge,
        seed=seed,
        say=say,
    )
    kinds += [
        _ion_kind(system.counterion, composition.n_counterions, "counterion", water_model),
        _ion_kind(system.coion, composition.n_coions, "coion", water_model),
        _Kind(
            parameters=water_parameters(water_model),
            positions_A=WATER_A,
            count=composition.n_waters,
            roles=("water_oxygen", "water_hydrogen", "water_hydrogen"),
        ),
    ]
    return _packed(
        [kind for kind in kinds if kind.count], composition, edge_A=edge, seed=seed, say=say
    )


def _function(force_field: str) -> Parametrise:
    if force_field not in FORCE_FIELDS:
        raise unknown_name("force field", force_field, FORCE_FIELDS)
    module, _, name = FORCE_FIELDS[force_field].partition(":")
    function: Parametrise = getattr(import_module(module), name)
    return function


def _chain_kinds(
    system: System,
    composition: Composition,
    *,
    parametrise: Parametrise,
    charges: str,
    edge_A: float,
    seed: int,
    say: Say,
) -> list[_Kind]:
    """Return one kind a chain: sequences differ by chain, equal ones are parametrised once."""
    by_sequence: dict[tuple[RepeatUnit, ...], Parameters] = {}
    kinds = []
    for index in range(composition.n_chains):
        own_seed = chain_seed(seed, index)
        units = chain_sequence(system.membrane.polymer, composition.units_per_chain, own_seed)
        chain = link(units)
        say(f"chain {index + 1} of {composition.n_chains}: {chain.GetNumAtoms()} atoms")
        if units not in by_sequence:
            by_sequence[units] = parametrise(chain, charges)
        volume_A3 = sum(unit_volume_A3(unit) for unit in units)
        radius_A = min(np.cbrt(3.0 * volume_A3 / (4.0 * np.pi * CHAIN_FILL)), edge_A / 2)
        coil = _coil(chain, seed=own_seed, radius_A=float(radius_A), edge_A=edge_A)
        kinds.append(
            _Kind(
                parameters=by_sequence[units],
                positions_A=coil,
                count=1,
                roles=("polymer",) * chain.GetNumAtoms(),
                rings=_rings(chain),
            )
        )
    return kinds


def chain_seed(seed: int, index: int) -> int:
    """Return the seed of one chain of a box, so that its chains differ.

    Examples
    --------
    >>> chain_seed(7, 0), chain_seed(7, 1)
    (7000, 7001)
    """
    return 1000 * seed + index


def _coil(chain: Chem.Mol, *, seed: int, radius_A: float, edge_A: float) -> NDArray[np.float64]:
    """Return the first coil that fits the box and has no bond through a ring of its own."""
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in chain.GetBonds()])
    rings = list(_rings(chain))
    best, narrowest = None, np.inf
    for attempt in range(N_GROWTHS):
        coil = grow_chain(chain, seed=1000 * seed + attempt, radius_A=radius_A)
        width = float(np.ptp(coil, axis=0).max())
        apart = np.full(3, width + 20.0)
        if bonds_through_rings(coil, bonds=bonds, rings=rings, box_A=apart):
            continue
        if width < narrowest:
            best, narrowest = coil, width
        if width <= edge_A - TOLERANCE_A:
            return coil
    if best is None:
        raise CompositionError(
            f"{N_GROWTHS} coils of a chain of {chain.GetNumAtoms()} atoms all had a bond through a "
            "ring; use another seed or shorter chains"
        )
    raise CompositionError(
        f"a chain of {chain.GetNumAtoms()} atoms is {narrowest:.0f} Å wide at its narrowest of "
        f"{N_GROWTHS} coils, the box to pack {edge_A:.0f} Å; use a larger box or shorter chains"
    )


def _rings(chain: Chem.Mol) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(ring) for ring in Chem.GetSSSR(chain))


def _ion_kind(ion: Ion, count: int, role: str, water_model: str) -> _Kind:
    parameters = ion_parameters(ion.name, water_model)
    return _Kind(
        parameters=parameters,
        positions_A=_ion_positions(ion, parameters.elements),
        count=count,
        roles=(role,) * len(parameters.elements),
    )


def _ion_positions(ion: Ion, elements: tuple[str, ...]) -> NDArray[np.float64]:
    if len(elements) == 1:
        return np.zeros((1, 3))
    molecule = Chem.AddHs(Chem.MolFromSmiles(ion.smiles))
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = 1
    rdDistGeom.EmbedMolecule(molecule, options)
    embedded = molecule.GetConformer().GetPositions()
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    if sorted(symbols) != sorted(elements):
        raise CompositionError(
            f"ion {ion.name}: its SMILES {ion.smiles!r} has the atoms {' '.join(symbols)}, its "
            f"parameters {' '.join(elements)}; mend data/ions.csv"
        )
    # Ions of several atoms are stars (sulfate): atoms of one element are alike, in any order.
    places = {element: [k for k, s in enumerate(symbols) if s == element] for element in symbols}
    return np.asarray(embedded[[places[element].pop(0) for element in elements]])


def _packed(
    kinds: list[_Kind], composition: Composition, *, edge_A: float, seed: int, say: Say
) -> MembraneBox:
    parameters = merge([(kind.parameters, kind.count) for kind in kinds])
    net_e = float(parameters.charges_e.sum())
    if abs(net_e) > NEUTRAL_E:
        raise CompositionError(
            f"{composition.system}: the box has a charge of {net_e:+.6f} e, wanted 0; the force "
            "field's charges do not add up to those of the units and ions"
        )
    molecules = [
        Rigid(elements=k.parameters.elements, positions_A=k.positions_A, count=k.count)
        for k in kinds
    ]
    sizes = [len(kind.roles) for kind in kinds for _ in range(kind.count)]
    for attempt in range(N_PACKINGS):
        positions, edge = pack(molecules, edge_A=edge_A, seed=N_PACKINGS * seed + attempt, say=say)
        box_A = np.full(3, edge)
        if not _speared(positions, kinds, parameters=parameters, box_A=box_A):
            return MembraneBox(
                positions_A=positions,
                box_A=box_A,
                parameters=parameters,
                molecule=np.repeat(np.arange(1, len(sizes) + 1), sizes),
                role=tuple(role for kind in kinds for role in kind.roles * kind.count),
                composition=composition,
            )
    raise CompositionError(
        f"{composition.system}: {N_PACKINGS} packings all had a bond through a ring across the "
        "box's faces; use another seed or a larger box"
    )


def _speared(
    positions_A: NDArray[np.float64],
    kinds: list[_Kind],
    *,
    parameters: Parameters,
    box_A: NDArray[np.float64],
) -> bool:
    # Chains come first and once each, so a ring's atoms shift by the chains before it.
    rings: list[tuple[int, ...]] = []
    n_before = 0
    for kind in kinds:
        rings += [tuple(n_before + atom for atom in ring) for ring in kind.rings]
        n_before += len(kind.roles) * kind.count
    bonds = parameters.bonds[:, 1:]
    return bool(bonds_through_rings(positions_A, bonds=bonds, rings=rings, box_A=box_A))
