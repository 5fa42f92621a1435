"""The same frames through every door: run folder, DCD, XTC, text dump."""

import gzip
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
import pandas as pd
import pytest

from iemhpc.descriptors.books import Files
from iemhpc.descriptors.extract import extract_runs
from iemhpc.descriptors.loose import Clock, kind_of, open_loose
from iemhpc.descriptors.loose_run import LooseFiles, extract_loose
from iemhpc.descriptors.reading import Asked
from iemhpc.errors import InputError, MissingInputError, TrajectoryError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.io import read_frame
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import Workspace

BOX_A = 20.0
TYPES = {"S": 1, "Na": 3, "Cl": 4, "OW": 5, "H": 6}
MASSES = {1: 32.06, 2: 15.999, 3: 22.99, 4: 35.45, 5: 15.999, 6: 1.008}
ROLES = """
[roles]
water_oxygen = { type = 5 }
counterion = { element = "Na" }
tethered = { type = 2 }
coion = { type = 4 }
"""


class Case:
    """A run folder and the same atoms as data file, PDB and roles."""

    def __init__(self, folder: Path, run: Path, positions_A: np.ndarray, roles: pd.DataFrame):
        self.folder, self.run, self.positions_A, self.roles = folder, run, positions_A, roles
        self.types = [
            2 if element == "O" and role == "polymer" else TYPES["OW"] if element == "O" else
            TYPES[element]
            for element, role in zip(roles["element"], roles["role"], strict=True)
        ]  # fmt: skip
        self.topology = folder / "system.data"
        self.topology.write_text(self.data_text())
        self.roles_file = folder / "roles.toml"
        self.roles_file.write_text(ROLES)

    def data_text(self) -> str:
        n = len(self.types)
        lines = ["case", "", f"{n} atoms", "6 atom types", "", "0 20 xlo xhi", "0 20 ylo yhi"]
        lines += ["0 20 zlo zhi", "", "Masses", ""]
        lines += [f"{kind} {mass}" for kind, mass in MASSES.items()]
        lines += ["", "Atoms # full", ""]
        molecules = self.roles["molecule"]
        lines += [f"{k + 1} {molecules[k]} {self.types[k]} 0.0 0.0 0.0 0.0" for k in range(n)]
        return "\n".join(lines) + "\n"

    def dcd(self, name: str = "t.dcd", some: slice = slice(None)) -> Path:
        path = self.folder / name
        at = self.positions_A[some].astype(np.float32)
        with mdtraj.formats.DCDTrajectoryFile(str(path), "w", force_overwrite=True) as stream:
            lengths = np.full((len(at), 3), BOX_A, dtype=np.float32)
            angles = np.full((len(at), 3), 90.0, dtype=np.float32)
            stream.write(at, cell_lengths=lengths, cell_angles=angles)
        return path

    def xtc(self, name: str = "t.xtc", some: slice = slice(None)) -> Path:
        path = self.folder / name
        steps = 500 * np.arange(len(self.positions_A))[some]
        at = self.positions_A[some]
        with mdtraj.formats.XTCTrajectoryFile(str(path), "w", force_overwrite=True) as stream:
            stream.write(
                (at / 10.0).astype(np.float32),
                time=(0.002 * steps).astype(np.float32),
                step=steps.astype(np.int32),
                box=np.repeat(np.eye(3, dtype=np.float32)[None] * BOX_A / 10.0, len(at), axis=0),
            )
        return path

    def dump(self, name: str = "t.lammpstrj", some: slice = slice(None)) -> Path:
        path = self.folder / name
        steps = 500 * np.arange(len(self.positions_A))[some]
        order = np.random.default_rng(7).permutation(len(self.types))
        with path.open("w") as stream:
            for step, frame in zip(steps, self.positions_A[some].astype(np.float32), strict=True):
                stream.write(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(order)}\n")
                stream.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0.0 {BOX_A}\n" * 3)
                stream.write("ITEM: ATOMS id type xu yu zu\n")
                for k in order:
                    x, y, z = (repr(float(value)) for value in frame[k])
                    stream.write(f"{k + 1} {self.types[k]} {x} {y} {z}\n")
        return path

    def loose(self, *trajectory: Path, name: str = "0f3a", **changes: Any) -> LooseFiles:
        given = {"topology": self.topology, "roles": self.roles_file, **changes}
        return LooseFiles(name=name, trajectory=trajectory, **given)

    def describe(self, *trajectory: Path, asked: Asked | None = None, **changes: Any):
        """Return the row and the pair counts of a trajectory."""
        files = Files(
            descriptors=self.folder / "d.parquet",
            rdf=self.folder / "rdf.parquet",
            dynamics=self.folder / "dyn.parquet",
            curves=None,
        )
        extract_loose(self.loose(*trajectory, **changes), files, asked=asked, fresh=True)
        row = read_frame(files.descriptors, DESCRIPTOR_TABLE, made_by="").iloc[0]
        return row, read_frame(files.rdf, RDF_TABLE, made_by="")


@pytest.fixture
def case(tmp_path, make_run):
    folder = make_run(n_frames=40)
    from iemhpc.tables.roles import ROLE_TABLE

    roles = read_frame(folder / "roles.parquet", ROLE_TABLE, made_by="")
    with mdtraj.formats.DCDTrajectoryFile(str(folder / "production.0.dcd")) as stream:
        positions_A = stream.read()[0]
    other = tmp_path / "loose"
    other.mkdir()
    return Case(other, folder, positions_A, roles)


def counts_of(rdf: pd.DataFrame) -> np.ndarray:
    time = rdf[rdf["split"] == "time"].sort_values(["pair", "block", "bin"])
    return time["count"].to_numpy()


def test_run_folder_dcd_xtc_and_dump_of_the_same_frames_give_the_same_table(tmp_path, case):
    extract_runs(Workspace(tmp_path))
    run = read_frame(tmp_path / "descriptors.parquet", DESCRIPTOR_TABLE, made_by="").iloc[0]
    counts = counts_of(read_frame(tmp_path / "rdf.parquet", RDF_TABLE, made_by=""))
    clock = Clock(timestep_fs=2.0, stride_steps=500)
    for path, said in (
        (case.dcd(), clock),
        (case.dump(), Clock(timestep_fs=2.0)),
        (case.xtc(), Clock()),
    ):
        row, rdf = case.describe(path, clock=said)
        assert row["sampled_ps"] == run["sampled_ps"] == pytest.approx(39.0)
        assert row["n_frames"] == run["n_frames"]
        if path.suffix == ".xtc":  # to its precision, 0.01 Å
            assert abs(counts_of(rdf).sum() - counts.sum()) < 0.001 * counts.sum()
            numbers = pytest.approx(run[list(DESCRIPTORS)].astype(float), rel=0.05, nan_ok=True)
            assert row[list(DESCRIPTORS)].astype(float).to_numpy() == numbers
            continue
        np.testing.assert_array_equal(counts_of(rdf), counts)
        for name in DESCRIPTORS:
            assert row[name] == run[name] or (pd.isna(row[name]) and pd.isna(run[name]))
        assert (row["n_waters"], row["n_counterions"], row["n_coions"]) == (60, 6, 1)


@pytest.mark.parametrize("kind", ["dump", "xtc"])
def test_overlapping_segments_count_as_the_unbroken_trajectory(case, kind):
    write = getattr(case, kind)
    _, whole = case.describe(write())
    first = write("a." + kind, slice(0, 25))
    second = write("b." + kind, slice(18, 33))
    third = write("c." + kind, slice(30, 40))
    _, resumed = case.describe(first, second, third)
    np.testing.assert_array_equal(counts_of(resumed), counts_of(whole))
    notes = open_loose([first, second, third], case.topology, case.roles_file).source.notes
    assert any("7 of 25 frames have a step that comes again later" in note for note in notes)


def test_dcd_without_steps_follow_each_other_and_time_is_not_made_up(case):
    first, second = case.dcd("a.dcd", slice(0, 25)), case.dcd("b.dcd", slice(25, 40))
    _, whole = case.describe(case.dcd())
    row, joined = case.describe(first, second)
    np.testing.assert_array_equal(counts_of(joined), counts_of(whole))
    assert pd.isna(row["sampled_ps"])
    notes = open_loose([first, second], case.topology, case.roles_file).source.notes
    assert any("b.dcd says no steps; taken to follow" in note for note in notes)
    assert any("a DCD tells no time; with --timestep" in note for note in notes)


def test_a_second_time_nothing_is_read_and_other_names_stay(case):
    path = case.dcd()
    files = Files(descriptors=case.folder / "d.parquet", rdf=None, dynamics=None, curves=None)
    assert extract_loose(case.loose(path, name="one"), files).n_done == 1
    assert extract_loose(case.loose(path, name="two"), files).n_done == 1
    again = extract_loose(case.loose(path, name="one"), files)
    assert (again.n_done, again.n_skipped) == (0, 1)
    table = read_frame(files.descriptors, DESCRIPTOR_TABLE, made_by="")
    assert table["run_id"].tolist() == ["one", "two"]
    case.roles_file.write_text(ROLES + '[conditions]\nsalt = "NaCl"\nsalt_molar = 0.5\n')
    assert extract_loose(case.loose(path, name="one"), files).n_done == 1
    table = read_frame(files.descriptors, DESCRIPTOR_TABLE, made_by="").set_index("run_id")
    assert table.loc["one", "salt"] == "NaCl"
    assert pd.isna(table.loc["two", "salt"])


def test_a_role_of_ones_own_makes_a_pair_by_name(case):
    case.roles_file.write_text(ROLES + "hydrogens = { type = 6 }\n")
    asked = Asked(pairs=("coion_hydrogens",), r_max_A=8.0)
    _, rdf = case.describe(case.dcd(), asked=asked)
    assert set(rdf["pair"]) == {
        "counterion_water", "tethered_water", "tethered_counterion", "coion_hydrogens"
    }  # fmt: skip
    assert rdf["r_A"].max() == pytest.approx(7.975)


@pytest.mark.parametrize(
    ("break_it", "error", "says"),
    [
        (lambda p: p.write_bytes(b""), TrajectoryError, r"empty \(0 bytes\); copy it again"),
        (lambda p: p.write_bytes(p.read_bytes()[:-9]), TrajectoryError, r"frame 39 is cut short"),
        (lambda p: p.write_text("hello"), TrajectoryError, "neither DCD, XTC nor a text dump"),
        (lambda p: p.unlink(), MissingInputError, "is not a file; wanted a trajectory"),
    ],
)
@pytest.mark.parametrize("kind", ["dcd", "xtc"])
def test_a_trajectory_that_cannot_be_used_says_why(case, kind, break_it, error, says):
    path = getattr(case, kind)("t.bin")
    break_it(path)
    with pytest.raises(error, match=says):
        open_loose([path], case.topology, case.roles_file)


def test_damage_inside_an_xtc_is_named(case):
    path = case.xtc()
    raw = bytearray(path.read_bytes())
    raw[3] = 0
    path.write_bytes(raw)
    with pytest.raises(TrajectoryError, match="not an XTC trajectory: its magic number is 1792"):
        open_loose([path], case.topology, case.roles_file)
    raw[3] = 0xCB
    at = raw.find(b"\x00\x00\x07\xcb", 4)
    raw[at + 3] = 1
    path.write_bytes(raw)
    with pytest.raises(TrajectoryError, match="frame 1 is damaged: its magic number is 1793"):
        open_loose([path], case.topology, case.roles_file)


def test_a_trajectory_of_another_box_is_refused(case):
    fewer = case.folder / "fewer.data"
    lines = case.data_text().replace("211 atoms", "210 atoms").splitlines()
    fewer.write_text("\n".join(lines[:-1]) + "\n")
    for path in (case.dcd(), case.xtc(), case.dump()):
        with pytest.raises(TrajectoryError, match=r"hold 211 atoms, .*fewer.data has 210; the two"):
            open_loose([path], fewer, case.roles_file)
    fewer.write_text("\n".join([*case.data_text().splitlines()[:-1], "311 80 6 0 0 0 0"]) + "\n")
    with pytest.raises(InputError, match="holds atom 211, which is not in"):
        open_loose([case.dump()], fewer, case.roles_file)
    swapped = case.folder / "swapped.data"
    swapped.write_text(case.data_text().replace("\n1 1 1 0.0", "\n1 1 4 0.0"))
    with pytest.raises(TrajectoryError, match=r"atom 1 has type 1, in .*swapped.data type 4"):
        open_loose([case.dump()], swapped, case.roles_file)


def test_bonds_across_the_box_tell_another_order_of_atoms(case):
    bonded = case.folder / "bonded.data"
    text = case.data_text().replace("6 atom types", "6 atom types\n3 bonds\n1 bond types")
    bonded.write_text(text + "\nBonds\n\n" + "".join(f"{k} 1 1 {29 + 7 * k}\n" for k in (1, 2, 3)))
    with pytest.raises(TrajectoryError, match=r"bonds of .*bonded.data are longer than 6 Å"):
        open_loose([case.dcd()], bonded, case.roles_file)


def test_what_does_not_go_together_is_refused(case):
    dcd, xtc = case.dcd(), case.xtc()
    with pytest.raises(InputError, match=r"of one kind; got .*t.dcd \(dcd\), .*t.xtc \(xtc\)"):
        open_loose([dcd, xtc], case.topology, case.roles_file)
    with pytest.raises(InputError, match="--stride is for DCD files"):
        open_loose([xtc], case.topology, case.roles_file, clock=Clock(stride_steps=5))
    with pytest.raises(InputError, match=r"does not say how many steps.*give --stride"):
        open_loose([dcd], case.topology, case.roles_file, clock=Clock(timestep_fs=2.0))
    with pytest.raises(InputError, match="--timestep: got -2, wanted femtoseconds above 0"):
        Clock(timestep_fs=-2.0)
    with pytest.raises(InputError, match="--stride: got 0, wanted at least 1 step"):
        Clock(stride_steps=0)
    assert kind_of(case.dump()) == "dump"


def test_too_long_a_range_is_refused_by_name(case):
    with pytest.raises(InputError, match=r"r_max of 12 Å is more than half the smallest height"):
        case.describe(case.dcd(), asked=Asked(r_max_A=12.0))


def test_out_is_not_written_over_what_is_no_table_of_descriptors(case):
    out = case.folder / "d.parquet"
    out.write_text("precious")
    files = Files(descriptors=out, rdf=None, dynamics=None, curves=None)
    with pytest.raises(InputError, match="is there and no Parquet"):
        extract_loose(case.loose(case.dcd()), files)
    assert out.read_text() == "precious"
    files = Files(descriptors=case.folder / "x.parquet", rdf=out, dynamics=None, curves=None)
    out.unlink()
    extract_loose(case.loose(case.dcd()), files)
    other = Files(descriptors=out, rdf=None, dynamics=None, curves=None)
    with pytest.raises(InputError, match="is there and holds rdf; name another"):
        extract_loose(case.loose(case.dcd()), other)


def test_a_tilted_xtc_is_turned_upright(case):
    path = case.folder / "t.xtc"
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    box = np.array([[20.0, 0, 0], [6.0, 19.0, 0], [-3.0, 4.0, 18.0]])
    at = case.positions_A[:6]
    with mdtraj.formats.XTCTrajectoryFile(str(path), "w") as stream:
        stream.write(
            (at @ turn / 10).astype(np.float32),
            time=np.arange(6, dtype=np.float32),
            step=np.arange(6, dtype=np.int32),
            box=np.repeat((box @ turn / 10).astype(np.float32)[None], 6, axis=0),
        )
    source = open_loose([path], case.topology, case.roles_file).source
    frames = next(iter(source.chunks()))
    np.testing.assert_allclose(frames.vectors_A[0], box, atol=1e-4)
    np.testing.assert_allclose(frames.positions_A, at, atol=0.012)


def test_a_zipped_dump_of_a_group_is_read_with_the_topology_of_all(case):
    whole, counts = case.describe(case.dump())
    ids = {k + 1 for k, kind in enumerate(case.types) if kind in {2, 3, 4, 5}}
    out = list[str]()
    for text in case.dump().read_text().split("ITEM: TIMESTEP\n")[1:]:
        head, rows = text.split("ITEM: ATOMS id type xu yu zu\n")
        kept = [row for row in rows.splitlines() if int(row.split()[0]) in ids]
        head = head.replace(f"\n{len(case.types)}\n", f"\n{len(kept)}\n")
        out.append("ITEM: TIMESTEP\n" + head + "ITEM: ATOMS id type xu yu zu\n")
        out.append("\n".join(kept) + "\n")
    path = case.folder / "group.lammpstrj.gz"
    path.write_bytes(gzip.compress("".join(out).encode()))
    row, found = case.describe(path)
    np.testing.assert_array_equal(counts_of(found), counts_of(counts))
    assert row["n_waters"] == whole["n_waters"] == 60


def test_rows_beside_the_tables_of_a_workspace_leave_its_replicas_alone(tmp_path, case):
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    before = workspace.replicas.read_bytes()
    files = Files(descriptors=tmp_path / "d.parquet", rdf=None, dynamics=None, curves=None)
    extract_loose(case.loose(case.dcd(), name="mine"), files)
    assert workspace.replicas.read_bytes() == before
