"""All atoms: chemistry of residues, and latent diffusion backmapping of side chains."""
