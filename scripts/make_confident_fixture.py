"""Writes tests/fixtures/confident.tsv: made probabilities and what cleanlab says of their labels.

    pip install cleanlab==2.9.0
    python3 scripts/make_confident_fixture.py >tests/fixtures/confident.tsv

A block begins with "matrix CLASSES PHOTOS"; a row is: label, rank among the likely wrong labels (0 is the most likely, -1: not
among them), whether another class is more probable ("predicted_neq_given"), score (normalised margin), probabilities.
"""
import sys

import cleanlab
import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores


def made(rng, classes, photos, sharpness, flipped):
    truth = rng.integers(classes, size=photos)
    truth[:classes] = np.arange(classes)  # each class occurs
    logits = rng.normal(size=(photos, classes))
    logits[np.arange(photos), truth] += sharpness
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = truth.copy()
    for i in rng.choice(photos, int(flipped * photos), replace=False):
        labels[i] = (labels[i] + rng.integers(1, classes)) % classes
    labels[:classes] = np.arange(classes)
    p = np.array([[float(f"{value:.9g}") for value in row] for row in p])
    return labels, p / p.sum(axis=1, keepdims=True)


def main():
    rng = np.random.default_rng(21)
    print(f"# by scripts/make_confident_fixture.py, cleanlab {cleanlab.__version__}")
    for classes, photos, sharpness, flipped in (2, 80, 2, 0.05), (2, 60, 0.5, 0.3), (5, 120, 3, 0.1), (12, 90, 2, 0.2):
        labels, p = made(rng, classes, photos, sharpness, flipped)
        wrong = find_label_issues(
            labels, p, filter_by="confident_learning", return_indices_ranked_by="normalized_margin", n_jobs=1
        )
        rank = {int(photo): i for i, photo in enumerate(wrong)}
        doubted = find_label_issues(labels, p, filter_by="predicted_neq_given", n_jobs=1)
        scores = get_label_quality_scores(labels, p, method="normalized_margin")
        print(f"matrix {classes} {photos}")
        for i in range(photos):
            cells = [labels[i], rank.get(i, -1), int(doubted[i]), repr(float(scores[i])), *(repr(float(value)) for value in p[i])]
            print("\t".join(str(cell) for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
