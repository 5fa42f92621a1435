"""A campaign's settings become plans: every run once, checked as far as that goes without a box.

Points that round to the same box share one run; replicas differ by seed. Everything that is wrong
is told at once, before anything is written.

What matters most comes first: every point's first replica before any second, and of each system the
lowest and the highest concentration before those between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from iemhpc.campaign.chemistry import Chemistry, check_ions, chemistries_of
from iemhpc.campaign.foreseeing import polymer_notes, polymer_problems
from iemhpc.campaign.plans import Planned, make_plan
from iemhpc.errors import IemhpcError, InputError
from iemhpc.polymer.capacity import water_per_site
from iemhpc.polymer.catalog import Membrane, System, as_membrane, load_membrane, load_salt
from iemhpc.settings.campaign import CampaignSettings, SystemSettings
from iemhpc.system.composition import Composition, compose
from iemhpc.system.uptake import fixed_charge_note

_Point = tuple[object, ...]
_Place = tuple[int, int, int]

MOST_ROUNDING_NOTES = 3
"""More than so many are counted instead of told one by one."""


@dataclass(slots=True)
class _Draft:
    """What is being found out about a campaign."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    compositions: list[Composition] = field(default_factory=list)
    """Of every point, in the order of the file."""
    runs: dict[str, Planned] = field(default_factory=dict)
    places: dict[str, _Place] = field(default_factory=dict)
    """Run -> where it comes: replica, rank of its concentration, number."""
    blocks: dict[_Point, list[int]] = field(default_factory=dict)
    """Point -> the blocks that ask for it."""

    def add(self, new: Planned, *, replica: int, rank: int) -> None:
        """Add a run; where its box is there already, only the wanted concentration."""
        run_id = new.run_id
        if run_id in self.runs:
            old = self.runs[run_id]
            wanted = tuple(dict.fromkeys((*old.wanted, *new.wanted)))
            self.runs[run_id] = replace(old, wanted=wanted)
            _, old_rank, number = self.places[run_id]
            self.places[run_id] = (replica, min(rank, old_rank), number)
        else:
            self.runs[run_id] = new
            self.places[run_id] = (replica, rank, len(self.places))

    @property
    def in_order(self) -> tuple[Planned, ...]:
        """The runs, what matters most first."""
        return tuple(self.runs[run_id] for run_id in sorted(self.runs, key=self.places.__getitem__))


def plan_campaign(campaign: CampaignSettings) -> tuple[tuple[Planned, ...], tuple[str, ...]]:
    """Return every run of a campaign, each once, and notes on rounded concentrations.

    Raises
    ------
    InputError
        Naming everything that is wrong with it.
    """
    planned, notes, problems = try_plan(campaign)
    if problems:
        raise InputError("\n".join(problems))
    return planned, notes


def try_plan(
    campaign: CampaignSettings,
) -> tuple[tuple[Planned, ...], tuple[str, ...], tuple[str, ...]]:
    """Return runs and notes as :func:`plan_campaign` does, and everything that is wrong."""
    draft = _Draft()
    for number, entry in enumerate(campaign.systems, 1):
        _plan_entry(campaign.of_system(entry), entry, draft, number=number)
    problems = (*draft.problems, *_duplicates(draft.blocks))
    notes = (*_rounding_notes(draft.compositions), *draft.notes)
    return draft.in_order, tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(problems))


def name_problems(campaign: CampaignSettings) -> tuple[str, ...]:
    """Return what is wrong with the names of a campaign: membranes, salts, force fields, ions.

    This is what can be said where other settings are wrong.
    """
    problems: list[str] = []
    if not campaign.systems:
        chemistries_of(campaign, problems)
    for entry in campaign.systems:
        chemistries = chemistries_of(campaign.of_system(entry), problems)
        for system in _systems_of(entry, problems):
            for chemistry in chemistries:
                check_ions(system, chemistry, problems=problems, notes=[])
    return tuple(dict.fromkeys(problems))


def costs_of(planned: Iterable[Planned]) -> tuple[str, ...]:
    """Return what must be made before the polymers of a campaign can be built."""
    polymers = {
        (one.system.membrane.polymer.hash, one.chemistry.force_field, one.chemistry.charges): one
        for one in planned
    }
    said = (
        note
        for one in polymers.values()
        for note in polymer_notes(
            one.system.membrane.polymer,
            force_field=one.chemistry.force_field,
            charges=one.chemistry.charges_wanted,
        )
    )
    return tuple(dict.fromkeys(said))


def _plan_entry(
    campaign: CampaignSettings, entry: SystemSettings, draft: _Draft, *, number: int
) -> None:
    """Plan one block; ``campaign`` are its own settings."""
    chemistries = chemistries_of(campaign, draft.problems)
    systems = _systems_of(entry, draft.problems)
    for chemistry in chemistries if systems else ():
        draft.problems += _polymer_problems(systems[0].membrane, chemistry)
    for system in systems:
        compositions = list(_compositions(campaign, entry, system, draft.problems))
        ranks = _ranks(compositions)
        draft.compositions += compositions
        draft.notes += filter(None, (_enlarged_note(one, campaign) for one in compositions))
        draft.notes += filter(None, (_charge_note(system, one) for one in compositions))
        for chemistry in chemistries:
            check_ions(system, chemistry, problems=draft.problems, notes=draft.notes)
            for composition in compositions:
                point = _point(campaign, system, composition, chemistry)
                draft.blocks.setdefault(point, []).append(number)
                for replica in range(campaign.replicas):
                    new = make_plan(campaign, system, composition, chemistry, replica=replica)
                    draft.add(new, replica=replica, rank=ranks[composition.salt_molar])


def _ranks(compositions: Iterable[Composition]) -> dict[float, int]:
    """Return which concentrations come first: the lowest, the highest, then the rest alike."""
    molar = {one.salt_molar for one in compositions}
    ranks = dict.fromkeys(molar, 2)
    if molar:
        ranks[max(molar)] = 1
        ranks[min(molar)] = 0
    return ranks


def _point(
    campaign: CampaignSettings, system: System, composition: Composition, chemistry: Chemistry
) -> _Point:
    """Return what two points of a file must differ in; replicas are no difference."""
    size = (campaign.edge_A, campaign.n_chains, campaign.units_per_chain, campaign.min_pairs)
    water = composition.wanted_water_per_site
    hash_ = system.membrane.polymer.hash
    return (system.name, composition.salt_molar, water, chemistry, size, hash_)


def _duplicates(blocks: dict[_Point, list[int]]) -> Iterator[str]:
    """Yield the points that a file asks for more than once, a line for the same blocks."""
    alike: dict[tuple[object, tuple[int, ...]], list[float]] = {}
    for (system, molar, *_), numbers in blocks.items():
        if len(numbers) > 1:
            alike.setdefault((system, tuple(numbers)), []).append(float(str(molar)))
    for (system, among), molars in alike.items():
        points = ", ".join(f"{molar:g}" for molar in dict.fromkeys(molars))
        places = " and ".join(f"{number}" for number in dict.fromkeys(among))
        block = "block" if len(set(among)) == 1 else "blocks"
        yield (
            f"{system} at {points} mol/L is asked for {len(among)} times, in [[systems]] {block} "
            f"{places}; say each point once (replicas = n for independent builds of it)"
        )


def _polymer_problems(membrane: Membrane, chemistry: Chemistry) -> list[str]:
    found = polymer_problems(
        membrane.polymer, force_field=chemistry.force_field, charges=chemistry.charges_wanted
    )
    return [f"{membrane.name}: {problem}" for problem in found]


def _systems_of(entry: SystemSettings, problems: list[str]) -> list[System]:
    """Return the systems of an entry; what is wrong with it is added to ``problems``."""
    try:
        membrane = as_membrane(entry.polymer) if entry.polymer else load_membrane(entry.membrane)
    except IemhpcError as error:
        problems.append(str(error))
        # salts that nobody knows are told all the same
        problems += [
            f"{entry.membrane}: {said}" for name in entry.salts if (said := _salt_problem(name))
        ]
        return []
    found = []
    for name in entry.salts or membrane.salts:
        try:
            found.append(System(membrane, load_salt(name)))
        except IemhpcError as error:
            problems.append(f"{entry.membrane}: {error}")
    return found


def _salt_problem(name: str) -> str:
    try:
        load_salt(name)
    except IemhpcError as error:
        return str(error)
    return ""


def _compositions(
    campaign: CampaignSettings, entry: SystemSettings, system: System, problems: list[str]
) -> Iterator[Composition]:
    for molar, water in product(entry.salt_molar, _waters(entry, system)):
        try:
            composition = compose(
                system,
                salt_molar=molar,
                water_per_site=water,
                salt_inside=campaign.salt_inside,
                box_A=campaign.edge_A,
                n_chains=campaign.n_chains,
                units_per_chain=campaign.units_per_chain,
                min_pairs=campaign.min_pairs,
            )
        except IemhpcError as error:
            problems.append(str(error))
            continue
        _check_width(composition, campaign, membrane=system.membrane.name, problems=problems)
        yield composition


def _check_width(
    composition: Composition, campaign: CampaignSettings, *, membrane: str, problems: list[str]
) -> None:
    """Say, once a membrane, that an atom of a box would meet its own image within the cut-off."""
    cutoff_A = campaign.protocol_variables()["cutoff_A"]
    head = f"{membrane}: got a box of "
    if composition.box_A < 2.0 * cutoff_A and not any(said.startswith(head) for said in problems):
        problems.append(
            f"{head}{composition.box_A:.4g} Å, wanted at least twice the cut-off of {cutoff_A:g} "
            f"Å, {2.0 * cutoff_A:g} Å; take a larger --box, more --chains or a smaller cutoff_A "
            "among the protocol_overrides"
        )


def _waters(entry: SystemSettings, system: System) -> Iterable[float | None]:
    """Return the water contents of an entry in molecules per site; None is the membrane's own."""
    if entry.water_uptake:
        polymer = system.membrane.polymer
        return [water_per_site(polymer, system.counterion, g_g) for g_g in entry.water_uptake]
    return entry.water_per_site or (None,)


def _charge_note(system: System, composition: Composition) -> str | None:
    return fixed_charge_note(
        system,
        water_per_site=composition.wanted_water_per_site,
        salt_inside=composition.salt_inside,
    )


def _rounding_notes(compositions: Sequence[Composition]) -> Iterator[str]:
    """Yield what whole numbers of ions made of concentrations: each, or how many where many."""
    rounded = [one for one in compositions if one.rounding_note]
    if len(rounded) <= MOST_ROUNDING_NOTES:
        yield from (one.rounding_note for one in rounded if one.rounding_note)
        return
    empty = sum(one.n_coions == 0 for one in rounded)
    none = f", {empty} of them to no salt at all (no co-ion, only counter-ions)" if empty else ""
    yield (
        f"whole numbers of ions move {len(rounded)} of {len(compositions)} concentrations by over "
        f"a quarter{none}: see wanted and realised in the table; a larger box comes nearer (box_A, "
        "--box), or one that holds enough ions (min_pairs, --min-pairs)"
    )


def _enlarged_note(composition: Composition, campaign: CampaignSettings) -> str | None:
    """Return how far a box was enlarged so that it holds enough ions."""
    if not composition.wanted_box_A or composition.wanted_box_A <= campaign.box_A:
        return None
    return (
        f"{composition.system}: a box of {composition.box_A:.1f} Å instead of "
        f"{campaign.box_A:g}, so that {composition.salt_molar:g} mol/L is at least "
        f"{campaign.min_pairs} ion pairs ({composition.n_pairs})"
    )
