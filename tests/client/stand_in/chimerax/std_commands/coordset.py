"""std_commands/src/coordset.py and coordset_gui.py: what the slider does to the session; it has no window here."""

from .dssp import compute_ss as dssp_command


class CoordinateSetPlayer:
    """Shows coordinate sets."""

    def __init__(self, structure, istart, iend, istep, pause_frames=1, loop=1, compute_ss=False, steady_atoms=None):
        self.structure = structure
        self.compute_ss = compute_ss

    def change_coordset(self, cs):
        self.structure.active_coordset_id = cs
        if self.compute_ss:
            dssp_command(self.structure.session, self.structure)


def coordset_slider(
    session, structures, hold_steady=None, pause_frames=1, loop=1, compute_ss=False, movie_framerate=25
):
    raise NotImplementedError("the slider needs a window")
