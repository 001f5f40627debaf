"""Ten steps of freezetune-mpi by two processes beside PyTorch's DistributedDataParallel by two processes over gloo, with the same
weights and batches, each process the same half of every batch.

  make mpi build/release/tests/tools/parity_dump
  $(sh scripts/venv.sh) scripts/parity/compare_ddp.py resnet50.safetensors [--photos FOLDER] [--points 6 0]

The program is stopped after every step and resumed, so that its checkpoints tell the weights before each step and, by SGD's
first momentum, the gradients. PyTorch is given the program's choices of ReLU and max pooling (gates.py), which parity_dump finds
for each half from these weights; each rank looks at those that it would not have made, as compare_live.py does.

Compared: the loss of every step with the mean of the ranks' losses, the gradients of the first step, the trained parameters after
all steps, each with its worst tensor, and the sum of all steps as one vector. DDP's running statistics are those of rank 0, the
program's move by one half after the other: compared is what both ranks' own statistics make in that order, which DDP has nowhere.
Not compared: halves of unequal size, where DDP's mean over ranks weighs the photos of the smaller half more.

Exit code 1 beyond the limits of compare_live.py.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn

from compare_live import UPDATE_LIMITS, inputs_parser, read_photos
from compare_unfreezing import write_photos
from gates import Gates
from pytorch_side import Case, Optimizer, distance, normalise, prepare, random_photos, resnet50, worst

RANKS = 2
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
       "OMPI_MCA_hwloc_base_binding_policy": "none"}
SGD = Optimizer("sgd", lr=1e-3, momentum=0.9, weight_decay=1e-4)


# ---- the order of the program's photos (core/base/rng.c, core/train/train_loop.c) ----
def philox(counter, key):
    c, k, word = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & word, (p0 >> 32) ^ c[3] ^ k[1], p0 & word]
        k = [(k[0] + 0x9E3779B9) & word, (k[1] + 0xBB67AE85) & word]
    return c


def order(seed, epoch, count):
    """The photos of an epoch, as their numbers in the training list."""
    words = (word for block in range(count) for word in philox((block, 0, epoch, 2 << 24), (seed, 0)))
    numbers = list(range(count))
    for i in range(count, 1, -1):
        j = next(word for word in words if word >= 2**32 % i) % i
        numbers[i - 1], numbers[j] = numbers[j], numbers[i - 1]
    return numbers


# ---- the program ----
def train_by_steps(options, case, folder):
    """A step a life. Returns the losses and the state before the first step and after each."""
    half = options.batch_size // RANKS
    mpi = [options.mpirun, "-n", RANKS, options.mpi_program, "train"]
    more = ["--quiet", "--keep-last", "--no-report", "--threads", "1", "--time-limit", "0.0001"]
    command = mpi + ["--data", folder / "photos", "--weights", folder / "start.safetensors", "--out", folder / "run",
                     "--augment", "none", "--image-size", options.image_size, "--resize", options.image_size,
                     "--batch-size", options.batch_size, "--micro-batch", half, "--epochs", options.steps, "--schedule", "constant",
                     "--freeze-until", case.freeze_until, "--bn-frozen", case.bn_frozen, "--bn-trained", case.bn_trained,
                     "--optimizer", SGD.kind, "--lr", SGD.lr, "--momentum", SGD.momentum, "--weight-decay", SGD.weight_decay,
                     "--seed", options.seed] + more
    states = [load_file(folder / "start.safetensors")]
    for _ in range(options.steps):
        done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, env=os.environ | MPI)
        if done.returncode not in (0, 75):
            sys.exit(f"compare_ddp.py: freezetune-mpi ended with {done.returncode}")
        states.append(load_file(folder / "run/last.safetensors"))
        command = mpi + ["--resume", folder / "run"] + more
    lines = [json.loads(line) for line in (folder / "run/log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "step"]
    if len(losses) != options.steps:
        sys.exit(f"compare_ddp.py: {len(losses)} steps in {options.steps} lives")
    return torch.tensor(losses), states


def find_choices(options, case, folder, states, halves, labels):
    """PREFIX.STEP for each rank: what the program chooses in its half, from the weights before that step."""
    for step in range(options.steps):
        save_file({name: t for name, t in states[step].items() if not name.startswith("optimizer.")}, folder / "now.safetensors")
        for rank in range(RANKS):
            save_file({"pixels": halves[step, rank][None].contiguous(), "labels": labels[step, rank][None].contiguous()},
                      folder / "batch.safetensors")
            subprocess.run([str(word) for word in [
                options.program, folder / "now.safetensors", folder / "batch.safetensors", folder / "found.safetensors",
                "--freeze-until", case.freeze_until, "--bn-frozen", case.bn_frozen, "--bn-trained", case.bn_trained,
                "--gates", folder / "choices"]], check=True)
            (folder / "choices.0").rename(folder / f"rank{rank}.{step}")


# ---- PyTorch ----
def averages(model):
    return {name: b for name, b in model.named_buffers() if name.endswith(("running_mean", "running_var"))}


def ddp_rank(rank, case, folder, state, halves, labels, threads):
    """Writes what this rank has found to folder/ddpRANK.safetensors."""
    warnings.simplefilter("ignore")  # the layout of gradients in DDP's buckets; a name that is about to change
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ["COMPARE_DDP_PORT"]}
    torch.set_num_threads(threads)
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    model = resnet50(state)
    gates = Gates(folder / f"rank{rank}")
    gates.put_into(model)
    trained = prepare(model, case, case.freeze_until)
    # Each rank keeps its own running statistics, which only an evaluation would read.
    whole = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    stepper = SGD.over([{"params": list(trained.values())}])
    out, losses = {}, []
    for step in range(len(halves)):
        before = {name: b.double() for name, b in averages(model).items()}
        stepper.zero_grad()
        gates.start(step)
        logits = whole(normalise(halves[step, rank], torch.float32))
        gates.finish()
        loss = nn.CrossEntropyLoss()(logits, labels[step, rank])
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            out |= {f"grad/{name}": p.grad.clone() for name, p in trained.items()}
        for name, b in averages(model).items():  # what the batch's own statistic was
            moved = not torch.equal(b.double(), before[name])
            out[f"stat{step}/{name}"] = (b.double() - 0.9 * before[name]) / 0.1 if moved else before[name]
        stepper.step()
    out |= {f"after/{name}": p.detach().clone() for name, p in trained.items()}
    out["losses"] = torch.stack(losses)
    out["gates"] = torch.tensor([gates.differing, gates.choices, gates.first, gates.farthest], dtype=torch.float64)
    save_file(out, folder / f"ddp{rank}.safetensors")
    dist.destroy_process_group()


def in_order(ranks, state, steps):
    """Running statistics that move by one rank's after the other."""
    out = {}
    for name in state:
        if name.endswith(("running_mean", "running_var")):
            value = state[name].double()
            for step in range(steps):
                for rank in ranks:
                    value = 0.9 * value + 0.1 * rank[f"stat{step}/{name}"]
            out[f"after/{name}"] = value
    return out


# ---- both ----
def compare(options, case, folder, state, pixels, labels):
    """One row: its text, and whether it is within the limits."""
    losses, states = train_by_steps(options, case, folder)
    by_class = sorted(range(len(labels)), key=lambda i: (labels[i].item(), i))  # the training list: by folder, then by name
    chosen = torch.tensor([[by_class[n] for n in order(options.seed, step, len(labels))] for step in range(options.steps)])
    chosen = chosen.reshape(options.steps, RANKS, -1)
    find_choices(options, case, folder, states, pixels[chosen], labels[chosen])
    arguments = (case, folder, state, pixels[chosen], labels[chosen], options.threads)
    torch.multiprocessing.spawn(ddp_rank, arguments, nprocs=RANKS)
    ranks = [load_file(folder / f"ddp{rank}.safetensors") for rank in range(RANKS)]
    for name, value in ranks[0].items():
        if name.startswith(("grad/", "after/")) and not torch.equal(value, ranks[1][name]):
            sys.exit(f"compare_ddp.py: {name} differs between DDP's ranks")

    wanted = {name: value for name, value in ranks[0].items() if name.startswith("after/")}
    trained = [name.removeprefix("after/") for name in wanted]
    if sorted(trained) != sorted(name[len("optimizer.momentum."):] for name in states[1] if name.startswith("optimizer.momentum.")):
        sys.exit("compare_ddp.py: another set of parameters is trained")
    gradients = {f"grad/{name}": states[1][f"optimizer.momentum.{name}"] - SGD.weight_decay * state[name] for name in trained}
    added = distance(torch.cat([(states[-1][name].double() - state[name]).flatten() for name in trained]),
                     torch.cat([(wanted[f"after/{name}"].double() - state[name]).flatten() for name in trained]))
    wanted |= in_order(ranks, state, options.steps)
    found = {name: states[-1][name.removeprefix("after/")] for name in wanted}
    grad, grad_name = worst(gradients, {name: ranks[0][name] for name in gradients})
    after, after_name = worst(found, wanted)
    loss = distance(losses, sum(rank["losses"] for rank in ranks) / RANKS)
    differing, choices, _, _ = (int(n) for n in sum(rank["gates"] for rank in ranks))
    first, farthest = (max(rank["gates"][i].item() for rank in ranks) for i in (2, 3))
    good = max(grad, after, loss) <= options.limit and added <= UPDATE_LIMITS["sgd"] and \
        first <= options.near and farthest <= 10 * options.near
    return (f"{case.name():<16} {grad:9.1e}  {grad_name.removeprefix('grad/'):<28} {after:9.1e}  "
            f"{after_name.removeprefix('after/'):<28} {loss:9.1e}  {added:9.1e}  {differing:>5} of {choices:<10} {farthest:8.1e}"), good


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = inputs_parser(__doc__, batch_size=8, image_size=64)
    parser.set_defaults(threads=1)
    parser.add_argument("--mpi-program", type=pathlib.Path, default=root / "freezetune-mpi")
    parser.add_argument("--mpirun", default="mpirun")
    parser.add_argument("--port", default="29541", help="of DDP's rank 0 on this machine")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--points", type=int, nargs="+", default=[0, 6, 7, 9])
    parser.add_argument("--limit", type=float, default=2e-4)
    parser.add_argument("--near", type=float, default=1e-4, help="for inputs of ReLU, in deviations")
    options = parser.parse_args()
    os.environ["COMPARE_DDP_PORT"] = options.port

    generator = torch.Generator().manual_seed(options.seed)
    size, count = options.image_size, options.batch_size
    pixels = read_photos(options.photos, count, size) if options.photos else random_photos(generator, 1, count, size, size)[0]
    labels = torch.arange(count) % 2
    state = load_file(options.weights)
    bound = state["fc.weight"].shape[1] ** -0.5
    state["fc.weight"] = (2 * torch.rand(2, state["fc.weight"].shape[1], generator=generator) - 1) * bound
    state["fc.bias"] = (2 * torch.rand(2, generator=generator) - 1) * bound
    beyond, rows = 0, 0
    print(f"{'run':<16} {'gradient':>9}  {'worst tensor':<28} {'after':>9}  {'worst tensor':<28} {'losses':>9}  {'update':>9}  "
          f"{'differ':<19} farthest")
    for n in options.points:
        for trained in ("batch", "eval") if n < 8 else ("batch",):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                save_file(state, folder / "start.safetensors")
                write_photos(folder / "photos", pixels, labels)
                text, good = compare(options, Case(n, "eval", trained), folder, state, pixels, labels)
                beyond += not good
                rows += 1
                print(text + ("" if good else "  BEYOND THE LIMIT"), flush=True)
    print(f"{rows} runs of {RANKS} processes, {beyond} beyond {options.limit:g}")
    sys.exit(1 if beyond or not rows else 0)


if __name__ == "__main__":
    main()
