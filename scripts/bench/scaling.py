"""How a training by several processes would scale, from measured steps of one machine and a stated network: a simulation.

  python3 scripts/bench/scaling.py                        # the table of docs/several-machines.md
  python3 scripts/bench/scaling.py --step 6=72.9 --gbit 10 --latency 20

A step of N ranks, one a machine, takes
  compute   ms of a photo * the photos of the rank with the most pieces (pieces are dealt in blocks, the last one is waited for)
  exchange  bytes that the busiest rank sends / the rate of its link: of what is trained (1 - 1/N) * (nodes + 1), where
            nodes is how many sums the block of that rank makes (core/train/sum_tree.c; 1 where N is a power of two): the
            formula of --dry-run (gradients_sent)
  latency   2 (N - 1) messages for each trained tensor, one after the other
Nothing is hidden behind backward, links are full duplex, the switch blocks nobody, and decoding keeps up.
  strong    a batch of 4096 photos in 256 pieces of 16, whatever N is
  weak      16 photos, one piece, for each rank
Prints how many times as fast as one machine N of them are. Then the one case that was measured (scripts/bench/two_hosts.sh)
beside what this says of it.
"""
import argparse

# freeze: ms of a photo in a step, nothing cached. Two threads, batches of 16 photos of 224 pixels, float32, Zen 4: the
# table of README.md, Results (`make bench`, written in 81c3276, 2026-11-24). Freeze 7 was not measured: it is 6 times the ratio of their operations.
STEPS = {0: 122.0, 6: 72.9, 7: 47.5, 9: 32.8}
# Of a ResNet-50 with 10 classes: values that train, and in how many tensors (a convolution and two of BatchNorm a layer;
# the last layer's two).
TRAINED = {0: (23_528_522, 3 * 53 + 2), 6: (22_083_594, 3 * 29 + 2), 7: (14_985_226, 3 * 10 + 2), 9: (20_490, 2)}
RANKS = (2, 4, 8, 16, 32, 64, 128, 256)
PIECE, PIECES = 16, 256
# Zen 3, two cores, freeze 6, batch 16 in two pieces, limited to 1 Gbit/s: seconds of an epoch of six steps by one process
# of two threads, and by two of one thread each, which together have the same cores (1399ed2, 2026-11-29).
MEASURED = {"alone": 11.4 / 6, "two": 17.1 / 6, "sent": 88.8e6}


def nodes(first, end, pieces):
    count = 0
    while first < end:
        span = 1
        while span < pieces and first % (2 * span) == 0 and min(first + 2 * span, pieces) <= end:
            span *= 2
        first = min(first + span, pieces)
        count += 1
    return count


def blocks(ranks, pieces):
    return [(pieces * r // ranks, pieces * (r + 1) // ranks) for r in range(ranks)]


def sent(values, ranks, pieces):
    most = max(nodes(first, end, pieces) for first, end in blocks(ranks, pieces))
    return values * 4 * (1 - 1 / ranks) * (most + 1)


def exchange(freeze, ranks, pieces, gbit, latency):
    values, tensors = TRAINED[freeze]
    return sent(values, ranks, pieces) / (gbit * 125e6) + 2 * (ranks - 1) * tensors * latency * 1e-6


def speed(freeze, ms, ranks, pieces, gbit, latency):
    """Photos a second, over those of one machine with the same pieces."""
    most = max(end - first for first, end in blocks(ranks, pieces))
    piece = PIECE * ms / 1000
    return pieces * piece / (most * piece + exchange(freeze, ranks, pieces, gbit, latency))


def show(kind, pieces_of, steps, options):
    print(f"\n| {kind}: freeze | Gbit/s | " + " | ".join(f"N = {n}" for n in RANKS) + " |")
    print("|---|---|" + "---|" * len(RANKS))
    for freeze, ms in steps.items():
        for gbit in options.gbit:
            row = [speed(freeze, ms, n, pieces_of(n), gbit, options.latency) for n in RANKS]
            print(f"| {freeze} | {gbit:g} | " + " | ".join(f"{x:.3g}" for x in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", action="append", default=[], metavar="FREEZE=MS", help="measured: ms of a photo in a step")
    parser.add_argument("--gbit", type=float, nargs="+", default=[1, 10], help="rates of a machine's link")
    parser.add_argument("--latency", type=float, default=50, help="microseconds of a message (50)")
    options = parser.parse_args()
    steps = dict(STEPS)
    for text in options.step:
        freeze, _, ms = text.partition("=")
        if not freeze.isdigit() or int(freeze) not in TRAINED:
            parser.error(f"--step {text}: freeze must be one of {', '.join(map(str, TRAINED))}")
        steps[int(freeze)] = float(ms)
    print(f"Zen 4, two cores a machine; {options.latency:g} us a message; N ranks as a multiple of one machine")
    show("strong", lambda n: PIECES, steps, options)
    show("weak", lambda n: n, steps, options)
    told = MEASURED["alone"] + exchange(6, 2, 2, 1, options.latency)
    bytes_told = sent(TRAINED[6][0], 2, 2)
    print(f"\nmeasured, two ranks at 1 Gbit/s, freeze 6: {MEASURED['two']:.2f} s a step, {MEASURED['sent'] / 1e6:.1f} MB sent; "
          f"this says {told:.2f} s and {bytes_told / 1e6:.1f} MB: {100 * (MEASURED['two'] / told - 1):+.0f} % measured")


if __name__ == "__main__":
    main()
