"""Gaussian: the job that gives a molecule's electrostatic potential, and its log.

The study's charges came from Gaussian. We write the input, the user runs it where Gaussian is
licensed, and we read centres, points and potential from the log and fit RESP ourselves. The log
holds the potential only with ``iop(6/33=2)``; ``6/42=6`` asks for six points per Å².
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import InputError, MissingInputError
from iemhpc.forcefield.charges import LIMIT_S, Charged, cache_root, embedded
from iemhpc.forcefield.esp import Esp
from iemhpc.forcefield.resp import charged_by_resp
from iemhpc.progress import Say, quiet
from iemhpc.workspace import content_hash, file_hash, write_text

ROUTE = "HF/6-31G* SCF=Tight pop=mk iop(6/33=2,6/42=6)"
"""What the job must say; ``Opt`` before it relaxes the geometry first."""

LONGEST_BOND = 1.3
"""Atoms farther apart than this many sums of covalent radii are not bonded."""

POTENTIAL_HEADER = "Electrostatic Properties (Atomic Units)"
CENTRES_HEADER = re.compile(r"Electrostatic Properties Using The .* Density")
_CENTRE = re.compile(r"^\s*(Atomic|ESP Fit) Center\s*(?:\d+|\*+)\s*is at(.*)$")
_POTENTIAL = re.compile(r"^\s*(?:\d+|\*+)\s*(Atom|Fit)\s+(\S+)")
_CHARGE = re.compile(r"^\s*Charge\s*=\s*(-?\d+)\s+Multiplicity\s*=\s*(\d+)", re.MULTILINE)
_FITTED = re.compile(r"(?:Charges from ESP fit|ESP charges:)")


def gaussian_input(
    molecule: Chem.Mol,
    *,
    title: str,
    optimise: bool = True,
    memory: str = "4GB",
    n_processors: int = 4,
) -> str:
    """Return the input file of the job for a molecule; coordinates are made if it has none.

    Examples
    --------
    >>> water = Chem.AddHs(Chem.MolFromSmiles("O"))
    >>> print(gaussian_input(water, title="water").partition("water")[0].strip())
    %mem=4GB
    %nprocshared=4
    #P HF/6-31G* SCF=Tight pop=mk iop(6/33=2,6/42=6) Opt
    """
    molecule = embedded(molecule)
    atoms = [
        f"{atom.GetSymbol():<2} {x:14.8f} {y:14.8f} {z:14.8f}"
        for atom, (x, y, z) in zip(
            molecule.GetAtoms(), molecule.GetConformer().GetPositions(), strict=True
        )
    ]
    head = [f"%mem={memory}", f"%nprocshared={n_processors}"]
    route = f"#P {ROUTE}{' Opt' if optimise else ''}"
    charge = f"{Chem.GetFormalCharge(molecule)} 1"
    # Gaussian wants an empty line after the route, the title and the atoms.
    return "\n".join([*head, route, "", title, "", charge, *atoms, "", ""])


def parse_gaussian_log(text: str, *, name: str) -> Esp:
    """Return the last potential of a log, that of the final geometry.

    Parameters
    ----------
    text : str
        The log.
    name : str
        What errors call it.

    Raises
    ------
    InputError
        Where it is no log, did not end well, holds no potential, or is cut short.
    """
    if "Gaussian" not in text:
        raise InputError(f"{name} is not the log of a Gaussian job; give the .log or .out file")
    last_words = "\n".join(text.rstrip().splitlines()[-5:])
    if "Normal termination of Gaussian" not in last_words:
        said = ("Error termination" in text and "ended with an error") or "is not finished"
        raise InputError(
            f"{name}: the job {said}: its last line is {last_words.splitlines()[-1].strip()!r}, "
            "not 'Normal termination of Gaussian'; run it again or wait for it"
        )
    headers = list(CENTRES_HEADER.finditer(text))
    part = text[headers[-1].start() :] if headers else ""
    positions_A, points_A = _centres(part, name=name)
    if len(points_A) == 0:
        raise InputError(
            f"{name} lists no points of the potential; add to the route: pop=mk "
            "iop(6/33=2,6/42=6), and run the job again"
        )
    potential = _potentials(part, name=name)
    if len(potential) == 0:
        raise InputError(
            f"{name} lists {len(points_A)} points but no potential at them, as Gaussian 09 "
            "revision B.01 does with pop=mk iop(6/33=2); run it with another revision"
        )
    if len(potential) != len(points_A):
        raise InputError(
            f"{name}: {len(potential)} potentials at {len(points_A)} points; the log is cut short "
            "or edited, so copy it again"
        )
    return Esp(
        numbers=_numbers(text, n_atoms=len(positions_A), name=name),
        positions_A=positions_A,
        points_A=points_A,
        potential_hartree_e=potential,
        source=_program(text),
    )


def read_gaussian_log(path: Path, molecule: Chem.Mol) -> Esp:
    """Read the potential of a molecule from a log, after checking that it is of this molecule."""
    text = path.read_text(encoding="utf-8", errors="replace")
    esp = parse_gaussian_log(text, name=str(path))
    charge = Chem.GetFormalCharge(molecule)
    said = _CHARGE.search(text)
    if said and (int(said.group(1)), int(said.group(2))) != (charge, 1):
        raise InputError(
            f"{path}: charge {said.group(1)} and multiplicity {said.group(2)}; wanted {charge} and "
            "1. Run the input beside it as it was written"
        )
    _check_bonds(esp, molecule, name=str(path))
    return esp


def _check_bonds(esp: Esp, molecule: Chem.Mol, *, name: str) -> None:
    """Refuse a log whose atoms are in another order, or whose molecule has come apart."""
    if len(esp.numbers) != molecule.GetNumAtoms():
        return  # the fit says so
    radius_A = Chem.GetPeriodicTable().GetRcovalent
    for bond in molecule.GetBonds():
        atoms = bond.GetBeginAtom(), bond.GetEndAtom()
        first, second = (atom.GetIdx() for atom in atoms)
        apart_A = float(np.linalg.norm(esp.positions_A[first] - esp.positions_A[second]))
        if apart_A > LONGEST_BOND * sum(radius_A(atom.GetAtomicNum()) for atom in atoms):
            names = "-".join(f"{atom.GetSymbol()}{atom.GetIdx() + 1}" for atom in atoms)
            smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
            raise InputError(
                f"{name}: atoms {names} are {apart_A:.2f} Å apart, but bonded in {smiles}; keep "
                "the input's order of atoms, and look whether the molecule has reacted"
            )


def gaussian_job(molecule: Chem.Mol) -> Path:
    """Return the path of an oligomer's input: ``gaussian/<units>-<hash>/esp.gjf`` in the cache."""
    named = [atom for atom in molecule.GetAtoms() if atom.HasProp("unit_name")]
    names = {atom.GetIntProp("unit_index"): atom.GetProp("unit_name") for atom in named}
    shown = "-".join(re.sub(r"\W+", "_", name) for name in names.values()) or "molecule"
    smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
    folder = f"{shown[:60]}-{content_hash({'smiles': smiles}, 8)}"
    return cache_root() / "gaussian" / folder / "esp.gjf"


def resp_gaussian_charges(
    molecule: Chem.Mol, *, limit_s: float = LIMIT_S, say: Say = quiet
) -> Charged:
    """Charge an oligomer by a RESP fit to the potential of a Gaussian log.

    Where the log is missing, the input is written and the error says what to run.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        The oligomer.
    limit_s : float
        Not used: nothing is run.
    say : callable
        Told which log is read.

    Raises
    ------
    MissingInputError
        Where there is no log yet.
    InputError
        Where the log cannot be used.
    """
    job = gaussian_job(molecule)
    log = find_log(job)
    if log is None:
        if not job.exists():
            write_text(job, gaussian_input(molecule, title=job.parent.name))
        raise MissingInputError(
            f"charge method resp-gaussian has no log for {job.parent.name}; run Gaussian on {job}, "
            f"put its log there as {job.with_suffix('.log').name}, then give the same command again"
        )
    say(f"RESP from {log}")
    esp = read_gaussian_log(log, molecule)
    return charged_by_resp(
        molecule, esp, programs=f"{esp.source} (log with SHA-256 {file_hash(log, 12)})"
    )


def find_log(job: Path) -> Path | None:
    """Return the log beside an input, called ``.log`` or ``.out``."""
    logs = (job.with_suffix(suffix) for suffix in (".log", ".out"))
    return next((log for log in logs if log.is_file()), None)


def _centres(text: str, *, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return atoms and fit points, ångström."""
    found: dict[str, list[list[float]]] = {"Atomic": [], "ESP Fit": []}
    for line in text.splitlines():
        if match := _CENTRE.match(line):
            found[match.group(1)].append(_coordinates(match.group(2), line=line, name=name))
    atoms, points = (np.array(rows).reshape(-1, 3) for rows in found.values())
    return atoms, points


def _coordinates(text: str, *, line: str, name: str) -> list[float]:
    """Read three numbers, also where fields of ten characters touch each other."""
    words = text.split()
    if len(words) != 3:
        text = text.rstrip()
        words = [text[start:][:10] for start in range(len(text) - 30, len(text), 10)]
    return [_number(word, line=line, name=name) for word in words]


def _potentials(text: str, *, name: str) -> NDArray[np.float64]:
    """Return the potential at the fit points, atomic units, after the last header."""
    _, _, table = text.rpartition(POTENTIAL_HEADER)
    rows = []
    for line in table.splitlines():
        match = _POTENTIAL.match(line)
        if match and match.group(1) == "Fit":
            rows.append(_number(match.group(2), line=line, name=name))
    return np.array(rows)


def _number(word: str, *, line: str, name: str) -> float:
    """Read a Fortran number: 1.5, -.5, 0.15D+01."""
    try:
        return float(word.strip().replace("D", "E").replace("d", "e"))
    except ValueError:
        raise InputError(
            f"{name}: {word.strip()!r} in the line {line.strip()!r} is not a number; the field "
            "overflowed or the log is damaged, so run the job again"
        ) from None


def _numbers(text: str, *, n_atoms: int, name: str) -> tuple[int, ...]:
    """Return atomic numbers from the last table of the geometry, else from the fitted charges."""
    tables = re.split(r"(?:Standard|Input|Z-Matrix) orientation:", text)[1:]
    if tables:
        rows = re.findall(r"^\s*\d+\s+(\d+)\s+\d+(?:\s+-?\d+\.\d+){3}", tables[-1], re.MULTILINE)
        numbers: Sequence[int] = [int(number) for number in rows[:n_atoms]]
    else:
        _, _, table = _last(_FITTED, text)
        symbols = re.findall(r"^\s*\d+\s+([A-Z][a-z]?)\s+-?\d+\.\d+", table, re.MULTILINE)
        periodic = Chem.GetPeriodicTable()
        numbers = [periodic.GetAtomicNumber(symbol) for symbol in symbols[:n_atoms]]
    if len(numbers) != n_atoms:
        raise InputError(
            f"{name}: {len(numbers)} elements for {n_atoms} atomic centres; the log lacks its "
            "geometry, so give it whole"
        )
    return tuple(numbers)


def _last(pattern: re.Pattern[str], text: str) -> tuple[str, str, str]:
    found = list(pattern.finditer(text))
    if not found:
        return text, "", ""
    return text[: found[-1].start()], found[-1].group(), text[found[-1].end() :]


def _program(text: str) -> str:
    """Return version and route as the log says them."""
    version = re.search(r"Gaussian (\d\d):\s+(\S+)", text)
    program = f"Gaussian {version.group(1)} {version.group(2)}" if version else "Gaussian"
    route = re.search(r"^ -+\n (#.*?)\n -+$", text, re.MULTILINE | re.DOTALL)
    said = re.sub(r"\n ?", "", route.group(1)) if route else ""
    return f"{program} {said}".strip()
