"""The files of a ResNet that libraries write by their own code, for check_sources.py.

Each function imports one library, gives it the weights of the plain model, has it save them as its users do, and yields
(name, content or path, expectation); content is for torch.save. ImportError means that the library is not installed.
"""
import copy
import pathlib
import pickle

import torch
import torchvision
from safetensors.torch import save_file, save_model
from torch import nn


def with_weights(network, state):
    """The network with every weight that the state has for it; the state's body has to fit whole."""
    missing, unknown = network.load_state_dict(state, strict=False)
    assert not unknown and all("fc." in name or "classifier" in name for name in missing), (missing, unknown)
    return network.eval()


def pytorch(source, folder):
    model = source.model
    yield "torch.compile", torch.compile(model).state_dict(), "logits"
    average = torch.optim.swa_utils.AveragedModel(model)
    yield "AveragedModel (SWA)", average.state_dict(), "logits"
    yield "AveragedModel with buffers", {"state_dict": torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999), use_buffers=True).state_dict()}, "logits"
    save_model(model, folder / "model.safetensors")
    yield "safetensors.torch.save_model", folder / "model.safetensors", "logits"
    torch.save(source.state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    yield "torch.save, before 1.6", folder / "legacy.pth", "logits"
    torch.save(source.state, folder / "protocol4.pth", pickle_protocol=4)
    yield "torch.save, protocol 4", folder / "protocol4.pth", "logits"
    yield "channels_last", copy.deepcopy(model).to(memory_format=torch.channels_last).state_dict(), "logits"
    yield "Parameters, not tensors", dict(model.named_parameters()) | dict(model.named_buffers()), "logits"
    torch.save(model, folder / "whole.pth")
    yield "torch.save(model)", folder / "whole.pth", "refused state_dict"
    torch.jit.script(model).save(str(folder / "script.pt"))
    yield "torch.jit.script", folder / "script.pt", "refused TorchScript"
    import torch.distributed.checkpoint as dcp
    dcp.save({"model": source.state}, checkpoint_id=folder / "dcp", no_dist=True)
    yield "distributed checkpoint", folder / "dcp", "refused "


def torchvision_models(source, folder):
    detection, segmentation = torchvision.models.detection, torchvision.models.segmentation
    backbone = detection.backbone_utils.resnet_fpn_backbone(backbone_name=source.arch, weights=None)
    with_weights(backbone.body, {n: v for n, v in source.body.items() if "num_batches" not in n})
    yield "torchvision Faster R-CNN", detection.FasterRCNN(backbone, num_classes=3).state_dict(), "body"
    yield "torchvision RetinaNet", detection.RetinaNet(backbone, num_classes=3).state_dict(), "body"
    yield "torchvision Mask R-CNN", {"model": detection.MaskRCNN(backbone, num_classes=3).state_dict(), "epoch": 2}, "body"
    from torchvision.models import feature_extraction
    extractor = feature_extraction.create_feature_extractor(source.model, ["layer4"])
    yield "create_feature_extractor", extractor.state_dict(), "body"
    getter = torchvision.models._utils.IntermediateLayerGetter(source.model, {"layer4": "out"})
    yield "IntermediateLayerGetter", getter.state_dict(), "body"
    if source.arch == "resnet50":
        for make in (segmentation.deeplabv3_resnet50, segmentation.fcn_resnet50):
            network = make(weights=None, weights_backbone=None, num_classes=4, aux_loss=True)
            with_weights(network.backbone, source.body)
            yield f"torchvision {make.__name__}", network.state_dict(), "body"


def timm(source, folder):
    import timm
    from timm.models import save_for_hf
    from timm.utils import CheckpointSaver, ModelEmaV3

    arch, classes = source.arch, source.classes
    model = with_weights(timm.create_model(arch, num_classes=classes), source.state)
    save_file(model.state_dict(), folder / "timm.safetensors")
    yield "timm, safetensors", folder / "timm.safetensors", "logits"
    body = with_weights(timm.create_model(arch, num_classes=0), source.body)
    yield "timm, num_classes=0", body.state_dict(), "body"
    features = timm.create_model(arch, features_only=True)
    yield "timm, features_only", with_weights(features, source.body).state_dict(), "body"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    averaged = ModelEmaV3(model)
    raw = copy.deepcopy(model)
    raw.load_state_dict({n: v * 1.5 if v.is_floating_point() else v for n, v in model.state_dict().items()})
    out = folder / "timm_out"
    out.mkdir()
    saver = CheckpointSaver(raw, optimizer, args=source.args(), model_ema=averaged, checkpoint_dir=str(out),
                            recovery_dir=str(out))
    saver.save_checkpoint(0, metric=71.5)
    yield "timm's CheckpointSaver, EMA", out / "model_best.pth.tar", "logits"
    hub = folder / "timm_hub"
    save_for_hf(model, hub, model_config={"num_classes": classes, "label_names": [f"c{i}" for i in range(classes)]})
    yield "timm's folder for the hub", hub, "logits"
    for name, word in ((f"{arch}d", "stem"), (f"{arch}s", "stem"), ("resnetaa50", "another network")):
        try:
            other = timm.create_model(name, num_classes=classes)
        except RuntimeError:
            continue
        save_for_hf(other, folder / name)
        yield f"timm {name}, its folder", folder / name, f"refused {word}"
    for name, options in (("silu", {"act_layer": "silu"}), ("max pooling", {"global_pool": "max"}),
                          ("output stride 8", {"output_stride": 8})):
        try:
            other = timm.create_model(arch, num_classes=classes, **options)
        except (NotImplementedError, RuntimeError):  # a BasicBlock has no dilation
            continue
        target = folder / name.replace(" ", "_")
        save_for_hf(other, target, model_args=options)
        yield f"timm, {name}, folder", target, "refused "


def transformers_sizes(source):
    deep = source.arch == "resnet50"
    return {"depths": [3, 4, 6, 3] if deep else [2, 2, 2, 2], "layer_type": "bottleneck" if deep else "basic",
            "hidden_sizes": [256, 512, 1024, 2048] if deep else [64, 128, 256, 512]}


def hugging_face_name(name):
    """torchvision's name as transformers.ResNet spells it."""
    head = {"conv1": "embedder.embedder.convolution", "bn1": "embedder.embedder.normalization"}
    parts = name.split(".")
    if parts[0] == "fc":
        return f"classifier.1.{parts[1]}"
    if parts[0] in head:
        return f"resnet.{head[parts[0]]}.{parts[1]}"
    stage, block, rest = int(parts[0][-1]) - 1, parts[1], parts[2:]
    if rest[0] == "downsample":
        inside = f"shortcut.{'convolution' if rest[1] == '0' else 'normalization'}"
    else:
        inside = f"layer.{int(rest[0][-1]) - 1}.{'convolution' if rest[0].startswith('conv') else 'normalization'}"
    return f"resnet.encoder.stages.{stage}.layers.{block}.{inside}.{rest[-1]}"


def transformers(source, folder):
    import transformers

    config = transformers.ResNetConfig(num_labels=source.classes, **transformers_sizes(source))
    state = {hugging_face_name(name): value for name, value in source.state.items()}
    model = transformers.ResNetForImageClassification(config)
    model.load_state_dict(state)
    model.save_pretrained(folder / "hf")
    yield "transformers, classifier", folder / "hf", "logits"
    yield "transformers, pytorch_model.bin", model.state_dict(), "logits"
    body = transformers.ResNetModel(config)
    body.load_state_dict({n.removeprefix("resnet."): v for n, v in state.items() if n.startswith("resnet.")})
    body.save_pretrained(folder / "hf_body")
    yield "transformers, ResNetModel", folder / "hf_body", "body"
    backbone = transformers.ResNetBackbone(config)
    backbone.load_state_dict({n.removeprefix("resnet."): v for n, v in state.items() if n.startswith("resnet.")})
    backbone.save_pretrained(folder / "hf_backbone")
    yield "transformers, ResNetBackbone", folder / "hf_backbone", "body"
    v1 = transformers.ResNetConfig(num_labels=source.classes, downsample_in_bottleneck=True, **transformers_sizes(source))
    if source.arch == "resnet50":
        transformers.ResNetForImageClassification(v1).save_pretrained(folder / "hf_v1")
        yield "transformers, stride in 1x1", folder / "hf_v1", "refused "
    wrapper = transformers.TimmWrapperConfig(architecture=source.arch, num_labels=source.classes)
    wrapped = transformers.TimmWrapperForImageClassification(wrapper)
    with_weights(wrapped.timm_model, source.state)
    wrapped.save_pretrained(folder / "hf_timm")
    yield "transformers, TimmWrapper", folder / "hf_timm", "logits"


def lightning(source, folder):
    import lightning

    class Classifier(lightning.LightningModule):
        def __init__(self, model, options):
            super().__init__()
            self.save_hyperparameters({"options": options})
            self.model = model
            self.class_weights = nn.Parameter(torch.ones(3), requires_grad=False)

        def training_step(self, batch, _):
            return self.model(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.model.parameters(), lr=0.0)

    def checkpoint(model, options, name):
        photos = torch.utils.data.TensorDataset(torch.zeros(2, 3, 64, 64))
        trainer = lightning.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
                                    enable_checkpointing=False, accelerator="cpu", default_root_dir=folder)
        module = Classifier(model, options)
        trainer.fit(module, torch.utils.data.DataLoader(photos, batch_size=2))
        module.model.load_state_dict(model.state_dict())
        trainer.save_checkpoint(folder / name)
        return folder / name

    frozen = copy.deepcopy(source.model).eval()
    for batchnorm in (m for m in frozen.modules() if isinstance(m, nn.BatchNorm2d)):
        batchnorm.momentum = 0.0  # one step, and the statistics stay the file's
    yield "Lightning's checkpoint", checkpoint(frozen, source.args(), "lightning.ckpt"), "logits"
    try:
        from omegaconf import OmegaConf
        options = OmegaConf.create({"lr": 0.1, "data": {"path": "/data", "sizes": [224, 256]}})
        yield "Lightning with OmegaConf", checkpoint(copy.deepcopy(frozen), options, "omega.ckpt"), "logits"
    except ImportError:
        pass


def fastai(source, folder):
    from fastai.vision.all import ImageDataLoaders, Learner, create_vision_model

    arch = getattr(torchvision.models, source.arch)
    network = create_vision_model(arch, source.classes, pretrained=False)
    body = network[0]
    body.load_state_dict(nn.Sequential(*list(source.model.children())[:-2]).state_dict())
    photos = [str(folder / "photo.png")] * 4
    loaders = ImageDataLoaders.from_lists(folder, photos, list("abab"), bs=2, num_workers=0)
    learner = Learner(loaders, network, loss_func=nn.CrossEntropyLoss(), path=folder)
    learner.create_opt()
    yield "fastai, Learner.save", pathlib.Path(learner.save("fastai")), "body"
    learner.save("weights", with_opt=False)
    yield "fastai, without optimizer", folder / "models" / "weights.pth", "body"
    learner.export(folder / "export.pkl")
    yield "fastai, Learner.export", folder / "export.pkl", "refused "


def mmengine(source, folder):
    from mmengine.config import Config
    from mmengine.runner import save_checkpoint

    class Classifier(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.backbone = nn.Module()
            for name, child in list(model.named_children())[:-1]:
                self.backbone.add_module(name, child)
            self.head = nn.Module()
            self.head.fc = model.fc

    network = Classifier(source.model)
    content = {"meta": {"epoch": 3, "cfg": Config({"model": {"type": "ResNet"}}).pretty_text,
                        "dataset_meta": {"classes": [f"c{i}" for i in range(source.classes)]}},
               "state_dict": network.state_dict(), "message_hub": {"log_scalars": {}},
               "optimizer": torch.optim.SGD(network.parameters(), lr=0.1).state_dict()}
    save_checkpoint(content, str(folder / "mm.pth"))
    yield "mmengine, mmpretrain's names", folder / "mm.pth", "logits"


def segmentation_models(source, folder):
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.Unet(source.arch, encoder_weights=None)
    network.encoder.load_state_dict(dict(source.body))
    yield "segmentation_models, Unet", network.state_dict(), "body"


def lightly(source, folder):
    from lightly.models import modules

    body = nn.Sequential(*list(copy.deepcopy(source.model).children())[:-1])
    heads = {"SimCLR": modules.SimCLRProjectionHead, "Barlow Twins": modules.BarlowTwinsProjectionHead,
             "VICReg": modules.heads.VICRegProjectionHead, "SwAV": modules.SwaVProjectionHead, "DINO": modules.DINOProjectionHead}
    for name, head in heads.items():
        network = nn.Module()
        network.backbone = body
        network.projection_head = head(source.features, 64, 32)
        yield f"lightly, {name}", {"state_dict": network.state_dict(), "epoch": 1}, "body"
    network = nn.Module()
    network.backbone, network.backbone_momentum = body, copy.deepcopy(body)
    yield "lightly, MoCo, --prefix", network.state_dict(), "body --prefix backbone."


def ignite(source, folder):
    from ignite.engine import Engine, Events
    from ignite.handlers import Checkpoint, DiskSaver

    trainer = Engine(lambda engine, batch: None)
    optimizer = torch.optim.SGD(source.model.parameters(), lr=0.1)
    keep = {"trainer": trainer, "model": source.model, "optimizer": optimizer}
    handler = Checkpoint(keep, DiskSaver(str(folder / "ignite"), require_empty=False), n_saved=1)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, handler)
    trainer.run([0], max_epochs=1)
    yield "ignite's Checkpoint", folder / "ignite" / handler.last_checkpoint, "logits"


def skorch(source, folder):
    from skorch import NeuralNetClassifier

    network = NeuralNetClassifier(lambda: copy.deepcopy(source.model)).initialize()
    network.save_params(f_params=folder / "skorch.pt")
    yield "skorch's save_params", folder / "skorch.pt", "logits"
    with open(folder / "skorch.pkl", "wb") as file:
        pickle.dump({"params": source.state}, file)
    yield "pickle.dump of a state_dict", folder / "skorch.pkl", "refused "


def accelerate(source, folder):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model, optimizer = accelerator.prepare(copy.deepcopy(source.model), torch.optim.SGD(source.model.parameters(), lr=0.1))
    accelerator.save_state(folder / "accelerate")
    yield "accelerate's save_state", folder / "accelerate", "logits"
    accelerator.save_model(model, folder / "accelerate_model")
    yield "accelerate's save_model", folder / "accelerate_model", "logits"


def ultralytics(source, folder):
    from ultralytics.nn.modules import TorchVision

    network = nn.Module()
    network.model = nn.Sequential(TorchVision(source.arch, weights=None, unwrap=False))
    network.model[0].m = copy.deepcopy(source.model)
    yield "ultralytics' TorchVision block", network.state_dict(), "logits"
    torch.save({"epoch": -1, "model": network.half(), "train_args": {"imgsz": 224}, "date": "2026-01-01"},
               folder / "ultralytics.pt")
    yield "ultralytics, its pickled model", folder / "ultralytics.pt", "refused state_dict"


def pretrainedmodels(source, folder):
    import pretrainedmodels

    network = getattr(pretrainedmodels, source.arch)(num_classes=1000, pretrained=None)
    network.last_linear = copy.deepcopy(source.model.fc)
    named = {n.replace("fc.", "last_linear."): v for n, v in source.state.items()}
    network.load_state_dict(named, strict=False)
    yield "pretrainedmodels", {n: v for n, v in network.state_dict().items() if n in named}, "logits"


def thop(source, folder):
    import thop

    model = copy.deepcopy(source.model)
    for module in model.modules():
        module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
        module.register_buffer("total_params", torch.zeros(1, dtype=torch.float64))
    thop.profile(copy.deepcopy(source.model), inputs=(torch.zeros(1, 3, 64, 64),), verbose=False)
    yield "thop's counters", model.state_dict(), "logits"


def averages(source, folder):
    from ema_pytorch import EMA
    from torch_ema import ExponentialMovingAverage

    state = EMA(copy.deepcopy(source.model)).state_dict()
    yield "ema-pytorch", state, "several"
    yield "ema-pytorch, --prefix", state, "logits --prefix ema_model."
    average = ExponentialMovingAverage(source.model.parameters(), decay=0.99).state_dict()
    yield "torch_ema beside a state_dict", {"model": source.state, "ema": average}, "logits"


def monai(source, folder):
    from monai.networks.nets import resnet18, resnet50

    make = resnet50 if source.arch == "resnet50" else resnet18
    network = make(spatial_dims=2, n_input_channels=3, num_classes=source.classes, conv1_t_size=7, conv1_t_stride=2,
                   bias_downsample=False)
    yield "MONAI, two dimensions", with_weights(network, source.state).state_dict(), "logits"
    network = make(spatial_dims=2, n_input_channels=3, num_classes=source.classes)
    yield "MONAI, bias in downsample", network.state_dict(), "refused "
    yield "MONAI, three dimensions", make(n_input_channels=1).state_dict(), "refused "


def onnx(source, folder):
    import onnx  # noqa: F401 torch.onnx needs it

    torch.onnx.export(source.model, (torch.zeros(1, 3, 64, 64),), str(folder / "model.onnx"), dynamo=False)
    yield "torch.onnx", folder / "model.onnx", "refused ONNX"


def other_frameworks(source, folder):
    arrays = {n: v.numpy() for n, v in source.state.items()}
    with open(folder / "detectron2.pkl", "wb") as file:
        pickle.dump({"model": {n.replace("conv1", "stem.conv1", 1): v for n, v in arrays.items()}, "__author__": "x",
                     "matching_heuristics": True}, file)
    yield "detectron2's numpy pickle", folder / "detectron2.pkl", "refused NumPy"
    import h5py
    with h5py.File(folder / "keras.h5", "w") as file:
        file["conv1"] = arrays["conv1.weight"]
    yield "Keras' HDF5", folder / "keras.h5", "refused HDF5"


ALL = (pytorch, torchvision_models, timm, transformers, lightning, fastai, mmengine, segmentation_models, lightly, ignite,
       skorch, accelerate, ultralytics, pretrainedmodels, thop, averages, monai, onnx, other_frameworks)
