"""The second engine: OpenMM, which enumerates and parametrises a chain by itself.

It is given elements, bonds, types, charges and coordinates. Everything else comes from gaff2.dat
and the residues' frcmod lines, read by ParmEd, as an OpenMM force field in XML.
"""

import json
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import openmm
from openmm import app, unit
from parmed.amber import AmberParameterSet

KCAL = 4.184
SCALE_14_COULOMB = 1 / 1.2
SCALE_14_LJ = 0.5
DATA = Path(__file__).resolve().parents[2] / "data"


def amber_parameters(units: Iterable[str]) -> AmberParameterSet:
    """Read gaff2.dat and the frcmod lines of all shipped residues with these SMILES."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ParmEd's, about syntax of its own
        files = [str(DATA / "gaff2" / "gaff2.dat")]
        for place, path in enumerate(sorted((DATA / "charges").glob("*.json"))):
            residue = json.loads(path.read_text())
            if residue["unit"] in set(units):
                frcmod = Path(folder) / f"{place}.frcmod"
                frcmod.write_text("\n".join(residue["frcmod"]) + "\n")
                files.append(str(frcmod))
        return AmberParameterSet(*files)


def force_field_xml(amber: AmberParameterSet, templates: ET.Element, used: set[str]) -> str:
    """Write what concerns the types in use; X becomes OpenMM's wildcard."""
    root = ET.Element("ForceField")
    kinds = ET.SubElement(root, "AtomTypes")
    nonbonded = ET.Element(
        "NonbondedForce",
        coulomb14scale=repr(SCALE_14_COULOMB),
        lj14scale=repr(SCALE_14_LJ),
    )
    ET.SubElement(nonbonded, "UseAttributeFromResidue", name="charge")
    for name in sorted(used):
        kind = amber.atom_types[name]
        element = app.Element.getByAtomicNumber(kind.atomic_number).symbol
        ET.SubElement(
            kinds,
            "Type",
            {"name": name, "class": name, "element": element, "mass": repr(float(kind.mass))},
        )
        sigma_nm = kind.rmin * 2 ** (5 / 6) / 10
        ET.SubElement(
            nonbonded,
            "Atom",
            {
                "type": name,
                "sigma": repr(float(sigma_nm)),
                "epsilon": repr(float(kind.epsilon * KCAL)),
            },
        )
    root.append(templates)
    _bonded(root, amber, used)
    root.append(nonbonded)
    return ET.tostring(root, encoding="unicode")


def _bonded(root: ET.Element, amber: AmberParameterSet, used: set[str]) -> None:
    known = used | {"X"}
    bonds = ET.SubElement(root, "HarmonicBondForce")
    for key, bond in amber.bond_types.items():
        if set(key) <= used and key == min(key, key[::-1]):
            k = 2 * bond.k * KCAL * 100
            ET.SubElement(bonds, "Bond", _classes(key, length=bond.req / 10, k=k))
    angles = ET.SubElement(root, "HarmonicAngleForce")
    for key, angle in amber.angle_types.items():
        if set(key) <= used and key == min(key, key[::-1]):
            radians = np.deg2rad(angle.theteq)
            ET.SubElement(angles, "Angle", _classes(key, angle=radians, k=2 * angle.k * KCAL))
    torsions = ET.SubElement(root, "PeriodicTorsionForce", ordering="amber")
    for key, series in amber.dihedral_types.items():
        if set(key) <= known and key == min(key, key[::-1]):
            numbers = {}
            for place, term in enumerate(series, 1):
                numbers |= _torsion(term, place)
            ET.SubElement(torsions, "Proper", _classes(key, **numbers))
    for key, term in amber.improper_periodic_types.items():
        first, second, centre, last = key
        if set(key) <= known:
            outer = sorted((first, second, last), key=lambda name: (name != "X", name))
            ET.SubElement(torsions, "Improper", _classes((centre, *outer), **_torsion(term, 1)))


def _torsion(term, place: int) -> dict[str, float]:
    return {
        f"periodicity{place}": int(abs(term.per)),
        f"phase{place}": float(np.deg2rad(term.phase)),
        f"k{place}": term.phi_k * KCAL,
    }


def _classes(key: Sequence[str], **numbers: float) -> dict[str, str]:
    classes = {f"class{place}": "" if name == "X" else name for place, name in enumerate(key, 1)}
    return classes | {name: f"{value:.17g}" for name, value in numbers.items()}


class SecondEngine:
    """OpenMM's system of one chain."""

    def __init__(
        self,
        *,
        elements: Sequence[str],
        bonds: Sequence[tuple[int, int]],
        types: Sequence[str],
        charges_e: Sequence[float],
        residue_of: Sequence[int],
        units: Iterable[str],
        planted: Mapping[str, str] | None = None,
    ) -> None:
        self.order = sorted(range(len(elements)), key=lambda atom: (residue_of[atom], atom))
        topology, templates = _topology(
            self.order, elements, bonds, types=types, charges_e=charges_e, residue_of=residue_of
        )
        xml = force_field_xml(amber_parameters(units), templates, set(types))
        for right, wrong in (planted or {}).items():
            assert right in xml, right
            xml = xml.replace(right, wrong)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chain.xml"
            path.write_text(xml)
            self.system = app.ForceField(str(path)).createSystem(
                topology,
                nonbondedMethod=app.NoCutoff,
                constraints=None,
                rigidWater=False,
                removeCMMotion=False,
            )
        self.bonded = {frozenset((a.index, b.index)) for a, b in topology.bonds()}

    def counts(self) -> dict[str, int]:
        """Count the terms of each kind that OpenMM found; torsions by Fourier term."""
        kinds = [self._is_proper(index) for index in range(self._torsions().getNumTorsions())]
        return {
            "bond": self._force(openmm.HarmonicBondForce).getNumBonds(),
            "angle": self._force(openmm.HarmonicAngleForce).getNumAngles(),
            "dihedral": sum(kinds),
            "improper": len(kinds) - sum(kinds),
        }

    def energies(self, positions_A: np.ndarray) -> dict[str, float]:
        """Return the energy of each kind of term, kcal/mol."""
        torsions = self._torsions()
        proper, improper = openmm.PeriodicTorsionForce(), openmm.PeriodicTorsionForce()
        for index in range(torsions.getNumTorsions()):
            kind = proper if self._is_proper(index) else improper
            kind.addTorsion(*torsions.getTorsionParameters(index))
        nonbonded = self._force(openmm.NonbondedForce)
        neutral = openmm.XmlSerializer.clone(nonbonded)
        for index in range(neutral.getNumParticles()):
            _, sigma, epsilon = neutral.getParticleParameters(index)
            neutral.setParticleParameters(index, 0.0, sigma, epsilon)
        for index in range(neutral.getNumExceptions()):
            first, second, _, sigma, epsilon = neutral.getExceptionParameters(index)
            neutral.setExceptionParameters(index, first, second, 0.0, sigma, epsilon)
        forces = {
            "bond": self._force(openmm.HarmonicBondForce),
            "angle": self._force(openmm.HarmonicAngleForce),
            "dihedral": proper,
            "improper": improper,
            "vdw": neutral,
            "nonbonded": nonbonded,
        }
        found = {name: self._energy(force, positions_A) for name, force in forces.items()}
        found["coulomb"] = found.pop("nonbonded") - found["vdw"]
        return found

    def _energy(self, force, positions_A: np.ndarray) -> float:
        system = openmm.System()
        for index in range(self.system.getNumParticles()):
            system.addParticle(self.system.getParticleMass(index))
        system.addForce(openmm.XmlSerializer.clone(force))
        platform = openmm.Platform.getPlatformByName("Reference")
        context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
        context.setPositions(positions_A[self.order] / 10)
        state = context.getState(getEnergy=True)
        return state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)

    def _is_proper(self, index: int) -> bool:
        a, b, c, d, *_ = self._torsions().getTorsionParameters(index)
        return all(frozenset(pair) in self.bonded for pair in ((a, b), (b, c), (c, d)))

    def _torsions(self) -> openmm.PeriodicTorsionForce:
        return self._force(openmm.PeriodicTorsionForce)

    def _force(self, kind):
        return next(force for force in self.system.getForces() if isinstance(force, kind))


def _topology(order, elements, bonds, *, types, charges_e, residue_of):
    """Return OpenMM's topology, residue by residue, and a template for each kind of residue."""
    topology = app.Topology()
    chain = topology.addChain()
    templates, known = ET.Element("Residues"), set()
    made, residues = {}, {}
    for atom in order:
        where = residue_of[atom]
        if where not in residues:
            residues[where] = topology.addResidue(f"R{where}", chain)
        name = f"A{sum(1 for _ in residues[where].atoms())}"
        element = app.Element.getBySymbol(elements[atom])
        made[atom] = topology.addAtom(name, element, residues[where])
    for first, second in bonds:
        topology.addBond(made[first], made[second])
    for where in residues:
        atoms = [atom for atom in order if residue_of[atom] == where]
        inner = [(a, b) for a, b in bonds if residue_of[a] == residue_of[b] == where]
        outer = [
            made[a if residue_of[a] == where else b].name
            for a, b in bonds
            if (residue_of[a] == where) != (residue_of[b] == where)
        ]
        rows = [
            ("Atom", {"name": made[a].name, "type": types[a], "charge": repr(float(charges_e[a]))})
            for a in atoms
        ]
        rows += [("Bond", {"atomName1": made[a].name, "atomName2": made[b].name}) for a, b in inner]
        rows += [("ExternalBond", {"atomName": name}) for name in outer]
        if repr(rows) not in known:
            known.add(repr(rows))
            template = ET.SubElement(templates, "Residue", name=f"R{where}")
            for tag, attributes in rows:
                ET.SubElement(template, tag, attributes)
    return topology, templates
