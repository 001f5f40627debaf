"""Held-out figures of the temperature and of predict --error and --coverage, from the runs of train --folds.

  python3 scripts/check_calibration.py FOLDS [FOLDS ...]

Needs NumPy and SciPy. FOLDS is the folder of `train --folds K`; each fold's probabilities_val.csv holds photos that its
model has not seen. For each fold the temperature and the thresholds come from the photos of all other folds, and are
measured on the photos of this one; figures are over all photos. ECE, NLL and Brier's score as core/train/calibration.h has them
(ECE with an interval by bootstrap over photos, of the difference too), thresholds as core/train/coverage.h. Exit code 1 when the NLL
or the ECE is not lower after, or when a promised error lies below the 95 % interval of the error that came out.
"""
import csv
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import beta, binomtest

ERRORS = (0.02, 0.05, 0.1)
COVERAGES = (0.5, 0.8, 0.9)


def read(path):
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    names = rows[0][2:]
    labels = np.array([names.index(row[1]) for row in rows[1:]])
    return np.log(np.maximum(np.array([[float(c) for c in row[2:]] for row in rows[1:]]), 1e-300)), labels


def at(log_p, temperature):
    z = log_p / temperature
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def nll(log_p, labels, temperature):
    return -np.log(at(log_p, temperature)[np.arange(len(labels)), labels]).mean()


def fit(log_p, labels):
    return np.exp(minimize_scalar(lambda s: nll(log_p, labels, np.exp(s)), bounds=(-5, 5), method="bounded").x)


def ece(confidence, right):
    bins = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    return sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)) / len(right)


def threshold_of(confidence, right, allowed=None, share=None):
    """As coverage.c: the points are all photos up to 200; None where nothing can be promised."""
    order = np.argsort(-confidence)
    confidence, wrong = confidence[order], np.cumsum(~right[order])
    n = len(confidence)
    counts = sorted({-(-i * n // min(n, 200)) for i in range(1, min(n, 200) + 1)})
    below = lambda c: 0 if c == n else (confidence[c - 1] + confidence[c]) / 2
    if share is not None:
        return below(next(c for c in counts if c >= share * n))
    good = [c for c in counts if wrong[c - 1] < c and beta.ppf(0.95, wrong[c - 1] + 1, c - wrong[c - 1]) <= allowed]
    return below(good[-1]) if good else None


failed = False
for folder in map(Path, sys.argv[1:]):
    folds = [read(path) for path in sorted(folder.glob("fold-*/probabilities_val.csv"))]
    parts = []  # of each fold: temperature, probabilities before and after, labels, thresholds
    for i, (log_p, labels) in enumerate(folds):
        others = [fold for k, fold in enumerate(folds) if k != i]
        other_p, other_labels = np.concatenate([o[0] for o in others]), np.concatenate([o[1] for o in others])
        t = fit(other_p, other_labels)
        p = at(other_p, t)
        known = p.max(axis=1), p.argmax(axis=1) == other_labels
        thresholds = [threshold_of(*known, allowed=e) for e in ERRORS] + [threshold_of(*known, share=c) for c in COVERAGES]
        parts.append((t, at(log_p, 1), at(log_p, t), labels, thresholds))
    labels = np.concatenate([part[3] for part in parts])
    scores = []
    for which in (1, 2):
        p = np.concatenate([part[which] for part in parts])
        rows = np.arange(len(labels))
        scores.append((-np.log(p[rows, labels]), ((p - np.eye(p.shape[1])[labels]) ** 2).sum(axis=1), p.max(axis=1)))
    right = np.concatenate([part[2] for part in parts]).argmax(axis=1) == labels
    print(f"{folder.name}: {len(labels)} photos, {len(folds)} folds, accuracy {right.mean():.4f}, "
          f"temperatures {min(p[0] for p in parts):.3f} to {max(p[0] for p in parts):.3f}")
    rng = np.random.default_rng(0)
    draws = rng.integers(len(labels), size=(1000, len(labels)))
    measures = {"NLL": lambda s, i: s[0][i].mean(), "Brier": lambda s, i: s[1][i].mean(), "ECE": lambda s, i: ece(s[2][i], right[i])}
    for name, measure in measures.items():
        before, after = (measure(s, slice(None)) for s in scores)
        change = np.quantile([measure(scores[1], i) - measure(scores[0], i) for i in draws], (0.025, 0.975))
        print(f"  {name:5}  before {before:.4f}  after {after:.4f}  change {after - before:+.4f} ({change[0]:+.4f} to {change[1]:+.4f})")
        failed |= name != "Brier" and after > before
    for k, wanted in enumerate(ERRORS + COVERAGES):
        answered = wrong = photos = 0
        for t, _, p, fold_labels, thresholds in parts:
            if thresholds[k] is None:
                continue
            some = p.max(axis=1) >= thresholds[k]
            photos += len(some)
            answered += some.sum()
            wrong += (some & (p.argmax(axis=1) != fold_labels)).sum()
        what = "--error" if k < len(ERRORS) else "--coverage"
        if answered == 0:
            print(f"  {what} {wanted}: cannot be promised")
            continue
        low, high = binomtest(int(wrong), int(answered)).proportion_ci(method="wilson")
        print(f"  {what} {wanted}: {answered / photos:.3f} answered, {wrong} of {answered} wrong: {wrong / answered:.4f} "
              f"({low:.4f} to {high:.4f})")
        failed |= k < len(ERRORS) and low > wanted
sys.exit(int(failed))
