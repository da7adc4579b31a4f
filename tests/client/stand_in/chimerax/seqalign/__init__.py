"""seqalign/src/__init__.py."""
