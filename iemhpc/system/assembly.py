"""A composition becomes a box of atoms: chains grown, everything packed, parameters united."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from iemhpc.errors import CompositionError
from iemhpc.forcefield import FORCE_FIELDS, charges_for
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.parameters import Parameters, scaled
from iemhpc.polymer.chain import link
from iemhpc.polymer.materials import Ion, Membrane, System
from iemhpc.polymer.network import NetworkShape, link_network, units_of_parts
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.polymer.sites import tethered_masks
from iemhpc.progress import Say, quiet
from iemhpc.system.beads import BeadNetwork, lay_network
from iemhpc.system.composition import Composition
from iemhpc.system.growth import grow_chains, n_speared
from iemhpc.system.merging import merge
from iemhpc.system.network import place_network
from iemhpc.system.packing import Rigid, pack

PACKING_DENSITY = 0.7
"""Of the estimated density at equilibrium: easily filled, and compressed by NPT."""

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
    """A packed periodic box, ready to be written for an engine.

    Molecules are whole, but for a network: that has no beginning and no end, and its bonds may
    cross the faces of the box.
    """

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
    network: NetworkShape | None = None
    """How well a network is connected; None for linear chains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solute:
    """One kind of molecule that is placed around the polymer."""

    parameters: Parameters
    positions_A: NDArray[np.float64]
    count: int
    roles: tuple[str, ...]


class Parametrise(Protocol):
    """A force field's function: a polymer molecule and its charges in, parameters out."""

    def __call__(self, chain: Chem.Mol, charges: str, *, say: Say = quiet) -> Parameters:
        """Return the parameters of a chain or a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Polymer:
    """The molecules of a polymer before they have coordinates."""

    molecules: list[Chem.Mol]
    """One a chain, or one for a whole network."""
    kinds: list[Hashable]
    """Molecules of the same kind have the same parameters."""
    units: tuple[RepeatUnit, ...]
    """The kinds of units that they are made of."""
    laid: BeadNetwork | None
    """Of a network: where its units are."""

    @property
    def molecule(self) -> NDArray[np.int64]:
        """Molecule of each atom, from 1: chains, or the parts of a network."""
        if self.laid is None:
            sizes = [chain.GetNumAtoms() for chain in self.molecules]
            return np.repeat(np.arange(1, len(sizes) + 1), sizes)
        part = np.array(units_of_parts(self.laid.network))
        unit = [atom.GetIntProp("unit_index") for atom in self.molecules[0].GetAtoms()]
        return np.asarray(1 + part[unit], dtype=np.int64)


def build_box(  # noqa: PLR0913  # each is one choice that a person may make
    *,
    system: System,
    composition: Composition,
    force_field: str = "gaff2",
    charges: str | None = None,
    water_model: str = "tip3p",
    ion_set: str | None = None,
    tacticity: str = "atactic",
    charge_scale: float = 1.0,
    seed: int = 1,
    say: Say = quiet,
) -> MembraneBox:
    """Build the polymer, parametrise and pack every molecule of a composition.

    Parameters
    ----------
    system : System
        Membrane and salt; where the membrane has a cross-linker, the polymer is a network.
    composition : Composition
        From :func:`iemhpc.system.composition.compose`, for the same system.
    force_field, water_model : str
        Names of the registries.
    charges : str, optional
        A charge method or a file of the user's own charges; by default the force field's.
    ion_set : str, optional
        By default the water model's own.
    tacticity : str
        One of :data:`iemhpc.system.tacticity.TACTICITIES`.
    charge_scale : float
        Factor on the charges of ions and charged units, which keeps the box neutral.
    seed : int
        Of sequences, coils, cross-links and packing: replicas differ by it.
    say : callable
        Hears of each step.

    Raises
    ------
    CompositionError
        Where the composition is another system's, the box is not neutral, or no network is found.
    """
    _check_system(system, composition)
    taken = charges_for(force_field, charges)
    polymer = _polymer(system.membrane, composition, seed=seed, say=say)
    chains = _parametrised(polymer, _function(force_field), charges=taken, say=say)
    solutes = _solutes(system, composition, water_model, ion_set=ion_set)
    merged = merge([*((one, 1) for one in chains), *((s.parameters, s.count) for s in solutes)])
    _check_neutral(merged, system.name)
    positions_A, edge_A = _placed(
        polymer, solutes, target_A=composition.box_A, tacticity=tacticity, seed=seed, say=say
    )
    return MembraneBox(
        positions_A=positions_A,
        box_A=np.full(3, edge_A),
        parameters=scaled(merged, charge_scale),
        molecule=_molecules(polymer, solutes),
        role=_roles(polymer, solutes),
        composition=composition,
        network=None if polymer.laid is None else polymer.laid.shape,
    )


def _check_system(system: System, composition: Composition) -> None:
    if composition.system != system.name:
        raise CompositionError(
            f"the composition is of {composition.system}, the system is {system.name}; compose it "
            "for this system"
        )


def _molecules(polymer: _Polymer, solutes: Sequence[_Solute]) -> NDArray[np.int64]:
    """Return the molecule of each atom of a box, from 1."""
    of_polymer = polymer.molecule
    sizes = [len(each.roles) for each in solutes for _ in range(each.count)]
    others = np.repeat(np.arange(1, len(sizes) + 1), sizes) + of_polymer.max()
    return np.concatenate([of_polymer, others])


def _roles(polymer: _Polymer, solutes: Sequence[_Solute]) -> tuple[str, ...]:
    n_atoms = sum(molecule.GetNumAtoms() for molecule in polymer.molecules)
    others = (role for each in solutes for role in each.roles * each.count)
    return ("polymer",) * n_atoms + tuple(others)


def _polymer(membrane: Membrane, composition: Composition, *, seed: int, say: Say) -> _Polymer:
    """Return the chains of a composition, or the network that cross-linkers make of them."""
    sequences = [
        chain_sequence(membrane.polymer, composition.units_per_chain, chain_seed(seed, index))
        for index in range(composition.n_chains)
    ]
    units = membrane.polymer.units
    if membrane.topology == "linear":
        chains = [link(sequence) for sequence in sequences]
        return _Polymer(molecules=chains, kinds=list(sequences), units=units, laid=None)
    edge_A = _edge_A(composition.box_A, attempt=0)
    laid = lay_network(sequences, edge_A=edge_A, seed=seed, name=membrane.name)
    for line in laid.shape.lines():
        say(line)
    network = link_network(laid.network)
    return _Polymer(molecules=[network], kinds=[None], units=units, laid=laid)


def _function(force_field: str) -> Parametrise:
    module, _, name = FORCE_FIELDS[force_field].partition(":")
    function: Parametrise = getattr(import_module(module), name)
    return function


def _parametrised(
    polymer: _Polymer, parametrise: Parametrise, *, charges: str, say: Say
) -> list[Parameters]:
    """Return the parameters of each molecule; equal ones are parametrised once."""
    known: dict[Hashable, Parameters] = {}
    say(f"parameters of {_described(polymer)}")
    for kind, molecule in zip(polymer.kinds, polymer.molecules, strict=True):
        if kind not in known:
            masks = tethered_masks(molecule, polymer.units)
            known[kind] = replace(
                parametrise(molecule, charges, say=say),
                # a force field knows nothing of the sites that a user gave
                is_tethered_paper=masks["paper"],
                is_tethered_center=masks["center"],
            )
    return [known[kind] for kind in polymer.kinds]


def _described(polymer: _Polymer) -> str:
    sizes = sorted({molecule.GetNumAtoms() for molecule in polymer.molecules})
    atoms = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    if polymer.laid is not None:
        return f"a network of {atoms} atoms"
    n_chains = len(polymer.molecules)
    return f"{n_chains} chain{'' if n_chains == 1 else 's'} of {atoms} atoms"


def chain_seed(seed: int, index: int) -> int:
    """Return the seed of one chain of a box, so that its chains differ.

    Examples
    --------
    >>> chain_seed(7, 0), chain_seed(7, 1)
    (7000, 7001)
    """
    return 1000 * seed + index


def _solutes(
    system: System,
    composition: Composition,
    water_model: str,
    *,
    ion_set: str | None,
) -> list[_Solute]:
    """Return ions and water, those that the box holds any of."""
    ions = (
        ("counterion", system.counterion, composition.n_counterions),
        ("coion", system.coion, composition.n_coions),
    )
    solutes = []
    for role, ion, count in ions:
        # what an ion set warns of was told when the run was planned, once for all boxes
        parameters = ion_parameters(ion.name, water_model, ion_set)
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
    polymer: _Polymer,
    solutes: Sequence[_Solute],
    *,
    target_A: float,
    tacticity: str,
    seed: int,
    say: Say,
) -> tuple[NDArray[np.float64], float]:
    """Return all positions and the edge of a box where everything fits."""
    elements = tuple(atom.GetSymbol() for each in polymer.molecules for atom in each.GetAtoms())
    rigid = [
        Rigid(elements=each.parameters.elements, positions_A=each.positions_A, count=each.count)
        for each in solutes
    ]
    for attempt in range(N_ATTEMPTS):
        edge_A = _edge_A(target_A, attempt=attempt)
        own_seed = N_ATTEMPTS * seed + attempt
        coils = _coils(polymer, edge_A=edge_A, tacticity=tacticity, seed=own_seed, say=say)
        if n_speared(polymer.molecules, coils, edge_A=edge_A):
            say("a bond passes through a ring: growing again")
            continue
        say(f"packing ions and water into {edge_A:.1f} Å")
        fixed = Rigid(elements=elements, positions_A=coils, count=0)
        packed = pack(fixed, rigid, edge_A=edge_A, seed=own_seed)
        if packed is not None:
            return np.concatenate([coils, packed]), edge_A
        say(f"no room at {_density(attempt):.2f} of the target density")
    raise CompositionError(
        f"ions and water find no room in {N_ATTEMPTS} boxes, the last of {edge_A:.1f} Å at "
        f"{_density(attempt):.2f} of the target density; use another seed or shorter chains"
    )


def _coils(
    polymer: _Polymer, *, edge_A: float, tacticity: str, seed: int, say: Say
) -> NDArray[np.float64]:
    if polymer.laid is None:
        return np.concatenate(
            grow_chains(polymer.molecules, edge_A=edge_A, tacticity=tacticity, seed=seed, say=say)
        )
    (molecule,) = polymer.molecules
    return place_network(
        molecule, polymer.laid, edge_A=edge_A, tacticity=tacticity, seed=seed, say=say
    )


def _density(attempt: int) -> float:
    """Return the share of the target density that an attempt packs at."""
    return PACKING_DENSITY * THINNER**attempt


def _edge_A(target_A: float, *, attempt: int) -> float:
    return float(target_A / np.cbrt(_density(attempt)))
