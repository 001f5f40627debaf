"""Trains a small ResNet for a step with the trainers that people use, and looks at what they leave behind with freezetune:
the checkpoint, and the folder that it is in.

  $(sh scripts/venv.sh) scripts/check_trainers.py [--references FOLDER] [--program ./freezetune] [--keep FOLDER]

--references is references/classification of torchvision's sources, of which train.py is run as it is. timm's train.py is
in no package: its CheckpointSaver is, with the task, the average of weights, the scaler and the arguments that train.py
hands it. Lightning and Hugging Face's Trainer are run; a package that is not installed is left out, and said so.

A row says what was named, how far the logits of `freezetune predict` are from those of the model in memory (relative to
the largest; 1e-5 is right), or the refusal that was expected. Then `train` runs for a step on each checkpoint. Exit code 1
when a row is not as expected.
"""
import argparse
import copy
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file

SIZE, CLASSES = 64, 5


class Checker:
    def __init__(self, program, folder):
        self.program, self.folder, self.failed = program, folder, 0
        random = numpy.random.default_rng(1)
        for split in ("train", "val"):
            for label in range(CLASSES):
                for i in range(2):
                    path = folder / "photos" / split / f"class{label}" / f"{i}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), dtype=numpy.uint8)).save(path)
        self.photos, self.photo = folder / "photos", path
        pixels = numpy.asarray(Image.open(path)) / 255
        mean, std = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
        self.pixels = torch.from_numpy(((pixels - mean) / std).transpose(2, 0, 1)[None].astype(numpy.float32))
        self.labels = torch.tensor([0])

    def run(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)

    def say(self, good, name, text):
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name:34} {text.replace(str(self.folder) + '/', '')}", flush=True)

    def logits(self, name, path, model, *options):
        """`model` answers as the file at `path` should."""
        out = self.folder / "logits.safetensors"
        done = self.run("predict", "--model", path, "--resize", SIZE, "--crop", SIZE, "--logits", out, *options, self.photo)
        if done.returncode:
            return self.say(False, name, done.stderr.strip())
        with torch.no_grad():
            wanted = model.eval()(self.pixels)
        wanted = getattr(wanted, "logits", wanted)[0].numpy()
        found = load_file(out)["logits"][0].numpy()
        far = abs(found - wanted).max() / abs(wanted).max() if found.shape == wanted.shape else float("inf")
        took = [line for line in done.stderr.splitlines() if "read from" in line]
        self.say(far < 1e-5, name, f"logits within {far:.1e}" + (f"; {took[0]}" if took else ""))

    def refused(self, name, path, words):
        done = self.run("inspect", path)
        self.say(done.returncode != 0 and all(w in done.stderr for w in words), name, done.stderr.strip())

    def train(self, name, path):
        done = self.run("train", "--quiet", "--data", self.photos, "--weights", path, "--image-size", 32, "--epochs", 1,
                        "--freeze-until", 8, "--out", self.folder / "runs" / name.replace(" ", "_"))
        self.say(done.returncode == 0, f"{name}, train", done.stderr.strip() or "trained")

    def step(self, model, optimizer):
        model.train()
        logits = model(torch.cat([self.pixels, self.pixels.flip(3)]))
        torch.nn.functional.cross_entropy(logits, self.labels.repeat(2)).backward()
        optimizer.step()


def torchvision_references(checker, references):
    if not references:
        print("--   torchvision's train.py: no --references")
        return
    out = checker.folder / "torchvision"
    command = [sys.executable, "train.py", "--data-path", checker.photos, "--model", "resnet18", "--device", "cpu", "-b", "5",
               "--epochs", "2", "-j", "0", "--output-dir", out, "--train-crop-size", str(SIZE), "--val-crop-size", str(SIZE),
               "--val-resize-size", str(SIZE), "--model-ema", "--model-ema-steps", "1", "--norm-weight-decay", "0.0"]
    done = subprocess.run(command, cwd=references, capture_output=True, text=True)
    if done.returncode:
        return checker.say(False, "torchvision's train.py", done.stderr.strip()[-300:])
    state = torch.load(out / "checkpoint.pth", weights_only=False)
    model = torchvision.models.resnet18(num_classes=CLASSES)
    model.load_state_dict(state["model"])
    checker.logits("torchvision's train.py", out / "checkpoint.pth", model)
    model.load_state_dict({n.removeprefix("module."): v for n, v in state["model_ema"].items() if n != "n_averaged"})
    checker.logits("torchvision's train.py, --key", out / "checkpoint.pth", model, "--key", "model_ema")
    checker.refused("torchvision's train.py, folder", out, ["checkpoint.pth, model_0.pth, model_1.pth"])
    checker.train("torchvision", out / "checkpoint.pth")


def timm_train(checker):
    try:
        import timm
        from timm.optim import create_optimizer_v2
        from timm.scheduler import create_scheduler_v2
        from timm.utils import CheckpointSaver, ModelEmaV3, NativeScaler, get_outdir, update_summary
    except ImportError as error:
        print(f"--   timm: {error}")
        return
    args = argparse.Namespace(model="resnet18", data_dir=str(checker.photos), img_size=SIZE, mean=None, lr=0.05, warmup_lr=1e-5,
                              lr_noise=None, lr_noise_pct=0.67, scale=[0.08, 1.0], ratio=[3 / 4, 4 / 3], opt_betas=None,
                              opt_kwargs={}, model_kwargs={}, device="cpu", amp=True, amp_dtype="float16", epochs=2, seed=42,
                              output="output", prefetcher=False, distributed=False, world_size=1, rank=0, local_rank=0)
    model = timm.create_model("resnet18", num_classes=CLASSES)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=args.lr)
    scheduler, _ = create_scheduler_v2(optimizer, sched="cosine", num_epochs=2)
    average, scaler = ModelEmaV3(model, decay=0.5), NativeScaler(device="cpu")
    folder = pathlib.Path(get_outdir(str(checker.folder / "output" / "train"), "20260101-120000-resnet18-64"))
    (folder / "args.yaml").write_text("model: resnet18\n")
    saver = CheckpointSaver(model=model, optimizer=optimizer, args=args, model_ema=average, amp_scaler=scaler,
                            checkpoint_dir=str(folder), recovery_dir=str(folder), max_history=2)
    best = None
    for epoch, metric in ((0, 40.0), (1, 30.0)):
        checker.step(model, optimizer)
        average.update(model)
        scheduler.step(epoch + 1, metric)
        update_summary(epoch, {"loss": 1.0}, {"top1": metric}, str(folder / "summary.csv"), write_header=epoch == 0)
        saver.save_checkpoint(epoch, metric=metric)
        best = best or copy.deepcopy(average.module)
    checker.logits("timm's train.py, folder", folder, best)
    checker.logits("timm's train.py, output/train", folder.parent, best)
    checker.logits("timm's train.py, last", folder / "last.pth.tar", average.module)
    checker.logits("timm's train.py, --key", folder / "last.pth.tar", model, "--key", "state_dict")
    checker.train("timm", folder)


def lightning(checker):
    try:
        import lightning
    except ImportError as error:
        print(f"--   Lightning: {error}")
        return

    class Module(lightning.LightningModule):
        def __init__(self, args):
            super().__init__()
            self.save_hyperparameters(args)
            self.model = torchvision.models.resnet18(num_classes=CLASSES)

        def training_step(self, batch, _):
            loss = torch.nn.functional.cross_entropy(self.model(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    pixels = checker.pixels.repeat(4, 1, 1, 1)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(pixels, checker.labels.repeat(4)), batch_size=4)
    module = Module(argparse.Namespace(lr=1e-3, data=pathlib.PurePosixPath("/data")))
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=2, default_root_dir=checker.folder / "lightning", enable_progress_bar=False,
                                enable_model_summary=False, log_every_n_steps=1,
                                logger=lightning.pytorch.loggers.CSVLogger(checker.folder / "lightning"))
    trainer.fit(module, data)
    module.model.cpu()
    checker.logits("Lightning, lightning_logs", checker.folder / "lightning" / "lightning_logs", module.model)
    checker.train("Lightning", checker.folder / "lightning" / "lightning_logs" / "version_0")


def hugging_face(checker):
    try:
        import transformers
        import accelerate  # noqa: F401 (the Trainer needs it)
    except ImportError as error:
        print(f"--   Hugging Face's Trainer: {error}")
        return
    config = transformers.ResNetConfig(depths=[2, 2, 2, 2], layer_type="basic", hidden_sizes=[64, 128, 256, 512],
                                       num_labels=CLASSES)
    model = transformers.ResNetForImageClassification(config)
    data = [{"pixel_values": checker.pixels[0], "labels": 0} for _ in range(4)]
    out = checker.folder / "trainer"
    args = transformers.TrainingArguments(output_dir=str(out), max_steps=2, save_steps=1, per_device_train_batch_size=4,
                                          report_to=[], use_cpu=True, disable_tqdm=True)
    transformers.Trainer(model=model, args=args, train_dataset=data).train()
    checker.refused("Trainer, output folder", out, ["checkpoint-1, checkpoint-2", "name one"])
    checker.logits("Trainer, checkpoint-2", out / "checkpoint-2", model)
    checker.train("Trainer", out / "checkpoint-2")


def unpacked(checker):
    """A .pth that was unpacked, and what people pack again."""
    model = torchvision.models.resnet18(num_classes=CLASSES)
    path = checker.folder / "model.pth"
    torch.save({"model": model.state_dict(), "epoch": 3}, path)
    out = checker.folder / "unpacked"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", path, out], check=True)
    for name, place in (("unpacked, where it was unpacked", out), ("unpacked, its folder", out / "model"),
                        ("unpacked, data.pkl", out / "model" / "data.pkl")):
        checker.logits(name, place, model)
    checker.train("unpacked", out)
    subprocess.run([sys.executable, "-m", "zipfile", "-c", checker.folder / "packed.pth", out / "model"], check=True)
    checker.refused("packed again, compressed", checker.folder / "packed.pth", ["unpack it", "give the folder"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--references", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="work in this folder and leave it")
    options = parser.parse_args()
    torch.manual_seed(1)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(str(pathlib.Path(options.program).resolve()), options.keep or pathlib.Path(folder))
        unpacked(checker)
        torchvision_references(checker, options.references)
        timm_train(checker)
        lightning(checker)
        hugging_face(checker)
    sys.exit(checker.failed > 0)


if __name__ == "__main__":
    main()
