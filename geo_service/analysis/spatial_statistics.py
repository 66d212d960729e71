"""Do near things resemble each other, and where do high values meet? Moran's I and Getis-Ord Gi*, by numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from geo_service.analysis.network import Flags, Floats
from geo_service.core.late import scipy

PERMUTATIONS = 999
SEED = 20_250_101
"""The same data give the same pseudo p-value every time."""


@dataclass(frozen=True, slots=True)
class Moran:
    """Moran's I, its expectation without any pattern, and the share of random shufflings at least as far from it."""

    value: float
    expected: float
    p: float


def moran(values: Floats, weights: scipy.sparse.csr_array, *, permutations: int = PERMUTATIONS) -> Moran:
    """Global Moran's I (Moran 1950) of values under symmetric weights without a diagonal, with a two-sided pseudo p.

    I = n / W * (z' w z) / (z' z), where z are the deviations from the mean and W is the sum of the weights. NaN where
    all values are equal or nobody has a neighbour.
    """
    size, total = len(values), float(weights.sum())
    z = values - values.mean()
    spread = float(z @ z)
    if size < 3 or total == 0 or spread == 0:
        return Moran(float("nan"), float("nan"), float("nan"))
    scale = size / total / spread
    value = float(z @ (weights @ z)) * scale
    expected = -1 / (size - 1)
    random = numpy.random.default_rng(SEED)
    shuffled = numpy.stack([random.permutation(z) for _ in range(permutations)], axis=1)
    simulated = numpy.einsum("ij,ij->j", shuffled, weights @ shuffled) * scale
    extreme = int((numpy.abs(simulated - expected) >= abs(value - expected)).sum())
    return Moran(value, expected, (extreme + 1) / (permutations + 1))


def getis_ord(values: Floats, weights: scipy.sparse.csr_array) -> Floats:
    """The z-score of Gi* (Ord and Getis 1995) at each place; ``weights`` are without a diagonal, which is put in here.

    Gi* = (sum w x - mean W) / (S sqrt((n W2 - W^2) / (n - 1))), W and W2 being the sums of the weights and of their
    squares at the place. 0 where all values are equal.
    """
    size = len(values)
    starred = scipy.sparse.csr_array(weights + scipy.sparse.eye_array(size))
    mean, deviation = values.mean(), values.std()
    sums, squares = starred.sum(axis=1), starred.multiply(starred).sum(axis=1)
    below = deviation * numpy.sqrt(numpy.maximum(size * squares - sums**2, 0) / max(size - 1, 1))
    above = starred @ values - mean * sums
    return numpy.asarray(numpy.divide(above, below, out=numpy.zeros(size), where=below > 0))


def significant(z: Floats, *, alpha: float) -> Flags:
    """Which two-sided z-scores stay significant when so many are looked at (false discovery rate, Benjamini and
    Hochberg 1995)."""
    p = 2 * scipy.stats.norm.sf(numpy.abs(z))
    order = numpy.argsort(p)
    passed = numpy.flatnonzero(p[order] <= alpha * numpy.arange(1, len(p) + 1) / max(len(p), 1))
    kept = numpy.zeros(len(p), dtype=bool)
    if len(passed):
        kept[order[: passed[-1] + 1]] = True
    return kept
