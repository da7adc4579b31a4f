"""A batch in parts, one on each thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

__all__ = ["in_parts"]


def in_parts(evaluate: Callable[[slice], Tensor], count: int, device: torch.device) -> Tensor:
    """Rows of a batch, each part of them on a thread of its own where there are threads and no gradient is wanted.

    The many small operations of a network gain less by threads that share each of them: four replicas of 172 residues
    take 0.34 s on one thread, 0.22 s on two that share, and 0.20 s on two with two replicas each. Rows do not depend on
    how many threads there are.

    Parameters
    ----------
    evaluate : callable
        Of rows of the batch, to a tensor (rows, ...).
    count : int
        Rows of the batch.
    device : torch.device
        Where it is computed; graphics cards take it whole.

    Returns
    -------
    Tensor, shape (count, ...)
    """
    threads = torch.get_num_threads()
    parts = min(threads, count)
    if parts < 2 or device.type != "cpu" or torch.is_grad_enabled():
        return evaluate(slice(0, count))

    @torch.no_grad()
    def part(number: int) -> Tensor:
        return evaluate(slice(count * number // parts, count * (number + 1) // parts))

    torch.set_num_threads(threads // parts)  # of threads that begin from here on
    try:
        with ThreadPoolExecutor(parts, "prior") as pool:
            return torch.cat(list(pool.map(part, range(parts))))
    finally:
        torch.set_num_threads(threads)
