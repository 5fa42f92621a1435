import itertools

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from iemhpc.errors import UnknownNameError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.growth import grow_chains
from iemhpc.system.tacticity import TACTICITIES, backbone_centres, backbones, meso_fraction

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
METHACRYLATE = RepeatUnit("methyl methacrylate", "[*]CC([*])(C)C(=O)OC")


def sides_of_the_zigzag(chain: Chem.Mol, coil: np.ndarray) -> list[bool]:
    """Stretch the backbone to a plane and say on which side of it each group stands.

    The textbook's definition of tacticity, from coordinates and SMARTS alone.
    """
    stretched = Chem.Mol(chain)
    Chem.FastFindRings(stretched)
    conformer = Chem.Conformer(chain.GetNumAtoms())
    conformer.SetPositions(np.asarray(coil, dtype=float))
    stretched.AddConformer(conformer)
    conformer = stretched.GetConformer()
    ends = [atom.GetIdx() for atom in chain.GetAtoms() if atom.GetIntProp("unit_atom") <= 1]
    backbone = sorted(i for i in ends if chain.GetAtomWithIdx(i).GetAtomicNum() == 6)
    for k in range(len(backbone) - 3):
        rdMolTransforms.SetDihedralDeg(conformer, *backbone[k : k + 4], 180.0)
    x = conformer.GetPositions()
    line = x[backbone[-1]] - x[backbone[0]]
    up = np.cross(line, x[backbone[1]] - x[backbone[0]])
    sides = []
    for atom in backbone[1:-1:2]:
        (group,) = (
            n.GetIdx()
            for n in chain.GetAtomWithIdx(atom).GetNeighbors()
            if n.GetIdx() not in backbone and n.GetIntProp("unit_atom") == 2
        )
        sides.append(bool((x[group] - x[atom]) @ up > 0))
    return sides


def grown(units: list[RepeatUnit], tacticity: str, seed: int = 1) -> tuple[Chem.Mol, np.ndarray]:
    chain = link(units)
    (coil,) = grow_chains([chain], edge_A=60.0, seed=seed, tacticity=tacticity)
    return chain, coil


@pytest.mark.parametrize("unit", [STYRENE, RepeatUnit("vinyl alcohol", "[*]CC([*])O")])
@pytest.mark.parametrize(("tacticity", "wanted"), [("isotactic", 1.0), ("syndiotactic", 0.0)])
def test_side_groups_stand_where_the_tacticity_wants_them(
    unit: RepeatUnit, tacticity: str, wanted: float
) -> None:
    chain, coil = grown([unit] * 16, tacticity)
    sides = sides_of_the_zigzag(chain, coil)
    meso = np.mean([first == second for first, second in itertools.pairwise(sides)])
    assert len(sides) == 15
    assert meso == wanted
    assert meso_fraction(chain, coil) == wanted


def test_an_atactic_chain_has_as_many_meso_dyads_as_its_own_zigzag_says() -> None:
    chain, coil = grown([STYRENE] * 61, "atactic")
    sides = sides_of_the_zigzag(chain, coil)
    meso = np.mean([first == second for first, second in itertools.pairwise(sides)])
    assert meso_fraction(chain, coil) == pytest.approx(meso)
    assert 0.3 < meso < 0.7  # Bernoulli: 0.5 +- 0.065


@pytest.mark.parametrize(("tacticity", "wanted"), [("isotactic", 1.0), ("syndiotactic", 0.0)])
def test_a_quaternary_centre_has_a_hand_too(tacticity: str, wanted: float) -> None:
    chain, coil = grown([METHACRYLATE] * 10, tacticity)
    assert meso_fraction(chain, coil) == wanted


@pytest.mark.parametrize(("tacticity", "wanted"), [("isotactic", 1.0), ("syndiotactic", 0.0)])
def test_units_without_a_centre_are_passed_over(tacticity: str, wanted: float) -> None:
    ethylene = RepeatUnit("ethylene", "[*]CC[*]")
    chain, coil = grown(
        [STYRENE, ethylene, STYRENE, ethylene, ethylene, STYRENE, STYRENE], tacticity
    )
    ((*centres,),) = backbone_centres(chain)
    assert len(centres) == 3
    assert meso_fraction(chain, coil) == wanted


@pytest.mark.parametrize("tacticity", TACTICITIES)
def test_side_chains_of_nafion_stay_of_either_hand(tacticity: str) -> None:
    chain, coil = grown(list(chain_sequence(load_membrane("Nafion").polymer, 60, 1)), tacticity)
    ((*centres,),) = backbone_centres(chain)
    hands = []
    for c in centres:
        ether = chain.GetAtomWithIdx(c.side)
        assert ether.GetSymbol() == "O"
    branched = chain.GetSubstructMatches(Chem.MolFromSmarts("C(F)(C(F)(F)F)(O)C(F)(F)O"))
    for centre, fluorine, methyl, _, _, _, oxygen, *_ in branched:
        arms = coil[[fluorine, methyl, oxygen]] - coil[centre]
        hands.append(bool(np.linalg.det(arms) > 0))
    assert len(hands) >= 6
    assert set(hands) == {True, False}
    if tacticity != "atactic":
        assert meso_fraction(chain, coil) == (1.0 if tacticity == "isotactic" else 0.0)


def test_a_prescribed_hand_wins_over_the_tacticity() -> None:
    chain, coil = grown([RepeatUnit("one hand", "[*]C[C@H]([*])O")] * 8, "syndiotactic")
    assert meso_fraction(chain, coil) == 1.0


def test_meso_dyads_are_seen_across_the_faces_of_a_box() -> None:
    chain, coil = grown([STYRENE] * 12, "isotactic")
    box_A = np.full(3, 25.0)
    assert meso_fraction(chain, np.mod(coil, 25.0), box_A=box_A) == 1.0


def test_a_chain_without_centres_has_no_dyads() -> None:
    chain, coil = grown([RepeatUnit("ethylene", "[*]CC[*]")] * 4, "isotactic")
    assert meso_fraction(chain, coil) is None


def test_both_backbones_of_a_cross_linker_are_walked() -> None:
    dvb = RepeatUnit("DVB", "[*]CC([*])c1ccc(cc1)C([*])C[*]")
    chain = link([STYRENE, dvb, STYRENE])
    ring = chain.GetAtomWithIdx(next(a.GetIdx() for a in chain.GetAromaticAtoms()))
    assert ring.GetIsAromatic()
    (walked, *_) = backbones(chain)
    assert len(walked) == 6
    bonded = [chain.GetBondBetweenAtoms(a, b) for a, b in itertools.pairwise(walked)]
    assert all(bond is not None for bond in bonded)


def test_unknown_tacticity_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown tacticity 'isotatic'.*syndiotactic"):
        grown([STYRENE] * 3, "isotatic")
