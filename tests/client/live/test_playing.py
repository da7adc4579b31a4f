"""A trajectory is played without touching what the user can undo."""

from __future__ import annotations

import numpy as np
import pytest

N_FRAMES = 24
"""More than twice the depth of ChimeraX's undo stack."""


@pytest.fixture
def finished(bench):
    """Function that opens the trajectory of a job: a strand that becomes a helix."""
    from chimerax.adp3d.engine.contract.trajectory_format import pack_header, pack_record

    job = bench.submit(n=24, replicas=1)
    helix = bench.helix(24)
    strand = bench.helix(24) * np.array([0.1, 0.1, 2.2])
    job.folder.mkdir(parents=True)
    data = pack_header(24)
    for i in range(N_FRAMES):
        part = i / (N_FRAMES - 1)
        data += pack_record(5 * (i + 1), 0, ((1 - part) * strand + part * helix)[None].astype(np.float32))
    (job.folder / "trajectory.bin").write_bytes(data)
    return job


@pytest.fixture
def user_step(session):
    """A step of the user's own, on the undo stack."""
    from chimerax.core.undo import UndoAction

    class Step(UndoAction):
        undone = False

        def undo(self):
            self.undone = True

    return session.undo.register(Step("the user's own"))


def slide(monkeypatch, session, job):
    """Open the trajectory, and move the slider that a window would show through all frames; the model."""
    from chimerax.adp3d.commands.trajectory import adp3d_trajectory
    from chimerax.adp3d.live.trajectory import show_slider
    from chimerax.std_commands import coordset

    opened = []

    def slider(session, structures, hold_steady=None, pause_frames=1, loop=1, compute_ss=False, movie_framerate=25.0):
        opened.append(coordset.CoordinateSetPlayer(structures[0], 1, N_FRAMES, 1, compute_ss=compute_ss))

    monkeypatch.setattr(coordset, "coordset_slider", slider)
    structure = adp3d_trajectory(session, job.id, slider=False)
    show_slider(session, [structure])
    (player,) = opened
    for number in [*range(1, N_FRAMES + 1), *range(N_FRAMES, 0, -1)]:
        player.change_coordset(number)
        session.update_loop.draw_new_frame()
    return structure


def test_playing_and_closing_leave_undo_alone(bench, session, finished, user_step, monkeypatch):
    structure = slide(monkeypatch, session, finished)
    assert structure.active_coordset_id == 1
    assert session.undo.undo_stack == [user_step]
    session.models.close([structure])
    session.undo.undo()
    assert user_step.undone
    assert session.undo.undo_stack == []


def test_secondary_structure_follows_the_frames(bench, session, finished, monkeypatch):
    from chimerax import dssp

    found = []
    monkeypatch.setattr(dssp, "compute_ss", lambda structure, **kw: found.append(structure.active_coordset_id))
    structure = slide(monkeypatch, session, finished)
    assert found[0] == N_FRAMES  # the last frame is shown first
    assert set(found) == set(range(1, N_FRAMES + 1))
    session.models.close([structure])
    session.update_loop.draw_new_frame()


def test_restored_trajectories_are_followed(bench, session, finished, monkeypatch):
    from chimerax import dssp
    from chimerax.adp3d.commands.trajectory import adp3d_trajectory
    from chimerax.adp3d.live.playing import follow_restored

    structure = adp3d_trajectory(session, finished.id, slider=False)
    session.update_loop.draw_new_frame()
    copy = structure.copy("restored")  # as a session file brings it back: with the mark, without handlers
    copy.add_coordsets(np.tile(structure.atoms.coords, (3, 1, 1)))
    copy.adp3d_trajectory_of = structure.adp3d_trajectory_of
    session.models.add([copy])
    session.update_loop.draw_new_frame()
    session.models.close([structure])
    follow_restored(session)
    found = []
    monkeypatch.setattr(dssp, "compute_ss", lambda structure, **kw: found.append(structure.active_coordset_id))
    copy.active_coordset_id = 2
    session.update_loop.draw_new_frame()
    assert found == [2]
