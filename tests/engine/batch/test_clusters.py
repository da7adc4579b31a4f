from __future__ import annotations

import sys

import pytest

from adp3d.batch.clusters import Scheduler, cards_of_workers, connected, is_place, slurm_cluster
from adp3d.contract.errors import InputError


def test_each_worker_sees_one_card():
    assert cards_of_workers(3, ()) == [{}, {}, {}]
    assert cards_of_workers(3, ("0", "GPU-ab")) == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "GPU-ab"},
        {"CUDA_VISIBLE_DEVICES": "0"},
    ]


def test_places():
    assert [is_place(text) for text in ("local", "slurm", "tcp://h:1", "tls://h:1", "pbs", "h:1")] == [True] * 4 + [
        False
    ] * 2


def test_without_dask_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'adp3d\[batch\]'"), connected(Scheduler(), tmp_path, True):
        pass


def test_a_scheduler_that_is_not_there(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("adp3d.batch.clusters._CONNECT_SECONDS", 1)
    away = Scheduler("tcp://127.0.0.1:1")
    with pytest.raises(InputError, match="No dask scheduler answers at"), connected(away, tmp_path, True):
        pass


def test_what_slurm_is_asked_for(tmp_path):
    pytest.importorskip("dask_jobqueue")
    wanted = Scheduler("slurm", 2, 8, "32GB", "04:00:00", "gpu", "lab", 1, ("--constraint=a100",))
    with slurm_cluster(wanted, tmp_path) as cluster:
        script = cluster.job_script()
    lines = script.splitlines()
    for line in ("-J adp3d", "-p gpu", "-A lab", "-n 1", "--cpus-per-task=8", "--mem=30G", "-t 04:00:00"):
        assert f"#SBATCH {line}" in lines, script
    assert "#SBATCH --gres=gpu:1" in lines and "#SBATCH --constraint=a100" in lines
    assert "export OMP_NUM_THREADS=8" in lines
    assert "--nthreads 1" in script and "tls://" in script and sys.executable in script
