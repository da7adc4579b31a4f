"""Compiled loops over atoms: their density into a grid, and a field of a grid back to them.

Along the grid's last axis eight or sixteen voxels are computed at once. Compilers do not find these vectors by
themselves (a row of a box is too short for the checks that they would need), so loads, products and stores of vectors
of single-precision numbers are written out as operations of their own. All of it stands in one file because the cache
of compiled code knows only the file of the function it holds.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def, misc"

from __future__ import annotations

import math
from functools import partial

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .compiling import compiled
from .form_factors import N_GAUSSIANS

__all__ = ["LANES", "add_atoms", "weigh_atoms"]

LANES = 16 if get_host_cpu_features().get("avx512f") else 8
"""Voxels at once: a register of AVX-512, or of AVX; processors with narrower ones take two steps. Sixteen are 1.2 times
faster than eight where there are registers for them."""

_COMPILER = partial(njit, nogil=True, error_model="numpy", fastmath={"contract"})

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)

assert N_GAUSSIANS == 5, "the loops below are written out for five Gaussians"


class _Lanes(types.Type):
    """A vector of single-precision numbers."""

    def __init__(self) -> None:
        super().__init__(name=f"adp3d_float32x{LANES}")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    """A vector register."""

    def __init__(self, dmm, fe_type) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


def _pointer(context, builder, signature, args):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), _VECTOR.as_pointer())


def _spread(builder, number):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def _multiply_add(builder, a, b, total):
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
    return builder.call(function, [a, b, total])


@intrinsic
def _load(typing, array, index):
    """A vector of an array from flat `index` on; nothing checks that it is there."""

    def generate(context, builder, signature, args):
        value = builder.load(_pointer(context, builder, signature, args))
        value.align = 4
        return value

    return _lanes(array, types.intp), generate


@intrinsic
def _store(typing, array, index, value):
    """Put a vector into an array from flat `index` on."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, signature, args)).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def _zero(typing):
    return _lanes(), lambda context, builder, signature, args: ir.Constant(_VECTOR, [0.0] * LANES)


@intrinsic
def _scaled(typing, number, lanes):
    def generate(context, builder, signature, args):
        return builder.fmul(_spread(builder, args[0]), args[1])

    return _lanes(types.float32, _lanes), generate


@intrinsic
def _add_scaled(typing, total, number, lanes):
    """``total + number * lanes``."""

    def generate(context, builder, signature, args):
        return _multiply_add(builder, _spread(builder, args[1]), args[2], args[0])

    return _lanes(_lanes, types.float32, _lanes), generate


@intrinsic
def _product(typing, a, b):
    def generate(context, builder, signature, args):
        return builder.fmul(args[0], args[1])

    return _lanes(_lanes, _lanes), generate


@intrinsic
def _add(typing, a, b):
    def generate(context, builder, signature, args):
        return builder.fadd(args[0], args[1])

    return _lanes(_lanes, _lanes), generate


@intrinsic
def _add_product(typing, total, a, b):
    """``total + a * b``."""

    def generate(context, builder, signature, args):
        return _multiply_add(builder, args[1], args[2], args[0])

    return _lanes(_lanes, _lanes, _lanes), generate


@intrinsic
def _sum(typing, lanes):
    """Sum of the numbers of a vector, in pairs."""

    def generate(context, builder, signature, args):
        parts = [builder.extract_element(args[0], ir.Constant(_INDEX, i)) for i in range(LANES)]
        while len(parts) > 1:
            parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return types.float32(_lanes), generate


@njit(error_model="numpy")
def _gaussians(place, step, first, last, beta, factor, offset):
    """``exp(-beta d^2)`` and d at voxels `first` to `last` of one axis, by recurrence from the one nearest the atom.

    What follows up to a multiple of `LANES` is zero.
    """
    count = last - first + 1
    centre = min(max(round(place / step), first), last) - first
    nearest = (first + centre) * step - place
    for k in range(count):
        offset[k] = nearest + (k - centre) * step
    for g in range(N_GAUSSIANS):
        row, exponent = factor[g], beta[g]
        peak = math.exp(-exponent * nearest * nearest)
        bend = math.exp(-2.0 * exponent * step * step)
        row[centre] = peak
        value, ratio = peak, math.exp(-exponent * step * (step + 2.0 * nearest))
        for k in range(centre + 1, count):
            value *= ratio
            ratio *= bend
            row[k] = value
        value, ratio = peak, math.exp(-exponent * step * (step - 2.0 * nearest))
        for k in range(centre - 1, -1, -1):
            value *= ratio
            ratio *= bend
            row[k] = value
        for k in range(count, (count + LANES - 1) // LANES * LANES):
            row[k] = 0.0
    return count


@njit(error_model="numpy")
def _range(place, radius, step, size):
    """First and last voxel of an axis within `radius` of a place; the last comes first if there is none."""
    return max(0, math.ceil((place - radius) / step)), min(size - 1, math.floor((place + radius) / step))


@njit(error_model="numpy")
def _columns(place, step, first, last, left):
    """Voxels first to last of an axis whose squared distance from a place is at most `left`, counted from `first`."""
    reach = math.sqrt(left)
    low, high = math.ceil((place - reach) / step), math.floor((place + reach) / step)
    return max(first, low) - first, min(last, high) - first


@njit(error_model="numpy")
def _nearest(offset, block, step):
    """Squared distance along an axis from an atom to the nearest voxel of a block."""
    low = offset[block]
    return max(0.0, low, -(low + (LANES - 1) * step)) ** 2


@njit(error_model="numpy")
def _power(value, power):
    return value if power == 1 else value * value


@compiled("void(f4[:,:,::1], i8, f8[:,::1], f8[::1], f8[:,::1], f4[:,::1], f8[::1], i8)", _COMPILER)
def add_atoms(density, depth, places, steps, beta, peak, radius, width):
    """Add the density of atoms to a grid, at the voxels within their cutoff radius and a few around.

    Parameters
    ----------
    density : ndarray of float32, shape (nx, ny, pitch)
        Grid; its rows are at least ``LANES - 1`` longer than `depth`.
    depth : int
        Voxels along the last axis, nz.
    places : ndarray of float64, shape (A, 3)
        Positions from voxel (0, 0, 0), in A.
    steps : ndarray of float64, shape (3,)
        Voxel steps in A.
    beta : ndarray of float64, shape (A, 5)
        Exponents in 1/A^2.
    peak : ndarray of float32, shape (A, 5)
        Heights of the Gaussians.
    radius : ndarray of float64, shape (A,)
        Cutoff radii in A.
    width : int
        Multiple of `LANES`, not less than the voxels of any atom's box along any axis.
    """
    nx, ny, pitch = density.shape
    x = np.zeros((N_GAUSSIANS, width), np.float32)
    y = np.zeros((N_GAUSSIANS, width), np.float32)
    z = np.zeros((N_GAUSSIANS, width), np.float32)
    dx, dy, dz = np.zeros(width), np.zeros(width), np.zeros(width)
    for atom in range(places.shape[0]):
        at_y, square = places[atom, 1], radius[atom] ** 2
        i0, i1 = _range(places[atom, 0], radius[atom], steps[0], nx)
        j0, j1 = _range(at_y, radius[atom], steps[1], ny)
        k0, k1 = _range(places[atom, 2], radius[atom], steps[2], depth)
        if i1 < i0 or j1 < j0 or k1 < k0:
            continue
        planes = _gaussians(places[atom, 0], steps[0], i0, i1, beta[atom], x, dx)
        _gaussians(at_y, steps[1], j0, j1, beta[atom], y, dy)
        row = _gaussians(places[atom, 2], steps[2], k0, k1, beta[atom], z, dz)
        for g in range(N_GAUSSIANS):
            for i in range(planes):
                x[g, i] *= peak[atom, g]
        for block in range(0, row, LANES):
            near = square - _nearest(dz, block, steps[2])
            z0, z1, z2 = _load(z, block), _load(z, width + block), _load(z, 2 * width + block)
            z3, z4 = _load(z, 3 * width + block), _load(z, 4 * width + block)
            for i in range(planes):
                left = near - dx[i] ** 2
                if left < 0.0:
                    continue
                first, last = _columns(at_y, steps[1], j0, j1, left)
                s0, s1, s2 = _scaled(x[0, i], z0), _scaled(x[1, i], z1), _scaled(x[2, i], z2)
                s3, s4 = _scaled(x[3, i], z3), _scaled(x[4, i], z4)
                here = ((i0 + i) * ny + j0 + first) * pitch + k0 + block
                for j in range(first, last + 1):
                    total = _load(density, here)
                    total = _add_scaled(total, y[0, j], s0)
                    total = _add_scaled(total, y[1, j], s1)
                    total = _add_scaled(total, y[2, j], s2)
                    total = _add_scaled(total, y[3, j], s3)
                    total = _add_scaled(total, y[4, j], s4)
                    _store(density, here, total)
                    here += pitch


@compiled("void(f4[:,:,::1], i8, f8[:,::1], f8[::1], f8[:,::1], f4[:,::1], i8, f8[::1], i8, f4[:,::1])", _COMPILER)
def weigh_atoms(field, depth, places, steps, beta, weight, power, radius, width, out):
    r"""Moments of a field under each atom.

    ``out[a, 0] = sum_v field(v) w_a(v)`` and ``out[a, 1 + axis] = sum_v field(v) w_a(v) d_axis(v)^power``, where
    ``w_a(v) = sum_g weight[a, g] exp(-beta[a, g] d(v)^2)`` and d(v) is voxel minus atom.

    Parameters
    ----------
    field : ndarray of float32, shape (nx, ny, pitch)
        What stands beyond `depth` must be finite.
    depth, places, steps, beta, radius, width
        As in `add_atoms`.
    weight : ndarray of float32, shape (A, 5)
    power : int
        1 or 2.
    out : ndarray of float32, shape (A, 4)
    """
    nx, ny, pitch = field.shape
    x = np.zeros((N_GAUSSIANS, width), np.float32)
    y = np.zeros((N_GAUSSIANS, width), np.float32)
    z = np.zeros((N_GAUSSIANS, width), np.float32)
    dx, dy, dz = np.zeros(width), np.zeros(width), np.zeros(width)
    along_y, along_z = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for atom in range(places.shape[0]):
        at_y, square = places[atom, 1], radius[atom] ** 2
        i0, i1 = _range(places[atom, 0], radius[atom], steps[0], nx)
        j0, j1 = _range(at_y, radius[atom], steps[1], ny)
        k0, k1 = _range(places[atom, 2], radius[atom], steps[2], depth)
        if i1 < i0 or j1 < j0 or k1 < k0:
            out[atom] = 0.0
            continue
        planes = _gaussians(places[atom, 0], steps[0], i0, i1, beta[atom], x, dx)
        columns = _gaussians(at_y, steps[1], j0, j1, beta[atom], y, dy)
        row = _gaussians(places[atom, 2], steps[2], k0, k1, beta[atom], z, dz)
        for g in range(N_GAUSSIANS):
            for i in range(planes):
                x[g, i] *= weight[atom, g]
        for j in range(columns):
            along_y[j] = _power(dy[j], power)
        for k in range(row):
            along_z[k] = _power(dz[k], power)
        m0, mx, my, mz = _zero(), _zero(), _zero(), _zero()
        for block in range(0, row, LANES):
            near = square - _nearest(dz, block, steps[2])
            z0, z1, z2 = _load(z, block), _load(z, width + block), _load(z, 2 * width + block)
            z3, z4 = _load(z, 3 * width + block), _load(z, 4 * width + block)
            block_sum = _zero()
            for i in range(planes):
                left = near - dx[i] ** 2
                if left < 0.0:
                    continue
                first, last = _columns(at_y, steps[1], j0, j1, left)
                s0, s1, s2 = _scaled(x[0, i], z0), _scaled(x[1, i], z1), _scaled(x[2, i], z2)
                s3, s4 = _scaled(x[3, i], z3), _scaled(x[4, i], z4)
                plane_sum = _zero()
                here = ((i0 + i) * ny + j0 + first) * pitch + k0 + block
                for j in range(first, last + 1):
                    shape = _scaled(y[0, j], s0)
                    shape = _add_scaled(shape, y[1, j], s1)
                    shape = _add_scaled(shape, y[2, j], s2)
                    shape = _add_scaled(shape, y[3, j], s3)
                    shape = _add_scaled(shape, y[4, j], s4)
                    value = _product(shape, _load(field, here))
                    plane_sum = _add(plane_sum, value)
                    my = _add_scaled(my, along_y[j], value)
                    here += pitch
                block_sum = _add(block_sum, plane_sum)
                mx = _add_scaled(mx, np.float32(_power(dx[i], power)), plane_sum)
            m0 = _add(m0, block_sum)
            mz = _add_product(mz, _load(along_z, block), block_sum)
        out[atom, 0], out[atom, 1], out[atom, 2], out[atom, 3] = _sum(m0), _sum(mx), _sum(my), _sum(mz)
