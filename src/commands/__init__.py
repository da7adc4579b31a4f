"""The commands of ADP-3D, one file each; a file has the function ``adp3d_NAME`` and its description ``NAME_desc``."""
