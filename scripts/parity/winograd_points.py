"""The point of Winograd's transformations whose numbers lie nearest to floats (core/ops/winograd.h).

  $(sh scripts/venv.sh) scripts/parity/winograd_points.py [--tries MILLIONS] [--from A] [--to A]

A, B and G are made of ten numbers of the point a. Rounded to float they no longer make exactly a convolution: y[k] is the
sum of T[k,r,d] g[r] x[d], where T should be 1 for d = k + r and 0 elsewhere. Tries random points and prints those that
bring T nearer to that than all before, beside 2/3.
"""
import argparse

import numpy as np


def numbers(a):
    b = 1 / a
    c = 1 / (2 * (b * b - a * a))
    return [a, a**2, a**3, b, b**2, b**3, a**2 + b**2, b * c, c, a * c]


def convolution(of):
    """T[4,3,6] of ten numbers."""
    a, aa, aaa, b, bb, bbb, s, bc, c, ac = of
    output = [[1, 1, 1, 1, 1, 0], [0, a, -a, b, -b, 0], [0, aa, aa, bb, bb, 0], [0, aaa, -aaa, bbb, -bbb, 1]]
    weights = [[1, 0, 0], [bc, c, ac], [bc, -c, ac], [ac, c, bc], [ac, -c, bc], [0, 0, 1]]
    inputs = [[1, 0, -s, 0, 1, 0], [0, bb, bbb, -1, -b, 0], [0, -bb, bbb, 1, -b, 0], [0, -aa, -aaa, 1, a, 0],
              [0, aa, -aaa, -1, a, 0], [0, 1, 0, -s, 0, 1]]
    return np.einsum("kf,fr,fd->krd", output, weights, inputs)


EXACT = convolution(numbers(2 / 3)).round()


def error(a):
    """Of the ten numbers as floats: the norm of what T is off by."""
    return np.linalg.norm(convolution([float(np.float32(x)) for x in numbers(a)]) - EXACT)


def slopes():
    """[72,10]: what T moves by when each of the ten numbers moves by a part of itself; nearly the same for all points."""
    of, step = np.array(numbers(2 / 3)), 1e-6
    moved = [convolution(of * (1 + step * np.eye(10)[i])) for i in range(10)]
    return np.array([(t - EXACT).ravel() / step for t in moved]).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tries", type=int, default=20, help="millions of points")
    parser.add_argument("--from", dest="begin", type=float, default=0.6)
    parser.add_argument("--to", dest="end", type=float, default=0.72)
    options = parser.parse_args()
    print(f"{2 / 3:.8f}  {error(2 / 3):.2e}")
    # |slopes rounding|^2 by ten columns: quick, and near enough to leave a handful of points to look at
    values, vectors = np.linalg.eigh(slopes().T @ slopes())
    quick = (vectors * np.sqrt(np.maximum(values, 0))).T
    random, best = np.random.default_rng(1), np.inf
    for _ in range(options.tries):
        points = random.uniform(options.begin, options.end, 1000000).round(8)
        rounding = np.array([x.astype(np.float32) / x - 1 for x in numbers(points)])
        for i in np.argsort(np.square(quick @ rounding).sum(0))[:5]:
            if error(points[i]) < best:
                best = error(points[i])
                print(f"{points[i]:.8f}  {best:.2e}", flush=True)


if __name__ == "__main__":
    main()
