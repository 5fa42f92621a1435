"""Parameters of every atom and bonded term, each with its source."""

FORCE_FIELDS = {"gaff2": "iemhpc.forcefield.gaff2:parametrise_chain"}
"""Name of a force field -> the function that parametrises a polymer chain."""

CHARGE_METHODS = {"am1bcc": "iemhpc.forcefield.charges:am1bcc_charges"}
"""Name of a charge method -> the function that charges a capped oligomer."""
