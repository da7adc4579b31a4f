"""Descent to the nearest minimum of the energy, told and stopped step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from .forces import BONDED, CONTACTS, GUIDES, LIKELY, NONBONDED, Assembly
from .toolkit import reason_of

__all__ = ["Descent", "descend"]

_SOFT_STEPS, _STEPS = 150, 1000
"""Most iterations with soft spheres and with the force field; a model displaced by 0.3 A takes some hundreds."""

_JITTER, _SEED = 0.01, 20_240_604
"""A, normal, by which all that moves is displaced first: atoms on one spot or three on a line have no direction to go.
The seed, so that the same model always gives the same result."""

_NOWHERE = (
    "OpenMM cannot compute on this machine ({reason}); remove it with 'pip uninstall openmm' and install it again, or "
    "do without relaxation."
)
_FAILED = "OpenMM could not relax this model ({reason})."
_NO_NUMBERS = ("nan", "infinite")
"""Words of the errors that OpenMM raises where energies or forces are no numbers."""
_HOPELESS = "The force field finds no way out of the geometry of this model; mend its worst clashes and bonds first."

_TOLERANCE = 10.0
"""kJ/mol/nm (rms) at which a descent ends: atoms are then within 0.001 A of where their bonds want them."""


@dataclass(frozen=True)
class Descent:
    """What came of it.

    Parameters
    ----------
    xyz : ndarray, shape (Q, 3)
        Positions of the particles in A.
    before, after : float
        Energy in kJ/mol.
    steps : int
    """

    xyz: NDArray[np.float64]
    before: float
    after: float
    steps: int


def descend(
    assembly: Assembly,
    xyz: NDArray[np.float64],
    openmm: Any,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Descent:
    """Minimise twice: first with soft spheres, which part even what lies in each other, then with the force field.

    Parameters
    ----------
    assembly : Assembly
    xyz : ndarray, shape (Q, 3)
        Where the particles start, in A.
    openmm : module
    told : callable
        Receives how many of how many iterations are done at most; what it raises ends the descent.

    Raises
    ------
    InputError
        If the forces are too large for numbers, or OpenMM cannot compute here.
    """
    nanometer, mole = openmm.unit.nanometer, openmm.unit.kilojoule_per_mole
    context = _context(assembly.system, openmm)
    context.setPositions(xyz / 10.0 * nanometer)
    before = _energy(context, mole)
    context.setPositions((xyz + _jitter(assembly.system, len(xyz), openmm)) / 10.0 * nanometer)
    reporter = _reporter(told, openmm)
    always = {BONDED, CONTACTS, GUIDES, LIKELY}
    stages = ((always, 1.0, _SOFT_STEPS), (always | {NONBONDED}, 0.0, _STEPS))
    for groups, soft, most in stages:
        context.getIntegrator().setIntegrationForceGroups(groups)
        context.setParameter("soft", soft)
        try:
            openmm.LocalEnergyMinimizer.minimize(context, _TOLERANCE, most, reporter)
        except openmm.OpenMMException as error:
            hopeless = any(word in str(error).lower() for word in _NO_NUMBERS)
            raise InputError(_HOPELESS if hopeless else _FAILED.format(reason=reason_of(error))) from error
        reporter.next_stage(most)
    told(_SOFT_STEPS + _STEPS, _SOFT_STEPS + _STEPS)
    found = np.array(context.getState(positions=True).getPositions(asNumpy=True).value_in_unit(nanometer))
    after = _energy(context, mole)
    if not (np.isfinite(found).all() and np.isfinite(after)):
        raise InputError(_HOPELESS)
    return Descent(10.0 * found.astype(np.float64), before, after, reporter.steps)


def _context(system: Any, openmm: Any) -> Any:
    """On the processor, which is there on every computer: these systems are small, and its results repeat.

    They do so with one thread only: several add up forces in the order in which they get to them, and the descent takes
    another way each time (406 steps once, 409 the next).
    """
    names = {openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())}
    integrator = openmm.VerletIntegrator(0.001)
    try:
        if "CPU" not in names:
            return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
        properties = {"Threads": "1", "DeterministicForces": "true"}
        return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"), properties)
    except openmm.OpenMMException as error:
        raise InputError(_NOWHERE.format(reason=reason_of(error))) from error


def _jitter(system: Any, count: int, openmm: Any) -> NDArray[np.float64]:
    mass = np.array([system.getParticleMass(i).value_in_unit(openmm.unit.dalton) for i in range(count)])
    return np.where(mass[:, None] > 0, np.random.default_rng(_SEED).normal(0.0, _JITTER, (count, 3)), 0.0)


def _energy(context: Any, unit: Any) -> float:
    context.setParameter("soft", 0.0)
    return float(context.getState(energy=True).getPotentialEnergy().value_in_unit(unit))


def _reporter(told: Callable[[int, int], None], openmm: Any) -> Any:
    """Listener to the minimiser; an exception must not pass through it, so it is kept and raised afterwards."""

    class Reporter(openmm.MinimizationReporter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps = 0
            self._offset = 0
            self._error: BaseException | None = None

        def report(self, iteration: int, x: Any, grad: Any, args: Any) -> bool:
            self.steps += 1
            try:
                told(min(self._offset + iteration + 1, _SOFT_STEPS + _STEPS), _SOFT_STEPS + _STEPS)
            except BaseException as error:
                self._error = error
                return True
            return False

        def next_stage(self, most: int) -> None:
            if self._error is not None:
                raise self._error
            self._offset += most

    return Reporter()
