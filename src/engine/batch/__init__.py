"""Many jobs: a table of them, run by workers of a dask cluster, each in a job folder of its own."""
