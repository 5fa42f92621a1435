"""Activity coefficients of ions in ion-exchange membranes, from chemical structure.

A membrane is a polymer with fixed charges, swollen with water. The pipeline follows the
method section of the paper: ``polymer`` says what the membrane is, ``theory`` what physics says
without a simulation; ``forcefield``, ``system`` and ``lammps`` turn it into a box that LAMMPS
runs, ``scheduler`` brings the run to a node, ``campaign`` does so for many; ``descriptors`` reads
the trajectories into twelve solvation descriptors. ``dataset`` joins them with measured labels,
``model`` trains the graph network, ``saliency`` asks it why, ``report`` shows all of it, and
``lifecycle`` does it again when new data has arrived. Stages meet at files (``tables``), and
imports point back along this sentence only.
"""

__version__ = "0.1.0"
