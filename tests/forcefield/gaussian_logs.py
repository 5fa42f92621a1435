"""Logs in the layouts that Gaussian prints, made from a potential: no Gaussian is at hand here.

Layouts after what public programs read and write: columns 33-62 hold three F10.6 of a centre, the
table of potentials has the number, ``Atom`` or ``Fit``, and the potential from column 12 on.
"""

STARS = " **********************************************************************"
LINE = " " + "-" * 65
ROUTE = "#P HF/6-31G* SCF=Tight pop=mk iop(6/33=2,6/42=6) Opt"


def orientation(esp, name):
    rows = [
        f"{place:7d} {number:10d} {0:11d}     {x:11.6f} {y:11.6f} {z:11.6f}"
        for place, (number, (x, y, z)) in enumerate(
            zip(esp.numbers, esp.positions_A, strict=True), start=1
        )
    ]
    return [
        f"{name:>45}:",
        " " + "-" * 69,
        " Center     Atomic      Atomic             Coordinates (Angstroms)",
        " Number     Number       Type             X           Y           Z",
        " " + "-" * 69,
        *rows,
        " " + "-" * 69,
    ]


def centres(esp):
    points = [("       Atomic Center", xyz) for xyz in esp.positions_A]
    points += [("      ESP Fit Center", xyz) for xyz in esp.points_A]
    rows = [
        f"{name} {place if place < 10000 else '****':>4} is at {x:10.6f}{y:10.6f}{z:10.6f}"
        for place, (name, (x, y, z)) in enumerate(points, start=1)
    ]
    title = "            Electrostatic Properties Using The SCF Density"
    return [STARS, "", title, "", STARS, "", *rows]


def potentials(esp, *, field=False, exponents=False):
    values = [("Atom", -20.0)] * len(esp.numbers)
    values += [("Fit ", value) for value in esp.potential_hartree_e]
    rows = []
    for place, (name, value) in enumerate(values, start=1):
        shown = f"{value:15.8E}".replace("E", "D") if exponents else f"{value:14.6f}"
        rows.append(f"{place:5d} {name}{shown}" + (f"{0.1:14.6f}" * 3 if field else ""))
    return [
        LINE,
        "",
        "              Electrostatic Properties (Atomic Units)",
        "",
        LINE,
        "    Center     Electric         -------- Electric Field --------",
        "               Potential          X             Y             Z",
        LINE,
        *rows,
        LINE,
    ]


def g09_optimised(first, last, *, charge=0):
    """Gaussian 09 with an optimisation: the potential of both geometries, the last one counts."""
    return "\n".join(
        [
            " Entering Gaussian System, Link 0=g09",
            " Gaussian 09:  EM64L-G09RevD.01 24-Apr-2013",
            " " + "-" * 53,
            " " + ROUTE,
            " " + "-" * 53,
            f" Charge = {charge:2d} Multiplicity = 1",
            *orientation(first, "Input orientation"),
            *orientation(first, "Standard orientation"),
            *centres(first),
            *potentials(first),
            *orientation(last, "Standard orientation"),
            " Optimization completed.",
            *orientation(last, "Standard orientation"),
            *centres(last),
            f"    {len(last.points_A)} points will be used for fitting atomic charges",
            " Charges from ESP fit, RMS=   0.00087 RRMS=   0.05760:",
            *potentials(last),
            " 1\\1\\GINC-N1\\FOpt\\RHF\\6-31G(d)\\H2O1\\U\\24-Apr-2013\\0\\\\@",
            " Job cpu time:  0 days  0 hours  1 minutes 12.3 seconds.",
            " Normal termination of Gaussian 09 at Fri Apr 24 10:00:00 2015.",
            "",
        ]
    )


def g16_single(esp, *, charge=0):
    """Gaussian 16, one point without symmetry: a field beside the potential, D exponents."""
    start, end = ROUTE[:40], ROUTE[40:-4] + " nosymm prop=efg"
    return "\n".join(
        [
            " Entering Gaussian System, Link 0=g16",
            " Gaussian 16:  ES64L-G16RevC.01  3-Jul-2019",
            " " + "-" * 70,
            f" {start}",
            f" {end}",
            " " + "-" * 70,
            f" Charge =  {charge:d} Multiplicity = 1",
            *orientation(esp, "Input orientation"),
            *centres(esp),
            *potentials(esp, field=True, exponents=True),
            "    Center         ---- Electric Field Gradient ----",
            "    1 Atom      1.000000      1.000000     -2.000000",
            " Elapsed time:       0 days  0 hours  0 minutes  9.1 seconds.",
            " Normal termination of Gaussian 16 at Mon Jul  1 10:00:00 2024.",
            "",
        ]
    )
