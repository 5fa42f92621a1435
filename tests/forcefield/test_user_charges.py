"""The user's own charges: three kinds of file, exact sums, and what is said of wrong ones."""

import json
from math import fsum

import pytest

from iemhpc.errors import InputError, MissingInputError
from iemhpc.forcefield.user_charges import load_user_charges, template
from iemhpc.polymer.repeat_unit import RepeatUnit

SULFONATE = RepeatUnit("vinyl sulfonate", "[*]CC([*])S(=O)(=O)[O-]")
ALCOHOL = RepeatUnit("vinyl alcohol", "[*]CC([*])O")
TEXT = """
[[unit]]
smiles = "[*]CC([*])S(=O)(=O)[O-]"
charges = [-0.12, -0.16, 1.24, -0.70, -0.71, -0.72]
hydrogens = [0.07, 0.03, 0.0, 0.0, 0.0, 0.0]
"""
N_HYDROGENS = (2, 1, 0, 0, 0, 0)


def written(tmp_path, text, suffix=".toml"):
    path = tmp_path / f"mine{suffix}"
    path.write_text(text)
    return path


def test_the_sum_is_exact_and_the_drift_is_kept(tmp_path):
    given = load_user_charges(written(tmp_path, TEXT)).of(SULFONATE)
    pairs = zip(N_HYDROGENS, given.hydrogens_e, strict=True)
    assert fsum((*given.charges_e, *(n * q for n, q in pairs))) == pytest.approx(-1.0, abs=1e-12)
    assert given.drift_e == pytest.approx(0.0, abs=1e-9)


def test_equivalent_atoms_take_their_mean(tmp_path):
    given = load_user_charges(written(tmp_path, TEXT)).of(SULFONATE)
    assert given.charges_e[3:] == (-0.71, -0.71, -0.71)


def test_a_small_deviation_is_spread_evenly(tmp_path):
    text = TEXT.replace("1.24", "1.267")
    given = load_user_charges(written(tmp_path, text)).of(SULFONATE)
    assert given.drift_e == pytest.approx(0.027)
    assert given.hydrogens_e[:2] == pytest.approx((0.067, 0.027))
    assert given.charges_e[2] == pytest.approx(1.264)


def test_another_spelling_of_the_unit_has_its_atoms_in_its_own_order(tmp_path):
    charges = load_user_charges(written(tmp_path, TEXT))
    given = charges.of(RepeatUnit("x", "[O-]S(=O)(=O)C([*])C[*]"))
    assert given.charges_e == (-0.71, 1.24, -0.71, -0.71, -0.16, -0.12)
    assert given.hydrogens_e == (0.0, 0.0, 0.0, 0.0, 0.03, 0.07)


def test_toml_json_and_csv_say_the_same(tmp_path):
    first = load_user_charges(written(tmp_path, TEXT)).of(SULFONATE)
    entry = {
        "smiles": SULFONATE.smiles,
        "charges": [-0.12, -0.16, 1.24, -0.70, -0.71, -0.72],
        "hydrogens": [0.07, 0.03, 0, 0, 0, 0],
    }
    rows = zip(entry["charges"], entry["hydrogens"], strict=True)
    lines = [f"{SULFONATE.smiles},{i},{q},{h}" for i, (q, h) in enumerate(rows)]
    table = "\n".join(["smiles,atom,charge_e,hydrogen_charge_e", *lines])
    for suffix, text in ((".json", json.dumps({"unit": [entry]})), (".csv", table)):
        assert load_user_charges(written(tmp_path, text, suffix)).of(SULFONATE) == first


def test_all_missing_units_are_listed_at_once_with_a_template_that_can_be_read(tmp_path):
    charges = load_user_charges(written(tmp_path, TEXT))
    styrene = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
    with pytest.raises(InputError, match=r"no charges for vinyl alcohol, styrene") as error:
        charges.need([SULFONATE, ALCOHOL, styrene])
    pasted = str(error.value).partition(":\n\n")[2]
    again = load_user_charges(written(tmp_path, TEXT + pasted))
    again.need([SULFONATE, ALCOHOL, styrene])


@pytest.mark.parametrize(
    ("suffix", "text", "said"),
    [
        (".csv", "smiles,atom,charge_e,hydrogen_charge_e\n[*]C[*],0,0,0\n", "O,2,0.0,0.0"),
        (
            ".json",
            '{"unit": [{"smiles": "[*]C[*]", "charges": [0.0], "hydrogens": [0.0]}]}',
            '{"smiles": "[*]CC([*])O", "charges": [0.0, 0.0, 0.0], "hydrogens": [0.0, 0.0, 0.0]}',
        ),
    ],
)
def test_a_template_is_of_the_kind_of_the_file(tmp_path, suffix, text, said):
    path = tmp_path / f"mine{suffix}"
    path.write_text(text)
    with pytest.raises(InputError, match=r"has no charges for alcohol; add") as caught:
        load_user_charges(path).need([RepeatUnit("alcohol", "[*]CC([*])O")])
    assert said in str(caught.value)


def test_the_template_of_a_charged_unit_says_what_it_must_sum_to():
    assert "# vinyl sulfonate, sum -1: C(2 H) C(1 H) S(0 H)" in template(SULFONATE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("1.24", "1.40"), r"charges sum to -0\.8400, the formal charge is -1; more than 0\.05 e"),
        (("-0.12, ", ""), r"charges has 5 numbers, wanted 6"),
        (("hydrogens", "hydrogen"), "hydrogen is not known; a unit has smiles"),
        (("1.24", "nan"), "charges holds nan, wanted a number"),
        (("1.24", '"x"'), "charges holds 'x', wanted a number"),
        (("[*]CC([*])S", "[*]CCS"), "1 attachment points"),
        (("[[unit]]", "unit = 3\n[x]"), r"unit must be a list of tables"),
        (("[[unit]]", "[[unit"), "cannot be read"),
        (("[[unit]]", "[[other]]"), r"has no \[\[unit\]\]"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        load_user_charges(written(tmp_path, TEXT.replace(*change)))


def test_a_unit_given_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"twice; keep one"):
        load_user_charges(written(tmp_path, TEXT + TEXT))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingInputError, match=r"no\.toml is not a file; charges are the name"):
        load_user_charges(tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smiles,charge_e\n", "has the columns smiles, charge_e; wanted: smiles, atom"),
        ("smiles,atom,charge_e,hydrogen_charge_e\n[*]CC[*],1,0,0\n", r"line 2: atom '1'.*wanted 0"),
        ("smiles,atom,charge_e,hydrogen_charge_e\n[*]CC[*],0,x,0\n", "charge_e is 'x', not a num"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        load_user_charges(written(tmp_path, text, ".csv"))


def chain_of(*units):
    from iemhpc.polymer.chain import link

    return link(units)


def test_a_gaff2_chain_takes_the_charges_of_the_file_and_the_types_of_the_shipped_residue(tmp_path):
    from iemhpc.forcefield.gaff2 import parametrise_chain

    text = '[[unit]]\nsmiles = "C([*])C([*])O"\ncharges = [-0.1, 0.1, -0.7]\n'
    path = written(tmp_path, text + "hydrogens = [0.05, 0.1, 0.502]\n")
    said = []
    parameters = parametrise_chain(chain_of(*[ALCOHOL] * 3), str(path), say=said.append)
    assert parameters.charges_e.sum() == pytest.approx(0.0, abs=1e-9)
    oxygen = [i for i, element in enumerate(parameters.elements) if element == "O"]
    assert parameters.charges_e[oxygen] == pytest.approx(-0.7, abs=1e-3)
    (origin,) = parameters.charge_origins
    assert origin.method == "user"
    assert origin.drift_e == pytest.approx(0.002)
    assert "mine.toml (SHA-256" in origin.source
    assert any("missed its charge by +0.0020 e" in line for line in said)
    assert {term.types[0] for term in parameters.atom_types} == {"c3", "oh", "hc", "h1", "ho"}


def test_all_units_of_a_chain_that_the_file_lacks_are_said_at_once(tmp_path):
    from iemhpc.forcefield.gaff2 import parametrise_chain

    fluoride = RepeatUnit("vinyl fluoride", "[*]CC([*])F")
    path = written(tmp_path, TEXT)
    with pytest.raises(InputError, match=r"no charges for vinyl_alcohol, vinyl fluoride; add"):
        parametrise_chain(chain_of(ALCOHOL, fluoride, ALCOHOL, fluoride), str(path))


def test_a_new_unit_with_charges_of_the_users_own_needs_no_quantum_chemistry(tmp_path, monkeypatch):
    from iemhpc.errors import ProgramError
    from iemhpc.forcefield import charges
    from iemhpc.forcefield.residues import load_residue

    try:
        charges.amber_home()
    except ProgramError:
        pytest.skip("antechamber not installed")
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path / "cache"))
    commands = []
    run = charges._run
    monkeypatch.setattr(
        charges, "_run", lambda command, **how: commands.append(command) or run(command, **how)
    )
    fluoride = RepeatUnit("vinyl fluoride", "[*]CC([*])F")
    text = '[[unit]]\nsmiles = "[*]CC([*])F"\ncharges = [-0.1, 0.1, -0.2]\n'
    path = written(tmp_path, text + "hydrogens = [0.05, 0.1, 0.0]\n")
    residue = load_residue(fluoride, method=str(path))
    assert [atom.type for atom in residue.atoms] == ["c3", "c3", "f"]
    assert [atom.hydrogen_type for atom in residue.atoms] == ["hc", "h1", None]
    assert [atom.charge_e for atom in residue.atoms] == [-0.1, 0.1, -0.2]
    assert not any("bcc" in command for command in commands)
    n_commands = len(commands)
    load_residue(fluoride, method=str(path))
    assert len(commands) == n_commands


def test_without_antechamber_a_new_unit_cannot_be_typed_and_it_is_said(tmp_path, monkeypatch):
    from iemhpc.errors import ProgramError
    from iemhpc.forcefield import charges
    from iemhpc.forcefield.residues import load_residue

    def nowhere():
        raise ProgramError(f"antechamber is not on this machine; {charges.INSTALL}")

    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(charges, "amber_home", nowhere)
    text = '[[unit]]\nsmiles = "[*]CC([*])F"\ncharges = [-0.1, 0.1, -0.2]\n'
    path = written(tmp_path, text + "hydrogens = [0.05, 0.1, 0.0]\n")
    with pytest.raises(ProgramError, match="antechamber is not on this machine; install it with"):
        load_residue(RepeatUnit("vinyl fluoride", "[*]CC([*])F"), method=str(path))
