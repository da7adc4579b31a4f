"""What codes and diffusion are good for: small networks, trained from nothing for the same processor's time.

    python benchmarks/ablation.py --data DATA --minutes 12

Side chains on true backbones, nothing else given. Three programs share network blocks, batches and optimiser:

- ``codes``: the package's way, an autoencoder with discrete codes and a masked diffusion over them;
- ``numbers``: the same autoencoder without rounding, and a Gaussian diffusion over its four numbers;
- ``regression``: torsions directly from the backbone, by a network as deep as decoder and denoiser together.

Autoencoders get a quarter of the time. Figures are those of validation chains: samples beside the truth, ``ceiling``
the RMSD of what the autoencoder makes of the truth, ``best`` the RMSD of the best sample of each residue, and
DIV = 1 - RMSD of pairs of samples / RMSD of samples to the truth, which is 1 for a program with one answer and 0 where
samples differ as much as they err.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from command import begin, positive, run_command
from report import Table
from torch import Tensor, nn

from adp3d.sidechain.assemble import assemble
from adp3d.sidechain.measure import swap_symmetric
from adp3d.sidechain.network import SideChainConfig, SideChainModel
from adp3d.sidechain.sampling import sample
from adp3d.sidechain.scene import Scene
from adp3d.training.dataset import load_chains
from adp3d.training.side_chain_batches import Conditions, SideChainBatch, make_batch
from adp3d.training.side_chain_crops import AtomCropSampler
from adp3d.training.side_chain_loss import autoencoder_loss, diffusion_loss, reconstruction_loss
from adp3d.training.side_chain_validation import packing_figures

__all__ = ["Numbers", "diversity_of", "main", "step_back"]

SMALL = {
    "width": 64, "pair_width": 32, "neighbours": 16, "encoder_blocks": 1, "decoder_blocks": 1, "denoiser_blocks": 3,
    "density_width": 0,
}  # fmt: skip
CODES_FIRST = 0.25
RATE, WARM_UP = 1e-3, 50
STEPS = 12
BLUR = 0.1
"""Standard deviation of noise on numbers from -1 to 1 while their decoder is trained: what is near means the like."""


class Numbers(nn.Module):
    """The side-chain model with numbers in place of codes, and a Gaussian diffusion over them.

    With a = cos(pi t / 2) and s = sin(pi t / 2), numbers x_0 of variance 1 become a x_0 + s noise; the network says
    what x_0 was.
    """

    def __init__(self, config: SideChainConfig) -> None:
        super().__init__()
        size = len(config.levels)
        self.base = SideChainModel(config)
        self.noisy, self.clean = nn.Linear(size, config.width), nn.Linear(config.width, size)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def encode(self, scene: Scene) -> Tensor:
        """Numbers (B, N, d) of what a scene shows."""
        still = torch.zeros(len(scene.aatype), self.base.config.width)
        return torch.tanh(self.base.to_code(self.base.encoder(scene, self.base.look(scene), None, still)))

    def autoencoder_loss(self, batch: SideChainBatch) -> Tensor:
        """Reconstruction from slightly blurred numbers."""
        number = self.encode(batch.whole)
        decoded = self.base.decode(batch.given, self.base.look(batch.given), number + BLUR * torch.randn_like(number))
        return reconstruction_loss(decoded, batch)

    def predict(self, scene: Scene, x: Tensor, t: Tensor) -> Tensor:
        """What numbers x (B, N, d) at times t (B,) were without noise, in units of their spread."""
        frequencies = torch.arange(1, 17) * (math.pi / 2)
        when = self.base.time(torch.cos(t[:, None] * frequencies))
        return self.clean(self.base.denoiser(scene, self.base.look(scene), self.noisy(x), when))

    def diffusion_loss(self, batch: SideChainBatch) -> Tensor:
        """Mean square error of what the numbers are said to have been."""
        with torch.no_grad():
            start = (self.encode(batch.whole) - self.mean) / self.spread
        t = torch.rand(len(start))
        angle = (t * math.pi / 2)[:, None, None]
        x = angle.cos() * start + angle.sin() * torch.randn_like(start)
        off = (self.predict(batch.given, x, t) - start).square().mean(-1)
        return off[batch.counts].mean()

    @torch.no_grad()
    def measure(self, batches: list[SideChainBatch]) -> None:
        """Mean and spread of the numbers, once their encoder is trained."""
        found = torch.cat([self.encode(batch.whole)[batch.counts] for batch in batches])
        self.mean.copy_(found.mean(0))
        self.spread.copy_(found.std(0) + 1e-3)

    @torch.no_grad()
    def sample(self, scene: Scene) -> Tensor:
        """Atoms (B, N, 14, 3) of one sample."""
        x = torch.randn(*scene.aatype.shape, len(self.mean))
        times = torch.linspace(1.0, 0.0, STEPS + 1).tolist()
        for now, then in pairwise(times):
            start = self.predict(scene, x, torch.full((len(x),), now))
            x = step_back(x, start, now, then, torch.randn_like(x))
        decoded = self.base.decode(scene, self.base.look(scene), x * self.spread + self.mean)
        return assemble(scene, decoded)


def step_back(x: Tensor, start: Tensor, now: float, then: float, noise: Tensor) -> Tensor:
    """From noisy numbers at one time to those of an earlier one, by the posterior given what they were without noise.

    References
    ----------
    Ho et al., Denoising diffusion probabilistic models (2020), equation 7.
    """
    (a, s), (b, r) = ((math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)) for t in (now, then))
    ratio = a / b
    fresh = s**2 - ratio**2 * r**2
    mean = (ratio * r**2 * x + b * fresh * start) / s**2
    return mean + math.sqrt(max(fresh, 0.0)) * r / s * noise


def batches_of(data: Path, split: str, residues: int, examples: int, seed: int) -> Iterator[SideChainBatch]:
    """Batches of a split: true backbones, no side chain known, no map."""
    sampler = AtomCropSampler(load_chains(data, split, side_chains=True), residues=residues, examples=examples)
    rng = np.random.default_rng(seed)
    none = np.zeros((examples, residues), bool)
    plain = Conditions(np.zeros(examples), none, none, np.zeros(examples, bool))
    while True:
        yield make_batch(sampler.batch(rng), plain, None, rng, torch.device("cpu"))


def train(
    parameters: list[nn.Parameter], loss: Callable[[SideChainBatch], Tensor], stream: Iterator[SideChainBatch],
    minutes: float,
) -> int:  # fmt: skip
    """Descend for some minutes of the processor; the number of updates."""
    optimiser = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    begun, updates, done = time.process_time(), 0, 0.0
    while done < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (updates + 1) / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done))
        optimiser.zero_grad()
        loss(next(stream)).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        updates += 1
        done = (time.process_time() - begun) / (60.0 * minutes)
    return updates


def diversity_of(samples: list[list[Tensor]], batches: list[SideChainBatch]) -> tuple[float, float]:
    """DIV, and the RMSD in angstrom of the best sample of each residue; over side-chain atoms beyond CB."""
    pairs, errors, best, count = 0.0, 0.0, 0.0, 0
    for number, batch in enumerate(batches):
        atoms = torch.stack([one[number] for one in samples])
        beyond = batch.there & batch.counts[..., None]
        beyond[..., :5] = False
        types = batch.whole.aatype

        def squares(a: Tensor, b: Tensor, beyond: Tensor = beyond, types: Tensor = types) -> Tensor:
            straight, swapped = (((a - t).square().sum(-1) * beyond).sum(-1) for t in (b, swap_symmetric(b, types)))
            return torch.minimum(straight, swapped)

        off = torch.stack([squares(one, batch.whole.atoms) for one in atoms])
        errors += float(off.mean(0).sum())
        best += float(off.amin(0).sum())
        apart = [squares(atoms[i], atoms[j]) for i in range(len(atoms)) for j in range(i)]
        pairs += float(torch.stack(apart).mean(0).sum())
        count += int(beyond.sum())
    return 1.0 - math.sqrt(pairs / errors), math.sqrt(best / count)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with structures/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "ablation")
    parser.add_argument("--minutes", type=float, default=12.0, help="of the processor, for each program")
    parser.add_argument("--residues", type=positive, default=96, help="of an example")
    parser.add_argument("--examples", type=positive, default=6, help="of a batch")
    parser.add_argument("--batches", type=positive, default=8, help="of validation chains")
    parser.add_argument("--samples", type=positive, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    options = parser.parse_args()
    begin(options)
    folder, shape = options.data / "structures", (options.residues, options.examples)
    watch = batches_of(folder, "val", *shape, 4321)
    seen = [next(watch) for _ in range(options.batches)]
    table = Table(options.out / "ablation.csv")
    for name, program in (("codes", _codes), ("numbers", _numbers), ("regression", _regression)):
        torch.manual_seed(options.seed)
        stream = batches_of(folder, "train", *shape, options.seed)
        next(stream)  # reads the chains
        updates, draw, ceiling = program(stream, options.minutes)
        samples = [[draw(batch.given, number) for batch in seen] for number in range(options.samples)]
        figures = [packing_figures(one, seen) for one in samples]
        spread, best = (1.0, float("nan")) if name == "regression" else diversity_of(samples, seen)
        means = {key: float(np.mean([row[key] for row in figures])) for key in figures[0]}
        codes = packing_figures([ceiling(batch) for batch in seen], seen)["rmsd"] if ceiling else float("nan")
        table.add({"program": name, "updates": updates, **means, "ceiling": codes, "best": best, "div": spread})
        print("  ".join(f"{key} {value}" for key, value in table.rows[-1].items()), flush=True)


Program = tuple[int, Callable[[Scene, int], Tensor], Callable[[SideChainBatch], Tensor] | None]
"""Updates, what draws sample k of a scene, and what an autoencoder makes of the truth."""


def _codes(stream: Iterator[SideChainBatch], minutes: float) -> Program:
    model = SideChainModel(SideChainConfig(**SMALL))
    first, second = _stages(model)
    updates = train(first, lambda batch: autoencoder_loss(model, batch), stream, CODES_FIRST * minutes)
    numbers = torch.Generator().manual_seed(0)
    updates += train(second, lambda batch: diffusion_loss(model, batch, numbers), stream, (1 - CODES_FIRST) * minutes)
    model.eval()

    def draw(scene: Scene, number: int) -> Tensor:
        return sample(model, scene, torch.Generator().manual_seed(number), steps=STEPS).atoms

    @torch.no_grad()
    def ceiling(batch: SideChainBatch) -> Tensor:
        vector = model.encode(batch.whole, model.look(batch.whole)).vector
        return assemble(batch.given, model.decode(batch.given, model.look(batch.given), vector))

    return updates, draw, ceiling


def _numbers(stream: Iterator[SideChainBatch], minutes: float) -> Program:
    model = Numbers(SideChainConfig(**SMALL))
    first, second = _stages(model.base)
    updates = train(first, model.autoencoder_loss, stream, CODES_FIRST * minutes)
    model.measure([next(stream) for _ in range(8)])
    second += [*model.noisy.parameters(), *model.clean.parameters()]
    updates += train(second, model.diffusion_loss, stream, (1 - CODES_FIRST) * minutes)
    model.eval()

    def draw(scene: Scene, number: int) -> Tensor:
        torch.manual_seed(number)
        return model.sample(scene)

    @torch.no_grad()
    def ceiling(batch: SideChainBatch) -> Tensor:
        decoded = model.base.decode(batch.given, model.base.look(batch.given), model.encode(batch.whole))
        return assemble(batch.given, decoded)

    return updates, draw, ceiling


def _regression(stream: Iterator[SideChainBatch], minutes: float) -> Program:
    depth = SMALL["decoder_blocks"] + SMALL["denoiser_blocks"]
    model = SideChainModel(SideChainConfig(**{**SMALL, "decoder_blocks": depth}))

    def built(scene: Scene) -> Tensor:
        nothing = torch.zeros(*scene.aatype.shape, len(model.config.levels))
        return assemble(scene, model.decode(scene, model.look(scene), nothing))

    def loss(batch: SideChainBatch) -> Tensor:
        nothing = torch.zeros(*batch.given.aatype.shape, len(model.config.levels))
        return reconstruction_loss(model.decode(batch.given, model.look(batch.given), nothing), batch)

    first, _ = _stages(model)
    updates = train(first, loss, stream, minutes)
    model.eval()

    @torch.no_grad()
    def draw(scene: Scene, number: int) -> Tensor:
        return built(scene)

    return updates, draw, None


def _stages(model: SideChainModel) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters of the autoencoder, and of the diffusion."""
    parts = (model.encoder, model.to_code, model.from_code, model.decoder, model.turns, model.deviation)
    first = [each for part in parts for each in part.parameters()]
    own = {id(each) for each in first}
    return first, [each for each in model.parameters() if id(each) not in own]


if __name__ == "__main__":
    run_command(main)
