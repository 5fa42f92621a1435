"""What LAMMPS reads and leaves behind."""
