"""The numbers of one pair with their standard errors: the jackknife over blocks of frames.

Ion pairs live for 10 to 1000 ps, so blocks may be correlated, and then the error of the mean looks
smaller than it is. Where it grows as blocks are joined into longer ones, the run is too short to
know it, and the pair is flagged ``not_converged`` (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461,
1989). So it is where a number has a large error, or comes and goes with a block, and where no
neighbour ever came or went: then nothing was sampled, and the error is not zero but unknown.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.rdf import coordination_number, merge_blocks, radial
from iemhpc.descriptors.shell import Shell, find_shell
from iemhpc.tables.descriptors import QUANTITIES

JACKKNIFE_BLOCKS = 10
GROWTH = 1.5
"""Ratio of errors between the longest and the shortest blocks that chance seldom makes: white
noise exceeds it in 4 % of the cases, a drift over the whole run reaches 2."""
NEGLIGIBLE = 0.01
"""A relative error below which its growth does not matter."""
FROZEN = 1e-9
"""Relative spread of a count between blocks that is rounding, not exchange."""
LARGE_POSITION_A = 0.1
"""A peak known no better than this (two bins) is not known yet ..."""
LARGE_RELATIVE = 0.15
"""... nor is its height or a coordination number, relative to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDescription:
    """One pair of one run: the shell, its errors, and a count that needs no minimum."""

    shell: Shell
    errors: dict[str, float | None]
    """Standard error by quantity; None where the shell has none, blocks are too few, or none
    differs from another."""
    fixed_radius_A: float
    coordination_number_fixed: float | None
    """Neighbours inside the fixed radius; None without atoms, or beyond the histogram."""


def describe_pair(counts: PairCounts, *, fixed_radius_A: float) -> PairDescription:
    """Find the shell of a pair and how well it is known.

    Parameters
    ----------
    counts : PairCounts
        Pair counts by block and bin.
    fixed_radius_A : float
        Radius at which neighbours are counted whatever the minimum is.
    """
    if (counts.n_frames <= 0).any() or not np.isfinite(counts.mean_inverse_volume_A3).all():
        shell = Shell(reason="invalid_input")
        return _describe(shell, _no_errors(), fixed_radius_A, None)
    rdf = radial(counts)
    shell = find_shell(rdf)
    reaches = fixed_radius_A <= rdf.edges_A[-1] + 1e-9
    is_empty = counts.n_reference == 0 or counts.n_neighbour == 0
    fixed = coordination_number(rdf, fixed_radius_A) if reaches and not is_empty else None
    errors, is_steady = _jackknife(counts, shell)
    if shell.peak_position_A is not None:
        # without a minimum, the inner side of the peak stands for the shell
        by_block = _by_block(counts, shell.first_minimum_A or shell.peak_position_A)
        if is_frozen(by_block):
            errors["coordination_number"] = None
        if not is_steady or _is_large(shell, errors) or not is_converged(by_block):
            shell = replace(shell, flags=(*shell.flags, "not_converged"))
    return _describe(shell, errors, fixed_radius_A, fixed)


def _is_large(shell: Shell, errors: dict[str, float | None]) -> bool:
    position = errors["peak_position_A"]
    if position is not None and position > LARGE_POSITION_A:
        return True
    for quantity in ("peak_height", "coordination_number"):
        value, error = getattr(shell, quantity), errors[quantity]
        if value is not None and error is not None and error > LARGE_RELATIVE * value:
            return True
    return False


def _describe(
    shell: Shell, errors: dict[str, float | None], radius_A: float, fixed: float | None
) -> PairDescription:
    return PairDescription(
        shell=shell, errors=errors, fixed_radius_A=radius_A, coordination_number_fixed=fixed
    )


def _no_errors() -> dict[str, float | None]:
    return dict.fromkeys(QUANTITIES)


def _jackknife(counts: PairCounts, shell: Shell) -> tuple[dict[str, float | None], bool]:
    """Return the errors by leaving out a block in turn, and whether each block could be left out.

    Where the shell is found only with some block, its errors are those of the other blocks.
    """
    n_blocks = len(counts.n_frames)
    if n_blocks % JACKKNIFE_BLOCKS == 0:
        counts, n_blocks = merge_blocks(counts, JACKKNIFE_BLOCKS), JACKKNIFE_BLOCKS
    errors, is_steady = _no_errors(), True
    if n_blocks < 2 or shell.peak_position_A is None:
        return errors, is_steady
    without = [find_shell(radial(counts, leave_out=block)) for block in range(n_blocks)]
    for quantity in QUANTITIES:
        if getattr(shell, quantity) is None:
            continue
        values = [v for one in without if (v := getattr(one, quantity)) is not None]
        is_steady = is_steady and len(values) == n_blocks
        if len(values) >= 2:
            errors[quantity] = float(np.std(values) * np.sqrt(n_blocks - 1))
    return errors, is_steady


def _by_block(counts: PairCounts, cutoff_A: float) -> NDArray[np.float64]:
    each = (radial(_one_block(counts, block)) for block in range(len(counts.n_frames)))
    return np.array([coordination_number(rdf, cutoff_A) for rdf in each])


def _one_block(counts: PairCounts, block: int) -> PairCounts:
    some = slice(block, block + 1)
    return replace(
        counts,
        counts=counts.counts[some],
        n_frames=counts.n_frames[some],
        mean_inverse_volume_A3=counts.mean_inverse_volume_A3[some],
    )


def is_frozen(by_block: NDArray[np.float64]) -> bool:
    """Tell whether all blocks show one and the same number: nothing came or went.

    Parameters
    ----------
    by_block : ndarray, shape (n_blocks,)
        One value a block.

    Examples
    --------
    >>> is_frozen(np.full(20, 6.0)), is_frozen(np.repeat([5.9, 6.0], 10))
    (True, False)
    """
    return float(np.ptp(by_block)) <= FROZEN * abs(float(by_block.mean()))


def is_converged(by_block: NDArray[np.float64]) -> bool:
    """Tell whether the error of the mean stays as it is when blocks are made longer.

    Equal blocks tell nothing of it.

    Parameters
    ----------
    by_block : ndarray, shape (n_blocks,)
        One value a block, in time order.

    Examples
    --------
    A drift is not noise:

    >>> is_converged(np.linspace(0.2, 0.4, 20))
    False
    >>> is_converged(np.random.default_rng(1).normal(0.3, 0.05, 20))
    True
    """
    if is_frozen(by_block):
        return False
    lengths = [1]
    while len(by_block) // (2 * lengths[-1]) >= 5:
        lengths.append(2 * lengths[-1])
    errors = [_error_of_mean(by_block, length) for length in lengths]
    if max(errors) <= NEGLIGIBLE * abs(float(by_block.mean())):
        return True
    # five blocks cannot be joined, so nothing says that they are long enough
    return len(lengths) > 1 and errors[-1] <= GROWTH * errors[0]


def _error_of_mean(by_block: NDArray[np.float64], length: int) -> float:
    n_blocks = len(by_block) // length
    means = by_block[: n_blocks * length].reshape(n_blocks, length).mean(axis=1)
    return float(means.std(ddof=1) / np.sqrt(n_blocks))
