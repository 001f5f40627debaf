"""Writes tests/fixtures/calibration.tsv: logits of made-up networks, and what SciPy and NumPy say of their probabilities.

  python3 scripts/parity/calibration_fixture.py > tests/fixtures/calibration.tsv

Needs SciPy. The temperature is that of scipy.optimize.minimize_scalar on the mean negative log-likelihood, over log(T); NLL,
Brier's score and ECE (15 equal bins, right borders included) are NumPy's; the two bounds are scipy.stats.beta's (Clopper and
Pearson) and DeLong's AUROC interval is scipy's normal around the mean of the placements.
"""
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import beta


def scores(logits, labels, temperature):
    log_p = log_softmax(logits / temperature, axis=1)
    p = np.exp(log_p)
    rows = np.arange(len(labels))
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    ece = sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)) / len(labels)
    brier = ((p - np.eye(p.shape[1])[labels]) ** 2).sum(axis=1).mean()
    return -log_p[rows, labels].mean(), brier, ece


def put(*cells):
    print("\t".join(c if isinstance(c, str) else f"{c:.17g}" for c in cells))


def network(rng, photos, classes, sharpness):
    """Labels are drawn from softmax(truth); the network's logits are that, `sharpness` times too sure."""
    truth = rng.normal(size=(photos, classes)) * 2
    p = np.exp(log_softmax(truth, axis=1))
    labels = np.array([rng.choice(classes, p=row) for row in p])
    return (truth * sharpness).astype(np.float32), labels


rng = np.random.default_rng(1)
for photos, classes, sharpness in ((60, 2, 3.0), (80, 5, 0.4), (50, 3, 40.0)):
    logits, labels = network(rng, photos, classes, sharpness)
    z = logits.astype(np.float64)
    fit = minimize_scalar(lambda s: scores(z, labels, np.exp(s))[0], bounds=(-8, 8), method="bounded", options={"xatol": 1e-13})
    put("case", str(photos), str(classes), np.exp(fit.x), *scores(z, labels, 1), *scores(z, labels, np.exp(fit.x)))
    for row, label in zip(logits, labels):
        put(str(label), *(float(v) for v in row))
for wrong, count in ((0, 59), (0, 1), (3, 122), (40, 1000), (999, 1000)):
    put("bound", str(wrong), str(count), beta.ppf(0.95, wrong + 1, count - wrong))
for n, m, shift in ((30, 40, 1.0), (12, 9, 0.2)):
    higher = np.round(rng.normal(size=n) + shift, 1)  # with ties
    lower = np.round(rng.normal(size=m), 1)
    wins = (higher[:, None] > lower).astype(float) + 0.5 * (higher[:, None] == lower)
    half = 1.959963984540054 * np.sqrt(wins.mean(axis=1).var(ddof=1) / n + wins.mean(axis=0).var(ddof=1) / m)
    put("auroc", str(n), str(m), wins.mean(), max(wins.mean() - half, 0), min(wins.mean() + half, 1))
    put(*map(float, higher))
    put(*map(float, lower))
