"""One point's activity coefficient, from a bundle, with the spread over its ensemble.

A model that learnt from descriptors needs the twelve numbers of the very point: they are taken
from a run, a file or the dataset, and never filled in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iemhpc.errors import InputError
from iemhpc.model.bundle import Bundle
from iemhpc.model.gcn import takes_inputs
from iemhpc.model.graph import canonical_smiles
from iemhpc.tables.descriptors import DESCRIPTORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the networks of a bundle say about one point."""

    mean: float
    """Mean activity coefficient over the ensemble."""
    spread: float
    """Standard deviation over the ensemble: how much the folds disagree, not the whole error."""
    lowest: float
    """Smallest of the ensemble."""
    highest: float
    """Largest of the ensemble."""
    n_models: int
    """Networks in the ensemble."""
    rmse_held_out: float
    """Root mean square error of the ensemble on the points held out from its training."""
    n_held_out: int
    """How many these are."""
    level: str
    """What they see."""
    bundle: str
    """Hash of the bundle."""
    label_kinds: tuple[str, ...]
    """The kinds of label that were learnt: product, mean, unknown."""
    label_sources: tuple[str, ...]
    """Where these labels come from."""
    notes: tuple[str, ...]
    """What must be said beside the number."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        return [
            f"activity coefficient {self.mean:.4f}  ({self.n_models} models: {self.lowest:.4f} to "
            f"{self.highest:.4f}, standard deviation {self.spread:.4f})",
            f"  how the models differ is not the error: on the {self.n_held_out} held-out points "
            f"it was {self.rmse_held_out:.3f} (RMSE)",
            f"  {_meaning(self.label_kinds)}; learnt from {', '.join(self.label_sources)}",
            f"  {self.level}, bundle {self.bundle}",
            *(f"  note: {note}" for note in self.notes),
        ]


def predict(
    bundle: Bundle,
    *,
    polymer_smiles: str,
    salt_smiles: str,
    salt_molar: float,
    water_per_site: float | None = None,
    descriptors: Mapping[str, float | None] | None = None,
) -> Prediction:
    """Predict one point.

    Parameters
    ----------
    bundle : Bundle
        A trained ensemble.
    polymer_smiles : str
        The oligomer that stands for the polymer, in any spelling.
    salt_smiles : str
        One formula unit of the salt, such as ``[Na+].[Cl-]``.
    salt_molar : float
        Concentration of the outer solution, mol/L.
    water_per_site : float, optional
        Water molecules per tethered charge; needed at every level but ``graph``.
    descriptors : mapping, optional
        The twelve numbers by name, and the bundle's further inputs; needed at the level with
        descriptors.

    Raises
    ------
    ChemistryError
        Where a SMILES does not parse or holds an element that no feature stands for.
    InputError
        Where a number that the bundle's level needs is missing or impossible.
    """
    point: dict[str, object] = {
        "polymer_smiles": canonical_smiles(polymer_smiles),
        "salt_smiles": canonical_smiles(salt_smiles),
        "salt_molar": _positive("salt_molar", salt_molar, "mol/L"),
    }
    if "water_per_site" in bundle.scalars:
        if water_per_site is None:
            raise InputError(
                f"bundle {bundle.hash} of level {bundle.level} needs the water per site; give "
                "--water-per-site"
            )
        point["water_per_site"] = _positive("water_per_site", water_per_site, "molecules")
    if needs_descriptors(bundle):
        point.update(_complete(bundle, descriptors or {}))
    gamma = bundle.gamma(pd.DataFrame([point]))[:, 0]
    return Prediction(
        mean=float(gamma.mean()),
        spread=float(gamma.std()),
        lowest=float(gamma.min()),
        highest=float(gamma.max()),
        n_models=len(gamma),
        rmse_held_out=float(bundle.metrics["test"]["rmse"]),
        n_held_out=int(bundle.metrics["n_test"]),
        level=bundle.level,
        bundle=bundle.hash,
        label_kinds=bundle.label_kinds,
        label_sources=bundle.label_sources,
        notes=_notes(bundle, point),
    )


def needs_descriptors(bundle: Bundle) -> bool:
    """Whether a bundle's level takes the twelve descriptors."""
    return takes_inputs(bundle.level)


def _complete(bundle: Bundle, descriptors: Mapping[str, float | None]) -> dict[str, float]:
    missing = []
    found: dict[str, float] = {}
    for name in (*DESCRIPTORS, *bundle.inputs):
        value = descriptors.get(name)
        if value is None or not math.isfinite(value):
            missing.append(name)
        else:
            found[name] = float(value)
    if missing:
        raise InputError(
            f"bundle {bundle.hash} of level {bundle.level} needs {numbers_of(bundle)} of this "
            f"point; missing: {', '.join(missing) if descriptors else 'all'}"
        )
    return found


def numbers_of(bundle: Bundle) -> str:
    """Say which numbers of molecular dynamics a bundle needs."""
    more = f" and {', '.join(bundle.inputs)}" if bundle.inputs else ""
    return f"the twelve descriptors{more}"


def _positive(name: str, value: float, unit: str) -> float:
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(f"{name}: got {value:g}, wanted a number of {unit} above 0")
    return float(value)


def _notes(bundle: Bundle, point: Mapping[str, object]) -> tuple[str, ...]:
    known = bundle.frame()
    notes = []
    if "theory" in bundle.label_sources:
        notes.append("the labels are Donnan-Manning theory, not measurements")
    for column, what in (("polymer_smiles", "polymer"), ("salt_smiles", "salt")):
        if point[column] not in {canonical_smiles(smiles) for smiles in set(known[column])}:
            notes.append(f"no point of this {what} was in the dataset: this is extrapolation")
    for name in bundle.scalars:
        low, high = float(known[name].min()), float(known[name].max())
        value = float(np.float64(str(point[name])))
        if not low <= value <= high:
            notes.append(f"{name} {value:g} is outside the dataset's {low:g} to {high:g}")
    if "salt_molar" not in bundle.scalars:
        notes.append(f"level {bundle.level} does not see the concentration")
    return tuple(notes)


def _meaning(kinds: tuple[str, ...]) -> str:
    meanings = {
        "product": "product gamma_ct^nu_ct gamma_co^nu_co",
        "mean": "mean coefficient gamma_pm",
        "unknown": "kind not said by the source",
    }
    return " and ".join(meanings.get(kind, kind) for kind in kinds)
