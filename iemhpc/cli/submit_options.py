"""Options of ``iemhpc md-submit``, each once: a polymer, a box, a force field, a submission."""

from typing import Annotated

import typer

POLYMER = "A polymer of your own"
CONTENT = "What the box holds"
FIELD = "Force field"
WHERE = "How and where it runs"

TargetArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Catalogue names or membrane TOMLs (docs/molecules.md), or a campaign TOML; "
        "default: campaign.toml."
    ),
]
UnitOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A repeat unit of your own polymer, SMILES:fraction or name=SMILES:fraction, as "
        "in 'acrylate=[*]CC([*])C(=O)[O-]:0.4'; once a unit, instead of TARGET.",
        rich_help_panel=POLYMER,
    ),
]
CrosslinkerOption = Annotated[
    str | None,
    typer.Option(help="Its cross-linker, in the same way, with four [*].", rich_help_panel=POLYMER),
]
ArrangementOption = Annotated[
    str | None,
    typer.Option(help="random (default), block or alternating.", rich_help_panel=POLYMER),
]
TetheredOption = Annotated[
    str | None,
    typer.Option(
        help="SMARTS whose first atom is a tethered site; default: O of anionic groups, N of "
        "cationic ones.",
        rich_help_panel=POLYMER,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(help="What to call it; default: own- and a hash.", rich_help_panel=POLYMER),
]
TacticityOption = Annotated[
    str | None,
    typer.Option(
        help="atactic, isotactic or syndiotactic; default: the membrane's, else atactic.",
        rich_help_panel=POLYMER,
    ),
]
SaltOption = Annotated[
    list[str] | None,
    typer.Option(help="A salt; repeat for each; default: the membrane's.", rich_help_panel=CONTENT),
]
SaltMolarOption = Annotated[
    list[float] | None,
    typer.Option(
        help="Outer salt concentration, mol/L; repeat for each; default: 0.1 and 1.",
        rich_help_panel=CONTENT,
    ),
]
SaltInsideOption = Annotated[
    str | None,
    typer.Option(
        help="external: the sorbed water holds the outer concentration (default); donnan: what "
        "Donnan-Manning leaves of it.",
        rich_help_panel=CONTENT,
    ),
]
WaterPerSiteOption = Annotated[
    float | None,
    typer.Option(
        help="Water molecules per tethered charge; default: the membrane's.",
        rich_help_panel=CONTENT,
    ),
]
WaterUptakeOption = Annotated[
    float | None,
    typer.Option(
        help="Or g of water per g of dry polymer in its counter-ion's form.",
        rich_help_panel=CONTENT,
    ),
]
BoxOption = Annotated[
    float | None,
    typer.Option(help="Box edge aimed at, 20 to 100 Å; default: 40.", rich_help_panel=CONTENT),
]
ChainsOption = Annotated[
    int | None, typer.Option(help="Or the number of chains.", rich_help_panel=CONTENT)
]
ChainLengthOption = Annotated[
    int | None,
    typer.Option(
        help="Repeat units of a chain; default: what comes nearest to box and composition.",
        rich_help_panel=CONTENT,
    ),
]
MinPairsOption = Annotated[
    int | None,
    typer.Option(
        help="Enlarge the box until it holds so many ion pairs; default: 0.",
        rich_help_panel=CONTENT,
    ),
]
ForceFieldOption = Annotated[
    list[str] | None,
    typer.Option(help="gaff2 (default) or oplsaa; repeat for both.", rich_help_panel=FIELD),
]
ChargesOption = Annotated[
    list[str] | None,
    typer.Option(
        help="am1bcc (default of gaff2), resp, resp-gaussian; opls (default of oplsaa); or a "
        "file of your own, as docs/molecules.md says; repeat for each.",
        rich_help_panel=FIELD,
    ),
]
WaterModelOption = Annotated[
    str | None, typer.Option(help="tip3p (default) or tip3p-charmm.", rich_help_panel=FIELD)
]
IonSetOption = Annotated[
    str | None,
    typer.Option(help="Ion parameters; default: those of the water model.", rich_help_panel=FIELD),
]
ChargeScaleOption = Annotated[
    float | None,
    typer.Option(
        help="Factor on the charges of ions and charged units; default: 1.",
        rich_help_panel=FIELD,
    ),
]
ReplicasOption = Annotated[
    int | None, typer.Option(help="Independent builds a point; default: 3.", rich_help_panel=WHERE)
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="How long: test (seconds, shows that it works), demo (20 ps, numbers are "
        "examples), quick (default; 0.5 ns, about an hour a run on one core) or full (10 ns, "
        "for a cluster).",
        rich_help_panel=WHERE,
    ),
]
ProductionOption = Annotated[
    float | None,
    typer.Option(
        help="Length of the production, ns; default: the protocol's.", rich_help_panel=WHERE
    ),
]
ExtendOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Continue this run to --production-ns; its id or the first characters of it; repeat "
        "for each. Nothing else is built.",
        rich_help_panel=WHERE,
    ),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        help="Cluster profile (iemhpc cluster list), or the path of yours; default: this machine.",
        rich_help_panel=WHERE,
    ),
]
CoresOption = Annotated[
    int | None,
    typer.Option(help="Cores of one run; default: the profile's, else 1.", rich_help_panel=WHERE),
]
BuildOption = Annotated[
    str | None,
    typer.Option(
        help="here: boxes are built now; job: by the first step of their jobs, where a login node "
        "would end them; default: as the profile says.",
        rich_help_panel=WHERE,
    ),
]
ThenOption = Annotated[
    str | None,
    typer.Option(help="descriptors: read them once all runs have ended.", rich_help_panel=WHERE),
]
RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Start failed runs again, too.")
]
NoSubmitOption = Annotated[
    bool, typer.Option("--no-submit", help="Write the run folders, start nothing.")
]
ScriptsOption = Annotated[
    bool, typer.Option("--scripts", help="With --dry-run: show the job scripts, too.")
]
