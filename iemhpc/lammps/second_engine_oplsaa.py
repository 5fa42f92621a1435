"""OPLS-AA for the second engine: the published tables and the overlay, by a reader of its own."""

from collections.abc import Collection, Sequence

from iemhpc.errors import ForceFieldError
from iemhpc.lammps.second_engine_tables import FieldTables


def oplsaa_tables(types: Collection[str], frcmod: Sequence[str] = ()) -> FieldTables:
    """Return what ``data/oplsaa`` says of some atom types."""
    raise ForceFieldError(f"the second engine cannot read OPLS-AA yet: {sorted(types)}, {frcmod}")
