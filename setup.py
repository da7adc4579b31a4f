"""Packaging of the engine (``adp3d``); the ChimeraX bundle is built from ``bundle_info.xml`` instead."""

from pathlib import Path

from setuptools import setup

ENGINE = Path(__file__).parent / "src" / "engine"
PACKAGES = sorted(".".join(("adp3d", *init.parent.relative_to(ENGINE).parts)) for init in ENGINE.rglob("__init__.py"))
VERSION = next(
    line.split('"')[1]
    for line in (ENGINE / "__init__.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("__version__")
)


def requirements(name: str) -> list[str]:
    """Packages that a file of the engine lists."""
    lines = (ENGINE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


RELAX = requirements("requirements-relax.txt")
# adp3d batch: dask's scheduler and workers, encrypted; their jobs of SLURM
BATCH = ["dask>=2024.5", "distributed>=2024.5", "dask-jobqueue>=0.9", "cryptography>=42"]
DOCS = ["mkdocs>=1.6,<2", "pymdown-extensions>=10"]

setup(
    name="adp3d",
    version=VERSION,
    description="Complete and refine protein models in cryo-EM maps with a diffusion prior",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=PACKAGES,
    package_dir={"adp3d": "src/engine"},
    package_data={
        "adp3d": [
            "py.typed",
            "requirements.txt",
            "requirements-relax.txt",
            "prior/builtin/weights/*",
            "pipeline/demo/*",
            "physics/data/*",
            "rotamers/data/*",
            "sidechain/data/*",
            "sidechain/weights/*",
            "tracing/data/*",
            "validation/data/*",
        ]
    },
    install_requires=requirements("requirements.txt"),
    extras_require={
        "batch": BATCH,  # adp3d batch
        "docs": DOCS,
        "relax": RELAX,  # adp3d relax, and the relaxation of results
        "trajectories": ["mdtraj>=1.10"],  # frames of DCD and XTC files for 'adp3d backmap'
        "benchmarks": [*RELAX, "pdbfixer>=1.9"],  # the rival of benchmarks/flexible_fitting.py
        "test": [
            "pytest>=8",
            "pytest-cov>=5",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "ruff>=0.9",
            "mypy>=1.11",
            # The tests of the ChimeraX panel draw it without a screen. 6.12 takes a reference to None with each call
            # that returns nothing, which ends a Python before 3.12 sooner or later.
            "PySide6-Essentials>=6.6,<6.12; python_version < '3.12'",
            "PySide6-Essentials>=6.6; python_version >= '3.12'",
            "setuptools>=70.1",  # the packaging test builds the package
            *RELAX,
            *BATCH,
            "asyncssh>=2.14",  # a host for the tests of engines elsewhere, where there is no sshd
            *DOCS,  # the documentation test builds the documentation
        ],
    },
    entry_points={"console_scripts": ["adp3d = adp3d.cli:main"]},
)
