"""Reads the folders that `freezetune train` writes, for notebooks and scripts; no other package is needed.

    import freezetune
    run = freezetune.Run("runs/1")
    run.best["val_accuracy"], run.config["options"]["freeze-until"]
    [p.file for p in run.predictions() if not p.right]

The program comes with the package: `freezetune --help` or `python -m freezetune --help`; `program()` is its path. What the files
hold is docs/formats.md of the source: a key or a column that this module does not name is passed on as it is.
"""

from ._program import program
from ._runs import Prediction, Run, RunError, runs

__all__ = ["Prediction", "Run", "RunError", "program", "runs"]
__version__ = "@VERSION@"
