"""Every LAMMPS style that our templates and ``styles.in`` use, and the package that brings it.

A package is a folder of LAMMPS's sources, ``src/<PACKAGE>/pair_lj_cut_coul_long.cpp``, and stands
under "Restrictions" on the style's page of https://docs.lammps.org; without one it is in every
LAMMPS. A test reads the templates and the writers of ``styles.in``, so that the list is whole.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Styles = Mapping[str, frozenset[str]]
"""Kind as LAMMPS heads it (``pair``, ``kspace``) -> names."""


@dataclass(frozen=True, slots=True)
class NeededStyle:
    """One style, by the kind that LAMMPS lists it under."""

    kind: str
    """atom, minimize, pair, bond, angle, dihedral, improper, kspace, fix, compute, dump, command;
    integrate for what every run uses unsaid."""
    name: str
    package: str = ""
    """What LAMMPS has to be built with; empty: nothing."""

    def __str__(self) -> str:
        """Return kind and name, as in an input."""
        return f"{self.kind} {self.name}"


NEEDED_STYLES = (
    NeededStyle("atom", "full", "MOLECULE"),
    NeededStyle("integrate", "verlet"),
    NeededStyle("minimize", "cg"),
    NeededStyle("pair", "lj/cut/coul/long", "KSPACE"),
    NeededStyle("pair", "soft"),
    NeededStyle("bond", "harmonic", "MOLECULE"),
    NeededStyle("angle", "harmonic", "MOLECULE"),
    NeededStyle("dihedral", "fourier", "EXTRA-MOLECULE"),
    NeededStyle("dihedral", "opls", "MOLECULE"),
    NeededStyle("improper", "cvff", "MOLECULE"),
    NeededStyle("kspace", "pppm", "KSPACE"),
    NeededStyle("fix", "adapt"),
    NeededStyle("fix", "ave/time"),
    NeededStyle("fix", "halt"),
    NeededStyle("fix", "langevin"),
    NeededStyle("fix", "momentum"),
    NeededStyle("fix", "npt"),
    NeededStyle("fix", "nve"),
    NeededStyle("fix", "nve/limit"),
    NeededStyle("fix", "nvt"),
    NeededStyle("fix", "shake", "RIGID"),
    NeededStyle("compute", "bond/local"),
    NeededStyle("compute", "pressure"),
    NeededStyle("compute", "reduce"),
    NeededStyle("compute", "temp"),
    NeededStyle("dump", "dcd", "EXTRA-DUMP"),
    NeededStyle("command", "change_box"),
    NeededStyle("command", "minimize"),
    NeededStyle("command", "read_data"),
    NeededStyle("command", "read_restart"),
    NeededStyle("command", "run"),
    NeededStyle("command", "velocity"),
    NeededStyle("command", "write_data"),
    NeededStyle("command", "write_dump"),
    NeededStyle("command", "write_restart"),
)
"""By kind, in the order in which an input names them."""

ACCELERATORS = {
    "opt": "OPT",
    "omp": "OPENMP",
    "intel": "INTEL",
    "gpu": "GPU",
    "kk": "KOKKOS",
}
"""Suffix -> package, https://docs.lammps.org/Speed_packages.html."""

FASTER = ("pair", "bond", "angle", "dihedral", "improper", "kspace", "fix")
"""Kinds in which a suffix can save time: the others run rarely."""


def parse_version(text: str) -> str:
    r"""Return LAMMPS's version from its log, or from what ``lmp -h`` prints; empty without one.

    Examples
    --------
    >>> parse_version("LAMMPS (22 Jul 2025 - Update 4)\n")
    '22 Jul 2025 - Update 4'
    """
    found = re.search(r"Massively Parallel Simulator - (.+)|^LAMMPS \((.+)\)", text, re.MULTILINE)
    return (found.group(1) or found.group(2)).strip() if found else ""


def parse_styles(text: str) -> Styles:
    r"""Return every style in the answer to ``lmp -h`` or ``info styles all``, by kind.

    Examples
    --------
    >>> styles = parse_styles("* Pair styles:\n\nlj/cut   soft\n\n* Dump styles\n\natom  dcd\n")
    >>> sorted(styles["pair"]), "dcd" in styles["dump"]
    (['lj/cut', 'soft'], True)
    """
    parts = re.split(r"^(?:\* )?(\w+) styles\b.*$", text, flags=re.MULTILINE)
    return {
        heading.lower(): frozenset(
            re.split(r"^(?:\*|Info-Info)", body, flags=re.MULTILINE)[0].split()
        )
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def parse_packages(text: str) -> tuple[str, ...]:
    r"""Return the packages that LAMMPS was built with, from the same answers.

    Examples
    --------
    >>> parse_packages("Installed packages:\n\nKSPACE MOLECULE \nRIGID \n\nAccelerator ...\n")
    ('KSPACE', 'MOLECULE', 'RIGID')
    """
    found = re.search(r"^Installed packages:\s*((?:^[A-Z0-9 -]+\n)+)", text, re.MULTILINE)
    return tuple(found.group(1).split()) if found else ()


def missing_styles(styles: Styles) -> tuple[NeededStyle, ...]:
    """Return the styles that we use and a LAMMPS has not."""
    return tuple(each for each in NEEDED_STYLES if each.name not in styles.get(each.kind, ()))


def with_suffix(styles: Styles, suffix: str) -> tuple[tuple[NeededStyle, ...], ...]:
    """Return the styles that a suffix makes faster, and those that stay as they are.

    Examples
    --------
    >>> styles = {"dihedral": frozenset({"fourier", "opls", "opls/kk"})}
    >>> faster, others = with_suffix(styles, "kk")
    >>> [str(each) for each in faster], "dihedral fourier" in map(str, others)
    (['dihedral opls'], True)
    """
    asked = [each for each in NEEDED_STYLES if each.kind in FASTER]
    has = [f"{each.name}/{suffix}" in styles.get(each.kind, ()) for each in asked]
    return (
        tuple(each for each, faster in zip(asked, has, strict=True) if faster),
        tuple(each for each, faster in zip(asked, has, strict=True) if not faster),
    )


def packages_of(styles: Sequence[NeededStyle]) -> tuple[str, ...]:
    """Return the packages that bring some styles, each once."""
    return tuple(dict.fromkeys(each.package for each in styles if each.package))
