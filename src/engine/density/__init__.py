"""Maps: reading, cropping, resolution, noise and sharpness."""
