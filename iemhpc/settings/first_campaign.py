"""What ``iemhpc init`` writes: a commented ``campaign.toml`` for a laptop."""

from pathlib import Path

from iemhpc.errors import InputError
from iemhpc.workspace import Workspace, write_text

COMMENTED_CAMPAIGN = """\
# What to simulate. `iemhpc md-submit` reads this file; `iemhpc md-submit --dry-run` only says what
# it would do. Change it and submit again: runs that exist are not run again.

# Edge of the cubic box, in ångström. 24 is for a laptop: a box this small holds one ion pair a
# 0.16 mol/L or so, so low concentrations round to none. 40 and more is for results.
box_A = 24.0
# n_chains = 12                 # instead of box_A: so many chains ...
# units_per_chain = 20          # ... of so many repeat units each
# min_pairs = 5                 # larger boxes, until the concentration is 5 ion pairs at least

# What the sorbed water holds: "external", the concentration of the outer solution as it is, or
# "donnan", what Donnan-Manning says that the membrane leaves of it.
# salt_inside = "external"

# Independent builds of every point. Their spread is the error that counts: two at least.
replicas = 1
seed = 1

# How long everything takes:
#   test    seconds; only shows that it works
#   demo    two minutes a run on one core; real, but its numbers are examples
#   quick   50 ps of annealing at 500 K, 0.5 ns of production: about an hour a run on one core
#   full    10 ns of production: for a cluster
protocol = "demo"
# production_ns = 0.5          # instead of the protocol's own length
# frame_ps = 1.0               # time between two frames of the trajectory

force_field = "gaff2"           # or "oplsaa"; a list runs every point with each
# charges = "am1bcc"            # default: the force field's (am1bcc for gaff2, opls for oplsaa); or
#                               # resp, resp-gaussian, or a file of your own charges
water_model = "tip3p"
# ion_set = "joung-cheatham"    # default: the set that was fitted to the water model
# tacticity = "atactic"         # or isotactic, syndiotactic; default: the membrane's own, atactic
# charge_scale = 1.0            # 0.75 is used against overbound divalent ions; recorded

# Where it runs: a name from `jobs/clusters` or the path of your own profile.
cluster = "this-machine"
# cores_per_run = 1             # default: by the profile's sizes, else 1

# One block a membrane. `iemhpc systems` lists the names; a path to your own membrane TOML works
# too. Every salt is simulated at every concentration and every water content; without `salts` and
# `water_per_site` the membrane's own are taken. A concentration (mol/L) is that of the outer
# solution; what theory says the membrane would hold inside stands beside it in the table of
# `iemhpc md-submit`. A block may have its own box_A, n_chains, units_per_chain, min_pairs,
# force_field, charges and replicas.
[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [1.0]
# water_per_site = [21.0]      # water molecules per fixed charge; or, instead of it,
# water_uptake = [1.35]        # g of water per g of dry polymer in its counter-ion's form

[[systems]]
membrane = "Nafion"
salts = ["NaCl"]
salt_molar = [1.0]

# Single numbers of the protocol may be replaced; lammps_templates/*.in say what each does.
# [protocol_overrides]
# anneal_ps = 100.0
"""
"""What ``iemhpc init`` writes."""


def write_campaign(workspace: Workspace) -> Path:
    """Write a commented ``campaign.toml`` where there is none yet.

    Raises
    ------
    InputError
        Where there is one: it is the user's.
    """
    path = workspace.campaign
    if path.exists():
        raise InputError(
            f"{path} exists and is left as it is; change it, or delete it and say iemhpc init again"
        )
    workspace.root.mkdir(parents=True, exist_ok=True)
    write_text(path, COMMENTED_CAMPAIGN)
    return path
