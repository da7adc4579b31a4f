"""The parts of `generate-chroma` that hold its networks, loaded without what they do not need.

Three things stand in the way of an ordinary import: the package asks for versions of 2022, its first module loads a
molecular viewer for notebooks, and the networks' features fetch an entry of the PDB when they are made, to learn the
means of their values, and write those into the package's folder. The means are among the weights as well. So the
package is installed without its requirements, its submodules are imported below a parent that runs none of its own
code, and the features of our copy begin with means of a chain made here, which the weights then replace. Where residues
are decoded one by one, whoever waits is heard, instead of a bar in the log. Nothing on the disk is changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import InputError
from ..correlation import GlobularCorrelation

__all__ = ["INSTALL", "ChromaPackage", "load_package", "random_numbers", "waiting"]

INSTALL = "in a terminal, run 'adp3d install' with 'prior' chroma"
_NAME = "chroma"
_RESIDUES = 32
"""Of the chain whose features give the first means; more than the neighbours of a residue in the network's graph."""


_WAITING: ContextVar[Callable[[], None]] = ContextVar("waiting", default=lambda: None)


class ChromaPackage:
    """What is used of the package.

    Attributes
    ----------
    backbone, design : type
        ``GraphBackbone`` and ``GraphDesign``, torch modules.
    covariance : type
        ``BackboneMVNGlobular``.
    addresses : dict of str to str
        Where the package says that weights are, by the name of their model class; they need a key.
    """

    def __init__(self, backbone: Any, design: Any, covariance: Any, addresses: dict[str, str]) -> None:
        self.backbone = backbone
        self.design = design
        self.covariance = covariance
        self.addresses = addresses


@contextmanager
def waiting(ask: Callable[[], None]) -> Iterator[None]:
    """Let ``ask`` be called for each residue that the package decodes; what it raises ends that."""
    before = _WAITING.set(ask)
    try:
        yield
    finally:
        _WAITING.reset(before)


@contextmanager
def random_numbers(device: torch.device, seed: int) -> Iterator[None]:
    """Random numbers of this seed for what the package draws; those of others are left alone."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@lru_cache(maxsize=1)
def load_package() -> ChromaPackage:
    """The package, imported once.

    Raises
    ------
    InputError
        If it is missing, or is another one of that name.
    """
    found = importlib.util.find_spec(_NAME) if _NAME not in sys.modules else sys.modules[_NAME].__spec__
    places = None if found is None else found.submodule_search_locations
    if not places or not (Path(next(iter(places))) / "models" / "graph_backbone.py").is_file():
        raise InputError(f"The package 'generate-chroma' is not installed: {INSTALL}.")
    try:
        with _apart(next(iter(places))):
            backbone = importlib.import_module(f"{_NAME}.models.graph_backbone")
            design = importlib.import_module(f"{_NAME}.models.graph_design")
            graph = importlib.import_module(f"{_NAME}.layers.graph")
            features = importlib.import_module(f"{_NAME}.layers.structure.protein_graph")
            covariance = importlib.import_module(f"{_NAME}.layers.structure.mvn").BackboneMVNGlobular
            named = importlib.import_module(f"{_NAME}.constants.named_models").NAMED_MODELS
    except ModuleNotFoundError as error:
        raise InputError(f"'generate-chroma' needs the package {error.name!r}: {INSTALL}.") from error
    features.ProteinFeatureGraph._load_centering_params = _first_means
    vars(graph).update(tqdm=_heard, checkpoint=_at_once)
    addresses = {model: entries["public"]["s3_uri"] for model, entries in named.items()}
    return ChromaPackage(backbone.GraphBackbone, design.GraphDesign, covariance, addresses)


@contextmanager
def _apart(place: str) -> Iterator[None]:
    """Import from the package's folder, beside a Chroma that somebody else may have imported."""
    others = _taken()
    for name in others:
        del sys.modules[name]
    stand_ins = {name: types.ModuleType(name) for name in (_NAME, f"{_NAME}.data", f"{_NAME}.data.protein")}
    stand_ins[_NAME].__path__ = [place]
    stand_ins[f"{_NAME}.data"].__path__ = [str(Path(place) / "data")]
    stand_ins[f"{_NAME}.data.protein"].Protein = _NoProtein  # type: ignore[attr-defined]
    # the package's loader unpickles whatever a file holds and asks the network for it
    loader = types.ModuleType(f"{_NAME}.utility.model")
    loader.load_model = _refuse  # type: ignore[attr-defined]
    sys.modules |= stand_ins | {loader.__name__: loader}
    try:
        yield
    finally:
        for name in _taken():
            del sys.modules[name]
        sys.modules |= others


def _taken() -> dict[str, types.ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == _NAME}


class _NoProtein:
    """In the place of the package's class of structures, which needs the viewer; the network makes none."""


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError("weights are read by adp3d.prior.chroma.weights")


def _heard(steps: Iterable[int], **_: object) -> Iterator[int]:
    """In the place of ``tqdm``."""
    ask = _WAITING.get()
    for step in steps:
        ask()
        yield step


def _at_once(layer: Callable[..., Any], *inputs: Any) -> Any:
    """In the place of ``torch.utils.checkpoint``, which decoding asks for although it needs no gradients."""
    return layer(*inputs)


def _first_means(graph: Any, reference: str) -> None:
    """In the place of ``ProteinFeatureGraph._load_centering_params``: the same buffers, until the weights are there."""
    means = graph._feature_stats(_chain(), torch.ones(1, _RESIDUES, dtype=torch.int64))
    for kind, layers in (("node", graph.node_features), ("edge", graph.edge_features)):
        for i, feature in enumerate(layers):
            values = torch.tensor(means[json.dumps(feature)], dtype=torch.float32)
            graph.register_buffer(f"{kind}_means_{i}", values.view(1, 1, -1))


def _chain() -> Tensor:
    """Chain of the size and connectivity of a protein, (1, N, 4, 3), the same each time."""
    noise = torch.randn(1, _RESIDUES, 4, 3, generator=torch.Generator().manual_seed(0))
    return GlobularCorrelation((_RESIDUES,)).apply(noise)
