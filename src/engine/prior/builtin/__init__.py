"""The default prior: an SE(3)-equivariant denoiser over residues, and its weights."""
