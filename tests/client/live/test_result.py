from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def finished(bench):
    """Ends a job with result files: best replica first, confidence rising along the chain."""
    from chimerax.adp3d.engine.contract import messages

    def finish(job, files=("result", "ensemble")):
        layout, n = job.layout, job.layout.n_residues
        replicas = bench.helix(n) + np.random.default_rng(3).normal(0, 1, (3, n, 4, 3)).round(2)
        confidence = np.linspace(10, 100, n).round(2)
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "result.cif").write_text(bench.mmcif(replicas[:1], layout, confidence))
        (job.folder / "ensemble.cif").write_text(bench.mmcif(replicas, layout, confidence))
        paths = {name: str(job.folder / f"{name}.cif") for name in files}
        bench.engine.report(messages.Result(job.key, paths, {"map_cc_after": 0.8}))
        bench.manager.pump()
        return replicas, confidence

    return finish


def test_models_show_the_result_at_the_end(bench, finished):
    from chimerax.adp3d.handover.colouring import CONFIDENCE
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    bench.frame(job)
    bench.metric(job, "residue_fit", np.linspace(0, 1, 24))
    bench.manager.pump()
    replicas, confidence = finished(job)
    view = live_models(bench.session).views[job.id]
    np.testing.assert_allclose(view.best.atoms.coords, replicas[0].reshape(-1, 3), atol=2e-3)
    np.testing.assert_allclose(view.traces[1].vertices, replicas[2, :, 1], atol=2e-3)
    np.testing.assert_array_equal(view.best.residues.ribbon_colors, CONFIDENCE.rgba(confidence))
    assert view.best.name == "result"
    assert view.best.residues[0].adp3d_confidence == pytest.approx(10.0)
    assert view.best.residues[23].adp3d_fit == pytest.approx(1.0)


def test_result_without_an_ensemble(bench, finished):
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    replicas, _ = finished(job, files=("result",))
    view = live_models(bench.session).views[job.id]
    np.testing.assert_allclose(view.best.atoms.coords, replicas[0].reshape(-1, 3), atol=2e-3)


def test_result_that_is_gone(bench, finished, log):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    shown = bench.frame(job)
    bench.manager.pump()
    bench.engine.report(messages.Result(job.key, {"result": str(job.folder / "result.cif")}, {}))
    bench.manager.pump()
    best = live_models(bench.session).views[job.id].best
    np.testing.assert_allclose(best.atoms.coords, shown[0].reshape(-1, 3), atol=1e-5)
    assert any("do not show its result" in text and "is missing" in text for text in log)


def test_result_into_a_model_that_was_cut(bench, finished):
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    view = live_models(bench.session).views[job.id]
    view.best.residues[:4].atoms.delete()
    replicas, confidence = finished(job)
    np.testing.assert_allclose(view.best.atoms.coords, replicas[0, 4:].reshape(-1, 3), atol=2e-3)
    assert view.best.residues[0].adp3d_confidence == pytest.approx(confidence[4])


def test_residues_missing_in_a_file(bench, finished):
    from chimerax.adp3d.live.result import read_backbones
    from chimerax.core.errors import UserError

    job = bench.submit()
    finished(job)
    path = job.folder / "result.cif"
    path.write_text("\n".join(line for line in path.read_text().split("\n") if " 7 A 1" not in line))
    with pytest.raises(UserError, match="lacks 1 of the 24 residues"):
        read_backbones(bench.session, path, job.layout)


def test_layout_from_the_ensemble(bench, finished):
    from chimerax.adp3d.live.result import layout_of

    job = bench.submit()
    finished(job)
    (job.folder / "ensemble.cif").write_text(bench.mmcif(bench.helix(24)[None], job.layout, np.zeros(24)))
    layout = layout_of(bench.session, job.folder / "ensemble.cif")
    for name in ("chains", "numbers", "insertion_codes", "names", "links"):
        assert getattr(layout, name) == getattr(job.layout, name), name
    np.testing.assert_allclose(layout.coordinates, bench.helix(24), atol=2e-3)
