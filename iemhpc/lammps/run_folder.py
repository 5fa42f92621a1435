"""A plan becomes ``runs/<id>/``: everything that LAMMPS and the analysis need, named by its hash.

The id is the hash of what changes the physics or the sampled ensemble. Production length and frame
spacing are not in it, so that a run may be lengthened; nor is the wanted concentration, so that
points which round to the same box share one run.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from iemhpc import __version__
from iemhpc.errors import InputError
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.parameter_table import parameters_csv
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.network import NetworkShape
from iemhpc.system.assembly import MembraneBox
from iemhpc.tables.io import write_table
from iemhpc.tables.plan import PARTS, SCHEMA_VERSION, read_plan_file
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import (
    Workspace,
    content_hash,
    publishing,
    read_json,
    write_json,
    write_text,
)

PHYSICS = (
    *("membrane", "polymer_hash", "topology", "tacticity", "system", "salt", "counterion", "coion"),
    *("n_chains", "units_per_chain", "n_sites", "n_counterions", "n_coions", "n_waters"),
    *("salt_inside", "force_field", "charges", "water_model", "ion_set", "charge_scale"),
    *("protocol", "temperature_K", "pressure_atm", "seed"),
)
"""Keys of ``RunPlan.physics``. ``salt_inside`` is among them because it says which outer solution a
box stands for: a run is never served as another point. ``charges`` is a method, or ``file:`` and
the hash of the user's own file."""

REQUEST = (
    *("salt_molar", "inside_salt_molar", "realised_salt_molar", "salt_molar_low"),
    *("salt_molar_high", "donnan_salt_molar", "water_per_site", "water_uptake_g_g", "iec_meq_g"),
    *("density_g_cm3", "box_A", "n_atoms", "crosslinker", "n_crosslinks", "polymer"),
    "charges_file",
)
"""Keys of ``RunPlan.request``."""

SAMPLING = ("production_ps", "frame_ps", "timestep_fs")
"""Keys of ``RunPlan.sampling``."""

EXTENDED = "extended_ps"
"""A further key of ``RunPlan.sampling``: the length that ``md-submit --extend`` has asked for,
where it has. No campaign makes the run shorter than that."""

BOX = "system.data"
"""The box: a run's folder without it is planned, and built in its job."""

FRCMOD = "gaff2.frcmod"
"""What was estimated for GAFF2, in Amber's format, where anything was."""

NETWORK = "network.json"
"""How well a network is connected: the fields of its :class:`NetworkShape`."""

_COUNTS = (
    *("system", "n_chains", "units_per_chain", "n_sites", "n_counterions", "n_coions"),
    *("n_waters", "topology"),
)
"""What plan and composition must agree on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """One run, said completely: its box, its protocol, and what was asked for.

    Examples
    --------
    >>> plan = RunPlan(
    ...     physics=dict.fromkeys(PHYSICS, 1),
    ...     request=dict.fromkeys(REQUEST, 0.3),
    ...     sampling=dict.fromkeys(SAMPLING, 100),
    ... )
    >>> len(plan.run_id)
    12
    """

    physics: Mapping[str, Any]
    """What the hash is of: :data:`PHYSICS`."""
    request: Mapping[str, Any]
    """The point it was made for: :data:`REQUEST`."""
    sampling: Mapping[str, Any]
    """How long and how often: :data:`SAMPLING`."""

    def __post_init__(self) -> None:
        for name, wanted in (("physics", PHYSICS), ("request", REQUEST), ("sampling", SAMPLING)):
            got = getattr(self, name).keys()
            missing, extra = set(wanted) - got, got - {*wanted, EXTENDED}
            if missing or extra:
                raise InputError(
                    f"run plan: {name} lacks {', '.join(sorted(missing)) or 'nothing'} and has "
                    f"{', '.join(sorted(extra)) or 'nothing'} too much; wanted {', '.join(wanted)}"
                )

    @property
    def run_id(self) -> str:
        """Name of the run's folder."""
        return content_hash(self.physics)


def is_built(folder: Path) -> bool:
    """Say whether a run's folder has its box: it may be planned here and built in its job."""
    return (folder / BOX).exists()


def write_run(workspace: Workspace, plan: RunPlan, box: MembraneBox) -> Path:
    """Write a run's folder, whole or not at all; one that has its box is left as it is.

    Parameters
    ----------
    workspace : Workspace
        The campaign's folder.
    plan : RunPlan
        Names the folder.
    box : MembraneBox
        Built to that plan.

    Returns
    -------
    Path
        The run's folder, with plan.json, system.data, styles.in, roles.parquet, parameters.csv,
        gaff2.frcmod where terms were estimated, and network.json where the polymer is a network.

    Raises
    ------
    InputError
        Where the box is not what the plan says, or the folder holds another plan.
    """
    folder = workspace.run(plan.run_id)
    if folder.exists():
        if read_plan(folder).run_id != plan.run_id:
            raise InputError(
                f"{folder} holds the plan of run {read_plan(folder).run_id}; delete or rename it"
            )
        if not is_built(folder):
            add_box(folder, plan, box)
        return folder
    _check_box(plan, box)
    with publishing(folder) as temporary:
        temporary.mkdir()
        _write_box(temporary, plan, box)
        write_json(temporary / "plan.json", plan_json(plan))
    return folder


def add_box(folder: Path, plan: RunPlan, box: MembraneBox) -> None:
    """Put a box into the folder of its plan; the data file comes last, so that it means all.

    What an attempt that was killed has left is taken away.

    Raises
    ------
    InputError
        Where the box is not what the plan says.
    """
    _check_box(plan, box)
    for left in folder.glob(".box.*"):
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=folder, prefix=".box.") as temporary:
        _write_box(Path(temporary), plan, box)
        names = sorted(path.name for path in Path(temporary).iterdir())
        for name in [*(name for name in names if name != BOX), BOX]:
            (Path(temporary) / name).replace(folder / name)


def _write_box(folder: Path, plan: RunPlan, box: MembraneBox) -> None:
    title = f"{plan.physics['system']} run {plan.run_id}, written by iemhpc {__version__}"
    data = data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title=title,
    )
    write_text(folder / BOX, data)
    write_text(folder / "styles.in", styles_text(box.parameters))
    write_table(folder / "roles.parquet", ROLE_TABLE, role_rows(box), {"run_id": plan.run_id})
    write_text(folder / "parameters.csv", parameters_csv(box.parameters, plan.physics["protocol"]))
    if box.parameters.frcmod:
        write_text(folder / FRCMOD, "\n".join((*box.parameters.frcmod, "")))
    if box.network is not None:
        write_json(folder / NETWORK, asdict(box.network))


def read_network(folder: Path) -> NetworkShape | None:
    """Read how well the network of a run is connected; None where it is no network.

    Raises
    ------
    InputError
        Where the file is damaged.
    """
    path = folder / NETWORK
    if not path.exists():
        return None
    fields = read_json(path)
    try:
        return NetworkShape(**fields)
    except TypeError as error:
        raise InputError(
            f"{path} does not say how a network is connected ({error}); restore it or delete it"
        ) from error


def plan_json(plan: RunPlan) -> dict[str, Any]:
    """Return what plan.json holds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "iemhpc_version": __version__,
        "run_id": plan.run_id,
        "physics": dict(plan.physics),
        "request": dict(plan.request),
        "sampling": dict(plan.sampling),
    }


def read_plan(folder: Path) -> RunPlan:
    """Read the plan of a run's folder.

    Raises
    ------
    MissingInputError
        Where the folder has no plan.json.
    InputError
        Where it is of another schema version, or was changed after it was written.
    """
    plan = read_plan_file(folder)
    return RunPlan(**{name: plan.get(name, {}) for name in PARTS})


def role_rows(box: MembraneBox) -> list[dict[str, Any]]:
    """Return the rows of roles.parquet, in the order of the LAMMPS ids."""
    parameters = box.parameters
    columns = zip(
        parameters.elements,
        parameters.atom_type.tolist(),
        parameters.charges_e.tolist(),
        box.molecule.tolist(),
        parameters.residues,
        box.role,
        parameters.is_tethered_paper.tolist(),
        parameters.is_tethered_center.tolist(),
        strict=True,
    )
    names = [" ".join(term.types) for term in parameters.atom_types]
    masses = [term.values[2] for term in parameters.atom_types]
    return [
        {
            "atom_id": number,
            "element": element,
            "type": kind + 1,
            "type_name": names[kind],
            "charge_e": charge,
            "mass_g_mol": masses[kind],
            "molecule": molecule,
            "residue": residue,
            "role": role,
            "is_tethered_paper": paper,
            "is_tethered_center": center,
        }
        for number, (element, kind, charge, molecule, residue, role, paper, center) in enumerate(
            columns, 1
        )
    ]


def _check_box(plan: RunPlan, box: MembraneBox) -> None:
    composition = box.composition
    for name in _COUNTS:
        got, wanted = getattr(composition, name), plan.physics[name]
        if got != wanted:
            raise InputError(
                f"run {plan.run_id}: the box has {name} {got}, the plan says {wanted}; build the "
                "box for this plan"
            )
