"""Text dumps through mdtraj: ordinary trajectories by our reader, equal to mdtraj's own."""

import gzip
import subprocess
from pathlib import Path

import mdtraj
import numpy as np
import pyarrow as pa
import pytest
from mdtraj.formats.registry import FormatRegistry

from iemhpc.descriptors.dump_mdtraj import LammpsDumpFile, load_dump, register_dumps
from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.errors import InputError, TrajectoryError

N_ATOMS, N_FRAMES = 4, 25


def topology(n_atoms: int = N_ATOMS) -> mdtraj.Topology:
    made = mdtraj.Topology()
    residue = made.add_residue("X", made.add_chain())
    for _ in range(n_atoms):
        made.add_atom("Ar", mdtraj.element.argon, residue)
    return made


@pytest.fixture
def registered():
    """mdtraj reading dumps by us, for one test."""
    before = dict(FormatRegistry.loaders), dict(FormatRegistry.fileobjects)
    register_dumps()
    yield
    FormatRegistry.loaders.clear()
    FormatRegistry.loaders.update(before[0])
    FormatRegistry.fileobjects.clear()
    FormatRegistry.fileobjects.update(before[1])


@pytest.fixture
def dump(tmp_path, dump_frame) -> Path:
    """A dump whose atom a stands at (k, a, 0.5) in frame k, at step 100 k."""
    path = tmp_path / "t.lammpstrj"
    path.write_text(
        "".join(
            dump_frame(
                "\n".join(f"{a + 1} 1 {k} {a} 0.5" for a in range(N_ATOMS)),
                step=100 * k,
                box=f"0 {30 + k}\n0 30\n0 30",
            )
            for k in range(N_FRAMES)
        )
    )
    return path


def test_iterload_gives_ordinary_trajectories_in_nanometres(registered, dump):
    chunks = list(mdtraj.iterload(str(dump), top=topology(), chunk=10))
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    whole = mdtraj.join(chunks)
    np.testing.assert_allclose(whole.xyz[:, :, 0], np.arange(25.0)[:, None] / 10 * np.ones(4))
    np.testing.assert_allclose(whole.xyz[3, :, 1], [0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(whole.unitcell_lengths[:, 0], (30 + np.arange(25)) / 10)
    np.testing.assert_allclose(whole.unitcell_angles, 90.0)
    assert whole.time.tolist() == [100.0 * k for k in range(25)]  # steps, as nobody says more


def test_skip_stride_and_atoms_are_those_of_mdtraj(registered, dump):
    chunks = mdtraj.iterload(
        str(dump), top=topology(), chunk=4, skip=3, stride=2, atom_indices=[1, 3]
    )
    whole = mdtraj.join(list(chunks))
    assert whole.time.tolist() == [100.0 * k for k in range(3, 25, 2)]
    np.testing.assert_allclose(whole.xyz[0, :, 1], [0.1, 0.3])
    frame = mdtraj.load_frame(str(dump), 7, top=topology())
    np.testing.assert_allclose(frame.xyz[0, 0], [0.7, 0, 0.05])
    loaded = mdtraj.load(str(dump), top=topology(), stride=5)
    assert loaded.time.tolist() == [0, 500, 1000, 1500, 2000]


def test_times_and_lengths_follow_from_what_the_caller_knows(registered, dump):
    for loaded in (
        load_dump(dump, top=topology(), timestep_fs=2.0, units="nano"),
        mdtraj.load(str(dump), top=topology(), timestep_fs=2.0, units="nano"),
    ):
        np.testing.assert_allclose(loaded.time, 0.2 * np.arange(25))
        np.testing.assert_allclose(loaded.xyz[:, 0, 0], np.arange(25.0))
    register_dumps(timestep_fs=4.0, units="lj", length_A=5.0)
    chunk = next(mdtraj.iterload(str(dump), top=topology(), chunk=3))
    np.testing.assert_allclose(chunk.time, [0, 0.4, 0.8])
    np.testing.assert_allclose(chunk.xyz[:, 0, 0], [0, 0.5, 1.0])


@pytest.mark.parametrize("name", ["t.lammpstrj.gz", "t.lammpstrj.zst"])
def test_compressed_dumps_are_loaded_by_their_names(registered, dump, tmp_path, name):
    packed = tmp_path / name
    data = dump.read_bytes()
    packed.write_bytes(
        gzip.compress(data) if name.endswith("gz") else pa.compress(data, "zstd", asbytes=True)
    )
    plain = mdtraj.load(str(dump), top=topology())
    np.testing.assert_array_equal(mdtraj.load(str(packed), top=topology()).xyz, plain.xyz)
    parts = list(mdtraj.iterload(str(packed), top=topology(), chunk=7))
    np.testing.assert_array_equal(mdtraj.join(parts).xyz, plain.xyz)


def test_an_open_file_seeks_tells_and_knows_its_length(registered, dump):
    with mdtraj.open(str(dump)) as file:
        assert isinstance(file, LammpsDumpFile)
        assert len(file) == N_FRAMES
        assert file.notes
        file.seek(20)
        xyz_A, lengths_A, angles_deg = file.read(2)
        assert xyz_A[:, 0, 0].tolist() == [20, 21]
        assert lengths_A[:, 0].tolist() == [50, 51]
        np.testing.assert_allclose(angles_deg, 90.0)
        assert file.tell() == 22
        file.seek(-2, 1)
        assert file.tell() == 20
        file.seek(0, 2)
        assert [len(part) for part in file.read()] == [0, 0, 0]
        with pytest.raises(InputError, match="frame 26 of 25 was sought"):
            file.seek(1, 2)
        with pytest.raises(InputError, match="wanted 0, 1 or 2"):
            file.seek(1, 5)


def test_writing_stays_with_mdtraj(registered, dump, tmp_path):
    made = mdtraj.load(str(dump), top=topology())
    path = tmp_path / "written.lammpstrj"
    with mdtraj.open(str(path), "w") as file:
        file.write(made.xyz * 10, made.unitcell_lengths * 10, made.unitcell_angles)
    again = mdtraj.load(str(path), top=topology())
    np.testing.assert_allclose(again.xyz, made.xyz, atol=1e-4)
    with pytest.raises(InputError, match="this reads dumps only"):
        mdtraj.open(str(tmp_path / "t.lammpstrj.gz"), "w")


def test_what_does_not_fit_is_refused(registered, dump, dump_frame, tmp_path):
    with pytest.raises(TrajectoryError, match="hold 4 atoms, the topology 5"):
        mdtraj.load(str(dump), top=topology(5))
    with pytest.raises(InputError, match="give one"):
        load_dump(dump)
    slab = tmp_path / "slab.lammpstrj"
    slab.write_text(dump_frame(kind="pp pp ff"))
    with pytest.raises(TrajectoryError, match="periodic in all directions or in none"):
        mdtraj.open(str(slab))
    slab.write_text(dump_frame(kind="ff ss fm"))
    assert mdtraj.load(str(slab), top=topology(2)).unitcell_lengths is None
    with mdtraj.open(str(slab)) as file:
        assert file.read()[1] is None


def test_a_cut_file_is_refused_where_mdtraj_gives_fewer_frames(registered, dump):
    dump.write_bytes(dump.read_bytes()[: -len("4 1 24 3 0.5 \n")])
    with mdtraj.formats.LAMMPSTrajectoryFile(str(dump)) as theirs:
        assert len(theirs.read()[0]) == N_FRAMES - 1
    with pytest.raises(TrajectoryError, match=r"frame 24 \(step 2400\): it is cut short"):
        list(mdtraj.iterload(str(dump), top=topology()))


# by LAMMPS

INPUT = """
units {units}
{prism}
create_box 2 box
create_atoms 1 random 60 7 NULL overlap {apart} maxtry 500 units box
set group all type/fraction 2 0.5 99
mass * 20.0
pair_style zero {cut}
pair_coeff * *
velocity all create 300.0 17
fix move all nve
timestep {timestep}
variable boxes equal 1
dump plain all custom 50 plain.lammpstrj id type x y z
dump unwrapped all custom 50 unwrapped.lammpstrj id type xu yu zu
dump images all custom 50 images.lammpstrj id type x y z ix iy iz
dump scaled all custom 50 scaled.lammpstrj id type xs ys zs ix iy iz
dump scaled_unwrapped all custom 50 scaled_unwrapped.lammpstrj id type xsu ysu zsu
dump sorted all custom 50 sorted.lammpstrj id type xu yu zu
dump_modify sorted sort id units yes time yes format float %.10g
dump atomic all atom 50 atomic.lammpstrj
group odd type 2
dump grouped odd custom 50 grouped.lammpstrj id xu yu zu
dump packed all custom/gz 50 packed.*.lammpstrj.gz id type xu yu zu
{more}
run 400
"""
GENERAL = """
dump general all custom 50 general.lammpstrj id type x y z ix iy iz
dump_modify general triclinic/general yes
dump general_scaled all custom 50 general_scaled.lammpstrj id type xsu ysu zsu
dump_modify general_scaled triclinic/general yes
"""


def run_lammps(lmp: str, folder: Path, text: str) -> None:
    (folder / "in.lammps").write_text(text)
    answer = subprocess.run(
        [lmp, "-in", "in.lammps", "-screen", "none"], cwd=folder, timeout=120, check=False
    )
    assert answer.returncode == 0, (folder / "log.lammps").read_text()[-1500:]


def positions_A(path: Path, **options):
    chunks = list(open_dumps([path], **options).trajectory.chunks())
    assert len(chunks) == 1
    return chunks[0].positions_A, chunks[0].vectors_A


@pytest.mark.lammps
@pytest.mark.parametrize("is_tilted", [False, True])
def test_dumps_by_lammps_are_those_of_mdtraj_and_of_each_other(lmp, tmp_path, is_tilted):
    prism = (
        "region box prism -3 15 0 14 1 15 2 -1.5 3 units box"
        if is_tilted
        else "region box block -3 15 0 14 1 15"
    )
    text = INPUT.format(units="real", prism=prism, apart=1.5, cut=4.0, timestep="5.0", more="")
    run_lammps(lmp, tmp_path, text)
    for name in ("plain", "unwrapped"):
        path = tmp_path / f"{name}.lammpstrj"
        ours, vectors_A = positions_A(path)
        with mdtraj.formats.LAMMPSTrajectoryFile(str(path)) as file:
            theirs, lengths_A, angles_deg = file.read()
        assert ours.shape == theirs.shape == (9, 60, 3)
        np.testing.assert_array_equal(ours, theirs.astype(np.float32))
        parts = mdtraj.utils.box_vectors_to_lengths_and_angles(*vectors_A.transpose(1, 0, 2))
        np.testing.assert_allclose(np.stack(parts[:3], axis=1), lengths_A, rtol=1e-12)
        np.testing.assert_allclose(np.stack(parts[3:], axis=1), angles_deg, rtol=1e-12)
    truth, _ = positions_A(tmp_path / "unwrapped.lammpstrj")
    plain, _ = positions_A(tmp_path / "plain.lammpstrj")
    assert np.abs(truth - plain).max() > 10.0  # some have left the box
    for name in ("images", "scaled", "scaled_unwrapped", "sorted"):
        got, _ = positions_A(tmp_path / f"{name}.lammpstrj")
        np.testing.assert_allclose(got, truth, atol=1e-3, err_msg=name)
        assert open_dumps([tmp_path / f"{name}.lammpstrj"]).is_unwrapped
    atomic, _ = positions_A(tmp_path / "atomic.lammpstrj")
    np.testing.assert_allclose(atomic, plain, atol=1e-3)
    said = open_dumps([tmp_path / "sorted.lammpstrj"])
    assert said.units == "real"
    assert said.trajectory.timestep_fs == pytest.approx(5.0)
    group = open_dumps([tmp_path / "grouped.lammpstrj"])
    got = next(group.trajectory.chunks()).positions_A
    np.testing.assert_array_equal(got, truth[:, group.atoms.ids - 1])
    packed = [tmp_path / f"packed.{step}.lammpstrj.gz" for step in range(0, 401, 50)]
    whole = np.concatenate([c.positions_A for c in open_dumps(packed).trajectory.chunks()])
    np.testing.assert_array_equal(whole, truth)


@pytest.mark.lammps
def test_a_general_triclinic_box_by_lammps_has_the_distances_of_the_restricted(lmp, tmp_path):
    prism = (
        "lattice custom 1.0 a1 0 15 1 a2 -14 3 0 a3 2 -1 16 basis 0.0 0.0 0.0 triclinic/general\n"
        "create_box 2 NULL 0 1 0 1 0 1\n"
        "region box block INF INF INF INF INF INF"
    )
    text = INPUT.format(
        units="metal", prism=prism, apart=1.5, cut=4.0, timestep="0.005", more=GENERAL
    ).replace("create_box 2 box\n", "")
    run_lammps(lmp, tmp_path, text)
    truth, vectors_A = positions_A(tmp_path / "unwrapped.lammpstrj")
    for name in ("general", "general_scaled"):
        got, theirs_A = positions_A(tmp_path / f"{name}.lammpstrj")
        np.testing.assert_allclose(theirs_A, vectors_A, rtol=1e-6, atol=1e-4)
        for reference in (0, 17):
            np.testing.assert_allclose(
                got - got[:, [reference]], truth - truth[:, [reference]], atol=2e-3, err_msg=name
            )
    timed = open_dumps([tmp_path / "sorted.lammpstrj"])
    assert timed.units == "metal"
    assert timed.trajectory.timestep_fs == pytest.approx(5.0)


@pytest.mark.lammps
def test_a_restart_into_the_same_dump_counts_each_step_once(lmp, tmp_path):
    begin = INPUT.format(
        units="real",
        prism="region box block 0 15 0 15 0 15",
        apart=1.5,
        cut=4.0,
        timestep="5.0",
        more="restart 175 half.*",
    )
    run_lammps(lmp, tmp_path, begin)
    whole, _ = positions_A(tmp_path / "sorted.lammpstrj")
    resume = (
        "units real\nread_restart half.175\npair_style zero 4.0\npair_coeff * *\n"
        "fix move all nve\ntimestep 5.0\n"
        "dump sorted all custom 50 sorted.lammpstrj id type xu yu zu\n"
        "dump_modify sorted sort id units yes time yes format float %.10g append yes\n"
        "run 400 upto\n"
    )
    run_lammps(lmp, tmp_path, resume)
    source = open_dumps([tmp_path / "sorted.lammpstrj"]).trajectory
    assert source.steps.tolist() == list(range(0, 401, 50))
    again = np.concatenate([chunk.positions_A for chunk in source.chunks()])
    np.testing.assert_allclose(again, whole, atol=1e-3)
    assert "5 of 14 frames have a step that comes again later" in " ".join(source.notes)
