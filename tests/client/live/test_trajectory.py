from __future__ import annotations

import itertools

import numpy as np
import pytest


@pytest.fixture
def stored(bench):
    """A running job of three replicas that has stored frames 5, 10, 15, 20; and those frames."""
    from chimerax.adp3d.engine.contract.trajectory_format import pack_header, pack_record

    job = bench.submit(n=24, replicas=3)
    rng = np.random.default_rng(1)
    frames = rng.normal(0.0, 20.0, (4, 3, 24, 4, 3)).astype(np.float32)
    job.folder.mkdir(parents=True)
    data = pack_header(24)
    for step, frame in zip((5, 10, 15, 20), frames, strict=True):
        data += pack_record(step, 0, frame)
    (job.folder / "trajectory.bin").write_bytes(data + b"half a record")
    return bench, job, frames


def coordinate_sets(structure) -> np.ndarray:
    sets = []
    for number in structure.coordset_ids:
        structure.active_coordset_id = number
        sets.append(structure.atoms.coords)
    return np.stack(sets)


def test_frames_become_coordinate_sets(stored):
    from chimerax.adp3d.live.trajectory import open_trajectory
    from chimerax.geometry import translation

    bench, job, frames = stored
    object.__setattr__(job.prepared, "frame_to_scene", translation((0.0, 0.0, 7.0)))
    job.best_replica = 2
    structure = open_trajectory(bench.session, job)
    assert structure in bench.session.models.list()
    assert structure.num_coordsets == 4
    assert structure.active_coordset_id == 4
    assert list(structure.coordset_ids) == [1, 2, 3, 4]
    np.testing.assert_allclose(coordinate_sets(structure), frames[:, 2].reshape(4, -1, 3), atol=0.006)
    np.testing.assert_allclose(structure.scene_position.origin(), (0.0, 0.0, 7.0))
    assert structure.residues.ribbon_displays.all()


def test_live_models_are_left_alone(stored):
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.trajectory import open_trajectory

    bench, job, _ = stored
    best = live_models(bench.session).views[job.id].best
    before = best.atoms.coords
    open_trajectory(bench.session, job, replica=0)
    np.testing.assert_array_equal(best.atoms.coords, before)
    assert best.num_coordsets == 1


def test_thinned_frames_keep_both_ends(stored):
    from chimerax.adp3d.live.trajectory import TRAJECTORY_FILE, read_frames

    _, job, frames = stored
    steps, chosen = read_frames(job.folder / TRAJECTORY_FILE, 1, max_frames=2)
    assert steps == (5, 20)
    np.testing.assert_allclose(chosen, frames[[0, 3], 1], atol=0.006)
    steps, _ = read_frames(job.folder / TRAJECTORY_FILE, 1, max_frames=1)
    assert steps == (20,)


def test_command(stored):
    from chimerax.adp3d.commands.trajectory import adp3d_trajectory

    bench, job, frames = stored
    structure = adp3d_trajectory(bench.session, job.id, replica=2, frames=3)
    assert structure.num_coordsets == 3
    np.testing.assert_allclose(structure.atoms.coords, frames[3, 1].reshape(-1, 3), atol=0.006)


def test_all_replicas_and_a_script_for_a_movie(stored, tmp_path, messages):
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    bench, job, frames = stored
    session = bench.session
    path = tmp_path / "my movie.cxc"
    opened = run(session, f'adp3d trajectory {job.id} replica all script "{path}"')
    assert len(opened) == 3 and {len(one.id) for one in opened} == {2}
    for replica, structure in enumerate(opened):
        assert structure.num_coordsets == 4
        np.testing.assert_allclose(structure.atoms.coords, frames[3, replica].reshape(-1, 3), atol=0.006)
    assert len({tuple(one.residues[0].ribbon_color) for one in opened}) == 3
    commands = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    models = "".join(f"#{one.id_string}" for one in opened)
    playing = f"coordset {models} 1,4 pauseFrames 38"  # of a short one each set is shown for a while
    assert commands[:4] == [f"coordset {models} 1", "movie record", playing, "wait 152"]
    assert commands[-1] == f'movie encode "{tmp_path.resolve() / "my movie.mp4"}" framerate 25 wait true'
    assert any("my movie.cxc" in text for _, text in messages)
    count = len(session.models.list())
    with pytest.raises(UserError, match=r"must end in \.cxc"):
        run(session, f"adp3d trajectory {job.id} script {tmp_path / 'movie.mp4'}")
    assert len(session.models.list()) == count


@pytest.mark.parametrize(("frames", "playing", "wait"), [(150, "1,150", 150), (400, "1,400", 400), (100, "1,100", 0)])
def test_long_trajectories_have_a_picture_for_each_set(frames, playing, wait):
    from chimerax.adp3d.live.movie_script import movie_commands

    commands = movie_commands("#2", frames, "a.mp4")
    slow = "" if wait else " pauseFrames 2"
    assert commands[2:4] == [f"coordset #2 {playing}{slow}", f"wait {wait or 200}"]


def test_the_script_records_the_sets_in_order(stored, tmp_path):
    """Each picture that is recorded, and which coordinate set it shows; needs something that ChimeraX draws on."""
    from chimerax.core.commands import run

    bench, job, _ = stored
    session = bench.session
    if getattr(session.main_view, "render", None) is None:
        pytest.skip("no pictures are drawn here")
    path = tmp_path / "movie.cxc"
    structure = run(session, f"adp3d trajectory {job.id} script {path} slider false")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], "movie stop", ""]))  # without ffmpeg, which may be missing
    shown = []
    handler = session.triggers.add_handler("frame drawn", lambda *_: shown.append(structure.active_coordset_id))
    try:
        run(session, f"open {path}")
        assert session.movie.getFrameCount() == len(shown)
    finally:
        session.triggers.remove_handler(handler)
        run(session, "movie reset")
    steps = [after - before for before, after in itertools.pairwise(shown)]
    assert set(shown) == {1, 2, 3, 4} and set(steps) == {0, 1} and shown[-50:] == [4] * 50


def test_a_script_is_replaced_with_leave_only_and_nothing_is_opened_before(stored, tmp_path, monkeypatch):
    from chimerax.adp3d.commands import question
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    bench, job, _ = stored
    session = bench.session
    (tmp_path / "sub").mkdir()
    path = tmp_path / "movie.cxc"
    path.write_text("mine")
    count = len(session.models.list())
    wrong = {str(path): "is there already; 'overwrite true' replaces it", str(tmp_path / "none" / "a.cxc"): "no folder"}
    for name, words in wrong.items():
        with pytest.raises(UserError, match=words):
            run(session, f"adp3d trajectory {job.id} script {name}")
    asked = []
    monkeypatch.setattr(question, "ask_yes_or_no", lambda session, text, answer: asked.append((text, answer)))
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:  # a window, for the question only
        patch.setattr(session.ui, "is_gui", True, raising=False)
        assert run(session, f"adp3d trajectory {job.id} replica 2 frames 3 slider false script movie.cxc") is None
    monkeypatch.chdir(tmp_path / "sub")
    ((text, answer),) = asked
    assert str(path) in text and len(session.models.list()) == count
    answer(False)
    assert path.read_text() == "mine" and len(session.models.list()) == count
    answer(True)
    assert len(session.models.list()) == count + 1 and session.models.list()[-1].num_coordsets == 3
    assert "movie record" in path.read_text()
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["movie.cxc"]


def test_a_script_that_cannot_be_written_leaves_no_models(stored, tmp_path, monkeypatch):
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    bench, job, _ = stored
    count = len(bench.session.models.list())

    def full(self, *args, **kw):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)
        for words in ("", " replica all"):
            with pytest.raises(UserError, match="No space left"):
                run(bench.session, f"adp3d trajectory {job.id}{words} script {tmp_path / 'movie.cxc'}")
    assert len(bench.session.models.list()) == count and not list(tmp_path.glob("*.cxc"))


def test_all_replicas_of_a_job_without_frames(stored):
    from chimerax.adp3d.engine.contract.trajectory_format import pack_header
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    bench, job, _ = stored
    (job.folder / "trajectory.bin").write_bytes(pack_header(24))
    count = len(bench.session.models.list())
    for words in ("replica all", ""):
        with pytest.raises(UserError, match="has stored no frames yet"):
            run(bench.session, f"adp3d trajectory {job.id} {words}")
    assert len(bench.session.models.list()) == count


def test_problems_in_one_sentence(stored):
    from chimerax.adp3d.live.trajectory import open_trajectory
    from chimerax.core.errors import UserError

    bench, job, _ = stored
    with pytest.raises(UserError, match="replica 9 are stored; there are frames of replicas 1, 2, 3"):
        open_trajectory(bench.session, job, replica=8)
    (job.folder / "trajectory.bin").write_bytes(b"something else entirely")
    with pytest.raises(UserError, match="is not a trajectory"):
        open_trajectory(bench.session, job)
    (job.folder / "trajectory.bin").unlink()
    with pytest.raises(UserError, match="No trajectory is stored"):
        open_trajectory(bench.session, job)


def test_trajectory_of_another_job_in_the_folder(stored):
    from chimerax.adp3d.engine.contract.trajectory_format import pack_header, pack_record
    from chimerax.adp3d.live.trajectory import open_trajectory
    from chimerax.core.errors import UserError

    bench, job, _ = stored
    data = pack_header(5) + pack_record(1, 0, np.zeros((1, 5, 4, 3)))
    (job.folder / "trajectory.bin").write_bytes(data)
    with pytest.raises(UserError, match="has 5 residues, the job 24"):
        open_trajectory(bench.session, job)
