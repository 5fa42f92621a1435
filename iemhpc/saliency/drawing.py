"""A saliency map as a picture: the structure in black, beneath it a glow of what each atom does.

Red raises the prediction, blue lowers it, grey is where the models of the ensemble disagree. The
glow is a sum of Gaussians of 0.4 bond lengths; its colour is their weighted *mean*, because a sum
would saturate wherever atoms stand close. The colour bar always runs from -1 to 1.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.Geometry import Point2D, Point3D

from iemhpc.errors import ChemistryError, InputError
from iemhpc.saliency.layout import lay_out
from iemhpc.workspace import Workspace, content_hash

Floats = NDArray[np.float64]

BOND_PT = 19.0
"""Length of a bond in the picture, in points of 1/72 inch."""

BOND_WIDTH = 2.4
"""Width of its line, where a bond is 30 long."""

GLOW_BONDS = 0.4
"""Standard deviation of an atom's glow, in bond lengths."""

GLOW_OPACITY = 0.85
GLOW_PIXELS_PER_BOND = 12
PNG_DPI = 216
MARGIN_BONDS = 1.3
SALT_GAP_BONDS = 2.2
"""Between the polymer and the salt beside it."""

HEAD_PT, FOOT_PT, LEAST_WIDTH_PT = 34.0, 48.0, 470.0

RED, WHITE, BLUE, GREY = "#b2182b", "#f7f7f7", "#2166ac", (0.82, 0.82, 0.82)
COLOURS = LinearSegmentedColormap.from_list(
    "raises_lowers", [BLUE, "#67a9cf", WHITE, "#ef8a62", RED]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomMap:
    """One number an atom of a molecule."""

    smiles: str
    """Its atoms, in this order, are those of ``values``."""
    values: Floats
    """Shape (n_atoms,), between -1 (lowers) and 1 (raises)."""
    agrees: NDArray[np.bool_]
    """Shape (n_atoms,): whether the models agree on the sign; where not, the atom is grey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn: a polymer with its salt beside it."""

    polymer: AtomMap
    salt: AtomMap
    title: str
    """Largest line, such as ``CR61/NaCl``."""
    subtitle: str
    """Beside it, such as the level of the model."""
    caption: Sequence[str]
    """Lines at the foot: method, columns, bundle."""


@dataclass(frozen=True, slots=True)
class _Scene:
    mol: Chem.Mol
    """Polymer and salt as one molecule with one conformer, in bond lengths."""
    values: Floats
    agrees: NDArray[np.bool_]
    low: Floats
    """Lower left corner of what is drawn, bond lengths."""
    size: Floats
    """Its width and height."""


def draw(picture: Picture) -> tuple[bytes, str]:
    """Return the picture as PNG and as SVG.

    Raises
    ------
    ChemistryError
        Where a SMILES does not parse.
    InputError
        Where values and atoms do not match, or a value is outside -1..1.
    """
    scene = _scene(picture)
    whole: dict[str, Any] = {"extent": (0, 1, 0, 1), "aspect": "auto"}
    with mpl.rc_context({"font.family": "DejaVu Sans", "svg.hashsalt": "iemhpc"}):
        figure, axes = _frame(picture, scene)
        glow = axes.imshow(_glow(scene), interpolation="none", **whole)
        vector = io.StringIO()
        figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": "iemhpc"})
        glow.set_interpolation("bilinear")
        axes.imshow(_structure_png(scene), interpolation="nearest", zorder=3, **whole)
        raster = io.BytesIO()
        figure.savefig(
            raster,
            format="png",
            dpi=PNG_DPI,
            metadata={"Software": "iemhpc"},
            pil_kwargs={"compress_level": 4},
        )
    alternative = f"Saliency of {picture.title}, {picture.subtitle}"
    return raster.getvalue(), _with_structure(vector.getvalue(), scene, alternative)


def glow_colours(weights: Floats, values: Floats, agrees: NDArray[np.bool_]) -> Floats:
    """Return red, green, blue and opacity where atoms with these weights shine.

    Parameters
    ----------
    weights : ndarray, shape (..., n_atoms)
        Of each atom at each place, between 0 and 1.
    values, agrees : ndarray, shape (n_atoms,)
        As in :class:`AtomMap`.

    Returns
    -------
    ndarray, shape (..., 4)

    Examples
    --------
    Two atoms that pull in opposite directions cancel; they do not add up to violet.

    >>> both = glow_colours(np.ones((1, 2)), np.array([1.0, -1.0]), np.array([True, True]))
    >>> bool(np.ptp(both[0, :3]) < 0.02)
    True
    """
    total = weights.sum(axis=-1) + 1e-12
    mean = (weights * (values * agrees)).sum(axis=-1) / total
    doubtful = (weights * ~agrees).sum(axis=-1) / total
    rgba = np.asarray(COLOURS((mean + 1.0) / 2.0))
    rgba[..., :3] += doubtful[..., None] * (np.asarray(GREY) - rgba[..., :3])
    rgba[..., 3] = GLOW_OPACITY * (1.0 - np.exp(-2.5 * total))
    return rgba


def picture_path(workspace: Workspace, level: str, system: str) -> Path:
    """Return where the picture of a system is, without suffix.

    Examples
    --------
    >>> picture_path(Workspace(Path("w")), "graph", "CR61/NaCl").as_posix()
    'w/saliency/graph/CR61_NaCl'
    """
    plain = system.replace("/", "_")
    name = re.sub(r"[^\w.-]+", "_", plain)[:80]
    if name != plain:  # two systems whose names differ in what was replaced keep two pictures
        name += f"-{content_hash(system, 6)}"
    return workspace.saliency / level / name


def _scene(picture: Picture) -> _Scene:
    parts = [(_molecule(one), one) for one in (picture.polymer, picture.salt)]
    placed = [_placed(one.smiles) for _, one in parts]
    right = placed[0][:, 0].max() + SALT_GAP_BONDS
    middle = (placed[0][:, 1].max() + placed[0][:, 1].min()) / 2
    beside = placed[1] - [placed[1][:, 0].min() - right, placed[1][:, 1].mean() - middle]
    positions = np.vstack([placed[0], beside])
    mol = Chem.CombineMols(parts[0][0], parts[1][0])
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for atom, (x, y) in enumerate(positions):
        conformer.SetAtomPosition(atom, Point3D(float(x), float(y), 0.0))
    mol.AddConformer(conformer)
    low, high = positions.min(axis=0) - MARGIN_BONDS, positions.max(axis=0) + MARGIN_BONDS
    return _Scene(
        mol=mol,
        values=np.concatenate([one.values for _, one in parts]),
        agrees=np.concatenate([one.agrees for _, one in parts]),
        low=low,
        size=high - low,
    )


@lru_cache(maxsize=256)
def _placed(smiles: str) -> Floats:
    """Return the layout of a molecule: a polymer is drawn with each of its salts and levels."""
    return lay_out(Chem.MolFromSmiles(smiles))


def _molecule(one: AtomMap) -> Chem.Mol:
    mol = Chem.MolFromSmiles(one.smiles)
    if mol is None:
        raise ChemistryError(f"SMILES {one.smiles!r} does not parse; remake it: iemhpc saliency")
    n_atoms = mol.GetNumAtoms()
    if not len(one.values) == len(one.agrees) == n_atoms:
        raise InputError(
            f"{one.smiles}: got {len(one.values)} values and {len(one.agrees)} signs for "
            f"{n_atoms} atoms; give one of each an atom, in the order of the SMILES"
        )
    if not np.all(np.abs(one.values) <= 1.0 + 1e-9):
        raise InputError(
            f"{one.smiles}: values reach {np.max(np.abs(one.values)):.3g}, wanted -1 to 1; "
            "divide by the largest magnitude"
        )
    return mol


def _glow(scene: _Scene) -> NDArray[np.uint8]:
    """Return the glow as an image, shape (height, width, 4), the top row first."""
    n_x, n_y = np.maximum(1, np.round(scene.size * GLOW_PIXELS_PER_BOND).astype(int))
    x = scene.low[0] + (np.arange(n_x) + 0.5) * scene.size[0] / n_x
    y = scene.low[1] + (np.arange(n_y)[::-1] + 0.5) * scene.size[1] / n_y
    atoms = np.asarray(scene.mol.GetConformer().GetPositions()[:, :2], dtype=float)
    along_x = np.exp(-((x[:, None] - atoms[:, 0]) ** 2) / (2 * GLOW_BONDS**2))
    along_y = np.exp(-((y[:, None] - atoms[:, 1]) ** 2) / (2 * GLOW_BONDS**2))
    rows = [glow_colours(row * along_x, scene.values, scene.agrees) for row in along_y]
    return np.round(255 * np.stack(rows)).astype(np.uint8)


def _structure(scene: _Scene, drawer: rdMolDraw2D.MolDraw2D, bond: float) -> str | bytes:
    """Draw the molecule in black on a transparent ground, with bonds of this many pixels."""
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.clearBackground = False
    options.bondLineWidth = BOND_WIDTH * bond / 30
    options.scaleBondWidth = False
    options.padding = 0.0
    options.fixedFontSize = round(0.47 * bond)
    options.additionalAtomLabelPadding = 0.06
    width, height = drawer.Width(), drawer.Height()
    high = scene.low + scene.size
    drawer.SetScale(
        width, height, Point2D(*map(float, scene.low)), Point2D(*map(float, high)), scene.mol
    )
    prepared = rdMolDraw2D.PrepareMolForDrawing(scene.mol, addChiralHs=False, wavyBonds=False)
    options.prepareMolsBeforeDrawing = False
    drawer.DrawMolecule(prepared)
    drawer.FinishDrawing()
    text: str | bytes = drawer.GetDrawingText()
    return text


def _structure_png(scene: _Scene) -> NDArray[np.uint8]:
    bond = BOND_PT * PNG_DPI / 72
    drawer = rdMolDraw2D.MolDraw2DCairo(*_pixels(scene, bond))
    text = _structure(scene, drawer, bond)
    pixels = imread(io.BytesIO(text))  # type: ignore[arg-type]
    return np.round(255 * pixels).astype(np.uint8)


def _pixels(scene: _Scene, bond: float) -> tuple[int, int]:
    return round(float(scene.size[0]) * bond), round(float(scene.size[1]) * bond)


def _with_structure(svg: str, scene: _Scene, alternative: str) -> str:
    """Put the vector drawing of the molecule into the SVG of the frame and the glow."""
    bond = 30.0
    drawer = rdMolDraw2D.MolDraw2DSVG(*_pixels(scene, bond))
    drawn = str(_structure(scene, drawer, bond))
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    scale = BOND_PT / bond
    group = f'<g transform="translate({_left(scene):.2f} {HEAD_PT:.2f}) scale({scale:.5f})">'
    label = re.sub(r"[<>&\"]", " ", alternative)
    svg = re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', svg, count=1)
    end = svg.rindex("</svg>")
    return f"{svg[:end]}{group}{body}</g>\n</svg>\n"


def _left(scene: _Scene) -> float:
    """Return where the drawing begins: a narrow one stands in the middle."""
    return max(0.0, (LEAST_WIDTH_PT - float(scene.size[0]) * BOND_PT) / 2)


def _frame(picture: Picture, scene: _Scene) -> tuple[Figure, Axes]:
    """Return a figure with title, caption and colour bar, and the axes for the molecule."""
    drawn_width, drawn_height = scene.size * BOND_PT
    width = max(LEAST_WIDTH_PT, float(drawn_width))
    height = HEAD_PT + float(drawn_height) + FOOT_PT
    figure = Figure(figsize=(width / 72, height / 72), facecolor="white")
    axes = figure.add_axes(
        (_left(scene) / width, FOOT_PT / height, drawn_width / width, drawn_height / height)
    )
    axes.axis("off")
    top = 1 - 22 / height
    title = figure.text(16 / width, top, picture.title, fontsize=13, weight="bold", va="baseline")
    figure.draw_without_rendering()
    end = title.get_window_extent().x1 / figure.bbox.width
    figure.text(end + 9 / width, top, picture.subtitle, fontsize=9, color="#555555")
    for line, text in enumerate(picture.caption):
        y = (36 - 10 * line) / height
        figure.text(16 / width, y, text, fontsize=6.5, color="#555555", va="baseline")
    _colour_bar(figure, width, height)
    return figure, axes


def _colour_bar(figure: Figure, width: float, height: float) -> None:
    """Draw the colours from -1 to 1 at the top right."""
    length, top = 110.0, height - 18.0
    places = ((-1, "lowers −1", "right"), (0, "0", "center"), (1, "+1 raises", "left"))
    left = width - length - 62
    bar = figure.add_axes((left / width, top / height, length / width, 7 / height))
    bar.imshow(np.linspace(-1, 1, 256)[None, :], cmap=COLOURS, aspect="auto", extent=(-1, 1, 0, 1))
    bar.set_axis_off()
    small: dict[str, Any] = {"fontsize": 7, "color": "#333333", "va": "baseline"}
    for value, text, side in places:
        x = left + length * (value + 1) / 2 + {-1: -4, 0: 0, 1: 4}[value]
        y = top - 8.5 if value == 0 else top + 1
        figure.text(x / width, y / height, text, ha=side, **small)
