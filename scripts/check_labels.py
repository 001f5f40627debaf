"""Measures how many flipped labels `freezetune check --labels-from` finds, and whether cleanlab finds the same.

    python3 scripts/check_labels.py --weights FILE [--seeds N] [--flip 0.05] SET...

SET is a folder with train/ and val/, which are looked at as one. For each seed that share of the photos is linked into the folder of
another class, `train --folds 5` with all children but the last frozen is run on the links, and check is asked for wrong labels.
Recall is the share of the flipped labels that it lists, precision the share of its list that was flipped, for likely wrong labels alone
and together with doubtful ones. If cleanlab is installed,
its list (filter_by "confident_learning", ranked by "normalized_margin") of the same probabilities must be the same photos
in the same order.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from cleanlab.filter import find_label_issues
except ImportError:
    find_label_issues = None


def link_tree(tree, root, seed, share):
    """The tree, and the name of each flipped photo below it with its right class."""
    photos = sorted((path.parent.name, path) for part in ("train", "val") for path in (root / part).glob("*/*"))
    classes = sorted({name for name, _ in photos})
    draw = random.Random(seed)
    flipped = set(draw.sample(range(len(photos)), round(share * len(photos))))
    right = {}
    for name in classes:
        (tree / name).mkdir(parents=True)
    for i, (name, path) in enumerate(photos):
        label = draw.choice([other for other in classes if other != name]) if i in flipped else name
        (tree / label / f"{path.parent.parent.name}-{path.name}").symlink_to(path.resolve())
        if i in flipped:
            right[f"{label}/{path.parent.parent.name}-{path.name}"] = name
    return right


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def cleanlab_list(folder):
    rows, names = [], None
    for table in sorted(folder.glob("fold-*/probabilities_val.csv"), key=lambda path: int(path.parent.name[5:])):
        with open(table, newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream)
            names = next(reader)[2:]
            rows += list(reader)
    labels = np.array([names.index(row[1]) for row in rows])
    p = np.array([[float(cell) for cell in row[2:]] for row in rows])
    issues = find_label_issues(
        labels, p, filter_by="confident_learning", return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return [rows[i][0] for i in issues]


def measure(arguments, root, seed, folder):
    tree, out = pathlib.Path(folder) / "tree", pathlib.Path(folder) / "run"
    right = link_tree(tree, root, seed, arguments.flip)
    train = [arguments.program, "train", "--quiet", "--data", tree, "--folds", "5", "--freeze-until", "9", "--weights"]
    train += [arguments.weights, "--augment", "none", "--epochs", str(arguments.epochs), "--seed", str(seed), "--out", out]
    run(train)
    found = json.loads(run([arguments.program, "check", tree, "--near", "off", "--labels-from", out, "--json", "--quiet"]))
    wrong = [finding for finding in found["findings"] if finding["problem"] == "wrong label"]
    doubted = wrong + [finding for finding in found["findings"] if finding["problem"] == "doubtful label"]
    both = sum(finding["file"] in right for finding in doubted)
    hits = [finding for finding in wrong if finding["file"] in right]
    recall, precision = len(hits) / len(right), len(hits) / max(1, len(wrong))
    named = sum(right[finding["file"]] == finding["other_class"] for finding in hits)
    same = "not installed"
    if find_label_issues:
        same = "the same" if cleanlab_list(out) == [finding["file"] for finding in wrong] else "DIFFERENT"
    print(
        f"| {root.name} | {seed} | {len(right)} | {len(wrong)} | {len(hits)} | {recall:.2f} | {precision:.2f} | {len(doubted)} "
        f"| {both / len(right):.2f} | {both / max(1, len(doubted)):.2f} | {named} | {same} |",
        flush=True,
    )
    return both >= 0.8 * len(right) and both >= 0.5 * len(doubted) and same != "DIFFERENT"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--flip", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("sets", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    good = True
    print("| set | seed | flipped | listed | of these flipped | recall | precision | with doubtful ones | recall | precision | right class named | cleanlab |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for root in arguments.sets:
        for seed in range(1, arguments.seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                good &= measure(arguments, root, seed, folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
