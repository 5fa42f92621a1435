"""From a trajectory to twelve solvation descriptors."""
