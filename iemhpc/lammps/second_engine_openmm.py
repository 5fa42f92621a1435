"""OpenMM's energy of a structure, whose terms OpenMM finds by itself.

OpenMM is told which atoms are bonded and of what type each one is; angles, torsions, planar
centres, exclusions and 1-4 pairs it enumerates, and finds their values in a force field that is
written for it from published tables. Every atom is a residue of its own, so that there is no
template to match: cost is linear in atoms, in chains and networks alike.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import ProgramError
from iemhpc.lammps.second_engine_tables import FieldTables, LennardJones, Torsion
from iemhpc.units import A_PER_NM, KJ_PER_KCAL

try:
    import openmm
    from openmm import app, unit
except ImportError:  # the extra "check" is not installed; need_openmm says so
    openmm = app = unit = None

PME_TOLERANCE = 1e-6


def need_openmm() -> None:
    """Raise ProgramError where OpenMM is missing."""
    if openmm is None:
        raise ProgramError(
            "OpenMM is needed to compute energies a second time; get it: "
            "pip install 'iemhpc[check]'"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What the second engine is told: atoms, bonds, types and places, and nothing of terms."""

    elements: Sequence[str]
    """Chemical symbols, one an atom."""
    fields: Sequence[str]
    """Name of the tables that an atom's type belongs to, one an atom."""
    types: Sequence[str]
    """Force-field types, one an atom."""
    charges_e: NDArray[np.float64]
    """Shape (n,); a field that says charges itself replaces them."""
    bonds: NDArray[np.int64]
    """Pairs of atoms from 0, shape (n_bonds, 2)."""
    impropers: NDArray[np.int64]
    """Planar quadruples, centre third, shape (n_impropers, 4): only where the field leaves the
    order of the outer atoms open is their order taken from here, and never their number."""
    positions_A: NDArray[np.float64]
    """Shape (n, 3)."""
    box_A: NDArray[np.float64] | None
    """Edges, shape (3,), or None in vacuum."""


class SecondEngine:
    """OpenMM's system of a structure.

    Parameters
    ----------
    structure : Structure
        Atoms, bonds, types.
    tables : sequence of FieldTables
        The fields in it; the first, the polymer's, says the 1-4 scaling and the mixing rule.
        Pairs within the field ``aqueous`` keep the rule of their own.
    cutoff_A : float
        Of Lennard-Jones and real-space Coulomb in a box.
    charge_scale : float
        Factor of the ions' charges that the tables say.
    """

    def __init__(
        self,
        structure: Structure,
        tables: Sequence[FieldTables],
        *,
        cutoff_A: float = 10.0,
        charge_scale: float = 1.0,
    ) -> None:
        need_openmm()
        self.structure = structure
        self.tables = {table.name: table for table in tables}
        self.own = tables[0]
        self.cutoff_nm = cutoff_A / A_PER_NM
        self.charges_e = self._charges(charge_scale)
        self.system, self.topology = self._system()
        self.proper, self.improper = self._torsions()

    def counts(self) -> dict[str, int]:
        """Count the terms of each kind that OpenMM found and that are not zero."""
        return {
            "bond": self._force("HarmonicBondForce").getNumBonds(),
            "angle": self._force("HarmonicAngleForce").getNumAngles(),
            "dihedral": self.proper.getNumTorsions(),
            "improper": self.improper.getNumTorsions(),
        }

    def energies(self) -> dict[str, float]:
        """Return the energy of each kind of term, kcal/mol."""
        return {
            "bond": self._energy(self._force("HarmonicBondForce")),
            "angle": self._energy(self._force("HarmonicAngleForce")),
            "dihedral": self._energy(self.proper),
            "improper": self._energy(self.improper),
            "vdw": self._energy(*self._lennard_jones()),
            "coulomb": self._energy(self._coulomb()),
        }

    def _charges(self, charge_scale: float) -> list[float]:
        """Return one charge an atom; water's are its model's, whatever the scale of the ions."""
        charges = []
        for place, (name, kind) in enumerate(
            zip(self.structure.fields, self.structure.types, strict=True)
        ):
            said = self.tables[name].charges_e.get(kind)
            scale = 1.0 if kind in {"O", "H"} else charge_scale
            charges.append(float(self.structure.charges_e[place]) if said is None else said * scale)
        return charges

    def _system(self) -> tuple[Any, Any]:
        names = [
            f"{field}:{kind}"
            for field, kind in zip(self.structure.fields, self.structure.types, strict=True)
        ]
        n_bonds = np.bincount(self.structure.bonds.ravel(), minlength=len(names)).tolist()
        keys = [(name, str(count)) for name, count in zip(names, n_bonds, strict=True)]
        topology, atoms = app.Topology(), []
        chain = topology.addChain()
        for place, symbol in enumerate(self.structure.elements):
            residue = topology.addResidue(f"R{place}", chain)
            atoms.append(topology.addAtom("A", app.Element.getBySymbol(symbol), residue))
        for first, second in self.structure.bonds.tolist():
            topology.addBond(atoms[first], atoms[second])
        xml = force_field_xml(
            list(self.tables.values()), dict(zip(keys, self.structure.elements, strict=True))
        )
        with tempfile.TemporaryDirectory(prefix="iemhpc-energy-") as folder:
            path = Path(folder) / "field.xml"
            path.write_text(xml, encoding="utf-8")
            field = app.ForceField(str(path))
        system = field.createSystem(
            topology,
            nonbondedMethod=app.NoCutoff,
            constraints=None,
            rigidWater=False,
            removeCMMotion=False,
            residueTemplates={
                residue: " ".join(key)
                for residue, key in zip(topology.residues(), keys, strict=True)
            },
        )
        return system, topology

    def _force(self, name: str) -> Any:
        kind = getattr(openmm, name)
        found = [force for force in self.system.getForces() if isinstance(force, kind)]
        return found[0] if found else kind()

    def _torsions(self) -> tuple[Any, Any]:
        """Part propers from impropers; an improper's open order is that of the structure."""
        bonded = {frozenset(pair) for pair in self.structure.bonds.tolist()}
        stored = {(row[2], frozenset(row)): tuple(row) for row in self.structure.impropers.tolist()}
        proper, improper = openmm.PeriodicTorsionForce(), openmm.PeriodicTorsionForce()
        torsions = self._force("PeriodicTorsionForce")
        for index in range(torsions.getNumTorsions()):
            *atoms, periodicity, phase, k = torsions.getTorsionParameters(index)
            if all(frozenset(pair) in bonded for pair in pairwise(atoms)):
                proper.addTorsion(*atoms, periodicity, phase, k)
            else:
                row = self._ordered(tuple(atoms), bonded, stored)
                improper.addTorsion(*row, periodicity, phase, k)
        return proper, improper

    def _ordered(
        self,
        atoms: tuple[int, ...],
        bonded: set[frozenset[int]],
        stored: Mapping[tuple[int, frozenset[int]], tuple[int, ...]],
    ) -> tuple[int, ...]:
        (centre,) = (
            one
            for one in atoms
            if all(frozenset((one, other)) in bonded for other in atoms if other != one)
        )
        row = stored.get((centre, frozenset(atoms)))
        if row is None:
            return atoms
        outer = [self.structure.types[atom] for atom in row if atom != centre]
        if self.own.is_improper_sorted and outer != sorted(outer):
            return atoms
        return row

    def _lennard_jones(self) -> tuple[Any, Any]:
        """Return the force of all pairs but 1-2, 1-3 and 1-4, and that of 1-4 pairs."""
        kinds = list(zip(self.structure.fields, self.structure.types, strict=True))
        place_of = {kind: place for place, kind in enumerate(sorted(set(kinds)))}
        mixed = self._mixed(list(place_of))
        rows = [place_of[kind] for kind in kinds]
        pairs = openmm.CustomNonbondedForce(
            "4*epsilon(kind1,kind2)*(q^2-q); q=(sigma(kind1,kind2)/r)^6"
        )
        pairs.addPerParticleParameter("kind")
        for name, values in (
            ("epsilon", [[pair.epsilon_kcal_mol * KJ_PER_KCAL for pair in row] for row in mixed]),
            ("sigma", [[pair.sigma_A / A_PER_NM for pair in row] for row in mixed]),
        ):
            flat = np.array(values).ravel(order="F").tolist()
            pairs.addTabulatedFunction(
                name, openmm.Discrete2DFunction(len(place_of), len(place_of), flat)
            )
        for row in rows:
            pairs.addParticle([row])
        if self.structure.box_A is not None:
            pairs.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
            pairs.setCutoffDistance(self.cutoff_nm)
            pairs.setUseLongRangeCorrection(False)
        near = openmm.CustomBondForce("4*epsilon*(q^2-q); q=(sigma/r)^6")
        near.addPerBondParameter("epsilon")
        near.addPerBondParameter("sigma")
        for first, second, scale in self._exceptions():
            pairs.addExclusion(first, second)
            if scale:
                pair = mixed[rows[first]][rows[second]]
                epsilon_kJ_mol = pair.epsilon_kcal_mol * KJ_PER_KCAL * self.own.scale_14_lj
                near.addBond(first, second, [epsilon_kJ_mol, pair.sigma_A / A_PER_NM])
        return pairs, near

    def _mixed(self, kinds: Sequence[tuple[str, str]]) -> list[list[LennardJones]]:
        return [[self._pair(first, second) for second in kinds] for first in kinds]

    def _pair(self, first: tuple[str, str], second: tuple[str, str]) -> LennardJones:
        """Mix two kinds of atoms: the field's rule, water's and ions' own among themselves."""
        (field, one), (other_field, other) = first, second
        a, b = self.tables[field].atoms[one], self.tables[other_field].atoms[other]
        if field == other_field:
            known = self.tables[field].pairs.get((min(one, other), max(one, other)))
            if known is not None:
                return known
        rule = "arithmetic"
        if one in self.tables[field].geometric or other in self.tables[other_field].geometric:
            rule = "geometric"
        if self.own.name in {field, other_field}:
            rule = self.own.mixing
        arithmetic, geometric = (a.sigma_A + b.sigma_A) / 2, math.sqrt(a.sigma_A * b.sigma_A)
        return LennardJones(
            epsilon_kcal_mol=math.sqrt(a.epsilon_kcal_mol * b.epsilon_kcal_mol),
            sigma_A=arithmetic if rule == "arithmetic" else geometric,
        )

    def _exceptions(self) -> list[tuple[int, int, bool]]:
        """Return OpenMM's own list of 1-2, 1-3 and 1-4 pairs; True for 1-4."""
        force = openmm.NonbondedForce()
        for _ in self.structure.elements:
            force.addParticle(1.0, 0.1, 0.0)
        force.createExceptionsFromBonds(self.structure.bonds.tolist(), 1.0, 1.0)
        found = []
        for index in range(force.getNumExceptions()):
            first, second, product, _, _ = force.getExceptionParameters(index)
            found.append((first, second, product.value_in_unit(product.unit) > 0.5))
        return found

    def _coulomb(self) -> Any:
        force = openmm.NonbondedForce()
        for charge_e in self.charges_e:
            force.addParticle(charge_e, 0.1, 0.0)
        force.createExceptionsFromBonds(
            self.structure.bonds.tolist(), self.own.scale_14_coulomb, 1.0
        )
        if self.structure.box_A is not None:
            force.setNonbondedMethod(openmm.NonbondedForce.PME)
            force.setCutoffDistance(self.cutoff_nm)
            force.setEwaldErrorTolerance(PME_TOLERANCE)
            force.setUseDispersionCorrection(False)
            force.setExceptionsUsePeriodicBoundaryConditions(True)
        return force

    def _energy(self, *forces: Any) -> float:
        """Return the energy of forces alone, in double precision."""
        system = openmm.System()
        for _ in self.structure.elements:
            system.addParticle(1.0)
        if self.structure.box_A is not None:
            edges_nm = (np.diag(self.structure.box_A) / A_PER_NM).tolist()
            system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*row) for row in edges_nm))
        for force in forces:
            own = openmm.XmlSerializer.clone(force)
            if self.structure.box_A is not None and hasattr(
                own, "setUsesPeriodicBoundaryConditions"
            ):
                own.setUsesPeriodicBoundaryConditions(True)
            system.addForce(own)
        platform = openmm.Platform.getPlatformByName("Reference")
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
        context.setPositions(np.asarray(self.structure.positions_A) / A_PER_NM)
        state = context.getState(getEnergy=True)
        return float(state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole))


def force_field_xml(
    tables: Sequence[FieldTables], element_of: Mapping[tuple[str, str], str]
) -> str:
    """Write tables as OpenMM's force field.

    Parameters
    ----------
    tables : sequence of FieldTables
        Their types and classes are named ``field:type`` and ``field:class``.
    element_of : mapping
        Full name of a type and how many bonds an atom of it has -> its element: one template each.
    """
    root = ET.Element("ForceField")
    kinds = ET.SubElement(root, "AtomTypes")
    residues = ET.SubElement(root, "Residues")
    bonds = ET.SubElement(root, "HarmonicBondForce")
    angles = ET.SubElement(root, "HarmonicAngleForce")
    torsions = ET.SubElement(root, "PeriodicTorsionForce", ordering="amber")
    symbols = {name: symbol for (name, _), symbol in element_of.items()}
    for name, n_bonds in element_of:
        residue = ET.SubElement(residues, "Residue", name=f"{name} {n_bonds}")
        ET.SubElement(residue, "Atom", name="A", type=name)
        for _ in range(int(n_bonds)):
            ET.SubElement(residue, "ExternalBond", atomName="A")
    for table in tables:
        for kind, group in table.classes.items():
            name = f"{table.name}:{kind}"
            if name in symbols:
                own = {"name": name, "class": f"{table.name}:{group}"}
                ET.SubElement(kinds, "Type", own | {"element": symbols[name], "mass": "1"})
        for key, (k, r0_A) in table.bonds.items():
            values = {"length": r0_A / A_PER_NM, "k": 2 * A_PER_NM**2 * k * KJ_PER_KCAL}
            ET.SubElement(bonds, "Bond", _classes(table, key, **values))
        for key, (k, degrees) in table.angles.items():
            values = {"angle": math.radians(degrees), "k": 2 * k * KJ_PER_KCAL}
            ET.SubElement(angles, "Angle", _classes(table, key, **values))
        for key, series in table.propers.items():
            ET.SubElement(torsions, "Proper", _classes(table, key, **_series(series)))
        for key, term in table.impropers.items():
            ET.SubElement(torsions, "Improper", _classes(table, key, **_series([term])))
    return ET.tostring(root, encoding="unicode")


def _series(series: Sequence[Torsion]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for place, (k, periodicity, degrees) in enumerate(series, 1):
        numbers[f"periodicity{place}"] = periodicity
        numbers[f"phase{place}"] = math.radians(degrees)
        numbers[f"k{place}"] = k * KJ_PER_KCAL
    return numbers


def _classes(table: FieldTables, key: Sequence[str], **numbers: float) -> dict[str, str]:
    classes = {
        f"class{place}": f"{table.name}:{name}" if name else "" for place, name in enumerate(key, 1)
    }
    return classes | {name: f"{value:.17g}" for name, value in numbers.items()}
