"""GAFF2 types, charges and estimated bonded terms of one molecule, by antechamber.

The programs are AmberTools' antechamber, sqm and parmchk2, which the ``acpype`` wheel carries.
sqm is serial and takes from seconds (24 atoms) to minutes (60 atoms).
"""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rdkit import Chem
from rdkit.Chem.rdDistGeom import EmbedMolecule
from rdkit.Chem.rdForceFieldHelpers import MMFFHasAllMoleculeParams, MMFFOptimizeMolecule

from iemhpc.errors import ChemistryError, ProgramError
from iemhpc.programs import run_program
from iemhpc.progress import Say, quiet

LIMIT_S = 3600.0
"""sqm needs about two minutes for 60 atoms, and grows with the third power of their number."""

EMBED_SEED = 20140715
"""AM1-BCC charges depend a little on the conformer, so it is always the same one."""

INSTALL = (
    "install it with: pip install 'iemhpc[md]' (the acpype wheel carries antechamber, sqm and "
    "parmchk2) and, on Debian or Ubuntu, apt install liblapack3 libblas3 libarpack2 libgfortran5"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What a charge method says of a molecule, atom by atom in the molecule's order."""

    types: tuple[str, ...]
    """GAFF2 atom types; empty where the charge method gives none."""
    charges_e: tuple[float, ...]
    """Partial charges as the program wrote them: their sum drifts by some 0.002 e."""
    frcmod: str
    """Terms that gaff2.dat lacks, estimated by parmchk2 with penalty scores; or empty."""
    programs: str
    """Names and versions of the programs."""


def am1bcc_charges(molecule: Chem.Mol, *, limit_s: float = LIMIT_S, say: Say = quiet) -> Charged:
    """Type and charge a molecule with antechamber, sqm and parmchk2 in a temporary folder.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        One closed-shell molecule with explicit hydrogens; coordinates are made if it has none.
    limit_s : float
        Seconds that each program may take.
    say : callable
        Told what is running.

    Returns
    -------
    Charged
        Types, charges and missing terms.

    Raises
    ------
    ProgramError
        Where a program is missing, fails or takes too long; the message says what to install.
    """
    amber_home()  # say what is missing before what runs
    say(f"sqm: {molecule.GetNumAtoms()} atoms, charge {Chem.GetFormalCharge(molecule):+d}")
    return _antechamber(molecule, method=("-c", "bcc"), limit_s=limit_s)


def gaff2_types(molecule: Chem.Mol, *, limit_s: float = LIMIT_S) -> Charged:
    """Type a molecule with antechamber and parmchk2, without quantum chemistry; no charges."""
    return replace(_antechamber(molecule, method=(), limit_s=limit_s), charges_e=())


def _antechamber(molecule: Chem.Mol, *, method: Sequence[str], limit_s: float) -> Charged:
    amber = amber_home()
    command = antechamber_command(Chem.GetFormalCharge(molecule), method=method)
    with tempfile.TemporaryDirectory(prefix="iemhpc-charges-") as name:
        folder = Path(name)
        (folder / "in.sdf").write_text(Chem.MolToMolBlock(embedded(molecule)), encoding="utf-8")
        log = _run(command, folder=folder, amber=amber, limit_s=limit_s)
        _run(PARMCHK2, folder=folder, amber=amber, limit_s=limit_s)
        types, charges_e = parse_mol2((folder / "out.mol2").read_text(encoding="utf-8"))
        frcmod = (folder / "out.frcmod").read_text(encoding="utf-8")
        sqm = folder / "sqm.out"
        programs = _versions(log, sqm.read_text(encoding="utf-8") if method else None)
    if len(types) != molecule.GetNumAtoms():
        raise ProgramError(
            f"antechamber answered with {len(types)} atoms for a molecule of "
            f"{molecule.GetNumAtoms()}; its explicit hydrogens may be missing"
        )
    return Charged(types=types, charges_e=charges_e, frcmod=frcmod, programs=programs)


def antechamber_command(charge: int, method: Sequence[str] = ("-c", "bcc")) -> list[str]:
    """Return the command that types ``in.sdf`` and, with a method, charges it.

    The net charge is always said: antechamber does not read it from every format, and its ``gas``
    method loses it silently.

    Examples
    --------
    >>> " ".join(antechamber_command(-1)[-6:])
    '-nc -1 -pf n -dr n'
    """
    files = ["-i", "in.sdf", "-fi", "sdf", "-o", "out.mol2", "-fo", "mol2"]
    wanted = ["-at", "gaff2", *method, "-nc", str(charge)]
    return ["antechamber", *files, *wanted, "-pf", "n", "-dr", "n"]


PARMCHK2 = ["parmchk2", "-i", "out.mol2", "-f", "mol2", "-o", "out.frcmod", "-s", "2"]
"""The command that estimates what gaff2.dat (``-s 2``) lacks."""


def parse_mol2(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    r"""Return types and charges of the atoms of a mol2 file.

    Examples
    --------
    >>> parse_mol2("@<TRIPOS>ATOM\n 1 O1 0. 0. 0. oh 1 MOL -0.6\n@<TRIPOS>BOND\n")
    (('oh',), (-0.6,))
    """
    _, _, rest = text.partition("@<TRIPOS>ATOM\n")
    rows = [line.split() for line in rest.partition("@<TRIPOS>")[0].splitlines() if line.strip()]
    if not rows or any(len(row) < 9 for row in rows):
        raise ProgramError("antechamber wrote a mol2 file without types and charges of its atoms")
    return tuple(row[5] for row in rows), tuple(float(row[8]) for row in rows)


def embedded(molecule: Chem.Mol) -> Chem.Mol:
    """Return the molecule with coordinates: its own, or one reproducible conformer."""
    if molecule.GetNumConformers():
        return molecule
    copy = Chem.Mol(molecule)
    Chem.GetSymmSSSR(copy)  # a linked chain does not know its rings
    if EmbedMolecule(copy, randomSeed=EMBED_SEED) != 0:
        smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
        raise ChemistryError(f"RDKit finds no coordinates for {smiles}; is it possible in space?")
    if MMFFHasAllMoleculeParams(copy):
        MMFFOptimizeMolecule(copy, maxIters=2000)
    return copy


def amber_home() -> Path:
    """Return the folder of the Amber programs: acpype's, else ``AMBERHOME``, else by the path.

    Raises
    ------
    ProgramError
        Where there is none.
    """
    spec = importlib.util.find_spec("acpype")
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    system = "amber_macos" if sys.platform == "darwin" else "amber_linux"
    homes = [Path(place) / system for place in places]
    if "AMBERHOME" in os.environ:
        homes.append(Path(os.environ["AMBERHOME"]))
    if found := shutil.which("antechamber"):
        homes.append(Path(found).resolve().parent.parent)
    for home in homes:
        if (home / "bin" / "antechamber").exists():
            return home
    raise ProgramError(f"antechamber is not on this machine; {INSTALL}")


def cache_root() -> Path:
    """Return the user's cache: ``$IEMHPC_CACHE`` or ``~/.cache/iemhpc``."""
    root = os.environ.get("IEMHPC_CACHE")
    return Path(root) if root else Path.home() / ".cache" / "iemhpc"


def _environment(amber: Path) -> Mapping[str, str]:
    libraries = [str(amber / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return {
        "AMBERHOME": str(amber),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "PATH": os.pathsep.join([str(amber / "bin"), os.environ.get("PATH", "")]),
        "OMP_NUM_THREADS": "1",
    }


def _run(command: Sequence[str], *, folder: Path, amber: Path, limit_s: float) -> str:
    """Run one program to its end and return what it said; it fails if its output is not there."""
    program = command[0]
    ended = run_program(
        [str(amber / "bin" / program), *command[1:]],
        limit_s=limit_s,
        folder=folder,
        environment=_environment(amber),
    )
    if ended.code is None:
        raise ProgramError(
            f"{program} did not end within {limit_s:g} s; charge a smaller one or allow more"
        )
    output = folder / command[command.index("-o") + 1]
    if ended.code != 0 or not output.exists() or output.stat().st_size == 0:
        raise ProgramError(_failure(program, ended.text, folder=folder, code=ended.code))
    return ended.text


def _failure(program: str, log: str, *, folder: Path, code: int) -> str:
    library = re.search(r"loading shared libraries: (\S+?):", log)
    if library:
        return f"{program} needs the system library {library.group(1)}; {INSTALL}"
    sqm = folder / "sqm.out"
    said = log + (sqm.read_text(errors="replace") if sqm.exists() else "")
    tail = " / ".join(line.strip() for line in said.splitlines()[-8:] if line.strip())
    return (
        f"{program} failed with exit code {code}; its last words: {tail or 'none'}; "
        "check that the molecule's charge and hydrogens are right"
    )


def _versions(log: str, sqm_log: str | None) -> str:
    found = [("antechamber", re.search(r"antechamber (\d[\w.]*)", log))]
    if sqm_log is not None:
        found.append(("sqm", re.search(r"SQM VERSION\s+(\S+)", sqm_log)))
    return ", ".join(
        f"{name} {match.group(1) if match else 'of unknown version'}" for name, match in found
    )
