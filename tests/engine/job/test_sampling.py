"""Stages of sampling: batches, stopping, resuming, settings changed meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.contract.kinds import Merit
from adp3d.contract.specification import CompleteSpec
from adp3d.job import sampling as sampling_module
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.folder import JobFolder
from adp3d.job.leader import MARGIN
from adp3d.job.sampled_part import SampledPart
from adp3d.job.sampling import Running, Sampling, Stage, Watch
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import NOTHING, Evidence, KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.pins import PIN_SIGMA, HeldAtoms, Pins
from adp3d.solver.planned_run import PlannedRun
from adp3d.solver.posterior import Posterior
from adp3d.solver.updates import GradientUpdate, ProximalUpdate

N = 9
PRIOR = GaussianPrior(GlobularCorrelation((N,)))
ORIGIN = torch.tensor([5.0, 0.0, -3.0])


class Watcher(NullEvents):
    """Notes all that is told; asks to stop at a step of a stage."""

    def __init__(self, control=None, stop=None):
        self.control, self.stop = control, stop
        self.steps, self.frames, self.metrics = [], [], []
        self.previews, self.residues, self.texts, self.leaders = [], [], [], []

    def progress(self, stage, step, total, metrics=None):
        self.steps.append((stage, step, total))
        if (stage, step) == self.stop:
            self.control.stop()

    def frame(self, step, coordinates, first_replica=0):
        self.frames.append((step, first_replica, len(coordinates)))

    def metric(self, name, value, step=None, first_replica=0):
        self.metrics.append((name, step, first_replica))

    def best(self, replica, step):
        self.leaders.append((replica, step))

    def preview(self, step, coordinates, first_replica=0):
        self.previews.append((step, first_replica, coordinates.shape))

    def residue_metric(self, name, values, step):
        self.residues.append((name, step, values))

    def message(self, text, level="info"):
        self.texts.append(text)


def model():
    truth = PRIOR.correlation.apply(torch.randn(1, N, 4, 3, generator=torch.Generator().manual_seed(0)))[0]
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[[0, 4, 8]] = True
    return KnownAtoms.measured(truth + ORIGIN, known, torch.full((N, 4), 0.1))


def updates():
    """One with momentum beside one without, so that velocities matter."""

    class Pull:
        name = "pull"

        def at(self, x, level):
            return self

        def value_and_gradient(self, x):
            return x.square().sum((1, 2, 3)), 2 * (x - ORIGIN)

    return [ProximalUpdate(PRIOR.correlation, model()), GradientUpdate(Pull(), PRIOR.correlation, 1e-4, 0.9)]


def size(x, level):
    return {"size": x.square().mean((1, 2, 3))}


WATCH = Watch(size, merit=Merit("size"))


def posterior(*chosen):
    return Posterior(PRIOR, chosen or updates(), ORIGIN)


@pytest.fixture(autouse=True)
def figures_every_third_step(monkeypatch):
    """Runs of a few steps tell figures on their way, too."""
    monkeypatch.setattr(sampling_module, "_WATCH_INTERVAL", 3)


@pytest.fixture
def make_job(tmp_path):
    (tmp_path / "m.cif").write_text("model")
    count = iter(range(100))

    def make():
        return JobFolder.create(CompleteSpec(output=str(tmp_path / f"job{next(count)}"), model=str(tmp_path / "m.cif")))

    return make


def first_stage():
    return Stage("first", step_times(7), 3, 1)


def second_stage(start=None):
    return Stage("second", step_times(5, start=0.5), 3, 2, start)


def run(job, events=None, control=None, batch=None, changes=None):
    running = Running(events or NullEvents(), control or Control(), changes or (lambda settings: None), batch)
    sampling = Sampling(job, running)
    x = sampling.run(first_stage(), posterior(), WATCH)
    return x, sampling.run(second_stage(x), posterior(), WATCH)


def test_what_is_told(make_job):
    events = Watcher()
    x, y = run(make_job(), events)
    assert x.shape == y.shape == (3, N, 4, 3)
    expected = [("first", k, 7) for k in range(1, 8)] + [("second", k, 5) for k in range(1, 6)]
    assert events.steps == expected
    assert [step for step, *_ in events.frames] == list(range(1, 13))  # steps count over the job
    assert [step for name, step, _ in events.metrics if name == "size"] == [3, 6, 7, 10, 12]


def test_batches_do_not_change_the_bits(make_job):
    together = run(make_job())
    events = Watcher()
    apart = run(make_job(), events, batch=1)
    for a, b in zip(together, apart, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert {first for _, first, _ in events.frames} == {0, 1, 2}


@pytest.mark.parametrize("where", [("first", 1), ("first", 4), ("first", 7), ("second", 2), ("second", 5)])
@pytest.mark.parametrize("batch", [None, 2])
def test_stopped_and_resumed_gives_the_same_bits(make_job, where, batch):
    whole = run(make_job(), batch=batch)
    job, control = make_job(), Control()
    with pytest.raises(Stopped):
        run(job, Watcher(control, where), control, batch)
    events = Watcher()
    resumed = run(JobFolder.open(job.path), events, batch=batch)
    for a, b in zip(whole, resumed, strict=True):
        assert torch.equal(a, b)
    if where == ("second", 2) and batch is None:  # no step is computed twice
        assert events.steps == [("second", k, 5) for k in (3, 4, 5)]
        assert [step for step, *_ in events.frames] == [10, 11, 12]


def test_resumed_with_another_batch_size_starts_the_batch_again(make_job):
    job, control = make_job(), Control()
    with pytest.raises(Stopped):
        run(job, Watcher(control, ("first", 4)), control, batch=2)
    whole = run(make_job())
    resumed = run(job, batch=3)
    for a, b in zip(whole, resumed, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_a_finished_job_computes_nothing_again(make_job):
    job = make_job()
    whole = run(job)
    events = Watcher()
    again = run(job, events)
    assert events.steps == []
    for a, b in zip(whole, again, strict=True):
        assert torch.equal(a, b)


def test_changed_settings_arrive(make_job):
    control, changes = Control(), []
    control.change("density_weight", 2.5)
    run(make_job(), control=control, changes=changes.append)
    assert changes == [{"density_weight": 2.5}]


def test_known_atoms_are_reached(make_job):
    _, y = run(make_job())
    given = model()
    gap = given.observe(y) - given.observe(given.target)
    assert float(gap.norm(dim=-1).max()) < 1.5  # the second measurement pulls them elsewhere
    assert np.isfinite(y.numpy()).all()


class HoldAt(Watcher):
    """Asks to hold (or release) residues when a step is told."""

    def __init__(self, control, wishes):
        super().__init__(control)
        self.wishes = wishes

    def progress(self, stage, step, total, metrics=None):
        super().progress(stage, step, total, metrics)
        for residues, fixed in self.wishes.pop((stage, step), ()):
            self.control.hold(residues, fixed)


def held_run(job, wishes, stop=None, pins=None, part=None):
    control = Control()
    events = HoldAt(control, wishes)
    events.stop = stop
    pins = pins or Pins(N)
    sampling = Sampling(job, Running(events, control, part=part), pins)
    held = HeldAtoms(model(), pins)
    given = Posterior(PRIOR, [ProximalUpdate(PRIOR.correlation, held)], ORIGIN, Evidence(held))
    return sampling.run(first_stage(), given, WATCH), pins, events


def test_held_residues_stay_where_the_best_replica_had_them(make_job):
    x, pins, events = held_run(make_job(), {("first", 3): [([2, 6, 99], True)], ("first", 5): [([6], False)]})
    assert pins.mask[2].all() and pins.mask.sum() == 4
    assert float((x[:, 2] - torch.from_numpy(pins.xyz[2])).norm(dim=-1).max()) < 0.1
    assert any("there are 9" in text for text in events.texts)
    assert "2 residues are held from now on." in events.texts
    assert "1 residues are free to move from now on." in events.texts
    free, _, _ = held_run(make_job(), {})
    assert float((free[:, 2] - torch.from_numpy(pins.xyz[2])).norm(dim=-1).max()) > 0.5


def test_of_a_job_that_samples_a_part_residues_are_held_by_their_numbers_in_the_whole(make_job):
    part = SampledPart(2 * np.arange(N), np.zeros((20, 4, 3)))
    x, pins, events = held_run(make_job(), {("first", 3): [([4, 5, 99], True)]}, part=part)
    alone, _, _ = held_run(make_job(), {("first", 3): [([2], True)]})
    assert torch.equal(x, alone) and pins.mask[2].all() and pins.mask.sum() == 4
    assert any("there are 20" in text for text in events.texts)
    assert "1 residues are not sampled: they stay in any case." in events.texts
    assert "1 residues are held from now on." in events.texts
    assert {shape[1:] for *_, shape in events.previews} <= {(20, 4, 3)}


def test_the_best_replica_has_the_highest_merit(make_job):
    class Frames(HoldAt):
        def frame(self, step, coordinates, first_replica=0):
            if step == 3:
                self.kept = coordinates.copy()

    control = Control()
    events, pins = Frames(control, {("first", 3): [([4], True)]}), Pins(N)
    Sampling(make_job(), Running(events, control), pins).run(first_stage(), posterior(), WATCH)
    best = np.square(events.kept).mean((1, 2, 3)).argmax()
    assert best > 0 and (best, 3) in events.leaders, "what is held is what was told to be shown"
    np.testing.assert_allclose(pins.xyz[4], events.kept[best, 4], atol=1e-6)


def seen(x, best):
    """Figures of residues that say which replicas and which best one they were made from."""
    return {"who": np.array([len(x), best], dtype=np.float64)}


def spread(x, level):
    """Distance of each replica from the mean of all: nothing for one alone."""
    return {} if len(x) == 1 else {"spread": (x - x.mean(0)).square().mean((1, 2, 3))}


def led_run(job, merit, figures, batch=None, stop=None):
    control = Control()
    events = Watcher(control, stop)
    sampling = Sampling(job, Running(events, control, batch=batch))
    x = sampling.run(first_stage(), posterior(), Watch(figures, seen, merit))
    return sampling.run(second_stage(x), posterior(), Watch(figures, seen, merit)), sampling, events


def test_the_best_replica_is_told_at_the_start_when_it_changes_and_at_the_end(make_job):
    x, sampling, events = led_run(make_job(), Merit("size"), size)
    assert events.leaders[0] == (0, 0)
    changes = list(zip(events.leaders, events.leaders[1:], strict=False))
    assert all(before[0] != after[0] and before[1] < after[1] for before, after in changes)
    last = events.leaders[-1][0]
    sizes = size(x, None)["size"]
    assert sizes[last] >= (1 - MARGIN) * sizes.max()
    assert events.residues[-1][2] == [3, last], "figures of residues refer to the replica that was told"
    sampling.conclude(2)
    assert events.leaders[-1] == (2, 12)


@pytest.mark.parametrize("batch", [1, 2])
def test_batches_compete_with_each_other(make_job, batch):
    together, _, one = led_run(make_job(), Merit("size"), size)
    apart, _, several = led_run(make_job(), Merit("size"), size, batch)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)
    assert several.leaders[-1][0] == one.leaders[-1][0]
    counts = {int(values[0]) for _, _, values in several.residues}
    assert counts == {*range(batch, 3, batch), 3}, "figures of residues compare all replicas so far"


@pytest.mark.parametrize("batch", [None, 1, 2])
def test_a_figure_that_compares_replicas_counts_for_those_that_have_arrived(make_job, batch):
    merit = Merit("spread", lowest=True, relative=True)
    x, _, events = led_run(make_job(), merit, spread, batch)
    distance = spread(x, None)["spread"]
    assert float(distance[events.leaders[-1][0]]) <= (1 + 2 * MARGIN) * float(distance.min())
    if batch is not None:
        assert {step for _, step in events.leaders[1:]} <= {3, 6, 7, 10, 12}
        last_of_first = [step for step, first, _ in events.frames if first == 0 and step <= 7][-1]
        assert last_of_first == 7


def test_a_resumed_job_tells_at_once_which_replica_leads(make_job):
    job = make_job()
    with pytest.raises(Stopped):
        led_run(job, Merit("size"), size, stop=("first", 4))
    _, _, whole = led_run(make_job(), Merit("size"), size)
    led = [replica for replica, step in whole.leaders if step <= 4][-1]
    _, _, again = led_run(JobFolder.open(job.path), Merit("size"), size)
    assert led > 0 and again.leaders[0] == (led, 0)
    assert [item for item in again.leaders if item[1] > 4] == [item for item in whole.leaders if item[1] > 4]


def test_what_is_held_already_keeps_its_exact_place(make_job):
    pins = Pins(N)
    atoms = np.zeros((N, 4), dtype=bool)
    atoms[4] = True
    pins.hold(atoms, model().target.numpy())
    before = pins.xyz[4].copy()
    held_run(make_job(), {("first", 3): [([3, 4], True)]}, pins=pins)
    np.testing.assert_array_equal(pins.xyz[4], before)
    assert pins.mask[3].all()


def test_pins_are_part_of_the_checkpoint(make_job):
    wishes = {("first", 2): [([2, 6], True)]}
    whole, pins, _ = held_run(make_job(), dict(wishes))
    job = make_job()
    with pytest.raises(Stopped):
        held_run(job, dict(wishes), stop=("first", 4))
    resumed, again, _ = held_run(JobFolder.open(job.path), {})
    assert torch.equal(resumed, whole)
    np.testing.assert_array_equal(again.xyz, pins.xyz)


def test_the_prior_is_shown_what_is_held_from_then_on(make_job):
    class Noting(GaussianPrior):
        shown = ()

        def denoise(self, x_t, t, evidence=NOTHING):
            self.shown = (*self.shown, evidence.known.weights[2].tolist())
            return super().denoise(x_t, t, evidence)

    control, pins, prior = Control(), Pins(N), Noting(PRIOR.correlation)
    events = HoldAt(control, {("first", 3): [([2], True)], ("first", 5): [([2], False)]})
    held = HeldAtoms(model(), pins)
    given = Posterior(prior, [ProximalUpdate(PRIOR.correlation, held)], ORIGIN, Evidence(held))
    Sampling(make_job(), Running(events, control), pins).run(first_stage(), given, WATCH)
    free, fixed = [0.0] * 4, [pytest.approx(PIN_SIGMA**-2)] * 4
    assert prior.shown == (free, free, free, fixed, fixed, free, free)


class TugAt(Watcher):
    """Tugs a residue (None: lets go) when a step is told."""

    def __init__(self, control, wishes):
        super().__init__(control)
        self.wishes, self.shown = wishes, {}

    def progress(self, stage, step, total, metrics=None):
        super().progress(stage, step, total, metrics)
        for residue, target in self.wishes.pop((stage, step), ()):
            self.control.let_go() if residue is None else self.control.tug(residue, target)

    def frame(self, step, coordinates, first_replica=0):
        self.shown[step] = np.array(coordinates)


def tugged_run(job, wishes, stop=None, part=None):
    control, pins = Control(), Pins(N)
    events = TugAt(control, wishes)
    events.stop = stop
    held = HeldAtoms(model(), pins)
    given = Posterior(PRIOR, [ProximalUpdate(PRIOR.correlation, held)], ORIGIN, Evidence(held))
    x = Sampling(job, Running(events, control, part=part), pins).run(first_stage(), given, WATCH)
    return x, pins, events


def test_a_tugged_residue_goes_where_it_is_pulled_and_comes_back(make_job):
    home = model().target[4, 1]  # a known residue, with 0.1 angstrom
    place = (home + torch.tensor([4.0, 0.0, 0.0])).tolist()
    x, pins, events = tugged_run(make_job(), {("first", 2): [(4, place)], ("first", 5): [(None, ())]})

    def away(step):
        return np.linalg.norm(events.shown[step][:, 4, 1] - place, axis=-1)

    assert (away(5) < away(2) - 0.3).all(), "towards the place, while the model has a say"
    assert ((x[:, 4, 1] - home).norm(dim=-1) < 0.5).all(), "and back"
    assert pins.tug.residue is None
    assert any("Residue 5 of the job is tugged" in text for text in events.texts)
    assert "Residue 5 of the job is no longer tugged." in events.texts


def test_a_residue_that_nothing_holds_follows_a_tug(make_job):
    free, _, _ = tugged_run(make_job(), {})
    place = (free[:, 2, 1].mean(0) + torch.tensor([0.0, 5.0, 0.0])).tolist()
    x, _, _ = tugged_run(make_job(), {("first", 1): [(2, place)]})
    assert ((x[:, 2, 1] - torch.tensor(place)).norm(dim=-1) < 1.0).all()


def test_a_tug_ends_with_the_run_that_had_it(make_job):
    job = make_job()
    with pytest.raises(Stopped):
        tugged_run(job, {("first", 2): [(4, (9.0, 9.0, 9.0))]}, stop=("first", 4))
    _, pins, events = tugged_run(JobFolder.open(job.path), {})
    assert pins.tug.residue is None
    assert any("Residue 5 of the job was being tugged when it ended" in text for text in events.texts)


def test_tugs_are_counted_over_the_whole_job(make_job):
    job, place, pins, control = make_job(), (9.0, 9.0, 9.0), Pins(N), Control()
    wishes = {("first", 1): [(4, place)], ("first", 2): [(5, place)], ("first", 3): [(4, place)]}
    with pytest.raises(Stopped):
        tugged_run(job, wishes, stop=("first", 4))
    events = TugAt(control, {("first", 5): [(4, place)]})
    held = HeldAtoms(model(), pins)
    given = Posterior(PRIOR, [ProximalUpdate(PRIOR.correlation, held)], ORIGIN, Evidence(held))
    sampling = Sampling(JobFolder.open(job.path), Running(events, control), pins)
    sampling.run(first_stage(), given, WATCH)
    assert sampling.tugs == {4: 3, 5: 1}


def test_of_a_job_that_samples_a_part_residues_are_tugged_by_their_numbers_in_the_whole(make_job):
    part, place = SampledPart(2 * np.arange(N), np.zeros((20, 4, 3))), (9.0, 9.0, 9.0)
    wishes = {("first", 2): [(4, place)], ("first", 4): [(5, place)], ("first", 5): [(99, place)]}
    job = make_job()
    x, pins, events = tugged_run(job, wishes, part=part)
    alone, _, _ = tugged_run(make_job(), {("first", 2): [(2, place)]})
    assert torch.equal(x, alone) and pins.tug.residue == 2
    assert any("Residue 5 of the job is tugged" in text for text in events.texts)
    assert "Residue 6 of the job is not sampled: it stays where it is." in events.texts
    assert any("no residue 100" in text and "has 20" in text for text in events.texts)
    assert job.load_checkpoint().state["tugged"] == 5


def test_what_cannot_be_tugged_is_told(make_job):
    _, pins, events = tugged_run(make_job(), {("first", 2): [(99, (0.0, 0.0, 0.0))]})
    assert pins.tug.residue is None and any("no residue 100" in text for text in events.texts)
    control, events = Control(), Watcher()
    control.tug(1, (0.0, 0.0, 0.0))
    run(make_job(), events, control)
    assert any("cannot be tugged" in text for text in events.texts)


def test_without_pins_nothing_can_be_held(make_job):
    control = Control()
    control.hold([1])
    events = Watcher()
    run(make_job(), events, control)
    assert any("cannot be held" in text for text in events.texts)


def test_previews_belong_to_the_step_to_come(make_job):
    events = Watcher()
    sampling = Sampling(make_job(), Running(events, Control(), batch=2))

    class Still:
        momentum = 0.0

        def direction(self, z, origin, level):
            sampling.preview(z + origin)
            return torch.zeros_like(z)

    sampling.run(Stage("first", step_times(3), 3, 1), posterior(Still()), WATCH)
    assert [preview[:2] for preview in events.previews] == [(1, 0), (2, 0), (3, 0), (1, 2), (2, 2), (3, 2)]
    assert events.previews[0][2] == (2, N, 4, 3)


def test_figures_of_residues_come_with_those_of_replicas(make_job):
    events, seen = Watcher(), []

    def watch_residues(x, best):
        seen.append(best == int(x.square().mean((1, 2, 3)).argmax()))
        return {"residue_spread": np.arange(N, dtype=float)}

    sampling = Sampling(make_job(), Running(events, Control()))
    sampling.run(first_stage(), posterior(), Watch(size, watch_residues, Merit("size")))
    assert [step for _, step, _ in events.residues] == [3, 6, 7] and all(seen)
    assert events.residues[0] == ("residue_spread", 3, list(range(N)))


class Overall(Watcher):
    """Notes how much of the whole job is told to be done."""

    def __init__(self, control=None, stop=None):
        super().__init__(control, stop)
        self.done = []

    def overall(self, done, total):
        self.done.append((done, total))


PLAN = (PlannedRun("first", 7, 3), PlannedRun("left out", 100, 3), PlannedRun("second", 5, 3))


@pytest.mark.parametrize("batch", [None, 2])
def test_how_far_the_whole_job_is(make_job, batch):
    events = Overall()
    sampling = Sampling(make_job(), Running(events, Control(), batch=batch), plan=PLAN)
    sampling.run(second_stage() if batch is None else first_stage(), posterior(), WATCH)
    if batch is None:  # what stands before it in the plan is left out, and there is nothing after it
        assert events.done == [(3 * k, 15) for k in range(1, 6)]
        return
    assert events.done == [(2 * k, 336) for k in range(1, 8)] + [(14 + k, 336) for k in range(1, 8)]
    sampling.run(second_stage(), posterior(), WATCH)
    assert events.done[14:] == [(21 + 2 * k, 36) for k in range(1, 6)] + [(31 + k, 36) for k in range(1, 6)]


def test_a_resumed_job_is_as_far_as_it_was(make_job):
    job, control = make_job(), Control()
    events = Overall(control, ("second", 2))

    def go(events, control):
        sampling = Sampling(job, Running(events, control, batch=2), plan=PLAN)
        x = sampling.run(first_stage(), posterior(), WATCH)
        sampling.run(second_stage(x), posterior(), WATCH)

    with pytest.raises(Stopped):
        go(events, control)
    assert events.done[-1] == (25, 36)
    again = Overall()
    go(again, Control())
    assert again.done[0] == (27, 36) and again.done[-1] == (36, 36)
