"""RFdiffusion's network as a prior, from a checkout and weights that users have."""
