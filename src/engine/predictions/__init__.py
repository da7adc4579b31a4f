"""What structure prediction programs say beside coordinates: aligned errors, and the domains that follow from them."""
