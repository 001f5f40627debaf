"""How a training by several processes would scale, from measured steps of one machine and a stated network: a simulation.

  python3 scripts/bench/scaling.py                        # the table of docs/several-machines.md
  python3 scripts/bench/scaling.py --step 6=72.9 --gbit 10 --latency 20 --reached 0.9

A step of N ranks, one a machine, takes
  compute   ms of a photo * the photos of the rank with the most pieces (pieces are dealt in blocks, the last one is waited for)
  exchange  what is left of it when the last piece's backward pass is over: one tensor after the other, from the last to the first, none
            before its gradient is complete (core/train/exchange_time.c); a pass takes time as its layers have operations. A tensor takes
    bytes    that the busiest rank sends / what an exchange reaches of the rate of its link: (1 - 1/N) * (nodes + 1) of the tensor,
             where nodes is how many sums the block of that rank makes (core/train/sum_tree.c; 1 where N is a power of two): the formula
             of --dry-run (gradients_sent)
    latency  2 (N - 1) messages
Links are full duplex, the switch blocks nobody, and decoding keeps up.
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
# A share of the rate: 88.3 MB took 0.96 s at 1 Gbit/s, where they would take 0.71 (two_hosts.sh, the exchange after backward).
REACHED = 0.74
RANKS = (2, 4, 8, 16, 32, 64, 128, 256)
PIECE, PIECES = 16, 256
# Zen 4, two cores, freeze 6, batch 16 in two pieces, limited to 1 Gbit/s: seconds of an epoch of six steps by one process
# of two threads, and by two of one thread each, which together have the same cores (5ba9fb3, 2026-11-29).
MEASURED = {"alone": 7.0 / 6, "two": 10.3 / 6, "sent": 88.8e6}


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


def layers():
    """ResNet-50 for 224 pixels and 10 classes: of each layer its child, its values in tensors, its multiplications."""
    def conv(child, inputs, outputs, size, side):
        return child, [inputs * outputs * size * size, outputs, outputs], inputs * outputs * size * size * side * side

    out = [conv(1, 3, 64, 7, 112)]
    inputs = 64
    for child, width, blocks_of, side in ((5, 64, 3, 56), (6, 128, 4, 28), (7, 256, 6, 14), (8, 512, 3, 7)):
        for block in range(blocks_of):
            before = side * 2 if block == 0 and child > 5 else side
            out += [conv(child, inputs, width, 1, before), conv(child, width, width, 3, side), conv(child, width, 4 * width, 1, side)]
            if block == 0:
                out.append(conv(child, inputs, 4 * width, 1, side))
            inputs = 4 * width
    return out + [(10, [inputs * 10, 10], inputs * 10)]


def passes(freeze):
    """From the last layer to the first that trains: values in tensors, and the share of a step that its backward takes."""
    trained = [layer for layer in layers() if layer[0] > freeze]
    forward = sum(products for _, _, products in layers())
    backward = [products * (1 + (i > 0)) for i, (_, _, products) in enumerate(trained)]
    step = forward + sum(backward)
    return [(tensors, work / step) for (_, tensors, _), work in zip(trained, backward)][::-1]


def exchange(freeze, ranks, pieces, piece, network):
    """Seconds after the backward pass of the last piece, which takes its part of `piece` seconds."""
    passed = ended = 0
    for tensors, share in passes(freeze):
        passed += share * piece
        for values in tensors:
            ended = max(ended, passed) + sent(values, ranks, pieces) / network.rate + 2 * (ranks - 1) * network.latency
    return max(ended - passed, 0)


def speed(freeze, ms, ranks, pieces, network):
    """Photos a second, over those of one machine with the same pieces."""
    most = max(end - first for first, end in blocks(ranks, pieces))
    piece = PIECE * ms / 1000
    return pieces * piece / (most * piece + exchange(freeze, ranks, pieces, piece, network))


class Network:
    def __init__(self, gbit, options):
        self.rate = gbit * 125e6 * options.reached
        self.latency = options.latency * 1e-6


def show(kind, pieces_of, steps, options):
    print(f"\n| {kind}: freeze | Gbit/s | " + " | ".join(f"N = {n}" for n in RANKS) + " |")
    print("|---|---|" + "---|" * len(RANKS))
    for freeze, ms in steps.items():
        for gbit in options.gbit:
            row = [speed(freeze, ms, n, pieces_of(n), Network(gbit, options)) for n in RANKS]
            print(f"| {freeze} | {gbit:g} | " + " | ".join(f"{x:.3g}" for x in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", action="append", default=[], metavar="FREEZE=MS", help="measured: ms of a photo in a step")
    parser.add_argument("--gbit", type=float, nargs="+", default=[1, 10], help="rates of a machine's link")
    parser.add_argument("--latency", type=float, default=50, help="microseconds of a message (50)")
    parser.add_argument("--reached", type=float, default=REACHED, help="share of a link's rate that an exchange reaches (0.74)")
    options = parser.parse_args()
    for freeze, (values, tensors) in TRAINED.items():
        listed = [count for counts, _ in passes(freeze) for count in counts]
        assert (sum(listed), len(listed)) == (values, tensors), (freeze, sum(listed), len(listed))
    steps = dict(STEPS)
    for text in options.step:
        freeze, _, ms = text.partition("=")
        if not freeze.isdigit() or int(freeze) not in TRAINED:
            parser.error(f"--step {text}: freeze must be one of {', '.join(map(str, TRAINED))}")
        steps[int(freeze)] = float(ms)
    print(f"Zen 4, two cores a machine; {options.latency:g} us a message, {options.reached:g} of a link's rate; N ranks as a multiple of one machine")
    show("strong", lambda n: PIECES, steps, options)
    show("weak", lambda n: n, steps, options)
    told = MEASURED["alone"] + exchange(6, 2, 2, MEASURED["alone"], Network(1, options))
    bytes_told = sent(TRAINED[6][0], 2, 2)
    print(f"\nmeasured, two ranks at 1 Gbit/s, freeze 6: {MEASURED['two']:.2f} s a step, {MEASURED['sent'] / 1e6:.1f} MB sent; "
          f"this says {told:.2f} s and {bytes_told / 1e6:.1f} MB: {100 * (MEASURED['two'] / told - 1):+.0f} % measured")


if __name__ == "__main__":
    main()
