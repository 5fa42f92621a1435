"""What moves and what sticks in a run, from the same pass over its frames as the pair counts.

The joint with whoever reads trajectories::

    dynamics = observe(roles, source, site_convention="paper")   # before the pass
    one_pass(source, [counting, *dynamics.observers])             # each is a SharedObserver
    row = dynamics_row(dynamics, counts=counts["tethered_counterion"], first_minimum_A=...)
    curves = curve_rows(dynamics)                                 # without run_id

``row`` holds the columns of DYNAMICS_TABLE but ``run_id``, ``site_convention`` and
``trajectory_hash``. Pieces of one trajectory are observed each by an own ``observe(...)`` of the
whole source and joined in their order with :func:`join`; displacements over the seams are then
left out, everything else is as in one pass.
"""
