"""Measures how many flipped labels `freezetune check --labels-from` finds, and whether cleanlab finds the same.

    python3 scripts/check_labels.py --weights FILE [--seeds 0,1,2] [--runs 5] [--flip 0.05] SET...

SET is a folder with train/ and val/, which are looked at as one. For each seed that share of the photos is linked into the folder of
another class, `train --folds 5` with all children but the last frozen is run on the links, --runs times with other seeds, and check is
asked for wrong labels by the mean of the runs.
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


def cleanlab_list(runs):
    """The photos that cleanlab lists, from the mean of the runs' probabilities."""
    labels, sums, names = {}, {}, None
    tables = [table for folder in runs for table in sorted(folder.glob("fold-*/probabilities_val.csv"))]
    for table in tables:
        with open(table, newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream)
            names = next(reader)[2:]
            for photo, label, *cells in reader:
                labels[photo] = names.index(label)
                sums[photo] = sums.get(photo, 0) + np.array([float(cell) for cell in cells])
    photos = sorted(labels)
    issues = find_label_issues(
        np.array([labels[photo] for photo in photos]),
        np.array([sums[photo] / len(runs) for photo in photos]),
        filter_by="confident_learning",
        return_indices_ranked_by="normalized_margin",
        n_jobs=1,
    )
    return [photos[i] for i in issues]


def train_runs(arguments, tree, folder, seed):
    """Runs with other folds and other first weights; the photos' features are computed once."""
    runs = [pathlib.Path(folder) / f"run-{i}" for i in range(arguments.runs)]
    for i, out in enumerate(runs):
        command = [arguments.program, "train", "--quiet", "--no-report", "--data", tree, "--folds", "5", "--freeze-until", "9"]
        command += ["--weights", arguments.weights, "--augment", "none", "--epochs", str(arguments.epochs)]
        run([*command, "--seed", str(seed + 1000 * i), "--out", out])
    return runs


def measure(arguments, root, seed, folder):
    tree = pathlib.Path(folder) / "tree"
    right = link_tree(tree, root, seed, arguments.flip)
    runs = train_runs(arguments, tree, folder, seed)
    judges = [word for out in runs for word in ("--labels-from", out)]
    found = json.loads(run([arguments.program, "check", tree, "--near", "off", *judges, "--json", "--quiet"]))
    wrong = [finding for finding in found["findings"] if finding["problem"] == "wrong label"]
    doubted = wrong + [finding for finding in found["findings"] if finding["problem"] == "doubtful label"]
    both = sum(finding["file"] in right for finding in doubted)
    hits = [finding for finding in wrong if finding["file"] in right]
    recall, precision = len(hits) / len(right), len(hits) / max(1, len(wrong))
    named = sum(right[finding["file"]] == finding["other_class"] for finding in hits)
    same = "not installed"
    if find_label_issues:
        same = "the same" if cleanlab_list(runs) == [finding["file"] for finding in wrong] else "DIFFERENT"
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
    parser.add_argument("--seeds", default="0,1,2", help="draws of flipped labels")
    parser.add_argument("--runs", type=int, default=5, help="trainings whose mean is judged")
    parser.add_argument("--flip", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("sets", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    good = True
    print("| set | seed | flipped | listed | of these flipped | recall | precision | with doubtful ones | recall | precision | right class named | cleanlab |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for root in arguments.sets:
        for seed in map(int, arguments.seeds.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                good &= measure(arguments, root, seed, folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
